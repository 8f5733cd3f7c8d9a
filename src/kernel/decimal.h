/* kernel/decimal.h — loops over decimal columns: arithmetic, change of scale, conversions.
 *
 * Types say precision and scale; columns of up to 18 digits are int64, others 128 bits wide. Results
 * are exact or rounded half away from zero to the result's scale; what does not fit its precision
 * fails, and so does a zero divisor. Rules: kernel/operand.h, but `rows` must be rows that count: what
 * lies under nulls need not be a decimal.
 * Cost: sums 0.5 ns, products of int64 columns 1 ns, other products and quotients 5 to 30 ns. */
#ifndef WR_KERNEL_DECIMAL_H
#define WR_KERNEL_DECIMAL_H

#include "kernel/arith.h"
#include "types/decimal.h"

/** out = left op right in `result`'s scale; op: ADD SUB MUL DIV MOD. Returns true if a row failed.
 * Shape  all three types are decimals; any precisions and scales */
bool wr_decimal_arith(wr_arith_op op, wr_type left_type, wr_operand left, wr_type right_type,
                      wr_operand right, wr_type result, wr_selection rows, void *out);
bool wr_decimal_arith_fails(wr_arith_op op, wr_type left_type, wr_operand left, wr_type right_type,
                            wr_operand right, wr_type result, uint32_t row);

/** Decimals to decimals. Returns true if a value does not fit `to`. */
bool wr_decimal_convert(wr_type from, const void *values, wr_type to, wr_selection rows, void *out);

/** Integers or floats to decimals, and decimals to integers or floats (`to` decides). */
bool wr_decimal_from_number(wr_physical from, const void *values, wr_type to, wr_selection rows,
                            void *out);
bool wr_decimal_to_number(wr_type from, const void *values, wr_physical to, wr_selection rows,
                          void *out);

/** Exact comparison of decimals of any two scales, also where no common type exists:
 *  negative, zero, positive. */
int wr_decimal_compare(wr_i128 left, int left_scale, wr_i128 right, int right_scale);

/** The value at `row`, whatever its width. */
static inline wr_i128 wr_decimal_load(wr_physical physical, const void *values, size_t row)
{
    return physical == WR_PHYS_I64 ? ((const int64_t *)values)[row]
                                   : ((const wr_i128 *)values)[row];
}

static inline void wr_decimal_store(wr_physical physical, void *values, size_t row, wr_i128 value)
{
    if (physical == WR_PHYS_I64)
        ((int64_t *)values)[row] = (int64_t)value;
    else
        ((wr_i128 *)values)[row] = value;
}

#endif
