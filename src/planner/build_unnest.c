/* planner/build_unnest.c — a stream of the elements of lists, maps and delimited texts.
 *
 * The operator keeps the visible and the hidden columns of its input and puts elements behind them. Where
 * rows carry positions, the number of the element is one more hidden column: it tells rows apart that
 * come of one row. */
#include "planner/planner_priv.h"

/* What is taken apart, as columns: computed ones go between the visible and the hidden. */
static wr_status add_values(wr_builder *b, wr_stream *stream, wr_unnest_value *values,
                            const wr_plan_node *logical, wr_error *err)
{
    uint32_t  visible = stream->visible_count, hidden = stream->hidden_count, count = visible;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *,
                                        visible + logical->unnest.value_count + hidden + 1, err);

    if (!exprs)
        return WR_NO_MEMORY;
    for (uint32_t v = 0; v < logical->unnest.value_count; v++) {
        const wr_plan_unnested *value = &logical->unnest.values[v];

        values[v] = (wr_unnest_value){value->expr->column, value->expr->type, value->delimiter};
        if (value->expr->kind != WR_EXPR_COLUMN) {
            values[v].column = count;
            exprs[count++] = value->expr;
        }
    }
    if (count == visible)
        return WR_OK;
    for (uint32_t c = 0; c < visible; c++)
        exprs[c] = wr_stream_column(b, stream, c, err);
    for (uint32_t h = 0; h < hidden; h++)
        exprs[count++] = wr_stream_column(b, stream, visible + h, err);
    for (uint32_t c = 0; c < count; c++)
        if (!exprs[c])
            return WR_NO_MEMORY;
    return wr_stream_project(b, stream, exprs, count, hidden, logical, err);
}

/* The elements, and their number behind them where rows carry positions. */
static wr_status add_outputs(wr_builder *b, const wr_plan_node *logical, bool numbered,
                             wr_plan_unnest *plan, wr_error *err)
{
    uint32_t          count = logical->unnest.element_count;
    wr_unnest_output *outputs = WR_BUMP_NEW_ARRAY(b->bump, wr_unnest_output, count + 1, err);

    if (!outputs)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const wr_plan_element *element = &logical->unnest.elements[i];

        outputs[i] = (wr_unnest_output){element->value, element->member, element->type};
    }
    if (numbered && (count == 0 || outputs[count - 1].value != WR_FIELD_NONE))
        outputs[count++] = (wr_unnest_output){WR_FIELD_NONE, WR_FIELD_NONE, WR_TYPE(I64)};
    plan->outputs = outputs;
    plan->output_count = count;
    return WR_OK;
}

/* The first `visible` input columns, and the hidden ones. */
static wr_status keep_columns(wr_builder *b, wr_stream *stream, uint32_t visible,
                              wr_plan_unnest *plan, wr_error *err)
{
    uint32_t  count = visible + stream->hidden_count;
    uint32_t *kept = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, count + 1, err);
    wr_type  *types = WR_BUMP_NEW_ARRAY(b->bump, wr_type, count + plan->output_count + 1, err);

    if (!kept || !types)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < count; c++) {
        kept[c] = c < visible ? c : stream->visible_count + c - visible;
        types[c] = stream->types[kept[c]];
    }
    for (uint32_t o = 0; o < plan->output_count; o++)
        types[count + o] = plan->outputs[o].type;
    plan->kept = kept;
    plan->kept_count = count;
    stream->types = types;
    return WR_OK;
}

/* Hidden columns to the end again, the element's number last. */
static wr_status hide_positions(wr_builder *b, wr_stream *stream, uint32_t visible,
                                uint32_t element_count, const wr_plan_node *logical, wr_error *err)
{
    uint32_t  hidden = stream->hidden_count, width = stream->visible_count + hidden, count = 0;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, width + 2, err);
    wr_expr  *number = wr_stream_column(b, stream, width - 1, err);

    if (!exprs || !number)
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_cast(b->bump, number, WR_TYPE(U64), false, &number, err));
    for (uint32_t c = 0; c < visible; c++)
        exprs[count++] = wr_stream_column(b, stream, c, err);
    for (uint32_t e = 0; e < element_count; e++)
        exprs[count++] = wr_stream_column(b, stream, visible + hidden + e, err);
    for (uint32_t h = 0; h < hidden; h++)
        exprs[count++] = wr_stream_column(b, stream, visible + h, err);
    exprs[count++] = number;
    for (uint32_t c = 0; c < count; c++)
        if (!exprs[c])
            return WR_NO_MEMORY;
    return wr_stream_project(b, stream, exprs, count, hidden + 1, logical, err);
}

wr_status wr_unnest_build(wr_builder *b, const wr_plan_node *logical, wr_stream *out, wr_error *err)
{
    wr_plan_unnest  *plan = WR_BUMP_NEW(b->bump, wr_plan_unnest, err);
    wr_unnest_value *values =
        WR_BUMP_NEW_ARRAY(b->bump, wr_unnest_value, logical->unnest.value_count + 1, err);
    uint32_t visible = out->visible_count;

    if (!plan || !values)
        return WR_NO_MEMORY;
    WR_TRY(add_values(b, out, values, logical, err));
    *plan = (wr_plan_unnest){.values = values, .value_count = logical->unnest.value_count,
                             .outer = logical->unnest.outer};
    WR_TRY(add_outputs(b, logical, out->hidden_count > 0, plan, err));
    WR_TRY(keep_columns(b, out, visible, plan, err));
    WR_TRY(wr_stream_append(b, out, &WR_UNNEST, plan, logical, err));
    out->visible_count = visible + plan->output_count;
    if (out->hidden_count == 0)
        return WR_OK;
    return hide_positions(b, out, visible, logical->unnest.element_count, logical, err);
}
