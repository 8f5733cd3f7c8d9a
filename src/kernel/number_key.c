/* kernel/number_key.c — see the header. */
#include "kernel/number_key.h"

#include <math.h>

static const uint64_t SIGN = 1ull << 63;

bool wr_number_key_fits(wr_type type)
{
    return wr_physical_bytes(wr_type_physical(type)) <= sizeof(uint64_t);
}

/* Negative floats sort backwards by their bits. */
static uint64_t key_of_f64(double x)
{
    uint64_t bits;

    x = isnan(x) ? (double)NAN : x + 0.0;
    memcpy(&bits, &x, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

static double f64_of_key(uint64_t key)
{
    uint64_t bits = key & SIGN ? key & ~SIGN : ~key;
    double   x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t key_of_i64(int64_t x)
{
    return (uint64_t)x ^ SIGN;
}

static int64_t i64_of_key(uint64_t key)
{
    return (int64_t)(key ^ SIGN);
}

#define KEYS_OF(ctype, convert)                                                                    \
    do {                                                                                           \
        const ctype *data = view.data;                                                             \
        if (!view.index && !view.valid && !selection->rows) {                                      \
            for (uint32_t index = 0; index < selection->row_count; index++)                        \
                out_keys[index] = (convert);                                                       \
            return selection->row_count;                                                           \
        }                                                                                          \
        for (uint32_t i = 0; i < selection->row_count; i++) {                                      \
            uint32_t row = wr_selection_row(selection, i);                                         \
            uint32_t index = view.index ? view.index[row] : row;                                   \
            out_keys[count] = (convert);                                                           \
            count += !view.valid || wr_bit_get(view.valid, index);                                 \
        }                                                                                          \
        return count;                                                                              \
    } while (0)

/* Keys may take the place of a sequence's values: they never overtake them. */
uint32_t wr_number_keys(const wr_vector *values, const wr_selection *selection, uint64_t *out_keys)
{
    wr_vector_view view = wr_vector_view_of(values, out_keys);
    uint32_t       count = 0;

    switch (wr_type_physical(values->type)) {
    case WR_PHYS_BOOL:
    case WR_PHYS_U8:
        KEYS_OF(uint8_t, data[index]);
    case WR_PHYS_U16:
        KEYS_OF(uint16_t, data[index]);
    case WR_PHYS_U32:
        KEYS_OF(uint32_t, data[index]);
    case WR_PHYS_U64:
        KEYS_OF(uint64_t, data[index]);
    case WR_PHYS_I8:
        KEYS_OF(int8_t, key_of_i64(data[index]));
    case WR_PHYS_I16:
        KEYS_OF(int16_t, key_of_i64(data[index]));
    case WR_PHYS_I32:
        KEYS_OF(int32_t, key_of_i64(data[index]));
    case WR_PHYS_I64:
        KEYS_OF(int64_t, key_of_i64(data[index]));
    case WR_PHYS_F32:
        KEYS_OF(float, key_of_f64((double)data[index]));
    case WR_PHYS_F64:
        KEYS_OF(double, key_of_f64(data[index]));
    default:
        WR_UNREACHABLE();
    }
}

#define PUT(ctype, x)                                                                              \
    do {                                                                                           \
        ctype value = (ctype)(x);                                                                  \
        memcpy(out_value, &value, sizeof value);                                                   \
        return;                                                                                    \
    } while (0)

void wr_number_of_key(wr_type type, uint64_t key, void *out_value)
{
    switch (wr_type_physical(type)) {
    case WR_PHYS_BOOL:
    case WR_PHYS_U8:
        PUT(uint8_t, key);
    case WR_PHYS_U16:
        PUT(uint16_t, key);
    case WR_PHYS_U32:
        PUT(uint32_t, key);
    case WR_PHYS_U64:
        PUT(uint64_t, key);
    case WR_PHYS_I8:
        PUT(int8_t, i64_of_key(key));
    case WR_PHYS_I16:
        PUT(int16_t, i64_of_key(key));
    case WR_PHYS_I32:
        PUT(int32_t, i64_of_key(key));
    case WR_PHYS_I64:
        PUT(int64_t, i64_of_key(key));
    case WR_PHYS_F32:
        PUT(float, f64_of_key(key));
    case WR_PHYS_F64:
        PUT(double, f64_of_key(key));
    default:
        WR_UNREACHABLE();
    }
}

/* ---- Sorting ----------------------------------------------------------------------------------------- */

enum { FEW_KEYS = 48 };

static void sort_few(uint64_t *keys, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        uint32_t at = i;

        for (; at > 0 && keys[at - 1] > key; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

static void count_digits(const uint64_t *keys, uint32_t count, uint32_t shift, uint32_t *counts)
{
    memset(counts, 0, 256 * sizeof counts[0]);
    for (uint32_t i = 0; i < count; i++)
        counts[keys[i] >> shift & 255]++;
}

void wr_number_keys_sort(uint64_t *keys, uint64_t *spare, uint32_t count, uint64_t **out_sorted)
{
    uint64_t differ = 0, *other = spare;
    uint32_t places[256];

    *out_sorted = keys;
    if (count <= FEW_KEYS) {
        sort_few(keys, count);
        return;
    }
    for (uint32_t i = 1; i < count; i++)
        differ |= keys[i] ^ keys[0];
    for (uint32_t shift = 0; shift < 64; shift += 8) {
        uint32_t place = 0;

        if ((differ >> shift & 255) == 0)
            continue;
        count_digits(keys, count, shift, places);
        for (uint32_t digit = 0; digit < 256; digit++) {
            uint32_t here = places[digit];

            places[digit] = place;
            place += here;
        }
        for (uint32_t i = 0; i < count; i++)
            other[places[keys[i] >> shift & 255]++] = keys[i];
        *out_sorted = other;
        other = keys;
        keys = *out_sorted;
    }
}
