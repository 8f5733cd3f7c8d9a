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
    WR_CODEC_FILE_COUNT,
    WR_CODEC_COUNT = WR_CODEC_FILE_COUNT
} wr_codec;

/** Names for option tables: "auto", "none", "gzip", "zstd", NULL. */
extern const char *const WR_CODEC_NAMES[];

/** By magic bytes first, then by the path's ending (.gz, .zst). */
wr_codec wr_codec_detect(wr_text path, const void *head, size_t head_bytes);

/** Have what the codec needs at hand, before any other call that names it and before the first row.
 *  Idempotent. AUTO and NONE need nothing.
 * Errors   WR_UNSUPPORTED this program, or this machine, lacks the codec: names what to install */
wr_status wr_codec_require(wr_codec codec, wr_error *err) WR_MUST_USE;

#endif
