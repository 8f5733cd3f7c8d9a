/* exec/op_window.c — window: a sink that sorts by partition and order, a source that walks the rows.
 *
 * Every row depends on those before it in its partition, so workers are given whole partitions, and
 * take turns where one is large (window_feed.c). One worker is certain; as many more take part as there is
 * memory for.
 * Memory: making and at rest that of the sorter (exec/sorter.h). Reading: the sorter's merge, a page
 * that workers hand on, and for a worker a page for each cursor (one; a frame two, three if it
 * slides; a point one), two for the tape, the states of the frames (512 a sliding one), the vectors of
 * a batch. More lets more workers take part, and makes the tape spill later. */
#include "exec/window_priv.h"

typedef struct window_shared {
    wr_sorter        sorter;
    window_feed      feed;
    wr_bump          bump;
    window_run      *runs;
    uint32_t         run_count;
    _Atomic uint32_t next_run;
    bool             is_reading;
} window_shared;

typedef struct window_local {
    wr_sorter_worker worker;
} window_local;

typedef struct window_read_local {
    window_run *run; /* NULL: there is no memory for this worker */
} window_read_local;

static wr_sorter_plan sorter_plan_of(const wr_plan_window *plan)
{
    return (wr_sorter_plan){
        .types = plan->types,
        .column_count = plan->column_count,
        .keys = plan->keys,
        .key_count = plan->key_count,
        .output_count = plan->kept_count,
        .rows_max = UINT64_MAX,
        .top = plan->top,
        .by_page = true,
    };
}

/* ---- Sorting --------------------------------------------------------------------------------- */

static uint64_t window_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    wr_sorter_plan sorter_plan = sorter_plan_of(plan);

    return wr_sorter_lease_min(&sorter_plan, exec, worker_count);
}

static uint64_t window_resident_min(const void *plan, const wr_exec *exec)
{
    wr_sorter_plan sorter_plan = sorter_plan_of(plan);

    return wr_sorter_resident_min(&sorter_plan, exec);
}

static wr_status window_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);
    wr_sorter_plan plan = sorter_plan_of(node->plan);

    return wr_sorter_init(&shared->sorter, &plan, exec, wr_node_lease(node), err);
}

static wr_status window_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_worker_open(&((window_local *)local)->worker, &shared->sorter, err);
}

static wr_status window_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                             wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    *out_flow = WR_FLOW_MORE;
    return wr_sorter_add(&((window_local *)local)->worker, in, err);
}

static wr_status window_combine(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    return wr_sorter_combine(&((window_local *)local)->worker, err);
}

static void window_local_close(wr_node *node, void *local)
{
    (void)node;
    wr_sorter_worker_close(&((window_local *)local)->worker);
}

static wr_status window_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_finish(&shared->sorter, err);
}

static wr_status window_reclaim(wr_node *node, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_reclaim(&shared->sorter, err);
}

static void window_close(wr_node *node)
{
    window_shared *shared = wr_node_shared(node);

    wr_sorter_release(&shared->sorter);
}

const wr_sink_ops WR_WINDOW = {
    .name = "window",
    .shared_bytes = sizeof(window_shared),
    .local_bytes = sizeof(window_local),
    .lease_min = window_lease_min,
    .resident_min = window_resident_min,
    .open = window_open,
    .local_open = window_local_open,
    .push = window_push,
    .combine = window_combine,
    .local_close = window_local_close,
    .finish = window_finish,
    .reclaim = window_reclaim,
    .close = window_close,
};

/* ---- Reading --------------------------------------------------------------------------------- */

enum { SURPLUS_SHARE = 4 }; /* one thing more takes at most one part in so many of what is left */

static uint64_t shared_bytes(const wr_exec *exec)
{
    return (exec->worker_count + 1) * sizeof(window_run);
}

static uint64_t window_read_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    wr_sorter_plan sorter_plan = sorter_plan_of(plan);
    uint32_t       page_bytes = wr_sorter_page_bytes(&sorter_plan, exec);

    return wr_sorter_read_lease_min(&sorter_plan, exec, worker_count) + page_bytes +
           wr_bump_lease_min(shared_bytes(exec), exec->page_bytes) +
           wr_window_run_lease_min(plan, exec, page_bytes);
}

/* Rows that stayed in memory may be in the way. */
static wr_status make_room(window_shared *shared, uint64_t bytes, wr_error *err)
{
    wr_lease *lease = shared->sorter.lease;
    uint32_t  pages = wr_pages_for(bytes, shared->sorter.exec->page_bytes);
    bool      spilled = true;

    while (spilled) {
        void *space = wr_lease_take(lease, pages);

        if (space) {
            wr_lease_give(lease, space, pages);
            return WR_OK;
        }
        WR_TRY(wr_sorter_spill_buffer(&shared->sorter, &spilled, err));
    }
    return WR_OK;
}

static bool has_surplus(const window_shared *shared, uint64_t bytes)
{
    const wr_sorter *sorter = &shared->sorter;
    uint64_t         used = sorter->lease->pages_used, all = wr_sorter_pages_available(sorter);

    return used < all && bytes <= (all - used) * sorter->exec->page_bytes / SURPLUS_SHARE;
}

