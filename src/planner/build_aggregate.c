/* planner/build_aggregate.c — aggregates: over a hash table, or over sorted values; with grouping sets they go
 * on in build_sets.c.
 *
 * Columns that aggregates read are computed in front of them: keys, arguments, filters, orders. A group
 * that must tell its place in the source carries the least position of its rows. */
#include "expr/operators.h"
#include "planner/planner_priv.h"

/* Intervals may be equal and written differently: a group shows its first by source position. */
static uint32_t interval_key_count(const wr_plan_node *logical)
{
    uint32_t count = 0;

    for (uint32_t k = 0; k < logical->aggregate.key_count; k++)
        count += logical->aggregate.keys[k]->type.logical == WR_TYPE_INTERVAL;
    return count;
}

bool wr_aggregate_minds_position(const wr_plan_node *logical)
{
    if (interval_key_count(logical) > 0)
        return true;
    for (uint32_t i = 0; i < logical->aggregate.agg_count; i++)
        if (wr_agg_needs_position(logical->aggregate.aggs[i].kind))
            return true;
    return false;
}

/* Index of `expr` among exprs[0 .. *io_count), appended if it is not there yet. */
static uint32_t input_column(wr_expr **exprs, uint32_t *io_count, wr_expr *expr)
{
    if (!expr)
        return WR_FIELD_NONE;
    for (uint32_t i = 0; i < *io_count; i++)
        if (wr_expr_equal(exprs[i], expr) && wr_expr_is_repeatable(expr))
            return i;
    exprs[*io_count] = expr;
    return (*io_count)++;
}

/* exprs[k] = the keys of groups. Of the two zeros that are equal floats they have one: x + 0. */
static wr_status add_keys(wr_builder *b, const wr_plan_node *logical, wr_expr **exprs,
                          wr_error *err)
{
    for (uint32_t k = 0; k < logical->aggregate.key_count; k++) {
        wr_value zero = {.type = logical->aggregate.keys[k]->type};

        exprs[k] = logical->aggregate.keys[k];
        if (wr_type_is_float(exprs[k]->type)) {
            wr_expr *args[] = {exprs[k], wr_expr_const(b->bump, &zero, err)};

            if (!args[1])
                return WR_NO_MEMORY;
            WR_TRY(wr_expr_call(b->bump, wr_text_of(WR_OPERATOR_ADD), args, 2, &exprs[k], err));
        }
    }
    return WR_OK;
}

static wr_status aggregate_input(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                                 wr_plan_aggregate *plan, wr_error *err)
{
    uint32_t  key_count = logical->aggregate.key_count, agg_count = logical->aggregate.agg_count;
    uint32_t  room = key_count + 3 * agg_count + out->hidden_count + 1, count = key_count;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, room, err);
    wr_agg   *aggs = WR_BUMP_NEW_ARRAY(b->bump, wr_agg, agg_count + key_count + 1, err);

    if (!exprs || !aggs)
        return WR_NO_MEMORY;
    WR_TRY(add_keys(b, logical, exprs, err));
    for (uint32_t i = 0; i < agg_count; i++) {
        const wr_plan_agg *agg = &logical->aggregate.aggs[i];

        aggs[i] = (wr_agg){
            .kind = agg->kind,
            .argument = input_column(exprs, &count, agg->argument),
            .order = input_column(exprs, &count, agg->order),
            .filter = input_column(exprs, &count, agg->filter),
            .argument_type = agg->argument ? agg->argument->type : WR_TYPE(NULL_),
            .order_type = agg->order ? agg->order->type : WR_TYPE(NULL_),
            .result_type = agg->type,
            .fraction = agg->fraction,
            .values_max = (uint32_t)agg->values_max,
        };
    }
    for (uint32_t k = 0; k < key_count; k++)
        if (exprs[k]->type.logical == WR_TYPE_INTERVAL)
            aggs[agg_count++] = (wr_agg){.kind = WR_AGG_FIRST, .argument = k,
                                         .order = WR_FIELD_NONE, .filter = WR_FIELD_NONE,
                                         .argument_type = exprs[k]->type,
                                         .result_type = exprs[k]->type};
    plan->position = out->hidden_count ? count : WR_FIELD_NONE;
    WR_TRY(wr_stream_add_hidden(b, out, exprs, count, err));
    WR_TRY(wr_stream_project(b, out, exprs, count + out->hidden_count, out->hidden_count, logical,
                          err));
    plan->types = out->types;
    plan->column_count = wr_stream_width(out);
    plan->key_count = key_count;
    plan->aggs = aggs;
    plan->agg_count = agg_count;
    return WR_OK;
}

