/* expr/program_step.c — the steps of a program, one switch, and how calls meet encodings.
 *
 * A call whose arguments are all constant runs for one row, and its result is constant. A call over
 * dictionary codes runs once per entry when there are no more entries than rows; an entry
 * that fails may belong to no row, so then the rows themselves decide. Everything else is flattened. */
#include <string.h>

#include "expr/program_local.h"
#include "kernel/logic.h"
#include "types/nested.h"

const wr_vector *wr_program_operand(const wr_program_local *local, operand o)
{
    switch (o.kind) {
    case OPERAND_COLUMN:
        return &local->in->columns[o.index];
    case OPERAND_CONSTANT:
        return &local->constants[o.index];
    case OPERAND_REGISTER:
        return &local->registers[o.index].vector;
    }
    WR_UNREACHABLE();
}

static wr_selection *top(wr_program_local *local)
{
    return &local->selections[local->depth];
}

static const wr_vector *flatten(wr_program_local *local, const wr_vector *in, uint32_t index)
{
    wr_vector *out = &local->scratch[index];

    out->type = in->type;
    out->valid = NULL;
    out->flags = 0;
    wr_vector_flatten(in, top(local), out);
    return out;
}

const wr_vector *wr_program_operand_flat(wr_program_local *local, operand o)
{
    const wr_vector *vector = wr_program_operand(local, o);

    return vector->encoding == WR_FLAT ? vector : flatten(local, vector, 0);
}

/* ---- Calls ---------------------------------------------------------------------------------------------- */

/* Validity of a strict result: in the room of `out`, or NULL if no argument has nulls. */
static void combine_valid(wr_program_local *local, uint32_t arg_count, wr_vector *out)
{
    uint64_t *room = wr_vector_valid_room(out);

    for (uint32_t i = 0; i < arg_count; i++) {
        const wr_vector *arg = local->args[i];

        if (arg->encoding == WR_CONST || !arg->valid)
            continue;
        wr_bits_and(arg->valid, out->valid, out->row_count, room);
        out->valid = room;
    }
}

/* The whole of a value that lies on disk, in the heap. Errors WR_NO_RESERVE it does not fit */
static wr_status load_blob(wr_eval *eval, const wr_blob *blob, wr_str *out, wr_error *err)
{
    char *bytes = blob->byte_count <= UINT32_MAX
                      ? wr_bump_try_alloc(eval->heap, (size_t)blob->byte_count) : NULL;

    if (!bytes)
        return WR_NO_RESERVE;
    WR_TRY(wr_blob_read(blob, 0, bytes, (size_t)blob->byte_count, err));
    *out = wr_str_of(bytes, (size_t)blob->byte_count);
    return WR_OK;
}

/* Do selected rows of `arg` have values on disk? Which entries do they use? */
static bool find_blobs(const wr_eval *eval, const wr_vector *arg, uint32_t *out_first,
                       uint32_t *out_count)
{
    const wr_str *values = arg->data;
    uint32_t      first = UINT32_MAX, last = 0;
    bool          any = false;

    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i), index = wr_arg_index(arg, row);

        first = index < first ? index : first;
        last = index > last ? index : last;
        any |= wr_vector_is_valid(arg, row) && wr_str_is_blob(&values[index]);
    }
    *out_first = first;
    *out_count = any ? last - first + 1 : 0;
    return any;
}

/* Give a function that cannot read blobs a copy of its argument without any, in the heap: which values
 * were sent to disk depends on the cap, and answers must not. */
