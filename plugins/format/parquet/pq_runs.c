/* pq_runs.c — the hybrid of runs and bit-packed groups (and the bit-packed levels of old).
 *
 * Packed values are taken at any bit: a load of eight bytes, a shift and a mask each; those of the usual
 * widths eight at a time. Invariant: eight bytes behind whatever is at hand may be read (PQ_PAD).
 * Source: Parquet's Encodings.md. Cost: about 0.4 ns a packed value, less for runs. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"

wr_status wr_pq_runs_begin(pq_runs *runs, pq_bytes bytes, uint32_t bit_width, wr_error *err)
{
    *runs = (pq_runs){.bytes = bytes, .bit_width = bit_width};
    if (bit_width > 32)
        return WR_RAISE(err, WR_CORRUPT, "values of %u bits where at most 32 can be", bit_width);
    return WR_OK;
}

void wr_pq_runs_begin_packed(pq_runs *runs, pq_bytes bytes, uint32_t bit_width, bool is_msb)
{
    *runs = (pq_runs){.bytes = bytes, .bit_width = bit_width, .is_packed = true, .is_msb = is_msb,
                      .left = UINT64_MAX};
}

static wr_status next_run(pq_runs *runs, wr_error *err)
{
    uint64_t head = 0;
    uint32_t value_bytes = (runs->bit_width + 7) / 8;

    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte;

        if (shift > 28)
            return WR_RAISE(err, WR_CORRUPT, "a run's length has more than 32 bits");
        WR_TRY(wr_pq_bytes_need(&runs->bytes, 1, err));
        byte = *runs->bytes.at++;
        head |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    runs->is_packed = head & 1;
    runs->bit = 0;
    runs->left = runs->is_packed ? (head >> 1) * 8 : head >> 1;
    if (runs->is_packed)
        return WR_OK;
    runs->value = 0;
    WR_TRY(wr_pq_bytes_need(&runs->bytes, value_bytes, err));
    memcpy(&runs->value, runs->bytes.at, value_bytes);
    runs->bytes.at += value_bytes;
    if (runs->bit_width < 32 && runs->value >> runs->bit_width)
        return WR_RAISE(err, WR_CORRUPT, "a run's value has more than %u bits", runs->bit_width);
    return WR_OK;
}

/* How many packed values of up to `count` are at hand; at least one. */
static wr_status reach(pq_runs *runs, uint32_t count, uint32_t *out_count, wr_error *err)
{
    uint64_t bits;

    if (runs->bit_width == 0) {
        *out_count = count;
        return WR_OK;
    }
    WR_TRY(wr_pq_bytes_need(&runs->bytes, (runs->bit + runs->bit_width + 7) / 8, err));
    bits = (uint64_t)(runs->bytes.end - runs->bytes.at) * 8 - runs->bit;
    *out_count = bits / runs->bit_width < count ? (uint32_t)(bits / runs->bit_width) : count;
    return WR_OK;
}

static void move_on(pq_runs *runs, uint64_t count)
{
    uint64_t bit = runs->bit + count * runs->bit_width;

    runs->bytes.at += bit / 8;
    runs->bit = bit % 8;
    runs->left -= count;
}

/* Eights that begin with a byte, as they do in a group; returns how many values. */
WR_ALWAYS_INLINE uint32_t unpack_eights(const uint8_t *at, uint32_t width, uint32_t count,
                                        uint32_t *out)
{
    uint32_t done = 0, mask = (uint32_t)(((uint64_t)1 << width) - 1);

    for (; done + 8 <= count; done += 8, at += width, out += 8)
        for (uint32_t k = 0; k < 8; k++)
            out[k] = (uint32_t)(wr_load_u64(at + k * width / 8) >> k * width % 8) & mask;
    return done;
}

static uint32_t unpack_usual(const uint8_t *at, uint32_t width, uint32_t count, uint32_t *out)
{
    switch (width) {
#define CASE(w) case w: return unpack_eights(at, w, count, out)
        CASE(1); CASE(2); CASE(3); CASE(4); CASE(5); CASE(6); CASE(7); CASE(8);
        CASE(9); CASE(10); CASE(11); CASE(12); CASE(13); CASE(14); CASE(15); CASE(16);
#undef CASE
    default:
        return 0;
    }
}

static void unpack(const pq_runs *runs, uint32_t count, uint32_t *out)
{
    const uint8_t *at = runs->bytes.at;
    uint64_t       width = runs->bit_width, mask = ((uint64_t)1 << width) - 1;
    uint32_t       done = runs->bit == 0 ? unpack_usual(at, runs->bit_width, count, out) : 0;
    uint64_t       bit = runs->bit + done * width;

    out += done;
    count -= done;
    for (uint32_t i = 0; i < count; i++, bit += width)
        out[i] = (uint32_t)(wr_load_u64(at + bit / 8) >> bit % 8 & mask);
}

