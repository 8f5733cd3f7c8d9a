/* expr/fn_date.c — functions of dates, times, timestamps and intervals.
 *
 * Fields, weeks and names are those of the wall clock in the timestamp's zone; weeks are ISO 8601.
 * Names of fields are constants, so a call's result type is known when it is bound: fractions (second,
 * epoch) are Float64, everything else Int64. Source: PostgreSQL's date_part, date_trunc, timezone;
 * DuckDB's date_diff, strftime, strptime. */
#include <math.h>

#include "expr/expr_priv.h"
#include "expr/temporal.h"
#include "types/zone.h"

enum { NS_PER_S = 1000000000, FORMATTED_BYTES_MAX = 512 };

typedef enum field {
    FIELD_NONE, FIELD_MILLENNIUM, FIELD_CENTURY, FIELD_DECADE, FIELD_YEAR, FIELD_QUARTER,
    FIELD_MONTH, FIELD_WEEK, FIELD_DAY, FIELD_HOUR, FIELD_MINUTE, FIELD_SECOND, FIELD_MILLISECOND,
    FIELD_MICROSECOND, FIELD_DAYOFWEEK, FIELD_ISODOW, FIELD_DAYOFYEAR, FIELD_ISOYEAR, FIELD_EPOCH,
} field;

static const struct field_name {
    const char *name;
    field       field;
} FIELD_NAMES[] = {
    {"millennium", FIELD_MILLENNIUM}, {"century", FIELD_CENTURY}, {"decade", FIELD_DECADE},
    {"year", FIELD_YEAR}, {"years", FIELD_YEAR}, {"quarter", FIELD_QUARTER},
    {"month", FIELD_MONTH}, {"months", FIELD_MONTH}, {"week", FIELD_WEEK}, {"weeks", FIELD_WEEK},
    {"day", FIELD_DAY}, {"days", FIELD_DAY}, {"dayofmonth", FIELD_DAY}, {"hour", FIELD_HOUR},
    {"hours", FIELD_HOUR}, {"minute", FIELD_MINUTE}, {"minutes", FIELD_MINUTE},
    {"second", FIELD_SECOND}, {"seconds", FIELD_SECOND}, {"millisecond", FIELD_MILLISECOND},
    {"milliseconds", FIELD_MILLISECOND}, {"microsecond", FIELD_MICROSECOND},
    {"microseconds", FIELD_MICROSECOND}, {"dow", FIELD_DAYOFWEEK},
    {"dayofweek", FIELD_DAYOFWEEK}, {"isodow", FIELD_ISODOW}, {"doy", FIELD_DAYOFYEAR},
    {"dayofyear", FIELD_DAYOFYEAR}, {"isoyear", FIELD_ISOYEAR}, {"epoch", FIELD_EPOCH},
};

static field find_field(wr_text name)
{
    for (size_t i = 0; i < sizeof FIELD_NAMES / sizeof FIELD_NAMES[0]; i++) {
        const char *known = FIELD_NAMES[i].name;

        if (strlen(known) == name.byte_count && strncasecmp(known, name.bytes, name.byte_count) == 0)
            return FIELD_NAMES[i].field;
    }
    return FIELD_NONE;
}

/* The field that argument `index`, a constant, names. */
static field constant_field(const wr_expr *arg)
{
    if (arg->kind != WR_EXPR_CONST || arg->value.is_null || !wr_type_is_text(arg->type))
        return FIELD_NONE;
    return find_field(arg->value.text);
}

/* ---- A moment on the wall clock ---------------------------------------------------------------- */

typedef struct moment {
    int32_t days;
    int64_t ns; /* of the day */
} moment;

static moment load_moment(const wr_vector *arg, uint32_t row)
{
    uint32_t index = wr_arg_index(arg, row);
    int64_t  value, day, per_second = wr_unit_per_second(arg->type.unit);

    if (arg->type.logical == WR_TYPE_DATE32)
        return (moment){((const int32_t *)arg->data)[index], 0};
    value = ((const int64_t *)arg->data)[index];
    if (arg->type.logical == WR_TYPE_TIME)
        return (moment){0, value * (NS_PER_S / per_second)};
    value = wr_timestamp_to_local(arg->type, value);
    day = wr_unit_per_day(arg->type.unit);
    return (moment){(int32_t)wr_floor_divide(value, day),
                    wr_floor_rest(value, day) * (NS_PER_S / per_second)};
}

