/* ar_value.c — single values of flat nodes: what nested columns, runs and dictionaries are made of.
 *
 * Invariants: every row is checked against its node's length, every offset against its buffer, every code
 * against its dictionary. Cost: about 10 ns a value. */
#include "ar_priv.h"

#include "kernel/text_utf8.h"

static const ar_node *node_of(const ar_split *split, uint32_t n)
{
    return &split->file->nodes[n];
}

static wr_status raise_row(uint64_t row, uint64_t length, wr_error *err)
{
    return WR_RAISE(err, WR_CORRUPT, "value %llu of a column that has %llu", (unsigned long long)row,
                    (unsigned long long)length);
}

wr_status wr_ar_is_valid(ar_split *split, uint32_t n, uint64_t row, bool *out_valid, wr_error *err)
{
    ar_cursor     *cursor = &split->cursors[n];
    ar_buffer     *validity = &cursor->buffers[AR_VALIDITY];
    const uint8_t *byte;

    *out_valid = true;
    if (WR_UNLIKELY(row >= cursor->length))
        return raise_row(row, cursor->length, err);
    if (validity->wanted == 0)
        return WR_OK;
    WR_TRY(wr_ar_buffer_at(validity, row / 8, 1, &byte, err));
    *out_valid = *byte >> row % 8 & 1;
    return WR_OK;
}

wr_status wr_ar_number_at(ar_buffer *buffer, uint64_t index, bool is_large, uint64_t *out, wr_error *err)
{
    const uint8_t *at;

    WR_TRY(wr_ar_buffer_at(buffer, index * (is_large ? 8 : 4), is_large ? 8 : 4, &at, err));
    *out = is_large ? wr_load_u64(at) : wr_load_u32(at);
    if (*out > (is_large ? INT64_MAX : (uint64_t)INT32_MAX))
        return WR_RAISE(err, WR_CORRUPT, "an offset or a length is negative");
    return WR_OK;
}

wr_status wr_ar_range_at(ar_buffer *offsets, uint64_t row, bool is_large, uint64_t *out_begin,
                         uint64_t *out_end, wr_error *err)
{
    uint32_t       width = is_large ? 8 : 4;
    const uint8_t *at;

    WR_TRY(wr_ar_buffer_at(offsets, row * width, 2 * width, &at, err));
    *out_begin = is_large ? wr_load_u64(at) : wr_load_u32(at);
    *out_end = is_large ? wr_load_u64(at + 8) : wr_load_u32(at + 4);
    if (*out_end < *out_begin || *out_end > (is_large ? INT64_MAX : (uint64_t)INT32_MAX))
        return WR_RAISE(err, WR_CORRUPT, "offsets of values do not ascend: %llu, then %llu",
                        (unsigned long long)*out_begin, (unsigned long long)*out_end);
    return WR_OK;
}

/* ---- Texts -------------------------------------------------------------------------------------- */

/* `count` bytes of a buffer as a text: at hand, or too many for that. */
static wr_status view_text(const ar_node *node, ar_buffer *buffer, uint64_t begin, uint64_t count,
                           ar_cell *out, wr_error *err)
{
    wr_str         text;
    const uint8_t *bytes;

    if (begin > buffer->source.size || count > buffer->source.size - begin || count > UINT32_MAX)
        return WR_RAISE(err, WR_CORRUPT, "a text of %llu bytes at byte %llu lies outside of its buffer",
                        (unsigned long long)count, (unsigned long long)begin);
    out->is_far = count > buffer->window_bytes;
    out->value = out->room;
    if (out->is_far) {
        out->far = wr_ar_source_part(&buffer->source, begin, count);
        return WR_OK;
    }
    WR_TRY(wr_ar_buffer_at(buffer, begin, count, &bytes, err));
    if (node->is_utf8 && !wr_utf8_is_valid(bytes, count))
        return WR_RAISE(err, WR_DATA, "a text is not valid UTF-8: declare the column as Binary");
    text = wr_str_of((const char *)bytes, count);
    memcpy(out->room, &text, sizeof text);
    return WR_OK;
}

