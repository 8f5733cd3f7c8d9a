/* pq_nested.c — nested columns: levels and values of all leaves to packed values, row by row.
 *
 * Each leaf is a stream of entries: repetition level, definition level, and a value if the latter is the
 * highest. The first leaf below a node tells whether the node's value is NULL, empty, or goes on; the
 * others below it have an entry wherever it has none to tell.
 *
 * Invariants
 *  1. Between rows, the next entry of every leaf of a column has repetition level 0, or there is none.
 *  2. Rows are begun only while half of the column's room is free. A value that fills three quarters of
 *     what is free goes to scratch space, part by part, and its row is the last of the batch.
 * Recursion goes as deep as the type, at most WR_NESTED_DEPTH_MAX.
 * Source: Melnik et al., Dremel (VLDB 2010). Cost: about 10 ns an entry. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"
#include "kernel/text_utf8.h"

/* ---- Streams ------------------------------------------------------------------------------------ */

/* The next entries of a leaf, up to the end of its page. */
static wr_status fill(pq_stream *stream, pq_tools *tools, wr_error *err)
{
    pq_cursor *cursor = stream->cursor;
    uint32_t   count;

    stream->at = stream->count = stream->value_at = 0;
    if (cursor->page_left == 0 && cursor->values_left == 0 && !cursor->has_header)
        return WR_OK;
    WR_TRY(wr_pq_cursor_page(cursor, tools, err));
    count = cursor->page_left < tools->batch_rows ? cursor->page_left : tools->batch_rows;
    for (int kind = 0; kind < 2; kind++) {
        uint8_t *levels = kind ? stream->repetition : stream->definition;
        uint8_t  highest = kind ? cursor->leaf->max_repetition : cursor->leaf->max_definition;
        uint32_t most = 0;

        memset(levels, 0, count);
        if (highest == 0)
            continue;
        WR_TRY(wr_pq_runs_take(kind ? &cursor->repetition : &cursor->definition, count,
                               cursor->codes_room, err));
        for (uint32_t i = 0; i < count; i++) {
            most = cursor->codes_room[i] > most ? cursor->codes_room[i] : most;
            levels[i] = (uint8_t)cursor->codes_room[i];
        }
        if (most > highest)
            return WR_RAISE(err, WR_CORRUPT, "a level of %u where %u is the highest", most, highest);
    }
    stream->count = count;
    stream->value_count = 0;
    for (uint32_t i = 0; i < count; i++)
        stream->value_count += stream->definition[i] == cursor->leaf->max_definition;
    cursor->page_left -= count;
    if (!cursor->leaf->is_text || cursor->mode != PQ_MODE_PLAIN)
        return wr_pq_values_take(cursor, tools, stream->value_count, cursor->data, err);
    return WR_OK;
}

/* Is there an entry? */
static wr_status look(pq_stream *stream, pq_tools *tools, bool *out_any, wr_error *err)
{
    if (stream->at == stream->count)
        WR_TRY(fill(stream, tools, err));
    *out_any = stream->at < stream->count;
    return WR_OK;
}

static wr_status need_entry(pq_stream *stream, pq_tools *tools, wr_error *err)
{
    bool any;

    WR_TRY(look(stream, tools, &any, err));
    return any ? WR_OK : WR_RAISE(err, WR_CORRUPT, "a column chunk has fewer rows than its row group");
}

/* ---- Long values -------------------------------------------------------------------------------- */

/* What a row that is passed over leads to is dropped. */
static wr_status give_away(pq_nested *nested, wr_error *err)
{
    wr_packer *out = nested->out;

    if (nested->skip == 0) {
        if (!nested->is_long)
            WR_TRY(wr_pq_scratch_begin(nested->tools, nested->writer, out->used, err));
        nested->is_long = true;
        WR_TRY(wr_long_writer_add(nested->writer, out->bytes, out->used, err));
    }
    out->given += out->used;
    out->used = 0;
    return WR_OK;
}

