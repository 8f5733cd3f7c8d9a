/* exec/value_parts.h — keys of values (kernel/number_key.h) cut into ranges, in memory or on disk.
 *
 * Part p holds the keys from splitters[p - 1] up to splitters[p], in no order; so parts one after
 * the other, each sorted, are all keys in order, and a rank needs the one part it lies in. Workers
 * write through a writer of their own into blocks of memory; when those run out, full ones go to
 * disk. What a block adds to a part is noted when the writer lets go of it.
 * Invariants
 *  1. A writer of N parts has more than N blocks: with one open block a part there is always one left.
 *  2. Nobody reads a part that is still written to.
 * Threads: a writer is one worker's; several may write to the same parts (`mutexes`).
 * Cost: about 5 ns a key; one append a block. */
#ifndef WR_EXEC_VALUE_PARTS_H
#define WR_EXEC_VALUE_PARTS_H

#include "os/thread.h"
#include "spill/spill.h"

enum { WR_VALUE_BLOCK_BYTES_MAX = 16384, WR_VALUE_PARTS_MAX = 256, WR_VALUE_MUTEXES = 16 };

typedef struct wr_value_block wr_value_block;
struct wr_value_block {
    wr_value_block *next;
    uint32_t        count, part;
    uint64_t        keys[];
};

typedef struct wr_value_part {
    wr_spill_stream stream;
    wr_value_block *blocks;          /* in memory                       */
    uint64_t        count;           /* of all its keys                 */
    uint64_t        least, greatest; /* of them                         */
    uint64_t        from, to;        /* its range, both included        */
    uint64_t        rank;            /* how many values are below it    */
} wr_value_part;

typedef struct wr_value_parts {
    wr_value_part *parts;
    uint64_t      *splitters;        /* ascending, part_count - 1 of them     */
    uint32_t       part_count;
    wr_mutex      *mutexes;          /* WR_VALUE_MUTEXES; NULL: one writer    */
} wr_value_parts;

typedef struct wr_value_writer {
    wr_value_parts  *parts;
    wr_value_block **open;           /* one per part, or NULL                 */
    wr_value_block  *full, *free;
    uint8_t         *fresh;          /* blocks that were never used           */
    uint64_t         fresh_count;
    uint32_t         block_bytes;
    uint32_t         block_keys;     /* room of a block                       */
} wr_value_writer;

/** Keys that fit a block of so many bytes. */
static inline uint32_t wr_value_block_keys(uint32_t block_bytes)
{
    return (block_bytes - (uint32_t)sizeof(wr_value_block)) / (uint32_t)sizeof(uint64_t);
}

/** Make empty parts of from .. to, cut at `splitters`, which are set. */
void wr_value_parts_init(wr_value_parts *parts, uint64_t from, uint64_t to, wr_spill *spill);
void wr_value_parts_release(wr_value_parts *parts);

/** Splitters from a sorted sample, for at most part_count parts; sets part_count. */
void wr_value_parts_split_sample(wr_value_parts *parts, const uint64_t *sorted, uint32_t count);

/** Splitters that cut least .. greatest into at most part_count equal ranges; sets part_count. */
void wr_value_parts_split_range(wr_value_parts *parts, uint64_t least, uint64_t greatest);

/** `open` has room for parts->part_count; `memory` is cut into blocks, more than there are parts. */
void wr_value_writer_init(wr_value_writer *writer, wr_value_parts *parts, wr_value_block **open,
                          uint8_t *memory, uint64_t memory_bytes, uint32_t block_bytes);

/** Add keys, of at most UINT16_MAX; `which` is room for as many. Errors WR_NO_SPACE, WR_IO. */
wr_status wr_value_writer_add(wr_value_writer *writer, const uint64_t *keys, uint32_t count,
                              uint16_t *which, wr_error *err) WR_MUST_USE;

/** Send all it has to disk; it is empty then. Errors WR_NO_SPACE, WR_IO. */
wr_status wr_value_writer_flush(wr_value_writer *writer, wr_error *err) WR_MUST_USE;

/** Leave all it has in memory to the parts; it is not used any more. */
void wr_value_writer_leave(wr_value_writer *writer);

/** Send blocks that were left in memory to disk; their memory is free then. */
wr_status wr_value_parts_flush(wr_value_parts *parts, wr_error *err) WR_MUST_USE;

/** Reads a part: blocks in memory, then those on disk, which are freed. */
typedef struct wr_value_reader {
    wr_value_block *next;
    wr_spill_cursor cursor;
} wr_value_reader;

void wr_value_reader_init(wr_value_reader *reader, wr_value_part *part);

/** The next keys, into `keys` with room for a block of any size; *out_count 0: the end. */
wr_status wr_value_reader_next(wr_value_reader *reader, uint64_t *keys, uint32_t *out_count,
                               wr_error *err) WR_MUST_USE;

#endif
