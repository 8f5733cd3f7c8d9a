/* parquet.c — the format object: Apache Parquet. */
#include "parquet_write.h"

extern const wr_format wr_format_parquet;

const wr_format wr_format_parquet = {
    .struct_bytes = sizeof(wr_format),
    .name = "parquet",
    .summary = "Apache Parquet: columns in compressed pages",
    .endings = "parquet pq",
    .write_options = WR_PQ_WRITE_OPTIONS,
    .write_options_bytes = sizeof(pq_write_options),
    .block_writer = &WR_PQ_WRITER,
};
