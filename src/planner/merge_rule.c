/* planner/merge_rule.c — which joins are merge joins?
 *
 * A join whose inputs both are sorts, read by nobody else, that begin with the keys of the join: key
 * i of one sort paired by the join with key i of the other, plain columns in the same direction and
 * with NULL in the same place. Then the join reads the sorted rows of both as they come, nothing is
 * hashed or kept a second time, and its rows come out in the order of the keys.
 * Not a single join: only the hash join looks out for second matches.
 * Not if something above tells rows by their source order (a sort's ties, a limit, first()): rows of
 * one key have none. The rule looks at the plan alone, so the choice never depends on memory. */
#include "planner/planner_priv.h"

static bool is_column(const wr_expr *expr, const wr_expr *other)
{
    return expr->kind == WR_EXPR_COLUMN && other->kind == WR_EXPR_COLUMN &&
           expr->column == other->column;
}

/* Does the join pair these two? */
static bool pairs(const wr_plan_node *join, const wr_expr *left, const wr_expr *right)
{
    for (uint32_t k = 0; k < join->join.key_count; k++)
        if (is_column(left, join->join.left_keys[k]) && is_column(right, join->join.right_keys[k]))
            return true;
    return false;
}

/* Is there a sort key before the n-th with the same column? */
static bool is_repeated(const wr_plan_node *sort, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (is_column(sort->sort.keys[i].expr, sort->sort.keys[n].expr))
            return true;
    return false;
}

static bool keys_agree(const wr_plan_node *join)
{
    const wr_plan_node *left = join->inputs[0], *right = join->inputs[1];
    uint32_t            count = join->join.key_count;

    if (count == 0 || count > left->sort.key_count || count > right->sort.key_count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const wr_plan_key *l = &left->sort.keys[i], *r = &right->sort.keys[i];

        if (l->descending != r->descending || l->nulls_first != r->nulls_first ||
            !pairs(join, l->expr, r->expr) || is_repeated(left, i) || is_repeated(right, i))
            return false;
    }
    return true;
}

static bool is_own_sort(const wr_builder *b, const wr_plan_node *node)
{
    return node->kind == WR_PLAN_SORT && b->reader_counts[node->number] == 1 &&
           !b->spooled[node->number];
}

void wr_merge_rule_mark(wr_builder *b)
{
    for (uint32_t n = 0; n < b->plan->node_count; n++) {
        wr_plan_node *join = b->plan->nodes[n];

        if (join->kind != WR_PLAN_JOIN)
            continue;
        if (join->join.range_count > 0) {
            b->merged[n] = true; /* an asof or range join sorts by itself */
            continue;
        }
        join->join.is_merge = !join->join.is_single && !b->needs_position[n] &&
                              is_own_sort(b, join->inputs[0]) &&
                              is_own_sort(b, join->inputs[1]) && keys_agree(join);
        if (!join->join.is_merge)
            continue;
        b->merged[n] = true;
        b->merged[join->inputs[0]->number] = b->merged[join->inputs[1]->number] = true;
    }
}
