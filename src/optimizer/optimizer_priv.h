/* optimizer/optimizer_priv.h — the rules, and graph surgery that several of them need. */
#ifndef WR_OPTIMIZER_OPTIMIZER_PRIV_H
#define WR_OPTIMIZER_OPTIMIZER_PRIV_H

#ifndef WR_BUILDING_OPTIMIZER
#error "private to src/optimizer"
#endif

#include "optimizer/optimizer.h"

wr_status wr_rule_fold(wr_plan *plan, wr_error *err);
wr_status wr_rule_distinct(wr_plan *plan, wr_error *err);
wr_status wr_rule_partitions(wr_plan *plan, wr_error *err);
wr_status wr_rule_push_filter(wr_plan *plan, wr_error *err);
wr_status wr_rule_ranges(wr_plan *plan, wr_error *err);
wr_status wr_rule_share_sort(wr_plan *plan, wr_error *err);
wr_status wr_rule_top_n(wr_plan *plan, wr_error *err);
wr_status wr_rule_window_aggs(wr_plan *plan, wr_error *err);
wr_status wr_rule_window_top(wr_plan *plan, wr_error *err);
wr_status wr_rule_prune(wr_plan *plan, wr_error *err);

/** How many inputs refer to `node`. */
uint32_t wr_plan_reader_count(const wr_plan *plan, const wr_plan_node *node);

/** Every reader of `old_input` reads `new_input` instead (but `new_input` itself may read the old). */
void wr_plan_replace_input(wr_plan *plan, wr_plan_node *old_input, wr_plan_node *new_input);

/** Names c0, c1 ... for columns that nobody sees. */
wr_status wr_plan_names(wr_plan *plan, uint32_t count, wr_text **out_names, wr_error *err);

/** Columns 0 .. count-1 of `node` as expressions. */
wr_status wr_plan_columns(wr_plan *plan, const wr_plan_node *node, uint32_t count,
                          wr_expr **out_exprs, wr_error *err);

/** Copy of `expr` with every column replaced by exprs[column]; NULL (raised) when the pool is spent. */
wr_expr *wr_expr_substitute(const wr_expr *expr, wr_expr *const *exprs, wr_bump *bump, wr_error *err);

/** Ordered conditions that a comparison of a difference with a constant implies; 0: it is none. */
wr_status wr_difference_ranges(wr_bump *bump, const wr_expr *expr, wr_expr *out_exprs[2],
                               uint32_t *out_count, wr_error *err);

/** Drop nodes that no sink reaches and put inputs before readers again. */
wr_status wr_plan_renumber(wr_plan *plan, wr_error *err);

#endif
