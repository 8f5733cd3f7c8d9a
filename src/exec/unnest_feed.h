/* exec/unnest_feed.h — the elements of one list, map or delimited text after the other, as columns.
 *
 * Elements of fixed width are copied block by block. Those of physical STR are views into the value; of
 * a value that is a blob, short ones are copied to the heap and longer ones become handles, parts of
 * that blob. A blob is read through a window, so a value of any length needs no more memory.
 * Invariant: what is put out lives until the heap is cleared, as long as the input batch.
 * Call order: layout; per value begin, put...; wr_feed_clear between output batches.
 * Threads: one. Cost: a copy for blocks of fixed width; 5-20 ns an element for others. */
#ifndef WR_EXEC_UNNEST_FEED_H
#define WR_EXEC_UNNEST_FEED_H

#include "exec/ops.h"
#include "io/carve.h"
#include "types/packed.h"

/** Room for elements of blobs, of all feeds of a worker. */
typedef struct wr_feed_heap {
    char         *bytes;
    uint32_t      used, capacity;
    wr_blob_part *parts;
    uint32_t      part_count, part_max;
} wr_feed_heap;

/** What was read of a blob last. */
typedef struct wr_feed_window {
    wr_blob        blob;   /* reads through the window */
    const wr_blob *whole;
    const wr_exec *exec;
    uint8_t       *bytes;
    uint64_t       offset;
    size_t         used;
} wr_feed_window;

typedef struct wr_feed_output {
    uint32_t   member, value_bytes;
    bool       is_text, any_null;
    wr_vector *column; /* FLAT, with room */
} wr_feed_output;

typedef struct wr_feed {
    const wr_unnest_value *plan;
    wr_feed_output        *outputs;
    uint32_t               output_count;
    wr_feed_heap          *heap;
    wr_feed_window         window;
    wr_packed              packed; /* the value at hand */
    bool                   has_more;
    wr_list_cursor         cursor;
    uint64_t               next;   /* text: where the next piece begins */
} wr_feed;

void wr_feed_heap_layout(wr_feed_heap *heap, const wr_plan_unnest *plan, const wr_exec *exec,
                         wr_carver *carver);
/** The outputs that are of value `index`; `columns` are the vectors of all outputs. */
void wr_feed_layout(wr_feed *feed, const wr_plan_unnest *plan, uint32_t index, wr_vector *columns,
                    wr_feed_heap *heap, const wr_exec *exec, wr_carver *carver);

/** The value in row `row` of `values`. */
void wr_feed_begin(wr_feed *feed, const wr_vector *values, uint32_t row);

/** How many rows of the values at hand are sure to find room; 0 only if the heap is in use. */
uint32_t wr_feeds_fit(const wr_feed *feeds, uint32_t feed_count);

/** The next elements, at most `count_max`, to rows at ... of the columns; fewer only at the end of the
 *  value. The caller has made sure that they fit.
 * Errors   WR_CORRUPT, WR_IO; WR_CANCELLED within a long text */
wr_status wr_feed_put(wr_feed *feed, uint32_t at, uint32_t count_max, uint32_t *out_count,
                      wr_error *err) WR_MUST_USE;
void wr_feed_put_nulls(wr_feed *feed, uint32_t at, uint32_t count);

/** Columns and heap are empty again, for up to `row_count` rows. */
void wr_feed_clear(wr_feed *feed, uint32_t row_count);

/** The columns have `row_count` rows. */
void wr_feed_finish(wr_feed *feed, uint32_t row_count);

#endif
