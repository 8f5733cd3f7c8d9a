/* planner/build_join.c — joins: which sides, which columns, which operators.
 *
 * A hash join is three operators: a sink that keeps one side, a transform in the other's stream, and
 * a source that does the rest. Joins over sorted inputs are a source that reads two sorts. */
#include "planner/planner_priv.h"

/* ---- Join ------------------------------------------------------------------------------------------ */

/* One input while its join is built. */
typedef struct join_side {
    wr_stream *stream;
    uint32_t  *columns;         /* of the stream: keys, then sides of ordered conditions      */
    uint32_t  *out;             /* of the stream: the visible ones, then the hidden ones      */
    uint32_t   visible, hidden; /* put out                                                    */
    wr_join_limit *limit;       /* of the left side, by its position                          */
} join_side;

static bool puts_left_only(const wr_plan_node *logical)
{
    return logical->join.type == WR_PLAN_JOIN_SEMI || logical->join.type == WR_PLAN_JOIN_ANTI;
}

/* Expressions of one input: its keys, then its sides of the ordered conditions. */
static wr_status compared(wr_builder *b, const wr_plan_node *logical, bool right,
                          wr_expr ***out_exprs, uint32_t *out_count, wr_error *err)
{
    uint32_t  key_count = logical->join.key_count, range_count = logical->join.range_count;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, key_count + range_count + 1, err);

    if (!exprs)
        return WR_NO_MEMORY;
    for (uint32_t k = 0; k < key_count; k++)
        exprs[k] = right ? logical->join.right_keys[k] : logical->join.left_keys[k];
    for (uint32_t r = 0; r < range_count; r++)
        exprs[key_count + r] = right ? logical->join.ranges[r].right : logical->join.ranges[r].left;
    *out_exprs = exprs;
    *out_count = key_count + range_count;
    return WR_OK;
}

/* Those as columns of the stream; computed ones are appended behind the visible columns (before the
 * hidden ones) by a project. */
static wr_status join_keys(wr_builder *b, const wr_plan_node *logical, bool right,
                           wr_stream *stream, uint32_t **out_columns, uint32_t *out_visible,
                           wr_error *err)
{
    uint32_t  key_count, visible = stream->visible_count, computed = 0;
    wr_expr **keys;
    uint32_t *columns;
    wr_expr **exprs;

    WR_TRY(compared(b, logical, right, &keys, &key_count, err));
    columns = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, key_count + 1, err);
    exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, visible + key_count + stream->hidden_count + 1,
                              err);
    if (!columns || !exprs)
        return WR_NO_MEMORY;
    *out_visible = visible;
    for (uint32_t k = 0; k < key_count; k++) {
        columns[k] = keys[k]->column;
        if (keys[k]->kind == WR_EXPR_COLUMN)
            continue;
        columns[k] = visible;
        while (columns[k] < visible + computed && !wr_expr_equal(exprs[columns[k]], keys[k]))
            columns[k]++;
        if (columns[k] == visible + computed)
            exprs[visible + computed++] = keys[k];
    }
    *out_columns = columns;
    if (computed == 0)
        return WR_OK;
    for (uint32_t i = 0; i < visible; i++)
        if (!(exprs[i] = wr_stream_column(b, stream, i, err)))
            return WR_NO_MEMORY;
    WR_TRY(wr_stream_add_hidden(b, stream, exprs, visible + computed, err));
    return wr_stream_project(b, stream, exprs, visible + computed + stream->hidden_count,
                          stream->hidden_count, logical, err);
}

/* Output columns of one side: the wanted visible ones, then the hidden ones. */
static wr_status side_output(wr_builder *b, const wr_stream *stream, const uint32_t *columns,
                             join_side *side, wr_error *err)
{
    side->out = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, side->visible + side->hidden + 1, err);
    if (!side->out)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < side->visible; i++)
        side->out[i] = columns ? columns[i] : i;
    for (uint32_t h = 0; h < side->hidden; h++)
        side->out[side->visible + h] = stream->visible_count + h;
    return WR_OK;
}

