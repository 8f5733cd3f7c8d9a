/* types/time_priv.h — shared by the parsers and formatters of dates, times and intervals. */
#ifndef WR_BUILDING_TYPES
#error "time_priv.h is private to src/types"
#endif
#ifndef WR_TYPES_TIME_PRIV_H
#define WR_TYPES_TIME_PRIV_H

#include "types/digits_priv.h"
#include "types/parse.h"

#define DAY_S  ((int64_t)86400)
#define DAY_NS ((int64_t)86400000000000)

/* What is left of a text. Readers advance `at` on success only. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static inline cursor cursor_of(wr_text text)
{
    return (cursor){text.bytes, text.byte_count ? text.bytes + text.byte_count : text.bytes};
}

static inline bool at_end(const cursor *c)
{
    return c->at == c->end;
}

static inline bool at_digit(const cursor *c)
{
    return c->at < c->end && is_digit(*c->at);
}

static inline bool take(cursor *c, char byte)
{
    if (c->at == c->end || *c->at != byte)
        return false;
    c->at++;
    return true;
}

static inline bool is_letter(char byte)
{
    return (unsigned char)((byte | 0x20) - 'a') < 26;
}

/* Up to `digits_max` digits (at most 18); false when there is none. */
static inline bool read_digits(cursor *c, int digits_max, int64_t *out)
{
    const char *begin = c->at;
    int64_t     value = 0;

    while (c->at < c->end && c->at - begin < digits_max && is_digit(*c->at))
        value = value * 10 + (*c->at++ - '0');
    *out = value;
    return c->at > begin;
}

/** Digits after a point as nanoseconds, rounded half up at the ninth; false when there is none. */
bool wr_read_fraction_ns(cursor *c, int64_t *out_ns);

/** "2026-01-31", "2026/1/31", "20260131", with a sign and more digits in the year. */
bool wr_read_date(cursor *c, int32_t *out_days);

/** "12:34", "12:34:56.789", up to 24:00:00; nanoseconds of the day. */
bool wr_read_time(cursor *c, int64_t *out_ns);

/** "Z", "+01", "+0100", "+01:00", "-03:30:15"; seconds east of UTC. */
bool wr_read_offset(cursor *c, int32_t *out_offset_s);

/** The rest of the text as a zone's name. */
bool wr_read_zone(cursor *c, uint32_t *out_zone);

/* Days of a date with 0 <= year <= 9999, or false if there is no such date. The year begins in
 * March, 400 years earlier, so that nothing is negative. */
static inline bool days_of_plain_date(uint32_t year, uint32_t month, uint32_t day,
                                      int32_t *out_days)
{
    static const uint8_t MONTH_DAYS[16] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool     leap = (year & (year % 25 ? 3 : 15)) == 0;
    uint32_t y = year + 400 - (month <= 2), m = month <= 2 ? month + 9 : month - 3;

    if (month > 12 || day - 1 >= MONTH_DAYS[month] + (uint32_t)(leap && month == 2))
        return false; /* month 0 has no days */
    *out_days = (int32_t)(y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1) -
                719468 - 146097;
    return true;
}

/* Nanoseconds of a day in `unit`, rounded half up. */
static inline int64_t ns_to_unit(int64_t ns, wr_time_unit unit)
{
    switch (unit) { /* constant divisors: a variable one costs 20 ns */
    case WR_UNIT_S:
        return (ns + 500000000) / 1000000000;
    case WR_UNIT_MS:
        return (ns + 500000) / 1000000;
    case WR_UNIT_US:
        return (ns + 500) / 1000;
    case WR_UNIT_NS:
        return ns;
    }
    WR_UNREACHABLE();
}

#endif
