/* exec/window_priv.h — what the files of the window operator share: frames and functions at run time.
 *
 * Rows come sorted, so partitions and groups of peers are neighbours. Every bound of a frame, and
 * every row that values are taken from, only moves forward from one row to the next: each is a cursor
 * over a tape of sorted rows (exec/row_tape.h), and nothing needs a partition in memory.
 *
 * Aggregates over a frame whose start stays are updated as the end moves. When the start moves too,
 * rows cannot be taken out of most states, so a frame is two parts: behind `middle` one state that
 * takes rows in; before it, states of blocks, each for its rows up to the part's end. When the start
 * reaches the middle, the rows of the frame are read again and cut into SLOTS blocks; the block that
 * the start is in is cut again, down to single rows. So a row is read again once a level (log64 of the
 * frame), an answer is a merge of one state a level, and memory does not depend on the frame. All
 * states merge bit for bit alike in any order, so this never shows. */
#ifndef WR_EXEC_WINDOW_PRIV_H
#define WR_EXEC_WINDOW_PRIV_H

#ifndef WR_BUILDING_EXEC
#error "private to src/exec"
#endif

#include "exec/agg_ordered.h"
#include "exec/agg_state.h"
#include "exec/key_bag.h"
#include "exec/ops.h"
#include "exec/row_tape.h"
#include "exec/sorter.h"

enum { WR_SLIDE_SLOTS = 64, WR_SLIDE_LEVELS = 8, WR_FRAME_HEAP_BYTES = 8192 };

/* Blocks of rows begin .. end-1; states[s] is of all rows from block s on. */
typedef struct slide_level {
    uint64_t begin, end, block_rows;
    uint32_t block_count;
    uint8_t *states;
} slide_level;

typedef struct frame_run {
    const wr_window_frame *plan;
    uint64_t        start_row, end_row; /* rows on the tape; the end does not belong to it */
    wr_tape_cursor *start;              /* NULL: the frame starts with the partition       */
    wr_tape_cursor *end;
    wr_tape_cursor *again;              /* reads rows again; NULL: the start stays         */
    wr_agg_layout   aggs;
    uint8_t        *back, *result;  /* states: from middle on, of the frame                   */
    uint64_t        middle;
    slide_level     levels[WR_SLIDE_LEVELS];
    uint32_t        depth;
    wr_bump         heap;               /* long values of the states                       */
    wr_agg_memory   memory;
    uint64_t        version;            /* counts changes                                  */
    uint64_t        whole_version;      /* of the parts that `result` is made of           */
    bool            is_stale;           /* `result` is to be computed                      */
} frame_run;

/* IGNORE NULLS: rows are counted that are not null. */
typedef struct count_run {
    wr_tape_cursor *ahead;       /* LAST_VALUE: walks to the frame's end; NTH_VALUE: to its start  */
    uint64_t        ahead_count; /* before `ahead`                                                 */
    uint64_t        count;       /* before the point's cursor                                      */
    uint64_t        seen;        /* before the row `seen_row`                                      */
    uint64_t        seen_row;    /* the current row, when it was looked at last                    */
    bool            is_set;      /* that row is not null                                           */
    bool            has_value;   /* LAST_VALUE: the point's cursor stands on a value               */
} count_run;

/* The keys of a frame's rows, which lie from `out` to `in` in each of its parts. */
typedef struct values_run {
    const wr_window_values *plan;
    wr_key_bag      bag;
    wr_ordered      ordered;     /* makes the result                          */
    uint64_t       *keys;        /* of a batch                                */
    wr_tape_cursor *in[WR_WINDOW_PARTS], *out[WR_WINDOW_PARTS];
    wr_tape_cursor *again;       /* reads rows again                          */
    void           *memory;      /* the bag's, beyond what is certain; or NULL */
    uint32_t        memory_pages;
} values_run;

enum { WR_FEED_READY = 4 };

/* Sorted rows on their way to the workers: window_feed.c. The mutex guards all but the carry, which is
 * whose turn it is. */
typedef struct window_feed {
    wr_sorter   *sorter;
    wr_exec     *exec;
    wr_mutex     mutex;
    wr_cond      moved;
    bool         is_taken;             /* a worker has the turn                       */
    bool         is_reading;           /* somebody copies rows out of the sorter      */
    bool         is_at_end;            /* it has no more                              */
    bool         is_over;              /* there are no more turns                     */
    bool         has_ready;            /* there are pages to read ahead               */
    wr_row_page *ready[WR_FEED_READY]; /* a ring: rows that were copied ahead         */
    uint32_t     ready_first, ready_count;
    wr_row_page *carry;                /* the rows behind the last unit               */
    uint64_t     morsel, position;     /* of the next unit                            */
} window_feed;

/* Where the current row stands in the partitions of a scope. */
typedef struct scope_run {
    uint32_t partition_level, peers_level; /* of the tape                          */
    uint64_t partition_row;   /* where the current row's partition begins          */
    uint64_t partition_group; /* number of its first group                         */
    uint64_t group;           /* of the current row                                */
    uint64_t peers_row;       /* where it begins                                   */
} scope_run;

