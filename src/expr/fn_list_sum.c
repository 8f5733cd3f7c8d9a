/* expr/fn_list_sum.c — lists to one value, as the aggregate of that name makes of rows; ranges of numbers.
 *
 * NULLs are passed over; of nothing there is nothing but a count. Types are those of the aggregates,
 * and so is the exactness of sums: integers and decimals in 128 bits, floats without rounding on the way. */
#include "expr/aggregate.h"
#include "expr/fn_nested_priv.h"
#include "kernel/decimal.h"
#include "types/decimal.h"
#include "types/fsum.h"

/* What a list comes to, element by element. */
typedef struct tally {
    uint64_t count;
    wr_i128  total;
    bool     overflows;
    wr_fsum  floats;
    double   product;
    element  chosen; /* min, max, first ...; BOOL: and, or */
} tally;

typedef void (*add_fn)(tally *t, wr_type type, const element *e);

static wr_status tally_list(wr_packed packed, wr_type type, add_fn add, tally *out, wr_error *err)
{
    element_reader reader;
    element        e;
    bool           end;

    *out = (tally){.chosen = {.is_null = true}, .product = 1};
    reader_init(&reader, packed, type);
    for (;;) {
        WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            return WR_OK;
        if (e.is_null)
            continue;
        add(out, reader.cursor.element, &e);
        out->count++;
    }
}

/* The digits of an integer or a decimal. */
static wr_i128 as_digits(wr_type type, const element *e)
{
    wr_value value = wr_value_load(type, e->cell);

    if (wr_type_physical(type) == WR_PHYS_I128)
        return value.i128;
    return wr_type_is_unsigned(type) ? (wr_i128)value.u64 : value.i64;
}

static double as_float(wr_type type, const element *e)
{
    if (wr_type_is_float(type))
        return wr_value_load(type, e->cell).f64;
    return wr_decimal_to_f64(as_digits(type, e), type.logical == WR_TYPE_DECIMAL ? type.scale : 0);
}

static void add_number(tally *t, wr_type type, const element *e)
{
    if (wr_type_is_float(type))
        wr_fsum_add(&t->floats, as_float(type, e));
    else
        t->overflows |= __builtin_add_overflow(t->total, as_digits(type, e), &t->total);
}

static void add_factor(tally *t, wr_type type, const element *e)
{
    t->product *= as_float(type, e);
}

static void add_least(tally *t, wr_type type, const element *e)
{
    if (t->chosen.is_null || wr_nested_compare(type, e->cell, t->chosen.cell) < 0)
        t->chosen = *e;
}

static void add_greatest(tally *t, wr_type type, const element *e)
{
    if (t->chosen.is_null || wr_nested_compare(type, e->cell, t->chosen.cell) > 0)
        t->chosen = *e;
}

static void add_first(tally *t, wr_type type, const element *e)
{
    (void)type;
    if (t->chosen.is_null)
        t->chosen = *e;
}

static void add_count(tally *t, wr_type type, const element *e)
{
    (void)t, (void)type, (void)e;
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

        WR_TRY(tally_list(packed_at(args, 0, row), args[0]->type, add_number, &t, err));
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

        WR_TRY(tally_list(packed_at(args, 0, row), args[0]->type, add_number, &t, err));
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

        WR_TRY(tally_list(packed_at(args, 0, row), args[0]->type, add_factor, &t, err));
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

        WR_TRY(tally_list(packed_at(args, 0, row), args[0]->type, add_count, &t, err));
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

        WR_TRY(tally_list(packed_at(args, 0, row), args[0]->type, add, &t, err));
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

static bool resolve_as(wr_agg_kind kind, const wr_expr *arg, wr_type *args_io, wr_type *out_result)
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
    return resolve_as(WR_AGG_SUM, args[0], args_io, out_result);
}

RESOLVE(resolve_average)
{
    (void)arg_count;
    return resolve_as(WR_AGG_AVG, args[0], args_io, out_result);
}

RESOLVE(resolve_choice)
{
    (void)arg_count;
    if (!wr_nested_is_list(args[0], &args_io[0]))
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
    return wr_nested_is_list(args[0], &args_io[0]);
}

/* ---- Ranges ----------------------------------------------------------------------------------------- */

