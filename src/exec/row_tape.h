/* exec/row_tape.h — rows in order, appended at one end, read by several cursors that move forward.
 *
 * What a window looks at: pages of rows between the hindmost cursor and the last row that was read.
 * Pages are kept in memory while the lease gives them; then the oldest are spilled to one stream, in
 * order, and a cursor in the spilled part reads its page into a buffer of its own. Pages that all
 * cursors have passed are given back (wr_row_tape_trim); the stream is freed when all have passed it.
 *
 * A row carries its level (in the row's spare byte): how many of the tape's key counts it has in
 * common with the row before, so that it tells partitions and groups of peers. Cursors count groups of
 * one level.
 *
 * Invariants
 *  1. Spilled pages come before those in memory; the last page is in memory.
 *  2. Two pages and a buffer a cursor are taken at init, so moving on never needs memory.
 *  3. A row's address is valid until the next call of wr_row_tape_row with any cursor.
 *  4. A pinned cursor stays where it is and holds no page back: it keeps a copy.
 * Call order: open; {room, add; row, step, copy, trim, cut}*, rewind; release.
 * Threads: one at a time. Cost: 3 ns a step; a write and a read a page that does not fit. */
#ifndef WR_EXEC_ROW_TAPE_H
#define WR_EXEC_ROW_TAPE_H

#include "exec/ops.h"
#include "exec/row.h"

enum { WR_TAPE_PAGES_MIN = 2 };

enum { WR_TAPE_LEVELS_MAX = 2 * WR_WINDOW_SCOPES_MAX };

typedef struct wr_tape_cursor {
    uint64_t           row;       /* number on the tape, from 0                          */
    uint64_t           group;     /* groups begun so far, this row's included            */
    uint64_t           page;      /* number of its page                                  */
    const wr_row_page *at;        /* the page: on the tape, or in `buffer`               */
    uint32_t           offset;    /* of the row in the page                              */
    bool               is_counted; /* the row's group is in `group`                      */
    bool               is_pinned;
    uint32_t           group_level; /* of the groups that it counts                      */
    wr_spill_position  next;      /* the page behind, when `at` is `buffer`              */
    wr_row_page       *buffer;
} wr_tape_cursor;

typedef struct wr_row_tape {
    const wr_row_layout *layout;
    uint32_t             level_offset;               /* of a row's level                 */
    uint32_t             key_counts[WR_TAPE_LEVELS_MAX]; /* ascending: leading columns       */
    uint32_t             level_count;
    wr_lease            *lease;
    uint32_t             page_bytes;
    wr_row_page         *first, *last, *spare;       /* in memory                        */
    uint64_t             first_page, last_page;      /* their numbers                    */
    uint64_t             row_count;
    wr_spill_stream      stream;                     /* pages before first_page          */
    const uint8_t       *newest;                     /* row                              */
    uint32_t             cut_offset, cut_rows;       /* the last row that begins level 0, if it is in the
                                                        last page: its place, rows behind; else 0 */
    wr_tape_cursor      *cursors;
    uint32_t             cursor_count;
    bool                 is_complete;                /* no more rows come                */
    /** Add a page of rows, or set is_complete. */
    wr_status (*fill)(void *context, wr_error *err);
    void *context;
} wr_row_tape;

/** Bytes of the lease that a tape takes and keeps, without its cursors' buffers. */
static inline uint64_t wr_row_tape_lease_min(uint32_t page_bytes)
{
    return (uint64_t)WR_TAPE_PAGES_MIN * page_bytes;
}

/** The caller sets layout to callbacks but pages, stream and newest; cursors have their buffers
 *  (page_bytes, 8-aligned). Errors WR_NO_MEMORY. */
wr_status wr_row_tape_open(wr_row_tape *tape, wr_spill *spill, wr_error *err) WR_MUST_USE;
void      wr_row_tape_release(wr_row_tape *tape);

/** Begin anew with one page, a copy of `page` whose rows have their levels (NULL: without rows). */
void wr_row_tape_rewind(wr_row_tape *tape, const wr_row_page *page);

/** Would wr_row_tape_room spill nothing? */
bool wr_row_tape_has_room(wr_row_tape *tape);

/** A page to be filled, which belongs to the caller; what does not fit is spilled.
 * Errors   WR_NO_SPACE, WR_IO */
wr_status wr_row_tape_room(wr_row_tape *tape, wr_row_page **out_page, wr_error *err) WR_MUST_USE;

/** Append a page of rows, or take back one without. Errors WR_IO, WR_CORRUPT (blobs only). */
wr_status wr_row_tape_add(wr_row_tape *tape, wr_row_page *page, wr_error *err) WR_MUST_USE;

/** Move the rows from cut_offset on to `page`. */
void wr_row_tape_cut(wr_row_tape *tape, wr_row_page *page);

/** Give back what all cursors have passed. */
void wr_row_tape_trim(wr_row_tape *tape);

/** Put `to` where `from` is; groups are counted on from there, whatever their level. */
void wr_tape_cursor_copy(wr_tape_cursor *to, const wr_tape_cursor *from);

/** The row under the cursor, read and if need be filled in; NULL at the end of a complete tape. */
wr_status wr_tape_cursor_row(wr_row_tape *tape, wr_tape_cursor *cursor, const uint8_t **out_row,
                             wr_error *err) WR_MUST_USE;

/** Does `row` differ from the one before in the tape's key count number `level`? */
static inline bool wr_tape_row_begins(const wr_row_tape *tape, const uint8_t *row, uint32_t level)
{
    return row[tape->level_offset] <= level + 1;
}

/** The row under the cursor if it lies in the page at hand, else NULL. Moves no row. */
static inline const uint8_t *wr_tape_cursor_peek(const wr_row_tape *tape, wr_tape_cursor *cursor)
{
    const uint8_t *row = (const uint8_t *)cursor->at + cursor->offset;

    if (cursor->offset >= cursor->at->used_bytes)
        return NULL;
    if (!cursor->is_counted) {
        cursor->group += wr_tape_row_begins(tape, row, cursor->group_level);
        cursor->is_counted = true;
    }
    return row;
}

/** On to the next row; the current one was seen by row or peek. */
static inline void wr_tape_cursor_step(wr_tape_cursor *cursor)
{
    cursor->offset += wr_row_bytes((const uint8_t *)cursor->at + cursor->offset);
    cursor->row++;
    cursor->is_counted = false;
}

#endif
