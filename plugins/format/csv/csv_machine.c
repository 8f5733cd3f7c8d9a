/* csv_machine.c — the exact definition of how CSV text is cut, and a plain walk by it.
 *
 * Used where the fast ways do not apply: quotes in the middle of fields, escapes, comments beside
 * quotes, blanks around quotes. Cost about 1 ns a byte, less in long stretches of plain bytes. */
#include <string.h>

#include "csv_priv.h"

/* clang-format off */
const uint8_t WR_CSV_NEXT[CSV_STATE_COUNT][CSV_CLASS_COUNT] = {
    /*                         OTHER          DELIMITER     NEWLINE        QUOTE             ESCAPE              BLANK             COMMENT */
    [CSV_AT_RECORD]      = {CSV_IN_PLAIN,  CSV_AT_FIELD,  CSV_AT_RECORD, CSV_IN_QUOTED,    CSV_ESCAPED_PLAIN,  CSV_AT_FIELD,     CSV_IN_COMMENT},
    [CSV_AT_FIELD]       = {CSV_IN_PLAIN,  CSV_AT_FIELD,  CSV_AT_RECORD, CSV_IN_QUOTED,    CSV_ESCAPED_PLAIN,  CSV_AT_FIELD,     CSV_IN_PLAIN},
    [CSV_IN_PLAIN]       = {CSV_IN_PLAIN,  CSV_AT_FIELD,  CSV_AT_RECORD, CSV_IN_PLAIN,     CSV_ESCAPED_PLAIN,  CSV_IN_PLAIN,     CSV_IN_PLAIN},
    [CSV_IN_QUOTED]      = {CSV_IN_QUOTED, CSV_IN_QUOTED, CSV_IN_QUOTED, CSV_BEHIND_QUOTE, CSV_ESCAPED_QUOTED, CSV_IN_QUOTED,    CSV_IN_QUOTED},
    [CSV_BEHIND_QUOTE]   = {CSV_IN_PLAIN,  CSV_AT_FIELD,  CSV_AT_RECORD, CSV_IN_QUOTED,    CSV_ESCAPED_PLAIN,  CSV_BEHIND_BLANK, CSV_IN_PLAIN},
    [CSV_BEHIND_BLANK]   = {CSV_IN_PLAIN,  CSV_AT_FIELD,  CSV_AT_RECORD, CSV_IN_PLAIN,     CSV_ESCAPED_PLAIN,  CSV_BEHIND_BLANK, CSV_IN_PLAIN},
    [CSV_IN_COMMENT]     = {CSV_IN_COMMENT, CSV_IN_COMMENT, CSV_AT_RECORD, CSV_IN_COMMENT, CSV_IN_COMMENT,     CSV_IN_COMMENT,   CSV_IN_COMMENT},
    [CSV_ESCAPED_PLAIN]  = {CSV_IN_PLAIN,  CSV_IN_PLAIN,  CSV_IN_PLAIN,  CSV_IN_PLAIN,     CSV_IN_PLAIN,       CSV_IN_PLAIN,     CSV_IN_PLAIN},
    [CSV_ESCAPED_QUOTED] = {CSV_IN_QUOTED, CSV_IN_QUOTED, CSV_IN_QUOTED, CSV_IN_QUOTED,    CSV_IN_QUOTED,      CSV_IN_QUOTED,    CSV_IN_QUOTED},
};
/* clang-format on */

void wr_csv_machine_index(const csv_dialect *dialect, const uint8_t *bytes, uint32_t from,
                          uint32_t end, csv_index *index)
{
    uint32_t *separators = index->separators;
    uint32_t  separator_count = 1, row_count = 0;
    unsigned  state = CSV_AT_RECORD;

    separators[0] = from - 1;
    for (uint32_t at = from; at < end; at++) {
        unsigned class = dialect->classes[bytes[at]];
        unsigned next = WR_CSV_NEXT[state][class];

        if (next == CSV_AT_FIELD && class == CSV_DELIMITER) {
            separators[separator_count++] = at;
            if (separator_count >= index->separator_max)
                break;
        } else if (next == CSV_AT_RECORD) {
            index->row_ends[row_count++] = separator_count;
            separators[separator_count++] = at;
            if (separator_count >= index->separator_max || row_count >= index->row_max)
                break;
        }
        state = next;
    }
    index->separator_count = separator_count;
    index->row_count = row_count;
}

uint32_t wr_csv_machine_boundary(const csv_dialect *dialect, const uint8_t *bytes, uint32_t end,
                                 csv_state *out_state)
{
    uint32_t boundary = 0;
    unsigned state = CSV_AT_RECORD;

    for (uint32_t at = 0; at < end; at++) {
        state = WR_CSV_NEXT[state][dialect->classes[bytes[at]]];
        if (state == CSV_AT_RECORD)
            boundary = at + 1;
    }
    *out_state = (csv_state)state;
    return boundary;
}
