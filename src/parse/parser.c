/* parse/parser.c — precedence climbing over the tokens, and the entry points.
 *
 * wr_parser_expr(prec_min) reads one operand (primary.c) and then every infix operator (infix.c)
 * that binds at least as tightly as prec_min. A right operand is read with the level above its operator's
 * (all are left-associative or do not chain). Prefix operators bind as PostgreSQL's: signs
 * tightest, ~ like "any other operator", NOT above AND.
 * Invariants
 *  1. Calls of wr_parser_expr nest at most WR_PARSE_DEPTH_MAX deep, and so do the nodes made
 *     (wr_parser_seal), chains of left-associative operators included.
 *  2. Every loop takes a token per turn, so time is linear in the input. */
#include "parse/parser_priv.h"

#include <stdarg.h>

/* --- failing ----------------------------------------------------------------------------- */

wr_status wr_parser_fail(const parser *p, wr_place place, wr_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    wr_error_raisev(err, WR_INVALID, __FILE__, __LINE__, format, args);
    va_end(args);
    return wr_source_locate(&p->source, place, WR_INVALID, err);
}

enum { SHOWN_BYTES_MAX = 40 };

/* Bytes of a token to quote in a message: whole characters, one line. */
static int shown_bytes(wr_text text)
{
    size_t bytes = text.byte_count < SHOWN_BYTES_MAX ? text.byte_count : SHOWN_BYTES_MAX;

    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)text.bytes[i] < 0x20)
            bytes = i;
    while (bytes > 0 && bytes < text.byte_count &&
           ((unsigned char)text.bytes[bytes] & 0xc0) == 0x80)
        bytes--;
    return (int)bytes;
}

/* Words that continue an expression: what a misspelt one may have meant. */
static void suggest_keyword(const parser *p, wr_error *err)
{
    static const wr_keyword CANDIDATES[] = {WR_KW_AND,     WR_KW_OR,   WR_KW_NOT,   WR_KW_IS,
                                            WR_KW_IN,      WR_KW_LIKE, WR_KW_ILIKE, WR_KW_SIMILAR,
                                            WR_KW_BETWEEN, WR_KW_AS,   WR_KW_THEN,  WR_KW_ELSE,
                                            WR_KW_WHEN,    WR_KW_END,  WR_KW_FROM,  WR_KW_ESCAPE};
    wr_suggest suggest;

    if (p->token.kind != WR_TOKEN_WORD || p->token.keyword != WR_KW_NONE)
        return;
    wr_suggest_init(&suggest, p->token.text);
    for (size_t i = 0; i < sizeof CANDIDATES / sizeof CANDIDATES[0]; i++)
        wr_suggest_offer(&suggest, wr_text_of(wr_keyword_word(CANDIDATES[i])));
    wr_suggest_append(&suggest, err);
}

wr_status wr_parser_fail_expected(const parser *p, const char *what, wr_error *err)
{
    const wr_token *token = &p->token;
    wr_text raw = {p->lexer.input.bytes + token->begin, token->end - token->begin};

    if (token->kind == WR_TOKEN_END) {
        WR_RAISE(err, WR_INVALID, "expected %s at the end", what);
    } else {
        WR_RAISE(err, WR_INVALID, "expected %s before '%.*s'", what, shown_bytes(raw), raw.bytes);
        suggest_keyword(p, err);
    }
    return wr_source_locate(&p->source, token->place, WR_INVALID, err);
}

/* --- moving on --------------------------------------------------------------------------- */

wr_status wr_parser_next(parser *p, wr_error *err)
{
    wr_status status = wr_lexer_next(&p->lexer, &p->token, err);

    if (status == WR_INVALID)
        wr_source_locate(&p->source, p->token.place, status, err);
    return status;
}

wr_status wr_parser_peek(const parser *p, wr_token *out_token, wr_error *err)
{
    wr_lexer  ahead = p->lexer;
    wr_status status = wr_lexer_next(&ahead, out_token, err);

    if (status == WR_INVALID)
        wr_source_locate(&p->source, out_token->place, status, err);
    return status;
}

