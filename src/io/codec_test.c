/* codec_test.c — compressed files in and out: whole, joined, cut, flipped, swollen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "io/head.h"
#include "io/output.h"

enum { PAGE = 16384, LEASE_PAGES = 4096, STORE_BYTES = 4 << 20 };

/* ---- A file in memory --------------------------------------------------------------------------- */

typedef struct memory_file {
    wr_fs_reader reader;
    wr_fs_writer writer;
    uint8_t     *bytes;
    size_t       used, next;
    size_t       piece; /* read_next gives at most so many bytes */
    bool         committed, closed;
} memory_file;

static wr_status memory_read_at(wr_fs_reader *reader, uint64_t offset, void *buffer, size_t bytes,
                                size_t *out_bytes, wr_error *err)
{
    memory_file *file = (memory_file *)reader;
    size_t       left = offset < file->used ? file->used - (size_t)offset : 0;

    (void)err;
    *out_bytes = left < bytes ? left : bytes;
    memcpy(buffer, file->bytes + offset, *out_bytes);
    return WR_OK;
}

static wr_status memory_read_next(wr_fs_reader *reader, void *buffer, size_t bytes,
                                  size_t *out_bytes, wr_error *err)
{
    memory_file *file = (memory_file *)reader;

    WR_TRY(memory_read_at(reader, file->next, buffer, bytes < file->piece ? bytes : file->piece,
                          out_bytes, err));
    file->next += *out_bytes;
    return WR_OK;
}

static void memory_close(wr_fs_reader *reader)
{
    ((memory_file *)reader)->closed = true;
}

static const struct wr_fs_reader_ops MEMORY_READER = {memory_read_at, memory_read_next,
                                                      memory_close};

static memory_file *file_of(wr_fs_writer *writer)
{
    return (memory_file *)((char *)writer - offsetof(memory_file, writer));
}

static wr_status memory_write(wr_fs_writer *writer, const void *bytes, size_t byte_count,
                              wr_error *err)
{
    memory_file *file = file_of(writer);

    (void)err;
    assert_true(byte_count <= STORE_BYTES - file->used);
    memcpy(file->bytes + file->used, bytes, byte_count);
    file->used += byte_count;
    return WR_OK;
}

static wr_status memory_commit(wr_fs_writer *writer, wr_error *err)
{
    (void)err;
    file_of(writer)->committed = true;
    return WR_OK;
}

static void memory_writer_close(wr_fs_writer *writer)
{
    file_of(writer)->closed = true;
}

static const struct wr_fs_writer_ops MEMORY_WRITER = {memory_write, memory_commit,
                                                      memory_writer_close};

typedef struct fixture {
    wr_arena   *arena;
    wr_lease    lease;
    wr_bump     bump;
    memory_file file;
    wr_error    err;
} fixture;

static int set_up(void **state)
{
    fixture  *f = calloc(1, sizeof *f);
    wr_lease *leases[] = {&f->lease};

    assert_int_equal(wr_arena_new((uint64_t)LEASE_PAGES * PAGE, PAGE, &f->arena, NULL), WR_OK);
    wr_lease_init(&f->lease, "test", LEASE_PAGES / 2 * PAGE, 0, PAGE);
    assert_int_equal(wr_lease_open_all(f->arena, leases, 1, NULL), WR_OK);
    wr_bump_init(&f->bump, &f->lease);
    for (wr_codec codec = WR_CODEC_GZIP; codec < WR_CODEC_FILE_COUNT; codec++)
        assert_int_equal(wr_codec_require_encoder(codec, NULL), WR_OK);
    f->file.reader.ops = &MEMORY_READER;
    f->file.reader.info.seekable = true;
    f->file.reader.path = WR_TEXT("memory");
    f->file.writer.ops = &MEMORY_WRITER;
    f->file.writer.path = WR_TEXT("memory");
    f->file.bytes = malloc(STORE_BYTES);
    f->file.piece = SIZE_MAX;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    wr_bump_release(&f->bump);
    wr_lease_close(&f->lease);
    wr_arena_free(f->arena);
    free(f->file.bytes);
    free(f);
    return 0;
}

