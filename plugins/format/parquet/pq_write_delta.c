/* pq_write_delta.c — plain values in other encodings: deltas, lengths apart from texts, shared prefixes, split
 * bytes; and which of them pays.
 *
 * Auto looks at a sample of the page: it is encoded both ways, compressed both ways, and the better one
 * stands for the page. That costs about a thirtieth of what compressing the page does.
 * Source: Encodings.md of apache/parquet-format. Cost: 1 to 2 ns a number, a copy a text. */
#include "pq_write.h"

enum {
    BLOCK_VALUES = 128, MINIBLOCKS = 4, MINIBLOCK_VALUES = BLOCK_VALUES / MINIBLOCKS,
    VARINT_BYTES_MAX = 10,
    SAMPLE_VALUES = 256, SAMPLE_BYTES_MAX = 4 << 10, SAMPLE_VALUES_MIN = 64,
};

/* ---- Deltas ------------------------------------------------------------------------------------ */

static uint8_t *put_varint(uint8_t *out, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        *out++ = (uint8_t)(x | 0x80);
    *out++ = (uint8_t)x;
    return out;
}

static uint8_t *put_zigzag(uint8_t *out, int64_t x)
{
    return put_varint(out, (uint64_t)x << 1 ^ (uint64_t)(x >> 63));
}

/* MINIBLOCK_VALUES numbers are 4 * width bytes. */
static uint8_t *pack(const uint64_t *numbers, unsigned width, uint8_t *out)
{
    uint64_t bits = 0;
    unsigned used = 0;

    for (unsigned i = 0; width > 0 && i < MINIBLOCK_VALUES; i++) {
        bits |= numbers[i] << used;
        used += width;
        if (used >= 64) {
            wr_store_u64(out, bits);
            out += 8;
            used -= 64;
            bits = used ? numbers[i] >> (width - used) : 0;
        }
    }
    for (; used > 0; used -= 8, bits >>= 8)
        *out++ = (uint8_t)bits;
    return out;
}

static inline int64_t load(const uint8_t *values, uint32_t width, uint32_t i)
{
    return width == 4 ? (int32_t)wr_load_u32(values + (size_t)i * 4)
                      : (int64_t)wr_load_u64(values + (size_t)i * 8);
}

/* The difference in the width of the values, where it may wrap. */
static inline int64_t subtract(int64_t a, int64_t b, uint32_t width)
{
    uint64_t difference = (uint64_t)a - (uint64_t)b;

    return width == 4 ? (int32_t)(uint32_t)difference : (int64_t)difference;
}

/* `count` deltas as one block. */
static uint8_t *put_block(const int64_t *deltas, uint32_t count, uint8_t *out)
{
    uint64_t numbers[BLOCK_VALUES] = {0};
    int64_t  least = deltas[0];
    uint8_t *widths;

    for (uint32_t i = 1; i < count; i++)
        least = deltas[i] < least ? deltas[i] : least;
    for (uint32_t i = 0; i < count; i++)
        numbers[i] = (uint64_t)deltas[i] - (uint64_t)least;
    out = put_zigzag(out, least);
    widths = out;
    out += MINIBLOCKS;
    for (uint32_t m = 0; m < MINIBLOCKS; m++) {
        uint64_t any = 0;

        for (uint32_t i = 0; i < MINIBLOCK_VALUES; i++)
            any |= numbers[m * MINIBLOCK_VALUES + i];
        widths[m] = any ? (uint8_t)(64 - __builtin_clzll(any)) : 0;
        out = pack(numbers + m * MINIBLOCK_VALUES, widths[m], out);
    }
    return out;
}

