/* bind/bind.c — syntax trees to typed expressions: one function a kind of node.
 *
 * The binder knows names and forms, not types: wr_expr_call and its kin choose the variant, insert
 * casts and say what does not fit; here such a failure gets its place. Each node is bound once,
 * after its children. */
#include "bind/bind_priv.h"

#include "base/hash.h"
#include "expr/function.h"

#include <stdarg.h>

/* --- failing ------------------------------------------------------------------------------- */

wr_status wr_binder_locate(const binder *b, const wr_ast *ast, wr_status status, wr_error *err)
{
    if (status == WR_OK || status == WR_NO_MEMORY)
        return status;
    return wr_source_locate(&b->scope->source, ast->place, status, err);
}

wr_status wr_binder_fail(const binder *b, const wr_ast *ast, wr_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    wr_error_raisev(err, WR_INVALID, __FILE__, __LINE__, format, args);
    va_end(args);
    return wr_binder_locate(b, ast, WR_INVALID, err);
}

/* --- helpers ------------------------------------------------------------------------------- */

wr_expr **wr_binder_args(binder *b, uint32_t count, wr_error *err)
{
    return WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, count ? count : 1, err);
}

/* Children `first`.. bound into a new array. */
static wr_status bind_children(binder *b, const wr_ast *ast, uint32_t first, wr_expr ***out_args,
                               wr_error *err)
{
    wr_expr **args = wr_binder_args(b, ast->arg_count, err);

    if (!args)
        return WR_NO_MEMORY;
    for (uint32_t i = first; i < ast->arg_count; i++)
        WR_TRY(wr_binder_node(b, ast->args[i], &args[i - first], err));
    *out_args = args;
    return WR_OK;
}

wr_status wr_binder_operator(binder *b, const wr_ast *ast, const char *name, wr_expr **args,
                             uint32_t arg_count, wr_expr **out_expr, wr_error *err)
{
    return wr_binder_locate(
        b, ast, wr_expr_call(b->bump, wr_text_of(name), args, arg_count, out_expr, err), err);
}

/* The operator over two expressions that exist. */
static wr_status combine(binder *b, const wr_ast *ast, const char *name, wr_expr *left,
                         wr_expr *right, wr_expr **out_expr, wr_error *err)
{
    wr_expr **args = wr_binder_args(b, 2, err);

    if (!args)
        return WR_NO_MEMORY;
    args[0] = left;
    args[1] = right;
    return wr_binder_operator(b, ast, name, args, right ? 2 : 1, out_expr, err);
}

static wr_status combine_logic(binder *b, const wr_ast *ast, wr_expr_kind and_or, wr_expr *left,
                               wr_expr *right, wr_expr **out_expr, wr_error *err)
{
    wr_expr **args = wr_binder_args(b, 2, err);

    if (!args)
        return WR_NO_MEMORY;
    args[0] = left;
    args[1] = right;
    return wr_binder_locate(b, ast, wr_expr_logic(b->bump, and_or, args, 2, out_expr, err), err);
}

static wr_status negate_if(binder *b, const wr_ast *ast, bool negated, wr_expr **io_expr,
                           wr_error *err)
{
    return negated ? combine(b, ast, WR_OPERATOR_NOT, *io_expr, NULL, io_expr, err) : WR_OK;
}

wr_status wr_binder_condition(binder *b, const wr_ast *ast, const char *what, wr_expr **out_expr,
                              wr_error *err)
{
    wr_expr *expr;
    char     name[WR_TYPE_NAME_BYTES];

    WR_TRY(wr_binder_node(b, ast, &expr, err));
    if (expr->type.logical != WR_TYPE_BOOL) {
        bool literal = expr->kind == WR_EXPR_CONST && expr->type.logical == WR_TYPE_UTF8;

        if (expr->type.logical != WR_TYPE_NULL_ && !literal)
            return wr_binder_fail(b, ast, err, "%s needs a Boolean, this is %s", what,
                                  wr_type_format(expr->type, name));
        WR_TRY(wr_binder_locate(
            b, ast, wr_expr_cast(b->bump, expr, WR_TYPE(BOOL), false, &expr, err), err));
    }
    *out_expr = expr;
    return WR_OK;
}

