/* pq_nested.c — nested columns: levels and values of all leaves to packed values, row by row.
 *
 * Each leaf is a stream of entries: repetition level, definition level, and a value if the latter is the
 * highest. The first leaf below a node tells whether the node's value is NULL, empty, or goes on; the
 * others below it have an entry wherever it has none to tell.
 *
 * Invariants
 *  1. Between rows, the next entry of every leaf of a column has repetition level 0, or there is none.
 *  2. Rows are begun only while half of the column's room is free; so a value of that size fits.
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
        return wr_pq_values_take(cursor, stream->value_count, cursor->data, err);
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

/* The value of the entry at hand, valid until the next one. */
static wr_status take_value(pq_stream *stream, uint32_t width, const void **out_cell, wr_error *err)
{
    pq_cursor *cursor = stream->cursor;

    if (cursor->leaf->is_text && cursor->mode == PQ_MODE_PLAIN) {
        WR_TRY(wr_pq_text_take(cursor, &stream->text, err));
        *out_cell = &stream->text;
    } else {
        *out_cell = cursor->data + (size_t)stream->value_at++ * width;
    }
    stream->at++;
    return WR_OK;
}

/* ---- Values ------------------------------------------------------------------------------------- */

/* Where a value goes: into a list, a struct, or the column itself. */
typedef struct target {
    wr_list_packer   *list;
    wr_struct_packer *strukt;
} target;

static void put_cell(const target *to, const void *cell)
{
    if (to->list)
        wr_list_pack_cell(to->list, cell);
    else if (to->strukt)
        wr_struct_pack_cell(to->strukt, cell);
}

static void open_value(const target *to)
{
    if (to->list)
        wr_list_pack_open(to->list);
    else if (to->strukt)
        wr_struct_pack_open(to->strukt);
}

static void close_value(const target *to)
{
    if (to->list)
        wr_list_pack_close(to->list);
    else if (to->strukt)
        wr_struct_pack_close(to->strukt);
}

static wr_status pack(pq_nested *nested, uint32_t index, const target *to, bool *out_null, wr_error *err);

/* There is no value below a node: every leaf has one entry that says so. */
static wr_status pass_entries(pq_nested *nested, const pq_node *node, wr_error *err)
{
    for (uint32_t leaf = node->first_leaf; leaf < node->first_leaf + node->leaf_count; leaf++) {
        pq_stream *stream = &nested->streams[leaf];

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
    target         inside = {.list = &list};
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
        if (nested->out->is_full)
            break;
    }
    wr_list_pack_end(&list);
    return WR_OK;
}

static wr_status pack_struct(pq_nested *nested, uint32_t index, wr_error *err)
{
    wr_struct_packer strukt;
    target           inside = {.strukt = &strukt};
    bool             is_null;

    wr_struct_pack_begin(&strukt, nested->out, nested->nodes[index].type);
    for (uint32_t child = index + 1; child < nested->nodes[index].end; child = nested->nodes[child].end)
        WR_TRY(pack(nested, child, &inside, &is_null, err));
    return WR_OK;
}

/* The value of a node at the entries at hand. */
static wr_status pack(pq_nested *nested, uint32_t index, const target *to, bool *out_null, wr_error *err)
{
    const pq_node *node = &nested->nodes[index];
    pq_stream     *first = &nested->streams[node->first_leaf];
    const void    *cell = NULL;

    WR_TRY(need_entry(first, nested->tools, err));
    *out_null = first->definition[first->at] < node->present;
    if (*out_null) {
        WR_TRY(pass_entries(nested, node, err));
        put_cell(to, NULL);
        return WR_OK;
    }
    if (node->kind == PQ_NODE_LEAF) {
        WR_TRY(take_value(first, wr_physical_bytes(wr_type_physical(node->type)), &cell, err));
        put_cell(to, cell);
        return WR_OK;
    }
    open_value(to);
    WR_TRY(node->kind == PQ_NODE_LIST ? pack_list(nested, index, err) : pack_struct(nested, index, err));
    close_value(to);
    return WR_OK;
}

/* ---- Rows --------------------------------------------------------------------------------------- */

static wr_status check_row_begin(pq_nested *nested, wr_error *err)
{
    const pq_node *root = &nested->nodes[nested->first_node];

    for (uint32_t leaf = root->first_leaf; leaf < root->first_leaf + root->leaf_count; leaf++) {
        pq_stream *stream = &nested->streams[leaf];

        WR_TRY(need_entry(stream, nested->tools, err));
        if (stream->repetition[stream->at] != 0)
            return WR_RAISE(err, WR_CORRUPT, "a row begins inside of a list");
    }
    return WR_OK;
}

static wr_status pack_row(pq_nested *nested, wr_packer *room, wr_str *out, bool *out_null, wr_error *err)
{
    size_t       begin = room->used;
    const target nowhere = {0};

    nested->out = room;
    WR_TRY(check_row_begin(nested, err));
    WR_TRY(pack(nested, nested->first_node, &nowhere, out_null, err));
    if (room->is_full)
        return WR_RAISE(err, WR_NO_MEMORY, "a nested value is larger than the %zu bytes set aside for "
                        "the values of a column: a larger cap, or fewer threads", room->capacity);
    *out = wr_str_of((const char *)room->bytes + begin, *out_null ? 0 : room->used - begin);
    return WR_OK;
}

wr_status wr_pq_nested_measure(pq_nested *nested, uint32_t *io_count, wr_error *err)
{
    if (nested->next == nested->have) {
        wr_packer room = {.bytes = nested->room, .capacity = nested->room_bytes};

        nested->next = nested->have = 0;
        memset(nested->valid, 0, wr_bit_words(*io_count) * sizeof(uint64_t));
        while (nested->have < *io_count && room.used <= room.capacity / 2) {
            bool is_null = false;

            WR_TRY(pack_row(nested, &room, &nested->values[nested->have], &is_null, err));
            if (nested->skip > 0) { /* rows before the split's first */
                nested->skip--;
                room.used = 0;
                continue;
            }
            if (!is_null)
                wr_bit_set(nested->valid, nested->have);
            nested->have++;
        }
    }
    if (nested->have - nested->next < *io_count)
        *io_count = nested->have - nested->next;
    return WR_OK;
}

void wr_pq_nested_take(pq_nested *nested, uint32_t count, wr_vector *out)
{
    memset(nested->out_valid, 0, wr_bit_words(count) * sizeof(uint64_t));
    for (uint32_t i = 0; i < count; i++)
        wr_bit_put(nested->out_valid, i, wr_bit_get(nested->valid, nested->next + i));
    *out = (wr_vector){.type = nested->nodes[nested->first_node].type, .encoding = WR_FLAT,
                       .row_count = count, .data = nested->values + nested->next,
                       .valid = nested->out_valid};
    nested->next += count;
}

bool wr_pq_nested_is_over(const pq_nested *nested)
{
    const pq_node *root = &nested->nodes[nested->first_node];

    if (nested->skip > 0)
        return true; /* the rest is not looked at */
    for (uint32_t leaf = root->first_leaf; leaf < root->first_leaf + root->leaf_count; leaf++) {
        const pq_stream *stream = &nested->streams[leaf];
        const pq_cursor *cursor = stream->cursor;

        if (stream->at < stream->count || cursor->page_left > 0 || cursor->values_left > 0 || cursor->has_header)
            return false;
    }
    return true;
}