/* Monday of the ISO week. */
static int32_t week_start(int32_t days)
{
    return days - (int32_t)wr_floor_rest((int64_t)days + 3, 7);
}

static int32_t iso_year(int32_t days)
{
    int32_t  year;
    uint32_t month, day;

    wr_civil_from_days(week_start(days) + 3, &year, &month, &day); /* its Thursday's */
    return year;
}

static int64_t floor_to(int64_t year, int64_t span)
{
    return wr_floor_divide(year, span) * span;
}

static double moment_field(moment m, field f)
{
    int32_t  year;
    uint32_t month, day;

    wr_civil_from_days(m.days, &year, &month, &day);
    switch (f) {
    case FIELD_MILLENNIUM:
        return (double)(year > 0 ? (year + 999) / 1000 : wr_floor_divide(year, 1000));
    case FIELD_CENTURY:
        return (double)(year > 0 ? (year + 99) / 100 : wr_floor_divide(year, 100));
    case FIELD_DECADE:
        return (double)wr_floor_divide(year, 10);
    case FIELD_YEAR:
        return year;
    case FIELD_QUARTER:
        return (month + 2) / 3;
    case FIELD_MONTH:
        return month;
    case FIELD_WEEK:
        return (week_start(m.days) - week_start(wr_days_from_civil(iso_year(m.days), 1, 4))) / 7 + 1;
    case FIELD_DAY:
        return day;
    case FIELD_HOUR:
        return (double)(m.ns / NS_PER_S / 3600);
    case FIELD_MINUTE:
        return (double)(m.ns / NS_PER_S / 60 % 60);
    case FIELD_SECOND:
        return (double)(m.ns % (60ll * NS_PER_S)) / NS_PER_S;
    case FIELD_MILLISECOND:
        return (double)(m.ns % (60ll * NS_PER_S) / 1000000);
    case FIELD_MICROSECOND:
        return (double)(m.ns % (60ll * NS_PER_S) / 1000);
    case FIELD_DAYOFWEEK:
        return (double)wr_floor_rest((int64_t)m.days + 4, 7);
    case FIELD_ISODOW:
        return (double)wr_floor_rest((int64_t)m.days + 3, 7) + 1;
    case FIELD_DAYOFYEAR:
        return m.days - wr_days_from_civil(year, 1, 1) + 1;
    case FIELD_ISOYEAR:
        return iso_year(m.days);
    case FIELD_EPOCH:
    case FIELD_NONE:
        break;
    }
    return (double)m.days * 86400.0 + (double)m.ns / NS_PER_S;
}

static double interval_field(wr_interval x, field f)
{
    switch (f) {
    case FIELD_MILLENNIUM:
        return x.months / 12000;
    case FIELD_CENTURY:
        return x.months / 1200;
    case FIELD_DECADE:
        return x.months / 120;
    case FIELD_YEAR:
        return x.months / 12;
    case FIELD_QUARTER:
        return x.months % 12 / 3 + 1;
    case FIELD_MONTH:
        return x.months % 12;
    case FIELD_DAY:
        return x.days;
    case FIELD_HOUR:
        return (double)(x.us / 3600000000);
    case FIELD_MINUTE:
        return (double)(x.us / 60000000 % 60);
    case FIELD_SECOND:
        return (double)(x.us % 60000000) / 1e6;
    case FIELD_MILLISECOND:
        return (double)(x.us % 60000000 / 1000);
    case FIELD_MICROSECOND:
        return (double)(x.us % 60000000);
    default: /* epoch: a year has 365.25 days and a month 30, as in PostgreSQL */
        return (x.months / 12 * 365.25 + x.months % 12 * 30.0 + x.days) * 86400.0 +
               (double)x.us / 1e6;
    }
}

/* Instants count from 1970 in UTC, whatever the wall clock says. */
static double epoch_of(const wr_vector *arg, uint32_t row)
{
    if (arg->type.logical != WR_TYPE_TIMESTAMP)
        return moment_field(load_moment(arg, row), FIELD_EPOCH);
    return (double)((const int64_t *)arg->data)[wr_arg_index(arg, row)] /
           (double)wr_unit_per_second(arg->type.unit);
}

