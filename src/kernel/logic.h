/* kernel/logic.h — three-valued logic on BOOL columns, and selections made of them.
 *
 * A BOOL column is bytes 0 or 1 plus validity words (NULL: no nulls); bytes under nulls are anything.
 * Rules: kernel/operand.h. Cost: selections 1 ns a row; flat logic 0.1 ns. */
#ifndef WR_KERNEL_LOGIC_H
#define WR_KERNEL_LOGIC_H

#include "kernel/operand.h"

typedef enum wr_select_kind {
    WR_SELECT_TRUE,
    WR_SELECT_NOT_TRUE, /* false or null */
    WR_SELECT_NOT_FALSE /* true or null  */
} wr_select_kind;

/** Those of `rows` whose value is of the kind, ascending, to `out_rows` (may be rows.rows itself).
 *  Returns how many. */
uint32_t wr_select(wr_select_kind kind, const uint8_t *values, const uint64_t *valid,
                   wr_selection rows, uint16_t *out_rows);

/** Those of `rows` that are not null. Returns how many. */
uint32_t wr_select_valid(const uint64_t *valid, wr_selection rows, uint16_t *out_rows);

/** target = target AND (OR) other, three-valued, for `rows`; other rows keep their value. When nulls
 *  arise, target_valid must not be NULL.
 * Shape  target_valid NULL only if other_valid is NULL */
void wr_logic_merge(bool is_and, uint8_t *target, uint64_t *target_valid, const uint8_t *other,
                    const uint64_t *other_valid, wr_selection rows);

/** out = 1 - value, for the first row_count rows. */
void wr_logic_not(const uint8_t *values, uint32_t row_count, uint8_t *out);

/** Bits to bytes: out[row] = bit ^ negate. */
void wr_bits_expand(const uint64_t *bits, bool negate, wr_selection rows, uint8_t *out);

/** out = left AND right of validity words; NULL stands for all ones, at most one may be. */
void wr_bits_and(const uint64_t *left, const uint64_t *right, uint32_t row_count, uint64_t *out);

#endif
