/* ar_buffer.c — buffers of a record batch: where they lie, windows on them, decompression.
 *
 * A batch's buffers share the split's pool. What lies in memory is used there. If all the others fit as
 * they are wanted, each gets as much; else those that want little get it and the rest share what is
 * left, as windows. Compressed buffers are decompressed before the first value is read: into memory if they
 * fit, else piece by piece into scratch space. One of them at a time, with one codec's workspace. Those of columns
 * that wait for rows which pass a filter are decompressed when there are some: their windows are there.
 *
 * Invariants
 *  1. No byte behind a buffer's end is read, and no buffer lies outside of its batch's body.
 *  2. Nothing is allocated by what the metadata says but in the pool, which says no.
 * Cost: reads of a window each; the codec's own. */
#include "ar_priv.h"

static uint8_t nothing[1]; /* the window of buffers without a byte: never written */

enum { PIECE_BYTES = 16 << 10, WINDOW_BYTES_MIN = 64, FILL_ROUNDS = 4 };

void *wr_ar_pool_take(ar_pool *pool, uint64_t bytes)
{
    uint64_t at = pool->used;

    bytes = wr_carve_bytes(bytes);
    if (bytes > pool->top - pool->used)
        return NULL;
    pool->used += bytes;
    return pool->bytes + at;
}

wr_status wr_ar_buffer_fill(ar_buffer *buffer, uint64_t offset, uint64_t count, wr_error *err)
{
    uint64_t have;

    if (offset > buffer->source.size || count > buffer->source.size - offset)
        return WR_RAISE(err, WR_CORRUPT, "a buffer of %llu bytes has no byte %llu",
                        (unsigned long long)buffer->source.size, (unsigned long long)(offset + count));
    if (count > buffer->window_bytes)
        return WR_RAISE(err, WR_NO_MEMORY, "%llu bytes are needed at once, and a buffer has a window of "
                        "%llu: a larger cap, or fewer threads", (unsigned long long)count,
                        (unsigned long long)buffer->window_bytes);
    have = buffer->source.size - offset;
    have = have < buffer->window_bytes ? have : buffer->window_bytes;
    buffer->have = 0;
    WR_TRY(wr_ar_source_read(&buffer->source, offset, buffer->window, have, err));
    buffer->at = offset;
    buffer->have = have;
    return WR_OK;
}

/* ---- Metadata ----------------------------------------------------------------------------------- */

typedef struct loading {
    ar_split       *split;
    const ar_batch *batch;
    ar_meta         meta;
    double          share;              /* of the rows that are wanted */
    ar_buffer     **buffers;            /* all of them */
    uint32_t        count;
    uint64_t        variadic_sum;       /* of the views before ... */
    uint32_t        variadic_next;      /* ... this one            */
    uint64_t        stage_bytes, window_max;
} loading;

static const ar_node *node_of(const loading *l, uint32_t n)
{
    return &l->split->file->nodes[n];
}

/* Where the `index`-th buffer lies, and how large it is when decompressed. */
static wr_status place_buffer(loading *l, uint64_t index, ar_buffer *out, wr_error *err)
{
    uint64_t at = l->batch->meta_buffers + index * AR_BUFFER_BYTES, offset, size;

    *out = (ar_buffer){.window = nothing};
    if (index >= l->batch->buffer_count)
        return WR_RAISE(err, WR_CORRUPT, "a record batch has %u buffers, fewer than its columns take",
                        l->batch->buffer_count);
    offset = wr_ar_word(&l->meta, at, 8);
    size = wr_ar_word(&l->meta, at + 8, 8);
    if (l->meta.status != WR_OK)
        return l->meta.status;
    if (offset > l->batch->body.size || size > l->batch->body.size - offset)
        return WR_RAISE(err, WR_CORRUPT, "buffer %llu lies outside of its record batch",
                        (unsigned long long)index);
    out->source = wr_ar_source_part(&l->batch->body, offset, size);
    if (l->batch->codec != WR_CODEC_NONE && size > 0) {
        uint64_t raw_bytes;

        if (size < AR_RAW_PREFIX_BYTES)
            return WR_RAISE(err, WR_CORRUPT, "compressed buffer %llu has %llu bytes",
                            (unsigned long long)index, (unsigned long long)size);
        WR_TRY(wr_ar_source_read(&out->source, 0, &raw_bytes, sizeof raw_bytes, err));
        out->source = wr_ar_source_part(&out->source, AR_RAW_PREFIX_BYTES, size - AR_RAW_PREFIX_BYTES);
        out->is_stored = raw_bytes != UINT64_MAX; /* -1: not compressed */
        out->raw_bytes = raw_bytes;
        if (out->is_stored && raw_bytes > INT64_MAX)
            return WR_RAISE(err, WR_CORRUPT, "compressed buffer %llu has a negative size",
                            (unsigned long long)index);
        if (out->is_stored && raw_bytes == 0)
            *out = (ar_buffer){.window = nothing};
        if (out->is_stored)
            size = raw_bytes;
    }
    out->wanted = (uint64_t)((double)size * l->share) + 4096;
    out->wanted = out->wanted < size ? out->wanted : size;
    out->wanted = out->wanted < l->window_max ? out->wanted : l->window_max;
    return WR_OK;
}

