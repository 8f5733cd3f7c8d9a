/* exec/group_table.c — look-up, growth, merging of tables. */
#include "exec/group_table.h"

#include "exec/key_view.h"


enum { SLOT_BYTES = 8 };
#define ADDRESS_MASK (((uint64_t)1 << 48) - 1)

uint64_t wr_group_table_lease_min(uint32_t row_page_bytes, uint32_t page_bytes)
{
    return 2 * (uint64_t)row_page_bytes + page_bytes;
}

void wr_group_table_init(wr_group_table *table, const wr_group_layout *layout, wr_lease *lease,
                         uint32_t row_page_bytes, uint64_t bytes_max, wr_spill *spill)
{
    *table = (wr_group_table){.layout = layout, .lease = lease, .spill = spill,
                              .row_page_bytes = row_page_bytes, .bytes_max = bytes_max};
    wr_bump_init(&table->heap, lease);
}

static uint32_t arena_page(const wr_group_table *table)
{
    return wr_arena_page_size(table->lease->arena);
}

static void drop_directory(wr_group_table *table)
{
    if (table->slots)
        wr_lease_give(table->lease, table->slots, table->slot_pages);
    table->slots = NULL;
    table->slot_count = 0;
    table->slot_pages = 0;
}

void wr_group_table_release(wr_group_table *table)
{
    uint32_t pages = table->row_page_bytes ? table->row_page_bytes / arena_page(table) : 0;

    if (!table->layout)
        return;
    drop_directory(table);
    for (wr_row_page *page = table->first, *next; page; page = next) {
        next = page->next;
        wr_lease_give(table->lease, page, pages);
    }
    table->first = table->last = NULL;
    table->page_count = 0;
    table->group_count = 0;
    table->is_full = false;
    wr_bump_release(&table->heap);
}

static uint64_t bytes_taken(const wr_group_table *table)
{
    return (uint64_t)table->page_count * table->row_page_bytes +
           (uint64_t)table->slot_pages * arena_page(table) + table->heap.bytes_used;
}

wr_agg_memory wr_group_table_memory(wr_group_table *table)
{
    /* The heap takes whole pages: keep two back for rounding. */
    uint64_t taken = bytes_taken(table) + 2 * (uint64_t)arena_page(table);

    return (wr_agg_memory){&table->heap, taken < table->bytes_max ? table->bytes_max - taken : 0,
                           table->spill};
}

/* ---- Directory ------------------------------------------------------------------------------------ */

static inline uint64_t home_slot(const wr_group_table *table, uint64_t hash)
{
    return (uint64_t)((unsigned __int128)hash * table->slot_count >> 64);
}

static inline uint64_t slot_of(const uint8_t *row, uint64_t hash)
{
    return (uint64_t)(uintptr_t)row | (hash >> 16 & 0xffff) << 48;
}

static void place(wr_group_table *table, const uint8_t *row, uint64_t hash)
{
    uint64_t at = home_slot(table, hash);

    while (table->slots[at])
        at = at + 1 == table->slot_count ? 0 : at + 1;
    table->slots[at] = slot_of(row, hash);
}

/* The next groups of a page, whose places in the directory are on their way. */
typedef struct group_rows {
    const uint8_t *rows[64];
    uint64_t       hashes[64];
} group_rows;

static uint32_t next_groups(const wr_group_table *table, const wr_row_page *page, uint32_t *offset,
                            group_rows *out)
{
    uint32_t count = wr_row_page_rows(page, offset, 64, out->rows);

    for (uint32_t i = 0; i < count; i++) {
        out->hashes[i] = wr_group_hash(table->layout, out->rows[i]);
        __builtin_prefetch(&table->slots[home_slot(table, out->hashes[i])], 1);
    }
    return count;
}

static void place_all(wr_group_table *table)
{
    group_rows next;

    for (const wr_row_page *page = table->first; page; page = page->next) {
        uint32_t offset = 0, count;

        while ((count = next_groups(table, page, &offset, &next)) > 0)
            for (uint32_t i = 0; i < count; i++)
                place(table, next.rows[i], next.hashes[i]);
    }
}

