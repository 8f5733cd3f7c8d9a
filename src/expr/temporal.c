/* expr/temporal.c — see expr/temporal.h. */
#include "expr/temporal.h"

#include "types/zone.h"

enum { ZONE_UTC_MAX = 1, YEARS_MAX = 5800000 /* what 32 bits of days hold */ };

bool wr_date_add_months(int32_t days, int64_t months, int32_t *out_days)
{
    int32_t  year;
    uint32_t month, day;
    int64_t  total;

    wr_civil_from_days(days, &year, &month, &day);
    if (months > 12 * (int64_t)YEARS_MAX || months < -12 * (int64_t)YEARS_MAX)
        return false;
    total = (int64_t)year * 12 + (month - 1) + months;
    if (total > 12 * (int64_t)YEARS_MAX || total < -12 * (int64_t)YEARS_MAX)
        return false;
    year = (int32_t)wr_floor_divide(total, 12);
    month = (uint32_t)(total - (int64_t)year * 12) + 1;
    while (!wr_civil_is_valid(year, month, day))
        day--;
    *out_days = wr_days_from_civil(year, month, day);
    return true;
}

int64_t wr_timestamp_to_local(wr_type type, int64_t utc)
{
    int64_t per_second = wr_unit_per_second((wr_time_unit)type.unit), offset, local;

    if (type.zone <= ZONE_UTC_MAX)
        return utc;
    offset = wr_zone_offset_at_utc(type.zone, wr_floor_divide(utc, per_second)) * per_second;
    return __builtin_add_overflow(utc, offset, &local) ? utc : local;
}

int64_t wr_timestamp_to_utc(wr_type type, int64_t local)
{
    int64_t per_second = wr_unit_per_second((wr_time_unit)type.unit), second, utc;

    if (type.zone <= ZONE_UTC_MAX)
        return local;
    second = wr_floor_divide(local, per_second);
    return wr_units_join(wr_zone_local_to_utc(type.zone, second), wr_floor_rest(local, per_second),
                         per_second, &utc)
               ? utc
               : local;
}

/* Add months and days on the wall clock. */
static bool add_calendar(wr_type type, int64_t value, wr_interval interval, int64_t *out_value)
{
    int64_t day_units = wr_unit_per_day((wr_time_unit)type.unit);
    int64_t local = wr_timestamp_to_local(type, value), day = wr_floor_divide(local, day_units);
    int64_t time = wr_floor_rest(local, day_units);
    int32_t moved = (int32_t)day; /* microseconds in 64 bits: fits */

    if (interval.months != 0 && !wr_date_add_months((int32_t)day, interval.months, &moved))
        return false;
    day = (int64_t)moved + interval.days;
    if (__builtin_mul_overflow(day, day_units, &local) ||
        __builtin_add_overflow(local, time, &local))
        return false;
    *out_value = wr_timestamp_to_utc(type, local);
    return true;
}

bool wr_timestamp_add(wr_type type, int64_t value, wr_interval interval, int64_t *out_value)
{
    int64_t elapsed;

    if ((interval.months != 0 || interval.days != 0) && !add_calendar(type, value, interval, &value))
        return false;
    return !__builtin_mul_overflow(interval.us,
                                   wr_unit_per_second((wr_time_unit)type.unit) / 1000000,
                                   &elapsed) &&
           !__builtin_add_overflow(value, elapsed, out_value);
}
