/* exec/op_aggregate.c — hash aggregation in bounded memory: the sink that groups, the source that
 * gives the groups.
 *
 * Build: each worker groups into a table of its own. When that table is full it goes on absorbing
 * rows of the groups it has; rows of other groups are cut into partitions by their hash and kept as
 * rows, spilled when their share of memory is full. finish: the workers' tables become one, the
 * resident table (pages move, one directory is made, equal groups merge).
 * Read: each partition's rows update the resident groups they belong to, or are grouped in a table
 * of the partition; what does not fit there is cut again by the next bits of the hash (4 ways, up
 * to LEVELS_MAX levels, then in passes), so every input finishes with lease_min. Last, when all
 * partitions are done, the resident groups are put out.
 * Between the steps the resident groups can be spilled too (reclaim): group rows are plain bytes.
 *
 * lease_min = workers x (table min + PARTITIONS_MIN row pages + batch scratch), see below; all of it
 * a formula over the schema. Row page = wr_row_page_bytes(widest row).
 * Cost: one look-up a row; rows beyond the tables are written and read once per level.
 * Source: hybrid hashing, DeWitt et al. (SIGMOD 1984); resident-group absorption as in Graefe,
 * Query Evaluation Techniques (1993), section 4. */
#include "base/fault.h"
#include "exec/group_table.h"
#include "kernel/hash.h"

enum {
    PARTITIONS_MIN = 8,
    PARTITIONS_MAX = 256,
    WORKERS_MAX = 256,
    FANOUT = 4,
    FANOUT_BITS = 2,
    LEVELS_MAX = 6,
    STACK_MAX = FANOUT * LEVELS_MAX + 2,
};

/* One worker's build state; outlives its worker, so that several pipelines may feed one sink. */
typedef struct build_part {
    wr_group_table table;
    wr_row_store  *partitions;  /* raw rows */
    uint64_t       store_bytes_max;
    bool           in_use;
} build_part;

typedef struct aggregate_shared {
    /* plan facts */
    wr_group_layout layout;
    wr_row_layout   raw;             /* whole input rows */
    uint32_t        row_page_bytes;
    uint32_t        partition_count;
    /* buffers */
    wr_bump         bump;
    build_part     *parts;
    uint32_t        part_count;
    wr_row_store   *groups;          /* spilled resident groups, per partition; NULL: none */
    /* reading */
    wr_mutex        mutex;
    wr_cond         done_cond;
    uint32_t        next_partition, partitions_done;
    wr_row_page    *next_page;       /* of the resident table */
    uint64_t        next_morsel;
    bool            any_spilled, is_stopped;
} aggregate_shared;

static const wr_plan_aggregate *plan_of(const wr_node *node)
{
    return node->plan;
}

/* ---- Sizes -------------------------------------------------------------------------------------- */

static uint32_t page_of_rows(const wr_plan_aggregate *plan, uint32_t page_bytes)
{
    uint32_t group = wr_row_bytes_least(plan->types, plan->key_count,
                                        8 + wr_agg_layout_bytes(plan));
    uint32_t raw = wr_row_bytes_least(plan->types, plan->column_count, 0);

    return wr_row_page_bytes(group > raw ? group : raw, page_bytes);
}

/* Hashes, state pointers, row addresses and sizes of one batch. */
static uint64_t scratch_bytes(void)
{
    return (uint64_t)WR_BATCH_ROWS_MAX * (sizeof(uint64_t) + 2 * sizeof(void *) + sizeof(uint32_t) +
                                          3 * sizeof(uint16_t));
}

static uint64_t vectors_bytes(const wr_type *types, uint32_t count)
{
    uint64_t bytes = (uint64_t)count * sizeof(wr_vector) + 64;

    for (uint32_t c = 0; c < count; c++)
        bytes += wr_vector_bytes(types[c]) + 16;
    return bytes;
}

static uint64_t shared_bytes_min(const wr_plan_aggregate *plan, const wr_exec *exec)
{
    return wr_row_layout_bytes(plan->key_count) + wr_row_layout_bytes(plan->column_count) +
           plan->agg_count * sizeof(wr_agg_slot) + WORKERS_MAX * sizeof(build_part) +
           (uint64_t)(exec->worker_count + 1) * PARTITIONS_MAX * sizeof(wr_row_store) + 4096;
}

static uint64_t aggregate_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_aggregate *plan = plan_p;
    uint32_t                 row_page = page_of_rows(plan, exec->page_bytes);
    uint64_t per_worker = wr_group_table_lease_min(row_page, exec->page_bytes) +
                          (uint64_t)PARTITIONS_MIN * row_page +
                          wr_bump_lease_min(scratch_bytes(), exec->page_bytes);

    return wr_bump_lease_min(shared_bytes_min(plan, exec), exec->page_bytes) +
           (uint64_t)worker_count * per_worker;
}

static uint64_t aggregate_resident_min(const void *plan_p, const wr_exec *exec)
{
    return wr_bump_lease_min(shared_bytes_min(plan_p, exec), exec->page_bytes) +
           2 * (uint64_t)page_of_rows(plan_p, exec->page_bytes);
}

static uint64_t lease_bytes(wr_node *node, const wr_exec *exec)
{
    const wr_lease *lease = wr_node_lease(node);
    uint64_t        pages = lease->pages_want > lease->pages_min ? lease->pages_want
                                                                 : lease->pages_min;

    return pages * exec->page_bytes;
}

