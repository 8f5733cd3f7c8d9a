/* exec/op_values_read.c — aggregate over all values of a number-like column, the source: one row.
 *
 * Workers take part after part. A part that holds no wanted rank is dropped unread where only
 * quantiles are asked for; one of equal values is a run. What fits the worker's memory is sorted and
 * read as runs of equal values, with the residents of its range in their places; what does not is cut
 * into ranges of equal width, which are dealt with one after the other. A range is at most as wide as
 * its part divided by the number of cuts, so every input finishes after SUB_LEVELS writes of a value.
 * The worker that is done last gives the row.
 * Memory: results and ranks; for each worker parts that wait, a block to read and the rest for keys. */
#include "exec/values_priv.h"
#include "io/carve.h"
#include "os/libm.h"

enum { CUT_BITS_MIN = 3, CUT_BITS_MAX = 6, KEY_BITS = 64 };

typedef struct values_read_local {
    uint8_t         *memory;
    uint32_t         cut_count;    /* parts that a part is cut into at most */
    wr_value_part   *waiting;      /* cut off larger parts                  */
    uint32_t         waiting_count;
    uint64_t        *splitters, *block_keys;
    wr_value_block **open;
    uint16_t        *which;
    uint8_t         *rest;         /* for keys or blocks                    */
    uint64_t         rest_bytes;
    uint32_t         keys_max;     /* that can be sorted in it              */
    /* of the part that is read */
    uint64_t         run_count, best_count, best_key, rank;
    uint32_t         next_wanted;
    wr_fsum          run_sum;
} values_read_local;

/* ---- Memory ------------------------------------------------------------------------------------------ */

/* Each level takes its bits off the range, and leaves all but one of its parts behind. */
static uint64_t waiting_max(uint32_t bits)
{
    return (uint64_t)((KEY_BITS + bits - 1) / bits) << bits;
}

static void lay_out_reader(values_read_local *local, uint32_t bits, wr_carver *carver)
{
    uint32_t keys_max = wr_value_block_keys(WR_VALUE_BLOCK_BYTES_MAX);

    local->cut_count = 1u << bits;
    local->waiting = wr_carve(carver, waiting_max(bits) * sizeof local->waiting[0]);
    local->splitters = wr_carve(carver, sizeof(uint64_t) << bits);
    local->open = wr_carve(carver, sizeof local->open[0] << bits);
    local->block_keys = wr_carve(carver, WR_VALUE_BLOCK_BYTES_MAX);
    local->which = wr_carve(carver, keys_max * sizeof local->which[0]);
}

static uint64_t reader_bytes(uint32_t bits, uint32_t block_bytes)
{
    values_read_local local;
    wr_carver         carver = {0};

    lay_out_reader(&local, bits, &carver);
    return carver.used + ((1ull << bits) + 1) * block_bytes;
}

static uint32_t results_max(const wr_plan_ordered *plan)
{
    return plan->agg_count + 1; /* the position */
}

static uint64_t own_bytes(const wr_plan_ordered *plan, const wr_exec *exec)
{
    enum { ROUNDING = 16 };
    uint64_t bytes = wr_ordered_bytes(plan, exec) + 4 * ROUNDING +
                     results_max(plan) * sizeof(wr_vector) +
                     4ull * plan->agg_count * sizeof(uint64_t);

    for (uint32_t i = 0; i < plan->agg_count; i++)
        bytes += wr_vector_bytes(plan->aggs[i].result_type) + ROUNDING;
    return bytes + wr_vector_bytes(WR_TYPE(U64)) + ROUNDING;
}

static uint64_t reader_pages_min(const wr_exec *exec)
{
    return wr_pages_for(reader_bytes(CUT_BITS_MIN, BLOCK_BYTES_MIN), exec->page_bytes);
}

