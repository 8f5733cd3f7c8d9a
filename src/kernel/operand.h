/* kernel/operand.h — what every kernel is given: operands, rows, and how rows that fail are told.
 *
 * A kernel is one loop over plain arrays, specialised by type. It allocates nothing, reads no
 * setting and raises nothing. Rules for all of them
 *  1. Values are read and written at row positions; `rows` says which (rows->rows NULL: the first
 *     row_count). Other rows are not touched.
 *  2. `out` never overlaps an operand.
 *  3. Loops that can fail compute something for every row, garbage included, and return true when any
 *     row failed. The caller, who knows which rows count, then asks the kernel's _find function.
 *     So nulls and unselected rows cost no branch where they are harmless.
 * Cost: flat loops over all rows are vectorised, 0.1 to 1 ns a value; loops over a selection 1 ns. */
#ifndef WR_KERNEL_OPERAND_H
#define WR_KERNEL_OPERAND_H

#include "vector/vector.h"

/** Values at row positions, or one for all rows. */
typedef struct wr_operand {
    const void *values;
    bool        constant;
} wr_operand;

enum { WR_ROW_NONE = UINT32_MAX };

/** Of a FLAT or CONST vector. */
static inline wr_operand wr_operand_of(const wr_vector *vector)
{
    return (wr_operand){vector->data, vector->encoding == WR_CONST};
}

/** The first `row_count` rows. */
static inline wr_selection wr_rows_all(uint32_t row_count)
{
    return (wr_selection){NULL, row_count};
}

#endif