/* ---- Open ----------------------------------------------------------------------------------------- */

static wr_status aggregate_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_aggregate *plan = plan_of(node);
    aggregate_shared        *shared = wr_node_shared(node);
    uint32_t                 row_bytes_max;
    uint64_t                 room;

    wr_mutex_init(&shared->mutex);
    wr_cond_init(&shared->done_cond);
    wr_bump_init(&shared->bump, wr_node_lease(node));
    shared->row_page_bytes = page_of_rows(plan, exec->page_bytes);
    row_bytes_max = wr_row_bytes_max(shared->row_page_bytes);
    shared->layout.key_count = plan->key_count;
    WR_TRY(wr_bump_reserve(&shared->bump, shared_bytes_min(plan, exec) - 2048, err));
    WR_TRY(wr_agg_layout_init(&shared->layout.aggs, plan, &shared->bump, err));
    WR_TRY(wr_row_layout_init(&shared->layout.rows, plan->types, plan->key_count,
                              8 + shared->layout.aggs.bytes, &shared->layout.extra_offset,
                              row_bytes_max, &shared->bump, err));
    WR_TRY(wr_row_layout_init(&shared->raw, plan->types, plan->column_count, 0, NULL,
                              row_bytes_max, &shared->bump, err));
    /* A quarter of the memory for partition pages: one page each per worker. */
    room = lease_bytes(node, exec) / 4 / exec->worker_count / shared->row_page_bytes;
    shared->partition_count = PARTITIONS_MIN;
    while (shared->partition_count * 2 <= room && shared->partition_count < PARTITIONS_MAX)
        shared->partition_count *= 2;
    shared->parts = WR_BUMP_NEW_ARRAY(&shared->bump, build_part, WORKERS_MAX, err);
    return shared->parts ? WR_OK : WR_NO_MEMORY;
}

/* ---- Build: one worker ------------------------------------------------------------------------------ */

typedef struct batch_scratch {
    uint64_t *hashes;
    uint8_t **states, **rows;
    uint32_t *sizes;
    uint16_t *found, *missed, *left;
} batch_scratch;

static wr_status scratch_init(batch_scratch *scratch, wr_bump *bump, wr_error *err)
{
    uint32_t n = WR_BATCH_ROWS_MAX;
    uint8_t *at;

    WR_TRY(wr_bump_reserve(bump, scratch_bytes(), err));
    at = wr_bump_alloc(bump, scratch_bytes(), err);
    if (!at)
        return WR_NO_MEMORY;
    scratch->hashes = (uint64_t *)(void *)at;
    scratch->states = (uint8_t **)(void *)(at + n * 8);
    scratch->rows = (uint8_t **)(void *)(at + n * 16);
    scratch->sizes = (uint32_t *)(void *)(at + n * 24);
    scratch->found = (uint16_t *)(void *)(at + n * 28);
    scratch->missed = scratch->found + n;
    scratch->left = scratch->missed + n;
    return WR_OK;
}

typedef struct aggregate_local {
    wr_bump       bump;
    batch_scratch scratch;
    build_part   *part;
} aggregate_local;

static wr_status new_part(aggregate_shared *shared, wr_node *node, wr_exec *exec,
                          build_part **out_part, wr_error *err)
{
    uint64_t    share = lease_bytes(node, exec) -
                     wr_bump_lease_min(shared_bytes_min(plan_of(node), exec), exec->page_bytes);
    uint64_t    scratch = wr_bump_lease_min(scratch_bytes(), exec->page_bytes), table_bytes;
    build_part *part = &shared->parts[shared->part_count];

    share = share / exec->worker_count - scratch;
    part->store_bytes_max = share * 3 / 8;
    if (part->store_bytes_max < (uint64_t)shared->partition_count * shared->row_page_bytes)
        part->store_bytes_max = (uint64_t)shared->partition_count * shared->row_page_bytes;
    table_bytes = share - part->store_bytes_max;
    if (wr_stress_get()->spill_always)
        table_bytes = wr_group_table_lease_min(shared->row_page_bytes, exec->page_bytes);
    wr_group_table_init(&part->table, &shared->layout, wr_node_lease(node), shared->row_page_bytes,
                        table_bytes, exec->spill);
    part->partitions = WR_BUMP_NEW_ARRAY(&shared->bump, wr_row_store, shared->partition_count, err);
    if (!part->partitions)
        return WR_NO_MEMORY;
    for (uint32_t p = 0; p < shared->partition_count; p++)
        wr_row_store_init(&part->partitions[p], &shared->raw, wr_node_lease(node),
                          shared->row_page_bytes, exec->spill);
    shared->part_count++;
    *out_part = part;
    return WR_OK;
}

static wr_status aggregate_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    aggregate_local  *local = local_p;

    wr_bump_init(&local->bump, wr_node_lease(node));
    WR_TRY(scratch_init(&local->scratch, &local->bump, err));
    {
        WR_LOCKED(&shared->mutex);
        for (uint32_t i = 0; i < shared->part_count && !local->part; i++)
            if (!shared->parts[i].in_use)
                local->part = &shared->parts[i];
        if (!local->part)
            WR_TRY(new_part(shared, node, exec, &local->part, err));
        local->part->in_use = true;
    }
    return WR_OK;
}