/* DISTINCT that the optimizer left is counted among the values in order. */
static bool is_ordered(const wr_plan_agg *agg)
{
    return wr_agg_is_ordered(agg->kind) || agg->distinct;
}

/* Aggregates that are computed from sorted values; all of the node's are, over one argument. */
static wr_status ordered_input(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                               wr_plan_ordered *plan, wr_error *err)
{
    const wr_plan_agg *first = &logical->aggregate.aggs[0];
    bool               by_value = !wr_agg_is_sequence(first->kind);
    uint32_t           key_count = logical->aggregate.key_count, width = key_count + 1;
    uint32_t           leading = wr_plan_key_width(logical), shift = leading - key_count;
    uint32_t           agg_count = logical->aggregate.agg_count, sorted = leading;
    uint32_t           room = leading + 1 + first->order_key_count + out->hidden_count + 2;
    uint32_t           filter = WR_FIELD_NONE;
    wr_expr          **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, room, err);
    wr_ordered_agg    *aggs = WR_BUMP_NEW_ARRAY(b->bump, wr_ordered_agg, agg_count, err);
    wr_sort_key       *keys = WR_BUMP_NEW_ARRAY(b->bump, wr_sort_key, room, err);

    if (!exprs || !aggs || !keys)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < agg_count; i++) {
        const wr_plan_agg *agg = &logical->aggregate.aggs[i];

        aggs[i] = (wr_ordered_agg){.kind = agg->kind, .result_type = agg->type,
                                   .fraction = agg->fraction, .descending = agg->descending,
                                   .separator = agg->separator};
    }
    WR_TRY(add_keys(b, logical, exprs, err));
    exprs[key_count] = first->argument;
    for (uint32_t k = 0; k < leading; k++)
        keys[k] = (wr_sort_key){.column = k};
    if (by_value)
        keys[sorted++] = (wr_sort_key){.column = leading};
    for (uint32_t k = 0; k < first->order_key_count; k++) {
        keys[sorted++] = (wr_sort_key){width + shift, first->order_keys[k].descending,
                                       first->order_keys[k].nulls_first};
        exprs[width++] = first->order_keys[k].expr;
    }
    if (first->filter) {
        filter = width + shift;
        exprs[width++] = first->filter;
    }
    for (uint32_t h = 0; h < out->hidden_count && (!by_value || interval_key_count(logical)); h++)
        keys[sorted++] = (wr_sort_key){.column = width + shift + h};
    WR_TRY(wr_stream_add_hidden(b, out, exprs, width, err));
    WR_TRY(wr_stream_project(b, out, exprs, width + out->hidden_count, out->hidden_count, logical,
                             err));
    if (shift)
        WR_TRY(wr_sets_expand(b, logical, out, err));
    *plan = (wr_plan_ordered){
        .types = out->types,
        .column_count = wr_stream_width(out),
        .key_count = leading,
        .sort_keys = keys,
        .sort_key_count = sorted,
        .by_value = by_value,
        .aggs = aggs,
        .agg_count = agg_count,
        .filter = filter,
        .position = out->hidden_count ? width + shift : WR_FIELD_NONE,
    };
    return WR_OK;
}

