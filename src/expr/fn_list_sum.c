/* expr/fn_list_sum.c — lists to one value, as the aggregate of that name makes of rows.
 *
 * NULLs are passed over; of nothing there is nothing but a count. Types are those of the aggregates,
 * and so is the exactness of sums: integers and decimals in 128 bits, floats without rounding on the way. */
#include "expr/fn_list_tally.h"
#include "expr/quantile.h"
#include "kernel/decimal.h"
#include "types/decimal.h"

static wr_status tally_numbers(tally_state *state, wr_packed packed, wr_type type, add_fn add,
                               tally *t, wr_error *err)
{
    wr_list_cursor cursor;

    state->window.byte_count = 0;
    packed.window = &state->window;
    wr_list_cursor_init(&cursor, &packed, type);
    for (uint32_t count;;) {
        bool any_null = false;

        WR_TRY(wr_list_cursor_left(&cursor, &count, err));
        if (count == 0)
            return WR_OK;
        memset(state->valid, 0xff, sizeof state->valid);
        WR_TRY(wr_list_cursor_copy(&cursor, count, state->cells, state->valid, 0, &any_null, err));
        add(t, cursor.element, state->cells, count, any_null ? state->valid : NULL);
        for (uint32_t i = 0; i < count; i++)
            t->count += !any_null || wr_bit_get(state->valid, i);
    }
}

wr_status wr_list_tally(wr_eval *eval, arguments args, uint32_t row, add_fn add, tally *out,
                        wr_error *err)
{
    wr_packed      packed = packed_at(args, 0, row);
    wr_type        type = args[0]->type;
    element_reader reader;
    element        e;
    bool           end;

    eval->error_row = row;
    *out = (tally){.chosen = {.is_null = true}, .product = 1, .state = eval->state};
    if (!wr_type_is_bytes(wr_type_element(type)))
        return tally_numbers(eval->state, packed, type, add, out, err);
    reader_init(&reader, packed, type);
    for (;;) {
        WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            return WR_OK;
        if (e.is_null)
            continue;
        add(out, reader.cursor.element, e.cell, 1, NULL);
        out->count++;
    }
}

/* The digits of an integer or a decimal. */
static wr_i128 as_digits(wr_type type, const void *cell)
{
    wr_value value = wr_value_load(type, cell);

    if (wr_type_physical(type) == WR_PHYS_I128)
        return value.i128;
    return wr_type_is_unsigned(type) ? (wr_i128)value.u64 : value.i64;
}

/* 1024 numbers of 64 bits do not leave 128. */
static wr_i128 add_block(const int64_t *numbers, uint32_t count)
{
    wr_i128 total = 0;

    for (uint32_t i = 0; i < count; i++)
        total += numbers[i];
    return total;
}

static void add_number(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                       const uint64_t *valid)
{
    if (wr_type_physical(type) == WR_PHYS_I64 && !valid)
        t->overflows |= __builtin_add_overflow(
            t->total, add_block((const int64_t *)(const void *)cells, count), &t->total);
    else if (wr_type_is_float(type))
        EACH_CELL(cell) wr_fsum_add(&t->floats, wr_quantile_number(type, cell));
    else
        EACH_CELL(cell)
            t->overflows |= __builtin_add_overflow(t->total, as_digits(type, cell), &t->total);
}

static void add_factor(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                       const uint64_t *valid)
{
    EACH_CELL(cell) t->product *= wr_quantile_number(type, cell);
}

static void add_choice(tally *t, wr_type type, const uint8_t *cell)
{
    t->chosen.is_null = false;
    memcpy(t->chosen.cell, cell, value_bytes(type));
}

static void add_least(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                      const uint64_t *valid)
{
    EACH_CELL(cell)
        if (t->chosen.is_null || wr_nested_compare(type, cell, t->chosen.cell) < 0)
            add_choice(t, type, cell);
}

static void add_greatest(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                         const uint64_t *valid)
{
    EACH_CELL(cell)
        if (t->chosen.is_null || wr_nested_compare(type, cell, t->chosen.cell) > 0)
            add_choice(t, type, cell);
}

static void add_first(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                      const uint64_t *valid)
{
    EACH_CELL(cell)
        if (t->chosen.is_null)
            add_choice(t, type, cell);
}

static void add_count(tally *t, wr_type type, const uint8_t *cells, uint32_t count,
                      const uint64_t *valid)
{
    (void)t, (void)type, (void)cells, (void)count, (void)valid;
}