static uint64_t resident_bytes(const wr_row_store *stores, uint32_t count)
{
    uint64_t bytes = 0;

    for (uint32_t p = 0; p < count; p++)
        bytes += (uint64_t)stores[p].page_count * stores[p].page_bytes;
    return bytes;
}

static wr_status spill_stores(wr_row_store *stores, uint32_t count, wr_error *err)
{
    for (uint32_t p = 0; p < count; p++)
        WR_TRY(wr_row_store_spill(&stores[p], 0, err));
    return WR_OK;
}

/* Append `count` rows (physical positions rows[]) to one store; when memory is refused, all
 * `stores` are spilled: they are this worker's own. */
static wr_status append_rows(wr_row_store *stores, uint32_t store_count, uint32_t which,
                             const wr_row_layout *layout, const wr_vector *columns,
                             const uint16_t *rows, uint32_t count, uint64_t bytes_max,
                             batch_scratch *scratch, wr_spill *spill, wr_error *err)
{
    wr_selection selection = {rows, count};
    uint32_t     done = 0;

    wr_row_measure(layout, columns, &selection, scratch->sizes);
    while (done < count) {
        uint32_t fitted;

        if (resident_bytes(stores, store_count) + stores[which].page_bytes > bytes_max)
            WR_TRY(spill_stores(stores, store_count, err));
        fitted = wr_row_store_reserve(&stores[which], scratch->sizes + done, count - done,
                                      scratch->rows);
        if (fitted == 0) {
            WR_TRY(spill_stores(stores, store_count, err));
            fitted = wr_row_store_reserve(&stores[which], scratch->sizes + done, count - done,
                                          scratch->rows);
            if (fitted == 0)
                return WR_RAISE(err, WR_BUG, "a partition got no page inside its lease");
        }
        WR_TRY(wr_row_write(layout, columns, &selection, done, fitted, scratch->rows, spill, err));
        done += fitted;
    }
    return WR_OK;
}

/* Cut rows by `shift` bits of their hash into stores. `missed` lists indexes into the selection. */
static wr_status partition_rows(wr_row_store *stores, uint32_t store_count, uint32_t shift,
                                const wr_row_layout *layout, const wr_vector *columns,
                                const wr_selection *selection, uint32_t missed_count,
                                uint64_t bytes_max, batch_scratch *scratch, wr_spill *spill,
                                wr_error *err)
{
    uint32_t mask = store_count - 1, taken = 0;
    uint16_t rows[WR_BATCH_ROWS_MAX];

    /* Few rows miss in most batches: gather them partition by partition. */
    for (uint32_t first = 0; taken < missed_count; first++) {
        uint32_t count = 0, which;

        if (scratch->missed[first] == UINT16_MAX)
            continue;
        which = (uint32_t)(scratch->hashes[scratch->missed[first]] >> shift) & mask;
        for (uint32_t i = first; i < missed_count; i++) {
            uint16_t index = scratch->missed[i];

            if (index == UINT16_MAX ||
                ((uint32_t)(scratch->hashes[index] >> shift) & mask) != which)
                continue;
            rows[count++] = (uint16_t)wr_selection_row(selection, index);
            scratch->missed[i] = UINT16_MAX;
        }
        taken += count;
        WR_TRY(append_rows(stores, store_count, which, layout, columns, rows, count, bytes_max,
                           scratch, spill, err));
    }
    return WR_OK;
}

/* Split the selection by whether a state was found; rows of found ones into scratch->found. */
static uint32_t split_found(const wr_selection *selection, batch_scratch *scratch,
                            uint32_t *out_missed)
{
    uint32_t found = 0, missed = 0;

    for (uint32_t i = 0; i < selection->row_count; i++) {
        if (scratch->states[i]) {
            scratch->found[found] = (uint16_t)wr_selection_row(selection, i);
            scratch->states[found++] = scratch->states[i];
        } else {
            scratch->missed[missed++] = (uint16_t)i;
        }
    }
    *out_missed = missed;
    return found;
}

static void hash_keys(const wr_plan_aggregate *plan, const wr_vector *columns,
                      const wr_selection *selection, uint64_t *hashes)
{
    wr_hash_columns(columns, plan->key_count, selection, hashes);
    for (uint32_t i = 0; i < selection->row_count; i++)
        hashes[i] -= hashes[i] == UINT64_MAX; /* marks dead groups */
}

static wr_status aggregate_push(wr_node *node, void *local_p, const wr_batch *in,
                                wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    const wr_plan_aggregate *plan = plan_of(node);
    aggregate_shared        *shared = wr_node_shared(node);
    aggregate_local         *local = local_p;
    batch_scratch           *scratch = &local->scratch;
    build_part              *part = local->part;
    wr_agg_memory            memory;
    uint32_t                 found, missed;

    *out_flow = WR_FLOW_MORE;
    if (wr_batch_rows(in) == 0)
        return WR_OK;
    hash_keys(plan, in->columns, &in->selection, scratch->hashes);
    WR_TRY(wr_group_table_find(&part->table, in->columns, &in->selection, scratch->hashes,
                               scratch->states, err));
    found = split_found(&in->selection, scratch, &missed);
    memory = wr_group_table_memory(&part->table);
    WR_TRY(wr_agg_update(&shared->layout.aggs, in->columns, scratch->found, scratch->states, found,
                         &memory, err));
    return partition_rows(part->partitions, shared->partition_count, 0, &shared->raw, in->columns,
                          &in->selection, missed, part->store_bytes_max, scratch, exec->spill, err);
}

