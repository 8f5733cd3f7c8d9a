/* spi/nested_column.h — columns of nested types in text formats: a value is JSON text.
 *
 * Writers keep a wr_nested_writer in their worker's state, taken from its bump only if the schema has a
 * nested column. Threads: one worker's. */
#ifndef WR_SPI_NESTED_COLUMN_H
#define WR_SPI_NESTED_COLUMN_H

#include "kernel/nested_read.h"
#include "mem/bump.h"
#include "spi/long_value.h"
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

/* ---- Reading ------------------------------------------------------------------------------------- */

/** What a reader of text keeps for the nested values of a batch. The writer: for what is too long for the
 *  room; its memory is laid out where the room's is, if the schema has nested columns. */
typedef struct wr_nested_columns {
    wr_nested_room room;
    wr_long_writer writer;
    char           why[WR_NESTED_REASON_BYTES]; /* wr_nested_read_long: BAD */
} wr_nested_columns;

/** Lay out the room for texts of `text_bytes`; nothing if the schema has no nested column. */
void wr_nested_columns_layout(wr_nested_columns *columns, const wr_schema *schema,
                              const wr_scratch *scratch, uint64_t text_bytes, wr_carver *carver);

/** Read a text as a value, both of any length; what is long goes to scratch space, and *out_blob is its
 *  handle, which *out_value points to. `text` may be *out_blob's, or lie in the room's copy of a text. Never FULL: without scratch space it is BAD.
 * Errors   of the scratch space */
wr_status wr_nested_read_long(wr_nested_columns *columns, const wr_str *text, wr_type type,
                              wr_blob *out_blob, wr_str *out_value, wr_nested_taken *out_taken,
                              wr_error *err) WR_MUST_USE;

#endif
