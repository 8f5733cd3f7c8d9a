/* types/format_number.c — integers, decimals, booleans, UUIDs and binary values to text. */
#include "types/parse.h"

#include <string.h>

#include "types/format_priv.h"

const char wr_digit_pairs[200] =
    "00010203040506070809101112131415161718192021222324252627282930313233"
    "34353637383940414243444546474849505152535455565758596061626364656667"
    "6869707172737475767778798081828384858687888990919293949596979899";

size_t wr_format_u64(uint64_t x, char *out)
{
    size_t digit_count = count_digits(x);

    put_digits(x, digit_count, out);
    return digit_count;
}

size_t wr_format_i64(int64_t x, char *out)
{
    if (x >= 0)
        return wr_format_u64((uint64_t)x, out);
    *out = '-';
    return 1 + wr_format_u64(-(uint64_t)x, out + 1);
}

/* All digits of a magnitude below 10^39, in pieces of 19. */
static size_t format_u128(wr_u128 x, char *out)
{
    const uint64_t PIECE = 10000000000000000000u;
    size_t         byte_count;

    if (x < PIECE)
        return wr_format_u64((uint64_t)x, out);
    byte_count = format_u128(x / PIECE, out); /* at most two levels deep */
    put_digits((uint64_t)(x % PIECE), 19, out + byte_count);
    return byte_count + 19;
}

size_t wr_format_decimal(wr_i128 value, int scale, char *out)
{
    wr_u128 magnitude = value < 0 ? -(wr_u128)value : (wr_u128)value;
    char   *p = out;
    size_t  digit_count, fraction = (size_t)scale;

    if (value < 0)
        *p++ = '-';
    digit_count = format_u128(magnitude, p);
    if (scale == 0)
        return (size_t)(p - out) + digit_count;
    if (digit_count <= fraction) { /* 0.05: at least one digit before the point */
        size_t zeros = fraction + 1 - digit_count;

        memmove(p + zeros, p, digit_count);
        memset(p, '0', zeros);
        digit_count += zeros;
    }
    memmove(p + digit_count - fraction + 1, p + digit_count - fraction, fraction);
    p[digit_count - fraction] = '.';
    return (size_t)(p - out) + digit_count + 1;
}

size_t wr_format_bool(bool x, char *out)
{
    memcpy(out, x ? "true" : "false", x ? 4 : 5);
    return x ? 4 : 5;
}

size_t wr_format_uuid(wr_i128 x, char *out)
{
    static const char HEX[] = "0123456789abcdef";
    wr_u128           bits = (wr_u128)x ^ (wr_u128)1 << 127;
    char             *p = out;

    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *p++ = '-';
        *p++ = HEX[(unsigned)(bits >> (124 - 4 * i)) & 15];
    }
    return (size_t)(p - out);
}

size_t wr_format_any(wr_type type, const void *data, char *out)
{
    wr_value value = wr_value_load(type, data);

    switch ((wr_logical)type.logical) {
    case WR_TYPE_BOOL:
        return wr_format_bool(value.boolean, out);
    case WR_TYPE_I8:
    case WR_TYPE_I16:
    case WR_TYPE_I32:
    case WR_TYPE_I64:
        return wr_format_i64(value.i64, out);
    case WR_TYPE_U8:
    case WR_TYPE_U16:
    case WR_TYPE_U32:
    case WR_TYPE_U64:
        return wr_format_u64(value.u64, out);
    case WR_TYPE_F32:
        return wr_format_f32((float)value.f64, out);
    case WR_TYPE_F64:
        return wr_format_f64(value.f64, out);
    case WR_TYPE_DECIMAL:
        return wr_format_decimal(
            wr_type_physical(type) == WR_PHYS_I64 ? (wr_i128)value.i64 : value.i128, type.scale,
            out);
    case WR_TYPE_DATE32:
        return wr_format_date((int32_t)value.i64, out);
    case WR_TYPE_DATE64:
        return wr_format_days(floor_divide(value.i64, 86400000), out);
    case WR_TYPE_TIME:
        return wr_format_time(value.i64, (wr_time_unit)type.unit, out);
    case WR_TYPE_TIMESTAMP:
        return wr_format_timestamp(value.i64, (wr_time_unit)type.unit, type.zone, out);
    case WR_TYPE_INTERVAL:
        return wr_format_interval(value.interval, out);
    case WR_TYPE_UUID:
        return wr_format_uuid(value.i128, out);
    case WR_TYPE_NULL_:
    case WR_TYPE_UTF8:
    case WR_TYPE_BINARY:
    case WR_TYPE_LIST:
    case WR_TYPE_STRUCT:
    case WR_TYPE_MAP:
    case WR_TYPE_COUNT:
        return 0;
    }
    WR_UNREACHABLE();
}
