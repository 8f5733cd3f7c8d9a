/* types/fsum_test.c — sums do not depend on order or grouping, and are exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "types/fsum.h"

enum { COUNT = 20000, PARTS = 64 };

static double   values[COUNT];
static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void fill(int exponent_span)
{
    for (int i = 0; i < COUNT; i++)
        values[i] = ldexp((double)(int64_t)next_random() / 9.3e18,
                          (int)(next_random() % (uint64_t)exponent_span) - exponent_span / 2);
}

static void shuffle(void)
{
    for (int i = COUNT - 1; i > 0; i--) {
        int    j = (int)(next_random() % (uint64_t)(i + 1));
        double t = values[i];

        values[i] = values[j];
        values[j] = t;
    }
}

static void many_at_a_time_make_the_same_state(void)
{
    wr_fsum one = {0}, many = {0};

    for (int i = 0; i < COUNT; i++)
        wr_fsum_add(&one, values[i]);
    for (int i = 0; i < 1000; i++)
        wr_fsum_add(&one, values[0]);
    wr_fsum_add_times(&many, values[0], 1000);
    for (int i = 0, part; i < COUNT; i += part) {
        part = 1 + (int)(next_random() % 300);
        part = part < COUNT - i ? part : COUNT - i;
        wr_fsum_add_many(&many, values + i, (size_t)part);
    }
    assert_memory_equal(&one, &many, sizeof one);
}

/* The same values in another order, in PARTS states that are merged pairwise in random order. */
static void any_order_and_any_tree_give_the_same_bits(void **state)
{
    static wr_fsum      parts[PARTS];
    static wr_fsum_wide wide_parts[PARTS];

    (void)state;
    for (int span = 2; span <= 2000; span = span * 3 / 2 + 1) {
        wr_fsum      whole = {0};
        wr_fsum_wide wide = {0};

        fill(span);
        if (span % 5 == 0)
            values[7] = (double)INFINITY;
        many_at_a_time_make_the_same_state();
        for (int i = 0; i < COUNT; i++) {
            wr_fsum_add(&whole, values[i]);
            wr_fsum_wide_add_product(&wide, values[i], 0.1);
        }
        shuffle();
        memset(parts, 0, sizeof parts);
        memset(wide_parts, 0, sizeof wide_parts);
        for (int i = 0; i < COUNT; i++) {
            uint64_t part = next_random() % (PARTS + 4) % PARTS;

            wr_fsum_add(&parts[part], values[i]);
            wr_fsum_wide_add_product(&wide_parts[part], 0.1, values[i]);
        }
        for (uint64_t left = PARTS; left > 1; left--) {
            uint64_t a = next_random() % left, b = (a + 1 + next_random() % (left - 1)) % left;

            wr_fsum_merge(&parts[a], &parts[b]);
            wr_fsum_wide_merge(&wide_parts[a], &wide_parts[b]);
            parts[b] = parts[left - 1];
            wide_parts[b] = wide_parts[left - 1];
        }
        assert_memory_equal(&whole, &parts[0], sizeof whole);
        assert_memory_equal(&wide, &wide_parts[0], sizeof wide);
    }
}

/* Multiples of one power of two within the window: the sum is the sum of whole numbers, rounded. */
static void sums_of_whole_numbers_are_exact(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        int      exponent = (int)(next_random() % 1900) - 1000;
        int      bits = (int)(next_random() % 53);
        wr_fsum  sum = {0};
        wr_fsum_wide wide = {0};
        __int128 exact = 0;
        double   wanted;

        for (int i = 0; i < 500; i++) {
            int64_t x = (int64_t)next_random() >> (63 - bits);

            exact += x;
            wr_fsum_add(&sum, ldexp((double)x, exponent));
            wr_fsum_wide_add(&wide, ldexp((double)x, exponent));
        }
        wanted = ldexp((double)exact, exponent);
        assert_true(wr_fsum_result(&sum) == wanted);
        assert_true(wr_fsum_wide_result(&wide) == wanted);
    }
}

/* Parts that are dropped are below 2^-56 of the largest input each. */
static void errors_are_bounded(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        wr_fsum  sum = {0};
        __int128 exact = 0; /* in units of 2^-40 */
        double   largest = 0;

        for (int i = 0; i < 1000; i++) {
            int64_t x = (int64_t)next_random() >> (11 + next_random() % 52);

            exact += (__int128)x;
            largest = fmax(largest, fabs(ldexp((double)x, -40)));
            wr_fsum_add(&sum, ldexp((double)x, -40));
        }
        assert_true(fabs(wr_fsum_result(&sum) - ldexp((double)exact, -40)) <=
                    1000 * ldexp(largest, -56) + ldexp(fabs((double)exact), -92));
    }
}

