/* codec_brotli.c — brotli, for pages of Parquet; its libraries are loaded when a plan needs them.
 *
 * Invariants
 *  1. The window is in the first byte. Decoding takes a ring of it (and half as much while the ring
 *     grows) and the most tables that the format allows; the large-window form is refused.
 *  2. Encoding has the levels 1 to 3: above them its memory has no bound that is known before.
 * The format has no checksums. Cost: 0.3 GB/s out, 0.1-0.3 GB/s in. Source: RFC 7932. */
#include <brotli/decode.h>
#include <brotli/encode.h>

#include "carve_heap.h"
#include "codec_priv.h"
#include "io/carve.h"

enum {
    LEVEL_DEFAULT = 3,
    LEVEL_MAX = 3,
    ENCODER_WINDOW_LOG = 18,
    ENCODER_BYTES = 3 << 20,    /* the library takes up to 2.1 MB at these levels           */
    WINDOW_DEFAULT = 4 << 20,   /* the library's own                                         */
    /* 256 trees of each kind: 630 codes of literals, 1080 of commands, 920 of distances, 4 bytes each;
     * context maps; the state. */
    TABLE_BYTES = 256 * 4 * (630 + 1080 + 920) + 64 * 1024,
};

#define DECODER_FUNCTIONS(X)                                                                       \
    X(BrotliDecoderCreateInstance) X(BrotliDecoderDestroyInstance)                                 \
    X(BrotliDecoderDecompressStream) X(BrotliDecoderGetErrorCode)

#define ENCODER_FUNCTIONS(X)                                                                       \
    X(BrotliEncoderCreateInstance) X(BrotliEncoderDestroyInstance) X(BrotliEncoderSetParameter)    \
    X(BrotliEncoderCompressStream) X(BrotliEncoderIsFinished)

static struct {
    DECODER_FUNCTIONS(WR_LIBRARY_MEMBER) ENCODER_FUNCTIONS(WR_LIBRARY_MEMBER)
} lib;

static const wr_library_symbol DECODER_SYMBOLS[] = {DECODER_FUNCTIONS(WR_LIBRARY_SYMBOL)};
static const wr_library_symbol ENCODER_SYMBOLS[] = {ENCODER_FUNCTIONS(WR_LIBRARY_SYMBOL)};
static wr_library decoder_library = WR_LIBRARY("libbrotlidec.so.1", "libbrotli1", DECODER_SYMBOLS);
static wr_library encoder_library = WR_LIBRARY("libbrotlienc.so.1", "libbrotli1", ENCODER_SYMBOLS);

typedef struct brotli_state {
    BrotliDecoderState *decoder;
    BrotliEncoderState *encoder;
    wr_carve_heap       heap;
    uint64_t            window_bytes;
    int                 level;
} brotli_state;

static void *take(void *self, size_t bytes)
{
    return wr_carve_heap_alloc(self, bytes);
}

static brotli_state *init_state(void *state, uint64_t bytes)
{
    brotli_state *self = state;

    *self = (brotli_state){0};
    wr_carve_heap_init(&self->heap, (uint8_t *)state + wr_carve_bytes(sizeof *self),
                       bytes - wr_carve_bytes(sizeof *self));
    return self;
}

/* The first bits: 0, or 1 and 3 bits, or 1, 000 and 3 bits. */
static uint64_t window(const uint8_t *head, size_t head_bytes)
{
    unsigned first = head_bytes > 0 ? head[0] : 0, low = first >> 1 & 7, high = first >> 4 & 7;
    unsigned log = !(first & 1) ? 16 : low ? 17 + low : high ? 8 + high : 17;

    return head_bytes > 0 ? (uint64_t)1 << log : 0;
}

/* ---- Decoding --------------------------------------------------------------------------------- */

