/* planner/build_window.c — what a window operator is told: its columns, frames and points.
 *
 * Functions that look at the same frame, or take values of the same row, share it. */
#include "planner/planner_priv.h"

typedef struct window_columns {
    wr_expr **exprs;
    uint32_t  count;
} window_columns;

/* Column of `expr`, appended if it is not there yet; NONE for none. */
static uint32_t find_column(window_columns *columns, wr_expr *expr)
{
    if (!expr)
        return WR_FIELD_NONE;
    for (uint32_t i = 0; i < columns->count; i++)
        if (wr_expr_equal(columns->exprs[i], expr) && wr_expr_is_repeatable(expr))
            return i;
    columns->exprs[columns->count] = expr;
    return columns->count++;
}

static uint32_t find_frame(wr_plan_window *plan, wr_window_frame *frames,
                           const wr_window_frame *wanted)
{
    for (uint32_t i = 0; i < plan->frame_count; i++) {
        const wr_window_frame *frame = &frames[i];

        if (frame->scope == wanted->scope && wr_frame_equal(&frame->frame, &wanted->frame) &&
            wr_bound_equal(frame->least, wanted->least) &&
            wr_bound_equal(frame->most, wanted->most) &&
            memcmp(frame->range_keys, wanted->range_keys, sizeof frame->range_keys) == 0 &&
            memcmp(frame->range_values, wanted->range_values, sizeof frame->range_values) == 0)
            return i;
    }
    frames[plan->frame_count] = *wanted;
    frames[plan->frame_count].aggs.position = WR_FIELD_NONE;
    return plan->frame_count++;
}

static uint32_t find_scope(wr_plan_window *plan, const wr_plan_function *function)
{
    for (uint32_t s = 0; s < plan->scope_count; s++)
        if (plan->scopes[s].partition_count == function->partition_count &&
            plan->scopes[s].key_count == function->key_count)
            return s;
    plan->scopes[plan->scope_count] =
        (wr_window_scope){function->partition_count, function->key_count};
    return plan->scope_count++;
}

/* The parts of a function's frame, in order of rows. */
static void find_function_frames(const wr_plan_function *function, wr_plan_window *plan,
                                 window_columns *columns, wr_window *out)
{
    wr_frame_exclude exclude = function->frame.exclude;
    wr_frame_units   units = exclude == WR_EXCLUDE_ROW ? WR_FRAME_ROWS : WR_FRAME_GROUPS;
    wr_window_frame *frames = (wr_window_frame *)(uintptr_t)plan->frames;
    wr_window_frame  wanted = {.scope = out->scope, .frame = function->frame}, part;

    for (uint32_t end = 0; end < 2; end++) {
        wanted.range_keys[end] = find_column(columns, function->range_keys[end]);
        wanted.range_values[end] = find_column(columns, function->range_values[end]);
    }
    out->part_count = 0;
    part = wanted;
    if (exclude != WR_EXCLUDE_NOTHING)
        part.most = (wr_frame_bound){units, -1};
    out->frames[out->part_count++] = find_frame(plan, frames, &part);
    if (exclude == WR_EXCLUDE_TIES) {
        part.least = part.most = (wr_frame_bound){WR_FRAME_ROWS, 0};
        out->frames[out->part_count++] = find_frame(plan, frames, &part);
    }
    if (exclude != WR_EXCLUDE_NOTHING) {
        part = wanted;
        part.least = (wr_frame_bound){units, 1};
        out->frames[out->part_count++] = find_frame(plan, frames, &part);
    }
}

static uint32_t find_point(wr_plan_window *plan, wr_window_point *points, wr_window_point point)
{
    for (uint32_t i = 0; i < plan->point_count; i++)
        if (points[i].scope == point.scope && points[i].kind == point.kind && points[i].offset == point.offset &&
            points[i].frame == point.frame && points[i].nulls == point.nulls &&
            memcmp(points[i].earlier, point.earlier, sizeof point.earlier) == 0)
            return i;
    points[plan->point_count] = point;
    return plan->point_count++;
}

static wr_status add_agg(wr_builder *b, const wr_plan_function *function, wr_window *out,
                         wr_window_frame *frame, window_columns *columns, uint32_t function_count,
                         wr_error *err)
{
    const wr_plan_agg *agg = &function->agg;
    wr_agg            *aggs = (wr_agg *)(uintptr_t)frame->aggs.aggs;

    if (!aggs) {
        aggs = WR_BUMP_NEW_ARRAY(b->bump, wr_agg, function_count, err);
        if (!aggs)
            return WR_NO_MEMORY;
        frame->aggs.aggs = aggs;
    }
    out->agg = frame->aggs.agg_count++;
    aggs[out->agg] = (wr_agg){
        .kind = agg->kind,
        .argument = find_column(columns, agg->argument),
        .order = find_column(columns, agg->order),
        .filter = find_column(columns, agg->filter),
        .argument_type = agg->argument ? agg->argument->type : WR_TYPE(NULL_),
        .order_type = agg->order ? agg->order->type : WR_TYPE(NULL_),
        .result_type = agg->type,
        .fraction = agg->fraction,
        .values_max = (uint32_t)agg->values_max,
    };
    return WR_OK;
}

