/* ar_far.c — dictionaries of several batches that do not fit memory: copied once to scratch space.
 *
 * Values lie in pieces of some KB; so do the places where they lie, in the opposite order of their codes, as the
 * batches are found from the last to the first. In memory are the positions of the pieces of places, and of both
 * kinds the piece that was asked for last. A value that is longer than a piece is a blob, whose handle lies there.
 * Memory: the lower part of the split's pool. Cost: two copies a value; to ask for one, two reads or none. */
#include "ar_priv.h"

#include "kernel/text_utf8.h"

enum { PLACES = 256, PIECE_BYTES = 4 << 10 };

#define IS_BLOB UINT32_MAX    /* instead of a number of bytes */
#define PENDING UINT64_MAX    /* instead of a piece that is not put aside yet */

typedef struct place {
    wr_scratch_position piece; /* 0: NULL */
    uint32_t            offset, byte_count;
} place;

struct ar_far {
    wr_scratch_position *index;     /* of the pieces of places     */
    place               *places;    /* one of them: ...            */
    uint32_t             places_at; /* ... which, from 1           */
    uint8_t             *bytes;     /* a piece of values: ...      */
    wr_scratch_position  bytes_at;  /* ... which                   */
    uint32_t             count;     /* values of all batches       */
    uint32_t             index_used, places_used, bytes_used; /* while they are copied */
    bool                 any_pending;
    wr_blob              blob;      /* of the value at hand        */
    wr_packer            room;      /* while they are copied: of a nested value */
};

/* ---- Copying ------------------------------------------------------------------------------------ */

ar_far *wr_ar_far_begin(ar_split *split, uint32_t node, uint32_t count)
{
    ar_far *far = wr_ar_pool_take(&split->pool, sizeof *far);

    if (!far || !split->aside.ops)
        return NULL;
    *far = (ar_far){.count = count};
    far->index = wr_ar_pool_take(&split->pool, (count / PLACES + 1ull) * sizeof *far->index);
    far->places = wr_ar_pool_take(&split->pool, PLACES * sizeof *far->places);
    far->bytes = wr_ar_pool_take(&split->pool, PIECE_BYTES);
    if (!far->index || !far->places || !far->bytes)
        return NULL;
    memset(far->bytes, 0, PIECE_BYTES);
    if (wr_type_is_nested(split->file->nodes[node].type))
        far->room.capacity = (split->pool.top - split->pool.used) / 4;
    return far;
}

/* Places that are pending lie in this piece. */
static wr_status put_bytes(ar_split *split, ar_far *far, wr_error *err)
{
    wr_scratch_position position;

    if (!far->any_pending)
        return WR_OK;
    WR_TRY(wr_scratch_append(split->aside, far->bytes, far->bytes_used ? far->bytes_used : 1, &position, err));
    for (uint32_t i = 0; i < PLACES; i++)
        if (far->places[i].piece == PENDING)
            far->places[i].piece = position;
    far->bytes_used = 0;
    far->any_pending = false;
    return WR_OK;
}

static wr_status put_places(ar_split *split, ar_far *far, wr_error *err)
{
    WR_TRY(put_bytes(split, far, err));
    WR_TRY(wr_scratch_append(split->aside, far->places, PLACES * sizeof *far->places,
                             &far->index[far->index_used++], err));
    far->places_used = 0;
    return WR_OK;
}

static wr_status keep(ar_split *split, ar_far *far, uint32_t slot, const void *bytes, uint64_t byte_count,
                      wr_error *err)
{
    bool is_blob = byte_count > PIECE_BYTES;

    if (is_blob) {
        wr_long_writer_begin(&split->writer);
        WR_TRY(wr_long_writer_add(&split->writer, bytes, byte_count, err));
        WR_TRY(wr_long_writer_end(&split->writer, &far->blob, err));
        bytes = &far->blob;
        byte_count = sizeof far->blob;
    }
    if (byte_count > PIECE_BYTES - far->bytes_used)
        WR_TRY(put_bytes(split, far, err));
    if (byte_count > 0)
        memcpy(far->bytes + far->bytes_used, bytes, byte_count);
    far->places[slot] = (place){PENDING, far->bytes_used, is_blob ? IS_BLOB : (uint32_t)byte_count};
    far->bytes_used += (uint32_t)byte_count;
    far->any_pending = true;
    return WR_OK;
}

wr_status wr_ar_put_aside(ar_split *split, const ar_node *node, const ar_source *far, wr_blob *out, wr_error *err)
{
    wr_utf8_state utf8 = {0};
    uint8_t       piece[4096];

    if (far->size > UINT32_MAX)
        return WR_RAISE(err, WR_DATA, "a text of %llu bytes: at most %u", (unsigned long long)far->size,
                        UINT32_MAX);
    if (!split->writer.scratch || !split->writer.scratch->ops)
        return WR_RAISE(err, WR_NO_MEMORY, "a text of %llu bytes fits neither memory nor, as there is no "
                        "temporary space, the disk", (unsigned long long)far->size);
    wr_long_writer_begin(&split->writer);
    for (uint64_t at = 0; at < far->size;) {
        uint64_t part = far->size - at < sizeof piece ? far->size - at : sizeof piece;

        WR_TRY(wr_ar_source_read(far, at, piece, part, err));
        if (node->is_utf8 && !wr_utf8_feed(&utf8, piece, part))
            return WR_RAISE(err, WR_DATA, "a text is not valid UTF-8: declare the column as Binary");
        WR_TRY(wr_long_writer_add(&split->writer, piece, part, err));
        at += part;
    }
    if (utf8.left > 0)
        return WR_RAISE(err, WR_DATA, "a text is not valid UTF-8: declare the column as Binary");
    return wr_long_writer_end(&split->writer, out, err);
}

