/* json_nested.c — columns of nested types: each value's text is read as its type.
 *
 * Row by row over all nested columns, so that a full room ends the batch between two rows. Values of any
 * length are read: what is too long for the room goes to scratch space, in a batch of one row. A value may
 * also be a string that holds the JSON text. */
#include <string.h>

#include "json_priv.h"

/* The text of a value; one with escapes is a string, and rewritten. */
static wr_text text_of(json_split *split, const json_column *column, uint32_t row)
{
    wr_text_token token = column->tokens[row];
    wr_text       text = {(const char *)split->chunk + token.start, token.byte_count};

    if (!wr_bit_get(column->rewrite, row))
        return text;
    text.byte_count = wr_json_unescape(split->chunk + token.start, token.byte_count,
                                       split->nested.room.text);
    text.bytes = (const char *)split->nested.room.text;
    return text;
}

static bool is_given(const json_split *split, const json_column *column, uint32_t row)
{
    return column->tokens[row].byte_count != WR_TEXT_TOKEN_NULL && !wr_bit_get(split->bad_rows, row);
}

static void take_value(json_split *split, uint32_t index, uint32_t row, wr_nested_taken taken)
{
    wr_bit_put(split->columns[index].valid, row, taken == WR_NESTED_VALUE);
    if (taken == WR_NESTED_BAD)
        wr_json_mark_bad(split, row, NULL, index);
}

/* False: the room is full. */
static bool read_value(json_split *split, uint32_t index, uint32_t row)
{
    json_column    *column = &split->columns[index];
    wr_str         *value = (wr_str *)column->data + row;
    wr_nested_taken taken = WR_NESTED_NULL;

    *value = (wr_str){0};
    if (is_given(split, column, row))
        taken = wr_nested_take(&split->nested.room, text_of(split, column, row), column->type, value);
    if (taken == WR_NESTED_FULL)
        return false;
    take_value(split, index, row, taken);
    return true;
}

static bool read_row(const wr_read_request *request, json_split *split, uint32_t row)
{
    for (uint32_t c = 0; c < request->column_count; c++)
        if (wr_type_is_nested(split->columns[c].type) && !read_value(split, c, row))
            return false;
    return true;
}

/* The first row, whose values are too long for the room. */
static wr_status read_long_row(const wr_read_request *request, json_split *split, wr_error *err)
{
    split->nested.room.used = 0;
    for (uint32_t c = 0; c < request->column_count; c++) {
        json_column    *column = &split->columns[c];
        wr_nested_taken taken = WR_NESTED_NULL;
        wr_str         *value = column->data, text;
        wr_text         bytes;

        if (!wr_type_is_nested(column->type))
            continue;
        *value = (wr_str){0};
        if (is_given(split, column, 0)) {
            bytes = text_of(split, column, 0);
            text = wr_str_of(bytes.bytes, bytes.byte_count);
            WR_TRY(wr_nested_read_long(&split->nested, &text, column->type,
                                       &split->long_row.blobs[c], value, &taken, err));
        }
        take_value(split, c, 0, taken);
    }
    return WR_OK;
}

static void end_batch(json_split *split, uint32_t row)
{
    if (row == split->row_count)
        return;
    split->line = split->lines[row];
    split->next = split->starts[row];
    split->is_done = false;
    wr_nested_end_batch(row, split->bad_rows, &split->bad_count, &split->row_count);
}

wr_status wr_json_read_nested(const wr_read_request *request, json_split *split, wr_error *err)
{
    bool is_long = false;

    split->nested.room.used = 0;
    for (uint32_t row = 0; row < split->row_count; row++) {
        if (read_row(request, split, row))
            continue;
        is_long = row == 0;
        if (is_long)
            WR_TRY(read_long_row(request, split, err));
        end_batch(split, row + is_long);
    }
    for (uint32_t c = 0; c < request->column_count; c++)
        if (wr_type_is_nested(split->columns[c].type))
            split->vectors[c] = (wr_vector){
                .type = split->columns[c].type, .encoding = WR_FLAT, .row_count = split->row_count,
                .data = split->columns[c].data, .valid = split->columns[c].valid,
                .flags = is_long ? WR_VECTOR_BLOBS : 0};
    return WR_OK;
}

wr_status wr_json_read_long_nested(json_split *split, uint32_t index, bool *out_missing,
                                   wr_error *err)
{
    json_column    *column = &split->columns[index];
    json_long_row  *row = &split->long_row;
    wr_nested_taken taken;
    wr_str          value;

    WR_TRY(wr_nested_read_long(&split->nested, &row->values[index], column->type,
                               &row->blobs[index], &value, &taken, err));
    memcpy(column->data, &value, sizeof value);
    *out_missing = taken == WR_NESTED_NULL;
    if (taken == WR_NESTED_BAD)
        wr_json_mark_bad(split, 0, NULL, index);
    return WR_OK;
}

const char *wr_json_explain_nested(json_split *split, uint32_t index, uint32_t row,
                                   char buffer[WR_NESTED_REASON_BYTES])
{
    const json_column *column = &split->columns[index];

    if (split->long_row.is_set)
        return split->nested.why;
    return wr_nested_explain(&split->nested.room, text_of(split, column, row), column->type, buffer);
}
