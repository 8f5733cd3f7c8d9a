/* codec_lz4.c — the LZ4 frame format: files of the lz4 program, bodies of Arrow.
 *
 * Decoding goes through lz4_block.h, so a frame costs 64 KB of history whatever its block size,
 * which may be 4 MB. Encoding makes independent blocks of 64 KB with the library's block function.
 * Invariants
 *  1. Header, block and content checksums are checked where a frame has them; what we write has
 *     the header's and the content's.
 *  2. No block gives more bytes than the frame's header allows; where that says how long the content
 *     is, it is so long.
 * There is one level: what compresses better and slower is zstd's field.
 * Cost: 1 GB/s of text out, 0.4 GB/s in. Source: lz4_Frame_format.md 1.6.3. */
#include <lz4.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "base/bits.h"
#include "io/carve.h"
#include "lz4_block.h"

enum {
    MAGIC = 0x184d2204,
    MAGIC_BYTES = 4,
    HEADER_BYTES_MIN = 7,  /* magic, flags, block size, its checksum        */
    HEADER_BYTES_MAX = 19, /* and content size and dictionary               */
    WORD_BYTES = 4,
    STORED = INT32_MIN,    /* a block's size with it: stored as it is       */
    FLAG_VERSION = 0x40,
    FLAG_VERSION_MASK = 0xc0,
    FLAG_INDEPENDENT = 0x20,
    FLAG_BLOCK_SUM = 0x10,
    FLAG_CONTENT_BYTES = 0x08,
    FLAG_CONTENT_SUM = 0x04,
    FLAG_RESERVED = 0x02,
    FLAG_DICTIONARY = 0x01,
    BLOCK_CODE_64K = 4,
};

static uint64_t window(const uint8_t *head, size_t head_bytes)
{
    (void)head, (void)head_bytes;
    return WR_LZ4_HISTORY_BYTES;
}

static uint8_t header_sum(const uint8_t *descriptor, size_t bytes)
{
    return (uint8_t)(XXH32(descriptor, bytes, 0) >> 8);
}

/* ---- Decoding --------------------------------------------------------------------------------- */

typedef enum phase { IN_HEADER, IN_BLOCK_SIZE, IN_BLOCK, IN_BLOCK_SUM, IN_CONTENT_SUM } phase;

typedef struct lz4_decoder {
    phase         phase;
    uint8_t       head[HEADER_BYTES_MAX]; /* of the frame, or a word                  */
    uint32_t      head_bytes;
    uint8_t       flags;
    bool          is_stored;      /* the block                                        */
    uint64_t      block_in_left;  /* bytes of the block that are to come              */
    uint64_t      block_out_left; /* that the block may still give                    */
    uint64_t      block_bytes_max;
    uint64_t      content_bytes, given_bytes;
    XXH32_state_t content_sum, block_sum;
    wr_lz4_block  block;
} lz4_decoder;

static uint64_t decoder_bytes(uint64_t window_bytes)
{
    (void)window_bytes;
    return wr_carve_bytes(sizeof(lz4_decoder));
}

static void decoder_reset(void *state)
{
    lz4_decoder *self = state;

    self->phase = IN_HEADER;
    self->head_bytes = 0;
    self->given_bytes = 0;
}

static void decoder_init(void *state, uint64_t window_bytes)
{
    (void)window_bytes;
    decoder_reset(state);
}

/* Have `bytes` bytes in `head`; false: more input is wanted. */
static bool gather(lz4_decoder *self, wr_codec_io *io, uint32_t bytes)
{
    while (self->head_bytes < bytes && io->in_bytes > 0) {
        self->head[self->head_bytes++] = *io->in++;
        io->in_bytes--;
    }
    return self->head_bytes == bytes;
}

