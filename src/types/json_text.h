/* types/json_text.h — what JSON is made of: escapes in strings, and plain values as JSON.
 *
 * Used by the JSON Lines reader and writer and by the text form of nested values. RFC 8259.
 * Threads: safe, no state. Cost: 0.3 to 1 ns a byte of text. */
#ifndef WR_TYPES_JSON_TEXT_H
#define WR_TYPES_JSON_TEXT_H

#include "types/parse.h"

enum {
    WR_JSON_ESCAPE_BYTES_MAX = 6,                       /* \u0001 */
    WR_JSON_FIXED_BYTES_MAX = WR_FORMAT_BYTES_MAX + 4,
};

/* --- writing ------------------------------------------------------------------------------------ */

/** A value that is not of physical STR: numbers, decimals and booleans bare, floats in a form that
 *  reads back as one, NaN and infinities as null or, with `quotes_non_finite`, as text, everything else
 *  as text in quotes. Writes at most WR_JSON_FIXED_BYTES_MAX bytes and returns how many. */
size_t wr_json_format_fixed(wr_type type, const void *cell, bool quotes_non_finite, char *out);

/** Is there a number for it in JSON? WR_DATA says that there is none for NaN and infinities. */
wr_status wr_json_check_finite(wr_type type, const void *cell, wr_error *err) WR_MUST_USE;

/** The body of a string: the quote, the backslash and control characters are escaped. Takes as much of
 *  `text` as fits into `room` bytes (an escape is not cut) and returns how much that was. */
size_t wr_json_escape(wr_text text, char *out, size_t room, size_t *out_written);

/** Bytes as hexadecimal digits, as many as fit. */
size_t wr_json_put_hex(wr_text bytes, char *out, size_t room, size_t *out_written);

/* --- reading ------------------------------------------------------------------------------------ */

/** Behind the escape that begins at `at` (a backslash), or NULL: it is none. Reads below `end`. */
const uint8_t *wr_json_escape_end(const uint8_t *at, const uint8_t *end);

/** Behind the number that begins at `at`, by the grammar of RFC 8259, section 6; NULL: it is none. */
const uint8_t *wr_json_number_end(const uint8_t *at, const uint8_t *end);

/** Rewrite text with escapes (checked before) in `to`, which may be `bytes`; returns its length. */
uint32_t wr_json_unescape(const uint8_t *bytes, uint32_t byte_count, uint8_t *to);

#endif
