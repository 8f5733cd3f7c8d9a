/* exec/op_repeat.c — put every row out as often as a column of it says.
 *
 * The counting column is replaced by the number of the copy, from 0. Copies of a row come one after
 * another; a batch goes out when it is full, so a count has no bound but time. NULL and less than 1
 * are no copy. Columns are dictionaries into the input's vectors: values are not copied.
 * Memory: per worker the heads of the vectors, and per column room for codes. */
#include "exec/ops.h"

enum { CODES_BYTES = WR_BATCH_ROWS_MAX * 8 }; /* codes, or the values of a sequence */

typedef struct repeat_local {
    wr_bump    bump;
    wr_vector *columns;
    uint16_t  *rows;    /* of the input, per row put out            */
    uint32_t  *codes;   /* the same, as codes into FLAT columns     */
    int64_t   *numbers;
    uint8_t   *room;    /* CODES_BYTES a column                     */
    uint32_t   index;   /* of the selected rows of the batch at hand */
    int64_t    done;    /* copies of that row                       */
} repeat_local;

static uint64_t heads_bytes(const wr_plan_repeat *plan)
{
    return wr_round_up(plan->column_count * sizeof(wr_vector), 16);
}

static uint64_t local_bytes(const wr_plan_repeat *plan)
{
    return heads_bytes(plan) + (2 + 4 + 8) * (uint64_t)WR_BATCH_ROWS_MAX +
           (uint64_t)plan->column_count * CODES_BYTES;
}

static uint64_t repeat_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    return worker_count * wr_bump_lease_min(local_bytes(plan_p), exec->page_bytes);
}

static wr_status repeat_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_repeat *plan = node->plan;
    repeat_local         *local = local_p;
    uint8_t              *at;

    (void)exec;
    wr_bump_init(&local->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&local->bump, local_bytes(plan), err));
    at = wr_bump_alloc(&local->bump, local_bytes(plan), err);
    if (!at)
        return WR_NO_MEMORY;
    local->columns = (wr_vector *)(void *)at;
    local->numbers = (int64_t *)(void *)(at + heads_bytes(plan));
    local->codes = (uint32_t *)(void *)(local->numbers + WR_BATCH_ROWS_MAX);
    local->rows = (uint16_t *)(void *)(local->codes + WR_BATCH_ROWS_MAX);
    local->room = (uint8_t *)(local->rows + WR_BATCH_ROWS_MAX);
    return WR_OK;
}

/* Which rows come next, up to a batch. */
static uint32_t take_rows(repeat_local *local, const wr_batch *in, const wr_vector *counts,
                          uint32_t count_max)
{
    wr_vector_view view = wr_vector_view_of(counts, local->room);
    uint32_t       taken = 0;

    while (local->index < wr_batch_rows(in) && taken < count_max) {
        uint32_t row = wr_selection_row(&in->selection, local->index);
        uint32_t at = view.index ? view.index[row] : row;
        bool     valid = !view.valid || wr_bit_get(view.valid, at);
        int64_t  count = valid ? ((const int64_t *)view.data)[at] : 0;

        for (; local->done < count && taken < count_max; taken++) {
            local->rows[taken] = (uint16_t)row;
            local->codes[taken] = row;
            local->numbers[taken] = local->done++;
        }
        if (local->done < count)
            break;
        local->index++;
        local->done = 0;
    }
    return taken;
}

static void point_into(const repeat_local *local, const wr_vector *in, uint32_t column,
                       uint32_t row_count)
{
    wr_vector *out = &local->columns[column];
    void      *room = local->room + (size_t)column * CODES_BYTES;

    *out = *in;
    out->row_count = row_count;
    switch ((wr_encoding)in->encoding) {
    case WR_CONST:
        return;
    case WR_FLAT:
        *out = (wr_vector){.type = in->type, .encoding = WR_DICT, .flags = in->flags,
                           .row_count = row_count, .codes = local->codes, .dict = in};
        return;
    case WR_DICT:
        for (uint32_t i = 0; i < row_count; i++)
            ((uint32_t *)room)[i] = in->codes[local->rows[i]];
        out->codes = room;
        return;
    case WR_SEQ:
        for (uint32_t i = 0; i < row_count; i++)
            ((int64_t *)room)[i] = in->seq_first + local->rows[i] * in->seq_step;
        *out = (wr_vector){.type = in->type, .encoding = WR_FLAT, .row_count = row_count,
                           .data = room};
        return;
    }
}

static wr_status repeat_apply(wr_node *node, void *local_p, const wr_batch *in, wr_batch *out,
                              wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    const wr_plan_repeat *plan = node->plan;
    repeat_local         *local = local_p;

    (void)err;
    *out_flow = WR_FLOW_MORE;
    if (wr_batch_rows(in) == 0)
        return WR_OK;
    out->row_count = take_rows(local, in, &in->columns[plan->count_column], exec->batch_rows);
    out->columns = local->columns;
    out->column_count = plan->column_count;
    wr_batch_select_all(out);
    for (uint32_t c = 0; c < plan->column_count; c++)
        point_into(local, &in->columns[c], c, out->row_count);
    local->columns[plan->count_column] = (wr_vector){.type = WR_TYPE(I64), .encoding = WR_FLAT,
                                                     .row_count = out->row_count,
                                                     .data = local->numbers};
    if (local->index < wr_batch_rows(in)) {
        *out_flow = WR_FLOW_AGAIN;
    } else {
        local->index = 0;
    }
    return WR_OK;
}

static void repeat_local_close(wr_node *node, void *local_p)
{
    repeat_local *local = local_p;

    (void)node;
    if (local->bump.lease)
        wr_bump_release(&local->bump);
}

const wr_transform_ops WR_REPEAT = {
    .name = "repeat",
    .local_bytes = sizeof(repeat_local),
    .makes_rows = true,
    .lease_min = repeat_lease_min,
    .local_open = repeat_local_open,
    .apply = repeat_apply,
    .local_close = repeat_local_close,
};
