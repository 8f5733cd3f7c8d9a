/* exec/agg_countmin_test.c — frequent values: stated errors on skewed, uniform and sorted data, states that
 * are the same however values are dealt out and states merged, and states that came back: whole or damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "exec/agg_family.h"
#include "types/packed.h"

enum { PARTS = 9, VALUES = 60000, NUMBERS = 100000, GIVEN_MAX = 100 };

static uint64_t mix(uint64_t x)
{
    return wr_hash_u64(x * 0x9e3779b97f4a7c15ull + 12345);
}

typedef enum spread { SKEWED, UNIFORM, SORTED, FEW, SPREADS } spread;

/* From 0 to NUMBERS - 1. */
static int64_t value_of(spread s, uint64_t i)
{
    switch (s) {
    case SKEWED:
        return (int64_t)(NUMBERS / (1 + mix(i) % NUMBERS)) % NUMBERS;
    case UNIFORM: /* half of them are 60 values, each with a share of less than 1 % */
        return (int64_t)(i % 2 ? mix(i) % 60 : mix(i) % NUMBERS);
    case SORTED:
        return (int64_t)(i < VALUES / 2 ? i : i / 700);
    default:
        return (int64_t)(mix(i) % 7);
    }
}

static void add(cells *state, spread s, uint64_t i)
{
    int64_t x = value_of(s, i);

    assert_int_equal(wr_agg_cells_add(state, WR_TYPE(I64), &x, NULL), WR_OK);
}

typedef struct given {
    uint32_t count;
    int64_t  values[GIVEN_MAX], counts[GIVEN_MAX];
} given;

static wr_type list_of(wr_type value)
{
    wr_type list;

    assert_true(wr_agg_result_type(WR_AGG_MOST_FREQUENT, value, &list));
    return list;
}

static void read_numbers(read_cells *state, uint32_t values_max, given *out)
{
    wr_type        type = list_of(WR_TYPE(I64));
    wr_str         list = wr_agg_cells_finish(state, type, values_max);
    wr_packed      packed = wr_packed_of(&list);
    wr_list_cursor cursor;
    wr_slot        entry, slots[2];
    bool           is_end;

    out->count = 0;
    wr_list_cursor_init(&cursor, &packed, type);
    for (;;) {
        assert_int_equal(wr_list_cursor_next(&cursor, &entry, &is_end, NULL), WR_OK);
        if (is_end)
            return;
        for (uint32_t m = 0; m < 2; m++) {
            wr_packed inside = wr_packed_inside(&packed, entry);

            assert_int_equal(wr_packed_member(&inside, wr_type_element(type), m, &slots[m], NULL),
                             WR_OK);
            assert_int_equal(wr_packed_read(&inside, slots[m].offset,
                                            m ? &out->counts[out->count] : &out->values[out->count],
                                            8, NULL),
                             WR_OK);
        }
        out->count++;
    }
}

/* All with a share of 1 % are there, no count is too low, and few are too high by more than 1.31 %. */
static void test_error(void **state)
{
    static read_cells sketch;
    static uint32_t   exact[NUMBERS];
    static given      found;
    uint32_t          frequent_found = 0, far = 0, all = 0;

    (void)state;
    for (spread s = 0; s < SPREADS; s++) {
        memset(&sketch, 0, sizeof sketch);
        memset(exact, 0, sizeof exact);
        for (uint64_t i = 0; i < VALUES; i++) {
            add(&sketch.cells, s, i);
            exact[value_of(s, i)]++;
        }
        read_numbers(&sketch, GIVEN_MAX, &found);
        for (uint32_t i = 0; i < found.count; i++, all++) {
            int64_t off = found.counts[i] - (int64_t)exact[found.values[i]];

            assert_true(off >= 0);
            assert_true(i == 0 || found.counts[i] <= found.counts[i - 1]);
            far += off * 10000 > VALUES * 131;
            frequent_found += exact[found.values[i]] >= VALUES / 100;
        }
        for (uint32_t i = 0; i < NUMBERS; i++)
            frequent_found -= exact[i] >= VALUES / 100;
        assert_int_equal(frequent_found, 0);
    }
    assert_true(far * 100 <= all);
}

