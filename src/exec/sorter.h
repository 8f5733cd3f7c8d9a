/* exec/sorter.h — external sorting: workers make sorted runs, one merge reads them back.
 *
 * Making. A worker writes rows into pages and notes their addresses. When its part of the lease is
 * full it sorts the addresses and spills the rows in that order as one run: pages of rows, appended
 * to a stream of its own, or to the stream of its run before if that one ends where this one begins
 * (sorted input makes one run per worker and is neither sorted nor merged twice). What is in memory
 * at the end stays there if nothing, or enough else, was spilled.
 * Reading. All runs are merged at once if a page each fits the lease; buffers of several pages, and a
 * few spare ones to load ahead, are taken if they fit too. Else the smallest runs are merged into one
 * first, as often as needed.
 * Workers take turns at the merge: a turn hands out one chunk of rows, which is one morsel; chunks are
 * turned into columns, and whatever follows, outside the lock. So the order of morsels is the sort
 * order, ordered sinks keep all workers busy with neighbouring chunks, and there is one merge however
 * many workers there are. (Ranges of keys per worker would have all but the first wait at an ordered
 * sink.)
 * Spill page. As large as it can be for one merge of everything: with r bytes a run, L bytes of lease
 * and N bytes in all, N/r runs of one page fit L if a page has r*L/N. It is chosen per run from
 * what is known of N then, between a quarter of the arena's page (16 KB at least) and a whole one.
 *
 * Memory. P = row page = the arena's page, or what four rows of the schema need; S <= P = spill page.
 *   making:  shared (layout, keys, table of runs) + 4P a worker: two of rows, one of addresses, one to
 *            put a spill page together. These pages are taken when the sorter opens and kept.
 *   reading: shared + per worker P (chunk; more if there is) and the batch; 6P + state: two inputs and
 *            their spares, and room to merge two runs into one. Fan-in K needs K spill pages at least.
 *   at rest: shared; rows in memory are spilled when asked to.
 * Only the first `rows_needed` rows: sorted buffers find a bound together (sort_cut.h), are cut there, and
 * let no row behind it in. Rows that survive are moved together in place, so a small top-N never spills.
 *
 * Call order: init; per worker open, add*, combine, close; finish; [reclaim]; then once, or with
 * `keep` any number of times: read_open, per worker read*, read_close; release at any time.
 * Threads: the worker calls by one worker each; init, finish, reclaim, read_open, read_close and
 * release by one thread while no other call runs.
 * Cost: making about 100 ns a row a worker in memory, 150 ns with spilling; merging 100-200 ns a row. */
#ifndef WR_EXEC_SORTER_H
#define WR_EXEC_SORTER_H

#include "exec/merge.h"
#include "exec/row.h"
#include "exec/sort_cut.h"
#include "exec/sort_group_bound.h"
#include "exec/sortkey.h"

typedef struct wr_sorter_plan {
    const wr_type     *types;
    uint32_t           column_count;
    const wr_sort_key *keys;
    uint32_t           key_count;    /* 0: rows in any order                      */
    uint32_t           output_count; /* the first columns are read back           */
    uint64_t           rows_skipped; /* of the sorted rows, not read back         */
    uint64_t           rows_max;     /* read back at most; UINT64_MAX: all        */
    bool               keep;         /* may be read more than once                */
    wr_plan_top        top;          /* rows that need not be kept                */
    bool               by_page;      /* read by wr_sorter_read_page, not by readers */
} wr_sorter_plan;

/** Least memory to make runs with `worker_count` workers; to read; and in between. */
uint64_t wr_sorter_lease_min(const wr_sorter_plan *plan, const wr_exec *exec, uint32_t worker_count);
uint64_t wr_sorter_read_lease_min(const wr_sorter_plan *plan, const wr_exec *exec,
                                  uint32_t worker_count);
uint64_t wr_sorter_resident_min(const wr_sorter_plan *plan, const wr_exec *exec);

typedef enum wr_run_state { WR_RUN_FREE, WR_RUN_OPEN, WR_RUN_CLOSED, WR_RUN_MERGED } wr_run_state;

/** A sorted sequence of row pages on disk. Never moves: cursors point to its stream. */
typedef struct wr_sort_run {
    wr_spill_stream stream;
    uint32_t        page_bytes; /* largest block */
    uint32_t        state;      /* wr_run_state: OPEN: its worker may append to it; MERGED: taken for a merge */
} wr_sort_run;

/** Sorted rows in memory with the pages they lie in. */
typedef struct wr_sort_buffer {
    wr_row_page   *first, *last;  /* in order of writing                                 */
    wr_sort_entry *entries;
    size_t         entry_count, entry_capacity;
    uint64_t       row_bytes;
    uint32_t       used_pages;    /* arena pages of all of these, without the reserve    */
    uint32_t       entry_pages;   /* arena pages of `entries`; 0: they are in the reserve */
    uint8_t       *reserve;       /* 4P: rows, rows, addresses, spill page               */
    uint32_t       reserve_rows;  /* row pages in use of the reserve                     */
    uint32_t       teller;        /* of its milestones (sort_cut.h); 0: it told none     */
} wr_sort_buffer;

