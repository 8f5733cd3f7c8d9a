/* csv_cursor.c — see csv_priv.h. By the state machine, for any dialect; about 1 ns a byte. */
#include <string.h>

#include "csv_priv.h"

/* From `from` in `state` to the separator that ends the field; false: it is not there. */
static bool find_separator(const csv_cursor *cursor, unsigned state, uint32_t from,
                           uint32_t *out_at, bool *out_is_newline)
{
    const csv_dialect *dialect = cursor->dialect;

    for (uint32_t at = from; at < cursor->end; at++) {
        unsigned class = dialect->classes[cursor->bytes[at]];
        unsigned next = WR_CSV_NEXT[state][class];

        if (next == CSV_AT_RECORD || (next == CSV_AT_FIELD && class == CSV_DELIMITER)) {
            *out_at = at;
            *out_is_newline = next == CSV_AT_RECORD;
            return true;
        }
        state = next;
    }
    *out_at = cursor->end;
    *out_is_newline = true;
    return cursor->at_end;
}

bool wr_csv_cursor_record(csv_cursor *cursor, bool blank_counts)
{
    const csv_dialect *dialect = cursor->dialect;

    while (cursor->at < cursor->end) {
        const uint8_t *line = cursor->bytes + cursor->at;
        uint32_t       left = cursor->end - cursor->at;
        bool           cr = dialect->marks.newline == '\n' && *line == '\r';
        const uint8_t *newline;

        if (*line == dialect->comment) {
            newline = memchr(line, dialect->marks.newline, left);
            if (!newline)
                return false;
            cursor->at = (uint32_t)(newline - cursor->bytes) + 1;
        } else if (!blank_counts && *line == dialect->marks.newline) {
            cursor->at++;
        } else if (!blank_counts && cr && left >= 2 && line[1] == '\n') {
            cursor->at += 2;
        } else {
            return left >= 2 || !cr || cursor->at_end;
        }
    }
    return false;
}

bool wr_csv_cursor_field(csv_cursor *cursor, csv_field *out_field)
{
    uint32_t end, cut;
    bool     is_newline;

    if (!find_separator(cursor, cursor->inside ? CSV_AT_FIELD : CSV_AT_RECORD, cursor->at, &end,
                        &is_newline))
        return false;
    cut = end;
    if (is_newline && cursor->dialect->marks.newline == '\n' && cut > cursor->at &&
        cursor->bytes[cut - 1] == '\r')
        cut--;
    *out_field = wr_csv_field_of(cursor->dialect, cursor->bytes, cursor->at, cut, true);
    cursor->is_last = is_newline;
    cursor->inside = !is_newline;
    cursor->at = end + (end < cursor->end);
    return true;
}

bool wr_csv_cursor_skip_record(csv_cursor *cursor)
{
    csv_cursor start = *cursor;
    csv_field  field;

    do {
        if (!wr_csv_cursor_field(cursor, &field)) {
            *cursor = start;
            return false;
        }
    } while (!cursor->is_last);
    return true;
}
