/* types/utf8_test.c — counting, finding, decoding and case mapping against plain references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "types/utf8.h"

static uint64_t seed = 5;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Random code points, mostly of one width; returns the bytes written. */
static size_t random_text(uint32_t *code_points, size_t count, char *out)
{
    static const uint32_t LIMITS[] = {0x80, 0x80, 0x800, 0x10000, 0x110000};
    uint32_t limit = LIMITS[next_random() % 5];
    size_t   byte_count = 0;

    for (size_t i = 0; i < count; i++) {
        do
            code_points[i] = (uint32_t)(next_random() % (next_random() % 4 ? limit : 0x80));
        while (code_points[i] >= 0xd800 && code_points[i] < 0xe000);
        byte_count += wr_utf8_encode(code_points[i], out + byte_count);
    }
    return byte_count;
}

static void every_code_point_round_trips(void **state)
{
    char     bytes[4];
    uint32_t back;

    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        if (c >= 0xd800 && c < 0xe000)
            continue;
        size_t byte_count = wr_utf8_encode(c, bytes);

        assert_int_equal(wr_utf8_decode(bytes, bytes + byte_count, &back), byte_count);
        assert_int_equal(back, c);
        for (size_t cut = 1; cut < byte_count; cut++) {
            assert_int_equal(wr_utf8_decode(bytes, bytes + cut, &back), 1);
            assert_int_equal(back, WR_UTF8_REPLACEMENT);
        }
    }
}

static void invalid_sequences(void **state)
{
    static const char *const BAD[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xe2\x28\xa1",
                                      "\xe2\x82\x28",
                                      "\xf0\x9f\x98\x28"};
    uint32_t code_point;

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        size_t byte_count = strlen(BAD[i]);
        char   out[8];

        assert_int_equal(wr_utf8_decode(BAD[i], BAD[i] + byte_count, &code_point), 1);
        assert_int_equal(code_point, WR_UTF8_REPLACEMENT);
        assert_int_equal(wr_utf8_upper(BAD[i], byte_count, out), byte_count);
        assert_memory_equal(out, BAD[i], byte_count);
    }
}

static void counting_and_finding(void **state)
{
    static uint32_t code_points[700];
    static char     text[2800];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t count = next_random() % (round % 10 ? 20 : 700);
        size_t byte_count = random_text(code_points, count, text), offset = 0;
        char  *exact = malloc(byte_count ? byte_count : 1); /* a sanitizer sees reads past it */

        memcpy(exact, text, byte_count);
        assert_int_equal(wr_utf8_count(exact, byte_count), count);
        for (size_t i = 0; i < count; i++) {
            char bytes[4];

            assert_int_equal(wr_utf8_offset(exact, byte_count, i), offset);
            offset += wr_utf8_encode(code_points[i], bytes);
        }
        assert_int_equal(wr_utf8_offset(exact, byte_count, count), byte_count);
        assert_int_equal(wr_utf8_offset(exact, byte_count, count + 100), byte_count);
        free(exact);
    }
}

static void case_of_texts_is_case_of_code_points(void **state)
{
    static uint32_t code_points[100];
    static char     text[400], found[600], wanted[600];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t count = next_random() % 100, bytes_wanted = 0;
        size_t byte_count = random_text(code_points, count, text);

        for (size_t i = 0; i < count; i++)
            bytes_wanted +=
                wr_utf8_encode(wr_code_point_upper(code_points[i]), wanted + bytes_wanted);
        assert_int_equal(wr_utf8_upper(text, byte_count, found), bytes_wanted);
        assert_memory_equal(found, wanted, bytes_wanted);
        bytes_wanted = 0;
        for (size_t i = 0; i < count; i++)
            bytes_wanted +=
                wr_utf8_encode(wr_code_point_lower(code_points[i]), wanted + bytes_wanted);
        assert_int_equal(wr_utf8_lower(text, byte_count, found), bytes_wanted);
        assert_memory_equal(found, wanted, bytes_wanted);
    }
}

static void check_case(const char *lower, const char *upper)
{
    char found[64];

    assert_int_equal(wr_utf8_upper(lower, strlen(lower), found), strlen(upper));
    assert_memory_equal(found, upper, strlen(upper));
    assert_int_equal(wr_utf8_lower(upper, strlen(upper), found), strlen(lower));
    assert_memory_equal(found, lower, strlen(lower));
}

static void case_examples(void **state)
{
    (void)state;
    check_case("", "");
    check_case("abc xyz 019 [`{@", "ABC XYZ 019 [`{@");
    check_case("the quick brown fox", "THE QUICK BROWN FOX");
    for (uint32_t c = 0; c < 0x80; c++) {
        assert_int_equal(wr_code_point_upper(c), c >= 'a' && c <= 'z' ? c - 32 : c);
        assert_int_equal(wr_code_point_lower(c), c >= 'A' && c <= 'Z' ? c + 32 : c);
        assert_int_equal(wr_code_point_is_word(c),
                         (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'));
    }
#ifdef WR_WITH_UTF8PROC
    check_case("\xc3\xa4\xc3\xb6\xc3\xbc", "\xc3\x84\xc3\x96\xc3\x9c");                 /* äöü */
    check_case("\xce\xb1\xce\xb2 \xd0\xb6", "\xce\x91\xce\x92 \xd0\x96");               /* αβ ж */
    check_case("\xe2\xb1\xa5", "\xc8\xba");                                             /* ⱥ, Ⱥ */
    assert_int_equal(wr_code_point_upper(0xdf), 0xdf);                                  /* ß */
    assert_int_equal(wr_code_point_upper(0x250), 0x2c6f); /* ɐ grows */
    assert_true(wr_code_point_is_word(0xe4) && wr_code_point_is_word(0x4e2d));
    assert_false(wr_code_point_is_word(0x20ac) || wr_code_point_is_word(0x2014));
#endif
}

static void growth_is_bounded(void **state)
{
    char bytes[4];

    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        if (c >= 0xd800 && c < 0xe000)
            continue;
        size_t byte_count = wr_utf8_encode(c, bytes), max = wr_utf8_case_bytes_max(byte_count);

        assert_true(wr_utf8_encode(wr_code_point_upper(c), bytes) <= max);
        assert_true(wr_utf8_encode(wr_code_point_lower(c), bytes) <= max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_round_trips),
        cmocka_unit_test(invalid_sequences),
        cmocka_unit_test(counting_and_finding),
        cmocka_unit_test(case_of_texts_is_case_of_code_points),
        cmocka_unit_test(case_examples),
        cmocka_unit_test(growth_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
