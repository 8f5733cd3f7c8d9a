/* pq_pool.c — memory for pages and dictionaries: blocks by address, first fit.
 *
 * A column holds at most eight blocks (page, as stored and as plain values, dictionary, its bytes; a flow
 * and two kinds of levels), so
 * looking for a gap is a short walk. Invariant: blocks are ascending, disjoint, 64-aligned, each with PQ_PAD bytes
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

uint8_t *wr_pq_pool_take_some(pq_pool *pool, uint64_t most, uint64_t least, uint64_t *out_size)
{
    for (*out_size = most; *out_size >= least; *out_size /= 2) {
        uint8_t *bytes = wr_pq_pool_take(pool, *out_size);

        if (bytes)
            return bytes;
    }
    *out_size = 0;
    return NULL;
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

void wr_pq_pool_shrink(pq_pool *pool, const uint8_t *bytes, uint64_t size)
{
    pq_block *block = &pool->blocks[find(pool, bytes)];

    size = wr_carve_bytes(size + PQ_PAD);
    if (size < block->size)
        block->size = size;
}
