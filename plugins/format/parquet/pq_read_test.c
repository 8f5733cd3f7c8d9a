/* pq_read_test.c — the Parquet reader over files made byte by byte: encodings, conversions, nested levels
 * and damage as the format's description has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pq_file_fixture.h"

#define BYTES(...)       ((const uint8_t[]){__VA_ARGS__})
#define BYTES_COUNT(...) sizeof(BYTES(__VA_ARGS__))
#define CONVERTED(name)  (PQ_CONVERTED_##name + 1)

static made_file file;

/* Read the file that was made; free the scan afterwards. */
static void run(fixture_scan *scan, const char *declared)
{
    *scan = (fixture_scan){.format = &wr_format_parquet, .declared = declared};
    fixture_run(scan, file.bytes, file.used);
}

static void expect_rows(const char *declared, const char *rows)
{
    fixture_scan scan;

    run(&scan, declared);
    if (scan.status != WR_OK)
        fail_msg("%s (expected %s)", scan.err.message, rows);
    assert_string_equal(scan.rows.bytes, rows);
    fixture_free(&scan);
}

static void expect_error(const char *declared, wr_status status, const char *message)
{
    fixture_scan scan;

    run(&scan, declared);
    if (scan.status == WR_OK)
        fail_msg("read as %s, expected: %s", scan.rows.bytes, message);
    assert_int_equal(scan.status, status);
    if (!strstr(scan.err.message, message))
        fail_msg("'%s' is not in: %s", message, scan.err.message);
    fixture_free(&scan);
}

/* A required column of one page. */
#define COLUMN(element, encoding, count, ...)                                                      \
    made_column(&file, element, encoding, count, BYTES(__VA_ARGS__), BYTES_COUNT(__VA_ARGS__))

#define INT32_COLUMN  ((made_element){.physical = PQ_INT32})
#define INT64_COLUMN  ((made_element){.physical = PQ_INT64})
#define BINARY_COLUMN ((made_element){.physical = PQ_BYTE_ARRAY})
#define TEXT_COLUMN   ((made_element){.physical = PQ_BYTE_ARRAY, .converted = CONVERTED(UTF8)})

/* ---- Deltas --------------------------------------------------------------------------------------- */

static void delta_numbers(void **state)
{
    (void)state;
    /* the two examples of the description, in blocks of 128 values in 4 parts */
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 5, 0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0);
    expect_rows(NULL, "1\n2\n3\n4\n5\n");
    COLUMN(INT64_COLUMN, PQ_DELTA_BINARY_PACKED, 8, 0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, /* min -2, 2 bits */
           0xc0, 0x3f, 0, 0, 0, 0, 0, 0);
    expect_rows(NULL, "7\n5\n3\n1\n2\n3\n4\n5\n");
    /* one value has no block; the last part may be cut behind the values that count */
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 1, 0x80, 1, 4, 1, 1);
    expect_rows(NULL, "-1\n");
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 3, 0x80, 1, 4, 3, 0, 0, 8, 0, 0, 0, 1, 2);
    expect_rows(NULL, "0\n1\n3\n");
    /* parts that no value needs may say any width */
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 2, 0x80, 1, 4, 2, 0, 2, 0, 255, 254, 253);
    expect_rows(NULL, "0\n1\n");
}

/* Sums wrap around in the column's width. */
static void delta_wraps(void **state)
{
    (void)state;
    /* 2147483647 + 1 */
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 2, 0x80, 1, 4, 2, 0xfe, 0xff, 0xff, 0xff, 0x0f, 2, 0, 0, 0,
           0);
    expect_rows(NULL, "2147483647\n-2147483648\n");
    /* INT64_MIN, then a delta of 2^64 - 1 in 64 bits on a least delta of 0: INT64_MAX */
    COLUMN(INT64_COLUMN, PQ_DELTA_BINARY_PACKED, 2, 0x80, 1, 4, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
           0xff, 0xff, 0x01, 0, 64, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    expect_rows(NULL, "-9223372036854775808\n9223372036854775807\n");
}

static void delta_damage(void **state)
{
    (void)state;
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 2, 0x80, 1, 3, 2, 0, 0, 0, 0, 0, 0);
    expect_error(NULL, WR_CORRUPT, "deltas in blocks of 128 values in 3 parts");
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 2, 0, 4, 2, 0, 0, 0, 0, 0, 0);
    expect_error(NULL, WR_CORRUPT, "deltas in blocks of 0 values");
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 2, 0x80, 1, 4, 2, 0, 0, 65, 0, 0, 0, 1);
    expect_error(NULL, WR_CORRUPT, "deltas of 65 bits");
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 2, 0x80, 1, 4, 2, 0, 0, 32, 0, 0, 0, 1);
    expect_error(NULL, WR_CORRUPT, "a page ends inside of its values");
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 2, 0x80, 1, 4, 3, 0, 0, 0, 0, 0, 0);
    expect_error(NULL, WR_CORRUPT, "3 deltas in a page of 2 values");
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 2, 0x80, 1, 4, 1, 0);
    expect_error(NULL, WR_CORRUPT, "a page ends inside of its values");
    COLUMN(INT32_COLUMN, PQ_DELTA_BINARY_PACKED, 2, 0x80, 1, 4, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
           0xff, 0xff, 0xff, 1);
    expect_error(NULL, WR_CORRUPT, "more than 64 bits");
    COLUMN(((made_element){.physical = PQ_DOUBLE}), PQ_DELTA_BINARY_PACKED, 1, 0x80, 1, 4, 1, 0);
    expect_error(NULL, WR_CORRUPT, "not for their type");
}