static wr_status aggregate_combine(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    aggregate_local  *local = local_p;

    (void)exec, (void)err;
    WR_LOCKED(&shared->mutex);
    local->part->in_use = false;
    return WR_OK;
}

static void aggregate_local_close(wr_node *node, void *local_p)
{
    aggregate_local *local = local_p;

    (void)node;
    if (local->bump.lease)
        wr_bump_release(&local->bump);
}

/* ---- finish, reclaim, close ------------------------------------------------------------------------- */

static wr_group_table *resident_table(aggregate_shared *shared)
{
    return shared->part_count ? &shared->parts[0].table : NULL;
}

static wr_status finish_single_group(aggregate_shared *shared, wr_node *node, wr_exec *exec,
                                     wr_error *err)
{
    uint64_t     hash = 0;
    uint8_t     *states;
    wr_selection one = {NULL, 1};
    build_part  *part;

    if (shared->part_count == 0)
        WR_TRY(new_part(shared, node, exec, &part, err));
    return wr_group_table_find(resident_table(shared), NULL, &one, &hash, &states, err);
}

static wr_status aggregate_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);

    for (uint32_t i = 1; i < shared->part_count; i++)
        WR_TRY(wr_group_table_absorb(resident_table(shared), &shared->parts[i].table, 1, err));
    if (plan_of(node)->key_count == 0)
        WR_TRY(finish_single_group(shared, node, exec, err));
    for (uint32_t i = 0; i < shared->part_count; i++)
        for (uint32_t p = 0; p < shared->partition_count; p++)
            shared->any_spilled |= shared->parts[i].partitions[p].row_count > 0;
    return WR_OK;
}

/* Append one sealed group row to a store, spilling all stores when memory is refused. */
static wr_status append_group(wr_row_store *stores, uint32_t store_count, uint32_t which,
                              const uint8_t *row, wr_error *err)
{
    uint32_t bytes = wr_row_bytes(row);
    uint8_t *copy;

    if (wr_row_store_reserve(&stores[which], &bytes, 1, &copy) == 0) {
        WR_TRY(spill_stores(stores, store_count, err));
        if (wr_row_store_reserve(&stores[which], &bytes, 1, &copy) == 0)
            return WR_RAISE(err, WR_BUG, "a partition of groups got no page inside its lease");
    }
    memcpy(copy, row, bytes);
    return WR_OK;
}

static wr_status spill_groups(aggregate_shared *shared, wr_group_table *table, wr_exec *exec,
                              wr_error *err)
{
    const wr_group_layout *layout = &shared->layout;
    const uint8_t         *rows[64];

    for (wr_row_page *page = table->first; page; page = page->next) {
        uint32_t offset = 0, count;

        while ((count = wr_row_page_rows(page, &offset, 64, rows)) > 0)
            for (uint32_t i = 0; i < count; i++) {
                uint8_t *row = (uint8_t *)(uintptr_t)rows[i];

                if (wr_group_is_dead(layout, row))
                    continue;
                WR_TRY(wr_agg_seal(&layout->aggs, wr_group_states(layout, row), exec->spill, err));
                WR_TRY(append_group(shared->groups, shared->partition_count,
                                    (uint32_t)wr_group_hash(layout, row) &
                                        (shared->partition_count - 1),
                                    row, err));
            }
    }
    return spill_stores(shared->groups, shared->partition_count, err);
}

/* The directory goes first: its pages are the buffers that spilling needs. */
static wr_status aggregate_reclaim(wr_node *node, wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    wr_group_table   *table = resident_table(shared);

    for (uint32_t i = 0; i < shared->part_count; i++)
        WR_TRY(spill_stores(shared->parts[i].partitions, shared->partition_count, err));
    if (!table || table->group_count == 0 || plan_of(node)->key_count == 0)
        return WR_OK;
    shared->groups = WR_BUMP_NEW_ARRAY(&shared->bump, wr_row_store, shared->partition_count, err);
    if (!shared->groups)
        return WR_NO_MEMORY;
    for (uint32_t p = 0; p < shared->partition_count; p++)
        wr_row_store_init(&shared->groups[p], &shared->layout.rows, wr_node_lease(node),
                          shared->row_page_bytes, exec->spill);
    wr_lease_give(table->lease, table->slots, table->slot_pages);
    table->slots = NULL;
    table->slot_count = table->slot_pages = 0;
    WR_TRY(spill_groups(shared, table, exec, err));
    for (uint32_t i = 0; i < shared->part_count; i++)
        wr_group_table_release(&shared->parts[i].table);
    shared->any_spilled = true;
    return WR_OK;
}

static void aggregate_close(wr_node *node)
{
    aggregate_shared *shared = wr_node_shared(node);

    for (uint32_t i = 0; i < shared->part_count; i++) {
        wr_group_table_release(&shared->parts[i].table);
        for (uint32_t p = 0; p < shared->partition_count; p++)
            wr_row_store_release(&shared->parts[i].partitions[p]);
    }
    for (uint32_t p = 0; shared->groups && p < shared->partition_count; p++)
        wr_row_store_release(&shared->groups[p]);
    if (shared->bump.lease)
        wr_bump_release(&shared->bump);
    wr_cond_release(&shared->done_cond);
    wr_mutex_release(&shared->mutex);
}

