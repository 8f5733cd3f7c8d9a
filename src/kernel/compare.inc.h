/* kernel/compare.inc.h — template: comparisons of numbers. See each_number.inc.h. */
#ifndef T
#error "include through kernel/each_number.inc.h"
#endif

/* Without branches, so that loops vectorise; the NaN terms vanish for integers. */
WR_ALWAYS_INLINE bool FN(holds)(wr_compare_op op, T a, T b)
{
#if KIND == FLOATING
    bool a_nan = a != a, b_nan = b != b;
#else
    bool a_nan = false, b_nan = false;
#endif

    switch (op) {
    case WR_COMPARE_EQ:
        return (a == b) | (a_nan & b_nan);
    case WR_COMPARE_NE:
        return !((a == b) | (a_nan & b_nan));
    case WR_COMPARE_LT:
        return (a < b) | (b_nan & !a_nan);
    case WR_COMPARE_LE:
        return (a <= b) | b_nan;
    case WR_COMPARE_GT:
        return (a > b) | (a_nan & !b_nan);
    case WR_COMPARE_GE:
        return (a >= b) | a_nan;
    }
    WR_UNREACHABLE();
}

WR_ALWAYS_INLINE void FN(compare_flat)(wr_compare_op op, const T *left, const T *right,
                                       bool right_constant, uint32_t count, uint8_t *restrict out)
{
    T b = right[0];

    for (uint32_t row = 0; row < count; row++)
        out[row] = FN(holds)(op, left[row], right_constant ? b : right[row]);
}

WR_ALWAYS_INLINE void FN(compare_rows)(wr_compare_op op, wr_operand left, wr_operand right,
                                       wr_selection rows, uint8_t *restrict out)
{
    const T *a = left.values, *b = right.values;
    uint32_t a_mask = left.constant ? 0 : UINT32_MAX, b_mask = right.constant ? 0 : UINT32_MAX;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        out[row] = FN(holds)(op, a[row & a_mask], b[row & b_mask]);
    }
}

WR_ALWAYS_INLINE void FN(compare_op)(wr_compare_op op, wr_operand left, wr_operand right,
                                     wr_selection rows, uint8_t *out)
{
    if (rows.rows)
        FN(compare_rows)(op, left, right, rows, out);
    else if (right.constant)
        FN(compare_flat)(op, left.values, right.values, true, rows.row_count, out);
    else
        FN(compare_flat)(op, left.values, right.values, false, rows.row_count, out);
}

/* The caller has mirrored the operation if only the left operand is constant. */
static void FN(compare)(wr_compare_op op, wr_operand left, wr_operand right, wr_selection rows,
                        uint8_t *out)
{
    switch (op) {
    case WR_COMPARE_EQ:
        FN(compare_op)(WR_COMPARE_EQ, left, right, rows, out);
        return;
    case WR_COMPARE_NE:
        FN(compare_op)(WR_COMPARE_NE, left, right, rows, out);
        return;
    case WR_COMPARE_LT:
        FN(compare_op)(WR_COMPARE_LT, left, right, rows, out);
        return;
    case WR_COMPARE_LE:
        FN(compare_op)(WR_COMPARE_LE, left, right, rows, out);
        return;
    case WR_COMPARE_GT:
        FN(compare_op)(WR_COMPARE_GT, left, right, rows, out);
        return;
    case WR_COMPARE_GE:
        FN(compare_op)(WR_COMPARE_GE, left, right, rows, out);
        return;
    }
}

static void FN(pick)(bool greatest, wr_operand left, wr_operand right, wr_selection rows, void *out)
{
    const T *a = left.values, *b = right.values;
    uint32_t a_mask = left.constant ? 0 : UINT32_MAX, b_mask = right.constant ? 0 : UINT32_MAX;
    T       *result = out;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        T        x = a[row & a_mask], y = b[row & b_mask];

        result[row] = FN(holds)(greatest ? WR_COMPARE_LT : WR_COMPARE_GT, x, y) ? y : x;
    }
}
