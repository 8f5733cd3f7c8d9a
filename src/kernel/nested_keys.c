/* kernel/nested_keys.c — does a Map that was just packed hold a key twice?
 *
 * What is needed for it lies behind the Map, in the room that is free: if its keys may be spelled in several
 * ways, a copy with one spelling; then a hash table of the places of entries, half full at most. So the
 * room for a Map takes 4 to 8 bytes an entry more than its bytes, for a while. Cost: linear. */
#include "kernel/nested_read_priv.h"

#include <string.h>

#include "base/bits.h"
#include "base/hash.h"

/* Places are counted from 1; 0 is an empty slot. */
typedef struct key_table {
    wr_packed map;
    wr_type   entry;
    uint8_t  *slots; /* u32 each, not aligned */
    uint32_t  slot_count;
} key_table;

static wr_text key_at(const key_table *table, uint64_t entry_offset, uint64_t byte_count)
{
    wr_packed entry = wr_packed_inside(&table->map, (wr_slot){.offset = entry_offset,
                                                              .byte_count = byte_count});
    wr_slot   key = {0};
    wr_status status = wr_packed_member(&entry, table->entry, 0, &key, NULL);

    wr_assert(status == WR_OK, "it was just packed");
    return (wr_text){(const char *)entry.bytes + key.offset, (size_t)key.byte_count};
}

/* Put in the entry at `slot`; false: its key is there. */
static bool insert(key_table *table, wr_slot slot)
{
    wr_text  key = key_at(table, slot.offset, slot.byte_count);
    uint32_t at = (uint32_t)wr_hash_bytes(key.bytes, key.byte_count) & (table->slot_count - 1);
    uint32_t place;

    while ((place = wr_load_u32(table->slots + 4 * (size_t)at)) != 0) {
        uint32_t byte_count = wr_load_u32(table->map.bytes + place - 1 - WR_LENGTH_BYTES);

        if (wr_text_equal(key_at(table, place - 1, byte_count), key))
            return false;
        at = (at + 1) & (table->slot_count - 1);
    }
    wr_store_u32(table->slots + 4 * (size_t)at, (uint32_t)slot.offset + 1);
    return true;
}

/* The map, with one spelling for equal keys. *io_used: of the room. */
static bool settle(const wr_packer *packer, size_t begin, wr_type type, wr_packed *out_map,
                   size_t *io_used)
{
    wr_packed map = {.bytes = packer->bytes + begin, .byte_count = packer->used - begin};
    uint8_t  *copy = packer->bytes + packer->used;
    wr_status status;
    bool      settled;

    *out_map = map;
    if (!wr_type_has_spellings(wr_type_member(wr_type_element(type), 0).type))
        return true;
    if (map.byte_count > packer->capacity - packer->used)
        return false;
    memcpy(copy, map.bytes, map.byte_count);
    status = wr_packed_settle(&map, type, copy, &settled, NULL);
    wr_assert(status == WR_OK, "it was just packed");
    out_map->bytes = copy;
    *io_used += map.byte_count;
    return true;
}

bool wr_nested_find_twin(wr_packer *packer, size_t begin, wr_type type, uint64_t *out_index)
{
    key_table      table = {.entry = wr_type_element(type), .slot_count = 4};
    size_t         used = packer->used;
    wr_list_cursor cursor;
    wr_status      status;
    wr_slot        slot;
    uint64_t       count;
    bool           end = false;

    if (packer->is_full)
        return false;
    packer->is_full = !settle(packer, begin, type, &table.map, &used);
    status = wr_packed_count(&table.map, &count, NULL);
    while (table.slot_count < 2 * count)
        table.slot_count *= 2;
    packer->is_full |= table.slot_count > (packer->capacity - used) / 4;
    if (packer->is_full)
        return false;
    table.slots = packer->bytes + used;
    memset(table.slots, 0, 4 * (size_t)table.slot_count);
    wr_list_cursor_init(&cursor, &table.map, type);
    for (*out_index = 0;; ++*out_index) {
        if (status == WR_OK)
            status = wr_list_cursor_next(&cursor, &slot, &end, NULL);
        wr_assert(status == WR_OK, "it was just packed");
        if (end || !insert(&table, slot))
            return !end;
    }
}
