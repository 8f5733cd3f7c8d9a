/* types/parse_decimal.c — exact decimals from text.
 *
 * A number is its digits d1 d2 ... dn and the position of the point among them, exponent included;
 * the digits up to `scale` places behind the point make the value, the next one rounds it. Up to 18
 * digits are summed in 64 bits. */
#include "types/parse.h"

#include "types/digits_priv.h"

enum { EXPONENT_LIMIT = 1000000 };

typedef struct decimal_text {
    const char *begin, *end; /* digits and at most one point, no leading zeros in the whole part */
    int64_t     digit_count; /* between them */
    int64_t     whole_count; /* digits before the point, exponent included; may be negative */
    bool        negative;
} decimal_text;

static bool read_exponent(const char *p, const char *end, int64_t *out)
{
    bool negative = p < end && *p == '-';

    p += p < end && (*p == '-' || *p == '+');
    *out = 0;
    if (p == end)
        return false;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        if (*out < EXPONENT_LIMIT)
            *out = *out * 10 + (*p - '0');
    }
    if (negative)
        *out = -*out;
    return true;
}

static bool split(wr_text text, decimal_text *out)
{
    const char *p = text.bytes, *end, *point = NULL;
    int64_t     exponent = 0;
    bool        any_zero = false;

    if (text.byte_count == 0)
        return false;
    end = p + text.byte_count;
    out->negative = *p == '-';
    p += *p == '-' || *p == '+';
    for (; p < end && *p == '0'; p++)
        any_zero = true;
    out->begin = p;
    for (; p < end; p++) {
        if (*p == '.' && !point)
            point = p;
        else if (!is_digit(*p))
            break;
    }
    out->end = p;
    out->digit_count = p - out->begin - (point != NULL);
    out->whole_count = point ? point - out->begin : out->digit_count;
    if (out->digit_count == 0 && !any_zero)
        return false;
    if (p < end && ((*p | 0x20) != 'e' || !read_exponent(p + 1, end, &exponent)))
        return false;
    out->whole_count += exponent;
    return true;
}

/* The first `count` digits as a number; false beyond 38 significant ones. */
static bool sum_digits(const decimal_text *in, int64_t count, wr_u128 *out)
{
    const char *p = in->begin;
    wr_u128     value = 0;
    const wr_u128 limit = (wr_u128)wr_pow10_i128(WR_DECIMAL_DIGITS_MAX - 1);

    if (count <= WR_DECIMAL_DIGITS_I64) {
        uint64_t small = 0;

        for (; count > 0; p++) {
            if (*p == '.')
                continue;
            small = small * 10 + (uint64_t)(*p - '0');
            count--;
        }
        *out = small;
        return true;
    }
    for (; count > 0; p++) {
        if (*p == '.')
            continue;
        if (value >= limit)
            return false;
        value = value * 10 + (uint64_t)(*p - '0');
        count--;
    }
    *out = value;
    return true;
}

static char digit_at(const decimal_text *in, int64_t index)
{
    for (const char *p = in->begin; p < in->end; p++)
        if (*p != '.' && index-- == 0)
            return *p;
    return '0';
}

/* No exponent, at most 19 bytes, no digit to round away, and the result fits 19 digits. */
static inline bool parse_plain(wr_text text, int scale, wr_i128 *out)
{
    bool     negative = text.bytes[0] == '-';
    size_t   sign_bytes = negative || text.bytes[0] == '+', fraction_count;
    uint64_t digits;

    if (!split_plain_decimal(text.bytes + sign_bytes, text.byte_count - sign_bytes, &digits,
                             &fraction_count) ||
        fraction_count > (size_t)scale ||
        text.byte_count - sign_bytes + (size_t)scale - fraction_count > 19)
        return false;
    digits *= wr_pow10_u64[(size_t)scale - fraction_count];
    *out = negative ? -(wr_i128)digits : (wr_i128)digits;
    return true;
}

bool wr_parse_decimal(wr_text text, unsigned precision, int scale, wr_i128 *out)
{
    decimal_text in;
    int64_t      kept, zeros;
    wr_u128      value;
    wr_i128      plain;

    if (text.byte_count == 0)
        return false;
    if (WR_LIKELY(parse_plain(text, scale, &plain))) {
        if (!wr_decimal_fits(plain, precision))
            return false;
        *out = plain;
        return true;
    }
    if (!split(text, &in))
        return false;
    kept = in.whole_count + scale; /* digits of the value; beyond them zeros */
    zeros = kept > in.digit_count ? kept - in.digit_count : 0;
    if (!sum_digits(&in, kept - zeros, &value))
        return false;
    if (value && zeros) {
        if (zeros > WR_DECIMAL_DIGITS_MAX ||
            __builtin_mul_overflow(value, (wr_u128)wr_pow10_i128((unsigned)zeros), &value))
            return false;
    }
    if (kept >= 0 && kept < in.digit_count)
        value += digit_at(&in, kept) >= '5';
    if (value >= (wr_u128)wr_pow10_i128(precision))
        return false;
    *out = in.negative ? -(wr_i128)value : (wr_i128)value;
    return true;
}

bool wr_parse_decimal_shape(wr_text text, unsigned *out_precision, int *out_scale)
{
    decimal_text in;
    int64_t      scale, precision;

    if (!split(text, &in))
        return false;
    scale = in.digit_count - in.whole_count;
    precision = in.whole_count > 0 ? in.digit_count : scale;
    if (scale < 0) {
        precision = in.digit_count ? in.whole_count : 1;
        scale = 0;
    }
    if (precision < 1)
        precision = 1;
    if (precision > WR_DECIMAL_DIGITS_MAX)
        return false;
    *out_precision = (unsigned)precision;
    *out_scale = (int)scale;
    return true;
}
