/* ar_read_test.c — the Arrow reader over streams made byte by byte: flatbuffers, messages, types, buffers and
 * dictionaries, as the format's description has them, and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ar_file_fixture.h"

#define COUNT_OF(array) (uint32_t)(sizeof(array) / sizeof(array)[0])
#define NODES(...)      .nodes = (const int64_t[][2]){__VA_ARGS__}, \
                        .node_count = COUNT_OF(((const int64_t[][2]){__VA_ARGS__}))
#define BUFFERS(...)    .buffers = (const made_buffer[]){__VA_ARGS__}, \
                        .buffer_count = COUNT_OF(((const made_buffer[]){__VA_ARGS__}))
#define BYTES(...)      {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}
#define INTS(...)       {(const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__})}
#define TEXTS(text)     {text, sizeof(text) - 1}
#define NO_BYTES        {NULL, 0}

static made_bytes stream;

static void begin(const made_field *fields, uint32_t count)
{
    stream.used = 0;
    made_schema(&stream, fields, count);
}

static void expect_of(fixture_scan *scan, const char *rows)
{
    fixture_run(scan, stream.bytes, stream.used);
    if (scan->status != WR_OK)
        fail_msg("%s (expected %s)", scan->err.message, rows);
    assert_string_equal(scan->rows.bytes, rows);
    fixture_free(scan);
}

/* As a stream, in reads of some bytes each and batches of one row, and without a disk. */
static void expect_rows(const char *rows)
{
    expect_of(&(fixture_scan){.format = &wr_format_arrow}, rows);
    expect_of(&(fixture_scan){.format = &wr_format_arrow, .piece = 7, .batch_rows = 1}, rows);
    expect_of(&(fixture_scan){.format = &wr_format_arrow, .is_plain = true, .no_scratch = true}, rows);
}

static void expect_error(wr_status status, const char *message)
{
    fixture_scan scan = {.format = &wr_format_arrow};

    fixture_run(&scan, stream.bytes, stream.used);
    if (scan.status == WR_OK)
        fail_msg("read as %s, expected: %s", scan.rows.bytes, message);
    if (!strstr(scan.err.message, message))
        fail_msg("'%s' is not in: %s", message, scan.err.message);
    assert_int_equal(scan.status, status);
    fixture_free(&scan);
}

/* ---- Flatbuffers -------------------------------------------------------------------------------- */

/* A root with a number, a text, tables and a child; read through windows of all sizes. */
static void tables_through_a_window(void **state)
{
    static made_bytes flat;
    uint32_t          root, child, items;
    uint8_t           window[512];
    char              text[300];

    (void)state;
    flat.used = 0;
    made_number(&flat, 0, 8);
    root = made_table(&flat, 5);
    wr_store_u32(flat.bytes, root);
    made_set(&flat, root, 0, -5);
    memset(text, 'x', sizeof text);
    made_refer(&flat, root, 1, made_vector(&flat, text, sizeof text, 1));
    items = made_tables(&flat, 3);
    made_refer(&flat, root, 2, items);
    for (uint32_t i = 0; i < 3; i++) {
        child = made_table(&flat, 1);
        made_set(&flat, child, 0, 100 + i);
        made_item(&flat, items, i, child);
    }
    made_refer(&flat, root, 3, child);
    for (uint32_t bytes = 344; bytes <= sizeof window; bytes += 56) {
        fixture_raw raw = fixture_raw_of(flat.bytes, flat.used);
        ar_source   source = {.file = &raw.base, .size = flat.used};
        wr_error    err = {0};
        ar_meta     meta;
        ar_table    table, item;
        ar_list     list;
        char        copy[400];

        wr_ar_meta_open(&meta, source, window, bytes, &err);
        table = wr_ar_root(&meta);
        assert_int_equal(wr_ar_int(&meta, &table, 0, 4, 7), -5);
        assert_int_equal(wr_ar_int(&meta, &table, 4, 4, 7), 7);  /* left out */
        assert_int_equal(wr_ar_int(&meta, &table, 90, 4, 7), 7); /* not in its description */
        list = wr_ar_vector(&meta, &table, 1, 1);
        assert_int_equal(wr_ar_text(&meta, &list, copy, sizeof copy), sizeof text);
        assert_memory_equal(copy, text, sizeof text);
        assert_int_equal(wr_ar_text(&meta, &list, copy, 11), 10);
        list = wr_ar_vector(&meta, &table, 2, 4);
        assert_int_equal(list.count, 3);
        for (uint32_t i = 0; i < 3; i++) {
            item = wr_ar_item(&meta, &list, i);
            assert_int_equal(wr_ar_int(&meta, &item, 0, 8, 0), 100 + i);
        }
        assert_true(wr_ar_child(&meta, &table, 3, &item));
        assert_false(wr_ar_child(&meta, &table, 4, &item));
        assert_int_equal(meta.status, WR_OK);
    }
}

