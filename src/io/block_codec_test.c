/* block_codec_test.c — blocks at once and in pieces: whole, of the wrong size, cut, flipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "io/block_codec.h"

static const wr_codec CODECS[] = {WR_CODEC_GZIP, WR_CODEC_ZSTD, WR_CODEC_LZ4, WR_CODEC_LZ4_RAW,
                                  WR_CODEC_SNAPPY, WR_CODEC_BZ2, WR_CODEC_XZ, WR_CODEC_BROTLI};

enum { CODEC_COUNT = sizeof CODECS / sizeof CODECS[0], RAW_MAX = 400000 };

typedef struct fixture {
    wr_error err;
    uint8_t *raw, *stored, *back;
    size_t   stored_room;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    uint32_t seed = 7;

    f->raw = malloc(RAW_MAX);
    f->back = malloc(RAW_MAX + 1);
    for (int c = 0; c < CODEC_COUNT; c++) {
        uint64_t room;

        assert_int_equal(wr_codec_require_encoder(CODECS[c], NULL), WR_OK);
        room = wr_block_bound(CODECS[c], RAW_MAX);
        f->stored_room = room > f->stored_room ? (size_t)room : f->stored_room;
    }
    f->stored = malloc(2 * f->stored_room);
    for (size_t i = 0; i < RAW_MAX; i++) {
        seed = seed * 1664525u + 1013904223u;
        f->raw[i] = i > 200 && (seed >> 16) % 5 ? f->raw[i - 131] : (uint8_t)(seed >> 24);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    free(f->raw);
    free(f->back);
    free(f->stored);
    free(f);
    return 0;
}

/* A decoder in a workspace of exactly its size, filled with rubbish: free with free_decoder. */
static wr_block_decoder *new_decoder(wr_codec codec, uint64_t window_bytes)
{
    uint64_t bytes = wr_block_decoder_lease_min(codec, window_bytes);
    void    *workspace = malloc(bytes);

    memset(workspace, 0xa5, bytes);
    return wr_block_decoder_init(codec, window_bytes, workspace);
}

static size_t encode(fixture *f, wr_codec codec, int level, size_t raw_bytes, uint8_t *stored)
{
    uint64_t          usual_bytes = raw_bytes < 5000 ? raw_bytes : raw_bytes / 4, bytes;
    void             *workspace;
    wr_block_encoder *encoder;
    size_t            stored_bytes = 0;

    assert_int_equal(wr_block_level(codec, level, &level, &f->err), WR_OK);
    bytes = wr_block_encoder_lease_min(codec, level, usual_bytes);
    workspace = malloc(bytes);
    memset(workspace, 0x5a, bytes);
    encoder = wr_block_encoder_init(codec, level, usual_bytes, workspace);
    for (int turn = 0; turn < 2; turn++) /* an encoder can be used again */
        assert_int_equal(wr_block_encode(encoder, f->raw, raw_bytes, stored,
                                         wr_block_bound(codec, raw_bytes), &stored_bytes, &f->err),
                         WR_OK);
    free(workspace);
    return stored_bytes;
}

static wr_status decode_pieces(fixture *f, wr_block_decoder *decoder, size_t stored_bytes,
                               size_t raw_bytes, size_t in_piece, size_t out_piece)
{
    wr_block_piece piece = {f->stored, 0, f->back, 0};
    bool           done = false;

    wr_error_clear(&f->err);
    wr_block_decoder_begin(decoder, stored_bytes, raw_bytes);
    while (!done) {
        const uint8_t *in = piece.in;
        uint8_t       *out = piece.out;
        size_t         in_left = stored_bytes - (size_t)(piece.in - f->stored);
        size_t         out_left = RAW_MAX + 1 - (size_t)(piece.out - f->back);
        size_t         in_bytes = in_left < in_piece ? in_left : in_piece;

        piece.in_bytes = in_bytes;
        piece.out_bytes = out_left < out_piece ? out_left : out_piece;
        WR_TRY(wr_block_decoder_run(decoder, &piece, &done, &f->err));
        assert_true(done || piece.in != in || piece.out != out);
        assert_true((size_t)(piece.out - f->back) <= raw_bytes);
    }
    assert_int_equal(piece.in - f->stored, stored_bytes);
    assert_int_equal(piece.out - f->back, raw_bytes);
    return WR_OK;
}

