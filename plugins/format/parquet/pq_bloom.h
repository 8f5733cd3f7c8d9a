/* pq_bloom.h — Bloom filters of blocks: is a value surely not in a column chunk?
 *
 * A filter is a power of two of blocks of 32 bytes; a value's hash (XXH64 of what PLAIN stores, without the
 * length of a text) names a block, and a bit in each of its eight words.
 * Source: BloomFilter.md of apache/parquet-format; Putze et al., Cache-, Hash- and Space-Efficient
 * Bloom Filters (2007). Cost: one cache line a value. */
#ifndef WR_BUILDING_FORMAT_PARQUET
#error "private to plugins/format/parquet"
#endif
#ifndef WR_PQ_BLOOM_H
#define WR_PQ_BLOOM_H

#include <stdbool.h>
#include <stdint.h>

enum { PQ_BLOOM_BLOCK_BYTES = 32, PQ_BLOOM_WORDS = PQ_BLOOM_BLOCK_BYTES / 4 };

/** Bytes of a filter for so many different values that is wrong in a share `wrong` of cases. */
uint64_t wr_pq_bloom_bytes(uint64_t value_count, double wrong);

/** Offset of the block that a hash belongs to. */
static inline uint64_t wr_pq_bloom_block(uint64_t byte_count, uint64_t hash)
{
    return ((hash >> 32) * (byte_count / PQ_BLOOM_BLOCK_BYTES) >> 32) * PQ_BLOOM_BLOCK_BYTES;
}

void wr_pq_bloom_add(uint8_t *filter, uint64_t byte_count, uint64_t hash);
bool wr_pq_bloom_block_has(const uint8_t *block, uint64_t hash);

/** Make a filter as small as it can be without being wrong more often than `wrong`; returns its bytes. */
uint64_t wr_pq_bloom_fold(uint8_t *filter, uint64_t byte_count, double wrong);

#endif
