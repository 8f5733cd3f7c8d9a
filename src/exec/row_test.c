/* exec/row_test.c — rows against the values they were made of: every type, encoding and selection. */
#include "exec/row_fixture.h"

enum { PAGE = 16384, SEED = 7 };

static char scratch[LONG_BYTES_MAX], other_scratch[LONG_BYTES_MAX];

typedef struct rows {
    wr_row_layout layout;
    wr_row_store  store;
    wr_lease      lease;
    uint8_t      *rows[WR_BATCH_ROWS_MAX];
    uint32_t      bytes[WR_BATCH_ROWS_MAX];
} rows;

static void rows_open(rows *r, row_fixture *f, const wr_type *types, uint32_t column_count,
                      uint32_t pages)
{
    wr_lease *leases[] = {&r->lease};
    uint32_t  least = wr_row_bytes_least(types, column_count, 0);
    uint32_t  page_bytes = wr_row_page_bytes(least, PAGE);

    memset(r, 0, sizeof *r);
    wr_lease_init(&r->lease, "rows", (uint64_t)pages * page_bytes, 0, PAGE);
    assert_int_equal(wr_lease_open_all(f->arena, leases, 1, NULL), WR_OK);
    assert_int_equal(wr_row_layout_init(&r->layout, types, column_count, 0, NULL,
                                        wr_row_bytes_max(page_bytes), &f->bump, NULL), WR_OK);
    wr_row_store_init(&r->store, &r->layout, &r->lease, page_bytes, f->exec.spill);
}

static void rows_close(rows *r)
{
    wr_row_store_release(&r->store);
    wr_lease_close(&r->lease);
}

/* Room for the rows from `first` on; how many the lease has pages for. */
static uint32_t take_rows(rows *r, uint32_t first, uint32_t count)
{
    uint32_t done = 0;

    while (done < count) {
        r->rows[first + done] = wr_row_store_take(&r->store, r->bytes[first + done]);
        if (r->rows[first + done])
            done++;
        else if (!wr_row_store_add_page(&r->store))
            break;
    }
    return done;
}

/* Write all selected rows of the batch, spilling when the lease is spent. */
static void write_batch(rows *r, row_fixture *f, const wr_vector *columns,
                        const wr_selection *selection)
{
    wr_row_measure(&r->layout, columns, selection, r->bytes);
    for (uint32_t first = 0, count; first < selection->row_count; first += count) {
        count = take_rows(r, first, selection->row_count - first);
        assert_int_equal(wr_row_write(&r->layout, columns, selection, first, count, r->rows + first,
                                      f->exec.spill, NULL), WR_OK);
        if (count == 0)
            assert_int_equal(wr_row_store_spill(&r->store, 0, NULL), WR_OK);
    }
}

static void check_columns(const rows *r, const wr_vector *columns, const wr_selection *selection)
{
    static _Alignas(64) uint8_t room[16 * WR_BATCH_ROWS_MAX + WR_BATCH_ROWS_MAX / 8];

    for (uint32_t c = 0; c < r->layout.column_count; c++) {
        wr_vector out;
        bool      any_null = false;

        wr_vector_init_at(&out, r->layout.types[c], room);
        wr_row_read(&r->layout, c, (const uint8_t *const *)r->rows, selection->row_count, &out);
        for (uint32_t i = 0; i < selection->row_count; i++) {
            uint32_t row = wr_selection_row(selection, i);
            wr_value expected = vector_value(&columns[c], row, scratch);
            wr_value actual = vector_value(&out, i, other_scratch);

            assert_int_equal(wr_row_bytes(r->rows[i]), r->bytes[i]);
            assert_true(same_value(&expected, &actual));
            assert_int_equal(wr_row_is_null(&r->layout, r->rows[i], c), expected.is_null);
            any_null |= expected.is_null;
        }
        assert_int_equal(out.valid != NULL, any_null);
    }
}

