/* exec/ordered_priv.h — what the two halves of the ordered aggregate share. */
#ifndef WR_EXEC_ORDERED_PRIV_H
#define WR_EXEC_ORDERED_PRIV_H

#ifndef WR_BUILDING_EXEC
#error "private to src/exec"
#endif

#include "exec/agg_ordered.h"
#include "exec/sorter.h"

/* Rows of a group and how many of them have a value. */
typedef struct group_size {
    uint64_t row_count, value_count;
} group_size;

typedef struct ordered_shared {
    wr_sorter        sorter;
    /* made by the sink where there are no keys: the only group's size */
    _Atomic uint64_t rows_pushed, values_pushed;

    /* reading */
    wr_bump          bump;
    wr_sorter_reader reader;
    _Atomic bool     is_taken;     /* one worker reads */
    wr_row_layout    key_layout;   /* of the last row of a batch, its keys */
    uint8_t         *last_keys;
    group_size      *sizes;        /* a block of them */
    uint32_t         sizes_max, size_count, size_next;
    wr_spill_stream  size_stream;  /* blocks before the last one */
    wr_spill_cursor  size_cursor;
    uint8_t         *starts;       /* per row of a batch: does a group begin? */

    wr_ordered       ordered;
    group_size       group;        /* what is left of the open one */
    uint64_t         least_position;
    bool             is_open, is_done;
    wr_batch         batch;        /* of the sorter */
    uint32_t         batch_row;
    wr_vector       *columns, *results;
    uint16_t        *rows;         /* selected: the last of each group */
    uint64_t         morsel;
    uint64_t         groups_given;
} ordered_shared;

wr_sorter_plan wr_ordered_sorter_plan(const wr_plan_ordered *plan);

#endif
