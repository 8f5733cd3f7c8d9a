/* exec/op_values.c — aggregate over all values of a number-like column, the sink.
 *
 * Median, quantiles, mode, entropy and the number of distinct values of one group need no sort of rows:
 * values become keys of eight bytes (kernel/number_key.h), which are cut into ranges, spilled where they
 * do not fit (exec/value_parts.h), and of which only those are read again that matter
 * (op_values_read.c). The first values of each worker are residents: they are counted where they are,
 * so a column of few distinct values is never written. Residents are given up where they do not pay.
 * Memory: shared, and for each worker residents, keys and blocks; more blocks, of more ranges, if
 * there is more. Cost: 10-15 ns a value, 8 bytes written. */
#include "base/fault.h"
#include "base/hash.h"
#include "exec/values_priv.h"
#include "io/carve.h"

typedef struct values_local {
    value_seat *seat;
} values_local;

/* A product depends on the order of its factors, down to the last bit. */
bool wr_values_can(const wr_plan_ordered *plan)
{
    bool can = plan->key_count == 0 && plan->by_value && wr_number_key_fits(plan->types[0]);

    for (uint32_t i = 0; i < plan->agg_count; i++)
        can &= plan->aggs[i].kind != WR_AGG_PRODUCT;
    return can;
}

/* ---- Memory ------------------------------------------------------------------------------------------ */

static void lay_out_seat(value_seat *seat, wr_carver *carver)
{
    seat->residents = wr_carve(carver, RESIDENT_SLOTS * sizeof seat->residents[0]);
    seat->keys = wr_carve(carver, KEYS_MAX * sizeof seat->keys[0]);
    seat->which = wr_carve(carver, KEYS_MAX * sizeof seat->which[0]);
    seat->open = wr_carve(carver, WR_VALUE_PARTS_MAX * sizeof seat->open[0]);
}

static uint64_t seat_fixed_bytes(void)
{
    value_seat seat;
    wr_carver  carver = {0};

    lay_out_seat(&seat, &carver);
    return carver.used;
}

static uint64_t shared_bytes(uint32_t worker_count)
{
    enum { ROUNDING = 16, ITEMS = 4 };

    return WR_VALUE_PARTS_MAX * (sizeof(wr_value_part) + sizeof(uint64_t)) +
           (uint64_t)worker_count * (sizeof(value_seat) + RESIDENTS_MAX * sizeof(value_run)) +
           ITEMS * ROUNDING;
}

static uint64_t values_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    uint64_t seat = seat_fixed_bytes() + (uint64_t)(PARTS_MIN + 1) * BLOCK_BYTES_MIN;

    (void)plan;
    return wr_bump_lease_min(shared_bytes(worker_count), exec->page_bytes) +
           (uint64_t)worker_count * wr_pages_for(seat, exec->page_bytes) * exec->page_bytes;
}

static uint64_t values_resident_min(const void *plan, const wr_exec *exec)
{
    (void)plan;
    return wr_bump_lease_min(shared_bytes(exec->worker_count), exec->page_bytes);
}

/* As many workers as the lease was certified for. */
static uint32_t certified_workers(const wr_exec *exec, const wr_lease *lease)
{
    uint32_t workers = exec->worker_count;

    while (workers > 1 && values_lease_min(NULL, exec, workers) >
                              (uint64_t)lease->pages_min * exec->page_bytes)
        workers--;
    return workers;
}

/* Blocks worth an access each, then as many parts as there can be. */
static void choose_sizes(values_shared *shared, const wr_exec *exec)
{
    uint64_t bytes = (uint64_t)shared->seat_pages * exec->page_bytes - seat_fixed_bytes();
    uint32_t parts = PARTS_MIN, block = BLOCK_BYTES_MIN;

    for (;;) {
        if (block < WR_VALUE_BLOCK_BYTES_MAX && 2 * block * (parts + 1) <= bytes)
            block *= 2;
        else if (parts < WR_VALUE_PARTS_MAX && block * (2 * parts + 1) <= bytes)
            parts *= 2;
        else
            break;
    }
    shared->part_count = parts;
    shared->block_bytes = block;
    shared->block_memory_bytes = bytes;
}

