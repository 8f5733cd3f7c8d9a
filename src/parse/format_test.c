/* parse/format_test.c — canonical text, and parse(format(t)) == t on generated trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse/parse_fixture.h"

static void canonical_text(void **state)
{
    static const struct {
        const char *text, *canonical;
    } CASES[] = {
        {"((a))", "a"},
        {"(a+b)*c", "(a + b) * c"},
        {"a+(b*c)", "a + b * c"},
        {"a - (b - c)", "a - (b - c)"},
        {"(a - b) - c", "a - b - c"},
        {"a == 1 && !b", "a = 1 AND NOT b"},
        {"a != 'it''s'", "a <> 'it''s'"},
        {"(a or b) and c", "(a OR b) AND c"},
        {"not (a and b)", "NOT (a AND b)"},
        {"(not a) = b", "(NOT a) = b"},
        {"- -a", "- -a"},
        {"-(-(-a))", "- - -a"},
        {"a-(-b)", "a - -b"},
        {"-(a + b)", "-(a + b)"},
        {"-(a ^ b)", "-(a ^ b)"},
        {"(-a) ^ b", "-a ^ b"},
        {"(a = b) is null", "a = b IS NULL"},
        {"(a is null) = b", "(a IS NULL) = b"},
        {"SUM(Amount) filter (where x)", "sum(Amount) FILTER (WHERE x)"},
        {"Count(*)", "count(*)"},
        {"count(distinct \"a b\")", "count(DISTINCT \"a b\")"},
        {"`end`", "\"end\""},
        {"\"order\"", "order"},
        {"t . \"x\"", "t.x"},
        {"x::int8", "CAST(x AS Int8)"},
        {"try_cast(x as numeric(10,2))", "TRY_CAST(x AS Decimal(10, 2))"},
        {"date '2026-01-01'", "Date32 '2026-01-01'"},
        {"x'00FF'", "X'00ff'"},
        {"interval 2 hours", "Interval '2 hours'"},
        {"case a when 1 then 2 else 3 end", "CASE a WHEN 1 THEN 2 ELSE 3 END"},
        {"a not in (1,2)", "a NOT IN (1, 2)"},
        {"a between symmetric 1 and 2", "a BETWEEN SYMMETRIC 1 AND 2"},
        {"a like 'x' escape '!'", "a LIKE 'x' ESCAPE '!'"},
        {"extract(year from t)", "date_part('year', t)"},
        {"first(a order by b desc nulls last)", "first(a ORDER BY b DESC NULLS LAST)"},
        {"current_date", "current_date()"},
        {"a is not distinct from b", "a IS NOT DISTINCT FROM b"},
        {"array[1,2]", "[1, 2]"},
        {"list_value()", "[]"},
        {"struct_pack(a := 1)", "{'a': 1}"},
        {"map {'a': 1}", "map(['a'], [1])"},
        {"a [1] [2:]", "a[1][2:-1]"},
        {"(-a)[1]", "(-a)[1]"},
        {"(a.b).c", "a.b['c']"},
        {"\"array\"[1]", "\"array\"[1]"},
        {"x::int[]", "CAST(x AS List(Int32))"},
        {"f(x->(x + 1))", "f(x -> x + 1)"},
        {"f(lambda x, i : x)", "f((x, i) -> x)"},
    };
    parse_fixture *f = *state;

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_string_equal(wr_ast_format(fixture_parse(f, CASES[i].text), &f->bump, &f->err),
                            CASES[i].canonical);
}

/* --- random trees ------------------------------------------------------------------------ */