/* One that needs all values of its frame. */
static wr_status add_values(wr_builder *b, const wr_plan_agg *agg, wr_window *io_window,
                            wr_plan_window *plan, window_columns *columns, wr_error *err)
{
    wr_window_values *values = (wr_window_values *)(uintptr_t)&plan->values[plan->value_count++];
    wr_ordered_agg   *aggregate = WR_BUMP_NEW(b->bump, wr_ordered_agg, err);
    wr_type          *type = WR_BUMP_NEW(b->bump, wr_type, err);
    wr_expr          *argument;

    if (!aggregate || !type)
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_when(b->bump, agg->filter, agg->argument, &argument, err));
    *type = argument->type;
    *aggregate = (wr_ordered_agg){.kind = agg->kind, .result_type = agg->type,
                                  .fraction = agg->fraction, .descending = agg->descending};
    *values = (wr_window_values){
        .aggregate = {.types = type, .column_count = 1, .by_value = true, .aggs = aggregate,
                      .agg_count = 1, .filter = WR_FIELD_NONE, .position = WR_FIELD_NONE},
        .argument = find_column(columns, argument),
        .part_count = io_window->part_count,
    };
    memcpy(values->frames, io_window->frames, sizeof values->frames);
    io_window->values = values;
    return WR_OK;
}

static void add_points(const wr_plan_function *function, wr_window *out, wr_plan_window *plan,
                       window_columns *columns)
{
    wr_window_point point = {.kind = function->kind, .scope = out->scope, .offset = function->offset,
                             .earlier = {WR_FIELD_NONE, WR_FIELD_NONE}};

    point.nulls = function->ignore_nulls ? out->argument : WR_FIELD_NONE;
    if (function->kind == WR_WINDOW_LAG || function->kind == WR_WINDOW_LEAD)
        out->part_count = 1;
    else
        find_function_frames(function, plan, columns, out);
    for (uint32_t p = 0; p < out->part_count; p++) {
        point.frame = out->frames[p];
        out->points[p] = find_point(plan, (wr_window_point *)(uintptr_t)plan->points, point);
        if (function->kind == WR_WINDOW_NTH_VALUE && p < WR_WINDOW_PARTS - 1)
            point.earlier[p] = point.frame;
    }
}

static wr_status add_function(wr_builder *b, const wr_plan_function *function, wr_window *out,
                              wr_plan_window *plan, window_columns *columns, wr_error *err)
{
    static const wr_window_frame WHOLE = {.range_keys = {WR_FIELD_NONE, WR_FIELD_NONE},
                                          .range_values = {WR_FIELD_NONE, WR_FIELD_NONE}};
    wr_window_frame       whole = WHOLE, to_peers;
    wr_window_frame      *frames = (wr_window_frame *)(uintptr_t)plan->frames;

    *out = (wr_window){
        .kind = function->kind,
        .scope = find_scope(plan, function),
        .frames = {WR_FIELD_NONE, WR_FIELD_NONE, WR_FIELD_NONE},
        .argument = find_column(columns, function->argument),
        .fallback = find_column(columns, function->fallback),
        .offset = function->offset,
        .type = function->type,
    };
    whole.scope = out->scope;
    to_peers = whole;
    if (wr_window_takes_value(function->kind)) {
        add_points(function, out, plan, columns);
    } else if (function->kind == WR_WINDOW_AGGREGATE) {
        find_function_frames(function, plan, columns, out);
        if (function->agg.distinct || wr_agg_is_ordered(function->agg.kind))
            return add_values(b, &function->agg, out, plan, columns, err);
        for (uint32_t p = 0; p < out->part_count; p++)
            WR_TRY(add_agg(b, function, out, &frames[out->frames[p]], columns,
                           plan->function_count, err));
    } else if (function->kind == WR_WINDOW_CUME_DIST) {
        to_peers.frame.end.units = function->key_count > function->partition_count
                                          ? WR_FRAME_GROUPS
                                          : WR_FRAME_UNBOUNDED;
        out->frames[0] = find_frame(plan, frames, &to_peers);
        out->total = find_frame(plan, frames, &whole);
    } else if (function->kind == WR_WINDOW_PERCENT_RANK || function->kind == WR_WINDOW_NTILE) {
        out->frames[0] = find_frame(plan, frames, &whole);
    }
    return WR_OK;
}

