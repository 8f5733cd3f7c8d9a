/* parse/nested.c — values of nested types, what looks into them, lambdas:
 *
 *   [1, 2]  ARRAY[1, 2]          list_value(1, 2)
 *   {'a': 1, b: 2}               struct_pack('a', 1, 'b', 2), which struct_pack(a := 1) is, too
 *   MAP {'k': 1}                 map(list_value('k'), list_value(1))
 *   x[i]  x.name                 array_extract(x, i), array_extract(x, 'name')
 *   x[i:j]  x[:j]  x[i:]         array_slice(x, i, j); 1 and -1 where nothing or '-' is written
 *   x[i:j:s]  x[:-:s]            array_slice(x, i, j, s); there -INT64_MAX and INT64_MAX
 *   x -> e  (x, i) -> e  lambda x, i: e     LAMBDA, only as an argument of a call
 * Only lambdas need more than one token of look-ahead: PARAMETERS_MAX names. */
#include "parse/parser_priv.h"

enum { PARAMETERS_MAX = 3 };

static wr_status make_call(parser *p, wr_place place, const char *function, const node_list *list,
                           wr_ast **out_expr, wr_error *err)
{
    wr_ast *node = wr_parser_node(p, WR_AST_CALL, place, err);

    if (!node)
        return WR_NO_MEMORY;
    node->text = wr_text_of(function);
    *out_expr = node;
    return wr_parser_seal(p, node, list->items, list->count, err);
}

static wr_status append_leaf(parser *p, wr_ast_kind kind, wr_place place, wr_text text,
                             node_list *list, wr_error *err)
{
    wr_ast *node = wr_parser_node(p, kind, place, err);

    if (!node)
        return WR_NO_MEMORY;
    node->text = text;
    return wr_parser_append(p, list, node, err);
}

static wr_status append_expr(parser *p, node_list *list, wr_error *err)
{
    wr_ast *expr;

    WR_TRY(wr_parser_expr(p, PREC_ANY, &expr, err));
    return wr_parser_append(p, list, expr, err);
}

static bool is_name(const wr_token *token)
{
    return token->kind == WR_TOKEN_WORD || token->kind == WR_TOKEN_QUOTED;
}

/* --- literals ---------------------------------------------------------------------------- */

wr_status wr_parser_list(parser *p, wr_ast **out_expr, wr_error *err)
{
    node_list list = {0};
    wr_place  place = p->token.place;

    WR_TRY(wr_parser_next(p, err));
    while (p->token.kind != WR_TOKEN_CLOSE_LIST || list.count > 0) {
        WR_TRY(append_expr(p, &list, err));
        if (p->token.kind != WR_TOKEN_COMMA)
            break;
        WR_TRY(wr_parser_next(p, err));
    }
    WR_TRY(wr_parser_expect(p, WR_TOKEN_CLOSE_LIST, "',' or ']'", err));
    return make_call(p, place, "list_value", &list, out_expr, err);
}

/* Entries "key: value" up to and with '}'. A name of a struct is a word, quoted or a text; a key of a
 * map is any expression. */
static wr_status parse_entries(parser *p, bool is_map, node_list *keys, node_list *values,
                               wr_error *err)
{
    WR_TRY(wr_parser_expect(p, WR_TOKEN_OPEN_BRACE, "'{'", err));
    while (p->token.kind != WR_TOKEN_CLOSE_BRACE || keys->count > 0) {
        if (is_map) {
            WR_TRY(append_expr(p, keys, err));
        } else {
            if (!is_name(&p->token) && p->token.kind != WR_TOKEN_STRING)
                return wr_parser_fail_expected(p, "the name of a field", err);
            WR_TRY(append_leaf(p, WR_AST_STRING, p->token.place, p->token.text, keys, err));
            WR_TRY(wr_parser_next(p, err));
        }
        WR_TRY(wr_parser_expect(p, WR_TOKEN_COLON, "':'", err));
        WR_TRY(append_expr(p, values, err));
        if (p->token.kind != WR_TOKEN_COMMA)
            break;
        WR_TRY(wr_parser_next(p, err));
    }
    return wr_parser_expect(p, WR_TOKEN_CLOSE_BRACE, "',' or '}'", err);
}

wr_status wr_parser_struct(parser *p, wr_ast **out_expr, wr_error *err)
{
    node_list list = {0};
    wr_place  place = p->token.place;

    WR_TRY(parse_entries(p, false, &list, &list, err));
    if (list.count == 0)
        return wr_parser_fail(p, place, err, "a struct needs a field: {'name': value}");
    return make_call(p, place, "struct_pack", &list, out_expr, err);
}

