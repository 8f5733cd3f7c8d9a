/* kernel/hash_test.c — every encoding and selection against the hash of each value by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "base/hash.h"
#include "kernel/hash.h"
#include "kernel/test_random.h"

enum { ROWS = 300, DICT_ROWS = 40, ROOM_BYTES = 16 * WR_BATCH_ROWS_MAX + WR_BATCH_ROWS_MAX / 8 };

static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

typedef struct sample {
    wr_vector      column, dict;
    wr_vector_cell cell;
    uint32_t       codes[WR_BATCH_ROWS_MAX];
    _Alignas(16) uint8_t room[ROOM_BYTES];
} sample;

static void fill(wr_vector *vector, bool has_nulls)
{
    wr_physical physical = wr_type_physical(vector->type);
    uint32_t    width = wr_physical_bytes(physical);

    for (uint32_t row = 0; row < ROWS; row++) {
        void *cell = (uint8_t *)vector->data + row * width;

        if (physical == WR_PHYS_STR) {
            size_t byte_count = test_random() % 30;
            wr_str str = wr_str_of(LETTERS + test_random() % 30, byte_count);

            memcpy(cell, &str, sizeof str);
        } else if (physical == WR_PHYS_INTERVAL) {
            wr_interval x = {(int32_t)(test_random() % 5), (int32_t)(test_random() % 99), 7};

            memcpy(cell, &x, sizeof x);
        } else {
            test_random_cell(physical, cell);
        }
        if (has_nulls)
            wr_bit_put(vector->valid, row, test_random() % 5 != 0);
    }
    if (!has_nulls)
        vector->valid = NULL;
}

static void make(sample *s, wr_encoding encoding, wr_type type, bool has_nulls)
{
    wr_vector *flat = encoding == WR_DICT ? &s->dict : &s->column;
    wr_value   value;

    wr_vector_init_at(flat, type, s->room);
    fill(flat, has_nulls);
    if (encoding == WR_DICT) {
        s->dict.row_count = DICT_ROWS;
        for (uint32_t row = 0; row < ROWS; row++)
            s->codes[row] = (uint32_t)(test_random() % DICT_ROWS);
        s->column = (wr_vector){.type = type, .encoding = WR_DICT, .codes = s->codes};
        s->column.dict = &s->dict;
    } else if (encoding == WR_CONST) {
        value = wr_value_load(type, s->room);
        value.is_null = has_nulls;
        wr_vector_set_const(&s->column, &value, ROWS, &s->cell);
    } else if (encoding == WR_SEQ) {
        s->column = (wr_vector){.type = type, .encoding = WR_SEQ, .seq_first = -9, .seq_step = 7};
    }
    s->column.row_count = ROWS;
}

/* The hash of a column of this one value. */
static uint64_t hash_value(const wr_value *value)
{
    const wr_selection one = {NULL, 1};
    wr_vector_cell     cell;
    wr_vector          column;
    uint64_t           hash;

    wr_vector_set_const(&column, value, 1, &cell);
    wr_hash_columns(&column, 1, &one, &hash);
    return hash;
}

static uint64_t hash_at(const wr_vector *column, uint32_t row)
{
    wr_value value = wr_vector_value(column, row);

    return hash_value(&value);
}

static void check(const wr_vector *columns, uint32_t column_count, const wr_selection *selection)
{
    uint64_t hashes[WR_BATCH_ROWS_MAX];

    wr_hash_columns(columns, column_count, selection, hashes);
    for (uint32_t i = 0; i < selection->row_count; i++) {
        uint32_t row = wr_selection_row(selection, i);
        uint64_t wanted = hash_at(&columns[0], row);

        for (uint32_t c = 1; c < column_count; c++)
            wanted = wr_hash_combine(wanted, hash_at(&columns[c], row));
        assert_true(hashes[i] == wanted);
    }
}

