/* expr/fn_list_order.c — lists by their values: sorting, distinct elements, lists as sets.
 *
 * Elements are sorted as indexes, in scratch of the heap: n log n comparisons, 24 bytes an element. NULLs
 * come last unless it is said otherwise; as sets lists have no NULLs. Source: DuckDB. */
#include "expr/fn_nested_priv.h"

/* ---- Sorting -------------------------------------------------------------------------------------- */

/* A constant or a column says "ASC" or "DESC", "NULLS FIRST" or "NULLS LAST". */
static wr_status read_word(const nested_call *call, uint32_t arg, uint32_t row, const char *no,
                           const char *yes, bool *out_yes, wr_error *err)
{
    wr_text word = wr_text_trim(text_at(call->args, arg, row));

    *out_yes = wr_text_equal_nocase(word, wr_text_of(yes));
    if (*out_yes || wr_text_equal_nocase(word, wr_text_of(no)))
        return WR_OK;
    return wr_eval_fail(call->eval, row, err, "%s: '%.*s' is neither '%s' nor '%s'",
                        call->eval->expr->function->name,
                        word.byte_count > 40 ? 40 : (int)word.byte_count, word.bytes, no, yes);
}

/* An element, or of a list of places (list_grade_up) where it is. */
static void pack_place(wr_list_packer *list, const element_array *array, uint32_t index,
                       bool is_place)
{
    int64_t place = (int64_t)index + 1;

    if (is_place)
        wr_list_pack_cell(list, &place);
    else
        pack_element(list, &array->items[index]);
}

/* Runs of equal elements in `order`, backwards: read from its end they stand by their places. */
static void turn_ties(wr_type type, const element_array *array, uint32_t *order, uint32_t count)
{
    for (uint32_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count; end++)
            if (wr_nested_compare(type, array->items[order[begin]].cell,
                                  array->items[order[end]].cell) != 0)
                break;
        for (uint32_t low = begin, high = end - 1; low < high; low++, high--) {
            uint32_t kept = order[low];

            order[low] = order[high];
            order[high] = kept;
        }
    }
}

/* The elements in order, or their places. */
static wr_status pack_sorted(const nested_call *call, uint32_t row, bool descending, bool nulls_first,
                             bool places, wr_packer *packer, wr_error *err)
{
    wr_type        type = call->args[0]->type;
    element_array  array;
    wr_list_packer list;
    uint32_t      *order, valid;

    WR_TRY(wr_nested_collect(call->eval, packed_at(call->args, 0, row), type, &array, err));
    WR_TRY(wr_nested_sort(call->eval, wr_type_element(type), &array, &order));
    for (valid = array.count; valid > 0 && array.items[order[valid - 1]].is_null;)
        valid--;
    if (places && descending)
        turn_ties(wr_type_element(type), &array, order, valid);
    wr_list_pack_begin(&list, packer, wr_type_element(call->out->type));
    for (uint32_t i = valid; nulls_first && i < array.count; i++)
        pack_place(&list, &array, order[i], places);
    for (uint32_t i = 0; i < valid; i++)
        pack_place(&list, &array, order[descending ? valid - 1 - i : i], places);
    for (uint32_t i = valid; !nulls_first && i < array.count; i++)
        pack_place(&list, &array, order[i], places);
    wr_list_pack_end(&list);
    return WR_OK;
}

/* list_sort(list [, order [, nulls]]) */
static wr_status pack_as_asked(const nested_call *call, uint32_t row, bool places, wr_packer *packer,
                               wr_error *err)
{
    bool descending = false, nulls_first = false;

    if (call->arg_count > 1)
        WR_TRY(read_word(call, 1, row, "ASC", "DESC", &descending, err));
    if (call->arg_count > 2)
        WR_TRY(read_word(call, 2, row, "NULLS LAST", "NULLS FIRST", &nulls_first, err));
    return pack_sorted(call, row, descending, nulls_first, places, packer, err);
}

PACK(sort)
{
    return pack_as_asked(call, row, false, packer, err);
}
EVAL_PACKED(sort)

PACK(places)
{
    return pack_as_asked(call, row, true, packer, err);
}
EVAL_PACKED(places)

/* list_reverse_sort(list [, nulls]) */
PACK(sort_down)
{
    bool nulls_first = false;

    if (call->arg_count > 1)
        WR_TRY(read_word(call, 1, row, "NULLS LAST", "NULLS FIRST", &nulls_first, err));
    return pack_sorted(call, row, true, nulls_first, false, packer, err);
}
EVAL_PACKED(sort_down)

RESOLVE(resolve_sort)
{
    if (!wr_nested_is_list(args[0], &args_io[0]))
        return false;
    for (uint32_t i = 1; i < arg_count; i++) {
        if (args[i]->type.logical != WR_TYPE_UTF8 && !wr_expr_is_null(args[i]))
            return false;
        args_io[i] = WR_TYPE(UTF8);
    }
    *out_result = args_io[0];
    return true;
}

RESOLVE(resolve_places)
{
    return resolve_sort(args, arg_count, args_io, out_result) &&
           wr_type_make_list(WR_TYPE(I64), out_result, NULL) == WR_OK;
}

