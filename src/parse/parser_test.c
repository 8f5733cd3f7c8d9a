/* parse/parser_test.c — every production, PostgreSQL's precedence, lists, messages, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "parse/parse_fixture.h"

typedef struct parse_case {
    const char *text, *dump;
} parse_case;

static void expect_dumps(void **state, const parse_case *cases, size_t case_count)
{
    parse_fixture *f = *state;

    for (size_t i = 0; i < case_count; i++) {
        const char *dump = fixture_dump(f, fixture_parse(f, cases[i].text));

        if (strcmp(dump, cases[i].dump) != 0)
            fail_msg("%s\n  gave     %s\n  expected %s", cases[i].text, dump, cases[i].dump);
    }
}

#define EXPECT_DUMPS(cases) expect_dumps(state, cases, sizeof cases / sizeof cases[0])

static void literals(void **state)
{
    static const parse_case CASES[] = {
        {"NULL", "(null)"},
        {"true", "(bool 1)"},
        {"False", "(bool 0)"},
        {"0", "(int [0])"},
        {"1_000_000", "(int [1000000])"},
        {"0xFF", "(int [0xFF])"},
        {"0b1010", "(int [0b1010])"},
        {"0o17", "(int [0o17])"},
        {"1.50", "(dec [1.50])"},
        {".5", "(dec [.5])"},
        {"5.", "(dec [5.])"},
        {"1_0.2_5", "(dec [10.25])"},
        {"1e5", "(float [1e5])"},
        {"1.5E-3", "(float [1.5E-3])"},
        {".5e+1", "(float [.5e+1])"},
        {"''", "(str [])"},
        {"'it''s'", "(str [it's])"},
        {"'a\nb'", "(str [a\nb])"},
        {"E'a\\tb\\n\\\\ \\'q\\' \\x41 \\101 \\u00e9 \\U0001F600 ''x'''", "(str [a\tb\n\\ 'q' A A \xc3\xa9 \xf0\x9f\x98\x80 'x'])"},
        {"'back\\slash'", "(str [back\\slash])"},
        {"$$it's$$", "(str [it's])"},
        {"$a$ $$ $b$ $a$", "(str [ $$ $b$ ])"},
        {"X'DEADbeef'", "(typed <Binary> [\\xdeadbeef])"},
        {"DATE '2026-01-31'", "(typed <Date32> [2026-01-31])"},
        {"timestamp '2026-01-31 12:00'", "(typed <Timestamp(us)> [2026-01-31 12:00])"},
        {"TIMESTAMP WITH TIME ZONE 'x'", "(typed <Timestamp(us, UTC)> [x])"},
        {"timestamp(3) without time zone 'x'", "(typed <Timestamp(ms)> [x])"},
        {"Timestamp(ns, UTC) 'x'", "(typed <Timestamp(ns, UTC)> [x])"},
        {"double precision '1.5'", "(typed <Float64> [1.5])"},
        {"decimal(10, 2) '1.5'", "(typed <Decimal(10, 2)> [1.5])"},
        {"INTERVAL '1 day'", "(typed <Interval> [1 day])"},
        {"INTERVAL '90' MINUTE", "(typed <Interval> [90 MINUTE])"},
        {"INTERVAL 3 DAYS", "(typed <Interval> [3 DAYS])"},
    };

    EXPECT_DUMPS(CASES);
}

static void names(void **state)
{
    static const parse_case CASES[] = {
        {"a", "a"},
        {"Amount", "Amount"},
        {"_x$1", "_x$1"},
        {"gr\xc3\xb6\xc3\x9f""e", "gr\xc3\xb6\xc3\x9f""e"},
        {"\"a b\"", "a b"},
        {"\"a\"\"b\"", "a\"b"},
        {"`a\"b`", "a\"b"},
        {"`a``b`", "a`b"},
        {"t.x", "t.x"},
        {"left.id", "left.id"},
        {"\"my table\".\"end\"", "my table.end"},
        {"t.end", "t.end"},
        /* What data calls its columns, and what PostgreSQL would reserve. */
        {"order + group + user + limit", "(+ (+ (+ order group) user) limit)"},
        {"date", "date"},
        {"time + timestamp", "(+ time timestamp)"},
        {"interval", "interval"},
        {"first", "first"},
        {"filter", "filter"},
        {"decimal (1)", "(call [decimal] (int [1]))"},
        {"e", "e"},
        {"x", "x"},
    };

    EXPECT_DUMPS(CASES);
}