static void delta_texts(void **state)
{
    (void)state;
    /* Hello World Foobar ABCDEF: lengths 5 5 6 6 */
    COLUMN(TEXT_COLUMN, PQ_DELTA_LENGTH_BYTE_ARRAY, 4, 0x80, 1, 4, 4, 10, 0, 1, 0, 0, 0, 2, 0, 0, 0, 'H', 'e',
           'l', 'l', 'o', 'W', 'o', 'r', 'l', 'd', 'F', 'o', 'o', 'b', 'a', 'r', 'A', 'B', 'C', 'D', 'E', 'F');
    expect_rows(NULL, "Hello\nWorld\nFoobar\nABCDEF\n");
    /* axis axle babble babyhood: prefixes 0 2 0 3, the rest 4 2 6 5 */
    COLUMN(TEXT_COLUMN, PQ_DELTA_BYTE_ARRAY, 4, 0x80, 1, 4, 4, 0, 3, 3, 0, 0, 0, 0x44, 1, 0, 0, 0, 0, 0, 0, 0,
           0, 0, 0, 0x80, 1, 4, 4, 8, 3, 3, 0, 0, 0, 0x70, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'a', 'x', 'i', 's',
           'l', 'e', 'b', 'a', 'b', 'b', 'l', 'e', 'y', 'h', 'o', 'o', 'd');
    expect_rows(NULL, "axis\naxle\nbabble\nbabyhood\n");
    /* a prefix longer than the text before it; a negative length; fewer texts than lengths */
    COLUMN(TEXT_COLUMN, PQ_DELTA_BYTE_ARRAY, 1, 0x80, 1, 4, 1, 2, 0x80, 1, 4, 1, 0);
    expect_error(NULL, WR_CORRUPT, "a page ends inside of its values");
    COLUMN(TEXT_COLUMN, PQ_DELTA_LENGTH_BYTE_ARRAY, 1, 0x80, 1, 4, 1, 1);
    expect_error(NULL, WR_CORRUPT, "a negative length");
    COLUMN(TEXT_COLUMN, PQ_DELTA_LENGTH_BYTE_ARRAY, 1, 0x80, 1, 4, 1, 4, 'x');
    expect_error(NULL, WR_CORRUPT, "a page ends inside of its values");
}

static void split_bytes(void **state)
{
    (void)state;
    COLUMN(((made_element){.physical = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 4}), PQ_BYTE_STREAM_SPLIT, 3,
           'A', '0', 'a', 'B', '1', 'b', 'C', '2', 'c', 'D', '3', 'd');
    expect_rows(NULL, "ABCD\n0123\nabcd\n");
    COLUMN(INT32_COLUMN, PQ_BYTE_STREAM_SPLIT, 2, 1, 2, 0, 0, 0, 1, 0, 0);
    expect_rows(NULL, "1\n65538\n");
    COLUMN(INT32_COLUMN, PQ_BYTE_STREAM_SPLIT, 2, 1, 2, 0, 0, 0, 1, 0);
    expect_error(NULL, WR_CORRUPT, "split bytes of values of 4 bytes are 7");
    COLUMN(BINARY_COLUMN, PQ_BYTE_STREAM_SPLIT, 1, 1, 0, 0, 0, 'x');
    expect_error(NULL, WR_CORRUPT, "not for their type");
}

/* ---- Plain values and conversions ------------------------------------------------------------------ */

