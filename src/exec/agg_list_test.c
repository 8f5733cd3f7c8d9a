/* exec/agg_list_test.c — a list that grows has the bytes that types/packed.h writes at once, however its
 * elements come: rows of vectors, runs, or a stream that is cut anywhere. */
#include "exec/agg_list.h"
#include "exec/testkit.h"

enum { ROWS_MAX = 5000, LIST_BYTES = 8 << 20 };

static const wr_type TYPES[] = {
    {.logical = WR_TYPE_BOOL}, {.logical = WR_TYPE_I16}, {.logical = WR_TYPE_I64},
    {.logical = WR_TYPE_DECIMAL, .precision = 30, .scale = 2}, {.logical = WR_TYPE_UTF8},
};

/* The elements: row r is null where with_nulls says so; every value is a function of its row. */
typedef struct elements {
    wr_type   type;
    uint32_t  count, width;
    uint8_t  *cells; /* count of them, also under nulls */
    uint64_t  valid[ROWS_MAX / 64 + 1];
    char     *text;
} elements;

static elements elements_new(wr_type type, uint32_t count, bool with_nulls)
{
    elements e = {.type = type, .count = count,
                  .width = wr_physical_bytes(wr_type_physical(type))};

    e.cells = calloc(count + 1, e.width);
    e.text = malloc(100000);
    memset(e.text, 'x', 100000);
    for (uint32_t r = 0; r < count; r++) {
        size_t length = r % 997 == 5 ? 20000 : r % 499 == 1 ? 70000 : r % 61;
        wr_str str = wr_str_of(e.text + r % 7, length);

        if (type.logical == WR_TYPE_UTF8)
            memcpy(e.cells + (size_t)r * e.width, &str, sizeof str);
        else if (type.logical == WR_TYPE_BOOL)
            e.cells[r] = r % 3 == 0;
        else
            memcpy(e.cells + (size_t)r * e.width, &r, e.width < 4 ? e.width : 4);
        wr_bit_put(e.valid, r, !with_nulls || r % 11 != 3);
    }
    return e;
}

static bool has_nulls(const elements *e)
{
    for (uint32_t r = 0; r < e->count; r++)
        if (!wr_bit_get(e->valid, r))
            return true;
    return false;
}

static size_t pack(const elements *e, uint8_t *to)
{
    wr_packer      packer = {.bytes = to, .capacity = LIST_BYTES};
    wr_list_packer list;

    wr_list_pack_begin(&list, &packer, e->type);
    for (uint32_t r = 0; r < e->count; r++)
        wr_list_pack_cell(&list, wr_bit_get(e->valid, r) ? e->cells + (size_t)r * e->width : NULL);
    wr_list_pack_end(&list);
    assert_false(packer.is_full);
    return packer.used;
}

/* Rows first .. first + count - 1 as a vector of their own. */
static wr_vector part_of(elements *e, uint32_t first, uint32_t count, uint64_t *valid)
{
    wr_vector vector = {.type = e->type, .encoding = WR_FLAT, .row_count = count,
                        .data = e->cells + (size_t)first * e->width};

    for (uint32_t i = 0; i < count; i++)
        wr_bit_put(valid, i, wr_bit_get(e->valid, first + i));
    if (has_nulls(e))
        vector.valid = valid;
    return vector;
}

static void add_rows(wr_list_chain *list, elements *e, uint32_t step)
{
    uint64_t valid[ROWS_MAX / 64 + 1] = {0};

    for (uint32_t first = 0; first < e->count; first += step) {
        uint32_t  count = e->count - first < step ? e->count - first : step;
        wr_vector vector = part_of(e, first, count, valid);
        uint32_t  half = count / 2;

        assert_int_equal(wr_list_chain_add(list, &vector, 0, half, NULL), WR_OK);
        assert_int_equal(wr_list_chain_add(list, &vector, half, count - half, NULL), WR_OK);
    }
}

