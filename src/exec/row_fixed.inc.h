/* exec/row_fixed.inc.h — template: move one column of fixed-size values into rows and back.
 * Parameters: T, NAME (see vector/each_width.inc.h). Both are #undef'd below. No include guard on
 * purpose. */
#ifndef T
#error "define T and NAME, then include this file"
#endif

/* `has_index` and `has_nulls` are literals at every call: four loops without a branch on either. */
WR_ALWAYS_INLINE void FN(scatter_loop)(const column_source *source, bool has_index, bool has_nulls,
                                       uint32_t count, uint8_t *const *rows, uint32_t offset)
{
    const T *values = source->view.data;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = has_index ? source->view.index[source->ids[i]] : source->ids[i];
        T        value = values[at];

        if (has_nulls) {
            bool is_null = !wr_bit_get(source->view.valid, at);
            if (is_null)
                memset(&value, 0, sizeof value);
            rows[i][source->null_byte] |= (uint8_t)(is_null << source->null_shift);
        }
        memcpy(rows[i] + offset, &value, sizeof value);
    }
}

static void FN(scatter)(const column_source *source, uint32_t count, uint8_t *const *rows,
                        uint32_t offset)
{
    if (source->view.index && source->view.valid)
        FN(scatter_loop)(source, true, true, count, rows, offset);
    else if (source->view.index)
        FN(scatter_loop)(source, true, false, count, rows, offset);
    else if (source->view.valid)
        FN(scatter_loop)(source, false, true, count, rows, offset);
    else
        FN(scatter_loop)(source, false, false, count, rows, offset);
}

static void FN(gather)(const uint8_t *const *rows, uint32_t offset, uint32_t count, void *out)
{
    T *values = out;

    for (uint32_t i = 0; i < count; i++)
        memcpy(&values[i], rows[i] + offset, sizeof(T));
}

#undef T
#undef NAME
