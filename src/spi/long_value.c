/* long_value.c — see the header. */
#include "spi/long_value.h"

#define XXH_STATIC_LINKING_ONLY /* the size of the streaming state */
#include <xxhash.h>

enum {
    PIECE_BYTES = WR_LONG_PIECE_BYTES,
    INDEX_COUNT = 512, /* positions in an index piece: 512 * 512 * 16 KB = 4 GiB */
    POSITION_COUNT = 64, /* ... of which so many are read at a time              */
};

#define INDEX_SPAN ((uint64_t)PIECE_BYTES * INDEX_COUNT)

void wr_long_writer_layout(wr_long_writer *writer, const wr_scratch *scratch, wr_carver *carver)
{
    *writer = (wr_long_writer){
        .scratch = scratch,
        .piece = wr_carve(carver, PIECE_BYTES),
        .index = {wr_carve(carver, INDEX_COUNT * sizeof(wr_scratch_position)),
                  wr_carve(carver, INDEX_COUNT * sizeof(wr_scratch_position))},
    };
    /* XXH3 wants its state 64-byte aligned. */
    writer->hash = wr_carve(carver, sizeof(XXH3_state_t) + 64);
    writer->hash = (void *)(((uintptr_t)writer->hash + 63) & ~(uintptr_t)63);
}

void wr_long_writer_begin(wr_long_writer *writer)
{
    writer->piece_used = writer->index_used[0] = writer->index_used[1] = 0;
    writer->byte_count = 0;
    writer->is_patched = false;
    memset(writer->prefix, 0, sizeof writer->prefix);
    XXH3_64bits_reset(writer->hash);
}

static wr_status push_position(wr_long_writer *writer, unsigned level,
                               wr_scratch_position position, wr_error *err)
{
    wr_scratch_position above;

    writer->index[level][writer->index_used[level]++] = position;
    if (level == 1 || writer->index_used[0] < INDEX_COUNT)
        return WR_OK;
    WR_TRY(wr_scratch_append(*writer->scratch, writer->index[0],
                             INDEX_COUNT * sizeof(wr_scratch_position), &above, err));
    writer->index_used[0] = 0;
    writer->index[1][writer->index_used[1]++] = above;
    return WR_OK;
}

static wr_status put_piece(wr_long_writer *writer, wr_error *err)
{
    wr_scratch_position position;

    WR_TRY(wr_scratch_append(*writer->scratch, writer->piece, writer->piece_used, &position, err));
    writer->piece_used = 0;
    return push_position(writer, 0, position, err);
}

wr_status wr_long_writer_add(wr_long_writer *writer, const void *bytes, size_t byte_count,
                             wr_error *err)
{
    const uint8_t *from = bytes;

    if (byte_count > UINT32_MAX - writer->byte_count)
        return WR_RAISE(err, WR_DATA, "a value is longer than %u bytes", UINT32_MAX);
    XXH3_64bits_update(writer->hash, bytes, byte_count);
    for (uint64_t i = writer->byte_count; i < 4 && i - writer->byte_count < byte_count; i++)
        writer->prefix[i] = (char)from[i - writer->byte_count];
    writer->byte_count += byte_count;
    while (byte_count > 0) {
        size_t room = PIECE_BYTES - writer->piece_used;
        size_t now = byte_count < room ? byte_count : room;

        /* A full piece waits until more comes, so that the last one is never empty. */
        if (room == 0) {
            WR_TRY(put_piece(writer, err));
            continue;
        }
        memcpy(writer->piece + writer->piece_used, from, now);
        writer->piece_used += (uint32_t)now;
        from += now;
        byte_count -= now;
    }
    return WR_OK;
}

/* Read the positions from `index` of an index piece on. */
static wr_status read_positions(const wr_scratch *scratch, wr_scratch_position piece, uint64_t index,
                                uint32_t count, wr_scratch_position *out_positions, wr_error *err)
{
    size_t got = 0;

    WR_TRY(wr_scratch_read(*scratch, piece, index * sizeof out_positions[0], out_positions,
                           count * sizeof out_positions[0], &got, err));
    if (got != count * sizeof out_positions[0])
        return WR_RAISE(err, WR_CORRUPT, "the index of a long value is cut");
    return WR_OK;
}

