/* exec/op_join_build.c — hybrid hash join: the sink that keeps the build side.
 * (op_join_probe.c and op_join_rest.c join; join_match.c is the inner loop.)
 *
 * Rows are cut into partitions by the low bits of their hash; each worker has a store a partition.
 * While the lease has room all stay in memory. When a worker's share is full the largest partition
 * is sent to disk and from then on only passes through memory; so as many partitions as fit stay
 * resident. Rows whose key is NULL match nothing: dropped, or in right and full joins spread evenly.
 * A filter of the keys that went to disk is kept, as long as it is not too full to tell: probe rows of
 * spilled partitions that have no match are then known at once and not written. A join that fits into
 * memory never touches it.
 *
 * lease_min = shared arrays + workers x (matching memory + JOIN_PARTITIONS_MIN row pages).
 * Cost: a hash and one write per column a row; spilled rows are written once here. Source: hybrid
 * hash join, DeWitt et al. (SIGMOD 1984); choice of the victim as in Graefe, Query Evaluation
 * Techniques (1993), section 5.4; filter words as in Putze, Sanders, Singler (JEA 2009). */
#include "exec/join_priv.h"

#include "base/fault.h"
#include "base/hash.h"

enum {
    HASH_BYTES = 8,
    FILTER_PART = 4,          /* of the lease                                        */
    FILTER_BITS_MIN = 3,      /* a row: with fewer it does not tell                  */
    FILTER_BATCH = 64,        /* rows whose words are fetched together               */
};

/* ---- Sizes ----------------------------------------------------------------------------------- */

uint32_t wr_join_page_bytes(const wr_plan_join *plan, uint32_t page_bytes)
{
    uint32_t probe = wr_row_bytes_least(plan->probe_types, plan->probe_count, HASH_BYTES);
    uint32_t build = wr_row_bytes_least(plan->build_types, plan->build_count, HASH_BYTES);

    return wr_row_page_bytes(probe > build ? probe : build, page_bytes);
}

uint64_t wr_join_shared_bytes(const wr_plan_join *plan, const wr_exec *exec)
{
    return wr_row_layout_bytes(plan->probe_count) + wr_row_layout_bytes(plan->build_count) +
           WR_JOIN_SIDES * (uint64_t)exec->worker_count *
               (sizeof(join_part) + 16 + JOIN_PARTITIONS_MAX * sizeof(wr_row_store)) +
           JOIN_PARTITIONS_MAX * (sizeof(join_partition) + sizeof(wr_join_table)) + 1024;
}

uint64_t wr_join_resident_min(const void *plan, const wr_exec *exec)
{
    return wr_bump_lease_min(wr_join_shared_bytes(plan, exec), exec->page_bytes);
}

static uint64_t join_build_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    uint64_t row_page = wr_join_page_bytes(plan, exec->page_bytes);

    return wr_join_resident_min(plan, exec) +
           worker_count * (wr_join_match_lease_min(plan, exec) + JOIN_PARTITIONS_MIN * row_page);
}

uint64_t wr_join_used_bytes(wr_node *node, const wr_exec *exec)
{
    return (uint64_t)wr_node_lease(node)->pages_used * exec->page_bytes;
}

uint64_t wr_join_partition_rows(const join_shared *shared, uint32_t side, uint32_t partition)
{
    uint64_t rows = 0;

    for (uint32_t i = 0; i < shared->part_count[side]; i++)
        rows += shared->parts[side][i].stores[partition].row_count;
    return rows;
}

uint64_t wr_join_partition_resident_bytes(const join_shared *shared, uint32_t partition)
{
    uint64_t pages = 0;

    for (uint32_t i = 0; i < shared->part_count[WR_JOIN_SIDE_BUILD]; i++)
        pages += shared->parts[WR_JOIN_SIDE_BUILD][i].stores[partition].page_count;
    return pages * shared->row_page_bytes;
}

/* ---- The filter ------------------------------------------------------------------------------ */

static uint64_t filter_bits(uint64_t hash)
{
    return (uint64_t)1 << (hash >> 28 & 63) | (uint64_t)1 << (hash >> 34 & 63) |
           (uint64_t)1 << (hash >> 40 & 63);
}

