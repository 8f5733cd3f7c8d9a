/* exec/ordered_priv.h — what the two halves of the ordered aggregate share. */
#ifndef WR_EXEC_ORDERED_PRIV_H
#define WR_EXEC_ORDERED_PRIV_H

#ifndef WR_BUILDING_EXEC
#error "private to src/exec"
#endif

#include "exec/agg_ordered.h"
#include "exec/sorter.h"

/* Values of a group of which more may come. */
typedef struct held_values {
    wr_type       type;
    wr_row_layout layout; /* one column */
    wr_row_store  store;
    void         *buffer; /* a page that comes back */
    wr_vector     values;
    uint8_t     **rows;   /* of a batch: */
    uint32_t     *sizes;
    uint16_t     *selected, *which;
} held_values;

typedef struct ordered_shared {
    wr_sorter        sorter;
    _Atomic uint64_t values_pushed; /* where there are no keys: the only group's size */

    /* reading */
    wr_bump          bump;
    wr_sorter_reader reader;
    _Atomic bool     is_taken;     /* one worker reads */
    wr_row_layout    key_layout;   /* of the last row of a batch, its keys */
    uint8_t         *last_keys;
    wr_vector       *keys;         /* of one row, read from there */
    wr_vector_cell  *key_cells;
    uint8_t         *starts;       /* per row of a batch: does a group begin? */

    wr_ordered       ordered;
    held_values      held;
    uint64_t         value_count;  /* of the open group, so far */
    uint64_t         least_position;
    bool             is_open, is_held, is_done;
    wr_batch         batch;        /* of the sorter */
    uint32_t         batch_row;
    wr_vector       *columns, *results;
    uint16_t        *rows;         /* selected: the last of each group */
    uint64_t         morsel;
    uint64_t         groups_given;
} ordered_shared;

wr_sorter_plan wr_ordered_sorter_plan(const wr_plan_ordered *plan);

#endif
