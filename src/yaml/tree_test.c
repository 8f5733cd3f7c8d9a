/* yaml/tree_test.c — documents to trees, places, variables, aliases, limits, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse/parse_fixture.h"
#include "yaml/tree.h"

static void dump_into(wr_textbuf *out, const wr_yaml *node)
{
    bool is_map = node->kind == WR_YAML_MAP;

    if (node->kind == WR_YAML_SCALAR) {
        wr_textbuf_printf(out, node->is_null ? "null" : "%.*s", WR_TEXT_ARG(node->text));
        return;
    }
    wr_textbuf_printf(out, is_map ? "{" : "[");
    for (const wr_yaml *child = node->first; child; child = child->next) {
        if (child != node->first)
            wr_textbuf_printf(out, ", ");
        dump_into(out, child);
        if (is_map) {
            wr_textbuf_printf(out, ": ");
            child = child->next;
            dump_into(out, child);
        }
    }
    wr_textbuf_printf(out, is_map ? "}" : "]");
}

static const char *dump(parse_fixture *f, const wr_yaml *node)
{
    wr_textbuf out;
    wr_text    text;

    wr_textbuf_init(&out, &f->bump);
    dump_into(&out, node);
    assert_int_equal(wr_textbuf_finish(&out, &text, NULL), WR_OK);
    return text.bytes;
}

static bool find_variable(void *self, wr_text name, wr_text *out_value)
{
    (void)self;
    if (wr_text_equal(name, WR_TEXT("DAY")))
        *out_value = WR_TEXT("2026-01-31");
    else if (wr_text_equal(name, WR_TEXT("EMPTY")))
        *out_value = WR_TEXT("");
    else if (wr_text_equal(name, WR_TEXT("SLY")))
        *out_value = WR_TEXT("${DAY} ]}: \n- x");
    else
        return false;
    return true;
}

static const wr_variables VARIABLES = {.find = find_variable};

static wr_status parse(parse_fixture *f, const char *text, wr_yaml_file *file, wr_yaml **root)
{
    wr_error_clear(&f->err);
    return wr_yaml_parse(wr_text_of(text), "p.yaml", &VARIABLES, NULL, &f->bump, file, root,
                         &f->err);
}

static wr_yaml *parse_ok(parse_fixture *f, const char *text, wr_yaml_file *file)
{
    wr_yaml *root = NULL;

    if (parse(f, text, file, &root) != WR_OK)
        fail_msg("%s\n%s", text, f->err.message);
    return root;
}

static void documents(void **state)
{
    static const struct {
        const char *text, *dump;
    } CASES[] = {
        {"", "null"},
        {"# only a comment\n", "null"},
        {"a: 1", "{a: 1}"},
        {"\xef\xbb\xbf" "a: 1", "{a: 1}"},
        {"a: 1\r\nb:\r\n  - x\r\n", "{a: 1, b: [x]}"},
        {"a: {b: [1, 'two', \"th\\tree\"], c: }", "{a: {b: [1, two, th\tree], c: null}}"},
        {"a: ~\nb: null\nc: ''\nd: 'null'", "{a: null, b: null, c: , d: null}"},
        {"- x\n- - y\n  - z\n- k: v\n", "[x, [y, z], {k: v}]"},
        {"a: |\n  one\n  two\nb: >\n  one\n  two\n", "{a: one\ntwo\n, b: one two\n}"},
        {"a: &x [1, 2]\nb: *x\nc: [*x, *x]", "{a: [1, 2], b: [1, 2], c: [[1, 2], [1, 2]]}"},
        {"a: &x 1\nb: &x 2\nc: *x", "{a: 1, b: 2, c: 2}"},
        {"a: !!str 1\n", "{a: 1}"},
        {"---\na: 1\n...\n", "{a: 1}"},
    };
    parse_fixture *f = *state;
    wr_yaml_file   file;

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_string_equal(dump(f, parse_ok(f, CASES[i].text, &file)), CASES[i].dump);
    assert_false(wr_yaml_get(parse_ok(f, "d: 'null'", &file), "d")->is_null);
    assert_null(wr_yaml_get(parse_ok(f, "d: 1", &file), "e"));
}

static void variables(void **state)
{
    static const struct {
        const char *text, *dump;
    } CASES[] = {
        {"a: ${DAY}", "{a: 2026-01-31}"},
        {"a: 'x ${DAY} y ${DAY}'", "{a: x 2026-01-31 y 2026-01-31}"},
        {"a: [\"${NO:-fallback}\", '${EMPTY:-x}', 'a${EMPTY}b']", "{a: [fallback, x, ab]}"},
        {"a: '${NO:-}'", "{a: }"},
        {"a: '$${DAY} $$ $x $'", "{a: ${DAY} $$ $x $}"},
        {"${DAY}: 1", "{${DAY}: 1}"},
        {"# ${NO}\na: 1", "{a: 1}"},
        /* What comes in is text, whatever it looks like. */
        {"a: ${SLY}\nb: 2", "{a: ${DAY} ]}: \n- x, b: 2}"},
    };
    parse_fixture *f = *state;
    wr_yaml_file   file;

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_string_equal(dump(f, parse_ok(f, CASES[i].text, &file)), CASES[i].dump);
}

