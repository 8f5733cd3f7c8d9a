/* expr/expr.c — building trees and asking about them. Resolution of calls: call.c; folding: fold.c;
 * text: format.c. Every walk recurses: the parser bounds the depth. */
#include "expr/expr.h"

#include "expr/expr_priv.h"
#include "types/nested.h"

wr_expr *wr_expr_node(wr_bump *bump, wr_expr_kind kind, wr_type type, uint32_t arg_count,
                      wr_error *err)
{
    wr_expr *expr = WR_BUMP_NEW(bump, wr_expr, err);

    if (!expr)
        return NULL;
    expr->kind = kind;
    expr->type = type;
    expr->arg_count = arg_count;
    if (arg_count > 0) {
        expr->args = WR_BUMP_NEW_ARRAY(bump, wr_expr *, arg_count, err);
        if (!expr->args)
            return NULL;
    }
    return expr;
}

wr_expr *wr_expr_const(wr_bump *bump, const wr_value *value, wr_error *err)
{
    wr_expr *expr = wr_expr_node(bump, WR_EXPR_CONST, value->type, 0, err);

    if (!expr)
        return NULL;
    expr->value = *value;
    expr->nullable = value->is_null;
    if (wr_type_is_bytes(value->type) && !value->is_null) {
        expr->value.text.bytes = wr_bump_copy(bump, value->text, err);
        if (!expr->value.text.bytes)
            return NULL;
    }
    return expr;
}

wr_expr *wr_expr_column(wr_bump *bump, uint32_t column, wr_type type, bool nullable, wr_error *err)
{
    wr_expr *expr = wr_expr_node(bump, WR_EXPR_COLUMN, type, 0, err);

    if (!expr)
        return NULL;
    expr->column = column;
    expr->nullable = nullable;
    return expr;
}

wr_status wr_expr_cast(wr_bump *bump, wr_expr *arg, wr_type type, bool try_, wr_expr **out_expr,
                       wr_error *err)
{
    char     from[WR_TYPE_NAME_BYTES], to[WR_TYPE_NAME_BYTES];
    wr_expr *expr;

    if (wr_type_equal(arg->type, type)) {
        *out_expr = arg;
        return WR_OK;
    }
    if (wr_type_is_nested(arg->type) && wr_type_is_nested(type))
        return wr_expr_cast_nested(bump, arg, type, try_, out_expr, err);
    if (!wr_type_castable(arg->type, type))
        return WR_RAISE(err, WR_INVALID, "there is no cast from %s to %s",
                        wr_type_format(arg->type, from), wr_type_format(type, to));
    expr = wr_expr_node(bump, WR_EXPR_CAST, type, 1, err);
    if (!expr)
        return WR_NO_MEMORY;
    expr->args[0] = arg;
    expr->try_ = try_;
    expr->nullable = arg->nullable || (try_ && wr_cast_can_fail(arg->type, type)) ||
                     wr_type_is_nested(type); /* the text null */
    expr->line = arg->line;
    expr->column_number = arg->column_number;
    if (arg->kind == WR_EXPR_CONST)
        return wr_expr_fold(expr, bump, out_expr, err);
    *out_expr = expr;
    return WR_OK;
}

/* A condition: BOOL, or NULL or a literal read as one. */
static wr_status cast_condition(wr_bump *bump, wr_expr *arg, const char *what, wr_expr **out_expr,
                                wr_error *err)
{
    char name[WR_TYPE_NAME_BYTES];

    if (arg->type.logical != WR_TYPE_BOOL && !wr_expr_is_null(arg) && !wr_expr_is_literal(arg))
        return WR_RAISE(err, WR_INVALID, "%s needs a condition (Boolean), not %s", what,
                        wr_type_format(arg->type, name));
    return wr_expr_coerce(bump, arg, WR_TYPE(BOOL), out_expr, err);
}

wr_status wr_expr_logic(wr_bump *bump, wr_expr_kind and_or, wr_expr **args, uint32_t arg_count,
                        wr_expr **out_expr, wr_error *err)
{
    wr_expr *expr;
    uint32_t flat_count = 0, n = 0;

    for (uint32_t i = 0; i < arg_count; i++)
        flat_count += args[i]->kind == and_or ? args[i]->arg_count : 1;
    expr = wr_expr_node(bump, and_or, WR_TYPE(BOOL), flat_count, err);
    if (!expr)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < arg_count; i++) {
        if (args[i]->kind == and_or) {
            memcpy(expr->args + n, args[i]->args, args[i]->arg_count * sizeof *args);
            n += args[i]->arg_count;
        } else {
            WR_TRY(cast_condition(bump, args[i], and_or == WR_EXPR_AND ? "AND" : "OR",
                                  &expr->args[n++], err));
        }
    }
    for (uint32_t i = 0; i < flat_count; i++)
        expr->nullable |= expr->args[i]->nullable;
    *out_expr = expr;
    return WR_OK;
}

wr_status wr_expr_when(wr_bump *bump, wr_expr *condition, wr_expr *value, wr_expr **out_expr,
                       wr_error *err)
{
    wr_value null_value = {.type = value->type, .is_null = true};
    wr_expr *args[3] = {condition, value, NULL};

    if (!condition) {
        *out_expr = value;
        return WR_OK;
    }
    args[2] = wr_expr_const(bump, &null_value, err);
    return args[2] ? wr_expr_case(bump, args, 3, out_expr, err) : WR_NO_MEMORY;
}

/* Results of a CASE are every second argument and the last one. */
static bool is_result(uint32_t index, uint32_t arg_count)
{
    return index % 2 == 1 || index == arg_count - 1;
}