static void rows_hold_what_was_written(void **state)
{
    row_fixture  f;
    row_batch    b;
    rows         r;
    uint16_t     picked[WR_BATCH_ROWS_MAX];

    (void)state;
    row_fixture_open(&f, PAGE, 400, 2, PAGE);
    row_batch_open(&b, EVERY_TYPE, EVERY_TYPE_COUNT);
    rows_open(&r, &f, EVERY_TYPE, EVERY_TYPE_COUNT, 100);
    for (uint32_t count = 0; count <= WR_BATCH_ROWS_MAX; count = count * 3 + 1) {
        uint32_t selected = 0;

        row_batch_fill(&b, count % 2 ? ROWS_RANDOM : ROWS_ASCENDING, count, 0, count, WR_FIELD_NONE,
                       scratch);
        for (uint32_t i = 0; i < count; i++) {
            picked[selected] = (uint16_t)i;
            selected += random_of(count, i, 0) % 3 > 0;
        }
        write_batch(&r, &f, b.columns, &b.batch.selection);
        check_columns(&r, b.columns, &b.batch.selection);
        write_batch(&r, &f, b.columns, &(wr_selection){picked, selected});
        check_columns(&r, b.columns, &(wr_selection){picked, selected});
        wr_row_store_release(&r.store);
    }
    rows_close(&r);
    row_batch_close(&b);
    row_fixture_close(&f);
}

/* The same values in every encoding; string columns in a dictionary hold the nulls there. */
static void every_encoding_is_written(void **state)
{
    static const wr_type TYPES[] = {{.logical = WR_TYPE_I64}, {.logical = WR_TYPE_UTF8},
                                    {.logical = WR_TYPE_I64}, {.logical = WR_TYPE_I16},
                                    {.logical = WR_TYPE_UTF8}};
    row_fixture    f;
    row_batch      b;
    rows           r;
    wr_vector      columns[5];
    wr_vector_cell cells[2];
    uint32_t       codes[WR_BATCH_ROWS_MAX];
    uint16_t       picked[300];
    wr_value       text = {.type = TYPES[1], .text = WR_TEXT("a constant of some length")};
    wr_value       null = {.type = TYPES[3], .is_null = true};

    (void)state;
    row_fixture_open(&f, PAGE, 200, 2, PAGE);
    row_batch_open(&b, TYPES, 5);
    rows_open(&r, &f, TYPES, 5, 100);
    row_batch_fill(&b, ROWS_RANDOM, SEED, 0, 50, WR_FIELD_NONE, scratch);
    for (uint32_t i = 0; i < WR_BATCH_ROWS_MAX; i++)
        codes[i] = (uint32_t)(random_of(SEED, i, 1) % 50);
    for (uint32_t i = 0; i < 300; i++)
        picked[i] = (uint16_t)(3 * i + 2);
    for (uint32_t c = 0; c < 2; c++) {
        uint32_t column = c == 0 ? 0 : 4;

        columns[column] = (wr_vector){.type = TYPES[column], .encoding = WR_DICT,
                                      .row_count = WR_BATCH_ROWS_MAX, .codes = codes,
                                      .dict = &b.columns[column]};
    }
    wr_vector_set_const(&columns[1], &text, WR_BATCH_ROWS_MAX, &cells[0]);
    wr_vector_set_const(&columns[3], &null, WR_BATCH_ROWS_MAX, &cells[1]);
    columns[2] = (wr_vector){.type = TYPES[2], .encoding = WR_SEQ, .row_count = WR_BATCH_ROWS_MAX,
                             .seq_first = -100, .seq_step = 7};
    write_batch(&r, &f, columns, &(wr_selection){NULL, WR_BATCH_ROWS_MAX});
    check_columns(&r, columns, &(wr_selection){NULL, WR_BATCH_ROWS_MAX});
    write_batch(&r, &f, columns, &(wr_selection){picked, 300});
    check_columns(&r, columns, &(wr_selection){picked, 300});
    rows_close(&r);
    row_batch_close(&b);
    row_fixture_close(&f);
}

