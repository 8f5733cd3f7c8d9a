/* expr/format.c — expressions as SQL text: EXPLAIN, the canonical plan and its hash.
 *
 * Parentheses only where precedence needs them. Casts that conversion inserted are shown: they are
 * part of what is computed. Column names are quoted when they are not plain words. */
#include "expr/expr_priv.h"
#include "expr/operators.h"
#include "mem/textbuf.h"
#include "types/nested_text.h"
#include "types/parse.h"

/* PostgreSQL's precedence, loosest first. */
typedef enum level {
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_IS,
    LEVEL_COMPARE,
    LEVEL_LIKE,
    LEVEL_OTHER,
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_POWER,
    LEVEL_UNARY,
    LEVEL_PRIMARY,
} level;

static const struct {
    const char *name;
    const char *text; /* between or behind the arguments */
    level       level;
} OPERATORS[] = {
    {WR_OPERATOR_ADD, "+", LEVEL_SUM},
    {WR_OPERATOR_SUB, "-", LEVEL_SUM},
    {WR_OPERATOR_MUL, "*", LEVEL_PRODUCT},
    {WR_OPERATOR_DIV, "/", LEVEL_PRODUCT},
    {WR_OPERATOR_MOD, "%", LEVEL_PRODUCT},
    {WR_OPERATOR_POW, "^", LEVEL_POWER},
    {WR_OPERATOR_BIT_AND, "&", LEVEL_OTHER},
    {WR_OPERATOR_BIT_OR, "|", LEVEL_OTHER},
    {WR_OPERATOR_BIT_XOR, "#", LEVEL_OTHER},
    {WR_OPERATOR_REGEX, "~", LEVEL_OTHER},
    {WR_OPERATOR_REGEX_NOCASE, "~*", LEVEL_OTHER},
    {WR_OPERATOR_SHIFT_LEFT, "<<", LEVEL_OTHER},
    {WR_OPERATOR_SHIFT_RIGHT, ">>", LEVEL_OTHER},
    {WR_OPERATOR_CONCAT, "||", LEVEL_OTHER},
    {WR_OPERATOR_EQ, "=", LEVEL_COMPARE},
    {WR_OPERATOR_NE, "<>", LEVEL_COMPARE},
    {WR_OPERATOR_LT, "<", LEVEL_COMPARE},
    {WR_OPERATOR_LE, "<=", LEVEL_COMPARE},
    {WR_OPERATOR_GT, ">", LEVEL_COMPARE},
    {WR_OPERATOR_GE, ">=", LEVEL_COMPARE},
    {WR_OPERATOR_DISTINCT, "IS DISTINCT FROM", LEVEL_IS},
    {WR_OPERATOR_NOT_DISTINCT, "IS NOT DISTINCT FROM", LEVEL_IS},
    {WR_OPERATOR_IS_NULL, "IS NULL", LEVEL_IS},
    {WR_OPERATOR_IS_NOT_NULL, "IS NOT NULL", LEVEL_IS},
    {WR_OPERATOR_IS_TRUE, "IS TRUE", LEVEL_IS},
    {WR_OPERATOR_IS_NOT_TRUE, "IS NOT TRUE", LEVEL_IS},
    {WR_OPERATOR_IS_FALSE, "IS FALSE", LEVEL_IS},
    {WR_OPERATOR_IS_NOT_FALSE, "IS NOT FALSE", LEVEL_IS},
    {WR_OPERATOR_IS_UNKNOWN, "IS UNKNOWN", LEVEL_IS},
    {WR_OPERATOR_IS_NOT_UNKNOWN, "IS NOT UNKNOWN", LEVEL_IS},
    {WR_OPERATOR_LIKE, "LIKE", LEVEL_LIKE},
    {WR_OPERATOR_ILIKE, "ILIKE", LEVEL_LIKE},
    {WR_OPERATOR_SIMILAR, "SIMILAR TO", LEVEL_LIKE},
    {WR_OPERATOR_IN, "IN", LEVEL_LIKE},
};
enum { OPERATOR_NONE = sizeof OPERATORS / sizeof OPERATORS[0] };

static size_t find_operator(const wr_expr *expr)
{
    size_t i = 0;

    while (i < OPERATOR_NONE && strcmp(OPERATORS[i].name, expr->function->name) != 0)
        i++;
    return i;
}

static bool is_function(const wr_expr *expr, const char *name)
{
    return strcmp(expr->function->name, name) == 0;
}

static bool is_prefix(const wr_expr *expr)
{
    return expr->arg_count == 1 &&
           (is_function(expr, WR_OPERATOR_SUB) || is_function(expr, WR_OPERATOR_ADD) ||
            is_function(expr, WR_OPERATOR_BIT_NOT));
}

static level level_of(const wr_expr *expr)
{
    size_t operator;

    switch (expr->kind) {
    case WR_EXPR_AND:
        return LEVEL_AND;
    case WR_EXPR_OR:
        return LEVEL_OR;
    case WR_EXPR_CALL:
        if (is_prefix(expr))
            return LEVEL_UNARY;
        if (is_function(expr, WR_OPERATOR_NOT))
            return LEVEL_NOT;
        operator = find_operator(expr);
        return operator < OPERATOR_NONE ? OPERATORS[operator].level : LEVEL_PRIMARY;
    default:
        return LEVEL_PRIMARY;
    }
}

