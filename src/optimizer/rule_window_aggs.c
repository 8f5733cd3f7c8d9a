/* optimizer/rule_window_aggs.c — window aggregates that no state of a frame can hold are made of other nodes.
 *
 * DISTINCT over a frame that begins with the partition: a value counts where it comes first. A window by
 * (partitions, value) in the same order numbers the rows of each value; the aggregate then filters the
 * first ones. Over a frame that ends with the partition it is the last ones, behind which there are no more.
 * Aggregates of values in order (median, mode, string_agg ...) over whole partitions: an aggregate by the
 * partitions, joined back to the rows where NULL equals NULL.
 * Over any other frame the operator ranks (counts, adds up) values of up to eight bytes itself (wr_agg_ranks); wider ones are
 * numbered in their order first, by a window over all rows, and what comes out is joined with the values.
 * All else: the rows are numbered and told the numbers of their frame's ends, a range join puts each with
 * the rows of its frame, an aggregate by number follows.
 * So all cost sorts that spill and no memory. The window's other functions stay below, as they were. */
#include "expr/operators.h"
#include "optimizer/optimizer_priv.h"
#include "types/nested.h"

typedef struct rewrite {
    wr_plan          *plan;
    wr_plan_node     *window, *top;  /* what is replaced; what has been built    */
    wr_plan_function *functions;     /* scratch                                  */
    wr_expr         **results;       /* a function: its column                   */
} rewrite;

typedef enum made_of { ITSELF, MARKED_ROWS, AGGREGATE, NUMBERS, FRAMES } made_of;

