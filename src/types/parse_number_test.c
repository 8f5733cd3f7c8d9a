/* types/parse_number_test.c — numbers from text and back: against the C library and by round trips.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types/parse.h"

static uint64_t seed = 42;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static double f64_of_bits(uint64_t bits)
{
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static float f32_of_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Exactly sized on the heap, so that a sanitizer sees a read past the text. */
static wr_text exact(const char *bytes)
{
    static char *copy;
    size_t       byte_count = strlen(bytes);

    free(copy);
    copy = malloc(byte_count ? byte_count : 1);
    memcpy(copy, bytes, byte_count);
    return (wr_text){copy, byte_count};
}

static void integers(void **state)
{
    static const char *const BAD[] = {"",
                                      "-",
                                      "+",
                                      "a",
                                      "1a",
                                      "a1",
                                      "12345678a",
                                      "1234567a",
                                      "a2345678",
                                      "1 ",
                                      " 1",
                                      "--1",
                                      "1.0",
                                      "0x1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "1234567\n",
                                      "184467440737095516150",
                                      "123456789012345678901234567890",
                                      "0000000000000000000000000a",
                                      "1/",
                                      "1:",
                                      "\xb1"};
    int64_t x = 77;

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_false(wr_parse_i64(exact(BAD[i]), &x));
    assert_true(x == 77);
    assert_false(wr_parse_i64((wr_text){NULL, 0}, &x));
    assert_true(wr_parse_i64(exact("-9223372036854775808"), &x) && x == INT64_MIN);
    assert_true(wr_parse_i64(exact("9223372036854775807"), &x) && x == INT64_MAX);
    assert_true(wr_parse_i64(exact("+7"), &x) && x == 7);
    assert_true(wr_parse_i64(exact("-0"), &x) && x == 0);
    assert_true(wr_parse_i64(exact("00000000000000000000000012"), &x) && x == 12);
    assert_true(wr_parse_i64(exact("-00000000009223372036854775808"), &x) && x == INT64_MIN);
}

static void unsigned_integers(void **state)
{
    uint64_t x = 77;

    (void)state;
    assert_true(wr_parse_u64(exact("18446744073709551615"), &x) && x == UINT64_MAX);
    assert_false(wr_parse_u64(exact("18446744073709551616"), &x));
    assert_false(wr_parse_u64(exact("20000000000000000000"), &x));
    assert_false(wr_parse_u64(exact("-1"), &x));
    assert_false(wr_parse_u64(exact(""), &x));
    assert_false(wr_parse_u64(exact("+"), &x));
}

static void integers_round_trip(void **state)
{
    char buffer[WR_FORMAT_BYTES_MAX], wanted[32];

    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = next_random() >> (next_random() % 64);
        int64_t  x = (int64_t)(i % 2 ? bits : -bits), back;
        uint64_t unsigned_back;

        snprintf(wanted, sizeof wanted, "%lld", (long long)x);
        buffer[wr_format_i64(x, buffer)] = '\0';
        assert_string_equal(buffer, wanted);
        assert_true(wr_parse_i64(exact(buffer), &back) && back == x);
        buffer[wr_format_u64(bits, buffer)] = '\0';
        assert_true(wr_parse_u64(exact(buffer), &unsigned_back) && unsigned_back == bits);
    }
    for (uint64_t power = 1; power < UINT64_MAX / 10; power *= 10) {
        for (int d = -1; d <= 1; d++) {
            snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)(power + (uint64_t)d));
            buffer[wr_format_u64(power + (uint64_t)d, buffer)] = '\0';
            assert_string_equal(buffer, wanted);
        }
    }
}

static void check_f64(const char *text)
{
    double wanted = strtod(text, NULL), found;

    if (isinf(wanted)) {
        assert_false(wr_parse_f64(exact(text), &found));
        return;
    }
    assert_true(wr_parse_f64(exact(text), &found));
    if (memcmp(&wanted, &found, sizeof wanted) != 0)
        fail_msg("%s: %a, not %a", text, found, wanted);
}

