/* real_test.c — rounding, errors of products and remainders against the C library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/real.h"

enum { DRAWS = 200000 };

static uint64_t draw(uint64_t *io_seed)
{
    *io_seed = *io_seed * 6364136223846793005u + 1442695040888963407u;
    return *io_seed ^ *io_seed >> 29;
}

/* Any bits; every other time an exponent near that of 1. */
static double draw_double(uint64_t *io_seed)
{
    uint64_t bits = draw(io_seed);
    double   x;

    if (draw(io_seed) >> 63)
        bits = (bits & ~((uint64_t)0x7ff << 52)) | (uint64_t)(1000 + draw(io_seed) % 60) << 52;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void test_round(void **state)
{
    static const double EXAMPLES[] = {0, -0.0, 0.5, -0.5, 0.49999999999999994, 1.5, 2.5, -2.5,
                                      4503599627370495.5, 4503599627370497.0, 9e18, -9e18};

    (void)state;
    for (size_t i = 0; i < sizeof EXAMPLES / sizeof EXAMPLES[0]; i++)
        assert_int_equal(wr_real_round(EXAMPLES[i]), llround(EXAMPLES[i]));
}

static void test_product_error(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        double x = draw_double(&seed), y = draw_double(&seed), high = x * y;

        if (!isfinite(high))
            assert_true(wr_real_product_error(x, y, high) == 0);
        else if (fabs(high) > 1e-280)
            assert_true(wr_real_product_error(x, y, high) == fma(x, y, -high));
    }
}

static void test_remainder(void **state)
{
    uint64_t seed = 2;

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        double x = draw_double(&seed), y = i % 7 ? draw_double(&seed) : (double)(i % 5);
        double found = wr_real_remainder(x, y), wanted = fmod(x, y);

        if (isnan(wanted)) {
            assert_true(isnan(found));
        } else {
            assert_true(found == wanted);
            assert_int_equal(signbit(found), signbit(wanted));
        }
    }
    assert_true(wr_real_remainder(5, INFINITY) == 5);
    assert_true(isnan(wr_real_remainder(INFINITY, 5)));
}

static void test_half(void **state)
{
    (void)state;
    assert_true(wr_half_to_float(0x3c00) == 1.0f && wr_half_to_float(0xc000) == -2.0f);
    assert_true(wr_half_to_float(0x7bff) == 65504.0f);
    assert_true(wr_half_to_float(0x0400) == 0x1p-14f && wr_half_to_float(0x0001) == 0x1p-24f);
    assert_true(wr_half_to_float(0x8001) == -0x1p-24f);
    assert_true(wr_half_to_float(0x8000) == 0 && signbit(wr_half_to_float(0x8000)));
    assert_true(wr_half_to_float(0xfc00) == -INFINITY && isnan(wr_half_to_float(0x7e00)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_product_error),
        cmocka_unit_test(test_remainder),
        cmocka_unit_test(test_half),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
