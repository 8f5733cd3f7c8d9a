/* exec/window_rows.c — one row after the other: where it stands, what its functions give.
 *
 * A batch is rows of one page of the tape, so their columns are read in one go when the functions
 * are done; what functions take from elsewhere is copied into the batch at once. */
#include "exec/window_priv.h"

#include "base/bits.h"

/* ---- Values ---------------------------------------------------------------------------------- */

static wr_vector *output_of(window_run *run, uint32_t function)
{
    return &run->columns[run->plan->output_count + function];
}

/* Long values stay where they are only until the next row is looked at. */
static void keep_text(window_run *run, wr_vector *out, wr_str *str)
{
    const void *bytes = wr_str_is_blob(str) ? (const void *)wr_str_blob(str) : wr_str_bytes(str);
    uint32_t    count = wr_str_is_blob(str) ? (uint32_t)sizeof(wr_blob) : str->byte_count;
    uint8_t    *copy = run->text + run->text_used;

    wr_assert(run->text_used + wr_round_up(count, 8) <= run->text_bytes,
              "a row's long values fit what was kept free");
    memmove(copy, bytes, count); /* it may lie there already */
    run->text_used += (uint32_t)wr_round_up(count, 8);
    if (wr_str_is_blob(str)) {
        str->pointer = (uintptr_t)copy | WR_STR_BLOB_BIT;
        out->flags |= WR_VECTOR_BLOBS;
    } else {
        str->pointer = (uintptr_t)copy;
    }
}

static void put_null(wr_vector *out, uint32_t index)
{
    uint32_t bytes = wr_physical_bytes(wr_type_physical(out->type));

    memset((uint8_t *)out->data + (size_t)index * bytes, 0, bytes);
    wr_bit_put(out->valid, index, false);
}

static void put_value(window_run *run, wr_vector *out, uint32_t index, const void *value)
{
    wr_physical physical = wr_type_physical(out->type);
    uint32_t    bytes = wr_physical_bytes(physical);
    uint8_t    *to = (uint8_t *)out->data + (size_t)index * bytes;

    memcpy(to, value, bytes);
    wr_bit_put(out->valid, index, true);
    if (physical == WR_PHYS_STR && !wr_str_is_inline((wr_str *)(void *)to))
        keep_text(run, out, (wr_str *)(void *)to);
}

/* What a state sent to disk though it is short comes back whole, as most functions want it. */
static wr_status put_state_value(window_run *run, wr_vector *out, uint32_t index, const void *value,
                                 wr_error *err)
{
    const wr_str *str = value;
    uint8_t      *copy = run->text + run->text_used;
    wr_str        whole;
    size_t        got;

    if (wr_type_physical(out->type) != WR_PHYS_STR || !wr_str_is_blob(str) ||
        str->byte_count > run->layout->row_bytes_max) {
        put_value(run, out, index, value);
        return WR_OK;
    }
    WR_TRY(wr_str_blob(str)->read(wr_str_blob(str), 0, copy, str->byte_count, &got, err));
    if (got != str->byte_count)
        return WR_RAISE(err, WR_CORRUPT, "a spilled value is shorter than it says");
    whole = wr_str_of((const char *)copy, got);
    put_value(run, out, index, &whole);
    return WR_OK;
}

static void put_number(wr_vector *out, uint32_t index, uint64_t number)
{
    ((uint64_t *)out->data)[index] = number;
    wr_bit_put(out->valid, index, true);
}

static void put_share(wr_vector *out, uint32_t index, uint64_t part, uint64_t whole)
{
    ((double *)out->data)[index] = whole ? (double)part / (double)whole : 0.0;
    wr_bit_put(out->valid, index, true);
}

static void put_column(window_run *run, wr_vector *out, uint32_t index, const uint8_t *row,
                       uint32_t column)
{
    wr_str str;

    if (wr_row_is_null(run->layout, row, column)) {
        put_null(out, index);
    } else if (wr_type_physical(out->type) == WR_PHYS_STR) {
        str = wr_row_str(run->layout, row, column);
        put_value(run, out, index, &str);
    } else {
        put_value(run, out, index, wr_row_slot(run->layout, row, column));
    }
}