/* ---- Helpers ------------------------------------------------------------------------------------ */

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Text with some repetition. */
static void make_text(char *text, size_t bytes, uint32_t seed)
{
    for (size_t i = 0; i < bytes; i++)
        text[i] = i > 100 && random_next(&seed) % 4 ? text[i - 97]
                                                    : (char)('a' + random_next(&seed) % 26);
}

/* Append one member or frame that holds `text`. */
static void compress(fixture *f, wr_codec codec, int level, const char *text, size_t bytes,
                     size_t piece)
{
    wr_bump_mark mark = wr_bump_save(&f->bump);
    wr_output   *output = NULL;

    assert_int_equal(wr_output_open(&f->file.writer, codec, level, &f->bump, &output, &f->err),
                     WR_OK);
    for (size_t at = 0; at < bytes; at += piece)
        assert_int_equal(output->ops->write(output, text + at,
                                            bytes - at < piece ? bytes - at : piece, &f->err),
                         WR_OK);
    assert_int_equal(output->offset, bytes);
    assert_false(f->file.committed);
    assert_int_equal(output->ops->commit(output, &f->err), WR_OK);
    assert_true(f->file.committed);
    f->file.committed = false;
    wr_output_close(output);
    wr_bump_rewind(&f->bump, mark);
}

/* Read the file to its end; returns the status, *out_bytes what came out before it. */
static wr_status decompress(fixture *f, wr_codec codec, char *text, size_t room, size_t piece,
                            size_t *out_bytes)
{
    wr_bump_mark mark = wr_bump_save(&f->bump);
    wr_input    *input = NULL;
    wr_status    status;
    size_t       used = 0, got = 1;

    f->file.next = 0;
    wr_error_clear(&f->err);
    status = wr_input_open(&f->file.reader, codec, &f->bump, &input, &f->err);
    while (status == WR_OK && got > 0) {
        size_t wanted = room - used < piece ? room - used : piece;

        status = input->ops->read(input, text + used, wanted, &got, &f->err);
        if (status == WR_OK)
            used += got;
        assert_true(used < room);
    }
    if (status == WR_OK) {
        assert_int_equal(input->offset, used);
        assert_int_equal(input->consumed_bytes, f->file.used);
    }
    wr_bump_rewind(&f->bump, mark);
    *out_bytes = used;
    return status;
}

/* ---- Tests -------------------------------------------------------------------------------------- */

static void round_trips(void **state)
{
    enum { BYTES = 700000 };
    static const size_t PIECES[] = {1, 7, 4096, 65536, 1000000};
    fixture *f = *state;
    char    *text = malloc(BYTES), *back = malloc(BYTES + 1);
    size_t   used;

    make_text(text, BYTES, 1);
    for (wr_codec codec = WR_CODEC_NONE; codec < WR_CODEC_FILE_COUNT; codec++) {
        for (size_t i = 0; i < sizeof PIECES / sizeof *PIECES; i++) {
            size_t bytes = PIECES[i] == 1 ? 5000 : BYTES;

            f->file.used = 0;
            f->file.piece = PIECES[4 - i];
            compress(f, codec, 0, text, bytes, PIECES[i]);
            if (codec != WR_CODEC_NONE)
                assert_true(f->file.used < bytes);
            assert_int_equal(decompress(f, WR_CODEC_AUTO, back, bytes + 1, PIECES[i], &used),
                             WR_OK);
            assert_int_equal(used, bytes);
            assert_memory_equal(back, text, bytes);
        }
    }
    free(text);
    free(back);
}

