/* expr/fn_date.c — fields of dates, times, timestamps and intervals; truncating to them, counting them.
 *
 * Fields and weeks are those of the wall clock in the timestamp's zone; weeks are ISO 8601. Names of
 * fields are constants, so a call's result type is known when it is bound: fractions (second, epoch) are
 * Float64, everything else Int64. Source: PostgreSQL's date_part, date_trunc; DuckDB's date_diff. */
#include "expr/fn_date_priv.h"

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
    {"year", FIELD_YEAR}, {"years", FIELD_YEAR}, {"yr", FIELD_YEAR}, {"quarter", FIELD_QUARTER},
    {"qtr", FIELD_QUARTER}, {"month", FIELD_MONTH}, {"months", FIELD_MONTH}, {"mon", FIELD_MONTH}, {"week", FIELD_WEEK}, {"weeks", FIELD_WEEK},
    {"day", FIELD_DAY}, {"days", FIELD_DAY}, {"dayofmonth", FIELD_DAY}, {"hour", FIELD_HOUR},
    {"hours", FIELD_HOUR}, {"hr", FIELD_HOUR}, {"minute", FIELD_MINUTE},
    {"minutes", FIELD_MINUTE}, {"min", FIELD_MINUTE}, {"second", FIELD_SECOND}, {"sec", FIELD_SECOND}, {"seconds", FIELD_SECOND}, {"millisecond", FIELD_MILLISECOND},
    {"milliseconds", FIELD_MILLISECOND}, {"ms", FIELD_MILLISECOND}, {"us", FIELD_MICROSECOND},
    {"microsecond", FIELD_MICROSECOND},
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

/* Calls with such a field are resolved as any, so that the check of the call can say so. */
static bool is_unknown_field(const wr_expr *arg)
{
    return wr_expr_is_literal(arg) && constant_field(arg) == FIELD_NONE;
}

static wr_status check_field(const wr_expr *call, wr_error *err)
{
    wr_suggest suggest;

    if (!is_unknown_field(call->args[0]))
        return WR_OK;
    wr_suggest_init(&suggest, call->args[0]->value.text);
    for (size_t i = 0; i < sizeof FIELD_NAMES / sizeof FIELD_NAMES[0]; i++)
        wr_suggest_offer(&suggest, wr_text_of(FIELD_NAMES[i].name));
    (void)WR_RAISE(err, WR_INVALID, "%s: unknown field '%.*s'", call->function->name,
                   WR_TEXT_ARG(call->args[0]->value.text));
    wr_suggest_append(&suggest, err);
    return WR_INVALID;
}

/* ---- Fields -------------------------------------------------------------------------------------- */

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