typedef struct wr_sorter {
    wr_sorter_plan plan;
    uint64_t       rows_needed;
    wr_exec       *exec;
    wr_lease      *lease;
    wr_bump        bump;
    wr_row_layout  layout;
    wr_sortkey     key;            /* what all workers have observed                   */
    wr_sortkey     boundary_key;   /* takes everything for possible: runs against runs */
    wr_sort_cut   *cut;            /* only the first rows are wanted; else NULL        */
    uint32_t       page_bytes, spill_bytes_min, chunk_bytes;
    uint32_t       workers_max;
    uint32_t       shared_pages;

    wr_mutex         mutex;        /* guards the table of runs, buffers, reserves      */
    wr_sort_run     *runs;
    uint32_t         run_capacity, run_count, run_pages;
    wr_sort_buffer  *buffers;      /* left by workers; workers_max                     */
    uint32_t         buffer_count;
    uint8_t        **reserves;     /* taken at open for workers to come                */
    uint32_t         reserve_count;
    wr_sortkey      *idle_keys;    /* of workers that left, for those of a next step   */
    uint32_t         idle_count;
    _Atomic uint32_t workers_open;
    _Atomic uint32_t group_pages;  /* of the workers' tables of groups                 */
    _Atomic uint64_t spilled_bytes;
    bool             is_open;

    /* reading */
    wr_merge  merge;
    bool      is_reading, is_merging;
    uint8_t  *merge_space, *local_space;
    uint32_t  merge_pages, merge_buffer_bytes, local_pages, locals_open;
    bool      wants_spare_reader;  /* one more than the lease is certified for, if it has room */
    uint32_t  next_source;         /* one after the other: runs, then buffers          */
    wr_spill_cursor cursor;
    size_t    next_entry;
    uint64_t  rows_to_skip, rows_left, next_morsel, next_position;
} wr_sorter;

typedef struct wr_sorter_worker {
    wr_sorter       *sorter;
    wr_sortkey       key;
    wr_sort_buffer   buffer;
    wr_sort_run     *run;          /* the last one, if it may grow                     */
    uint8_t          run_end[WR_SORTKEY_ROOM_BYTES]; /* key of its last row            */
    uint32_t         run_end_length;
    uint64_t         bound_version;
    wr_sortkey_bound bound;        /* the sorter's, as known here                      */
    wr_group_bounds  groups;       /* what is not wanted of them                       */
    bool             has_tried;    /* to have a table of groups                        */
} wr_sorter_worker;

/** Lay out rows and take every worker's reserve.
 * Owner    plan's arrays, exec and lease (open, with wr_sorter_lease_min) outlive the sorter
 * Errors   WR_NO_MEMORY */
wr_status wr_sorter_init(wr_sorter *sorter, const wr_sorter_plan *plan, wr_exec *exec,
                         wr_lease *lease, wr_error *err) WR_MUST_USE;
void wr_sorter_release(wr_sorter *sorter);

wr_status wr_sorter_worker_open(wr_sorter_worker *worker, wr_sorter *sorter,
                                wr_error *err) WR_MUST_USE;
void wr_sorter_worker_close(wr_sorter_worker *worker);

/** Add the selected rows of `batch`. Errors WR_NO_SPACE, WR_IO, WR_CANCELLED. */
wr_status wr_sorter_add(wr_sorter_worker *worker, const wr_batch *batch,
                        wr_error *err) WR_MUST_USE;

/** This worker adds no more: sort what it has in memory and leave it to the sorter. */
wr_status wr_sorter_combine(wr_sorter_worker *worker, wr_error *err) WR_MUST_USE;

/** All workers have combined: decide what stays in memory. */
wr_status wr_sorter_finish(wr_sorter *sorter, wr_error *err) WR_MUST_USE;

/** Spill what is in memory and give the pages back, down to wr_sorter_resident_min. */
wr_status wr_sorter_reclaim(wr_sorter *sorter, wr_error *err) WR_MUST_USE;

/* ---- Reading (sort_read.c) -------------------------------------------------------------------- */

typedef struct wr_sorter_reader {
    wr_sorter      *sorter;
    wr_row_page    *chunk;        /* chunk_bytes: rows that were copied out of the merge        */
    uint32_t        chunk_offset; /* of its next row                                           */
    const uint8_t **rows;         /* addresses of a chunk of rows in memory, or of one batch   */
    uint32_t        row_next, row_count;
    uint64_t        rows_left;    /* of the chunk                                              */
    uint64_t        morsel, position;
    wr_vector      *columns, *room; /* the batch; with all its validity bits                   */
} wr_sorter_reader;

/** Get ready to read from the start, merging runs until the rest fits one merge.
 * Errors   WR_NO_MEMORY, WR_NO_SPACE, WR_IO, WR_CORRUPT, WR_CANCELLED */