static void keep_drops_the_rest(void **state)
{
    static const char *const KEEP[] = {"settings", NULL};
    static const char        TEXT[] = "steps:\n- {a: '${NO}', b: [[*nowhere]]}\n- !odd x\n- !odd [x]\n"
                                      "x-common: &c 4MB\nsettings: {cap: *c}\nname: ${NO}\n";
    parse_fixture *f = *state;
    wr_yaml_file   file;
    wr_yaml       *root;

    if (wr_yaml_parse(WR_TEXT(TEXT), "p.yaml", &VARIABLES, KEEP, &f->bump, &file, &root,
                      &f->err) != WR_OK)
        fail_msg("%s", f->err.message);
    assert_string_equal(dump(f, root),
                        "{steps: null, x-common: 4MB, settings: {cap: 4MB}, name: null}");
}

/* --- places -------------------------------------------------------------------------------- */

static void places(void **state)
{
    static const char TEXT[] = "# \xe2\x82\xac\nsteps:\n  - op: filter\n    expr: a > b\n"
                               "  - {\"k\": \"q\xc3\xa9\", z: 'x'}\n";
    parse_fixture *f = *state;
    wr_yaml_file   file;
    const wr_yaml *steps = wr_yaml_get(parse_ok(f, TEXT, &file), "steps");
    const wr_yaml *expr = wr_yaml_get(steps->first, "expr");
    const wr_yaml *z = wr_yaml_get(steps->first->next, "z");

    assert_int_equal(steps->first->place.line, 3);
    assert_int_equal(steps->first->place.column, 5);
    assert_int_equal(expr->place.line, 4);
    assert_int_equal(expr->place.column, 11);
    assert_int_equal(z->place.line, 5);
    assert_int_equal(z->place.column, 20);
    assert_memory_equal(file.text.bytes + z->byte_offset, "'x'", 3);
}

static wr_source source_of(parse_fixture *f, const char *text, wr_yaml_file *file)
{
    return wr_yaml_source(file, wr_yaml_get(parse_ok(f, text, file), "e"));
}

static void verbatim_texts(void **state)
{
    static const struct {
        const char *text;
        bool        is_verbatim;
        uint32_t    line, column;
    } CASES[] = {
        {"e: a + b", true, 1, 4},
        {"e: 'a + b'", true, 1, 5},
        {"e: \"a + b\"", true, 1, 5},
        {"e: 'it''s'", false, 1, 4},
        {"e: \"a\\tb\"", false, 1, 4},
        {"e: a\n  + b", false, 1, 4},
        {"x: 1\ne: |\n    a\n    + b\n", true, 3, 5},
        {"e: |-\n  a\n\n  + b", true, 2, 3},
        {"e: >\n  a + b\n", true, 2, 3},
        {"e: >\n  a\n  + b\n", false, 1, 4},
        {"e: ${DAY}", false, 1, 4},
        {"e: |\r\n  a\r\n  + b\r\n", true, 2, 3},
    };
    parse_fixture *f = *state;
    wr_yaml_file   file;

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        wr_source source = source_of(f, CASES[i].text, &file);

        assert_int_equal(source.is_verbatim, CASES[i].is_verbatim);
        assert_int_equal(source.start.line, CASES[i].line);
        assert_int_equal(source.start.column, CASES[i].column);
    }
}

