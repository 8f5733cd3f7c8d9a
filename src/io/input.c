/* input.c — the bottom of every stack of inputs, and what is put on it.
 *
 * The raw input has no buffer: bytes go from the reader into the caller's memory. Only the head
 * that detection looked at is kept and handed out first. */
#include "io/input.h"

#include <string.h>

#include "io_priv.h"

/* ---- The raw input ------------------------------------------------------------------------------ */

typedef struct raw_input {
    wr_input      base;
    wr_fs_reader *reader;
    uint8_t       head[WR_CODEC_HEAD_BYTES];
    size_t        head_next, head_end;
} raw_input;

static wr_status raw_read(wr_input *input, void *buffer, size_t bytes, size_t *out_bytes,
                          wr_error *err)
{
    raw_input *raw = (raw_input *)input;
    size_t     got = raw->head_end - raw->head_next;

    if (got > 0) {
        got = got < bytes ? got : bytes;
        memcpy(buffer, raw->head + raw->head_next, got);
        raw->head_next += got;
    } else if (bytes > 0) {
        WR_TRY(raw->reader->ops->read_next(raw->reader, buffer, bytes, &got, err));
    }
    input->offset += got;
    input->consumed_bytes = input->offset;
    *out_bytes = got;
    return WR_OK;
}

static void raw_close(wr_input *input)
{
    raw_input *raw = (raw_input *)input;

    raw->reader->ops->close(raw->reader);
}

static const struct wr_input_ops RAW_INPUT = {.read = raw_read, .close = raw_close};

/* Read the head by the stream's own order, so that it works for pipes too. */
static wr_status read_head(raw_input *raw, wr_error *err)
{
    while (raw->head_end < WR_CODEC_HEAD_BYTES) {
        size_t got = 0;

        WR_TRY(raw->reader->ops->read_next(raw->reader, raw->head + raw->head_end,
                                           WR_CODEC_HEAD_BYTES - raw->head_end, &got, err));
        if (got == 0)
            break;
        raw->head_end += got;
    }
    return WR_OK;
}

/* ---- Opening ------------------------------------------------------------------------------------ */

/* Memory of a stack whose codec, and window (0: unknown), are settled. */
static uint64_t stack_bytes(wr_codec codec, uint64_t window_bytes)
{
    uint64_t            bytes = wr_carve_bytes(sizeof(raw_input));
    const wr_codec_ops *ops;

    if (codec == WR_CODEC_NONE)
        return bytes;
    ops = wr_codec_ops_of(codec);
    return bytes + wr_codec_input_bytes(ops, window_bytes ? window_bytes : ops->window_default);
}

uint64_t wr_input_lease_min(wr_codec codec)
{
    uint64_t gzip_bytes, zstd_bytes;

    if (codec != WR_CODEC_AUTO)
        return stack_bytes(codec, 0);
    gzip_bytes = stack_bytes(WR_CODEC_GZIP, 0);
    zstd_bytes = stack_bytes(WR_CODEC_ZSTD, 0);
    return gzip_bytes > zstd_bytes ? gzip_bytes : zstd_bytes;
}

wr_status wr_input_probe(wr_text path, wr_codec codec, const void *head, size_t head_bytes,
                         uint64_t *out_bytes, wr_error *err)
{
    if (codec == WR_CODEC_AUTO)
        codec = wr_codec_detect(path, head, head_bytes);
    WR_TRY(wr_codec_require(codec, err));
    *out_bytes = stack_bytes(codec, codec == WR_CODEC_NONE
                                        ? 0
                                        : wr_codec_ops_of(codec)->window(head, head_bytes));
    return WR_OK;
}

static wr_status raise_window(const raw_input *start, const wr_codec_ops *ops, uint64_t window_bytes,
                              uint64_t need_bytes, const wr_lease *lease, wr_error *err)
{
    uint32_t page_bytes = wr_arena_page_size(lease->arena);
    uint32_t left = wr_arena_pages_ungranted(lease->arena) + lease->pages_granted - lease->pages_used;
    uint32_t needed = wr_pages_for(need_bytes + WR_BUMP_HEAD_BYTES, page_bytes);
    uint64_t missing_bytes = (uint64_t)(needed > left ? needed - left : 1) * page_bytes;
    char     window[32], need[32], missing[32];

    return WR_RAISE(err, WR_NO_MEMORY,
                    "'%.*s': %s: a window of %s takes %s of memory: raise the memory cap by at least "
                    "%s, or compress again with a smaller window",
                    WR_TEXT_ARG(start->reader->path), ops->name,
                    wr_text_format_bytes(window_bytes, window, sizeof window),
                    wr_text_format_bytes(need_bytes, need, sizeof need),
                    wr_text_format_bytes(missing_bytes, missing, sizeof missing));
}

