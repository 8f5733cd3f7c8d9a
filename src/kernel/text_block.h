/* kernel/text_block.h — 64 bytes of text as bit masks: which bytes equal x, which are not ASCII.
 *
 * Bit i of a mask speaks of byte i. The same source is compiled once per instruction set
 * (text_isa.h): this header picks AVX2, SSE2 or plain 64-bit words by what the compiler was told.
 * Loads always touch 64 bytes: buffers are padded by WR_TEXT_PAD bytes behind their end.
 * Cost per block: a load, a compare and a move-mask per asked byte and 32 (16, 8) bytes.
 * Source: the masks are simdjson's (Langdale, Lemire, Parsing Gigabytes of JSON per Second, 2019). */
#ifndef WR_KERNEL_TEXT_BLOCK_H
#define WR_KERNEL_TEXT_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

enum { WR_TEXT_PAD = 64 };

#if defined(__AVX2__)
#include <immintrin.h>

typedef struct wr_text_block {
    __m256i low, high;
} wr_text_block;

WR_ALWAYS_INLINE wr_text_block wr_text_block_load(const uint8_t *bytes)
{
    return (wr_text_block){_mm256_loadu_si256((const __m256i *)bytes),
                           _mm256_loadu_si256((const __m256i *)(bytes + 32))};
}

WR_ALWAYS_INLINE uint64_t wr_text_block_mask(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

WR_ALWAYS_INLINE uint64_t wr_text_block_equal(wr_text_block block, uint8_t byte)
{
    __m256i wanted = _mm256_set1_epi8((char)byte);

    return wr_text_block_mask(_mm256_cmpeq_epi8(block.low, wanted),
                              _mm256_cmpeq_epi8(block.high, wanted));
}

WR_ALWAYS_INLINE uint64_t wr_text_block_not_ascii(wr_text_block block)
{
    return wr_text_block_mask(block.low, block.high);
}

#elif defined(__SSE2__)
#include <emmintrin.h>

typedef struct wr_text_block {
    __m128i part[4];
} wr_text_block;

WR_ALWAYS_INLINE wr_text_block wr_text_block_load(const uint8_t *bytes)
{
    const __m128i *from = (const __m128i *)bytes;

    return (wr_text_block){{_mm_loadu_si128(from), _mm_loadu_si128(from + 1),
                            _mm_loadu_si128(from + 2), _mm_loadu_si128(from + 3)}};
}

WR_ALWAYS_INLINE uint64_t wr_text_block_mask(wr_text_block block)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(block.part[0]) |
           (uint64_t)(uint32_t)_mm_movemask_epi8(block.part[1]) << 16 |
           (uint64_t)(uint32_t)_mm_movemask_epi8(block.part[2]) << 32 |
           (uint64_t)(uint32_t)_mm_movemask_epi8(block.part[3]) << 48;
}

WR_ALWAYS_INLINE uint64_t wr_text_block_equal(wr_text_block block, uint8_t byte)
{
    __m128i wanted = _mm_set1_epi8((char)byte);

    for (unsigned i = 0; i < 4; i++)
        block.part[i] = _mm_cmpeq_epi8(block.part[i], wanted);
    return wr_text_block_mask(block);
}

WR_ALWAYS_INLINE uint64_t wr_text_block_not_ascii(wr_text_block block)
{
    return wr_text_block_mask(block);
}

#else

typedef struct wr_text_block {
    uint64_t word[8];
} wr_text_block;

WR_ALWAYS_INLINE wr_text_block wr_text_block_load(const uint8_t *bytes)
{
    wr_text_block block;

    memcpy(&block, bytes, sizeof block);
    return block;
}

/* The top bits of the eight bytes of `word`, as the low eight bits. */
WR_ALWAYS_INLINE uint64_t wr_text_word_tops(uint64_t word)
{
    return ((word >> 7 & 0x0101010101010101ull) * 0x0102040810204080ull) >> 56;
}

WR_ALWAYS_INLINE uint64_t wr_text_block_equal(wr_text_block block, uint8_t byte)
{
    const uint64_t low7 = 0x7f7f7f7f7f7f7f7full;
    uint64_t       mask = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint64_t differs = block.word[i] ^ (0x0101010101010101ull * byte);
        uint64_t zero = ~(((differs & low7) + low7) | differs | low7);

        mask |= wr_text_word_tops(zero) << 8 * i;
    }
    return mask;
}

WR_ALWAYS_INLINE uint64_t wr_text_block_not_ascii(wr_text_block block)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i < 8; i++)
        mask |= wr_text_word_tops(block.word[i]) << 8 * i;
    return mask;
}

#endif

/** Bit i of the result is the parity of bits 0..i: between pairs of quotes it is 1, the opening
 *  quote included and the closing one not. */
WR_ALWAYS_INLINE uint64_t wr_text_prefix_xor(uint64_t bits)
{
#if defined(__PCLMUL__)
    __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)bits), _mm_set1_epi8(-1), 0);

    return (uint64_t)_mm_cvtsi128_si64(product);
#else
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^= bits << 32;
    return bits;
#endif
}

/** The low `count` bits set, 0 <= count <= 64. */
WR_ALWAYS_INLINE uint64_t wr_text_low_bits(uint64_t count)
{
    return count >= 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1;
}

/** Write base + position for each set bit of `mask`, in order; returns how many. Writes up to 64
 *  entries beyond `out` whatever the mask holds: leave room. */
WR_ALWAYS_INLINE uint32_t wr_text_put_positions(uint64_t mask, uint32_t base, uint32_t *out)
{
    uint32_t count = (uint32_t)__builtin_popcountll(mask);

    /* Eight at a time without looking: the loop's branch is then nearly always predicted. */
    for (uint32_t at = 0; at < count; at += 8) {
        for (unsigned i = 0; i < 8; i++) {
            out[at + i] = base + (uint32_t)__builtin_ctzll(mask | (uint64_t)1 << 63);
            mask &= mask - 1;
        }
    }
    return count;
}

#endif