static wr_codec_flow read_header(lz4_decoder *self, wr_codec_io *io)
{
    uint32_t bytes = HEADER_BYTES_MIN;
    uint8_t  code;

    if (!gather(self, io, bytes) && self->head_bytes < bytes)
        return WR_CODEC_MORE;
    self->flags = self->head[MAGIC_BYTES];
    code = (self->head[MAGIC_BYTES + 1] >> 4) & 7;
    if (wr_load_u32(self->head) != MAGIC)
        return wr_codec_refuse(io, "this is no frame");
    if ((self->flags & FLAG_VERSION_MASK) != FLAG_VERSION || (self->flags & FLAG_RESERVED) ||
        (self->head[MAGIC_BYTES + 1] & 0x8f) || code < BLOCK_CODE_64K)
        return wr_codec_refuse(io, "the frame's header is damaged");
    if (self->flags & FLAG_DICTIONARY)
        return wr_codec_refuse(io, "the frame needs a dictionary, which is not supported,");
    bytes += self->flags & FLAG_CONTENT_BYTES ? 8 : 0;
    if (!gather(self, io, bytes))
        return WR_CODEC_MORE;
    if (header_sum(self->head + MAGIC_BYTES, bytes - MAGIC_BYTES - 1) != self->head[bytes - 1])
        return wr_codec_refuse(io, "the checksum of the frame's header does not match");
    self->content_bytes = self->flags & FLAG_CONTENT_BYTES ? wr_load_u64(self->head + 6) : UINT64_MAX;
    self->block_bytes_max = (uint64_t)1 << (8 + 2 * code);
    self->head_bytes = 0;
    wr_lz4_block_begin(&self->block, false);
    XXH32_reset(&self->content_sum, 0);
    self->phase = IN_BLOCK_SIZE;
    return WR_CODEC_MORE;
}

static wr_codec_flow end_content(lz4_decoder *self, wr_codec_io *io)
{
    if (self->content_bytes != UINT64_MAX && self->content_bytes != self->given_bytes)
        return wr_codec_refuse(io, "the content is not as long as its header says");
    return WR_CODEC_END;
}

static wr_codec_flow read_block_size(lz4_decoder *self, wr_codec_io *io)
{
    uint32_t size;

    if (!gather(self, io, WORD_BYTES))
        return WR_CODEC_MORE;
    size = wr_load_u32(self->head);
    self->head_bytes = 0;
    if (size == 0) {
        self->phase = IN_CONTENT_SUM;
        return self->flags & FLAG_CONTENT_SUM ? WR_CODEC_MORE : end_content(self, io);
    }
    self->is_stored = size & (uint32_t)STORED;
    self->block_in_left = size & ~(uint32_t)STORED;
    self->block_out_left = self->block_bytes_max;
    if (self->block_in_left > self->block_bytes_max || self->block_in_left == 0)
        return wr_codec_refuse(io, "a block is larger than its frame allows");
    wr_lz4_block_begin(&self->block, !(self->flags & FLAG_INDEPENDENT));
    if (self->flags & FLAG_BLOCK_SUM)
        XXH32_reset(&self->block_sum, 0);
    self->phase = IN_BLOCK;
    return WR_CODEC_MORE;
}

static wr_codec_flow copy_stored(lz4_decoder *self, wr_codec_io *io)
{
    size_t piece = io->in_bytes < io->out_bytes ? io->in_bytes : io->out_bytes;

    if (piece > 0)
        memcpy(io->out, io->in, piece);
    wr_lz4_block_note(&self->block, io->in, piece);
    wr_codec_advance(io, piece, piece);
    return WR_CODEC_MORE;
}

static wr_codec_flow end_block(lz4_decoder *self)
{
    self->head_bytes = 0;
    self->phase = self->flags & FLAG_BLOCK_SUM ? IN_BLOCK_SUM : IN_BLOCK_SIZE;
    return WR_CODEC_MORE;
}