static void small_integers(void **state)
{
    made_element i8 = {.physical = PQ_INT32, .converted = CONVERTED(INT_8)};
    made_element u8 = {.physical = PQ_INT32, .converted = CONVERTED(UINT_8)};
    made_element u16 = {.physical = PQ_INT32, .converted = CONVERTED(UINT_16)};
    made_element u32 = {.physical = PQ_INT32, .converted = CONVERTED(UINT_32)};
    made_element u64 = {.physical = PQ_INT64, .converted = CONVERTED(UINT_64)};

    (void)state;
    COLUMN(i8, PQ_PLAIN, 2, 0x80, 0xff, 0xff, 0xff, 127, 0, 0, 0);
    expect_rows(NULL, "-128\n127\n");
    expect_rows("a Int64", "-128\n127\n");
    expect_rows("a Decimal(12, 2)", "-128.00\n127.00\n");
    COLUMN(i8, PQ_PLAIN, 1, 0x80, 0, 0, 0);
    expect_error(NULL, WR_DATA, "out of the range of Int8");
    COLUMN(u32, PQ_PLAIN, 1, 0xff, 0xff, 0xff, 0xff);
    expect_rows(NULL, "4294967295\n");
    expect_rows("a Int64", "4294967295\n");
    COLUMN(u64, PQ_PLAIN, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    expect_rows(NULL, "18446744073709551615\n");
    COLUMN(INT64_COLUMN, PQ_PLAIN, 1, 1, 0, 0, 0, 0, 0, 0);
    expect_error(NULL, WR_CORRUPT, "a page ends inside of its values");
    COLUMN(INT64_COLUMN, PQ_PLAIN, 1, 1, 0, 0, 0, 0, 0, 0, 0);
    expect_error("a Int32", WR_DATA, "cannot be read as Int32");
    COLUMN(i8, PQ_PLAIN, 1, 0x80, 0xff, 0xff, 0xff);
    expect_rows("a Int16", "-128\n");
    expect_rows("a Int64", "-128\n");
    expect_rows("a Decimal(5, 2)", "-128.00\n");
    expect_rows("a Decimal(30, 2)", "-128.00\n");
    expect_error("a UInt16", WR_DATA, "cannot be read as UInt16");
    expect_error("a Decimal(4, 2)", WR_DATA, "cannot be read as Decimal(4, 2)");
    COLUMN(u8, PQ_PLAIN, 1, 0xff, 0, 0, 0);
    expect_rows("a UInt16", "255\n");
    expect_rows("a UInt32", "255\n");
    expect_rows("a UInt64", "255\n");
    expect_rows("a Decimal(5, 2)", "255.00\n");
    COLUMN(u16, PQ_PLAIN, 1, 0xff, 0xff, 0, 0);
    expect_rows("a Decimal(7, 2)", "65535.00\n");
    expect_error("a Decimal(6, 2)", WR_DATA, "cannot be read as Decimal(6, 2)");
}

static void decimals(void **state)
{
    made_element bytes = {.physical = PQ_BYTE_ARRAY, .converted = CONVERTED(DECIMAL), .precision = 6, .scale = 2};
    made_element fixed = {.physical = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 3, .converted = CONVERTED(DECIMAL),
                          .precision = 6, .scale = 2};
    made_element wide = {.physical = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 18, .converted = CONVERTED(DECIMAL),
                         .precision = 38, .scale = 0};

    (void)state;
    /* no byte is 0; big-endian two's complement; more bytes than are needed */
    COLUMN(bytes, PQ_PLAIN, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0xff, 2, 0, 0, 0, 0x30, 0x39, 5, 0, 0, 0, 0xff, 0xff,
           0xff, 0xcf, 0xc7);
    expect_rows(NULL, "0.00\n-0.01\n123.45\n-123.45\n");
    expect_rows("a Decimal(20, 4)", "0.0000\n-0.0100\n123.4500\n-123.4500\n");
    COLUMN(fixed, PQ_PLAIN, 2, 0x0f, 0x42, 0x3f, 0xf0, 0xbd, 0xc1);
    expect_rows(NULL, "9999.99\n-9999.99\n");
    COLUMN(wide, PQ_PLAIN, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
           0xff, 0xff, 0xff, 0xfe);
    expect_rows(NULL, "-2\n");
    COLUMN(wide, PQ_PLAIN, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    expect_error(NULL, WR_DATA, "out of the range");
    COLUMN(bytes, PQ_PLAIN, 1, 1, 2, 0, 0);
    expect_error(NULL, WR_DATA, "a decimal of 513 bytes");
}

static void times(void **state)
{
    made_element int96 = {.physical = PQ_INT96};
    made_element date = {.physical = PQ_INT32, .converted = CONVERTED(DATE)};
    made_element millis = {.physical = PQ_INT64, .converted = CONVERTED(TIMESTAMP_MILLIS)};
    made_element time = {.physical = PQ_INT32, .converted = CONVERTED(TIME_MILLIS)};

    (void)state;
    /* one nanosecond into day 2440588, which is 1970-01-01; the day before; far away */
    COLUMN(int96, PQ_PLAIN, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0x8c, 0x3d, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x8b, 0x3d,
           0x25, 0);
    expect_rows(NULL, "1970-01-01 00:00:00.000000001\n1969-12-31 00:00:00\n");
    expect_rows("a Timestamp(us)", "1970-01-01 00:00:00\n1969-12-31 00:00:00\n");
    COLUMN(int96, PQ_PLAIN, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    expect_error(NULL, WR_DATA, "declare the column as Timestamp(us)");
    COLUMN(date, PQ_PLAIN, 1, 0xff, 0xff, 0xff, 0xff);
    expect_rows(NULL, "1969-12-31\n");
    expect_rows("a Timestamp(ms)", "1969-12-31 00:00:00\n");
    COLUMN(date, PQ_PLAIN, 1, 0xff, 0xff, 0xff, 0x7f);
    expect_error("a Timestamp(ns)", WR_DATA, "out of the range");
    COLUMN(millis, PQ_PLAIN, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    expect_rows(NULL, "1969-12-31 23:59:59.999+00\n");
    expect_rows("a Timestamp(ns)", "1969-12-31 23:59:59.999\n");
    COLUMN(time, PQ_PLAIN, 1, 0xff, 0x5b, 0x26, 0x05);
    expect_rows(NULL, "23:59:59.999\n");
    expect_rows("a Time(ns)", "23:59:59.999\n");
}

static void other_types(void **state)
{
    made_element half = {.physical = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 2, .logical = PQ_LOGICAL_FLOAT16};
    made_element uuid = {.physical = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 16, .logical = PQ_LOGICAL_UUID};
    made_element interval = {.physical = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 12,
                             .converted = CONVERTED(INTERVAL)};
    made_element nothing = {.physical = PQ_INT32, .logical = PQ_LOGICAL_UNKNOWN};

    (void)state;
    COLUMN(half, PQ_PLAIN, 7, 0, 0x3c, 0, 0x80, 1, 0, 0xff, 0x7b, 0, 0xfc, 0, 0x7e, 0, 4);
    expect_rows(NULL, "1\n-0\n5.9604645e-08\n65504\n-Infinity\nNaN\n6.1035156e-05\n");
    COLUMN(uuid, PQ_PLAIN, 1, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
           0xee, 0xff);
    expect_rows(NULL, "00112233-4455-6677-8899-aabbccddeeff\n");
    COLUMN(interval, PQ_PLAIN, 1, 14, 0, 0, 0, 3, 0, 0, 0, 0xdc, 5, 0, 0);
    expect_rows(NULL, "1 year 2 mons 3 days 00:00:01.5\n");
    COLUMN(nothing, PQ_PLAIN, 1, 1, 0, 0, 0);
    expect_error(NULL, WR_CORRUPT, "a column of type Null has values");
    COLUMN(((made_element){.physical = PQ_BOOLEAN}), PQ_PLAIN, 10, 0x55, 0x03);
    expect_rows(NULL, "true\nfalse\ntrue\nfalse\ntrue\nfalse\ntrue\nfalse\ntrue\ntrue\n");
    COLUMN(((made_element){.physical = PQ_BOOLEAN}), PQ_RLE, 9, 4, 0, 0, 0, 3 << 1, 1, 3, 0x2a);
    expect_rows(NULL, "true\ntrue\ntrue\nfalse\ntrue\nfalse\ntrue\nfalse\ntrue\n");
}

/* A text that ends inside of a character is no text, whatever stands behind it. */
static void bad_texts(void **state)
{
    made_element fixed = {.physical = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 1, .converted = CONVERTED(UTF8)};
    uint8_t      body[6 + 4 + 0x80] = {2, 0, 0, 0, 'a', 0xc3, 0x80};

    (void)state;
    COLUMN(TEXT_COLUMN, PQ_PLAIN, 2, 2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0);
    expect_rows(NULL, "é\n\n");
    COLUMN(TEXT_COLUMN, PQ_PLAIN, 2, 1, 0, 0, 0, 0xc3, 1, 0, 0, 0, 0xa9);
    expect_error(NULL, WR_DATA, "not valid UTF-8");
    COLUMN(fixed, PQ_PLAIN, 2, 0xc3, 0xa9);
    expect_error(NULL, WR_DATA, "not valid UTF-8");
    memset(body + 10, 'x', 0x80);
    made_column(&file, TEXT_COLUMN, PQ_PLAIN, 2, body, sizeof body);
    expect_error(NULL, WR_DATA, "not valid UTF-8");
    COLUMN(TEXT_COLUMN, PQ_PLAIN, 1, 0xff, 0xff, 0xff, 0xff, 'x');
    expect_error(NULL, WR_CORRUPT, "a page ends inside of its values");
}

/* ---- Levels and dictionaries ---------------------------------------------------------------------- */

/* A page of the next leaf, and the end of its chunk. */
#define LEAF(physical, count, ...)                                                                 \
    do {                                                                                           \
        made_page(&file, (made_page_of){.value_count = (count), .body = BYTES(__VA_ARGS__),        \
                                        .body_bytes = BYTES_COUNT(__VA_ARGS__)});                  \
        made_chunk_end(&file, physical, PQ_UNCOMPRESSED, count);                                   \
    } while (0)

#define PAGE(page_kind, page_encoding, count, ...)                                                 \
    made_page(&file, (made_page_of){.kind = (page_kind), .encoding = (page_encoding),              \
                                    .value_count = (count), .body = BYTES(__VA_ARGS__),            \
                                    .body_bytes = BYTES_COUNT(__VA_ARGS__)})

static const made_element OPTIONAL_INT32 = {.name = "a", .physical = PQ_INT32, .repetition = PQ_OPTIONAL};

/* 1, NULL, 3 in every form that levels have. */
static void definition_levels(void **state)
{
    static const uint8_t V1[] = {2, 0, 0, 0, 3, 5, 1, 0, 0, 0, 3, 0, 0, 0};
    static const uint8_t PACKED[] = {0xa0, 1, 0, 0, 0, 3, 0, 0, 0};
    static const uint8_t RUNS[] = {6, 0, 0, 0, 2, 1, 2, 0, 2, 1, 1, 0, 0, 0, 3, 0, 0, 0};
    const made_page_of   pages[] = {
        {.value_count = 3, .body = V1, .body_bytes = sizeof V1},
        {.value_count = 3, .body = RUNS, .body_bytes = sizeof RUNS},
        {.value_count = 3, .body = PACKED, .body_bytes = sizeof PACKED, .level_encoding = PQ_BIT_PACKED},
        {.kind = PQ_DATA_PAGE_V2, .value_count = 3, .body = V1 + 4, .body_bytes = sizeof V1 - 4,
         .level_bytes = {2, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        made_begin(&file);
        made_page(&file, pages[i]);
        made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 3);
        made_file_end(&file, &OPTIONAL_INT32, 1, 1, 3);
        expect_rows(NULL, "1\n~\n3\n");
    }
}

static void definition_damage(void **state)
{
    (void)state;
    made_begin(&file);
    LEAF(PQ_INT32, 3, 9, 0, 0, 0, 3, 5, 1, 0, 0, 0); /* longer than the page */
    made_file_end(&file, &OPTIONAL_INT32, 1, 1, 3);
    expect_error(NULL, WR_CORRUPT, "a page ends inside of its values");
    made_begin(&file);
    LEAF(PQ_INT32, 3, 2, 0, 0, 0, 4, 1, 1, 0, 0, 0, 3, 0, 0, 0); /* a run of two */
    made_file_end(&file, &OPTIONAL_INT32, 1, 1, 3);
    expect_error(NULL, WR_CORRUPT, "a page ends inside of its values");
    made_begin(&file);
    made_page(&file, (made_page_of){.value_count = 1, .body = "", .level_encoding = PQ_DELTA_BYTE_ARRAY});
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 1);
    made_file_end(&file, &OPTIONAL_INT32, 1, 1, 1);
    expect_error(NULL, WR_CORRUPT, "levels in the encoding 7");
    made_begin(&file);
    made_page(&file, (made_page_of){.kind = PQ_DATA_PAGE_V2, .value_count = 1, .body = "xx", .body_bytes = 2,
                                    .level_bytes = {2, 1}});
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 1);
    made_file_end(&file, &OPTIONAL_INT32, 1, 1, 1);
    expect_error(NULL, WR_CORRUPT, "a page's levels are longer than the page");
}

static void dictionary(void **state)
{
    made_element a = {.name = "a", .physical = PQ_INT32};

    (void)state;
    /* codes, then plain values when the dictionary was given up */
    made_begin(&file);
    PAGE(PQ_DICTIONARY_PAGE, PQ_PLAIN, 2, 7, 0, 0, 0, 9, 0, 0, 0);
    PAGE(PQ_DATA_PAGE, PQ_RLE_DICTIONARY, 3, 1, 3, 0x02);
    PAGE(PQ_DATA_PAGE, PQ_PLAIN, 1, 5, 0, 0, 0);
    PAGE(PQ_DATA_PAGE, PQ_PLAIN_DICTIONARY, 2, 0, 4);
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 6);
    made_file_end(&file, &a, 1, 1, 6);
    expect_rows(NULL, "7\n9\n7\n5\n7\n7\n");
    made_begin(&file);
    PAGE(PQ_DICTIONARY_PAGE, PQ_PLAIN, 2, 7, 0, 0, 0, 9, 0, 0, 0);
    PAGE(PQ_DATA_PAGE, PQ_RLE_DICTIONARY, 1, 2, 2, 2);
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 1);
    made_file_end(&file, &a, 1, 1, 1);
    expect_error(NULL, WR_CORRUPT, "code 2 of a dictionary of 2 values");
    made_begin(&file);
    PAGE(PQ_DATA_PAGE, PQ_RLE_DICTIONARY, 1, 1, 2, 0);
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 1);
    made_file_end(&file, &a, 1, 1, 1);
    expect_error(NULL, WR_CORRUPT, "codes without a dictionary");
    made_begin(&file);
    PAGE(PQ_DICTIONARY_PAGE, PQ_PLAIN, 1, 7, 0, 0, 0);
    PAGE(PQ_DICTIONARY_PAGE, PQ_PLAIN, 1, 7, 0, 0, 0);
    PAGE(PQ_DATA_PAGE, PQ_RLE_DICTIONARY, 1, 1, 2, 0);
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 1);
    made_file_end(&file, &a, 1, 1, 1);
    expect_error(NULL, WR_CORRUPT, "two dictionaries");
    made_begin(&file);
    PAGE(PQ_DICTIONARY_PAGE, PQ_PLAIN, 3, 7, 0, 0, 0);
    PAGE(PQ_DATA_PAGE, PQ_RLE_DICTIONARY, 1, 1, 2, 0);
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 1);
    made_file_end(&file, &a, 1, 1, 1);
    expect_error(NULL, WR_CORRUPT, "a dictionary of 3 values in 4 bytes");
}

