/* pq_delta.c — values that are not written one behind the other: deltas, split bytes.
 *
 * A page in one of these encodings is turned into a plain one when it is loaded; everything else then
 * knows plain values only.
 *
 * Invariants
 *  1. A page's numbers are checked against its bytes and its count of values before memory is taken for
 *     them, and that is the pool's, which says no.
 *  2. Sums wrap, as the format says.
 * Source: Parquet's Encodings.md. Cost: about 1 ns a number, a copy a text. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"

enum { BLOCK_VALUES_MAX = 1 << 20, MINIBLOCKS_MAX = 512, LENGTH_BYTES = 4 };

/* ---- Deltas of numbers -------------------------------------------------------------------------- */

static wr_status take_varint(pq_bytes *bytes, uint64_t *out, wr_error *err)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte;

        WR_TRY(wr_pq_bytes_need(bytes, 1, err));
        byte = *bytes->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return WR_OK;
        }
    }
    return WR_RAISE(err, WR_CORRUPT, "a number of the deltas has more than 64 bits");
}

static wr_status take_zigzag(pq_bytes *bytes, uint64_t *out, wr_error *err)
{
    uint64_t value;

    WR_TRY(take_varint(bytes, &value, err));
    *out = value >> 1 ^ -(value & 1);
    return WR_OK;
}

static inline uint64_t bits_at(const uint8_t *at, uint64_t bit, unsigned width)
{
    unsigned shift = bit % 8;
    uint64_t x = wr_load_u64(at + bit / 8) >> shift;

    if (shift + width > 64)
        x |= (uint64_t)at[bit / 8 + 8] << (64 - shift);
    return width == 64 ? x : x & (((uint64_t)1 << width) - 1);
}

typedef struct deltas {
    uint64_t block_values, miniblocks, count, value;
} deltas;

static wr_status read_deltas_head(pq_bytes *bytes, uint32_t count_max, deltas *out, wr_error *err)
{
    WR_TRY(take_varint(bytes, &out->block_values, err));
    WR_TRY(take_varint(bytes, &out->miniblocks, err));
    WR_TRY(take_varint(bytes, &out->count, err));
    WR_TRY(take_zigzag(bytes, &out->value, err));
    if (out->block_values == 0 || out->block_values > BLOCK_VALUES_MAX || out->miniblocks == 0 ||
        out->miniblocks > MINIBLOCKS_MAX || out->block_values % out->miniblocks != 0 ||
        out->block_values / out->miniblocks % 8 != 0)
        return WR_RAISE(err, WR_CORRUPT, "deltas in blocks of %llu values in %llu parts",
                        (unsigned long long)out->block_values, (unsigned long long)out->miniblocks);
    if (out->count > count_max)
        return WR_RAISE(err, WR_CORRUPT, "%llu deltas in a page of %u values",
                        (unsigned long long)out->count, count_max);
    return WR_OK;
}

static inline void store(uint8_t *out, unsigned width, uint64_t value)
{
    memcpy(out, &value, width);
}

/* One part of a block. */
static wr_status read_miniblock(pq_bytes *bytes, deltas *d, unsigned bit_width, uint64_t min_delta,
                                uint64_t count, uint8_t *out, unsigned width, wr_error *err)
{
    uint64_t stored = d->block_values / d->miniblocks * bit_width / 8, left = wr_pq_bytes_left(bytes);

    if (bit_width > 64)
        return WR_RAISE(err, WR_CORRUPT, "deltas of %u bits", bit_width);
    if ((count * bit_width + 7) / 8 > left)
        return wr_pq_raise_short(err);
    for (uint64_t i = 0; i < count; i++) {
        d->value += min_delta + (bit_width ? bits_at(bytes->at, i * bit_width, bit_width) : 0);
        store(out + i * width, width, d->value);
    }
    bytes->at += stored < left ? stored : left; /* the last part may be cut */
    return WR_OK;
}

