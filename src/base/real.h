/* base/real.h — exact arithmetic of doubles for which the C library would want its libm (os/libm.h).
 *
 * Threads: pure. Cost: a few ns; remainders of numbers far apart up to a microsecond. */
#ifndef WR_BASE_REAL_H
#define WR_BASE_REAL_H

#include <stdint.h>
#include <string.h>

/** The nearest integer, halves away from zero. |x| < 2^63. */
static inline int64_t wr_real_round(double x)
{
    int64_t whole = (int64_t)x;
    double  rest = x - (double)whole;

    return whole + (rest >= 0.5) - (rest <= -0.5);
}

/** x * y - high, where `high` is x * y rounded: exact but for what is below the least double; 0 where
 *  `high` is not finite. */
double wr_real_product_error(double x, double y, double high);

/** What is left of x divided by y towards zero, exact, with the sign of x; NaN where y is 0, x is infinite or
 *  one of them is NaN. */
double wr_real_remainder(double x, double y);

/** The value of IEEE 754 binary16 bits, exactly. */
static inline float wr_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31, fraction = half & 1023;
    uint32_t bits;
    float    x;

    if (exponent == 0) { /* zero, or a subnormal: fraction / 2^24 */
        x = (float)fraction / 16777216.0f;
        return sign ? -x : x;
    }
    bits = sign | (exponent == 31 ? 255u << 23 : (exponent + 112) << 23) | fraction << 13;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
