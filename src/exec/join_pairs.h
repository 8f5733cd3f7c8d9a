/* exec/join_pairs.h — pairs of rows of two sorts as a batch: what joins over sorted inputs put out.
 *
 * Rows lie in the layouts of both sorters. The owner fills in rows[side][0 .. count): addresses, or
 * the side's null row where there is none of that side.
 * Call order: open; {fill in; ask or put}*; close. Threads: one worker.
 * Cost: a few ns a column and row. */
#ifndef WR_EXEC_JOIN_PAIRS_H
#define WR_EXEC_JOIN_PAIRS_H

#include "exec/evaluator.h"
#include "exec/ops.h"
#include "exec/row.h"

enum { WR_MERGE_LEFT, WR_MERGE_RIGHT, WR_MERGE_SIDES };

typedef struct wr_join_pairs {
    const wr_plan_join  *join;
    const wr_row_layout *layouts[WR_MERGE_SIDES];
    const uint8_t      **rows[WR_MERGE_SIDES]; /* room for a batch               */
    const uint8_t       *null_rows[WR_MERGE_SIDES];
    uint16_t            *passed;               /* pairs that the residual lets by */
    wr_vector           *room[WR_MERGE_SIDES], *columns;
    wr_evaluator         residual;
} wr_join_pairs;

static inline const wr_type *wr_join_types(const wr_plan_join *join, uint32_t side)
{
    return side == WR_MERGE_LEFT ? join->probe_types : join->build_types;
}

static inline uint32_t wr_join_width(const wr_plan_join *join, uint32_t side)
{
    return side == WR_MERGE_LEFT ? join->probe_count : join->build_count;
}

/** Bytes that open takes from its bump; the whole lease of one worker's residual. */
uint64_t wr_join_pairs_bytes(const wr_plan_join_merge *plan, const wr_exec *exec);
uint64_t wr_join_pairs_residual_min(const wr_plan_join *join, const wr_exec *exec);

/** The larger row page of both sorts. */
uint32_t wr_join_pairs_page_bytes(const wr_plan_join_merge *plan, const wr_exec *exec);

/** `layouts` are the sorters'. Errors WR_NO_MEMORY; close is due also then. */
wr_status wr_join_pairs_open(wr_join_pairs *pairs, const wr_plan_join *join,
                             const wr_row_layout *const layouts[WR_MERGE_SIDES], wr_bump *bump,
                             const wr_exec *exec, wr_error *err) WR_MUST_USE;
/** Idempotent; zeroed pairs are fine. */
void wr_join_pairs_close(wr_join_pairs *pairs);

/** passed[0 .. *out_passed): those of the first `count` pairs for which the residual is true.
 * Errors   WR_DATA the residual's */
wr_status wr_join_pairs_ask(wr_join_pairs *pairs, uint32_t count, uint32_t *out_passed,
                            wr_error *err) WR_MUST_USE;

/** The first `count` pairs as columns, until the next call. */
void wr_join_pairs_put(wr_join_pairs *pairs, uint32_t count, wr_batch *out);

#endif
