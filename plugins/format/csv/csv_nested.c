/* csv_nested.c — columns of nested types: a cell is JSON text, read as its type.
 *
 * Row by row over all nested columns, so that a full room ends the batch between two rows. Doubled quotes
 * are taken out in a copy: the chunk stays as it was read until rejects are told. */
#include <string.h>

#include "csv_priv.h"

static wr_text text_of(csv_split *split, const csv_field *field)
{
    csv_field copy = {.end = field->end - field->start, .quoted = field->quoted};

    if (!field->escaped)
        return (wr_text){(const char *)split->chunk + field->start, copy.end};
    memcpy(split->nested.text, split->chunk + field->start, copy.end);
    return (wr_text){(const char *)split->nested.text,
                     wr_csv_unescape(&split->dialect, split->nested.text, &copy)};
}

/* False: the room is full, and was not empty before this row. */
static bool read_value(csv_split *split, uint32_t index, uint32_t row)
{
    csv_column     *column = &split->columns[index];
    wr_text_token   token = wr_csv_tokens_of(split, column)[row];
    wr_nested_taken taken = WR_NESTED_NULL;
    wr_str          value = {0};
    csv_field       field = {.start = token.start, .end = token.start + token.byte_count};

    if (token.byte_count != WR_TEXT_TOKEN_NULL && !wr_bit_get(split->bad_rows, row)) {
        field.escaped = column->any_rewrite && wr_bit_get(column->rewrite, row);
        field.quoted = field.escaped && token.start > wr_csv_row_start(split, row) &&
                       split->chunk[token.start - 1] == split->dialect.marks.quote;
        taken = wr_nested_take(&split->nested, text_of(split, &field), column->type, &value);
    }
    if (taken == WR_NESTED_FULL && row > 0)
        return false;
    ((wr_str *)column->data)[row] = value;
    wr_bit_put(column->valid, row, taken == WR_NESTED_VALUE);
    if (taken == WR_NESTED_BAD || taken == WR_NESTED_FULL)
        wr_csv_mark_bad(split, row, CSV_WRONG_TYPE, index);
    return true;
}

static bool is_read(const csv_column *column)
{
    return wr_type_is_nested(column->type) && column->field != WR_FIELD_NONE;
}

static bool read_row(const wr_read_request *request, csv_split *split, uint32_t row)
{
    for (uint32_t c = 0; c < request->column_count; c++)
        if (is_read(&split->columns[c]) && !read_value(split, c, row))
            return false;
    return true;
}

static void end_batch(csv_split *split, uint32_t row)
{
    split->next = wr_csv_row_start(split, row);
    wr_nested_end_batch(row, split->bad_rows, &split->bad_count, &split->row_count);
}

void wr_csv_read_nested(const wr_read_request *request, csv_split *split)
{
    split->nested.used = 0;
    for (uint32_t row = 0; row < split->row_count; row++)
        if (!read_row(request, split, row))
            end_batch(split, row);
}

static wr_status put_long(void *self, const void *bytes, size_t byte_count, wr_error *err)
{
    return wr_long_writer_add(self, bytes, byte_count, err);
}

/* A list whose text is longer than the chunk goes back to scratch space, packed. */
static wr_status read_from_blob(csv_split *split, uint32_t index, wr_nested_taken *out_taken,
                                wr_error *err)
{
    wr_long_writer *writer = &split->nested_writer;
    csv_column     *column = &split->columns[index];
    wr_blob        *blob = &split->long_row.blobs[index];
    wr_str          value;
    bool            good;

    *out_taken = WR_NESTED_BAD;
    wr_long_writer_begin(writer);
    WR_TRY(wr_nested_read_blob(&split->nested, blob, column->type, put_long, writer, &good, err));
    if (!good || writer->byte_count <= WR_STR_INLINE_BYTES) {
        wr_nested_fault_format(&split->nested.reader->fault, split->nested_why);
        return WR_OK;
    }
    WR_TRY(wr_long_writer_end(writer, blob, err));
    value = wr_str_of_blob(blob, writer->prefix);
    memcpy(column->data, &value, sizeof value);
    *out_taken = WR_NESTED_VALUE;
    return WR_OK;
}

wr_status wr_csv_read_long_nested(csv_split *split, uint32_t index, bool *out_missing, wr_error *err)
{
    csv_column     *column = &split->columns[index];
    bool            quoted = split->long_row.quoted[index], fits;
    wr_nested_taken taken;
    wr_text         text;

    WR_TRY(wr_nested_load_text(&split->nested, &split->long_row.values[index], &text, &fits, err));
    *out_missing = fits && (wr_text_trim(text).byte_count == 0 ||
                            (!quoted && wr_csv_is_null(&split->dialect, text)));
    if (*out_missing)
        return WR_OK;
    if (fits)
        taken = wr_nested_take(&split->nested, text, column->type, column->data);
    else
        WR_TRY(read_from_blob(split, index, &taken, err));
    *out_missing = taken == WR_NESTED_NULL;
    if (taken == WR_NESTED_BAD || taken == WR_NESTED_FULL)
        wr_csv_mark_bad(split, 0, CSV_WRONG_TYPE, index);
    return WR_OK;
}

const char *wr_csv_explain_nested(csv_split *split, uint32_t index, uint32_t row,
                                  char buffer[WR_NESTED_REASON_BYTES])
{
    const csv_column *column = &split->columns[index];
    const uint32_t   *at;
    csv_field         field;
    wr_error          err = {0};
    wr_text           text;
    bool              fits;

    if (split->long_row.is_set) {
        if (wr_nested_load_text(&split->nested, &split->long_row.values[index], &text, &fits,
                                &err) != WR_OK || !fits)
            return split->nested_why;
    } else {
        at = split->index.separators + split->firsts[row] + column->field;
        field = wr_csv_field_of(&split->dialect, split->chunk, at[0] + 1, at[1], true);
        text = wr_text_trim(text_of(split, &field));
    }
    return wr_nested_explain(&split->nested, text, column->type, buffer);
}
