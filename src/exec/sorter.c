/* exec/sorter.c — the shared half of the sorter: memory, the table of runs, merging runs into one. */
#include "exec/sorter.h"

#include <string.h>

#include "base/bits.h"
#include "base/fault.h"

enum {
    TABLE_BYTES_MIN = 65536, /* some 600 runs: what a lease of 20 MB merges at once             */
    TABLE_PAGES_MIN = 4,     /* and in proportion for larger ones                               */
    RUNS_PER_WORKER = 8,     /* at least                                                        */
    SPILL_BYTES_MIN = 16384,
    SPARES = 8,              /* of a merge of runs into one                                     */
    GROWTH_UNKNOWN = 4,      /* input is taken to become so many times as large as it is by now */
};

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint32_t page_bytes_of(const wr_sorter_plan *plan, uint32_t page_bytes)
{
    return wr_row_page_bytes(wr_row_bytes_least(plan->types, plan->column_count, 0), page_bytes);
}

static uint32_t spill_bytes_min_of(const wr_sorter_plan *plan, const wr_exec *exec)
{
    uint32_t quarter = exec->page_bytes / 4;

    return page_bytes_of(plan, quarter > SPILL_BYTES_MIN ? quarter : SPILL_BYTES_MIN);
}

uint32_t wr_sorter_page_bytes(const wr_sorter_plan *plan, const wr_exec *exec)
{
    uint32_t spill_bytes = spill_bytes_min_of(plan, exec);

    return spill_bytes > exec->page_bytes ? spill_bytes : exec->page_bytes;
}

/* Fixed by the plan, since the table stays in memory while the sorted rows wait. */
static uint32_t table_pages_of(const wr_exec *exec, uint32_t worker_count)
{
    uint64_t bytes = (uint64_t)RUNS_PER_WORKER * worker_count * sizeof(wr_sort_run);
    uint64_t least = (uint64_t)TABLE_PAGES_MIN * exec->page_bytes;

    if (least < TABLE_BYTES_MIN)
        least = TABLE_BYTES_MIN;
    return wr_pages_for(bytes > least ? bytes : least, exec->page_bytes);
}

/* What comes out of the sorter's bump: layout, keys (shared, boundary), cut, buffers, reserves; keys of
 * the workers. Twice, since requests that do not fit a page's rest leave it behind. */
static uint64_t bump_pages_of(const wr_sorter_plan *plan, const wr_exec *exec,
                              uint32_t worker_count)
{
    uint64_t bytes = wr_row_layout_bytes(plan->column_count) +
                     wr_sortkey_bytes(plan->key_count) * (worker_count + 2) +
                     (plan->rows_max == UINT64_MAX ? 0 : sizeof(wr_sort_cut)) +
                     (uint64_t)worker_count * (sizeof(wr_sort_buffer) + sizeof(wr_sortkey) + sizeof(uint8_t *) + 64);

    return wr_pages_for(2 * bytes + 256, exec->page_bytes);
}

static uint64_t shared_pages_of(const wr_sorter_plan *plan, const wr_exec *exec,
                                uint32_t worker_count)
{
    return bump_pages_of(plan, exec, worker_count) + table_pages_of(exec, worker_count);
}

uint64_t wr_sorter_lease_min(const wr_sorter_plan *plan, const wr_exec *exec, uint32_t worker_count)
{
    return shared_pages_of(plan, exec, worker_count) * exec->page_bytes +
           (uint64_t)worker_count * WR_SORT_RESERVE_PAGES * wr_sorter_page_bytes(plan, exec);
}

/* The workers that made the sorter may be more than those of the plan's reading step. */
uint64_t wr_sorter_resident_min(const wr_sorter_plan *plan, const wr_exec *exec)
{
    return shared_pages_of(plan, exec, exec->worker_count) * exec->page_bytes;
}

