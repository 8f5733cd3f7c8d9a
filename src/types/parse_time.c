/* types/parse_time.c — dates, times of day and timestamps from text.
 *
 * The two layouts that nearly all data has, "2026-01-31" and "2026-01-31 12:34:56", are checked and
 * converted as whole words; everything else goes through a cursor. */
#include "types/time_priv.h"

#include "types/zone.h"

enum { YEAR_MIN = -4712, YEAR_MAX = 5874897 };

int64_t wr_unit_per_second(wr_time_unit unit)
{
    static const int64_t PER_SECOND[] = {1, 1000, 1000000, 1000000000};

    return PER_SECOND[unit];
}

/* "2026-01-31" as three numbers. The ten bytes are read as words 0-7 and 2-9. */
static inline bool read_plain_date(const char *p, int32_t *out_days)
{
    uint64_t head = wr_load_u64(p), tail = wr_load_u64(p + 2);
    uint64_t digits;
    uint32_t value;
    char     dash = p[4];

    if ((dash != '-' && dash != '/') || p[7] != dash)
        return false;
    /* yyyy from the head, mm and dd from the tail "yy-mm-dd": yyyymmdd */
    digits = (head & 0xffffffffu) | (tail >> 24 & 0xffff) << 32 | (tail & 0xffff000000000000u);
    if (!are_8_digits(digits))
        return false;
    value = value_of_8_digits(digits);
    return days_of_plain_date(value / 10000, value / 100 % 100, value % 100, out_days);
}

bool wr_read_date(cursor *c, int32_t *out_days)
{
    cursor  in = *c;
    int64_t year, month, day;
    bool    negative;
    char    separator;

    if (in.end - in.at >= 10 && read_plain_date(in.at, out_days) &&
        (in.end - in.at == 10 || !is_digit(in.at[10]))) {
        c->at += 10;
        return true;
    }
    negative = take(&in, '-');
    if (!negative)
        take(&in, '+');
    const char *begin = in.at;
    if (!read_digits(&in, 8, &year) || in.at - begin < 4)
        return false;
    if (in.at - begin == 8) { /* 20260131 */
        day = year % 100;
        month = year / 100 % 100;
        year /= 10000;
    } else {
        separator = in.at < in.end ? *in.at : '\0';
        if ((separator != '-' && separator != '/') || !take(&in, separator) ||
            !read_digits(&in, 2, &month) || !take(&in, separator) || !read_digits(&in, 2, &day))
            return false;
    }
    if (at_digit(&in))
        return false;
    year = negative ? -year : year;
    if (year < YEAR_MIN || year > YEAR_MAX ||
        !wr_civil_is_valid((int32_t)year, (uint32_t)month, (uint32_t)day))
        return false;
    *out_days = wr_days_from_civil((int32_t)year, (uint32_t)month, (uint32_t)day);
    c->at = in.at;
    return true;
}

bool wr_parse_date(wr_text text, int32_t *out_days)
{
    cursor  c = cursor_of(text);
    int32_t days;

    if (text.byte_count == 10 && read_plain_date(text.bytes, out_days))
        return true;
    if (!wr_read_date(&c, &days) || !at_end(&c))
        return false;
    *out_days = days;
    return true;
}

bool wr_read_fraction_ns(cursor *c, int64_t *out_ns)
{
    const char *begin = c->at;
    int64_t     ns;
    size_t      digit_count;

    if (!read_digits(c, 9, &ns))
        return false;
    digit_count = (size_t)(c->at - begin);
    ns *= (int64_t)wr_pow10_u64[9 - digit_count];
    if (at_digit(c)) {
        ns += *c->at >= '5';
        while (at_digit(c))
            c->at++;
    }
    *out_ns = ns;
    return true;
}

/* Two digits as "hh" or "mm"; one is allowed where `one_allowed`. */
static bool read_pair(cursor *c, bool one_allowed, int64_t max, int64_t *out)
{
    const char *begin = c->at;

    return read_digits(c, 2, out) && (one_allowed || c->at - begin == 2) && *out <= max;
}

bool wr_read_time(cursor *c, int64_t *out_ns)
{
    cursor  in = *c;
    int64_t hour, minute, second = 0, ns = 0;
    bool    has_second;

    if (in.end - in.at >= 4 && is_digit(in.at[2]) && is_digit(in.at[1])) { /* 1234, 123456 */
        if (!read_pair(&in, false, 24, &hour) || !read_pair(&in, false, 59, &minute))
            return false;
        has_second = at_digit(&in);
    } else {
        if (!read_pair(&in, true, 24, &hour) || !take(&in, ':') ||
            !read_pair(&in, false, 59, &minute))
            return false;
        has_second = take(&in, ':');
    }
    if (has_second && !read_pair(&in, false, 60, &second)) /* 60: a leap second, counted on */
        return false;
    if (has_second && (take(&in, '.') || take(&in, ',')) && !wr_read_fraction_ns(&in, &ns))
        return false;
    if (at_digit(&in))
        return false;
    ns += (hour * 3600 + minute * 60 + second) * 1000000000;
    if (ns > DAY_NS)
        return false;
    *out_ns = ns;
    c->at = in.at;
    return true;
}