/* --- operators ----------------------------------------------------------------------------- */

static wr_status bind_unary(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    const wr_ast *operand = ast->args[0];
    wr_expr      *expr;

    if (ast->op == WR_OP_NEG && wr_ast_is_number(operand))
        return wr_binder_literal(b, operand, true, out_expr, err);
    if (ast->op == WR_OP_NOT)
        WR_TRY(wr_binder_condition(b, operand, "NOT", &expr, err));
    else
        WR_TRY(wr_binder_node(b, operand, &expr, err));
    return combine(b, ast,
                   ast->op == WR_OP_NEG    ? WR_OPERATOR_SUB
                   : ast->op == WR_OP_PLUS ? WR_OPERATOR_ADD
                   : ast->op == WR_OP_NOT  ? WR_OPERATOR_NOT
                                           : WR_OPERATOR_BIT_NOT,
                   expr, NULL, out_expr, err);
}

static wr_status bind_logic(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    wr_expr **args = wr_binder_args(b, ast->arg_count, err);

    if (!args)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < ast->arg_count; i++)
        WR_TRY(wr_binder_condition(b, ast->args[i], ast->op == WR_OP_AND ? "AND" : "OR", &args[i],
                                   err));
    return wr_binder_locate(b, ast,
                            wr_expr_logic(b->bump,
                                          ast->op == WR_OP_AND ? WR_EXPR_AND : WR_EXPR_OR, args,
                                          ast->arg_count, out_expr, err),
                            err);
}

static const char *operator_name(wr_ast_op op)
{
    switch (op) {
    case WR_OP_EQ:
        return WR_OPERATOR_EQ;
    case WR_OP_NE:
        return WR_OPERATOR_NE;
    case WR_OP_LT:
        return WR_OPERATOR_LT;
    case WR_OP_LE:
        return WR_OPERATOR_LE;
    case WR_OP_GT:
        return WR_OPERATOR_GT;
    case WR_OP_GE:
        return WR_OPERATOR_GE;
    case WR_OP_ADD:
        return WR_OPERATOR_ADD;
    case WR_OP_SUB:
        return WR_OPERATOR_SUB;
    case WR_OP_MUL:
        return WR_OPERATOR_MUL;
    case WR_OP_DIV:
        return WR_OPERATOR_DIV;
    case WR_OP_MOD:
        return WR_OPERATOR_MOD;
    case WR_OP_POW:
        return WR_OPERATOR_POW;
    case WR_OP_CONCAT:
        return WR_OPERATOR_CONCAT;
    case WR_OP_BIT_AND:
        return WR_OPERATOR_BIT_AND;
    case WR_OP_BIT_OR:
        return WR_OPERATOR_BIT_OR;
    case WR_OP_BIT_XOR:
        return WR_OPERATOR_BIT_XOR;
    case WR_OP_SHIFT_LEFT:
        return WR_OPERATOR_SHIFT_LEFT;
    case WR_OP_SHIFT_RIGHT:
        return WR_OPERATOR_SHIFT_RIGHT;
    case WR_OP_LIKE:
        return WR_OPERATOR_LIKE;
    case WR_OP_ILIKE:
        return WR_OPERATOR_ILIKE;
    case WR_OP_SIMILAR:
        return WR_OPERATOR_SIMILAR;
    case WR_OP_REGEX:
    case WR_OP_NOT_REGEX:
        return WR_OPERATOR_REGEX;
    default:
        wr_assert(op == WR_OP_REGEX_NOCASE || op == WR_OP_NOT_REGEX_NOCASE,
                  "the parser makes no other operator between two operands");
        return WR_OPERATOR_REGEX_NOCASE;
    }
}

