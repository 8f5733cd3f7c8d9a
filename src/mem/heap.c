/* mem/heap.c — a bounded two-level segregated-fit allocator with boundary tags.
 *
 * Layout. One reservation of address space, committed from its start. It is cut into blocks without
 * gaps; a block begins with an 8-byte tag (its bytes, and whether it and the block before it are
 * used) and, while it is free, ends with its size, so that both neighbours are found in O(1). The
 * last 8 bytes are a used tag of size 0, the fence. Payloads are 16-aligned, blocks are multiples
 * of 16 and at least 32 bytes.
 *
 * Free blocks hang in lists by size class: 16 bytes apart up to 512, then 16 a power of two. A bit
 * map over the classes finds the next class that surely fits.
 *
 * Invariants
 *  1. Two neighbouring blocks are never both free (coalescing at once).
 *  2. committed <= budget, whatever the order of calls.
 *  3. Nothing here calls malloc, nor anything that could.
 * Source: two-level segregated fit (Masmano et al. 2004), boundary tags (Knuth 1973, 2.5). */
#include "mem/heap.h"

#include <pthread.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/fault.h"
#include "os/map.h"

enum {
    OS_PAGE_BYTES = 4096,
    ALIGNMENT = 16,
    TAG_BYTES = 8,
    BLOCK_BYTES_MIN = 32,
    GROW_BYTES = 64 * 1024,
    SMALL_BYTES_MAX = 512, /* classes 16 bytes apart below, geometric above */
    CLASS_BITS = 4,
    SMALL_CLASSES = SMALL_BYTES_MAX / ALIGNMENT,
    SMALL_BYTES_LOG2 = 9,
    SPACE_LOG2 = 36,
    CLASS_COUNT = SMALL_CLASSES + ((SPACE_LOG2 - SMALL_BYTES_LOG2 + 1) << CLASS_BITS),
    QUICK_TRIES = 16,
};

static const uint64_t SPACE_BYTES = (uint64_t)1 << SPACE_LOG2;

/* Low bits of a tag; sizes are multiples of 16. */
enum { USED = 1, BEFORE_USED = 2, FLAGS = 15 };

typedef struct block {
    uint64_t      tag;
    struct block *next, *previous; /* payload while used */
} block;

static struct {
    pthread_mutex_t mutex;
    uint8_t        *base; /* NULL before the first call */
    uint64_t        budget_bytes;
    uint64_t        committed_bytes;
    uint64_t        used_bytes, used_bytes_peak; /* blocks in use, tags included */
    uint64_t        call_count, refused_count;
    uint64_t        class_bits[(CLASS_COUNT + 63) / 64];
    block          *classes[CLASS_COUNT];
} heap = {.mutex = PTHREAD_MUTEX_INITIALIZER, .budget_bytes = 1 << 20};

/* --- blocks ------------------------------------------------------------------------------- */

static uint64_t block_bytes(const block *b)
{
    return b->tag & ~(uint64_t)FLAGS;
}

static block *block_after(const block *b)
{
    return (block *)((uint8_t *)b + block_bytes(b));
}

static block *block_before(const block *b) /* only if it is free */
{
    return (block *)((uint8_t *)b - wr_load_u64((const uint8_t *)b - TAG_BYTES));
}

static void *payload_of(block *b)
{
    return (uint8_t *)b + TAG_BYTES;
}

static block *block_of(const void *p)
{
    return (block *)((uint8_t *)p - TAG_BYTES);
}

static block *first_block(void)
{
    return (block *)(heap.base + ALIGNMENT - TAG_BYTES);
}

static block *fence(void)
{
    return (block *)(heap.base + heap.committed_bytes - TAG_BYTES);
}

/* --- size classes ------------------------------------------------------------------------- */

static uint32_t class_of(uint64_t bytes)
{
    uint32_t log2;

    if (bytes < SMALL_BYTES_MAX)
        return (uint32_t)(bytes / ALIGNMENT);
    log2 = 63 - (uint32_t)__builtin_clzll(bytes);
    return SMALL_CLASSES + ((log2 - SMALL_BYTES_LOG2) << CLASS_BITS) +
           (uint32_t)((bytes >> (log2 - CLASS_BITS)) & ((1 << CLASS_BITS) - 1));
}

