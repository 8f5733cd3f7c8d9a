/* bind/random_test.c — random functions: ranges, distributions, and draws that depend on the row's
 * position and the call alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "bind/evaluate_fixture.h"

enum { ROWS = WR_BATCH_ROWS_MAX };

typedef struct draws {
    wr_type type;
    char    text[ROWS][64]; /* a value of each row; "" where it was not asked for */
    double  number[ROWS];
} draws;

/* Rows [position, position + ROWS) of the source; `step` > 1: only each step-th. */
static wr_status draw(fixture *f, const char *text, uint64_t seed, uint64_t position, uint32_t step,
                      draws *out)
{
    static const wr_schema NO_COLUMNS;
    wr_run_facts      facts = {.seed = seed};
    uint16_t          rows[ROWS];
    wr_batch          batch = {.row_count = ROWS, .position = position, .selection = {rows, 0}};
    const wr_program *program;
    wr_program_local *local;
    wr_vector         output;
    wr_expr          *expr;
    uint32_t          done = 0, part = 0, error_row;
    char              room[FIXTURE_TEXT_BYTES];

    wr_bump_reset(&f->bump);
    assert_int_equal(fixture_bind(f, text, true, &expr), WR_OK);
    out->type = expr->type;
    assert_int_equal(wr_program_compile(&expr, 1, &NO_COLUMNS, &f->bump, &program, NULL), WR_OK);
    assert_int_equal(wr_program_local_new(program, &f->bump, &f->heap, &facts, &local, NULL), WR_OK);
    for (uint32_t row = 0; row < ROWS; row += step)
        rows[batch.selection.row_count++] = (uint16_t)row;
    for (; done < batch.selection.row_count; done += part) {
        WR_TRY(wr_program_run(local, &batch, done, &output, &part, &error_row, &f->err));
        for (uint32_t i = done; i < done + part; i++) {
            wr_value value = wr_vector_value(&output, rows[i]);

            snprintf(out->text[rows[i]], sizeof out->text[0], "%.63s",
                     fixture_format(&value, room));
            out->number[rows[i]] = value.type.logical == WR_TYPE_F64 ? value.f64 : (double)value.i64;
        }
    }
    return WR_OK;
}

static draws a, b;

static void draws_depend_on_seed_position_and_call(void **state)
{
    static const char *const TEXTS[] = {"random()", "random_int(1, 1000000)", "random_normal(0, 1)",
                                        "random_zipf(1000000, 0.5)", "random_text(20)",
                                        "random_uuid()", "uuid()", "gen_random_uuid()"};
    fixture *f = *state;

    for (size_t t = 0; t < sizeof TEXTS / sizeof TEXTS[0]; t++) {
        uint32_t same = 0;

        assert_int_equal(draw(f, TEXTS[t], 7, 5000, 1, &a), WR_OK);
        assert_int_equal(draw(f, TEXTS[t], 7, 5000, 7, &b), WR_OK);
        for (uint32_t row = 0; row < ROWS; row += 7)
            assert_string_equal(a.text[row], b.text[row]);
        assert_int_equal(draw(f, TEXTS[t], 7, 5100, 1, &b), WR_OK);
        for (uint32_t row = 0; row + 100 < ROWS; row++)
            assert_string_equal(a.text[row + 100], b.text[row]);
        assert_int_equal(draw(f, TEXTS[t], 8, 5000, 1, &b), WR_OK);
        for (uint32_t row = 0; row < ROWS; row++)
            same += strcmp(a.text[row], b.text[row]) == 0;
        assert_true(same < ROWS / 50);
    }
    assert_int_equal(draw(f, "random() = random()", 7, 0, 1, &a), WR_OK);
    for (uint32_t row = 0; row < ROWS; row++)
        assert_string_equal(a.text[row], "false");
}

static double mean_of(const draws *x)
{
    double sum = 0;

    for (uint32_t row = 0; row < ROWS; row++)
        sum += x->number[row];
    return sum / ROWS;
}

static void numbers_have_their_distribution(void **state)
{
    fixture *f = *state;
    double   squares = 0;
    uint32_t ones = 0;

    assert_int_equal(draw(f, "random()", 1, 0, 1, &a), WR_OK);
    assert_true(fabs(mean_of(&a) - 0.5) < 0.05);
    for (uint32_t row = 0; row < ROWS; row++)
        assert_true(a.number[row] >= 0 && a.number[row] < 1);
    assert_int_equal(draw(f, "random_int(-3, 3)", 1, 0, 1, &a), WR_OK);
    assert_true(fabs(mean_of(&a)) < 0.3);
    for (uint32_t row = 0; row < ROWS; row++)
        assert_true(a.number[row] >= -3 && a.number[row] <= 3);
    assert_int_equal(draw(f, "random_normal(10, 2)", 1, 0, 1, &a), WR_OK);
    assert_true(fabs(mean_of(&a) - 10) < 0.3);
    for (uint32_t row = 0; row < ROWS; row++)
        squares += (a.number[row] - 10) * (a.number[row] - 10) / ROWS;
    assert_true(squares > 3 && squares < 5);
    assert_int_equal(draw(f, "random_zipf(1000, 1.2)", 1, 0, 1, &a), WR_OK);
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_true(a.number[row] >= 1 && a.number[row] <= 1000);
        ones += a.number[row] == 1;
    }
    assert_true(ones > ROWS / 8 && ones < ROWS / 3); /* 23 % */
}