/* Buffers of views before this node's, which its own come behind. */
static wr_status count_variadic(loading *l, uint32_t variadic, wr_error *err)
{
    if (variadic < l->variadic_next)
        l->variadic_next = 0, l->variadic_sum = 0;
    if (variadic > l->batch->variadic_count)
        return WR_RAISE(err, WR_CORRUPT, "a record batch has fewer counts of buffers than views");
    for (; l->variadic_next < variadic; l->variadic_next++)
        l->variadic_sum += wr_ar_word(&l->meta, l->batch->meta_variadic + 8 * (uint64_t)l->variadic_next, 8);
    if (l->variadic_sum > l->batch->buffer_count)
        return WR_RAISE(err, WR_CORRUPT, "a record batch has fewer buffers than its views");
    return l->meta.status;
}

static wr_status place_views(loading *l, const ar_node *node, ar_cursor *cursor, wr_error *err)
{
    uint64_t first = node->first_buffer + l->variadic_sum + 2, count;

    if (node->variadic >= l->batch->variadic_count)
        return WR_RAISE(err, WR_CORRUPT, "a record batch has fewer counts of buffers than views");
    count = wr_ar_word(&l->meta, l->batch->meta_variadic + 8 * (uint64_t)node->variadic, 8);
    if (count > l->batch->buffer_count)
        return WR_RAISE(err, WR_CORRUPT, "a record batch has fewer buffers than its views");
    cursor->data = wr_ar_pool_take(&l->split->pool, count * sizeof(ar_buffer));
    if (!cursor->data)
        return WR_RAISE(err, WR_NO_MEMORY, "views of %llu buffers: %llu bytes are set aside for all of a "
                        "record batch: a larger cap, or fewer threads", (unsigned long long)count,
                        (unsigned long long)l->split->pool.size);
    cursor->data_count = (uint32_t)count;
    for (uint32_t i = 0; i < cursor->data_count; i++)
        WR_TRY(place_buffer(l, first + i, &cursor->data[i], err));
    return WR_OK;
}

static const uint8_t BUFFERS[] = {
    [AR_KIND_BITS] = 1, [AR_KIND_FIXED] = 1, [AR_KIND_TEXT] = 2, [AR_KIND_VIEW] = 1,
    [AR_KIND_FIXED_TEXT] = 1, [AR_KIND_LIST] = 1, [AR_KIND_LIST_VIEW] = 2, [AR_KIND_UNION] = 1,
    [AR_KIND_DICTIONARY] = 1, [AR_KIND_RUNS] = 0, [AR_KIND_NULL] = 0, [AR_KIND_STRUCT] = 0,
};

/* Of a union, the types come before the offsets. */
static uint32_t own_buffers(const ar_node *node)
{
    return BUFFERS[node->kind] + (node->kind == AR_KIND_UNION && node->is_dense);
}

static wr_status place_node(loading *l, uint32_t n, wr_error *err)
{
    const ar_node *node = node_of(l, n);
    ar_cursor     *cursor = &l->split->cursors[n];
    uint64_t       at = l->batch->meta_nodes + (uint64_t)node->field_node * AR_NODE_BYTES, first, nulls;

    if (node->field_node >= l->batch->node_count)
        return WR_RAISE(err, WR_CORRUPT, "a record batch has %u columns and parts of columns, fewer than "
                        "the schema", l->batch->node_count);
    cursor->length = wr_ar_word(&l->meta, at, 8);
    nulls = wr_ar_word(&l->meta, at + 8, 8);
    cursor->data = NULL;
    cursor->data_count = 0;
    cursor->run_begin = cursor->run_end = 0;
    for (uint32_t i = 0; i < AR_BUFFERS; i++)
        cursor->buffers[i] = (ar_buffer){.window = nothing};
    if (l->meta.status != WR_OK)
        return l->meta.status;
    if (cursor->length > INT64_MAX / 64 || cursor->length > INT64_MAX / (node->stored_bytes + 1ull))
        return WR_RAISE(err, WR_CORRUPT, "a column has a negative number of values");
    WR_TRY(count_variadic(l, node->variadic, err));
    first = node->first_buffer + l->variadic_sum;
    if (node->has_validity && nulls != 0)
        WR_TRY(place_buffer(l, first, &cursor->buffers[AR_VALIDITY], err));
    if (nulls != 0 && nulls <= INT64_MAX && node->has_validity && cursor->buffers[AR_VALIDITY].wanted == 0 &&
        cursor->length > 0)
        return WR_RAISE(err, WR_CORRUPT, "a column has NULLs, but does not say where");
    for (uint32_t i = 0; i < own_buffers(node); i++)
        WR_TRY(place_buffer(l, first + node->has_validity + i, &cursor->buffers[AR_DATA + i], err));
    return node->kind == AR_KIND_VIEW ? place_views(l, node, cursor, err) : WR_OK;
}