static wr_status read_view(ar_split *split, uint32_t n, uint64_t row, ar_cell *out, wr_error *err)
{
    const ar_node *node = node_of(split, n);
    ar_cursor     *cursor = &split->cursors[n];
    const uint8_t *view;
    uint32_t       count, buffer, offset;
    wr_str         text;

    WR_TRY(wr_ar_buffer_at(&cursor->buffers[AR_DATA], row * AR_VIEW_BYTES, AR_VIEW_BYTES, &view, err));
    count = wr_load_u32(view);
    if (count > AR_VIEW_INLINE_BYTES) {
        buffer = wr_load_u32(view + 8);
        offset = wr_load_u32(view + 12);
        if (count > INT32_MAX || buffer >= cursor->data_count)
            return WR_RAISE(err, WR_CORRUPT, "a view of %u bytes in buffer %u of %u", count, buffer,
                            cursor->data_count);
        return view_text(node, &cursor->data[buffer], offset, count, out, err);
    }
    if (node->is_utf8 && !wr_utf8_is_valid(view + 4, count))
        return WR_RAISE(err, WR_DATA, "a text is not valid UTF-8: declare the column as Binary");
    text = wr_str_of((const char *)view + 4, count);
    out->value = out->room;
    memcpy(out->room, &text, sizeof text);
    return WR_OK;
}

/* ---- Values that stand elsewhere ---------------------------------------------------------------- */

wr_status wr_ar_code_read(ar_split *split, uint32_t n, uint64_t row, bool *out_null, uint32_t *out_code,
                          wr_error *err)
{
    const ar_node  *node = node_of(split, n);
    ar_cursor      *cursor = &split->cursors[n];
    const wr_vector *words = &cursor->words.vectors[0];
    const uint8_t  *at;
    uint64_t        code = 0;
    bool            valid;

    *out_code = 0;
    WR_TRY(wr_ar_is_valid(split, n, row, &valid, err));
    *out_null = !valid;
    if (!valid)
        return WR_OK;
    WR_TRY(wr_ar_buffer_at(&cursor->buffers[AR_DATA], row * node->stored_bytes, node->stored_bytes, &at, err));
    memcpy(&code, at, node->stored_bytes);
    if (code >= wr_ar_code_limit(node, cursor->words.count))
        return WR_RAISE(err, WR_CORRUPT, "code %llu of a dictionary of %u values", (unsigned long long)code,
                        cursor->words.count);
    *out_code = (uint32_t)code;
    *out_null = words->valid && !wr_bit_get(words->valid, code);
    return WR_OK;
}

/* The end of a run; it is behind the one before. */
static wr_status read_run_end(ar_split *split, uint32_t n, uint64_t run, uint64_t *out_end, wr_error *err)
{
    const ar_node *node = node_of(split, n);
    ar_cursor     *ends = &split->cursors[n + 1];
    unsigned       unused = 64 - 8 * node->stored_bytes;
    const uint8_t *at;
    uint64_t       word = 0;

    if (run >= ends->length)
        return raise_row(run, ends->length, err);
    WR_TRY(wr_ar_buffer_at(&ends->buffers[AR_DATA], run * node->stored_bytes, node->stored_bytes, &at, err));
    memcpy(&word, at, node->stored_bytes);
    if ((int64_t)(word << unused) <= 0)
        return WR_RAISE(err, WR_CORRUPT, "a run ends before it begins");
    *out_end = word;
    return WR_OK;
}

