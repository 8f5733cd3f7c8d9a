/* mem/heap.h — the bounded heap behind malloc for code that has no allocator hook.
 *
 * One fixed budget G, charged in full when the contract is set. The interposed malloc family of the
 * program (mem/interpose.c, linked into programs only) serves from it; past the budget malloc
 * returns NULL. Own code never calls malloc: it leases. Boundary tags, segregated free lists,
 * coalescing at once; one mutex. Threads: safe. Cost: about 50 ns a call. */
#ifndef WR_MEM_HEAP_H
#define WR_MEM_HEAP_H

#include <stddef.h>
#include <stdint.h>

/** Raise or lower the budget; it never falls below what is in use. 1 MiB before the first call. */
void wr_heap_set_budget(uint64_t bytes_max);

void  *wr_heap_alloc(size_t bytes, size_t alignment);
void  *wr_heap_resize(void *p, size_t bytes);
void   wr_heap_free(void *p);
size_t wr_heap_usable_bytes(const void *p);

typedef struct wr_heap_stats {
    uint64_t bytes_max, bytes_committed, bytes_used, bytes_used_peak;
    uint64_t call_count;         /* all calls since the start                         */
    uint64_t refused_count;      /* calls answered with NULL                          */
} wr_heap_stats;

void wr_heap_stats_read(wr_heap_stats *out_stats);

#endif
