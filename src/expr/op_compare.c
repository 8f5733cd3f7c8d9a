/* expr/op_compare.c — comparisons, IS DISTINCT FROM, greatest and least.
 *
 * All values of one type compare by kernel/compare.h. Decimals keep their own scales where no
 * decimal of 38 digits holds both sides: these compare exactly, value by value. Comparisons of
 * fixed-size types are dense, those of text read live rows only. */
#include "expr/expr_priv.h"
#include "expr/fn_nested_priv.h"
#include "expr/operators.h"
#include "kernel/compare.h"
#include "kernel/decimal.h"
#include "kernel/logic.h"

/* ---- Types ---------------------------------------------------------------------------------------------- */

static bool both_decimal(const wr_expr *const *args)
{
    return args[0]->type.logical == WR_TYPE_DECIMAL && args[1]->type.logical == WR_TYPE_DECIMAL;
}

/* Digits that a type of both scales would need. */
static int digits_of_both(wr_type a, wr_type b)
{
    int a_whole = a.precision - a.scale, b_whole = b.precision - b.scale;

    return (a_whole > b_whole ? a_whole : b_whole) + (a.scale > b.scale ? a.scale : b.scale);
}

static bool resolve_any(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                        wr_type *out_result)
{
    wr_type common;

    if (!wr_expr_common(args, arg_count, true, &common))
        return false;
    *out_result = WR_TYPE(BOOL);
    if (both_decimal(args) &&
        digits_of_both(args[0]->type, args[1]->type) > WR_DECIMAL_DIGITS_MAX)
        return true; /* as they are */
    if (common.logical == WR_TYPE_NULL_)
        common = WR_TYPE(BOOL);
    args_io[0] = args_io[1] = common;
    return true;
}

/* Fixed-size types and others are different descriptors: only the first may touch every row. */
static bool resolve_fixed(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                          wr_type *out_result)
{
    return resolve_any(args, arg_count, args_io, out_result) && !wr_type_is_bytes(args_io[0]);
}

static bool resolve_text(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                         wr_type *out_result)
{
    return resolve_any(args, arg_count, args_io, out_result) && wr_type_is_bytes(args_io[0]);
}

/* ---- Comparisons -------------------------------------------------------------------------------------------- */

static void compare_scales(wr_compare_op op, const wr_vector *const *args, wr_selection rows,
                           uint8_t *out)
{
    static const wr_i128 ZERO = 0;
    wr_physical left = wr_type_physical(args[0]->type), right = wr_type_physical(args[1]->type);

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        wr_i128  order = wr_decimal_compare(
            wr_decimal_load(left, args[0]->data, wr_arg_index(args[0], row)), args[0]->type.scale,
            wr_decimal_load(right, args[1]->data, wr_arg_index(args[1], row)),
            args[1]->type.scale);

        wr_compare(op, WR_PHYS_I128, (wr_operand){&order, true}, (wr_operand){&ZERO, true},
                   wr_rows_all(1), &out[row]);
    }
}

static void compare_nested(wr_compare_op op, const wr_vector *const *args, wr_selection rows,
                           uint8_t *out)
{
    static const int32_t ZERO = 0;
    const wr_str *left = args[0]->data, *right = args[1]->data;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        int32_t  order = wr_nested_compare(args[0]->type, &left[wr_arg_index(args[0], row)],
                                           &right[wr_arg_index(args[1], row)]);

        wr_compare(op, WR_PHYS_I32, (wr_operand){&order, true}, (wr_operand){&ZERO, true},
                   wr_rows_all(1), &out[row]);
    }
}

static void compare_rows(wr_compare_op op, const wr_vector *const *args, wr_selection rows,
                         uint8_t *out)
{
    if (wr_type_is_nested(args[0]->type))
        compare_nested(op, args, rows, out);
    else if (wr_type_equal(args[0]->type, args[1]->type))
        wr_compare(op, wr_type_physical(args[0]->type), wr_operand_of(args[0]),
                   wr_operand_of(args[1]), rows, out);
    else
        compare_scales(op, args, rows, out);
}

static wr_status eval_compare(wr_eval *eval, wr_compare_op op, const wr_vector *const *args,
                              wr_vector *out)
{
    bool dense = eval->expr->function->flags & WR_FN_DENSE;
    bool exact = wr_type_equal(args[0]->type, args[1]->type);

    compare_rows(op, args,
                 !dense  ? eval->live
                 : exact ? wr_eval_dense_rows(eval)
                         : wr_eval_find_live(eval, out),
                 out->data);
    return WR_OK;
}

#define EVAL_OP(name, op)                                                                          \
    static wr_status eval_##name(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,  \
                                 wr_vector *out, wr_error *err)                                    \
    {                                                                                              \
        (void)arg_count, (void)err;                                                                \
        return eval_compare(eval, op, args, out);                                                  \
    }
EVAL_OP(eq, WR_COMPARE_EQ)
EVAL_OP(ne, WR_COMPARE_NE)
EVAL_OP(lt, WR_COMPARE_LT)
EVAL_OP(le, WR_COMPARE_LE)
EVAL_OP(gt, WR_COMPARE_GT)
EVAL_OP(ge, WR_COMPARE_GE)
#undef EVAL_OP

/* ---- IS DISTINCT FROM ------------------------------------------------------------------------------------------ */

/* Rows where both sides have a value are compared, the others differ if one side has one. */
static void eval_distinct(wr_eval *eval, const wr_vector *const *args, bool negate, wr_vector *out)
{
    uint8_t *bytes = out->data;
    uint32_t both = 0;

    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i);
        bool     left = wr_vector_is_valid(args[0], row), right = wr_vector_is_valid(args[1], row);

        eval->live_rows[both] = (uint16_t)row;
        both += left & right;
        bytes[row] = (left != right) ^ negate;
    }
    compare_rows(negate ? WR_COMPARE_EQ : WR_COMPARE_NE, args,
                 (wr_selection){eval->live_rows, both}, bytes);
}