static uint64_t *filter_word(const join_shared *shared, uint64_t hash)
{
    return &shared->filter[(uint64_t)((unsigned __int128)(hash << 1) * shared->filter_words >> 64)];
}

/* Not larger than what memory holds of the rows: the first worker that spills knows it of its own. */
static void clear_filter_once(join_shared *shared, const wr_row_store *stores)
{
    uint64_t bytes = wr_row_stores_bytes(stores, shared->partition_count) * shared->worker_count;

    WR_LOCKED(&shared->filter_mutex);
    if (shared->filter_is_clear)
        return;
    if (bytes < shared->filter_words * sizeof(uint64_t))
        shared->filter_words = bytes / sizeof(uint64_t) + 1;
    memset(shared->filter, 0, shared->filter_words * sizeof(uint64_t));
    shared->filter_is_clear = true;
}

/* The keys of a store's rows in memory, which are about to leave it. */
static void add_to_filter(join_shared *shared, const wr_row_store *store)
{
    uint32_t       hash_offset = shared->sides[WR_JOIN_SIDE_BUILD].hash_offset;
    const uint8_t *rows[FILTER_BATCH];

    for (const wr_row_page *page = store->first; page; page = page->next) {
        uint32_t offset = 0, count;

        while ((count = wr_row_page_rows(page, &offset, FILTER_BATCH, rows)) > 0) {
            for (uint32_t i = 0; i < count; i++)
                __builtin_prefetch(filter_word(shared, wr_load_u64(rows[i] + hash_offset)), 1);
            for (uint32_t i = 0; i < count; i++) {
                uint64_t  hash = wr_load_u64(rows[i] + hash_offset), bits = filter_bits(hash);
                uint64_t *word = filter_word(shared, hash);

                if ((__atomic_load_n(word, __ATOMIC_RELAXED) & bits) != bits)
                    __atomic_fetch_or(word, bits, __ATOMIC_RELAXED);
            }
            atomic_fetch_add_explicit(&shared->filter_rows, count, memory_order_relaxed);
        }
    }
}

bool wr_join_filter_has(const join_shared *shared, uint64_t hash)
{
    uint64_t bits = filter_bits(hash);

    return (*filter_word(shared, hash) & bits) == bits;
}

void wr_join_filter_drop(wr_node *node)
{
    join_shared *shared = wr_node_shared(node);

    if (shared->filter)
        wr_lease_give(wr_node_lease(node), shared->filter, shared->filter_pages);
    shared->filter = NULL;
}

static bool filter_is_full(const join_shared *shared)
{
    return atomic_load_explicit(&shared->filter_rows, memory_order_relaxed) * FILTER_BITS_MIN >
           shared->filter_words * 64;
}

/* Out of what the lease may have above its min; without it joins only write more. */
static void open_filter(wr_node *node, join_shared *shared, const wr_exec *exec)
{
    wr_lease *lease = wr_node_lease(node);
    uint32_t  surplus = wr_lease_pages_max(lease) - lease->pages_min;

    shared->filter_pages = surplus / FILTER_PART;
    if (shared->filter_pages == 0 || shared->plan->key_count == 0)
        return;
    shared->filter = wr_lease_try(lease, shared->filter_pages);
    if (!shared->filter)
        return;
    shared->filter_words = (uint64_t)shared->filter_pages * exec->page_bytes / sizeof(uint64_t);
}

/* ---- Open ------------------------------------------------------------------------------------ */

static wr_status open_arrays(join_shared *shared, const wr_exec *exec, wr_error *err)
{
    for (uint32_t side = 0; side < WR_JOIN_SIDES; side++) {
        wr_join_side *s = &shared->sides[side];

        WR_TRY(wr_row_layout_init(&s->layout, s->types, s->count, HASH_BYTES, &s->hash_offset,
                                  wr_row_bytes_max(shared->row_page_bytes), &shared->bump, err));
        shared->parts[side] = WR_BUMP_NEW_ARRAY(&shared->bump, join_part, exec->worker_count, err);
        if (!shared->parts[side])
            return WR_NO_MEMORY;
    }
    shared->partitions =
        WR_BUMP_NEW_ARRAY(&shared->bump, join_partition, shared->partition_count, err);
    shared->tables = WR_BUMP_NEW_ARRAY(&shared->bump, wr_join_table, shared->partition_count, err);
    return shared->partitions && shared->tables ? WR_OK : WR_NO_MEMORY;
}

