/* optimizer/rule_fold.c — constant subtrees of every expression are evaluated once.
 *
 * An error inside a constant (1/0) leaves it as it is: it is raised when a row reaches it. */
#include "optimizer/optimizer_priv.h"

static wr_status fold_all(wr_plan *plan, wr_expr **exprs, uint32_t count, wr_error *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (exprs[i])
            WR_TRY(wr_expr_fold(exprs[i], plan->bump, &exprs[i], err));
    return WR_OK;
}

wr_status wr_rule_fold(wr_plan *plan, wr_error *err)
{
    for (uint32_t n = 0; n < plan->node_count; n++) {
        wr_plan_node *node = plan->nodes[n];

        switch (node->kind) {
        case WR_PLAN_FILTER:
            WR_TRY(fold_all(plan, &node->filter.predicate, 1, err));
            break;
        case WR_PLAN_PROJECT:
            WR_TRY(fold_all(plan, node->project.exprs, node->project.expr_count, err));
            break;
        case WR_PLAN_GENERATE:
            WR_TRY(fold_all(plan, node->generate.exprs, node->generate.expr_count, err));
            break;
        case WR_PLAN_SORT:
            for (uint32_t k = 0; k < node->sort.key_count; k++)
                WR_TRY(fold_all(plan, &node->sort.keys[k].expr, 1, err));
            break;
        case WR_PLAN_AGGREGATE:
            WR_TRY(fold_all(plan, node->aggregate.keys, node->aggregate.key_count, err));
            for (uint32_t i = 0; i < node->aggregate.agg_count; i++) {
                WR_TRY(fold_all(plan, &node->aggregate.aggs[i].argument, 1, err));
                WR_TRY(fold_all(plan, &node->aggregate.aggs[i].filter, 1, err));
            }
            break;
        case WR_PLAN_JOIN:
            WR_TRY(fold_all(plan, &node->join.residual, 1, err));
            break;
        default:
            break;
        }
    }
    return WR_OK;
}
