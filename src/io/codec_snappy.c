/* codec_snappy.c — snappy blocks (no framing), at once or piece by piece.
 *
 * A block is its raw length and then elements: bytes as they are, or a copy of bytes before. Piece by
 * piece the last window_bytes of output are kept; writers do not reach back further than
 * 64 KB, but the format lets them: a copy from before the window asks for a larger one.
 *
 * Invariants
 *  1. At once, a copy of 16 bytes is made only where 16 bytes of input and room are left.
 *  2. What a block says of itself is never taken for the room there is.
 * Cost: 1 to 2 GB/s at once; in pieces a copy more. Encoding: by a table of the places where four
 * bytes were seen last, afresh for every 64 KB. Source: snappy's format_description.txt. */
#include <string.h>

#include "base/bits.h"
#include "codec_priv.h"
#include "io/carve.h"

enum {
    WINDOW_DEFAULT = 64 << 10,
    HEAD_BYTES_MAX = 5,
    ELEMENT_BYTES_MAX = 5,
    ELEMENT_OUT_BYTES_MAX = 64 + 16, /* a copy, and what copying 16 bytes at a time writes behind it */
};

static const uint32_t EXTRA_MASKS[] = {0, 0xff, 0xffff, 0xffffff, 0xffffffff};

/* ---- At once ----------------------------------------------------------------------------------- */

/* The length at the start; NULL: it is not whole. */
static const uint8_t *read_length(const uint8_t *at, const uint8_t *end, uint32_t *out_length)
{
    uint64_t length = 0;

    for (unsigned i = 0; i < HEAD_BYTES_MAX && at < end; i++) {
        length |= (uint64_t)(*at & 0x7f) << 7 * i;
        if (*at++ < 0x80) {
            *out_length = (uint32_t)length;
            return length <= UINT32_MAX ? at : NULL;
        }
    }
    return NULL;
}

/* Bytes of an element behind its tag that say length and offset. */
static unsigned extra_bytes(uint8_t tag)
{
    if (tag & 3)
        return (tag & 3) == 3 ? 4 : tag & 3;
    return tag >> 2 < 60 ? 0 : (unsigned)(tag >> 2) - 59;
}

/* What an element is, with its extra bytes in `extra`: *out_offset 0 means bytes as they are. */
static uint64_t read_element(uint8_t tag, uint32_t extra, uint32_t *out_offset)
{
    switch (tag & 3) {
    case 0:
        *out_offset = 0;
        return (uint64_t)(tag >> 2 < 60 ? (uint32_t)tag >> 2 : extra) + 1;
    case 1:
        *out_offset = (uint32_t)(tag >> 5) << 8 | extra;
        return (uint64_t)(tag >> 2 & 7) + 4;
    default:
        *out_offset = extra;
        return (uint64_t)(tag >> 2) + 1;
    }
}

/* `offset` bytes back, which may be fewer than `length`. `room` is left behind `out`. */
static inline void copy_back(uint8_t *out, uint32_t offset, uint32_t length, size_t room)
{
    const uint8_t *from = out - offset;

    if (offset >= 16 && room >= 64 + 16) {
        for (uint32_t i = 0; i < length; i += 16)
            memcpy(out + i, from + i, 16);
        return;
    }
    if (offset >= 8 && room >= 64 + 8) {
        for (uint32_t i = 0; i < length; i += 8)
            memcpy(out + i, from + i, 8);
        return;
    }
    for (uint32_t i = 0; i < length; i++)
        out[i] = from[i];
}

static wr_codec_flow decode_whole(void *state, wr_codec_io *io)
{
    const uint8_t *in_end = io->in + io->in_bytes;
    uint8_t       *out = io->out, *begin = out, *out_end = out + io->out_bytes;
    uint32_t       raw_bytes;
    const uint8_t *in = read_length(io->in, in_end, &raw_bytes);

    (void)state;
    if (!in)
        return wr_codec_refuse(io, "no length at the start");
    if (raw_bytes != io->out_bytes)
        return wr_codec_refuse(io, "the length at the start is not the block's");
    while (in < in_end) {
        uint8_t  tag = *in++;
        unsigned extra_count = extra_bytes(tag);
        uint32_t extra = 0, offset;
        uint64_t length;

        if (WR_LIKELY(in_end - in >= 4))
            extra = wr_load_u32(in) & EXTRA_MASKS[extra_count];
        else if ((size_t)(in_end - in) >= extra_count)
            memcpy(&extra, in, extra_count);
        else
            return wr_codec_refuse(io, "the data ends too early");
        in += extra_count;
        length = read_element(tag, extra, &offset);
        if (WR_UNLIKELY(length > (uint64_t)(out_end - out)))
            return wr_codec_refuse(io, "more data than the length at the start says");
        if ((tag & 3) == 0) {
            if (length <= 16 && in_end - in >= 16 && out_end - out >= 16)
                memcpy(out, in, 16);
            else if (length <= (uint64_t)(in_end - in))
                memcpy(out, in, length);
            else
                return wr_codec_refuse(io, "the data ends too early");
            in += length;
        } else {
            if (WR_UNLIKELY(offset == 0 || offset > (uint64_t)(out - begin)))
                return wr_codec_refuse(io, "a copy from before the start");
            copy_back(out, offset, (uint32_t)length, (size_t)(out_end - out));
        }
        out += length;
    }
    if (out != out_end)
        return wr_codec_refuse(io, "less data than the length at the start says");
    io->in = in_end;
    io->in_bytes = 0;
    io->out = out_end;
    io->out_bytes = 0;
    return WR_CODEC_END;
}

