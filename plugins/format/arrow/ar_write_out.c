/* ar_write_out.c — blocks to compressed buffers, and to messages in the output.
 *
 * A buffer is compressed in its place: what it becomes is shorter, or it stays as it is.
 * Cost: the codec's, and a copy. */
#include "ar_write.h"

enum { ENCODE_BYTES = 128 << 10 /* at a time, at least */ };

/* ---- Encoding ----------------------------------------------------------------------------------- */

static void encoder_layout(const wr_write_request *request, ar_encoder *encoder, void **out_workspace,
                           wr_carver *carver)
{
    const ar_write_options *options = request->options;
    wr_codec                codec = wr_ar_write_codec(options);
    uint64_t                bytes = wr_ar_sizes(request).pool_bytes;

    *out_workspace = NULL;
    if (codec == WR_CODEC_NONE)
        return;
    *out_workspace =
        wr_carve(carver, wr_block_encoder_lease_min(codec, wr_ar_write_level(options), bytes));
    encoder->raw = wr_carve(carver, bytes);
    encoder->stored_room = wr_block_bound(codec, bytes);
    encoder->stored = wr_carve(carver, encoder->stored_room);
}

uint64_t wr_ar_encoder_bytes(const wr_write_request *request)
{
    wr_carver  carver = {0};
    ar_encoder encoder;
    void      *workspace;

    encoder_layout(request, &encoder, &workspace, &carver);
    return carver.used;
}

wr_status wr_ar_encoder_init(const wr_write_request *request, void *encoder_p, wr_bump *bump, wr_error *err)
{
    const ar_write_options *options = request->options;
    ar_encoder             *encoder = encoder_p;
    wr_codec                codec = wr_ar_write_codec(options);
    wr_carver               carver;
    void                   *workspace;

    WR_TRY(wr_carver_init(&carver, bump, wr_ar_encoder_bytes(request), err));
    encoder_layout(request, encoder, &workspace, &carver);
    if (workspace)
        encoder->codec = wr_block_encoder_init(codec, wr_ar_write_level(options),
                                               wr_ar_sizes(request).pool_bytes, workspace);
    return WR_OK;
}

/* Copy `count` bytes of a chain to `raw`, or (to_chain) over its begin from there. */
static void move_bytes(const ar_shared *shared, ar_out_block *block, const ar_chain *chain, uint8_t *raw,
                       uint64_t count, bool to_chain)
{
    uint32_t piece_bytes = shared->sizes.piece_bytes;

    for (uint32_t piece = chain->first; count > 0; piece = block->next[piece]) {
        uint64_t now = count < piece_bytes ? count : piece_bytes;
        uint8_t *at = block->pieces + (size_t)piece * piece_bytes;

        memcpy(to_chain ? at : raw, to_chain ? raw : at, now);
        raw += now;
        count -= now;
    }
}

/* Bytes of a buffer that are written: none, if there is no NULL. */
static uint64_t raw_bytes(const ar_out_buffers *buffers, uint32_t which)
{
    return which == AR_OUT_VALIDITY && buffers->null_count == 0 ? 0 : buffers->chains[which].byte_count;
}

static wr_status compress(const ar_shared *shared, ar_out_block *block, ar_encoder *encoder,
                          const ar_chain *chain, uint64_t raw, uint64_t *out_stored, wr_error *err)
{
    size_t bytes;

    *out_stored = UINT64_MAX;
    if (raw == 0)
        return WR_OK;
    move_bytes(shared, block, chain, encoder->raw, raw, false);
    WR_TRY(wr_block_encode(encoder->codec, encoder->raw, raw, encoder->stored, encoder->stored_room, &bytes,
                           err));
    if (bytes >= raw)
        return WR_OK;
    move_bytes(shared, block, chain, encoder->stored, bytes, true);
    *out_stored = bytes;
    return WR_OK;
}

/* The bits that are not a whole byte yet. */
static wr_status end_bits(const ar_shared *shared, ar_out_block *block, wr_error *err)
{
    ar_putter p = {.nodes = shared->nodes, .buffers = block->buffers, .pieces = block->pieces,
                   .next = block->next, .piece_bytes = shared->sizes.piece_bytes,
                   .piece_count = shared->sizes.piece_count, .piece_next = block->piece_next};

    WR_TRY(wr_ar_put_end(&p, shared->sizes.node_count, err));
    wr_assert(!p.is_full, "there is room for the last bits");
    return WR_OK;
}

