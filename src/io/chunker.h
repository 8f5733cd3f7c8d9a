/* io/chunker.h — an input in chunks, with what a chunk left over put before the next one.
 *
 * Text formats cut an input at record boundaries: a chunk is filled, the reader of the format finds
 * the last boundary in it, and the tail behind that is kept for the next chunk.
 * Invariants: bytes come out in order, each once; `kept_bytes_max` bytes can be kept.
 * Memory: the buffer of kept bytes. Threads: one at a time. Cost: one copy of each tail. */
#ifndef WR_IO_CHUNKER_H
#define WR_IO_CHUNKER_H

#include "io/carve.h"
#include "io/input.h"

typedef struct wr_chunker {
    wr_input *input;
    uint8_t  *kept;
    uint32_t  kept_bytes, kept_bytes_max;
    uint64_t  offset; /* in the input, of the byte that comes next */
} wr_chunker;

void wr_chunker_layout(wr_chunker *chunker, wr_input *input, uint32_t kept_bytes_max,
                       wr_carver *carver);

/** Fill up to `room` bytes; fewer only at the end of the input, and then 0 from there on. */
wr_status wr_chunker_fill(wr_chunker *chunker, uint8_t *chunk, uint32_t room, uint32_t *out_bytes,
                          wr_error *err) WR_MUST_USE;

/** Give bytes back: they come out first, before what is still kept.
 * Shape  `bytes` are the last ones that came out. */
void wr_chunker_keep(wr_chunker *chunker, const uint8_t *bytes, uint32_t byte_count);

#endif