static wr_status put_field(wr_eval *eval, const wr_vector *arg, field f, wr_vector *out)
{
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        double   x;

        if (arg->type.logical == WR_TYPE_INTERVAL)
            x = interval_field(((const wr_interval *)arg->data)[wr_arg_index(arg, row)], f);
        else
            x = f == FIELD_EPOCH ? epoch_of(arg, row) : moment_field(load_moment(arg, row), f);
        if (out->type.logical == WR_TYPE_F64)
            ((double *)out->data)[row] = x;
        else
            ((int64_t *)out->data)[row] = (int64_t)x;
    }
    return WR_OK;
}

static bool is_fractional(field f)
{
    return f == FIELD_SECOND || f == FIELD_EPOCH;
}

static bool is_temporal(wr_type type)
{
    return type.logical == WR_TYPE_DATE32 || type.logical == WR_TYPE_TIMESTAMP ||
           type.logical == WR_TYPE_TIME || type.logical == WR_TYPE_INTERVAL;
}

#define RESOLVE(name)                                                                              \
    static bool name(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,             \
                     wr_type *out_result)
#define EVAL(name)                                                                                 \
    static wr_status name(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,         \
                          wr_vector *out, wr_error *err)

RESOLVE(resolve_part)
{
    field f = constant_field(args[0]);

    (void)arg_count;
    if (f == FIELD_NONE || !is_temporal(args[1]->type))
        return false;
    args_io[0] = args[0]->type;
    args_io[1] = args[1]->type;
    *out_result = is_fractional(f) ? WR_TYPE(F64) : WR_TYPE(I64);
    return true;
}

EVAL(date_part)
{
    (void)arg_count, (void)err;
    return put_field(eval, args[1], constant_field(eval->expr->args[0]), out);
}

/* year(x) and its kin: the function's name is the field's. */
RESOLVE(resolve_named_part)
{
    (void)arg_count;
    if (!is_temporal(args[0]->type))
        return false;
    args_io[0] = args[0]->type;
    *out_result = WR_TYPE(I64);
    return true;
}

RESOLVE(resolve_named_fraction)
{
    if (!resolve_named_part(args, arg_count, args_io, out_result))
        return false;
    *out_result = WR_TYPE(F64);
    return true;
}

EVAL(named_part)
{
    (void)arg_count, (void)err;
    return put_field(eval, args[0], find_field(wr_text_of(eval->expr->function->name)), out);
}

/* ---- Truncating and counting ------------------------------------------------------------------- */

static moment truncate(moment m, field f)
{
    int32_t  year;
    uint32_t month, day;

    wr_civil_from_days(m.days, &year, &month, &day);
    switch (f) {
    case FIELD_MILLENNIUM:
        return (moment){wr_days_from_civil((int32_t)floor_to(year - 1, 1000) + 1, 1, 1), 0};
    case FIELD_CENTURY:
        return (moment){wr_days_from_civil((int32_t)floor_to(year - 1, 100) + 1, 1, 1), 0};
    case FIELD_DECADE:
        return (moment){wr_days_from_civil((int32_t)floor_to(year, 10), 1, 1), 0};
    case FIELD_YEAR:
        return (moment){wr_days_from_civil(year, 1, 1), 0};
    case FIELD_QUARTER:
        return (moment){wr_days_from_civil(year, (month - 1) / 3 * 3 + 1, 1), 0};
    case FIELD_MONTH:
        return (moment){wr_days_from_civil(year, month, 1), 0};
    case FIELD_WEEK:
        return (moment){week_start(m.days), 0};
    case FIELD_DAY:
        return (moment){m.days, 0};
    case FIELD_HOUR:
        return (moment){m.days, m.ns - m.ns % (3600ll * NS_PER_S)};
    case FIELD_MINUTE:
        return (moment){m.days, m.ns - m.ns % (60ll * NS_PER_S)};
    case FIELD_SECOND:
        return (moment){m.days, m.ns - m.ns % NS_PER_S};
    case FIELD_MILLISECOND:
        return (moment){m.days, m.ns - m.ns % 1000000};
    default:
        return (moment){m.days, m.ns - m.ns % 1000};
    }
}

static bool can_truncate(field f)
{
    return f != FIELD_NONE && f <= FIELD_MICROSECOND;
}

