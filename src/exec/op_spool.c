/* exec/op_spool.c — spool: rows kept in memory or spilled, read any number of times.
 *
 * A spool is a sorter that keeps what it is given: without keys if any order will do, else by the
 * position column, which comes last and is not put out. Workers take morsels in ascending order, so
 * each hands in rows that are already sorted: that is recognised, nothing is moved, and reading merges
 * one run per worker.
 * Memory: the formulas of exec/sorter.h. */
#include "exec/ops.h"
#include "exec/sorter.h"

typedef struct spool_shared {
    wr_sort_key position;
    wr_sorter   sorter;
} spool_shared;

typedef struct spool_local {
    wr_sorter_worker worker;
} spool_local;

typedef struct spool_read_local {
    wr_sorter_reader reader;
} spool_read_local;

/* `position` is filled in and borrowed if the spool is ordered. */
static wr_sorter_plan sorter_plan_of(const wr_plan_spool *plan, wr_sort_key *position)
{
    *position = (wr_sort_key){.column = plan->column_count - 1};
    return (wr_sorter_plan){
        .types = plan->types,
        .column_count = plan->column_count,
        .keys = position,
        .key_count = plan->ordered ? 1 : 0,
        .output_count = plan->column_count - (plan->ordered ? 1 : 0),
        .rows_max = UINT64_MAX,
        .keep = true,
    };
}

static uint64_t spool_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    wr_sort_key    position;
    wr_sorter_plan sorter_plan = sorter_plan_of(plan, &position);

    return wr_sorter_lease_min(&sorter_plan, exec, worker_count);
}

static uint64_t spool_resident_min(const void *plan, const wr_exec *exec)
{
    wr_sort_key    position;
    wr_sorter_plan sorter_plan = sorter_plan_of(plan, &position);

    return wr_sorter_resident_min(&sorter_plan, exec);
}

static wr_status spool_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    spool_shared  *shared = wr_node_shared(node);
    wr_sorter_plan plan = sorter_plan_of(node->plan, &shared->position);

    return wr_sorter_init(&shared->sorter, &plan, exec, wr_node_lease(node), err);
}

static wr_status spool_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    spool_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_worker_open(&((spool_local *)local)->worker, &shared->sorter, err);
}

static wr_status spool_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    *out_flow = WR_FLOW_MORE;
    return wr_sorter_add(&((spool_local *)local)->worker, in, err);
}

static wr_status spool_combine(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    return wr_sorter_combine(&((spool_local *)local)->worker, err);
}

static void spool_local_close(wr_node *node, void *local)
{
    (void)node;
    wr_sorter_worker_close(&((spool_local *)local)->worker);
}

static wr_status spool_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    spool_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_finish(&shared->sorter, err);
}

static wr_status spool_reclaim(wr_node *node, wr_exec *exec, wr_error *err)
{
    spool_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_reclaim(&shared->sorter, err);
}

static void spool_close(wr_node *node)
{
    spool_shared *shared = wr_node_shared(node);

    wr_sorter_release(&shared->sorter);
}

const wr_sink_ops WR_SPOOL = {
    .name = "spool",
    .shared_bytes = sizeof(spool_shared),
    .local_bytes = sizeof(spool_local),
    .lease_min = spool_lease_min,
    .resident_min = spool_resident_min,
    .open = spool_open,
    .local_open = spool_local_open,
    .push = spool_push,
    .combine = spool_combine,
    .local_close = spool_local_close,
    .finish = spool_finish,
    .reclaim = spool_reclaim,
    .close = spool_close,
};

/* ---- Reading --------------------------------------------------------------------------------- */

static uint64_t spool_read_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    wr_sort_key    position;
    wr_sorter_plan sorter_plan = sorter_plan_of(plan, &position);

    return wr_sorter_read_lease_min(&sorter_plan, exec, worker_count);
}

static wr_status spool_read_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    spool_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_read_open(&shared->sorter, err);
}

static wr_status spool_read_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    spool_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_reader_open(&((spool_read_local *)local)->reader, &shared->sorter, err);
}

static wr_status spool_read_pull(wr_node *node, void *local, wr_batch *out, wr_flow *out_flow,
                                 wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    return wr_sorter_read(&((spool_read_local *)local)->reader, out, out_flow, err);
}

static void spool_read_local_close(wr_node *node, void *local)
{
    (void)node;
    wr_sorter_reader_close(&((spool_read_local *)local)->reader);
}

static void spool_read_close(wr_node *node)
{
    spool_shared *shared = wr_node_shared(node);

    wr_sorter_read_close(&shared->sorter);
}

const wr_source_ops WR_SPOOL_READ = {
    .name = "spool read",
    .local_bytes = sizeof(spool_read_local),
    .lease_min = spool_read_lease_min,
    .open = spool_read_open,
    .local_open = spool_read_local_open,
    .pull = spool_read_pull,
    .local_close = spool_read_local_close,
    .close = spool_read_close,
};
