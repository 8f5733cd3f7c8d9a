/* types/format_priv.h — decimal digits to memory, two at a time. Shared by the formatters. */
#ifndef WR_BUILDING_TYPES
#error "format_priv.h is private to src/types"
#endif
#ifndef WR_TYPES_FORMAT_PRIV_H
#define WR_TYPES_FORMAT_PRIV_H

#include <string.h>

#include "types/digits_priv.h"

/* "00" "01" ... "99" */
extern const char wr_digit_pairs[200];

/* 1 for 0. log10 is estimated from log2; the table corrects it. */
static inline size_t count_digits(uint64_t x)
{
    size_t estimate = (size_t)(((64 - __builtin_clzll(x | 1)) * 1233) >> 12);

    return estimate + (estimate == 0 || x >= wr_pow10_u64[estimate]);
}

/* Exactly `digit_count` digits, with leading zeros. */
static inline void put_digits(uint64_t x, size_t digit_count, char *out)
{
    while (digit_count >= 2) {
        digit_count -= 2;
        memcpy(out + digit_count, wr_digit_pairs + x % 100 * 2, 2);
        x /= 100;
    }
    if (digit_count)
        *out = (char)('0' + x % 10);
}

static inline void put_2_digits(uint32_t x, char *out)
{
    memcpy(out, wr_digit_pairs + x * 2, 2);
}

/** As wr_format_date for any day that a 64-bit timestamp can fall on. */
size_t wr_format_days(int64_t days, char *out);

/* floor(x / divisor), divisor > 0 */
static inline int64_t floor_divide(int64_t x, int64_t divisor)
{
    return x / divisor - (x % divisor < 0);
}

/* x - floor(x / divisor) * divisor, without overflow */
static inline int64_t floor_modulo(int64_t x, int64_t divisor)
{
    return x % divisor + (x % divisor < 0 ? divisor : 0);
}

#endif