wr_status wr_sorter_read_open(wr_sorter *sorter, wr_error *err) WR_MUST_USE;
void      wr_sorter_read_close(wr_sorter *sorter);

wr_status wr_sorter_reader_open(wr_sorter_reader *reader, wr_sorter *sorter,
                                wr_error *err) WR_MUST_USE;
void wr_sorter_reader_close(wr_sorter_reader *reader);

/** Has read_open found memory for one more reader? */
bool wr_sorter_has_reader(const wr_sorter *sorter);

/** Take the next rows now, if none are left of those taken before: without it reading does that when rows
 *  are wanted. *out_any false: the end. */
wr_status wr_sorter_reader_fill(wr_sorter_reader *reader, bool *out_any, wr_error *err) WR_MUST_USE;

/** The next batch of this worker; DONE at the end. */
wr_status wr_sorter_read(wr_sorter_reader *reader, wr_batch *out, wr_flow *out_flow,
                         wr_error *err) WR_MUST_USE;

/** The same rows as they lie, in the sorter's layout: at most a batch of them, until the next call
 *  with this reader. None: the end. */
wr_status wr_sorter_read_rows(wr_sorter_reader *reader, const uint8_t ***out_rows,
                              uint32_t *out_count, wr_error *err) WR_MUST_USE;

/** With plan.by_page: copy the next rows, as they lie, into `page` (empty, of wr_sorter_page_bytes or
 *  more) until it is nearly full. No rows: the end. Callers take turns.
 * Errors   WR_IO, WR_CORRUPT; the next call finds no rows any more */
wr_status wr_sorter_read_page(wr_sorter *sorter, wr_row_page *page, wr_error *err) WR_MUST_USE;

/** Of a sort whose first key is a UInt64, ascending: rows in which it is greater are not needed any more.
 *  May be asked by those who feed the sort. */
uint64_t wr_sort_first_bound(const wr_node *sink);

/** The last position that the sort behind a join still needs. */
static inline uint64_t wr_join_limit_bound(const wr_join_limit *limit)
{
    return limit && limit->sort ? wr_sort_first_bound(limit->sort) : UINT64_MAX;
}

/** What a sort step sorts with (op_sort.c): for steps that read its sorted rows themselves. */
wr_sorter_plan wr_sort_sorter_plan(const wr_plan_sort *plan);
wr_sorter     *wr_sort_sorter(const wr_node *sink);

/* ---- Between the files of the sorter (sorter.c, sort_worker.c, sort_read.c) -------------------- */

/** Bytes of a row page. */
uint32_t wr_sorter_page_bytes(const wr_sorter_plan *plan, const wr_exec *exec);

/** Arena pages that this sorter may use in all, now. */
uint64_t wr_sorter_pages_available(const wr_sorter *sorter);

/** Bytes of a spill page for the next run, given what is known of the input. */
uint32_t wr_sorter_choose_spill_bytes(const wr_sorter *sorter);

/** A free place in the table, marked OPEN. There always is one: see wr_sorter_is_crowded. */
wr_sort_run *wr_sorter_add_run(wr_sorter *sorter);
void         wr_sorter_close_run(wr_sorter *sorter, wr_sort_run *run);

/** Should whoever has free pages merge runs, so that the table does not run full? */
bool wr_sorter_is_crowded(wr_sorter *sorter);

/** Merge at most `runs_max` of the smallest closed runs into one, inside `space`, by `key`, which learns
 *  what all workers know. *out_merged says how many there were (0: fewer than two). */
wr_status wr_sorter_merge_runs(wr_sorter *sorter, wr_sortkey *key, uint32_t runs_max,
                               uint8_t *space, uint64_t space_bytes, uint32_t *out_merged,
                               wr_error *err) WR_MUST_USE;

/** Spill the largest buffer left in memory; *out_spilled false: there is none. */
wr_status wr_sorter_spill_buffer(wr_sorter *sorter, bool *out_spilled, wr_error *err) WR_MUST_USE;

/** Append the sorted rows of `buffer` to `run`. */
wr_status wr_sort_buffer_spill(wr_sorter *sorter, wr_sort_buffer *buffer, wr_sort_run *run,
                               wr_error *err) WR_MUST_USE;

/** Give back everything but the reserve; no rows any more. */
void wr_sort_buffer_reset(wr_sorter *sorter, wr_sort_buffer *buffer);

/** Pages of the arena that make a row page. */
static inline uint32_t wr_sorter_page_pages(const wr_sorter *sorter)
{
    return wr_pages_for(sorter->page_bytes, sorter->exec->page_bytes);
}

enum { WR_SORT_RESERVE_PAGES = 4 }; /* row pages in a worker's reserve */

/** Give a reserve back. */
static inline void wr_sorter_give_reserve(wr_sorter *sorter, uint8_t *reserve)
{
    wr_lease_give(sorter->lease, reserve, WR_SORT_RESERVE_PAGES * wr_sorter_page_pages(sorter));
}

#endif
