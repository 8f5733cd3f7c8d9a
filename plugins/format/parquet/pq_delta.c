/* pq_delta.c — values that are not written one behind the other: deltas, split bytes.
 *
 * A page in one of these encodings is turned into a plain one when it is loaded; everything else then
 * knows plain values only. The plain page lies in the pool if that has room, else in scratch space, and
 * the page itself may be anywhere: both are walked through windows, texts by three walks at once (what
 * they share with the one before, lengths, bytes). So the sizes of both are of no matter.
 *
 * Invariants
 *  1. No more is written into memory than was taken for it, whatever the second walk over a page says.
 *  2. Sums wrap, as the format says.
 * Source: Parquet's Encodings.md. Cost: about 1 ns a number, 2 for a length (which is read twice), a
 * copy a text; in scratch space that and the disk's. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"

enum {
    BLOCK_VALUES_MAX = 1 << 20,
    MINIBLOCKS_MAX = 512,
    LENGTH_BYTES = 4,
    PART_VALUES = 128, /* that are taken at a time */
};

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

/* A walk over deltas: a first value, then blocks of parts, each of its own width. */
typedef struct deltas {
    pq_bytes bytes;
    uint64_t count, left;   /* values; to come                                  */
    uint64_t value, min_delta;
    uint64_t part_values;   /* of a whole part                                  */
    uint64_t part_left;     /* values of the part at hand that are to come      */
    uint64_t part_bytes;    /* of it from bytes.at on                           */
    uint32_t part, part_count; /* the next one of the block, and how many it has */
    uint32_t bit, bit_width;
    uint8_t  widths[MINIBLOCKS_MAX];
} deltas;

static wr_status begin_deltas(deltas *d, pq_bytes bytes, uint32_t count_max, wr_error *err)
{
    uint64_t block_values, parts;

    d->bytes = bytes;
    WR_TRY(take_varint(&d->bytes, &block_values, err));
    WR_TRY(take_varint(&d->bytes, &parts, err));
    WR_TRY(take_varint(&d->bytes, &d->count, err));
    WR_TRY(take_zigzag(&d->bytes, &d->value, err));
    if (block_values == 0 || block_values > BLOCK_VALUES_MAX || parts == 0 || parts > MINIBLOCKS_MAX ||
        block_values % parts != 0 || block_values / parts % 8 != 0)
        return WR_RAISE(err, WR_CORRUPT, "deltas in blocks of %llu values in %llu parts",
                        (unsigned long long)block_values, (unsigned long long)parts);
    if (d->count > count_max)
        return WR_RAISE(err, WR_CORRUPT, "%llu deltas in a page of %u values",
                        (unsigned long long)d->count, count_max);
    d->left = d->count;
    d->part_values = block_values / parts;
    d->part = d->part_count = (uint32_t)parts;
    d->part_left = d->part_bytes = 0;
    return WR_OK;
}

static wr_status next_part(deltas *d, wr_error *err)
{
    if (d->part == d->part_count) {
        WR_TRY(take_zigzag(&d->bytes, &d->min_delta, err));
        WR_TRY(wr_pq_bytes_copy(&d->bytes, d->widths, d->part_count, err));
        d->part = 0;
    }
    d->bit_width = d->widths[d->part++];
    if (d->bit_width > 64)
        return WR_RAISE(err, WR_CORRUPT, "deltas of %u bits", d->bit_width);
    d->bit = 0;
    d->part_left = d->part_values;
    d->part_bytes = d->part_values * d->bit_width / 8;
    return WR_OK;
}

/* To what follows the part; the last one may be cut. */
static wr_status end_part(deltas *d, wr_error *err)
{
    uint64_t left = wr_pq_bytes_left(&d->bytes);

    WR_TRY(wr_pq_bytes_pass(&d->bytes, d->part_bytes < left ? d->part_bytes : left, err));
    d->part_left = d->part_bytes = 0;
    return WR_OK;
}

