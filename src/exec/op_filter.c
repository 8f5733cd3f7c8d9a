/* exec/op_filter.c — keep the rows for which a predicate is true.
 *
 * The output refers to the input's columns and only narrows the selection: nothing is copied, row
 * positions stay. Sparse batches are not compacted: what follows in a pipeline (expressions,
 * encoding, scattering into rows) costs per selected row, and a copy costs as much. Rows before one that
 * fails go out first (AGAIN): what follows may want no more.
 * Memory: per worker a chooser. */
#include "exec/chooser.h"
#include "exec/ops.h"

typedef struct filter_local {
    wr_chooser chooser;
    bool       has_failed; /* at a row of the batch at hand; those before it went out */
} filter_local;

static uint64_t filter_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_filter *plan = plan_p;

    return worker_count * wr_chooser_lease_min(plan->predicate, plan->heap_bytes, exec->page_bytes);
}

static wr_status filter_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_filter *plan = node->plan;
    filter_local         *local = local_p;

    return wr_chooser_open(&local->chooser, plan->predicate, plan->heap_bytes, wr_node_lease(node),
                           &exec->facts, err);
}

static wr_status filter_apply(wr_node *node, void *local_p, const wr_batch *in, wr_batch *out,
                              wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    filter_local *local = local_p;
    uint32_t      error_row = UINT32_MAX;
    wr_status     status;

    (void)node, (void)exec;
    *out_flow = WR_FLOW_MORE;
    out->columns = in->columns;
    out->column_count = in->column_count;
    out->row_count = in->row_count;
    status = wr_chooser_select(&local->chooser, in, &out->selection, &error_row, err);
    if (status != WR_OK && !local->has_failed && out->selection.row_count > 0) {
        local->has_failed = true;
        *out_flow = WR_FLOW_AGAIN;
        wr_error_clear(err);
        return WR_OK;
    }
    if (status != WR_OK && error_row != UINT32_MAX)
        wr_local_describe_row(local, error_row, err);
    return status;
}

static void filter_local_close(wr_node *node, void *local_p)
{
    filter_local *local = local_p;

    (void)node;
    wr_chooser_close(&local->chooser);
}

const wr_transform_ops WR_FILTER = {
    .name = "filter",
    .local_bytes = sizeof(filter_local),
    .lease_min = filter_lease_min,
    .local_open = filter_local_open,
    .apply = filter_apply,
    .local_close = filter_local_close,
};
