/* expr/fn_number.c — rounding of every number, and functions of integers and decimals.
 *
 * Decimals round half away from zero and are exact, floats half to even (PostgreSQL). The scale of a
 * rounded decimal is the number of digits asked for, if that is a constant. */
#include <stdlib.h>

#include "base/hash.h"
#include "expr/expr_priv.h"
#include "kernel/decimal.h"
#include "kernel/hash.h"
#include "os/libm.h"

typedef enum rounding { ROUND, TRUNC, FLOOR, CEIL } rounding;

static const char *const NAMES[] = {"round", "trunc", "floor", "ceil"};

/* ---- Rounding of decimals ------------------------------------------------------------------------------ */

static bool is_exact_number(wr_type type)
{
    return wr_type_is_integer(type) || type.logical == WR_TYPE_DECIMAL;
}

/* Digits behind the point that `digits` asks for, at most what is there; unknown: all. */
static int scale_asked(const wr_expr *digits, int scale)
{
    const wr_value *value = digits->kind == WR_EXPR_CONST ? &digits->value : NULL;
    int64_t         asked;

    if (!value || value->is_null || !wr_type_is_integer(value->type))
        return scale;
    asked = value->i64;
    return asked < 0 ? 0 : asked < scale ? (int)asked : scale;
}

/* One more whole digit: 9.9 becomes 10. */
static wr_type rounded_type(wr_type type, int scale)
{
    int precision = type.precision - type.scale + scale + (scale < type.scale);

    return wr_type_decimal((unsigned)(precision > WR_DECIMAL_DIGITS_MAX ? WR_DECIMAL_DIGITS_MAX
                                                                        : precision),
                           scale);
}

static bool resolve_decimal(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                            wr_type *out_result)
{
    wr_type type = wr_expr_as_decimal(args[0]);

    if (!is_exact_number(args[0]->type))
        return false;
    args_io[0] = type;
    if (arg_count == 2) {
        args_io[1] = WR_TYPE(I32);
        *out_result = rounded_type(type, scale_asked(args[1], type.scale));
        return is_exact_number(args[1]->type) || wr_expr_is_null(args[1]);
    }
    *out_result = rounded_type(type, 0);
    return true;
}

/* value in units of 10^-scale to a whole multiple of 10^-digits, in units of 10^-out_scale. */
static bool round_decimal(rounding how, wr_i128 value, int scale, int digits, int out_scale,
                          wr_i128 *out)
{
    wr_i128 unit, quotient, rest;

    if (digits >= scale)
        return wr_decimal_rescale(value, scale, out_scale, out);
    if (scale - digits > WR_DECIMAL_DIGITS_MAX) { /* less than half a unit, whatever it is */
        quotient = how == FLOOR && value < 0 ? -1 : how == CEIL && value > 0 ? 1 : 0;
        *out = 0;
        return quotient == 0;
    }
    unit = wr_pow10_i128((unsigned)(scale - digits));
    quotient = value / unit;
    rest = value % unit;
    if (how == ROUND && (rest < 0 ? -rest : rest) >= unit - unit / 2)
        quotient += value < 0 ? -1 : 1;
    else if (how == FLOOR && rest < 0)
        quotient--;
    else if (how == CEIL && rest > 0)
        quotient++;
    return wr_decimal_rescale(quotient, digits, out_scale, out);
}

/* Beyond these bounds nothing changes. */
static int clamp_digits(int32_t digits)
{
    return digits > 400 ? 400 : digits < -400 ? -400 : digits;
}

static int digits_at(const wr_vector *const *args, uint32_t arg_count, uint32_t row)
{
    return arg_count < 2 ? 0
                         : clamp_digits(((const int32_t *)args[1]->data)[wr_arg_index(args[1], row)]);
}

static wr_status round_decimals(wr_eval *eval, rounding how, const wr_vector *const *args,
                                uint32_t arg_count, wr_vector *out, wr_error *err)
{
    wr_type     from = args[0]->type, to = out->type;
    wr_physical in_physical = wr_type_physical(from), out_physical = wr_type_physical(to);
    char        text[WR_ARG_TEXT_BYTES], name[WR_TYPE_NAME_BYTES];

    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        wr_i128  value = wr_decimal_load(in_physical, args[0]->data, wr_arg_index(args[0], row));

        if (!round_decimal(how, value, from.scale, digits_at(args, arg_count, row), to.scale,
                           &value) ||
            !wr_decimal_fits(value, to.precision))
            return wr_eval_fail(eval, row, err, "%s of %s overflows %s", NAMES[how],
                                wr_arg_format(args[0], row, text), wr_type_format(to, name));
        wr_decimal_store(out_physical, out->data, row, value);
    }
    return WR_OK;
}

