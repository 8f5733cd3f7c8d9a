/* exec/join_table.h — a hash table over rows that lie in row pages.
 *
 * A directory of buckets points into an array of entries that is grouped by bucket, so that equal
 * keys lie side by side and a bucket is one run of memory. A directory word is 16 bits of tag (each
 * row of the bucket sets one, so most rows without a match cost one cache miss) and the index of the
 * bucket's first entry; an entry is a row's 48-bit address and 16 bits of its hash.
 * A row keeps its hash in eight bytes of its own; the hash's top bit says "has a match".
 * Invariants: bytes <= wr_join_table_bytes(rows) <= 16 a row and 32; rows are never moved.
 * Call order: size -> begin (in that memory) -> count every page -> sum -> place every page -> find.
 * Threads: built by one worker, then read by all; only wr_join_row_mark changes a row (atomically).
 * Cost: 2 random accesses a row to build; a look-up without a match about one cache miss.
 * Source: Birler, Kemper, Neumann: Robust Join Processing with Diamond Hardened Joins / Simple,
 * Efficient, and Robust Hash Tables for Join Processing (DaMoN 2024). */
#ifndef WR_EXEC_JOIN_TABLE_H
#define WR_EXEC_JOIN_TABLE_H

#include "exec/row.h"

#define WR_JOIN_MATCHED ((uint64_t)1 << 63)

typedef struct wr_join_table {
    uint64_t *directory;    /* bucket_count + 1 words */
    uint64_t *entries;
    uint64_t  bucket_count; /* power of two           */
    uint64_t  row_count;    /* 0: an empty table, nothing else is set */
    uint32_t  shift;        /* hash >> shift: bucket  */
    uint32_t  hash_offset;  /* of the hash in a row   */
} wr_join_table;

/** Memory of a table of `row_count` rows; 0 for none. */
uint64_t wr_join_table_bytes(uint64_t row_count);

/** Begin a table in `space`: wr_join_table_bytes(row_count) bytes, 8-aligned. */
void wr_join_table_begin(wr_join_table *table, uint64_t row_count, uint32_t hash_offset,
                         void *space);
void wr_join_table_count(wr_join_table *table, const wr_row_page *page);
void wr_join_table_sum(wr_join_table *table);
void wr_join_table_place(wr_join_table *table, const wr_row_page *page);

/* Another worker may be marking the row. */
static inline uint64_t wr_join_row_word(const uint8_t *row, uint32_t hash_offset)
{
    return __atomic_load_n((const uint64_t *)(const void *)(row + hash_offset), __ATOMIC_RELAXED);
}

static inline uint64_t wr_join_row_hash(const uint8_t *row, uint32_t hash_offset)
{
    return wr_join_row_word(row, hash_offset) & ~WR_JOIN_MATCHED;
}

static inline bool wr_join_row_is_matched(const uint8_t *row, uint32_t hash_offset)
{
    return wr_join_row_word(row, hash_offset) & WR_JOIN_MATCHED;
}

static inline void wr_join_row_mark(uint8_t *row, uint32_t hash_offset)
{
    uint64_t *word = (uint64_t *)(void *)(row + hash_offset);

    if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & WR_JOIN_MATCHED))
        __atomic_fetch_or(word, WR_JOIN_MATCHED, __ATOMIC_RELAXED);
}

#define WR_JOIN_INDEX_MASK (((uint64_t)1 << 48) - 1)

static inline uint64_t wr_join_bucket(const wr_join_table *table, uint64_t hash)
{
    return hash >> table->shift & (table->bucket_count - 1);
}

/** Bit of the bucket's tag that a hash sets. */
static inline uint64_t wr_join_tag(uint64_t hash)
{
    return (uint64_t)1 << (48 + (hash >> 24 & 15));
}

/** The hash bits of an entry, in place. */
static inline uint64_t wr_join_salt(uint64_t hash)
{
    return (hash >> 8 & 0xffff) << 48;
}

static inline uint8_t *wr_join_entry_row(uint64_t entry)
{
    return (uint8_t *)(uintptr_t)(entry & WR_JOIN_INDEX_MASK);
}

/** The entries that may match `hash`; false: none. */
static inline bool wr_join_table_find(const wr_join_table *table, uint64_t hash,
                                      const uint64_t **out_first, const uint64_t **out_end)
{
    uint64_t bucket = wr_join_bucket(table, hash), word = table->directory[bucket];

    if (!(word & wr_join_tag(hash)))
        return false;
    *out_first = table->entries + (word & WR_JOIN_INDEX_MASK);
    *out_end = table->entries + (table->directory[bucket + 1] & WR_JOIN_INDEX_MASK);
    return true;
}

#endif