static wr_status eval_is_distinct(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                  wr_vector *out, wr_error *err)
{
    (void)arg_count, (void)err;
    eval_distinct(eval, args, false, out);
    return WR_OK;
}

static wr_status eval_is_not_distinct(wr_eval *eval, const wr_vector *const *args,
                                      uint32_t arg_count, wr_vector *out, wr_error *err)
{
    (void)arg_count, (void)err;
    eval_distinct(eval, args, true, out);
    return WR_OK;
}

/* ---- greatest, least --------------------------------------------------------------------------------------------- */

static bool resolve_extreme(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                            wr_type *out_result)
{
    wr_type common;

    if (!wr_expr_common(args, arg_count, false, &common))
        return false;
    for (uint32_t i = 0; i < arg_count; i++)
        args_io[i] = common;
    *out_result = common;
    return true;
}

/* Split the rows where `arg` has a value by whether `out` has one already. */
static void split_rows(const wr_eval *eval, const wr_vector *arg, const wr_vector *out,
                       wr_selection *fresh, uint16_t *fresh_rows, wr_selection *both,
                       uint16_t *both_rows)
{
    *fresh = (wr_selection){fresh_rows, 0};
    *both = (wr_selection){both_rows, 0};
    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i);

        if (!wr_vector_is_valid(arg, row))
            continue;
        if (wr_bit_get(out->valid, row))
            both_rows[both->row_count++] = (uint16_t)row;
        else
            fresh_rows[fresh->row_count++] = (uint16_t)row;
    }
}

static void pick_nested(bool greatest, const wr_vector *arg, wr_selection rows, wr_vector *out)
{
    const wr_str *values = arg->data;
    wr_str       *best = out->data;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t      row = wr_selection_row(&rows, i);
        const wr_str *value = &values[wr_arg_index(arg, row)];
        int           order = wr_nested_compare(arg->type, value, &best[row]);

        if (greatest ? order > 0 : order < 0)
            best[row] = *value;
    }
}

/* NULLs are passed over (PostgreSQL): the best so far is `out` itself, argument by argument. */
static wr_status eval_extreme(wr_eval *eval, bool greatest, const wr_vector *const *args,
                              uint32_t arg_count, wr_vector *out)
{
    uint16_t     fresh_rows[WR_BATCH_ROWS_MAX];
    wr_selection fresh, both;

    out->valid = wr_vector_valid_room(out);
    memset(out->valid, 0, WR_BATCH_ROWS_MAX / 8);
    for (uint32_t a = 0; a < arg_count; a++) {
        split_rows(eval, args[a], out, &fresh, fresh_rows, &both, eval->live_rows);
        if (wr_type_is_nested(out->type))
            pick_nested(greatest, args[a], both, out);
        else
            wr_compare_pick(greatest, wr_type_physical(out->type), wr_operand_of(out),
                        wr_operand_of(args[a]), both, out->data);
        wr_vector_flatten(args[a], &fresh, out);
        out->row_count = eval->row_count;
    }
    return WR_OK;
}

static wr_status eval_greatest(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                               wr_vector *out, wr_error *err)
{
    (void)err;
    return eval_extreme(eval, true, args, arg_count, out);
}

static wr_status eval_least(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                            wr_vector *out, wr_error *err)
{
    (void)err;
    return eval_extreme(eval, false, args, arg_count, out);
}

/* ---- Table ---------------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define COMPARE(symbol, eval_fn, help_) \
    {.name = symbol, .signature = "(any, any) -> boolean", .param_count = 2, .flags = WR_FN_TOTAL | WR_FN_DENSE, \
     .resolve = resolve_fixed, .eval = eval_fn, .help = help_}, \
    {.name = symbol, .signature = "(text, text) -> boolean", .param_count = 2, .flags = WR_FN_TOTAL, \
     .resolve = resolve_text, .eval = eval_fn, .help = help_}
#define DISTINCT(symbol, eval_fn, help_) \
    {.name = symbol, .signature = "(any, any) -> boolean", .param_count = 2, \
     .flags = WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_NEVER_NULL, .resolve = resolve_any, .eval = eval_fn, .help = help_}
#define EXTREME(name_, eval_fn, help_) \
    {.name = name_, .signature = "(any, ...) -> any", .param_count = 1, \
     .flags = WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_VARIADIC, .resolve = resolve_extreme, .eval = eval_fn, .help = help_}

static const wr_function FUNCTIONS[] = {
    COMPARE(WR_OPERATOR_EQ, eval_eq, "equal"),
    COMPARE(WR_OPERATOR_NE, eval_ne, "not equal"),
    COMPARE(WR_OPERATOR_LT, eval_lt, "less"),
    COMPARE(WR_OPERATOR_LE, eval_le, "less or equal"),
    COMPARE(WR_OPERATOR_GT, eval_gt, "greater"),
    COMPARE(WR_OPERATOR_GE, eval_ge, "greater or equal"),
    DISTINCT(WR_OPERATOR_DISTINCT, eval_is_distinct, "different, NULL being a value"),
    DISTINCT(WR_OPERATOR_NOT_DISTINCT, eval_is_not_distinct, "equal, NULL being a value"),
    EXTREME("greatest", eval_greatest, "the greatest of the arguments that are not NULL"),
    EXTREME("least", eval_least, "the least of the arguments that are not NULL"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_COMPARE = {"comparison", FUNCTIONS,
                                                sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
