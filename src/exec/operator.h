/* exec/operator.h — the three operator roles, the pipeline graph, and what operators are given.
 *
 * A pipeline is a source, then a tree of transforms that ends in sinks; batches are handed on by
 * function call, so nothing queues. Pipelines meet only at breakers: a sink of one pipeline whose
 * state is the source of a later one (a sorter, a hash table, a spool). exec does not know plans:
 * the planner builds nodes; tests build them by hand.
 *
 * Invariants
 *  1. A batch is borrowed by whoever it is pushed to, until the push returns.
 *  2. Memory that grows with data belongs to the node's lease. `lease_min` depends on the plan
 *     struct and the exec's constants only, never on data; with only that the operator finishes
 *     any input (spilling). What it takes above that it must be able to do without. Workers share
 *     the lease: what one relies on it takes in local_open (which all of them pass before the first
 *     pull), or the operator keeps count of what may go to whom.
 *  3. Only sinks hold state proportional to their input; only sinks spill.
 *  4. Failure is wr_status, flow is wr_flow.
 *  5. Every morsel a source starts is ended exactly once (batch.morsel_end), in every branch of
 *     the tree that is not done yet; the scheduler passes the mark on, also with an empty batch. A
 *     branch is done from the morsel on whose worker was told DONE: that morsel is ended below, and
 *     nothing of a later one is handed down.
 *  6. Morsels are numbered without gaps by the source, from 0, and taken in ascending order. What
 *     operators see in batch.morsel goes on counting from step to step (exec->morsel_first).
 *  7. An empty batch has no columns worth looking at.
 * Call order: for each pipeline: leases opened together -> node open (once per node) -> per worker
 * local_open, {pull, apply*, push}*, combine, local_close -> finish of the source, then of each sink
 * after its last feeding pipeline -> close when nobody reads it any more, at the latest when the
 * query ends. close and local_close are called once for each open and local_open that was called,
 * also if that failed. The same order stands in every op_*.c file.
 * Threads: `shared` is seen by all workers, `local` by one. A worker may still be inside a call, or
 * enter one, shortly after another worker was told DONE. */
#ifndef WR_EXEC_OPERATOR_H
#define WR_EXEC_OPERATOR_H

#include <stdatomic.h>

#include "expr/program.h"
#include "mem/arena.h"
#include "mem/bump.h"
#include "os/thread.h"
#include "spill/spill.h"
#include "vector/vector.h"

typedef enum wr_flow {
    WR_FLOW_MORE,    /* source: a batch was given, there may be more; transform, sink: ready for more  */
    WR_FLOW_AGAIN,   /* transform only: call again with the same input before new input                */
    WR_FLOW_DONE,    /* source: no batch, no more for this worker; transform, sink: nothing that comes
                        later matters, stop the pipeline early (`out` still counts)                    */
    WR_FLOW_BLOCKED, /* not now: call again (tests inject it; sources and sinks that wait use it)      */
} wr_flow;

/** What every operator of a query is given. Read-only but for the atomics. */
typedef struct wr_exec {
    wr_arena    *arena;
    wr_spill    *spill;
    wr_run_facts facts;
    uint32_t     worker_count;
    uint32_t     page_bytes;
    uint32_t     batch_rows;
    bool         deterministic;      /* --deterministic: emission order is fixed too          */
    bool         measure_time;       /* keep busy_ns of every node                            */
    _Atomic bool cancelled;          /* checked once per batch and per block of I/O           */
    _Atomic bool output_closed;      /* who reads standard output went away: a quiet end      */
    uint64_t     morsel_first;       /* number of the first morsel of this step               */
    _Atomic uint64_t morsel_limit;   /* from here on nothing is wanted: a morsel failed       */
    /* progress, summed over everything; read by the session */
    _Atomic uint64_t rows_in, rows_out, bytes_in, bytes_total, bytes_out, rejects;
} wr_exec;

/** Was the query cancelled? */
static inline bool wr_exec_is_cancelled(const wr_exec *exec)
{
    return atomic_load_explicit(&exec->cancelled, memory_order_relaxed);
}

/** Is work on `morsel` still wanted: not cancelled, and no earlier morsel failed? */
static inline bool wr_exec_wants(const wr_exec *exec, uint64_t morsel)
{
    return !wr_exec_is_cancelled(exec) &&
           morsel < atomic_load_explicit(&exec->morsel_limit, memory_order_relaxed);
}

typedef struct wr_node wr_node;

/** Produces batches: a scan, or the read side of a breaker. */
typedef struct wr_source_ops {
    const char *name;
    size_t      shared_bytes, local_bytes;
    /** Bytes this source needs at least, for `worker_count` workers. */
    uint64_t (*lease_min)(const void *plan, const wr_exec *exec, uint32_t worker_count);
    wr_status (*open)(wr_node *node, wr_exec *exec, wr_error *err);
    wr_status (*local_open)(wr_node *node, void *local, wr_exec *exec, wr_error *err);
    /** The next batch of this worker. `out` arrives zeroed; out->morsel is set also on failure: the
     *  morsel that failed. A morsel is pulled by one worker, its batches in order. */
    wr_status (*pull)(wr_node *node, void *local, wr_batch *out, wr_flow *out_flow, wr_exec *exec,
                      wr_error *err);
    void (*local_close)(wr_node *node, void *local);
    void (*close)(wr_node *node);
    /** Append " (path:line)" of row `row` of the last batch to `err`; NULL: rows have no place. */
    void (*describe_row)(wr_node *node, void *local, uint32_t row, wr_error *err);
    /** The step went well: publish what the source wrote on the side (rejects). NULL: nothing. */
    wr_status (*finish)(wr_node *node, wr_exec *exec, wr_error *err);
} wr_source_ops;

