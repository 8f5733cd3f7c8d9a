/* codec_zstd.c — zstd, with static workspaces.
 *
 * Invariants
 *  1. A decoder's workspace is sized by a window; a frame that needs a larger one is refused before
 *     its first block. At once, frames are decoded without a window.
 *  2. The encoder's window and tables are bounded the same for every level, so that its memory
 *     does not depend on it; levels still differ in how hard they search. Frames carry a checksum.
 * Cost: 0.7 GB/s of text in. Source: RFC 8878. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "codec_priv.h"
#include "io/carve.h"

enum {
    LEVEL_DEFAULT = 3,
    LEVEL_MAX = 22,
    LEVEL_SEARCHED_MAX = 17, /* above it, levels want still more tables: they search like 17 */
    ENCODER_WINDOW_LOG = 19, /* 512 KB: costs about 2 % of the ratio on text */
    ENCODER_TABLE_LOG = 16,
    WINDOW_DEFAULT = 2 << 20, /* what `zstd` without options writes: window log 21 */
};

#define WINDOW_BYTES_MAX ((uint64_t)1 << 31)

static uint64_t window(const uint8_t *head, size_t head_bytes)
{
    ZSTD_frameHeader header;

    if (ZSTD_getFrameHeader(&header, head, head_bytes) != 0 || header.frameType != ZSTD_frame)
        return 0;
    return header.windowSize;
}

/* ---- Decoding --------------------------------------------------------------------------------- */

typedef struct zstd_decoder {
    ZSTD_DStream *stream;
    uint64_t      window_bytes;
} zstd_decoder;

/* Windows above 2 GiB do not exist in frames that zstd itself would decode. */
static uint64_t workspace_bytes(uint64_t window_bytes)
{
    if (window_bytes == 0)
        return ZSTD_estimateDCtxSize();
    return ZSTD_estimateDStreamSize(window_bytes < WINDOW_BYTES_MAX ? window_bytes
                                                                    : WINDOW_BYTES_MAX);
}

static uint64_t decoder_bytes(uint64_t window_bytes)
{
    return wr_carve_bytes(sizeof(zstd_decoder)) + wr_carve_bytes(workspace_bytes(window_bytes));
}

static void decoder_init(void *state, uint64_t window_bytes)
{
    zstd_decoder *self = state;

    *self = (zstd_decoder){.window_bytes = window_bytes};
    self->stream = ZSTD_initStaticDStream((uint8_t *)state + wr_carve_bytes(sizeof *self),
                                          workspace_bytes(window_bytes));
    wr_assert(self->stream, "a zstd decoder fits the workspace that zstd asks for");
    ZSTD_DCtx_setMaxWindowSize(self->stream, WINDOW_BYTES_MAX);
}

static void decoder_reset(void *state)
{
    ZSTD_DCtx_reset(((zstd_decoder *)state)->stream, ZSTD_reset_session_only);
}

static wr_codec_flow refuse(wr_codec_io *io, size_t result)
{
    return wr_codec_refuse(io, ZSTD_getErrorName(result));
}

static wr_codec_flow decode(void *state, wr_codec_io *io)
{
    zstd_decoder  *self = state;
    ZSTD_inBuffer  in = {io->in, io->in_bytes, 0};
    ZSTD_outBuffer out = {io->out, io->out_bytes, 0};
    size_t         result = ZSTD_decompressStream(self->stream, &out, &in);

    if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) {
        io->window_bytes = window(io->in, io->in_bytes);
        return WR_CODEC_SHORT;
    }
    if (ZSTD_isError(result))
        return refuse(io, result);
    wr_codec_advance(io, in.pos, out.pos);
    return result == 0 ? WR_CODEC_END : WR_CODEC_MORE;
}

static wr_codec_flow decode_whole(void *state, wr_codec_io *io)
{
    zstd_decoder *self = state;
    size_t        result = ZSTD_decompressDCtx(self->stream, io->out, io->out_bytes, io->in,
                                               io->in_bytes);

    if (ZSTD_isError(result))
        return refuse(io, result);
    wr_codec_advance(io, io->in_bytes, result);
    return WR_CODEC_END;
}

/* ---- Encoding --------------------------------------------------------------------------------- */

typedef struct zstd_encoder {
    ZSTD_CStream *stream;
} zstd_encoder;