static void operators(void **state)
{
    static const parse_case CASES[] = {
        {"a OR b or c", "(or a b c)"},
        {"a AND b && c", "(and a b c)"},
        {"(a AND b) AND c", "(and (and a b) c)"},
        {"a AND b OR c AND d", "(or (and a b) (and c d))"},
        {"NOT a", "(not a)"},
        {"!a", "(not a)"},
        {"! a AND b", "(and (not a) b)"},
        {"a = 1", "(= a (int [1]))"},
        {"a == 1", "(= a (int [1]))"},
        {"a <> 1", "(<> a (int [1]))"},
        {"a != 1", "(<> a (int [1]))"},
        {"a<b", "(< a b)"},
        {"a<=b", "(<= a b)"},
        {"a>b", "(> a b)"},
        {"a>=b", "(>= a b)"},
        {"a<-1", "(< a (neg (int [1])))"},
        {"a + b - c", "(- (+ a b) c)"},
        {"a * b / c % d", "(% (/ (* a b) c) d)"},
        {"a ^ b ^ c", "(^ (^ a b) c)"},
        {"a || b || 'x'", "(|| (|| a b) (str [x]))"},
        {"a & b | c # d", "(# (| (& a b) c) d)"},
        {"a << 1 >> 2", "(>> (<< a (int [1])) (int [2]))"},
        {"~a", "(~ a)"},
        {"-a", "(neg a)"},
        {"+a", "(plus a)"},
        {"- -a", "(neg (neg a))"},
        {"a - -1", "(- a (neg (int [1])))"},
        {"a ~ 'x'", "(~ a (str [x]))"},
        {"a ~* 'x'", "(~* a (str [x]))"},
        {"a !~ 'x'", "(!~ a (str [x]))"},
        {"a !~* 'x'", "(!~* a (str [x]))"},
        {"a IS NULL", "(is null a)"},
        {"a IS NOT NULL", "(is null not a)"},
        {"a ISNULL", "(is null a)"},
        {"a NOTNULL", "(is null not a)"},
        {"a IS TRUE", "(is true a)"},
        {"a IS NOT FALSE", "(is false not a)"},
        {"a IS UNKNOWN", "(is unknown a)"},
        {"a IS DISTINCT FROM b", "(is distinct a b)"},
        {"a IS NOT DISTINCT FROM b + 1", "(is distinct not a (+ b (int [1])))"},
        {"a BETWEEN 1 AND 2", "(between a (int [1]) (int [2]))"},
        {"a NOT BETWEEN SYMMETRIC b AND c", "(between not symmetric a b c)"},
        {"a BETWEEN ASYMMETRIC b AND c AND d", "(and (between a b c) d)"},
        {"a IN (1)", "(in a (int [1]))"},
        {"a NOT IN ('x', b, NULL)", "(in not a (str [x]) b (null))"},
        {"a LIKE 'x%'", "(like like a (str [x%]))"},
        {"a NOT ILIKE b || '%'", "(like ilike not a (|| b (str [%])))"},
        {"a LIKE 'x' ESCAPE '!'", "(like like a (str [x]) (str [!]))"},
        {"a SIMILAR TO 'x'", "(like similar a (str [x]))"},
        {"a::int", "(cast <Int32> a)"},
        {"-1::bigint", "(neg (cast <Int64> (int [1])))"},
        {"a::decimal(10,2)::text", "(cast <Utf8> (cast <Decimal(10, 2)> a))"},
        {"a::timestamp with time zone", "(cast <Timestamp(us, UTC)> a)"},
        {"a::timestamp AT TIME ZONE 'UTC'", "(call [timezone] (str [UTC]) (cast <Timestamp(us)> a))"},
        {"a AT TIME ZONE 'x' AT TIME ZONE 'y'",
         "(call [timezone] (str [y]) (call [timezone] (str [x]) a))"},
        {"CAST(a + 1 AS double precision)", "(cast <Float64> (+ a (int [1])))"},
        {"TRY_CAST(a AS character varying(20))", "(cast try <Utf8> a)"},
    };

    EXPECT_DUMPS(CASES);
}

static void calls(void **state)
{
    static const parse_case CASES[] = {
        {"now()", "(call [now])"},
        {"LOWER(a)", "(call [lower] a)"},
        {"left(a, 3)", "(call [left] a (int [3]))"},
        {"f(a, g(b), 1 + 2)", "(call [f] a (call [g] b) (+ (int [1]) (int [2])))"},
        {"count(*)", "(call [count] (star))"},
        {"count(DISTINCT a)", "(call distinct [count] a)"},
        {"sum(a) FILTER (WHERE b > 0)", "(call [sum] a filter (> b (int [0])))"},
        {"first(a ORDER BY b DESC NULLS LAST, c ASC, d NULLS FIRST)",
         "(call [first] a order-desc+1 b order+0 c order-1 d)"},
        {"CURRENT_DATE", "(call [current_date])"},
        {"current_timestamp", "(call [current_timestamp])"},
        {"EXTRACT(YEAR FROM ts)", "(call [date_part] (str [YEAR]) ts)"},
        {"extract('hour' FROM a + b)", "(call [date_part] (str [hour]) (+ a b))"},
        {"SUBSTRING(a FROM 2 FOR 3)", "(call [substring] a (int [2]) (int [3]))"},
        {"SUBSTRING(a FROM 2)", "(call [substring] a (int [2]))"},
        {"SUBSTRING(a FOR 3)", "(call [substring] a (int [1]) (int [3]))"},
        {"substring(a, 2, 3)", "(call [substring] a (int [2]) (int [3]))"},
        {"POSITION('x' IN a)", "(call [strpos] a (str [x]))"},
        {"position(a, b)", "(call [position] a b)"},
        {"TRIM(a)", "(call [trim] a)"},
        {"TRIM(a, 'x')", "(call [trim] a (str [x]))"},
        {"TRIM(BOTH 'x' FROM a)", "(call [btrim] a (str [x]))"},
        {"TRIM(LEADING FROM a)", "(call [ltrim] a)"},
        {"TRIM(TRAILING 'x' FROM a)", "(call [rtrim] a (str [x]))"},
        {"TRIM('x' FROM a)", "(call [btrim] a (str [x]))"},
        {"TRIM(both)", "(call [trim] both)"},
        {"OVERLAY(a PLACING 'x' FROM 2 FOR 3)",
         "(call [overlay] a (str [x]) (int [2]) (int [3]))"},
        {"overlay(a, b, 1)", "(call [overlay] a b (int [1]))"},
        {"\"Trim\"(a)", "(call [trim] a)"},
        {"CASE WHEN a THEN 1 END", "(case a (int [1]))"},
        {"CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END",
         "(case else a (int [1]) b (int [2]) (int [3]))"},
        {"CASE a WHEN 1 THEN 'x' ELSE 'y' END",
         "(case operand else a (int [1]) (str [x]) (str [y]))"},
        {"a -- comment\n + /* nested /* comment */ */ b", "(+ a b)"},
    };

    EXPECT_DUMPS(CASES);
}

