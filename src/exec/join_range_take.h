/* exec/join_range_take.h — both inputs of a range join: the side that is kept, and blocks of the other.
 *
 * The inner side is read whole from its sort into a store that spills, and cut into zones when the
 * first block is asked for. The outer side's rows are taken in blocks, straight from their sort. A full
 * join keeps both sides: when the outer one is at its end, a second pass takes blocks of the right side
 * from its store, which look for partners in the left one.
 *
 * Invariants
 *  1. Stores change only before the first block of a pass is taken; then they are read-only.
 *  2. Void rows (NULL in a key or ordered column) are taken with the others if unmatched rows are
 *     wanted, else left out; those of a kept right side have a store of their own.
 * Call order: open; take*; close. Threads: take by one worker at a time; what it leaves may be read by
 * all. Cost: a copy a row, and its bounds (50 ns). */
#ifndef WR_EXEC_JOIN_RANGE_TAKE_H
#define WR_EXEC_JOIN_RANGE_TAKE_H

#include "exec/join_merge.h"
#include "exec/join_range.h"

enum { WR_RANGE_VOIDS = WR_MERGE_SIDES, WR_RANGE_STORES }; /* behind that of the right side */

typedef struct wr_range_input {
    const wr_plan_join *join;
    wr_range_tests      tests;
    wr_join_merge_side  sides[WR_MERGE_SIDES];
    wr_range_run        runs[WR_MERGE_SIDES];
    bool                is_ready[WR_MERGE_SIDES]; /* the run has its zones             */
    wr_row_store        stores[WR_RANGE_STORES];
    uint64_t            store_bytes_max;          /* set before the first take         */
    uint8_t            *buffer;                   /* a row page                        */
    uint32_t            outer;                    /* of this pass                      */
    bool                in_second_pass;
    wr_row_reader       reader;                   /* of the second pass                */
    uint32_t            store;                    /* that it reads                     */
    const wr_row_page  *page;
    uint32_t            offset;
} wr_range_input;

/** Outer rows that are taken together. */
typedef struct wr_range_block {
    wr_row_page    *page;
    uint32_t        page_bytes;
    const uint8_t **rows;      /* in the page                 */
    uint8_t        *is_void;
    uint32_t        count, rows_max;
    uint32_t        outer;     /* side                        */
    bool            in_second_pass;
    wr_range_bounds bounds;
} wr_range_block;

/** Does the join keep both sides? */
static inline bool wr_range_keeps_both(const wr_plan_join *join)
{
    return join->type == WR_JOIN_FULL;
}

/** Row pages of the lease that open takes; that stores must have at least besides. */
uint32_t wr_range_input_pages(const wr_plan_join *join);
uint32_t wr_range_input_store_pages(const wr_plan_join *join);
/** Bytes that open takes from its bump. */
uint64_t wr_range_input_bytes(const wr_plan_join_range *plan);

/** `pages` are wr_range_input_pages row pages of `page_bytes`.
 * Errors   those of wr_sorter_read_open; close is due also then */
wr_status wr_range_input_open(wr_range_input *input, const wr_plan_join_range *plan,
                              wr_sorter *const sorters[WR_MERGE_SIDES], uint8_t *pages,
                              uint32_t page_bytes, wr_bump *bump, const wr_exec *exec,
                              wr_error *err) WR_MUST_USE;
/** Idempotent; a zeroed input is fine. */
void wr_range_input_close(wr_range_input *input);

/** The next block; no rows: there is none.
 * Errors   WR_NO_SPACE, WR_IO, WR_CORRUPT, WR_CANCELLED */
wr_status wr_range_take(wr_range_input *input, wr_range_block *block, const wr_exec *exec,
                        wr_error *err) WR_MUST_USE;

#endif