/* ---- Shares ------------------------------------------------------------------------------------- */

static void note_buffer(loading *l, const ar_cursor *cursor, ar_buffer *buffer)
{
    buffer->is_waiting = cursor->is_waiting;
    if (buffer->wanted > 0)
        l->buffers[l->count++] = buffer;
}

/* The next node of the same batch: the values of a dictionary have another. */
static uint32_t next_node(const ar_split *split, uint32_t n)
{
    const ar_node *node = &split->file->nodes[n];

    return node->kind == AR_KIND_DICTIONARY ? node->end : n + 1;
}

static wr_status collect(loading *l, uint32_t first, uint32_t end, wr_error *err)
{
    uint64_t room = 0;

    for (uint32_t n = first; n < end; n = next_node(l->split, n)) {
        WR_TRY(place_node(l, n, err));
        room += AR_BUFFERS + l->split->cursors[n].data_count;
    }
    l->buffers = wr_ar_pool_take(&l->split->pool, room * sizeof(ar_buffer *));
    if (!l->buffers)
        return WR_RAISE(err, WR_NO_MEMORY, "%llu buffers: %llu bytes are set aside for all of a record "
                        "batch: a larger cap, or fewer threads", (unsigned long long)room,
                        (unsigned long long)l->split->pool.size);
    for (uint32_t n = first; n < end; n = next_node(l->split, n)) {
        ar_cursor *cursor = &l->split->cursors[n];

        for (uint32_t i = 0; i < AR_BUFFERS; i++)
            note_buffer(l, cursor, &cursor->buffers[i]);
        for (uint32_t i = 0; i < cursor->data_count; i++)
            note_buffer(l, cursor, &cursor->data[i]);
    }
    return WR_OK;
}

static uint64_t at_once_bytes(const loading *l, const ar_buffer *buffer)
{
    return wr_block_decoder_lease_min(l->batch->codec, 0) +
           (buffer->source.memory ? 0 : wr_carve_bytes(buffer->source.size)) + 64;
}

static wr_status find_window(const loading *l, const ar_buffer *buffer, uint64_t *out_window, wr_error *err)
{
    uint8_t  head[WR_BLOCK_HEAD_BYTES];
    uint64_t count = buffer->source.size < sizeof head ? buffer->source.size : sizeof head;

    WR_TRY(wr_ar_source_read(&buffer->source, 0, head, count, err));
    *out_window = wr_block_window(l->batch->codec, head, (size_t)count);
    return WR_OK;
}

static uint64_t piecewise_bytes(const loading *l, uint64_t window)
{
    return wr_carve_bytes(wr_block_decoder_lease_min(l->batch->codec, window)) + 2 * PIECE_BYTES;
}

/* Give all buffers that are not in memory windows from `room` bytes. */
static wr_status share_out(const loading *l, uint64_t room, wr_error *err)
{
    uint64_t bound = UINT64_MAX, sum = 0;
    uint32_t large = 0;

    /* The largest window that anybody gets: those that want less leave more to the others. */
    for (int round = 0; round < FILL_ROUNDS; round++) {
        sum = large = 0;
        for (uint32_t i = 0; i < l->count; i++) {
            uint64_t wanted = wr_carve_bytes(l->buffers[i]->wanted + AR_PAD);

            if (l->buffers[i]->source.memory && !l->buffers[i]->is_stored)
                continue;
            if (wanted <= bound)
                sum += wanted;
            else
                large++;
        }
        if (large == 0 && sum <= room)
            break;
        if (round == 0)
            large = l->count, sum = 0;
        bound = sum < room && large ? ((room - sum) / large) & ~(uint64_t)63 : 0;
    }
    if (bound < WINDOW_BYTES_MIN + AR_PAD)
        return WR_RAISE(err, WR_NO_MEMORY, "%u buffers of a record batch share %llu bytes: a larger cap, or "
                        "fewer threads", l->count, (unsigned long long)room);
    for (uint32_t i = 0; i < l->count; i++) {
        ar_buffer *buffer = l->buffers[i];
        uint64_t   bytes = wr_carve_bytes(buffer->wanted + AR_PAD);

        if (buffer->source.memory && !buffer->is_stored)
            continue;
        bytes = bytes < bound ? bytes : bound;
        buffer->window = wr_ar_pool_take(&l->split->pool, bytes);
        wr_assert(buffer->window, "shares are what there is");
        buffer->window_bytes = bytes - AR_PAD;
    }
    return WR_OK;
}

