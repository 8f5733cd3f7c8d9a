/* pq_convert.c — stored values of a leaf to values of the type that is wanted of it.
 *
 * A leaf is bound once a file: physical type, annotation and wanted type choose one function over arrays
 * of stored values. Widening (Int32 to Int64, Float to Double, decimals to more digits, dates to
 * timestamps, coarser to finer units) is a factor in the same functions.
 * Invariant: a value that the wanted type cannot hold is an error, never another value. */
#include "pq_priv.h"

#include <string.h>

#include "base/bits.h"
#include "base/real.h"

enum { INT96_BYTES = 12, JULIAN_EPOCH_DAY = 2440588, DECIMAL_BYTES_MAX = 16 };

static const int64_t NANOS_PER_DAY = 86400000000000;

static wr_status raise_range(const pq_leaf *leaf, wr_error *err)
{
    char name[WR_TYPE_NAME_BYTES];

    return WR_RAISE(err, WR_DATA, "a value is out of the range of %s", wr_type_format(leaf->type, name));
}

/* ---- Integers ----------------------------------------------------------------------------------- */

/* Small integers are stored in 32 bits. */
#define DEFINE_NARROW(name, ctype)                                                                 \
    static wr_status name(const pq_leaf *leaf, const uint8_t *stored, uint32_t count, void *out,   \
                          wr_error *err)                                                           \
    {                                                                                              \
        ctype *values = out;                                                                       \
        bool   bad = false;                                                                        \
                                                                                                   \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            int32_t x = (int32_t)wr_load_u32(stored + 4 * (size_t)i);                              \
                                                                                                   \
            bad |= x < leaf->low || x > leaf->high;                                                \
            values[i] = (ctype)x;                                                                  \
        }                                                                                          \
        return bad ? raise_range(leaf, err) : WR_OK;                                               \
    }

DEFINE_NARROW(narrow_i8, int8_t)
DEFINE_NARROW(narrow_i16, int16_t)
DEFINE_NARROW(narrow_u8, uint8_t)
DEFINE_NARROW(narrow_u16, uint16_t)

/* To 64 bits, times a factor. */
#define DEFINE_WIDEN(name, stype, width, load)                                                     \
    static wr_status name(const pq_leaf *leaf, const uint8_t *stored, uint32_t count, void *out,   \
                          wr_error *err)                                                           \
    {                                                                                              \
        int64_t *values = out;                                                                     \
        bool     bad = false;                                                                      \
                                                                                                   \
        for (uint32_t i = 0; i < count; i++)                                                       \
            bad |= __builtin_mul_overflow((int64_t)(stype)load(stored + (width) * (size_t)i),      \
                                          leaf->factor, &values[i]);                               \
        return bad ? raise_range(leaf, err) : WR_OK;                                               \
    }

DEFINE_WIDEN(widen_i32, int32_t, 4, wr_load_u32)
DEFINE_WIDEN(widen_u32, uint32_t, 4, wr_load_u32)
DEFINE_WIDEN(widen_i64, int64_t, 8, wr_load_u64)

/* To 128 bits, times a factor of at most 10^18 (a product of two of them has 38 digits). */
#define DEFINE_WIDEN_128(name, stype, width, load)                                                 \
    static wr_status name(const pq_leaf *leaf, const uint8_t *stored, uint32_t count, void *out,   \
                          wr_error *err)                                                           \
    {                                                                                              \
        wr_i128 *values = out;                                                                     \
                                                                                                   \
        (void)err;                                                                                 \
        for (uint32_t i = 0; i < count; i++)                                                       \
            values[i] = (wr_i128)(stype)load(stored + (width) * (size_t)i) * leaf->factor;         \
        return WR_OK;                                                                              \
    }

DEFINE_WIDEN_128(widen_i32_i128, int32_t, 4, wr_load_u32)
DEFINE_WIDEN_128(widen_i64_i128, int64_t, 8, wr_load_u64)

