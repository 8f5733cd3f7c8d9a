/* kernel/nested_read.h — JSON text to a packed value of a declared type.
 *
 * Strict JSON (RFC 8259), read as the JSON reader reads columns: of a member that comes twice the last
 * value counts, members that the type does not have are passed over (or as the rules say), those that
 * are missing are NULL; names are found exactly, else in any case. Numbers, words and strings are taken alike if they
 * read as the type; numbers are exact and range-checked. A text takes what is no string as it stands.
 * A Map is an object, or a list of entries [{"key":..., "value":...}]; a key that comes twice is a fault.
 *
 * The walk goes down the type, at most WR_NESTED_DEPTH_MAX calls deep, whatever the text is.
 * Threads: one reader is one thread's. Cost: a struct's text is looked over once a level to find its
 * members, about 1 ns a byte, then what the values take. */
#ifndef WR_KERNEL_NESTED_READ_H
#define WR_KERNEL_NESTED_READ_H

#include "base/bits.h"
#include "mem/scratch.h"
#include "types/packed.h"
#include "types/str.h"

/** Why a text is no value of the type. */
typedef struct wr_nested_fault {
    const char *why;   /* NULL: `value` does not read as `type` */
    uint64_t    at;    /* byte of the text, from 0              */
    wr_text     value;
    wr_type     type;
} wr_nested_fault;

/** Which value of a key that comes twice in an object counts. */
typedef enum wr_twin_keys { WR_TWIN_LAST, WR_TWIN_FIRST, WR_TWIN_ERROR } wr_twin_keys;

/** What else is a fault. Zeroed: the usual. */
typedef struct wr_nested_rules {
    wr_twin_keys twin_keys;       /* of the members of a Struct                   */
    bool         refuses_unknown; /* members that the type does not have          */
} wr_nested_rules;

/** Room for one text at a time: where the members of the structs around a place are. 8 KB. */
typedef struct wr_nested_reader {
    wr_nested_rules rules;
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

/* --- columns of a batch -------------------------------------------------------------------------- */

/** Room for the nested values of a batch that a reader of text makes, and for one text of it that has to
 *  be rewritten before it is read. */
typedef struct wr_nested_room {
    wr_nested_reader *reader; /* NULL: there are no nested columns */
    uint8_t          *text, *bytes;
    uint64_t          text_bytes, capacity, used;
} wr_nested_room;

/** Memory for texts of at most `text_bytes` bytes. */
uint64_t wr_nested_room_bytes(uint64_t text_bytes);
void     wr_nested_room_init(wr_nested_room *room, void *space, uint64_t text_bytes);

typedef enum wr_nested_taken {
    WR_NESTED_VALUE, WR_NESTED_NULL, WR_NESTED_BAD,
    WR_NESTED_FULL /* it may fit when the room is empty: end the batch before its row */
} wr_nested_taken;

/** Read a text into the room; *out_value points there until room->used is set to 0. */
wr_nested_taken wr_nested_take(wr_nested_room *room, wr_text text, wr_type type, wr_str *out_value);

/** Where the packed bytes of a value go that is too long for the room, one behind the other. */
typedef struct wr_nested_sink {
    void             *self;
    const wr_scratch *scratch; /* for what has to be remembered of a long Map's keys */
    wr_status (*add)(void *self, const void *bytes, size_t byte_count, wr_error *err);
    /* Let four bytes that were added stand for `value`; `room`: WR_NESTED_PATCH_BYTES. */
    wr_status (*patch)(void *self, uint64_t place, uint32_t value, void *room, wr_error *err);
    /* Read what was added. */
    wr_status (*read)(void *self, uint64_t place, void *buffer, size_t byte_count, wr_error *err);
} wr_nested_sink;

enum { WR_NESTED_PATCH_BYTES = 16 << 10 };

/** Read a text of any length as a value of any length. *out_taken VALUE or NULL; BAD: room->reader->fault
 *  says why, which a number, name or key of a Map longer than room->text_bytes is too. *out_long: the value
 *  went to the sink, else *out_value points to the room as wr_nested_take does, to a quarter of it at most.
 * Shape    `text` is no text that lies in the room
 * Errors   of the sink and of the blob
 * Cost     a struct that is longer than the room is looked over once more, as are the keys of such a Map */
wr_status wr_nested_take_long(wr_nested_room *room, const wr_str *text, wr_type type,
                              const wr_nested_sink *sink, wr_str *out_value, bool *out_long,
                              wr_nested_taken *out_taken, wr_error *err) WR_MUST_USE;

/** End a batch before `row`: the rows from there on are read again, and are not bad until then. */
static inline void wr_nested_end_batch(uint32_t row, uint64_t *bad_rows, uint32_t *io_bad_count,
                                       uint32_t *io_row_count)
{
    for (uint32_t r = row; r < *io_row_count; r++) {
        *io_bad_count -= wr_bit_get(bad_rows, r);
        wr_bit_clear(bad_rows, r);
    }
    *io_row_count = row;
}

/** What is wrong with a text that was BAD, or FULL in an empty room; returns `buffer`. */
const char *wr_nested_explain(wr_nested_room *room, wr_text text, wr_type type,
                              char buffer[WR_NESTED_REASON_BYTES]);

#endif
