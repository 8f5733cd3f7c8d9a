/* pq_pool.c — memory for pages and dictionaries: blocks by address, first fit.
 *
 * A column holds at most four blocks (page, dictionary, its bytes, a page as stored), so looking for a
 * gap is a short walk. Invariant: blocks are ascending, disjoint, 64-aligned, each with PQ_PAD bytes
 * behind it that may be read. */
#include "pq_priv.h"

#include <string.h>

uint8_t *wr_pq_pool_take(pq_pool *pool, uint64_t size)
{
    uint64_t begin = 0;
    uint32_t index = 0;

    if (size > pool->size || pool->count == pool->room)
        return NULL;
    size = wr_carve_bytes(size + PQ_PAD);
    for (; index < pool->count; index++) {
        uint64_t next = (uint64_t)(pool->blocks[index].bytes - pool->bytes);

        if (next - begin >= size)
            break;
        begin = next + pool->blocks[index].size;
    }
    if (pool->size - begin < size)
        return NULL;
    memmove(pool->blocks + index + 1, pool->blocks + index,
            (pool->count - index) * sizeof pool->blocks[0]);
    pool->blocks[index] = (pq_block){pool->bytes + begin, size};
    pool->count++;
    return pool->bytes + begin;
}

static uint32_t find(const pq_pool *pool, const uint8_t *bytes)
{
    uint32_t index = 0;

    while (index < pool->count && pool->blocks[index].bytes != bytes)
        index++;
    wr_assert(index < pool->count, "a block is given back once");
    return index;
}

void wr_pq_pool_give(pq_pool *pool, const uint8_t *bytes)
{
    uint32_t index = find(pool, bytes);

    pool->count--;
    memmove(pool->blocks + index, pool->blocks + index + 1,
            (pool->count - index) * sizeof pool->blocks[0]);
}