/* ---- Piece by piece ---------------------------------------------------------------------------- */

typedef struct snappy_decoder {
    uint8_t *kept;           /* the last bytes that went out: `window`, or all there are, or more */
    uint64_t kept_bytes, kept_room;
    uint64_t window;
    uint64_t out_bytes;      /* in all                                */
    uint64_t left;           /* of the element                        */
    uint32_t raw_bytes, offset;
    uint8_t  head[ELEMENT_BYTES_MAX]; /* of the block, or of an element: what is there of it */
    uint8_t  head_bytes;
    bool     has_length;
} snappy_decoder;

static uint64_t kept_room(uint64_t window_bytes)
{
    return window_bytes ? 2 * window_bytes + ELEMENT_OUT_BYTES_MAX : 0;
}

static uint64_t decoder_bytes(uint64_t window_bytes)
{
    return wr_carve_bytes(sizeof(snappy_decoder)) + kept_room(window_bytes);
}

static void decoder_reset(void *state)
{
    snappy_decoder *self = state;

    *self = (snappy_decoder){.kept = self->kept, .kept_room = self->kept_room, .window = self->window};
}

static void decoder_init(void *state, uint64_t window_bytes)
{
    snappy_decoder *self = state;

    *self = (snappy_decoder){.kept = (uint8_t *)state + wr_carve_bytes(sizeof *self),
                             .kept_room = kept_room(window_bytes), .window = window_bytes};
}

/* Forget what is behind the window, once in a window's length. */
static void make_room(snappy_decoder *self)
{
    if (self->kept_room - self->kept_bytes >= ELEMENT_OUT_BYTES_MAX)
        return;
    memmove(self->kept, self->kept + self->kept_bytes - self->window, self->window);
    self->kept_bytes = self->window;
}

/* `count` bytes, of `in` bytes of input, are behind what is kept: they go out. */
static void give(snappy_decoder *self, wr_codec_io *io, size_t in, size_t count)
{
    memcpy(io->out, self->kept + self->kept_bytes, count);
    self->kept_bytes += count;
    self->out_bytes += count;
    wr_codec_advance(io, in, count);
}

/* As much of the open element as there is input and room for. */
static void run_element(snappy_decoder *self, wr_codec_io *io)
{
    uint8_t *out = self->kept + self->kept_bytes;
    size_t   count = self->left < io->out_bytes ? (size_t)self->left : io->out_bytes;

    if (count > self->kept_room - self->kept_bytes)
        count = (size_t)(self->kept_room - self->kept_bytes);
    if (self->offset == 0) {
        count = count < io->in_bytes ? count : io->in_bytes;
        memcpy(out, io->in, count);
    } else {
        copy_back(out, self->offset, (uint32_t)count, 0);
    }
    give(self, io, self->offset == 0 ? count : 0, count);
    self->left -= count;
}

/* The block's length, once its last byte is there. */
static wr_codec_flow take_length(snappy_decoder *self, wr_codec_io *io)
{
    uint8_t byte = *io->in;

    if (self->head_bytes == HEAD_BYTES_MAX)
        return wr_codec_refuse(io, "no length at the start");
    self->head[self->head_bytes++] = byte;
    wr_codec_advance(io, 1, 0);
    if (byte >= 0x80)
        return WR_CODEC_MORE;
    if (!read_length(self->head, self->head + self->head_bytes, &self->raw_bytes))
        return wr_codec_refuse(io, "no length at the start");
    self->has_length = true;
    self->head_bytes = 0;
    return WR_CODEC_MORE;
}