static void blocks_come_back_whole_and_in_pieces(void **state)
{
    static const size_t SIZES[] = {0, 1, 100, 65536, RAW_MAX};
    static const size_t PIECES[][2] = {{1, 1}, {7, 1000}, {1000, 7}, {65536, 65536},
                                       {1 << 20, 1 << 20}};
    fixture *f = *state;

    for (int c = 0; c < CODEC_COUNT; c++) {
        for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
            size_t            stored = encode(f, CODECS[c], 0, SIZES[s], f->stored);
            uint64_t          window = wr_block_window(CODECS[c], f->stored, stored < 64 ? stored : 64);
            wr_block_decoder *decoder = new_decoder(CODECS[c], 0);

            for (int turn = 0; turn < 2; turn++) {
                memset(f->back, 0, SIZES[s]);
                assert_int_equal(wr_block_decode(decoder, f->stored, stored, f->back, SIZES[s],
                                                 &f->err),
                                 WR_OK);
                assert_memory_equal(f->back, f->raw, SIZES[s]);
            }
            free(decoder);
            decoder = new_decoder(CODECS[c], window);
            for (size_t p = 0; p < sizeof PIECES / sizeof *PIECES; p++) {
                memset(f->back, 0, SIZES[s]);
                assert_int_equal(decode_pieces(f, decoder, stored, SIZES[s], PIECES[p][0],
                                               PIECES[p][1]),
                                 WR_OK);
                assert_memory_equal(f->back, f->raw, SIZES[s]);
            }
            free(decoder);
        }
    }
}

static void every_level_fits_its_workspace(void **state)
{
    fixture *f = *state;
    int      level;

    for (int c = 0; c < CODEC_COUNT; c++) {
        wr_block_decoder *decoder = new_decoder(CODECS[c], 0);

        /* The highest of xz take hundreds of megabytes. */
        for (level = 1; level < 8 && wr_block_level(CODECS[c], level, &level, NULL) == WR_OK; level++) {
            size_t stored = encode(f, CODECS[c], level, 150000, f->stored);

            assert_int_equal(wr_block_decode(decoder, f->stored, stored, f->back, 150000, &f->err),
                             WR_OK);
            assert_memory_equal(f->back, f->raw, 150000);
        }
        assert_int_equal(wr_block_level(CODECS[c], 23, &level, &f->err), WR_INVALID);
        assert_non_null(strstr(f->err.message, "level"));
        free(decoder);
    }
}

static void other_sizes_are_refused(void **state)
{
    enum { BYTES = 5000 };
    fixture *f = *state;

    for (int c = 0; c < CODEC_COUNT; c++) {
        size_t            stored = encode(f, CODECS[c], 0, BYTES, f->stored);
        wr_block_decoder *decoder = new_decoder(CODECS[c], 1 << 20);

        for (int more = -1; more <= 1; more += 2) {
            size_t raw = BYTES + more;

            assert_int_equal(wr_block_decode(decoder, f->stored, stored, f->back, raw, &f->err),
                             WR_CORRUPT);
            assert_int_equal(decode_pieces(f, decoder, stored, raw, 100, 100), WR_CORRUPT);
        }
        for (size_t cut = 0; cut < stored; cut++) {
            assert_int_equal(wr_block_decode(decoder, f->stored, cut, f->back, BYTES, &f->err),
                             WR_CORRUPT);
            assert_int_equal(decode_pieces(f, decoder, cut, BYTES, 1000, 1000), WR_CORRUPT);
        }
        f->stored[stored] = 'x'; /* something behind the frame */
        assert_int_equal(wr_block_decode(decoder, f->stored, stored + 1, f->back, BYTES, &f->err),
                         WR_CORRUPT);
        assert_int_equal(decode_pieces(f, decoder, stored + 1, BYTES, 1000, 1000), WR_CORRUPT);
        free(decoder);
    }
}

static bool has_checksum(wr_codec codec)
{
    return codec != WR_CODEC_LZ4_RAW && codec != WR_CODEC_BROTLI && codec != WR_CODEC_SNAPPY;
}

