/* types/zone_rule.c — the POSIX TZ rule at the end of a TZif file: "CET-1CEST,M3.5.0,M10.5.0/3".
 *
 * Offsets are written west-positive and kept east-positive. Sources: POSIX.1-2017 8.3 and
 * RFC 8536 3.3.1 (hours up to 167, negative times of day). */
#include "types/zone_priv.h"

#include "types/parse.h"

typedef struct cursor {
    const char *at, *end;
} cursor;

static bool take(cursor *c, char byte)
{
    if (c->at == c->end || *c->at != byte)
        return false;
    c->at++;
    return true;
}

static bool read_number(cursor *c, int32_t max, int32_t *out)
{
    int32_t value = 0;
    bool    any = false;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        value = value * 10 + (*c->at++ - '0');
        any = true;
        if (value > max)
            return false;
    }
    *out = value;
    return any;
}

static bool skip_name(cursor *c)
{
    const char *begin = c->at;

    if (take(c, '<')) {
        while (c->at < c->end && *c->at != '>')
            c->at++;
        return take(c, '>');
    }
    while (c->at < c->end && ((*c->at >= 'A' && *c->at <= 'Z') || (*c->at >= 'a' && *c->at <= 'z')))
        c->at++;
    return c->at > begin;
}

/* [+-]hh[:mm[:ss]] */
static bool read_time(cursor *c, int32_t *out_s)
{
    int32_t hours, minutes = 0, seconds = 0;
    bool    negative = take(c, '-');

    if (!negative)
        take(c, '+');
    if (!read_number(c, 167, &hours))
        return false;
    if (take(c, ':') && !read_number(c, 59, &minutes))
        return false;
    if (take(c, ':') && !read_number(c, 59, &seconds))
        return false;
    *out_s = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
    return true;
}

static bool read_day(cursor *c, zone_day *out)
{
    int32_t month = 1, week = 1, weekday = 0, day = 0;

    *out = (zone_day){.second = 2 * 3600};
    if (!take(c, ','))
        return false;
    if (take(c, 'M')) {
        out->kind = 'M';
        if (!read_number(c, 12, &month) || !take(c, '.') || !read_number(c, 5, &week) ||
            !take(c, '.') || !read_number(c, 6, &weekday) || month == 0 || week == 0)
            return false;
    } else {
        out->kind = take(c, 'J') ? 'J' : 'D';
        if (!read_number(c, 365, &day) || (out->kind == 'J' && day == 0))
            return false;
    }
    out->month = (uint8_t)month;
    out->week = (uint8_t)week;
    out->weekday = (uint8_t)weekday;
    out->day = (uint16_t)day;
    return !take(c, '/') || read_time(c, &out->second);
}

bool wr_zone_rule_parse(wr_text text, zone_rule *out_rule)
{
    cursor    c = {text.bytes, text.bytes + text.byte_count};
    zone_rule rule = {0};
    int32_t   west_s;

    if (!skip_name(&c) || !read_time(&c, &west_s))
        return false;
    rule.standard_offset_s = -west_s;
    if (c.at < c.end) {
        rule.has_daylight = true;
        rule.daylight_offset_s = rule.standard_offset_s + 3600;
        if (!skip_name(&c))
            return false;
        if (c.at < c.end && *c.at != ',') {
            if (!read_time(&c, &west_s))
                return false;
            rule.daylight_offset_s = -west_s;
        }
        if (!read_day(&c, &rule.daylight_begin) || !read_day(&c, &rule.daylight_end))
            return false;
    }
    *out_rule = rule;
    return c.at == c.end;
}

/* Local seconds since 1970 at which `day` of `year` begins to act. */
static int64_t local_second_of(const zone_day *day, int32_t year)
{
    int32_t first = wr_days_from_civil(year, 1, 1);
    int32_t days;

    if (day->kind == 'M') {
        int32_t month_first = wr_days_from_civil(year, day->month, 1);
        int32_t next_first = day->month == 12 ? wr_days_from_civil(year + 1, 1, 1)
                                              : wr_days_from_civil(year, day->month + 1u, 1);
        int32_t weekday = (int32_t)((((int64_t)month_first + 4) % 7 + 7) % 7); /* 0 Sunday */

        days = month_first + (day->weekday - weekday + 7) % 7 + (day->week - 1) * 7;
        if (days >= next_first)
            days -= 7;
    } else if (day->kind == 'J') {
        days = first + day->day - 1 + (wr_civil_is_valid(year, 2, 29) && day->day >= 60);
    } else {
        days = first + day->day;
    }
    return (int64_t)days * 86400 + day->second;
}

int32_t wr_zone_rule_offset(const zone_rule *rule, int64_t utc_s)
{
    const int64_t limit_s = (int64_t)1 << 45; /* beyond any year of a date: keep days in 32 bits */
    int64_t       local_s, begin_s, end_s;
    int32_t       year;
    uint32_t      month, day;

    if (!rule->has_daylight || utc_s > limit_s || utc_s < -limit_s)
        return rule->standard_offset_s;
    local_s = utc_s + rule->standard_offset_s;
    wr_civil_from_days((int32_t)((local_s - (local_s % 86400 + 86400) % 86400) / 86400), &year,
                       &month, &day);
    begin_s = local_second_of(&rule->daylight_begin, year) - rule->standard_offset_s;
    end_s = local_second_of(&rule->daylight_end, year) - rule->daylight_offset_s;
    bool daylight = begin_s < end_s ? utc_s >= begin_s && utc_s < end_s
                                    : utc_s >= begin_s || utc_s < end_s;
    return daylight ? rule->daylight_offset_s : rule->standard_offset_s;
}
