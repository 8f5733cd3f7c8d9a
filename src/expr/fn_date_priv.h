/* expr/fn_date_priv.h — what the files of date functions share: a moment on the wall clock. */
#ifndef WR_BUILDING_EXPR
#error "fn_date_priv.h is private to src/expr"
#endif
#ifndef WR_EXPR_FN_DATE_PRIV_H
#define WR_EXPR_FN_DATE_PRIV_H

#include "expr/expr_priv.h"
#include "expr/temporal.h"

enum { WR_NS_PER_S = 1000000000 };

typedef struct wr_moment {
    int32_t days;
    int64_t ns; /* of the day */
} wr_moment;

/** What the wall clock in the argument's zone shows; times are on day 0.
 * Shape    `arg` is a DATE32, TIME or TIMESTAMP */
static inline wr_moment wr_moment_load(const wr_vector *arg, uint32_t row)
{
    uint32_t index = wr_arg_index(arg, row);
    int64_t  value, day, per_second = wr_unit_per_second((wr_time_unit)arg->type.unit);

    if (arg->type.logical == WR_TYPE_DATE32)
        return (wr_moment){((const int32_t *)arg->data)[index], 0};
    value = ((const int64_t *)arg->data)[index];
    if (arg->type.logical == WR_TYPE_TIME)
        return (wr_moment){0, value * (WR_NS_PER_S / per_second)};
    value = wr_timestamp_to_local(arg->type, value);
    day = wr_unit_per_day((wr_time_unit)arg->type.unit);
    return (wr_moment){(int32_t)wr_floor_divide(value, day),
                       wr_floor_rest(value, day) * (WR_NS_PER_S / per_second)};
}

/** The type that functions read a date or timestamp as; false: it is neither. */
static inline bool wr_type_as_day(wr_type type, wr_type *out_type)
{
    bool is_date = type.logical == WR_TYPE_DATE32 || type.logical == WR_TYPE_DATE64;

    *out_type = is_date ? WR_TYPE(DATE32) : type;
    return is_date || type.logical == WR_TYPE_TIMESTAMP;
}

#define RESOLVE(name)                                                                              \
    static bool name(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,             \
                     wr_type *out_result)
#define EVAL(name)                                                                                 \
    static wr_status name(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,         \
                          wr_vector *out, wr_error *err)

#endif