static void every_level_fits_its_lease(void **state)
{
    fixture *f = *state;
    char     text[3000], back[3001];
    size_t   used;

    make_text(text, sizeof text, 2);
    for (wr_codec codec = WR_CODEC_GZIP; codec < WR_CODEC_FILE_COUNT; codec++) {
        static const int LEVEL_MAX[] = {[WR_CODEC_GZIP] = 9, [WR_CODEC_ZSTD] = 22, [WR_CODEC_LZ4] = 1,
                                        [WR_CODEC_BZ2] = 9, [WR_CODEC_XZ] = 7};
        int level_max = LEVEL_MAX[codec];

        for (int level = 1; level <= level_max; level++) {
            f->file.used = 0;
            compress(f, codec, level, text, sizeof text, 1000);
            assert_int_equal(decompress(f, codec, back, sizeof back, 1000, &used), WR_OK);
            assert_memory_equal(back, text, sizeof text);
        }
        wr_output *output;
        assert_int_equal(wr_output_open(&f->file.writer, codec, 23, &f->bump, &output,
                                        &f->err),
                         WR_INVALID);
    }
    assert_true(wr_output_lease_min(WR_CODEC_ZSTD, 22) < 2100000);
}

static void the_lease_formulas_are_exact(void **state)
{
    fixture *f = *state;
    char     text[3000];

    make_text(text, sizeof text, 3);
    for (wr_codec codec = WR_CODEC_NONE; codec < WR_CODEC_FILE_COUNT; codec++) {
        wr_lease   lease, *leases[] = {&lease};
        wr_bump    bump;
        wr_input  *input = NULL;
        wr_output *output = NULL;

        f->file.used = 0;
        wr_lease_init(&lease, "out", wr_output_lease_min(codec, 0) + 64, 0, PAGE);
        assert_int_equal(wr_lease_open_all(f->arena, leases, 1, NULL), WR_OK);
        wr_bump_init(&bump, &lease);
        assert_int_equal(wr_output_open(&f->file.writer, codec, 0, &bump, &output, &f->err), WR_OK);
        assert_int_equal(output->ops->write(output, text, sizeof text, &f->err), WR_OK);
        assert_int_equal(output->ops->commit(output, &f->err), WR_OK);
        wr_output_close(output);
        wr_bump_release(&bump);
        wr_lease_close(&lease);

        f->file.next = 0;
        wr_lease_init(&lease, "in", wr_input_lease_min(codec) + 64, 0, PAGE);
        assert_int_equal(wr_lease_open_all(f->arena, leases, 1, NULL), WR_OK);
        wr_bump_init(&bump, &lease);
        assert_int_equal(wr_input_open(&f->file.reader, WR_CODEC_AUTO, &bump, &input, &f->err),
                         WR_OK);
        wr_input_close(input);
        assert_true(f->file.closed);
        wr_bump_release(&bump);
        wr_lease_close(&lease);
    }
}

static void members_and_frames_follow_each_other(void **state)
{
    fixture *f = *state;
    char     back[64];
    size_t   used;

    for (wr_codec codec = WR_CODEC_GZIP; codec < WR_CODEC_FILE_COUNT; codec++) {
        f->file.used = 0;
        compress(f, codec, 0, "hello ", 6, 6);
        compress(f, codec, 0, "", 0, 1);
        compress(f, codec, 0, "world", 5, 5);
        assert_int_equal(decompress(f, WR_CODEC_AUTO, back, sizeof back, 64, &used), WR_OK);
        assert_int_equal(used, 11);
        assert_memory_equal(back, "hello world", 11);

        f->file.bytes[f->file.used++] = 'x';
        assert_int_equal(decompress(f, WR_CODEC_AUTO, back, sizeof back, 64, &used), WR_CORRUPT);
        assert_non_null(strstr(f->err.message, "garbage after the last"));
    }
    f->file.used = 0;
    compress(f, WR_CODEC_GZIP, 0, "padded", 6, 6);
    memset(f->file.bytes + f->file.used, 0, 1000);
    f->file.used += 1000;
    assert_int_equal(decompress(f, WR_CODEC_AUTO, back, sizeof back, 64, &used), WR_OK);
    assert_int_equal(used, 6);
}