/* The call whose lambda is being written: its columns are names, or arguments of the call. */
typedef struct lambda_frame {
    const wr_expr             *call;
    const struct lambda_frame *outer;
} lambda_frame;

typedef struct writer {
    wr_textbuf          text;
    const wr_schema    *schema;
    const lambda_frame *frame;
} writer;

static void write_expr(writer *w, const wr_expr *expr, level least);

static void put(writer *w, const char *text)
{
    wr_textbuf_add(&w->text, text, strlen(text));
}

/* A quoted piece of text with its quotes doubled. */
static void put_quoted(writer *w, wr_text text, char quote)
{
    size_t begin = 0;

    wr_textbuf_add(&w->text, &quote, 1);
    for (size_t i = 0; i < text.byte_count; i++)
        if (text.bytes[i] == quote) {
            wr_textbuf_add(&w->text, text.bytes + begin, i + 1 - begin);
            wr_textbuf_add(&w->text, &quote, 1);
            begin = i + 1;
        }
    wr_textbuf_add(&w->text, text.bytes + begin, text.byte_count - begin);
    wr_textbuf_add(&w->text, &quote, 1);
}

static bool is_plain_word(wr_text name)
{
    for (size_t i = 0; i < name.byte_count; i++) {
        char c = name.bytes[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '_' &&
            (i == 0 || !(c >= '0' && c <= '9')))
            return false;
    }
    return name.byte_count > 0;
}

static void put_name(writer *w, wr_text name)
{
    if (is_plain_word(name))
        wr_textbuf_add(&w->text, name.bytes, name.byte_count);
    else
        put_quoted(w, name, '"');
}

/* A parameter, or an argument of the call from outside of it. */
static void write_lambda_column(writer *w, uint32_t column)
{
    const lambda_frame *frame = w->frame;
    const wr_expr      *call = frame->call;

    if (column < call->lambda->parameter_count) {
        put_name(w, call->lambda->names[column]);
        return;
    }
    w->frame = frame->outer;
    write_expr(w, call->args[call->arg_count - call->lambda->column_count + column], LEVEL_PRIMARY);
    w->frame = frame;
}

static void write_column(writer *w, uint32_t column)
{
    if (w->frame) {
        write_lambda_column(w, column);
        return;
    }
    if (!w->schema || column >= w->schema->field_count) {
        wr_textbuf_printf(&w->text, "#%u", column);
        return;
    }
    put_name(w, w->schema->fields[column].name);
}

static void write_binary(writer *w, wr_text bytes)
{
    put(w, "X'");
    for (size_t i = 0; i < bytes.byte_count; i++)
        wr_textbuf_printf(&w->text, "%02x", (unsigned char)bytes.bytes[i]);
    put(w, "'");
}

/* Its type, so that equal texts of different types differ, and JSON. */
static void write_nested(writer *w, const wr_value *value)
{
    char           name[WR_TYPE_NAME_BYTES], text[256];
    wr_nested_text json;
    wr_str         str = wr_str_of(value->text.bytes, value->text.byte_count);
    size_t         written;
    bool           done = false;

    put(w, wr_type_format(value->type, name));
    put(w, " '");
    wr_nested_text_begin(&json, value->type, &str, NULL);
    while (!done && wr_nested_text_write(&json, text, sizeof text, &written, &done, NULL) == WR_OK)
        wr_textbuf_add(&w->text, text, written);
    put(w, "'");
}

static void write_constant(writer *w, const wr_value *value)
{
    uint64_t cell[2] = {0};
    char     name[WR_TYPE_NAME_BYTES], text[WR_FORMAT_BYTES_MAX];
    size_t   byte_count;

    if (value->is_null) {
        put(w, "NULL");
        return;
    }
    if (value->type.logical == WR_TYPE_UTF8) {
        put_quoted(w, value->text, '\'');
        return;
    }
    if (value->type.logical == WR_TYPE_BINARY) {
        write_binary(w, value->text);
        return;
    }
    if (wr_type_is_nested(value->type)) {
        write_nested(w, value);
        return;
    }
    wr_value_store(value, cell);
    byte_count = wr_format_any(value->type, cell, text);
    if (wr_type_is_numeric(value->type) || value->type.logical == WR_TYPE_BOOL) {
        wr_textbuf_add(&w->text, text, byte_count);
    } else {
        put(w, wr_type_format(value->type, name));
        put(w, " ");
        put_quoted(w, (wr_text){text, byte_count}, '\'');
    }
}

static void write_list(writer *w, wr_expr *const *args, uint32_t arg_count)
{
    put(w, "(");
    for (uint32_t i = 0; i < arg_count; i++) {
        put(w, i ? ", " : "");
        write_expr(w, args[i], LEVEL_OR);
    }
    put(w, ")");
}

