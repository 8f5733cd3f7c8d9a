/* kernel/text_column.h — tokens of text to a typed column, one type-specialised loop per column.
 *
 * A token is a run of bytes in a buffer. Readers of text formats find the tokens of a column, then
 * convert the whole column here. A token that does not read as the type sets a bit in `bad`; the
 * caller knows the file and line and makes the message.
 * No allocation, no errors. Cost per value: that of types/parse.h plus about 1 ns. */
#ifndef WR_KERNEL_TEXT_COLUMN_H
#define WR_KERNEL_TEXT_COLUMN_H

#include "base/option.h"
#include "types/str.h"
#include "types/type.h"

typedef struct wr_text_token {
    uint32_t start;      /* from the base of the buffer */
    uint32_t byte_count; /* WR_TEXT_TOKEN_NULL: no value */
} wr_text_token;

#define WR_TEXT_TOKEN_NULL UINT32_MAX

/** How numbers, dates and booleans are spelled. Zeroed: the usual way. */
typedef struct wr_text_rules {
    char                decimal;          /* 0: '.'                                         */
    char                thousands;        /* 0: none; else only between groups of three     */
    wr_text             date_format;      /* empty: ISO 8601                                */
    wr_text             timestamp_format; /* empty: ISO 8601                                */
    const wr_text_list *true_words;       /* NULL or none: those of wr_parse_bool           */
    const wr_text_list *false_words;
} wr_text_rules;

/** Read one value of a fixed-size type (not Utf8, Binary); `out` gets its physical layout. */
bool wr_text_value_parse(const wr_text_rules *rules, wr_type type, wr_text text, void *out);

/** Read a column of a fixed-size type.
 *
 * Shape    `data` has row_count values; `valid` and `bad` whole words for row_count bits, written
 *          completely: a bit of `valid` is 0 where the token is none or bad.
 * Returns  how many are bad; *out_null_count counts those plus the missing ones. */
uint32_t wr_text_column_parse(const wr_text_rules *rules, wr_type type, const uint8_t *base,
                              const wr_text_token *tokens, uint32_t row_count, void *data,
                              uint64_t *valid, uint64_t *bad, uint32_t *out_null_count);

/** String views of tokens; they point into the buffer, which must be readable for 16 bytes behind
 *  every token. Returns the number of missing ones. */
uint32_t wr_text_column_view(const uint8_t *base, const wr_text_token *tokens, uint32_t row_count,
                             wr_str *data, uint64_t *valid);

#endif
