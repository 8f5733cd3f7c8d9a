/* expr/coerce.c — which types go together: common types, implicit conversions and what they cost.
 *
 * Integers widen to the next type that holds both sides; UInt64 with a signed type is Decimal(20, 0).
 * Floats absorb every number, decimals every integer. Dates become timestamps; of two timestamps the
 * finer unit and the zone that is given win. Text converts to nothing by itself: only literals do. */
#include "expr/expr_priv.h"

#include "types/decimal.h"
#include "types/nested.h"

enum { NEVER = UINT32_MAX, SCALE_KEPT = 20 };

/* Decimal digits that hold every value of an integer type. */
static unsigned integer_digits(wr_type type)
{
    switch ((wr_logical)type.logical) {
    case WR_TYPE_I8:
    case WR_TYPE_U8:
        return 3;
    case WR_TYPE_I16:
    case WR_TYPE_U16:
        return 5;
    case WR_TYPE_I32:
    case WR_TYPE_U32:
        return 10;
    case WR_TYPE_I64:
        return 19;
    default:
        return 20;
    }
}

static unsigned integer_bytes(wr_type type)
{
    return wr_physical_bytes(wr_type_physical(type));
}

static wr_type signed_of_bytes(unsigned bytes)
{
    switch (bytes) {
    case 1:
        return WR_TYPE(I8);
    case 2:
        return WR_TYPE(I16);
    case 4:
        return WR_TYPE(I32);
    default:
        return WR_TYPE(I64);
    }
}

static wr_type common_integer(wr_type a, wr_type b)
{
    unsigned a_bytes = integer_bytes(a), b_bytes = integer_bytes(b), least;

    if (wr_type_is_unsigned(a) == wr_type_is_unsigned(b))
        return a_bytes >= b_bytes ? a : b;
    if (wr_type_is_unsigned(b))
        return common_integer(b, a);
    least = 2 * a_bytes > b_bytes ? 2 * a_bytes : b_bytes; /* a is the unsigned one */
    return least > 8 ? wr_type_decimal(20, 0) : signed_of_bytes(least);
}

static wr_type as_decimal(wr_type type)
{
    return wr_type_is_integer(type) ? wr_type_decimal(integer_digits(type), 0) : type;
}

/* All digits of both. Where 38 are too few, fractions are cut to 20 digits as in arithmetic, then whole
 * digits: a value that needs them is an error, where rounding would be another answer. */
static wr_type common_decimal(wr_type a, wr_type b)
{
    int whole = a.precision - a.scale, scale = a.scale > b.scale ? a.scale : b.scale;
    int kept = scale < SCALE_KEPT ? scale : SCALE_KEPT;

    if (b.precision - b.scale > whole)
        whole = b.precision - b.scale;
    if (whole + scale > WR_DECIMAL_DIGITS_MAX)
        scale = whole + kept > WR_DECIMAL_DIGITS_MAX ? kept : WR_DECIMAL_DIGITS_MAX - whole;
    if (whole + scale > WR_DECIMAL_DIGITS_MAX)
        whole = WR_DECIMAL_DIGITS_MAX - scale;
    return wr_type_decimal((unsigned)(whole + scale), scale);
}

static wr_type common_number(wr_type a, wr_type b)
{
    if (wr_type_is_float(a) || wr_type_is_float(b))
        return WR_TYPE(F64); /* two Float32 are equal types and do not come here */
    if (wr_type_is_integer(a) && wr_type_is_integer(b))
        return common_integer(a, b);
    return common_decimal(as_decimal(a), as_decimal(b));
}

static bool is_date(wr_type type)
{
    return type.logical == WR_TYPE_DATE32 || type.logical == WR_TYPE_DATE64;
}

static wr_type finer(wr_type a, wr_type b)
{
    wr_type type = a;

    if (b.unit > a.unit)
        type.unit = b.unit;
    if (a.zone == 0)
        type.zone = b.zone;
    return type;
}

