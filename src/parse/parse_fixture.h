/* parse/parse_fixture.h — for the tests of parse: a bump to parse into, and a dump of trees.
 *
 * The dump writes every member that the parser sets, fully nested: two trees are equal iff their
 * dumps are. Include cmocka's headers first. */
#ifndef WR_PARSE_FIXTURE_H
#define WR_PARSE_FIXTURE_H

#include <string.h>

#include "mem/textbuf.h"
#include "parse/parser.h"

enum { FIXTURE_PAGE_BYTES = 65536, FIXTURE_PAGES = 4096 };

typedef struct parse_fixture {
    wr_arena *arena;
    wr_lease  lease;
    wr_bump   bump;
    wr_error  err;
} parse_fixture;

static int fixture_set_up(void **state)
{
    static parse_fixture f;
    wr_lease            *leases[] = {&f.lease};

    f = (parse_fixture){0};
    assert_int_equal(wr_arena_new((uint64_t)FIXTURE_PAGES * FIXTURE_PAGE_BYTES, FIXTURE_PAGE_BYTES,
                                  &f.arena, NULL),
                     WR_OK);
    wr_lease_init(&f.lease, "plan pool", FIXTURE_PAGE_BYTES,
                  (uint64_t)FIXTURE_PAGES * FIXTURE_PAGE_BYTES, FIXTURE_PAGE_BYTES);
    assert_int_equal(wr_lease_open_all(f.arena, leases, 1, NULL), WR_OK);
    wr_bump_init(&f.bump, &f.lease);
    *state = &f;
    return 0;
}

static int fixture_tear_down(void **state)
{
    parse_fixture *f = *state;

    wr_bump_release(&f->bump);
    wr_lease_close(&f->lease);
    wr_arena_free(f->arena);
    return 0;
}

static const char *const FIXTURE_KINDS[] = {
    "null",   "bool", "int",    "dec",   "float", "str",  "typed", "col",     "star",
    "unary",  "op",   "call",   "case",  "cast",  "is",   "between", "in",    "like", "lambda"};
static const char *const FIXTURE_OPS[] = {
    "",   "or", "and", "not", "=",  "<>", "<",  "<=", ">",  ">=",   "+",    "-",     "*",
    "/",  "%",  "^",   "||",  "&",  "|",  "#",  "~",  "<<", ">>",   "neg",  "plus",  "null",
    "true", "false", "unknown", "distinct", "like", "ilike", "similar", "~", "~*", "!~", "!~*"};

static void fixture_dump_into(wr_textbuf *out, const wr_ast *node)
{
    char name[WR_TYPE_NAME_BYTES];

    if (node->kind == WR_AST_COLUMN) {
        wr_textbuf_printf(out, "%.*s%s%.*s", WR_TEXT_ARG(node->qualifier),
                          node->qualifier.byte_count ? "." : "", WR_TEXT_ARG(node->text));
        return;
    }
    wr_textbuf_printf(out, "(%s", node->kind == WR_AST_BINARY || node->kind == WR_AST_UNARY
                                      ? FIXTURE_OPS[node->op] : FIXTURE_KINDS[node->kind]);
    if (node->kind == WR_AST_IS || node->kind == WR_AST_LIKE)
        wr_textbuf_printf(out, " %s", FIXTURE_OPS[node->op]);
    if (node->kind == WR_AST_BOOL)
        wr_textbuf_printf(out, " %d", node->boolean);
    if (node->negated)
        wr_textbuf_printf(out, " not");
    if (node->symmetric)
        wr_textbuf_printf(out, " symmetric");
    if (node->try_)
        wr_textbuf_printf(out, " try");
    if (node->distinct)
        wr_textbuf_printf(out, " distinct");
    if (node->has_operand)
        wr_textbuf_printf(out, " operand");
    if (node->has_else)
        wr_textbuf_printf(out, " else");
    if (node->kind == WR_AST_CAST || node->kind == WR_AST_TYPED)
        wr_textbuf_printf(out, " <%s>", wr_type_format(node->type, name));
    if (node->text.byte_count > 0 || node->kind == WR_AST_STRING)
        wr_textbuf_printf(out, " [%.*s]", WR_TEXT_ARG(node->text));
    for (uint32_t i = 0; i < node->arg_count; i++) {
        wr_textbuf_printf(out, " ");
        fixture_dump_into(out, node->args[i]);
    }
    for (uint32_t i = 0; i < node->order_count; i++) {
        wr_textbuf_printf(out, " order%s%+d ", node->order[i].descending ? "-desc" : "",
                          node->order[i].nulls);
        fixture_dump_into(out, node->order[i].expr);
    }
    if (node->filter) {
        wr_textbuf_printf(out, " filter ");
        fixture_dump_into(out, node->filter);
    }
    wr_textbuf_printf(out, ")");
}

static inline const char *fixture_dump(parse_fixture *f, const wr_ast *node)
{
    wr_textbuf out;
    wr_text    text;

    wr_textbuf_init(&out, &f->bump);
    fixture_dump_into(&out, node);
    assert_int_equal(wr_textbuf_finish(&out, &text, NULL), WR_OK);
    return text.bytes;
}

/* Parse what must be right. */
static inline wr_ast *fixture_parse(parse_fixture *f, const char *text)
{
    wr_ast *expr = NULL;

    wr_error_clear(&f->err);
    if (wr_parse_expr(wr_text_of(text), NULL, &f->bump, &expr, &f->err) != WR_OK)
        fail_msg("%s\n%s", text, f->err.message);
    return expr;
}

#endif
