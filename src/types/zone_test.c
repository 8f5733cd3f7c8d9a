/* types/zone_test.c — zones against the C library's reading of the same files, gaps and overlaps,
 * names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "types/parse.h"
#include "types/zone_priv.h"

static bool tzdata_is_missing(void)
{
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) == 0)
        return false;
    print_message("skipped: no tzdata in /usr/share/zoneinfo\n");
    return true;
}

static uint32_t zone_of(const char *name)
{
    wr_error err = {0};
    uint32_t index = 0;

    if (wr_zone_find(wr_text_of(name), &index, &err) != WR_OK)
        fail_msg("%s: %s", name, err.message);
    return index;
}

static int64_t second_of(const char *text)
{
    int64_t second = 0;

    assert_true(wr_parse_timestamp(wr_text_of(text), WR_UNIT_S, 0, &second));
    return second;
}

static void fixed_offsets(void **state)
{
    static const struct {
        const char *name, *canonical;
        int32_t     offset_s;
    } CASES[] = {{"UTC", "UTC", 0},
                 {"z", "UTC", 0},
                 {"+00:00", "UTC", 0},
                 {"-0", "UTC", 0},
                 {"+05:30", "+05:30", 19800},
                 {"+0530", "+05:30", 19800},
                 {"-03:00", "-03:00", -10800},
                 {"-3", "-03:00", -10800},
                 {"+23:59", "+23:59", 86340}};
    static const char *const BAD[] = {"",     "+",     "+24:00", "+01:60",   "+1:00",
                                      "+123", "+01:0", "01:00",  "+01:00:00"};
    uint32_t index = 99;

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        wr_text name = wr_zone_name(zone_of(CASES[i].name));

        assert_true(wr_text_equal(name, wr_text_of(CASES[i].canonical)));
        assert_int_equal(wr_zone_offset_at_utc(zone_of(CASES[i].name), 1000), CASES[i].offset_s);
        assert_true(wr_zone_local_to_utc(zone_of(CASES[i].name), 1000) == 1000 - CASES[i].offset_s);
    }
    assert_int_equal(zone_of("+0530"), zone_of("+05:30"));
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_equal(wr_zone_find(wr_text_of(BAD[i]), &index, NULL), WR_INVALID);
    assert_int_equal(index, 99);
    assert_int_equal(wr_zone_offset_at_utc(0, 5), 0);
    assert_int_equal(wr_zone_name(0).byte_count, 0);
    assert_int_equal(wr_zone_offset_at_utc(5000, 5), 0);
}

static void offsets_like_the_c_library(void **state)
{
    static const char *const NAMES[] = {
        "Europe/Berlin",     "America/New_York",  "Asia/Kolkata", "Australia/Lord_Howe",
        "Africa/Casablanca", "Europe/Dublin",     "America/Nuuk", "Asia/Gaza",
        "Pacific/Apia",      "America/Sao_Paulo", "Asia/Tehran",  "Antarctica/Troll"};
    uint64_t seed = 3;

    (void)state;
    if (tzdata_is_missing())
        skip();
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        uint32_t index = zone_of(NAMES[i]);

        setenv("TZ", NAMES[i], 1);
        tzset();
        for (int j = 0; j < 20000; j++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            time_t second = (time_t)(seed >> 31) % 10000000000 - 2500000000; /* 1890 .. 2207 */
            struct tm local;

            localtime_r(&second, &local);
            if (wr_zone_offset_at_utc(index, second) != local.tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", NAMES[i], (long long)second,
                         wr_zone_offset_at_utc(index, second), local.tm_gmtoff);
        }
    }
    wr_zone_offset_at_utc(zone_of("Europe/Berlin"), INT64_MAX);
    wr_zone_offset_at_utc(zone_of("Europe/Berlin"), INT64_MIN);
}

static void gaps_and_overlaps(void **state)
{
    static const struct {
        const char *zone, *local, *utc;
    } CASES[] = {
        {"Europe/Berlin", "2026-01-31 12:00:00", "2026-01-31 11:00:00"},
        {"Europe/Berlin", "2026-07-31 12:00:00", "2026-07-31 10:00:00"},
        {"Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29 00:59:59"},
        {"Europe/Berlin", "2026-03-29 02:30:00", "2026-03-29 01:30:00"}, /* becomes 03:30 */
        {"Europe/Berlin", "2026-03-29 03:00:00", "2026-03-29 01:00:00"},
        {"Europe/Berlin", "2026-10-25 01:59:59", "2026-10-24 23:59:59"},
        {"Europe/Berlin", "2026-10-25 02:30:00", "2026-10-25 01:30:00"}, /* the second 02:30 */
        {"Europe/Berlin", "2026-10-25 03:00:00", "2026-10-25 02:00:00"},
        {"Europe/Berlin", "2100-07-01 12:00:00", "2100-07-01 10:00:00"},
        {"America/New_York", "2026-03-08 02:30:00", "2026-03-08 07:30:00"},
        {"America/New_York", "2026-11-01 01:30:00", "2026-11-01 06:30:00"},
        {"Australia/Lord_Howe", "2026-01-15 12:00:00", "2026-01-15 01:00:00"},
        {"Asia/Kolkata", "2026-01-15 12:00:00", "2026-01-15 06:30:00"}};

    (void)state;
    if (tzdata_is_missing())
        skip();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t found = wr_zone_local_to_utc(zone_of(CASES[i].zone), second_of(CASES[i].local));

        if (found != second_of(CASES[i].utc))
            fail_msg("%s %s: %lld", CASES[i].zone, CASES[i].local, (long long)found);
    }
}

