/* exec/row.h — rows as relocatable bytes: what sorters, joins, aggregates and spools keep and spill.
 *
 * A row is [u32 row_bytes][null bits, 1 = null][a spare byte, 0][fixed slots, naturally aligned up to 8][heap].
 * Slots have the physical width of their type; a string slot is the 16-byte view with its pointer
 * replaced by the heap's offset from the row's start, so a row can be copied, spilled and read back
 * at any address without fix-up. row_bytes is a multiple of 8. Columns are written and read a
 * column at a time for many rows (scatter/gather).
 * Blobs: a row larger than `row_bytes_max` sends its longest values to the spill's blob stream and
 * keeps handles (string slot with the top bit of the offset set; the heap holds a wr_row_blob).
 * Invariants
 *  1. row_bytes <= row_bytes_max <= wr_row_bytes_max(page the owner uses), a quarter of that page;
 *     the page is at least wr_row_page_bytes(wr_row_bytes_least()), a formula over the schema.
 *  2. A value under a null bit is zero, padding is zero.
 *  3. Blob handles come first in the heap, so they are 8-aligned at any 8-aligned address.
 * Cost: about 1 ns per value either way, plus the bytes of strings. */
#ifndef WR_EXEC_ROW_H
#define WR_EXEC_ROW_H

#include "exec/operator.h"

typedef struct wr_row_layout {
    uint32_t       column_count;
    const wr_type *types;
    const uint32_t *offsets;      /* of each column's slot from the row's start */
    uint32_t       null_offset;   /* of the null bits                           */
    uint32_t       fixed_bytes;   /* header + null bits + slots, multiple of 8  */
    uint32_t       row_bytes_max;
    uint32_t       string_count;  /* string columns                             */
    const uint32_t *strings;      /* their indexes                              */
} wr_row_layout;

enum { WR_ROW_BLOB_HEAD_BYTES = 24 };

/** What a row's heap holds of a value that was sent away. */
typedef struct wr_row_blob {
    wr_blob blob;
    char    head[WR_ROW_BLOB_HEAD_BYTES]; /* its first bytes, so that sort keys need no I/O */
} wr_row_blob;

/** Bytes of a row whose string values all are blob handles: what a page must at least be made for. */
uint32_t wr_row_bytes_least(const wr_type *types, uint32_t column_count, uint32_t extra_bytes);

/** Bytes that wr_row_layout_init takes from its bump (a bound, for lease_min formulas). */
uint64_t wr_row_layout_bytes(uint32_t column_count);

/** Lay out columns of `types`. `extra_bytes` are reserved after the header for the owner (hash,
 *  next pointer, aggregate states); *out_extra_offset (NULL allowed) tells where (8-aligned).
 *
 * Shape    row_bytes_max a multiple of 8, at least wr_row_bytes_least()
 * Owner    `types` is borrowed, the arrays live in `bump`
 * Errors   WR_NO_MEMORY the bump's lease is spent */
wr_status wr_row_layout_init(wr_row_layout *layout, const wr_type *types, uint32_t column_count,
                             uint32_t extra_bytes, uint32_t *out_extra_offset,
                             uint32_t row_bytes_max, wr_bump *bump, wr_error *err) WR_MUST_USE;

/** Smallest page (power of two, >= page_bytes) that keeps four rows of this size. */
uint32_t wr_row_page_bytes(uint32_t row_bytes, uint32_t page_bytes);

/** Largest row that a page of this size keeps four times. */
uint32_t wr_row_bytes_max(uint32_t page_bytes);

static inline uint32_t wr_row_bytes(const uint8_t *row)
{
    uint32_t bytes;

    __builtin_memcpy(&bytes, row, 4);
    return bytes;
}

/** Have the first lines of a row fetched, which is wanted soon. */
static inline void wr_row_fetch(const uint8_t *row)
{
    for (uint32_t line = 0; line < 192; line += 64)
        __builtin_prefetch(row + line);
}

/** Bytes each selected row will take: out_bytes[i] for the i-th selected row. */
void wr_row_measure(const wr_row_layout *layout, const wr_vector *columns,
                    const wr_selection *selection, uint32_t *out_bytes);

/** Write selected rows first .. first+count-1 to rows[0 .. count-1]: 8-aligned, and the first four
 *  bytes already hold what wr_row_measure said (wr_row_page_reserve does both). Blobs and over-long
 *  values go to `spill` (NULL: there are none). Errors WR_NO_SPACE, WR_IO (blobs only). */
wr_status wr_row_write(const wr_row_layout *layout, const wr_vector *columns,
                       const wr_selection *selection, uint32_t first, uint32_t count,
                       uint8_t *const *rows, wr_spill *spill, wr_error *err) WR_MUST_USE;