/* ---- Values of other rows -------------------------------------------------------------------- */

/* Rows of the frame's earlier parts. */
static int64_t rows_before(const window_run *run, const wr_window_point *point)
{
    uint64_t rows = 0;

    for (uint32_t p = 0; p < WR_WINDOW_PARTS - 1; p++) {
        const frame_run *part =
            point->earlier[p] == WR_FIELD_NONE ? NULL : &run->frames[point->earlier[p]];

        if (part && part->end_row > part->start_row)
            rows += part->end_row - part->start_row;
    }
    return (int64_t)rows;
}

/* The row a point means now. False: there is none; then the least row it may mean later. */
static bool find_target(const window_run *run, const wr_window_point *point, uint64_t *out_row)
{
    int64_t          current = (int64_t)run->current->row;
    int64_t          nth;
    const frame_run *frame;

    if (point->kind == WR_WINDOW_LAG || point->kind == WR_WINDOW_LEAD) {
        int64_t row = point->kind == WR_WINDOW_LAG ? current - point->offset : current + point->offset;
        bool    is_inside = row >= (int64_t)run->scopes[point->scope].partition_row;

        *out_row = is_inside ? (uint64_t)row : run->scopes[point->scope].partition_row;
        return is_inside;
    }
    frame = &run->frames[point->frame];
    *out_row = frame->start_row;
    if (frame->start_row >= frame->end_row)
        return false;
    if (point->kind == WR_WINDOW_LAST_VALUE)
        *out_row = frame->end_row - 1;
    if (point->kind != WR_WINDOW_NTH_VALUE)
        return true;
    nth = point->offset - rows_before(run, point);
    if (nth < 1 || (uint64_t)nth > frame->end_row - frame->start_row)
        return false;
    *out_row = frame->start_row + (uint64_t)nth - 1;
    return true;
}

/* *out_row NULL: the partition has no such row. */
static wr_status find_row(window_run *run, uint32_t index, const uint8_t **out_row, wr_error *err)
{
    const wr_window_point *point = &run->plan->points[index];
    wr_tape_cursor        *cursor = &run->points[index];
    uint64_t               target;
    bool                   is_there;

    if (point->nulls != WR_FIELD_NONE)
        return wr_window_count_find(run, index, out_row, err);
    is_there = find_target(run, point, &target);
    /* Where many rows are excluded at once the n-th may lie farther behind than later on. */
    if (is_there && cursor->row > target)
        wr_tape_cursor_copy(cursor, run->frames[point->frame].start);
    for (;;) {
        WR_TRY(wr_tape_cursor_row(&run->tape, cursor, out_row, err));
        if (*out_row && is_beyond_partition(run, point->scope, *out_row, cursor->row))
            *out_row = NULL;
        if (!*out_row || cursor->row >= target)
            break;
        wr_tape_cursor_step(cursor);
    }
    if (!is_there)
        *out_row = NULL;
    else if ((point->kind == WR_WINDOW_FIRST_VALUE || point->kind == WR_WINDOW_NTH_VALUE) &&
             !run->frames[point->frame].start)
        cursor->is_pinned = true;
    return WR_OK;
}

static wr_status give_value(window_run *run, const wr_window *function, wr_vector *out,
                            uint32_t index, wr_error *err)
{
    bool           backwards = function->kind == WR_WINDOW_LAST_VALUE, is_given = false;
    const uint8_t *row;

    /* All are asked, so that their cursors move on. */
    for (uint32_t i = 0; i < function->part_count; i++) {
        WR_TRY(find_row(run, function->points[backwards ? function->part_count - 1 - i : i], &row,
                        err));
        if (row && !is_given)
            put_column(run, out, index, row, function->argument);
        is_given |= row != NULL;
    }
    if (is_given)
        return WR_OK;
    if (function->fallback == WR_FIELD_NONE) {
        put_null(out, index);
        return WR_OK;
    }
    WR_TRY(wr_tape_cursor_row(&run->tape, run->current, &row, err));
    put_column(run, out, index, row, function->fallback);
    return WR_OK;
}

