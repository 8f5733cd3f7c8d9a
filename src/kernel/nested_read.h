/* kernel/nested_read.h — JSON text to a packed value of a declared type.
 *
 * Strict JSON (RFC 8259), read as the JSON Lines reader reads columns: of a member that comes twice the
 * last value counts, members that the type does not have are passed over, those that are missing are
 * NULL; names are found exactly, else in any case. Numbers, words and strings are taken alike if they
 * read as the type; numbers are exact and range-checked. A text takes what is no string as it stands.
 * A Map is an object, or a list of entries [{"key":..., "value":...}].
 *
 * The walk goes down the type, at most WR_NESTED_DEPTH_MAX calls deep, whatever the text is.
 * Threads: one reader is one thread's. Cost: a struct's text is looked over once a level to find its
 * members, about 1 ns a byte, then what the values take. */
#ifndef WR_KERNEL_NESTED_READ_H
#define WR_KERNEL_NESTED_READ_H

#include "types/packed.h"

/** Why a text is no value of the type. */
typedef struct wr_nested_fault {
    const char *why;   /* NULL: `value` does not read as `type` */
    uint64_t    at;    /* byte of the text, from 0              */
    wr_text     value;
    wr_type     type;
} wr_nested_fault;

/** Room for one text at a time: where the members of the structs around a place are. 8 KB. */
typedef struct wr_nested_reader {
    const uint8_t  *begin, *at, *end;
    wr_nested_fault fault;
    uint32_t        places_used;
    uint32_t        places[WR_NESTED_MEMBERS_MAX]; /* of values, from 1; 0: no such member */
} wr_nested_reader;

/** Read `text` (at most UINT32_MAX bytes) as a value of `type` and append it to `out`; the text null
 *  is NULL and appends nothing. False: reader->fault says why. True with out->is_full: there was not
 *  enough room. */
bool wr_nested_read(wr_nested_reader *reader, wr_text text, wr_type type, wr_packer *out,
                    bool *out_is_null);

enum { WR_NESTED_REASON_BYTES = 192 };

/** "cannot read 'x' as Int32 (byte 5 of the value)"; returns `buffer`. */
const char *wr_nested_fault_format(const wr_nested_fault *fault,
                                   char buffer[WR_NESTED_REASON_BYTES]);

#endif
