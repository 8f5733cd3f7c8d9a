/* expr/op_temporal.c — + - * / with dates, times, timestamps and intervals, as PostgreSQL does them.
 *
 * Intervals keep months, days and microseconds apart. Months move the day of the month and stop at
 * the month's last day; months and days are added on the wall clock of the timestamp's zone,
 * microseconds are elapsed time. A difference of timestamps is in days and microseconds. Results
 * have microseconds, or nanoseconds if an argument has. */
#include "expr/expr_priv.h"
#include "expr/operators.h"
#include "expr/temporal.h"

#include <math.h>

static wr_status fail_range(wr_eval *eval, const wr_vector *const *args, const char *symbol,
                            wr_type result, uint32_t row, wr_error *err)
{
    char left[WR_ARG_TEXT_BYTES], right[WR_ARG_TEXT_BYTES], name[WR_TYPE_NAME_BYTES];

    return wr_eval_fail(eval, row, err, "%s %s %s is out of the range of %s",
                        wr_arg_format(args[0], row, left), symbol,
                        wr_arg_format(args[1], row, right), wr_type_format(result, name));
}

/* One row of an operation: false if the result is out of range. */
typedef bool (*combine_fn)(const wr_vector *left, uint32_t i, const wr_vector *right, uint32_t j,
                           const wr_vector *out, uint32_t row);

static wr_status for_rows(wr_eval *eval, const wr_vector *const *args, const char *symbol,
                          combine_fn combine, wr_vector *out, wr_error *err)
{
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);

        if (!combine(args[0], wr_arg_index(args[0], row), args[1], wr_arg_index(args[1], row), out,
                     row))
            return fail_range(eval, args, symbol, out->type, row, err);
    }
    return WR_OK;
}

#define VALUE(ctype, vector, index) (((const ctype *)(vector)->data)[index])
#define RESULT(ctype)               (((ctype *)out->data)[row])
#define COMBINE(name)                                                                              \
    static bool name(const wr_vector *left, uint32_t i, const wr_vector *right, uint32_t j,        \
                     const wr_vector *out, uint32_t row)

/* ---- Dates ----------------------------------------------------------------------------------------- */

COMBINE(add_date_days)
{
    int64_t days;

    if (__builtin_add_overflow((int64_t)VALUE(int32_t, left, i), VALUE(int64_t, right, j), &days))
        return false;
    RESULT(int32_t) = (int32_t)days;
    return days == (int32_t)days;
}

COMBINE(add_days_date)
{
    return add_date_days(right, j, left, i, out, row);
}

COMBINE(subtract_date_days)
{
    int64_t days;

    if (__builtin_sub_overflow((int64_t)VALUE(int32_t, left, i), VALUE(int64_t, right, j), &days))
        return false;
    RESULT(int32_t) = (int32_t)days;
    return days == (int32_t)days;
}

COMBINE(subtract_dates)
{
    return !__builtin_sub_overflow(VALUE(int32_t, left, i), VALUE(int32_t, right, j),
                                   &RESULT(int32_t));
}

COMBINE(add_date_time)
{
    int64_t day = wr_unit_per_day(out->type.unit), midnight;

    return !__builtin_mul_overflow((int64_t)VALUE(int32_t, left, i), day, &midnight) &&
           !__builtin_add_overflow(midnight, VALUE(int64_t, right, j), &RESULT(int64_t));
}

COMBINE(add_time_date)
{
    return add_date_time(right, j, left, i, out, row);
}

/* ---- Timestamps and intervals ------------------------------------------------------------------------ */

static bool negate_interval(wr_interval x, wr_interval *out)
{
    return !__builtin_sub_overflow(0, x.months, &out->months) &&
           !__builtin_sub_overflow(0, x.days, &out->days) &&
           !__builtin_sub_overflow((int64_t)0, x.us, &out->us);
}

COMBINE(add_timestamp_interval)
{
    return wr_timestamp_add(out->type, VALUE(int64_t, left, i), VALUE(wr_interval, right, j),
                            &RESULT(int64_t));
}