/* DELTA_BINARY_PACKED of numbers of 4 or 8 bytes. */
static size_t put_deltas(const uint8_t *values, uint32_t width, uint32_t count, uint8_t *out, size_t most)
{
    uint8_t *at = out;
    int64_t  before = count ? load(values, width, 0) : 0, deltas[BLOCK_VALUES];

    at = put_varint(at, BLOCK_VALUES);
    at = put_varint(at, MINIBLOCKS);
    at = put_varint(at, count);
    at = put_zigzag(at, before);
    for (uint32_t i = 1; i < count;) {
        uint32_t used = 0;

        for (; used < BLOCK_VALUES && i < count; used++, i++) {
            int64_t value = load(values, width, i);

            deltas[used] = subtract(value, before, width);
            before = value;
        }
        at = put_block(deltas, used, at);
        if ((size_t)(at - out) > most)
            return 0;
    }
    return (size_t)(at - out) <= most ? (size_t)(at - out) : 0;
}

/* ---- Texts ------------------------------------------------------------------------------------- */

/* Texts as PLAIN has them, without what each shares with the one before it if `prefixes` is not NULL. */
static size_t put_texts(const uint8_t *plain, uint32_t count, uint32_t *lengths, uint32_t *prefixes,
                        uint8_t *out, size_t most)
{
    const uint8_t *at = plain, *before = plain;
    uint32_t       before_bytes = 0;
    size_t         used = 0, got, total = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t byte_count = wr_load_u32(at), shared = 0;

        at += sizeof byte_count;
        while (prefixes && shared < byte_count && shared < before_bytes && at[shared] == before[shared])
            shared++;
        if (prefixes)
            prefixes[i] = shared;
        lengths[i] = byte_count - shared;
        total += lengths[i];
        before = at;
        before_bytes = byte_count;
        at += byte_count;
    }
    if (prefixes) {
        used = put_deltas((const uint8_t *)prefixes, sizeof prefixes[0], count, out, most);
        if (used == 0)
            return 0;
    }
    got = put_deltas((const uint8_t *)lengths, sizeof lengths[0], count, out + used, most - used);
    used += got;
    if (got == 0 || total > most - used)
        return 0;
    at = plain;
    for (uint32_t i = 0; i < count; i++) {
        at += sizeof(uint32_t) + (prefixes ? prefixes[i] : 0);
        memcpy(out + used, at, lengths[i]);
        used += lengths[i];
        at += lengths[i];
    }
    return used;
}

/* ---- Split bytes ------------------------------------------------------------------------------- */

static size_t split_bytes(const uint8_t *values, uint32_t width, uint32_t count, uint8_t *out)
{
    for (uint32_t k = 0; k < width; k++)
        for (uint32_t i = 0; i < count; i++)
            out[(size_t)k * count + i] = values[(size_t)i * width + k];
    return (size_t)count * width;
}

/* ---- Choosing ---------------------------------------------------------------------------------- */

static size_t put_values(const pq_encoder *encoder, pq_encoding encoding, uint32_t width,
                         const uint8_t *plain, size_t plain_bytes, uint32_t count)
{
    uint32_t *lengths = encoder->def, *prefixes = encoder->rep; /* levels are written */

    switch (encoding) {
    case PQ_DELTA_BINARY_PACKED:
        return put_deltas(plain, width, count, encoder->packed, plain_bytes);
    case PQ_DELTA_LENGTH_BYTE_ARRAY:
        return put_texts(plain, count, lengths, NULL, encoder->packed, plain_bytes);
    case PQ_DELTA_BYTE_ARRAY:
        return put_texts(plain, count, lengths, prefixes, encoder->packed, plain_bytes);
    default:
        return split_bytes(plain, width, count, encoder->packed);
    }
}

/* The first texts: how many, and their bytes. */
static uint32_t sample_texts(const uint8_t *plain, uint32_t count, size_t *out_bytes)
{
    size_t   bytes = 0;
    uint32_t taken = 0;

    for (; taken < count && taken < SAMPLE_VALUES; taken++) {
        size_t next = sizeof(uint32_t) + wr_load_u32(plain + bytes);

        if (bytes + next > SAMPLE_BYTES_MAX)
            break;
        bytes += next;
    }
    *out_bytes = bytes;
    return taken;
}

