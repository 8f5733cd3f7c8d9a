/* bind/join.c — a join's condition, split into keys and the rest; the match of an asof join.
 *
 * The condition's conjuncts are looked at one by one. `a = b` becomes a key pair when one side reads
 * only left and the other only right columns; a bare column name is a pair by itself (USING). All
 * else is residual. A pair's sides are cast to their common type, so that equal values hash equal. */
#include "bind/bind_priv.h"

typedef struct join_parts {
    wr_expr **left_keys, **right_keys;
    uint32_t  key_count;
    wr_expr **residuals;
    uint32_t  residual_count;
} join_parts;

static bool loses_digits(wr_type from, wr_type to)
{
    return from.logical == WR_TYPE_DECIMAL && to.logical == WR_TYPE_DECIMAL && from.scale > to.scale;
}

/* `left` reads left columns, `right` right ones; both over both inputs still. A value that the common
 * type has no room for is neither equal to nor near any of the other side: NULL, which matches nothing. */
static wr_status unify_sides(binder *b, const wr_ast *ast, wr_expr **io_left, wr_expr **io_right,
                             wr_error *err)
{
    char     left_name[WR_TYPE_NAME_BYTES], right_name[WR_TYPE_NAME_BYTES];
    wr_expr *left = *io_left, *right = *io_right;
    wr_type  type;

    if (!wr_type_common(left->type, right->type, &type))
        return wr_binder_fail(b, ast, err, "cannot compare %s with %s: cast one side",
                              wr_type_format(left->type, left_name),
                              wr_type_format(right->type, right_name));
    if (loses_digits(left->type, type) || loses_digits(right->type, type))
        return wr_binder_fail(b, ast, err, "%s and %s together need more than 38 digits: cast one side",
                              wr_type_format(left->type, left_name),
                              wr_type_format(right->type, right_name));
    WR_TRY(wr_binder_locate(b, ast, wr_expr_cast(b->bump, left, type, true, &left, err), err));
    WR_TRY(wr_binder_locate(b, ast, wr_expr_cast(b->bump, right, type, true, &right, err), err));
    WR_TRY(wr_expr_fold(left, b->bump, io_left, err));
    WR_TRY(wr_expr_fold(right, b->bump, io_right, err));
    return WR_OK;
}

static wr_status add_key(binder *b, const wr_ast *ast, wr_expr *left, wr_expr *right,
                         join_parts *parts, wr_error *err)
{
    WR_TRY(unify_sides(b, ast, &left, &right, err));
    right = wr_expr_shift(right, -(int64_t)b->scope->left->field_count, b->bump, err);
    if (!right)
        return WR_NO_MEMORY;
    parts->left_keys[parts->key_count] = left;
    parts->right_keys[parts->key_count++] = right;
    return WR_OK;
}

static bool is_bare_column(const wr_ast *ast)
{
    return ast->kind == WR_AST_COLUMN && ast->qualifier.byte_count == 0;
}

