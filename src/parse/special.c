/* parse/special.c — calls with words between their arguments, as plain calls:
 *
 *   EXTRACT(field FROM x)              date_part('field', x)
 *   SUBSTRING(x [FROM a] [FOR b])      substring(x, a, b)
 *   POSITION(a IN b)                   strpos(b, a)
 *   TRIM([BOTH] [chars] FROM x)        btrim(x, chars); LEADING ltrim, TRAILING rtrim
 *   OVERLAY(x PLACING y FROM a FOR b)  overlay(x, y, a, b)
 *
 * With commas instead of those words they are ordinary calls of the name as written, but take
 * neither DISTINCT nor FILTER. Nothing is parsed twice: one token of look-ahead is enough. */
#include "parse/parser_priv.h"

/* The plain call. Takes ')' too. */
static wr_status finish(parser *p, const wr_token *name, const char *function, node_list *list,
                        wr_ast **out_expr, wr_error *err)
{
    wr_ast *node = wr_parser_node(p, WR_AST_CALL, name->place, err);

    if (!node)
        return WR_NO_MEMORY;
    node->text = wr_text_of(function);
    WR_TRY(wr_parser_expect(p, WR_TOKEN_CLOSE, "')'", err));
    *out_expr = node;
    return wr_parser_seal(p, node, list->items, list->count, err);
}

/* One more argument. `prec_min` keeps a following IN from being taken as an operator. */
static wr_status take_argument(parser *p, int prec_min, node_list *list, wr_error *err)
{
    wr_ast *argument;

    WR_TRY(wr_parser_expr(p, prec_min, &argument, err));
    return wr_parser_append(p, list, argument, err);
}

/* The arguments that are left after commas. */
static wr_status finish_plain(parser *p, const wr_token *name, node_list *list, wr_ast **out_expr,
                              wr_error *err)
{
    while (p->token.kind == WR_TOKEN_COMMA) {
        WR_TRY(wr_parser_next(p, err));
        WR_TRY(take_argument(p, PREC_ANY, list, err));
    }
    return finish(p, name, wr_keyword_word(name->keyword), list, out_expr, err);
}

static wr_status parse_extract(parser *p, const wr_token *name, wr_ast **out_expr, wr_error *err)
{
    node_list list = {0};
    wr_token  behind;
    wr_ast   *field;

    WR_TRY(wr_parser_peek(p, &behind, err));
    if (behind.keyword != WR_KW_FROM) {
        WR_TRY(take_argument(p, PREC_ANY, &list, err));
        return finish_plain(p, name, &list, out_expr, err);
    }
    if (p->token.kind != WR_TOKEN_WORD && p->token.kind != WR_TOKEN_STRING)
        return wr_parser_fail_expected(p, "a field (YEAR, MONTH, DAY ...)", err);
    field = wr_parser_node(p, WR_AST_STRING, p->token.place, err);
    if (!field)
        return WR_NO_MEMORY;
    field->text = p->token.text;
    WR_TRY(wr_parser_append(p, &list, field, err));
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(take_argument(p, PREC_ANY, &list, err));
    return finish(p, name, "date_part", &list, out_expr, err);
}

/* SUBSTRING(x FOR n) begins at 1. */
static wr_status append_one(parser *p, node_list *list, wr_error *err)
{
    wr_ast *one = wr_parser_node(p, WR_AST_INTEGER, p->token.place, err);

    if (!one)
        return WR_NO_MEMORY;
    one->text = WR_TEXT("1");
    return wr_parser_append(p, list, one, err);
}

static wr_status parse_substring(parser *p, const wr_token *name, wr_ast **out_expr, wr_error *err)
{
    node_list list = {0};
    bool      taken;

    WR_TRY(take_argument(p, PREC_ANY, &list, err));
    if (p->token.keyword != WR_KW_FROM && p->token.keyword != WR_KW_FOR)
        return finish_plain(p, name, &list, out_expr, err);
    WR_TRY(wr_parser_accept(p, WR_KW_FROM, &taken, err));
    WR_TRY(taken ? take_argument(p, PREC_ANY, &list, err) : append_one(p, &list, err));
    WR_TRY(wr_parser_accept(p, WR_KW_FOR, &taken, err));
    if (taken)
        WR_TRY(take_argument(p, PREC_ANY, &list, err));
    return finish(p, name, "substring", &list, out_expr, err);
}

