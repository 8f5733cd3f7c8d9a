/* exec/row_tape.c — pages of a tape: appended, spilled, passed. */
#include "exec/row_tape.h"

static uint32_t lease_pages_of(const wr_row_tape *tape)
{
    return wr_pages_for(tape->page_bytes, wr_arena_page_size(tape->lease->arena));
}

static bool is_in_memory(const wr_tape_cursor *cursor)
{
    return cursor->at != cursor->buffer;
}

static void copy_page(wr_row_page *to, const wr_row_page *from)
{
    memcpy(to, from, from->used_bytes);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* Cursors on the first page go on in copies of it. */
static void leave_first(wr_row_tape *tape, bool pinned_only, wr_spill_position next)
{
    for (uint32_t c = 0; c < tape->cursor_count; c++) {
        wr_tape_cursor *cursor = &tape->cursors[c];

        if (cursor->at != tape->first || (pinned_only && !cursor->is_pinned))
            continue;
        copy_page(cursor->buffer, tape->first);
        cursor->at = cursor->buffer;
        cursor->next = next;
    }
}

/* Take the first page off the tape; its memory is the caller's. */
static wr_row_page *take_first(wr_row_tape *tape)
{
    wr_row_page *page = tape->first;

    tape->first = page->next;
    tape->first_page++;
    return page;
}

static wr_status spill_first(wr_row_tape *tape, wr_row_page **out_page, wr_error *err)
{
    wr_row_page *page = tape->first, *next = page->next;
    wr_status    status;

    page->next = NULL;
    status = wr_spill_append(&tape->stream, page, page->used_bytes, NULL, err);
    page->next = next;
    WR_TRY(status);
    leave_first(tape, false, tape->stream.next_offset);
    *out_page = take_first(tape);
    return WR_OK;
}

static wr_status add_page(wr_row_tape *tape, wr_error *err)
{
    wr_row_page *page = tape->spare;

    tape->spare = NULL;
    if (!page)
        page = wr_lease_try(tape->lease, lease_pages_of(tape));
    if (!page)
        WR_TRY(spill_first(tape, &page, err));
    wr_row_page_init(page);
    tape->last->next = page;
    tape->last = page;
    tape->last_page++;
    return WR_OK;
}

wr_status wr_row_tape_open(wr_row_tape *tape, wr_spill *spill, wr_error *err)
{
    wr_spill_stream_init(&tape->stream, spill);
    tape->first = wr_lease_take(tape->lease, lease_pages_of(tape));
    if (!tape->first)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory for rows", tape->lease->name);
    wr_row_page_init(tape->first);
    tape->last = tape->first;
    tape->spare = wr_lease_take(tape->lease, lease_pages_of(tape));
    if (!tape->spare)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory for rows", tape->lease->name);
    for (uint32_t c = 0; c < tape->cursor_count; c++) {
        tape->cursors[c].at = tape->first;
        tape->cursors[c].offset = sizeof(wr_row_page);
    }
    return WR_OK;
}

void wr_row_tape_release(wr_row_tape *tape)
{
    if (tape->spare)
        wr_lease_give(tape->lease, tape->spare, lease_pages_of(tape));
    while (tape->first)
        wr_lease_give(tape->lease, take_first(tape), lease_pages_of(tape));
    if (tape->stream.spill)
        wr_spill_stream_release(&tape->stream);
    tape->spare = tape->last = NULL;
}

void wr_row_tape_trim(wr_row_tape *tape)
{
    uint64_t passed = UINT64_MAX;

    for (uint32_t c = 0; c < tape->cursor_count; c++)
        if (!tape->cursors[c].is_pinned && tape->cursors[c].page < passed)
            passed = tape->cursors[c].page;
    while (tape->first != tape->last && tape->first_page < passed) {
        wr_row_page *page;

        leave_first(tape, true, 0);
        page = take_first(tape);
        if (tape->spare)
            wr_lease_give(tape->lease, page, lease_pages_of(tape));
        else
            tape->spare = page;
    }
    if (passed >= tape->first_page && tape->stream.block_count > 0)
        wr_spill_stream_release(&tape->stream);
}

/* ---- Appending ------------------------------------------------------------------------------- */

/* Does `row` begin a partition, a group? Only the last page and the one before it are looked at. */
static wr_status flags_of(const wr_row_tape *tape, const uint8_t *row, uint8_t *out_flags,
                          wr_error *err)
{
    bool same = tape->newest != NULL;

    *out_flags = 0;
    if (same && tape->key_count > 0) {
        WR_TRY(wr_row_equal(tape->layout, tape->newest, row, tape->key_count, &same, err));
        *out_flags = same ? 0 : WR_TAPE_GROUP;
        if (!same && tape->partition_count < tape->key_count)
            WR_TRY(wr_row_equal(tape->layout, tape->newest, row, tape->partition_count, &same, err));
    }
    if (!same)
        *out_flags = WR_TAPE_GROUP | WR_TAPE_PARTITION;
    return WR_OK;
}

static wr_status flag_rows(wr_row_tape *tape, uint8_t *const *rows, uint32_t count, wr_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *flags = rows[i] + tape->flags_offset;

        memset(flags, 0, 8);
        WR_TRY(flags_of(tape, rows[i], flags, err));
        tape->newest = rows[i];
    }
    return WR_OK;
}