static wr_status join_residual(wr_builder *b, const wr_plan_node *logical, wr_plan_join *plan,
                               wr_error *err)
{
    uint32_t  left_count = logical->inputs[0]->schema.field_count;
    uint32_t  right_count = logical->inputs[1]->schema.field_count;
    uint32_t  width = plan->probe_count + plan->build_count;
    uint32_t *map = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, left_count + right_count + 1, err);
    wr_type  *types = wr_types_copy(b, plan->probe_types, plan->probe_count, width, err);
    wr_schema *input;
    wr_expr   *residual;

    if (!map || !types)
        return WR_NO_MEMORY;
    memcpy(types + plan->probe_count, plan->build_types, plan->build_count * sizeof types[0]);
    for (uint32_t i = 0; i < left_count; i++)
        map[i] = plan->swapped ? plan->probe_count + i : i;
    for (uint32_t i = 0; i < right_count; i++)
        map[left_count + i] = plan->swapped ? i : plan->probe_count + i;
    residual = wr_expr_remap(logical->join.residual, map, b->bump, err);
    if (!residual)
        return WR_NO_MEMORY;
    WR_TRY(wr_types_schema(b, types, width, &input, err));
    return wr_program_compile(&residual, 1, input, b->bump, &plan->residual, err);
}

/* Bytes a node is likely to deliver; only ratios matter, and only for the choice of sides. */
static double estimate_bytes(const wr_plan_node *node)
{
    switch (node->kind) {
    case WR_PLAN_SCAN:
        return node->scan.table->bytes_total ? (double)node->scan.table->bytes_total : 1e9;
    case WR_PLAN_GENERATE:
        return (double)node->generate.row_count * 16.0 * node->generate.expr_count;
    case WR_PLAN_FILTER:
        return estimate_bytes(node->inputs[0]) * 0.5;
    case WR_PLAN_AGGREGATE:
        return estimate_bytes(node->inputs[0]) * (node->aggregate.key_count ? 0.2 : 0.0);
    case WR_PLAN_JOIN:
    case WR_PLAN_UNION:
        return estimate_bytes(node->inputs[0]) + estimate_bytes(node->inputs[1]);
    default:
        return node->input_count ? estimate_bytes(node->inputs[0]) : 0.0;
    }
}

/* Operators behind the probe and the rest share the same readers: `next` of the rest is copied
 * from the probe when everything is built (finish_rests). */
static wr_status attach_hash(wr_builder *b, const wr_plan_node *logical, const wr_plan_join *plan,
                             const join_side *left, const join_side *right, wr_node **out_tail,
                             wr_error *err)
{
    wr_stream *probe = plan->swapped ? right->stream : left->stream;
    wr_stream *build = plan->swapped ? left->stream : right->stream;
    wr_node   *sink, *transform, *rest;

    WR_TRY(wr_builder_add_node(b, WR_ROLE_SINK, &WR_JOIN_BUILD, plan, logical, &sink, err));
    WR_TRY(wr_stream_attach(build, sink, err));
    WR_TRY(wr_builder_add_node(b, WR_ROLE_TRANSFORM, &WR_JOIN_PROBE, plan, logical, &transform,
                               err));
    transform->state = sink;
    WR_TRY(wr_stream_attach(probe, transform, err));
    WR_TRY(wr_builder_add_node(b, WR_ROLE_SOURCE, &WR_JOIN_REST, plan, logical, &rest, err));
    rest->state = sink;
    WR_TRY(wr_node_list_add(&b->rests, rest, b->bump, err));
    WR_TRY(wr_node_list_add(&b->probes, transform, b->bump, err));
    *out_tail = transform;
    return WR_OK;
}

