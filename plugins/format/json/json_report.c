/* json_report.c — what is said about bad rows: place, reason, raw text.
 *
 * It is the same whether a record was longer than its chunk or not: values are shown by their first bytes, and
 * of several faults the one counts that json_rows.c finds first, then nested columns, then the others. */
#include <stdio.h>

#include "json_priv.h"

enum { REASON_BYTES = 512, SHOWN_BYTES_MAX = 60, SHOWN_ROOM_BYTES = SHOWN_BYTES_MAX + 12 };

/* The record, without the blanks in front of it. */
static wr_text raw_of(const json_split *split, uint32_t row)
{
    const uint8_t *start = split->chunk + split->starts[row], *end = split->chunk + split->ends[row];

    if (split->long_row.is_set)
        return wr_text_cut((wr_text){(const char *)split->long_row.raw, split->long_row.raw_bytes},
                           WR_REJECT_HEAD_BYTES);
    while (start < end && wr_json_is_blank(*start, true))
        start++;
    return wr_reject_raw((wr_text){(const char *)start, (size_t)(end - start)});
}

void wr_json_describe_row(const wr_read_request *request, const wr_split *split, uint32_t row,
                          wr_reject *out_place)
{
    const json_split *json = (const json_split *)split;
    uint32_t          start = json->starts[row];

    (void)request;
    out_place->path = split->path;
    out_place->line = json->lines[row];
    out_place->byte_offset = split->byte_offset + start;
    out_place->raw = raw_of(json, row);
}

/* Its detail is the column. */
static const char IS_NULL[] = "NULL, which the schema does not allow (nullable: false)";

static bool names_column(const json_bad_row *bad)
{
    return !bad->fault || bad->fault == IS_NULL;
}

/* A column that must not be NULL, whether its key is there or not: rows where it is are bad. */
void wr_json_check_required(json_split *split, const wr_field *field, uint32_t index)
{
    for (uint32_t row = 0; !field->nullable && row < split->row_count; row++)
        if (split->columns[index].tokens[row].byte_count == WR_TEXT_TOKEN_NULL &&
            !wr_bit_get(split->bad_rows, row))
            wr_json_mark_bad(split, row, IS_NULL, index);
}

/* The beginning of a string, without its escapes. */
static uint32_t unescape_head(const uint8_t *bytes, uint32_t byte_count, uint8_t *out)
{
    const uint8_t *at = bytes, *end = bytes + byte_count;
    uint32_t       used = 0;

    while (at < end && used <= SHOWN_BYTES_MAX) {
        const uint8_t *behind = *at == '\\' ? wr_json_escape_end(at, end) : at + 1;

        used += wr_json_unescape(at, (uint32_t)(behind - at), out + used);
        at = behind;
    }
    return used;
}

/* A value as it stands, without quotes and escapes; at least as much as is shown. */
static wr_status shown_value(const json_split *split, uint32_t index, uint32_t row, uint8_t *room,
                             wr_text *out_shown, wr_error *err)
{
    const wr_str      *value = &split->long_row.values[index];
    const json_column *column = &split->columns[index];
    wr_text_token      token = column->tokens[row];

    if (!split->long_row.is_set) {
        *out_shown = (wr_text){(const char *)split->chunk + token.start, token.byte_count};
        if (wr_bit_get(column->rewrite, row))
            *out_shown = (wr_text){(const char *)room,
                                   unescape_head(split->chunk + token.start, token.byte_count, room)};
        return WR_OK;
    }
    if (!wr_str_is_blob(value)) {
        *out_shown = wr_str_text(value);
        return WR_OK;
    }
    out_shown->bytes = (const char *)room;
    out_shown->byte_count = value->byte_count < SHOWN_ROOM_BYTES ? value->byte_count : SHOWN_ROOM_BYTES;
    return wr_blob_read(wr_str_blob(value), 0, room, out_shown->byte_count, err);
}

static wr_status format_reason(json_split *split, uint32_t row, char *buffer, wr_text *out_reason,
                               wr_error *err)
{
    const json_bad_row *bad = &split->bad[row];
    const json_column  *column = &split->columns[bad->detail];
    char                type[WR_TYPE_NAME_BYTES], why[WR_NESTED_REASON_BYTES];
    uint8_t             room[SHOWN_ROOM_BYTES];
    wr_text             shown;
    int                 used;

    if (bad->fault) {
        snprintf(buffer, REASON_BYTES, "%s (byte %u of the %s)", bad->fault, bad->detail,
                 split->layout == JSON_LINES ? "line" : "record");
        *out_reason = wr_text_of(bad->detail == 0 || names_column(bad) ? bad->fault : buffer);
        return WR_OK;
    }
    WR_TRY(shown_value(split, bad->detail, row, room, &shown, err));
    shown = wr_text_cut(shown, SHOWN_BYTES_MAX);
    used = snprintf(buffer, REASON_BYTES, "cannot read '%.*s' as %.80s", WR_TEXT_ARG(shown),
                    wr_type_format(column->type, type));
    if (wr_type_is_nested(column->type))
        snprintf(buffer + used, REASON_BYTES - used, ": %s",
                 wr_json_explain_nested(split, bad->detail, row, why));
    *out_reason = wr_text_of(buffer);
    return WR_OK;
}

wr_status wr_json_report_bad_rows(const wr_read_request *request, json_split *split, wr_error *err)
{
    char buffer[REASON_BYTES];

    for (uint32_t row = 0; row < split->row_count; row++) {
        wr_reject reject = {.batch_row = row};

        if (!wr_bit_get(split->bad_rows, row))
            continue;
        wr_json_describe_row(request, &split->base, row, &reject);
        WR_TRY(format_reason(split, row, buffer, &reject.reason, err));
        reject.is_misfit = !split->bad[row].fault;
        if (names_column(&split->bad[row]))
            reject.column = request->schema->fields[request->columns[split->bad[row].detail]].name;
        WR_TRY(request->rejects.report(request->rejects.self, &reject, err));
    }
    return WR_OK;
}