static wr_status join_build_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);
    uint64_t     room;

    shared->plan = node->plan;
    wr_mutex_init(&shared->mutex);
    wr_mutex_init(&shared->filter_mutex);
    wr_cond_init(&shared->moved);
    wr_bump_init(&shared->bump, wr_node_lease(node));
    wr_join_sides_init(shared->sides, shared->plan);
    shared->row_page_bytes = wr_join_page_bytes(shared->plan, exec->page_bytes);
    shared->worker_count = exec->worker_count;
    /* A quarter of the memory for the pages being filled: one a partition and worker. */
    room = wr_node_bytes_max(node, exec) / 4 / exec->worker_count / shared->row_page_bytes;
    shared->partition_count = JOIN_PARTITIONS_MIN;
    while (shared->partition_count * 2 <= room && shared->partition_count < JOIN_PARTITIONS_MAX)
        shared->partition_count *= 2;
    WR_TRY(wr_bump_reserve(&shared->bump, wr_join_shared_bytes(shared->plan, exec) - 512, err));
    WR_TRY(open_arrays(shared, exec, err));
    open_filter(node, shared, exec);
    return WR_OK;
}

static wr_status new_part(join_shared *shared, wr_node *node, wr_exec *exec, uint32_t side,
                          join_part **out_part, wr_error *err)
{
    join_part *part = &shared->parts[side][shared->part_count[side]];

    wr_assert(shared->part_count[side] < exec->worker_count, "a worker leaves its part");
    part->stores = WR_BUMP_NEW_ARRAY(&shared->bump, wr_row_store, shared->partition_count, err);
    if (!part->stores)
        return WR_NO_MEMORY;
    for (uint32_t p = 0; p < shared->partition_count; p++)
        wr_row_store_init(&part->stores[p], &shared->sides[side].layout, wr_node_lease(node),
                          shared->row_page_bytes, exec->spill);
    shared->part_count[side]++;
    *out_part = part;
    return WR_OK;
}

wr_status wr_join_part_take(wr_node *node, wr_exec *exec, uint32_t side, join_part **out_part,
                            wr_error *err)
{
    join_shared *shared = wr_node_shared(node);
    join_part   *part = NULL;

    WR_LOCKED(&shared->mutex);
    for (uint32_t i = 0; i < shared->part_count[side] && !part; i++)
        if (!shared->parts[side][i].in_use)
            part = &shared->parts[side][i];
    if (!part)
        WR_TRY(new_part(shared, node, exec, side, &part, err));
    part->in_use = true;
    *out_part = part;
    return WR_OK;
}

void wr_join_part_leave(join_shared *shared, join_part *part)
{
    WR_LOCKED(&shared->mutex);
    if (part)
        part->in_use = false;
}

/* ---- Build: one worker ----------------------------------------------------------------------- */

typedef struct build_local {
    wr_join_match match; /* its arrays */
    join_part    *part;
    join_shared  *shared;
    uint64_t      bytes_max;  /* of this worker's pages          */
    uint64_t      null_count; /* spreads rows whose key is NULL  */
} build_local;

static wr_status build_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);
    build_local *local = local_p;
    uint64_t     fixed = wr_join_resident_min(shared->plan, exec) +
                         exec->worker_count * wr_join_match_lease_min(shared->plan, exec) +
                         (shared->filter ? (uint64_t)shared->filter_pages * exec->page_bytes : 0);
    uint64_t     total = wr_node_bytes_max(node, exec);

    local->shared = shared;
    local->bytes_max = total > fixed ? (total - fixed) / exec->worker_count : 0;
    if (local->bytes_max < (uint64_t)JOIN_PARTITIONS_MIN * shared->row_page_bytes)
        local->bytes_max = (uint64_t)JOIN_PARTITIONS_MIN * shared->row_page_bytes;
    WR_TRY(wr_join_match_open(&local->match, shared->plan, shared->sides, wr_node_lease(node),
                              exec, err));
    return wr_join_part_take(node, exec, WR_JOIN_SIDE_BUILD, &local->part, err);
}

