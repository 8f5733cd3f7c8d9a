/* exec/op_sort.c — sort: a sink that makes sorted runs, a source that merges them. With rows_max only
 * the first rows are kept on the way (top-N).
 *
 * Memory: the formulas of exec/sorter.h. */
#include "exec/ops.h"
#include "exec/sorter.h"

typedef struct sort_shared {
    wr_sorter sorter;
} sort_shared;

typedef struct sort_local {
    wr_sorter_worker worker;
} sort_local;

typedef struct sort_read_local {
    wr_sorter_reader reader;
} sort_read_local;

wr_sorter_plan wr_sort_sorter_plan(const wr_plan_sort *plan)
{
    return (wr_sorter_plan){
        .types = plan->types,
        .column_count = plan->column_count,
        .keys = plan->keys,
        .key_count = plan->key_count,
        .output_count = plan->output_count,
        .rows_skipped = plan->offset_rows,
        .rows_max = plan->rows_max,
    };
}

wr_sorter *wr_sort_sorter(const wr_node *sink)
{
    return &((sort_shared *)sink->shared)->sorter;
}

uint64_t wr_sort_first_bound(const wr_node *sink)
{
    wr_sort_cut *cut = wr_sort_sorter(sink)->cut;

    return cut ? atomic_load_explicit(&cut->prefix, memory_order_relaxed) : UINT64_MAX;
}

static uint64_t sort_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    wr_sorter_plan sorter_plan = wr_sort_sorter_plan(plan);

    return wr_sorter_lease_min(&sorter_plan, exec, worker_count);
}

static uint64_t sort_resident_min(const void *plan, const wr_exec *exec)
{
    wr_sorter_plan sorter_plan = wr_sort_sorter_plan(plan);

    return wr_sorter_resident_min(&sorter_plan, exec);
}

static wr_status sort_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    sort_shared   *shared = wr_node_shared(node);
    wr_sorter_plan plan = wr_sort_sorter_plan(node->plan);

    return wr_sorter_init(&shared->sorter, &plan, exec, wr_node_lease(node), err);
}

static wr_status sort_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    sort_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_worker_open(&((sort_local *)local)->worker, &shared->sorter, err);
}

static wr_status sort_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                           wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    *out_flow = WR_FLOW_MORE; /* also where none is kept: errors of rows do not depend on batches */
    return wr_sorter_add(&((sort_local *)local)->worker, in, err);
}

static wr_status sort_combine(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    return wr_sorter_combine(&((sort_local *)local)->worker, err);
}

static void sort_local_close(wr_node *node, void *local)
{
    (void)node;
    wr_sorter_worker_close(&((sort_local *)local)->worker);
}

static wr_status sort_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    sort_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_finish(&shared->sorter, err);
}

static wr_status sort_reclaim(wr_node *node, wr_exec *exec, wr_error *err)
{
    sort_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_reclaim(&shared->sorter, err);
}

static void sort_close(wr_node *node)
{
    sort_shared *shared = wr_node_shared(node);

    wr_sorter_release(&shared->sorter);
}

const wr_sink_ops WR_SORT = {
    .name = "sort",
    .shared_bytes = sizeof(sort_shared),
    .local_bytes = sizeof(sort_local),
    .lease_min = sort_lease_min,
    .resident_min = sort_resident_min,
    .open = sort_open,
    .local_open = sort_local_open,
    .push = sort_push,
    .combine = sort_combine,
    .local_close = sort_local_close,
    .finish = sort_finish,
    .reclaim = sort_reclaim,
    .close = sort_close,
};

/* ---- Reading --------------------------------------------------------------------------------- */

static uint64_t sort_read_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    wr_sorter_plan sorter_plan = wr_sort_sorter_plan(plan);

    return wr_sorter_read_lease_min(&sorter_plan, exec, worker_count);
}

static wr_status sort_read_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    sort_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_read_open(&shared->sorter, err);
}

static wr_status sort_read_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    sort_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_reader_open(&((sort_read_local *)local)->reader, &shared->sorter, err);
}

static wr_status sort_read_pull(wr_node *node, void *local, wr_batch *out, wr_flow *out_flow,
                                wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    return wr_sorter_read(&((sort_read_local *)local)->reader, out, out_flow, err);
}

static void sort_read_local_close(wr_node *node, void *local)
{
    (void)node;
    wr_sorter_reader_close(&((sort_read_local *)local)->reader);
}

static void sort_read_close(wr_node *node)
{
    sort_shared *shared = wr_node_shared(node);

    wr_sorter_read_close(&shared->sorter);
}

const wr_source_ops WR_SORT_READ = {
    .name = "sort read",
    .local_bytes = sizeof(sort_read_local),
    .lease_min = sort_read_lease_min,
    .open = sort_read_open,
    .local_open = sort_read_local_open,
    .pull = sort_read_pull,
    .local_close = sort_read_local_close,
    .close = sort_read_close,
};
