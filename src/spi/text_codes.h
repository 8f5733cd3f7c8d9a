/* spi/text_codes.h — different texts numbered in the order in which they come, in memory of a fixed size.
 *
 * Open addressing, a 32-bit slot an entry; entries are told apart by a piece of their hash first, and lie
 * one behind the other: a length in four bytes, then the text.
 *
 * Invariants
 *  1. Codes are 0, 1, 2, ... without a gap; one stays until it is taken back or all are forgotten.
 *  2. Memory is a formula over bytes_max.
 * Call order: layout, reset, then find and take_back. Threads: one. Cost: 6 ns a text while it fits the cache. */
#ifndef WR_SPI_TEXT_CODES_H
#define WR_SPI_TEXT_CODES_H

#include "io/carve.h"
#include "types/str.h"

typedef struct wr_text_codes {
    uint32_t  count, count_max;
    uint32_t  used_bytes, bytes_max;
    uint8_t  *bytes;
    uint32_t *slots;          /* of the hash table: code + 1         */
    uint32_t  slot_mask;
    uint32_t *offsets, *tags; /* of the entry in bytes; of its hash  */
} wr_text_codes;

#define WR_TEXT_CODE_NONE UINT32_MAX

/** Take memory for `bytes_max` bytes of entries, at least 64: two to four times as much in all. */
void wr_text_codes_layout(wr_text_codes *codes, uint32_t bytes_max, wr_carver *carver);

/** Forget all. */
void wr_text_codes_reset(wr_text_codes *codes);

/** The code of a text in memory, which is entered if it is new (then it is the last); WR_TEXT_CODE_NONE: it is new,
 *  and there is no room. Texts of up to bytes_max / 2 bytes always fit when all were forgotten. */
uint32_t wr_text_codes_find(wr_text_codes *codes, const wr_str *text);

/** Take back all but the first `count` entries. */
void wr_text_codes_take_back(wr_text_codes *codes, uint32_t count);

#endif
