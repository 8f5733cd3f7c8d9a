/* spill/spill_priv.h — what the files of src/spill share: slots, extents, blocks.
 *
 * Layers, lowest first: task.c (threads that wait for the disk), spill.c (file, extents, quota, slots),
 * block.c (one block), stream.c (blocks in a row), writer.c (many at a time), blob.c (long values and
 * scratch space). */
#ifndef WR_BUILDING_SPILL
#error "private to src/spill"
#endif
#ifndef WR_SPILL_SPILL_PRIV_H
#define WR_SPILL_SPILL_PRIV_H

#include <stdatomic.h>

#include "base/bits.h"
#include "os/file.h"
#include "os/thread.h"
#include "spill/spill.h"

enum {
    EXTENT_COUNT_MAX = 262144, /* bits of the map: 32 KB, whatever the quota */
    BLOCKS_PER_EXTENT_MIN = 4,
    COMPRESSOR_BYTES = 16640, /* LZ4's state, checked when a spill is made */
    IO_THREADS_MAX = 8,
    SLOTS_PER_WRITER = 2, /* one is filled, one is written */
};

typedef enum wr_spill_codec { WR_SPILL_RAW, WR_SPILL_LZ4 } wr_spill_codec;

/* Place of a block in a chain (blob.c); all zero for blocks of plain streams. `before` is the block
 * of index - 1, `jump` an earlier one that makes the way to any index logarithmic. */
typedef struct wr_spill_link {
    uint64_t          group; /* of the value, 1 or more */
    uint64_t          index; /* of the block in it      */
    wr_spill_position before, jump;
    uint64_t          jump_index;
} wr_spill_link;

/* In front of every block, or part of one. Both checks are mixed with the block's position, so that a block that is
 * found in the wrong place is corrupt. Written and read by one process: native byte order. */
typedef struct wr_spill_header {
    uint32_t          magic;
    uint32_t          salt;
    uint32_t          codec;
    uint32_t          raw_bytes, stored_bytes;
    uint32_t          more_bytes;      /* raw bytes of this block in the parts that follow */
    uint64_t          header_check;    /* of this struct with 0 in its place */
    uint64_t          content_check;   /* of the stored bytes                */
    wr_spill_position next;            /* of the stream's next block         */
    uint64_t          previous_extent; /* in the first block of an extent    */
    wr_spill_link     link;
} wr_spill_header;

/* The parts of a block of more than block_bytes_max follow each other, each with a header. */
_Static_assert(sizeof(wr_spill_header) == WR_SPILL_HEADER_BYTES, "the header has no padding");

/* A buffer of header + block_bytes_max in whole units: a block is put together in it, or read into it
 * before decoding; it may also hold the raw bytes of a block. */
typedef struct wr_spill_slot {
    struct wr_spill_slot *next_free;
    void    *compressor; /* COMPRESSOR_BYTES */
    uint8_t *out;
} wr_spill_slot;

struct wr_spill {
    wr_lease *lease;
    uint32_t  lease_pages;
    uint32_t  block_bytes_max;
    bool      compress;
    uint64_t  extent_bytes;
    uint64_t  quota_bytes, kept_bytes;
    uint32_t  extents_max; /* that fit the quota */

    wr_mutex       mutex; /* guards the next group */
    wr_cond        slot_freed;
    wr_file        file; /* opened by the first append */
    wr_file        direct; /* the same past the page cache; closed if that cannot be */
    wr_spill_slot *free_slots;
    uint32_t       free_slot_count;
    uint32_t       writer_count, writers_max; /* writers hold slots beside the others' */
    uint64_t      *extent_bits; /* 1: in use; extent 0 always is, so that no position is 0 */
    uint32_t       extents_used, extents_peak;
    uint32_t       first_free; /* no free extent below it */

    wr_mutex       io_mutex; /* guards the next group */
    wr_cond        io_wanted, io_done;
    wr_spill_task *io_first, *io_last;
    wr_thread      io_threads[IO_THREADS_MAX];
    uint32_t       io_threads_wanted, io_thread_count;
    uint32_t       io_queued, io_running, io_awaiting; /* tasks, threads, threads */
    bool           io_stops;

    wr_mutex        blob_mutex; /* places blocks of long values; taken before `mutex` */
    wr_spill_stream blobs;
    _Atomic uint64_t next_group;
    _Atomic uint32_t next_salt;

    _Atomic uint64_t raw_bytes_written, stored_bytes_written, stored_bytes_read;
    /* Moving averages, picoseconds a byte; 0 until measured. */
    _Atomic uint32_t write_cost, read_cost, compress_cost, decompress_cost;

    char folder[WR_PATH_BYTES_MAX];
};

/* --- task.c ------------------------------------------------------------------------------- */

void wr_spill_tasks_init(wr_spill *spill, uint32_t worker_count);
/** No task is queued any more. */
void wr_spill_tasks_release(wr_spill *spill);

/* --- spill.c ------------------------------------------------------------------------------ */

/** How much of a block with `byte_count` bytes left its next part takes. */
static inline uint32_t wr_spill_part_bytes(const wr_spill *spill, uint32_t byte_count)
{
    return byte_count < spill->block_bytes_max ? byte_count : spill->block_bytes_max;
}

