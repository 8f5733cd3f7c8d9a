/* json_long_row.c — the parallel half of a record that did not fit its chunk: a batch of one row.
 *
 * Its values are texts without escapes, in the chunk or in scratch space (json_long.c). Cost: the values'. */
#include <string.h>

#include "json_priv.h"
#include "types/parse.h"

/* Bytes are spelled "\x00ff", as PostgreSQL does; what begins so and is not hexadecimal is bad. */
static bool decode_binary(wr_str *io_value)
{
    wr_text text = wr_str_text(io_value);
    char    inlined[WR_STR_INLINE_BYTES];
    char   *bytes = wr_str_is_inline(io_value) ? inlined : (char *)(uintptr_t)text.bytes;
    size_t  byte_count;

    if (!wr_text_starts_with(text, WR_TEXT("\\x")))
        return true;
    if (!wr_parse_binary_hex(text, (uint8_t *)bytes, &byte_count))
        return false;
    *io_value = wr_str_of(bytes, byte_count);
    return true;
}

static wr_status read_text(json_split *split, uint32_t index, wr_error *err)
{
    json_column *column = &split->columns[index];
    wr_str      *value = &split->long_row.values[index];
    bool         is_binary = column->type.logical == WR_TYPE_BINARY;

    (void)err;
    if (is_binary && wr_str_is_blob(value) && memcmp(value->prefix, "\\x", 2) == 0)
        wr_json_mark_bad(split, 0, "bytes longer than half of the scan's chunk cannot be spelled in "
                         "hexadecimal", 0);
    else if (is_binary && !wr_str_is_blob(value) && !decode_binary(value))
        wr_json_mark_bad(split, 0, NULL, index);
    memcpy(column->data, value, sizeof *value);
    return WR_OK;
}

static wr_status read_fixed(json_split *split, uint32_t index, wr_error *err)
{
    static const wr_text_rules USUAL = {0};
    const wr_str  *value = &split->long_row.values[index];
    json_column   *column = &split->columns[index];
    const wr_blob *blob = wr_str_is_blob(value) ? wr_str_blob(value) : NULL;
    char           buffer[JSON_VALUE_BYTES_MAX];
    wr_text        text = {buffer, 0};
    size_t         got = 1;

    if (!blob)
        text = wr_str_text(value);
    while (blob && got > 0 && text.byte_count < sizeof buffer) {
        WR_TRY(blob->read(blob, text.byte_count, buffer + text.byte_count,
                          sizeof buffer - text.byte_count, &got, err));
        text.byte_count += got;
    }
    if ((blob && blob->byte_count > sizeof buffer) ||
        !wr_text_value_parse(&USUAL, column->type, text, column->data))
        wr_json_mark_bad(split, 0, NULL, index);
    return WR_OK;
}

static wr_status read_value(json_split *split, uint32_t index, bool *io_missing, wr_error *err)
{
    json_column *column = &split->columns[index];

    memset(column->data, 0, wr_physical_bytes(wr_type_physical(column->type)));
    if (*io_missing)
        return WR_OK;
    if (wr_type_is_nested(column->type))
        return wr_json_read_long_nested(split, index, io_missing, err);
    return column->is_text ? read_text(split, index, err) : read_fixed(split, index, err);
}

/* Blobs must not be copied: their vector says so. */
static wr_status take_column(json_split *split, uint32_t index, wr_error *err)
{
    json_column *column = &split->columns[index];
    bool         missing = split->long_row.given[index] != JSON_GIVEN_VALUE ||
                   wr_bit_get(split->bad_rows, 0);

    WR_TRY(read_value(split, index, &missing, err));
    column->tokens[0].byte_count = missing ? WR_TEXT_TOKEN_NULL : 0; /* for wr_json_check_required */
    column->valid[0] = !missing;
    split->vectors[index] = (wr_vector){
        .type = column->type, .encoding = WR_FLAT, .row_count = 1, .data = column->data,
        .valid = column->valid,
        .flags = wr_type_is_bytes(column->type) && wr_str_is_blob((wr_str *)column->data)
                     ? WR_VECTOR_BLOBS : 0};
    return WR_OK;
}

/* Nested columns come first, as for other records: of two faults the first counts. */
wr_status wr_json_take_long_row(const wr_read_request *request, json_split *split, wr_error *err)
{
    json_long_row *row = &split->long_row;

    split->starts[0] = split->ends[0] = 0;
    split->lines[0] = split->line;
    split->row_count = 1;
    split->nested.room.used = 0;
    split->is_done = true;
    if (row->bad.fault)
        wr_json_mark_bad(split, 0, row->bad.fault, row->bad.detail);
    for (uint32_t c = 0; c < request->column_count; c++)
        if (wr_type_is_nested(split->columns[c].type))
            WR_TRY(take_column(split, c, err));
    for (uint32_t c = 0; c < request->column_count; c++)
        if (!wr_type_is_nested(split->columns[c].type))
            WR_TRY(take_column(split, c, err));
    return WR_OK;
}
