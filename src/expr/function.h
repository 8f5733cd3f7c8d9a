/* expr/function.h — scalar functions: one descriptor each, all listed in tables that `registry.c`
 * gathers. Adding a function is one kernel and one line in its family's table.
 *
 * Evaluation contract: `eval` computes `out` (a FLAT vector with room for row_count rows) for the
 * selected rows of its arguments, writing results at row positions. Rows that are not selected must
 * not be read or written, nor cause errors. Strict functions (the default) are called with `out->valid`
 * already set to the AND of the arguments' validity and may compute garbage under nulls but must not fail there:
 * iterate `ctx->live` (the selected, non-null rows). String results go to ctx->heap; when it refuses,
 * return WR_NO_RESERVE without raising: the caller halves the batch and tries again. */
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
} wr_eval;

enum {
    WR_FN_NONSTRICT = 1 << 0,  /* called for null arguments too (coalesce, concat_ws, is null) */
    WR_FN_BLOBS     = 1 << 1,  /* reads blob handles itself; others get a typed error          */
    WR_FN_VOLATILE  = 1 << 2,  /* never folded, never shared                                   */
    WR_FN_STABLE    = 1 << 3,  /* fixed within a run (now), not folded at plan time            */
    WR_FN_VARIADIC  = 1 << 4,  /* the last parameter repeats                                   */
    WR_FN_MAY_NULL  = 1 << 5,  /* a non-null input may give NULL (nullif, try_..., json)       */
    WR_FN_ASCII_DICT = 1 << 6, /* pure: a DICT argument may be evaluated once per entry (default for
                                  unary pure functions; the program decides)                   */
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
    wr_eval_fn  eval;
    uint32_t    state_bytes;   /* per worker and call site                                      */
    /** Prepare the state from constant arguments (compile a pattern); NULL: nothing to prepare.
     *  Memory from `bump` (fixed size, counted by lease_min through `prepare_bytes`). */
    wr_status (*prepare)(wr_eval *eval, wr_bump *bump, wr_error *err);
    uint32_t    prepare_bytes; /* most that `prepare` takes from its bump                       */
};

/** A family: `registry.c` lists all of them. */
typedef struct wr_function_table {
    const char        *family; /* "string", "math", ... groups the reference page */
    const wr_function *functions;
    uint32_t           function_count;
} wr_function_table;

/** Iterate over everything (reference page, did-you-mean, tests). NULL past the end. */
const wr_function_table *wr_function_table_at(uint32_t index);

/** Helpers for kernels. */
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