static wr_status load_argument(wr_program_local *local, const wr_vector **io_arg, wr_error *err)
{
    const wr_vector *arg = *io_arg;
    const wr_str    *values = arg->data;
    wr_eval         *eval = &local->eval;
    wr_vector       *loaded;
    wr_str          *copy;
    uint32_t         first, count;

    if (!(arg->flags & WR_VECTOR_BLOBS) || wr_type_physical(arg->type) != WR_PHYS_STR ||
        !find_blobs(eval, arg, &first, &count))
        return WR_OK;
    loaded = wr_bump_try_alloc(eval->heap, sizeof *loaded);
    copy = wr_bump_try_alloc(eval->heap, count * sizeof *copy);
    if (!loaded || !copy)
        return WR_NO_RESERVE;
    memcpy(copy, values + first, count * sizeof *copy);
    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i), index = wr_arg_index(arg, row);

        if (!wr_vector_is_valid(arg, row) || !wr_str_is_blob(&copy[index - first]))
            continue;
        eval->error_row = row;
        local->long_bytes = wr_str_blob(&copy[index - first])->byte_count;
        WR_TRY(load_blob(eval, wr_str_blob(&copy[index - first]), &copy[index - first], err));
        local->long_bytes = 0;
    }
    *loaded = *arg;
    loaded->flags = (uint8_t)(arg->flags & ~WR_VECTOR_BLOBS);
    loaded->data = (void *)((uintptr_t)copy - first * sizeof *copy); /* as the rows count */
    *io_arg = loaded;
    return WR_OK;
}

/* Does the function read its first argument where it lies? */
static bool reads_first(const wr_program_local *local, const step *s)
{
    wr_type type;

    if (!(s->function->flags & WR_FN_BLOB_LIST))
        return s->function->flags & WR_FN_BLOB_TEXT;
    type = local->args[0]->type;
    return type.logical == WR_TYPE_LIST && !wr_type_is_bytes(wr_type_element(type));
}

static wr_status load_arguments(wr_program_local *local, const step *s, wr_error *err)
{
    for (uint32_t a = reads_first(local, s); a < s->arg_count; a++)
        WR_TRY(load_argument(local, &local->args[a], err));
    return WR_OK;
}

static void find_live(wr_eval *eval, const wr_vector *out)
{
    eval->live = eval->selected;
    if (out->valid)
        eval->live = wr_eval_find_live(eval, out);
}

/* Call the function over FLAT and CONST arguments for `rows` of `row_count`. */
static wr_status evaluate(wr_program_local *local, const step *s, wr_selection rows,
                          uint32_t row_count, reg *target, wr_vector *out, wr_error *err)
{
    wr_eval *eval = &local->eval;
    uint32_t flags = s->function->flags;

    *out = (wr_vector){.type = s->expr->type, .encoding = WR_FLAT, .data = target->room,
                       .row_count = row_count};
    eval->selected = rows;
    eval->live = rows;
    eval->row_count = row_count;
    eval->expr = s->expr;
    eval->site = s->site;
    eval->state = s->state == STATE_NONE ? NULL : local->states[s->state];
    if (!(flags & WR_FN_BLOBS))
        WR_TRY(load_arguments(local, s, err));
    if (!(flags & WR_FN_NONSTRICT)) {
        combine_valid(local, s->arg_count, out);
        if (!(flags & WR_FN_DENSE))
            find_live(eval, out);
    }
    return s->function->eval(eval, local->args, s->arg_count, out, err);
}

static wr_status call_once(wr_program_local *local, const step *s, reg *target, wr_error *err)
{
    wr_status status;

    status = evaluate(local, s, wr_rows_all(1), 1, target, &target->vector, err);
    target->vector.encoding = WR_CONST;
    target->vector.row_count = WR_BATCH_ROWS_MAX;
    if (status != WR_OK)
        local->eval.error_row = wr_selection_row(top(local), 0);
    return status;
}

/* Codes that all arguments share, over dictionaries small enough; NULL: there are none. */
static const wr_vector *find_dictionary(const wr_program_local *local, const step *s,
                                        uint32_t row_count)
{
    const wr_vector *first = NULL;

    for (uint32_t i = 0; i < s->arg_count; i++) {
        const wr_vector *arg = local->args[i];

        if (arg->encoding == WR_CONST)
            continue;
        if (arg->encoding != WR_DICT || arg->dict->row_count > row_count)
            return NULL;
        if (first && (arg->codes != first->codes || arg->dict->row_count != first->dict->row_count))
            return NULL;
        first = arg;
    }
    return first;
}

