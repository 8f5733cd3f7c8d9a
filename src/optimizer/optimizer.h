/* optimizer/optimizer.h — rewrites a logical plan into a better one with the same answer.
 *
 * Rules are functions plan -> plan, one file each (rule_*.c), run in the order of one table in
 * optimizer.c. No rule reads cap, threads or free memory: the plan hash is taken after them.
 * Threads: one. Cost: linear in the plan for each rule. */
#ifndef WR_OPTIMIZER_OPTIMIZER_H
#define WR_OPTIMIZER_OPTIMIZER_H

#include "plan/plan.h"

wr_status wr_plan_optimize(wr_plan *plan, wr_error *err) WR_MUST_USE;

#endif