/* A text with a secret in it is not shown. */
static void replaced_texts_are_not_shown(void **state)
{
    parse_fixture   *f = *state;
    wr_yaml_file     file;
    wr_source        source = source_of(f, "e: a + ${DAY} )", &file);
    wr_parse_options options = {.source = &source};
    wr_ast          *expr;

    assert_int_equal(wr_parse_expr(source.text, &options, &f->bump, &expr, &f->err), WR_INVALID);
    assert_string_equal(f->err.message,
                        "p.yaml:1:4: expected an operator or the end before ')'\n"
                        "  e: a + ${DAY} )\n     ^");
}

/* --- messages and limits ------------------------------------------------------------------- */

static void messages(void **state)
{
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {"a: 1\nb: 2\na: 3", "p.yaml:3:1: key 'a' is given twice, first in line 1\n  a: 3\n  ^"},
        {"a: ${NO}",
         "p.yaml:1:4: variable 'NO' is not defined: give it with --set NO=..., in the environment, "
         "or a default with ${NO:-default}\n  a: ${NO}\n     ^"},
        {"a: ${NO", "p.yaml:1:4: malformed variable: expected ${NAME} or ${NAME:-default}; \"$${\" "
                    "stands for \"${\"\n  a: ${NO\n     ^"},
        {"a: ${1X}", "p.yaml:1:4: malformed variable: expected ${NAME} or ${NAME:-default}; "
                     "\"$${\" stands for \"${\"\n  a: ${1X}\n     ^"},
        {"a: *x", "p.yaml:1:4: unknown alias '*x' (text that begins with '*' must be in quotes)\n"
                  "  a: *x\n     ^"},
        {"a: &x [*x]", "p.yaml:1:8: alias '*x' stands inside what it repeats\n  a: &x [*x]\n"
                       "         ^"},
        {"a: !secret x", "p.yaml:1:4: tags such as !secret are not supported (text that begins with "
                         "'!' must be in quotes)\n  a: !secret x\n     ^"},
        {"[a]: 1", "p.yaml:1:1: a key must be plain text\n  [a]: 1\n  ^"},
        {"a: 1\n---\nb: 2", "p.yaml:2:1: a pipeline file holds one document only\n  ---\n  ^"},
        {"a: b: c", "p.yaml:1:5: mapping values are not allowed in this context (is the line "
                    "indented as the ones above? Text that holds ': ' must be in quotes)\n"
                    "  a: b: c\n      ^"},
        {"a: 1\nb: 'c\nd: 2\n", "p.yaml:2:4: the quote that opens here is never closed\n"
                                "  b: 'c\n     ^"},
        {"a: b\n\tc: d", "p.yaml:2:1: while scanning a plain scalar: found a tab character that "
                        "violates indentation (indent with blanks, not with tabs)\n   c: d\n  ^"},
        {"a:\n  - b: 1\n   c: 1",
         "p.yaml:3:4: while parsing a block collection: did not find expected '-' indicator (is the "
         "line indented as the ones above?)\n     c: 1\n     ^"},
        {"a:\n\t- b", "p.yaml:2:1: while scanning for the next token: found character that cannot "
                      "start any token (indent with blanks, not with tabs)\n   - b\n  ^"},
        {"a: [b, c", "p.yaml:1:9: while parsing a flow sequence: did not find expected ',' or ']'\n"
                     "  a: [b, c\n          ^"},
        {"a: \"b\\0\"", "p.yaml:1:4: zero byte in text\n  a: \"b\\0\"\n     ^"},
        {"a: \"x\xff\"", "p.yaml:1:6: invalid leading UTF-8 octet (pipeline files are UTF-8)\n"
                         "  a: \"x\xff\"\n       ^"},
        {"a: {b: ${DAY}}",
         "p.yaml:1:9: while parsing a flow mapping: did not find expected ',' or '}' (between "
         "brackets, text that holds ${...} must be in quotes)\n  a: {b: ${DAY}}\n          ^"},
        {"a: @x", "p.yaml:1:4: while scanning for the next token: found character that cannot start "
                  "any token (text that begins with this character must be in quotes)\n  a: @x\n"
                  "     ^"},
    };
    parse_fixture *f = *state;
    wr_yaml_file   file;
    wr_yaml       *root;

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(parse(f, CASES[i].text, &file, &root), WR_INVALID);
        assert_string_equal(f->err.message, CASES[i].message);
    }
}

