/* pq_write_pool.c — see the header. */
#include "pq_write_pool.h"

void wr_pq_pool_layout(pq_pool *pool, uint32_t piece_bytes, uint32_t piece_count, wr_carver *carver)
{
    *pool = (pq_pool){
        .bytes = wr_carve(carver, (uint64_t)piece_bytes * piece_count),
        .next = wr_carve(carver, (uint64_t)piece_count * sizeof(uint32_t)),
        .piece_bytes = piece_bytes,
        .piece_count = piece_count,
    };
    if (carver->base)
        wr_pq_pool_reset(pool);
}

void wr_pq_pool_reset(pq_pool *pool)
{
    for (uint32_t i = 0; i < pool->piece_count; i++)
        pool->next[i] = i + 1;
    pool->free_first = 0;
    pool->free_count = pool->piece_count;
}

static uint8_t *piece(const pq_pool *pool, uint32_t index)
{
    return pool->bytes + (size_t)index * pool->piece_bytes;
}

/* The next piece of a stream whose last one is full. There must be one. */
static void grow(pq_pool *pool, pq_chain *chain)
{
    uint32_t fresh = pool->free_first;

    wr_assert(pool->free_count > 0, "what goes into a block was counted before");
    pool->free_first = pool->next[fresh];
    pool->free_count--;
    if (chain->last == PQ_PIECE_NONE)
        chain->first = fresh;
    else
        pool->next[chain->last] = fresh;
    chain->last = fresh;
    chain->last_used = 0;
}

/* Room for at least one byte at the end of the stream. */
static uint8_t *open_end(pq_pool *pool, pq_chain *chain, size_t wanted, size_t *out_room)
{
    uint8_t *at;

    if (chain->last == PQ_PIECE_NONE || chain->last_used == pool->piece_bytes)
        grow(pool, chain);
    at = piece(pool, chain->last) + chain->last_used;
    *out_room = pool->piece_bytes - chain->last_used;
    if (*out_room > wanted)
        *out_room = wanted;
    chain->last_used += (uint32_t)*out_room;
    chain->byte_count += *out_room;
    return at;
}

void wr_pq_chain_put(pq_pool *pool, pq_chain *chain, const void *bytes, size_t byte_count)
{
    const uint8_t *from = bytes;

    while (byte_count > 0) {
        size_t   now;
        uint8_t *at = open_end(pool, chain, byte_count, &now);

        memcpy(at, from, now);
        from += now;
        byte_count -= now;
    }
}

static void drop_first(pq_pool *pool, pq_chain *chain)
{
    uint32_t first = chain->first;

    if (first == chain->last) {
        *chain = PQ_CHAIN_EMPTY;
    } else {
        chain->first = pool->next[first];
        chain->first_used = 0;
    }
    pool->next[first] = pool->free_first;
    pool->free_first = first;
    pool->free_count++;
}

void wr_pq_chain_take(pq_pool *pool, pq_chain *chain, void *out, size_t byte_count)
{
    uint8_t *to = out;

    wr_assert(byte_count <= chain->byte_count, "a stream is read as far as it goes");
    while (byte_count > 0) {
        size_t         run;
        const uint8_t *from = wr_pq_chain_run(pool, chain, byte_count, &run);

        if (to) {
            memcpy(to, from, run);
            to += run;
        }
        byte_count -= run;
        chain->byte_count -= run;
        chain->first_used += (uint32_t)run;
        if (chain->first_used == pool->piece_bytes || chain->byte_count == 0)
            drop_first(pool, chain);
    }
}

void wr_pq_chain_peek(const pq_pool *pool, const pq_chain *chain, void *out, size_t byte_count)
{
    pq_chain copy = *chain;
    uint8_t *to = out;

    wr_assert(byte_count <= chain->byte_count, "a stream is read as far as it goes");
    while (byte_count > 0) {
        size_t         run;
        const uint8_t *from = wr_pq_chain_run(pool, &copy, byte_count, &run);

        memcpy(to, from, run);
        to += run;
        byte_count -= run;
        copy.first = pool->next[copy.first];
        copy.first_used = 0;
    }
}
