/* optimizer/rule_ranges.c — which joins are range joins?
 *
 * Of the conjuncts of a join's condition that are no keys, those that compare an expression over the left
 * input with one over the right by <, <=, > or >= are ordered conditions. One is enough where there are
 * no keys: the alternative is to look at all pairs. With keys a hash join looks only at pairs with equal
 * keys, of which one comparison leaves half on average, so it takes two to be worth sorting for. Two that
 * share a side and bound it from both ends (a band) are preferred: what meets them lies together.
 * A compared difference implies ordered conditions (difference.c); it stays residual, as does what is not
 * taken. */
#include "expr/operators.h"
#include "expr/function.h"
#include "optimizer/optimizer_priv.h"

enum { RANGES_MAX = 2, IMPLIED_MAX = 2, NONE = UINT32_MAX };

/* An ordered condition: conjunct `item`, or implied by one (NONE). */
typedef struct candidate {
    wr_plan_range range;
    uint32_t      item;
} candidate;

/* The conjuncts of one join. */
typedef struct conjuncts {
    wr_plan      *plan;
    wr_plan_node *join;
    wr_expr     **items;
    uint32_t      count;
    candidate    *candidates;
    uint32_t      candidate_count;
} conjuncts;

static uint32_t count_conjuncts(const wr_expr *expr)
{
    uint32_t count = 0;

    if (expr->kind != WR_EXPR_AND)
        return 1;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        count += count_conjuncts(expr->args[i]);
    return count;
}

static void list_conjuncts(conjuncts *c, wr_expr *expr)
{
    if (expr->kind != WR_EXPR_AND) {
        c->items[c->count++] = expr;
        return;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        list_conjuncts(c, expr->args[i]);
}

static bool find_op(const wr_expr *expr, bool turned, wr_range_op *out_op)
{
    static const struct {
        const char *name;
        wr_range_op straight, turned;
    } OPS[] = {{WR_OPERATOR_LT, WR_RANGE_LT, WR_RANGE_GT}, {WR_OPERATOR_LE, WR_RANGE_LE, WR_RANGE_GE},
               {WR_OPERATOR_GT, WR_RANGE_GT, WR_RANGE_LT}, {WR_OPERATOR_GE, WR_RANGE_GE, WR_RANGE_LE}};

    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++)
        if (strcmp(expr->function->name, OPS[i].name) == 0) {
            *out_op = turned ? OPS[i].turned : OPS[i].straight;
            return true;
        }
    return false;
}

static bool has_order(wr_type type)
{
    return type.logical != WR_TYPE_LIST && type.logical != WR_TYPE_STRUCT &&
           type.logical != WR_TYPE_MAP && type.logical != WR_TYPE_NULL_;
}

/* The conjunct as an ordered condition, its sides still over both inputs; left NULL: it is none. */
static void find_range(const conjuncts *c, const wr_expr *expr, wr_plan_range *out_range)
{
    uint32_t left_count = c->join->inputs[0]->schema.field_count;
    wr_sides first, second;
    bool     turned;

    *out_range = (wr_plan_range){0};
    if (expr->kind != WR_EXPR_CALL || expr->arg_count != 2 || !wr_expr_is_repeatable(expr) ||
        !find_op(expr, false, &out_range->op) || !has_order(expr->args[0]->type) ||
        !wr_type_equal(expr->args[0]->type, expr->args[1]->type))
        return;
    first = wr_expr_sides(expr->args[0], left_count);
    second = wr_expr_sides(expr->args[1], left_count);
    if (first + second != WR_SIDES_BOTH || first == WR_SIDES_NONE || second == WR_SIDES_NONE)
        return;
    turned = first == WR_SIDES_RIGHT;
    find_op(expr, turned, &out_range->op);
    out_range->left = expr->args[turned];
    out_range->right = expr->args[!turned];
}

static bool is_less(const wr_plan_range *range)
{
    return range->op == WR_RANGE_LT || range->op == WR_RANGE_LE;
}

