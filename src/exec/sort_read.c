/* exec/sort_read.c — reading a sorter back: chunks of rows taken in turns, batches made of them.
 *
 * A chunk is rows in order: copied out of the merge into the reader's page, or a page of the only
 * run as it was spilled, or addresses of rows that are in memory. Taking one is the only part under
 * the lock; it costs what the merge costs. */
#include <string.h>

#include "base/bits.h"
#include "exec/sorter.h"

enum {
    CHUNK_BATCHES = 4, /* batches of a chunk of rows in memory                         */
    CHUNK_BYTES_MAX = 256 * 1024,
    BUFFER_BYTES_MAX = 256 * 1024, /* of one input of the merge                            */
    CHUNKS_SHARE = 32, /* all chunks get one part in so many of what is available      */
    FAN_IN_MIN = 2,
    SPARE_SHARE = 8,   /* readers take at most one part in so many for a spare one             */
};

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint64_t align(uint64_t bytes)
{
    return wr_round_up(bytes, 64);
}

static uint64_t column_bytes(wr_type type, uint32_t batch_rows)
{
    return align((uint64_t)batch_rows * wr_physical_bytes(wr_type_physical(type))) +
           align(wr_bit_words(batch_rows) * sizeof(uint64_t));
}

static uint64_t rows_bytes(uint32_t batch_rows)
{
    return align((uint64_t)CHUNK_BATCHES * batch_rows * sizeof(uint8_t *));
}

/* One reader's memory: chunk, addresses, columns twice (the batch's, and with their room), values.
 */
static uint64_t reader_bytes(const wr_sorter_plan *plan, const wr_exec *exec, uint32_t page_bytes)
{
    uint64_t bytes = page_bytes + rows_bytes(exec->batch_rows) +
                     2 * align(plan->output_count * sizeof(wr_vector));

    if (plan->by_page)
        return 0;
    for (uint32_t i = 0; i < plan->output_count; i++)
        bytes += column_bytes(plan->types[i], exec->batch_rows);
    return bytes;
}

static uint64_t reader_pages(const wr_sorter_plan *plan, const wr_exec *exec, uint32_t page_bytes)
{
    return wr_pages_for(reader_bytes(plan, exec, page_bytes), exec->page_bytes);
}

uint64_t wr_sorter_read_lease_min(const wr_sorter_plan *plan, const wr_exec *exec,
                                  uint32_t worker_count)
{
    uint32_t page_bytes = wr_sorter_page_bytes(plan, exec);
    uint64_t merge_bytes = wr_merge_bytes(FAN_IN_MIN) + 2 * (FAN_IN_MIN + 1) * page_bytes;

    return wr_sorter_resident_min(plan, exec) +
           (worker_count * reader_pages(plan, exec, page_bytes) +
            wr_pages_for(merge_bytes, exec->page_bytes)) *
               exec->page_bytes;
}

static uint32_t certified_readers(const wr_sorter *sorter)
{
    uint32_t workers = sorter->exec->worker_count;
    uint64_t bytes = (uint64_t)sorter->lease->pages_min * sorter->exec->page_bytes;

    while (workers > 1 && wr_sorter_read_lease_min(&sorter->plan, sorter->exec, workers) > bytes)
        workers--;
    return workers;
}

/* ---- Open ------------------------------------------------------------------------------------ */

/* Take `pages`; rows in memory are spilled if they are in the way. NULL: not even then. */
static void *take_pages(wr_sorter *sorter, uint32_t pages, wr_status *out_status, wr_error *err)
{
    bool spilled = true;

    *out_status = WR_OK;
    for (;;) {
        void *space = wr_lease_take(sorter->lease, pages);

        if (space || !spilled)
            return space;
        *out_status = wr_sorter_spill_buffer(sorter, &spilled, err);
        if (*out_status != WR_OK)
            return NULL;
    }
}

