/* planner/build.c — logical nodes to operators, bottom-up, each once.
 *
 * Invariants
 *  1. A stream that is not ordered carries hidden position columns if anything above it depends on
 *     source order (needs_position, computed top-down before building).
 *  2. Expressions that are not plain columns are computed by a project in front of the operator
 *     that wants them, so operators only ever see column numbers.
 *  3. A sink sees visible columns only.
 * Call order: wr_builder_run once per attempt. Cost: linear in the plan. */
#include "base/bits.h"
#include "expr/operators.h"
#include "planner/planner_priv.h"

wr_status wr_node_list_add(wr_node_list *list, wr_node *node, wr_bump *bump, wr_error *err)
{
    if (list->count == list->capacity) {
        uint32_t  capacity = list->capacity ? list->capacity * 2 : 16;
        wr_node **items = WR_BUMP_NEW_ARRAY(bump, wr_node *, capacity, err);

        if (!items)
            return WR_NO_MEMORY;
        if (list->count)
            memcpy(items, list->items, list->count * sizeof items[0]);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = node;
    return WR_OK;
}

/* ---- Physical nodes -------------------------------------------------------------------------- */

wr_status wr_builder_add_node(wr_builder *b, wr_role role, const void *ops, const void *plan,
                          const wr_plan_node *logical, wr_node **out_node, wr_error *err)
{
    wr_node *node = WR_BUMP_NEW(b->bump, wr_node, err);

    if (!node)
        return WR_NO_MEMORY;
    node->role = role;
    node->source = ops; /* the union's members are all pointers to const vtables */
    node->plan = plan;
    node->label = wr_plan_node_label(b->plan, logical);
    node->local_slot = b->nodes.count;
    WR_TRY(wr_node_list_add(&b->nodes, node, b->bump, err));
    *out_node = node;
    return WR_OK;
}

/* Append `node` behind the stream's tail. */
wr_status wr_stream_attach(wr_stream *stream, wr_node *node, wr_error *err)
{
    wr_node *tail = stream->tail;

    if (tail->next_count == WR_NODE_NEXT_MAX)
        return WR_RAISE(err, WR_UNSUPPORTED, "more than %d steps read %s: write it to a file first",
                        WR_NODE_NEXT_MAX, tail->label);
    tail->next[tail->next_count++] = node;
    return WR_OK;
}

wr_status wr_stream_append(wr_builder *b, wr_stream *stream, const wr_transform_ops *ops,
                                  const void *plan, const wr_plan_node *logical, wr_error *err)
{
    wr_node *node;

    WR_TRY(wr_builder_add_node(b, WR_ROLE_TRANSFORM, ops, plan, logical, &node, err));
    WR_TRY(wr_stream_attach(stream, node, err));
    stream->tail = node;
    return WR_OK;
}

wr_status wr_stream_break(wr_builder *b, wr_stream *stream, const wr_sink_ops *sink_ops,
                          const wr_source_ops *source_ops, const void *plan,
                          const wr_plan_node *logical, wr_error *err)
{
    wr_node *sink, *reader;

    WR_TRY(wr_builder_add_node(b, WR_ROLE_SINK, sink_ops, plan, logical, &sink, err));
    WR_TRY(wr_stream_attach(stream, sink, err));
    WR_TRY(wr_builder_add_node(b, WR_ROLE_SOURCE, source_ops, plan, logical, &reader, err));
    reader->state = sink;
    stream->tail = reader;
    return WR_OK;
}

wr_type *wr_types_copy(wr_builder *b, const wr_type *types, uint32_t count, uint32_t room,
                           wr_error *err)
{
    wr_type *copy = WR_BUMP_NEW_ARRAY(b->bump, wr_type, room + 1, err);

    if (copy && count)
        memcpy(copy, types, count * sizeof types[0]);
    return copy;
}

wr_status wr_schema_types(wr_builder *b, const wr_schema *schema, wr_type **out_types,
                                 wr_error *err)
{
    wr_type *types = WR_BUMP_NEW_ARRAY(b->bump, wr_type, schema->field_count + 1, err);

    if (!types)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < schema->field_count; i++)
        types[i] = schema->fields[i].type;
    *out_types = types;
    return WR_OK;
}

