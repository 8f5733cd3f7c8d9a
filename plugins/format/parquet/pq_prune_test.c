/* pq_prune_test.c — which statistics are believed, and what they exclude. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "pq_priv.h"

static const pq_trust NONE = {0}, ALL = {.has_orders = true, .has_numbers = true};

static void writers_are_told_by_their_names(void **state)
{
    static const struct {
        const char *created_by;
        bool        has_orders, has_numbers, lacks_sizes;
    } CASES[] = {
        {"", true, false},
        {"weir version 0.1.0", true, true},
        {"parquet-mr version 1.8.1 (build 4aba4dae7bb0d4edbcf7923ae1339f28fd3f7fcf)", false, true},
        {"parquet-mr version 1.9", false, true},
        {"parquet-mr version 1.10.0", true, true},
        {"parquet-mr version 2", true, true},
        {"parquet-mr", false, true, true},
        {"parquet-mr version 1.2.8", false, true, true},
        {"parquet-mr version 1.3", false, true},
        {"parquet-mr version 99999999999999999999.1", true, true},
        {"parquet-mr compatible version 1.0", true, false},
        {"parquet-cpp version 1.2.9", false, false},
        {"parquet-cpp version 1.5.1-SNAPSHOT", true, false},
        {"parquet-cpp-arrow version 21.0.0", true, true},
        {"parquet-rs version 12.9.0", false, false},
        {"parquet-rs version 13.0.0", true, false},
        {"hyparquet", false, false},
        {"hyparquet version 9.9", false, false},
        {"DuckDB version v1.5.6 (build 1)", true, true},
        {"Polars", true, false},
        {" version ", true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        pq_trust trust = wr_pq_trust_of(true, wr_text_of(CASES[i].created_by));

        assert_int_equal(trust.has_orders, CASES[i].has_orders);
        assert_int_equal(trust.has_numbers, CASES[i].has_numbers);
        assert_int_equal(trust.has_sizes, !CASES[i].lacks_sizes);
        assert_false(wr_pq_trust_of(false, wr_text_of(CASES[i].created_by)).has_orders);
    }
}

static pq_extreme extreme_of(const void *bytes, uint32_t byte_count)
{
    pq_extreme extreme = {.byte_count = byte_count, .is_known = true};

    memcpy(extreme.bytes, bytes, byte_count);
    return extreme;
}

static pq_leaf leaf_of(pq_element element, wr_type type)
{
    pq_leaf leaf = {0};

    element.is_leaf = true;
    assert_int_equal(wr_pq_leaf_bind(&element, type, &leaf, NULL), WR_OK);
    return leaf;
}

/* Is "= value" excluded by newer statistics? */
static bool excludes(const pq_leaf *leaf, pq_extreme min, pq_extreme max, pq_trust trust, wr_value value)
{
    pq_statistics statistics = {.min = min, .max = max};
    wr_bound      bound = {.op = WR_BOUND_EQUAL, .values = &value, .value_count = 1};

    return wr_pq_is_excluded(leaf, &statistics, 100, trust, &bound);
}

static void decimals_in_bytes(void **state)
{
    pq_leaf    leaf = leaf_of((pq_element){.physical = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 2,
                                           .logical = PQ_LOGICAL_DECIMAL, .precision = 4, .scale = 0},
                              wr_type_decimal(4, 0));
    pq_extreme one = extreme_of("\x00\x01", 2), two = extreme_of("\x00\x02", 2), below = extreme_of("\xff\xff", 2);
    wr_value   five = {.type = wr_type_decimal(4, 0), .i64 = 5}, zero = {.type = wr_type_decimal(4, 0)};

    (void)state;
    assert_true(excludes(&leaf, one, two, ALL, five));
    assert_false(excludes(&leaf, one, two, (pq_trust){.has_orders = true}, five));
    assert_false(excludes(&leaf, one, two, NONE, five));
    assert_false(excludes(&leaf, below, two, ALL, zero));
    /* bytes were compared: the "greatest" is -1 */
    assert_false(excludes(&leaf, one, below, ALL, five));
}

