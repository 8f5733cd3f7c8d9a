/* types/parse_interval.c — intervals from PostgreSQL's words and from ISO 8601 durations.
 *
 * Months, days and microseconds are kept apart. A fraction of a larger unit flows down as
 * PostgreSQL has it: years to months, months to days (30), weeks and days to microseconds. */
#include "types/time_priv.h"

enum { US_PER_SECOND = 1000000 };
#define DAY_US (DAY_S * US_PER_SECOND)

/* A unit is so many months, or days, or microseconds. */
typedef struct interval_unit {
    const char *names; /* blank-separated, lower case; a final s is dropped before the search */
    int64_t     months, days, us;
} interval_unit;

static const interval_unit UNITS[] = {
    {"us usec microsecond", 0, 0, 1},
    {"ms msec millisecond", 0, 0, 1000},
    {"s sec second", 0, 0, US_PER_SECOND},
    {"m min minute", 0, 0, (int64_t)60 * US_PER_SECOND},
    {"h hr hour", 0, 0, (int64_t)3600 * US_PER_SECOND},
    {"d day", 0, 1, 0},
    {"w week", 0, 7, 0},
    {"mon month", 1, 0, 0},
    {"qtr quarter", 3, 0, 0},
    {"y yr year", 12, 0, 0},
    {"dec decade", 120, 0, 0},
    {"c cent century centurie", 1200, 0, 0},
    {"mil millennium millennia", 12000, 0, 0},
};

/* Sums before they are narrowed. A fraction of a unit is kept in 10^-9 of it. */
typedef struct interval_sum {
    wr_i128 months, days, us;
} interval_sum;

enum { FRACTION_ONE = 1000000000 };

/* A signed number: whole * 10^9 + fraction. */
static bool read_number(cursor *c, wr_i128 *out)
{
    cursor  in = *c;
    int64_t whole = 0, fraction = 0;
    bool    negative = take(&in, '-');
    bool    has_digits;

    if (!negative)
        take(&in, '+');
    has_digits = read_digits(&in, 18, &whole);
    if (at_digit(&in))
        return false;
    if (take(&in, '.'))
        has_digits |= wr_read_fraction_ns(&in, &fraction);
    if (!has_digits)
        return false;
    *out = ((wr_i128)whole * FRACTION_ONE + fraction) * (negative ? -1 : 1);
    c->at = in.at;
    return true;
}

static wr_i128 round_fraction(wr_i128 x)
{
    return (x + (x < 0 ? -FRACTION_ONE / 2 : FRACTION_ONE / 2)) / FRACTION_ONE;
}

/* Numbers are below 10^27 and units below 4 * 10^9: nothing here overflows 128 bits. */
static void add_units(interval_sum *sum, wr_i128 number, const interval_unit *unit)
{
    wr_i128 months = number * unit->months, days = number * unit->days, us = number * unit->us;

    sum->months += months / FRACTION_ONE;
    if (unit->months == 1) /* a part of a month is days, a part of a year whole months */
        days += months % FRACTION_ONE * 30;
    else
        sum->months += round_fraction(months % FRACTION_ONE);
    sum->days += days / FRACTION_ONE;
    sum->us += round_fraction(us + days % FRACTION_ONE * DAY_US);
}

static bool name_matches(const char *names, wr_text name)
{
    while (*names) {
        size_t byte_count = strcspn(names, " ");

        if (wr_text_equal_nocase(name, (wr_text){names, byte_count}))
            return true;
        names += byte_count + (names[byte_count] == ' ');
    }
    return false;
}

static const interval_unit *find_unit(wr_text name)
{
    for (int plural = 0; plural < 2; plural++) {
        for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
            if (name_matches(UNITS[i].names, name))
                return &UNITS[i];
        if (name.byte_count < 2 || (name.bytes[name.byte_count - 1] | 0x20) != 's')
            return NULL;
        name.byte_count--;
    }
    return NULL;
}

