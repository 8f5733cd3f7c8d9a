/* expr/window.h — window functions: their names, and the frames they look at. No states: exec has those.
 *
 * A frame is a range of rows around the current row, inside its partition, as in SQL. Without ORDER
 * BY all rows of a partition are peers. CURRENT ROW of a RANGE frame means the row's peers, so it is
 * kept here as GROUPS with offset 0. */
#ifndef WR_EXPR_WINDOW_H
#define WR_EXPR_WINDOW_H

#include "expr/aggregate.h"

typedef enum wr_window_kind {
#define X(id, name, help) WR_WINDOW_##id,
#include "expr/window.def"
#undef X
    WR_WINDOW_AGGREGATE, /* any aggregate, over the frame */
    WR_WINDOW_KIND_COUNT
} wr_window_kind;

typedef enum wr_frame_units {
    WR_FRAME_UNBOUNDED, /* to the partition's end          */
    WR_FRAME_ROWS,      /* so many rows from the current   */
    WR_FRAME_GROUPS,    /* so many groups of peers         */
    WR_FRAME_RANGE,     /* so far in the order key's value */
} wr_frame_units;

/** One end of a frame; the row or group at `offset` belongs to it. */
typedef struct wr_frame_bound {
    wr_frame_units units;
    int64_t        offset; /* ROWS, GROUPS; negative: before the current row */
} wr_frame_bound;

/** Rows that do not belong to the frame although they lie between its ends. */
typedef enum wr_frame_exclude {
    WR_EXCLUDE_NOTHING,
    WR_EXCLUDE_ROW,   /* the current row                    */
    WR_EXCLUDE_GROUP, /* it and its peers                   */
    WR_EXCLUDE_TIES,  /* its peers, but not the row itself  */
} wr_frame_exclude;

/** Windows of so many different keys share a sort at most. */
enum { WR_WINDOW_SCOPES_MAX = 4 };

typedef struct wr_frame {
    wr_frame_bound   start, end;
    wr_frame_exclude exclude;
} wr_frame;

/** By SQL name, any case; false: not one of these (it may be an aggregate). */
bool wr_window_find(wr_text name, wr_window_kind *out_kind);

/** Canonical name; not of WR_WINDOW_AGGREGATE. */
const char *wr_window_name(wr_window_kind kind);

/** One line for the manual. */
const char *wr_window_help(wr_window_kind kind);

/** lag, lead, first_value, last_value, nth_value: gives a value of another row. */
bool wr_window_takes_value(wr_window_kind kind);

static inline bool wr_bound_equal(wr_frame_bound a, wr_frame_bound b)
{
    return a.units == b.units && a.offset == b.offset;
}

static inline bool wr_frame_equal(const wr_frame *a, const wr_frame *b)
{
    return wr_bound_equal(a->start, b->start) && wr_bound_equal(a->end, b->end) &&
           a->exclude == b->exclude;
}

#endif
