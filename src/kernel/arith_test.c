/* kernel/arith_test.c — every operation, type, shape of operands and length against 128-bit arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/arith.h"
#include "kernel/test_random.h"

static const wr_physical NUMBERS[] = {
    WR_PHYS_I8, WR_PHYS_I16, WR_PHYS_I32, WR_PHYS_I64, WR_PHYS_U8,
    WR_PHYS_U16, WR_PHYS_U32, WR_PHYS_U64, WR_PHYS_F32, WR_PHYS_F64,
};

static bool is_float(wr_physical physical)
{
    return physical == WR_PHYS_F32 || physical == WR_PHYS_F64;
}

static wr_value load(wr_physical physical, const void *data, uint32_t row)
{
    static const uint8_t LOGICAL[WR_PHYS_COUNT] = {
        [WR_PHYS_I8] = WR_TYPE_I8,   [WR_PHYS_I16] = WR_TYPE_I16, [WR_PHYS_I32] = WR_TYPE_I32,
        [WR_PHYS_I64] = WR_TYPE_I64, [WR_PHYS_U8] = WR_TYPE_U8,   [WR_PHYS_U16] = WR_TYPE_U16,
        [WR_PHYS_U32] = WR_TYPE_U32, [WR_PHYS_U64] = WR_TYPE_U64, [WR_PHYS_F32] = WR_TYPE_F32,
        [WR_PHYS_F64] = WR_TYPE_F64,
    };

    return wr_value_load((wr_type){.logical = LOGICAL[physical]},
                         (const uint8_t *)data + row * wr_physical_bytes(physical));
}

static wr_i128 integer_of(const wr_value *value)
{
    return wr_type_is_unsigned(value->type) ? (wr_i128)value->u64 : value->i64;
}

/* The exact result, or false where the operation must fail. */
static bool expect_integer(wr_arith_op op, wr_i128 a, wr_i128 b, wr_i128 *out)
{
    switch (op) {
    case WR_ARITH_ADD:
        *out = a + b;
        return true;
    case WR_ARITH_SUB:
        *out = a - b;
        return true;
    case WR_ARITH_MUL:
        return !__builtin_mul_overflow(a, b, out);
    case WR_ARITH_DIV:
        *out = b ? a / b : 0;
        return b != 0;
    case WR_ARITH_MOD:
        *out = b ? a % b : 0;
        return b != 0;
    case WR_ARITH_BIT_AND:
        *out = a & b;
        return true;
    case WR_ARITH_BIT_OR:
        *out = a | b;
        return true;
    default:
        *out = a ^ b;
        return true;
    }
}

static bool expect_float(wr_physical physical, wr_arith_op op, double a, double b, double *out)
{
    bool single = physical == WR_PHYS_F32;

    switch (op) {
    case WR_ARITH_ADD:
        *out = single ? (float)a + (float)b : a + b;
        return true;
    case WR_ARITH_SUB:
        *out = single ? (float)a - (float)b : a - b;
        return true;
    case WR_ARITH_MUL:
        *out = single ? (float)a * (float)b : a * b;
        return true;
    case WR_ARITH_DIV:
        *out = single ? (float)a / (float)b : a / b;
        return b != 0 || isnan(a);
    default:
        *out = single ? (double)(float)fmod(a, b) : fmod(a, b);
        return b != 0 || isnan(a);
    }
}

/* Compare one row; returns false if the operation must fail there. */
static bool check_row(wr_physical physical, wr_arith_op op, const void *left, const void *right,
                      const void *out, uint32_t i, uint32_t j, uint32_t row)
{
    wr_value a = load(physical, left, i), b = load(physical, right, j),
             result = load(physical, out, row);
    wr_i128  exact;
    double   x;

    if (is_float(physical)) {
        if (!expect_float(physical, op, a.f64, b.f64, &x))
            return false;
        if (isnan(x))
            assert_true(isnan(result.f64));
        else
            assert_memory_equal(&result.f64, &x, sizeof x);
        return true;
    }
    if (!expect_integer(op, integer_of(&a), integer_of(&b), &exact))
        return false;
    result.i64 = (int64_t)exact;
    wr_value_store(&result, &x);
    result = wr_value_load(result.type, &x);
    if (integer_of(&result) != exact)
        return false;
    assert_memory_equal(&x, (const uint8_t *)out + row * wr_physical_bytes(physical),
                        wr_physical_bytes(physical));
    return true;
}

static void check_shape(wr_physical physical, wr_arith_op op, uint32_t row_count, int shape)
{
    _Alignas(16) uint8_t left[TEST_ROWS_MAX * 8], right[TEST_ROWS_MAX * 8], out[TEST_ROWS_MAX * 8];
    uint16_t     rows[TEST_ROWS_MAX];
    wr_operand   a = {left, shape == 1}, b = {right, shape == 2};
    wr_selection selection = test_random_rows(row_count, rows);
    uint32_t     bytes = wr_physical_bytes(physical), first_failure = WR_ROW_NONE;
    bool         failed;

    for (uint32_t row = 0; row < TEST_ROWS_MAX; row++) {
        test_random_cell(physical, left + row * bytes);
        test_random_cell(physical, right + row * bytes);
    }
    memset(out, 0x5a, sizeof out);
    failed = wr_arith(op, physical, a, b, selection, out);
    for (uint32_t i = 0, row = 0; row < TEST_ROWS_MAX; row++) {
        if (i == selection.row_count || wr_selection_row(&selection, i) != row) {
            for (uint32_t byte = 0; byte < bytes; byte++)
                assert_int_equal(out[row * bytes + byte], 0x5a);
            continue;
        }
        i++;
        if (!check_row(physical, op, left, right, out, a.constant ? 0 : row, b.constant ? 0 : row,
                       row) && first_failure == WR_ROW_NONE)
            first_failure = row;
    }
    assert_int_equal(failed, first_failure != WR_ROW_NONE);
    assert_int_equal(wr_arith_find(op, physical, a, b, selection), first_failure);
}

static void every_operation_is_exact_or_fails(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof NUMBERS / sizeof NUMBERS[0]; p++)
        for (uint32_t op = 0; op < WR_ARITH_OP_COUNT; op++) {
            if (is_float(NUMBERS[p]) && op > WR_ARITH_MOD)
                continue;
            for (uint32_t row_count = 0; row_count < TEST_ROWS_MAX; row_count++)
                for (int shape = 0; shape < 3; shape++)
                    check_shape(NUMBERS[p], (wr_arith_op)op, row_count, shape);
        }
}

static void shifts_check_their_count(void **state)
{
    int32_t      values[] = {1, -8, 5, 1}, out[4];
    int64_t      counts[] = {31, 1, 32, -1};
    wr_selection two = {NULL, 2}, all = {NULL, 4};
    wr_operand   a = {values, false}, b = {counts, false};

    (void)state;
    assert_false(wr_arith_shift(true, WR_PHYS_I32, a, b, two, out));
    assert_int_equal(out[0], INT32_MIN);
    assert_int_equal(out[1], -16);
    assert_false(wr_arith_shift(false, WR_PHYS_I32, a, b, two, out));
    assert_int_equal(out[0], 0);
    assert_int_equal(out[1], -4);
    assert_true(wr_arith_shift(true, WR_PHYS_I32, a, b, all, out));
    assert_int_equal(wr_arith_shift_find(WR_PHYS_I32, b, all), 2);
    assert_int_equal(wr_arith_shift_find(WR_PHYS_I32, b, two), WR_ROW_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_exact_or_fails),
        cmocka_unit_test(shifts_check_their_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
