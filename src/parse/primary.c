/* parse/primary.c — what needs no precedence: literals, names, calls, CASE, CAST, types.
 *
 * A word may begin a column, a call, a typed literal (DATE '...') or a special form; which one is
 * settled by the token behind it. Only typed literals whose type has arguments
 * (Timestamp(us, UTC) '...') need more look-ahead: TYPE_TOKENS_MAX tokens at most. Values of nested
 * types: nested.c. */
#include "parse/parser_priv.h"

enum { TYPE_TOKENS_MAX = 64 };

/* --- types ------------------------------------------------------------------------------- */

/* Words that belong to a type's name behind its first word. */
static bool continues_type(const wr_token *first, const wr_token *token)
{
    if (wr_token_is_word(first, "double"))
        return wr_token_is_word(token, "precision");
    if (wr_token_is_word(first, "character") || wr_token_is_word(first, "char"))
        return wr_token_is_word(token, "varying");
    return wr_token_is_word(token, "unsigned");
}

/* "WITH TIME ZONE" and "WITHOUT TIME ZONE" behind time and timestamp. */
static wr_status skip_zone_words(parser *p, size_t *io_end, wr_error *err)
{
    wr_token behind;

    if (p->token.keyword != WR_KW_WITH && p->token.keyword != WR_KW_WITHOUT)
        return WR_OK;
    WR_TRY(wr_parser_peek(p, &behind, err));
    if (behind.keyword != WR_KW_TIME)
        return WR_OK;
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_next(p, err));
    *io_end = p->token.end;
    return wr_parser_expect_keyword(p, WR_KW_ZONE, "ZONE", err);
}

/* Is this a word whose type has types in its ( ) or < >? */
static bool is_nested_word(const wr_token *word)
{
    static const char *const NAMES[] = {"list", "array", "large_list", "struct", "row", "map"};

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (wr_token_is_word(word, NAMES[i]))
            return true;
    return false;
}

static bool is_operator(const wr_token *token, wr_ast_op op)
{
    return token->kind == WR_TOKEN_OPERATOR && token->op == op;
}

/* "(10, 2)", "(us, Europe/Berlin)", "<a: int, b: list<text>>" behind `word`. */
static wr_status skip_type_arguments(parser *p, wr_token word, uint32_t tokens_max, size_t *io_end,
                                     wr_error *err)
{
    bool nests = is_nested_word(&word);
    int  depth = 0, angles = 0; /* '<' is a bracket only behind such a word */

    do {
        wr_token_kind kind = p->token.kind;
        bool          opens = kind == WR_TOKEN_OPEN || kind == WR_TOKEN_OPEN_LIST;

        if (kind == WR_TOKEN_END || (opens && depth && !nests) || tokens_max-- == 0)
            return wr_parser_fail_expected(p, "')' of the type", err);
        depth += opens - (kind == WR_TOKEN_CLOSE || kind == WR_TOKEN_CLOSE_LIST);
        angles += is_operator(&p->token, WR_OP_LT) && is_nested_word(&word);
        if (angles > 0)
            angles -= is_operator(&p->token, WR_OP_GT) + 2 * is_operator(&p->token, WR_OP_SHIFT_RIGHT);
        *io_end = p->token.end;
        word = p->token;
        WR_TRY(wr_parser_next(p, err));
    } while (depth > 0 || angles > 0);
    return WR_OK;
}

/* "[]" and "[3]" behind a type; anything else in brackets is a subscript. Its own function so that the
 * look-ahead is off the stack when the parser goes deeper. */
static __attribute__((noinline)) wr_status skip_list_brackets(parser *p, size_t *io_end,
                                                              bool *out_taken, wr_error *err)
{
    parser ahead = *p;

    *out_taken = false;
    if (p->token.kind != WR_TOKEN_OPEN_LIST)
        return WR_OK;
    WR_TRY(wr_parser_next(&ahead, err));
    if (ahead.token.kind == WR_TOKEN_INTEGER)
        WR_TRY(wr_parser_next(&ahead, err));
    if (ahead.token.kind != WR_TOKEN_CLOSE_LIST)
        return WR_OK;
    *io_end = ahead.token.end;
    *p = ahead;
    *out_taken = true;
    return wr_parser_next(p, err);
}

