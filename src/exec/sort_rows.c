/* exec/sort_rows.c — in-memory sorting of entries. */
#include "exec/sort_rows.h"

#include <string.h>

#include "base/bits.h"

enum {
    INSERTION_MAX = 24,  /* entries                                                       */
    FEW_MAX = 256,       /* entries that are sorted with a copy, 4 KB of stack            */
    FEW_BITS = 7,        /* a bucket of so many bits of entries is few, or nearly         */
    RADIX_BITS = 8,      /* at once, at most                                              */
    RADIX_BITS_MIN = 4,
    COMPARE_MAX = 6,     /* tie groups up to here are sorted by comparing rows            */
    AHEAD = 12,          /* rows fetched ahead                                            */
    START_BIT = 1,       /* in entry.row while refining: this entry begins a group of ties */
};

static const uint8_t *row_of(const wr_sort_entry *entry)
{
    return (const uint8_t *)(entry->row & ~(uintptr_t)START_BIT);
}

static void swap_entries(wr_sort_entry *a, wr_sort_entry *b)
{
    wr_sort_entry kept = *a;

    *a = *b;
    *b = kept;
}

/* ---- By prefix ------------------------------------------------------------------------------- */

static void sort_by_insertion(wr_sort_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        wr_sort_entry moving = entries[i];
        size_t        at = i;

        for (; at > 0 && entries[at - 1].prefix > moving.prefix; at--)
            entries[at] = entries[at - 1];
        entries[at] = moving;
    }
}

/* Few enough entries for a copy: sort them by `bits` bits from `shift` on. True if that leaves no more than
 * insertion can do in any place; ends[] gets the end of each bucket. */
static __attribute__((noinline)) bool scatter_few(wr_sort_entry *entries, size_t count, unsigned shift,
                                                  unsigned bits, uint16_t ends[1 << RADIX_BITS])
{
    wr_sort_entry copy[FEW_MAX];
    uint64_t      mask = ((uint64_t)1 << bits) - 1;
    uint16_t      sum = 0, most = 0;

    memset(ends, 0, sizeof *ends << bits);
    for (size_t i = 0; i < count; i++)
        ends[entries[i].prefix >> shift & mask]++;
    for (size_t b = 0; b <= mask; b++) {
        uint16_t bucket_count = ends[b];

        most = bucket_count > most ? bucket_count : most;
        ends[b] = sum;
        sum = (uint16_t)(sum + bucket_count);
    }
    for (size_t i = 0; i < count; i++)
        copy[ends[entries[i].prefix >> shift & mask]++] = entries[i];
    memcpy(entries, copy, count * sizeof *entries);
    return most <= INSERTION_MAX;
}

/* Each level uses up five bits at least. */
static void sort_few(wr_sort_entry *entries, size_t count, unsigned shift, unsigned bits)
{
    uint16_t ends[1 << RADIX_BITS];
    size_t   start = 0;

    if (scatter_few(entries, count, shift, bits, ends) || shift == 0) {
        sort_by_insertion(entries, count);
        return;
    }
    for (unsigned b = 0; b < 1u << bits; start = ends[b++])
        wr_sort_by_prefix(entries + start, ends[b] - start);
}

/* By `bits` bits from `shift` on; ends[] gets the end of each bucket. Every entry of a bucket is sent where
 * it belongs and what was there is left in its place, for the next round: unlike in cycles of moves,
 * no step waits for the one before. */
static __attribute__((noinline)) void partition_in_place(wr_sort_entry *entries, size_t count, unsigned shift, unsigned bits,
                               size_t ends[1 << RADIX_BITS])
{
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    size_t next[1 << RADIX_BITS] = {0}, sum = 0;
    bool   left;

    for (size_t i = 0; i < count; i++)
        next[entries[i].prefix >> shift & mask]++;
    for (unsigned b = 0; b <= mask; b++) {
        size_t bucket_count = next[b];

        next[b] = sum;
        sum += bucket_count;
        ends[b] = sum;
    }
    do {
        left = false;
        for (unsigned b = 0; b <= mask; b++) {
            for (size_t i = next[b], end = ends[b]; i < end; i++) {
                wr_sort_entry entry = entries[i];
                size_t        to = next[entry.prefix >> shift & mask]++;

                entries[i] = entries[to];
                entries[to] = entry;
            }
            left |= next[b] < ends[b];
        }
    } while (left);
}

