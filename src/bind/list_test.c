/* bind/list_test.c — lists: literals, access, slices, functions. Expected values are DuckDB's, apart from
 * what docs/differences.md names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bind/evaluate_fixture.h"

static const fixture_row LITERALS[] = {
    {"[1, 2, NULL]", "[1,2,null]", "List(Int32)"},
    {"[]", "[]", "List(Null)"},
    {"[NULL]", "[null]", "List(Null)"},
    {"ARRAY['a', NULL, 'long enough to be kept outside']",
     "[\"a\",null,\"long enough to be kept outside\"]", "List(Utf8)"},
    {"[1, 2.5]", "[1.0,2.5]", "List(Decimal(2, 1))"},
    {"[1, 3000000000]", "[1,3000000000]", "List(Int64)"},
    {"[DATE '2024-01-31', '2024-02-01']", "[2024-01-31,2024-02-01]", "List(Date32)"},
    {"[true, false]", "[true,false]", "List(Boolean)"},
    {"[1, 'a']", "error: 'a'", NULL},
    {"[1, DATE '2024-01-31']", "error: no variant of 'list_value'", NULL},
};

static const fixture_row ACCESS[] = {
    {"[10, 20, 30][1]", "10", "Int32"},
    {"[10, 20, 30][3]", "30", NULL},
    {"[10, 20, 30][-1]", "30", NULL},
    {"[10, 20, 30][-3]", "10", NULL},
    {"[10, 20, 30][0]", "NULL", NULL},
    {"[10, 20, 30][4]", "NULL", NULL},
    {"[10, 20, 30][-4]", "NULL", NULL},
    {"[10, NULL][2]", "NULL", NULL},
    {"[10][9223372036854775807]", "NULL", NULL},
    {"[10][-9223372036854775807 - 1]", "NULL", NULL},
    {"['a', 'a text beyond twelve bytes'][2]", "a text beyond twelve bytes", "Utf8"},
    {"[[1, 2], [3]][1][2]", "2", "Int32"},
    {"[[1, 2], [3]][2]", "[3]", "List(Int32)"},
    {"list_extract([1, 2], 2)", "2", NULL},
    {"list_element([1, 2], 2)", "2", NULL},
    {"[1][NULL]", "NULL", "Int32"},
    {"'hello'[2]", "e", "Utf8"},
    {"'hello'[-1]", "o", NULL},
    {"'hello'[0]", "", NULL},
    {"'hello'[9]", "", NULL},
    {"'d\xc3\xa4h'[2]", "\xc3\xa4", NULL},
    {"[1]['a']", "error: List(Int32) has no fields: there is no 'a'", NULL},
    {"(5)[1]", "error: Int32 has neither elements nor fields", NULL},
};

static const fixture_row SLICES[] = {
    {"[1, 2, 3, 4][2:3]", "[2,3]", "List(Int32)"},
    {"[1, 2, 3, 4][:2]", "[1,2]", NULL},
    {"[1, 2, 3, 4][3:]", "[3,4]", NULL},
    {"[1, 2, 3, 4][:]", "[1,2,3,4]", NULL},
    {"[1, 2, 3, 4][:-2]", "[1,2,3]", NULL},
    {"[1, 2, 3, 4][-2:]", "[3,4]", NULL},
    {"[1, 2, 3][0:2]", "[1,2]", NULL},
    {"[1, 2, 3][-10:2]", "[1,2]", NULL},
    {"[1, 2, 3][3:1]", "[]", NULL},
    {"[1, 2, 3][5:7]", "[]", NULL},
    {"[1, 2, 3][2:100]", "[2,3]", NULL},
    {"[1, 2, 3][1:-9]", "[]", NULL},
    {"[1, 2, 3][NULL:2]", "NULL", NULL},
    {"[1, NULL, 3][2:2]", "[null]", NULL},
    {"['x', NULL, 'a text beyond twelve bytes'][2:]", "[null,\"a text beyond twelve bytes\"]", NULL},
    {"'hello'[2:3]", "el", "Utf8"},
    {"'hello'[:-2]", "hell", NULL},
    {"'hello'[4:]", "lo", NULL},
    {"'d\xc3\xa4hler'[2:3]", "\xc3\xa4h", NULL},
    {"'hello'[-2:]", "lo", NULL},
};

static const fixture_row FUNCTIONS_ON_LISTS[] = {
    {"len([1, NULL])", "2", "Int64"},
    {"length([])", "0", "Int64"},
    {"array_length(['a'])", "1", NULL},
    {"cardinality([[1], [2]])", "2", NULL},
    {"list_contains([1, 2], 2)", "true", "Boolean"},
    {"list_contains([1, 2], 3)", "false", NULL},
    {"list_contains([1, NULL], 3)", "false", NULL},
    {"list_contains([1, NULL], NULL)", "NULL", NULL},
    {"list_contains(['a', 'a text beyond twelve bytes'], 'a text beyond twelve bytes')", "true", NULL},
    {"list_contains([DATE '2024-01-31'], '2024-01-31')", "true", NULL},
    {"list_contains([1.5, 2], 2)", "true", NULL},
    {"list_contains([[1], [2]], [2])", "true", NULL},
    {"array_has([0.0e0], -0.0e0)", "true", NULL},
    {"list_position([5, 6], 6)", "2", "Int64"},
    {"list_position([5, NULL], NULL)", "2", NULL},
    {"list_position([5, 6], 7)", "NULL", NULL},
    {"list_concat([1], [2, 3], [4])", "[1,2,3,4]", "List(Int32)"},
    {"list_concat([1], NULL)", "[1]", NULL},
    {"[1] || [2]", "[1,2]", "List(Int32)"},
    {"[1] || NULL", "NULL", "List(Int32)"},
    {"'a' || 'b'", "ab", "Utf8"},
    {"list_append([1], 2)", "[1,2]", NULL},
    {"list_append([1], NULL)", "[1,null]", NULL},
    {"list_append(NULL, 1)", "[1]", NULL},
    {"list_prepend(1, [2])", "[1,2]", NULL},
    {"list_reverse([1, NULL, 3])", "[3,null,1]", NULL},
    {"array_reverse(['a', 'b'])", "[\"b\",\"a\"]", NULL},
    {"repeat([1, 2], 2)", "[1,2,1,2]", NULL},
    {"repeat([1, 2], 0)", "[]", NULL},
    {"repeat([1, 2], -1)", "[]", NULL},
    {"flatten([[1], NULL, [2, NULL]])", "[1,2,null]", "List(Int32)"},
    {"flatten([NULL])", "[]", NULL},
    {"len(repeat([1], 100000))", "100000", NULL},
    {"repeat([7, 8], 60000)[-1]", "8", NULL},
    {"len(repeat(['abc', NULL], 30000)[59999:])", "2", NULL},
    {"repeat(['abc', NULL], 30000)[-2:]", "[\"abc\",null]", NULL},
};

static void literals(void **state)
{
    FIXTURE_CHECK(state, LITERALS);
}

static void access_by_position(void **state)
{
    FIXTURE_CHECK(state, ACCESS);
}

static void slices(void **state)
{
    FIXTURE_CHECK(state, SLICES);
}

static void functions_on_lists(void **state)
{
    FIXTURE_CHECK(state, FUNCTIONS_ON_LISTS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(literals),
        TEST(access_by_position),
        TEST(slices),
        TEST(functions_on_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