COMBINE(add_interval_timestamp)
{
    return add_timestamp_interval(right, j, left, i, out, row);
}

COMBINE(subtract_timestamp_interval)
{
    wr_interval negated;

    return negate_interval(VALUE(wr_interval, right, j), &negated) &&
           wr_timestamp_add(out->type, VALUE(int64_t, left, i), negated, &RESULT(int64_t));
}

COMBINE(add_date_interval)
{
    int64_t midnight;

    return !__builtin_mul_overflow((int64_t)VALUE(int32_t, left, i),
                                   wr_unit_per_day(out->type.unit), &midnight) &&
           wr_timestamp_add(out->type, midnight, VALUE(wr_interval, right, j), &RESULT(int64_t));
}

COMBINE(add_interval_date)
{
    return add_date_interval(right, j, left, i, out, row);
}

COMBINE(subtract_date_interval)
{
    wr_interval negated;
    int64_t     midnight;

    return negate_interval(VALUE(wr_interval, right, j), &negated) &&
           !__builtin_mul_overflow((int64_t)VALUE(int32_t, left, i),
                                   wr_unit_per_day(out->type.unit), &midnight) &&
           wr_timestamp_add(out->type, midnight, negated, &RESULT(int64_t));
}

/* Whole days apart from the rest, both of one sign. */
COMBINE(subtract_timestamps)
{
    int64_t difference, day = wr_unit_per_day(left->type.unit);

    if (__builtin_sub_overflow(VALUE(int64_t, left, i), VALUE(int64_t, right, j), &difference))
        return false;
    RESULT(wr_interval) = (wr_interval){
        .days = (int32_t)(difference / day),
        .us = difference % day / (wr_unit_per_second(left->type.unit) / 1000000)};
    return true;
}

COMBINE(subtract_times)
{
    int64_t difference = VALUE(int64_t, left, i) - VALUE(int64_t, right, j);

    RESULT(wr_interval) =
        (wr_interval){.us = difference / (wr_unit_per_second(left->type.unit) / 1000000)};
    return true;
}

/* Time of day wraps around midnight; months and days do not touch it. */
static bool wrap_time(const wr_vector *out, int64_t time, int64_t us, int64_t *out_time)
{
    int64_t day = wr_unit_per_day(out->type.unit);
    int64_t sum = time + us % 86400000000 * (wr_unit_per_second(out->type.unit) / 1000000);

    *out_time = (sum % day + day) % day;
    return true;
}

COMBINE(add_time_interval)
{
    return wrap_time(out, VALUE(int64_t, left, i), VALUE(wr_interval, right, j).us,
                     &RESULT(int64_t));
}

COMBINE(add_interval_time)
{
    return add_time_interval(right, j, left, i, out, row);
}

COMBINE(subtract_time_interval)
{
    return wrap_time(out, VALUE(int64_t, left, i), -(VALUE(wr_interval, right, j).us % 86400000000),
                     &RESULT(int64_t));
}

/* ---- Intervals ----------------------------------------------------------------------------------------- */

COMBINE(add_intervals)
{
    wr_interval a = VALUE(wr_interval, left, i), b = VALUE(wr_interval, right, j);
    wr_interval *result = &RESULT(wr_interval);

    return !__builtin_add_overflow(a.months, b.months, &result->months) &&
           !__builtin_add_overflow(a.days, b.days, &result->days) &&
           !__builtin_add_overflow(a.us, b.us, &result->us);
}

COMBINE(subtract_intervals)
{
    wr_interval a = VALUE(wr_interval, left, i), b = VALUE(wr_interval, right, j);
    wr_interval *result = &RESULT(wr_interval);

    return !__builtin_sub_overflow(a.months, b.months, &result->months) &&
           !__builtin_sub_overflow(a.days, b.days, &result->days) &&
           !__builtin_sub_overflow(a.us, b.us, &result->us);
}

static double round_us(double seconds)
{
    return rint(seconds * 1e6) / 1e6;
}

