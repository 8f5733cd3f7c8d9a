/* types/format_float.c — the shortest decimal that reads back to the same float.
 *
 * Of the shortest decimals inside the rounding interval of x the one nearest to x is taken. The
 * interval's ends and x, times 10^-k, are computed to 2 extra bits with "round to odd", which keeps
 * enough to compare them exactly. Layout is PostgreSQL's: an exponent below -4, and from 15 digits
 * (Float32: 6) before the point on.
 * Source: Giulietti, The Schubfach way to render doubles (2020). Its proof needs 10^k from above
 * with an error up to 4 units of 2^-127; wr_pow10_bits() + 3 has at most 3. */
#include "types/parse.h"

#include "types/format_priv.h"

/* digits * 10^exponent */
typedef struct decimal_float {
    uint64_t digits;
    int      exponent;
} decimal_float;

/* floor(g * x / 2^128), lowest bit set if anything but noise was cut off. */
static uint64_t round_to_odd(wr_u128 g, uint64_t x)
{
    wr_u128  low = (wr_u128)(uint64_t)g * x;
    wr_u128  high = (wr_u128)(uint64_t)(g >> 64) * x + (uint64_t)(low >> 64);

    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* The shortest decimal in the rounding interval of c * 2^q. `c` has no lower neighbour at the same
 * distance when it is the first of its binade. */
static decimal_float shortest(uint64_t c, int q, bool lower_is_closer)
{
    /* floor(log10(2^q)), for the first of a binade floor(log10(3/4 * 2^q)) */
    int      k = (q * 1262611 - (lower_is_closer ? 524031 : 0)) >> 22;
    int      h = q + wr_pow10_exponent(-k) + 1;
    wr_u128  g = wr_pow10_bits(-k) + 3;
    uint64_t lower = round_to_odd(g, (4 * c - 2 + lower_is_closer) << h);
    uint64_t value = round_to_odd(g, 4 * c << h);
    uint64_t upper = round_to_odd(g, (4 * c + 2) << h);
    uint64_t s = value / 4, tens = s / 10;
    bool     down_fits, up_fits;

    lower += c & 1; /* the ends belong to the interval when c is even */
    upper -= c & 1;
    if (s >= 10) { /* one digit less */
        down_fits = lower <= 40 * tens;
        up_fits = 40 * tens + 40 <= upper;
        if (down_fits != up_fits)
            return (decimal_float){tens + up_fits, k + 1};
    }
    down_fits = lower <= 4 * s;
    up_fits = 4 * s + 4 <= upper;
    if (down_fits == up_fits)
        up_fits = value > 4 * s + 2 || (value == 4 * s + 2 && (s & 1));
    return (decimal_float){s + up_fits, k};
}

static decimal_float strip_zeros(decimal_float d)
{
    static const struct {
        uint32_t power;
        int      zeros;
    } STEPS[] = {{100000000, 8}, {100000000, 8}, {10000, 4}, {100, 2}, {10, 1}};

    if (d.digits % 10)
        return d;
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        if (d.digits % STEPS[i].power == 0) {
            d.digits /= STEPS[i].power;
            d.exponent += STEPS[i].zeros;
        }
    }
    return d;
}

static size_t put_exponent(int exponent, char *out)
{
    uint32_t magnitude = (uint32_t)(exponent < 0 ? -exponent : exponent);
    size_t   digit_count = magnitude >= 100 ? 3 : 2;

    out[0] = 'e';
    out[1] = exponent < 0 ? '-' : '+';
    put_digits(magnitude, digit_count, out + 2);
    return digit_count + 2;
}

/* `fixed_max`: the first number of digits before the point that is written with an exponent. */
static size_t put_decimal(decimal_float d, int fixed_max, char *out)
{
    int digit_count = (int)count_digits(d.digits);
    int point = digit_count + d.exponent; /* digits before the point */

    if (point <= -4 || point > fixed_max) {
        size_t byte_count = (size_t)digit_count;

        put_digits(d.digits, (size_t)digit_count, out + 1);
        out[0] = out[1];
        out[1] = '.';
        byte_count += digit_count > 1; /* the point */
        return byte_count + put_exponent(point - 1, out + byte_count);
    }
    if (d.exponent >= 0) {
        put_digits(d.digits, (size_t)digit_count, out);
        memset(out + digit_count, '0', (size_t)d.exponent);
        return (size_t)point;
    }
    if (point <= 0) {
        memcpy(out, "0.000000", 8);
        put_digits(d.digits, (size_t)digit_count, out + 2 - point);
        return (size_t)(2 - point + digit_count);
    }
    put_digits(d.digits, (size_t)digit_count, out + 1);
    memmove(out, out + 1, (size_t)point);
    out[point] = '.';
    return (size_t)digit_count + 1;
}

/* Most data has a few decimals only: is x = n / 10^4 with n < 10^15? A decimal of up to 15 digits
 * that reads back to x is the only one of that length, so without its zeros it is the shortest. */
static inline bool find_short(double x, decimal_float *out)
{
    double n = x * 1e4;

    if (n >= 1e15 || n != (double)(uint64_t)n || n / 1e4 != x)
        return false;
    *out = (decimal_float){(uint64_t)n, -4};
    return true;
}

static size_t put_special(bool is_nan, bool negative, char *out)
{
    if (is_nan) {
        memcpy(out, "NaN", 3);
        return 3;
    }
    memcpy(out, negative ? "-Infinity" : "Infinity", negative ? 9 : 8);
    return negative ? 9 : 8;
}

size_t wr_format_f64(double x, char *out)
{
    uint64_t      bits, fraction;
    int           exponent;
    char         *p = out;
    decimal_float d;

    memcpy(&bits, &x, sizeof bits);
    fraction = bits & (((uint64_t)1 << 52) - 1);
    exponent = (int)(bits >> 52 & 0x7ff);
    if (exponent == 0x7ff)
        return put_special(fraction != 0, x < 0, out);
    if (bits >> 63)
        *p++ = '-';
    x = __builtin_fabs(x);
    if (x < 1e15 && x == (double)(uint64_t)x)
        return (size_t)(p - out) + wr_format_u64((uint64_t)x, p);
    if (exponent)
        fraction |= (uint64_t)1 << 52;
    if (!find_short(x, &d))
        d = shortest(fraction, (exponent ? exponent : 1) - 1075,
                     fraction == (uint64_t)1 << 52 && exponent > 1);
    return (size_t)(p - out) + put_decimal(strip_zeros(d), 15, p);
}

/* A Float32's interval is found by the same steps: they are exact for any width. */
size_t wr_format_f32(float x, char *out)
{
    uint32_t bits, fraction;
    int      exponent;
    char    *p = out;

    memcpy(&bits, &x, sizeof bits);
    fraction = bits & ((1u << 23) - 1);
    exponent = (int)(bits >> 23 & 0xff);
    if (exponent == 0xff)
        return put_special(fraction != 0, x < 0, out);
    if (bits >> 31)
        *p++ = '-';
    x = __builtin_fabsf(x);
    if (x < 1e6f && x == (float)(uint32_t)x)
        return (size_t)(p - out) + wr_format_u64((uint32_t)x, p);
    if (exponent)
        fraction |= 1u << 23;
    decimal_float d = shortest(fraction, (exponent ? exponent : 1) - 150,
                               fraction == 1u << 23 && exponent > 1);
    return (size_t)(p - out) + put_decimal(strip_zeros(d), 6, p);
}
