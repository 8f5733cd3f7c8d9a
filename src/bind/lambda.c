/* bind/lambda.c — calls with a lambda: list_transform(l, x -> x + y) and its kin.
 *
 * The body is bound by a binder of its own, whose columns are the parameters. Any other column is bound
 * by the binder outside and becomes one more column of the body, "captured"; so lambdas nest, and a
 * parameter hides a column of its name. What a list is reduced to has the common type of where it begins
 * and of the body, which is bound again when that is another one. */
#include "bind/bind_priv.h"
#include "types/nested.h"

enum { PARAMETERS_MAX = 3 };

typedef enum lambda_kind { TRANSFORM, FILTER, REDUCE } lambda_kind;

static const struct {
    const char *name;
    lambda_kind kind;
} NAMES[] = {
    {"list_transform", TRANSFORM}, {"array_transform", TRANSFORM}, {"list_apply", TRANSFORM},
    {"array_apply", TRANSFORM},    {"apply", TRANSFORM},           {"list_filter", FILTER},
    {"array_filter", FILTER},      {"filter", FILTER},             {"list_reduce", REDUCE},
    {"array_reduce", REDUCE},      {"reduce", REDUCE},
};
static const char *const CANONICAL[] = {"list_transform", "list_filter", "list_reduce"};

bool wr_ast_has_lambda(const wr_ast *ast)
{
    for (uint32_t i = 0; i < ast->arg_count; i++)
        if (ast->args[i]->kind == WR_AST_LAMBDA)
            return true;
    return false;
}

/* --- the body ------------------------------------------------------------------------------ */

/* The last of that name counts. */
static uint32_t find_parameter(const lambda_context *lambda, wr_text name)
{
    for (uint32_t i = lambda->parameter_count; i-- > 0;)
        if (wr_text_equal_nocase(lambda->names[i], name))
            return i;
    return UINT32_MAX;
}

bool wr_binder_is_parameter(const binder *b, wr_text name)
{
    for (; b->lambda; b = b->lambda->outer)
        if (find_parameter(b->lambda, name) != UINT32_MAX)
            return true;
    return false;
}

static wr_status make_column(binder *b, uint32_t column, bool nullable, wr_expr **out_expr,
                             wr_error *err)
{
    *out_expr = wr_expr_column(b->bump, column, b->lambda->types[column], nullable, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
}

/* A value from outside, which is a column of the body. */
static wr_status capture(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    lambda_context *lambda = b->lambda;
    uint32_t        column = lambda->parameter_count;
    wr_expr        *value;

    WR_TRY(wr_binder_node(lambda->outer, ast, &value, err));
    while (column < lambda->column_count &&
           !wr_expr_equal(lambda->captured[column - lambda->parameter_count], value))
        column++;
    if (column == LAMBDA_COLUMNS_MAX)
        return wr_binder_fail(b, ast, err, "a lambda uses more than %d columns",
                              LAMBDA_COLUMNS_MAX - PARAMETERS_MAX);
    if (column == lambda->column_count) {
        lambda->captured[column - lambda->parameter_count] = value;
        lambda->types[column] = value->type;
        lambda->column_count++;
    }
    return make_column(b, column, value->nullable, out_expr, err);
}

wr_status wr_binder_lambda_part(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    const binder *outermost = b;
    uint32_t      parameter;

    while (outermost->lambda)
        outermost = outermost->lambda->outer;
    if (outermost->aggregates && wr_bind_is_aggregate(ast))
        return capture(b, ast, out_expr, err);
    if (ast->kind != WR_AST_COLUMN)
        return WR_OK;
    parameter = ast->qualifier.byte_count ? UINT32_MAX : find_parameter(b->lambda, ast->text);
    if (parameter == UINT32_MAX)
        return capture(b, ast, out_expr, err);
    return make_column(b, parameter, true, out_expr, err);
}

static wr_status bind_body(lambda_context *lambda, lambda_kind kind, wr_expr **out_body,
                           wr_error *err)
{
    binder        b = {.scope = lambda->outer->scope, .bump = lambda->outer->bump, .lambda = lambda};
    const wr_ast *body = lambda->ast->args[lambda->parameter_count];

    lambda->column_count = lambda->parameter_count;
    return kind == FILTER ? wr_binder_condition(&b, body, "list_filter", out_body, err)
                          : wr_binder_node(&b, body, out_body, err);
}

/* --- the call ------------------------------------------------------------------------------ */

static wr_status find_kind(const binder *b, const wr_ast *ast, lambda_kind *out_kind, wr_error *err)
{
    wr_suggest suggest;

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (wr_text_equal(ast->text, wr_text_of(NAMES[i].name))) {
            *out_kind = NAMES[i].kind;
            return WR_OK;
        }
    (void)WR_RAISE(err, WR_INVALID, "%.*s() takes no lambda", WR_TEXT_ARG(ast->text));
    wr_suggest_init(&suggest, ast->text);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        wr_suggest_offer(&suggest, wr_text_of(NAMES[i].name));
    wr_suggest_append(&suggest, err);
    return wr_binder_locate(b, ast, WR_INVALID, err);
}

static wr_status check_shape(const binder *b, const wr_ast *ast, lambda_kind kind, wr_error *err)
{
    static const uint32_t PARAMETERS[][2] = {{1, 2}, {1, 2}, {2, 3}};
    const wr_ast *lambda = ast->arg_count > 1 ? ast->args[1] : ast;
    uint32_t      count = lambda->arg_count - 1;

    if (lambda->kind != WR_AST_LAMBDA || ast->arg_count > (kind == REDUCE ? 3 : 2))
        return wr_binder_fail(b, ast, err, "%s() takes a list and a lambda%s", CANONICAL[kind],
                              kind == REDUCE ? ", and perhaps what to start with" : "");
    if (count < PARAMETERS[kind][0] || count > PARAMETERS[kind][1])
        return wr_binder_fail(b, lambda, err, "the lambda of %s() has %u or %u parameters, not %u",
                              CANONICAL[kind], PARAMETERS[kind][0], PARAMETERS[kind][1], count);
    return WR_OK;
}

static wr_status bind_list(binder *b, const wr_ast *ast, wr_expr **out_list, wr_error *err)
{
    char    name[WR_TYPE_NAME_BYTES];
    wr_type type;

    WR_TRY(wr_binder_node(b, ast, out_list, err));
    if ((*out_list)->type.logical == WR_TYPE_LIST)
        return WR_OK;
    if ((*out_list)->type.logical != WR_TYPE_NULL_)
        return wr_binder_fail(b, ast, err, "a lambda runs over a List, not %s",
                              wr_type_format((*out_list)->type, name));
    WR_TRY(wr_type_make_list(WR_TYPE(NULL_), &type, err));
    return wr_expr_cast(b->bump, *out_list, type, false, out_list, err);
}

static wr_status new_context(binder *b, const wr_ast *ast, lambda_context *out_lambda, wr_error *err)
{
    *out_lambda = (lambda_context){
        .outer = b,
        .ast = ast,
        .names = WR_BUMP_NEW_ARRAY(b->bump, wr_text, PARAMETERS_MAX, err),
        .types = WR_BUMP_NEW_ARRAY(b->bump, wr_type, LAMBDA_COLUMNS_MAX, err),
        .captured = wr_binder_args(b, LAMBDA_COLUMNS_MAX, err),
        .parameter_count = ast->arg_count - 1,
    };
    if (!out_lambda->names || !out_lambda->types || !out_lambda->captured)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < out_lambda->parameter_count; i++)
        out_lambda->names[i] = ast->args[i]->text;
    return WR_OK;
}

