/* bind/struct_test.c — structs and maps: literals, fields, keys, functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bind/evaluate_fixture.h"

static const fixture_row STRUCTS[] = {
    {"{'a': 1, b: 'x', \"c d\": NULL}", "{\"a\":1,\"b\":\"x\",\"c d\":null}",
     "Struct(a Int32, b Utf8, \"c d\" Null)"},
    {"struct_pack(a := 1, b := [1, 2])", "{\"a\":1,\"b\":[1,2]}", "Struct(a Int32, b List(Int32))"},
    {"named_struct('a', 1.5)", "{\"a\":1.5}", NULL},
    {"{'a': {'b': {'c': 7}}}.a.b.c", "7", "Int32"},
    {"{'a': 1}['a']", "1", NULL},
    {"{'A': 1}.a", "1", NULL},
    {"struct_extract({'a': 1, 'b': 'long enough to stand outside'}, 'b')",
     "long enough to stand outside", "Utf8"},
    {"{'a': NULL}.a", "NULL", NULL},
    {"[{'a': 1}, {'a': 2}][2].a", "2", NULL},
    {"struct_insert({'a': 1}, b := 'x', c := 2)", "{\"a\":1,\"b\":\"x\",\"c\":2}", NULL},
    {"row(1, 'x', [2])", "{\"f1\":1,\"f2\":\"x\",\"f3\":[2]}", "Struct(f1 Int32, f2 Utf8, f3 List(Int32))"},
    {"row(1, NULL).f1", "1", NULL},
    {"struct_update({'a': 1, 'b': 2}, B := 'x', c := 3)", "{\"a\":1,\"b\":\"x\",\"c\":3}",
     "Struct(a Int32, b Utf8, c Int32)"},
    {"struct_concat({'a': 1}, {'b': 'x'}, {'c': NULL})", "{\"a\":1,\"b\":\"x\",\"c\":null}", NULL},
    {"struct_concat({'a': 1}, {'a': 2})", "error: a Struct has two members 'a'", NULL},
    {"struct_keys({'a': 1, 'b c': 2})", "[\"a\",\"b c\"]", "List(Utf8)"},
    {"struct_extract_at({'a': 1, 'b': 'x'}, 2)", "x", "Utf8"},
    {"struct_extract_at({'a': 1}, 2)",
     "error: struct_extract_at: the place of a field is a number from 1 to 1", NULL},
    {"struct_update(1, a := 2)", "error: struct_update takes a Struct, not Int32", NULL},
    {"{'a': 1, 'A': 2}", "error: a Struct has two members 'A'", NULL},
    {"{'amount': 1}.amuont", "error: there is no field 'amuont' (did you mean 'amount'?); fields: amount",
     NULL},
    {"{'a': 1}[1]", "error: a field of a struct is named by a text in quotes: s['name']", NULL},
    {"struct_insert(1, a := 2)", "error: struct_insert takes a Struct, not Int32", NULL},
    {"named_struct('a')", "error: named_struct takes at least 2 arguments, not 1", NULL},
    {"named_struct(1, 2)", "error: the name of a field is a text in quotes", NULL},
    {"f(a := 1)", "error: arguments of f() have no names", NULL},
    {"{}", "error: a struct needs a field", NULL},
};

static const fixture_row MAPS[] = {
    {"MAP {'k': 1, 'l': NULL}", "[{\"key\":\"k\",\"value\":1},{\"key\":\"l\",\"value\":null}]",
     "Map(Utf8, Int32)"},
    {"map(['k'], [[1]])", "[{\"key\":\"k\",\"value\":[1]}]", "Map(Utf8, List(Int32))"},
    {"MAP {}", "[]", "Map(Null, Null)"},
    {"map([1, 1], [2, 3])", "error: map: entries 1 and 2 have the same key", NULL},
    {"map([1, NULL], [2, 3])", "error: map: a key is NULL", NULL},
    {"map([1, 2], [2])", "error: map: 2 keys have 1 values", NULL},
    {"map([1], [2, 3])", "error: map: 1 keys have 2 values", NULL},
    {"MAP {'k': 1, 'l': 2}['l']", "2", "Int32"},
    {"MAP {'k': 1}['x']", "NULL", NULL},
    {"MAP {1: 'a text beyond twelve bytes'}[1]", "a text beyond twelve bytes", NULL},
    {"MAP {[1, 2]: 'x'}[[1, 2]]", "x", NULL},
    {"map_extract(MAP {'k': 1}, 'k')", "[1]", "List(Int32)"},
    {"element_at(MAP {'k': 1}, 'x')", "[]", NULL},
    {"map_contains(MAP {'k': 1}, 'k')", "true", NULL},
    {"map_contains_value(MAP {'k': 1, 'l': NULL}, 1)", "true", "Boolean"},
    {"map_contains_value(MAP {'k': 1}, 2.5)", "false", NULL},
    {"map_contains_value(MAP {'k': NULL}, NULL)", "NULL", NULL},
    {"map_contains_entry(MAP {'k': [1], 'l': [2]}, 'l', [2])", "true", NULL},
    {"map_contains_entry(MAP {'k': 1, 'l': 2}, 'k', 2)", "false", NULL},
    {"map_contains_value(1, 2)", "error: no variant of 'map_contains_value'", NULL},
    {"map_contains(MAP {'k': 1}, 'K')", "false", NULL},
    {"map_keys(MAP {'k': 1, 'l': 2})", "[\"k\",\"l\"]", "List(Utf8)"},
    {"map_values(MAP {'k': 1, 'l': NULL})", "[1,null]", "List(Int32)"},
    {"map_entries(MAP {'k': 1})", "[{\"key\":\"k\",\"value\":1}]", "List(Struct(key Utf8, value Int32))"},
    {"map_from_entries([{'a': 'k', 'b': 1}])", "[{\"key\":\"k\",\"value\":1}]", "Map(Utf8, Int32)"},
    {"map_from_entries([{'a': 1, 'b': 1}, {'a': 1, 'b': 2}])", "error: have the same key", NULL},
    {"map_concat(MAP {'a': 1, 'c': 4}, MAP {'a': 2, 'b': 3})",
     "[{\"key\":\"a\",\"value\":2},{\"key\":\"c\",\"value\":4},{\"key\":\"b\",\"value\":3}]", NULL},
    {"cardinality(MAP {'k': 1, 'l': 2})", "2", NULL},
    {"MAP {'k': 1}.k", "1", NULL},
};

static void structs(void **state)
{
    FIXTURE_CHECK(state, STRUCTS);
}

static void maps(void **state)
{
    FIXTURE_CHECK(state, MAPS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(structs),
        TEST(maps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
