/* optimizer/rule_window_aggs.c — window aggregates that no state of a frame can hold are made of other nodes.
 *
 * DISTINCT over a frame that begins with the partition: a value counts where it comes first. A window by
 * (partitions, value) in the same order numbers the rows of each value; the aggregate then filters the
 * first ones. Over a frame that ends with the partition it is the last ones, behind which there are no more.
 * Aggregates of values in order (median, mode, string_agg ...) over whole partitions: an aggregate by the
 * partitions, joined back to the rows where NULL equals NULL.
 * So both cost sorts that spill and no memory. The window's other functions stay below, as they were. */
#include "optimizer/optimizer_priv.h"

typedef struct rewrite {
    wr_plan          *plan;
    wr_plan_node     *window, *top;  /* what is replaced; what has been built    */
    wr_plan_function *functions;     /* scratch                                  */
    wr_expr         **results;       /* a function: its column                   */
} rewrite;

typedef enum made_of { ITSELF, MARKED_ROWS, AGGREGATE } made_of;

static made_of made_of_what(const wr_plan_function *function)
{
    if (function->kind != WR_WINDOW_AGGREGATE)
        return ITSELF;
    if (wr_agg_is_ordered(function->agg.kind))
        return AGGREGATE;
    return function->agg.distinct ? MARKED_ROWS : ITSELF;
}

/* A node owns its arrays: later rules change them in place. */
static wr_status copy_keys(const rewrite *r, wr_expr ***out_partitions, wr_plan_key **out_order,
                           wr_error *err)
{
    const wr_plan_node *window = r->window;
    uint32_t            partitions = window->window.partition_count;
    uint32_t            order = window->window.order_count;

    *out_partitions = WR_BUMP_NEW_ARRAY(r->plan->bump, wr_expr *, partitions + 2, err);
    *out_order = WR_BUMP_NEW_ARRAY(r->plan->bump, wr_plan_key, order + 1, err);
    if (!*out_partitions || !*out_order)
        return WR_NO_MEMORY;
    if (partitions)
        memcpy(*out_partitions, window->window.partitions, partitions * sizeof **out_partitions);
    if (order)
        memcpy(*out_order, window->window.order, order * sizeof **out_order);
    return WR_OK;
}

static wr_status column_of(rewrite *r, uint32_t column, wr_expr **out_expr, wr_error *err)
{
    const wr_field *field = &r->top->schema.fields[column];

    *out_expr = wr_expr_column(r->plan->bump, column, field->type, field->nullable, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
}

/* The functions of one making, as a window over what has been built. */
static wr_status add_window(rewrite *r, made_of making, wr_error *err)
{
    const wr_plan_node *window = r->window;
    uint32_t            width = r->top->schema.field_count, count = 0;
    wr_plan_function   *functions =
        WR_BUMP_NEW_ARRAY(r->plan->bump, wr_plan_function, window->window.function_count, err);
    wr_expr           **partitions;
    wr_plan_key        *order;

    if (!functions)
        return WR_NO_MEMORY;
    for (uint32_t f = 0; f < window->window.function_count; f++)
        if (made_of_what(&window->window.functions[f]) == making)
            functions[count++] = r->functions[f];
    if (count == 0)
        return WR_OK;
    WR_TRY(copy_keys(r, &partitions, &order, err));
    WR_TRY(wr_plan_add_window(r->plan, r->top, partitions, window->window.partition_count, order,
                              window->window.order_count, functions, count, &r->top, err));
    for (uint32_t f = 0; f < window->window.function_count; f++)
        if (made_of_what(&window->window.functions[f]) == making)
            WR_TRY(column_of(r, width++, &r->results[f], err));
    return WR_OK;
}

/* ---- DISTINCT ---------------------------------------------------------------------------------- */

/* Is `column` = `value`, and the filter true? */
static wr_status mark_filter(rewrite *r, uint32_t column, int64_t value, wr_expr **io_filter,
                             wr_error *err)
{
    wr_value number = {.type = WR_TYPE(I64), .i64 = value};
    wr_expr *args[2], *both[2];

    WR_TRY(column_of(r, column, &args[0], err));
    args[1] = wr_expr_const(r->plan->bump, &number, err);
    if (!args[1])
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_call(r->plan->bump, WR_TEXT("="), args, 2, &both[0], err));
    both[1] = *io_filter;
    *io_filter = both[0];
    return both[1] ? wr_expr_logic(r->plan->bump, WR_EXPR_AND, both, 2, io_filter, err) : WR_OK;
}

/* The first (or last) row of each value of the function's argument, among those that its filter lets pass. */
static wr_status mark_rows(rewrite *r, wr_plan_function *io_function, wr_error *err)
{
    const wr_plan_node *window = r->window;
    wr_plan_agg        *agg = &io_function->agg;
    bool                first = io_function->frame.start.units == WR_FRAME_UNBOUNDED;
    uint32_t            count = window->window.partition_count, width = r->top->schema.field_count;
    wr_plan_function   *marker = WR_BUMP_NEW(r->plan->bump, wr_plan_function, err);
    wr_expr           **partitions;
    wr_plan_key        *order;

    if (!marker)
        return WR_NO_MEMORY;
    WR_TRY(copy_keys(r, &partitions, &order, err));
    partitions[count++] = agg->argument;
    if (agg->filter)
        partitions[count++] = agg->filter;
    marker->kind = WR_WINDOW_ROW_NUMBER;
    marker->type = WR_TYPE(I64);
    if (!first) {
        marker->kind = WR_WINDOW_AGGREGATE;
        marker->agg = (wr_plan_agg){.kind = WR_AGG_COUNT_STAR, .type = WR_TYPE(I64)};
        marker->frame.start = (wr_frame_bound){WR_FRAME_ROWS, 1};
    }
    WR_TRY(wr_plan_add_window(r->plan, r->top, partitions, count, order,
                              window->window.order_count, marker, 1, &r->top, err));
    agg->distinct = false;
    return mark_filter(r, width, first ? 1 : 0, &agg->filter, err);
}