/* ---- Floats ------------------------------------------------------------------------------------- */

static wr_status widen_float(const pq_leaf *leaf, const uint8_t *stored, uint32_t count, void *out,
                             wr_error *err)
{
    double *values = out;

    (void)leaf, (void)err;
    for (uint32_t i = 0; i < count; i++) {
        float x;

        memcpy(&x, stored + 4 * (size_t)i, sizeof x);
        values[i] = (double)x;
    }
    return WR_OK;
}

static wr_status widen_i32_f64(const pq_leaf *leaf, const uint8_t *stored, uint32_t count, void *out,
                               wr_error *err)
{
    double *values = out;

    (void)leaf, (void)err;
    for (uint32_t i = 0; i < count; i++)
        values[i] = (double)(int32_t)wr_load_u32(stored + 4 * (size_t)i);
    return WR_OK;
}

static wr_status widen_half(const pq_leaf *leaf, const uint8_t *stored, uint32_t count, void *out,
                            wr_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < count; i++) {
        float x = wr_half_to_float((uint16_t)(stored[2 * (size_t)i] | stored[2 * (size_t)i + 1] << 8));

        if (leaf->type.logical == WR_TYPE_F64)
            ((double *)out)[i] = (double)x;
        else
            ((float *)out)[i] = x;
    }
    return WR_OK;
}

/* ---- Times, identifiers ------------------------------------------------------------------------- */

/* Nanoseconds of a day (Impala and Spark may go beyond one), and a Julian day. */
static wr_status convert_int96(const pq_leaf *leaf, const uint8_t *stored, uint32_t count, void *out,
                               wr_error *err)
{
    int64_t *values = out;
    int64_t  nanos_per_unit = leaf->factor;

    for (uint32_t i = 0; i < count; i++) {
        int64_t nanos = (int64_t)wr_load_u64(stored + INT96_BYTES * (size_t)i);
        int64_t days = (int64_t)(int32_t)wr_load_u32(stored + INT96_BYTES * (size_t)i + 8) -
                       JULIAN_EPOCH_DAY;
        wr_i128 sum = (wr_i128)days * NANOS_PER_DAY + nanos;
        wr_i128 units = sum / nanos_per_unit - (sum % nanos_per_unit < 0);

        if (units != (int64_t)units)
            return nanos_per_unit > 1 ? raise_range(leaf, err)
                                      : WR_RAISE(err, WR_DATA, "a value is out of the range of "
                                                 "Timestamp(ns): declare the column as Timestamp(us)");
        values[i] = (int64_t)units;
    }
    return WR_OK;
}

static wr_status convert_uuid(const pq_leaf *leaf, const uint8_t *stored, uint32_t count, void *out,
                              wr_error *err)
{
    wr_i128 *values = out;

    (void)leaf, (void)err;
    for (uint32_t i = 0; i < count; i++) {
        wr_u128 x = (wr_u128)wr_load_u64_be(stored + 16 * (size_t)i) << 64 |
                    wr_load_u64_be(stored + 16 * (size_t)i + 8);

        values[i] = (wr_i128)(x ^ (wr_u128)1 << 127);
    }
    return WR_OK;
}

/* Months, days, milliseconds; all without sign, but some write negative ones. */
static wr_status convert_interval(const pq_leaf *leaf, const uint8_t *stored, uint32_t count,
                                  void *out, wr_error *err)
{
    wr_interval *values = out;

    (void)leaf, (void)err;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = stored + 12 * (size_t)i;

        values[i] = (wr_interval){(int32_t)wr_load_u32(at), (int32_t)wr_load_u32(at + 4),
                                  (int64_t)wr_load_u32(at + 8) * 1000};
    }
    return WR_OK;
}

