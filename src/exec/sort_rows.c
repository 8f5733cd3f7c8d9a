/* exec/sort_rows.c — in-memory sorting of entries. */
#include "exec/sort_rows.h"

#include <string.h>

#include "base/bits.h"

enum {
    INSERTION_MAX = 24,  /* entries                                                       */
    RADIX_MIN = 1024,    /* from here on 256 buckets a pass pay                           */
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

/* Entries with the bit clear to the front, without a branch on it; returns how many. */
static size_t partition_by_bit(wr_sort_entry *entries, size_t count, unsigned bit)
{
    size_t zeros = 0;

    for (size_t i = 0; i < count; i++) {
        wr_sort_entry entry = entries[i];

        entries[i] = entries[zeros];
        entries[zeros] = entry;
        zeros += 1 ^ (entry.prefix >> bit & 1);
    }
    return zeros;
}

/* American flag sort: one pass by the 8 bits from `shift` on; ends[] gets the end of each bucket. */
static void partition_by_byte(wr_sort_entry *entries, size_t count, unsigned shift, size_t ends[256])
{
    size_t next[256] = {0}, sum = 0;

    for (size_t i = 0; i < count; i++)
        next[entries[i].prefix >> shift & 255]++;
    for (unsigned b = 0; b < 256; b++) {
        size_t bucket_count = next[b];

        next[b] = sum;
        sum += bucket_count;
        ends[b] = sum;
    }
    for (unsigned b = 0; b < 256; b++) {
        while (next[b] < ends[b]) {
            wr_sort_entry entry = entries[next[b]];
            unsigned      to;

            while ((to = (unsigned)(entry.prefix >> shift & 255)) != b) {
                wr_sort_entry out = entries[next[to]];

                entries[next[to]++] = entry;
                entry = out;
            }
            entries[next[b]++] = entry;
        }
    }
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

/* Recursion: eight radix levels at most, since each uses up 8 bits; below RADIX_MIN entries the
 * larger part is looped on, so at most log2(RADIX_MIN) more. */
void wr_sort_by_prefix(wr_sort_entry *entries, size_t count)
{
    while (count > INSERTION_MAX) {
        uint64_t difference = find_difference(entries, count);
        unsigned top;
        size_t   zeros;

        if (difference == 0)
            return;
        top = 63 - (unsigned)__builtin_clzll(difference);
        if (count >= RADIX_MIN) {
            size_t   ends[256], start = 0;
            unsigned shift = top > 7 ? top - 7 : 0;

            partition_by_byte(entries, count, shift, ends);
            for (unsigned b = 0; shift > 0 && b < 256; start = ends[b++])
                wr_sort_by_prefix(entries + start, ends[b] - start);
            return;
        }
        zeros = partition_by_bit(entries, count, top);
        if (zeros < count - zeros) {
            wr_sort_by_prefix(entries, zeros);
            entries += zeros;
            count -= zeros;
        } else {
            wr_sort_by_prefix(entries + zeros, count - zeros);
            count = zeros;
        }
    }
    sort_by_insertion(entries, count);
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
                             wr_error *err)
{
    bool remain = true;

    mark_starts(entries, 0, count, true);
    for (uint32_t depth = 8; remain; depth += 8) {
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
    presorted order;
    uint32_t  longest;

    if (count < 2 || key->column_count == 0)
        return WR_OK;
    longest = load_prefixes(key, entries, count, 0);
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
    return longest <= 8 ? WR_OK : refine_ties(key, entries, count, err);
}
