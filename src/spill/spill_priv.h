/* spill/spill_priv.h — what the files of src/spill share: slots, extents, blocks.
 *
 * Layers, lowest first: spill.c (file, extents, quota, slots), block.c (one block), stream.c (blocks
 * in a row), blob.c (long values and scratch space). */
#ifndef WR_BUILDING_SPILL
#error "private to src/spill"
#endif
#ifndef WR_SPILL_SPILL_PRIV_H
#define WR_SPILL_SPILL_PRIV_H

#include <stdatomic.h>

#include "os/file.h"
#include "os/thread.h"
#include "spill/spill.h"

enum {
    EXTENT_COUNT_MAX = 262144, /* bits of the map: 32 KB, whatever the quota */
    BLOCKS_PER_EXTENT_MIN = 4,
    COMPRESSOR_BYTES = 16640, /* LZ4's state, checked when a spill is made */
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

/* In front of every block. Both checks are mixed with the block's position, so that a block that is
 * found in the wrong place is corrupt. Written and read by one process: native byte order. */
typedef struct wr_spill_header {
    uint32_t          magic;
    uint32_t          salt;
    uint32_t          codec;
    uint32_t          raw_bytes, stored_bytes;
    uint32_t          reserved;
    uint64_t          header_check;    /* of this struct with 0 in its place */
    uint64_t          content_check;   /* of the stored bytes                */
    wr_spill_position next;            /* of the stream's next block         */
    uint64_t          previous_extent; /* in the first block of an extent    */
    wr_spill_link     link;
} wr_spill_header;

_Static_assert(sizeof(wr_spill_header) == 96, "the header has no padding");

/* One worker's buffers. A block is put together in `out`, or read into it before decoding. */
typedef struct wr_spill_slot {
    struct wr_spill_slot *next_free;
    void    *compressor; /* COMPRESSOR_BYTES                          */
    uint8_t *out;        /* header + block_bytes_max                  */
    uint8_t *piece;      /* block_bytes_max, raw bytes of blob blocks */
} wr_spill_slot;

struct wr_spill {
    wr_lease *lease;
    uint32_t  lease_pages;
    uint32_t  block_bytes_max;
    bool      compress;
    uint64_t  extent_bytes;
    uint64_t  quota_bytes;
    uint32_t  extents_max; /* that fit the quota */

    wr_mutex       mutex; /* guards the next group */
    wr_cond        slot_freed;
    wr_file        file; /* opened by the first append */
    wr_spill_slot *free_slots;
    uint32_t       free_slot_count;
    uint64_t      *extent_bits; /* 1: in use; extent 0 always is, so that no position is 0 */
    uint32_t       extents_used, extents_peak;
    uint32_t       first_free; /* no free extent below it */

    wr_mutex        blob_mutex; /* places blocks of long values; taken before `mutex` */
    wr_spill_stream blobs;
    _Atomic uint64_t next_group;
    _Atomic uint32_t next_salt;

    _Atomic uint64_t raw_bytes_written, stored_bytes_written, stored_bytes_read;
    /* Moving averages, picoseconds a byte; 0 until measured. */
    _Atomic uint32_t write_cost, read_cost, compress_cost, decompress_cost;

    char folder[WR_PATH_BYTES_MAX];
};

/* --- spill.c ------------------------------------------------------------------------------ */

/** Wait for a slot. One that will hold it while it calls others that need slots leaves the last
 *  one to them (`outer`), so that they always get on. */
wr_spill_slot *wr_spill_slot_take(wr_spill *spill, bool outer);
void           wr_spill_slot_give(wr_spill *spill, wr_spill_slot *slot);

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

/** Fill slot->out with a header and the stored form of `bytes`; the links are zero. `ordinal` and
 *  the ratio of the stream decide whether LZ4 is tried. */
wr_spill_header *wr_spill_block_encode(wr_spill *spill, wr_spill_slot *slot, const void *bytes,
                                       uint32_t byte_count, uint64_t ordinal,
                                       uint32_t *ratio_permille);

/** Seal the header and write the block at `position`. */
wr_status wr_spill_block_write(wr_spill *spill, wr_spill_slot *slot, wr_spill_position position,
                               wr_error *err) WR_MUST_USE;

/** Read and check the header at `position`. */
wr_status wr_spill_header_read(wr_spill *spill, wr_spill_position position, uint32_t salt,
                               wr_spill_header *out_header, wr_error *err) WR_MUST_USE;

/** Read the content of the block at `position` into `buffer` (header->raw_bytes). `slot` may be
 *  NULL: then one is taken if the block has to be decoded. */
wr_status wr_spill_content_read(wr_spill *spill, wr_spill_position position,
                                const wr_spill_header *header, wr_spill_slot *slot, void *buffer,
                                wr_error *err) WR_MUST_USE;

/* --- stream.c ----------------------------------------------------------------------------- */

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