/* All of `d` to numbers of `width` bytes. */
static wr_status read_deltas(pq_bytes *bytes, deltas *d, uint8_t *out, unsigned width, wr_error *err)
{
    uint64_t left = d->count;

    if (left == 0)
        return WR_OK;
    store(out, width, d->value);
    out += width;
    left--;
    while (left > 0) {
        uint64_t min_delta;
        uint8_t  widths[MINIBLOCKS_MAX];

        WR_TRY(take_zigzag(bytes, &min_delta, err));
        WR_TRY(wr_pq_bytes_copy(bytes, widths, d->miniblocks, err));
        for (uint64_t m = 0; m < d->miniblocks && left > 0; m++) {
            uint64_t count = d->block_values / d->miniblocks;

            count = count < left ? count : left;
            WR_TRY(read_miniblock(bytes, d, widths[m], min_delta, count, out, width, err));
            out += count * width;
            left -= count;
        }
    }
    return WR_OK;
}

/* ---- Memory ------------------------------------------------------------------------------------- */

static wr_status take_room(pq_tools *tools, uint64_t bytes, uint8_t **out_block, wr_error *err)
{
    *out_block = wr_pq_pool_take(&tools->pool, bytes);
    if (*out_block)
        return WR_OK;
    return WR_RAISE(err, WR_NO_MEMORY, "a page's %llu bytes of values do not fit the %llu set aside for "
                    "the pages of all columns: a larger cap, or fewer threads",
                    (unsigned long long)bytes, (unsigned long long)tools->pool.size);
}

/* ---- Numbers and split bytes -------------------------------------------------------------------- */

static wr_status read_numbers(pq_cursor *cursor, pq_tools *tools, pq_bytes *io_bytes, wr_error *err)
{
    unsigned width = cursor->leaf->stored_bytes;
    deltas   d;

    WR_TRY(read_deltas_head(io_bytes, cursor->page_left, &d, err));
    WR_TRY(take_room(tools, d.count * width, &cursor->plain, err));
    WR_TRY(read_deltas(io_bytes, &d, cursor->plain, width, err));
    *io_bytes = (pq_bytes){.at = cursor->plain, .end = cursor->plain + d.count * width};
    return WR_OK;
}

static wr_status join_bytes(pq_cursor *cursor, pq_tools *tools, pq_bytes *io_bytes, wr_error *err)
{
    uint32_t width = cursor->leaf->stored_bytes;
    uint64_t byte_count = wr_pq_bytes_left(io_bytes), count = byte_count / width;

    if (byte_count % width != 0)
        return WR_RAISE(err, WR_CORRUPT, "split bytes of values of %u bytes are %llu", width,
                        (unsigned long long)byte_count);
    WR_TRY(take_room(tools, byte_count, &cursor->plain, err));
    for (uint32_t k = 0; k < width; k++)
        for (uint64_t i = 0; i < count; i++)
            cursor->plain[i * width + k] = io_bytes->at[k * count + i];
    *io_bytes = (pq_bytes){.at = cursor->plain, .end = cursor->plain + byte_count};
    return WR_OK;
}

/* ---- Texts -------------------------------------------------------------------------------------- */

/* Lengths of texts, and of the parts they share with the one before (NULL: none). */
typedef struct text_parts {
    uint32_t *prefixes, *lengths;
    uint64_t  count, total; /* bytes of all texts */
} text_parts;

static wr_status read_lengths(pq_bytes *bytes, deltas *d, uint32_t *out, wr_error *err)
{
    WR_TRY(read_deltas(bytes, d, (uint8_t *)out, sizeof out[0], err));
    for (uint64_t i = 0; i < d->count; i++)
        if (out[i] > INT32_MAX)
            return WR_RAISE(err, WR_CORRUPT, "a negative length");
    return WR_OK;
}

static wr_status write_texts(const pq_leaf *leaf, const text_parts *parts, const pq_bytes *bytes,
                             uint8_t *out, wr_error *err)
{
    const uint8_t *at = bytes->at;
    const uint8_t *before = NULL;
    uint64_t       before_bytes = 0;

    for (uint64_t i = 0; i < parts->count; i++) {
        uint32_t prefix = parts->prefixes ? parts->prefixes[i] : 0, length = parts->lengths[i];
        uint32_t whole = prefix + length;

        if (prefix > before_bytes || length > (uint64_t)(bytes->end - at))
            return wr_pq_raise_short(err);
        if (leaf->stored_bytes == 0) {
            memcpy(out, &whole, LENGTH_BYTES);
            out += LENGTH_BYTES;
        } else if (whole != leaf->stored_bytes) {
            return WR_RAISE(err, WR_CORRUPT, "a value of %u bytes where all have %u", whole,
                            leaf->stored_bytes);
        }
        if (prefix)
            memcpy(out, before, prefix);
        memcpy(out + prefix, at, length);
        at += length;
        before = out;
        before_bytes = whole;
        out += whole;
    }
    return WR_OK;
}

