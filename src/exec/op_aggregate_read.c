/* exec/op_aggregate_read.c — the source that gives the groups of an aggregate out.
 *
 * Morsels are partitions of spilled rows and groups, then pages of the resident table. A
 * partition's rows update the resident groups they belong to or are grouped in a table of the
 * partition; what does not fit there overflows into FANOUT tasks by the next bits of the hash,
 * which this worker runs after putting the table out (at most LEVELS_MAX levels, then one task that
 * is passed over again: each pass takes at least the groups that a table of one page holds). The
 * resident groups come last, when no partition can change them any more: workers without work wait
 * for that. lease_min = what stays of the build + workers x (table + (2 FANOUT + 1) row pages +
 * vectors). */
#include "exec/aggregate_priv.h"

enum {
    FANOUT = 4,
    FANOUT_BITS = 2,
    LEVELS_MAX = 6,
    STACK_MAX = FANOUT * LEVELS_MAX + 2,
};

static uint64_t vectors_bytes(const wr_type *types, uint32_t count)
{
    uint64_t bytes = (uint64_t)count * sizeof(wr_vector) + 64;

    for (uint32_t c = 0; c < count; c++)
        bytes += wr_vector_bytes(types[c]) + 16;
    return bytes;
}

/* Rows and groups that still have to be grouped; level: how often they were cut. */
typedef struct task {
    wr_row_store rows, groups;
    uint32_t level;
} task;

typedef struct read_local {
    wr_bump bump;
    batch_scratch scratch;
    wr_vector *input;     /* raw rows as vectors                       */
    wr_vector *output;    /* keys, aggregates, position                */
    uint8_t *buffer;      /* one spilled page                          */
    wr_group_table table; /* of the task at hand                       */
    task stack[STACK_MAX];
    uint32_t depth;
    uint64_t store_bytes_max;
    wr_row_page *page; /* being put out                             */
    bool one_page;     /* of the resident table: only this page     */
    uint32_t offset;
    uint64_t morsel;
    bool has_partition;
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
    uint32_t row_page = wr_aggregate_page_bytes(plan, exec->page_bytes);
    uint64_t per_worker = wr_group_table_lease_min(row_page, exec->page_bytes) +
                          (uint64_t)(2 * FANOUT + 1) * row_page +
                          wr_bump_lease_min(wr_aggregate_scratch_bytes(), exec->page_bytes) +
                          wr_bump_lease_min(read_buffers_bytes(plan), exec->page_bytes);

    return wr_aggregate_resident_min(plan, exec) + (uint64_t)worker_count * per_worker;
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
                wr_aggregate_store_bytes(shared->parts[i].partitions, shared->partition_count);
    }
    return used;
}

/* What each worker needs beside its table and the stores of its overflow. */
static uint64_t read_fixed_bytes(const wr_plan_aggregate *plan, const wr_exec *exec)
{
    uint32_t row_page = wr_aggregate_page_bytes(plan, exec->page_bytes);

    return wr_bump_lease_min(wr_aggregate_shared_bytes(plan, exec), exec->page_bytes) +
           (uint64_t)exec->worker_count *
               (row_page + wr_bump_lease_min(wr_aggregate_scratch_bytes(), exec->page_bytes) +
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
    wr_group_table *table = wr_aggregate_resident(shared);

    /* The groups that stayed may not crowd out the memory that reading needs. */
    if (shared->any_spilled && resident_used(shared, exec) +
                                       read_fixed_bytes(wr_aggregate_plan(node), exec) +
                                       exec->worker_count * read_share_min(shared, exec) >
                                   wr_aggregate_lease_bytes(node, exec))
        WR_TRY(wr_aggregate_reclaim(node, exec, err));
    shared->next_page = table ? table->first : NULL;
    /* What the resident groups leave, in equal shares; a share holds at least its minimum. */
    {
        uint64_t used =
            resident_used(shared, exec) + read_fixed_bytes(wr_aggregate_plan(node), exec);
        uint64_t total = wr_aggregate_lease_bytes(node, exec);

        shared->read_share_bytes = total > used ? (total - used) / exec->worker_count : 0;
        if (shared->read_share_bytes < read_share_min(shared, exec))
            shared->read_share_bytes = read_share_min(shared, exec);
    }
    if (!shared->any_spilled)
        shared->next_partition = shared->partitions_done = shared->partition_count;
    return WR_OK;
}

static wr_status read_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_aggregate *plan = wr_aggregate_plan(node);
    aggregate_shared *shared = wr_node_shared(node);
    read_local *local = local_p;
    wr_lease *lease = wr_node_lease(node);
    uint64_t share;
    uint32_t count = plan->key_count + plan->agg_count + 1;

    wr_bump_init(&local->bump, lease);
    WR_TRY(wr_aggregate_scratch_init(&local->scratch, &local->bump, err));
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
    share = shared->read_share_bytes;
    local->store_bytes_max = 2 * FANOUT * (uint64_t)shared->row_page_bytes;
    if (share / 4 > local->store_bytes_max)
        local->store_bytes_max = share / 4;
    share = share > local->store_bytes_max ? share - local->store_bytes_max : 0;
    wr_group_table_init(&local->table, &shared->layout, lease, shared->row_page_bytes, share,
                        exec->spill);
    return WR_OK;
}

