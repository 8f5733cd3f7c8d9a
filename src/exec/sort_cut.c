/* exec/sort_cut.c — milestones of sorted rows, and the bound that follows from them. */
#include "exec/sort_cut.h"

void wr_sort_cut_init(wr_sort_cut *cut, uint64_t rows_needed)
{
    cut->rows_needed = rows_needed;
    cut->step = rows_needed / WR_SORT_MILESTONES + 1;
    cut->count = cut->tellers = 0;
    cut->version = 0;
    cut->prefix = UINT64_MAX;
    wr_mutex_init(&cut->mutex);
}

void wr_sort_cut_release(wr_sort_cut *cut)
{
    wr_mutex_release(&cut->mutex);
}

static wr_sortkey_bound bound_at(const wr_sortkey *key, const wr_sort_entry *entries, size_t at)
{
    return wr_sortkey_bound_of(key, wr_sort_entry_row(&entries[at]));
}

static void lower_bound(wr_sort_cut *cut, const wr_sortkey *key, const wr_sortkey_bound *bound)
{
    if (cut->version > 0 && wr_sortkey_bound_compare(key, bound, &cut->bound) >= 0)
        return;
    cut->bound = *bound;
    cut->prefix = bound->is_null ? UINT64_MAX : bound->prefix;
    cut->version++;
}

static void forget(wr_sort_cut *cut, uint32_t teller)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < cut->count; i++)
        if (cut->milestones[i].teller != teller)
            cut->milestones[kept++] = cut->milestones[i];
    cut->count = kept;
}

/* Add one; when all together stand for the rows needed, the last is the bound and goes, unless it is
 * needed for the number. */
static void add_milestone(wr_sort_cut *cut, const wr_sortkey *key, wr_sort_milestone milestone)
{
    uint32_t enough = (uint32_t)((cut->rows_needed + cut->step - 1) / cut->step);
    uint32_t at = cut->count;

    while (at > 0 && wr_sortkey_bound_compare(key, &cut->milestones[at - 1].bound,
                                              &milestone.bound) > 0)
        at--;
    if (at >= enough)
        return;
    memmove(&cut->milestones[at + 1], &cut->milestones[at],
            (cut->count - at) * sizeof cut->milestones[0]);
    cut->milestones[at] = milestone;
    cut->count++;
    if (cut->count < enough)
        return;
    cut->count = enough;
    lower_bound(cut, key, &cut->milestones[enough - 1].bound);
}

/* The first entry that sorts after the bound. */
static size_t count_wanted(const wr_sort_cut *cut, const wr_sortkey *key,
                           const wr_sort_entry *entries, size_t count)
{
    size_t low = 0, high = count;

    while (cut->version > 0 && low < high) {
        size_t           middle = low + (high - low) / 2;
        wr_sortkey_bound bound = bound_at(key, entries, middle);

        if (wr_sortkey_bound_compare(key, &bound, &cut->bound) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return cut->version > 0 ? low : count;
}

size_t wr_sort_cut_tell(wr_sort_cut *cut, const wr_sortkey *key, const wr_sort_entry *entries,
                        size_t count, uint32_t *io_teller)
{
    WR_LOCKED(&cut->mutex);
    if (*io_teller == 0)
        *io_teller = ++cut->tellers;
    else
        forget(cut, *io_teller);
    if (count >= cut->rows_needed) {
        wr_sortkey_bound last = bound_at(key, entries, cut->rows_needed - 1);

        lower_bound(cut, key, &last);
        count = cut->rows_needed;
    }
    for (size_t at = cut->step - 1; at < count; at += cut->step)
        add_milestone(cut, key, (wr_sort_milestone){bound_at(key, entries, at), *io_teller});
    return count_wanted(cut, key, entries, count);
}

bool wr_sort_cut_bound(wr_sort_cut *cut, uint64_t *io_version, wr_sortkey_bound *io_bound)
{
    if (cut->version != *io_version) {
        WR_LOCKED(&cut->mutex);
        *io_bound = cut->bound;
        *io_version = cut->version;
    }
    return *io_version > 0;
}