/* Find where a type's name ends; `tokens_max`: of what stands in its brackets. */
static wr_status scan_type(parser *p, uint32_t tokens_max, wr_text *out_name, wr_error *err)
{
    wr_token first = p->token;
    size_t   end = first.end;
    bool     is_list;

    if (first.kind != WR_TOKEN_WORD || wr_keyword_is_reserved(first.keyword))
        return wr_parser_fail_expected(p, "a type", err);
    WR_TRY(wr_parser_next(p, err));
    if (continues_type(&first, &p->token)) {
        end = p->token.end;
        WR_TRY(wr_parser_next(p, err));
    }
    if (p->token.kind == WR_TOKEN_OPEN ||
        (is_operator(&p->token, WR_OP_LT) && is_nested_word(&first)))
        WR_TRY(skip_type_arguments(p, first, tokens_max, &end, err));
    if (wr_token_is_word(&first, "timestamp") || wr_token_is_word(&first, "time"))
        WR_TRY(skip_zone_words(p, &end, err));
    do
        WR_TRY(skip_list_brackets(p, &end, &is_list, err));
    while (is_list);
    *out_name = (wr_text){p->lexer.input.bytes + first.begin, end - first.begin};
    return WR_OK;
}

wr_status wr_parser_type(parser *p, wr_ast *node, wr_error *err)
{
    wr_place  place = p->token.place;
    wr_status status;

    WR_TRY(scan_type(p, UINT32_MAX, &node->qualifier, err));
    status = wr_type_parse(node->qualifier, &node->type, err);
    return status == WR_OK ? WR_OK : wr_source_locate(&p->source, place, status, err);
}

/* --- literals ---------------------------------------------------------------------------- */

static wr_status parse_literal(parser *p, wr_ast_kind kind, wr_ast **out_expr, wr_error *err)
{
    wr_ast *node = wr_parser_node(p, kind, p->token.place, err);

    if (!node)
        return WR_NO_MEMORY;
    node->text = p->token.text;
    node->boolean = p->token.keyword == WR_KW_TRUE;
    if (kind == WR_AST_TYPED)
        node->type = WR_TYPE(BINARY);
    if (kind == WR_AST_BOOL || kind == WR_AST_NULL)
        node->text = (wr_text){NULL, 0};
    *out_expr = node;
    return wr_parser_next(p, err);
}

/* Can the word be the first of a literal of a type with arguments or several words? */
static bool begins_long_type(const wr_token *word)
{
    static const char *const NAMES[] = {"timestamp", "time",    "decimal", "numeric", "dec",
                                        "decimal128", "double", "varchar", "char",    "character"};

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (wr_token_is_word(word, NAMES[i]))
            return true;
    return is_nested_word(word);
}

typedef enum word_role { ROLE_NAME, ROLE_TYPE, ROLE_INTERVAL, ROLE_LIST, ROLE_MAP } word_role;

/* What the current word begins. Its own function so that the look-ahead is off the stack when the
 * parser goes deeper. */
static __attribute__((noinline)) wr_status find_role(const parser *p, word_role *out_role,
                                                     wr_error *err)
{
    wr_token behind;
    parser   ahead;
    wr_text  name;

    *out_role = ROLE_NAME;
    WR_TRY(wr_parser_peek(p, &behind, err));
    if (behind.kind == WR_TOKEN_STRING) {
        *out_role = ROLE_TYPE;
    } else if (behind.kind == WR_TOKEN_INTEGER && p->token.keyword == WR_KW_INTERVAL) {
        *out_role = ROLE_INTERVAL;
    } else if (behind.kind == WR_TOKEN_OPEN_LIST && p->token.keyword == WR_KW_ARRAY) {
        *out_role = ROLE_LIST;
    } else if (behind.kind == WR_TOKEN_OPEN_BRACE && p->token.keyword == WR_KW_MAP) {
        *out_role = ROLE_MAP;
    } else if ((behind.kind == WR_TOKEN_OPEN || behind.kind == WR_TOKEN_WORD) &&
               begins_long_type(&p->token)) {
        ahead = *p;
        if (scan_type(&ahead, TYPE_TOKENS_MAX, &name, NULL) == WR_OK &&
            ahead.token.kind == WR_TOKEN_STRING)
            *out_role = ROLE_TYPE;
    }
    return WR_OK;
}

