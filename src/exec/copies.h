/* exec/copies.h — the columns of a batch for rows that come several times: repeat, unnest.
 *
 * Values are not copied: FLAT columns become dictionaries into the input's vectors, or one constant
 * where all rows are copies of one. Each copy has a position of its own, made of its row's and its number,
 * so random functions draw anew for it. Invariant: rows are added in ascending order.
 * Owner: what wr_copies_column gives lies in the input and in the copies' room, until the next clear.
 * Call order: layout; per output batch clear, add..., column for each. Threads: one. */
#ifndef WR_EXEC_COPIES_H
#define WR_EXEC_COPIES_H

#include "base/hash.h"
#include "exec/operator.h"
#include "io/carve.h"

typedef struct wr_copies {
    uint16_t *rows;  /* of the input, per row put out         */
    uint32_t *codes; /* the same, as codes into FLAT columns  */
    uint8_t  *room;  /* codes or values, a part a column      */
    uint64_t *positions;
    uint32_t  count; /* rows put out                          */
} wr_copies;

void wr_copies_layout(wr_copies *copies, uint32_t column_count, wr_carver *carver);

static inline void wr_copies_clear(wr_copies *copies)
{
    copies->count = 0;
}

/** Copies `first` to `first + count` of the input's row; at most WR_BATCH_ROWS_MAX in all. */
static inline void wr_copies_add(wr_copies *copies, const wr_batch *in, uint32_t row, uint64_t first,
                                 uint32_t count)
{
    uint64_t position = in->positions ? in->positions[row] : in->position + row;

    for (uint32_t i = 0; i < count; i++) {
        copies->rows[copies->count + i] = (uint16_t)row;
        copies->codes[copies->count + i] = row;
        copies->positions[copies->count + i] = wr_hash_combine(position, first + i);
    }
    copies->count += count;
}

/** Let `out` have the rows that were added; its columns are the caller's. */
static inline void wr_copies_give(const wr_copies *copies, wr_batch *out)
{
    out->row_count = copies->count;
    out->positions = copies->positions;
    wr_batch_select_all(out);
}

/** A column of the input for the rows that were added. `part` < column_count: whose room it takes. */
void wr_copies_column(const wr_copies *copies, const wr_vector *in, uint32_t part, wr_vector *out);

#endif
