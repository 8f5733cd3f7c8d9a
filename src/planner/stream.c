/* planner/stream.c — streams while pipelines are built: operators behind their tail, the columns they carry,
 * and the position columns that tell the order of their rows.
 *
 * Invariants
 *  1. Expressions that are not plain columns are computed by a project in front of the operator
 *     that wants them, so operators only ever see column numbers.
 *  2. Hidden columns come behind the visible ones and order the rows of a stream that is not ordered.
 * Cost: linear in the columns. */
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

/* ---- Operators ------------------------------------------------------------------------------- */

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

/* ---- Sorts ----------------------------------------------------------------------------------- */

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
