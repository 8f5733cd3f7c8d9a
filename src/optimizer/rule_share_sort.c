/* optimizer/rule_share_sort.c — windows share the sort below them.
 *
 * A window sorts by its keys (partitions, then order), and rows that tie stay in the order in which they came.
 *   sort below    is not needed: its keys come behind the window's, as ties come in its order.
 *   window below  if the upper one's keys begin the lower one's, ties of the upper one come in just the
 *                 lower one's order: one sort by the longer list gives the very same rows. The other way
 *                 round it does so if no function of the lower window can tell rows that tie apart.
 * Windows that share a sort are one node; each function knows how many of the keys are its own. The upper one
 * must not read what the lower one computes. Projects between them that only choose and name columns, as
 * every step has one, go above both. */
#include "base/bits.h"
#include "optimizer/optimizer_priv.h"

static uint32_t key_count(const wr_plan_node *window)
{
    return window->window.partition_count + window->window.order_count;
}

static wr_plan_key key_at(const wr_plan_node *window, uint32_t index)
{
    if (index < window->window.partition_count)
        return (wr_plan_key){.expr = window->window.partitions[index]};
    return window->window.order[index - window->window.partition_count];
}

static bool begins(const wr_plan_node *shorter, const wr_plan_node *longer)
{
    bool same = key_count(shorter) <= key_count(longer);

    for (uint32_t k = 0; same && k < key_count(shorter); k++) {
        wr_plan_key a = key_at(shorter, k), b = key_at(longer, k);

        same = a.descending == b.descending && a.nulls_first == b.nulls_first &&
               wr_expr_equal(a.expr, b.expr) && wr_expr_is_repeatable(a.expr);
    }
    return same;
}

static bool ignores_ties(const wr_plan_function *function)
{
    switch (function->kind) {
    case WR_WINDOW_RANK:
    case WR_WINDOW_DENSE_RANK:
    case WR_WINDOW_PERCENT_RANK:
    case WR_WINDOW_CUME_DIST:
        return true;
    case WR_WINDOW_AGGREGATE:
        return function->frame.start.units != WR_FRAME_ROWS &&
               function->frame.end.units != WR_FRAME_ROWS &&
               !wr_agg_needs_position(function->agg.kind);
    default:
        return false;
    }
}

static bool all_ignore_ties(const wr_plan_node *window)
{
    for (uint32_t f = 0; f < window->window.function_count; f++)
        if (!ignores_ties(&window->window.functions[f]))
            return false;
    return true;
}

/* ---- What the upper window reads -------------------------------------------------------------- */

static void mark(const wr_expr *expr, uint64_t *bits)
{
    if (expr)
        wr_expr_columns(expr, bits);
}

static void mark_function(const wr_plan_function *function, uint64_t *bits)
{
    mark(function->agg.argument, bits);
    mark(function->agg.order, bits);
    mark(function->agg.filter, bits);
    mark(function->argument, bits);
    mark(function->fallback, bits);
    for (uint32_t end = 0; end < 2; end++) {
        mark(function->range_keys[end], bits);
        mark(function->range_values[end], bits);
    }
}

static wr_status reads_functions(const wr_plan_node *upper, const wr_plan_node *lower, wr_bump *bump,
                                 bool *out_reads, wr_error *err)
{
    uint32_t  width = lower->schema.field_count;
    uint64_t *bits = WR_BUMP_NEW_ARRAY(bump, uint64_t, wr_bit_words(width) + 1, err);

    if (!bits)
        return WR_NO_MEMORY;
    for (uint32_t k = 0; k < key_count(upper); k++)
        mark(key_at(upper, k).expr, bits);
    for (uint32_t f = 0; f < upper->window.function_count; f++)
        mark_function(&upper->window.functions[f], bits);
    *out_reads = false;
    for (uint32_t c = width - lower->window.function_count; c < width; c++)
        *out_reads |= wr_bit_get(bits, c);
    return WR_OK;
}

/* ---- Sharing ----------------------------------------------------------------------------------- */

/* Pairs of partition and key counts among functions; more than an operator takes are not shared. */
static uint32_t count_scopes(const wr_plan_function *functions, uint32_t count)
{
    uint32_t scopes = 0;

    for (uint32_t f = 0; f < count; f++) {
        uint32_t before = 0;

        while (before < f && (functions[before].partition_count != functions[f].partition_count ||
                              functions[before].key_count != functions[f].key_count))
            before++;
        scopes += before == f;
    }
    return scopes;
}

