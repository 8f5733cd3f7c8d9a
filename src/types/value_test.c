/* types/value_test.c — scalars through the physical layout, their order, string views. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "types/str.h"
#include "types/value.h"

static void store_and_load(void **state)
{
    static const uint8_t SIGNED[] = {WR_TYPE_I8, WR_TYPE_I16, WR_TYPE_I32, WR_TYPE_I64,
                                     WR_TYPE_DATE32, WR_TYPE_DATE64, WR_TYPE_TIME};
    _Alignas(16) uint8_t cell[16];
    wr_value             value, back;

    (void)state;
    for (size_t i = 0; i < sizeof SIGNED; i++) {
        value = (wr_value){.type = {.logical = SIGNED[i]}, .i64 = -7};
        wr_value_store(&value, cell);
        back = wr_value_load(value.type, cell);
        assert_true(back.i64 == -7);
        assert_false(back.is_null);
        assert_int_equal(wr_value_compare(&value, &back), 0);
    }
    value = (wr_value){.type = WR_TYPE(U16), .u64 = 65535};
    wr_value_store(&value, cell);
    assert_true(wr_value_load(value.type, cell).u64 == 65535);
    value = (wr_value){.type = WR_TYPE(F32), .f64 = 0.5};
    wr_value_store(&value, cell);
    assert_true(wr_value_load(value.type, cell).f64 == 0.5);
    value = (wr_value){.type = wr_type_decimal(38, 2)};
    value.i128 = -((wr_i128)1 << 100);
    wr_value_store(&value, cell);
    assert_true(wr_value_load(value.type, cell).i128 == value.i128);
    value = (wr_value){.type = WR_TYPE(INTERVAL), .interval = {1, -2, 3}};
    wr_value_store(&value, cell);
    back = wr_value_load(value.type, cell);
    assert_int_equal(back.interval.months, 1);
    assert_int_equal(back.interval.days, -2);
    assert_true(back.interval.us == 3);
    value = (wr_value){.type = WR_TYPE(UTF8), .text = WR_TEXT("longer than twelve")};
    wr_value_store(&value, cell);
    back = wr_value_load(value.type, cell);
    assert_int_equal(wr_value_compare(&value, &back), 0);
    value = (wr_value){.type = WR_TYPE(F64), .is_null = true, .f64 = 1};
    memset(cell, 0xff, sizeof cell);
    wr_value_store(&value, cell);
    assert_true(wr_value_load(value.type, cell).f64 == 0);
}

static int order_f64(double x, double y)
{
    wr_value a = {.type = WR_TYPE(F64), .f64 = x}, b = {.type = WR_TYPE(F64), .f64 = y};

    return wr_value_compare(&a, &b);
}

static void order_of_values(void **state)
{
    wr_value a = {.type = WR_TYPE(INTERVAL), .interval = {1, 0, 0}};
    wr_value b = {.type = WR_TYPE(INTERVAL), .interval = {0, 30, 0}};

    (void)state;
    assert_int_equal(order_f64(NAN, NAN), 0);
    assert_int_equal(order_f64(NAN, INFINITY), 1);
    assert_int_equal(order_f64(-INFINITY, NAN), -1);
    assert_int_equal(order_f64(-0.0, 0.0), 0);
    assert_int_equal(order_f64(1, 2), -1);
    assert_int_equal(wr_value_compare(&a, &b), 0);
    b.interval = (wr_interval){INT32_MAX, INT32_MAX, INT64_MAX};
    assert_int_equal(wr_value_compare(&a, &b), -1);
    a = (wr_value){.type = WR_TYPE(U64), .u64 = UINT64_MAX};
    b = (wr_value){.type = WR_TYPE(U64), .u64 = 1};
    assert_int_equal(wr_value_compare(&a, &b), 1);
}

/* Views compare like the bytes they show, for every pair of a set with shared prefixes. */
static void string_views(void **state)
{
    static const char BYTES[] = "abcdabcdabcdabcdabcdabcd\0abcdabcdabcdabcdabcdX";
    struct {
        size_t begin, byte_count;
    } parts[64];
    size_t count = 0;

    (void)state;
    for (size_t n = 0; n <= 20; n++)
        parts[count++] = (typeof(parts[0])){0, n};
    for (size_t n = 1; n <= 21; n++)
        parts[count++] = (typeof(parts[0])){25, n};
    for (size_t n = 11; n <= 14; n++)
        parts[count++] = (typeof(parts[0])){1, n};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            wr_text x = {BYTES + parts[i].begin, parts[i].byte_count};
            wr_text y = {BYTES + parts[j].begin, parts[j].byte_count};
            wr_str  a = wr_str_of(x.bytes, x.byte_count), b = wr_str_of(y.bytes, y.byte_count);
            int     wanted = wr_text_compare(x, y), found = wr_str_compare(&a, &b);

            assert_int_equal((wanted > 0) - (wanted < 0), (found > 0) - (found < 0));
            assert_int_equal(wanted == 0, wr_str_equal(&a, &b));
            assert_true(wr_text_equal(wr_str_text(&a), x));
        }
    }
}

static void blob_handles(void **state)
{
    wr_blob blob = {.byte_count = (uint64_t)5 << 32};
    wr_str  str = wr_str_of_blob(&blob, "abcd");
    wr_str  plain = wr_str_of("0123456789012", 13);

    (void)state;
    assert_true(wr_str_is_blob(&str));
    assert_false(wr_str_is_blob(&plain));
    assert_ptr_equal(wr_str_blob(&str), &blob);
    assert_true(str.byte_count == UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_and_load),
        cmocka_unit_test(order_of_values),
        cmocka_unit_test(string_views),
        cmocka_unit_test(blob_handles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
