/* kernel/decimal.c — one general path for every shape, and loops for the shapes that matter: sums of one
 * scale, products of int64 columns, and int64 values that only gain digits. */
#include "kernel/decimal.h"

#include <math.h>

WR_ALWAYS_INLINE size_t index_of(wr_operand operand, uint32_t row)
{
    return operand.constant ? 0 : row;
}

/* ---- Arithmetic ------------------------------------------------------------------------------- */

static bool add_one(bool subtract, wr_i128 a, int a_scale, wr_i128 b, int b_scale, int scale,
                    wr_i128 *out)
{
    if (!wr_decimal_rescale(a, a_scale, scale, &a) || !wr_decimal_rescale(b, b_scale, scale, &b))
        return false;
    return subtract ? !__builtin_sub_overflow(a, b, out) : !__builtin_add_overflow(a, b, out);
}

/* The remainder needs both sides at one scale, and has the larger one. */
static bool mod_one(wr_i128 a, int a_scale, wr_i128 b, int b_scale, int scale, wr_i128 *out)
{
    int common = a_scale > b_scale ? a_scale : b_scale;

    if (!wr_decimal_rescale(b, b_scale, common, &b)) {
        *out = a; /* the divisor exceeds 38 digits and so every dividend */
        return wr_decimal_rescale(a, a_scale, scale, out);
    }
    if (wr_decimal_rescale(a, a_scale, common, &a)) {
        *out = a % b;
    } else {
        /* Digit by digit: a * 10^k mod b without the wide product; |b| < 10^38 < 2^127 / 1.7. */
        wr_i128 rest = a % b;
        wr_u128 divisor = (wr_u128)(b < 0 ? -b : b);

        for (int i = a_scale; i < common; i++) {
            wr_u128 part = (wr_u128)(rest < 0 ? -rest : rest), sum = 0;
            for (int times = 0; times < 10; times++)
                sum = (sum + part) % divisor;
            rest = rest < 0 ? -(wr_i128)sum : (wr_i128)sum;
        }
        *out = rest;
    }
    return wr_decimal_rescale(*out, common, scale, out);
}

static bool arith_one(wr_arith_op op, wr_i128 a, int a_scale, wr_i128 b, int b_scale,
                      wr_type result, wr_i128 *out)
{
    bool is_right;

    *out = 0;
    switch (op) {
    case WR_ARITH_ADD:
    case WR_ARITH_SUB:
        is_right = add_one(op == WR_ARITH_SUB, a, a_scale, b, b_scale, result.scale, out);
        break;
    case WR_ARITH_MUL:
        is_right = wr_decimal_multiply(a, a_scale, b, b_scale, result.scale, out);
        break;
    case WR_ARITH_DIV:
        is_right = b != 0 && wr_decimal_divide(a, a_scale, b, b_scale, result.scale, out);
        break;
    case WR_ARITH_MOD:
        is_right = b != 0 && mod_one(a, a_scale, b, b_scale, result.scale, out);
        break;
    default:
        WR_UNREACHABLE();
    }
    return is_right && wr_decimal_fits(*out, result.precision);
}

/* All widths are known where it is called from: four copies. */
WR_ALWAYS_INLINE bool add_wide(bool subtract, wr_physical left_physical, wr_operand left,
                               wr_physical right_physical, wr_operand right, wr_i128 limit,
                               wr_selection rows, wr_i128 *restrict out)
{
    bool fails = false;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        wr_i128  a = wr_decimal_load(left_physical, left.values, index_of(left, row));
        wr_i128  b = wr_decimal_load(right_physical, right.values, index_of(right, row));
        /* Two times 38 digits need a bit more than there are; what wraps is beyond the limit too. */
        wr_i128 sum = subtract ? (wr_i128)((wr_u128)a - (wr_u128)b)
                               : (wr_i128)((wr_u128)a + (wr_u128)b);

        fails |= sum >= limit || sum <= -limit;
        out[row] = sum;
    }
    return fails;
}

WR_ALWAYS_INLINE bool multiply_narrow(wr_operand left, wr_operand right, wr_selection rows,
                                      wr_i128 *restrict out)
{
    const int64_t *a = left.values, *b = right.values;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        out[row] = (wr_i128)a[index_of(left, row)] * b[index_of(right, row)];
    }
    return false;
}

