/* types/time_pattern.c — dates and times by a strptime/strftime-like pattern.
 *
 * The directives, for reading and writing alike: %Y %m %d %H %M %S %f %y %b %B %j %p %I %z %Z %e %T
 * %D %F %s %a %A %h %R %n %t %%. Names are English. A '-' after the percent sign drops padding when
 * writing. White space in the pattern matches any white space, or none, when reading. */
#include "types/format_priv.h"
#include "types/time_priv.h"
#include "types/zone.h"

static const char *const MONTHS[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const WEEKDAYS[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};

/* Directives that stand for others; NULL: none. */
static const char *expand(char directive)
{
    switch (directive) {
    case 'T':
        return "%H:%M:%S";
    case 'R':
        return "%H:%M";
    case 'D':
        return "%m/%d/%y";
    case 'F':
        return "%Y-%m-%d";
    }
    return NULL;
}

/* Everything the directives can say; what was not said stays at its default. */
typedef struct fields {
    int64_t  year, month, day, day_of_year, hour, minute, second, ns, epoch_s;
    bool     has_day_of_year, has_epoch, has_time, has_offset, has_zone;
    bool     is_12_hours, is_afternoon;
    int32_t  offset_s;
    uint32_t zone;
} fields;

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void skip_space(cursor *c)
{
    while (c->at < c->end && is_space(*c->at))
        c->at++;
}

static bool read_range(cursor *c, int digits_max, int64_t min, int64_t max, int64_t *out)
{
    return read_digits(c, digits_max, out) && *out >= min && *out <= max;
}

/* A name in full, or its first three letters. */
static bool read_name(cursor *c, const char *const *names, int name_count, int64_t *out_index)
{
    for (int i = 0; i < name_count; i++) {
        size_t full = strlen(names[i]), left = (size_t)(c->end - c->at);

        for (size_t byte_count = full; byte_count; byte_count = byte_count > 3 ? 3 : 0) {
            if (left >= byte_count && wr_text_equal_nocase((wr_text){c->at, byte_count},
                                                           (wr_text){names[i], byte_count})) {
                c->at += byte_count;
                *out_index = i;
                return true;
            }
        }
    }
    return false;
}

static bool read_year(cursor *c, fields *f)
{
    bool negative = take(c, '-');

    if (!negative)
        take(c, '+');
    if (!read_digits(c, 4, &f->year))
        return false;
    if (negative)
        f->year = -f->year;
    return true;
}

static bool read_epoch(cursor *c, fields *f)
{
    bool negative = take(c, '-');

    if (!read_digits(c, 12, &f->epoch_s))
        return false;
    if (negative)
        f->epoch_s = -f->epoch_s;
    f->has_epoch = f->has_time = true;
    return true;
}

static bool read_zone_word(cursor *c, fields *f)
{
    const char *begin = c->at;

    while (c->at < c->end && (is_letter(*c->at) || is_digit(*c->at) || *c->at == '/' ||
                              *c->at == '_' || *c->at == '+' || *c->at == '-'))
        c->at++;
    f->has_zone = true;
    return wr_zone_find((wr_text){begin, (size_t)(c->at - begin)}, &f->zone, NULL) == WR_OK;
}

static bool read_directive(cursor *c, char directive, fields *f)
{
    int64_t number;

    switch (directive) {
    case 'Y':
        return read_year(c, f);
    case 'y':
        if (!read_range(c, 2, 0, 99, &number))
            return false;
        f->year = number + (number < 69 ? 2000 : 1900);
        return true;
    case 'm':
        return read_range(c, 2, 1, 12, &f->month);
    case 'b':
    case 'B':
    case 'h':
        if (!read_name(c, MONTHS, 12, &number))
            return false;
        f->month = number + 1;
        return true;
    case 'a':
    case 'A':
        return read_name(c, WEEKDAYS, 7, &number);
    case 'e':
        skip_space(c);
        return read_range(c, 2, 1, 31, &f->day);
    case 'd':
        return read_range(c, 2, 1, 31, &f->day);
    case 'j':
        f->has_day_of_year = true;
        return read_range(c, 3, 1, 366, &f->day_of_year);
    case 'H':
        f->has_time = true;
        return read_range(c, 2, 0, 24, &f->hour);
    case 'I':
        f->has_time = f->is_12_hours = true;
        return read_range(c, 2, 1, 12, &f->hour);
    case 'M':
        f->has_time = true;
        return read_range(c, 2, 0, 59, &f->minute);
    case 'S':
        f->has_time = true;
        return read_range(c, 2, 0, 60, &f->second);
    case 'f':
        f->has_time = true;
        return wr_read_fraction_ns(c, &f->ns);
    case 'p':
        if (c->end - c->at < 2 || (c->at[1] | 0x20) != 'm')
            return false;
        f->is_afternoon = (c->at[0] | 0x20) == 'p';
        c->at += 2;
        return f->is_afternoon || (c->at[-2] | 0x20) == 'a';
    case 'z':
        f->has_offset = true;
        return wr_read_offset(c, &f->offset_s);
    case 'Z':
        return read_zone_word(c, f);
    case 's':
        return read_epoch(c, f);
    case 'n':
    case 't':
        skip_space(c);
        return true;
    case '%':
        return take(c, '%');
    }
    return false;
}

static bool read_pattern(cursor *c, wr_text format, fields *f)
{
    cursor      in = cursor_of(format);
    const char *others;

    while (!at_end(&in)) {
        char byte = *in.at++;

        if (is_space(byte)) {
            skip_space(c);
            continue;
        }
        if (byte != '%') {
            if (!take(c, byte))
                return false;
            continue;
        }
        take(&in, '-');
        if (at_end(&in))
            return false;
        byte = *in.at++;
        others = expand(byte); /* made of plain directives: one level */
        if (others ? !read_pattern(c, wr_text_of(others), f) : !read_directive(c, byte, f))
            return false;
    }
    return true;
}

/* Local day and nanosecond of what was read; false for 31 February and the like. */
static bool resolve(const fields *f, int64_t *out_second, int64_t *out_ns)
{
    int64_t days, hour = f->hour;

    *out_ns = f->ns;
    if (f->has_epoch) {
        *out_second = f->epoch_s;
        return true;
    }
    if (f->has_day_of_year) {
        if (f->day_of_year == 366 && !wr_civil_is_valid((int32_t)f->year, 2, 29))
            return false;
        days = wr_days_from_civil((int32_t)f->year, 1, 1) + f->day_of_year - 1;
    } else {
        if (!wr_civil_is_valid((int32_t)f->year, (uint32_t)f->month, (uint32_t)f->day))
            return false;
        days = wr_days_from_civil((int32_t)f->year, (uint32_t)f->month, (uint32_t)f->day);
    }
    if (f->is_12_hours)
        hour = hour % 12 + (f->is_afternoon ? 12 : 0);
    if (hour == 24 && (f->minute || f->second || f->ns))
        return false;
    *out_second = days * DAY_S + hour * 3600 + f->minute * 60 + f->second;
    if (f->has_offset)
        *out_second -= f->offset_s;
    else if (f->has_zone)
        *out_second = wr_zone_local_to_utc(f->zone, *out_second);
    return true;
}

bool wr_parse_by_format(wr_text text, wr_text format, int32_t *out_days, int64_t *out_day_ns,
                        bool *out_has_time)
{
    cursor  c = cursor_of(text);
    fields  f = {.year = 1970, .month = 1, .day = 1};
    int64_t second, ns, days;

    if (!read_pattern(&c, format, &f) || !at_end(&c) || !resolve(&f, &second, &ns))
        return false;
    second += ns / 1000000000; /* a fraction that was rounded up */
    ns %= 1000000000;
    days = floor_divide(second, DAY_S);
    if (days != (int32_t)days)
        return false;
    *out_days = (int32_t)days;
    *out_day_ns = (second - days * DAY_S) * 1000000000 + ns;
    *out_has_time = f.has_time;
    return true;
}

wr_text wr_format_find_unknown(wr_text format)
{
    static const char KNOWN[] = "YymbBhaAedjHIMSfpzZsnt%";

    for (size_t i = 0; i < format.byte_count; i++) {
        size_t start = i;

        if (format.bytes[i] != '%')
            continue;
        i += i + 1 < format.byte_count && format.bytes[i + 1] == '-';
        if (++i == format.byte_count)
            return (wr_text){format.bytes + start, i - start};
        if (!memchr(KNOWN, format.bytes[i], sizeof KNOWN - 1) && !expand(format.bytes[i]))
            return (wr_text){format.bytes + start, i + 1 - start};
    }
    return (wr_text){NULL, 0};
}

/* What the directives write from. */
typedef struct moment {
    int32_t  year, days, offset_s;
    uint32_t month, day;
    int64_t  day_ns;
    bool     padded;
} moment;

static size_t put_padded(int64_t x, size_t digit_count, char fill, const moment *m, char *out)
{
    size_t needed = count_digits((uint64_t)x);

    if (!m->padded || needed > digit_count)
        digit_count = needed;
    memset(out, fill, digit_count - needed);
    put_digits((uint64_t)x, needed, out + digit_count - needed);
    return digit_count;
}

static size_t put_name(const char *name, size_t bytes_max, char *out)
{
    size_t byte_count = strlen(name);

    if (byte_count > bytes_max)
        byte_count = bytes_max;
    memcpy(out, name, byte_count);
    return byte_count;
}

static size_t put_offset(int32_t offset_s, char *out)
{
    uint32_t minutes = (uint32_t)(offset_s < 0 ? -offset_s : offset_s) / 60;

    out[0] = offset_s < 0 ? '-' : '+';
    put_2_digits(minutes / 60, out + 1);
    put_2_digits(minutes % 60, out + 3);
    return 5;
}

/* At most WR_FORMAT_BYTES_MAX bytes. */
static size_t put_directive(char directive, const moment *m, char *out)
{
    int64_t second = m->day_ns / 1000000000, ns = m->day_ns % 1000000000;
    int64_t hour = second / 3600;
    char   *p = out;

    switch (directive) {
    case 'Y':
        if (m->year < 0)
            *p++ = '-';
        return (size_t)(p - out) +
               put_padded(m->year < 0 ? -(int64_t)m->year : m->year, 4, '0', m, p);
    case 'y':
        return put_padded((m->year % 100 + 100) % 100, 2, '0', m, out);
    case 'm':
        return put_padded(m->month, 2, '0', m, out);
    case 'd':
        return put_padded(m->day, 2, '0', m, out);
    case 'e':
        return put_padded(m->day, 2, ' ', m, out);
    case 'b':
    case 'h':
        return put_name(MONTHS[m->month - 1], 3, out);
    case 'B':
        return put_name(MONTHS[m->month - 1], 9, out);
    case 'a':
    case 'A':
        return put_name(WEEKDAYS[(((int64_t)m->days + 4) % 7 + 7) % 7], directive == 'a' ? 3 : 9,
                        out);
    case 'j':
        return put_padded(m->days - (int64_t)wr_days_from_civil(m->year, 1, 1) + 1, 3, '0', m, out);
    case 'H':
        return put_padded(hour, 2, '0', m, out);
    case 'I':
        return put_padded((hour + 11) % 12 + 1, 2, '0', m, out);
    case 'M':
        return put_padded(second / 60 % 60, 2, '0', m, out);
    case 'S':
        return put_padded(second % 60, 2, '0', m, out);
    case 'f': /* microseconds, as Python; nanoseconds when there are any */
        put_digits((uint64_t)(ns % 1000 ? ns : ns / 1000), ns % 1000 ? 9 : 6, out);
        return ns % 1000 ? 9 : 6;
    case 'p':
        return put_name(hour % 24 >= 12 ? "PM" : "AM", 2, out);
    case 'z':
        return put_offset(m->offset_s, out);
    case 'Z':
        return m->offset_s ? put_offset(m->offset_s, out) : put_name("UTC", 3, out);
    case 's':
        return wr_format_i64(m->days * DAY_S + second - m->offset_s, out);
    case 'n':
        return put_name("\n", 1, out);
    case 't':
        return put_name("\t", 1, out);
    case '%':
        return put_name("%", 1, out);
    }
    out[0] = '%'; /* unknown: as it stands */
    out[1] = directive;
    return 2;
}

/* Appends what fits; a value is written whole or cut at out_max. */
static size_t put_pattern(wr_text format, moment *m, char *out, size_t out_max)
{
    cursor      in = cursor_of(format);
    size_t      used = 0, byte_count;
    const char *others;
    char        part[WR_FORMAT_BYTES_MAX];

    while (!at_end(&in) && used < out_max) {
        char byte = *in.at++;

        if (byte != '%' || at_end(&in)) {
            out[used++] = byte;
            continue;
        }
        m->padded = !take(&in, '-');
        if (at_end(&in))
            break;
        byte = *in.at++;
        others = expand(byte);
        if (others) {
            used += put_pattern(wr_text_of(others), m, out + used, out_max - used);
            continue;
        }
        byte_count = put_directive(byte, m, part);
        if (byte_count > out_max - used)
            byte_count = out_max - used;
        memcpy(out + used, part, byte_count);
        used += byte_count;
    }
    return used;
}

size_t wr_format_by_format(int64_t day_ns, int32_t days, int32_t zone_offset_s, wr_text format,
                           char *out, size_t out_max)
{
    moment m = {.days = days, .day_ns = day_ns, .offset_s = zone_offset_s};

    wr_civil_from_days(days, &m.year, &m.month, &m.day);
    return put_pattern(format, &m, out, out_max);
}