/* Large chunks keep workers out of each other's way; but first comes the merge. */
static uint32_t choose_chunk_bytes(const wr_sorter *sorter, uint32_t readers)
{
    uint64_t page_bytes = sorter->exec->page_bytes;
    uint64_t bytes = wr_sorter_pages_available(sorter) / (CHUNKS_SHARE * readers) * page_bytes;

    if (bytes > CHUNK_BYTES_MAX)
        bytes = CHUNK_BYTES_MAX;
    return bytes > sorter->page_bytes ? (uint32_t)bytes : sorter->page_bytes;
}

/* Readers that there is a wish for, if the memory is ample. */
static bool try_spare_reader(wr_sorter *sorter, uint32_t readers)
{
    uint64_t available = wr_sorter_pages_available(sorter), pages;

    if (!sorter->wants_spare_reader)
        return false;
    sorter->chunk_bytes = choose_chunk_bytes(sorter, readers + 1);
    pages = (readers + 1) * reader_pages(&sorter->plan, sorter->exec, sorter->chunk_bytes);
    if (pages > available / SPARE_SHARE)
        return false;
    sorter->local_pages = (uint32_t)pages;
    sorter->local_space = wr_lease_try(sorter->lease, sorter->local_pages);
    return sorter->local_space != NULL;
}

static wr_status take_locals(wr_sorter *sorter, wr_error *err)
{
    uint32_t readers = certified_readers(sorter);
    wr_status status;

    if (sorter->plan.by_page || try_spare_reader(sorter, readers))
        return WR_OK;
    sorter->chunk_bytes = choose_chunk_bytes(sorter, readers);
    sorter->local_pages =
        readers * (uint32_t)reader_pages(&sorter->plan, sorter->exec, sorter->chunk_bytes);
    sorter->local_space = take_pages(sorter, sorter->local_pages, &status, err);
    WR_TRY(status);
    if (!sorter->local_space)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory for reading sorted rows",
                        sorter->lease->name);
    return WR_OK;
}

static uint32_t largest_page(const wr_sorter *sorter)
{
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < sorter->run_capacity; i++) {
        if (sorter->runs[i].state != WR_RUN_FREE && sorter->runs[i].page_bytes > bytes)
            bytes = sorter->runs[i].page_bytes;
    }
    return bytes;
}

static uint32_t buffer_pages(const wr_sorter *sorter, uint64_t room, uint32_t buffers)
{
    uint64_t page_bytes = largest_page(sorter), most = BUFFER_BYTES_MAX / page_bytes;
    uint64_t pages = room / (buffers * page_bytes);

    if (pages > 1 && pages > most)
        pages = most > 1 ? most : 1;
    return (uint32_t)pages;
}

/* Room for a merge of everything with `spares` spare buffers; buffers of several pages if they fit.
 */
static bool try_merge_space(wr_sorter *sorter, uint32_t spares)
{
    uint64_t state = wr_merge_bytes(sorter->run_count + sorter->buffer_count);
    uint64_t room = wr_sorter_pages_available(sorter) * sorter->exec->page_bytes;
    uint32_t buffers = sorter->run_count + spares, pages = 0;

    if (room < state)
        return false;
    if (buffers > 0) {
        pages = buffer_pages(sorter, room - state, buffers);
        if (pages == 0)
            return false;
    }
    sorter->merge_space = NULL;
    for (;; pages /= 2) { /* what is free need not be in one piece */
        sorter->merge_buffer_bytes = pages * largest_page(sorter);
        sorter->merge_pages = wr_pages_for(state + (uint64_t)buffers * sorter->merge_buffer_bytes,
                                           sorter->exec->page_bytes);
        sorter->merge_space = wr_lease_try(sorter->lease, sorter->merge_pages);
        if (sorter->merge_space || pages <= 1)
            return sorter->merge_space != NULL;
    }
}

/* Too many runs for one merge: merge the smallest, as many as there is room for but no more than
 * needed. */