/* Bits in which prefixes differ; 0: nothing to sort. Also 0 if they ascend already. */
static uint64_t find_difference(const wr_sort_entry *entries, size_t count)
{
    uint64_t difference = 0;
    bool     ascends = true;

    for (size_t i = 1; i < count; i++) {
        difference |= entries[i].prefix ^ entries[0].prefix;
        ascends &= entries[i - 1].prefix <= entries[i].prefix;
    }
    return ascends ? 0 : difference;
}

/* How many of the bits below `top` to sort by at once: buckets that are few, or soon will be. */
static unsigned choose_bits(size_t count, unsigned top)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(count);

    if (count > FEW_MAX)
        bits = bits > FEW_BITS + RADIX_BITS_MIN ? bits - FEW_BITS : RADIX_BITS_MIN;
    if (bits > RADIX_BITS)
        bits = RADIX_BITS;
    return bits < top + 1 ? bits : top + 1;
}

/* Recursion: at most 64 / RADIX_BITS_MIN levels in place, each with 2 KB of ends, then 13 of few. */
void wr_sort_by_prefix(wr_sort_entry *entries, size_t count)
{
    uint64_t difference;
    unsigned top, bits, shift;
    size_t   ends[1 << RADIX_BITS], start = 0;

    if (count <= INSERTION_MAX) {
        sort_by_insertion(entries, count);
        return;
    }
    difference = find_difference(entries, count);
    if (difference == 0)
        return;
    top = 63 - (unsigned)__builtin_clzll(difference);
    bits = choose_bits(count, top);
    shift = top + 1 - bits;
    if (count <= FEW_MAX) {
        sort_few(entries, count, shift, bits);
        return;
    }
    partition_in_place(entries, count, shift, bits, ends);
    for (unsigned b = 0; shift > 0 && b < 1u << bits; start = ends[b++])
        wr_sort_by_prefix(entries + start, ends[b] - start);
}

/* ---- By comparing rows ----------------------------------------------------------------------- */

static wr_status insert_by_compare(const wr_sortkey *key, wr_sort_entry *entries, size_t count,
                                   wr_error *err)
{
    for (size_t i = 1; i < count; i++) {
        wr_sort_entry moving = entries[i];
        size_t        at = i;

        for (; at > 0; at--) {
            int order;

            WR_TRY(wr_sortkey_compare(key, row_of(&entries[at - 1]), row_of(&moving), &order, err));
            if (order <= 0)
                break;
            entries[at] = entries[at - 1];
        }
        entries[at] = moving;
    }
    return WR_OK;
}

static wr_status sift_down(const wr_sortkey *key, wr_sort_entry *heap, size_t at, size_t count,
                           wr_error *err)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        int order;

        if (child + 1 < count) {
            WR_TRY(wr_sortkey_compare(key, row_of(&heap[child]), row_of(&heap[child + 1]), &order,
                                      err));
            child += order < 0;
        }
        WR_TRY(wr_sortkey_compare(key, row_of(&heap[at]), row_of(&heap[child]), &order, err));
        if (order >= 0)
            return WR_OK;
        swap_entries(&heap[at], &heap[child]);
    }
    return WR_OK;
}

/* In place, no recursion, no worst case: for the few keys that prefixes cannot tell apart. */
static wr_status sort_by_compare(const wr_sortkey *key, wr_sort_entry *entries, size_t count,
                                 wr_error *err)
{
    if (count <= INSERTION_MAX)
        return insert_by_compare(key, entries, count, err);
    for (size_t i = count / 2; i-- > 0;)
        WR_TRY(sift_down(key, entries, i, count, err));
    for (size_t i = count; i-- > 1;) {
        swap_entries(&entries[0], &entries[i]);
        WR_TRY(sift_down(key, entries, 0, i, err));
    }
    return WR_OK;
}