/* --- precedence -------------------------------------------------------------------------- */

/* "Table 4.2. Operator Precedence (highest to lowest)" of PostgreSQL's manual, binary operators;
 * "(any other operator)" is level 5 here, comparisons do not associate. */
static const struct {
    const char *spelling, *dump;
    int         level;
    bool        chains;
} BINARY[] = {
    {"^", "^", 8, true},   {"*", "*", 7, true},   {"/", "/", 7, true},   {"%", "%", 7, true},
    {"+", "+", 6, true},   {"-", "-", 6, true},   {"||", "||", 5, true}, {"&", "&", 5, true},
    {"|", "|", 5, true},   {"#", "#", 5, true},   {"<<", "<<", 5, true}, {">>", ">>", 5, true},
    {"~", "~", 5, true},   {"!~*", "!~*", 5, true}, {"LIKE", NULL, 4, false},
    {"<", "<", 3, false},  {">", ">", 3, false},  {"=", "=", 3, false},  {"<=", "<=", 3, false},
    {">=", ">=", 3, false}, {"<>", "<>", 3, false}, {"AND", "and", 2, true}, {"OR", "or", 1, true},
};

static void put_pair(char *out, size_t out_bytes, size_t i, const char *left, const char *right)
{
    if (BINARY[i].dump)
        snprintf(out, out_bytes, "(%s %s %s)", BINARY[i].dump, left, right);
    else
        snprintf(out, out_bytes, "(like like %s %s)", left, right);
}

static void nested_values(void **state)
{
    static const parse_case CASES[] = {
        {"[1, NULL]", "(call [list_value] (int [1]) (null))"},
        {"[]", "(call [list_value])"},
        {"ARRAY[a]", "(call [list_value] a)"},
        {"\"array\"[1]", "(call [array_extract] array (int [1]))"},
        {"{'a': 1, b: x, \"c d\": 2}",
         "(call [struct_pack] (str [a]) (int [1]) (str [b]) x (str [c d]) (int [2]))"},
        {"struct_pack(a := 1, b := x)",
         "(call [struct_pack] (str [a]) (int [1]) (str [b]) x)"},
        {"MAP {'k': 1, x: 2}", "(call [map] (call [list_value] (str [k]) x) "
                               "(call [list_value] (int [1]) (int [2])))"},
        {"MAP {}", "(call [map] (call [list_value]) (call [list_value]))"},
        {"map(a, b)", "(call [map] a b)"},
        {"a[1]", "(call [array_extract] a (int [1]))"},
        {"-a[1]::int", "(neg (cast <Int32> (call [array_extract] a (int [1]))))"},
        {"a[b][c]", "(call [array_extract] (call [array_extract] a b) c)"},
        {"a[2:b]", "(call [array_slice] a (int [2]) b)"},
        {"a[:-2]", "(call [array_slice] a (int [1]) (neg (int [2])))"},
        {"a[2:]", "(call [array_slice] a (int [2]) (neg (int [1])))"},
        {"a[:]", "(call [array_slice] a (int [1]) (neg (int [1])))"},
        {"a[-:-]", "(call [array_slice] a (int [1]) (neg (int [1])))"},
        {"a[2:-1:b]", "(call [array_slice] a (int [2]) (neg (int [1])) b)"},
        {"a[:-:2]", "(call [array_slice] a (neg (int [9223372036854775807])) (int [9223372036854775807])"
                    " (int [2]))"},
        {"a.b", "a.b"},
        {"a.b.c", "(call [array_extract] a.b (str [c]))"},
        {"a.b.c.\"D e\"", "(call [array_extract] (call [array_extract] a.b (str [c])) (str [D e]))"},
        {"a[1].b", "(call [array_extract] (call [array_extract] a (int [1])) (str [b]))"},
        {"(a).b", "(call [array_extract] a (str [b]))"},
        {"a['b']", "(call [array_extract] a (str [b]))"},
        {"a::int[]", "(cast <List(Int32)> a)"},
        {"a::int[3][]", "(cast <List(List(Int32))> a)"},
        {"a::text[2:3]", "(call [array_slice] (cast <Utf8> a) (int [2]) (int [3]))"},
        {"CAST(a AS STRUCT(a INT, \"b c\" TEXT[]))",
         "(cast <Struct(a Int32, \"b c\" List(Utf8))> a)"},
        {"a::list<list<int>>", "(cast <List(List(Int32))> a)"},
        {"a::map(text, decimal(10, 2)) = b", "(= (cast <Map(Utf8, Decimal(10, 2))> a) b)"},
        {"struct(a int) '{}'", "(typed <Struct(a Int32)> [{}])"},
        {"a::int < 3", "(< (cast <Int32> a) (int [3]))"},
        {"f(a, x -> x + 1)", "(call [f] a (lambda x (+ x (int [1]))))"},
        {"f((x, i) -> x)", "(call [f] (lambda x i x))"},
        {"f(lambda x, i: x, 2)", "(call [f] (lambda x i x) (int [2]))"},
        {"f((x), lambda)", "(call [f] x lambda)"},
        {"f(a, x -> g(x, y -> y))", "(call [f] a (lambda x (call [g] x (lambda y y))))"},
    };

    expect_dumps(state, CASES, sizeof CASES / sizeof CASES[0]);
}

