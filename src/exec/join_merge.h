/* exec/join_merge.h — key ranges of two sorted inputs, in groups of equal keys: what a merge join
 * takes from its inputs before it joins them.
 *
 * Both sorters are read row by row, side by side. A block is the next range of keys: its rows are
 * copied into a page a side, and a list of groups says how many rows of each side have the same key.
 * A row whose key the other side does not have, or one with a NULL key, is a group by itself, or
 * left out if nobody wants it. Taking blocks is for one worker at a time; joining them is not.
 *
 * Invariants
 *  1. A key is in one block only, so blocks are joined independently of each other.
 *  2. Only the last group of a block may be long: it has rows on both sides, at least one of each in
 *     the pages, and those that had no room there in the stores, which spill when their share of the
 *     lease is full.
 * Call order: side open; block open; {take, join, take ...}; block close; side close.
 * Threads: wr_join_merge_take by one worker at a time, wr_join_merge_side_help by others meanwhile; a
 * block belongs to its worker.
 * Cost: a comparison (5-10 ns a key column) and a copy for each row, on top of reading it. */
#ifndef WR_EXEC_JOIN_MERGE_H
#define WR_EXEC_JOIN_MERGE_H

#include "exec/join_pairs.h"
#include "exec/sorter.h"

/** One input. */
typedef struct wr_join_merge_side {
    wr_sorter       *sorter;
    wr_sorter_reader readers[2];  /* rows come from one; the other is filled meanwhile by a worker
                                     that waits for its turn, if there is memory for it   */
    uint32_t         reading;     /* which one                                            */
    bool             reads_ahead;
    struct wr_join_merge_side *other; /* of the same join                                 */
    wr_mutex         mutex;       /* held by who fills a reader; guards what follows      */
    bool             is_filled;   /* the other reader: its rows come next                 */
    bool             is_last;     /* there is nothing more to fill one with               */
    wr_status        fill_status;
    wr_error         fill_error;
    wr_sortkey       key;         /* the keys of the join in the sorter's rows            */
    const uint8_t  **rows;        /* read and not taken yet: next .. count                */
    uint32_t         next, count;
    bool             at_end;      /* nothing is left to be read                           */
    bool             wants_alone; /* rows without a partner are wanted                    */
    bool             one_is_enough; /* of rows with equal keys one says all there is to say */
} wr_join_merge_side;

typedef struct wr_join_merge_input {
    wr_join_merge_side sides[WR_MERGE_SIDES];
    bool          null_safe;
} wr_join_merge_input;

/** Rows of one key, next to those of the group before; a long one has more in the stores. */
typedef struct wr_join_merge_group {
    uint16_t counts[WR_MERGE_SIDES];
} wr_join_merge_group;

typedef struct wr_join_merge_block {
    wr_row_page    *pages[WR_MERGE_SIDES];
    uint32_t        page_bytes;
    const uint8_t **rows[WR_MERGE_SIDES]; /* in the pages */
    uint32_t        counts[WR_MERGE_SIDES];
    uint32_t        rows_max;             /* of a side, without what is in the stores */
    wr_join_merge_group *groups;               /* room for 2 x rows_max                    */
    uint32_t        group_count;
    wr_row_store    stores[WR_MERGE_SIDES];
    uint64_t        store_bytes_max;      /* of both stores' pages in memory, at least two */
    bool            is_long;              /* the last group has rows in the stores    */
} wr_join_merge_block;

/** Begin to read side `s`. `bump` needs wr_sortkey_bytes(key_count). Errors those of wr_sorter_read_open. */
wr_status wr_join_merge_side_open(wr_join_merge_side sides[WR_MERGE_SIDES], uint32_t s,
                                  wr_sorter *sorter, uint32_t key_count, wr_bump *bump,
                                  wr_error *err) WR_MUST_USE;
/** Have a row at hand, or know that there is none. Rows read before may be gone after that.
 * Errors   WR_IO, WR_CORRUPT, WR_CANCELLED */
wr_status wr_join_merge_side_look(wr_join_merge_side *side, const wr_exec *exec,
                                  wr_error *err) WR_MUST_USE;
/** Called by a worker that has to wait, while others use the side: get the next rows ready.
 *  False: there was nothing to do. */
bool wr_join_merge_side_help(wr_join_merge_side *side);
/** The row at hand. */
static inline const uint8_t *wr_join_merge_side_head(const wr_join_merge_side *side)
{
    return side->rows[side->next];
}
/** Idempotent; a zeroed side is fine. */
void wr_join_merge_side_close(wr_join_merge_side *side);

/** The next block; no group: both inputs are at their end, or nothing more is wanted.
 * Errors   WR_NO_SPACE, WR_IO, WR_CORRUPT, WR_CANCELLED */
wr_status wr_join_merge_take(wr_join_merge_input *input, wr_join_merge_block *block, const wr_exec *exec,
                        wr_error *err) WR_MUST_USE;

#endif