wr_status wr_parser_map(parser *p, wr_ast **out_expr, wr_error *err)
{
    node_list keys = {0}, values = {0}, both = {0};
    wr_place  place = p->token.place;
    wr_ast   *list;

    WR_TRY(wr_parser_next(p, err));
    WR_TRY(parse_entries(p, true, &keys, &values, err));
    WR_TRY(make_call(p, place, "list_value", &keys, &list, err));
    WR_TRY(wr_parser_append(p, &both, list, err));
    WR_TRY(make_call(p, place, "list_value", &values, &list, err));
    WR_TRY(wr_parser_append(p, &both, list, err));
    return make_call(p, place, "map", &both, out_expr, err);
}

/* --- looking into values ----------------------------------------------------------------- */

static bool ends_bound(const wr_token *token)
{
    return token->kind == WR_TOKEN_COLON || token->kind == WR_TOKEN_CLOSE_LIST;
}

/* A bound of a slice; NULL where a ':' or ']' stands in its place, or a '-' before one. */
static wr_status parse_bound(parser *p, wr_ast **out_bound, wr_error *err)
{
    wr_token behind;

    *out_bound = NULL;
    if (p->token.kind == WR_TOKEN_OPERATOR && p->token.op == WR_OP_SUB) {
        WR_TRY(wr_parser_peek(p, &behind, err));
        if (ends_bound(&behind))
            WR_TRY(wr_parser_next(p, err));
    }
    return ends_bound(&p->token) ? WR_OK : wr_parser_expr(p, PREC_ANY, out_bound, err);
}

/* The bound, or a number where there is none. */
static wr_status append_bound(parser *p, wr_place place, wr_ast *bound, bool negative,
                              const char *digits, node_list *list, wr_error *err)
{
    if (bound)
        return wr_parser_append(p, list, bound, err);
    bound = wr_parser_node(p, WR_AST_INTEGER, place, err);
    if (!bound)
        return WR_NO_MEMORY;
    bound->text = wr_text_of(digits);
    if (negative)
        WR_TRY(wr_parser_make(p, WR_AST_UNARY, WR_OP_NEG, place, (wr_ast *[3]){bound, NULL, NULL},
                              &bound, err));
    return wr_parser_append(p, list, bound, err);
}

/* Behind the ':' of a slice that begins at `from`. */
static wr_status parse_slice(parser *p, wr_place place, wr_ast *from, node_list *list, wr_error *err)
{
    static const char *const MOST = "9223372036854775807";
    wr_ast *to, *step = NULL;

    WR_TRY(parse_bound(p, &to, err));
    if (p->token.kind == WR_TOKEN_COLON) {
        WR_TRY(wr_parser_next(p, err));
        WR_TRY(wr_parser_expr(p, PREC_ANY, &step, err));
    }
    WR_TRY(append_bound(p, place, from, step != NULL, step ? MOST : "1", list, err));
    WR_TRY(append_bound(p, place, to, step == NULL, step ? MOST : "1", list, err));
    return step ? wr_parser_append(p, list, step, err) : WR_OK;
}

wr_status wr_parser_subscript(parser *p, wr_ast **io_left, wr_error *err)
{
    node_list list = {0};
    wr_place  place = p->token.place;
    wr_ast   *from;
    bool      is_slice;

    WR_TRY(wr_parser_append(p, &list, *io_left, err));
    WR_TRY(wr_parser_next(p, err));
    if (p->token.kind == WR_TOKEN_CLOSE_LIST)
        return wr_parser_fail_expected(p, "a position, a field or a key", err);
    WR_TRY(parse_bound(p, &from, err));
    is_slice = p->token.kind == WR_TOKEN_COLON;
    if (is_slice) {
        WR_TRY(wr_parser_next(p, err));
        WR_TRY(parse_slice(p, place, from, &list, err));
    } else if (from) {
        WR_TRY(wr_parser_append(p, &list, from, err));
    } else {
        return wr_parser_fail_expected(p, "a position, a field or a key", err);
    }
    WR_TRY(wr_parser_expect(p, WR_TOKEN_CLOSE_LIST, is_slice ? "']'" : "':' or ']'", err));
    return make_call(p, place, is_slice ? "array_slice" : "array_extract", &list, io_left, err);
}