/* Partition and order keys come first, as the operator compares them. */
static void add_keys(const wr_plan_node *logical, wr_sort_key *keys, window_columns *columns)
{
    for (uint32_t k = 0; k < logical->window.partition_count; k++) {
        keys[columns->count] = (wr_sort_key){.column = columns->count};
        columns->exprs[columns->count++] = logical->window.partitions[k];
    }
    for (uint32_t k = 0; k < logical->window.order_count; k++) {
        const wr_plan_key *key = &logical->window.order[k];

        keys[columns->count] = (wr_sort_key){.column = columns->count,
                                             .descending = key->descending,
                                             .nulls_first = key->nulls_first};
        columns->exprs[columns->count++] = key->expr;
    }
}

static wr_status add_outputs(wr_builder *b, const wr_stream *stream, uint32_t *outputs,
                             window_columns *columns, wr_error *err)
{
    for (uint32_t c = 0; c < stream->visible_count; c++) {
        wr_expr *expr = wr_expr_column(b->bump, c, stream->types[c], true, err);

        if (!expr)
            return WR_NO_MEMORY;
        outputs[c] = find_column(columns, expr);
    }
    return WR_OK;
}

static void finish_frames(wr_plan_window *plan, wr_window_frame *frames)
{
    for (uint32_t i = 0; i < plan->frame_count; i++) {
        frames[i].aggs.types = plan->types;
        frames[i].aggs.column_count = plan->kept_count;
        for (uint32_t a = 0; a < frames[i].aggs.agg_count; a++)
            if (wr_agg_needs_position(frames[i].aggs.aggs[a].kind))
                frames[i].aggs.position = plan->kept_count;
    }
}

wr_status wr_window_plan_make(wr_builder *b, const wr_plan_node *logical, const wr_stream *stream,
                              wr_expr ***out_exprs, wr_plan_window **out_plan, wr_error *err)
{
    uint32_t functions = logical->window.function_count;
    uint32_t key_count = logical->window.partition_count + logical->window.order_count;
    uint32_t room = key_count + stream->visible_count + 9 * functions + stream->hidden_count + 1;
    wr_plan_window  *plan = WR_BUMP_NEW(b->bump, wr_plan_window, err);
    wr_window_frame *frames = WR_BUMP_NEW_ARRAY(b->bump, wr_window_frame,
                                              WR_WINDOW_PARTS * functions + 1, err);
    wr_window_point *points = WR_BUMP_NEW_ARRAY(b->bump, wr_window_point,
                                              WR_WINDOW_PARTS * functions + 1, err);
    wr_window_values *values = WR_BUMP_NEW_ARRAY(b->bump, wr_window_values, functions + 1, err);
    wr_window       *made = WR_BUMP_NEW_ARRAY(b->bump, wr_window, functions + 1, err);
    wr_sort_key     *keys = WR_BUMP_NEW_ARRAY(b->bump, wr_sort_key,
                                              key_count + stream->hidden_count + 1, err);
    uint32_t        *outputs = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, stream->visible_count + 1, err);
    wr_type         *types = WR_BUMP_NEW_ARRAY(b->bump, wr_type, room, err);
    window_columns   columns = {.exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, room, err)};

    if (!plan || !frames || !points || !values || !made || !keys || !outputs || !types || !columns.exprs)
        return WR_NO_MEMORY;
    *plan = (wr_plan_window){
        .types = types,
        .keys = keys,
        .key_count = key_count + stream->hidden_count,
        .outputs = outputs,
        .output_count = stream->visible_count,
        .frames = frames,
        .points = points,
        .values = values,
        .functions = made,
        .function_count = functions,
    };
    if (logical->window.top_max) /* all its functions are of one window then */
        plan->top = (wr_plan_top){logical->window.top_kind, logical->window.top_max,
                                  logical->window.functions[0].partition_count,
                                  logical->window.functions[0].key_count};
    add_keys(logical, keys, &columns);
    WR_TRY(add_outputs(b, stream, outputs, &columns, err));
    for (uint32_t f = 0; f < functions; f++)
        WR_TRY(add_function(b, &logical->window.functions[f], &made[f], plan, &columns, err));
    plan->kept_count = columns.count;
    plan->column_count = columns.count + stream->hidden_count;
    finish_frames(plan, frames);
    for (uint32_t h = 0; h < stream->hidden_count; h++) {
        uint32_t from = stream->visible_count + h;

        keys[key_count + h] = (wr_sort_key){.column = columns.count};
        columns.exprs[columns.count] =
            wr_expr_column(b->bump, from, stream->types[from], true, err);
        if (!columns.exprs[columns.count++])
            return WR_NO_MEMORY;
    }
    for (uint32_t c = 0; c < columns.count; c++)
        types[c] = columns.exprs[c]->type;
    *out_exprs = columns.exprs;
    *out_plan = plan;
    return WR_OK;
}