wr_status wr_parser_expect(parser *p, wr_token_kind kind, const char *what, wr_error *err)
{
    if (p->token.kind != kind)
        return wr_parser_fail_expected(p, what, err);
    return wr_parser_next(p, err);
}

wr_status wr_parser_expect_keyword(parser *p, wr_keyword keyword, const char *what, wr_error *err)
{
    if (p->token.keyword != keyword)
        return wr_parser_fail_expected(p, what, err);
    return wr_parser_next(p, err);
}

wr_status wr_parser_accept(parser *p, wr_keyword keyword, bool *out_taken, wr_error *err)
{
    *out_taken = p->token.keyword == keyword;
    return *out_taken ? wr_parser_next(p, err) : WR_OK;
}

bool wr_token_is_word(const wr_token *token, const char *word)
{
    return token->kind == WR_TOKEN_WORD && wr_text_equal_nocase(token->text, wr_text_of(word));
}

/* --- building ---------------------------------------------------------------------------- */

wr_ast *wr_parser_node(parser *p, wr_ast_kind kind, wr_place place, wr_error *err)
{
    wr_ast *node = WR_BUMP_NEW(p->bump, wr_ast, err);

    if (node) {
        node->kind = kind;
        node->place = place;
        node->depth = 1;
    }
    return node;
}

wr_status wr_parser_append(parser *p, node_list *list, wr_ast *node, wr_error *err)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? 2 * list->capacity : 4;
        wr_ast **items = WR_BUMP_NEW_ARRAY(p->bump, wr_ast *, capacity, err);

        if (!items)
            return WR_NO_MEMORY;
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = node;
    return WR_OK;
}

static wr_status fail_too_deep(const parser *p, wr_place place, wr_error *err)
{
    return wr_parser_fail(p, place, err,
                          "expression is nested more than %d levels deep: compute parts of it in "
                          "an earlier step",
                          WR_PARSE_DEPTH_MAX);
}

static uint32_t deeper(uint32_t depth, const wr_ast *child)
{
    return child && child->depth > depth ? child->depth : depth;
}

wr_status wr_parser_seal(parser *p, wr_ast *node, wr_ast **args, uint32_t arg_count, wr_error *err)
{
    const wr_ast_over *over = node->over;
    uint32_t           depth = deeper(0, node->filter);

    node->args = args;
    node->arg_count = arg_count;
    for (uint32_t i = 0; i < arg_count; i++)
        depth = deeper(depth, args[i]);
    for (uint32_t i = 0; i < node->order_count; i++)
        depth = deeper(depth, node->order[i].expr);
    for (uint32_t i = 0; over && i < over->partition_count; i++)
        depth = deeper(depth, over->partitions[i]);
    for (uint32_t i = 0; over && i < over->order_count; i++)
        depth = deeper(depth, over->order[i].expr);
    node->depth = depth + 1;
    return node->depth > WR_PARSE_DEPTH_MAX ? fail_too_deep(p, node->place, err) : WR_OK;
}

wr_status wr_parser_make(parser *p, wr_ast_kind kind, wr_ast_op op, wr_place place,
                         wr_ast *const operands[3], wr_ast **out_node, wr_error *err)
{
    node_list list = {0};
    wr_ast   *node = wr_parser_node(p, kind, place, err);

    if (!node)
        return WR_NO_MEMORY;
    for (int i = 0; i < 3 && operands[i]; i++)
        WR_TRY(wr_parser_append(p, &list, operands[i], err));
    node->op = op;
    *out_node = node;
    return wr_parser_seal(p, node, list.items, list.count, err);
}

/* --- operands ---------------------------------------------------------------------------- */

static wr_status parse_prefix(parser *p, wr_ast_op op, int operand_prec, wr_ast **out_expr,
                              wr_error *err)
{
    wr_place place = p->token.place;
    wr_ast  *operand;

    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_expr(p, operand_prec, &operand, err));
    return wr_parser_make(p, WR_AST_UNARY, op, place, (wr_ast *[3]){operand, NULL, NULL}, out_expr, err);
}

