/* bind/column.c — names to columns of one or two inputs.
 *
 * Without a qualifier a name must be in exactly one input. Columns of the right input come behind
 * those of the left. A double-quoted name that nothing is called may be text where the scope allows
 * it (wr_scope.warn): EM-root writes text so. */
#include <stdio.h>

#include "bind/bind_priv.h"

static uint32_t find_in(const wr_schema *schema, wr_text name, bool *io_ambiguous)
{
    bool     ambiguous = false;
    uint32_t column = schema ? wr_schema_find(schema, name, &ambiguous) : WR_FIELD_NONE;

    *io_ambiguous |= ambiguous;
    return column;
}

/* 0 left, 1 right, -1 neither. */
static int find_side(const wr_scope *scope, wr_text qualifier)
{
    if (wr_text_equal(qualifier, scope->left_name))
        return 0;
    if (scope->right && wr_text_equal(qualifier, scope->right_name))
        return 1;
    if (scope->right && wr_text_equal_nocase(qualifier, WR_TEXT("left")))
        return 0;
    if (scope->right && wr_text_equal_nocase(qualifier, WR_TEXT("right")))
        return 1;
    return -1;
}

static wr_status fail_side(const binder *b, const wr_ast *ast, wr_error *err)
{
    const wr_scope *scope = b->scope;

    if (!scope->right)
        return wr_binder_fail(b, ast, err,
                              "unknown qualifier '%.*s' in %s: columns of a single input need none",
                              WR_TEXT_ARG(ast->qualifier), scope->where);
    if (!scope->left_name.byte_count || !scope->right_name.byte_count)
        return wr_binder_fail(b, ast, err, "unknown qualifier '%.*s' in %s: expected left or right",
                              WR_TEXT_ARG(ast->qualifier), scope->where);
    return wr_binder_fail(b, ast, err,
                          "unknown qualifier '%.*s' in %s: expected left or '%.*s', right or '%.*s'",
                          WR_TEXT_ARG(ast->qualifier), scope->where, WR_TEXT_ARG(scope->left_name),
                          WR_TEXT_ARG(scope->right_name));
}

wr_status wr_binder_find_column(const binder *b, const wr_ast *ast, uint32_t *out_column,
                                wr_error *err)
{
    const wr_scope *scope = b->scope;
    int             side = ast->qualifier.byte_count ? find_side(scope, ast->qualifier) : 2;
    bool            ambiguous = false;
    uint32_t        left = WR_FIELD_NONE, right = WR_FIELD_NONE;

    *out_column = WR_FIELD_NONE;
    if (side < 0)
        return fail_side(b, ast, err);
    if (side != 1)
        left = find_in(scope->left, ast->text, &ambiguous);
    if (side != 0)
        right = find_in(scope->right, ast->text, &ambiguous);
    if (left != WR_FIELD_NONE && right != WR_FIELD_NONE)
        return wr_binder_fail(b, ast, err,
                              "column '%.*s' is in both inputs: write left.%.*s or right.%.*s",
                              WR_TEXT_ARG(ast->text), WR_TEXT_ARG(ast->text),
                              WR_TEXT_ARG(ast->text));
    if (ambiguous && left == WR_FIELD_NONE && right == WR_FIELD_NONE)
        return wr_binder_fail(b, ast, err,
                              "column '%.*s' fits several columns that differ in case only: write "
                              "it exactly",
                              WR_TEXT_ARG(ast->text));
    if (left != WR_FIELD_NONE)
        *out_column = left;
    else if (right != WR_FIELD_NONE)
        *out_column = scope->left->field_count + right;
    return WR_OK;
}

/* The columns that the name could have meant, of one input or both. */
static wr_status raise_unknown(binder *b, const wr_ast *ast, wr_error *err)
{
    const wr_scope *scope = b->scope;
    int             side = ast->qualifier.byte_count ? find_side(scope, ast->qualifier) : 2;
    wr_schema       both;
    uint32_t        left_count = scope->left->field_count;

    if (!scope->right || side == 0)
        return wr_schema_raise_unknown(scope->left, ast->text, scope->where, err);
    if (side == 1)
        return wr_schema_raise_unknown(scope->right, ast->text, scope->where, err);
    both.field_count = left_count + scope->right->field_count;
    both.fields = WR_BUMP_NEW_ARRAY(b->bump, wr_field, both.field_count, err);
    if (!both.fields)
        return WR_NO_MEMORY;
    memcpy(both.fields, scope->left->fields, left_count * sizeof both.fields[0]);
    memcpy(both.fields + left_count, scope->right->fields,
           scope->right->field_count * sizeof both.fields[0]);
    return wr_schema_raise_unknown(&both, ast->text, scope->where, err);
}

