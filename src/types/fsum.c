/* types/fsum.c — order-independent sums of doubles: integer digits at fixed bit positions.
 *
 * Bit position 0 is 2^-1074, the smallest subnormal; digit position d covers bits 28d .. 28d+27. */
#include "types/fsum.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    DIGIT_BITS = 28,
    CUT_DIGITS = 3,       /* a 53-bit mantissa shifted by up to 27 bits touches at most three */
    LOWEST_EXPONENT = -1074,
    SPECIAL_NAN = 1,
    SPECIAL_PLUS = 2,
    SPECIAL_MINUS = 4,
};

/* A double as up to three signed digits. highest < 0: zero. */
typedef struct cut_value {
    int     lowest, highest; /* digit positions */
    int64_t digits[CUT_DIGITS];
} cut_value;

/* False for NaN and infinities. */
static inline bool cut_double(double x, cut_value *out)
{
    const uint64_t    mask = (1u << DIGIT_BITS) - 1;
    uint64_t          bits, mantissa;
    int               exponent, position;
    unsigned __int128 shifted;
    int64_t           sign;

    memcpy(&bits, &x, sizeof bits);
    exponent = (int)(bits >> 52 & 0x7ff);
    mantissa = bits & 0xfffffffffffffull;
    if (exponent == 0x7ff)
        return false;
    if (exponent)
        mantissa |= 1ull << 52;
    position = exponent ? exponent - 1 : 0; /* of the mantissa's lowest bit */
    sign = bits >> 63 ? -1 : 1;
    shifted = (unsigned __int128)mantissa << (position % DIGIT_BITS);
    out->lowest = position / DIGIT_BITS;
    out->highest = -1;
    for (int i = 0; i < CUT_DIGITS; i++) {
        uint64_t digit = (uint64_t)(shifted >> (i * DIGIT_BITS)) & mask;

        out->digits[i] = sign * (int64_t)digit;
        if (digit)
            out->highest = out->lowest + i;
    }
    return true;
}

static uint16_t special_of(double x)
{
    return isnan(x) ? SPECIAL_NAN : x > 0 ? SPECIAL_PLUS : SPECIAL_MINUS;
}

static bool special_result(uint16_t special, double *out)
{
    if (special & SPECIAL_NAN || (special & SPECIAL_PLUS && special & SPECIAL_MINUS))
        *out = (double)NAN;
    else
        *out = special & SPECIAL_PLUS ? (double)INFINITY : -(double)INFINITY;
    return true;
}

/* ---- Rounding -----------------------------------------------------------------------------------
 */

enum { WORDS = 6 };

/* Digits to sign and magnitude, little-endian 64-bit words; bit 0 of words[0] is the lowest bit of
 * the lowest digit. */
static bool digits_to_words(const int64_t *digits, int count, uint64_t words[WORDS])
{
    int64_t  normal[WR_FSUM_WIDE_DIGITS], carry = 0;
    bool     negative;

    for (int i = count - 1; i > 0; i--) {
        int64_t digit = digits[i] + carry;

        normal[i] = digit & ((1 << DIGIT_BITS) - 1);
        carry = digit >> DIGIT_BITS;
    }
    normal[0] = digits[0] + carry;
    negative = normal[0] < 0;
    if (negative) {
        carry = 0;
        for (int i = count - 1; i > 0; i--) {
            int64_t digit = -normal[i] + carry;

            normal[i] = digit & ((1 << DIGIT_BITS) - 1);
            carry = digit >> DIGIT_BITS;
        }
        normal[0] = -normal[0] + carry;
    }
    memset(words, 0, WORDS * sizeof words[0]);
    for (int i = count - 1; i >= 0; i--) {
        int               bit = (count - 1 - i) * DIGIT_BITS;
        unsigned __int128 value = (unsigned __int128)(uint64_t)normal[i] << (bit % 64);

        /* Digits do not overlap after normalising, so there is no carry between words. */
        words[bit / 64] |= (uint64_t)value;
        words[bit / 64 + 1] |= (uint64_t)(value >> 64);
    }
    return negative;
}

/* 64 bits from `bit` upwards. */
static uint64_t bits_at(const uint64_t words[WORDS], int bit)
{
    int      word = bit / 64, shift = bit % 64;
    uint64_t low = words[word] >> shift;

    return shift && word + 1 < WORDS ? low | words[word + 1] << (64 - shift) : low;
}

static bool any_bit_below(const uint64_t words[WORDS], int bit)
{
    for (int word = 0; word < bit / 64; word++)
        if (words[word])
            return true;
    return bit % 64 && (words[bit / 64] & ((1ull << (bit % 64)) - 1));
}

