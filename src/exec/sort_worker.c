/* exec/sort_worker.c — one worker's half of the sorter: filling a buffer, sorting, spilling runs. */
#include <string.h>

#include "base/bits.h"
#include "base/fault.h"
#include "exec/sorter.h"

enum {
    RESERVE_ROW_PAGES = 2,    /* then one of addresses, then the spill page            */
    RESERVE_ENTRIES = 2,
    RESERVE_SPILL = 3,
    BUFFER_ROWS_MIN = 8192,   /* a top-N buffer is cut when it has twice the rows needed, */
};                            /* but not before it has so many                         */

/* ---- Buffer ---------------------------------------------------------------------------------- */

static bool is_in_reserve(const wr_sorter *sorter, const wr_sort_buffer *buffer, const void *page)
{
    const uint8_t *at = page;

    return at >= buffer->reserve &&
           at < buffer->reserve + (size_t)WR_SORT_RESERVE_PAGES * sorter->page_bytes;
}

static void give_page(wr_sorter *sorter, wr_sort_buffer *buffer, wr_row_page *page)
{
    uint32_t pages = wr_sorter_page_pages(sorter);

    if (is_in_reserve(sorter, buffer, page))
        return;
    wr_lease_give(sorter->lease, page, pages);
    buffer->used_pages -= pages;
}

void wr_sort_buffer_reset(wr_sorter *sorter, wr_sort_buffer *buffer)
{
    for (wr_row_page *page = buffer->first, *next; page; page = next) {
        next = page->next;
        give_page(sorter, buffer, page);
    }
    if (buffer->entry_pages > 0)
        wr_lease_give(sorter->lease, buffer->entries, buffer->entry_pages);
    *buffer = (wr_sort_buffer){.reserve = buffer->reserve};
}

/* Arena pages beyond its reserve that one worker may use: an equal part. */
static uint64_t fair_pages(const wr_sorter *sorter)
{
    uint64_t available = wr_sorter_pages_available(sorter);
    uint64_t fixed = sorter->shared_pages + sorter->group_pages + (uint64_t)sorter->workers_max * WR_SORT_RESERVE_PAGES *
                                                wr_sorter_page_pages(sorter);

    return available > fixed ? (available - fixed) / sorter->workers_open : 0;
}

/* The array of addresses cannot grow, so it is made for as many rows of this size as will fit. */
static void begin_buffer(wr_sorter *sorter, wr_sort_buffer *buffer, uint64_t row_bytes)
{
    uint32_t page_bytes = sorter->exec->page_bytes;
    uint32_t reserved = wr_sorter_page_pages(sorter);
    uint64_t bytes = fair_pages(sorter) * page_bytes;
    uint64_t rows = bytes / (row_bytes + sizeof(wr_sort_entry)) + 1;
    uint32_t pages = wr_pages_for(rows * sizeof(wr_sort_entry), page_bytes);

    for (; pages > reserved; pages /= 2) {
        buffer->entries = wr_lease_try(sorter->lease, pages);
        if (!buffer->entries)
            continue;
        buffer->entry_pages = buffer->used_pages = pages;
        buffer->entry_capacity = (size_t)pages * page_bytes / sizeof(wr_sort_entry);
        return;
    }
    buffer->entries = (void *)(buffer->reserve + (size_t)RESERVE_ENTRIES * sorter->page_bytes);
    buffer->entry_capacity = sorter->page_bytes / sizeof(wr_sort_entry);
}

static bool add_page(wr_sorter *sorter, wr_sort_buffer *buffer)
{
    uint32_t     pages = wr_sorter_page_pages(sorter);
    wr_row_page *page = NULL;

    if (buffer->reserve_rows < RESERVE_ROW_PAGES) {
        page = (void *)(buffer->reserve + (size_t)buffer->reserve_rows++ * sorter->page_bytes);
    } else if (buffer->used_pages + pages <= fair_pages(sorter)) {
        page = wr_lease_try(sorter->lease, pages);
        buffer->used_pages += page ? pages : 0;
    }
    if (!page)
        return false;
    wr_row_page_init(page);
    if (buffer->last)
        buffer->last->next = page;
    else
        buffer->first = page;
    buffer->last = page;
    return true;
}

