/* expr/fn_list.c — lists: making, measuring, looking into, joining, cutting, turning.
 *
 * Positions count from 1, negative ones from the end. Counting, taking elements and searching for one read a
 * list where it lies, also on disk; where they can they skip its blocks. Source: DuckDB. */
#include "expr/fn_nested_priv.h"

/* ---- Making --------------------------------------------------------------------------------------- */

PACK(list_value)
{
    wr_list_packer list;

    (void)err;
    wr_list_pack_begin(&list, packer, wr_type_element(call->out->type));
    for (uint32_t a = 0; a < call->arg_count; a++)
        wr_list_pack_cell(&list, cell_at(call->args[a], row));
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(list_value)

RESOLVE(resolve_list_value)
{
    wr_type common;

    if (!wr_expr_common(args, arg_count, false, &common))
        return false;
    for (uint32_t i = 0; i < arg_count; i++)
        args_io[i] = common;
    return wr_type_make_list(common, out_result, NULL) == WR_OK;
}

/* ---- Measuring ------------------------------------------------------------------------------------ */

EVAL(count)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        wr_packed packed = packed_at(args, 0, row);
        uint64_t  elements;

        eval->error_row = row;
        WR_TRY(wr_packed_count(&packed, &elements, err));
        ((int64_t *)out->data)[row] = (int64_t)elements;
    }
    return WR_OK;
}

RESOLVE(resolve_count)
{
    (void)arg_count, (void)args_io;
    *out_result = WR_TYPE(I64);
    return wr_type_is_sequence(args[0]->type);
}

/* ---- One element ---------------------------------------------------------------------------------- */

/* The element at `position`. */
static wr_status find_element(const wr_packed *packed, wr_type type, int64_t position,
                              wr_slot *out_slot, bool *out_found, wr_error *err)
{
    wr_list_cursor cursor;
    uint64_t       count;
    bool           end;

    *out_found = false;
    if (position < 0) {
        WR_TRY(wr_packed_count(packed, &count, err));
        position += (int64_t)count + 1;
    }
    if (position <= 0)
        return WR_OK;
    wr_list_cursor_init(&cursor, packed, type);
    WR_TRY(wr_list_cursor_skip(&cursor, (uint64_t)position - 1, err));
    WR_TRY(wr_list_cursor_next(&cursor, out_slot, &end, err));
    *out_found = !end && !out_slot->is_null;
    return WR_OK;
}

EVAL(extract)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        wr_packed packed = packed_at(args, 0, row);
        wr_slot   slot;
        bool      found;

        eval->error_row = row;
        WR_TRY(find_element(&packed, args[0]->type, int_at(args, 1, row), &slot, &found, err));
        if (found)
            WR_TRY(wr_nested_put(eval, &packed, slot, out, row, err));
        else
            wr_eval_set_null(out, row);
    }
    return WR_OK;
}

RESOLVE(resolve_extract)
{
    (void)arg_count;
    if (!wr_nested_is_list(args[0], &args_io[0]) || !is_index(args[1]))
        return false;
    args_io[1] = WR_TYPE(I64);
    *out_result = wr_type_element(args_io[0]);
    return true;
}

/* ---- Slices --------------------------------------------------------------------------------------- */

/* Positions [from, to] of `count`, as [*io_from, *io_to) from 0; what is not there is left out. */
static void clamp_slice(int64_t count, int64_t *io_from, int64_t *io_to)
{
    int64_t from = *io_from < 0 ? *io_from + count : *io_from - 1;
    int64_t to = *io_to < 0 ? *io_to + count + 1 : *io_to;

    *io_from = from < 0 ? 0 : from > count ? count : from;
    *io_to = to > count ? count : to < *io_from ? *io_from : to;
}

