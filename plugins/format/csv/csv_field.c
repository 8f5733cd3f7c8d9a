/* csv_field.c — from the bytes between two separators to a value's text. */
#include <string.h>

#include "csv_priv.h"

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

bool wr_csv_is_null(const csv_dialect *dialect, wr_text text)
{
    const wr_text_list *nulls = &dialect->options->nulls;
    size_t              length = text.byte_count < 63 ? text.byte_count : 63;

    if (!(dialect->null_lengths >> length & 1))
        return false;
    for (uint32_t i = 0; i < nulls->count; i++) {
        if (wr_text_equal(nulls->items[i], text))
            return true;
    }
    return false;
}

/* Does an escape make `byte` ordinary? */
static bool is_escapable(const csv_dialect *dialect, uint8_t byte)
{
    unsigned class = dialect->classes[byte];

    return class == CSV_DELIMITER || class == CSV_NEWLINE || class == CSV_QUOTE ||
           class == CSV_ESCAPE;
}

/* Walk the text between quotes: [start, end) begins behind the opening one. */
static csv_field examine_quoted(const csv_dialect *dialect, const uint8_t *bytes, uint32_t start,
                                uint32_t end)
{
    uint8_t   quote = (uint8_t)dialect->marks.quote;
    int       escape = dialect->marks.escape;
    csv_field field = {.start = start, .end = end, .quoted = true};

    for (uint32_t at = start; at < end; at++) {
        if (escape >= 0 && escape != quote && bytes[at] == escape) {
            field.escaped = true;
            at++;
        } else if (bytes[at] == quote) {
            if (at + 1 < end && bytes[at + 1] == quote) {
                field.escaped = true;
                at++;
                continue;
            }
            field.end = at;
            field.broken = at + 1 != end;
            return field;
        }
    }
    field.broken = true; /* it never closes */
    return field;
}

csv_field wr_csv_field_of(const csv_dialect *dialect, const uint8_t *bytes, uint32_t start,
                          uint32_t end, bool blanks)
{
    csv_field field = {.start = start, .end = end};

    if (blanks || dialect->trim) {
        while (start < end && is_blank(bytes[start]) && bytes[start] != dialect->marks.delimiter)
            start++;
        while (end > start && is_blank(bytes[end - 1]))
            end--;
    }
    /* Blanks before a quote make it an ordinary byte unless they are to be trimmed. */
    if (start < end && bytes[start] == dialect->marks.quote &&
        (start == field.start || dialect->trim)) {
        const uint8_t *quote;

        if (dialect->marks.escape != dialect->marks.quote && dialect->marks.escape >= 0)
            return examine_quoted(dialect, bytes, start + 1, end);
        quote = memchr(bytes + start + 1, dialect->marks.quote, end - start - 1);
        if (quote && quote == bytes + end - 1)
            return (csv_field){.start = start + 1, .end = end - 1, .quoted = true};
        return examine_quoted(dialect, bytes, start + 1, end);
    }
    field.start = start;
    field.end = end;
    if (dialect->marks.escape >= 0 && dialect->marks.escape != dialect->marks.quote)
        field.escaped = memchr(bytes + start, dialect->marks.escape, end - start) != NULL;
    return field;
}

uint32_t wr_csv_unescape(const csv_dialect *dialect, uint8_t *bytes, const csv_field *field)
{
    uint8_t  quote = (uint8_t)dialect->marks.quote;
    int      escape = dialect->marks.escape;
    uint32_t to = field->start;

    for (uint32_t at = field->start; at < field->end; at++) {
        if (escape >= 0 && escape != dialect->marks.quote && bytes[at] == escape) {
            if (at + 1 < field->end && is_escapable(dialect, bytes[at + 1]))
                at++;
        } else if (field->quoted && bytes[at] == quote) {
            at++; /* the first of two */
        }
        bytes[to++] = bytes[at];
    }
    memset(bytes + to, ' ', field->end - to);
    return to - field->start;
}
