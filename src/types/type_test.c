/* types/type_test.c — spellings of types, canonical names, schema look-up and its messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "types/type.h"
#include "types/value.h"

static void spellings(void **state)
{
    static const struct {
        const char *text, *canonical;
    } CASES[] = {
        {"bigint", "Int64"},
        {"BIGINT", "Int64"},
        {"Int8", "Int8"},
        {"int", "Int32"},
        {"int unsigned", "UInt32"},
        {"UInt16", "UInt16"},
        {"varchar(20)", "Utf8"},
        {"CHARACTER  VARYING (20)", "Utf8"},
        {"Utf8", "Utf8"},
        {"large_utf8", "Utf8"},
        {"bytea", "Binary"},
        {"numeric(10,2)", "Decimal(10, 2)"},
        {"decimal128(38, 0)", "Decimal(38, 0)"},
        {"decimal(5)", "Decimal(5, 0)"},
        {"decimal", "Decimal(38, 10)"},
        {"double precision", "Float64"},
        {"float", "Float64"},
        {"float(24)", "Float32"},
        {"float(25)", "Float64"},
        {"real", "Float32"},
        {"Bool", "Boolean"},
        {"date", "Date32"},
        {"date32[day]", "Date32"},
        {"Date64", "Date64"},
        {"time", "Time(us)"},
        {"time32(ms)", "Time(ms)"},
        {"time(0)", "Time(s)"},
        {"timestamp", "Timestamp(us)"},
        {"timestamp(3)", "Timestamp(ms)"},
        {"timestamp(9)", "Timestamp(ns)"},
        {"timestamp with time zone", "Timestamp(us, UTC)"},
        {"timestamp(3) with time zone", "Timestamp(ms, UTC)"},
        {"timestamptz", "Timestamp(us, UTC)"},
        {"Timestamp(us, UTC)", "Timestamp(us, UTC)"},
        {"timestamp[ns, tz=UTC]", "Timestamp(ns, UTC)"},
        {"Timestamp(Nanosecond, None)", "Timestamp(ns)"},
        {"Timestamp(Microsecond, Some(\"+01:00\"))", "Timestamp(us, +01:00)"},
        {"timestamp(s, +0530)", "Timestamp(s, +05:30)"},
        {"interval", "Interval"},
        {"UUID", "Uuid"},
        {" null ", "Null"},
    };
    char     buffer[WR_TYPE_NAME_BYTES];
    wr_error err = {0};
    wr_type  type, again;

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (wr_type_parse(wr_text_of(CASES[i].text), &type, &err) != WR_OK)
            fail_msg("%s: %s", CASES[i].text, err.message);
        assert_string_equal(wr_type_format(type, buffer), CASES[i].canonical);
        assert_int_equal(wr_type_parse(wr_text_of(buffer), &again, &err), WR_OK);
        assert_true(wr_type_equal(type, again));
    }
}

static void bad_spellings(void **state)
{
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {"", "a type is missing"},
        {"strin", "unknown type 'strin' (did you mean 'string'?)"},
        {"qqqqqqqq", "unknown type 'qqqqqqqq'"},
        {"decimal(0)", "bad type 'decimal(0)': the precision must be 1 to 38 digits"},
        {"decimal(39, 2)", "bad type 'decimal(39, 2)': the precision must be 1 to 38 digits"},
        {"decimal(10, 11)", "bad type 'decimal(10, 11)': the scale must be 0 to 10"},
        {"decimal(10, 2, 3)", "bad type 'decimal(10, 2, 3)': too many arguments"},
        {"decimal(10, 2", "bad type 'decimal(10, 2': a closing bracket is missing"},
        {"bigint(20)", "bad type 'bigint(20)': it takes no arguments"},
        {"varchar(x)", "bad type 'varchar(x)': 'x' is not a length"},
        {"timestamp(10)",
         "bad type 'timestamp(10)': expected 0 to 9 fraction digits or s, ms, us, ns"},
        {"time(us, UTC)", "bad type 'time(us, UTC)': too many arguments"},
        {"(10)", "unknown type '(10)'"},
    };
    wr_error err = {0};
    wr_type  type = WR_TYPE(BOOL);
    char     long_text[4000];

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(wr_type_parse(wr_text_of(CASES[i].text), &type, &err), WR_INVALID);
        assert_string_equal(err.message, CASES[i].message);
    }
    memset(long_text, 'x', sizeof long_text);
    assert_int_equal(wr_type_parse((wr_text){long_text, sizeof long_text}, &type, &err),
                     WR_INVALID);
    assert_int_equal(type.logical, WR_TYPE_BOOL);
}

static void physical_facts(void **state)
{
    (void)state;
    assert_int_equal(wr_type_physical(wr_type_decimal(18, 2)), WR_PHYS_I64);
    assert_int_equal(wr_type_physical(wr_type_decimal(19, 2)), WR_PHYS_I128);
    assert_int_equal(wr_type_physical(WR_TYPE(DATE32)), WR_PHYS_I32);
    assert_int_equal(wr_physical_bytes(WR_PHYS_STR), 16);
    assert_int_equal(wr_physical_bytes(WR_PHYS_INTERVAL), sizeof(wr_interval));
    for (unsigned i = 0; i < WR_TYPE_COUNT; i++) {
        wr_type type = {.logical = (uint8_t)i, .precision = 10};
        bool    number = (i >= WR_TYPE_I8 && i <= WR_TYPE_DECIMAL);

        assert_int_equal(wr_type_is_numeric(type), number);
        assert_false(wr_type_is_text(type) && wr_type_is_temporal(type));
    }
}

static void schema_look_up(void **state)
{
    wr_field fields[] = {
        {WR_TEXT("ts"), WR_TYPE(DATE32), true},     {WR_TEXT("Amount"), WR_TYPE(F64), true},
        {WR_TEXT("amount_2"), WR_TYPE(F64), true},  {WR_TEXT("Key"), WR_TYPE(I64), false},
        {WR_TEXT("KEY"), WR_TYPE(I64), false},
    };
    wr_schema schema = {5, fields};
    wr_error  err = {0};
    bool      ambiguous;

    (void)state;
    assert_int_equal(wr_schema_find(&schema, WR_TEXT("amount"), &ambiguous), 1);
    assert_false(ambiguous);
    assert_int_equal(wr_schema_find(&schema, WR_TEXT("KEY"), NULL), 4);
    assert_int_equal(wr_schema_find(&schema, WR_TEXT("key"), &ambiguous), WR_FIELD_NONE);
    assert_true(ambiguous);
    assert_int_equal(wr_schema_find(&schema, WR_TEXT("tsx"), &ambiguous), WR_FIELD_NONE);
    assert_false(ambiguous);

    assert_int_equal(wr_schema_raise_unknown(&schema, WR_TEXT("amuont"), "filter", &err),
                     WR_INVALID);
    assert_string_equal(err.message, "unknown column 'amuont' in filter (did you mean 'Amount'? "
                                     "columns: ts, Amount, amount_2, Key, KEY)");
    assert_int_equal(wr_schema_raise_unknown(&schema, WR_TEXT("key"), "sort", &err), WR_INVALID);
    assert_string_equal(err.message,
                        "ambiguous column 'key' in sort: several columns differ from it only in "
                        "case; write the name exactly");
}

static void messages_of_wide_schemas_are_bounded(void **state)
{
    static char     names[1000][64];
    static wr_field fields[1000];
    wr_schema       schema = {1000, fields};
    wr_error        err = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        memset(names[i], 'a' + i % 26, 64);
        fields[i] = (wr_field){{names[i], 64}, WR_TYPE(I64), true};
    }
    assert_int_equal(wr_schema_raise_unknown(&schema, WR_TEXT("0"), NULL, &err), WR_INVALID);
    assert_non_null(strstr(err.message, "..., ... 1000 in all)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings),
        cmocka_unit_test(bad_spellings),
        cmocka_unit_test(physical_facts),
        cmocka_unit_test(schema_look_up),
        cmocka_unit_test(messages_of_wide_schemas_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