static bool is_band(const wr_plan_range *a, const wr_plan_range *b)
{
    return is_less(a) != is_less(b) &&
           (wr_expr_equal(a->left, b->left) || wr_expr_equal(a->right, b->right));
}

/* Take candidates for ranges: a band, or the first two there are. Returns how many. */
static uint32_t choose(const conjuncts *c, const candidate *out_taken[RANGES_MAX])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->candidate_count; i++)
        for (uint32_t k = i + 1; k < c->candidate_count; k++)
            if (is_band(&c->candidates[i].range, &c->candidates[k].range)) {
                out_taken[0] = &c->candidates[i];
                out_taken[1] = &c->candidates[k];
                return 2;
            }
    for (; count < RANGES_MAX && count < c->candidate_count; count++)
        out_taken[count] = &c->candidates[count];
    return count;
}

/* Conjuncts that are not taken stay residual. */
static wr_status set_ranges(conjuncts *c, const candidate *const *taken, uint32_t taken_count,
                            wr_error *err)
{
    wr_plan_node  *join = c->join;
    wr_plan_range *ranges = WR_BUMP_NEW_ARRAY(c->plan->bump, wr_plan_range, taken_count, err);
    uint32_t       left_count = join->inputs[0]->schema.field_count, kept = 0;

    if (!ranges)
        return WR_NO_MEMORY;
    for (uint32_t r = 0; r < taken_count; r++) {
        ranges[r] = taken[r]->range;
        ranges[r].right = wr_expr_shift(ranges[r].right, -(int64_t)left_count, c->plan->bump, err);
        if (!ranges[r].right)
            return WR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < c->count; i++)
        if (i != taken[0]->item && (taken_count == 1 || i != taken[1]->item))
            c->items[kept++] = c->items[i];
    join->join.ranges = ranges;
    join->join.range_count = taken_count;
    join->join.residual = kept ? c->items[0] : NULL;
    return kept < 2 ? WR_OK : wr_expr_logic(c->plan->bump, WR_EXPR_AND, c->items, kept,
                                            &join->join.residual, err);
}

static void add_candidate(conjuncts *c, const wr_expr *expr, uint32_t item)
{
    candidate *next = &c->candidates[c->candidate_count];

    find_range(c, expr, &next->range);
    next->item = item;
    c->candidate_count += next->range.left != NULL;
}

static wr_status find_candidates(conjuncts *c, wr_error *err)
{
    wr_expr *implied[IMPLIED_MAX];
    uint32_t count;

    for (uint32_t i = 0; i < c->count; i++) {
        add_candidate(c, c->items[i], i);
        WR_TRY(wr_difference_ranges(c->plan->bump, c->items[i], implied, &count, err));
        for (uint32_t k = 0; k < count; k++)
            add_candidate(c, implied[k], NONE);
    }
    return WR_OK;
}

static wr_status split(wr_plan *plan, wr_plan_node *join, wr_error *err)
{
    uint32_t  room = count_conjuncts(join->join.residual), taken_count;
    conjuncts c = {.plan = plan, .join = join,
                   .items = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, room, err),
                   .candidates = WR_BUMP_NEW_ARRAY(plan->bump, candidate,
                                                   room * (1 + IMPLIED_MAX), err)};
    const candidate *taken[RANGES_MAX];

    if (!c.items || !c.candidates)
        return WR_NO_MEMORY;
    list_conjuncts(&c, join->join.residual);
    WR_TRY(find_candidates(&c, err));
    taken_count = choose(&c, taken);
    if (taken_count < (join->join.key_count ? 2u : 1u))
        return WR_OK;
    return set_ranges(&c, taken, taken_count, err);
}

wr_status wr_rule_ranges(wr_plan *plan, wr_error *err)
{
    for (uint32_t n = 0; n < plan->node_count; n++) {
        wr_plan_node *node = plan->nodes[n];

        if (node->kind == WR_PLAN_JOIN && node->join.residual && !node->join.is_asof &&
            !node->join.is_single && !node->join.null_safe)
            WR_TRY(split(plan, node, err));
    }
    return WR_OK;
}
