/* ar_write_test.c — the Arrow writer: what its messages say, how buffers are laid out, where record batches end,
 * and that its bytes depend on neither batches nor threads. What it wrote is read by the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ar_write.h"
#include "ar_file_fixture.h"

#define COUNT_OF(array) (uint32_t)(sizeof(array) / sizeof(array)[0])

/* ---- Rows --------------------------------------------------------------------------------------- */

enum { COLUMNS = 4, TEXT_BYTES_MAX = 64 << 10 };

/* Rows of a number, a word of some, a truth and an amount; NULLs here and there. */
typedef struct rows {
    uint32_t    count, words, batch_rows;
    uint32_t    long_every, long_bytes; /* rows whose text is so long; 0: none */
    wr_vector   vectors[COLUMNS];
    int64_t     numbers[WR_BATCH_ROWS_MAX], amounts[WR_BATCH_ROWS_MAX];
    wr_str      texts[WR_BATCH_ROWS_MAX];
    uint8_t     truths[WR_BATCH_ROWS_MAX];
    uint64_t    valid[WR_BATCH_ROWS_MAX / 64];
    char        words_room[WR_BATCH_ROWS_MAX][24];
} rows;

static char long_text[TEXT_BYTES_MAX];

static wr_str text_of(rows *r, uint64_t row, uint32_t i)
{
    if (r->long_every && row % r->long_every == 3)
        return wr_str_of(long_text, r->long_bytes);
    return wr_str_of(r->words_room[i], (size_t)snprintf(r->words_room[i], sizeof r->words_room[i], "word %llu",
                                                        (unsigned long long)(row * 7919 % r->words)));
}

static wr_batch batch_of(rows *r, uint64_t first, uint32_t count)
{
    static const wr_type AMOUNT = {.logical = WR_TYPE_DECIMAL, .precision = 10, .scale = 2};
    const wr_type types[COLUMNS] = {WR_TYPE(I64), WR_TYPE(UTF8), WR_TYPE(BOOL), AMOUNT};
    void         *data[COLUMNS] = {r->numbers, r->texts, r->truths, r->amounts};
    wr_batch      batch = {.row_count = count, .column_count = COLUMNS, .columns = r->vectors};

    memset(r->valid, 0xff, sizeof r->valid);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t row = first + i;

        r->numbers[i] = (int64_t)row;
        r->amounts[i] = -(int64_t)row;
        r->truths[i] = row % 3 == 0;
        r->texts[i] = text_of(r, row, i);
        if (row % 11 == 5)
            wr_bit_clear(r->valid, i);
    }
    for (uint32_t c = 0; c < COLUMNS; c++)
        r->vectors[c] = (wr_vector){.type = types[c], .encoding = WR_FLAT, .row_count = count, .data = data[c],
                                    .valid = c == 0 ? NULL : r->valid};
    wr_batch_select_all(&batch);
    return batch;
}

/* What a filter lets pass. */
static bool passes(uint64_t row)
{
    return row % 250 == 7 || (row >= 900 && row < 930);
}

/* What the reader should make of them. */
static void expect_text(rows *r, bool is_filtered, fixture_text *out)
{
    for (uint64_t row = 0; row < r->count; row++) {
        char   line[96];
        wr_str text = text_of(r, row, 0);
        bool   valid = row % 11 != 5;

        if (is_filtered && !passes(row))
            continue;
        fixture_add(out, line, (size_t)snprintf(line, sizeof line, "%llu|", (unsigned long long)row));
        fixture_add(out, valid ? wr_str_bytes(&text) : "~", valid ? text.byte_count : 1);
        fixture_add(out, line, (size_t)snprintf(line, sizeof line, valid ? "|%s|%s%llu.%02llu\n" : "|~|~\n",
                                                row % 3 ? "false" : "true", row ? "-" : "",
                                                (unsigned long long)row / 100, (unsigned long long)row % 100));
    }
}

/* ---- Writing ------------------------------------------------------------------------------------ */

typedef struct memory_output {
    wr_output    base;
    fixture_text text;
} memory_output;

static wr_status write_memory(wr_output *output, const void *bytes, size_t byte_count, wr_error *err)
{
    (void)err;
    fixture_add(&((memory_output *)output)->text, bytes, byte_count);
    return WR_OK;
}