/* The expression of column `name` of one input, over both inputs; NULL: not there. */
static wr_status column_of(binder *b, const wr_ast *ast, bool right, wr_expr **out_expr,
                           wr_error *err)
{
    const wr_schema *schema = right ? b->scope->right : b->scope->left;
    uint32_t         column = wr_schema_find(schema, ast->text, NULL);

    *out_expr = NULL;
    if (column == WR_FIELD_NONE)
        return WR_OK;
    *out_expr = wr_expr_column(b->bump, column + (right ? b->scope->left->field_count : 0),
                               schema->fields[column].type, schema->fields[column].nullable, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
}

/* `left_ast` names a column of the left and `right_ast` one of the right input: a pair. */
static wr_status find_bare_pair(binder *b, const wr_ast *left_ast, const wr_ast *right_ast,
                                wr_expr **out_left, wr_expr **out_right, wr_error *err)
{
    *out_left = *out_right = NULL;
    if (!is_bare_column(left_ast) || !is_bare_column(right_ast))
        return WR_OK;
    WR_TRY(column_of(b, left_ast, false, out_left, err));
    WR_TRY(column_of(b, right_ast, true, out_right, err));
    if (!*out_left || !*out_right)
        *out_left = *out_right = NULL;
    return WR_OK;
}

/* The sides of a comparison, both over both inputs, if one reads left and the other right columns; else
 * NULL. *out_turned: the right input's stands first. */
static wr_status find_pair(binder *b, const wr_ast *ast, wr_expr **out_left, wr_expr **out_right,
                           bool *out_turned, wr_error *err)
{
    uint32_t left_count = b->scope->left->field_count;
    wr_expr *first, *second;
    wr_sides first_sides, second_sides;

    *out_turned = false;
    WR_TRY(find_bare_pair(b, ast->args[0], ast->args[1], out_left, out_right, err));
    if (*out_left)
        return WR_OK;
    WR_TRY(wr_binder_node(b, ast->args[0], &first, err));
    WR_TRY(wr_binder_node(b, ast->args[1], &second, err));
    first_sides = wr_expr_sides(first, left_count);
    second_sides = wr_expr_sides(second, left_count);
    if (first_sides + second_sides != WR_SIDES_BOTH || first_sides == WR_SIDES_NONE ||
        second_sides == WR_SIDES_NONE)
        return WR_OK;
    *out_turned = first_sides == WR_SIDES_RIGHT;
    *out_left = *out_turned ? second : first;
    *out_right = *out_turned ? first : second;
    return WR_OK;
}

static wr_status add_residual(binder *b, const wr_ast *ast, join_parts *parts, wr_error *err)
{
    wr_expr *expr;

    WR_TRY(wr_binder_condition(b, ast, b->scope->where, &expr, err));
    parts->residuals[parts->residual_count++] = expr;
    return WR_OK;
}

static wr_status add_conjunct(binder *b, const wr_ast *ast, join_parts *parts, wr_error *err)
{
    wr_expr *left, *right;
    bool     turned;

    if (ast->kind == WR_AST_BINARY && ast->op == WR_OP_EQ)
        WR_TRY(find_pair(b, ast, &left, &right, &turned, err));
    else
        WR_TRY(find_bare_pair(b, ast, ast, &left, &right, err));
    return left ? add_key(b, ast, left, right, parts, err) : add_residual(b, ast, parts, err);
}

static wr_status add_conjuncts(binder *b, const wr_ast *ast, join_parts *parts, wr_error *err)
{
    if (ast->kind != WR_AST_BINARY || ast->op != WR_OP_AND)
        return add_conjunct(b, ast, parts, err);
    for (uint32_t i = 0; i < ast->arg_count; i++)
        WR_TRY(add_conjuncts(b, ast->args[i], parts, err));
    return WR_OK;
}

static uint32_t count_conjuncts(const wr_ast *ast)
{
    uint32_t count = 0;

    if (ast->kind != WR_AST_BINARY || ast->op != WR_OP_AND)
        return 1;
    for (uint32_t i = 0; i < ast->arg_count; i++)
        count += count_conjuncts(ast->args[i]);
    return count;
}

wr_status wr_bind_join(const wr_scope *scope, const wr_ast *condition, wr_bump *bump,
                       wr_expr ***out_left_keys, wr_expr ***out_right_keys,
                       uint32_t *out_key_count, wr_expr **out_residual, wr_error *err)
{
    binder     b = {.scope = scope, .bump = bump};
    uint32_t   count = count_conjuncts(condition);
    join_parts parts = {.left_keys = wr_binder_args(&b, count, err),
                        .right_keys = wr_binder_args(&b, count, err),
                        .residuals = wr_binder_args(&b, count, err)};
    wr_expr   *residual = NULL;

    if (!parts.left_keys || !parts.right_keys || !parts.residuals)
        return WR_NO_MEMORY;
    WR_TRY(add_conjuncts(&b, condition, &parts, err));
    if (parts.residual_count == 1)
        residual = parts.residuals[0];
    else if (parts.residual_count > 1)
        WR_TRY(wr_expr_logic(bump, WR_EXPR_AND, parts.residuals, parts.residual_count, &residual,
                             err));
    if (residual)
        WR_TRY(wr_binder_locate(&b, condition, wr_expr_fold(residual, bump, &residual, err), err));
    *out_left_keys = parts.left_keys;
    *out_right_keys = parts.right_keys;
    *out_key_count = parts.key_count;
    *out_residual = residual;
    return WR_OK;
}

/* ---- The match of an asof join --------------------------------------------------------------- */

static bool find_range_op(const wr_ast *ast, bool turned, wr_range_op *out_op)
{
    static const struct {
        wr_ast_op   op;
        wr_range_op straight, turned;
    } OPS[] = {{WR_OP_LT, WR_RANGE_LT, WR_RANGE_GT}, {WR_OP_LE, WR_RANGE_LE, WR_RANGE_GE},
               {WR_OP_GT, WR_RANGE_GT, WR_RANGE_LT}, {WR_OP_GE, WR_RANGE_GE, WR_RANGE_LE}};

    for (size_t i = 0; ast->kind == WR_AST_BINARY && i < sizeof OPS / sizeof OPS[0]; i++)
        if (ast->op == OPS[i].op) {
            *out_op = turned ? OPS[i].turned : OPS[i].straight;
            return true;
        }
    return false;
}

wr_status wr_bind_match(const wr_scope *scope, const wr_ast *ast, wr_bump *bump,
                        wr_plan_range *out_range, wr_error *err)
{
    binder   b = {.scope = scope, .bump = bump};
    wr_expr *left = NULL, *right = NULL;
    bool     turned = false;

    if (find_range_op(ast, false, &out_range->op))
        WR_TRY(find_pair(&b, ast, &left, &right, &turned, err));
    if (!left)
        return wr_binder_fail(&b, ast, err,
                              "an asof join matches by <, <=, > or >= between left and right");
    find_range_op(ast, turned, &out_range->op);
    WR_TRY(unify_sides(&b, ast, &left, &right, err));
    right = wr_expr_shift(right, -(int64_t)scope->left->field_count, bump, err);
    if (!right)
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_order_key(bump, left, &out_range->left, err));
    return wr_expr_order_key(bump, right, &out_range->right, err);
}

