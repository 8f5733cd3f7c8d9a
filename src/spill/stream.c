/* spill/stream.c — blocks in a row through a chain of extents; appending, reading, freeing.
 *
 * Forward, blocks are linked by `next`, which is known when a block is written: the place right
 * behind it, or, when a block of the largest kind would not fit there any more, the start of a
 * fresh extent. So the last block of an extent reserves the next extent. Backward, the first block
 * of each extent names the extent before it: that is how a stream is freed with one read an extent.
 * The stream ends where the next block would go; no mark on disk is needed. */
#include "spill/spill_priv.h"

void wr_spill_stream_init(wr_spill_stream *stream, wr_spill *spill)
{
    *stream = (wr_spill_stream){
        .spill = spill,
        .salt = atomic_fetch_add_explicit(&spill->next_salt, 1, memory_order_relaxed) + 1,
    };
}

/* --- appending ---------------------------------------------------------------------------- */

wr_status wr_spill_stream_place(wr_spill_stream *stream, wr_spill_header *header,
                                wr_spill_position *out_position, uint64_t *out_extent_taken,
                                wr_error *err)
{
    wr_spill *spill = stream->spill;
    uint64_t largest = sizeof *header + (uint64_t)spill->block_bytes_max;
    uint64_t position, extent, behind, taken = 0;

    if (stream->next_offset == 0)
        WR_TRY(wr_spill_extent_take(spill, &stream->next_offset, err));
    position = stream->next_offset;
    extent = wr_spill_extent_of(spill, position);
    behind = position + wr_spill_block_disk_bytes(stream, header);
    if (behind + largest > extent + spill->extent_bytes)
        WR_TRY(wr_spill_extent_take(spill, &taken, err));
    header->salt = stream->salt;
    header->next = taken ? taken : behind;
    header->previous_extent = position == extent ? stream->last_extent : 0;
    *out_position = position;
    *out_extent_taken = taken;
    return WR_OK;
}

void wr_spill_stream_advance(wr_spill_stream *stream, const wr_spill_header *header,
                             wr_spill_position position)
{
    uint32_t bytes = wr_spill_block_disk_bytes(stream, header);

    stream->next_offset = header->next;
    stream->last_extent = wr_spill_extent_of(stream->spill, position);
    if (stream->block_count == 0) {
        stream->first = position;
        stream->oldest_extent = stream->last_extent;
    }
    stream->block_count++;
    stream->raw_bytes += header->raw_bytes;
    stream->stored_bytes += bytes;
    if (bytes > stream->largest_bytes)
        stream->largest_bytes = bytes;
    atomic_fetch_add_explicit(&stream->spill->raw_bytes_written, header->raw_bytes,
                              memory_order_relaxed);
}

static wr_status append_encoded(wr_spill_stream *stream, wr_spill_slot *slot,
                                wr_spill_position *out_position, wr_error *err)
{
    wr_spill_header *header = (wr_spill_header *)(void *)slot->out;
    wr_spill_position position;
    uint64_t taken;
    wr_status status;

    WR_TRY(wr_spill_stream_place(stream, header, &position, &taken, err));
    status = wr_spill_block_write(stream->spill, slot, position, err);
    if (status != WR_OK) {
        if (taken)
            wr_spill_extent_give(stream->spill, taken);
        return status;
    }
    wr_spill_stream_advance(stream, header, position);
    if (out_position)
        *out_position = position;
    return WR_OK;
}

static wr_status append_part(wr_spill_stream *stream, const uint8_t *bytes, uint32_t byte_count,
                             uint32_t more_bytes, wr_spill_position *out_position, wr_error *err)
{
    wr_spill      *spill = stream->spill;
    wr_spill_slot *slot = wr_spill_slot_take(spill, WR_SPILL_FOR_BLOCK);
    wr_status      status;

    wr_spill_block_encode(spill, slot->compressor, slot->out, bytes, byte_count,
                          stream->block_count, &stream->ratio_permille)
        ->more_bytes = more_bytes;
    status = append_encoded(stream, slot, out_position, err);
    wr_spill_slot_give(spill, slot);
    return status;
}

wr_status wr_spill_append(wr_spill_stream *stream, const void *bytes, uint32_t byte_count,
                          wr_spill_position *out_position, wr_error *err)
{
    uint32_t done = 0, part;

    wr_assert(byte_count > 0, "a block has at least one byte");
    wr_assert(!stream->is_direct, "a direct stream has a writer");
    for (; done < byte_count; done += part) {
        part = wr_spill_part_bytes(stream->spill, byte_count - done);
        WR_TRY(append_part(stream, (const uint8_t *)bytes + done, part, byte_count - done - part,
                           done == 0 ? out_position : NULL, err));
    }
    return WR_OK;
}