/* Any way to deal values out, any tree of merges, through exported states or not: the same bytes. */
static void test_dealt_out(void **state)
{
    static cells whole, parts[PARTS];

    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        spread   s = (spread)(seed % SPREADS);
        uint32_t left = PARTS;

        memset(&whole, 0, sizeof whole);
        memset(parts, 0, sizeof parts);
        for (uint64_t i = 0; i < VALUES / 10; i++) {
            add(&whole, s, i);
            add(&parts[mix(i + seed * 1000003) % (PARTS - 1)], s, i); /* one has none */
        }
        while (left > 1) { /* two of them become one */
            uint32_t a = (uint32_t)(mix(left + seed * 31) % left), b = --left;
            wr_str   bytes;

            if (a == b)
                a = 0;
            if (mix(left + seed) % 2 || parts[b].fields.total == 0) {
                assert_int_equal(wr_agg_cells_merge(&parts[a], &parts[b], NULL), WR_OK);
                continue;
            }
            bytes = wr_agg_cells_export(&parts[b]);
            assert_int_equal(wr_agg_cells_import(&parts[a], &bytes, NULL, NULL), WR_OK);
        }
        parts[0].head = whole.head;
        assert_memory_equal(&whole, &parts[0], sizeof whole);
    }
}

/* ---- Keys ------------------------------------------------------------------------------------------------ */

/* The value is alone: it comes back as it is. */
static void expect_back(wr_type type, const void *value, size_t bytes)
{
    static read_cells sketch;
    wr_str            list;

    memset(&sketch, 0, sizeof sketch);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(wr_agg_cells_add(&sketch.cells, type, value, NULL), WR_OK);
    list = wr_agg_cells_finish(&sketch, list_of(type), 5);
    /* a block, the length of the struct and its bit map stand before the value */
    assert_memory_equal(wr_str_bytes(&list) + WR_LIST_HEADER_BYTES + WR_LENGTH_BYTES + 1, value, bytes);
    assert_int_equal(wr_str_bytes(&list)[list.byte_count - 8], 3);
}

static void test_keys(void **state)
{
    static const int64_t numbers[] = {0, 1, -1, INT64_MIN, INT64_MAX, 256};
    static const double  floats[] = {0.0, 1.5, -1.5, INFINITY, -INFINITY, 1e-310};
    wr_i128              wide = -((wr_i128)5 << 70);

    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        uint8_t narrow = (uint8_t)numbers[i];
        float   small = (float)floats[i];

        expect_back(WR_TYPE(I64), &numbers[i], 8);
        expect_back(WR_TYPE(U64), &numbers[i], 8);
        expect_back(WR_TYPE(I8), &narrow, 1);
        expect_back(WR_TYPE(F64), &floats[i], 8);
        expect_back(WR_TYPE(F32), &small, 4);
    }
    expect_back(WR_TYPE(UUID), &wide, 16);
    expect_back(wr_type_decimal(30, 2), &wide, 16);
}

static void test_texts(void **state)
{
    static const char *const texts[] = {"", "a", "ab", "abcdefghijklmno", "abcdefghijklmnop"};
    static read_cells        sketch;
    wr_str                   text = wr_str_of("abcdefghijklmnopq", 17), list;
    const char              *at;

    (void)state;
    memset(&sketch, 0, sizeof sketch);
    assert_int_equal(wr_agg_cells_add(&sketch.cells, WR_TYPE(UTF8), &text, NULL), WR_DATA);
    for (uint32_t i = 0; i < 5; i++) {
        text = wr_str_of(texts[i], strlen(texts[i]));
        for (uint32_t k = 0; k < 5 - i; k++)
            assert_int_equal(wr_agg_cells_add(&sketch.cells, WR_TYPE(UTF8), &text, NULL), WR_OK);
    }
    list = wr_agg_cells_finish(&sketch, list_of(WR_TYPE(UTF8)), 9);
    at = wr_str_bytes(&list) + WR_LIST_HEADER_BYTES;
    for (uint32_t i = 0; i < 5; i++) {
        size_t bytes = strlen(texts[i]);

        assert_memory_equal(at + 9, texts[i], bytes);
        assert_int_equal(at[9 + bytes], 5 - i);
        at += 9 + bytes + 8;
    }
    assert_int_equal(at - wr_str_bytes(&list), list.byte_count);
}