/* Of a column of type Null. */
static wr_status convert_nothing(const pq_leaf *leaf, const uint8_t *stored, uint32_t count, void *out,
                                 wr_error *err)
{
    (void)leaf, (void)stored, (void)count, (void)out;
    return WR_RAISE(err, WR_CORRUPT, "a column of type Null has values");
}

/* ---- Decimals in bytes -------------------------------------------------------------------------- */

/* Big-endian two's complement; false: more than 128 bits. */
static bool load_decimal(const uint8_t *bytes, uint32_t byte_count, wr_i128 *out)
{
    bool    negative = byte_count > 0 && bytes[0] & 0x80;
    wr_u128 x = negative ? ~(wr_u128)0 : 0;

    for (; byte_count > DECIMAL_BYTES_MAX; bytes++, byte_count--)
        if (bytes[0] != (negative ? 0xff : 0))
            return false;
    for (uint32_t i = 0; i < byte_count; i++)
        x = x << 8 | bytes[i];
    *out = (wr_i128)x;
    return byte_count == 0 || (*out < 0) == negative;
}

static bool store_decimal(const pq_leaf *leaf, wr_i128 x, void *out)
{
    bool bad = __builtin_mul_overflow(x, (wr_i128)leaf->factor, &x);

    if (leaf->type.precision <= WR_DECIMAL_DIGITS_I64) {
        int64_t small = (int64_t)x;

        memcpy(out, &small, sizeof small);
        return !bad && small == x;
    }
    memcpy(out, &x, sizeof x);
    return !bad;
}

wr_status wr_pq_convert_bytes(const pq_leaf *leaf, const uint8_t *bytes, uint32_t byte_count,
                              void *out, wr_error *err)
{
    wr_i128 x;

    if (!load_decimal(bytes, byte_count, &x) || !store_decimal(leaf, x, out))
        return raise_range(leaf, err);
    return WR_OK;
}