RESOLVE(resolve_trunc)
{
    (void)arg_count;
    if (!can_truncate(constant_field(args[0])) ||
        (args[1]->type.logical != WR_TYPE_DATE32 && args[1]->type.logical != WR_TYPE_TIMESTAMP))
        return false;
    args_io[0] = args[0]->type;
    args_io[1] = args[1]->type;
    *out_result = args[1]->type.logical == WR_TYPE_DATE32 ? wr_type_timestamp(WR_UNIT_US, 0)
                                                          : args[1]->type;
    return true;
}

static int64_t to_timestamp_of(wr_type type, moment m)
{
    int64_t per_second = wr_unit_per_second(type.unit);

    return wr_timestamp_to_utc(type, m.days * wr_unit_per_day(type.unit) +
                                         m.ns / (NS_PER_S / per_second));
}

EVAL(date_trunc)
{
    field f = constant_field(eval->expr->args[0]);

    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);

        ((int64_t *)out->data)[row] =
            to_timestamp_of(out->type, truncate(load_moment(args[1], row), f));
    }
    return WR_OK;
}

/* How many fields begin before the moment: their difference counts the borders between two. */
static int64_t field_index(moment m, field f)
{
    int32_t  year;
    uint32_t month, day;

    wr_civil_from_days(m.days, &year, &month, &day);
    switch (f) {
    case FIELD_MILLENNIUM:
        return wr_floor_divide(year - 1, 1000);
    case FIELD_CENTURY:
        return wr_floor_divide(year - 1, 100);
    case FIELD_DECADE:
        return wr_floor_divide(year, 10);
    case FIELD_YEAR:
        return year;
    case FIELD_QUARTER:
        return (int64_t)year * 4 + (month - 1) / 3;
    case FIELD_MONTH:
        return (int64_t)year * 12 + month;
    case FIELD_WEEK:
        return wr_floor_divide((int64_t)m.days + 3, 7);
    case FIELD_DAY:
        return m.days;
    case FIELD_HOUR:
        return (int64_t)m.days * 24 + m.ns / NS_PER_S / 3600;
    case FIELD_MINUTE:
        return (int64_t)m.days * 1440 + m.ns / NS_PER_S / 60;
    case FIELD_SECOND:
        return (int64_t)m.days * 86400 + m.ns / NS_PER_S;
    case FIELD_MILLISECOND:
        return (int64_t)m.days * 86400000 + m.ns / 1000000;
    default:
        return (int64_t)m.days * 86400000000 + m.ns / 1000;
    }
}

RESOLVE(resolve_diff)
{
    (void)arg_count;
    if (!can_truncate(constant_field(args[0])))
        return false;
    args_io[0] = args[0]->type;
    for (uint32_t i = 1; i < 3; i++) {
        if (args[i]->type.logical != WR_TYPE_DATE32 && args[i]->type.logical != WR_TYPE_TIMESTAMP)
            return false;
        args_io[i] = args[i]->type;
    }
    *out_result = WR_TYPE(I64);
    return true;
}

EVAL(date_diff)
{
    field f = constant_field(eval->expr->args[0]);

    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);

        ((int64_t *)out->data)[row] =
            field_index(load_moment(args[2], row), f) - field_index(load_moment(args[1], row), f);
    }
    return WR_OK;
}

EVAL(last_day)
{
    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i), month, day;
        int32_t  year;

        wr_civil_from_days(((const int32_t *)args[0]->data)[wr_arg_index(args[0], row)], &year,
                           &month, &day);
        ((int32_t *)out->data)[row] =
            wr_days_from_civil(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - 1;
    }
    return WR_OK;
}

/* ---- Texts ------------------------------------------------------------------------------------- */

static wr_status put_formatted(wr_eval *eval, const wr_vector *arg, uint32_t row, wr_text format,
                               wr_vector *out, wr_error *err)
{
    char    text[FORMATTED_BYTES_MAX];
    moment  m = load_moment(arg, row);
    int64_t offset = 0;
    size_t  byte_count;

    if (arg->type.logical == WR_TYPE_TIMESTAMP && arg->type.zone) {
        int64_t utc = ((const int64_t *)arg->data)[wr_arg_index(arg, row)];

        offset = (wr_timestamp_to_local(arg->type, utc) - utc) / wr_unit_per_second(arg->type.unit);
    }
    byte_count = wr_format_by_format(m.ns, m.days, (int32_t)offset, format, text, sizeof text);
    if (byte_count >= sizeof text)
        return wr_eval_fail(eval, row, err, "%s: the result is longer than %d bytes",
                            eval->expr->function->name, FORMATTED_BYTES_MAX);
    return wr_eval_store_text(eval, out, row, text, byte_count);
}