/* A constant that is not negative: not less than itself negated. */
static wr_status check_tolerance(binder *b, const wr_ast *ast, wr_expr *tolerance, wr_error *err)
{
    wr_expr *args[2] = {tolerance, NULL}, *check;

    if (tolerance->kind != WR_EXPR_CONST || tolerance->value.is_null)
        return wr_binder_fail(b, ast, err, "'tolerance' is a number or an interval");
    WR_TRY(wr_binder_operator(b, ast, WR_OPERATOR_SUB, args, 1, &args[1], err));
    WR_TRY(wr_binder_operator(b, ast, WR_OPERATOR_GE, args, 2, &check, err));
    WR_TRY(wr_expr_fold(check, b->bump, &check, err));
    if (check->kind == WR_EXPR_CONST && !check->value.boolean)
        return wr_binder_fail(b, ast, err, "'tolerance' is negative");
    return WR_OK;
}

wr_status wr_bind_tolerance(const wr_scope *scope, const wr_ast *ast, const wr_plan_range *range,
                            wr_bump *bump, wr_expr **out_condition, wr_error *err)
{
    binder   b = {.scope = scope, .bump = bump};
    bool     is_before = range->op == WR_RANGE_GT || range->op == WR_RANGE_GE;
    wr_expr *args[2], *sides_of[2] = {NULL, range->left};

    args[0] = wr_expr_shift(range->right, scope->left->field_count, bump, err);
    if (!args[0])
        return WR_NO_MEMORY;
    WR_TRY(wr_binder_node(&b, ast, &args[1], err));
    WR_TRY(wr_expr_fold(args[1], bump, &args[1], err));
    WR_TRY(check_tolerance(&b, ast, args[1], err));
    WR_TRY(wr_binder_operator(&b, ast, is_before ? WR_OPERATOR_ADD : WR_OPERATOR_SUB, args, 2,
                              &sides_of[0], err));
    return wr_binder_operator(&b, ast, is_before ? WR_OPERATOR_GE : WR_OPERATOR_LE, sides_of, 2,
                              out_condition, err);
}
