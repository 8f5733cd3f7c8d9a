/* optimizer/rule_push_filter.c — filters move below projects, sorts and into join sides.
 *
 * A conjunct moves below a node when that keeps every result:
 *   project   column references are replaced by the projected expressions (repeatable ones only)
 *   sort      without limit
 *   unnest    what reads none of the elements
 *   window    if it reads nothing but partition keys: whole partitions stay or go
 *   join      to the side it reads, where that side's rows are not filled with NULLs by the join
 *   filter    one that can fail, if the conjuncts cannot
 * A filter above a node with several readers stays: the others need all rows. Moving never asks an
 * expression that can fail of a row that it was not asked of before: such a conjunct stays where the node
 * drops rows, and behind conjuncts that stay.
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

/* filter(child(x)) becomes child(filter(x)), reusing both nodes; x is input `side` of the child. */
static void swap_with_child(wr_plan *plan, wr_plan_node *filter, wr_plan_node *child, uint32_t side)
{
    wr_plan_replace_input(plan, filter, child);
    filter->inputs[0] = child->inputs[side];
    filter->schema = child->inputs[side]->schema;
    child->inputs[side] = filter;
}

static wr_status join_conjuncts(wr_bump *bump, wr_expr **exprs, uint32_t count, wr_expr **out_expr,
                                wr_error *err)
{
    *out_expr = exprs[0];
    return count > 1 ? wr_expr_logic(bump, WR_EXPR_AND, exprs, count, out_expr, err) : WR_OK;
}

/* Is every column that `expr` reads there below? */
static bool is_mapped(const wr_expr *expr, const uint32_t *map)
{
    if (expr->kind == WR_EXPR_COLUMN)
        return map[expr->column] != WR_FIELD_NONE;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!is_mapped(expr->args[i], map))
            return false;
    return true;
}

/* A move of a filter's conjuncts below its child. */
typedef struct descent {
    wr_plan      *plan;
    wr_plan_node *filter, *child;
    uint32_t      side;       /* the input of the child to which they go                 */
    uint32_t     *map;        /* the child's columns: the input's, or WR_FIELD_NONE      */
    bool          keeps_rows; /* every row of that input is in some row of the child's   */
} descent;

static wr_status open_descent(wr_plan *plan, wr_plan_node *filter, wr_plan_node *child, descent *out,
                              wr_error *err)
{
    uint32_t width = child->schema.field_count, input_width = child->inputs[0]->schema.field_count;

    *out = (descent){.plan = plan, .filter = filter, .child = child, .keeps_rows = true};
    out->map = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, width + 1, err);
    if (!out->map)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < width; c++)
        out->map[c] = c < input_width ? c : WR_FIELD_NONE;
    return WR_OK;
}

/* Those that go; the filter stays with the others, or goes itself if there are none. */
static wr_status descend(const descent *d, bool *out_moved, wr_error *err)
{
    wr_plan_node *filter = d->filter, *added;
    wr_expr      *predicate = filter->filter.predicate;
    bool          is_and = predicate->kind == WR_EXPR_AND;
    uint32_t      count = is_and ? predicate->arg_count : 1, below = 0, stay = 0;
    wr_expr     **exprs = is_and ? predicate->args : &predicate;
    wr_expr     **moved = WR_BUMP_NEW_ARRAY(d->plan->bump, wr_expr *, 2 * count, err);

    if (!moved)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        bool may_fail = wr_expr_can_fail(exprs[i]);

        if (is_mapped(exprs[i], d->map) && (!may_fail || (d->keeps_rows && stay == 0)))
            moved[below++] = exprs[i];
        else
            moved[count + stay++] = exprs[i];
    }
    if (below == 0)
        return WR_OK;
    *out_moved = true;
    WR_TRY(join_conjuncts(d->plan->bump, moved, below, &predicate, err));
    predicate = wr_expr_remap(predicate, d->map, d->plan->bump, err);
    if (!predicate)
        return WR_NO_MEMORY;
    if (stay == 0) {
        filter->filter.predicate = predicate;
        swap_with_child(d->plan, filter, d->child, d->side);
        return WR_OK;
    }
    WR_TRY(join_conjuncts(d->plan->bump, moved + count, stay, &filter->filter.predicate, err));
    WR_TRY(wr_plan_add_filter(d->plan, d->child->inputs[d->side], predicate, &added, err));
    added->id = filter->id;
    added->line = filter->line;
    added->column = filter->column;
    d->child->inputs[d->side] = added;
    return WR_OK;
}

