/* csv_write.h — the CSV writer: options and vtable. */
#ifndef WR_CSV_WRITE_H
#define WR_CSV_WRITE_H

#ifndef WR_BUILDING_FORMAT_CSV
#error "private to plugins/format/csv"
#endif

#include "spi/format.h"

typedef struct csv_write_options {
    int32_t delimiter, quote; /* quote -1: never */
    bool    header;
    wr_text null_text;
    int32_t quote_style, line_ending;
} csv_write_options;

extern const wr_option_def        WR_CSV_WRITE_OPTIONS[];
extern const wr_format_writer_ops WR_CSV_WRITER;

#endif