static void values_of_a_chunk(void **state)
{
    made_element a = {.name = "a", .physical = PQ_INT32};

    (void)state;
    made_begin(&file);
    PAGE(PQ_DATA_PAGE, PQ_PLAIN, 2, 7, 0, 0, 0, 9, 0, 0, 0);
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 3);
    made_file_end(&file, &a, 1, 1, 3);
    expect_error(NULL, WR_CORRUPT, "a column chunk ends with 1 of its 3 values to come");
    made_begin(&file);
    PAGE(PQ_DATA_PAGE, PQ_PLAIN, 2, 7, 0, 0, 0, 9, 0, 0, 0);
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 1);
    made_file_end(&file, &a, 1, 1, 1);
    expect_error(NULL, WR_CORRUPT, "more values than it says");
    made_begin(&file);
    PAGE(PQ_DATA_PAGE, PQ_PLAIN, 1, 7, 0, 0, 0);
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 1);
    made_file_end(&file, &a, 1, 1, 2);
    expect_error(NULL, WR_CORRUPT, "not as many values as its row group has rows");
}

/* The footer of a file without rows stands at its begin, whatever number of columns it has. */
static void encrypted_columns(void **state)
{
    (void)state;
    made_begin(&file);
    LEAF(PQ_INT32, 1, 1, 0, 0, 0);
    file.is_encrypted = true;
    made_file_end(&file, &(made_element){.name = "a", .physical = PQ_INT32}, 1, 1, 1);
    expect_error(NULL, WR_CORRUPT, "a column is encrypted");
}

