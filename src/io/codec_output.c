/* codec_output.c — a compressed file as an output: one frame, whatever the codec. */
#include "io_priv.h"

typedef struct codec_output {
    wr_output           base;
    wr_fs_writer       *writer;
    const wr_codec_ops *ops;
    void               *state;
    uint8_t            *buffer; /* WR_CODEC_BUFFER_BYTES */
} codec_output;

/* Push what the encoder has into the file; to finish, until the frame has ended. */
static wr_status run_encoder(codec_output *self, wr_codec_io *io, bool finish, wr_error *err)
{
    wr_codec_flow flow;

    do {
        size_t used;

        io->out = self->buffer;
        io->out_bytes = WR_CODEC_BUFFER_BYTES;
        flow = self->ops->encode(self->state, io, finish);
        if (flow == WR_CODEC_DAMAGED)
            return WR_RAISE(err, WR_BUG, "%s encoder: %s", self->ops->name, io->what);
        used = WR_CODEC_BUFFER_BYTES - io->out_bytes;
        if (used > 0)
            WR_TRY(self->writer->ops->write(self->writer, self->buffer, used, err));
    } while (io->in_bytes > 0 || (finish && flow != WR_CODEC_END));
    return WR_OK;
}

static wr_status codec_write(wr_output *output, const void *bytes, size_t byte_count, wr_error *err)
{
    wr_codec_io io = {.in = bytes, .in_bytes = byte_count};

    output->offset += byte_count;
    return byte_count ? run_encoder((codec_output *)output, &io, false, err) : WR_OK;
}

static wr_status codec_commit(wr_output *output, wr_error *err)
{
    codec_output *self = (codec_output *)output;
    wr_codec_io   io = {.in = self->buffer};

    WR_TRY(run_encoder(self, &io, true, err));
    return self->writer->ops->commit(self->writer, err);
}

static void codec_close(wr_output *output)
{
    codec_output *self = (codec_output *)output;

    self->writer->ops->close(self->writer);
}

static const struct wr_output_ops CODEC_OUTPUT = {
    .write = codec_write,
    .commit = codec_commit,
    .close = codec_close,
};

uint64_t wr_codec_output_bytes(const wr_codec_ops *ops, int level)
{
    return wr_carve_bytes(sizeof(codec_output)) + WR_CODEC_BUFFER_BYTES +
           wr_carve_bytes(ops->encoder_bytes(level));
}

wr_status wr_codec_output_open(const wr_codec_ops *ops, int level, wr_fs_writer *writer,
                               wr_bump *bump, wr_output **out_output, wr_error *err)
{
    codec_output *self;
    wr_carver     carver;

    WR_TRY(wr_codec_level(ops, level, &level, err));
    WR_TRY(wr_carver_init(&carver, bump, wr_codec_output_bytes(ops, level), err));
    self = wr_carve(&carver, sizeof *self);
    self->base.ops = &CODEC_OUTPUT;
    self->writer = writer;
    self->ops = ops;
    self->buffer = wr_carve(&carver, WR_CODEC_BUFFER_BYTES);
    self->state = wr_carve(&carver, ops->encoder_bytes(level));
    ops->encoder_init(self->state, level);
    *out_output = &self->base;
    return WR_OK;
}
