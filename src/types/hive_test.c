/* hive_test.c — keys and values in paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "types/hive.h"

static void folders_are_found(void **state)
{
    wr_text path = WR_TEXT("data/x=1/y/=2/city=K%C3%B6ln/z==/k=v.csv"), key, value;

    (void)state;
    assert_true(wr_hive_folder(path, 0, &key, &value));
    assert_true(wr_text_equal(key, WR_TEXT("x")) && wr_text_equal(value, WR_TEXT("1")));
    assert_true(wr_hive_folder(path, 1, &key, &value));
    assert_true(wr_text_equal(key, WR_TEXT("city")) && wr_text_equal(value, WR_TEXT("K%C3%B6ln")));
    assert_true(wr_hive_folder(path, 2, &key, &value));
    assert_true(wr_text_equal(key, WR_TEXT("z")) && wr_text_equal(value, WR_TEXT("=")));
    assert_false(wr_hive_folder(path, 3, &key, &value)); /* a file's name is none */
}

static void values_are_read(void **state)
{
    wr_text  path = WR_TEXT("n=-07/d=2026-01-31/t=2026-01-31 12%3A00%3A00/s=a%2Fb%2/e=/v=" WR_HIVE_NULL
                            "/f");
    char     buffer[WR_HIVE_BYTES_MAX];
    wr_value value;

    (void)state;
    assert_true(wr_hive_value(path, WR_TEXT("n"), WR_TYPE(I64), buffer, &value));
    assert_int_equal(value.i64, -7);
    assert_true(wr_hive_value(path, WR_TEXT("d"), WR_TYPE(DATE32), buffer, &value));
    assert_int_equal(value.i64, 20484);
    assert_false(wr_hive_value(path, WR_TEXT("s"), WR_TYPE(I64), buffer, &value));
    assert_true(wr_hive_value(path, WR_TEXT("s"), WR_TYPE(UTF8), buffer, &value));
    assert_true(wr_text_equal(value.text, WR_TEXT("a/b%2")));
    assert_true(wr_hive_value(path, WR_TEXT("e"), WR_TYPE(UTF8), buffer, &value));
    assert_int_equal(value.text.byte_count, 0);
    assert_true(wr_hive_value(path, WR_TEXT("v"), WR_TYPE(I64), buffer, &value) && value.is_null);
    assert_false(wr_hive_value(path, WR_TEXT("w"), WR_TYPE(UTF8), buffer, &value));
}

static void encoding_is_undone(void **state)
{
    char    bytes[255], encoded[3 * 255], decoded[WR_HIVE_BYTES_MAX];
    wr_text text, back;

    (void)state;
    for (int i = 0; i < 255; i++)
        bytes[i] = (char)(i + 1);
    assert_true(wr_hive_encode((wr_text){bytes, 255}, encoded, sizeof encoded, &text));
    assert_null(memchr(text.bytes, '/', text.byte_count));
    back = wr_hive_decode(text, decoded);
    assert_true(wr_text_equal(back, (wr_text){bytes, 255}));
    assert_false(wr_hive_encode((wr_text){bytes, 255}, encoded, 255, &text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_found),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(encoding_is_undone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
