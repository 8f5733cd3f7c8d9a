/* expr/fn_lambda.c — list_transform, list_filter and list_reduce: a lambda over the elements of lists.
 *
 * The body is a program of its own over columns: the parameters, then what it takes from outside. The
 * elements of many lists are lined up in batches of up to 1024 rows, so short lists cost no more
 * than long ones. list_reduce goes over many lists side by side, an element of each at a time.
 * The program's registers and the columns are made once (prepare); texts go to the heap of the call, and
 * what does not fit there makes the caller evaluate fewer rows. */
#include "expr/fn_nested_priv.h"
#include "expr/program.h"

enum { REDUCED_ROWS = 256 };

/* What a worker keeps for a call. */
typedef struct lambda_state {
    wr_program_local *program;
    wr_packed_window *window;  /* of a list that lies on disk              */
    wr_vector        *columns; /* with room                               */
    uint16_t         *rows;    /* of the call, to which the elements belong */
    element_reader   *readers; /* REDUCED_ROWS, of list_reduce only        */
    element          *results; /* and what they are reduced to so far      */
} lambda_state;

/* A run of the function over the rows of a batch. */
typedef struct lambda_run {
    wr_eval         *eval;
    arguments        args;
    wr_vector       *out;
    lambda_state    *state;
    const wr_lambda *lambda;
    arguments        captured;
    uint32_t         count; /* elements in the columns */
} lambda_run;

/* ---- State ------------------------------------------------------------------------------------------ */

static bool is_reduce(const wr_expr *call)
{
    return strcmp(call->function->name, "list_reduce") == 0;
}

static uint64_t prepare_bytes_of(const wr_expr *call)
{
    const wr_lambda *lambda = call->lambda;
    uint64_t bytes = wr_program_lease_min(lambda->program, 0);

    bytes += wr_round_up(sizeof(wr_packed_window), 16);
    bytes += wr_round_up(lambda->column_count * sizeof(wr_vector), 16);
    bytes += wr_round_up(WR_BATCH_ROWS_MAX * sizeof(uint16_t), 16);
    for (uint32_t i = 0; i < lambda->column_count; i++)
        bytes += wr_round_up(wr_vector_bytes(lambda->types[i]), 16);
    if (is_reduce(call))
        bytes += wr_round_up(REDUCED_ROWS * sizeof(element_reader), 16) +
                 wr_round_up(REDUCED_ROWS * sizeof(element), 16);
    return bytes;
}

static wr_status prepare(wr_eval *eval, wr_bump *bump, wr_error *err)
{
    const wr_lambda *lambda = eval->expr->lambda;
    lambda_state    *state = eval->state;
    wr_run_facts     facts = {.now_us = eval->now_us, .seed = eval->seed};

    state->window = WR_BUMP_NEW(bump, wr_packed_window, err);
    state->columns = WR_BUMP_NEW_ARRAY(bump, wr_vector, lambda->column_count, err);
    state->rows = WR_BUMP_NEW_ARRAY(bump, uint16_t, WR_BATCH_ROWS_MAX, err);
    if (!state->window || !state->columns || !state->rows)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < lambda->column_count; i++)
        WR_TRY(wr_vector_init(&state->columns[i], lambda->types[i], bump, err));
    if (is_reduce(eval->expr)) {
        state->readers = WR_BUMP_NEW_ARRAY(bump, element_reader, REDUCED_ROWS, err);
        state->results = WR_BUMP_NEW_ARRAY(bump, element, REDUCED_ROWS, err);
        if (!state->readers || !state->results)
            return WR_NO_MEMORY;
    }
    return wr_program_local_new(lambda->program, bump, NULL, &facts, &state->program, err);
}

static lambda_run run_of(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out)
{
    const wr_lambda *lambda = eval->expr->lambda;
    lambda_state    *state = eval->state;
    uint32_t         captured = lambda->column_count - lambda->parameter_count;

    wr_program_local_nest(state->program, eval->heap);
    return (lambda_run){.eval = eval, .args = args, .out = out, .state = state, .lambda = lambda,
                        .captured = args + (arg_count - captured)};
}

/* ---- Columns ---------------------------------------------------------------------------------------- */

static void put_cell(wr_vector *column, uint32_t at, const element *e)
{
    uint32_t width = value_bytes(column->type);

    if (e->is_null) {
        memset((uint8_t *)column->data + (size_t)at * width, 0, width);
        wr_bit_clear(column->valid, at);
    } else {
        memcpy((uint8_t *)column->data + (size_t)at * width, e->cell, width);
        wr_bit_set(column->valid, at);
    }
}