static bool is_interval_unit(const wr_token *token)
{
    static const char *const UNITS[] = {
        "microsecond", "millisecond", "second",  "minute", "hour",    "day",
        "week",        "month",       "quarter", "year",   "decade",  "century"};
    wr_text word = token->text;

    if (token->kind != WR_TOKEN_WORD)
        return false;
    if (wr_text_equal_nocase(word, WR_TEXT("centuries")))
        return true;
    if (word.byte_count > 1 && (word.bytes[word.byte_count - 1] | 0x20) == 's')
        word.byte_count--;
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
        if (wr_text_equal_nocase(word, wr_text_of(UNITS[i])))
            return true;
    return false;
}

/* INTERVAL '90' MINUTE and INTERVAL 90 MINUTE: the unit joins the text. */
static wr_status take_interval_unit(parser *p, wr_ast *node, wr_error *err)
{
    char *joined;

    if (!is_interval_unit(&p->token))
        return WR_OK;
    joined = wr_bump_printf(p->bump, err, "%.*s %.*s", WR_TEXT_ARG(node->text),
                            WR_TEXT_ARG(p->token.text));
    if (!joined)
        return WR_NO_MEMORY;
    node->text = wr_text_of(joined);
    WR_TRY(wr_parser_next(p, err));
    if (p->token.keyword == WR_KW_TO)
        return wr_parser_fail(p, p->token.place, err,
                              "INTERVAL ... TO ... is not supported: write the units out, as in "
                              "INTERVAL '1 year 2 months'");
    return WR_OK;
}

static wr_status parse_typed_literal(parser *p, wr_ast **out_expr, wr_error *err)
{
    wr_ast *node = wr_parser_node(p, WR_AST_TYPED, p->token.place, err);

    if (!node)
        return WR_NO_MEMORY;
    WR_TRY(wr_parser_type(p, node, err));
    node->text = p->token.text;
    *out_expr = node;
    WR_TRY(wr_parser_expect(p, WR_TOKEN_STRING, "a text in quotes", err));
    return node->type.logical == WR_TYPE_INTERVAL ? take_interval_unit(p, node, err) : WR_OK;
}

/* INTERVAL 90 MINUTE */
static wr_status parse_interval_number(parser *p, wr_ast **out_expr, wr_error *err)
{
    wr_ast *node = wr_parser_node(p, WR_AST_TYPED, p->token.place, err);

    if (!node)
        return WR_NO_MEMORY;
    WR_TRY(wr_parser_next(p, err));
    node->type = WR_TYPE(INTERVAL);
    node->text = p->token.text;
    WR_TRY(wr_parser_next(p, err));
    if (!is_interval_unit(&p->token))
        return wr_parser_fail_expected(p, "a unit (DAY, HOUR, MINUTE ...)", err);
    *out_expr = node;
    return take_interval_unit(p, node, err);
}

/* --- CASE and CAST ----------------------------------------------------------------------- */

static wr_status parse_case(parser *p, wr_ast **out_expr, wr_error *err)
{
    node_list list = {0};
    wr_ast   *part, *node = wr_parser_node(p, WR_AST_CASE, p->token.place, err);

    if (!node)
        return WR_NO_MEMORY;
    WR_TRY(wr_parser_next(p, err));
    node->has_operand = p->token.keyword != WR_KW_WHEN;
    if (node->has_operand) {
        WR_TRY(wr_parser_expr(p, PREC_ANY, &part, err));
        WR_TRY(wr_parser_append(p, &list, part, err));
    }
    do {
        WR_TRY(wr_parser_expect_keyword(p, WR_KW_WHEN, "WHEN", err));
        WR_TRY(wr_parser_expr(p, PREC_ANY, &part, err));
        WR_TRY(wr_parser_append(p, &list, part, err));
        WR_TRY(wr_parser_expect_keyword(p, WR_KW_THEN, "THEN", err));
        WR_TRY(wr_parser_expr(p, PREC_ANY, &part, err));
        WR_TRY(wr_parser_append(p, &list, part, err));
    } while (p->token.keyword == WR_KW_WHEN);
    WR_TRY(wr_parser_accept(p, WR_KW_ELSE, &node->has_else, err));
    if (node->has_else) {
        WR_TRY(wr_parser_expr(p, PREC_ANY, &part, err));
        WR_TRY(wr_parser_append(p, &list, part, err));
    }
    WR_TRY(wr_parser_expect_keyword(p, WR_KW_END,
                                    node->has_else ? "END of CASE" : "WHEN, ELSE or END of CASE",
                                    err));
    *out_expr = node;
    return wr_parser_seal(p, node, list.items, list.count, err);
}

