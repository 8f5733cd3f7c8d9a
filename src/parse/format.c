/* parse/format.c — syntax tree to canonical SQL text, parentheses only where the parser needs them.
 *
 * Every node has the precedence level of its outermost operator; a child is put in parentheses when
 * its level is below what the parser would let in at that place. Recursion follows the tree, which
 * is at most WR_PARSE_DEPTH_MAX deep. Cost: linear. */
#include "mem/textbuf.h"
#include "parse/parser_priv.h"

static void put(wr_textbuf *out, wr_text text)
{
    wr_textbuf_add(out, text.bytes, text.byte_count);
}

static void put_words(wr_textbuf *out, const char *words)
{
    put(out, wr_text_of(words));
}

/* Text in quotes, with the quote doubled inside. */
static void put_quoted(wr_textbuf *out, wr_text text, char quote)
{
    wr_text mark = {&quote, 1};
    size_t  begin = 0;

    put(out, mark);
    for (size_t at; (at = wr_text_find_byte(text, quote, begin)) != SIZE_MAX; begin = at + 1) {
        put(out, (wr_text){text.bytes + begin, at + 1 - begin});
        put(out, mark);
    }
    put(out, (wr_text){text.bytes + begin, text.byte_count - begin});
    put(out, mark);
}

static bool is_plain_word(wr_text name)
{
    if (name.byte_count == 0 || !wr_lexer_is_word_start(name.bytes[0]))
        return false;
    for (size_t i = 1; i < name.byte_count; i++)
        if (!wr_lexer_is_word_part(name.bytes[i]))
            return false;
    return true;
}

static void put_column_name(wr_textbuf *out, wr_text name)
{
    wr_keyword keyword = wr_keyword_find(name);

    if (!is_plain_word(name) || wr_keyword_is_reserved(keyword) || keyword == WR_KW_BOTH ||
        keyword == WR_KW_LEADING || keyword == WR_KW_TRAILING || keyword == WR_KW_ARRAY)
        put_quoted(out, name, '"');
    else
        put(out, name);
}

/* CAST, POSITION and TRY_CAST read their arguments in their own way, unless they are quoted. */
static void put_function_name(wr_textbuf *out, wr_text name)
{
    switch (wr_keyword_find(name)) {
    case WR_KW_CURRENT_DATE:
    case WR_KW_CURRENT_TIME:
    case WR_KW_CURRENT_TIMESTAMP:
    case WR_KW_LOCALTIMESTAMP:
        put(out, name);
        return;
    case WR_KW_CAST:
    case WR_KW_TRY_CAST:
    case WR_KW_POSITION:
        put_quoted(out, name, '"');
        return;
    default:
        put_column_name(out, name);
    }
}

static const char *operator_text(wr_ast_op op)
{
    static const char *const TEXTS[] = {
        [WR_OP_OR] = "OR",           [WR_OP_AND] = "AND",
        [WR_OP_EQ] = "=",            [WR_OP_NE] = "<>",
        [WR_OP_LT] = "<",            [WR_OP_LE] = "<=",
        [WR_OP_GT] = ">",            [WR_OP_GE] = ">=",
        [WR_OP_ADD] = "+",           [WR_OP_SUB] = "-",
        [WR_OP_MUL] = "*",           [WR_OP_DIV] = "/",
        [WR_OP_MOD] = "%",           [WR_OP_POW] = "^",
        [WR_OP_CONCAT] = "||",       [WR_OP_BIT_AND] = "&",
        [WR_OP_BIT_OR] = "|",        [WR_OP_BIT_XOR] = "#",
        [WR_OP_SHIFT_LEFT] = "<<",   [WR_OP_SHIFT_RIGHT] = ">>",
        [WR_OP_REGEX] = "~",         [WR_OP_REGEX_NOCASE] = "~*",
        [WR_OP_NOT_REGEX] = "!~",    [WR_OP_NOT_REGEX_NOCASE] = "!~*",
        [WR_OP_LIKE] = "LIKE",       [WR_OP_ILIKE] = "ILIKE",
        [WR_OP_SIMILAR] = "SIMILAR TO",
        [WR_OP_NEG] = "-",           [WR_OP_PLUS] = "+",
        [WR_OP_BIT_NOT] = "~",       [WR_OP_NOT] = "NOT ",
        [WR_OP_IS_NULL] = "NULL",    [WR_OP_IS_TRUE] = "TRUE",
        [WR_OP_IS_FALSE] = "FALSE",  [WR_OP_IS_UNKNOWN] = "UNKNOWN",
        [WR_OP_IS_DISTINCT] = "DISTINCT FROM ",
    };

    return TEXTS[op];
}

