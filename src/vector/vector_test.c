/* vector/vector_test.c — every encoding × width × selection: copies against values read one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "vector/vector.h"

enum { DICT_ROWS = 37, ROOM_BYTES = 16 * WR_BATCH_ROWS_MAX + WR_BATCH_ROWS_MAX / 8 };

static uint64_t seed = 1;

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 33;
}

/* One vector under test with everything behind it. */
typedef struct sample {
    wr_vector      vector, dict;
    wr_vector_cell cell;
    uint32_t       codes[WR_BATCH_ROWS_MAX];
    _Alignas(16) uint8_t room[ROOM_BYTES];
} sample;

static const wr_type TYPES[] = {
    {.logical = WR_TYPE_BOOL}, {.logical = WR_TYPE_I16},
    {.logical = WR_TYPE_F32},  {.logical = WR_TYPE_I64},
    {.logical = WR_TYPE_UTF8}, {.logical = WR_TYPE_DECIMAL, .precision = 38},
};

static void fill_room(wr_vector *vector, bool has_nulls)
{
    uint32_t width = wr_physical_bytes(wr_type_physical(vector->type));
    uint8_t *data = vector->data;

    for (uint32_t row = 0; row < WR_BATCH_ROWS_MAX; row++) {
        if (vector->type.logical == WR_TYPE_UTF8) {
            char   text[8] = {(char)('a' + next_random() % 26), (char)('a' + next_random() % 26)};
            wr_str str = wr_str_of(text, next_random() % 3);
            memcpy(data + row * 16, &str, 16);
        } else {
            for (uint32_t i = 0; i < width; i++)
                data[row * width + i] = (uint8_t)(next_random() & (width == 1 ? 1 : 0x3f));
        }
        if (has_nulls)
            wr_bit_put(vector->valid, row, next_random() % 4 != 0);
    }
    if (!has_nulls)
        vector->valid = NULL;
}

static void make_sample(sample *s, wr_encoding encoding, wr_type type, bool has_nulls,
                        uint32_t rows)
{
    wr_vector *flat = encoding == WR_DICT ? &s->dict : &s->vector;
    wr_value   value;

    wr_vector_init_at(flat, type, s->room);
    fill_room(flat, has_nulls);
    switch (encoding) {
    case WR_FLAT:
        break;
    case WR_DICT:
        s->dict.row_count = DICT_ROWS;
        for (uint32_t row = 0; row < rows; row++)
            s->codes[row] = (uint32_t)(next_random() % DICT_ROWS);
        s->vector = (wr_vector){.type = type, .encoding = WR_DICT, .codes = s->codes,
                                .dict = &s->dict, .flags = 0};
        break;
    case WR_CONST:
        value = wr_value_load(type, s->room);
        value.is_null = has_nulls;
        wr_vector_set_const(&s->vector, &value, rows, &s->cell);
        break;
    case WR_SEQ:
        s->vector = (wr_vector){.type = type, .encoding = WR_SEQ, .seq_first = -5, .seq_step = 3};
        break;
    }
    s->vector.row_count = rows;
}

static void assert_same(const wr_vector *a, uint32_t a_row, const wr_vector *b, uint32_t b_row)
{
    wr_value x = wr_vector_value(a, a_row), y = wr_vector_value(b, b_row);

    assert_int_equal(x.is_null, y.is_null);
    if (!x.is_null)
        assert_int_equal(wr_value_compare(&x, &y), 0);
}

static uint32_t random_rows(uint16_t *rows, uint32_t row_count, unsigned keep_of_8)
{
    uint32_t count = 0;

    for (uint32_t row = 0; row < row_count; row++)
        if (next_random() % 8 < keep_of_8)
            rows[count++] = (uint16_t)row;
    return count;
}

