/* csv_report.c — what is said about rows: place, reason, raw text.
 *
 * The line of a chunk's first byte is counted in the serial half; lines inside the chunk are counted
 * here, only for rows that are spoken of, and never twice within a batch. */
#include <stdio.h>
#include <string.h>

#include "csv_priv.h"

enum {
    SHOWN_BYTES_MAX = 60,
    SHOWN_ROOM_BYTES = 2 * SHOWN_BYTES_MAX + 2, /* each may be written as two */
    REASON_BYTES = 512,
};

/* Newlines in [from, to) of the chunk. */
static uint64_t count_lines(const csv_split *split, uint32_t from, uint32_t to)
{
    csv_survey survey;

    split->scan->survey(&split->dialect.marks, split->chunk + from, to - from, &survey);
    return survey.newline_count;
}

/* The record as it stands, without its newline. */
static wr_text raw_of(const csv_split *split, uint32_t row)
{
    uint32_t start = wr_csv_row_start(split, row), end = wr_csv_row_end(split, row);

    if (end > start && split->chunk[end - 1] == '\r')
        end--;
    return wr_reject_raw((wr_text){(const char *)split->chunk + start, end - start});
}

static void describe_long_row(const csv_split *split, wr_reject *out_place)
{
    const csv_long_row *row = &split->long_row;

    out_place->path = split->base.path;
    out_place->line = row->bad.fault == CSV_NEVER_CLOSED ? row->fault_line : split->line;
    out_place->byte_offset = split->base.byte_offset;
    out_place->raw = wr_text_cut((wr_text){(const char *)row->raw, row->raw_bytes},
                                 WR_REJECT_HEAD_BYTES);
}

void wr_csv_describe_row(const wr_read_request *request, const wr_split *split, uint32_t row,
                         wr_reject *out_place)
{
    const csv_split *csv = (const csv_split *)split;

    (void)request;
    if (csv->long_row.is_set) {
        describe_long_row(csv, out_place);
        return;
    }
    out_place->path = split->path;
    out_place->line = csv->line + count_lines(csv, 0, wr_csv_row_start(csv, row));
    out_place->byte_offset = split->byte_offset + wr_csv_row_start(csv, row);
    out_place->raw = raw_of(csv, row);
}

/* The field's text for a message, which is the same for a record that was longer than its chunk: without
 * quotes and escapes, short, cut between characters. */
static wr_status shown_field(const csv_split *split, uint32_t row, const csv_column *column,
                             uint32_t column_index, uint8_t *room, wr_text *out_shown, wr_error *err)
{
    const wr_str *value = &split->long_row.values[column_index];
    csv_field     field;
    wr_text       text;

    if (split->long_row.is_set && wr_str_is_blob(value)) {
        text.byte_count = value->byte_count < SHOWN_ROOM_BYTES ? value->byte_count : SHOWN_ROOM_BYTES;
        text.bytes = (const char *)room;
        WR_TRY(wr_blob_read(wr_str_blob(value), 0, room, text.byte_count, err));
    } else if (split->long_row.is_set) {
        text = wr_str_text(value);
    } else {
        const uint32_t *at = split->index.separators + split->firsts[row] + column->field;

        field = wr_csv_field_of(&split->dialect, split->chunk, at[0] + 1, at[1], true);
        text = (wr_text){(const char *)split->chunk + field.start, field.end - field.start};
        if (field.escaped && !field.broken) {
            text.byte_count = text.byte_count < SHOWN_ROOM_BYTES ? text.byte_count : SHOWN_ROOM_BYTES;
            memcpy(room, text.bytes, text.byte_count);
            field = (csv_field){.end = (uint32_t)text.byte_count, .quoted = field.quoted};
            text = (wr_text){(const char *)room, wr_csv_unescape(&split->dialect, room, &field)};
        }
    }
    *out_shown = wr_text_cut(wr_text_trim(text), SHOWN_BYTES_MAX);
    return WR_OK;
}

