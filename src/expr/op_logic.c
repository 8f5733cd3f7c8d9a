/* expr/op_logic.c — NOT and the IS tests. AND, OR and CASE are not functions: programs run them. */
#include "expr/expr_priv.h"
#include "expr/operators.h"
#include "kernel/logic.h"

static wr_status eval_not(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                          wr_vector *out, wr_error *err)
{
    (void)arg_count, (void)err;
    wr_logic_not(args[0]->data, eval->row_count, out->data);
    return WR_OK;
}

/* ---- IS NULL ------------------------------------------------------------------------------------------ */

static bool resolve_anything(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                             wr_type *out_result)
{
    (void)args, (void)arg_count, (void)args_io;
    *out_result = WR_TYPE(BOOL);
    return true;
}

static void test_null(const wr_eval *eval, const wr_vector *arg, bool negate, wr_vector *out)
{
    if (arg->valid)
        wr_bits_expand(arg->valid, !negate, wr_eval_dense_rows(eval), out->data);
    else
        memset(out->data, negate, eval->row_count);
}

static wr_status eval_is_null(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                              wr_vector *out, wr_error *err)
{
    (void)arg_count, (void)err;
    test_null(eval, args[0], false, out);
    return WR_OK;
}

static wr_status eval_is_not_null(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                  wr_vector *out, wr_error *err)
{
    (void)arg_count, (void)err;
    test_null(eval, args[0], true, out);
    return WR_OK;
}

/* ---- IS TRUE, IS FALSE --------------------------------------------------------------------------------- */

static void test_truth(const wr_eval *eval, const wr_vector *arg, uint8_t wanted, bool negate,
                       wr_vector *out)
{
    wr_selection   rows = wr_eval_dense_rows(eval);
    const uint8_t *values = arg->data;
    uint8_t       *bytes = out->data;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        bool     is_valid = !arg->valid || wr_bit_get(arg->valid, row);

        bytes[row] = (is_valid & (values[row] == wanted)) ^ negate;
    }
}

#define EVAL(name, wanted, negate)                                                                 \
    static wr_status eval_##name(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,  \
                                 wr_vector *out, wr_error *err)                                    \
    {                                                                                              \
        (void)arg_count, (void)err;                                                                \
        test_truth(eval, args[0], wanted, negate, out);                                            \
        return WR_OK;                                                                              \
    }
EVAL(is_true, 1, false)
EVAL(is_not_true, 1, true)
EVAL(is_false, 0, false)
EVAL(is_not_false, 0, true)
#undef EVAL

/* clang-format off */
#define TEST_FLAGS (WR_FN_NONSTRICT | WR_FN_NEVER_NULL | WR_FN_TOTAL | WR_FN_DENSE)
#define TRUTH(symbol, eval_fn, help_) \
    {.name = symbol, .signature = "(boolean) -> boolean", .param_count = 1, .params = {{.logical = WR_TYPE_BOOL}}, \
     .result = {.logical = WR_TYPE_BOOL}, .flags = TEST_FLAGS, .eval = eval_fn, .help = help_}

static const wr_function FUNCTIONS[] = {
    {.name = WR_OPERATOR_NOT, .signature = "(boolean) -> boolean", .param_count = 1,
     .params = {{.logical = WR_TYPE_BOOL}}, .result = {.logical = WR_TYPE_BOOL},
     .flags = WR_FN_TOTAL | WR_FN_DENSE, .eval = eval_not, .help = "true for false, NULL for NULL"},
    {.name = WR_OPERATOR_IS_NULL, .signature = "(any) -> boolean", .param_count = 1,
     .flags = TEST_FLAGS | WR_FN_BLOBS, .resolve = resolve_anything, .eval = eval_is_null, .help = "is NULL"},
    {.name = WR_OPERATOR_IS_NOT_NULL, .signature = "(any) -> boolean", .param_count = 1,
     .flags = TEST_FLAGS | WR_FN_BLOBS, .resolve = resolve_anything, .eval = eval_is_not_null, .help = "is not NULL"},
    TRUTH(WR_OPERATOR_IS_TRUE, eval_is_true, "true and not NULL"),
    TRUTH(WR_OPERATOR_IS_NOT_TRUE, eval_is_not_true, "false or NULL"),
    TRUTH(WR_OPERATOR_IS_FALSE, eval_is_false, "false and not NULL"),
    TRUTH(WR_OPERATOR_IS_NOT_FALSE, eval_is_not_false, "true or NULL"),
    TRUTH(WR_OPERATOR_IS_UNKNOWN, eval_is_null, "a condition that is NULL"),
    TRUTH(WR_OPERATOR_IS_NOT_UNKNOWN, eval_is_not_null, "a condition that is not NULL"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_LOGIC = {"logic", FUNCTIONS,
                                              sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