/* Beside what the sink keeps. */
static uint64_t read_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    return WR_VALUES.resident_min(plan, exec) +
           wr_bump_lease_min(own_bytes(plan, exec), exec->page_bytes) +
           worker_count * reader_pages_min(exec) * exec->page_bytes;
}

static uint32_t certified_workers(const wr_plan_ordered *plan, const wr_exec *exec,
                                  const wr_lease *lease)
{
    uint32_t workers = exec->worker_count;

    while (workers > 1 &&
           read_lease_min(plan, exec, workers) > (uint64_t)lease->pages_min * exec->page_bytes)
        workers--;
    return workers;
}

/* No more than the largest part is worth. */
static uint64_t reader_pages_wanted(const values_shared *shared, const wr_exec *exec)
{
    uint64_t most = 0;

    for (uint32_t p = 0; p < shared->parts.part_count; p++)
        if (shared->parts.parts[p].count > most)
            most = shared->parts.parts[p].count;
    return (reader_bytes(CUT_BITS_MAX, WR_VALUE_BLOCK_BYTES_MAX) + 2 * most * sizeof(uint64_t)) /
               exec->page_bytes + 1;
}

static uint64_t pages_per_reader(wr_node *node, uint32_t workers)
{
    const wr_lease *lease = wr_node_lease(node);
    uint64_t        pages = wr_lease_pages_max(lease);

    return pages > lease->pages_used ? (pages - lease->pages_used) / workers : 0;
}

static wr_status share_memory(values_shared *shared, wr_node *node, wr_exec *exec, wr_error *err)
{
    uint32_t workers = certified_workers(node->plan, exec, wr_node_lease(node));
    uint64_t wanted = reader_pages_wanted(shared, exec), pages;

    pages = pages_per_reader(node, workers);
    if (pages < reader_pages_min(exec)) {
        WR_TRY(wr_values_reclaim(node, exec, err));
        pages = pages_per_reader(node, workers);
    }
    shared->reader_pages = (uint32_t)(pages < wanted ? pages : wanted);
    return WR_OK;
}

/* ---- Open ---------------------------------------------------------------------------------------------- */