/* Bytes of a sample as it would be stored. */
static wr_status weigh(const pq_encoder *encoder, const uint8_t *bytes, size_t byte_count,
                       size_t *out_bytes, wr_error *err)
{
    *out_bytes = byte_count;
    if (!encoder->codec || byte_count == 0)
        return WR_OK;
    return wr_block_encode(encoder->codec, bytes, byte_count, encoder->stored, encoder->stored_room,
                           out_bytes, err);
}

/* The encoding that makes a sample a tenth smaller than PLAIN; it is that of the page. */
static wr_status choose(const pq_encoder *encoder, const pq_leaf *leaf, const uint8_t *plain,
                        uint32_t count, pq_encoding *out_encoding, wr_error *err)
{
    static const pq_encoding OF_NUMBERS[] = {PQ_DELTA_BINARY_PACKED},
                             OF_FLOATS[] = {PQ_BYTE_STREAM_SPLIT},
                             OF_TEXTS[] = {PQ_DELTA_LENGTH_BYTE_ARRAY, PQ_DELTA_BYTE_ARRAY};
    bool               is_text = leaf->physical == PQ_BYTE_ARRAY;
    bool               is_float = leaf->physical == PQ_FLOAT || leaf->physical == PQ_DOUBLE;
    const pq_encoding *tried = is_text ? OF_TEXTS : is_float ? OF_FLOATS : OF_NUMBERS;
    uint32_t           taken = count < SAMPLE_VALUES ? count : SAMPLE_VALUES;
    size_t             plain_bytes = (size_t)taken * leaf->width, least;

    if (is_text)
        taken = sample_texts(plain, count, &plain_bytes);
    *out_encoding = PQ_PLAIN;
    if (taken < SAMPLE_VALUES_MIN || leaf->physical == PQ_BOOLEAN ||
        leaf->physical == PQ_FIXED_LEN_BYTE_ARRAY || (is_float && !encoder->codec))
        return WR_OK;
    WR_TRY(weigh(encoder, plain, plain_bytes, &least, err));
    least -= least / 10;
    for (uint32_t i = 0; i < (is_text ? 2u : 1u); i++) {
        size_t byte_count = put_values(encoder, tried[i], leaf->width, plain, plain_bytes, taken);

        if (byte_count == 0)
            continue;
        WR_TRY(weigh(encoder, encoder->packed, byte_count, &byte_count, err));
        if (byte_count < least) {
            least = byte_count;
            *out_encoding = tried[i];
        }
    }
    return WR_OK;
}

bool wr_pq_encoding_fits(pq_encoding encoding, uint8_t physical)
{
    switch (encoding) {
    case PQ_DELTA_BINARY_PACKED:
        return physical == PQ_INT32 || physical == PQ_INT64;
    case PQ_DELTA_LENGTH_BYTE_ARRAY:
    case PQ_DELTA_BYTE_ARRAY:
        return physical == PQ_BYTE_ARRAY;
    case PQ_BYTE_STREAM_SPLIT:
        return physical == PQ_FLOAT || physical == PQ_DOUBLE;
    default:
        return true;
    }
}

wr_status wr_pq_values_encode(const pq_encoder *encoder, const pq_leaf *leaf, const uint8_t *plain,
                              size_t plain_bytes, uint32_t count, pq_encoding *out_encoding,
                              size_t *out_bytes, wr_error *err)
{
    pq_encoding encoding = (pq_encoding)leaf->encoding;
    size_t      byte_count;

    *out_encoding = PQ_PLAIN;
    if (leaf->encoding == PQ_ENCODING_AUTO)
        WR_TRY(choose(encoder, leaf, plain, count, &encoding, err));
    if (encoding == PQ_PLAIN || count == 0)
        return WR_OK;
    byte_count = put_values(encoder, encoding, leaf->width, plain, plain_bytes, count);
    if (byte_count > 0) {
        *out_encoding = encoding;
        *out_bytes = byte_count;
    }
    return WR_OK;
}