/* ---- Packed prefixes ------------------------------------------------------------------------- */

/* Of a key's bytes few bits vary: small numbers have leading zeros, columns one length, texts an alphabet.
 * A prefix that leaves the others out sorts alike and reaches further, mostly to the key's end. Which ones
 * vary is taken from a sample, and checked while prefixes are made. */
enum {
    PACK_WORDS_MAX = 4,      /* of eight key bytes, that are looked at                      */
    PACK_PARTS_MAX = 8,
    PACK_GAP_MAX = 3,        /* constant bits that do not end a part                        */
    PACK_SAMPLE = 512,       /* rows                                                        */
};

/* Bits of a word that go into the prefix, behind those of the part before. */
typedef struct pack_part {
    uint64_t mask; /* of the word, moved down */
    uint8_t  word, shift, bits;
} pack_part;

typedef struct pack {
    pack_part parts[PACK_PARTS_MAX];
    uint32_t  part_count;
    uint32_t  word_count;             /* that are encoded                                      */
    uint32_t  words_done;             /* that the prefix says everything of                    */
    uint64_t  left[PACK_WORDS_MAX];   /* bits left out: constant, or the prefix is wrong       */
} pack;

static uint32_t encode_words(const wr_sortkey *key, const uint8_t *row, uint32_t word_count,
                             uint64_t words[PACK_WORDS_MAX])
{
    uint8_t  bytes[WR_SORTKEY_ROOM_BYTES];
    uint32_t length = wr_sortkey_encode(key, row, word_count * 8, bytes);

    for (uint32_t w = 0; w < word_count; w++)
        words[w] = wr_load_u64_be(bytes + (size_t)w * 8);
    return length;
}

/* The highest bits of `varying` that lie close together; `room`: no more of them. */
static pack_part choose_part(uint64_t varying, uint32_t word, uint32_t room)
{
    uint32_t top = 63 - (uint32_t)__builtin_clzll(varying), low = top, next;

    for (uint64_t rest = varying & ~((uint64_t)1 << top); rest != 0; rest &= ~((uint64_t)1 << next)) {
        next = 63 - (uint32_t)__builtin_clzll(rest);
        if (low - next > PACK_GAP_MAX + 1)
            break;
        low = next;
    }
    if (top - low >= room)
        low = top - room + 1;
    return (pack_part){.mask = ~(uint64_t)0 >> (63 - (top - low)),
                       .word = (uint8_t)word,
                       .shift = (uint8_t)low,
                       .bits = (uint8_t)(top - low + 1)};
}

static void choose_pack(pack *packed, const uint64_t varying[PACK_WORDS_MAX])
{
    uint32_t room = 64;

    packed->part_count = packed->words_done = 0;
    memset(packed->left, 0, sizeof packed->left);
    for (uint32_t w = 0; w < packed->word_count; w++) {
        uint64_t rest = varying[w], taken = 0;

        while (rest != 0) {
            pack_part part;

            if (room == 0 || packed->part_count == PACK_PARTS_MAX) {
                /* what lies above the last part is to be constant, what lies below is not looked at */
                packed->left[w] = ~taken & ~(taken ? ((taken & -taken) - 1) : ~(uint64_t)0);
                return;
            }
            part = choose_part(rest, w, room);
            packed->parts[packed->part_count++] = part;
            room -= part.bits;
            taken |= part.mask << part.shift;
            rest &= ~taken;
        }
        packed->left[w] = ~taken;
        packed->words_done = w + 1;
    }
}

WR_ALWAYS_INLINE uint64_t pack_words(const pack *packed, const uint64_t words[PACK_WORDS_MAX])
{
    uint64_t prefix = 0;

    for (uint32_t i = 0; i < packed->part_count; i++) {
        const pack_part *part = &packed->parts[i];

        /* in two steps: a part may have all 64 bits */
        prefix = prefix << 1 << (part->bits - 1) | (words[part->word] >> part->shift & part->mask);
    }
    return prefix;
}

