/* optimizer/rule_top_n.c — sort + limit becomes a sort that keeps only the rows asked for. */
#include "optimizer/optimizer_priv.h"

wr_status wr_rule_top_n(wr_plan *plan, wr_error *err)
{
    for (uint32_t n = 0; n < plan->node_count; n++) {
        wr_plan_node *limit = plan->nodes[n];
        wr_plan_node *sort = limit->kind == WR_PLAN_LIMIT ? limit->inputs[0] : NULL;

        if (!sort || sort->kind != WR_PLAN_SORT || wr_plan_reader_count(plan, sort) != 1 ||
            sort->sort.rows_max != UINT64_MAX || sort->sort.offset_rows != 0)
            continue;
        sort->sort.offset_rows = limit->limit.offset_rows;
        sort->sort.rows_max = limit->limit.rows_max;
        wr_plan_replace_input(plan, limit, sort);
    }
    return wr_plan_renumber(plan, err);
}
