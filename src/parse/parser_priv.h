/* parse/parser_priv.h — what the files of the parser share. */
#ifndef WR_BUILDING_PARSE
#error "parse/parser_priv.h is private to src/parse"
#endif
#ifndef WR_PARSE_PARSER_PRIV_H
#define WR_PARSE_PARSER_PRIV_H

#include "parse/lexer.h"
#include "parse/parser.h"

/* PostgreSQL's table of precedence, loosest first. An operand is parsed with the least level that
 * its operator lets in; PREC_ANY lets everything in. format.c places parentheses by it. */
enum {
    PREC_NONE,
    PREC_OR,
    PREC_AND,
    PREC_NOT,
    PREC_IS,
    PREC_COMPARE, /* do not chain                                */
    PREC_LIKE,    /* BETWEEN IN LIKE ILIKE SIMILAR: do not chain */
    PREC_OTHER,   /* || | & # << >> ~ ~* !~ !~* and prefix ~     */
    PREC_ADD,
    PREC_MUL,
    PREC_POW,     /* from the left, as in PostgreSQL             */
    PREC_AT,
    PREC_SIGN,    /* prefix - + !                                */
    PREC_CAST,
    PREC_PRIMARY,
    PREC_ANY = PREC_OR,
};

typedef struct parser {
    wr_lexer  lexer;
    wr_token  token;      /* the one to look at next        */
    wr_source source;
    wr_bump  *bump;
    uint32_t  nesting;    /* calls of wr_parser_expr under way */
    bool      double_pipe_is_or;
} parser;

/* A list of nodes under construction; doubles in the bump, so appending is linear in all. */
typedef struct node_list {
    wr_ast **items;
    uint32_t count, capacity;
} node_list;

/* parser.c: moving on */
wr_status wr_parser_next(parser *p, wr_error *err) WR_MUST_USE;
/** The token behind the current one; nothing moves. */
wr_status wr_parser_peek(const parser *p, wr_token *out_token, wr_error *err) WR_MUST_USE;
wr_status wr_parser_expect(parser *p, wr_token_kind kind, const char *what,
                           wr_error *err) WR_MUST_USE;
wr_status wr_parser_expect_keyword(parser *p, wr_keyword keyword, const char *what,
                                   wr_error *err) WR_MUST_USE;
/** Move on if the current token is this keyword; `word` compares words that are no keywords. */
wr_status wr_parser_accept(parser *p, wr_keyword keyword, bool *out_taken,
                           wr_error *err) WR_MUST_USE;
bool      wr_token_is_word(const wr_token *token, const char *word);

/* parser.c: failing. All return WR_INVALID with a located message. */
wr_status wr_parser_fail(const parser *p, wr_place place, wr_error *err, const char *format, ...)
    WR_PRINTF(4, 5);
wr_status wr_parser_fail_expected(const parser *p, const char *what, wr_error *err);

/* infix.c: level of an operator between two operands; PREC_NONE: it does not stand there. */
int wr_operator_prec(wr_ast_op op);
/** Level of the current token as an infix or postfix operator; PREC_NONE: it is none. */
int wr_parser_infix_prec(const parser *p);
/** The operator of that level and what follows it. */
wr_status wr_parser_infix(parser *p, int prec, wr_ast **io_left, wr_error *err) WR_MUST_USE;

/* parser.c: building */
wr_ast   *wr_parser_node(parser *p, wr_ast_kind kind, wr_place place, wr_error *err);
wr_status wr_parser_append(parser *p, node_list *list, wr_ast *node, wr_error *err) WR_MUST_USE;
/** Set the children and the depth of a node that is complete otherwise. */
wr_status wr_parser_seal(parser *p, wr_ast *node, wr_ast **args, uint32_t arg_count,
                         wr_error *err) WR_MUST_USE;
/** A node over one to three operands (NULL after the last). */
wr_status wr_parser_make(parser *p, wr_ast_kind kind, wr_ast_op op, wr_place place,
                         wr_ast *const operands[3], wr_ast **out_node, wr_error *err) WR_MUST_USE;
wr_status wr_parser_expr(parser *p, int prec_min, wr_ast **out_expr, wr_error *err) WR_MUST_USE;
wr_status wr_parser_order_list(parser *p, wr_ast_order **out_items, uint32_t *out_count,
                               wr_error *err) WR_MUST_USE;

/* parser.c: entry; an entry of a select list */
wr_status wr_parser_begin(parser *p, wr_text text, const wr_parse_options *options, wr_bump *bump,
                          wr_error *err) WR_MUST_USE;
wr_status wr_parser_item(parser *p, wr_ast_item *out_item, wr_error *err) WR_MUST_USE;

/* primary.c */
wr_status wr_parser_primary(parser *p, wr_ast **out_expr, wr_error *err) WR_MUST_USE;
/** The type of a CAST or TYPED, from the current token on. */
wr_status wr_parser_type(parser *p, wr_ast *node, wr_error *err) WR_MUST_USE;
/** A function call whose name has been read; the current token is '('. */
wr_status wr_parser_call(parser *p, const wr_token *name, wr_ast **out_expr,
                         wr_error *err) WR_MUST_USE;

/* nested.c: values of nested types, and what looks into them, become calls; lambdas. */
wr_status wr_parser_list(parser *p, wr_ast **out_expr, wr_error *err) WR_MUST_USE;
wr_status wr_parser_struct(parser *p, wr_ast **out_expr, wr_error *err) WR_MUST_USE;
wr_status wr_parser_map(parser *p, wr_ast **out_expr, wr_error *err) WR_MUST_USE;
/** x[i], x[i:j] and x.name; the current token is '[' or '.'. */
wr_status wr_parser_subscript(parser *p, wr_ast **io_left, wr_error *err) WR_MUST_USE;
wr_status wr_parser_field(parser *p, wr_ast **io_left, wr_error *err) WR_MUST_USE;
/** An argument of the call `name`: an expression, a lambda, or "x := value", which is two. */
wr_status wr_parser_argument(parser *p, wr_text name, node_list *list, wr_error *err) WR_MUST_USE;

/* over.c: IGNORE NULLS or RESPECT NULLS, inside a call or behind it; OVER (...) behind it. */
wr_status wr_parser_nulls(parser *p, wr_ast *node, wr_error *err) WR_MUST_USE;
wr_status wr_parser_over(parser *p, wr_ast *node, wr_error *err) WR_MUST_USE;

/* special.c: forms with words between their arguments; the current token is behind '('.
 * *out_expr stays NULL when `name` is no such form. */
wr_status wr_parser_special(parser *p, const wr_token *name, wr_ast **out_expr,
                            wr_error *err) WR_MUST_USE;

#endif
