/* arrow.c — the format object: Apache Arrow's IPC files and streams. */
#include "ar_priv.h"
#include "ar_write.h"

extern const wr_format wr_format_arrow;

/* Reading has no options: what a file is tells itself. The layout is there for `adjust` only. */
typedef struct read_options {
    int32_t layout;
} read_options;

static const wr_option_def READ_OPTIONS[] = {{0}};

/* Before the user's options: streams by their ending, and on standard output. */
static void adjust(void *options, wr_text path)
{
    path = wr_codec_strip_ending(path);
    if (wr_text_equal(path, WR_TEXT("-")) || wr_text_equal_nocase(path, WR_TEXT("arrows")) ||
        (path.byte_count > 7 &&
         wr_text_equal_nocase((wr_text){path.bytes + path.byte_count - 7, 7}, WR_TEXT(".arrows"))))
        *(int32_t *)options = AR_LAYOUT_STREAM;
}

const wr_format wr_format_arrow = {
    .struct_bytes = sizeof(wr_format),
    .name = "arrow",
    .summary = "Apache Arrow IPC: files (Feather version 2) and streams of record batches",
    .endings = "arrow feather arrows ipc",
    .read_options = READ_OPTIONS,
    .read_options_bytes = sizeof(read_options),
    .write_options = WR_AR_WRITE_OPTIONS,
    .write_options_bytes = sizeof(ar_write_options),
    .adjust = adjust,
    .reader = &WR_AR_READER,
    .block_writer = &WR_AR_WRITER,
};
