/* parquet.c — the format object: Apache Parquet. */
#include "parquet_write.h"
#include "pq_priv.h"

const wr_option_def WR_PQ_READ_OPTIONS[] = {
    {"binary_as_text", WR_OPTION_BOOL, 0, offsetof(pq_read_options, binary_as_text), "false", 0, 0, NULL,
     "bytes without an annotation are text: some old writers leave it out"},
    {NULL, WR_OPTION_BOOL, 0, 0, NULL, 0, 0, NULL, NULL},
};

extern const wr_format wr_format_parquet;

const wr_format wr_format_parquet = {
    .struct_bytes = sizeof(wr_format),
    .name = "parquet",
    .summary = "Apache Parquet: columns in compressed pages",
    .endings = "parquet pq",
    .read_options = WR_PQ_READ_OPTIONS,
    .read_options_bytes = sizeof(pq_read_options),
    .write_options = WR_PQ_WRITE_OPTIONS,
    .write_options_bytes = sizeof(pq_write_options),
    .reader = &WR_PQ_READER,
    .block_writer = &WR_PQ_WRITER,
};
