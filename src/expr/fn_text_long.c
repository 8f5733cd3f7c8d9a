/* expr/fn_text_long.c — measuring, cutting and searching texts that lie on disk, in one pass through a buffer.
 *
 * A text of any length takes no more memory than a short one; what is cut out of it and long stays where it
 * is. Cost: reading it, about 1 ns a byte. */
#include <string.h>

#include "expr/fn_text_priv.h"
#include "types/packed.h"

enum { PIECE_BYTES = 4096, COPIED_BYTES_MAX = 4096 };

static wr_status read_piece(const wr_blob *text, uint64_t at, uint64_t end, char piece[PIECE_BYTES],
                            size_t *out_bytes, wr_error *err)
{
    *out_bytes = end - at < PIECE_BYTES ? (size_t)(end - at) : PIECE_BYTES;
    return wr_blob_read(text, at, piece, *out_bytes, err);
}

wr_status wr_long_text_count(const wr_blob *text, uint64_t end, int64_t *out_count, wr_error *err)
{
    char   piece[PIECE_BYTES];
    size_t got;

    *out_count = 0;
    for (uint64_t at = 0; at < end; at += got) {
        WR_TRY(read_piece(text, at, end, piece, &got, err));
        *out_count += count_points((wr_text){piece, got});
    }
    return WR_OK;
}

/* Where the code point begins that is the index-th from `from` on, where one begins; or the end. */
static wr_status find_point(const wr_blob *text, uint64_t from, int64_t index, uint64_t *out_offset,
                            wr_error *err)
{
    char   piece[PIECE_BYTES];
    size_t got;

    for (uint64_t at = from; at < text->byte_count; at += got) {
        int64_t count;

        WR_TRY(read_piece(text, at, text->byte_count, piece, &got, err));
        count = count_points((wr_text){piece, got});
        if (index >= count) {
            index -= count;
            continue;
        }
        *out_offset = at;
        while (!is_start(piece[*out_offset - at]) || index-- > 0)
            ++*out_offset;
        return WR_OK;
    }
    *out_offset = text->byte_count;
    return WR_OK;
}

wr_status wr_long_text_cut(wr_eval *eval, const wr_blob *text, int64_t from, int64_t to,
                           wr_vector *out, uint32_t row, wr_error *err)
{
    const wr_packed whole = {.blob = text, .byte_count = text->byte_count};
    uint64_t        begin = 0, end = 0;
    wr_blob_part   *part;
    char            small[WR_STR_INLINE_BYTES], *room;
    size_t          byte_count;

    from = from < 0 ? 0 : from;
    if (to > from) {
        WR_TRY(find_point(text, 0, from, &begin, err));
        WR_TRY(find_point(text, begin, to - from, &end, err));
    }
    byte_count = (size_t)(end > begin ? end - begin : 0);
    if (byte_count > COPIED_BYTES_MAX) {
        part = wr_bump_try_alloc(eval->heap, sizeof *part);
        if (!part)
            return WR_NO_RESERVE;
        out->flags |= WR_VECTOR_BLOBS;
        return wr_blob_part_init(part, &whole, (wr_slot){.offset = begin, .byte_count = byte_count},
                                 text, (wr_str *)out->data + row, err);
    }
    room = result_room(eval, byte_count, small);
    if (!room)
        return WR_NO_RESERVE;
    WR_TRY(wr_blob_read(text, begin, room, byte_count, err));
    put_part(out, row, room, byte_count);
    return WR_OK;
}

wr_status wr_long_text_find(wr_eval *eval, const wr_blob *text, wr_text part, uint64_t *out_at,
                            wr_error *err)
{
    char   piece[PIECE_BYTES], *bytes = piece;
    size_t capacity = sizeof piece, used = 0;

    *out_at = part.byte_count == 0 ? 0 : UINT64_MAX;
    if (part.byte_count == 0 || part.byte_count > text->byte_count)
        return WR_OK;
    if (part.byte_count > sizeof piece / 4) {
        capacity = 4 * part.byte_count;
        bytes = wr_bump_try_alloc(eval->heap, capacity);
        if (!bytes)
            return WR_NO_RESERVE;
    }
    for (uint64_t at = 0; at < text->byte_count;) {
        uint64_t    left = text->byte_count - at;
        size_t      now = left < capacity - used ? (size_t)left : capacity - used;
        const char *hit;

        WR_TRY(wr_blob_read(text, at, bytes + used, now, err));
        at += now;
        used += now;
        hit = memmem(bytes, used, part.bytes, part.byte_count);
        if (hit) {
            *out_at = at - used + (uint64_t)(hit - bytes);
            return WR_OK;
        }
        /* one may begin in the last bytes */
        now = used < part.byte_count - 1 ? used : part.byte_count - 1;
        memmove(bytes, bytes + used - now, now);
        used = now;
    }
    return WR_OK;
}

wr_status wr_long_text_has(const wr_blob *text, uint64_t at, wr_text part, bool *out_has, wr_error *err)
{
    char   piece[PIECE_BYTES];
    size_t got;

    *out_has = at <= text->byte_count && part.byte_count <= text->byte_count - at;
    for (uint64_t done = 0; *out_has && done < part.byte_count; done += got) {
        WR_TRY(read_piece(text, at + done, at + part.byte_count, piece, &got, err));
        *out_has = memcmp(piece, part.bytes + done, got) == 0;
    }
    return WR_OK;
}
