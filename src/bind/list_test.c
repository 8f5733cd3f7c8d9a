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
    {"[[1, 2], [], NULL]", "[[1,2],[],null]", "List(List(Int32))"},
    {"[[1], [2.5]]", "[[1.0],[2.5]]", "List(List(Decimal(11, 1)))"},
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
    {"[1, 2, 3, 4][2:-]", "[2,3,4]", NULL},
    {"[1, 2, 3, 4][-:2]", "[1,2]", NULL},
    {"[1, 2, 3, 4, 5][1:5:2]", "[1,3,5]", "List(Int32)"},
    {"[1, 2, 3, 4, 5][:-:2]", "[1,3,5]", NULL},
    {"[1, 2, 3, 4, 5][0:3:2]", "[1,3]", NULL},
    {"[1, 2, 3, 4, 5][1:9:3]", "[1,4]", NULL},
    {"[1, 2, 3, 4, 5][-4:-2:2]", "[2,4]", NULL},
    {"[1, 2, 3, 4, 5][4:2:2]", "[]", NULL},
    {"[1, 2, 3, 4, 5][5:1:-1]", "[5,4,3,2,1]", NULL},
    {"[1, 2, 3, 4, 5][:-:-1]", "[5,4,3,2,1]", NULL},
    {"[1, 2, 3, 4, 5][1:5:-1]", "[]", NULL},
    {"[1, 2, 3, 4, 5][-1:-4:-2]", "[5,3]", NULL},
    {"[1, 2, 3][1:3:-9223372036854775807 - 1]", "[]", NULL},
    {"[1, 2, 3][3:1:-9223372036854775807 - 1]", "[3]", NULL},
    {"[1, 2, 3][1:3:9223372036854775807]", "[1]", NULL},
    {"[[1], [2], NULL][3:2:-1]", "[null,[2]]", NULL},
    {"list_slice([1, 2, 3], 1, 3, 2)", "[1,3]", NULL},
    {"[1, 2][1:2:NULL]", "NULL", NULL},
    {"[1, 2][1:2:0]", "error: array_slice: the step is 0", NULL},
    {"[1, 2][1:2:]", "error: expected", NULL},
    {"[1, 2][1:-:]", "error: expected", NULL},
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
    {"['a'] || []", "[\"a\"]", "List(Utf8)"},
    {"list_append([], 'a')", "[\"a\"]", "List(Utf8)"},
    {"list_append([1], 2.5)", "[1.0,2.5]", NULL},
    {"[1] || [3000000000]", "[1,3000000000]", "List(Int64)"},
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
    {"len(repeat([1], 5000))", "5000", NULL},
    {"repeat([7, 8], 3000)[-1]", "8", NULL},
    {"len(repeat(['abc', NULL], 2000)[3999:])", "2", NULL},
    {"repeat(['abc', NULL], 2000)[-2:]", "[\"abc\",null]", NULL},
};

static const fixture_row ORDER[] = {
    {"list_sort([3, 1, NULL, 2])", "[1,2,3,null]", "List(Int32)"},
    {"list_sort([3, 1, NULL, 2], 'desc')", "[3,2,1,null]", NULL},
    {"list_sort([3, 1, NULL, 2], 'DESC', 'nulls first')", "[null,3,2,1]", NULL},
    {"array_sort(['b', 'a text beyond twelve bytes', 'a'])",
     "[\"a\",\"a text beyond twelve bytes\",\"b\"]", NULL},
    {"list_sort([[2], [1, 5], [1]])", "[[1],[1,5],[2]]", NULL},
    {"list_sort([{'a': 2, 'b': 1}, {'a': 1, 'b': NULL}, {'a': 1, 'b': 3}])",
     "[{\"a\":1,\"b\":3},{\"a\":1,\"b\":null},{\"a\":2,\"b\":1}]", NULL},
    {"list_sort([1], 'up')", "error: list_sort: 'up' is neither 'ASC' nor 'DESC'", NULL},
    {"list_reverse_sort([1, NULL, 2])", "[2,1,null]", NULL},
    {"list_reverse_sort([1, NULL, 2], 'NULLS FIRST')", "[null,2,1]", NULL},
    {"list_distinct([3, 1, NULL, 3, 2, 1])", "[3,1,2]", NULL},
    {"list_unique([1, 1, NULL, 2])", "2", "Int64"},
    {"list_has_any([1, 2], [2, 3])", "true", "Boolean"},
    {"list_has_any([1, NULL], [NULL])", "false", NULL},
    {"list_has_all([1, 2, 3], [3, 1])", "true", NULL},
    {"list_has_all([1, 2], [1, 5])", "false", NULL},
    {"list_has_all([1], [NULL])", "true", NULL},
    {"list_intersect([2, 1, 2, NULL], [1, 2, NULL])", "[2,1]", NULL},
    {"list_intersect([1, 2], [2.0])", "[2.0]", NULL},
};

