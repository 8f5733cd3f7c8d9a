/* exec/op_repeat.c — put every row out as often as a column of it says.
 *
 * The counting column is replaced by the number of the copy, from 0. Copies of a row come one after
 * another; a batch goes out when it is full, so a count has no bound but time. NULL and less than 1
 * are no copy. Values are not copied (exec/copies.h).
 * Memory: per worker the heads of the vectors, and per column room for codes. */
#include "exec/copies.h"
#include "exec/ops.h"

typedef struct repeat_local {
    wr_bump    bump;
    wr_copies  copies;
    wr_vector *columns;
    int64_t   *numbers;
    int64_t   *scratch; /* the counts, if they are a sequence       */
    uint32_t   index;   /* of the selected rows of the batch at hand */
    int64_t    done;    /* copies of that row                       */
} repeat_local;

static void lay_out(repeat_local *local, const wr_plan_repeat *plan, wr_carver *carver)
{
    wr_copies_layout(&local->copies, plan->column_count, carver);
    local->columns = wr_carve(carver, plan->column_count * sizeof(wr_vector));
    local->numbers = wr_carve(carver, WR_BATCH_ROWS_MAX * sizeof(int64_t));
    local->scratch = wr_carve(carver, WR_BATCH_ROWS_MAX * sizeof(int64_t));
}

static uint64_t local_bytes(const wr_plan_repeat *plan)
{
    repeat_local local;
    wr_carver    carver = {0};

    lay_out(&local, plan, &carver);
    return carver.used;
}

static uint64_t repeat_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    return worker_count * wr_bump_lease_min(local_bytes(plan_p), exec->page_bytes);
}

static wr_status repeat_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_repeat *plan = node->plan;
    repeat_local         *local = local_p;
    wr_carver             carver;

    (void)exec;
    wr_bump_init(&local->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&local->bump, local_bytes(plan), err));
    WR_TRY(wr_carver_init(&carver, &local->bump, local_bytes(plan), err));
    lay_out(local, plan, &carver);
    return WR_OK;
}

/* Which rows come next, up to a batch. */
static void take_rows(repeat_local *local, const wr_batch *in, const wr_vector *counts,
                      uint32_t count_max)
{
    wr_vector_view view = wr_vector_view_of(counts, local->scratch);

    while (local->index < wr_batch_rows(in) && local->copies.count < count_max) {
        uint32_t row = wr_selection_row(&in->selection, local->index);
        uint32_t at = view.index ? view.index[row] : row, taken = local->copies.count;
        bool     valid = !view.valid || wr_bit_get(view.valid, at);
        int64_t  count = valid ? ((const int64_t *)view.data)[at] : 0, first = local->done;

        for (; local->done < count && taken < count_max; taken++)
            local->numbers[taken] = local->done++;
        wr_copies_add(&local->copies, in, row, (uint64_t)first, taken - local->copies.count);
        if (local->done < count)
            break;
        local->index++;
        local->done = 0;
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
    wr_copies_clear(&local->copies);
    take_rows(local, in, &in->columns[plan->count_column], exec->batch_rows);
    wr_copies_give(&local->copies, out);
    out->columns = local->columns;
    out->column_count = plan->column_count;
    for (uint32_t c = 0; c < plan->column_count; c++)
        wr_copies_column(&local->copies, &in->columns[c], c, &local->columns[c]);
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