/* CAST(x AS type), with the current token behind '('. */
static wr_status parse_cast(parser *p, const wr_token *name, wr_ast **out_expr, wr_error *err)
{
    node_list list = {0};
    wr_ast   *operand, *node = wr_parser_node(p, WR_AST_CAST, name->place, err);

    if (!node)
        return WR_NO_MEMORY;
    node->try_ = name->keyword == WR_KW_TRY_CAST;
    WR_TRY(wr_parser_expr(p, PREC_ANY, &operand, err));
    WR_TRY(wr_parser_append(p, &list, operand, err));
    WR_TRY(wr_parser_expect_keyword(p, WR_KW_AS, "AS and a type", err));
    WR_TRY(wr_parser_type(p, node, err));
    WR_TRY(wr_parser_expect(p, WR_TOKEN_CLOSE, "')' of CAST", err));
    *out_expr = node;
    return wr_parser_seal(p, node, list.items, list.count, err);
}

/* --- calls ------------------------------------------------------------------------------- */

static wr_status lower_name(parser *p, wr_text name, wr_text *out_name, wr_error *err)
{
    char *copy = wr_bump_copy(p->bump, name, err);

    if (!copy)
        return WR_NO_MEMORY;
    for (size_t i = 0; i < name.byte_count; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + ('a' - 'A'));
    *out_name = (wr_text){copy, name.byte_count};
    return WR_OK;
}

/* DISTINCT, arguments and ORDER BY up to and with ')'. */
/* ORDER BY inside the parentheses of an aggregate. */
static wr_status parse_order(parser *p, wr_ast *node, wr_error *err)
{
    WR_TRY(wr_parser_next(p, err));
    if (!wr_token_is_word(&p->token, "by"))
        return wr_parser_fail_expected(p, "BY after ORDER", err);
    WR_TRY(wr_parser_next(p, err));
    return wr_parser_order_list(p, &node->order, &node->order_count, err);
}

static wr_status parse_arguments(parser *p, wr_ast *node, node_list *list, wr_error *err)
{
    WR_TRY(wr_parser_accept(p, WR_KW_DISTINCT, &node->distinct, err));
    if (p->token.kind == WR_TOKEN_OPERATOR && p->token.op == WR_OP_MUL) {
        wr_ast *star = wr_parser_node(p, WR_AST_STAR, p->token.place, err);

        if (!star)
            return WR_NO_MEMORY;
        WR_TRY(wr_parser_next(p, err));
        WR_TRY(wr_parser_append(p, list, star, err));
        return wr_parser_expect(p, WR_TOKEN_CLOSE, "')' after '*'", err);
    }
    while (p->token.kind != WR_TOKEN_CLOSE || list->count > 0 || node->distinct) {
        WR_TRY(wr_parser_argument(p, node->text, list, err));
        if (p->token.kind != WR_TOKEN_COMMA)
            break;
        WR_TRY(wr_parser_next(p, err));
    }
    WR_TRY(wr_parser_nulls(p, node, err));
    if (p->token.keyword == WR_KW_ORDER && list->count > 0)
        WR_TRY(parse_order(p, node, err));
    return wr_parser_expect(p, WR_TOKEN_CLOSE, "',' or ')'", err);
}