/* The first failure stays, and all that is asked afterwards is nothing. */
static void damaged_tables(void **state)
{
    static const struct {
        uint32_t    slot;
        int64_t     number;
        const char *message;
    } CASES[] = {
        {0, 1 << 30, "behind its end"}, {0, 0, "circle"}, {1, 4096, "behind its end"}, {2, 0, "longer than"},
    };

    (void)state;
    for (uint32_t i = 0; i < COUNT_OF(CASES); i++) {
        static made_bytes flat;
        wr_error          err = {0};
        ar_meta           meta;
        ar_table          table, child;
        uint32_t          root;

        flat.used = 0;
        made_number(&flat, 0, 8);
        root = made_table(&flat, 3);
        wr_store_u32(flat.bytes, root);
        made_set(&flat, root, CASES[i].slot, CASES[i].number);
        if (CASES[i].slot == 2)
            made_refer(&flat, root, 2, made_number(&flat, 1000000, 4));
        wr_ar_meta_open(&meta, (ar_source){.memory = flat.bytes, .size = flat.used}, NULL, 0, &err);
        table = wr_ar_root(&meta);
        if (i == 1) /* the root again and again */
            for (int turn = 0; turn < 1000; turn++)
                table = wr_ar_root(&meta);
        wr_ar_child(&meta, &table, 0, &child);
        wr_ar_vector(&meta, &table, 1, 4);
        assert_int_equal(wr_ar_vector(&meta, &table, 2, 8).count, 0);
        assert_int_equal(meta.status, WR_CORRUPT);
        if (!strstr(err.message, CASES[i].message))
            fail_msg("'%s' is not in: %s", CASES[i].message, err.message);
        assert_int_equal(wr_ar_int(&meta, &table, 0, 4, 9), 9);
        assert_int_equal(wr_ar_word(&meta, 0, 4), 0);
    }
}

/* ---- Messages ----------------------------------------------------------------------------------- */

static const made_field INT = {"a", AR_TYPE_INT, 2, {32, 1}};
static const made_field TEXT = {"t", AR_TYPE_UTF8};

static void add_ints(int64_t rows, int32_t first, int32_t second, int32_t third)
{
    made_record_batch(&stream, &(made_batch){.rows = rows, NODES({rows, 0}),
                                             BUFFERS(NO_BYTES, INTS(first, second, third))});
}

static void streams_and_their_ends(void **state)
{
    (void)state;
    begin(&INT, 1);
    expect_rows("");
    add_ints(2, 1, -2, 0);
    add_ints(0, 0, 0, 0);
    add_ints(3, 4, 5, 6);
    expect_rows("1\n-2\n4\n5\n6\n");
    made_number(&stream, AR_CONTINUE, 4);
    made_number(&stream, 0, 4);
    add_ints(1, 7, 0, 0); /* behind the end */
    expect_rows("1\n-2\n4\n5\n6\n");
    begin(&INT, 1);
    stream.used -= 8;
    expect_error(WR_CORRUPT, "ends inside of a message");
    stream.used = 4;
    expect_error(WR_CORRUPT, "ends inside of a message");
    stream.used = 0;
    made_add(&stream, "a,b\n1,2\n", 8);
    expect_error(WR_CORRUPT, "neither an Arrow file nor an Arrow stream");
    stream.used = 0;
    made_add(&stream, "FEA1....", 8);
    expect_error(WR_UNSUPPORTED, "version 1");
    stream.used = 0;
    add_ints(1, 1, 0, 0);
    expect_error(WR_CORRUPT, "the first message is no schema");
    begin(&INT, 1);
    made_schema(&stream, &INT, 1);
    expect_error(WR_CORRUPT, "neither a record batch nor a dictionary");
}

/* Before 0.15 messages had no continuation; every second word in front of metadata is its length. */
static void old_streams(void **state)
{
    uint32_t schema_end;

    (void)state;
    begin(&INT, 1);
    schema_end = stream.used;
    add_ints(3, 4, 5, 6);
    memmove(stream.bytes + schema_end, stream.bytes + schema_end + 4, stream.used - schema_end - 4);
    memmove(stream.bytes, stream.bytes + 4, stream.used - 4);
    stream.used -= 8;
    expect_rows("4\n5\n6\n");
}

