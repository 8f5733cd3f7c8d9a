/* base/bits.h — bit maps, powers of two, unaligned and big-endian loads. All inline, no state.
 *
 * A bit map is an array of uint64_t words; bit i is word i/64, bit i%64; 1 means "valid". */
#ifndef WR_BASE_BITS_H
#define WR_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t wr_bit_words(size_t bit_count)
{
    return (bit_count + 63) / 64;
}

static inline bool wr_bit_get(const uint64_t *bits, size_t index)
{
    return (bits[index >> 6] >> (index & 63)) & 1;
}

static inline void wr_bit_set(uint64_t *bits, size_t index)
{
    bits[index >> 6] |= (uint64_t)1 << (index & 63);
}

static inline void wr_bit_clear(uint64_t *bits, size_t index)
{
    bits[index >> 6] &= ~((uint64_t)1 << (index & 63));
}

static inline void wr_bit_put(uint64_t *bits, size_t index, bool value)
{
    uint64_t mask = (uint64_t)1 << (index & 63);

    bits[index >> 6] = (bits[index >> 6] & ~mask) | (value ? mask : 0);
}

/** Smallest power of two >= x (x >= 1). */
static inline uint64_t wr_pow2_ceil(uint64_t x)
{
    return x <= 1 ? 1 : (uint64_t)1 << (64 - __builtin_clzll(x - 1));
}

/** Largest power of two <= x (x >= 1). */
static inline uint64_t wr_pow2_floor(uint64_t x)
{
    return (uint64_t)1 << (63 - __builtin_clzll(x));
}

static inline uint64_t wr_round_up(uint64_t x, uint64_t multiple)
{
    return (x + multiple - 1) / multiple * multiple;
}

static inline uint64_t wr_load_u64(const void *p)
{
    uint64_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

static inline uint32_t wr_load_u32(const void *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

static inline void wr_store_u64(void *p, uint64_t x)
{
    memcpy(p, &x, sizeof x);
}

static inline void wr_store_u32(void *p, uint32_t x)
{
    memcpy(p, &x, sizeof x);
}

static inline void wr_store_u64_be(void *p, uint64_t x)
{
    wr_store_u64(p, __builtin_bswap64(x));
}

static inline uint64_t wr_load_u64_be(const void *p)
{
    return __builtin_bswap64(wr_load_u64(p));
}

#endif