static wr_status read_position(const wr_scratch *scratch, wr_scratch_position piece, uint64_t index,
                               wr_scratch_position *out_position, wr_error *err)
{
    return read_positions(scratch, piece, index, 1, out_position, err);
}

/* Where the pieces with the next `bytes` bytes from `at` on lie, some of them; *out_count of them. */
static wr_status find_pieces(const wr_blob *blob, uint64_t at, size_t bytes,
                             wr_scratch_position *out_positions, uint32_t *out_count, wr_error *err)
{
    const wr_scratch   *scratch = blob->owner;
    wr_scratch_position index = blob->position;
    uint64_t            first = at % INDEX_SPAN / PIECE_BYTES;
    uint64_t            count = (at % PIECE_BYTES + bytes + PIECE_BYTES - 1) / PIECE_BYTES;

    *out_count = 1;
    out_positions[0] = index;
    if (blob->byte_count <= PIECE_BYTES)
        return WR_OK;
    if (blob->byte_count > INDEX_SPAN)
        WR_TRY(read_position(scratch, index, at / INDEX_SPAN, &index, err));
    count = count < INDEX_COUNT - first ? count : INDEX_COUNT - first;
    *out_count = (uint32_t)(count < POSITION_COUNT ? count : POSITION_COUNT);
    return read_positions(scratch, index, first, *out_count, out_positions, err);
}

/* ---- What was added ------------------------------------------------------------------------------ */

/* Where a piece lies that was put aside. */
static wr_status piece_position(const wr_long_writer *writer, uint64_t piece,
                                wr_scratch_position *out_position, wr_error *err)
{
    uint64_t index = piece / INDEX_COUNT;

    if (index < writer->index_used[1])
        return read_position(writer->scratch, writer->index[1][index], piece % INDEX_COUNT,
                             out_position, err);
    *out_position = writer->index[0][piece % INDEX_COUNT];
    return WR_OK;
}

/* Let a piece that was put aside lie elsewhere. */
static wr_status move_piece(wr_long_writer *writer, uint64_t piece, wr_scratch_position position,
                            wr_scratch_position *room, wr_error *err)
{
    uint64_t index = piece / INDEX_COUNT;

    if (index >= writer->index_used[1]) {
        writer->index[0][piece % INDEX_COUNT] = position;
        return WR_OK;
    }
    WR_TRY(read_positions(writer->scratch, writer->index[1][index], 0, INDEX_COUNT, room, err));
    room[piece % INDEX_COUNT] = position;
    return wr_scratch_append(*writer->scratch, room, INDEX_COUNT * sizeof *room,
                             &writer->index[1][index], err);
}

static wr_status patch_piece(wr_long_writer *writer, uint64_t piece, size_t at, const uint8_t *bytes,
                             size_t byte_count, uint8_t *room, wr_error *err)
{
    wr_scratch_position position;
    size_t              got = 0;

    WR_TRY(piece_position(writer, piece, &position, err));
    WR_TRY(wr_scratch_read(*writer->scratch, position, 0, room, PIECE_BYTES, &got, err));
    if (got != PIECE_BYTES)
        return WR_RAISE(err, WR_CORRUPT, "a long value is cut");
    memcpy(room + at, bytes, byte_count);
    WR_TRY(wr_scratch_append(*writer->scratch, room, PIECE_BYTES, &position, err));
    return move_piece(writer, piece, position, (wr_scratch_position *)(void *)room, err);
}

wr_status wr_long_writer_patch(wr_long_writer *writer, uint64_t offset, uint32_t value, void *room,
                               wr_error *err)
{
    uint64_t put_bytes = writer->byte_count - writer->piece_used;
    uint8_t  bytes[sizeof value];
    size_t   done = 0;

    wr_assert(offset + sizeof value <= writer->byte_count, "only what was added is patched");
    memcpy(bytes, &value, sizeof value);
    for (uint64_t i = offset; i < sizeof writer->prefix && i < offset + sizeof value; i++)
        writer->prefix[i] = (char)bytes[i - offset];
    writer->is_patched = true;
    while (done < sizeof value && offset + done < put_bytes) {
        size_t at = (size_t)((offset + done) % PIECE_BYTES), now = PIECE_BYTES - at;

        now = now < sizeof value - done ? now : sizeof value - done;
        WR_TRY(patch_piece(writer, (offset + done) / PIECE_BYTES, at, bytes + done, now, room, err));
        done += now;
    }
    if (done < sizeof value)
        memcpy(writer->piece + (offset + done - put_bytes), bytes + done, sizeof value - done);
    return WR_OK;
}