static void link_free(block *b)
{
    uint32_t class = class_of(block_bytes(b));

    b->previous = NULL;
    b->next = heap.classes[class];
    if (b->next)
        b->next->previous = b;
    heap.classes[class] = b;
    wr_bit_set(heap.class_bits, class);
}

static void unlink_free(block *b)
{
    uint32_t class = class_of(block_bytes(b));

    if (b->next)
        b->next->previous = b->previous;
    if (b->previous)
        b->previous->next = b->next;
    else
        heap.classes[class] = b->next;
    if (!heap.classes[class])
        wr_bit_clear(heap.class_bits, class);
}

/* Any block of a class above that of `bytes` fits; in its own class up to `tries` are looked at. */
static block *find_fit(uint64_t bytes, uint64_t tries)
{
    uint32_t class = class_of(bytes);

    for (block *b = heap.classes[class]; b && tries > 0; b = b->next, tries--) {
        if (block_bytes(b) >= bytes)
            return b;
    }
    for (uint32_t at = class + 1; at < CLASS_COUNT; at = (at / 64 + 1) * 64) {
        uint64_t word = heap.class_bits[at / 64] & (UINT64_MAX << (at % 64));
        if (word != 0)
            return heap.classes[at / 64 * 64 + (uint32_t)__builtin_ctzll(word)];
    }
    return NULL;
}

/* --- free blocks -------------------------------------------------------------------------- */

/* Make `bytes` at `b` one free block, merged with its free neighbours, in its list. The tag of `b`
 * must say whether the block before it is used. */
static block *put_free(block *b, uint64_t bytes)
{
    block *after = (block *)((uint8_t *)b + bytes);

    b->tag &= ~(uint64_t)USED; /* also if it is swallowed, so that a second free is noticed */
    if (!(b->tag & BEFORE_USED)) {
        block *before = block_before(b);
        unlink_free(before);
        bytes += block_bytes(before);
        b = before;
    }
    if (!(after->tag & USED)) {
        unlink_free(after);
        bytes += block_bytes(after);
    }
    b->tag = bytes | BEFORE_USED; /* invariant 1: a free block's neighbours are used */
    after = block_after(b);
    wr_store_u64((uint8_t *)after - TAG_BYTES, bytes);
    after->tag &= ~(uint64_t)BEFORE_USED;
    link_free(b);
    return b;
}

/* Turn the first `bytes` of `b`, `have` bytes long and in no list, into a used block. */
static void put_used(block *b, uint64_t have, uint64_t bytes)
{
    uint64_t before_flag = b->tag & BEFORE_USED;

    if (have - bytes < BLOCK_BYTES_MIN)
        bytes = have;
    b->tag = bytes | USED | before_flag;
    heap.used_bytes += bytes;
    if (heap.used_bytes > heap.used_bytes_peak)
        heap.used_bytes_peak = heap.used_bytes;
    if (bytes < have) {
        block *rest = block_after(b);
        rest->tag = BEFORE_USED;
        put_free(rest, have - bytes);
    } else {
        block_after(b)->tag |= BEFORE_USED;
    }
}

/* Extend the committed part to `bytes` and add what is new to the free blocks. */
static bool extend(uint64_t bytes)
{
    block   *old_fence;
    uint64_t added = bytes - heap.committed_bytes;

    if (!wr_map_commit(heap.base + heap.committed_bytes, added))
        return false;
    old_fence = fence();
    heap.committed_bytes = bytes;
    fence()->tag = USED;
    put_free(old_fence, added);
    return true;
}

static bool start(void)
{
    void *base;

    if (heap.base)
        return true;
    if (wr_map_reserve(SPACE_BYTES, &base, NULL) != WR_OK)
        return false;
    if (!wr_map_commit(base, OS_PAGE_BYTES)) {
        wr_map_release(base, SPACE_BYTES);
        return false;
    }
    heap.base = base;
    heap.committed_bytes = OS_PAGE_BYTES;
    fence()->tag = USED;
    first_block()->tag = BEFORE_USED;
    put_free(first_block(), OS_PAGE_BYTES - ALIGNMENT);
    return true;
}

