/* exec/sortkey.h — normalised keys: bytes of a row whose memcmp order is the sort order.
 *
 * Keys are not stored, in memory or on disk: they are encoded from the row when a comparison wants
 * them, up to as many bytes as it wants, so a spilled row costs no byte more than its columns and a
 * key may be encoded differently as more is known of the data.
 *
 * Encoding, column by column: a null byte only if the column may hold NULL; integers big-endian with
 * the sign flipped; floats in total order, NaN greatest, -0.0 as 0.0; intervals by their length
 * (a month is 30 days); strings byte for byte with a terminator 00 (00 and 01 inside become 01 01
 * and 01 02). DESC inverts the value's bytes, never the null byte.
 *
 * Invariants
 *  1. Two rows encoded by keys that observed the same facts (may_be_null, has_blobs) compare like
 *     their encodings wherever these differ within bytes_max.
 *  2. Where they do not differ and one is cut (longer than bytes_max, or a string beyond
 *     WR_ROW_BLOB_HEAD_BYTES once blobs were seen), wr_sortkey_compare decides.
 *  3. Facts only grow; encodings made before and after a fact was learnt do not compare.
 * Threads: observing is for one thread; encoding and comparing are read-only.
 * Cost: encoding 3-10 ns a column; a comparison about the same. */
#ifndef WR_EXEC_SORTKEY_H
#define WR_EXEC_SORTKEY_H

#include "exec/ops.h"
#include "exec/row.h"

enum {
    WR_SORTKEY_BYTES_MAX = 128,                      /* longest encoding that is looked at        */
    WR_SORTKEY_ROOM_BYTES = WR_SORTKEY_BYTES_MAX + 32, /* encoders may write past what was wanted */
    WR_SORTKEY_CUT = UINT32_MAX,
};

typedef struct wr_sortkey_column {
    uint32_t offset;      /* of the slot in the row             */
    uint32_t null_offset; /* of the byte with the null bit      */
    uint8_t  null_mask;
    uint8_t  physical;    /* wr_physical                        */
    bool     descending;
    bool     nulls_first;
    bool     may_be_null; /* fact: a NULL was seen              */
    uint32_t column;      /* index in the row's layout          */
} wr_sortkey_column;

typedef struct wr_sortkey {
    const wr_row_layout *layout;
    wr_sortkey_column   *columns;
    uint32_t             column_count;
    uint32_t             bytes_max; /* longest encoding, a multiple of 8, at most WR_SORTKEY_BYTES_MAX */
    bool                 has_strings;
    bool                 has_blobs; /* fact: a string in a key column was a blob */
} wr_sortkey;

/** Bytes that wr_sortkey_init takes from its bump. */
uint64_t wr_sortkey_bytes(uint32_t key_count);

/** `keys` index columns of `layout`. Nothing is known of the data yet.
 * Errors   WR_NO_MEMORY the bump's lease is spent */
wr_status wr_sortkey_init(wr_sortkey *key, const wr_row_layout *layout, const wr_sort_key *keys,
                          uint32_t key_count, wr_bump *bump, wr_error *err) WR_MUST_USE;

/** Learn from rows that were just written. Cost a few ns a row with string keys, else less. */
void wr_sortkey_observe(wr_sortkey *key, const uint8_t *const *rows, uint32_t count);

/** Learn what `other` (same keys) has learnt. */
void wr_sortkey_merge(wr_sortkey *key, const wr_sortkey *other);

/** Take everything for possible: encodings then compare whatever was observed elsewhere. */
void wr_sortkey_assume_all(wr_sortkey *key);

/** Encode a row's key, `bytes_wanted` bytes of it, zero beyond its end.
 *
 * Shape    `out` has WR_SORTKEY_ROOM_BYTES; bytes_wanted a multiple of 8, at most bytes_max
 * Returns  the key's length if it ends within bytes_wanted; bytes_wanted + 1 if it goes on;
 *          WR_SORTKEY_CUT if its order is not decided by any number of bytes */
uint32_t wr_sortkey_encode(const wr_sortkey *key, const uint8_t *row, uint32_t bytes_wanted,
                           uint8_t *out);

/** A bound by the first key column alone, for dropping rows before they are written. */
typedef struct wr_sortkey_bound {
    bool     is_null;
    uint64_t prefix; /* of the value's encoding, without null byte */
} wr_sortkey_bound;

wr_sortkey_bound wr_sortkey_bound_of(const wr_sortkey *key, const uint8_t *row);

/** Order of two bounds: below 0 if rows at `a` sort before those at `b`. */
static inline int wr_sortkey_bound_compare(const wr_sortkey *key, const wr_sortkey_bound *a,
                                           const wr_sortkey_bound *b)
{
    if (a->is_null != b->is_null)
        return a->is_null == key->columns[0].nulls_first ? -1 : 1;
    return (a->prefix > b->prefix) - (a->prefix < b->prefix);
}

/** Of `selection`, the rows of the first key column (`vector`) that do not surely sort after the
 *  bound, into `out_rows`. Returns how many. Cost about 4 ns a row. */
uint32_t wr_sortkey_select(const wr_sortkey *key, const wr_sortkey_bound *bound,
                           const wr_vector *vector, const wr_selection *selection,
                           uint16_t *out_rows);

/** The first eight bytes of the encodings of key column `index` (fixed width; `vector` has its values), for
 *  rows first .. first+count-1 of the selection. A NULL sets its flag, the others are left alone. */
void wr_sortkey_prefixes(const wr_sortkey *key, uint32_t index, const wr_vector *vector,
                         const wr_selection *selection, uint32_t first, uint32_t count,
                         uint64_t *out_prefixes, bool *io_nulls);

/** Full order of two rows by all key columns.
 * Errors   WR_IO, WR_CORRUPT (blobs only) */
wr_status wr_sortkey_compare(const wr_sortkey *key, const uint8_t *a, const uint8_t *b,
                             int *out_order, wr_error *err) WR_MUST_USE;

/** The same for rows of two layouts: keys of equal types, directions and places of NULL. */
wr_status wr_sortkey_compare_across(const wr_sortkey *a_key, const uint8_t *a,
                                    const wr_sortkey *b_key, const uint8_t *b, int *out_order,
                                    wr_error *err) WR_MUST_USE;

/** Is a key column of the row NULL? */
bool wr_sortkey_has_null(const wr_sortkey *key, const uint8_t *row);

#endif