static void no_rows(void **state)
{
    enum { COLUMNS = 100 };
    made_element columns[COLUMNS];
    fixture_scan scan;
    char         names[COLUMNS][8];

    (void)state;
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        columns[i] = (made_element){.name = names[i], .physical = PQ_INT32};
    }
    made_begin(&file);
    made_file_end(&file, columns, COLUMNS, COLUMNS, 0);
    run(&scan, NULL);
    assert_int_equal(scan.status, WR_OK);
    assert_int_equal(scan.schema.field_count, COLUMNS);
    assert_int_equal(scan.row_count, 0);
    fixture_free(&scan);
}

/* ---- Nested columns -------------------------------------------------------------------------------- */

#define GROUP(text, how, children, ...)                                                            \
    {.name = (text), .physical = MADE_GROUP, .repetition = (how), .child_count = (children), __VA_ARGS__}
#define VALUE(text, type, how, ...)                                                                \
    {.name = (text), .physical = (type), .repetition = (how), __VA_ARGS__}
#define FILE_END(elements, columns, rows)                                                          \
    made_file_end(&file, elements, sizeof(elements) / sizeof((elements)[0]), columns, rows)

static const made_element LIST_OF_INT32[] = {GROUP("a", PQ_OPTIONAL, 1, .converted = CONVERTED(LIST)),
                                             GROUP("list", PQ_REPEATED, 1), VALUE("element", PQ_INT32, PQ_OPTIONAL)};

