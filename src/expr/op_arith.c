/* expr/op_arith.c — + - * / % of numbers and the minus sign: which types, which kernels, which errors.
 *
 * Floats cannot fail but by a zero divisor, so their sums and products are separate descriptors that
 * say so: conditions over them may be moved and computed for all rows. Decimals of one scale add
 * without a change of scale, so the smaller scale is cast first (once, for constants). */
#include "expr/expr_priv.h"
#include "expr/operators.h"
#include "kernel/arith.h"
#include "kernel/compare.h"
#include "kernel/decimal.h"

static const char *const SYMBOLS[] = {"+", "-", "*", "/", "%"};

/* ---- Types ------------------------------------------------------------------------------------------ */

/* NULLs and literals count as the other side's type. */
static bool both_numbers(const wr_expr *const *args, wr_type *out_left, wr_type *out_right)
{
    wr_type left = args[0]->type, right = args[1]->type;
    bool    left_open = wr_expr_is_null(args[0]) || wr_expr_is_literal(args[0]);
    bool    right_open = wr_expr_is_null(args[1]) || wr_expr_is_literal(args[1]);

    if (left_open && right_open)
        left = right = WR_TYPE(I32);
    *out_left = left_open ? right : left;
    *out_right = right_open ? left : right;
    return wr_type_is_numeric(*out_left) && wr_type_is_numeric(*out_right) &&
           !(wr_expr_is_literal(args[0]) && wr_expr_is_literal(args[1]));
}

static bool resolve_floats(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                           wr_type *out_result)
{
    wr_type left, right, common;

    if (!both_numbers(args, &left, &right) || !(wr_type_is_float(left) || wr_type_is_float(right)) ||
        !wr_expr_common(args, arg_count, false, &common))
        return false;
    args_io[0] = args_io[1] = *out_result = common;
    return true;
}

static bool resolve_integers(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                             wr_type *out_result)
{
    wr_type left, right, common = WR_TYPE(I32);

    if (!both_numbers(args, &left, &right))
        return false;
    if (!(wr_expr_is_null(args[0]) && wr_expr_is_null(args[1])) &&
        !wr_expr_common(args, arg_count, false, &common))
        return false;
    args_io[0] = args_io[1] = *out_result = common;
    return wr_type_is_integer(common);
}

/* Both sides as decimals; false if there is a float or no decimal is needed. */
static bool both_decimals(const wr_expr *const *args, wr_type *args_io)
{
    wr_type left, right, common;

    if (!both_numbers(args, &left, &right) || wr_type_is_float(left) || wr_type_is_float(right) ||
        !wr_expr_common(args, 2, false, &common) || wr_type_is_integer(common))
        return false;
    for (int i = 0; i < 2; i++)
        args_io[i] = wr_expr_is_null(args[i]) || wr_expr_is_literal(args[i])
                         ? common
                         : wr_expr_as_decimal(args[i]);
    return args_io[0].logical == WR_TYPE_DECIMAL && args_io[1].logical == WR_TYPE_DECIMAL;
}

static void raise_scale(wr_type *io_type, int scale)
{
    int precision = io_type->precision + scale - io_type->scale;

    if (scale > io_type->scale && precision <= WR_DECIMAL_DIGITS_MAX)
        *io_type = wr_type_decimal((unsigned)precision, scale);
}

static bool resolve_decimal_sum(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                                wr_type *out_result)
{
    (void)arg_count;
    if (!both_decimals(args, args_io))
        return false;
    *out_result = wr_decimal_type_add(args_io[0], args_io[1]);
    raise_scale(&args_io[0], out_result->scale);
    raise_scale(&args_io[1], out_result->scale);
    return true;
}

static bool resolve_decimal_product(const wr_expr *const *args, uint32_t arg_count,
                                    wr_type *args_io, wr_type *out_result)
{
    (void)arg_count;
    if (!both_decimals(args, args_io))
        return false;
    *out_result = wr_decimal_type_multiply(args_io[0], args_io[1]);
    return true;
}