static const struct wr_output_ops MEMORY_OUTPUT = {.write = write_memory};

typedef struct writing {
    ar_write_options options;
    wr_write_request request;
    fixture_scan     memory; /* its arena and its scratch space */
    ar_shared        shared;
    ar_out_block     block;
    ar_encoder       encoder;
    wr_lease         leases[3];
    wr_bump          bumps[3];
    memory_output    output;
    uint32_t         block_count;
} writing;

static const wr_field FIELDS[COLUMNS] = {
    {.name = {"n", 1}, .type = {.logical = WR_TYPE_I64}, .nullable = true},
    {.name = {"w", 1}, .type = {.logical = WR_TYPE_UTF8}, .nullable = true},
    {.name = {"b", 1}, .type = {.logical = WR_TYPE_BOOL}, .nullable = true},
    {.name = {"d", 1}, .type = {.logical = WR_TYPE_DECIMAL, .precision = 10, .scale = 2}, .nullable = true},
};
static const wr_schema SCHEMA = {COLUMNS, (wr_field *)(uintptr_t)FIELDS};

/* Memory is exactly what the formulas say. */
static void open_writing(writing *w, uint32_t block_bytes, const char *const *options)
{
    const wr_format_block_ops *ops = &WR_AR_WRITER;
    fixture_scan              *memory = &w->memory;

    *w = (writing){.output.base.ops = &MEMORY_OUTPUT};
    wr_options_default(WR_AR_WRITE_OPTIONS, &w->options);
    for (; *options; options += 2)
        assert_int_equal(wr_option_set(WR_AR_WRITE_OPTIONS, &w->options, wr_text_of(options[0]),
                                       wr_text_of(options[1]), NULL), WR_OK);
    assert_int_equal(ops->check(&w->options, NULL), WR_OK);
    assert_int_equal(wr_arena_new((uint64_t)FIXTURE_PAGES * FIXTURE_PAGE, FIXTURE_PAGE, &memory->arena, NULL),
                     WR_OK);
    fixture_clear(&memory->scratch);
    memory->scratch_handle = (wr_scratch){&FIXTURE_SCRATCH, &memory->scratch};
    w->request = (wr_write_request){&w->options, &SCHEMA, block_bytes, &memory->scratch_handle};
    fixture_exact_bump(memory, ops->shared_lease_min(&w->request), &w->leases[0], &w->bumps[0]);
    fixture_exact_bump(memory, ops->block_lease_min(&w->request), &w->leases[1], &w->bumps[1]);
    fixture_exact_bump(memory, ops->encoder_lease_min(&w->request), &w->leases[2], &w->bumps[2]);
    assert_int_equal(ops->shared_init(&w->request, &w->shared, &w->bumps[0], NULL), WR_OK);
    assert_int_equal(ops->block_init(&w->request, &w->shared, &w->block, &w->bumps[1], NULL), WR_OK);
    assert_int_equal(ops->encoder_init(&w->request, &w->encoder, &w->bumps[2], NULL), WR_OK);
    assert_int_equal(ops->begin(&w->request, &w->shared, &w->output.base, NULL), WR_OK);
}

static void write_block(writing *w)
{
    bool     more = true;
    wr_error err = {0};

    while (more) {
        more = false;
        assert_int_equal(wr_ar_encode(&w->request, &w->shared, &w->block, &w->encoder, &more, &err), WR_OK);
    }
    if (wr_ar_write(&w->request, &w->shared, &w->block, &w->output.base, &err) != WR_OK)
        fail_msg("%s", err.message);
    w->block_count++;
}

static void write_rows(writing *w, rows *r)
{
    bool full = false;

    for (uint64_t at = 0; at < r->count;) {
        uint32_t count = r->count - at < r->batch_rows ? (uint32_t)(r->count - at) : r->batch_rows, next = 0;
        wr_batch batch = batch_of(r, at, count);

        while (next < count) {
            assert_int_equal(wr_ar_take(&w->request, &w->shared, &w->block, &batch, &next, &full, NULL), WR_OK);
            assert_true(w->block.rows > 0);
            if (full)
                write_block(w);
        }
        at += count;
    }
    if (w->block.rows > 0)
        write_block(w);
    assert_int_equal(wr_ar_end(&w->request, &w->shared, &w->encoder, &w->output.base, NULL), WR_OK);
}

