/* bind/bind.h — syntax trees to typed expressions over a schema. Used by YAML steps and by SQL.
 *
 * Names: columns exactly, else uniquely regardless of case. Literals: integers are Int32, Int64 or
 * Decimal by size; numbers with a point are exact decimals, with an exponent Float64; text literals
 * take the type of the other side. Operators become calls of the fixed internal names in
 * expr/operators.h. Constant parts are computed once, here.
 * Errors   WR_INVALID (or what expr raises) with the place of the part at fault, the line and a
 *          caret; unknown names get a did-you-mean and the list of columns. WR_NO_MEMORY the plan
 *          pool is spent.
 * Threads: safe. Recursion is bounded by WR_PARSE_DEPTH_MAX. Cost: linear in the tree. */
#ifndef WR_BIND_BIND_H
#define WR_BIND_BIND_H

#include "parse/parser.h"
#include "plan/plan.h"

/** What names mean. Two inputs only in a join's condition: left columns, then right columns.
 *  A qualifier ("left.x", "right.x", or the name of an input) chooses the side. */
typedef struct wr_scope {
    const wr_schema *left, *right;   /* right may be NULL */
    wr_text          left_name, right_name;
    const char      *where;          /* "filter", "sort": for messages */
    uint64_t        *site_count;     /* of the plan's calls of random() and its kin: each draws for itself,
                                        whatever becomes of other steps. NULL: by place in its program */
    wr_source        source;         /* where the expression stands; its text is what was parsed */

    /** Given: a "double-quoted" name that is compared with a column and is near to no column's name
     *  is read as text, as EM-root does, and reported here. NULL: it is an unknown column. */
    void (*warn)(void *self, const char *message);
    void *warn_self;
} wr_scope;

wr_status wr_bind_expr(const wr_scope *scope, const wr_ast *ast, wr_bump *bump, wr_expr **out_expr,
                       wr_error *err) WR_MUST_USE;

/** As wr_bind_expr and cast to BOOL where the type is NULL; other types are an error. */
wr_status wr_bind_predicate(const wr_scope *scope, const wr_ast *ast, wr_bump *bump,
                            wr_expr **out_expr, wr_error *err) WR_MUST_USE;

/** True if the tree is one aggregate call and nothing around it. */
bool wr_bind_is_aggregate(const wr_ast *ast);

/** One aggregate call: `sum(x) FILTER (WHERE y)`, `count(DISTINCT x)`, `arg_min(x, y)`.
 *  Aggregates inside larger expressions ("sum(a) / count(*)"): wr_bind_aggregate_expr. */
wr_status wr_bind_aggregate(const wr_scope *scope, const wr_ast *ast, wr_bump *bump,
                            wr_plan_agg *out_agg, wr_error *err) WR_MUST_USE;

/** The aggregates of one step while its expressions are bound. Doubles in the bump. */
typedef struct wr_agg_list {
    wr_plan_agg *aggs;
    uint32_t     count, capacity;
    bool         has_sets; /* there are grouping sets: the row's set comes behind the keys */
} wr_agg_list;

/** An expression over aggregates and group keys, as an expression over the aggregate's output (keys,
 *  the row's set if there are grouping sets, aggregates). Every aggregate call found is appended to
 *  `io_aggs` (equal ones share an entry) and becomes the column of that index behind the keys; what
 *  equals a key becomes that key's column, grouping(a, b) a number of bits, 1 for an absent key.
 * Errors   also a column that is neither a key nor inside an aggregate */
wr_status wr_bind_aggregate_expr(const wr_scope *scope, const wr_ast *ast, wr_expr *const *keys,
                                 uint32_t key_count, wr_agg_list *io_aggs, wr_bump *bump,
                                 wr_expr **out_expr, wr_error *err) WR_MUST_USE;

/** Partitions and order of window functions. */
typedef struct wr_window_spec {
    wr_expr    **partitions;
    wr_plan_key *order;
    uint32_t     partition_count, order_count;
} wr_window_spec;

/** The window functions of one step while its expressions are bound. `specs` begins with room for 8
 *  and the step's own, which functions without OVER take. */
typedef struct wr_window_list {
    wr_window_spec   *specs;
    wr_plan_function *functions;
    uint32_t         *function_specs; /* of each function */
    uint32_t          spec_count, count;
} wr_window_list;

/** An expression over the input and window functions, as an expression over the input's columns, then
 *  the functions in `io_windows`, to which the calls found are appended. */
wr_status wr_bind_window_expr(const wr_scope *scope, const wr_ast *ast, wr_window_list *io_windows,
                              wr_bump *bump, wr_expr **out_expr, wr_error *err) WR_MUST_USE;

/** Split a join condition into pairwise equal keys, each over its own input, and a residual over
 *  both (NULL: none). A bare column name stands for equality of that column in both inputs (USING);
 *  in `a = b`, where `a` is a column of the left and `b` of the right input, sides need no qualifier. */
wr_status wr_bind_join(const wr_scope *scope, const wr_ast *condition, wr_bump *bump,
                       wr_expr ***out_left_keys, wr_expr ***out_right_keys,
                       uint32_t *out_key_count, wr_expr **out_residual, wr_error *err) WR_MUST_USE;

/** What an asof join matches by: `left op right` with <, <=, > or >=, sides as in wr_bind_join, in
 *  either order. */
wr_status wr_bind_match(const wr_scope *scope, const wr_ast *ast, wr_bump *bump,
                        wr_plan_range *out_range, wr_error *err) WR_MUST_USE;
/** The condition, over both inputs, that the sides of `range` are no more than a constant apart. */
wr_status wr_bind_tolerance(const wr_scope *scope, const wr_ast *ast, const wr_plan_range *range,
                            wr_bump *bump, wr_expr **out_condition, wr_error *err) WR_MUST_USE;

#endif
