/* codec_xz.c — xz through liblzma, loaded when a plan needs it; its memory is inside the state.
 *
 * Invariants
 *  1. The window of a stream is the dictionary size in the header of its first block. A later block
 *     with a larger one is refused by the library's own memory limit before anything is allocated.
 *  2. The encoder's dictionary is 256 KB up to level 6, so that its memory fits the least cap; the
 *     levels above take 1, 4 and 16 MB, and the memory that goes with them.
 * Checks (CRC32, CRC64, SHA-256) are the library's to check; what we write carries CRC64.
 * Cost: 80-120 MB/s of text out of it, 2-10 MB/s into it. Source: the .xz file format 1.1.0. */
#include <lzma.h>
#include <string.h>

#include "base/bits.h"
#include "carve_heap.h"
#include "codec_priv.h"
#include "io/carve.h"
#include "os/library.h"

enum {
    LEVEL_DEFAULT = 3,             /* those above are several times slower for 3 % less      */
    LEVEL_MAX = 9,
    LEVEL_SMALL_MAX = 6,           /* levels up to it have the small dictionary              */
    DICTIONARY_SMALL = 256 * 1024,
    WINDOW_DEFAULT = 8 << 20,      /* what `xz` without options writes                       */
    LIMIT_SLACK_BYTES = 32 * 1024, /* filters before the dictionary's                        */
    STATE_SLACK_BYTES = 64 * 1024, /* the stream's own states, index, heads of the carve heap */
};

#define FUNCTIONS(X)                                                                               \
    X(lzma_stream_decoder) X(lzma_stream_encoder) X(lzma_code) X(lzma_memusage)                    \
    X(lzma_raw_decoder_memusage) X(lzma_raw_encoder_memusage) X(lzma_lzma_preset)                  \
    X(lzma_stream_buffer_bound) X(lzma_crc32)

static struct {
    FUNCTIONS(WR_LIBRARY_MEMBER)
} lib;

static const wr_library_symbol SYMBOLS[] = {FUNCTIONS(WR_LIBRARY_SYMBOL)};
static wr_library library = WR_LIBRARY("liblzma.so.5", "liblzma5", SYMBOLS);
static wr_library *const LIBRARIES[] = {&library, NULL};

typedef struct xz_state {
    lzma_stream    stream;
    lzma_allocator allocator;
    wr_carve_heap  heap;
    uint64_t       window_bytes;
    int            level;
} xz_state;

static void *take(void *self, size_t item_count, size_t item_bytes)
{
    return wr_carve_heap_alloc(self, item_count * item_bytes); /* sizes of structures: no overflow */
}

static xz_state *init_state(void *state, uint64_t bytes)
{
    xz_state *self = state;

    *self = (xz_state){.stream = LZMA_STREAM_INIT};
    wr_carve_heap_init(&self->heap, (uint8_t *)state + wr_carve_bytes(sizeof *self),
                       bytes - wr_carve_bytes(sizeof *self));
    self->allocator = (lzma_allocator){.alloc = take, .free = wr_carve_heap_free, .opaque = &self->heap};
    self->stream.allocator = &self->allocator;
    return self;
}

/* ---- Head ------------------------------------------------------------------------------------- */

enum { STREAM_HEADER_BYTES = 12, CRC_BYTES = 4, ID_LZMA2 = 0x21, DICTIONARY_CODE_MAX = 40 };

/* The format's integers: 7 bits a byte, low ones first. UINT64_MAX if it does not end before `end`. */
static uint64_t read_number(const uint8_t **next, const uint8_t *end)
{
    uint64_t value = 0;

    for (int shift = 0; *next < end && shift < 63; shift += 7) {
        uint8_t byte = *(*next)++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    return UINT64_MAX;
}

static uint64_t dictionary_bytes(uint8_t code)
{
    if (code > DICTIONARY_CODE_MAX)
        return 0;
    return code == DICTIONARY_CODE_MAX ? UINT32_MAX : (uint64_t)(2 | (code & 1)) << (code / 2 + 11);
}

/* The dictionary of a whole block header; 0: none is in it. */
static uint64_t read_block_header(const uint8_t *header, size_t header_bytes)
{
    const uint8_t *next = header + 2, *end = header + header_bytes - CRC_BYTES;
    int            filter_count = (header[1] & 3) + 1;

    for (int sizes = !!(header[1] & 0x40) + !!(header[1] & 0x80); sizes > 0; sizes--)
        read_number(&next, end);
    while (filter_count-- > 0) {
        uint64_t id = read_number(&next, end), property_bytes = read_number(&next, end);

        if (next >= end || property_bytes > (uint64_t)(end - next))
            return 0;
        if (id == ID_LZMA2)
            return dictionary_bytes(*next);
        next += property_bytes;
    }
    return 0;
}

/* A head that is damaged, or all that there is, needs no more than the least: decoding will tell. */
static uint64_t window(const uint8_t *head, size_t head_bytes)
{
    const uint8_t *block = head + STREAM_HEADER_BYTES;
    size_t         block_bytes;
    uint64_t       window_bytes;

    if (head_bytes <= STREAM_HEADER_BYTES || !wr_codec_starts(WR_CODEC_XZ, head, head_bytes) ||
        block[0] == 0)
        return head_bytes ? LZMA_DICT_SIZE_MIN : 0;
    block_bytes = 4 * ((size_t)block[0] + 1);
    if (block_bytes > head_bytes - STREAM_HEADER_BYTES)
        return head_bytes < WR_CODEC_HEAD_BYTES ? LZMA_DICT_SIZE_MIN : 0;
    if (lib.lzma_crc32(block, block_bytes - CRC_BYTES, 0) !=
        wr_load_u32(block + block_bytes - CRC_BYTES))
        return LZMA_DICT_SIZE_MIN;
    window_bytes = read_block_header(block, block_bytes);
    return window_bytes ? window_bytes : LZMA_DICT_SIZE_MIN;
}

/* ---- Decoding --------------------------------------------------------------------------------- */

static uint64_t memory_limit(uint64_t window_bytes)
{
    lzma_options_lzma options = {.dict_size = (uint32_t)(window_bytes < UINT32_MAX ? window_bytes
                                                                                  : UINT32_MAX)};
    lzma_filter       filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};

    return lib.lzma_raw_decoder_memusage(filters) + LIMIT_SLACK_BYTES;
}