bool wr_type_common(wr_type a, wr_type b, wr_type *out_type)
{
    if (wr_type_equal(a, b) || b.logical == WR_TYPE_NULL_)
        *out_type = a;
    else if (a.logical == WR_TYPE_NULL_)
        *out_type = b;
    else if (wr_type_is_numeric(a) && wr_type_is_numeric(b))
        *out_type = common_number(a, b);
    else if (is_date(a) && is_date(b))
        *out_type = WR_TYPE(DATE32);
    else if (is_date(a) && b.logical == WR_TYPE_TIMESTAMP)
        *out_type = b;
    else if (a.logical == WR_TYPE_TIMESTAMP && is_date(b))
        *out_type = a;
    else if (a.logical == b.logical &&
             (a.logical == WR_TYPE_TIMESTAMP || a.logical == WR_TYPE_TIME))
        *out_type = finer(a, b);
    else
        return wr_nested_common(a, b, out_type);
    return true;
}

static uint32_t integer_distance(wr_type from, wr_type to)
{
    unsigned from_bytes = integer_bytes(from), to_bytes = integer_bytes(to);

    if (wr_type_is_integer(to)) {
        if (wr_type_is_unsigned(from) == wr_type_is_unsigned(to))
            return to_bytes >= from_bytes ? to_bytes - from_bytes : NEVER;
        return wr_type_is_unsigned(from) && to_bytes > from_bytes ? 1 + to_bytes - from_bytes
                                                                  : NEVER;
    }
    if (to.logical == WR_TYPE_DECIMAL)
        return to.precision - to.scale >= (int)integer_digits(from) ? 20 : NEVER;
    if (to.logical == WR_TYPE_F32)
        return from_bytes <= 2 ? 35 : NEVER;
    return to.logical == WR_TYPE_F64 ? 30 : NEVER;
}

static uint32_t decimal_distance(wr_type from, wr_type to)
{
    if (to.logical == WR_TYPE_F64)
        return 25;
    if (to.logical != WR_TYPE_DECIMAL || to.scale < from.scale ||
        to.precision - to.scale < from.precision - from.scale)
        return NEVER;
    return 2;
}

uint32_t wr_type_distance(wr_type from, wr_type to)
{
    if (wr_type_equal(from, to))
        return 0;
    switch ((wr_logical)from.logical) {
    case WR_TYPE_NULL_:
        return 1;
    case WR_TYPE_I8:
    case WR_TYPE_I16:
    case WR_TYPE_I32:
    case WR_TYPE_I64:
    case WR_TYPE_U8:
    case WR_TYPE_U16:
    case WR_TYPE_U32:
    case WR_TYPE_U64:
        return integer_distance(from, to);
    case WR_TYPE_DECIMAL:
        return decimal_distance(from, to);
    case WR_TYPE_F32:
        return to.logical == WR_TYPE_F64 ? 1 : NEVER;
    case WR_TYPE_DATE32:
    case WR_TYPE_DATE64:
        if (is_date(to))
            return 1;
        return to.logical == WR_TYPE_TIMESTAMP ? 5 : NEVER;
    case WR_TYPE_TIME:
        return to.logical == WR_TYPE_TIME && to.unit >= from.unit ? 1 : NEVER;
    case WR_TYPE_TIMESTAMP:
        if (to.logical != WR_TYPE_TIMESTAMP || to.unit < from.unit)
            return NEVER;
        return to.zone == from.zone ? 1 : 2;
    default:
        return wr_nested_distance(from, to);
    }
}

bool wr_type_implicit(wr_type from, wr_type to)
{
    return wr_type_distance(from, to) != NEVER;
}