static element get_cell(const wr_vector *column, uint32_t at)
{
    element e = {.is_null = !wr_vector_is_valid(column, at)};

    if (!e.is_null)
        memcpy(e.cell, wr_vector_at(column, at), value_bytes(column->type));
    return e;
}

/* Run the body for the elements from `*io_done` on, as far as the heap goes. All columns are flat, so the
 * output is flat or constant. */
static wr_status run_body(lambda_run *run, uint32_t *io_done, wr_vector *output, wr_error *err)
{
    const wr_lambda *lambda = run->lambda;
    lambda_state    *state = run->state;
    wr_batch  batch = {.row_count = run->count, .column_count = lambda->column_count,
                       .columns = state->columns};
    uint32_t  first = lambda->parameter_count, rows, error_row;
    wr_status status;

    wr_batch_select_all(&batch);
    for (uint32_t i = 0; i < first; i++)
        state->columns[i].row_count = run->count;
    for (uint32_t i = first; i < lambda->column_count; i++) {
        state->columns[i].valid = wr_vector_valid_room(&state->columns[i]);
        wr_vector_gather(run->captured[i - first], state->rows, run->count, &state->columns[i]);
    }
    status = wr_program_run(state->program, &batch, *io_done, output, &rows, &error_row, err);
    if (status == WR_NO_MEMORY) {
        wr_error_clear(err);
        return WR_NO_RESERVE;
    }
    if (status != WR_OK && error_row < run->count)
        run->eval->error_row = state->rows[error_row];
    *io_done += status == WR_OK ? rows : 0;
    return status;
}

/* ---- list_transform, list_filter ------------------------------------------------------------------- */

/* The list that is being written. */
typedef struct writing {
    wr_packer      packer;
    wr_list_packer list;
    uint32_t       row;
    bool           is_open;
} writing;

static bool ensure_room(wr_bump *heap, wr_packer *packer, size_t more)
{
    size_t   capacity = packer->used + more;
    uint8_t *bytes;

    if (packer->capacity >= capacity)
        return true;
    if (packer->used && capacity < 2 * packer->capacity)
        capacity = 2 * packer->capacity;
    bytes = wr_bump_try_alloc(heap, capacity);
    if (!bytes)
        return false;
    if (packer->used)
        memcpy(bytes, packer->bytes, packer->used);
    packer->bytes = bytes;
    packer->capacity = capacity;
    return true;
}

static void close_list(lambda_run *run, writing *w)
{
    if (w->is_open) {
        wr_list_pack_end(&w->list);
        put_part(run->out, w->row, (const char *)w->packer.bytes, w->packer.used);
    }
    w->is_open = false;
}

static void open_list(lambda_run *run, writing *w, uint32_t row)
{
    close_list(run, w);
    w->packer = (wr_packer){0};
    w->row = row;
    w->is_open = true;
    wr_list_pack_begin(&w->list, &w->packer, wr_type_element(run->out->type));
}

/* Room for `count` elements of `source` from `first` on, a block's head and its bit map. */
static bool ensure_elements(lambda_run *run, writing *w, const wr_vector *source, uint32_t first,
                            uint32_t count)
{
    uint32_t width = value_bytes(source->type);
    size_t   bytes = 2 * (WR_LIST_HEADER_BYTES + WR_LIST_BLOCK_ELEMENTS / 8);

    bytes += (size_t)count * (width + 1);
    if (wr_type_is_bytes(source->type))
        for (uint32_t i = 0; i < count; i++) {
            const wr_str *str = cell_at(source, first + i);

            bytes += str ? str->byte_count : 0;
        }
    return ensure_room(run->eval->heap, &w->packer, bytes);
}

static bool is_true(const wr_vector *condition, uint32_t at)
{
    const uint8_t *truths = condition->data;

    return wr_vector_is_valid(condition, at) && truths[wr_arg_index(condition, at)];
}

/* Add the results of elements [first, end), which are the new elements, or say which stay. */
static wr_status write_results(lambda_run *run, writing *w, uint32_t first, uint32_t end,
                               const wr_vector *output, bool filters)
{
    const wr_vector *source = filters ? &run->state->columns[0] : output;
    const uint16_t  *rows = run->state->rows;
    const uint8_t   *cells = source->data;
    size_t           step = source->encoding == WR_CONST ? 0 : value_bytes(source->type);

    for (uint32_t i = first, behind; i < end; i = behind) {
        for (behind = i + 1; behind < end && rows[behind] == rows[i]; behind++)
            continue;
        if (!w->is_open || w->row != rows[i])
            open_list(run, w, rows[i]);
        if (!ensure_elements(run, w, source, i, behind - i))
            return WR_NO_RESERVE;
        for (uint32_t at = i; at < behind; at++)
            if (!filters || is_true(output, at))
                wr_list_pack_cell(&w->list,
                                  wr_vector_is_valid(source, at) ? cells + at * step : NULL);
    }
    return WR_OK;
}

