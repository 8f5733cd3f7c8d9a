/* types/fsum.c — order-independent sums of doubles: integer digits at fixed bit positions.
 *
 * Bit position 0 is 2^-1074, the smallest subnormal; digit position d covers bits 28d .. 28d+27. */
#include "types/fsum.h"

#include <math.h>
#include <string.h>

#include "base/real.h"
#include "types/fsum_priv.h"

typedef unsigned __int128 wide_word;

enum {
    CUT_DIGITS = 3, /* a 53-bit mantissa shifted by up to 27 bits touches at most three */
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
    const uint64_t mask = (1u << FSUM_DIGIT_BITS) - 1;
    uint64_t       bits, mantissa;
    int            exponent, position;
    wide_word      shifted;
    int64_t        sign;

    memcpy(&bits, &x, sizeof bits);
    exponent = (int)(bits >> 52 & 0x7ff);
    mantissa = bits & 0xfffffffffffffull;
    if (exponent == 0x7ff)
        return false;
    if (exponent)
        mantissa |= 1ull << 52;
    position = exponent ? exponent - 1 : 0; /* of the mantissa's lowest bit */
    sign = -(int64_t)(bits >> 63);          /* 0 or -1: x ^ sign - sign negates */
    shifted = (wide_word)mantissa << (position % FSUM_DIGIT_BITS);
    out->lowest = position / FSUM_DIGIT_BITS;
    out->highest = -1;
    for (int i = 0; i < CUT_DIGITS; i++) {
        int64_t digit = (int64_t)((uint64_t)(shifted >> (i * FSUM_DIGIT_BITS)) & mask);

        out->digits[i] = (digit ^ sign) - sign;
        out->highest = digit ? out->lowest + i : out->highest;
    }
    return true;
}

static uint16_t special_of(double x)
{
    return isnan(x) ? SPECIAL_NAN : x > 0 ? SPECIAL_PLUS : SPECIAL_MINUS;
}

static double special_result(uint16_t special)
{
    if (special == SPECIAL_PLUS)
        return (double)INFINITY;
    return special == SPECIAL_MINUS ? -(double)INFINITY : (double)NAN;
}

/* Carries move up, so that every digit but the highest is in 0 .. 2^28-1. */
static void normalise(int64_t *digits, int digit_count)
{
    int64_t carry = 0;

    for (int i = digit_count - 1; i > 0; i--) {
        int64_t digit = digits[i] + carry;

        digits[i] = digit & ((1 << FSUM_DIGIT_BITS) - 1);
        carry = digit >> FSUM_DIGIT_BITS;
    }
    digits[0] += carry;
}

bool wr_fsum_digits_to_words(const int64_t *digits, int digit_count, uint64_t words[FSUM_WORDS])
{
    int64_t normal[WR_FSUM_WIDE_DIGITS];
    bool    negative;

    memcpy(normal, digits, (size_t)digit_count * sizeof normal[0]);
    normalise(normal, digit_count);
    negative = normal[0] < 0; /* the lower digits are less than one unit of it */
    if (negative) {
        for (int i = 0; i < digit_count; i++)
            normal[i] = -normal[i];
        normalise(normal, digit_count);
    }
    memset(words, 0, FSUM_WORDS * sizeof words[0]);
    for (int i = digit_count - 1; i >= 0; i--) { /* digits do not overlap: no carries */
        int       bit = (digit_count - 1 - i) * FSUM_DIGIT_BITS;
        wide_word value = (wide_word)(uint64_t)normal[i] << (bit % 64);

        words[bit / 64] |= (uint64_t)value;
        if (bit / 64 + 1 < FSUM_WORDS)
            words[bit / 64 + 1] |= (uint64_t)(value >> 64);
    }
    return negative;
}

static bool bit_at(const uint64_t *words, int bit)
{
    return words[bit / 64] >> (bit % 64) & 1;
}

static bool any_bit_below(const uint64_t *words, int bit)
{
    for (int word = 0; word < bit / 64; word++)
        if (words[word])
            return true;
    return bit % 64 && (words[bit / 64] & ((1ull << (bit % 64)) - 1));
}

