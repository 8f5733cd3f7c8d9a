/* kernel/compare_test.c — every comparison, type and length against wr_value_compare. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/compare.h"
#include "kernel/test_random.h"

static const wr_type TYPES[] = {
    {.logical = WR_TYPE_BOOL}, {.logical = WR_TYPE_I8},       {.logical = WR_TYPE_I16},
    {.logical = WR_TYPE_I32},  {.logical = WR_TYPE_I64},      {.logical = WR_TYPE_U8},
    {.logical = WR_TYPE_U16},  {.logical = WR_TYPE_U32},      {.logical = WR_TYPE_U64},
    {.logical = WR_TYPE_F32},  {.logical = WR_TYPE_F64},      {.logical = WR_TYPE_UUID},
    {.logical = WR_TYPE_UTF8}, {.logical = WR_TYPE_INTERVAL},
};

/* Texts that differ in length, within the prefix, behind it and not at all. */
static const char *const WORDS[] = {"", "a", "ab", "abcd", "abce", "abcdefghijkl", "abcdefghijkm",
                                    "abcdefghijklm", "abcdefghijklmnop", "abcdefghijklmnoq", "\xff"};

static void random_cell(wr_type type, uint8_t *cell)
{
    wr_physical physical = wr_type_physical(type);

    if (physical == WR_PHYS_STR) {
        const char *word = WORDS[test_random() % (sizeof WORDS / sizeof WORDS[0])];
        wr_str      str = wr_str_of(word, strlen(word));
        memcpy(cell, &str, sizeof str);
    } else if (physical == WR_PHYS_INTERVAL) {
        /* Few values, so that 1 month meets 30 days and 24 hours meet 1 day. */
        wr_interval interval = {(int32_t)(test_random() % 3), (int32_t)(test_random() % 3) * 30,
                                (int64_t)(test_random() % 3) * 86400000000};
        memcpy(cell, &interval, sizeof interval);
    } else {
        test_random_cell(physical, cell);
    }
}

static bool expect(wr_compare_op op, int order)
{
    switch (op) {
    case WR_COMPARE_EQ:
        return order == 0;
    case WR_COMPARE_NE:
        return order != 0;
    case WR_COMPARE_LT:
        return order < 0;
    case WR_COMPARE_LE:
        return order <= 0;
    case WR_COMPARE_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static void check_shape(wr_type type, uint32_t row_count, bool left_constant, bool right_constant)
{
    _Alignas(16) uint8_t left[TEST_ROWS_MAX * 16], right[TEST_ROWS_MAX * 16],
        picked[TEST_ROWS_MAX * 16];
    uint8_t      out[TEST_ROWS_MAX];
    uint16_t     rows[TEST_ROWS_MAX];
    wr_physical  physical = wr_type_physical(type);
    uint32_t     bytes = wr_physical_bytes(physical);
    wr_operand   a = {left, left_constant}, b = {right, right_constant};
    wr_selection selection = test_random_rows(row_count, rows);

    for (uint32_t row = 0; row < TEST_ROWS_MAX; row++) {
        random_cell(type, left + row * bytes);
        random_cell(type, right + row * bytes);
    }
    wr_compare_pick(true, physical, a, b, selection, picked);
    for (int op = WR_COMPARE_EQ; op <= WR_COMPARE_GE; op++) {
        memset(out, 0x5a, sizeof out);
        wr_compare((wr_compare_op)op, physical, a, b, selection, out);
        for (uint32_t i = 0, row = 0; row < TEST_ROWS_MAX; row++) {
            wr_value x = wr_value_load(type, left + (left_constant ? 0 : row) * bytes);
            wr_value y = wr_value_load(type, right + (right_constant ? 0 : row) * bytes);
            int      order = wr_value_compare(&x, &y);

            if (i == selection.row_count || wr_selection_row(&selection, i) != row) {
                assert_int_equal(out[row], 0x5a);
                continue;
            }
            i++;
            assert_int_equal(out[row], expect((wr_compare_op)op, order));
            y = wr_value_load(type, picked + row * bytes);
            assert_int_equal(wr_value_compare(&y, &x) > 0, order < 0);
        }
    }
}

static void every_comparison_follows_the_total_order(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof TYPES / sizeof TYPES[0]; t++)
        for (uint32_t row_count = 0; row_count < TEST_ROWS_MAX; row_count++)
            for (int shape = 0; shape < 4; shape++)
                check_shape(TYPES[t], row_count, shape & 1, shape & 2);
}

static void mirroring_swaps_sides(void **state)
{
    (void)state;
    assert_int_equal(wr_compare_mirror(WR_COMPARE_EQ), WR_COMPARE_EQ);
    assert_int_equal(wr_compare_mirror(WR_COMPARE_LT), WR_COMPARE_GT);
    assert_int_equal(wr_compare_mirror(WR_COMPARE_GE), WR_COMPARE_LE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_comparison_follows_the_total_order),
        cmocka_unit_test(mirroring_swaps_sides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
