/* pq_write_pool.h — the memory of a block: small pieces, chained into byte streams that grow and are eaten.
 *
 * How much each column of a block takes is known only when its rows are there; so all columns share
 * one pool, and what a stream has been read of serves the next one that grows: pages come out of the
 * same memory that their values went into.
 *
 * Invariants: a piece is free or in exactly one stream; every piece of a stream but the last is full.
 * Threads: whoever has the block. Cost: a copy a byte, a few ns a piece. */
#ifndef WR_BUILDING_FORMAT_PARQUET
#error "private to plugins/format/parquet"
#endif
#ifndef WR_PQ_WRITE_POOL_H
#define WR_PQ_WRITE_POOL_H

#include <string.h>

#include "base/bits.h"
#include "io/carve.h"

#define PQ_PIECE_NONE UINT32_MAX

typedef struct pq_pool {
    uint8_t  *bytes;
    uint32_t *next; /* of a piece: in its stream, or among the free ones */
    uint32_t  piece_bytes, piece_count;
    uint32_t  free_first, free_count;
} pq_pool;

/** A stream of bytes. */
typedef struct pq_chain {
    uint32_t first, last;
    uint32_t first_used; /* bytes of the first piece that are read */
    uint32_t last_used;  /* bytes of the last piece                */
    uint64_t byte_count; /* not read yet                           */
} pq_chain;

static const pq_chain PQ_CHAIN_EMPTY = {.first = PQ_PIECE_NONE, .last = PQ_PIECE_NONE};

/** Piece sizes are powers of two. */
void wr_pq_pool_layout(pq_pool *pool, uint32_t piece_bytes, uint32_t piece_count,
                       wr_carver *carver);

/** Give all pieces back; streams are forgotten. */
void wr_pq_pool_reset(pq_pool *pool);

void wr_pq_chain_put(pq_pool *pool, pq_chain *chain, const void *bytes, size_t byte_count);

/** Read exactly so many bytes, which there are; pieces that are read are free. `out` NULL: pass. */
void wr_pq_chain_take(pq_pool *pool, pq_chain *chain, void *out, size_t byte_count);

/** As take, but they stay. */
void wr_pq_chain_peek(const pq_pool *pool, const pq_chain *chain, void *out, size_t byte_count);

/** What of the stream lies in one piece, at most `byte_count` bytes, then pass them with take. */
static inline const uint8_t *wr_pq_chain_run(const pq_pool *pool, const pq_chain *chain,
                                             size_t byte_count, size_t *out_bytes)
{
    uint32_t end = chain->first == chain->last ? chain->last_used : pool->piece_bytes;
    size_t   run = end - chain->first_used;

    *out_bytes = run < byte_count ? run : byte_count;
    return pool->bytes + (size_t)chain->first * pool->piece_bytes + chain->first_used;
}

/** Pieces that `byte_count` more bytes would take. */
static inline uint64_t wr_pq_chain_need(const pq_pool *pool, const pq_chain *chain,
                                        uint64_t byte_count)
{
    uint64_t room = chain->last == PQ_PIECE_NONE ? 0 : pool->piece_bytes - chain->last_used;

    return byte_count <= room ? 0
                              : (byte_count - room + pool->piece_bytes - 1) / pool->piece_bytes;
}

#endif