static void note_varying(const uint64_t words[PACK_WORDS_MAX], const uint64_t first[PACK_WORDS_MAX],
                         uint32_t word_count, uint64_t varying[PACK_WORDS_MAX])
{
    for (uint32_t w = 0; w < word_count; w++)
        varying[w] |= words[w] ^ first[w];
}

static void sample_pack(const wr_sortkey *key, const wr_sort_entry *entries, size_t count, pack *packed)
{
    uint64_t first[PACK_WORDS_MAX], words[PACK_WORDS_MAX], varying[PACK_WORDS_MAX] = {0};
    size_t   step = count / PACK_SAMPLE + 1;

    encode_words(key, row_of(&entries[0]), packed->word_count, first);
    for (size_t i = count - 1; i > 0; i = i > step ? i - step : 0) {
        encode_words(key, row_of(&entries[i]), packed->word_count, words);
        note_varying(words, first, packed->word_count, varying);
    }
    choose_pack(packed, varying);
}

/* Make prefixes; false: they are wrong, but now `packed` knows better. */
static bool load_packed(const wr_sortkey *key, wr_sort_entry *entries, size_t count, pack *packed,
                        uint32_t *out_longest)
{
    uint64_t first[PACK_WORDS_MAX], words[PACK_WORDS_MAX], varying[PACK_WORDS_MAX] = {0};
    bool     right = true;

    *out_longest = 0;
    encode_words(key, row_of(&entries[0]), packed->word_count, first);
    for (size_t i = 0; i < count; i++) {
        uint32_t length;

        if (i + AHEAD < count)
            __builtin_prefetch(row_of(&entries[i + AHEAD]));
        length = encode_words(key, row_of(&entries[i]), packed->word_count, words);
        *out_longest = length > *out_longest ? length : *out_longest;
        note_varying(words, first, packed->word_count, varying);
        entries[i].prefix = pack_words(packed, words);
    }
    for (uint32_t w = 0; w < packed->word_count; w++)
        right &= (varying[w] & packed->left[w]) == 0;
    if (!right)
        choose_pack(packed, varying);
    return right;
}

/* ---- Refining ties --------------------------------------------------------------------------- */

/* Load the eight key bytes from `depth` on; returns the longest key as wr_sortkey_encode says it. */
static uint32_t load_prefixes(const wr_sortkey *key, wr_sort_entry *entries, size_t count,
                              uint32_t depth)
{
    uint8_t  bytes[WR_SORTKEY_ROOM_BYTES];
    uint32_t longest = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t length;

        if (i + AHEAD < count)
            __builtin_prefetch(row_of(&entries[i + AHEAD]));
        length = wr_sortkey_encode(key, row_of(&entries[i]), depth + 8, bytes);
        longest = length > longest ? length : longest;
        entries[i].prefix = wr_load_u64_be(bytes + depth);
    }
    return longest;
}

/* Every entry from `first` on that differs from the one before begins a group; without `by_prefix`
 * every entry does. */
static void mark_starts(wr_sort_entry *entries, size_t first, size_t end, bool by_prefix)
{
    entries[first].row |= START_BIT;
    for (size_t i = first + 1; i < end; i++) {
        if (!by_prefix || entries[i].prefix != entries[i - 1].prefix)
            entries[i].row |= START_BIT;
    }
}

/* Sort every group of ties among [first, end), whose order prefixes cannot decide, by comparing. */
static wr_status settle_ties(const wr_sortkey *key, wr_sort_entry *entries, size_t first, size_t end,
                             wr_error *err)
{
    for (size_t start = first, stop; start < end; start = stop) {
        for (stop = start + 1; stop < end && entries[stop].prefix == entries[start].prefix;)
            stop++;
        WR_TRY(sort_by_compare(key, entries + start, stop - start, err));
    }
    return WR_OK;
}

/* One group of rows whose keys are equal up to `depth`. Afterwards the ties that remain in it are
 * marked as groups; *out_remain is set if there are any. */