wr_status wr_ar_encode(const wr_write_request *request, void *shared_p, void *block_p, void *encoder_p,
                       bool *out_more, wr_error *err)
{
    const ar_shared *shared = shared_p;
    ar_out_block    *block = block_p;
    ar_encoder      *encoder = encoder_p;
    uint32_t         count = encoder->codec ? shared->sizes.node_count * AR_OUT_BUFFERS : 0;
    uint64_t         sum = 0;

    (void)request;
    if (block->is_long)
        return WR_OK;
    if (block->encoded == 0)
        WR_TRY(end_bits(shared, block, err));
    while (block->encoded < count && sum < ENCODE_BYTES) {
        const ar_out_buffers *buffers = &block->buffers[block->encoded / AR_OUT_BUFFERS];
        uint32_t              which = block->encoded % AR_OUT_BUFFERS;
        uint64_t              raw = raw_bytes(buffers, which);

        WR_TRY(compress(shared, block, encoder, &buffers->chains[which], raw,
                        &block->stored[block->encoded++], err));
        sum += raw;
    }
    *out_more = block->encoded < count;
    return WR_OK;
}

/* ---- Messages ----------------------------------------------------------------------------------- */

/* What is being written. */
typedef struct writing {
    ar_shared        *shared;
    ar_out_block     *block;
    ar_out_buffers   *buffers;  /* of the block, or as they were counted */
    ar_message_shape  shape;
} writing;

static uint64_t stored_bytes(const writing *w, uint32_t n, uint32_t which)
{
    uint64_t raw = raw_bytes(&w->buffers[n], which), stored;

    if (raw == 0 || w->shape.codec == WR_CODEC_NONE)
        return raw;
    stored = w->block->is_long ? UINT64_MAX : w->block->stored[n * AR_OUT_BUFFERS + which];
    return AR_RAW_PREFIX_BYTES + (stored == UINT64_MAX ? raw : stored);
}

static uint64_t padded(uint64_t bytes)
{
    return wr_round_up(bytes, AR_BODY_ALIGNMENT);
}

/* All buffers, in order: places, or (visit NULL) the sum of their bytes. */
static wr_status each_buffer(const writing *w, uint64_t *io_at,
                             wr_status (*visit)(const writing *w, uint32_t n, uint32_t which, uint64_t at,
                                                wr_error *err),
                             wr_error *err)
{
    for (uint32_t n = 0; n < w->shape.node_count; n++) {
        uint8_t  which[AR_OUT_BUFFERS];
        uint32_t count = wr_ar_out_buffers(&w->shared->nodes[n], which);

        for (uint32_t i = 0; i < count; i++) {
            if (visit)
                WR_TRY(visit(w, n, which[i], *io_at, err));
            *io_at += padded(stored_bytes(w, n, which[i]));
        }
    }
    return WR_OK;
}

static wr_status put_place(const writing *w, uint32_t n, uint32_t which, uint64_t at, wr_error *err)
{
    (void)err;
    wr_ar_put_message_buffer(&w->shared->writer, at, stored_bytes(w, n, which));
    return WR_OK;
}

/* ---- Buffers ------------------------------------------------------------------------------------ */

/* The values of a long row, to be counted or put out. */
static wr_status walk_row(const writing *w, wr_error *err)
{
    ar_putter    *p = &w->shared->walker;
    const ar_span one = {NULL, 0, 1};
    uint32_t      node = 0;

    wr_ar_put_reset(p, w->shape.node_count);
    WR_TRY(wr_ar_put_begin(p, w->shape.node_count, err));
    for (uint32_t c = 0; node < w->shape.node_count; c++) {
        const ar_long_cell *cell = &w->block->long_row[c];
        const wr_str       *text = (const wr_str *)(const void *)cell->cell;
        wr_vector_view      view = {.data = cell->cell};
        wr_packed           packed;

        if (cell->is_null) {
            WR_TRY(wr_ar_put_nulls(p, node, 1, err));
        } else if (wr_type_is_nested(w->shared->nodes[node].type)) {
            WR_TRY(wr_ar_put_nested(p, node, text, err));
        } else if (wr_type_is_text(w->shared->nodes[node].type)) {
            packed = wr_packed_of(text);
            WR_TRY(wr_ar_put_text(p, node, &packed, err));
        } else {
            WR_TRY(wr_ar_put_values(p, node, &view, &one, err));
        }
        node = w->shared->nodes[node].end;
    }
    return wr_ar_put_end(p, w->shape.node_count, err);
}

static wr_status put_walked(const writing *w, uint32_t n, uint32_t which, wr_error *err)
{
    ar_putter *p = &w->shared->walker;
    ar_writer *writer = &w->shared->writer;

    WR_TRY(wr_ar_flush(writer));
    p->mode = AR_MODE_STREAM;
    p->node = n;
    p->which = which;
    p->output = writer->output;
    p->out_used = 0;
    WR_TRY(walk_row(w, err));
    if (p->out_used > 0)
        WR_TRY(p->output->ops->write(p->output, p->out, p->out_used, err));
    writer->at += raw_bytes(&w->buffers[n], which);
    return WR_OK;
}