/* Space for as many of `count` rows as the buffer takes. */
static uint32_t reserve_rows(wr_sorter *sorter, wr_sort_buffer *buffer, const uint32_t *bytes,
                             uint32_t count, uint8_t **rows)
{
    size_t   left = buffer->entry_capacity - buffer->entry_count;
    uint32_t done = 0;

    if (count > left)
        count = (uint32_t)left;
    while (done < count) {
        uint32_t before, now;

        if (!buffer->last && !add_page(sorter, buffer))
            break;
        before = buffer->last->used_bytes;
        now = wr_row_page_reserve(buffer->last, sorter->page_bytes, bytes + done, count - done,
                                  rows + done);
        buffer->row_bytes += buffer->last->used_bytes - before;
        done += now;
        if (done < count && !add_page(sorter, buffer))
            break;
    }
    for (uint32_t i = 0; i < done; i++)
        buffer->entries[buffer->entry_count++].row = (uintptr_t)rows[i];
    return done;
}

/* ---- Spilling -------------------------------------------------------------------------------- */

static wr_status write_sorted(wr_sorter *sorter, wr_sort_buffer *buffer, uint32_t page_bytes,
                            wr_spill_writer *writer, wr_error *err)
{
    wr_row_page *page = (void *)(buffer->reserve + (size_t)RESERVE_SPILL * sorter->page_bytes);

    wr_row_page_init(page);
    for (size_t i = 0; i < buffer->entry_count; i++) {
        const uint8_t *row = wr_sort_entry_row(&buffer->entries[i]);
        uint32_t       bytes = wr_row_bytes(row);

        wr_sort_entry_fetch(buffer->entries, i, buffer->entry_count);
        if (bytes > page_bytes - page->used_bytes) {
            if (wr_exec_is_cancelled(sorter->exec))
                return WR_RAISE(err, WR_CANCELLED, "cancelled while spilling a sorted run");
            WR_TRY(wr_spill_writer_append(writer, page, page->used_bytes, err));
            wr_row_page_init(page);
        }
        memcpy((uint8_t *)page + page->used_bytes, row, bytes);
        page->used_bytes += bytes;
        page->row_count++;
    }
    return page->row_count > 0 ? wr_spill_writer_append(writer, page, page->used_bytes, err) : WR_OK;
}

wr_status wr_sort_buffer_spill(wr_sorter *sorter, wr_sort_buffer *buffer, wr_sort_run *run,
                               wr_error *err)
{
    uint32_t        page_bytes = wr_sorter_choose_spill_bytes(sorter);
    wr_spill_writer writer;
    wr_status       status, closed;

    if (page_bytes > run->page_bytes)
        run->page_bytes = page_bytes;
    WR_TRY(wr_spill_writer_open(&writer, &run->stream, buffer->row_bytes, err));
    status = write_sorted(sorter, buffer, page_bytes, &writer, err);
    closed = wr_spill_writer_close(&writer, status == WR_OK ? err : NULL);
    WR_TRY(status);
    sorter->spilled_bytes += buffer->row_bytes;
    return closed;
}

/* Does the buffer begin where the worker's last run ends, or behind it? A tie that bytes cannot
 * decide counts as no. */
static bool continues_run(const wr_sorter_worker *worker, const uint8_t *first_row)
{
    const wr_sortkey *key = &worker->sorter->boundary_key;
    uint8_t           bytes[WR_SORTKEY_ROOM_BYTES];
    uint32_t          length;
    int               order;

    if (!worker->run)
        return false;
    length = wr_sortkey_encode(key, first_row, key->bytes_max, bytes);
    order = memcmp(worker->run_end, bytes, key->bytes_max);
    return order < 0 || (order == 0 && length <= key->bytes_max &&
                         worker->run_end_length <= key->bytes_max);
}

static void close_run(wr_sorter_worker *worker)
{
    if (worker->run)
        wr_sorter_close_run(worker->sorter, worker->run);
    worker->run = NULL;
}

/* Learn what other workers know, and let them know. */
static void share_facts(wr_sorter_worker *worker)
{
    WR_LOCKED(&worker->sorter->mutex);
    wr_sortkey_merge(&worker->sorter->key, &worker->key);
    wr_sortkey_merge(&worker->key, &worker->sorter->key);
}

/* The worker's pages are free: merge small runs until the table has room again. Half of the runs at
 * most, so that the large ones of earlier merges are left alone. */