/* A schema without names, for programs over physical columns. */
wr_status wr_types_schema(wr_builder *b, const wr_type *types, uint32_t count,
                                 wr_schema **out_schema, wr_error *err)
{
    wr_schema *schema = WR_BUMP_NEW(b->bump, wr_schema, err);

    if (!schema)
        return WR_NO_MEMORY;
    schema->fields = WR_BUMP_NEW_ARRAY(b->bump, wr_field, count + 1, err);
    if (!schema->fields)
        return WR_NO_MEMORY;
    schema->field_count = count;
    for (uint32_t i = 0; i < count; i++)
        schema->fields[i] = (wr_field){.name = WR_TEXT(""), .type = types[i], .nullable = true};
    *out_schema = schema;
    return WR_OK;
}

/* Replace the stream's columns by `exprs` (physical columns); the last `hidden_count` are hidden. */
wr_status wr_stream_project(wr_builder *b, wr_stream *stream, wr_expr **exprs,
                                uint32_t expr_count, uint32_t hidden_count,
                                const wr_plan_node *logical, wr_error *err)
{
    wr_plan_project *plan = WR_BUMP_NEW(b->bump, wr_plan_project, err);
    wr_type         *types = WR_BUMP_NEW_ARRAY(b->bump, wr_type, expr_count + 1, err);
    wr_schema       *input, *output;

    if (!plan || !types)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < expr_count; i++)
        types[i] = exprs[i]->type;
    WR_TRY(wr_types_schema(b, stream->types, wr_stream_width(stream), &input, err));
    WR_TRY(wr_types_schema(b, types, expr_count, &output, err));
    WR_TRY(wr_program_compile(exprs, expr_count, input, b->bump, &plan->program, err));
    plan->schema = output;
    plan->heap_bytes = b->exec.page_bytes;
    WR_TRY(wr_stream_append(b, stream, &WR_PROJECT, plan, logical, err));
    stream->types = types;
    stream->visible_count = expr_count - hidden_count;
    stream->hidden_count = hidden_count;
    return WR_OK;
}

wr_expr *wr_stream_column(wr_builder *b, const wr_stream *stream, uint32_t column, wr_error *err)
{
    return wr_expr_column(b->bump, column, stream->types[column], true, err);
}

/* exprs[at ..] = the stream's hidden columns. */
wr_status wr_stream_add_hidden(wr_builder *b, const wr_stream *stream, wr_expr **exprs, uint32_t at,
                            wr_error *err)
{
    for (uint32_t h = 0; h < stream->hidden_count; h++) {
        exprs[at + h] = wr_stream_column(b, stream, stream->visible_count + h, err);
        if (!exprs[at + h])
            return WR_NO_MEMORY;
    }
    return WR_OK;
}

/* Make sure that position columns are there. */
wr_status wr_stream_position(wr_builder *b, wr_stream *stream, const wr_plan_node *logical,
                                 wr_error *err)
{
    wr_plan_position *plan;
    wr_type          *types;

    if (stream->hidden_count)
        return WR_OK;
    wr_assert(stream->ordered, "an unordered stream carries positions when they are needed");
    plan = WR_BUMP_NEW(b->bump, wr_plan_position, err);
    if (!plan)
        return WR_NO_MEMORY;
    plan->column_count = stream->visible_count;
    types = wr_types_copy(b, stream->types, stream->visible_count, stream->visible_count + 1, err);
    if (!types)
        return WR_NO_MEMORY;
    types[stream->visible_count] = WR_TYPE(U64);
    WR_TRY(wr_stream_append(b, stream, &WR_POSITION, plan, logical, err));
    stream->types = types;
    stream->hidden_count = 1;
    return WR_OK;
}

wr_status wr_stream_drop_hidden(wr_builder *b, wr_stream *stream, const wr_plan_node *logical,
                             wr_error *err)
{
    wr_expr **exprs;

    if (stream->hidden_count == 0)
        return WR_OK;
    exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, stream->visible_count + 1, err);
    if (!exprs)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < stream->visible_count; i++)
        if (!(exprs[i] = wr_stream_column(b, stream, i, err)))
            return WR_NO_MEMORY;
    return wr_stream_project(b, stream, exprs, stream->visible_count, 0, logical, err);
}