static void precedence_of_pairs(void **state)
{
    enum { COUNT = sizeof BINARY / sizeof BINARY[0] };
    parse_fixture *f = *state;

    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < COUNT; j++) {
            char    text[64], inner[64], expected[128];
            wr_ast *expr;
            bool    flat = i == j && BINARY[i].level <= 2;

            snprintf(text, sizeof text, "a %s b %s c", BINARY[i].spelling, BINARY[j].spelling);
            if (BINARY[i].level == BINARY[j].level && !BINARY[i].chains) {
                assert_int_equal(wr_parse_expr(wr_text_of(text), NULL, &f->bump, &expr, &f->err),
                                 WR_INVALID);
                continue;
            }
            if (flat) {
                snprintf(expected, sizeof expected, "(%s a b c)", BINARY[i].dump);
            } else if (BINARY[i].level >= BINARY[j].level) {
                put_pair(inner, sizeof inner, i, "a", "b");
                put_pair(expected, sizeof expected, j, inner, "c");
            } else {
                put_pair(inner, sizeof inner, j, "b", "c");
                put_pair(expected, sizeof expected, i, "a", inner);
            }
            assert_string_equal(fixture_dump(f, fixture_parse(f, text)), expected);
        }
}

static void precedence_of_the_rest(void **state)
{
    static const parse_case CASES[] = {
        /* signs above ^, :: above signs, AT TIME ZONE between */
        {"-2 ^ 2", "(^ (neg (int [2])) (int [2]))"},
        {"-a::int", "(neg (cast <Int32> a))"},
        {"a ^ b::int", "(^ a (cast <Int32> b))"},
        {"a + b AT TIME ZONE 'x'", "(+ a (call [timezone] (str [x]) b))"},
        {"-a AT TIME ZONE 'x'", "(call [timezone] (str [x]) (neg a))"},
        /* prefix ~ is "any other operator" */
        {"~a + b", "(~ (+ a b))"},
        {"~a | b", "(| (~ a) b)"},
        {"a + ~b * c", "(+ a (~ (* b c)))"},
        /* IS below comparisons, above NOT */
        {"a = b IS NULL", "(is null (= a b))"},
        {"NOT a IS NULL", "(not (is null a))"},
        {"a IS NULL AND b", "(and (is null a) b)"},
        {"a IS NULL IS NOT NULL", "(is null not (is null a))"},
        {"a IS DISTINCT FROM b = c", "(is distinct a (= b c))"},
        {"a + 1 IS NULL", "(is null (+ a (int [1])))"},
        /* BETWEEN, IN, LIKE above comparisons, below other operators */
        {"a BETWEEN b + 1 AND c || d", "(between a (+ b (int [1])) (|| c d))"},
        {"a = b BETWEEN c AND d", "(= a (between b c d))"},
        {"a BETWEEN b AND c = d", "(= (between a b c) d)"},
        {"a || b IN (c)", "(in (|| a b) c)"},
        {"NOT a IN (b)", "(not (in a b))"},
        {"NOT a LIKE b OR c", "(or (not (like like a b)) c)"},
        {"a IN (b) IS TRUE", "(is true (in a b))"},
        /* NOT above AND */
        {"NOT a AND b", "(and (not a) b)"},
        {"NOT a = b", "(not (= a b))"},
        {"NOT NOT a", "(not (not a))"},
        {"a + NOT b AND c", "(and (+ a (not b)) c)"},
        {"(a + b) * c", "(* (+ a b) c)"},
        {"a - (b - c)", "(- a (- b c))"},
    };

    EXPECT_DUMPS(CASES);
}

static void double_pipe_can_be_or(void **state)
{
    parse_fixture         *f = *state;
    const wr_parse_options em_root = {.double_pipe_is_or = true};
    wr_ast                *expr;

    assert_int_equal(wr_parse_expr(WR_TEXT("a > 1 || b == 2 && !c || d"), &em_root, &f->bump, &expr,
                                   &f->err),
                     WR_OK);
    assert_string_equal(fixture_dump(f, expr),
                        "(or (> a (int [1])) (and (= b (int [2])) (not c)) d)");
}

