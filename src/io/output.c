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

wr_status wr_output_check_level(wr_codec codec, int level, wr_error *err)
{
    if (codec != WR_CODEC_NONE)
        return wr_codec_level(wr_codec_ops_of(codec), level, &level, err);
    return level == 0 ? WR_OK : WR_RAISE(err, WR_INVALID, "without compression there is no level");
}

uint64_t wr_output_lease_min(wr_codec codec, int level)
{
    const wr_codec_ops *ops;

    if (codec == WR_CODEC_NONE)
        return sizeof(raw_output);
    ops = wr_codec_ops_of(codec);
    if (wr_codec_level(ops, level, &level, NULL) != WR_OK)
        level = ops->level_default; /* opening it is refused */
    return wr_codec_output_bytes(ops, level);
}

wr_status wr_output_open(wr_fs_writer *writer, wr_codec codec, int level, wr_bump *bump,
                         wr_output **out_output, wr_error *err)
{
    raw_output *raw;

    if (codec != WR_CODEC_NONE)
        return wr_codec_output_open(wr_codec_ops_of(codec), level, writer, bump, out_output, err);
    raw = WR_BUMP_NEW(bump, raw_output, err);
    if (!raw)
        return WR_NO_MEMORY;
    raw->base.ops = &RAW_OUTPUT;
    raw->writer = writer;
    *out_output = &raw->base;
    return WR_OK;
}
