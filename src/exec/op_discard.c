/* exec/op_discard.c — count rows and drop them: a pipeline without output. No memory. */
#include "exec/ops.h"

static wr_status discard_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                              wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)err;
    atomic_fetch_add_explicit(&exec->rows_out, wr_batch_rows(in), memory_order_relaxed);
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

const wr_sink_ops WR_DISCARD = {
    .name = "discard",
    .push = discard_push,
};