/* Rows never exceed row_bytes_max; long values come back from the blob stream, also a second time. */
static void long_values_travel_as_blobs(void **state)
{
    static const wr_type TYPES[] = {{.logical = WR_TYPE_UTF8}, {.logical = WR_TYPE_I32},
                                    {.logical = WR_TYPE_BINARY}, {.logical = WR_TYPE_UTF8}};
    static _Alignas(64) uint8_t rooms[4][16 * WR_BATCH_ROWS_MAX + WR_BATCH_ROWS_MAX / 8];
    row_fixture f;
    row_batch   b;
    rows        r, again;
    wr_vector   read_back[4];
    bool        any_blob = false, equal;

    (void)state;
    row_fixture_open(&f, PAGE, 100, 2, PAGE);
    row_batch_open(&b, TYPES, 4);
    rows_open(&r, &f, TYPES, 4, 40);
    rows_open(&again, &f, TYPES, 4, 40);
    row_batch_fill(&b, ROWS_LONG, SEED, 0, 40, WR_FIELD_NONE, scratch);
    write_batch(&r, &f, b.columns, &b.batch.selection);
    check_columns(&r, b.columns, &b.batch.selection);
    for (uint32_t c = 0; c < 4; c++) {
        wr_vector_init_at(&read_back[c], TYPES[c], rooms[c]);
        wr_row_read(&r.layout, c, (const uint8_t *const *)r.rows, 40, &read_back[c]);
        any_blob |= read_back[c].flags & WR_VECTOR_BLOBS;
    }
    assert_true(any_blob);
    write_batch(&again, &f, read_back, &b.batch.selection);
    check_columns(&again, b.columns, &b.batch.selection);
    for (uint32_t i = 0; i < 40; i++) {
        assert_true(r.bytes[i] <= r.layout.row_bytes_max);
        assert_int_equal(wr_row_equal(&r.layout, r.rows[i], again.rows[i], 4, &equal, NULL), WR_OK);
        assert_true(equal);
        assert_int_equal(wr_row_equal(&r.layout, r.rows[i], again.rows[(i + 1) % 40], 4, &equal, NULL),
                         WR_OK);
        assert_false(equal);
    }
    rows_close(&r);
    rows_close(&again);
    row_batch_close(&b);
    row_fixture_close(&f);
}

static void equality_follows_the_values(void **state)
{
    row_fixture f;
    row_batch   b;
    rows        r;

    (void)state;
    row_fixture_open(&f, PAGE, 300, 2, PAGE);
    row_batch_open(&b, EVERY_TYPE, EVERY_TYPE_COUNT);
    for (uint32_t c = 0; c < EVERY_TYPE_COUNT; c++) {
        row_batch one = {.batch = {.columns = &b.columns[c], .column_count = 1}};
        char      text[1 << 16];

        one.columns[0] = b.columns[c];
        one.batch.columns = one.columns;
        one.text = text;
        one.text_bytes = sizeof text;
        rows_open(&r, &f, &EVERY_TYPE[c], 1, 20);
        row_batch_fill(&one, c % 2 ? ROWS_FEW : ROWS_RANDOM, SEED, 0, 60, WR_FIELD_NONE, scratch);
        write_batch(&r, &f, one.columns, &one.batch.selection);
        for (uint32_t i = 0; i < 60; i++) {
            for (uint32_t k = 0; k < 60; k++) {
                wr_value x = vector_value(&one.columns[0], i, scratch);
                wr_value y = vector_value(&one.columns[0], k, other_scratch);
                bool     equal;

                assert_int_equal(wr_row_equal(&r.layout, r.rows[i], r.rows[k], 1, &equal, NULL), WR_OK);
                assert_int_equal(equal, same_value(&x, &y));
            }
        }
        rows_close(&r);
    }
    row_batch_close(&b);
    row_fixture_close(&f);
}

/* A row's content does not depend on where it lies. */
static void rows_can_be_moved(void **state)
{
    static const wr_type TYPES[] = {{.logical = WR_TYPE_UTF8}, {.logical = WR_TYPE_U8}};
    static _Alignas(8) uint8_t copies[WR_BATCH_ROWS_MAX][1024];
    row_fixture f;
    row_batch   b;
    rows        r;

    (void)state;
    row_fixture_open(&f, PAGE, 100, 2, PAGE);
    row_batch_open(&b, TYPES, 2);
    rows_open(&r, &f, TYPES, 2, 60);
    row_batch_fill(&b, ROWS_RANDOM, SEED, 0, WR_BATCH_ROWS_MAX, WR_FIELD_NONE, scratch);
    write_batch(&r, &f, b.columns, &b.batch.selection);
    for (uint32_t i = 0; i < WR_BATCH_ROWS_MAX; i++) {
        memcpy(copies[i], r.rows[i], wr_row_bytes(r.rows[i]));
        r.rows[i] = copies[i];
    }
    wr_row_store_release(&r.store);
    check_columns(&r, b.columns, &b.batch.selection);
    rows_close(&r);
    row_batch_close(&b);
    row_fixture_close(&f);
}