/* Run the lambda over the elements that are lined up, and add what comes of it. */
static wr_status flush(lambda_run *run, writing *w, bool filters, wr_error *err)
{
    wr_vector output;

    for (uint32_t done = 0, first = 0; done < run->count; first = done) {
        WR_TRY(run_body(run, &done, &output, err));
        WR_TRY(write_results(run, w, first, done, &output, filters));
    }
    run->count = 0;
    return WR_OK;
}

/* Line up elements from `cursor` on, as many as there is room for; *out_count 0: there are no more. */
static wr_status take_numbers(lambda_run *run, wr_list_cursor *cursor, uint32_t *out_count,
                              wr_error *err)
{
    wr_vector *column = &run->state->columns[0];
    uint32_t   room = WR_BATCH_ROWS_MAX - run->count, left;
    bool       any_null;

    WR_TRY(wr_list_cursor_left(cursor, &left, err));
    *out_count = left < room ? left : room;
    if (left == 0)
        return WR_OK;
    for (uint32_t i = 0; i < *out_count; i++)
        wr_bit_set(column->valid, run->count + i);
    return wr_list_cursor_copy(cursor, *out_count,
                               (uint8_t *)column->data +
                                   (size_t)run->count * value_bytes(column->type),
                               column->valid, run->count, &any_null, err);
}

static wr_status take_text(lambda_run *run, element_reader *reader, uint32_t *out_count,
                           wr_error *err)
{
    element e;
    bool    end;

    WR_TRY(reader_next(reader, &e, &end, err));
    *out_count = !end;
    if (!end)
        put_cell(&run->state->columns[0], run->count, &e);
    return WR_OK;
}

/* The list of `row`: its elements are lined up behind those of the rows before it. */
static wr_status map_list(lambda_run *run, writing *w, uint32_t row, bool filters, wr_error *err)
{
    wr_vector     *columns = run->state->columns;
    bool           is_text = wr_type_is_bytes(columns[0].type);
    int64_t        position = 1;
    element_reader reader;

    put_part(run->out, row, NULL, 0);
    run->eval->error_row = row;
    reader_init_blob(&reader, packed_at(run->args, 0, row), run->args[0]->type, run->state->window);
    for (uint32_t count;;) {
        WR_TRY(is_text ? take_text(run, &reader, &count, err)
                       : take_numbers(run, &reader.cursor, &count, err));
        if (count == 0)
            return WR_OK;
        for (uint32_t end = run->count + count; run->count < end; run->count++) {
            if (run->lambda->parameter_count > 1)
                ((int64_t *)columns[1].data)[run->count] = position++;
            run->state->rows[run->count] = (uint16_t)row;
        }
        if (run->count == WR_BATCH_ROWS_MAX)
            WR_TRY(flush(run, w, filters, err));
    }
}

static wr_status map_lists(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                           bool filters, wr_error *err)
{
    lambda_run run = run_of(eval, args, arg_count, out);
    writing    w = {0};

    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i);

        if (wr_vector_is_valid(args[0], row))
            WR_TRY(map_list(&run, &w, row, filters, err));
        else
            wr_eval_set_null(out, row);
    }
    WR_TRY(flush(&run, &w, filters, err));
    close_list(&run, &w);
    return WR_OK;
}

EVAL(transform)
{
    return map_lists(eval, args, arg_count, out, false, err);
}

EVAL(filter)
{
    return map_lists(eval, args, arg_count, out, true, err);
}

/* ---- list_reduce ------------------------------------------------------------------------------------ */

enum { REDUCE_LIST, REDUCE_START, REDUCE_RESULT = 0, REDUCE_ELEMENT, REDUCE_POSITION };