static wr_status bind_binary(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    bool      compares = ast->op >= WR_OP_EQ && ast->op <= WR_OP_GE;
    wr_expr **args;

    if (ast->op == WR_OP_AND || ast->op == WR_OP_OR)
        return bind_logic(b, ast, out_expr, err);
    if (compares) {
        args = wr_binder_args(b, 2, err);
        if (!args)
            return WR_NO_MEMORY;
        WR_TRY(wr_binder_operand(b, ast->args[0], ast->args[1], &args[0], err));
        WR_TRY(wr_binder_operand(b, ast->args[1], ast->args[0], &args[1], err));
    } else {
        WR_TRY(bind_children(b, ast, 0, &args, err));
    }
    WR_TRY(wr_binder_operator(b, ast, operator_name(ast->op), args, 2, out_expr, err));
    return negate_if(b, ast, ast->op == WR_OP_NOT_REGEX || ast->op == WR_OP_NOT_REGEX_NOCASE,
                     out_expr, err);
}

static wr_status bind_is(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    static const char *const NAMES[][2] = {
        [WR_OP_IS_NULL - WR_OP_IS_NULL] = {WR_OPERATOR_IS_NULL, WR_OPERATOR_IS_NOT_NULL},
        [WR_OP_IS_TRUE - WR_OP_IS_NULL] = {WR_OPERATOR_IS_TRUE, WR_OPERATOR_IS_NOT_TRUE},
        [WR_OP_IS_FALSE - WR_OP_IS_NULL] = {WR_OPERATOR_IS_FALSE, WR_OPERATOR_IS_NOT_FALSE},
        [WR_OP_IS_UNKNOWN - WR_OP_IS_NULL] = {WR_OPERATOR_IS_UNKNOWN, WR_OPERATOR_IS_NOT_UNKNOWN},
        [WR_OP_IS_DISTINCT - WR_OP_IS_NULL] = {WR_OPERATOR_DISTINCT, WR_OPERATOR_NOT_DISTINCT},
    };
    const char *name = NAMES[ast->op - WR_OP_IS_NULL][ast->negated];
    wr_expr   **args;

    if (ast->op == WR_OP_IS_NULL || ast->op == WR_OP_IS_DISTINCT) {
        WR_TRY(bind_children(b, ast, 0, &args, err));
    } else {
        args = wr_binder_args(b, 1, err);
        if (!args)
            return WR_NO_MEMORY;
        WR_TRY(wr_binder_condition(b, ast->args[0], name, &args[0], err));
    }
    return wr_binder_operator(b, ast, name, args, ast->arg_count, out_expr, err);
}

/* A value that several comparisons share must be the same in all of them. */
static wr_status check_repeatable(binder *b, const wr_ast *ast, const wr_expr *value, wr_error *err)
{
    if (wr_expr_is_repeatable(value))
        return WR_OK;
    return wr_binder_fail(b, ast, err,
                          "%s would draw a random value several times: put it into a column in an "
                          "earlier step",
                          ast->kind == WR_AST_CASE ? "CASE" : "BETWEEN");
}

/* low <= value AND value <= high; the value's tree is shared, so it is computed once. */
static wr_status bind_range(binder *b, const wr_ast *ast, wr_expr *value, wr_expr *low,
                            wr_expr *high, wr_expr **out_expr, wr_error *err)
{
    wr_expr *above, *below;

    WR_TRY(combine(b, ast, WR_OPERATOR_GE, value, low, &above, err));
    WR_TRY(combine(b, ast, WR_OPERATOR_LE, value, high, &below, err));
    return combine_logic(b, ast, WR_EXPR_AND, above, below, out_expr, err);
}

static wr_status bind_between(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    wr_expr *parts[3], *other;

    for (uint32_t i = 0; i < 3; i++)
        WR_TRY(wr_binder_node(b, ast->args[i], &parts[i], err));
    WR_TRY(check_repeatable(b, ast, parts[0], err));
    WR_TRY(bind_range(b, ast, parts[0], parts[1], parts[2], out_expr, err));
    if (ast->symmetric) {
        /* Not least() and greatest(): they pass over NULL, this must not. */
        WR_TRY(bind_range(b, ast, parts[0], parts[2], parts[1], &other, err));
        WR_TRY(combine_logic(b, ast, WR_EXPR_OR, *out_expr, other, out_expr, err));
    }
    return negate_if(b, ast, ast->negated, out_expr, err);
}

