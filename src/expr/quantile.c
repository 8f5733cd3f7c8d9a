/* expr/quantile.c — see the header. */
#include "expr/quantile.h"

#include <math.h>

#include "os/libm.h"
#include "types/decimal.h"
#include "types/value.h"

double wr_quantile_number(wr_type type, const void *value)
{
    wr_value scalar = wr_value_load(type, value);

    if (type.logical == WR_TYPE_DECIMAL)
        return wr_decimal_to_f64(wr_type_physical(type) == WR_PHYS_I64 ? (wr_i128)scalar.i64
                                                                       : scalar.i128,
                                 type.scale);
    if (wr_type_is_float(type))
        return scalar.f64;
    return wr_type_is_unsigned(type) ? (double)scalar.u64 : (double)scalar.i64;
}

void wr_quantile_ranks(wr_agg_kind kind, double fraction, uint64_t value_count, uint64_t *out_low,
                       uint64_t *out_high, double *out_weight)
{
    double   n = (double)value_count, at;
    uint64_t above;

    if (kind == WR_AGG_QUANTILE_DISC) {
        above = (uint64_t)floor(n - fraction * n);
        *out_low = value_count > above ? value_count - above - 1 : 0;
        *out_high = *out_low;
        *out_weight = 0.0;
        return;
    }
    at = fraction * (n - 1.0);
    *out_low = (uint64_t)floor(at);
    *out_weight = at - floor(at);
    *out_high = *out_low + (*out_weight > 0.0);
}

static int64_t time_of(wr_type type, const void *value)
{
    enum { MICROSECONDS_PER_MILLISECOND = 1000 };
    const int64_t us_per_day = 86400000000;
    wr_value      scalar = wr_value_load(type, value);

    if (type.logical == WR_TYPE_DATE32)
        return scalar.i64 * us_per_day;
    return type.logical == WR_TYPE_DATE64 ? scalar.i64 * MICROSECONDS_PER_MILLISECOND : scalar.i64;
}

/* Times are whole numbers: the nearest one, of two equally near ones that further from 0. Exact but for the
 * weight, which has 63 bits behind the point; from the greatest value down `low` is the later one. */
static int64_t between_times(int64_t low, int64_t high, double weight)
{
    const uint64_t one = (uint64_t)1 << 63, half = one / 2;
    uint64_t part = (uint64_t)(weight * 0x1p63);
    int64_t  first = low < high ? low : high;
    uint64_t distance = (uint64_t)(low < high ? high : low) - (uint64_t)first, rest;
    wr_u128  way = (wr_u128)distance * (low < high ? part : one - part);
    int64_t  time = (int64_t)((uint64_t)first + (uint64_t)(way >> 63));

    rest = (uint64_t)way & (one - 1);
    return time + (rest > half || (rest == half && time >= 0));
}

static double between_numbers(double low, double high, double weight)
{
    double way = high - low;

    if (weight == 0.0 || low == high || isnan(low))
        return low;
    return isfinite(way) ? low + way * weight : low * (1.0 - weight) + high * weight;
}

void wr_quantile_between(wr_type type, const void *low, const void *high, double weight, void *out)
{
    double  number;
    int64_t time;

    if (wr_type_is_numeric(type)) {
        number = between_numbers(wr_quantile_number(type, low), wr_quantile_number(type, high),
                                 weight);
        number += 0.0; /* -0.0 equals 0.0: which of them came first must not show */
        memcpy(out, &number, sizeof number);
    } else {
        time = between_times(time_of(type, low), time_of(type, high), weight);
        memcpy(out, &time, sizeof time);
    }
}

double wr_quantile_entropy(const wr_fsum *sum, uint64_t value_count)
{
    double n = (double)value_count, bits = wr_math.log2(n) - wr_fsum_result(sum) / n;

    return bits > 0.0 ? bits : 0.0;
}
