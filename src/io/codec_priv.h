/* io/codec_priv.h — what a codec is: one table of functions over a library.
 *
 * Invariants
 *  1. State lives in memory that the caller gives: decoder_bytes and encoder_bytes say how much, and
 *     nothing else is ever allocated, whatever the data claims.
 *  2. A call moves forward whenever it can: one that neither takes nor gives a byte, nor ends the
 *     frame, wants more input or more room.
 *  3. What a frame's checksums cover is checked before the frame ends.
 * Call order: decoder_init once, then for every frame decode until WR_CODEC_END, decoder_reset;
 * encoder_init, encode until WR_CODEC_END with `finish`, encoder_reset. */
#ifndef WR_BUILDING_IO
#error "private to src/io"
#endif
#ifndef WR_IO_CODEC_PRIV_H
#define WR_IO_CODEC_PRIV_H

#include "io/codec.h"
#include "os/library.h"

typedef enum wr_codec_flow {
    WR_CODEC_MORE,    /* wants input or room, or can go on                       */
    WR_CODEC_END,     /* the frame is whole; nothing behind it was taken         */
    WR_CODEC_DAMAGED, /* `what` says how                                         */
    WR_CODEC_SHORT    /* a window of `window_bytes` does not fit the state       */
} wr_codec_flow;

/** What a call takes from and gives to: it moves the pointers on. */
typedef struct wr_codec_io {
    const uint8_t *in;
    size_t         in_bytes;
    uint8_t       *out;
    size_t         out_bytes;
    bool           is_last;      /* `in` is all that is left of the frame: only blocks know */
    const char    *what;
    uint64_t       window_bytes; /* 0: unknown                                              */
} wr_codec_io;

/** So much was taken and given. */
static inline void wr_codec_advance(wr_codec_io *io, size_t in_bytes, size_t out_bytes)
{
    io->in += in_bytes;
    io->in_bytes -= in_bytes;
    io->out += out_bytes;
    io->out_bytes -= out_bytes;
}

static inline wr_codec_flow wr_codec_refuse(wr_codec_io *io, const char *what)
{
    io->what = what;
    return WR_CODEC_DAMAGED;
}

typedef struct wr_codec_ops {
    const char *name;         /* "zstd"                                          */
    const char *unit;         /* what the format calls a frame: "member"         */
    /** To be loaded first, NULL behind the last; for encoding beside the others. NULL: none. */
    wr_library *const *libraries, *const *encoder_libraries;
    int         level_default, level_max; /* levels are 1 to level_max           */
    uint64_t    window_default; /* of a frame that does not tell its own         */
    uint32_t    padding_multiple; /* zero bytes may follow a frame in multiples of it; 0: none */

    /** History that the frame with this head needs; 0: it does not tell. */
    uint64_t (*window)(const uint8_t *head, size_t head_bytes);

    /** With a window of 0: for frames that decode_whole decodes; without it, window_default. */
    uint64_t (*decoder_bytes)(uint64_t window_bytes);
    void (*decoder_init)(void *state, uint64_t window_bytes);
    void (*decoder_reset)(void *state);
    wr_codec_flow (*decode)(void *state, wr_codec_io *io);
    /** All of `in`, which may be several frames, at once; NULL: `decode` does that as well. */
    wr_codec_flow (*decode_whole)(void *state, wr_codec_io *io);

    /** `level` is one that exists. */
    uint64_t (*encoder_bytes)(int level);
    void (*encoder_init)(void *state, int level);
    void (*encoder_reset)(void *state);
    /** With `finish`, `in` is the last of the frame. NULL: this codec has no streams. */
    wr_codec_flow (*encode)(void *state, wr_codec_io *io, bool finish);
    /** All of `in` as one frame, into room for `bound` bytes; NULL: `encode` does that as well. */
    wr_codec_flow (*encode_whole)(void *state, wr_codec_io *io);
    /** As encoder_bytes and encoder_init, for encode_whole alone, of inputs that are rarely longer
     *  than `raw_bytes`; NULL: those do. */
    uint64_t (*whole_encoder_bytes)(int level, uint64_t raw_bytes);
    void (*whole_encoder_init)(void *state, int level, uint64_t raw_bytes);
    /** Most bytes that one frame of `raw_bytes` takes. */
    uint64_t (*bound)(uint64_t raw_bytes);
} wr_codec_ops;

extern const wr_codec_ops wr_codec_ops_gzip, wr_codec_ops_zstd, wr_codec_ops_lz4, wr_codec_ops_lz4_raw;
extern const wr_codec_ops wr_codec_ops_bz2, wr_codec_ops_xz, wr_codec_ops_brotli, wr_codec_ops_snappy;

/** Of every codec but AUTO and NONE that wr_codec_require has let pass. */
const wr_codec_ops *wr_codec_ops_of(wr_codec codec);

/** Can a frame of this codec of files begin with these bytes (as many as there are)? */
bool wr_codec_starts(wr_codec codec, const uint8_t *head, size_t head_bytes);

/** The level to use for what was asked, 0 being the default. Errors WR_INVALID: names the levels. */
wr_status wr_codec_level(const wr_codec_ops *ops, int asked, int *out_level, wr_error *err);

#endif