static const fixture_row SUMS[] = {
    {"list_sum([1, NULL, 2])", "3", "Int64"},
    {"list_sum([])", "NULL", "Int64"},
    {"list_sum([1.5, 2.25])", "3.75", "Decimal(38, 2)"},
    {"list_sum([0.1e0, 0.2e0, 0.3e0])", "0.6", "Float64"},
    {"list_sum([9223372036854775807, 1])", "9223372036854775808", "Decimal(38, 0)"},
    {"list_sum(['a'])", "error: no variant of 'list_sum'", NULL},
    {"list_avg([1, 2])", "1.5", "Float64"},
    {"list_avg([1.5, 2])", "1.75", NULL},
    {"list_min([3, NULL, 1])", "1", "Int32"},
    {"list_max(['a', 'a text beyond twelve bytes'])", "a text beyond twelve bytes", "Utf8"},
    {"list_max([NULL])", "NULL", NULL},
    {"list_count([1, NULL])", "1", NULL},
    {"list_product([2, 3, NULL])", "6", NULL},
    {"list_bool_and([true, NULL, false])", "false", NULL},
    {"list_bool_or([NULL, true, false])", "true", NULL},
    {"list_any_value([NULL, 5, 6])", "5", NULL},
    {"list_aggregate([1, 2], 'sum')", "3", "Int64"},
    {"list_aggregate([1, 2], 'summ')", "error: unknown function 'list_summ'", NULL},
    {"list_aggregate([1, 2], 'mean')", "1.5", "Float64"},
    {"list_aggregate([2, 4, 9], 'quantile', 0.5)", "4", "Int32"},
    {"list_aggregate(['a', NULL, 'b'], 'string_agg', '; ')", "a; b", "Utf8"},
    {"list_string_agg([1, 2])", "1,2", NULL},
    {"list_string_agg([NULL]::text[])", "NULL", NULL},
    {"list_string_agg([''])", "", NULL},
    {"list_stddev_samp([1, 2, NULL, 3])", "1", "Float64"},
    {"list_stddev_samp([1])", "NULL", NULL},
    {"list_var_pop([1.5, 2.5])", "0.25", "Float64"},
    {"list_aggregate([2, 4, 4, 4, 5, 5, 7, 9], 'stddev_pop')", "2", NULL},
    {"list_skewness([1, 2])", "NULL", NULL},
    {"list_kurtosis_pop([1, 2, 3])", "-1.5", NULL},
    {"list_geometric_mean([1, 4])", "2", NULL},
    {"list_bit_and([7::tinyint, 14::tinyint])", "6", "Int8"},
    {"list_bit_or([1, NULL, 4])", "5", NULL},
    {"list_bit_xor([1, 3])", "2", NULL},
    {"list_bit_and([]::int[])", "NULL", NULL},
    {"list_bit_and([1.5])", "error: no variant of 'list_bit_and'", NULL},
    {"list_median([3, 1, NULL, 2])", "2", "Float64"},
    {"list_median([1, 2])", "1.5", NULL},
    {"list_median([1.25, 2.5])", "1.875", "Float64"},
    {"list_median([1.25::decimal(30, 2), 2.5])", "1.875", "Float64"},
    {"list_median([DATE '2020-01-01', DATE '2020-01-02'])", "2020-01-01 12:00:00", "Timestamp(us)"},
    {"list_median([]::int[])", "NULL", NULL},
    {"list_median(['a'])", "error: no variant of 'list_median'", NULL},
    {"list_quantile_cont([0, 10], 0.25)", "2.5", NULL},
    {"list_quantile_disc([-0.0e0, 'nan'::double, -1], 1)", "NaN", "Float64"},
    {"list_quantile_disc([5, 6], 1.5)", "error: list_quantile_disc: 1.5 is not a fraction from 0 to 1",
     NULL},
    {"list_quantile_disc([5, 6], NULL)", "NULL", NULL},
    {"list_mode(['b', 'a', 'b', 'a', 'c', NULL])", "a", "Utf8"},
    {"list_mode([NULL]::int[])", "NULL", NULL},
    {"list_entropy([1, 1, 2, 2])", "1", "Float64"},
    {"list_entropy([7, NULL])", "0", NULL},
    {"list_entropy([]::text[])", "NULL", NULL},
    {"list_first([NULL, 2])", "NULL", NULL},
    {"list_last([1, 2])", "2", NULL},
    {"range(3)", "[0,1,2]", "List(Int64)"},
    {"range(1, 3)", "[1,2]", NULL},
    {"range(5, 1, -2)", "[5,3]", NULL},
    {"range(3, 1)", "[]", NULL},
    {"range(1, 10, 3)", "[1,4,7]", NULL},
    {"range(1, 3, 0)", "[]", NULL},
    {"generate_series(1, 3)", "[1,2,3]", NULL},
    {"generate_series(10, 1, -4)", "[10,6,2]", NULL},
    {"generate_series(9223372036854775806, 9223372036854775807)",
     "[9223372036854775806,9223372036854775807]", NULL},
    {"range(DATE '2020-01-30', DATE '2020-02-02', INTERVAL 1 DAY)",
     "[2020-01-30 00:00:00,2020-01-31 00:00:00,2020-02-01 00:00:00]", "List(Timestamp(us))"},
    {"generate_series(TIMESTAMP '2020-01-31', '2020-05-29', INTERVAL 1 MONTH)",
     "[2020-01-31 00:00:00,2020-02-29 00:00:00,2020-03-29 00:00:00,2020-04-29 00:00:00,2020-05-29 00:00:00]",
     NULL},
    {"range(TIMESTAMP '2020-01-03', TIMESTAMP '2020-01-01', INTERVAL '-1 day')",
     "[2020-01-03 00:00:00,2020-01-02 00:00:00]", NULL},
    {"generate_series(DATE '2020-01-03', DATE '2020-01-01', INTERVAL '-1 day')",
     "[2020-01-03 00:00:00,2020-01-02 00:00:00,2020-01-01 00:00:00]", NULL},
    {"range(DATE '2020-01-01', DATE '2020-01-03', INTERVAL '0 day')", "[]", NULL},
    {"range(DATE '2020-01-03', DATE '2020-01-01', INTERVAL '1 day')", "[]", NULL},
    {"range(DATE '2020-01-01', NULL, INTERVAL '1 day')", "NULL", NULL},
    {"range(DATE '2020-01-01', DATE '2020-01-03', INTERVAL '1 month -1 day')",
     "error: range: the parts of the step go both ways", NULL},
    {"len(generate_series(TIMESTAMP '2020-01-01', TIMESTAMP '2020-01-01 00:00:00.5', INTERVAL '1 ms'))",
     "501", NULL},
    {"range(DATE '2020-01-01', DATE '2020-01-03', 1)", "error: no variant of 'range'", NULL},
    {"len(range(-9223372036854775807, 9223372036854775807))", "error: the list would be longer", NULL},
};