static void a_million_additions(void **state)
{
    wr_fsum      sum = {0}, tiny = {0}, huge = {0};
    wr_fsum_wide wide = {0};

    (void)state;
    for (int i = 0; i < 1 << 20; i++) {
        wr_fsum_add(&sum, 0.1);
        wr_fsum_add(&tiny, 5e-324);
        wr_fsum_add(&huge, i % 2 ? -1.7976931348623157e308 : 1.7976931348623157e308);
        wr_fsum_wide_add_product(&wide, 0.1, 0.1);
    }
    assert_true(wr_fsum_result(&sum) == ldexp(0.1, 20));
    assert_true(wr_fsum_result(&tiny) == ldexp(1, 20 - 1074));
    assert_true(wr_fsum_result(&huge) == 0);
    assert_true(wr_fsum_wide_result(&wide) == ldexp(0.1 * 0.1, 20));
    wr_fsum_add(&huge, 1e308);
    wr_fsum_add(&huge, 1e308);
    assert_true(isinf(wr_fsum_result(&huge))); /* too large: the caller's error */
}

static void single_values_come_back(void **state)
{
    double samples[] = {0.0,    1.0,     -1.0, 0.1, -1e300, 1.7976931348623157e308,
                        5e-324, -5e-324, 3.0,  1e-310, 123456789.125, 2.2250738585072014e-308,
                        2.2250738585072009e-308, 4.4501477170144023e-308};

    (void)state;
    for (int i = 0; i < 100000; i++) {
        uint64_t     bits = next_random();
        double       x = i < 14 ? samples[i] : 0.0, y = 0.0;
        wr_fsum      sum = {0};
        wr_fsum_wide wide = {0};

        if (i >= 14)
            memcpy(&x, &bits, sizeof x);
        if (i % 3 == 0) /* so small that the sum is rounded at the lowest bit there is */
            x = ldexp(x, -2000);
        if (!isfinite(x))
            continue;
        wr_fsum_add(&sum, x);
        wr_fsum_wide_add(&wide, x);
        assert_true(wr_fsum_result(&sum) == x);
        assert_true(wr_fsum_wide_result(&wide) == x);
        wr_fsum_add(&sum, y);
        assert_true(wr_fsum_result(&sum) == x);
    }
}

/* Ties and the rounding of numbers with fewer bits: 2^53 + 1 in every binade, above and below. */
static void rounding_is_to_nearest_even(void **state)
{
    (void)state;
    for (int exponent = -1074; exponent < 900; exponent++) {
        for (int64_t low = 1; low < 8; low++) {
            wr_fsum sum = {0};
            double  high = ldexp(9007199254740992.0, exponent + 2);

            wr_fsum_add(&sum, high);
            wr_fsum_add(&sum, ldexp((double)low, exponent));
            assert_true(wr_fsum_result(&sum) == high + ldexp((double)low, exponent));
            wr_fsum_add(&sum, -2 * high);
            assert_true(wr_fsum_result(&sum) == ldexp((double)low, exponent) - high);
        }
    }
}

static void cancellation_and_specials(void **state)
{
    wr_fsum sum = {0}, other = {0};

    (void)state;
    assert_true(wr_fsum_result(&sum) == 0);
    wr_fsum_add(&sum, 1e16);
    wr_fsum_add(&sum, 1.0);
    wr_fsum_add(&sum, -1e16);
    assert_true(wr_fsum_result(&sum) == 1.0);
    wr_fsum_add(&sum, (double)INFINITY);
    assert_true(isinf(wr_fsum_result(&sum)) && wr_fsum_result(&sum) > 0);
    wr_fsum_add(&other, -(double)INFINITY);
    assert_true(isinf(wr_fsum_result(&other)) && wr_fsum_result(&other) < 0);
    wr_fsum_merge(&other, &sum);
    assert_true(isnan(wr_fsum_result(&other)));
    wr_fsum_add(&sum, (double)NAN);
    assert_true(isnan(wr_fsum_result(&sum)));
}

typedef struct sums {
    wr_fsum_wide xy, x, y, xx;
} sums;

