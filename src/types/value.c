/* types/value.c — scalars in and out of the physical layout, and their order. */
#include "types/value.h"

#include <string.h>

#include "base/bits.h"

void wr_value_store(const wr_value *value, void *out)
{
    wr_physical physical = wr_type_physical(value->type);
    uint32_t    byte_count = wr_physical_bytes(physical);
    float       f32;
    wr_str      str;

    if (value->is_null) {
        memset(out, 0, byte_count);
        return;
    }
    switch (physical) {
    case WR_PHYS_BOOL:
        memcpy(out, &value->boolean, 1);
        return;
    case WR_PHYS_F32:
        f32 = (float)value->f64;
        memcpy(out, &f32, sizeof f32);
        return;
    case WR_PHYS_STR:
        str = wr_str_of(value->text.bytes, value->text.byte_count);
        memcpy(out, &str, sizeof str);
        return;
    case WR_PHYS_I8: /* narrow integers: the low bytes, little-endian */
    case WR_PHYS_I16:
    case WR_PHYS_I32:
    case WR_PHYS_I64:
    case WR_PHYS_U8:
    case WR_PHYS_U16:
    case WR_PHYS_U32:
    case WR_PHYS_U64:
    case WR_PHYS_F64:
    case WR_PHYS_I128:
    case WR_PHYS_INTERVAL:
        memcpy(out, &value->i64, byte_count);
        return;
    case WR_PHYS_COUNT:
        break;
    }
    WR_UNREACHABLE();
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "narrow integers are the low bytes");

#define LOAD_AS(ctype, member)                                                                     \
    do {                                                                                           \
        ctype narrow_;                                                                             \
        memcpy(&narrow_, data, sizeof narrow_);                                                    \
        value.member = narrow_;                                                                    \
    } while (0)

wr_value wr_value_load(wr_type type, const void *data)
{
    wr_value value = {.type = type};

    switch (wr_type_physical(type)) {
    case WR_PHYS_BOOL:
        LOAD_AS(uint8_t, boolean);
        return value;
    case WR_PHYS_I8:
        LOAD_AS(int8_t, i64);
        return value;
    case WR_PHYS_I16:
        LOAD_AS(int16_t, i64);
        return value;
    case WR_PHYS_I32:
        LOAD_AS(int32_t, i64);
        return value;
    case WR_PHYS_I64:
        LOAD_AS(int64_t, i64);
        return value;
    case WR_PHYS_U8:
        LOAD_AS(uint8_t, u64);
        return value;
    case WR_PHYS_U16:
        LOAD_AS(uint16_t, u64);
        return value;
    case WR_PHYS_U32:
        LOAD_AS(uint32_t, u64);
        return value;
    case WR_PHYS_U64:
        LOAD_AS(uint64_t, u64);
        return value;
    case WR_PHYS_F32:
        LOAD_AS(float, f64);
        return value;
    case WR_PHYS_F64:
        LOAD_AS(double, f64);
        return value;
    case WR_PHYS_I128:
        LOAD_AS(wr_i128, i128);
        return value;
    case WR_PHYS_INTERVAL:
        LOAD_AS(wr_interval, interval);
        return value;
    case WR_PHYS_STR:
        value.text = wr_str_text((const wr_str *)data);
        return value;
    case WR_PHYS_COUNT:
        break;
    }
    WR_UNREACHABLE();
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_f64(double a, double b)
{
    bool a_nan = a != a, b_nan = b != b;

    if (a_nan || b_nan)
        return a_nan - b_nan;
    return ORDER(a, b);
}

int wr_value_compare(const wr_value *a, const wr_value *b)
{
    wr_i128 x, y;

    switch (wr_type_physical(a->type)) {
    case WR_PHYS_BOOL:
        return ORDER(a->boolean, b->boolean);
    case WR_PHYS_I8:
    case WR_PHYS_I16:
    case WR_PHYS_I32:
    case WR_PHYS_I64:
        return ORDER(a->i64, b->i64);
    case WR_PHYS_U8:
    case WR_PHYS_U16:
    case WR_PHYS_U32:
    case WR_PHYS_U64:
        return ORDER(a->u64, b->u64);
    case WR_PHYS_F32:
    case WR_PHYS_F64:
        return compare_f64(a->f64, b->f64);
    case WR_PHYS_I128:
        return ORDER(a->i128, b->i128);
    case WR_PHYS_STR:
        return wr_text_compare(a->text, b->text);
    case WR_PHYS_INTERVAL:
        x = wr_interval_total_us(a->interval);
        y = wr_interval_total_us(b->interval);
        return ORDER(x, y);
    case WR_PHYS_COUNT:
        break;
    }
    WR_UNREACHABLE();
}
