/* text_utf8_priv.h — the AVX2 half of text_utf8.c. */
#ifndef WR_BUILDING_KERNEL
#error "private to src/kernel"
#endif
#ifndef WR_KERNEL_TEXT_UTF8_PRIV_H
#define WR_KERNEL_TEXT_UTF8_PRIV_H

#include <stdbool.h>
#include <stddef.h>

/** Check whole blocks of 32 bytes; false: invalid. *out_done is where a character starts and up to
 *  which all is valid: the rest is left to the caller. */
bool wr_utf8_check_blocks(const void *bytes, size_t byte_count, size_t *out_done);

#endif