static wr_status join_windows(wr_plan *plan, wr_plan_node *upper, wr_plan_node *lower,
                              wr_error *err)
{
    uint32_t          first = lower->window.function_count;
    uint32_t          count = first + upper->window.function_count;
    wr_plan_function *functions = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_function, count, err);
    bool              reads;

    if (!functions)
        return WR_NO_MEMORY;
    WR_TRY(reads_functions(upper, lower, plan->bump, &reads, err));
    memcpy(functions, lower->window.functions, first * sizeof functions[0]);
    memcpy(functions + first, upper->window.functions, (count - first) * sizeof functions[0]);
    if (reads || count_scopes(functions, count) > WR_WINDOW_SCOPES_MAX ||
        !(begins(upper, lower) || (begins(lower, upper) && all_ignore_ties(lower))))
        return WR_OK;
    if (key_count(lower) > key_count(upper)) {
        upper->window.partitions = lower->window.partitions;
        upper->window.partition_count = lower->window.partition_count;
        upper->window.order = lower->window.order;
        upper->window.order_count = lower->window.order_count;
    }
    upper->window.functions = functions;
    upper->window.function_count = count;
    upper->inputs[0] = lower->inputs[0];
    return WR_OK;
}

static wr_status take_sort(wr_plan *plan, wr_plan_node *window, const wr_plan_node *sort,
                           wr_error *err)
{
    uint32_t     count = window->window.order_count;
    wr_plan_key *order =
        WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_key, count + sort->sort.key_count, err);

    if (sort->sort.rows_max != UINT64_MAX || sort->sort.offset_rows > 0)
        return WR_OK;
    if (!order)
        return WR_NO_MEMORY;
    memcpy(order, window->window.order, count * sizeof order[0]);
    memcpy(order + count, sort->sort.keys, sort->sort.key_count * sizeof order[0]);
    window->window.order = order;
    window->window.order_count = count + sort->sort.key_count;
    window->inputs[0] = sort->inputs[0];
    return WR_OK;
}

/* ---- Projects between two windows ---------------------------------------------------------------- */

static bool only_chooses(const wr_plan_node *node)
{
    if (node->kind != WR_PLAN_PROJECT)
        return false;
    for (uint32_t i = 0; i < node->project.expr_count; i++)
        if (node->project.exprs[i]->kind != WR_EXPR_COLUMN)
            return false;
    return true;
}

static wr_status move(wr_plan *plan, const uint32_t *map, wr_expr **io_expr, wr_error *err)
{
    if (!*io_expr)
        return WR_OK;
    *io_expr = wr_expr_remap(*io_expr, map, plan->bump, err);
    return *io_expr ? WR_OK : WR_NO_MEMORY;
}

static wr_status move_function(wr_plan *plan, const uint32_t *map, wr_plan_function *io_function,
                               wr_error *err)
{
    for (uint32_t end = 0; end < 2; end++) {
        WR_TRY(move(plan, map, &io_function->range_keys[end], err));
        WR_TRY(move(plan, map, &io_function->range_values[end], err));
    }
    WR_TRY(move(plan, map, &io_function->argument, err));
    WR_TRY(move(plan, map, &io_function->fallback, err));
    WR_TRY(move(plan, map, &io_function->agg.argument, err));
    WR_TRY(move(plan, map, &io_function->agg.order, err));
    return move(plan, map, &io_function->agg.filter, err);
}