/** Read column `column` of `count` rows (<= WR_BATCH_ROWS_MAX) into `out`; strings point into the rows.
 *
 * Shape    `out` is FLAT with room for `count` values. Its validity bits are written where out->valid
 *          points, or if that is NULL to the vector's own room (wr_vector_valid_room); afterwards
 *          out->valid is NULL if no row is null. WR_VECTOR_BLOBS is set if a value is a blob */
void wr_row_read(const wr_row_layout *layout, uint32_t column, const uint8_t *const *rows,
                 uint32_t count, wr_vector *out);

static inline bool wr_row_is_null(const wr_row_layout *layout, const uint8_t *row, uint32_t column)
{
    return (row[layout->null_offset + column / 8] >> (column % 8)) & 1;
}

/** Offset of the spare byte: whoever owns a copy of the row may note something there. */
static inline uint32_t wr_row_spare_offset(const wr_row_layout *layout)
{
    return layout->null_offset + (layout->column_count + 7) / 8;
}

static inline const uint8_t *wr_row_slot(const wr_row_layout *layout, const uint8_t *row,
                                         uint32_t column)
{
    return row + layout->offsets[column];
}

/** A string slot as a view whose bytes (or wr_row_blob) lie in the row. */
static inline wr_str wr_row_str(const wr_row_layout *layout, const uint8_t *row, uint32_t column)
{
    wr_str str;

    __builtin_memcpy(&str, wr_row_slot(layout, row, column), sizeof str);
    if (!wr_str_is_inline(&str))
        str.pointer += (uintptr_t)row; /* the blob bit stays: addresses never reach it */
    return str;
}

/** Are columns 0 .. column_count-1 of both rows equal, NULL equal to NULL, NaN to NaN, -0.0 to 0.0,
 *  intervals by their length? Blobs of equal length and hash are compared byte by byte.
 * Errors   WR_IO, WR_CORRUPT (blobs only) */
wr_status wr_row_equal(const wr_row_layout *layout, const uint8_t *a, const uint8_t *b,
                       uint32_t column_count, bool *out_equal, wr_error *err) WR_MUST_USE;

/** memcmp order of two string views, shorter first, blobs streamed.
 * Errors   WR_IO, WR_CORRUPT (blobs only) */
wr_status wr_row_str_compare(const wr_str *a, const wr_str *b, int *out_order,
                             wr_error *err) WR_MUST_USE;

/* ---- A page of rows: rows lie one after the other, so a page spills as it is. ---------------- */

typedef struct wr_row_page wr_row_page;
struct wr_row_page {
    wr_row_page *next;   /* in its store; NULL on disk */
    uint32_t used_bytes; /* including this header */
    uint32_t row_count;
    /* rows follow, 8-aligned */
};

static inline const uint8_t *wr_row_page_first(const wr_row_page *page)
{
    return (const uint8_t *)(page + 1);
}

/** An empty page. */
static inline void wr_row_page_init(wr_row_page *page)
{
    *page = (wr_row_page){NULL, (uint32_t)sizeof(wr_row_page), 0};
}

/** Append a copy of `row`; false: it does not fit. */
static inline bool wr_row_page_copy(wr_row_page *page, uint32_t page_bytes, const uint8_t *row)
{
    uint32_t bytes = wr_row_bytes(row);

    if (bytes > page_bytes - page->used_bytes)
        return false;
    __builtin_memcpy((uint8_t *)page + page->used_bytes, row, bytes);
    page->used_bytes += bytes;
    page->row_count++;
    return true;
}

/** Space for as many of `count` rows of `bytes[i]` as fit into what is left of the page; fills
 *  rows[], notes their sizes in them and returns how many. */
uint32_t wr_row_page_reserve(wr_row_page *page, uint32_t page_bytes, const uint32_t *bytes,
                             uint32_t count, uint8_t **out_rows);

/** Addresses of at most `rows_max` rows of the page from byte `*offset` on (0: the first row);
 *  advances *offset. Returns how many, 0 at the end. */
uint32_t wr_row_page_rows(const wr_row_page *page, uint32_t *offset, uint32_t rows_max,
                          const uint8_t **out_rows);

/** A growing list of row pages in memory, FIFO; spills whole pages to a stream. Used for spools,
 *  partitions and build sides. One writer at a time. */
typedef struct wr_row_store {
    const wr_row_layout *layout;
    wr_lease            *lease;
    uint32_t             page_bytes;     /* of a row page, multiple of the arena's page */
    wr_row_page         *first, *last;   /* resident, in order                           */
    uint32_t             page_count;     /* resident                                     */
    wr_spill_stream      stream;         /* pages already spilled come before resident ones */
    uint64_t             row_count;
    uint64_t             byte_count;
} wr_row_store;