/* --- freeing ------------------------------------------------------------------------------ */

/* Free the extents from `extent` back to the oldest. Where a header cannot be read, the extents
 * before it stay in use until the spill is freed: freeing by guess could hit another stream. */
static void free_back_from(wr_spill_stream *stream, uint64_t extent)
{
    wr_spill *spill = stream->spill;

    for (;;) {
        wr_spill_header header;
        bool is_oldest = extent == stream->oldest_extent;
        bool is_known =
            is_oldest || wr_spill_header_read(spill, extent, stream->salt, &header, NULL) == WR_OK;

        wr_spill_extent_give(spill, extent);
        if (is_oldest || !is_known)
            return;
        extent = header.previous_extent;
    }
}

void wr_spill_stream_release(wr_spill_stream *stream)
{
    wr_spill *spill = stream->spill;

    if (!spill || stream->next_offset == 0)
        return;
    if (wr_spill_extent_of(spill, stream->next_offset) != stream->last_extent)
        wr_spill_extent_give(spill, wr_spill_extent_of(spill, stream->next_offset));
    if (stream->last_extent != 0)
        free_back_from(stream, stream->last_extent);
    wr_spill_stream_init(stream, spill);
}

/* --- reading ------------------------------------------------------------------------------ */

void wr_spill_cursor_init(wr_spill_cursor *cursor, wr_spill_stream *stream, bool consume)
{
    *cursor = (wr_spill_cursor){.stream = stream, .next = stream->first, .consume = consume};
}

void wr_spill_cursor_seek(wr_spill_cursor *cursor, wr_spill_position position)
{
    cursor->next = position;
}

/* Go on behind the block at `position`, and free what a consuming cursor leaves behind. */
static void step_over(wr_spill_cursor *cursor, wr_spill_position position, wr_spill_position next)
{
    wr_spill_stream *stream = cursor->stream;
    uint64_t extent = wr_spill_extent_of(stream->spill, position);
    uint64_t next_extent = wr_spill_extent_of(stream->spill, next);

    cursor->next = next == stream->next_offset ? 0 : next;
    if (!cursor->consume)
        return;
    if (cursor->next == 0) {
        wr_spill_stream_release(stream);
    } else if (next_extent != extent) {
        free_back_from(stream, extent);
        stream->oldest_extent = next_extent;
        stream->first = next;
    }
}

/* Where a cursor puts what it reads. */
typedef struct target {
    uint8_t *bytes;
    uint32_t room, used;
    uint32_t more_bytes; /* of the block that is being read */
} target;

/* `header` has the next part: is it the one that is expected, and is there room for it? */
static wr_status check_part(const wr_spill_cursor *cursor, const target *to,
                            const wr_spill_header *header, wr_error *err)
{
    if (to->more_bytes > 0 && to->more_bytes != header->raw_bytes + header->more_bytes)
        return WR_RAISE(err, WR_CORRUPT, "a spilled block in '%s' has parts of another one",
                        cursor->stream->spill->folder);
    wr_assert((uint64_t)header->raw_bytes + header->more_bytes <= to->room - to->used,
              "a cursor's buffer holds the largest block");
    return WR_OK;
}

static void take_part(wr_spill_cursor *cursor, target *to, const wr_spill_header *header,
                      wr_spill_position position)
{
    to->used += header->raw_bytes;
    to->more_bytes = header->more_bytes;
    cursor->stored_bytes = header->stored_bytes;
    step_over(cursor, position, header->next);
}

/* One part through the page cache. */
static wr_status read_cached(wr_spill_cursor *cursor, target *to, wr_error *err)
{
    wr_spill         *spill = cursor->stream->spill;
    wr_spill_position position = cursor->next;
    wr_spill_header   header;

    WR_TRY(wr_spill_header_read(spill, position, cursor->stream->salt, &header, err));
    WR_TRY(check_part(cursor, to, &header, err));
    WR_TRY(wr_spill_content_read(spill, position, &header, to->bytes + to->used, err));
    take_part(cursor, to, &header, position);
    return WR_OK;
}

