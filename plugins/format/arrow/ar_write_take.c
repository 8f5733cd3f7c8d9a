/* ar_write_take.c — rows into a block.
 *
 * As many rows as there are left are tried at once; if the pool had no room for them, the buffers go back to
 * where they were, and half as many are tried. So a block ends behind the last row for which there is room,
 * however the rows come. A row for which an empty block has no room is kept aside, value by value. */
#include "ar_write.h"

static ar_span span_of(const wr_batch *batch, uint32_t first, uint32_t count)
{
    const uint16_t *rows = batch->selection.rows;

    return (ar_span){rows ? rows + first : NULL, first, count};
}

static uint32_t position(const wr_vector_view *view, uint32_t row)
{
    return view->index ? view->index[row] : row;
}

/* ---- Rows that fit ------------------------------------------------------------------------------ */

static wr_status put_nested(ar_putter *p, uint32_t node, const wr_vector_view *view, const ar_span *s,
                            wr_error *err)
{
    const wr_str *values = view->data;

    for (uint32_t i = 0; i < s->count && !p->is_full; i++) {
        uint32_t at = position(view, s->rows ? s->rows[i] : s->base + i);
        bool     valid = !view->valid || wr_bit_get(view->valid, at);

        WR_TRY(wr_ar_put_nested(p, node, valid ? &values[at] : NULL, err));
    }
    return WR_OK;
}

static wr_status put_rows(ar_shared *shared, const wr_batch *batch, const ar_span *s, wr_error *err)
{
    ar_putter *p = &shared->putter;
    uint32_t   node = 0;

    for (uint32_t c = 0; c < batch->column_count && !p->is_full; c++) {
        wr_vector_view view = wr_vector_view_of(&batch->columns[c], shared->flat);

        WR_TRY(wr_type_is_nested(shared->nodes[node].type) ? put_nested(p, node, &view, s, err)
                                                           : wr_ar_put_values(p, node, &view, s, err));
        node = shared->nodes[node].end;
    }
    return WR_OK;
}

/* The longest text of a column that is not long. */
static uint32_t short_bytes(const ar_shared *shared, const ar_out_node *node)
{
    uint32_t coding_bytes = shared->sizes.coding_bytes / 2;

    return node->put == AR_PUT_CODES && coding_bytes < shared->sizes.long_bytes ? coding_bytes
                                                                                : shared->sizes.long_bytes;
}

/* Rows before the first one with a text that is long, or on disk. */
static uint32_t count_short(const ar_shared *shared, const wr_batch *batch, uint32_t first, uint32_t count)
{
    uint32_t node = 0;

    for (uint32_t c = 0; c < batch->column_count; node = shared->nodes[node].end, c++) {
        const wr_vector *column = &batch->columns[c];
        uint32_t         bytes_max = short_bytes(shared, &shared->nodes[node]);
        wr_vector_view   view;
        const wr_str    *texts;

        if (wr_type_physical(column->type) != WR_PHYS_STR)
            continue;
        view = wr_vector_view_of(column, NULL);
        texts = view.data;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t at = position(&view, wr_selection_row(&batch->selection, first + i));

            if ((!view.valid || wr_bit_get(view.valid, at)) &&
                (wr_str_is_blob(&texts[at]) || texts[at].byte_count > bytes_max))
                count = i;
        }
    }
    return count;
}

/* Put as many of the rows as there is room for, or somewhat fewer; 0: none of them. */
static wr_status try_rows(ar_shared *shared, ar_out_block *block, const wr_batch *batch, uint32_t first,
                          uint32_t *io_count, wr_error *err)
{
    ar_putter *p = &shared->putter;
    size_t     bytes = shared->sizes.node_count * sizeof(ar_out_buffers);
    uint32_t   piece_next = p->piece_next;

    *io_count = count_short(shared, batch, first, *io_count);
    memcpy(shared->saved, block->buffers, bytes);
    while (*io_count > 0) {
        ar_span s = span_of(batch, first, *io_count);

        wr_ar_codings_save(shared);
        WR_TRY(put_rows(shared, batch, &s, err));
        if (!p->is_full)
            return WR_OK;
        memcpy(block->buffers, shared->saved, bytes);
        wr_ar_codings_restore(shared);
        p->piece_next = piece_next;
        p->is_full = false;
        *io_count /= 2;
    }
    return WR_OK;
}

