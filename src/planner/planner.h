/* planner/planner.h — logical plan to schedule, with its memory certificate.
 *
 * Two halves. Building: each logical node becomes operators; pipelines are cut at breakers; a step
 * that several read is a tee where one pass serves all, else a spool; hidden position columns are
 * added where an answer depends on source order. Fitting: step(p) = sum of lease_min of p's
 * operators + sum of resident_min of states alive during p; M(plan) = the largest step of the chosen
 * order; if M is above the arena the plan is rewritten (smaller chunks, fewer workers, shorter
 * batches) until it fits or is refused. Only this half reads the cap, so the plan hash cannot.
 *
 * Invariants: the order of steps respects every dependency; every lease that will be asked for is
 * in the certificate; rewriting for memory never changes a result.
 * Source: docs/memory.md; Liu, Optimal Pebbling (1987) for the order of independent steps. */
#ifndef WR_PLANNER_PLANNER_H
#define WR_PLANNER_PLANNER_H

#include "exec/ops.h"
#include "plan/plan.h"

typedef struct wr_fit {
    uint64_t arena_bytes;        /* what all leases together may take                         */
    uint64_t resident_bytes;     /* leases that live through the whole run (spill buffers ...)   */
    uint64_t plan_bytes_min;     /* the plan pool's least; more if the plan and its locals are   */
    uint32_t page_bytes;
    uint32_t sink_block_bytes;   /* of columnar sinks (wr_write_request): what they write depends on it */
    uint32_t worker_count_max;
    bool     deterministic;
} wr_fit;

typedef struct wr_certificate_row {
    const char *label;           /* "sort 'by_key' (runs)"            */
    uint64_t    min_bytes;
    bool        is_resident;     /* a state that waits during this step */
} wr_certificate_row;

typedef struct wr_certificate_step {
    const char         *label;
    uint32_t            worker_count;
    uint64_t            min_bytes;
    bool                is_elastic;  /* somebody holds state, and can use whatever there is */
    wr_certificate_row *rows;
    uint32_t            row_count;
} wr_certificate_step;

typedef struct wr_certificate {
    wr_certificate_step *steps;
    uint32_t             step_count;
    uint32_t             worst_step;
    uint64_t             min_bytes;     /* M(plan) + resident_bytes                         */
    uint32_t             batch_rows, chunk_bytes, worker_count; /* chosen                   */
    char                 rewritten[256]; /* what was given up to fit, "" if nothing         */
} wr_certificate;

typedef struct wr_physical_plan {
    wr_schedule     schedule;
    wr_certificate  certificate;
    uint32_t        spill_block_bytes_max; /* largest block any operator spills             */
    bool            may_spill;
} wr_physical_plan;

/** Build and fit.
 *
 * Owner    everything in `bump`; the logical plan must outlive it.
 * Errors   WR_NO_MEMORY  the certificate is above the arena even after every rewrite:
 *                        out_physical->certificate is filled, so that the caller can name the
 *                        worst step's largest operator and the least cap */
wr_status wr_planner_build(const wr_plan *plan, const wr_fit *fit, wr_bump *bump,
                           wr_physical_plan *out_physical, wr_error *err) WR_MUST_USE;

/** Text table of a certificate, in `bump`. `fixed_bytes`: F, printed on top. */
wr_status wr_certificate_format(const wr_certificate *certificate, uint64_t cap_bytes,
                                uint64_t fixed_bytes, wr_bump *bump, wr_text *out_text,
                                wr_error *err) WR_MUST_USE;

#endif