/* [1, NULL], [], NULL, [2]: levels of lists as they are written today. */
static void lists(void **state)
{
    (void)state;
    made_begin(&file);
    LEAF(PQ_INT32, 5, 2, 0, 0, 0, 3, 0x02, 3, 0, 0, 0, 3, 0x1b, 0x03, 1, 0, 0, 0, 2, 0, 0, 0);
    FILE_END(LIST_OF_INT32, 1, 4);
    expect_rows(NULL, "[1,null]\n[]\n~\n[2]\n");
    /* one list over three pages */
    made_begin(&file);
    PAGE(PQ_DATA_PAGE, PQ_PLAIN, 1, 2, 0, 0, 0, 2, 0, 2, 0, 0, 0, 2, 3, 1, 0, 0, 0);
    PAGE(PQ_DATA_PAGE, PQ_PLAIN, 1, 2, 0, 0, 0, 2, 1, 2, 0, 0, 0, 2, 3, 2, 0, 0, 0);
    PAGE(PQ_DATA_PAGE, PQ_PLAIN, 2, 2, 0, 0, 0, 3, 1, 2, 0, 0, 0, 4, 3, 3, 0, 0, 0, 4, 0, 0, 0);
    made_chunk_end(&file, PQ_INT32, PQ_UNCOMPRESSED, 4);
    FILE_END(LIST_OF_INT32, 1, 2);
    expect_rows(NULL, "[1,2,3]\n[4]\n");
}

/* Texts of a list that fill the room to the last byte, and one more that begins a block. */
static void lists_fill_the_room(void **state)
{
    enum { QUARTER = 32 << 10, TEXTS = 4, AROUND = 12 };
    static const made_element LIST[] = {GROUP("a", PQ_OPTIONAL, 1, .converted = CONVERTED(LIST)),
                                        GROUP("list", PQ_REPEATED, 1),
                                        VALUE("element", PQ_BYTE_ARRAY, PQ_OPTIONAL)};
    static const uint8_t LEVELS[] = {4, 0, 0, 0, 2, 0, 6, 1, 2, 0, 0, 0, 8, 3};
    static uint8_t       body[sizeof LEVELS + TEXTS * (QUARTER + 4)];
    fixture_scan         scan;
    size_t               used = sizeof LEVELS;

    (void)state;
    memcpy(body, LEVELS, sizeof LEVELS);
    for (int i = 0; i < TEXTS; i++) {
        uint32_t length = i + 1 < TEXTS ? QUARTER - AROUND : QUARTER - 4;

        memcpy(body + used, &length, sizeof length);
        memset(body + used + sizeof length, 'x', length);
        used += sizeof length + length;
    }
    made_begin(&file);
    made_page(&file, (made_page_of){.value_count = TEXTS, .body = body, .body_bytes = used});
    made_chunk_end(&file, PQ_BYTE_ARRAY, PQ_UNCOMPRESSED, TEXTS);
    FILE_END(LIST, 1, 1);
    scan = (fixture_scan){.format = &wr_format_parquet, .chunk_bytes = 2 * QUARTER};
    fixture_run(&scan, file.bytes, file.used);
    if (scan.status != WR_OK)
        fail_msg("%s", scan.err.message);
    assert_int_equal(scan.row_count, 1);
    fixture_free(&scan);
}

