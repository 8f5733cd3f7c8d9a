/* types/packed.c — reading and writing nested values: the layout of types/packed.h. */
#include "types/packed.h"

#include <string.h>

#include "base/bits.h"

static uint32_t fixed_bytes(wr_type type)
{
    wr_physical physical = wr_type_physical(type);

    return physical == WR_PHYS_STR ? 0 : wr_physical_bytes(physical);
}

/* --- reading ------------------------------------------------------------------------------------ */

static wr_status raise_short(wr_error *err)
{
    return WR_RAISE(err, WR_CORRUPT, "a nested value is damaged: it ends too early");
}

/* Fill the window with what begins at `offset`. */
static wr_status move_window(const wr_packed *packed, uint64_t offset, wr_error *err)
{
    wr_packed_window *window = packed->window;
    uint64_t          left = packed->blob->byte_count - offset;
    size_t            byte_count = left < sizeof window->bytes ? (size_t)left : sizeof window->bytes;

    window->offset = offset;
    window->byte_count = 0;
    WR_TRY(wr_blob_read(packed->blob, offset, window->bytes, byte_count, err));
    window->byte_count = (uint32_t)byte_count;
    return WR_OK;
}

wr_status wr_packed_read(const wr_packed *packed, uint64_t offset, void *buffer, size_t byte_count,
                         wr_error *err)
{
    wr_packed_window *window = packed->window;

    if (offset > packed->byte_count || byte_count > packed->byte_count - offset)
        return raise_short(err);
    if (packed->bytes) {
        memcpy(buffer, packed->bytes + offset, byte_count);
        return WR_OK;
    }
    offset += packed->begin;
    if (!window || byte_count > sizeof window->bytes)
        return wr_blob_read(packed->blob, offset, buffer, byte_count, err);
    if (offset < window->offset || offset + byte_count > window->offset + window->byte_count)
        WR_TRY(move_window(packed, offset, err));
    memcpy(buffer, window->bytes + (offset - window->offset), byte_count);
    return WR_OK;
}

static wr_status read_u32(const wr_packed *packed, uint64_t offset, uint32_t *out, wr_error *err)
{
    return wr_packed_read(packed, offset, out, sizeof *out, err);
}

/* A length and its bytes at `offset`. */
static wr_status read_length(const wr_packed *packed, uint64_t offset, uint64_t end,
                             wr_slot *out_slot, wr_error *err)
{
    uint32_t length;

    WR_TRY(read_u32(packed, offset, &length, err));
    out_slot->is_null = length == WR_PACKED_NULL;
    out_slot->offset = offset + WR_LENGTH_BYTES;
    out_slot->byte_count = out_slot->is_null ? 0 : length;
    if (out_slot->offset > end || out_slot->byte_count > end - out_slot->offset)
        return raise_short(err);
    return WR_OK;
}

void wr_packed_cell(const wr_packed *packed, wr_slot slot, wr_type type, void *out_cell)
{
    uint32_t bytes = fixed_bytes(type);
    wr_str   str;

    if (bytes) {
        memcpy(out_cell, packed->bytes + slot.offset, bytes);
        return;
    }
    str = wr_str_of((const char *)packed->bytes + slot.offset, slot.byte_count);
    memcpy(out_cell, &str, sizeof str);
}

void wr_struct_cursor_init(wr_struct_cursor *cursor, const wr_packed *packed, wr_type type)
{
    *cursor = (wr_struct_cursor){
        .packed = packed, .type = type, .offset = (wr_type_member_count(type) + 7) / 8};
}

wr_status wr_struct_cursor_next(wr_struct_cursor *cursor, wr_slot *out_slot, wr_error *err)
{
    const wr_packed *packed = cursor->packed;
    uint32_t bytes = fixed_bytes(wr_type_member(cursor->type, cursor->member).type);
    uint8_t  bits;

    WR_TRY(wr_packed_read(packed, cursor->member / 8, &bits, 1, err));
    if (bytes) {
        *out_slot = (wr_slot){.offset = cursor->offset, .byte_count = bytes};
        if (cursor->offset > packed->byte_count || bytes > packed->byte_count - cursor->offset)
            return raise_short(err);
    } else {
        WR_TRY(read_length(packed, cursor->offset, packed->byte_count, out_slot, err));
    }
    out_slot->is_null = !(bits >> cursor->member % 8 & 1);
    cursor->offset = out_slot->offset + out_slot->byte_count;
    cursor->member++;
    return WR_OK;
}