/* Residents below `key`. */
static uint32_t residents_below(const values_shared *shared, uint64_t key)
{
    uint32_t low = 0, high = shared->resident_count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (shared->residents[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t residents_up_to(const values_shared *shared, uint64_t key)
{
    return key == UINT64_MAX ? shared->resident_count : residents_below(shared, key + 1);
}

static uint64_t values_in(const values_shared *shared, const wr_value_part *part)
{
    uint64_t count = part->count;

    for (uint32_t r = residents_below(shared, part->from); r < residents_up_to(shared, part->to); r++)
        count += shared->residents[r].count;
    return count;
}

/* Give the parts their ranks, beginning with `rank`; returns the one behind them. */
static uint64_t rank_parts(const values_shared *shared, wr_value_parts *parts, uint64_t rank)
{
    for (uint32_t p = 0; p < parts->part_count; p++) {
        parts->parts[p].rank = rank;
        rank += values_in(shared, &parts->parts[p]);
    }
    return rank;
}

static void want_rank(values_shared *shared, uint64_t rank)
{
    uint32_t at = shared->wanted_count;

    for (uint32_t i = 0; i < shared->wanted_count; i++)
        if (shared->wanted[i] == rank)
            return;
    for (; at > 0 && shared->wanted[at - 1] > rank; at--)
        shared->wanted[at] = shared->wanted[at - 1];
    shared->wanted[at] = rank;
    shared->wanted_count++;
}

static void begin_results(values_shared *shared, const wr_plan_ordered *plan, uint64_t value_count)
{
    wr_ordered_begin(&shared->ordered, value_count);
    for (uint32_t i = 0; i < plan->agg_count; i++) {
        const wr_ordered_state *state = &shared->ordered.states[i];

        if (wr_ordered_is_quantile(plan->aggs[i].kind) && value_count > 0) {
            want_rank(shared, state->low_rank);
            want_rank(shared, state->high_rank);
        }
        shared->counts_runs |= !wr_ordered_is_quantile(plan->aggs[i].kind);
        shared->sums_runs |= plan->aggs[i].kind == WR_AGG_ENTROPY;
    }
}

static wr_status read_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_ordered *plan = node->plan;
    values_shared         *shared = wr_node_shared(node);
    wr_bump               *bump = &shared->read_bump;

    wr_bump_init(bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(bump, own_bytes(plan, exec), err));
    shared->columns = WR_BUMP_NEW_ARRAY(bump, wr_vector, results_max(plan), err);
    shared->wanted = WR_BUMP_NEW_ARRAY(bump, uint64_t, 2 * (size_t)plan->agg_count, err);
    shared->found = WR_BUMP_NEW_ARRAY(bump, uint64_t, 2 * (size_t)plan->agg_count, err);
    if (!shared->columns || !shared->wanted || !shared->found)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < plan->agg_count; i++)
        WR_TRY(wr_vector_init(&shared->columns[i], plan->aggs[i].result_type, bump, err));
    WR_TRY(wr_vector_init(&shared->columns[plan->agg_count], WR_TYPE(U64), bump, err));
    WR_TRY(wr_ordered_init(&shared->ordered, plan, exec, bump, err));
    begin_results(shared, plan, rank_parts(shared, &shared->parts, 0));
    return share_memory(shared, node, exec, err);
}

static wr_status read_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    values_shared     *shared = wr_node_shared(node);
    values_read_local *local = local_p;
    uint64_t           bytes = (uint64_t)shared->reader_pages * exec->page_bytes;
    wr_carver          carver = {.capacity = bytes};
    uint32_t           bits = CUT_BITS_MIN;

    local->memory = wr_lease_take(wr_node_lease(node), shared->reader_pages);
    if (!local->memory)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory to read values", node->label);
    while (bits < CUT_BITS_MAX && reader_bytes(bits + 1, WR_VALUE_BLOCK_BYTES_MAX) <= bytes)
        bits++;
    carver.base = local->memory;
    lay_out_reader(local, bits, &carver);
    local->rest = local->memory + carver.used;
    local->rest_bytes = bytes - carver.used;
    local->keys_max = (uint32_t)(local->rest_bytes / (2 * sizeof(uint64_t)));
    return WR_OK;
}

/* ---- A part that fits ------------------------------------------------------------------------------------ */

/* Of several most frequent values the least counts. */
static void choose_best(uint64_t *io_count, uint64_t *io_key, uint64_t count, uint64_t key)
{
    if (count > *io_count || (count == *io_count && key < *io_key)) {
        *io_count = count;
        *io_key = key;
    }
}

static void end_run(values_shared *shared, values_read_local *local, uint64_t key, uint64_t count)
{
    double n = (double)count;

    local->run_count++;
    choose_best(&local->best_count, &local->best_key, count, key);
    if (shared->sums_runs && count > 1)
        wr_fsum_add(&local->run_sum, n * wr_math.log2(n));
    local->rank += count;
    while (local->next_wanted < shared->wanted_count &&
           shared->wanted[local->next_wanted] < local->rank)
        shared->found[local->next_wanted++] = key;
}

static void begin_part(const values_shared *shared, values_read_local *local,
                       const wr_value_part *part)
{
    local->rank = part->rank;
    local->next_wanted = 0;
    while (local->next_wanted < shared->wanted_count &&
           shared->wanted[local->next_wanted] < part->rank)
        local->next_wanted++;
}