/* `count` values of the part at hand, which are at hand. */
WR_ALWAYS_INLINE void unpack(deltas *d, uint64_t count, uint8_t *out, unsigned width)
{
    const uint8_t *at = d->bytes.at;
    uint64_t       value = d->value, min_delta = d->min_delta, bit = d->bit;
    unsigned       bit_width = d->bit_width;

    for (uint64_t i = 0; i < count; i++, bit += bit_width) {
        value += min_delta + (bit_width ? bits_at(at, bit, bit_width) : 0);
        memcpy(out + i * width, &value, width);
    }
    d->value = value;
    d->bytes.at += bit / 8;
    d->part_bytes -= bit / 8;
    d->bit = bit % 8;
    d->part_left -= count;
}

/* The next `count` of those that are left, as numbers of `width` bytes. */
WR_ALWAYS_INLINE wr_status take_width(deltas *d, uint64_t count, uint8_t *out, unsigned width,
                                      wr_error *err)
{
    if (count > 0 && d->left == d->count) {
        memcpy(out, &d->value, width);
        out += width;
        count--;
        d->left--;
    }
    while (count > 0) {
        uint64_t part;

        if (d->part_left == 0)
            WR_TRY(next_part(d, err));
        part = d->part_left < count ? d->part_left : count;
        if (d->bytes.left > 0 && d->bit_width > 0) {
            uint64_t most = (8 * (uint64_t)d->bytes.window_bytes - 7) / d->bit_width;

            part = most < part ? most : part;
        }
        WR_TRY(wr_pq_bytes_need(&d->bytes, (uint32_t)((d->bit + part * d->bit_width + 7) / 8), err));
        unpack(d, part, out, width);
        out += part * width;
        count -= part;
        d->left -= part;
        if (d->part_left == 0 || d->left == 0)
            WR_TRY(end_part(d, err));
    }
    return WR_OK;
}

static wr_status take_deltas(deltas *d, uint64_t count, uint8_t *out, unsigned width, wr_error *err)
{
    return width == 8 ? take_width(d, count, out, 8, err) : take_width(d, count, out, 4, err);
}

/* ---- The plain page ----------------------------------------------------------------------------- */

/* Where it goes: `size` bytes in memory, or the writer. */
typedef struct plain {
    uint8_t        *memory;
    wr_long_writer *writer;
    uint64_t        used, size;
} plain;

static wr_status begin_plain(pq_cursor *cursor, pq_tools *tools, uint64_t size, plain *out, wr_error *err)
{
    cursor->plain = wr_pq_pool_take(&tools->pool, size);
    *out = (plain){.memory = cursor->plain, .writer = &tools->writer, .size = size};
    return out->memory ? WR_OK : wr_pq_scratch_begin(tools, &tools->writer, size, err);
}

WR_ALWAYS_INLINE wr_status put(plain *to, const void *bytes, uint64_t count, wr_error *err)
{
    if (count > to->size - to->used)
        return wr_pq_raise_short(err);
    if (to->memory)
        memcpy(to->memory + to->used, bytes, count);
    else
        WR_TRY(wr_long_writer_add(to->writer, bytes, count, err));
    to->used += count;
    return WR_OK;
}

/* What was put before, again. */
static wr_status put_again(plain *to, uint64_t offset, uint64_t count, wr_error *err)
{
    uint8_t part[1024];

    if (to->memory && count <= to->size - to->used) {
        memcpy(to->memory + to->used, to->memory + offset, count);
        to->used += count;
        return WR_OK;
    }
    for (uint64_t now; count > 0; count -= now, offset += now) {
        now = count < sizeof part ? count : sizeof part;
        WR_TRY(wr_long_writer_read(to->writer, offset, part, now, err));
        WR_TRY(put(to, part, now, err));
    }
    return WR_OK;
}