PACK(slice)
{
    int64_t        from = int_at(call->args, 1, row), to = int_at(call->args, 2, row);
    wr_type        type = call->args[0]->type;
    wr_packed_window *window = call->eval->state;
    element_reader reader;
    wr_list_packer list;
    uint64_t       count;
    bool           end;

    reader_init(&reader, packed_at(call->args, 0, row), type);
    WR_TRY(wr_packed_count(&reader.packed, &count, err));
    clamp_slice((int64_t)count, &from, &to);
    WR_TRY(wr_list_cursor_skip(&reader.cursor, (uint64_t)from, err)); /* of blocks it reads heads */
    window->byte_count = 0;
    reader.packed.window = window;
    wr_list_pack_begin(&list, packer, wr_type_element(type));
    for (; from < to; from++) {
        element e;

        WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            break;
        pack_element(&list, &e);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}

/* Room for as much of the list as is asked for. */
EVAL(slice)
{
    nested_call call = {eval, args, arg_count, out};

    EACH_LIVE(row)
    {
        wr_packed packed = packed_at(args, 0, row);
        int64_t   from = int_at(args, 1, row), to = int_at(args, 2, row);
        uint64_t  count, guess = 64;

        eval->error_row = row;
        WR_TRY(wr_packed_count(&packed, &count, err));
        clamp_slice((int64_t)count, &from, &to);
        if (from < to)
            guess += packed.byte_count / count * (uint64_t)(to - from) * 9 / 8;
        WR_TRY(wr_nested_store(&call, row, guess, pack_slice, err));
    }
    return WR_OK;
}

RESOLVE(resolve_slice)
{
    if (!wr_nested_is_list(args[0], &args_io[0]))
        return false;
    for (uint32_t i = 1; i < arg_count; i++) {
        if (!is_index(args[i]))
            return false;
        args_io[i] = WR_TYPE(I64);
    }
    *out_result = args_io[0];
    return true;
}

/* Every step-th element from the first position to the second; with a negative step they are taken from the
 * higher one down, and the bounds that stand for nothing mean the other ends. */
PACK(steps)
{
    int64_t from = int_at(call->args, 1, row), to = int_at(call->args, 2, row);
    int64_t step = int_at(call->args, 3, row), count;
    uint64_t       stride;
    element_array  array;
    wr_list_packer list;

    if (step == 0)
        return wr_eval_fail(call->eval, row, err, "%s: the step is 0",
                            call->eval->expr->function->name);
    WR_TRY(wr_nested_collect(call->eval, packed_at(call->args, 0, row), call->args[0]->type, &array,
                             err));
    count = array.count;
    if (step < 0) {
        int64_t high = from == -INT64_MAX ? count : from;

        from = to == INT64_MAX ? 1 : to;
        to = high;
    }
    clamp_slice(count, &from, &to);
    wr_list_pack_begin(&list, packer, wr_type_element(call->out->type));
    stride = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;
    for (uint64_t passed = 0; passed < (uint64_t)(to - from); passed += stride)
        pack_element(&list, &array.items[step < 0 ? (uint64_t)to - 1 - passed
                                                  : (uint64_t)from + passed]);
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(steps)

EVAL(slice_text)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row), part;
        int64_t from = int_at(args, 1, row), to = int_at(args, 2, row);

        clamp_slice(count_points(text), &from, &to);
        part = cut(text, from, to);
        put_part(out, row, part.bytes, part.byte_count);
    }
    return WR_OK;
}

/* The character at a position; none is the empty text. */
EVAL(extract_text)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row), part = {text.bytes, 0};
        int64_t at = int_at(args, 1, row);

        if (at < 0)
            at += count_points(text) + 1;
        if (at > 0)
            part = cut(text, at - 1, at);
        put_part(out, row, part.bytes, part.byte_count);
    }
    return WR_OK;
}

/* ---- Joining -------------------------------------------------------------------------------------- */

/* NULL lists count as empty, unless all are NULL. */
PACK(concat)
{
    wr_list_packer list;

    wr_list_pack_begin(&list, packer, wr_type_element(call->out->type));
    for (uint32_t a = 0; a < call->arg_count; a++)
        if (wr_vector_is_valid(call->args[a], row))
            WR_TRY(wr_nested_append(&list, packed_at(call->args, a, row), call->args[a]->type, err));
    wr_list_pack_end(&list);
    return WR_OK;
}

EVAL_PACKED(concat) /* || : NULL if one is */