static wr_status bind_in(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    wr_expr **args = wr_binder_args(b, ast->arg_count, err);

    if (!args)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < ast->arg_count; i++)
        WR_TRY(wr_binder_operand(b, ast->args[i], ast->args[i ? 0 : 1], &args[i], err));
    WR_TRY(wr_binder_operator(b, ast, WR_OPERATOR_IN, args, ast->arg_count, out_expr, err));
    return negate_if(b, ast, ast->negated, out_expr, err);
}

static wr_status bind_like(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    wr_expr **args;

    WR_TRY(bind_children(b, ast, 0, &args, err));
    WR_TRY(wr_binder_operator(b, ast, operator_name(ast->op), args, ast->arg_count, out_expr, err));
    return negate_if(b, ast, ast->negated, out_expr, err);
}

/* --- CASE, CAST, calls --------------------------------------------------------------------- */

static wr_status bind_when(binder *b, const wr_ast *ast, uint32_t when, wr_expr *operand,
                           wr_expr **out_expr, wr_error *err)
{
    wr_expr *value;

    if (!operand)
        return wr_binder_condition(b, ast->args[when], "WHEN", out_expr, err);
    WR_TRY(wr_binder_node(b, ast->args[when], &value, err));
    return combine(b, ast->args[when], WR_OPERATOR_EQ, operand, value, out_expr, err);
}

static wr_status bind_case(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    uint32_t  first = ast->has_operand, count = 0;
    uint32_t  pairs_end = ast->arg_count - ast->has_else;
    wr_expr  *operand = NULL, **args = wr_binder_args(b, ast->arg_count + 1, err);
    wr_value  null = {.type = WR_TYPE(NULL_), .is_null = true};

    if (!args)
        return WR_NO_MEMORY;
    if (ast->has_operand) {
        WR_TRY(wr_binder_node(b, ast->args[0], &operand, err));
        WR_TRY(check_repeatable(b, ast, operand, err));
    }
    for (uint32_t i = first; i < pairs_end; i += 2) {
        WR_TRY(bind_when(b, ast, i, operand, &args[count++], err));
        WR_TRY(wr_binder_node(b, ast->args[i + 1], &args[count++], err));
    }
    if (ast->has_else) {
        WR_TRY(wr_binder_node(b, ast->args[pairs_end], &args[count++], err));
    } else {
        args[count++] = wr_expr_const(b->bump, &null, err);
        if (!args[count - 1])
            return WR_NO_MEMORY;
    }
    return wr_binder_locate(b, ast, wr_expr_case(b->bump, args, count, out_expr, err), err);
}

static wr_status bind_cast(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    wr_expr *operand;

    WR_TRY(wr_binder_node(b, ast->args[0], &operand, err));
    return wr_binder_locate(
        b, ast, wr_expr_cast(b->bump, operand, ast->type, ast->try_, out_expr, err), err);
}

/* Before its arguments: a misspelt aggregate would blame what stands in it. */
static wr_status fail_unknown_call(const binder *b, const wr_ast *ast, wr_error *err)
{
    wr_suggest suggest;

    (void)WR_RAISE(err, WR_INVALID, "unknown function '%.*s'", WR_TEXT_ARG(ast->text));
    wr_suggest_init(&suggest, ast->text);
    for (uint32_t kind = 0; b->aggregates && kind < WR_AGG_KIND_COUNT; kind++)
        wr_suggest_offer(&suggest, wr_text_of(wr_agg_name((wr_agg_kind)kind)));
    if (b->windows)
        wr_binder_offer_windows(&suggest);
    if (suggest.best.byte_count > 0)
        wr_suggest_append(&suggest, err);
    else
        wr_function_suggest(ast->text, err);
    return wr_binder_locate(b, ast, WR_INVALID, err);
}