static wr_status values_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    values_shared  *shared = wr_node_shared(node);
    const wr_lease *lease = wr_node_lease(node);
    uint32_t        workers = certified_workers(exec, lease), pages;

    wr_mutex_init(&shared->mutex);
    for (uint32_t i = 0; i < WR_VALUE_MUTEXES; i++)
        wr_mutex_init(&shared->part_mutexes[i]);
    shared->is_open = true;
    wr_bump_init(&shared->bump, wr_node_lease(node));
    shared->seats_max = workers;
    shared->least_position = UINT64_MAX;
    pages = wr_stress_get()->spill_always ? lease->pages_min : wr_lease_pages_max(lease);
    pages -= wr_pages_for(shared_bytes(workers) + WR_BUMP_HEAD_BYTES, exec->page_bytes);
    shared->seat_pages = pages / workers;
    choose_sizes(shared, exec);
    WR_TRY(wr_bump_reserve(&shared->bump, shared_bytes(workers), err));
    shared->seats = WR_BUMP_NEW_ARRAY(&shared->bump, value_seat, workers, err);
    shared->residents = WR_BUMP_NEW_ARRAY(&shared->bump, value_run,
                                          (size_t)workers * RESIDENTS_MAX, err);
    shared->parts.parts = WR_BUMP_NEW_ARRAY(&shared->bump, wr_value_part, WR_VALUE_PARTS_MAX, err);
    shared->parts.splitters = WR_BUMP_NEW_ARRAY(&shared->bump, uint64_t, WR_VALUE_PARTS_MAX, err);
    if (!shared->seats || !shared->residents || !shared->parts.parts || !shared->parts.splitters)
        return WR_NO_MEMORY;
    return WR_OK;
}

/* ---- Workers ------------------------------------------------------------------------------------------ */

static wr_status take_seat(values_shared *shared, wr_node *node, wr_exec *exec,
                           value_seat **out_seat, wr_error *err)
{
    value_seat *seat = &shared->seats[shared->seat_count];
    wr_carver   carver = {.capacity = (uint64_t)shared->seat_pages * exec->page_bytes};

    wr_assert(shared->seat_count < shared->seats_max, "the lease was certified for the workers");
    seat->memory = wr_lease_take(wr_node_lease(node), shared->seat_pages);
    if (!seat->memory)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory for values", node->label);
    carver.base = seat->memory;
    lay_out_seat(seat, &carver);
    memset(seat->residents, 0, RESIDENT_SLOTS * sizeof seat->residents[0]);
    seat->block_memory = seat->memory + carver.used;
    seat->looks_up = true;
    seat->least_position = UINT64_MAX;
    shared->seat_count++;
    *out_seat = seat;
    return WR_OK;
}

static wr_status values_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    values_shared *shared = wr_node_shared(node);
    values_local  *local = local_p;
    value_seat    *seat = NULL;

    WR_LOCKED(&shared->mutex);
    for (uint32_t i = 0; i < shared->seat_count && !seat; i++)
        if (!shared->seats[i].in_use)
            seat = &shared->seats[i];
    if (!seat)
        WR_TRY(take_seat(shared, node, exec, &seat, err));
    seat->in_use = true;
    local->seat = seat;
    return WR_OK;
}

/* Is the key counted as a resident now? */
static bool count_resident(value_seat *seat, uint64_t key)
{
    uint32_t at = (uint32_t)(wr_hash_u64(key) >> (64 - RESIDENT_BITS));

    for (;; at = (at + 1) % RESIDENT_SLOTS) {
        value_run *run = &seat->residents[at];

        if (run->count > 0 && run->key == key) {
            run->count++;
            return true;
        }
        if (run->count > 0)
            continue;
        if (seat->resident_count == RESIDENTS_MAX)
            return false;
        seat->resident_count++;
        *run = (value_run){key, 1};
        return true;
    }
}

