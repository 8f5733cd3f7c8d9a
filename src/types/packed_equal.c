/* types/packed_equal.c — one spelling for nested values that are equal.
 *
 * Floats and intervals inside a value may be equal and differ in bytes. What is written over them has as
 * many bytes, so a value is settled where it lies. The walk goes down types, not data: at most
 * WR_NESTED_DEPTH_MAX calls deep. */
#include <string.h>

#include "types/packed.h"
#include "types/value.h"

bool wr_type_has_spellings(wr_type type)
{
    if (wr_type_is_sequence(type))
        return wr_type_has_spellings(wr_type_element(type));
    if (type.logical == WR_TYPE_STRUCT)
        for (uint32_t i = 0; i < wr_type_member_count(type); i++)
            if (wr_type_has_spellings(wr_type_member(type, i).type))
                return true;
    return wr_type_is_float(type) || type.logical == WR_TYPE_INTERVAL;
}

static wr_i128 clamp(wr_i128 x, wr_i128 most)
{
    return x > most ? most : x < -most ? -most : x;
}

/* Months, then days, then less than a day. */
static wr_interval settle_interval(wr_interval x)
{
    const wr_i128 day_us = 86400000000, month_us = 30 * day_us;
    wr_i128 us = wr_interval_total_us(x);
    wr_i128 months = clamp(us / month_us, INT32_MAX);
    wr_i128 days = clamp((us - months * month_us) / day_us, INT32_MAX);

    return (wr_interval){.months = (int32_t)months, .days = (int32_t)days,
                         .us = (int64_t)(us - months * month_us - days * day_us)};
}

/* The only NaN and the only zero. */
void wr_packed_settle_cell(wr_type type, void *cell)
{
    wr_interval interval;
    double      f64;
    float       f32;

    switch ((int)wr_type_physical(type)) {
    case WR_PHYS_F64:
        memcpy(&f64, cell, sizeof f64);
        f64 = f64 == f64 ? f64 + 0.0 : (double)__builtin_nan("");
        memcpy(cell, &f64, sizeof f64);
        break;
    case WR_PHYS_F32:
        memcpy(&f32, cell, sizeof f32);
        f32 = f32 == f32 ? f32 + 0.0f : __builtin_nanf("");
        memcpy(cell, &f32, sizeof f32);
        break;
    case WR_PHYS_INTERVAL:
        memcpy(&interval, cell, sizeof interval);
        interval = settle_interval(interval);
        memcpy(cell, &interval, sizeof interval);
        break;
    }
}

static wr_status settle_slot(const wr_packed *packed, wr_slot slot, wr_type type, uint8_t *copy,
                             bool *io_settled, wr_error *err)
{
    _Alignas(16) uint8_t cell[16], settled[16];
    size_t    byte_count = (size_t)slot.byte_count;
    wr_packed inside;
    bool      fine;

    if (slot.is_null || !wr_type_has_spellings(type))
        return WR_OK;
    copy = copy ? copy + slot.offset : NULL;
    if (wr_type_is_nested(type)) {
        inside = wr_packed_inside(packed, slot);
        WR_TRY(wr_packed_settle(&inside, type, copy, &fine, err));
        *io_settled = *io_settled && fine;
        return WR_OK;
    }
    WR_TRY(wr_packed_read(packed, slot.offset, cell, byte_count, err));
    memcpy(settled, cell, byte_count);
    wr_packed_settle_cell(type, settled);
    if (memcmp(cell, settled, byte_count) == 0)
        return WR_OK;
    *io_settled = false;
    if (copy)
        memcpy(copy, settled, byte_count);
    return WR_OK;
}

wr_status wr_packed_settle(const wr_packed *packed, wr_type type, uint8_t *copy, bool *out_settled,
                           wr_error *err)
{
    wr_struct_cursor members;
    wr_list_cursor   elements;
    wr_slot          slot;
    bool             end = false;

    *out_settled = true;
    if (type.logical == WR_TYPE_STRUCT) {
        wr_struct_cursor_init(&members, packed, type);
        for (uint32_t i = 0; i < wr_type_member_count(type); i++) {
            WR_TRY(wr_struct_cursor_next(&members, &slot, err));
            WR_TRY(settle_slot(packed, slot, wr_type_member(type, i).type, copy, out_settled, err));
        }
        return WR_OK;
    }
    wr_list_cursor_init(&elements, packed, type);
    for (;;) {
        WR_TRY(wr_list_cursor_next(&elements, &slot, &end, err));
        if (end)
            return WR_OK;
        WR_TRY(settle_slot(packed, slot, elements.element, copy, out_settled, err));
    }
}
