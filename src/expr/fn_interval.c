/* expr/fn_interval.c — intervals: made of parts, evened out, between two moments, as the width of bins.
 *
 * Source: PostgreSQL's age, justify_..., make_interval, date_bin. A month is 30 days and a day 24
 * hours where one has to become the other. */
#include <math.h>

#include "base/real.h"
#include "expr/fn_date_priv.h"

enum { DAYS_PER_MONTH = 30 };

static const int64_t DAY_US = 86400000000;

static wr_interval interval_arg(const wr_vector *arg, uint32_t row)
{
    return ((const wr_interval *)arg->data)[wr_arg_index(arg, row)];
}

static wr_status fail_range(wr_eval *eval, uint32_t row, wr_error *err)
{
    return wr_eval_fail(eval, row, err, "%s: the result is out of the range of Interval",
                        eval->expr->function->name);
}

static bool put_interval(wr_i128 months, wr_i128 days, wr_i128 us, wr_interval *out)
{
    *out = (wr_interval){(int32_t)months, (int32_t)days, (int64_t)us};
    return out->months == months && out->days == days && out->us == us;
}

/* ---- Parts ------------------------------------------------------------------------------------- */

/* Years, months, weeks, days, hours, minutes, seconds: as many as are given. */
RESOLVE(resolve_make)
{
    (void)args;
    for (uint32_t i = 0; i < arg_count; i++)
        args_io[i] = i == 6 ? WR_TYPE(F64) : WR_TYPE(I64);
    *out_result = WR_TYPE(INTERVAL);
    return arg_count <= 7;
}

EVAL(make_interval)
{
    static const int64_t MONTHS[] = {12, 1}, DAYS[] = {7, 1}, US[] = {3600000000, 60000000};

    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        wr_i128  months = 0, days = 0, us = 0;
        double   second_us = 0;

        for (uint32_t k = 0; k < arg_count && k < 6; k++) {
            wr_i128 part = ((const int64_t *)args[k]->data)[wr_arg_index(args[k], row)];

            months += k < 2 ? part * MONTHS[k] : 0;
            days += k >= 2 && k < 4 ? part * DAYS[k - 2] : 0;
            us += k >= 4 ? part * US[k - 4] : 0;
        }
        if (arg_count == 7)
            second_us = ((const double *)args[6]->data)[wr_arg_index(args[6], row)] * 1e6;
        if (!(fabs(second_us) < 9.2e18) ||
            !put_interval(months, days, us + wr_real_round(second_us), &((wr_interval *)out->data)[row]))
            return fail_range(eval, row, err);
    }
    return WR_OK;
}

/* ---- Evening out ------------------------------------------------------------------------------- */

/* Move whole multiples of `size` from the lower part to the upper one. */
static void carry(wr_i128 *upper, wr_i128 *lower, int64_t size)
{
    *upper += *lower / size;
    *lower %= size;
}

/* Borrow one of the upper part where the lower one has the other sign. */
static void match_sign(wr_i128 *upper, wr_i128 *lower, wr_i128 rest, int64_t size)
{
    if (*upper > 0 && (*lower < 0 || (*lower == 0 && rest < 0))) {
        *upper -= 1;
        *lower += size;
    } else if (*upper < 0 && (*lower > 0 || (*lower == 0 && rest > 0))) {
        *upper += 1;
        *lower -= size;
    }
}

EVAL(justify)
{
    const char *name = eval->expr->function->name;
    bool        is_hours = strcmp(name, "justify_days") != 0;
    bool        is_days = strcmp(name, "justify_hours") != 0;

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t    row = wr_selection_row(&eval->live, i);
        wr_interval x = interval_arg(args[0], row);
        wr_i128     months = x.months, days = x.days, us = x.us;

        if (is_hours)
            carry(&days, &us, DAY_US);
        if (is_days) {
            carry(&months, &days, DAYS_PER_MONTH);
            match_sign(&months, &days, is_hours ? us : 0, DAYS_PER_MONTH);
        }
        if (is_hours)
            match_sign(&days, &us, 0, DAY_US);
        if (!put_interval(months, days, us, &((wr_interval *)out->data)[row]))
            return fail_range(eval, row, err);
    }
    return WR_OK;
}

/* ---- Between two moments ----------------------------------------------------------------------- */

static int32_t days_of_month(int32_t year, uint32_t month)
{
    int32_t next = month == 12 ? wr_days_from_civil(year + 1, 1, 1)
                               : wr_days_from_civil(year, month + 1, 1);

    return next - wr_days_from_civil(year, month, 1);
}

/* Years, months, days and the rest from the earlier to the later; days left over after whole months
 * count in the month of the earlier one. */
static wr_interval span(wr_moment later, wr_moment earlier)
{
    int32_t  years[2], months, days;
    uint32_t month[2], day[2];
    int64_t  us = later.ns / 1000 - earlier.ns / 1000;

    wr_civil_from_days(later.days, &years[0], &month[0], &day[0]);
    wr_civil_from_days(earlier.days, &years[1], &month[1], &day[1]);
    months = (years[0] - years[1]) * 12 + (int32_t)month[0] - (int32_t)month[1];
    days = (int32_t)day[0] - (int32_t)day[1];
    if (us < 0) {
        us += DAY_US;
        days--;
    }
    if (days < 0) {
        days += days_of_month(years[1], month[1]);
        months--;
    }
    return (wr_interval){months, days, us};
}

