/* types/parse_time_test.c — dates, times, timestamps, intervals and patterns, both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "types/parse.h"
#include "types/zone.h"

enum { DAY_S = 86400 };

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

/* Counted day by day from 1970-01-01 in both directions. */
static void civil_calendar(void **state)
{
    int32_t year = 1970;
    int32_t day_count = 0;

    (void)state;
    for (; year < 2500; year++) {
        for (uint32_t month = 1; month <= 12; month++) {
            for (uint32_t day = 1; wr_civil_is_valid(year, month, day); day++) {
                int32_t  y;
                uint32_t m, d;

                assert_int_equal(wr_days_from_civil(year, month, day), day_count);
                wr_civil_from_days(day_count, &y, &m, &d);
                assert_true(y == year && m == month && d == day);
                day_count++;
            }
        }
    }
    for (int32_t days = -3000000; days < 0; days += 97) {
        int32_t  y;
        uint32_t m, d;

        wr_civil_from_days(days, &y, &m, &d);
        assert_true(wr_civil_is_valid(y, m, d));
        assert_int_equal(wr_days_from_civil(y, m, d), days);
    }
    assert_true(wr_civil_is_valid(2000, 2, 29) && !wr_civil_is_valid(1900, 2, 29));
    assert_false(wr_civil_is_valid(2001, 13, 1) || wr_civil_is_valid(2001, 4, 31) ||
                 wr_civil_is_valid(2001, 0, 1) || wr_civil_is_valid(2001, 1, 0));
}

static void dates(void **state)
{
    static const struct {
        const char *text, *canonical;
    } GOOD[] = {{"1970-01-01", "1970-01-01"},       {"2026-01-31", "2026-01-31"},
                {"20260131", "2026-01-31"},         {"2026/01/31", "2026-01-31"},
                {"2026-1-5", "2026-01-05"},         {"2026/1/5", "2026-01-05"},
                {"0000-01-01", "0000-01-01"},       {"-4712-01-01", "-4712-01-01"},
                {"-0044-03-15", "-0044-03-15"},     {"12026-01-31", "12026-01-31"},
                {"5874897-12-31", "5874897-12-31"}, {"2000-02-29", "2000-02-29"}};
    static const char *const BAD[] = {
        "",           "2026",        "2026-01",     "2026-02-29",  "2026-13-01",
        "2026-00-01", "2026-01-32",  "2026-01-00",  "2026-01/31",  "2026-01-311",
        "26-01-31",   "2026-01-31 ", " 2026-01-31", "-4713-01-01", "9999999-01-01",
        "2026-01-3x", "2026013",     "202601310",   "2026.01.31",  "abcdefgh"};
    char    text[WR_FORMAT_BYTES_MAX + 1];
    int32_t days = 5;

    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        if (!wr_parse_date(exact(GOOD[i].text), &days))
            fail_msg("%s", GOOD[i].text);
        text[wr_format_date(days, text)] = '\0';
        assert_string_equal(text, GOOD[i].canonical);
    }
    days = 5;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (wr_parse_date(exact(BAD[i]), &days))
            fail_msg("%s", BAD[i]);
    assert_int_equal(days, 5);
    text[wr_format_date(INT32_MAX, text)] = '\0';
    assert_string_equal(text, "5881580-07-11");
    text[wr_format_date(INT32_MIN, text)] = '\0';
    assert_string_equal(text, "-5877641-06-23");
}

static void times(void **state)
{
    static const struct {
        const char  *text;
        wr_time_unit unit;
        const char  *canonical;
    } GOOD[] = {{"12:34", WR_UNIT_US, "12:34:00"},
                {"12:34:56", WR_UNIT_S, "12:34:56"},
                {"12:34:56.789", WR_UNIT_US, "12:34:56.789"},
                {"1:02:03", WR_UNIT_MS, "01:02:03"},
                {"12:34:56.7899", WR_UNIT_MS, "12:34:56.79"},
                {"123456", WR_UNIT_S, "12:34:56"},
                {"12:34:56.123456789", WR_UNIT_NS, "12:34:56.123456789"},
                {"12:34:56.9999999", WR_UNIT_US, "12:34:57"},
                {"24:00:00", WR_UNIT_US, "24:00:00"},
                {"23:59:59.9999999999", WR_UNIT_NS, "24:00:00"},
                {"00:00:00", WR_UNIT_NS, "00:00:00"},
                {"12:34:56.0000000004", WR_UNIT_NS, "12:34:56"}};
    static const char *const BAD[] = {"",          "12",       "12:",       "12:60",  "25:00",
                                      "24:00:01",  "12:34:61", "12:34:56.", "12:3:4", "12:34:5",
                                      "12:34:56x", "-1:00",    "12345",     "123:00"};
    char    text[WR_FORMAT_BYTES_MAX + 1];
    int64_t x;

    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        if (!wr_parse_time(exact(GOOD[i].text), GOOD[i].unit, &x))
            fail_msg("%s", GOOD[i].text);
        text[wr_format_time(x, GOOD[i].unit, text)] = '\0';
        assert_string_equal(text, GOOD[i].canonical);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (wr_parse_time(exact(BAD[i]), WR_UNIT_US, &x))
            fail_msg("%s", BAD[i]);
    wr_format_time(INT64_MIN, WR_UNIT_NS, text);
    wr_format_time(INT64_MAX, WR_UNIT_S, text);
}

