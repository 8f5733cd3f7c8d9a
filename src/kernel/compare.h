/* kernel/compare.h — comparisons of two columns of one physical type: bytes 0 or 1.
 *
 * Total orders: NaN equals NaN and is greatest, -0 equals 0; text by bytes; an interval's month is
 * 30 days. Text is read only at `rows`; nothing fails. Blob handles must not occur.
 * Rules and cost: kernel/operand.h; text about 2 ns plus the bytes that have to be looked at. */
#ifndef WR_KERNEL_COMPARE_H
#define WR_KERNEL_COMPARE_H

#include "kernel/operand.h"

typedef enum wr_compare_op {
    WR_COMPARE_EQ,
    WR_COMPARE_NE,
    WR_COMPARE_LT,
    WR_COMPARE_LE,
    WR_COMPARE_GT,
    WR_COMPARE_GE,
} wr_compare_op;

/** The operator that holds for (b, a) exactly when `op` holds for (a, b). */
wr_compare_op wr_compare_mirror(wr_compare_op op);

/** out[row] = left op right for all `rows`. */
void wr_compare(wr_compare_op op, wr_physical physical, wr_operand left, wr_operand right,
                wr_selection rows, uint8_t *out);

/** out[row] = the greater or the smaller of both sides, left on a tie. Text views are copied.
 *  `out` may be left's values. */
void wr_compare_pick(bool greatest, wr_physical physical, wr_operand left, wr_operand right,
                     wr_selection rows, void *out);

#endif
