/* types/packed_part.c — values inside of blobs that are too long to be copied. */
#define XXH_STATIC_LINKING_ONLY /* the streaming state on the stack */
#include <xxhash.h>

#include "types/packed.h"

enum { PIECE_BYTES = 4096 };

static wr_status read_part(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                           size_t *out_bytes, wr_error *err)
{
    const wr_blob_part *part = blob->owner;
    uint64_t            left = offset < blob->byte_count ? blob->byte_count - offset : 0;

    *out_bytes = 0;
    if (left == 0)
        return WR_OK;
    return part->whole->read(part->whole, part->offset + offset, buffer,
                             bytes < left ? bytes : (size_t)left, out_bytes, err);
}

/* As wr_hash_bytes of all of it. */
static wr_status hash_slot(const wr_packed *packed, wr_slot slot, uint64_t *out_hash, wr_error *err)
{
    XXH3_state_t state;
    uint8_t      piece[PIECE_BYTES];

    XXH3_64bits_reset(&state);
    for (uint64_t done = 0; done < slot.byte_count; done += sizeof piece) {
        uint64_t left = slot.byte_count - done;
        size_t   now = left < sizeof piece ? (size_t)left : sizeof piece;

        WR_TRY(wr_packed_read(packed, slot.offset + done, piece, now, err));
        XXH3_64bits_update(&state, piece, now);
    }
    *out_hash = XXH3_64bits_digest(&state);
    return WR_OK;
}

wr_status wr_blob_part_init(wr_blob_part *part, const wr_packed *packed, wr_slot slot,
                            const wr_blob *whole, wr_str *out_str, wr_error *err)
{
    char prefix[4];

    *part = (wr_blob_part){{.byte_count = slot.byte_count, .read = read_part, .owner = part},
                           whole, packed->begin + slot.offset};
    WR_TRY(wr_packed_read(packed, slot.offset, prefix, sizeof prefix, err));
    WR_TRY(hash_slot(packed, slot, &part->blob.hash, err));
    *out_str = wr_str_of_blob(&part->blob, prefix);
    return WR_OK;
}
