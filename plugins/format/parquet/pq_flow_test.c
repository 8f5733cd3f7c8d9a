/* pq_flow_test.c — compressed pages larger than the memory for pages, read without scratch space: by
 * codec, kind of page and what is in it; cut, damaged, and rows passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bits.h"
#include "io/block_codec.h"
#include "pq_file_fixture.h"

enum { ROWS = 800000, RAW_BYTES_MAX = 32 << 20, CHUNK_BYTES = 1 << 20, SAME = 256, TEXT_BYTES = 32 };

static const struct {
    int      stored;
    wr_codec codec;
} CODECS[] = {{PQ_SNAPPY, WR_CODEC_SNAPPY}, {PQ_ZSTD, WR_CODEC_ZSTD}, {PQ_GZIP, WR_CODEC_GZIP},
              {PQ_LZ4_RAW, WR_CODEC_LZ4_RAW}};

enum { CODEC_COUNT = sizeof CODECS / sizeof CODECS[0] };

static made_file file;
static uint8_t   raw[RAW_BYTES_MAX];
static size_t    raw_bytes;

static void put(const void *bytes, size_t byte_count)
{
    assert_true(byte_count <= RAW_BYTES_MAX - raw_bytes);
    memcpy(raw + raw_bytes, bytes, byte_count);
    raw_bytes += byte_count;
}

static void put_u32(uint32_t value)
{
    put(&value, sizeof value);
}

/* Every fifth row is NULL. */
static bool is_null(uint32_t row)
{
    return row % 5 == 3;
}

/* Definition levels of one bit: packed groups of eight, all in one run. */
static size_t put_levels(bool has_length)
{
    size_t   begin = raw_bytes;
    uint64_t groups = ROWS / 8, head = groups << 1 | 1;

    if (has_length)
        put_u32(0);
    for (; head >= 0x80; head >>= 7)
        put(&(uint8_t){(uint8_t)(head | 0x80)}, 1);
    put(&(uint8_t){(uint8_t)head}, 1);
    for (uint32_t row = 0; row < ROWS; row += 8) {
        uint8_t bits = 0;

        for (uint32_t i = 0; i < 8; i++)
            bits |= (uint8_t)(!is_null(row + i) << i);
        put(&bits, 1);
    }
    if (has_length) {
        uint32_t length = (uint32_t)(raw_bytes - begin - sizeof length);

        memcpy(raw + begin, &length, sizeof length);
    }
    return raw_bytes - begin;
}

static void put_numbers(void)
{
    for (uint32_t row = 0; row < ROWS; row++)
        if (!is_null(row))
            put(&(uint64_t){row / SAME}, sizeof(uint64_t));
}

static void text_of(uint32_t row, char out[TEXT_BYTES + 1])
{
    snprintf(out, TEXT_BYTES + 1, "text %010u, and more.", row / SAME);
}

static void put_texts(void)
{
    char text[TEXT_BYTES + 1];

    for (uint32_t row = 0; row < ROWS; row++) {
        if (is_null(row))
            continue;
        text_of(row, text);
        put_u32((uint32_t)strlen(text));
        put(text, strlen(text));
    }
}

/* The rows as the scan renders them. */
static fixture_text expected_rows(bool is_text)
{
    fixture_text rows = {0};
    char         line[64];

    for (uint32_t row = 0; row < ROWS; row++) {
        if (is_null(row))
            strcpy(line, "~");
        else if (is_text)
            text_of(row, line);
        else
            snprintf(line, sizeof line, "%u", row / SAME);
        fixture_add(&rows, line, strlen(line));
        fixture_add(&rows, "\n", 1);
    }
    return rows;
}

/* A column of the page in `raw`, of which the first `plain` bytes are a v2 page's levels; `left_out` bytes
 * of what is stored are missing. */
static void add_column(int physical, int kind, unsigned codec, size_t plain, size_t left_out)
{
    wr_codec          with = CODECS[codec].codec;
    void             *workspace = malloc(wr_block_encoder_lease_min(with, 1, raw_bytes - plain));
    wr_block_encoder *encoder = wr_block_encoder_init(with, 1, raw_bytes - plain, workspace);
    uint64_t          room = wr_block_bound(with, raw_bytes - plain);
    uint8_t          *stored = malloc(plain + room);
    size_t            stored_bytes;

    memcpy(stored, raw, plain);
    assert_int_equal(wr_block_encode(encoder, raw + plain, raw_bytes - plain, stored + plain, room, &stored_bytes,
                                     NULL), WR_OK);
    made_page(&file, (made_page_of){.kind = kind, .encoding = PQ_PLAIN, .value_count = ROWS, .body = stored,
                                    .body_bytes = plain + stored_bytes - left_out,
                                    .level_bytes = {(uint32_t)plain, 0}, .raw_bytes = (uint32_t)raw_bytes});
    made_chunk_end(&file, physical, CODECS[codec].stored, ROWS);
    free(stored);
    free(workspace);
}

static void make_file(const made_element *element, int kind, unsigned codec, size_t plain, size_t left_out)
{
    made_begin(&file);
    add_column(element->physical, kind, codec, plain, left_out);
    made_file_end(&file, element, 1, 1, ROWS);
}

static void run(fixture_scan *scan)
{
    *scan = (fixture_scan){.format = &wr_format_parquet, .no_scratch = true, .batch_rows = 1024,
                           .chunk_bytes = CHUNK_BYTES};
    fixture_run(scan, file.bytes, file.used);
}