/* ---- Functions ------------------------------------------------------------------------------- */

static wr_status give_of_values(window_run *run, const wr_window *function, wr_vector *out,
                                uint32_t index, wr_error *err)
{
    values_run *values = &run->values[function->values - run->plan->values];
    bool        is_null;

    WR_TRY(wr_window_values_result(run, values, run->cell_room, &is_null, err));
    if (is_null)
        put_null(out, index);
    else
        put_value(run, out, index, run->cell_room);
    return WR_OK;
}

static wr_status give_aggregate(window_run *run, uint32_t f, uint32_t index, wr_error *err)
{
    const wr_window *function = &run->plan->functions[f];
    const frame_run *frame = &run->frames[function->frames[0]];
    uint64_t         version = wr_window_frame_version(run, function);
    wr_vector       *out = output_of(run, f);
    uint32_t         bytes = wr_physical_bytes(wr_type_physical(out->type));
    const uint8_t   *state;

    if (index > 0 && run->versions[f] == version) {
        uint8_t *to = (uint8_t *)out->data + (size_t)index * bytes;

        memcpy(to, to - bytes, bytes);
        wr_bit_put(out->valid, index, wr_bit_get(out->valid, index - 1));
        return WR_OK;
    }
    run->versions[f] = version;
    if (function->values)
        return give_of_values(run, function, out, index, err);
    WR_TRY(wr_window_frame_result(run, function, &state, err));
    run->cell = (wr_vector){.type = out->type, .encoding = WR_FLAT, .data = run->cell_room};
    WR_TRY(wr_agg_finish(&frame->aggs, function->agg, &state, 1, &run->cell, err));
    if (run->cell.valid)
        put_null(out, index);
    else
        return put_state_value(run, out, index, run->cell.data, err);
    return WR_OK;
}

/* Bucket of the row-th of `rows` rows, counted from 0: the first rows % buckets have one row more. */
static uint64_t bucket_of(uint64_t row, uint64_t rows, uint64_t buckets)
{
    uint64_t least = rows / buckets, larger = rows % buckets, in_larger = larger * (least + 1);

    return row < in_larger ? row / (least + 1) + 1 : larger + (row - in_larger) / least + 1;
}

