/* planner/build_union.c — streams that make or number rows: UNION ALL, repeat, draw.
 *
 * UNION ALL is several tails with the same readers. Nothing is kept and nothing is copied: each input ends in a project of its own, and what comes
 * after the union hangs below all of them, so each input's step feeds the same operators in turn.
 * Operators that are attached later go to the first tail; wr_unions_finish gives them to the others.
 * If both inputs are ordered their steps run in order (wr_union_tail.is_ordered), and the union is
 * ordered too. Else rows that need a position get (which input, its hidden columns, zeros).
 * Two inputs out of one step would meet there: steps.c has their common source spooled. */
#include "planner/planner_priv.h"

static wr_expr *number_expr(wr_builder *b, uint64_t number, wr_error *err)
{
    wr_value value = {.type = WR_TYPE(U64), .u64 = number};

    return wr_expr_const(b->bump, &value, err);
}

/* The stream's visible columns, and `hidden_count` hidden ones if any: a number, its own, zeros. */
static wr_status add_tail(wr_builder *b, wr_stream *stream, uint64_t number, uint32_t hidden_count,
                          const wr_plan_node *logical, wr_error *err)
{
    uint32_t  visible = stream->visible_count;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, visible + hidden_count + 1, err);

    if (!exprs)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < visible; c++)
        exprs[c] = wr_stream_column(b, stream, c, err);
    for (uint32_t h = 0; h < hidden_count; h++)
        exprs[visible + h] = h == 0                      ? number_expr(b, number, err)
                             : h <= stream->hidden_count
                                 ? wr_stream_column(b, stream, visible + h - 1, err)
                                 : number_expr(b, 0, err);
    for (uint32_t i = 0; i < visible + hidden_count; i++)
        if (!exprs[i])
            return WR_NO_MEMORY;
    return wr_stream_project(b, stream, exprs, visible + hidden_count, hidden_count, logical, err);
}

wr_status wr_union_build(wr_builder *b, const wr_plan_node *logical, wr_stream *left,
                         wr_stream *right, wr_stream *out, wr_error *err)
{
    wr_union_tail *tail = WR_BUMP_NEW(b->bump, wr_union_tail, err);
    bool           ordered = left->ordered && right->ordered;
    uint32_t       hidden_count = 0;

    if (!tail)
        return WR_NO_MEMORY;
    if (!ordered && b->needs_position[logical->number]) {
        WR_TRY(wr_stream_position(b, left, logical, err));
        WR_TRY(wr_stream_position(b, right, logical, err));
        hidden_count = 1 + (left->hidden_count > right->hidden_count ? left->hidden_count
                                                                     : right->hidden_count);
    }
    WR_TRY(add_tail(b, left, 0, hidden_count, logical, err));
    WR_TRY(add_tail(b, right, 1, hidden_count, logical, err));
    *tail = (wr_union_tail){left->tail, right->tail, ordered, b->union_tails};
    b->union_tails = tail;
    *out = *left;
    out->ordered = ordered;
    return WR_OK;
}

/* ---- Rows several times ------------------------------------------------------------------------ */

/* The visible columns, one more, the hidden ones, and as a further hidden one what tells copies of a
 * row apart if there are any. */
static wr_status add_columns(wr_builder *b, wr_stream *stream, uint32_t visible, wr_expr *more,
                             wr_expr *last_hidden, const wr_plan_node *logical, wr_error *err)
{
    uint32_t  hidden = stream->hidden_count, count = 0;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, visible + hidden + 2, err);

    if (!exprs)
        return WR_NO_MEMORY;
    for (; count < visible; count++)
        exprs[count] = wr_stream_column(b, stream, count, err);
    exprs[count++] = more;
    for (uint32_t h = 0; h < hidden; h++)
        exprs[count++] = wr_stream_column(b, stream, stream->visible_count + h, err);
    if (last_hidden)
        exprs[count++] = last_hidden;
    for (uint32_t i = 0; i < count; i++)
        if (!exprs[i])
            return WR_NO_MEMORY;
    return wr_stream_project(b, stream, exprs, count, hidden + (last_hidden != NULL), logical, err);
}

wr_status wr_repeat_build(wr_builder *b, const wr_plan_node *logical, wr_stream *out, wr_error *err)
{
    wr_plan_repeat *plan = WR_BUMP_NEW(b->bump, wr_plan_repeat, err);
    uint32_t        visible = out->visible_count;
    wr_expr        *number;

    if (!plan)
        return WR_NO_MEMORY;
    WR_TRY(add_columns(b, out, visible, logical->repeat.count, NULL, logical, err));
    *plan = (wr_plan_repeat){visible + 1 + out->hidden_count, visible};
    WR_TRY(wr_stream_append(b, out, &WR_REPEAT, plan, logical, err));
    if (out->hidden_count == 0)
        return WR_OK;
    number = wr_stream_column(b, out, visible, err);
    if (!number)
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_cast(b->bump, number, WR_TYPE(U64), false, &number, err));
    return add_columns(b, out, visible, wr_stream_column(b, out, visible, err), number, logical,
                       err);
}

void wr_unions_finish(wr_builder *b)
{
    for (wr_union_tail *tail = b->union_tails; tail; tail = tail->next) {
        memcpy(tail->other->next, tail->first->next, sizeof tail->other->next);
        tail->other->next_count = tail->first->next_count;
    }
}

/* ---- Places ------------------------------------------------------------------------------------- */

wr_status wr_draw_build(wr_builder *b, const wr_plan_node *logical, wr_stream *out, wr_error *err)
{
    wr_plan_draw *plan = WR_BUMP_NEW(b->bump, wr_plan_draw, err);
    wr_type      *types = WR_BUMP_NEW_ARRAY(b->bump, wr_type, out->visible_count + 2, err);

    if (!plan || !types)
        return WR_NO_MEMORY;
    if (!out->ordered)
        WR_TRY(wr_stream_sort_by_position(b, out, 0, UINT64_MAX, logical, err));
    WR_TRY(wr_stream_drop_hidden(b, out, logical, err)); /* ordered: not needed any more */
    *plan = (wr_plan_draw){out->visible_count, logical->draw.seed};
    memcpy(types, out->types, out->visible_count * sizeof types[0]);
    types[out->visible_count] = types[out->visible_count + 1] = WR_TYPE(I64);
    WR_TRY(wr_stream_append(b, out, &WR_DRAW, plan, logical, err));
    out->types = types;
    out->visible_count += 2;
    return WR_OK;
}
