/* expr/op_bits.c — & | # ~ << >> of integers. */
#include "expr/expr_priv.h"
#include "expr/operators.h"
#include "kernel/arith.h"

static bool resolve_bits(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                         wr_type *out_result)
{
    wr_type common;

    if ((wr_expr_is_literal(args[0]) && wr_expr_is_literal(args[1])) ||
        !wr_expr_common(args, arg_count, false, &common) || !wr_type_is_integer(common))
        return false;
    args_io[0] = args_io[1] = *out_result = common;
    return true;
}

static bool resolve_not(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                        wr_type *out_result)
{
    (void)arg_count;
    args_io[0] = *out_result = args[0]->type;
    return wr_type_is_integer(args[0]->type);
}

static bool resolve_shift(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                          wr_type *out_result)
{
    (void)arg_count;
    args_io[0] = *out_result = args[0]->type;
    args_io[1] = WR_TYPE(I64);
    return wr_type_is_integer(args[0]->type) &&
           (wr_type_is_integer(args[1]->type) || wr_expr_is_null(args[1]) ||
            wr_expr_is_literal(args[1]));
}

static wr_status eval_bits(wr_eval *eval, wr_arith_op op, wr_operand left, wr_operand right,
                           wr_vector *out)
{
    wr_arith(op, wr_type_physical(out->type), left, right, wr_eval_dense_rows(eval), out->data);
    return WR_OK;
}

#define EVAL(name, op)                                                                             \
    static wr_status eval_##name(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,  \
                                 wr_vector *out, wr_error *err)                                    \
    {                                                                                              \
        (void)arg_count, (void)err;                                                                \
        return eval_bits(eval, op, wr_operand_of(args[0]), wr_operand_of(args[1]), out);           \
    }
EVAL(and, WR_ARITH_BIT_AND)
EVAL(or, WR_ARITH_BIT_OR)
EVAL(xor, WR_ARITH_BIT_XOR)
#undef EVAL

static wr_status eval_not(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                          wr_vector *out, wr_error *err)
{
    static const uint64_t ONES = UINT64_MAX;

    (void)arg_count, (void)err;
    return eval_bits(eval, WR_ARITH_BIT_XOR, wr_operand_of(args[0]), (wr_operand){&ONES, true}, out);
}

static wr_status eval_shift(wr_eval *eval, bool is_left, const wr_vector *const *args,
                            wr_vector *out, wr_error *err)
{
    wr_physical physical = wr_type_physical(out->type);
    wr_operand  counts = wr_operand_of(args[1]);
    char        text[WR_ARG_TEXT_BYTES], name[WR_TYPE_NAME_BYTES];
    uint32_t    row;

    if (!wr_arith_shift(is_left, physical, wr_operand_of(args[0]), counts, wr_eval_dense_rows(eval),
                        out->data))
        return WR_OK;
    row = wr_arith_shift_find(physical, counts, wr_eval_find_live(eval, out));
    if (row == WR_ROW_NONE)
        return WR_OK;
    return wr_eval_fail(eval, row, err, "cannot shift %s by %s bits",
                        wr_type_format(out->type, name), wr_arg_format(args[1], row, text));
}

static wr_status eval_shift_left(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                 wr_vector *out, wr_error *err)
{
    (void)arg_count;
    return eval_shift(eval, true, args, out, err);
}

static wr_status eval_shift_right(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                  wr_vector *out, wr_error *err)
{
    (void)arg_count;
    return eval_shift(eval, false, args, out, err);
}

/* clang-format off */
#define BITS(symbol, eval_fn, help_) \
    {.name = symbol, .signature = "(int, int) -> int", .param_count = 2, .flags = WR_FN_DENSE | WR_FN_TOTAL, \
     .resolve = resolve_bits, .eval = eval_fn, .help = help_}

static const wr_function FUNCTIONS[] = {
    BITS(WR_OPERATOR_BIT_AND, eval_and, "bitwise AND"),
    BITS(WR_OPERATOR_BIT_OR, eval_or, "bitwise OR"),
    BITS(WR_OPERATOR_BIT_XOR, eval_xor, "bitwise exclusive OR"),
    {.name = WR_OPERATOR_BIT_NOT, .signature = "(int) -> int", .param_count = 1,
     .flags = WR_FN_DENSE | WR_FN_TOTAL, .resolve = resolve_not, .eval = eval_not, .help = "bitwise NOT"},
    {.name = WR_OPERATOR_SHIFT_LEFT, .signature = "(int, int) -> int", .param_count = 2,
     .flags = WR_FN_DENSE, .resolve = resolve_shift, .eval = eval_shift_left,
     .help = "bits moved left; the count must be below the width"},
    {.name = WR_OPERATOR_SHIFT_RIGHT, .signature = "(int, int) -> int", .param_count = 2,
     .flags = WR_FN_DENSE, .resolve = resolve_shift, .eval = eval_shift_right,
     .help = "bits moved right, with the sign for signed types"},
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_BITS = {"bits", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