bool wr_parse_time(wr_text text, wr_time_unit unit, int64_t *out)
{
    cursor  c = cursor_of(text);
    int64_t ns;

    if (!wr_read_time(&c, &ns) || !at_end(&c))
        return false;
    *out = ns_to_unit(ns, unit);
    return true;
}

bool wr_read_offset(cursor *c, int32_t *out_offset_s)
{
    cursor  in = *c;
    int64_t hours, minutes = 0, seconds = 0;
    bool    negative;

    if (take(&in, 'Z') || take(&in, 'z')) {
        *out_offset_s = 0;
        c->at = in.at;
        return true;
    }
    negative = take(&in, '-');
    if (!negative && !take(&in, '+'))
        return false;
    if (!read_pair(&in, true, 23, &hours))
        return false;
    if (take(&in, ':') || at_digit(&in)) {
        if (!read_pair(&in, false, 59, &minutes))
            return false;
        if (take(&in, ':') && !read_pair(&in, false, 59, &seconds))
            return false;
    }
    if (at_digit(&in))
        return false;
    *out_offset_s = (int32_t)(hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
    c->at = in.at;
    return true;
}

bool wr_read_zone(cursor *c, uint32_t *out_zone)
{
    wr_text name = {c->at, (size_t)(c->end - c->at)};

    if (at_end(c) || !is_letter(*c->at) || wr_zone_find(name, out_zone, NULL) != WR_OK)
        return false;
    c->at = c->end;
    return true;
}

/* [blank] offset or zone name, up to the end. Moves a local second to UTC. */
static bool read_suffix(cursor *c, uint32_t zone, int64_t *second)
{
    int32_t offset_s;

    while (take(c, ' '))
        continue;
    if (at_end(c)) {
        if (zone > 1)
            *second = wr_zone_local_to_utc(zone, *second);
        return true;
    }
    if (wr_read_offset(c, &offset_s)) {
        *second -= offset_s;
        return at_end(c);
    }
    if (!wr_read_zone(c, &zone))
        return false;
    *second = wr_zone_local_to_utc(zone, *second);
    return true;
}

/* "12:34:56" as three numbers, from one word: the colons become zeros, which part the pairs. */
static inline bool read_plain_clock(const char *p, uint32_t *out_second)
{
    const uint64_t COLONS = 0x00003a00003a0000u, ZEROS = 0x0000300000300000u;
    uint64_t       chunk = wr_load_u64(p);
    uint32_t       value, hour, minute, second;

    if ((chunk & 0x0000ff0000ff0000u) != COLONS)
        return false;
    chunk ^= COLONS ^ ZEROS;
    if (!are_8_digits(chunk))
        return false;
    value = value_of_8_digits(chunk); /* hh0mm0ss */
    hour = value / 1000000;
    minute = value / 1000 % 1000;
    second = value % 1000;
    *out_second = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second < 60;
}

/* "2026-01-31 12:34:56", 'T' for the blank allowed; what follows is the caller's. */
static inline bool read_plain_timestamp(const char *p, int64_t *out_second)
{
    int32_t  days;
    uint32_t second;

    if ((p[10] != ' ' && p[10] != 'T') || !read_plain_date(p, &days) ||
        !read_plain_clock(p + 11, &second))
        return false;
    *out_second = days * DAY_S + second;
    return true;
}

/* Date and time of day, to a whole second and nanoseconds. */
static bool read_date_and_time(cursor *c, int64_t *out_second, int64_t *out_ns)
{
    int32_t days;
    int64_t day_ns = 0;

    if (!wr_read_date(c, &days))
        return false;
    if (take(c, 'T') || take(c, 't')) {
        if (!wr_read_time(c, &day_ns))
            return false;
    } else if (take(c, ' ')) {
        while (take(c, ' '))
            continue;
        if (at_digit(c) && !wr_read_time(c, &day_ns))
            return false;
    }
    *out_second = days * DAY_S + day_ns / 1000000000;
    *out_ns = day_ns % 1000000000;
    return true;
}

bool wr_parse_timestamp(wr_text text, wr_time_unit unit, uint32_t zone, int64_t *out)
{
    cursor  c = cursor_of(text);
    int64_t per_second = wr_unit_per_second(unit);
    int64_t second, ns = 0;

    if (text.byte_count >= 19 && read_plain_timestamp(text.bytes, &second)) {
        c.at += 19;
        if (take(&c, '.') && !wr_read_fraction_ns(&c, &ns))
            return false;
        if (at_digit(&c))
            return false;
    } else if (!read_date_and_time(&c, &second, &ns)) {
        return false;
    }
    if ((zone > 1 || !at_end(&c)) && !read_suffix(&c, zone, &second))
        return false;
    return wr_units_join(second, ns_to_unit(ns, unit), per_second, out);
}