static wr_status thin_runs(wr_sorter_worker *worker, wr_error *err)
{
    wr_sorter *sorter = worker->sorter;
    uint32_t   pages = (uint32_t)fair_pages(sorter), merged = 1;
    uint64_t   reserve_bytes = (uint64_t)WR_SORT_RESERVE_PAGES * sorter->page_bytes;
    uint8_t   *space = NULL;
    wr_status  status = WR_OK;

    close_run(worker);
    share_facts(worker);
    for (; !space && (uint64_t)pages * sorter->exec->page_bytes > reserve_bytes; pages /= 2) {
        space = wr_lease_try(sorter->lease, pages);
        if (space)
            break;
    }
    while (status == WR_OK && merged > 0 && wr_sorter_is_crowded(sorter)) {
        if (space)
            status = wr_sorter_merge_runs(sorter, &worker->key, sorter->run_capacity / 2, space,
                                          (uint64_t)pages * sorter->exec->page_bytes, &merged, err);
        else
            status = wr_sorter_merge_runs(sorter, &worker->key, sorter->run_capacity / 2,
                                          worker->buffer.reserve, reserve_bytes, &merged, err);
    }
    if (space)
        wr_lease_give(sorter->lease, space, pages);
    return status;
}

/* The memory was full: rows that come are worth a look, and half of the memory, before they go in. */
static void begin_groups(wr_sorter_worker *worker)
{
    wr_sorter *sorter = worker->sorter;
    uint32_t   pages = (uint32_t)(fair_pages(sorter) / 2);
    void      *space;

    if (worker->has_tried || !wr_group_bounds_fit(&sorter->plan.top, &worker->key))
        return;
    worker->has_tried = true;
    space = pages > 0 ? wr_lease_try(sorter->lease, pages) : NULL;
    if (!space)
        return;
    sorter->group_pages += pages;
    wr_group_bounds_init(&worker->groups, &sorter->plan.top, space, pages,
                         (uint64_t)pages * sorter->exec->page_bytes);
}

static void end_groups(wr_sorter_worker *worker)
{
    wr_sorter *sorter = worker->sorter;

    if (!worker->groups.slots)
        return;
    wr_lease_give(sorter->lease, worker->groups.slots, worker->groups.pages);
    sorter->group_pages -= worker->groups.pages;
    worker->groups = (wr_group_bounds){0};
}

static wr_status spill_buffer(wr_sorter_worker *worker, wr_error *err)
{
    wr_sorter        *sorter = worker->sorter;
    wr_sort_buffer   *buffer = &worker->buffer;
    const wr_sortkey *boundary = &sorter->boundary_key;

    if (buffer->entry_count == 0) {
        wr_sort_buffer_reset(sorter, buffer); /* all its rows may have been cut off */
        return WR_OK;
    }
    if (!continues_run(worker, wr_sort_entry_row(&buffer->entries[0]))) {
        close_run(worker);
        worker->run = wr_sorter_add_run(sorter);
    }
    share_facts(worker);
    worker->run_end_length =
        wr_sortkey_encode(boundary, wr_sort_entry_row(&buffer->entries[buffer->entry_count - 1]),
                          boundary->bytes_max, worker->run_end);
    WR_TRY(wr_sort_buffer_spill(sorter, buffer, worker->run, err));
    wr_sort_buffer_reset(sorter, buffer);
    begin_groups(worker);
    return wr_sorter_is_crowded(sorter) ? thin_runs(worker, err) : WR_OK;
}

/* ---- The first rows only --------------------------------------------------------------------- */

/* The buffer is in order: drop the rows that are not among the first. */
static void cut_buffer(wr_sorter_worker *worker)
{
    wr_sort_buffer *buffer = &worker->buffer;
    wr_sorter      *sorter = worker->sorter;

    if (sorter->cut && buffer->entry_count > 0)
        buffer->entry_count = wr_sort_cut_tell(sorter->cut, &worker->key, buffer->entries,
                                               buffer->entry_count, &buffer->teller);
    else if (buffer->entry_count > sorter->rows_needed)
        buffer->entry_count = (size_t)sorter->rows_needed;
}

/* Rows of a sorted buffer that are not wanted of their group. */
static wr_status cut_groups(wr_sorter_worker *worker, wr_error *err)
{
    const wr_sorter *sorter = worker->sorter;
    wr_sort_buffer  *buffer = &worker->buffer;
    wr_sort_top      top = {.layout = &sorter->layout, .plan = &sorter->plan.top};
    size_t           kept = 0;

    if (sorter->plan.top.rank_max == 0)
        return WR_OK;
    for (size_t i = 0; i < buffer->entry_count; i++) {
        const uint8_t *row = wr_sort_entry_row(&buffer->entries[i]);
        bool           keep;

        wr_sort_entry_fetch(buffer->entries, i, buffer->entry_count);
        WR_TRY(wr_sort_top_take(&top, row, &keep, err));
        if (keep) {
            buffer->entries[kept++] = buffer->entries[i];
            top.kept = row;
        }
    }
    buffer->entry_count = kept;
    return WR_OK;
}

