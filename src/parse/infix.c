/* parse/infix.c — operators behind an operand: their levels, and one function a form.
 *
 * Each takes the operand on its left in *io_left and leaves the larger node there. Right operands
 * are read with the level above the operator's, so what chains does so from the left. */
#include "parse/parser_priv.h"

int wr_operator_prec(wr_ast_op op)
{
    switch (op) {
    case WR_OP_OR:
        return PREC_OR;
    case WR_OP_AND:
        return PREC_AND;
    case WR_OP_EQ:
    case WR_OP_NE:
    case WR_OP_LT:
    case WR_OP_LE:
    case WR_OP_GT:
    case WR_OP_GE:
        return PREC_COMPARE;
    case WR_OP_ADD:
    case WR_OP_SUB:
        return PREC_ADD;
    case WR_OP_MUL:
    case WR_OP_DIV:
    case WR_OP_MOD:
        return PREC_MUL;
    case WR_OP_POW:
        return PREC_POW;
    case WR_OP_NOT:
        return PREC_NONE;
    default:
        return PREC_OTHER;
    }
}

int wr_parser_infix_prec(const parser *p)
{
    if (p->token.kind == WR_TOKEN_OPERATOR)
        return p->token.op == WR_OP_CONCAT && p->double_pipe_is_or ? PREC_OR
                                                                   : wr_operator_prec(p->token.op);
    if (p->token.kind == WR_TOKEN_CAST || p->token.kind == WR_TOKEN_OPEN_LIST ||
        p->token.kind == WR_TOKEN_DOT)
        return PREC_CAST;
    switch (p->token.keyword) {
    case WR_KW_OR:
        return PREC_OR;
    case WR_KW_AND:
        return PREC_AND;
    case WR_KW_IS:
    case WR_KW_ISNULL:
    case WR_KW_NOTNULL:
        return PREC_IS;
    case WR_KW_NOT:
    case WR_KW_BETWEEN:
    case WR_KW_IN:
    case WR_KW_LIKE:
    case WR_KW_ILIKE:
    case WR_KW_SIMILAR:
        return PREC_LIKE;
    case WR_KW_AT:
        return PREC_AT;
    default:
        return PREC_NONE;
    }
}

/* a AND b AND c: one flat node, because long chains are common and trees must stay shallow. */
static wr_status parse_logic(parser *p, wr_ast_op op, int prec, wr_ast **io_left, wr_error *err)
{
    node_list list = {0};
    wr_ast   *node = wr_parser_node(p, WR_AST_BINARY, p->token.place, err);

    if (!node)
        return WR_NO_MEMORY;
    node->op = op;
    WR_TRY(wr_parser_append(p, &list, *io_left, err));
    do {
        wr_ast *operand;

        WR_TRY(wr_parser_next(p, err));
        WR_TRY(wr_parser_expr(p, prec + 1, &operand, err));
        WR_TRY(wr_parser_append(p, &list, operand, err));
    } while (wr_parser_infix_prec(p) == prec);
    *io_left = node;
    return wr_parser_seal(p, node, list.items, list.count, err);
}

static wr_status parse_binary(parser *p, int prec, wr_ast **io_left, wr_error *err)
{
    wr_token token = p->token;
    wr_ast  *right;

    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_expr(p, prec + 1, &right, err));
    return wr_parser_make(p, WR_AST_BINARY, token.op, token.place,
                     (wr_ast *[3]){*io_left, right, NULL}, io_left, err);
}

static wr_status parse_is(parser *p, wr_ast **io_left, wr_error *err)
{
    wr_token  token = p->token;
    wr_ast   *right = NULL;
    wr_ast_op op;
    bool      negated = token.keyword == WR_KW_NOTNULL;

    WR_TRY(wr_parser_next(p, err));
    if (token.keyword == WR_KW_IS) {
        WR_TRY(wr_parser_accept(p, WR_KW_NOT, &negated, err));
        switch (p->token.keyword) {
        case WR_KW_NULL_:
            op = WR_OP_IS_NULL;
            break;
        case WR_KW_TRUE:
            op = WR_OP_IS_TRUE;
            break;
        case WR_KW_FALSE:
            op = WR_OP_IS_FALSE;
            break;
        case WR_KW_UNKNOWN:
            op = WR_OP_IS_UNKNOWN;
            break;
        case WR_KW_DISTINCT:
            op = WR_OP_IS_DISTINCT;
            break;
        default:
            return wr_parser_fail_expected(
                p, negated ? "NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM"
                           : "NULL, TRUE, FALSE, UNKNOWN, DISTINCT FROM or NOT", err);
        }
        WR_TRY(wr_parser_next(p, err));
        if (op == WR_OP_IS_DISTINCT) {
            WR_TRY(wr_parser_expect_keyword(p, WR_KW_FROM, "FROM", err));
            WR_TRY(wr_parser_expr(p, PREC_IS + 1, &right, err));
        }
    } else {
        op = WR_OP_IS_NULL;
    }
    WR_TRY(wr_parser_make(p, WR_AST_IS, op, token.place, (wr_ast *[3]){*io_left, right, NULL}, io_left,
                     err));
    (*io_left)->negated = negated;
    return WR_OK;
}

static wr_status parse_between(parser *p, wr_ast **io_left, wr_error *err)
{
    wr_place place = p->token.place;
    bool     symmetric, asymmetric;
    wr_ast  *low, *high;

    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_accept(p, WR_KW_SYMMETRIC, &symmetric, err));
    if (!symmetric)
        WR_TRY(wr_parser_accept(p, WR_KW_ASYMMETRIC, &asymmetric, err));
    WR_TRY(wr_parser_expr(p, PREC_LIKE + 1, &low, err));
    WR_TRY(wr_parser_expect_keyword(p, WR_KW_AND, "AND of BETWEEN", err));
    WR_TRY(wr_parser_expr(p, PREC_LIKE + 1, &high, err));
    WR_TRY(wr_parser_make(p, WR_AST_BETWEEN, WR_OP_NONE, place, (wr_ast *[3]){*io_left, low, high},
                     io_left, err));
    (*io_left)->symmetric = symmetric;
    return WR_OK;
}