/* Round to nearest even; `top_position` is the digit position of digits[0]. */
static double round_digits(const int64_t *digits, int count, int top_position)
{
    uint64_t words[WORDS], chunk;
    bool     negative = digits_to_words(digits, count, words);
    int      highest = WORDS * 64 - 1, exponent, low_bit;
    double   result;

    while (highest >= 0 && !(words[highest / 64] >> (highest % 64) & 1))
        highest--;
    if (highest < 0)
        return 0.0;
    /* Weight of bit 0 of words: */
    exponent = (top_position - count + 1) * DIGIT_BITS + LOWEST_EXPONENT;
    low_bit = highest - 62;
    /* A subnormal result keeps fewer bits: round where its last bit is, not twice. */
    if (low_bit + exponent < LOWEST_EXPONENT - 8)
        low_bit = LOWEST_EXPONENT - 8 - exponent;
    if (low_bit < 0) {
        chunk = bits_at(words, 0);
        low_bit = 0;
    } else {
        chunk = bits_at(words, low_bit) | any_bit_below(words, low_bit);
    }
    if (low_bit + exponent < LOWEST_EXPONENT) { /* shift the last bits out with a sticky bit */
        int shift = LOWEST_EXPONENT - (low_bit + exponent);
        uint64_t lost = chunk & ((1ull << shift) - 1), half = 1ull << (shift - 1);

        chunk >>= shift;
        chunk += lost > half || (lost == half && (chunk & 1));
        low_bit += shift;
    }
    result = ldexp((double)chunk, low_bit + exponent);
    return negative ? -result : result;
}

/* ---- The two widths
 * ------------------------------------------------------------------------------- */

#define STATE    wr_fsum
#define N        WR_FSUM_DIGITS
#define FN(name) narrow_##name
#include "types/fsum.inc.h"

#define STATE    wr_fsum_wide
#define N        WR_FSUM_WIDE_DIGITS
#define FN(name) wide_##name
#include "types/fsum.inc.h"

void wr_fsum_add(wr_fsum *sum, double x)
{
    narrow_add(sum, x);
}

void wr_fsum_merge(wr_fsum *sum, const wr_fsum *other)
{
    narrow_merge(sum, other);
}

double wr_fsum_result(const wr_fsum *sum)
{
    return narrow_result(sum);
}

void wr_fsum_wide_add(wr_fsum_wide *sum, double x)
{
    wide_add(sum, x);
}

void wr_fsum_wide_add_product(wr_fsum_wide *sum, double x, double y)
{
    double high = x * y;

    wide_add(sum, high);
    if (isfinite(high))
        wide_add(sum, fma(x, y, -high));
}

void wr_fsum_wide_merge(wr_fsum_wide *sum, const wr_fsum_wide *other)
{
    wide_merge(sum, other);
}

double wr_fsum_wide_result(const wr_fsum_wide *sum)
{
    return wide_result(sum);
}

/* ---- Centred sums, in double-double
 * ---------------------------------------------------------------- */

typedef struct pair {
    double high, low;
} pair;

static pair pair_of(const wr_fsum_wide *sum)
{
    wr_fsum_wide rest = *sum;
    pair         p = {wide_result(sum), 0.0};

    if (isfinite(p.high)) {
        wide_add(&rest, -p.high);
        p.low = wide_result(&rest);
    }
    return p;
}

static pair quick_sum(double a, double b)
{
    double high = a + b;

    return (pair){high, b - (high - a)};
}

static pair pair_multiply(pair a, pair b)
{
    double high = a.high * b.high;

    return quick_sum(high, fma(a.high, b.high, -high) + (a.high * b.low + a.low * b.high));
}

static pair pair_divide(pair a, double n)
{
    double high = a.high / n;

    return quick_sum(high, (fma(-high, n, a.high) + a.low) / n);
}

static pair pair_subtract(pair a, pair b)
{
    double high = a.high - b.high, t = high - a.high;
    double error = (a.high - (high - t)) + (-b.high - t);

    return quick_sum(high, error + (a.low - b.low));
}

double wr_fsum_wide_centered(const wr_fsum_wide *sum_xy, const wr_fsum_wide *sum_x,
                             const wr_fsum_wide *sum_y, uint64_t n)
{
    pair mean_product = pair_divide(pair_multiply(pair_of(sum_x), pair_of(sum_y)), (double)n);
    pair centered = pair_subtract(pair_of(sum_xy), mean_product);
    double result = centered.high + centered.low;

    return sum_x == sum_y && result < 0.0 ? 0.0 : result;
}