/* ---- Distinct elements ---------------------------------------------------------------------------- */

/* Those elements, in order of their first place: `order` is cut down to them. */
static void keep_first(wr_type type, const element_array *array, uint32_t *order, uint32_t *out_count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < array->count && !array->items[order[i]].is_null; i++)
        if (kept == 0 || wr_nested_compare(type, array->items[order[kept - 1]].cell,
                                           array->items[order[i]].cell) != 0)
            order[kept++] = order[i];
    *out_count = kept;
}

static wr_status find_distinct(wr_eval *eval, wr_packed packed, wr_type type, element_array *out_array,
                               uint32_t **out_order, uint32_t *out_count, wr_error *err)
{
    WR_TRY(wr_nested_collect(eval, packed, type, out_array, err));
    WR_TRY(wr_nested_sort(eval, wr_type_element(type), out_array, out_order));
    keep_first(wr_type_element(type), out_array, *out_order, out_count);
    return WR_OK;
}

/* Elements that are not marked become NULL: what is left stands in the order of the list. */
static wr_status mark_distinct(wr_eval *eval, wr_packed packed, wr_type type,
                               element_array *out_array, wr_error *err)
{
    uint32_t *order, count;
    uint8_t  *marks;

    WR_TRY(find_distinct(eval, packed, type, out_array, &order, &count, err));
    marks = wr_bump_try_alloc(eval->heap, out_array->count);
    if (!marks)
        return WR_NO_RESERVE;
    memset(marks, 0, out_array->count);
    for (uint32_t i = 0; i < count; i++)
        marks[order[i]] = 1;
    for (uint32_t i = 0; i < out_array->count; i++)
        out_array->items[i].is_null = !marks[i];
    return WR_OK;
}

static void pack_marked(const element_array *array, wr_type type, wr_packer *packer)
{
    wr_list_packer list;

    wr_list_pack_begin(&list, packer, wr_type_element(type));
    for (uint32_t i = 0; i < array->count; i++)
        if (!array->items[i].is_null)
            pack_element(&list, &array->items[i]);
    wr_list_pack_end(&list);
}

PACK(distinct)
{
    wr_type       type = call->args[0]->type;
    element_array array;

    WR_TRY(mark_distinct(call->eval, packed_at(call->args, 0, row), type, &array, err));
    pack_marked(&array, type, packer);
    return WR_OK;
}
EVAL_PACKED(distinct)

EVAL(unique)
{
    wr_bump_mark mark = wr_bump_save(eval->heap);

    (void)arg_count;
    EACH_LIVE(row)
    {
        element_array array;
        uint32_t     *order, count;

        WR_TRY(find_distinct(eval, packed_at(args, 0, row), args[0]->type, &array, &order, &count,
                             err));
        ((int64_t *)out->data)[row] = count;
        wr_bump_rewind(eval->heap, mark);
    }
    return WR_OK;
}

RESOLVE(resolve_unique)
{
    (void)arg_count;
    *out_result = WR_TYPE(I64);
    return wr_nested_is_list(args[0], &args_io[0]);
}

/* ---- Sets ------------------------------------------------------------------------------------------ */

/* Is `wanted` one of the elements that `order` sorts? */
static bool is_among(wr_type type, const element_array *array, const uint32_t *order, uint32_t count,
                     const element *wanted)
{
    uint32_t low = 0;

    for (uint32_t high = count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        int      at = wr_nested_compare(type, array->items[order[middle]].cell, wanted->cell);

        if (at == 0)
            return true;
        low = at < 0 ? middle + 1 : low;
        high = at < 0 ? high : middle;
    }
    return false;
}

/* How many elements of args[0] that are not NULL are in args[1], and how many there are. */
static wr_status count_common(wr_eval *eval, arguments args, uint32_t of, uint32_t row,
                              uint64_t *out_common, uint64_t *out_all, wr_error *err)
{
    wr_type        type = args[0]->type;
    element_array  array;
    element_reader reader;
    element        e;
    uint32_t      *order, count;
    bool           end;

    *out_common = *out_all = 0;
    WR_TRY(find_distinct(eval, packed_at(args, 1 - of, row), type, &array, &order, &count, err));
    eval->error_row = row;
    reader_init_blob(&reader, packed_at(args, of, row), type, eval->state);
    for (;;) {
        WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            return WR_OK;
        *out_all += !e.is_null;
        *out_common += !e.is_null && is_among(reader.cursor.element, &array, order, count, &e);
    }
}

static wr_status test_sets(wr_eval *eval, arguments args, wr_vector *out, bool all, wr_error *err)
{
    wr_bump_mark mark = wr_bump_save(eval->heap);

    EACH_LIVE(row)
    {
        uint64_t common, count;

        WR_TRY(count_common(eval, args, all ? 1 : 0, row, &common, &count, err));
        ((uint8_t *)out->data)[row] = all ? common == count : common > 0;
        wr_bump_rewind(eval->heap, mark);
    }
    return WR_OK;
}

EVAL(has_any)
{
    (void)arg_count;
    return test_sets(eval, args, out, false, err);
}

