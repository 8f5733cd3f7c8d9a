/* mem/arena.h — THE CAP: every byte that grows with data comes out of one arena, through a lease.
 *
 * The arena is a budget of pages plus address space. A page is `page_bytes` (power of two,
 * 16-256 KB, chosen from the cap). An extent is a run of pages, contiguous in address space.
 * The arena reserves 32 times its budget as address space: first-fit needs at most
 * M*log2(n) for live bytes M and largest request n (Robson 1977), so fragmentation can never
 * make a request fail that the budget allows. Free pages stay committed and are reused first; when
 * the budget is spent on free pages elsewhere, those are uncommitted.
 *
 * Invariants
 *  1. committed pages <= page_count: the kernel's charge for the arena never exceeds its budget.
 *  2. sum of leases' granted pages <= page_count; used <= granted for every lease.
 *  3. Hence taking an extent inside the granted pages cannot fail (short of fault injection).
 *  4. All mins of a step are granted together, before it starts: no hold-and-wait.
 * Call order: arena new -> leases open (wr_lease_open_all) -> take/give -> leases close -> free.
 * Threads: all calls are safe from any thread; a lease may be shared by workers.
 * Cost: take/give about 100 ns a call, plus faults on pages never touched before. */
#ifndef WR_MEM_ARENA_H
#define WR_MEM_ARENA_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wr_arena wr_arena;

/** A right to pages: `min` is guaranteed from the step's start to its end, `granted` may grow up to
 *  `want` while the arena has pages that nobody was granted. */
typedef struct wr_lease {
    wr_arena        *arena;
    const char      *name;        /* "sort #3", static or plan lifetime: shown to users */
    uint32_t         pages_min;
    uint32_t         pages_want;  /* surplus distribution sets it; >= pages_min          */
    _Atomic uint32_t pages_granted;
    _Atomic uint32_t pages_used;
    _Atomic uint32_t pages_peak;  /* of pages_used */
    bool             is_open;
} wr_lease;

/** Page size for an arena of this many bytes: clamp(pow2(bytes / 1024), 16 KB, 256 KB). */
uint32_t wr_arena_page_bytes(uint64_t arena_bytes);

/** What wr_arena_new needs on top of `arena_bytes` for its own bit maps: 8 bytes a page. */
uint64_t wr_arena_overhead_bytes(uint64_t arena_bytes, uint32_t page_bytes);

/** Reserve address space for `arena_bytes` (rounded down to pages). No page is committed yet.
 * Errors   WR_NO_MEMORY */
wr_status wr_arena_new(uint64_t arena_bytes, uint32_t page_bytes, wr_arena **out_arena,
                       wr_error *err) WR_MUST_USE;

/** All leases must be closed. NULL is a no-op. */
void wr_arena_free(wr_arena *arena);

/** Take `page_count` pages out of the arena for good: the budget shrinks, and what is committed with it.
 *  For memory that is needed outside (a library that is loaded while planning). False, and nothing
 *  changes, if that many are not ungranted. */
bool wr_arena_retire(wr_arena *arena, uint32_t page_count) WR_MUST_USE;

uint32_t wr_arena_page_size(const wr_arena *arena);
uint32_t wr_arena_page_count(const wr_arena *arena);
uint32_t wr_arena_pages_ungranted(const wr_arena *arena);
/** Pages the kernel charges for now; never more than the page count. */
uint32_t wr_arena_pages_committed(const wr_arena *arena);
/** Highest sum of granted / of used pages so far. */
uint32_t wr_arena_pages_granted_peak(const wr_arena *arena);
uint32_t wr_arena_pages_used_peak(const wr_arena *arena);

/** Pages needed for `bytes`. */
static inline uint32_t wr_pages_for(uint64_t bytes, uint32_t page_bytes)
{
    return (uint32_t)((bytes + page_bytes - 1) / page_bytes);
}

/** Fill in an unopened lease. min_bytes and want_bytes are rounded up to pages. */
void wr_lease_init(wr_lease *lease, const char *name, uint64_t min_bytes, uint64_t want_bytes,
                   uint32_t page_bytes);

/** What an open lease is to have in the step that comes: a breaker's lease passes from the step
 *  that builds to the one that reads. Grants nothing and takes nothing: wr_lease_open_all raises
 *  the grant to a higher min, wr_lease_shrink gives back what a lower one leaves over. Between
 *  steps only. */
void wr_lease_demand(wr_lease *lease, uint64_t min_bytes, uint64_t want_bytes);

/** Grant the mins of all leases together, or none. Leases that are open already keep what they hold
 *  and are raised to their min.
 *
 * Errors   WR_NO_MEMORY  the sum does not fit: names the largest lease and both numbers. After
 *                        admission this happens only if live states hold surplus: shrink them */
wr_status wr_lease_open_all(wr_arena *arena, wr_lease *const *leases, uint32_t lease_count,
                            wr_error *err) WR_MUST_USE;

/** Everything taken must have been given back. Idempotent. */
void wr_lease_close(wr_lease *lease);

/** Take an extent of `page_count` pages, zero-filled only where never used before.
 *
 * Grows `granted` towards `want` if needed. Within its want a lease never competes (invariant 2 and
 * exec/share.c), so an owner that keeps count of its want is never refused. NULL: the want is spent. */
void *wr_lease_take(wr_lease *lease, uint32_t page_count);

/** As take, for what the caller can do without at this moment (it spills, or goes on with less):
 *  grant faults refuse some of these. */
void *wr_lease_try(wr_lease *lease, uint32_t page_count);

/** Give an extent (or any whole pages of it) back to the lease. */
void wr_lease_give(wr_lease *lease, void *extent, uint32_t page_count);

/** Return granted but unused pages above max(min, used) to the arena. */
void wr_lease_shrink(wr_lease *lease);

/** What the lease may hold, surplus and all. */
static inline uint32_t wr_lease_pages_max(const wr_lease *lease)
{
    return lease->pages_want > lease->pages_min ? lease->pages_want : lease->pages_min;
}

static inline uint64_t wr_lease_bytes_min(const wr_lease *lease, uint32_t page_bytes)
{
    return (uint64_t)lease->pages_min * page_bytes;
}

#endif
