/* exec/window_frame.c — frames: their bounds move with the current row, their aggregates with them. */
#include "exec/window_priv.h"

static bool has_aggs(const frame_run *frame)
{
    return frame->plan->aggs.agg_count > 0;
}

/* ---- Aggregating rows ------------------------------------------------------------------------ */

void wr_window_want_column(window_run *run, uint32_t column, uint32_t count)
{
    if (column == WR_FIELD_NONE)
        return;
    run->arguments[column].valid = NULL;
    run->arguments[column].flags = 0;
    run->arguments[column].row_count = count;
    wr_row_read(run->layout, column, run->rows, count, &run->arguments[column]);
}

/* Update run->states[i] with run->rows[i], the first of which is number `row` on the tape. */
static wr_status update(window_run *run, frame_run *frame, uint64_t row, uint32_t count,
                        wr_error *err)
{
    const wr_plan_aggregate *plan = &frame->plan->aggs;

    for (uint32_t i = 0; i < plan->agg_count; i++) {
        wr_window_want_column(run, plan->aggs[i].argument, count);
        wr_window_want_column(run, plan->aggs[i].order, count);
        wr_window_want_column(run, plan->aggs[i].filter, count);
    }
    run->arguments[run->plan->kept_count].seq_first = (int64_t)row;
    return wr_agg_update(&frame->aggs, run->arguments, run->ordinals, run->states, count,
                         &frame->memory, err);
}