EVAL(has_all)
{
    (void)arg_count;
    return test_sets(eval, args, out, true, err);
}

PACK(intersect)
{
    wr_type       type = call->args[0]->type;
    element_array array, others;
    uint32_t     *order, count;

    WR_TRY(find_distinct(call->eval, packed_at(call->args, 1, row), type, &others, &order, &count, err));
    WR_TRY(mark_distinct(call->eval, packed_at(call->args, 0, row), type, &array, err));
    for (uint32_t i = 0; i < array.count; i++)
        if (!array.items[i].is_null)
            array.items[i].is_null =
                !is_among(wr_type_element(type), &others, order, count, &array.items[i]);
    pack_marked(&array, type, packer);
    return WR_OK;
}
EVAL_PACKED(intersect)

static bool resolve_sets(const wr_expr *const *args, wr_type *args_io)
{
    wr_type types[2];

    if (!wr_nested_is_list(args[0], &types[0]) || !wr_nested_is_list(args[1], &types[1]) ||
        !wr_type_common(types[0], types[1], &args_io[0]))
        return false;
    args_io[1] = args_io[0];
    return true;
}

RESOLVE(resolve_test)
{
    (void)arg_count;
    *out_result = WR_TYPE(BOOL);
    return resolve_sets(args, args_io);
}

RESOLVE(resolve_intersect)
{
    (void)arg_count;
    if (!resolve_sets(args, args_io))
        return false;
    *out_result = args_io[0];
    return true;
}

/* ---- Table ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define FUNCTION(name_, sig, flags_, count_, resolve_, eval_, help_) \
    {.name = name_, .signature = sig, .help = help_, .flags = flags_, .param_count = count_, \
     .resolve = resolve_, .eval = eval_}
#define SORT_AS(name_, resolve_, eval_, help_) \
    FUNCTION(name_, "(list) -> list", WR_FN_TOTAL, 1, resolve_, eval_, help_), \
    FUNCTION(name_, "(list, 'ASC' or 'DESC') -> list", 0, 2, resolve_, eval_, "in that order"), \
    FUNCTION(name_, "(list, 'ASC' or 'DESC', 'NULLS FIRST' or 'NULLS LAST') -> list", 0, 3, resolve_, eval_, "in that order")
#define SORT(name_, help_) SORT_AS(name_, resolve_sort, sort, help_)
#define PLACES(name_, help_) SORT_AS(name_, resolve_places, places, help_)
#define SORT_DOWN(name_, help_) \
    FUNCTION(name_, "(list) -> list", WR_FN_TOTAL, 1, resolve_sort, sort_down, help_), \
    FUNCTION(name_, "(list, 'NULLS FIRST' or 'NULLS LAST') -> list", 0, 2, resolve_sort, sort_down, "the same")
#define DISTINCT(name_, help_) FUNCTION(name_, "(list) -> list", WR_FN_TOTAL, 1, resolve_sort, distinct, help_)
#define UNIQUE(name_, help_) FUNCTION(name_, "(list) -> Int64", WR_FN_TOTAL, 1, resolve_unique, unique, help_)
#define TEST_AS(name_, flags_, eval_, help_) \
    {.name = name_, .signature = "(list, list) -> Boolean", .help = help_, .flags = flags_, .param_count = 2, \
     .resolve = resolve_test, .eval = eval_, .state_bytes = sizeof(wr_packed_window)}
#define HAS_ANY(name_, help_) TEST_AS(name_, WR_FN_TOTAL | WR_FN_BLOB_LIST, has_any, help_)
#define HAS_ALL(name_, help_) TEST_AS(name_, WR_FN_TOTAL, has_all, help_)
#define INTERSECT(name_, help_) FUNCTION(name_, "(list, list) -> list", WR_FN_TOTAL, 2, resolve_intersect, intersect, help_)

static const wr_function FUNCTIONS[] = {
    SORT("list_sort", "the elements in order, NULLs last"), SORT("array_sort", "as list_sort"),
    SORT_DOWN("list_reverse_sort", "the greatest element first, NULLs last"), SORT_DOWN("array_reverse_sort", "as list_reverse_sort"),
    PLACES("list_grade_up", "the positions of the elements in order: list_select(l, list_grade_up(l)) is list_sort(l)"),
    PLACES("array_grade_up", "as list_grade_up"), PLACES("grade_up", "as list_grade_up"),
    DISTINCT("list_distinct", "each value once, where it is first; no NULL"), DISTINCT("array_distinct", "as list_distinct"),
    UNIQUE("list_unique", "how many different values that are not NULL"), UNIQUE("array_unique", "as list_unique"),
    HAS_ANY("list_has_any", "do they share a value?"), HAS_ANY("array_has_any", "as list_has_any"),
    HAS_ALL("list_has_all", "has the first list all values of the second?"), HAS_ALL("array_has_all", "as list_has_all"),
    INTERSECT("list_intersect", "the values that both have, in the order of the first"), INTERSECT("array_intersect", "as list_intersect"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_LIST_ORDER = {"order of lists", FUNCTIONS,
                                                   sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
