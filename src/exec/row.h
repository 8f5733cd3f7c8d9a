/* exec/row.h — rows as relocatable bytes: what sorters, joins, aggregates and spools keep and spill.
 *
 * A row is [u32 row_bytes][null bits, 1 = null][fixed slots, naturally aligned up to 8][heap].
 * Slots have the physical width of their type; a string slot is the 16-byte view with its pointer
 * replaced by the heap's offset from the row's start, so a row can be copied, spilled and read back
 * at any address without fix-up. row_bytes is a multiple of 8. Columns are written and read a
 * column at a time for many rows (scatter/gather).
 * Blobs: a row larger than `row_bytes_max` sends its longest values to the spill's blob stream and
 * keeps handles (string slot with the top bit of the offset set; the heap holds the wr_blob).
 * Invariants: row_bytes <= row_bytes_max, a quarter of the page the owner uses; that page is at least
 * wr_row_page_bytes(), a formula over the schema.
 * Cost: about 1 ns per value either way. */
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

/** Lay out columns of `types`. `extra_bytes` are reserved after the header for the owner (hash,
 *  next pointer, aggregate states); *out_extra_offset tells where (8-aligned). */
wr_status wr_row_layout_init(wr_row_layout *layout, const wr_type *types, uint32_t column_count,
                             uint32_t extra_bytes, uint32_t *out_extra_offset,
                             uint32_t row_bytes_max, wr_bump *bump, wr_error *err) WR_MUST_USE;

/** Smallest page (power of two, >= page_bytes) that keeps four rows of this fixed size. */
uint32_t wr_row_page_bytes(uint32_t fixed_bytes, uint32_t page_bytes);

static inline uint32_t wr_row_bytes(const uint8_t *row)
{
    uint32_t bytes;

    __builtin_memcpy(&bytes, row, 4);
    return bytes;
}

/** Bytes each selected row will take: out_bytes[i] for the i-th selected row. */
void wr_row_measure(const wr_row_layout *layout, const wr_vector *columns,
                    const wr_selection *selection, uint32_t *out_bytes);

/** Write selected rows first .. first+count-1 to rows[0 .. count-1] (8-aligned, measured bytes each).
 *  Blobs and over-long values go to `spill`. Errors WR_NO_SPACE, WR_IO (blobs only). */
wr_status wr_row_write(const wr_row_layout *layout, const wr_vector *columns,
                       const wr_selection *selection, uint32_t first, uint32_t count,
                       uint8_t *const *rows, wr_spill *spill, wr_error *err) WR_MUST_USE;

/** Read column `column` of `count` rows into `out` (FLAT, preallocated); strings point into the rows. */
void wr_row_read(const wr_row_layout *layout, uint32_t column, const uint8_t *const *rows,
                 uint32_t count, wr_vector *out);

static inline bool wr_row_is_null(const wr_row_layout *layout, const uint8_t *row, uint32_t column)
{
    return (row[layout->null_offset + column / 8] >> (column % 8)) & 1;
}

static inline const uint8_t *wr_row_slot(const wr_row_layout *layout, const uint8_t *row,
                                         uint32_t column)
{
    return row + layout->offsets[column];
}

/** A string slot as a view whose bytes lie in the row. */
wr_str wr_row_str(const wr_row_layout *layout, const uint8_t *row, uint32_t column);

/** Are columns (columns[0..n-1]) of both rows equal, NULL equal to NULL? NaN equals NaN. */
bool wr_row_equal(const wr_row_layout *layout, const uint8_t *a, const uint8_t *b,
                  uint32_t column_count);

/* ---- A page of rows: rows lie one after the other, so a page spills as it is. ---------------- */

typedef struct wr_row_page wr_row_page;
struct wr_row_page {
    wr_row_page *next;   /* in its store; meaningless on disk */
    uint32_t used_bytes; /* including this header */
    uint32_t row_count;
    /* rows follow, 8-aligned */
};

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
void wr_row_store_release(wr_row_store *store);

/** Space for `count` rows of `bytes[i]`; fills rows[] for as many as fit now and returns how many.
 *  Fewer than count means: the lease refused a page; spill (wr_row_store_spill) and call again. */
uint32_t wr_row_store_reserve(wr_row_store *store, const uint32_t *bytes, uint32_t count,
                              uint8_t **rows);

/** Write all resident pages but the last `keep` to the stream and give them back. */
wr_status wr_row_store_spill(wr_row_store *store, uint32_t keep, wr_error *err) WR_MUST_USE;

/** Read a finished store in order: spilled pages through `buffer` (page_bytes), then resident ones. */
typedef struct wr_row_reader {
    wr_row_store   *store;
    wr_spill_cursor cursor;
    wr_row_page    *page;
    uint8_t        *buffer;
} wr_row_reader;

void wr_row_reader_init(wr_row_reader *reader, wr_row_store *store, void *buffer, bool consume);
/** *out_page NULL at the end; valid until the next call. */
wr_status wr_row_reader_next(wr_row_reader *reader, const wr_row_page **out_page,
                             wr_error *err) WR_MUST_USE;

#endif
