/* expr/program_priv.h — what a compiled program is: program_compile.c makes it, program.c runs it. */
#ifndef WR_BUILDING_EXPR
#error "program_priv.h is private to src/expr"
#endif
#ifndef WR_EXPR_PROGRAM_PRIV_H
#define WR_EXPR_PROGRAM_PRIV_H

#include "expr/expr_priv.h"
#include "expr/program.h"

typedef enum operand_kind { OPERAND_COLUMN, OPERAND_CONSTANT, OPERAND_REGISTER } operand_kind;

/* Where a value is: a column of the batch, a constant, a register. */
typedef struct operand {
    operand_kind kind;
    uint32_t     index;
} operand;

/* Steps run in order on the current selection: the top of a stack. */
typedef enum step_kind {
    STEP_CALL,        /* out = function(args)                                                     */
    STEP_LOGIC_COPY,  /* out = args[0]                                                            */
    STEP_LOGIC_MERGE, /* out = out AND/OR args[0]                                                 */
    STEP_LOGIC_ENTER, /* push the rows that out does not decide yet; none: jump                   */
    STEP_LOGIC_NARROW, /* narrow the top to the rows that out does not decide; none: jump         */
    STEP_CASE_ENTER,  /* out is empty; push the current rows: those that no branch has taken      */
    STEP_CASE_WHEN,   /* take the rows where args[0] is true off the top and push them; none: jump */
    STEP_CASE_THEN,   /* out = args[0] for the current rows; pop; no rows left: jump              */
    STEP_CASE_ELSE,   /* out = args[0] for the current rows                                       */
    STEP_POP,
} step_kind;

typedef struct step {
    step_kind          kind;
    bool               is_and;
    uint32_t           out;         /* register                                                 */
    uint32_t           jump;        /* index of a step                                          */
    uint32_t           arg_count;
    operand           *args;
    const wr_function *function;    /* STEP_CALL                                                */
    const wr_expr     *expr;
    uint32_t           state;       /* index into the states, or STATE_NONE                     */
    uint64_t           site;
} step;

enum { STATE_NONE = UINT32_MAX };

/* A function's state; one for every call that has one, however many steps run it. */
typedef struct call_state {
    const wr_expr     *expr;
    const wr_function *function;
    uint64_t           site;
} call_state;

/* A conjunct of a predicate: steps, then the rows where `value` is true go on. */
typedef struct conjunct {
    uint32_t step_begin, step_end;
    operand  value;
    uint32_t group; /* conjuncts of one group may change places: none can fail */
} conjunct;

struct wr_program {
    const step     *steps;
    uint32_t        value_step_count;  /* steps that compute the outputs; conjuncts have theirs after */
    uint32_t        step_count;
    const operand  *outputs;
    uint32_t        output_count;
    const conjunct *conjuncts;         /* empty unless the one output is a conjunction */
    uint32_t        conjunct_count;
    const wr_value *constants;
    uint32_t        constant_count;
    const uint8_t  *register_widths;   /* bytes of a value */
    uint32_t        register_count;
    const uint8_t  *scratch_widths;    /* of what an i-th argument may have to be flattened to */
    uint32_t        scratch_count;
    const call_state *states;
    uint32_t        state_count;
    uint32_t        arg_count_max;
    uint32_t        depth_max;         /* of the selection stack */
};

#endif