static void unpack_msb(const pq_runs *runs, uint32_t count, uint32_t *out)
{
    const uint8_t *at = runs->bytes.at;
    uint64_t       bit = runs->bit;

    for (uint32_t i = 0; i < count; i++) {
        out[i] = 0;
        for (uint32_t k = 0; k < runs->bit_width; k++, bit++)
            out[i] = out[i] << 1 | (at[bit / 8] >> (7 - bit % 8) & 1);
    }
}

wr_status wr_pq_runs_take(pq_runs *runs, uint32_t count, uint32_t *out, wr_error *err)
{
    while (count > 0) {
        uint32_t part = count;

        if (runs->left == 0) {
            WR_TRY(next_run(runs, err));
            continue;
        }
        if (runs->left < part)
            part = (uint32_t)runs->left;
        if (runs->is_packed) {
            WR_TRY(reach(runs, part, &part, err));
            if (runs->is_msb)
                unpack_msb(runs, part, out);
            else
                unpack(runs, part, out);
            move_on(runs, part);
        } else {
            for (uint32_t i = 0; i < part; i++)
                out[i] = runs->value;
            runs->left -= part;
        }
        out += part;
        count -= part;
    }
    return WR_OK;
}

wr_status wr_pq_runs_pass(pq_runs *runs, uint64_t count, wr_error *err)
{
    while (count > 0) {
        uint64_t part = runs->left < count ? runs->left : count, bit;

        if (part == 0) {
            WR_TRY(next_run(runs, err));
            continue;
        }
        if (runs->is_packed) {
            bit = runs->bit + part * runs->bit_width;
            WR_TRY(wr_pq_bytes_pass(&runs->bytes, bit / 8, err));
            runs->bit = bit % 8;
        }
        runs->left -= part;
        count -= part;
    }
    return WR_OK;
}

/* ---- Bit maps ----------------------------------------------------------------------------------- */

static void put_bits(uint64_t *bits, uint32_t first, uint64_t word, uint32_t count)
{
    uint32_t shift = first % 64;

    bits[first / 64] |= word << shift;
    if (shift + count > 64)
        bits[first / 64 + 1] |= word >> (64 - shift);
}

static void put_ones(uint64_t *bits, uint32_t first, uint32_t count)
{
    while (count > 0) {
        uint32_t part = 64 - first % 64;
        uint64_t ones;

        part = part < count ? part : count;
        ones = part == 64 ? ~(uint64_t)0 : ((uint64_t)1 << part) - 1;
        bits[first / 64] |= ones << first % 64;
        first += part;
        count -= part;
    }
}

static uint32_t copy_bits(const pq_runs *runs, uint32_t count, uint64_t *bits, uint32_t first)
{
    enum { AT_ONCE = 56 };
    uint64_t bit = runs->bit;
    uint32_t set = 0;

    for (uint32_t done = 0; done < count;) {
        uint32_t part = count - done < AT_ONCE ? count - done : AT_ONCE;
        uint64_t word = wr_load_u64(runs->bytes.at + bit / 8) >> bit % 8 & (((uint64_t)1 << part) - 1);

        put_bits(bits, first + done, word, part);
        set += (uint32_t)__builtin_popcountll(word);
        done += part;
        bit += part;
    }
    return set;
}

/* The old packing is rare: a value at a time. */
static uint32_t copy_bits_msb(const pq_runs *runs, uint32_t count, uint64_t *bits, uint32_t first)
{
    uint32_t set = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t bit = runs->bit + i;

        if (runs->bytes.at[bit / 8] >> (7 - bit % 8) & 1) {
            wr_bit_set(bits, first + i);
            set++;
        }
    }
    return set;
}

wr_status wr_pq_runs_bits(pq_runs *runs, uint32_t count, uint64_t *bits, uint32_t first,
                          uint32_t *out_set, wr_error *err)
{
    *out_set = 0;
    while (count > 0) {
        uint32_t part = count;

        if (runs->left == 0) {
            WR_TRY(next_run(runs, err));
            continue;
        }
        if (runs->left < part)
            part = (uint32_t)runs->left;
        if (runs->is_packed) {
            WR_TRY(reach(runs, part, &part, err));
            *out_set += runs->is_msb ? copy_bits_msb(runs, part, bits, first)
                                     : copy_bits(runs, part, bits, first);
            move_on(runs, part);
        } else {
            if (runs->value) {
                put_ones(bits, first, part);
                *out_set += part;
            }
            runs->left -= part;
        }
        first += part;
        count -= part;
    }
    return WR_OK;
}
