/* base/hash.h — 64-bit hashes for tables and partitions. Inline, seedless, fixed for a build.
 *
 * Invariants: equal values give equal hashes on every machine, thread count and cap, so partition
 * functions do not depend on any of them. Not cryptographic. Source: the finaliser is
 * MurmurHash3's fmix64 (Appleby, public domain); bytes go through XXH3 (xxHash library).
 * The stress mode "all hashes equal" acts where columns are hashed (kernel/hash.h), not here. */
#ifndef WR_BASE_HASH_H
#define WR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/** Mix 64 bits. Cost about 1 ns. */
static inline uint64_t wr_hash_u64(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    x ^= x >> 33;
    return x;
}

/** Combine the hash of one more column into `seed` (order matters). */
static inline uint64_t wr_hash_combine(uint64_t seed, uint64_t hash)
{
    return wr_hash_u64(seed * 0x9e3779b97f4a7c15ULL + hash);
}

/** Hash `byte_count` bytes. Cost about 0.1 ns a byte. */
uint64_t wr_hash_bytes(const void *bytes, size_t byte_count);

/** XXH64 with seed 0, which is part of file formats. */
uint64_t wr_hash_xxh64(const void *bytes, size_t byte_count);

#endif
