/* exec/unnest_feed.c — see the header. */
#include "exec/unnest_feed.h"

enum {
    WINDOW_BYTES = 16 << 10, /* and windows begin at multiples: pieces of long values (spi/long_value.h) */
    COPIED_BYTES_MAX = 4096, /* elements of blobs up to here are copied                                  */
    PARTS_MIN = 64,
};

/* ---- Layout ----------------------------------------------------------------------------------- */

void wr_feed_heap_layout(wr_feed_heap *heap, const wr_plan_unnest *plan, const wr_exec *exec,
                         wr_carver *carver)
{
    heap->capacity = exec->page_bytes + plan->output_count * COPIED_BYTES_MAX;
    heap->bytes = wr_carve(carver, heap->capacity);
    heap->part_max = PARTS_MIN + plan->output_count;
    heap->parts = wr_carve(carver, heap->part_max * sizeof heap->parts[0]);
}

static wr_status read_window(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                             size_t *out_bytes, wr_error *err);

void wr_feed_layout(wr_feed *feed, const wr_plan_unnest *plan, uint32_t index, wr_vector *columns,
                    wr_feed_heap *heap, const wr_exec *exec, wr_carver *carver)
{
    *feed = (wr_feed){.plan = &plan->values[index], .heap = heap};
    feed->window.exec = exec;
    feed->window.bytes = wr_carve(carver, WINDOW_BYTES);
    feed->outputs = wr_carve(carver, plan->output_count * sizeof feed->outputs[0]);
    for (uint32_t o = 0; feed->outputs && o < plan->output_count; o++) {
        wr_physical physical;

        if (plan->outputs[o].value != index)
            continue;
        physical = wr_type_physical(plan->outputs[o].type);
        feed->outputs[feed->output_count++] = (wr_feed_output){
            .member = plan->outputs[o].member, .value_bytes = wr_physical_bytes(physical),
            .is_text = physical == WR_PHYS_STR, .column = &columns[o]};
    }
}

/* ---- Blobs ------------------------------------------------------------------------------------- */

