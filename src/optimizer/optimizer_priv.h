/* optimizer/optimizer_priv.h — the rules, and graph surgery that several of them need. */
#ifndef WR_OPTIMIZER_OPTIMIZER_PRIV_H
#define WR_OPTIMIZER_OPTIMIZER_PRIV_H

#ifndef WR_BUILDING_OPTIMIZER
#error "private to src/optimizer"
#endif

#include "optimizer/optimizer.h"

wr_status wr_rule_fold(wr_plan *plan, wr_error *err);
wr_status wr_rule_distinct(wr_plan *plan, wr_error *err);
wr_status wr_rule_push_filter(wr_plan *plan, wr_error *err);
wr_status wr_rule_ranges(wr_plan *plan, wr_error *err);
wr_status wr_rule_share_sort(wr_plan *plan, wr_error *err);
wr_status wr_rule_top_n(wr_plan *plan, wr_error *err);
wr_status wr_rule_window_top(wr_plan *plan, wr_error *err);
wr_status wr_rule_prune(wr_plan *plan, wr_error *err);

/** How many inputs refer to `node`. */
uint32_t wr_plan_reader_count(const wr_plan *plan, const wr_plan_node *node);

/** Every reader of `old_input` reads `new_input` instead (but `new_input` itself may read the old). */
void wr_plan_replace_input(wr_plan *plan, wr_plan_node *old_input, wr_plan_node *new_input);

/** Drop nodes that no sink reaches and put inputs before readers again. */
wr_status wr_plan_renumber(wr_plan *plan, wr_error *err);

#endif
