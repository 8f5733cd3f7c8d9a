/* base/real.c — see base/real.h. A double is an integer of 53 bits times a power of two. */
#include "base/real.h"

#include <math.h>

enum { MANTISSA_BITS = 53 };

static int64_t split(double x, int *out_exponent)
{
    int64_t mantissa = (int64_t)ldexp(frexp(x, out_exponent), MANTISSA_BITS);

    *out_exponent -= MANTISSA_BITS;
    return mantissa;
}

#ifndef __FP_FAST_FMA
static double error_by_integers(double x, double y, double high)
{
    int      x_exponent, y_exponent, high_exponent, shift;
    __int128 product = (__int128)split(x, &x_exponent) * split(y, &y_exponent);
    __int128 rounded = split(high, &high_exponent);

    shift = high_exponent - x_exponent - y_exponent; /* about MANTISSA_BITS */
    if (high == 0)
        return 0;
    return ldexp((double)(product - rounded * ((__int128)1 << shift)), x_exponent + y_exponent);
}
#endif

#if defined(__x86_64__) && !defined(__FP_FAST_FMA)
__attribute__((target("fma"))) static double error_by_fma(double x, double y, double high)
{
    return __builtin_fma(x, y, -high);
}
#endif

double wr_real_product_error(double x, double y, double high)
{
    if (!isfinite(high))
        return 0;
#ifdef __FP_FAST_FMA
    return __builtin_fma(x, y, -high);
#else
#ifdef __x86_64__
    if (__builtin_cpu_supports("fma"))
        return error_by_fma(x, y, high);
#endif
    return error_by_integers(x, y, high);
#endif
}

double wr_real_remainder(double x, double y)
{
    int      x_exponent, y_exponent;
    uint64_t rest, divisor;

    if (isnan(x) || isnan(y) || isinf(x) || y == 0)
        return (double)NAN;
    if (fabs(x) < fabs(y))
        return x;
    rest = (uint64_t)split(fabs(x), &x_exponent);
    divisor = (uint64_t)split(fabs(y), &y_exponent);
    rest %= divisor;
    for (int left = x_exponent - y_exponent; left > 0 && rest > 0; left -= 64)
        rest = (uint64_t)(((unsigned __int128)rest << (left < 64 ? left : 64)) % divisor);
    return copysign(ldexp((double)rest, y_exponent), x);
}