static wr_codec_flow read_block(lz4_decoder *self, wr_codec_io *io)
{
    wr_codec_io part = *io;
    size_t      taken, given;

    part.in_bytes = part.in_bytes < self->block_in_left ? part.in_bytes : (size_t)self->block_in_left;
    part.out_bytes = part.out_bytes < self->block_out_left ? part.out_bytes
                                                           : (size_t)self->block_out_left;
    if ((self->is_stored ? copy_stored(self, &part) : wr_lz4_block_decode(&self->block, &part)) ==
        WR_CODEC_DAMAGED)
        return wr_codec_refuse(io, part.what);
    taken = (size_t)(part.in - io->in);
    given = (size_t)(part.out - io->out);
    if (self->flags & FLAG_BLOCK_SUM)
        XXH32_update(&self->block_sum, io->in, taken);
    if (self->flags & FLAG_CONTENT_SUM)
        XXH32_update(&self->content_sum, io->out, given);
    wr_codec_advance(io, taken, given);
    self->block_in_left -= taken;
    self->block_out_left -= given;
    self->given_bytes += given;
    if (self->block_in_left == 0 && (self->is_stored || wr_lz4_block_may_end(&self->block)))
        return end_block(self);
    if (self->block_out_left == 0 && io->in_bytes > 0 && taken == 0)
        return wr_codec_refuse(io, "a block holds more than its frame allows");
    if (self->block_in_left == 0 && io->out_bytes > 0 && given == 0)
        return wr_codec_refuse(io, "a block ends in the middle of a sequence");
    return WR_CODEC_MORE;
}

static wr_codec_flow check_sum(lz4_decoder *self, wr_codec_io *io)
{
    const XXH32_state_t *sum = self->phase == IN_BLOCK_SUM ? &self->block_sum : &self->content_sum;

    if (!gather(self, io, WORD_BYTES))
        return WR_CODEC_MORE;
    self->head_bytes = 0;
    if (wr_load_u32(self->head) != XXH32_digest(sum))
        return wr_codec_refuse(io, "a checksum does not match");
    if (self->phase == IN_CONTENT_SUM)
        return end_content(self, io);
    self->phase = IN_BLOCK_SIZE;
    return WR_CODEC_MORE;
}

static wr_codec_flow step(lz4_decoder *self, wr_codec_io *io)
{
    switch (self->phase) {
    case IN_HEADER:
        return read_header(self, io);
    case IN_BLOCK_SIZE:
        return read_block_size(self, io);
    case IN_BLOCK:
        return read_block(self, io);
    case IN_BLOCK_SUM:
    case IN_CONTENT_SUM:
        return check_sum(self, io);
    }
    WR_UNREACHABLE();
}

static wr_codec_flow decode(void *state, wr_codec_io *io)
{
    lz4_decoder  *self = state;
    wr_codec_flow flow;
    wr_codec_io   before;
    phase         was;

    do {
        before = *io;
        was = self->phase;
        flow = step(self, io);
    } while (flow == WR_CODEC_MORE &&
             (self->phase != was || io->in != before.in || io->out != before.out));
    return flow;
}

/* ---- Encoding --------------------------------------------------------------------------------- */

enum {
    BLOCK_BYTES = 64 * 1024,
    LIBRARY_BYTES = 16416 + 16, /* of the library's encoder, 1.9 */
    READY_BYTES = BLOCK_BYTES + 2 * WORD_BYTES + HEADER_BYTES_MIN,
};

typedef struct lz4_encoder {
    XXH32_state_t content_sum;
    uint32_t      gathered_bytes;        /* of the block to come              */
    uint32_t      ready_next, ready_end; /* bytes on their way out            */
    bool          has_ended;
    uint8_t       gathered[BLOCK_BYTES];
    uint8_t       ready[READY_BYTES];
    _Alignas(16) uint8_t library[LIBRARY_BYTES];
} lz4_encoder;

static uint64_t encoder_bytes(int level)
{
    (void)level;
    return wr_carve_bytes(sizeof(lz4_encoder));
}

static void put_word(lz4_encoder *self, uint32_t word)
{
    wr_store_u32(self->ready + self->ready_end, word);
    self->ready_end += WORD_BYTES;
}

