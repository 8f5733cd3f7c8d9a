/* exec/op_filter.c — keep the rows for which a predicate is true.
 *
 * The output refers to the input's columns and only narrows the selection: nothing is copied, row
 * positions stay. Sparse batches are not compacted: what follows in a pipeline (expressions,
 * encoding, scattering into rows) costs per selected row, and a copy costs as much.
 * Memory: per worker an evaluator and one selection. */
#include "exec/evaluator.h"
#include "exec/ops.h"

enum { ROWS_BYTES = WR_BATCH_ROWS_MAX * sizeof(uint16_t) };

typedef struct filter_local {
    wr_evaluator evaluator;
    uint16_t    *rows;
} filter_local;

static uint64_t filter_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_filter *plan = plan_p;

    return worker_count * wr_evaluator_lease_min(plan->predicate, ROWS_BYTES, plan->heap_bytes,
                                                 exec->page_bytes);
}

static wr_status filter_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_filter *plan = node->plan;
    filter_local         *local = local_p;

    WR_TRY(wr_evaluator_open(&local->evaluator, plan->predicate, ROWS_BYTES, plan->heap_bytes,
                             wr_node_lease(node), &exec->facts, err));
    local->rows = wr_bump_alloc(&local->evaluator.bump, ROWS_BYTES, err);
    return local->rows ? WR_OK : WR_NO_MEMORY;
}

static wr_status filter_apply(wr_node *node, void *local_p, const wr_batch *in, wr_batch *out,
                              wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    filter_local *local = local_p;
    uint32_t      row_count = 0, error_row = UINT32_MAX;

    (void)node, (void)exec;
    *out_flow = WR_FLOW_MORE;
    out->columns = in->columns;
    out->column_count = in->column_count;
    out->row_count = in->row_count;
    if (wr_batch_rows(in) > 0) {
        wr_status status = wr_program_select(local->evaluator.program, in, local->rows, &row_count,
                                             &error_row, err);

        if (status != WR_OK) {
            if (error_row != UINT32_MAX)
                wr_local_describe_row(local, error_row, err);
            return status;
        }
    }
    if (row_count == wr_batch_rows(in))
        out->selection = in->selection;
    else
        out->selection = (wr_selection){local->rows, row_count};
    return WR_OK;
}

static void filter_local_close(wr_node *node, void *local_p)
{
    filter_local *local = local_p;

    (void)node;
    wr_evaluator_close(&local->evaluator);
}

const wr_transform_ops WR_FILTER = {
    .name = "filter",
    .local_bytes = sizeof(filter_local),
    .lease_min = filter_lease_min,
    .local_open = filter_local_open,
    .apply = filter_apply,
    .local_close = filter_local_close,
};
