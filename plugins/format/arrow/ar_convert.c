/* ar_convert.c — stored numbers to values of the wanted type.
 *
 * A file's type may be read as a wider one, as in Parquet: integers as wider integers or decimals, decimals
 * with more digits, dates as timestamps, times and timestamps in finer units, floats as doubles. All of
 * these are a number times a factor; what does not fit is an error, never another value. */
#include "ar_priv.h"

#include "base/real.h"
#include "types/decimal.h"

static wr_status raise_range(const ar_node *node, wr_error *err)
{
    char name[WR_TYPE_NAME_BYTES];

    return WR_RAISE(err, WR_DATA, "a value is out of the range of %s", wr_type_format(node->type, name));
}

/* ---- Whole numbers ------------------------------------------------------------------------------ */

/* A stored number; false: it has more than 128 bits. */
static bool load_number(const ar_node *node, const uint8_t *at, wr_i128 *out)
{
    uint64_t low = 0, high[3];

    if (node->stored_bytes <= 8) {
        unsigned unused = 64 - 8 * node->stored_bytes;

        memcpy(&low, at, node->stored_bytes);
        *out = node->is_signed ? (wr_i128)((int64_t)(low << unused) >> unused) : (wr_i128)low;
        return true;
    }
    memcpy(out, at, sizeof *out);
    if (node->stored_bytes == sizeof *out)
        return true;
    memcpy(high, at + 8, sizeof high);
    return high[1] == high[2] && high[1] == (*out < 0 ? UINT64_MAX : 0);
}

static bool store_number(const ar_node *node, wr_i128 x, void *out)
{
    switch (wr_type_physical(node->type)) {
#define STORE(physical, ctype)                                                                     \
    case WR_PHYS_##physical: {                                                                     \
        ctype y = (ctype)x;                                                                        \
        memcpy(out, &y, sizeof y);                                                                 \
        return x == (wr_i128)y;                                                                    \
    }
        STORE(I8, int8_t)
        STORE(I16, int16_t)
        STORE(I32, int32_t)
        STORE(I64, int64_t)
        STORE(U8, uint8_t)
        STORE(U16, uint16_t)
        STORE(U32, uint32_t)
        STORE(U64, uint64_t)
        STORE(I128, wr_i128)
        STORE(F64, double)
#undef STORE
    default:
        return false;
    }
}

/* Any to any. */
static wr_status convert_number(const ar_node *node, const uint8_t *stored, uint32_t count, void *out,
                                wr_error *err)
{
    uint32_t width = wr_physical_bytes(wr_type_physical(node->type));
    bool     is_decimal = node->type.logical == WR_TYPE_DECIMAL;

    for (uint32_t i = 0; i < count; i++) {
        wr_i128 x;

        if (!load_number(node, stored + (size_t)i * node->stored_bytes, &x) ||
            __builtin_mul_overflow(x, (wr_i128)node->factor, &x) ||
            (is_decimal && !wr_decimal_fits(x, node->type.precision)) ||
            !store_number(node, x, (uint8_t *)out + (size_t)i * width))
            return raise_range(node, err);
    }
    return WR_OK;
}

/* Decimals of few digits, which are nearly always stored in 128 bits. */
static wr_status narrow_128(const ar_node *node, const uint8_t *stored, uint32_t count, void *out,
                            wr_error *err)
{
    int64_t *values = out;
    uint64_t bad = 0;
    int64_t  most = (int64_t)wr_pow10_i128(node->type.precision);

    for (uint32_t i = 0; i < count; i++) {
        int64_t low = (int64_t)wr_load_u64(stored + 16 * (size_t)i);
        int64_t high = (int64_t)wr_load_u64(stored + 16 * (size_t)i + 8);

        values[i] = low;
        bad |= (uint64_t)(high ^ low >> 63) | (low >= most) | (low <= -most);
    }
    return bad ? raise_range(node, err) : WR_OK;
}

static wr_status widen_32(const ar_node *node, const uint8_t *stored, uint32_t count, void *out,
                          wr_error *err)
{
    int64_t *values = out;

    (void)err;
    for (uint32_t i = 0; i < count; i++)
        values[i] = (int64_t)(int32_t)wr_load_u32(stored + 4 * (size_t)i) * node->factor;
    return WR_OK;
}

