/* exec/agg_ordered.h — aggregates of values that come in order, one group at a time.
 *
 * What cannot live in a hash table because its state grows with the group (median, quantiles, mode,
 * entropy) is small when the group's values arrive sorted and their number is known: a rank to wait
 * for, or the run of equal values that is being counted. Only one group is open at a time.
 * A kept value is borrowed from the batch it came in until wr_ordered_keep; then text moves to room of
 * its own, a quarter page, or if it is longer to disk. string_agg and list build their results so too (exec/agg_text.h, exec/agg_list.h). So states never grow.
 * Invariant: the order of calls is that of the values, so results depend on the values alone.
 * Call order: per group wr_ordered_begin, wr_ordered_add*, wr_ordered_result of every aggregate;
 * wr_ordered_keep before a batch is given up. Threads: one. Cost: quantiles O(1) a batch, the others
 * a few ns a value. */
#ifndef WR_EXEC_AGG_ORDERED_H
#define WR_EXEC_AGG_ORDERED_H

#include "exec/agg_list.h"
#include "exec/ops.h"
#include "types/fsum.h"

/** One value that outlives the row it stood in. */
typedef struct wr_ordered_value {
    _Alignas(16) uint8_t value[16]; /* physical; a wr_str for text             */
    wr_blob blob;                   /* where long text went                    */
    char   *room;                   /* for shorter text; NULL: no text         */
    bool    is_borrowed;            /* the bytes of long text lie in the batch */
} wr_ordered_value;

typedef struct wr_ordered_state {
    const wr_ordered_agg *agg;
    uint64_t         low_rank, high_rank; /* quantiles: of the values wanted                */
    double           weight;              /* of the high one                                */
    wr_ordered_value low, high;           /* mode: low is the most frequent value so far    */
    uint64_t         best_count;          /* mode                                           */
    uint64_t         distinct_count;      /* count: of distinct values                      */
    wr_fsum          sum;                 /* entropy: of n log2 n over the runs             */
    double           mantissa;            /* product = mantissa * 2^exponent                */
    int64_t          exponent;
    wr_text_chain     text;                /* string_agg                                     */
    uint64_t         piece_count;         /* in it                                          */
    wr_list_chain    list;                /* list                                           */
} wr_ordered_state;

typedef struct wr_ordered {
    wr_type           type;       /* of the values */
    wr_ordered_state *states;
    uint32_t          state_count;
    uint32_t          room_bytes; /* for the text of one value */
    bool              counts_runs, is_sequence; /* string_agg, list */
    wr_scratch        scratch;     /* of long texts */
    uint64_t          value_count; /* of the open group, known from its begin */
    uint64_t          values_seen;
    wr_ordered_value  run;         /* the value that is being counted         */
    uint64_t          run_count;
} wr_ordered;

/** Is it a value of a certain rank, or lies between two (states' low_rank, high_rank)? */
bool wr_ordered_is_quantile(wr_agg_kind kind);

/** Bytes that wr_ordered_init takes from its bump (a bound, for lease_min formulas). */
uint64_t wr_ordered_bytes(const wr_plan_ordered *plan, const wr_exec *exec);

/** States for the plan's aggregates, in `bump`. Errors WR_NO_MEMORY. */
wr_status wr_ordered_init(wr_ordered *ordered, const wr_plan_ordered *plan, const wr_exec *exec,
                          wr_bump *bump, wr_error *err) WR_MUST_USE; /* must not move afterwards */

/** A group of `value_count` values (nulls are none) begins. */
void wr_ordered_begin(wr_ordered *ordered, uint64_t value_count);

/** The open group turned out to have so many values. Where there are quantiles its begin must have known. */
void wr_ordered_count(wr_ordered *ordered, uint64_t value_count);

/** The group's next values: rows first .. first + count - 1 of a FLAT vector. Where the plan sorts by
 *  value none of them is null; else string_agg leaves nulls out and list takes the rows where `included`,
 *  FLAT, is true (NULL: all).
 * Errors   WR_IO, WR_CORRUPT (blobs); WR_NO_SPACE, WR_DATA (long texts) */
wr_status wr_ordered_add(wr_ordered *ordered, const wr_vector *values, const wr_vector *included,
                         uint32_t first, uint32_t count, wr_error *err) WR_MUST_USE;

/** All values of the group were added: write the result in its physical layout to `out`; false: it
 *  is null. Text is borrowed until wr_ordered_keep or wr_ordered_recycle.
 * Errors   WR_NO_SPACE, WR_IO (long texts) */
wr_status wr_ordered_result(wr_ordered *ordered, uint32_t index, void *out, bool *out_is_null,
                            wr_error *err) WR_MUST_USE;

/** Is there no room for another group's texts before wr_ordered_recycle? */
bool wr_ordered_is_full(const wr_ordered *ordered);

/** The results so far were consumed. */
void wr_ordered_recycle(wr_ordered *ordered);

/** The batch goes away while a group is open: text that it still needs is sent to disk. */
wr_status wr_ordered_keep(wr_ordered *ordered, wr_spill *spill, wr_error *err) WR_MUST_USE;

/** Are two values of a FLAT vector's type equal, not null both?
 * Errors   WR_IO, WR_CORRUPT (blobs only) */
wr_status wr_ordered_equal(wr_type type, const void *a, const void *b, bool *out_equal,
                           wr_error *err) WR_MUST_USE;

#endif