/* Lengths and counts that stand in bytes that were given away. */
static wr_status write_late(pq_nested *nested, wr_error *err)
{
    wr_packer_late *late = &nested->late;

    nested->tools->codec = WR_CODEC_AUTO; /* its workspace is taken */
    for (uint32_t i = 0; i < late->count && nested->skip == 0; i++)
        WR_TRY(wr_long_writer_patch(nested->writer, late->places[i], late->values[i], nested->tools->workspace,
                                    err));
    late->count = 0;
    return WR_OK;
}

/* Behind every call of the packer: a quarter of the room is free again. */
WR_ALWAYS_INLINE wr_status go_on(pq_nested *nested, wr_error *err)
{
    if (WR_UNLIKELY(nested->late.count > 0))
        WR_TRY(write_late(nested, err));
    return WR_UNLIKELY(nested->out->used > nested->out->capacity / 4 * 3) ? give_away(nested, err) : WR_OK;
}

/* ---- Values ------------------------------------------------------------------------------------- */

/* Of a text that is packed in one call, with its length and the head of a block that it may begin. */
static uint64_t text_bytes_max(const pq_nested *nested)
{
    return nested->out->capacity / 4 - WR_LENGTH_BYTES - WR_LIST_HEADER_BYTES;
}

/* A text that is not at hand as a whole, or too long for the room, part by part. `bytes` is behind it then. */
static wr_status pack_long_text(pq_nested *nested, pq_bytes *bytes, bool is_utf8, uint32_t length,
                                const wr_pack_target *to, wr_error *err)
{
    uint64_t      most = nested->out->capacity / 4;
    wr_utf8_state utf8 = {0};
    bool          is_valid = true;

    wr_pack_open(to);
    WR_TRY(go_on(nested, err));
    for (uint32_t now; length > 0; length -= now, bytes->at += now) {
        WR_TRY(wr_pq_bytes_fill(bytes, 1, err));
        now = bytes->end - bytes->at < length ? (uint32_t)(bytes->end - bytes->at) : length;
        now = now < most ? now : (uint32_t)most;
        wr_pack_bytes(nested->out, bytes->at, now);
        WR_TRY(go_on(nested, err));
        is_valid = is_valid && (!is_utf8 || wr_utf8_feed(&utf8, bytes->at, now));
    }
    wr_pack_close(to);
    return is_valid && utf8.left == 0 ? WR_OK : wr_pq_raise_utf8(err);
}

/* A text of a dictionary, which was looked at. */
static wr_status pack_word(pq_nested *nested, const wr_str *word, const wr_pack_target *to, wr_error *err)
{
    const uint8_t *at = (const uint8_t *)wr_str_bytes(word);
    pq_bytes       bytes = {.at = at, .end = at + word->byte_count};

    if (word->byte_count > text_bytes_max(nested))
        return pack_long_text(nested, &bytes, false, word->byte_count, to, err);
    wr_pack_cell(to, word);
    return WR_OK;
}

/* The value of the entry at hand. */
static wr_status pack_leaf(pq_nested *nested, pq_stream *stream, uint32_t width, const wr_pack_target *to,
                           wr_error *err)
{
    pq_cursor *cursor = stream->cursor;
    pq_bytes  *bytes = &cursor->values;
    uint32_t   length;
    wr_str     text;

    stream->at++;
    if (!cursor->leaf->is_text || cursor->mode != PQ_MODE_PLAIN) {
        const uint8_t *value = cursor->data + (size_t)stream->value_at++ * width;

        if (cursor->leaf->is_text)
            return pack_word(nested, (const wr_str *)(const void *)value, to, err);
        wr_pack_cell(to, value);
        return WR_OK;
    }
    WR_TRY(wr_pq_text_begin(cursor, &length, err));
    if (length > (uint64_t)(bytes->end - bytes->at) || length > text_bytes_max(nested))
        return pack_long_text(nested, bytes, cursor->leaf->is_utf8, length, to, err);
    if (cursor->leaf->is_utf8 && !wr_utf8_is_valid(bytes->at, length))
        return wr_pq_raise_utf8(err);
    text = wr_str_of((const char *)bytes->at, length);
    bytes->at += length;
    wr_pack_cell(to, &text);
    return WR_OK;
}

static wr_status pack(pq_nested *nested, uint32_t index, const wr_pack_target *to, bool *out_null, wr_error *err);

