/* ar_meta.c — see the header. */
#include "ar_meta.h"

#include <string.h>

#include "base/bits.h"

/* ---- Sources ------------------------------------------------------------------------------------ */

static wr_status read_file(wr_fs_reader *file, uint64_t at, uint8_t *out, uint64_t count, wr_error *err)
{
    while (count > 0) {
        size_t got = 0;

        WR_TRY(file->ops->read_at(file, at, out, count, &got, err));
        if (got == 0)
            return WR_RAISE(err, WR_CORRUPT, "the file ends at byte %llu, with %llu more to come",
                            (unsigned long long)at, (unsigned long long)count);
        at += got;
        out += got;
        count -= got;
    }
    return WR_OK;
}

static wr_status read_blobs(const wr_blob *blobs, uint64_t at, uint8_t *out, uint64_t count,
                            wr_error *err)
{
    while (count > 0) {
        uint64_t offset = at & ((1ull << AR_BLOB_SHIFT) - 1), part = (1ull << AR_BLOB_SHIFT) - offset;

        part = part < count ? part : count;
        WR_TRY(wr_blob_read(&blobs[at >> AR_BLOB_SHIFT], offset, out, part, err));
        at += part;
        out += part;
        count -= part;
    }
    return WR_OK;
}

wr_status wr_ar_source_read(const ar_source *source, uint64_t offset, void *out, uint64_t count,
                            wr_error *err)
{
    wr_assert(offset <= source->size && count <= source->size - offset, "reads stay inside");
    if (source->memory) {
        if (count > 0)
            memcpy(out, source->memory + offset, count);
        return WR_OK;
    }
    if (source->file)
        return read_file(source->file, source->begin + offset, out, count, err);
    return read_blobs(source->blobs, source->begin + offset, out, count, err);
}

ar_source wr_ar_source_part(const ar_source *source, uint64_t offset, uint64_t size)
{
    ar_source part = *source;

    part.size = size;
    part.begin += offset;
    if (part.memory)
        part.memory += offset;
    return part;
}

/* ---- The window --------------------------------------------------------------------------------- */

void wr_ar_meta_open(ar_meta *meta, ar_source source, void *window, uint32_t window_bytes, wr_error *err)
{
    *meta = (ar_meta){.source = source, .window = window, .window_bytes = window_bytes,
                      .visits = source.size / 4 + 1, .err = err};
}

void wr_ar_meta_fail(ar_meta *meta, const char *what)
{
    if (meta->status == WR_OK)
        meta->status = WR_RAISE(meta->err, WR_CORRUPT, "the metadata is damaged: %s", what);
}

/* Have the bytes at hand; NULL: there are none such. */
static const uint8_t *look(ar_meta *meta, uint64_t at, uint32_t count)
{
    uint64_t begin;

    if (meta->status != WR_OK)
        return NULL;
    if (at > meta->source.size || count > meta->source.size - at) {
        wr_ar_meta_fail(meta, "it refers to what lies behind its end");
        return NULL;
    }
    if (meta->source.memory)
        return meta->source.memory + at;
    if (at >= meta->at && at + count <= meta->at + meta->have)
        return meta->window + (at - meta->at);
    /* Tables, their names and parts lie close together, on both sides. */
    begin = at - (at < meta->window_bytes / 4 ? at : meta->window_bytes / 4);
    meta->at = begin;
    meta->have = meta->source.size - begin < meta->window_bytes ? (uint32_t)(meta->source.size - begin)
                                                                : meta->window_bytes;
    meta->status = wr_ar_source_read(&meta->source, begin, meta->window, meta->have, meta->err);
    if (meta->status != WR_OK) {
        meta->have = 0;
        return NULL;
    }
    return meta->window + (at - begin);
}

uint64_t wr_ar_word(ar_meta *meta, uint64_t at, uint32_t width)
{
    const uint8_t *bytes = look(meta, at, width);
    uint64_t       word = 0;

    if (bytes)
        memcpy(&word, bytes, width);
    return word;
}

