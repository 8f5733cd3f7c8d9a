/* io/head.h — the first bytes of a stream that can be read only once: recorded, then read again.
 *
 * Inference reads a sample of standard input through a recorder; the scan reads what was recorded and
 * then goes on with the stream. Both are file readers, below decompression and transcoding.
 * Owner    the wrapped reader is closed with its wrapper; the recorded bytes belong to the caller.
 * Threads: as the reader. Cost: one copy of the head each. */
#ifndef WR_IO_HEAD_H
#define WR_IO_HEAD_H

#include "io/fs.h"

typedef struct wr_head {
    uint8_t *bytes;
    size_t   byte_count, capacity;
    wr_text  path; /* of the stream: whoever records sets it */
} wr_head;

/** What wr_head_record and wr_head_replay take from their bump. */
enum { WR_HEAD_READER_BYTES = 256 };

/** Read `reader` through a recorder into `head`, whose capacity bounds what may be read.
 * Errors   of reading: WR_UNSUPPORTED when more is asked for */
wr_status wr_head_record(wr_fs_reader *reader, wr_head *head, wr_bump *bump,
                         wr_fs_reader **out_reader, wr_error *err) WR_MUST_USE;

/** `head` first, then what `reader` goes on with. */
wr_status wr_head_replay(wr_fs_reader *reader, const wr_head *head, wr_bump *bump,
                         wr_fs_reader **out_reader, wr_error *err) WR_MUST_USE;

#endif