static wr_status put_buffer(const writing *w, uint32_t n, uint32_t which, uint64_t at, wr_error *err)
{
    ar_writer *writer = &w->shared->writer;
    uint64_t   raw = raw_bytes(&w->buffers[n], which), bytes = stored_bytes(w, n, which), left = bytes;
    uint32_t   piece_bytes = w->shared->sizes.piece_bytes;

    (void)at;
    if (bytes == 0)
        return WR_OK;
    if (w->shape.codec != WR_CODEC_NONE) {
        uint64_t prefix = bytes == raw + AR_RAW_PREFIX_BYTES ? UINT64_MAX : raw;

        wr_ar_put_bytes(writer, &prefix, sizeof prefix);
        left -= sizeof prefix;
    }
    if (w->block->is_long) {
        WR_TRY(put_walked(w, n, which, err));
        left = 0;
    }
    for (uint32_t piece = w->buffers[n].chains[which].first; left > 0; piece = w->block->next[piece]) {
        uint64_t now = left < piece_bytes ? left : piece_bytes;

        wr_ar_put_bytes(writer, w->block->pieces + (size_t)piece * piece_bytes, now);
        left -= now;
    }
    wr_ar_put_zeros(writer, padded(bytes) - bytes);
    return writer->status;
}

/* ---- Writing ------------------------------------------------------------------------------------ */

static wr_status note_block(ar_shared *shared, uint64_t begin, uint64_t meta_bytes, uint64_t body_bytes,
                            wr_error *err)
{
    uint64_t block[3] = {begin, meta_bytes, body_bytes};

    shared->block_count++;
    return wr_long_writer_add(&shared->blocks, block, sizeof block, err);
}

static void open_writer(ar_shared *shared, wr_output *output, wr_error *err)
{
    shared->writer.output = output;
    shared->writer.err = err;
}

wr_status wr_ar_write(const wr_write_request *request, void *shared_p, void *block_p, wr_output *output,
                      wr_error *err)
{
    const ar_write_options *options = request->options;
    ar_shared              *shared = shared_p;
    ar_writer              *writer = &shared->writer;
    writing                 w = {.shared = shared, .block = block_p};
    uint64_t                begin = writer->at, body_bytes = 0, at = 0;
    uint8_t                 which[AR_OUT_BUFFERS];

    w.buffers = w.block->is_long ? shared->walker.buffers : w.block->buffers;
    w.shape = (ar_message_shape){.rows = w.block->rows, .node_count = shared->sizes.node_count,
                                 .codec = wr_ar_write_codec(options)};
    for (uint32_t n = 0; n < w.shape.node_count; n++)
        w.shape.buffer_count += wr_ar_out_buffers(&shared->nodes[n], which);
    shared->walker.mode = AR_MODE_COUNT;
    if (w.block->is_long)
        WR_TRY(walk_row(&w, err));
    open_writer(shared, output, err);
    WR_TRY(each_buffer(&w, &body_bytes, NULL, err));
    wr_ar_put_message_head(writer, &w.shape, body_bytes);
    for (uint32_t n = 0; n < w.shape.node_count; n++)
        wr_ar_put_message_node(writer, w.buffers[n].count, w.buffers[n].null_count);
    wr_ar_put_message_middle(writer, &w.shape);
    WR_TRY(each_buffer(&w, &at, put_place, err));
    wr_ar_put_message_tail(writer, &w.shape, begin);
    if (options->layout == AR_LAYOUT_FILE)
        WR_TRY(note_block(shared, begin, writer->at - begin, body_bytes, err));
    at = 0;
    WR_TRY(each_buffer(&w, &at, put_buffer, err));
    w.block->rows = 0;
    return wr_ar_flush(writer);
}

wr_status wr_ar_begin(const wr_write_request *request, void *shared_p, wr_output *output, wr_error *err)
{
    const ar_write_options *options = request->options;
    ar_shared              *shared = shared_p;
    ar_writer              *writer = &shared->writer;

    open_writer(shared, output, err);
    wr_long_writer_begin(&shared->blocks);
    if (options->layout == AR_LAYOUT_FILE) {
        wr_ar_put_bytes(writer, AR_MAGIC, AR_MAGIC_BYTES);
        wr_ar_put_zeros(writer, AR_HEAD_BYTES - AR_MAGIC_BYTES);
    }
    wr_ar_put_schema(writer, request->schema, options->large_offsets);
    return wr_ar_flush(writer);
}

wr_status wr_ar_end(const wr_write_request *request, void *shared_p, void *encoder, wr_output *output,
                    wr_error *err)
{
    static const uint8_t    END[AR_PREFIX_BYTES] = {0xff, 0xff, 0xff, 0xff};
    const ar_write_options *options = request->options;
    ar_shared              *shared = shared_p;
    wr_blob                 blocks = {0};

    (void)encoder;
    open_writer(shared, output, err);
    wr_ar_put_bytes(&shared->writer, END, sizeof END);
    if (options->layout == AR_LAYOUT_FILE) {
        if (shared->block_count > 0)
            WR_TRY(wr_long_writer_end(&shared->blocks, &blocks, err));
        wr_ar_put_footer(&shared->writer, request->schema, options->large_offsets, &blocks,
                         shared->block_count);
    }
    return wr_ar_flush(&shared->writer);
}
