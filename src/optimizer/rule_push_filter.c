/* optimizer/rule_push_filter.c — filters move below projects, sorts and into join sides.
 *
 * A conjunct moves below a node when that keeps every result:
 *   project   column references are replaced by the projected expressions (repeatable ones only)
 *   sort      without limit
 *   unnest    what reads none of the elements
 *   window    if it reads nothing but partition keys: whole partitions stay or go
 *   join      to the side it reads, where that side's rows are not filled with NULLs by the join
 * A filter above a node with several readers stays: the others need all rows. Moving a filter never
 * moves an expression that can fail in front of a guard: conjuncts move together with what stood before them.
 * Runs until nothing moves; each move brings a filter one node closer to a source. */
#include "base/bits.h"
#include "optimizer/optimizer_priv.h"

wr_expr *wr_expr_substitute(const wr_expr *expr, wr_expr *const *exprs, wr_bump *bump, wr_error *err)
{
    wr_expr *copy;

    if (expr->kind == WR_EXPR_COLUMN)
        return exprs[expr->column];
    copy = WR_BUMP_NEW(bump, wr_expr, err);
    if (!copy)
        return NULL;
    *copy = *expr;
    copy->args = WR_BUMP_NEW_ARRAY(bump, wr_expr *, expr->arg_count + 1, err);
    if (!copy->args)
        return NULL;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!(copy->args[i] = wr_expr_substitute(expr->args[i], exprs, bump, err)))
            return NULL;
    return copy;
}

static bool project_is_repeatable(const wr_plan_node *project)
{
    for (uint32_t i = 0; i < project->project.expr_count; i++)
        if (!wr_expr_is_repeatable(project->project.exprs[i]))
            return false;
    return true;
}

/* filter(child(x)) becomes child(filter(x)), reusing both nodes. */
static void swap_with_child(wr_plan *plan, wr_plan_node *filter, wr_plan_node *child)
{
    wr_plan_replace_input(plan, filter, child);
    filter->inputs[0] = child->inputs[0];
    filter->schema = child->inputs[0]->schema;
    child->inputs[0] = filter;
}

static wr_status push_into_join(wr_plan *plan, wr_plan_node *filter, wr_plan_node *join,
                                bool *out_moved, wr_error *err)
{
    wr_plan_join_type type = join->join.type;
    uint32_t left_count = join->inputs[0]->schema.field_count;
    uint32_t width = join->schema.field_count;
    uint32_t *map = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, width + 1, err);
    wr_sides sides = wr_expr_sides(filter->filter.predicate, left_count);
    uint32_t side = sides == WR_SIDES_RIGHT;

    if (!map)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < width; c++)
        map[c] = c < left_count ? c : join->join.right_columns[c - left_count];
    if (sides == WR_SIDES_NONE || sides == WR_SIDES_BOTH ||
        join->join.is_single) /* its error is due for every left row */
        return WR_OK;
    if (side == 0 && (type == WR_PLAN_JOIN_RIGHT || type == WR_PLAN_JOIN_FULL))
        return WR_OK;
    if (side == 1 && join->join.is_asof) /* another row would be the nearest */
        return WR_OK;
    if (side == 1 && type != WR_PLAN_JOIN_INNER && type != WR_PLAN_JOIN_CROSS &&
        type != WR_PLAN_JOIN_RIGHT)
        return WR_OK;
    filter->filter.predicate = wr_expr_remap(filter->filter.predicate, map, plan->bump, err);
    if (!filter->filter.predicate)
        return WR_NO_MEMORY;
    wr_plan_replace_input(plan, filter, join);
    filter->inputs[0] = join->inputs[side];
    filter->schema = filter->inputs[0]->schema;
    join->inputs[side] = filter;
    *out_moved = true;
    return WR_OK;
}

