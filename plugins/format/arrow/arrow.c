/* arrow.c — the format object: Apache Arrow's IPC files and streams. */
#include "ar_priv.h"

extern const wr_format wr_format_arrow;

static const wr_option_def READ_OPTIONS[] = {
    {NULL, WR_OPTION_BOOL, 0, 0, NULL, 0, 0, NULL, NULL},
};

const wr_format wr_format_arrow = {
    .struct_bytes = sizeof(wr_format),
    .name = "arrow",
    .summary = "Apache Arrow IPC: files (Feather version 2) and streams of record batches",
    .endings = "arrow feather arrows ipc",
    .read_options = READ_OPTIONS,
    .read_options_bytes = 0,
    .reader = &WR_AR_READER,
};
