/* types/decimal.h — exact decimals: 128-bit integers with a scale, checked arithmetic.
 *
 * A decimal is value * 10^-scale with |value| < 10^precision. Every operation reports overflow
 * instead of wrapping. Rounding is half away from zero (PostgreSQL). No allocation, no state. */
#ifndef WR_TYPES_DECIMAL_H
#define WR_TYPES_DECIMAL_H

#include "types/type.h"

/** 10^exponent, 0 <= exponent <= 38. */
wr_i128 wr_pow10_i128(unsigned exponent);

/** value * 10^(to - from), rounding when to < from; false on overflow of 38 digits. */
bool wr_decimal_rescale(wr_i128 value, int from_scale, int to_scale, wr_i128 *out_value);

/** |value| < 10^precision */
bool wr_decimal_fits(wr_i128 value, unsigned precision);

/** left / right with `result_scale`, rounded; false on overflow. right != 0.
 *  Uses 256-bit intermediate arithmetic. */
bool wr_decimal_divide(wr_i128 left, int left_scale, wr_i128 right, int right_scale,
                       int result_scale, wr_i128 *out_value);
bool wr_decimal_multiply(wr_i128 left, int left_scale, wr_i128 right, int right_scale,
                         int result_scale, wr_i128 *out_value);

double wr_decimal_to_f64(wr_i128 value, int scale); /* correctly rounded */
/** Whole numbers exactly; fractions as they are written (1.005 is 1.01 with two digits, though the double
 *  is a bit less), rounded half away from zero. False: does not fit `precision` or is not finite. */
bool wr_decimal_from_f64(double x, unsigned precision, int scale, wr_i128 *out_value);
bool wr_decimal_from_f32(float x, unsigned precision, int scale, wr_i128 *out_value);

/** Types of results, 38 digits at most. + has the larger scale and one more whole digit, * the sum
 *  of both, / a scale of max(6, left scale + right precision + 1). Where 38 digits are too few,
 *  fraction digits are cut first, not below 20 (/: 6), then whole ones; overflow is an error. */
wr_type wr_decimal_type_add(wr_type left, wr_type right);
wr_type wr_decimal_type_multiply(wr_type left, wr_type right);
wr_type wr_decimal_type_divide(wr_type left, wr_type right);

#endif
