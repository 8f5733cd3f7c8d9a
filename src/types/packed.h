/* types/packed.h — how a nested value lies in bytes: one run of bytes, without pointers.
 *
 * To everything that moves, keeps, hashes or spills rows a List, Struct or Map is a string (16-byte
 * view, WR_PHYS_STR; a long one is a blob handle), so nested columns go wherever text goes and a list
 * of 10^9 elements passes through a small cap. Only what looks inside includes this file. Equal
 * values have equal bytes once they are settled (0.0 and -0.0, a month and 30 days are equal): what
 * groups and joins compare is the bytes of wr_packed_settle, comparisons and ORDER BY compare wr_packed_key.
 *
 * Layout   (little-endian, nothing aligned)
 *  list    blocks, one behind the other; the empty list is no bytes:
 *            u32 element count, with WR_LIST_NULLS if a fixed-width element is NULL
 *            u32 bytes of what follows
 *            fixed width: the elements, 0 for NULL; with WR_LIST_NULLS a bit map (1: valid) behind
 *            others: for each a u32 length and that many bytes; WR_PACKED_NULL and none for NULL
 *          A block ends with its 1024th element, or with the one that brings its payload to
 *          WR_LIST_BLOCK_BYTES or more: so blocks are the same however a list was made.
 *  struct  a bit map of (members + 7) / 8 bytes (1: valid); then all members in order, fixed width:
 *          the value, 0 for NULL; others: u32 length and bytes, length 0 for NULL
 *  map     the list of its entries, Struct(key, value)
 * Fixed width is whatever is not WR_PHYS_STR. A value has at most UINT32_MAX - 1 bytes.
 *
 * Cost: reading the members of a struct in order, and the elements of a list in order, is linear;
 * an element by index skips blocks (8 bytes read for each 1024 elements).
 * Threads: no state; one cursor or packer is one thread's. */
#ifndef WR_TYPES_PACKED_H
#define WR_TYPES_PACKED_H

#include "types/nested.h"
#include "types/str.h"

enum {
    WR_LIST_BLOCK_ELEMENTS = 1024,
    WR_LIST_BLOCK_BYTES = 16 << 10,
    WR_LIST_HEADER_BYTES = 8,
    WR_LENGTH_BYTES = 4,
    WR_PACKED_WINDOW_BYTES = 17 << 10, /* a block of numbers and its header */
};

#define WR_LIST_NULLS  0x80000000u
#define WR_PACKED_NULL UINT32_MAX

/* --- reading ------------------------------------------------------------------------------------ */

/** What was last read of a blob, so that small reads one behind the other are cheap. */
typedef struct wr_packed_window {
    uint64_t offset; /* in the blob */
    uint32_t byte_count;
    uint8_t  bytes[WR_PACKED_WINDOW_BYTES];
} wr_packed_window;

/** A packed value to read: in memory, or on disk. */
typedef struct wr_packed {
    const uint8_t    *bytes; /* NULL: read `blob` */
    const wr_blob    *blob;
    uint64_t          byte_count;
    uint64_t          begin;  /* of the value in the blob                          */
    wr_packed_window *window; /* NULL: every read goes to the blob; else of this blob */
} wr_packed;

/** `str` must outlive the result (short values lie inside it). */
static inline wr_packed wr_packed_of(const wr_str *str)
{
    if (wr_str_is_blob(str))
        return (wr_packed){.blob = wr_str_blob(str), .byte_count = wr_str_blob(str)->byte_count};
    return (wr_packed){.bytes = (const uint8_t *)wr_str_bytes(str), .byte_count = str->byte_count};
}

/** Copy exactly `byte_count` bytes. Errors WR_CORRUPT there are not so many; WR_IO. */
wr_status wr_packed_read(const wr_packed *packed, uint64_t offset, void *buffer, size_t byte_count,
                         wr_error *err) WR_MUST_USE;

/** Where a value inside a packed value lies. */
typedef struct wr_slot {
    bool     is_null;
    uint64_t offset, byte_count;
} wr_slot;

/** The value in `slot`, of physical STR, as a packed value or a text of its own. */
static inline wr_packed wr_packed_inside(const wr_packed *packed, wr_slot slot)
{
    return (wr_packed){.bytes = packed->bytes ? packed->bytes + slot.offset : NULL,
                       .blob = packed->blob, .byte_count = slot.byte_count,
                       .begin = packed->begin + slot.offset, .window = packed->window};
}