static wr_status raise_branches(wr_expr *const *results, uint32_t count, wr_error *err)
{
    char    first[WR_TYPE_NAME_BYTES], other[WR_TYPE_NAME_BYTES];
    wr_type type = WR_TYPE(NULL_);

    for (uint32_t i = 0; i < count; i++) {
        if (wr_expr_is_literal(results[i]))
            continue;
        if (!wr_type_common(type, results[i]->type, &type))
            return WR_RAISE(err, WR_INVALID,
                            "branches have types %s and %s, which have no common type (cast one)",
                            wr_type_format(type, first), wr_type_format(results[i]->type, other));
    }
    return WR_RAISE(err, WR_INVALID, "branches have no common type (cast them to one)");
}

wr_status wr_expr_case(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                       wr_error *err)
{
    wr_expr *expr = wr_expr_node(bump, WR_EXPR_CASE, WR_TYPE(NULL_), arg_count, err);
    wr_expr **results = WR_BUMP_NEW_ARRAY(bump, wr_expr *, arg_count / 2 + 1, err);
    uint32_t result_count = 0;

    if (!expr || !results)
        return WR_NO_MEMORY;
    wr_assert(arg_count >= 3 && arg_count % 2 == 1, "a CASE has conditions, results and an ELSE");
    for (uint32_t i = 0; i < arg_count; i++)
        if (is_result(i, arg_count))
            results[result_count++] = args[i];
    if (!wr_expr_common((const wr_expr *const *)results, result_count, false, &expr->type))
        return raise_branches(results, result_count, err);
    for (uint32_t i = 0; i < arg_count; i++) {
        if (is_result(i, arg_count)) {
            WR_TRY(wr_expr_coerce(bump, args[i], expr->type, &expr->args[i], err));
            expr->nullable |= expr->args[i]->nullable;
        } else {
            WR_TRY(cast_condition(bump, args[i], "WHEN", &expr->args[i], err));
        }
    }
    *out_expr = expr;
    return WR_OK;
}

void wr_expr_columns(const wr_expr *expr, uint64_t *column_bits)
{
    if (expr->kind == WR_EXPR_COLUMN)
        wr_bit_set(column_bits, expr->column);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        wr_expr_columns(expr->args[i], column_bits);
}

wr_sides wr_expr_sides(const wr_expr *expr, uint32_t left_count)
{
    unsigned found = WR_SIDES_NONE;

    if (expr->kind == WR_EXPR_COLUMN)
        found = expr->column < left_count ? WR_SIDES_LEFT : WR_SIDES_RIGHT;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        found |= wr_expr_sides(expr->args[i], left_count);
    return (wr_sides)found;
}

/* new = map[old], or without a map old + by */
static wr_expr *copy_moved(const wr_expr *expr, const uint32_t *map, int64_t by, wr_bump *bump,
                           wr_error *err)
{
    wr_expr *copy = wr_expr_node(bump, expr->kind, expr->type, expr->arg_count, err);
    wr_expr **args;

    if (!copy)
        return NULL;
    args = copy->args;
    *copy = *expr;
    copy->args = args;
    if (expr->kind == WR_EXPR_COLUMN)
        copy->column = map ? map[expr->column] : (uint32_t)(expr->column + by);
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        args[i] = copy_moved(expr->args[i], map, by, bump, err);
        if (!args[i])
            return NULL;
    }
    return copy;
}

wr_expr *wr_expr_remap(const wr_expr *expr, const uint32_t *map, wr_bump *bump, wr_error *err)
{
    return copy_moved(expr, map, 0, bump, err);
}

wr_expr *wr_expr_shift(const wr_expr *expr, int64_t by, wr_bump *bump, wr_error *err)
{
    return copy_moved(expr, NULL, by, bump, err);
}

/* The same bits: 0.0 and -0.0 differ, NaN equals itself. */
static bool value_equal(const wr_value *a, const wr_value *b)
{
    uint64_t x[2] = {0}, y[2] = {0};

    if (!wr_type_equal(a->type, b->type) || a->is_null != b->is_null)
        return false;
    if (a->is_null)
        return true;
    if (wr_type_is_bytes(a->type))
        return wr_text_equal(a->text, b->text);
    wr_value_store(a, x);
    wr_value_store(b, y);
    return memcmp(x, y, sizeof x) == 0;
}

bool wr_expr_equal(const wr_expr *a, const wr_expr *b)
{
    if (a->kind != b->kind || !wr_type_equal(a->type, b->type) || a->arg_count != b->arg_count ||
        a->function != b->function || a->site != b->site || a->try_ != b->try_)
        return false;
    if (a->kind == WR_EXPR_COLUMN && a->column != b->column)
        return false;
    if (a->kind == WR_EXPR_CONST && !value_equal(&a->value, &b->value))
        return false;
    if (a->lambda != b->lambda &&
        (!a->lambda || !b->lambda || a->lambda->parameter_count != b->lambda->parameter_count ||
         !wr_expr_equal(a->lambda->body, b->lambda->body)))
        return false;
    for (uint32_t i = 0; i < a->arg_count; i++)
        if (!wr_expr_equal(a->args[i], b->args[i]))
            return false;
    return true;
}

bool wr_expr_is_repeatable(const wr_expr *expr)
{
    if (expr->kind == WR_EXPR_CALL && (expr->function->flags & WR_FN_VOLATILE))
        return false;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!wr_expr_is_repeatable(expr->args[i]))
            return false;
    return true;
}
