/* exec/key_view.c — see exec/key_view.h. */
#include "exec/key_view.h"

#include <math.h>
#include <string.h>

void wr_key_view_init(wr_key_view *key, const wr_row_layout *layout, uint32_t column,
                      const wr_vector *vector)
{
    wr_physical physical = wr_type_physical(layout->types[column]);

    *key = (wr_key_view){
        .type = layout->types[column],
        .column = column,
        .offset = layout->offsets[column],
        .width = wr_physical_bytes(physical),
        .is_sequence = vector->encoding == WR_SEQ,
        .seq_first = vector->seq_first,
        .seq_step = vector->seq_step,
    };
    if (key->is_sequence)
        return;
    key->view = wr_vector_view_of(vector, NULL);
    key->is_u64 = physical == WR_PHYS_I64 || physical == WR_PHYS_U64;
}

static bool same_f64(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

bool wr_key_value_equal(wr_type type, const void *a, const void *b)
{
    switch (wr_type_physical(type)) {
    case WR_PHYS_F64:
        return same_f64(*(const double *)a, *(const double *)b);
    case WR_PHYS_F32:
        return same_f64((double)*(const float *)a, (double)*(const float *)b);
    case WR_PHYS_INTERVAL: {
        wr_value left = wr_value_load(type, a), right = wr_value_load(type, b);

        return wr_value_compare(&left, &right) == 0;
    }
    default:
        return memcmp(a, b, wr_physical_bytes(wr_type_physical(type))) == 0;
    }
}

static wr_status text_equal(const wr_str *a, const wr_str *b, bool *out_equal, wr_error *err)
{
    int order = 1;

    if (memcmp(a, b, 8) == 0) /* length and first bytes */
        WR_TRY(wr_row_str_compare(a, b, &order, err));
    *out_equal = order == 0;
    return WR_OK;
}

wr_status wr_key_view_slow_equal(const wr_key_view *key, const wr_row_layout *layout,
                                 const uint8_t *row, uint32_t at, uint32_t index, bool *out_equal,
                                 wr_error *err)
{
    const uint8_t *value;

    if (key->is_sequence) {
        *out_equal = (int64_t)wr_load_u64(row + key->offset) ==
                     key->seq_first + (int64_t)at * key->seq_step;
        return WR_OK;
    }
    value = (const uint8_t *)key->view.data + (size_t)index * key->width;
    if (wr_type_physical(key->type) == WR_PHYS_STR) {
        wr_str kept = wr_row_str(layout, row, key->column);

        return text_equal(&kept, (const wr_str *)(const void *)value, out_equal, err);
    }
    *out_equal = wr_key_value_equal(key->type, row + key->offset, value);
    return WR_OK;
}