static bool resolve_decimal_quotient(const wr_expr *const *args, uint32_t arg_count,
                                     wr_type *args_io, wr_type *out_result)
{
    (void)arg_count;
    if (!both_decimals(args, args_io))
        return false;
    *out_result = wr_decimal_type_divide(args_io[0], args_io[1]);
    return true;
}

static bool resolve_decimal_rest(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                                 wr_type *out_result)
{
    (void)arg_count;
    return both_decimals(args, args_io) && wr_type_common(args_io[0], args_io[1], out_result);
}

/* ---- Errors -------------------------------------------------------------------------------------------- */

static bool is_zero(const wr_vector *arg, uint32_t row)
{
    wr_value value = wr_vector_value(arg, row);

    if (wr_type_is_float(value.type))
        return value.f64 == 0;
    if (wr_type_physical(value.type) == WR_PHYS_I128)
        return value.i128 == 0;
    return value.i64 == 0;
}

static wr_status fail_arith(wr_eval *eval, wr_arith_op op, const wr_vector *const *args,
                            wr_type result, uint32_t row, wr_error *err)
{
    char left[WR_ARG_TEXT_BYTES], right[WR_ARG_TEXT_BYTES], name[WR_TYPE_NAME_BYTES];

    wr_arg_format(args[0], row, left);
    wr_arg_format(args[1], row, right);
    if ((op == WR_ARITH_DIV || op == WR_ARITH_MOD) && is_zero(args[1], row))
        return wr_eval_fail(eval, row, err, "division by zero: %s %s %s", left, SYMBOLS[op], right);
    return wr_eval_fail(eval, row, err, "%s %s %s overflows %s", left, SYMBOLS[op], right,
                        wr_type_format(result, name));
}

/* ---- Evaluation ------------------------------------------------------------------------------------------ */

static wr_status eval_decimals(wr_eval *eval, wr_arith_op op, const wr_vector *const *args,
                               wr_vector *out, wr_error *err)
{
    wr_operand   left = wr_operand_of(args[0]), right = wr_operand_of(args[1]);
    wr_selection live = wr_eval_find_live(eval, out);

    if (!wr_decimal_arith(op, args[0]->type, left, args[1]->type, right, out->type, live,
                          out->data))
        return WR_OK;
    for (uint32_t i = 0; i < live.row_count; i++) {
        uint32_t row = wr_selection_row(&live, i);

        if (wr_decimal_arith_fails(op, args[0]->type, left, args[1]->type, right, out->type, row))
            return fail_arith(eval, op, args, out->type, row, err);
    }
    return WR_OK;
}

static wr_status eval_arith(wr_eval *eval, wr_arith_op op, const wr_vector *const *args,
                            wr_vector *out, wr_error *err)
{
    wr_physical physical = wr_type_physical(out->type);
    wr_operand  left = wr_operand_of(args[0]), right = wr_operand_of(args[1]);
    uint32_t    row;

    if (out->type.logical == WR_TYPE_DECIMAL)
        return eval_decimals(eval, op, args, out, err);
    if (!wr_arith(op, physical, left, right, wr_eval_dense_rows(eval), out->data))
        return WR_OK;
    /* Something failed, perhaps only under a null or in a row that nobody asked for. */
    row = wr_arith_find(op, physical, left, right, wr_eval_find_live(eval, out));
    if (row == WR_ROW_NONE)
        return WR_OK;
    return fail_arith(eval, op, args, out->type, row, err);
}

#define EVAL(name, op)                                                                             \
    static wr_status eval_##name(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,  \
                                 wr_vector *out, wr_error *err)                                    \
    {                                                                                              \
        (void)arg_count;                                                                           \
        return eval_arith(eval, op, args, out, err);                                               \
    }
EVAL(add, WR_ARITH_ADD)
EVAL(sub, WR_ARITH_SUB)
EVAL(mul, WR_ARITH_MUL)
EVAL(div, WR_ARITH_DIV)
EVAL(mod, WR_ARITH_MOD)
#undef EVAL

/* ---- The minus sign ----------------------------------------------------------------------------------------- */