static bool arith_general(wr_arith_op op, wr_type left_type, wr_operand left, wr_type right_type,
                          wr_operand right, wr_type result, wr_selection rows, void *out)
{
    wr_physical left_physical = wr_type_physical(left_type);
    wr_physical right_physical = wr_type_physical(right_type);
    wr_physical result_physical = wr_type_physical(result);
    bool        fails = false;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        wr_i128  value;

        fails |= !arith_one(op, wr_decimal_load(left_physical, left.values, index_of(left, row)),
                            left_type.scale,
                            wr_decimal_load(right_physical, right.values, index_of(right, row)),
                            right_type.scale, result, &value);
        wr_decimal_store(result_physical, out, row, value);
    }
    return fails;
}

static bool add_same_scale(bool subtract, wr_physical left_physical, wr_operand left,
                           wr_physical right_physical, wr_operand right, wr_i128 limit,
                           wr_selection rows, void *out)
{
    const wr_physical narrow = WR_PHYS_I64, wide = WR_PHYS_I128;

    if (left_physical == narrow && right_physical == narrow)
        return add_wide(subtract, narrow, left, narrow, right, limit, rows, out);
    if (left_physical == narrow)
        return add_wide(subtract, narrow, left, wide, right, limit, rows, out);
    if (right_physical == narrow)
        return add_wide(subtract, wide, left, narrow, right, limit, rows, out);
    return add_wide(subtract, wide, left, wide, right, limit, rows, out);
}

bool wr_decimal_arith(wr_arith_op op, wr_type left_type, wr_operand left, wr_type right_type,
                      wr_operand right, wr_type result, wr_selection rows, void *out)
{
    wr_physical left_physical = wr_type_physical(left_type);
    wr_physical right_physical = wr_type_physical(right_type);
    wr_physical result_physical = wr_type_physical(result);
    bool        is_narrow = left_physical == WR_PHYS_I64 && right_physical == WR_PHYS_I64;
    bool        is_sum = op == WR_ARITH_ADD || op == WR_ARITH_SUB;
    bool        same_scale = left_type.scale == result.scale && right_type.scale == result.scale;
    bool        has_digits;

    if (is_sum && same_scale && result_physical == WR_PHYS_I128)
        return add_same_scale(op == WR_ARITH_SUB, left_physical, left, right_physical, right,
                              wr_pow10_i128(result.precision), rows, out);
    /* int64 arithmetic cannot overflow where the result's type has all digits there can be. */
    has_digits = is_sum ? result.precision > left_type.precision &&
                              result.precision > right_type.precision && same_scale
                        : result.precision >= left_type.precision + right_type.precision &&
                              result.scale == left_type.scale + right_type.scale;
    if (is_narrow && has_digits && (is_sum || op == WR_ARITH_MUL)) {
        if (result_physical == WR_PHYS_I64)
            return wr_arith(op, WR_PHYS_I64, left, right, rows, out);
        return multiply_narrow(left, right, rows, out);
    }
    return arith_general(op, left_type, left, right_type, right, result, rows, out);
}

bool wr_decimal_arith_fails(wr_arith_op op, wr_type left_type, wr_operand left, wr_type right_type,
                            wr_operand right, wr_type result, uint32_t row)
{
    wr_i128 a = wr_decimal_load(wr_type_physical(left_type), left.values, index_of(left, row));
    wr_i128 b = wr_decimal_load(wr_type_physical(right_type), right.values, index_of(right, row));
    wr_i128 value;

    return !arith_one(op, a, left_type.scale, b, right_type.scale, result, &value);
}

/* ---- Conversions -------------------------------------------------------------------------------- */

/* int64 values that gain digits or keep them: one checked product. */
WR_ALWAYS_INLINE bool widen_narrow(const int64_t *values, int64_t factor, wr_i128 limit,
                                   wr_selection rows, bool to_wide, void *restrict out)
{
    bool fails = false;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        wr_i128  value = (wr_i128)values[row] * factor;

        fails |= value >= limit || value <= -limit;
        if (to_wide)
            ((wr_i128 *)out)[row] = value;
        else
            ((int64_t *)out)[row] = (int64_t)value;
    }
    return fails;
}

bool wr_decimal_convert(wr_type from, const void *values, wr_type to, wr_selection rows, void *out)
{
    wr_physical from_physical = wr_type_physical(from), to_physical = wr_type_physical(to);
    int         gained = to.scale - from.scale;
    bool        fails = false;

    if (from_physical == WR_PHYS_I64 && gained >= 0 && gained <= WR_DECIMAL_DIGITS_I64) {
        int64_t factor = (int64_t)wr_pow10_i128((unsigned)gained);
        wr_i128 limit = wr_pow10_i128(to.precision);

        if (to_physical == WR_PHYS_I128)
            return widen_narrow(values, factor, limit, rows, true, out);
        return widen_narrow(values, factor, limit, rows, false, out);
    }
    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        wr_i128  value = 0;

        fails |= !wr_decimal_rescale(wr_decimal_load(from_physical, values, row), from.scale,
                                     to.scale, &value) ||
                 !wr_decimal_fits(value, to.precision);
        wr_decimal_store(to_physical, out, row, value);
    }
    return fails;
}