static wr_status bind_call(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    wr_agg_kind    kind;
    wr_window_kind window;
    wr_expr      **args;

    if (wr_ast_has_lambda(ast))
        return wr_binder_lambda_call(b, ast, out_expr, err);
    if (ast->over || ast->ignore_nulls || (wr_window_find(ast->text, &window) && !wr_agg_find(ast->text, &kind)))
        return wr_binder_fail(b, ast, err,
                              "%.*s() is a window function here: it stands in the functions of a "
                              "window step, not in %s",
                              WR_TEXT_ARG(ast->text), b->scope->where);
    if (wr_agg_find(ast->text, &kind))
        return wr_binder_fail(b, ast, err,
                              "%.*s() is an aggregate: it stands in the aggs of an aggregate step, "
                              "not in %s",
                              WR_TEXT_ARG(ast->text), b->scope->where);
    if (!wr_function_is_known(ast->text))
        return fail_unknown_call(b, ast, err);
    if (ast->distinct || ast->filter || ast->order_count > 0)
        return wr_binder_fail(b, ast, err,
                              "%.*s() is not an aggregate: DISTINCT, ORDER BY and FILTER do not "
                              "apply",
                              WR_TEXT_ARG(ast->text));
    WR_TRY(bind_children(b, ast, 0, &args, err));
    WR_TRY(wr_binder_locate(
        b, ast, wr_expr_call(b->bump, ast->text, args, ast->arg_count, out_expr, err), err));
    if (b->scope->site_count && (*out_expr)->kind == WR_EXPR_CALL &&
        (*out_expr)->function->flags & WR_FN_VOLATILE)
        (*out_expr)->site = wr_hash_u64(++*b->scope->site_count);
    return WR_OK;
}

static wr_status bind_kind(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    switch (ast->kind) {
    case WR_AST_COLUMN:
        return wr_binder_column(b, ast, out_expr, err);
    case WR_AST_STAR:
        return wr_binder_fail(b, ast, err, "'*' stands only in count(*) and in lists of columns");
    case WR_AST_UNARY:
        return bind_unary(b, ast, out_expr, err);
    case WR_AST_BINARY:
        return bind_binary(b, ast, out_expr, err);
    case WR_AST_CALL:
        return bind_call(b, ast, out_expr, err);
    case WR_AST_CASE:
        return bind_case(b, ast, out_expr, err);
    case WR_AST_CAST:
        return bind_cast(b, ast, out_expr, err);
    case WR_AST_IS:
        return bind_is(b, ast, out_expr, err);
    case WR_AST_BETWEEN:
        return bind_between(b, ast, out_expr, err);
    case WR_AST_IN:
        return bind_in(b, ast, out_expr, err);
    case WR_AST_LIKE:
        return bind_like(b, ast, out_expr, err);
    case WR_AST_LAMBDA:
        return wr_binder_fail(b, ast, err, "a lambda stands only as an argument of a function");
    default:
        return wr_binder_literal(b, ast, false, out_expr, err);
    }
}

wr_status wr_binder_node(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    wr_expr *expr = NULL;
    wr_place place;

    WR_TRY(wr_binder_split_field(b, &ast, err));
    if (b->lambda)
        WR_TRY(wr_binder_lambda_part(b, ast, &expr, err));
    if (b->aggregates)
        WR_TRY(wr_binder_aggregate_part(b, ast, &expr, err));
    if (b->windows)
        WR_TRY(wr_binder_window_part(b, ast, &expr, err));
    if (!expr)
        WR_TRY(bind_kind(b, ast, &expr, err));
    if (expr->line == 0) {
        place = wr_source_place(&b->scope->source, ast->place);
        expr->line = place.line;
        expr->column_number = place.column;
    }
    *out_expr = expr;
    return WR_OK;
}

/* --- entry points -------------------------------------------------------------------------- */

wr_status wr_bind_expr(const wr_scope *scope, const wr_ast *ast, wr_bump *bump, wr_expr **out_expr,
                       wr_error *err)
{
    binder   b = {.scope = scope, .bump = bump};
    wr_expr *expr = NULL;

    WR_TRY(wr_binder_node(&b, ast, &expr, err));
    return wr_binder_locate(&b, ast, wr_expr_fold(expr, bump, out_expr, err), err);
}

wr_status wr_bind_predicate(const wr_scope *scope, const wr_ast *ast, wr_bump *bump,
                            wr_expr **out_expr, wr_error *err)
{
    binder   b = {.scope = scope, .bump = bump};
    wr_expr *expr = NULL;

    WR_TRY(wr_binder_condition(&b, ast, scope->where, &expr, err));
    return wr_binder_locate(&b, ast, wr_expr_fold(expr, bump, out_expr, err), err);
}
