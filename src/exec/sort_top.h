/* exec/sort_top.h — the first rows of every group while rows are sorted: what cannot be among them goes.
 *
 * Rows are looked at in order; each run, and each merge of some, keeps the first rows of its groups. What
 * goes has enough rows of its group before it in its own run, so it has so in the end: whoever counts
 * the rows that remain finds the same first rows as before, and only too small numbers behind them.
 * Cost: one or two comparisons of leading columns a row. */
#ifndef WR_EXEC_SORT_TOP_H
#define WR_EXEC_SORT_TOP_H

#include "exec/ops.h"
#include "exec/row.h"

typedef struct wr_sort_top {
    const wr_row_layout  *layout;
    const wr_plan_top    *plan;
    const uint8_t        *kept;    /* the last row that was; set by the caller, who knows where it is */
    uint64_t              count, rank;
    bool                  is_full; /* the group has had its rows */
} wr_sort_top;

/** Is `row`, the next one, to be kept? Then the caller sets top->kept to where it keeps it, until the next call.
 * Errors   WR_IO, WR_CORRUPT (blobs only) */
static inline wr_status wr_sort_top_take(wr_sort_top *top, const uint8_t *row, bool *out_keep,
                                         wr_error *err)
{
    const wr_plan_top *plan = top->plan;
    bool               same = false;

    if (top->kept)
        WR_TRY(wr_row_equal(top->layout, top->kept, row, plan->group_count, &same, err));
    if (!same) {
        top->count = top->rank = 0;
        top->is_full = false;
    }
    *out_keep = !top->is_full;
    if (top->is_full)
        return WR_OK;
    top->count++;
    if (same && plan->kind != WR_WINDOW_ROW_NUMBER)
        WR_TRY(wr_row_equal(top->layout, top->kept, row, plan->key_count, &same, err));
    else
        same = false;
    if (!same)
        top->rank = plan->kind == WR_WINDOW_DENSE_RANK ? top->rank + 1 : top->count;
    top->is_full = top->rank > plan->rank_max;
    *out_keep = !top->is_full;
    return WR_OK;
}

#endif