/* The part whose units begin `at` of those that were read from `start` on. */
static wr_status read_part(wr_spill_cursor *cursor, wr_spill_position start, const uint8_t *units,
                           uint32_t unit_bytes, uint32_t *at, target *to, wr_error *err)
{
    wr_spill_stream       *stream = cursor->stream;
    const wr_spill_header *header = (const wr_spill_header *)(const void *)(units + *at);
    wr_spill_position      position = start + *at;

    WR_TRY(wr_spill_block_check(stream->spill, header, unit_bytes - *at, position, stream->salt,
                                err));
    WR_TRY(check_part(cursor, to, header, err));
    WR_TRY(wr_spill_block_unpack(stream->spill, header, position, to->bytes + to->used, err));
    *at += wr_spill_block_disk_bytes(stream, header);
    take_part(cursor, to, header, position);
    return WR_OK;
}

/* Is there a next part or block to read, and, if it is a block, room for any? */
static bool wants_more(const wr_spill_cursor *cursor, const target *to, uint32_t block_bytes)
{
    return cursor->next != 0 && (to->more_bytes > 0 || to->room - to->used >= block_bytes);
}

/* What one access to a direct stream gives. */
static wr_status read_units(wr_spill_cursor *cursor, uint8_t *units, target *to,
                            uint32_t block_bytes, wr_error *err)
{
    wr_spill         *spill = cursor->stream->spill;
    wr_spill_position start = cursor->next;
    uint64_t blocks = (to->room - to->used) / block_bytes;
    uint64_t wanted = (blocks ? blocks : 1) * cursor->stream->largest_bytes;
    uint32_t most = wr_spill_slot_room(spill), moved, at = 0;

    WR_TRY(wr_spill_units_read(spill, start, units, wanted < most ? (uint32_t)wanted : most, &moved,
                               err));
    WR_TRY(read_part(cursor, start, units, moved, &at, to, err));
    while (wants_more(cursor, to, block_bytes) && cursor->next == start + at && at < moved) {
        /* What is not whole, or not right, the next access will show. */
        if (read_part(cursor, start, units, moved, &at, to, NULL) != WR_OK)
            break;
    }
    return WR_OK;
}

static wr_status read_some(wr_spill_cursor *cursor, target *to, uint32_t block_bytes, wr_error *err)
{
    wr_spill      *spill = cursor->stream->spill;
    wr_spill_slot *slot;
    wr_status      status;

    if (!cursor->stream->is_direct)
        return read_cached(cursor, to, err);
    slot = wr_spill_slot_take(spill, WR_SPILL_FOR_BLOCK);
    status = read_units(cursor, slot->out, to, block_bytes, err);
    wr_spill_slot_give(spill, slot);
    return status;
}

wr_status wr_spill_cursor_next_many(wr_spill_cursor *cursor, void *buffer, uint32_t buffer_bytes,
                                    uint32_t block_bytes, uint32_t *out_bytes, wr_error *err)
{
    bool   is_direct = cursor->stream->is_direct;
    target to = {.bytes = buffer, .room = buffer_bytes};

    *out_bytes = 0;
    if (cursor->is_broken)
        return WR_RAISE(err, WR_IO, "an earlier read from '%s' failed",
                        cursor->stream->spill->folder);
    while (wants_more(cursor, &to, block_bytes)) {
        bool      is_first = to.used == 0;
        wr_status status = read_some(cursor, &to, block_bytes, is_first || to.more_bytes ? err : NULL);

        if (status != WR_OK && (is_first || to.more_bytes > 0)) {
            cursor->is_broken = to.more_bytes > 0;
            return status;
        }
        if (status != WR_OK || (is_direct && to.more_bytes == 0))
            break; /* whole blocks were read: an error will come again */
    }
    *out_bytes = to.used;
    return WR_OK;
}

wr_status wr_spill_cursor_next(wr_spill_cursor *cursor, void *buffer, uint32_t buffer_bytes,
                               uint32_t *out_bytes, wr_error *err)
{
    return wr_spill_cursor_next_many(cursor, buffer, buffer_bytes, buffer_bytes, out_bytes, err);
}

void wr_spill_cursor_prefetch(wr_spill_cursor *cursor)
{
    wr_spill *spill = cursor->stream->spill;

    /* Not beyond the block: what is behind it may not have been written yet. */
    if (cursor->next != 0 && cursor->stored_bytes > 0 && !cursor->stream->is_direct)
        wr_file_will_need(&spill->file, cursor->next,
                          sizeof(wr_spill_header) + cursor->stored_bytes);
}
