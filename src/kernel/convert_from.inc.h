/* kernel/convert_from.inc.h — template: all numeric types to TO. Parameters of the includer: TO, TO_NAME,
 * TO_KIND, TO_BITS, TO_MIN, TO_MAX, TO_LIMIT (integers: first double above the range); of each_number.inc.h:
 * the source. */
#ifndef TO
#error "include through kernel/convert.c"
#endif

#define CONVERT_PASTE(verb, from, to)  verb##_##from##_##to
#define CONVERT_EXPAND(verb, from, to) CONVERT_PASTE(verb, from, to)
#define CONVERT(verb)                  CONVERT_EXPAND(verb, NAME, TO_NAME)

WR_ALWAYS_INLINE TO CONVERT(convert_one)(T x, uint32_t *fails)
{
#if KIND == FLOATING && TO_KIND == FLOATING
    TO y = (TO)x;

    *fails |= TO_BITS < BITS && isinf(y) && !isinf(x);
    return y;
#elif KIND == FLOATING
    /* Rounding first: -0.5 is 0 and so fits unsigned types. NaN fails both comparisons. */
    double rounded = rint((double)x);
    bool   fits = rounded >= (double)TO_MIN && rounded < TO_LIMIT;

    *fails |= !fits;
    return fits ? (TO)rounded : 0;
#elif TO_KIND == FLOATING
    (void)fails;
    return (TO)x;
#else
    TO y = (TO)x;

    *fails |= (T)y != x || (y < 0) != (x < 0);
    return y;
#endif
}

static bool CONVERT(convert)(const void *values, wr_selection rows, void *out)
{
    const T  *value = values;
    TO *restrict result = out;
    uint32_t  fails = 0;

    if (rows.rows)
        for (uint32_t i = 0; i < rows.row_count; i++)
            result[rows.rows[i]] = CONVERT(convert_one)(value[rows.rows[i]], &fails);
    else
        for (uint32_t row = 0; row < rows.row_count; row++)
            result[row] = CONVERT(convert_one)(value[row], &fails);
    return fails != 0;
}

#undef CONVERT_PASTE
#undef CONVERT_EXPAND
#undef CONVERT