static wr_status merge_some(wr_sorter *sorter, wr_error *err)
{
    uint32_t page_bytes = sorter->exec->page_bytes, fan_in, merged;
    uint32_t least = wr_pages_for(
        wr_merge_bytes(FAN_IN_MIN) + (FAN_IN_MIN + 1) * (uint64_t)sorter->page_bytes, page_bytes);
    uint64_t pages = wr_sorter_pages_available(sorter);
    uint8_t *space = NULL;
    wr_status status;

    for (; !space; pages = pages / 4 * 3) {
        if (pages < least)
            pages = least;
        space = pages > least ? wr_lease_try(sorter->lease, (uint32_t)pages)
                              : wr_lease_take(sorter->lease, (uint32_t)pages);
        if (space)
            break;
        if (pages == least)
            return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory for merging sorted runs",
                            sorter->lease->name);
    }
    fan_in = (uint32_t)(pages * page_bytes / (largest_page(sorter) + wr_merge_bytes(1)));
    fan_in = sorter->run_count > fan_in ? sorter->run_count - fan_in + 1 : FAN_IN_MIN;
    status = wr_sorter_merge_runs(sorter, &sorter->key, fan_in < FAN_IN_MIN ? FAN_IN_MIN : fan_in,
                                  space, pages * page_bytes, &merged, err);
    wr_lease_give(sorter->lease, space, (uint32_t)pages);
    return status;
}

static wr_status start_merge(wr_sorter *sorter, uint32_t spares, wr_error *err)
{
    uint32_t page_bytes = largest_page(sorter), buffer_bytes = sorter->merge_buffer_bytes;
    uint32_t fan_in = sorter->run_count + sorter->buffer_count;
    uint8_t *buffer = sorter->merge_space + wr_merge_bytes(fan_in);

    wr_merge_init(&sorter->merge, &sorter->key, fan_in, sorter->merge_space);
    sorter->is_merging = true;
    for (uint32_t i = 0; i < sorter->run_capacity; i++) {
        wr_sort_run *run = &sorter->runs[i];

        if (run->state == WR_RUN_FREE)
            continue;
        wr_merge_add_run(&sorter->merge, &run->stream, !sorter->plan.keep, buffer, buffer_bytes,
                         page_bytes);
        buffer += buffer_bytes;
    }
    for (; spares > 0; spares--, buffer += buffer_bytes)
        wr_merge_add_spare(&sorter->merge, buffer);
    for (uint32_t i = 0; i < sorter->buffer_count; i++)
        wr_merge_add_entries(&sorter->merge, sorter->buffers[i].entries,
                             sorter->buffers[i].entry_count);
    return wr_merge_start(&sorter->merge, err);
}

wr_status wr_sorter_read_open(wr_sorter *sorter, wr_error *err)
{
    bool spilled;

    wr_sorter_read_close(sorter);
    sorter->is_reading = true;
    sorter->rows_to_skip = sorter->plan.rows_skipped;
    sorter->rows_left = sorter->plan.rows_max;
    sorter->next_source = 0;
    sorter->next_entry = 0;
    sorter->next_morsel = 0;
    sorter->next_position = 0;
    sorter->cursor = (wr_spill_cursor){0};
    WR_TRY(take_locals(sorter, err));
    while (sorter->plan.key_count > 0 && sorter->run_count + sorter->buffer_count > 1) {
        uint32_t spares =
            sorter->run_count < WR_MERGE_SPARES_MAX ? sorter->run_count : WR_MERGE_SPARES_MAX;

        if (try_merge_space(sorter, spares))
            return start_merge(sorter, spares, err);
        if (try_merge_space(sorter, 0))
            return start_merge(sorter, 0, err);
        WR_TRY(wr_sorter_spill_buffer(sorter, &spilled, err));
        if (!spilled)
            WR_TRY(merge_some(sorter, err));
    }
    return WR_OK;
}

void wr_sorter_read_close(wr_sorter *sorter)
{
    if (!sorter->is_reading)
        return;
    if (sorter->is_merging)
        wr_merge_release(&sorter->merge);
    if (sorter->merge_space)
        wr_lease_give(sorter->lease, sorter->merge_space, sorter->merge_pages);
    if (sorter->local_space)
        wr_lease_give(sorter->lease, sorter->local_space, sorter->local_pages);
    sorter->merge_space = sorter->local_space = NULL;
    sorter->locals_open = 0;
    sorter->is_merging = sorter->is_reading = false;
}