static void damaged_batches(void **state)
{
    const made_batch NEGATIVE = {.rows = -1, NODES({0, 0}), BUFFERS(NO_BYTES, NO_BYTES)},
                     FEW_VALUES = {.rows = 3, NODES({2, 0}), BUFFERS(NO_BYTES, INTS(1, 2, 3))},
                     NO_NODES = {.rows = 1, BUFFERS(INTS(1))},
                     FEW_BUFFERS = {.rows = 1, NODES({1, 0}), BUFFERS(NO_BYTES)},
                     SHORT = {.rows = 3, NODES({3, 0}), BUFFERS(NO_BYTES, INTS(1, 2))},
                     UNSAID = {.rows = 1, NODES({1, 1}), BUFFERS(NO_BYTES, INTS(1))},
                     CODEC = {.rows = 1, NODES({1, 0}), BUFFERS(NO_BYTES, INTS(1)), .codec = 8},
                     CUT = {.rows = 1, NODES({1, 0}), BUFFERS(NO_BYTES, INTS(1)), .codec = 1};
    const struct {
        const made_batch *batch;
        wr_status         status;
        const char       *message;
    } CASES[] = {
        {&NEGATIVE, WR_CORRUPT, "negative number of rows"}, {&FEW_VALUES, WR_CORRUPT, "first column"},
        {&NO_NODES, WR_CORRUPT, "fewer than the schema"},   {&FEW_BUFFERS, WR_CORRUPT, "1 buffers, fewer"},
        {&SHORT, WR_CORRUPT, "has no byte 12"},             {&UNSAID, WR_CORRUPT, "does not say where"},
        {&CODEC, WR_UNSUPPORTED, "codec 7"},                {&CUT, WR_CORRUPT, "has 4 bytes"},
    };

    (void)state;
    for (uint32_t i = 0; i < COUNT_OF(CASES); i++) {
        begin(&INT, 1);
        made_record_batch(&stream, CASES[i].batch);
        expect_error(CASES[i].status, CASES[i].message);
    }
}

/* ---- Types -------------------------------------------------------------------------------------- */