static void close_writing(writing *w)
{
    for (int i = 0; i < 3; i++) {
        wr_bump_release(&w->bumps[i]);
        wr_lease_close(&w->leases[i]);
    }
    wr_arena_free(w->memory.arena);
    free(w->memory.scratch.bytes);
    free(w->output.text.bytes);
}

static void expect_read(const writing *w, rows *r, bool is_plain)
{
    fixture_scan scan = {.format = &wr_format_arrow, .is_plain = is_plain};
    fixture_text expected = {0};

    fixture_clear(&expected);
    expect_text(r, false, &expected);
    if (fixture_run(&scan, w->output.text.bytes, w->output.text.used) != WR_OK)
        fail_msg("%s", scan.err.message);
    assert_int_equal(scan.row_count, r->count);
    assert_string_equal(scan.rows.bytes, expected.bytes);
    free(expected.bytes);
    fixture_free(&scan);
}

static wr_status select_rows(void *self, const wr_batch *batch, wr_selection *out, wr_error *err)
{
    static uint16_t rows_left[WR_BATCH_ROWS_MAX];

    (void)self, (void)err;
    *out = (wr_selection){.rows = rows_left};
    for (uint32_t i = 0; i < batch->row_count; i++)
        if (passes(*(const uint64_t *)wr_vector_at(&batch->columns[0], i)))
            rows_left[out->row_count++] = (uint16_t)i;
    return WR_OK;
}

static void expect_filtered(const writing *w, rows *r, uint32_t batch_rows)
{
    static const uint32_t FIRST = 0;
    fixture_scan          scan = {.format = &wr_format_arrow, .is_plain = true, .batch_rows = batch_rows};
    fixture_text          expected = {0};

    fixture_clear(&expected);
    expect_text(r, true, &expected);
    assert_int_equal(fixture_begin(&scan, w->output.text.bytes, w->output.text.used), WR_OK);
    scan.request.filter = (wr_row_filter){&FIRST, 1, select_rows, NULL};
    assert_int_equal(fixture_read(&scan, w->output.text.bytes, w->output.text.used), WR_OK);
    assert_string_equal(scan.rows.bytes, expected.bytes);
    free(expected.bytes);
    fixture_free(&scan);
}

static const char *const STREAM[] = {"layout", "stream", NULL}, *const FILE_LZ4[] = {"compression", "lz4", NULL},
                  *const SMALL[] = {"batch_rows", "100", NULL},
                  *const ZSTD_STREAM[] = {"layout", "stream", "compression", "zstd", "large_offsets", "true", NULL};
static const char *const CODED[] = {"dictionary", "w", NULL},
                  *const CODED_STREAM[] = {"dictionary", "true", "layout", "stream", "batch_rows", "1000", NULL},
                  *const CODED_LZ4[] = {"dictionary", "w", "compression", "lz4", "batch_rows", "500", NULL};
static const char *const *const OPTIONS[] = {STREAM, FILE_LZ4,     SMALL,    ZSTD_STREAM,
                                             CODED,  CODED_STREAM, CODED_LZ4};

static writing written, again;
static rows    made;

/* ---- Tests -------------------------------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (uint32_t o = 0; o < COUNT_OF(OPTIONS); o++) {
        made = (rows){.count = 5000, .words = 300, .batch_rows = 1000};
        open_writing(&written, 64 << 10, OPTIONS[o]);
        write_rows(&written, &made);
        expect_read(&written, &made, written.options.layout == AR_LAYOUT_FILE);
        expect_read(&written, &made, false);
        assert_true(written.block_count >= (OPTIONS[o] == SMALL ? 50 : 3));
        close_writing(&written);
    }
}

/* Columns of rows that do not pass are not looked at, nor decompressed if none of a record batch does. */
static void filters_let_rows_pass(void **state)
{
    (void)state;
    for (uint32_t o = 0; o < COUNT_OF(OPTIONS); o++) {
        made = (rows){.count = 4000, .words = 300, .batch_rows = 1000, .long_every = 300, .long_bytes = 30000};
        open_writing(&written, 32 << 10, OPTIONS[o]);
        write_rows(&written, &made);
        expect_filtered(&written, &made, WR_BATCH_ROWS_MAX);
        expect_filtered(&written, &made, 1);
        expect_filtered(&written, &made, 100);
        close_writing(&written);
    }
}