/* ---- Floats ------------------------------------------------------------------------------------- */

static wr_status convert_float(const ar_node *node, const uint8_t *stored, uint32_t count, void *out,
                               wr_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t half;
        float    x;

        if (node->form == AR_FORM_HALF) {
            memcpy(&half, stored + 2 * (size_t)i, sizeof half);
            x = wr_half_to_float(half);
        } else {
            memcpy(&x, stored + 4 * (size_t)i, sizeof x);
        }
        if (node->type.logical == WR_TYPE_F64)
            ((double *)out)[i] = (double)x;
        else
            ((float *)out)[i] = x;
    }
    return WR_OK;
}

/* ---- Identifiers, intervals --------------------------------------------------------------------- */

static wr_status convert_uuid(const ar_node *node, const uint8_t *stored, uint32_t count, void *out,
                              wr_error *err)
{
    wr_i128 *values = out;

    (void)node, (void)err;
    for (uint32_t i = 0; i < count; i++) {
        wr_u128 x = (wr_u128)wr_load_u64_be(stored + 16 * (size_t)i) << 64 |
                    wr_load_u64_be(stored + 16 * (size_t)i + 8);

        values[i] = (wr_i128)(x ^ (wr_u128)1 << 127);
    }
    return WR_OK;
}

static wr_status raise_nanoseconds(wr_error *err)
{
    return WR_RAISE(err, WR_DATA, "an interval of nanoseconds that are not whole microseconds");
}

static wr_status convert_interval(const ar_node *node, const uint8_t *stored, uint32_t count, void *out,
                                  wr_error *err)
{
    wr_interval *values = out;

    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = stored + (size_t)i * node->stored_bytes;
        int32_t        first = (int32_t)wr_load_u32(at);
        int64_t        nanos;

        switch ((ar_form)node->form) {
        case AR_FORM_MONTHS:
            values[i] = (wr_interval){first, 0, 0};
            break;
        case AR_FORM_DAYS_MS:
            values[i] = (wr_interval){0, first, (int64_t)(int32_t)wr_load_u32(at + 4) * 1000};
            break;
        default:
            nanos = (int64_t)wr_load_u64(at + 8);
            if (nanos % 1000 != 0)
                return raise_nanoseconds(err);
            values[i] = (wr_interval){first, (int32_t)wr_load_u32(at + 4), nanos / 1000};
        }
    }
    return WR_OK;
}

static wr_status convert_duration(const ar_node *node, const uint8_t *stored, uint32_t count, void *out,
                                  wr_error *err)
{
    wr_interval *values = out;

    for (uint32_t i = 0; i < count; i++) {
        int64_t x = (int64_t)wr_load_u64(stored + 8 * (size_t)i);

        if (node->factor < 0 && x % -node->factor != 0)
            return raise_nanoseconds(err);
        if (node->factor < 0)
            x /= -node->factor;
        else if (__builtin_mul_overflow(x, node->factor, &x))
            return raise_range(node, err);
        values[i] = (wr_interval){0, 0, x};
    }
    return WR_OK;
}

/* ---- Binding ------------------------------------------------------------------------------------ */

static int64_t power_of_ten(int exponent)
{
    int64_t power = 1;

    while (exponent-- > 0)
        power *= 10;
    return power;
}

static wr_status raise_type(wr_type from, wr_type to, wr_error *err)
{
    char from_name[WR_TYPE_NAME_BYTES], to_name[WR_TYPE_NAME_BYTES];

    return WR_RAISE(err, WR_DATA, "its type is %s in this file, which cannot be read as %s",
                    wr_type_format(from, from_name), wr_type_format(to, to_name));
}

/* Digits that a file's number may have before and behind the point. */
static void count_digits(const ar_field *field, int *out_whole, int *out_scale)
{
    static const uint8_t DIGITS[] = {[1] = 3, [2] = 5, [4] = 10, [8] = 20};

    *out_scale = 0;
    if (field->own.logical == WR_TYPE_DECIMAL) {
        *out_scale = field->own.scale;
        *out_whole = field->own.precision - field->own.scale;
    } else {
        *out_whole = DIGITS[field->stored_bytes] - (field->stored_bytes == 8 && field->is_signed);
    }
}

