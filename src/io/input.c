/* input.c — the bottom of every stack of inputs, codec detection, samples that are read twice.
 *
 * The raw input has no buffer: bytes go from the reader into the caller's memory. Only the head
 * that detection looked at is kept and handed out first. */
#include "io/input.h"

#include <string.h>

#include "io_priv.h"

const char *const WR_CODEC_NAMES[] = {"auto", "none", "gzip", "zstd", NULL};

enum {
    HEAD_BYTES = 18,               /* the longest zstd frame header                    */
    ZSTD_WINDOW_DEFAULT = 2 << 20, /* what `zstd` without options writes: windowLog 21 */
};

/* ---- The raw input ------------------------------------------------------------------------------ */

typedef struct raw_input {
    wr_input      base;
    wr_fs_reader *reader;
    uint8_t       head[HEAD_BYTES];
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
    while (raw->head_end < HEAD_BYTES) {
        size_t got = 0;

        WR_TRY(raw->reader->ops->read_next(raw->reader, raw->head + raw->head_end,
                                           HEAD_BYTES - raw->head_end, &got, err));
        if (got == 0)
            break;
        raw->head_end += got;
    }
    return WR_OK;
}

/* ---- Detection ---------------------------------------------------------------------------------- */

wr_codec wr_codec_detect(wr_text path, const void *head, size_t head_bytes)
{
    const uint8_t *bytes = head;

    if (head_bytes >= 3 && bytes[0] == 0x1f && bytes[1] == 0x8b && bytes[2] == 8)
        return WR_CODEC_GZIP;
    if (head_bytes >= 4 && bytes[1] == 0xb5 && bytes[2] == 0x2f && bytes[3] == 0xfd &&
        bytes[0] == 0x28)
        return WR_CODEC_ZSTD;
    if (head_bytes >= 4 && (bytes[0] & 0xf0) == 0x50 && bytes[1] == 0x2a && bytes[2] == 0x4d &&
        bytes[3] == 0x18)
        return WR_CODEC_ZSTD; /* a skippable frame */
    if (wr_text_ends_with(path, WR_TEXT(".gz")))
        return WR_CODEC_GZIP;
    if (wr_text_ends_with(path, WR_TEXT(".zst")) || wr_text_ends_with(path, WR_TEXT(".zstd")))
        return WR_CODEC_ZSTD;
    return WR_CODEC_NONE;
}

wr_status wr_input_is_plain(wr_fs_reader *reader, wr_codec codec, bool *out_plain, wr_error *err)
{
    uint8_t head[HEAD_BYTES];
    size_t  head_bytes = 0;

    *out_plain = false;
    if (!reader->info.seekable)
        return WR_OK;
    if (codec == WR_CODEC_AUTO) {
        WR_TRY(reader->ops->read_at(reader, 0, head, sizeof head, &head_bytes, err));
        codec = wr_codec_detect(reader->path, head, head_bytes);
    }
    *out_plain = codec == WR_CODEC_NONE;
    return WR_OK;
}

/* Memory of a stack whose codec, and zstd window (0: unknown), are settled. */
static uint64_t stack_bytes(wr_codec codec, uint64_t window_bytes)
{
    uint64_t bytes = wr_carve_bytes(sizeof(raw_input));

    if (codec == WR_CODEC_GZIP)
        bytes += wr_gzip_input_bytes();
    else if (codec == WR_CODEC_ZSTD)
        bytes += wr_zstd_input_bytes(window_bytes ? window_bytes : ZSTD_WINDOW_DEFAULT);
    return bytes;
}

uint64_t wr_input_lease_min(wr_codec codec)
{
    return stack_bytes(codec == WR_CODEC_AUTO ? WR_CODEC_ZSTD : codec, 0);
}

wr_status wr_input_open(wr_fs_reader *reader, wr_codec codec, wr_bump *bump, wr_input **out_input,
                        wr_error *err)
{
    raw_input  start = {.base.ops = &RAW_INPUT, .reader = reader};
    raw_input *raw;
    wr_carver  carver;
    uint64_t   window_bytes;

    start.base.total_bytes = reader->info.bytes;
    if (codec != WR_CODEC_NONE)
        WR_TRY(read_head(&start, err));
    if (codec == WR_CODEC_AUTO)
        codec = wr_codec_detect(reader->path, start.head, start.head_end);
    window_bytes = codec == WR_CODEC_ZSTD ? wr_zstd_window(start.head, start.head_end) : 0;
    if (window_bytes == 0)
        window_bytes = ZSTD_WINDOW_DEFAULT;
    WR_TRY_WHILE(wr_carver_init(&carver, bump, stack_bytes(codec, window_bytes), err), err,
                 "opening '%.*s' (%s%s)", WR_TEXT_ARG(reader->path), WR_CODEC_NAMES[codec],
                 window_bytes > ZSTD_WINDOW_DEFAULT
                     ? "; its window is larger than usual: raise the memory cap or compress again "
                       "without --long or --ultra"
                     : "");
    raw = wr_carve(&carver, sizeof *raw);
    *raw = start;
    if (codec == WR_CODEC_GZIP)
        return wr_gzip_input_init(&raw->base, reader->path, &carver, out_input, err);
    if (codec == WR_CODEC_ZSTD)
        return wr_zstd_input_init(&raw->base, reader->path, window_bytes, &carver, bump, out_input,
                                  err);
    *out_input = &raw->base;
    return WR_OK;
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