static void flipped_bits_never_give_other_bytes_or_more(void **state)
{
    enum { BYTES = 600 };
    fixture *f = *state;

    for (int c = 0; c < CODEC_COUNT; c++) {
        size_t            stored = encode(f, CODECS[c], 0, BYTES, f->stored);
        wr_block_decoder *decoder = new_decoder(CODECS[c], 1 << 20);
        bool              is_checked = has_checksum(CODECS[c]);

        for (size_t bit = 0; bit < 8 * stored; bit++) {
            f->stored[bit / 8] ^= (uint8_t)(1 << bit % 8);
            f->back[BYTES] = 0x77;
            if (wr_block_decode(decoder, f->stored, stored, f->back, BYTES, &f->err) == WR_OK &&
                is_checked)
                assert_memory_equal(f->back, f->raw, BYTES);
            assert_int_equal(f->back[BYTES], 0x77);
            if (decode_pieces(f, decoder, stored, BYTES, 64, 64) == WR_OK && is_checked)
                assert_memory_equal(f->back, f->raw, BYTES);
            f->stored[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        free(decoder);
    }
}

static void frames_in_a_row_are_one_block(void **state)
{
    enum { BYTES = 5000 };
    fixture *f = *state;

    for (int c = 0; c < CODEC_COUNT; c++) {
        size_t            stored;
        wr_block_decoder *decoder;

        if (!has_checksum(CODECS[c])) /* nor marks of its own */
            continue;
        stored = encode(f, CODECS[c], 0, BYTES, f->stored);
        decoder = new_decoder(CODECS[c], 1 << 20);
        memmove(f->stored + stored, f->stored, stored);
        assert_int_equal(decode_pieces(f, decoder, 2 * stored, 2 * BYTES, 100, 100), WR_OK);
        assert_memory_equal(f->back, f->raw, BYTES);
        assert_memory_equal(f->back + BYTES, f->raw, BYTES);
        memset(f->back, 0, 2 * BYTES);
        assert_int_equal(wr_block_decode(decoder, f->stored, 2 * stored, f->back, 2 * BYTES,
                                         &f->err),
                         WR_OK);
        assert_memory_equal(f->back + BYTES, f->raw, BYTES);
        free(decoder);
    }
}

static void a_window_that_is_too_small_is_an_error(void **state)
{
    fixture          *f = *state;
    size_t            stored = encode(f, WR_CODEC_ZSTD, 0, RAW_MAX, f->stored);
    wr_block_decoder *decoder = new_decoder(WR_CODEC_ZSTD, 1 << 10);

    assert_true(wr_block_window(WR_CODEC_ZSTD, f->stored, 64) > 1 << 10);
    assert_int_equal(decode_pieces(f, decoder, stored, RAW_MAX, 1000, 1000), WR_NO_MEMORY);
    assert_non_null(strstr(f->err.message, "needs a window of"));
    assert_int_equal(wr_block_decode(decoder, f->stored, stored, f->back, RAW_MAX, &f->err), WR_OK);
    assert_memory_equal(f->back, f->raw, RAW_MAX);
    free(decoder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Literals and copies of every kind, written by hand: at once, in pieces, cut, and with flipped bits. */
static void snappy_is_read(void **state)
{
    static const uint8_t STORED[] = {
        29, 3 << 2, 'a', 'b', 'c', 'd', 4 << 2 | 1, 4,         /* abcd, 8 from 4 back       */
        60 << 2, 4, 'x', 'y', 'z', 'u', 'v',                   /* 5 as they are, long form  */
        5 << 2 | 2, 17, 0,                                     /* 6 from 17 back            */
        5 << 2 | 3, 1, 0, 0, 0};                               /* 6 from 1 back             */
    static const char RAW[] = "abcdabcdabcdxyzuvabcdabbbbbbb";
    fixture          *f = *state;
    wr_block_decoder *decoder = new_decoder(WR_CODEC_SNAPPY, 16 << 10);
    size_t            raw_bytes = sizeof RAW - 1;
    uint8_t           damaged[sizeof STORED];

    assert_int_equal(wr_block_decode(decoder, STORED, sizeof STORED, f->back, raw_bytes, &f->err), WR_OK);
    assert_memory_equal(f->back, RAW, raw_bytes);
    for (size_t piece_bytes = 1; piece_bytes < 9; piece_bytes++) {
        wr_block_piece piece = {.in = STORED, .out = f->back};
        bool           done = false;

        wr_block_decoder_begin(decoder, sizeof STORED, raw_bytes);
        while (!done) {
            size_t left = (size_t)(STORED + sizeof STORED - piece.in);

            piece.in_bytes = piece_bytes < left ? piece_bytes : left;
            piece.out_bytes = piece_bytes;
            assert_int_equal(wr_block_decoder_run(decoder, &piece, &done, &f->err), WR_OK);
        }
        assert_ptr_equal(piece.out, f->back + raw_bytes);
        assert_memory_equal(f->back, RAW, raw_bytes);
    }
    for (size_t cut = 0; cut < sizeof STORED; cut++)
        assert_int_equal(wr_block_decode(decoder, STORED, cut, f->back, raw_bytes, &f->err), WR_CORRUPT);
    for (size_t bit = 0; bit < 8 * sizeof STORED; bit++) {
        memcpy(damaged, STORED, sizeof STORED);
        damaged[bit / 8] ^= (uint8_t)(1 << bit % 8);
        (void)!wr_block_decode(decoder, damaged, sizeof damaged, f->back, raw_bytes, &f->err);
    }
    free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blocks_come_back_whole_and_in_pieces),
        TEST(every_level_fits_its_workspace),
        TEST(other_sizes_are_refused),
        TEST(flipped_bits_never_give_other_bytes_or_more),
        TEST(frames_in_a_row_are_one_block),
        TEST(a_window_that_is_too_small_is_an_error),
        TEST(snappy_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
