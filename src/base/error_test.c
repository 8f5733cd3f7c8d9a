/* base/error_test.c — messages, context lines, truncation at character borders, status table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/error.h"

static void raise_fills_everything(void **state)
{
    wr_error err = {0};

    (void)state;
    assert_int_equal(WR_RAISE(&err, WR_DATA, "row %d is bad", 7), WR_DATA);
    assert_int_equal(err.status, WR_DATA);
    assert_string_equal(err.message, "row 7 is bad");
    assert_non_null(strstr(err.file, "error_test.c"));
    assert_true(err.line > 0);
    assert_int_equal(WR_RAISE(NULL, WR_IO, "nobody listens"), WR_IO);
    wr_error_clear(&err);
    assert_int_equal(err.status, WR_OK);
    assert_string_equal(err.message, "");
}

static wr_status read_page(wr_error *err)
{
    return WR_RAISE(err, WR_CORRUPT, "cannot read page 7: short read");
}

static wr_status read_file(wr_error *err)
{
    WR_TRY_WHILE(read_page(err), err, "reading '%s'", "a.parquet");
    return WR_OK;
}

static void context_is_appended_on_its_own_line(void **state)
{
    wr_error err = {0};

    (void)state;
    assert_int_equal(read_file(&err), WR_CORRUPT);
    assert_string_equal(err.message, "cannot read page 7: short read\n  while reading 'a.parquet'");
    assert_int_equal(read_file(NULL), WR_CORRUPT);
}

static void oldest_text_wins_when_full(void **state)
{
    wr_error err = {0};
    char     first[WR_ERROR_MESSAGE_BYTES];

    (void)state;
    memset(first, 'x', sizeof first - 4);
    first[sizeof first - 4] = '\0';
    (void)WR_RAISE(&err, WR_IO, "%s", first);
    wr_error_while(&err, "lost");
    assert_int_equal(strlen(err.message), WR_ERROR_MESSAGE_BYTES - 1);
    assert_memory_equal(err.message, first, sizeof first - 4);
    wr_error_append(&err, "more");
    assert_int_equal(strlen(err.message), WR_ERROR_MESSAGE_BYTES - 1);
}

/* For every fill level, a message cut inside a character loses the whole character. */
static void never_half_a_character(void **state)
{
    static const char *const CHARACTERS[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    wr_error                 err;
    char                     text[WR_ERROR_MESSAGE_BYTES];

    (void)state;
    for (size_t kind = 0; kind < 3; kind++) {
        size_t width = strlen(CHARACTERS[kind]);
        for (size_t lead = WR_ERROR_MESSAGE_BYTES - 8; lead < WR_ERROR_MESSAGE_BYTES; lead++) {
            size_t expected = lead;

            memset(text, 'a', lead);
            text[lead] = '\0';
            (void)WR_RAISE(&err, WR_IO, "%s%s%s%s%s", text, CHARACTERS[kind], CHARACTERS[kind],
                           CHARACTERS[kind], CHARACTERS[kind]);
            while (expected + width < WR_ERROR_MESSAGE_BYTES && expected < lead + 4 * width)
                expected += width;
            assert_int_equal(strlen(err.message), expected);
        }
    }
}

static void every_status_has_text_and_exit_code(void **state)
{
    (void)state;
    for (int status = 0; status < WR_STATUS_COUNT; status++) {
        assert_true(strlen(wr_status_text((wr_status)status)) > 1);
        assert_in_range(wr_status_exit_code((wr_status)status), 0, 6);
    }
    assert_int_equal(wr_status_exit_code(WR_OK), 0);
    assert_int_equal(wr_status_exit_code(WR_NO_MEMORY), 4);
    assert_string_equal(wr_status_text((wr_status)999), wr_status_text(WR_BUG));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raise_fills_everything),
        cmocka_unit_test(context_is_appended_on_its_own_line),
        cmocka_unit_test(oldest_text_wins_when_full),
        cmocka_unit_test(never_half_a_character),
        cmocka_unit_test(every_status_has_text_and_exit_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