static void types_of_a_schema(void **state)
{
    static const made_field PAIR[] = {{"key", AR_TYPE_UTF8}, {"value", AR_TYPE_INT, 2, {64, 1}}},
                            ENTRIES = {"entries", AR_TYPE_STRUCT, .children = PAIR, .child_count = 2},
                            ENDS[] = {{"run_ends", AR_TYPE_INT, 2, {16, 1}}, {"values", AR_TYPE_BOOL}};
    static const struct {
        made_field  field;
        const char *type; /* NULL: an error that says ... */
        const char *message;
    } CASES[] = {
        {{"a", AR_TYPE_NULL}, "a Null", ""}, {{"a", AR_TYPE_BOOL}, "a Boolean", ""},
        {{"a", AR_TYPE_INT, 2, {8, 1}}, "a Int8", ""}, {{"a", AR_TYPE_INT, 1, {16}}, "a UInt16", ""},
        {{"a", AR_TYPE_INT, 1, {64}}, "a UInt64", ""}, {{"a", AR_TYPE_FLOAT, 1, {AR_HALF}}, "a Float32", ""},
        {{"a", AR_TYPE_FLOAT, 1, {AR_DOUBLE}}, "a Float64", ""},
        {{"a", AR_TYPE_DECIMAL, 3, {38, 6, 128}}, "a Decimal(38, 6)", ""},
        {{"a", AR_TYPE_DECIMAL, 3, {7, 2, 32}}, "a Decimal(7, 2)", ""},
        {{"a", AR_TYPE_DATE, 1, {AR_DAY}}, "a Date32", ""},
        {{"a", AR_TYPE_TIME, 2, {WR_UNIT_US, 64}}, "a Time(us)", ""},
        {{"a", AR_TYPE_TIMESTAMP, 1, {WR_UNIT_NS}, .zone = "Europe/Berlin"}, "a Timestamp(ns, Europe/Berlin)", ""},
        {{"a", AR_TYPE_INTERVAL, 1, {AR_DAY_TIME}}, "a Interval", ""},
        {{"a", AR_TYPE_DURATION, 1, {WR_UNIT_S}}, "a Interval", ""}, {{"a", AR_TYPE_LARGE_UTF8}, "a Utf8", ""},
        {{"a", AR_TYPE_BINARY_VIEW}, "a Binary", ""}, {{"a", AR_TYPE_FIXED_BINARY, 1, {16}}, "a Binary", ""},
        {{"a", AR_TYPE_FIXED_BINARY, 1, {16}, .extension = AR_UUID}, "a Uuid", ""},
        {{"a", AR_TYPE_LIST_VIEW, .children = &TEXT, .child_count = 1}, "a List(Utf8)", ""},
        {{"a", AR_TYPE_STRUCT, .children = PAIR, .child_count = 2}, "a Struct(key Utf8, value Int64)", ""},
        {{"a", AR_TYPE_MAP, .children = &ENTRIES, .child_count = 1}, "a Map(Utf8, Int64)", ""},
        {{"a", AR_TYPE_RUNS, .children = ENDS, .child_count = 2}, "a Boolean", ""},
        {{"a", AR_TYPE_UTF8, .is_coded = true, .code_bits = 8}, "a Utf8", ""},
        {{"a", AR_TYPE_LIST}, NULL, "not one kind of elements"},
        {{"a", AR_TYPE_MAP, .children = PAIR, .child_count = 1}, NULL, "a key and a value"},
        {{"a", AR_TYPE_UTF8, .is_coded = true, .code_bits = 5}, NULL, "bits are 5"},
        {{"a", AR_TYPE_COUNT}, NULL, "type number"}, {{"a", AR_TYPE_FLOAT, 1, {3}}, NULL, "precision 3"},
        {{"a", AR_TYPE_FIXED_BINARY, 1, {-1}}, NULL, "fixed size of -1"},
    };

    (void)state;
    for (uint32_t i = 0; i < COUNT_OF(CASES); i++) {
        fixture_scan scan = {.format = &wr_format_arrow};

        begin(&CASES[i].field, 1);
        if (!CASES[i].type) {
            fixture_run(&scan, stream.bytes, stream.used);
            assert_int_not_equal(scan.status, WR_OK);
            if (!strstr(scan.err.message, CASES[i].message))
                fail_msg("'%s' is not in: %s", CASES[i].message, scan.err.message);
        } else {
            assert_int_equal(fixture_run(&scan, stream.bytes, stream.used), WR_OK);
            assert_string_equal(scan.schema_text.bytes, CASES[i].type);
        }
        fixture_free(&scan);
    }
}

/* ---- Buffers ------------------------------------------------------------------------------------ */

static void texts_and_nulls(void **state)
{
    (void)state;
    begin(&TEXT, 1);
    made_record_batch(&stream, &(made_batch){.rows = 4, NODES({4, 1}),
                                             BUFFERS(BYTES(0x0b), INTS(0, 2, 2, 9, 12), TEXTS("onexxxxxxtwo"))});
    expect_rows("on\n\n~\ntwo\n"); /* what stands under a NULL is passed over */
    begin(&TEXT, 1);
    made_record_batch(&stream, &(made_batch){.rows = 2, NODES({2, 0}),
                                             BUFFERS(NO_BYTES, INTS(0, 3, 2), TEXTS("abc"))});
    expect_error(WR_CORRUPT, "do not ascend");
    begin(&TEXT, 1);
    made_record_batch(&stream, &(made_batch){.rows = 1, NODES({1, 0}),
                                             BUFFERS(NO_BYTES, INTS(0, 300), TEXTS("abc"))});
    expect_error(WR_CORRUPT, "texts end at byte 300 of a buffer of 3");
    begin(&TEXT, 1);
    made_record_batch(&stream, &(made_batch){.rows = 1, NODES({1, 0}),
                                             BUFFERS(NO_BYTES, INTS(0, 1), TEXTS("\xff"))});
    expect_error(WR_DATA, "not valid UTF-8");
}

/* A raw size of -1 says that a buffer is stored as it is. */
static void buffers_that_were_not_worth_compressing(void **state)
{
    (void)state;
    begin(&INT, 1);
    made_record_batch(&stream, &(made_batch){.rows = 2, NODES({2, 0}), .codec = AR_ZSTD + 1,
                                             BUFFERS(NO_BYTES, INTS(-1, -1, 17, 18))});
    expect_rows("17\n18\n");
    begin(&INT, 1);
    made_record_batch(&stream, &(made_batch){.rows = 2, NODES({2, 0}), .codec = AR_LZ4_FRAME + 1,
                                             BUFFERS(NO_BYTES, INTS(8, 0, 17, 18))});
    expect_error(WR_CORRUPT, "lz4");
}

