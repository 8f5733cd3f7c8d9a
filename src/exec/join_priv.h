/* exec/join_priv.h — what the three parts of a join share: state, sizes, memory of a step.
 *
 * op_join_build.c keeps the build side's rows, op_join_probe.c joins what it can at once,
 * op_join_rest.c does the rest; all see one join_shared, whose memory is the build node's lease.
 * Life of a partition: resident (rows in memory; a table while probing) -> spilled, never back. */
#ifndef WR_EXEC_JOIN_PRIV_H
#define WR_EXEC_JOIN_PRIV_H

#ifndef WR_BUILDING_EXEC
#error "private to src/exec"
#endif

#include "exec/join_match.h"
#include "os/thread.h"

enum {
    JOIN_PARTITIONS_MIN = 8,
    JOIN_PARTITIONS_MAX = 128,
};

/* One worker's rows of one side; outlives its worker, so that several steps may feed it. */
typedef struct join_part {
    wr_row_store *stores; /* partition_count */
    bool in_use;
} join_part;

typedef struct join_partition {
    _Atomic bool is_spilled; /* build rows go to disk, probe rows wait          */
    void *space;             /* of the table; NULL: none                        */
    uint32_t space_pages;
    bool is_pinned; /* a worker is building its table: not to be sent away */
} join_partition;

typedef struct join_shared {
    const wr_plan_join *plan;
    wr_join_side sides[WR_JOIN_SIDES];
    uint32_t row_page_bytes;
    uint32_t worker_count;
    uint32_t partition_count;
    wr_bump bump;
    join_part *parts[WR_JOIN_SIDES]; /* worker_count of them, part_count in use  */
    uint32_t part_count[WR_JOIN_SIDES];
    join_partition *partitions;
    wr_join_table *tables; /* of the resident partitions; empty ones for others  */
    wr_mutex mutex;
    /* the filter of build keys on disk, for probe rows of spilled partitions */
    wr_mutex filter_mutex;
    bool filter_is_clear; /* by who needs it first */
    uint64_t *filter;
    uint64_t filter_words;
    uint32_t filter_pages;
    _Atomic uint64_t filter_rows;
    /* probing */
    uint32_t probing_workers;
    _Atomic uint32_t next_table;
    uint64_t probe_store_bytes; /* of each worker's probe rows                   */
    /* the rest */
    wr_cond moved;
    uint32_t rest_first, rest_next, rest_done;
    uint64_t rest_morsel;
    uint64_t rest_share_bytes; /* 0: not settled yet                             */
    bool rest_prepared, is_stopped;
} join_shared;

/* Do rows of the table side matter beyond their pairs: right and full joins. */
static inline bool wr_join_keeps_build(const wr_plan_join *plan)
{
    return plan->type == WR_JOIN_RIGHT || plan->type == WR_JOIN_FULL;
}

/* What a probe row wants that meets the build side's tables. */
static inline wr_join_wish wr_join_probe_wish(const wr_plan_join *plan)
{
    wr_join_type type = plan->type;

    return (wr_join_wish){
        .pairs = type != WR_JOIN_SEMI && type != WR_JOIN_ANTI,
        .unmatched = type == WR_JOIN_LEFT || type == WR_JOIN_FULL || type == WR_JOIN_ANTI,
        .matched = type == WR_JOIN_SEMI,
        .mark = wr_join_keeps_build(plan),
    };
}

/* Sizes: formulas over the plan. */
uint32_t wr_join_page_bytes(const wr_plan_join *plan, uint32_t page_bytes);
uint64_t wr_join_shared_bytes(const wr_plan_join *plan, const wr_exec *exec);
uint64_t wr_join_resident_min(const void *plan, const wr_exec *exec);
/* Bytes of the lease in use now. */
uint64_t wr_join_used_bytes(wr_node *node, const wr_exec *exec);

/* A part of `side` for a worker, new or left by another one. */
wr_status wr_join_part_take(wr_node *node, wr_exec *exec, uint32_t side, join_part **out_part,
                            wr_error *err);
void wr_join_part_leave(join_shared *shared, join_part *part);

/* Rows of a partition, and bytes of its pages in memory, over all parts. */
uint64_t wr_join_partition_rows(const join_shared *shared, uint32_t side, uint32_t partition);
uint64_t wr_join_partition_resident_bytes(const join_shared *shared, uint32_t partition);

/* Give back the table of a partition, if it has one. */
void wr_join_table_drop(wr_node *node, uint32_t partition);
/* Send a resident partition to disk. Nobody may be probing. */
wr_status wr_join_partition_spill(wr_node *node, uint32_t partition, wr_error *err);
/* Send the largest resident partition to disk; *out_any false: there was none. */
wr_status wr_join_evict(wr_node *node, bool *out_any, wr_error *err);

/* A filter of 3 bits a row in one word; never says "no" for a row that was sent to disk. */
bool wr_join_filter_has(const join_shared *shared, uint64_t hash);
void wr_join_filter_drop(wr_node *node);

#endif
