/* exec/agg_cell.h — one kept value of any type inside an aggregate state, with its source position.
 *
 * Fixed-size values lie in `value`; longer text lies in the states' heap or is a blob whose handle is
 * in the cell. All inline: used by agg_state.c and agg_finish.c only. */
#ifndef WR_EXEC_AGG_CELL_H
#define WR_EXEC_AGG_CELL_H

#include <math.h>

#include "base/hash.h"
#include "exec/agg_state.h"
#include "exec/row.h"

typedef struct agg_cell {
    uint8_t  is_set, is_null;
    uint8_t  reserved[6];
    uint64_t position;
    uint8_t  value[16]; /* physical; a wr_str for text */
} agg_cell;

/* Text cells are followed by the handle of a value that was sent to disk. */
typedef struct agg_text_cell {
    agg_cell cell;
    wr_blob  blob;
} agg_text_cell;

static inline bool cell_is_text(wr_type type)
{
    return wr_type_physical(type) == WR_PHYS_STR;
}

static inline uint32_t cell_bytes(wr_type type)
{
    return cell_is_text(type) ? sizeof(agg_text_cell) : sizeof(agg_cell);
}

/* Order of two present values; NaN is greatest. */
static inline wr_status cell_compare(wr_type type, const void *a, const void *b, int *out_order,
                                     wr_error *err)
{
    if (cell_is_text(type))
        return wr_row_str_compare(a, b, out_order, err);
    {
        wr_value left = wr_value_load(type, a), right = wr_value_load(type, b);

        *out_order = wr_value_compare(&left, &right);
    }
    return WR_OK;
}

/* Order in which an extreme is sought: equal intervals by what they are written as, so that it does
 * not matter which came first. */
static inline wr_status cell_compare_form(wr_type type, const void *a, const void *b,
                                          int *out_order, wr_error *err)
{
    wr_interval x, y;

    WR_TRY(cell_compare(type, a, b, out_order, err));
    if (*out_order != 0 || type.logical != WR_TYPE_INTERVAL)
        return WR_OK;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    *out_order = x.months != y.months ? (x.months > y.months) - (x.months < y.months)
                                      : (x.days > y.days) - (x.days < y.days);
    return WR_OK;
}

/* A blob that lies in a cell moves with the cell: point the view at its own handle. */
static inline void cell_own_blob(agg_cell *cell)
{
    wr_str *str = (wr_str *)(void *)cell->value;

    if (wr_str_is_blob(str))
        str->pointer = (uintptr_t)&((agg_text_cell *)(void *)cell)->blob | WR_STR_BLOB_BIT;
}

static inline void cell_copy(wr_type type, agg_cell *to, const agg_cell *from)
{
    memcpy(to, from, cell_bytes(type));
    if (cell_is_text(type) && to->is_set && !to->is_null)
        cell_own_blob(to);
}

/* Text that outlives its batch: inline, in the heap, or on disk. */
typedef struct text_source {
    wr_blob     blob;
    const char *bytes;
} text_source;

static inline wr_status read_text_source(const wr_blob *blob, uint64_t offset, void *buffer,
                                         size_t bytes, size_t *out_bytes, wr_error *err)
{
    const text_source *source = (const text_source *)(const void *)blob;
    size_t             left = offset < blob->byte_count ? blob->byte_count - offset : 0;

    (void)err;
    *out_bytes = bytes < left ? bytes : left;
    memcpy(buffer, source->bytes + offset, *out_bytes);
    return WR_OK;
}

static inline wr_status cell_keep_text(agg_text_cell *cell, const wr_str *str,
                                       wr_agg_memory *memory, wr_error *err)
{
    wr_str *kept = (wr_str *)(void *)cell->cell.value;
    char   *copy;

    *kept = *str;
    if (wr_str_is_inline(str))
        return WR_OK;
    if (wr_str_is_blob(str)) {
        WR_TRY(wr_spill_blob_store(memory->spill, wr_str_blob(str), &cell->blob, err));
        kept->pointer = (uintptr_t)&cell->blob | WR_STR_BLOB_BIT;
        return WR_OK;
    }
    copy = memory->heap && memory->heap_bytes_left >= str->byte_count
               ? wr_bump_try_alloc(memory->heap, str->byte_count)
               : NULL;
    if (copy) {
        memcpy(copy, wr_str_bytes(str), str->byte_count);
        memory->heap_bytes_left -= str->byte_count;
        kept->pointer = (uintptr_t)copy;
        return WR_OK;
    }
    {
        text_source source = {{.byte_count = str->byte_count, .read = read_text_source},
                              wr_str_bytes(str)};

        source.blob.hash = wr_hash_bytes(wr_str_bytes(str), str->byte_count);
        WR_TRY(wr_spill_blob_store(memory->spill, &source.blob, &cell->blob, err));
        kept->pointer = (uintptr_t)&cell->blob | WR_STR_BLOB_BIT;
    }
    return WR_OK;
}

static inline wr_status cell_set(wr_type type, agg_cell *cell, const void *value, bool is_null,
                                 uint64_t position, wr_agg_memory *memory, wr_error *err)
{
    cell->is_set = 1;
    cell->is_null = is_null;
    cell->position = position;
    if (is_null)
        return WR_OK;
    if (cell_is_text(type))
        return cell_keep_text((agg_text_cell *)(void *)cell, value, memory, err);
    memcpy(cell->value, value, wr_physical_bytes(wr_type_physical(type)));
    return WR_OK;
}

#endif