/* FIFO through memory and disk, twice over and then consumed. */
static void stores_give_rows_in_order(void **state)
{
    static const wr_type TYPES[] = {{.logical = WR_TYPE_I64}, {.logical = WR_TYPE_UTF8}};
    static uint8_t       buffer[PAGE];
    row_fixture          f;
    row_batch            b;
    rows                 r;
    uint64_t             total = 0;

    (void)state;
    row_fixture_open(&f, PAGE, 100, 2, PAGE);
    row_batch_open(&b, TYPES, 2);
    rows_open(&r, &f, TYPES, 2, 10);
    for (uint32_t round = 0; round < 20; round++) {
        row_batch_fill(&b, ROWS_RANDOM, SEED, total, 900, 0, scratch);
        write_batch(&r, &f, b.columns, &b.batch.selection);
        total += 900;
    }
    assert_int_equal(r.store.row_count, total);
    assert_true(r.store.stream.block_count > 0 && r.store.page_count > 0);
    for (int pass = 0; pass < 3; pass++) {
        wr_row_reader      reader;
        const wr_row_page *page;
        const uint8_t     *row;
        uint64_t           expected = 0;

        wr_row_reader_init(&reader, &r.store, buffer, pass == 2);
        for (;;) {
            uint32_t offset = 0;

            assert_int_equal(wr_row_reader_next(&reader, &page, NULL), WR_OK);
            if (!page)
                break;
            while (wr_row_page_rows(page, &offset, 1, &row) == 1)
                assert_int_equal(wr_load_u64(wr_row_slot(&r.layout, row, 0)), expected++);
        }
        assert_int_equal(expected, total);
        assert_int_equal(wr_row_reader_next(&reader, &page, NULL), WR_OK);
        assert_null(page);
    }
    assert_int_equal(r.lease.pages_used, 0);
    assert_int_equal(row_fixture_disk_bytes(&f), 0);
    rows_close(&r);
    row_batch_close(&b);
    row_fixture_close(&f);
}

static void failed_spills_are_errors(void **state)
{
    static const wr_type TYPES[] = {{.logical = WR_TYPE_I64}, {.logical = WR_TYPE_UTF8}};
    row_fixture f;
    row_batch   b;
    rows        r;
    wr_error    err = {0};

    (void)state;
    row_fixture_open(&f, PAGE, 100, 2, PAGE);
    row_batch_open(&b, TYPES, 2);
    rows_open(&r, &f, TYPES, 2, 10);
    row_batch_fill(&b, ROWS_ASCENDING, SEED, 0, 1000, 0, scratch);
    write_batch(&r, &f, b.columns, &b.batch.selection);
    assert_int_equal(wr_fault_configure("write:1+", NULL, NULL), WR_OK);
    assert_int_equal(wr_row_store_spill(&r.store, 0, &err), WR_NO_SPACE);
    assert_true(err.message[0] != '\0');
    row_batch_fill(&b, ROWS_LONG, SEED, 0, 10, 0, scratch);
    wr_row_measure(&r.layout, b.columns, &b.batch.selection, r.bytes);
    assert_int_equal(take_rows(&r, 0, 10), 10);
    assert_int_equal(wr_row_write(&r.layout, b.columns, &b.batch.selection, 0, 10, r.rows,
                                  f.exec.spill, &err), WR_NO_SPACE);
    rows_close(&r);
    row_batch_close(&b);
    row_fixture_close(&f);
}

static void wide_schemas_get_wide_pages(void **state)
{
    wr_type  types[1000];
    uint32_t least, page_bytes;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        types[i] = i % 2 ? WR_TYPE(UTF8) : WR_TYPE(I16);
    least = wr_row_bytes_least(types, 1000, 0);
    assert_int_equal(least, 136 + 500 * (16 + 2 + 64));
    page_bytes = wr_row_page_bytes(least, PAGE);
    assert_int_equal(page_bytes, 262144);
    assert_true(wr_row_bytes_max(page_bytes) >= least);
    assert_int_equal(wr_row_page_bytes(16, PAGE), PAGE);
    assert_int_equal(wr_row_bytes_max(PAGE), 4088);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_hold_what_was_written),
        cmocka_unit_test(every_encoding_is_written),
        cmocka_unit_test(long_values_travel_as_blobs),
        cmocka_unit_test(equality_follows_the_values),
        cmocka_unit_test(rows_can_be_moved),
        cmocka_unit_test(stores_give_rows_in_order),
        cmocka_unit_test(failed_spills_are_errors),
        cmocka_unit_test(wide_schemas_get_wide_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
