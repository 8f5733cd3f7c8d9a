/* kernel/text_utf8.h — is this text valid UTF-8? (RFC 3629: no surrogates, no overlong forms.) */
#ifndef WR_KERNEL_TEXT_UTF8_H
#define WR_KERNEL_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Any bytes, no padding needed. Cost: above 10 GB/s on ASCII, 1 GB/s or more otherwise with AVX2;
 *  about 0.5 GB/s of non-ASCII text without. */
bool wr_utf8_is_valid(const void *bytes, size_t byte_count);

/** Validity of a text that comes in pieces. Zeroed = at the start of a character. */
typedef struct wr_utf8_state {
    uint8_t left;      /* continuation bytes still to come       */
    uint8_t low, high; /* bounds of the next one, if left > 0    */
} wr_utf8_state;

/** Feed a piece; false: invalid. At the end `state->left` must be 0. */
bool wr_utf8_feed(wr_utf8_state *state, const void *bytes, size_t byte_count);

#endif
