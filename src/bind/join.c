/* bind/join.c — a join's condition, split into keys and the rest.
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

/* Which inputs an expression over both reads. */
typedef enum sides { SIDES_NONE = 0, SIDES_LEFT = 1, SIDES_RIGHT = 2, SIDES_BOTH = 3 } sides;

static wr_status find_sides(binder *b, const wr_expr *expr, sides *out_sides, wr_error *err)
{
    uint32_t     left_count = b->scope->left->field_count;
    uint32_t     count = left_count + b->scope->right->field_count;
    wr_bump_mark mark = wr_bump_save(b->bump);
    uint64_t    *bits = wr_bump_alloc(b->bump, (count / 64 + 1) * sizeof *bits, err);
    unsigned     found = SIDES_NONE;

    if (!bits)
        return WR_NO_MEMORY;
    wr_expr_columns(expr, bits);
    for (uint32_t i = 0; i < count; i++)
        if (bits[i / 64] >> (i % 64) & 1)
            found |= i < left_count ? SIDES_LEFT : SIDES_RIGHT;
    wr_bump_rewind(b->bump, mark);
    *out_sides = (sides)found;
    return WR_OK;
}

/* From columns of both inputs to columns of the right one. */
static wr_status move_to_right(binder *b, wr_expr **io_expr, wr_error *err)
{
    uint32_t  left_count = b->scope->left->field_count;
    uint32_t  count = left_count + b->scope->right->field_count;
    uint32_t *map = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, count, err);

    if (!map)
        return WR_NO_MEMORY;
    for (uint32_t i = left_count; i < count; i++)
        map[i] = i - left_count;
    *io_expr = wr_expr_remap(*io_expr, map, b->bump, err);
    return *io_expr ? WR_OK : WR_NO_MEMORY;
}

static bool loses_digits(wr_type from, wr_type to)
{
    return from.logical == WR_TYPE_DECIMAL && to.logical == WR_TYPE_DECIMAL && from.scale > to.scale;
}

/* `left` reads left columns, `right` right ones; both over both inputs still. A value that the common
 * type has no room for equals none of the other side: NULL, which matches nothing. */
static wr_status add_key(binder *b, const wr_ast *ast, wr_expr *left, wr_expr *right,
                         join_parts *parts, wr_error *err)
{
    char    left_name[WR_TYPE_NAME_BYTES], right_name[WR_TYPE_NAME_BYTES];
    wr_type type;

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
    WR_TRY(wr_expr_fold(left, b->bump, &left, err));
    WR_TRY(wr_expr_fold(right, b->bump, &right, err));
    WR_TRY(move_to_right(b, &right, err));
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
static wr_status try_bare_pair(binder *b, const wr_ast *ast, const wr_ast *left_ast,
                               const wr_ast *right_ast, join_parts *parts, bool *out_taken,
                               wr_error *err)
{
    wr_expr *left, *right;

    *out_taken = false;
    if (!is_bare_column(left_ast) || !is_bare_column(right_ast))
        return WR_OK;
    WR_TRY(column_of(b, left_ast, false, &left, err));
    WR_TRY(column_of(b, right_ast, true, &right, err));
    if (!left || !right)
        return WR_OK;
    *out_taken = true;
    return add_key(b, ast, left, right, parts, err);
}

static wr_status add_residual(binder *b, const wr_ast *ast, join_parts *parts, wr_error *err)
{
    wr_expr *expr;

    WR_TRY(wr_binder_condition(b, ast, b->scope->where, &expr, err));
    parts->residuals[parts->residual_count++] = expr;
    return WR_OK;
}

static wr_status add_equality(binder *b, const wr_ast *ast, join_parts *parts, wr_error *err)
{
    wr_expr *first, *second;
    sides    first_sides, second_sides;
    bool     taken;

    WR_TRY(try_bare_pair(b, ast, ast->args[0], ast->args[1], parts, &taken, err));
    if (taken)
        return WR_OK;
    WR_TRY(wr_binder_node(b, ast->args[0], &first, err));
    WR_TRY(wr_binder_node(b, ast->args[1], &second, err));
    WR_TRY(find_sides(b, first, &first_sides, err));
    WR_TRY(find_sides(b, second, &second_sides, err));
    if (first_sides == SIDES_LEFT && second_sides == SIDES_RIGHT)
        return add_key(b, ast, first, second, parts, err);
    if (first_sides == SIDES_RIGHT && second_sides == SIDES_LEFT)
        return add_key(b, ast, second, first, parts, err);
    return add_residual(b, ast, parts, err);
}

static wr_status add_conjunct(binder *b, const wr_ast *ast, join_parts *parts, wr_error *err)
{
    bool taken;

    if (ast->kind == WR_AST_BINARY && ast->op == WR_OP_EQ)
        return add_equality(b, ast, parts, err);
    WR_TRY(try_bare_pair(b, ast, ast, ast, parts, &taken, err));
    return taken ? WR_OK : add_residual(b, ast, parts, err);
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