uint64_t wr_sorter_pages_available(const wr_sorter *sorter)
{
    uint64_t granted = sorter->lease->pages_granted;
    uint64_t possible = granted + wr_arena_pages_ungranted(sorter->exec->arena);
    uint64_t want = sorter->lease->pages_want;

    if (wr_stress_get()->lease_min)
        return granted;
    if (want > possible)
        want = possible;
    return want > granted ? want : granted;
}

/* As many workers as the lease was certified for. */
static uint32_t certified_workers(const wr_sorter_plan *plan, const wr_exec *exec,
                                  const wr_lease *lease)
{
    uint32_t workers = exec->worker_count;

    while (workers > 1 && wr_sorter_lease_min(plan, exec, workers) >
                              (uint64_t)lease->pages_min * exec->page_bytes)
        workers--;
    return workers;
}

/* ---- Init, release --------------------------------------------------------------------------- */

static wr_status take_table(wr_sorter *sorter, wr_error *err)
{
    uint64_t bytes;

    sorter->run_pages = table_pages_of(sorter->exec, sorter->workers_max);
    sorter->runs = wr_lease_take(sorter->lease, sorter->run_pages);
    if (!sorter->runs)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory for the table of sorted runs",
                        sorter->lease->name);
    bytes = (uint64_t)sorter->run_pages * sorter->exec->page_bytes;
    sorter->run_capacity = (uint32_t)(bytes / sizeof(wr_sort_run));
    memset(sorter->runs, 0, bytes);
    return WR_OK;
}

static wr_status take_reserves(wr_sorter *sorter, wr_error *err)
{
    uint32_t pages = WR_SORT_RESERVE_PAGES * wr_sorter_page_pages(sorter);

    while (sorter->reserve_count < sorter->workers_max) {
        uint8_t *reserve = wr_lease_take(sorter->lease, pages);

        if (!reserve)
            return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory for sorting", sorter->lease->name);
        sorter->reserves[sorter->reserve_count++] = reserve;
    }
    return WR_OK;
}

static wr_status make_keys(wr_sorter *sorter, wr_error *err)
{
    const wr_sorter_plan *plan = &sorter->plan;

    WR_TRY(wr_row_layout_init(&sorter->layout, plan->types, plan->column_count, 0, NULL,
                              wr_row_bytes_max(sorter->spill_bytes_min), &sorter->bump, err));
    WR_TRY(wr_sortkey_init(&sorter->key, &sorter->layout, plan->keys, plan->key_count,
                           &sorter->bump, err));
    WR_TRY(wr_sortkey_init(&sorter->boundary_key, &sorter->layout, plan->keys, plan->key_count,
                           &sorter->bump, err));
    wr_sortkey_assume_all(&sorter->boundary_key);
    if (sorter->rows_needed == UINT64_MAX || sorter->rows_needed == 0 || plan->key_count == 0 ||
        plan->top.rank_max > 0)
        return WR_OK;
    sorter->cut = WR_BUMP_NEW(&sorter->bump, wr_sort_cut, err);
    if (!sorter->cut)
        return WR_NO_MEMORY;
    wr_sort_cut_init(sorter->cut, sorter->rows_needed);
    return WR_OK;
}

wr_status wr_sorter_init(wr_sorter *sorter, const wr_sorter_plan *plan, wr_exec *exec,
                         wr_lease *lease, wr_error *err)
{
    uint64_t skipped = plan->rows_skipped;

    *sorter = (wr_sorter){
        .plan = *plan,
        .rows_needed = plan->rows_max > UINT64_MAX - skipped ? UINT64_MAX : plan->rows_max + skipped,
        .exec = exec,
        .lease = lease,
        .page_bytes = wr_sorter_page_bytes(plan, exec),
        .spill_bytes_min = spill_bytes_min_of(plan, exec),
        .workers_max = certified_workers(plan, exec, lease),
        .is_open = true,
    };
    wr_mutex_init(&sorter->mutex);
    wr_bump_init(&sorter->bump, lease);
    WR_TRY(make_keys(sorter, err));
    sorter->buffers = WR_BUMP_NEW_ARRAY(&sorter->bump, wr_sort_buffer, sorter->workers_max, err);
    sorter->reserves = WR_BUMP_NEW_ARRAY(&sorter->bump, uint8_t *, sorter->workers_max, err);
    sorter->idle_keys = WR_BUMP_NEW_ARRAY(&sorter->bump, wr_sortkey, sorter->workers_max, err);
    if (!sorter->buffers || !sorter->reserves || !sorter->idle_keys)
        return WR_NO_MEMORY;
    WR_TRY(take_reserves(sorter, err));
    WR_TRY(take_table(sorter, err));
    sorter->shared_pages = lease->pages_used - sorter->workers_max * WR_SORT_RESERVE_PAGES *
                                                   wr_sorter_page_pages(sorter);
    return WR_OK;
}