/* The partition to send away: one that is on disk already if it holds pages, else the largest. */
static uint32_t choose_victim(const join_shared *shared, const wr_row_store *stores, uint32_t which)
{
    uint32_t victim = which, spilled = UINT32_MAX;

    for (uint32_t p = 0; p < shared->partition_count; p++) {
        bool is_spilled = atomic_load_explicit(&shared->partitions[p].is_spilled,
                                               memory_order_relaxed);

        if (is_spilled && stores[p].page_count > 1 &&
            (spilled == UINT32_MAX || stores[p].page_count > stores[spilled].page_count))
            spilled = p;
        if (stores[p].page_count > stores[victim].page_count)
            victim = p;
    }
    if (spilled != UINT32_MAX)
        return spilled;
    if (stores[which].page_count && atomic_load(&shared->partitions[which].is_spilled))
        return which;
    return victim;
}

static wr_status spill_store(join_shared *shared, wr_row_store *stores, uint32_t partition,
                             wr_error *err)
{
    atomic_store(&shared->partitions[partition].is_spilled, true);
    if (shared->filter) {
        clear_filter_once(shared, stores);
        add_to_filter(shared, &stores[partition]);
    }
    return wr_row_store_spill(&stores[partition], 0, err);
}

static wr_status spill_own(join_shared *shared, wr_row_store *stores, wr_error *err)
{
    for (uint32_t p = 0; p < shared->partition_count; p++)
        if (stores[p].page_count)
            WR_TRY(spill_store(shared, stores, p, err));
    return WR_OK;
}

/* A page for stores[which]; the largest partitions go to disk when the worker's share is full. */
static wr_status make_room(void *local_p, uint32_t which, wr_error *err)
{
    build_local  *local = local_p;
    join_shared  *shared = local->shared;
    wr_row_store *stores = local->part->stores;
    uint64_t      bytes = wr_row_stores_bytes(stores, shared->partition_count);

    if (bytes + shared->row_page_bytes > local->bytes_max)
        WR_TRY(spill_store(shared, stores, choose_victim(shared, stores, which), err));
    if (wr_row_store_add_page(&stores[which]))
        return WR_OK;
    WR_TRY(spill_own(shared, stores, err));
    return wr_row_store_add_page(&stores[which])
               ? WR_OK
               : WR_RAISE(err, WR_BUG, "a partition got no page inside its lease");
}

/* Right and full joins keep rows whose key is NULL: any hash will do, an even one is best. */
static uint32_t add_null_rows(build_local *local, uint32_t count, uint32_t null_count)
{
    wr_join_match *match = &local->match;

    for (uint32_t i = 0; i < null_count; i++) {
        match->rows[count + i] = match->nulls[i];
        match->hashes[count + i] = wr_hash_u64(++local->null_count) & ~WR_JOIN_MATCHED;
    }
    return count + null_count;
}

static wr_status build_push(wr_node *node, void *local_p, const wr_batch *in, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    join_shared   *shared = wr_node_shared(node);
    build_local   *local = local_p;
    wr_join_match *match = &local->match;
    uint32_t       nulls, count;
    wr_selection   rows = {match->rows, 0};
    wr_row_scatter to = {.stores = local->part->stores,
                         .store_count = shared->partition_count,
                         .spill = exec->spill,
                         .sizes = match->sizes,
                         .rows = match->targets,
                         .stamps = match->hashes,
                         .stamp_offset = shared->sides[WR_JOIN_SIDE_BUILD].hash_offset,
                         .make_room = make_room,
                         .make_room_context = local};

    *out_flow = WR_FLOW_MORE;
    if (wr_batch_rows(in) == 0)
        return WR_OK;
    count = wr_join_match_hash(match, &shared->sides[WR_JOIN_SIDE_BUILD], in->columns,
                               &in->selection, &nulls);
    if (wr_join_keeps_build(shared->plan))
        count = add_null_rows(local, count, nulls);
    for (uint32_t i = 0; i < count; i++)
        match->which[i] = (uint16_t)(match->hashes[i] & (shared->partition_count - 1));
    rows.row_count = count;
    WR_TRY(wr_row_scatter_write(&to, in->columns, &rows, match->which, err));
    return wr_stress_get()->spill_always ? spill_own(shared, local->part->stores, err) : WR_OK;
}

