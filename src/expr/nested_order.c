/* expr/nested_order.c — nested values as sort keys: whatever sorts compares bytes, so a key column of
 * binary with the order of the values stands in for them (types/packed.h: wr_packed_key). */
#include "expr/expr_priv.h"
#include "types/packed.h"

enum { SMALL_KEY_BYTES = 512 };

static wr_status eval_order_key(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                wr_vector *out, wr_error *err)
{
    const wr_str *values = args[0]->data;

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t  row = wr_selection_row(&eval->live, i);
        uint8_t   small[SMALL_KEY_BYTES];
        wr_packed packed = wr_packed_of(&values[row]);
        wr_packer key = {.bytes = small, .capacity = sizeof small};
        uint64_t  room = wr_packed_key_bytes_max(packed.byte_count);

        if (room > sizeof small) {
            key = (wr_packer){.bytes = wr_bump_try_alloc(eval->heap, (size_t)room),
                              .capacity = (size_t)room};
            if (!key.bytes)
                return WR_NO_RESERVE;
        }
        WR_TRY(wr_packed_key(&packed, args[0]->type, &key, err));
        if (key.bytes != small)
            ((wr_str *)out->data)[row] = wr_str_of((const char *)key.bytes, key.used);
        else
            WR_TRY(wr_eval_store_text(eval, out, row, (const char *)small, key.used));
    }
    return WR_OK;
}

static const wr_function ORDER_KEY = {
    .name = "order_key", .param_count = 1, .flags = WR_FN_TOTAL, .eval = eval_order_key};

wr_status wr_expr_order_key(wr_bump *bump, wr_expr *expr, wr_expr **out_expr, wr_error *err)
{
    wr_expr *call;

    *out_expr = expr;
    if (!wr_type_is_nested(expr->type))
        return WR_OK;
    call = wr_expr_node(bump, WR_EXPR_CALL, WR_TYPE(BINARY), 1, err);
    if (!call)
        return WR_NO_MEMORY;
    call->function = &ORDER_KEY;
    call->args[0] = expr;
    call->nullable = expr->nullable;
    call->line = expr->line;
    call->column_number = expr->column_number;
    return wr_expr_fold(call, bump, out_expr, err);
}
