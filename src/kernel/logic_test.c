/* kernel/logic_test.c — three-valued logic and selections against truth tables, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/logic.h"
#include "kernel/test_random.h"

enum { WORDS = (TEST_ROWS_MAX + 63) / 64 };

/* Three-valued: 0 false, 1 true, 2 null. */
static int truth(const uint8_t *values, const uint64_t *valid, uint32_t row)
{
    return valid && !wr_bit_get(valid, row) ? 2 : values[row];
}

static const int AND[3][3] = {{0, 0, 0}, {0, 1, 2}, {0, 2, 2}};
static const int OR[3][3] = {{0, 1, 2}, {1, 1, 1}, {2, 1, 2}};

typedef struct column {
    uint8_t   values[TEST_ROWS_MAX];
    uint64_t  words[WORDS];
    uint64_t *valid;
} column;

/* Bytes under nulls are anything. */
static void fill(column *c, bool has_nulls)
{
    c->valid = has_nulls ? c->words : NULL;
    for (uint32_t row = 0; row < TEST_ROWS_MAX; row++) {
        bool is_null = has_nulls && test_random() % 3 == 0;

        c->values[row] = (uint8_t)(is_null ? test_random() : test_random() & 1);
        wr_bit_put(c->words, row, !is_null);
    }
}

static void check_merge(bool is_and, uint32_t row_count, bool left_nulls, bool right_nulls)
{
    column       target, before, other;
    uint16_t     rows[TEST_ROWS_MAX];
    wr_selection selection = test_random_rows(row_count, rows);

    fill(&target, left_nulls || right_nulls);
    fill(&other, right_nulls);
    before = target;
    before.valid = target.valid ? before.words : NULL;
    wr_logic_merge(is_and, target.values, target.valid, other.values, other.valid, selection);
    for (uint32_t i = 0, row = 0; row < row_count; row++) {
        int a = truth(before.values, before.valid, row), b = truth(other.values, other.valid, row);

        if (i == selection.row_count || wr_selection_row(&selection, i) != row) {
            assert_int_equal(truth(target.values, target.valid, row), a);
            continue;
        }
        i++;
        assert_int_equal(truth(target.values, target.valid, row), is_and ? AND[a][b] : OR[a][b]);
    }
}

static void logic_is_three_valued(void **state)
{
    (void)state;
    for (uint32_t row_count = 0; row_count < TEST_ROWS_MAX; row_count++)
        for (int shape = 0; shape < 8; shape++)
            check_merge(shape & 1, row_count, shape & 2, shape & 4);
}

static bool is_wanted(wr_select_kind kind, int value)
{
    switch (kind) {
    case WR_SELECT_TRUE:
        return value == 1;
    case WR_SELECT_NOT_TRUE:
        return value != 1;
    default:
        return value != 0;
    }
}

static void selections_keep_rows_in_order(void **state)
{
    (void)state;
    for (uint32_t row_count = 0; row_count < TEST_ROWS_MAX; row_count++)
        for (int shape = 0; shape < 6; shape++) {
            column         c;
            wr_select_kind kind = (wr_select_kind)(shape / 2);
            uint16_t       rows[TEST_ROWS_MAX], out[TEST_ROWS_MAX];
            wr_selection   selection = test_random_rows(row_count, rows);
            uint32_t       expected = 0, count;

            fill(&c, shape & 1);
            count = wr_select(kind, c.values, c.valid, selection, out);
            for (uint32_t i = 0; i < selection.row_count; i++) {
                uint32_t row = wr_selection_row(&selection, i);

                if (is_wanted(kind, truth(c.values, c.valid, row)))
                    assert_int_equal(out[expected++], row);
            }
            assert_int_equal(count, expected);
            if (selection.rows) { /* in place */
                assert_int_equal(wr_select(kind, c.values, c.valid, selection, rows), expected);
                assert_memory_equal(rows, out, expected * sizeof rows[0]);
            }
        }
}

static void validity_words_are_combined_and_expanded(void **state)
{
    (void)state;
    for (uint32_t row_count = 0; row_count < TEST_ROWS_MAX; row_count++) {
        column       a, b;
        uint64_t     both[WORDS];
        uint8_t      bytes[TEST_ROWS_MAX];
        uint16_t     out[TEST_ROWS_MAX];
        uint32_t     expected = 0, count;
        wr_selection all = wr_rows_all(row_count);

        fill(&a, true);
        fill(&b, true);
        wr_bits_and(a.words, b.words, row_count, both);
        wr_bits_expand(both, true, all, bytes);
        count = wr_select_valid(both, all, out);
        for (uint32_t row = 0; row < row_count; row++) {
            bool valid = wr_bit_get(a.words, row) && wr_bit_get(b.words, row);

            assert_int_equal(bytes[row], !valid);
            if (valid)
                assert_int_equal(out[expected++], row);
        }
        assert_int_equal(count, expected);
        wr_bits_and(NULL, b.words, row_count, both);
        assert_memory_equal(both, b.words, row_count / 8);
        wr_logic_not(a.values, row_count, bytes);
        for (uint32_t row = 0; row < row_count; row++)
            assert_int_equal(bytes[row], !(a.values[row] & 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logic_is_three_valued),
        cmocka_unit_test(selections_keep_rows_in_order),
        cmocka_unit_test(validity_words_are_combined_and_expanded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