wr_status wr_packed_member(const wr_packed *packed, wr_type type, uint32_t member, wr_slot *out_slot,
                           wr_error *err)
{
    wr_struct_cursor cursor;

    wr_struct_cursor_init(&cursor, packed, type);
    for (uint32_t i = 0; i <= member; i++)
        WR_TRY(wr_struct_cursor_next(&cursor, out_slot, err));
    return WR_OK;
}

void wr_list_cursor_init(wr_list_cursor *cursor, const wr_packed *packed, wr_type type)
{
    wr_type element = wr_type_element(type);

    *cursor = (wr_list_cursor){
        .packed = packed, .element = element, .element_bytes = fixed_bytes(element)};
}

/* Enter the next block; the caller has checked that there is one. */
static wr_status enter_block(wr_list_cursor *cursor, wr_error *err)
{
    const wr_packed *packed = cursor->packed;
    uint32_t head[2], count;
    uint64_t need;

    WR_TRY(wr_packed_read(packed, cursor->next_block, head, sizeof head, err));
    count = head[0] & ~WR_LIST_NULLS;
    cursor->block_nulls = (head[0] & WR_LIST_NULLS) != 0;
    cursor->block_offset = cursor->next_block + WR_LIST_HEADER_BYTES;
    if (head[1] > packed->byte_count - cursor->block_offset)
        return raise_short(err);
    need = cursor->element_bytes ? (uint64_t)count * cursor->element_bytes +
                                       (cursor->block_nulls ? (count + 7) / 8 : 0)
                                 : (uint64_t)count * WR_LENGTH_BYTES;
    if (count == 0 || count > WR_LIST_BLOCK_ELEMENTS || need > head[1] ||
        (cursor->element_bytes && need != head[1]))
        return WR_RAISE(err, WR_CORRUPT, "a list is damaged: a block has %u elements in %u bytes",
                        count, head[1]);
    cursor->next_block = cursor->block_offset + head[1];
    cursor->element_offset = cursor->block_offset;
    cursor->block_count = count;
    cursor->block_index = 0;
    return WR_OK;
}

static wr_status is_element_null(const wr_list_cursor *cursor, bool *out_is_null, wr_error *err)
{
    uint64_t map = cursor->block_offset + (uint64_t)cursor->block_count * cursor->element_bytes;
    uint8_t  bits = 0xff;

    if (cursor->block_nulls)
        WR_TRY(wr_packed_read(cursor->packed, map + cursor->block_index / 8, &bits, 1, err));
    *out_is_null = !(bits >> cursor->block_index % 8 & 1);
    return WR_OK;
}

wr_status wr_list_cursor_next(wr_list_cursor *cursor, wr_slot *out_slot, bool *out_end, wr_error *err)
{
    *out_end = false;
    if (cursor->block_index == cursor->block_count) {
        *out_end = cursor->next_block == cursor->packed->byte_count;
        if (*out_end)
            return WR_OK;
        WR_TRY(enter_block(cursor, err));
    }
    if (cursor->element_bytes) {
        out_slot->offset =
            cursor->block_offset + (uint64_t)cursor->block_index * cursor->element_bytes;
        out_slot->byte_count = cursor->element_bytes;
        WR_TRY(is_element_null(cursor, &out_slot->is_null, err));
    } else {
        WR_TRY(read_length(cursor->packed, cursor->element_offset, cursor->next_block, out_slot,
                           err));
        cursor->element_offset = out_slot->offset + out_slot->byte_count;
    }
    cursor->block_index++;
    return WR_OK;
}