/* What decompressing takes besides: all at once if all fits, else for the largest window. */
static wr_status plan_stage(loading *l, uint64_t room, wr_error *err)
{
    uint64_t sum = 0, stage = 0;
    bool     all_fit = true;

    for (uint32_t i = 0; i < l->count; i++) {
        ar_buffer *buffer = l->buffers[i];

        if (buffer->is_stored) {
            buffer->wanted = buffer->raw_bytes < l->window_max ? buffer->raw_bytes : l->window_max;
            all_fit = all_fit && buffer->raw_bytes <= l->window_max;
            stage = stage > at_once_bytes(l, buffer) ? stage : at_once_bytes(l, buffer);
        }
        sum += buffer->source.memory && !buffer->is_stored ? 0 : wr_carve_bytes(buffer->wanted + AR_PAD);
    }
    if (stage == 0 || (all_fit && sum <= room && stage <= room - sum)) {
        l->stage_bytes = stage;
        return WR_OK;
    }
    stage = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        uint64_t window = 0;

        if (!l->buffers[i]->is_stored)
            continue;
        WR_TRY(find_window(l, l->buffers[i], &window, err));
        stage = stage > piecewise_bytes(l, window) ? stage : piecewise_bytes(l, window);
    }
    if (stage > room)
        return WR_RAISE(err, WR_NO_MEMORY, "decompressing a buffer takes %llu bytes, of the %llu that are set "
                        "aside for a record batch: a larger cap, or fewer threads",
                        (unsigned long long)stage, (unsigned long long)room);
    l->stage_bytes = stage;
    return WR_OK;
}

/* ---- Decompression ------------------------------------------------------------------------------ */

static wr_status decode_at_once(const loading *l, ar_buffer *buffer, uint8_t *stage, wr_error *err)
{
    uint64_t          workspace = wr_carve_bytes(wr_block_decoder_lease_min(l->batch->codec, 0));
    wr_block_decoder *decoder = wr_block_decoder_init(l->batch->codec, 0, stage);
    const uint8_t    *stored = buffer->source.memory;

    if (!stored) {
        WR_TRY(wr_ar_source_read(&buffer->source, 0, stage + workspace, buffer->source.size, err));
        stored = stage + workspace;
    }
    return wr_block_decode(decoder, stored, buffer->source.size, buffer->window, buffer->raw_bytes, err);
}

/* Through small pieces, into the buffer's window if it holds all, else into scratch space. */
static wr_status decode_pieces(const loading *l, ar_buffer *buffer, uint8_t *stage, bool to_memory,
                               wr_error *err)
{
    wr_long_writer   *writer = &l->split->writer;
    uint8_t          *out = to_memory ? buffer->window : stage + PIECE_BYTES;
    uint64_t          out_bytes = to_memory ? buffer->raw_bytes : PIECE_BYTES, window = 0, next = 0;
    wr_block_piece    piece = {.out = out, .out_bytes = out_bytes};
    wr_block_decoder *decoder;
    bool              done = false;

    WR_TRY(find_window(l, buffer, &window, err));
    decoder = wr_block_decoder_init(l->batch->codec, window, stage + 2 * PIECE_BYTES);
    wr_block_decoder_begin(decoder, buffer->source.size, buffer->raw_bytes);
    while (!done) {
        if (piece.in_bytes == 0 && next < buffer->source.size) {
            uint64_t left = buffer->source.size - next;

            piece.in = stage;
            piece.in_bytes = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
            WR_TRY(wr_ar_source_read(&buffer->source, next, stage, piece.in_bytes, err));
            next += piece.in_bytes;
        }
        WR_TRY(wr_block_decoder_run(decoder, &piece, &done, err));
        if (!done && piece.in_bytes == 0 && next == buffer->source.size && piece.out_bytes > 0)
            return WR_RAISE(err, WR_CORRUPT, "a compressed buffer ends early");
        if (to_memory)
            continue;
        WR_TRY(wr_long_writer_add(writer, out, PIECE_BYTES - piece.out_bytes, err));
        piece.out = out;
        piece.out_bytes = PIECE_BYTES;
    }
    return WR_OK;
}