static void windows_move(void **state)
{
    static uint8_t bytes[1000];
    uint8_t        window[100 + AR_PAD];
    fixture_raw    raw = fixture_raw_of(bytes, sizeof bytes);
    ar_buffer      buffer = {.source = {.file = &raw.base, .begin = 10, .size = 900}, .window = window,
                             .window_bytes = 100, .wanted = 900};
    const uint8_t *at = NULL;
    wr_error       err = {0};

    (void)state;
    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31);
    for (uint32_t offset = 0; offset < 900; offset += 37) {
        uint32_t count = 900 - offset < 100 ? 900 - offset : 100;

        assert_int_equal(wr_ar_buffer_at(&buffer, offset, count, &at, &err), WR_OK);
        assert_memory_equal(at, bytes + 10 + offset, count);
    }
    assert_int_equal(wr_ar_buffer_at(&buffer, 3, 1, &at, &err), WR_OK); /* and back */
    assert_int_equal(*at, bytes[13]);
    assert_int_equal(wr_ar_buffer_at(&buffer, 0, 101, &at, &err), WR_NO_MEMORY);
    assert_int_equal(wr_ar_buffer_at(&buffer, 899, 2, &at, &err), WR_CORRUPT);
}

/* ---- Dictionaries ------------------------------------------------------------------------------- */

static const made_field CODED = {"w", AR_TYPE_UTF8, .is_coded = true, .dictionary_id = 5};

static void add_codes(int64_t rows, int64_t nulls, uint8_t valid, int32_t first, int32_t second, int32_t third)
{
    made_record_batch(&stream, &(made_batch){.rows = rows, NODES({rows, nulls}),
                                             BUFFERS(BYTES(valid), INTS(first, second, third))});
}

static void dictionaries_grow_and_are_replaced(void **state)
{
    static const char ROWS[] = "b\n~\na\ncccccccccccccccccccccccc\n~\nb\nd\n";
    const made_batch AB = {.rows = 2, NODES({2, 0}), BUFFERS(NO_BYTES, INTS(0, 1, 2), TEXTS("ab"))},
                     C = {.rows = 2, NODES({2, 1}), .is_delta = true,
                          BUFFERS(BYTES(1), INTS(0, 24, 24), TEXTS("cccccccccccccccccccccccc"))},
                     D = {.rows = 1, NODES({1, 0}), BUFFERS(NO_BYTES, INTS(0, 1), TEXTS("d"))},
                     OTHER = {.rows = 1, NODES({1, 0}), BUFFERS(NO_BYTES, INTS(0, 1), TEXTS("x"))};

    (void)state;
    begin(&CODED, 1);
    made_dictionary(&stream, 6, &OTHER);
    made_dictionary(&stream, 5, &AB);
    add_codes(3, 1, 5, 1, 99, 0);
    made_dictionary(&stream, 5, &C);
    add_codes(3, 0, 7, 2, 3, 1);
    made_dictionary(&stream, 5, &D);
    add_codes(1, 0, 1, 0, 0, 0);
    expect_of(&(fixture_scan){.format = &wr_format_arrow}, ROWS);
    expect_of(&(fixture_scan){.format = &wr_format_arrow, .piece = 3, .batch_rows = 1}, ROWS);
    add_codes(1, 0, 1, 1, 0, 0);
    expect_error(WR_CORRUPT, "code 1 of a dictionary of 1 values");
    begin(&CODED, 1);
    add_codes(2, 2, 0, 0, 0, 0); /* NULLs need none */
    expect_of(&(fixture_scan){.format = &wr_format_arrow}, "~\n~\n");
    add_codes(1, 0, 1, 0, 0, 0);
    expect_error(WR_CORRUPT, "a dictionary");
    begin(&CODED, 1);
    made_dictionary(&stream, 5, &AB);
    add_codes(1, 0, 1, -1, 0, 0);
    expect_error(WR_CORRUPT, "code 4294967295");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_through_a_window),
        cmocka_unit_test(damaged_tables),
        cmocka_unit_test(streams_and_their_ends),
        cmocka_unit_test(old_streams),
        cmocka_unit_test(damaged_batches),
        cmocka_unit_test(types_of_a_schema),
        cmocka_unit_test(texts_and_nulls),
        cmocka_unit_test(buffers_that_were_not_worth_compressing),
        cmocka_unit_test(windows_move),
        cmocka_unit_test(dictionaries_grow_and_are_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