static wr_status fill_window(wr_feed_window *window, uint64_t offset, wr_error *err)
{
    size_t got = 1;

    if (wr_exec_is_cancelled(window->exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    window->offset = offset / WINDOW_BYTES * WINDOW_BYTES;
    window->used = 0;
    while (window->used < WINDOW_BYTES && got > 0) {
        WR_TRY(window->whole->read(window->whole, window->offset + window->used,
                                   window->bytes + window->used, WINDOW_BYTES - window->used, &got,
                                   err));
        window->used += got;
    }
    return WR_OK;
}

static wr_status read_window(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                             size_t *out_bytes, wr_error *err)
{
    wr_feed_window *window = blob->owner;

    *out_bytes = 0;
    if (offset >= blob->byte_count)
        return WR_OK;
    if (offset < window->offset || offset >= window->offset + window->used)
        WR_TRY(fill_window(window, offset, err));
    if (offset >= window->offset + window->used)
        return WR_OK;
    *out_bytes = window->offset + window->used - offset;
    if (*out_bytes > bytes)
        *out_bytes = bytes;
    memcpy(buffer, window->bytes + (offset - window->offset), *out_bytes);
    return WR_OK;
}

/* A value inside a blob, as a cell. */
static wr_status take_from_blob(wr_feed *feed, wr_slot slot, wr_str *out_str, wr_error *err)
{
    wr_feed_heap *heap = feed->heap;
    char         *bytes = heap->bytes + heap->used;

    if (slot.byte_count <= COPIED_BYTES_MAX) {
        WR_TRY(wr_packed_read(&feed->packed, slot.offset, bytes, slot.byte_count, err));
        *out_str = wr_str_of(bytes, slot.byte_count);
        if (slot.byte_count > WR_STR_INLINE_BYTES)
            heap->used += (uint32_t)slot.byte_count;
        return WR_OK;
    }
    return wr_blob_part_init(&heap->parts[heap->part_count++], &feed->packed, slot,
                             feed->window.whole, out_str, err);
}

uint32_t wr_feeds_fit(const wr_feed *feeds, uint32_t feed_count)
{
    const wr_feed_heap *heap = feeds[0].heap;
    uint32_t            texts = 0, by_bytes, by_parts;

    for (uint32_t f = 0; f < feed_count; f++)
        for (uint32_t o = 0; feeds[f].packed.blob && o < feeds[f].output_count; o++)
            texts += feeds[f].outputs[o].is_text;
    if (texts == 0)
        return WR_BATCH_ROWS_MAX;
    by_bytes = (heap->capacity - heap->used) / (texts * COPIED_BYTES_MAX);
    by_parts = (heap->part_max - heap->part_count) / texts;
    return by_bytes < by_parts ? by_bytes : by_parts;
}

/* ---- Elements ---------------------------------------------------------------------------------- */

void wr_feed_begin(wr_feed *feed, const wr_vector *values, uint32_t row)
{
    const wr_str *str;

    feed->packed = (wr_packed){0};
    feed->has_more = wr_vector_is_valid(values, row);
    if (!feed->has_more)
        return;
    str = wr_vector_at(values, row);
    feed->packed = wr_packed_of(str);
    if (feed->packed.blob) {
        feed->window.whole = feed->packed.blob;
        feed->window.blob = (wr_blob){.byte_count = feed->packed.byte_count, .read = read_window,
                                      .owner = &feed->window};
        feed->window.used = 0;
        feed->packed.blob = &feed->window.blob;
    }
    feed->next = 0;
    if (wr_type_is_sequence(feed->plan->type))
        wr_list_cursor_init(&feed->cursor, &feed->packed, feed->plan->type);
}

static void put_null(wr_feed_output *output, uint32_t row)
{
    memset((uint8_t *)output->column->data + (size_t)row * output->value_bytes, 0,
           output->value_bytes);
    wr_bit_clear(output->column->valid, row);
    output->any_null = true;
}

void wr_feed_put_nulls(wr_feed *feed, uint32_t at, uint32_t count)
{
    for (uint32_t o = 0; o < feed->output_count; o++)
        for (uint32_t row = at; row < at + count; row++)
            put_null(&feed->outputs[o], row);
}

static wr_status put_cell(wr_feed *feed, wr_feed_output *output, wr_slot slot, uint32_t row,
                          wr_error *err)
{
    void *cell = (uint8_t *)output->column->data + (size_t)row * output->value_bytes;

    if (slot.is_null) {
        put_null(output, row);
        return WR_OK;
    }
    if (!output->is_text)
        return wr_packed_read(&feed->packed, slot.offset, cell, output->value_bytes, err);
    if (feed->packed.blob)
        return take_from_blob(feed, slot, cell, err);
    *(wr_str *)cell = wr_str_of((const char *)feed->packed.bytes + slot.offset, slot.byte_count);
    return WR_OK;
}

/* The wanted members of the struct in `slot`. */
static wr_status put_members(wr_feed *feed, wr_slot slot, uint32_t row, wr_error *err)
{
    wr_packed        inside;
    wr_struct_cursor cursor;

    if (slot.is_null) {
        wr_feed_put_nulls(feed, row, 1);
        return WR_OK;
    }
    inside = wr_packed_inside(&feed->packed, slot);
    wr_struct_cursor_init(&cursor, &inside, feed->cursor.element);
    for (uint32_t o = 0; o < feed->output_count; o++) {
        wr_slot member;

        do {
            WR_TRY(wr_struct_cursor_next(&cursor, &member, err));
        } while (cursor.member <= feed->outputs[o].member);
        member.offset += slot.offset;
        WR_TRY(put_cell(feed, &feed->outputs[o], member, row, err));
    }
    return WR_OK;
}

static wr_status put_block(wr_feed *feed, uint32_t at, uint32_t count, wr_error *err)
{
    wr_feed_output *output = feed->outputs;
    bool            any_null;

    if (feed->output_count == 0)
        return wr_list_cursor_skip(&feed->cursor, count, err);
    if (feed->cursor.element_bytes) {
        WR_TRY(wr_list_cursor_copy(&feed->cursor, count,
                                   (uint8_t *)output->column->data +
                                       (size_t)at * output->value_bytes,
                                   output->column->valid, at, &any_null, err));
        output->any_null |= any_null;
        return WR_OK;
    }
    for (uint32_t row = at; row < at + count; row++) {
        wr_slot slot;
        bool    end;

        WR_TRY(wr_list_cursor_next(&feed->cursor, &slot, &end, err));
        if (output->member == WR_FIELD_NONE)
            WR_TRY(put_cell(feed, output, slot, row, err));
        else
            WR_TRY(put_members(feed, slot, row, err));
    }
    return WR_OK;
}

static wr_status put_list(wr_feed *feed, uint32_t at, uint32_t count_max, uint32_t *out_count,
                          wr_error *err)
{
    uint32_t count = 0, left;

    while (count < count_max && feed->has_more) {
        WR_TRY(wr_list_cursor_left(&feed->cursor, &left, err));
        feed->has_more = left > 0;
        if (left > count_max - count)
            left = count_max - count;
        WR_TRY(put_block(feed, at + count, left, err));
        count += left;
    }
    *out_count = count;
    return WR_OK;
}

/* Where the next delimiter stands, or the end. */
static wr_status find_delimiter(const wr_feed *feed, uint64_t *out_at, wr_error *err)
{
    const wr_packed *packed = &feed->packed;
    wr_text          delimiter = feed->plan->delimiter;
    uint64_t         at = feed->next;
    const uint8_t   *found;
    char             piece[COPIED_BYTES_MAX];

    *out_at = packed->byte_count;
    if (packed->bytes) {
        found = memmem(packed->bytes + at, packed->byte_count - at, delimiter.bytes,
                       delimiter.byte_count);
        if (found)
            *out_at = (uint64_t)(found - packed->bytes);
        return WR_OK;
    }
    for (; packed->byte_count - at >= delimiter.byte_count;
         at += sizeof piece - delimiter.byte_count + 1) {
        uint64_t left = packed->byte_count - at;
        size_t   now = left < sizeof piece ? (size_t)left : sizeof piece;

        WR_TRY(wr_packed_read(packed, at, piece, now, err));
        found = memmem(piece, now, delimiter.bytes, delimiter.byte_count);
        if (found) {
            *out_at = at + (uint64_t)(found - (const uint8_t *)piece);
            return WR_OK;
        }
        if (now == left)
            return WR_OK;
    }
    return WR_OK;
}

static wr_status put_pieces(wr_feed *feed, uint32_t at, uint32_t count_max, uint32_t *out_count,
                            wr_error *err)
{
    uint32_t count = 0;

    for (; count < count_max && feed->has_more; count++) {
        uint64_t end;

        WR_TRY(find_delimiter(feed, &end, err));
        if (feed->output_count > 0)
            WR_TRY(put_cell(feed, feed->outputs, (wr_slot){false, feed->next, end - feed->next},
                            at + count, err));
        feed->has_more = end < feed->packed.byte_count;
        feed->next = end + feed->plan->delimiter.byte_count;
    }
    *out_count = count;
    return WR_OK;
}

wr_status wr_feed_put(wr_feed *feed, uint32_t at, uint32_t count_max, uint32_t *out_count,
                      wr_error *err)
{
    return wr_type_is_sequence(feed->plan->type)
               ? put_list(feed, at, count_max, out_count, err)
               : put_pieces(feed, at, count_max, out_count, err);
}

/* ---- Columns ----------------------------------------------------------------------------------- */

void wr_feed_clear(wr_feed *feed, uint32_t row_count)
{
    feed->heap->used = feed->heap->part_count = 0;
    for (uint32_t o = 0; o < feed->output_count; o++) {
        wr_vector *column = feed->outputs[o].column;

        column->valid = wr_vector_valid_room(column);
        column->flags = 0;
        memset(column->valid, 0xff, wr_bit_words(row_count) * sizeof(uint64_t));
        feed->outputs[o].any_null = false;
    }
}

void wr_feed_finish(wr_feed *feed, uint32_t row_count)
{
    for (uint32_t o = 0; o < feed->output_count; o++) {
        wr_vector *column = feed->outputs[o].column;

        column->row_count = row_count;
        if (!feed->outputs[o].any_null)
            column->valid = NULL;
        if (feed->outputs[o].is_text)
            column->flags = feed->heap->part_count > 0 ? WR_VECTOR_BLOBS : 0;
    }
}