/* There is no value below a node: every leaf has one entry that says so. */
static wr_status pass_entries(pq_nested *nested, const pq_node *node, wr_error *err)
{
    for (uint32_t leaf = node->first_leaf; leaf < node->first_leaf + node->leaf_count; leaf++) {
        pq_stream *stream = &nested->streams[leaf];

        if (stream->is_missing)
            continue;
        WR_TRY(need_entry(stream, nested->tools, err));
        if (stream->definition[stream->at] == stream->cursor->leaf->max_definition)
            return WR_RAISE(err, WR_CORRUPT, "columns of one group differ in what is there");
        stream->at++;
    }
    return WR_OK;
}

static wr_status pack_list(pq_nested *nested, uint32_t index, wr_error *err)
{
    const pq_node *node = &nested->nodes[index];
    pq_stream     *first = &nested->streams[node->first_leaf];
    wr_list_packer list;
    wr_pack_target inside = {.list = &list};
    bool           goes_on = true, is_null;

    wr_list_pack_begin(&list, nested->out, wr_type_element(node->type));
    if (first->definition[first->at] < node->filled) {
        WR_TRY(pass_entries(nested, node, err));
        goes_on = false;
    }
    while (goes_on) {
        WR_TRY(pack(nested, index + 1, &inside, &is_null, err));
        WR_TRY(look(first, nested->tools, &goes_on, err));
        goes_on = goes_on && first->repetition[first->at] == node->repetition;
    }
    wr_list_pack_end(&list);
    return go_on(nested, err);
}

/* Which members are there is known before the first of them is packed: the bit map may be given away. */
static wr_status expect_members(pq_nested *nested, uint32_t index, wr_struct_packer *strukt, wr_error *err)
{
    uint32_t member = 0;

    for (uint32_t child = index + 1; child < nested->nodes[index].end; child = nested->nodes[child].end, member++) {
        const pq_node *node = &nested->nodes[child];
        pq_stream     *first = &nested->streams[node->first_leaf];

        if (node->kind == PQ_NODE_MISSING)
            continue;
        WR_TRY(need_entry(first, nested->tools, err));
        if (first->definition[first->at] >= node->present)
            wr_struct_pack_expect(strukt, member);
    }
    return WR_OK;
}

static wr_status pack_struct(pq_nested *nested, uint32_t index, wr_error *err)
{
    wr_struct_packer strukt;
    wr_pack_target   inside = {.strukt = &strukt};
    bool             is_null;

    wr_struct_pack_begin(&strukt, nested->out, nested->nodes[index].type);
    WR_TRY(expect_members(nested, index, &strukt, err));
    WR_TRY(go_on(nested, err));
    for (uint32_t child = index + 1; child < nested->nodes[index].end; child = nested->nodes[child].end)
        WR_TRY(pack(nested, child, &inside, &is_null, err));
    return WR_OK;
}

/* The value of a node at the entries at hand. */
static wr_status pack(pq_nested *nested, uint32_t index, const wr_pack_target *to, bool *out_null, wr_error *err)
{
    const pq_node *node = &nested->nodes[index];
    pq_stream     *first = &nested->streams[node->first_leaf];

    *out_null = true;
    if (node->kind == PQ_NODE_MISSING) {
        wr_pack_cell(to, NULL);
        return go_on(nested, err);
    }
    WR_TRY(need_entry(first, nested->tools, err));
    if (first->definition[first->at] < node->present) {
        WR_TRY(pass_entries(nested, node, err));
        wr_pack_cell(to, NULL);
        return go_on(nested, err);
    }
    *out_null = false;
    if (node->kind == PQ_NODE_LEAF) {
        WR_TRY(pack_leaf(nested, first, wr_physical_bytes(wr_type_physical(node->type)), to, err));
        return go_on(nested, err);
    }
    wr_pack_open(to);
    WR_TRY(go_on(nested, err));
    WR_TRY(node->kind == PQ_NODE_LIST ? pack_list(nested, index, err) : pack_struct(nested, index, err));
    wr_pack_close(to);
    return go_on(nested, err);
}

/* ---- Rows --------------------------------------------------------------------------------------- */