/* Put the first interval of each group, behind the aggregates, in the place of its key. */
static wr_status show_first_intervals(wr_builder *b, const wr_plan_node *logical, wr_stream *stream,
                                      wr_error *err)
{
    uint32_t  visible = logical->schema.field_count, next = visible;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, visible + 2, err);

    if (!exprs)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < visible; i++) {
        bool is_first = i < logical->aggregate.key_count &&
                        stream->types[i].logical == WR_TYPE_INTERVAL;

        exprs[i] = wr_stream_column(b, stream, is_first ? next++ : i, err);
        if (!exprs[i])
            return WR_NO_MEMORY;
    }
    WR_TRY(wr_stream_add_hidden(b, stream, exprs, visible, err));
    return wr_stream_project(b, stream, exprs, visible + stream->hidden_count,
                             stream->hidden_count, logical, err);
}

/* One string_agg or list of all rows as they come: nothing is sorted. */
static bool joins_as_they_come(const wr_builder *b, const wr_plan_node *logical,
                               const wr_stream *stream)
{
    const wr_plan_agg *agg = logical->aggregate.aggs;

    return wr_plan_key_width(logical) == 0 && logical->aggregate.agg_count == 1 &&
           wr_agg_is_sequence(agg->kind) && agg->order_key_count == 0 && stream->ordered &&
           !b->needs_position[logical->number];
}

typedef struct aggregate_ops {
    const wr_sink_ops   *sink;
    const wr_source_ops *source;
} aggregate_ops;

static aggregate_ops choose_ordered_ops(const wr_plan_ordered *plan, bool as_they_come)
{
    if (as_they_come)
        return (aggregate_ops){&WR_TEXTS, &WR_TEXTS_READ};
    if (wr_values_can(plan))
        return (aggregate_ops){&WR_VALUES, &WR_VALUES_READ};
    return (aggregate_ops){&WR_ORDERED, &WR_ORDERED_READ};
}

wr_status wr_aggregate_build(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                             wr_error *err)
{
    bool ordered = logical->aggregate.agg_count > 0 &&
                   is_ordered(&logical->aggregate.aggs[0]);
    bool as_they_come = ordered && joins_as_they_come(b, logical, out);
    bool positioned = b->needs_position[logical->number] ||
                      (wr_aggregate_minds_position(logical) && !as_they_come);
    aggregate_ops      ops = {&WR_AGGREGATE, &WR_AGGREGATE_READ};
    wr_plan_aggregate *plan = WR_BUMP_NEW(b->bump, wr_plan_aggregate, err);
    wr_plan_ordered   *ordered_plan = WR_BUMP_NEW(b->bump, wr_plan_ordered, err);
    const void        *any_plan = ordered ? (const void *)ordered_plan : plan;
    uint32_t           width = logical->schema.field_count;
    uint32_t           more = ordered ? 0 : interval_key_count(logical);
    wr_type           *types;

    if (!plan || !ordered_plan)
        return WR_NO_MEMORY;
    if (positioned && out->hidden_count > 1)
        WR_TRY(wr_stream_sort_by_position(b, out, 0, UINT64_MAX, logical, err));
    if (positioned)
        WR_TRY(wr_stream_position(b, out, logical, err));
    else
        WR_TRY(wr_stream_drop_hidden(b, out, logical, err));
    WR_TRY(ordered ? ordered_input(b, logical, out, ordered_plan, err)
                   : aggregate_input(b, logical, out, plan, err));
    if (ordered)
        ops = choose_ordered_ops(ordered_plan, as_they_come);
    else if (logical->aggregate.set_count > 0)
        return wr_sets_build(b, logical, plan, out, err);
    WR_TRY(wr_stream_break(b, out, ops.sink, ops.source, any_plan, logical, err));
    WR_TRY(wr_schema_types(b, &logical->schema, &types, err));
    types = wr_types_copy(b, types, width, width + more + 1, err);
    if (!types)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < more; i++)
        types[width + i] = WR_TYPE(INTERVAL);
    types[width + more] = WR_TYPE(U64);
    *out = (wr_stream){.tail = out->tail, .types = types, .visible_count = width + more,
                       .hidden_count = positioned, .ordered = wr_plan_key_width(logical) == 0};
    if (positioned && logical->aggregate.set_count)
        return wr_sets_position(b, logical, out, err);
    return more ? show_first_intervals(b, logical, out, err) : WR_OK;
}
