/* types/fsum_test.c — sums do not depend on order or grouping, and are accurate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "types/fsum.h"

enum { COUNT = 20000 };

static double values[COUNT];

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill(int exponent_span, uint64_t seed)
{
    for (int i = 0; i < COUNT; i++) {
        double mantissa = (double)(int64_t)next_random(&seed) / 9.3e18;

        values[i] = ldexp(mantissa, (int)(next_random(&seed) % (uint64_t)exponent_span) -
                                        exponent_span / 2);
    }
}

static void shuffle(uint64_t seed)
{
    for (int i = COUNT - 1; i > 0; i--) {
        int    j = (int)(next_random(&seed) % (uint64_t)(i + 1));
        double t = values[i];

        values[i] = values[j];
        values[j] = t;
    }
}

static void test_any_order_and_grouping_gives_the_same_bits(void **state)
{
    (void)state;
    for (int span = 2; span <= 1200; span *= 5) {
        wr_fsum      whole = {0}, again = {0}, parts[7];
        wr_fsum_wide wide = {0}, wide_again = {0};

        memset(parts, 0, sizeof parts);
        fill(span, 88172645463325252ull + (uint64_t)span);
        for (int i = 0; i < COUNT; i++) {
            wr_fsum_add(&whole, values[i]);
            wr_fsum_wide_add(&wide, values[i]);
        }
        shuffle(12345);
        for (int i = 0; i < COUNT; i++) {
            wr_fsum_add(&parts[i % 7], values[i]);
            wr_fsum_wide_add(&wide_again, values[i]);
        }
        for (int p = 6; p >= 0; p--)
            wr_fsum_merge(&again, &parts[p]);
        assert_memory_equal(&whole, &again, sizeof whole);
        assert_memory_equal(&wide, &wide_again, sizeof wide);
    }
}

static void test_sum_is_as_good_as_long_double(void **state)
{
    wr_fsum     sum = {0};
    long double exact = 0.0L;

    (void)state;
    fill(20, 99);
    for (int i = 0; i < COUNT; i++) {
        wr_fsum_add(&sum, values[i]);
        exact += (long double)values[i];
    }
    assert_true(fabsl((long double)wr_fsum_result(&sum) - exact) <= 1e-13L * fabsl(exact) + 1e-9L);
}

static void test_single_values_come_back(void **state)
{
    double samples[] = {0.0,     1.0,    -1.0,      0.1,     -1e300,  1.7976931348623157e308,
                        5e-324, -5e-324, 2.2250738585072014e-308, 1e-310, 3.0, 123456789.125};

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        wr_fsum      sum = {0};
        wr_fsum_wide wide = {0};

        wr_fsum_add(&sum, samples[i]);
        wr_fsum_wide_add(&wide, samples[i]);
        assert_true(wr_fsum_result(&sum) == samples[i]);
        assert_true(wr_fsum_wide_result(&wide) == samples[i]);
    }
}

static void test_cancellation_and_specials(void **state)
{
    wr_fsum sum = {0};

    (void)state;
    wr_fsum_add(&sum, 1e16);
    wr_fsum_add(&sum, 1.0);
    wr_fsum_add(&sum, -1e16);
    assert_true(wr_fsum_result(&sum) == 1.0);
    wr_fsum_add(&sum, (double)INFINITY);
    assert_true(isinf(wr_fsum_result(&sum)));
    wr_fsum_add(&sum, -(double)INFINITY);
    assert_true(isnan(wr_fsum_result(&sum)));
}

static void test_centred_sum_survives_a_large_mean(void **state)
{
    wr_fsum_wide sum = {0}, squares = {0};
    double       result;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        double x = 1e9 + i % 2;

        wr_fsum_wide_add(&sum, x);
        wr_fsum_wide_add_product(&squares, x, x);
    }
    result = wr_fsum_wide_centered(&squares, &sum, &sum, 1000);
    assert_true(fabs(result - 250.0) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_and_grouping_gives_the_same_bits),
        cmocka_unit_test(test_sum_is_as_good_as_long_double),
        cmocka_unit_test(test_single_values_come_back),
        cmocka_unit_test(test_cancellation_and_specials),
        cmocka_unit_test(test_centred_sum_survives_a_large_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
