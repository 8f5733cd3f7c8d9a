/* mem/arena.c — pages, extents and leases over one reservation of address space.
 *
 * Two bit maps over the pages of address space say which are used (part of an extent) and which are
 * committed (charged by the kernel). Used implies committed.
 *
 * Why a take inside the grant cannot fail. Extents are placed at the lowest address that fits. For
 * that policy Robson's bound says: with M live pages and requests of at most n pages, M*log2(n)
 * pages of address space are enough; log2(n) < 32. And the charge fits: with U pages used, a
 * request of k <= page_count - U pages, of which u are not yet committed, leaves
 * committed - U - (k - u) free committed pages outside the new extent, which is at least
 * committed + u - page_count, the number that has to be uncommitted.
 *
 * Free pages are uncommitted from the highest address down, since placement starts at the lowest:
 * what stays committed is what is used next.
 *
 * Random access to much memory is mostly misses of the translation buffer, so behind the first
 * SMALL_BYTES of address space, where small queries stay, what is committed is rounded out to huge
 * pages while the budget has room.
 *
 * LIMIT: a process may have about 65,000 mappings (vm.max_map_count). An arena whose live extents
 * are scattered over more gaps than that gives up all free pages, and if that does not help either
 * the take returns NULL although the grant allows it. */
#include "mem/arena.h"

#include <string.h>

#include "base/bits.h"
#include "base/fault.h"
#include "base/text.h"
#include "mem/poison.h"
#include "os/map.h"
#include "os/thread.h"

enum {
    PAGE_BYTES_MIN = 16 * 1024,
    PAGE_BYTES_MAX = 256 * 1024,
    SPACE_FACTOR = 32, /* address space per page of budget */
    SMALL_BYTES = 8 * 1024 * 1024,
};

struct wr_arena {
    wr_mutex  mutex;
    uint8_t  *base;            /* of page 0, aligned to huge pages                    */
    void     *reservation;     /* address space as the kernel gave it                 */
    uint64_t  reserved_bytes;
    uint64_t  self_bytes;      /* this struct and its bit maps                        */
    uint32_t  page_bytes;
    uint32_t  page_count;      /* the budget                                          */
    uint64_t  space_pages;     /* pages of address space                              */
    uint64_t *used;            /* bit maps over space_pages                           */
    uint64_t *committed;
    uint64_t  first_free;      /* no free page below it                               */
    uint64_t  committed_end;   /* no committed page at or above it                    */
    uint64_t  taken_end;       /* no page at or above it was ever part of an extent   */
    uint32_t  committed_count;
    uint32_t  ungranted_count;
    uint32_t  used_count;
    uint32_t  granted_peak, used_peak;
};

/* --- bit maps ----------------------------------------------------------------------------- */

/* Index of the first bit equal to `value` in [from, end), or `end`. */
static uint64_t find_bit(const uint64_t *bits, uint64_t from, uint64_t end, bool value)
{
    uint64_t flip = value ? 0 : UINT64_MAX;
    uint64_t word_index = from / 64;
    uint64_t word;

    if (from >= end)
        return end;
    word = (bits[word_index] ^ flip) & (UINT64_MAX << (from % 64));
    while (word == 0) {
        word_index++;
        if (word_index * 64 >= end)
            return end;
        word = bits[word_index] ^ flip;
    }
    from = word_index * 64 + (uint64_t)__builtin_ctzll(word);
    return from < end ? from : end;
}

/* Set or clear [from, from + count). */
static void put_bits(uint64_t *bits, uint64_t from, uint64_t count, bool value)
{
    while (count > 0) {
        uint64_t in_word = 64 - from % 64 < count ? 64 - from % 64 : count;
        uint64_t mask = (in_word == 64 ? UINT64_MAX : ((uint64_t)1 << in_word) - 1) << (from % 64);

        if (value)
            bits[from / 64] |= mask;
        else
            bits[from / 64] &= ~mask;
        from += in_word;
        count -= in_word;
    }
}

/* --- life of an arena --------------------------------------------------------------------- */

uint32_t wr_arena_page_bytes(uint64_t arena_bytes)
{
    uint64_t bytes = wr_pow2_floor(arena_bytes / 1024 > 0 ? arena_bytes / 1024 : 1);

    if (bytes < PAGE_BYTES_MIN)
        return PAGE_BYTES_MIN;
    return bytes < PAGE_BYTES_MAX ? (uint32_t)bytes : PAGE_BYTES_MAX;
}

static uint64_t map_bytes(uint64_t page_count)
{
    return wr_bit_words(page_count * SPACE_FACTOR) * sizeof(uint64_t);
}