/* A source that reads the sorts in whose sinks both streams end. */
static wr_status attach_reader(wr_builder *b, const wr_plan_node *logical, const wr_source_ops *ops,
                               const void *plan, const join_side *left, const join_side *right,
                               wr_node **out_tail, wr_error *err)
{
    WR_TRY(wr_builder_add_node(b, WR_ROLE_SOURCE, ops, plan, logical, out_tail, err));
    (*out_tail)->reads[0] = left->stream->tail;
    (*out_tail)->reads[1] = right->stream->tail;
    return WR_OK;
}

static wr_status attach_merge(wr_builder *b, const wr_plan_node *logical, const wr_plan_join *join,
                              const join_side *left, const join_side *right, wr_node **out_tail,
                              wr_error *err)
{
    wr_plan_join_merge *plan = WR_BUMP_NEW(b->bump, wr_plan_join_merge, err);

    if (!plan)
        return WR_NO_MEMORY;
    *plan = (wr_plan_join_merge){*join, {left->stream->tail->plan, right->stream->tail->plan}};
    return attach_reader(b, logical, &WR_JOIN_MERGE, plan, left, right, out_tail, err);
}

/* Joined columns are (left visible, left hidden, right visible, right hidden): move hidden last. */
static wr_status move_hidden_last(wr_builder *b, const wr_plan_node *logical, wr_stream *stream,
                                  const join_side *left, const join_side *right, wr_error *err)
{
    uint32_t  left_count = left->visible + left->hidden, at = 0;
    uint32_t  width = left_count + right->visible + right->hidden;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, width + 1, err);
    uint32_t  starts[4] = {0, left_count, left->visible, left_count + right->visible};
    uint32_t  counts[4] = {left->visible, right->visible, left->hidden, right->hidden};

    if (!exprs)
        return WR_NO_MEMORY;
    for (uint32_t part = 0; part < 4; part++)
        for (uint32_t i = 0; i < counts[part]; i++)
            if (!(exprs[at++] = wr_stream_column(b, stream, starts[part] + i, err)))
                return WR_NO_MEMORY;
    return wr_stream_project(b, stream, exprs, width, left->hidden + right->hidden, logical, err);
}

static wr_status joined_types(wr_builder *b, const join_side *left, const join_side *right,
                              wr_type **out_types, wr_error *err)
{
    uint32_t left_count = left->visible + left->hidden;
    uint32_t right_count = right->visible + right->hidden;
    wr_type *types = WR_BUMP_NEW_ARRAY(b->bump, wr_type, left_count + right_count + 1, err);

    if (!types)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < left_count; i++)
        types[i] = left->stream->types[left->out[i]];
    for (uint32_t i = 0; i < right_count; i++)
        types[left_count + i] = right->stream->types[right->out[i]];
    *out_types = types;
    return WR_OK;
}

/* Sort one input by its keys, then by its side of the first ordered condition. In an asof join that is
 * so that of two rows the later one is the nearer: among equal ones of the right side the last in
 * source order if it comes before the left row, the first if it comes behind. */
static wr_status sort_side(wr_builder *b, const wr_plan_node *logical, const join_side *side,
                           bool by_position, wr_error *err)
{
    uint32_t     key_count = logical->join.key_count, count = key_count + 1;
    wr_range_op  op = logical->join.ranges[0].op;
    wr_stream   *stream = side->stream;
    bool         descending = logical->join.is_asof && (op == WR_RANGE_LT || op == WR_RANGE_LE);
    wr_sort_key *keys = WR_BUMP_NEW_ARRAY(b->bump, wr_sort_key, count + stream->hidden_count, err);

    if (!keys)
        return WR_NO_MEMORY;
    for (uint32_t k = 0; k < count; k++)
        keys[k] = (wr_sort_key){.column = side->columns[k],
                                .descending = k == key_count && descending};
    for (uint32_t h = 0; by_position && h < stream->hidden_count; h++)
        keys[count++] = (wr_sort_key){.column = stream->visible_count + h,
                                      .descending = descending};
    return wr_stream_sort(b, stream, keys, count, wr_stream_width(stream), 0, UINT64_MAX, logical,
                          err);
}