static void edges_of_ranges_are_drawn(void **state)
{
    static const struct {
        const char *text;
        double      least, greatest;
    } CASES[] = {
        {"random_int(5, 5)", 5, 5},
        {"random_int(-9223372036854775808, 9223372036854775807)", -0x1p63, 0x1p63},
        {"random_normal(3, 0)", 3, 3},
        {"random_zipf(1, 0.5)", 1, 1},
        {"random_zipf(1, 100)", 1, 1},
        {"random_zipf(2, 1)", 1, 2},
        {"random_zipf(9007199254740992, 100)", 1, 9007199254740992},
        {"random_zipf(9007199254740992, 1e-300)", 1, 9007199254740992},
        {"random_zipf(9007199254740992, 1)", 1, 9007199254740992},
        {"length(random_text(0))", 0, 0},
        {"length(random_text(12))", 12, 12},
        {"length(random_text(13))", 13, 13},
        {"length(random_text(100000))", 100000, 100000}, /* several runs */
    };

    for (size_t c = 0; c < sizeof CASES / sizeof CASES[0]; c++) {
        assert_int_equal(draw(*state, CASES[c].text, 3, 0, 1, &a), WR_OK);
        for (uint32_t row = 0; row < ROWS; row++)
            if (!(a.number[row] >= CASES[c].least && a.number[row] <= CASES[c].greatest))
                fail_msg("%s: %s", CASES[c].text, a.text[row]);
    }
}

static void texts_uuids_and_choices(void **state)
{
    fixture *f = *state;
    uint32_t counts[4] = {0};

    assert_int_equal(draw(f, "random_text(40)", 3, 0, 1, &a), WR_OK);
    for (uint32_t row = 0; row < ROWS; row++)
        assert_int_equal(strspn(a.text[row], "0123456789abcdefghijklmnopqrstuvwxyz"), 40);
    assert_int_equal(draw(f, "random_uuid()", 3, 0, 1, &a), WR_OK);
    for (uint32_t row = 0; row < ROWS; row++)
        assert_true(a.text[row][14] == '4' && strchr("89ab", a.text[row][19]));
    assert_int_equal(draw(f, "random_choice('a', NULL, 'c')", 3, 0, 1, &a), WR_OK);
    for (uint32_t row = 0; row < ROWS; row++)
        counts[strcmp(a.text[row], "NULL") == 0 ? 3 : (uint32_t)(a.text[row][0] - 'a')]++;
    assert_int_equal(counts[1], 0);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(i == 1 || (counts[i] > ROWS / 4 && counts[i] < ROWS / 2));
}

static void wrong_arguments_are_errors(void **state)
{
    static const char *const CASES[][2] = {
        {"random_int(2, 1)", "random_int(2, 1): the range is empty"},
        {"random_normal(0, -1)", "the deviation must not be negative"},
        {"random_normal(0, CAST('nan' AS double))", "the deviation must not be negative"},
        {"random_zipf(0, 1)", "n must be from 1 to 2^53"},
        {"random_zipf(9007199254740994, 1)", "n must be from 1 to 2^53"},
        {"random_zipf(10, 0)", "s above 0"},
        {"random_zipf(10, CAST('nan' AS double))", "s above 0"},
        {"random_text(-1)", "a length is from 0"},
    };
    fixture *f = *state;

    for (size_t c = 0; c < sizeof CASES / sizeof CASES[0]; c++) {
        assert_int_equal(draw(f, CASES[c][0], 3, 0, 1, &a), WR_DATA);
        if (!strstr(f->err.message, CASES[c][1]))
            fail_msg("%s: %s", CASES[c][0], f->err.message);
    }
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(draws_depend_on_seed_position_and_call),
        cmocka_unit_test(numbers_have_their_distribution),
        cmocka_unit_test(edges_of_ranges_are_drawn),
        cmocka_unit_test(texts_uuids_and_choices),
        cmocka_unit_test(wrong_arguments_are_errors),
    };
    return cmocka_run_group_tests(TESTS, fixture_set_up, fixture_tear_down);
}
