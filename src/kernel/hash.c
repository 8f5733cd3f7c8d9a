/* kernel/hash.c — one pass per column: the first sets, the others combine. */
#include "kernel/hash.h"

#include <math.h>

#include "base/fault.h"
#include "base/hash.h"

#define NULL_HASH 0x9ae16a3b2f90404full

static uint64_t hash_f64(double x)
{
    uint64_t bits;

    if (x == 0.0)
        x = 0.0; /* -0.0 */
    if (isnan(x))
        return wr_hash_u64(0x7ff8000000000000ull);
    memcpy(&bits, &x, sizeof bits);
    return wr_hash_u64(bits);
}

static uint64_t hash_str(const wr_str *str)
{
    if (wr_str_is_blob(str))
        return wr_str_blob(str)->hash;
    return wr_hash_bytes(wr_str_bytes(str), str->byte_count);
}

/* Intervals are equal when they are equally long: a month is 30 days, a day 24 hours. */
static uint64_t hash_interval(wr_interval x)
{
    wr_i128 us = ((wr_i128)x.months * 30 + x.days) * 86400000000ll + x.us;

    return wr_hash_combine(wr_hash_u64((uint64_t)us), (uint64_t)(us >> 64));
}

static uint64_t hash_value(wr_physical physical, const void *data, uint32_t row)
{
    switch (physical) {
    case WR_PHYS_BOOL:
    case WR_PHYS_U8:
        return wr_hash_u64(((const uint8_t *)data)[row]);
    case WR_PHYS_I8:
        return wr_hash_u64((uint64_t)((const int8_t *)data)[row]);
    case WR_PHYS_I16:
        return wr_hash_u64((uint64_t)((const int16_t *)data)[row]);
    case WR_PHYS_U16:
        return wr_hash_u64(((const uint16_t *)data)[row]);
    case WR_PHYS_I32:
        return wr_hash_u64((uint64_t)((const int32_t *)data)[row]);
    case WR_PHYS_U32:
        return wr_hash_u64(((const uint32_t *)data)[row]);
    case WR_PHYS_I64:
    case WR_PHYS_U64:
        return wr_hash_u64(((const uint64_t *)data)[row]);
    case WR_PHYS_F32:
        return hash_f64((double)((const float *)data)[row]);
    case WR_PHYS_F64:
        return hash_f64(((const double *)data)[row]);
    case WR_PHYS_I128: {
        wr_i128 x = ((const wr_i128 *)data)[row];

        return wr_hash_combine(wr_hash_u64((uint64_t)x), (uint64_t)(x >> 64));
    }
    case WR_PHYS_STR:
        return hash_str(&((const wr_str *)data)[row]);
    case WR_PHYS_INTERVAL:
        return hash_interval(((const wr_interval *)data)[row]);
    case WR_PHYS_COUNT:
        break;
    }
    WR_UNREACHABLE();
}

/* `physical` is a literal at each call, so every case is a loop of its own. */
WR_ALWAYS_INLINE void hash_loop(wr_physical physical, wr_vector_view view,
                                const wr_selection *selection, bool first, uint64_t *hashes)
{
    for (uint32_t i = 0; i < selection->row_count; i++) {
        uint32_t row = wr_selection_row(selection, i);
        uint32_t at = view.index ? view.index[row] : row;
        uint64_t hash = view.valid && !wr_bit_get(view.valid, at)
                            ? NULL_HASH
                            : hash_value(physical, view.data, at);

        hashes[i] = first ? hash : wr_hash_combine(hashes[i], hash);
    }
}

static void hash_column(const wr_vector *column, const wr_selection *selection, bool first,
                        uint64_t *hashes)
{
    int64_t        sequence[WR_BATCH_ROWS_MAX];
    wr_vector_view view = wr_vector_view_of(column, sequence);

    switch (wr_type_physical(column->type)) {
#define X(id, name, ctype, bytes)                                                                  \
    case WR_PHYS_##id:                                                                             \
        hash_loop(WR_PHYS_##id, view, selection, first, hashes);                                   \
        break;
#include "types/physical.def"
#undef X
    case WR_PHYS_COUNT:
        WR_UNREACHABLE();
    }
}

void wr_hash_columns(const wr_vector *columns, uint32_t column_count,
                     const wr_selection *selection, uint64_t *out_hashes)
{
    if (wr_stress_get()->hash_equal || column_count == 0) {
        memset(out_hashes, 0, selection->row_count * sizeof out_hashes[0]);
        return;
    }
    for (uint32_t c = 0; c < column_count; c++)
        hash_column(&columns[c], selection, c == 0, out_hashes);
}
