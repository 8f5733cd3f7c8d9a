/* exec/join_asof.h — two sorted inputs side by side: which right row is the nearest to each left one?
 *
 * Both are sorted by the keys that must be equal, then by the ordered column, in the direction in which
 * the right row looked for lies behind the left one: ascending for left >= right, descending for
 * left <= right. The candidate is the last right row that does not come after the left row; it
 * matches if its keys are equal. Rows with NULL in a key or the ordered column match nothing.
 *
 * Invariants
 *  1. Every right row is looked at once, and copied into a block only if it matches.
 *  2. Of right rows with equal keys the last one in the sort order is taken: the order of those is
 *     the plan's to fix (a position).
 * Call order: as in join_merge.h. Threads: wr_join_asof_take by one worker at a time.
 * Cost: a comparison a row, one by the keys and a copy for each left row, on top of reading. */
#ifndef WR_EXEC_JOIN_ASOF_H
#define WR_EXEC_JOIN_ASOF_H

#include "exec/join_merge.h"

typedef struct wr_join_asof_input {
    wr_join_merge_side sides[WR_MERGE_SIDES]; /* by keys and ordered column                 */
    wr_sortkey         by[WR_MERGE_SIDES];    /* by keys alone                              */
    uint8_t           *held;                  /* room for a right row                       */
    const uint8_t     *candidate;             /* as read, or `held`; NULL: none             */
    bool               excludes_equal;        /* left > right, left < right                 */
} wr_join_asof_input;

/** Left rows, each with its match. */
typedef struct wr_join_asof_block {
    wr_row_page    *pages[WR_MERGE_SIDES];
    uint32_t        page_bytes;
    const uint8_t **rows[WR_MERGE_SIDES]; /* in the pages; right: NULL is no match, unless left out */
    uint32_t        count, rows_max;
} wr_join_asof_block;

/** The next block; no rows: the left input is at its end.
 * Errors   WR_NO_SPACE, WR_IO, WR_CORRUPT, WR_CANCELLED */
wr_status wr_join_asof_take(wr_join_asof_input *input, wr_join_asof_block *block,
                            const wr_exec *exec, wr_error *err) WR_MUST_USE;

#endif
