/* kernel/test_random.h — random columns for the kernel tests: mostly small values, often extreme ones. */
#ifndef WR_KERNEL_TEST_RANDOM_H
#define WR_KERNEL_TEST_RANDOM_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/operand.h"

enum { TEST_ROWS_MAX = 131 }; /* every length 0 .. 130 */

static uint64_t test_seed = 42;

static inline uint64_t test_random(void)
{
    test_seed = test_seed * 6364136223846793005u + 1442695040888963407u;
    return (test_seed >> 33) ^ (test_seed << 31);
}

/* Small, extreme or any: with equal odds, so that overflow, equality and zero all happen. */
static inline double test_random_f64(void)
{
    static const double SPECIAL[] = {0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, 1e300, -1e300, 127.5, 255.5,
                                     9223372036854775808.0, 18446744073709551616.0, INFINITY,
                                     -INFINITY, NAN, 2147483647.5, -2147483648.5, 3.4e38, 1e39};

    switch (test_random() % 3) {
    case 0:
        return SPECIAL[test_random() % (sizeof SPECIAL / sizeof SPECIAL[0])];
    case 1:
        return (double)(int64_t)(test_random() % 20) - 10;
    default:
        return ldexp((double)(int64_t)test_random(), (int)(test_random() % 100) - 90);
    }
}

static inline void test_random_cell(wr_physical physical, void *cell)
{
    uint64_t words[2] = {test_random(), test_random()};
    uint32_t bytes = wr_physical_bytes(physical);
    float    f32;
    double   f64;

    switch (physical) {
    case WR_PHYS_F32:
        f32 = (float)test_random_f64();
        memcpy(cell, &f32, sizeof f32);
        return;
    case WR_PHYS_F64:
        f64 = test_random_f64();
        memcpy(cell, &f64, sizeof f64);
        return;
    case WR_PHYS_BOOL:
        *(uint8_t *)cell = test_random() & 1;
        return;
    default:
        break;
    }
    switch (test_random() % 4) {
    case 0: /* near zero, both signs */
        words[0] = test_random() % 7 - 3;
        words[1] = (int64_t)words[0] < 0 ? UINT64_MAX : 0;
        break;
    case 1: /* near both ends of the type */
        memset(words, test_random() & 1 ? 0xff : 0, sizeof words);
        ((uint8_t *)words)[bytes - 1] ^= 0x80;
        words[0] ^= test_random() % 3;
        break;
    default:
        break;
    }
    memcpy(cell, words, bytes);
}

/* A random part of 0 .. row_count-1, ascending; returns a selection over `rows`. */
static inline wr_selection test_random_rows(uint32_t row_count, uint16_t *rows)
{
    wr_selection selection = {rows, 0};

    if (test_random() % 2)
        return wr_rows_all(row_count);
    for (uint32_t row = 0; row < row_count; row++)
        if (test_random() % 3)
            rows[selection.row_count++] = (uint16_t)row;
    return selection;
}

#endif