static void release_buffer(wr_sorter *sorter, wr_sort_buffer *buffer)
{
    wr_sort_buffer_reset(sorter, buffer);
    if (buffer->reserve)
        wr_sorter_give_reserve(sorter, buffer->reserve);
    *buffer = (wr_sort_buffer){0};
}

static void give_reserves(wr_sorter *sorter)
{
    while (sorter->reserve_count > 0)
        wr_sorter_give_reserve(sorter, sorter->reserves[--sorter->reserve_count]);
}

void wr_sorter_release(wr_sorter *sorter)
{
    if (!sorter->is_open)
        return;
    wr_sorter_read_close(sorter);
    for (uint32_t i = 0; i < sorter->buffer_count; i++)
        release_buffer(sorter, &sorter->buffers[i]);
    give_reserves(sorter);
    for (uint32_t i = 0; sorter->runs && i < sorter->run_capacity; i++) {
        if (sorter->runs[i].state != WR_RUN_FREE)
            wr_spill_stream_release(&sorter->runs[i].stream);
    }
    if (sorter->runs)
        wr_lease_give(sorter->lease, sorter->runs, sorter->run_pages);
    if (sorter->cut)
        wr_sort_cut_release(sorter->cut);
    wr_bump_release(&sorter->bump);
    wr_mutex_release(&sorter->mutex);
    sorter->is_open = false;
}

/* ---- Runs ------------------------------------------------------------------------------------ */

/* Bytes of all rows that will come, from how much of the input was read for those that came. */
static double expected_bytes(const wr_sorter *sorter, double run_bytes)
{
    double so_far = (double)sorter->spilled_bytes + run_bytes;
    double read = (double)sorter->exec->bytes_in, total = (double)sorter->exec->bytes_total;

    return read > 0 && total > read ? so_far * total / read : so_far * GROWTH_UNKNOWN;
}

uint32_t wr_sorter_choose_spill_bytes(const wr_sorter *sorter)
{
    double   lease = (double)wr_sorter_pages_available(sorter) * sorter->exec->page_bytes;
    double   run = lease / sorter->workers_max;
    double   page = run * lease / expected_bytes(sorter, run);
    uint32_t most = sorter->page_bytes;

    if (page < sorter->spill_bytes_min)
        page = sorter->spill_bytes_min;
    return wr_spill_block_bytes_even(page < most ? (uint32_t)page : most);
}

wr_sort_run *wr_sorter_add_run(wr_sorter *sorter)
{
    wr_sort_run *run = sorter->runs;

    WR_LOCKED(&sorter->mutex);
    wr_assert(sorter->run_count < sorter->run_capacity, "runs are merged before their table is full");
    while (run->state != WR_RUN_FREE)
        run++;
    *run = (wr_sort_run){.state = WR_RUN_OPEN};
    wr_spill_stream_init(&run->stream, sorter->exec->spill);
    sorter->run_count++;
    return run;
}

void wr_sorter_close_run(wr_sorter *sorter, wr_sort_run *run)
{
    WR_LOCKED(&sorter->mutex);
    run->state = WR_RUN_CLOSED;
}

bool wr_sorter_is_crowded(wr_sorter *sorter)
{
    WR_LOCKED(&sorter->mutex);
    return sorter->run_count + 2 * sorter->workers_max >= sorter->run_capacity;
}

