/* json_nested.c — columns of nested types: each value's text is read as its type.
 *
 * Row by row over all nested columns, so that a full room ends the batch between two rows. A value may also
 * be a string that holds the JSON text. */
#include "json_priv.h"

/* The text of a value; one with escapes is a string, and rewritten. */
static wr_text text_of(json_split *split, const json_column *column, uint32_t row)
{
    wr_text_token token = column->tokens[row];
    wr_text       text = {(const char *)split->chunk + token.start, token.byte_count};

    if (!wr_bit_get(column->rewrite, row))
        return text;
    text.byte_count = wr_json_unescape(split->chunk + token.start, token.byte_count,
                                       split->nested.text);
    text.bytes = (const char *)split->nested.text;
    return text;
}

/* False: the room is full, and was not empty before this row. */
static bool read_value(json_split *split, uint32_t index, uint32_t row)
{
    json_column *column = &split->columns[index];
    wr_str      *value = (wr_str *)column->data + row;
    wr_nested_taken taken = WR_NESTED_NULL;

    *value = (wr_str){0};
    if (column->tokens[row].byte_count != WR_TEXT_TOKEN_NULL && !wr_bit_get(split->bad_rows, row))
        taken = wr_nested_take(&split->nested, text_of(split, column, row), column->type, value);
    wr_bit_put(column->valid, row, taken == WR_NESTED_VALUE);
    if (taken == WR_NESTED_FULL && row > 0)
        return false;
    if (taken == WR_NESTED_BAD || taken == WR_NESTED_FULL)
        wr_json_mark_bad(split, row, NULL, index);
    return true;
}

static bool read_row(const wr_read_request *request, json_split *split, uint32_t row)
{
    for (uint32_t c = 0; c < request->column_count; c++)
        if (wr_type_is_nested(split->columns[c].type) && !read_value(split, c, row))
            return false;
    return true;
}

static void end_batch(json_split *split, uint32_t row)
{
    split->line = split->lines[row];
    split->next = split->starts[row];
    split->is_done = false;
    wr_nested_end_batch(row, split->bad_rows, &split->bad_count, &split->row_count);
}

void wr_json_read_nested(const wr_read_request *request, json_split *split)
{
    split->nested.used = 0;
    for (uint32_t row = 0; row < split->row_count; row++)
        if (!read_row(request, split, row))
            end_batch(split, row);
    for (uint32_t c = 0; c < request->column_count; c++)
        if (wr_type_is_nested(split->columns[c].type))
            split->vectors[c] = (wr_vector){
                .type = split->columns[c].type, .encoding = WR_FLAT, .row_count = split->row_count,
                .data = split->columns[c].data, .valid = split->columns[c].valid};
}

const char *wr_json_explain_nested(json_split *split, uint32_t index, uint32_t row,
                                   char buffer[WR_NESTED_REASON_BYTES])
{
    const json_column *column = &split->columns[index];
    wr_error           err = {0};
    wr_text            text;
    bool               fits;

    if (!split->long_row.is_set)
        text = text_of(split, column, row);
    else if (wr_nested_load_text(&split->nested, &split->long_row.values[index], &text, &fits,
                                 &err) != WR_OK || !fits)
        return split->nested_why;
    return wr_nested_explain(&split->nested, text, column->type, buffer);
}
