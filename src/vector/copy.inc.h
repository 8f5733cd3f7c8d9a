/* vector/copy.inc.h — template: copy selected values into a flat array.
 * Parameters: T, NAME (see each_width.inc.h). Both are #undef'd below. No include guard here. */
#ifndef T
#error "define T and NAME, then include this file"
#endif

/* `index`, `rows` may be NULL (identity) and `keep` is a literal at every call: four loops without
 * a branch on any of them. */
WR_ALWAYS_INLINE void FN(copy_loop)(const T *in, const uint32_t *index, const uint16_t *rows,
                                    uint32_t count, bool keep, T *out)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows ? rows[i] : i;
        out[keep ? row : i] = in[index ? index[row] : row];
    }
}

static void FN(copy)(const void *in, const uint32_t *index, const uint16_t *rows, uint32_t count,
                     bool keep, void *out)
{
    if (!rows && !index)
        memcpy(out, in, count * sizeof(T));
    else if (!rows)
        FN(copy_loop)(in, index, NULL, count, false, out);
    else if (!index && keep)
        FN(copy_loop)(in, NULL, rows, count, true, out);
    else if (!index)
        FN(copy_loop)(in, NULL, rows, count, false, out);
    else if (keep)
        FN(copy_loop)(in, index, rows, count, true, out);
    else
        FN(copy_loop)(in, index, rows, count, false, out);
}

#undef T
#undef NAME