static made_of made_of_what(const wr_plan_function *function)
{
    const wr_plan_agg *agg = &function->agg;
    const wr_frame *frame = &function->frame;
    bool            from_begin = frame->start.units == WR_FRAME_UNBOUNDED && !frame->exclude;
    bool            to_end = frame->end.units == WR_FRAME_UNBOUNDED && !frame->exclude;

    if (function->kind == WR_WINDOW_NTH_VALUE && function->ignore_nulls && frame->exclude)
        return FRAMES;
    if (function->kind != WR_WINDOW_AGGREGATE)
        return ITSELF;
    if (wr_agg_is_ordered(agg->kind) || wr_agg_gives_state(agg->kind)) {
        if (from_begin && to_end)
            return AGGREGATE;
    } else {
        if (!agg->distinct)
            return ITSELF;
        if (from_begin || to_end)
            return MARKED_ROWS;
    }
    if (!wr_agg_ranks(agg->kind, agg->distinct, agg->argument->type))
        return FRAMES;
    if (wr_physical_bytes(wr_type_physical(agg->argument->type)) <= sizeof(uint64_t))
        return ITSELF;
    return wr_expr_is_repeatable(agg->argument) ? NUMBERS : FRAMES;
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

/* ---- Numbers for wide values ---------------------------------------------------------------------- */

/* The function over numbers of its argument's values, equal ones alike; *out_number: their column. */
static wr_status number_values(rewrite *r, wr_plan_function *io_function, uint32_t *out_number,
                               wr_error *err)
{
    wr_plan_agg      *agg = &io_function->agg;
    wr_plan_function *ranker = WR_BUMP_NEW(r->plan->bump, wr_plan_function, err);
    wr_plan_key      *order = WR_BUMP_NEW(r->plan->bump, wr_plan_key, err);
    wr_expr         **partitions = WR_BUMP_NEW_ARRAY(r->plan->bump, wr_expr *, 1, err);
    wr_expr          *args[1] = {agg->argument}, *has_value, *number;

    if (!ranker || !order || !partitions)
        return WR_NO_MEMORY;
    *ranker = (wr_plan_function){.kind = WR_WINDOW_DENSE_RANK, .type = WR_TYPE(I64)};
    *order = (wr_plan_key){.expr = agg->argument};
    *out_number = r->top->schema.field_count;
    WR_TRY(wr_plan_add_window(r->plan, r->top, partitions, 0, order, 1, ranker, 1, &r->top, err));
    WR_TRY(column_of(r, *out_number, &number, err));
    WR_TRY(wr_expr_call(r->plan->bump, WR_TEXT(WR_OPERATOR_IS_NOT_NULL), args, 1, &has_value, err));
    WR_TRY(wr_expr_when(r->plan->bump, has_value, number, &agg->argument, err));
    if (agg->distinct)
        return WR_OK;
    agg->type = io_function->type = WR_TYPE(I64);
    return WR_OK;
}

/* *io_expr, a column of numbers, becomes that of the values which have them in `rows`. */
static wr_status find_values(rewrite *r, wr_plan_node *rows, uint32_t number, wr_expr *value,
                             wr_expr **io_expr, wr_error *err)
{
    wr_plan_agg  *least = WR_BUMP_NEW(r->plan->bump, wr_plan_agg, err);
    wr_expr     **keys = WR_BUMP_NEW_ARRAY(r->plan->bump, wr_expr *, 3, err);
    uint32_t      width = r->top->schema.field_count;
    wr_plan_node *values, *top = r->top;
    wr_text      *names;

    if (!least || !keys)
        return WR_NO_MEMORY;
    *least = (wr_plan_agg){.kind = WR_AGG_MIN, .argument = value, .type = value->type};
    keys[0] = *io_expr;
    r->top = rows;
    WR_TRY(column_of(r, number, &keys[1], err));
    WR_TRY(wr_plan_names(r->plan, 2, &names, err));
    WR_TRY(wr_plan_add_aggregate(r->plan, rows, &keys[1], 1, least, 1, names, &values, err));
    r->top = values;
    WR_TRY(column_of(r, 0, &keys[2], err));
    WR_TRY(wr_plan_add_join(r->plan, top, values, WR_PLAN_JOIN_LEFT, &keys[0], &keys[2], 1, NULL,
                            false, &r->top, err));
    return column_of(r, width + 1, io_expr, err);
}

static wr_status add_numbers(rewrite *r, wr_error *err)
{
    uint32_t      functions = r->window->window.function_count;
    uint32_t     *numbers = WR_BUMP_NEW_ARRAY(r->plan->bump, uint32_t, functions + 1, err);
    wr_plan_node *rows;

    if (!numbers)
        return WR_NO_MEMORY;
    for (uint32_t f = 0; f < functions; f++)
        if (made_of_what(&r->window->window.functions[f]) == NUMBERS)
            WR_TRY(number_values(r, &r->functions[f], &numbers[f], err));
    rows = r->top;
    WR_TRY(add_window(r, NUMBERS, err));
    for (uint32_t f = 0; f < functions; f++) {
        const wr_plan_function *function = &r->window->window.functions[f];

        if (made_of_what(function) == NUMBERS && !function->agg.distinct)
            WR_TRY(find_values(r, rows, numbers[f], function->agg.argument, &r->results[f], err));
    }
    return WR_OK;
}

/* ---- Frames ------------------------------------------------------------------------------------- */

/* What every row is told, in columns behind the input's: its number among all rows and in its partition, how
 * many rows of the partition come up to the frame's end, how many are in the frame if none is excluded;
 * the rank, and how many rows come up to the last peer. */
enum { AT, NUMBER, UP_TO_END, IN_FRAME, RANK, UP_TO_PEERS, BOUND_COUNT };

static wr_status add_bounds(rewrite *r, const wr_plan_function *like, wr_error *err)
{
    static const wr_plan_function PLACE = {.kind = WR_WINDOW_ROW_NUMBER, .type = WR_TYPE(I64)};
    static const wr_plan_function COUNT = {
        .kind = WR_WINDOW_AGGREGATE,
        .agg = {.kind = WR_AGG_COUNT_STAR, .type = WR_TYPE(I64)},
        .type = WR_TYPE(I64),
    };
    const wr_plan_node *window = r->window;
    wr_plan_function   *bounds = WR_BUMP_NEW_ARRAY(r->plan->bump, wr_plan_function, BOUND_COUNT, err);
    wr_expr           **partitions;
    wr_plan_key        *order;

    if (!bounds)
        return WR_NO_MEMORY;
    bounds[AT] = bounds[NUMBER] = bounds[RANK] = PLACE;
    bounds[RANK].kind = WR_WINDOW_RANK;
    bounds[UP_TO_END] = bounds[IN_FRAME] = bounds[UP_TO_PEERS] = COUNT;
    bounds[UP_TO_END].frame.end = like->frame.end;
    bounds[IN_FRAME].frame = like->frame;
    bounds[IN_FRAME].frame.exclude = WR_EXCLUDE_NOTHING;
    bounds[UP_TO_PEERS].frame.end.units = WR_FRAME_GROUPS;
    for (uint32_t end = 0; end < 2; end++) {
        bounds[IN_FRAME].range_keys[end] = like->range_keys[end];
        bounds[IN_FRAME].range_values[end] = like->range_values[end];
    }
    bounds[UP_TO_END].range_keys[1] = like->range_keys[1];
    bounds[UP_TO_END].range_values[1] = like->range_values[1];
    WR_TRY(copy_keys(r, &partitions, &order, err));
    WR_TRY(wr_plan_add_window(r->plan, r->top, partitions, window->window.partition_count, order,
                              window->window.order_count, bounds, BOUND_COUNT, &r->top, err));
    bounds[AT].partition_count = bounds[AT].key_count = 0;
    return WR_OK;
}

static wr_status combine(rewrite *r, const char *operator, wr_expr *left, wr_expr *right,
                         wr_expr **out_expr, wr_error *err)
{
    wr_expr *args[2] = {left, right};

    return wr_expr_call(r->plan->bump, wr_text_of(operator), args, 2, out_expr, err);
}

static wr_status both(rewrite *r, wr_expr_kind kind, wr_expr *left, wr_expr *right,
                      wr_expr **out_expr, wr_error *err)
{
    wr_expr *args[2] = {left, right};

    return wr_expr_logic(r->plan->bump, kind, args, 2, out_expr, err);
}

/* Is row `at`, a number of the right input, in the frame of the left row whose bounds begin at `column`? */
static wr_status frame_condition(rewrite *r, wr_frame_exclude exclude, uint32_t column, wr_expr *at,
                                 wr_expr **out_condition, wr_error *err)
{
    wr_expr *bounds[BOUND_COUNT], *before, *last, *begin, *from, *to, *other;

    for (uint32_t i = 0; i < BOUND_COUNT; i++)
        WR_TRY(column_of(r, column + i, &bounds[i], err));
    WR_TRY(combine(r, WR_OPERATOR_SUB, bounds[AT], bounds[NUMBER], &before, err));
    WR_TRY(combine(r, WR_OPERATOR_ADD, before, bounds[UP_TO_END], &last, err));
    WR_TRY(combine(r, WR_OPERATOR_SUB, last, bounds[IN_FRAME], &begin, err));
    WR_TRY(combine(r, WR_OPERATOR_GT, at, begin, &from, err));
    WR_TRY(combine(r, WR_OPERATOR_LE, at, last, &to, err));
    WR_TRY(both(r, WR_EXPR_AND, from, to, out_condition, err));
    if (exclude == WR_EXCLUDE_NOTHING)
        return WR_OK;
    if (exclude == WR_EXCLUDE_ROW) {
        WR_TRY(combine(r, WR_OPERATOR_NE, at, bounds[AT], &other, err));
    } else {
        WR_TRY(combine(r, WR_OPERATOR_ADD, before, bounds[RANK], &begin, err));
        WR_TRY(combine(r, WR_OPERATOR_ADD, before, bounds[UP_TO_PEERS], &last, err));
        WR_TRY(combine(r, WR_OPERATOR_LT, at, begin, &from, err));
        WR_TRY(combine(r, WR_OPERATOR_GT, at, last, &to, err));
        WR_TRY(both(r, WR_EXPR_OR, from, to, &other, err));
    }
    if (exclude == WR_EXCLUDE_TIES) {
        WR_TRY(combine(r, WR_OPERATOR_EQ, at, bounds[AT], &from, err));
        WR_TRY(both(r, WR_EXPR_OR, other, from, &other, err));
    }
    return both(r, WR_EXPR_AND, *out_condition, other, out_condition, err);
}

/* Of nth_value the list of values that count. */
static wr_status agg_of(rewrite *r, const wr_plan_function *function, wr_plan_agg *out_agg,
                        wr_error *err)
{
    wr_expr *args[1] = {function->argument};

    *out_agg = function->agg;
    if (function->kind == WR_WINDOW_AGGREGATE)
        return WR_OK;
    *out_agg = (wr_plan_agg){.kind = WR_AGG_LIST, .argument = function->argument};
    WR_TRY(wr_type_make_list(function->type, &out_agg->type, err));
    return wr_expr_call(r->plan->bump, WR_TEXT(WR_OPERATOR_IS_NOT_NULL), args, 1, &out_agg->filter,
                        err);
}

static wr_status remap(rewrite *r, const uint32_t *map, wr_expr **io_expr, wr_error *err)
{
    if (*io_expr)
        *io_expr = wr_expr_remap(*io_expr, map, r->plan->bump, err);
    else
        return WR_OK;
    return *io_expr ? WR_OK : WR_NO_MEMORY;
}

/* The aggregate over columns that `map` moves; what is in no order of its own has the rows' numbers'. */
static wr_status move_agg(rewrite *r, const uint32_t *map, wr_expr *at, wr_plan_agg *io_agg,
                          wr_error *err)
{
    wr_plan_key *keys =
        WR_BUMP_NEW_ARRAY(r->plan->bump, wr_plan_key, io_agg->order_key_count + 1, err);

    if (!keys)
        return WR_NO_MEMORY;
    WR_TRY(remap(r, map, &io_agg->argument, err));
    WR_TRY(remap(r, map, &io_agg->order, err));
    WR_TRY(remap(r, map, &io_agg->filter, err));
    if (!wr_agg_is_sequence(io_agg->kind))
        return WR_OK;
    for (uint32_t k = 0; k < io_agg->order_key_count; k++) {
        keys[k] = io_agg->order_keys[k];
        WR_TRY(remap(r, map, &keys[k].expr, err));
    }
    io_agg->order_keys = keys;
    keys[io_agg->order_key_count++] = (wr_plan_key){.expr = at};
    return WR_OK;
}

static bool same_range(const wr_plan_function *a, const wr_plan_function *b, uint32_t end)
{
    if (!a->range_keys[end] || !b->range_keys[end])
        return a->range_keys[end] == b->range_keys[end];
    return wr_expr_equal(a->range_keys[end], b->range_keys[end]) &&
           wr_expr_equal(a->range_values[end], b->range_values[end]);
}

static bool same_frame(const wr_plan_function *a, const wr_plan_function *b)
{
    return wr_frame_equal(&a->frame, &b->frame) && same_range(a, b, 0) && same_range(a, b, 1);
}

/* A count of no rows is 0, where the join that brings it back says NULL. */
static wr_status result_of(rewrite *r, uint32_t column, const wr_plan_function *function,
                           wr_expr **out_expr, wr_error *err)
{
    wr_value number = {.type = WR_TYPE(I64), .i64 = function->offset};
    bool     is_nth = function->kind == WR_WINDOW_NTH_VALUE;
    wr_expr *args[2];

    WR_TRY(column_of(r, column, out_expr, err));
    if (!is_nth && !wr_agg_counts(function->agg.kind))
        return WR_OK;
    args[0] = *out_expr;
    args[1] = wr_expr_const(r->plan->bump, &number, err);
    if (!args[1])
        return WR_NO_MEMORY;
    return wr_expr_call(r->plan->bump, is_nth ? WR_TEXT("list_extract") : WR_TEXT("coalesce"), args,
                        2, out_expr, err);
}

/* All functions over the frame of function `first`, which have no results yet. */
static wr_status add_frame(rewrite *r, uint32_t first, wr_error *err)
{
    wr_plan      *plan = r->plan;
    uint32_t      functions = r->window->window.function_count, count = 0;
    uint32_t      bounds = r->top->schema.field_count, width = bounds + BOUND_COUNT;
    wr_plan_agg  *aggs = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_agg, functions, err);
    uint32_t     *map = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, width, err);
    wr_expr     **keys = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, 3, err); /* a node owns its own */
    wr_plan_node *rows;
    wr_expr      *at, *condition;
    wr_text      *names;

    if (!aggs || !map || !keys)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < width; c++)
        map[c] = width + c;
    WR_TRY(add_bounds(r, &r->functions[first], err));
    rows = r->top;
    WR_TRY(column_of(r, bounds + AT, &keys[0], err));
    at = wr_expr_remap(keys[0], map, plan->bump, err);
    if (!at)
        return WR_NO_MEMORY;
    WR_TRY(frame_condition(r, r->functions[first].frame.exclude, bounds, at, &condition, err));
    for (uint32_t f = first; f < functions; f++) {
        if (made_of_what(&r->functions[f]) != FRAMES ||
            !same_frame(&r->functions[f], &r->functions[first]))
            continue;
        WR_TRY(agg_of(r, &r->functions[f], &aggs[count], err));
        WR_TRY(move_agg(r, map, at, &aggs[count++], err));
    }
    WR_TRY(wr_plan_names(plan, 1 + count, &names, err));
    WR_TRY(wr_plan_add_join(plan, rows, rows, WR_PLAN_JOIN_INNER, NULL, NULL, 0, condition, false,
                            &r->top, err));
    keys[1] = keys[0];
    WR_TRY(wr_plan_add_aggregate(plan, r->top, &keys[1], 1, aggs, count, names, &r->top, err));
    WR_TRY(column_of(r, 0, &keys[2], err));
    WR_TRY(wr_plan_add_join(plan, rows, r->top, WR_PLAN_JOIN_LEFT, &keys[0], &keys[2], 1, NULL,
                            false, &r->top, err));
    width++;
    for (uint32_t f = functions; f-- > first;)
        if (made_of_what(&r->functions[f]) == FRAMES &&
            same_frame(&r->functions[f], &r->functions[first]))
            WR_TRY(result_of(r, width + --count, &r->functions[f], &r->results[f], err));
    return WR_OK;
}

static wr_status add_frames(rewrite *r, wr_error *err)
{
    for (uint32_t f = 0; f < r->window->window.function_count; f++)
        if (made_of_what(&r->window->window.functions[f]) == FRAMES && !r->results[f])
            WR_TRY(add_frame(r, f, err));
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
    WR_TRY(add_numbers(&r, err));
    WR_TRY(add_frames(&r, err));
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
