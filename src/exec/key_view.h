/* exec/key_view.h — key columns of a batch beside their slots in a row: are they equal?
 *
 * What group tables and join tables compare after two hashes were equal. NULL equals NULL, NaN
 * equals NaN, -0.0 equals 0.0, intervals compare by their length, blobs byte by byte.
 * Cost: a view is made once per batch and column; comparing 8-byte integers is inline. */
#ifndef WR_EXEC_KEY_VIEW_H
#define WR_EXEC_KEY_VIEW_H

#include "exec/row.h"

typedef struct wr_key_view {
    wr_vector_view view;
    wr_type        type;
    uint32_t       column; /* of the row                                            */
    uint32_t       offset; /* of its slot                                           */
    uint32_t       width;  /* of a value                                            */
    bool           is_u64; /* eight bytes, equal when their bits are                */
    bool           is_sequence;
    int64_t        seq_first, seq_step;
} wr_key_view;

/** View `vector` (any encoding) as the key that lies in column `column` of rows. */
void wr_key_view_init(wr_key_view *key, const wr_row_layout *layout, uint32_t column,
                      const wr_vector *vector);

/** Values of a type that is not text. */
bool wr_key_value_equal(wr_type type, const void *a, const void *b);

/** Is the value of batch row `at`, not null and at `index` of the view, that of `row`?
 * Errors   WR_IO, WR_CORRUPT (blobs only) */
wr_status wr_key_view_slow_equal(const wr_key_view *key, const wr_row_layout *layout,
                                 const uint8_t *row, uint32_t at, uint32_t index, bool *out_equal,
                                 wr_error *err) WR_MUST_USE;

/** Are all keys of batch row `at` equal to those of `row`? */
static inline wr_status wr_key_views_equal(const wr_key_view *keys, uint32_t key_count,
                                           const wr_row_layout *layout, const uint8_t *row,
                                           uint32_t at, bool *out_equal, wr_error *err)
{
    *out_equal = true;
    for (uint32_t k = 0; k < key_count && *out_equal; k++) {
        const wr_key_view *key = &keys[k];
        uint32_t           index = key->view.index ? key->view.index[at] : at;
        bool               is_null = key->view.valid && !wr_bit_get(key->view.valid, index);

        if (is_null || wr_row_is_null(layout, row, key->column))
            *out_equal = is_null && wr_row_is_null(layout, row, key->column);
        else if (key->is_u64)
            *out_equal = wr_load_u64(row + key->offset) == ((const uint64_t *)key->view.data)[index];
        else
            WR_TRY(wr_key_view_slow_equal(key, layout, row, at, index, out_equal, err));
    }
    return WR_OK;
}

#endif