/* Does `expr` read nothing but columns that tell the window's partitions? */
static wr_status reads_partitions(const wr_plan_node *window, const wr_expr *expr, wr_bump *bump,
                                  bool *out_reads, wr_error *err)
{
    uint32_t  width = window->schema.field_count;
    uint64_t *bits = WR_BUMP_NEW_ARRAY(bump, uint64_t, wr_bit_words(width) + 1, err);

    if (!bits)
        return WR_NO_MEMORY;
    wr_expr_columns(expr, bits);
    for (uint32_t p = 0; p < window->window.partition_count; p++)
        if (window->window.partitions[p]->kind == WR_EXPR_COLUMN)
            wr_bit_put(bits, window->window.partitions[p]->column, false);
    *out_reads = true;
    for (size_t w = 0; w < wr_bit_words(width); w++)
        *out_reads &= bits[w] == 0;
    return WR_OK;
}

static wr_status join_conjuncts(wr_bump *bump, wr_expr **exprs, uint32_t count, wr_expr **out_expr,
                                wr_error *err)
{
    *out_expr = exprs[0];
    return count > 1 ? wr_expr_logic(bump, WR_EXPR_AND, exprs, count, out_expr, err) : WR_OK;
}

static wr_status push_into_window(wr_plan *plan, wr_plan_node *filter, wr_plan_node *window,
                                  bool *out_moved, wr_error *err)
{
    wr_expr      *predicate = filter->filter.predicate, *below_expr;
    bool          is_and = predicate->kind == WR_EXPR_AND;
    uint32_t      count = is_and ? predicate->arg_count : 1, below = 0, stay = 0;
    wr_expr     **exprs = is_and ? predicate->args : &predicate;
    wr_expr     **moved = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, 2 * count, err);
    wr_plan_node *added;

    if (!moved)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        bool goes;

        WR_TRY(reads_partitions(window, exprs[i], plan->bump, &goes, err));
        if (goes && (stay == 0 || !wr_expr_can_fail(exprs[i])))
            moved[below++] = exprs[i];
        else
            moved[count + stay++] = exprs[i];
    }
    *out_moved |= below > 0;
    if (below == 0)
        return WR_OK;
    if (stay == 0) {
        swap_with_child(plan, filter, window);
        return WR_OK;
    }
    WR_TRY(join_conjuncts(plan->bump, moved, below, &below_expr, err));
    WR_TRY(join_conjuncts(plan->bump, moved + count, stay, &filter->filter.predicate, err));
    WR_TRY(wr_plan_add_filter(plan, window->inputs[0], below_expr, &added, err));
    added->id = filter->id;
    added->line = filter->line;
    added->column = filter->column;
    window->inputs[0] = added;
    return WR_OK;
}

static wr_status push_once(wr_plan *plan, wr_plan_node *filter, bool *out_moved, wr_error *err)
{
    wr_plan_node *child = filter->inputs[0];

    if (wr_plan_reader_count(plan, child) != 1 ||
        !wr_expr_is_repeatable(filter->filter.predicate))
        return WR_OK;
    if (child->kind == WR_PLAN_SORT && child->sort.rows_max == UINT64_MAX &&
        child->sort.offset_rows == 0) {
        swap_with_child(plan, filter, child);
        *out_moved = true;
    } else if (child->kind == WR_PLAN_PROJECT && project_is_repeatable(child)) {
        wr_expr *predicate =
            wr_expr_substitute(filter->filter.predicate, child->project.exprs, plan->bump, err);

        if (!predicate)
            return WR_NO_MEMORY;
        filter->filter.predicate = predicate;
        swap_with_child(plan, filter, child);
        *out_moved = true;
    } else if (child->kind == WR_PLAN_UNNEST) {
        if (wr_expr_sides(filter->filter.predicate, child->inputs[0]->schema.field_count) &
            WR_SIDES_RIGHT)
            return WR_OK;
        swap_with_child(plan, filter, child);
        *out_moved = true;
    } else if (child->kind == WR_PLAN_JOIN) {
        return push_into_join(plan, filter, child, out_moved, err);
    } else if (child->kind == WR_PLAN_WINDOW) {
        return push_into_window(plan, filter, child, out_moved, err);
    }
    return WR_OK;
}

wr_status wr_rule_push_filter(wr_plan *plan, wr_error *err)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (uint32_t n = 0; n < plan->node_count; n++)
            if (plan->nodes[n]->kind == WR_PLAN_FILTER)
                WR_TRY(push_once(plan, plan->nodes[n], &moved, err));
        WR_TRY(wr_plan_renumber(plan, err));
    }
    return WR_OK;
}
