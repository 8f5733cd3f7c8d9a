/* codec_lz4_raw.c — single LZ4 blocks without a frame: pages of Parquet.
 *
 * At once through the library's block functions, in pieces through lz4_block.h. A block ends where
 * its bytes end, which the format around it says. There is one level: what compresses better and
 * slower is zstd's field. */
#include <lz4.h>

#include "io/carve.h"
#include "lz4_block.h"

enum { STATE_BYTES = 16416 + 16 }; /* of the library's encoder, 1.9 */

static uint64_t window(const uint8_t *head, size_t head_bytes)
{
    (void)head, (void)head_bytes;
    return WR_LZ4_HISTORY_BYTES;
}

/* ---- Decoding --------------------------------------------------------------------------------- */

static uint64_t decoder_bytes(uint64_t window_bytes)
{
    return window_bytes ? wr_carve_bytes(sizeof(wr_lz4_block)) : 0;
}

static void decoder_reset(void *state)
{
    wr_lz4_block_begin(state, false);
}

static void decoder_init(void *state, uint64_t window_bytes)
{
    if (window_bytes)
        decoder_reset(state);
}

static wr_codec_flow decode(void *state, wr_codec_io *io)
{
    wr_codec_flow flow = wr_lz4_block_decode(state, io);

    if (flow == WR_CODEC_MORE && io->is_last && io->in_bytes == 0 && wr_lz4_block_may_end(state))
        return WR_CODEC_END;
    return flow;
}

static wr_codec_flow decode_whole(void *state, wr_codec_io *io)
{
    int result = -1;

    (void)state;
    if (io->in_bytes <= INT32_MAX && io->out_bytes <= INT32_MAX)
        result = LZ4_decompress_safe((const char *)io->in, (char *)io->out, (int)io->in_bytes,
                                     (int)io->out_bytes);
    if (result < 0)
        return wr_codec_refuse(io, "the data is damaged");
    wr_codec_advance(io, io->in_bytes, (size_t)result);
    return WR_CODEC_END;
}

/* ---- Encoding --------------------------------------------------------------------------------- */

static uint64_t encoder_bytes(int level)
{
    (void)level;
    return STATE_BYTES;
}

static void encoder_init(void *state, int level)
{
    (void)state, (void)level;
    wr_assert(LZ4_sizeofState() <= STATE_BYTES, "the LZ4 library's state fits");
}

static void encoder_reset(void *state)
{
    (void)state;
}

static wr_codec_flow encode_whole(void *state, wr_codec_io *io)
{
    int result = 0;

    if (io->in_bytes <= LZ4_MAX_INPUT_SIZE)
        result = LZ4_compress_fast_extState(state, (const char *)io->in, (char *)io->out,
                                            (int)io->in_bytes,
                                            io->out_bytes < INT32_MAX ? (int)io->out_bytes : INT32_MAX,
                                            1);
    if (result <= 0)
        return wr_codec_refuse(io, "the block is too large");
    wr_codec_advance(io, io->in_bytes, (size_t)result);
    return WR_CODEC_END;
}

static uint64_t bound(uint64_t raw_bytes)
{
    return raw_bytes + raw_bytes / 255 + 16;
}

const wr_codec_ops wr_codec_ops_lz4_raw = {
    .name = "lz4_raw",
    .unit = "block",
    .level_default = 1,
    .level_max = 1,
    .window_default = WR_LZ4_HISTORY_BYTES,
    .window = window,
    .decoder_bytes = decoder_bytes,
    .decoder_init = decoder_init,
    .decoder_reset = decoder_reset,
    .decode = decode,
    .decode_whole = decode_whole,
    .encoder_bytes = encoder_bytes,
    .encoder_init = encoder_init,
    .encoder_reset = encoder_reset,
    .encode_whole = encode_whole,
    .bound = bound,
};
