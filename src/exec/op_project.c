/* exec/op_project.c — output columns are the outputs of a program over the input.
 *
 * Output vectors may be columns of the input, constants or registers: nothing is copied and row
 * positions stay. When long strings fill the heap the program does a part of the rows; the batch
 * then goes out in pieces (AGAIN), each a slice of the input's selection.
 * Memory: per worker an evaluator and the heads of the output vectors. */
#include "exec/evaluator.h"
#include "exec/ops.h"

typedef struct project_local {
    wr_evaluator evaluator;
    wr_vector   *outputs;
    uint32_t     rows_done; /* of the selected rows of the batch at hand */
} project_local;

static uint64_t outputs_bytes(const wr_plan_project *plan)
{
    return wr_round_up((plan->schema->field_count + 1) * sizeof(wr_vector), 16);
}

static uint64_t project_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_project *plan = plan_p;

    return worker_count * wr_evaluator_lease_min(plan->program, outputs_bytes(plan),
                                                 plan->heap_bytes, exec->page_bytes);
}

static wr_status project_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_project *plan = node->plan;
    project_local         *local = local_p;

    WR_TRY(wr_evaluator_open(&local->evaluator, plan->program, outputs_bytes(plan),
                             plan->heap_bytes, wr_node_lease(node), &exec->facts, err));
    local->outputs = wr_bump_alloc(&local->evaluator.bump, outputs_bytes(plan), err);
    return local->outputs ? WR_OK : WR_NO_MEMORY;
}

static wr_status project_apply(wr_node *node, void *local_p, const wr_batch *in, wr_batch *out,
                               wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    const wr_plan_project *plan = node->plan;
    project_local         *local = local_p;
    uint32_t               row_count = 0, error_row = UINT32_MAX;

    (void)exec;
    out->columns = local->outputs;
    out->column_count = plan->schema->field_count;
    out->row_count = in->row_count;
    if (wr_batch_rows(in) > 0) {
        wr_status status = wr_program_run(local->evaluator.program, in, local->rows_done,
                                          local->outputs, &row_count, &error_row, err);

        if (status != WR_OK) {
            if (error_row != UINT32_MAX)
                wr_local_describe_row(local, error_row, err);
            return status;
        }
    }
    out->selection = wr_selection_slice(&in->selection, local->rows_done, row_count);
    local->rows_done += row_count;
    *out_flow = local->rows_done < wr_batch_rows(in) ? WR_FLOW_AGAIN : WR_FLOW_MORE;
    if (*out_flow == WR_FLOW_MORE)
        local->rows_done = 0;
    return WR_OK;
}

static void project_local_close(wr_node *node, void *local_p)
{
    project_local *local = local_p;

    (void)node;
    wr_evaluator_close(&local->evaluator);
}

const wr_transform_ops WR_PROJECT = {
    .name = "project",
    .local_bytes = sizeof(project_local),
    .lease_min = project_lease_min,
    .local_open = project_local_open,
    .apply = project_apply,
    .local_close = project_local_close,
};