/** The value in `slot` as a cell of a vector (wr_physical_bytes of `type`, zero for NULL). Only in
 *  memory; text is borrowed from the packed bytes. */
void wr_packed_cell(const wr_packed *packed, wr_slot slot, wr_type type, void *out_cell);

/** A value inside a blob that is a blob itself. */
typedef struct wr_blob_part {
    wr_blob        blob;
    const wr_blob *whole;
    uint64_t       offset;
} wr_blob_part;

/** Make `part` the handle of the value in `slot`, which *out_str is. `whole`: what packed->blob reads, or
 *  that itself; it and `part` outlive the result. Shape: longer than a short text, on disk.
 *  Errors WR_CORRUPT, WR_IO. Cost: the value is read once, for its hash. */
wr_status wr_blob_part_init(wr_blob_part *part, const wr_packed *packed, wr_slot slot,
                            const wr_blob *whole, wr_str *out_str, wr_error *err) WR_MUST_USE;

/** Walks the members of a struct. After begin call next once per member, in order. */
typedef struct wr_struct_cursor {
    const wr_packed *packed;
    wr_type          type;
    uint32_t         member; /* the next one */
    uint64_t         offset; /* of it        */
} wr_struct_cursor;

void      wr_struct_cursor_init(wr_struct_cursor *cursor, const wr_packed *packed, wr_type type);
wr_status wr_struct_cursor_next(wr_struct_cursor *cursor, wr_slot *out_slot,
                                wr_error *err) WR_MUST_USE;

/** Find one member. */
wr_status wr_packed_member(const wr_packed *packed, wr_type type, uint32_t member, wr_slot *out_slot,
                           wr_error *err) WR_MUST_USE;

/** Walks the elements of a list or map; `block_*` describe the block they are in. */
typedef struct wr_list_cursor {
    const wr_packed *packed;
    wr_type          element;
    uint32_t         element_bytes; /* 0: not of fixed width                 */
    uint64_t         next_block;    /* offset                                */
    uint64_t         block_offset;  /* of the payload                        */
    uint64_t         element_offset; /* of the next element; others than fixed width only */
    uint32_t         block_count;   /* elements of the block, 0 before the first */
    uint32_t         block_index;   /* the next of them                      */
    bool             block_nulls;
} wr_list_cursor;

void wr_list_cursor_init(wr_list_cursor *cursor, const wr_packed *packed, wr_type type);

/** The next element. Errors WR_CORRUPT, WR_IO. */
wr_status wr_list_cursor_next(wr_list_cursor *cursor, wr_slot *out_slot, bool *out_end,
                              wr_error *err) WR_MUST_USE;

/** Skip `count` elements, or to the end: whole blocks where it can. */
wr_status wr_list_cursor_skip(wr_list_cursor *cursor, uint64_t count, wr_error *err) WR_MUST_USE;

/** Elements left in the block the cursor is in, or enters behind its end; 0: the list has no more. */
wr_status wr_list_cursor_left(wr_list_cursor *cursor, uint32_t *out_left,
                              wr_error *err) WR_MUST_USE;

/** Copy the next `count` elements, of fixed width and all in this block, to `out`; those that are NULL
 *  lose their bit in `valid`, whose bit `first` is that of the first one. Cost: a copy. */
wr_status wr_list_cursor_copy(wr_list_cursor *cursor, uint32_t count, void *out, uint64_t *valid,
                              uint32_t first, bool *out_any_null, wr_error *err) WR_MUST_USE;

/** Number of elements. */
wr_status wr_packed_count(const wr_packed *packed, uint64_t *out_count, wr_error *err) WR_MUST_USE;

/* --- writing ------------------------------------------------------------------------------------ */

/** What is to stand in bytes that were given away. At most as much as one close or end leads to. */
typedef struct wr_packer_late {
    uint32_t count;
    uint32_t values[4];
    uint64_t places[4];
} wr_packer_late;

/** Room that is filled. What does not fit is dropped and `is_full` says so: ask once, at the end.
 *  A value that is longer goes away in parts, between two calls: its owner adds `used` to `given`, sets it
 *  to 0, and writes what `late` tells behind each call. */
typedef struct wr_packer {
    uint8_t *bytes;
    size_t   used, capacity;
    bool     is_full;
    uint64_t given;        /* bytes of the value in front of `bytes` */
    wr_packer_late *late;  /* NULL: nothing is given away            */
} wr_packer;

/** Bytes of the value so far. */
static inline uint64_t wr_packer_place(const wr_packer *packer)
{
    return packer->given + packer->used;
}