/* Of `count` new keys behind the others, leave those that are no residents. */
static uint32_t count_residents(value_seat *seat, uint32_t count)
{
    enum { TRIED_MIN = 1 << 16, PAYS_FROM = 8 /* one of so many is found */ };
    uint64_t *keys = seat->keys + seat->key_count;
    uint32_t  kept = 0;

    if (!seat->looks_up)
        return count;
    for (uint32_t i = 0; i < count; i++) {
        keys[kept] = keys[i];
        kept += !count_resident(seat, keys[i]);
    }
    seat->looked_up += count;
    seat->found += count - kept;
    if (seat->looked_up >= TRIED_MIN) {
        seat->looks_up = seat->found * PAYS_FROM >= seat->looked_up;
        seat->looked_up = seat->found = 0;
    }
    return kept;
}

/* Ranges are cut by the first keys that any worker has to give away: its sorted sample. */
static void make_parts(values_shared *shared, value_seat *seat, wr_spill *spill)
{
    uint64_t *sorted;

    WR_LOCKED(&shared->mutex);
    if (shared->has_parts)
        return;
    wr_number_keys_sort(seat->keys, (uint64_t *)(void *)seat->block_memory, seat->key_count,
                        &sorted);
    if (sorted != seat->keys)
        memcpy(seat->keys, sorted, seat->key_count * sizeof sorted[0]);
    shared->parts.part_count = shared->part_count;
    shared->parts.mutexes = shared->part_mutexes;
    wr_value_parts_split_sample(&shared->parts, seat->keys, seat->key_count);
    wr_value_parts_init(&shared->parts, 0, UINT64_MAX, spill);
    shared->has_parts = true;
}

static wr_status give_keys(values_shared *shared, value_seat *seat, wr_spill *spill, wr_error *err)
{
    if (!seat->is_writing) {
        make_parts(shared, seat, spill);
        wr_value_writer_init(&seat->writer, &shared->parts, seat->open, seat->block_memory,
                             shared->block_memory_bytes, shared->block_bytes);
        seat->is_writing = true;
    }
    WR_TRY(wr_value_writer_add(&seat->writer, seat->keys, seat->key_count, seat->which, err));
    seat->key_count = 0;
    return WR_OK;
}

static void note_positions(value_seat *seat, const wr_vector *positions, const wr_selection *rows)
{
    for (uint32_t i = 0; i < rows->row_count; i++) {
        uint64_t position = wr_vector_value(positions, wr_selection_row(rows, i)).u64;

        if (position < seat->least_position)
            seat->least_position = position;
    }
}

static wr_status values_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                             wr_exec *exec, wr_error *err)
{
    const wr_plan_ordered *plan = node->plan;
    values_shared         *shared = wr_node_shared(node);
    value_seat            *seat = ((values_local *)local)->seat;
    uint32_t               count;

    *out_flow = WR_FLOW_MORE;
    if (wr_batch_rows(in) == 0)
        return WR_OK;
    count = wr_number_keys(&in->columns[0], &in->selection, seat->keys + seat->key_count);
    seat->key_count += count_residents(seat, count);
    if (plan->position != WR_FIELD_NONE)
        note_positions(seat, &in->columns[plan->position], &in->selection);
    if (wr_stress_get()->spill_always) {
        WR_TRY(give_keys(shared, seat, exec->spill, err));
        return wr_value_writer_flush(&seat->writer, err);
    }
    return seat->key_count >= KEYS_MAX - WR_BATCH_ROWS_MAX
               ? give_keys(shared, seat, exec->spill, err)
               : WR_OK;
}

static wr_status values_combine(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    values_shared *shared = wr_node_shared(node);

    (void)exec, (void)err;
    WR_LOCKED(&shared->mutex);
    ((values_local *)local)->seat->in_use = false;
    return WR_OK;
}

static void values_local_close(wr_node *node, void *local)
{
    (void)node, (void)local;
}