wr_status wr_list_cursor_skip(wr_list_cursor *cursor, uint64_t count, wr_error *err)
{
    while (count) {
        uint64_t left = cursor->block_count - cursor->block_index;
        wr_slot  slot;
        bool     end;

        if (left == 0) {
            if (cursor->next_block == cursor->packed->byte_count)
                return WR_OK;
            WR_TRY(enter_block(cursor, err));
        } else if (count >= left || cursor->element_bytes) {
            left = count < left ? count : left;
            cursor->block_index += (uint32_t)left;
            count -= left;
        } else {
            WR_TRY(wr_list_cursor_next(cursor, &slot, &end, err));
            count--;
        }
    }
    return WR_OK;
}

wr_status wr_list_cursor_left(wr_list_cursor *cursor, uint32_t *out_left, wr_error *err)
{
    if (cursor->block_index == cursor->block_count &&
        cursor->next_block != cursor->packed->byte_count)
        WR_TRY(enter_block(cursor, err));
    *out_left = cursor->block_count - cursor->block_index;
    return WR_OK;
}

wr_status wr_list_cursor_copy(wr_list_cursor *cursor, uint32_t count, void *out, uint64_t *valid,
                              uint32_t first, bool *out_any_null, wr_error *err)
{
    uint64_t map = cursor->block_offset + (uint64_t)cursor->block_count * cursor->element_bytes;
    uint8_t  bits[WR_LIST_BLOCK_ELEMENTS / 8];
    uint32_t at = cursor->block_index;

    wr_assert(cursor->element_bytes > 0 && count <= cursor->block_count - at,
              "elements of fixed width, of one block");
    WR_TRY(wr_packed_read(cursor->packed, cursor->block_offset + (uint64_t)at * cursor->element_bytes,
                          out, (size_t)count * cursor->element_bytes, err));
    cursor->block_index += count;
    *out_any_null = false;
    if (!cursor->block_nulls)
        return WR_OK;
    WR_TRY(wr_packed_read(cursor->packed, map, bits, (cursor->block_count + 7) / 8, err));
    for (uint32_t i = 0; i < count; i++)
        if (!(bits[(at + i) / 8] >> (at + i) % 8 & 1)) {
            wr_bit_clear(valid, first + i);
            *out_any_null = true;
        }
    return WR_OK;
}

wr_status wr_packed_count(const wr_packed *packed, uint64_t *out_count, wr_error *err)
{
    uint32_t head[2];

    *out_count = 0;
    for (uint64_t at = 0; at < packed->byte_count; at += WR_LIST_HEADER_BYTES + head[1]) {
        WR_TRY(wr_packed_read(packed, at, head, sizeof head, err));
        *out_count += head[0] & ~WR_LIST_NULLS;
    }
    return WR_OK;
}

/* --- writing ------------------------------------------------------------------------------------ */

void wr_pack_bytes(wr_packer *packer, const void *bytes, size_t byte_count)
{
    if (packer->is_full || byte_count > packer->capacity - packer->used) {
        packer->is_full = true;
        return;
    }
    if (byte_count)
        memcpy(packer->bytes + packer->used, bytes, byte_count);
    packer->used += byte_count;
}

/* Room for `byte_count` bytes that are filled in later; zeroed. Returns its place. */
static uint64_t reserve(wr_packer *packer, size_t byte_count)
{
    static const uint8_t zeros[WR_NESTED_MEMBERS_MAX / 8];
    uint64_t begin = wr_packer_place(packer);

    wr_pack_bytes(packer, zeros, byte_count);
    return begin;
}

static void patch_u32(wr_packer *packer, uint64_t place, uint32_t value)
{
    wr_packer_late *late = packer->late;

    if (packer->is_full)
        return;
    if (place >= packer->given) {
        memcpy(packer->bytes + (place - packer->given), &value, sizeof value);
        return;
    }
    late->places[late->count] = place;
    late->values[late->count++] = value;
}

/* The text of a cell: its length and its bytes. */
static void pack_text(wr_packer *packer, const void *cell)
{
    wr_str   str;
    uint32_t length;

    memcpy(&str, cell, sizeof str);
    length = str.byte_count;
    wr_pack_bytes(packer, &length, sizeof length);
    wr_pack_bytes(packer, wr_str_bytes(&str), length);
}

