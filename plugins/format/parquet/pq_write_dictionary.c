/* pq_write_dictionary.c — the different values of a leaf, numbered in the order in which they come.
 *
 * A row group has one dictionary a leaf, of bounded size. It is given up when it is full, or when a
 * few thousand values show that hardly any comes twice: what comes after is stored plain.
 * Open addressing, a 32-bit slot an entry, of which there are no more than the entries so far need: a table
 * that fits the cache is twice as fast. Texts are told apart by a piece of their hash first.
 * Cost: 3 ns a number, 6 ns a text, while it fits the cache. */
#include "base/hash.h"
#include "pq_write.h"

enum {
    ENTRY_BYTES_MIN = 4,
    TRIAL_VALUES = 4096,      /* how often it is weighed                            */
    COVERED_MAX = 4096,       /* entries; for more the whole dictionary's bounds do */
};

void wr_pq_dictionary_layout(pq_dictionary *dictionary, const pq_leaf *leaf, uint32_t bytes_max,
                             wr_carver *carver)
{
    uint32_t entry_bytes = leaf->width ? leaf->width : 2 * ENTRY_BYTES_MIN;
    uint32_t entries_max = bytes_max / entry_bytes;
    uint32_t slot_count = (uint32_t)wr_pow2_ceil(2 * (uint64_t)entries_max);

    *dictionary = (pq_dictionary){
        .entries_max = entries_max,
        .bytes_max = bytes_max,
        .bytes = wr_carve(carver, bytes_max),
        .slots = wr_carve(carver, slot_count * sizeof(uint32_t)),
    };
    if (leaf->width == 0) {
        dictionary->offsets = wr_carve(carver, entries_max * sizeof(uint32_t));
        dictionary->tags = wr_carve(carver, entries_max * sizeof(uint32_t));
    }
}

void wr_pq_dictionary_reset(pq_dictionary *dictionary, bool is_on)
{
    if (dictionary->entry_count > 0)
        memset(dictionary->slots, 0, ((size_t)dictionary->slot_mask + 1) * sizeof(uint32_t));
    dictionary->is_on = is_on;
    dictionary->entry_count = dictionary->used_bytes = dictionary->slot_mask = 0;
    dictionary->value_count = 0;
    dictionary->stats = (pq_stats){0};
}

/* ---- Numbers ----------------------------------------------------------------------------------- */

/* A new entry in `slot`; false: full. */
static inline bool add_fixed(pq_dictionary *d, uint32_t *slot, const void *value, uint32_t width)
{
    if (d->entry_count == d->entries_max)
        return false;
    memcpy(d->bytes + d->used_bytes, value, width);
    d->used_bytes += width;
    *slot = ++d->entry_count;
    return true;
}

#define CODES_OF(name, type)                                                                       \
    static uint32_t name(pq_dictionary *d, const void *values, uint32_t count, uint32_t *codes)    \
    {                                                                                              \
        const type *v = values, *entries = (const type *)(const void *)d->bytes;                   \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            uint32_t at = (uint32_t)wr_hash_u64(v[i]) & d->slot_mask;                              \
            while (d->slots[at] != 0 && entries[d->slots[at] - 1] != v[i])                         \
                at = (at + 1) & d->slot_mask;                                                      \
            if (d->slots[at] == 0 && !add_fixed(d, &d->slots[at], &v[i], sizeof v[i]))             \
                return i;                                                                          \
            codes[i] = d->slots[at] - 1;                                                           \
        }                                                                                          \
        return count;                                                                              \
    }

CODES_OF(codes_of_u32, uint32_t)
CODES_OF(codes_of_u64, uint64_t)

static uint32_t codes_of_bytes(pq_dictionary *d, uint32_t width, const uint8_t *values,
                               uint32_t count, uint32_t *codes)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *value = values + (size_t)i * width;
        uint32_t       at = (uint32_t)wr_hash_bytes(value, width) & d->slot_mask;

        while (d->slots[at] != 0 &&
               memcmp(d->bytes + (size_t)(d->slots[at] - 1) * width, value, width) != 0)
            at = (at + 1) & d->slot_mask;
        if (d->slots[at] == 0 && !add_fixed(d, &d->slots[at], value, width))
            return i;
        codes[i] = d->slots[at] - 1;
    }
    return count;
}

/* ---- Texts ------------------------------------------------------------------------------------- */

static bool add_text(pq_dictionary *d, uint32_t *slot, const wr_str *text, uint32_t tag)
{
    uint32_t needed = text->byte_count + (uint32_t)sizeof(uint32_t);

    if (d->entry_count == d->entries_max || needed > d->bytes_max - d->used_bytes)
        return false;
    d->offsets[d->entry_count] = d->used_bytes;
    d->tags[d->entry_count] = tag;
    wr_store_u32(d->bytes + d->used_bytes, text->byte_count);
    memcpy(d->bytes + d->used_bytes + sizeof(uint32_t), wr_str_bytes(text), text->byte_count);
    d->used_bytes += needed;
    *slot = ++d->entry_count;
    return true;
}

static inline bool is_entry(const pq_dictionary *d, uint32_t code, const wr_str *text, uint32_t tag)
{
    const uint8_t *entry = d->bytes + d->offsets[code];

    return d->tags[code] == tag && wr_load_u32(entry) == text->byte_count &&
           memcmp(entry + sizeof(uint32_t), wr_str_bytes(text), text->byte_count) == 0;
}

static inline uint64_t hash_text(const wr_str *text)
{
    /* Unused bytes of short texts are zero. */
    if (wr_str_is_inline(text))
        return wr_hash_u64(wr_load_u64(text) * 0x9e3779b97f4a7c15ULL ^ wr_load_u64(text->rest));
    return wr_hash_bytes(wr_str_bytes(text), text->byte_count);
}