static void encoder_reset(void *state)
{
    lz4_encoder *self = state;

    self->gathered_bytes = self->ready_next = self->ready_end = 0;
    self->has_ended = false;
    XXH32_reset(&self->content_sum, 0);
    put_word(self, MAGIC);
    self->ready[self->ready_end++] = FLAG_VERSION | FLAG_INDEPENDENT | FLAG_CONTENT_SUM;
    self->ready[self->ready_end++] = BLOCK_CODE_64K << 4;
    self->ready[self->ready_end++] = header_sum(self->ready + MAGIC_BYTES, 2);
}

static void encoder_init(void *state, int level)
{
    (void)level;
    wr_assert(LZ4_sizeofState() <= LIBRARY_BYTES, "the LZ4 library's state fits");
    encoder_reset(state);
}

/* A block of what was gathered, smaller than it or as it is. */
static void put_block(lz4_encoder *self)
{
    uint8_t *to = self->ready + self->ready_end + WORD_BYTES;
    int      bytes = (int)self->gathered_bytes;
    int      result = LZ4_compress_fast_extState(self->library, (const char *)self->gathered,
                                                 (char *)to, bytes, bytes - 1, 1);

    if (result > 0) {
        put_word(self, (uint32_t)result);
    } else {
        memcpy(to, self->gathered, self->gathered_bytes);
        put_word(self, self->gathered_bytes | (uint32_t)STORED);
        result = bytes;
    }
    self->ready_end += (uint32_t)result;
    self->gathered_bytes = 0;
}

/* Gather as much as there is; true if a block is due. */
static bool gather_block(lz4_encoder *self, wr_codec_io *io)
{
    size_t room = BLOCK_BYTES - self->gathered_bytes;
    size_t piece = io->in_bytes < room ? io->in_bytes : room;

    if (piece > 0)
        memcpy(self->gathered + self->gathered_bytes, io->in, piece);
    XXH32_update(&self->content_sum, self->gathered + self->gathered_bytes, piece);
    self->gathered_bytes += (uint32_t)piece;
    io->in += piece;
    io->in_bytes -= piece;
    return self->gathered_bytes == BLOCK_BYTES;
}

static void flush(lz4_encoder *self, wr_codec_io *io)
{
    size_t left = self->ready_end - self->ready_next;
    size_t piece = left < io->out_bytes ? left : io->out_bytes;

    if (piece > 0)
        memcpy(io->out, self->ready + self->ready_next, piece);
    self->ready_next += (uint32_t)piece;
    io->out += piece;
    io->out_bytes -= piece;
    if (self->ready_next == self->ready_end)
        self->ready_next = self->ready_end = 0;
}

static wr_codec_flow encode(void *state, wr_codec_io *io, bool finish)
{
    lz4_encoder *self = state;

    for (;;) {
        flush(self, io);
        if (self->ready_end > 0)
            return WR_CODEC_MORE;
        if (self->has_ended)
            return WR_CODEC_END;
        if (gather_block(self, io) || (finish && self->gathered_bytes > 0)) {
            put_block(self);
        } else if (finish) {
            put_word(self, 0);
            put_word(self, XXH32_digest(&self->content_sum));
            self->has_ended = true;
        } else {
            return WR_CODEC_MORE;
        }
    }
}

static uint64_t bound(uint64_t raw_bytes)
{
    return raw_bytes + (raw_bytes / BLOCK_BYTES + 1) * WORD_BYTES + HEADER_BYTES_MIN + 2 * WORD_BYTES;
}

const wr_codec_ops wr_codec_ops_lz4 = {
    .name = "lz4",
    .unit = "frame",
    .level_default = 1,
    .level_max = 1,
    .window_default = WR_LZ4_HISTORY_BYTES,
    .window = window,
    .decoder_bytes = decoder_bytes,
    .decoder_init = decoder_init,
    .decoder_reset = decoder_reset,
    .decode = decode,
    .encoder_bytes = encoder_bytes,
    .encoder_init = encoder_init,
    .encoder_reset = encoder_reset,
    .encode = encode,
    .bound = bound,
};
