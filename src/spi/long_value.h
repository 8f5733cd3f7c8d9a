/* spi/long_value.h — a value that arrives in parts and is too long for memory becomes a blob handle.
 *
 * The parts go to scratch space in pieces of 16 KB; the positions of the pieces form an index of at
 * most two levels, which goes there as well: the handle is of fixed size, and so is the writer's
 * memory. Reading at any offset touches at most three pieces.
 *
 * Invariants: 1 <= bytes <= UINT32_MAX for every value; the handle's hash is wr_hash_bytes of the
 * whole value. Call order: layout, then per value begin, {add | patch}..., end.
 * Threads: a writer belongs to one thread; handles are read from any. Cost: one hash and one copy a
 * byte, plus the scratch space's own; a value that was patched is read and hashed once more. */
#ifndef WR_SPI_LONG_VALUE_H
#define WR_SPI_LONG_VALUE_H

#include "io/carve.h"
#include "mem/scratch.h"
#include "types/str.h"

typedef struct wr_long_writer {
    const wr_scratch    *scratch;
    uint8_t             *piece;        /* what is not put aside yet                       */
    wr_scratch_position *index[2];     /* of pieces; of full index pieces                 */
    void                *hash;         /* of everything so far                            */
    uint32_t             piece_used;
    uint32_t             index_used[2];
    uint64_t             byte_count;
    char                 prefix[4];    /* the first bytes, for the string view            */
    bool                 is_patched;   /* something was that is not in `piece`: the hash is wrong */
} wr_long_writer;

enum { WR_LONG_PIECE_BYTES = 16 * 1024 };

/** Give the writer its buffers. `scratch` outlives every handle. */
void wr_long_writer_layout(wr_long_writer *writer, const wr_scratch *scratch, wr_carver *carver);

void wr_long_writer_begin(wr_long_writer *writer);

/** Errors WR_DATA above UINT32_MAX bytes; WR_NO_SPACE, WR_IO from the scratch space. */
wr_status wr_long_writer_add(wr_long_writer *writer, const void *bytes, size_t byte_count,
                             wr_error *err) WR_MUST_USE;

/** Let the four bytes at `offset`, which were added, be `value`. A piece that was put aside is written anew.
 * Shape    `room` has WR_LONG_PIECE_BYTES
 * Errors   WR_IO, WR_CORRUPT, WR_NO_SPACE from the scratch space */
wr_status wr_long_writer_patch(wr_long_writer *writer, uint64_t offset, uint32_t value, void *room,
                               wr_error *err) WR_MUST_USE;

/** What was added so far, anywhere; all of it was.
 * Errors   WR_IO, WR_CORRUPT from the scratch space
 * Cost     a copy for the last piece, else a piece or two read */
wr_status wr_long_writer_read(const wr_long_writer *writer, uint64_t offset, void *buffer,
                              size_t byte_count, wr_error *err) WR_MUST_USE;

/** Fill in the handle; the writer is ready to begin again. */
wr_status wr_long_writer_end(wr_long_writer *writer, wr_blob *out_blob, wr_error *err) WR_MUST_USE;

#endif