/* Bytes of the rows that are left after cutting. */
static uint64_t entry_bytes(const wr_sort_buffer *buffer)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < buffer->entry_count; i++)
        bytes += wr_row_bytes(wr_sort_entry_row(&buffer->entries[i]));
    return bytes;
}

/* First entry, in order of addresses, at or behind `address`. */
static size_t find_entry(const wr_sort_buffer *buffer, uintptr_t address)
{
    size_t low = 0, high = buffer->entry_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (buffer->entries[middle].row < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Slide the rows that are left to the front of the pages and give back the pages behind. In order of
 * writing, so no row moves over one that is still to move. */
static void compact_buffer(wr_sorter *sorter, wr_sort_buffer *buffer)
{
    wr_row_page *target = buffer->first;
    uint32_t     used = sizeof *target, rows = 0;

    for (size_t i = 0; i < buffer->entry_count; i++)
        buffer->entries[i].prefix = buffer->entries[i].row;
    wr_sort_by_prefix(buffer->entries, buffer->entry_count);
    buffer->row_bytes = 0;
    for (wr_row_page *page = buffer->first; page; page = page->next) {
        size_t at = find_entry(buffer, (uintptr_t)page);

        for (; at < buffer->entry_count &&
               buffer->entries[at].row < (uintptr_t)page + sorter->page_bytes;
             at++) {
            const uint8_t *row = wr_sort_entry_row(&buffer->entries[at]);
            uint32_t       bytes = wr_row_bytes(row);

            if (bytes > sorter->page_bytes - used) {
                target->used_bytes = used;
                target->row_count = rows;
                target = target->next;
                used = sizeof *target;
                rows = 0;
            }
            memmove((uint8_t *)target + used, row, bytes);
            buffer->entries[at].prefix = (uintptr_t)target + used;
            buffer->row_bytes += bytes;
            used += bytes;
            rows++;
        }
    }
    for (size_t i = 0; i < buffer->entry_count; i++)
        buffer->entries[i].row = (uintptr_t)buffer->entries[i].prefix;
    target->used_bytes = used;
    target->row_count = rows;
    buffer->last = target;
    for (wr_row_page *page = target->next, *next; page; page = next) {
        next = page->next;
        if (is_in_reserve(sorter, buffer, page))
            buffer->reserve_rows--;
        give_page(sorter, buffer, page);
    }
    target->next = NULL;
}

/* The buffer is full (or has rows enough to be cut): make room. */
static wr_status make_room(wr_sorter_worker *worker, bool must_spill, wr_error *err)
{
    wr_sorter      *sorter = worker->sorter;
    wr_sort_buffer *buffer = &worker->buffer;

    WR_TRY(wr_sort_rows(&worker->key, buffer->entries, buffer->entry_count, err));
    WR_TRY(cut_groups(worker, err));
    if (sorter->rows_needed != UINT64_MAX || sorter->plan.top.rank_max > 0) {
        cut_buffer(worker);
        if (!must_spill && buffer->entry_count <= buffer->entry_capacity / 2 &&
            entry_bytes(buffer) <= buffer->row_bytes / 2) {
            compact_buffer(sorter, buffer);
            return WR_OK;
        }
        buffer->row_bytes = entry_bytes(buffer);
    }
    return spill_buffer(worker, err);
}

static bool is_worth_cutting(const wr_sorter_worker *worker)
{
    uint64_t needed = worker->sorter->rows_needed;
    size_t   count = worker->buffer.entry_count;

    return needed != UINT64_MAX && count >= BUFFER_ROWS_MIN && count / 2 >= needed;
}

/* ---- Worker ---------------------------------------------------------------------------------- */

/* A worker of a later step that feeds the sorter, too, goes on with what one before it has left. */
wr_status wr_sorter_worker_open(wr_sorter_worker *worker, wr_sorter *sorter, wr_error *err)
{
    WR_LOCKED(&sorter->mutex);
    *worker = (wr_sorter_worker){.sorter = sorter};
    if (sorter->idle_count > 0) {
        worker->key = sorter->idle_keys[--sorter->idle_count];
        wr_sortkey_merge(&worker->key, &sorter->key);
    } else {
        WR_TRY(wr_sortkey_init(&worker->key, &sorter->layout, sorter->plan.keys,
                               sorter->plan.key_count, &sorter->bump, err));
        sorter->workers_open++;
    }
    wr_assert(sorter->reserve_count + sorter->buffer_count > 0,
              "a sorter has a reserve for every worker of its step");
    if (sorter->reserve_count > 0)
        worker->buffer.reserve = sorter->reserves[--sorter->reserve_count];
    else
        worker->buffer = sorter->buffers[--sorter->buffer_count];
    return WR_OK;
}

void wr_sorter_worker_close(wr_sorter_worker *worker)
{
    wr_sorter *sorter = worker->sorter;

    if (!sorter)
        return;
    close_run(worker);
    end_groups(worker);
    wr_sort_buffer_reset(sorter, &worker->buffer);
    worker->sorter = NULL;
    WR_LOCKED(&sorter->mutex);
    if (worker->buffer.reserve)
        sorter->reserves[sorter->reserve_count++] = worker->buffer.reserve;
    sorter->idle_keys[sorter->idle_count++] = worker->key;
}

static uint64_t mean_bytes(const uint32_t *bytes, uint32_t count)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++)
        sum += bytes[i];
    return sum / count;
}