/* Is the wanted type wider? Sets the factor. */
static bool widen_number(const ar_field *field, wr_type to, ar_node *node)
{
    int whole, scale;

    count_digits(field, &whole, &scale);
    if (to.logical == WR_TYPE_DECIMAL) {
        if (to.scale < scale || to.scale - scale > 18 || to.precision - to.scale < whole ||
            node->factor != 1)
            return false;
        node->factor = power_of_ten(to.scale - scale);
        return true;
    }
    if (field->own.logical == WR_TYPE_DECIMAL)
        return false;
    if (to.logical == WR_TYPE_F64)
        return field->stored_bytes <= 4;
    return wr_type_is_integer(to) && !(field->is_signed && wr_type_is_unsigned(to)) &&
           wr_physical_bytes(wr_type_physical(to)) > field->stored_bytes;
}

static bool widen_time(wr_type from, wr_type to, ar_node *node)
{
    if (from.logical == WR_TYPE_DATE32 && to.logical == WR_TYPE_TIMESTAMP)
        node->factor = 86400 * power_of_ten(3 * (int)to.unit);
    else if (from.logical == WR_TYPE_DATE32 && to.logical == WR_TYPE_DATE64)
        node->factor = 86400000;
    else if (from.logical == to.logical && from.unit <= to.unit)
        node->factor = power_of_ten(3 * (int)(to.unit - from.unit));
    else
        return false;
    return true;
}

static bool widen(const ar_field *field, wr_type to, ar_node *node)
{
    wr_type from = field->own;

    if (field->kind == AR_KIND_TEXT || field->kind == AR_KIND_VIEW || field->kind == AR_KIND_FIXED_TEXT)
        return wr_type_is_text(to);
    if (field->kind != AR_KIND_FIXED)
        return false;
    if (from.logical == WR_TYPE_F32)
        return to.logical == WR_TYPE_F64;
    if (wr_type_is_integer(from) || from.logical == WR_TYPE_DECIMAL)
        return widen_number(field, to, node);
    return wr_type_is_temporal(from) && field->form == AR_FORM_INTEGER && widen_time(from, to, node);
}

/* The quickest way; NULL: as they are stored. */
static ar_convert choose(const ar_field *field, const ar_node *node)
{
    uint32_t width = wr_physical_bytes(wr_type_physical(node->type));
    bool     is_decimal = node->type.logical == WR_TYPE_DECIMAL;

    switch ((ar_form)field->form) {
    case AR_FORM_HALF:
        return convert_float;
    case AR_FORM_FLOAT:
        return width == field->stored_bytes ? NULL : convert_float;
    case AR_FORM_UUID:
        return convert_uuid;
    case AR_FORM_MONTHS:
    case AR_FORM_DAYS_MS:
    case AR_FORM_MONTHS_DAYS_NS:
        return convert_interval;
    case AR_FORM_DURATION:
        return convert_duration;
    case AR_FORM_INTEGER:
        break;
    }
    if (is_decimal && node->factor == 1 && width == 8 && field->stored_bytes == 16)
        return narrow_128;
    if (width == field->stored_bytes && node->factor == 1 && node->type.logical != WR_TYPE_F64)
        return NULL;
    if (is_decimal || node->factor != 1 || node->type.logical == WR_TYPE_F64)
        return convert_number;
    return width == 8 && field->stored_bytes == 4 && field->is_signed ? widen_32 : convert_number;
}

wr_status wr_ar_convert_bind(const ar_field *field, wr_type type, ar_node *node, wr_error *err)
{
    wr_type own = field->own;
    bool    is_same = wr_type_equal(own, type) || (own.logical == WR_TYPE_TIMESTAMP &&
                                                type.logical == WR_TYPE_TIMESTAMP && own.unit == type.unit);

    if (field->kind == AR_KIND_NULL)
        return WR_OK;
    if (!is_same && !widen(field, type, node))
        return raise_type(own, type, err);
    if (field->kind == AR_KIND_FIXED)
        node->convert = choose(field, node);
    return WR_OK;
}