static wr_status attach_asof(wr_builder *b, const wr_plan_node *logical, const wr_plan_join *join,
                             const join_side *left, const join_side *right, wr_node **out_tail,
                             wr_error *err)
{
    wr_plan_join_asof *plan = WR_BUMP_NEW(b->bump, wr_plan_join_asof, err);
    wr_range_op        op = logical->join.ranges[0].op;

    if (!plan)
        return WR_NO_MEMORY;
    WR_TRY(sort_side(b, logical, left, false, err));
    WR_TRY(sort_side(b, logical, right, true, err));
    plan->merge =
        (wr_plan_join_merge){*join, {left->stream->tail->plan, right->stream->tail->plan}};
    plan->excludes_equal = op == WR_RANGE_LT || op == WR_RANGE_GT;
    return attach_reader(b, logical, &WR_JOIN_ASOF, plan, left, right, out_tail, err);
}

/* Blocks of which side meet the other one, which is kept? For what is asked of rows by themselves it is
 * theirs. Else that which leaves the side with two bounds for the other to lie together in, or the
 * smaller one, to be kept. */
static bool is_outer_right(const wr_plan_node *logical, const wr_plan_join_range *plan)
{
    const wr_join_range *first = &plan->ranges[0], *second = &plan->ranges[1];

    if (logical->join.type != WR_PLAN_JOIN_INNER || plan->merge.join.limit)
        return logical->join.type == WR_PLAN_JOIN_RIGHT;
    if (plan->range_count == 2 && first->columns[1] == second->columns[1])
        return false;
    if (plan->range_count == 2 && first->columns[0] == second->columns[0])
        return true;
    return estimate_bytes(logical->inputs[0]) < estimate_bytes(logical->inputs[1]);
}

static wr_status attach_range(wr_builder *b, const wr_plan_node *logical, const wr_plan_join *join,
                              const join_side *left, const join_side *right, wr_node **out_tail,
                              wr_error *err)
{
    wr_plan_join_range *plan = WR_BUMP_NEW(b->bump, wr_plan_join_range, err);
    uint32_t            key_count = logical->join.key_count;

    if (!plan)
        return WR_NO_MEMORY;
    WR_TRY(sort_side(b, logical, left, false, err));
    WR_TRY(sort_side(b, logical, right, false, err));
    plan->merge =
        (wr_plan_join_merge){*join, {left->stream->tail->plan, right->stream->tail->plan}};
    plan->range_count = logical->join.range_count;
    for (uint32_t r = 0; r < plan->range_count; r++)
        plan->ranges[r] = (wr_join_range){
            {left->columns[key_count + r], right->columns[key_count + r]},
            logical->join.ranges[r].op};
    plan->outer_right = is_outer_right(logical, plan);
    return attach_reader(b, logical, &WR_JOIN_RANGE, plan, left, right, out_tail, err);
}

/* Which rows' positions go along? A row that a join puts out once at most has that of its left row. */
static wr_status settle_positions(wr_builder *b, const wr_plan_node *logical, wr_stream *left,
                                  wr_stream *right, wr_error *err)
{
    bool needs = b->needs_position[logical->number];

    WR_TRY(needs ? wr_stream_position(b, left, logical, err)
                 : wr_stream_drop_hidden(b, left, logical, err));
    return (needs && !puts_left_only(logical)) || logical->join.is_asof
               ? wr_stream_position(b, right, logical, err)
               : wr_stream_drop_hidden(b, right, logical, err);
}