/* {'a': 1}: the names are in the type. */
static void write_struct(writer *w, const wr_expr *expr)
{
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        put(w, i ? ", " : "{");
        put_quoted(w, wr_type_member(expr->type, i).name, '\'');
        put(w, ": ");
        write_expr(w, expr->args[i], LEVEL_OR);
    }
    put(w, "}");
}

/* list_transform(l, x -> x + 1); what the lambda takes from outside stands where it is used. */
static void write_lambda_call(writer *w, const wr_expr *expr)
{
    const wr_lambda *lambda = expr->lambda;
    uint32_t     count = lambda->parameter_count, captured = lambda->column_count - count;
    lambda_frame frame = {expr, w->frame};

    put(w, expr->function->name);
    put(w, "(");
    write_expr(w, expr->args[0], LEVEL_OR);
    put(w, count > 1 ? ", (" : ", ");
    for (uint32_t i = 0; i < count; i++) {
        put(w, i ? ", " : "");
        put_name(w, lambda->names[i]);
    }
    put(w, count > 1 ? ") -> " : " -> ");
    w->frame = &frame;
    write_expr(w, lambda->body, LEVEL_OR);
    w->frame = frame.outer;
    for (uint32_t i = 1; i + captured < expr->arg_count; i++) {
        put(w, ", ");
        write_expr(w, expr->args[i], LEVEL_OR);
    }
    put(w, ")");
}

static void write_call(writer *w, const wr_expr *expr)
{
    size_t operator = find_operator(expr);
    level  own = level_of(expr);

    if (expr->lambda) {
        write_lambda_call(w, expr);
    } else if (is_function(expr, "struct_pack")) {
        write_struct(w, expr);
    } else if (is_prefix(expr)) {
        put(w, expr->function->name);
        write_expr(w, expr->args[0], LEVEL_PRIMARY);
    } else if (own == LEVEL_NOT) {
        put(w, "NOT ");
        write_expr(w, expr->args[0], LEVEL_NOT);
    } else if (operator == OPERATOR_NONE) {
        put(w, expr->function->name);
        write_list(w, expr->args, expr->arg_count);
    } else {
        /* Sums and products associate to the left, tests and comparisons do not. */
        write_expr(w, expr->args[0], own < LEVEL_OTHER ? own + 1 : own);
        put(w, " ");
        put(w, OPERATORS[operator].text);
        if (is_function(expr, WR_OPERATOR_IN)) {
            put(w, " ");
            write_list(w, expr->args + 1, expr->arg_count - 1);
        } else if (expr->arg_count > 1) {
            put(w, " ");
            write_expr(w, expr->args[1], own + 1);
        }
        if (own == LEVEL_LIKE && expr->arg_count == 3 && !is_function(expr, WR_OPERATOR_IN)) {
            put(w, " ESCAPE ");
            write_expr(w, expr->args[2], LEVEL_OTHER);
        }
    }
}

static void write_logic(writer *w, const wr_expr *expr)
{
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        if (i > 0)
            put(w, expr->kind == WR_EXPR_AND ? " AND " : " OR ");
        write_expr(w, expr->args[i], level_of(expr) + 1);
    }
}

static void write_case(writer *w, const wr_expr *expr)
{
    put(w, "CASE");
    for (uint32_t i = 0; i + 1 < expr->arg_count; i += 2) {
        put(w, " WHEN ");
        write_expr(w, expr->args[i], LEVEL_OR);
        put(w, " THEN ");
        write_expr(w, expr->args[i + 1], LEVEL_OR);
    }
    put(w, " ELSE ");
    write_expr(w, expr->args[expr->arg_count - 1], LEVEL_OR);
    put(w, " END");
}

static void write_expr(writer *w, const wr_expr *expr, level least)
{
    char name[WR_TYPE_NAME_BYTES];
    bool parenthesised = level_of(expr) < least;

    put(w, parenthesised ? "(" : "");
    switch (expr->kind) {
    case WR_EXPR_CONST:
        write_constant(w, &expr->value);
        break;
    case WR_EXPR_COLUMN:
        write_column(w, expr->column);
        break;
    case WR_EXPR_CALL:
        write_call(w, expr);
        break;
    case WR_EXPR_AND:
    case WR_EXPR_OR:
        write_logic(w, expr);
        break;
    case WR_EXPR_CASE:
        write_case(w, expr);
        break;
    case WR_EXPR_CAST:
        put(w, expr->try_ ? "TRY_CAST(" : "CAST(");
        write_expr(w, expr->args[0], LEVEL_OR);
        put(w, " AS ");
        put(w, wr_type_format(expr->type, name));
        put(w, ")");
        break;
    }
    put(w, parenthesised ? ")" : "");
}

const char *wr_expr_format(const wr_expr *expr, const wr_schema *schema, wr_bump *bump,
                           wr_error *err)
{
    writer  w = {.schema = schema};
    wr_text text;

    wr_textbuf_init(&w.text, bump);
    write_expr(&w, expr, LEVEL_OR);
    return wr_textbuf_finish(&w.text, &text, err) == WR_OK ? text.bytes : NULL;
}