static void every_type_encoding_and_selection(void **state)
{
    static sample samples[2];
    uint16_t      rows[ROWS];
    wr_vector     columns[2];

    (void)state;
    for (uint8_t logical = 0; logical < WR_TYPE_COUNT; logical++) {
        for (unsigned variant = 0; variant < 16; variant++) {
            wr_encoding  encoding = (wr_encoding)(variant % 4);
            wr_type      type = {.logical = logical, .precision = 38};
            wr_selection selection = {NULL, ROWS};

            if (encoding == WR_SEQ && wr_type_physical(type) != WR_PHYS_I64)
                continue;
            make(&samples[0], encoding, type, variant & 4);
            make(&samples[1], WR_FLAT, WR_TYPE(I32), variant & 8);
            columns[0] = columns[1] = samples[0].column;
            check(columns, 1, &selection);
            columns[0] = samples[1].column;
            check(columns, 2, &selection); /* the tested column is the one that combines */
            selection = (wr_selection){rows, 0};
            for (uint16_t row = 0; row < ROWS; row++)
                if (test_random() % (variant & 1 ? 20 : 2) == 0)
                    rows[selection.row_count++] = row;
            check(columns, 2, &selection);
            columns[0] = samples[0].column;
            check(columns, 1, &selection);
        }
    }
}

static uint64_t hash_of_f64(double x)
{
    return hash_value(&(wr_value){.type = WR_TYPE(F64), .f64 = x});
}

static void equal_values_hash_equal(void **state)
{
    uint64_t other_nan = 0xfff8000000001234u;
    double   nan;
    wr_value month = {.type = WR_TYPE(INTERVAL), .interval = {1, 0, 0}};
    wr_value days = {.type = WR_TYPE(INTERVAL), .interval = {0, 29, 86400000000}};
    wr_value null_i64 = {.type = WR_TYPE(I64), .is_null = true};
    wr_value null_text = {.type = WR_TYPE(UTF8), .is_null = true};

    (void)state;
    memcpy(&nan, &other_nan, sizeof nan);
    assert_true(hash_of_f64(NAN) == hash_of_f64(nan));
    assert_true(hash_of_f64(-0.0) == hash_of_f64(0.0));
    assert_true(hash_of_f64(1.0) != hash_of_f64(-1.0));
    assert_true(hash_value(&month) == hash_value(&days));
    assert_true(hash_value(&null_i64) == hash_value(&null_text));
}

static void strings_and_blobs(void **state)
{
    char         bytes[100];
    wr_blob      blob = {.byte_count = sizeof bytes};
    wr_str       cells[2];
    wr_vector    column = {.type = WR_TYPE(UTF8), .encoding = WR_FLAT, .row_count = 2,
                           .flags = WR_VECTOR_BLOBS, .data = cells};
    wr_selection both = {NULL, 2};
    uint64_t     hashes[2];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)test_random();
    for (size_t byte_count = 0; byte_count <= sizeof bytes; byte_count++) {
        wr_value value = {.type = WR_TYPE(BINARY), .text = {bytes, byte_count}};

        assert_true(hash_value(&value) == wr_hash_bytes(bytes, byte_count));
    }
    blob.hash = wr_hash_bytes(bytes, sizeof bytes);
    cells[0] = wr_str_of(bytes, sizeof bytes);
    cells[1] = wr_str_of_blob(&blob, bytes);
    wr_hash_columns(&column, 1, &both, hashes);
    assert_true(hashes[0] == hashes[1]);
}

/* Runs last: the mode stays. */
static void stress_mode_makes_all_equal(void **state)
{
    static sample s;
    wr_selection  all = {NULL, ROWS};
    uint64_t      hashes[WR_BATCH_ROWS_MAX];
    wr_error      err = {0};

    (void)state;
    make(&s, WR_FLAT, WR_TYPE(I64), true);
    wr_hash_columns(&s.column, 0, &all, hashes);
    for (uint32_t i = 0; i < ROWS; i++)
        assert_true(hashes[i] == 0);
    assert_int_equal(wr_fault_configure("", "hash", &err), WR_OK);
    memset(hashes, 1, sizeof hashes);
    wr_hash_columns(&s.column, 1, &all, hashes);
    for (uint32_t i = 0; i < ROWS; i++)
        assert_true(hashes[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_encoding_and_selection),
        cmocka_unit_test(equal_values_hash_equal),
        cmocka_unit_test(strings_and_blobs),
        cmocka_unit_test(stress_mode_makes_all_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
