/* exec/agg_sketch_test.c — sketches: stated errors at fixed seeds, results that do not depend on how
 * values are dealt out, and states that were exported: whole they merge, damaged they are errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "exec/agg_family.h"
#include "os/libm.h"

enum { PARTS = 7, VALUES = 60000 };

static uint64_t mix(uint64_t x)
{
    return wr_hash_u64(x * 0x9e3779b97f4a7c15ull + 12345);
}

/* ---- Distinct values ---------------------------------------------------------------------------------- */

static void test_distinct_error(void **state)
{
    double sum_of_squares = 0.0;
    int    runs = 0;

    (void)state;
    for (uint64_t count = 10; count <= 1000000; count *= 10)
        for (uint64_t seed = 0; seed < 12; seed++, runs++) {
            registers sketch = {0};
            double    error;

            for (uint64_t i = 0; i < count; i++)
                wr_agg_registers_add(&sketch, mix(seed << 32 | i));
            error = (double)wr_agg_registers_finish(&sketch) / (double)count - 1.0;
            assert_true(fabs(error) < 5 * 0.01625);
            sum_of_squares += error * error;
        }
    assert_true(sqrt(sum_of_squares / runs) < 0.01625); /* the standard error */
}

/* Equal values count once, however they are spread and ordered. */
static void test_distinct_of_data(void **state)
{
    enum { SKEWED, UNIFORM, SORTED, DATA };

    (void)state;
    for (int data = 0; data < DATA; data++) {
        registers sketch = {0};
        double    exact = 0.0, before = -1.0;

        for (uint64_t i = 0; i < 300000; i++) {
            uint64_t place = data == SORTED ? i : i * 7919 % 300000;
            double   x = data == SKEWED ? floor(3e8 / (double)(1 + place))
                         : data == UNIFORM ? (double)(place % 5000)
                                           : (double)(place / 3);
            uint64_t bits;

            memcpy(&bits, &x, sizeof bits);
            wr_agg_registers_add(&sketch, wr_hash_u64(bits));
        }
        for (uint64_t i = 0; i < 300000; i++) { /* the skewed values from the greatest down */
            double x = floor(3e8 / (double)(1 + i));

            exact += x != before;
            before = x;
        }
        exact = data == SKEWED ? exact : data == UNIFORM ? 5000.0 : 100000.0;
        assert_true(fabs((double)wr_agg_registers_finish(&sketch) / exact - 1.0) < 3 * 0.01625);
    }
}

static void test_distinct_dealt_out(void **state)
{
    static registers whole, parts[PARTS], merged, again;
    wr_str           bytes;

    (void)state;
    for (uint64_t i = 0; i < VALUES; i++) {
        wr_agg_registers_add(&whole, mix(i % 20000));
        wr_agg_registers_add(&parts[mix(i) % PARTS], mix(i % 20000));
    }
    for (int p = PARTS; p-- > 0;) {
        wr_agg_registers_merge(&merged, &parts[p]);
        bytes = wr_agg_registers_export(&parts[p]);
        assert_int_equal(wr_agg_registers_import(&again, &bytes, NULL), WR_OK);
    }
    assert_memory_equal(whole.ranks, merged.ranks, sizeof whole.ranks);
    assert_memory_equal(whole.ranks, again.ranks, sizeof whole.ranks);
}

/* ---- Quantiles ------------------------------------------------------------------------------------------ */

typedef enum spread { NARROW, WIDE, SIGNED, SKEWED, UNIFORM, SORTED, FALLING, SPREADS } spread;

static double value_of(spread s, uint64_t i)
{
    double x = (double)(mix(i) >> 11) / 9007199254740992.0;

    switch (s) {
    case NARROW:
        return 1.0 + x; /* ln 2: 0.1 % */
    case WIDE:
        return exp(x * 40.0); /* 40 natural logarithms: 4 % */
    case SKEWED:
        return 1e5 / (1.0 + floor(x * 1e5)); /* 1 to 10^5: 1.16 % */
    case UNIFORM:
        return 1.0 + floor(x * 1000.0); /* 1 to 1000: 0.7 % */
    case SORTED:
        return 1.0 + (double)i; /* 1 to 60000: 1.11 % */
    case FALLING:
        return (double)(VALUES - i % VALUES);
    default:
        return i % 3 ? exp(x * 10.0) : -exp(x * 6.0); /* 16: 1.6 % */
    }
}

static const double ERRORS[SPREADS] = {0.001, 0.040, 0.016, 0.0116, 0.007, 0.0111, 0.0111};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void test_quantile_error(void **state)
{
    static double  values[VALUES];
    static buckets sketch;

    (void)state;
    for (spread s = NARROW; s < SPREADS; s++) {
        memset(&sketch, 0, sizeof sketch);
        for (uint64_t i = 0; i < VALUES; i++) {
            values[i] = value_of(s, i);
            wr_agg_buckets_add(&sketch, values[i]);
        }
        qsort(values, VALUES, sizeof values[0], by_value);
        for (uint32_t percent = 0; percent <= 100; percent++) {
            double fraction = percent / 100.0;
            double exact = values[(size_t)floor(fraction * (VALUES - 1))];
            double about = wr_agg_buckets_finish(&sketch, fraction);

            assert_true(fabs(about - exact) <= ERRORS[s] * fabs(exact) * 1.0000001);
        }
    }
}