static wr_text read_word(cursor *c)
{
    const char *begin = c->at;

    while (c->at < c->end && is_letter(*c->at))
        c->at++;
    return (wr_text){begin, (size_t)(c->at - begin)};
}

/* [+-]hours:minutes[:seconds]; hours may have any number of digits. */
static bool read_clock(cursor *c, interval_sum *sum)
{
    cursor  in = *c;
    int64_t hours, minutes, seconds = 0, ns = 0;
    bool    negative = take(&in, '-');
    wr_i128 us;

    if (!negative)
        take(&in, '+');
    if (!read_digits(&in, 12, &hours) || !take(&in, ':') || !read_digits(&in, 2, &minutes) ||
        minutes > 59)
        return false;
    if (take(&in, ':') && (!read_digits(&in, 2, &seconds) || seconds > 59))
        return false;
    if (take(&in, '.') && !wr_read_fraction_ns(&in, &ns))
        return false;
    if (in.at < in.end && *in.at != ' ')
        return false;
    us = ((wr_i128)hours * 3600 + minutes * 60 + seconds) * US_PER_SECOND + (ns + 500) / 1000;
    sum->us += negative ? -us : us;
    c->at = in.at;
    return true;
}

static void skip_blanks(cursor *c)
{
    while (take(c, ' '))
        continue;
}

/* "1 year 2 mons -3 days 04:05:06", "90 minutes ago" */
static bool read_words(cursor *c, interval_sum *sum)
{
    const interval_unit *unit;
    wr_i128              number;

    do {
        if (!read_clock(c, sum)) {
            if (!read_number(c, &number))
                return false;
            skip_blanks(c);
            unit = find_unit(read_word(c));
            if (!unit)
                return false;
            add_units(sum, number, unit);
        }
        skip_blanks(c);
        if (c->end - c->at == 3 && wr_text_equal_nocase((wr_text){c->at, 3}, WR_TEXT("ago"))) {
            *sum = (interval_sum){-sum->months, -sum->days, -sum->us};
            c->at = c->end;
        }
    } while (!at_end(c));
    return true;
}

/* P1Y2M3W4DT5H6M7.5S: each letter at most once, in this order. */
static bool read_iso(cursor *c, interval_sum *sum)
{
    static const char DATE_LETTERS[] = "YMWD", TIME_LETTERS[] = "HMS";
    static const char *const DATE_UNITS[] = {"year", "month", "week", "day"};
    static const char *const TIME_UNITS[] = {"hour", "minute", "second"};
    const char *letters = DATE_LETTERS, *found;
    wr_i128     number;
    bool        in_time = false, any = false;

    while (!at_end(c)) {
        if (!in_time && (take(c, 'T') || take(c, 't'))) {
            in_time = true;
            letters = TIME_LETTERS;
            any = false;
        }
        if (!read_number(c, &number) || at_end(c))
            return false;
        found = strchr(letters, *c->at & ~0x20);
        if (!found || !is_letter(*c->at))
            return false;
        c->at++;
        add_units(sum, number,
                  find_unit(wr_text_of(in_time ? TIME_UNITS[found - TIME_LETTERS]
                                               : DATE_UNITS[found - DATE_LETTERS])));
        letters = found + 1;
        any = true;
    }
    return any;
}

bool wr_parse_interval(wr_text text, wr_interval *out)
{
    cursor       c = cursor_of(wr_text_trim(text));
    interval_sum sum = {0};
    bool         read;

    if (at_end(&c) || text.byte_count > 256)
        return false;
    read = take(&c, 'P') || take(&c, 'p') ? read_iso(&c, &sum) : read_words(&c, &sum);
    if (!read || sum.months != (int32_t)sum.months || sum.days != (int32_t)sum.days ||
        sum.us != (int64_t)sum.us)
        return false;
    *out = (wr_interval){(int32_t)sum.months, (int32_t)sum.days, (int64_t)sum.us};
    return true;
}