/* Whoever cuts the rows into batches. */
static void bytes_do_not_depend_on_batches(void **state)
{
    static const uint32_t CUTS[] = {1, 7, 333, 1024};

    (void)state;
    for (uint32_t o = 0; o < COUNT_OF(OPTIONS); o++) {
        made = (rows){.count = 3000, .words = 2000, .batch_rows = 1000, .long_every = 900, .long_bytes = 40000};
        open_writing(&written, 32 << 10, OPTIONS[o]);
        write_rows(&written, &made);
        for (uint32_t c = 0; c < COUNT_OF(CUTS); c++) {
            made.batch_rows = CUTS[c];
            open_writing(&again, 32 << 10, OPTIONS[o]);
            write_rows(&again, &made);
            assert_int_equal(again.output.text.used, written.output.text.used);
            assert_memory_equal(again.output.text.bytes, written.output.text.bytes, written.output.text.used);
            close_writing(&again);
        }
        close_writing(&written);
    }
}

/* A text that no block has room for is a record batch of its own, and its bytes wait on disk. */
static void long_rows_stand_alone(void **state)
{
    (void)state;
    for (uint32_t o = 0; o < COUNT_OF(OPTIONS); o++) {
        made = (rows){.count = 20, .words = 5, .batch_rows = 20, .long_every = 5, .long_bytes = 60000};
        open_writing(&written, 32 << 10, OPTIONS[o]);
        write_rows(&written, &made);
        assert_true(written.memory.scratch.used >= 4 * 60000);
        assert_int_equal(written.block_count, 9); /* rows 3, 8, 13 and 18, and what is between them */
        expect_read(&written, &made, false);
        close_writing(&written);
    }
}

/* The metadata of every message ends, and every buffer begins, at a multiple of 64. */
static void messages_are_aligned(void **state)
{
    uint64_t at = AR_HEAD_BYTES, batches = 0;

    (void)state;
    made = (rows){.count = 1000, .words = 10, .batch_rows = 1000};
    open_writing(&written, 1 << 20, SMALL);
    write_rows(&written, &made);
    assert_memory_equal(written.output.text.bytes, AR_MAGIC "\0\0", AR_HEAD_BYTES);
    for (;;) {
        const uint8_t *bytes = (const uint8_t *)written.output.text.bytes + at;
        uint32_t       meta_bytes = wr_load_u32(bytes + 4);
        wr_error       err = {0};
        ar_meta        meta;
        ar_message     message;
        ar_batch       batch;

        assert_int_equal(wr_load_u32(bytes), AR_CONTINUE);
        if (meta_bytes == 0)
            break;
        assert_int_equal((at + AR_PREFIX_BYTES + meta_bytes) % AR_BODY_ALIGNMENT, 0);
        wr_ar_meta_open(&meta, (ar_source){.memory = bytes + AR_PREFIX_BYTES, .size = meta_bytes}, NULL, 0, &err);
        assert_int_equal(wr_ar_message_read(&meta, &message, &err), WR_OK);
        assert_int_equal(message.version, AR_V5);
        assert_int_equal(message.body_bytes % AR_BODY_ALIGNMENT, 0);
        if (message.kind == AR_RECORD_BATCH) {
            batches++;
            assert_int_equal(wr_ar_batch_read(&meta, &message.header, &batch, &err), WR_OK);
            assert_int_equal(batch.rows, 100);
            assert_int_equal(batch.node_count, COLUMNS);
            assert_int_equal(batch.buffer_count, 2 + 3 + 2 + 2);
            assert_int_equal(wr_ar_word(&meta, batch.meta_buffers + 8, 8), 0); /* no NULL: no validity */
            assert_int_equal(wr_ar_word(&meta, batch.meta_buffers + AR_BUFFER_BYTES + 8, 8), 800);
            for (uint32_t i = 0; i < batch.buffer_count; i++)
                assert_int_equal(wr_ar_word(&meta, batch.meta_buffers + AR_BUFFER_BYTES * i, 8) %
                                 AR_BODY_ALIGNMENT, 0);
        }
        at += AR_PREFIX_BYTES + meta_bytes + message.body_bytes;
    }
    assert_int_equal(batches, 10);
    close_writing(&written);
}