/* Lengths into `room`, then the texts into a page of their own. */
static wr_status read_texts(pq_cursor *cursor, pq_tools *tools, pq_bytes *bytes, bool has_prefixes,
                            uint32_t *room, wr_error *err)
{
    text_parts parts = {.lengths = room};
    deltas     d;

    WR_TRY(read_deltas_head(bytes, cursor->page_left, &d, err));
    parts.count = d.count;
    if (has_prefixes) {
        parts.prefixes = room + cursor->page_left;
        WR_TRY(read_lengths(bytes, &d, parts.prefixes, err));
        WR_TRY(read_deltas_head(bytes, cursor->page_left, &d, err));
        if (d.count != parts.count)
            return WR_RAISE(err, WR_CORRUPT, "there are not as many prefixes as texts");
    }
    WR_TRY(read_lengths(bytes, &d, parts.lengths, err));
    for (uint64_t i = 0; i < parts.count; i++)
        parts.total += (uint64_t)parts.lengths[i] + (has_prefixes ? parts.prefixes[i] : 0);
    parts.total += cursor->leaf->stored_bytes ? 0 : LENGTH_BYTES * parts.count;
    WR_TRY(take_room(tools, parts.total, &cursor->plain, err));
    WR_TRY(write_texts(cursor->leaf, &parts, bytes, cursor->plain, err));
    *bytes = (pq_bytes){.at = cursor->plain, .end = cursor->plain + parts.total};
    return WR_OK;
}

static wr_status read_all_texts(pq_cursor *cursor, pq_tools *tools, pq_bytes *io_bytes,
                                bool has_prefixes, wr_error *err)
{
    uint8_t  *room;
    wr_status status;

    WR_TRY(take_room(tools, (has_prefixes ? 8 : 4) * (uint64_t)cursor->page_left, &room, err));
    status = read_texts(cursor, tools, io_bytes, has_prefixes, (uint32_t *)room, err);
    wr_pq_pool_give(&tools->pool, room);
    return status;
}

/* ---- Pages -------------------------------------------------------------------------------------- */

wr_status wr_pq_make_plain(pq_cursor *cursor, pq_tools *tools, uint8_t *io_encoding, pq_bytes *io_bytes,
                           wr_error *err)
{
    uint8_t physical = cursor->leaf->physical, encoding = *io_encoding;
    bool    is_bytes = physical == PQ_BYTE_ARRAY || physical == PQ_FIXED_LEN_BYTE_ARRAY;
    bool    is_integer = physical == PQ_INT32 || physical == PQ_INT64;

    if (encoding != PQ_DELTA_BINARY_PACKED && encoding != PQ_DELTA_LENGTH_BYTE_ARRAY &&
        encoding != PQ_DELTA_BYTE_ARRAY && encoding != PQ_BYTE_STREAM_SPLIT)
        return WR_OK;
    if ((encoding == PQ_DELTA_BINARY_PACKED && !is_integer) ||
        (encoding == PQ_DELTA_LENGTH_BYTE_ARRAY && physical != PQ_BYTE_ARRAY) ||
        (encoding == PQ_DELTA_BYTE_ARRAY && !is_bytes) ||
        (encoding == PQ_BYTE_STREAM_SPLIT && (physical == PQ_BYTE_ARRAY || physical == PQ_BOOLEAN)))
        return WR_RAISE(err, WR_CORRUPT, "values in the encoding %u, which is not for their type", encoding);
    *io_encoding = PQ_PLAIN;
    if (wr_pq_bytes_left(io_bytes) == 0)
        return WR_OK; /* a page of NULL */
    if (io_bytes->left > 0)
        return WR_RAISE(err, WR_NO_MEMORY, "a page in the encoding %u is larger than memory: a larger "
                        "cap, or fewer threads", encoding);
    switch (encoding) {
    case PQ_DELTA_BINARY_PACKED:
        return read_numbers(cursor, tools, io_bytes, err);
    case PQ_BYTE_STREAM_SPLIT:
        return join_bytes(cursor, tools, io_bytes, err);
    default:
        return read_all_texts(cursor, tools, io_bytes, encoding == PQ_DELTA_BYTE_ARRAY, err);
    }
}
