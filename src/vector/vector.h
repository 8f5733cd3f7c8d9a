/* vector/vector.h — columns of up to WR_BATCH_ROWS_MAX values, their encodings, batches.
 *
 * A batch is a borrowed view: it lives until its producer is called again on the same worker, and
 * sinks copy what they keep. So there is no reference counting and no hidden memory: every byte
 * behind a batch belongs to some operator's lease.
 *
 * Encodings (kept through operators where that is cheaper than flattening):
 *   FLAT   data = row_count values
 *   CONST  data = 1 value, valid bit 0; stands for every row
 *   DICT   codes[row] indexes `dict` (FLAT, any number of rows); the dictionary holds the nulls
 *   SEQ    i64 only: first + row * step
 * Invariants
 *  1. valid == NULL means no nulls. Bits beyond row_count are undefined.
 *  2. A value under a null bit is unspecified but initialised (kernels may compute on it).
 *  3. Selections are ascending, without repeats, each < row_count.
 *  4. Types follow wr_type_physical(type). BOOL data is one byte, 0 or 1.
 *  5. A vector with room (wr_vector_init, wr_vector_init_at) has its validity words directly after
 *     its WR_BATCH_ROWS_MAX values, so `valid = NULL` loses nothing: wr_vector_valid_room. */
#ifndef WR_VECTOR_VECTOR_H
#define WR_VECTOR_VECTOR_H

#include <stdint.h>

#include "base/bits.h"
#include "mem/bump.h"
#include "types/str.h"
#include "types/type.h"
#include "types/value.h"

enum { WR_BATCH_ROWS_MAX = 1024 };

typedef enum wr_encoding { WR_FLAT, WR_CONST, WR_DICT, WR_SEQ } wr_encoding;

enum { WR_VECTOR_BLOBS = 1 << 0 /* STR: some values may be blob handles */ };

typedef struct wr_vector wr_vector;
struct wr_vector {
    wr_type          type;
    uint8_t          encoding; /* wr_encoding */
    uint8_t          flags;
    uint32_t         row_count;
    void            *data;     /* FLAT, CONST */
    uint64_t        *valid;    /* FLAT: row_count bits; CONST: 1 bit; NULL: no nulls */
    const uint32_t  *codes;    /* DICT */
    const wr_vector *dict;     /* DICT */
    int64_t          seq_first, seq_step; /* SEQ */
};

/** Rows of a batch that count; rows == NULL means 0 .. row_count-1. */
typedef struct wr_selection {
    const uint16_t *rows;
    uint32_t        row_count; /* number of selected rows */
} wr_selection;

typedef struct wr_batch {
    uint32_t     row_count;    /* physical rows of every column, 0 .. WR_BATCH_ROWS_MAX */
    uint32_t     column_count;
    wr_selection selection;    /* rows NULL: all, then selection.row_count == row_count */
    wr_vector   *columns;
    uint64_t     morsel;       /* which morsel of the source this came from */
    bool         morsel_end;   /* nothing more comes from this morsel after this batch */
    uint64_t     position;     /* of row 0 in the source; row r has position + r: for random() */
    const uint64_t *positions; /* of each row, if they do not follow from that of row 0; else NULL */
} wr_batch;

static inline uint32_t wr_selection_row(const wr_selection *selection, uint32_t index)
{
    return selection->rows ? selection->rows[index] : index;
}

/** Selected rows of a batch. */
static inline uint32_t wr_batch_rows(const wr_batch *batch)
{
    return batch->selection.row_count;
}

static inline void wr_batch_select_all(wr_batch *batch)
{
    batch->selection = (wr_selection){NULL, batch->row_count};
}

/** Is the value of `row` not null? Any encoding. */
static inline bool wr_vector_is_valid(const wr_vector *vector, uint32_t row)
{
    switch ((wr_encoding)vector->encoding) {
    case WR_FLAT:
        return !vector->valid || wr_bit_get(vector->valid, row);
    case WR_CONST:
        return !vector->valid || wr_bit_get(vector->valid, 0);
    case WR_DICT:
        return !vector->dict->valid || wr_bit_get(vector->dict->valid, vector->codes[row]);
    case WR_SEQ:
        return true;
    }
    WR_UNREACHABLE();
}

/** false: no row is null. Any encoding. */
static inline bool wr_vector_may_have_null(const wr_vector *vector)
{
    return vector->encoding == WR_DICT ? vector->dict->valid != NULL : vector->valid != NULL;
}

/** Address of the value of `row`: FLAT, CONST, DICT. Not SEQ. */
const void *wr_vector_at(const wr_vector *vector, uint32_t row);

/** The value of `row` as a scalar, any encoding; text is borrowed. Slow path (messages, tests). */
wr_value wr_vector_value(const wr_vector *vector, uint32_t row);

/** Uniform access for loops: value of `row` is data[index ? index[row] : row]. */
typedef struct wr_vector_view {
    const void     *data;
    const uint64_t *valid; /* indexed like data */
    const uint32_t *index; /* NULL: identity */
} wr_vector_view;

/** View any encoding. SEQ and CONST need scratch: `zeros` (WR_BATCH_ROWS_MAX u32 zeros, static
 *  inside) serves CONST; SEQ is written flat into `scratch` (8 * WR_BATCH_ROWS_MAX bytes, may be
 *  NULL if the vector is not SEQ). */
wr_vector_view wr_vector_view_of(const wr_vector *vector, void *scratch);

/** The validity words of a vector with room (invariant 5), whatever `valid` says now. */
static inline uint64_t *wr_vector_valid_room(const wr_vector *vector)
{
    uint32_t value_bytes = wr_physical_bytes(wr_type_physical(vector->type));

    return (uint64_t *)((uint8_t *)vector->data + (size_t)WR_BATCH_ROWS_MAX * value_bytes);
}

/** Bytes one vector of `type` needs for data and validity at WR_BATCH_ROWS_MAX rows. */
uint64_t wr_vector_bytes(wr_type type);

/** Make `vector` FLAT over `room`: wr_vector_bytes(type) initialised bytes, 16-aligned. No rows
 *  yet; `valid` is set, all ones. */
void wr_vector_init_at(wr_vector *vector, wr_type type, void *room);

/** As wr_vector_init_at with zeroed room from `bump`. Errors WR_NO_MEMORY. */
wr_status wr_vector_init(wr_vector *vector, wr_type type, wr_bump *bump, wr_error *err) WR_MUST_USE;

/** Make `vector` a CONST of `value`; `cell` (16 bytes + 8 for the valid bit) holds it. */
typedef struct wr_vector_cell { _Alignas(16) uint8_t value[16]; uint64_t valid; } wr_vector_cell;
void wr_vector_set_const(wr_vector *vector, const wr_value *value, uint32_t row_count,
                         wr_vector_cell *cell);

/** Flatten the selected rows of `in` into `out` (FLAT, row positions kept; others untouched).
 *
 * Shape    `out` is a vector with room, of the same type. Several calls may fill disjoint rows of
 *          one `out`. When out->valid is NULL, rows outside the selection count as not null. */
void wr_vector_flatten(const wr_vector *in, const wr_selection *selection, wr_vector *out);

/** Gather: out row i = in row rows[i] (rows NULL: i); FLAT result of `count` rows.
 *
 * Shape    `out` is a vector with room, of the same type; afterwards out->valid is NULL exactly
 *          when `in` declares no nulls. Repeats in `rows` are allowed. */
void wr_vector_gather(const wr_vector *in, const uint16_t *rows, uint32_t count, wr_vector *out);

#endif