static wr_status parse_in(parser *p, wr_ast **io_left, wr_error *err)
{
    node_list list = {0};
    wr_ast   *node = wr_parser_node(p, WR_AST_IN, p->token.place, err);

    if (!node)
        return WR_NO_MEMORY;
    WR_TRY(wr_parser_append(p, &list, *io_left, err));
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_expect(p, WR_TOKEN_OPEN, "'(' after IN", err));
    if (p->token.keyword == WR_KW_SELECT)
        return wr_parser_fail(p, p->token.place, err,
                              "IN (SELECT ...) is not supported here: use a semi join step");
    for (;;) {
        wr_ast *item;

        WR_TRY(wr_parser_expr(p, PREC_ANY, &item, err));
        WR_TRY(wr_parser_append(p, &list, item, err));
        if (p->token.kind != WR_TOKEN_COMMA)
            break;
        WR_TRY(wr_parser_next(p, err));
    }
    WR_TRY(wr_parser_expect(p, WR_TOKEN_CLOSE, "',' or ')'", err));
    *io_left = node;
    return wr_parser_seal(p, node, list.items, list.count, err);
}

static wr_status parse_like(parser *p, wr_ast_op op, wr_ast **io_left, wr_error *err)
{
    wr_place place = p->token.place;
    wr_ast  *pattern, *escape = NULL;
    bool     has_escape;

    WR_TRY(wr_parser_next(p, err));
    if (op == WR_OP_SIMILAR)
        WR_TRY(wr_parser_expect_keyword(p, WR_KW_TO, "TO after SIMILAR", err));
    WR_TRY(wr_parser_expr(p, PREC_LIKE + 1, &pattern, err));
    WR_TRY(wr_parser_accept(p, WR_KW_ESCAPE, &has_escape, err));
    if (has_escape)
        WR_TRY(wr_parser_expr(p, PREC_LIKE + 1, &escape, err));
    return wr_parser_make(p, WR_AST_LIKE, op, place, (wr_ast *[3]){*io_left, pattern, escape}, io_left,
                     err);
}

/* [NOT] BETWEEN, IN, LIKE, ILIKE, SIMILAR TO. */
static wr_status parse_like_level(parser *p, wr_ast **io_left, wr_error *err)
{
    bool negated;

    WR_TRY(wr_parser_accept(p, WR_KW_NOT, &negated, err));
    switch (p->token.keyword) {
    case WR_KW_BETWEEN:
        WR_TRY(parse_between(p, io_left, err));
        break;
    case WR_KW_IN:
        WR_TRY(parse_in(p, io_left, err));
        break;
    case WR_KW_LIKE:
        WR_TRY(parse_like(p, WR_OP_LIKE, io_left, err));
        break;
    case WR_KW_ILIKE:
        WR_TRY(parse_like(p, WR_OP_ILIKE, io_left, err));
        break;
    case WR_KW_SIMILAR:
        WR_TRY(parse_like(p, WR_OP_SIMILAR, io_left, err));
        break;
    default:
        return wr_parser_fail_expected(p, "BETWEEN, IN, LIKE, ILIKE or SIMILAR TO after NOT", err);
    }
    (*io_left)->negated = negated;
    return WR_OK;
}

/* x AT TIME ZONE z becomes timezone(z, x). */
static wr_status parse_at_time_zone(parser *p, wr_ast **io_left, wr_error *err)
{
    wr_place place = p->token.place;
    wr_ast  *zone;

    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_expect_keyword(p, WR_KW_TIME, "TIME ZONE after AT", err));
    WR_TRY(wr_parser_expect_keyword(p, WR_KW_ZONE, "ZONE after AT TIME", err));
    WR_TRY(wr_parser_expr(p, PREC_AT + 1, &zone, err));
    WR_TRY(wr_parser_make(p, WR_AST_CALL, WR_OP_NONE, place, (wr_ast *[3]){zone, *io_left, NULL},
                     io_left, err));
    (*io_left)->text = WR_TEXT("timezone");
    return WR_OK;
}

/* x::type, x[i], x.name */
static wr_status parse_postfix(parser *p, wr_ast **io_left, wr_error *err)
{
    wr_place place = p->token.place;

    if (p->token.kind == WR_TOKEN_OPEN_LIST)
        return wr_parser_subscript(p, io_left, err);
    if (p->token.kind == WR_TOKEN_DOT)
        return wr_parser_field(p, io_left, err);
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_make(p, WR_AST_CAST, WR_OP_NONE, place, (wr_ast *[3]){*io_left, NULL, NULL},
                          io_left, err));
    return wr_parser_type(p, *io_left, err);
}

wr_status wr_parser_infix(parser *p, int prec, wr_ast **io_left, wr_error *err)
{
    switch (prec) {
    case PREC_OR:
        return parse_logic(p, WR_OP_OR, prec, io_left, err);
    case PREC_AND:
        return parse_logic(p, WR_OP_AND, prec, io_left, err);
    case PREC_IS:
        return parse_is(p, io_left, err);
    case PREC_LIKE:
        return parse_like_level(p, io_left, err);
    case PREC_AT:
        return parse_at_time_zone(p, io_left, err);
    case PREC_CAST:
        return parse_postfix(p, io_left, err);
    default:
        return parse_binary(p, prec, io_left, err);
    }
}
