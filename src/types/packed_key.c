/* types/packed_key.c — nested values as bytes that memcmp orders, and the check of foreign bytes.
 *
 * Key      sequence: ELEMENT or NULL_ELEMENT before each element, END behind the last
 *          struct:   ELEMENT or NULL_ELEMENT before each member
 *          numbers:  big-endian, the sign turned (floats: IEEE 754's total order trick)
 *          text:     its bytes with 0 as 0 255, ended by 0 0
 * END is below ELEMENT, so a shorter list comes first; NULL_ELEMENT is above, so NULL comes last.
 * Both walk down types, not data: at most WR_NESTED_DEPTH_MAX calls deep. */
#include <string.h>

#include "types/packed.h"
#include "types/value.h"

enum { KEY_END, KEY_ELEMENT, KEY_NULL };

static void put_byte(wr_packer *out, uint8_t byte)
{
    wr_pack_bytes(out, &byte, 1);
}

static void put_big_endian(wr_packer *out, wr_u128 value, uint32_t byte_count)
{
    while (byte_count--)
        put_byte(out, (uint8_t)(value >> 8 * byte_count));
}

static uint64_t order_float(double value)
{
    uint64_t bits;

    if (value != value)
        return UINT64_MAX;
    value = value == 0 ? 0 : value; /* -0.0 */
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static void put_scalar(const wr_packed *packed, wr_slot slot, wr_type type, wr_packer *out)
{
    const wr_u128 sign = (wr_u128)1 << 127;
    _Alignas(16) uint8_t cell[16];
    wr_value value;

    wr_packed_cell(packed, slot, type, cell);
    value = wr_value_load(type, cell);
    switch (wr_type_physical(type)) {
    case WR_PHYS_BOOL:
        put_byte(out, value.boolean);
        break;
    case WR_PHYS_I8:
    case WR_PHYS_I16:
    case WR_PHYS_I32:
    case WR_PHYS_I64:
        put_big_endian(out, (uint64_t)value.i64 ^ (uint64_t)1 << (8 * slot.byte_count - 1),
                       (uint32_t)slot.byte_count);
        break;
    case WR_PHYS_U8:
    case WR_PHYS_U16:
    case WR_PHYS_U32:
    case WR_PHYS_U64:
        put_big_endian(out, value.u64, (uint32_t)slot.byte_count);
        break;
    case WR_PHYS_F32: /* a float's double has 29 low bits of zero, whatever its sign */
        put_big_endian(out, order_float(value.f64) >> 29, 5);
        break;
    case WR_PHYS_F64:
        put_big_endian(out, order_float(value.f64), 8);
        break;
    case WR_PHYS_I128:
        put_big_endian(out, (wr_u128)value.i128 ^ sign, 16);
        break;
    case WR_PHYS_INTERVAL:
        put_big_endian(out, (wr_u128)wr_interval_total_us(value.interval) ^ sign, 16);
        break;
    case WR_PHYS_STR:
    case WR_PHYS_COUNT:
        WR_UNREACHABLE();
    }
}

static void put_text(const uint8_t *bytes, uint64_t byte_count, wr_packer *out)
{
    while (byte_count) {
        const uint8_t *zero = memchr(bytes, 0, byte_count);
        uint64_t plain = zero ? (uint64_t)(zero - bytes) : byte_count;

        wr_pack_bytes(out, bytes, plain);
        if (zero)
            wr_pack_bytes(out, "\0\377", 2);
        plain += zero != NULL;
        bytes += plain;
        byte_count -= plain;
    }
    wr_pack_bytes(out, "\0", 2);
}

/* A value that stands in `packed` at `slot`, below the marks that say whether it is there. */
static wr_status put_value(const wr_packed *packed, wr_slot slot, wr_type type, wr_packer *out,
                           wr_error *err)
{
    wr_packed inside;

    if (wr_type_physical(type) != WR_PHYS_STR) {
        put_scalar(packed, slot, type, out);
        return WR_OK;
    }
    inside = wr_packed_inside(packed, slot);
    if (wr_type_is_nested(type))
        return wr_packed_key(&inside, type, out, err);
    put_text(inside.bytes, inside.byte_count, out);
    return WR_OK;
}

static wr_status put_marked(const wr_packed *packed, wr_slot slot, wr_type type, wr_packer *out,
                            wr_error *err)
{
    put_byte(out, slot.is_null ? KEY_NULL : KEY_ELEMENT);
    return slot.is_null ? WR_OK : put_value(packed, slot, type, out, err);
}

static wr_status put_members(const wr_packed *packed, wr_type type, wr_packer *out, wr_error *err)
{
    wr_struct_cursor cursor;
    wr_slot          slot;

    wr_struct_cursor_init(&cursor, packed, type);
    for (uint32_t i = 0; i < wr_type_member_count(type); i++) {
        WR_TRY(wr_struct_cursor_next(&cursor, &slot, err));
        WR_TRY(put_marked(packed, slot, wr_type_member(type, i).type, out, err));
    }
    return WR_OK;
}

wr_status wr_packed_key(const wr_packed *packed, wr_type type, wr_packer *out, wr_error *err)
{
    wr_list_cursor cursor;
    wr_slot        slot;
    bool           end = false;

    if (type.logical == WR_TYPE_STRUCT)
        return put_members(packed, type, out, err);
    wr_list_cursor_init(&cursor, packed, type);
    for (;;) {
        WR_TRY(wr_list_cursor_next(&cursor, &slot, &end, err));
        if (end)
            break;
        WR_TRY(put_marked(packed, slot, cursor.element, out, err));
    }
    put_byte(out, KEY_END);
    return WR_OK;
}

/* --- foreign bytes ------------------------------------------------------------------------------ */

static wr_status check_slot(const wr_packed *packed, wr_slot slot, wr_type type, wr_error *err)
{
    wr_packed inside;

    if (slot.is_null || !wr_type_is_nested(type))
        return WR_OK;
    inside = wr_packed_inside(packed, slot);
    return wr_packed_check(&inside, type, err);
}

wr_status wr_packed_check(const wr_packed *packed, wr_type type, wr_error *err)
{
    wr_struct_cursor members;
    wr_list_cursor   elements;
    wr_slot          slot;
    bool             end = false;

    if (type.logical == WR_TYPE_STRUCT) {
        wr_struct_cursor_init(&members, packed, type);
        for (uint32_t i = 0; i < wr_type_member_count(type); i++) {
            WR_TRY(wr_struct_cursor_next(&members, &slot, err));
            WR_TRY(check_slot(packed, slot, wr_type_member(type, i).type, err));
        }
        if (members.offset != packed->byte_count)
            return WR_RAISE(err, WR_CORRUPT, "a struct is damaged: bytes are left over");
        return WR_OK;
    }
    wr_list_cursor_init(&elements, packed, type);
    for (;;) {
        WR_TRY(wr_list_cursor_next(&elements, &slot, &end, err));
        if (end)
            return WR_OK;
        WR_TRY(check_slot(packed, slot, elements.element, err));
    }
}
