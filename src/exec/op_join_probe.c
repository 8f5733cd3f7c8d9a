/* exec/op_join_probe.c — hybrid hash join: the transform that joins what it can at once.
 *
 * When a step begins, partitions that leave no room for its workers are sent to disk and the others
 * get their tables. A probe row whose partition is resident is joined at once; one whose partition
 * is on disk is kept for op_join_rest.c, unless the filter of build keys says that it has no match.
 * lease_min = shared arrays + workers x (matching memory + JOIN_PARTITIONS_MIN row pages).
 * Threads: tables are built by all workers, a partition each, before the first probe. */
#include "exec/join_priv.h"

typedef struct probe_local {
    wr_join_match match;
    join_part    *part;    /* probe rows that wait; NULL: no partition is on disk */
    bool          is_open; /* counted in probing_workers                          */
    bool          is_busy; /* the batch has more to give                          */
} probe_local;

static uint64_t join_probe_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    uint64_t row_page = wr_join_page_bytes(plan, exec->page_bytes);

    return wr_join_resident_min(plan, exec) +
           worker_count * (wr_join_match_lease_min(plan, exec) + JOIN_PARTITIONS_MIN * row_page);
}

/* ---- Making room ----------------------------------------------------------------------------- */

static uint64_t table_pages_bytes(const join_shared *shared, uint32_t partition,
                                  const wr_exec *exec)
{
    uint64_t rows = wr_join_partition_rows(shared, WR_JOIN_SIDE_BUILD, partition);

    return (uint64_t)wr_pages_for(wr_join_table_bytes(rows), exec->page_bytes) * exec->page_bytes;
}

/* What this step needs beside the pages of waiting probe rows. */
static uint64_t bytes_needed(const join_shared *shared, const wr_exec *exec, uint32_t *out_spilled)
{
    uint64_t bytes = wr_join_resident_min(shared->plan, exec) +
                     exec->worker_count * wr_join_match_lease_min(shared->plan, exec) +
                     (shared->filter ? (uint64_t)shared->filter_pages * exec->page_bytes : 0);

    *out_spilled = 0;
    for (uint32_t p = 0; p < shared->partition_count; p++) {
        if (atomic_load(&shared->partitions[p].is_spilled))
            ++*out_spilled;
        else
            bytes += wr_join_partition_resident_bytes(shared, p) +
                     table_pages_bytes(shared, p, exec);
    }
    return bytes;
}

/* The first worker of a step: send partitions to disk until everything has room. */
static wr_status prepare_step(wr_node *node, wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);
    uint64_t     total = wr_node_bytes_max(node, exec), needed, per_worker;
    uint32_t     spilled;
    bool         any = true;

    for (;;) {
        needed = bytes_needed(shared, exec, &spilled);
        if (needed + (uint64_t)exec->worker_count * spilled * shared->row_page_bytes <= total)
            break;
        WR_TRY(wr_join_evict(node, &any, err));
        if (any)
            continue;
        if (!shared->filter)
            break;
        wr_join_filter_drop(node);
    }
    if (spilled == 0)
        wr_join_filter_drop(node);
    per_worker = total > needed ? (total - needed) / exec->worker_count : 0;
    shared->probe_store_bytes = per_worker > shared->row_page_bytes ? per_worker
                                                                     : shared->row_page_bytes;
    atomic_store(&shared->next_table, 0);
    return WR_OK;
}

/* Matching memory; while the lease refuses it, partitions go to disk. Under the mutex. */
static wr_status open_match(wr_node *node, probe_local *local, wr_exec *exec, wr_error *err)
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
        if (shared->filter) {
            wr_join_filter_drop(node);
            continue;
        }
        WR_TRY(wr_join_evict(node, &any, err));
        if (!any)
            return WR_RAISE(err, WR_BUG, "%s: probing got no memory inside its lease", node->label);
    }
}

/* ---- Tables ---------------------------------------------------------------------------------- */

typedef void (*visit_page)(wr_join_table *table, const wr_row_page *page);

static void each_page(const join_shared *shared, uint32_t partition, visit_page visit)
{
    for (uint32_t i = 0; i < shared->part_count[WR_JOIN_SIDE_BUILD]; i++)
        for (const wr_row_page *page = shared->parts[WR_JOIN_SIDE_BUILD][i].stores[partition].first;
             page; page = page->next)
            visit(&shared->tables[partition], page);
}

static wr_status build_table(wr_node *node, uint32_t partition, const wr_exec *exec, wr_error *err)
{
    join_shared    *shared = wr_node_shared(node);
    join_partition *p = &shared->partitions[partition];
    uint64_t        rows = wr_join_partition_rows(shared, WR_JOIN_SIDE_BUILD, partition);

    if (rows == 0 || p->space || atomic_load(&p->is_spilled))
        return WR_OK;
    p->space_pages = wr_pages_for(wr_join_table_bytes(rows), exec->page_bytes);
    p->space = wr_lease_try(wr_node_lease(node), p->space_pages);
    if (!p->space)
        return wr_join_partition_spill(node, partition, err);
    wr_join_table_begin(&shared->tables[partition], rows,
                        shared->sides[WR_JOIN_SIDE_BUILD].hash_offset, p->space);
    each_page(shared, partition, wr_join_table_count);
    wr_join_table_sum(&shared->tables[partition]);
    each_page(shared, partition, wr_join_table_place);
    return WR_OK;
}