/* ---- Functions ------------------------------------------------------------------------------------- */

static wr_status put_sum(wr_eval *eval, const tally *t, wr_vector *out, uint32_t row, wr_error *err)
{
    char name[WR_TYPE_NAME_BYTES];

    if (out->type.logical == WR_TYPE_F64) {
        ((double *)out->data)[row] = wr_fsum_result(&t->floats);
        return WR_OK;
    }
    if (t->overflows ||
        (out->type.logical == WR_TYPE_I64
             ? (int64_t)t->total != t->total
             : !wr_decimal_fits(t->total, out->type.precision)))
        return wr_eval_fail(eval, row, err, "list_sum: the sum does not fit %s",
                            wr_type_format(out->type, name));
    if (out->type.logical == WR_TYPE_I64)
        ((int64_t *)out->data)[row] = (int64_t)t->total;
    else
        ((wr_i128 *)out->data)[row] = t->total;
    return WR_OK;
}

EVAL(sum)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        tally t;

        WR_TRY(wr_list_tally(eval, args, row, add_number, &t, err));
        if (t.count == 0)
            wr_eval_set_null(out, row);
        else
            WR_TRY(put_sum(eval, &t, out, row, err));
    }
    return WR_OK;
}

EVAL(average)
{
    wr_type type = wr_type_element(args[0]->type);
    int     scale = type.logical == WR_TYPE_DECIMAL ? type.scale : 0;

    (void)arg_count;
    EACH_LIVE(row)
    {
        tally  t;
        double total;

        WR_TRY(wr_list_tally(eval, args, row, add_number, &t, err));
        if (t.overflows)
            return wr_eval_fail(eval, row, err, "list_avg: the sum does not fit 38 digits");
        total = wr_type_is_float(type) ? wr_fsum_result(&t.floats) : wr_decimal_to_f64(t.total, scale);
        ((double *)out->data)[row] = total / (double)(t.count ? t.count : 1);
        if (t.count == 0)
            wr_eval_set_null(out, row);
    }
    return WR_OK;
}

EVAL(product)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        tally t;

        WR_TRY(wr_list_tally(eval, args, row, add_factor, &t, err));
        ((double *)out->data)[row] = t.product;
        if (t.count == 0)
            wr_eval_set_null(out, row);
    }
    return WR_OK;
}

EVAL(count_valid)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        tally t;

        WR_TRY(wr_list_tally(eval, args, row, add_count, &t, err));
        ((int64_t *)out->data)[row] = (int64_t)t.count;
    }
    return WR_OK;
}

static wr_status choose(wr_eval *eval, arguments args, wr_vector *out, add_fn add, wr_error *err)
{
    uint32_t width = value_bytes(out->type);

    EACH_LIVE(row)
    {
        tally t;

        WR_TRY(wr_list_tally(eval, args, row, add, &t, err));
        if (t.chosen.is_null)
            wr_eval_set_null(out, row);
        else
            memcpy((uint8_t *)out->data + (size_t)row * width, t.chosen.cell, width);
    }
    return WR_OK;
}

#define CHOOSE(name, add)                                                                          \
    EVAL(name)                                                                                     \
    {                                                                                              \
        (void)arg_count;                                                                           \
        return choose(eval, args, out, add, err);                                                  \
    }
CHOOSE(least, add_least) /* of Booleans: and */
CHOOSE(greatest, add_greatest)
CHOOSE(any_value, add_first)

/* ---- Types ------------------------------------------------------------------------------------------ */

bool wr_list_resolve_as(wr_agg_kind kind, const wr_expr *arg, wr_type *args_io, wr_type *out_result)
{
    wr_type element_type;

    if (!wr_nested_is_list(arg, &args_io[0]))
        return false;
    element_type = wr_type_element(args_io[0]);
    if (element_type.logical == WR_TYPE_NULL_) {
        element_type = WR_TYPE(I32); /* []: there is nothing to add */
        if (wr_type_make_list(element_type, &args_io[0], NULL) != WR_OK)
            return false;
    }
    return element_type.logical != WR_TYPE_INTERVAL &&
           wr_agg_result_type(kind, element_type, out_result);
}

RESOLVE(resolve_sum)
{
    (void)arg_count;
    return wr_list_resolve_as(WR_AGG_SUM, args[0], args_io, out_result);
}

RESOLVE(resolve_average)
{
    (void)arg_count;
    return wr_list_resolve_as(WR_AGG_AVG, args[0], args_io, out_result);
}