static const fixture_row PICKS[] = {
    {"list_where([1, 2, 3], [true, false, true])", "[1,3]", "List(Int32)"},
    {"list_where(['a', 'a text beyond twelve bytes'], [false, true])",
     "[\"a text beyond twelve bytes\"]", NULL},
    {"list_where([1, 2, 3], [true])", "[1]", NULL},
    {"array_where([1], [true, false, true])", "[1,null]", NULL},
    {"list_where([1, 2], [true, NULL])", "error: list_where: an element of the second list is NULL",
     NULL},
    {"list_where([1], [1])", "error: no variant of 'list_where'", NULL},
    {"list_select([10, 20, 30], [3, 1, 9, 0, -1, 3])", "[30,10,null,null,null,30]", "List(Int32)"},
    {"array_select(['a'], [])", "[]", NULL},
    {"list_select([1], [NULL])", "error: list_select: an element of the second list is NULL", NULL},
    {"list_resize([1, 2, 3], 2)", "[1,2]", "List(Int32)"},
    {"list_resize([1, 2], 4)", "[1,2,null,null]", NULL},
    {"list_resize([1, 2], 4, 9)", "[1,2,9,9]", NULL},
    {"array_resize(['a'], 2, 'a text beyond twelve bytes')", "[\"a\",\"a text beyond twelve bytes\"]",
     NULL},
    {"list_resize([1], 2, 2.5)", "[1.0,2.5]", NULL},
    {"list_resize([1], NULL)", "[]", NULL},
    {"list_resize([1], 2, NULL)", "[1,null]", NULL},
    {"list_resize([1], -1)", "error: list_resize: -1 elements", NULL},
    {"list_zip([1, 2], ['a'])", "[{\"f1\":1,\"f2\":\"a\"},{\"f1\":2,\"f2\":null}]",
     "List(Struct(f1 Int32, f2 Utf8))"},
    {"list_zip([1, 2], ['a'], true)", "[{\"f1\":1,\"f2\":\"a\"}]", NULL},
    {"list_zip([1], [2, 3], false)", "[{\"f1\":1,\"f2\":2},{\"f1\":null,\"f2\":3}]", NULL},
    {"array_zip([1])", "[{\"f1\":1}]", NULL},
    {"list_zip([1], NULL, [[2]])", "[{\"f1\":1,\"f2\":null,\"f3\":[2]}]", NULL},
    {"list_zip(1)", "error: no variant of 'list_zip'", NULL},
    {"list_grade_up([3, 1, 2, NULL])", "[2,3,1,4]", "List(Int64)"},
    {"list_grade_up([3, 1, 2, NULL], 'DESC')", "[1,3,2,4]", NULL},
    {"list_grade_up([2, 1, 2, 1], 'DESC')", "[1,3,2,4]", NULL},
    {"array_grade_up([3, 1, 2, NULL], 'DESC', 'NULLS FIRST')", "[4,1,3,2]", NULL},
    {"grade_up(['b', NULL, 'a'], 'ASC', 'NULLS FIRST')", "[2,3,1]", NULL},
    {"array_pop_back([1, 2])", "[1]", "List(Int32)"},
    {"array_pop_front([1, 2])", "[2]", NULL},
    {"array_pop_back([])", "[]", NULL},
    {"array_push_front([1, 2], 0)", "[0,1,2]", NULL},
    {"list_aggr([1, 2], 'sum')", "3", NULL},
    {"list_distance([1, 2], [4, 6])", "5", "Float64"},
    {"array_inner_product([1.5, 2], [2, 3])", "9", NULL},
    {"list_dot_product([], [])", "0", NULL},
    {"list_negative_inner_product([1, 2], [3, 4])", "-11", NULL},
    {"list_cosine_similarity([1, 0], [2, 0])", "1", NULL},
    {"list_cosine_distance([1, 0], [0, 2])", "1", NULL},
    {"list_cosine_similarity([0], [2])", "NaN", NULL},
    {"list_distance([1], [1, 2])", "error: list_distance: the lists differ in length", NULL},
    {"list_distance([1, NULL], [1, 2])", "error: list_distance: element 2 is NULL", NULL},
    {"list_distance(['a'], ['b'])", "error: no variant of 'list_distance'", NULL},
};