static void list_damage(void **state)
{
    (void)state;
    made_begin(&file); /* begins with repetition 1 */
    LEAF(PQ_INT32, 1, 2, 0, 0, 0, 2, 1, 2, 0, 0, 0, 2, 3, 1, 0, 0, 0);
    FILE_END(LIST_OF_INT32, 1, 1);
    expect_error(NULL, WR_CORRUPT, "a row begins inside of a list");
    made_begin(&file); /* fewer rows */
    LEAF(PQ_INT32, 1, 2, 0, 0, 0, 2, 0, 2, 0, 0, 0, 2, 3, 1, 0, 0, 0);
    FILE_END(LIST_OF_INT32, 1, 2);
    expect_error(NULL, WR_CORRUPT, "fewer rows than its row group");
    made_begin(&file); /* more rows */
    LEAF(PQ_INT32, 2, 2, 0, 0, 0, 4, 0, 2, 0, 0, 0, 4, 3, 1, 0, 0, 0, 2, 0, 0, 0);
    FILE_END(LIST_OF_INT32, 1, 1);
    expect_error(NULL, WR_CORRUPT, "more rows than its row group");
}

/* What writers of old made of lists: all are [1, 2] and []. */
static void old_lists(void **state)
{
    static const made_element REPEATED[] = {VALUE("a", PQ_INT32, PQ_REPEATED)};
    static const made_element TWO_LEVELS[] = {GROUP("a", PQ_REQUIRED, 1, .converted = CONVERTED(LIST)),
                                              VALUE("element", PQ_INT32, PQ_REPEATED)};
    static const made_element ARRAY[] = {GROUP("a", PQ_REQUIRED, 1, .converted = CONVERTED(LIST)),
                                         GROUP("array", PQ_REPEATED, 1), VALUE("x", PQ_INT32, PQ_REQUIRED)};
    static const made_element TUPLE[] = {GROUP("a", PQ_REQUIRED, 1, .converted = CONVERTED(LIST)),
                                         GROUP("a_tuple", PQ_REPEATED, 1), VALUE("x", PQ_INT32, PQ_REQUIRED)};
    static const made_element BAG[] = {GROUP("a", PQ_REQUIRED, 1, .converted = CONVERTED(LIST)),
                                       GROUP("bag", PQ_REPEATED, 1), VALUE("x", PQ_INT32, PQ_REQUIRED)};
    static const struct {
        const made_element *elements;
        uint32_t            count;
        const char         *rows;
    } CASES[] = {{REPEATED, 1, "[1,2]\n[]\n"},
                 {TWO_LEVELS, 2, "[1,2]\n[]\n"},
                 {ARRAY, 3, "[{\"x\":1},{\"x\":2}]\n[]\n"},
                 {TUPLE, 3, "[{\"x\":1},{\"x\":2}]\n[]\n"},
                 {BAG, 3, "[1,2]\n[]\n"}};

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        made_begin(&file); /* repetition 0 1 0, definition 1 1 0 */
        LEAF(PQ_INT32, 3, 2, 0, 0, 0, 3, 2, 2, 0, 0, 0, 3, 3, 1, 0, 0, 0, 2, 0, 0, 0);
        made_file_end(&file, CASES[i].elements, CASES[i].count, 1, 2);
        expect_rows(NULL, CASES[i].rows);
    }
}

static void maps(void **state)
{
    static const made_element MAP[] = {GROUP("a", PQ_OPTIONAL, 1, .converted = CONVERTED(MAP)),
                                       GROUP("key_value", PQ_REPEATED, 2), VALUE("key", PQ_INT32, PQ_REQUIRED),
                                       VALUE("value", PQ_INT32, PQ_OPTIONAL)};
    static const made_element OLD[] = {GROUP("a", PQ_OPTIONAL, 1, .converted = CONVERTED(MAP_KEY_VALUE)),
                                       GROUP("map", PQ_REPEATED, 2), VALUE("key", PQ_INT32, PQ_REQUIRED),
                                       VALUE("num", PQ_INT32, PQ_OPTIONAL)};
    static const made_element KEYS[] = {GROUP("a", PQ_OPTIONAL, 1, .converted = CONVERTED(MAP)),
                                        GROUP("key_value", PQ_REPEATED, 1), VALUE("key", PQ_INT32, PQ_REQUIRED)};

    (void)state;
    for (int i = 0; i < 2; i++) { /* {7: 1, 8: NULL}, {}, NULL */
        made_begin(&file);
        LEAF(PQ_INT32, 4, 2, 0, 0, 0, 3, 2, 3, 0, 0, 0, 3, 0x1a, 0, 7, 0, 0, 0, 8, 0, 0, 0);
        LEAF(PQ_INT32, 4, 2, 0, 0, 0, 3, 2, 3, 0, 0, 0, 3, 0x1b, 0, 1, 0, 0, 0);
        made_file_end(&file, i ? OLD : MAP, 4, 1, 3);
        expect_rows(NULL, "{\"7\":1,\"8\":null}\n{}\n~\n");
    }
    made_begin(&file);
    LEAF(PQ_INT32, 4, 2, 0, 0, 0, 3, 2, 3, 0, 0, 0, 3, 0x1a, 0, 7, 0, 0, 0, 8, 0, 0, 0);
    FILE_END(KEYS, 1, 3);
    expect_rows(NULL, "[7,8]\n[]\n~\n");
}

