/* types/nested_text.h — the text form of nested values: JSON.
 *
 *     List [1,2,null]    Struct {"a":1,"b":"x"}    Map {"k":1}
 * Values inside are written as json_text.h says. The keys of a Map are texts in quotes, whatever their
 * type; a Map with nested keys is a list of entries, [{"key":[1],"value":2}].
 *
 * Written in parts: each call fills a buffer as far as it goes, and the value may lie on disk, so a list
 * of 10^9 elements passes through any buffer. Reading: kernel/nested_read.h.
 *
 * Call order: begin, write until done. Threads: one writer is one thread's. Cost: per element what
 * formatting it takes plus about 10 ns. */
#ifndef WR_TYPES_NESTED_TEXT_H
#define WR_TYPES_NESTED_TEXT_H

#include "types/json_text.h"
#include "types/packed.h"

enum { WR_NESTED_TEXT_ROOM_MIN = WR_JSON_FIXED_BYTES_MAX + 16 };

/** A container that is open. */
typedef struct wr_nested_level {
    wr_packed packed;
    wr_type   type;
    bool      is_entry; /* Struct(key, value) of a Map whose braces are open already */
    bool      has_begun;
    bool      has_name; /* STRUCT: the next member's name, or the entry's key, is written */
    bool      is_first;
    union {
        wr_list_cursor   list;
        wr_struct_cursor strukt;
    };
} wr_nested_level;

/** About 5 KB; must not move between begin and the end. */
typedef struct wr_nested_text {
    wr_nested_level levels[WR_NESTED_DEPTH_MAX];
    uint32_t        depth;
    wr_packed       string; /* the text that is being written, if in_string */
    uint64_t        string_offset;
    bool            in_string, is_quoted, is_hex;
    bool            quotes_non_finite;  /* wr_json_format_fixed; begin: false     */
    bool            refuses_non_finite; /* they are WR_DATA, but as keys; begin: false */
} wr_nested_text;

/** `type` is of physical STR: nested, or a text, which becomes a JSON string. `value` is borrowed until the end. `window` (NULL allowed) makes reading a value on disk cheap. */
void wr_nested_text_begin(wr_nested_text *text, wr_type type, const wr_str *value,
                          wr_packed_window *window);

/** Write on, to at most `room` bytes; *out_done false: call again with at least
 *  WR_NESTED_TEXT_ROOM_MIN bytes of room. Errors WR_CORRUPT, WR_IO; WR_DATA refuses_non_finite. */
wr_status wr_nested_text_write(wr_nested_text *text, char *out, size_t room, size_t *out_written,
                               bool *out_done, wr_error *err) WR_MUST_USE;

#endif