/* Write rows first .. of the selection; returns how many the buffer took. */
static wr_status write_rows(wr_sorter_worker *worker, const wr_batch *batch,
                            const wr_selection *selection, const uint32_t *bytes, uint32_t first,
                            uint32_t *out_count, wr_error *err)
{
    wr_sorter *sorter = worker->sorter;
    uint8_t   *rows[WR_BATCH_ROWS_MAX];
    uint32_t   count = selection->row_count - first;

    if (worker->buffer.entry_capacity == 0)
        begin_buffer(sorter, &worker->buffer, mean_bytes(bytes + first, count));
    count = reserve_rows(sorter, &worker->buffer, bytes + first, count, rows);
    if (count > 0) {
        WR_TRY(wr_row_write(&sorter->layout, batch->columns, selection, first, count, rows,
                            sorter->exec->spill, err));
        wr_sortkey_observe(&worker->key, (const uint8_t *const *)rows, count);
    }
    *out_count = count;
    return WR_OK;
}

wr_status wr_sorter_add(wr_sorter_worker *worker, const wr_batch *batch, wr_error *err)
{
    wr_sorter   *sorter = worker->sorter;
    wr_selection selection = batch->selection;
    uint16_t     kept[WR_BATCH_ROWS_MAX];
    uint32_t     bytes[WR_BATCH_ROWS_MAX];

    if (selection.row_count == 0 || sorter->rows_needed == 0)
        return WR_OK;
    if (sorter->cut && wr_sort_cut_bound(sorter->cut, &worker->bound_version, &worker->bound)) {
        const wr_vector *vector = &batch->columns[worker->key.columns[0].column];

        selection.row_count =
            wr_sortkey_select(&worker->key, &worker->bound, vector, &batch->selection, kept);
        selection.rows = kept;
    }
    if (worker->groups.slots) {
        selection.row_count = wr_group_bounds_select(&worker->groups, &worker->key, batch->columns,
                                                     &batch->selection, kept);
        selection.rows = kept;
        if (wr_group_bounds_is_useless(&worker->groups))
            end_groups(worker);
    }
    wr_row_measure(&sorter->layout, batch->columns, &selection, bytes);
    for (uint32_t first = 0; first < selection.row_count;) {
        uint32_t count;

        WR_TRY(write_rows(worker, batch, &selection, bytes, first, &count, err));
        first += count;
        if (first < selection.row_count)
            WR_TRY(make_room(worker, false, err));
    }
    if (wr_stress_get()->spill_always)
        return make_room(worker, true, err);
    return is_worth_cutting(worker) ? make_room(worker, false, err) : WR_OK;
}

wr_status wr_sorter_combine(wr_sorter_worker *worker, wr_error *err)
{
    wr_sorter      *sorter = worker->sorter;
    wr_sort_buffer *buffer = &worker->buffer;

    end_groups(worker);
    WR_TRY(wr_sort_rows(&worker->key, buffer->entries, buffer->entry_count, err));
    WR_TRY(cut_groups(worker, err));
    if (sorter->rows_needed != UINT64_MAX)
        cut_buffer(worker);
    close_run(worker);
    share_facts(worker);
    if (buffer->entry_count == 0)
        return WR_OK;
    WR_LOCKED(&sorter->mutex);
    sorter->buffers[sorter->buffer_count++] = *buffer;
    *buffer = (wr_sort_buffer){0};
    return WR_OK;
}