static double moment_field(wr_moment m, field f)
{
    int32_t  year;
    uint32_t month, day;

    wr_civil_from_days(m.days, &year, &month, &day);
    switch (f) {
    case FIELD_MILLENNIUM:
        return year > 0 ? (year + 999) / 1000 : -((1000 - year) / 1000); /* there is none of 0 */
    case FIELD_CENTURY:
        return year > 0 ? (year + 99) / 100 : -((100 - year) / 100);
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
        return (double)(m.ns / WR_NS_PER_S / 3600);
    case FIELD_MINUTE:
        return (double)(m.ns / WR_NS_PER_S / 60 % 60);
    case FIELD_SECOND:
        return (double)(m.ns % (60ll * WR_NS_PER_S)) / WR_NS_PER_S;
    case FIELD_MILLISECOND:
        return (double)(m.ns % (60ll * WR_NS_PER_S) / 1000000);
    case FIELD_MICROSECOND:
        return (double)(m.ns % (60ll * WR_NS_PER_S) / 1000);
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
    return (double)m.days * 86400.0 + (double)m.ns / WR_NS_PER_S;
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
        return moment_field(wr_moment_load(arg, row), FIELD_EPOCH);
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
            x = f == FIELD_EPOCH ? epoch_of(arg, row) : moment_field(wr_moment_load(arg, row), f);
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

/* Does the type have the field? Times have no calendar, intervals no weeks or days of the year. */
static bool as_owner_of(field f, wr_type type, wr_type *out_type)
{
    bool is_clock = f >= FIELD_HOUR && f <= FIELD_MICROSECOND;

    if (wr_type_as_day(type, out_type))
        return f != FIELD_NONE;
    if (type.logical == WR_TYPE_TIME)
        return is_clock || f == FIELD_EPOCH;
    return type.logical == WR_TYPE_INTERVAL && f != FIELD_NONE && f != FIELD_WEEK &&
           (f <= FIELD_MICROSECOND || f == FIELD_EPOCH);
}

RESOLVE(resolve_part)
{
    field f = is_unknown_field(args[0]) ? FIELD_EPOCH : constant_field(args[0]);

    (void)arg_count;
    if (!as_owner_of(f, args[1]->type, &args_io[1]))
        return false;
    args_io[0] = args[0]->type;
    *out_result = is_fractional(f) ? WR_TYPE(F64) : WR_TYPE(I64);
    return true;
}

EVAL(date_part)
{
    (void)arg_count, (void)err;
    return put_field(eval, args[1], constant_field(eval->expr->args[0]), out);
}

/* year(x) and its kin: the function's name is the field's; `like` is one of the same kind. */
#define NAMED(name, like, result)                                                                  \
    RESOLVE(name)                                                                                  \
    {                                                                                              \
        (void)arg_count;                                                                           \
        *out_result = WR_TYPE(result);                                                             \
        return as_owner_of(like, args[0]->type, &args_io[0]);                                      \
    }
NAMED(resolve_calendar, FIELD_YEAR, I64)
NAMED(resolve_weekday, FIELD_DAYOFWEEK, I64)
NAMED(resolve_clock, FIELD_HOUR, I64)
NAMED(resolve_second, FIELD_SECOND, F64)
NAMED(resolve_epoch, FIELD_EPOCH, F64)

EVAL(named_part)
{
    (void)arg_count, (void)err;
    return put_field(eval, args[0], find_field(wr_text_of(eval->expr->function->name)), out);
}

/* ---- Truncating and counting ------------------------------------------------------------------- */

static wr_moment truncate(wr_moment m, field f)
{
    int32_t  year;
    uint32_t month, day;

    wr_civil_from_days(m.days, &year, &month, &day);
    switch (f) {
    case FIELD_MILLENNIUM:
        return (wr_moment){wr_days_from_civil((int32_t)floor_to(year - 1, 1000) + 1, 1, 1), 0};
    case FIELD_CENTURY:
        return (wr_moment){wr_days_from_civil((int32_t)floor_to(year - 1, 100) + 1, 1, 1), 0};
    case FIELD_DECADE:
        return (wr_moment){wr_days_from_civil((int32_t)floor_to(year, 10), 1, 1), 0};
    case FIELD_YEAR:
        return (wr_moment){wr_days_from_civil(year, 1, 1), 0};
    case FIELD_QUARTER:
        return (wr_moment){wr_days_from_civil(year, (month - 1) / 3 * 3 + 1, 1), 0};
    case FIELD_MONTH:
        return (wr_moment){wr_days_from_civil(year, month, 1), 0};
    case FIELD_WEEK:
        return (wr_moment){week_start(m.days), 0};
    case FIELD_DAY:
        return (wr_moment){m.days, 0};
    case FIELD_HOUR:
        return (wr_moment){m.days, m.ns - m.ns % (3600ll * WR_NS_PER_S)};
    case FIELD_MINUTE:
        return (wr_moment){m.days, m.ns - m.ns % (60ll * WR_NS_PER_S)};
    case FIELD_SECOND:
        return (wr_moment){m.days, m.ns - m.ns % WR_NS_PER_S};
    case FIELD_MILLISECOND:
        return (wr_moment){m.days, m.ns - m.ns % 1000000};
    default:
        return (wr_moment){m.days, m.ns - m.ns % 1000};
    }
}

static bool can_truncate(const wr_expr *arg)
{
    field f = constant_field(arg);

    return is_unknown_field(arg) || (f != FIELD_NONE && f <= FIELD_MICROSECOND);
}

RESOLVE(resolve_trunc)
{
    (void)arg_count;
    if (!can_truncate(args[0]) || !wr_type_as_day(args[1]->type, &args_io[1]))
        return false;
    args_io[0] = args[0]->type;
    *out_result = args_io[1].logical == WR_TYPE_DATE32 ? wr_type_timestamp(WR_UNIT_US, 0)
                                                       : args_io[1];
    return true;
}

/* False: out of range. */
static bool to_timestamp_of(wr_type type, wr_moment m, int64_t *out_value)
{
    int64_t unit_ns = WR_NS_PER_S / wr_unit_per_second((wr_time_unit)type.unit), local;

    if (__builtin_mul_overflow((int64_t)m.days, wr_unit_per_day((wr_time_unit)type.unit), &local) ||
        __builtin_add_overflow(local, m.ns / unit_ns, &local))
        return false;
    *out_value = wr_timestamp_to_utc(type, local);
    return true;
}

EVAL(date_trunc)
{
    field f = constant_field(eval->expr->args[0]);

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        char     text[WR_ARG_TEXT_BYTES];

        if (!to_timestamp_of(out->type, truncate(wr_moment_load(args[1], row), f),
                             &((int64_t *)out->data)[row]))
            return wr_eval_fail(eval, row, err, "date_trunc of %s is out of the range of timestamps",
                                wr_arg_format(args[1], row, text));
    }
    return WR_OK;
}

/* How many fields begin before the moment: their difference counts the borders between two. */
static wr_i128 field_index(wr_moment m, field f)
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
        return (int64_t)m.days * 24 + m.ns / WR_NS_PER_S / 3600;
    case FIELD_MINUTE:
        return (int64_t)m.days * 1440 + m.ns / WR_NS_PER_S / 60;
    case FIELD_SECOND:
        return (int64_t)m.days * 86400 + m.ns / WR_NS_PER_S;
    case FIELD_MILLISECOND:
        return (wr_i128)m.days * 86400000 + m.ns / 1000000;
    default:
        return (wr_i128)m.days * 86400000000 + m.ns / 1000;
    }
}

