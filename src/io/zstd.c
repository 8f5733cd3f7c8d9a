/* zstd.c — zstd in and out, with static workspaces from the bump.
 *
 * Invariants
 *  1. The decoder's workspace is sized from the frame header, which is read first. Frames follow
 *     each other; one that needs a larger window than those before gets a new workspace. Nothing
 *     else ever allocates, whatever the frames claim to hold.
 *  2. A frame's checksum is checked where it has one; a stream that stops inside a frame, or goes
 *     on with anything but another frame, is WR_CORRUPT.
 *  3. The encoder's window and tables are bounded the same for every level, so that its memory is
 *     a constant; levels still differ in how hard they search. Frames carry a checksum.
 * Cost: 0.7 GB/s of text in. Source: RFC 8878. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "base/bits.h"
#include "io_priv.h"

enum {
    LEVEL_DEFAULT = 3,
    LEVEL_MAX = 22,
    LEVEL_SEARCHED_MAX = 17, /* above it, levels want still more tables: they search like 17 */
    ENCODER_WINDOW_LOG = 19, /* 512 KB: costs about 2 % of the ratio on text */
    ENCODER_TABLE_LOG = 16,
};

#define WINDOW_BYTES_MAX ((uint64_t)1 << 31)

/* ---- In ----------------------------------------------------------------------------------------- */

typedef struct zstd_input {
    wr_input      base;
    wr_codec_feed feed;
    wr_bump      *bump;
    ZSTD_DStream *decoder;
    uint64_t      window_bytes; /* that `decoder` was made for */
    bool          inside;       /* between a frame's first byte and its end */
    bool          any_frame;
} zstd_input;

static wr_status raise_corrupt(const zstd_input *zstd, const char *what, wr_error *err)
{
    return WR_RAISE(err, WR_CORRUPT, "'%.*s': zstd: %s at byte %llu", WR_TEXT_ARG(zstd->feed.path),
                    what, (unsigned long long)wr_codec_feed_offset(&zstd->feed));
}

uint64_t wr_zstd_window(const void *head, size_t head_bytes)
{
    ZSTD_frameHeader header;

    if (ZSTD_getFrameHeader(&header, head, head_bytes) != 0 || header.frameType != ZSTD_frame)
        return 0;
    return header.windowSize;
}

/* Windows above 2 GiB do not exist in frames that zstd itself would decode. */
static uint64_t decoder_bytes(uint64_t window_bytes)
{
    return ZSTD_estimateDStreamSize(window_bytes < WINDOW_BYTES_MAX ? window_bytes
                                                                    : WINDOW_BYTES_MAX);
}

uint64_t wr_zstd_input_bytes(uint64_t window_bytes)
{
    return wr_carve_bytes(sizeof(zstd_input)) + WR_CODEC_BUFFER_BYTES +
           wr_carve_bytes(decoder_bytes(window_bytes));
}

static void start_decoder(zstd_input *zstd, void *workspace, uint64_t window_bytes)
{
    zstd->decoder = ZSTD_initStaticDStream(workspace, decoder_bytes(window_bytes));
    wr_assert(zstd->decoder, "a zstd decoder fits the workspace that zstd asks for");
    ZSTD_DCtx_setMaxWindowSize(zstd->decoder, WINDOW_BYTES_MAX);
    zstd->window_bytes = window_bytes;
}

/* Make a decoder for `window_bytes` unless the present one will do. */
static wr_status make_decoder(zstd_input *zstd, uint64_t window_bytes, wr_error *err)
{
    const wr_lease *lease = zstd->bump->lease;
    char            window_text[32], lease_text[32];
    void           *workspace;

    if (window_bytes <= zstd->window_bytes) {
        ZSTD_DCtx_reset(zstd->decoder, ZSTD_reset_session_only);
        return WR_OK;
    }
    workspace = window_bytes > WINDOW_BYTES_MAX
                    ? NULL
                    : wr_bump_try_alloc(zstd->bump, decoder_bytes(window_bytes));
    if (!workspace)
        return WR_RAISE(err, WR_NO_MEMORY,
                        "'%.*s': zstd: the frame at byte %llu needs a window of %s, which does not "
                        "fit the lease '%s' (%s); raise the memory cap or compress again without "
                        "--long or --ultra",
                        WR_TEXT_ARG(zstd->feed.path),
                        (unsigned long long)wr_codec_feed_offset(&zstd->feed),
                        wr_text_format_bytes(window_bytes, window_text, sizeof window_text),
                        lease->name,
                        wr_text_format_bytes((uint64_t)lease->pages_granted *
                                                 wr_arena_page_size(lease->arena),
                                             lease_text, sizeof lease_text));
    start_decoder(zstd, workspace, window_bytes);
    return WR_OK;
}

