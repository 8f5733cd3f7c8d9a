/* optimizer/difference.c — what a compared difference says about the order of its sides.
 *
 * `l - r <= c` implies l <= r + c, and `abs(l - r) <= c` also r <= l + c: ordered conditions, by which a
 * join compares neighbours only. They are implied, no more: the comparison itself stays a condition of
 * the join, so what is said here may be too wide, never too narrow, and must not fail where the
 * difference does not.
 *
 * Integers, dates and timestamps become Int64s (days; microseconds); where r + c is beyond them it is
 * the last one, and the comparison allows equality. A difference of integers may be compared as a wider
 * integer or a decimal: c is then the next whole number outside. Doubles: the difference is rounded, r + c
 * too, so c is wider by more than both roundings; of a NaN or an infinity on the right nothing is said about
 * how small l is, for a difference that is NaN is greater than all. Float32 becomes Float64: only the
 * difference was rounded, in proportion. Decimals, and UInt64: r + c with one digit more, if there is one.
 * All other types, and constants that are too large: nothing is said. */
#include <math.h>

#include "expr/function.h"
#include "expr/operators.h"
#include "optimizer/optimizer_priv.h"

static const double DOUBLES_MAX = 1e300, ROUNDED = 0x1p-50; /* > 2 roundings of each of 2 terms */
static const double FLOATS_MAX = 1e38, FLOAT_ROUNDED = 0x1p-22;

typedef struct difference {
    wr_expr *left, *right; /* as numbers                                               */
    wr_type  type;         /* Int64, Float64 or a decimal                              */
    wr_value most;         /* the constant, of that type                               */
} difference;

static bool calls(const wr_expr *expr, const char *name, uint32_t arg_count)
{
    return expr->kind == WR_EXPR_CALL && expr->arg_count == arg_count &&
           strcmp(expr->function->name, name) == 0;
}

static wr_status call(wr_bump *bump, const char *name, wr_expr *a, wr_expr *b, wr_expr **out_expr,
                      wr_error *err)
{
    wr_expr *args[] = {a, b};

    return wr_expr_call(bump, wr_text_of(name), args, b ? 2 : 1, out_expr, err);
}

/* A constant of Int64 or Float64 beside `expr`: expr op value. */
static wr_status call_number(wr_bump *bump, const char *name, wr_expr *expr, wr_value value,
                             wr_expr **out_expr, wr_error *err)
{
    wr_expr *number = wr_expr_const(bump, &value, err);

    return number ? call(bump, name, expr, number, out_expr, err) : WR_NO_MEMORY;
}

static wr_value int_value(int64_t i64)
{
    return (wr_value){.type = WR_TYPE(I64), .i64 = i64};
}

static wr_value double_value(double f64)
{
    return (wr_value){.type = WR_TYPE(F64), .f64 = f64};
}

/* ---- Reading a comparison -------------------------------------------------------------------- */

/* abs(l - r), of unsigned numbers CASE WHEN l < r THEN r - l ELSE l - r END: l - r; NULL: it is neither. */
static const wr_expr *look_behind_abs(const wr_expr *expr)
{
    const wr_expr *minus;

    if (calls(expr, "abs", 1))
        return expr->args[0];
    if (expr->kind != WR_EXPR_CASE || expr->arg_count != 3 || !calls(expr->args[0], WR_OPERATOR_LT, 2) ||
        !calls(expr->args[1], WR_OPERATOR_SUB, 2) || !calls(expr->args[2], WR_OPERATOR_SUB, 2))
        return NULL;
    minus = expr->args[2];
    for (uint32_t i = 0; i < 2; i++)
        if (!wr_expr_equal(minus->args[i], expr->args[0]->args[i]) ||
            !wr_expr_equal(minus->args[i], expr->args[1]->args[1 - i]))
            return NULL;
    return minus;
}

static bool is_unsigned(wr_type type)
{
    return type.logical == WR_TYPE_U8 || type.logical == WR_TYPE_U16 ||
           type.logical == WR_TYPE_U32 || type.logical == WR_TYPE_U64;
}

/* What a comparison sees of a difference of narrower numbers. */
static const wr_expr *look_behind_cast(const wr_expr *expr)
{
    if (expr->kind == WR_EXPR_CAST &&
        (wr_type_is_integer(expr->args[0]->type) || expr->args[0]->type.logical == WR_TYPE_F32) &&
        wr_type_is_numeric(expr->type))
        return expr->args[0];
    return expr;
}

