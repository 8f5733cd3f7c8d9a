/* exec/op_aggregate.c — hash aggregation in bounded memory: the sink that groups.
 * (op_aggregate_read.c gives the groups out.)
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
 * An aggregate that takes states (wr_plan_aggregate.takes_states) merges what another one gives out,
 * while the rows are looked at; what does not fit is kept as groups, not as rows.
 *
 * lease_min = workers x (table min + PARTITIONS_MIN row pages + batch scratch), see below; all of
 * it a formula over the schema. Row page = wr_row_page_bytes(widest row). Cost: one look-up a row;
 * rows beyond the tables are written and read once per level. Source: hybrid hashing, DeWitt et al.
 * (SIGMOD 1984); resident-group absorption as in Graefe, Query Evaluation Techniques (1993),
 * section 4. */
#include "exec/aggregate_priv.h"

#include "base/fault.h"
#include "kernel/hash.h"

/* ---- Sizes --------------------------------------------------------------------------------------
 */

uint32_t wr_aggregate_page_bytes(const wr_plan_aggregate *plan, uint32_t page_bytes)
{
    uint32_t group =
        wr_row_bytes_least(plan->types, plan->key_count, 8 + wr_agg_layout_bytes(plan));
    uint32_t raw = wr_row_bytes_least(plan->types, plan->column_count, 0);

    return wr_row_page_bytes(group > raw ? group : raw, page_bytes);
}

/* Hashes, state pointers, row addresses and sizes of one batch. */
uint64_t wr_aggregate_scratch_bytes(void)
{
    return (uint64_t)WR_BATCH_ROWS_MAX *
           (sizeof(uint64_t) + 2 * sizeof(void *) + sizeof(uint32_t) + 4 * sizeof(uint16_t));
}

uint64_t wr_aggregate_shared_bytes(const wr_plan_aggregate *plan, const wr_exec *exec)
{
    return wr_row_layout_bytes(plan->key_count) + wr_row_layout_bytes(plan->column_count) +
           plan->agg_count * sizeof(wr_agg_slot) + WORKERS_MAX * sizeof(build_part) +
           (uint64_t)(exec->worker_count + 1) * PARTITIONS_MAX * sizeof(wr_row_store) + 4096;
}

static uint64_t aggregate_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_aggregate *plan = plan_p;
    uint32_t row_page = wr_aggregate_page_bytes(plan, exec->page_bytes);
    uint64_t per_worker = wr_group_table_lease_min(row_page, exec->page_bytes) +
                          (uint64_t)PARTITIONS_MIN * row_page +
                          wr_bump_lease_min(wr_aggregate_scratch_bytes(), exec->page_bytes);

    return wr_bump_lease_min(wr_aggregate_shared_bytes(plan, exec), exec->page_bytes) +
           (uint64_t)worker_count * per_worker;
}

uint64_t wr_aggregate_resident_min(const void *plan_p, const wr_exec *exec)
{
    return wr_bump_lease_min(wr_aggregate_shared_bytes(plan_p, exec), exec->page_bytes) +
           2 * (uint64_t)wr_aggregate_page_bytes(plan_p, exec->page_bytes);
}

/* ---- Open ------------------------------------------------------------------------------------- */

static wr_status aggregate_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_aggregate *plan = wr_aggregate_plan(node);
    aggregate_shared *shared = wr_node_shared(node);
    uint32_t row_bytes_max;
    uint64_t room;

    wr_mutex_init(&shared->mutex);
    wr_cond_init(&shared->done_cond);
    wr_bump_init(&shared->bump, wr_node_lease(node));
    shared->row_page_bytes = wr_aggregate_page_bytes(plan, exec->page_bytes);
    row_bytes_max = wr_row_bytes_max(shared->row_page_bytes);
    shared->layout.key_count = plan->key_count;
    WR_TRY(wr_bump_reserve(&shared->bump, wr_aggregate_shared_bytes(plan, exec) - 2048, err));
    WR_TRY(wr_agg_layout_init(&shared->layout.aggs, plan, &shared->bump, err));
    WR_TRY(wr_row_layout_init(&shared->layout.rows, plan->types, plan->key_count,
                              8 + shared->layout.aggs.bytes, &shared->layout.extra_offset,
                              row_bytes_max, &shared->bump, err));
    WR_TRY(wr_row_layout_init(&shared->raw, plan->types, plan->column_count, 0, NULL, row_bytes_max,
                              &shared->bump, err));
    /* A quarter of the memory for partition pages: one page each per worker. */
    room = wr_node_bytes_max(node, exec) / 4 / exec->worker_count / shared->row_page_bytes;
    shared->partition_count = PARTITIONS_MIN;
    while (shared->partition_count * 2 <= room && shared->partition_count < PARTITIONS_MAX)
        shared->partition_count *= 2;
    shared->parts = WR_BUMP_NEW_ARRAY(&shared->bump, build_part, WORKERS_MAX, err);
    return shared->parts ? WR_OK : WR_NO_MEMORY;
}

