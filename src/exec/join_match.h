/* exec/join_match.h — matches of one batch against tables of rows: the inner loop of every join.
 *
 * One side's rows lie in tables (the table side), the other's come in batches (the stream side).
 * Either input of the join can be either side, so a join that does not fit can turn its roles round.
 * What is wanted of a match differs by join type and role: wr_join_wish.
 *
 * Invariants
 *  1. A batch's matches come out in pieces of at most batch_rows; between them only this struct and
 *     the batch are held, so a row with any number of matches is no special case.
 *  2. Outputs refer to the batch's columns and to rows in the tables: both stay until the next call.
 *  3. wr_join_match_lease_min covers everything.
 * Call order: open -> use (tables, roles) -> {begin (batch) -> next until it says it is the last} ->
 * close. Threads: one worker. Cost: about 10 ns a match plus the columns; a miss one cache miss. */
#ifndef WR_EXEC_JOIN_MATCH_H
#define WR_EXEC_JOIN_MATCH_H

#include "exec/evaluator.h"
#include "exec/join_table.h"
#include "exec/key_view.h"
#include "exec/ops.h"

enum { WR_JOIN_SIDE_PROBE, WR_JOIN_SIDE_BUILD, WR_JOIN_SIDES };

/** One input of the join: what its rows look like and which columns matter. */
typedef struct wr_join_side {
    const wr_type  *types;
    uint32_t        count;
    const uint32_t *keys;
    const uint32_t *out;
    uint32_t        out_count;
    uint32_t        out_first;   /* where its columns stand in the output */
    wr_row_layout   layout;      /* rows with the hash reserved           */
    uint32_t        hash_offset;
} wr_join_side;

/** Fill in everything but the layout. */
void wr_join_sides_init(wr_join_side sides[WR_JOIN_SIDES], const wr_plan_join *plan);

/** What the stream side wants out of a match. */
typedef struct wr_join_wish {
    bool pairs;     /* put out matching pairs                                             */
    bool unmatched; /* put out stream rows without a match (the table side's columns NULL) */
    bool matched;   /* put out stream rows with a match, once                             */
    bool mark;      /* mark rows in the tables that have a match                          */
} wr_join_wish;

typedef struct wr_join_match {
    /* roles */
    const wr_plan_join  *plan;
    const wr_join_side  *sides;
    uint32_t             stream_side; /* the other one is in the tables        */
    wr_join_wish         wish;
    const wr_join_table *tables;
    uint64_t             table_mask;  /* hash & table_mask: which table        */
    uint32_t             batch_rows;
    /* memory */
    wr_bump              bump;
    wr_evaluator         residual;
    wr_vector           *room[WR_JOIN_SIDES]; /* one vector with room a column          */
    wr_vector           *stream;              /* columns of the batch                   */
    wr_vector           *key_columns;         /* the batch's keys, side by side         */
    wr_vector           *output, *pair_columns;
    wr_vector_cell      *null_cell;
    wr_key_view         *keys;
    uint64_t            *hashes;              /* of rows[i]                             */
    const uint64_t     **at, **end;           /* entries left of rows[i]                */
    const uint8_t      **pair_rows;           /* in the tables                          */
    uint32_t            *pair_codes;          /* rows of the batch                      */
    uint32_t            *sizes;               /* for scattering                         */
    uint8_t            **targets;             /* for scattering                         */
    uint16_t            *rows, *nulls, *which, *candidates, *kept;
    uint8_t             *is_matched;          /* by row of the batch                    */
    /* the batch at hand */
    uint32_t             row_count, candidate_count, next_candidate;
    uint32_t             error_row; /* of the batch, at which the last call failed; or UINT32_MAX */
    bool                 in_pairs, in_tail;
} wr_join_match;

/** Lease of one worker. */
uint64_t wr_join_match_lease_min(const wr_plan_join *plan, const wr_exec *exec);

/** Errors WR_NO_MEMORY the lease refuses; close is due also then. */
wr_status wr_join_match_open(wr_join_match *match, const wr_plan_join *plan,
                             const wr_join_side *sides, wr_lease *lease, const wr_exec *exec,
                             wr_error *err) WR_MUST_USE;
/** Idempotent; a zeroed match is fine. */
void wr_join_match_close(wr_join_match *match);

/** From now on batches are of side `stream_side`, and rows of the other one lie in `tables`. */
void wr_join_match_use(wr_join_match *match, uint32_t stream_side, wr_join_wish wish,
                       const wr_join_table *tables, uint64_t table_mask);

/** Hash the selected rows of a batch: match->rows and hashes get those whose keys can match,
 *  match->nulls those with a NULL key. Returns how many rows, *out_nulls how many nulls. */
uint32_t wr_join_match_hash(wr_join_match *match, const wr_join_side *side,
                            const wr_vector *columns, const wr_selection *selection,
                            uint32_t *out_nulls);

/** Begin with the batch's columns and match->rows[0 .. row_count) and hashes: the rows that are to be
 *  looked up; behind them `extra_count` rows that have no match for certain. */
void wr_join_match_begin(wr_join_match *match, wr_vector *columns, uint32_t row_count,
                         uint32_t extra_count);

/** The next output; it may be empty. *out_more: call again.
 * Errors   WR_DATA the residual condition's, or a second match in a single join; WR_IO, WR_CORRUPT
 *          (blobs), WR_NO_MEMORY */
wr_status wr_join_match_next(wr_join_match *match, wr_batch *out, bool *out_more,
                             wr_error *err) WR_MUST_USE;

/** Put out `count` rows of the table side (with NULLs for the stream side's columns). */
void wr_join_match_emit_rows(wr_join_match *match, const uint8_t *const *rows, uint32_t count,
                             wr_batch *out);

#endif