uint64_t wr_arena_overhead_bytes(uint64_t arena_bytes, uint32_t page_bytes)
{
    return wr_round_up(sizeof(wr_arena) + 2 * map_bytes(arena_bytes / page_bytes), 4096);
}

static wr_status reserve_space(wr_arena *arena, wr_error *err)
{
    uintptr_t start;

    arena->reserved_bytes = arena->space_pages * arena->page_bytes + WR_MAP_HUGE_BYTES; /* to align */
    WR_TRY(wr_map_reserve(arena->reserved_bytes, &arena->reservation, err));
    start = (uintptr_t)wr_round_up((uintptr_t)arena->reservation, WR_MAP_HUGE_BYTES);
    arena->base = (uint8_t *)start;
    return WR_OK;
}

wr_status wr_arena_new(uint64_t arena_bytes, uint32_t page_bytes, wr_arena **out_arena,
                       wr_error *err)
{
    uint64_t  page_count = arena_bytes / page_bytes;
    uint64_t  self_bytes = wr_arena_overhead_bytes(arena_bytes, page_bytes);
    void     *self;
    wr_arena *arena;
    char      size[32];

    wr_assert((page_bytes & (page_bytes - 1)) == 0 && page_bytes >= 4096 &&
                  page_bytes <= WR_MAP_HUGE_BYTES,
              "a page is a power of two from 4096 bytes to a huge page");
    if (page_count == 0 || page_count > UINT32_MAX)
        return WR_RAISE(err, WR_NO_MEMORY, "no arena can have %s: raise or lower the memory cap",
                        wr_text_format_bytes(arena_bytes, size, sizeof size));
    WR_TRY(wr_map_reserve(self_bytes, &self, err));
    if (!wr_map_commit(self, self_bytes)) {
        wr_map_release(self, self_bytes);
        return WR_RAISE(err, WR_NO_MEMORY, "no memory for the page table of an arena of %s",
                        wr_text_format_bytes(arena_bytes, size, sizeof size));
    }
    arena = self;
    *arena = (wr_arena){
        .self_bytes = self_bytes,
        .page_bytes = page_bytes,
        .page_count = (uint32_t)page_count,
        .space_pages = page_count * SPACE_FACTOR,
        .ungranted_count = (uint32_t)page_count,
    };
    arena->used = (uint64_t *)(arena + 1);
    arena->committed = arena->used + wr_bit_words(arena->space_pages);
    wr_mutex_init(&arena->mutex);
    wr_status status = reserve_space(arena, err);
    if (status != WR_OK) {
        wr_arena_free(arena);
        return status;
    }
    *out_arena = arena;
    return WR_OK;
}

void wr_arena_free(wr_arena *arena)
{
    if (!arena)
        return;
    wr_assert(arena->ungranted_count == arena->page_count, "an arena outlives its leases");
    wr_unpoison(arena->base, arena->taken_end * arena->page_bytes);
    wr_map_release(arena->reservation, arena->reserved_bytes);
    wr_mutex_release(&arena->mutex);
    wr_map_release(arena, arena->self_bytes);
}

uint32_t wr_arena_page_size(const wr_arena *arena)
{
    return arena->page_bytes;
}

uint32_t wr_arena_page_count(const wr_arena *arena)
{
    return arena->page_count;
}