static void build_local_close(wr_node *node, void *local_p)
{
    build_local *local = local_p;

    wr_join_part_leave(wr_node_shared(node), local->part);
    wr_join_match_close(&local->match);
}

/* ---- finish, reclaim, close ------------------------------------------------------------------ */

void wr_join_table_drop(wr_node *node, uint32_t partition)
{
    join_shared    *shared = wr_node_shared(node);
    join_partition *p = &shared->partitions[partition];

    if (p->space)
        wr_lease_give(wr_node_lease(node), p->space, p->space_pages);
    p->space = NULL;
    shared->tables[partition] = (wr_join_table){0};
}

wr_status wr_join_partition_spill(wr_node *node, uint32_t partition, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);

    wr_join_table_drop(node, partition);
    atomic_store(&shared->partitions[partition].is_spilled, true);
    for (uint32_t i = 0; i < shared->part_count[WR_JOIN_SIDE_BUILD]; i++)
        WR_TRY(spill_store(shared, shared->parts[WR_JOIN_SIDE_BUILD][i].stores, partition, err));
    return WR_OK;
}

wr_status wr_join_evict(wr_node *node, bool *out_any, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);
    uint32_t     victim = UINT32_MAX;
    uint64_t     most = 0;

    for (uint32_t p = 0; p < shared->partition_count; p++) {
        uint64_t bytes = wr_join_partition_resident_bytes(shared, p);

        if (!shared->partitions[p].is_pinned && bytes > most) {
            most = bytes;
            victim = p;
        }
    }
    *out_any = victim != UINT32_MAX;
    return *out_any ? wr_join_partition_spill(node, victim, err) : WR_OK;
}

/* What is on disk in part goes there whole. */
static wr_status build_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);
    bool         any = false;

    (void)exec;
    for (uint32_t p = 0; p < shared->partition_count; p++)
        if (atomic_load(&shared->partitions[p].is_spilled)) {
            any = true;
            WR_TRY(wr_join_partition_spill(node, p, err));
        }
    if (!any || (shared->filter && filter_is_full(shared)))
        wr_join_filter_drop(node);
    return WR_OK;
}

static wr_status build_reclaim(wr_node *node, wr_exec *exec, wr_error *err)
{
    join_shared *shared = wr_node_shared(node);

    (void)exec;
    wr_join_filter_drop(node);
    for (uint32_t p = 0; p < shared->partition_count; p++)
        if (wr_join_partition_resident_bytes(shared, p))
            WR_TRY(wr_join_partition_spill(node, p, err));
    for (uint32_t i = 0; i < shared->part_count[WR_JOIN_SIDE_PROBE]; i++)
        WR_TRY(wr_row_stores_spill(shared->parts[WR_JOIN_SIDE_PROBE][i].stores,
                                   shared->partition_count, err));
    return WR_OK;
}

static void build_close(wr_node *node)
{
    join_shared *shared = wr_node_shared(node);

    for (uint32_t side = 0; side < WR_JOIN_SIDES; side++)
        for (uint32_t i = 0; i < shared->part_count[side]; i++)
            for (uint32_t p = 0; p < shared->partition_count; p++)
                wr_row_store_release(&shared->parts[side][i].stores[p]);
    for (uint32_t p = 0; shared->tables && p < shared->partition_count; p++)
        wr_join_table_drop(node, p);
    wr_join_filter_drop(node);
    if (shared->bump.lease)
        wr_bump_release(&shared->bump);
    wr_cond_release(&shared->moved);
    wr_mutex_release(&shared->filter_mutex);
    wr_mutex_release(&shared->mutex);
}

const wr_sink_ops WR_JOIN_BUILD = {
    .name = "join build",
    .shared_bytes = sizeof(join_shared),
    .local_bytes = sizeof(build_local),
    .lease_min = join_build_lease_min,
    .resident_min = wr_join_resident_min,
    .open = join_build_open,
    .local_open = build_local_open,
    .push = build_push,
    .local_close = build_local_close,
    .finish = build_finish,
    .reclaim = build_reclaim,
    .close = build_close,
};