/* --- lists ------------------------------------------------------------------------------- */

static void select_lists(void **state)
{
    parse_fixture *f = *state;
    wr_ast_item   *items;
    uint32_t       count;

    assert_int_equal(wr_parse_items(WR_TEXT("a, b + 1 AS c, d \"e f\", *, count(*) n, x AS end, y z"),
                                    NULL, &f->bump, &items, &count, &f->err),
                     WR_OK);
    assert_int_equal(count, 7);
    static const char *const ALIASES[] = {"", "c", "e f", "", "n", "end", "z"};
    static const char *const DUMPS[] = {"a",      "(+ b (int [1]))", "d", "(star)",
                                        "(call [count] (star))", "x", "y"};
    for (uint32_t i = 0; i < count; i++) {
        assert_true(wr_text_equal(items[i].alias, wr_text_of(ALIASES[i])));
        assert_string_equal(fixture_dump(f, items[i].expr), DUMPS[i]);
    }
}

static void order_lists(void **state)
{
    parse_fixture *f = *state;
    wr_ast_order  *items;
    uint32_t       count;

    assert_int_equal(wr_parse_order(WR_TEXT("a DESC NULLS LAST, lower(b), c ASC NULLS FIRST, desc DESC"),
                                    NULL, &f->bump, &items, &count, &f->err),
                     WR_OK);
    assert_int_equal(count, 4);
    assert_true(items[0].descending && items[0].nulls == 1);
    assert_true(!items[1].descending && items[1].nulls == 0);
    assert_string_equal(fixture_dump(f, items[1].expr), "(call [lower] b)");
    assert_true(!items[2].descending && items[2].nulls == -1);
    assert_true(items[3].descending && items[3].nulls == 0);
    assert_string_equal(fixture_dump(f, items[3].expr), "desc");
}

/* --- messages ---------------------------------------------------------------------------- */

typedef struct error_case {
    const char *text, *message;
} error_case;

static const error_case ERRORS[] = {
    {"", "1:1: expected an expression at the end"},
    {"a +", "1:4: expected an expression at the end\n  a +\n     ^"},
    {"(a", "1:3: expected ')' at the end\n  (a\n    ^"},
    {"f(a b)", "1:5: expected ',' or ')' before 'b'\n  f(a b)\n      ^"},
    {"a b", "1:3: expected an operator or the end before 'b'\n  a b\n    ^"},
    {"a BETWEN 1 AND 2",
     "1:3: expected an operator or the end before 'BETWEN' (did you mean 'between'?)\n"
     "  a BETWEN 1 AND 2\n    ^"},
    {"a BETWEEN 1 OR 2", "1:13: expected AND of BETWEEN before 'OR'\n  a BETWEEN 1 OR 2\n              ^"},
    {"a < b < c", "1:7: comparisons do not chain: write a < b AND b < c\n  a < b < c\n        ^"},
    {"a LIKE b LIKE c",
     "1:10: BETWEEN, IN and LIKE do not chain: use parentheses\n  a LIKE b LIKE c\n           ^"},
    {"a = 'x", "1:5: text is not closed: expected '\n  a = 'x\n      ^"},
    {"a = \"x", "1:5: name is not closed: expected \"\n  a = \"x\n      ^"},
    {"a + /* x", "1:5: comment is not closed: expected '*/'\n  a + /* x\n      ^"},
    {"$x$ abc $y$", "1:1: text is not closed: expected $x$\n  $x$ abc $y$\n  ^"},
    {"12abc", "1:1: malformed number '12abc'\n  12abc\n  ^"},
    {"0x", "1:1: malformed number '0x'\n  0x\n  ^"},
    {"1__0", "1:1: malformed number '1__0'\n  1__0\n  ^"},
    {"E'a\\xzz'", "1:4: bad escape '\\x' in text\n  E'a\\xzz'\n     ^"},
    {"E'\\xff'", "1:1: the escapes of this text do not make valid UTF-8\n  E'\\xff'\n  ^"},
    {"X'abc'", "1:1: X'..' needs an even number of digits\n  X'abc'\n  ^"},
    {"X'0g'", "1:1: 'g' is not a hexadecimal digit\n  X'0g'\n  ^"},
    {"\"\"", "1:1: empty name: text is written in '..'\n  \"\"\n  ^"},
    {"a\n+ b\n+ ) c", "3:3: expected an expression before ')'\n  + ) c\n    ^"},
    {"a = b; c", "1:6: expected an operator or the end before ';'\n  a = b; c\n       ^"},
    {"end > 3",
     "1:1: expected an expression before 'end' (a column of that name is written \"end\")\n"
     "  end > 3\n  ^"},
    {"a NOT 3", "1:7: expected BETWEEN, IN, LIKE, ILIKE or SIMILAR TO after NOT before '3'\n"
                "  a NOT 3\n        ^"},
    {"a IS 3", "1:6: expected NULL, TRUE, FALSE, UNKNOWN, DISTINCT FROM or NOT before '3'\n"
               "  a IS 3\n       ^"},
    {"CASE a END", "1:8: expected WHEN before 'END'\n  CASE a END\n         ^"},
    {"CASE WHEN a THEN b", "1:19: expected WHEN, ELSE or END of CASE at the end\n"
                           "  CASE WHEN a THEN b\n                    ^"},
    {"CAST(a, int)", "1:7: expected AS and a type before ','\n  CAST(a, int)\n        ^"},
    {"a::itn", "1:4: unknown type 'itn' (did you mean 'int'?)\n  a::itn\n     ^"},
    {"dat '2026-01-01'",
     "1:1: unknown type 'dat' (did you mean 'date'?)\n  dat '2026-01-01'\n  ^"},
    {"(a, b) = c",
     "1:3: rows (a, b) are not supported: compare the columns one by one\n"
     "  (a, b) = c\n    ^"},
    {"a IN (SELECT 1)",
     "1:7: IN (SELECT ...) is not supported here: use a semi join step\n"
     "  a IN (SELECT 1)\n        ^"},
    {"sum(a) OVER (b)",
     "1:14: expected PARTITION BY, ORDER BY, ROWS, RANGE, GROUPS or ')' before 'b'\n"
     "  sum(a) OVER (b)\n               ^"},
    {"INTERVAL '1-2' YEAR TO MONTH",
     "1:21: INTERVAL ... TO ... is not supported: write the units out, as in INTERVAL '1 year "
     "2 months'\n  INTERVAL '1-2' YEAR TO MONTH\n                      ^"},
    {"INTERVAL 3 cats", "1:12: expected a unit (DAY, HOUR, MINUTE ...) before 'cats'\n"
                        "  INTERVAL 3 cats\n             ^"},
    {"count(*, a)", "1:8: expected ')' after '*' before ','\n  count(*, a)\n         ^"},
    {"* 2", "1:1: expected an expression before '*'\n  * 2\n  ^"},
    {"f(a,)", "1:5: expected an expression before ')'\n  f(a,)\n      ^"},
    {"a = \xc3\x28", "1:5: text is not valid UTF-8 (byte 0xc3)\n  a = \xc3(\n      ^"},
    /* Columns count characters; a long line is cut around the place. */
    {"'\xc3\xa4\xc3\xb6' + )", "1:8: expected an expression before ')'\n"
                               "  '\xc3\xa4\xc3\xb6' + )\n         ^"},
    {"a\t+ )", "1:5: expected an expression before ')'\n  a + )\n      ^"},
};