/* The counters are written under the mutex; these readers only take a look. */
static uint32_t peek(const uint32_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void put(uint32_t *counter, uint32_t value)
{
    __atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

uint32_t wr_arena_pages_ungranted(const wr_arena *arena)
{
    return peek(&arena->ungranted_count);
}

uint32_t wr_arena_pages_granted_peak(const wr_arena *arena)
{
    return peek(&arena->granted_peak);
}

uint32_t wr_arena_pages_used_peak(const wr_arena *arena)
{
    return peek(&arena->used_peak);
}

uint32_t wr_arena_pages_committed(const wr_arena *arena)
{
    return peek(&arena->committed_count);
}

/* --- extents: all below under the mutex --------------------------------------------------- */

static void *page_address(const wr_arena *arena, uint64_t page)
{
    return arena->base + page * arena->page_bytes;
}

/* The lowest run of `count` free pages; space_pages if there is none. */
static uint64_t find_free_run(wr_arena *arena, uint32_t count)
{
    uint64_t start = find_bit(arena->used, arena->first_free, arena->space_pages, false);

    arena->first_free = start;
    while (start + count <= arena->space_pages) {
        uint64_t end = find_bit(arena->used, start, start + count, true);
        if (end == start + count)
            return start;
        start = find_bit(arena->used, end, arena->space_pages, false);
    }
    return arena->space_pages;
}

static uint32_t count_uncommitted(const wr_arena *arena, uint64_t start, uint32_t count)
{
    uint32_t missing = 0;

    for (uint64_t page = start; page < start + count; page++)
        missing += !wr_bit_get(arena->committed, page);
    return missing;
}

static bool uncommit_run(wr_arena *arena, uint64_t start, uint32_t count)
{
    if (!wr_map_uncommit(page_address(arena, start), (uint64_t)count * arena->page_bytes))
        return false;
    put_bits(arena->committed, start, count, false);
    put(&arena->committed_count, arena->committed_count - count);
    return true;
}

static bool is_free_committed(const wr_arena *arena, uint64_t page)
{
    return wr_bit_get(arena->committed, page) && !wr_bit_get(arena->used, page);
}

/* The highest run of free committed pages below `end`, at most `count_max` long, counted from its
 * upper end; a length of 0 if there is none. */
static uint32_t find_victims(const wr_arena *arena, uint64_t end, uint32_t count_max,
                             uint64_t *out_start)
{
    uint32_t count = 0;

    while (end > 0) {
        uint64_t word_index = (end - 1) / 64;
        uint64_t word = arena->committed[word_index] & ~arena->used[word_index];

        word &= UINT64_MAX >> (63 - (end - 1) % 64);
        if (word == 0) {
            end = word_index * 64;
            continue;
        }
        end = word_index * 64 + 64 - (uint64_t)__builtin_clzll(word);
        while (count < count_max && end > 0 && is_free_committed(arena, end - 1)) {
            end--;
            count++;
        }
        break;
    }
    *out_start = end;
    return count;
}

/* Uncommit `count` free pages, from the highest down. False if the kernel refuses. */
static bool uncommit_free(wr_arena *arena, uint32_t count)
{
    uint64_t end = arena->committed_end;

    while (count > 0) {
        uint64_t start;
        uint32_t found = find_victims(arena, end, count, &start);

        if (found == 0 || !uncommit_run(arena, start, found))
            return false;
        count -= found;
        end = start;
    }
    while (arena->committed_end > 0 && arena->committed[(arena->committed_end - 1) / 64] == 0)
        arena->committed_end = (arena->committed_end - 1) / 64 * 64;
    return true;
}

/* Make [start, start + count) writable; `missing` of its pages are not. On failure nothing changes:
 * mprotect may have done a part, which is taken back. */
static bool commit_run(wr_arena *arena, uint64_t start, uint32_t count, uint32_t missing)
{
    if (!wr_map_commit(page_address(arena, start), (uint64_t)count * arena->page_bytes)) {
        for (uint64_t page = start; page < start + count; page++) {
            if (!wr_bit_get(arena->committed, page))
                (void)wr_map_uncommit(page_address(arena, page), arena->page_bytes);
        }
        return false;
    }
    put_bits(arena->committed, start, count, true);
    put(&arena->committed_count, arena->committed_count + missing);
    if (arena->committed_end < start + count)
        arena->committed_end = start + count;
    return true;
}

/* Commit the huge pages that a run lies in, if the budget has room for what is missing of them. */
static bool back_huge(wr_arena *arena, uint64_t start, uint32_t count)
{
    uint64_t block = WR_MAP_HUGE_BYTES / arena->page_bytes;
    uint64_t from = start / block * block, end = wr_round_up(start + count, block);
    uint32_t missing;

    if (start * arena->page_bytes < SMALL_BYTES || end > arena->space_pages)
        return false;
    missing = count_uncommitted(arena, from, (uint32_t)(end - from));
    if (arena->committed_count + missing > arena->page_count ||
        !commit_run(arena, from, (uint32_t)(end - from), missing))
        return false;
    /* Not the reservation as a whole: mappings that were given back are without the wish, and those that
     * differ do not become one again. */
    wr_map_prefer_huge(arena->base + from * arena->page_bytes, (end - from) * arena->page_bytes);
    return true;
}

/* Commit what is missing of a run that is already marked used, inside the budget. */
static bool back_run(wr_arena *arena, uint64_t start, uint32_t count)
{
    uint32_t missing = count_uncommitted(arena, start, count);
    uint64_t wanted = (uint64_t)arena->committed_count + missing;
    uint32_t free_committed;

    if (missing == 0)
        return true;
    if (wr_fault_hit(WR_FAULT_ALLOC))
        return false;
    if (back_huge(arena, start, count))
        return true;
    if (wanted > arena->page_count && !uncommit_free(arena, (uint32_t)(wanted - arena->page_count)))
        return false;
    if (commit_run(arena, start, count, missing))
        return true;
    /* Too many mappings: free pages between used ones are what splits them. */
    free_committed = arena->committed_count - arena->used_count - (count - missing);
    return uncommit_free(arena, free_committed) && commit_run(arena, start, count, missing);
}

static void *take_extent(wr_arena *arena, uint32_t count)
{
    uint64_t start = find_free_run(arena, count);
    void    *extent;

    if (start == arena->space_pages)
        return NULL;
    put_bits(arena->used, start, count, true);
    if (!back_run(arena, start, count)) {
        put_bits(arena->used, start, count, false);
        return NULL;
    }
    put(&arena->used_count, arena->used_count + count);
    if (arena->used_count > arena->used_peak)
        put(&arena->used_peak, arena->used_count);
    if (arena->taken_end < start + count)
        arena->taken_end = start + count;
    extent = page_address(arena, start);
    wr_unpoison(extent, (size_t)count * arena->page_bytes);
    return extent;
}

static void give_extent(wr_arena *arena, void *extent, uint32_t count)
{
    uint64_t offset = (uint64_t)((uint8_t *)extent - arena->base);
    uint64_t start = offset / arena->page_bytes;

    wr_assert((uint8_t *)extent >= arena->base && offset % arena->page_bytes == 0 &&
                  start + count <= arena->space_pages,
              "an extent given back lies in its arena");
    wr_assert(find_bit(arena->used, start, start + count, false) == start + count,
              "pages given back are in use");
    put_bits(arena->used, start, count, false);
    put(&arena->used_count, arena->used_count - count);
    if (start < arena->first_free)
        arena->first_free = start;
    wr_poison(extent, (size_t)count * arena->page_bytes);
}

bool wr_arena_retire(wr_arena *arena, uint32_t page_count)
{
    uint32_t left;

    WR_LOCKED(&arena->mutex);
    if (page_count > arena->ungranted_count)
        return false;
    left = arena->page_count - page_count;
    if (arena->committed_count > left && !uncommit_free(arena, arena->committed_count - left))
        return false;
    arena->page_count = left;
    put(&arena->ungranted_count, arena->ungranted_count - page_count);
    return true;
}

/* --- leases ------------------------------------------------------------------------------- */

static uint32_t load(const _Atomic uint32_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Counters of a lease change only under the arena's mutex; others may read them at any time. */
static void store(_Atomic uint32_t *counter, uint32_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static void add_used(wr_lease *lease, uint32_t count)
{
    uint32_t used = load(&lease->pages_used) + count;

    store(&lease->pages_used, used);
    if (used > load(&lease->pages_peak))
        store(&lease->pages_peak, used);
}

static void note_granted(wr_arena *arena)
{
    uint32_t granted = arena->page_count - arena->ungranted_count;

    if (granted > arena->granted_peak)
        put(&arena->granted_peak, granted);
}

void wr_lease_init(wr_lease *lease, const char *name, uint64_t min_bytes, uint64_t want_bytes,
                   uint32_t page_bytes)
{
    memset(lease, 0, sizeof *lease);
    lease->name = name;
    lease->pages_min = wr_pages_for(min_bytes, page_bytes);
    lease->pages_want = wr_pages_for(want_bytes > min_bytes ? want_bytes : min_bytes, page_bytes);
}

static wr_status raise_no_room(const wr_arena *arena, wr_lease *const *leases, uint32_t lease_count,
                               uint64_t sum, wr_error *err)
{
    const wr_lease *largest = leases[0];
    char            sum_text[32], left_text[32], largest_text[32];

    for (uint32_t i = 1; i < lease_count; i++) {
        if (leases[i]->pages_min > largest->pages_min)
            largest = leases[i];
    }
    wr_text_format_bytes(sum * arena->page_bytes, sum_text, sizeof sum_text);
    wr_text_format_bytes((uint64_t)arena->ungranted_count * arena->page_bytes, left_text,
                         sizeof left_text);
    wr_text_format_bytes((uint64_t)largest->pages_min * arena->page_bytes, largest_text,
                         sizeof largest_text);
    return WR_RAISE(err, WR_NO_MEMORY,
                    "this step needs at least %s of memory and %s are left; the largest part is %s "
                    "with %s: raise the memory cap",
                    sum_text, left_text, largest->name, largest_text);
}

void wr_lease_demand(wr_lease *lease, uint64_t min_bytes, uint64_t want_bytes)
{
    uint32_t page_bytes = lease->arena->page_bytes;

    WR_LOCKED(&lease->arena->mutex);
    wr_assert(lease->is_open, "only an open lease changes its demand");
    lease->pages_min = wr_pages_for(min_bytes, page_bytes);
    lease->pages_want = wr_pages_for(want_bytes > min_bytes ? want_bytes : min_bytes, page_bytes);
}

/* Pages that `lease` lacks to its min. */
static uint32_t missing_pages(const wr_lease *lease)
{
    uint32_t granted = lease->is_open ? load(&lease->pages_granted) : 0;

    return lease->pages_min > granted ? lease->pages_min - granted : 0;
}

static void open_or_raise(wr_arena *arena, wr_lease *lease)
{
    uint32_t missing = missing_pages(lease);

    if (!lease->is_open) {
        lease->arena = arena;
        lease->is_open = true;
        store(&lease->pages_granted, 0);
        store(&lease->pages_used, 0);
        store(&lease->pages_peak, 0);
    }
    store(&lease->pages_granted, load(&lease->pages_granted) + missing);
    put(&arena->ungranted_count, arena->ungranted_count - missing);
}

wr_status wr_lease_open_all(wr_arena *arena, wr_lease *const *leases, uint32_t lease_count,
                            wr_error *err)
{
    uint64_t sum = 0;

    WR_LOCKED(&arena->mutex);
    for (uint32_t i = 0; i < lease_count; i++) {
        wr_assert(!leases[i]->is_open || leases[i]->arena == arena, "a lease stays in its arena");
        sum += missing_pages(leases[i]);
    }
    if (sum > arena->ungranted_count)
        return raise_no_room(arena, leases, lease_count, sum, err);
    for (uint32_t i = 0; i < lease_count; i++)
        open_or_raise(arena, leases[i]);
    note_granted(arena);
    return WR_OK;
}

void wr_lease_close(wr_lease *lease)
{
    wr_arena *arena = lease->arena;

    if (!lease->is_open)
        return;
    WR_LOCKED(&arena->mutex);
    wr_assert(load(&lease->pages_used) == 0, "a lease is closed when all its pages are back");
    put(&arena->ungranted_count, arena->ungranted_count + load(&lease->pages_granted));
    store(&lease->pages_granted, 0);
    lease->is_open = false;
}

/* Can the grant rise to `pages`? */
static bool can_grow(const wr_lease *lease, uint64_t pages)
{
    uint64_t more = pages - load(&lease->pages_granted);

    return pages <= lease->pages_want && more <= lease->arena->ungranted_count;
}

static void grow(wr_lease *lease, uint64_t pages)
{
    wr_arena *arena = lease->arena;

    put(&arena->ungranted_count,
        arena->ungranted_count - (uint32_t)(pages - load(&lease->pages_granted)));
    store(&lease->pages_granted, (uint32_t)pages);
    note_granted(arena);
}

static void *take_pages(wr_lease *lease, uint32_t page_count, bool may_be_refused)
{
    wr_arena *arena = lease->arena;
    uint64_t  pages;
    void     *extent;
    bool      grows;

    wr_assert(page_count > 0, "an extent has at least one page");
    WR_LOCKED(&arena->mutex);
    wr_assert(lease->is_open, "pages are taken from open leases");
    pages = (uint64_t)load(&lease->pages_used) + page_count;
    grows = pages > load(&lease->pages_granted);
    if (grows && (!can_grow(lease, pages) || (may_be_refused && wr_fault_hit(WR_FAULT_GRANT))))
        return NULL;
    extent = take_extent(arena, page_count);
    if (!extent)
        return NULL;
    if (grows)
        grow(lease, pages);
    add_used(lease, page_count);
    return extent;
}

void *wr_lease_take(wr_lease *lease, uint32_t page_count)
{
    return take_pages(lease, page_count, false);
}

void *wr_lease_try(wr_lease *lease, uint32_t page_count)
{
    return take_pages(lease, page_count, true);
}

void wr_lease_give(wr_lease *lease, void *extent, uint32_t page_count)
{
    wr_arena *arena = lease->arena;

    WR_LOCKED(&arena->mutex);
    wr_assert(page_count <= load(&lease->pages_used), "a lease gives back what it took");
    give_extent(arena, extent, page_count);
    store(&lease->pages_used, load(&lease->pages_used) - page_count);
}

void wr_lease_shrink(wr_lease *lease)
{
    wr_arena *arena = lease->arena;
    uint32_t  keep = lease->pages_min;

    WR_LOCKED(&arena->mutex);
    if (keep < load(&lease->pages_used))
        keep = load(&lease->pages_used);
    if (keep >= load(&lease->pages_granted))
        return;
    put(&arena->ungranted_count, arena->ungranted_count + load(&lease->pages_granted) - keep);
    store(&lease->pages_granted, keep);
}