static wr_status convert_fixed_decimal(const pq_leaf *leaf, const uint8_t *stored, uint32_t count,
                                       void *out, wr_error *err)
{
    uint32_t width = leaf->type.precision <= WR_DECIMAL_DIGITS_I64 ? 8 : 16;

    for (uint32_t i = 0; i < count; i++)
        WR_TRY(wr_pq_convert_bytes(leaf, stored + leaf->stored_bytes * (size_t)i, leaf->stored_bytes,
                                   (uint8_t *)out + width * (size_t)i, err));
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

/* Small integers, stored in 32 bits, to wider ones of 32 and fewer; bind_own has set their range. */
static bool bind_small(wr_type from, wr_type to, pq_leaf *leaf)
{
    if (wr_physical_bytes(wr_type_physical(from)) >= wr_physical_bytes(wr_type_physical(to)) ||
        !wr_type_is_integer(to) || (wr_type_is_unsigned(to) && !wr_type_is_unsigned(from)))
        return false;
    leaf->convert = to.logical == WR_TYPE_I16   ? narrow_i16
                    : to.logical == WR_TYPE_U16 ? narrow_u16
                                                : NULL;
    return true;
}

/* Integers of a file to integers, decimals, doubles; `digits` are the decimal digits they may have. */
static bool bind_integer(const pq_element *element, wr_type from, wr_type to, pq_leaf *leaf)
{
    static const uint8_t DIGITS[] = {[1] = 3, [2] = 5, [4] = 10, [8] = 19};
    uint32_t bytes = wr_physical_bytes(wr_type_physical(from));
    bool     is_32 = element->physical == PQ_INT32;
    bool     is_unsigned = wr_type_is_unsigned(from) && bytes >= sizeof(int32_t);
    int      digits = bytes < sizeof DIGITS ? DIGITS[bytes] : 0, scale = 0;

    leaf->factor = 1;
    if (to.logical == WR_TYPE_DECIMAL) {
        if (from.logical == WR_TYPE_DECIMAL) {
            digits = from.precision;
            scale = from.scale;
        }
        if (to.scale < scale || to.precision - to.scale < digits - scale || to.scale - scale > 18 ||
            (is_unsigned && !is_32))
            return false;
        leaf->factor = power_of_ten(to.scale - scale);
        if (to.precision > WR_DECIMAL_DIGITS_I64)
            leaf->convert = is_32 ? widen_i32_i128 : widen_i64_i128;
        else
            leaf->convert = is_32 ? widen_i32 : leaf->factor == 1 ? NULL : widen_i64;
        return !(is_32 && is_unsigned);
    }
    if (from.logical == WR_TYPE_DECIMAL)
        return false;
    if (to.logical == WR_TYPE_I64 && is_32) {
        leaf->convert = is_unsigned ? widen_u32 : widen_i32;
        return true;
    }
    if (to.logical == WR_TYPE_U64 && is_32 && wr_type_is_unsigned(from)) {
        leaf->convert = widen_u32;
        return true;
    }
    if (to.logical == WR_TYPE_F64 && is_32 && !is_unsigned) {
        leaf->convert = widen_i32_f64;
        return true;
    }
    return bind_small(from, to, leaf);
}

/* Factor from one unit to another, finer one; 0: it is coarser. */
static int64_t unit_factor(unsigned from, unsigned to)
{
    return to < from ? 0 : power_of_ten(3 * (int)(to - from));
}

static bool bind_time(const pq_element *element, wr_type from, wr_type to, pq_leaf *leaf)
{
    if (from.logical == WR_TYPE_DATE32 && to.logical == WR_TYPE_TIMESTAMP) {
        leaf->factor = 86400 * power_of_ten(3 * (int)to.unit);
        leaf->convert = widen_i32;
        return true;
    }
    if (from.logical == WR_TYPE_DATE32 && to.logical == WR_TYPE_DATE64) {
        leaf->factor = 86400000;
        leaf->convert = widen_i32;
        return true;
    }
    if (from.logical != to.logical)
        return false;
    leaf->factor = unit_factor(from.unit, to.unit);
    leaf->convert = element->physical == PQ_INT32 ? widen_i32 : leaf->factor == 1 ? NULL : widen_i64;
    return leaf->factor > 0;
}

/* The types differ: can one be read as the other? */
static bool bind_other(const pq_element *element, wr_type from, wr_type to, pq_leaf *leaf)
{
    if (element->physical == PQ_INT96 && to.logical == WR_TYPE_TIMESTAMP) {
        leaf->factor = power_of_ten(3 * (int)(WR_UNIT_NS - to.unit));
        return true;
    }
    if (wr_type_is_integer(from) || (from.logical == WR_TYPE_DECIMAL && !leaf->is_text &&
                                     (element->physical == PQ_INT32 || element->physical == PQ_INT64)))
        return bind_integer(element, from, to, leaf);
    if (from.logical == WR_TYPE_DECIMAL && to.logical == WR_TYPE_DECIMAL) {
        leaf->factor = power_of_ten(to.scale - from.scale > 0 ? to.scale - from.scale : 0);
        return to.scale >= from.scale && to.scale - from.scale <= 18 &&
               to.precision - to.scale >= from.precision - from.scale;
    }
    if (from.logical == WR_TYPE_F32 && to.logical == WR_TYPE_F64) {
        if (element->physical == PQ_FLOAT)
            leaf->convert = widen_float;
        return true;
    }
    if (wr_type_is_text(from) && wr_type_is_text(to))
        return true;
    return from.logical != WR_TYPE_BOOL && wr_type_is_temporal(from) && bind_time(element, from, to, leaf);
}

/* As the file has it. */
static void bind_own(const pq_element *element, wr_type type, pq_leaf *leaf)
{
    static const pq_convert NARROW[] = {[WR_TYPE_I8] = narrow_i8, [WR_TYPE_I16] = narrow_i16,
                                        [WR_TYPE_U8] = narrow_u8, [WR_TYPE_U16] = narrow_u16};

    leaf->factor = 1;
    if (wr_type_is_integer(type) && type.logical < sizeof NARROW / sizeof NARROW[0]) {
        leaf->convert = NARROW[type.logical];
        leaf->low = type.logical == WR_TYPE_I8 ? INT8_MIN : type.logical == WR_TYPE_I16 ? INT16_MIN : 0;
        leaf->high = type.logical == WR_TYPE_I8    ? INT8_MAX
                     : type.logical == WR_TYPE_I16 ? INT16_MAX
                     : type.logical == WR_TYPE_U8  ? UINT8_MAX
                                                   : UINT16_MAX;
    } else if (element->physical == PQ_INT32 && type.logical == WR_TYPE_DECIMAL) {
        leaf->convert = widen_i32;
        if (type.precision > WR_DECIMAL_DIGITS_I64)
            leaf->convert = widen_i32_i128;
    } else if (element->physical == PQ_INT64 && type.logical == WR_TYPE_DECIMAL &&
               type.precision > WR_DECIMAL_DIGITS_I64) {
        leaf->convert = widen_i64_i128;
    } else if (element->physical == PQ_INT32 && type.logical == WR_TYPE_TIME) {
        leaf->convert = widen_i32;
    }
}

/* What stored bytes mean whatever is wanted of them. */
static void bind_bytes(const pq_element *element, wr_type own, pq_leaf *leaf)
{
    static const uint8_t WIDTHS[PQ_PHYSICAL_COUNT] = {
        [PQ_INT32] = 4, [PQ_INT64] = 8, [PQ_INT96] = INT96_BYTES, [PQ_FLOAT] = 4, [PQ_DOUBLE] = 8};

    leaf->stored_bytes = element->physical == PQ_FIXED_LEN_BYTE_ARRAY ? element->type_length
                                                                      : WIDTHS[element->physical];
    leaf->is_text = wr_type_is_text(own);
    if (element->physical == PQ_INT96)
        leaf->convert = convert_int96;
    if (element->physical != PQ_FIXED_LEN_BYTE_ARRAY)
        return;
    if (own.logical == WR_TYPE_UUID)
        leaf->convert = convert_uuid;
    else if (own.logical == WR_TYPE_INTERVAL)
        leaf->convert = convert_interval;
    else if (own.logical == WR_TYPE_F32)
        leaf->convert = widen_half;
    else if (own.logical == WR_TYPE_DECIMAL)
        leaf->convert = convert_fixed_decimal;
}

wr_status wr_pq_leaf_bind(const pq_element *element, wr_type type, pq_leaf *leaf, wr_error *err)
{
    static const pq_read_options PLAIN = {0};
    wr_type own = wr_pq_leaf_type(element, &PLAIN);

    *leaf = (pq_leaf){.type = type, .physical = element->physical, .factor = 1};
    if (own.logical == WR_TYPE_NULL_) {
        leaf->stored_bytes = 1;
        leaf->convert = convert_nothing;
        return WR_OK;
    }
    if (element->logical == PQ_LOGICAL_DECIMAL && own.logical != WR_TYPE_DECIMAL)
        return WR_RAISE(err, WR_UNSUPPORTED, "a decimal of %d digits, %d of them behind the point: at "
                        "most %d can be read", element->precision, element->scale,
                        WR_DECIMAL_DIGITS_MAX);
    bind_bytes(element, own, leaf);
    bind_own(element, own, leaf);
    if (!wr_type_equal(own, type) &&
        !(own.logical == WR_TYPE_TIMESTAMP && type.logical == WR_TYPE_TIMESTAMP && own.unit == type.unit) &&
        !bind_other(element, own, type, leaf))
        return raise_type(own, type, err);
    leaf->is_unsigned = wr_type_is_unsigned(own);
    leaf->is_utf8 = leaf->is_text && type.logical == WR_TYPE_UTF8;
    return WR_OK;
}