/* ---- finish, reclaim, close ---------------------------------------------------------------------------- */

static void gather_residents(values_shared *shared, const value_seat *seat)
{
    for (uint32_t i = 0; i < RESIDENT_SLOTS; i++)
        if (seat->residents[i].count > 0)
            shared->residents[shared->resident_count++] = seat->residents[i];
}

static void sift_down(value_run *runs, uint32_t at, uint32_t count)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        value_run run = runs[at];

        if (child + 1 < count && runs[child + 1].key > runs[child].key)
            child++;
        if (runs[child].key <= run.key)
            return;
        runs[at] = runs[child];
        runs[child] = run;
    }
}

/* In order of their keys, each once. */
static void sort_residents(values_shared *shared)
{
    value_run *runs = shared->residents;
    uint32_t   count = shared->resident_count, kept = 0;

    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(runs, i, count);
    for (uint32_t left = count; left > 1; left--) {
        value_run greatest = runs[0];

        runs[0] = runs[left - 1];
        runs[left - 1] = greatest;
        sift_down(runs, 0, left - 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (kept > 0 && runs[kept - 1].key == runs[i].key)
            runs[kept - 1].count += runs[i].count;
        else
            runs[kept++] = runs[i];
    }
    shared->resident_count = kept;
}

void wr_values_leave_seats(wr_node *node)
{
    values_shared *shared = wr_node_shared(node);

    for (uint32_t i = 0; i < shared->seat_count; i++)
        if (shared->seats[i].memory) {
            wr_lease_give(wr_node_lease(node), shared->seats[i].memory, shared->seat_pages);
            shared->seats[i].memory = NULL;
        }
}

wr_status wr_values_reclaim(wr_node *node, wr_exec *exec, wr_error *err)
{
    values_shared *shared = wr_node_shared(node);

    (void)exec;
    WR_TRY(wr_value_parts_flush(&shared->parts, err));
    wr_values_leave_seats(node);
    return WR_OK;
}

/* What did not fit is on disk; then nothing stays in memory. */
static wr_status values_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    values_shared *shared = wr_node_shared(node);
    bool           spilled = false;

    for (uint32_t i = 0; i < shared->seat_count; i++) {
        value_seat *seat = &shared->seats[i];

        gather_residents(shared, seat);
        if (seat->least_position < shared->least_position)
            shared->least_position = seat->least_position;
        if (seat->key_count > 0)
            WR_TRY(give_keys(shared, seat, exec->spill, err));
        if (seat->is_writing)
            wr_value_writer_leave(&seat->writer);
    }
    sort_residents(shared);
    if (!shared->has_parts) {
        shared->parts.part_count = 1;
        wr_value_parts_init(&shared->parts, 0, UINT64_MAX, exec->spill);
    }
    for (uint32_t p = 0; p < shared->parts.part_count; p++)
        spilled |= shared->parts.parts[p].stream.block_count > 0;
    return spilled ? wr_values_reclaim(node, exec, err) : WR_OK;
}

static void values_close(wr_node *node)
{
    values_shared *shared = wr_node_shared(node);

    if (!shared->is_open)
        return;
    wr_value_parts_release(&shared->parts);
    wr_values_leave_seats(node);
    wr_bump_release(&shared->bump);
    for (uint32_t i = 0; i < WR_VALUE_MUTEXES; i++)
        wr_mutex_release(&shared->part_mutexes[i]);
    wr_mutex_release(&shared->mutex);
}

const wr_sink_ops WR_VALUES = {
    .name = "values",
    .shared_bytes = sizeof(values_shared),
    .local_bytes = sizeof(values_local),
    .lease_min = values_lease_min,
    .resident_min = values_resident_min,
    .open = values_open,
    .local_open = values_local_open,
    .push = values_push,
    .combine = values_combine,
    .local_close = values_local_close,
    .finish = values_finish,
    .reclaim = wr_values_reclaim,
    .close = values_close,
};