/* Up to 53 bits from `bit` upwards. */
static uint64_t bits_from(const uint64_t *words, int word_count, int bit)
{
    int      word = bit / 64, shift = bit % 64;
    uint64_t low = words[word] >> shift;

    return shift && word + 1 < word_count ? low | words[word + 1] << (64 - shift) : low;
}

double wr_fsum_round(const uint64_t *words, int word_count, int exponent, bool negative)
{
    enum { MANTISSA_BITS = 53, EXPONENT_MIN = -1022 };
    int      top = word_count - 1, highest, kept = MANTISSA_BITS, cut;
    uint64_t mantissa;
    double   result;

    while (top >= 0 && !words[top])
        top--;
    if (top < 0)
        return 0.0;
    highest = top * 64 + 63 - __builtin_clzll(words[top]);
    if (highest + exponent < EXPONENT_MIN) /* a subnormal number has fewer bits */
        kept -= EXPONENT_MIN - (highest + exponent);
    if (kept < 0) /* below half of the smallest number */
        return negative ? -0.0 : 0.0;
    cut = highest + 1 - kept;
    if (cut <= 0) {
        mantissa = words[0];
        cut = 0;
    } else {
        mantissa = kept ? bits_from(words, word_count, cut) : 0;
        if (bit_at(words, cut - 1)) /* half or more: up, unless exactly half and even */
            mantissa += (mantissa & 1) | any_bit_below(words, cut - 1);
    }
    result = ldexp((double)mantissa, cut + exponent); /* exact: at most 53 bits and a carry */
    return negative ? -result : result;
}

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

void wr_fsum_add_times(wr_fsum *sum, double x, uint32_t times)
{
    narrow_add_times(sum, x, times);
}

/* Greatest magnitude, as bits: those of NaN and infinities are above all others. */
static uint64_t greatest_bits(const double *values, size_t count)
{
    uint64_t most = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t bits;

        memcpy(&bits, &values[i], sizeof bits);
        bits &= INT64_MAX;
        most = bits > most ? bits : most;
    }
    return most;
}

/* The window is known beforehand, so that each value is one shift, cut at the window's digits. */
static void add_in_window(wr_fsum *sum, const double *values, size_t count)
{
    const uint64_t mask = (1u << FSUM_DIGIT_BITS) - 1;
    int            lowest = (sum->top - WR_FSUM_DIGITS) * FSUM_DIGIT_BITS;
    int64_t        high = 0, middle = 0, low = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t bits, mantissa;
        int      exponent, up, down;
        int64_t  sign;

        memcpy(&bits, &values[i], sizeof bits);
        exponent = (int)(bits >> 52 & 0x7ff);
        mantissa = (bits & 0xfffffffffffffull) | (uint64_t)(exponent > 0) << 52;
        sign = -(int64_t)(bits >> 63);
        up = exponent - (exponent > 0) - lowest; /* at most 31: the leading bit is in the window */
        down = up < 0 ? -up : 0;
        up = up < 0 ? 0 : up;
        mantissa >>= down < 63 ? down : 63;
        low += ((int64_t)(mantissa << up & mask) ^ sign) - sign;
        middle += ((int64_t)(mantissa << up >> FSUM_DIGIT_BITS & mask) ^ sign) - sign;
        high += ((int64_t)(mantissa >> (2 * FSUM_DIGIT_BITS - up)) ^ sign) - sign;
    }
    sum->digits[0] += high;
    sum->digits[1] += middle;
    sum->digits[2] += low;
}

void wr_fsum_add_many(wr_fsum *sum, const double *values, size_t count)
{
    uint64_t exponent = greatest_bits(values, count) >> 52;

    if (exponent == 0 || exponent == 0x7ff) { /* rare: small as can be, or not finite */
        for (size_t i = 0; i < count; i++)
            narrow_add(sum, values[i]);
        return;
    }
    if (((int)exponent + 51) / FSUM_DIGIT_BITS + 1 > sum->top)
        narrow_raise_window(sum, ((int)exponent + 51) / FSUM_DIGIT_BITS);
    add_in_window(sum, values, count);
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
        wide_add(sum, wr_real_product_error(x, y, high));
}

void wr_fsum_wide_merge(wr_fsum_wide *sum, const wr_fsum_wide *other)
{
    wide_merge(sum, other);
}

double wr_fsum_wide_result(const wr_fsum_wide *sum)
{
    return wide_result(sum);
}
