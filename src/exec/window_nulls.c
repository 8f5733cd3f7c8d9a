/* exec/window_nulls.c — values of other rows when nulls do not count (IGNORE NULLS).
 *
 * What lies so many values before or behind is found by counting: a cursor knows how many values lie
 * before it, so the n-th value of the partition is reached by moving forward, as every target only
 * grows. last_value remembers the last value that a second cursor, which walks to the frame's end,
 * came by. */
#include "exec/window_priv.h"

static bool is_set(const window_run *run, uint32_t point, const uint8_t *row)
{
    return !wr_row_is_null(run->layout, row, run->plan->points[point].nulls);
}

void wr_window_count_begin(window_run *run, uint32_t point)
{
    wr_tape_cursor *ahead = run->counts[point].ahead;

    run->counts[point] = (count_run){.ahead = ahead, .seen_row = run->current->row};
    if (ahead)
        wr_tape_cursor_copy(ahead, run->current);
}

/* The row under the cursor, NULL where the partition ends. */
static wr_status row_under(window_run *run, uint32_t point, wr_tape_cursor *cursor,
                           const uint8_t **out_row, wr_error *err)
{
    WR_TRY(wr_tape_cursor_row(&run->tape, cursor, out_row, err));
    if (*out_row && is_beyond_partition(run, run->plan->points[point].scope, *out_row, cursor->row))
        *out_row = NULL;
    return WR_OK;
}

/* counts->seen = values before the current row. Every row of a partition is asked for once or more. */
static wr_status see_current(window_run *run, uint32_t point, wr_error *err)
{
    count_run     *counts = &run->counts[point];
    const uint8_t *row;

    if (run->current->row != counts->seen_row) {
        counts->seen += counts->is_set;
        counts->seen_row = run->current->row;
    }
    WR_TRY(wr_tape_cursor_row(&run->tape, run->current, &row, err));
    counts->is_set = is_set(run, point, row);
    return WR_OK;
}

/* The value with `ordinal` values before it, if it comes before row `end`. */
static wr_status find_ordinal(window_run *run, uint32_t point, uint64_t ordinal, uint64_t end,
                              const uint8_t **out_row, wr_error *err)
{
    count_run      *counts = &run->counts[point];
    wr_tape_cursor *cursor = &run->points[point];
    const uint8_t  *row;

    *out_row = NULL;
    while (cursor->row < end) {
        bool set;

        WR_TRY(row_under(run, point, cursor, &row, err));
        if (!row)
            return WR_OK;
        set = is_set(run, point, row);
        if (set && counts->count == ordinal) {
            *out_row = row;
            return WR_OK;
        }
        counts->count += set;
        wr_tape_cursor_step(cursor);
    }
    return WR_OK;
}

/* The first value of rows begin .. end-1. */
static wr_status find_first(window_run *run, uint32_t point, uint64_t begin, uint64_t end,
                            const uint8_t **out_row, wr_error *err)
{
    wr_tape_cursor *cursor = &run->points[point];
    const uint8_t  *row;

    *out_row = NULL;
    while (cursor->row < end) {
        WR_TRY(row_under(run, point, cursor, &row, err));
        if (!row)
            return WR_OK;
        if (cursor->row >= begin && is_set(run, point, row)) {
            *out_row = row;
            return WR_OK;
        }
        wr_tape_cursor_step(cursor);
    }
    return WR_OK;
}

/* Walk ahead to row `end`; with `follow` the point's cursor is left on the last value. */
static wr_status walk_ahead(window_run *run, uint32_t point, uint64_t end, bool follow,
                            wr_error *err)
{
    count_run      *counts = &run->counts[point];
    wr_tape_cursor *ahead = counts->ahead;
    const uint8_t  *row;

    while (ahead->row < end) {
        WR_TRY(row_under(run, point, ahead, &row, err));
        if (!row)
            return WR_OK;
        if (is_set(run, point, row)) {
            counts->ahead_count++;
            counts->has_value = true;
            if (follow)
                wr_tape_cursor_copy(&run->points[point], ahead);
        }
        wr_tape_cursor_step(ahead);
    }
    return WR_OK;
}

static wr_status find_last(window_run *run, uint32_t point, const frame_run *frame,
                           const uint8_t **out_row, wr_error *err)
{
    wr_tape_cursor *cursor = &run->points[point];

    *out_row = NULL;
    WR_TRY(walk_ahead(run, point, frame->end_row, true, err));
    if (!run->counts[point].has_value || cursor->row < frame->start_row)
        return WR_OK;
    return row_under(run, point, cursor, out_row, err);
}

static wr_status find_nth(window_run *run, uint32_t point, const frame_run *frame,
                          const uint8_t **out_row, wr_error *err)
{
    count_run *counts = &run->counts[point];

    if (counts->ahead)
        WR_TRY(walk_ahead(run, point, frame->start_row, false, err));
    return find_ordinal(run, point,
                        counts->ahead_count + (uint64_t)run->plan->points[point].offset - 1,
                        frame->end_row, out_row, err);
}

/* `rows` values before the current row (behind it, if negative). */
static wr_status find_near(window_run *run, uint32_t point, int64_t rows, const uint8_t **out_row,
                           wr_error *err)
{
    count_run *counts = &run->counts[point];

    *out_row = NULL;
    if (rows == 0) {
        WR_TRY(wr_tape_cursor_row(&run->tape, run->current, out_row, err));
        return WR_OK;
    }
    WR_TRY(see_current(run, point, err));
    if (rows > 0)
        return counts->seen < (uint64_t)rows
                   ? WR_OK
                   : find_ordinal(run, point, counts->seen - (uint64_t)rows, run->current->row,
                                  out_row, err);
    return find_ordinal(run, point, counts->seen + counts->is_set + (uint64_t)-rows - 1, UINT64_MAX,
                        out_row, err);
}

wr_status wr_window_count_find(window_run *run, uint32_t point, const uint8_t **out_row,
                               wr_error *err)
{
    const wr_window_point *plan = &run->plan->points[point];
    const frame_run       *frame = plan->frame == WR_FIELD_NONE ? NULL : &run->frames[plan->frame];

    switch (plan->kind) {
    case WR_WINDOW_LAG:
        return find_near(run, point, plan->offset, out_row, err);
    case WR_WINDOW_LEAD:
        return find_near(run, point, -plan->offset, out_row, err);
    case WR_WINDOW_FIRST_VALUE:
        WR_TRY(find_first(run, point, frame->start_row, frame->end_row, out_row, err));
        break;
    case WR_WINDOW_LAST_VALUE:
        return find_last(run, point, frame, out_row, err);
    case WR_WINDOW_NTH_VALUE:
        WR_TRY(find_nth(run, point, frame, out_row, err));
        break;
    default:
        WR_UNREACHABLE();
    }
    if (*out_row && !frame->start)
        run->points[point].is_pinned = true;
    return WR_OK;
}
