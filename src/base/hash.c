/* base/hash.c — XXH3 over bytes, compiled into this file so that short keys pay no call. */
#define XXH_INLINE_ALL
#include "base/hash.h"

#include <xxhash.h>

uint64_t wr_hash_bytes(const void *bytes, size_t byte_count)
{
    return XXH3_64bits(bytes, byte_count);
}

uint64_t wr_hash_xxh64(const void *bytes, size_t byte_count)
{
    return XXH64(bytes, byte_count, 0);
}