static void texts_and_unsigned_numbers(void **state)
{
    pq_leaf  text = leaf_of((pq_element){.physical = PQ_BYTE_ARRAY, .logical = PQ_LOGICAL_STRING}, WR_TYPE(UTF8));
    pq_leaf  number = leaf_of((pq_element){.physical = PQ_INT32, .logical = PQ_LOGICAL_INTEGER, .bits = 32},
                              WR_TYPE(U32));
    wr_value z = {.type = WR_TYPE(UTF8), .text = WR_TEXT("z")}, seven = {.type = WR_TYPE(U32), .u64 = 7};
    uint32_t big = UINT32_MAX - 1, small = 3;

    (void)state;
    assert_true(excludes(&text, extreme_of("a", 1), extreme_of("b", 1), ALL, z));
    assert_true(excludes(&text, extreme_of("a", 1), extreme_of("b", 1), (pq_trust){.has_orders = true}, z));
    assert_false(excludes(&text, extreme_of("a", 1), extreme_of("b", 1), NONE, z));
    assert_true(excludes(&number, extreme_of(&small, 4), extreme_of(&small, 4), ALL, seven));
    assert_false(excludes(&number, extreme_of(&big, 4), extreme_of(&small, 4), ALL, seven)); /* as if signed */
}

/* A NaN is above what is said to be the greatest, and the two zeros are one. */
static void floats(void **state)
{
    pq_leaf  leaf = leaf_of((pq_element){.physical = PQ_DOUBLE}, WR_TYPE(F64));
    double   zero = 0.0, two = 2.0, nan = __builtin_nan("");
    wr_value minus_zero = {.type = WR_TYPE(F64), .f64 = -0.0}, three = {.type = WR_TYPE(F64), .f64 = 3};
    wr_value below = {.type = WR_TYPE(F64), .f64 = -1};

    (void)state;
    assert_false(excludes(&leaf, extreme_of(&zero, 8), extreme_of(&two, 8), ALL, minus_zero));
    assert_false(excludes(&leaf, extreme_of(&zero, 8), extreme_of(&two, 8), ALL, three));
    assert_true(excludes(&leaf, extreme_of(&zero, 8), extreme_of(&two, 8), ALL, below));
    assert_false(excludes(&leaf, extreme_of(&nan, 8), extreme_of(&two, 8), ALL, below));
}

static void dictionaries(void **state)
{
    static const int64_t VALUES[] = {10, 20, 30};
    wr_vector            words = {.type = WR_TYPE(I64), .encoding = WR_FLAT, .row_count = 3, .data = (void *)VALUES};
    static const struct {
        wr_bound_op op;
        int64_t     values[2];
        uint32_t    value_count;
        bool        is_excluded;
    } CASES[] = {
        {WR_BOUND_EQUAL, {20}, 1, false},         {WR_BOUND_EQUAL, {21}, 1, true},
        {WR_BOUND_IN, {1, 30}, 2, false},         {WR_BOUND_IN, {1, 2}, 2, true},
        {WR_BOUND_LESS, {10}, 1, true},           {WR_BOUND_LESS_EQUAL, {10}, 1, false},
        {WR_BOUND_GREATER, {30}, 1, true},        {WR_BOUND_GREATER_EQUAL, {30}, 1, false},
        {WR_BOUND_NOT_EQUAL, {10}, 1, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        wr_value values[2] = {{.type = WR_TYPE(I64), .i64 = CASES[i].values[0]},
                              {.type = WR_TYPE(I64), .i64 = CASES[i].values[1]}};
        wr_bound bound = {.op = CASES[i].op, .values = values, .value_count = CASES[i].value_count};

        assert_int_equal(wr_pq_words_exclude(&words, 1000, &bound), CASES[i].is_excluded);
        assert_false(wr_pq_words_exclude(&words, 32, &bound)); /* reading them is as fast */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_are_told_by_their_names),
        cmocka_unit_test(decimals_in_bytes),
        cmocka_unit_test(texts_and_unsigned_numbers),
        cmocka_unit_test(floats),
        cmocka_unit_test(dictionaries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