/* A codec between the file and what comes above. */
static wr_status open_codec(const raw_input *start, wr_codec codec, wr_bump *bump,
                            wr_input **out_input, wr_error *err)
{
    const wr_codec_ops *ops = wr_codec_ops_of(codec);
    wr_text             path = start->reader->path;
    uint64_t            window_bytes = ops->window(start->head, start->head_end);
    wr_carver           carver;
    raw_input          *raw;

    if (window_bytes == 0)
        window_bytes = ops->window_default;
    if (wr_carver_init(&carver, bump, stack_bytes(codec, window_bytes), NULL) != WR_OK)
        return raise_window(start, ops, window_bytes, stack_bytes(codec, window_bytes), bump->lease,
                            err);
    raw = wr_carve(&carver, sizeof *raw);
    *raw = *start;
    return wr_codec_input_init(codec, &raw->base, path, window_bytes, &carver, bump, out_input, err);
}

wr_status wr_input_open(wr_fs_reader *reader, wr_codec codec, wr_bump *bump, wr_input **out_input,
                        wr_error *err)
{
    raw_input  start = {.base.ops = &RAW_INPUT, .reader = reader};
    raw_input *raw;

    start.base.total_bytes = reader->info.bytes;
    if (codec != WR_CODEC_NONE)
        WR_TRY(read_head(&start, err));
    if (codec == WR_CODEC_AUTO)
        codec = wr_codec_detect(reader->path, start.head, start.head_end);
    WR_TRY(wr_codec_require(codec, err));
    if (codec != WR_CODEC_NONE)
        return open_codec(&start, codec, bump, out_input, err);
    raw = wr_bump_alloc(bump, wr_carve_bytes(sizeof *raw), err);
    if (!raw)
        return WR_NO_MEMORY;
    *raw = start;
    *out_input = &raw->base;
    return WR_OK;
}

static wr_status find_plain(wr_fs_reader *reader, const wr_input_want *want, bool *out_plain,
                            wr_error *err)
{
    uint8_t  head[WR_CODEC_HEAD_BYTES];
    size_t   head_bytes = 0;
    wr_codec codec = want->codec;

    *out_plain = false;
    if (!reader->info.seekable || want->encoding != WR_ENCODING_UTF8)
        return WR_OK;
    if (codec == WR_CODEC_AUTO) {
        WR_TRY(reader->ops->read_at(reader, 0, head, sizeof head, &head_bytes, err));
        codec = wr_codec_detect(reader->path, head, head_bytes);
    }
    *out_plain = codec == WR_CODEC_NONE;
    return WR_OK;
}

wr_status wr_input_open_file(wr_fs_reader *reader, const wr_input_want *want, wr_bump *bump,
                             wr_input **out_input, bool *out_plain, wr_error *err)
{
    wr_input *input;
    wr_status status = find_plain(reader, want, out_plain, err);

    *out_input = NULL;
    if (status == WR_OK && want->random_format && !*out_plain)
        status = WR_RAISE(err, WR_UNSUPPORTED, "'%.*s' is a stream or compressed as a whole, but a "
                          "%s file is read at any place: make it a plain file first",
                          WR_TEXT_ARG(reader->path), want->random_format);
    if (status == WR_OK && !want->random_format)
        status = wr_input_open(reader, want->codec, bump, &input, err);
    if (status != WR_OK)
        reader->ops->close(reader);
    if (status != WR_OK || want->random_format)
        return status;
    status = wr_input_transcode(input, reader->path, want->encoding, bump, out_input, err);
    if (status != WR_OK)
        wr_input_close(input);
    return status;
}

wr_status wr_input_read_full(wr_input *input, void *buffer, size_t bytes, size_t *out_bytes,
                             wr_error *err)
{
    size_t used = 0;

    while (used < bytes) {
        size_t got = 0;

        WR_TRY(input->ops->read(input, (uint8_t *)buffer + used, bytes - used, &got, err));
        if (got == 0)
            break;
        used += got;
    }
    *out_bytes = used;
    return WR_OK;
}
