/* exec/op_position.c — append a UInt64 column that orders rows as the pipeline delivers them.
 *
 * position = morsel << WR_POSITION_ROW_BITS | number of the row within the morsel's output. The
 * column is a SEQ over physical rows, so rows that a selection leaves out leave gaps: only the order
 * matters. Memory: column headers of one batch. Cost: none per row. */
#include "exec/ops.h"

typedef struct position_local {
    wr_bump    bump;
    wr_vector *columns;
    uint32_t   column_capacity;
    uint64_t   morsel, next_row;
} position_local;

static uint64_t position_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    (void)plan;
    return (uint64_t)worker_count * exec->page_bytes;
}

static wr_status position_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    position_local *local = local_p;

    (void)exec, (void)err;
    wr_bump_init(&local->bump, wr_node_lease(node));
    local->morsel = UINT64_MAX;
    return WR_OK;
}

static wr_status reserve_columns(position_local *local, uint32_t count, wr_error *err)
{
    if (count <= local->column_capacity)
        return WR_OK;
    local->columns = WR_BUMP_NEW_ARRAY(&local->bump, wr_vector, count, err);
    if (!local->columns)
        return WR_NO_MEMORY;
    local->column_capacity = count;
    return WR_OK;
}

static wr_status position_apply(wr_node *node, void *local_p, const wr_batch *in, wr_batch *out,
                                wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    position_local *local = local_p;

    (void)node, (void)exec;
    WR_TRY(reserve_columns(local, in->column_count + 1, err));
    if (local->morsel != in->morsel) {
        local->morsel = in->morsel;
        local->next_row = 0;
    }
    memcpy(local->columns, in->columns, in->column_count * sizeof(wr_vector));
    local->columns[in->column_count] = (wr_vector){
        .type = WR_TYPE(U64),
        .encoding = WR_SEQ,
        .row_count = in->row_count,
        .seq_first = (int64_t)(in->morsel << WR_POSITION_ROW_BITS | local->next_row),
        .seq_step = 1,
    };
    local->next_row += in->row_count;
    wr_assert(local->next_row <= (uint64_t)1 << WR_POSITION_ROW_BITS,
              "a morsel has at most 2^24 rows");
    *out = *in;
    out->columns = local->columns;
    out->column_count = in->column_count + 1;
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

static void position_local_close(wr_node *node, void *local_p)
{
    position_local *local = local_p;

    (void)node;
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
