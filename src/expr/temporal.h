/* expr/temporal.h — calendar arithmetic of single values: operators, casts and date functions share it. */
#ifndef WR_EXPR_TEMPORAL_H
#define WR_EXPR_TEMPORAL_H

#include "types/parse.h"

/** Units of a day: 86400 to 86400e9. */
static inline int64_t wr_unit_per_day(wr_time_unit unit)
{
    return 86400 * wr_unit_per_second(unit);
}

/** Quotient towards minus infinity; divisor > 0. */
static inline int64_t wr_floor_divide(int64_t value, int64_t divisor)
{
    int64_t quotient = value / divisor;

    return quotient - (value % divisor < 0);
}

/** What that division leaves: 0 <= rest < divisor. */
static inline int64_t wr_floor_rest(int64_t value, int64_t divisor)
{
    int64_t rest = value % divisor;

    return rest < 0 ? rest + divisor : rest;
}

/** Days moved by months, stopping at the last day of the month; false when out of range. */
bool wr_date_add_months(int32_t days, int64_t months, int32_t *out_days);

/** UTC instant of `type` to the wall clock of its zone, and back; no change without a zone. */
int64_t wr_timestamp_to_local(wr_type type, int64_t utc);
int64_t wr_timestamp_to_utc(wr_type type, int64_t local);

/** value + interval: months and days on the zone's wall clock, then elapsed microseconds; false when
 *  out of range.
 * Shape  `type` is a timestamp of microseconds or nanoseconds */
bool wr_timestamp_add(wr_type type, int64_t value, wr_interval interval, int64_t *out_value);

#endif