/* Elements of fixed width are read where the list lies; texts and nested ones are loaded. */
static bool resolve_elements(const wr_expr *arg, bool is_bytes, wr_type *args_io)
{
    return wr_nested_is_list(arg, &args_io[0]) &&
           wr_type_is_bytes(wr_type_element(args_io[0])) == is_bytes;
}

RESOLVE(resolve_choice)
{
    (void)arg_count;
    if (!resolve_elements(args[0], false, args_io))
        return false;
    *out_result = wr_type_element(args_io[0]);
    return true;
}

RESOLVE(resolve_bytes_choice)
{
    (void)arg_count;
    if (!resolve_elements(args[0], true, args_io))
        return false;
    *out_result = wr_type_element(args_io[0]);
    return true;
}

RESOLVE(resolve_logic)
{
    return resolve_choice(args, arg_count, args_io, out_result) &&
           out_result->logical == WR_TYPE_BOOL;
}

RESOLVE(resolve_count)
{
    (void)arg_count;
    *out_result = WR_TYPE(I64);
    return resolve_elements(args[0], false, args_io);
}

RESOLVE(resolve_bytes_count)
{
    (void)arg_count;
    *out_result = WR_TYPE(I64);
    return resolve_elements(args[0], true, args_io);
}

/* ---- Table ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define TALLY(name_, flags_, result_, resolve_, eval_, help_) \
    {.name = name_, .signature = "(list) -> " result_, .help = help_, .flags = (flags_) | WR_FN_BLOBS, .param_count = 1, \
     .resolve = resolve_, .eval = eval_, .state_bytes = sizeof(tally_state)}
#define TALLY_BYTES(name_, flags_, result_, resolve_, eval_, help_) \
    {.name = name_, .signature = "(list of texts, lists ...) -> " result_, .help = help_, .flags = flags_, .param_count = 1, \
     .resolve = resolve_, .eval = eval_}

/* Those without `resolve` are made by special_nested.c. */
static const wr_function FUNCTIONS[] = {
    TALLY("list_sum", WR_FN_MAY_NULL, "number", resolve_sum, sum, "the sum of the elements"),
    TALLY("list_avg", WR_FN_MAY_NULL, "Float64", resolve_average, average, "their mean"),
    TALLY("list_product", WR_FN_TOTAL | WR_FN_MAY_NULL, "Float64", resolve_average, product, "their product"),
    TALLY("list_count", WR_FN_TOTAL, "Int64", resolve_count, count_valid, "how many are not NULL"),
    TALLY_BYTES("list_count", WR_FN_TOTAL, "Int64", resolve_bytes_count, count_valid, "how many are not NULL"),
    TALLY("list_min", WR_FN_TOTAL | WR_FN_MAY_NULL, "element", resolve_choice, least, "the least element"),
    TALLY_BYTES("list_min", WR_FN_TOTAL | WR_FN_MAY_NULL, "element", resolve_bytes_choice, least, "the least element"),
    TALLY("list_max", WR_FN_TOTAL | WR_FN_MAY_NULL, "element", resolve_choice, greatest, "the greatest element"),
    TALLY_BYTES("list_max", WR_FN_TOTAL | WR_FN_MAY_NULL, "element", resolve_bytes_choice, greatest, "the greatest element"),
    TALLY("list_any_value", WR_FN_TOTAL | WR_FN_MAY_NULL, "element", resolve_choice, any_value, "the first element that is not NULL"),
    TALLY_BYTES("list_any_value", WR_FN_TOTAL | WR_FN_MAY_NULL, "element", resolve_bytes_choice, any_value, "the first element that is not NULL"),
    TALLY("list_bool_and", WR_FN_TOTAL | WR_FN_MAY_NULL, "Boolean", resolve_logic, least, "are all true?"),
    TALLY("list_bool_or", WR_FN_TOTAL | WR_FN_MAY_NULL, "Boolean", resolve_logic, greatest, "is one true?"),
    {.name = "list_string_agg", .signature = "(list, separator) -> text", .help = "the elements as one text, separator ',' unless given; NULL if there are none"},
    {.name = "list_aggregate", .signature = "(list, 'name', ...) -> value", .help = "list_name(list, ...), for all such names, and by other names of the aggregates; also array_aggregate"},
    {.name = "list_first", .signature = "(list) -> element", .help = "list[1]"},
    {.name = "list_last", .signature = "(list) -> element", .help = "list[-1]"},
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_LIST_SUM = {"sums of lists", FUNCTIONS,
                                                 sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
