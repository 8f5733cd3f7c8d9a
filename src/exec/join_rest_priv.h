/* exec/join_rest_priv.h — one worker's work on partitions that are on disk; see op_join_rest.c.
 *
 * Stages of a task: plan -> load a block -> stream the other side past it -> put out what the block's
 * rows still want -> next block, next pass, or done. Private to op_join_rest.c and join_rest.c. */
#ifndef WR_EXEC_JOIN_REST_H
#define WR_EXEC_JOIN_REST_H

#ifndef WR_BUILDING_EXEC
#error "private to src/exec"
#endif

#include "exec/join_priv.h"

enum {
    FANOUT = 8,
    FANOUT_BITS = 3,
    LEVELS_MAX = 6,
    TASKS_MAX = FANOUT * LEVELS_MAX + 2,
    PASSES_MAX = 2,
};

typedef enum rest_stage {
    REST_IDLE,
    REST_RESIDENT, /* unmatched rows of a resident partition       */
    REST_PLAN,     /* choose what to do with the newest task       */
    REST_LOAD,     /* load the next block                          */
    REST_STREAM,   /* the other side streams past                  */
    REST_BATCH,    /* a batch of it has more to give               */
    REST_TAIL,     /* rows of the block that are wanted themselves */
} rest_stage;

/* One way past the data: which side is loaded, and what is wanted. */
typedef struct rest_pass {
    uint32_t table_side;
    wr_join_wish wish;
    bool tail_matched, tail_unmatched; /* of the loaded rows */
} rest_pass;

/* A pair of stores: of a whole partition (every worker's) or of a piece of one. */
typedef struct rest_task {
    bool is_partition;
    uint32_t partition;
    wr_row_store own[WR_JOIN_SIDES];
    uint32_t level;
    bool is_stuck; /* cutting did not help */
} rest_task;

typedef struct rest_local {
    wr_node *node;
    join_shared *shared;
    wr_exec *exec;
    wr_join_match match;
    uint8_t *buffer; /* one row page: what streams */
    uint32_t page_pages;
    rest_stage stage;
    uint64_t morsel;
    bool in_morsel;
    /* tasks; the newest is at hand */
    rest_task tasks[TASKS_MAX];
    uint32_t task_count;
    /* the task at hand */
    rest_pass passes[PASSES_MAX];
    uint32_t pass_count, pass;
    bool in_one_block; /* the plan holds only if the loaded side is one block */
    /* the block */
    wr_row_page *pages, *last_page;
    wr_row_page *carry; /* loaded, belongs to the next block */
    void *space;
    uint32_t space_pages;
    wr_join_table table;
    uint32_t load_store;
    wr_row_reader load_reader;
    uint64_t loaded_rows; /* of this pass, over all blocks */
    /* streaming, and putting out rows of pages */
    uint32_t stream_store;
    wr_row_reader stream_reader;
    const wr_row_page *page;
    uint32_t offset, part, partition;
} rest_local;

/* Begin with a partition on disk. */
void wr_join_rest_begin(rest_local *local, uint32_t partition);
/* Go on: a batch, or an empty one; stage REST_IDLE: the partition is done. */
wr_status wr_join_rest_next(rest_local *local, wr_batch *out, wr_error *err);
/* Put out rows of the page from local->offset on that are (not) marked; false: there are none. */
bool wr_join_rest_emit_page(rest_local *local, const wr_row_page *page, bool matched,
                            wr_batch *out);
void wr_join_rest_drop_block(rest_local *local);
void wr_join_rest_drop_tasks(rest_local *local);

#endif
