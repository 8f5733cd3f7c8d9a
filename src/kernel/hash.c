/* kernel/hash.c — one pass per column: the first sets, the others combine.
 *
 * Sparse encodings hash each stored value once and then only look hashes up. */
#include "kernel/hash.h"

#include "base/fault.h"
#include "base/hash.h"

#define NULL_HASH 0x9ae16a3b2f90404full
#define NAN_BITS  0x7ff8000000000000ull

WR_ALWAYS_INLINE uint64_t hash_f64(double x)
{
    uint64_t bits;

    x += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &x, sizeof bits);
    return wr_hash_u64(x == x ? bits : NAN_BITS);
}

WR_ALWAYS_INLINE uint64_t hash_i128(const void *data)
{
    uint64_t halves[2];

    memcpy(halves, data, sizeof halves);
    return wr_hash_combine(wr_hash_u64(halves[0]), halves[1]);
}

WR_ALWAYS_INLINE uint64_t hash_str(const wr_str *str)
{
    if (wr_str_is_blob(str))
        return wr_str_blob(str)->hash;
    return wr_hash_bytes(wr_str_bytes(str), str->byte_count);
}

WR_ALWAYS_INLINE uint64_t hash_interval(const wr_interval *x)
{
    wr_i128 us = wr_interval_total_us(*x);

    return hash_i128(&us);
}

/* `physical` is a literal at every call: one case remains. */
WR_ALWAYS_INLINE uint64_t hash_cell(wr_physical physical, const void *data, uint32_t at)
{
    switch (physical) {
    case WR_PHYS_BOOL:
    case WR_PHYS_U8:
        return wr_hash_u64(((const uint8_t *)data)[at]);
    case WR_PHYS_I8:
        return wr_hash_u64((uint64_t)((const int8_t *)data)[at]);
    case WR_PHYS_I16:
        return wr_hash_u64((uint64_t)((const int16_t *)data)[at]);
    case WR_PHYS_U16:
        return wr_hash_u64(((const uint16_t *)data)[at]);
    case WR_PHYS_I32:
        return wr_hash_u64((uint64_t)((const int32_t *)data)[at]);
    case WR_PHYS_U32:
        return wr_hash_u64(((const uint32_t *)data)[at]);
    case WR_PHYS_I64:
    case WR_PHYS_U64:
        return wr_hash_u64(((const uint64_t *)data)[at]);
    case WR_PHYS_F32:
        return hash_f64((double)((const float *)data)[at]);
    case WR_PHYS_F64:
        return hash_f64(((const double *)data)[at]);
    case WR_PHYS_I128:
        return hash_i128((const uint8_t *)data + (size_t)at * sizeof(wr_i128));
    case WR_PHYS_STR:
        return hash_str(&((const wr_str *)data)[at]);
    case WR_PHYS_INTERVAL:
        return hash_interval(&((const wr_interval *)data)[at]);
    case WR_PHYS_COUNT:
        break;
    }
    WR_UNREACHABLE();
}

WR_ALWAYS_INLINE void store(bool first, uint64_t hash, uint64_t *out_hash)
{
    *out_hash = first ? hash : wr_hash_combine(*out_hash, hash);
}

/* `physical` and the flags are literals at every call. */
WR_ALWAYS_INLINE void hash_loop(wr_physical physical, bool has_nulls, bool first,
                                wr_vector_view view, const wr_selection *selection,
                                uint64_t *hashes)
{
    for (uint32_t i = 0; i < selection->row_count; i++) {
        uint32_t row = wr_selection_row(selection, i);
        uint32_t at = view.index ? view.index[row] : row;

        if (has_nulls && !wr_bit_get(view.valid, at))
            store(first, NULL_HASH, &hashes[i]);
        else
            store(first, hash_cell(physical, view.data, at), &hashes[i]);
    }
}

WR_ALWAYS_INLINE void hash_variants(wr_physical physical, bool first, wr_vector_view view,
                                    const wr_selection *selection, uint64_t *hashes)
{
    if (view.valid && first)
        hash_loop(physical, true, true, view, selection, hashes);
    else if (view.valid)
        hash_loop(physical, true, false, view, selection, hashes);
    else if (first)
        hash_loop(physical, false, true, view, selection, hashes);
    else
        hash_loop(physical, false, false, view, selection, hashes);
}

static void hash_view(wr_type type, bool first, wr_vector_view view,
                      const wr_selection *selection, uint64_t *hashes)
{
    switch (wr_type_physical(type)) {
#define X(id, name, ctype, bytes)                                                                  \
    case WR_PHYS_##id:                                                                             \
        hash_variants(WR_PHYS_##id, first, view, selection, hashes);                               \
        return;
#include "types/physical.def"
#undef X
    case WR_PHYS_COUNT:
        break;
    }
    WR_UNREACHABLE();
}

static void hash_const(const wr_vector *column, bool first, const wr_selection *selection,
                       uint64_t *hashes)
{
    const wr_selection one = {NULL, 1};
    uint64_t           hash;

    hash_view(column->type, true, wr_vector_view_of(column, NULL), &one, &hash);
    for (uint32_t i = 0; i < selection->row_count; i++)
        store(first, hash, &hashes[i]);
}

static void hash_small_dict(const wr_vector *column, bool first, const wr_selection *selection,
                            uint64_t *hashes)
{
    const wr_selection all = {NULL, column->dict->row_count};
    uint64_t           of_entry[WR_BATCH_ROWS_MAX];

    hash_view(column->type, true, wr_vector_view_of(column->dict, NULL), &all, of_entry);
    for (uint32_t i = 0; i < selection->row_count; i++)
        store(first, of_entry[column->codes[wr_selection_row(selection, i)]], &hashes[i]);
}

static void hash_sequence(const wr_vector *column, bool first, const wr_selection *selection,
                          uint64_t *hashes)
{
    for (uint32_t i = 0; i < selection->row_count; i++) {
        int64_t x = column->seq_first + wr_selection_row(selection, i) * column->seq_step;

        store(first, wr_hash_u64((uint64_t)x), &hashes[i]);
    }
}

static void hash_column(const wr_vector *column, bool first, const wr_selection *selection,
                        uint64_t *hashes)
{
    switch ((wr_encoding)column->encoding) {
    case WR_CONST:
        hash_const(column, first, selection, hashes);
        return;
    case WR_SEQ:
        hash_sequence(column, first, selection, hashes);
        return;
    case WR_DICT:
        if (column->dict->row_count <= selection->row_count &&
            column->dict->row_count <= WR_BATCH_ROWS_MAX) {
            hash_small_dict(column, first, selection, hashes);
            return;
        }
        break;
    case WR_FLAT:
        break;
    }
    hash_view(column->type, first, wr_vector_view_of(column, NULL), selection, hashes);
}

void wr_hash_columns(const wr_vector *columns, uint32_t column_count,
                     const wr_selection *selection, uint64_t *out_hashes)
{
    if (wr_stress_get()->hash_equal || column_count == 0) {
        memset(out_hashes, 0, selection->row_count * sizeof out_hashes[0]);
        return;
    }
    for (uint32_t c = 0; c < column_count; c++)
        hash_column(&columns[c], c == 0, selection, out_hashes);
}