static bool take_directory(wr_group_table *table, uint32_t pages)
{
    table->slots = table->group_count > 0 ? wr_lease_try(table->lease, pages)
                                          : wr_lease_take(table->lease, pages);
    if (!table->slots)
        return false;
    table->slot_pages = pages;
    table->slot_count = (uint64_t)pages * arena_page(table) / SLOT_BYTES;
    memset(table->slots, 0, table->slot_count * SLOT_BYTES);
    return true;
}

/* Room for one more group in the directory; growing doubles it. It begins with the size of a row page:
 * its pages are what spilling the table needs as a buffer. */
static bool ensure_slot(wr_group_table *table)
{
    uint64_t *old = table->slots;
    uint32_t  first_pages = table->row_page_bytes / arena_page(table);
    uint32_t  old_pages = table->slot_pages, pages = old_pages ? old_pages * 2 : first_pages;
    uint64_t  old_count = table->slot_count;

    if (old && (table->group_count + 1) * 8 <= table->slot_count * 5)
        return true;
    if (old && bytes_taken(table) + (uint64_t)pages * arena_page(table) > table->bytes_max)
        return false;
    if (!take_directory(table, pages)) {
        table->slots = old;
        table->slot_pages = old_pages;
        table->slot_count = old_count;
        return false;
    }
    place_all(table);
    if (old)
        wr_lease_give(table->lease, old, old_pages);
    return true;
}

/* ---- Rows -------------------------------------------------------------------------------------------- */

static uint8_t *reserve_row(wr_group_table *table, uint32_t row_bytes)
{
    uint8_t     *row;
    wr_row_page *page;

    if (table->last &&
        wr_row_page_reserve(table->last, table->row_page_bytes, &row_bytes, 1, &row) == 1)
        return row;
    if (table->page_count && bytes_taken(table) + table->row_page_bytes > table->bytes_max)
        return NULL;
    page = table->page_count ? wr_lease_try(table->lease, table->row_page_bytes / arena_page(table))
                             : wr_lease_take(table->lease, table->row_page_bytes / arena_page(table));
    if (!page)
        return NULL;
    wr_row_page_init(page);
    if (table->last)
        table->last->next = page;
    else
        table->first = page;
    table->last = page;
    table->page_count++;
    return wr_row_page_reserve(page, table->row_page_bytes, &row_bytes, 1, &row) == 1 ? row : NULL;
}

static wr_status make_group(wr_group_table *table, const wr_vector *keys, uint32_t row_at,
                            uint64_t hash, uint8_t **out_states, wr_error *err)
{
    const wr_group_layout *layout = table->layout;
    uint16_t               row_index = (uint16_t)row_at;
    wr_selection           one = {&row_index, 1};
    uint32_t               row_bytes;
    uint8_t               *row;

    *out_states = NULL;
    if (table->is_full)
        return WR_OK;
    wr_row_measure(&layout->rows, keys, &one, &row_bytes);
    row = ensure_slot(table) ? reserve_row(table, row_bytes) : NULL;
    if (!row) {
        table->is_full = true;
        return WR_OK;
    }
    WR_TRY(wr_row_write(&layout->rows, keys, &one, 0, 1, &row, table->spill, err));
    memset(row + layout->extra_offset, 0, 8 + layout->aggs.bytes);
    wr_store_u64(row + layout->extra_offset, hash);
    place(table, row, hash);
    table->group_count++;
    *out_states = wr_group_states(layout, row);
    return WR_OK;
}

/* ---- Look-up --------------------------------------------------------------------------------- */

enum { KEYS_ON_STACK = 32 };

typedef struct key_views {
    wr_key_view  on_stack[KEYS_ON_STACK];
    wr_key_view *keys;
} key_views;

/* Wider key lists take their views from the heap. */
static wr_status view_keys(wr_group_table *table, const wr_vector *keys, key_views *out,
                           wr_error *err)
{
    uint32_t count = table->layout->key_count;

    out->keys = out->on_stack;
    if (count > KEYS_ON_STACK) {
        out->keys = WR_BUMP_NEW_ARRAY(&table->heap, wr_key_view, count, err);
        if (!out->keys)
            return WR_NO_MEMORY;
    }
    for (uint32_t k = 0; k < count; k++)
        wr_key_view_init(&out->keys[k], &table->layout->rows, k, &keys[k]);
    return WR_OK;
}

