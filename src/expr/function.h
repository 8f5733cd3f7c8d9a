/* expr/function.h — scalar functions: one descriptor each, all listed in tables that `registry.c`
 * gathers. Adding a function is one kernel and one line in its family's table.
 *
 * Evaluation contract: `eval` computes `out` (a FLAT vector with room, type and row_count set) for the
 * selected rows of its arguments, writing results at row positions.
 *  1. Arguments are FLAT or CONST; other encodings are flattened, or evaluated once per dictionary
 *     entry, before. When all are CONST the function is called for one row and the result stands
 *     for all (not if it is volatile). args[i]->row_count means nothing: eval->row_count does.
 *  2. Rows that are not selected must not be read or written, nor cause errors (WR_FN_DENSE apart).
 *  3. Strict functions (the default) are called with `out->valid` already set to the AND of the
 *     arguments' validity (NULL: no nulls) and are not called for a constant NULL. They iterate
 *     eval->live (the selected, non-null rows); what they leave under nulls does not matter.
 *  4. Non-strict functions find out->valid NULL and call wr_eval_set_null where the result is null.
 *  5. String results go to eval->heap (wr_eval_store_text); when it refuses, return WR_NO_RESERVE
 *     without raising: the program evaluates fewer rows.
 *  6. Errors of a row: WR_DATA through wr_eval_fail, which notes the row. */
#ifndef WR_EXPR_FUNCTION_H
#define WR_EXPR_FUNCTION_H

#include "expr/expr.h"
#include "vector/vector.h"

typedef struct wr_eval {
    wr_bump      *heap;        /* results longer than 12 bytes; reset per batch by the program's owner  */
    wr_selection  selected;    /* rows asked for                                                        */
    wr_selection  live;        /* selected and every argument non-null (== selected for non-strict)     */
    uint32_t      row_count;   /* physical rows of the batch                                            */
    const wr_expr *expr;       /* the call: constant arguments, type, place                             */
    void         *state;       /* per worker, `state_bytes` of the function, zeroed at start            */
    int64_t       now_us;      /* start of the run: now(), current_date                                 */
    uint64_t      seed;        /* of this run for random functions                                      */
    uint64_t      position;    /* source position of row 0 of the batch: random functions hash it       */
    const uint64_t *positions; /* of every row, if they do not follow from that; else NULL              */
    uint64_t      site;        /* differs for every volatile call of a plan: random functions hash it   */
    uint32_t      error_row;   /* set by wr_eval_fail                                                   */
    uint16_t     *live_rows;   /* room for WR_BATCH_ROWS_MAX rows, for wr_eval_find_live                */
} wr_eval;

enum {
    WR_FN_NONSTRICT = 1 << 0,  /* called for null arguments too (coalesce, concat_ws, is null)      */
    WR_FN_BLOBS = 1 << 1,      /* reads blob handles itself; others get a typed error               */
    WR_FN_VOLATILE = 1 << 2,   /* never folded, never shared                                        */
    WR_FN_STABLE = 1 << 3,     /* fixed within a run (now), not folded at plan time                 */
    WR_FN_VARIADIC = 1 << 4,   /* the last parameter repeats                                        */
    WR_FN_MAY_NULL = 1 << 5,   /* a non-null input may give NULL (nullif, try_..., json)            */
    WR_FN_NEVER_NULL = 1 << 6, /* non-strict and never gives NULL (is null)                         */
    WR_FN_TOTAL = 1 << 7,      /* never fails, whatever the values: may run before other conditions */
    WR_FN_DENSE = 1 << 8,      /* harmless on any bits: may read and write all rows of the batch (loops
                                  that vectorise); `live` is not set: wr_eval_find_live             */
    WR_FN_CONST_TAIL = 1 << 9, /* arguments from the second on are constants, only in eval->expr    */
    WR_FN_BLOB_LIST = 1 << 10, /* reads the first argument itself where it is a blob handle of a list with
                                  elements of fixed width; other blobs are as without it          */
    WR_FN_BLOB_TEXT = 1 << 12, /* reads the first argument itself where it is a blob handle       */
    WR_FN_MATH = 1 << 11,      /* calls wr_math (os/libm.h): who binds it opens it                  */
};

typedef wr_status (*wr_eval_fn)(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                wr_vector *out, wr_error *err);

enum { WR_FN_ARGS_MAX = 8 };

