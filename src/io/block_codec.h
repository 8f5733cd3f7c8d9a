/* io/block_codec.h — compressed blocks inside a format: pages of Parquet, buffers of Arrow.
 *
 * A block is what a format's own header measures: so many stored bytes that are so many raw bytes.
 * A decoder gives back exactly those, at once into a buffer or piece by piece through a window, and
 * refuses everything else; an encoder makes a block of a buffer.
 *
 * Invariants
 *  1. All state lives in the workspace that the caller gives, typically a part of its lease. The
 *     ..._lease_min formulas depend on codec, window and level, never on data. Nothing is allocated.
 *  2. No block makes a decoder write more than its raw bytes, or read more than its stored bytes.
 *  3. Every block is checked to its end: one that is done was decoded whole, its checksums held, and
 *     nothing was left over. Frames that follow each other inside a block are one block.
 * Call order: wr_codec_require while planning -> init once -> for every block either
 * wr_block_decode, or begin and then run until it says done. A decoder that failed may begin again.
 * Errors say codec, what and at which byte of the block; callers add file and place (WR_TRY_WHILE).
 * Owner    the workspace stays the caller's; there is nothing to close.
 * Threads: a decoder or encoder belongs to one thread at a time; everything else is pure.
 * Cost: the libraries' own, and a call or two a piece. Blocks decoded at once need no window and
 * are not copied: 1.5 to 2 times as fast as pieces for zstd.
 *
 * Codecs: zstd, gzip (zlib's framing is read as well), lz4 (frames, as in Arrow), lz4_raw (as in
 * Parquet), brotli, snappy; bz2 and xz, which no format has asked for. */
#ifndef WR_IO_BLOCK_CODEC_H
#define WR_IO_BLOCK_CODEC_H

#include "io/codec.h"

/* ---- Windows ---------------------------------------------------------------------------------- */

/** As many first bytes of a block tell its window. */
enum { WR_BLOCK_HEAD_BYTES = 64 };

/** History that decoding the block with this head (of `head_bytes`, up to WR_BLOCK_HEAD_BYTES) piece
 *  by piece needs: what wr_block_decoder_lease_min wants. Where a codec's blocks do not tell, the
 *  most that the format allows or its writers use. */
uint64_t wr_block_window(wr_codec codec, const void *head, size_t head_bytes);

/* ---- Decoding --------------------------------------------------------------------------------- */

typedef struct wr_block_decoder wr_block_decoder;

/** Bytes of workspace. window_bytes 0: for wr_block_decode only. */
uint64_t wr_block_decoder_lease_min(wr_codec codec, uint64_t window_bytes);

/** Make a decoder in `workspace`, 16-aligned, of wr_block_decoder_lease_min bytes, content open. */
wr_block_decoder *wr_block_decoder_init(wr_codec codec, uint64_t window_bytes, void *workspace);

/** A block at once: `stored_bytes` bytes into exactly `raw_bytes` bytes at `raw`.
 * Errors   WR_CORRUPT damaged, cut, or not of that size */
wr_status wr_block_decode(wr_block_decoder *decoder, const void *stored, size_t stored_bytes,
                          void *raw, size_t raw_bytes, wr_error *err) WR_MUST_USE;

/** Both ends of a piece: wr_block_decoder_run moves the pointers on. */
typedef struct wr_block_piece {
    const uint8_t *in;
    size_t         in_bytes;
    uint8_t       *out;
    size_t         out_bytes;
} wr_block_piece;

/** A block is to come in pieces. What the decoder was at is forgotten. */
void wr_block_decoder_begin(wr_block_decoder *decoder, uint64_t stored_bytes, uint64_t raw_bytes);

/** Decode until the piece's input is used up, its room is full, or the block is done. Input behind the
 *  block is not touched. Not done and input left means: no room; not done and room left: no input.
 * Errors   WR_CORRUPT   damaged, cut, or not of the size that begin was told
 *          WR_NO_MEMORY the block's window is larger than the decoder's: names both. Decode it at
 *                       once, or with a larger workspace */
wr_status wr_block_decoder_run(wr_block_decoder *decoder, wr_block_piece *piece, bool *out_done,
                               wr_error *err) WR_MUST_USE;

/* ---- Encoding --------------------------------------------------------------------------------- */

typedef struct wr_block_encoder wr_block_encoder;

/** The level to use for what a user asked, 0 being the codec's default.
 * Errors   WR_INVALID names the codec's levels */
wr_status wr_block_level(wr_codec codec, int asked, int *out_level, wr_error *err) WR_MUST_USE;

/** Bytes of workspace; `level` as wr_block_level gave it. Most blocks have at most `raw_bytes`: longer
 *  ones may, but take more room than they could. */
uint64_t wr_block_encoder_lease_min(wr_codec codec, int level, uint64_t raw_bytes);

/** Make an encoder in `workspace`, 16-aligned, of wr_block_encoder_lease_min bytes, content open. */
wr_block_encoder *wr_block_encoder_init(wr_codec codec, int level, uint64_t raw_bytes,
                                        void *workspace);

/** Most bytes that a block of `raw_bytes` takes. */
uint64_t wr_block_bound(wr_codec codec, uint64_t raw_bytes);

/** One block of `raw`, into room for at least wr_block_bound(raw_bytes) bytes.
 * Errors   WR_BUG the library refuses what it should not */
wr_status wr_block_encode(wr_block_encoder *encoder, const void *raw, size_t raw_bytes, void *stored,
                          size_t stored_room, size_t *out_stored_bytes,
                          wr_error *err) WR_MUST_USE;

#endif