/* A worker's. */
typedef struct window_run {
    const wr_plan_window *plan;
    window_feed     *feed;
    wr_exec         *exec;
    wr_lease        *lease;
    wr_bump          bump;
    const wr_row_layout *layout;
    wr_row_tape      tape;
    frame_run       *frames;
    wr_tape_cursor  *current;
    wr_tape_cursor  *points;        /* one each                                  */
    count_run       *counts;        /* one each                                  */
    values_run      *values;
    scope_run        scopes[WR_WINDOW_SCOPES_MAX];

    const uint8_t  **rows;          /* scratch: addresses of a batch             */
    uint8_t        **states;        /* scratch: a state a row                    */
    uint16_t        *ordinals;      /* 0, 1, 2 ...                               */
    wr_vector       *arguments;     /* kept_count + 1: what aggregates read      */
    wr_vector        cell;          /* one result                                */
    uint8_t         *cell_room;
    wr_vector       *columns;       /* the batch                                 */
    uint64_t        *versions;      /* a function: of the frame in the last row  */
    uint8_t         *text;          /* long values of the batch's functions      */
    uint32_t         text_bytes, text_used, text_row_bytes;
    uint64_t         morsel, position; /* the unit's first row's                 */
    bool             has_turn, has_unit, in_morsel;
} window_run;

/* window_feed.c */
void wr_window_feed_init(window_feed *feed, wr_sorter *sorter, wr_exec *exec);
void wr_window_feed_release(window_feed *feed);
/** Wait for rows: run->has_unit false says that there are none any more. On failure run->morsel is the
 *  morsel that failed. */
wr_status wr_window_feed_begin(window_run *run, wr_error *err) WR_MUST_USE;
/** A page more; the tape's callback. */
wr_status wr_window_feed_fill(void *run, wr_error *err) WR_MUST_USE;
/** Let others have the turn; is_over: nobody. */
void wr_window_feed_pass(window_run *run, bool is_over);
/** Of the next morsel; for whoever has the turn. */
uint64_t wr_window_feed_number(window_feed *feed);

/* window_open.c: a worker's memory */
uint64_t  wr_window_run_lease_min(const wr_plan_window *plan, const wr_exec *exec,
                                  uint32_t page_bytes);
wr_status wr_window_run_open(window_run *run, const wr_plan_window *plan, window_feed *feed,
                             wr_lease *lease, wr_error *err) WR_MUST_USE;
/** Also of what was not opened. */
void wr_window_run_close(window_run *run);

/* window_frame.c */
/** Read a column (or NONE) of run->rows into run->arguments. */
void wr_window_want_column(window_run *run, uint32_t column, uint32_t count);
/** The current row begins a partition. */
void wr_window_frame_begin(window_run *run, frame_run *frame);
/** Follow the current row. */
wr_status wr_window_frame_move(window_run *run, frame_run *frame, wr_error *err) WR_MUST_USE;
/** Changes whenever the rows of the function's frame do. */
uint64_t wr_window_frame_version(const window_run *run, const wr_window *function);
/** The state of the function's frame, all its parts. */
wr_status wr_window_frame_result(window_run *run, const wr_window *function,
                                 const uint8_t **out_state, wr_error *err) WR_MUST_USE;

/* window_values.c: quantiles, modes, counts and sums of distinct values */
/** Bytes of the bump and cursors of one. */
uint64_t wr_window_values_bytes(const wr_window_values *plan, const wr_exec *exec);
static inline uint32_t wr_window_values_cursors(const wr_window_values *plan)
{
    return 2 * plan->part_count + 1;
}
wr_status wr_window_values_open(window_run *run, values_run *values, const wr_window_values *plan,
                                wr_tape_cursor *cursors, wr_error *err) WR_MUST_USE;
void wr_window_values_close(window_run *run, values_run *values);
/** The current row begins a partition. */
void wr_window_values_begin(window_run *run, values_run *values);
/** Of the frame as it is, in its physical layout; its parts have moved. */
wr_status wr_window_values_result(window_run *run, values_run *values, void *out, bool *out_is_null,
                                  wr_error *err) WR_MUST_USE;

/* window_nulls.c: IGNORE NULLS */
/** The current row begins a partition; the point's cursor stands on it. */
void wr_window_count_begin(window_run *run, uint32_t point);
/** The row that a point means; NULL: there is none. */
wr_status wr_window_count_find(window_run *run, uint32_t point, const uint8_t **out_row,
                               wr_error *err) WR_MUST_USE;

/* window_rows.c: the next batch of the unit and whether it is its last; it may have no rows then */
wr_status wr_window_next(window_run *run, wr_batch *out, bool *out_last,
                         wr_error *err) WR_MUST_USE;

/** Is `row`, at number `row_number`, in another partition than the current row? */
static inline bool is_beyond_partition(const window_run *run, uint32_t scope, const uint8_t *row,
                                       uint64_t row_number)
{
    return row_number > run->scopes[scope].partition_row &&
           wr_tape_row_begins(&run->tape, row, run->scopes[scope].partition_level);
}

#endif
