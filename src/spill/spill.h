/* spill/spill.h — spilled bytes of one query: one unnamed file, recycled extents, checked blocks.
 *
 * A spill owns one scratch file (never on tmpfs; nothing is left by a crash). The file is cut into
 * extents; a fixed bit map, sized at open from the quota, says which are in use, so the spill's own
 * memory does not grow with the data. A stream is an append-only sequence of blocks in a chain of
 * extents: the resident part of a stream is a few words, however long it gets. A block is 1 byte up
 * to block_bytes_max, stored with a header {magic, stream salt, raw bytes, stored bytes, codec,
 * XXH3-64 of header and of content, links} and verified on every read: a stale, torn or flipped
 * block is WR_CORRUPT. Blocks are LZ4-compressed or stored raw, whichever the measured disk and
 * codec speeds and the ratio of the stream's recent blocks make cheaper (chosen online).
 *
 * Invariants
 *  1. Appending needs only the spill's own lease: the path that frees memory needs no memory.
 *  2. Extents in use <= quota; ENOSPC and the quota are WR_NO_SPACE naming the folder and numbers.
 *  3. Extents of a stream that was freed, or consumed by a cursor, are reused at once; the file
 *     system gets their blocks back (what was not written to disk yet never is).
 *  4. A failed write or sync is never retried on the same bytes.
 * Threads: a stream has one writer at a time; any number of cursors may read finished streams; the
 * spill itself is safe from any thread. Cost: a pwrite a block, two preads to get it back; without
 * a codec 2.5 GB/s into the page cache, 5 GB/s out of it, checks included.
 * Source: extents as in PostgreSQL's logtape.c; online codec choice as in Umami (SIGMOD 2025). */
#ifndef WR_SPILL_SPILL_H
#define WR_SPILL_SPILL_H

#include <stdint.h>

#include "base/error.h"
#include "mem/arena.h"
#include "mem/scratch.h"
#include "types/str.h"

typedef struct wr_spill wr_spill;

typedef struct wr_spill_options {
    const char *folder;          /* must not be memory (wr_path_is_memory)                   */
    uint64_t    quota_bytes;     /* 0: free space - 1 GiB                                    */
    uint32_t    block_bytes_max; /* largest block any stream will append                     */
    uint32_t    worker_count;    /* concurrent appenders and readers that get a codec buffer */
    bool        compress;        /* false: always raw (for measurements)                     */
} wr_spill_options;

/** Codec buffers per worker, bit map: about (worker_count + 1) * (2 * block_bytes_max + 17 KB) +
 *  37 KB. Shape: a formula over the options only. */
uint64_t wr_spill_lease_min(const wr_spill_options *options);

/** The file is created at the first append, so a query that never spills touches no disk.
 * Owner    `lease` (open, >= wr_spill_lease_min) outlives the spill.
 * Errors   WR_IO the folder is missing, not writable or in memory: names it and the remedy
 *          WR_NO_RESERVE the lease is smaller than wr_spill_lease_min */
wr_status wr_spill_new(const wr_spill_options *options, wr_lease *lease, wr_spill **out_spill,
                       wr_error *err) WR_MUST_USE;
void wr_spill_free(wr_spill *spill); /* NULL is a no-op */

typedef struct wr_spill_stats {
    uint64_t raw_bytes_written;    /* before compression                   */
    uint64_t stored_bytes_written; /* what went to disk                    */
    uint64_t stored_bytes_read;
    uint64_t disk_bytes, disk_bytes_peak; /* extents in use                */
} wr_spill_stats;

void wr_spill_stats_read(const wr_spill *spill, wr_spill_stats *out_stats);

/** A place in a stream: file offset of a block. 0 is "nowhere". */
typedef uint64_t wr_spill_position;

/** Embed by value; zeroed = empty stream. Copying it moves it. */
typedef struct wr_spill_stream {
    wr_spill         *spill;
    wr_spill_position first;          /* of the first block, 0 if empty                      */
    uint64_t          next_offset;    /* where the next block goes, 0 before the first       */
    uint64_t          last_extent;    /* the last one that has a block                       */
    uint64_t          oldest_extent;  /* the first one not yet consumed                      */
    uint64_t          block_count;
    uint64_t          raw_bytes, stored_bytes;
    uint32_t          salt;           /* tells its blocks from those an extent held before   */
    uint32_t          ratio_permille; /* stored / raw of recent LZ4 blocks                   */
} wr_spill_stream;

/** Begin an empty stream. Cost O(1), no I/O. */
void wr_spill_stream_init(wr_spill_stream *stream, wr_spill *spill);

/** Append one block; *out_position (NULL allowed) is where a cursor can start at it.
 *
 * Errors   WR_NO_SPACE, WR_IO: the stream can only be freed */
wr_status wr_spill_append(wr_spill_stream *stream, const void *bytes, uint32_t byte_count,
                          wr_spill_position *out_position, wr_error *err) WR_MUST_USE;

/** Free all extents; the stream is empty again. Idempotent. Reads one header per extent; what it
 *  cannot read stays in use until the spill is freed. */
void wr_spill_stream_release(wr_spill_stream *stream);

/** Reads the blocks of a finished stream in order. */
typedef struct wr_spill_cursor {
    wr_spill_stream  *stream;
    wr_spill_position next;         /* 0: at the end                          */
    uint32_t          stored_bytes; /* of the last block read: the next is similar */
    bool              consume;      /* free extents when passed               */
} wr_spill_cursor;

/** `consume`: this is the only cursor of the stream; extents are freed behind it, and after the
 *  last block the stream is empty. */
void wr_spill_cursor_init(wr_spill_cursor *cursor, wr_spill_stream *stream, bool consume);

/** Start in the middle, at a position that wr_spill_append gave. */
void wr_spill_cursor_seek(wr_spill_cursor *cursor, wr_spill_position position);

/** Read the next block into `buffer` (block_bytes_max bytes); *out_bytes 0: end of the stream.
 * Errors   WR_CORRUPT, WR_IO */
wr_status wr_spill_cursor_next(wr_spill_cursor *cursor, void *buffer, uint32_t buffer_bytes,
                               uint32_t *out_bytes, wr_error *err) WR_MUST_USE;

/** Tell the disk that the next block will be wanted soon; never fails. */
void wr_spill_cursor_prefetch(wr_spill_cursor *cursor);

/** Copy a long value (read through its own read function, in pieces of block_bytes_max) and fill
 *  *out_blob, which reads it back at any offset; both stay until the spill is freed.
 * Errors   WR_NO_SPACE, WR_IO, what the blob's read says, WR_CORRUPT if it is shorter than it says
 * Cost     reading at an offset looks at 2*log2(blocks of the value) headers first */
wr_status wr_spill_blob_store(wr_spill *spill, const wr_blob *blob, wr_blob *out_blob,
                              wr_error *err) WR_MUST_USE;

/** The scratch interface of mem/scratch.h, backed by this spill; pieces of any length. */
void wr_spill_scratch(wr_spill *spill, wr_scratch *out_scratch);

#endif