static wr_row_page *take_page(window_shared *shared)
{
    return wr_lease_take(shared->sorter.lease, wr_sorter_page_pages(&shared->sorter));
}

/* Workers beyond the first, and pages to read ahead for the one whose turn it is. */
static wr_status open_others(window_shared *shared, const wr_plan_window *plan, uint64_t run_bytes,
                             wr_error *err)
{
    const wr_sorter *sorter = &shared->sorter;
    window_feed     *feed = &shared->feed;

    while (shared->run_count < sorter->exec->worker_count && has_surplus(shared, run_bytes))
        WR_TRY(wr_window_run_open(&shared->runs[shared->run_count++], plan, feed, sorter->lease,
                                  err));
    if (shared->run_count == 1 ||
        !has_surplus(shared, (uint64_t)WR_FEED_READY * sorter->page_bytes))
        return WR_OK;
    feed->has_ready = true;
    for (uint32_t i = 0; i < WR_FEED_READY; i++) {
        feed->ready[i] = take_page(shared);
        feed->has_ready &= feed->ready[i] != NULL;
    }
    return WR_OK;
}

static wr_status window_read_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);
    wr_lease      *lease = wr_node_lease(node);
    uint64_t       run_bytes = wr_window_run_lease_min(node->plan, exec, shared->sorter.page_bytes);

    shared->is_reading = true;
    shared->run_count = 0;
    shared->next_run = 0;
    wr_window_feed_init(&shared->feed, &shared->sorter, exec);
    wr_bump_init(&shared->bump, lease);
    WR_TRY(make_room(shared, run_bytes + shared_bytes(exec) + 2 * shared->sorter.page_bytes, err));
    WR_TRY(wr_bump_reserve(&shared->bump, shared_bytes(exec), err));
    shared->runs = WR_BUMP_NEW_ARRAY(&shared->bump, window_run, exec->worker_count, err);
    shared->feed.carry = take_page(shared);
    if (!shared->runs)
        return WR_NO_MEMORY;
    if (!shared->feed.carry)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory for rows", lease->name);
    wr_row_page_init(shared->feed.carry);
    WR_TRY(wr_window_run_open(&shared->runs[shared->run_count++], node->plan, &shared->feed, lease,
                              err));
    WR_TRY(open_others(shared, node->plan, run_bytes, err));
    return wr_sorter_read_open(&shared->sorter, err);
}

static wr_status window_read_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);
    uint32_t       index = atomic_fetch_add(&shared->next_run, 1);

    (void)exec, (void)err;
    ((window_read_local *)local)->run = index < shared->run_count ? &shared->runs[index] : NULL;
    return WR_OK;
}

static wr_status window_read_pull(wr_node *node, void *local, wr_batch *out, wr_flow *out_flow,
                                  wr_exec *exec, wr_error *err)
{
    window_run *run = ((window_read_local *)local)->run;
    wr_status   status = WR_OK;
    bool        is_last;

    (void)node, (void)exec;
    *out_flow = WR_FLOW_DONE;
    if (run && !run->has_unit)
        status = wr_window_feed_begin(run, err);
    if (!run || (status == WR_OK && !run->has_unit))
        return WR_OK;
    if (status == WR_OK && !run->in_morsel)
        run->morsel = wr_window_feed_number(run->feed);
    out->morsel = run->morsel;
    WR_TRY(status);
    WR_TRY(wr_window_next(run, out, &is_last, err));
    run->has_unit = !is_last;
    run->in_morsel = !is_last && !run->has_turn;
    out->morsel_end = !run->in_morsel;
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

static void window_read_local_close(wr_node *node, void *local)
{
    window_run *run = ((window_read_local *)local)->run;

    (void)node;
    if (run && run->has_turn)
        wr_window_feed_pass(run, true);
}

static void window_read_close(wr_node *node)
{
    window_shared *shared = wr_node_shared(node);
    window_feed   *feed = &shared->feed;
    uint32_t       pages = wr_sorter_page_pages(&shared->sorter);

    if (!shared->is_reading)
        return;
    wr_sorter_read_close(&shared->sorter);
    for (uint32_t i = 0; i < shared->run_count; i++)
        wr_window_run_close(&shared->runs[i]);
    for (uint32_t i = 0; i < WR_FEED_READY; i++)
        if (feed->ready[i])
            wr_lease_give(shared->sorter.lease, feed->ready[i], pages);
    if (feed->carry)
        wr_lease_give(shared->sorter.lease, feed->carry, pages);
    wr_bump_release(&shared->bump);
    wr_window_feed_release(feed);
    shared->is_reading = false;
}

const wr_source_ops WR_WINDOW_READ = {
    .name = "window read",
    .local_bytes = sizeof(window_read_local),
    .lease_min = window_read_lease_min,
    .open = window_read_open,
    .local_open = window_read_local_open,
    .pull = window_read_pull,
    .local_close = window_read_local_close,
    .close = window_read_close,
};