/* Returns false if the entries cannot be evaluated as they are. */
static bool call_entries(wr_program_local *local, const step *s, const wr_vector *coded, reg *target)
{
    const wr_vector *saved[WR_FN_ARGS_MAX];
    uint32_t         entry_count = coded->dict->row_count;
    wr_status        status;

    if (s->arg_count > WR_FN_ARGS_MAX)
        return false;
    for (uint32_t i = 0; i < s->arg_count; i++) {
        saved[i] = local->args[i];
        if (saved[i]->encoding == WR_DICT)
            local->args[i] = saved[i]->dict;
    }
    status = evaluate(local, s, wr_rows_all(entry_count), entry_count, target, &target->entries,
                      NULL);
    if (status == WR_OK)
        target->vector = (wr_vector){.type = s->expr->type,
                                     .encoding = WR_DICT,
                                     .flags = target->entries.flags,
                                     .row_count = coded->row_count,
                                     .codes = coded->codes,
                                     .dict = &target->entries};
    else
        for (uint32_t i = 0; i < s->arg_count; i++)
            local->args[i] = saved[i];
    return status == WR_OK;
}

static void set_null_result(reg *target, wr_type type)
{
    wr_vector *out = &target->vector;

    *out = (wr_vector){.type = type, .encoding = WR_CONST, .data = target->room,
                       .row_count = WR_BATCH_ROWS_MAX};
    memset(out->data, 0, sizeof(wr_value));
    wr_eval_set_null(out, 0);
}

static wr_status run_call(wr_program_local *local, const step *s, wr_error *err)
{
    reg  *target = &local->registers[s->out];
    bool  strict = !(s->function->flags & WR_FN_NONSTRICT);
    bool  per_row = s->function->flags & WR_FN_VOLATILE, all_constant = true;
    const wr_vector *coded;

    for (uint32_t i = 0; i < s->arg_count; i++) {
        const wr_vector *arg = wr_program_operand(local, s->args[i]);

        local->args[i] = arg;
        all_constant &= arg->encoding == WR_CONST;
        if (strict && arg->encoding == WR_CONST && arg->valid && !wr_bit_get(arg->valid, 0)) {
            set_null_result(target, s->expr->type);
            return WR_OK;
        }
    }
    if (!per_row && all_constant)
        return call_once(local, s, target, err);
    if (!per_row) {
        coded = find_dictionary(local, s, top(local)->row_count);
        if (coded && call_entries(local, s, coded, target))
            return WR_OK;
    }
    for (uint32_t i = 0; i < s->arg_count; i++)
        if (local->args[i]->encoding == WR_DICT || local->args[i]->encoding == WR_SEQ)
            local->args[i] = flatten(local, local->args[i], i);
    return evaluate(local, s, *top(local), local->in->row_count, target, &target->vector, err);
}

/* ---- Logic and CASE ------------------------------------------------------------------------------------------- */

static wr_vector *empty_result(wr_program_local *local, const step *s)
{
    reg *target = &local->registers[s->out];

    target->vector = (wr_vector){.type = s->expr->type, .encoding = WR_FLAT, .data = target->room,
                                 .row_count = local->in->row_count};
    return &target->vector;
}

static void copy_rows(wr_program_local *local, const step *s, wr_vector *out)
{
    uint32_t row_count = out->row_count;

    wr_vector_flatten(wr_program_operand(local, s->args[0]), top(local), out);
    out->row_count = row_count;
}

static void run_logic_merge(wr_program_local *local, const step *s)
{
    wr_vector       *out = &local->registers[s->out].vector;
    const wr_vector *other = wr_program_operand_flat(local, s->args[0]);

    if (other->valid && !out->valid) {
        out->valid = wr_vector_valid_room(out);
        memset(out->valid, 0xff, WR_BATCH_ROWS_MAX / 8);
    }
    wr_logic_merge(s->is_and, out->data, out->valid, other->data, other->valid, *top(local));
}