static wr_status add_to_back(window_run *run, frame_run *frame, uint64_t row, uint32_t count,
                             wr_error *err)
{
    if (count == 0 || !has_aggs(frame))
        return WR_OK;
    for (uint32_t i = 0; i < count; i++)
        run->states[i] = frame->back;
    return update(run, frame, row, count, err);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

/* NULLs are peers of each other and so far from all values that no offset reaches them. */
static int64_t range_distance(const window_run *run, const wr_tape_cursor *cursor,
                              const frame_run *frame, uint32_t end)
{
    uint32_t           scope = frame->plan->scope;
    const wr_sort_key *key = &run->plan->keys[run->plan->scopes[scope].partition_count];
    uint32_t           key_column = frame->plan->range_keys[end];
    uint32_t           value_column = frame->plan->range_values[end];
    wr_type            type = run->plan->types[key_column];
    const uint8_t     *row = (const uint8_t *)cursor->at + cursor->offset;
    const uint8_t     *current = (const uint8_t *)run->current->at + run->current->offset;
    bool               row_null = wr_row_is_null(run->layout, row, key_column);
    bool               bound_null = wr_row_is_null(run->layout, current, value_column);
    wr_value           value, bound;
    int                order;

    if (row_null || bound_null)
        return row_null == bound_null ? 0 : row_null == key->nulls_first ? -1 : 1;
    value = wr_value_load(type, wr_row_slot(run->layout, row, key_column));
    bound = wr_value_load(type, wr_row_slot(run->layout, current, value_column));
    order = wr_value_compare(&value, &bound);
    return key->descending ? -order : order;
}

/* Where a cursor stands against a bound: negative before the bound's row or group, 0 on it or where
 * there is no bound. */
static int64_t distance(const window_run *run, const wr_tape_cursor *cursor,
                        const frame_run *frame, wr_frame_bound bound, uint32_t end)
{
    if (bound.units == WR_FRAME_UNBOUNDED)
        return 0;
    if (bound.units == WR_FRAME_ROWS)
        return (int64_t)cursor->row - (int64_t)run->current->row - bound.offset;
    if (bound.units == WR_FRAME_GROUPS)
        return (int64_t)cursor->group -
               (int64_t)run->scopes[frame->plan->scope].group - bound.offset;
    return range_distance(run, cursor, frame, end);
}

static wr_status move_start(window_run *run, frame_run *frame, wr_error *err)
{
    const wr_window_frame *plan = frame->plan;
    wr_tape_cursor        *start = frame->start;

    for (;;) {
        const uint8_t *row;

        WR_TRY(wr_tape_cursor_row(&run->tape, start, &row, err));
        if (!row || is_beyond_partition(run, plan->scope, row, start->row) ||
            (distance(run, start, frame, plan->frame.start, 0) >= 0 &&
             distance(run, start, frame, plan->least, 0) >= 0))
            break;
        wr_tape_cursor_step(start);
    }
    frame->start_row = start->row;
    return WR_OK;
}

static wr_status move_end(window_run *run, frame_run *frame, wr_error *err)
{
    const wr_window_frame *plan = frame->plan;
    wr_tape_cursor        *end = frame->end;
    uint64_t               first = end->row;
    uint32_t               count = 0;

    for (;;) {
        const uint8_t *row = wr_tape_cursor_peek(&run->tape, end);

        if (!row || count == WR_BATCH_ROWS_MAX) {
            WR_TRY(add_to_back(run, frame, first, count, err));
            count = 0;
            WR_TRY(wr_tape_cursor_row(&run->tape, end, &row, err));
            if (!row)
                break;
        }
        if (is_beyond_partition(run, plan->scope, row, end->row) ||
            distance(run, end, frame, plan->frame.end, 1) > 0 ||
            distance(run, end, frame, plan->most, 1) > 0)
            break;
        if (end->row >= frame->middle) {
            first = count == 0 ? end->row : first;
            run->rows[count++] = row;
        }
        wr_tape_cursor_step(end);
    }
    frame->end_row = end->row;
    return add_to_back(run, frame, first, count, err);
}

void wr_window_frame_begin(window_run *run, frame_run *frame)
{
    const scope_run *scope = &run->scopes[frame->plan->scope];

    if (frame->start) {
        wr_tape_cursor_copy(frame->start, run->current);
        frame->start->group = scope->group;
    }
    wr_tape_cursor_copy(frame->end, run->current);
    frame->end->group = scope->group;
    frame->start_row = frame->end_row = frame->middle = scope->partition_row;
    frame->depth = 0;
    frame->version++;
    frame->is_stale = true;
    if (!has_aggs(frame))
        return;
    memset(frame->back, 0, frame->aggs.bytes);
    if (frame->aggs.has_values) {
        wr_bump_reset(&frame->heap);
        frame->memory.heap_bytes_left = WR_FRAME_HEAP_BYTES / 2;
    }
}

wr_status wr_window_frame_move(window_run *run, frame_run *frame, wr_error *err)
{
    uint64_t start_row = frame->start_row, end_row = frame->end_row;

    if (frame->start)
        WR_TRY(move_start(run, frame, err));
    if (frame->start_row >= frame->end_row && has_aggs(frame)) {
        memset(frame->back, 0, frame->aggs.bytes);
        frame->middle = frame->start_row;
        frame->depth = 0;
    }
    WR_TRY(move_end(run, frame, err));
    if (frame->start_row != start_row || frame->end_row != end_row) {
        frame->version++;
        frame->is_stale = true;
    }
    return WR_OK;
}

/* ---- The part before the middle -------------------------------------------------------------- */

/* Read the rows of a level again, from the frame's start on; each block's states on their own. */
static wr_status read_level(window_run *run, frame_run *frame, const slide_level *level,
                            wr_error *err)
{
    wr_tape_cursor *again = frame->again;
    uint64_t        row = level->begin;

    wr_tape_cursor_copy(again, frame->start);
    while (row < level->end) {
        const uint8_t *first;
        uint32_t       count = 0;

        WR_TRY(wr_tape_cursor_row(&run->tape, again, &first, err));
        wr_assert(first, "rows of a frame are on the tape");
        while (count < WR_BATCH_ROWS_MAX && row + count < level->end) {
            const uint8_t *next = wr_tape_cursor_peek(&run->tape, again);

            if (!next)
                break;
            run->rows[count] = next;
            run->states[count] =
                level->states +
                (row + count - level->begin) / level->block_rows * frame->aggs.bytes;
            wr_tape_cursor_step(again);
            count++;
        }
        WR_TRY(update(run, frame, row, count, err));
        row += count;
    }
    return WR_OK;
}

/* Cut the rows from the frame's start to `end` into blocks. */
static wr_status add_level(window_run *run, frame_run *frame, uint64_t end, wr_error *err)
{
    slide_level *level = &frame->levels[frame->depth];
    uint64_t     rows = end - frame->start_row;
    uint32_t     bytes = frame->aggs.bytes;

    wr_assert(frame->depth < WR_SLIDE_LEVELS, "64^8 rows are more than there are");
    level->begin = frame->start_row;
    level->end = end;
    level->block_rows = (rows + WR_SLIDE_SLOTS - 1) / WR_SLIDE_SLOTS;
    level->block_count = (uint32_t)((rows + level->block_rows - 1) / level->block_rows);
    memset(level->states, 0, (size_t)level->block_count * bytes);
    WR_TRY(read_level(run, frame, level, err));
    for (uint32_t b = level->block_count - 1; b-- > 0;)
        WR_TRY(wr_agg_merge(&frame->aggs, level->states + (size_t)b * bytes,
                            level->states + (size_t)(b + 1) * bytes, err));
    frame->depth++;
    return WR_OK;
}

/* Make the frame's start the first row of a block of the last level, or of the part from the middle on. */
static wr_status settle(window_run *run, frame_run *frame, wr_error *err)
{
    while (frame->depth > 0 && frame->start_row >= frame->levels[frame->depth - 1].end)
        frame->depth--;
    if (frame->depth == 0 && frame->start_row > frame->middle) {
        memset(frame->back, 0, frame->aggs.bytes);
        frame->middle = frame->end_row;
        WR_TRY(add_level(run, frame, frame->end_row, err));
    }
    while (frame->depth > 0) {
        const slide_level *level = &frame->levels[frame->depth - 1];
        uint64_t           behind = frame->start_row - level->begin;
        uint64_t           block_end = level->begin + (behind / level->block_rows + 1) * level->block_rows;

        if (behind % level->block_rows == 0)
            break;
        WR_TRY(add_level(run, frame, block_end < level->end ? block_end : level->end, err));
    }
    return WR_OK;
}

static wr_status merge_levels(frame_run *frame, wr_error *err)
{
    uint64_t row = frame->start_row;

    for (uint32_t d = frame->depth; d-- > 0;) {
        const slide_level *level = &frame->levels[d];

        if (row >= level->end)
            continue;
        WR_TRY(wr_agg_merge(&frame->aggs, frame->result,
                            level->states + (row - level->begin) / level->block_rows *
                                                frame->aggs.bytes,
                            err));
        row = level->end;
    }
    return WR_OK;
}

/* Of one part of a frame. */
static wr_status find_state(window_run *run, frame_run *frame, uint8_t **out_state, wr_error *err)
{
    *out_state = frame->start ? frame->result : frame->back;
    if (!frame->start || !frame->is_stale)
        return WR_OK;
    frame->is_stale = false;
    memset(frame->result, 0, frame->aggs.bytes);
    if (frame->start_row >= frame->end_row)
        return WR_OK;
    WR_TRY(settle(run, frame, err));
    WR_TRY(wr_agg_merge(&frame->aggs, frame->result, frame->back, err));
    return merge_levels(frame, err);
}

uint64_t wr_window_frame_version(const window_run *run, const wr_window *function)
{
    uint64_t version = 0;

    for (uint32_t p = 0; p < function->part_count; p++)
        version += run->frames[function->frames[p]].version;
    return version;
}

wr_status wr_window_frame_result(window_run *run, const wr_window *function,
                                 const uint8_t **out_state, wr_error *err)
{
    frame_run *frame = &run->frames[function->frames[0]];
    uint64_t   version = wr_window_frame_version(run, function);
    uint8_t   *state;

    if (function->part_count == 1 || frame->whole_version != version) {
        frame->is_stale |= function->part_count > 1; /* its result was merged into */
        WR_TRY(find_state(run, frame, &state, err));
        *out_state = state;
        if (function->part_count == 1)
            return WR_OK;
        if (!frame->start)
            memcpy(frame->result, state, frame->aggs.bytes);
        for (uint32_t p = 1; p < function->part_count; p++) {
            WR_TRY(find_state(run, &run->frames[function->frames[p]], &state, err));
            WR_TRY(wr_agg_merge(&frame->aggs, frame->result, state, err));
        }
        frame->whole_version = version;
    }
    *out_state = frame->result;
    return WR_OK;
}