/* The window again, over `lower`, whose columns are map[column of its input]. */
static wr_status move_window(wr_plan *plan, const wr_plan_node *window, wr_plan_node *lower,
                             const uint32_t *map, wr_plan_node **out_window, wr_error *err)
{
    uint32_t          partition_count = window->window.partition_count;
    uint32_t          order_count = window->window.order_count;
    uint32_t          function_count = window->window.function_count;
    wr_expr         **partitions = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, partition_count + 1, err);
    wr_plan_key      *order = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_key, order_count + 1, err);
    wr_plan_function *functions =
        WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_function, function_count + 1, err);

    if (!partitions || !order || !functions)
        return WR_NO_MEMORY;
    for (uint32_t k = 0; k < partition_count; k++) {
        partitions[k] = window->window.partitions[k];
        WR_TRY(move(plan, map, &partitions[k], err));
    }
    for (uint32_t k = 0; k < order_count; k++) {
        order[k] = window->window.order[k];
        WR_TRY(move(plan, map, &order[k].expr, err));
    }
    for (uint32_t f = 0; f < function_count; f++) {
        functions[f] = window->window.functions[f];
        WR_TRY(move_function(plan, map, &functions[f], err));
    }
    WR_TRY(wr_plan_add_window(plan, lower, partitions, partition_count, order, order_count,
                              functions, function_count, out_window, err));
    for (uint32_t f = 0; f < function_count; f++) {
        functions[f].partition_count = window->window.functions[f].partition_count;
        functions[f].key_count = window->window.functions[f].key_count;
    }
    return WR_OK;
}

/* A rank that is limited may be worth more: rule_window_top.c wants the filter next to the window. */
static bool is_filtered(const wr_plan *plan, const wr_plan_node *window)
{
    for (uint32_t n = 0; n < plan->node_count; n++)
        if (plan->nodes[n]->kind == WR_PLAN_FILTER && plan->nodes[n]->inputs[0] == window)
            return true;
    return false;
}

/* If only projects that choose columns lie between two windows of one order, one goes above both. */
static wr_status lift_projects(wr_plan *plan, wr_plan_node *window, wr_error *err)
{
    uint32_t      count = window->schema.field_count, width = window->inputs[0]->schema.field_count;
    uint32_t     *map = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, width + 1, err);
    wr_expr     **exprs = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, count + 1, err);
    wr_text      *names = WR_BUMP_NEW_ARRAY(plan->bump, wr_text, count + 1, err);
    wr_plan_node *lower = window->inputs[0], *moved, *project;

    if (!map || !exprs || !names)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < width; c++)
        map[c] = c;
    for (; only_chooses(lower); lower = lower->inputs[0])
        for (uint32_t c = 0; c < width; c++)
            map[c] = lower->project.exprs[map[c]]->column;
    if (lower == window->inputs[0] || lower->kind != WR_PLAN_WINDOW || is_filtered(plan, window))
        return WR_OK;
    WR_TRY(move_window(plan, window, lower, map, &moved, err));
    if (!begins(moved, lower) && !begins(lower, moved))
        return WR_OK;
    for (uint32_t c = 0; c < count; c++) {
        const wr_field *field = &window->schema.fields[c];
        uint32_t        column = c < width ? map[c] : lower->schema.field_count + c - width;

        names[c] = field->name;
        exprs[c] = wr_expr_column(plan->bump, column, field->type, field->nullable, err);
        if (!exprs[c])
            return WR_NO_MEMORY;
    }
    WR_TRY(wr_plan_add_project(plan, moved, exprs, names, count, &project, err));
    wr_plan_replace_input(plan, window, project);
    return WR_OK;
}

/* Is it a window, over a node of this kind that nobody else reads? */
static bool is_over(const wr_plan *plan, const wr_plan_node *window, wr_plan_kind kind)
{
    return window->kind == WR_PLAN_WINDOW && window->inputs[0]->kind == kind &&
           wr_plan_reader_count(plan, window->inputs[0]) == 1;
}

wr_status wr_rule_share_sort(wr_plan *plan, wr_error *err)
{
    uint32_t count = plan->node_count;

    for (uint32_t n = 0; n < count; n++)
        if (plan->nodes[n]->kind == WR_PLAN_WINDOW)
            WR_TRY(lift_projects(plan, plan->nodes[n], err));
    WR_TRY(wr_plan_renumber(plan, err));
    for (uint32_t n = 0; n < plan->node_count; n++)
        if (is_over(plan, plan->nodes[n], WR_PLAN_WINDOW))
            WR_TRY(join_windows(plan, plan->nodes[n], plan->nodes[n]->inputs[0], err));
    WR_TRY(wr_plan_renumber(plan, err));
    for (uint32_t n = 0; n < plan->node_count; n++)
        if (is_over(plan, plan->nodes[n], WR_PLAN_SORT))
            WR_TRY(take_sort(plan, plan->nodes[n], plan->nodes[n]->inputs[0], err));
    return wr_plan_renumber(plan, err);
}