static void timestamps(void **state)
{
    static const struct {
        const char  *text;
        wr_time_unit unit;
        uint32_t     zone;
        const char  *canonical;
    } GOOD[] = {{"2026-01-31", WR_UNIT_US, 0, "2026-01-31 00:00:00"},
                {"2026-01-31 12:00:00", WR_UNIT_US, 0, "2026-01-31 12:00:00"},
                {"2026-01-31T12:00:00.5", WR_UNIT_US, 0, "2026-01-31 12:00:00.5"},
                {"2026-01-31T12:00:00Z", WR_UNIT_US, 1, "2026-01-31 12:00:00+00"},
                {"2026-01-31 12:00:00+01:00", WR_UNIT_US, 1, "2026-01-31 11:00:00+00"},
                {"2026-01-31 12:00:00 -0530", WR_UNIT_US, 0, "2026-01-31 17:30:00"},
                {"2026-01-31 12:00 UTC", WR_UNIT_S, 0, "2026-01-31 12:00:00"},
                {"2026-01-31T00:30:00+02", WR_UNIT_S, 0, "2026-01-30 22:30:00"},
                {"1969-12-31 23:59:59.999", WR_UNIT_MS, 0, "1969-12-31 23:59:59.999"},
                {"20260131T120000", WR_UNIT_S, 0, "2026-01-31 12:00:00"},
                {"2026/1/5 1:02", WR_UNIT_S, 0, "2026-01-05 01:02:00"},
                {"2026-01-31 24:00:00", WR_UNIT_S, 0, "2026-02-01 00:00:00"},
                {"2016-12-31 23:59:60", WR_UNIT_S, 0, "2017-01-01 00:00:00"},
                {"2026-12-31 23:59:59.9999999", WR_UNIT_US, 0, "2027-01-01 00:00:00"}};
    static const char *const BAD[] = {"",
                                      "2026-01-31T",
                                      "2026-01-31 25:00",
                                      "2026-01-31 12",
                                      "2026-01-31x",
                                      "2026-01-31 12:00:00+",
                                      "2026-01-31 12:00:00+25",
                                      "12:00:00",
                                      "2026-01-31 12:00:00 Nowhere/City",
                                      "2026-01-31 12:00:00+01:00x",
                                      "2026-01-31 12:00:00Z Z",
                                      "2026-02-30 00:00:00"};
    char    text[WR_FORMAT_BYTES_MAX + 1];
    int64_t x;

    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        if (!wr_parse_timestamp(exact(GOOD[i].text), GOOD[i].unit, GOOD[i].zone, &x))
            fail_msg("%s", GOOD[i].text);
        text[wr_format_timestamp(x, GOOD[i].unit, GOOD[i].zone, text)] = '\0';
        assert_string_equal(text, GOOD[i].canonical);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (wr_parse_timestamp(exact(BAD[i]), WR_UNIT_US, 0, &x))
            fail_msg("%s", BAD[i]);
    assert_true(wr_parse_timestamp(exact("2262-04-11 23:47:16.854775807"), WR_UNIT_NS, 0, &x) &&
                x == INT64_MAX);
    assert_false(wr_parse_timestamp(exact("2262-04-11 23:47:16.854775808"), WR_UNIT_NS, 0, &x));
    assert_true(wr_format_timestamp(INT64_MAX, WR_UNIT_S, 1, text) <= WR_FORMAT_BYTES_MAX);
    assert_true(wr_format_timestamp(INT64_MIN, WR_UNIT_S, 1, text) <= WR_FORMAT_BYTES_MAX);
    text[wr_format_timestamp(INT64_MIN, WR_UNIT_NS, 0, text)] = '\0';
    assert_string_equal(text, "1677-09-21 00:12:43.145224192");
    assert_true(wr_parse_timestamp(exact(text), WR_UNIT_NS, 0, &x) && x == INT64_MIN);
    assert_true(wr_parse_timestamp(exact("1677-09-21 00:12:43.9"), WR_UNIT_NS, 0, &x) && x < 0);
    assert_false(wr_parse_timestamp(exact("1677-09-21 00:12:43.145224191"), WR_UNIT_NS, 0, &x));
}

