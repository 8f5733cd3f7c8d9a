/* exec/sort_group_bound.c — the table of groups: probed a few slots far, never grown. */
#include "exec/sort_group_bound.h"

#include <string.h>

#include "base/bits.h"
#include "base/hash.h"

enum {
    PROBES = 4,
    BLOCK = 128,      /* rows whose slots are fetched ahead                         */
    TRIAL = 4,        /* times the rows that it has room for: then it must have ... */
    USEFUL_SHARE = 8, /* ... dropped one row in so many                             */
};

#define FREE UINT64_MAX /* a prefix that is not there */

bool wr_group_bounds_fit(const wr_plan_top *plan, const wr_sortkey *key)
{
    if (plan->rank_max == 0 || plan->rank_max > WR_GROUP_BOUND_RANK_MAX || plan->group_count == 0 ||
        plan->group_count > WR_GROUP_BOUND_COLUMNS || plan->key_count == plan->group_count)
        return false;
    for (uint32_t c = 0; c < plan->group_count; c++)
        if (key->columns[c].physical == WR_PHYS_STR ||
            wr_physical_bytes((wr_physical)key->columns[c].physical) > sizeof(uint64_t))
            return false;
    return key->columns[plan->group_count].physical != WR_PHYS_STR;
}

void wr_group_bounds_init(wr_group_bounds *bounds, const wr_plan_top *plan, void *space,
                          uint32_t pages, uint64_t bytes)
{
    uint32_t words = plan->group_count + (uint32_t)plan->rank_max;

    *bounds = (wr_group_bounds){
        .plan = plan,
        .slots = space,
        .slot_count = bytes / (words * sizeof(uint64_t)) - (PROBES - 1),
        .slot_words = words,
        .pages = pages,
    };
    memset(space, 0xff, bytes);
}

static uint64_t *slot_of(const wr_group_bounds *bounds, const uint64_t *group)
{
    uint64_t hash = wr_hash_u64(group[0]);

    for (uint32_t c = 1; c < bounds->plan->group_count; c++)
        hash = wr_hash_combine(hash, wr_hash_u64(group[c]));
    return bounds->slots +
           (uint64_t)((unsigned __int128)hash * bounds->slot_count >> 64) * bounds->slot_words;
}

/* Note `prefix` among the first of its group; false: it comes behind all of them. */
static bool note_prefix(const wr_group_bounds *bounds, uint64_t *prefixes, uint64_t prefix)
{
    uint32_t last = (uint32_t)bounds->plan->rank_max - 1, at = last;

    if (prefix >= prefixes[last])
        return prefix == prefixes[last];
    if (bounds->plan->kind == WR_WINDOW_DENSE_RANK)
        for (uint32_t i = 0; i < last; i++)
            if (prefixes[i] == prefix)
                return true;
    for (; at > 0 && prefixes[at - 1] > prefix; at--)
        prefixes[at] = prefixes[at - 1];
    prefixes[at] = prefix;
    return true;
}

static bool lets_in(const wr_group_bounds *bounds, uint64_t *slot, const uint64_t *group,
                    uint64_t prefix)
{
    uint32_t groups = bounds->plan->group_count;

    for (uint32_t p = 0; p < PROBES; p++, slot += bounds->slot_words) {
        if (slot[groups] == FREE && prefix != FREE)
            memcpy(slot, group, groups * sizeof *slot);
        if (memcmp(slot, group, groups * sizeof *slot) == 0)
            return note_prefix(bounds, slot + groups, prefix);
    }
    return true;
}

uint32_t wr_group_bounds_select(wr_group_bounds *bounds, const wr_sortkey *key,
                                const wr_vector *columns, const wr_selection *selection,
                                uint16_t *out_rows)
{
    uint32_t  groups = bounds->plan->group_count, kept = 0;
    uint64_t  prefixes[WR_GROUP_BOUND_COLUMNS + 1][BLOCK], *slots[BLOCK];
    bool      nulls[BLOCK];

    for (uint32_t first = 0; first < selection->row_count; first += BLOCK) {
        uint32_t count = selection->row_count - first < BLOCK ? selection->row_count - first : BLOCK;

        memset(nulls, 0, sizeof nulls);
        for (uint32_t c = 0; c <= groups; c++)
            wr_sortkey_prefixes(key, c, &columns[key->columns[c].column], selection, first, count,
                                prefixes[c], nulls);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t group[] = {prefixes[0][i], prefixes[1][i]};

            slots[i] = slot_of(bounds, group);
            __builtin_prefetch(slots[i], 1);
        }
        for (uint32_t i = 0; i < count; i++) {
            uint64_t group[] = {prefixes[0][i], prefixes[1][i]};

            out_rows[kept] = (uint16_t)wr_selection_row(selection, first + i);
            kept += nulls[i] || lets_in(bounds, slots[i], group, prefixes[groups][i]);
        }
    }
    bounds->rows_seen += selection->row_count;
    bounds->rows_dropped += selection->row_count - kept;
    return kept;
}

bool wr_group_bounds_is_useless(const wr_group_bounds *bounds)
{
    return bounds->rows_seen > TRIAL * bounds->slot_count * bounds->plan->rank_max &&
           bounds->rows_dropped < bounds->rows_seen / USEFUL_SHARE;
}
