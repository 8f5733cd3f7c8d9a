/* io/codec.h — the names of the codecs: which there are, what gives them away, having one at hand.
 *
 * A codec is used in two ways: as a filter on a whole file (io/input.h, io/output.h) and block by
 * block inside a format (io/block_codec.h). Both drive the same code, one file a codec.
 * Threads: detection is pure; wr_codec_require belongs to planning, on one thread. */
#ifndef WR_IO_CODEC_H
#define WR_IO_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/** The codecs of files come first: WR_CODEC_NAMES, the choices of the option, ends behind them. */
typedef enum wr_codec {
    WR_CODEC_AUTO,
    WR_CODEC_NONE,
    WR_CODEC_GZIP,
    WR_CODEC_ZSTD,
    WR_CODEC_LZ4, /* the frame format */
    WR_CODEC_BZ2,
    WR_CODEC_XZ,
    WR_CODEC_FILE_COUNT,
    WR_CODEC_LZ4_RAW = WR_CODEC_FILE_COUNT, /* blocks without a frame */
    WR_CODEC_BROTLI,
    WR_CODEC_SNAPPY,
    WR_CODEC_COUNT
} wr_codec;

/** Names for option tables: "auto", "none", "gzip", "zstd", "lz4", "bz2", "xz", NULL. */
extern const char *const WR_CODEC_NAMES[];

/** First bytes of a file or block that tell codec and window. */
enum { WR_CODEC_HEAD_BYTES = 64 };

/** A codec of files: by magic bytes first, then by the path's ending (.gz .zst .lz4 .bz2 .xz). */
wr_codec wr_codec_detect(wr_text path, const void *head, size_t head_bytes);

/** What names of its files end with, "gz"; nothing for NONE and AUTO. */
wr_text wr_codec_ending(wr_codec codec);

/** The path without the ending of a codec, if it has one: "a.csv" of "a.csv.gz". */
wr_text wr_codec_strip_ending(wr_text path);

/** Have what the codec needs at hand, before any other call that names it: a library is loaded and
 *  paid for (os/library.h). While planning; later it only finds what is there. Idempotent. AUTO and
 *  NONE need nothing.
 * Errors   WR_UNSUPPORTED this program, or this machine, lacks the codec: names what to install
 *          WR_NO_MEMORY   the library does not fit the cap: names the least */
wr_status wr_codec_require(wr_codec codec, wr_error *err) WR_MUST_USE;

/** As wr_codec_require, for what encodes as well: brotli has a library of its own for that. */
wr_status wr_codec_require_encoder(wr_codec codec, wr_error *err) WR_MUST_USE;

#endif