wr_status wr_long_writer_read(const wr_long_writer *writer, uint64_t offset, void *buffer,
                              size_t byte_count, wr_error *err)
{
    uint64_t put_bytes = writer->byte_count - writer->piece_used;
    uint8_t *out = buffer;

    wr_assert(offset + byte_count <= writer->byte_count, "only what was added is read");
    while (byte_count > 0 && offset < put_bytes) {
        size_t              now = PIECE_BYTES - offset % PIECE_BYTES, got = 0;
        wr_scratch_position position;

        WR_TRY(piece_position(writer, offset / PIECE_BYTES, &position, err));
        now = now < byte_count ? now : byte_count;
        WR_TRY(wr_scratch_read(*writer->scratch, position, offset % PIECE_BYTES, out, now, &got, err));
        if (got != now)
            return WR_RAISE(err, WR_CORRUPT, "a long value is cut");
        out += now;
        offset += now;
        byte_count -= now;
    }
    if (byte_count > 0)
        memcpy(out, writer->piece + (offset - put_bytes), byte_count);
    return WR_OK;
}

static wr_status read_value(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                            size_t *out_bytes, wr_error *err)
{
    const wr_scratch   *scratch = blob->owner;
    wr_scratch_position positions[POSITION_COUNT];
    uint32_t            next = 0, count = 0;
    size_t              done = 0;

    if (offset >= blob->byte_count)
        bytes = 0;
    else if (bytes > blob->byte_count - offset)
        bytes = (size_t)(blob->byte_count - offset);
    while (done < bytes) {
        uint64_t            at = offset + done;
        size_t              wanted = PIECE_BYTES - at % PIECE_BYTES, got = 0;

        if (next == count) {
            WR_TRY(find_pieces(blob, at, bytes - done, positions, &count, err));
            next = 0;
        }
        wanted = wanted < bytes - done ? wanted : bytes - done;
        WR_TRY(wr_scratch_read(*scratch, positions[next++], at % PIECE_BYTES, (uint8_t *)buffer + done,
                               wanted, &got, err));
        if (got != wanted)
            return WR_RAISE(err, WR_CORRUPT, "a long value is cut");
        done += got;
    }
    *out_bytes = done;
    return WR_OK;
}

/* The hash of what lies there now. */
static wr_status hash_again(wr_long_writer *writer, const wr_blob *blob, wr_error *err)
{
    size_t got = 1;

    XXH3_64bits_reset(writer->hash);
    for (uint64_t done = 0; done < blob->byte_count; done += got) {
        WR_TRY(read_value(blob, done, writer->piece, PIECE_BYTES, &got, err));
        XXH3_64bits_update(writer->hash, writer->piece, got);
    }
    return WR_OK;
}

wr_status wr_long_writer_end(wr_long_writer *writer, wr_blob *out_blob, wr_error *err)
{
    wr_scratch_position position;

    wr_assert(writer->byte_count > 0, "an empty value needs no scratch space");
    WR_TRY(wr_scratch_append(*writer->scratch, writer->piece, writer->piece_used, &position, err));
    if (writer->byte_count > PIECE_BYTES) {
        WR_TRY(push_position(writer, 0, position, err));
        position = 0;
        if (writer->index_used[0] > 0)
            WR_TRY(wr_scratch_append(*writer->scratch, writer->index[0],
                                     writer->index_used[0] * sizeof position, &position, err));
    }
    if (writer->byte_count > INDEX_SPAN) {
        if (position != 0)
            WR_TRY(push_position(writer, 1, position, err));
        WR_TRY(wr_scratch_append(*writer->scratch, writer->index[1],
                                 writer->index_used[1] * sizeof position, &position, err));
    } else if (writer->index_used[1] > 0) {
        position = writer->index[1][0]; /* exactly one full index piece */
    }
    *out_blob = (wr_blob){.byte_count = writer->byte_count, .read = read_value,
                          .owner = (void *)writer->scratch, .position = position};
    if (writer->is_patched)
        WR_TRY(hash_again(writer, out_blob, err));
    out_blob->hash = XXH3_64bits_digest(writer->hash);
    return WR_OK;
}
