/* exec/op_join_rest.c — hybrid hash join: the source that joins what the probe put off.
 *
 * Morsels are partitions. Of resident ones only right and full joins want something: the build rows
 * without a match. A partition on disk is a task, a pair of stores:
 *   - the smaller side fits into this worker's share: its rows and a table of them are loaded, the
 *     other side streams past, whichever side that is (join_rest_plan below);
 *   - else both sides are cut by the next FANOUT_BITS bits of the hash into tasks of their own;
 *   - where that does not help (one heavy key, a cross join, LEVELS_MAX levels) one side is loaded in
 *     blocks and the other streams past each: block nested loop. Then the side whose rows have to know
 *     whether they ever matched is the one in memory; for full joins each is in its turn.
 * So every input finishes with lease_min = shared arrays + workers x (matching memory + FANOUT + 1
 * row pages).
 * Resident partitions come first: their memory is shared out for the others.
 * Threads: a partition is one worker's. Cost: rows on disk are read once, and written and read once
 * more per level; a block nested loop reads the streaming side once per block. */
#include "exec/join_rest_priv.h"

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint64_t join_rest_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    uint64_t row_page = wr_join_page_bytes(plan, exec->page_bytes);

    return wr_join_resident_min(plan, exec) +
           worker_count * (wr_join_match_lease_min(plan, exec) + (FANOUT + 1) * row_page);
}

/* The probe is over: what it needed goes, and resident rows that nobody wants. */
static wr_status join_rest_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);

    (void)exec;
    wr_join_filter_drop(node);
    for (uint32_t p = 0; p < shared->partition_count; p++) {
        shared->partitions[p].is_pinned = false;
        wr_join_table_drop(node, p);
        if (atomic_load(&shared->partitions[p].is_spilled) || wr_join_keeps_build(shared->plan))
            continue;
        for (uint32_t i = 0; i < shared->part_count[WR_JOIN_SIDE_BUILD]; i++)
            wr_row_store_release(&shared->parts[WR_JOIN_SIDE_BUILD][i].stores[p]);
    }
    for (uint32_t i = 0; i < shared->part_count[WR_JOIN_SIDE_PROBE]; i++)
        WR_TRY(wr_row_stores_spill(shared->parts[WR_JOIN_SIDE_PROBE][i].stores,
                                   shared->partition_count, err));
    return WR_OK;
}

/* Take `pages`; resident partitions go to disk if they are in the way. Before the first pull. */
static wr_status take_or_evict(wr_node *node, uint32_t pages, void **out_space, wr_error *err)
{
    bool any = true;

    for (;;) {
        *out_space = wr_lease_take(wr_node_lease(node), pages);
        if (*out_space)
            return WR_OK;
        if (!any)
            return WR_RAISE(err, WR_BUG, "%s: no memory for waiting rows inside its lease",
                            node->label);
        WR_TRY(wr_join_evict(node, &any, err));
    }
}

static wr_status open_match(wr_node *node, rest_local *local, wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);

    for (;;) {
        wr_status status = wr_join_match_open(&local->match, shared->plan, shared->sides,
                                              wr_node_lease(node), exec, err);
        bool      any;

        if (status != WR_NO_MEMORY)
            return status;
        wr_join_match_close(&local->match);
        wr_error_clear(err);
        WR_TRY(wr_join_evict(node, &any, err));
        if (!any)
            return WR_RAISE(err, WR_BUG, "%s: no memory for the rest of a join inside its lease",
                            node->label);
    }
}

static wr_status join_rest_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);
    rest_local  *local = local_p;
    void        *buffer;

    WR_LOCKED(&shared->mutex);
    local->node = node;
    local->shared = shared;
    local->exec = exec;
    local->page_pages = shared->row_page_bytes / exec->page_bytes;
    WR_TRY(open_match(node, local, exec, err));
    WR_TRY(take_or_evict(node, local->page_pages, &buffer, err));
    local->buffer = buffer;
    return WR_OK;
}

static void join_rest_local_close(wr_node *node, void *local_p)
{
    rest_local *local = local_p;

    if (!local->shared)
        return;
    wr_join_rest_drop_block(local);
    wr_join_rest_drop_tasks(local);
    if (local->buffer)
        wr_lease_give(wr_node_lease(node), local->buffer, local->page_pages);
    wr_join_match_close(&local->match);
}

/* ---- Work ------------------------------------------------------------------------------------ */

/* Under the mutex. */
static bool take_resident(join_shared *shared, uint32_t *out_partition)
{
    while (shared->rest_first < shared->partition_count) {
        uint32_t p = shared->rest_first++;

        if (!atomic_load(&shared->partitions[p].is_spilled) &&
            wr_join_keeps_build(shared->plan) &&
            wr_join_partition_rows(shared, WR_JOIN_SIDE_BUILD, p) > 0) {
            *out_partition = p;
            return true;
        }
        shared->rest_done++;
    }
    return false;
}