/* ---- Sources ----------------------------------------------------------------------------------- */

static wr_status build_generate(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                                wr_error *err)
{
    enum { MORSEL_ROWS = 16 * WR_BATCH_ROWS_MAX };
    wr_plan_generate *plan = WR_BUMP_NEW(b->bump, wr_plan_generate, err);
    wr_type           i_type = WR_TYPE(I64);
    wr_schema        *input;

    if (!plan)
        return WR_NO_MEMORY;
    WR_TRY(wr_types_schema(b, &i_type, 1, &input, err));
    WR_TRY(wr_program_compile(logical->generate.exprs, logical->generate.expr_count, input,
                              b->bump, &plan->program, err));
    plan->row_count = logical->generate.row_count;
    plan->seed = logical->generate.seed;
    plan->schema = &logical->schema;
    plan->morsel_rows = MORSEL_ROWS;
    WR_TRY(wr_builder_add_node(b, WR_ROLE_SOURCE, &WR_GENERATE, plan, logical, &out->tail, err));
    WR_TRY(wr_schema_types(b, &logical->schema, &out->types, err));
    out->visible_count = logical->schema.field_count;
    out->ordered = true;
    return WR_OK;
}

/* ---- Row by row --------------------------------------------------------------------------------- */

static wr_status build_filter(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                              wr_error *err)
{
    wr_plan_filter *plan = WR_BUMP_NEW(b->bump, wr_plan_filter, err);
    wr_expr        *predicate = logical->filter.predicate;
    wr_schema      *input;

    if (wr_scan_filters(out->tail))
        return WR_OK;
    if (!plan)
        return WR_NO_MEMORY;
    WR_TRY(wr_types_schema(b, out->types, wr_stream_width(out), &input, err));
    WR_TRY(wr_program_compile(&predicate, 1, input, b->bump, &plan->predicate, err));
    return wr_stream_append(b, out, &WR_FILTER, plan, logical, err);
}

static wr_status build_project(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                               wr_error *err)
{
    uint32_t  count = logical->project.expr_count;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, count + out->hidden_count + 1, err);

    if (!exprs)
        return WR_NO_MEMORY;
    memcpy(exprs, logical->project.exprs, count * sizeof exprs[0]);
    WR_TRY(wr_stream_add_hidden(b, out, exprs, count, err));
    return wr_stream_project(b, out, exprs, count + out->hidden_count, out->hidden_count, logical,
                          err);
}

/* ---- Sort and limit ------------------------------------------------------------------------------- */

/* Sink + reading source over the stream as it is; keys are physical columns. */
wr_status wr_stream_sort(wr_builder *b, wr_stream *stream, wr_sort_key *keys,
                             uint32_t key_count, uint32_t output_count, uint64_t offset_rows,
                             uint64_t rows_max, const wr_plan_node *logical, wr_error *err)
{
    wr_plan_sort *plan = WR_BUMP_NEW(b->bump, wr_plan_sort, err);
    wr_node      *sink, *tail;

    if (!plan)
        return WR_NO_MEMORY;
    *plan = (wr_plan_sort){
        .types = stream->types,
        .column_count = wr_stream_width(stream),
        .keys = keys,
        .key_count = key_count,
        .output_count = output_count,
        .offset_rows = offset_rows,
        .rows_max = rows_max,
    };
    WR_TRY(wr_builder_add_node(b, WR_ROLE_SINK, &WR_SORT, plan, logical, &sink, err));
    WR_TRY(wr_stream_attach(stream, sink, err));
    tail = sink;
    if (!b->merged[logical->number]) { /* else the merge join reads it */
        WR_TRY(wr_builder_add_node(b, WR_ROLE_SOURCE, &WR_SORT_READ, plan, logical, &tail, err));
        tail->state = sink;
    }
    *stream = (wr_stream){.tail = tail, .types = stream->types, .visible_count = output_count,
                          .ordered = true};
    return WR_OK;
}