/* Fractions of months go to days (30 a month), fractions of days to time. A quotient is not a
 * product with 1 / by: 49 months / 49 is exactly one. */
static bool scale_interval(wr_interval x, double by, bool divides, wr_interval *out)
{
    double months = divides ? x.months / by : x.months * by;
    double days = divides ? x.days / by : x.days * by, rest_days, rest_s, us;

    if (!(fabs(months) < 0x1p31 && fabs(days) < 0x1p31))
        return false;
    rest_days = round_us((months - trunc(months)) * 30);
    rest_s = round_us((days - trunc(days) + rest_days - trunc(rest_days)) * 86400);
    days = trunc(days) + trunc(rest_days);
    if (fabs(rest_s) >= 86400) {
        days += trunc(rest_s / 86400);
        rest_s -= trunc(rest_s / 86400) * 86400;
    }
    us = divides ? (double)x.us / by : (double)x.us * by;
    us = rint(us + rest_s * 1e6);
    if (!(fabs(days) < 0x1p31 && fabs(us) < 0x1p63))
        return false;
    *out = (wr_interval){(int32_t)months, (int32_t)days, (int64_t)us};
    return true;
}

COMBINE(multiply_interval)
{
    return scale_interval(VALUE(wr_interval, left, i), VALUE(double, right, j), false,
                          &RESULT(wr_interval));
}

COMBINE(multiply_by_interval)
{
    return multiply_interval(right, j, left, i, out, row);
}

COMBINE(divide_interval)
{
    return scale_interval(VALUE(wr_interval, left, i), VALUE(double, right, j), true,
                          &RESULT(wr_interval));
}

static wr_status eval_divide_interval(wr_eval *eval, const wr_vector *const *args,
                                      uint32_t arg_count, wr_vector *out, wr_error *err)
{
    char text[WR_ARG_TEXT_BYTES];

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);

        if (VALUE(double, args[1], wr_arg_index(args[1], row)) == 0)
            return wr_eval_fail(eval, row, err, "division by zero: %s / 0",
                                wr_arg_format(args[0], row, text));
    }
    return for_rows(eval, args, "/", divide_interval, out, err);
}

static wr_status eval_negate_interval(wr_eval *eval, const wr_vector *const *args,
                                      uint32_t arg_count, wr_vector *out, wr_error *err)
{
    char text[WR_ARG_TEXT_BYTES];

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);

        if (!negate_interval(VALUE(wr_interval, args[0], wr_arg_index(args[0], row)),
                             &RESULT(wr_interval)))
            return wr_eval_fail(eval, row, err, "-(%s) is out of the range of Interval",
                                wr_arg_format(args[0], row, text));
    }
    return WR_OK;
}

#define EVAL(combine, symbol)                                                                      \
    static wr_status eval_##combine(wr_eval *eval, const wr_vector *const *args,                   \
                                    uint32_t arg_count, wr_vector *out, wr_error *err)             \
    {                                                                                              \
        (void)arg_count;                                                                           \
        return for_rows(eval, args, symbol, combine, out, err);                                    \
    }
EVAL(add_date_days, "+")
EVAL(add_days_date, "+")
EVAL(subtract_date_days, "-")
EVAL(subtract_dates, "-")
EVAL(add_date_time, "+")
EVAL(add_time_date, "+")
EVAL(add_timestamp_interval, "+")
EVAL(add_interval_timestamp, "+")
EVAL(subtract_timestamp_interval, "-")
EVAL(add_date_interval, "+")
EVAL(add_interval_date, "+")
EVAL(subtract_date_interval, "-")
EVAL(subtract_timestamps, "-")
EVAL(subtract_times, "-")
EVAL(add_time_interval, "+")
EVAL(add_interval_time, "+")
EVAL(subtract_time_interval, "-")
EVAL(add_intervals, "+")
EVAL(subtract_intervals, "-")
EVAL(multiply_interval, "*")
EVAL(multiply_by_interval, "*")

/* ---- Types with units and zones -------------------------------------------------------------------------- */