static wr_status put_from(plain *to, pq_bytes *from, uint64_t count, wr_error *err)
{
    while (count > 0) {
        uint64_t now;

        WR_TRY(wr_pq_bytes_need(from, 1, err));
        now = (uint64_t)(from->end - from->at);
        now = now < count ? now : count;
        WR_TRY(put(to, from->at, now, err));
        from->at += now;
        count -= now;
    }
    return WR_OK;
}

/* The page is there: *io_bytes is it, through the window that *io_bytes has. */
static wr_status end_plain(pq_cursor *cursor, const plain *page, pq_bytes *io_bytes, wr_error *err)
{
    if (page->used < page->size)
        return wr_pq_raise_short(err);
    if (page->memory) {
        *io_bytes = (pq_bytes){.at = page->memory, .end = page->memory + page->used};
        return WR_OK;
    }
    return wr_pq_scratch_end(page->writer, &cursor->plain_blob, io_bytes, err);
}

/* ---- Numbers and split bytes -------------------------------------------------------------------- */

static wr_status read_numbers(pq_cursor *cursor, pq_tools *tools, pq_bytes *io_bytes, wr_error *err)
{
    unsigned width = cursor->leaf->stored_bytes;
    deltas   d;
    plain    page;

    WR_TRY(begin_deltas(&d, *io_bytes, cursor->page_left, err));
    WR_TRY(begin_plain(cursor, tools, d.count * width, &page, err));
    if (page.memory) {
        WR_TRY(take_deltas(&d, d.count, page.memory, width, err));
        page.used = page.size;
    }
    while (page.used < page.size) {
        uint8_t  numbers[PART_VALUES * 8];
        uint64_t part = d.left < PART_VALUES ? d.left : PART_VALUES;

        WR_TRY(take_deltas(&d, part, numbers, width, err));
        WR_TRY(put(&page, numbers, part * width, err));
    }
    return end_plain(cursor, &page, io_bytes, err);
}

/* A tile: bytes first_byte.. of `count` values, value by value. */
static wr_status join_tile(const pq_bytes *from, uint64_t stride, uint64_t first, uint64_t count,
                           uint32_t first_byte, uint32_t byte_count, uint8_t *tile, wr_error *err)
{
    uint8_t in[1024];

    for (uint32_t k = 0; k < byte_count; k++) {
        uint64_t offset = (first_byte + k) * stride + first;

        for (uint64_t i = 0, now; i < count; i += now) {
            pq_bytes       bytes = wr_pq_bytes_cut(from, offset + i, count - i, NULL, 0);
            const uint8_t *at = bytes.at;

            now = count - i;
            if (bytes.left > 0) {
                now = now < sizeof in ? now : sizeof in;
                WR_TRY(wr_pq_bytes_copy(&bytes, in, now, err));
                at = in;
            }
            for (uint64_t v = 0; v < now; v++)
                tile[(i + v) * byte_count + k] = at[v];
        }
    }
    return WR_OK;
}

static wr_status join_bytes(pq_cursor *cursor, pq_tools *tools, pq_bytes *io_bytes, wr_error *err)
{
    uint32_t width = cursor->leaf->stored_bytes;
    uint64_t byte_count = wr_pq_bytes_left(io_bytes), count = byte_count / width, tile_values;
    uint8_t  room[4096];
    uint32_t tile_bytes = width < sizeof room ? width : (uint32_t)sizeof room;
    plain    page;

    if (byte_count % width != 0)
        return WR_RAISE(err, WR_CORRUPT, "split bytes of values of %u bytes are %llu", width,
                        (unsigned long long)byte_count);
    WR_TRY(begin_plain(cursor, tools, byte_count, &page, err));
    if (page.memory) {
        page.used = page.size;
        WR_TRY(join_tile(io_bytes, count, 0, count, 0, width, page.memory, err));
    }
    tile_values = sizeof room / tile_bytes;
    for (uint64_t i = 0; i < count && page.used < page.size; i += tile_values) {
        uint64_t now = count - i < tile_values ? count - i : tile_values;

        for (uint32_t k = 0; k < width; k += tile_bytes) {
            uint32_t part = width - k < tile_bytes ? width - k : tile_bytes;

            WR_TRY(join_tile(io_bytes, count, i, now, k, part, room, err));
            WR_TRY(put(&page, room, now * part, err));
        }
    }
    return end_plain(cursor, &page, io_bytes, err);
}