/* What the workers have taken for certain is in use; the rest is theirs in equal shares. */
static void settle_share(wr_node *node, const wr_exec *exec)
{
    join_shared *shared = wr_node_shared(node);
    uint64_t     total = wr_node_bytes_max(node, exec), used = wr_join_used_bytes(node, exec);

    shared->rest_share_bytes = total > used ? (total - used) / exec->worker_count : 0;
    if (shared->rest_share_bytes < (uint64_t)FANOUT * shared->row_page_bytes)
        shared->rest_share_bytes = (uint64_t)FANOUT * shared->row_page_bytes;
}

typedef enum work { WORK_NONE, WORK_RESIDENT, WORK_SPILLED } work;

static work take_work(wr_node *node, rest_local *local, uint32_t *out_partition)
{
    join_shared *shared = wr_node_shared(node);

    WR_LOCKED(&shared->mutex);
    if (take_resident(shared, out_partition)) {
        local->morsel = shared->rest_morsel++;
        return WORK_RESIDENT;
    }
    while (shared->rest_done < shared->partition_count && !shared->is_stopped &&
           !wr_exec_is_cancelled(local->exec))
        wr_cond_wait_ns(&shared->moved, &shared->mutex, 20000000);
    if (shared->is_stopped || wr_exec_is_cancelled(local->exec))
        return WORK_NONE;
    if (!shared->rest_share_bytes)
        settle_share(node, local->exec);
    while (shared->rest_next < shared->partition_count) {
        uint32_t p = shared->rest_next++;

        if (!atomic_load(&shared->partitions[p].is_spilled))
            continue;
        *out_partition = p;
        local->morsel = shared->rest_morsel++;
        return WORK_SPILLED;
    }
    return WORK_NONE;
}

/* ---- Resident partitions --------------------------------------------------------------------- */

/* The next rows without a match of a resident partition; none: it is done and given back. */
static void resident_next(rest_local *local, wr_batch *out)
{
    join_shared *shared = local->shared;
    join_part   *parts = shared->parts[WR_JOIN_SIDE_BUILD];

    while (local->part < shared->part_count[WR_JOIN_SIDE_BUILD]) {
        wr_row_store *store = &parts[local->part].stores[local->partition];

        if (!local->page)
            local->page = store->first;
        if (wr_join_rest_emit_page(local, local->page, false, out))
            return;
        local->page = local->page ? local->page->next : NULL;
        local->offset = 0;
        if (!local->page) {
            wr_row_store_release(store);
            local->part++;
        }
    }
    {
        WR_LOCKED(&shared->mutex);
        shared->rest_done++;
        wr_cond_broadcast(&shared->moved);
    }
    local->stage = REST_IDLE;
}

static void begin_resident(rest_local *local, uint32_t partition)
{
    local->partition = partition;
    local->part = 0;
    local->page = NULL;
    local->offset = 0;
    local->stage = REST_RESIDENT;
    wr_join_match_use(&local->match, WR_JOIN_SIDE_PROBE, (wr_join_wish){0}, NULL, 0);
}

/* ---- Pull ------------------------------------------------------------------------------------ */

static wr_status rest_step(wr_node *node, rest_local *local, wr_batch *out, wr_flow *out_flow,
                           wr_error *err)
{
    for (;;) {
        uint32_t partition;
        work     next;

        if (wr_exec_is_cancelled(local->exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        if (local->stage == REST_RESIDENT)
            resident_next(local, out);
        else if (local->stage != REST_IDLE)
            WR_TRY(wr_join_rest_next(local, out, err));
        out->morsel = local->morsel;
        if (wr_batch_rows(out) > 0)
            return WR_OK;
        if (local->stage != REST_IDLE)
            continue;
        if (local->in_morsel) {
            local->in_morsel = false;
            out->morsel_end = true;
            return WR_OK;
        }
        next = take_work(node, local, &partition);
        if (next == WORK_NONE) {
            *out_flow = WR_FLOW_DONE;
            return WR_OK;
        }
        local->in_morsel = true;
        if (next == WORK_RESIDENT)
            begin_resident(local, partition);
        else
            wr_join_rest_begin(local, partition);
    }
}

static wr_status join_rest_pull(wr_node *node, void *local_p, wr_batch *out, wr_flow *out_flow,
                                wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);
    rest_local  *local = local_p;
    wr_status    status;

    (void)exec;
    *out_flow = WR_FLOW_MORE;
    status = rest_step(node, local, out, out_flow, err);
    out->morsel = local->morsel;
    if (status != WR_OK) {
        WR_LOCKED(&shared->mutex);
        shared->is_stopped = true;
        wr_cond_broadcast(&shared->moved);
    }
    return status;
}

static void join_rest_close(wr_node *node)
{
    (void)node; /* everything is the build node's */
}

const wr_source_ops WR_JOIN_REST = {
    .name = "join rest",
    .local_bytes = sizeof(rest_local),
    .lease_min = join_rest_lease_min,
    .open = join_rest_open,
    .local_open = join_rest_local_open,
    .pull = join_rest_pull,
    .local_close = join_rest_local_close,
    .close = join_rest_close,
};
