/* types/nested.h — List, Struct and Map: what their types are made of.
 *
 * A nested wr_type has an index into one table of distinct types, so it stays a plain value and two
 * types are equal iff all members of wr_type are: List(Int64) has the same index wherever it is made.
 * The table lives in static memory (64 KB), is filled while queries are bound, and never shrinks.
 *
 * A Map is a list of entries, Struct(key, value): whatever reads lists reads maps.
 * How values lie in bytes: types/packed.h. Text forms: types/nested_text.h.
 * Threads: making a type takes a lock; looking at one does not. */
#ifndef WR_TYPES_NESTED_H
#define WR_TYPES_NESTED_H

#include "types/type.h"

enum {
    WR_NESTED_DEPTH_MAX = 32,    /* List(List(Int8)) has depth 2 */
    WR_NESTED_TYPES_MAX = 1024,
    WR_NESTED_MEMBERS_MAX = 2048, /* of all types together */
    WR_NESTED_NAME_BYTES_MAX = 16 << 10,
};

/** A field of a Struct. Names are borrowed; those of wr_type_member stay for good. */
typedef struct wr_member {
    wr_text name;
    wr_type type;
} wr_member;

static inline bool wr_type_is_nested(wr_type type)
{
    return type.logical >= WR_TYPE_LIST && type.logical <= WR_TYPE_MAP;
}

/** Is it a List or a Map, whose values are sequences of elements? */
static inline bool wr_type_is_sequence(wr_type type)
{
    return type.logical == WR_TYPE_LIST || type.logical == WR_TYPE_MAP;
}

/** Make a type, or find it.
 * Errors   WR_INVALID      no member, a member without a name, two of one name (any case)
 *          WR_UNSUPPORTED  deeper than WR_NESTED_DEPTH_MAX, or the table is full */
wr_status wr_type_make_list(wr_type element, wr_type *out_type, wr_error *err) WR_MUST_USE;
wr_status wr_type_make_struct(const wr_member *members, uint32_t member_count, wr_type *out_type,
                              wr_error *err) WR_MUST_USE;
wr_status wr_type_make_map(wr_type key, wr_type value, wr_type *out_type, wr_error *err) WR_MUST_USE;

/** Of a List its elements' type; of a Map Struct(key, value). */
wr_type wr_type_element(wr_type sequence);

/** Members of a Struct, in order. */
uint32_t  wr_type_member_count(wr_type strukt);
wr_member wr_type_member(wr_type strukt, uint32_t index);

/** Index of the member called `name`: exactly, else regardless of case; WR_FIELD_NONE if none. */
uint32_t wr_type_find_member(wr_type strukt, wr_text name);

/** 0 for plain types, else one more than the deepest child. */
uint32_t wr_type_depth(wr_type type);

#endif
