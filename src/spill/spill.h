/* spill/spill.h — spilled bytes of one query: one unnamed file, recycled extents, checked blocks.
 *
 * A spill owns one scratch file (never on tmpfs; nothing is left by a crash). The file is cut into
 * extents; a fixed bit map, sized at open from the quota, says which are in use, so the spill's own
 * memory does not grow with the data. A stream is an append-only sequence of blocks in a chain of
 * extents: the resident part of a stream is a few words, however long it gets. A block has any
 * length and is stored in parts of up to block_bytes_max, each with a header {magic, stream salt, raw bytes, stored bytes, codec,
 * XXH3-64 of header and of content, links} and verified on every read: a stale, torn or flipped
 * block is WR_CORRUPT. Blocks are LZ4-compressed or stored raw, whichever the measured disk and
 * codec speeds and the ratio of the stream's recent blocks make cheaper (chosen online).
 *
 * Invariants
 *  1. Appending needs only the spill's own lease: the path that frees memory needs no memory.
 *  2. Extents in use <= quota; ENOSPC and the quota are WR_NO_SPACE naming the folder and numbers.
 *  3. Extents of a stream that was freed, or consumed by a cursor, are reused at once; the file
 *     system gets their blocks back (what was not written to disk yet never is), those of the
 *     file's first kept_bytes when nothing is in use any more: between blocks that are still to be
 *     read, a kernel that reads ahead would fill every hole with zeros.
 *  4. A failed write or sync is never retried on the same bytes.
 * Threads: a stream has one writer at a time; any number of cursors may read finished streams; the
 * spill itself is safe from any thread. Cost: a pwrite a block, two preads to get it back; a
 * writer one pwrite a buffer of blocks, its reader one pread for as many as it has room for.
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
    uint32_t    block_bytes_max; /* longer blocks are stored in parts                        */
    uint32_t    worker_count;    /* concurrent appenders and readers */
    bool        compress;        /* false: always raw (for measurements)                     */
    uint64_t    kept_bytes;      /* of the file stay allocated while any of it is in use     */
} wr_spill_options;

/** Threads that wait for the disk beside so many workers; each has WR_IO_THREAD_STACK_BYTES. */
uint32_t wr_spill_thread_count(uint32_t worker_count);

/** Buffers, bit map: about (4 * worker_count + 1) * (block_bytes_max + 24 KB) + 40 KB. Shape: a formula over the options only. */
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
    uint32_t          largest_bytes;  /* on disk, of a direct stream's largest block         */
    bool              is_direct;      /* past the page cache: whole units (see writer)       */
} wr_spill_stream;

/** Header in front of every block. A block of a direct stream takes a multiple of
 *  WR_SPILL_UNIT_BYTES on disk with it. */
enum { WR_SPILL_HEADER_BYTES = 96, WR_SPILL_UNIT_BYTES = 4096 };

/** Begin an empty stream. Cost O(1), no I/O. */
void wr_spill_stream_init(wr_spill_stream *stream, wr_spill *spill);

/** Append one block, which is on its way to the page cache when this returns; *out_position (NULL allowed) is where a cursor can start at it.
 *
 * Errors   WR_NO_SPACE, WR_IO: the stream can only be freed */
wr_status wr_spill_append(wr_spill_stream *stream, const void *bytes, uint32_t byte_count,
                          wr_spill_position *out_position, wr_error *err) WR_MUST_USE;

/** Appends many blocks in a row: where the file system can, they are gathered and go past the page
 *  cache to the disk while the caller makes the next ones. Cached, much spilled data would be copied
 *  twice, push out the files that are read, and be written at a moment of the kernel's choice. */
typedef struct wr_spill_writer wr_spill_writer;

/** Work that waits for the disk, done by one of the spill's own threads. Embed it; zeroed is idle. */
typedef struct wr_spill_task {
    void (*run)(struct wr_spill_task *task);
    struct wr_spill_task *next, *before; /* in the queue */
    enum { WR_SPILL_TASK_IDLE, WR_SPILL_TASK_WAITS, WR_SPILL_TASK_RUNS } state;
} wr_spill_task;

/** Queue an idle task; it must be awaited or cancelled. Tasks begin in the order of submission. */
void wr_spill_task_submit(wr_spill *spill, wr_spill_task *task);
/** Return when the task has run; if no thread has begun it, the caller runs it. Idle: at once. */
void wr_spill_task_await(wr_spill *spill, wr_spill_task *task);
/** As await, but what no thread has begun is not run. */
void wr_spill_task_cancel(wr_spill *spill, wr_spill_task *task);

/** Half of a writer's memory: filled with blocks, then written as a whole. */
typedef struct wr_spill_gathering {
    wr_spill_task     task;
    wr_spill_writer  *writer;
    uint8_t          *bytes;
    wr_spill_position position;
    uint32_t          used_bytes;
    wr_status         status; /* of the last write */
    wr_error          error;
} wr_spill_gathering;

struct wr_spill_writer { /* does not move while open */
    wr_spill_stream      *stream;
    struct wr_spill_slot *slots[2]; /* NULL: blocks are appended one by one */
    wr_spill_gathering    halves[2];
    uint32_t              filling;
};

/** Waits for one of worker_count sets of buffers. An empty stream becomes direct if it can be and the
 *  writer brings enough bytes for that to pay. Errors WR_IO, then there is nothing to close */
wr_status wr_spill_writer_open(wr_spill_writer *writer, wr_spill_stream *stream,
                               uint64_t bytes_expected, wr_error *err) WR_MUST_USE;
/** Errors WR_NO_SPACE, WR_IO, perhaps of an earlier block: the stream can only be freed */
wr_status wr_spill_writer_append(wr_spill_writer *writer, const void *bytes, uint32_t byte_count,
                                 wr_error *err) WR_MUST_USE;
/** Always closes; WR_OK: every block is on disk, and the stream is finished. Errors as append. */
wr_status wr_spill_writer_close(wr_spill_writer *writer, wr_error *err) WR_MUST_USE;

/** The largest block of at most `bytes` (more than one unit) that fills its units. */
static inline uint32_t wr_spill_block_bytes_even(uint32_t bytes)
{
    return bytes / WR_SPILL_UNIT_BYTES * WR_SPILL_UNIT_BYTES - WR_SPILL_HEADER_BYTES;
}

/** Free all extents; the stream is empty again. Idempotent. Reads one header per extent; what it
 *  cannot read stays in use until the spill is freed. */
void wr_spill_stream_release(wr_spill_stream *stream);

/** Reads the blocks of a finished stream in order. */
typedef struct wr_spill_cursor {
    wr_spill_stream  *stream;
    wr_spill_position next;         /* 0: at the end                          */
    uint32_t          stored_bytes; /* of the last block read: the next is similar */
    bool              consume;      /* free extents when passed               */
    bool              is_broken;    /* within a block: what follows is no use */
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

/** Read the next blocks, at least one of them, behind each other into `buffer`: as long as there is
 *  room for block_bytes, which no block exceeds, and, where the stream is direct, as one access
 *  gives. Blocks must tell their length themselves. Errors as above, then nothing was read */
wr_status wr_spill_cursor_next_many(wr_spill_cursor *cursor, void *buffer, uint32_t buffer_bytes,
                                    uint32_t block_bytes, uint32_t *out_bytes,
                                    wr_error *err) WR_MUST_USE;

/** Tell the kernel that the next block will be wanted soon; never fails. */
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