/* ---- Rounding of floats ------------------------------------------------------------------------------------ */

static bool resolve_float(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                          wr_type *out_result)
{
    args_io[0] = WR_TYPE(F64);
    *out_result = WR_TYPE(F64);
    if (arg_count == 2)
        args_io[1] = WR_TYPE(I32);
    return wr_type_is_float(args[0]->type) || wr_expr_is_null(args[0]) ||
           wr_expr_is_literal(args[0]);
}

static double round_f64(rounding how, double x)
{
    switch (how) {
    case ROUND:
        return rint(x);
    case TRUNC:
        return trunc(x);
    case FLOOR:
        return floor(x);
    case CEIL:
        return ceil(x);
    }
    WR_UNREACHABLE();
}

/* Where the scaled value leaves the range, no digit is lost or none is left. */
static double round_f64_digits(rounding how, double x, int digits)
{
    double factor, scaled;

    if (digits == 0)
        return round_f64(how, x);
    factor = wr_math.pow(10, abs(digits));
    scaled = digits > 0 ? x * factor : x / factor;
    if (!isfinite(scaled) || !isfinite(factor))
        return digits > 0 ? x : 0;
    scaled = round_f64(how, scaled);
    return digits > 0 ? scaled / factor : scaled * factor;
}

static wr_status round_floats(wr_eval *eval, rounding how, const wr_vector *const *args,
                              uint32_t arg_count, wr_vector *out)
{
    const double *values = args[0]->data;
    double       *results = out->data;

    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);

        results[row] = round_f64_digits(how, values[wr_arg_index(args[0], row)],
                                        digits_at(args, arg_count, row));
    }
    return WR_OK;
}

#define ROUNDING(name, how)                                                                        \
    static wr_status eval_##name(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,  \
                                 wr_vector *out, wr_error *err)                                    \
    {                                                                                              \
        if (out->type.logical == WR_TYPE_DECIMAL)                                                  \
            return round_decimals(eval, how, args, arg_count, out, err);                           \
        return round_floats(eval, how, args, arg_count, out);                                      \
    }
ROUNDING(round, ROUND)
ROUNDING(trunc, TRUNC)
ROUNDING(floor, FLOOR)
ROUNDING(ceil, CEIL)

/* ---- sign --------------------------------------------------------------------------------------------- */

static wr_status eval_sign(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                           wr_vector *out, wr_error *err)
{
    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        double   x = ((const double *)args[0]->data)[wr_arg_index(args[0], row)];

        ((double *)out->data)[row] = x != x ? x : (x > 0) - (x < 0);
    }
    return WR_OK;
}

/* ---- Integers ------------------------------------------------------------------------------------------------- */

static int64_t load_i64(const wr_vector *arg, uint32_t row)
{
    return ((const int64_t *)arg->data)[wr_arg_index(arg, row)];
}

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

static uint64_t gcd_of(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static wr_status fail_pair(wr_eval *eval, const wr_vector *const *args, uint32_t row, wr_error *err)
{
    char left[WR_ARG_TEXT_BYTES], right[WR_ARG_TEXT_BYTES];

    return wr_eval_fail(eval, row, err, "%s(%s, %s) overflows Int64", eval->expr->function->name,
                        wr_arg_format(args[0], row, left), wr_arg_format(args[1], row, right));
}

static wr_status eval_gcd(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                          wr_vector *out, wr_error *err)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        uint64_t gcd = gcd_of(magnitude(load_i64(args[0], row)), magnitude(load_i64(args[1], row)));

        if (gcd > INT64_MAX)
            return fail_pair(eval, args, row, err);
        ((int64_t *)out->data)[row] = (int64_t)gcd;
    }
    return WR_OK;
}