/* A text that is longer than the window through which it is read. */
static wr_status keep_far(ar_split *split, ar_far *far, uint32_t node, uint32_t slot, const ar_source *text,
                          wr_error *err)
{
    wr_blob blob;

    WR_TRY(wr_ar_put_aside(split, &split->file->nodes[node], text, &blob, err));
    WR_TRY(keep(split, far, slot, &blob, sizeof blob, err));
    far->places[slot].byte_count = IS_BLOB;
    return WR_OK;
}

static wr_status keep_value(ar_split *split, ar_far *far, uint32_t n, uint64_t row, uint32_t slot, wr_error *err)
{
    wr_type  type = split->file->nodes[n].type;
    bool     is_null = false;
    ar_cell  cell;

    far->places[slot] = (place){0};
    if (wr_type_is_nested(type)) {
        far->room.used = 0;
        WR_TRY(wr_ar_pack(split, n, row, &far->room, &is_null, err));
        if (far->room.is_full)
            return WR_RAISE(err, WR_NO_MEMORY, "a nested value of a dictionary is larger than the %zu bytes set "
                            "aside for it: a larger cap, or fewer threads", far->room.capacity);
        return is_null ? WR_OK : keep(split, far, slot, far->room.bytes, far->room.used, err);
    }
    WR_TRY(wr_ar_cell_read(split, n, row, &cell, err));
    if (!cell.value)
        return WR_OK;
    if (cell.is_far)
        return keep_far(split, far, n, slot, &cell.far, err);
    if (wr_type_is_text(type)) {
        const wr_str *text = cell.value;

        return keep(split, far, slot, wr_str_bytes(text), text->byte_count, err);
    }
    return keep(split, far, slot, cell.value, wr_physical_bytes(wr_type_physical(type)), err);
}

/* The last rows first, but a block of them in order: windows move forward. */
static wr_status keep_rows(ar_split *split, ar_far *far, uint32_t node, uint64_t rows, wr_error *err)
{
    while (rows > 0) {
        uint32_t room = PLACES - far->places_used, count = rows < room ? (uint32_t)rows : room;

        rows -= count;
        for (uint32_t i = 0; i < count; i++)
            WR_TRY(keep_value(split, far, node, rows + i, far->places_used + count - 1 - i, err));
        far->places_used += count;
        if (far->places_used == PLACES)
            WR_TRY(put_places(split, far, err));
    }
    return WR_OK;
}

wr_status wr_ar_far_add(ar_split *split, ar_far *far, uint32_t node, const ar_batch *batch, wr_error *err)
{
    uint64_t used = split->pool.used;

    if (far->room.capacity > 0)
        far->room.bytes = wr_ar_pool_take(&split->pool, far->room.capacity);
    WR_TRY(wr_ar_load(split, batch, node, split->file->nodes[node].end, batch->rows, UINT64_MAX, err));
    if (split->cursors[node].length != batch->rows)
        return WR_RAISE(err, WR_CORRUPT, "a dictionary's values are not as many as it says");
    WR_TRY(keep_rows(split, far, node, batch->rows, err));
    split->pool.used = used;
    return WR_OK;
}

wr_status wr_ar_far_end(ar_split *split, ar_far *far, wr_error *err)
{
    if (far->places_used > 0)
        WR_TRY(put_places(split, far, err));
    far->places_at = 0;
    far->bytes_at = 0;
    return WR_OK;
}

/* ---- Reading ------------------------------------------------------------------------------------ */

static wr_status have_place(ar_split *split, ar_far *far, uint32_t number, wr_error *err)
{
    size_t got;

    if (far->places_at == number + 1)
        return WR_OK;
    far->places_at = 0;
    WR_TRY(wr_scratch_read(split->aside, far->index[number], 0, far->places, PLACES * sizeof *far->places, &got,
                           err));
    if (got != PLACES * sizeof *far->places)
        return WR_RAISE(err, WR_CORRUPT, "a dictionary's places are cut");
    far->places_at = number + 1;
    return WR_OK;
}

wr_status wr_ar_far_read(ar_split *split, uint32_t n, uint32_t code, ar_cell *out, wr_error *err)
{
    ar_far        *far = split->cursors[n].words.far;
    uint32_t       index = far->count - 1 - code;
    const place   *at = &far->places[index % PLACES];
    const uint8_t *bytes;
    size_t         got;
    wr_str         text;

    out->value = NULL;
    out->is_far = false;
    WR_TRY(have_place(split, far, index / PLACES, err));
    if (at->piece == 0)
        return WR_OK;
    if (at->piece != far->bytes_at) {
        far->bytes_at = 0;
        WR_TRY(wr_scratch_read(split->aside, at->piece, 0, far->bytes, PIECE_BYTES, &got, err));
        far->bytes_at = at->piece;
    }
    bytes = far->bytes + at->offset;
    out->value = out->room;
    if (at->byte_count == IS_BLOB) {
        memcpy(&far->blob, bytes, sizeof far->blob);
        out->far = (ar_source){.blobs = &far->blob, .size = far->blob.byte_count};
        out->is_far = true;
    } else if (wr_type_is_bytes(split->file->nodes[n].type)) {
        text = wr_str_of((const char *)bytes, at->byte_count);
        memcpy(out->room, &text, sizeof text);
    } else {
        memcpy(out->room, bytes, at->byte_count);
    }
    return WR_OK;
}
