/* exec/join_range.h — ordered conditions between two sorted inputs: which rows of one side can meet a
 * block of rows of the other, and which do?
 *
 * The inner side's rows are kept in order of (keys that must be equal, a column) in a store, cut into
 * zones of neighbouring pages with the bounds of what they hold. A block of outer rows has bounds, too,
 * so most zones and slices of pages are passed over. In a slice that may meet the block, the inner rows
 * that an outer row's keys and the conditions on the sorted column let by are neighbours, found by
 * bisection; a condition on another column is asked row by row, 64 rows at a time passed over by their
 * bounds. So nothing is compared pairwise that the bounds tell apart.
 *
 * A value is compared by eight bytes of its encoding (sortkey.h) where these differ or say all, else
 * by itself.
 *
 * Invariants
 *  1. Rows with NULL in a key or an ordered column (void ones) are in no store's zones and match nothing.
 *  2. Bounds are taken for met where their bytes are equal: they only ever pass over for certain.
 *  3. Zones double in pages when their table is full: the table is one page, whatever the data.
 * Call order: open; per inner side {add* -> wr_range_run_index}; then blocks and slices by any worker.
 * Threads: adding and indexing one; then everything is read-only, slices belong to their worker.
 * Cost: 20 ns a row and condition to load a slice, 60 ns a row of the block to find its range. */
#ifndef WR_EXEC_JOIN_RANGE_H
#define WR_EXEC_JOIN_RANGE_H

#include "exec/join_pairs.h"
#include "exec/sortkey.h"

enum { WR_RANGE_CHUNK = 64, WR_RANGE_CHUNKS_MAX = WR_BATCH_ROWS_MAX / WR_RANGE_CHUNK };

/** One condition: left op right. */
typedef struct wr_range_test {
    wr_range_op op;
    wr_sortkey  one[WR_MERGE_SIDES];  /* its column                                   */
    wr_sortkey  full[WR_MERGE_SIDES]; /* the keys of the join, then its column         */
    bool        is_sorted[WR_MERGE_SIDES]; /* its column is the one that the side is sorted by */
    bool        is_exact;             /* eight bytes of its encoding say all          */
} wr_range_test;

typedef struct wr_range_tests {
    wr_range_test items[WR_JOIN_RANGES_MAX];
    uint32_t      count;
    wr_sortkey    by[WR_MERGE_SIDES]; /* the keys of the join                         */
} wr_range_tests;

/** A page of a store, for a reader to go to. */
typedef struct wr_range_zone {
    wr_row_place place;
    uint32_t     page_count;
    wr_u128      first, last; /* of (keys, sorted column)                   */
    uint64_t     low, high;   /* of the condition on another column, if any */
} wr_range_zone;

/** The inner side of a pass. */
typedef struct wr_range_run {
    uint32_t       side;
    wr_row_store  *store;
    wr_range_zone *zones;
    uint32_t       zone_count, zones_max;
} wr_range_run;

/** What a block of outer rows wants of the inner side. */
typedef struct wr_range_bounds {
    wr_u128  low, high;           /* (keys, sorted column)       */
    uint64_t least, greatest;     /* of the other condition      */
} wr_range_bounds;

/** Some neighbouring inner rows. */
typedef struct wr_range_slice {
    const uint8_t **rows;
    uint32_t        count;
    uint64_t       *codes[WR_JOIN_RANGES_MAX];
    uint64_t        low[WR_RANGE_CHUNKS_MAX], high[WR_RANGE_CHUNKS_MAX]; /* of the other condition */
    const uint8_t  *group_row;    /* outer row whose keys the group has; NULL: none   */
    uint32_t        group_from, group_to;
} wr_range_slice;

/** Bytes that open takes from its bump. */
uint64_t wr_range_tests_bytes(const wr_plan_join_range *plan);

/** `layouts` are the sorters'. Errors WR_NO_MEMORY. */
wr_status wr_range_tests_open(wr_range_tests *tests, const wr_plan_join_range *plan,
                              const wr_row_layout *const layouts[WR_MERGE_SIDES], wr_bump *bump,
                              wr_error *err) WR_MUST_USE;

/** Is a key or an ordered column of the row NULL? */
bool wr_range_is_void(const wr_range_tests *tests, uint32_t side, const uint8_t *row);

/** Eight bytes of a row's column of a condition. */
uint64_t wr_range_code(const wr_range_test *test, uint32_t side, const uint8_t *row);

/** Cut the finished store into zones. `buffer` is a row page.
 * Errors   WR_IO, WR_CORRUPT */
wr_status wr_range_run_index(wr_range_run *run, const wr_range_tests *tests, void *buffer,
                             wr_error *err) WR_MUST_USE;

/** Bounds of no row; make room in them for one more outer row (not void) of `side`. */
void wr_range_bounds_init(wr_range_bounds *bounds);
void wr_range_bounds_add(wr_range_bounds *bounds, const wr_range_tests *tests, uint32_t side,
                         const uint8_t *row);
/** May rows of the zone meet rows in these bounds of the other side? */
bool wr_range_zone_meets(const wr_range_zone *zone, const wr_range_tests *tests, uint32_t side,
                         const wr_range_bounds *bounds);

/** Fill in a slice of `side` whose rows are there; false: it meets no row in these bounds. */
bool wr_range_slice_load(wr_range_slice *slice, const wr_range_tests *tests, uint32_t side,
                         const wr_range_bounds *bounds);

/** The rows of a slice that the outer row's keys and the conditions on the sorted column let by.
 * Errors   WR_IO, WR_CORRUPT (blobs only) */
wr_status wr_range_find(wr_range_slice *slice, const wr_range_tests *tests, uint32_t side,
                        const uint8_t *outer_row, uint32_t *out_from, uint32_t *out_to,
                        wr_error *err) WR_MUST_USE;

/** From *io_at on, the next row before `to` that meets the `other` condition, too; `to` if none.
 *  `code` is the outer row's. Errors as above */
wr_status wr_range_next(const wr_range_slice *slice, const wr_range_tests *tests,
                        const wr_range_test *other, uint32_t side, const uint8_t *outer_row,
                        uint64_t code, uint32_t to, uint32_t *io_at, wr_error *err) WR_MUST_USE;

/** The condition on a column that the inner `side` is not sorted by; NULL: there is none. */
const wr_range_test *wr_range_other(const wr_range_tests *tests, uint32_t side);

#endif