/* ---- Build: one worker ------------------------------------------------------------------------ */

wr_status wr_aggregate_scratch_init(batch_scratch *scratch, wr_bump *bump, wr_error *err)
{
    uint32_t n = WR_BATCH_ROWS_MAX;
    uint8_t *at;

    WR_TRY(wr_bump_reserve(bump, wr_aggregate_scratch_bytes(), err));
    at = wr_bump_alloc(bump, wr_aggregate_scratch_bytes(), err);
    if (!at)
        return WR_NO_MEMORY;
    scratch->hashes = (uint64_t *)(void *)at;
    scratch->states = (uint8_t **)(void *)(at + n * 8);
    scratch->rows = (uint8_t **)(void *)(at + n * 16);
    scratch->sizes = (uint32_t *)(void *)(at + n * 24);
    scratch->found = (uint16_t *)(void *)(at + n * 28);
    scratch->missed = scratch->found + n;
    scratch->left = scratch->missed + n;
    scratch->which = scratch->left + n;
    return WR_OK;
}

typedef struct aggregate_local {
    wr_bump bump;
    batch_scratch scratch;
    build_part *part;
} aggregate_local;

static wr_status new_part(aggregate_shared *shared, wr_node *node, wr_exec *exec,
                          build_part **out_part, wr_error *err)
{
    const wr_plan_aggregate *plan = wr_aggregate_plan(node);
    uint64_t share = wr_node_bytes_max(node, exec) -
                     wr_bump_lease_min(wr_aggregate_shared_bytes(plan, exec), exec->page_bytes);
    uint64_t scratch = wr_bump_lease_min(wr_aggregate_scratch_bytes(), exec->page_bytes),
             table_bytes;
    build_part *part = &shared->parts[shared->part_count];

    share = share / exec->worker_count - scratch;
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
        wr_row_store_init(&part->partitions[p], plan->takes_states ? &shared->layout.rows : &shared->raw,
                          wr_node_lease(node),
                          shared->row_page_bytes, exec->spill);
    shared->part_count++;
    *out_part = part;
    return WR_OK;
}

static wr_status aggregate_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    aggregate_local *local = local_p;

    wr_bump_init(&local->bump, wr_node_lease(node));
    WR_TRY(wr_aggregate_scratch_init(&local->scratch, &local->bump, err));
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

wr_status wr_aggregate_cut_rows(wr_row_store *stores, uint32_t store_count, uint32_t shift,
                                const wr_vector *columns, const wr_selection *selection,
                                uint32_t missed_count, uint64_t bytes_max, batch_scratch *scratch,
                                wr_spill *spill, wr_error *err)
{
    wr_row_scatter to = {.stores = stores, .store_count = store_count, .bytes_max = bytes_max,
                         .spill = spill, .sizes = scratch->sizes, .rows = scratch->rows};
    wr_selection   rows = {scratch->left, missed_count};

    for (uint32_t i = 0; i < missed_count; i++) {
        uint16_t index = scratch->missed[i];

        scratch->which[i] = (uint16_t)((scratch->hashes[index] >> shift) & (store_count - 1));
        scratch->left[i] = (uint16_t)wr_selection_row(selection, index);
    }
    return wr_row_scatter_write(&to, columns, &rows, scratch->which, err);
}