void wr_row_store_init(wr_row_store *store, const wr_row_layout *layout, wr_lease *lease,
                       uint32_t page_bytes, wr_spill *spill);

/** Give back pages and extents; the store is empty and usable again. Idempotent. */
void wr_row_store_release(wr_row_store *store);

/** Room for one row at the end of the last page, its size noted in it; NULL: the page is full. */
static inline uint8_t *wr_row_store_take(wr_row_store *store, uint32_t bytes)
{
    wr_row_page *page = store->last;
    uint8_t     *row;

    if (!page || bytes > store->page_bytes - page->used_bytes)
        return NULL;
    row = (uint8_t *)page + page->used_bytes;
    __builtin_memcpy(row, &bytes, 4);
    page->used_bytes += bytes;
    page->row_count++;
    store->byte_count += bytes;
    store->row_count++;
    return row;
}

/** An empty last page; false: the lease refuses. */
bool wr_row_store_add_page(wr_row_store *store);

/** Bytes of pages that `count` stores hold. */
uint64_t wr_row_stores_bytes(const wr_row_store *stores, uint32_t count);

/** Spill every resident page of `count` stores. */
wr_status wr_row_stores_spill(wr_row_store *stores, uint32_t count, wr_error *err) WR_MUST_USE;

/** Give stores[which] an empty last page while all `count` stores (equal pages) hold at most
 *  `bytes_max`: what is full of this store is spilled, or if it has nothing, the largest store;
 *  when the lease refuses a page, all are. Rows taken before must be written.
 * Errors   WR_NO_SPACE, WR_IO */
wr_status wr_row_stores_make_room(wr_row_store *stores, uint32_t count, uint32_t which,
                                  uint64_t bytes_max, wr_error *err) WR_MUST_USE;

/** Append a copy of a row to stores[which], making room as above. Errors WR_NO_SPACE, WR_IO. */
wr_status wr_row_stores_keep(wr_row_store *stores, uint32_t count, uint32_t which,
                             uint64_t bytes_max, const uint8_t *row, wr_error *err) WR_MUST_USE;

/** Stores that rows are cut into, and the scratch of a batch for it. */
typedef struct wr_row_scatter {
    wr_row_store   *stores;    /* of equal layout and page size                                */
    uint32_t        store_count;
    uint64_t        bytes_max; /* of all stores' resident pages                                */
    wr_spill       *spill;
    uint32_t       *sizes;     /* scratch: one for each row                                    */
    uint8_t       **rows;      /* scratch: one for each row                                    */
    const uint64_t *stamps;    /* eight bytes for each row, written at `stamp_offset`; or NULL */
    uint32_t        stamp_offset;
    /** Instead of wr_row_stores_make_room: give stores[which] an empty last page; or NULL. */
    wr_status (*make_room)(void *context, uint32_t which, wr_error *err);
    void           *make_room_context;
} wr_row_scatter;

/** Append the selected rows: the i-th to stores[which[i]].
 * Errors   WR_NO_SPACE, WR_IO
 * Cost     a row: one bump of its store's page and a write per column */
wr_status wr_row_scatter_write(const wr_row_scatter *to, const wr_vector *columns,
                               const wr_selection *selection, const uint16_t *which,
                               wr_error *err) WR_MUST_USE;

/** Write all resident pages but the last `keep` to the stream and give them back.
 * Errors   WR_NO_SPACE, WR_IO: the store can only be released */
wr_status wr_row_store_spill(wr_row_store *store, uint32_t keep, wr_error *err) WR_MUST_USE;

/** Read a finished store in order: spilled pages through `buffer` (page_bytes), then resident ones.
 *  With `consume`, each page is given back when the next one is asked for. Several readers may read
 *  a store that none of them consumes. */
typedef struct wr_row_reader {
    wr_row_store   *store;
    wr_spill_cursor cursor;
    wr_row_page    *page;        /* resident page given last      */
    wr_row_page    *sought;      /* resident page to go on with, or NULL */
    bool            is_resident; /* the spilled pages have passed */
    uint8_t        *buffer;
} wr_row_reader;

void wr_row_reader_init(wr_row_reader *reader, wr_row_store *store, void *buffer, bool consume);
/** *out_page NULL at the end; valid until the next call. */
wr_status wr_row_reader_next(wr_row_reader *reader, const wr_row_page **out_page,
                             wr_error *err) WR_MUST_USE;

/** Where a page of a finished store is that nobody consumes. */
typedef struct wr_row_place {
    wr_spill_position position; /* on disk, or 0 */
    wr_row_page      *page;
} wr_row_place;

/** The place of the page that comes next; a reader of the same store goes there. */
wr_row_place wr_row_reader_place(const wr_row_reader *reader);
void         wr_row_reader_seek(wr_row_reader *reader, wr_row_place place);

#endif