static void messages(void **state)
{
    parse_fixture *f = *state;
    wr_ast        *expr;

    for (size_t i = 0; i < sizeof ERRORS / sizeof ERRORS[0]; i++) {
        wr_error_clear(&f->err);
        assert_int_equal(wr_parse_expr(wr_text_of(ERRORS[i].text), NULL, &f->bump, &expr, &f->err),
                         WR_INVALID);
        assert_string_equal(f->err.message, ERRORS[i].message);
        assert_int_equal(f->err.status, WR_INVALID);
    }
    assert_int_equal(wr_parse_expr((wr_text){"a\0b", 3}, NULL, &f->bump, &expr, &f->err),
                     WR_INVALID);
    assert_non_null(strstr(f->err.message, "1:2: zero byte in the text"));
    assert_int_equal(wr_parse_expr(WR_TEXT("a +"), NULL, &f->bump, &expr, NULL), WR_INVALID);
}

static void long_lines_are_cut(void **state)
{
    parse_fixture *f = *state;
    char           text[2000];
    wr_ast        *expr;

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text + 1000, " + ) ", 5);
    assert_int_equal(wr_parse_expr(wr_text_of(text), NULL, &f->bump, &expr, &f->err), WR_INVALID);
    const char *line = strchr(f->err.message, '\n');
    const char *caret = strrchr(f->err.message, '\n');
    assert_non_null(line);
    assert_memory_equal(line, "\n  ...aaaa", 10);
    assert_true(caret - line < 120);
    assert_int_equal(line[caret[strlen(caret) - 1] == '^' ? strlen(caret) - 1 : 0], ')');
}

static void items_and_order_messages(void **state)
{
    parse_fixture *f = *state;
    wr_ast_item   *items;
    wr_ast_order  *order;
    uint32_t       count;

    assert_int_equal(wr_parse_items(WR_TEXT("a BETWEN 1"), NULL, &f->bump, &items, &count, &f->err),
                     WR_INVALID);
    assert_string_equal(f->err.message,
                        "1:3: expected an operator, AS, ',' or the end before 'BETWEN' (did you "
                        "mean 'between'?)\n  a BETWEN 1\n    ^");
    assert_int_equal(wr_parse_items(WR_TEXT("a AS 'b'"), NULL, &f->bump, &items, &count, &f->err),
                     WR_INVALID);
    assert_string_equal(f->err.message,
                        "1:6: expected a name after AS before ''b''\n  a AS 'b'\n       ^");
    assert_int_equal(wr_parse_order(WR_TEXT("a NULLS"), NULL, &f->bump, &order, &count, &f->err),
                     WR_INVALID);
    assert_string_equal(f->err.message,
                        "1:8: expected FIRST or LAST at the end\n  a NULLS\n         ^");
    assert_int_equal(wr_parse_order(WR_TEXT("a b"), NULL, &f->bump, &order, &count, &f->err),
                     WR_INVALID);
    assert_string_equal(
        f->err.message, "1:3: expected ASC, DESC, NULLS, ',' or the end before 'b'\n  a b\n    ^");
}

