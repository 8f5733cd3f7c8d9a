/* mem/bump.h — bump allocation over leased pages: plans, names, scratch strings, batch buffers.
 *
 * A bump owns a chain of extents. Small requests share a page; a request above a page gets its own
 * extent, whose last page then serves small requests. Nothing is freed singly; reset empties it and
 * keeps the first page, release gives all back. Returns NULL when the lease refuses: callers turn
 * that into WR_NO_RESERVE (spill, split the batch) or a typed error. Alignment 16.
 * Threads: one at a time. Cost: a few ns a call. */
#ifndef WR_MEM_BUMP_H
#define WR_MEM_BUMP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "mem/arena.h"

typedef struct wr_bump_extent wr_bump_extent;

typedef struct wr_bump {
    wr_lease       *lease;
    wr_bump_extent *first, *current; /* chain in order of taking */
    uint8_t        *next, *end;      /* free part of `current`   */
    uint64_t        bytes_used;      /* sum of requests since the last reset */
    uint32_t        kept_pages;      /* of the first extent by a reset; 0 means 1 */
} wr_bump;

/** A place to return to: everything allocated after it is dropped by wr_bump_rewind. */
typedef struct wr_bump_mark {
    wr_bump_extent *current;
    uint8_t        *next;
    uint64_t        bytes_used;
} wr_bump_mark;

void wr_bump_init(wr_bump *bump, wr_lease *lease);
void wr_bump_release(wr_bump *bump);
void wr_bump_reset(wr_bump *bump);

enum { WR_BUMP_HEAD_BYTES = 16 };

/** Lease of a bump that begins with wr_bump_reserve(bytes). */
static inline uint64_t wr_bump_lease_min(uint64_t bytes, uint32_t page_bytes)
{
    return (uint64_t)wr_pages_for(bytes + WR_BUMP_HEAD_BYTES, page_bytes) * page_bytes;
}

/** Room in one extent for requests of `bytes` in all, each counted rounded up to 16: without it
 *  requests of more than half a page waste the rest of their pages. If it is the bump's first extent,
 *  wr_bump_reset keeps it whole.
 * Errors   WR_NO_MEMORY the lease refuses */
wr_status wr_bump_reserve(wr_bump *bump, size_t bytes, wr_error *err) WR_MUST_USE;

wr_bump_mark wr_bump_save(const wr_bump *bump);
void         wr_bump_rewind(wr_bump *bump, wr_bump_mark mark);

/** Uninitialised bytes, 16-aligned, or NULL. `bytes` may be 0. */
void *wr_bump_try_alloc(wr_bump *bump, size_t bytes);

/** The last allocation, `p` of `bytes` bytes, keeps its first `kept` and gives the others back. */
void wr_bump_shrink(wr_bump *bump, void *p, size_t bytes, size_t kept);

/** Zeroed bytes; raises WR_NO_MEMORY naming the lease when it is spent ("plan pool exhausted").
 *  For plan-time structures, where refusal is an error and not a reason to spill. */
void *wr_bump_alloc(wr_bump *bump, size_t bytes, wr_error *err);

/** As wr_bump_alloc for `count` items; a product that overflows is refused like any other. */
void *wr_bump_alloc_array(wr_bump *bump, size_t item_bytes, size_t count, wr_error *err);

/** Copy text, NUL-terminated for convenience; NULL as wr_bump_alloc. */
char *wr_bump_copy(wr_bump *bump, wr_text text, wr_error *err);

/** printf into the bump; NULL as wr_bump_alloc. */
char *wr_bump_printf(wr_bump *bump, wr_error *err, const char *format, ...) WR_PRINTF(3, 4);

#define WR_BUMP_NEW(bump, type, err) ((type *)wr_bump_alloc((bump), sizeof(type), (err)))
#define WR_BUMP_NEW_ARRAY(bump, type, count, err)                                                  \
    ((type *)wr_bump_alloc_array((bump), sizeof(type), (count), (err)))

#endif
