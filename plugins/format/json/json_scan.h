/* json_scan.h — where records end in JSON text, 64 bytes at a time. Built per instruction set.
 *
 * Lines are cut at newlines and need no look at the text. In the other layouts a record ends where its
 * brackets are closed: brackets, commas and newlines count outside strings only, whichever bracket
 * they are. So every text has the same records wherever its chunks are cut, broken ones too:
 *  ARRAY      a record ends at a comma, or at the bracket that closes the array
 *  DOCUMENTS  a record ends behind the bracket that closes it, or at a newline outside brackets
 * Buffers are readable for WR_TEXT_PAD bytes behind their end. Cost: 0.1 to 0.2 ns a byte. */
#ifndef WR_BUILDING_FORMAT_JSON
#error "private to plugins/format/json"
#endif
#ifndef WR_JSON_SCAN_H
#define WR_JSON_SCAN_H

#include "kernel/text_block.h"
#include "kernel/text_isa.h"

typedef enum json_layout { JSON_AUTO, JSON_LINES, JSON_ARRAY, JSON_DOCUMENTS } json_layout;

/* Where the look at a text is. Zeroed: between two records. */
typedef struct json_cut {
    uint64_t depth; /* open brackets of the record */
    bool     in_string, escaped;
    bool     any; /* the record has begun: something that is no blank was seen */
} json_cut;

typedef struct json_bounds {
    uint32_t end, next; /* of the last record that ends: its end, and what comes behind; next 0: none does */
    uint32_t count;     /* records that end; empty ones of an array too, but not one before its end */
    bool     closed;    /* ARRAY: `end` is at the bracket that closes it; nothing behind was looked at */
} json_bounds;

typedef struct json_scan_ops {
    /* Look on over bytes[from, end); `first`: stop at the first record's end. */
    void (*find_bounds)(json_layout layout, bool first, json_cut *cut, const uint8_t *bytes,
                        uint32_t from, uint32_t end, json_bounds *out_bounds);
} json_scan_ops;

WR_TEXT_DECLARE(json_scan_ops, wr_json_scan);

#endif
