/* csv_nested.c — columns of nested types: a cell is JSON text, read as its type.
 *
 * Row by row over all nested columns, so that a full room ends the batch between two rows. Values of any
 * length are read: what is too long for the room goes to scratch space, in a batch of one row. Doubled
 * quotes are taken out in a copy: the chunk stays as it was read until rejects are told. */
#include <string.h>

#include "csv_priv.h"

static wr_text text_of(csv_split *split, const csv_field *field)
{
    csv_field copy = {.end = field->end - field->start, .quoted = field->quoted};

    if (!field->escaped)
        return (wr_text){(const char *)split->chunk + field->start, copy.end};
    memcpy(split->nested.room.text, split->chunk + field->start, copy.end);
    return (wr_text){(const char *)split->nested.room.text,
                     wr_csv_unescape(&split->dialect, split->nested.room.text, &copy)};
}

/* The text of a row's value; false: it has none. */
static bool find_text(csv_split *split, uint32_t index, uint32_t row, wr_text *out_text)
{
    csv_column   *column = &split->columns[index];
    wr_text_token token = wr_csv_tokens_of(split, column)[row];
    csv_field     field = {.start = token.start, .end = token.start + token.byte_count};

    if (token.byte_count == WR_TEXT_TOKEN_NULL || wr_bit_get(split->bad_rows, row))
        return false;
    field.escaped = column->any_rewrite && wr_bit_get(column->rewrite, row);
    field.quoted = field.escaped && token.start > wr_csv_row_start(split, row) &&
                   split->chunk[token.start - 1] == split->dialect.marks.quote;
    *out_text = text_of(split, &field);
    return true;
}

static void take_value(csv_split *split, uint32_t index, uint32_t row, wr_nested_taken taken,
                       wr_str value)
{
    csv_column *column = &split->columns[index];

    ((wr_str *)column->data)[row] = value;
    wr_bit_put(column->valid, row, taken == WR_NESTED_VALUE);
    if (taken == WR_NESTED_BAD)
        wr_csv_mark_bad(split, row, CSV_WRONG_TYPE, index);
}

/* False: the room is full. */
static bool read_value(csv_split *split, uint32_t index, uint32_t row)
{
    wr_nested_taken taken = WR_NESTED_NULL;
    wr_str          value = {0};
    wr_text         text;

    if (find_text(split, index, row, &text))
        taken = wr_nested_take(&split->nested.room, text, split->columns[index].type, &value);
    if (taken == WR_NESTED_FULL)
        return false;
    take_value(split, index, row, taken, value);
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

/* The first row, whose values are too long for the room. */
static wr_status read_long_values(const wr_read_request *request, csv_split *split, wr_error *err)
{
    split->nested.room.used = 0;
    for (uint32_t c = 0; c < request->column_count; c++) {
        wr_nested_taken taken = WR_NESTED_NULL;
        wr_str          value = {0}, str;
        wr_text         text;

        if (!is_read(&split->columns[c]))
            continue;
        if (find_text(split, c, 0, &text)) {
            str = wr_str_of(text.bytes, text.byte_count);
            WR_TRY(wr_nested_read_long(&split->nested, &str, split->columns[c].type,
                                       &split->long_row.blobs[c], &value, &taken, err));
        }
        take_value(split, c, 0, taken, value);
    }
    return WR_OK;
}

static void end_batch(csv_split *split, uint32_t row)
{
    if (row == split->row_count)
        return;
    split->next = wr_csv_row_start(split, row);
    wr_nested_end_batch(row, split->bad_rows, &split->bad_count, &split->row_count);
}

wr_status wr_csv_read_nested(const wr_read_request *request, csv_split *split, bool *out_long,
                             wr_error *err)
{
    *out_long = false;
    split->nested.room.used = 0;
    for (uint32_t row = 0; row < split->row_count; row++) {
        if (read_row(request, split, row))
            continue;
        *out_long = row == 0;
        if (*out_long)
            WR_TRY(read_long_values(request, split, err));
        end_batch(split, row + *out_long);
    }
    return WR_OK;
}

/* A short text may be none; a long one is a value. */
static bool is_missing(const csv_split *split, const wr_str *value, bool quoted)
{
    wr_text text;

    if (wr_str_is_blob(value))
        return false;
    text = wr_str_text(value);
    return wr_text_trim(text).byte_count == 0 || (!quoted && wr_csv_is_null(&split->dialect, text));
}

wr_status wr_csv_read_long_nested(csv_split *split, uint32_t index, bool *out_missing, wr_error *err)
{
    csv_column     *column = &split->columns[index];
    csv_long_row   *row = &split->long_row;
    wr_nested_taken taken;
    wr_str          value;

    *out_missing = is_missing(split, &row->values[index], row->quoted[index]);
    if (*out_missing)
        return WR_OK;
    WR_TRY(wr_nested_read_long(&split->nested, &row->values[index], column->type,
                               &row->blobs[index], &value, &taken, err));
    memcpy(column->data, &value, sizeof value);
    *out_missing = taken == WR_NESTED_NULL;
    if (taken == WR_NESTED_BAD)
        wr_csv_mark_bad(split, 0, CSV_WRONG_TYPE, index);
    return WR_OK;
}

const char *wr_csv_explain_nested(csv_split *split, uint32_t index, uint32_t row,
                                  char buffer[WR_NESTED_REASON_BYTES])
{
    const csv_column *column = &split->columns[index];
    const uint32_t   *at = split->index.separators + split->firsts[row] + column->field;
    csv_field         field;
    wr_text           text;

    if (split->long_row.is_set)
        return split->nested.why;
    field = wr_csv_field_of(&split->dialect, split->chunk, at[0] + 1, at[1], true);
    text = wr_text_trim(text_of(split, &field));
    return wr_nested_explain(&split->nested.room, text, column->type, buffer);
}