/* Messages for a text that stands in a file show the file's place and line. */
static void places_in_a_file(void **state)
{
    static const char FILE_TEXT[] = "steps:\n  - filter: {expr: \"a +\"}\n  - x: |\n      b\n      *\n";
    parse_fixture   *f = *state;
    wr_source        source = {.path = "p.yaml", .file = WR_TEXT(FILE_TEXT), .start = {2, 20},
                               .is_verbatim = true};
    wr_parse_options options = {.source = &source};
    wr_ast          *expr;

    assert_int_equal(wr_parse_expr(WR_TEXT("a +"), &options, &f->bump, &expr, &f->err), WR_INVALID);
    assert_string_equal(f->err.message,
                        "p.yaml:2:23: expected an expression at the end\n"
                        "    - filter: {expr: \"a +\"}\n                        ^");
    source.start = (wr_place){4, 7};
    assert_int_equal(wr_parse_expr(WR_TEXT("b\n*\n"), &options, &f->bump, &expr, &f->err),
                     WR_INVALID);
    assert_string_equal(f->err.message, "p.yaml:6:7: expected an expression at the end");
    source.is_verbatim = false;
    assert_int_equal(wr_parse_expr(WR_TEXT("b * ) 1"), &options, &f->bump, &expr, &f->err),
                     WR_INVALID);
    assert_string_equal(f->err.message,
                        "p.yaml:4:7: expected an expression before ')'\n  b * ) 1\n      ^");
}

/* --- limits ------------------------------------------------------------------------------ */

/* `count` times `before`, then `middle`, then `count` times `after`. */
static wr_text repeat(parse_fixture *f, size_t count, const char *before, const char *middle,
                      const char *after)
{
    wr_textbuf out;
    wr_text    text;

    wr_textbuf_init(&out, &f->bump);
    for (size_t i = 0; i < count; i++)
        wr_textbuf_printf(&out, "%s", before);
    wr_textbuf_printf(&out, "%s", middle);
    for (size_t i = 0; i < count; i++)
        wr_textbuf_printf(&out, "%s", after);
    assert_int_equal(wr_textbuf_finish(&out, &text, NULL), WR_OK);
    return text;
}

static const struct {
    const char *before, *middle, *after;
} BOMBS[] = {
    {"(", "a", ")"},        {"f(", "a", ")"},          {"- ", "a", ""},
    {"[", "a", "]"},        {"{a: ", "a", "}"},        {"MAP {", "a", ": 1}"},
    {"a[", "a", "]"},       {"", "a", "[1]"},
    {"f(x -> ", "a", ")"},  {"a[1:", "a", "]"},        {"", "a", ".b"},
    {"NOT ", "a", ""},      {"~ ", "a", ""},           {"! ", "a", ""},
    {"a + ", "a", ""},      {"a ^ ", "a", ""},         {"a || ", "a", ""},
    {"", "a", "::int"},     {"", "a", " IS NULL"},     {"", "a", " AT TIME ZONE 'x'"},
    {"CASE WHEN a THEN ", "a", " END"},                {"CASE ", "a", " WHEN a THEN a END"},
    {"CAST(", "a", " AS int)"},                        {"a IN (", "a", ")"},
    {"a BETWEEN (", "a", ") AND b"},                   {"sum(a ORDER BY ", "a", ")"},
    {"sum(a) FILTER (WHERE ", "a", ")"},               {"EXTRACT(YEAR FROM ", "a", ")"},
    {"TRIM(", "a", ")"},    {"POSITION(", "a", " IN a)"}, {"SUBSTRING(", "a", " FOR 1)"},
    {"- ( ", "a", ")"},     {"a IS DISTINCT FROM (", "a", ")"}, {"(", "", ""}, {"f(", "", ""},
    {"CASE ", "", ""},      {"a AND (", "a", ")"},     {"a OR (b AND (", "a", "))"},
};

typedef struct bomb_run {
    parse_fixture *f;
    wr_text        text;
    wr_status      status;
} bomb_run;

static void *parse_bomb(void *self)
{
    bomb_run *run = self;
    wr_ast   *expr;

    run->status = wr_parse_expr(run->text, NULL, &run->f->bump, &expr, &run->f->err);
    return NULL;
}