/* ---- Texts -------------------------------------------------------------------------------------- */

/* The walks over a page of texts. */
typedef struct text_walks {
    deltas   prefixes; /* bytes that a text shares with the one before: none, unless has_prefixes */
    deltas   lengths;  /* of the rest */
    pq_bytes bytes;
    bool     has_prefixes;
} text_walks;

static wr_status take_lengths(deltas *d, uint32_t count, uint32_t *out, wr_error *err)
{
    WR_TRY(take_deltas(d, count, (uint8_t *)out, sizeof out[0], err));
    for (uint32_t i = 0; i < count; i++)
        if (out[i] > INT32_MAX)
            return WR_RAISE(err, WR_CORRUPT, "a negative length");
    return WR_OK;
}

/* Walk over lengths that begin at *io_offset of the page, to their end. */
static wr_status sum_lengths(deltas *d, const pq_bytes *page, uint64_t *io_offset, uint64_t *io_total,
                             wr_error *err)
{
    uint32_t lengths[PART_VALUES];

    while (d->left > 0) {
        uint32_t part = d->left < PART_VALUES ? (uint32_t)d->left : PART_VALUES;

        WR_TRY(take_lengths(d, part, lengths, err));
        for (uint32_t i = 0; i < part; i++)
            *io_total += lengths[i];
    }
    *io_offset = wr_pq_bytes_left(page) - wr_pq_bytes_left(&d->bytes);
    return WR_OK;
}

/* The index-th third of the page's window, if it has one. */
static uint8_t *cut_window(const pq_bytes *page, uint32_t index, uint32_t third)
{
    return page->window ? page->window + (size_t)index * third : NULL;
}

/* Find where each walk begins, and the bytes of all texts. A page that is not in memory has a window,
 * of which each gets a third. */
static wr_status begin_texts(const pq_cursor *cursor, const pq_bytes *page, text_walks *walks,
                             uint64_t *out_total, wr_error *err)
{
    uint32_t third = (page->window_bytes / 3) & ~(uint32_t)7, count_max = cursor->page_left;
    uint64_t page_bytes = wr_pq_bytes_left(page), at = 0, begins[2] = {0};
    deltas  *all[2] = {&walks->prefixes, &walks->lengths};

    *out_total = 0;
    for (unsigned i = walks->has_prefixes ? 0 : 1; i < 2; i++) {
        begins[i] = at;
        WR_TRY(begin_deltas(all[i], wr_pq_bytes_cut(page, at, page_bytes - at, cut_window(page, i, third), third),
                            count_max, err));
        if (i == 1 && walks->has_prefixes && all[1]->count != all[0]->count)
            return WR_RAISE(err, WR_CORRUPT, "there are not as many prefixes as texts");
        WR_TRY(sum_lengths(all[i], page, &at, out_total, err));
    }
    walks->bytes = wr_pq_bytes_cut(page, at, page_bytes - at, cut_window(page, 2, third), third);
    *out_total += cursor->leaf->stored_bytes ? 0 : LENGTH_BYTES * walks->lengths.count;
    for (unsigned i = walks->has_prefixes ? 0 : 1; i < 2; i++)
        WR_TRY(begin_deltas(all[i], wr_pq_bytes_cut(page, begins[i], page_bytes - begins[i],
                                                    cut_window(page, i, third), third), count_max, err));
    return WR_OK;
}