static wr_status format_misfit(csv_split *split, uint32_t row, char *buffer, wr_error *err)
{
    const csv_bad_row *bad = &split->bad[row];
    const csv_column  *column = &split->columns[bad->detail];
    char               type[WR_TYPE_NAME_BYTES], why[WR_NESTED_REASON_BYTES];
    uint8_t            room[SHOWN_ROOM_BYTES];
    wr_text            shown;
    int                used;

    WR_TRY(shown_field(split, row, column, bad->detail, room, &shown, err));
    used = snprintf(buffer, REASON_BYTES, "cannot read '%.*s' as %.80s%s", WR_TEXT_ARG(shown),
                    wr_type_format(column->type, type),
                    bad->fault == CSV_LEADING_ZERO ? " without losing its zeros" : "");
    if (wr_type_is_nested(column->type))
        snprintf(buffer + used, REASON_BYTES - used, ": %s",
                 wr_csv_explain_nested(split, bad->detail, row, why));
    return WR_OK;
}

/* Of what is wrong with the record as a whole, or with the way a field is written. */
static wr_text format_fault(const csv_split *split, const csv_bad_row *bad, char *buffer)
{
    switch ((csv_fault)bad->fault) {
    case CSV_FINE:
    case CSV_LEADING_ZERO:
    case CSV_WRONG_TYPE:
        break;
    case CSV_FIELD_COUNT:
        snprintf(buffer, REASON_BYTES, "expected %u field%s, found %u", split->field_count,
                 split->field_count == 1 ? "" : "s", bad->detail);
        return wr_text_of(buffer);
    case CSV_NOT_UTF8:
        return WR_TEXT("invalid UTF-8 (is it another encoding, such as latin1?)");
    case CSV_BROKEN_QUOTES:
        return WR_TEXT("text behind the closing quote");
    case CSV_FIELD_TOO_LONG:
        snprintf(buffer, REASON_BYTES, "a field is longer than max_field (%llu bytes)",
                 (unsigned long long)split->dialect.options->max_field);
        return wr_text_of(buffer);
    case CSV_IS_NULL:
        return WR_TEXT("NULL, which the schema does not allow (nullable: false)");
    case CSV_NEVER_CLOSED:
        return WR_TEXT("the quote that opens here is never closed");
    case CSV_BLANKS_TOO_LONG:
        return WR_TEXT("more blanks at the end of a long field than can be taken off");
    }
    return WR_TEXT("");
}

static bool names_column(csv_fault fault)
{
    return fault == CSV_WRONG_TYPE || fault == CSV_LEADING_ZERO || fault == CSV_IS_NULL ||
           fault == CSV_BROKEN_QUOTES || fault == CSV_FIELD_TOO_LONG ||
           fault == CSV_BLANKS_TOO_LONG;
}

static wr_status report_row(const wr_read_request *request, csv_split *split, uint32_t row,
                            wr_error *err)
{
    char               buffer[REASON_BYTES];
    const csv_bad_row *bad = &split->bad[row];
    wr_reject          reject = {.batch_row = row};

    if (split->long_row.is_set) {
        describe_long_row(split, &reject);
    } else {
        uint32_t start = wr_csv_row_start(split, row);

        split->counted_line += count_lines(split, split->counted_to, start);
        split->counted_to = start;
        reject.path = split->base.path;
        reject.line = split->counted_line;
        reject.byte_offset = split->base.byte_offset + start;
        reject.raw = raw_of(split, row);
    }
    reject.is_misfit = bad->fault == CSV_WRONG_TYPE || bad->fault == CSV_LEADING_ZERO;
    if (reject.is_misfit)
        WR_TRY(format_misfit(split, row, buffer, err));
    reject.reason = reject.is_misfit ? wr_text_of(buffer) : format_fault(split, bad, buffer);
    reject.column = names_column((csv_fault)bad->fault) && bad->detail < request->column_count
                        ? request->schema->fields[request->columns[bad->detail]].name
                        : WR_TEXT("");
    return request->rejects.report(request->rejects.self, &reject, err);
}

wr_status wr_csv_report_bad_rows(const wr_read_request *request, csv_split *split, wr_error *err)
{
    for (uint32_t row = 0; row < split->row_count; row++) {
        if (wr_bit_get(split->bad_rows, row))
            WR_TRY(report_row(request, split, row, err));
    }
    return WR_OK;
}