/* Sorted keys, or as many equal ones (`keys` NULL), and the residents among them. */
static void read_runs(values_shared *shared, values_read_local *local, const wr_value_part *part,
                      const uint64_t *keys)
{
    const value_run *run = shared->residents + residents_below(shared, part->from);
    const value_run *runs_end = shared->residents + residents_up_to(shared, part->to);
    uint64_t         at = 0;

    while (at < part->count || run < runs_end) {
        uint64_t key = at == part->count ? run->key : keys ? keys[at] : part->least, count = 0;

        if (run < runs_end && run->key <= key) {
            key = run->key;
            count = run++->count;
        }
        if (keys) {
            uint64_t first = at;

            while (at < part->count && keys[at] == key)
                at++;
            count += at - first;
        } else if (at < part->count && part->least == key) {
            count += part->count;
            at = part->count;
        }
        end_run(shared, local, key, count);
    }
}

static wr_status read_sorted(values_shared *shared, values_read_local *local, wr_value_part *part,
                             wr_error *err)
{
    uint64_t       *keys = (uint64_t *)(void *)local->rest, *sorted;
    uint32_t        used = 0, count;
    wr_value_reader reader;

    for (wr_value_reader_init(&reader, part);; used += count) {
        WR_TRY(wr_value_reader_next(&reader, local->block_keys, &count, err));
        if (count == 0)
            break;
        memcpy(keys + used, local->block_keys, count * sizeof keys[0]);
    }
    wr_number_keys_sort(keys, keys + part->count, used, &sorted);
    read_runs(shared, local, part, sorted);
    return WR_OK;
}

/* ---- A part that does not -------------------------------------------------------------------------------- */

