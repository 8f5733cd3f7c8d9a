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

/* Nanoseconds of a day in `unit`, rounded half up. */
static inline int64_t ns_to_unit(int64_t ns, wr_time_unit unit)
{
    int64_t unit_ns = 1000000000 / wr_unit_per_second(unit);

    return (ns + unit_ns / 2) / unit_ns;
}

#endif