static void timestamps_in_a_zone(void **state)
{
    char     text[WR_FORMAT_BYTES_MAX + 1];
    int64_t  x;
    uint32_t india;

    (void)state;
    assert_int_equal(wr_zone_find(WR_TEXT("+05:30"), &india, NULL), WR_OK);
    assert_true(wr_parse_timestamp(exact("2026-01-31 12:00:00"), WR_UNIT_S, india, &x));
    text[wr_format_timestamp(x, WR_UNIT_S, india, text)] = '\0';
    assert_string_equal(text, "2026-01-31 12:00:00+05:30");
    text[wr_format_timestamp(x, WR_UNIT_S, 1, text)] = '\0';
    assert_string_equal(text, "2026-01-31 06:30:00+00");
    assert_true(wr_parse_timestamp(exact("2026-01-31 12:00:00Z"), WR_UNIT_S, india, &x));
    text[wr_format_timestamp(x, WR_UNIT_S, 0, text)] = '\0';
    assert_string_equal(text, "2026-01-31 12:00:00");
}

static void intervals(void **state)
{
    static const struct {
        const char *text, *canonical;
    } GOOD[] = {{"1 year 2 mons 3 days 04:05:06", "1 year 2 mons 3 days 04:05:06"},
                {"P1Y2M3DT4H5M6S", "1 year 2 mons 3 days 04:05:06"},
                {"90 minutes", "01:30:00"},
                {"-1.5 hours", "-01:30:00"},
                {"1 day ago", "-1 days"},
                {"PT0S", "00:00:00"},
                {"1.5 months", "1 mon 15 days"},
                {"1.5 years", "1 year 6 mons"},
                {"1.5 weeks", "10 days 12:00:00"},
                {"1 week", "7 days"},
                {"1.5 days", "1 day 12:00:00"},
                {"2 quarters", "6 mons"},
                {"-1 year +2 days", "-1 years +2 days"},
                {"-1 mon 02:00:00", "-1 mons +02:00:00"},
                {"1 century", "100 years"},
                {"3 us", "00:00:00.000003"},
                {"1.5ms", "00:00:00.0015"},
                {"100:00:00", "100:00:00"},
                {"-00:00:01.5", "-00:00:01.5"},
                {"P1W", "7 days"},
                {"P0.5D", "12:00:00"},
                {"pt36h", "36:00:00"},
                {"  5 s  ", "00:00:05"},
                {"1 Day 1 HOUR", "1 day 01:00:00"},
                {"01:30", "01:30:00"},
                {".5 s", "00:00:00.5"},
                {"-0.5 days", "-12:00:00"}};
    static const char *const BAD[] = {"",
                                      "P",
                                      "PT",
                                      "P1",
                                      "1",
                                      "1 parsec",
                                      "year",
                                      "1 year 2",
                                      "P1S",
                                      "PT1Y",
                                      "P1M1Y",
                                      "--1 day",
                                      "1e5 days",
                                      "99999999999 years",
                                      "- day",
                                      ". day",
                                      "1 day ago x",
                                      "3000000000 days",
                                      "04:60:00"};
    char        text[WR_FORMAT_BYTES_MAX + 1];
    wr_interval x;

    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        if (!wr_parse_interval(exact(GOOD[i].text), &x))
            fail_msg("%s", GOOD[i].text);
        text[wr_format_interval(x, text)] = '\0';
        assert_string_equal(text, GOOD[i].canonical);
        wr_interval back = {0};
        assert_true(wr_parse_interval(exact(text), &back));
        assert_memory_equal(&back, &x, sizeof x);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (wr_parse_interval(exact(BAD[i]), &x))
            fail_msg("%s", BAD[i]);
    x = (wr_interval){INT32_MIN, INT32_MIN, INT64_MIN};
    text[wr_format_interval(x, text)] = '\0';
    assert_string_equal(text, "-178956970 years -8 mons -2147483648 days -2562047788:00:54.775808");
}