static void check_f32(const char *text)
{
    float wanted = strtof(text, NULL), found;

    if (isinf(wanted)) {
        assert_false(wr_parse_f32(exact(text), &found));
        return;
    }
    assert_true(wr_parse_f32(exact(text), &found));
    if (memcmp(&wanted, &found, sizeof wanted) != 0)
        fail_msg("%s: %a, not %a", text, (double)found, (double)wanted);
}

static void floats_that_are_hard(void **state)
{
    static const char *const GOOD[] = {
        "0",
        "-0",
        "0.0",
        ".5",
        "5.",
        "1e0",
        "1E5",
        "1e+5",
        "1e-5",
        "-1.5e3",
        "00001.25",
        "1e22",
        "1e23",
        "9007199254740993",
        "9007199254740993.0",
        "9007199254740992.5",
        "90071992547409930e-1",
        "9007199254740993.00000000000000000000001",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.47032822920623272088284396434110686182529901307162382212792841250"
        "337753635104375932649918180817996189898282347722858865463328355177969898199387398005390939"
        "06315"
        "03565951557022639229085839244910518443593180284993653615250031937045767824e-324",
        "1e-400",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e309",
        "1e400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "0e999999999999999",
        "1e00000000000000005",
        "123456789012345678901234567890",
        "0.000000000000000000000000000000123456789012345678901234567",
        "1234567890123456789.5e-10",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999999999999e-38",
        "1.00000005960464477539062500",
        "16777217",
        "1.00000005960464477539062501",
        "3.4028235677973366e38",
        "3.4028234e38",
        "1.4e-45",
        "7e-46",
        "100000000000000000000000000000000000000000000000000000000000000000000000000000000e-70"};

    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        check_f64(GOOD[i]);
        check_f32(GOOD[i]);
    }
}

static void floats_that_are_none(void **state)
{
    static const char *const BAD[] = {"",      ".",     "-",   "+",  "e5",    "1e",   "1e+",
                                      "1e5x",  "1.2.3", "1 ",  " 1", "0x10",  "1f",   "--1",
                                      "1e5.5", ".e1",   "1,5", "in", "infin", "nanx", "1_0"};
    double x;
    float  y;

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_false(wr_parse_f64(exact(BAD[i]), &x));
        assert_false(wr_parse_f32(exact(BAD[i]), &y));
    }
    assert_true(wr_parse_f64(exact("-Infinity"), &x) && isinf(x) && x < 0);
    assert_true(wr_parse_f64(exact("+inf"), &x) && isinf(x) && x > 0);
    assert_true(wr_parse_f64(exact("NaN"), &x) && isnan(x));
    assert_true(wr_parse_f32(exact("-inf"), &y) && isinf(y) && y < 0);
}

static void floats_like_the_c_library(void **state)
{
    char text[1200];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        double x = f64_of_bits(next_random());
        int    digit_count = (int)(next_random() % 30);

        if (!isfinite(x))
            continue;
        snprintf(text, sizeof text, "%.*e", digit_count, x);
        check_f64(text);
        snprintf(text, sizeof text, "%.*e", digit_count,
                 (double)f32_of_bits((uint32_t)next_random()));
        if (text[0] != 'n' && text[1] != 'n' && text[0] != 'i' && text[1] != 'i')
            check_f32(text);
        snprintf(text, sizeof text, "%llu.%lluE%d", (unsigned long long)(next_random() >> (i % 64)),
                 (unsigned long long)(next_random() >> (i / 64 % 64)),
                 (int)(next_random() % 60) - 30);
        check_f64(text);
        check_f32(text);
    }
}

/* Exactly half-way between two neighbours, and the last digit changed by one. */
static void floats_half_way(void **state)
{
    char text[1200];

    (void)state;
    for (int i = 0; i < 3000; i++) {
        uint64_t    bits = next_random() & INT64_MAX;
        double      x = f64_of_bits(bits), y = f64_of_bits(bits + 1);
        long double middle;
        size_t      byte_count;

        if (i % 3 == 0) { /* near 1, so that texts are short */
            x = f64_of_bits((bits >> 12) | 0x3ff0000000000000u);
            y = nextafter(x, 2);
        }
        if (!isfinite(x) || !isfinite(y))
            continue;
        middle = ((long double)x + (long double)y) / 2;
        snprintf(text, sizeof text, "%.780Le", middle);
        check_f64(text);
        byte_count = strcspn(text, "e");
        text[byte_count - 1] = '1';
        check_f64(text);
    }
}

