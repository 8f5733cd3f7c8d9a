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
    SPILLED_TIMES = 4, /* the resident groups' size: then they are spilled as well */
};

static uint64_t vectors_bytes(const wr_type *types, uint32_t count)
{
    uint64_t bytes = (uint64_t)count * sizeof(wr_vector) + 64;

    for (uint32_t c = 0; c < count; c++)
        bytes += wr_vector_bytes(types[c]) + 16;
    return bytes;
}

/* Tasks that wait, newest last: rows and groups still to be grouped, and how often they were cut. */
typedef struct task_stack {
    wr_row_store rows[STACK_MAX], groups[STACK_MAX];
    uint32_t level[STACK_MAX];
    uint32_t depth;
} task_stack;

typedef struct read_local {
    wr_bump bump;
    batch_scratch scratch;
    wr_vector *input;     /* raw rows as vectors                       */
    wr_vector *output;    /* keys, aggregates, position                */
    uint8_t *buffer;      /* one spilled page                          */
    wr_group_table table; /* of the task at hand                       */
    task_stack tasks;
    uint64_t store_bytes_max; /* of the overflow                           */
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

    if (plan->gives_states)
        bytes += sizeof(wr_vector) + wr_vector_bytes(WR_TYPE(U64)) + 16;
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
                wr_row_stores_bytes(shared->parts[i].partitions, shared->partition_count);
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

/* Groups that stayed are worth their memory when most of what comes is theirs; beside much that was
 * spilled, the partitions' tables need it more. */
static bool resident_is_in_the_way(wr_node *node, aggregate_shared *shared, const wr_exec *exec)
{
    uint64_t used = resident_used(shared, exec), spilled = 0;

    if (!shared->any_spilled)
        return false;
    for (uint32_t i = 0; i < shared->part_count; i++)
        for (uint32_t p = 0; p < shared->partition_count; p++)
            spilled += shared->parts[i].partitions[p].byte_count;
    return spilled > SPILLED_TIMES * used ||
           used + read_fixed_bytes(wr_aggregate_plan(node), exec) +
                   exec->worker_count * read_share_min(shared, exec) >
               wr_node_bytes_max(node, exec);
}

static wr_status read_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    wr_group_table *table = wr_aggregate_resident(shared);

    if (resident_is_in_the_way(node, shared, exec))
        WR_TRY(wr_aggregate_reclaim(node, exec, err));
    shared->next_page = table ? table->first : NULL;
    /* What the resident groups leave, in equal shares; a share holds at least its minimum. */
    {
        uint64_t used =
            resident_used(shared, exec) + read_fixed_bytes(wr_aggregate_plan(node), exec);
        uint64_t total = wr_node_bytes_max(node, exec);

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
    uint32_t results = plan->key_count + plan->agg_count;
    uint32_t count = results + 1 + plan->gives_states;

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
    for (uint32_t c = results; c < count; c++)
        WR_TRY(wr_vector_init(&local->output[c], WR_TYPE(U64), &local->bump, err));
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

/* ---- One task --------------------------------------------------------------------------------- */

/* Stores for what the table of a task does not take, one pair per next bits of the hash. */
static void open_overflow(task_stack *tasks, aggregate_shared *shared, wr_node *node,
                          wr_exec *exec, uint32_t fanout, uint32_t level)
{
    for (uint32_t i = tasks->depth; i < tasks->depth + fanout; i++) {
        tasks->level[i] = level;
        wr_row_store_init(&tasks->rows[i], &shared->raw, wr_node_lease(node),
                          shared->row_page_bytes, exec->spill);
        wr_row_store_init(&tasks->groups[i], &shared->layout.rows, wr_node_lease(node),
                          shared->row_page_bytes, exec->spill);
    }
    tasks->depth += fanout;
}

/* Everything that is read while a task runs. */
typedef struct task_run {
    wr_node *node;
    wr_exec *exec;
    aggregate_shared *shared;
    read_local *local;
    wr_row_store *rows, *groups; /* fanout stores of the overflow each */
    uint32_t fanout, shift;
} task_run;

/* Bytes that the groups of the overflow may take of its share: a page each; the rows take the rest. */
static uint64_t overflow_groups_bytes(const task_run *run)
{
    return (uint64_t)FANOUT * run->shared->row_page_bytes;
}

static wr_status overflow_group(task_run *run, const uint8_t *row, wr_error *err)
{
    uint64_t hash = wr_group_hash(&run->shared->layout, row);
    uint32_t which = (uint32_t)(hash >> run->shift) & (run->fanout - 1);

    return wr_aggregate_append_group(run->groups, run->fanout, which, overflow_groups_bytes(run),
                                     row, err);
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
    return wr_aggregate_cut_rows(run->rows, run->fanout, run->shift, local->input, &rest, missed,
                                 local->store_bytes_max - overflow_groups_bytes(run), scratch,
                                 run->exec->spill, err);
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
                bool added;

                wr_agg_relocate(&layout->aggs, wr_group_states(layout, row));
                WR_TRY(wr_group_table_merge(wr_aggregate_resident(run->shared), row, &added, err));
                if (!added)
                    WR_TRY(wr_group_table_add(&run->local->table, row, &added, err));
                if (!added)
                    WR_TRY(overflow_group(run, row, err));
            }
    }
}