static void skippable_frames_are_skipped(void **state)
{
    static const uint8_t SKIPPABLE[] = {0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'};
    fixture *f = *state;
    char     back[64];
    size_t   used;

    memcpy(f->file.bytes, SKIPPABLE, sizeof SKIPPABLE);
    f->file.used = sizeof SKIPPABLE;
    compress(f, WR_CODEC_ZSTD, 0, "data", 4, 4);
    assert_int_equal(decompress(f, WR_CODEC_AUTO, back, sizeof back, 64, &used), WR_OK);
    assert_int_equal(used, 4);
    assert_memory_equal(back, "data", 4);
}

static void cuts_and_flips_are_found(void **state)
{
    enum { BYTES = 600, ROOM = 1 << 20 };
    fixture *f = *state;
    char     text[BYTES];
    char    *back = malloc(ROOM); /* damage is found when a block's checksum comes */
    size_t   used;

    make_text(text, BYTES, 4);
    for (wr_codec codec = WR_CODEC_GZIP; codec < WR_CODEC_FILE_COUNT; codec++) {
        size_t whole;

        f->file.used = 0;
        compress(f, codec, 0, text, BYTES, BYTES);
        whole = f->file.used;
        for (f->file.used = 0; f->file.used < whole; f->file.used++)
            assert_int_equal(decompress(f, codec, back, ROOM, 100, &used), WR_CORRUPT);
        f->file.used = whole;
        for (size_t bit = 0; bit < 8 * whole; bit++) {
            wr_status status;

            f->file.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            status = decompress(f, codec, back, ROOM, 100, &used);
            f->file.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (status == WR_OK) {
                assert_int_equal(used, BYTES);
                assert_memory_equal(back, text, BYTES);
            } else if (status != WR_NO_MEMORY) {
                assert_int_equal(status, WR_CORRUPT);
            }
        }
    }
    free(back);
}

static void bombs_stay_inside_fixed_memory(void **state)
{
    enum { MEGABYTES = 64 };
    fixture *f = *state;
    char    *zeros = calloc(1, 1 << 20);

    for (wr_codec codec = WR_CODEC_GZIP; codec < WR_CODEC_FILE_COUNT; codec++) {
        wr_output *output = NULL;
        wr_input  *input = NULL;
        uint64_t   bump_bytes;
        size_t     got = 1;

        wr_bump_reset(&f->bump);
        f->file.used = f->file.next = 0;
        assert_int_equal(wr_output_open(&f->file.writer, codec, 0, &f->bump, &output, &f->err),
                         WR_OK);
        for (unsigned i = 0; i < MEGABYTES; i++)
            assert_int_equal(output->ops->write(output, zeros, 1 << 20, &f->err), WR_OK);
        assert_int_equal(output->ops->commit(output, &f->err), WR_OK);
        wr_output_close(output);
        assert_true(f->file.used < 300000);

        assert_int_equal(wr_input_open(&f->file.reader, codec, &f->bump, &input, &f->err), WR_OK);
        bump_bytes = f->bump.bytes_used;
        while (got > 0)
            assert_int_equal(input->ops->read(input, zeros, 1 << 20, &got, &f->err), WR_OK);
        assert_int_equal(input->offset, (uint64_t)MEGABYTES << 20);
        assert_int_equal(f->bump.bytes_used, bump_bytes);
    }
    free(zeros);
}

/* A frame of `text` that asks for a window of 2^window_log bytes. */
static void put_frame(fixture *f, int window_log)
{
    ZSTD_CCtx     *context = ZSTD_createCCtx();
    ZSTD_inBuffer  in = {"abc", 3, 0};
    ZSTD_outBuffer out = {f->file.bytes, STORE_BYTES, f->file.used};

    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush); /* content size stays unknown */
    assert_int_equal(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0);
    f->file.used = out.pos;
    ZSTD_freeCCtx(context);
}