static uint64_t decoder_bytes(uint64_t window_bytes)
{
    return wr_carve_bytes(sizeof(xz_state)) + STATE_SLACK_BYTES +
           wr_carve_bytes(memory_limit(window_bytes ? window_bytes : WINDOW_DEFAULT));
}

static void decoder_reset(void *state)
{
    xz_state *self = state;
    lzma_ret  result = lib.lzma_stream_decoder(&self->stream, memory_limit(self->window_bytes), 0);

    wr_assert(result == LZMA_OK, "the xz decoder fits its block");
}

static void decoder_init(void *state, uint64_t window_bytes)
{
    if (window_bytes == 0)
        window_bytes = WINDOW_DEFAULT;
    init_state(state, decoder_bytes(window_bytes))->window_bytes = window_bytes;
    decoder_reset(state);
}

static void attach(lzma_stream *stream, const wr_codec_io *io)
{
    stream->next_in = io->in;
    stream->avail_in = io->in_bytes;
    stream->next_out = io->out;
    stream->avail_out = io->out_bytes;
}

static void detach(const lzma_stream *stream, wr_codec_io *io)
{
    io->in = stream->next_in;
    io->in_bytes = stream->avail_in;
    io->out = stream->next_out;
    io->out_bytes = stream->avail_out;
}

static wr_codec_flow decode(void *state, wr_codec_io *io)
{
    xz_state *self = state;
    lzma_ret  result;

    attach(&self->stream, io);
    result = lib.lzma_code(&self->stream, LZMA_RUN);
    detach(&self->stream, io);
    switch (result) {
    case LZMA_STREAM_END:
        return WR_CODEC_END;
    case LZMA_OK:
    case LZMA_BUF_ERROR:
        return WR_CODEC_MORE;
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        io->window_bytes = lib.lzma_memusage(&self->stream);
        return WR_CODEC_SHORT;
    case LZMA_OPTIONS_ERROR:
        return wr_codec_refuse(
            io, "a filter or flag of the format that this version of the library does not know");
    default:
        return wr_codec_refuse(io, "the data is damaged");
    }
}

/* ---- Encoding --------------------------------------------------------------------------------- */

static void choose_options(int level, lzma_options_lzma *options)
{
    bool failed = lib.lzma_lzma_preset(options, (uint32_t)level);

    wr_assert(!failed, "the library knows the levels of xz");
    options->dict_size = level <= LEVEL_SMALL_MAX
                             ? DICTIONARY_SMALL
                             : (uint32_t)DICTIONARY_SMALL << 2 * (level - LEVEL_SMALL_MAX);
}

static uint64_t encoder_bytes(int level)
{
    lzma_options_lzma options;
    lzma_filter       filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};

    choose_options(level, &options);
    return wr_carve_bytes(sizeof(xz_state)) + STATE_SLACK_BYTES +
           wr_carve_bytes(lib.lzma_raw_encoder_memusage(filters));
}

static void encoder_reset(void *state)
{
    xz_state         *self = state;
    lzma_options_lzma options;
    lzma_filter       filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    lzma_ret          result;

    choose_options(self->level, &options);
    result = lib.lzma_stream_encoder(&self->stream, filters, LZMA_CHECK_CRC64);
    wr_assert(result == LZMA_OK, "the xz encoder fits its block");
}

static void encoder_init(void *state, int level)
{
    init_state(state, encoder_bytes(level))->level = level;
    encoder_reset(state);
}

static wr_codec_flow encode(void *state, wr_codec_io *io, bool finish)
{
    xz_state *self = state;
    lzma_ret  result;

    attach(&self->stream, io);
    result = lib.lzma_code(&self->stream, finish ? LZMA_FINISH : LZMA_RUN);
    detach(&self->stream, io);
    if (result == LZMA_STREAM_END)
        return WR_CODEC_END;
    if (result == LZMA_OK || result == LZMA_BUF_ERROR)
        return WR_CODEC_MORE;
    return wr_codec_refuse(io, "the library refuses");
}

static uint64_t bound(uint64_t raw_bytes)
{
    return lib.lzma_stream_buffer_bound(raw_bytes);
}

const wr_codec_ops wr_codec_ops_xz = {
    .name = "xz",
    .unit = "stream",
    .libraries = LIBRARIES,
    .level_default = LEVEL_DEFAULT,
    .level_max = LEVEL_MAX,
    .window_default = WINDOW_DEFAULT,
    .padding_multiple = 4,
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