EVAL(concat_all)
{
    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i), a = 0;

        while (a < arg_count && !wr_vector_is_valid(args[a], row))
            a++;
        if (a == arg_count)
            wr_eval_set_null(out, row);
    }
    eval->live = wr_eval_find_live(eval, out);
    return wr_nested_store_all(eval, args, arg_count, out, pack_concat, err);
}

RESOLVE(resolve_concat)
{
    wr_type common = WR_TYPE(NULL_), type;

    for (uint32_t i = 0; i < arg_count; i++)
        if (!wr_nested_is_list(args[i], &type) || !wr_type_common(common, type, &common))
            return false;
    for (uint32_t i = 0; i < arg_count; i++)
        args_io[i] = common;
    *out_result = common;
    return true;
}

/* x || y: one of them is a list, the other a list or NULL. */
RESOLVE(resolve_join)
{
    return (args[0]->type.logical == WR_TYPE_LIST || args[1]->type.logical == WR_TYPE_LIST) &&
           resolve_concat(args, arg_count, args_io, out_result);
}

/* The list in `args[list]`, NULL as an empty one, with `args[value]` behind or before it. */
static wr_status pack_added(const nested_call *call, uint32_t list_arg, uint32_t value_arg,
                            uint32_t row, wr_packer *packer, wr_error *err)
{
    wr_list_packer list;

    wr_list_pack_begin(&list, packer, wr_type_element(call->out->type));
    if (value_arg < list_arg)
        wr_list_pack_cell(&list, cell_at(call->args[value_arg], row));
    if (wr_vector_is_valid(call->args[list_arg], row))
        WR_TRY(wr_nested_append(&list, packed_at(call->args, list_arg, row), call->out->type, err));
    if (value_arg > list_arg)
        wr_list_pack_cell(&list, cell_at(call->args[value_arg], row));
    wr_list_pack_end(&list);
    return WR_OK;
}

PACK(append)
{
    return pack_added(call, 0, 1, row, packer, err);
}
EVAL_PACKED(append)

PACK(prepend)
{
    return pack_added(call, 1, 0, row, packer, err);
}
EVAL_PACKED(prepend)

RESOLVE(resolve_append)
{
    (void)arg_count;
    *out_result = WR_TYPE(NULL_);
    if (!wr_nested_common_list(args[0], args[1], &args_io[0], &args_io[1]))
        return false;
    *out_result = args_io[0];
    return true;
}

RESOLVE(resolve_prepend)
{
    (void)arg_count;
    if (!wr_nested_common_list(args[1], args[0], &args_io[1], &args_io[0]))
        return false;
    *out_result = args_io[1];
    return true;
}