static wr_i128 load_integer(wr_physical physical, const void *values, uint32_t row)
{
    switch (physical) {
    case WR_PHYS_BOOL:
    case WR_PHYS_U8:
        return ((const uint8_t *)values)[row];
    case WR_PHYS_I8:
        return ((const int8_t *)values)[row];
    case WR_PHYS_I16:
        return ((const int16_t *)values)[row];
    case WR_PHYS_U16:
        return ((const uint16_t *)values)[row];
    case WR_PHYS_I32:
        return ((const int32_t *)values)[row];
    case WR_PHYS_U32:
        return ((const uint32_t *)values)[row];
    case WR_PHYS_I64:
        return ((const int64_t *)values)[row];
    default:
        return ((const uint64_t *)values)[row];
    }
}

bool wr_decimal_from_number(wr_physical from, const void *values, wr_type to, wr_selection rows,
                            void *out)
{
    wr_physical to_physical = wr_type_physical(to);
    bool        fails = false;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        wr_i128  value = 0;

        if (from == WR_PHYS_F64)
            fails |= !wr_decimal_from_f64(((const double *)values)[row], to.precision, to.scale,
                                          &value);
        else if (from == WR_PHYS_F32)
            fails |= !wr_decimal_from_f32(((const float *)values)[row], to.precision, to.scale,
                                          &value);
        else
            fails |= !wr_decimal_rescale(load_integer(from, values, row), 0, to.scale, &value) ||
                     !wr_decimal_fits(value, to.precision);
        wr_decimal_store(to_physical, out, row, value);
    }
    return fails;
}

/* Store `value` as an integer type; false if it does not fit. */
static bool store_integer(wr_physical physical, wr_i128 value, void *out, uint32_t row)
{
    switch (physical) {
#define INTEGER(ID, ctype)                                                                         \
    case WR_PHYS_##ID:                                                                             \
        ((ctype *)out)[row] = (ctype)value;                                                        \
        return (ctype)value == value;
        INTEGER(I8, int8_t)
        INTEGER(I16, int16_t)
        INTEGER(I32, int32_t)
        INTEGER(I64, int64_t)
        INTEGER(U8, uint8_t)
        INTEGER(U16, uint16_t)
        INTEGER(U32, uint32_t)
        INTEGER(U64, uint64_t)
#undef INTEGER
    default:
        WR_UNREACHABLE();
    }
}

bool wr_decimal_to_number(wr_type from, const void *values, wr_physical to, wr_selection rows,
                          void *out)
{
    wr_physical physical = wr_type_physical(from);
    bool        fails = false;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        wr_i128  value = wr_decimal_load(physical, values, row);

        if (to == WR_PHYS_F64)
            ((double *)out)[row] = wr_decimal_to_f64(value, from.scale);
        else if (to == WR_PHYS_F32)
            ((float *)out)[row] = (float)wr_decimal_to_f64(value, from.scale);
        else
            fails |= !wr_decimal_rescale(value, from.scale, 0, &value) ||
                     !store_integer(to, value, out, row);
    }
    return fails;
}

/* ---- Comparison --------------------------------------------------------------------------------- */

/* Whole parts first; parts behind the point then fit 38 digits at any scale. */
int wr_decimal_compare(wr_i128 left, int left_scale, wr_i128 right, int right_scale)
{
    int     common = left_scale > right_scale ? left_scale : right_scale;
    wr_i128 a = left, b = right, one;

    if (!wr_decimal_rescale(left, left_scale, common, &a) ||
        !wr_decimal_rescale(right, right_scale, common, &b)) {
        one = wr_pow10_i128((unsigned)left_scale);
        a = left / one;
        left %= one;
        one = wr_pow10_i128((unsigned)right_scale);
        b = right / one;
        right %= one;
        if (a == b) {
            a = left * wr_pow10_i128((unsigned)(common - left_scale));
            b = right * wr_pow10_i128((unsigned)(common - right_scale));
        }
    }
    return (a > b) - (a < b);
}