static wr_status check_row_begin(pq_nested *nested, wr_error *err)
{
    const pq_node *root = &nested->nodes[nested->first_node];

    for (uint32_t leaf = root->first_leaf; leaf < root->first_leaf + root->leaf_count; leaf++) {
        pq_stream *stream = &nested->streams[leaf];

        if (stream->is_missing)
            continue;
        WR_TRY(need_entry(stream, nested->tools, err));
        if (stream->repetition[stream->at] != 0)
            return WR_RAISE(err, WR_CORRUPT, "a row begins inside of a list");
    }
    return WR_OK;
}

static wr_status pack_row(pq_nested *nested, wr_packer *room, wr_str *out, bool *out_null, wr_error *err)
{
    const wr_pack_target nowhere = {0};
    wr_packer row = {.bytes = room->bytes + room->used, .capacity = room->capacity - room->used,
                     .late = &nested->late};

    nested->out = &row;
    nested->late.count = 0;
    nested->is_long = false;
    WR_TRY(check_row_begin(nested, err));
    WR_TRY(pack(nested, nested->first_node, &nowhere, out_null, err));
    wr_assert(!row.is_full, "a quarter of the room holds what one call packs");
    if (nested->skip > 0)
        return WR_OK;
    if (!nested->is_long) {
        *out = wr_str_of((const char *)row.bytes, *out_null ? 0 : row.used);
        room->used += row.used;
        return WR_OK;
    }
    WR_TRY(give_away(nested, err));
    WR_TRY(wr_long_writer_end(nested->writer, &nested->long_row, err));
    *out = wr_str_of_blob(&nested->long_row, nested->writer->prefix);
    return WR_OK;
}

/* The next row, or one that is passed over. */
static wr_status add_row(pq_nested *nested, wr_packer *room, wr_error *err)
{
    bool is_null = false;

    WR_TRY(pack_row(nested, room, &nested->values[nested->have], &is_null, err));
    if (nested->skip > 0) {
        nested->skip--;
        return WR_OK;
    }
    if (!is_null)
        wr_bit_set(nested->valid, nested->have);
    nested->have++;
    return WR_OK;
}

wr_status wr_pq_nested_measure(pq_nested *nested, uint32_t *io_count, wr_error *err)
{
    if (nested->next == nested->have) {
        wr_packer room = {.bytes = nested->room, .capacity = nested->room_bytes};

        nested->next = nested->have = 0;
        nested->is_long = false;
        memset(nested->valid, 0, wr_bit_words(*io_count) * sizeof(uint64_t));
        while (nested->have < *io_count && room.used <= room.capacity / 2 && !nested->is_long)
            WR_TRY(add_row(nested, &room, err));
    }
    if (nested->have - nested->next < *io_count)
        *io_count = nested->have - nested->next;
    return WR_OK;
}

void wr_pq_nested_take(pq_nested *nested, uint32_t count, wr_vector *out)
{
    bool has_long = nested->is_long && nested->next + count == nested->have;

    memset(nested->out_valid, 0, wr_bit_words(count) * sizeof(uint64_t));
    for (uint32_t i = 0; i < count; i++)
        wr_bit_put(nested->out_valid, i, wr_bit_get(nested->valid, nested->next + i));
    *out = (wr_vector){.type = nested->nodes[nested->first_node].type, .encoding = WR_FLAT,
                       .flags = has_long ? WR_VECTOR_BLOBS : 0, .row_count = count,
                       .data = nested->values + nested->next, .valid = nested->out_valid};
    nested->next += count;
}

bool wr_pq_nested_is_over(const pq_nested *nested)
{
    const pq_node *root = &nested->nodes[nested->first_node];

    if (nested->skip > 0) /* rows at the end are passed over, so nobody looks behind them */
        return true;
    for (uint32_t leaf = root->first_leaf; leaf < root->first_leaf + root->leaf_count; leaf++) {
        const pq_stream *stream = &nested->streams[leaf];
        const pq_cursor *cursor = stream->cursor;

        if (stream->is_missing)
            continue;
        if (stream->at < stream->count || cursor->page_left > 0 || cursor->values_left > 0 || cursor->has_header)
            return false;
    }
    return true;
}