/* WITHIN GROUP (ORDER BY ...) behind an aggregate: the same order, written by the standard. */
static wr_status parse_within(parser *p, wr_ast *node, wr_error *err)
{
    wr_token behind;

    if (p->token.keyword != WR_KW_WITHIN)
        return WR_OK;
    WR_TRY(wr_parser_peek(p, &behind, err));
    if (!wr_token_is_word(&behind, "group"))
        return WR_OK;
    if (node->order_count > 0)
        return wr_parser_fail(p, p->token.place, err,
                              "an aggregate has one order: ORDER BY inside it or WITHIN GROUP");
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_expect(p, WR_TOKEN_OPEN, "'(' after WITHIN GROUP", err));
    if (p->token.keyword != WR_KW_ORDER)
        return wr_parser_fail_expected(p, "ORDER BY in WITHIN GROUP", err);
    WR_TRY(parse_order(p, node, err));
    node->within_group = true;
    return wr_parser_expect(p, WR_TOKEN_CLOSE, "')' of WITHIN GROUP", err);
}

/* FILTER (WHERE ...) behind an aggregate. */
static wr_status parse_filter(parser *p, wr_ast *node, wr_error *err)
{
    wr_token behind;

    if (p->token.keyword != WR_KW_FILTER)
        return WR_OK;
    WR_TRY(wr_parser_peek(p, &behind, err));
    if (behind.kind != WR_TOKEN_OPEN)
        return WR_OK;
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_expect_keyword(p, WR_KW_WHERE, "WHERE in FILTER", err));
    WR_TRY(wr_parser_expr(p, PREC_ANY, &node->filter, err));
    return wr_parser_expect(p, WR_TOKEN_CLOSE, "')' of FILTER", err);
}

wr_status wr_parser_call(parser *p, const wr_token *name, wr_ast **out_expr, wr_error *err)
{
    node_list list = {0};
    wr_ast   *node;

    WR_TRY(wr_parser_next(p, err));
    if (name->keyword == WR_KW_CAST || name->keyword == WR_KW_TRY_CAST)
        return parse_cast(p, name, out_expr, err);
    if (name->keyword == WR_KW_EXISTS && p->token.keyword == WR_KW_SELECT)
        return wr_parser_fail(p, name->place, err,
                              "EXISTS (SELECT ...) is not supported here: use a semi join step");
    *out_expr = NULL;
    WR_TRY(wr_parser_special(p, name, out_expr, err));
    if (*out_expr)
        return WR_OK;
    node = wr_parser_node(p, WR_AST_CALL, name->place, err);
    if (!node)
        return WR_NO_MEMORY;
    WR_TRY(lower_name(p, name->text, &node->text, err));
    WR_TRY(parse_arguments(p, node, &list, err));
    WR_TRY(parse_within(p, node, err));
    WR_TRY(parse_filter(p, node, err));
    WR_TRY(wr_parser_over(p, node, err));
    *out_expr = node;
    return wr_parser_seal(p, node, list.items, list.count, err);
}

/* CURRENT_DATE and its kin are calls without parentheses. */
static wr_status parse_bare_call(parser *p, wr_ast **out_expr, wr_error *err)
{
    wr_token name = p->token;
    wr_ast  *node;

    WR_TRY(wr_parser_next(p, err));
    if (p->token.kind == WR_TOKEN_OPEN)
        return wr_parser_call(p, &name, out_expr, err);
    node = wr_parser_node(p, WR_AST_CALL, name.place, err);
    if (!node)
        return WR_NO_MEMORY;
    node->text = wr_text_of(wr_keyword_word(name.keyword));
    *out_expr = node;
    return WR_OK;
}

/* --- names ------------------------------------------------------------------------------- */

/* A name has been read: column, table.column, table.* or a call. */
static wr_status parse_name(parser *p, wr_ast **out_expr, wr_error *err)
{
    wr_token name = p->token;
    wr_ast  *node;

    WR_TRY(wr_parser_next(p, err));
    if (p->token.kind == WR_TOKEN_OPEN)
        return wr_parser_call(p, &name, out_expr, err);
    node = wr_parser_node(p, WR_AST_COLUMN, name.place, err);
    if (!node)
        return WR_NO_MEMORY;
    node->text = name.text;
    node->quoted = name.kind == WR_TOKEN_QUOTED;
    *out_expr = node;
    if (p->token.kind != WR_TOKEN_DOT)
        return WR_OK;
    WR_TRY(wr_parser_next(p, err));
    node->qualifier = name.text;
    if (p->token.kind == WR_TOKEN_OPERATOR && p->token.op == WR_OP_MUL)
        return wr_parser_fail(p, name.place, err, "%.*s.* is not supported: list the columns",
                              WR_TEXT_ARG(name.text));
    if (p->token.kind != WR_TOKEN_WORD && p->token.kind != WR_TOKEN_QUOTED)
        return wr_parser_fail_expected(p, "a column's name after '.'", err);
    node->text = p->token.text;
    node->quoted = p->token.kind == WR_TOKEN_QUOTED;
    return wr_parser_next(p, err);
}