static bool is_date(wr_type type)
{
    return type.logical == WR_TYPE_DATE32 || type.logical == WR_TYPE_DATE64;
}

/* At least microseconds: what intervals have. */
static wr_type at_least_us(wr_type type)
{
    if (type.unit < WR_UNIT_US)
        type.unit = WR_UNIT_US;
    return type;
}

/* `timed` is of `logical`, the other an interval or something that may become one. */
static bool resolve_with_interval(const wr_expr *timed, wr_logical logical, const wr_expr *other,
                                  wr_type *out_timed, wr_type *out_interval)
{
    if (timed->type.logical != logical ||
        (other->type.logical != WR_TYPE_INTERVAL && !wr_expr_is_null(other) &&
         !wr_expr_is_literal(other)))
        return false;
    *out_timed = at_least_us(timed->type);
    *out_interval = WR_TYPE(INTERVAL);
    return true;
}

#define RESOLVE(name)                                                                              \
    static bool name(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,             \
                     wr_type *out_result)

RESOLVE(resolve_timestamp_interval)
{
    (void)arg_count;
    if (!resolve_with_interval(args[0], WR_TYPE_TIMESTAMP, args[1], &args_io[0], &args_io[1]))
        return false;
    *out_result = args_io[0];
    return true;
}

RESOLVE(resolve_interval_timestamp)
{
    (void)arg_count;
    if (!resolve_with_interval(args[1], WR_TYPE_TIMESTAMP, args[0], &args_io[1], &args_io[0]))
        return false;
    *out_result = args_io[1];
    return true;
}

RESOLVE(resolve_time_interval)
{
    (void)arg_count;
    if (!resolve_with_interval(args[0], WR_TYPE_TIME, args[1], &args_io[0], &args_io[1]))
        return false;
    *out_result = args_io[0];
    return true;
}

RESOLVE(resolve_interval_time)
{
    (void)arg_count;
    if (!resolve_with_interval(args[1], WR_TYPE_TIME, args[0], &args_io[1], &args_io[0]))
        return false;
    *out_result = args_io[1];
    return true;
}

RESOLVE(resolve_date_time)
{
    (void)arg_count;
    if (!is_date(args[0]->type) || args[1]->type.logical != WR_TYPE_TIME)
        return false;
    args_io[0] = WR_TYPE(DATE32);
    args_io[1] = at_least_us(args[1]->type);
    *out_result = wr_type_timestamp((wr_time_unit)args_io[1].unit, 0);
    return true;
}

RESOLVE(resolve_time_date)
{
    (void)arg_count;
    if (!is_date(args[1]->type) || args[0]->type.logical != WR_TYPE_TIME)
        return false;
    args_io[0] = at_least_us(args[0]->type);
    args_io[1] = WR_TYPE(DATE32);
    *out_result = wr_type_timestamp((wr_time_unit)args_io[0].unit, 0);
    return true;
}

/* Two of `logical`, or one and what can become it. */
static bool resolve_difference(const wr_expr *const *args, wr_logical logical, wr_type *args_io,
                               wr_type *out_result)
{
    wr_type common;

    if ((args[0]->type.logical != logical && args[1]->type.logical != logical) ||
        !wr_expr_common(args, 2, false, &common) || common.logical != logical)
        return false;
    args_io[0] = args_io[1] = at_least_us(common);
    *out_result = WR_TYPE(INTERVAL);
    return true;
}

RESOLVE(resolve_timestamps)
{
    (void)arg_count;
    return resolve_difference(args, WR_TYPE_TIMESTAMP, args_io, out_result);
}

RESOLVE(resolve_times)
{
    (void)arg_count;
    return resolve_difference(args, WR_TYPE_TIME, args_io, out_result);
}

