/* exec/group_table.h — groups in memory: rows of keys and states, and a directory of their hashes.
 *
 * A group is a row of the key layout whose reserved bytes hold [u64 hash][states]; groups lie in row
 * pages in order of creation. The directory is open addressing with linear probing over 8-byte slots
 * (48-bit address, 16 bits of hash), indexed by the hash's high bits (Lemire's fast range), so it may have any size;
 * partitions are cut by the low bits.
 * Invariants: load <= 5/8; bytes taken <= bytes_max; a table that is full still finds its groups.
 * Threads: one worker at a time. Cost: about one cache miss a look-up when it exceeds the cache. */
#ifndef WR_EXEC_GROUP_TABLE_H
#define WR_EXEC_GROUP_TABLE_H

#include "exec/agg_state.h"
#include "exec/row.h"

typedef struct wr_group_layout {
    wr_row_layout rows;         /* key columns; reserved bytes: hash, states */
    wr_agg_layout aggs;
    uint32_t      extra_offset; /* of the hash in a row                      */
    uint32_t      key_count;
} wr_group_layout;

typedef struct wr_group_table {
    const wr_group_layout *layout;
    wr_lease              *lease;
    wr_spill              *spill;
    uint64_t              *slots;
    uint64_t               slot_count;
    uint32_t               slot_pages;
    wr_row_page           *first, *last;
    uint32_t               row_page_bytes; /* multiple of the arena's page */
    uint32_t               page_count;     /* row pages                    */
    uint64_t               group_count;
    uint64_t               bytes_max;
    wr_bump                heap;           /* long values of states        */
    bool                   is_full;        /* no new groups                */
} wr_group_table;

static inline uint64_t wr_group_hash(const wr_group_layout *layout, const uint8_t *row)
{
    return wr_load_u64(row + layout->extra_offset);
}

static inline uint8_t *wr_group_states(const wr_group_layout *layout, uint8_t *row)
{
    return row + layout->extra_offset + 8;
}

/** Least memory of a table: one page of directory, one row page, one page of heap. */
uint64_t wr_group_table_lease_min(uint32_t row_page_bytes, uint32_t page_bytes);

void wr_group_table_init(wr_group_table *table, const wr_group_layout *layout, wr_lease *lease,
                         uint32_t row_page_bytes, uint64_t bytes_max, wr_spill *spill);
/** Give everything back. Idempotent. */
void wr_group_table_release(wr_group_table *table);

/** Find or make the groups of selected rows. states[i] is NULL where the group is new and the table
 *  full. `hashes[i]` belongs to the i-th selected row. */
wr_status wr_group_table_find(wr_group_table *table, const wr_vector *keys,
                              const wr_selection *selection, const uint64_t *hashes,
                              uint8_t **out_states, wr_error *err) WR_MUST_USE;

/** As above without making groups. */
wr_status wr_group_table_probe(wr_group_table *table, const wr_vector *keys,
                               const wr_selection *selection, const uint64_t *hashes,
                               uint8_t **out_states, wr_error *err) WR_MUST_USE;

/** Memory for the long values of this table's states: what its share has left. */
wr_agg_memory wr_group_table_memory(wr_group_table *table);

/** Add a group that lies elsewhere (another table's or a spilled one): merged into an equal group,
 *  else copied. *out_added false: the table is full and has no such group. */
wr_status wr_group_table_add(wr_group_table *table, const uint8_t *row, bool *out_added,
                             wr_error *err) WR_MUST_USE;

/** Merge a group that lies elsewhere into the equal one, if there is one. */
wr_status wr_group_table_merge(wr_group_table *table, const uint8_t *row, bool *out_merged,
                               wr_error *err) WR_MUST_USE;

/** Take over all groups of `others` (their pages move; one directory replaces all). Equal groups are
 *  merged; the rows merged away stay as dead rows: a table absorbs all that it will at once, and makes
 *  no groups after. The others keep their heaps until they are released.
 * Cost    a look-up a group */
wr_status wr_group_table_absorb(wr_group_table *table, wr_group_table *const *others,
                                uint32_t other_count, wr_error *err) WR_MUST_USE;

/** Was this row merged into another? Readers of pages skip such rows. */
static inline bool wr_group_is_dead(const wr_group_layout *layout, const uint8_t *row)
{
    return wr_group_hash(layout, row) == UINT64_MAX;
}

#endif
