/* kernel/arith.c — the tables of arith.inc.h by operation and type. */
#include "kernel/arith.h"

#include "base/real.h"


#define WR_TEMPLATE "kernel/arith.inc.h"
#include "kernel/each_number.inc.h"

typedef bool (*arith_fn)(wr_arith_op op, wr_operand left, wr_operand right, wr_selection rows,
                         void *out);
typedef bool (*arith_fails_fn)(wr_arith_op op, wr_operand left, wr_operand right, uint32_t row);
typedef bool (*shift_fn)(bool is_left, wr_operand values, wr_operand counts, wr_selection rows,
                         void *out);

/* clang-format off */
static const struct {
    arith_fn       arith;
    arith_fails_fn fails;
    shift_fn       shift;
    uint32_t       bits;
} TABLE[WR_PHYS_COUNT] = {
    [WR_PHYS_I8]  = {arith_i8,  arith_fails_i8,  shift_i8,  8},
    [WR_PHYS_I16] = {arith_i16, arith_fails_i16, shift_i16, 16},
    [WR_PHYS_I32] = {arith_i32, arith_fails_i32, shift_i32, 32},
    [WR_PHYS_I64] = {arith_i64, arith_fails_i64, shift_i64, 64},
    [WR_PHYS_U8]  = {arith_u8,  arith_fails_u8,  shift_u8,  8},
    [WR_PHYS_U16] = {arith_u16, arith_fails_u16, shift_u16, 16},
    [WR_PHYS_U32] = {arith_u32, arith_fails_u32, shift_u32, 32},
    [WR_PHYS_U64] = {arith_u64, arith_fails_u64, shift_u64, 64},
    [WR_PHYS_F32] = {arith_f32, arith_fails_f32, NULL,      0},
    [WR_PHYS_F64] = {arith_f64, arith_fails_f64, NULL,      0},
};
/* clang-format on */

bool wr_arith(wr_arith_op op, wr_physical physical, wr_operand left, wr_operand right,
              wr_selection rows, void *out)
{
    if (rows.row_count == 0)
        return false;
    return TABLE[physical].arith(op, left, right, rows, out);
}

uint32_t wr_arith_find(wr_arith_op op, wr_physical physical, wr_operand left, wr_operand right,
                       wr_selection rows)
{
    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);

        if (TABLE[physical].fails(op, left, right, row))
            return row;
    }
    return WR_ROW_NONE;
}

bool wr_arith_shift(bool is_left, wr_physical physical, wr_operand values, wr_operand counts,
                    wr_selection rows, void *out)
{
    return TABLE[physical].shift(is_left, values, counts, rows, out);
}

uint32_t wr_arith_shift_find(wr_physical physical, wr_operand counts, wr_selection rows)
{
    const int64_t *count = counts.values;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);

        if ((uint64_t)count[counts.constant ? 0 : row] >= TABLE[physical].bits)
            return row;
    }
    return WR_ROW_NONE;
}