/* The list, or what is given to start with, becomes the type of the results. */
static wr_status cast_start(lambda_context *lambda, wr_type type, wr_expr **io_list,
                            wr_expr **io_start, wr_error *err)
{
    binder *b = lambda->outer;
    wr_type list;

    lambda->types[0] = type;
    if (*io_start)
        return wr_expr_cast(b->bump, *io_start, type, false, io_start, err);
    lambda->types[1] = type;
    WR_TRY(wr_type_make_list(type, &list, err));
    return wr_expr_cast(b->bump, *io_list, list, false, io_list, err);
}

/* Bind the body over results of a type that is the body's, too. */
static wr_status bind_reduce(lambda_context *lambda, wr_expr **io_list, wr_expr **io_start,
                             wr_expr **out_body, wr_error *err)
{
    binder       *b = lambda->outer;
    const wr_ast *body = lambda->ast->args[lambda->parameter_count];
    wr_type       element = wr_type_element((*io_list)->type);
    wr_type       type = *io_start ? (*io_start)->type : element, common;
    char          names[2][WR_TYPE_NAME_BYTES];

    lambda->types[0] = type;
    lambda->types[1] = element;
    lambda->types[2] = WR_TYPE(I64);
    WR_TRY(bind_body(lambda, REDUCE, out_body, err));
    if (!wr_type_common(type, (*out_body)->type, &common))
        return wr_binder_fail(b, body, err, "list_reduce() begins with %s, its lambda gives %s",
                              wr_type_format(type, names[0]),
                              wr_type_format((*out_body)->type, names[1]));
    if (!wr_type_equal(common, type)) {
        WR_TRY(wr_binder_locate(b, body, cast_start(lambda, common, io_list, io_start, err), err));
        WR_TRY(bind_body(lambda, REDUCE, out_body, err));
    }
    return wr_binder_locate(
        b, body, wr_expr_cast(b->bump, *out_body, common, false, out_body, err), err);
}

wr_status wr_binder_lambda_call(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    lambda_kind    kind = TRANSFORM;
    lambda_context lambda;
    wr_lambda      made;
    wr_expr      **args, *start = NULL;
    uint32_t       count = 0;

    WR_TRY(find_kind(b, ast, &kind, err));
    WR_TRY(check_shape(b, ast, kind, err));
    WR_TRY(new_context(b, ast->args[1], &lambda, err));
    args = wr_binder_args(b, 2 + LAMBDA_COLUMNS_MAX, err);
    if (!args)
        return WR_NO_MEMORY;
    WR_TRY(bind_list(b, ast->args[0], &args[count++], err));
    made = (wr_lambda){.names = lambda.names, .types = lambda.types,
                       .parameter_count = lambda.parameter_count};
    if (kind == REDUCE) {
        if (ast->arg_count > 2)
            WR_TRY(wr_binder_node(b, ast->args[2], &start, err));
        WR_TRY(bind_reduce(&lambda, &args[0], &start, &made.body, err));
        if (start)
            args[count++] = start;
    } else {
        lambda.types[0] = wr_type_element(args[0]->type);
        lambda.types[1] = WR_TYPE(I64);
        WR_TRY(bind_body(&lambda, kind, &made.body, err));
    }
    made.column_count = lambda.column_count;
    memcpy(args + count, lambda.captured,
           (lambda.column_count - lambda.parameter_count) * sizeof *args);
    count += lambda.column_count - lambda.parameter_count;
    return wr_binder_locate(
        b, ast, wr_expr_lambda(b->bump, CANONICAL[kind], args, count, &made, out_expr, err), err);
}
