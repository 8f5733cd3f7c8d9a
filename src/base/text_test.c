/* base/text_test.c — comparison, sizes and counts as text, edit distance against a plain table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void compare_and_trim(void **state)
{
    (void)state;
    assert_true(wr_text_equal_nocase(WR_TEXT("Amount"), WR_TEXT("aMOUNT")));
    assert_false(wr_text_equal_nocase(WR_TEXT("amount"), WR_TEXT("amounts")));
    assert_true(wr_text_compare(WR_TEXT("a"), WR_TEXT("b")) < 0);
    assert_true(wr_text_compare(WR_TEXT("ab"), WR_TEXT("a")) > 0);
    assert_int_equal(wr_text_compare((wr_text){NULL, 0}, WR_TEXT("")), 0);
    assert_true(wr_text_compare(WR_TEXT("\xff"), WR_TEXT("a")) > 0);
    assert_true(wr_text_starts_with(WR_TEXT("batch=3"), WR_TEXT("batch=")));
    assert_false(wr_text_starts_with(WR_TEXT("bat"), WR_TEXT("batch=")));
    assert_true(wr_text_ends_with(WR_TEXT("a.csv.gz"), WR_TEXT(".gz")));
    assert_true(wr_text_ends_with((wr_text){NULL, 0}, (wr_text){NULL, 0}));
    assert_false(wr_text_ends_with(WR_TEXT("gz"), WR_TEXT(".gz")));
    assert_true(wr_text_equal(wr_text_trim(WR_TEXT(" \t x y\r\n")), WR_TEXT("x y")));
    assert_int_equal(wr_text_trim(WR_TEXT("  ")).byte_count, 0);
    assert_int_equal(wr_text_find_byte(WR_TEXT("a,b,c"), ',', 2), 3);
    assert_true(wr_text_find_byte(WR_TEXT("a,b"), ',', 2) == SIZE_MAX);
    assert_true(wr_text_find_byte(WR_TEXT("a"), 'a', 9) == SIZE_MAX);
}

static void sizes_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t    bytes;
    } CASES[] = {
        {"0", 0},
        {"4096", 4096},
        {"32MB", 32000000},
        {"64MiB", 67108864},
        {"1.5GB", 1500000000},
        {" 2 gb ", 2000000000},
        {"1kB", 1000},
        {"1KiB", 1024},
        {"0.5KiB", 512},
        {"1TB", 1000000000000},
        {"1.123456789TiB", 1235253802809},
        {"18446744073709551615", UINT64_MAX},
        {"7B", 7},
    };
    static const char *const BAD[] = {
        "",    "MB",  "x",    "1.MB",  ".5MB", "-1", "1e3",
        "32M", "1 2", "32QB", "1..5B", "0x10", "+1", "18446744073709551616",
        "99999999999TB",
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint64_t bytes = 1;
        assert_int_equal(wr_text_parse_bytes(wr_text_of(CASES[i].text), &bytes, NULL), WR_OK);
        assert_int_equal(bytes, CASES[i].bytes);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        uint64_t bytes = 1;
        wr_error err = {0};
        assert_int_equal(wr_text_parse_bytes(wr_text_of(BAD[i]), &bytes, &err), WR_USAGE);
        assert_int_equal(bytes, 1);
        assert_non_null(strstr(err.message, "MiB"));
    }
}

static void sizes_and_counts_are_written(void **state)
{
    char buffer[32];

    (void)state;
    assert_string_equal(wr_text_format_bytes(0, buffer, sizeof buffer), "0 B");
    assert_string_equal(wr_text_format_bytes(999, buffer, sizeof buffer), "999 B");
    assert_string_equal(wr_text_format_bytes(1000, buffer, sizeof buffer), "1.0 kB");
    assert_string_equal(wr_text_format_bytes(31900000, buffer, sizeof buffer), "31.9 MB");
    assert_string_equal(wr_text_format_bytes(999949, buffer, sizeof buffer), "999.9 kB");
    assert_string_equal(wr_text_format_bytes(999950, buffer, sizeof buffer), "1.0 MB");
    assert_string_equal(wr_text_format_bytes(UINT64_MAX, buffer, sizeof buffer), "18.4 EB");
}

static uint32_t plain_distance(const char *a, const char *b)
{
    static uint32_t d[65][65];
    size_t          n = strlen(a), m = strlen(b);

    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            uint32_t best;
            if (i == 0 || j == 0) {
                d[i][j] = (uint32_t)(i + j);
                continue;
            }
            best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[n][m];
}

static void random_word(char *out_word, size_t letters_max)
{
    size_t n = (size_t)rand() % (letters_max + 1);

    for (size_t i = 0; i < n; i++)
        out_word[i] = (char)('a' + rand() % 3);
    out_word[n] = '\0';
}

static void distance_equals_the_plain_table(void **state)
{
    (void)state;
    assert_int_equal(wr_text_distance(WR_TEXT("amuont"), WR_TEXT("amount"), 5), 1);
    assert_int_equal(wr_text_distance(WR_TEXT("AMOUNT"), WR_TEXT("amount"), 5), 0);
    assert_int_equal(wr_text_distance(WR_TEXT(""), WR_TEXT("abc"), 5), 3);
    srand(7);
    for (int round = 0; round < 20000; round++) {
        char     a[16], b[16];
        uint32_t expected, limit = (uint32_t)rand() % 8;

        random_word(a, 12);
        random_word(b, 12);
        expected = plain_distance(a, b);
        if (expected > limit)
            expected = limit + 1;
        assert_int_equal(wr_text_distance(wr_text_of(a), wr_text_of(b), limit), expected);
    }
}

static void long_texts_compare_by_their_start(void **state)
{
    char a[200], b[100];

    (void)state;
    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    assert_int_equal(wr_text_distance((wr_text){a, sizeof a}, (wr_text){b, sizeof b}, 3), 0);
    a[3] = 'y';
    assert_int_equal(wr_text_distance((wr_text){a, sizeof a}, (wr_text){b, sizeof b}, 3), 1);
}

static void suggests_the_nearest(void **state)
{
    wr_suggest suggest;
    wr_error   err = {0};

    (void)state;
    wr_suggest_init(&suggest, WR_TEXT("amuont"));
    wr_suggest_offer(&suggest, WR_TEXT("ts"));
    wr_suggest_offer(&suggest, WR_TEXT("count"));
    wr_suggest_offer(&suggest, WR_TEXT("amount"));
    wr_suggest_offer(&suggest, WR_TEXT("amounts"));
    (void)WR_RAISE(&err, WR_INVALID, "unknown column 'amuont'");
    wr_suggest_append(&suggest, &err);
    assert_string_equal(err.message, "unknown column 'amuont' (did you mean 'amount'?)");

    wr_suggest_init(&suggest, WR_TEXT("zzz"));
    wr_suggest_offer(&suggest, WR_TEXT("abc"));
    (void)WR_RAISE(&err, WR_INVALID, "unknown");
    wr_suggest_append(&suggest, &err);
    assert_string_equal(err.message, "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare_and_trim),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(sizes_and_counts_are_written),
        cmocka_unit_test(distance_equals_the_plain_table),
        cmocka_unit_test(long_texts_compare_by_their_start),
        cmocka_unit_test(suggests_the_nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
