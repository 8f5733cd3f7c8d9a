/* types/parse_random_test.c — texts made of the right bytes in the wrong order: whatever a parser
 * takes, its canonical text reads back to the same value. Texts end where their memory ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "types/parse.h"

enum { ROUNDS = 300000, TEXT_BYTES_MAX = 28 };

static uint64_t seed = 99;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Either bytes of an alphabet, or a valid text with some bytes changed. */
static wr_text random_text(const char *alphabet, const char *const *seeds, size_t seed_count)
{
    static char *copy;
    size_t       alphabet_bytes = strlen(alphabet), byte_count = next_random() % TEXT_BYTES_MAX;
    const char  *from = seeds[next_random() % seed_count];
    bool         change = next_random() % 4 != 0;

    if (change)
        byte_count = strlen(from);
    if (change && byte_count && next_random() % 4 == 0)
        byte_count--;
    free(copy);
    copy = malloc(byte_count ? byte_count : 1);
    for (size_t i = 0; i < byte_count; i++)
        copy[i] = change && next_random() % 8 ? from[i] : alphabet[next_random() % alphabet_bytes];
    return (wr_text){copy, byte_count};
}

static void numbers(void **state)
{
    static const char *const SEEDS[] = {"12345.678", "-1.5e-300", "9223372036854775807", "0.1",
                                        "18446744073709551615", "1e23", "123456789012345678.9"};
    char     out[WR_FORMAT_BYTES_MAX];
    int64_t  i64, i64_back;
    uint64_t u64, u64_back;
    double   f64, f64_back;
    float    f32, f32_back;
    wr_i128  i128, i128_back;
    long     taken = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        wr_text text = random_text("0123456789.-+eE ", SEEDS, sizeof SEEDS / sizeof SEEDS[0]);

        if (wr_parse_i64(text, &i64))
            assert_true(wr_parse_i64((wr_text){out, wr_format_i64(i64, out)}, &i64_back) &&
                        i64 == i64_back);
        if (wr_parse_u64(text, &u64))
            assert_true(wr_parse_u64((wr_text){out, wr_format_u64(u64, out)}, &u64_back) &&
                        u64 == u64_back);
        if (wr_parse_f64(text, &f64)) {
            assert_true(wr_parse_f64((wr_text){out, wr_format_f64(f64, out)}, &f64_back) &&
                        f64 == f64_back);
            taken++;
        }
        if (wr_parse_f32(text, &f32))
            assert_true(wr_parse_f32((wr_text){out, wr_format_f32(f32, out)}, &f32_back) &&
                        f32 == f32_back);
        if (wr_parse_decimal(text, 38, 6, &i128))
            assert_true(wr_parse_decimal((wr_text){out, wr_format_decimal(i128, 6, out)}, 38, 6,
                                         &i128_back) &&
                        i128 == i128_back);
    }
    assert_true(taken > ROUNDS / 100);
}

static void dates_and_times(void **state)
{
    static const char *const SEEDS[] = {"2026-01-31", "2026-01-31 12:34:56",
                                        "2026-01-31T12:34:56.789+01:00", "20260131T123456Z",
                                        "12:34:56.789012", "2026/1/5 1:02"};
    char    out[WR_FORMAT_BYTES_MAX];
    int32_t days, days_back;
    int64_t x, back;
    long    taken = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        wr_time_unit unit = (wr_time_unit)(i % 4);
        wr_text      text =
            random_text("0123456789-:./+TZ ", SEEDS, sizeof SEEDS / sizeof SEEDS[0]);

        if (wr_parse_date(text, &days))
            assert_true(wr_parse_date((wr_text){out, wr_format_date(days, out)}, &days_back) &&
                        days == days_back);
        if (wr_parse_time(text, unit, &x))
            assert_true(wr_parse_time((wr_text){out, wr_format_time(x, unit, out)}, unit, &back) &&
                        x == back);
        if (wr_parse_timestamp(text, unit, 1, &x)) {
            assert_true(wr_parse_timestamp((wr_text){out, wr_format_timestamp(x, unit, 1, out)},
                                           unit, 0, &back) &&
                        x == back);
            taken++;
        }
    }
    assert_true(taken > ROUNDS / 100);
}

static void intervals_and_others(void **state)
{
    static const char *const SEEDS[] = {"1 year 2 mons -3 days 04:05:06.7", "P1Y2M3DT4H5M6S",
                                        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "90 minutes ago"};
    char        out[WR_FORMAT_BYTES_MAX];
    uint8_t     bytes[64];
    size_t      byte_count;
    wr_interval x, x_back;
    wr_i128     i128, i128_back;
    long        taken = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        wr_text text = random_text("0123456789abcdefymdhsPT-+:. {}\\x", SEEDS,
                                   sizeof SEEDS / sizeof SEEDS[0]);

        if (wr_parse_interval(text, &x)) {
            assert_true(wr_parse_interval((wr_text){out, wr_format_interval(x, out)}, &x_back));
            assert_memory_equal(&x, &x_back, sizeof x);
            taken++;
        }
        if (wr_parse_uuid(text, &i128))
            assert_true(wr_parse_uuid((wr_text){out, wr_format_uuid(i128, out)}, &i128_back) &&
                        i128 == i128_back);
        wr_parse_binary_hex(text, bytes, &byte_count);
    }
    assert_true(taken > ROUNDS / 100);
}

static void patterns(void **state)
{
    static const char *const FORMATS[] = {"%Y-%m-%d %H:%M:%S", "%d/%b/%Y:%T %z", "%s.%f",
                                          "%j %y %p%I"};
    static const char *const SEEDS[] = {"2026-01-31 12:34:56", "10/Oct/2000:13:55:36 -0700",
                                        "1700000000.5", "031 26 PM11"};
    int32_t days;
    int64_t day_ns;
    bool    has_time;
    long    taken = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        wr_text text = random_text("0123456789-/: OctPM", SEEDS, sizeof SEEDS / sizeof SEEDS[0]);
        wr_text format = i % 2 ? wr_text_of(FORMATS[next_random() % 4])
                               : (wr_text){"%Y%m%d%H%M%S%f%y%b%p%I%z%Z%e%T%D%F%s%%%", 39};

        if (i % 2 == 0) { /* any part of a list of directives, cut anywhere */
            format.byte_count = next_random() % 12;
            format.bytes += next_random() % 27;
        }
        if (wr_parse_by_format(text, format, &days, &day_ns, &has_time)) {
            assert_true(day_ns >= 0 && day_ns < 86400000000000);
            taken++;
        }
    }
    assert_true(taken > ROUNDS / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(dates_and_times),
        cmocka_unit_test(intervals_and_others),
        cmocka_unit_test(patterns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