bool wr_type_castable(wr_type from, wr_type to)
{
    bool to_date = is_date(to) || to.logical == WR_TYPE_TIMESTAMP;

    if (wr_type_equal(from, to) || from.logical == WR_TYPE_NULL_)
        return true;
    if (to.logical == WR_TYPE_NULL_)
        return false;
    if (wr_type_is_nested(from) || wr_type_is_nested(to))
        return wr_nested_castable(from, to);
    if (from.logical == WR_TYPE_UTF8 || to.logical == WR_TYPE_UTF8)
        return true;
    if (wr_type_is_numeric(from) || from.logical == WR_TYPE_BOOL)
        return wr_type_is_numeric(to) || to.logical == WR_TYPE_BOOL;
    if (is_date(from))
        return to_date;
    if (from.logical == WR_TYPE_TIMESTAMP)
        return to_date || to.logical == WR_TYPE_TIME;
    if (from.logical == WR_TYPE_TIME)
        return to.logical == WR_TYPE_TIME || to.logical == WR_TYPE_INTERVAL;
    return from.logical == WR_TYPE_INTERVAL && to.logical == WR_TYPE_TIME;
}

/* ---- Arguments -------------------------------------------------------------------------------- */

static bool is_integer_constant(const wr_expr *expr)
{
    return expr->kind == WR_EXPR_CONST && wr_type_is_integer(expr->type) && !expr->value.is_null;
}

static wr_i128 integer_constant(const wr_expr *expr)
{
    return wr_type_is_unsigned(expr->type) ? (wr_i128)expr->value.u64 : expr->value.i64;
}

static bool integer_fits(wr_i128 value, wr_type type)
{
    unsigned bits = 8 * integer_bytes(type);

    if (wr_type_is_unsigned(type))
        return value >= 0 && value >> bits == 0;
    return value >> (bits - 1) == 0 || value >> (bits - 1) == -1;
}

uint32_t wr_expr_distance(const wr_expr *arg, wr_type to)
{
    if (wr_expr_is_literal(arg) && to.logical != WR_TYPE_UTF8)
        return wr_type_castable(WR_TYPE(UTF8), to) ? 10 : NEVER;
    if (is_integer_constant(arg) && wr_type_is_integer(to) &&
        wr_type_distance(arg->type, to) == NEVER)
        return integer_fits(integer_constant(arg), to) ? 3 : NEVER;
    return wr_type_distance(arg->type, to);
}

wr_type wr_expr_as_decimal(const wr_expr *arg)
{
    unsigned digits = 1;

    if (!is_integer_constant(arg))
        return as_decimal(arg->type);
    while (!wr_decimal_fits(integer_constant(arg), digits))
        digits++;
    return wr_type_decimal(digits, 0);
}

/* The common type of `type` and an integer constant. */
static bool adapt_constant(const wr_expr *arg, bool adapt, wr_type *io_type)
{
    wr_i128 value = integer_constant(arg);

    if (wr_type_is_integer(*io_type) && (adapt || io_type->logical == WR_TYPE_U64) &&
        integer_fits(value, *io_type))
        return true;
    if (io_type->logical == WR_TYPE_F32 && value >= -(1 << 24) && value <= 1 << 24)
        return true;
    if (io_type->logical == WR_TYPE_DECIMAL)
        return wr_type_common(*io_type, wr_expr_as_decimal(arg), io_type);
    return wr_type_common(*io_type, arg->type, io_type);
}

bool wr_expr_common(const wr_expr *const *args, uint32_t arg_count, bool adapt, wr_type *out_type)
{
    wr_type type = WR_TYPE(NULL_);
    bool    has_literal = false;

    for (uint32_t i = 0; i < arg_count; i++) {
        if (wr_expr_is_literal(args[i]))
            has_literal = true;
        else if (!is_integer_constant(args[i]) && !wr_type_common(type, args[i]->type, &type))
            return false;
    }
    for (uint32_t i = 0; i < arg_count; i++)
        if (is_integer_constant(args[i]) && !adapt_constant(args[i], adapt, &type))
            return false;
    if (has_literal && type.logical == WR_TYPE_NULL_)
        type = WR_TYPE(UTF8);
    *out_type = type;
    return true;
}