/* A byte more of an element's head; begins the element with the last one. */
static wr_codec_flow take_head(snappy_decoder *self, wr_codec_io *io)
{
    uint32_t extra = 0;

    self->head[self->head_bytes++] = *io->in;
    wr_codec_advance(io, 1, 0);
    if (self->head_bytes <= extra_bytes(self->head[0]))
        return WR_CODEC_MORE;
    memcpy(&extra, self->head + 1, self->head_bytes - 1u);
    self->left = read_element(self->head[0], extra, &self->offset);
    self->head_bytes = 0;
    if (self->left > self->raw_bytes - self->out_bytes)
        return wr_codec_refuse(io, "more data than the length at the start says");
    if ((self->head[0] & 3) == 0)
        return WR_CODEC_MORE;
    if (self->offset == 0 || self->offset > self->out_bytes)
        return wr_codec_refuse(io, "a copy from before the start");
    if (self->offset > self->window) {
        io->window_bytes = self->offset;
        return WR_CODEC_SHORT;
    }
    return WR_CODEC_MORE;
}

/* Elements that are whole in the input and have room: made behind what is kept, and given out together.
 * Everything else is left to the steps above, which have the messages. */
static void run_whole_elements(snappy_decoder *self, wr_codec_io *io)
{
    uint64_t       room = self->kept_room - self->kept_bytes, left = self->raw_bytes - self->out_bytes;
    const uint8_t *in = io->in, *in_end = in + io->in_bytes;
    uint8_t       *first = self->kept + self->kept_bytes, *out = first, *out_end;

    room = room < io->out_bytes ? room : io->out_bytes;
    out_end = first + (room < left ? room : left);
    while (in_end - in > 16 && out_end - out >= ELEMENT_OUT_BYTES_MAX) {
        uint8_t  tag = *in;
        unsigned extra_count = extra_bytes(tag);
        uint32_t offset;
        uint64_t length = read_element(tag, wr_load_u32(in + 1) & EXTRA_MASKS[extra_count], &offset);

        if ((tag & 3) == 0) {
            const uint8_t *from = in + 1 + extra_count;

            if (length > (uint64_t)(out_end - out) || length > (uint64_t)(in_end - from))
                break;
            if (length <= 16 && in_end - from >= 16)
                memcpy(out, from, 16);
            else
                memcpy(out, from, length);
            in = from + length;
        } else {
            if (offset == 0 || offset > self->window || offset > (uint64_t)(out - self->kept))
                break;
            copy_back(out, offset, (uint32_t)length, (size_t)(out_end - out));
            in += 1 + extra_count;
        }
        out += length;
    }
    give(self, io, (size_t)(in - io->in), (size_t)(out - first));
}

static wr_codec_flow decode(void *state, wr_codec_io *io)
{
    snappy_decoder *self = state;

    while (!self->has_length || self->left > 0 || self->out_bytes < self->raw_bytes) {
        wr_codec_flow flow = WR_CODEC_MORE;

        make_room(self);
        if (self->has_length && self->left == 0 && self->head_bytes == 0)
            run_whole_elements(self, io);
        if (self->left > 0 && io->out_bytes > 0 && (self->offset || io->in_bytes > 0))
            run_element(self, io);
        else if (self->left == 0 && io->in_bytes > 0)
            flow = self->has_length ? take_head(self, io) : take_length(self, io);
        else
            return WR_CODEC_MORE;
        if (flow != WR_CODEC_MORE)
            return flow;
    }
    return WR_CODEC_END;
}

static uint64_t window(const uint8_t *head, size_t head_bytes)
{
    (void)head, (void)head_bytes;
    return 0; /* it is not told */
}

/* ---- Encoding ---------------------------------------------------------------------------------- */

enum {
    FRAGMENT_BYTES = 64 << 10, /* copies stay inside of one, so that places have 16 bits */
    TABLE_BITS = 14,
    TAIL_BYTES = 15,           /* at the end of a fragment: not worth looking at         */
    COPY_1 = 1, COPY_2 = 2,
};

typedef struct snappy_encoder {
    uint16_t places[1 << TABLE_BITS]; /* in the fragment, by a hash of the 4 bytes there */
} snappy_encoder;

static uint64_t encoder_bytes(int level)
{
    (void)level;
    return sizeof(snappy_encoder);
}

static void encoder_init(void *state, int level)
{
    (void)state, (void)level;
}

static void encoder_reset(void *state)
{
    (void)state;
}