PACK(repeat)
{
    wr_list_packer list;

    wr_list_pack_begin(&list, packer, wr_type_element(call->out->type));
    for (int64_t n = int_at(call->args, 1, row); n > 0 && !packer->is_full; n--)
        WR_TRY(wr_nested_append(&list, packed_at(call->args, 0, row), call->out->type, err));
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(repeat)

RESOLVE(resolve_repeat)
{
    (void)arg_count;
    args_io[1] = WR_TYPE(I64);
    *out_result = args[0]->type;
    return args[0]->type.logical == WR_TYPE_LIST && is_index(args[1]);
}

/* ---- Turning, flattening -------------------------------------------------------------------------- */

PACK(reverse)
{
    wr_type        type = call->out->type;
    element_array  array;
    wr_list_packer list;

    WR_TRY(wr_nested_collect(call->eval, packed_at(call->args, 0, row), type, &array, err));
    wr_list_pack_begin(&list, packer, wr_type_element(type));
    for (uint32_t i = array.count; i-- > 0;)
        pack_element(&list, &array.items[i]);
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(reverse)

RESOLVE(resolve_same)
{
    (void)arg_count;
    if (!wr_nested_is_list(args[0], &args_io[0]))
        return false;
    *out_result = args_io[0];
    return true;
}

PACK(flatten)
{
    wr_type        inner = call->out->type;
    element_reader reader;
    wr_list_packer list;
    element        e;
    bool           end;

    reader_init(&reader, packed_at(call->args, 0, row), call->args[0]->type);
    wr_list_pack_begin(&list, packer, wr_type_element(inner));
    for (;;) {
        WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            break;
        if (!e.is_null)
            WR_TRY(wr_nested_append(&list, wr_packed_of((const wr_str *)e.cell), inner, err));
    }
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(flatten)

/* A List(Null) holds NULL lists of Null. */
RESOLVE(resolve_flatten)
{
    wr_type inner;

    (void)arg_count;
    if (!wr_nested_is_list(args[0], &args_io[0]))
        return false;
    inner = wr_type_element(args_io[0]);
    if (inner.logical == WR_TYPE_NULL_ &&
        (wr_type_make_list(inner, &inner, NULL) != WR_OK ||
         wr_type_make_list(inner, &args_io[0], NULL) != WR_OK))
        return false;
    *out_result = inner;
    return inner.logical == WR_TYPE_LIST;
}

/* ---- Searching ------------------------------------------------------------------------------------ */

/* The position of the first element that is `cell` (NULL: that is NULL), 0 if none is. */
static wr_status search(wr_eval *eval, arguments args, uint32_t row, int64_t *out_position,
                        wr_error *err)
{
    const void    *cell = cell_at(args[1], row);
    element_reader reader;
    element        e;
    bool           end;

    eval->error_row = row;
    reader_init_blob(&reader, packed_at(args, 0, row), args[0]->type, eval->state);
    for (*out_position = 1;; ++*out_position) {
        WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            break;
        if (e.is_null || !cell ? e.is_null && !cell
                               : wr_nested_compare(reader.cursor.element, e.cell, cell) == 0)
            return WR_OK;
    }
    *out_position = 0;
    return WR_OK;
}

EVAL(contains)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        int64_t position;

        WR_TRY(search(eval, args, row, &position, err));
        ((uint8_t *)out->data)[row] = position > 0;
    }
    return WR_OK;
}

/* NULL is found, too; what is not there has the position NULL. */
EVAL(position)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i);
        int64_t  position = 0;

        if (wr_vector_is_valid(args[0], row))
            WR_TRY(search(eval, args, row, &position, err));
        ((int64_t *)out->data)[row] = position;
        if (position == 0)
            wr_eval_set_null(out, row);
    }
    return WR_OK;
}

RESOLVE(resolve_contains)
{
    (void)arg_count;
    *out_result = WR_TYPE(BOOL);
    return wr_nested_common_list(args[0], args[1], &args_io[0], &args_io[1]);
}

RESOLVE(resolve_position)
{
    (void)arg_count;
    *out_result = WR_TYPE(I64);
    return wr_nested_common_list(args[0], args[1], &args_io[0], &args_io[1]);
}

