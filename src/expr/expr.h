/* expr/expr.h — bound, typed expressions: what the binder makes and programs are compiled from.
 *
 * A tree in a bump (plan pool), immutable once built, shared freely. Columns are indexes into the
 * input schema. Every function is resolved: argument types match exactly (casts are nodes).
 * Depth is bounded by the parser (WR_PARSE_DEPTH_MAX plus casts). Threads: read-only, safe. */
#ifndef WR_EXPR_EXPR_H
#define WR_EXPR_EXPR_H

#include "mem/bump.h"
#include "types/type.h"
#include "types/value.h"

typedef struct wr_function wr_function; /* expr/function.h */

typedef enum wr_expr_kind {
    WR_EXPR_CONST,  /* value                                                            */
    WR_EXPR_COLUMN, /* column                                                           */
    WR_EXPR_CALL,   /* function, args                                                   */
    WR_EXPR_AND,    /* args (2 or more), three-valued, short-circuit by selection       */
    WR_EXPR_OR,
    WR_EXPR_CASE,   /* args: when, then, when, then ..., else (always present)          */
    WR_EXPR_CAST,   /* args[0] to `type`; try_: NULL instead of an error                */
} wr_expr_kind;

typedef struct wr_expr    wr_expr;
typedef struct wr_program wr_program; /* expr/program.h */

/** x -> x + y: `body` is an expression over columns of its own: the parameters, then what it takes from
 *  outside, which are the last arguments of the call that the lambda belongs to. */
typedef struct wr_lambda {
    wr_expr          *body;
    const wr_program *program;       /* of the body                            */
    const wr_text    *names;         /* of the parameters                      */
    const wr_type    *types;         /* of all columns                         */
    uint32_t          parameter_count, column_count;
} wr_lambda;

struct wr_expr {
    wr_expr_kind       kind;
    wr_type            type;
    bool               nullable;
    bool               try_;
    uint32_t           column;
    wr_value           value;
    const wr_function *function;
    const wr_lambda   *lambda; /* CALL of list_transform and its kin */
    uint32_t           arg_count;
    wr_expr          **args;
    uint32_t           line, column_number; /* place in its source text, for messages; 0 unknown */
    uint64_t           site;   /* CALL of a volatile function: what it draws depends on it; 0: not set */
};

/** Builders. Text is copied into `bump`. NULL when the plan pool is spent (raised). */
wr_expr *wr_expr_const(wr_bump *bump, const wr_value *value, wr_error *err);
wr_expr *wr_expr_column(wr_bump *bump, uint32_t column, wr_type type, bool nullable, wr_error *err);

/** Cast `arg` to `type`; returns `arg` itself if it has that type, folds constants when exact. */
wr_status wr_expr_cast(wr_bump *bump, wr_expr *arg, wr_type type, bool try_, wr_expr **out_expr,
                       wr_error *err) WR_MUST_USE;

/** Resolve `name` over the argument types, insert the implicit casts, set the type.
 * Errors   WR_INVALID  unknown function (did-you-mean), no variant for these types (lists the
 *          variants), wrong argument count */
wr_status wr_expr_call(wr_bump *bump, wr_text name, wr_expr **args, uint32_t arg_count,
                       wr_expr **out_expr, wr_error *err) WR_MUST_USE;

/** A call that runs a lambda over lists: `name` is "list_transform", "list_filter" or "list_reduce"; args:
 *  the list, for list_reduce what it begins with if that is given, then what the lambda takes from
 *  outside. The body's type is that of the new elements, BOOL, or of the result.
 * Errors   WR_UNSUPPORTED  the body draws random values; WR_NO_MEMORY */
wr_status wr_expr_lambda(wr_bump *bump, const char *name, wr_expr **args, uint32_t arg_count,
                         const wr_lambda *lambda, wr_expr **out_expr, wr_error *err) WR_MUST_USE;

wr_status wr_expr_logic(wr_bump *bump, wr_expr_kind and_or, wr_expr **args, uint32_t arg_count,
                        wr_expr **out_expr, wr_error *err) WR_MUST_USE;
/** `value` where the condition is true, else NULL; without a condition `value` itself. */
wr_status wr_expr_when(wr_bump *bump, wr_expr *condition, wr_expr *value, wr_expr **out_expr,
                       wr_error *err) WR_MUST_USE;
wr_status wr_expr_case(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                       wr_error *err) WR_MUST_USE;

/** What to sort by instead of `expr`: itself, or for a nested value Binary whose order is the values'. */
wr_status wr_expr_order_key(wr_bump *bump, wr_expr *expr, wr_expr **out_expr,
                            wr_error *err) WR_MUST_USE;

/** What to group or join by instead of `expr`: itself, or for a nested value the one of its equals that
 *  is written in the usual way, so that they have the same bytes. */
wr_status wr_expr_equal_key(wr_bump *bump, wr_expr *expr, wr_expr **out_expr,
                            wr_error *err) WR_MUST_USE;

/** Smallest type both sides convert to without loss of meaning (PostgreSQL's resolution for
 *  UNION/CASE/comparison); false if there is none (text against number, say). A NULL literal takes
 *  the other side's type; text literals are read as the other side's type by the binder. */
bool wr_type_common(wr_type a, wr_type b, wr_type *out_type);

/** May `from` be converted to `to` without asking (int to wider int, int to decimal or float ...)? */
bool wr_type_implicit(wr_type from, wr_type to);
/** Is there a CAST from `from` to `to` at all? */
bool wr_type_castable(wr_type from, wr_type to);

/** Evaluate constant subtrees once. An error inside (1/0) leaves the subtree as it is: it is raised
 *  when and if a row reaches it. */
wr_status wr_expr_fold(wr_expr *expr, wr_bump *bump, wr_expr **out_expr, wr_error *err) WR_MUST_USE;

/** Mark every column the tree reads in a bit map of the input schema. */
void wr_expr_columns(const wr_expr *expr, uint64_t *column_bits);

/** Over the columns of two inputs, of which the left one has `left_count`: which are read? */
typedef enum wr_sides {
    WR_SIDES_NONE = 0,
    WR_SIDES_LEFT = 1,
    WR_SIDES_RIGHT = 2,
    WR_SIDES_BOTH = WR_SIDES_LEFT | WR_SIDES_RIGHT,
} wr_sides;
wr_sides wr_expr_sides(const wr_expr *expr, uint32_t left_count);

/** Copy with column indexes mapped: new = map[old]; or shifted: new = old + by. */
wr_expr *wr_expr_remap(const wr_expr *expr, const uint32_t *map, wr_bump *bump, wr_error *err);
wr_expr *wr_expr_shift(const wr_expr *expr, int64_t by, wr_bump *bump, wr_error *err);

/** Structural equality (same columns, constants, functions). */
bool wr_expr_equal(const wr_expr *a, const wr_expr *b);

/** True if two evaluations give the same result (no random(), now() is fixed per run). */
bool wr_expr_is_repeatable(const wr_expr *expr);

/** Can evaluating it for some row be an error? */
bool wr_expr_can_fail(const wr_expr *expr);

/** SQL text with column names from `schema`, for EXPLAIN and the plan hash. */
const char *wr_expr_format(const wr_expr *expr, const wr_schema *schema, wr_bump *bump,
                           wr_error *err);

#endif