static bool resolve_negate(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                           wr_type *out_result)
{
    wr_type type = args[0]->type;

    (void)arg_count;
    if (wr_expr_is_literal(args[0]))
        return false;
    if (wr_expr_is_null(args[0]))
        type = WR_TYPE(I32);
    if (wr_type_is_unsigned(type) && !wr_type_common(type, WR_TYPE(I8), &type))
        return false;
    args_io[0] = *out_result = type;
    return wr_type_is_numeric(type);
}

static void negate_wide(const wr_vector *arg, wr_selection rows, wr_vector *out)
{
    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        ((wr_i128 *)out->data)[row] = -((const wr_i128 *)arg->data)[wr_arg_index(arg, row)];
    }
}

/* out = -arg. Returns the first row whose result does not fit, or WR_ROW_NONE. */
static uint32_t negate(wr_eval *eval, const wr_vector *arg, wr_vector *out)
{
    static const int64_t ZERO = 0;
    static const double  MINUS_F64 = -1;
    static const float   MINUS_F32 = -1;
    wr_physical  physical = wr_type_physical(out->type);
    wr_operand   value = wr_operand_of(arg), zero = {&ZERO, true};
    wr_selection rows = wr_eval_dense_rows(eval);

    switch (physical) {
    case WR_PHYS_I128:
        negate_wide(arg, wr_eval_find_live(eval, out), out);
        return WR_ROW_NONE;
    case WR_PHYS_F64: /* a product keeps the sign of zero */
        wr_arith(WR_ARITH_MUL, physical, value, (wr_operand){&MINUS_F64, true}, rows, out->data);
        return WR_ROW_NONE;
    case WR_PHYS_F32:
        wr_arith(WR_ARITH_MUL, physical, value, (wr_operand){&MINUS_F32, true}, rows, out->data);
        return WR_ROW_NONE;
    default:
        if (!wr_arith(WR_ARITH_SUB, physical, zero, value, rows, out->data))
            return WR_ROW_NONE;
        return wr_arith_find(WR_ARITH_SUB, physical, zero, value, wr_eval_find_live(eval, out));
    }
}

static wr_status fail_sign(wr_eval *eval, const char *sign, const wr_vector *arg, uint32_t row,
                           wr_type result, wr_error *err)
{
    char text[WR_ARG_TEXT_BYTES], name[WR_TYPE_NAME_BYTES];

    return wr_eval_fail(eval, row, err, "%s(%s) overflows %s", sign, wr_arg_format(arg, row, text),
                        wr_type_format(result, name));
}

static wr_status eval_negate(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                             wr_vector *out, wr_error *err)
{
    uint32_t row = negate(eval, args[0], out);

    (void)arg_count;
    return row == WR_ROW_NONE ? WR_OK : fail_sign(eval, "-", args[0], row, out->type, err);
}

/* ---- abs ------------------------------------------------------------------------------------------------ */

static bool resolve_abs(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                        wr_type *out_result)
{
    (void)arg_count;
    args_io[0] = *out_result = wr_expr_is_null(args[0]) ? WR_TYPE(I32) : args[0]->type;
    return wr_type_is_numeric(args_io[0]);
}

/* The greater of x and -x; of floats, the sign bit cleared. */
static wr_status eval_abs(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                          wr_vector *out, wr_error *err)
{
    wr_physical  physical = wr_type_physical(out->type);
    wr_operand   value = wr_operand_of(args[0]);
    wr_selection rows = wr_eval_dense_rows(eval);
    uint32_t     failed = WR_ROW_NONE;

    (void)arg_count;
    if (physical == WR_PHYS_F64 || physical == WR_PHYS_F32) {
        uint32_t bytes = wr_physical_bytes(physical);

        wr_vector_flatten(args[0], &rows, out);
        for (uint32_t i = 0; i < rows.row_count; i++)
            ((uint8_t *)out->data)[(wr_selection_row(&rows, i) + 1) * bytes - 1] &= 0x7f;
        return WR_OK;
    }
    if (!wr_type_is_unsigned(out->type))
        failed = negate(eval, args[0], out);
    if (failed != WR_ROW_NONE)
        return fail_sign(eval, "abs", args[0], failed, out->type, err);
    if (physical == WR_PHYS_I128)
        rows = wr_eval_find_live(eval, out);
    wr_compare_pick(true, physical,
                    wr_type_is_unsigned(out->type) ? value : wr_operand_of(out), value, rows,
                    out->data);
    return WR_OK;
}

