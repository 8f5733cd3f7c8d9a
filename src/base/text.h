/* base/text.h — byte strings that are not NUL-terminated, bounded formatting, did-you-mean.
 *
 * A wr_text borrows its bytes and never owns them. Nothing here allocates. */
#ifndef WR_BASE_TEXT_H
#define WR_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

typedef struct wr_text {
    const char *bytes; /* may be NULL when byte_count is 0 */
    size_t      byte_count;
} wr_text;

#define WR_TEXT(literal) ((wr_text){(literal), sizeof(literal) - 1})

/* For printf: printf("%.*s", WR_TEXT_ARG(t)). */
#define WR_TEXT_ARG(t) (int)(t).byte_count, (t).bytes

static inline wr_text wr_text_of(const char *nul_terminated)
{
    return (wr_text){nul_terminated, nul_terminated ? strlen(nul_terminated) : 0};
}

static inline bool wr_text_equal(wr_text a, wr_text b)
{
    return a.byte_count == b.byte_count &&
           (a.byte_count == 0 || memcmp(a.bytes, b.bytes, a.byte_count) == 0);
}

/** At most `byte_max` bytes of it, not ending inside a character of UTF-8. */
static inline wr_text wr_text_cut(wr_text text, size_t byte_max)
{
    if (text.byte_count <= byte_max)
        return text;
    text.byte_count = byte_max;
    while (text.byte_count > 0 && (text.bytes[text.byte_count] & 0xc0) == 0x80)
        text.byte_count--;
    return text;
}

/** Equality with ASCII letters folded. */
bool wr_text_equal_nocase(wr_text a, wr_text b);

/** memcmp order, shorter first on a common prefix. */
int wr_text_compare(wr_text a, wr_text b);

bool wr_text_starts_with(wr_text text, wr_text prefix);
bool wr_text_ends_with(wr_text text, wr_text suffix);

/** Without leading and trailing ASCII white space. */
wr_text wr_text_trim(wr_text text);

/** Index of the first `byte` at or after `from`, or SIZE_MAX. */
size_t wr_text_find_byte(wr_text text, char byte, size_t from);

/** Parse "32MB", "64MiB", "1.5GB", "4096" (bytes). MB = 10^6, MiB = 2^20.
 *
 * Errors   WR_USAGE  not a size: the message names the accepted units */
wr_status wr_text_parse_bytes(wr_text text, uint64_t *out_bytes, wr_error *err) WR_MUST_USE;

/** Write "31.9 MB" style text into `buffer` (at least 32 bytes); returns `buffer`. */
const char *wr_text_format_bytes(uint64_t byte_count, char *buffer, size_t buffer_bytes);

/** Damerau-Levenshtein distance (optimal string alignment), ASCII letters folded, stops above
 *  `limit` and returns limit + 1. Texts over 64 bytes are compared by their first 64 bytes.
 *  Source: Damerau 1964; the restricted form. Cost O(n*m), n, m <= 64. */
uint32_t wr_text_distance(wr_text a, wr_text b, uint32_t limit);

/** Offers candidates one by one and keeps the nearest one within distance max(1, n/3). */
typedef struct wr_suggest {
    wr_text  wanted;
    wr_text  best; /* byte_count 0: nothing near */
    uint32_t best_distance;
} wr_suggest;

void wr_suggest_init(wr_suggest *suggest, wr_text wanted);
void wr_suggest_offer(wr_suggest *suggest, wr_text candidate);

/** Append " (did you mean 'x'?)" to `err` if something near was offered. */
void wr_suggest_append(const wr_suggest *suggest, wr_error *err);

#endif