static wr_status parse_position(parser *p, const wr_token *name, wr_ast **out_expr, wr_error *err)
{
    node_list list = {0}, swapped = {0};

    WR_TRY(take_argument(p, PREC_LIKE + 1, &list, err));
    if (p->token.keyword != WR_KW_IN)
        return finish_plain(p, name, &list, out_expr, err);
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(take_argument(p, PREC_LIKE + 1, &swapped, err));
    WR_TRY(wr_parser_append(p, &swapped, list.items[0], err));
    return finish(p, name, "strpos", &swapped, out_expr, err);
}

static wr_status parse_trim(parser *p, const wr_token *name, wr_ast **out_expr, wr_error *err)
{
    const char *function = "btrim";
    node_list   list = {0}, swapped = {0};
    wr_token    behind;
    wr_keyword  side = p->token.keyword;

    /* A column may be called "both": then an operator, ',' or ')' follows. */
    WR_TRY(wr_parser_peek(p, &behind, err));
    if ((side == WR_KW_BOTH || side == WR_KW_LEADING || side == WR_KW_TRAILING) &&
        behind.kind != WR_TOKEN_CLOSE && behind.kind != WR_TOKEN_COMMA &&
        behind.kind != WR_TOKEN_OPERATOR && behind.kind != WR_TOKEN_DOT &&
        behind.kind != WR_TOKEN_CAST) {
        function = side == WR_KW_LEADING ? "ltrim" : side == WR_KW_TRAILING ? "rtrim" : "btrim";
        WR_TRY(wr_parser_next(p, err));
    } else {
        side = WR_KW_NONE;
    }
    if (p->token.keyword != WR_KW_FROM)
        WR_TRY(take_argument(p, PREC_ANY, &list, err));
    if (p->token.keyword != WR_KW_FROM) {
        if (side == WR_KW_NONE)
            return finish_plain(p, name, &list, out_expr, err);
        return finish(p, name, function, &list, out_expr, err);
    }
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(take_argument(p, PREC_ANY, &swapped, err));
    if (list.count > 0)
        WR_TRY(wr_parser_append(p, &swapped, list.items[0], err));
    return finish(p, name, function, &swapped, out_expr, err);
}

static wr_status parse_overlay(parser *p, const wr_token *name, wr_ast **out_expr, wr_error *err)
{
    node_list list = {0};
    bool      taken;

    WR_TRY(take_argument(p, PREC_ANY, &list, err));
    WR_TRY(wr_parser_accept(p, WR_KW_PLACING, &taken, err));
    if (!taken)
        return finish_plain(p, name, &list, out_expr, err);
    WR_TRY(take_argument(p, PREC_ANY, &list, err));
    WR_TRY(wr_parser_expect_keyword(p, WR_KW_FROM, "FROM", err));
    WR_TRY(take_argument(p, PREC_ANY, &list, err));
    WR_TRY(wr_parser_accept(p, WR_KW_FOR, &taken, err));
    if (taken)
        WR_TRY(take_argument(p, PREC_ANY, &list, err));
    return finish(p, name, "overlay", &list, out_expr, err);
}

wr_status wr_parser_special(parser *p, const wr_token *name, wr_ast **out_expr, wr_error *err)
{
    switch (name->keyword) {
    case WR_KW_EXTRACT:
        return parse_extract(p, name, out_expr, err);
    case WR_KW_SUBSTRING:
        return parse_substring(p, name, out_expr, err);
    case WR_KW_POSITION:
        return parse_position(p, name, out_expr, err);
    case WR_KW_TRIM:
        return parse_trim(p, name, out_expr, err);
    case WR_KW_OVERLAY:
        return parse_overlay(p, name, out_expr, err);
    default:
        return WR_OK;
    }
}