static wr_status eval_lcm(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                          wr_vector *out, wr_error *err)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        uint64_t a = magnitude(load_i64(args[0], row)), b = magnitude(load_i64(args[1], row)), lcm;

        if (a == 0 || b == 0)
            lcm = 0;
        else if (__builtin_mul_overflow(a / gcd_of(a, b), b, &lcm) || lcm > INT64_MAX)
            return fail_pair(eval, args, row, err);
        ((int64_t *)out->data)[row] = (int64_t)lcm;
    }
    return WR_OK;
}

static wr_status eval_factorial(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                wr_vector *out, wr_error *err)
{
    enum { FACTORIAL_MAX = 33 }; /* 34! has 39 digits */

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        int64_t  n = load_i64(args[0], row);
        wr_i128  product = 1;

        if (n < 0)
            return wr_eval_fail(eval, row, err, "factorial of %lld: a negative number has none",
                                (long long)n);
        if (n > FACTORIAL_MAX)
            return wr_eval_fail(eval, row, err, "factorial of %lld overflows Decimal(38, 0)",
                                (long long)n);
        for (int64_t factor = 2; factor <= n; factor++)
            product *= factor;
        ((wr_i128 *)out->data)[row] = product;
    }
    return WR_OK;
}

static bool resolve_integer(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                            wr_type *out_result)
{
    (void)arg_count;
    args_io[0] = args[0]->type;
    *out_result = WR_TYPE(I32);
    return wr_type_is_integer(args[0]->type);
}

static wr_status eval_bit_count(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                wr_vector *out, wr_error *err)
{
    uint32_t bytes = wr_physical_bytes(wr_type_physical(args[0]->type));

    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        uint64_t bits = 0;

        memcpy(&bits, (const uint8_t *)args[0]->data + (size_t)wr_arg_index(args[0], row) * bytes,
               bytes);
        ((int32_t *)out->data)[row] = __builtin_popcountll(bits);
    }
    return WR_OK;
}

/* ---- div: the whole part of a quotient -------------------------------------------------------------------- */

static bool resolve_div(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                        wr_type *out_result)
{
    wr_type common;

    (void)arg_count;
    if (!is_exact_number(args[0]->type) || !is_exact_number(args[1]->type) ||
        (wr_expr_common(args, 2, false, &common) && wr_type_is_integer(common)))
        return false;
    args_io[0] = wr_expr_as_decimal(args[0]);
    args_io[1] = wr_expr_as_decimal(args[1]);
    *out_result = wr_type_decimal(WR_DECIMAL_DIGITS_MAX, 0);
    return true;
}

/* The kernel's quotient is rounded: step back where it is beyond a / b. */
static bool divide_whole(wr_i128 a, int a_scale, wr_i128 b, int b_scale, wr_i128 *out)
{
    wr_i128 quotient, back;

    if (!wr_decimal_divide(a, a_scale, b, b_scale, 0, &quotient) ||
        !wr_decimal_multiply(quotient, 0, b, b_scale, b_scale, &back))
        return false;
    if (wr_decimal_compare(back < 0 ? -back : back, b_scale, a < 0 ? -a : a, a_scale) > 0)
        quotient -= quotient < 0 ? -1 : 1;
    *out = quotient;
    return true;
}

static wr_status eval_div(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                          wr_vector *out, wr_error *err)
{
    wr_type     a_type = args[0]->type, b_type = args[1]->type;
    wr_physical a_physical = wr_type_physical(a_type), b_physical = wr_type_physical(b_type);
    char        left[WR_ARG_TEXT_BYTES], right[WR_ARG_TEXT_BYTES];

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        wr_i128  a = wr_decimal_load(a_physical, args[0]->data, wr_arg_index(args[0], row));
        wr_i128  b = wr_decimal_load(b_physical, args[1]->data, wr_arg_index(args[1], row));

        if (b != 0 && divide_whole(a, a_type.scale, b, b_type.scale, &((wr_i128 *)out->data)[row]))
            continue;
        wr_arg_format(args[0], row, left);
        wr_arg_format(args[1], row, right);
        if (b == 0)
            return wr_eval_fail(eval, row, err, "division by zero: div(%s, %s)", left, right);
        return wr_eval_fail(eval, row, err, "div(%s, %s) overflows Decimal(38, 0)", left, right);
    }
    return WR_OK;
}