/* ---- Merging runs into one ------------------------------------------------------------------- */

static wr_sort_run *smallest_closed(wr_sorter *sorter)
{
    wr_sort_run *smallest = NULL;

    for (uint32_t i = 0; i < sorter->run_capacity; i++) {
        wr_sort_run *run = &sorter->runs[i];

        if (run->state == WR_RUN_CLOSED &&
            (!smallest || run->stream.raw_bytes < smallest->stream.raw_bytes))
            smallest = run;
    }
    return smallest;
}

/* How many closed runs a merge in `space_bytes` takes, with a page for the output; a wide one leaves
 * room for spare pages. */
static uint32_t fan_in_of(wr_sorter *sorter, uint64_t space_bytes, uint32_t runs_max,
                          uint32_t *out_page_bytes, uint32_t *out_spares)
{
    uint32_t page_bytes = 0, closed = 0;
    uint64_t fan_in;

    for (uint32_t i = 0; i < sorter->run_capacity; i++) {
        const wr_sort_run *run = &sorter->runs[i];

        if (run->state != WR_RUN_CLOSED)
            continue;
        closed++;
        if (run->page_bytes > page_bytes)
            page_bytes = run->page_bytes;
    }
    *out_page_bytes = page_bytes;
    fan_in = (space_bytes - sorter->page_bytes) / (page_bytes + wr_merge_bytes(1));
    *out_spares = fan_in >= 4 * SPARES ? SPARES : 0;
    fan_in -= *out_spares;
    if (fan_in > runs_max)
        fan_in = runs_max;
    return fan_in < closed ? (uint32_t)fan_in : closed;
}

