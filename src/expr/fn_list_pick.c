/* expr/fn_list_pick.c — lists side by side, and elements by where they stand. Source: DuckDB.
 *
 * What one list says about another is read beside it, so nothing is kept but for list_select, which looks
 * up positions in an array of the elements. */
#include "expr/fn_nested_priv.h"

enum { ZIPPED_MAX = WR_FN_ARGS_MAX };

/* ---- By a list of truths or positions --------------------------------------------------------------- */

static wr_status fail_null(const nested_call *call, uint32_t row, wr_error *err)
{
    return wr_eval_fail(call->eval, row, err, "%s: an element of the second list is NULL",
                        call->eval->expr->function->name);
}

/* The elements beside a true one; beside more truths than there are elements stand NULLs. */
PACK(where)
{
    static const element NOTHING = {.is_null = true};
    element_reader values, truths;
    wr_list_packer list;
    element        value, truth;
    bool           values_end = false, end;

    reader_init(&values, packed_at(call->args, 0, row), call->args[0]->type);
    reader_init(&truths, packed_at(call->args, 1, row), call->args[1]->type);
    wr_list_pack_begin(&list, packer, values.cursor.element);
    for (;;) {
        WR_TRY(reader_next(&truths, &truth, &end, err));
        if (end)
            break;
        if (truth.is_null)
            return fail_null(call, row, err);
        if (!values_end)
            WR_TRY(reader_next(&values, &value, &values_end, err));
        if (truth.cell[0])
            pack_element(&list, values_end ? &NOTHING : &value);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(where)

/* The elements at these positions, NULL where there is none. */
PACK(select)
{
    static const element NOTHING = {.is_null = true};
    element_array  array;
    element_reader positions;
    wr_list_packer list;
    element        position;
    int64_t        at;
    bool           end;

    WR_TRY(wr_nested_collect(call->eval, packed_at(call->args, 0, row), call->args[0]->type, &array,
                             err));
    reader_init(&positions, packed_at(call->args, 1, row), call->args[1]->type);
    wr_list_pack_begin(&list, packer, wr_type_element(call->args[0]->type));
    for (;;) {
        WR_TRY(reader_next(&positions, &position, &end, err));
        if (end)
            break;
        if (position.is_null)
            return fail_null(call, row, err);
        memcpy(&at, position.cell, sizeof at);
        pack_element(&list, at > 0 && at <= array.count ? &array.items[at - 1] : &NOTHING);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(select)

static bool resolve_picks(const wr_expr *const *args, wr_type pick, wr_type *args_io,
                          wr_type *out_result)
{
    wr_type picks;

    if (!wr_nested_is_list(args[0], &args_io[0]) || !wr_nested_is_list(args[1], &picks) ||
        wr_type_make_list(pick, &args_io[1], NULL) != WR_OK)
        return false;
    *out_result = args_io[0];
    return wr_type_implicit(wr_type_element(picks), pick) ||
           (pick.logical == WR_TYPE_I64 && wr_type_is_integer(wr_type_element(picks)));
}

RESOLVE(resolve_where)
{
    (void)arg_count;
    return resolve_picks(args, WR_TYPE(BOOL), args_io, out_result);
}

RESOLVE(resolve_select)
{
    (void)arg_count;
    return resolve_picks(args, WR_TYPE(I64), args_io, out_result);
}

/* ---- Another length --------------------------------------------------------------------------------- */

/* list_resize(list, count [, value]) */
PACK(resize)
{
    const void    *filling = call->arg_count > 2 ? cell_at(call->args[2], row) : NULL;
    const void    *cell = cell_at(call->args[1], row);
    int64_t        count = cell ? int_at(call->args, 1, row) : 0;
    element_reader reader;
    wr_list_packer list;
    element        e;
    bool           end = false;

    if (count < 0)
        return wr_eval_fail(call->eval, row, err, "%s: %lld elements",
                            call->eval->expr->function->name, (long long)count);
    reader_init(&reader, packed_at(call->args, 0, row), call->args[0]->type);
    wr_list_pack_begin(&list, packer, reader.cursor.element);
    for (; count > 0 && !packer->is_full; count--) {
        if (!end)
            WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            wr_list_pack_cell(&list, filling);
        else
            pack_element(&list, &e);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}

EVAL(resize)
{
    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i);

        if (!wr_vector_is_valid(args[0], row))
            wr_eval_set_null(out, row);
    }
    eval->live = wr_eval_find_live(eval, out);
    return wr_nested_store_all(eval, args, arg_count, out, pack_resize, err);
}

RESOLVE(resolve_resize)
{
    if (!is_index(args[1]))
        return false;
    args_io[1] = WR_TYPE(I64);
    if (arg_count == 2 ? !wr_nested_is_list(args[0], &args_io[0])
                       : !wr_nested_common_list(args[0], args[2], &args_io[0], &args_io[2]))
        return false;
    *out_result = args_io[0];
    return true;
}

/* ---- Side by side ----------------------------------------------------------------------------------- */

/* Is the last argument no list, but says to stop with the shortest? */
static bool has_switch(wr_type last)
{
    return last.logical == WR_TYPE_BOOL;
}

/* The next element of each list. *out_any: one of them goes on; *out_all: all do. */
static wr_status read_side_by_side(element_reader *readers, bool *ends, uint32_t count,
                                   element *out_elements, bool *out_any, bool *out_all,
                                   wr_error *err)
{
    *out_any = false;
    *out_all = true;
    for (uint32_t a = 0; a < count; a++) {
        if (!ends[a])
            WR_TRY(reader_next(&readers[a], &out_elements[a], &ends[a], err));
        if (ends[a])
            out_elements[a].is_null = true;
        *out_any |= !ends[a];
        *out_all &= !ends[a];
    }
    return WR_OK;
}

PACK(zip)
{
    uint32_t       last = call->arg_count - 1;
    bool           switched = has_switch(call->args[last]->type), ends[ZIPPED_MAX], any, all;
    const uint8_t *cuts = switched ? cell_at(call->args[last], row) : NULL;
    uint32_t       count = call->arg_count - switched;
    wr_type        pair = wr_type_element(call->out->type);
    element_reader readers[ZIPPED_MAX];
    element        elements[ZIPPED_MAX];
    wr_list_packer list;

    for (uint32_t a = 0; a < count; a++) {
        ends[a] = !wr_vector_is_valid(call->args[a], row);
        if (!ends[a])
            reader_init(&readers[a], packed_at(call->args, a, row), call->args[a]->type);
    }
    wr_list_pack_begin(&list, packer, pair);
    for (;;) {
        wr_struct_packer strukt;

        WR_TRY(read_side_by_side(readers, ends, count, elements, &any, &all, err));
        if (cuts && *cuts ? !all : !any)
            break;
        wr_list_pack_open(&list);
        wr_struct_pack_begin(&strukt, packer, pair);
        for (uint32_t a = 0; a < count; a++)
            wr_struct_pack_cell(&strukt, elements[a].is_null ? NULL : elements[a].cell);
        wr_list_pack_close(&list);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(zip)

RESOLVE(resolve_zip)
{
    wr_type  types[ZIPPED_MAX], pair;
    uint32_t count = arg_count;

    if (arg_count > 1 && has_switch(args[arg_count - 1]->type))
        count--;
    if (count > ZIPPED_MAX)
        return false;
    for (uint32_t a = 0; a < count; a++) {
        if (!wr_nested_is_list(args[a], &args_io[a]))
            return false;
        types[a] = wr_type_element(args_io[a]);
    }
    return wr_nested_make_row(types, count, &pair) &&
           wr_type_make_list(pair, out_result, NULL) == WR_OK;
}

/* ---- Table ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define FUNCTION(name_, sig, flags_, count_, resolve_, eval_, help_) \
    {.name = name_, .signature = sig, .help = help_, .flags = flags_, .param_count = count_, \
     .resolve = resolve_, .eval = eval_}
#define RESIZE(name_, help_) \
    FUNCTION(name_, "(list, n) -> list", WR_FN_NONSTRICT | WR_FN_MAY_NULL, 2, resolve_resize, resize, help_), \
    FUNCTION(name_, "(list, n, value) -> list", WR_FN_NONSTRICT | WR_FN_MAY_NULL, 3, resolve_resize, resize, "new elements are the value")

static const wr_function FUNCTIONS[] = {
    FUNCTION("list_where", "(list, list of Booleans) -> list", 0, 2, resolve_where, where, "the elements beside a true one"),
    FUNCTION("array_where", "(list, list of Booleans) -> list", 0, 2, resolve_where, where, "as list_where"),
    FUNCTION("list_select", "(list, positions) -> list", 0, 2, resolve_select, select, "the elements at these positions, NULL where there is none"),
    FUNCTION("array_select", "(list, positions) -> list", 0, 2, resolve_select, select, "as list_select"),
    RESIZE("list_resize", "the first n elements; new ones are NULL"), RESIZE("array_resize", "as list_resize"),
    FUNCTION("list_zip", "(list, ... [, Boolean]) -> list of structs", WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_NEVER_NULL | WR_FN_VARIADIC, 1,
             resolve_zip, zip, "the lists side by side, each element a Struct(f1, f2, ...); as long as the longest, with true at the end as the shortest"),
    FUNCTION("array_zip", "(list, ... [, Boolean]) -> list of structs", WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_NEVER_NULL | WR_FN_VARIADIC, 1,
             resolve_zip, zip, "as list_zip"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_LIST_PICK = {"lists side by side", FUNCTIONS,
                                                  sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
