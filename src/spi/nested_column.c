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

/* ---- Reading ------------------------------------------------------------------------------------- */

void wr_nested_columns_layout(wr_nested_columns *columns, const wr_schema *schema,
                              const wr_scratch *scratch, uint64_t text_bytes, wr_carver *carver)
{
    void *space;

    if (!wr_schema_has_nested(schema))
        return;
    space = wr_carve(carver, wr_nested_room_bytes(text_bytes));
    if (space)
        wr_nested_room_init(&columns->room, space, text_bytes);
    wr_long_writer_layout(&columns->writer, scratch, carver);
}

static wr_status add_long(void *self, const void *bytes, size_t byte_count, wr_error *err)
{
    return wr_long_writer_add(self, bytes, byte_count, err);
}

static wr_status patch_long(void *self, uint64_t place, uint32_t value, void *room, wr_error *err)
{
    _Static_assert((int)WR_NESTED_PATCH_BYTES >= (int)WR_LONG_PIECE_BYTES, "room for a piece");
    return wr_long_writer_patch(self, place, value, room, err);
}

static wr_status read_long(void *self, uint64_t place, void *buffer, size_t byte_count, wr_error *err)
{
    return wr_long_writer_read(self, place, buffer, byte_count, err);
}

/* A text that lies in the room is in the way there. */
static bool lies_in_room(const wr_nested_room *room, const wr_str *text)
{
    const uint8_t *bytes = (const uint8_t *)wr_str_bytes(text);

    return bytes >= room->text && bytes < room->text + room->text_bytes;
}

static wr_status put_aside(wr_long_writer *writer, wr_text text, wr_blob *out_blob,
                           wr_str *out_value, wr_error *err)
{
    wr_long_writer_begin(writer);
    WR_TRY(wr_long_writer_add(writer, text.bytes, text.byte_count, err));
    WR_TRY(wr_long_writer_end(writer, out_blob, err));
    *out_value = wr_str_of_blob(out_blob, writer->prefix);
    return WR_OK;
}

wr_status wr_nested_read_long(wr_nested_columns *columns, const wr_str *text, wr_type type,
                              wr_blob *out_blob, wr_str *out_value, wr_nested_taken *out_taken,
                              wr_error *err)
{
    wr_long_writer      *writer = &columns->writer;
    const wr_nested_sink sink = {.self = writer, .scratch = writer->scratch, .add = add_long,
                                 .patch = patch_long, .read = read_long};
    wr_str               aside;
    bool                 is_long;

    if (!writer->scratch || !writer->scratch->ops) {
        wr_text whole = wr_str_is_blob(text) ? (wr_text){"", 0} : wr_str_text(text);

        *out_taken = wr_nested_take(&columns->room, whole, type, out_value);
        if (*out_taken == WR_NESTED_BAD || *out_taken == WR_NESTED_FULL) {
            wr_nested_explain(&columns->room, whole, type, columns->why);
            *out_taken = WR_NESTED_BAD;
        }
        return WR_OK;
    }
    if (!wr_str_is_blob(text) && lies_in_room(&columns->room, text)) {
        WR_TRY(put_aside(writer, wr_str_text(text), out_blob, &aside, err));
        text = &aside;
    }
    wr_long_writer_begin(writer);
    WR_TRY(wr_nested_take_long(&columns->room, text, type, &sink, out_value, &is_long, out_taken,
                               err));
    if (*out_taken == WR_NESTED_BAD)
        wr_nested_fault_format(&columns->room.reader->fault, columns->why);
    if (*out_taken != WR_NESTED_VALUE || !is_long)
        return WR_OK;
    WR_TRY(wr_long_writer_end(writer, out_blob, err));
    *out_value = wr_str_of_blob(out_blob, writer->prefix);
    return WR_OK;
}
