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
    uint32_t          first;    /* node of the message */
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
    for (uint32_t n = w->first; n < w->first + w->shape.node_count; n++) {
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
    const ar_sizes *sizes = &w->shared->sizes;
    uint32_t      node = 0;

    wr_ar_put_reset(p, sizes->node_count);
    WR_TRY(wr_ar_put_begin(p, sizes->node_count, err));
    for (uint32_t c = 0; node < sizes->column_nodes; c++) {
        const ar_out_node  *n = &w->shared->nodes[node];
        const ar_long_cell *cell = &w->block->long_row[c];
        const wr_str       *text = (const wr_str *)(const void *)cell->cell;
        wr_vector_view      view = {.data = cell->cell};
        wr_packed           packed;

        if (cell->is_null) {
            WR_TRY(wr_ar_put_nulls(p, node, 1, err));
        } else if (wr_type_is_nested(n->type)) {
            WR_TRY(wr_ar_put_nested(p, node, text, err));
        } else if (wr_type_is_text(n->type)) {
            bool is_coded = n->put == AR_PUT_CODES;

            packed = wr_packed_of(text);
            WR_TRY(wr_ar_put_text(p, is_coded ? sizes->column_nodes + n->coding : node, &packed, err));
            if (is_coded)
                WR_TRY(wr_ar_put_code(p, node, cell->code, err));
        } else {
            WR_TRY(wr_ar_put_values(p, node, &view, &one, err));
        }
        node = n->end;
    }
    return wr_ar_put_end(p, sizes->node_count, err);
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

static wr_status note_block(ar_block_list *list, uint64_t begin, uint64_t meta_bytes, uint64_t body_bytes,
                            wr_error *err)
{
    uint64_t block[3] = {begin, meta_bytes, body_bytes};

    list->count++;
    return wr_long_writer_add(&list->writer, block, sizeof block, err);
}

/* A message with its body; `list` NULL: nobody needs to know where. */
static wr_status write_message(writing *w, ar_block_list *list, wr_error *err)
{
    ar_writer *writer = &w->shared->writer;
    uint64_t   begin = writer->at, body_bytes = 0, at = 0;
    uint8_t    which[AR_OUT_BUFFERS];

    w->shape.buffer_count = 0;
    for (uint32_t n = w->first; n < w->first + w->shape.node_count; n++)
        w->shape.buffer_count += wr_ar_out_buffers(&w->shared->nodes[n], which);
    WR_TRY(each_buffer(w, &body_bytes, NULL, err));
    wr_ar_put_message_head(writer, &w->shape, body_bytes);
    for (uint32_t n = w->first; n < w->first + w->shape.node_count; n++)
        wr_ar_put_message_node(writer, w->buffers[n].count, w->buffers[n].null_count);
    wr_ar_put_message_middle(writer, &w->shape);
    WR_TRY(each_buffer(w, &at, put_place, err));
    wr_ar_put_message_tail(writer, &w->shape, begin);
    if (list)
        WR_TRY(note_block(list, begin, writer->at - begin, body_bytes, err));
    at = 0;
    return each_buffer(w, &at, put_buffer, err);
}

/* Values of dictionaries that are new with the block; all of them before the first one. */
static wr_status write_dictionaries(const writing *block, ar_block_list *list, wr_error *err)
{
    const ar_sizes *sizes = &block->shared->sizes;
    bool           *is_written = block->shared->is_written;

    for (uint32_t c = 0; c < sizes->coding_count; c++) {
        writing w = *block;

        w.first = sizes->column_nodes + c;
        w.shape = (ar_message_shape){.rows = w.buffers[w.first].count, .node_count = 1, .codec = w.shape.codec,
                                     .is_dictionary = true, .dictionary = c,
                                     .is_delta = is_written[c] && !w.block->replaces[c]};
        if (w.shape.rows > 0 || !w.shape.is_delta)
            WR_TRY(write_message(&w, list, err));
        is_written[c] = true;
    }
    return WR_OK;
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
    bool                    is_file = options->layout == AR_LAYOUT_FILE;
    writing                 w = {.shared = shared, .block = block_p};

    w.buffers = w.block->is_long ? shared->walker.buffers : w.block->buffers;
    w.shape = (ar_message_shape){.rows = w.block->rows, .node_count = shared->sizes.column_nodes,
                                 .codec = wr_ar_write_codec(options)};
    shared->walker.mode = AR_MODE_COUNT;
    if (w.block->is_long)
        WR_TRY(walk_row(&w, err));
    open_writer(shared, output, err);
    WR_TRY(write_dictionaries(&w, is_file ? &shared->dictionaries : NULL, err));
    WR_TRY(write_message(&w, is_file ? &shared->batches : NULL, err));
    w.block->rows = 0;
    return wr_ar_flush(&shared->writer);
}

static ar_out_schema schema_of(const wr_write_request *request, const ar_shared *shared)
{
    const ar_write_options *options = request->options;

    return (ar_out_schema){request->schema, shared->nodes, options->large_offsets};
}

wr_status wr_ar_begin(const wr_write_request *request, void *shared_p, wr_output *output, wr_error *err)
{
    const ar_write_options *options = request->options;
    ar_shared              *shared = shared_p;
    ar_writer              *writer = &shared->writer;
    ar_out_schema           schema = schema_of(request, shared);

    open_writer(shared, output, err);
    wr_long_writer_begin(&shared->batches.writer);
    if (shared->sizes.coding_count > 0)
        wr_long_writer_begin(&shared->dictionaries.writer);
    if (options->layout == AR_LAYOUT_FILE) {
        wr_ar_put_bytes(writer, AR_MAGIC, AR_MAGIC_BYTES);
        wr_ar_put_zeros(writer, AR_HEAD_BYTES - AR_MAGIC_BYTES);
    }
    wr_ar_put_schema(writer, &schema);
    return wr_ar_flush(writer);
}

static wr_status end_list(ar_block_list *list, wr_error *err)
{
    return list->count > 0 ? wr_long_writer_end(&list->writer, &list->blob, err) : WR_OK;
}

wr_status wr_ar_end(const wr_write_request *request, void *shared_p, void *encoder, wr_output *output,
                    wr_error *err)
{
    static const uint8_t    END[AR_PREFIX_BYTES] = {0xff, 0xff, 0xff, 0xff};
    const ar_write_options *options = request->options;
    ar_shared              *shared = shared_p;
    ar_out_schema           schema = schema_of(request, shared);

    (void)encoder;
    open_writer(shared, output, err);
    wr_ar_put_bytes(&shared->writer, END, sizeof END);
    if (options->layout == AR_LAYOUT_FILE) {
        WR_TRY(end_list(&shared->batches, err));
        WR_TRY(end_list(&shared->dictionaries, err));
        wr_ar_put_footer(&shared->writer, &schema, &shared->dictionaries, &shared->batches);
    }
    return wr_ar_flush(&shared->writer);
}