/** Bytes of slot->out. */
uint32_t wr_spill_slot_room(const wr_spill *spill);

/** What a slot is taken for, and so how many it leaves to the uses below it, which it waits for. */
typedef enum wr_spill_use {
    WR_SPILL_FOR_BLOCK, /* one block: nothing is waited for meanwhile       */
    WR_SPILL_FOR_READ,  /* a part of a long value, around the read of blocks */
    WR_SPILL_FOR_COPY,  /* a long value, around its reads and its blocks     */
} wr_spill_use;

wr_spill_slot *wr_spill_slot_take(wr_spill *spill, wr_spill_use use);
void           wr_spill_slot_give(wr_spill *spill, wr_spill_slot *slot);

/** SLOTS_PER_WRITER slots to hold for long, while the others go round. */
void wr_spill_writer_slots_take(wr_spill *spill, wr_spill_slot **out_slots);
void wr_spill_writer_slots_give(wr_spill *spill, wr_spill_slot **slots);

/** Open the file; *out_direct: blocks can go past the page cache. */
wr_status wr_spill_prefers_direct(wr_spill *spill, bool *out_direct, wr_error *err) WR_MUST_USE;

/** Reserve an extent and open the file if this is the first. Errors WR_NO_SPACE, WR_IO. */
wr_status wr_spill_extent_take(wr_spill *spill, uint64_t *out_extent, wr_error *err) WR_MUST_USE;
void      wr_spill_extent_give(wr_spill *spill, uint64_t extent);

/** Add what is in use and allowed to a message about space. */
wr_status wr_spill_explain_space(wr_spill *spill, wr_status status, wr_error *err);

static inline uint64_t wr_spill_extent_of(const wr_spill *spill, uint64_t offset)
{
    return offset - offset % spill->extent_bytes;
}

/* --- block.c ------------------------------------------------------------------------------ */

/** Fill `out` with a header and the stored form of `bytes`; the links are zero. `ordinal` and
 *  the ratio of the stream decide whether LZ4 is tried. */
wr_spill_header *wr_spill_block_encode(wr_spill *spill, void *compressor, uint8_t *out,
                                       const void *bytes, uint32_t byte_count, uint64_t ordinal,
                                       uint32_t *ratio_permille);

/** Fill in the checks: the block goes to `position`. */
void wr_spill_block_seal(wr_spill_header *header, wr_spill_position position);

/** Write sealed blocks, from `position` on; in whole units if `is_direct`. */
wr_status wr_spill_blocks_write(wr_spill *spill, bool is_direct, const void *bytes,
                                uint32_t byte_count, wr_spill_position position,
                                wr_error *err) WR_MUST_USE;

/** Seal the block in slot->out and write it at `position`. */
wr_status wr_spill_block_write(wr_spill *spill, wr_spill_slot *slot, wr_spill_position position,
                               wr_error *err) WR_MUST_USE;

/** Read and check the header at `position`. */
wr_status wr_spill_header_read(wr_spill *spill, wr_spill_position position, uint32_t salt,
                               wr_spill_header *out_header, wr_error *err) WR_MUST_USE;

/** Read units of a direct stream, not beyond the extent: *out_bytes. */
wr_status wr_spill_units_read(wr_spill *spill, wr_spill_position position, void *units,
                              uint32_t byte_count, uint32_t *out_bytes, wr_error *err) WR_MUST_USE;

/** Check a block that was read whole: header and stored bytes are among `byte_count`. */
wr_status wr_spill_block_check(const wr_spill *spill, const wr_spill_header *header,
                               uint32_t byte_count, wr_spill_position position, uint32_t salt,
                               wr_error *err) WR_MUST_USE;

/** The content of a checked block, to `buffer` (header->raw_bytes). */
wr_status wr_spill_block_unpack(wr_spill *spill, const wr_spill_header *header,
                                wr_spill_position position, void *buffer, wr_error *err) WR_MUST_USE;

/** Read the content of the block at `position` into `buffer` (header->raw_bytes). */
wr_status wr_spill_content_read(wr_spill *spill, wr_spill_position position,
                                const wr_spill_header *header, void *buffer,
                                wr_error *err) WR_MUST_USE;

/* --- stream.c ----------------------------------------------------------------------------- */

/** What the block takes of the disk: in a direct stream whole units. */
static inline uint32_t wr_spill_block_disk_bytes(const wr_spill_stream *stream,
                                                 const wr_spill_header *header)
{
    uint32_t bytes = (uint32_t)sizeof *header + header->stored_bytes;

    return stream->is_direct ? (uint32_t)wr_round_up(bytes, WR_SPILL_UNIT_BYTES) : bytes;
}

/** Decide where a block of `stored_bytes` goes and where its successor will, reserving the
 *  successor's extent if it needs a new one; fills salt and links of `header`. `*out_extent_taken`
 *  is that extent, 0 if none. */
wr_status wr_spill_stream_place(wr_spill_stream *stream, wr_spill_header *header,
                                wr_spill_position *out_position, uint64_t *out_extent_taken,
                                wr_error *err) WR_MUST_USE;

/** Make the placed block part of the stream. */
void wr_spill_stream_advance(wr_spill_stream *stream, const wr_spill_header *header,
                             wr_spill_position position);

#endif
