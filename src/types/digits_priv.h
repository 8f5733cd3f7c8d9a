/* types/digits_priv.h — digits eight at a time, and powers of ten. Shared by the parsers and
 * formatters of numbers. Source: Lemire, Quickly parsing eight digits (2018, 2022). */
#ifndef WR_BUILDING_TYPES
#error "digits_priv.h is private to src/types"
#endif
#ifndef WR_TYPES_DIGITS_PRIV_H
#define WR_TYPES_DIGITS_PRIV_H

#include "base/bits.h"
#include "types/type.h"

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

/* Are all eight bytes of `chunk` ASCII digits? */
static inline bool are_8_digits(uint64_t chunk)
{
    return ((chunk & 0xf0f0f0f0f0f0f0f0u) |
            (((chunk + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) >> 4)) == 0x3333333333333333u;
}

/* Value of eight digits; the first one is the lowest byte. */
static inline uint32_t value_of_8_digits(uint64_t chunk)
{
    chunk -= 0x3030303030303030u;
    chunk = chunk * 10 + (chunk >> 8);
    return (uint32_t)(((chunk & 0x000000ff000000ffu) * 0x000f424000000064u +
                       ((chunk >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u) >>
                      32);
}

/* The 1 to 8 bytes at `p` as a chunk with leading '0' bytes. Reads nothing outside them. */
static inline uint64_t load_padded_chunk(const char *p, size_t byte_count)
{
    uint64_t chunk;

    if (byte_count == 8)
        return wr_load_u64(p);
    if (byte_count >= 4)
        chunk = wr_load_u32(p) |
                (uint64_t)wr_load_u32(p + byte_count - 4) << (8 * (byte_count - 4));
    else
        chunk = (uint64_t)(uint8_t)p[0] |
                (uint64_t)(uint8_t)p[byte_count / 2] << (byte_count / 2 * 8) |
                (uint64_t)(uint8_t)p[byte_count - 1] << ((byte_count - 1) * 8);
    return chunk << (64 - 8 * byte_count) | 0x3030303030303030u >> (8 * byte_count);
}

/* 10^0 .. 10^19. */
extern const uint64_t wr_pow10_u64[20];

/** 10^q = g * 2^e with g in [result, result + 3) and 2^127 <= result; exact for 0 <= q <= 27.
 *  e = wr_pow10_exponent(q) - 127. -351 <= q <= 350. */
wr_u128 wr_pow10_bits(int q);

/* floor(log2(10^q)), |q| <= 1200 */
static inline int wr_pow10_exponent(int q)
{
    return (q * 1741647) >> 19;
}

#endif