const wr_sink_ops WR_AGGREGATE = {
    .name = "aggregate",
    .shared_bytes = sizeof(aggregate_shared),
    .local_bytes = sizeof(aggregate_local),
    .lease_min = aggregate_lease_min,
    .resident_min = aggregate_resident_min,
    .open = aggregate_open,
    .local_open = aggregate_local_open,
    .push = aggregate_push,
    .combine = aggregate_combine,
    .local_close = aggregate_local_close,
    .finish = aggregate_finish,
    .reclaim = aggregate_reclaim,
    .close = aggregate_close,
};

/* ---- Reading ---------------------------------------------------------------------------------------------- */

/* Rows and groups that still have to be grouped; level: how often they were cut. */
typedef struct task {
    wr_row_store rows, groups;
    uint32_t     level;
} task;

typedef struct read_local {
    wr_bump        bump;
    batch_scratch  scratch;
    wr_vector     *input;      /* raw rows as vectors                       */
    wr_vector     *output;     /* keys, aggregates, position                */
    uint8_t       *buffer;     /* one spilled page                          */
    wr_group_table table;      /* of the task at hand                       */
    task           stack[STACK_MAX];
    uint32_t       depth;
    uint64_t       store_bytes_max;
    wr_row_page   *page;       /* being put out                             */
    bool           one_page;   /* of the resident table: only this page     */
    uint32_t       offset;
    uint64_t       morsel;
    bool           has_partition;
} read_local;

static uint64_t read_buffers_bytes(const wr_plan_aggregate *plan)
{
    uint64_t bytes = vectors_bytes(plan->types, plan->column_count) + sizeof(wr_vector) +
                     vectors_bytes(plan->types, plan->key_count) + wr_vector_bytes(WR_TYPE(U64)) +
                     plan->agg_count * sizeof(wr_vector);

    for (uint32_t i = 0; i < plan->agg_count; i++)
        bytes += wr_vector_bytes(plan->aggs[i].result_type) + 16;
    return bytes + 256;
}

static uint64_t read_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_aggregate *plan = plan_p;
    uint32_t                 row_page = page_of_rows(plan, exec->page_bytes);
    uint64_t per_worker = wr_group_table_lease_min(row_page, exec->page_bytes) +
                          (uint64_t)(2 * FANOUT + 1) * row_page +
                          wr_bump_lease_min(scratch_bytes(), exec->page_bytes) +
                          wr_bump_lease_min(read_buffers_bytes(plan), exec->page_bytes);

    return aggregate_resident_min(plan, exec) + (uint64_t)worker_count * per_worker;
}

/* Pages the resident groups and unspilled partitions hold. */
static uint64_t resident_used(aggregate_shared *shared, const wr_exec *exec)
{
    uint64_t used = 0;

    for (uint32_t i = 0; i < shared->part_count; i++) {
        const wr_group_table *table = &shared->parts[i].table;

        used += (uint64_t)table->page_count * shared->row_page_bytes +
                (uint64_t)table->slot_pages * exec->page_bytes + table->heap.bytes_used +
                (table->heap.bytes_used ? 2 * exec->page_bytes : 0) +
                resident_bytes(shared->parts[i].partitions, shared->partition_count);
    }
    return used;
}

/* What each worker needs beside its table and the stores of its overflow. */
static uint64_t read_fixed_bytes(const wr_plan_aggregate *plan, const wr_exec *exec)
{
    uint32_t row_page = page_of_rows(plan, exec->page_bytes);

    return wr_bump_lease_min(shared_bytes_min(plan, exec), exec->page_bytes) +
           (uint64_t)exec->worker_count *
               (row_page + wr_bump_lease_min(scratch_bytes(), exec->page_bytes) +
                wr_bump_lease_min(read_buffers_bytes(plan), exec->page_bytes));
}

static uint64_t read_share_min(const aggregate_shared *shared, const wr_exec *exec)
{
    return wr_group_table_lease_min(shared->row_page_bytes, exec->page_bytes) +
           2 * FANOUT * (uint64_t)shared->row_page_bytes;
}

static wr_status read_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    wr_group_table   *table = resident_table(shared);

    /* The groups that stayed may not crowd out the memory that reading needs. */
    if (shared->any_spilled &&
        resident_used(shared, exec) + read_fixed_bytes(plan_of(node), exec) +
                exec->worker_count * read_share_min(shared, exec) >
            lease_bytes(node, exec))
        WR_TRY(aggregate_reclaim(node, exec, err));
    shared->next_page = table ? table->first : NULL;
    if (!shared->any_spilled)
        shared->next_partition = shared->partitions_done = shared->partition_count;
    return WR_OK;
}

