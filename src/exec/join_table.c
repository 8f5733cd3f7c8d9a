/* exec/join_table.c — building: count, prefix sums, place. */
#include "exec/join_table.h"

#include <string.h>

#include "base/bits.h"

enum { ROWS_AHEAD = 64, HASH_BITS = 63 };

/* One or two rows a bucket. */
static uint64_t bucket_count_of(uint64_t row_count)
{
    return wr_pow2_floor(row_count);
}

uint64_t wr_join_table_bytes(uint64_t row_count)
{
    return row_count ? (bucket_count_of(row_count) + 1 + row_count) * sizeof(uint64_t) : 0;
}

void wr_join_table_begin(wr_join_table *table, uint64_t row_count, uint32_t hash_offset,
                         void *space)
{
    *table = (wr_join_table){.row_count = row_count, .hash_offset = hash_offset};
    if (row_count == 0)
        return;
    table->bucket_count = bucket_count_of(row_count);
    table->shift = HASH_BITS - (uint32_t)__builtin_ctzll(table->bucket_count);
    table->directory = space;
    table->entries = table->directory + table->bucket_count + 1;
    memset(table->directory, 0, (table->bucket_count + 1) * sizeof(uint64_t));
}

static uint32_t page_hashes(const wr_join_table *table, const wr_row_page *page,
                            uint32_t *io_offset, const uint8_t **rows, uint64_t *hashes)
{
    uint32_t count = wr_row_page_rows(page, io_offset, ROWS_AHEAD, rows);

    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = wr_join_row_hash(rows[i], table->hash_offset);
        __builtin_prefetch(&table->directory[wr_join_bucket(table, hashes[i])], 1);
    }
    return count;
}

void wr_join_table_count(wr_join_table *table, const wr_row_page *page)
{
    const uint8_t *rows[ROWS_AHEAD];
    uint64_t       hashes[ROWS_AHEAD];
    uint32_t       offset = 0, count;

    while ((count = page_hashes(table, page, &offset, rows, hashes)) > 0)
        for (uint32_t i = 0; i < count; i++) {
            uint64_t *word = &table->directory[wr_join_bucket(table, hashes[i])];

            *word = (*word + 1) | wr_join_tag(hashes[i]);
        }
}

/* Each word becomes the end of its bucket; placing moves it down to the start. */
void wr_join_table_sum(wr_join_table *table)
{
    uint64_t sum = 0;

    for (uint64_t b = 0; b < table->bucket_count; b++) {
        uint64_t word = table->directory[b];

        sum += word & WR_JOIN_INDEX_MASK;
        table->directory[b] = sum | (word & ~WR_JOIN_INDEX_MASK);
    }
    if (table->row_count) {
        wr_assert(sum == table->row_count, "every row was counted");
        table->directory[table->bucket_count] = sum;
    }
}

void wr_join_table_place(wr_join_table *table, const wr_row_page *page)
{
    const uint8_t *rows[ROWS_AHEAD];
    uint64_t       hashes[ROWS_AHEAD];
    uint32_t       offset = 0, count;

    while ((count = page_hashes(table, page, &offset, rows, hashes)) > 0)
        for (uint32_t i = 0; i < count; i++) {
            uint64_t *word = &table->directory[wr_join_bucket(table, hashes[i])];

            --*word;
            table->entries[*word & WR_JOIN_INDEX_MASK] =
                (uint64_t)(uintptr_t)rows[i] | wr_join_salt(hashes[i]);
        }
}
