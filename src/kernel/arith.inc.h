/* kernel/arith.inc.h — template: two columns of one type, one operation. See each_number.inc.h. */
#ifndef T
#error "include through kernel/each_number.inc.h"
#endif

/* One value. What went wrong is collected in *flags so that the loops stay free of branches: negative
 * for signed types, not zero for others. */
WR_ALWAYS_INLINE T FN(combine)(wr_arith_op op, T a, T b, T *flags)
{
#if KIND == FLOATING
    switch (op) {
    case WR_ARITH_ADD:
        return a + b;
    case WR_ARITH_SUB:
        return a - b;
    case WR_ARITH_MUL:
        return a * b;
    case WR_ARITH_DIV:
        *flags = b == 0 && a == a ? 1 : *flags;
        return a / b;
    default:
        *flags = b == 0 && a == a ? 1 : *flags;
        return (T)wr_real_remainder(a, b);
    }
#else
    T result;
    W wide;

    switch (op) {
    case WR_ARITH_ADD:
        result = (T)((U)a + (U)b);
#if KIND == SIGNED
        *flags = (T)(*flags | ((a ^ result) & (b ^ result)));
#else
        *flags = (T)(*flags | (result < a));
#endif
        return result;
    case WR_ARITH_SUB:
        result = (T)((U)a - (U)b);
#if KIND == SIGNED
        *flags = (T)(*flags | ((a ^ b) & (a ^ result)));
#else
        *flags = (T)(*flags | (a < b));
#endif
        return result;
    case WR_ARITH_MUL:
#if BITS == 64
        *flags = (T)(*flags | -(T)__builtin_mul_overflow(a, b, &wide));
#else
        wide = (W)a * (W)b;
        *flags = (T)(*flags | -(T)(wide != (T)wide));
#endif
        return (T)wide;
    case WR_ARITH_DIV:
    case WR_ARITH_MOD:
        if (b == 0) {
            *flags = (T)-1;
            return 0;
        }
#if KIND == SIGNED
        if (b == -1) { /* the one overflow, and it traps */
            result = (T)(0 - (U)a);
            if (op == WR_ARITH_DIV)
                *flags = (T)(*flags | (a & result));
            return op == WR_ARITH_DIV ? result : 0;
        }
#endif
        return (T)(op == WR_ARITH_DIV ? a / b : a % b);
    case WR_ARITH_BIT_AND:
        return (T)(a & b);
    case WR_ARITH_BIT_OR:
        return (T)(a | b);
    default:
        return (T)(a ^ b);
    }
#endif
}

WR_ALWAYS_INLINE bool FN(has_failed)(T flags)
{
#if KIND == SIGNED
    return flags < 0;
#else
    return flags != 0;
#endif
}

/* All rows; `left_constant` and `right_constant` are literals at every call: vectorised. */
WR_ALWAYS_INLINE bool FN(combine_flat)(wr_arith_op op, const T *left, bool left_constant,
                                       const T *right, bool right_constant, uint32_t count,
                                       T *restrict out)
{
    T a = left[0], b = right[0], flags = 0;

    for (uint32_t row = 0; row < count; row++)
        out[row] = FN(combine)(op, left_constant ? a : left[row], right_constant ? b : right[row],
                               &flags);
    return FN(has_failed)(flags);
}

/* Any rows, any operands: a constant is a column whose position is masked to 0. */
WR_ALWAYS_INLINE bool FN(combine_rows)(wr_arith_op op, wr_operand left, wr_operand right,
                                       wr_selection rows, T *restrict out)
{
    const T *a = left.values, *b = right.values;
    uint32_t a_mask = left.constant ? 0 : UINT32_MAX, b_mask = right.constant ? 0 : UINT32_MAX;
    T        flags = 0;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        out[row] = FN(combine)(op, a[row & a_mask], b[row & b_mask], &flags);
    }
    return FN(has_failed)(flags);
}

/* The operations worth flat loops. */
WR_ALWAYS_INLINE bool FN(combine_fast)(wr_arith_op op, wr_operand left, wr_operand right,
                                       wr_selection rows, void *out)
{
    const T *a = left.values, *b = right.values;

    if (rows.rows)
        return FN(combine_rows)(op, left, right, rows, out);
    if (right.constant)
        return FN(combine_flat)(op, a, false, b, true, rows.row_count, out);
    if (left.constant)
        return FN(combine_flat)(op, a, true, b, false, rows.row_count, out);
    return FN(combine_flat)(op, a, false, b, false, rows.row_count, out);
}

static bool FN(arith)(wr_arith_op op, wr_operand left, wr_operand right, wr_selection rows,
                      void *out)
{
    switch (op) {
    case WR_ARITH_ADD:
        return FN(combine_fast)(WR_ARITH_ADD, left, right, rows, out);
    case WR_ARITH_SUB:
        return FN(combine_fast)(WR_ARITH_SUB, left, right, rows, out);
    case WR_ARITH_MUL:
        return FN(combine_fast)(WR_ARITH_MUL, left, right, rows, out);
    case WR_ARITH_DIV:
        return FN(combine_rows)(WR_ARITH_DIV, left, right, rows, out);
    case WR_ARITH_MOD:
        return FN(combine_rows)(WR_ARITH_MOD, left, right, rows, out);
#if KIND != FLOATING
    case WR_ARITH_BIT_AND:
        return FN(combine_rows)(WR_ARITH_BIT_AND, left, right, rows, out);
    case WR_ARITH_BIT_OR:
        return FN(combine_rows)(WR_ARITH_BIT_OR, left, right, rows, out);
    case WR_ARITH_BIT_XOR:
        return FN(combine_rows)(WR_ARITH_BIT_XOR, left, right, rows, out);
#endif
    default:
        WR_UNREACHABLE();
    }
}

static bool FN(arith_fails)(wr_arith_op op, wr_operand left, wr_operand right, uint32_t row)
{
    const T *a = left.values, *b = right.values;
    T        flags = 0;

    (void)FN(combine)(op, a[left.constant ? 0 : row], b[right.constant ? 0 : row], &flags);
    return FN(has_failed)(flags);
}

#if KIND != FLOATING
static bool FN(shift)(bool is_left, wr_operand values, wr_operand counts, wr_selection rows,
                      void *out)
{
    const T       *value = values.values;
    const int64_t *count = counts.values;
    T             *result = out;
    bool           fails = false;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        T        a = value[values.constant ? 0 : row];
        uint64_t by = (uint64_t)count[counts.constant ? 0 : row];

        fails |= by >= BITS;
        by &= BITS - 1;
        if (is_left)
            result[row] = (T)((U)a << by);
        else
            result[row] = (T)(a >> by);
    }
    return fails;
}
#endif