/* ---- Dictionaries ------------------------------------------------------------------------------- */

typedef struct counted {
    uint32_t dictionaries, deltas, batches;
    uint64_t words;       /* that a reader has in the end */
} counted;

static counted count_messages(const writing *w)
{
    uint64_t at = w->options.layout == AR_LAYOUT_FILE ? AR_HEAD_BYTES : 0;
    counted  counts = {0};

    for (;;) {
        const uint8_t *bytes = (const uint8_t *)w->output.text.bytes + at;
        uint32_t       meta_bytes = wr_load_u32(bytes + 4);
        wr_error       err = {0};
        ar_meta        meta;
        ar_message     message;
        ar_table       data;
        ar_batch       values;
        bool           is_delta;

        if (meta_bytes == 0)
            return counts;
        wr_ar_meta_open(&meta, (ar_source){.memory = bytes + AR_PREFIX_BYTES, .size = meta_bytes}, NULL, 0, &err);
        assert_int_equal(wr_ar_message_read(&meta, &message, &err), WR_OK);
        at += AR_PREFIX_BYTES + meta_bytes + message.body_bytes;
        counts.batches += message.kind == AR_RECORD_BATCH;
        if (message.kind != AR_DICTIONARY_BATCH)
            continue;
        is_delta = wr_ar_int(&meta, &message.header, AR_DICTIONARY_IS_DELTA, 1, 0) != 0;
        assert_true(wr_ar_child(&meta, &message.header, AR_DICTIONARY_DATA, &data));
        assert_int_equal(wr_ar_batch_read(&meta, &data, &values, &err), WR_OK);
        assert_int_equal(wr_ar_int(&meta, &message.header, AR_DICTIONARY_ID, 8, 9), 0);
        assert_int_equal(values.node_count, 1);
        assert_int_equal(values.buffer_count, 3);
        counts.dictionaries++;
        counts.deltas += is_delta;
        counts.words = values.rows + (is_delta ? counts.words : 0);
    }
}

static counted write_words(const char *const *options, uint32_t count, uint32_t words)
{
    counted counts;

    made = (rows){.count = count, .words = words, .batch_rows = 700};
    open_writing(&written, 64 << 10, options);
    write_rows(&written, &made);
    expect_read(&written, &made, written.options.layout == AR_LAYOUT_FILE);
    counts = count_messages(&written);
    close_writing(&written);
    return counts;
}

/* Of each word once, in the order in which they come; one that is not NULL at least one time in eleven. */
static void dictionaries_grow(void **state)
{
    counted counts;

    (void)state;
    for (int i = 0; i < 2; i++) {
        counts = write_words(i ? CODED_STREAM : CODED_LZ4, 8000, 50);
        assert_int_equal(counts.dictionaries, 1);
        assert_int_equal(counts.words, 50);
        counts = write_words(i ? CODED_STREAM : CODED_LZ4, 8000, 1200);
        assert_true(counts.dictionaries >= 2);
        assert_int_equal(counts.deltas, counts.dictionaries - 1);
        assert_int_equal(counts.words, 1200);
    }
    counts = write_words(CODED, 0, 1);
    assert_int_equal(counts.dictionaries + counts.batches, 0);
}

/* 16 KB are set aside for one: some 1300 words. A file's goes on with what it was not to forget; a stream's
 * next record batch has one of its own. */
static void full_dictionaries_begin_anew(void **state)
{
    counted file, stream;

    (void)state;
    file = write_words(CODED, 20000, 3000);
    assert_int_equal(file.deltas, file.dictionaries - 1);
    assert_in_range(file.words, 15000, 18500);
    stream = write_words(CODED_STREAM, 20000, 3000);
    assert_int_equal(stream.batches, 20);
    assert_int_equal(stream.dictionaries, 20);
    assert_in_range(stream.deltas, 5, 15);
    assert_in_range(stream.words, 900, 2000);
}

