/* io_priv.h — what the filters share. */
#ifndef WR_BUILDING_IO
#error "private to src/io"
#endif
#ifndef WR_IO_PRIV_H
#define WR_IO_PRIV_H

#include "codec_priv.h"
#include "io/carve.h"
#include "io/input.h"
#include "io/output.h"

/* Compressed bytes are read and written in pieces of this size. */
enum { WR_CODEC_BUFFER_BYTES = 64 * 1024 };

/* Copy the numbers that a filter passes on from the input below it. */
static inline void wr_input_pass_progress(wr_input *input, const wr_input *below)
{
    input->consumed_bytes = below->consumed_bytes;
    input->total_bytes = below->total_bytes;
}

/* A piece of compressed input: refilled when empty, keeps what a codec left. */
typedef struct wr_codec_feed {
    wr_input *below;
    wr_text   path;
    uint8_t  *buffer; /* WR_CODEC_BUFFER_BYTES */
    size_t    next, end;
    bool      at_end; /* `below` has no more */
} wr_codec_feed;

void wr_codec_feed_init(wr_codec_feed *feed, wr_input *below, wr_text path, wr_carver *carver);

/** Have at least `bytes` in the buffer unless the end is nearer. */
wr_status wr_codec_feed_fill(wr_codec_feed *feed, size_t bytes, wr_error *err) WR_MUST_USE;

/** Offset in the compressed file of the next byte to decode. */
static inline uint64_t wr_codec_feed_offset(const wr_codec_feed *feed)
{
    return feed->below->offset - (feed->end - feed->next);
}

/* The filter over a codec is made on a carver with at least wr_codec_input_bytes() left; `bump`: for
 * larger windows of later frames. */
wr_status wr_codec_input_init(wr_codec codec, wr_input *below, wr_text path,
                              uint64_t window_bytes, wr_carver *carver, wr_bump *bump,
                              wr_input **out_input, wr_error *err) WR_MUST_USE;
uint64_t wr_codec_input_bytes(const wr_codec_ops *ops, uint64_t window_bytes);

/** `level` 0: the default. Errors WR_INVALID: there is no such level. */
wr_status wr_codec_output_open(const wr_codec_ops *ops, int level, wr_fs_writer *writer,
                               wr_bump *bump, wr_output **out_output, wr_error *err) WR_MUST_USE;
/** `level` is one that exists. */
uint64_t wr_codec_output_bytes(const wr_codec_ops *ops, int level);

#endif
