/* kernel/logic.c — see kernel/logic.h. */
#include "kernel/logic.h"

/* Eight bytes 0 or 1 to eight bits: the product moves byte i to bit 56 + i, without carries. */
static inline uint64_t pack_bytes(const uint8_t *bytes)
{
    return ((wr_load_u64(bytes) & 0x0101010101010101) * 0x0102040810204080) >> 56;
}

/* Does a value count? `kind` and `has_nulls` are literals at every call. */
WR_ALWAYS_INLINE uint32_t is_hit(wr_select_kind kind, uint8_t value, bool is_valid)
{
    switch (kind) {
    case WR_SELECT_TRUE:
        return value & is_valid;
    case WR_SELECT_NOT_TRUE:
        return (value & is_valid) ^ 1;
    case WR_SELECT_NOT_FALSE:
        return (value | !is_valid) & 1;
    }
    WR_UNREACHABLE();
}

/* Store always, advance on a hit: the write position never passes the read position. */
WR_ALWAYS_INLINE uint32_t select_loop(wr_select_kind kind, const uint8_t *values,
                                      const uint64_t *valid, const uint16_t *rows, uint32_t count,
                                      uint16_t *out_rows)
{
    uint32_t hits = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint16_t row = rows ? rows[i] : (uint16_t)i;
        uint32_t hit = is_hit(kind, values[row], !valid || wr_bit_get(valid, row));

        out_rows[hits] = row;
        hits += hit;
    }
    return hits;
}

/* True rows of a whole column: words of eight without a hit are skipped. */
static uint32_t select_true_flat(const uint8_t *values, uint32_t count, uint16_t *out_rows)
{
    uint32_t row = 0, hits = 0;

    for (; row + 8 <= count; row += 8) {
        if (wr_load_u64(values + row) == 0)
            continue;
        for (uint32_t i = row; i < row + 8; i++) {
            out_rows[hits] = (uint16_t)i;
            hits += values[i];
        }
    }
    for (; row < count; row++) {
        out_rows[hits] = (uint16_t)row;
        hits += values[row];
    }
    return hits;
}

WR_ALWAYS_INLINE uint32_t select_kind(wr_select_kind kind, const uint8_t *values,
                                      const uint64_t *valid, wr_selection rows, uint16_t *out_rows)
{
    if (rows.rows && valid)
        return select_loop(kind, values, valid, rows.rows, rows.row_count, out_rows);
    if (rows.rows)
        return select_loop(kind, values, NULL, rows.rows, rows.row_count, out_rows);
    if (valid)
        return select_loop(kind, values, valid, NULL, rows.row_count, out_rows);
    return select_loop(kind, values, NULL, NULL, rows.row_count, out_rows);
}

uint32_t wr_select(wr_select_kind kind, const uint8_t *values, const uint64_t *valid,
                   wr_selection rows, uint16_t *out_rows)
{
    switch (kind) {
    case WR_SELECT_TRUE:
        if (!rows.rows && !valid)
            return select_true_flat(values, rows.row_count, out_rows);
        return select_kind(WR_SELECT_TRUE, values, valid, rows, out_rows);
    case WR_SELECT_NOT_TRUE:
        return select_kind(WR_SELECT_NOT_TRUE, values, valid, rows, out_rows);
    case WR_SELECT_NOT_FALSE:
        return select_kind(WR_SELECT_NOT_FALSE, values, valid, rows, out_rows);
    }
    WR_UNREACHABLE();
}

uint32_t wr_select_valid(const uint64_t *valid, wr_selection rows, uint16_t *out_rows)
{
    uint32_t hits = 0;

    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);

        out_rows[hits] = (uint16_t)row;
        hits += wr_bit_get(valid, row);
    }
    return hits;
}

/* AND is null unless both are known or one is known to be false; OR likewise with true. A value
 * that decides makes the result right whatever the byte under the other null is. */
WR_ALWAYS_INLINE uint64_t merge_valid(bool is_and, uint64_t a, uint64_t a_valid, uint64_t b,
                                      uint64_t b_valid)
{
    uint64_t a_decides = a_valid & (is_and ? ~a : a), b_decides = b_valid & (is_and ? ~b : b);

    return (a_valid & b_valid) | a_decides | b_decides;
}

static void merge_rows(bool is_and, uint8_t *target, uint64_t *target_valid, const uint8_t *other,
                       const uint64_t *other_valid, wr_selection rows)
{
    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        uint8_t  a = target[row], b = other[row];

        target[row] = (is_and ? a & b : a | b) & 1;
        if (target_valid)
            wr_bit_put(target_valid, row,
                       merge_valid(is_and, a, wr_bit_get(target_valid, row), b,
                                   !other_valid || wr_bit_get(other_valid, row)) & 1);
    }
}

static void merge_bytes(bool is_and, uint8_t *target, const uint8_t *other, uint32_t count)
{
    if (is_and)
        for (uint32_t row = 0; row < count; row++)
            target[row] &= other[row];
    else
        for (uint32_t row = 0; row < count; row++)
            target[row] = (target[row] | other[row]) & 1;
}

/* Eight rows at a time; validity has to be merged before the bytes it looks at change. */
static void merge_flat_nulls(bool is_and, uint8_t *target, uint64_t *target_valid,
                             const uint8_t *other, const uint64_t *other_valid, uint32_t count)
{
    uint8_t *valid = (uint8_t *)target_valid;
    uint32_t row = 0;

    for (; row + 8 <= count; row += 8) {
        uint64_t b_valid = other_valid ? ((const uint8_t *)other_valid)[row / 8] : 0xff;

        valid[row / 8] = (uint8_t)merge_valid(is_and, pack_bytes(target + row), valid[row / 8],
                                              pack_bytes(other + row), b_valid);
    }
    for (; row < count; row++)
        wr_bit_put(target_valid, row,
                   merge_valid(is_and, target[row], wr_bit_get(target_valid, row), other[row],
                               !other_valid || wr_bit_get(other_valid, row)) & 1);
    merge_bytes(is_and, target, other, count);
}

void wr_logic_merge(bool is_and, uint8_t *target, uint64_t *target_valid, const uint8_t *other,
                    const uint64_t *other_valid, wr_selection rows)
{
    if (rows.rows)
        merge_rows(is_and, target, target_valid, other, other_valid, rows);
    else if (target_valid)
        merge_flat_nulls(is_and, target, target_valid, other, other_valid, rows.row_count);
    else
        merge_bytes(is_and, target, other, rows.row_count);
}

void wr_logic_not(const uint8_t *values, uint32_t row_count, uint8_t *out)
{
    for (uint32_t row = 0; row < row_count; row++)
        out[row] = (values[row] ^ 1) & 1;
}

void wr_bits_expand(const uint64_t *bits, bool negate, wr_selection rows, uint8_t *out)
{
    for (uint32_t i = 0; i < rows.row_count; i++) {
        uint32_t row = wr_selection_row(&rows, i);
        out[row] = wr_bit_get(bits, row) ^ negate;
    }
}

void wr_bits_and(const uint64_t *left, const uint64_t *right, uint32_t row_count, uint64_t *out)
{
    size_t words = wr_bit_words(row_count);

    if (!left || !right) {
        memcpy(out, left ? left : right, words * sizeof *out);
        return;
    }
    for (size_t i = 0; i < words; i++)
        out[i] = left[i] & right[i];
}
