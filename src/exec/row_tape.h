/* exec/row_tape.h — rows in order, appended at one end, read by several cursors that move forward.
 *
 * What a window looks at: pages of rows between the hindmost cursor and the last row that was read.
 * Pages are kept in memory while the lease gives them; then the oldest are spilled to one stream, in
 * order, and a cursor in the spilled part reads its page into a buffer of its own. Pages that all
 * cursors have passed are given back (wr_row_tape_trim); the stream is freed when all have passed it.
 *
 * A row carries two flags: it begins a partition, it begins a group of peers. Cursors count groups.
 *
 * Invariants
 *  1. Spilled pages come before those in memory; the last page is in memory.
 *  2. Two pages and a buffer a cursor are taken at init, so moving on never needs memory.
 *  3. A row's address is valid until the next call of wr_row_tape_row with any cursor.
 *  4. A pinned cursor stays where it is and holds no page back: it keeps a copy.
 * Call order: init; add_cursor*; start; {row, step, copy, trim}*; release.
 * Threads: one at a time. Cost: 3 ns a step; a write and a read a page that does not fit. */
#ifndef WR_EXEC_ROW_TAPE_H
#define WR_EXEC_ROW_TAPE_H

#include "exec/row.h"

enum { WR_TAPE_PARTITION = 1, WR_TAPE_GROUP = 2 };
enum { WR_TAPE_PAGES_MIN = 2 };

typedef struct wr_tape_cursor {
    uint64_t           row;       /* number on the tape, from 0                          */
    uint64_t           group;     /* groups begun so far, this row's included            */
    uint64_t           page;      /* number of its page                                  */
    const wr_row_page *at;        /* the page: on the tape, or in `buffer`               */
    uint32_t           offset;    /* of the row in the page                              */
    bool               is_counted; /* the row's group is in `group`                      */
    bool               is_pinned;
    wr_spill_position  next;      /* the page behind, when `at` is `buffer`              */
    wr_row_page       *buffer;
} wr_tape_cursor;

typedef struct wr_row_tape {
    const wr_row_layout *layout;
    uint32_t             flags_offset;
    uint32_t             partition_count, key_count; /* leading columns that tell partitions and peers */
    wr_lease            *lease;
    uint32_t             page_bytes;
    wr_row_page         *first, *last, *spare;       /* in memory                        */
    uint64_t             first_page, last_page;      /* their numbers                    */
    wr_spill_stream      stream;                     /* pages before first_page          */
    const uint8_t       *newest;                     /* row                              */
    wr_tape_cursor      *cursors;
    uint32_t             cursor_count;
    bool                 is_complete;                /* no more rows come                */
    /** Append rows, or set is_complete. */
    wr_status (*fill)(void *context, wr_error *err);
    void *context;
} wr_row_tape;

/** Bytes of the lease that a tape takes and keeps, without its cursors' buffers. */
static inline uint64_t wr_row_tape_lease_min(uint32_t page_bytes)
{
    return (uint64_t)WR_TAPE_PAGES_MIN * page_bytes;
}

/** All fields but pages, stream and newest are set by the caller; cursors have their buffers
 *  (page_bytes, 8-aligned). Errors WR_NO_MEMORY. */
wr_status wr_row_tape_open(wr_row_tape *tape, wr_spill *spill, wr_error *err) WR_MUST_USE;
void      wr_row_tape_release(wr_row_tape *tape);

/** Append `count` rows (all selected); `sizes` is scratch for as many.
 * Errors   WR_NO_SPACE, WR_IO */
wr_status wr_row_tape_append(wr_row_tape *tape, const wr_vector *columns, uint32_t count,
                             uint32_t *sizes, wr_spill *spill, wr_error *err) WR_MUST_USE;

/** Give back what all cursors have passed. */
void wr_row_tape_trim(wr_row_tape *tape);

/** Put `to` where `from` is. */
void wr_tape_cursor_copy(wr_tape_cursor *to, const wr_tape_cursor *from);

/** The row under the cursor, read and if need be filled in; NULL at the end of a complete tape. */
wr_status wr_tape_cursor_row(wr_row_tape *tape, wr_tape_cursor *cursor, const uint8_t **out_row,
                             wr_error *err) WR_MUST_USE;

static inline uint32_t wr_tape_row_flags(const wr_row_tape *tape, const uint8_t *row)
{
    return row[tape->flags_offset];
}

/** The row under the cursor if it lies in the page at hand, else NULL. Moves no row. */
static inline const uint8_t *wr_tape_cursor_peek(const wr_row_tape *tape, wr_tape_cursor *cursor)
{
    const uint8_t *row = (const uint8_t *)cursor->at + cursor->offset;

    if (cursor->offset >= cursor->at->used_bytes)
        return NULL;
    if (!cursor->is_counted) {
        cursor->group += (wr_tape_row_flags(tape, row) & WR_TAPE_GROUP) != 0;
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