static wr_status give(window_run *run, uint32_t f, uint32_t index, wr_error *err)
{
    const wr_window *function = &run->plan->functions[f];
    wr_vector       *out = output_of(run, f);
    const scope_run *scope = &run->scopes[function->scope];
    uint64_t         start = scope->partition_row, row = run->current->row - start;
    uint64_t         rank = scope->peers_row - start + 1, rows = 0;

    if (function->kind == WR_WINDOW_PERCENT_RANK || function->kind == WR_WINDOW_NTILE)
        rows = run->frames[function->frames[0]].end_row - start;
    switch (function->kind) {
    case WR_WINDOW_ROW_NUMBER:
        put_number(out, index, row + 1);
        break;
    case WR_WINDOW_RANK:
        put_number(out, index, rank);
        break;
    case WR_WINDOW_DENSE_RANK:
        put_number(out, index, scope->group - scope->partition_group + 1);
        break;
    case WR_WINDOW_PERCENT_RANK:
        put_share(out, index, rank - 1, rows - 1);
        break;
    case WR_WINDOW_CUME_DIST:
        put_share(out, index, run->frames[function->frames[0]].end_row - start,
                  run->frames[function->total].end_row - start);
        break;
    case WR_WINDOW_NTILE:
        put_number(out, index, bucket_of(row, rows, (uint64_t)function->offset));
        break;
    case WR_WINDOW_LAG:
    case WR_WINDOW_LEAD:
    case WR_WINDOW_FIRST_VALUE:
    case WR_WINDOW_LAST_VALUE:
    case WR_WINDOW_NTH_VALUE:
        return give_value(run, function, out, index, err);
    case WR_WINDOW_AGGREGATE:
        return give_aggregate(run, f, index, err);
    case WR_WINDOW_KIND_COUNT:
        WR_UNREACHABLE();
    }
    return WR_OK;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The current row begins a partition of these scopes. */
static void begin_partitions(window_run *run, uint32_t scopes)
{
    const wr_plan_window *plan = run->plan;

    for (uint32_t i = 0; i < plan->frame_count; i++)
        if (scopes >> plan->frames[i].scope & 1)
            wr_window_frame_begin(run, &run->frames[i]);
    for (uint32_t i = 0; i < plan->value_count; i++)
        if (scopes >> plan->frames[plan->values[i].frames[0]].scope & 1)
            wr_window_values_begin(run, &run->values[i]);
    for (uint32_t i = 0; i < plan->point_count; i++) {
        if (!(scopes >> plan->points[i].scope & 1))
            continue;
        wr_tape_cursor_copy(&run->points[i], run->current);
        run->points[i].is_pinned = false;
        if (plan->points[i].nulls != WR_FIELD_NONE)
            wr_window_count_begin(run, i);
    }
}

static wr_status enter_row(window_run *run, const uint8_t *row, wr_error *err)
{
    uint32_t begun = 0;

    for (uint32_t s = 0; s < run->plan->scope_count; s++) {
        scope_run *scope = &run->scopes[s];

        if (wr_tape_row_begins(&run->tape, row, scope->peers_level)) {
            scope->peers_row = run->current->row;
            scope->group++;
        }
        if (wr_tape_row_begins(&run->tape, row, scope->partition_level)) {
            scope->partition_row = run->current->row;
            scope->partition_group = scope->group;
            begun |= 1u << s;
        }
    }
    if (begun)
        begin_partitions(run, begun);
    for (uint32_t i = 0; i < run->plan->frame_count; i++)
        WR_TRY(wr_window_frame_move(run, &run->frames[i], err));
    return WR_OK;
}

static void read_columns(window_run *run, uint32_t offset, uint32_t count)
{
    const wr_plan_window *plan = run->plan;

    wr_row_page_rows(run->current->at, &offset, count, run->rows);
    for (uint32_t c = 0; c < plan->output_count; c++) {
        run->columns[c].valid = NULL;
        run->columns[c].flags = 0;
        wr_row_read(run->layout, plan->outputs[c], run->rows, count, &run->columns[c]);
        run->columns[c].row_count = count;
    }
}

static void begin_functions(window_run *run)
{
    for (uint32_t f = 0; f < run->plan->function_count; f++) {
        wr_vector *out = output_of(run, f);

        out->valid = wr_vector_valid_room(out);
        out->flags = 0;
    }
    run->text_used = 0;
}

wr_status wr_window_next(window_run *run, wr_batch *out, bool *out_last, wr_error *err)
{
    const wr_plan_window *plan = run->plan;
    wr_tape_cursor       *current = run->current;
    const uint8_t        *row;
    uint64_t              first;
    uint32_t              count = 0, offset;

    wr_row_tape_trim(&run->tape);
    WR_TRY(wr_tape_cursor_row(&run->tape, current, &row, err));
    *out_last = !row;
    if (!row)
        return WR_OK;
    first = current->row;
    offset = current->offset;
    begin_functions(run);
    while (row && count < run->exec->batch_rows &&
           run->text_bytes - run->text_used >= run->text_row_bytes) {
        WR_TRY(enter_row(run, row, err));
        for (uint32_t f = 0; f < plan->function_count; f++)
            WR_TRY(give(run, f, count, err));
        wr_tape_cursor_step(current);
        count++;
        row = wr_tape_cursor_peek(&run->tape, current);
    }
    read_columns(run, offset, count);
    for (uint32_t f = 0; f < plan->function_count; f++)
        output_of(run, f)->row_count = count;
    *out = (wr_batch){
        .row_count = count,
        .column_count = plan->output_count + plan->function_count,
        .columns = run->columns,
        .morsel = run->morsel,
        .position = run->position + first,
    };
    *out_last = run->tape.is_complete && current->row == run->tape.row_count;
    wr_batch_select_all(out);
    return WR_OK;
}
