/* codec_bz2.c — bzip2 through libbz2, loaded when a plan needs it; its memory is inside the state.
 *
 * The window of a stream is its block size, 100 to 900 KB, which the fourth byte says. Decoding
 * takes four times as much, encoding eight times: hence the default level, which fits the least cap.
 * Blocks and streams carry checksums, which the library checks.
 * Cost: 20-40 MB/s of text out of it, 10-15 MB/s into it. */
#include <bzlib.h>
#include <limits.h>
#include <string.h>

#include "carve_heap.h"
#include "codec_priv.h"
#include "io/carve.h"
#include "os/library.h"

enum {
    BLOCK_BYTES = 100000,          /* per level                                  */
    DECODER_BYTES = 80 * 1024,     /* tables, beside 4 bytes per byte of a block */
    ENCODER_BYTES = 336 * 1024,    /* tables, beside 8 bytes per byte of a block */
    LEVEL_DEFAULT = 4,
    LEVEL_MAX = 9,
};

#define FUNCTIONS(X)                                                                               \
    X(BZ2_bzDecompressInit) X(BZ2_bzDecompress) X(BZ2_bzDecompressEnd)                             \
    X(BZ2_bzCompressInit) X(BZ2_bzCompress) X(BZ2_bzCompressEnd)

static struct {
    FUNCTIONS(WR_LIBRARY_MEMBER)
} lib;

static const wr_library_symbol SYMBOLS[] = {FUNCTIONS(WR_LIBRARY_SYMBOL)};
static wr_library library = WR_LIBRARY("libbz2.so.1.0", "libbz2-1.0", SYMBOLS);
static wr_library *const LIBRARIES[] = {&library, NULL};

typedef struct bz2_state {
    bz_stream     stream;
    wr_carve_heap heap;
    uint64_t      window_bytes;
    int           level;
    bool          is_running; /* the stream has been given its memory */
} bz2_state;

static void *take(void *self, int item_count, int item_bytes)
{
    return wr_carve_heap_alloc(self, (uint64_t)item_count * (uint64_t)item_bytes);
}

static bz2_state *init_state(void *state, uint64_t bytes)
{
    bz2_state *self = state;

    *self = (bz2_state){0};
    wr_carve_heap_init(&self->heap, (uint8_t *)state + wr_carve_bytes(sizeof *self),
                       bytes - wr_carve_bytes(sizeof *self));
    self->stream = (bz_stream){.bzalloc = take, .bzfree = wr_carve_heap_free, .opaque = &self->heap};
    return self;
}

/* What is no stream needs no more than the least: decoding will tell. */
static uint64_t window(const uint8_t *head, size_t head_bytes)
{
    if (head_bytes == 0)
        return 0;
    return head_bytes >= 4 && wr_codec_starts(WR_CODEC_BZ2, head, head_bytes)
               ? (uint64_t)(head[3] - '0') * BLOCK_BYTES
               : BLOCK_BYTES;
}

static void attach(bz_stream *stream, const wr_codec_io *io)
{
    stream->next_in = (char *)io->in;
    stream->avail_in = io->in_bytes < UINT_MAX ? (unsigned)io->in_bytes : UINT_MAX;
    stream->next_out = (char *)io->out;
    stream->avail_out = io->out_bytes < UINT_MAX ? (unsigned)io->out_bytes : UINT_MAX;
}

static void detach(const bz_stream *stream, wr_codec_io *io)
{
    io->in_bytes -= (size_t)((const uint8_t *)stream->next_in - io->in);
    io->in = (const uint8_t *)stream->next_in;
    io->out_bytes -= (size_t)((uint8_t *)stream->next_out - io->out);
    io->out = (uint8_t *)stream->next_out;
}

/* ---- Decoding --------------------------------------------------------------------------------- */

static uint64_t decoder_bytes(uint64_t window_bytes)
{
    uint64_t window = window_bytes ? window_bytes : (uint64_t)LEVEL_MAX * BLOCK_BYTES;

    return wr_carve_bytes(sizeof(bz2_state)) + DECODER_BYTES + wr_carve_bytes(4 * window);
}

static void decoder_reset(void *state)
{
    bz2_state *self = state;
    int        result;

    if (self->is_running)
        lib.BZ2_bzDecompressEnd(&self->stream);
    result = lib.BZ2_bzDecompressInit(&self->stream, 0, 0);
    wr_assert(result == BZ_OK, "the bz2 decoder fits its block");
    self->is_running = true;
}

static void decoder_init(void *state, uint64_t window_bytes)
{
    init_state(state, decoder_bytes(window_bytes))->window_bytes = window_bytes;
    decoder_reset(state);
}

static wr_codec_flow decode(void *state, wr_codec_io *io)
{
    bz2_state *self = state;
    uint64_t   wanted = window(io->in, io->in_bytes);
    int        result;

    attach(&self->stream, io);
    result = lib.BZ2_bzDecompress(&self->stream);
    detach(&self->stream, io);
    switch (result) {
    case BZ_STREAM_END:
        return WR_CODEC_END;
    case BZ_OK:
        return WR_CODEC_MORE;
    case BZ_MEM_ERROR:
        io->window_bytes = wanted;
        return WR_CODEC_SHORT;
    default:
        return wr_codec_refuse(io, "the data is damaged");
    }
}

/* ---- Encoding --------------------------------------------------------------------------------- */

static uint64_t encoder_bytes(int level)
{
    return wr_carve_bytes(sizeof(bz2_state)) + ENCODER_BYTES +
           wr_carve_bytes(8 * (uint64_t)level * BLOCK_BYTES);
}

static void encoder_reset(void *state)
{
    bz2_state *self = state;
    int        result;

    if (self->is_running)
        lib.BZ2_bzCompressEnd(&self->stream);
    result = lib.BZ2_bzCompressInit(&self->stream, self->level, 0, 0);
    wr_assert(result == BZ_OK, "the bz2 encoder fits its block");
    self->is_running = true;
}

static void encoder_init(void *state, int level)
{
    init_state(state, encoder_bytes(level))->level = level;
    encoder_reset(state);
}

static wr_codec_flow encode(void *state, wr_codec_io *io, bool finish)
{
    bz_stream *stream = &((bz2_state *)state)->stream;
    int        result;

    do {
        attach(stream, io);
        result = lib.BZ2_bzCompress(stream, finish && stream->avail_in == io->in_bytes ? BZ_FINISH
                                                                                      : BZ_RUN);
        detach(stream, io);
    } while (result == BZ_RUN_OK && io->in_bytes > 0 && io->out_bytes > 0);
    if (result < 0)
        return wr_codec_refuse(io, "the library refuses");
    return result == BZ_STREAM_END ? WR_CODEC_END : WR_CODEC_MORE;
}

/* The library's promise for any data. */
static uint64_t bound(uint64_t raw_bytes)
{
    return raw_bytes + raw_bytes / 100 + 600;
}

const wr_codec_ops wr_codec_ops_bz2 = {
    .name = "bz2",
    .unit = "stream",
    .libraries = LIBRARIES,
    .level_default = LEVEL_DEFAULT,
    .level_max = LEVEL_MAX,
    .window_default = (uint64_t)LEVEL_MAX * BLOCK_BYTES,
    .window = window,
    .decoder_bytes = decoder_bytes,
    .decoder_init = decoder_init,
    .decoder_reset = decoder_reset,
    .decode = decode,
    .encoder_bytes = encoder_bytes,
    .encoder_init = encoder_init,
    .encoder_reset = encoder_reset,
    .encode = encode,
    .bound = bound,
};
