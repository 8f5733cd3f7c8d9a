/* expr/fn_range.c — lists of numbers or of times, one step from each other. Source: DuckDB, PostgreSQL.
 *
 * Numbers are counted from the first; times are stepped one from the other, as adding an interval to them
 * does: a month behind January 31 is the last of February, and a month behind that March 28 or 29. */
#include "expr/fn_nested_priv.h"
#include "expr/temporal.h"

enum { RANGE_BYTES_MAX = UINT32_MAX - (1 << 20) }; /* of elements, beside the heads of blocks */

static wr_status fail_long(const nested_call *call, uint32_t row, wr_error *err)
{
    return wr_eval_fail(call->eval, row, err, "%s: the list would be longer than 4 GiB",
                        call->eval->expr->function->name);
}

/* ---- Numbers ---------------------------------------------------------------------------------------- */

/* How many numbers there are from `start` on, before `stop` or up to it. */
static wr_u128 count_range(wr_i128 start, wr_i128 stop, wr_i128 step, bool closed)
{
    wr_i128 distance = step < 0 ? start - stop : stop - start;
    wr_i128 stride = step < 0 ? -step : step;

    if (step == 0 || distance < 0 || (distance == 0 && !closed))
        return 0;
    return (wr_u128)((distance - !closed) / stride + 1);
}

static wr_status pack_numbers(const nested_call *call, uint32_t row, bool closed, wr_packer *packer,
                              wr_error *err)
{
    bool    alone = call->arg_count == 1;
    int64_t start = alone ? 0 : int_at(call->args, 0, row);
    int64_t stop = int_at(call->args, alone ? 0 : 1, row);
    int64_t step = call->arg_count > 2 ? int_at(call->args, 2, row) : 1;
    wr_u128 count = count_range(start, stop, step, closed);
    wr_list_packer list;

    if (count > RANGE_BYTES_MAX / sizeof(int64_t))
        return fail_long(call, row, err);
    wr_list_pack_begin(&list, packer, WR_TYPE(I64));
    for (uint64_t i = 0; i < (uint64_t)count && !packer->is_full; i++) {
        int64_t number = (int64_t)(start + (wr_i128)i * step);

        wr_list_pack_cell(&list, &number);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}

PACK(range)
{
    return pack_numbers(call, row, false, packer, err);
}
EVAL_PACKED(range)

PACK(series)
{
    return pack_numbers(call, row, true, packer, err);
}
EVAL_PACKED(series)

RESOLVE(resolve_numbers)
{
    for (uint32_t i = 0; i < arg_count; i++) {
        if (!is_index(args[i]))
            return false;
        args_io[i] = WR_TYPE(I64);
    }
    return wr_type_make_list(WR_TYPE(I64), out_result, NULL) == WR_OK;
}

/* ---- Times ------------------------------------------------------------------------------------------ */

/* Which way a step goes: 1, -1, or 0 for one that goes nowhere. A fault: its parts go both ways. */
static bool find_direction(wr_interval step, int *out_direction)
{
    bool forward = step.months > 0 || step.days > 0 || step.us > 0;
    bool back = step.months < 0 || step.days < 0 || step.us < 0;

    *out_direction = forward - back;
    return !(forward && back);
}

static wr_status pack_times(const nested_call *call, uint32_t row, bool closed, wr_packer *packer,
                            wr_error *err)
{
    wr_type type = wr_type_element(call->out->type);
    int64_t time = int_at(call->args, 0, row), stop = int_at(call->args, 1, row);
    wr_interval    step;
    wr_list_packer list;
    int            direction;

    memcpy(&step, cell_at(call->args[2], row), sizeof step);
    if (!find_direction(step, &direction))
        return wr_eval_fail(call->eval, row, err, "%s: the parts of the step go both ways",
                            call->eval->expr->function->name);
    wr_list_pack_begin(&list, packer, type);
    while (direction && !packer->is_full &&
           ((direction > 0 ? time < stop : time > stop) || (closed && time == stop))) {
        wr_list_pack_cell(&list, &time);
        if (packer->used > RANGE_BYTES_MAX)
            return fail_long(call, row, err);
        if (!wr_timestamp_add(type, time, step, &time))
            break; /* there is no later time */
    }
    wr_list_pack_end(&list);
    return WR_OK;
}

PACK(time_range)
{
    return pack_times(call, row, false, packer, err);
}
EVAL_PACKED(time_range)

PACK(time_series)
{
    return pack_times(call, row, true, packer, err);
}
EVAL_PACKED(time_series)

/* Dates are taken as midnights, as with an interval added. */
RESOLVE(resolve_times)
{
    wr_type common, us = wr_type_timestamp(WR_UNIT_US, 0);

    if (!wr_expr_common(args, 2, false, &common) ||
        wr_expr_distance(args[2], WR_TYPE(INTERVAL)) == UINT32_MAX)
        return false;
    (void)arg_count;
    if (common.logical != WR_TYPE_TIMESTAMP) {
        if (common.logical != WR_TYPE_DATE32 && common.logical != WR_TYPE_DATE64)
            return false;
        common = us;
    } else if (common.unit < WR_UNIT_US) {
        common = wr_type_timestamp(WR_UNIT_US, common.zone);
    }
    args_io[0] = args_io[1] = common;
    args_io[2] = WR_TYPE(INTERVAL);
    return wr_type_make_list(common, out_result, NULL) == WR_OK;
}

/* ---- Table ------------------------------------------------------------------------------------------ */

/* clang-format off */
#define NUMBERS(name_, sig, count_, eval_, help_) \
    {.name = name_, .signature = sig, .help = help_, .param_count = count_, .resolve = resolve_numbers, .eval = eval_}
#define TIMES(name_, eval_, help_) \
    {.name = name_, .signature = "(start, stop, interval) -> list", .help = help_, .param_count = 3, .resolve = resolve_times, .eval = eval_}

static const wr_function FUNCTIONS[] = {
    NUMBERS("range", "(stop) -> list", 1, range, "the integers from 0 on, without stop"),
    NUMBERS("range", "(start, stop) -> list", 2, range, "the integers from start on, without stop"),
    NUMBERS("range", "(start, stop, step) -> list", 3, range, "each step-th; a negative step counts down"),
    TIMES("range", time_range, "the dates or timestamps from start on, without stop"),
    NUMBERS("generate_series", "(stop) -> list", 1, series, "the integers from 0 to stop"),
    NUMBERS("generate_series", "(start, stop) -> list", 2, series, "the integers from start to stop"),
    NUMBERS("generate_series", "(start, stop, step) -> list", 3, series, "each step-th; a negative step counts down"),
    TIMES("generate_series", time_series, "the dates or timestamps from start to stop"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_RANGE = {"ranges", FUNCTIONS,
                                              sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
