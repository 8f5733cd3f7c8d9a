/* io/carve.h — one allocation cut into parts, so that a lease formula is exact by construction.
 *
 * A function that lays out a state carves its parts one by one. Run with a NULL base it only adds
 * up what it would take: that sum is the lease formula. Run on a block of that many bytes it gives
 * the parts. Whatever the page size, a state is then one extent. Parts are 64-byte aligned relative
 * to the base. Nothing is freed singly. Cost: a few instructions a part. */
#ifndef WR_IO_CARVE_H
#define WR_IO_CARVE_H

#include "base/error.h"
#include "mem/bump.h"

typedef struct wr_carver {
    uint8_t *base; /* NULL: only add up */
    uint64_t used, capacity;
} wr_carver;

static inline uint64_t wr_carve_bytes(uint64_t bytes)
{
    return (bytes + 63) & ~(uint64_t)63;
}

/** The next `bytes` bytes; NULL while only adding up. */
static inline void *wr_carve(wr_carver *carver, uint64_t bytes)
{
    uint64_t at = carver->used;

    carver->used += wr_carve_bytes(bytes);
    if (!carver->base)
        return NULL;
    wr_assert(carver->used <= carver->capacity, "a state takes what its lease formula says");
    return carver->base + at;
}

/** Start carving a zeroed block from the bump. Errors WR_NO_MEMORY. */
static inline wr_status wr_carver_init(wr_carver *carver, wr_bump *bump, uint64_t bytes,
                                       wr_error *err)
{
    *carver = (wr_carver){wr_bump_alloc(bump, bytes, err), 0, bytes};
    return carver->base ? WR_OK : WR_NO_MEMORY;
}

#endif