static size_t shortest_by_ladder(double x, int is_f32)
{
    char text[64];

    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, x);
        if (is_f32 ? strtof(text, NULL) == (float)x : strtod(text, NULL) == x)
            return (size_t)precision + 1;
    }
    return 17;
}

static size_t significant_digits(const char *text)
{
    size_t first = strcspn(text, "123456789"), count = 0, zeros = 0;

    for (const char *p = text + first; *p && *p != 'e'; p++) {
        if (*p == '.')
            continue;
        zeros = *p == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

/* The significant digits alone. */
static void keep_digits(const char *text, char *out)
{
    size_t digit_count = significant_digits(text);

    for (const char *p = text + strcspn(text, "123456789"); digit_count; p++) {
        if (*p == '.')
            continue;
        *out++ = *p;
        digit_count--;
    }
    *out = '\0';
}

/* Reads back, is shortest, and is the nearest one of its length. */
static void check_shortest_f64(double x)
{
    char   text[WR_FORMAT_BYTES_MAX + 1], rounded[64], digits[64], nearest[64];
    double back;
    size_t digit_count;

    text[wr_format_f64(x, text)] = '\0';
    back = strtod(text, NULL);
    if (memcmp(&back, &x, sizeof x) != 0)
        fail_msg("%s is not %a", text, x);
    if (x == 0)
        return;
    digit_count = significant_digits(text);
    assert_true(digit_count <= shortest_by_ladder(x, 0)); /* the ladder misses lopsided intervals */
    snprintf(rounded, sizeof rounded, "%.*e", (int)digit_count - 1, x);
    keep_digits(text, digits);
    keep_digits(rounded, nearest);
    if (strtod(rounded, NULL) == x)
        assert_string_equal(digits, nearest);
}

static void floats_print_shortest(void **state)
{
    (void)state;
    for (int i = 0; i < 60000; i++) {
        double x = f64_of_bits(next_random());

        if (isfinite(x))
            check_shortest_f64(x);
        check_shortest_f64((double)(int64_t)next_random() / 100);
        check_shortest_f64((double)(next_random() % 1000000) / 1000);
    }
    for (int e = 0; e < 2047; e++) { /* first and last of every binade */
        check_shortest_f64(f64_of_bits((uint64_t)e << 52));
        check_shortest_f64(f64_of_bits(((uint64_t)e << 52) + 1));
        check_shortest_f64(f64_of_bits(((uint64_t)(e + 1) << 52) - 1));
    }
}

static void floats32_print_shortest(void **state)
{
    char text[WR_FORMAT_BYTES_MAX + 1];

    (void)state;
    for (int i = 0; i < 200000; i++) {
        float x = f32_of_bits(i < 510 ? (uint32_t)i << 22 : (uint32_t)next_random()), back;

        if (!isfinite(x))
            continue;
        text[wr_format_f32(x, text)] = '\0';
        back = strtof(text, NULL);
        if (memcmp(&back, &x, sizeof x) != 0)
            fail_msg("%s is not %a", text, (double)x);
        if (x != 0)
            assert_true(significant_digits(text) <= shortest_by_ladder((double)x, 1));
        assert_true(wr_parse_f32(exact(text), &back));
        assert_memory_equal(&back, &x, sizeof x);
    }
}

static void floats_look_like_postgresql(void **state)
{
    static const struct {
        double      x;
        const char *text;
    } CASES[] = {{0, "0"},
                 {-0.0, "-0"},
                 {1, "1"},
                 {1.5, "1.5"},
                 {-1.5, "-1.5"},
                 {0.1, "0.1"},
                 {0.0001, "0.0001"},
                 {0.00001, "1e-05"},
                 {0.000012345, "1.2345e-05"},
                 {100000000000000, "100000000000000"},
                 {1e15, "1e+15"},
                 {1e20, "1e+20"},
                 {123456789012345680, "1.2345678901234568e+17"},
                 {0.3, "0.3"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1e100, "1e+100"},
                 {5e-324, "5e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {9007199254740992, "9.007199254740992e+15"},
                 {123456.789, "123456.789"},
                 {2.5e-5, "2.5e-05"},
                 {123456789012345.6, "123456789012345.6"}};
    char text[WR_FORMAT_BYTES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        text[wr_format_f64(CASES[i].x, text)] = '\0';
        assert_string_equal(text, CASES[i].text);
    }
    text[wr_format_f64(NAN, text)] = '\0';
    assert_string_equal(text, "NaN");
    text[wr_format_f64(-INFINITY, text)] = '\0';
    assert_string_equal(text, "-Infinity");
    text[wr_format_f32(1234567.0f, text)] = '\0';
    assert_string_equal(text, "1.234567e+06");
    text[wr_format_f32(0.1f, text)] = '\0';
    assert_string_equal(text, "0.1");
    text[wr_format_f32(16777216.0f, text)] = '\0';
    assert_string_equal(text, "1.6777216e+07");
}

static void booleans_and_bytes(void **state)
{
    bool    x;
    uint8_t bytes[8];
    size_t  byte_count;

    (void)state;
    assert_true(wr_parse_bool(exact("TRUE"), &x) && x);
    assert_true(wr_parse_bool(exact("Off"), &x) && !x);
    assert_true(wr_parse_bool(exact("1"), &x) && x);
    assert_false(wr_parse_bool(exact(""), &x));
    assert_false(wr_parse_bool(exact("truee"), &x));
    assert_true(wr_parse_binary_hex(exact("\\x00fFa1"), bytes, &byte_count));
    assert_int_equal(byte_count, 3);
    assert_memory_equal(bytes, "\x00\xff\xa1", 3);
    assert_true(wr_parse_binary_hex(exact("\\x"), bytes, &byte_count) && byte_count == 0);
    assert_false(wr_parse_binary_hex(exact("\\x0"), bytes, &byte_count));
    assert_false(wr_parse_binary_hex(exact("\\xgg"), bytes, &byte_count));
    assert_false(wr_parse_binary_hex(exact("00"), bytes, &byte_count));
}

static void uuids(void **state)
{
    static const char TEXT[] = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    wr_i128 x, y;
    char    text[WR_FORMAT_BYTES_MAX + 1];

    (void)state;
    assert_true(wr_parse_uuid(exact(TEXT), &x));
    text[wr_format_uuid(x, text)] = '\0';
    assert_string_equal(text, TEXT);
    assert_true(wr_parse_uuid(exact("{A0EEBC999C0B4EF8BB6D6BB9BD380A11}"), &y) && x == y);
    assert_true(wr_parse_uuid(exact("a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11"), &y) && x == y);
    assert_false(wr_parse_uuid(exact("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1"), &y));
    assert_false(wr_parse_uuid(exact("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a112"), &y));
    assert_false(wr_parse_uuid(exact("a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11"), &y));
    assert_false(wr_parse_uuid(exact("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1-1"), &y));
    assert_true(wr_parse_uuid(exact("00000000-0000-0000-0000-000000000000"), &x));
    assert_true(wr_parse_uuid(exact("ffffffff-0000-0000-0000-000000000000"), &y) && x < y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(unsigned_integers),
        cmocka_unit_test(integers_round_trip),
        cmocka_unit_test(floats_that_are_hard),
        cmocka_unit_test(floats_that_are_none),
        cmocka_unit_test(floats_like_the_c_library),
        cmocka_unit_test(floats_half_way),
        cmocka_unit_test(floats_print_shortest),
        cmocka_unit_test(floats32_print_shortest),
        cmocka_unit_test(floats_look_like_postgresql),
        cmocka_unit_test(booleans_and_bytes),
        cmocka_unit_test(uuids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