/* A task that came from the stack is given back when it has been read. */
static wr_status take_task(task_run *run, wr_row_store *rows, wr_row_store *groups, wr_error *err)
{
    wr_status status = take_groups(run, groups, err);

    if (status == WR_OK)
        status = take_rows(run, rows, err);
    wr_row_store_release(groups);
    wr_row_store_release(rows);
    return status;
}

/* What a partition left behind: the groups that were spilled and what each builder put there. */
static wr_status take_partition(task_run *run, uint32_t partition, wr_error *err)
{
    aggregate_shared *shared = run->shared;

    if (shared->groups)
        WR_TRY(take_groups(run, &shared->groups[partition], err));
    for (uint32_t i = 0; i < shared->part_count; i++) {
        wr_row_store *store = &shared->parts[i].partitions[partition];

        WR_TRY(wr_aggregate_plan(run->node)->takes_states ? take_groups(run, store, err)
                                                          : take_rows(run, store, err));
    }
    return WR_OK;
}

/* Group a whole partition, or (partition UINT32_MAX) the newest task; what overflows becomes new
 * tasks. */
static wr_status run_task(wr_node *node, read_local *local, wr_exec *exec, uint32_t partition,
                          wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    task_stack *tasks = &local->tasks;
    bool is_partition = partition != UINT32_MAX;
    uint32_t level = is_partition ? 0 : tasks->level[tasks->depth - 1];
    uint32_t bits = (uint32_t)__builtin_ctz(shared->partition_count);
    uint32_t fanout = level < LEVELS_MAX ? FANOUT : 1, base, kept;
    wr_row_store rows = {0}, groups = {0};
    task_run run;

    if (!is_partition) { /* its place is needed for what it leaves */
        tasks->depth--;
        rows = tasks->rows[tasks->depth];
        groups = tasks->groups[tasks->depth];
    }
    base = kept = tasks->depth;
    wr_assert(base + fanout <= STACK_MAX, "each level leaves at most FANOUT - 1 tasks waiting");
    open_overflow(tasks, shared, node, exec, fanout, level + 1);
    run = (task_run){node, exec, shared, local, &tasks->rows[base], &tasks->groups[base], fanout,
                     fanout > 1 ? bits + level * FANOUT_BITS : 0};
    if (is_partition)
        WR_TRY(take_partition(&run, partition, err));
    else
        WR_TRY(take_task(&run, &rows, &groups, err));
    WR_TRY(wr_row_stores_spill(run.rows, fanout, err));
    WR_TRY(wr_row_stores_spill(run.groups, fanout, err));
    for (uint32_t i = base; i < base + fanout; i++)
        if (tasks->rows[i].row_count || tasks->groups[i].row_count) {
            tasks->rows[kept] = tasks->rows[i];
            tasks->groups[kept] = tasks->groups[i];
            tasks->level[kept++] = level + 1;
        }
    tasks->depth = kept;
    local->page = local->table.first;
    local->one_page = false;
    local->offset = 0;
    return WR_OK;
}

/* ---- Giving out ------------------------------------------------------------------------------- */

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
    if (plan->gives_states) {
        wr_vector *addresses = &local->output[plan->key_count + results++];

        memcpy(addresses->data, states, count * sizeof states[0]);
        addresses->valid = NULL;
        addresses->row_count = count;
    }
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

/* Does anybody want what comes next? No: the query was cancelled, or a worker failed, here or behind. */
static bool is_wanted(const aggregate_shared *shared, const wr_exec *exec)
{
    return !shared->is_stopped && wr_exec_wants(exec, exec->morsel_first + shared->next_morsel);
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
    while (shared->partitions_done < shared->partition_count && is_wanted(shared, exec))
        wr_cond_wait_ns(&shared->done_cond, &shared->mutex, 20000000);
    if (!shared->next_page || !is_wanted(shared, exec))
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

static wr_status read_step(wr_node *node, read_local *local, wr_batch *out, wr_flow *out_flow,
                           wr_exec *exec, wr_error *err)
{
    aggregate_shared *shared = wr_node_shared(node);
    uint32_t partition;
    bool given;

    for (;;) {
        WR_TRY(emit_next(node, local, exec, out, &given, err));
        out->morsel = local->morsel;
        if (given)
            return WR_OK;
        if (local->has_partition || local->one_page) {
            wr_group_table_release(&local->table);
            if (local->tasks.depth > 0) {
                WR_TRY(run_task(node, local, exec, UINT32_MAX, err));
                continue;
            }
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
        WR_TRY(run_task(node, local, exec, partition, err));
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
    for (uint32_t i = 0; i < local->tasks.depth; i++) {
        wr_row_store_release(&local->tasks.rows[i]);
        wr_row_store_release(&local->tasks.groups[i]);
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