static void push(wr_program_local *local, wr_selection rows)
{
    local->depth++;
    *top(local) = rows;
}

/* Undecided rows: an AND goes on where it is not false, an OR where it is not true. */
static wr_selection select_undecided(wr_program_local *local, const step *s, uint16_t *out_rows)
{
    const wr_vector *out = &local->registers[s->out].vector;

    return (wr_selection){out_rows, wr_select(s->is_and ? WR_SELECT_NOT_FALSE : WR_SELECT_NOT_TRUE,
                                              out->data, out->valid, *top(local), out_rows)};
}

/* Returns false if no row is undecided. */
static bool run_logic_enter(wr_program_local *local, const step *s)
{
    wr_selection rows = select_undecided(local, s, local->selection_rows[local->depth + 1]);

    if (rows.row_count > 0)
        push(local, rows);
    return rows.row_count > 0;
}

static bool run_logic_narrow(wr_program_local *local, const step *s)
{
    *top(local) = select_undecided(local, s, local->selection_rows[local->depth]);
    return top(local)->row_count > 0;
}

/* Returns false if the condition is true nowhere. What is left stays in the level's own room. */
static bool run_case_when(wr_program_local *local, const step *s)
{
    const wr_vector *condition = wr_program_operand_flat(local, s->args[0]);
    uint16_t        *taken_rows = local->selection_rows[local->depth + 1];
    uint16_t        *left_rows = local->selection_rows[local->depth];
    wr_selection     rows = *top(local), taken;

    taken = (wr_selection){taken_rows, wr_select(WR_SELECT_TRUE, condition->data, condition->valid,
                                                 rows, taken_rows)};
    if (taken.row_count == 0)
        return false;
    if (taken.row_count == rows.row_count) {
        taken = rows;
        *top(local) = (wr_selection){left_rows, 0};
    } else {
        *top(local) = (wr_selection){left_rows, wr_select(WR_SELECT_NOT_TRUE, condition->data,
                                                          condition->valid, rows, left_rows)};
    }
    push(local, taken);
    return true;
}

static bool run_case_then(wr_program_local *local, const step *s)
{
    copy_rows(local, s, &local->registers[s->out].vector);
    local->depth--;
    return top(local)->row_count > 0;
}

wr_status wr_program_steps(wr_program_local *local, uint32_t begin, uint32_t end, wr_error *err)
{
    uint32_t at = begin;

    while (at < end) {
        const step *s = &local->program->steps[at++];
        bool        goes_on = true;
        wr_status   status;

        switch (s->kind) {
        case STEP_CALL:
            status = run_call(local, s, err);
            if (WR_UNLIKELY(status != WR_OK)) {
                local->failed = s;
                return status;
            }
            break;
        case STEP_LOGIC_COPY:
            copy_rows(local, s, empty_result(local, s));
            break;
        case STEP_LOGIC_MERGE:
            run_logic_merge(local, s);
            break;
        case STEP_LOGIC_ENTER:
            goes_on = run_logic_enter(local, s);
            break;
        case STEP_LOGIC_NARROW:
            goes_on = run_logic_narrow(local, s);
            break;
        case STEP_CASE_ENTER:
            empty_result(local, s);
            push(local, *top(local));
            break;
        case STEP_CASE_WHEN:
            goes_on = run_case_when(local, s);
            break;
        case STEP_CASE_THEN:
            goes_on = run_case_then(local, s);
            break;
        case STEP_CASE_ELSE:
            copy_rows(local, s, &local->registers[s->out].vector);
            break;
        case STEP_POP:
            local->depth--;
            break;
        }
        if (!goes_on)
            at = s->jump;
    }
    return WR_OK;
}