bool wr_sorter_has_reader(const wr_sorter *sorter)
{
    uint64_t pages = reader_pages(&sorter->plan, sorter->exec, sorter->chunk_bytes);

    return (sorter->locals_open + 1) * pages <= sorter->local_pages;
}

wr_status wr_sorter_reader_open(wr_sorter_reader *reader, wr_sorter *sorter, wr_error *err)
{
    const wr_sorter_plan *plan = &sorter->plan;
    uint32_t batch_rows = sorter->exec->batch_rows, index, columns = plan->output_count;
    uint64_t pages = reader_pages(plan, sorter->exec, sorter->chunk_bytes);
    uint8_t *next;

    wr_mutex_lock(&sorter->mutex);
    index = sorter->locals_open++;
    wr_mutex_unlock(&sorter->mutex);
    if ((index + 1) * pages > sorter->local_pages)
        return WR_RAISE(err, WR_BUG, "%s: more workers read than its lease was made for",
                        sorter->lease->name);
    next = sorter->local_space + (size_t)(index * pages) * sorter->exec->page_bytes;
    *reader = (wr_sorter_reader){.sorter = sorter, .chunk = (wr_row_page *)(void *)next};
    next += sorter->chunk_bytes;
    reader->rows = (const uint8_t **)(void *)next;
    next += rows_bytes(batch_rows);
    reader->columns = (wr_vector *)(void *)next;
    next += align(columns * sizeof(wr_vector));
    reader->room = (wr_vector *)(void *)next;
    next += align(columns * sizeof(wr_vector));
    for (uint32_t c = 0; c < columns; c++) {
        uint64_t value_bytes =
            align((uint64_t)batch_rows * wr_physical_bytes(wr_type_physical(plan->types[c])));

        reader->room[c] = (wr_vector){.type = plan->types[c],
                                      .encoding = WR_FLAT,
                                      .data = next,
                                      .valid = (uint64_t *)(void *)(next + value_bytes)};
        next += column_bytes(plan->types[c], batch_rows);
    }
    return WR_OK;
}