static wr_status write_merged(wr_sorter *sorter, wr_merge *merge, wr_row_page *page,
                              uint32_t page_bytes, wr_spill_writer *writer, wr_error *err)
{
    uint64_t left = sorter->rows_needed;

    WR_TRY(wr_merge_start(merge, err));
    while (left > 0 && !wr_merge_is_done(merge)) {
        uint64_t count;

        if (wr_exec_is_cancelled(sorter->exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled while merging sorted runs");
        wr_row_page_init(page);
        WR_TRY(wr_merge_copy(merge, page, page_bytes, left, &count, err));
        if (count > 0) /* none of the last rows may have been wanted */
            WR_TRY(wr_spill_writer_append(writer, page, page->used_bytes, err));
        left -= count;
    }
    return WR_OK;
}

wr_status wr_sorter_merge_runs(wr_sorter *sorter, wr_sortkey *key, uint32_t runs_max,
                               uint8_t *space, uint64_t space_bytes, uint32_t *out_merged,
                               wr_error *err)
{
    wr_row_page *output = (wr_row_page *)(space + space_bytes - sorter->page_bytes);
    wr_sort_run *first = NULL, target = {.state = WR_RUN_CLOSED};
    wr_spill_writer writer;
    wr_merge     merge;
    wr_sort_top  top = {.layout = &sorter->layout, .plan = &sorter->plan.top};
    uint32_t     fan_in, page_bytes, spares;
    uint8_t     *pages;
    uint64_t     bytes = 0;
    wr_status    status, closed;

    *out_merged = 0;
    wr_mutex_lock(&sorter->mutex);
    fan_in = fan_in_of(sorter, space_bytes, runs_max, &page_bytes, &spares);
    if (fan_in < 2) {
        wr_mutex_unlock(&sorter->mutex);
        return WR_OK;
    }
    wr_sortkey_merge(key, &sorter->key); /* whoever closed a run has left its facts there */
    wr_merge_init(&merge, key, fan_in, space);
    merge.top = sorter->plan.top.rank_max ? &top : NULL;
    pages = space + wr_merge_bytes(fan_in);
    for (uint32_t i = 0; i < fan_in; i++) {
        wr_sort_run *run = smallest_closed(sorter);

        run->state = WR_RUN_MERGED;
        bytes += run->stream.raw_bytes;
        first = i == 0 ? run : first;
        wr_merge_add_run(&merge, &run->stream, true, pages + (size_t)i * page_bytes, page_bytes,
                         page_bytes);
    }
    for (uint32_t i = 0; i < spares; i++)
        wr_merge_add_spare(&merge, pages + (size_t)(fan_in + i) * page_bytes);
    wr_mutex_unlock(&sorter->mutex);

    wr_spill_stream_init(&target.stream, sorter->exec->spill);
    target.page_bytes = wr_sorter_choose_spill_bytes(sorter);
    status = wr_spill_writer_open(&writer, &target.stream, bytes, err);
    if (status == WR_OK) {
        status = write_merged(sorter, &merge, output, target.page_bytes, &writer, err);
        closed = wr_spill_writer_close(&writer, status == WR_OK ? err : NULL);
        status = status == WR_OK ? closed : status;
    }

    wr_merge_release(&merge);
    wr_mutex_lock(&sorter->mutex);
    for (uint32_t i = 0; i < fan_in; i++) {
        wr_sort_run *run = (wr_sort_run *)(void *)merge.inputs[i].cursor.stream;

        wr_spill_stream_release(&run->stream);
        run->state = WR_RUN_FREE;
    }
    *first = target;
    sorter->run_count -= fan_in - 1;
    wr_mutex_unlock(&sorter->mutex);
    *out_merged = fan_in;
    return status;
}

_Static_assert(offsetof(wr_sort_run, stream) == 0, "a run is found by its stream");

/* ---- What stays in memory -------------------------------------------------------------------- */

wr_status wr_sorter_spill_buffer(wr_sorter *sorter, bool *out_spilled, wr_error *err)
{
    wr_sort_buffer *largest = NULL, *last;
    wr_sort_run    *run;

    for (uint32_t i = 0; i < sorter->buffer_count; i++) {
        if (!largest || sorter->buffers[i].row_bytes > largest->row_bytes)
            largest = &sorter->buffers[i];
    }
    *out_spilled = largest != NULL;
    if (!largest)
        return WR_OK;
    run = wr_sorter_add_run(sorter);
    WR_TRY(wr_sort_buffer_spill(sorter, largest, run, err));
    wr_sorter_close_run(sorter, run);
    release_buffer(sorter, largest);
    last = &sorter->buffers[--sorter->buffer_count];
    if (last != largest)
        *largest = *last;
    *last = (wr_sort_buffer){0};
    return WR_OK;
}

/* Bytes for reading everything in one merge with a page an input, next to what is in memory. */
static uint64_t merge_bytes_wanted(const wr_sorter *sorter)
{
    uint32_t pages_in_reserve = WR_SORT_RESERVE_PAGES * wr_sorter_page_pages(sorter);
    uint64_t bytes = wr_sorter_read_lease_min(&sorter->plan, sorter->exec, sorter->workers_max);

    for (uint32_t i = 0; i < sorter->run_capacity; i++)
        bytes += sorter->runs[i].state != WR_RUN_FREE ? sorter->runs[i].page_bytes : 0;
    for (uint32_t i = 0; i < sorter->buffer_count; i++)
        bytes += (uint64_t)(sorter->buffers[i].used_pages + pages_in_reserve) *
                 sorter->exec->page_bytes;
    return bytes + wr_merge_bytes(sorter->run_count + sorter->buffer_count);
}

wr_status wr_sorter_finish(wr_sorter *sorter, wr_error *err)
{
    bool spilled = true;

    give_reserves(sorter);
    while (sorter->run_count > 0 && spilled &&
           merge_bytes_wanted(sorter) >
               wr_sorter_pages_available(sorter) * sorter->exec->page_bytes)
        WR_TRY(wr_sorter_spill_buffer(sorter, &spilled, err));
    return WR_OK;
}

wr_status wr_sorter_reclaim(wr_sorter *sorter, wr_error *err)
{
    bool spilled = true;

    while (spilled)
        WR_TRY(wr_sorter_spill_buffer(sorter, &spilled, err));
    return WR_OK;
}
