/* bind/bind.h — syntax trees to typed expressions over a schema. Used by YAML steps and by SQL.
 *
 * Names: columns exactly, else uniquely regardless of case. Literals: integers are Int32, Int64 or
 * Decimal by size; numbers with a point are exact decimals; text literals take the type of the
 * other side. Operators become calls of the fixed internal names in expr/operators.h.
 * Errors   WR_INVALID with "line:column" inside the text, the line and a caret; unknown names get
 *          a did-you-mean and the list of columns.
 * Threads: safe. Recursion is bounded by WR_PARSE_DEPTH_MAX. */
#ifndef WR_BIND_BIND_H
#define WR_BIND_BIND_H

#include "parse/parser.h"
#include "plan/plan.h"

/** What names mean. Two inputs only in a join's residual: left columns, then right columns.
 *  A qualifier ("left.x", "right.x", or a step's id) chooses the side. */
typedef struct wr_scope {
    const wr_schema *left, *right;   /* right may be NULL */
    wr_text          left_name, right_name;
    const char      *where;          /* "filter", "sort": for messages */
    wr_text          text;           /* the whole source text, for excerpts */
} wr_scope;

wr_status wr_bind_expr(const wr_scope *scope, const wr_ast *ast, wr_bump *bump, wr_expr **out_expr,
                       wr_error *err) WR_MUST_USE;

/** As wr_bind_expr and cast to BOOL where the type is NULL; other types are an error. */
wr_status wr_bind_predicate(const wr_scope *scope, const wr_ast *ast, wr_bump *bump,
                            wr_expr **out_expr, wr_error *err) WR_MUST_USE;

/** One aggregate call: `sum(x) FILTER (WHERE y)`, `count(DISTINCT x)`, `arg_min(x, y)`.
 *  Aggregates inside larger expressions ("sum(a) / count(*)"): wr_bind_aggregate_expr. */
wr_status wr_bind_aggregate(const wr_scope *scope, const wr_ast *ast, wr_bump *bump,
                            wr_plan_agg *out_agg, wr_error *err) WR_MUST_USE;

/** An expression over aggregates: every aggregate call found is appended to `aggs` (equal ones share
 *  an entry) and replaced by a column reference key_count + index. */
wr_status wr_bind_aggregate_expr(const wr_scope *scope, const wr_ast *ast, uint32_t key_count,
                                 wr_plan_agg *aggs, uint32_t aggs_max, uint32_t *io_agg_count,
                                 wr_bump *bump, wr_expr **out_expr, wr_error *err) WR_MUST_USE;

/** Split a join condition into pairwise equal keys and a residual. `on` may be a list of column
 *  names (USING), "a = b" pairs or any condition. */
wr_status wr_bind_join(const wr_scope *scope, const wr_ast *condition, wr_bump *bump,
                       wr_expr ***out_left_keys, wr_expr ***out_right_keys,
                       uint32_t *out_key_count, wr_expr **out_residual, wr_error *err) WR_MUST_USE;

#endif
