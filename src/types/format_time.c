/* types/format_time.c — dates, times, timestamps and intervals to text, PostgreSQL's ISO layout. */
#include "types/format_priv.h"
#include "types/time_priv.h"
#include "types/zone.h"

static size_t put_date(int64_t year, uint32_t month, uint32_t day, char *out)
{
    char  *p = out;
    size_t digit_count;

    if (year < 0) {
        *p++ = '-';
        year = -year;
    }
    digit_count = year < 10000 ? 4 : count_digits((uint64_t)year);
    put_digits((uint64_t)year, digit_count, p);
    p += digit_count;
    p[0] = '-';
    put_2_digits(month, p + 1);
    p[3] = '-';
    put_2_digits(day, p + 4);
    return (size_t)(p + 6 - out);
}

size_t wr_format_date(int32_t days, char *out)
{
    int32_t  year;
    uint32_t month, day;

    wr_civil_from_days(days, &year, &month, &day);
    return put_date(year, month, day, out);
}

size_t wr_format_days(int64_t days, char *out)
{
    enum { CYCLE_DAYS = 146097, CYCLE_YEARS = 400 };
    int64_t  cycles;
    int32_t  year;
    uint32_t month, day;

    if (days == (int32_t)days)
        return wr_format_date((int32_t)days, out);
    cycles = floor_divide(days, CYCLE_DAYS);
    wr_civil_from_days((int32_t)(days - cycles * CYCLE_DAYS), &year, &month, &day);
    return put_date(year + cycles * CYCLE_YEARS, month, day, out);
}

/* ".5", nothing for zero; `digits` digits, trailing zeros dropped */
static size_t put_fraction(uint64_t fraction, size_t digit_count, char *out)
{
    if (fraction == 0)
        return 0;
    *out = '.';
    put_digits(fraction, digit_count, out + 1);
    while (out[digit_count] == '0')
        digit_count--;
    return digit_count + 1;
}

static const uint8_t UNIT_DIGITS[] = {0, 3, 6, 9};

/* Whole seconds, rounded down, and the rest in `unit`. Constant divisors are fast ones. */
static int64_t split_second(int64_t x, wr_time_unit unit, uint32_t *out_fraction)
{
    switch (unit) {
    case WR_UNIT_S:
        *out_fraction = 0;
        return x;
    case WR_UNIT_MS:
        *out_fraction = (uint32_t)floor_modulo(x, 1000);
        return floor_divide(x, 1000);
    case WR_UNIT_US:
        *out_fraction = (uint32_t)floor_modulo(x, 1000000);
        return floor_divide(x, 1000000);
    case WR_UNIT_NS:
        *out_fraction = (uint32_t)floor_modulo(x, 1000000000);
        return floor_divide(x, 1000000000);
    }
    WR_UNREACHABLE();
}

/* `second` of a day, 0 .. 86400 */
static size_t put_clock(uint32_t second, uint32_t fraction, wr_time_unit unit, char *out)
{
    put_2_digits(second / 3600, out);
    out[2] = ':';
    put_2_digits(second / 60 % 60, out + 3);
    out[5] = ':';
    put_2_digits(second % 60, out + 6);
    return 8 + put_fraction(fraction, UNIT_DIGITS[unit], out + 8);
}

size_t wr_format_time(int64_t x, wr_time_unit unit, char *out)
{
    uint32_t fraction;
    int64_t  second = split_second(x, unit, &fraction);

    if (second < 0 || second > DAY_S) /* not a time of day: shown within its day */
        second = floor_modulo(second, DAY_S);
    return put_clock((uint32_t)second, fraction, unit, out);
}

/* "+01", "+05:30", "-00:44:30" */
static size_t put_offset(int32_t offset_s, char *out)
{
    uint32_t magnitude = (uint32_t)(offset_s < 0 ? -offset_s : offset_s);
    char    *p = out;

    *p = offset_s < 0 ? '-' : '+';
    put_2_digits(magnitude / 3600, p + 1);
    p += 3;
    if (magnitude % 3600) {
        *p = ':';
        put_2_digits(magnitude / 60 % 60, p + 1);
        p += 3;
    }
    if (magnitude % 60) {
        *p = ':';
        put_2_digits(magnitude % 60, p + 1);
        p += 3;
    }
    return (size_t)(p - out);
}

size_t wr_format_timestamp(int64_t x, wr_time_unit unit, uint32_t zone, char *out)
{
    uint32_t fraction;
    int64_t  second = split_second(x, unit, &fraction), days;
    int32_t  offset_s = zone ? wr_zone_offset_at_utc(zone, second) : 0;
    size_t   byte_count;

    /* Days and the second of the day first: adding the offset to x itself could overflow. */
    days = floor_divide(second, DAY_S);
    second = floor_modulo(second, DAY_S) + offset_s;
    days += floor_divide(second, DAY_S);
    second = floor_modulo(second, DAY_S);
    byte_count = wr_format_days(days, out);
    out[byte_count++] = ' ';
    byte_count += put_clock((uint32_t)second, fraction, unit, out + byte_count);
    if (zone)
        byte_count += put_offset(offset_s, out + byte_count);
    return byte_count;
}

/* "-1 years": PostgreSQL writes a plus after a negative part, and one means exactly 1. */
static size_t put_part(int64_t x, const char *word, bool *after_negative, char *out, size_t used)
{
    char *p = out + used;

    if (x == 0)
        return used;
    if (used)
        *p++ = ' ';
    if (*after_negative && x > 0)
        *p++ = '+';
    p += wr_format_i64(x, p);
    *p++ = ' ';
    while (*word)
        *p++ = *word++;
    if (x != 1)
        *p++ = 's';
    *after_negative = x < 0;
    return (size_t)(p - out);
}

size_t wr_format_interval(wr_interval x, char *out)
{
    uint64_t us = x.us < 0 ? -(uint64_t)x.us : (uint64_t)x.us;
    uint64_t second = us / 1000000, hours = second / 3600;
    bool     after_negative = false;
    size_t   used = 0;

    used = put_part(x.months / 12, "year", &after_negative, out, used);
    used = put_part(x.months % 12, "mon", &after_negative, out, used);
    used = put_part(x.days, "day", &after_negative, out, used);
    if (us == 0 && used)
        return used;
    if (used)
        out[used++] = ' ';
    if (x.us < 0)
        out[used++] = '-';
    else if (after_negative)
        out[used++] = '+';
    if (hours < 100) {
        put_2_digits((uint32_t)hours, out + used);
        used += 2;
    } else {
        used += wr_format_u64(hours, out + used);
    }
    out[used] = ':';
    put_2_digits((uint32_t)(second / 60 % 60), out + used + 1);
    out[used + 3] = ':';
    put_2_digits((uint32_t)(second % 60), out + used + 4);
    used += 6;
    return used + put_fraction(us % 1000000, 6, out + used);
}