void wr_sorter_reader_close(wr_sorter_reader *reader)
{
    *reader = (wr_sorter_reader){0};
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

static void begin_page_chunk(wr_sorter_reader *reader, uint64_t row_count)
{
    reader->chunk_offset = 0;
    reader->row_next = reader->row_count = 0;
    reader->rows_left = row_count;
}

static wr_status take_merged(wr_sorter *sorter, wr_sorter_reader *reader, uint32_t batches,
                             wr_error *err)
{
    uint64_t count = (uint64_t)batches * sorter->exec->batch_rows, skipped;

    if (sorter->rows_to_skip > 0) {
        WR_TRY(wr_merge_take(&sorter->merge, sorter->rows_to_skip, NULL, &skipped, err));
        sorter->rows_to_skip = 0;
    }
    if (sorter->run_count == 0) {
        count = count < sorter->rows_left ? count : sorter->rows_left;
        WR_TRY(wr_merge_take(&sorter->merge, count, reader->rows, &count, err));
        reader->row_next = 0;
        reader->row_count = (uint32_t)count;
        reader->rows_left = count;
        return WR_OK;
    }
    wr_row_page_init(reader->chunk);
    WR_TRY(wr_merge_copy(&sorter->merge, reader->chunk, sorter->chunk_bytes, sorter->rows_left,
                         &count, err));
    begin_page_chunk(reader, count);
    return WR_OK;
}

/* The next page of runs that are read one after the other; no rows: all are read. */
static wr_status read_page(wr_sorter *sorter, wr_row_page *page, uint32_t page_bytes, wr_error *err)
{
    uint32_t bytes = 0;

    wr_row_page_init(page);
    for (; sorter->next_source < sorter->run_capacity; sorter->next_source++) {
        wr_sort_run *run = &sorter->runs[sorter->next_source];

        if (run->state == WR_RUN_FREE)
            continue;
        if (!sorter->cursor.stream)
            wr_spill_cursor_init(&sorter->cursor, &run->stream, !sorter->plan.keep);
        WR_TRY(wr_spill_cursor_next(&sorter->cursor, page, page_bytes, &bytes, err));
        if (bytes > 0)
            return WR_OK;
        sorter->cursor.stream = NULL;
    }
    return WR_OK;
}

static void take_entries(wr_sorter *sorter, wr_sorter_reader *reader, uint32_t batches)
{
    uint32_t index = sorter->next_source - sorter->run_capacity;

    for (; index < sorter->buffer_count; index++, sorter->next_source++, sorter->next_entry = 0) {
        const wr_sort_buffer *buffer = &sorter->buffers[index];
        uint64_t left = buffer->entry_count - sorter->next_entry;
        uint64_t count = (uint64_t)batches * sorter->exec->batch_rows;

        count = count < left ? count : left;
        for (uint64_t i = 0; i < count; i++)
            reader->rows[i] = wr_sort_entry_row(&buffer->entries[sorter->next_entry + i]);
        sorter->next_entry += count;
        reader->row_next = 0;
        reader->row_count = (uint32_t)count;
        reader->rows_left = count;
        if (count > 0)
            return;
    }
}

/* Drop rows that are to be skipped from the front of a chunk, and those behind the last one wanted.
 */
static void trim_chunk(wr_sorter *sorter, wr_sorter_reader *reader)
{
    uint64_t skipped =
        sorter->rows_to_skip < reader->rows_left ? sorter->rows_to_skip : reader->rows_left;

    sorter->rows_to_skip -= skipped;
    reader->rows_left -= skipped;
    if (reader->rows_left == 0)
        return;
    if (reader->row_count > 0) {
        reader->row_next += (uint32_t)skipped;
    } else {
        const uint8_t *row;

        for (; skipped > 0; skipped--)
            wr_row_page_rows(reader->chunk, &reader->chunk_offset, 1, &row);
    }
    if (reader->rows_left > sorter->rows_left)
        reader->rows_left = sorter->rows_left;
}

static wr_status take_next(wr_sorter *sorter, wr_sorter_reader *reader, uint32_t batches,
                           wr_error *err)
{
    do {
        reader->rows_left = 0;
        WR_TRY(read_page(sorter, reader->chunk, sorter->chunk_bytes, err));
        if (reader->chunk->row_count > 0)
            begin_page_chunk(reader, reader->chunk->row_count);
        if (reader->rows_left == 0)
            take_entries(sorter, reader, batches);
        if (reader->rows_left == 0)
            return WR_OK;
        trim_chunk(sorter, reader);
    } while (reader->rows_left == 0);
    return WR_OK;
}

/* Rows in memory: at most so many batches of them. */
static wr_status take_chunk(wr_sorter_reader *reader, uint32_t batches, wr_error *err)
{
    wr_sorter *sorter = reader->sorter;
    wr_status status = WR_OK;

    WR_LOCKED(&sorter->mutex);
    reader->morsel = sorter->next_morsel;
    if (sorter->rows_left == 0)
        return WR_OK;
    status = sorter->is_merging ? take_merged(sorter, reader, batches, err)
                                : take_next(sorter, reader, batches, err);
    if (status != WR_OK)
        sorter->rows_left = 0; /* the merge is nowhere: nobody may go on with it */
    if (status != WR_OK || reader->rows_left == 0) {
        reader->rows_left = 0;
        return status;
    }
    sorter->next_morsel++;
    sorter->rows_left -= reader->rows_left;
    reader->position = sorter->next_position;
    sorter->next_position += reader->rows_left;
    return WR_OK;
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static void copy_entries(wr_sorter *sorter, wr_row_page *page)
{
    uint32_t index = sorter->next_source - sorter->run_capacity;

    for (; index < sorter->buffer_count; index++, sorter->next_source++, sorter->next_entry = 0) {
        const wr_sort_buffer *buffer = &sorter->buffers[index];

        for (; sorter->next_entry < buffer->entry_count; sorter->next_entry++) {
            const wr_sort_entry *entry = &buffer->entries[sorter->next_entry];

            wr_sort_entry_fetch(buffer->entries, sorter->next_entry, buffer->entry_count);
            if (!wr_row_page_copy(page, sorter->page_bytes, wr_sort_entry_row(entry)))
                return;
        }
    }
}

static wr_status copy_page(wr_sorter *sorter, wr_row_page *page, wr_error *err)
{
    uint64_t count;

    wr_row_page_init(page);
    if (sorter->rows_left == 0)
        return WR_OK;
    if (sorter->is_merging)
        return wr_merge_copy(&sorter->merge, page, sorter->page_bytes, UINT64_MAX, &count, err);
    WR_TRY(read_page(sorter, page, sorter->page_bytes, err));
    if (page->row_count == 0)
        copy_entries(sorter, page);
    return WR_OK;
}

wr_status wr_sorter_read_page(wr_sorter *sorter, wr_row_page *page, wr_error *err)
{
    wr_status status;

    WR_LOCKED(&sorter->mutex);
    status = copy_page(sorter, page, err);
    if (status != WR_OK || page->row_count == 0)
        sorter->rows_left = 0;
    return status;
}

/* ---- Batches --------------------------------------------------------------------------------- */

/* Addresses of the next rows of the chunk. */
static const uint8_t **next_rows(wr_sorter_reader *reader, uint32_t count)
{
    const uint8_t **rows = reader->rows + reader->row_next;

    if (reader->row_count == 0) {
        wr_row_page_rows(reader->chunk, &reader->chunk_offset, count, rows);
        return rows;
    }
    reader->row_next += count;
    for (uint32_t i = 0; i < count; i++)
        wr_row_fetch(rows[i]);
    return rows;
}

static wr_status read_rows(wr_sorter_reader *reader, uint32_t batches, const uint8_t ***out_rows,
                           uint32_t *out_count, wr_error *err)
{
    uint32_t count = reader->sorter->exec->batch_rows;

    if (reader->rows_left == 0)
        WR_TRY(take_chunk(reader, batches, err));
    if (count > reader->rows_left)
        count = (uint32_t)reader->rows_left;
    *out_count = count;
    if (count > 0)
        *out_rows = next_rows(reader, count);
    reader->rows_left -= count;
    return WR_OK;
}

wr_status wr_sorter_reader_fill(wr_sorter_reader *reader, bool *out_any, wr_error *err)
{
    wr_status status = WR_OK;

    if (reader->rows_left == 0)
        status = take_chunk(reader, CHUNK_BATCHES, err);
    *out_any = reader->rows_left > 0;
    return status;
}

/* One batch: nobody else waits for the lock, and its rows are still at hand from the merge. */
wr_status wr_sorter_read_rows(wr_sorter_reader *reader, const uint8_t ***out_rows,
                              uint32_t *out_count, wr_error *err)
{
    return read_rows(reader, 1, out_rows, out_count, err);
}

wr_status wr_sorter_read(wr_sorter_reader *reader, wr_batch *out, wr_flow *out_flow, wr_error *err)
{
    wr_sorter *sorter = reader->sorter;
    uint32_t columns = sorter->plan.output_count, count;
    const uint8_t **rows;
    wr_status status = read_rows(reader, CHUNK_BATCHES, &rows, &count, err);

    out->morsel = reader->morsel;
    WR_TRY(status);
    if (count == 0) {
        *out_flow = WR_FLOW_DONE;
        return WR_OK;
    }
    for (uint32_t c = 0; c < columns; c++) {
        reader->columns[c] = reader->room[c];
        wr_row_read(&sorter->layout, c, rows, count, &reader->columns[c]);
    }
    *out = (wr_batch){
        .row_count = count,
        .column_count = columns,
        .columns = reader->columns,
        .morsel = reader->morsel,
        .morsel_end = reader->rows_left == 0,
        .position = reader->position,
    };
    wr_batch_select_all(out);
    reader->position += count;
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}
