/* carve_heap.c — see carve_heap.h. Parts follow each other without gaps; each begins with its head. */
#include "carve_heap.h"

#include "base/error.h"

typedef struct part {
    uint64_t bytes; /* with this head */
    uint64_t is_used;
} part;

_Static_assert(sizeof(part) == 16, "what follows a head is 16-aligned");

static part *part_at(const wr_carve_heap *heap, uint64_t offset)
{
    return (part *)(void *)(heap->base + offset);
}

void wr_carve_heap_init(wr_carve_heap *heap, void *base, uint64_t bytes)
{
    *heap = (wr_carve_heap){.base = base, .bytes = bytes & ~(uint64_t)15};
    *part_at(heap, 0) = (part){.bytes = heap->bytes};
}

void *wr_carve_heap_alloc(wr_carve_heap *heap, uint64_t bytes)
{
    uint64_t wanted = wr_carve_heap_bytes(bytes);

    if (bytes > heap->bytes)
        return NULL;
    for (uint64_t at = 0; at < heap->bytes; at += part_at(heap, at)->bytes) {
        part *p = part_at(heap, at);

        if (p->is_used || p->bytes < wanted)
            continue;
        if (p->bytes > wanted) {
            *part_at(heap, at + wanted) = (part){.bytes = p->bytes - wanted};
            p->bytes = wanted;
        }
        p->is_used = 1;
        heap->used_bytes += wanted;
        if (heap->used_bytes_peak < at + wanted)
            heap->used_bytes_peak = at + wanted;
        return p + 1;
    }
    return NULL;
}

/* Make one part of all free neighbours. */
static void join_free(wr_carve_heap *heap)
{
    for (uint64_t at = 0; at < heap->bytes; at += part_at(heap, at)->bytes) {
        part *p = part_at(heap, at);

        while (!p->is_used && at + p->bytes < heap->bytes && !part_at(heap, at + p->bytes)->is_used)
            p->bytes += part_at(heap, at + p->bytes)->bytes;
    }
}

void wr_carve_heap_free(void *heap_p, void *memory)
{
    wr_carve_heap *heap = heap_p;
    part          *p;

    if (!memory)
        return;
    p = (part *)memory - 1;
    wr_assert((uint8_t *)p >= heap->base && (uint8_t *)p < heap->base + heap->bytes && p->is_used,
              "a part that is freed was allocated from this block");
    p->is_used = 0;
    heap->used_bytes -= p->bytes;
    join_free(heap);
}