/** Maps an input batch to output batches, mostly by referring to the input's columns. Keeps row
 *  positions (selection only narrows) unless `makes_rows`. */
typedef struct wr_transform_ops {
    const char *name;
    size_t      shared_bytes, local_bytes;
    bool        makes_rows; /* output rows are not input rows (join, unnest) */
    uint64_t (*lease_min)(const void *plan, const wr_exec *exec, uint32_t worker_count);
    wr_status (*open)(wr_node *node, wr_exec *exec, wr_error *err);
    wr_status (*local_open)(wr_node *node, void *local, wr_exec *exec, wr_error *err);
    /** `out` arrives as a copy of `in`'s head without columns and rows; the scheduler sets morsel
     *  and morsel_end itself. Also called for empty batches that carry morsel_end. */
    wr_status (*apply)(wr_node *node, void *local, const wr_batch *in, wr_batch *out,
                       wr_flow *out_flow, wr_exec *exec, wr_error *err);
    /** This worker has no more input (flush what was held back for other pipelines); NULL: nothing. */
    wr_status (*combine)(wr_node *node, void *local, wr_exec *exec, wr_error *err);
    void (*local_close)(wr_node *node, void *local);
    void (*close)(wr_node *node);
} wr_transform_ops;

/** Consumes every batch. The only role that may hold state proportional to its input. */
typedef struct wr_sink_ops {
    const char *name;
    size_t      shared_bytes, local_bytes;
    uint64_t (*lease_min)(const void *plan, const wr_exec *exec, uint32_t worker_count);
    /** Least memory while the finished state waits for the step that reads it; NULL: 0. */
    uint64_t (*resident_min)(const void *plan, const wr_exec *exec);
    wr_status (*open)(wr_node *node, wr_exec *exec, wr_error *err);
    wr_status (*local_open)(wr_node *node, void *local, wr_exec *exec, wr_error *err);
    wr_status (*push)(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                      wr_exec *exec, wr_error *err);
    wr_status (*combine)(wr_node *node, void *local, wr_exec *exec, wr_error *err);
    void (*local_close)(wr_node *node, void *local);
    wr_status (*finish)(wr_node *node, wr_exec *exec, wr_error *err);
    /** Between steps only: shrink the finished state to resident_min, spilling. NULL: holds nothing. */
    wr_status (*reclaim)(wr_node *node, wr_exec *exec, wr_error *err);
    void (*close)(wr_node *node);
} wr_sink_ops;

typedef enum wr_role { WR_ROLE_SOURCE, WR_ROLE_TRANSFORM, WR_ROLE_SINK } wr_role;

enum { WR_NODE_NEXT_MAX = 16 };

/** One operator in the graph. The node that reads a breaker's state has `state` = the sink node, and
 *  uses that node's shared block and lease as its own. */
struct wr_node {
    wr_role role;
    union {
        const wr_source_ops    *source;
        const wr_transform_ops *transform;
        const wr_sink_ops      *sink;
    };
    const void *plan;          /* the operator's own plan struct, read-only             */
    const char *label;         /* "sort 'by_amount'": step id and op, for users         */
    wr_node    *state;         /* read side of a breaker: the sink; else NULL           */
    wr_node    *reads[2];      /* source that reads two breakers beside its own memory: their sinks,
                                  whose leases are then what WR_SORT_READ needs for one worker */
    void       *shared;        /* shared_bytes, zeroed; of `state` if that is set       */
    wr_lease    lease;         /* of this node (of `state` for read sides: see wr_node_lease) */
    bool        is_open;
    bool        is_finished;   /* sink: finish was called                               */

    wr_node    *next[WR_NODE_NEXT_MAX]; /* where batches go (more than one: a tee)      */
    uint32_t    next_count;
    uint32_t    local_slot;    /* index of this node's local in a worker's array        */

    _Atomic bool     is_done;                    /* nothing more is wanted, in later steps neither */
    _Atomic uint64_t rows_in, rows_out, busy_ns; /* metrics */
};

/** Append the place of row `row` of the batch that was just handed to apply or push together with
 *  `local` to `err`, if every operator on its way from the source kept row positions and the source
 *  knows places. */
void wr_local_describe_row(const void *local, uint32_t row, wr_error *err);

/** `count` selected rows from the first-th on. Borrows from `selection` or from static memory. */
wr_selection wr_selection_slice(const wr_selection *selection, uint32_t first, uint32_t count);

/** Does `node` read what the sink `state` holds? */
static inline bool wr_node_reads(const wr_node *node, const wr_node *state)
{
    return node->state == state || node->reads[0] == state || node->reads[1] == state;
}

/** Does `node` read what some sink holds? */
static inline bool wr_node_is_reader(const wr_node *node)
{
    return node->state || node->reads[0];
}

static inline wr_lease *wr_node_lease(wr_node *node)
{
    return node->state ? &node->state->lease : &node->lease;
}

/** What its lease may hold in this step. */
static inline uint64_t wr_node_bytes_max(wr_node *node, const wr_exec *exec)
{
    return (uint64_t)wr_lease_pages_max(wr_node_lease(node)) * exec->page_bytes;
}

static inline void *wr_node_shared(wr_node *node)
{
    return node->state ? node->state->shared : node->shared;
}

#endif