static void timestamps_with_names(void **state)
{
    char     text[WR_FORMAT_BYTES_MAX + 1];
    int64_t  x;
    uint32_t berlin;

    (void)state;
    if (tzdata_is_missing())
        skip();
    berlin = zone_of("europe/berlin"); /* found: the exact name was loaded before */
    assert_true(wr_parse_timestamp(WR_TEXT("2026-07-01 12:00:00"), WR_UNIT_S, berlin, &x));
    text[wr_format_timestamp(x, WR_UNIT_S, berlin, text)] = '\0';
    assert_string_equal(text, "2026-07-01 12:00:00+02");
    assert_true(
        wr_parse_timestamp(WR_TEXT("2026-07-01 12:00:00 America/New_York"), WR_UNIT_S, berlin, &x));
    text[wr_format_timestamp(x, WR_UNIT_S, berlin, text)] = '\0';
    assert_string_equal(text, "2026-07-01 18:00:00+02");
}

static void unknown_names(void **state)
{
    static const char *const BAD[] = {"Nowhere/City",    "../../etc/passwd", "/etc/passwd",
                                      "Europe",          "Europe/",          "tzdata.zi",
                                      "Europe/Berlin\n", "zone1970.tab"};
    wr_error err = {0};
    uint32_t index = 99;

    (void)state;
    if (tzdata_is_missing())
        skip();
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_not_equal(wr_zone_find(wr_text_of(BAD[i]), &index, &err), WR_OK);
    assert_int_equal(wr_zone_find(WR_TEXT("Europe/Berln"), &index, &err), WR_INVALID);
    assert_string_equal(err.message,
                        "unknown time zone 'Europe/Berln' (did you mean 'Europe/Berlin'?)");
    assert_int_equal(index, 99);
}

static void rules(void **state)
{
    static const char *const GOOD[] = {
        "CET-1CEST,M3.5.0,M10.5.0/3",    "<+03>-3",
        "EST5EDT,M3.2.0,M11.1.0",        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "IST-1GMT0,M10.5.0,M3.5.0/1",    "XXX3:30:15YYY,J60,300/25:30",
        "EET-2EEST,M3.4.4/50,M10.4.4/50"};
    static const char *const BAD[] = {"",
                                      "CET",
                                      "-1",
                                      "CET-1CEST",
                                      "CET-1CEST,M3.5.0",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M3.5.7,M10.5.0",
                                      "CET-200",
                                      "CET-1CEST,J0,J5",
                                      "CET-1CEST,366,5",
                                      "CET-1x",
                                      "<CET-1",
                                      "CET-1CEST,M3.5.0,M10.5.0/3x"};
    zone_rule rule;

    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++)
        if (!wr_zone_rule_parse(wr_text_of(GOOD[i]), &rule))
            fail_msg("%s", GOOD[i]);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (wr_zone_rule_parse(wr_text_of(BAD[i]), &rule))
            fail_msg("%s", BAD[i]);
    /* J60 is 1 March in every year, 60 (from 0) is 1 March or, in leap years, 29 February. */
    assert_true(wr_zone_rule_parse(WR_TEXT("A0B-1,J60/0,J61/0"), &rule));
    assert_int_equal(wr_zone_rule_offset(&rule, second_of("2024-03-01 12:00:00")), 3600);
    assert_int_equal(wr_zone_rule_offset(&rule, second_of("2023-03-01 12:00:00")), 3600);
    assert_int_equal(wr_zone_rule_offset(&rule, second_of("2024-02-29 12:00:00")), 0);
    assert_true(wr_zone_rule_parse(WR_TEXT("A0B-1,59/0,60/0"), &rule));
    assert_int_equal(wr_zone_rule_offset(&rule, second_of("2024-02-29 12:00:00")), 3600);
    assert_int_equal(wr_zone_rule_offset(&rule, second_of("2023-03-01 12:00:00")), 3600);
}

/* Runs last: it fills the table. */
static void too_many_zones(void **state)
{
    wr_error  err = {0};
    uint32_t  index;
    wr_status status = WR_OK;

    (void)state;
    for (int minutes = 1; minutes < 59 * 2 && status == WR_OK; minutes++) {
        char name[16];

        snprintf(name, sizeof name, "+%02d:%02d", 7 + minutes / 60, minutes % 60);
        status = wr_zone_find(wr_text_of(name), &index, &err);
    }
    assert_int_equal(status, WR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "too many time zones"));
    assert_int_equal(zone_of("UTC"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_offsets),     cmocka_unit_test(offsets_like_the_c_library),
        cmocka_unit_test(gaps_and_overlaps), cmocka_unit_test(timestamps_with_names),
        cmocka_unit_test(unknown_names),     cmocka_unit_test(rules),
        cmocka_unit_test(too_many_zones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