static wr_status fail_unknown(binder *b, const wr_ast *ast, wr_error *err)
{
    wr_status status = raise_unknown(b, ast, err);

    if (ast->quoted && status == WR_INVALID)
        wr_error_append(err, "; text is written in single quotes, '%.*s'", WR_TEXT_ARG(ast->text));
    return wr_binder_locate(b, ast, status, err);
}

static wr_status make_column(binder *b, uint32_t column, wr_expr **out_expr, wr_error *err)
{
    const wr_scope *scope = b->scope;
    uint32_t        left_count = scope->left->field_count;
    const wr_field *field = column < left_count ? &scope->left->fields[column]
                                                : &scope->right->fields[column - left_count];
    wr_expr        *expr = wr_expr_column(b->bump, column, field->type, field->nullable, err);

    if (!expr)
        return WR_NO_MEMORY;
    *out_expr = expr;
    return WR_OK;
}

wr_status wr_binder_column(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    uint32_t column;

    WR_TRY(wr_binder_find_column(b, ast, &column, err));
    if (column == WR_FIELD_NONE)
        return fail_unknown(b, ast, err);
    return make_column(b, column, out_expr, err);
}

wr_status wr_binder_split_field(binder *b, const wr_ast **io_ast, wr_error *err)
{
    const wr_ast *ast = *io_ast;
    wr_ast       *nodes, **args;
    uint32_t      column;

    if (ast->kind != WR_AST_COLUMN || !ast->qualifier.byte_count ||
        (find_side(b->scope, ast->qualifier) >= 0 && !wr_binder_is_parameter(b, ast->qualifier)))
        return WR_OK;
    nodes = WR_BUMP_NEW_ARRAY(b->bump, wr_ast, 3, err);
    args = WR_BUMP_NEW_ARRAY(b->bump, wr_ast *, 2, err);
    if (!nodes || !args)
        return WR_NO_MEMORY;
    nodes[0] = (wr_ast){.kind = WR_AST_COLUMN, .place = ast->place, .text = ast->qualifier};
    nodes[1] = (wr_ast){.kind = WR_AST_STRING, .place = ast->place, .text = ast->text};
    args[0] = &nodes[0];
    args[1] = &nodes[1];
    nodes[2] = (wr_ast){.kind = WR_AST_CALL, .place = ast->place, .text = WR_TEXT("array_extract"),
                        .arg_count = 2, .args = args};
    column = 0;
    if (!wr_binder_is_parameter(b, ast->qualifier))
        WR_TRY(wr_binder_find_column(b, &nodes[0], &column, err));
    if (column != WR_FIELD_NONE)
        *io_ast = &nodes[2];
    return WR_OK;
}

/* --- text in double quotes ----------------------------------------------------------------- */

static bool is_near_to_a_column(const wr_schema *schema, wr_text name)
{
    wr_suggest suggest;

    wr_suggest_init(&suggest, name);
    for (uint32_t i = 0; i < schema->field_count; i++)
        wr_suggest_offer(&suggest, schema->fields[i].name);
    return suggest.best.byte_count > 0;
}

static bool is_known_column(const binder *b, const wr_ast *ast)
{
    uint32_t column;

    return ast->kind == WR_AST_COLUMN &&
           wr_binder_find_column(b, ast, &column, NULL) == WR_OK && column != WR_FIELD_NONE;
}

wr_status wr_binder_operand(binder *b, const wr_ast *ast, const wr_ast *other, wr_expr **out_expr,
                            wr_error *err)
{
    const wr_scope *scope = b->scope;
    wr_value        value = {.type = WR_TYPE(UTF8), .text = ast->text};
    char            message[256];
    int             used;

    if (!scope->warn || ast->kind != WR_AST_COLUMN || !ast->quoted || ast->qualifier.byte_count ||
        scope->right || is_known_column(b, ast) || !is_known_column(b, other) ||
        is_near_to_a_column(scope->left, ast->text))
        return wr_binder_node(b, ast, out_expr, err);
    used = snprintf(message, sizeof message,
                    "no column is called \"%.*s\" in %s: it is read as text; write '%.*s'",
                    (int)(ast->text.byte_count < 60 ? ast->text.byte_count : 60), ast->text.bytes,
                    scope->where, (int)(ast->text.byte_count < 60 ? ast->text.byte_count : 60),
                    ast->text.bytes);
    if (used > 0)
        scope->warn(scope->warn_self, message);
    *out_expr = wr_expr_const(b->bump, &value, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
}
