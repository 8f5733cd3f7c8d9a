/* block_codec.c — blocks of known size over the codecs' tables: counts, ends, messages.
 *
 * A workspace is the decoder (or encoder) and behind it the codec's own state. */
#include "io/block_codec.h"

#include "codec_priv.h"
#include "io/carve.h"

_Static_assert((int)WR_BLOCK_HEAD_BYTES >= (int)WR_CODEC_HEAD_BYTES, "a head tells the window");

/* ---- Decoding --------------------------------------------------------------------------------- */

struct wr_block_decoder {
    const wr_codec_ops *ops;
    void               *state;
    uint64_t            window_bytes;
    uint64_t            stored_bytes, raw_bytes; /* of the block            */
    uint64_t            stored_left, raw_left;   /* of the block            */
    bool                inside;                  /* a frame                 */
};

uint64_t wr_block_window(wr_codec codec, const void *head, size_t head_bytes)
{
    const wr_codec_ops *ops = wr_codec_ops_of(codec);
    uint64_t            window = ops->window(head, head_bytes);

    return window ? window : ops->window_default;
}

uint64_t wr_block_decoder_lease_min(wr_codec codec, uint64_t window_bytes)
{
    return wr_carve_bytes(sizeof(wr_block_decoder)) +
           wr_codec_ops_of(codec)->decoder_bytes(window_bytes);
}

wr_block_decoder *wr_block_decoder_init(wr_codec codec, uint64_t window_bytes, void *workspace)
{
    wr_block_decoder *decoder = workspace;

    *decoder = (wr_block_decoder){
        .ops = wr_codec_ops_of(codec),
        .state = (uint8_t *)workspace + wr_carve_bytes(sizeof *decoder),
        .window_bytes = window_bytes,
    };
    decoder->ops->decoder_init(decoder->state, window_bytes);
    return decoder;
}

static wr_status raise_corrupt(const wr_block_decoder *decoder, const char *what, wr_error *err)
{
    return WR_RAISE(err, WR_CORRUPT, "%s: %s at byte %llu of a block of %llu", decoder->ops->name,
                    what, (unsigned long long)(decoder->stored_bytes - decoder->stored_left),
                    (unsigned long long)decoder->stored_bytes);
}

static wr_status raise_size(const wr_block_decoder *decoder, wr_error *err)
{
    return WR_RAISE(err, WR_CORRUPT, "%s: a block of %llu bytes does not hold the %llu bytes that it "
                    "should, but %s",
                    decoder->ops->name, (unsigned long long)decoder->stored_bytes,
                    (unsigned long long)decoder->raw_bytes, decoder->raw_left ? "fewer" : "more");
}

static wr_status raise_window(const wr_block_decoder *decoder, uint64_t window_bytes, wr_error *err)
{
    char asked[32], given[32];

    return WR_RAISE(err, WR_NO_MEMORY, "%s: a block needs a window of %s, and %s are set aside",
                    decoder->ops->name, wr_text_format_bytes(window_bytes, asked, sizeof asked),
                    wr_text_format_bytes(decoder->window_bytes, given, sizeof given));
}

void wr_block_decoder_begin(wr_block_decoder *decoder, uint64_t stored_bytes, uint64_t raw_bytes)
{
    decoder->stored_bytes = decoder->stored_left = stored_bytes;
    decoder->raw_bytes = decoder->raw_left = raw_bytes;
    decoder->inside = false;
}

/* What a flow means, and what moved, for the counts. */
static wr_status note(wr_block_decoder *decoder, const wr_codec_io *before, const wr_codec_io *io,
                      wr_codec_flow flow, wr_error *err)
{
    decoder->stored_left -= before->in_bytes - io->in_bytes;
    decoder->raw_left -= before->out_bytes - io->out_bytes;
    if (flow == WR_CODEC_DAMAGED)
        return raise_corrupt(decoder, io->what, err);
    if (flow == WR_CODEC_SHORT)
        return raise_window(decoder, io->window_bytes, err);
    decoder->inside = flow == WR_CODEC_MORE;
    return WR_OK;
}

static bool is_done(const wr_block_decoder *decoder)
{
    return decoder->stored_left == 0 && decoder->raw_left == 0 && !decoder->inside;
}

/* One call of the codec. *out_moved: was it worth it? */
static wr_status step(wr_block_decoder *decoder, wr_block_piece *piece, bool *out_moved,
                      wr_error *err)
{
    const wr_codec_ops *ops = decoder->ops;
    wr_codec_io         io = {
                .in = piece->in,
                .in_bytes = piece->in_bytes < decoder->stored_left ? piece->in_bytes
                                                                   : (size_t)decoder->stored_left,
                .out = piece->out,
                .out_bytes = piece->out_bytes < decoder->raw_left ? piece->out_bytes
                                                                  : (size_t)decoder->raw_left,
    };
    wr_codec_io   before = io;
    wr_codec_flow flow;

    io.is_last = io.in_bytes == decoder->stored_left;
    if (!decoder->inside)
        ops->decoder_reset(decoder->state);
    flow = ops->decode(decoder->state, &io);
    WR_TRY(note(decoder, &before, &io, flow, err));
    piece->in = io.in;
    piece->in_bytes -= before.in_bytes - io.in_bytes;
    piece->out = io.out;
    piece->out_bytes -= before.out_bytes - io.out_bytes;
    *out_moved = io.in != before.in || io.out != before.out || flow == WR_CODEC_END;
    return WR_OK;
}