static const fixture_row TEXTS[] = {
    {"string_split('a,b,,c', ',')", "[\"a\",\"b\",\"\",\"c\"]", "List(Utf8)"},
    {"string_split('aXYbXY', 'XY')", "[\"a\",\"b\",\"\"]", NULL},
    {"string_split('', ',')", "[\"\"]", NULL},
    {"string_split('a\xc3\xa9', '')", "[\"a\",\"\xc3\xa9\"]", NULL},
    {"string_split('ab', NULL)", "NULL", NULL},
    {"str_split('a b', ' ')[2]", "b", NULL},
    {"regexp_extract_all('a1b22', '[0-9]+')", "[\"1\",\"22\"]", "List(Utf8)"},
    {"regexp_extract_all('a1b2', '([a-z])([0-9])', 1)", "[\"a\",\"b\"]", NULL},
    {"regexp_extract_all('abc', '')", "[\"\",\"\",\"\",\"\"]", NULL},
    {"regexp_extract_all('abc', 'x')", "[]", NULL},
    {"regexp_extract_all('ab', '(a)|b', 1)", "[\"a\",\"\"]", NULL},
    {"regexp_extract_all('ab', 'a', 1)", "error: the expression has no group 1", NULL},
    {"regexp_split_to_array('a1b22c', '[0-9]')", "[\"a\",\"b\",\"\",\"c\"]", NULL},
    {"regexp_split_to_array('abc', '')", "[\"a\",\"b\",\"c\"]", NULL},
    {"string_split_regex('', 'x')", "[\"\"]", NULL},
    {"regexp_split_to_array('xax', 'x')", "[\"\",\"a\",\"\"]", NULL},
    {"array_to_string(['a', NULL, 'b'], ', ')", "a, b", "Utf8"},
    {"array_to_string(['a', NULL, 'b'], ',', '*')", "a,*,b", NULL},
    {"array_to_string([1, 2], '-')", "1-2", NULL},
    {"array_to_string([], '-')", "", NULL},
    {"array_to_string([NULL, 1.5], '-')", "1.5", NULL},
};

