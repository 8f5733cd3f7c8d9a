/* exec/join_frame.h — what the joins over two sorts have in common: workers take turns at the inputs,
 * and each has memory to join what it took.
 *
 * Call order: turns open; worker open; {enter, begin, end, leave; join}*; worker close; turns close.
 * Threads: between enter and leave one at a time. Cost: nothing a row. */
#ifndef WR_EXEC_JOIN_FRAME_H
#define WR_EXEC_JOIN_FRAME_H

#include "exec/join_merge.h"

/** The shared part: whose turn it is. A turn is one block of rows, and one morsel. */
typedef struct wr_join_turns {
    wr_mutex mutex;
    wr_bump  bump;
    bool     is_open, is_over;
    uint64_t next_morsel;
} wr_join_turns;

/** Reserves `bump_bytes`. Errors WR_NO_MEMORY; close is due also then. */
wr_status wr_join_turns_open(wr_join_turns *turns, wr_node *node, uint64_t bump_bytes,
                             wr_error *err) WR_MUST_USE;
/** Idempotent; zeroed turns are fine. */
void wr_join_turns_close(wr_join_turns *turns);

/** Wait for a turn; meanwhile, have rows of the inputs ready for those whose turn it is. */
void wr_join_turns_enter(wr_join_turns *turns, wr_join_merge_side sides[WR_MERGE_SIDES]);
static inline void wr_join_turns_leave(wr_join_turns *turns)
{
    wr_mutex_unlock(&turns->mutex);
}

/** Is there another turn? Then it is this morsel. */
static inline bool wr_join_turn_begin(const wr_join_turns *turns, uint64_t *out_morsel)
{
    *out_morsel = turns->next_morsel;
    return !turns->is_over;
}

/** There is no turn behind one that failed or found no rows. */
static inline wr_status wr_join_turn_end(wr_join_turns *turns, wr_status status, bool has_rows)
{
    turns->is_over = status != WR_OK || !has_rows;
    turns->next_morsel += !turns->is_over;
    return status;
}

/** One worker's memory: its bump with the pairs it puts out, and some row pages side by side. */
typedef struct wr_join_worker {
    const wr_plan_join *join;
    wr_exec            *exec;
    wr_lease           *lease;
    wr_bump             bump;
    wr_join_pairs       pairs;
    uint8_t            *pages;
    uint32_t            page_bytes; /* of a row page                      */
    uint32_t            page_count; /* of the arena's                     */
    uint32_t            rows_max;   /* of a block; a few under stress     */
} wr_join_worker;

/** The worker's part of the lease: `bump_bytes` of its own and `row_pages` pages. */
uint64_t wr_join_worker_min(const wr_plan_join_merge *plan, const wr_exec *exec,
                            uint64_t bump_bytes, uint32_t row_pages);

/** Reserves `bump_bytes` and takes `row_pages`. `node` reads both sorts.
 * Errors   WR_NO_MEMORY; close is due also then */
wr_status wr_join_worker_open(wr_join_worker *worker, wr_node *node, const wr_plan_join_merge *plan,
                              wr_exec *exec, uint64_t bump_bytes, uint32_t row_pages,
                              wr_error *err) WR_MUST_USE;
/** Idempotent; a zeroed worker is fine. */
void wr_join_worker_close(wr_join_worker *worker);

/** Row page `index` of the worker's. */
static inline void *wr_join_worker_page(const wr_join_worker *worker, uint32_t index)
{
    return worker->pages + (size_t)index * worker->page_bytes;
}

/** Row pages of a join's lease, side by side. Errors WR_BUG: it is not large enough. */
wr_status wr_join_pages_take(wr_node *node, uint32_t page_count, uint8_t **out_pages,
                             wr_error *err) WR_MUST_USE;

/** What the lease has beyond what is in use now, which is what all workers have taken. */
uint64_t wr_join_rest_bytes(const wr_lease *lease, const wr_exec *exec);

#endif
