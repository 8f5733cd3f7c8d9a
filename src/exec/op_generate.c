/* exec/op_generate.c — rows out of nothing: expressions over one Int64 column i = 0, 1, 2 ...
 *
 * Workers take morsels of `morsel_rows` numbers. A batch starts at a multiple of its size within its
 * morsel whoever makes it, and its position is i, by which random functions hash: so the data does
 * not depend on the worker count. When long strings fill the heap the program does a part of a
 * batch, and the rest comes with the next pull.
 * Memory: per worker an evaluator and the heads of the output vectors. */
#include "exec/evaluator.h"
#include "exec/ops.h"

typedef struct generate_shared {
    _Atomic uint64_t next_morsel;
} generate_shared;

typedef struct generate_local {
    wr_evaluator evaluator;
    wr_vector   *outputs;
    wr_vector    number;        /* the input column                   */
    bool         has_morsel;
    uint64_t     morsel;
    uint64_t     next, end;     /* numbers of the morsel still to come, in batches */
    wr_batch     in;            /* the batch at hand ...              */
    uint32_t     rows_done;     /* ... and how much of it is put out  */
} generate_local;

static uint64_t outputs_bytes(const wr_plan_generate *plan)
{
    return wr_round_up((plan->schema->field_count + 1) * sizeof(wr_vector), 16);
}

static uint64_t generate_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_generate *plan = plan_p;

    return worker_count * wr_evaluator_lease_min(plan->program, outputs_bytes(plan),
                                                 plan->heap_bytes, exec->page_bytes);
}

static wr_status generate_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_generate *plan = node->plan;
    generate_local         *local = local_p;
    wr_run_facts            facts = exec->facts;

    facts.seed = plan->seed;
    WR_TRY(wr_evaluator_open(&local->evaluator, plan->program, outputs_bytes(plan),
                             plan->heap_bytes, wr_node_lease(node), &facts, err));
    local->outputs = wr_bump_alloc(&local->evaluator.bump, outputs_bytes(plan), err);
    return local->outputs ? WR_OK : WR_NO_MEMORY;
}

/* Begin the next morsel; false if there is none. */
static bool take_morsel(generate_shared *shared, generate_local *local,
                        const wr_plan_generate *plan)
{
    local->morsel = atomic_fetch_add(&shared->next_morsel, 1);
    if (local->morsel > plan->row_count / plan->morsel_rows)
        return false;
    local->next = local->morsel * plan->morsel_rows;
    local->end = local->next + plan->morsel_rows;
    if (local->end > plan->row_count || local->end < local->next)
        local->end = plan->row_count;
    return local->next < local->end;
}

/* Make the next input batch of the morsel. */
static void begin_batch(generate_local *local, const wr_exec *exec)
{
    uint64_t left = local->end - local->next;
    uint32_t row_count = left < exec->batch_rows ? (uint32_t)left : exec->batch_rows;

    local->number = (wr_vector){.type = WR_TYPE(I64), .encoding = WR_SEQ, .row_count = row_count,
                                .seq_first = (int64_t)local->next, .seq_step = 1};
    local->in = (wr_batch){.row_count = row_count, .column_count = 1, .columns = &local->number,
                           .morsel = local->morsel, .position = local->next};
    wr_batch_select_all(&local->in);
    local->rows_done = 0;
    local->next += row_count;
}

static wr_status generate_pull(wr_node *node, void *local_p, wr_batch *out, wr_flow *out_flow,
                               wr_exec *exec, wr_error *err)
{
    const wr_plan_generate *plan = node->plan;
    generate_local         *local = local_p;
    uint32_t                row_count, error_row = UINT32_MAX;
    wr_status               status;

    if (!local->has_morsel && !take_morsel(wr_node_shared(node), local, plan)) {
        *out_flow = WR_FLOW_DONE;
        return WR_OK;
    }
    local->has_morsel = true;
    out->morsel = local->morsel;
    if (local->rows_done == local->in.row_count)
        begin_batch(local, exec);
    status = wr_program_run(local->evaluator.program, &local->in, local->rows_done, local->outputs,
                            &row_count, &error_row, err);
    if (status != WR_OK) {
        if (error_row != UINT32_MAX)
            wr_error_append(err, " (row %llu of the generated ones)",
                            (unsigned long long)(local->in.position + error_row));
        return status;
    }
    out->row_count = local->in.row_count;
    out->columns = local->outputs;
    out->column_count = plan->schema->field_count;
    out->position = local->in.position;
    out->selection = wr_selection_slice(&local->in.selection, local->rows_done, row_count);
    local->rows_done += row_count;
    local->has_morsel = local->next < local->end || local->rows_done < local->in.row_count;
    out->morsel_end = !local->has_morsel;
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

static void generate_describe_row(wr_node *node, void *local_p, uint32_t row, wr_error *err)
{
    generate_local *local = local_p;

    (void)node;
    wr_error_append(err, " (row %llu of the generated ones)",
                    (unsigned long long)(local->in.position + row));
}

static void generate_local_close(wr_node *node, void *local_p)
{
    generate_local *local = local_p;

    (void)node;
    wr_evaluator_close(&local->evaluator);
}

const wr_source_ops WR_GENERATE = {
    .name = "generate",
    .shared_bytes = sizeof(generate_shared),
    .local_bytes = sizeof(generate_local),
    .lease_min = generate_lease_min,
    .local_open = generate_local_open,
    .pull = generate_pull,
    .describe_row = generate_describe_row,
    .local_close = generate_local_close,
};
