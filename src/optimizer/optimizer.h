/* optimizer/optimizer.h — rewrites a logical plan into a better one with the same answer.
 *
 * Rules are functions plan -> plan, one file each (rule_*.c), run in the order of one table in
 * optimizer.c. No rule reads cap, threads or free memory: the plan hash is taken after them.
 * Threads: one. Cost: linear in the plan for each rule. */
#ifndef WR_OPTIMIZER_OPTIMIZER_H
#define WR_OPTIMIZER_OPTIMIZER_H

#include "plan/plan.h"

typedef struct wr_rule {
    const char *name;
    const char *help; /* one line, for EXPLAIN and the docs */
    wr_status (*apply)(wr_plan *plan, wr_error *err);
} wr_rule;

wr_status wr_plan_optimize(wr_plan *plan, wr_error *err) WR_MUST_USE;

/** Rule `index`, NULL past the end. */
const wr_rule *wr_rule_at(uint32_t index);

#endif