static void columns_with_dictionaries_are_checked(void **state)
{
    static const struct {
        const char *name, *message;
    } CASES[] = {{"v", "no column 'v'"}, {"W", "did you mean 'w'"}, {"n", "'n' has no texts"}};

    (void)state;
    for (uint32_t i = 0; i < COUNT_OF(CASES); i++) {
        ar_write_options options = {.dictionary = {.count = 1, .items = {wr_text_of(CASES[i].name)}}};
        wr_write_request request = {&options, &SCHEMA, 1 << 16, NULL};
        wr_error         err = {0};

        assert_int_equal(wr_ar_check_coded(&request, &err), WR_INVALID);
        if (!strstr(err.message, CASES[i].message))
            fail_msg("'%s' is not in: %s", CASES[i].message, err.message);
    }
}

/* ---- Values ------------------------------------------------------------------------------------- */

static void offsets_have_a_limit(void **state)
{
    const ar_out_node node = {.type = WR_TYPE(UTF8), .put = AR_PUT_TEXT, .end = 1};
    ar_out_buffers    buffers = {0};
    ar_putter         p = {.nodes = &node, .buffers = &buffers, .mode = AR_MODE_COUNT};
    wr_error          err = {0};

    (void)state;
    assert_int_equal(wr_ar_put_offset(&p, 0, INT32_MAX, &err), WR_OK);
    assert_int_equal(buffers.chains[AR_OUT_MIDDLE].byte_count, 4);
    assert_int_equal(wr_ar_put_offset(&p, 0, 1ull << 31, &err), WR_DATA);
    assert_non_null(strstr(err.message, "large_offsets"));
    p.is_large = true;
    assert_int_equal(wr_ar_put_offset(&p, 0, 1ull << 31, &err), WR_OK);
    assert_int_equal(buffers.chains[AR_OUT_MIDDLE].byte_count, 12);
}

/* What stands under a NULL is zero, and bits are packed from the lowest on. */
static void buffers_of_values(void **state)
{
    enum { PIECE = 16, PIECES = 8 };
    static const uint8_t NULLS[] = {0xed, 0x03}, TRUTHS[] = {0x25, 0x01}; /* rows 1 and 4 of 10 are NULL */
    const ar_out_node    node = {.type = WR_TYPE(BOOL), .put = AR_PUT_BITS, .width = 1, .end = 1};
    uint8_t              pieces[PIECE * PIECES], values[10] = {1, 1, 1, 0, 1, 1, 0, 0, 1, 0};
    uint32_t             next[PIECES];
    uint64_t             valid = 0x3ed;
    ar_out_buffers       buffers;
    ar_putter            p = {.nodes = &node, .buffers = &buffers, .pieces = pieces, .next = next,
                              .piece_bytes = PIECE, .piece_count = PIECES};
    wr_vector_view       view = {.data = values, .valid = &valid};

    (void)state;
    wr_ar_put_reset(&p, 1);
    assert_int_equal(wr_ar_put_values(&p, 0, &view, &(ar_span){NULL, 0, 10}, NULL), WR_OK);
    assert_int_equal(wr_ar_put_end(&p, 1, NULL), WR_OK);
    assert_int_equal(buffers.count, 10);
    assert_int_equal(buffers.null_count, 2);
    assert_int_equal(buffers.chains[AR_OUT_VALIDITY].byte_count, 2);
    assert_memory_equal(pieces + PIECE * buffers.chains[AR_OUT_VALIDITY].first, NULLS, 2);
    assert_memory_equal(pieces + PIECE * buffers.chains[AR_OUT_DATA].first, TRUTHS, 2);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(wr_ar_put_values(&p, 0, &view, &(ar_span){NULL, 0, 10}, NULL), WR_OK);
    assert_true(p.is_full); /* and nothing was written behind the pool */
    assert_int_equal(p.piece_next, PIECES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(filters_let_rows_pass),
        cmocka_unit_test(bytes_do_not_depend_on_batches),
        cmocka_unit_test(long_rows_stand_alone),   cmocka_unit_test(messages_are_aligned),
        cmocka_unit_test(dictionaries_grow),       cmocka_unit_test(full_dictionaries_begin_anew),
        cmocka_unit_test(columns_with_dictionaries_are_checked),
        cmocka_unit_test(offsets_have_a_limit),    cmocka_unit_test(buffers_of_values),
    };

    memset(long_text, 'x', sizeof long_text);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