void wr_pack_bytes(wr_packer *packer, const void *bytes, size_t byte_count);

/** Writes one list in place. Call order: begin, {cell | null | open .. close}*, end. */
typedef struct wr_list_packer {
    wr_packer *out;
    uint32_t   element_bytes; /* 0: not of fixed width */
    uint32_t   count;         /* in the open block     */
    bool       any_null;
    uint64_t   block_begin;   /* place of its header   */
    uint64_t   element_begin; /* ... of the open element's length */
    uint64_t   valid[WR_LIST_BLOCK_ELEMENTS / 64];
} wr_list_packer;

void wr_list_pack_begin(wr_list_packer *list, wr_packer *out, wr_type element);
/** An element that lies in a vector: `cell` is its value (not a blob); NULL: the element is NULL. */
void wr_list_pack_cell(wr_list_packer *list, const void *cell);
/** An element that is written by the caller through list->out between the calls; not of fixed width. */
void wr_list_pack_open(wr_list_packer *list);
void wr_list_pack_close(wr_list_packer *list);
void wr_list_pack_end(wr_list_packer *list);

/** Writes one struct in place: every member once, in order, as cell, NULL, or open .. close. */
typedef struct wr_struct_packer {
    wr_packer *out;
    wr_type    type;
    uint32_t   member;        /* the next one */
    uint64_t   begin;         /* place of the bit map */
    uint64_t   member_begin;  /* ... of the open member's length */
} wr_struct_packer;

void wr_struct_pack_begin(wr_struct_packer *strukt, wr_packer *out, wr_type type);
/** A member will not be NULL: for those that come after the bit map is given away. */
void wr_struct_pack_expect(wr_struct_packer *strukt, uint32_t member);
void wr_struct_pack_cell(wr_struct_packer *strukt, const void *cell);
void wr_struct_pack_open(wr_struct_packer *strukt);
void wr_struct_pack_close(wr_struct_packer *strukt);

/* --- order -------------------------------------------------------------------------------------- */

/** Append bytes whose memcmp order is the order of the values: lists element by element, shorter
 *  first; structs member by member; NULL inside last; NaN equals NaN and is greatest, -0.0 equals 0.0;
 *  text by bytes. In memory only. Errors WR_CORRUPT */
wr_status wr_packed_key(const wr_packed *packed, wr_type type, wr_packer *out,
                        wr_error *err) WR_MUST_USE;

/** Most bytes a key has: a value of n packed bytes has at most wr_packed_key_bytes_max(n). */
static inline uint64_t wr_packed_key_bytes_max(uint64_t byte_count)
{
    return 2 * byte_count + 2;
}

/** May values of `type` be equal and differ in bytes: are there floats or intervals inside? */
bool wr_type_has_spellings(wr_type type);

/** Is a value written as equal values are: no -0.0, no other NaN than the usual one, intervals with less
 *  than a month of days and less than a day besides? `copy`, unless NULL, is a copy of its bytes, which
 *  gets what is to stand there. Also on disk. Errors WR_CORRUPT, WR_IO. Cost: a look at each element. */
wr_status wr_packed_settle(const wr_packed *packed, wr_type type, uint8_t *copy, bool *out_settled,
                           wr_error *err) WR_MUST_USE;

/** The same of one value of fixed width, in place. */
void wr_packed_settle_cell(wr_type type, void *cell);

/** Is this a value of `type`: every length inside its container, nothing left over? For bytes that
 *  come from outside. In memory only. */
wr_status wr_packed_check(const wr_packed *packed, wr_type type, wr_error *err) WR_MUST_USE;

/* ---- Either -------------------------------------------------------------------------------------- */

/** Where a value goes: into a list, a struct, or neither, because it is a column's own. */
typedef struct wr_pack_target {
    wr_list_packer   *list;
    wr_struct_packer *strukt;
} wr_pack_target;

static inline void wr_pack_cell(const wr_pack_target *to, const void *cell)
{
    if (to->list)
        wr_list_pack_cell(to->list, cell);
    else if (to->strukt)
        wr_struct_pack_cell(to->strukt, cell);
}

static inline void wr_pack_open(const wr_pack_target *to)
{
    if (to->list)
        wr_list_pack_open(to->list);
    else if (to->strukt)
        wr_struct_pack_open(to->strukt);
}

static inline void wr_pack_close(const wr_pack_target *to)
{
    if (to->list)
        wr_list_pack_close(to->list);
    else if (to->strukt)
        wr_struct_pack_close(to->strukt);
}

#endif