static void check_copies(const sample *s, bool select)
{
    static _Alignas(16) uint8_t room[ROOM_BYTES];
    const wr_vector *in = &s->vector;
    uint16_t         rows[WR_BATCH_ROWS_MAX];
    wr_selection     selection = {NULL, in->row_count};
    wr_vector        out;

    if (select)
        selection = (wr_selection){rows, random_rows(rows, in->row_count, 5)};
    wr_vector_init_at(&out, in->type, room);
    wr_vector_gather(in, selection.rows, selection.row_count, &out);
    assert_int_equal(out.encoding, WR_FLAT);
    assert_int_equal(out.row_count, selection.row_count);
    for (uint32_t i = 0; i < selection.row_count; i++)
        assert_same(in, wr_selection_row(&selection, i), &out, i);

    memset(room, 0, sizeof room);
    wr_vector_init_at(&out, in->type, room);
    out.valid = NULL;
    wr_vector_flatten(in, &selection, &out);
    assert_int_equal(out.row_count, in->row_count);
    for (uint32_t i = 0; i < selection.row_count; i++) {
        uint32_t row = wr_selection_row(&selection, i);
        assert_same(in, row, &out, row);
    }
}

static void copies_of_every_encoding(void **state)
{
    static const uint32_t COUNTS[] = {0, 1, 63, 64, 65, 129, 1000, WR_BATCH_ROWS_MAX};
    static sample         s;

    (void)state;
    for (size_t t = 0; t < sizeof TYPES / sizeof TYPES[0]; t++) {
        for (unsigned encoding = WR_FLAT; encoding <= WR_SEQ; encoding++) {
            if (encoding == WR_SEQ && TYPES[t].logical != WR_TYPE_I64)
                continue;
            for (size_t c = 0; c < sizeof COUNTS / sizeof COUNTS[0]; c++) {
                for (unsigned variant = 0; variant < 4; variant++) {
                    make_sample(&s, (wr_encoding)encoding, TYPES[t], variant & 1, COUNTS[c]);
                    check_copies(&s, variant & 2);
                }
            }
        }
    }
}

static void views_agree_with_values(void **state)
{
    static sample s;
    int64_t       scratch[WR_BATCH_ROWS_MAX];

    (void)state;
    for (unsigned encoding = WR_FLAT; encoding <= WR_SEQ; encoding++) {
        make_sample(&s, (wr_encoding)encoding, WR_TYPE(I64), encoding & 1, 300);
        wr_vector_view view = wr_vector_view_of(&s.vector, scratch);

        for (uint32_t row = 0; row < 300; row++) {
            uint32_t at = view.index ? view.index[row] : row;
            wr_value value = wr_vector_value(&s.vector, row);

            assert_int_equal(!value.is_null, !view.valid || wr_bit_get(view.valid, at));
            if (!value.is_null)
                assert_true(((const int64_t *)view.data)[at] == value.i64);
        }
    }
}

/* Two branches of a CASE fill disjoint rows; nulls of one do not touch the other. */
static void flatten_merges_disjoint_rows(void **state)
{
    static _Alignas(16) uint8_t room[ROOM_BYTES];
    static sample a, b;
    uint16_t      even[100], odd[100];
    wr_vector     out;

    (void)state;
    make_sample(&a, WR_DICT, WR_TYPE(I64), false, 200);
    make_sample(&b, WR_FLAT, WR_TYPE(I64), true, 200);
    for (uint16_t i = 0; i < 100; i++) {
        even[i] = (uint16_t)(2 * i);
        odd[i] = (uint16_t)(2 * i + 1);
    }
    wr_vector_init_at(&out, WR_TYPE(I64), room);
    out.valid = NULL;
    wr_vector_flatten(&a.vector, &(wr_selection){even, 100}, &out);
    assert_null(out.valid);
    wr_vector_flatten(&b.vector, &(wr_selection){odd, 100}, &out);
    assert_non_null(out.valid);
    for (uint32_t row = 0; row < 200; row++)
        assert_same(row % 2 ? &b.vector : &a.vector, row, &out, row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_every_encoding),
        cmocka_unit_test(views_agree_with_values),
        cmocka_unit_test(flatten_merges_disjoint_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