/* Put the next element of each list that has one beside what its list is reduced to so far. */
static wr_status line_up(lambda_run *run, const uint32_t *list_rows, uint32_t list_count,
                         int64_t position, uint16_t *slots, wr_error *err)
{
    wr_vector *columns = run->state->columns;
    element    e;
    bool       end;

    run->count = 0;
    for (uint32_t i = 0; i < list_count; i++) {
        WR_TRY(reader_next(&run->state->readers[i], &e, &end, err));
        if (end)
            continue;
        put_cell(&columns[REDUCE_RESULT], run->count, &run->state->results[i]);
        put_cell(&columns[REDUCE_ELEMENT], run->count, &e);
        if (run->lambda->parameter_count > REDUCE_POSITION)
            ((int64_t *)columns[REDUCE_POSITION].data)[run->count] = position;
        run->state->rows[run->count] = (uint16_t)list_rows[i];
        slots[run->count++] = (uint16_t)i;
    }
    return WR_OK;
}

static wr_status reduce_step(lambda_run *run, const uint16_t *slots, wr_error *err)
{
    wr_vector output;

    for (uint32_t done = 0, first = 0; done < run->count; first = done) {
        WR_TRY(run_body(run, &done, &output, err));
        for (uint32_t i = first; i < done; i++)
            run->state->results[slots[i]] = get_cell(&output, i);
    }
    return WR_OK;
}

/* What the lists of these rows begin with: the given value, or their first element; NULL if there is none. */
static wr_status begin_reduce(lambda_run *run, const uint32_t *list_rows, uint32_t list_count,
                              bool has_start, wr_error *err)
{
    for (uint32_t i = 0; i < list_count; i++) {
        element *result = &run->state->results[i];
        bool     end = false;

        run->eval->error_row = list_rows[i];
        reader_init_blob(&run->state->readers[i], packed_at(run->args, REDUCE_LIST, list_rows[i]),
                         run->args[REDUCE_LIST]->type, run->state->window);
        if (has_start)
            *result = get_cell(run->args[REDUCE_START], list_rows[i]);
        else
            WR_TRY(reader_next(&run->state->readers[i], result, &end, err));
        if (end)
            result->is_null = true;
    }
    return WR_OK;
}

static wr_status reduce_lists(lambda_run *run, const uint32_t *list_rows, uint32_t list_count,
                              bool has_start, wr_error *err)
{
    uint16_t slots[REDUCED_ROWS];
    uint32_t width = value_bytes(run->out->type);

    WR_TRY(begin_reduce(run, list_rows, list_count, has_start, err));
    for (int64_t position = has_start ? 1 : 2;; position++) {
        WR_TRY(line_up(run, list_rows, list_count, position, slots, err));
        if (run->count == 0)
            break;
        WR_TRY(reduce_step(run, slots, err));
    }
    for (uint32_t i = 0; i < list_count; i++) {
        const element *result = &run->state->results[i];

        if (result->is_null)
            wr_eval_set_null(run->out, list_rows[i]);
        else
            memcpy((uint8_t *)run->out->data + (size_t)list_rows[i] * width, result->cell, width);
    }
    return WR_OK;
}

EVAL(reduce)
{
    lambda_run run = run_of(eval, args, arg_count, out);
    uint32_t   list_rows[REDUCED_ROWS], list_count = 0;
    bool       has_start = arg_count > 1 + run.lambda->column_count - run.lambda->parameter_count;
    /* Lists that may lie on disk share one window: one after the other. */
    uint32_t   lists_max = args[REDUCE_LIST]->flags & WR_VECTOR_BLOBS ? 1 : REDUCED_ROWS;

    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i);

        if (wr_vector_is_valid(args[REDUCE_LIST], row))
            list_rows[list_count++] = row;
        else
            wr_eval_set_null(out, row);
        if (list_count == lists_max) {
            WR_TRY(reduce_lists(&run, list_rows, list_count, has_start, err));
            list_count = 0;
        }
    }
    return reduce_lists(&run, list_rows, list_count, has_start, err);
}

/* ---- Table ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define LAMBDA(name_, sig, eval_, help_) \
    {.name = name_, .signature = sig, .help = help_, .param_count = 2, \
     .flags = WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_MAY_NULL | WR_FN_BLOB_LIST, \
     .eval = eval_, .state_bytes = sizeof(lambda_state), .prepare = prepare, .prepare_bytes_of = prepare_bytes_of}

static const wr_function FUNCTIONS[] = {
    LAMBDA("list_transform", "(list, x -> value) -> list", transform, "the value for each element x; (x, i) -> value: i is its position"),
    LAMBDA("list_filter", "(list, x -> condition) -> list", filter, "the elements for which the condition is true; also (x, i) -> condition"),
    LAMBDA("list_reduce", "(list, (result, x) -> value [, start]) -> value", reduce,
           "start, or the first element, and from there on the value for each element; also (result, x, i) -> value; NULL if there is none"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_LAMBDA = {"lambda", FUNCTIONS,
                                               sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
