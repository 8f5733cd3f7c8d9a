/* expr/fn_time.c — dates and times as text and from it, made of their parts; the clock; time zones.
 *
 * Names and formats are those of the wall clock in the timestamp's zone. Source: PostgreSQL's make_date
 * and its kin, to_timestamp, timezone; DuckDB's strftime, strptime, epoch_ms. */
#include "base/real.h"
#include "expr/fn_date_priv.h"
#include "types/zone.h"

enum { FORMATTED_BYTES_MAX = 512 };

static int64_t int_arg(const wr_vector *arg, uint32_t row)
{
    return ((const int64_t *)arg->data)[wr_arg_index(arg, row)];
}

/* ---- Texts ------------------------------------------------------------------------------------- */

static wr_status put_formatted(wr_eval *eval, const wr_vector *arg, uint32_t row, wr_text format,
                               wr_vector *out, wr_error *err)
{
    char    text[FORMATTED_BYTES_MAX];
    wr_moment m = wr_moment_load(arg, row);
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
    args_io[1] = *out_result = WR_TYPE(UTF8);
    return wr_type_as_day(args[0]->type, &args_io[0]) || args[0]->type.logical == WR_TYPE_TIME;
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
    *out_result = WR_TYPE(UTF8);
    return wr_type_as_day(args[0]->type, &args_io[0]);
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

static bool is_time(int64_t hour, int64_t minute, double second)
{
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second < 60;
}

static int64_t time_us(int64_t hour, int64_t minute, double second)
{
    return (hour * 60 + minute) * 60000000 + wr_real_round(second * 1e6);
}

EVAL(make_time)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        int64_t  hour = int_arg(args[0], row), minute = int_arg(args[1], row);
        double   second = ((const double *)args[2]->data)[wr_arg_index(args[2], row)];

        if (!is_time(hour, minute, second))
            return wr_eval_fail(eval, row, err, "make_time: there is no time %lld:%lld:%g",
                                (long long)hour, (long long)minute, second);
        ((int64_t *)out->data)[row] = time_us(hour, minute, second);
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
        if (!is_date(part[0], part[1], part[2]) || !is_time(part[3], part[4], seconds))
            return wr_eval_fail(eval, row, err,
                                "make_timestamp: there is no time %lld-%lld-%lld %lld:%lld:%g",
                                (long long)part[0], (long long)part[1], (long long)part[2],
                                (long long)part[3], (long long)part[4], seconds);
        ((int64_t *)out->data)[row] =
            (int64_t)wr_days_from_civil((int32_t)part[0], (uint32_t)part[1], (uint32_t)part[2]) *
                86400000000 +
            time_us(part[3], part[4], seconds);
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
        ((int64_t *)out->data)[row] = wr_real_round(us);
    }
    return WR_OK;
}

/* Timestamps count from 1970 in UTC, in units of their own: scaled towards minus infinity. */
static wr_status scale_epoch(wr_eval *eval, const wr_vector *arg, int64_t per_second,
                             wr_vector *out, wr_error *err)
{
    int64_t unit = wr_unit_per_second((wr_time_unit)arg->type.unit);

    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        int64_t *result = &((int64_t *)out->data)[row], value = int_arg(arg, row);
        char     text[WR_ARG_TEXT_BYTES];

        if (unit >= per_second)
            *result = wr_floor_divide(value, unit / per_second);
        else if (__builtin_mul_overflow(value, per_second / unit, result))
            return wr_eval_fail(eval, row, err, "%s of %s overflows Int64",
                                eval->expr->function->name, wr_arg_format(arg, row, text));
    }
    return WR_OK;
}

RESOLVE(resolve_epoch)
{
    (void)arg_count;
    *out_result = WR_TYPE(I64);
    if (!wr_type_as_day(args[0]->type, &args_io[0]))
        return false;
    if (args_io[0].logical == WR_TYPE_DATE32)
        args_io[0] = wr_type_timestamp(WR_UNIT_S, 0);
    return true;
}