static wr_status parse_operand(parser *p, wr_ast **out_expr, wr_error *err)
{
    if (p->token.keyword == WR_KW_NOT)
        return parse_prefix(p, WR_OP_NOT, PREC_NOT, out_expr, err);
    if (p->token.kind == WR_TOKEN_OPERATOR)
        switch (p->token.op) {
        case WR_OP_SUB:
            return parse_prefix(p, WR_OP_NEG, PREC_SIGN, out_expr, err);
        case WR_OP_ADD:
            return parse_prefix(p, WR_OP_PLUS, PREC_SIGN, out_expr, err);
        case WR_OP_NOT:
            return parse_prefix(p, WR_OP_NOT, PREC_SIGN, out_expr, err);
        case WR_OP_REGEX:
            return parse_prefix(p, WR_OP_BIT_NOT, PREC_OTHER + 1, out_expr, err);
        default:
            break;
        }
    return wr_parser_primary(p, out_expr, err);
}

wr_status wr_parser_expr(parser *p, int prec_min, wr_ast **out_expr, wr_error *err)
{
    int     unchained = PREC_NONE; /* level of the operator just read, if it does not chain */
    wr_ast *left;

    if (++p->nesting > WR_PARSE_DEPTH_MAX)
        return fail_too_deep(p, p->token.place, err);
    WR_TRY(parse_operand(p, &left, err));
    for (int prec; (prec = wr_parser_infix_prec(p)) >= prec_min && prec != PREC_NONE;) {
        if (prec == unchained)
            return wr_parser_fail(p, p->token.place, err,
                                  prec == PREC_COMPARE
                                      ? "comparisons do not chain: write a < b AND b < c"
                                      : "BETWEEN, IN and LIKE do not chain: use parentheses");
        WR_TRY(wr_parser_infix(p, prec, &left, err));
        unchained = prec == PREC_COMPARE || prec == PREC_LIKE ? prec : PREC_NONE;
    }
    p->nesting--;
    *out_expr = left;
    return WR_OK;
}

/* --- entry points ------------------------------------------------------------------------ */

wr_status wr_parser_begin(parser *p, wr_text text, const wr_parse_options *options, wr_bump *bump,
                          wr_error *err)
{
    wr_place  place;
    wr_status status;

    *p = (parser){.bump = bump};
    if (options && options->source)
        p->source = *options->source;
    p->source.text = text;
    p->double_pipe_is_or = options && options->double_pipe_is_or;
    status = wr_lexer_init(&p->lexer, text, bump, &place, err);
    if (status != WR_OK)
        return wr_source_locate(&p->source, place, status, err);
    return wr_parser_next(p, err);
}

wr_status wr_parse_expr(wr_text text, const wr_parse_options *options, wr_bump *bump,
                        wr_ast **out_expr, wr_error *err)
{
    parser  p;
    wr_ast *expr;

    WR_TRY(wr_parser_begin(&p, text, options, bump, err));
    WR_TRY(wr_parser_expr(&p, PREC_ANY, &expr, err));
    if (p.token.kind != WR_TOKEN_END)
        return wr_parser_fail_expected(&p, "an operator or the end", err);
    *out_expr = expr;
    return WR_OK;
}

static wr_status parse_order_item(parser *p, wr_ast_order *out_item, wr_error *err)
{
    bool ascending, taken;

    WR_TRY(wr_parser_expr(p, PREC_ANY, &out_item->expr, err));
    WR_TRY(wr_parser_accept(p, WR_KW_DESC, &out_item->descending, err));
    if (!out_item->descending)
        WR_TRY(wr_parser_accept(p, WR_KW_ASC, &ascending, err));
    WR_TRY(wr_parser_accept(p, WR_KW_NULLS, &taken, err));
    if (!taken)
        return WR_OK;
    WR_TRY(wr_parser_accept(p, WR_KW_FIRST, &taken, err));
    out_item->nulls = taken ? -1 : 1;
    return taken ? WR_OK : wr_parser_expect_keyword(p, WR_KW_LAST, "FIRST or LAST", err);
}