static bool is_before(wr_moment a, wr_moment b)
{
    return a.days < b.days || (a.days == b.days && a.ns < b.ns);
}

static wr_interval age_of(wr_moment a, wr_moment b)
{
    wr_interval x;

    if (!is_before(a, b))
        return span(a, b);
    x = span(b, a);
    return (wr_interval){-x.months, -x.days, -x.us};
}

/* Both as timestamps of one type, so that both are read in one zone. */
RESOLVE(resolve_age)
{
    wr_type types[2], common;

    (void)arg_count;
    if (!wr_type_as_day(args[0]->type, &types[0]) || !wr_type_as_day(args[1]->type, &types[1]) ||
        !wr_type_common(types[0], types[1], &common))
        return false;
    args_io[0] = args_io[1] = common;
    *out_result = WR_TYPE(INTERVAL);
    return true;
}

RESOLVE(resolve_age_today)
{
    (void)arg_count;
    *out_result = WR_TYPE(INTERVAL);
    return wr_type_as_day(args[0]->type, &args_io[0]);
}

EVAL(age)
{
    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);

        ((wr_interval *)out->data)[row] =
            age_of(wr_moment_load(args[0], row), wr_moment_load(args[1], row));
    }
    return WR_OK;
}

EVAL(age_today)
{
    wr_moment today = {(int32_t)wr_floor_divide(eval->now_us, DAY_US), 0};

    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);

        ((wr_interval *)out->data)[row] = age_of(today, wr_moment_load(args[0], row));
    }
    return WR_OK;
}

/* ---- Bins -------------------------------------------------------------------------------------- */

RESOLVE(resolve_bin)
{
    wr_type types[2], common;

    (void)arg_count;
    if ((args[0]->type.logical != WR_TYPE_INTERVAL && !wr_expr_is_literal(args[0])) ||
        !wr_type_as_day(args[1]->type, &types[0]))
        return false;
    if (!wr_expr_is_literal(args[2])) {
        if (!wr_type_as_day(args[2]->type, &types[1]) ||
            !wr_type_common(types[0], types[1], &common))
            return false;
        types[0] = common;
    }
    if (types[0].logical == WR_TYPE_DATE32)
        types[0] = wr_type_timestamp(WR_UNIT_US, 0);
    if (types[0].unit < WR_UNIT_US)
        types[0].unit = WR_UNIT_US;
    args_io[0] = WR_TYPE(INTERVAL);
    args_io[1] = args_io[2] = *out_result = types[0];
    return true;
}

EVAL(date_bin)
{
    int64_t unit = wr_unit_per_second((wr_time_unit)out->type.unit) / 1000000;

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t    row = wr_selection_row(&eval->live, i);
        wr_interval width = interval_arg(args[0], row);
        wr_i128     stride = ((wr_i128)width.days * DAY_US + width.us) * unit, rest;
        wr_i128     value = ((const int64_t *)args[1]->data)[wr_arg_index(args[1], row)];
        wr_i128     origin = ((const int64_t *)args[2]->data)[wr_arg_index(args[2], row)];

        if (width.months != 0 || stride <= 0)
            return wr_eval_fail(eval, row, err, "date_bin: the width must be above zero, in days "
                                                "or less");
        rest = (value - origin) % stride;
        value -= rest < 0 ? rest + stride : rest;
        if (value != (int64_t)value)
            return wr_eval_fail(eval, row, err, "date_bin: the bin is out of the range of timestamps");
        ((int64_t *)out->data)[row] = (int64_t)value;
    }
    return WR_OK;
}

/* ---- Table ------------------------------------------------------------------------------------- */

/* clang-format off */
#define TYPE(id) {.logical = WR_TYPE_##id}
#define JUSTIFY(name_, help_) \
    {.name = name_, .signature = "(interval) -> interval", .param_count = 1, .params = {TYPE(INTERVAL)}, \
     .result = TYPE(INTERVAL), .eval = justify, .help = help_}

static const wr_function FUNCTIONS[] = {
    {.name = "make_interval", .signature = "(years, months, weeks, days, hours, minutes, seconds) -> interval",
     .param_count = 1, .flags = WR_FN_VARIADIC, .resolve = resolve_make, .eval = make_interval,
     .help = "an interval of its parts, as many as are given"},
    JUSTIFY("justify_days", "30 days become a month"),
    JUSTIFY("justify_hours", "24 hours become a day"),
    JUSTIFY("justify_interval", "as justify_hours and justify_days, all parts of one sign"),
    {.name = "age", .signature = "(timestamp, timestamp) -> interval", .param_count = 2,
     .resolve = resolve_age, .eval = age, .flags = WR_FN_TOTAL,
     .help = "from the second to the first, in years, months, days and the rest"},
    {.name = "age", .signature = "(timestamp) -> interval", .param_count = 1, .resolve = resolve_age_today,
     .eval = age_today, .flags = WR_FN_STABLE | WR_FN_TOTAL, .help = "from it to the day this run began"},
    {.name = "date_bin", .signature = "(width, timestamp, origin) -> timestamp", .param_count = 3,
     .resolve = resolve_bin, .eval = date_bin,
     .help = "the start of the bin it lies in, of bins of equal width counted from an origin"},
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_INTERVAL = {"date", FUNCTIONS,
                                                 sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