/* Structs of optional members, and of such that must be there. */
static void structs(void **state)
{
    static const made_element STRUCT[] = {GROUP("a", PQ_OPTIONAL, 2), VALUE("x", PQ_INT32, PQ_OPTIONAL),
                                          VALUE("y", PQ_INT32, PQ_REQUIRED)};
    static const made_element TYPED[] = { /* a group that says it is of a type too */
        {.name = "a", .physical = PQ_INT64, .repetition = PQ_OPTIONAL, .child_count = 2},
        VALUE("x", PQ_INT32, PQ_OPTIONAL), VALUE("y", PQ_INT32, PQ_REQUIRED)};

    (void)state;
    made_begin(&file); /* {1, 5}, {NULL, 6}, NULL */
    LEAF(PQ_INT32, 3, 3, 0, 0, 0, 3, 0x06, 0, 1, 0, 0, 0);
    LEAF(PQ_INT32, 3, 2, 0, 0, 0, 3, 3, 5, 0, 0, 0, 6, 0, 0, 0);
    FILE_END(STRUCT, 1, 3);
    expect_rows(NULL, "{\"x\":1,\"y\":5}\n{\"x\":null,\"y\":6}\n~\n");
    made_begin(&file);
    LEAF(PQ_INT32, 1, 2, 0, 0, 0, 2, 2, 1, 0, 0, 0);
    LEAF(PQ_INT32, 1, 2, 0, 0, 0, 2, 1, 5, 0, 0, 0);
    FILE_END(TYPED, 1, 1);
    expect_rows(NULL, "{\"x\":1,\"y\":5}\n");
    made_begin(&file); /* x says that the struct is NULL, y has a value */
    LEAF(PQ_INT32, 1, 3, 0, 0, 0, 2, 0);
    LEAF(PQ_INT32, 1, 2, 0, 0, 0, 2, 1, 5, 0, 0, 0);
    FILE_END(STRUCT, 1, 1);
    expect_error(NULL, WR_CORRUPT, "");
}

/* Documents of the Dremel paper: links and names, repetition up to two. */
static void dremel_paper(void **state)
{
    static const made_element NAME[] = {
        GROUP("Name", PQ_REPEATED, 2), GROUP("Language", PQ_REPEATED, 2),
        VALUE("Code", PQ_BYTE_ARRAY, PQ_REQUIRED, .converted = CONVERTED(UTF8)),
        VALUE("Country", PQ_BYTE_ARRAY, PQ_OPTIONAL, .converted = CONVERTED(UTF8)),
        VALUE("Url", PQ_BYTE_ARRAY, PQ_OPTIONAL, .converted = CONVERTED(UTF8))};

    (void)state;
    made_begin(&file);
    /* Code: (0,2) en-us (2,2) en (1,1) (1,2) en-gb (0,1) */
    LEAF(PQ_BYTE_ARRAY, 5, 3, 0, 0, 0, 3, 0x58, 0, 3, 0, 0, 0, 3, 0x9a, 1, 2, 0, 0, 0, 'u', 's', 2, 0, 0, 0, 'e',
         'n', 2, 0, 0, 0, 'g', 'b');
    /* Country: (0,3) us (2,2) (1,1) (1,3) gb (0,1) */
    LEAF(PQ_BYTE_ARRAY, 5, 3, 0, 0, 0, 3, 0x58, 0, 3, 0, 0, 0, 3, 0xdb, 1, 2, 0, 0, 0, 'U', 'S', 2, 0, 0, 0, 'G',
         'B');
    /* Url: (0,2) A (1,2) B (1,1) (0,2) C */
    LEAF(PQ_BYTE_ARRAY, 4, 2, 0, 0, 0, 3, 0x06, 3, 0, 0, 0, 3, 0x9a, 0, 1, 0, 0, 0, 'A', 1, 0, 0, 0, 'B', 1, 0, 0,
         0, 'C');
    FILE_END(NAME, 1, 2);
    expect_rows(NULL,
                "[{\"Language\":[{\"Code\":\"us\",\"Country\":\"US\"},{\"Code\":\"en\",\"Country\":null}],"
                "\"Url\":\"A\"},{\"Language\":[],\"Url\":\"B\"},"
                "{\"Language\":[{\"Code\":\"gb\",\"Country\":\"GB\"}],\"Url\":null}]\n"
                "[{\"Language\":[],\"Url\":\"C\"}]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delta_numbers), cmocka_unit_test(delta_wraps), cmocka_unit_test(delta_damage),
        cmocka_unit_test(delta_texts), cmocka_unit_test(split_bytes), cmocka_unit_test(small_integers),
        cmocka_unit_test(decimals), cmocka_unit_test(times), cmocka_unit_test(other_types),
        cmocka_unit_test(bad_texts), cmocka_unit_test(definition_levels), cmocka_unit_test(definition_damage),
        cmocka_unit_test(dictionary), cmocka_unit_test(values_of_a_chunk), cmocka_unit_test(encrypted_columns),
        cmocka_unit_test(no_rows), cmocka_unit_test(lists),
        cmocka_unit_test(lists_fill_the_room), cmocka_unit_test(list_damage), cmocka_unit_test(old_lists), cmocka_unit_test(maps),
        cmocka_unit_test(structs), cmocka_unit_test(dremel_paper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
