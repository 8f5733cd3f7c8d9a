/* text_codes.c — see the header. */
#include "spi/text_codes.h"

#include <string.h>

#include "base/bits.h"
#include "base/hash.h"

enum { HEAD_BYTES = 4, ENTRY_BYTES_MEAN = 8 /* as short as entries may be until slots are what runs out */ };

void wr_text_codes_layout(wr_text_codes *codes, uint32_t bytes_max, wr_carver *carver)
{
    uint32_t count_max = bytes_max / ENTRY_BYTES_MEAN;
    uint32_t slot_count = (uint32_t)wr_pow2_ceil(2 * (uint64_t)count_max);

    *codes = (wr_text_codes){.count_max = count_max, .bytes_max = bytes_max, .slot_mask = slot_count - 1};
    codes->bytes = wr_carve(carver, bytes_max);
    codes->slots = wr_carve(carver, slot_count * sizeof(uint32_t));
    codes->offsets = wr_carve(carver, count_max * sizeof(uint32_t));
    codes->tags = wr_carve(carver, count_max * sizeof(uint32_t));
}

void wr_text_codes_reset(wr_text_codes *codes)
{
    if (codes->count > 0)
        memset(codes->slots, 0, ((size_t)codes->slot_mask + 1) * sizeof(uint32_t));
    codes->count = codes->used_bytes = 0;
}

/* Unused bytes of short texts are zero. */
static inline uint64_t hash_text(const wr_str *text)
{
    if (wr_str_is_inline(text))
        return wr_hash_u64(wr_load_u64(text) * 0x9e3779b97f4a7c15ULL ^ wr_load_u64(text->rest));
    return wr_hash_bytes(wr_str_bytes(text), text->byte_count);
}

static inline bool is_entry(const wr_text_codes *codes, uint32_t code, const wr_str *text, uint32_t tag)
{
    const uint8_t *entry = codes->bytes + codes->offsets[code];

    return codes->tags[code] == tag && wr_load_u32(entry) == text->byte_count &&
           memcmp(entry + HEAD_BYTES, wr_str_bytes(text), text->byte_count) == 0;
}

static bool add(wr_text_codes *codes, uint32_t *slot, const wr_str *text, uint32_t tag)
{
    uint64_t needed = (uint64_t)text->byte_count + HEAD_BYTES;

    if (codes->count == codes->count_max || needed > codes->bytes_max - codes->used_bytes)
        return false;
    codes->offsets[codes->count] = codes->used_bytes;
    codes->tags[codes->count] = tag;
    wr_store_u32(codes->bytes + codes->used_bytes, text->byte_count);
    memcpy(codes->bytes + codes->used_bytes + HEAD_BYTES, wr_str_bytes(text), text->byte_count);
    codes->used_bytes += (uint32_t)needed;
    *slot = ++codes->count;
    return true;
}

uint32_t wr_text_codes_find(wr_text_codes *codes, const wr_str *text)
{
    uint64_t hash = hash_text(text);
    uint32_t at = (uint32_t)hash & codes->slot_mask, tag = (uint32_t)(hash >> 32);

    while (codes->slots[at] != 0 && !is_entry(codes, codes->slots[at] - 1, text, tag))
        at = (at + 1) & codes->slot_mask;
    if (codes->slots[at] == 0 && !add(codes, &codes->slots[at], text, tag))
        return WR_TEXT_CODE_NONE;
    return codes->slots[at] - 1;
}

/* The last one first: nothing that is left was put behind it. */
void wr_text_codes_take_back(wr_text_codes *codes, uint32_t count)
{
    while (codes->count > count) {
        uint32_t       code = --codes->count;
        const uint8_t *entry = codes->bytes + codes->offsets[code];
        wr_str         text = wr_str_of((const char *)entry + HEAD_BYTES, wr_load_u32(entry));
        uint32_t       at = (uint32_t)hash_text(&text) & codes->slot_mask;

        while (codes->slots[at] != code + 1)
            at = (at + 1) & codes->slot_mask;
        codes->slots[at] = 0;
        codes->used_bytes = codes->offsets[code];
    }
}
