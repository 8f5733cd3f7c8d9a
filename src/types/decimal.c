/* types/decimal.c — arithmetic on exact decimals.
 *
 * Signs are split off; magnitudes below 10^38 are less than 2^127, so a product or a scaled
 * dividend fits 256 bits. What a 64-bit path would save is left to the kernels of columns. */
#include "types/decimal.h"

#include <math.h>
#include <string.h>

#include "types/digits_priv.h"
#include "types/parse.h"
#include "types/u256_priv.h"

enum { SCALE_KEPT_EXACT = 20, SCALE_KEPT_DIVIDE = 6 };

wr_i128 wr_pow10_i128(unsigned exponent)
{
    if (exponent < 20)
        return (wr_i128)wr_pow10_u64[exponent];
    return (wr_i128)wr_pow10_u64[19] * wr_pow10_u64[exponent - 19];
}

static wr_u128 magnitude_of(wr_i128 x)
{
    return x < 0 ? -(wr_u128)x : (wr_u128)x;
}

/* Puts the sign back; false when the magnitude has more than 38 digits. */
static bool give_sign(wr_u128 magnitude, bool negative, wr_i128 *out)
{
    if (magnitude >= (wr_u128)wr_pow10_i128(WR_DECIMAL_DIGITS_MAX))
        return false;
    *out = negative ? -(wr_i128)magnitude : (wr_i128)magnitude;
    return true;
}

bool wr_decimal_fits(wr_i128 value, unsigned precision)
{
    return magnitude_of(value) < (wr_u128)wr_pow10_i128(precision);
}

/* round(a / divisor), half away from zero; false when the result needs more than 128 bits */
static bool divide_rounded(wr_u256 a, wr_u128 divisor, wr_u128 *out)
{
    wr_u128 rest;
    wr_u256 quotient = u256_divide(a, divisor, &rest);

    if (quotient.high)
        return false;
    return !__builtin_add_overflow(quotient.low, (wr_u128)(rest >= divisor - rest), out);
}

/* round(a * 10^exponent / divisor), |exponent| <= 2 * 38. Where it is < 0, a * divisor < 2^254. */
static bool scale_and_divide(wr_u256 a, int exponent, wr_u128 divisor, wr_u128 *out)
{
    wr_u256 wide;
    wr_u128 rest;
    int     step;

    while (exponent > 0 && (a.high || a.low)) {
        step = exponent < WR_DECIMAL_DIGITS_MAX ? exponent : WR_DECIMAL_DIGITS_MAX;
        if (!u256_multiply_u128(a, (wr_u128)wr_pow10_i128((unsigned)step), &a))
            return false;
        exponent -= step;
    }
    if (exponent < -WR_DECIMAL_DIGITS_MAX) {
        /* What is cut off here cannot decide the rounding below: half of 10^38 is whole. */
        a = u256_divide(a, (wr_u128)wr_pow10_i128((unsigned)(-exponent - WR_DECIMAL_DIGITS_MAX)),
                        &rest);
        exponent = -WR_DECIMAL_DIGITS_MAX;
    }
    if (exponent < 0) {
        wide = u256_multiply(divisor, (wr_u128)wr_pow10_i128((unsigned)-exponent));
        if (wide.high) { /* more than twice a */
            *out = 0;
            return true;
        }
        divisor = wide.low;
    }
    return divide_rounded(a, divisor, out);
}

bool wr_decimal_rescale(wr_i128 value, int from_scale, int to_scale, wr_i128 *out_value)
{
    wr_u128 result;

    if (from_scale == to_scale) {
        *out_value = value;
        return true;
    }
    return scale_and_divide((wr_u256){0, magnitude_of(value)}, to_scale - from_scale, 1, &result) &&
           give_sign(result, value < 0, out_value);
}

bool wr_decimal_divide(wr_i128 left, int left_scale, wr_i128 right, int right_scale,
                       int result_scale, wr_i128 *out_value)
{
    wr_u128 result;

    return scale_and_divide((wr_u256){0, magnitude_of(left)},
                            result_scale - left_scale + right_scale, magnitude_of(right),
                            &result) &&
           give_sign(result, (left < 0) != (right < 0), out_value);
}

bool wr_decimal_multiply(wr_i128 left, int left_scale, wr_i128 right, int right_scale,
                         int result_scale, wr_i128 *out_value)
{
    wr_u128 result;

    return scale_and_divide(u256_multiply(magnitude_of(left), magnitude_of(right)),
                            result_scale - left_scale - right_scale, 1, &result) &&
           give_sign(result, (left < 0) != (right < 0), out_value);
}