static wr_status refine_group(const wr_sortkey *key, wr_sort_entry *entries, size_t first, size_t end,
                              uint32_t depth, bool *out_remain, wr_error *err)
{
    uint32_t longest;

    entries[first].row &= ~(uintptr_t)START_BIT;
    if (end - first <= COMPARE_MAX || depth >= key->bytes_max) {
        WR_TRY(sort_by_compare(key, entries + first, end - first, err));
        mark_starts(entries, first, end, false);
        return WR_OK;
    }
    longest = load_prefixes(key, entries + first, end - first, depth);
    wr_sort_by_prefix(entries + first, end - first);
    if (longest == WR_SORTKEY_CUT)
        WR_TRY(settle_ties(key, entries, first, end, err));
    if (longest == WR_SORTKEY_CUT || longest <= depth + 8) {
        mark_starts(entries, first, end, false);
    } else {
        mark_starts(entries, first, end, true);
        *out_remain = true;
    }
    return WR_OK;
}

/* Level by level instead of recursively: a pass over the array per eight key bytes, as long as ties
 * remain. */
static wr_status refine_ties(const wr_sortkey *key, wr_sort_entry *entries, size_t count,
                             uint32_t depth, wr_error *err)
{
    bool remain = true;

    mark_starts(entries, 0, count, true);
    for (; remain; depth += 8) {
        remain = false;
        for (size_t start = 0, stop; start < count; start = stop) {
            for (stop = start + 1; stop < count && !(entries[stop].row & START_BIT);)
                stop++;
            if (stop - start > 1)
                WR_TRY(refine_group(key, entries, start, stop, depth, &remain, err));
        }
    }
    for (size_t i = 0; i < count; i++)
        entries[i].row &= ~(uintptr_t)START_BIT;
    return WR_OK;
}

/* ---- Presorted input ------------------------------------------------------------------------- */

typedef enum presorted { PRESORTED_NOT, PRESORTED_ASCENDING, PRESORTED_DESCENDING } presorted;

/* Reads on while the rows go one way; for rows in random order that is two or three. */
static wr_status recognise(const wr_sortkey *key, const wr_sort_entry *entries, size_t count,
                           presorted *out_presorted, wr_error *err)
{
    bool ascends = true, descends = true; /* descends: strictly */

    for (size_t i = 1; i < count && (ascends || descends); i++) {
        uint64_t before = entries[i - 1].prefix, now = entries[i].prefix;
        int      order = (before > now) - (before < now);

        if (order == 0)
            WR_TRY(wr_sortkey_compare(key, row_of(&entries[i - 1]), row_of(&entries[i]), &order,
                                      err));
        ascends &= order <= 0;
        descends &= order > 0;
    }
    *out_presorted = ascends ? PRESORTED_ASCENDING : descends ? PRESORTED_DESCENDING : PRESORTED_NOT;
    return WR_OK;
}

wr_status wr_sort_rows(const wr_sortkey *key, wr_sort_entry *entries, size_t count, wr_error *err)
{
    pack      packed = {.word_count = key->bytes_max / 8};
    presorted order;
    uint32_t  longest, depth;

    if (count < 2 || key->column_count == 0)
        return WR_OK;
    if (packed.word_count > PACK_WORDS_MAX)
        packed.word_count = PACK_WORDS_MAX;
    sample_pack(key, entries, count, &packed);
    while (!load_packed(key, entries, count, &packed, &longest)) {
    }
    WR_TRY(recognise(key, entries, count, &order, err));
    if (order == PRESORTED_ASCENDING)
        return WR_OK;
    if (order == PRESORTED_DESCENDING) {
        for (size_t i = 0; i < count / 2; i++)
            swap_entries(&entries[i], &entries[count - 1 - i]);
        return WR_OK;
    }
    wr_sort_by_prefix(entries, count);
    if (longest == WR_SORTKEY_CUT)
        return settle_ties(key, entries, 0, count, err);
    depth = packed.words_done * 8;
    return longest <= depth ? WR_OK : refine_ties(key, entries, count, depth, err);
}
