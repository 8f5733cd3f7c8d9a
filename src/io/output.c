/* output.c — the bottom of every stack of outputs: bytes go straight to the file writer. */
#include "io/output.h"

#include "io_priv.h"

typedef struct raw_output {
    wr_output     base;
    wr_fs_writer *writer;
} raw_output;

static wr_status raw_write(wr_output *output, const void *bytes, size_t byte_count, wr_error *err)
{
    raw_output *raw = (raw_output *)output;

    output->offset += byte_count;
    return raw->writer->ops->write(raw->writer, bytes, byte_count, err);
}

static wr_status raw_commit(wr_output *output, wr_error *err)
{
    raw_output *raw = (raw_output *)output;

    return raw->writer->ops->commit(raw->writer, err);
}

static void raw_close(wr_output *output)
{
    raw_output *raw = (raw_output *)output;

    raw->writer->ops->close(raw->writer);
}

static const struct wr_output_ops RAW_OUTPUT = {
    .write = raw_write,
    .commit = raw_commit,
    .close = raw_close,
};

uint64_t wr_output_lease_min(wr_codec codec)
{
    switch (codec) {
    case WR_CODEC_NONE:
        return sizeof(raw_output);
    case WR_CODEC_GZIP:
        return wr_gzip_output_bytes();
    case WR_CODEC_AUTO:
    case WR_CODEC_ZSTD:
        return wr_zstd_output_bytes();
    }
    WR_UNREACHABLE();
}

wr_status wr_output_open(wr_fs_writer *writer, wr_codec codec, int level, wr_bump *bump,
                         wr_output **out_output, wr_error *err)
{
    raw_output *raw;

    if (codec == WR_CODEC_AUTO)
        codec = wr_codec_detect(writer->path, NULL, 0);
    switch (codec) {
    case WR_CODEC_GZIP:
        return wr_gzip_output_open(writer, level, bump, out_output, err);
    case WR_CODEC_ZSTD:
        return wr_zstd_output_open(writer, level, bump, out_output, err);
    case WR_CODEC_AUTO:
    case WR_CODEC_NONE:
        raw = WR_BUMP_NEW(bump, raw_output, err);
        if (!raw)
            return WR_NO_MEMORY;
        raw->base.ops = &RAW_OUTPUT;
        raw->writer = writer;
        *out_output = &raw->base;
        return WR_OK;
    }
    WR_UNREACHABLE();
}