/* The free block in front of the fence, or NULL. */
static block *last_free(void)
{
    return fence()->tag & BEFORE_USED ? NULL : block_before(fence());
}

/* Commit until the last free block has `bytes`, in large steps while the budget lasts. */
static bool grow_for(uint64_t bytes)
{
    uint64_t have = last_free() ? block_bytes(last_free()) : 0;
    uint64_t needed, wanted;

    if (have >= bytes)
        return true;
    needed = wr_round_up(heap.committed_bytes + bytes - have, OS_PAGE_BYTES);
    wanted = wr_round_up(needed, GROW_BYTES);
    if (needed > heap.budget_bytes)
        return false;
    return extend(wanted <= heap.budget_bytes ? wanted : needed);
}

/* --- the calls, under the mutex ----------------------------------------------------------- */

/* Bytes of the block that serves a request; 0 if it is absurd. */
static uint64_t block_bytes_for(size_t bytes)
{
    uint64_t rounded;

    if (bytes > SPACE_BYTES / 2)
        return 0;
    rounded = wr_round_up((uint64_t)bytes + TAG_BYTES, ALIGNMENT);
    return rounded < BLOCK_BYTES_MIN ? BLOCK_BYTES_MIN : rounded;
}

static block *take_block(uint64_t bytes)
{
    block *b = find_fit(bytes, QUICK_TRIES);

    if (!b)
        b = grow_for(bytes) ? last_free() : find_fit(bytes, UINT64_MAX);
    if (b)
        unlink_free(b);
    return b;
}

/* A payload address in `b` that is aligned, with a whole free block before it or none. */
static block *aligned_start(block *b, size_t alignment)
{
    uintptr_t payload = (uintptr_t)payload_of(b);
    uintptr_t aligned = wr_round_up(payload, alignment);

    if (aligned != payload && aligned - payload < BLOCK_BYTES_MIN)
        aligned += alignment;
    return block_of((void *)aligned);
}

static void *allocate(size_t bytes, size_t alignment)
{
    uint64_t wanted = block_bytes_for(bytes);
    uint64_t slack = alignment > ALIGNMENT ? alignment + BLOCK_BYTES_MIN : 0;
    uint64_t have, lead;
    block   *b, *aligned;

    if (wanted == 0 || alignment > SPACE_BYTES / 2 || !start())
        return NULL;
    b = take_block(wanted + slack);
    if (!b)
        return NULL;
    have = block_bytes(b);
    aligned = slack > 0 ? aligned_start(b, alignment) : b;
    lead = (uint64_t)((uint8_t *)aligned - (uint8_t *)b);
    if (lead > 0) {
        aligned->tag = USED; /* so that what lies before does not merge with it */
        put_free(b, lead);
    }
    put_used(aligned, have - lead, wanted);
    return payload_of(aligned);
}

static block *checked_block(const void *p)
{
    block *b = block_of(p);

    wr_assert((uintptr_t)p % ALIGNMENT == 0 && (b->tag & USED) && block_bytes(b) != 0 &&
                  (const uint8_t *)block_after(b) <= (const uint8_t *)fence(),
              "a pointer given to free or realloc came from malloc and is freed once");
    return b;
}

static void give_back(block *b)
{
    heap.used_bytes -= block_bytes(b);
    put_free(b, block_bytes(b));
}

/* Shrink, or grow into a free neighbour; false if the block has to move. */
static bool resize_in_place(block *b, uint64_t wanted)
{
    uint64_t have = block_bytes(b);
    block   *after = block_after(b);

    if (wanted > have && !(after->tag & USED) && have + block_bytes(after) >= wanted) {
        unlink_free(after);
        heap.used_bytes -= have;
        put_used(b, have + block_bytes(after), wanted);
        return true;
    }
    if (wanted > have)
        return false;
    heap.used_bytes -= have;
    put_used(b, have, wanted);
    return true;
}

/* --- interface ---------------------------------------------------------------------------- */

static void lock(void)
{
    pthread_mutex_lock(&heap.mutex);
    heap.call_count++;
}