/* ---- One task
 * ------------------------------------------------------------------------------------------------
 */

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
    wr_node *node;
    wr_exec *exec;
    aggregate_shared *shared;
    read_local *local;
    task *over; /* fanout overflow tasks */
    uint32_t fanout, shift;
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
        WR_TRY(wr_aggregate_append_rows(&run->over[which].rows, 1, 0, &run->shared->raw,
                                        run->local->input, &row, 1, UINT64_MAX, scratch,
                                        run->exec->spill, err));
    }
    return WR_OK;
}

/* Group `count` raw rows: resident groups first, then the task's table, else overflow. */
static wr_status group_rows(task_run *run, const uint8_t *const *rows, uint32_t count,
                            wr_error *err)
{
    const wr_plan_aggregate *plan = wr_aggregate_plan(run->node);
    read_local *local = run->local;
    batch_scratch *scratch = &local->scratch;
    wr_group_table *resident = wr_aggregate_resident(run->shared);
    wr_selection all = {NULL, count}, rest = {scratch->left, 0};
    wr_agg_memory memory;
    uint32_t found, missed;

    for (uint32_t c = 0; c < plan->column_count; c++)
        wr_row_read(&run->shared->raw, c, rows, count, &local->input[c]);
    wr_aggregate_hash(plan, local->input, &all, scratch->hashes);
    if (resident && resident->group_count) {
        wr_agg_memory resident_memory = {NULL, 0, run->exec->spill};

        WR_TRY(wr_group_table_probe(resident, local->input, &all, scratch->hashes, scratch->states,
                                    err));
        found = wr_aggregate_split(&all, scratch, &missed);
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
    WR_TRY(wr_group_table_find(&local->table, local->input, &rest, scratch->hashes, scratch->states,
                               err));
    found = wr_aggregate_split(&rest, scratch, &missed);
    memory = wr_group_table_memory(&local->table);
    WR_TRY(wr_agg_update(&run->shared->layout.aggs, local->input, scratch->found, scratch->states,
                         found, &memory, err));
    return overflow_rows(run, &rest, missed, err);
}

static wr_status take_rows(task_run *run, wr_row_store *store, wr_error *err)
{
    const wr_row_page *page;
    wr_row_reader reader;
    const uint8_t *rows[WR_BATCH_ROWS_MAX];

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
    const wr_row_page *page;
    wr_row_reader reader;
    const uint8_t *rows[64];

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
                bool added;

                wr_agg_relocate(&layout->aggs, wr_group_states(layout, row));
                WR_TRY(wr_group_table_add(&run->local->table, row, &added, err));
                if (added)
                    continue;
                WR_TRY(bound_overflow(run, err));
                WR_TRY(wr_aggregate_append_group(&run->over[which].groups, 1, 0, row, err));
            }
    }
}

/* Group everything of the task on top of the stack; what overflows becomes new tasks there. */
static wr_status run_task(wr_node *node, read_local *local, wr_exec *exec, wr_row_store *extra_rows,
                          wr_row_store *extra_groups, task *t, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    uint32_t level = t ? t->level : 0;
    uint32_t bits = (uint32_t)__builtin_ctz(shared->partition_count);
    task_run run = {.node = node,
                    .exec = exec,
                    .shared = shared,
                    .local = local,
                    .fanout = level < LEVELS_MAX ? FANOUT : 1,
                    .shift = bits + level * FANOUT_BITS};
    uint32_t base = local->depth, kept = 0;

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
        WR_TRY(take_rows(
            &run, &shared->parts[i].partitions[extra_rows - shared->parts[0].partitions], err));
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

/* ---- Giving out
 * ------------------------------------------------------------------------------------------------
 */

static wr_status emit_rows(wr_node *node, read_local *local, const uint8_t *const *rows,
                           uint32_t count, wr_batch *out, wr_error *err)
{
    const wr_plan_aggregate *plan = wr_aggregate_plan(node);
    aggregate_shared *shared = wr_node_shared(node);
    const uint8_t **states = (const uint8_t **)(void *)local->scratch.states;
    uint32_t results = plan->agg_count + (plan->position != WR_FIELD_NONE);

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
    const uint8_t *rows[WR_BATCH_ROWS_MAX];

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
    uint32_t partition;
    bool given, ran;

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
    read_local *local = local_p;
    wr_status status;

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
    read_local *local = local_p;
    wr_lease *lease = wr_node_lease(node);

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