/* On a stack as small as a worker's, where the build's frames have their usual size. */
static void run_on_small_stack(bomb_run *run)
{
    pthread_attr_t attr;
    pthread_t      thread;

    assert_int_equal(pthread_attr_init(&attr), 0);
#ifndef WR_SANITIZED
    assert_int_equal(pthread_attr_setstacksize(&attr, 192 * 1024), 0);
#endif
    assert_int_equal(pthread_create(&thread, &attr, parse_bomb, run), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
}

static void depth_bombs_are_refused(void **state)
{
    parse_fixture *f = *state;

    for (size_t i = 0; i < sizeof BOMBS / sizeof BOMBS[0]; i++) {
        bomb_run run = {.f = f,
                        .text = repeat(f, 30000, BOMBS[i].before, BOMBS[i].middle, BOMBS[i].after)};

        run_on_small_stack(&run);
        assert_int_equal(run.status, WR_INVALID);
        if (!strstr(f->err.message, "nested more than 200 levels deep"))
            fail_msg("%s...: %s", BOMBS[i].before, f->err.message);
        wr_bump_reset(&f->bump);
    }
}

static void depth_below_the_limit_is_accepted(void **state)
{
    parse_fixture *f = *state;
    wr_ast        *expr;

    assert_int_equal(wr_parse_expr(repeat(f, 199, "(", "a", ")"), NULL, &f->bump, &expr, &f->err),
                     WR_OK);
    assert_int_equal(wr_parse_expr(repeat(f, 199, "a + ", "a", ""), NULL, &f->bump, &expr, &f->err),
                     WR_OK);
    assert_int_equal(expr->depth, 200);
    /* AND and OR are flat: no limit but memory. */
    assert_int_equal(wr_parse_expr(repeat(f, 9999, "a = 1 OR ", "b", ""), NULL, &f->bump, &expr,
                                   &f->err),
                     WR_OK);
    assert_int_equal(expr->arg_count, 10000);
    assert_int_equal(expr->depth, 3);
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The least of three runs, so that a busy machine does not matter. */
static uint64_t parse_ns(parse_fixture *f, wr_text text)
{
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < 3; i++) {
        wr_bump_mark mark = wr_bump_save(&f->bump);
        uint64_t     begin = cpu_ns(), spent;
        wr_ast      *expr;

        (void)!wr_parse_expr(text, NULL, &f->bump, &expr, &f->err);
        spent = cpu_ns() - begin;
        least = spent < least ? spent : least;
        wr_bump_rewind(&f->bump, mark);
    }
    return least;
}

static void a_megabyte_takes_linear_time(void **state)
{
    static const struct {
        const char *before, *middle, *after;
    } SHAPES[] = {
        {"a = 1 OR ", "b", ""},  {"", "f(a", ", 1)"},       {"", "a IN (1", ",1"},
        {"", "'", "x''"},        {"/* */", "a", ""},        {"/*", "a", "*/"},
        {"", "E'", "\\n"},       {"", "\"a", "\"\""},       {"a.", "a", ""},
        {"decimal(", "a", ")"},  {"timestamp(1)", "a", ""}, {"$a", "", "$"},
        {"- -", "a", ""},        {"", "1", "_1"},           {"((((", "", "))"},
        {"list(", "a", ")"},     {"a::list<", "a", ">"},    {"[1, ", "1", "]"},
        {"f((x, ", "a", "))"},   {"a::int", "", "[]"},      {"x -> ", "a", ""},
    };
    parse_fixture *f = *state;

    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        size_t   unit = strlen(SHAPES[i].before) + strlen(SHAPES[i].after);
        size_t   count = 1000000 / unit;
        wr_text  small = repeat(f, count / 8, SHAPES[i].before, SHAPES[i].middle, SHAPES[i].after);
        wr_text  large = repeat(f, count, SHAPES[i].before, SHAPES[i].middle, SHAPES[i].after);
        uint64_t small_ns = parse_ns(f, small), large_ns = parse_ns(f, large);

        /* 8 times the bytes; quadratic would be 64 times. */
        if (large_ns > 30 * small_ns + 2000000)
            fail_msg("%s: %lu ns, %lu ns", SHAPES[i].before, (unsigned long)small_ns,
                     (unsigned long)large_ns);
        wr_bump_reset(&f->bump);
    }
}

static void a_spent_pool_is_an_error(void **state)
{
    parse_fixture *f = *state;
    wr_arena      *arena;
    wr_lease       lease, *leases[] = {&lease};
    wr_bump        bump;
    wr_ast        *expr;

    assert_int_equal(wr_arena_new(4 * 16384, 16384, &arena, NULL), WR_OK);
    wr_lease_init(&lease, "plan pool", 4 * 16384, 4 * 16384, 16384);
    assert_int_equal(wr_lease_open_all(arena, leases, 1, NULL), WR_OK);
    wr_bump_init(&bump, &lease);
    assert_int_equal(wr_parse_expr(repeat(f, 5000, "a + 1 OR ", "b", ""), NULL, &bump, &expr,
                                   &f->err),
                     WR_NO_MEMORY);
    assert_non_null(strstr(f->err.message, "plan pool"));
    wr_bump_release(&bump);
    wr_lease_close(&lease);
    wr_arena_free(arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(literals),
        TEST(names),
        TEST(operators),
        TEST(calls),
        TEST(nested_values),
        TEST(precedence_of_pairs),
        TEST(precedence_of_the_rest),
        TEST(double_pipe_can_be_or),
        TEST(select_lists),
        TEST(order_lists),
        TEST(messages),
        TEST(long_lines_are_cut),
        TEST(items_and_order_messages),
        TEST(places_in_a_file),
        TEST(depth_bombs_are_refused),
        TEST(depth_below_the_limit_is_accepted),
        TEST(a_megabyte_takes_linear_time),
        TEST(a_spent_pool_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
