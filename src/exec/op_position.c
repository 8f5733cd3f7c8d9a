/* exec/op_position.c — append a column that orders rows as the pipeline delivers them.
 *
 * A position is morsel << WR_POSITION_ROW_BITS | row, where `row` counts the physical rows that this
 * operator was given of the morsel: positions ascend along the pipeline and are unique, whichever
 * worker has the morsel. The column is a SEQ vector, so it costs nothing until somebody keeps it.
 * Memory: per worker the heads of the output vectors. */
#include "exec/ops.h"

typedef struct position_local {
    wr_bump    bump;
    wr_vector *columns;
    uint64_t   morsel;
    uint64_t   row_count; /* physical rows of the morsel so far */
} position_local;

static uint64_t columns_bytes(const wr_plan_position *plan)
{
    return ((uint64_t)plan->column_count + 1) * sizeof(wr_vector);
}

static uint64_t position_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    return worker_count * wr_bump_lease_min(columns_bytes(plan_p), exec->page_bytes);
}

static wr_status position_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    position_local *local = local_p;

    (void)exec;
    local->morsel = UINT64_MAX;
    wr_bump_init(&local->bump, wr_node_lease(node));
    local->columns = wr_bump_alloc(&local->bump, columns_bytes(node->plan), err);
    return local->columns ? WR_OK : WR_NO_MEMORY;
}

static wr_status position_apply(wr_node *node, void *local_p, const wr_batch *in, wr_batch *out,
                                wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    const wr_plan_position *plan = node->plan;
    position_local         *local = local_p;

    (void)exec;
    *out_flow = WR_FLOW_MORE;
    out->row_count = in->row_count;
    out->selection = in->selection;
    out->columns = local->columns;
    out->column_count = plan->column_count + 1;
    if (wr_batch_rows(in) == 0)
        return WR_OK;
    wr_assert(in->column_count == plan->column_count, "the plan knows how many columns come");
    if (in->morsel != local->morsel) {
        local->morsel = in->morsel;
        local->row_count = 0;
    }
    if (local->row_count + in->row_count > (uint64_t)1 << WR_POSITION_ROW_BITS ||
        in->morsel >> (64 - WR_POSITION_ROW_BITS) != 0)
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "too many rows from one piece of the source to keep their order");
    memcpy(local->columns, in->columns, plan->column_count * sizeof(wr_vector));
    local->columns[plan->column_count] = (wr_vector){
        .type = WR_TYPE(U64),
        .encoding = WR_SEQ,
        .row_count = in->row_count,
        .seq_first = (int64_t)(in->morsel << WR_POSITION_ROW_BITS | local->row_count),
        .seq_step = 1,
    };
    local->row_count += in->row_count;
    return WR_OK;
}

static void position_local_close(wr_node *node, void *local_p)
{
    position_local *local = local_p;

    (void)node;
    if (local->bump.lease)
        wr_bump_release(&local->bump);
}

const wr_transform_ops WR_POSITION = {
    .name = "position",
    .local_bytes = sizeof(position_local),
    .lease_min = position_lease_min,
    .local_open = position_local_open,
    .apply = position_apply,
    .local_close = position_local_close,
};
