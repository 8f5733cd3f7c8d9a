/* base/option_test.c — every kind of option: defaults, values, ranges, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/option.h"

typedef struct sample {
    bool         header;
    int64_t      skip;
    double       ratio;
    uint64_t     buffer_bytes;
    int32_t      delimiter, quote;
    wr_text      path, password;
    int32_t      mode;
    wr_text_list nulls;
} sample;

static const char *const MODES[] = {"error", "overwrite", "append", NULL};

static const wr_option_def SAMPLE[] = {
    {"header", WR_OPTION_BOOL, 0, offsetof(sample, header), "true", 0, 0, NULL, "first line"},
    {"skip", WR_OPTION_INT, 0, offsetof(sample, skip), "0", -5, 100, NULL, "rows to skip"},
    {"ratio", WR_OPTION_FLOAT, 0, offsetof(sample, ratio), "0.5", 0, 0, NULL, "ratio"},
    {"buffer", WR_OPTION_BYTES, 0, offsetof(sample, buffer_bytes), "1MiB", 4096, 1 << 30, NULL,
     "buffer"},
    {"delimiter", WR_OPTION_CHAR, 0, offsetof(sample, delimiter), ",", 0, 0, NULL, "delimiter"},
    {"quote", WR_OPTION_CHAR, 0, offsetof(sample, quote), NULL, 0, 0, NULL, "quote"},
    {"path", WR_OPTION_TEXT, 0, offsetof(sample, path), NULL, 0, 0, NULL,
     "file to read"},
    {"password", WR_OPTION_TEXT, WR_OPTION_SECRET, offsetof(sample, password), NULL, 0, 0, NULL,
     "password"},
    {"mode", WR_OPTION_ENUM, 0, offsetof(sample, mode), NULL, 0, 0, MODES, "mode"},
    {"null", WR_OPTION_LIST, 0, offsetof(sample, nulls), "NULL", 0, 0, NULL, "texts for null"},
    {NULL},
};

static const wr_option_def SECRET[] = {
    {"pin", WR_OPTION_INT, WR_OPTION_SECRET, 0, NULL, 0, 0, NULL, "pin"},
    {NULL},
};

static wr_status set(sample *options, const char *name, const char *value, wr_error *err)
{
    return wr_option_set(SAMPLE, options, wr_text_of(name), wr_text_of(value), err);
}

static void defaults(void **state)
{
    sample options = {0};

    (void)state;
    wr_options_default(SAMPLE, &options);
    assert_true(options.header);
    assert_int_equal(options.skip, 0);
    assert_true(options.ratio == 0.5);
    assert_int_equal(options.buffer_bytes, 1 << 20);
    assert_int_equal(options.delimiter, ',');
    assert_int_equal(options.quote, -1);
    assert_null(options.path.bytes);
    assert_int_equal(options.mode, 0);
    assert_int_equal(options.nulls.count, 1);
    assert_false(options.nulls.given);
}

static void values(void **state)
{
    sample options = {0};

    (void)state;
    wr_options_default(SAMPLE, &options);
    assert_int_equal(set(&options, "header", "No", NULL), WR_OK);
    assert_false(options.header);
    assert_int_equal(set(&options, "skip", "-5", NULL), WR_OK);
    assert_int_equal(options.skip, -5);
    assert_int_equal(set(&options, "ratio", "1.25e-2", NULL), WR_OK);
    assert_true(options.ratio == 1.25e-2);
    assert_int_equal(set(&options, "buffer", "64KiB", NULL), WR_OK);
    assert_int_equal(options.buffer_bytes, 65536);
    assert_int_equal(set(&options, "delimiter", "\\t", NULL), WR_OK);
    assert_int_equal(options.delimiter, '\t');
    assert_int_equal(set(&options, "delimiter", "|", NULL), WR_OK);
    assert_int_equal(options.delimiter, '|');
    assert_int_equal(set(&options, "delimiter", "\xa7", NULL), WR_OK);
    assert_int_equal(options.delimiter, 0xa7);
    assert_int_equal(set(&options, "quote", "none", NULL), WR_OK);
    assert_int_equal(options.quote, -1);
    assert_int_equal(set(&options, "mode", "append", NULL), WR_OK);
    assert_int_equal(options.mode, 2);
    assert_int_equal(set(&options, "null", "NA", NULL), WR_OK);
    assert_int_equal(set(&options, "null", "", NULL), WR_OK);
    assert_int_equal(options.nulls.count, 2);
    assert_true(options.nulls.given);
    assert_true(wr_text_equal(options.nulls.items[0], WR_TEXT("NA")));
}

static void messages(void **state)
{
    static const struct {
        const char *name, *value, *message;
    } CASES[] = {
        {"hedaer", "true", "unknown option 'hedaer' (did you mean 'header'?)"},
        {"header", "maybe", "option 'header': 'maybe' is not true or false"},
        {"skip", "1.5", "option 'skip': '1.5' is not a whole number"},
        {"skip", "", "option 'skip': '' is not a whole number"},
        {"skip", "99999999999999999999",
         "option 'skip': '99999999999999999999' is not a whole number"},
        {"skip", "101", "option 'skip': 101 is not between -5 and 100"},
        {"ratio", "nan", "option 'ratio': 'nan' is not a number"},
        {"ratio", "0x1p3", "option 'ratio': '0x1p3' is not a number"},
        {"ratio", "1e999", "option 'ratio': '1e999' is not a number"},
        {"ratio", "1-2", "option 'ratio': '1-2' is not a number"},
        {"buffer", "lots", "option 'buffer': 'lots' is not a size such as 64MB or 16MiB"},
        {"buffer", "1kB", "option 'buffer': '1kB' is not between 4.1 kB and 1.1 GB"},
        {"delimiter", "ab", "option 'delimiter': 'ab' is not one byte, tab or none"},
        {"mode", "apend",
         "option 'mode': unknown value 'apend', expected error, overwrite or append (did you mean "
         "'append'?)"},
    };
    sample   options = {0};
    wr_error err = {0};

    (void)state;
    wr_options_default(SAMPLE, &options);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(set(&options, CASES[i].name, CASES[i].value, &err), WR_INVALID);
        assert_string_equal(err.message, CASES[i].message);
    }
    assert_int_equal(options.skip, 0);
}

static void secrets_are_not_printed(void **state)
{
    wr_error err = {0};
    int64_t  pin = 0;

    (void)state;
    assert_int_equal(wr_option_set(SECRET, &pin, WR_TEXT("pin"), WR_TEXT("hunter2"), &err),
                     WR_INVALID);
    assert_null(strstr(err.message, "hunter2"));
}

static void list_is_bounded(void **state)
{
    sample options = {0};

    (void)state;
    for (int i = 0; i < WR_TEXT_LIST_MAX; i++)
        assert_int_equal(set(&options, "null", "x", NULL), WR_OK);
    assert_int_equal(set(&options, "null", "x", NULL), WR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),        cmocka_unit_test(values),
        cmocka_unit_test(messages),        cmocka_unit_test(secrets_are_not_printed),
        cmocka_unit_test(list_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