static void test_quantiles_dealt_out(void **state)
{
    static buckets whole, parts[PARTS], merged, again;
    wr_str         bytes;

    (void)state;
    for (spread s = NARROW; s < SPREADS; s++) {
        memset(&whole, 0, sizeof whole);
        memset(parts, 0, sizeof parts);
        memset(&merged, 0, sizeof merged);
        memset(&again, 0, sizeof again);
        for (uint64_t i = 0; i < VALUES; i++) {
            wr_agg_buckets_add(&whole, value_of(s, i));
            wr_agg_buckets_add(&parts[mix(i + 9) % PARTS], value_of(s, i));
        }
        for (uint32_t p = 0; p < PARTS; p++) {
            wr_agg_buckets_merge(&merged, &parts[PARTS - 1 - p]);
            bytes = wr_agg_buckets_export(&parts[(p * 3) % PARTS]);
            assert_int_equal(wr_agg_buckets_import(&again, &bytes, NULL), WR_OK);
        }
        assert_memory_equal(&whole, &merged, sizeof whole);
        assert_memory_equal(&whole, &again, sizeof whole);
    }
}

/* ---- Damaged states --------------------------------------------------------------------------------------- */

static wr_status import(bool is_buckets, const void *bytes, size_t count)
{
    static registers to_registers;
    static buckets   to_buckets;
    wr_str           state = wr_str_of(bytes, count);
    wr_error         error;

    memset(&to_registers, 0, sizeof to_registers);
    memset(&to_buckets, 0, sizeof to_buckets);
    return is_buckets ? wr_agg_buckets_import(&to_buckets, &state, &error)
                      : wr_agg_registers_import(&to_registers, &state, &error);
}

static void test_damaged(void **state)
{
    static registers distinct;
    static buckets   quantiles;
    static uint8_t   copy[sizeof(buckets) + 8];

    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        wr_agg_registers_add(&distinct, mix(i));
        wr_agg_buckets_add(&quantiles, value_of(SIGNED, i));
    }
    for (uint32_t which = 0; which < 2; which++) {
        wr_str bytes = which ? wr_agg_buckets_export(&quantiles)
                             : wr_agg_registers_export(&distinct);

        memcpy(copy, wr_str_bytes(&bytes), bytes.byte_count);
        assert_int_equal(import(which, copy, bytes.byte_count), WR_OK);
        assert_int_equal(import(!which, copy, bytes.byte_count), WR_DATA);
        for (uint32_t at = 0; at < bytes.byte_count; at++) {
            copy[at] ^= (uint8_t)(1u << at % 8);
            assert_int_equal(import(which, copy, bytes.byte_count), WR_DATA);
            copy[at] ^= (uint8_t)(1u << at % 8);
        }
        for (uint32_t count = 0; count < bytes.byte_count; count += 97)
            assert_int_equal(import(which, copy, count), WR_DATA);
        assert_int_equal(import(which, copy, bytes.byte_count + 8), WR_DATA);
    }
}

/* Whoever makes the hash right, too, gets an error or a sketch, never a crash; and it still merges. */
static void test_forged(void **state)
{
    static buckets forged, target;
    wr_error       error;
    uint32_t       taken = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        wr_str bytes;

        memset(&forged, 0, sizeof forged);
        for (uint64_t i = 0; i < 20; i++)
            wr_agg_buckets_add(&forged, value_of((spread)(seed % SPREADS), seed * 100 + i));
        for (uint64_t k = 0; k < 1 + seed % 3; k++) { /* some of its numbers become others */
            uint64_t where = mix(seed * 10 + k) % (k % 2 ? sizeof forged.counts
                                                         : sizeof forged.fields);
            uint8_t *part = k % 2 ? (uint8_t *)forged.counts : (uint8_t *)&forged.fields;

            part[where] = (uint8_t)mix(seed * 77 + k);
        }
        bytes = wr_agg_buckets_export(&forged);
        memset(&target, 0, sizeof target);
        wr_agg_buckets_add(&target, 1.0);
        if (wr_agg_buckets_import(&target, &bytes, &error) != WR_OK) {
            assert_int_equal(error.status, WR_DATA);
            continue;
        }
        taken++;
        wr_agg_buckets_add(&target, -1e300);
        wr_agg_buckets_add(&target, 1e-300);
        for (uint32_t percent = 0; percent <= 100; percent += 10)
            (void)wr_agg_buckets_finish(&target, percent / 100.0);
    }
    assert_true(taken < 600);
}

static int open_libm(void **state)
{
    (void)state;
    return wr_math_open(NULL) != WR_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distinct_error),
        cmocka_unit_test(test_distinct_of_data),
        cmocka_unit_test(test_distinct_dealt_out),
        cmocka_unit_test(test_quantile_error),
        cmocka_unit_test(test_quantiles_dealt_out),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_forged),
    };

    return cmocka_run_group_tests(tests, open_libm, NULL);
}
