/* types/u256_priv.h — unsigned 256-bit integers for intermediate results. All inline, no state. */
#ifndef WR_BUILDING_TYPES
#error "u256_priv.h is private to src/types"
#endif
#ifndef WR_TYPES_U256_PRIV_H
#define WR_TYPES_U256_PRIV_H

#include "types/type.h"

typedef struct wr_u256 {
    wr_u128 high, low;
} wr_u256;

static inline wr_u256 u256_multiply(wr_u128 a, wr_u128 b)
{
    uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64);
    uint64_t b0 = (uint64_t)b, b1 = (uint64_t)(b >> 64);
    wr_u128  low = (wr_u128)a0 * b0, mid1 = (wr_u128)a1 * b0, mid2 = (wr_u128)a0 * b1;
    wr_u128  middle = (low >> 64) + (uint64_t)mid1 + (uint64_t)mid2;

    return (wr_u256){(wr_u128)a1 * b1 + (mid1 >> 64) + (mid2 >> 64) + (middle >> 64),
                     middle << 64 | (uint64_t)low};
}

/* a * b, false when it needs more than 256 bits */
static inline bool u256_multiply_u128(wr_u256 a, wr_u128 b, wr_u256 *out)
{
    wr_u256 low = u256_multiply(a.low, b), high = u256_multiply(a.high, b);

    *out = low;
    return high.high == 0 && !__builtin_add_overflow(low.high, high.low, &out->high);
}

static inline wr_u256 u256_shift_left(wr_u256 a, unsigned bits) /* bits < 128 */
{
    if (bits == 0)
        return a;
    return (wr_u256){a.high << bits | a.low >> (128 - bits), a.low << bits};
}

/* Leading zero bits; x != 0. */
static inline unsigned u128_zeros(wr_u128 x)
{
    uint64_t high = (uint64_t)(x >> 64);

    return (unsigned)(high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)x));
}

/* One step of long division: (rest : next 64 bits) / divisor, rest < divisor, divisor normalised
 * (top bit set). Knuth, TAOCP 4.3.1 D with 64-bit digits. */
static inline uint64_t u256_divide_step(wr_u128 *rest, uint64_t next, wr_u128 divisor)
{
    uint64_t d1 = (uint64_t)(divisor >> 64), d0 = (uint64_t)divisor;
    wr_u128  digit = (uint64_t)(*rest >> 64) >= d1 ? (wr_u128)UINT64_MAX : *rest / d1;
    wr_u128  left = *rest - digit * d1; /* what d1 leaves; may need more than 64 bits */

    while (left >> 64 == 0 && digit * d0 > (left << 64 | next)) {
        digit--;
        left += d1;
    }
    *rest = (*rest << 64 | next) - digit * divisor; /* modulo 2^128: the result is below divisor */
    return (uint64_t)digit;
}

/* a / divisor, divisor != 0 */
static inline wr_u256 u256_divide(wr_u256 a, wr_u128 divisor, wr_u128 *out_rest)
{
    wr_u256  quotient = {a.high / divisor, 0};
    unsigned zeros;
    wr_u128  rest;
    uint64_t high;

    a.high %= divisor;
    if (a.high == 0) {
        quotient.low = a.low / divisor;
        *out_rest = a.low % divisor;
        return quotient;
    }
    zeros = u128_zeros(divisor);
    a = u256_shift_left(a, zeros);
    divisor <<= zeros;
    rest = a.high;
    high = u256_divide_step(&rest, (uint64_t)(a.low >> 64), divisor);
    quotient.low = (wr_u128)high << 64 | u256_divide_step(&rest, (uint64_t)a.low, divisor);
    *out_rest = rest >> zeros;
    return quotient;
}

#endif
