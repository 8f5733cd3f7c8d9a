/* io/carve_heap.h — allocation inside a fixed block, for libraries with allocator hooks.
 *
 * First fit over a list in order of address, neighbours joined when they are freed. Libraries
 * allocate a handful of tables, and free them to make larger ones: no speed is needed.
 * Errors: NULL when nothing fits, which the library then reports. Threads: one at a time. */
#ifndef WR_IO_CARVE_HEAP_H
#define WR_IO_CARVE_HEAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct wr_carve_heap {
    uint8_t *base;
    uint64_t bytes;
    uint64_t used_bytes, used_bytes_peak; /* to the end of the last part in use */
} wr_carve_heap;

/** `base` 16-aligned. What it held is forgotten. */
void wr_carve_heap_init(wr_carve_heap *heap, void *base, uint64_t bytes);

void *wr_carve_heap_alloc(wr_carve_heap *heap, uint64_t bytes);
/** As the hooks of libraries have it: `heap` is a wr_carve_heap. NULL memory is a no-op. */
void wr_carve_heap_free(void *heap, void *memory);

/** What a part of `bytes` takes of the block. */
static inline uint64_t wr_carve_heap_bytes(uint64_t bytes)
{
    return 16 + ((bytes + 15) & ~(uint64_t)15);
}

#endif
