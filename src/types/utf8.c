/* types/utf8.c — eight bytes at a time where the text is ASCII or only counted. */
#include "types/utf8.h"

#include <string.h>

#include "base/bits.h"
#include "base/error.h"

#ifdef WR_WITH_UTF8PROC
#include <utf8proc.h>
#endif

#define EVERY_BYTE(x) (0x0101010101010101u * (uint64_t)(x))

/* 1 in each byte that is no continuation byte (10xxxxxx). */
static inline uint64_t first_bytes(uint64_t chunk)
{
    return (~chunk >> 7 | chunk >> 6) & EVERY_BYTE(1);
}

static inline bool is_first(char byte)
{
    return (byte & 0xc0) != 0x80;
}

/* Sum of eight bytes of at most 31 each. */
static inline size_t sum_bytes(uint64_t bytes)
{
    return (bytes * EVERY_BYTE(1)) >> 56;
}

size_t wr_utf8_count(const char *bytes, size_t byte_count)
{
    enum { CHUNKS_PER_SUM = 31 };
    size_t count = 0, at = 0;

    while (byte_count - at >= 8) {
        uint64_t sums = 0;

        for (int i = 0; i < CHUNKS_PER_SUM && byte_count - at >= 8; i++, at += 8)
            sums += first_bytes(wr_load_u64(bytes + at));
        count += sum_bytes(sums);
    }
    for (; at < byte_count; at++)
        count += is_first(bytes[at]);
    return count;
}

size_t wr_utf8_offset(const char *bytes, size_t byte_count, size_t index)
{
    size_t at = 0;

    while (byte_count - at >= 8) { /* while code point `index` begins after these eight bytes */
        size_t firsts = sum_bytes(first_bytes(wr_load_u64(bytes + at)));

        if (firsts > index)
            break;
        index -= firsts;
        at += 8;
    }
    for (; at < byte_count; at++) {
        if (!is_first(bytes[at]))
            continue;
        if (index == 0)
            return at;
        index--;
    }
    return byte_count;
}

/* Unicode 15, table 3-7: the second byte's range depends on the first. */
size_t wr_utf8_decode(const char *at, const char *end, uint32_t *out_code_point)
{
    const uint8_t *p = (const uint8_t *)at;
    size_t         left = (size_t)(end - at), byte_count;
    uint8_t        low = 0x80, high = 0xbf;
    uint32_t       code_point;

    *out_code_point = WR_UTF8_REPLACEMENT;
    if (p[0] < 0x80) {
        *out_code_point = p[0];
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 1;
    byte_count = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (left < byte_count || p[1] < low || p[1] > high)
        return 1;
    code_point = p[0] & (0x7fu >> byte_count);
    for (size_t i = 1; i < byte_count; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
        code_point = code_point << 6 | (p[i] & 0x3f);
    }
    *out_code_point = code_point;
    return byte_count;
}

size_t wr_utf8_encode(uint32_t code_point, char *out)
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xc0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xe0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code_point & 0x3f));
    return 4;
}

static inline uint32_t ascii_upper(uint32_t c)
{
    return c - 'a' < 26 ? c - 32 : c;
}

static inline uint32_t ascii_lower(uint32_t c)
{
    return c - 'A' < 26 ? c + 32 : c;
}

uint32_t wr_code_point_upper(uint32_t code_point)
{
#ifdef WR_WITH_UTF8PROC
    if (code_point == 0xdf) /* ß: the library makes U+1E9E of it, Unicode leaves it */
        return code_point;
    if (code_point >= 0x80)
        return (uint32_t)utf8proc_toupper((utf8proc_int32_t)code_point);
#endif
    return ascii_upper(code_point);
}

uint32_t wr_code_point_lower(uint32_t code_point)
{
#ifdef WR_WITH_UTF8PROC
    if (code_point >= 0x80)
        return (uint32_t)utf8proc_tolower((utf8proc_int32_t)code_point);
#endif
    return ascii_lower(code_point);
}

bool wr_code_point_is_word(uint32_t code_point)
{
    if (code_point < 0x80)
        return code_point - '0' < 10 || (code_point | 0x20) - 'a' < 26;
#ifdef WR_WITH_UTF8PROC
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code_point);

    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
           category == UTF8PROC_CATEGORY_ND;
#else
    return true;
#endif
}

/* Flips bit 5 of the bytes from `first` to `first` + 25; every byte is below 0x80. Adding 0x80 - x
 * carries into a byte's top bit exactly when it is at least x. */
static inline uint64_t flip_case(uint64_t chunk, uint8_t first)
{
    uint64_t from = chunk + EVERY_BYTE(0x80 - first);
    uint64_t past = chunk + EVERY_BYTE(0x80 - first - 26);

    return chunk ^ ((from & ~past & EVERY_BYTE(0x80)) >> 2);
}

/* `upper` is a literal at both calls. */
WR_ALWAYS_INLINE size_t map_case(const char *bytes, size_t byte_count, bool upper, char *out)
{
    const char *at = bytes, *end = byte_count ? bytes + byte_count : bytes;
    char       *to = out;
    uint32_t    code_point, mapped;
    size_t      width;

    while (at < end) {
        if (end - at >= 8) {
            uint64_t chunk = wr_load_u64(at);

            if ((chunk & EVERY_BYTE(0x80)) == 0) {
                wr_store_u64(to, flip_case(chunk, upper ? 'a' : 'A'));
                at += 8;
                to += 8;
                continue;
            }
        }
        width = wr_utf8_decode(at, end, &code_point);
        if (width == 1 && code_point == WR_UTF8_REPLACEMENT) {
            *to++ = *at++;
            continue;
        }
        mapped = upper ? wr_code_point_upper(code_point) : wr_code_point_lower(code_point);
        to += wr_utf8_encode(mapped, to);
        at += width;
    }
    return (size_t)(to - out);
}

size_t wr_utf8_upper(const char *bytes, size_t byte_count, char *out)
{
    return map_case(bytes, byte_count, true, out);
}

size_t wr_utf8_lower(const char *bytes, size_t byte_count, char *out)
{
    return map_case(bytes, byte_count, false, out);
}