/* Split the selection by whether a state was found; rows of found ones into scratch->found. */
uint32_t wr_aggregate_split(const wr_selection *selection, batch_scratch *scratch,
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

void wr_aggregate_hash(const wr_plan_aggregate *plan, const wr_vector *columns,
                       const wr_selection *selection, uint64_t *hashes)
{
    wr_hash_columns(columns, plan->key_count, selection, hashes);
    for (uint32_t i = 0; i < selection->row_count; i++)
        hashes[i] -= hashes[i] == UINT64_MAX; /* marks dead groups */
}

/* Keep states that the table has no room for, as a group of its partition. */
static wr_status put_states_away(aggregate_shared *shared, build_part *part, const wr_vector *keys,
                                 uint32_t row_at, uint64_t hash, const uint8_t *states,
                                 wr_spill *spill, wr_error *err)
{
    const wr_group_layout *layout = &shared->layout;
    uint32_t which = (uint32_t)hash & (shared->partition_count - 1), bytes;
    uint16_t index = (uint16_t)row_at;
    wr_selection one = {&index, 1};
    uint8_t *row;

    wr_row_measure(&layout->rows, keys, &one, &bytes);
    row = wr_row_store_take(&part->partitions[which], bytes);
    if (!row) {
        WR_TRY(wr_row_stores_make_room(part->partitions, shared->partition_count, which,
                                       part->store_bytes_max, err));
        row = wr_row_store_take(&part->partitions[which], bytes);
    }
    WR_TRY(wr_row_write(&layout->rows, keys, &one, 0, 1, &row, spill, err));
    wr_store_u64(row + layout->extra_offset, hash);
    memcpy(wr_group_states(layout, row), states, layout->aggs.bytes);
    return wr_agg_seal(&layout->aggs, wr_group_states(layout, row), spill, err);
}

static wr_status take_states(aggregate_shared *shared, aggregate_local *local, const wr_batch *in,
                             wr_exec *exec, wr_error *err)
{
    const wr_vector *column = &in->columns[shared->layout.key_count];
    wr_vector_view addresses = wr_vector_view_of(column, NULL);
    wr_agg_memory memory = wr_group_table_memory(&local->part->table);

    for (uint32_t i = 0; i < in->selection.row_count; i++) {
        uint32_t row = wr_selection_row(&in->selection, i);
        uint64_t address =
            ((const uint64_t *)addresses.data)[addresses.index ? addresses.index[row] : row];
        const uint8_t *states = (const uint8_t *)(uintptr_t)address;
        uint8_t *group = local->scratch.states[i];

        WR_TRY(group ? wr_agg_take(&shared->layout.aggs, group, states, &memory, err)
                     : put_states_away(shared, local->part, in->columns, row,
                                       local->scratch.hashes[i], states, exec->spill, err));
    }
    return WR_OK;
}

enum { SKIPPED = 15, HIT_SHARE = 4 };

/* A full table that has the groups of few rows is asked for one batch in sixteen only: whatever a row's
 * group, it may go to its partition, as rows of groups that another worker has do. */
static wr_status find_groups(aggregate_shared *shared, aggregate_local *local, const wr_batch *in,
                             wr_error *err)
{
    build_part *part = local->part;
    uint32_t    count = in->selection.row_count, found = 0;

    if (part->table.is_full && part->batches_to_skip > 0) {
        part->batches_to_skip--;
        memset(local->scratch.states, 0, count * sizeof local->scratch.states[0]);
        return WR_OK;
    }
    WR_TRY(wr_group_table_find(&part->table, in->columns, &in->selection, local->scratch.hashes,
                               local->scratch.states, err));
    for (uint32_t i = 0; i < count; i++)
        found += local->scratch.states[i] != NULL;
    if (part->table.is_full && shared->layout.key_count > 0 && found < count / HIT_SHARE)
        part->batches_to_skip = SKIPPED;
    return WR_OK;
}

static wr_status find_single_group(wr_group_table *table, uint8_t **out_states, wr_error *err)
{
    uint64_t     hash = 0;
    wr_selection one = {NULL, 1};

    return wr_group_table_find(table, NULL, &one, &hash, out_states, err);
}

static wr_status update_single_group(aggregate_shared *shared, aggregate_local *local,
                                     const wr_batch *in, wr_error *err)
{
    wr_agg_memory memory = wr_group_table_memory(&local->part->table);
    uint8_t      *states;

    WR_TRY(find_single_group(&local->part->table, &states, err));
    wr_assert(states, "a table has room for a group");
    return wr_agg_update_single(&shared->layout.aggs, in->columns, &in->selection, states,
                                local->scratch.states, &memory, err);
}

static wr_status aggregate_push(wr_node *node, void *local_p, const wr_batch *in, wr_flow *out_flow,
                                wr_exec *exec, wr_error *err)
{
    const wr_plan_aggregate *plan = wr_aggregate_plan(node);
    aggregate_shared *shared = wr_node_shared(node);
    aggregate_local *local = local_p;
    batch_scratch *scratch = &local->scratch;
    build_part *part = local->part;
    wr_agg_memory memory;
    uint32_t found, missed;

    *out_flow = WR_FLOW_MORE;
    if (wr_batch_rows(in) == 0)
        return WR_OK;
    if (plan->key_count == 0 && !plan->takes_states)
        return update_single_group(shared, local, in, err);
    wr_aggregate_hash(plan, in->columns, &in->selection, scratch->hashes);
    WR_TRY(find_groups(shared, local, in, err));
    if (plan->takes_states)
        return take_states(shared, local, in, exec, err);
    found = wr_aggregate_split(&in->selection, scratch, &missed);
    memory = wr_group_table_memory(&part->table);
    WR_TRY(wr_agg_update(&shared->layout.aggs, in->columns, scratch->found, scratch->states, found,
                         &memory, err));
    return wr_aggregate_cut_rows(part->partitions, shared->partition_count, 0, in->columns,
                                 &in->selection, missed, part->store_bytes_max, scratch,
                                 exec->spill, err);
}

static wr_status aggregate_combine(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    aggregate_local *local = local_p;

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

/* ---- finish, reclaim, close ------------------------------------------------------------------- */

wr_group_table *wr_aggregate_resident(aggregate_shared *shared)
{
    return shared->part_count ? &shared->parts[0].table : NULL;
}

static wr_status finish_single_group(aggregate_shared *shared, wr_node *node, wr_exec *exec,
                                     wr_error *err)
{
    uint8_t *states;
    build_part *part;

    if (shared->part_count == 0)
        WR_TRY(new_part(shared, node, exec, &part, err));
    return find_single_group(wr_aggregate_resident(shared), &states, err);
}

static wr_status aggregate_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    wr_group_table *others[WORKERS_MAX];

    for (uint32_t i = 1; i < shared->part_count; i++)
        others[i - 1] = &shared->parts[i].table;
    if (shared->part_count > 1)
        WR_TRY(wr_group_table_absorb(wr_aggregate_resident(shared), others, shared->part_count - 1,
                                     err));
    if (wr_aggregate_plan(node)->key_count == 0)
        WR_TRY(finish_single_group(shared, node, exec, err));
    for (uint32_t i = 0; i < shared->part_count; i++)
        for (uint32_t p = 0; p < shared->partition_count; p++)
            shared->any_spilled |= shared->parts[i].partitions[p].row_count > 0;
    return WR_OK;
}

wr_status wr_aggregate_append_group(wr_row_store *stores, uint32_t store_count, uint32_t which,
                                    uint64_t bytes_max, const uint8_t *row, wr_error *err)
{
    uint32_t bytes = wr_row_bytes(row);
    uint8_t *copy = wr_row_store_take(&stores[which], bytes);

    if (!copy) {
        WR_TRY(wr_row_stores_make_room(stores, store_count, which, bytes_max, err));
        copy = wr_row_store_take(&stores[which], bytes);
    }
    memcpy(copy, row, bytes);
    return WR_OK;
}

static wr_status spill_groups(aggregate_shared *shared, wr_group_table *table, wr_exec *exec,
                              wr_error *err)
{
    const wr_group_layout *layout = &shared->layout;
    const uint8_t *rows[64];

    for (wr_row_page *page = table->first; page; page = page->next) {
        uint32_t offset = 0, count;

        while ((count = wr_row_page_rows(page, &offset, 64, rows)) > 0)
            for (uint32_t i = 0; i < count; i++) {
                uint8_t *row = (uint8_t *)(uintptr_t)rows[i];

                if (wr_group_is_dead(layout, row))
                    continue;
                WR_TRY(wr_agg_seal(&layout->aggs, wr_group_states(layout, row), exec->spill, err));
                WR_TRY(wr_aggregate_append_group(shared->groups, shared->partition_count,
                                                 (uint32_t)wr_group_hash(layout, row) &
                                                     (shared->partition_count - 1),
                                                 UINT64_MAX, row, err));
            }
    }
    return wr_row_stores_spill(shared->groups, shared->partition_count, err);
}

/* The directory goes first: its pages are the buffers that spilling needs. */
wr_status wr_aggregate_reclaim(wr_node *node, wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    wr_group_table *table = wr_aggregate_resident(shared);

    for (uint32_t i = 0; i < shared->part_count; i++)
        WR_TRY(wr_row_stores_spill(shared->parts[i].partitions, shared->partition_count, err));
    if (!table || table->group_count == 0 || wr_aggregate_plan(node)->key_count == 0)
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
    .resident_min = wr_aggregate_resident_min,
    .open = aggregate_open,
    .local_open = aggregate_local_open,
    .push = aggregate_push,
    .combine = aggregate_combine,
    .local_close = aggregate_local_close,
    .finish = aggregate_finish,
    .reclaim = wr_aggregate_reclaim,
    .close = aggregate_close,
};