/* An integer or a decimal as a whole number; a fraction makes it one greater or less. */
static bool find_whole(const wr_value *value, bool up, wr_i128 *out)
{
    bool has_rest = false;

    if (value->type.logical == WR_TYPE_DECIMAL) {
        *out = wr_type_physical(value->type) == WR_PHYS_I128 ? value->i128 : value->i64;
        for (int i = 0; i < value->type.scale; i++) {
            has_rest |= *out % 10 != 0;
            *out /= 10;
        }
        *out += has_rest ? (up ? 1 : -1) : 0;
        return true;
    }
    *out = is_unsigned(value->type) ? (wr_i128)value->u64 : value->i64;
    return wr_type_is_integer(value->type);
}

static bool is_us_timestamp(wr_type type)
{
    return type.logical == WR_TYPE_TIMESTAMP && type.unit == WR_UNIT_US;
}

/* A date as days, a timestamp as microseconds, a number as it is. */
static wr_status to_number(wr_bump *bump, wr_expr *expr, wr_type type, wr_expr **out_expr,
                           wr_error *err)
{
    if (expr->type.logical == WR_TYPE_DATE32)
        WR_TRY(call_number(bump, WR_OPERATOR_SUB, expr, (wr_value){.type = WR_TYPE(DATE32)}, &expr,
                           err));
    else if (expr->type.logical == WR_TYPE_TIMESTAMP)
        WR_TRY(call(bump, "epoch_us", expr, NULL, &expr, err));
    *out_expr = expr;
    return wr_type_is_integer(expr->type) || expr->type.logical == WR_TYPE_F32
               ? wr_expr_cast(bump, expr, type, false, out_expr, err)
               : WR_OK;
}

/* Of integers, compared with an integer or a decimal. */
static bool find_integers(wr_type type, const wr_value *most, bool is_upper, difference *out)
{
    wr_i128 whole;

    if (!find_whole(most, is_upper, &whole) || whole <= INT64_MIN || whole > INT64_MAX)
        return false;
    out->type = WR_TYPE(I64);
    out->most = int_value((int64_t)whole);
    if (type.logical != WR_TYPE_U64)
        return true;
    out->type = wr_type_decimal(20, 0);
    out->most = (wr_value){.type = out->type, .i128 = whole};
    return true;
}

/* Of floating numbers, compared with one of either kind. */
static bool find_floats(wr_type type, const wr_value *most, bool is_upper, difference *out)
{
    double c = most->f64;

    if (!wr_type_is_float(most->type) ||
        !(fabs(c) <= (type.logical == WR_TYPE_F32 ? FLOATS_MAX : DOUBLES_MAX)))
        return false;
    if (type.logical == WR_TYPE_F32)
        c += (is_upper ? FLOAT_ROUNDED : -FLOAT_ROUNDED) * fabs(c);
    out->type = WR_TYPE(F64);
    out->most = double_value(c);
    return true;
}