static void order_of_elements(void **state)
{
    FIXTURE_CHECK(state, ORDER);
}

static void sums_and_ranges(void **state)
{
    FIXTURE_CHECK(state, SUMS);
}

static void texts_and_lists(void **state)
{
    FIXTURE_CHECK(state, TEXTS);
}

static const fixture_row LAMBDAS[] = {
    {"list_transform([1, 2, NULL], x -> x + 1)", "[2,3,null]", "List(Int32)"},
    {"list_transform([1, 2], lambda x: x * 2)", "[2,4]", NULL},
    {"list_transform([5, 6], (x, i) -> x * i)", "[5,12]", "List(Int64)"},
    {"list_transform([], x -> 1)", "[]", "List(Int32)"},
    {"list_transform([NULL, 2], x -> x IS NULL)", "[true,false]", NULL},
    {"list_transform(NULL, x -> 1)", "NULL", NULL},
    {"list_transform(['a', NULL], x -> x || ' and a text that is long')",
     "[\"a and a text that is long\",null]", "List(Utf8)"},
    {"list_apply([[1, 2], [3]], x -> list_transform(x, y -> y + len(x)))", "[[3,4],[4]]", NULL},
    {"list_transform([1, 2], x -> {'a': x})[2].a", "2", NULL},
    {"list_transform([{'a': 1}, {'a': 2}], s -> s.a)", "[1,2]", NULL},
    {"apply([1, 2], x -> 7)", "[7,7]", NULL},
    {"list_filter([1, NULL, 3, 4], x -> x > 2)", "[3,4]", "List(Int32)"},
    {"filter(['a', 'b'], (x, i) -> i = 2)", "[\"b\"]", NULL},
    {"list_filter([1, 2], x -> NULL)", "[]", NULL},
    {"list_reduce([1, 2, 3], (a, x) -> a + x)", "6", "Int32"},
    {"list_reduce([1, 2, 3], (a, x) -> a + x, 100)", "106", NULL},
    {"list_reduce([1, 2, 3], (a, x, i) -> a + i, 100)", "106", NULL},
    {"list_reduce([], (a, x) -> a + x, 5)", "5", NULL},
    {"list_reduce([7], (a, x) -> a + x)", "7", NULL},
    {"list_reduce([1, 2], (a, x) -> a + x * 0.5)", "2.0", NULL},
    {"list_reduce(['b', 'c'], (a, x) -> a || x || ', and so on', 'a')",
     "ab, and so onc, and so on", "Utf8"},
    {"reduce([[1], [2, 3]], (a, x) -> a || x)", "[1,2,3]", NULL},
    {"len(list_transform(repeat([1, 2], 1500), x -> x + 1))", "3000", NULL},
    {"list_transform(repeat([1, 2], 1500), x -> x + 1)[-1]", "3", NULL},
    {"list_reduce(repeat([1, 2], 1500), (a, x) -> a + x)", "4500", NULL},
    {"list_filter(repeat(['ab', 'cd'], 1200), x -> x = 'cd')[1200]", "cd", NULL},
    {"list_transform([1, 0], x -> 1 / x)", "error: division by zero", NULL},
    {"list_transform([1], (x, i, j) -> x)",
     "error: the lambda of list_transform() has 1 or 2 parameters, not 3", NULL},
    {"list_filter([1], x -> x)", "error: list_filter needs a Boolean, this is Int32", NULL},
    {"list_transform([1], x -> y)", "error: unknown column 'y'", NULL},
    {"list_transform(1, x -> x)", "error: a lambda runs over a List, not Int32", NULL},
    {"list_trasform([1], x -> x)",
     "error: list_trasform() takes no lambda (did you mean 'list_transform'?)", NULL},
    {"list_transform([1], x -> random())", "error: a lambda cannot draw random values", NULL},
    {"list_reduce([1], (a, x) -> 'b')", "error: begins with Int32, its lambda gives Utf8", NULL},
};

