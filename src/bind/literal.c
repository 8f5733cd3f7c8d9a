/* bind/literal.c — literals to constants.
 *
 * Integers take the least of Int32, Int64 and Decimal that holds them, a minus sign before them
 * included (-2147483648 is an Int32). Decimals keep the digits they are written with. Typed
 * literals are read at once: a bad one is an error of the pipeline, not of a row. */
#include <math.h>

#include "bind/bind_priv.h"
#include "expr/program.h"
#include "types/parse.h"

bool wr_ast_is_number(const wr_ast *ast)
{
    return ast->kind == WR_AST_INTEGER || ast->kind == WR_AST_DECIMAL || ast->kind == WR_AST_FLOAT;
}

static wr_status put_constant(binder *b, const wr_value *value,
                              wr_expr **out_expr, wr_error *err)
{
    wr_expr *expr = wr_expr_const(b->bump, value, err);

    if (!expr)
        return WR_NO_MEMORY;
    *out_expr = expr;
    return WR_OK;
}

static wr_value decimal_value(wr_i128 x, unsigned precision, int scale)
{
    wr_value value = {.type = wr_type_decimal(precision, scale)};

    if (precision <= WR_DECIMAL_DIGITS_I64)
        value.i64 = (int64_t)x;
    else
        value.i128 = x;
    return value;
}

static unsigned digit_of(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

/* Digits of any base up to 10^38 - 1. */
static bool parse_magnitude(wr_text text, wr_u128 *out_magnitude)
{
    unsigned base = 10;
    size_t   at = 0;
    wr_u128  magnitude = 0, limit = (wr_u128)wr_pow10_i128(WR_DECIMAL_DIGITS_MAX) - 1;

    if (text.byte_count > 2 && text.bytes[0] == '0' && (text.bytes[1] | 0x20) > '9') {
        char letter = (char)(text.bytes[1] | 0x20);

        base = letter == 'x' ? 16 : letter == 'o' ? 8 : 2;
        at = 2;
    }
    for (; at < text.byte_count; at++) {
        unsigned digit = digit_of(text.bytes[at]);

        if (magnitude > (limit - digit) / base)
            return false;
        magnitude = magnitude * base + digit;
    }
    *out_magnitude = magnitude;
    return true;
}

static unsigned count_digits(wr_u128 magnitude)
{
    unsigned digits = 1;

    for (; magnitude >= 10; magnitude /= 10)
        digits++;
    return digits;
}

static wr_status bind_integer(binder *b, const wr_ast *ast, bool negative, wr_expr **out_expr,
                              wr_error *err)
{
    wr_u128  magnitude;
    wr_i128  x;
    wr_value value = {0};

    if (!parse_magnitude(ast->text, &magnitude))
        return wr_binder_fail(b, ast, err, "number has more than %d digits", WR_DECIMAL_DIGITS_MAX);
    x = negative ? -(wr_i128)magnitude : (wr_i128)magnitude;
    if (x >= INT64_MIN && x <= INT64_MAX) {
        value.type = x >= INT32_MIN && x <= INT32_MAX ? WR_TYPE(I32) : WR_TYPE(I64);
        value.i64 = (int64_t)x;
    } else {
        value = decimal_value(x, count_digits(magnitude), 0);
    }
    return put_constant(b, &value, out_expr, err);
}

static wr_status bind_decimal(binder *b, const wr_ast *ast, bool negative, wr_expr **out_expr,
                              wr_error *err)
{
    unsigned precision;
    int      scale;
    wr_i128  x;
    wr_value value;

    if (!wr_parse_decimal_shape(ast->text, &precision, &scale) ||
        !wr_parse_decimal(ast->text, precision, scale, &x))
        return wr_binder_fail(b, ast, err,
                              "number has more than %d digits: write it with an exponent, as in "
                              "1.5e0, for a Float64",
                              WR_DECIMAL_DIGITS_MAX);
    value = decimal_value(negative ? -x : x, precision, scale);
    return put_constant(b, &value, out_expr, err);
}

static wr_status bind_float(binder *b, const wr_ast *ast, bool negative, wr_expr **out_expr,
                            wr_error *err)
{
    wr_value value = {.type = WR_TYPE(F64)};

    if (!wr_parse_f64(ast->text, &value.f64) || isinf(value.f64))
        return wr_binder_fail(b, ast, err, "number is out of the range of Float64");
    if (negative)
        value.f64 = -value.f64;
    return put_constant(b, &value, out_expr, err);
}

/* X'00ff' and BINARY '\x00ff' are bytes; other texts of type BINARY are cast like any. */
static bool is_hex_form(const wr_ast *ast)
{
    return ast->type.logical == WR_TYPE_BINARY && wr_text_starts_with(ast->text, WR_TEXT("\\x"));
}

static wr_status bind_hex(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    uint8_t *bytes = wr_bump_alloc(b->bump, ast->text.byte_count / 2 + 1, err);
    wr_value value = {.type = WR_TYPE(BINARY)};

    if (!bytes)
        return WR_NO_MEMORY;
    if (!wr_parse_binary_hex(ast->text, bytes, &value.text.byte_count))
        return wr_binder_fail(b, ast, err, "text is not valid hexadecimal");
    value.text.bytes = (const char *)bytes;
    return put_constant(b, &value, out_expr, err);
}

/* DATE '2026-01-31': cast and computed now. */
static wr_status bind_typed(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    wr_value  value = {.type = WR_TYPE(UTF8), .text = ast->text};
    wr_expr  *expr;
    wr_status status;

    WR_TRY(put_constant(b, &value, &expr, err));
    status = wr_expr_cast(b->bump, expr, ast->type, false, &expr, err);
    if (status == WR_OK && expr->kind != WR_EXPR_CONST) {
        status = wr_expr_evaluate(expr, b->bump, &value, err);
        if (status == WR_OK)
            return put_constant(b, &value, out_expr, err);
    }
    if (status != WR_OK) {
        /* A bad literal is a bad pipeline, not bad data. */
        if (status == WR_DATA && err)
            err->status = WR_INVALID;
        return wr_binder_locate(b, ast, status == WR_DATA ? WR_INVALID : status, err);
    }
    *out_expr = expr;
    return WR_OK;
}

wr_status wr_binder_literal(binder *b, const wr_ast *ast, bool negative, wr_expr **out_expr,
                            wr_error *err)
{
    wr_value value = {0};

    switch (ast->kind) {
    case WR_AST_INTEGER:
        return bind_integer(b, ast, negative, out_expr, err);
    case WR_AST_DECIMAL:
        return bind_decimal(b, ast, negative, out_expr, err);
    case WR_AST_FLOAT:
        return bind_float(b, ast, negative, out_expr, err);
    case WR_AST_TYPED:
        return is_hex_form(ast) ? bind_hex(b, ast, out_expr, err)
                                : bind_typed(b, ast, out_expr, err);
    case WR_AST_BOOL:
        value.type = WR_TYPE(BOOL);
        value.boolean = ast->boolean;
        break;
    case WR_AST_STRING:
        value.type = WR_TYPE(UTF8);
        value.text = ast->text;
        break;
    default:
        value.type = WR_TYPE(NULL_);
        value.is_null = true;
    }
    return put_constant(b, &value, out_expr, err);
}