static wr_status open_side(wr_builder *b, const wr_plan_node *logical, bool right, join_side *side,
                           wr_error *err)
{
    const wr_stream *stream = side->stream;
    bool             is_put_out = !right || !puts_left_only(logical);
    uint32_t         visible;

    WR_TRY(join_keys(b, logical, right, side->stream, &side->columns, &visible, err));
    side->visible = right ? is_put_out * logical->join.right_column_count : visible;
    side->hidden = right && logical->join.is_asof ? 0 : is_put_out * stream->hidden_count;
    return side_output(b, stream, right ? logical->join.right_columns : NULL, side, err);
}

static wr_status fill_plan(wr_builder *b, const wr_plan_node *logical, const join_side *left,
                           const join_side *right, wr_plan_join *plan, wr_error *err)
{
    bool swapped = logical->join.type == WR_PLAN_JOIN_INNER && !b->merged[logical->number] &&
                   !b->limited[logical->number] &&
                   estimate_bytes(logical->inputs[0]) < estimate_bytes(logical->inputs[1]);
    const join_side *probe = swapped ? right : left, *build = swapped ? left : right;

    *plan = (wr_plan_join){
        .type = (wr_join_type)logical->join.type,
        .swapped = swapped,
        .probe_types = probe->stream->types,
        .build_types = build->stream->types,
        .probe_count = wr_stream_width(probe->stream),
        .build_count = wr_stream_width(build->stream),
        .probe_keys = probe->columns,
        .build_keys = build->columns,
        .key_count = logical->join.key_count,
        .probe_out = probe->out,
        .build_out = build->out,
        .probe_out_count = probe->visible + probe->hidden,
        .build_out_count = build->visible + build->hidden,
        .build_first = swapped,
        .asks_all = logical->join.residual && wr_expr_can_fail(logical->join.residual),
        .null_safe = logical->join.null_safe,
        .single = logical->join.is_single ? wr_plan_node_label(b->plan, logical) : NULL,
        .limit = left->limit,
    };
    return logical->join.residual ? join_residual(b, logical, plan, err) : WR_OK;
}

wr_status wr_join_build(wr_builder *b, const wr_plan_node *logical, wr_stream *left_stream,
                        wr_stream *right_stream, wr_stream *out, wr_error *err)
{
    wr_plan_join *plan = WR_BUMP_NEW(b->bump, wr_plan_join, err);
    join_side     left = {.stream = left_stream}, right = {.stream = right_stream};
    bool          is_sorted = b->merged[logical->number];
    bool          is_range = logical->join.range_count > 0 && !logical->join.is_asof;
    wr_type      *types;

    if (!plan)
        return WR_NO_MEMORY;
    WR_TRY(settle_positions(b, logical, left_stream, right_stream, err));
    WR_TRY(open_side(b, logical, false, &left, err));
    WR_TRY(open_side(b, logical, true, &right, err));
    if (b->limited[logical->number] && left.hidden > 0 && !logical->join.is_single) {
        if (!(left.limit = WR_BUMP_NEW(b->bump, wr_join_limit, err)))
            return WR_NO_MEMORY;
        left.limit->column = left_stream->visible_count;
    }
    WR_TRY(fill_plan(b, logical, &left, &right, plan, err));
    WR_TRY(joined_types(b, &left, &right, &types, err));
    if (logical->join.is_asof)
        WR_TRY(attach_asof(b, logical, plan, &left, &right, &out->tail, err));
    else if (is_range)
        WR_TRY(attach_range(b, logical, plan, &left, &right, &out->tail, err));
    else if (is_sorted)
        WR_TRY(attach_merge(b, logical, plan, &left, &right, &out->tail, err));
    else
        WR_TRY(attach_hash(b, logical, plan, &left, &right, &out->tail, err));
    *out = (wr_stream){.tail = out->tail, .types = types, .limit = left.limit,
                       .visible_count = left.visible + left.hidden + right.visible + right.hidden,
                       .ordered = is_sorted && !is_range && !b->needs_position[logical->number]};
    return left.hidden || right.hidden ? move_hidden_last(b, logical, out, &left, &right, err)
                                       : WR_OK;
}