/* A partition that a worker is building is not there for others to send away. */
static wr_status build_tables(wr_node *node, const wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);

    for (;;) {
        uint32_t partition = atomic_fetch_add(&shared->next_table, 1);

        if (partition >= shared->partition_count)
            return WR_OK;
        {
            WR_LOCKED(&shared->mutex);
            shared->partitions[partition].is_pinned = true;
        }
        WR_TRY(build_table(node, partition, exec, err));
    }
}

static wr_status probe_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);
    probe_local *local = local_p;

    {
        WR_LOCKED(&shared->mutex);
        if (shared->probing_workers++ == 0) {
            for (uint32_t p = 0; p < shared->partition_count; p++)
                shared->partitions[p].is_pinned = false;
            local->is_open = true;
            WR_TRY(prepare_step(node, exec, err));
        }
        local->is_open = true;
        WR_TRY(open_match(node, local, exec, err));
    }
    wr_join_match_use(&local->match, WR_JOIN_SIDE_PROBE, wr_join_probe_wish(shared->plan),
                      shared->tables, shared->partition_count - 1);
    return build_tables(node, exec, err);
}

/* ---- Probing --------------------------------------------------------------------------------- */

/* Rows of partitions on disk go there, too, or if they have no match for certain to the nulls; the
 * others close up. Returns how many those are. */
static wr_status put_off(wr_node *node, probe_local *local, const wr_batch *in, wr_exec *exec,
                         uint32_t *io_count, uint32_t *io_nulls, wr_error *err)
{
    join_shared   *shared = wr_node_shared(node);
    wr_join_match *match = &local->match;
    uint64_t       mask = shared->partition_count - 1;
    uint64_t      *stamps = (uint64_t *)(void *)match->at; /* not in use before the look-up */
    wr_selection   waiting = {match->kept, 0};
    wr_row_scatter to = {.store_count = shared->partition_count,
                         .bytes_max = shared->probe_store_bytes,
                         .spill = exec->spill,
                         .sizes = match->sizes,
                         .rows = match->targets,
                         .stamps = stamps,
                         .stamp_offset = shared->sides[WR_JOIN_SIDE_PROBE].hash_offset};
    uint32_t       kept = 0;

    for (uint32_t i = 0; i < *io_count; i++) {
        uint64_t hash = match->hashes[i];

        if (!atomic_load_explicit(&shared->partitions[hash & mask].is_spilled,
                                  memory_order_relaxed)) {
            match->rows[kept] = match->rows[i];
            match->hashes[kept++] = hash;
        } else if (shared->filter && !wr_join_filter_has(shared, hash)) {
            match->nulls[(*io_nulls)++] = match->rows[i];
        } else {
            stamps[waiting.row_count] = hash;
            match->which[waiting.row_count] = (uint16_t)(hash & mask);
            match->kept[waiting.row_count++] = match->rows[i];
        }
    }
    *io_count = kept;
    if (waiting.row_count == 0)
        return WR_OK;
    if (!local->part)
        WR_TRY(wr_join_part_take(node, exec, WR_JOIN_SIDE_PROBE, &local->part, err));
    to.stores = local->part->stores;
    return wr_row_scatter_write(&to, in->columns, &waiting, match->which, err);
}

static wr_status begin_batch(wr_node *node, probe_local *local, const wr_batch *in, wr_exec *exec,
                             wr_error *err)
{
    join_shared   *shared = wr_node_shared(node);
    wr_join_match *match = &local->match;
    uint32_t       nulls, count;

    count = wr_join_match_hash(match, &shared->sides[WR_JOIN_SIDE_PROBE], in->columns,
                               &in->selection, &nulls);
    WR_TRY(put_off(node, local, in, exec, &count, &nulls, err));
    if (!match->wish.unmatched)
        nulls = 0;
    memcpy(match->rows + count, match->nulls, nulls * sizeof match->nulls[0]);
    wr_join_match_begin(match, in->columns, count, nulls);
    return WR_OK;
}

static wr_status join_probe_apply(wr_node *node, void *local_p, const wr_batch *in, wr_batch *out,
                                  wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    probe_local *local = local_p;
    wr_status    status;

    *out_flow = WR_FLOW_MORE;
    if (wr_batch_rows(in) == 0)
        return WR_OK;
    if (!local->is_busy)
        WR_TRY(begin_batch(node, local, in, exec, err));
    local->match.error_row = UINT32_MAX;
    status = wr_join_match_next(&local->match, out, &local->is_busy, err);
    if (status != WR_OK && local->match.error_row != UINT32_MAX)
        wr_local_describe_row(local, local->match.error_row, err);
    WR_TRY(status);
    if (local->is_busy)
        *out_flow = WR_FLOW_AGAIN;
    return WR_OK;
}

/* Waiting rows leave memory to the step that joins them. */
static wr_status join_probe_combine(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);
    probe_local *local = local_p;

    (void)exec;
    if (!local->part)
        return WR_OK;
    return wr_row_stores_spill(local->part->stores, shared->partition_count, err);
}

static void probe_local_close(wr_node *node, void *local_p)
{
    join_shared *shared = wr_node_shared(node);
    probe_local *local = local_p;

    wr_join_part_leave(shared, local->part);
    wr_join_match_close(&local->match);
    if (local->is_open) {
        WR_LOCKED(&shared->mutex);
        shared->probing_workers--;
    }
}

const wr_transform_ops WR_JOIN_PROBE = {
    .name = "join probe",
    .local_bytes = sizeof(probe_local),
    .makes_rows = true,
    .lease_min = join_probe_lease_min,
    .local_open = probe_local_open,
    .apply = join_probe_apply,
    .combine = join_probe_combine,
    .local_close = probe_local_close,
};