/* The level of a node's outermost operator. */
static int node_prec(const wr_ast *node)
{
    switch (node->kind) {
    case WR_AST_UNARY:
        return node->op == WR_OP_NOT ? PREC_NOT : node->op == WR_OP_BIT_NOT ? PREC_OTHER : PREC_SIGN;
    case WR_AST_BINARY:
        return wr_operator_prec(node->op);
    case WR_AST_IS:
        return PREC_IS;
    case WR_AST_BETWEEN:
    case WR_AST_IN:
    case WR_AST_LIKE:
        return PREC_LIKE;
    default:
        return PREC_PRIMARY;
    }
}

static void put_node(wr_textbuf *out, const wr_ast *node);

static void put_child(wr_textbuf *out, const wr_ast *node, int prec_min)
{
    bool parentheses = node_prec(node) < prec_min;

    if (parentheses)
        put_words(out, "(");
    put_node(out, node);
    if (parentheses)
        put_words(out, ")");
}

/* Children from `first` on with ", " between them. */
static void put_list(wr_textbuf *out, const wr_ast *node, uint32_t first)
{
    for (uint32_t i = first; i < node->arg_count; i++) {
        if (i > first)
            put_words(out, ", ");
        put_child(out, node->args[i], PREC_ANY);
    }
}

static void put_unary(wr_textbuf *out, const wr_ast *node)
{
    const wr_ast *operand = node->args[0];

    put_words(out, operator_text(node->op));
    /* "--" would begin a comment. */
    if (node->op == WR_OP_NEG && operand->kind == WR_AST_UNARY && operand->op == WR_OP_NEG)
        put_words(out, " ");
    put_child(out, operand, node->op == WR_OP_BIT_NOT ? PREC_OTHER + 1 : node_prec(node));
}

static void put_binary(wr_textbuf *out, const wr_ast *node)
{
    int prec = node_prec(node);
    int left = prec == PREC_COMPARE || prec == PREC_AND || prec == PREC_OR ? prec + 1 : prec;

    for (uint32_t i = 0; i < node->arg_count; i++) {
        if (i > 0) {
            put_words(out, " ");
            put_words(out, operator_text(node->op));
            put_words(out, " ");
        }
        put_child(out, node->args[i], i == 0 ? left : prec + 1);
    }
}

static void put_order(wr_textbuf *out, const char *lead, const wr_ast_order *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put_words(out, i ? ", " : lead);
        put_child(out, order[i].expr, PREC_ANY);
        if (order[i].descending)
            put_words(out, " DESC");
        if (order[i].nulls)
            put_words(out, order[i].nulls < 0 ? " NULLS FIRST" : " NULLS LAST");
    }
}

static void put_bound(wr_textbuf *out, const wr_ast_bound *bound)
{
    static const char *const WORDS[] = {"UNBOUNDED PRECEDING", " PRECEDING", "CURRENT ROW",
                                        " FOLLOWING", "UNBOUNDED FOLLOWING"};

    if (bound->offset)
        put_child(out, bound->offset, PREC_ADD);
    put_words(out, WORDS[bound->kind]);
}

static void put_over(wr_textbuf *out, const wr_ast_over *over)
{
    static const char *const UNITS[] = {" ROWS BETWEEN ", " RANGE BETWEEN ", " GROUPS BETWEEN "};
    static const char *const EXCLUDES[] = {"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP",
                                           " EXCLUDE TIES"};

    put_words(out, " OVER (");
    for (uint32_t i = 0; i < over->partition_count; i++) {
        put_words(out, i ? ", " : "PARTITION BY ");
        put_child(out, over->partitions[i], PREC_ANY);
    }
    put_order(out, " ORDER BY ", over->order, over->order_count);
    if (over->has_frame) {
        put_words(out, UNITS[over->units]);
        put_bound(out, &over->start);
        put_words(out, " AND ");
        put_bound(out, &over->end);
        put_words(out, EXCLUDES[over->exclude]);
    }
    put_words(out, ")");
}

