/* codec_gzip.c — gzip through zlib, whose memory is a block of fixed size inside the state.
 *
 * A member's length and CRC are checked by zlib. Decoding takes zlib's framing, too: writers of
 * Parquet have used it under the name of gzip.
 * Cost: 0.3-0.5 GB/s of text. Source: RFC 1952. */
#include <limits.h>
#include <zlib.h>

#include "carve_heap.h"
#include "codec_priv.h"
#include "io/carve.h"

enum {
    WINDOW_BITS = 15,     /* 32 KB of history                                */
    FRAMING_GZIP = 16,
    FRAMING_EITHER = 32,
    MEMORY_LEVEL = 8,
    INFLATE_BYTES = 48 * 1024,  /* 32 KB history + about 10 KB state              */
    DEFLATE_BYTES = 288 * 1024, /* 256 KB tables at memory level 8 + 6 KB state   */
    LEVEL_DEFAULT = 6,
    LEVEL_MAX = 9,
};

typedef struct gzip_state {
    z_stream      stream;
    wr_carve_heap heap;
} gzip_state;

static void *take(void *self, unsigned item_count, unsigned item_bytes)
{
    return wr_carve_heap_alloc(self, (uint64_t)item_count * item_bytes);
}

static gzip_state *init_state(void *state, uint64_t bytes)
{
    gzip_state *self = state;

    wr_carve_heap_init(&self->heap, (uint8_t *)state + wr_carve_bytes(sizeof *self), bytes);
    self->stream = (z_stream){.zalloc = take, .zfree = wr_carve_heap_free, .opaque = &self->heap};
    return self;
}

static uint64_t window(const uint8_t *head, size_t head_bytes)
{
    (void)head, (void)head_bytes;
    return (uint64_t)1 << WINDOW_BITS;
}

/* Let zlib see as much of both ends as its counters can hold. */
static void attach(z_stream *stream, const wr_codec_io *io)
{
    stream->next_in = (Bytef *)io->in;
    stream->avail_in = io->in_bytes < UINT_MAX ? (uInt)io->in_bytes : UINT_MAX;
    stream->next_out = io->out;
    stream->avail_out = io->out_bytes < UINT_MAX ? (uInt)io->out_bytes : UINT_MAX;
}

static void detach(const z_stream *stream, wr_codec_io *io)
{
    io->in_bytes -= (size_t)(stream->next_in - io->in);
    io->in = stream->next_in;
    io->out_bytes -= (size_t)(stream->next_out - io->out);
    io->out = stream->next_out;
}

/* ---- Decoding --------------------------------------------------------------------------------- */

static uint64_t decoder_bytes(uint64_t window_bytes)
{
    (void)window_bytes;
    return wr_carve_bytes(sizeof(gzip_state)) + INFLATE_BYTES;
}

static void decoder_init(void *state, uint64_t window_bytes)
{
    gzip_state *self = init_state(state, INFLATE_BYTES);
    int         result = inflateInit2(&self->stream, WINDOW_BITS + FRAMING_EITHER);

    (void)window_bytes;
    wr_assert(result == Z_OK, "the gzip decoder fits its block");
}

static void decoder_reset(void *state)
{
    int result = inflateReset(&((gzip_state *)state)->stream);

    wr_assert(result == Z_OK, "a gzip decoder can be reset");
}

static wr_codec_flow decode(void *state, wr_codec_io *io)
{
    z_stream *stream = &((gzip_state *)state)->stream;
    int       result;

    attach(stream, io);
    result = inflate(stream, Z_NO_FLUSH);
    detach(stream, io);
    if (result == Z_STREAM_END)
        return WR_CODEC_END;
    if (result == Z_OK || result == Z_BUF_ERROR)
        return WR_CODEC_MORE;
    return wr_codec_refuse(io, stream->msg ? stream->msg : "the data is damaged");
}

/* ---- Encoding --------------------------------------------------------------------------------- */

static uint64_t encoder_bytes(int level)
{
    (void)level;
    return wr_carve_bytes(sizeof(gzip_state)) + DEFLATE_BYTES;
}

static void encoder_init(void *state, int level)
{
    gzip_state *self = init_state(state, DEFLATE_BYTES);
    int         result = deflateInit2(&self->stream, level, Z_DEFLATED, WINDOW_BITS + FRAMING_GZIP,
                                      MEMORY_LEVEL, Z_DEFAULT_STRATEGY);

    wr_assert(result == Z_OK, "the gzip encoder fits its block");
}

static void encoder_reset(void *state)
{
    int result = deflateReset(&((gzip_state *)state)->stream);

    wr_assert(result == Z_OK, "a gzip encoder can be reset");
}

static wr_codec_flow encode(void *state, wr_codec_io *io, bool finish)
{
    z_stream *stream = &((gzip_state *)state)->stream;
    int       result;

    do {
        attach(stream, io);
        result = deflate(stream, finish && stream->avail_in == io->in_bytes ? Z_FINISH : Z_NO_FLUSH);
        detach(stream, io);
    } while (result == Z_OK && io->in_bytes > 0 && io->out_bytes > 0);
    return result == Z_STREAM_END ? WR_CODEC_END : WR_CODEC_MORE;
}

/* deflateBound without a stream knows the default settings only, and these are they, but for the
 * frame: 18 bytes of gzip against 6 of zlib. */
static uint64_t bound(uint64_t raw_bytes)
{
    return raw_bytes + (raw_bytes >> 12) + (raw_bytes >> 14) + (raw_bytes >> 25) + 13 - 6 + 18;
}

const wr_codec_ops wr_codec_ops_gzip = {
    .name = "gzip",
    .unit = "member",
    .level_default = LEVEL_DEFAULT,
    .level_max = LEVEL_MAX,
    .window_default = (uint64_t)1 << WINDOW_BITS,
    .padding_multiple = 1, /* tapes have it */
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