RESOLVE(resolve_diff)
{
    (void)arg_count;
    if (!can_truncate(args[0]))
        return false;
    args_io[0] = args[0]->type;
    for (uint32_t i = 1; i < 3; i++)
        if (!wr_type_as_day(args[i]->type, &args_io[i]))
            return false;
    *out_result = WR_TYPE(I64);
    return true;
}

EVAL(date_diff)
{
    field f = constant_field(eval->expr->args[0]);

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        wr_i128  count = field_index(wr_moment_load(args[2], row), f) -
                         field_index(wr_moment_load(args[1], row), f);

        if (count != (int64_t)count)
            return wr_eval_fail(eval, row, err, "%s overflows Int64", eval->expr->function->name);
        ((int64_t *)out->data)[row] = (int64_t)count;
    }
    return WR_OK;
}

/* A timestamp is cast to its date. */
RESOLVE(resolve_last_day)
{
    (void)arg_count;
    args_io[0] = *out_result = WR_TYPE(DATE32);
    return wr_type_as_day(args[0]->type, &(wr_type){0}) || wr_expr_is_null(args[0]) ||
           wr_expr_is_literal(args[0]);
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

/* ---- Table ------------------------------------------------------------------------------------- */

/* clang-format off */
#define OPEN(name_, sig, count, resolve_, eval_, help_) \
    {.name = name_, .signature = sig, .param_count = count, .resolve = resolve_, .eval = eval_, .help = help_}
#define OF_FIELD(name_, sig, count, resolve_, eval_, help_) \
    {.name = name_, .signature = sig, .param_count = count, .resolve = resolve_, .check = check_field, \
     .eval = eval_, .help = help_}
#define PART(name_, sig, resolve_, help_) \
    {.name = name_, .signature = sig, .param_count = 1, .resolve = resolve_, .eval = named_part, .help = help_, \
     .flags = WR_FN_TOTAL}
#define CALENDAR(name_, help_) \
    PART(name_, "(date, timestamp or interval) -> Int64", resolve_calendar, help_)
#define WEEKDAY(name_, help_) PART(name_, "(date or timestamp) -> Int64", resolve_weekday, help_)
#define CLOCK(name_, help_) \
    PART(name_, "(date, time, timestamp or interval) -> Int64", resolve_clock, help_)

static const wr_function FUNCTIONS[] = {
    OF_FIELD("date_part", "(field, date, time, timestamp or interval) -> number", 2, resolve_part, date_part,
         "a field of the calendar or clock, such as 'year'; also EXTRACT(year FROM x)"),
    CALENDAR("year", "year"), CALENDAR("quarter", "quarter, 1 to 4"),
    CALENDAR("month", "month, 1 to 12"), WEEKDAY("week", "ISO week, 1 to 53"),
    WEEKDAY("isoyear", "year of the ISO week"), CALENDAR("day", "day of the month"),
    CALENDAR("dayofmonth", "day of the month"), WEEKDAY("dayofweek", "0 Sunday to 6 Saturday"),
    WEEKDAY("isodow", "1 Monday to 7 Sunday"), WEEKDAY("dayofyear", "day of the year, from 1"),
    CLOCK("hour", "hour, 0 to 23"), CLOCK("minute", "minute, 0 to 59"),
    CLOCK("millisecond", "milliseconds of the minute"),
    CLOCK("microsecond", "microseconds of the minute"), CALENDAR("decade", "year / 10"),
    CALENDAR("century", "century: 2000 is in the 20th"),
    PART("second", "(date, time, timestamp or interval) -> Float64", resolve_second,
         "second with its fraction"),
    PART("epoch", "(date, time, timestamp or interval) -> Float64", resolve_epoch,
         "seconds since 1970-01-01 00:00 UTC; of a time or interval, its length"),
    OF_FIELD("date_trunc", "(field, date or timestamp) -> timestamp", 2, resolve_trunc, date_trunc,
         "the start of the year, quarter, month, week, day, hour ... it lies in"),
    OF_FIELD("date_diff", "(field, from, to) -> Int64", 3, resolve_diff, date_diff,
         "how many years, months, days ... begin between two moments"),
    OF_FIELD("datediff", "(field, from, to) -> Int64", 3, resolve_diff, date_diff, "as date_diff"),
    OPEN("last_day", "(date or timestamp) -> date", 1, resolve_last_day, last_day,
         "the last day of the month"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_DATE = {"date", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
