/* bind/operator_test.c — precedence, NULLs, CASE, IN, comparisons, literals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bind/evaluate_fixture.h"

static const fixture_row PRECEDENCE_IS_POSTGRESQLS[] = {
    {"2 + 3 * 4", "14", "Int32"},
    {"-2 ^ 2", "4", "Float64"},
    {"2 ^ 3 ^ 2", "64", "Float64"},
    {"2 ^ -1", "0.5", "Float64"},
    {"10 - 4 - 3", "3", "Int32"},
    {"100 / 10 / 2", "5", "Int32"},
    {"100 / 10 * 2", "20", "Int32"},
    {"7 % 4 * 2", "6", "Int32"},
    {"-7 % 4", "-3", "Int32"},
    {"-7 / 2", "-3", "Int32"},
    {"NOT true OR true", "true", "Boolean"},
    {"NOT (true OR true)", "false", "Boolean"},
    {"true OR true AND false", "true", "Boolean"},
    {"1 = 1 AND NOT 2 = 3", "true", "Boolean"},
    {"NOT 1 = 2", "true", "Boolean"},
    {"1 < 2 = true", "error: comparisons do not chain: write a < b AND b < c", NULL},
    {"(1 < 2) = true", "true", "Boolean"},
    {"1 + 1 = 2", "true", "Boolean"},
    {"'a' || 'b' = 'ab'", "true", "Boolean"},
    {"1 + 2 || 'x'", "3x", "Utf8"},
    {"'x' || 1 + 2", "x3", "Utf8"},
    {"1 | 2 & 3", "3", "Int32"},
    {"6 & 3 | 8", "10", "Int32"},
    {"1 << 2 + 1", "8", "Int32"},
    {"2 + 1 << 2", "12", "Int32"},
    {"~5", "-6", "Int32"},
    {"~5 + 1", "-7", "Int32"},
    {"-(-5)", "5", "Int32"},
    {"- - 5", "5", "Int32"},
    {"+5", "5", "Int32"},
    {"1 <> 2", "true", "Boolean"},
    {"1 != 2", "true", "Boolean"},
    {"1 == 1", "true", "Boolean"},
    {"true && false", "false", "Boolean"},
    {"3 BETWEEN 1 AND 5 AND true", "true", "Boolean"},
    {"3 NOT BETWEEN 1 AND 5", "false", "Boolean"},
    {"5 BETWEEN SYMMETRIC 7 AND 3", "true", "Boolean"},
    {"5 BETWEEN SYMMETRIC NULL AND 3", "NULL", "Boolean"},
    {"2 BETWEEN NULL AND 1", "false", "Boolean"},
    {"1 IS NULL", "false", "Boolean"},
    {"NULL IS NULL", "true", "Boolean"},
    {"1 + NULL IS NULL", "true", "Boolean"},
    {"1 IS NOT NULL AND false", "false", "Boolean"},
    {"NOT 1 IS NULL", "true", "Boolean"},
    {"NULL IS TRUE", "false", "Boolean"},
    {"NULL IS NOT FALSE", "true", "Boolean"},
    {"NULL::boolean IS UNKNOWN", "true", "Boolean"},
    {"true IS UNKNOWN", "false", "Boolean"},
    {"1 IS DISTINCT FROM NULL", "true", "Boolean"},
    {"NULL IS NOT DISTINCT FROM NULL", "true", "Boolean"},
    {"1 IS NOT DISTINCT FROM 1", "true", "Boolean"},
    {"CASE WHEN NULL THEN 1 ELSE 2 END", "2", "Int32"},
    {"CASE 1 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END", "a", "Utf8"},
    {"CASE 3 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END", "NULL", "Utf8"},
    {"CASE NULL WHEN NULL THEN 1 ELSE 2 END", "2", "Int32"},
    {"CASE WHEN true THEN 1 ELSE 1.5 END", "1.0", "Decimal(2, 1)"},
    {"CASE WHEN false THEN 1 WHEN NULL THEN 2 END", "NULL", "Int32"},
    {"CASE WHEN true THEN 1 ELSE 1/0 END", "1", "Int32"},
    {"CASE WHEN false THEN 1/0 ELSE 7 END", "7", "Int32"},
    {"CASE WHEN 1/0 = 1 THEN 1 ELSE 7 END", "error: division by zero: 1 / 0", NULL},
    {"CASE WHEN true THEN 'a' ELSE 1 END", "error: cannot cast 'a' to Int32", NULL},
    {"CASE WHEN true THEN DATE '2024-01-01' ELSE TIMESTAMP '2024-01-01 10:00:00' END",
     "2024-01-01 00:00:00", "Timestamp(us)"},
};

static void precedence_is_postgresqls(void **state)
{
    FIXTURE_CHECK(state, PRECEDENCE_IS_POSTGRESQLS);
}

static const fixture_row LOGIC_HAS_THREE_VALUES[] = {
    {"true AND true", "true", "Boolean"},
    {"true AND false", "false", "Boolean"},
    {"true AND NULL", "NULL", "Boolean"},
    {"false AND NULL", "false", "Boolean"},
    {"NULL AND NULL", "NULL", "Boolean"},
    {"true OR NULL", "true", "Boolean"},
    {"false OR NULL", "NULL", "Boolean"},
    {"NULL OR NULL", "NULL", "Boolean"},
    {"NOT NULL", "NULL", "Boolean"},
    {"NULL AND false OR true", "true", "Boolean"},
    {"false AND 1/0 = 1", "false", "Boolean"},
    {"true OR 1/0 = 1", "true", "Boolean"},
    {"NULL::boolean AND 1/0 = 1", "error: division by zero: 1 / 0", NULL},
    {"1/0 = 1 AND false", "error: division by zero: 1 / 0", NULL},
    {"true AND 1", "error: AND needs a Boolean, this is Int32", NULL},
    {"true = NULL", "NULL", "Boolean"},
    {"true > false", "true", "Boolean"},
};

static void logic_has_three_values(void **state)
{
    FIXTURE_CHECK(state, LOGIC_HAS_THREE_VALUES);
}

static const fixture_row IN_KNOWS_NULLS[] = {
    {"1 IN (1, 2)", "true", "Boolean"},
    {"3 IN (1, 2)", "false", "Boolean"},
    {"3 IN (1, NULL)", "NULL", "Boolean"},
    {"1 IN (1, NULL)", "true", "Boolean"},
    {"NULL IN (1, 2)", "NULL", "Boolean"},
    {"NULL IN (NULL)", "NULL", "Boolean"},
    {"1 NOT IN (1, 2)", "false", "Boolean"},
    {"3 NOT IN (1, NULL)", "NULL", "Boolean"},
    {"3 NOT IN (1, 2)", "true", "Boolean"},
    {"1 IN (1.0, 2)", "true", "Boolean"},
    {"1.5 IN (1, 2)", "false", "Boolean"},
    {"'a' IN ('a')", "true", "Boolean"},
    {"'nan'::double IN (1e0, 'nan'::double)", "true", "Boolean"},
    {"0e0 IN (-0e0)", "true", "Boolean"},
    {"DATE '2024-01-01' IN ('2024-01-01', '2025-01-01')", "true", "Boolean"},
    {"1 IN (2, 1/0)", "error: division by zero: 1 / 0", NULL},
    {"1 IN (1, 1/0)", "true", "Boolean"},
    {"1::tinyint IN (1, 300)", "true", "Boolean"},
    {"1::utinyint IN (-1, 1)", "true", "Boolean"},
    {"(-1)::bigint IN (18446744073709551615::ubigint)", "false", "Boolean"},
    {"true IN (true, false)", "true", "Boolean"},
    {"1 IN ('1', '2')", "true", "Boolean"},
    {"INTERVAL '1 month' IN (INTERVAL '30 days')", "true", "Boolean"},
    {"TIME '10:00' IN ('10:00:00')", "true", "Boolean"},
    {"UUID '00000000-0000-0000-0000-000000000001' IN ('00000000-0000-0000-0000-000000000001'"
     ", NULL)",
     "true", "Boolean"},
    {"1.10 IN (1.1, 2.25)", "true", "Boolean"},
    {"'x'::binary IN ('x'::binary)", "true", "Boolean"},
};

static void in_knows_nulls(void **state)
{
    FIXTURE_CHECK(state, IN_KNOWS_NULLS);
}

static const fixture_row COMPARISONS_FIND_A_COMMON_TYPE[] = {
    {"1 < 1.5", "true", "Boolean"},
    {"1.0 = 1", "true", "Boolean"},
    {"'a' < 'B'", "false", "Boolean"},
    {"'a' < 'ab'", "true", "Boolean"},
    {"'' < 'a'", "true", "Boolean"},
    {"'é' > 'z'", "true", "Boolean"},
    {"'nan'::double = 'nan'::double", "true", "Boolean"},
    {"'nan'::double > 'infinity'::double", "true", "Boolean"},
    {"'nan'::double < 1", "false", "Boolean"},
    {"0.0e0 = -0.0e0", "true", "Boolean"},
    {"1::float = 1.0", "true", "Boolean"},
    {"0.1::float = 0.1", "true", "Boolean"},
    {"0.1::float = 0.1::double", "true", "Boolean"},
    {"16777217::int = 16777216::float", "false", "Boolean"},
    {"9007199254740993 = 9007199254740992e0", "true", "Boolean"},
    {"18446744073709551615::ubigint > -1", "true", "Boolean"},
    {"18446744073709551615::ubigint = 18446744073709551615", "true", "Boolean"},
    {"-1::tinyint < 255::utinyint", "true", "Boolean"},
    {"true < false", "false", "Boolean"},
    {"DATE '2024-01-01' < TIMESTAMP '2024-01-01 00:00:01'", "true", "Boolean"},
    {"DATE '2024-01-01' = TIMESTAMP '2024-01-01 00:00:00'", "true", "Boolean"},
    {"TIMESTAMP '2024-01-01 00:00:00' = '2024-01-01'", "true", "Boolean"},
    {"TIMESTAMPTZ '2024-01-01 00:00:00+00' = TIMESTAMPTZ '2024-01-01 02:00:00+02'",
     "true", "Boolean"},
    {"INTERVAL '1 month' = INTERVAL '30 days'", "true", "Boolean"},
    {"INTERVAL '1 day' = INTERVAL '24 hours'", "true", "Boolean"},
    {"INTERVAL '1 month' > INTERVAL '29 days 23 hours'", "true", "Boolean"},
    {"TIME '10:00' < TIME '10:00:01'", "true", "Boolean"},
    {"UUID 'ffffffff-ffff-ffff-ffff-ffffffffffff' > UUID '00000000-0000-0000-0000-0000000000"
     "00'",
     "true", "Boolean"},
    {"1 = '1'", "true", "Boolean"},
    {"1 = 'x'", "error: cannot cast 'x' to Int32", NULL},
    {"1 = true", "error: operator = does not take (Int32, Boolean)", NULL},
    {"DATE '2024-01-01' = 1", "error: operator = does not take (Date32, Int32)", NULL},
    {"'\\x00'::binary < '\\x01'::binary", "true", "Boolean"},
    {"0.5 < 1::bigint", "true", "Boolean"},
    {"99999999999999999999999999999999999999 > 1", "true", "Boolean"},
    {"0.00000000000000000000000000000000000001 < 99999999999999999999999999999999999999",
     "true", "Boolean"},
    {"1.5e0 > 1.4", "true", "Boolean"},
    {"1e400", "error: number is out of the range of Float64", NULL},
    {"1e-400", "0", "Float64"},
};

static void comparisons_find_a_common_type(void **state)
{
    FIXTURE_CHECK(state, COMPARISONS_FIND_A_COMMON_TYPE);
}

static const fixture_row NULLS_AND_TYPES_OF_CONDITIONALS[] = {
    {"coalesce(1::tinyint, 300)", "1", "Int32"},
    {"coalesce(NULL::tinyint, 300)", "300", "Int32"},
    {"nullif(1, 1.0)", "NULL", "Int32"},
    {"nullif('a', NULL)", "a", "Utf8"},
    {"nullif(1::tinyint, 300)", "1", "Int8"},
    {"greatest(1, NULL, 3.5, 2e0)", "3.5", "Float64"},
    {"least('a', NULL)", "a", "Utf8"},
    {"greatest('2024-01-01', DATE '2023-01-01')", "2024-01-01", "Date32"},
    {"if(1 = 1, 'a', NULL)", "a", "Utf8"},
    {"CASE WHEN 1 = 1 THEN NULL ELSE 1 END", "NULL", "Int32"},
    {"CASE WHEN NULL THEN 'x' END", "NULL", "Utf8"},
    {"CASE 1 WHEN NULL THEN 'n' WHEN 1 THEN 'one' END", "one", "Utf8"},
    {"CASE WHEN 2 > 1 THEN 1::tinyint WHEN true THEN 300::smallint ELSE 70000 END", "1", "Int32"},
    {"1 BETWEEN 2 AND NULL", "false", "Boolean"},
    {"2 BETWEEN 1 AND NULL", "NULL", "Boolean"},
    {"NULL BETWEEN 1 AND 2", "NULL", "Boolean"},
    {"2 NOT BETWEEN 3 AND NULL", "true", "Boolean"},
    {"'b' BETWEEN 'a' AND 'c'", "true", "Boolean"},
    {"DATE '2024-01-15' BETWEEN '2024-01-01' AND '2024-01-31'", "true", "Boolean"},
    {"NOT (NULL IN (1))", "NULL", "Boolean"},
    {"NULL NOT IN (1)", "NULL", "Boolean"},
    {"1 NOT IN (NULL)", "NULL", "Boolean"},
    {"(1 = 1) IS NOT NULL", "true", "Boolean"},
    {"NULL = NULL", "NULL", "Boolean"},
    {"NULL <> 1", "NULL", "Boolean"},
    {"NULL IS DISTINCT FROM NULL", "false", "Boolean"},
    {"'a' IS DISTINCT FROM 'b'", "true", "Boolean"},
    {"'nan'::double IS NOT DISTINCT FROM 'nan'::double", "true", "Boolean"},
    {"true IS NOT TRUE", "false", "Boolean"},
    {"NULL IS NOT UNKNOWN", "false", "Boolean"},
    {"false IS NOT FALSE", "false", "Boolean"},
};

static void nulls_and_types_of_conditionals(void **state)
{
    FIXTURE_CHECK(state, NULLS_AND_TYPES_OF_CONDITIONALS);
}

static const fixture_row OPERATORS_SIDE_BY_SIDE[] = {
    {"1e0 / 3", "0.3333333333333333", "Float64"},
    {"2 ^ 3 * 2", "16", "Float64"},
    {"-2 ^ 0.5", "error: ^ of -2: a negative number has only integer powers", NULL},
    {"2 * 3 % 4", "2", "Int32"},
    {"1 - 1 - 1", "-1", "Int32"},
    {"5 - -3", "8", "Int32"},
    {"5 --3", "5", "Int32"},
    {"1 < 2 AND 2 < 3 OR false", "true", "Boolean"},
    {"NOT false AND false", "false", "Boolean"},
    {"NOT NOT true", "true", "Boolean"},
    {"true = NOT false", "true", "Boolean"},
    {"1 + 1 IN (2, 3)", "true", "Boolean"},
    {"1 + 1 BETWEEN 1 AND 3", "true", "Boolean"},
    {"'a' || 'b' LIKE 'a%'", "true", "Boolean"},
    {"'ab' LIKE 'a' || '%'", "true", "Boolean"},
    {"1 = 1 IS TRUE", "true", "Boolean"},
    {"1::text || '2'::text", "12", "Utf8"},
    {"(-1)::text", "-1", "Utf8"},
    {"NOT 'a' LIKE 'b'", "true", "Boolean"},
    {"1 IS NULL = false", "true", "Boolean"},
    {"a.b", "error: unknown qualifier 'a' in test: columns of a single input need none", NULL},
};

static void operators_side_by_side(void **state)
{
    FIXTURE_CHECK(state, OPERATORS_SIDE_BY_SIDE);
}

static const fixture_row LITERALS_AND_MESSAGES[] = {
    {"round('1.5')", "2", "Float64"},
    {"round('1.5', 1)", "1.5", "Float64"},
    {"abs('x')", "error: no variant of 'abs' takes (Utf8)", NULL},
    {"sqrt('4')", "2", "Float64"},
    {"1e0 = 1.0", "true", "Boolean"},
    {"1.0 IN (1e0)", "true", "Boolean"},
    {"CASE 1.0 WHEN 1 THEN 'x' END", "x", "Utf8"},
    {"0xff", "255", "Int32"},
    {"0b101", "5", "Int32"},
    {"0o17", "15", "Int32"},
    {"1_000_000", "1000000", "Int32"},
    {".5", "0.5", "Decimal(1, 1)"},
    {"5.", "5", "Decimal(1, 0)"},
    {"1e3", "1000", "Float64"},
    {"1E+3", "1000", "Float64"},
    {"$$a'b$$", "a'b", "Utf8"},
    {"TRUE", "true", "Boolean"},
    {"Null", "NULL", "Null"},
    {"date '2024-01-01'", "2024-01-01", "Date32"},
    {"CAST('1' AS decimal)", "1.0000000000", "Decimal(38, 10)"},
    {"CAST('1.5' AS numeric)", "1.5000000000", "Decimal(38, 10)"},
    {"CAST(1.5 AS numeric)", "1.5000000000", "Decimal(38, 10)"},
    {"1.5::numeric", "1.5000000000", "Decimal(38, 10)"},
    {"1::float4", "1", "Float32"},
    {"1::int8", "1", "Int8"},
    {"1::int2", "1", "Int16"},
    {"1::string", "1", "Utf8"},
    {"1::long", "1", "Int64"},
    {"CASE WHEN 1 THEN 2 END", "error: WHEN needs a Boolean, this is Int32", NULL},
    {"NOT 1", "error: NOT needs a Boolean, this is Int32", NULL},
    {"-'a'", "error: operator - does not take (Utf8)", NULL},
    {"- NULL", "NULL", "Int32"},
    {"NOT 'true'", "false", "Boolean"},
    {"'true' AND true", "true", "Boolean"},
    {"1 = ALL (1)", "error: unknown function 'all'", NULL},
    {"(1, 2) = (1, 2)",
     "error: rows (a, b) are not supported: compare the columns one by one", NULL},
    {"1 IN ()", "error: expected an expression before ')'", NULL},
    {"x", "error: unknown column 'x' in test (there are no columns)", NULL},
    {"1 +", "error: expected an expression at the end", NULL},
    {"(1", "error: expected ')' at the end", NULL},
};

static void literals_and_messages(void **state)
{
    FIXTURE_CHECK(state, LITERALS_AND_MESSAGES);
}

int main(void)
{
    const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(precedence_is_postgresqls),
        cmocka_unit_test(logic_has_three_values),
        cmocka_unit_test(in_knows_nulls),
        cmocka_unit_test(comparisons_find_a_common_type),
        cmocka_unit_test(nulls_and_types_of_conditionals),
        cmocka_unit_test(operators_side_by_side),
        cmocka_unit_test(literals_and_messages),
    };
    return cmocka_run_group_tests(TESTS, fixture_set_up, fixture_tear_down);
}