void wr_list_pack_begin(wr_list_packer *list, wr_packer *out, wr_type element)
{
    list->out = out;
    list->element_bytes = fixed_bytes(element);
    list->count = 0;
}

static void close_block(wr_list_packer *list)
{
    uint32_t head = list->count;

    if (list->element_bytes && list->any_null) {
        wr_pack_bytes(list->out, list->valid, (list->count + 7) / 8);
        head |= WR_LIST_NULLS;
    }
    patch_u32(list->out, list->block_begin, head);
    patch_u32(list->out, list->block_begin + 4,
              (uint32_t)(wr_packer_place(list->out) - list->block_begin - WR_LIST_HEADER_BYTES));
    list->count = 0;
}

static void begin_element(wr_list_packer *list)
{
    if (list->count)
        return;
    list->block_begin = reserve(list->out, WR_LIST_HEADER_BYTES);
    list->any_null = false;
    memset(list->valid, 0xff, sizeof list->valid);
}

static void end_element(wr_list_packer *list)
{
    uint64_t bytes = wr_packer_place(list->out) - list->block_begin - WR_LIST_HEADER_BYTES;

    if (++list->count == WR_LIST_BLOCK_ELEMENTS || bytes >= WR_LIST_BLOCK_BYTES)
        close_block(list);
}

void wr_list_pack_cell(wr_list_packer *list, const void *cell)
{
    static const uint8_t  zero[16];
    static const uint32_t null_length = WR_PACKED_NULL;

    begin_element(list);
    if (list->element_bytes) {
        wr_pack_bytes(list->out, cell ? cell : zero, list->element_bytes);
        if (!cell) {
            wr_bit_clear(list->valid, list->count);
            list->any_null = true;
        }
    } else if (cell) {
        pack_text(list->out, cell);
    } else {
        wr_pack_bytes(list->out, &null_length, sizeof null_length);
    }
    end_element(list);
}

void wr_list_pack_open(wr_list_packer *list)
{
    wr_assert(!list->element_bytes, "elements of fixed width come as cells");
    begin_element(list);
    list->element_begin = reserve(list->out, WR_LENGTH_BYTES);
}

void wr_list_pack_close(wr_list_packer *list)
{
    patch_u32(list->out, list->element_begin,
              (uint32_t)(wr_packer_place(list->out) - list->element_begin - WR_LENGTH_BYTES));
    end_element(list);
}

void wr_list_pack_end(wr_list_packer *list)
{
    if (list->count)
        close_block(list);
}

void wr_struct_pack_begin(wr_struct_packer *strukt, wr_packer *out, wr_type type)
{
    *strukt = (wr_struct_packer){.out = out, .type = type};
    strukt->begin = reserve(out, (wr_type_member_count(type) + 7) / 8);
}

void wr_struct_pack_expect(wr_struct_packer *strukt, uint32_t member)
{
    wr_packer *out = strukt->out;

    if (!out->is_full && strukt->begin >= out->given)
        out->bytes[strukt->begin - out->given + member / 8] |= (uint8_t)(1 << member % 8);
}

void wr_struct_pack_cell(wr_struct_packer *strukt, const void *cell)
{
    uint32_t bytes = fixed_bytes(wr_type_member(strukt->type, strukt->member).type);

    if (cell)
        wr_struct_pack_expect(strukt, strukt->member);
    if (!cell)
        reserve(strukt->out, bytes ? bytes : WR_LENGTH_BYTES);
    else if (bytes)
        wr_pack_bytes(strukt->out, cell, bytes);
    else
        pack_text(strukt->out, cell);
    strukt->member++;
}

void wr_struct_pack_open(wr_struct_packer *strukt)
{
    wr_struct_pack_expect(strukt, strukt->member);
    strukt->member_begin = reserve(strukt->out, WR_LENGTH_BYTES);
}

void wr_struct_pack_close(wr_struct_packer *strukt)
{
    patch_u32(strukt->out, strukt->member_begin,
              (uint32_t)(wr_packer_place(strukt->out) - strukt->member_begin - WR_LENGTH_BYTES));
    strukt->member++;
}