/* How many numbers there are from `start` on, before `stop` or up to it. */
static wr_u128 count_range(wr_i128 start, wr_i128 stop, wr_i128 step, bool closed)
{
    wr_i128 distance = step < 0 ? start - stop : stop - start;
    wr_i128 stride = step < 0 ? -step : step;

    if (step == 0 || distance < 0 || (distance == 0 && !closed))
        return 0;
    return (wr_u128)((distance - !closed) / stride + 1);
}

static wr_status pack_numbers(const nested_call *call, uint32_t row, bool closed, wr_packer *packer,
                              wr_error *err)
{
    bool    alone = call->arg_count == 1;
    int64_t start = alone ? 0 : int_at(call->args, 0, row);
    int64_t stop = int_at(call->args, alone ? 0 : 1, row);
    int64_t step = call->arg_count > 2 ? int_at(call->args, 2, row) : 1;
    wr_u128 count = count_range(start, stop, step, closed);
    wr_list_packer list;

    if (count > UINT32_MAX / sizeof(int64_t))
        return wr_eval_fail(call->eval, row, err, "%s: the list would be longer than 4 GiB",
                            call->eval->expr->function->name);
    wr_list_pack_begin(&list, packer, WR_TYPE(I64));
    for (uint64_t i = 0; i < (uint64_t)count && !packer->is_full; i++) {
        int64_t number = (int64_t)(start + (wr_i128)i * step);

        wr_list_pack_cell(&list, &number);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}

PACK(range)
{
    return pack_numbers(call, row, false, packer, err);
}
EVAL_PACKED(range)

PACK(series)
{
    return pack_numbers(call, row, true, packer, err);
}
EVAL_PACKED(series)

RESOLVE(resolve_range)
{
    for (uint32_t i = 0; i < arg_count; i++) {
        if (!is_index(args[i]))
            return false;
        args_io[i] = WR_TYPE(I64);
    }
    return wr_type_make_list(WR_TYPE(I64), out_result, NULL) == WR_OK;
}

/* ---- Table ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define TALLY(name_, flags_, result_, resolve_, eval_, help_) \
    {.name = name_, .signature = "(list) -> " result_, .help = help_, .flags = flags_, .param_count = 1, .resolve = resolve_, .eval = eval_}
#define RANGE(name_, sig, count_, eval_, help_) \
    {.name = name_, .signature = sig, .help = help_, .param_count = count_, .resolve = resolve_range, .eval = eval_}

static const wr_function FUNCTIONS[] = {
    TALLY("list_sum", WR_FN_MAY_NULL, "number", resolve_sum, sum, "the sum of the elements"),
    TALLY("list_avg", WR_FN_MAY_NULL, "Float64", resolve_average, average, "their mean"),
    TALLY("list_product", WR_FN_TOTAL | WR_FN_MAY_NULL, "Float64", resolve_average, product, "their product"),
    TALLY("list_count", WR_FN_TOTAL, "Int64", resolve_count, count_valid, "how many are not NULL"),
    TALLY("list_min", WR_FN_TOTAL | WR_FN_MAY_NULL, "element", resolve_choice, least, "the least element"),
    TALLY("list_max", WR_FN_TOTAL | WR_FN_MAY_NULL, "element", resolve_choice, greatest, "the greatest element"),
    TALLY("list_any_value", WR_FN_TOTAL | WR_FN_MAY_NULL, "element", resolve_choice, any_value, "the first element that is not NULL"),
    TALLY("list_bool_and", WR_FN_TOTAL | WR_FN_MAY_NULL, "Boolean", resolve_logic, least, "are all true?"),
    TALLY("list_bool_or", WR_FN_TOTAL | WR_FN_MAY_NULL, "Boolean", resolve_logic, greatest, "is one true?"),
    RANGE("range", "(stop) -> list", 1, range, "the integers from 0 on, without stop"),
    RANGE("range", "(start, stop) -> list", 2, range, "the integers from start on, without stop"),
    RANGE("range", "(start, stop, step) -> list", 3, range, "each step-th; a negative step counts down"),
    RANGE("generate_series", "(stop) -> list", 1, series, "the integers from 0 to stop"),
    RANGE("generate_series", "(start, stop) -> list", 2, series, "the integers from start to stop"),
    RANGE("generate_series", "(start, stop, step) -> list", 3, series, "each step-th; a negative step counts down"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_LIST_SUM = {"sums of lists", FUNCTIONS,
                                                 sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