static void add_pair(sums *s, double x, double y)
{
    wr_fsum_wide_add(&s->x, x);
    wr_fsum_wide_add(&s->y, y);
    wr_fsum_wide_add_product(&s->xy, x, y);
    wr_fsum_wide_add_product(&s->xx, x, x);
}

/* Against whole numbers: (n sum(xy) - sum(x) sum(y)) / n. */
static void centred_sums_are_exact(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        int      n = (int)(next_random() % 30) + 1, scale = (int)(next_random() % 600) - 300;
        int64_t  offset = (int64_t)next_random() >> (20 + next_random() % 40);
        __int128 xy = 0, x = 0, y = 0, xx = 0;
        sums     s = {0};

        for (int i = 0; i < n; i++) {
            int64_t a = offset + (int64_t)(next_random() % 1000), b = (int64_t)next_random() >> 40;

            xy += (__int128)a * b;
            xx += (__int128)a * a;
            x += a;
            y += b;
            add_pair(&s, ldexp((double)a, scale), ldexp((double)b, scale));
        }
        /* Both are below 2^106 here; the quotient by n of a number that fits 64 bits is exact in
         * long double before it is rounded. */
        __int128 wanted = n * xy - x * y, wanted_xx = n * xx - x * x;
        double   found = ldexp(wr_fsum_wide_centered(&s.xy, &s.x, &s.y, (uint64_t)n), -2 * scale);
        double   found_xx = wr_fsum_wide_centered(&s.xx, &s.x, &s.x, (uint64_t)n);

        found_xx = ldexp(found_xx, -2 * scale);

        assert_true(fabs(found - (double)((long double)wanted / n)) <= fabs(found) * 0x1p-53);
        assert_true(fabs(found_xx - (double)((long double)wanted_xx / n)) <= found_xx * 0x1p-53);
        assert_true(found_xx >= 0);
    }
}

static void centred_sums_of_one_value_are_zero(void **state)
{
    static const double SAMPLES[] = {0.1, -0.3, 1e9 + 0.1, 1e-140, 1.1e150, 3.0, 0.0, 1e-170};

    (void)state;
    for (size_t i = 0; i < sizeof SAMPLES / sizeof SAMPLES[0]; i++) {
        sums s = {0};

        for (uint64_t n = 1; n <= 1000; n++) {
            add_pair(&s, SAMPLES[i], 7.7);
            assert_true(wr_fsum_wide_centered(&s.xx, &s.x, &s.x, n) == 0);
            assert_true(SAMPLES[i] == 1e-170 ||
                        wr_fsum_wide_centered(&s.xy, &s.x, &s.y, n) == 0);
        }
    }
}

static void centred_sums_at_the_edges(void **state)
{
    sums s = {0};

    (void)state;
    assert_true(wr_fsum_wide_centered(&s.xy, &s.x, &s.y, 0) == 0);
    add_pair(&s, 1, 0); /* every product is 0, the sums are not */
    add_pair(&s, 0, 1);
    assert_true(wr_fsum_wide_centered(&s.xy, &s.x, &s.y, 2) == -0.5);
    s = (sums){0};
    add_pair(&s, 1e150, 3); /* sums that cancel */
    add_pair(&s, -1e150, 3);
    assert_true(wr_fsum_wide_centered(&s.xy, &s.x, &s.y, 2) == 0);
    assert_true(wr_fsum_wide_centered(&s.xx, &s.x, &s.x, 2) == 2 * (1e150 * 1e150));
    s = (sums){0};
    add_pair(&s, 1e200, 1e-200); /* far apart */
    add_pair(&s, 1e-200, 1e200);
    assert_true(wr_fsum_wide_centered(&s.xy, &s.x, &s.y, 2) == -1e200 * 1e200 / 2 ||
                isinf(wr_fsum_wide_centered(&s.xy, &s.x, &s.y, 2)));
    s = (sums){0};
    add_pair(&s, 1, 2);
    add_pair(&s, (double)NAN, 2);
    assert_true(isnan(wr_fsum_wide_centered(&s.xy, &s.x, &s.y, 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_and_any_tree_give_the_same_bits),
        cmocka_unit_test(sums_of_whole_numbers_are_exact),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(a_million_additions),
        cmocka_unit_test(single_values_come_back),
        cmocka_unit_test(rounding_is_to_nearest_even),
        cmocka_unit_test(cancellation_and_specials),
        cmocka_unit_test(centred_sums_are_exact),
        cmocka_unit_test(centred_sums_of_one_value_are_zero),
        cmocka_unit_test(centred_sums_at_the_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