static const char *repeated(parse_fixture *f, const char *begin, size_t count, const char *piece,
                            const char *end)
{
    wr_textbuf out;
    wr_text    text;

    wr_textbuf_init(&out, &f->bump);
    wr_textbuf_printf(&out, "%s", begin);
    for (size_t i = 0; i < count; i++)
        wr_textbuf_printf(&out, "%s", piece);
    wr_textbuf_printf(&out, "%s", end);
    assert_int_equal(wr_textbuf_finish(&out, &text, NULL), WR_OK);
    return text.bytes;
}

static void bombs_are_refused(void **state)
{
    static const char LAUGHS[] =
        "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
        "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
        "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
        "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    parse_fixture *f = *state;
    wr_yaml_file   file;
    wr_yaml       *root;

    assert_int_equal(parse(f, LAUGHS, &file, &root), WR_INVALID);
    assert_non_null(strstr(f->err.message, "more than 1000000 values, counting what aliases"));
    assert_int_equal(parse(f, repeated(f, "", 100000, "[", ""), &file, &root), WR_INVALID);
    assert_non_null(strstr(f->err.message, "p.yaml:1:65: the file is nested more than 64 levels"));
    assert_int_equal(parse(f, repeated(f, "", 100000, "{a: ", ""), &file, &root), WR_INVALID);
    assert_non_null(strstr(f->err.message, "nested more than 64 levels deep"));
    assert_int_equal(parse(f, repeated(f, "", 30000, "- ", ""), &file, &root), WR_INVALID);
    assert_non_null(strstr(f->err.message, "nested more than 64 levels deep"));
}

static void a_megabyte_is_read(void **state)
{
    parse_fixture *f = *state;
    wr_yaml_file   file;
    wr_yaml       *root = parse_ok(f, repeated(f, "a:\n", 100000, "- b: 'c'\n", ""), &file);

    assert_int_equal(wr_yaml_get(root, "a")->count, 100000);
    assert_int_equal(root->node_count, 300003);
    wr_bump_reset(&f->bump);
    root = parse_ok(f, repeated(f, "a: '", 1000000, "x", "'"), &file);
    assert_int_equal(wr_yaml_get(root, "a")->text.byte_count, 1000000);
}

static void many_keys_are_unique(void **state)
{
    parse_fixture *f = *state;
    wr_textbuf     out;
    wr_text        text;
    wr_yaml_file   file;
    wr_yaml       *root;

    wr_textbuf_init(&out, &f->bump);
    for (int i = 0; i < 50000; i++)
        wr_textbuf_printf(&out, "k%d: 1\n", i);
    wr_textbuf_printf(&out, "k777: 2\n");
    assert_int_equal(wr_textbuf_finish(&out, &text, NULL), WR_OK);
    assert_int_equal(parse(f, text.bytes, &file, &root), WR_INVALID);
    assert_non_null(strstr(f->err.message, "p.yaml:50001:1: key 'k777' is given twice, first in "
                                           "line 778"));
}

/* --- robustness ---------------------------------------------------------------------------- */

static uint64_t random_state = 7;

static uint64_t draw(uint64_t below)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

static void mutations_never_crash(void **state)
{
    static const char SEED[] = "x-a: &a {k: [1, \"two\\u20ac\", 'three', ~]}\nsteps:\n- op: scan\n"
                               "  source: ${DAY:-x}\n  text: |\n    a\n\n    b\n- *a\n# end\n";
    parse_fixture *f = *state;
    char           bytes[sizeof SEED];
    wr_yaml_file   file;
    wr_yaml       *root;

    for (int i = 0; i < 20000; i++) {
        memcpy(bytes, SEED, sizeof SEED);
        for (size_t j = 1 + draw(4); j > 0; j--)
            bytes[draw(sizeof SEED - 1)] = draw(2) ? (char)draw(256)
                                                   : "[]{}&*!|>'\"%@`:-?, \n#${}~"[draw(26)];
        if (wr_yaml_parse((wr_text){bytes, sizeof SEED - 1}, "p.yaml", &VARIABLES, NULL, &f->bump,
                          &file, &root, &f->err) == WR_OK)
            dump(f, root);
        else
            assert_memory_equal(f->err.message, "p.yaml:", 7);
        wr_bump_reset(&f->bump);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(documents),
        TEST(variables),
        TEST(keep_drops_the_rest),
        TEST(places),
        TEST(verbatim_texts),
        TEST(replaced_texts_are_not_shown),
        TEST(messages),
        TEST(bombs_are_refused),
        TEST(a_megabyte_is_read),
        TEST(many_keys_are_unique),
        TEST(mutations_never_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
