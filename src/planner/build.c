/* planner/build.c — logical nodes to operators, bottom-up, each once.
 *
 * Invariants
 *  1. A stream that is not ordered carries hidden position columns if anything above it depends on
 *     source order (needs_position, computed top-down before building).
 *  2. A sink sees visible columns only.
 * Call order: wr_builder_run once per attempt. Cost: linear in the plan. */
#include "planner/planner_priv.h"

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

/* Does the node draw numbers? What a row draws goes by its place. */
static bool draws(const wr_plan_node *node)
{
    uint32_t count = node->kind == WR_PLAN_PROJECT ? node->project.expr_count : 0;
    bool     any = node->kind == WR_PLAN_FILTER && !wr_expr_is_repeatable(node->filter.predicate);

    for (uint32_t i = 0; i < count; i++)
        any |= !wr_expr_is_repeatable(node->project.exprs[i]);
    return any;
}

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

/* What the files have, and what the names of their folders have. */
static wr_status plan_folder(wr_builder *b, const wr_plan_node *logical, wr_plan_folder_sink *plan,
                             wr_write_request *request, wr_error *err)
{
    const wr_plan_folder *folder = &logical->sink.folder;
    const wr_schema      *schema = &logical->schema;
    uint32_t              width = schema->field_count;
    wr_field   *fields = WR_BUMP_NEW_ARRAY(b->bump, wr_field, width + 1, err);
    wr_field   *partition_fields = WR_BUMP_NEW_ARRAY(b->bump, wr_field, width + 1, err);
    uint32_t   *columns = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, width + 1, err);
    wr_schema  *files = WR_BUMP_NEW(b->bump, wr_schema, err);
    const char *endings = plan->file.format->endings;

    if (!fields || !partition_fields || !columns || !files)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < width; c++) {
        bool in_name = false;

        for (uint32_t i = 0; i < folder->partition_count; i++)
            in_name |= folder->partitions[i] == c;
        if (in_name)
            continue;
        fields[plan->column_count] = schema->fields[c];
        columns[plan->column_count++] = c;
    }
    for (uint32_t i = 0; i < folder->partition_count; i++)
        partition_fields[i] = schema->fields[folder->partitions[i]];
    *files = (wr_schema){plan->column_count, fields};
    request->schema = files;
    plan->ending = (wr_text){endings, strcspn(endings, " ")};
    plan->columns = columns;
    plan->partitions = folder->partitions;
    plan->partition_fields = partition_fields;
    plan->partition_count = folder->partition_count;
    plan->file_rows = folder->file_rows;
    plan->file_bytes = folder->file_bytes;
    return WR_OK;
}

static wr_status build_sink(wr_builder *b, const wr_plan_node *logical, wr_stream *in,
                            wr_error *err)
{
    const wr_target     *target = logical->sink.target;
    bool                 folder = logical->sink.folder.is_wanted;
    wr_plan_folder_sink *plan = WR_BUMP_NEW(b->bump, wr_plan_folder_sink, err);
    wr_write_request    *request = WR_BUMP_NEW(b->bump, wr_write_request, err);
    wr_node             *node;

    if (!plan || !request)
        return WR_NO_MEMORY;
    if (b->fit->deterministic && !in->ordered)
        WR_TRY(wr_stream_sort_by_position(b, in, 0, UINT64_MAX, logical, err));
    WR_TRY(wr_stream_drop_hidden(b, in, logical, err));
    *request = (wr_write_request){
        .options = target->options,
        .schema = &logical->schema,
        .block_bytes = b->fit->sink_block_bytes,
    };
    plan->file = (wr_plan_file_sink){
        .format = target->format,
        .request = request,
        .fs = target->fs,
        .path = target->path,
        .mode = target->mode,
        .codec = target->codec,
        .level = target->level,
        .ordered = in->ordered,
    };
    if (folder)
        WR_TRY(plan_folder(b, logical, plan, request, err));
    WR_TRY(wr_builder_add_node(b, WR_ROLE_SINK,
                               folder                   ? &WR_FOLDER_SINK
                               : target->format->writer ? &WR_FILE_SINK
                                                        : &WR_BLOCK_SINK,
                               folder ? (const void *)plan : &plan->file, logical, &node, err));
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
            needs = needs || wr_aggregate_minds_position(node);
            break;
        case WR_PLAN_FILTER:
        case WR_PLAN_PROJECT:
            needs = needs || draws(node);
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
    if (!out->ordered && draws(node)) /* its rows have no place that is their own: they get one */
        WR_TRY(wr_stream_sort_by_position(b, out, 0, UINT64_MAX, node, err));
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
        return wr_aggregate_build(b, node, out, err);
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