static void windows_decide_about_memory(void **state)
{
    fixture *f = *state;
    char     back[64];
    size_t   used;

    put_frame(f, 22);
    assert_int_equal(decompress(f, WR_CODEC_AUTO, back, sizeof back, 64, &used), WR_OK);
    assert_int_equal(used, 3);

    f->file.used = 0;
    put_frame(f, 27); /* 128 MB into a lease of 32 MB */
    assert_int_equal(decompress(f, WR_CODEC_AUTO, back, sizeof back, 64, &used), WR_NO_MEMORY);
    assert_non_null(strstr(f->err.message, "a smaller window"));

    f->file.used = 0;
    put_frame(f, 18);
    put_frame(f, 21); /* grows */
    put_frame(f, 27);
    assert_int_equal(decompress(f, WR_CODEC_AUTO, back, sizeof back, 64, &used), WR_NO_MEMORY);
    assert_int_equal(used, 6);
    assert_non_null(strstr(f->err.message, "window of 134.2 MB"));
}

static void codecs_are_detected(void **state)
{
    (void)state;
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv"), "\x1f\x8b\x08", 3), WR_CODEC_GZIP);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv"), "\x28\xb5\x2f\xfd", 4), WR_CODEC_ZSTD);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv"), "\x04\x22\x4d\x18", 4), WR_CODEC_LZ4);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv"), "BZh91AY&SY", 10), WR_CODEC_BZ2);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv"), "BZh9,BZh8", 9), WR_CODEC_NONE);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv"), "\xfd" "7zXZ\0", 6), WR_CODEC_XZ);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv"), "a,b", 3), WR_CODEC_NONE);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv.lz4"), "a,b", 3), WR_CODEC_LZ4);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv.bz2"), NULL, 0), WR_CODEC_BZ2);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv.xz"), NULL, 0), WR_CODEC_XZ);
    assert_int_equal(wr_codec_detect(WR_TEXT("xz"), NULL, 0), WR_CODEC_NONE);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv.gz"), "", 0), WR_CODEC_GZIP);
    assert_int_equal(wr_codec_detect(WR_TEXT("a.csv.zst"), NULL, 0), WR_CODEC_ZSTD);
    assert_int_equal(wr_codec_detect(WR_TEXT(""), NULL, 0), WR_CODEC_NONE);
}

static void samples_are_read_twice(void **state)
{
    fixture      *f = *state;
    wr_fs_reader *reader = NULL;
    wr_input     *input = NULL;
    uint8_t       kept[300];
    wr_head       head = {kept, 0, sizeof kept};
    char          text[1000], back[1000];
    size_t        got;

    make_text(text, sizeof text, 5);
    memcpy(f->file.bytes, text, sizeof text);
    f->file.used = sizeof text;
    f->file.piece = 33;
    assert_int_equal(wr_head_record(&f->file.reader, &head, &f->bump, &reader, &f->err), WR_OK);
    assert_int_equal(wr_input_open(reader, WR_CODEC_NONE, &f->bump, &input, &f->err), WR_OK);
    assert_int_equal(wr_input_read_full(input, back, 250, &got, &f->err), WR_OK);
    assert_memory_equal(back, text, 250);
    assert_int_equal(wr_head_replay(&f->file.reader, &head, &f->bump, &reader, &f->err), WR_OK);
    assert_int_equal(wr_input_open(reader, WR_CODEC_NONE, &f->bump, &input, &f->err), WR_OK);
    assert_int_equal(wr_input_read_full(input, back, 1000, &got, &f->err), WR_OK);
    assert_int_equal(got, 1000);
    assert_memory_equal(back, text, 1000);

    f->file.next = 0;
    head.byte_count = 0;
    assert_int_equal(wr_head_record(&f->file.reader, &head, &f->bump, &reader, &f->err), WR_OK);
    assert_int_equal(wr_input_open(reader, WR_CODEC_NONE, &f->bump, &input, &f->err), WR_OK);
    assert_int_equal(wr_input_read_full(input, back, 301, &got, &f->err), WR_UNSUPPORTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(round_trips),
        TEST(every_level_fits_its_lease),
        TEST(the_lease_formulas_are_exact),
        TEST(members_and_frames_follow_each_other),
        TEST(skippable_frames_are_skipped),
        TEST(cuts_and_flips_are_found),
        TEST(bombs_stay_inside_fixed_memory),
        TEST(windows_decide_about_memory),
        TEST(codecs_are_detected),
        TEST(samples_are_read_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
