/* parse/robust_test.c — 10^5 random texts and mutations: an error or a tree, nothing else; and what
 * parses has a canonical text that parses to the same canonical text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse/parse_fixture.h"

static uint64_t random_state = 42;

static uint64_t draw(uint64_t below)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

/* Exactly sized memory, so that a sanitizer sees a byte read past the end. */
static void feed(parse_fixture *f, const char *bytes, size_t byte_count)
{
    char         *copy = test_malloc(byte_count);
    wr_text       text = {copy, byte_count};
    wr_ast       *expr;
    wr_ast_item  *items;
    wr_ast_order *order;
    uint32_t      count;
    wr_status     status;

    memcpy(copy, bytes, byte_count);
    wr_error_clear(&f->err);
    status = wr_parse_expr(text, NULL, &f->bump, &expr, &f->err);
    if (status == WR_OK) {
        const char *canonical = wr_ast_format(expr, &f->bump, NULL);
        wr_ast     *again = fixture_parse(f, canonical);

        assert_string_equal(wr_ast_format(again, &f->bump, NULL), canonical);
    } else {
        assert_int_equal(status, WR_INVALID);
        assert_true(f->err.message[0] >= '0' && f->err.message[0] <= '9');
    }
    (void)!wr_parse_items(text, NULL, &f->bump, &items, &count, NULL);
    (void)!wr_parse_order(text, NULL, &f->bump, &order, &count, NULL);
    wr_bump_reset(&f->bump);
    test_free(copy);
}

static void random_bytes(void **state)
{
    char bytes[64];

    for (int i = 0; i < 20000; i++) {
        size_t byte_count = draw(sizeof bytes);

        for (size_t j = 0; j < byte_count; j++)
            bytes[j] = (char)draw(256);
        feed(*state, bytes, byte_count);
    }
}

static void random_words(void **state)
{
    static const char *const WORDS[] = {
        "a", "b", " ", "(", ")", ",", ".", "1", "1.5", "1e3", "'x'", "\"q\"", "+", "-", "*", "/",
        "=", "<", ">", "!", "~", "|", "||", "&&", "::", "int", "AND", "OR", "NOT", "NULL", "TRUE",
        "CASE", "WHEN", "THEN", "ELSE", "END", "IS", "IN", "LIKE", "BETWEEN", "DISTINCT", "FROM",
        "CAST", "AS", "INTERVAL", "DAY", "EXTRACT", "YEAR", "TRIM", "BOTH", "POSITION", "FILTER",
        "WHERE", "ORDER", "BY", "DESC", "NULLS", "LAST", "AT", "TIME", "ZONE", "timestamp", "$$",
        "E'", "'", "\"", "/*", "*/", "--", "\n", "count(*)", "X'", "SUBSTRING", "FOR", "ESCAPE",
        "[", "]", "{", "}", ":", ":=", "->", "ARRAY", "MAP", "struct_pack(", "list<", "lambda x :",
        "struct(a int)"};
    char   bytes[512];
    size_t word_count = sizeof WORDS / sizeof WORDS[0];

    for (int i = 0; i < 40000; i++) {
        size_t used = 0;

        for (size_t j = 1 + draw(20); j > 0; j--) {
            const char *word = WORDS[draw(word_count)];

            memcpy(bytes + used, word, strlen(word));
            used += strlen(word);
            if (draw(3))
                bytes[used++] = ' ';
        }
        feed(*state, bytes, used);
    }
}

static void mutations(void **state)
{
    static const char *const SEEDS[] = {
        "CASE WHEN a > 1 AND b IS NOT NULL THEN lower(trim(BOTH 'x' FROM c)) ELSE E'\\u00e9' END",
        "sum(DISTINCT x * (1 - y)) FILTER (WHERE d BETWEEN DATE '2026-01-01' AND current_date)",
        "a NOT IN (1, 2.5, 3e4, 0xff) OR b::decimal(10, 2) !~* '^x' AND NOT c LIKE 'a!%' ESCAPE '!'",
        "EXTRACT(hour FROM ts AT TIME ZONE 'Europe/Berlin') + INTERVAL '1' DAY /* n /* m */ */",
        "\"a b\".`c` || $t$ x $t$ || X'00ff' = arg_max(a ORDER BY b DESC NULLS FIRST) -- end",
    };
    char bytes[256];

    for (int i = 0; i < 40000; i++) {
        const char *seed = SEEDS[draw(sizeof SEEDS / sizeof SEEDS[0])];
        size_t      byte_count = strlen(seed);

        memcpy(bytes, seed, byte_count);
        for (size_t j = 1 + draw(4); j > 0 && byte_count > 1; j--) {
            size_t at = draw(byte_count);

            switch (draw(4)) {
            case 0:
                bytes[at] = (char)draw(256);
                break;
            case 1:
                bytes[at] ^= (char)(1 << draw(8));
                break;
            case 2:
                memmove(bytes + at, bytes + at + 1, --byte_count - at);
                break;
            default:
                byte_count = at + 1;
            }
        }
        feed(*state, bytes, byte_count);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(random_bytes), TEST(random_words), TEST(mutations)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
