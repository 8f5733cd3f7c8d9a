/* kernel/convert_test.c — every pair of numeric types against conversion through wide types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/convert.h"
#include "kernel/test_random.h"

static const wr_type TYPES[] = {
    {.logical = WR_TYPE_I8},  {.logical = WR_TYPE_I16}, {.logical = WR_TYPE_I32},
    {.logical = WR_TYPE_I64}, {.logical = WR_TYPE_U8},  {.logical = WR_TYPE_U16},
    {.logical = WR_TYPE_U32}, {.logical = WR_TYPE_U64}, {.logical = WR_TYPE_F32},
    {.logical = WR_TYPE_F64},
};

/* What must come out, or false where the value does not fit. long double holds all 64-bit integers. */
static bool expect(const wr_value *in, wr_type to, wr_value *out)
{
    long double x = wr_type_is_float(in->type)      ? (long double)in->f64
                    : wr_type_is_unsigned(in->type) ? (long double)in->u64
                                                    : (long double)in->i64;
    unsigned    bits = 8 * wr_physical_bytes(wr_type_physical(to));

    *out = (wr_value){.type = to};
    if (to.logical == WR_TYPE_F32) {
        out->f64 = (float)x;
        return !isinf(out->f64) || isinf(x);
    }
    if (to.logical == WR_TYPE_F64) {
        out->f64 = (double)x;
        return true;
    }
    x = rintl(x);
    if (wr_type_is_unsigned(to)) {
        if (!(x >= 0 && x < ldexpl(1, (int)bits)))
            return false;
        out->u64 = (uint64_t)x;
    } else {
        if (!(x >= -ldexpl(1, (int)bits - 1) && x < ldexpl(1, (int)bits - 1)))
            return false;
        out->i64 = (int64_t)x;
    }
    return true;
}

static void check_pair(wr_type from, wr_type to, uint32_t row_count)
{
    _Alignas(16) uint8_t in[TEST_ROWS_MAX * 8], out[TEST_ROWS_MAX * 8];
    uint16_t     rows[TEST_ROWS_MAX];
    wr_selection selection = test_random_rows(row_count, rows);
    wr_physical  from_physical = wr_type_physical(from), to_physical = wr_type_physical(to);
    bool         fails = false, any_failed;

    for (uint32_t row = 0; row < TEST_ROWS_MAX; row++)
        test_random_cell(from_physical, in + row * wr_physical_bytes(from_physical));
    any_failed = wr_convert(from_physical, to_physical, in, selection, out);
    for (uint32_t i = 0; i < selection.row_count; i++) {
        uint32_t row = wr_selection_row(&selection, i);
        wr_value value = wr_value_load(from, in + row * wr_physical_bytes(from_physical));
        wr_value result = wr_value_load(to, out + row * wr_physical_bytes(to_physical)), exact;
        bool     fits = expect(&value, to, &exact);

        fails |= !fits;
        if (fits)
            assert_int_equal(wr_value_compare(&result, &exact), 0);
    }
    assert_int_equal(any_failed, fails);
}

static void every_pair_is_exact_or_fails(void **state)
{
    size_t count = sizeof TYPES / sizeof TYPES[0];

    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            for (uint32_t row_count = 0; row_count < TEST_ROWS_MAX; row_count++)
                check_pair(TYPES[i], TYPES[j], row_count);
}

static void halves_round_to_even(void **state)
{
    double  in[] = {0.5, 1.5, 2.5, -0.5, -1.5, 2.4999};
    int32_t out[6], expected[] = {0, 2, 2, 0, -2, 2};

    (void)state;
    assert_false(wr_convert(WR_PHYS_F64, WR_PHYS_I32, in, wr_rows_all(6), out));
    assert_memory_equal(out, expected, sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_is_exact_or_fails),
        cmocka_unit_test(halves_round_to_even),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