static uint32_t codes_of_texts(pq_dictionary *d, const wr_str *texts, uint32_t count,
                               uint32_t *codes)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = hash_text(&texts[i]);
        uint32_t at = (uint32_t)hash & d->slot_mask, tag = (uint32_t)(hash >> 32);

        while (d->slots[at] != 0 && !is_entry(d, d->slots[at] - 1, &texts[i], tag))
            at = (at + 1) & d->slot_mask;
        if (d->slots[at] == 0 && !add_text(d, &d->slots[at], &texts[i], tag))
            return i;
        codes[i] = d->slots[at] - 1;
    }
    return count;
}

/* ---- Both -------------------------------------------------------------------------------------- */

/* Was one value in eight there before? Until the dictionary is full that is all it has to show. */
static bool pays(const pq_dictionary *d)
{
    return d->entry_count <= d->value_count - d->value_count / 8;
}

static uint64_t hash_entry(const pq_dictionary *d, const pq_leaf *leaf, uint32_t entry)
{
    const uint8_t *bytes = d->bytes + (leaf->width ? (size_t)entry * leaf->width : d->offsets[entry]);
    wr_str         text;

    if (leaf->width == 4)
        return wr_hash_u64(wr_load_u32(bytes));
    if (leaf->width == 8)
        return wr_hash_u64(wr_load_u64(bytes));
    if (leaf->width > 0)
        return wr_hash_bytes(bytes, leaf->width);
    text = wr_str_of((const char *)bytes + sizeof(uint32_t), wr_load_u32(bytes));
    return hash_text(&text);
}

/* Two slots an entry, also if all of so many values are new. */
static void grow(pq_dictionary *d, const pq_leaf *leaf, uint32_t value_count)
{
    uint32_t room = d->entries_max - d->entry_count;
    uint64_t entries = d->entry_count + (value_count < room ? value_count : room);
    uint32_t slot_count = (uint32_t)wr_pow2_ceil(2 * entries);

    if (slot_count <= d->slot_mask + 1)
        return;
    memset(d->slots, 0, ((size_t)d->slot_mask + 1) * sizeof(uint32_t));
    d->slot_mask = slot_count - 1;
    for (uint32_t i = 0; i < d->entry_count; i++) {
        uint32_t at = (uint32_t)hash_entry(d, leaf, i) & d->slot_mask;

        while (d->slots[at] != 0)
            at = (at + 1) & d->slot_mask;
        d->slots[at] = i + 1;
    }
}

static uint32_t codes_of(pq_dictionary *d, const pq_leaf *leaf, const uint8_t *values,
                         uint32_t count, uint32_t *codes)
{
    grow(d, leaf, count);
    if (leaf->width == 0)
        return codes_of_texts(d, (const wr_str *)(const void *)values, count, codes);
    return leaf->width == 4   ? codes_of_u32(d, values, count, codes)
           : leaf->width == 8 ? codes_of_u64(d, values, count, codes)
                              : codes_of_bytes(d, leaf->width, values, count, codes);
}

/* Bounds of entries [first, end). */
static void take_in_entries(const pq_dictionary *d, const pq_leaf *leaf, uint32_t first, uint32_t end,
                            pq_stats *stats)
{
    if (leaf->width > 0) {
        wr_pq_stats_fixed(stats, leaf, d->bytes + (size_t)first * leaf->width, end - first);
        return;
    }
    for (; first < end; first++) {
        const uint8_t *entry = d->bytes + d->offsets[first];

        wr_pq_stats_text(stats, entry + sizeof(uint32_t), wr_load_u32(entry));
    }
}

/* What comes of a block's codes does not depend on how they are cut: entries that are new are among
 * them, so the bounds of the whole dictionary are always those at the last code. */
void wr_pq_dictionary_cover(const pq_dictionary *dictionary, const pq_leaf *leaf,
                            const uint32_t *codes, uint32_t count, pq_cover *cover)
{
    uint32_t first = cover->end ? cover->first : UINT32_MAX, end = cover->end;

    if (count == 0)
        return;
    for (uint32_t i = 0; i < count; i++) {
        first = codes[i] < first ? codes[i] : first;
        end = codes[i] >= end ? codes[i] + 1 : end;
    }
    if (end - first > COVERED_MAX) {
        cover->stats = dictionary->stats;
    } else if (cover->end == 0) {
        take_in_entries(dictionary, leaf, first, end, &cover->stats);
    } else {
        take_in_entries(dictionary, leaf, first, cover->first, &cover->stats);
        take_in_entries(dictionary, leaf, cover->end, end, &cover->stats);
    }
    cover->first = first;
    cover->end = end;
}

uint32_t wr_pq_dictionary_codes(pq_dictionary *dictionary, const pq_leaf *leaf, const void *values,
                                uint32_t count, uint32_t *out_codes)
{
    uint32_t cell_bytes = leaf->width ? leaf->width : (uint32_t)sizeof(wr_str), done = 0;
    uint32_t known = dictionary->entry_count;

    while (dictionary->is_on && done < count) {
        uint32_t to_trial = TRIAL_VALUES - (uint32_t)(dictionary->value_count % TRIAL_VALUES);
        uint32_t now = count - done < to_trial ? count - done : to_trial;
        uint32_t got = codes_of(dictionary, leaf, (const uint8_t *)values + (size_t)done * cell_bytes,
                                now, out_codes + done);

        done += got;
        dictionary->value_count += got;
        dictionary->is_on = got == now && (got < to_trial || pays(dictionary));
    }
    take_in_entries(dictionary, leaf, known, dictionary->entry_count, &dictionary->stats);
    return done;
}