static wr_status find_one(wr_group_table *table, const wr_key_view *keys, uint32_t row, uint64_t hash,
                          uint8_t **out_row, wr_error *err)
{
    uint64_t salt = hash >> 16 & 0xffff, at;

    *out_row = NULL;
    if (!table->slots)
        return WR_OK;
    for (at = home_slot(table, hash); table->slots[at];
         at = at + 1 == table->slot_count ? 0 : at + 1) {
        uint8_t *group = (uint8_t *)(uintptr_t)(table->slots[at] & ADDRESS_MASK);
        bool     equal = false;

        if (table->slots[at] >> 48 != salt || wr_group_hash(table->layout, group) != hash)
            continue;
        WR_TRY(wr_key_views_equal(keys, table->layout->key_count, &table->layout->rows, group, row,
                                  &equal, err));
        if (equal) {
            *out_row = group;
            return WR_OK;
        }
    }
    return WR_OK;
}

/* Rows are looked up in stages. While one is compared, the groups of the next one are on their way and
 * the lines of the directory that name those of the one after it, so that misses overlap. */
enum { STAGE = 16 };

static void fetch_slots(const wr_group_table *table, const uint64_t *hashes, uint32_t first,
                        uint32_t count)
{
    for (uint32_t i = first; table->slots && i < first + STAGE && i < count; i++)
        __builtin_prefetch(&table->slots[home_slot(table, hashes[i])]);
}

/* A group's keys may lie in another line than its hash and the states in front of them. */
static void fetch_groups(const wr_group_table *table, const uint64_t *hashes, uint32_t first,
                         uint32_t count)
{
    uint32_t keys = table->layout->rows.fixed_bytes - 8;

    for (uint32_t i = first; table->slots && i < first + STAGE && i < count; i++) {
        uint64_t salt = hashes[i] >> 16 & 0xffff, at = home_slot(table, hashes[i]);
        uint8_t *group;

        while (table->slots[at] && table->slots[at] >> 48 != salt)
            at = at + 1 == table->slot_count ? 0 : at + 1;
        group = (uint8_t *)(uintptr_t)(table->slots[at] & ADDRESS_MASK);
        if (!group)
            continue;
        __builtin_prefetch(group, 1);
        __builtin_prefetch(group + keys, 1);
    }
}

static wr_status look_up(wr_group_table *table, const wr_vector *keys,
                         const wr_selection *selection, const uint64_t *hashes, bool make,
                         uint8_t **out_states, wr_error *err)
{
    uint32_t  count = selection->row_count;
    key_views views;

    WR_TRY(view_keys(table, keys, &views, err));
    fetch_slots(table, hashes, 0, count);
    fetch_slots(table, hashes, STAGE, count);
    fetch_groups(table, hashes, 0, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = wr_selection_row(selection, i);
        uint8_t *group;

        if (i % STAGE == 0) {
            fetch_slots(table, hashes, i + 2 * STAGE, count);
            fetch_groups(table, hashes, i + STAGE, count);
        }
        WR_TRY(find_one(table, views.keys, row, hashes[i], &group, err));
        out_states[i] = group ? wr_group_states(table->layout, group) : NULL;
        if (!group && make)
            WR_TRY(make_group(table, keys, row, hashes[i], &out_states[i], err));
    }
    return WR_OK;
}

wr_status wr_group_table_find(wr_group_table *table, const wr_vector *keys,
                              const wr_selection *selection, const uint64_t *hashes,
                              uint8_t **out_states, wr_error *err)
{
    return look_up(table, keys, selection, hashes, true, out_states, err);
}

wr_status wr_group_table_probe(wr_group_table *table, const wr_vector *keys,
                               const wr_selection *selection, const uint64_t *hashes,
                               uint8_t **out_states, wr_error *err)
{
    return look_up(table, keys, selection, hashes, false, out_states, err);
}

/* ---- Groups from elsewhere ---------------------------------------------------------------------------- */

