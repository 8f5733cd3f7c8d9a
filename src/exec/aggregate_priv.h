/* exec/aggregate_priv.h — what the two halves of the aggregate share: state, sizes, batch scratch.
 *
 * op_aggregate.c builds (sink), op_aggregate_read.c gives the groups out (source); both see one
 * aggregate_shared, whose memory is the sink node's lease. */
#ifndef WR_EXEC_AGGREGATE_PRIV_H
#define WR_EXEC_AGGREGATE_PRIV_H

#ifndef WR_BUILDING_EXEC
#error "private to src/exec"
#endif

#include "exec/group_table.h"

enum {
    PARTITIONS_MIN = 8,
    PARTITIONS_MAX = 256,
    WORKERS_MAX = 256,
};

/* One worker's build state; outlives its worker, so that several pipelines may feed one sink. */
typedef struct build_part {
    wr_group_table table;
    wr_row_store *partitions; /* raw rows */
    uint64_t store_bytes_max;
    uint32_t batches_to_skip; /* while the table is full and of little use */
    bool in_use;
} build_part;

typedef struct aggregate_shared {
    /* plan facts */
    wr_group_layout layout;
    wr_row_layout raw; /* whole input rows */
    uint32_t row_page_bytes;
    uint32_t partition_count;
    /* buffers */
    wr_bump bump;
    build_part *parts;
    uint32_t part_count;
    wr_row_store *groups; /* spilled resident groups, per partition; NULL: none */
    /* reading */
    wr_mutex mutex;
    wr_cond done_cond;
    uint32_t next_partition, partitions_done;
    wr_row_page *next_page; /* of the resident table */
    uint64_t next_morsel;
    uint64_t read_share_bytes; /* of each reading worker: its table and overflow */
    bool any_spilled, is_stopped;
} aggregate_shared;

static inline const wr_plan_aggregate *wr_aggregate_plan(const wr_node *node)
{
    return node->plan;
}

/* Hashes, state pointers, row addresses and sizes of one batch. */
typedef struct batch_scratch {
    uint64_t *hashes;
    uint8_t **states, **rows;
    uint32_t *sizes;
    uint16_t *found, *missed, *left, *which;
} batch_scratch;

/* Sizes: formulas over the plan. */
uint32_t wr_aggregate_page_bytes(const wr_plan_aggregate *plan, uint32_t page_bytes);
uint64_t wr_aggregate_shared_bytes(const wr_plan_aggregate *plan, const wr_exec *exec);
uint64_t wr_aggregate_scratch_bytes(void);
uint64_t wr_aggregate_resident_min(const void *plan, const wr_exec *exec);

wr_status wr_aggregate_scratch_init(batch_scratch *scratch, wr_bump *bump, wr_error *err);

/* Hash the keys; UINT64_MAX marks dead groups and is never a hash. */
void wr_aggregate_hash(const wr_plan_aggregate *plan, const wr_vector *columns,
                       const wr_selection *selection, uint64_t *hashes);

/* Split the selection by whether a state was found: rows of found ones into scratch->found with
 * their states in front, indexes of the others into scratch->missed. Returns how many were found.
 */
uint32_t wr_aggregate_split(const wr_selection *selection, batch_scratch *scratch,
                            uint32_t *out_missed);

/* Cut the rows missed[0 .. missed_count) of the selection into stores by the bits of their hash from
 * `shift` on; the stores are this worker's own. Overwrites scratch->left. */
wr_status wr_aggregate_cut_rows(wr_row_store *stores, uint32_t store_count, uint32_t shift,
                                const wr_vector *columns, const wr_selection *selection,
                                uint32_t missed_count, uint64_t bytes_max, batch_scratch *scratch,
                                wr_spill *spill, wr_error *err);

/* Append one sealed group row to a store; all stores keep within `bytes_max`. */
wr_status wr_aggregate_append_group(wr_row_store *stores, uint32_t store_count, uint32_t which,
                                    uint64_t bytes_max, const uint8_t *row, wr_error *err);

/* The groups that stayed in memory, NULL if no worker built any. */
wr_group_table *wr_aggregate_resident(aggregate_shared *shared);

/* Spill the resident groups and all partitions. */
wr_status wr_aggregate_reclaim(wr_node *node, wr_exec *exec, wr_error *err);

#endif
