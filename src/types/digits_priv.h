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

/* The first `byte_count` (0 to 8) of at least 8 bytes at `p`, padded in the same way. */
static inline uint64_t load_padded_head(const char *p, size_t byte_count)
{
    size_t half_bits = 4 * byte_count; /* shifts in two halves: one of 64 would be undefined */

    return wr_load_u64(p) << (32 - half_bits) << (32 - half_bits) |
           0x3030303030303030u >> half_bits >> half_bits;
}

/* 1 to 19 digits: 64 bits are enough. The first chunk takes what is left over by eights. */
static inline bool value_of_digits(const char *p, size_t digit_count, uint64_t *out)
{
    size_t   head = (digit_count - 1) % 8 + 1;
    uint64_t chunk = digit_count > 8 ? load_padded_head(p, head) : load_padded_chunk(p, head);
    uint64_t value;

    if (!are_8_digits(chunk))
        return false;
    value = value_of_8_digits(chunk);
    for (size_t i = head; i < digit_count; i += 8) {
        chunk = wr_load_u64(p + i);
        if (!are_8_digits(chunk))
            return false;
        value = value * 100000000 + value_of_8_digits(chunk);
    }
    *out = value;
    return true;
}

/* 10^0 .. 10^19. */
extern const uint64_t wr_pow10_u64[20];

/* High bit set in the first byte of `chunk` that is a point (and perhaps in later ones). */
static inline uint64_t mark_points(uint64_t chunk)
{
    uint64_t x = chunk ^ 0x2e2e2e2e2e2e2e2eu;

    return (x - 0x0101010101010101u) & ~x & 0x8080808080808080u;
}

/* "123", "123.45", ".5", "5.": at most 16 bytes of digits with at most one point, no sign. False
 * for everything else. The point is squeezed out of the word and the rest converted at once: lengths
 * vary from field to field, and each end of a loop over bytes would be a branch guessed wrong. */
static inline bool split_plain_decimal(const char *p, size_t byte_count, uint64_t *out_digits,
                                       size_t *out_fraction_count)
{
    uint64_t head = 0x3030303030303030u, tail, marks;
    unsigned bit;

    if (byte_count - 1 >= 16 || (byte_count == 1 && *p == '.'))
        return false;
    if (byte_count > 8) {
        head = load_padded_head(p, byte_count - 8);
        tail = wr_load_u64(p + byte_count - 8);
    } else {
        tail = load_padded_chunk(p, byte_count);
    }
    *out_fraction_count = 0;
    marks = mark_points(tail);
    if (marks) { /* bytes before the point move up by one; one of the head comes in */
        bit = (unsigned)__builtin_ctzll(marks) & 56;
        *out_fraction_count = 7 - bit / 8;
        tail = (tail & ~(uint64_t)0 << bit << 8) | (tail & (((uint64_t)1 << bit) - 1)) << 8 |
               head >> 56;
        head = head << 8 | '0';
    } else if (byte_count > 8 && (marks = mark_points(head)) != 0) {
        bit = (unsigned)__builtin_ctzll(marks) & 56;
        *out_fraction_count = 15 - bit / 8;
        head = (head & ~(uint64_t)0 << bit << 8) | (head & (((uint64_t)1 << bit) - 1)) << 8 | '0';
    }
    if (!are_8_digits(tail) || (byte_count > 8 && !are_8_digits(head)))
        return false;
    *out_digits = value_of_8_digits(tail);
    if (byte_count > 8)
        *out_digits += (uint64_t)value_of_8_digits(head) * 100000000;
    return true;
}

/** 10^q = g * 2^e with g in [result, result + 3) and 2^127 <= result; exact for 0 <= q <= 27.
 *  e = wr_pow10_exponent(q) - 127. -351 <= q <= 350. */
wr_u128 wr_pow10_bits(int q);

/* floor(log2(10^q)), |q| <= 1200 */
static inline int wr_pow10_exponent(int q)
{
    return (q * 1741647) >> 19;
}

#endif
