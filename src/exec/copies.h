/* exec/copies.h — the columns of a batch for rows that come several times: repeat, unnest.
 *
 * Values are not copied: FLAT columns become dictionaries into the input's vectors, or one constant
 * where all rows are copies of one. Invariant: rows are added in ascending order.
 * Owner: what wr_copies_column gives lies in the input and in the copies' room, until the next clear.
 * Call order: layout; per output batch clear, add..., column for each. Threads: one. */
#ifndef WR_EXEC_COPIES_H
#define WR_EXEC_COPIES_H

#include "exec/operator.h"
#include "io/carve.h"

typedef struct wr_copies {
    uint16_t *rows;  /* of the input, per row put out         */
    uint32_t *codes; /* the same, as codes into FLAT columns  */
    uint8_t  *room;  /* codes or values, a part a column      */
    uint32_t  count; /* rows put out                          */
} wr_copies;

void wr_copies_layout(wr_copies *copies, uint32_t column_count, wr_carver *carver);

static inline void wr_copies_clear(wr_copies *copies)
{
    copies->count = 0;
}

/** `count` more copies of the input's row; at most WR_BATCH_ROWS_MAX in all. */
static inline void wr_copies_add(wr_copies *copies, uint32_t row, uint32_t count)
{
    for (uint32_t i = copies->count; i < copies->count + count; i++) {
        copies->rows[i] = (uint16_t)row;
        copies->codes[i] = row;
    }
    copies->count += count;
}

/** A column of the input for the rows that were added. `part` < column_count: whose room it takes. */
void wr_copies_column(const wr_copies *copies, const wr_vector *in, uint32_t part, wr_vector *out);

#endif
