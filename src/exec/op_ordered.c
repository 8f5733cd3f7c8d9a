/* exec/op_ordered.c — ordered aggregate, the sink: rows are sorted by (group keys, value).
 *
 * Without keys the sink counts the values: there is but one group.
 * Memory: the formulas of exec/sorter.h. */
#include "exec/ordered_priv.h"

typedef struct ordered_local {
    wr_sorter_worker worker;
} ordered_local;

wr_sorter_plan wr_ordered_sorter_plan(const wr_plan_ordered *plan)
{
    return (wr_sorter_plan){
        .types = plan->types,
        .column_count = plan->column_count,
        .keys = plan->sort_keys,
        .key_count = plan->sort_key_count,
        .output_count = plan->column_count,
        .rows_max = UINT64_MAX,
    };
}

static uint64_t ordered_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    wr_sorter_plan sorter_plan = wr_ordered_sorter_plan(plan);

    return wr_sorter_lease_min(&sorter_plan, exec, worker_count);
}

static uint64_t ordered_resident_min(const void *plan, const wr_exec *exec)
{
    wr_sorter_plan sorter_plan = wr_ordered_sorter_plan(plan);

    return wr_sorter_resident_min(&sorter_plan, exec);
}

static wr_status ordered_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    ordered_shared *shared = wr_node_shared(node);
    wr_sorter_plan  plan = wr_ordered_sorter_plan(node->plan);

    return wr_sorter_init(&shared->sorter, &plan, exec, wr_node_lease(node), err);
}

static wr_status ordered_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    ordered_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_worker_open(&((ordered_local *)local)->worker, &shared->sorter, err);
}

static wr_status ordered_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                              wr_exec *exec, wr_error *err)
{
    const wr_plan_ordered *plan = node->plan;
    ordered_shared        *shared = wr_node_shared(node);
    uint32_t               row_count = wr_batch_rows(in), value_count = 0;

    (void)exec;
    *out_flow = WR_FLOW_MORE;
    if (plan->key_count == 0 && row_count > 0) {
        const wr_vector *values = &in->columns[0];

        for (uint32_t i = 0; i < row_count; i++)
            value_count += wr_vector_is_valid(values, wr_selection_row(&in->selection, i));
        atomic_fetch_add(&shared->values_pushed, value_count);
    }
    return wr_sorter_add(&((ordered_local *)local)->worker, in, err);
}

static wr_status ordered_combine(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    return wr_sorter_combine(&((ordered_local *)local)->worker, err);
}

static void ordered_local_close(wr_node *node, void *local)
{
    (void)node;
    wr_sorter_worker_close(&((ordered_local *)local)->worker);
}

static wr_status ordered_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    ordered_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_finish(&shared->sorter, err);
}

static wr_status ordered_reclaim(wr_node *node, wr_exec *exec, wr_error *err)
{
    ordered_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_reclaim(&shared->sorter, err);
}

static void ordered_close(wr_node *node)
{
    ordered_shared *shared = wr_node_shared(node);

    wr_sorter_release(&shared->sorter);
}

const wr_sink_ops WR_ORDERED = {
    .name = "ordered aggregate",
    .shared_bytes = sizeof(ordered_shared),
    .local_bytes = sizeof(ordered_local),
    .lease_min = ordered_lease_min,
    .resident_min = ordered_resident_min,
    .open = ordered_open,
    .local_open = ordered_local_open,
    .push = ordered_push,
    .combine = ordered_combine,
    .local_close = ordered_local_close,
    .finish = ordered_finish,
    .reclaim = ordered_reclaim,
    .close = ordered_close,
};