static uint8_t *put_literal(uint8_t *out, const uint8_t *bytes, size_t byte_count)
{
    size_t n = byte_count - 1;

    if (byte_count == 0)
        return out;
    if (n < 60) {
        *out++ = (uint8_t)(n << 2);
    } else {
        *out++ = n < 256 ? 60 << 2 : 61 << 2;
        *out++ = (uint8_t)n;
        if (n >= 256)
            *out++ = (uint8_t)(n >> 8);
    }
    memcpy(out, bytes, byte_count);
    return out + byte_count;
}

/* 1 to 64 bytes from `distance` back. */
static uint8_t *put_copy_2(uint8_t *out, size_t distance, size_t byte_count)
{
    out[0] = (uint8_t)((byte_count - 1) << 2 | COPY_2);
    out[1] = (uint8_t)distance;
    out[2] = (uint8_t)(distance >> 8);
    return out + 3;
}

static uint8_t *put_copy(uint8_t *out, size_t distance, size_t byte_count)
{
    /* What is left at the end has at least 4 bytes, the least of the short form. */
    for (; byte_count >= 68; byte_count -= 64)
        out = put_copy_2(out, distance, 64);
    if (byte_count > 64) {
        out = put_copy_2(out, distance, 60);
        byte_count -= 60;
    }
    if (byte_count >= 12 || distance >= 2048)
        return put_copy_2(out, distance, byte_count);
    *out++ = (uint8_t)((distance >> 8) << 5 | (byte_count - 4) << 2 | COPY_1);
    *out++ = (uint8_t)distance;
    return out;
}

static inline uint32_t slot_of(const uint8_t *bytes)
{
    return wr_load_u32(bytes) * 0x1e35a7bdu >> (32 - TABLE_BITS);
}

/* The next place that begins with 4 bytes seen before; NULL: none. The longer nothing is found, the more
 * is passed over. */
static const uint8_t *find_match(snappy_encoder *self, const uint8_t *base, const uint8_t *at,
                                 const uint8_t *limit, const uint8_t **out_match)
{
    for (uint32_t passed = 32; at < limit; at += passed++ >> 5) {
        uint16_t      *place = &self->places[slot_of(at)];
        const uint8_t *match = base + *place;

        *place = (uint16_t)(at - base);
        if (match < at && wr_load_u32(match) == wr_load_u32(at)) {
            *out_match = match;
            return at;
        }
    }
    return NULL;
}

static uint8_t *encode_fragment(snappy_encoder *self, const uint8_t *base, size_t byte_count,
                                uint8_t *out)
{
    const uint8_t *end = base + byte_count, *literal = base, *at = base, *match;
    const uint8_t *limit = byte_count > TAIL_BYTES ? end - TAIL_BYTES : base;

    memset(self->places, 0, sizeof self->places);
    while ((at = find_match(self, base, at, limit, &match)) != NULL) {
        size_t length = 4;

        while (at + length < end && at[length] == match[length])
            length++;
        out = put_literal(out, literal, (size_t)(at - literal));
        out = put_copy(out, (size_t)(at - match), length);
        at += length;
        literal = at;
    }
    return put_literal(out, literal, (size_t)(end - literal));
}

static wr_codec_flow encode_whole(void *state, wr_codec_io *io)
{
    uint8_t *out = io->out;
    size_t   length = io->in_bytes;

    if (length > UINT32_MAX)
        return wr_codec_refuse(io, "the block is too large");
    for (; length >= 0x80; length >>= 7)
        *out++ = (uint8_t)(length | 0x80);
    *out++ = (uint8_t)length;
    while (io->in_bytes > 0) {
        size_t now = io->in_bytes < FRAGMENT_BYTES ? io->in_bytes : FRAGMENT_BYTES;

        out = encode_fragment(state, io->in, now, out);
        io->in += now;
        io->in_bytes -= now;
    }
    io->out_bytes -= (size_t)(out - io->out);
    io->out = out;
    return WR_CODEC_END;
}

static uint64_t bound(uint64_t raw_bytes)
{
    return 32 + raw_bytes + raw_bytes / 6;
}

const wr_codec_ops wr_codec_ops_snappy = {
    .name = "snappy",
    .unit = "block",
    .level_default = 1,
    .level_max = 1,
    .window_default = WINDOW_DEFAULT,
    .window = window,
    .decoder_bytes = decoder_bytes,
    .decoder_init = decoder_init,
    .decoder_reset = decoder_reset,
    .decode = decode,
    .decode_whole = decode_whole,
    .encoder_bytes = encoder_bytes,
    .encoder_init = encoder_init,
    .encoder_reset = encoder_reset,
    .encode_whole = encode_whole,
    .bound = bound,
};
