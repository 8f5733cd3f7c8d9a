/* expr/regex_priv.h — the program that regex.c compiles and regex_run.c runs. */
#ifndef WR_EXPR_REGEX_PRIV_H
#define WR_EXPR_REGEX_PRIV_H

#ifndef WR_BUILDING_EXPR
#error "private to src/expr"
#endif

#include "expr/regex.h"

typedef enum regex_op {
    REGEX_CHAR,   /* x: the code point, in lower case with nocase       */
    REGEX_ANY,
    REGEX_CLASS,  /* x: first range, y: their number                    */
    REGEX_SPLIT,  /* x is preferred to y                                */
    REGEX_JUMP,   /* to x                                               */
    REGEX_SAVE,   /* the place into slot x                              */
    REGEX_BEGIN, REGEX_END, REGEX_WORD_EDGE, REGEX_NO_WORD_EDGE,
    REGEX_MATCH,
} regex_op;

typedef struct regex_code {
    uint8_t  op;
    bool     negated, nocase;
    uint32_t x, y;
} regex_code;

typedef struct regex_range {
    uint32_t low, high;
} regex_range;

/* Threads of one place of the text, in order of preference; each program place at most once. */
typedef struct regex_threads {
    uint32_t *dense, *sparse;
    uint32_t  count;
    int64_t  *slots; /* slot_count for each entry of dense */
} regex_threads;

struct wr_regex {
    regex_code   *code;
    regex_range  *ranges;
    uint32_t      code_count, range_count, group_count, slot_count;
    int32_t       first_byte; /* every match begins with it; -1: unknown */
    regex_threads now, next;
    uint32_t     *stack;      /* program places still to be followed; or slot to restore ... */
    int64_t      *stack_slot; /* ... and what was in it                                       */
};

#endif