/* What the difference is counted in; false: nothing is known of it. */
static bool find_type(const wr_expr *minus, const wr_value *most, bool is_upper, difference *out)
{
    wr_type  type = minus->type;
    wr_i128  us;

    out->most = *most;
    out->type = type;
    if (is_us_timestamp(minus->args[0]->type) && is_us_timestamp(minus->args[1]->type) &&
        most->type.logical == WR_TYPE_INTERVAL) {
        us = wr_interval_total_us(most->interval);
        out->type = WR_TYPE(I64);
        out->most = int_value((int64_t)us);
        return us >= INT64_MIN / 4 && us <= INT64_MAX / 4;
    }
    if (wr_type_is_integer(type))
        return find_integers(type, most, is_upper, out);
    if (wr_type_is_float(type))
        return find_floats(type, most, is_upper, out);
    return wr_type_equal(type, most->type) && type.logical == WR_TYPE_DECIMAL &&
           type.precision < WR_DECIMAL_DIGITS_MAX;
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

/* CASE WHEN limit op expr THEN last ELSE expr + c END */
static wr_status add_int(wr_bump *bump, wr_expr *expr, int64_t c, wr_expr **out_expr, wr_error *err)
{
    int64_t  last = c > 0 ? INT64_MAX : INT64_MIN;
    wr_value value = int_value(last);
    wr_expr *args[3] = {NULL, wr_expr_const(bump, &value, err), NULL};

    if (!args[1])
        return WR_NO_MEMORY;
    WR_TRY(call_number(bump, c > 0 ? WR_OPERATOR_GT : WR_OPERATOR_LT, expr, int_value(last - c),
                       &args[0], err));
    WR_TRY(call_number(bump, WR_OPERATOR_ADD, expr, int_value(c), &args[2], err));
    return wr_expr_case(bump, args, 3, out_expr, err);
}

/* expr + (c + slack), slack being what roundings may make of both */
static wr_status add_double(wr_bump *bump, wr_expr *expr, double c, bool is_upper,
                            wr_expr **out_expr, wr_error *err)
{
    double   sign = is_upper ? 1 : -1;
    wr_value least = double_value(-INFINITY);
    wr_expr *args[3] = {NULL, NULL, wr_expr_const(bump, &least, err)}, *slack, *magnitude;

    if (!args[2])
        return WR_NO_MEMORY;
    WR_TRY(call(bump, "abs", expr, NULL, &magnitude, err));
    WR_TRY(call_number(bump, WR_OPERATOR_ADD, magnitude, double_value(fabs(c)), &slack, err));
    WR_TRY(call_number(bump, WR_OPERATOR_MUL, slack, double_value(sign * ROUNDED), &slack, err));
    WR_TRY(call_number(bump, WR_OPERATOR_ADD, slack, double_value(c), &slack, err));
    WR_TRY(call(bump, WR_OPERATOR_ADD, expr, slack, out_expr, err));
    if (is_upper)
        return WR_OK;
    WR_TRY(call_number(bump, WR_OPERATOR_LT, magnitude, double_value(INFINITY), &args[0], err));
    args[1] = *out_expr;
    return wr_expr_case(bump, args, 3, out_expr, err);
}

/* left op right + c */
static wr_status imply(wr_bump *bump, const difference *d, const char *op, wr_expr **out_expr,
                       wr_error *err)
{
    bool     is_upper = op[0] == '<';
    wr_expr *bound;

    if (d->type.logical == WR_TYPE_I64)
        WR_TRY(add_int(bump, d->right, d->most.i64, &bound, err));
    else if (d->type.logical == WR_TYPE_F64)
        WR_TRY(add_double(bump, d->right, d->most.f64, is_upper, &bound, err));
    else
        WR_TRY(call_number(bump, WR_OPERATOR_ADD, d->right, d->most, &bound, err));
    return call(bump, op, d->left, bound, out_expr, err);
}

static wr_status negate(wr_bump *bump, difference *d, wr_error *err)
{
    wr_expr *constant = wr_expr_const(bump, &d->most, err), *negative;

    if (!constant)
        return WR_NO_MEMORY;
    WR_TRY(call(bump, WR_OPERATOR_SUB, constant, NULL, &negative, err));
    WR_TRY(wr_expr_fold(negative, bump, &negative, err));
    d->most = negative->value;
    return WR_OK;
}

wr_status wr_difference_ranges(wr_bump *bump, const wr_expr *expr, wr_expr *out_exprs[2],
                               uint32_t *out_count, wr_error *err)
{
    static const char *const OPS[] = {WR_OPERATOR_LT, WR_OPERATOR_LE, WR_OPERATOR_GT,
                                      WR_OPERATOR_GE};
    const wr_expr *minus, *constant, *magnitude;
    bool           is_upper, is_absolute, turned;
    difference     d;
    uint32_t       op = 0;

    *out_count = 0;
    while (op < 4 && !calls(expr, OPS[op], 2))
        op++;
    if (op == 4)
        return WR_OK;
    turned = expr->args[0]->kind == WR_EXPR_CONST;
    constant = expr->args[!turned];
    minus = look_behind_cast(expr->args[turned]);
    is_upper = (op < 2) != turned;
    magnitude = look_behind_abs(minus);
    is_absolute = magnitude != NULL;
    minus = is_absolute ? magnitude : minus;
    if (constant->kind != WR_EXPR_CONST || constant->value.is_null || (is_absolute && !is_upper) ||
        !calls(minus, WR_OPERATOR_SUB, 2) || !find_type(minus, &constant->value, is_upper, &d))
        return WR_OK;
    WR_TRY(to_number(bump, minus->args[0], d.type, &d.left, err));
    WR_TRY(to_number(bump, minus->args[1], d.type, &d.right, err));
    WR_TRY(imply(bump, &d, is_upper ? WR_OPERATOR_LE : WR_OPERATOR_GE, &out_exprs[(*out_count)++],
                 err));
    if (!is_absolute)
        return WR_OK;
    WR_TRY(negate(bump, &d, err));
    return imply(bump, &d, WR_OPERATOR_GE, &out_exprs[(*out_count)++], err);
}
