/* spi/nested_column.c — what text formats share about nested columns. */
#include "spi/nested_column.h"

bool wr_schema_has_nested(const wr_schema *schema)
{
    for (uint32_t f = 0; f < schema->field_count; f++)
        if (wr_type_is_nested(schema->fields[f].type))
            return true;
    return false;
}

uint64_t wr_nested_writer_bytes(const wr_schema *schema)
{
    return wr_schema_has_nested(schema) ? sizeof(wr_nested_writer) + 16 : 0;
}

wr_status wr_nested_writer_new(const wr_schema *schema, wr_bump *bump,
                               wr_nested_writer **out_writer, wr_error *err)
{
    *out_writer = NULL;
    if (!wr_schema_has_nested(schema))
        return WR_OK;
    *out_writer = WR_BUMP_NEW(bump, wr_nested_writer, err);
    return *out_writer ? WR_OK : WR_NO_MEMORY;
}