/* Sort by position alone: afterwards the stream is ordered again. */
wr_status wr_stream_sort_by_position(wr_builder *b, wr_stream *stream, uint64_t offset_rows,
                                      uint64_t rows_max, const wr_plan_node *logical,
                                      wr_error *err)
{
    wr_sort_key *keys = WR_BUMP_NEW_ARRAY(b->bump, wr_sort_key, stream->hidden_count + 1, err);
    wr_join_limit *limit;

    if (!keys)
        return WR_NO_MEMORY;
    for (uint32_t h = 0; h < stream->hidden_count; h++)
        keys[h] = (wr_sort_key){.column = stream->visible_count + h};
    limit = stream->limit;
    WR_TRY(wr_stream_sort(b, stream, keys, stream->hidden_count, stream->visible_count, offset_rows,
                          rows_max, logical, err));
    if (limit)
        limit->sort = stream->tail->state;
    return WR_OK;
}

static wr_status build_limit(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                             wr_error *err)
{
    wr_plan_limit *plan;

    if (!out->ordered)
        return wr_stream_sort_by_position(b, out, logical->limit.offset_rows, logical->limit.rows_max,
                                    logical, err);
    plan = WR_BUMP_NEW(b->bump, wr_plan_limit, err);
    if (!plan)
        return WR_NO_MEMORY;
    plan->offset_rows = logical->limit.offset_rows;
    plan->rows_max = logical->limit.rows_max;
    return wr_stream_append(b, out, &WR_LIMIT, plan, logical, err);
}

static wr_status build_sort(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                            wr_error *err)
{
    uint32_t     visible = out->visible_count, key_count = logical->sort.key_count;
    uint32_t     computed = 0;
    wr_sort_key *keys;
    wr_expr    **exprs;

    WR_TRY(wr_stream_position(b, out, logical, err));
    keys = WR_BUMP_NEW_ARRAY(b->bump, wr_sort_key, key_count + out->hidden_count, err);
    exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, visible + key_count + out->hidden_count, err);
    if (!keys || !exprs)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < visible; i++)
        if (!(exprs[i] = wr_stream_column(b, out, i, err)))
            return WR_NO_MEMORY;
    for (uint32_t k = 0; k < key_count; k++) {
        const wr_plan_key *key = &logical->sort.keys[k];

        keys[k] = (wr_sort_key){.column = key->expr->column, .descending = key->descending,
                                .nulls_first = key->nulls_first};
        if (key->expr->kind != WR_EXPR_COLUMN) {
            keys[k].column = visible + computed;
            exprs[visible + computed++] = key->expr;
        }
    }
    for (uint32_t h = 0; h < out->hidden_count; h++)
        keys[key_count + h] = (wr_sort_key){.column = visible + computed + h};
    if (computed) {
        WR_TRY(wr_stream_add_hidden(b, out, exprs, visible + computed, err));
        WR_TRY(wr_stream_project(b, out, exprs, visible + computed + out->hidden_count,
                              out->hidden_count, logical, err));
    }
    return wr_stream_sort(b, out, keys, key_count + out->hidden_count, visible,
                       logical->sort.offset_rows, logical->sort.rows_max, logical, err);
}

/* ---- Aggregate ------------------------------------------------------------------------------------ */

/* Intervals may be equal and written differently: a group shows its first by source position. */
static uint32_t interval_key_count(const wr_plan_node *logical)
{
    uint32_t count = 0;

    for (uint32_t k = 0; k < logical->aggregate.key_count; k++)
        count += logical->aggregate.keys[k]->type.logical == WR_TYPE_INTERVAL;
    return count;
}

static bool minds_position(const wr_plan_node *logical)
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