/* ---- hash ------------------------------------------------------------------------------------------------------ */

static bool resolve_hash(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                         wr_type *out_result)
{
    (void)args, (void)arg_count, (void)args_io;
    *out_result = WR_TYPE(U64);
    return true;
}

/* The state has room for the hashes of one argument. */
static wr_status eval_hash(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                           wr_vector *out, wr_error *err)
{
    uint64_t *hashes = eval->state, *results = out->data;

    (void)err;
    for (uint32_t a = 0; a < arg_count; a++) {
        wr_hash_columns(args[a], 1, &eval->selected, hashes);
        for (uint32_t i = 0; i < eval->selected.row_count; i++) {
            uint32_t row = wr_selection_row(&eval->selected, i);
            results[row] = a == 0 ? hashes[i] : wr_hash_combine(results[row], hashes[i]);
        }
    }
    return WR_OK;
}

/* ---- Table --------------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define I64     {.logical = WR_TYPE_I64}
#define F64     {.logical = WR_TYPE_F64}
#define ROUNDED(name_, fn, help_) \
    {.name = name_, .signature = "(decimal) -> decimal", .param_count = 1, .resolve = resolve_decimal, .eval = eval_##fn, \
     .help = help_}, \
    {.name = name_, .signature = "(double) -> double", .param_count = 1, .resolve = resolve_float, .eval = eval_##fn, \
     .flags = WR_FN_TOTAL, .help = help_}
#define ROUNDED_AT(name_, fn, help_) \
    {.name = name_, .signature = "(decimal, int) -> decimal", .param_count = 2, .resolve = resolve_decimal, \
     .eval = eval_##fn, .help = help_}, \
    {.name = name_, .signature = "(double, int) -> double", .param_count = 2, .resolve = resolve_float, \
     .eval = eval_##fn, .flags = WR_FN_TOTAL | WR_FN_MATH, .help = help_}
#define PAIR(fn, help_) \
    {.name = #fn, .signature = "(int, int) -> int", .param_count = 2, .params = {I64, I64}, .result = I64, \
     .eval = eval_##fn, .help = help_}

static const wr_function FUNCTIONS[] = {
    ROUNDED("round", round, "nearest integer; halves away from zero, of floats to even"),
    ROUNDED_AT("round", round, "rounded to this many digits behind the point, or before it if negative"),
    ROUNDED("trunc", trunc, "towards zero"),
    ROUNDED_AT("trunc", trunc, "towards zero at this many digits behind the point"),
    ROUNDED("floor", floor, "greatest integer not above"),
    ROUNDED("ceil", ceil, "least integer not below"),
    ROUNDED("ceiling", ceil, "least integer not below"),
    {.name = "sign", .signature = "(number) -> double", .param_count = 1, .params = {F64}, .result = F64,
     .flags = WR_FN_TOTAL, .eval = eval_sign, .help = "-1, 0 or 1"},
    PAIR(gcd, "greatest common divisor"),
    PAIR(lcm, "least common multiple"),
    {.name = "factorial", .signature = "(int) -> decimal", .param_count = 1, .params = {I64},
     .result = {.logical = WR_TYPE_DECIMAL, .precision = WR_DECIMAL_DIGITS_MAX},
     .eval = eval_factorial, .help = "product of 1 to the argument, at most 33"},
    {.name = "bit_count", .signature = "(int) -> int", .param_count = 1, .resolve = resolve_integer,
     .flags = WR_FN_TOTAL, .eval = eval_bit_count, .help = "number of bits that are set"},
    {.name = "div", .signature = "(decimal, decimal) -> decimal", .param_count = 2, .resolve = resolve_div,
     .eval = eval_div, .help = "whole part of the quotient"},
    {.name = "hash", .signature = "(any, ...) -> uint64", .param_count = 1, .resolve = resolve_hash,
     .flags = WR_FN_NONSTRICT | WR_FN_NEVER_NULL | WR_FN_VARIADIC | WR_FN_TOTAL, .eval = eval_hash,
     .state_bytes = WR_BATCH_ROWS_MAX * sizeof(uint64_t),
     .help = "64-bit hash, the same on every machine for one version; NULL has one too"},
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_NUMBER = {"math", FUNCTIONS,
                                               sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