static wr_status read_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_aggregate *plan = plan_of(node);
    aggregate_shared        *shared = wr_node_shared(node);
    read_local              *local = local_p;
    wr_lease                *lease = wr_node_lease(node);
    uint64_t                 total = lease_bytes(node, exec), used, share;
    uint32_t                 count = plan->key_count + plan->agg_count + 1;

    wr_bump_init(&local->bump, lease);
    WR_TRY(scratch_init(&local->scratch, &local->bump, err));
    WR_TRY(wr_bump_reserve(&local->bump, read_buffers_bytes(plan), err));
    local->input = WR_BUMP_NEW_ARRAY(&local->bump, wr_vector, plan->column_count + 1, err);
    local->output = WR_BUMP_NEW_ARRAY(&local->bump, wr_vector, count, err);
    if (!local->input || !local->output)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < plan->column_count; c++)
        WR_TRY(wr_vector_init(&local->input[c], plan->types[c], &local->bump, err));
    for (uint32_t k = 0; k < plan->key_count; k++)
        WR_TRY(wr_vector_init(&local->output[k], plan->types[k], &local->bump, err));
    for (uint32_t i = 0; i < plan->agg_count; i++)
        WR_TRY(wr_vector_init(&local->output[plan->key_count + i], plan->aggs[i].result_type,
                              &local->bump, err));
    WR_TRY(wr_vector_init(&local->output[count - 1], WR_TYPE(U64), &local->bump, err));
    local->buffer = wr_lease_take(lease, shared->row_page_bytes / exec->page_bytes);
    if (!local->buffer)
        return WR_RAISE(err, WR_BUG, "the page for spilled groups lies inside the lease");
    /* What the resident groups leave, in equal shares; a share holds at least its minimum. */
    used = resident_used(shared, exec) + read_fixed_bytes(plan, exec);
    share = total > used ? (total - used) / exec->worker_count : 0;
    if (share < read_share_min(shared, exec))
        share = read_share_min(shared, exec);
    local->store_bytes_max = 2 * FANOUT * (uint64_t)shared->row_page_bytes;
    if (share / 4 > local->store_bytes_max)
        local->store_bytes_max = share / 4;
    share = share > local->store_bytes_max ? share - local->store_bytes_max : 0;
    wr_group_table_init(&local->table, &shared->layout, lease, shared->row_page_bytes, share,
                        exec->spill);
    return WR_OK;
}

/* ---- One task ------------------------------------------------------------------------------------------------ */

/* Stores for what the table of this task does not take, one per next bits of the hash. */
static task *overflow_task(read_local *local, aggregate_shared *shared, wr_node *node,
                           wr_exec *exec, uint32_t first, uint32_t fanout, uint32_t level)
{
    for (uint32_t i = 0; i < fanout; i++) {
        task *t = &local->stack[first + i];

        *t = (task){.level = level};
        wr_row_store_init(&t->rows, &shared->raw, wr_node_lease(node), shared->row_page_bytes,
                          exec->spill);
        wr_row_store_init(&t->groups, &shared->layout.rows, wr_node_lease(node),
                          shared->row_page_bytes, exec->spill);
    }
    return &local->stack[first];
}

/* Everything that is read while a task runs. */
typedef struct task_run {
    wr_node          *node;
    wr_exec          *exec;
    aggregate_shared *shared;
    read_local       *local;
    task             *over;      /* fanout overflow tasks */
    uint32_t          fanout, shift;
} task_run;

/* Keep the overflow inside its share: when one more page would not fit, all of it is spilled. */
static wr_status bound_overflow(task_run *run, wr_error *err)
{
    uint64_t pages = 1;

    for (uint32_t i = 0; i < run->fanout; i++)
        pages += run->over[i].rows.page_count + run->over[i].groups.page_count;
    if (pages * run->shared->row_page_bytes <= run->local->store_bytes_max)
        return WR_OK;
    for (uint32_t i = 0; i < run->fanout; i++) {
        WR_TRY(wr_row_store_spill(&run->over[i].rows, 0, err));
        WR_TRY(wr_row_store_spill(&run->over[i].groups, 0, err));
    }
    return WR_OK;
}

static uint32_t overflow_part(const task_run *run, uint64_t hash)
{
    return run->fanout == 1 ? 0 : (uint32_t)(hash >> run->shift) & (FANOUT - 1);
}

static wr_status overflow_rows(task_run *run, const wr_selection *selection, uint32_t missed,
                               wr_error *err)
{
    batch_scratch *scratch = &run->local->scratch;

    for (uint32_t i = 0; i < missed; i++) {
        uint16_t index = scratch->missed[i];
        uint16_t row = (uint16_t)wr_selection_row(selection, index);
        uint32_t which = overflow_part(run, scratch->hashes[index]);

        WR_TRY(bound_overflow(run, err));
        WR_TRY(append_rows(&run->over[which].rows, 1, 0, &run->shared->raw, run->local->input, &row,
                           1, UINT64_MAX, scratch, run->exec->spill, err));
    }
    return WR_OK;
}

/* Group `count` raw rows: resident groups first, then the task's table, else overflow. */
static wr_status group_rows(task_run *run, const uint8_t *const *rows, uint32_t count,
                            wr_error *err)
{
    const wr_plan_aggregate *plan = plan_of(run->node);
    read_local              *local = run->local;
    batch_scratch           *scratch = &local->scratch;
    wr_group_table          *resident = resident_table(run->shared);
    wr_selection             all = {NULL, count}, rest = {scratch->left, 0};
    wr_agg_memory            memory;
    uint32_t                 found, missed;

    for (uint32_t c = 0; c < plan->column_count; c++)
        wr_row_read(&run->shared->raw, c, rows, count, &local->input[c]);
    hash_keys(plan, local->input, &all, scratch->hashes);
    if (resident && resident->group_count) {
        wr_agg_memory resident_memory = {NULL, 0, run->exec->spill};

        WR_TRY(wr_group_table_probe(resident, local->input, &all, scratch->hashes, scratch->states,
                                    err));
        found = split_found(&all, scratch, &missed);
        WR_TRY(wr_agg_update(&run->shared->layout.aggs, local->input, scratch->found,
                             scratch->states, found, &resident_memory, err));
        for (uint32_t i = 0; i < missed; i++) {
            scratch->left[i] = scratch->missed[i];
            scratch->hashes[i] = scratch->hashes[scratch->missed[i]];
        }
        rest.row_count = missed;
    } else {
        rest = all;
    }
    WR_TRY(wr_group_table_find(&local->table, local->input, &rest, scratch->hashes,
                               scratch->states, err));
    found = split_found(&rest, scratch, &missed);
    memory = wr_group_table_memory(&local->table);
    WR_TRY(wr_agg_update(&run->shared->layout.aggs, local->input, scratch->found, scratch->states,
                         found, &memory, err));
    return overflow_rows(run, &rest, missed, err);
}