static void add_runs(wr_list_chain *list, elements *e, uint32_t step)
{
    uint64_t valid[ROWS_MAX / 64 + 1] = {0};
    uint8_t *room = malloc(step * 16 + 16);

    for (uint32_t first = 0; first < e->count;) {
        wr_vector vector = part_of(e, first, e->count - first, valid);
        uint32_t  bytes, put;

        put = wr_list_run_put(room, step + 32, &vector, 0, e->count - first, &bytes);
        assert_in_range(put, 1, e->count - first);
        assert_in_range(bytes, 1, step + 32);
        assert_int_equal(wr_list_chain_take(list, room, bytes, NULL), WR_OK);
        first += put;
    }
    assert_int_equal(wr_list_run_put(room, 5, &(wr_vector){.type = e->type}, 0, 1, &(uint32_t){0}),
                     0);
    free(room);
}

static void add_stream(wr_list_chain *list, const elements *e, uint32_t step)
{
    uint8_t *stream = malloc(LIST_BYTES);
    size_t   used = 0;

    for (uint32_t r = 0; r < e->count; r++) {
        const wr_str *str = (const wr_str *)(const void *)e->cells + r;
        bool          is_null = !wr_bit_get(e->valid, r);
        uint32_t      length = is_null ? WR_PACKED_NULL : str->byte_count;

        memcpy(stream + used, &length, sizeof length);
        used += sizeof length;
        if (!is_null)
            memcpy(stream + used, wr_str_bytes(str), length);
        used += is_null ? 0 : length;
    }
    for (size_t at = 0; at < used; at += step)
        assert_int_equal(wr_list_chain_take(list, stream + at, used - at < step ? used - at : step,
                                            NULL),
                         WR_OK);
    free(stream);
}

static void expect_bytes(const wr_str *list, const uint8_t *bytes, size_t byte_count)
{
    wr_packed packed = wr_packed_of(list);
    uint8_t  *found = malloc(byte_count + 1);

    assert_int_equal(packed.byte_count, byte_count);
    assert_int_equal(wr_packed_read(&packed, 0, found, byte_count, NULL), WR_OK);
    assert_memory_equal(found, bytes, byte_count);
    free(found);
}

static void bytes_do_not_depend_on_how_elements_come(void **state)
{
    static const uint32_t COUNTS[] = {0, 1, 3, 1023, 1024, 1025, 5000};
    uint8_t *bytes = malloc(LIST_BYTES);

    (void)state;
    for (uint32_t run = 0; run < 5 * 7 * 2; run++) {
        wr_type       type = TYPES[run % 5];
        elements      e = elements_new(type, COUNTS[run / 5 % 7], run / 35);
        size_t        byte_count = pack(&e, bytes);
        wr_list_chain list;
        wr_scratch    scratch;
        wr_lease      lease;
        wr_bump       bump;
        wr_str        made;
        kit           k;

        kit_open(&k, 200);
        kit_open_spill(&k, 65536, 1);
        wr_spill_scratch(k.exec.spill, &scratch);
        wr_lease_init(&lease, "list", wr_bump_lease_min(wr_list_chain_bytes(&k.exec), KIT_PAGE), 0,
                      KIT_PAGE);
        assert_int_equal(wr_lease_open_all(k.arena, (wr_lease *[]){&lease}, 1, NULL), WR_OK);
        wr_bump_init(&bump, &lease);
        assert_int_equal(wr_bump_reserve(&bump, wr_list_chain_bytes(&k.exec), NULL), WR_OK);
        assert_int_equal(wr_list_chain_init(&list, type, &k.exec, &scratch, &bump, NULL), WR_OK);
        for (uint32_t step = 1; step < 6000; step = step * 5 + 2) {
            for (int way = 0; way < 2; way++) {
                wr_list_chain_begin(&list);
                if (way == 0)
                    add_rows(&list, &e, step);
                else if (type.logical == WR_TYPE_UTF8)
                    add_stream(&list, &e, step);
                else
                    add_runs(&list, &e, step);
                assert_int_equal(list.total, way == 0 || type.logical != WR_TYPE_UTF8
                                                 ? e.count : list.total);
                assert_int_equal(wr_list_chain_end(&list, &made, NULL), WR_OK);
                expect_bytes(&made, bytes, byte_count);
                wr_text_chain_recycle(&list.text);
            }
        }
        wr_bump_release(&bump);
        wr_lease_close(&lease);
        kit_close(&k);
        free(e.cells);
        free(e.text);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_do_not_depend_on_how_elements_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