wr_status wr_block_decoder_run(wr_block_decoder *decoder, wr_block_piece *piece, bool *out_done,
                               wr_error *err)
{
    bool moved = true;

    *out_done = is_done(decoder);
    while (!*out_done && moved) {
        if (!decoder->inside && decoder->stored_left == 0)
            return raise_size(decoder, err);
        if (!decoder->inside && piece->in_bytes == 0)
            return WR_OK;
        WR_TRY(step(decoder, piece, &moved, err));
        *out_done = is_done(decoder);
    }
    if (*out_done)
        return WR_OK;
    if (decoder->stored_left == 0 && piece->out_bytes > 0)
        return decoder->raw_left ? raise_corrupt(decoder, "the data ends too early", err)
                                 : raise_size(decoder, err);
    if (decoder->raw_left == 0 && piece->in_bytes > 0)
        return raise_size(decoder, err);
    return WR_OK;
}

/* In one call of the library that needs no window. */
static wr_status decode_whole(wr_block_decoder *decoder, wr_block_piece *piece, wr_error *err)
{
    wr_codec_io   io = {.in = piece->in, .in_bytes = piece->in_bytes, .out = piece->out,
                        .out_bytes = piece->out_bytes};
    wr_codec_io   before = io;
    wr_codec_flow flow = decoder->ops->decode_whole(decoder->state, &io);

    WR_TRY(note(decoder, &before, &io, flow, err));
    return is_done(decoder) ? WR_OK : raise_size(decoder, err);
}

wr_status wr_block_decode(wr_block_decoder *decoder, const void *stored, size_t stored_bytes,
                          void *raw, size_t raw_bytes, wr_error *err)
{
    wr_block_piece piece = {stored, stored_bytes, raw, raw_bytes};
    bool           done;

    wr_block_decoder_begin(decoder, stored_bytes, raw_bytes);
    if (decoder->ops->decode_whole && stored_bytes > 0)
        return decode_whole(decoder, &piece, err);
    WR_TRY(wr_block_decoder_run(decoder, &piece, &done, err));
    return done ? WR_OK : raise_corrupt(decoder, "the data ends too early", err);
}

/* ---- Encoding --------------------------------------------------------------------------------- */

struct wr_block_encoder {
    const wr_codec_ops *ops;
    void               *state;
};

wr_status wr_block_level(wr_codec codec, int asked, int *out_level, wr_error *err)
{
    return wr_codec_level(wr_codec_ops_of(codec), asked, out_level, err);
}

uint64_t wr_block_encoder_lease_min(wr_codec codec, int level, uint64_t raw_bytes)
{
    const wr_codec_ops *ops = wr_codec_ops_of(codec);

    return wr_carve_bytes(sizeof(wr_block_encoder)) +
           (ops->whole_encoder_bytes ? ops->whole_encoder_bytes(level, raw_bytes)
                                     : ops->encoder_bytes(level));
}

wr_block_encoder *wr_block_encoder_init(wr_codec codec, int level, uint64_t raw_bytes,
                                        void *workspace)
{
    wr_block_encoder *encoder = workspace;

    encoder->ops = wr_codec_ops_of(codec);
    encoder->state = (uint8_t *)workspace + wr_carve_bytes(sizeof *encoder);
    if (encoder->ops->whole_encoder_init)
        encoder->ops->whole_encoder_init(encoder->state, level, raw_bytes);
    else
        encoder->ops->encoder_init(encoder->state, level);
    return encoder;
}

uint64_t wr_block_bound(wr_codec codec, uint64_t raw_bytes)
{
    return wr_codec_ops_of(codec)->bound(raw_bytes);
}

wr_status wr_block_encode(wr_block_encoder *encoder, const void *raw, size_t raw_bytes, void *stored,
                          size_t stored_room, size_t *out_stored_bytes, wr_error *err)
{
    const wr_codec_ops *ops = encoder->ops;
    wr_codec_io         io = {.in = raw, .in_bytes = raw_bytes, .out = stored,
                              .out_bytes = stored_room};
    wr_codec_flow       flow;

    ops->encoder_reset(encoder->state);
    flow = ops->encode_whole ? ops->encode_whole(encoder->state, &io)
                             : ops->encode(encoder->state, &io, true);
    if (flow != WR_CODEC_END)
        return WR_RAISE(err, WR_BUG, "%s: %zu bytes were not made a block of at most %zu: %s",
                        ops->name, raw_bytes, stored_room, io.what ? io.what : "no room");
    *out_stored_bytes = stored_room - io.out_bytes;
    return WR_OK;
}