static wr_status begin_frame(zstd_input *zstd, bool *out_end, wr_error *err)
{
    wr_codec_feed   *feed = &zstd->feed;
    ZSTD_frameHeader header;
    size_t           result;

    WR_TRY(wr_codec_feed_fill(feed, ZSTD_FRAMEHEADERSIZE_MAX, err));
    *out_end = feed->next == feed->end;
    if (*out_end)
        return zstd->any_frame ? WR_OK : raise_corrupt(zstd, "the stream is empty", err);
    result = ZSTD_getFrameHeader(&header, feed->buffer + feed->next, feed->end - feed->next);
    if (ZSTD_isError(result))
        return raise_corrupt(zstd,
                             zstd->any_frame ? "garbage after the last frame"
                                             : "this is not zstd data",
                             err);
    if (result > 0)
        return raise_corrupt(zstd, "the stream ends in a frame header", err);
    WR_TRY(make_decoder(zstd, header.frameType == ZSTD_frame ? header.windowSize : 1, err));
    zstd->inside = true;
    return WR_OK;
}

static wr_status zstd_read(wr_input *input, void *buffer, size_t bytes, size_t *out_bytes,
                           wr_error *err)
{
    zstd_input    *zstd = (zstd_input *)input;
    wr_codec_feed *feed = &zstd->feed;
    ZSTD_outBuffer out = {buffer, bytes, 0};
    bool           end = false;

    while (out.pos == 0 && bytes > 0) {
        ZSTD_inBuffer in;
        size_t        result;

        if (!zstd->inside)
            WR_TRY(begin_frame(zstd, &end, err));
        if (end)
            break;
        WR_TRY(wr_codec_feed_fill(feed, 1, err));
        in = (ZSTD_inBuffer){feed->buffer, feed->end, feed->next};
        result = ZSTD_decompressStream(zstd->decoder, &out, &in);
        if (ZSTD_isError(result))
            return raise_corrupt(zstd, ZSTD_getErrorName(result), err);
        if (result == 0) {
            zstd->inside = false;
            zstd->any_frame = true;
        } else if (out.pos == 0 && in.pos == feed->next && feed->at_end && in.pos == in.size) {
            return raise_corrupt(zstd, "the stream ends in the middle of a frame", err);
        }
        feed->next = in.pos;
    }
    *out_bytes = out.pos;
    input->offset += out.pos;
    wr_input_pass_progress(input, feed->below);
    return WR_OK;
}

static void zstd_close(wr_input *input)
{
    wr_input_close(((zstd_input *)input)->feed.below);
}

static const struct wr_input_ops ZSTD_INPUT = {.read = zstd_read, .close = zstd_close};

wr_status wr_zstd_input_init(wr_input *below, wr_text path, uint64_t window_bytes, wr_carver *carver,
                             wr_bump *bump, wr_input **out_input, wr_error *err)
{
    zstd_input *zstd = wr_carve(carver, sizeof *zstd);
    bool        end;

    zstd->base.ops = &ZSTD_INPUT;
    zstd->bump = bump;
    wr_codec_feed_init(&zstd->feed, below, path, carver);
    start_decoder(zstd, wr_carve(carver, decoder_bytes(window_bytes)), window_bytes);
    WR_TRY(begin_frame(zstd, &end, err));
    wr_input_pass_progress(&zstd->base, below);
    *out_input = &zstd->base;
    return WR_OK;
}

/* ---- Out ---------------------------------------------------------------------------------------- */

typedef struct zstd_output {
    wr_output     base;
    wr_fs_writer *writer;
    ZSTD_CStream *encoder;
    uint8_t      *buffer; /* WR_CODEC_BUFFER_BYTES */
} zstd_output;