static wr_status decode_to_scratch(const loading *l, ar_buffer *buffer, uint8_t *stage, wr_error *err)
{
    wr_long_writer *writer = &l->split->writer;

    if (!writer->scratch || !writer->scratch->ops)
        return WR_RAISE(err, WR_NO_MEMORY, "a buffer of %llu bytes fits neither memory nor, as there is no "
                        "temporary space, the disk", (unsigned long long)buffer->raw_bytes);
    if (buffer->raw_bytes > UINT32_MAX)
        return WR_RAISE(err, WR_UNSUPPORTED, "a compressed buffer of %llu bytes, which does not fit memory: "
                        "at most %u", (unsigned long long)buffer->raw_bytes, UINT32_MAX);
    wr_long_writer_begin(writer);
    WR_TRY(decode_pieces(l, buffer, stage, false, err));
    WR_TRY(wr_long_writer_end(writer, &buffer->blob, err));
    buffer->source = (ar_source){.blobs = &buffer->blob, .size = buffer->raw_bytes};
    return WR_OK;
}

static wr_status decode(const loading *l, ar_buffer *buffer, uint8_t *stage, wr_error *err)
{
    if (buffer->raw_bytes > buffer->window_bytes)
        WR_TRY(decode_to_scratch(l, buffer, stage, err));
    else if (at_once_bytes(l, buffer) <= l->stage_bytes)
        WR_TRY(decode_at_once(l, buffer, stage, err));
    else
        WR_TRY(decode_pieces(l, buffer, stage, true, err));
    if (!buffer->source.blobs || buffer->source.blobs != &buffer->blob) {
        buffer->have = buffer->raw_bytes;
        buffer->source = (ar_source){.memory = buffer->window, .size = buffer->raw_bytes};
    }
    buffer->is_stored = false;
    return WR_OK;
}

/* ---- Loading ------------------------------------------------------------------------------------ */

static wr_status fit(loading *l, wr_error *err)
{
    ar_pool *pool = &l->split->pool;
    uint8_t *stage;

    WR_TRY(plan_stage(l, pool->top - pool->used, err));
    pool->top -= wr_carve_bytes(l->stage_bytes);
    stage = pool->bytes + pool->top;
    WR_TRY(share_out(l, pool->top - pool->used, err));
    for (uint32_t i = 0; i < l->count; i++) {
        ar_buffer *buffer = l->buffers[i];

        if (buffer->is_stored && buffer->is_waiting) {
            l->split->is_waiting = true;
        } else if (buffer->is_stored) {
            WR_TRY(decode(l, buffer, stage, err));
        } else if (buffer->source.memory) {
            buffer->window = (uint8_t *)(uintptr_t)buffer->source.memory;
            buffer->have = buffer->window_bytes = buffer->source.size;
        }
    }
    pool->top += wr_carve_bytes(l->stage_bytes);
    l->split->stage_bytes = l->stage_bytes;
    return WR_OK;
}

static wr_status decode_waiting(const loading *l, ar_buffer *buffers, uint32_t count, uint8_t *stage, wr_error *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (buffers[i].is_stored)
            WR_TRY(decode(l, &buffers[i], stage, err));
    return WR_OK;
}

wr_status wr_ar_load_rest(ar_split *split, wr_error *err)
{
    loading  l = {.split = split, .batch = &split->batch, .stage_bytes = split->stage_bytes};
    uint8_t *stage = split->pool.bytes + split->pool.top - wr_carve_bytes(split->stage_bytes);

    for (uint32_t n = 0; split->is_waiting && n < split->file->node_count; n = next_node(split, n)) {
        ar_cursor *cursor = &split->cursors[n];

        WR_TRY(decode_waiting(&l, cursor->buffers, AR_BUFFERS, stage, err));
        WR_TRY(decode_waiting(&l, cursor->data, cursor->data_count, stage, err));
    }
    split->is_waiting = false;
    return WR_OK;
}

wr_status wr_ar_load(ar_split *split, const ar_batch *batch, uint32_t first, uint32_t end, uint64_t rows,
                     uint64_t window_max, wr_error *err)
{
    loading l = {.split = split, .batch = batch, .window_max = window_max,
                 .share = batch->rows ? (double)rows / (double)batch->rows : 1.0};

    wr_ar_meta_open(&l.meta, batch->meta, split->window, AR_META_BYTES, err);
    WR_TRY(collect(&l, first, end, err));
    return fit(&l, err);
}