struct wr_function {
    const char *name;          /* lower case; several descriptors may share it (overloads)      */
    const char *signature;     /* "(text, int) -> text": shown in messages and the reference    */
    const char *help;          /* one sentence                                                  */
    uint32_t    flags;
    uint32_t    param_count;
    wr_type     params[WR_FN_ARGS_MAX]; /* exact types; ignored when `resolve` is set           */
    wr_type     result;
    /** Polymorphic functions: may change `args_io` (the types arguments are cast to) and sets the
     *  result type; false: these types do not fit this descriptor. */
    bool (*resolve)(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                    wr_type *out_result);
    /** What is wrong with the constants of a call, told where it is written; NULL: nothing can be. */
    wr_status (*check)(const wr_expr *call, wr_error *err);
    wr_eval_fn  eval;
    uint32_t    state_bytes;   /* per worker and call site                                      */
    /** Prepare the state from constant arguments (compile a pattern); NULL: nothing to prepare.
     *  Memory from `bump` (counted by lease_min through `prepare_bytes`). Of `eval` only expr, state, now_us,
     *  seed and site are set. */
    wr_status (*prepare)(wr_eval *eval, wr_bump *bump, wr_error *err);
    uint32_t    prepare_bytes; /* most that `prepare` takes from its bump                       */
    /** As prepare_bytes where it depends on the constants of the call; NULL: prepare_bytes holds. */
    uint64_t  (*prepare_bytes_of)(const wr_expr *call);
};

/** A family: `registry.c` lists all of them. */
typedef struct wr_function_table {
    const char        *family; /* "string", "math", ... groups the reference page */
    const wr_function *functions;
    uint32_t           function_count;
} wr_function_table;

/** Iterate over everything (reference page, did-you-mean, tests). NULL past the end. */
const wr_function_table *wr_function_table_at(uint32_t index);

/** Is there any function, or a form that is called like one, of this name (any case)? */
bool wr_function_is_known(wr_text name);

/** Append what `name` may have meant to an error. */
void wr_function_suggest(wr_text name, wr_error *err);

enum { WR_ARG_TEXT_BYTES = 96 };

/** The value of an argument as text for messages: long texts are cut, text is quoted. */
const char *wr_arg_format(const wr_vector *arg, uint32_t row, char buffer[WR_ARG_TEXT_BYTES]);

/** Raise WR_DATA for `row`: the program tells its caller which row of the batch it was. */
wr_status wr_eval_fail(wr_eval *eval, uint32_t row, wr_error *err, const char *format, ...)
    WR_PRINTF(4, 5);

/** The selected rows that `out` does not hold null, for WR_FN_DENSE functions that need them after all. */
wr_selection wr_eval_find_live(wr_eval *eval, const wr_vector *out);

/** Rows for a WR_FN_DENSE loop: all of the batch, unless few are selected. */
static inline wr_selection wr_eval_dense_rows(const wr_eval *eval)
{
    if (eval->selected.rows && eval->selected.row_count < eval->row_count / 4)
        return eval->selected;
    return (wr_selection){NULL, eval->row_count};
}

/** Mark `row` of `out` as NULL. */
static inline void wr_eval_set_null(wr_vector *out, uint32_t row)
{
    if (!out->valid) {
        out->valid = wr_vector_valid_room(out);
        memset(out->valid, 0xff, WR_BATCH_ROWS_MAX / 8);
    }
    wr_bit_clear(out->valid, row);
}

/** Index of `row`'s value in an argument's data. */
static inline uint32_t wr_arg_index(const wr_vector *arg, uint32_t row)
{
    return arg->encoding == WR_CONST ? 0 : row;
}

/** A constant argument's value at plan time, or NULL if argument `index` is no constant. */
static inline const wr_value *wr_call_constant(const wr_expr *call, uint32_t index)
{
    return index < call->arg_count && call->args[index]->kind == WR_EXPR_CONST
               ? &call->args[index]->value
               : NULL;
}

static inline wr_status wr_eval_store_text(wr_eval *eval, wr_vector *out, uint32_t row,
                                           const char *bytes, size_t byte_count)
{
    wr_str *cell = (wr_str *)out->data + row;

    if (byte_count > WR_STR_INLINE_BYTES) {
        char *copy = wr_bump_try_alloc(eval->heap, byte_count);
        if (!copy)
            return WR_NO_RESERVE;
        memcpy(copy, bytes, byte_count);
        bytes = copy;
    }
    *cell = wr_str_of(bytes, byte_count);
    return WR_OK;
}

#endif
