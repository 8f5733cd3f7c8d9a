/* exec/sort_group_bound.h — the first rows of every group: what surely is not among them is not let in.
 *
 * A table with a slot for a group: its key, and the first `rank_max` prefixes of the order key seen
 * so far, ascending. A row whose prefix lies behind the last of them has that many rows of its group before
 * it, so it can go. Slots that are taken by other groups make rows pass, which is never wrong; so the
 * table has a fixed size, and is given back if it turns few rows away.
 * One worker's; made when its memory was full for the first time. Groups are told by up to two columns of
 * fixed width, whose eight bytes are the key itself.
 * Cost: 10-60 ns a row, a cache miss or two. */
#ifndef WR_EXEC_SORT_GROUP_BOUND_H
#define WR_EXEC_SORT_GROUP_BOUND_H

#include "exec/sortkey.h"

enum { WR_GROUP_BOUND_RANK_MAX = 16, WR_GROUP_BOUND_COLUMNS = 2 };

typedef struct wr_group_bounds {
    const wr_plan_top *plan;
    uint64_t          *slots;       /* NULL: there is no table */
    uint64_t           slot_count;
    uint32_t           slot_words;
    uint32_t           pages;
    uint64_t           rows_seen, rows_dropped;
} wr_group_bounds;

/** Can there be a table for these keys? */
bool wr_group_bounds_fit(const wr_plan_top *plan, const wr_sortkey *key);

/** Make an empty table in `space`, which stays the caller's. */
void wr_group_bounds_init(wr_group_bounds *bounds, const wr_plan_top *plan, void *space,
                          uint32_t pages, uint64_t bytes);

/** Of `selection`, the rows that may be among the first of their groups, into `out_rows`. Returns how
 *  many. */
uint32_t wr_group_bounds_select(wr_group_bounds *bounds, const wr_sortkey *key,
                                const wr_vector *columns, const wr_selection *selection,
                                uint16_t *out_rows);

/** Has it seen much and turned away little? */
bool wr_group_bounds_is_useless(const wr_group_bounds *bounds);

#endif