/* ---- Table ----------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define FLOATS(symbol, eval_fn, flags_) \
    {.name = symbol, .signature = "(float, number) -> float", .param_count = 2, .flags = WR_FN_DENSE | (flags_), \
     .resolve = resolve_floats, .eval = eval_fn, .help = "arithmetic of floats"}
#define INTEGERS(symbol, eval_fn) \
    {.name = symbol, .signature = "(int, int) -> int", .param_count = 2, .flags = WR_FN_DENSE, \
     .resolve = resolve_integers, .eval = eval_fn, .help = "arithmetic of integers; overflow is an error"}
#define DECIMALS(symbol, resolve_fn, eval_fn) \
    {.name = symbol, .signature = "(decimal, decimal) -> decimal", .param_count = 2, .flags = WR_FN_DENSE, \
     .resolve = resolve_fn, .eval = eval_fn, .help = "exact arithmetic of decimals"}

static const wr_function FUNCTIONS[] = {
    INTEGERS(WR_OPERATOR_ADD, eval_add),
    FLOATS(WR_OPERATOR_ADD, eval_add, WR_FN_TOTAL),
    DECIMALS(WR_OPERATOR_ADD, resolve_decimal_sum, eval_add),
    INTEGERS(WR_OPERATOR_SUB, eval_sub),
    FLOATS(WR_OPERATOR_SUB, eval_sub, WR_FN_TOTAL),
    DECIMALS(WR_OPERATOR_SUB, resolve_decimal_sum, eval_sub),
    INTEGERS(WR_OPERATOR_MUL, eval_mul),
    FLOATS(WR_OPERATOR_MUL, eval_mul, WR_FN_TOTAL),
    DECIMALS(WR_OPERATOR_MUL, resolve_decimal_product, eval_mul),
    INTEGERS(WR_OPERATOR_DIV, eval_div),
    FLOATS(WR_OPERATOR_DIV, eval_div, 0),
    DECIMALS(WR_OPERATOR_DIV, resolve_decimal_quotient, eval_div),
    INTEGERS(WR_OPERATOR_MOD, eval_mod),
    FLOATS(WR_OPERATOR_MOD, eval_mod, 0),
    DECIMALS(WR_OPERATOR_MOD, resolve_decimal_rest, eval_mod),
    {.name = "mod", .signature = "(int, int) -> int", .param_count = 2, .flags = WR_FN_DENSE,
     .resolve = resolve_integers, .eval = eval_mod, .help = "remainder with the sign of the dividend"},
    {.name = "mod", .signature = "(decimal, decimal) -> decimal", .param_count = 2, .flags = WR_FN_DENSE,
     .resolve = resolve_decimal_rest, .eval = eval_mod, .help = "exact remainder"},
    {.name = "mod", .signature = "(float, number) -> float", .param_count = 2, .flags = WR_FN_DENSE,
     .resolve = resolve_floats, .eval = eval_mod, .help = "remainder as fmod"},
    {.name = WR_OPERATOR_SUB, .signature = "(number) -> number", .param_count = 1, .flags = WR_FN_DENSE,
     .resolve = resolve_negate, .eval = eval_negate, .help = "negation"},
    {.name = "abs", .signature = "(number) -> number", .param_count = 1, .flags = WR_FN_DENSE,
     .resolve = resolve_abs, .eval = eval_abs,
     .help = "magnitude; abs(a - b) of unsigned numbers is their distance, also where a - b would overflow"},
    {.name = "div", .signature = "(int, int) -> int", .param_count = 2, .flags = WR_FN_DENSE,
     .resolve = resolve_integers, .eval = eval_div, .help = "whole part of the quotient"},
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_ARITH = {"arithmetic", FUNCTIONS,
                                              sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