EVAL(epoch_ms)
{
    (void)arg_count;
    return scale_epoch(eval, args[0], 1000, out, err);
}

EVAL(epoch_us)
{
    (void)arg_count;
    return scale_epoch(eval, args[0], 1000000, out, err);
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
    if (!wr_expr_is_literal(args[0]))
        return false;
    if (wr_zone_find(args[0]->value.text, &zone, &ignored) != WR_OK)
        zone = 0; /* the check of the call says so */
    if (wr_type_as_day(type, &type) && type.logical == WR_TYPE_DATE32)
        type = wr_type_timestamp(WR_UNIT_US, 0);
    if (type.logical != WR_TYPE_TIMESTAMP)
        return false;
    args_io[0] = args[0]->type;
    args_io[1] = type;
    *out_result = wr_type_timestamp((wr_time_unit)type.unit, type.zone ? 0 : zone);
    return true;
}

static wr_status check_timezone(const wr_expr *call, wr_error *err)
{
    uint32_t zone;

    return wr_zone_find(call->args[0]->value.text, &zone, err);
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
#define OPEN(name_, sig, count, resolve_, eval_, help_) \
    {.name = name_, .signature = sig, .param_count = count, .resolve = resolve_, .eval = eval_, .help = help_}
#define TYPE(id)      {.logical = WR_TYPE_##id}
#define TIME          {.logical = WR_TYPE_TIME, .unit = WR_UNIT_US}
#define TIMESTAMP(z)  {.logical = WR_TYPE_TIMESTAMP, .unit = WR_UNIT_US, .zone = z}
#define CLOCK(name_, result_, eval_, help_) \
    {.name = name_, .signature = "()", .result = result_, .eval = eval_, .help = help_, \
     .flags = WR_FN_STABLE}

static const wr_function FUNCTIONS[] = {
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
    {.name = "make_time", .signature = "(hour, minute, seconds) -> time", .param_count = 3,
     .params = {TYPE(I64), TYPE(I64), TYPE(F64)}, .result = TIME, .eval = make_time,
     .help = "a time of its parts"},
    {.name = "make_timestamp", .signature = "(year, month, day, hour, minute, seconds) -> timestamp",
     .param_count = 6, .params = {TYPE(I64), TYPE(I64), TYPE(I64), TYPE(I64), TYPE(I64), TYPE(F64)},
     .result = TIMESTAMP(0), .eval = make_timestamp, .help = "a timestamp of its parts"},
    {.name = "to_timestamp", .signature = "(seconds) -> timestamp with time zone", .param_count = 1,
     .params = {TYPE(F64)}, .result = TIMESTAMP(1), .eval = from_epoch,
     .help = "seconds since 1970-01-01 00:00 UTC as a timestamp"},
    OPEN("epoch_ms", "(date or timestamp) -> Int64", 1, resolve_epoch, epoch_ms,
         "whole milliseconds since 1970-01-01 00:00 UTC"),
    OPEN("epoch_us", "(date or timestamp) -> Int64", 1, resolve_epoch, epoch_us,
         "whole microseconds since 1970-01-01 00:00 UTC"),
    {.name = "timezone", .signature = "(zone, timestamp) -> timestamp", .param_count = 2,
     .resolve = resolve_timezone, .check = check_timezone, .eval = timezone,
     .help = "also x AT TIME ZONE zone: the instant at which the zone's clocks show x, or what they show at x"},
    CLOCK("now", TIMESTAMP(1), now, "when this run began"),
    CLOCK("current_timestamp", TIMESTAMP(1), now, "when this run began"),
    CLOCK("localtimestamp", TIMESTAMP(0), now, "when this run began, UTC, without a time zone"),
    CLOCK("current_date", TYPE(DATE32), current_date, "the day this run began, UTC"),
    CLOCK("today", TYPE(DATE32), current_date, "the day this run began, UTC"),
    CLOCK("current_time", TIME, current_time, "the time this run began, UTC"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_TIME = {"date", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