static wr_status build_aggregate(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                                 wr_error *err)
{
    bool ordered = logical->aggregate.agg_count > 0 &&
                   is_ordered(&logical->aggregate.aggs[0]);
    bool as_they_come = ordered && joins_as_they_come(b, logical, out);
    bool positioned = b->needs_position[logical->number] ||
                      (minds_position(logical) && !as_they_come);
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

/* ---- Window --------------------------------------------------------------------------------------- */

static wr_status build_window(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                              wr_error *err)
{
    wr_plan_window *plan;
    wr_expr       **exprs;
    wr_type        *types;

    WR_TRY(wr_stream_position(b, out, logical, err));
    WR_TRY(wr_window_plan_make(b, logical, out, &exprs, &plan, err));
    WR_TRY(wr_stream_project(b, out, exprs, plan->column_count, out->hidden_count, logical, err));
    WR_TRY(wr_stream_break(b, out, &WR_WINDOW, &WR_WINDOW_READ, plan, logical, err));
    WR_TRY(wr_schema_types(b, &logical->schema, &types, err));
    *out = (wr_stream){.tail = out->tail, .types = types,
                       .visible_count = logical->schema.field_count, .ordered = true};
    return WR_OK;
}

/* ---- Sink and spool ---------------------------------------------------------------------------------- */

/* A block of a columnar format against a chunk of a text format: what follows from that is how well it
 * compresses. */
enum { BLOCK_CHUNKS = 4 };

static wr_status build_sink(wr_builder *b, const wr_plan_node *logical, wr_stream *in,
                            wr_error *err)
{
    const wr_target   *target = logical->sink.target;
    wr_plan_file_sink *plan = WR_BUMP_NEW(b->bump, wr_plan_file_sink, err);
    wr_write_request  *request = WR_BUMP_NEW(b->bump, wr_write_request, err);
    wr_node           *node;

    if (!plan || !request)
        return WR_NO_MEMORY;
    if (b->fit->deterministic && !in->ordered)
        WR_TRY(wr_stream_sort_by_position(b, in, 0, UINT64_MAX, logical, err));
    WR_TRY(wr_stream_drop_hidden(b, in, logical, err));
    *request = (wr_write_request){
        .options = target->options,
        .schema = &logical->schema,
        .block_bytes = BLOCK_CHUNKS * b->chunk_bytes,
    };
    *plan = (wr_plan_file_sink){
        .format = target->format,
        .request = request,
        .fs = target->fs,
        .path = target->path,
        .mode = target->mode,
        .codec = target->codec,
        .level = target->level,
        .ordered = in->ordered,
    };
    WR_TRY(wr_builder_add_node(b, WR_ROLE_SINK, target->format->writer ? &WR_FILE_SINK : &WR_BLOCK_SINK,
                               plan, logical, &node, err));
    return wr_stream_attach(in, node, err);
}

/* Materialise the stream of `logical`; its readers get sources of their own (reader_stream). */
static wr_status build_spool(wr_builder *b, const wr_plan_node *logical, wr_stream *stream,
                             wr_error *err)
{
    wr_plan_spool *plan = WR_BUMP_NEW(b->bump, wr_plan_spool, err);
    wr_node       *sink;

    if (!plan)
        return WR_NO_MEMORY;
    if (stream->ordered)
        WR_TRY(wr_stream_position(b, stream, logical, err));
    plan->types = stream->types;
    plan->column_count = wr_stream_width(stream);
    plan->ordered = stream->ordered;
    WR_TRY(wr_builder_add_node(b, WR_ROLE_SINK, &WR_SPOOL, plan, logical, &sink, err));
    WR_TRY(wr_stream_attach(stream, sink, err));
    stream->tail = sink;
    if (stream->ordered)
        stream->hidden_count = 0;
    return WR_OK;
}

/* The stream of an input as one reader sees it. */
static wr_status reader_stream(wr_builder *b, const wr_plan_node *input, wr_stream *out,
                               wr_error *err)
{
    *out = b->streams[input->number];
    if (b->spooled[input->number]) {
        wr_node *sink = out->tail, *reader;

        WR_TRY(wr_builder_add_node(b, WR_ROLE_SOURCE, &WR_SPOOL_READ, sink->plan, input, &reader, err));
        reader->state = sink;
        out->tail = reader;
    }
    return WR_OK;
}

/* ---- The whole ------------------------------------------------------------------------------------------ */

/* Top-down: which nodes must be able to tell their rows' source order? Sinks keep the order of an
 * ordered stream for free and need positions only to restore it. */
static void mark_positions(wr_builder *b)
{
    for (uint32_t n = b->plan->node_count; n-- > 0;) {
        const wr_plan_node *node = b->plan->nodes[n];
        bool                needs = b->needs_position[n];

        switch (node->kind) {
        case WR_PLAN_SORT:
        case WR_PLAN_LIMIT:
        case WR_PLAN_WINDOW:
        case WR_PLAN_DRAW:
            needs = true;
            break;
        case WR_PLAN_SINK:
            needs = b->fit->deterministic;
            break;
        case WR_PLAN_AGGREGATE:
            needs = needs || minds_position(node);
            break;
        default:
            break;
        }
        for (uint32_t i = 0; i < node->input_count; i++)
            b->needs_position[node->inputs[i]->number] |= needs;
        if (node->kind == WR_PLAN_JOIN && node->join.is_asof) /* equally near rows */
            b->needs_position[node->inputs[1]->number] = true;
        if (node->kind == WR_PLAN_LIMIT ||
            (b->limited[n] && (node->kind == WR_PLAN_FILTER || node->kind == WR_PLAN_PROJECT)))
            b->limited[node->inputs[0]->number] = b->reader_counts[node->inputs[0]->number] == 1;
    }
}

static wr_status build_node(wr_builder *b, const wr_plan_node *node, wr_error *err)
{
    wr_stream *out = &b->streams[node->number];
    wr_stream  left = {0}, right = {0};

    if (node->input_count > 0)
        WR_TRY(reader_stream(b, node->inputs[0], &left, err));
    if (node->input_count > 1)
        WR_TRY(reader_stream(b, node->inputs[1], &right, err));
    *out = left;
    switch (node->kind) {
    case WR_PLAN_SCAN:
        return wr_scan_build(b, node, out, err);
    case WR_PLAN_GENERATE:
        return build_generate(b, node, out, err);
    case WR_PLAN_FILTER:
        return build_filter(b, node, out, err);
    case WR_PLAN_PROJECT:
        return build_project(b, node, out, err);
    case WR_PLAN_SORT:
        return build_sort(b, node, out, err);
    case WR_PLAN_LIMIT:
        return build_limit(b, node, out, err);
    case WR_PLAN_AGGREGATE:
        return build_aggregate(b, node, out, err);
    case WR_PLAN_WINDOW:
        return build_window(b, node, out, err);
    case WR_PLAN_JOIN:
        return wr_join_build(b, node, &left, &right, out, err);
    case WR_PLAN_DRAW:
        return wr_draw_build(b, node, out, err);
    case WR_PLAN_REPEAT:
        return wr_repeat_build(b, node, out, err);
    case WR_PLAN_UNNEST:
        return wr_unnest_build(b, node, out, err);
    case WR_PLAN_UNION:
        return wr_union_build(b, node, &left, &right, out, err);
    case WR_PLAN_SINK:
        return build_sink(b, node, &left, err);
    case WR_PLAN_KIND_COUNT:
        break;
    }
    WR_UNREACHABLE();
}

static void finish_rests(wr_builder *b)
{
    for (uint32_t i = 0; i < b->rests.count; i++) {
        wr_node *rest = b->rests.items[i], *probe = b->probes.items[i];

        memcpy(rest->next, probe->next, sizeof rest->next);
        rest->next_count = probe->next_count;
    }
}

wr_status wr_builder_run(wr_builder *b, wr_error *err)
{
    for (uint32_t n = 0; n < b->plan->node_count; n++)
        for (uint32_t i = 0; i < b->plan->nodes[n]->input_count; i++)
            b->reader_counts[b->plan->nodes[n]->inputs[i]->number]++;
    mark_positions(b);
    wr_merge_rule_mark(b);
    for (uint32_t n = 0; n < b->plan->node_count; n++) {
        const wr_plan_node *node = b->plan->nodes[n];

        WR_TRY_WHILE(build_node(b, node, err), err, "planning %s",
                     wr_plan_node_label(b->plan, node));
        if (b->spooled[n])
            WR_TRY(build_spool(b, node, &b->streams[n], err));
    }
    finish_rests(b);
    wr_unions_finish(b);
    return WR_OK;
}