/* ---- Table ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define TEXT  {.logical = WR_TYPE_UTF8}
#define INT64 {.logical = WR_TYPE_I64}
#define FUNCTION(name_, sig, flags_, count_, resolve_, eval_, help_) \
    {.name = name_, .signature = sig, .help = help_, .flags = flags_, .param_count = count_, \
     .resolve = resolve_, .eval = eval_}
#define COUNT(name_) \
    FUNCTION(name_, "(list or map) -> Int64", WR_FN_TOTAL | WR_FN_BLOBS, 1, resolve_count, count, "number of elements")
#define EXTRACT(name_, help_) \
    FUNCTION(name_, "(list, position) -> element", WR_FN_TOTAL | WR_FN_BLOBS | WR_FN_MAY_NULL, 2, resolve_extract, extract, help_)
#define WINDOWED(name_, sig, flags_, count_, resolve_, eval_, help_) \
    {.name = name_, .signature = sig, .help = help_, .flags = (flags_) | WR_FN_BLOB_LIST, .param_count = count_, \
     .resolve = resolve_, .eval = eval_, .state_bytes = sizeof(wr_packed_window)}
#define SLICE(name_, help_) \
    WINDOWED(name_, "(list, from, to) -> list", WR_FN_TOTAL, 3, resolve_slice, slice, help_), \
    FUNCTION(name_, "(list, from, to, step) -> list", 0, 4, resolve_slice, steps, "each step-th of them, from the end for a negative step; also list[from:to:step]"), \
    {.name = name_, .signature = "(text, from, to) -> text", .help = "the characters from..to, negative positions from the end; also text[from:to]", \
     .flags = WR_FN_TOTAL, .param_count = 3, .params = {TEXT, INT64, INT64}, .result = TEXT, .eval = slice_text}
#define CONTAINS(name_, help_) \
    WINDOWED(name_, "(list, value) -> Boolean", WR_FN_TOTAL, 2, resolve_contains, contains, help_)
#define POSITION(name_, help_) \
    WINDOWED(name_, "(list, value) -> Int64", WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_MAY_NULL, 2, resolve_position, position, help_)
#define CONCAT(name_, help_) \
    FUNCTION(name_, "(list, ...) -> list", WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_VARIADIC, 1, resolve_concat, concat_all, help_)
#define APPEND(name_, help_) \
    FUNCTION(name_, "(list, value) -> list", WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_NEVER_NULL, 2, resolve_append, append, help_)
#define PREPEND(name_, help_) \
    FUNCTION(name_, "(value, list) -> list", WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_NEVER_NULL, 2, resolve_prepend, prepend, help_)
#define REVERSE(name_, help_) \
    FUNCTION(name_, "(list) -> list", WR_FN_TOTAL, 1, resolve_same, reverse, help_)

/* Those without `resolve` are made by special_nested.c. */
static const wr_function FUNCTIONS[] = {
    FUNCTION("list_value", "(value, ...) -> list", WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_NEVER_NULL | WR_FN_VARIADIC, 0,
             resolve_list_value, list_value, "a list of these values; also [value, ...]"),
    FUNCTION("list_pack", "(value, ...) -> list", WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_NEVER_NULL | WR_FN_VARIADIC, 0,
             resolve_list_value, list_value, "as list_value"),
    COUNT("len"), COUNT("length"), COUNT("array_length"), COUNT("cardinality"), COUNT("list_length"),
    EXTRACT("list_extract", "the element at a position, negative ones from the end, or NULL; also list[position]"),
    EXTRACT("list_element", "as list_extract"),
    {.name = "list_extract", .signature = "(text, position) -> text", .help = "the character at a position; also text[position]",
     .flags = WR_FN_TOTAL, .param_count = 2, .params = {TEXT, INT64}, .result = TEXT, .eval = extract_text},
    SLICE("array_slice", "the elements from..to, negative positions from the end; also list[from:to]"),
    SLICE("list_slice", "as array_slice"),
    CONCAT("list_concat", "the elements of all lists; NULL lists are left out"),
    CONCAT("list_cat", "as list_concat"), CONCAT("array_concat", "as list_concat"), CONCAT("array_cat", "as list_concat"),
    FUNCTION("||", "(list, list) -> list", WR_FN_TOTAL, 2, resolve_join, concat, "the elements of both"),
    APPEND("list_append", "with one more element at the end"), APPEND("array_append", "as list_append"),
    APPEND("array_push_back", "as list_append"),
    FUNCTION("array_push_front", "(list, value) -> list", 0, 2, NULL, prepend, "with one more element at the front"),
    FUNCTION("array_pop_back", "(list) -> list", 0, 1, NULL, slice, "without the last element"),
    FUNCTION("array_pop_front", "(list) -> list", 0, 1, NULL, slice, "without the first element"),
    PREPEND("list_prepend", "with one more element at the front"), PREPEND("array_prepend", "as list_prepend"),
    FUNCTION("repeat", "(list, n) -> list", 0, 2, resolve_repeat, repeat, "the elements n times"),
    REVERSE("list_reverse", "elements in reverse order"), REVERSE("array_reverse", "as list_reverse"),
    FUNCTION("flatten", "(list of lists) -> list", WR_FN_TOTAL, 1, resolve_flatten, flatten, "the elements of the inner lists"),
    CONTAINS("list_contains", "is the value an element?"), CONTAINS("list_has", "as list_contains"),
    CONTAINS("array_contains", "as list_contains"), CONTAINS("array_has", "as list_contains"),
    CONTAINS("contains", "as list_contains"),
    POSITION("list_position", "where the value is first, from 1, or NULL"), POSITION("list_indexof", "as list_position"),
    POSITION("array_position", "as list_position"), POSITION("array_indexof", "as list_position"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_LIST = {"list", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
