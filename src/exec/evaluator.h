/* exec/evaluator.h — one worker's program with the memory it runs in: what filter, project, generate
 * and join residuals share.
 *
 * Memory: one extent for the program's registers and `extra_bytes` of the operator's own, and a heap
 * for string results, both from the operator's lease; wr_evaluator_lease_min() covers both. */
#ifndef WR_EXEC_EVALUATOR_H
#define WR_EXEC_EVALUATOR_H

#include "exec/operator.h"

typedef struct wr_evaluator {
    wr_bump           bump;    /* registers, then the operator's own arrays */
    wr_bump           heap;    /* string results; reset by every run        */
    wr_program_local *program;
} wr_evaluator;

/** Lease of one worker. `extra_bytes`: sum of what the operator allocates from `bump`, each rounded
 *  up to 16; `heap_bytes`: for string results, rounded up to pages, at least one. */
uint64_t wr_evaluator_lease_min(const wr_program *program, uint64_t extra_bytes,
                                uint64_t heap_bytes, uint32_t page_bytes);

/** Errors WR_NO_MEMORY; close is due also then. */
wr_status wr_evaluator_open(wr_evaluator *evaluator, const wr_program *program,
                            uint64_t extra_bytes, uint64_t heap_bytes, wr_lease *lease,
                            const wr_run_facts *facts, wr_error *err) WR_MUST_USE;

/** Idempotent; a zeroed evaluator is fine. */
void wr_evaluator_close(wr_evaluator *evaluator);

#endif