/* ---- Tables ------------------------------------------------------------------------------------- */

static ar_table open_table(ar_meta *meta, uint64_t at)
{
    ar_table table = {.at = at};
    int64_t  vtable = (int64_t)at - (int32_t)wr_ar_word(meta, at, 4);

    if (meta->visits-- == 0) {
        wr_ar_meta_fail(meta, "its tables refer to each other in a circle");
        meta->visits = 0;
    }
    if (vtable < 0) {
        wr_ar_meta_fail(meta, "a table's description lies outside");
        return (ar_table){0};
    }
    table.vtable = (uint64_t)vtable;
    table.vtable_bytes = (uint32_t)wr_ar_word(meta, table.vtable, 2);
    table.bytes = (uint32_t)wr_ar_word(meta, table.vtable + 2, 2);
    return meta->status == WR_OK ? table : (ar_table){0};
}

ar_table wr_ar_root(ar_meta *meta)
{
    return open_table(meta, wr_ar_word(meta, 0, 4));
}

/* Where the value of a slot lies; 0: it is left out. */
static uint64_t find_slot(ar_meta *meta, const ar_table *table, uint32_t slot, uint32_t width)
{
    uint32_t at = 4 + 2 * slot, offset;

    if (meta->status != WR_OK || at + 2 > table->vtable_bytes)
        return 0;
    offset = (uint32_t)wr_ar_word(meta, table->vtable + at, 2);
    if (offset == 0)
        return 0;
    if (offset + width > table->bytes) {
        wr_ar_meta_fail(meta, "a value lies outside of its table");
        return 0;
    }
    return table->at + offset;
}

int64_t wr_ar_int(ar_meta *meta, const ar_table *table, uint32_t slot, uint32_t width, int64_t fallback)
{
    uint64_t at = find_slot(meta, table, slot, width);
    uint64_t word;

    if (at == 0)
        return fallback;
    word = wr_ar_word(meta, at, width);
    return (int64_t)(word << (64 - 8 * width)) >> (64 - 8 * width);
}

static uint64_t follow(ar_meta *meta, uint64_t at)
{
    return at ? at + wr_ar_word(meta, at, 4) : 0;
}

bool wr_ar_child(ar_meta *meta, const ar_table *table, uint32_t slot, ar_table *out)
{
    uint64_t at = follow(meta, find_slot(meta, table, slot, 4));

    *out = (ar_table){0};
    if (at == 0 || meta->status != WR_OK)
        return false;
    *out = open_table(meta, at);
    return meta->status == WR_OK;
}

ar_list wr_ar_vector(ar_meta *meta, const ar_table *table, uint32_t slot, uint32_t item_bytes)
{
    uint64_t at = follow(meta, find_slot(meta, table, slot, 4));
    ar_list  list = {0};

    if (at == 0 || meta->status != WR_OK)
        return list;
    list = (ar_list){at + 4, (uint32_t)wr_ar_word(meta, at, 4)};
    if (meta->status == WR_OK && (uint64_t)list.count * item_bytes > meta->source.size - list.at)
        wr_ar_meta_fail(meta, "a list is longer than the metadata");
    return meta->status == WR_OK ? list : (ar_list){0};
}

ar_table wr_ar_item(ar_meta *meta, const ar_list *list, uint32_t index)
{
    if (meta->status != WR_OK || index >= list->count)
        return (ar_table){0};
    return open_table(meta, follow(meta, list->at + 4 * (uint64_t)index));
}

uint32_t wr_ar_text(ar_meta *meta, const ar_list *text, char *out, uint32_t room)
{
    uint32_t count = text->count < room - 1 ? text->count : room - 1;
    uint32_t done = 0;

    while (done < count) {
        uint32_t       part = count - done < 256 ? count - done : 256;
        const uint8_t *bytes = look(meta, text->at + done, part);

        if (!bytes)
            break;
        memcpy(out + done, bytes, part);
        done += part;
    }
    out[done] = '\0';
    return done;
}