static wr_status push_into_join(wr_plan *plan, wr_plan_node *filter, wr_plan_node *join,
                                bool *out_moved, wr_error *err)
{
    wr_plan_join_type type = join->join.type;
    uint32_t          left_count = join->inputs[0]->schema.field_count;
    bool              is_inner = type == WR_PLAN_JOIN_INNER || type == WR_PLAN_JOIN_CROSS;
    descent           d;

    if (join->join.is_single) /* its error is due for every left row */
        return WR_OK;
    WR_TRY(open_descent(plan, filter, join, &d, err));
    d.keeps_rows = !is_inner && type != WR_PLAN_JOIN_SEMI && type != WR_PLAN_JOIN_ANTI;
    if (type != WR_PLAN_JOIN_RIGHT && type != WR_PLAN_JOIN_FULL)
        WR_TRY(descend(&d, out_moved, err));
    if (filter->inputs[0] != join || join->join.is_asof || /* another row would be the nearest */
        (!is_inner && type != WR_PLAN_JOIN_RIGHT))
        return WR_OK;
    d.side = 1;
    for (uint32_t c = 0; c < join->schema.field_count; c++)
        d.map[c] = c < left_count ? WR_FIELD_NONE : join->join.right_columns[c - left_count];
    return descend(&d, out_moved, err);
}

static wr_status push_into_window(wr_plan *plan, wr_plan_node *filter, wr_plan_node *window,
                                  bool *out_moved, wr_error *err)
{
    descent   d;
    uint64_t *keys = WR_BUMP_NEW_ARRAY(plan->bump, uint64_t,
                                       wr_bit_words(window->schema.field_count) + 1, err);

    if (!keys)
        return WR_NO_MEMORY;
    WR_TRY(open_descent(plan, filter, window, &d, err));
    for (uint32_t p = 0; p < window->window.partition_count; p++)
        if (window->window.partitions[p]->kind == WR_EXPR_COLUMN)
            wr_bit_set(keys, window->window.partitions[p]->column);
    for (uint32_t c = 0; c < window->schema.field_count; c++)
        if (!wr_bit_get(keys, c))
            d.map[c] = WR_FIELD_NONE;
    return descend(&d, out_moved, err);
}

static wr_status push_into_unnest(wr_plan *plan, wr_plan_node *filter, wr_plan_node *unnest,
                                  bool *out_moved, wr_error *err)
{
    descent d;

    WR_TRY(open_descent(plan, filter, unnest, &d, err));
    d.keeps_rows = unnest->unnest.outer;
    return descend(&d, out_moved, err);
}

static wr_status push_once(wr_plan *plan, wr_plan_node *filter, bool *out_moved, wr_error *err)
{
    wr_plan_node *child = filter->inputs[0];

    if (wr_plan_reader_count(plan, child) != 1 ||
        !wr_expr_is_repeatable(filter->filter.predicate))
        return WR_OK;
    if (child->kind == WR_PLAN_SORT && child->sort.rows_max == UINT64_MAX &&
        child->sort.offset_rows == 0) {
        swap_with_child(plan, filter, child, 0);
        *out_moved = true;
    } else if (child->kind == WR_PLAN_PROJECT && project_is_repeatable(child)) {
        wr_expr *predicate =
            wr_expr_substitute(filter->filter.predicate, child->project.exprs, plan->bump, err);

        if (!predicate)
            return WR_NO_MEMORY;
        filter->filter.predicate = predicate;
        swap_with_child(plan, filter, child, 0);
        *out_moved = true;
    } else if (child->kind == WR_PLAN_FILTER && wr_expr_can_fail(child->filter.predicate) &&
               !wr_expr_can_fail(filter->filter.predicate)) {
        swap_with_child(plan, filter, child, 0);
        *out_moved = true;
    } else if (child->kind == WR_PLAN_UNNEST) {
        return push_into_unnest(plan, filter, child, out_moved, err);
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