static void patterns_read(void **state)
{
    static const struct {
        const char *text, *format, *canonical;
    } GOOD[] = {
        {"31.01.2026", "%d.%m.%Y", "2026-01-31 00:00:00"},
        {"10/Oct/2000:13:55:36 -0700", "%d/%b/%Y:%H:%M:%S %z", "2000-10-10 20:55:36"},
        {"Tue, 15 Nov 1994 08:12:31 GMT", "%a, %d %b %Y %H:%M:%S %Z", "1994-11-15 08:12:31"},
        {"1/5/26 3:04 PM", "%m/%d/%y %I:%M %p", "2026-01-05 15:04:00"},
        {"1/5/26 12:04 am", "%D %I:%M %p", "2026-01-05 00:04:00"},
        {"2024-366", "%Y-%j", "2024-12-31 00:00:00"},
        {"1700000000", "%s", "2023-11-14 22:13:20"},
        {"2026-01-31 12:34:56.5", "%F %T.%f", "2026-01-31 12:34:56.5"},
        {"September 5 1970", "%B %e %Y", "1970-09-05 00:00:00"},
        {"100%", "%j%%", "1970-04-10 00:00:00"},
        {"20260131", "%Y%m%d", "2026-01-31 00:00:00"},
        {"2026-01-31 00:30+01:00", "%F %R%z", "2026-01-30 23:30:00"},
        {"1969-12-31 23:59:59.9999999999", "%F %T.%f", "1970-01-01 00:00:00"},
        {"5-3-99", "%-d-%-m-%y", "1999-03-05 00:00:00"}};
    static const struct {
        const char *text, *format;
    } BAD[] = {{"31.02.2026", "%d.%m.%Y"},
               {"2023-366", "%Y-%j"},
               {"2026", "%Y-"},
               {"2026x", "%Y"},
               {"13", "%m"},
               {"25", "%H"},
               {"13", "%I"},
               {"", "%d"},
               {"1", "%q"},
               {"1", "%"},
               {"Foo", "%b"},
               {"2026", "%Y%"},
               {"12 xm", "%I %p"},
               {"x", "%Z"},
               {"2026-01-31 24:01", "%F %R"}};
    char    text[2 * WR_FORMAT_BYTES_MAX];
    int32_t days;
    int64_t day_ns;
    bool    has_time;

    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        if (!wr_parse_by_format(exact(GOOD[i].text), wr_text_of(GOOD[i].format), &days, &day_ns,
                                &has_time))
            fail_msg("%s by %s", GOOD[i].text, GOOD[i].format);
        text[wr_format_timestamp(days * (int64_t)DAY_S * 1000000000 + day_ns, WR_UNIT_NS, 0,
                                 text)] = '\0';
        assert_string_equal(text, GOOD[i].canonical);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (wr_parse_by_format(exact(BAD[i].text), wr_text_of(BAD[i].format), &days, &day_ns,
                               &has_time))
            fail_msg("%s by %s", BAD[i].text, BAD[i].format);
    assert_true(
        wr_parse_by_format(exact("1.2.2026"), WR_TEXT("%d.%m.%Y"), &days, &day_ns, &has_time) &&
        !has_time);
}

static void patterns_write(void **state)
{
    static const char FORMAT[] =
        "%Y-%m-%d %H:%M:%S.%f|%y|%b|%B|%a|%A|%j|%I|%p|%z|%Z|%e|%-d|%T|%D|%F|%s|%%|%q";
    char    text[256];
    int32_t days = wr_days_from_civil(2026, 3, 5);
    int64_t day_ns = (int64_t)(15 * 3600 + 4 * 60 + 5) * 1000000000 + 6000;
    size_t  byte_count;

    (void)state;
    byte_count = wr_format_by_format(day_ns, days, 3600, wr_text_of(FORMAT), text, sizeof text);
    text[byte_count] = '\0';
    assert_string_equal(
        text, "2026-03-05 15:04:05.000006|26|Mar|March|Thu|Thursday|064|03|PM|+0100|+0100| 5|5|"
              "15:04:05|03/05/26|2026-03-05|1772719445|%|%q");
    for (size_t max = 0; max < byte_count; max++) {
        char cut[256];

        assert_int_equal(wr_format_by_format(day_ns, days, 3600, wr_text_of(FORMAT), cut, max),
                         max);
        assert_memory_equal(cut, text, max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(civil_calendar),       cmocka_unit_test(dates),
        cmocka_unit_test(times),                cmocka_unit_test(timestamps),
        cmocka_unit_test(timestamps_in_a_zone), cmocka_unit_test(intervals),
        cmocka_unit_test(patterns_read),        cmocka_unit_test(patterns_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