/* The names of a struct_pack, with values between them. */
static bool has_names(const wr_ast *node)
{
    for (uint32_t i = 0; i < node->arg_count; i += 2)
        if (node->args[i]->kind != WR_AST_STRING)
            return false;
    return node->arg_count > 0 && node->arg_count % 2 == 0;
}

static void put_struct(wr_textbuf *out, const wr_ast *node)
{
    for (uint32_t i = 0; i < node->arg_count; i += 2) {
        put_words(out, i ? ", " : "{");
        put_quoted(out, node->args[i]->text, '\'');
        put_words(out, ": ");
        put_child(out, node->args[i + 1], PREC_ANY);
    }
    put_words(out, "}");
}

/* Calls that have a form of their own: lists, structs, subscripts. */
static bool put_nested(wr_textbuf *out, const wr_ast *node)
{
    bool is_slice = wr_text_equal(node->text, WR_TEXT("array_slice")) && node->arg_count == 3;

    if (node->distinct || node->filter || node->order_count || node->ignore_nulls || node->over)
        return false;
    if (wr_text_equal(node->text, WR_TEXT("list_value"))) {
        put_words(out, "[");
        put_list(out, node, 0);
        put_words(out, "]");
    } else if (wr_text_equal(node->text, WR_TEXT("struct_pack")) && has_names(node)) {
        put_struct(out, node);
    } else if (is_slice ||
               (wr_text_equal(node->text, WR_TEXT("array_extract")) && node->arg_count == 2)) {
        put_child(out, node->args[0], PREC_CAST);
        put_words(out, "[");
        put_child(out, node->args[1], PREC_ANY);
        if (is_slice) {
            put_words(out, ":");
            put_child(out, node->args[2], PREC_ANY);
        }
        put_words(out, "]");
    } else {
        return false;
    }
    return true;
}

static void put_call(wr_textbuf *out, const wr_ast *node)
{
    if (put_nested(out, node))
        return;
    put_function_name(out, node->text);
    put_words(out, node->distinct ? "(DISTINCT " : "(");
    put_list(out, node, 0);
    if (!node->within_group)
        put_order(out, " ORDER BY ", node->order, node->order_count);
    put_words(out, ")");
    if (node->within_group) {
        put_order(out, " WITHIN GROUP (ORDER BY ", node->order, node->order_count);
        put_words(out, ")");
    }
    if (node->filter) {
        put_words(out, " FILTER (WHERE ");
        put_child(out, node->filter, PREC_ANY);
        put_words(out, ")");
    }
    if (node->ignore_nulls)
        put_words(out, " IGNORE NULLS");
    if (node->over)
        put_over(out, node->over);
}

/* (x, i) -> body */
static void put_lambda(wr_textbuf *out, const wr_ast *node)
{
    uint32_t count = node->arg_count - 1;

    put_words(out, count > 1 ? "(" : "");
    for (uint32_t i = 0; i < count; i++) {
        put_words(out, i ? ", " : "");
        put_column_name(out, node->args[i]->text);
    }
    put_words(out, count > 1 ? ") -> " : " -> ");
    put_child(out, node->args[count], PREC_ANY);
}

static void put_case(wr_textbuf *out, const wr_ast *node)
{
    uint32_t at = 0, pairs_end = node->arg_count - (node->has_else ? 1 : 0);

    put_words(out, "CASE");
    if (node->has_operand) {
        put_words(out, " ");
        put_child(out, node->args[at++], PREC_ANY);
    }
    for (; at + 2 <= pairs_end; at += 2) {
        put_words(out, " WHEN ");
        put_child(out, node->args[at], PREC_ANY);
        put_words(out, " THEN ");
        put_child(out, node->args[at + 1], PREC_ANY);
    }
    if (node->has_else) {
        put_words(out, " ELSE ");
        put_child(out, node->args[at], PREC_ANY);
    }
    put_words(out, " END");
}

static bool is_hex_form(wr_text text)
{
    if (text.byte_count < 2 || text.byte_count % 2 != 0 || text.bytes[0] != '\\' ||
        text.bytes[1] != 'x')
        return false;
    for (size_t i = 2; i < text.byte_count; i++)
        if (!((text.bytes[i] >= '0' && text.bytes[i] <= '9') ||
              (text.bytes[i] >= 'a' && text.bytes[i] <= 'f')))
            return false;
    return true;
}