/* ---- Table ------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define EXACT(symbol, sig, left, right, result_, eval_fn) \
    {.name = symbol, .signature = sig, .param_count = 2, .params = {left, right}, .result = result_, \
     .eval = eval_fn, .help = "calendar arithmetic"}
#define OPEN(symbol, sig, resolve_fn, eval_fn) \
    {.name = symbol, .signature = sig, .param_count = 2, .resolve = resolve_fn, .eval = eval_fn, \
     .help = "calendar arithmetic"}
#define TYPE(id)     {.logical = WR_TYPE_##id}
#define TIMESTAMP_US {.logical = WR_TYPE_TIMESTAMP, .unit = WR_UNIT_US}
#define ADD WR_OPERATOR_ADD
#define SUB WR_OPERATOR_SUB

static const wr_function FUNCTIONS[] = {
    EXACT(ADD, "(date, interval) -> timestamp", TYPE(DATE32), TYPE(INTERVAL), TIMESTAMP_US, eval_add_date_interval),
    EXACT(ADD, "(interval, date) -> timestamp", TYPE(INTERVAL), TYPE(DATE32), TIMESTAMP_US, eval_add_interval_date),
    EXACT(ADD, "(date, int) -> date", TYPE(DATE32), TYPE(I64), TYPE(DATE32), eval_add_date_days),
    EXACT(ADD, "(int, date) -> date", TYPE(I64), TYPE(DATE32), TYPE(DATE32), eval_add_days_date),
    EXACT(ADD, "(interval, interval) -> interval", TYPE(INTERVAL), TYPE(INTERVAL), TYPE(INTERVAL), eval_add_intervals),
    OPEN(ADD, "(timestamp, interval) -> timestamp", resolve_timestamp_interval, eval_add_timestamp_interval),
    OPEN(ADD, "(interval, timestamp) -> timestamp", resolve_interval_timestamp, eval_add_interval_timestamp),
    OPEN(ADD, "(time, interval) -> time", resolve_time_interval, eval_add_time_interval),
    OPEN(ADD, "(interval, time) -> time", resolve_interval_time, eval_add_interval_time),
    OPEN(ADD, "(date, time) -> timestamp", resolve_date_time, eval_add_date_time),
    OPEN(ADD, "(time, date) -> timestamp", resolve_time_date, eval_add_time_date),
    EXACT(SUB, "(date, date) -> int", TYPE(DATE32), TYPE(DATE32), TYPE(I32), eval_subtract_dates),
    EXACT(SUB, "(date, int) -> date", TYPE(DATE32), TYPE(I64), TYPE(DATE32), eval_subtract_date_days),
    EXACT(SUB, "(date, interval) -> timestamp", TYPE(DATE32), TYPE(INTERVAL), TIMESTAMP_US, eval_subtract_date_interval),
    EXACT(SUB, "(interval, interval) -> interval", TYPE(INTERVAL), TYPE(INTERVAL), TYPE(INTERVAL), eval_subtract_intervals),
    OPEN(SUB, "(timestamp, timestamp) -> interval", resolve_timestamps, eval_subtract_timestamps),
    OPEN(SUB, "(timestamp, interval) -> timestamp", resolve_timestamp_interval, eval_subtract_timestamp_interval),
    OPEN(SUB, "(time, time) -> interval", resolve_times, eval_subtract_times),
    OPEN(SUB, "(time, interval) -> time", resolve_time_interval, eval_subtract_time_interval),
    {.name = SUB, .signature = "(interval) -> interval", .param_count = 1, .params = {TYPE(INTERVAL)},
     .result = TYPE(INTERVAL), .eval = eval_negate_interval, .help = "negation"},
    EXACT(WR_OPERATOR_MUL, "(interval, number) -> interval", TYPE(INTERVAL), TYPE(F64), TYPE(INTERVAL), eval_multiply_interval),
    EXACT(WR_OPERATOR_MUL, "(number, interval) -> interval", TYPE(F64), TYPE(INTERVAL), TYPE(INTERVAL), eval_multiply_by_interval),
    EXACT(WR_OPERATOR_DIV, "(interval, number) -> interval", TYPE(INTERVAL), TYPE(F64), TYPE(INTERVAL), eval_divide_interval),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_TEMPORAL = {"calendar", FUNCTIONS,
                                                 sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
