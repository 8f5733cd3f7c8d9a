/* expr/cast.c — CAST and TRY_CAST: which family converts what, and all numbers.
 *
 * The fast loop converts all rows and says whether any failed; only then rows are looked at one by one,
 * so TRY_CAST costs nothing where values fit. Floats become integers half to even, decimals
 * half away from zero (PostgreSQL). */
#include "expr/cast_priv.h"
#include "kernel/compare.h"
#include "kernel/convert.h"
#include "kernel/decimal.h"
#include "types/nested.h"

wr_status wr_cast_refuse(wr_eval *eval, const wr_vector *arg, uint32_t row, const char *reason,
                         wr_vector *out, wr_error *err)
{
    char value[WR_ARG_TEXT_BYTES], name[WR_TYPE_NAME_BYTES];

    if (eval->expr->try_) {
        wr_eval_set_null(out, row);
        return WR_OK;
    }
    return wr_eval_fail(eval, row, err, "cannot cast %s to %s%s (use try_cast to get NULL instead)",
                        wr_arg_format(arg, row, value), wr_type_format(out->type, name), reason);
}

/* Convert `rows` of an argument; true: some do not fit. */
typedef bool (*convert_fn)(const wr_vector *arg, wr_selection rows, wr_vector *out);

/* Find the rows that made the loop fail: those that count, one by one. */
static wr_status refuse_misfits(wr_eval *eval, const wr_vector *arg, convert_fn convert,
                                wr_vector *out, wr_error *err)
{
    wr_selection live = wr_eval_find_live(eval, out);

    for (uint32_t i = 0; i < live.row_count; i++) {
        uint32_t row = wr_selection_row(&live, i);
        uint16_t one = (uint16_t)row;

        if (convert(arg, (wr_selection){&one, 1}, out))
            WR_TRY(wr_cast_refuse(eval, arg, row, ": out of range", out, err));
    }
    return WR_OK;
}

/* ---- Integers, floats, booleans ----------------------------------------------------------------------- */

static bool convert_number(const wr_vector *arg, wr_selection rows, wr_vector *out)
{
    static const uint64_t ZERO[2];
    wr_physical from = wr_type_physical(arg->type), to = wr_type_physical(out->type);

    if (to != WR_PHYS_BOOL)
        return wr_convert(from, to, arg->data, rows, out->data);
    wr_compare(WR_COMPARE_NE, from, (wr_operand){arg->data, false}, (wr_operand){ZERO, true}, rows,
               out->data);
    return false;
}

static wr_status eval_number(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                             wr_vector *out, wr_error *err)
{
    (void)arg_count;
    if (!convert_number(args[0], wr_eval_dense_rows(eval), out))
        return WR_OK;
    return refuse_misfits(eval, args[0], convert_number, out, err);
}

/* ---- Decimals -------------------------------------------------------------------------------------------- */

static bool convert_decimal(const wr_vector *arg, wr_selection rows, wr_vector *out)
{
    wr_type from = arg->type, to = out->type;

    if (to.logical == WR_TYPE_BOOL)
        return convert_number(arg, rows, out);
    if (from.logical == WR_TYPE_DECIMAL && to.logical == WR_TYPE_DECIMAL)
        return wr_decimal_convert(from, arg->data, to, rows, out->data);
    if (to.logical == WR_TYPE_DECIMAL)
        return wr_decimal_from_number(wr_type_physical(from), arg->data, to, rows, out->data);
    return wr_decimal_to_number(from, arg->data, wr_type_physical(to), rows, out->data);
}

static wr_status eval_decimal(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                              wr_vector *out, wr_error *err)
{
    (void)arg_count;
    if (!convert_decimal(args[0], eval->live, out))
        return WR_OK;
    return refuse_misfits(eval, args[0], convert_decimal, out, err);
}

/* ---- NULL --------------------------------------------------------------------------------------------------- */

/* A column of type Null has nothing but nulls, whatever its validity says. */
static wr_status eval_null(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                           wr_vector *out, wr_error *err)
{
    (void)args, (void)arg_count, (void)err;
    memset(out->data, 0, (size_t)eval->row_count * wr_physical_bytes(wr_type_physical(out->type)));
    for (uint32_t i = 0; i < eval->selected.row_count; i++)
        wr_eval_set_null(out, wr_selection_row(&eval->selected, i));
    return WR_OK;
}

/* ---- Choice ---------------------------------------------------------------------------------------------------- */

static const wr_function CAST_NUMBER = {
    .name = "cast", .param_count = 1, .flags = WR_FN_DENSE, .eval = eval_number};
static const wr_function CAST_DECIMAL = {.name = "cast", .param_count = 1, .eval = eval_decimal};
static const wr_function CAST_NULL = {
    .name = "cast", .param_count = 1, .flags = WR_FN_NONSTRICT | WR_FN_BLOBS, .eval = eval_null};

const wr_function *wr_cast_function(wr_type from, wr_type to)
{
    if (from.logical == WR_TYPE_NULL_)
        return &CAST_NULL;
    if (from.logical == WR_TYPE_UTF8)
        return wr_type_is_nested(to) ? &WR_CAST_FROM_JSON : &WR_CAST_FROM_TEXT;
    if (to.logical == WR_TYPE_UTF8)
        return wr_type_is_nested(from) ? &WR_CAST_TO_JSON : &WR_CAST_TO_TEXT;
    if (from.logical == WR_TYPE_DECIMAL || to.logical == WR_TYPE_DECIMAL)
        return &CAST_DECIMAL;
    if (wr_type_is_numeric(from) || from.logical == WR_TYPE_BOOL)
        return &CAST_NUMBER;
    return &WR_CAST_TIME;
}

bool wr_cast_can_fail(wr_type from, wr_type to)
{
    bool from_number = wr_type_is_numeric(from) || from.logical == WR_TYPE_BOOL;

    if (from.logical == WR_TYPE_NULL_ || to.logical == WR_TYPE_UTF8 || wr_type_equal(from, to))
        return false;
    if (from_number && (to.logical == WR_TYPE_BOOL || to.logical == WR_TYPE_F64))
        return false;
    if (from.logical == WR_TYPE_BOOL || wr_type_is_integer(from))
        return to.logical == WR_TYPE_DECIMAL || wr_type_is_integer(to) ? !wr_type_implicit(from, to)
                                                                       : false;
    if (from_number)
        return !wr_type_implicit(from, to);
    if (from.logical == WR_TYPE_TIMESTAMP && to.logical == WR_TYPE_TIMESTAMP)
        return to.unit > from.unit;
    return to.logical != WR_TYPE_TIME && to.logical != WR_TYPE_INTERVAL;
}