/* A type whose canonical name is too long for a message stands as it was written. */
static void put_type(wr_textbuf *out, const wr_ast *node)
{
    char    name[WR_TYPE_NAME_BYTES];
    wr_text canonical = wr_text_of(wr_type_format(node->type, name));

    put(out, wr_text_ends_with(canonical, WR_TEXT("...")) ? node->qualifier : canonical);
}

static void put_typed(wr_textbuf *out, const wr_ast *node)
{
    if (node->type.logical == WR_TYPE_BINARY && is_hex_form(node->text)) {
        put_words(out, "X");
        put_quoted(out, (wr_text){node->text.bytes + 2, node->text.byte_count - 2}, '\'');
        return;
    }
    put_type(out, node);
    put_words(out, " ");
    put_quoted(out, node->text, '\'');
}

static void put_cast(wr_textbuf *out, const wr_ast *node)
{
    put_words(out, node->try_ ? "TRY_CAST(" : "CAST(");
    put_child(out, node->args[0], PREC_ANY);
    put_words(out, " AS ");
    put_type(out, node);
    put_words(out, ")");
}

static void put_is(wr_textbuf *out, const wr_ast *node)
{
    put_child(out, node->args[0], PREC_IS);
    put_words(out, node->negated ? " IS NOT " : " IS ");
    put_words(out, operator_text(node->op));
    if (node->op == WR_OP_IS_DISTINCT)
        put_child(out, node->args[1], PREC_IS + 1);
}

static void put_like_level(wr_textbuf *out, const wr_ast *node)
{
    put_child(out, node->args[0], PREC_LIKE + 1);
    put_words(out, node->negated ? " NOT " : " ");
    if (node->kind == WR_AST_IN) {
        put_words(out, "IN (");
        put_list(out, node, 1);
        put_words(out, ")");
        return;
    }
    if (node->kind == WR_AST_BETWEEN)
        put_words(out, node->symmetric ? "BETWEEN SYMMETRIC" : "BETWEEN");
    else
        put_words(out, operator_text(node->op));
    put_words(out, " ");
    put_child(out, node->args[1], PREC_LIKE + 1);
    if (node->arg_count > 2) {
        put_words(out, node->kind == WR_AST_BETWEEN ? " AND " : " ESCAPE ");
        put_child(out, node->args[2], PREC_LIKE + 1);
    }
}

static void put_column(wr_textbuf *out, const wr_ast *node)
{
    if (node->qualifier.byte_count > 0) {
        put_column_name(out, node->qualifier);
        put_words(out, ".");
    }
    put_column_name(out, node->text);
}

static void put_node(wr_textbuf *out, const wr_ast *node)
{
    switch (node->kind) {
    case WR_AST_NULL:
        put_words(out, "NULL");
        break;
    case WR_AST_BOOL:
        put_words(out, node->boolean ? "TRUE" : "FALSE");
        break;
    case WR_AST_INTEGER:
    case WR_AST_DECIMAL:
    case WR_AST_FLOAT:
        put(out, node->text);
        break;
    case WR_AST_STRING:
        put_quoted(out, node->text, '\'');
        break;
    case WR_AST_TYPED:
        put_typed(out, node);
        break;
    case WR_AST_COLUMN:
        put_column(out, node);
        break;
    case WR_AST_STAR:
        put_words(out, "*");
        break;
    case WR_AST_UNARY:
        put_unary(out, node);
        break;
    case WR_AST_BINARY:
        put_binary(out, node);
        break;
    case WR_AST_CALL:
        put_call(out, node);
        break;
    case WR_AST_CASE:
        put_case(out, node);
        break;
    case WR_AST_CAST:
        put_cast(out, node);
        break;
    case WR_AST_IS:
        put_is(out, node);
        break;
    case WR_AST_BETWEEN:
    case WR_AST_IN:
    case WR_AST_LIKE:
        put_like_level(out, node);
        break;
    case WR_AST_LAMBDA:
        put_lambda(out, node);
        break;
    }
}

const char *wr_ast_format(const wr_ast *expr, wr_bump *bump, wr_error *err)
{
    wr_textbuf out;
    wr_text    text;

    wr_textbuf_init(&out, bump);
    put_node(&out, expr);
    return wr_textbuf_finish(&out, &text, err) == WR_OK ? text.bytes : NULL;
}