typedef struct generator {
    parse_fixture *f;
    uint64_t       state;
} generator;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(generator *g, uint64_t below)
{
    uint64_t z = g->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

static wr_text pick(generator *g, const char *const *texts, size_t count)
{
    return wr_text_of(texts[draw(g, count)]);
}
#define PICK(g, texts) pick((g), (texts), sizeof(texts) / sizeof(texts)[0])

static const char *const COLUMNS[] = {
    "a", "b", "Amount", "a b", "end", "order", "x\"y", "1st", "both", "leading", "e", "x",
    "date", "interval", "timestamp", "\xc3\xa9t\xc3\xa9", "null", "select", "``", "a.b", "$"};
static const char *const FUNCTIONS[] = {
    "f", "lower", "sum", "count", "trim", "substring", "extract", "position", "overlay", "cast",
    "try_cast", "exists", "current_date", "left", "interval", "decimal", "timestamp", "filter",
    "case", "my func", "strpos", "list_value", "struct_pack", "array_extract", "array_slice", "map"};
static const char *const STRINGS[] = {"", "x", "it's", "a\nb", "\\", "--", "/*", "\"", "$$", "100%"};
static const char *const INTEGERS[] = {"0", "1", "42", "0xff", "9223372036854775808"};
static const char *const DECIMALS[] = {"1.5", ".5", "5.", "0.060"};
static const char *const FLOATS[] = {"1e5", "1.5e-3", "5.e1"};

static wr_ast *new_node(generator *g, wr_ast_kind kind, uint32_t arg_count)
{
    wr_ast *node = WR_BUMP_NEW(&g->f->bump, wr_ast, NULL);

    assert_non_null(node);
    node->kind = kind;
    node->arg_count = arg_count;
    node->args = WR_BUMP_NEW_ARRAY(&g->f->bump, wr_ast *, arg_count, NULL);
    return node;
}

static wr_type random_type(generator *g)
{
    switch (draw(g, 8)) {
    case 0:
        return WR_TYPE(I8);
    case 1:
        return wr_type_decimal(1 + (unsigned)draw(g, 38), 0);
    case 2:
        return wr_type_timestamp((wr_time_unit)draw(g, 4), (uint32_t)draw(g, 2));
    case 3:
        return (wr_type){.logical = WR_TYPE_TIME, .unit = (uint8_t)draw(g, 4)};
    case 4:
        return WR_TYPE(BINARY);
    case 5:
        return WR_TYPE(INTERVAL);
    case 6:
        return WR_TYPE(UUID);
    default:
        return WR_TYPE(F64);
    }
}

static wr_ast *random_leaf(generator *g)
{
    static const wr_ast_kind KINDS[] = {WR_AST_NULL,    WR_AST_BOOL,  WR_AST_INTEGER,
                                        WR_AST_DECIMAL, WR_AST_FLOAT, WR_AST_STRING,
                                        WR_AST_TYPED,   WR_AST_COLUMN, WR_AST_COLUMN};
    wr_ast *node = new_node(g, KINDS[draw(g, 9)], 0);

    switch (node->kind) {
    case WR_AST_BOOL:
        node->boolean = draw(g, 2);
        break;
    case WR_AST_INTEGER:
        node->text = PICK(g, INTEGERS);
        break;
    case WR_AST_DECIMAL:
        node->text = PICK(g, DECIMALS);
        break;
    case WR_AST_FLOAT:
        node->text = PICK(g, FLOATS);
        break;
    case WR_AST_STRING:
        node->text = PICK(g, STRINGS);
        break;
    case WR_AST_TYPED:
        node->type = random_type(g);
        node->text = node->type.logical == WR_TYPE_BINARY && draw(g, 2) ? WR_TEXT("\\x00ff")
                                                                        : PICK(g, STRINGS);
        break;
    case WR_AST_COLUMN:
        node->text = PICK(g, COLUMNS);
        if (draw(g, 4) == 0)
            node->qualifier = PICK(g, COLUMNS);
        break;
    default:
        break;
    }
    return node;
}

static wr_ast *random_tree(generator *g, unsigned depth);

static wr_ast *with_args(generator *g, wr_ast_kind kind, uint32_t arg_count, unsigned depth)
{
    wr_ast *node = new_node(g, kind, arg_count);

    for (uint32_t i = 0; i < arg_count; i++)
        node->args[i] = random_tree(g, depth - 1);
    return node;
}

static wr_ast *random_call(generator *g, unsigned depth)
{
    wr_ast *node = with_args(g, WR_AST_CALL, (uint32_t)draw(g, 4), depth);

    node->text = PICK(g, FUNCTIONS);
    /* Calls with words between their arguments take no DISTINCT, ORDER BY or FILTER. */
    if (!wr_text_equal(node->text, WR_TEXT("f")) && !wr_text_equal(node->text, WR_TEXT("sum"))) {
        if (node->arg_count == 0)
            node->text = WR_TEXT("f");
        return node;
    }
    node->distinct = node->arg_count > 0 && draw(g, 3) == 0;
    if (draw(g, 3) == 0)
        node->filter = random_tree(g, depth - 1);
    if (node->arg_count > 0 && draw(g, 3) == 0) {
        node->within_group = draw(g, 3) == 0;
        node->order_count = 1 + (uint32_t)draw(g, 2);
        node->order = WR_BUMP_NEW_ARRAY(&g->f->bump, wr_ast_order, node->order_count, NULL);
        for (uint32_t i = 0; i < node->order_count; i++)
            node->order[i] = (wr_ast_order){.expr = random_tree(g, depth - 1),
                                            .descending = draw(g, 2),
                                            .nulls = (int8_t)((int)draw(g, 3) - 1)};
    }
    return node;
}

static wr_ast *random_binary(generator *g, unsigned depth)
{
    static const wr_ast_op OPS[] = {
        WR_OP_OR,      WR_OP_AND,       WR_OP_EQ,       WR_OP_NE,        WR_OP_LT,
        WR_OP_LE,      WR_OP_GT,        WR_OP_GE,       WR_OP_ADD,       WR_OP_SUB,
        WR_OP_MUL,     WR_OP_DIV,       WR_OP_MOD,      WR_OP_POW,       WR_OP_CONCAT,
        WR_OP_BIT_AND, WR_OP_BIT_OR,    WR_OP_BIT_XOR,  WR_OP_SHIFT_LEFT, WR_OP_SHIFT_RIGHT,
        WR_OP_REGEX,   WR_OP_REGEX_NOCASE, WR_OP_NOT_REGEX, WR_OP_NOT_REGEX_NOCASE};
    wr_ast_op op = OPS[draw(g, sizeof OPS / sizeof OPS[0])];
    bool      is_logic = op == WR_OP_AND || op == WR_OP_OR;
    wr_ast   *node = with_args(g, WR_AST_BINARY, is_logic ? 2 + (uint32_t)draw(g, 3) : 2, depth);

    node->op = op;
    return node;
}

static wr_ast *random_inner(generator *g, unsigned depth)
{
    static const wr_ast_op UNARY[] = {WR_OP_NOT, WR_OP_NEG, WR_OP_PLUS, WR_OP_BIT_NOT};
    static const wr_ast_op LIKE[] = {WR_OP_LIKE, WR_OP_ILIKE, WR_OP_SIMILAR};
    wr_ast *node;

    switch (draw(g, 12)) {
    case 0:
    case 1:
        node = with_args(g, WR_AST_UNARY, 1, depth);
        node->op = UNARY[draw(g, 4)];
        return node;
    case 2:
        return random_call(g, depth);
    case 3: {
        bool     has_operand = draw(g, 2), has_else = draw(g, 2);
        uint32_t pairs = 1 + (uint32_t)draw(g, 2);

        node = with_args(g, WR_AST_CASE, has_operand + 2 * pairs + has_else, depth);
        node->has_operand = has_operand;
        node->has_else = has_else;
        return node;
    }
    case 4:
        node = with_args(g, WR_AST_CAST, 1, depth);
        node->type = random_type(g);
        node->try_ = draw(g, 2);
        return node;
    case 5: {
        wr_ast_op op = (wr_ast_op)(WR_OP_IS_NULL + draw(g, 5));

        node = with_args(g, WR_AST_IS, op == WR_OP_IS_DISTINCT ? 2 : 1, depth);
        node->op = op;
        break;
    }
    case 6:
        node = with_args(g, WR_AST_BETWEEN, 3, depth);
        node->symmetric = draw(g, 2);
        break;
    case 7:
        node = with_args(g, WR_AST_IN, 2 + (uint32_t)draw(g, 3), depth);
        break;
    case 8:
        node = with_args(g, WR_AST_LIKE, 2 + (uint32_t)draw(g, 2), depth);
        node->op = LIKE[draw(g, 3)];
        break;
    default:
        return random_binary(g, depth);
    }
    node->negated = draw(g, 2);
    return node;
}

static wr_ast *random_tree(generator *g, unsigned depth)
{
    return depth == 0 || draw(g, 4) == 0 ? random_leaf(g) : random_inner(g, depth);
}

static void parse_of_format_is_the_same_tree(void **state)
{
    parse_fixture *f = *state;
    generator      g = {.f = f, .state = 20260101};

    for (int i = 0; i < 20000; i++) {
        wr_ast     *tree = random_tree(&g, 1 + (unsigned)draw(&g, 6));
        const char *text = wr_ast_format(tree, &f->bump, NULL);
        const char *dump = fixture_dump(f, tree);
        wr_ast     *again = fixture_parse(f, text);

        if (strcmp(fixture_dump(f, again), dump) != 0)
            fail_msg("%s\n  is       %s\n  came back %s", text, dump, fixture_dump(f, again));
        assert_string_equal(wr_ast_format(again, &f->bump, NULL), text);
        wr_bump_reset(&f->bump);
    }
}

static void a_spent_pool_is_reported(void **state)
{
    parse_fixture *f = *state;
    wr_ast        *tree = fixture_parse(f, "a + b");

    while (wr_bump_try_alloc(&f->bump, 4096))
        continue;
    while (wr_bump_try_alloc(&f->bump, 16))
        continue;
    assert_null(wr_ast_format(tree, &f->bump, &f->err));
    assert_int_equal(f->err.status, WR_NO_MEMORY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(canonical_text),
        TEST(parse_of_format_is_the_same_tree),
        TEST(a_spent_pool_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
