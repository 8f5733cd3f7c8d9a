/* io/lz4_block.h — LZ4 blocks decoded piece by piece, with 64 KB of history and nothing else.
 *
 * The library wants a whole block and room for all of it; a page of a file may be larger than any
 * lease. Here a block may come and go in pieces of any size.
 * Invariants
 *  1. Nothing outside the given room and the history is ever read or written, whatever the data.
 *  2. A match reaches into the history of the same block, or of what `linked` blocks gave before it.
 * Threads: one at a time. Cost: about 1 GB/s in pieces of 64 KB. Source: lz4_Block_format.md. */
#ifndef WR_BUILDING_IO
#error "private to src/io"
#endif
#ifndef WR_IO_LZ4_BLOCK_H
#define WR_IO_LZ4_BLOCK_H

#include "codec_priv.h"

enum { WR_LZ4_HISTORY_BYTES = 64 * 1024 };

typedef struct wr_lz4_block {
    uint8_t  phase;
    uint8_t  match_nibble; /* of the token                             */
    uint32_t distance;
    uint64_t length;       /* left of the literals or the match        */
    uint32_t history_bytes; /* valid ones before `history_next`         */
    uint32_t history_next;
    uint8_t  history[WR_LZ4_HISTORY_BYTES];
} wr_lz4_block;

/** A block is to come; `linked`: it may refer to the blocks before it. */
void wr_lz4_block_begin(wr_lz4_block *block, bool linked);

/** Decode while there is input and room. Never WR_CODEC_END: where a block ends, its frame says. */
wr_codec_flow wr_lz4_block_decode(wr_lz4_block *block, wr_codec_io *io);

/** May the block end here? */
bool wr_lz4_block_may_end(const wr_lz4_block *block);

/** Bytes that went out beside the decoder: history of linked blocks. */
void wr_lz4_block_note(wr_lz4_block *block, const uint8_t *bytes, size_t byte_count);

#endif