static void unlock(void)
{
    pthread_mutex_unlock(&heap.mutex);
}

/* Before the program's own malloc is found, the loader allocates with its own; that memory, which
 * it may free through us, stays where it is. */
static bool is_ours(const void *p)
{
    return heap.base && (const uint8_t *)p > heap.base &&
           (const uint8_t *)p < heap.base + heap.committed_bytes;
}

void *wr_heap_alloc(size_t bytes, size_t alignment)
{
    void *p;

    lock();
    p = wr_fault_hit(WR_FAULT_ALLOC) ? NULL : allocate(bytes, alignment);
    heap.refused_count += p == NULL;
    unlock();
    return p;
}

void wr_heap_free(void *p)
{
    if (!p)
        return;
    lock();
    if (is_ours(p))
        give_back(checked_block(p));
    unlock();
}

/* The old block is kept when NULL is returned. */
static void *resize(void *p, size_t bytes)
{
    uint64_t wanted = block_bytes_for(bytes);
    block   *b = checked_block(p);
    uint64_t have = block_bytes(b) - TAG_BYTES;
    void    *moved;

    if (bytes > have && wr_fault_hit(WR_FAULT_ALLOC))
        return NULL;
    if (wanted != 0 && resize_in_place(b, wanted))
        return p;
    moved = allocate(bytes, 0);
    if (moved) {
        memcpy(moved, p, have < bytes ? have : bytes);
        give_back(b);
    }
    return moved;
}

void *wr_heap_resize(void *p, size_t bytes)
{
    void *resized;

    if (!p)
        return wr_heap_alloc(bytes, 0);
    lock();
    wr_assert(is_ours(p), "a pointer given to realloc came from malloc");
    resized = resize(p, bytes);
    heap.refused_count += resized == NULL;
    unlock();
    return resized;
}

size_t wr_heap_usable_bytes(const void *p)
{
    size_t bytes;

    if (!p)
        return 0;
    lock(); /* the neighbour writes its flag into this block's tag */
    bytes = is_ours(p) ? block_bytes(checked_block(p)) - TAG_BYTES : 0;
    unlock();
    return bytes;
}

/* Give up free committed memory at the end, down to `bytes`. */
static void trim_to(uint64_t bytes)
{
    block   *last;
    uint64_t end;

    if (fence()->tag & BEFORE_USED)
        return;
    last = block_before(fence());
    end = wr_round_up((uint64_t)((uint8_t *)last - heap.base) + BLOCK_BYTES_MIN + TAG_BYTES,
                      OS_PAGE_BYTES);
    if (end < bytes)
        end = bytes;
    if (end >= heap.committed_bytes ||
        !wr_map_uncommit(heap.base + end, heap.committed_bytes - end))
        return;
    unlink_free(last);
    heap.committed_bytes = end;
    fence()->tag = USED;
    put_free(last, (uint64_t)((uint8_t *)fence() - (uint8_t *)last));
}

void wr_heap_set_budget(uint64_t bytes_max)
{
    bytes_max = wr_round_up(bytes_max < SPACE_BYTES ? bytes_max : SPACE_BYTES, OS_PAGE_BYTES);
    lock();
    if (start()) {
        if (bytes_max < heap.committed_bytes)
            trim_to(bytes_max > OS_PAGE_BYTES ? bytes_max : OS_PAGE_BYTES);
        else if (bytes_max > heap.committed_bytes)
            (void)extend(bytes_max); /* charged now; if the kernel refuses, it grows later */
        heap.budget_bytes = bytes_max > heap.committed_bytes ? bytes_max : heap.committed_bytes;
    }
    unlock();
}

void wr_heap_stats_read(wr_heap_stats *out_stats)
{
    pthread_mutex_lock(&heap.mutex);
    *out_stats = (wr_heap_stats){
        .bytes_max = heap.budget_bytes,
        .bytes_committed = heap.committed_bytes,
        .bytes_used = heap.used_bytes,
        .bytes_used_peak = heap.used_bytes_peak,
        .call_count = heap.call_count,
        .refused_count = heap.refused_count,
    };
    unlock();
}