static wr_status find_equal(wr_group_table *table, const uint8_t *row, uint8_t **out_row,
                            wr_error *err)
{
    const wr_group_layout *layout = table->layout;
    uint64_t               hash = wr_group_hash(layout, row), salt = hash >> 16 & 0xffff, at;

    *out_row = NULL;
    if (!table->slots)
        return WR_OK;
    for (at = home_slot(table, hash); table->slots[at];
         at = at + 1 == table->slot_count ? 0 : at + 1) {
        uint8_t *group = (uint8_t *)(uintptr_t)(table->slots[at] & ADDRESS_MASK);
        bool     equal = false;

        if (table->slots[at] >> 48 != salt || wr_group_hash(layout, group) != hash)
            continue;
        WR_TRY(wr_row_equal(&layout->rows, group, row, layout->key_count, &equal, err));
        if (equal) {
            *out_row = group;
            return WR_OK;
        }
    }
    return WR_OK;
}

wr_status wr_group_table_merge(wr_group_table *table, const uint8_t *row, bool *out_merged,
                               wr_error *err)
{
    const wr_group_layout *layout = table->layout;
    uint8_t               *group;

    WR_TRY(find_equal(table, row, &group, err));
    *out_merged = group != NULL;
    return group ? wr_agg_merge(&layout->aggs, wr_group_states(layout, group),
                                row + layout->extra_offset + 8, err)
                 : WR_OK;
}

wr_status wr_group_table_add(wr_group_table *table, const uint8_t *row, bool *out_added,
                             wr_error *err)
{
    const wr_group_layout *layout = table->layout;
    uint8_t               *group;

    WR_TRY(wr_group_table_merge(table, row, out_added, err));
    if (*out_added)
        return WR_OK;
    group = !table->is_full && ensure_slot(table) ? reserve_row(table, wr_row_bytes(row)) : NULL;
    if (!group) {
        table->is_full = true;
        return WR_OK;
    }
    memcpy(group, row, wr_row_bytes(row));
    memset(group + layout->extra_offset + 8, 0, layout->aggs.bytes);
    place(table, group, wr_group_hash(layout, row));
    table->group_count++;
    *out_added = true;
    return wr_agg_merge(&layout->aggs, wr_group_states(layout, group),
                        row + layout->extra_offset + 8, err);
}

static void append_pages(wr_group_table *table, wr_group_table *other)
{
    if (!other->first)
        return;
    if (table->last)
        table->last->next = other->first;
    else
        table->first = other->first;
    table->last = other->last;
    table->page_count += other->page_count;
    other->first = other->last = NULL;
    other->page_count = 0;
}

static wr_status merge_rows(wr_group_table *table, wr_error *err)
{
    group_rows next;

    table->group_count = 0;
    for (wr_row_page *page = table->first; page; page = page->next) {
        uint32_t offset = 0, count;

        while ((count = next_groups(table, page, &offset, &next)) > 0)
            for (uint32_t i = 0; i < count; i++) {
                uint8_t *row = (uint8_t *)(uintptr_t)next.rows[i], *group;

                if (i % STAGE == 0)
                    fetch_groups(table, next.hashes, i, count);
                WR_TRY(find_equal(table, row, &group, err));
                if (!group) {
                    place(table, row, next.hashes[i]);
                    table->group_count++;
                    continue;
                }
                WR_TRY(wr_agg_merge(&table->layout->aggs, wr_group_states(table->layout, group),
                                    row + table->layout->extra_offset + 8, err));
                wr_store_u64(row + table->layout->extra_offset, UINT64_MAX);
            }
    }
    return WR_OK;
}

wr_status wr_group_table_absorb(wr_group_table *table, wr_group_table *const *others,
                                uint32_t other_count, wr_error *err)
{
    uint64_t groups = table->group_count;
    uint32_t pages;

    for (uint32_t i = 0; i < other_count; i++)
        groups += others[i]->group_count;
    if (groups == table->group_count)
        return WR_OK;
    drop_directory(table);
    for (uint32_t i = 0; i < other_count; i++) {
        append_pages(table, others[i]);
        drop_directory(others[i]);
    }
    pages = wr_pages_for((groups + 1) * 8 / 5 * SLOT_BYTES + SLOT_BYTES, arena_page(table));
    if (pages < table->row_page_bytes / arena_page(table))
        pages = table->row_page_bytes / arena_page(table); /* see ensure_slot */
    if (!take_directory(table, pages))
        return WR_RAISE(err, WR_BUG, "the directories that were dropped leave room for one");
    return merge_rows(table, err);
}