wr_status wr_ar_run_find(ar_split *split, uint32_t n, uint64_t row, uint64_t *out_run, wr_error *err)
{
    ar_cursor *cursor = &split->cursors[n];
    uint64_t   low = 0, high = split->cursors[n + 1].length, end = 0;

    if (row >= cursor->length)
        return raise_row(row, cursor->length, err);
    if (row >= cursor->run_begin && row < cursor->run_end) {
        *out_run = cursor->run;
        return WR_OK;
    }
    if (row == cursor->run_end && row > 0) { /* usually the next one */
        low = cursor->run + 1;
        WR_TRY(read_run_end(split, n, low, &end, err));
        high = row < end ? low : high;
    }
    while (low < high) { /* the first that ends behind the row */
        uint64_t middle = low + (high - low) / 2;

        WR_TRY(read_run_end(split, n, middle, &end, err));
        if (end > row)
            high = middle;
        else
            low = middle + 1;
    }
    WR_TRY(read_run_end(split, n, low, &end, err));
    if (end <= row)
        return WR_RAISE(err, WR_CORRUPT, "runs do not ascend");
    cursor->run = *out_run = low;
    cursor->run_begin = row;
    cursor->run_end = end;
    return WR_OK;
}

static wr_status read_code(ar_split *split, uint32_t n, uint64_t row, ar_cell *out, wr_error *err)
{
    const wr_vector *words = &split->cursors[n].words.vectors[0];
    uint32_t         width = wr_physical_bytes(wr_type_physical(words->type)), code;
    bool             is_null;

    WR_TRY(wr_ar_code_read(split, n, row, &is_null, &code, err));
    if (!is_null && split->cursors[n].words.is_far)
        return split->cursors[n].words.far ? wr_ar_far_read(split, n, code, out, err)
                                           : wr_ar_cell_read(split, n + 1, code, out, err);
    if (!is_null)
        out->value = (const uint8_t *)words->data + (size_t)code * width;
    return WR_OK;
}

static wr_status read_number(ar_split *split, uint32_t n, uint64_t row, ar_cell *out, wr_error *err)
{
    const ar_node *node = node_of(split, n);
    ar_buffer     *data = &split->cursors[n].buffers[AR_DATA];
    const uint8_t *at;

    out->value = out->room;
    if (node->kind == AR_KIND_BITS) {
        WR_TRY(wr_ar_buffer_at(data, row / 8, 1, &at, err));
        out->room[0] = *at >> row % 8 & 1;
        return WR_OK;
    }
    WR_TRY(wr_ar_buffer_at(data, row * node->stored_bytes, node->stored_bytes, &at, err));
    if (node->convert)
        return node->convert(node, at, 1, out->room, err);
    memcpy(out->room, at, node->stored_bytes);
    return WR_OK;
}

wr_status wr_ar_cell_read(ar_split *split, uint32_t n, uint64_t row, ar_cell *out, wr_error *err)
{
    const ar_node *node = node_of(split, n);
    ar_cursor     *cursor = &split->cursors[n];
    uint64_t       begin, end;
    bool           valid;

    out->value = NULL;
    out->is_far = false;
    while (node->kind == AR_KIND_RUNS) {
        WR_TRY(wr_ar_run_find(split, n, row, &row, err));
        n = split->file->nodes[n + 1].end;
        node = node_of(split, n);
        cursor = &split->cursors[n];
    }
    if (node->kind == AR_KIND_DICTIONARY)
        return read_code(split, n, row, out, err);
    WR_TRY(wr_ar_is_valid(split, n, row, &valid, err));
    if (!valid)
        return WR_OK;
    switch ((ar_kind)node->kind) {
    case AR_KIND_TEXT:
        WR_TRY(wr_ar_range_at(&cursor->buffers[AR_DATA], row, node->is_large, &begin, &end, err));
        return view_text(node, &cursor->buffers[AR_MORE], begin, end - begin, out, err);
    case AR_KIND_FIXED_TEXT:
        return view_text(node, &cursor->buffers[AR_DATA], row * node->stored_bytes, node->stored_bytes, out,
                         err);
    case AR_KIND_VIEW:
        return read_view(split, n, row, out, err);
    case AR_KIND_BITS:
    case AR_KIND_FIXED:
        return read_number(split, n, row, out, err);
    default: /* NULL */
        return WR_OK;
    }
}