static wr_status put_texts(const pq_leaf *leaf, text_walks *walks, plain *page, wr_error *err)
{
    uint32_t prefixes[PART_VALUES] = {0}, lengths[PART_VALUES];
    uint64_t before = 0, before_bytes = 0; /* the text that was put last */

    while (walks->lengths.left > 0) {
        uint64_t left = walks->lengths.left;
        uint32_t part = left < PART_VALUES ? (uint32_t)left : PART_VALUES;

        WR_TRY(take_lengths(&walks->lengths, part, lengths, err));
        if (walks->has_prefixes)
            WR_TRY(take_lengths(&walks->prefixes, part, prefixes, err));
        for (uint32_t i = 0; i < part; i++) {
            uint32_t whole = prefixes[i] + lengths[i];

            if (prefixes[i] > before_bytes)
                return wr_pq_raise_short(err);
            if (leaf->stored_bytes == 0)
                WR_TRY(put(page, &whole, LENGTH_BYTES, err));
            else if (whole != leaf->stored_bytes)
                return WR_RAISE(err, WR_CORRUPT, "a value of %u bytes where all have %u", whole,
                                leaf->stored_bytes);
            if (prefixes[i])
                WR_TRY(put_again(page, before, prefixes[i], err));
            before = page->used - prefixes[i];
            before_bytes = whole;
            WR_TRY(put_from(page, &walks->bytes, lengths[i], err));
        }
    }
    return WR_OK;
}

static wr_status read_texts(pq_cursor *cursor, pq_tools *tools, pq_bytes *io_bytes, bool has_prefixes,
                            wr_error *err)
{
    text_walks walks;
    plain      page;
    uint64_t   total;

    walks.has_prefixes = has_prefixes;
    WR_TRY(begin_texts(cursor, io_bytes, &walks, &total, err));
    WR_TRY(begin_plain(cursor, tools, total, &page, err));
    WR_TRY(put_texts(cursor->leaf, &walks, &page, err));
    return end_plain(cursor, &page, io_bytes, err);
}

/* ---- Pages -------------------------------------------------------------------------------------- */

bool wr_pq_is_plain(uint8_t encoding)
{
    return encoding != PQ_DELTA_BINARY_PACKED && encoding != PQ_DELTA_LENGTH_BYTE_ARRAY &&
           encoding != PQ_DELTA_BYTE_ARRAY && encoding != PQ_BYTE_STREAM_SPLIT;
}

wr_status wr_pq_make_plain(pq_cursor *cursor, pq_tools *tools, uint8_t *io_encoding, pq_bytes *io_bytes,
                           wr_error *err)
{
    uint8_t physical = cursor->leaf->physical, encoding = *io_encoding;
    bool    is_bytes = physical == PQ_BYTE_ARRAY || physical == PQ_FIXED_LEN_BYTE_ARRAY;
    bool    is_integer = physical == PQ_INT32 || physical == PQ_INT64;

    if (wr_pq_is_plain(encoding))
        return WR_OK;
    if ((encoding == PQ_DELTA_BINARY_PACKED && !is_integer) ||
        (encoding == PQ_DELTA_LENGTH_BYTE_ARRAY && physical != PQ_BYTE_ARRAY) ||
        (encoding == PQ_DELTA_BYTE_ARRAY && !is_bytes) ||
        (encoding == PQ_BYTE_STREAM_SPLIT && (physical == PQ_BYTE_ARRAY || physical == PQ_BOOLEAN)))
        return WR_RAISE(err, WR_CORRUPT, "values in the encoding %u, which is not for their type", encoding);
    *io_encoding = PQ_PLAIN;
    if (wr_pq_bytes_left(io_bytes) == 0)
        return WR_OK; /* a page of NULL */
    switch (encoding) {
    case PQ_DELTA_BINARY_PACKED:
        return read_numbers(cursor, tools, io_bytes, err);
    case PQ_BYTE_STREAM_SPLIT:
        return join_bytes(cursor, tools, io_bytes, err);
    default:
        return read_texts(cursor, tools, io_bytes, encoding == PQ_DELTA_BYTE_ARRAY, err);
    }
}
