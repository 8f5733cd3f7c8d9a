/* kernel/nested_stream.c — the JSON text of a List that is longer than memory.
 *
 * The text passes through a window, an element at a time: one that ends behind the window is read again when
 * the window begins with it. Packed blocks leave the room whenever half of it is full; what is open of a
 * block stays. So the list may have any length, an element at most that of the window. */
#include <string.h>

#include "kernel/nested_read_priv.h"

typedef struct list_stream {
    wr_nested_room *room;
    const wr_blob  *blob;
    uint64_t        offset; /* in the blob, of the window's first byte */
    wr_packer       packer;
    wr_list_packer  list;
    wr_nested_put   put;
    void           *self;
} list_stream;

static bool has_more(const list_stream *s)
{
    const wr_nested_reader *r = s->room->reader;

    return s->offset + (uint64_t)(r->end - r->begin) < s->blob->byte_count;
}

/* Let the window begin at `from`, and fill it. *out_moved: that brought new text. */
static wr_status move_window(list_stream *s, const uint8_t *from, bool *out_moved, wr_error *err)
{
    wr_nested_reader *r = s->room->reader;
    size_t            kept = (size_t)(r->end - from), got = 1, used = kept;

    memmove(s->room->text, from, kept);
    s->offset += (uint64_t)(from - r->begin);
    while (used < s->room->text_bytes && got > 0) {
        WR_TRY(s->blob->read(s->blob, s->offset + used, s->room->text + used,
                             (size_t)s->room->text_bytes - used, &got, err));
        used += got;
    }
    r->begin = r->at = s->room->text;
    r->end = r->begin + used;
    *out_moved = used > kept;
    return WR_OK;
}

/* Give away the blocks that are closed, if they are many. */
static wr_status flush(list_stream *s, bool all, wr_error *err)
{
    if (s->packer.is_full || (!all && s->packer.used < s->packer.capacity / 2))
        return WR_OK;
    WR_TRY(s->put(s->self, s->packer.bytes, s->packer.used, err));
    s->packer.used = 0;
    return WR_OK;
}

/* Read an element and what stands behind it; *out_more false: that was the closing bracket. */
static wr_status read_next(list_stream *s, wr_type element, bool *out_more, bool *out_good,
                           wr_error *err)
{
    wr_nested_reader *r = s->room->reader;
    bool              moved = true;

    *out_good = false;
    while (moved) {
        wr_list_packer list = s->list;
        wr_packer      packer = s->packer;
        const uint8_t *from = r->at;

        r->places_used = 0;
        if (wr_nested_read_element(r, element, &s->list, out_more)) {
            *out_good = !s->packer.is_full;
            return WR_OK;
        }
        if (!has_more(s))
            return WR_OK;
        s->list = list;
        s->packer = packer;
        WR_TRY(move_window(s, from, &moved, err));
    }
    return WR_OK;
}

/* Nothing but blanks may follow. */
static wr_status check_end(list_stream *s, bool *out_good, wr_error *err)
{
    wr_nested_reader *r = s->room->reader;
    bool              moved = true;

    while ((*out_good = wr_nested_at_end(r)) && has_more(s) && moved)
        WR_TRY(move_window(s, r->end, &moved, err));
    return WR_OK;
}

static wr_status read_list(list_stream *s, wr_type type, bool *out_good, wr_error *err)
{
    wr_nested_reader *r = s->room->reader;
    wr_type           element = wr_type_element(type);
    bool              more;

    *out_good = wr_nested_open_list(r, &more);
    wr_list_pack_begin(&s->list, &s->packer, element);
    while (*out_good && more) {
        WR_TRY(read_next(s, element, &more, out_good, err));
        if (s->list.count == 0)
            WR_TRY(flush(s, false, err));
    }
    wr_list_pack_end(&s->list);
    *out_good = *out_good && !s->packer.is_full; /* a bit map may be too much */
    return *out_good ? check_end(s, out_good, err) : WR_OK;
}

wr_status wr_nested_load_text(wr_nested_room *room, const wr_str *value, wr_text *out_text,
                              bool *out_fits, wr_error *err)
{
    const wr_blob *blob = wr_str_is_blob(value) ? wr_str_blob(value) : NULL;
    size_t         got = 1;

    *out_fits = true;
    if (!blob) {
        *out_text = wr_str_text(value);
        return WR_OK;
    }
    *out_fits = blob->byte_count <= room->text_bytes;
    *out_text = (wr_text){(const char *)room->text, 0};
    while (*out_fits && got > 0 && out_text->byte_count < blob->byte_count) {
        WR_TRY(blob->read(blob, out_text->byte_count, room->text + out_text->byte_count,
                          (size_t)blob->byte_count - out_text->byte_count, &got, err));
        out_text->byte_count += got;
    }
    return WR_OK;
}

wr_status wr_nested_read_blob(wr_nested_room *room, const wr_blob *blob, wr_type type,
                              wr_nested_put put, void *self, bool *out_good, wr_error *err)
{
    list_stream s = {.room = room, .blob = blob, .put = put, .self = self,
                     .packer = {.bytes = room->bytes + room->used,
                                .capacity = (size_t)(room->capacity - room->used)}};
    bool        moved;

    *out_good = false;
    room->reader->begin = room->reader->end = room->text;
    room->reader->fault = (wr_nested_fault){.why = "a text longer than the scan's chunk is no list"};
    if (type.logical != WR_TYPE_LIST)
        return WR_OK;
    WR_TRY(move_window(&s, room->text, &moved, err));
    WR_TRY(read_list(&s, type, out_good, err));
    if (*out_good)
        return flush(&s, true, err);
    if (s.packer.is_full)
        room->reader->fault = (wr_nested_fault){.why = "an element is too long"};
    room->reader->fault.at += s.offset;
    return WR_OK;
}
