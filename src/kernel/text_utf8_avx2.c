/* text_utf8_avx2.c — see text_utf8.c. Compiled for AVX2 only. */
#include <immintrin.h>
#include <stdint.h>

#include "base/error.h"
#include "text_utf8_priv.h"

/* Errors of a pair of bytes. Two continuations in a row are no error by themselves: that bit is
 * compared with where the third and fourth bytes of characters must stand. */
enum {
    TOO_SHORT = 1 << 0,      /* lead, then no continuation      */
    TOO_LONG = 1 << 1,       /* ASCII, then a continuation      */
    OVERLONG_3 = 1 << 2,     /* e0, then below a0               */
    TOO_LARGE = 1 << 3,      /* f4 90 and above                 */
    SURROGATE = 1 << 4,      /* ed, then a0 and above           */
    OVERLONG_2 = 1 << 5,     /* c0, c1                          */
    TOO_LARGE_1000 = 1 << 6, /* f5 to ff, then 80 to 8f         */
    OVERLONG_4 = 1 << 6,     /* f0, then below 90               */
    TWO_CONTINUATIONS = 1 << 7,
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS, /* do not depend on the low half */
};

#define TABLE(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

WR_ALWAYS_INLINE __m256i look_up_first_high(__m256i nibbles)
{
    const __m256i table = TABLE(
        TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
        (char)TWO_CONTINUATIONS, (char)TWO_CONTINUATIONS, (char)TWO_CONTINUATIONS,
        (char)TWO_CONTINUATIONS, TOO_SHORT | OVERLONG_2, TOO_SHORT,
        TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4);

    return _mm256_shuffle_epi8(table, nibbles);
}

WR_ALWAYS_INLINE __m256i look_up_first_low(__m256i nibbles)
{
    const __m256i table = TABLE(
        (char)(CARRY | OVERLONG_2 | OVERLONG_3 | OVERLONG_4), (char)(CARRY | OVERLONG_2),
        (char)CARRY, (char)CARRY, (char)(CARRY | TOO_LARGE),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000));

    return _mm256_shuffle_epi8(table, nibbles);
}

WR_ALWAYS_INLINE __m256i look_up_second_high(__m256i nibbles)
{
    const __m256i table = TABLE(
        TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
        (char)(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE_1000 |
               OVERLONG_4),
        (char)(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE),
        (char)(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE),
        (char)(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE), TOO_SHORT,
        TOO_SHORT, TOO_SHORT, TOO_SHORT);

    return _mm256_shuffle_epi8(table, nibbles);
}

/* The 32 bytes that end `distance` bytes before the end of `now`. */
#define BYTES_BEFORE(before, now, distance)                                                        \
    _mm256_alignr_epi8((now), _mm256_permute2x128_si256((before), (now), 0x21), 16 - (distance))

WR_ALWAYS_INLINE __m256i find_errors(__m256i before, __m256i now)
{
    const __m256i low4 = _mm256_set1_epi8(15);
    __m256i       first = BYTES_BEFORE(before, now, 1);
    __m256i       second_high = _mm256_and_si256(_mm256_srli_epi16(now, 4), low4);
    __m256i       pairs = _mm256_and_si256(
        _mm256_and_si256(look_up_first_high(_mm256_and_si256(_mm256_srli_epi16(first, 4), low4)),
                               look_up_first_low(_mm256_and_si256(first, low4))),
        look_up_second_high(second_high));
    /* 0x80 where the byte must be the third or fourth of its character */
    __m256i third = _mm256_subs_epu8(BYTES_BEFORE(before, now, 2), _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(BYTES_BEFORE(before, now, 3), _mm256_set1_epi8(0xf0 - 0x80));
    __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));

    return _mm256_xor_si256(must, pairs);
}

/* Start of the last character that may not be whole before `end`. */
static size_t step_back(const uint8_t *bytes, size_t end)
{
    for (size_t back = 1; back <= 3 && back <= end; back++) {
        if (bytes[end - back] >= 0xc0)
            return end - back;
        if (bytes[end - back] < 0x80)
            break;
    }
    return end;
}

bool wr_utf8_check_blocks(const void *bytes, size_t byte_count, size_t *out_done)
{
    const uint8_t *from = bytes;
    __m256i        before = _mm256_setzero_si256();
    __m256i        errors = _mm256_setzero_si256();
    size_t         at = 0;

    for (; byte_count - at >= 32; at += 32) {
        __m256i now = _mm256_loadu_si256((const __m256i *)(from + at));

        /* ASCII after ASCII needs no look; after anything else the pair at the border does. */
        if (_mm256_movemask_epi8(_mm256_or_si256(now, before)) != 0)
            errors = _mm256_or_si256(errors, find_errors(before, now));
        before = now;
    }
    *out_done = step_back(from, at);
    return _mm256_testz_si256(errors, errors);
}
