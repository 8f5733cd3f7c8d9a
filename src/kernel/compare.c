/* kernel/compare.c — the tables of compare.inc.h by type, and the types that are not numbers. */
#include "kernel/compare.h"

#define WR_TEMPLATE "kernel/compare.inc.h"
#include "kernel/each_number.inc.h"

/* Does an order (negative, zero, positive) satisfy the operation? */
WR_ALWAYS_INLINE bool order_holds(wr_compare_op op, int order)
{
    switch (op) {
    case WR_COMPARE_EQ:
        return order == 0;
    case WR_COMPARE_NE:
        return order != 0;
    case WR_COMPARE_LT:
        return order < 0;
    case WR_COMPARE_LE:
        return order <= 0;
    case WR_COMPARE_GT:
        return order > 0;
    case WR_COMPARE_GE:
        return order >= 0;
    }
    WR_UNREACHABLE();
}

/* Order of the values of `row`; wide types are not worth a loop for each operation. */
WR_ALWAYS_INLINE int order_wide(wr_physical physical, wr_operand left, wr_operand right,
                                uint32_t row)
{
    uint32_t       i = left.constant ? 0 : row, j = right.constant ? 0 : row;
    const wr_i128 *a = left.values, *b = right.values;
    wr_i128        x, y;

    if (physical == WR_PHYS_STR)
        return wr_str_compare((const wr_str *)left.values + i, (const wr_str *)right.values + j);
    if (physical == WR_PHYS_I128) {
        x = a[i];
        y = b[j];
    } else {
        x = wr_interval_total_us(((const wr_interval *)left.values)[i]);
        y = wr_interval_total_us(((const wr_interval *)right.values)[j]);
    }
    return (x > y) - (x < y);
}

WR_ALWAYS_INLINE void compare_wide(wr_physical physical, wr_compare_op op, wr_operand left,
                                   wr_operand right, wr_selection rows, uint8_t *out)
{
    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        out[row] = order_holds(op, order_wide(physical, left, right, row));
    }
}

static void compare_i128(wr_compare_op op, wr_operand left, wr_operand right, wr_selection rows,
                         uint8_t *out)
{
    compare_wide(WR_PHYS_I128, op, left, right, rows, out);
}

static void compare_interval(wr_compare_op op, wr_operand left, wr_operand right,
                             wr_selection rows, uint8_t *out)
{
    compare_wide(WR_PHYS_INTERVAL, op, left, right, rows, out);
}

/* Equality looks at the length and the first bytes before any pointer is followed. */
static void compare_str(wr_compare_op op, wr_operand left, wr_operand right, wr_selection rows,
                        uint8_t *out)
{
    const wr_str *a = left.values, *b = right.values;
    uint32_t a_mask = left.constant ? 0 : UINT32_MAX, b_mask = right.constant ? 0 : UINT32_MAX;
    bool     negate = op == WR_COMPARE_NE;

    if (op != WR_COMPARE_EQ && op != WR_COMPARE_NE) {
        compare_wide(WR_PHYS_STR, op, left, right, rows, out);
        return;
    }
    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        out[row] = wr_str_equal(&a[row & a_mask], &b[row & b_mask]) ^ negate;
    }
}

typedef struct wide_value {
    uint64_t low, high;
} wide_value;

WR_ALWAYS_INLINE void pick_wide(wr_physical physical, bool greatest, wr_operand left,
                                wr_operand right, wr_selection rows, void *out)
{
    const wide_value *a = left.values, *b = right.values;
    wide_value       *result = out;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        int      order = order_wide(physical, left, right, row);

        result[row] = (greatest ? order < 0 : order > 0) ? b[right.constant ? 0 : row]
                                                         : a[left.constant ? 0 : row];
    }
}

static void pick_i128(bool greatest, wr_operand left, wr_operand right, wr_selection rows,
                      void *out)
{
    pick_wide(WR_PHYS_I128, greatest, left, right, rows, out);
}

static void pick_interval(bool greatest, wr_operand left, wr_operand right, wr_selection rows,
                          void *out)
{
    pick_wide(WR_PHYS_INTERVAL, greatest, left, right, rows, out);
}

static void pick_str(bool greatest, wr_operand left, wr_operand right, wr_selection rows, void *out)
{
    pick_wide(WR_PHYS_STR, greatest, left, right, rows, out);
}

#define compare_bool compare_u8
#define pick_bool    pick_u8

static const struct {
    void (*compare)(wr_compare_op op, wr_operand left, wr_operand right, wr_selection rows,
                    uint8_t *out);
    void (*pick)(bool greatest, wr_operand left, wr_operand right, wr_selection rows, void *out);
} TABLE[WR_PHYS_COUNT] = {
#define X(id, name, ctype, bytes) [WR_PHYS_##id] = {compare_##name, pick_##name},
#include "types/physical.def"
#undef X
};

wr_compare_op wr_compare_mirror(wr_compare_op op)
{
    static const wr_compare_op MIRROR[] = {
        [WR_COMPARE_EQ] = WR_COMPARE_EQ, [WR_COMPARE_NE] = WR_COMPARE_NE,
        [WR_COMPARE_LT] = WR_COMPARE_GT, [WR_COMPARE_LE] = WR_COMPARE_GE,
        [WR_COMPARE_GT] = WR_COMPARE_LT, [WR_COMPARE_GE] = WR_COMPARE_LE,
    };

    return MIRROR[op];
}

void wr_compare(wr_compare_op op, wr_physical physical, wr_operand left, wr_operand right,
                wr_selection rows, uint8_t *out)
{
    if (rows.row_count == 0)
        return;
    if (left.constant && right.constant && !rows.rows) {
        TABLE[physical].compare(op, left, right, wr_rows_all(1), out);
        memset(out, out[0], rows.row_count);
    } else if (left.constant) {
        TABLE[physical].compare(wr_compare_mirror(op), right, left, rows, out);
    } else {
        TABLE[physical].compare(op, left, right, rows, out);
    }
}

void wr_compare_pick(bool greatest, wr_physical physical, wr_operand left, wr_operand right,
                     wr_selection rows, void *out)
{
    TABLE[physical].pick(greatest, left, right, rows, out);
}
