/* expr/nested_order.c — nested values as keys, whose bytes are compared.
 *
 * Whatever sorts gets a column of binary with the order of the values (types/packed.h: wr_packed_key);
 * whatever tells groups or joins gets the values spelled as their equals are (wr_packed_settle). */
#include "expr/expr_priv.h"
#include "expr/fn_text_priv.h"
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

/* The value itself if it is settled, as most are; else a copy. */
static wr_status eval_equal_key(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                wr_vector *out, wr_error *err)
{
    wr_type type = args[0]->type;

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t          row = wr_selection_row(&eval->live, i);
        const wr_str     *value = (const wr_str *)args[0]->data + wr_arg_index(args[0], row);
        wr_str           *cell = (wr_str *)out->data + row;
        wr_packed         packed = wr_packed_of(value);
        wr_packed_window *window = eval->state;
        char              small[WR_STR_INLINE_BYTES], *copy;
        bool              settled;

        window->byte_count = 0;
        packed.window = window;
        eval->error_row = row;
        WR_TRY(wr_packed_settle(&packed, type, NULL, &settled, err));
        *cell = *value;
        if (settled)
            continue;
        if (!packed.bytes)
            return wr_eval_fail(eval, row, err,
                                "a nested value that is longer than memory is no key if it holds "
                                "-0.0, or intervals such as 30 days; 0.0 and a month can be");
        copy = result_room(eval, value->byte_count, small);
        if (!copy)
            return WR_NO_RESERVE;
        memcpy(copy, packed.bytes, value->byte_count);
        WR_TRY(wr_packed_settle(&packed, type, (uint8_t *)copy, &settled, err));
        *cell = wr_str_of(copy, value->byte_count);
    }
    out->flags |= args[0]->flags & WR_VECTOR_BLOBS;
    return WR_OK;
}

static const wr_function EQUAL_KEY = {.name = "equal_key", .param_count = 1, .flags = WR_FN_BLOBS,
                                      .eval = eval_equal_key,
                                      .state_bytes = sizeof(wr_packed_window)};

static wr_status make_key(wr_bump *bump, const wr_function *function, wr_expr *expr, wr_type type,
                          wr_expr **out_expr, wr_error *err)
{
    wr_expr *call = wr_expr_node(bump, WR_EXPR_CALL, type, 1, err);

    if (!call)
        return WR_NO_MEMORY;
    call->function = function;
    call->args[0] = expr;
    call->nullable = expr->nullable;
    call->line = expr->line;
    call->column_number = expr->column_number;
    return wr_expr_fold(call, bump, out_expr, err);
}

wr_status wr_expr_order_key(wr_bump *bump, wr_expr *expr, wr_expr **out_expr, wr_error *err)
{
    *out_expr = expr;
    if (!wr_type_is_nested(expr->type))
        return WR_OK;
    return make_key(bump, &ORDER_KEY, expr, WR_TYPE(BINARY), out_expr, err);
}

wr_status wr_expr_equal_key(wr_bump *bump, wr_expr *expr, wr_expr **out_expr, wr_error *err)
{
    *out_expr = expr;
    if (!wr_type_is_nested(expr->type) || !wr_type_has_spellings(expr->type) ||
        expr->function == &EQUAL_KEY)
        return WR_OK;
    return make_key(bump, &EQUAL_KEY, expr, expr->type, out_expr, err);
}