static wr_status parse_word(parser *p, wr_ast **out_expr, wr_error *err)
{
    word_role role;

    WR_TRY(find_role(p, &role, err));
    switch (role) {
    case ROLE_TYPE:
        return parse_typed_literal(p, out_expr, err);
    case ROLE_INTERVAL:
        return parse_interval_number(p, out_expr, err);
    case ROLE_LIST:
        WR_TRY(wr_parser_next(p, err));
        return wr_parser_list(p, out_expr, err);
    case ROLE_MAP:
        return wr_parser_map(p, out_expr, err);
    case ROLE_NAME:
        break;
    }
    return parse_name(p, out_expr, err);
}

static wr_status fail_reserved(const parser *p, wr_error *err)
{
    wr_text word = p->token.text;

    if (p->token.keyword == WR_KW_SELECT)
        return wr_parser_fail(p, p->token.place, err, "subqueries are not supported here");
    return wr_parser_fail(p, p->token.place, err,
                          "expected an expression before '%.*s' (a column of that name is written "
                          "\"%.*s\")",
                          WR_TEXT_ARG(word), WR_TEXT_ARG(word));
}

static wr_status parse_keyword(parser *p, wr_ast **out_expr, wr_error *err)
{
    switch (p->token.keyword) {
    case WR_KW_NULL_:
        return parse_literal(p, WR_AST_NULL, out_expr, err);
    case WR_KW_TRUE:
    case WR_KW_FALSE:
        return parse_literal(p, WR_AST_BOOL, out_expr, err);
    case WR_KW_CASE:
        return parse_case(p, out_expr, err);
    case WR_KW_CURRENT_DATE:
    case WR_KW_CURRENT_TIME:
    case WR_KW_CURRENT_TIMESTAMP:
    case WR_KW_LOCALTIMESTAMP:
        return parse_bare_call(p, out_expr, err);
    default:
        return wr_keyword_is_reserved(p->token.keyword) ? fail_reserved(p, err)
                                                        : parse_word(p, out_expr, err);
    }
}

static wr_status parse_parentheses(parser *p, wr_ast **out_expr, wr_error *err)
{
    WR_TRY(wr_parser_next(p, err));
    WR_TRY(wr_parser_expr(p, PREC_ANY, out_expr, err));
    if (p->token.kind == WR_TOKEN_COMMA)
        return wr_parser_fail(p, p->token.place, err,
                              "rows (a, b) are not supported: compare the columns one by one");
    return wr_parser_expect(p, WR_TOKEN_CLOSE, "')'", err);
}

wr_status wr_parser_primary(parser *p, wr_ast **out_expr, wr_error *err)
{
    switch (p->token.kind) {
    case WR_TOKEN_WORD:
        return parse_keyword(p, out_expr, err);
    case WR_TOKEN_QUOTED:
        return parse_name(p, out_expr, err);
    case WR_TOKEN_INTEGER:
        return parse_literal(p, WR_AST_INTEGER, out_expr, err);
    case WR_TOKEN_DECIMAL:
        return parse_literal(p, WR_AST_DECIMAL, out_expr, err);
    case WR_TOKEN_FLOAT:
        return parse_literal(p, WR_AST_FLOAT, out_expr, err);
    case WR_TOKEN_STRING:
        return parse_literal(p, WR_AST_STRING, out_expr, err);
    case WR_TOKEN_HEX_STRING:
        return parse_literal(p, WR_AST_TYPED, out_expr, err);
    case WR_TOKEN_OPEN:
        return parse_parentheses(p, out_expr, err);
    case WR_TOKEN_OPEN_LIST:
        return wr_parser_list(p, out_expr, err);
    case WR_TOKEN_OPEN_BRACE:
        return wr_parser_struct(p, out_expr, err);
    default:
        return wr_parser_fail_expected(p, "an expression", err);
    }
}
