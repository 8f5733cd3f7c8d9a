/* exec/pipeline_priv.h — what the scheduler's files share: a run, its workers, their way down a tree. */
#ifndef WR_EXEC_PIPELINE_PRIV_H
#define WR_EXEC_PIPELINE_PRIV_H

#ifndef WR_BUILDING_EXEC
#error "private to src/exec"
#endif

#include "base/fault.h"
#include "exec/pipeline.h"

typedef struct wr_run wr_run;

/** A node whose output batch is being handed to its children, one after the other. */
typedef struct wr_frame {
    wr_node *node;
    wr_batch out;
    uint32_t next_child;
    bool     again;   /* the node has more output for the batch it was given */
} wr_frame;

typedef struct wr_worker {
    wr_run    *run;
    uint32_t   index;
    void     **locals;      /* by local_slot                                      */
    wr_frame  *frames;      /* the way from the source down; explicit, not recursion */
    uint32_t   depth;       /* frames in use                                      */
    uint64_t   morsel;      /* being worked on ...                                */
    bool       in_morsel;   /* ... and not worked off yet                         */
    uint64_t   morsels_end; /* highest morsel seen + 1                            */
    wr_status  status;      /* of this step ...                                   */
    wr_error   error;       /* ... and what it says                               */
    wr_thread  thread;
} wr_worker;

/** Stands before each local block, so that an operator that holds only its block can be found. */
typedef struct wr_local_head {
    _Alignas(16) wr_worker *worker;
} wr_local_head;

struct wr_run {
    /* fixed */
    wr_schedule     *schedule;
    wr_exec         *exec;
    const wr_stress *stress;
    wr_worker       *workers;
    uint32_t         worker_count;
    uint32_t        *slot_bytes;    /* local block of each slot                        */
    struct wr_share *shares;        /* scratch of wr_run_grant: one for each lease of a step */
    wr_lease       **leases;

    /* the step that runs */
    const wr_step *step;
    wr_turnstile   order;           /* of morsels that were worked off to the end      */

    /* the crew: threads of workers 1 .. thread_count, asleep between steps */
    wr_mutex mutex;
    wr_cond  begin, end;
    uint64_t round;                 /* counts steps that the crew was called for       */
    uint32_t called_count;          /* workers of this round                           */
    uint32_t met_count;             /* workers that have opened their locals           */
    uint32_t busy_count;            /* threads that have not finished it               */
    uint32_t thread_count;
    bool     leave;
};

/** Hand frames[0].out of the worker to the tree below the source, depth-first (walk.c). */
wr_status wr_worker_push(wr_worker *worker, wr_error *err) WR_MUST_USE;

/** Wait a little before asking a blocked operator again; longer each time, up to 1 ms.
 * Errors   WR_CANCELLED */
wr_status wr_worker_wait_blocked(wr_worker *worker, uint32_t attempt, wr_error *err) WR_MUST_USE;

/** A call of `node` failed at the worker's morsel. Waits until all earlier morsels are worked off:
 *  then it is known whether a run with one worker would have come here.
 * Returns  WR_OK         it would not, `node` is done by now: `err` is cleared
 *          WR_CANCELLED  an earlier morsel failed, or the query was cancelled
 *          `status`      this is the failure of the query; nothing is wanted any more */
wr_status wr_worker_confirm_failure(wr_worker *worker, const wr_node *node, wr_status status,
                                    wr_error *err) WR_MUST_USE;

/** A clock for busy_ns: 0 unless the run measures. */
uint64_t wr_worker_clock(const wr_worker *worker);

/** Count a call of `node` in its metrics. */
void wr_worker_count(const wr_worker *worker, wr_node *node, uint64_t start_ns, uint64_t rows_in,
                     uint64_t rows_out);

static inline bool wr_node_is_done(const wr_node *node)
{
    return atomic_load_explicit(&node->is_done, memory_order_relaxed);
}

/** Mark the node done if all who read it are. What a step before was done with, this one need not begin. */
void wr_node_settle_done(wr_node *node);

/** Open or change the leases of step `step_index` and share out the surplus (share.c).
 * Errors   WR_NO_MEMORY; a reclaim's */
wr_status wr_run_grant(wr_run *run, uint32_t step_index, wr_error *err) WR_MUST_USE;

/** Allocate the scratch of wr_run_grant. */
wr_status wr_run_grant_init(wr_run *run, wr_bump *bump, wr_error *err) WR_MUST_USE;

#endif
