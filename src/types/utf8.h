/* types/utf8.h — code points in UTF-8 text: counting, finding, decoding, simple case mapping.
 *
 * Texts of the engine are valid UTF-8 (kernel/text_utf8.h checks them where they come in). Bytes
 * that are not are never an error here: a stray byte counts as in "every byte but continuation
 * bytes begins a character", decodes to U+FFFD and is copied as it is by the mappings.
 * Case mapping is Unicode's simple one (one code point to one code point, no locale): ß stays ß.
 * Built without utf8proc, only ASCII letters change.
 * Threads: safe. Cost: ASCII about 0.2 ns a byte, mappings of other text some ns a code point. */
#ifndef WR_TYPES_UTF8_H
#define WR_TYPES_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WR_UTF8_BYTES_MAX = 4, WR_UTF8_REPLACEMENT = 0xfffd };

/** Number of code points. */
size_t wr_utf8_count(const char *bytes, size_t byte_count);

/** Byte offset of code point `index` (from 0), or byte_count when there are at most `index`. */
size_t wr_utf8_offset(const char *bytes, size_t byte_count, size_t index);

/** Decode the code point at `at` < `end`; returns its bytes (1 to 4), 1 and U+FFFD if invalid. */
size_t wr_utf8_decode(const char *at, const char *end, uint32_t *out_code_point);

/** Encode `code_point` (below 0x110000, no surrogate) into 1 to 4 bytes; returns their number. */
size_t wr_utf8_encode(uint32_t code_point, char *out);

/** Upper or lower case of a text.
 *
 * Shape    `out` has room for wr_utf8_case_bytes_max(byte_count) bytes; it does not overlap
 *          `bytes`. Returns the number of bytes written */
size_t wr_utf8_upper(const char *bytes, size_t byte_count, char *out);
size_t wr_utf8_lower(const char *bytes, size_t byte_count, char *out);

/** No simple mapping turns n bytes into more than 3n/2: only 2-byte letters grow, to 3. */
static inline size_t wr_utf8_case_bytes_max(size_t byte_count)
{
    return byte_count + byte_count / 2;
}

/** Case of one code point. */
uint32_t wr_code_point_upper(uint32_t code_point);
uint32_t wr_code_point_lower(uint32_t code_point);

/** Letter or decimal digit? (Words of initcap.) */
bool wr_code_point_is_word(uint32_t code_point);

#endif