RESOLVE(resolve_format)
{
    (void)arg_count;
    if (!is_temporal(args[0]->type) || args[0]->type.logical == WR_TYPE_INTERVAL)
        return false;
    args_io[0] = args[0]->type;
    args_io[1] = WR_TYPE(UTF8);
    *out_result = WR_TYPE(UTF8);
    return true;
}

EVAL(format_time)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t      row = wr_selection_row(&eval->live, i);
        const wr_str *format = (const wr_str *)args[1]->data + wr_arg_index(args[1], row);

        WR_TRY(put_formatted(eval, args[0], row, wr_str_text(format), out, err));
    }
    return WR_OK;
}

RESOLVE(resolve_name)
{
    (void)arg_count;
    if (args[0]->type.logical != WR_TYPE_DATE32 && args[0]->type.logical != WR_TYPE_TIMESTAMP)
        return false;
    args_io[0] = args[0]->type;
    *out_result = WR_TYPE(UTF8);
    return true;
}

EVAL(name_of)
{
    wr_text format = eval->expr->function->name[0] == 'd' ? WR_TEXT("%A") : WR_TEXT("%B");

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++)
        WR_TRY(put_formatted(eval, args[0], wr_selection_row(&eval->live, i), format, out, err));
    return WR_OK;
}

EVAL(parse_time)
{
    bool may_fail = eval->expr->function->flags & WR_FN_MAY_NULL;

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t      row = wr_selection_row(&eval->live, i);
        const wr_str *text = (const wr_str *)args[0]->data + wr_arg_index(args[0], row);
        const wr_str *format = (const wr_str *)args[1]->data + wr_arg_index(args[1], row);
        char          shown[2][WR_ARG_TEXT_BYTES];
        int32_t       days;
        int64_t       ns;
        bool          has_time;

        if (wr_parse_by_format(wr_str_text(text), wr_str_text(format), &days, &ns, &has_time))
            ((int64_t *)out->data)[row] = (int64_t)days * 86400000000 + ns / 1000;
        else if (may_fail)
            wr_eval_set_null(out, row);
        else
            return wr_eval_fail(eval, row, err, "strptime: %s does not read as %s",
                                wr_arg_format(args[0], row, shown[0]),
                                wr_arg_format(args[1], row, shown[1]));
    }
    return WR_OK;
}

/* ---- Making ------------------------------------------------------------------------------------ */

static bool is_date(int64_t year, int64_t month, int64_t day)
{
    return year >= -4712 && year <= 294276 && month >= 1 && month <= 12 && day >= 1 &&
           day <= wr_days_from_civil((int32_t)(month == 12 ? year + 1 : year),
                                     (uint32_t)(month == 12 ? 1 : month + 1), 1) -
                      wr_days_from_civil((int32_t)year, (uint32_t)month, 1);
}

static int64_t int_arg(const wr_vector *arg, uint32_t row)
{
    return ((const int64_t *)arg->data)[wr_arg_index(arg, row)];
}

EVAL(make_date)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        int64_t  year = int_arg(args[0], row), month = int_arg(args[1], row),
                day = int_arg(args[2], row);

        if (!is_date(year, month, day))
            return wr_eval_fail(eval, row, err, "make_date: there is no day %lld-%lld-%lld",
                                (long long)year, (long long)month, (long long)day);
        ((int32_t *)out->data)[row] =
            wr_days_from_civil((int32_t)year, (uint32_t)month, (uint32_t)day);
    }
    return WR_OK;
}

EVAL(make_timestamp)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        int64_t  part[5];
        double   seconds = ((const double *)args[5]->data)[wr_arg_index(args[5], row)];

        for (uint32_t k = 0; k < 5; k++)
            part[k] = int_arg(args[k], row);
        if (!is_date(part[0], part[1], part[2]) || part[3] < 0 || part[3] > 23 || part[4] < 0 ||
            part[4] > 59 || !(seconds >= 0 && seconds < 60))
            return wr_eval_fail(eval, row, err,
                                "make_timestamp: there is no time %lld-%lld-%lld %lld:%lld:%g",
                                (long long)part[0], (long long)part[1], (long long)part[2],
                                (long long)part[3], (long long)part[4], seconds);
        ((int64_t *)out->data)[row] =
            (int64_t)wr_days_from_civil((int32_t)part[0], (uint32_t)part[1], (uint32_t)part[2]) *
                86400000000 +
            (part[3] * 60 + part[4]) * 60000000 + llround(seconds * 1e6);
    }
    return WR_OK;
}