static void expect_all(bool is_text)
{
    fixture_text rows = expected_rows(is_text);
    fixture_scan scan;

    run(&scan);
    if (scan.status != WR_OK)
        fail_msg("%s", scan.err.message);
    assert_int_equal(scan.row_count, ROWS);
    assert_int_equal(scan.rows.used, rows.used);
    assert_memory_equal(scan.rows.bytes, rows.bytes, rows.used);
    fixture_free(&scan);
    free(rows.bytes);
}

#define TEXT_NAMED(of)                                                                             \
    {                                                                                              \
        .name = (of), .physical = PQ_BYTE_ARRAY, .repetition = PQ_OPTIONAL,                        \
        .converted = PQ_CONVERTED_UTF8 + 1                                                         \
    }

static const made_element NUMBER = {.name = "a", .physical = PQ_INT64, .repetition = PQ_OPTIONAL};
static const made_element TEXT = TEXT_NAMED("a");

static void pages_are_read_as_they_are_decompressed(void **state)
{
    (void)state;
    for (unsigned codec = 0; codec < CODEC_COUNT; codec++) {
        for (int is_v2 = 0; is_v2 < 2; is_v2++) {
            for (int is_text = 0; is_text < 2; is_text++) {
                size_t levels;

                raw_bytes = 0;
                levels = put_levels(!is_v2);
                if (is_text)
                    put_texts();
                else
                    put_numbers();
                make_file(is_text ? &TEXT : &NUMBER, is_v2 ? PQ_DATA_PAGE_V2 : PQ_DATA_PAGE, codec,
                          is_v2 ? levels : 0, 0);
                expect_all(is_text);
            }
        }
    }
}

static void pages_that_end_early_are_damage(void **state)
{
    (void)state;
    for (unsigned codec = 0; codec < CODEC_COUNT; codec++) {
        for (size_t left_out = 1; left_out < 300; left_out = left_out * 3 + 1) {
            fixture_scan scan;

            raw_bytes = 0;
            put_levels(true);
            put_numbers();
            make_file(&NUMBER, PQ_DATA_PAGE, codec, 0, left_out);
            run(&scan);
            assert_int_equal(scan.status, WR_CORRUPT);
            assert_true(scan.row_count < ROWS);
            fixture_free(&scan);
        }
    }
}

/* Levels that say they are longer than the page. */
static void long_levels_are_damage(void **state)
{
    fixture_scan scan;

    (void)state;
    raw_bytes = 0;
    put_levels(true);
    put_numbers();
    memset(raw, 0xff, 4);
    make_file(&NUMBER, PQ_DATA_PAGE, 0, 0, 0);
    run(&scan);
    assert_int_equal(scan.status, WR_CORRUPT);
    assert_non_null(strstr(scan.err.message, "a page ends inside of its values"));
    fixture_free(&scan);
}

/* A filter that keeps the rows of one number: pages of the other column are passed over up to them. */
static wr_status keep_number(void *self, const wr_batch *batch, wr_selection *out, wr_error *err)
{
    static uint16_t rows[WR_BATCH_ROWS_MAX];
    const int64_t  *values = batch->columns[0].data;
    uint32_t        count = 0;

    (void)err;
    for (uint32_t row = 0; row < batch->row_count; row++)
        if (values[row] == *(const int64_t *)self)
            rows[count++] = (uint16_t)row;
    *out = (wr_selection){.rows = rows, .row_count = count};
    return WR_OK;
}

static void rows_are_passed_over(void **state)
{
    static const made_element ELEMENTS[] = {{.name = "a", .physical = PQ_INT64}, TEXT_NAMED("b")};
    static const uint32_t     COLUMNS[] = {0};
    int64_t                   number = ROWS / SAME / 3 * 2;
    fixture_scan scan = {.format = &wr_format_parquet, .no_scratch = true, .chunk_bytes = CHUNK_BYTES};
    char         text[TEXT_BYTES + 1];
    uint32_t     kept = 0;

    (void)state;
    made_begin(&file);
    raw_bytes = 0;
    for (int64_t row = 0; row < ROWS; row++)
        put(&(int64_t){row / SAME}, sizeof row);
    add_column(PQ_INT64, PQ_DATA_PAGE, 2, 0, 0);
    raw_bytes = 0;
    put_levels(true);
    put_texts();
    add_column(PQ_BYTE_ARRAY, PQ_DATA_PAGE, 0, 0, 0);
    made_file_end(&file, ELEMENTS, 2, 2, ROWS);

    assert_int_equal(fixture_begin(&scan, file.bytes, file.used), WR_OK);
    scan.request.filter = (wr_row_filter){.columns = COLUMNS, .column_count = 1, .select = keep_number,
                                          .self = &number};
    assert_int_equal(fixture_read(&scan, file.bytes, file.used), WR_OK);
    assert_int_equal(scan.row_count, SAME);
    text_of((uint32_t)number * SAME, text);
    for (const char *at = scan.rows.bytes; (at = strstr(at, text)); at++)
        kept++;
    for (uint32_t i = 0; i < SAME; i++)
        kept += is_null((uint32_t)number * SAME + i);
    assert_int_equal(kept, SAME);
    fixture_free(&scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_read_as_they_are_decompressed),
        cmocka_unit_test(pages_that_end_early_are_damage),
        cmocka_unit_test(long_levels_are_damage),
        cmocka_unit_test(rows_are_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
