/* expr/program_local.h — one worker's registers and selections: program.c owns them, program_step.c runs
 * the steps on them. Private to src/expr. */
#ifndef WR_BUILDING_EXPR
#error "program_local.h is private to src/expr"
#endif
#ifndef WR_EXPR_PROGRAM_LOCAL_H
#define WR_EXPR_PROGRAM_LOCAL_H

#include "expr/program_priv.h"

/* A register's head says how its room is used since the step that wrote it. */
typedef struct reg {
    wr_vector vector;     /* what readers see: FLAT or CONST over room, or DICT over `entries` */
    wr_vector entries;    /* results for a dictionary's entries, FLAT over room                */
    void     *room;
} reg;

/* What a conjunct cost and let through lately: sums that are halved now and then. */
typedef struct conjunct_stats {
    double ns, rows_in, rows_out;
} conjunct_stats;

struct wr_program_local {
    const wr_program *program;
    wr_bump          *heap;
    bool              is_nested;      /* the heap is not its own                */
    wr_bump_mark      heap_begin;     /* is_nested: of this run                 */
    reg              *registers;
    wr_vector        *constants;
    wr_vector_cell   *cells;          /* of the constants                       */
    wr_vector        *scratch;        /* flattened arguments                    */
    const wr_vector **args;
    void            **states;
    wr_selection     *selections;     /* stack; [0] are the rows asked for      */
    uint16_t        **selection_rows; /* room of each level                     */
    uint32_t          depth;          /* index of the top                       */
    uint32_t         *order;          /* in which conjuncts run                 */
    conjunct_stats   *stats;
    uint32_t          batch_count;    /* since the start                        */
    uint32_t          rows_try;       /* as many as are likely to fit the heap  */
    uint64_t          long_bytes;     /* of the value on disk that did not fit it; 0: none */
    const step       *failed;         /* the call that returned an error        */
    const wr_batch   *in;
    wr_eval           eval;
};

/** The value of an operand, in any encoding. */
const wr_vector *wr_program_operand(const wr_program_local *local, operand o);

/** As above, FLAT: flattened for the current selection if need be. */
const wr_vector *wr_program_operand_flat(wr_program_local *local, operand o);

/** Run steps [begin, end) on the selection that is the top of the stack.
 * Errors  those of functions; WR_NO_RESERVE the heap is full, local->failed says which call */
wr_status wr_program_steps(wr_program_local *local, uint32_t begin, uint32_t end,
                           wr_error *err) WR_MUST_USE;

#endif