static wr_status cut_part(values_shared *shared, values_read_local *local, wr_value_part *part,
                          wr_exec *exec, wr_error *err)
{
    wr_value_parts  cut = {.parts = local->waiting + local->waiting_count,
                           .splitters = local->splitters, .part_count = local->cut_count};
    uint64_t        block = local->rest_bytes / (local->cut_count + 1) / 16 * 16;
    wr_value_writer writer;
    wr_value_reader reader;
    uint32_t        count;

    wr_value_parts_split_range(&cut, part->least, part->greatest);
    wr_value_parts_init(&cut, part->from, part->to, exec->spill);
    local->waiting_count += cut.part_count;
    wr_value_writer_init(&writer, &cut, local->open, local->rest, local->rest_bytes,
                         block < WR_VALUE_BLOCK_BYTES_MAX ? (uint32_t)block
                                                          : WR_VALUE_BLOCK_BYTES_MAX);
    for (wr_value_reader_init(&reader, part);;) {
        if (wr_exec_is_cancelled(exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        WR_TRY(wr_value_reader_next(&reader, local->block_keys, &count, err));
        if (count == 0)
            break;
        WR_TRY(wr_value_writer_add(&writer, local->block_keys, count, local->which, err));
    }
    WR_TRY(wr_value_writer_flush(&writer, err));
    rank_parts(shared, &cut, part->rank);
    return WR_OK;
}

static wr_status read_part(values_shared *shared, values_read_local *local, wr_value_part *part,
                           wr_exec *exec, wr_error *err)
{
    begin_part(shared, local, part);
    if (!shared->counts_runs && (local->next_wanted == shared->wanted_count ||
                                 shared->wanted[local->next_wanted] - part->rank >=
                                     values_in(shared, part)))
        return WR_OK;
    if (part->count == 0 || part->least == part->greatest)
        read_runs(shared, local, part, NULL);
    else if (part->count <= local->keys_max)
        return read_sorted(shared, local, part, err);
    else
        return cut_part(shared, local, part, exec, err);
    return WR_OK;
}

/* A part with all that is cut off it. */
static wr_status read_whole_part(values_shared *shared, values_read_local *local,
                                 wr_value_part *part, wr_exec *exec, wr_error *err)
{
    WR_TRY(read_part(shared, local, part, exec, err));
    wr_spill_stream_release(&part->stream);
    while (local->waiting_count > 0) {
        wr_value_part next = local->waiting[--local->waiting_count];
        wr_status     status;

        if (wr_exec_is_cancelled(exec))
            status = WR_RAISE(err, WR_CANCELLED, "cancelled");
        else
            status = read_part(shared, local, &next, exec, err);
        wr_spill_stream_release(&next.stream);
        WR_TRY(status);
    }
    return WR_OK;
}

/* ---- Results ------------------------------------------------------------------------------------------------ */

static void merge_runs(values_shared *shared, values_read_local *local)
{
    WR_LOCKED(&shared->mutex);
    shared->run_count += local->run_count;
    choose_best(&shared->best_count, &shared->best_key, local->best_count, local->best_key);
    wr_fsum_merge(&shared->run_sum, &local->run_sum);
    local->run_count = local->best_count = 0;
    local->run_sum = (wr_fsum){0};
}

static void put_found(const values_shared *shared, uint64_t rank, wr_ordered_value *value)
{
    for (uint32_t i = 0; i < shared->wanted_count; i++)
        if (shared->wanted[i] == rank)
            wr_number_of_key(shared->ordered.type, shared->found[i], value->value);
}

static wr_status give_row(values_shared *shared, const wr_plan_ordered *plan, wr_batch *out,
                          wr_error *err)
{
    wr_vector *position = &shared->columns[plan->agg_count];

    for (uint32_t i = 0; i < plan->agg_count; i++) {
        wr_ordered_state *state = &shared->ordered.states[i];
        wr_vector        *column = &shared->columns[i];
        bool              is_null = false;

        state->sum = shared->run_sum;
        state->distinct_count = shared->run_count;
        if (wr_ordered_is_quantile(state->agg->kind)) {
            put_found(shared, state->low_rank, &state->low);
            put_found(shared, state->high_rank, &state->high);
        } else {
            wr_number_of_key(shared->ordered.type, shared->best_key, state->low.value);
        }
        WR_TRY(wr_ordered_result(&shared->ordered, i, column->data, &is_null, err));
        wr_bit_put(column->valid, 0, !is_null);
        column->row_count = 1;
    }
    *(uint64_t *)position->data = shared->least_position;
    position->row_count = 1;
    out->columns = shared->columns;
    out->column_count = plan->agg_count + (plan->position != WR_FIELD_NONE);
    out->row_count = 1;
    out->morsel_end = true;
    wr_batch_select_all(out);
    return WR_OK;
}

static wr_status read_pull(wr_node *node, void *local_p, wr_batch *out, wr_flow *out_flow,
                           wr_exec *exec, wr_error *err)
{
    values_shared     *shared = wr_node_shared(node);
    values_read_local *local = local_p;
    uint32_t           part_count = shared->parts.part_count, part;

    *out_flow = WR_FLOW_MORE;
    while ((part = atomic_fetch_add(&shared->next_part, 1)) < part_count) {
        if (wr_exec_is_cancelled(exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        WR_TRY(read_whole_part(shared, local, &shared->parts.parts[part], exec, err));
        merge_runs(shared, local);
        if (atomic_fetch_add(&shared->parts_done, 1) + 1 == part_count)
            return give_row(shared, node->plan, out, err);
    }
    *out_flow = WR_FLOW_DONE;
    return WR_OK;
}

static void read_local_close(wr_node *node, void *local_p)
{
    values_shared     *shared = wr_node_shared(node);
    values_read_local *local = local_p;

    for (uint32_t i = 0; i < local->waiting_count; i++)
        wr_spill_stream_release(&local->waiting[i].stream);
    if (local->memory)
        wr_lease_give(wr_node_lease(node), local->memory, shared->reader_pages);
}

static void read_close(wr_node *node)
{
    values_shared *shared = wr_node_shared(node);

    if (shared->read_bump.lease)
        wr_bump_release(&shared->read_bump);
}

const wr_source_ops WR_VALUES_READ = {
    .name = "value ranges",
    .local_bytes = sizeof(values_read_local),
    .lease_min = read_lease_min,
    .open = read_open,
    .local_open = read_local_open,
    .pull = read_pull,
    .local_close = read_local_close,
    .close = read_close,
};
