/* lz4_block.c — see lz4_block.h.
 *
 * A sequence is: token, length of literals, literals, distance, length of the match. What a call put
 * out is history, too: a match copies from there, or from the ring, which takes over the tail of
 * each call's output at its end. */
#include "lz4_block.h"

#include <string.h>

enum {
    PHASE_TOKEN,
    PHASE_LITERAL_LENGTH, /* more bytes of it */
    PHASE_LITERALS,
    PHASE_DISTANCE_LOW,
    PHASE_DISTANCE_HIGH,
    PHASE_MATCH_LENGTH,
    PHASE_MATCH,
};

enum { NIBBLE_MAX = 15, MATCH_MIN = 4, RING_MASK = WR_LZ4_HISTORY_BYTES - 1 };

void wr_lz4_block_begin(wr_lz4_block *block, bool linked)
{
    block->phase = PHASE_TOKEN;
    block->length = 0;
    if (!linked)
        block->history_bytes = block->history_next = 0;
}

bool wr_lz4_block_may_end(const wr_lz4_block *block)
{
    return block->phase == PHASE_DISTANCE_LOW;
}

void wr_lz4_block_note(wr_lz4_block *block, const uint8_t *bytes, size_t byte_count)
{
    if (byte_count > WR_LZ4_HISTORY_BYTES) {
        bytes += byte_count - WR_LZ4_HISTORY_BYTES;
        byte_count = WR_LZ4_HISTORY_BYTES;
    }
    block->history_bytes = byte_count < WR_LZ4_HISTORY_BYTES - block->history_bytes
                               ? block->history_bytes + (uint32_t)byte_count
                               : WR_LZ4_HISTORY_BYTES;
    while (byte_count > 0) {
        size_t room = WR_LZ4_HISTORY_BYTES - block->history_next;
        size_t piece = byte_count < room ? byte_count : room;

        memcpy(block->history + block->history_next, bytes, piece);
        block->history_next = (block->history_next + (uint32_t)piece) & RING_MASK;
        bytes += piece;
        byte_count -= piece;
    }
}

/* Copy a match as far as there is room. `start`: where this call's output begins. */
static void copy_match(wr_lz4_block *block, wr_codec_io *io, const uint8_t *start)
{
    while (block->length > 0 && io->out_bytes > 0) {
        size_t produced = (size_t)(io->out - start);
        size_t piece = block->length < io->out_bytes ? (size_t)block->length : io->out_bytes;

        if (block->distance > produced) { /* before this call: in the ring */
            size_t   back = block->distance - produced;
            uint32_t at = (block->history_next - (uint32_t)back) & RING_MASK;

            piece = piece < back ? piece : back;
            piece = piece < WR_LZ4_HISTORY_BYTES - at ? piece : WR_LZ4_HISTORY_BYTES - at;
            memcpy(io->out, block->history + at, piece);
        } else { /* a match that overlaps itself repeats */
            piece = piece < block->distance ? piece : block->distance;
            memcpy(io->out, io->out - block->distance, piece);
        }
        io->out += piece;
        io->out_bytes -= piece;
        block->length -= piece;
    }
}

static void copy_literals(wr_lz4_block *block, wr_codec_io *io)
{
    size_t piece = block->length < io->out_bytes ? (size_t)block->length : io->out_bytes;

    piece = piece < io->in_bytes ? piece : io->in_bytes;
    if (piece > 0)
        memcpy(io->out, io->in, piece);
    wr_codec_advance(io, piece, piece);
    block->length -= piece;
}

/* Further bytes of a length. True when it is whole. */
static bool add_length(wr_lz4_block *block, wr_codec_io *io)
{
    while (io->in_bytes > 0) {
        uint8_t byte = *io->in++;

        io->in_bytes--;
        block->length += byte;
        if (byte < UINT8_MAX)
            return true;
    }
    return false;
}

/* The distance is whole. */
static bool begin_match(wr_lz4_block *block, const wr_codec_io *io, const uint8_t *start)
{
    if (block->distance == 0 ||
        block->distance > block->history_bytes + (uint64_t)(io->out - start))
        return false;
    block->length = (uint64_t)block->match_nibble + MATCH_MIN;
    block->phase = block->match_nibble == NIBBLE_MAX ? PHASE_MATCH_LENGTH : PHASE_MATCH;
    return true;
}

/* One byte of input that is not a literal, or a run of them. False: the distance is damaged. */
static bool take_byte(wr_lz4_block *block, wr_codec_io *io, const uint8_t *start)
{
    switch (block->phase) {
    case PHASE_TOKEN:
        block->match_nibble = *io->in & NIBBLE_MAX;
        block->length = *io->in >> 4;
        block->phase = block->length == NIBBLE_MAX ? PHASE_LITERAL_LENGTH : PHASE_LITERALS;
        break;
    case PHASE_LITERAL_LENGTH:
        if (add_length(block, io))
            block->phase = PHASE_LITERALS;
        return true;
    case PHASE_DISTANCE_LOW:
        block->distance = *io->in;
        block->phase = PHASE_DISTANCE_HIGH;
        break;
    case PHASE_DISTANCE_HIGH:
        block->distance |= (uint32_t)*io->in << 8;
        if (!begin_match(block, io, start))
            return false;
        break;
    case PHASE_MATCH_LENGTH:
        if (add_length(block, io))
            block->phase = PHASE_MATCH;
        return true;
    }
    io->in++;
    io->in_bytes--;
    return true;
}

wr_codec_flow wr_lz4_block_decode(wr_lz4_block *block, wr_codec_io *io)
{
    const uint8_t *start = io->out;
    bool           stuck = false, damaged = false;

    while (!stuck && !damaged) {
        if (block->phase == PHASE_LITERALS) {
            copy_literals(block, io);
            stuck = block->length > 0;
            if (!stuck)
                block->phase = PHASE_DISTANCE_LOW;
        } else if (block->phase == PHASE_MATCH) {
            copy_match(block, io, start);
            stuck = block->length > 0;
            if (!stuck)
                block->phase = PHASE_TOKEN;
        } else if (io->in_bytes == 0) {
            stuck = true;
        } else {
            damaged = !take_byte(block, io, start);
        }
    }
    wr_lz4_block_note(block, start, (size_t)(io->out - start));
    if (damaged)
        io->what = "a match reaches before the data's begin";
    return damaged ? WR_CODEC_DAMAGED : WR_CODEC_MORE;
}
