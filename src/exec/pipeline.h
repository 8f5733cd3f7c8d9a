/* exec/pipeline.h — runs pipelines in the planner's order: workers, morsels, leases, errors.
 *
 * A schedule is a list of steps; a step is one pipeline (source and what hangs below it) with the
 * leases it needs. Before a step: live states above their resident_min are asked to reclaim if the
 * mins do not fit, then all mins are granted together, then the surplus is shared out (small wants
 * first, the rest in proportion to `weight`). After it: states that were read to the end close.
 *
 * Workers: worker 0 is the calling thread; the others are started once and kept for the query.
 * Each pulls from the source and pushes through the tree until DONE. The first error by morsel
 * wins, so the message does not depend on the thread count: after a failure, workers go on only with
 * morsels that come before the one that failed. If threads cannot be started, fewer work.
 * Cost: one indirect call per batch and operator; no queue, no lock in the hand-over. */
#ifndef WR_EXEC_PIPELINE_H
#define WR_EXEC_PIPELINE_H

#include "exec/operator.h"

typedef struct wr_step {
    wr_node   *source;
    uint32_t   worker_count;      /* 1 .. exec->worker_count                                     */
    wr_node  **nodes;             /* every node of this step, source first, parents before children */
    uint32_t   node_count;
    wr_node  **finish;            /* sinks whose last feeding step this is, in order             */
    uint32_t   finish_count;
    wr_node  **release;           /* nodes to close (and leases to give back) after this step    */
    uint32_t   release_count;
    const char *label;            /* "scan 'log' -> join build": progress and errors             */
    double     progress_weight;
} wr_step;

/** Surplus policy of a node, set by the planner next to its lease. */
typedef struct wr_step_lease {
    wr_node *node;
    uint64_t min_bytes;
    uint64_t want_bytes;          /* UINT64_MAX: as much as there is */
    double   weight;
} wr_step_lease;

typedef struct wr_schedule {
    wr_step  *steps;
    uint32_t  step_count;
    wr_step_lease **leases;       /* leases[s][i]: lease i of step s */
    uint32_t *lease_counts;
    wr_node **all_nodes;          /* for closing after success, failure or cancellation */
    uint32_t  all_node_count;
    uint32_t  local_slot_count;
} wr_schedule;

/** Run every step. On return (also on failure) all nodes are closed and all leases given back.
 *
 * Owner    worker locals and the nodes' shared blocks come from `bump` (plan pool).
 * Errors   any of an operator's, with "while running <label>"; WR_CANCELLED; WR_NO_MEMORY the mins
 *           of a step do not fit although every finished state shrank
 * Threads  called once, from one thread */
wr_status wr_schedule_run(wr_schedule *schedule, wr_exec *exec, wr_bump *bump,
                          _Atomic uint32_t *out_step, wr_error *err) WR_MUST_USE;

enum { WR_TURNSTILE_WINDOW = 4096 };

/** In-order hand-over without buffers: morsels pass a turnstile in their order; the oldest morsel
 *  never waits, so there is no deadlock. A morsel that has nothing to hand over may end out of turn,
 *  as long as it is less than WR_TURNSTILE_WINDOW ahead of the oldest. Used by LIMIT, ordered sinks
 *  and the rejects of scans. */
typedef struct wr_turnstile {
    wr_mutex mutex;
    wr_cond  moved;
    uint64_t next;   /* the morsel whose turn it is                    */
    bool     closed; /* nobody's turn comes any more                   */
    uint64_t ended[WR_TURNSTILE_WINDOW / 64]; /* ring of morsels ended out of turn: bit m % window */
} wr_turnstile;

/** `first`: the first morsel that will come (exec->morsel_first at open; 0 for a source's own). */
void wr_turnstile_init(wr_turnstile *turnstile, uint64_t first);
void wr_turnstile_release(wr_turnstile *turnstile);
/** Wait until it is `morsel`'s turn; false if that is in vain: the turnstile was closed, the query
 *  cancelled, or an earlier morsel failed. Once true it stays true until the morsel is ended. */
bool wr_turnstile_wait(wr_turnstile *turnstile, uint64_t morsel, const wr_exec *exec);
/** Wait a little, or until something moved: for those who have other work to look for meanwhile.
 *  *out_turn as wr_turnstile_is_turn; false if waiting is in vain, as above. */
bool wr_turnstile_pause(wr_turnstile *turnstile, uint64_t morsel, const wr_exec *exec,
                        bool *out_turn);
/** Wake those who pause. */
void wr_turnstile_nudge(wr_turnstile *turnstile);
/** Is it `morsel`'s turn now? */
bool wr_turnstile_is_turn(wr_turnstile *turnstile, uint64_t morsel);
/** `morsel` will not come again. Waits only if the morsel is a window ahead; false as above. */
bool wr_turnstile_end(wr_turnstile *turnstile, uint64_t morsel, const wr_exec *exec);
/** Let everybody go: no turn matters any more. */
void wr_turnstile_close(wr_turnstile *turnstile);

#endif