EVAL(from_epoch)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        double   us = ((const double *)args[0]->data)[wr_arg_index(args[0], row)] * 1e6;

        if (!(us > -9.2e18 && us < 9.2e18))
            return wr_eval_fail(eval, row, err, "%s: %g seconds are out of range",
                                eval->expr->function->name, us / 1e6);
        ((int64_t *)out->data)[row] = llround(us);
    }
    return WR_OK;
}

EVAL(now)
{
    (void)args, (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++)
        ((int64_t *)out->data)[wr_selection_row(&eval->live, i)] = eval->now_us;
    return WR_OK;
}

EVAL(current_date)
{
    (void)args, (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++)
        ((int32_t *)out->data)[wr_selection_row(&eval->live, i)] =
            (int32_t)wr_floor_divide(eval->now_us, 86400000000);
    return WR_OK;
}

EVAL(current_time)
{
    (void)args, (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++)
        ((int64_t *)out->data)[wr_selection_row(&eval->live, i)] =
            wr_floor_rest(eval->now_us, 86400000000);
    return WR_OK;
}

/* ---- Zones ------------------------------------------------------------------------------------- */

/* Without a zone: the instant at which the zone's clocks show it. With one: what they show then. */
RESOLVE(resolve_timezone)
{
    wr_type type = args[1]->type;
    wr_error ignored = {0};
    uint32_t zone;

    (void)arg_count;
    if (args[0]->kind != WR_EXPR_CONST || args[0]->value.is_null || !wr_type_is_text(args[0]->type))
        return false;
    if (type.logical == WR_TYPE_DATE32)
        type = wr_type_timestamp(WR_UNIT_US, 0);
    if (type.logical != WR_TYPE_TIMESTAMP ||
        wr_zone_find(args[0]->value.text, &zone, &ignored) != WR_OK)
        return false;
    args_io[0] = args[0]->type;
    args_io[1] = type;
    *out_result = wr_type_timestamp((wr_time_unit)type.unit, type.zone ? 0 : zone);
    return true;
}

EVAL(timezone)
{
    wr_type  local = args[1]->type;
    uint32_t zone = out->type.zone;
    bool     to_zone = zone != 0;

    (void)arg_count;
    if (!to_zone)
        WR_TRY(wr_zone_find(eval->expr->args[0]->value.text, &zone, err));
    local.zone = zone;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        int64_t  value = int_arg(args[1], row);

        ((int64_t *)out->data)[row] = to_zone ? wr_timestamp_to_utc(local, value)
                                              : wr_timestamp_to_local(local, value);
    }
    return WR_OK;
}

/* ---- Table ------------------------------------------------------------------------------------- */

/* clang-format off */
#define TYPE(id)      {.logical = WR_TYPE_##id}
#define TIMESTAMP(z)  {.logical = WR_TYPE_TIMESTAMP, .unit = WR_UNIT_US, .zone = z}
#define OPEN(name_, sig, count, resolve_, eval_, help_) \
    {.name = name_, .signature = sig, .param_count = count, .resolve = resolve_, .eval = eval_, .help = help_}
#define PART(name_, help_) \
    {.name = name_, .signature = "(date, time, timestamp or interval) -> Int64", .param_count = 1, \
     .resolve = resolve_named_part, .eval = named_part, .help = help_, .flags = WR_FN_TOTAL}
#define CLOCK(name_, result_, eval_, help_) \
    {.name = name_, .signature = "()", .result = result_, .eval = eval_, .help = help_, \
     .flags = WR_FN_STABLE}