/* `raw_bytes` 0: of any length. */
static ZSTD_compressionParameters bounded_parameters(int level, uint64_t raw_bytes)
{
    ZSTD_compressionParameters parameters =
        ZSTD_getCParams(level < LEVEL_SEARCHED_MAX ? level : LEVEL_SEARCHED_MAX, raw_bytes, 0);

    if (parameters.windowLog > ENCODER_WINDOW_LOG)
        parameters.windowLog = ENCODER_WINDOW_LOG;
    if (parameters.chainLog > ENCODER_TABLE_LOG)
        parameters.chainLog = ENCODER_TABLE_LOG;
    if (parameters.hashLog > ENCODER_TABLE_LOG)
        parameters.hashLog = ENCODER_TABLE_LOG;
    return parameters;
}

static void set_parameters(ZSTD_CCtx *context, ZSTD_compressionParameters parameters)
{
    wr_assert(context && !ZSTD_isError(ZSTD_CCtx_setCParams(context, parameters)) &&
                  !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)),
              "a zstd encoder fits the workspace that zstd asks for");
}

static size_t stream_bytes(int level)
{
    return ZSTD_estimateCStreamSize_usingCParams(bounded_parameters(level, 0));
}

static uint64_t encoder_bytes(int level)
{
    return wr_carve_bytes(sizeof(zstd_encoder)) + wr_carve_bytes(stream_bytes(level));
}

static void encoder_init(void *state, int level)
{
    zstd_encoder *self = state;

    self->stream = ZSTD_initStaticCStream((uint8_t *)state + wr_carve_bytes(sizeof *self),
                                          stream_bytes(level));
    set_parameters(self->stream, bounded_parameters(level, 0));
}

static void encoder_reset(void *state)
{
    ZSTD_CCtx_reset(((zstd_encoder *)state)->stream, ZSTD_reset_session_only);
}

static wr_codec_flow encode(void *state, wr_codec_io *io, bool finish)
{
    zstd_encoder  *self = state;
    ZSTD_inBuffer  in = {io->in, io->in_bytes, 0};
    ZSTD_outBuffer out = {io->out, io->out_bytes, 0};
    size_t         left = ZSTD_compressStream2(self->stream, &out, &in,
                                               finish ? ZSTD_e_end : ZSTD_e_continue);

    if (ZSTD_isError(left))
        return refuse(io, left);
    wr_codec_advance(io, in.pos, out.pos);
    return finish && left == 0 ? WR_CODEC_END : WR_CODEC_MORE;
}

static size_t context_bytes(int level, uint64_t raw_bytes)
{
    return ZSTD_estimateCCtxSize_usingCParams(bounded_parameters(level, raw_bytes));
}

static uint64_t whole_encoder_bytes(int level, uint64_t raw_bytes)
{
    return wr_carve_bytes(sizeof(zstd_encoder)) + wr_carve_bytes(context_bytes(level, raw_bytes));
}

static void whole_encoder_init(void *state, int level, uint64_t raw_bytes)
{
    zstd_encoder *self = state;

    self->stream = ZSTD_initStaticCCtx((uint8_t *)state + wr_carve_bytes(sizeof *self),
                                       context_bytes(level, raw_bytes));
    set_parameters(self->stream, bounded_parameters(level, raw_bytes));
}

static wr_codec_flow encode_whole(void *state, wr_codec_io *io)
{
    zstd_encoder *self = state;
    size_t        result = ZSTD_compress2(self->stream, io->out, io->out_bytes, io->in, io->in_bytes);

    if (ZSTD_isError(result))
        return refuse(io, result);
    wr_codec_advance(io, io->in_bytes, result);
    return WR_CODEC_END;
}

static uint64_t bound(uint64_t raw_bytes)
{
    return ZSTD_compressBound(raw_bytes);
}

const wr_codec_ops wr_codec_ops_zstd = {
    .name = "zstd",
    .unit = "frame",
    .level_default = LEVEL_DEFAULT,
    .level_max = LEVEL_MAX,
    .window_default = WINDOW_DEFAULT,
    .window = window,
    .decoder_bytes = decoder_bytes,
    .decoder_init = decoder_init,
    .decoder_reset = decoder_reset,
    .decode = decode,
    .decode_whole = decode_whole,
    .encoder_bytes = encoder_bytes,
    .encoder_init = encoder_init,
    .encoder_reset = encoder_reset,
    .encode = encode,
    .encode_whole = encode_whole,
    .whole_encoder_bytes = whole_encoder_bytes,
    .whole_encoder_init = whole_encoder_init,
    .bound = bound,
};