/* ---- A row that does not ------------------------------------------------------------------------ */

static wr_status keep_text(ar_shared *shared, const wr_str *text, ar_long_cell *out, wr_error *err)
{
    wr_packed       packed = wr_packed_of(text);
    wr_long_writer *writer = &shared->long_writer;
    uint8_t        *piece = shared->putter.stage;
    wr_str          far;

    if (!shared->scratch.ops)
        return WR_RAISE(err, WR_NO_MEMORY, "a value of %llu bytes fits neither memory nor, as there is no "
                        "temporary space, the disk", (unsigned long long)packed.byte_count);
    wr_long_writer_begin(writer);
    for (uint64_t at = 0; at < packed.byte_count;) {
        uint64_t left = packed.byte_count - at, now = left < AR_STAGE_BYTES ? left : AR_STAGE_BYTES;

        WR_TRY(wr_packed_read(&packed, at, piece, now, err));
        WR_TRY(wr_long_writer_add(writer, piece, now, err));
        at += now;
    }
    WR_TRY(wr_long_writer_end(writer, &out->blob, err));
    far = wr_str_of_blob(&out->blob, writer->prefix);
    memcpy(out->cell, &far, sizeof far);
    return WR_OK;
}

static wr_status keep_row(ar_shared *shared, ar_out_block *block, const wr_batch *batch, uint32_t index,
                          wr_error *err)
{
    for (uint32_t c = 0; c < batch->column_count; c++) {
        ar_long_cell  *out = &block->long_row[c];
        wr_physical    physical = wr_type_physical(batch->columns[c].type);
        wr_vector_view view = wr_vector_view_of(&batch->columns[c], shared->flat);
        uint32_t       width = wr_physical_bytes(physical);
        uint32_t       at = position(&view, wr_selection_row(&batch->selection, index));
        const uint8_t *cell = (const uint8_t *)view.data + (size_t)at * width;

        *out = (ar_long_cell){.is_null = view.valid && !wr_bit_get(view.valid, at)};
        if (out->is_null)
            continue;
        memcpy(out->cell, cell, width);
        if (physical == WR_PHYS_STR && !wr_str_is_inline((const wr_str *)(const void *)cell))
            WR_TRY(keep_text(shared, (const wr_str *)(const void *)cell, out, err));
    }
    block->is_long = true;
    block->rows = 1;
    return WR_OK;
}

/* ---- Taking ------------------------------------------------------------------------------------- */

static wr_status open_block(const wr_write_request *request, ar_shared *shared, ar_out_block *block,
                            wr_error *err)
{
    ar_putter *p = &shared->putter;

    p->buffers = block->buffers;
    p->pieces = block->pieces;
    p->next = block->next;
    block->is_long = false;
    block->encoded = 0;
    wr_ar_put_reset(p, shared->sizes.node_count);
    wr_ar_codings_begin(request, shared, block);
    return wr_ar_put_begin(p, shared->sizes.node_count, err);
}

wr_status wr_ar_take(const wr_write_request *request, void *shared_p, void *block_p, const wr_batch *batch,
                     uint32_t *io_next, bool *out_full, wr_error *err)
{
    const ar_write_options *options = request->options;
    ar_shared              *shared = shared_p;
    ar_out_block           *block = block_p;
    bool                    is_forgotten;

    if (block->rows == 0)
        WR_TRY(open_block(request, shared, block, err));
    *out_full = false;
    while (!*out_full && *io_next < wr_batch_rows(batch)) {
        uint64_t room = (uint64_t)options->batch_rows - block->rows;
        uint32_t count = wr_batch_rows(batch) - *io_next;

        count = count < room ? count : (uint32_t)room;
        WR_TRY(try_rows(shared, block, batch, *io_next, &count, err));
        if (count > 0) {
            block->rows += count;
            *io_next += count;
            *out_full = block->rows == (uint64_t)options->batch_rows;
            continue;
        }
        WR_TRY(wr_ar_codings_forget(shared, &is_forgotten, err));
        if (is_forgotten)
            continue;
        *out_full = true;
        if (block->rows > 0)
            break;
        WR_TRY(keep_row(shared, block, batch, *io_next, err));
        WR_TRY(wr_ar_codings_long(request, shared, block, err));
        ++*io_next;
    }
    block->piece_next = shared->putter.piece_next;
    return WR_OK;
}
