/* expr/program.h — expressions compiled to a flat list of steps over vector registers, and run.
 *
 * compile: common subexpressions share a register, constants are CONST registers, AND/OR/CASE
 * become steps on narrowed selections, so an error behind a false guard is never raised. No tree
 * is walked per batch. A program is read-only and shared; each worker has a local with its registers.
 * A DICT argument of a pure unary call is evaluated once per dictionary entry; CONST once.
 *
 * Memory: registers x wr_vector_bytes(type) + heap pages + prepared states, all known after
 * compile: wr_program_lease_min(). When string results overflow the heap the evaluation returns
 * WR_NO_RESERVE and the caller evaluates a part of the rows (wr_program_run does this itself:
 * it reports how many rows it finished). One row that does not fit is WR_NO_MEMORY, naming the
 * function and the bytes: an exception that docs/memory.md names.
 * Threads: one local per worker. Cost: about 1-2 ns per value and step for fixed-size types. */
#ifndef WR_EXPR_PROGRAM_H
#define WR_EXPR_PROGRAM_H

#include "expr/expr.h"
#include "expr/function.h"
#include "vector/vector.h"

typedef struct wr_program_local wr_program_local;

typedef struct wr_run_facts {
    int64_t  now_us;
    uint64_t seed;
} wr_run_facts;

/** Compile `exprs` (each becomes one output column) against an input of `input_count` columns. */
wr_status wr_program_compile(wr_expr *const *exprs, uint32_t expr_count, const wr_schema *input,
                             wr_bump *bump, const wr_program **out_program, wr_error *err) WR_MUST_USE;

/** Memory one local needs, with at least `heap_bytes` for string results. */
uint64_t wr_program_lease_min(const wr_program *program, uint32_t heap_bytes);

/** Allocate registers from `bump` (whose lease holds wr_program_lease_min); the string heap grows
 *  on `heap` (its own bump, reset by every run). */
wr_status wr_program_local_new(const wr_program *program, wr_bump *bump, wr_bump *heap,
                               const wr_run_facts *facts, wr_program_local **out_local,
                               wr_error *err) WR_MUST_USE;

/** For a program that runs inside a call of another one: its texts go to `heap`, behind what is there, and
 *  stay there. Before its runs. */
void wr_program_local_nest(wr_program_local *local, wr_bump *heap);

/** Evaluate for the selected rows of `in`, from the `first`-th selected on.
 *
 * Shape    outputs[i] is output i, valid at selected row positions; it may alias columns of `in`,
 *          be CONST or DICT. *out_rows is the number of selected rows done (all, unless the heap
 *          ran full); call again with first + *out_rows: earlier outputs are then invalid.
 *          As many if a row behind them fails: it is reported when it comes first.
 * Errors   WR_DATA  overflow, division by zero, bad cast ...: message names function, value and
 *                   *out_error_row, the row of the batch, so that the scan can add file and line
 *          WR_NO_MEMORY one row does not fit the heap */
wr_status wr_program_run(wr_program_local *local, const wr_batch *in, uint32_t first,
                         wr_vector *outputs, uint32_t *out_rows, uint32_t *out_error_row,
                         wr_error *err) WR_MUST_USE;

/** Predicate: the rows of `in`'s selection where the single BOOL output is true (not false or NULL),
 *  written to `rows` (WR_BATCH_ROWS_MAX entries). Conjunctions narrow step by step, and the order of conjuncts
 *  adapts to measured cost / rows dropped (never changes which rows or errors appear: only
 *  error-free conjuncts are moved).
 * Errors   as above, of the first row that fails; `rows` and *out_row_count are of those before it */
wr_status wr_program_select(wr_program_local *local, const wr_batch *in, uint16_t *rows,
                            uint32_t *out_row_count, uint32_t *out_error_row,
                            wr_error *err) WR_MUST_USE;

/** Evaluate a constant expression (no columns) once; text in `bump`. */
wr_status wr_expr_evaluate(const wr_expr *expr, wr_bump *bump, wr_value *out_value,
                           wr_error *err) WR_MUST_USE;

#endif
