/* parquet_write.h — the Parquet writer: options and vtable. */
#ifndef WR_BUILDING_FORMAT_PARQUET
#error "private to plugins/format/parquet"
#endif
#ifndef WR_PARQUET_WRITE_H
#define WR_PARQUET_WRITE_H

#include "spi/format.h"

typedef struct pq_write_options {
    int32_t      compression; /* index into the option's choices, a pq_write_codec */
    int32_t      page_version;
    int64_t      level;
    int64_t      row_group_rows;
    uint64_t     row_group_bytes;
    bool         dictionary;
    bool         page_index;
    wr_text_list encoding;    /* "name", of all columns, or "column=name" */
    double       bloom_wrong;
    wr_text_list bloom_filter; /* columns */
    wr_text_list field_ids;    /* "auto", or "path=id, ..." */
    wr_text_list sorted_by;    /* "column desc nulls first" */
    wr_text_list metadata;    /* "key=value" */
} pq_write_options;

extern const wr_option_def       WR_PQ_WRITE_OPTIONS[];
extern const wr_format_block_ops WR_PQ_WRITER;

#endif