static wr_status take_rows(task_run *run, wr_row_store *store, wr_error *err)
{
    const wr_row_page *page;
    wr_row_reader      reader;
    const uint8_t     *rows[WR_BATCH_ROWS_MAX];

    wr_row_reader_init(&reader, store, run->local->buffer, true);
    for (;;) {
        uint32_t offset = 0, count;

        if (wr_exec_is_cancelled(run->exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        WR_TRY(wr_row_reader_next(&reader, &page, err));
        if (!page)
            return WR_OK;
        while ((count = wr_row_page_rows(page, &offset, run->exec->batch_rows, rows)) > 0)
            WR_TRY(group_rows(run, rows, count, err));
    }
}

static wr_status take_groups(task_run *run, wr_row_store *store, wr_error *err)
{
    const wr_group_layout *layout = &run->shared->layout;
    const wr_row_page     *page;
    wr_row_reader          reader;
    const uint8_t         *rows[64];

    wr_row_reader_init(&reader, store, run->local->buffer, true);
    for (;;) {
        uint32_t offset = 0, count;

        WR_TRY(wr_row_reader_next(&reader, &page, err));
        if (!page)
            return WR_OK;
        while ((count = wr_row_page_rows(page, &offset, 64, rows)) > 0)
            for (uint32_t i = 0; i < count; i++) {
                uint8_t *row = (uint8_t *)(uintptr_t)rows[i];
                uint32_t which = overflow_part(run, wr_group_hash(layout, row));
                bool     added;

                wr_agg_relocate(&layout->aggs, wr_group_states(layout, row));
                WR_TRY(wr_group_table_add(&run->local->table, row, &added, err));
                if (added)
                    continue;
                WR_TRY(bound_overflow(run, err));
                WR_TRY(append_group(&run->over[which].groups, 1, 0, row, err));
            }
    }
}

/* Group everything of the task on top of the stack; what overflows becomes new tasks there. */
static wr_status run_task(wr_node *node, read_local *local, wr_exec *exec, wr_row_store *extra_rows,
                          wr_row_store *extra_groups, task *t, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    uint32_t          level = t ? t->level : 0;
    uint32_t          bits = (uint32_t)__builtin_ctz(shared->partition_count);
    task_run          run = {.node = node, .exec = exec, .shared = shared, .local = local,
                             .fanout = level < LEVELS_MAX ? FANOUT : 1,
                             .shift = bits + level * FANOUT_BITS};
    uint32_t          base = local->depth, kept = 0;

    wr_assert(base + run.fanout <= STACK_MAX, "each level leaves at most FANOUT - 1 tasks waiting");
    run.over = overflow_task(local, shared, node, exec, base, run.fanout, level + 1);
    local->depth = base + run.fanout;
    if (t) {
        WR_TRY(take_groups(&run, &t->groups, err));
        WR_TRY(take_rows(&run, &t->rows, err));
    }
    if (extra_groups)
        WR_TRY(take_groups(&run, extra_groups, err));
    for (uint32_t i = 0; extra_rows && i < shared->part_count; i++)
        WR_TRY(take_rows(&run, &shared->parts[i].partitions[extra_rows -
                                                           shared->parts[0].partitions], err));
    for (uint32_t i = 0; i < run.fanout; i++) {
        task *over = &local->stack[base + i];

        WR_TRY(wr_row_store_spill(&over->rows, 0, err));
        WR_TRY(wr_row_store_spill(&over->groups, 0, err));
        if (over->rows.row_count || over->groups.row_count)
            local->stack[base + kept++] = *over;
    }
    local->depth = base + kept;
    local->page = local->table.first;
    local->one_page = false;
    local->offset = 0;
    return WR_OK;
}

/* ---- Giving out ------------------------------------------------------------------------------------------------ */

static wr_status emit_rows(wr_node *node, read_local *local, const uint8_t *const *rows,
                           uint32_t count, wr_batch *out, wr_error *err)
{
    const wr_plan_aggregate *plan = plan_of(node);
    aggregate_shared        *shared = wr_node_shared(node);
    const uint8_t          **states = (const uint8_t **)(void *)local->scratch.states;
    uint32_t                 results = plan->agg_count + (plan->position != WR_FIELD_NONE);

    for (uint32_t k = 0; k < plan->key_count; k++)
        wr_row_read(&shared->layout.rows, k, rows, count, &local->output[k]);
    for (uint32_t i = 0; i < count; i++)
        states[i] = rows[i] + shared->layout.extra_offset + 8;
    for (uint32_t i = 0; i < results; i++)
        WR_TRY(wr_agg_finish(&shared->layout.aggs, i, states, count,
                             &local->output[plan->key_count + i], err));
    out->columns = local->output;
    out->column_count = plan->key_count + results;
    out->row_count = count;
    wr_batch_select_all(out);
    return WR_OK;
}

/* The next batch of the pages being put out; *out_given false when they are done. */
static wr_status emit_next(wr_node *node, read_local *local, wr_exec *exec, wr_batch *out,
                           bool *out_given, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    const uint8_t    *rows[WR_BATCH_ROWS_MAX];

    *out_given = false;
    while (local->page) {
        uint32_t count = wr_row_page_rows(local->page, &local->offset, exec->batch_rows, rows);
        uint32_t live = 0;

        if (count == 0) {
            local->page = local->one_page ? NULL : local->page->next;
            local->offset = 0;
            continue;
        }
        for (uint32_t i = 0; i < count; i++)
            if (!wr_group_is_dead(&shared->layout, rows[i]))
                rows[live++] = rows[i];
        if (live == 0)
            continue;
        *out_given = true;
        return emit_rows(node, local, rows, live, out, err);
    }
    return WR_OK;
}

/* Take the next piece of work; false: nothing is left. */
static bool take_work(aggregate_shared *shared, read_local *local, wr_exec *exec,
                      uint32_t *out_partition)
{
    WR_LOCKED(&shared->mutex);
    *out_partition = UINT32_MAX;
    if (shared->next_partition < shared->partition_count) {
        *out_partition = shared->next_partition++;
        local->morsel = shared->next_morsel++;
        return true;
    }
    while (shared->partitions_done < shared->partition_count && !shared->is_stopped &&
           !wr_exec_is_cancelled(exec))
        wr_cond_wait_ns(&shared->done_cond, &shared->mutex, 20000000);
    if (!shared->next_page || shared->is_stopped || wr_exec_is_cancelled(exec))
        return false;
    local->page = shared->next_page;
    local->one_page = true;
    local->offset = 0;
    shared->next_page = shared->next_page->next;
    local->morsel = shared->next_morsel++;
    return true;
}

static void partition_done(aggregate_shared *shared)
{
    WR_LOCKED(&shared->mutex);
    shared->partitions_done++;
    wr_cond_broadcast(&shared->done_cond);
}

/* End of a piece of work: an empty batch that carries morsel_end. */
static void end_morsel(read_local *local, wr_batch *out)
{
    out->row_count = 0;
    wr_batch_select_all(out);
    out->morsel = local->morsel;
    out->morsel_end = true;
}

static wr_status next_task(wr_node *node, read_local *local, wr_exec *exec, bool *out_ran,
                           wr_error *err)
{
    task top;

    *out_ran = local->depth > 0;
    if (!*out_ran)
        return WR_OK;
    top = local->stack[--local->depth];
    WR_TRY(run_task(node, local, exec, NULL, NULL, &top, err));
    return WR_OK;
}

static wr_status read_step(wr_node *node, read_local *local, wr_batch *out, wr_flow *out_flow,
                           wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    uint32_t          partition;
    bool              given, ran;

    for (;;) {
        WR_TRY(emit_next(node, local, exec, out, &given, err));
        out->morsel = local->morsel;
        if (given)
            return WR_OK;
        if (local->has_partition || local->one_page) {
            wr_group_table_release(&local->table);
            WR_TRY(next_task(node, local, exec, &ran, err));
            if (ran)
                continue;
            if (local->has_partition)
                partition_done(shared);
            local->has_partition = local->one_page = false;
            end_morsel(local, out);
            return WR_OK;
        }
        if (!take_work(shared, local, exec, &partition)) {
            *out_flow = WR_FLOW_DONE;
            return WR_OK;
        }
        if (partition == UINT32_MAX)
            continue;
        local->has_partition = true;
        WR_TRY(run_task(node, local, exec,
                        shared->part_count ? &shared->parts[0].partitions[partition] : NULL,
                        shared->groups ? &shared->groups[partition] : NULL, NULL, err));
    }
}

static wr_status read_pull(wr_node *node, void *local_p, wr_batch *out, wr_flow *out_flow,
                           wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    read_local       *local = local_p;
    wr_status         status;

    *out_flow = WR_FLOW_MORE;
    status = read_step(node, local, out, out_flow, exec, err);
    if (status != WR_OK) {
        WR_LOCKED(&shared->mutex);
        shared->is_stopped = true;
        wr_cond_broadcast(&shared->done_cond);
        out->morsel = local->morsel;
    }
    return status;
}

static void read_local_close(wr_node *node, void *local_p)
{
    aggregate_shared *shared = wr_node_shared(node);
    read_local       *local = local_p;
    wr_lease         *lease = wr_node_lease(node);

    if (!local->bump.lease)
        return;
    for (uint32_t i = 0; i < local->depth; i++) {
        wr_row_store_release(&local->stack[i].rows);
        wr_row_store_release(&local->stack[i].groups);
    }
    wr_group_table_release(&local->table);
    if (local->buffer)
        wr_lease_give(lease, local->buffer,
                      shared->row_page_bytes / wr_arena_page_size(lease->arena));
    wr_bump_release(&local->bump);
}

static void read_close(wr_node *node)
{
    (void)node;
}

const wr_source_ops WR_AGGREGATE_READ = {
    .name = "aggregate groups",
    .shared_bytes = sizeof(aggregate_shared),
    .local_bytes = sizeof(read_local),
    .lease_min = read_lease_min,
    .open = read_open,
    .local_open = read_local_open,
    .pull = read_pull,
    .local_close = read_local_close,
    .close = read_close,
};