static uint64_t decoder_bytes(uint64_t window_bytes)
{
    uint64_t ring_bytes = window_bytes ? window_bytes : WINDOW_DEFAULT;

    return wr_carve_bytes(sizeof(brotli_state)) + TABLE_BYTES +
           wr_carve_bytes(ring_bytes + ring_bytes / 2);
}

static void decoder_reset(void *state)
{
    brotli_state *self = state;

    if (self->decoder)
        lib.BrotliDecoderDestroyInstance(self->decoder);
    self->decoder = lib.BrotliDecoderCreateInstance(take, wr_carve_heap_free, &self->heap);
    wr_assert(self->decoder, "the brotli decoder fits its block");
}

static void decoder_init(void *state, uint64_t window_bytes)
{
    init_state(state, decoder_bytes(window_bytes))->window_bytes = window_bytes;
    decoder_reset(state);
}

static bool is_shortage(BrotliDecoderErrorCode code)
{
    return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
           code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

static wr_codec_flow decode(void *state, wr_codec_io *io)
{
    brotli_state *self = state;
    uint64_t      wanted = window(io->in, io->in_bytes);

    switch (lib.BrotliDecoderDecompressStream(self->decoder, &io->in_bytes, &io->in, &io->out_bytes,
                                              &io->out, NULL)) {
    case BROTLI_DECODER_RESULT_SUCCESS:
        return WR_CODEC_END;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return WR_CODEC_MORE;
    case BROTLI_DECODER_RESULT_ERROR:
        break;
    }
    if (is_shortage(lib.BrotliDecoderGetErrorCode(self->decoder))) {
        io->window_bytes = wanted;
        return WR_CODEC_SHORT;
    }
    return wr_codec_refuse(io, "the data is damaged");
}

/* ---- Encoding --------------------------------------------------------------------------------- */

static uint64_t encoder_bytes(int level)
{
    (void)level;
    return wr_carve_bytes(sizeof(brotli_state)) + ENCODER_BYTES;
}

static void encoder_reset(void *state)
{
    brotli_state *self = state;

    if (self->encoder)
        lib.BrotliEncoderDestroyInstance(self->encoder);
    self->encoder = lib.BrotliEncoderCreateInstance(take, wr_carve_heap_free, &self->heap);
    wr_assert(self->encoder, "the brotli encoder fits its block");
    lib.BrotliEncoderSetParameter(self->encoder, BROTLI_PARAM_QUALITY, (uint32_t)self->level);
    lib.BrotliEncoderSetParameter(self->encoder, BROTLI_PARAM_LGWIN, ENCODER_WINDOW_LOG);
}

static void encoder_init(void *state, int level)
{
    init_state(state, encoder_bytes(level))->level = level;
    encoder_reset(state);
}

static wr_codec_flow encode(void *state, wr_codec_io *io, bool finish)
{
    brotli_state *self = state;

    if (!lib.BrotliEncoderCompressStream(
            self->encoder, finish ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS, &io->in_bytes,
            &io->in, &io->out_bytes, &io->out, NULL))
        return wr_codec_refuse(io, "the library refuses");
    return finish && lib.BrotliEncoderIsFinished(self->encoder) ? WR_CODEC_END : WR_CODEC_MORE;
}

/* At worst, blocks as they are: 4 bytes of head for each 16 KB, and both ends. */
static uint64_t bound(uint64_t raw_bytes)
{
    return raw_bytes + 4 * (raw_bytes >> 14) + 1024;
}

static wr_library *const DECODER_LIBRARIES[] = {&decoder_library, NULL};
static wr_library *const ENCODER_LIBRARIES[] = {&encoder_library, NULL};

const wr_codec_ops wr_codec_ops_brotli = {
    .name = "brotli",
    .unit = "stream",
    .libraries = DECODER_LIBRARIES,
    .encoder_libraries = ENCODER_LIBRARIES,
    .level_default = LEVEL_DEFAULT,
    .level_max = LEVEL_MAX,
    .window_default = WINDOW_DEFAULT,
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