static ZSTD_compressionParameters bounded_parameters(int level)
{
    ZSTD_compressionParameters parameters =
        ZSTD_getCParams(level < LEVEL_SEARCHED_MAX ? level : LEVEL_SEARCHED_MAX, 0, 0);

    if (parameters.windowLog > ENCODER_WINDOW_LOG)
        parameters.windowLog = ENCODER_WINDOW_LOG;
    if (parameters.chainLog > ENCODER_TABLE_LOG)
        parameters.chainLog = ENCODER_TABLE_LOG;
    if (parameters.hashLog > ENCODER_TABLE_LOG)
        parameters.hashLog = ENCODER_TABLE_LOG;
    return parameters;
}

static size_t encoder_bytes_max(void)
{
    size_t bytes_max = 0;

    for (int level = 1; level <= LEVEL_SEARCHED_MAX; level++) {
        size_t bytes = ZSTD_estimateCStreamSize_usingCParams(bounded_parameters(level));

        bytes_max = bytes > bytes_max ? bytes : bytes_max;
    }
    return bytes_max;
}

static wr_status run_encoder(zstd_output *zstd, ZSTD_inBuffer *in, ZSTD_EndDirective directive,
                             wr_error *err)
{
    size_t left;

    do {
        ZSTD_outBuffer out = {zstd->buffer, WR_CODEC_BUFFER_BYTES, 0};

        left = ZSTD_compressStream2(zstd->encoder, &out, in, directive);
        if (ZSTD_isError(left))
            return WR_RAISE(err, WR_BUG, "zstd encoder: %s", ZSTD_getErrorName(left));
        if (out.pos > 0)
            WR_TRY(zstd->writer->ops->write(zstd->writer, zstd->buffer, out.pos, err));
    } while (in->pos < in->size || (directive == ZSTD_e_end && left > 0));
    return WR_OK;
}

static wr_status zstd_write(wr_output *output, const void *bytes, size_t byte_count, wr_error *err)
{
    zstd_output  *zstd = (zstd_output *)output;
    ZSTD_inBuffer in = {bytes, byte_count, 0};

    output->offset += byte_count;
    return run_encoder(zstd, &in, ZSTD_e_continue, err);
}

static wr_status zstd_commit(wr_output *output, wr_error *err)
{
    zstd_output  *zstd = (zstd_output *)output;
    ZSTD_inBuffer in = {NULL, 0, 0};

    WR_TRY(run_encoder(zstd, &in, ZSTD_e_end, err));
    return zstd->writer->ops->commit(zstd->writer, err);
}

static void zstd_output_close(wr_output *output)
{
    zstd_output *zstd = (zstd_output *)output;

    zstd->writer->ops->close(zstd->writer);
}

static const struct wr_output_ops ZSTD_OUTPUT = {
    .write = zstd_write,
    .commit = zstd_commit,
    .close = zstd_output_close,
};

uint64_t wr_zstd_output_bytes(void)
{
    return wr_carve_bytes(sizeof(zstd_output)) + WR_CODEC_BUFFER_BYTES +
           wr_carve_bytes(encoder_bytes_max());
}

wr_status wr_zstd_output_open(wr_fs_writer *writer, int level, wr_bump *bump,
                              wr_output **out_output, wr_error *err)
{
    size_t       workspace_bytes = encoder_bytes_max();
    zstd_output *zstd;
    wr_carver    carver;

    if (level < 0 || level > LEVEL_MAX)
        return WR_RAISE(err, WR_INVALID, "zstd has the levels 1 to %d, not %d", LEVEL_MAX,
                        level);
    WR_TRY(wr_carver_init(&carver, bump, wr_zstd_output_bytes(), err));
    zstd = wr_carve(&carver, sizeof *zstd);
    zstd->base.ops = &ZSTD_OUTPUT;
    zstd->writer = writer;
    zstd->buffer = wr_carve(&carver, WR_CODEC_BUFFER_BYTES);
    zstd->encoder = ZSTD_initStaticCStream(wr_carve(&carver, workspace_bytes), workspace_bytes);
    if (!zstd->encoder ||
        ZSTD_isError(ZSTD_CCtx_setCParams(zstd->encoder,
                                          bounded_parameters(level ? level : LEVEL_DEFAULT))) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(zstd->encoder, ZSTD_c_checksumFlag, 1)))
        return WR_RAISE(err, WR_BUG, "the zstd encoder does not fit its workspace");
    *out_output = &zstd->base;
    return WR_OK;
}
