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

bool wr_row_tape_has_room(wr_row_tape *tape)
{
    if (!tape->spare)
        tape->spare = wr_lease_try(tape->lease, lease_pages_of(tape));
    return tape->spare != NULL;
}

wr_status wr_row_tape_room(wr_row_tape *tape, wr_row_page **out_page, wr_error *err)
{
    if (!wr_row_tape_has_room(tape))
        return spill_first(tape, out_page, err);
    *out_page = tape->spare;
    tape->spare = NULL;
    return WR_OK;
}

static void keep_page(wr_row_tape *tape, wr_row_page *page)
{
    if (tape->spare)
        wr_lease_give(tape->lease, page, lease_pages_of(tape));
    else
        tape->spare = page;
}

static const uint8_t *last_row(const wr_row_page *page)
{
    const uint8_t *row = NULL, *end = (const uint8_t *)page + page->used_bytes;

    for (const uint8_t *next = wr_row_page_first(page); next < end; next += wr_row_bytes(next))
        row = next;
    return row;
}

void wr_row_tape_rewind(wr_row_tape *tape, const wr_row_page *page)
{
    while (tape->first != tape->last)
        keep_page(tape, take_first(tape));
    if (tape->stream.block_count > 0)
        wr_spill_stream_release(&tape->stream);
    if (page)
        copy_page(tape->first, page);
    else
        wr_row_page_init(tape->first);
    tape->first->next = NULL;
    tape->newest = last_row(tape->first);
    tape->row_count = tape->first->row_count;
    tape->first_page = tape->last_page = 0;
    tape->cut_offset = 0;
    tape->is_complete = false;
    for (uint32_t c = 0; c < tape->cursor_count; c++)
        tape->cursors[c] = (wr_tape_cursor){.at = tape->first, .offset = sizeof(wr_row_page),
                                            .group_level = tape->cursors[c].group_level,
                                            .buffer = tape->cursors[c].buffer};
}

wr_status wr_row_tape_open(wr_row_tape *tape, wr_spill *spill, wr_error *err)
{
    wr_spill_stream_init(&tape->stream, spill);
    tape->first = wr_lease_take(tape->lease, lease_pages_of(tape));
    if (!tape->first)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory for rows", tape->lease->name);
    tape->last = tape->first;
    tape->spare = wr_lease_take(tape->lease, lease_pages_of(tape));
    if (!tape->spare)
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no memory for rows", tape->lease->name);
    wr_row_tape_rewind(tape, NULL);
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
        leave_first(tape, true, 0);
        keep_page(tape, take_first(tape));
    }
    if (passed >= tape->first_page && tape->stream.block_count > 0)
        wr_spill_stream_release(&tape->stream);
}

/* ---- Appending ------------------------------------------------------------------------------- */

/* 0: there is no row before; 1: nothing in common; 1 + n: the first n key counts. */
static wr_status level_of(const wr_row_tape *tape, const uint8_t *row, uint8_t *out_level,
                          wr_error *err)
{
    *out_level = 0;
    if (!tape->newest)
        return WR_OK;
    for (uint32_t level = tape->level_count; level > 0; level--) {
        bool same;

        WR_TRY(wr_row_equal(tape->layout, tape->newest, row, tape->key_counts[level - 1], &same,
                            err));
        *out_level = (uint8_t)(1 + level);
        if (same)
            return WR_OK;
    }
    *out_level = 1;
    return WR_OK;
}

wr_status wr_row_tape_add(wr_row_tape *tape, wr_row_page *page, wr_error *err)
{
    uint8_t *row = (uint8_t *)(page + 1), *end = (uint8_t *)page + page->used_bytes;

    if (page->row_count == 0) {
        keep_page(tape, page);
        return WR_OK;
    }
    page->next = NULL;
    tape->last->next = page;
    tape->last = page;
    tape->last_page++;
    tape->cut_offset = 0;
    for (uint32_t left = page->row_count; row < end; row += wr_row_bytes(row), left--) {
        WR_TRY(level_of(tape, row, row + tape->level_offset, err));
        if (wr_tape_row_begins(tape, row, 0) && tape->newest) {
            tape->cut_offset = (uint32_t)(row - (uint8_t *)page);
            tape->cut_rows = left;
        }
        tape->newest = row;
    }
    tape->row_count += page->row_count;
    return WR_OK;
}

void wr_row_tape_cut(wr_row_tape *tape, wr_row_page *page)
{
    wr_row_page *last = tape->last;
    uint32_t     bytes = last->used_bytes - tape->cut_offset;

    wr_row_page_init(page);
    memcpy(page + 1, (const uint8_t *)last + tape->cut_offset, bytes);
    page->used_bytes += bytes;
    page->row_count = tape->cut_rows;
    last->used_bytes -= bytes;
    last->row_count -= tape->cut_rows;
    tape->row_count -= tape->cut_rows;
}

/* ---- Cursors --------------------------------------------------------------------------------- */

void wr_tape_cursor_copy(wr_tape_cursor *to, const wr_tape_cursor *from)
{
    wr_row_page *buffer = to->buffer;
    bool         is_pinned = to->is_pinned;
    uint32_t     group_level = to->group_level;
    bool         has_page = to->at == buffer && from->at == from->buffer && to->page == from->page;

    *to = *from;
    to->buffer = buffer;
    to->is_pinned = is_pinned;
    to->group_level = group_level;
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
