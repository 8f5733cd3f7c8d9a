/* exec/chooser.h — one worker's predicate: which rows of a batch pass. What filter and file scan share.
 *
 * Memory: the evaluator's, and one selection. Threads: one worker's. */
#ifndef WR_EXEC_CHOOSER_H
#define WR_EXEC_CHOOSER_H

#include "exec/evaluator.h"

typedef struct wr_chooser {
    wr_evaluator evaluator;
    uint16_t    *rows;
} wr_chooser;

/** Lease of one worker; 0 without a predicate. */
uint64_t wr_chooser_lease_min(const wr_program *predicate, uint64_t heap_bytes, uint32_t page_bytes);

/** Errors WR_NO_MEMORY; close is due also then. */
wr_status wr_chooser_open(wr_chooser *chooser, const wr_program *predicate, uint64_t heap_bytes,
                          wr_lease *lease, const wr_run_facts *facts, wr_error *err) WR_MUST_USE;

/** *out_selection: those of the batch's rows for which the predicate is true, good until the next call.
 *  Errors of the expression: *out_error_row is the first row at fault, or as it was; *out_selection are
 *  rows before it. */
wr_status wr_chooser_select(wr_chooser *chooser, const wr_batch *batch, wr_selection *out_selection,
                            uint32_t *out_error_row, wr_error *err) WR_MUST_USE;

/** Idempotent; a zeroed chooser is fine. */
void wr_chooser_close(wr_chooser *chooser);

#endif
