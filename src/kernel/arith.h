/* kernel/arith.h — arithmetic of two numeric columns of one type: integers, floats.
 *
 * Integers report overflow, division by zero is reported for integers and floats; NaN / 0 is NaN,
 * other float results are IEEE. Rules and cost: kernel/operand.h. */
#ifndef WR_KERNEL_ARITH_H
#define WR_KERNEL_ARITH_H

#include "kernel/operand.h"

typedef enum wr_arith_op {
    WR_ARITH_ADD,
    WR_ARITH_SUB,
    WR_ARITH_MUL,
    WR_ARITH_DIV, /* truncates towards zero */
    WR_ARITH_MOD, /* sign of the dividend   */
    WR_ARITH_BIT_AND,
    WR_ARITH_BIT_OR,
    WR_ARITH_BIT_XOR,
    WR_ARITH_OP_COUNT
} wr_arith_op;

/** out = left op right for all `rows`; bits only of integers.
 * Returns true if some of the rows overflowed or divided by zero: their results are unspecified. */
bool wr_arith(wr_arith_op op, wr_physical physical, wr_operand left, wr_operand right,
              wr_selection rows, void *out);

/** First of `rows` that fails, or WR_ROW_NONE. A zero divisor tells one failure from the other. */
uint32_t wr_arith_find(wr_arith_op op, wr_physical physical, wr_operand left, wr_operand right,
                       wr_selection rows);

/** out = values << counts or >> counts (arithmetic for signed types); counts are int64.
 * Returns true if a count is negative or not below the width. */
bool wr_arith_shift(bool is_left, wr_physical physical, wr_operand values, wr_operand counts,
                    wr_selection rows, void *out);
uint32_t wr_arith_shift_find(wr_physical physical, wr_operand counts, wr_selection rows);

#endif