static wr_status add_distinct(rewrite *r, wr_error *err)
{
    for (uint32_t f = 0; f < r->window->window.function_count; f++)
        if (made_of_what(&r->window->window.functions[f]) == MARKED_ROWS)
            WR_TRY(mark_rows(r, &r->functions[f], err));
    return add_window(r, MARKED_ROWS, err);
}

/* ---- Values in order ---------------------------------------------------------------------------- */

/* A sequence without an order of its own has the window's. */
static wr_status order_by_window(const rewrite *r, wr_plan_agg *agg, wr_error *err)
{
    wr_expr **partitions;

    if (!wr_agg_is_sequence(agg->kind) || agg->order_key_count > 0)
        return WR_OK;
    agg->order_key_count = r->window->window.order_count;
    return copy_keys(r, &partitions, &agg->order_keys, err);
}

static wr_status add_aggregate(rewrite *r, wr_error *err)
{
    const wr_plan_node *window = r->window;
    uint32_t            key_count = window->window.partition_count, count = 0;
    uint32_t            functions = window->window.function_count;
    uint32_t            width = r->top->schema.field_count;
    wr_plan_agg *aggs = WR_BUMP_NEW_ARRAY(r->plan->bump, wr_plan_agg, functions, err);
    wr_expr    **keys = WR_BUMP_NEW_ARRAY(r->plan->bump, wr_expr *, key_count + 1, err);
    wr_expr    **left_keys, **group_keys;
    wr_plan_key *order;
    wr_text     *names;
    wr_plan_node *groups;

    if (!aggs || !keys)
        return WR_NO_MEMORY;
    for (uint32_t f = 0; f < functions; f++)
        if (made_of_what(&window->window.functions[f]) == AGGREGATE) {
            WR_TRY(order_by_window(r, &r->functions[f].agg, err));
            aggs[count++] = r->functions[f].agg;
        }
    if (count == 0)
        return WR_OK;
    WR_TRY(copy_keys(r, &left_keys, &order, err));
    WR_TRY(copy_keys(r, &group_keys, &order, err));
    WR_TRY(wr_plan_names(r->plan, key_count + count, &names, err));
    WR_TRY(wr_plan_add_aggregate(r->plan, window->inputs[0], group_keys, key_count, aggs,
                                 count, names, &groups, err));
    WR_TRY(wr_plan_columns(r->plan, groups, key_count, keys, err));
    WR_TRY(wr_plan_add_join(r->plan, r->top, groups,
                            key_count ? WR_PLAN_JOIN_INNER : WR_PLAN_JOIN_CROSS,
                            left_keys, keys, key_count, NULL, false, &r->top, err));
    r->top->join.null_safe = true;
    width += key_count;
    for (uint32_t f = 0; f < functions; f++)
        if (made_of_what(&window->window.functions[f]) == AGGREGATE)
            WR_TRY(column_of(r, width++, &r->results[f], err));
    return WR_OK;
}

/* ---- The window --------------------------------------------------------------------------------- */

static bool is_plain(const wr_plan_node *window)
{
    for (uint32_t f = 0; f < window->window.function_count; f++)
        if (made_of_what(&window->window.functions[f]) != ITSELF)
            return false;
    return true;
}

static wr_status rewrite_window(wr_plan *plan, wr_plan_node *window, wr_error *err)
{
    uint32_t      functions = window->window.function_count, count = window->schema.field_count;
    uint32_t      width = count - functions;
    wr_expr     **exprs = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, count + 1, err);
    wr_text      *names = WR_BUMP_NEW_ARRAY(plan->bump, wr_text, count + 1, err);
    rewrite       r = {.plan = plan, .window = window, .top = window->inputs[0]};
    wr_plan_node *project;

    r.functions = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_function, functions + 1, err);
    if (!exprs || !names || !r.functions)
        return WR_NO_MEMORY;
    for (uint32_t p = 0; p < window->window.partition_count; p++)
        if (!wr_expr_is_repeatable(window->window.partitions[p]))
            return WR_RAISE(err, WR_INVALID,
                            "DISTINCT or ordered aggregates over partitions by random values are "
                            "not supported: make a column of them first");
    memcpy(r.functions, window->window.functions, functions * sizeof r.functions[0]);
    r.results = exprs + width;
    WR_TRY(add_window(&r, ITSELF, err));
    WR_TRY(add_distinct(&r, err));
    WR_TRY(add_aggregate(&r, err));
    WR_TRY(wr_plan_columns(plan, r.top, width, exprs, err));
    for (uint32_t c = 0; c < count; c++)
        names[c] = window->schema.fields[c].name;
    WR_TRY(wr_plan_add_project(plan, r.top, exprs, names, count, &project, err));
    wr_plan_replace_input(plan, window, project);
    return WR_OK;
}

wr_status wr_rule_window_aggs(wr_plan *plan, wr_error *err)
{
    uint32_t count = plan->node_count;

    for (uint32_t n = 0; n < count; n++)
        if (plan->nodes[n]->kind == WR_PLAN_WINDOW && !is_plain(plan->nodes[n]))
            WR_TRY(rewrite_window(plan, plan->nodes[n], err));
    return wr_plan_renumber(plan, err);
}