wr_status wr_row_tape_append(wr_row_tape *tape, const wr_vector *columns, uint32_t count,
                             uint32_t *sizes, wr_spill *spill, wr_error *err)
{
    wr_selection all = {NULL, count};
    uint8_t     *rows[256];
    uint32_t     done = 0;

    wr_row_measure(tape->layout, columns, &all, sizes);
    while (done < count) {
        uint32_t wanted = count - done < 256 ? count - done : 256;
        uint32_t now = wr_row_page_reserve(tape->last, tape->page_bytes, sizes + done, wanted, rows);

        if (now == 0) {
            WR_TRY(add_page(tape, err));
            continue;
        }
        WR_TRY(wr_row_write(tape->layout, columns, &all, done, now, rows, spill, err));
        WR_TRY(flag_rows(tape, rows, now, err));
        done += now;
    }
    return WR_OK;
}

/* ---- Cursors --------------------------------------------------------------------------------- */

void wr_tape_cursor_copy(wr_tape_cursor *to, const wr_tape_cursor *from)
{
    wr_row_page *buffer = to->buffer;
    bool         is_pinned = to->is_pinned;
    bool         has_page = to->at == buffer && from->at == from->buffer && to->page == from->page;

    *to = *from;
    to->buffer = buffer;
    to->is_pinned = is_pinned;
    if (is_in_memory(from))
        return;
    to->at = buffer;
    if (!has_page)
        copy_page(buffer, from->at);
}

/* On to the page behind, which is there. */
static wr_status turn_page(wr_row_tape *tape, wr_tape_cursor *cursor, wr_error *err)
{
    uint64_t page = cursor->page + 1;

    if (page < tape->first_page) {
        wr_spill_cursor reader;
        uint32_t        bytes;

        wr_spill_cursor_init(&reader, &tape->stream, false);
        wr_spill_cursor_seek(&reader, cursor->next);
        WR_TRY(wr_spill_cursor_next(&reader, cursor->buffer, tape->page_bytes, &bytes, err));
        cursor->next = reader.next ? reader.next : tape->stream.next_offset;
        cursor->at = cursor->buffer;
    } else {
        cursor->at = page == tape->first_page ? tape->first : cursor->at->next;
    }
    cursor->page = page;
    cursor->offset = sizeof(wr_row_page);
    return WR_OK;
}

wr_status wr_tape_cursor_row(wr_row_tape *tape, wr_tape_cursor *cursor, const uint8_t **out_row,
                             wr_error *err)
{
    for (;;) {
        *out_row = wr_tape_cursor_peek(tape, cursor);
        if (*out_row)
            return WR_OK;
        if (cursor->page < tape->last_page)
            WR_TRY(turn_page(tape, cursor, err));
        else if (tape->is_complete)
            return WR_OK;
        else
            WR_TRY(tape->fill(tape->context, err));
    }
}