/* The exact decimal is written out and read by the float parser, which rounds once. */
double wr_decimal_to_f64(wr_i128 value, int scale)
{
    char   text[WR_FORMAT_BYTES_MAX];
    size_t byte_count;
    double x = 0;
    bool   read;

    if (value > -((wr_i128)1 << 53) && value < (wr_i128)1 << 53 && scale >= 0 && scale < 20)
        return scale == 0 ? (double)(int64_t)value
                          : (double)(int64_t)value / (double)wr_pow10_u64[scale];
    byte_count = wr_format_decimal(value, scale, text);
    read = wr_parse_f64((wr_text){text, byte_count}, &x);
    wr_assert(read, "a formatted decimal is a float");
    return x;
}

/* Whole numbers are exact; false when out of range. */
static bool from_whole(double x, unsigned precision, int scale, wr_i128 *out_value)
{
    wr_i128 value;

    return fabs(x) < 0x1p127 && wr_decimal_rescale((wr_i128)x, 0, scale, &value) &&
           wr_decimal_fits(value, precision) && (*out_value = value, true);
}

/* Fractions the short way: false when `slack`, the relative doubt about x, leaves two candidates. */
static bool round_fraction(double x, double slack, int scale, wr_i128 *out_value)
{
    double  scaled = fabs(x) * (double)wr_pow10_i128((unsigned)scale), rest;
    int64_t value;

    if (!(scaled < 0x1p50))
        return false;
    value = (int64_t)scaled;
    rest = scaled - (double)value;
    if (fabs(rest - 0.5) <= scaled * slack)
        return false;
    value += rest > 0.5;
    *out_value = x < 0 ? -value : value;
    return true;
}

bool wr_decimal_from_f64(double x, unsigned precision, int scale, wr_i128 *out_value)
{
    char text[WR_FORMAT_BYTES_MAX];

    if (x == trunc(x))
        return from_whole(x, precision, scale, out_value);
    if (round_fraction(x, 0x1p-49, scale, out_value))
        return wr_decimal_fits(*out_value, precision);
    return wr_parse_decimal((wr_text){text, wr_format_f64(x, text)}, precision, scale, out_value);
}

bool wr_decimal_from_f32(float x, unsigned precision, int scale, wr_i128 *out_value)
{
    char text[WR_FORMAT_BYTES_MAX];

    if (x == truncf(x))
        return from_whole((double)x, precision, scale, out_value);
    if (round_fraction((double)x, 0x1p-21, scale, out_value))
        return wr_decimal_fits(*out_value, precision);
    return wr_parse_decimal((wr_text){text, wr_format_f32(x, text)}, precision, scale, out_value);
}

/* Cuts precision to 38: first fraction digits beyond `scale_kept`, then whole digits (results that
 * need them overflow, which is an error and never a wrong value). */
static wr_type fit_type(int whole, int scale, int scale_kept)
{
    int kept = scale < scale_kept ? scale : scale_kept;

    if (whole + scale > WR_DECIMAL_DIGITS_MAX) {
        scale = WR_DECIMAL_DIGITS_MAX - whole;
        if (scale < kept)
            scale = kept;
        whole = WR_DECIMAL_DIGITS_MAX - scale;
    }
    return wr_type_decimal((unsigned)(whole + scale > 0 ? whole + scale : 1), scale);
}

wr_type wr_decimal_type_add(wr_type left, wr_type right)
{
    int left_whole = left.precision - left.scale, right_whole = right.precision - right.scale;
    int scale = left.scale > right.scale ? left.scale : right.scale;

    return fit_type((left_whole > right_whole ? left_whole : right_whole) + 1, scale,
                    SCALE_KEPT_EXACT);
}

wr_type wr_decimal_type_multiply(wr_type left, wr_type right)
{
    return fit_type(left.precision - left.scale + right.precision - right.scale,
                    left.scale + right.scale, SCALE_KEPT_EXACT);
}

wr_type wr_decimal_type_divide(wr_type left, wr_type right)
{
    int scale = left.scale + right.precision + 1;

    return fit_type(left.precision - left.scale + right.scale,
                    scale < SCALE_KEPT_DIVIDE ? SCALE_KEPT_DIVIDE : scale, SCALE_KEPT_DIVIDE);
}