/* ---- Damaged states ------------------------------------------------------------------------------------------ */

static wr_status import(const void *bytes, size_t count)
{
    static cells to;
    wr_str       state = wr_str_of(bytes, count);
    wr_error     error;

    memset(&to, 0, sizeof to);
    return wr_agg_cells_import(&to, &state, NULL, &error);
}

static void test_damaged(void **state)
{
    static cells   sketch;
    static uint8_t copy[sizeof(cells) + 8];
    wr_type        other = WR_TYPE(I32);
    wr_error       error;
    wr_str         bytes;

    (void)state;
    for (uint64_t i = 0; i < 5000; i++)
        add(&sketch, SKEWED, i);
    bytes = wr_agg_cells_export(&sketch);
    memcpy(copy, wr_str_bytes(&bytes), bytes.byte_count);
    assert_int_equal(import(copy, bytes.byte_count), WR_OK);
    for (uint32_t at = 0; at < bytes.byte_count; at += at < 16 ? 1 : 509) {
        copy[at] ^= (uint8_t)(1u << at % 8);
        assert_int_equal(import(copy, bytes.byte_count), WR_DATA);
        copy[at] ^= (uint8_t)(1u << at % 8);
    }
    assert_int_equal(import(copy, bytes.byte_count - 1), WR_DATA);
    assert_int_equal(import(copy, 0), WR_DATA);
    assert_int_equal(import(copy, bytes.byte_count + 8), WR_DATA);
    assert_int_equal(wr_agg_cells_import(&sketch, &bytes, &other, &error), WR_DATA);
    assert_non_null(strstr(error.message, "values of type Int64, not Int32"));
}

/* States of two types do not go together. */
static void test_types(void **state)
{
    static cells numbers, texts;
    wr_str       text = wr_str_of("a", 1);
    wr_error     error;

    (void)state;
    add(&numbers, FEW, 1);
    assert_int_equal(wr_agg_cells_add(&texts, WR_TYPE(UTF8), &text, NULL), WR_OK);
    assert_int_equal(wr_agg_cells_merge(&numbers, &texts, &error), WR_DATA);
}

/* Whoever makes the hash right, too, gets an error or a sketch that can be read in no time. */
static void test_forged(void **state)
{
    static read_cells sketch;
    static given      found;
    static cells      forged;
    wr_str            bytes;

    (void)state;
    for (uint64_t i = 0; i < 500; i++)
        add(&forged, UNIFORM, i);
    for (uint64_t k = 0; k < 40; k++) { /* a count more makes sums that are none */
        uint64_t *cell = &forged.counts[k % CELL_KEY_BYTES][k % CELL_ROWS][mix(k) % CELL_COLUMNS];

        ++*cell;
        bytes = wr_agg_cells_export(&forged);
        assert_int_equal(import(wr_str_bytes(&bytes), bytes.byte_count), WR_DATA);
        --*cell;
    }
    for (uint32_t level = 0; level < CELL_KEY_BYTES; level++) /* everything is equally frequent */
        for (uint32_t row = 0; row < CELL_ROWS; row++)
            for (uint32_t i = 0; i < CELL_COLUMNS; i++)
                forged.counts[level][row][i] = 7;
    forged.fields.total = 7 * CELL_COLUMNS;
    for (uint32_t round = 0; round < 2; round++) { /* then more than that */
        bytes = wr_agg_cells_export(&forged);
        memset(&sketch, 0, sizeof sketch);
        assert_int_equal(wr_agg_cells_import(&sketch.cells, &bytes, NULL, NULL), WR_OK);
        sketch.cells.fields.total >>= 4 * round;
        read_numbers(&sketch, GIVEN_MAX, &found);
        assert_int_equal(found.count, round ? GIVEN_MAX : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error), cmocka_unit_test(test_dealt_out),
        cmocka_unit_test(test_keys),  cmocka_unit_test(test_texts),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_types),
        cmocka_unit_test(test_forged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