static const fixture_row CASTS[] = {
    {"[1, NULL]::text[]", "[\"1\",null]", "List(Utf8)"},
    {"CAST([1.5, 2.4] AS int[])", "[2,2]", "List(Int32)"},
    {"CAST([[1], []] AS list<list<double>>)", "[[1],[]]", "List(List(Float64))"},
    {"CAST([300] AS tinyint[])", "error: cannot cast", NULL},
    {"TRY_CAST([300, 1] AS tinyint[])", "[null,1]", "List(Int8)"},
    {"{'a': 1, 'b': 2}::STRUCT(b BIGINT, a TEXT)", "{\"b\":2,\"a\":\"1\"}", NULL},
    {"{'a': 1}::STRUCT(A TEXT, c INT)", "{\"A\":\"1\",\"c\":null}", NULL},
    {"{'a': 1}::STRUCT(b INT)", "error: there is no cast from Struct(a Int32) to Struct(b Int32)", NULL},
    {"CAST([{'a': 1}, NULL] AS STRUCT(a TEXT)[])", "[{\"a\":\"1\"},null]", NULL},
    {"CAST(MAP {1: 2} AS MAP(INT, TEXT))", "[{\"key\":1,\"value\":\"2\"}]", "Map(Int32, Utf8)"},
    {"CAST(MAP {1.2: 2} AS MAP(INT, INT))", "[{\"key\":1,\"value\":2}]", "Map(Int32, Int32)"},
    {"CAST(MAP {1.2: 2, 1.3: 3} AS MAP(INT, INT))", "error: have the same key", NULL},
    {"[1]::int", "error: there is no cast from List(Int32) to Int32", NULL},
    {"MAP {1: 2}[1::bigint]", "2", NULL},
};

static void lambdas(void **state)
{
    FIXTURE_CHECK(state, LAMBDAS);
}

static void casts(void **state)
{
    FIXTURE_CHECK(state, CASTS);
}

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

static void picks(void **state)
{
    FIXTURE_CHECK(state, PICKS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(literals),
        TEST(access_by_position),
        TEST(slices),
        TEST(functions_on_lists),
        TEST(order_of_elements),
        TEST(sums_and_ranges),
        TEST(picks),
        TEST(texts_and_lists),
        TEST(lambdas),
        TEST(casts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