wr_status wr_parser_order_list(parser *p, wr_ast_order **out_items, uint32_t *out_count,
                               wr_error *err)
{
    wr_ast_order *items = NULL;
    uint32_t      count = 0, capacity = 0;

    for (;;) {
        if (count == capacity) {
            uint32_t      grown = capacity ? 2 * capacity : 4;
            wr_ast_order *larger = WR_BUMP_NEW_ARRAY(p->bump, wr_ast_order, grown, err);

            if (!larger)
                return WR_NO_MEMORY;
            if (count > 0)
                memcpy(larger, items, count * sizeof *items);
            items = larger;
            capacity = grown;
        }
        WR_TRY(parse_order_item(p, &items[count++], err));
        if (p->token.kind != WR_TOKEN_COMMA)
            break;
        WR_TRY(wr_parser_next(p, err));
    }
    *out_items = items;
    *out_count = count;
    return WR_OK;
}

wr_status wr_parse_order(wr_text text, const wr_parse_options *options, wr_bump *bump,
                         wr_ast_order **out_items, uint32_t *out_count, wr_error *err)
{
    parser        p;
    wr_ast_order *items;
    uint32_t      count;

    WR_TRY(wr_parser_begin(&p, text, options, bump, err));
    WR_TRY(wr_parser_order_list(&p, &items, &count, err));
    if (p.token.kind != WR_TOKEN_END)
        return wr_parser_fail_expected(&p, "ASC, DESC, NULLS, ',' or the end", err);
    *out_items = items;
    *out_count = count;
    return WR_OK;
}

static bool can_be_alias(const wr_token *token)
{
    return token->kind == WR_TOKEN_QUOTED ||
           (token->kind == WR_TOKEN_WORD && !wr_keyword_is_reserved(token->keyword));
}

/* `*`, `t.*`, or an expression with or without a name. */
wr_status wr_parser_item(parser *p, wr_ast_item *out_item, wr_error *err)
{
    bool named;

    if (p->token.kind == WR_TOKEN_OPERATOR && p->token.op == WR_OP_MUL) {
        out_item->expr = wr_parser_node(p, WR_AST_STAR, p->token.place, err);
        return out_item->expr ? wr_parser_next(p, err) : WR_NO_MEMORY;
    }
    WR_TRY(wr_parser_expr(p, PREC_ANY, &out_item->expr, err));
    WR_TRY(wr_parser_accept(p, WR_KW_AS, &named, err));
    if (named ? p->token.kind != WR_TOKEN_WORD && p->token.kind != WR_TOKEN_QUOTED
              : !can_be_alias(&p->token))
        return named ? wr_parser_fail_expected(p, "a name after AS", err) : WR_OK;
    if (!named) {
        wr_token behind;

        /* A misspelt operator looks like a name: say so rather than complain about what follows. */
        WR_TRY(wr_parser_peek(p, &behind, err));
        if (behind.kind != WR_TOKEN_COMMA && behind.kind != WR_TOKEN_END)
            return wr_parser_fail_expected(p, "an operator, AS, ',' or the end", err);
    }
    out_item->alias = p->token.text;
    return wr_parser_next(p, err);
}

wr_status wr_parse_items(wr_text text, const wr_parse_options *options, wr_bump *bump,
                         wr_ast_item **out_items, uint32_t *out_count, wr_error *err)
{
    parser       p;
    wr_ast_item *items = NULL;
    uint32_t     count = 0, capacity = 0;

    WR_TRY(wr_parser_begin(&p, text, options, bump, err));
    for (;;) {
        if (count == capacity) {
            uint32_t     grown = capacity ? 2 * capacity : 4;
            wr_ast_item *larger = WR_BUMP_NEW_ARRAY(bump, wr_ast_item, grown, err);

            if (!larger)
                return WR_NO_MEMORY;
            if (count > 0)
                memcpy(larger, items, count * sizeof *items);
            items = larger;
            capacity = grown;
        }
        WR_TRY(wr_parser_item(&p, &items[count++], err));
        if (p.token.kind != WR_TOKEN_COMMA)
            break;
        WR_TRY(wr_parser_next(&p, err));
    }
    if (p.token.kind != WR_TOKEN_END)
        return wr_parser_fail_expected(&p, "an operator, AS, ',' or the end", err);
    *out_items = items;
    *out_count = count;
    return WR_OK;
}
