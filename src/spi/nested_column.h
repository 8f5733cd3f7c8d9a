/* spi/nested_column.h — columns of nested types in text formats: a value is JSON text.
 *
 * Writers keep a wr_nested_writer in their worker's state, taken from its bump only if the schema has a
 * nested column. Threads: one worker's. */
#ifndef WR_SPI_NESTED_COLUMN_H
#define WR_SPI_NESTED_COLUMN_H

#include "mem/bump.h"
#include "types/nested_text.h"

typedef struct wr_nested_writer {
    wr_nested_text   text;
    wr_packed_window window;
} wr_nested_writer;

bool wr_schema_has_nested(const wr_schema *schema);

/** What wr_nested_writer_new takes from a bump. */
uint64_t wr_nested_writer_bytes(const wr_schema *schema);

/** *out_writer is NULL for a schema without nested columns. */
wr_status wr_nested_writer_new(const wr_schema *schema, wr_bump *bump,
                               wr_nested_writer **out_writer, wr_error *err) WR_MUST_USE;

#endif
