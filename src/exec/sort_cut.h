/* exec/sort_cut.h — where the first rows of a sort end: a bound that its workers find together.
 *
 * Each sorted buffer tells its milestones: the key of every step-th row. As soon as the milestones of
 * all buffers, those that were spilled among them, stand for the rows needed, no row that sorts after
 * the last of them is wanted any more. So runs that together have the rows needed bound what is let
 * in, though none of them has so many: of n rows in random order about k * (1 + ln(n / k)) are
 * written for the first k.
 *
 * Invariants
 *  1. A row is counted once: what a buffer tells replaces what it told before.
 *  2. The bound only falls. Rows that sort after it may be dropped, equal ones not.
 * Memory: one array, of fixed size. Threads: all calls but init may be made by any worker.
 * Cost: tell: a key and a short move of the array for each milestone. */
#ifndef WR_EXEC_SORT_CUT_H
#define WR_EXEC_SORT_CUT_H

#include "exec/sort_rows.h"
#include "os/thread.h"

enum { WR_SORT_MILESTONES = 128 };

typedef struct wr_sort_milestone {
    wr_sortkey_bound bound;
    uint32_t         teller;
} wr_sort_milestone;

typedef struct wr_sort_cut {
    wr_mutex          mutex;
    uint64_t          rows_needed, step; /* a milestone stands for `step` rows            */
    wr_sort_milestone milestones[WR_SORT_MILESTONES + 1]; /* ascending                    */
    uint32_t          count, tellers;
    wr_sortkey_bound  bound;
    _Atomic uint64_t  version;           /* of `bound`; 0: there is none                  */
    _Atomic uint64_t  prefix;            /* of `bound`; UINT64_MAX: none, or it is NULL   */
} wr_sort_cut;

void wr_sort_cut_init(wr_sort_cut *cut, uint64_t rows_needed);
void wr_sort_cut_release(wr_sort_cut *cut);

/** Tell the milestones of sorted rows. `*io_teller` is 0 for rows that nobody told of before; it then
 *  names them until they are gone or told again.
 *  Returns how many of the rows are still wanted, from the first on. */
size_t wr_sort_cut_tell(wr_sort_cut *cut, const wr_sortkey *key, const wr_sort_entry *entries,
                        size_t count, uint32_t *io_teller);

/** Copy the bound if it is not the one of `*io_version`, which starts with 0; false: there is none. */
bool wr_sort_cut_bound(wr_sort_cut *cut, uint64_t *io_version, wr_sortkey_bound *io_bound);

#endif
