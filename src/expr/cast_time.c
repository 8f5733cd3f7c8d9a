/* expr/cast_time.c — dates, times, timestamps and intervals among each other.
 *
 * A change of zone keeps the instant; dates and times of day are those of the timestamp's zone.
 * Coarser units round half away from zero (PostgreSQL); finer ones may overflow. */
#include "expr/cast_priv.h"
#include "expr/temporal.h"

static bool change_unit(int64_t value, wr_time_unit from, wr_time_unit to, int64_t *out)
{
    int64_t up = wr_unit_per_second(to) / wr_unit_per_second(from);
    int64_t down = wr_unit_per_second(from) / wr_unit_per_second(to), rest;

    if (to >= from)
        return !__builtin_mul_overflow(value, up, out);
    rest = value % down;
    *out = value / down;
    if (rest >= down / 2)
        ++*out;
    else if (-rest >= down / 2)
        --*out;
    return true;
}

/* All dates go through days, all timestamps through their local time. */
static bool date_to(int64_t days, wr_type to, int64_t *out)
{
    int64_t local;

    switch ((wr_logical)to.logical) {
    case WR_TYPE_DATE32:
        *out = days;
        return days == (int32_t)days;
    case WR_TYPE_DATE64:
        return !__builtin_mul_overflow(days, 86400000, out);
    default:
        if (__builtin_mul_overflow(days, wr_unit_per_day((wr_time_unit)to.unit), &local))
            return false;
        *out = wr_timestamp_to_utc(to, local);
        return true;
    }
}

static bool timestamp_to(int64_t value, wr_type from, wr_type to, int64_t *out)
{
    wr_time_unit unit = (wr_time_unit)from.unit;
    int64_t      local;

    if (to.logical == WR_TYPE_TIMESTAMP)
        return change_unit(value, unit, (wr_time_unit)to.unit, out);
    local = wr_timestamp_to_local(from, value);
    if (to.logical == WR_TYPE_TIME)
        return change_unit(wr_floor_rest(local, wr_unit_per_day(unit)), unit,
                           (wr_time_unit)to.unit, out);
    return date_to(wr_floor_divide(local, wr_unit_per_day(unit)), to, out);
}

/* Everything that is one integer; intervals are apart. */
static bool convert(int64_t value, wr_type from, wr_type to, int64_t *out)
{
    switch ((wr_logical)from.logical) {
    case WR_TYPE_DATE32:
        return date_to(value, to, out);
    case WR_TYPE_DATE64:
        return date_to(wr_floor_divide(value, 86400000), to, out);
    case WR_TYPE_TIMESTAMP:
        return timestamp_to(value, from, to, out);
    default:
        return change_unit(value, (wr_time_unit)from.unit, (wr_time_unit)to.unit, out);
    }
}

static int64_t load(const wr_vector *arg, uint32_t row)
{
    return arg->type.logical == WR_TYPE_DATE32 ? ((const int32_t *)arg->data)[row]
                                               : ((const int64_t *)arg->data)[row];
}

static void store(wr_vector *out, uint32_t row, int64_t value)
{
    if (out->type.logical == WR_TYPE_DATE32)
        ((int32_t *)out->data)[row] = (int32_t)value;
    else
        ((int64_t *)out->data)[row] = value;
}

static bool cast_row(const wr_vector *arg, uint32_t row, wr_vector *out)
{
    int64_t value;

    if (arg->type.logical == WR_TYPE_INTERVAL) { /* to TIME: what is left of whole days */
        value = wr_floor_rest(((const wr_interval *)arg->data)[row].us, 86400000000);
        if (!change_unit(value, WR_UNIT_US, (wr_time_unit)out->type.unit, &value))
            return false;
    } else if (out->type.logical == WR_TYPE_INTERVAL) {
        if (!change_unit(load(arg, row), (wr_time_unit)arg->type.unit, WR_UNIT_US, &value))
            return false;
        ((wr_interval *)out->data)[row] = (wr_interval){.us = value};
        return true;
    } else if (!convert(load(arg, row), arg->type, out->type, &value)) {
        return false;
    }
    store(out, row, value);
    return true;
}

static wr_status eval_time(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                           wr_vector *out, wr_error *err)
{
    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);

        if (!cast_row(args[0], row, out))
            WR_TRY(wr_cast_refuse(eval, args[0], row, ": out of range", out, err));
    }
    return WR_OK;
}

const wr_function WR_CAST_TIME = {.name = "cast", .param_count = 1, .eval = eval_time};