wr_status wr_parser_field(parser *p, wr_ast **io_left, wr_error *err)
{
    node_list list = {0};
    wr_place  place;

    WR_TRY(wr_parser_append(p, &list, *io_left, err));
    WR_TRY(wr_parser_next(p, err));
    place = p->token.place;
    if (!is_name(&p->token))
        return wr_parser_fail_expected(p, "the name of a field after '.'", err);
    WR_TRY(append_leaf(p, WR_AST_STRING, place, p->token.text, &list, err));
    WR_TRY(wr_parser_next(p, err));
    return make_call(p, place, "array_extract", &list, io_left, err);
}

/* --- lambdas ----------------------------------------------------------------------------- */

typedef struct lambda_head {
    wr_token parameters[PARAMETERS_MAX];
    uint32_t count;
} lambda_head;

/* Names with commas between them, then `end`. False: it is something else. */
static bool read_parameters(parser *p, wr_token_kind end, lambda_head *out_head)
{
    out_head->count = 0;
    for (;;) {
        if (!is_name(&p->token) || wr_keyword_is_reserved(p->token.keyword) ||
            out_head->count == PARAMETERS_MAX)
            return false;
        out_head->parameters[out_head->count++] = p->token;
        if (wr_parser_next(p, NULL) != WR_OK)
            return false;
        if (p->token.kind == end)
            return wr_parser_next(p, NULL) == WR_OK;
        if (p->token.kind != WR_TOKEN_COMMA || wr_parser_next(p, NULL) != WR_OK)
            return false;
    }
}

/* What stands before the body of a lambda is taken, if there is one. Its own function so that the
 * look-ahead is off the stack when the parser goes deeper. */
static __attribute__((noinline)) bool take_head(parser *p, lambda_head *out_head)
{
    parser ahead = *p;
    bool   is_lambda = false;

    if (p->token.kind == WR_TOKEN_OPEN) {
        is_lambda = wr_parser_next(&ahead, NULL) == WR_OK &&
                    read_parameters(&ahead, WR_TOKEN_CLOSE, out_head) &&
                    ahead.token.kind == WR_TOKEN_ARROW && wr_parser_next(&ahead, NULL) == WR_OK;
    } else if (is_name(&p->token)) {
        is_lambda = read_parameters(&ahead, WR_TOKEN_ARROW, out_head) && out_head->count == 1;
        if (!is_lambda && p->token.keyword == WR_KW_LAMBDA) {
            ahead = *p;
            is_lambda = wr_parser_next(&ahead, NULL) == WR_OK &&
                        read_parameters(&ahead, WR_TOKEN_COLON, out_head);
        }
    }
    if (is_lambda)
        *p = ahead;
    return is_lambda;
}

static wr_status parse_lambda(parser *p, const lambda_head *head, node_list *list, wr_error *err)
{
    node_list parts = {0};
    wr_ast   *node = wr_parser_node(p, WR_AST_LAMBDA, head->parameters[0].place, err);

    if (!node)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < head->count; i++)
        WR_TRY(append_leaf(p, WR_AST_COLUMN, head->parameters[i].place, head->parameters[i].text,
                           &parts, err));
    WR_TRY(append_expr(p, &parts, err));
    WR_TRY(wr_parser_seal(p, node, parts.items, parts.count, err));
    return wr_parser_append(p, list, node, err);
}

/* "x := value" of struct_pack and its kin: the name as a text, then the value. */
static wr_status parse_named(parser *p, wr_text function, node_list *list, wr_error *err)
{
    if (!wr_text_equal(function, WR_TEXT("struct_pack")) &&
        !wr_text_equal(function, WR_TEXT("struct_insert")) &&
        !wr_text_equal(function, WR_TEXT("struct_update")))
        return wr_parser_fail(p, p->token.place, err, "arguments of %.*s() have no names",
                              WR_TEXT_ARG(function));
    WR_TRY(append_leaf(p, WR_AST_STRING, p->token.place, p->token.text, list, err));
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_next(p, err));
    return append_expr(p, list, err);
}

wr_status wr_parser_argument(parser *p, wr_text name, node_list *list, wr_error *err)
{
    lambda_head head;
    wr_token    behind;

    if (is_name(&p->token) || p->token.kind == WR_TOKEN_OPEN) {
        if (take_head(p, &head))
            return parse_lambda(p, &head, list, err);
        WR_TRY(wr_parser_peek(p, &behind, err));
        if (behind.kind == WR_TOKEN_ASSIGN)
            return parse_named(p, name, list, err);
    }
    return append_expr(p, list, err);
}