static const wr_function FUNCTIONS[] = {
    OPEN("date_part", "(field, date, time, timestamp or interval) -> number", 2, resolve_part, date_part,
         "a field of the calendar or clock, such as 'year'; also EXTRACT(year FROM x)"),
    PART("year", "year"), PART("quarter", "quarter, 1 to 4"), PART("month", "month, 1 to 12"),
    PART("week", "ISO week, 1 to 53"), PART("isoyear", "year of the ISO week"),
    PART("day", "day of the month"), PART("dayofmonth", "day of the month"),
    PART("dayofweek", "0 Sunday to 6 Saturday"), PART("isodow", "1 Monday to 7 Sunday"),
    PART("dayofyear", "day of the year, from 1"), PART("hour", "hour, 0 to 23"),
    PART("minute", "minute, 0 to 59"), PART("millisecond", "milliseconds of the minute"),
    PART("microsecond", "microseconds of the minute"), PART("decade", "year / 10"),
    PART("century", "century: 2000 is in the 20th"),
    {.name = "second", .signature = "(time, timestamp or interval) -> Float64", .param_count = 1,
     .resolve = resolve_named_fraction, .eval = named_part, .help = "second with its fraction"},
    {.name = "epoch", .signature = "(date, timestamp or interval) -> Float64", .param_count = 1,
     .resolve = resolve_named_fraction, .eval = named_part, .help = "seconds since 1970-01-01 00:00 UTC"},
    OPEN("date_trunc", "(field, date or timestamp) -> timestamp", 2, resolve_trunc, date_trunc,
         "the start of the year, quarter, month, week, day, hour ... it lies in"),
    OPEN("date_diff", "(field, from, to) -> Int64", 3, resolve_diff, date_diff,
         "how many years, months, days ... begin between two moments"),
    OPEN("datediff", "(field, from, to) -> Int64", 3, resolve_diff, date_diff, "as date_diff"),
    {.name = "last_day", .signature = "(date) -> date", .param_count = 1, .params = {TYPE(DATE32)},
     .result = TYPE(DATE32), .eval = last_day, .help = "the last day of the month"},
    OPEN("dayname", "(date or timestamp) -> text", 1, resolve_name, name_of, "Monday to Sunday"),
    OPEN("monthname", "(date or timestamp) -> text", 1, resolve_name, name_of, "January to December"),
    OPEN("strftime", "(date, time or timestamp, format) -> text", 2, resolve_format, format_time,
         "as text, by a format such as '%Y-%m-%d %H:%M:%S'"),
    {.name = "strptime", .signature = "(text, format) -> timestamp", .param_count = 2,
     .params = {TYPE(UTF8), TYPE(UTF8)}, .result = TIMESTAMP(0), .eval = parse_time,
     .help = "read by a format such as '%d.%m.%Y'"},
    {.name = "try_strptime", .signature = "(text, format) -> timestamp", .param_count = 2,
     .params = {TYPE(UTF8), TYPE(UTF8)}, .result = TIMESTAMP(0), .eval = parse_time,
     .help = "as strptime, NULL where it does not read", .flags = WR_FN_MAY_NULL},
    {.name = "make_date", .signature = "(year, month, day) -> date", .param_count = 3,
     .params = {TYPE(I64), TYPE(I64), TYPE(I64)}, .result = TYPE(DATE32), .eval = make_date,
     .help = "a date of its parts"},
    {.name = "make_timestamp", .signature = "(year, month, day, hour, minute, seconds) -> timestamp",
     .param_count = 6, .params = {TYPE(I64), TYPE(I64), TYPE(I64), TYPE(I64), TYPE(I64), TYPE(F64)},
     .result = TIMESTAMP(0), .eval = make_timestamp, .help = "a timestamp of its parts"},
    {.name = "to_timestamp", .signature = "(seconds) -> timestamp with time zone", .param_count = 1,
     .params = {TYPE(F64)}, .result = TIMESTAMP(1), .eval = from_epoch,
     .help = "seconds since 1970-01-01 00:00 UTC as a timestamp"},
    OPEN("timezone", "(zone, timestamp) -> timestamp", 2, resolve_timezone, timezone,
         "also x AT TIME ZONE zone: the instant at which the zone's clocks show x, or what they show at x"),
    CLOCK("now", TIMESTAMP(1), now, "when this run began"),
    CLOCK("current_timestamp", TIMESTAMP(1), now, "when this run began"),
    CLOCK("current_date", TYPE(DATE32), current_date, "the day this run began, UTC"),
    CLOCK("today", TYPE(DATE32), current_date, "the day this run began, UTC"),
    {.name = "current_time", .signature = "()", .result = {.logical = WR_TYPE_TIME, .unit = WR_UNIT_US},
     .eval = current_time, .help = "the time this run began, UTC", .flags = WR_FN_STABLE},
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_DATE = {"date", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
