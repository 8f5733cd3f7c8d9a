/* optimizer/rule_distinct.c — aggregates over distinct values, or values in order, get their own branch.
 *
 * count(DISTINCT x) by k is: group by (k, x), then count x by k. So distinct values are groups of the
 * hash aggregate, which spills; no state grows with the number of values. Each set of (argument,
 * filter) gets such a branch over the same input (read once: a tee); branches and the plain
 * aggregates are put side by side by joins on the keys, where NULL equals NULL. A FILTER turns the
 * values it rejects into NULLs, which no such aggregate counts, so every branch has every group.
 * Ordered aggregates (median, mode ...) are computed from sorted values by an operator of their own, so
 * they have branches too: one sort for all of one argument. A list keeps NULLs, so its FILTER stays and
 * goes with the values. Where there is but one group of short values
 * (at most eight bytes) that operator counts distinct ones, too: DISTINCT stays on such a count.
 * A histogram is a list of (value, count), as a map has them, over an aggregate that counts;
 * most_frequent one in order of the counts, cut by a window before it is made (agg_branch.c).
 * mad joins the values with the median of their group, and is the median of the distances.
 * DISTINCT is dropped where it changes nothing (min, max, bool_and ...).
 * Grouping sets: the values' aggregate has the sets, each with the value as one more key, and what
 * counts them groups by its keys and set; joins are on both. If one of the sets is (), which has a group
 * even of no rows, the branches are joined to the plain one, which then is always there. */
#include "optimizer/agg_branch_priv.h"

typedef struct split {
    wr_plan            *plan;
    const wr_plan_node *node;      /* the aggregate being replaced            */
    uint32_t           *branch_of; /* per aggregate: 0 plain, else its branch */
    uint32_t           *column_of; /* per aggregate: column in its branch     */
    wr_plan_node      **branches;  /* [0] plain (may be NULL), then distinct  */
    uint32_t            branch_count;
} split;

/* Only texts and lists have an order of their own. */
static bool same_order(const wr_plan_agg *a, const wr_plan_agg *b)
{
    if (wr_agg_is_sequence(a->kind) != wr_agg_is_sequence(b->kind) ||
        a->order_key_count != b->order_key_count)
        return false;
    for (uint32_t k = 0; k < a->order_key_count; k++)
        if (!wr_expr_equal(a->order_keys[k].expr, b->order_keys[k].expr) ||
            a->order_keys[k].descending != b->order_keys[k].descending ||
            a->order_keys[k].nulls_first != b->order_keys[k].nulls_first)
            return false;
    return true;
}

/* Is the aggregate computed from the values in order? */
static bool is_ordered(const wr_plan_node *node, const wr_plan_agg *agg)
{
    enum { SHORT_BYTES = 8 };

    if (agg->kind != WR_AGG_COUNT || !agg->distinct || wr_plan_key_width(node) > 0)
        return wr_agg_is_ordered(agg->kind);
    return wr_physical_bytes(wr_type_physical(agg->argument->type)) <= SHORT_BYTES;
}

/* Is the argument grouped first, to have each value once? */
static bool is_grouped(const wr_plan_node *node, const wr_plan_agg *agg)
{
    return agg->distinct && !(agg->kind == WR_AGG_COUNT && is_ordered(node, agg));
}

/* Are rows that a filter rejects left out, where others take them for NULL? */
static bool keeps_filter(const wr_plan_agg *agg)
{
    return (agg->kind == WR_AGG_LIST || agg->kind == WR_AGG_MAP_AGG) && agg->filter;
}

/* Is what it is computed from wanted by no other? */
static bool stands_alone(const wr_plan_agg *agg)
{
    return agg->kind == WR_AGG_MOST_FREQUENT || agg->kind == WR_AGG_APPROX_MOST_FREQUENT ||
           agg->kind == WR_AGG_MAP_AGG;
}

static bool same_set(const wr_plan_node *node, const wr_plan_agg *a, const wr_plan_agg *b)
{
    bool both = (a->filter != NULL) == (b->filter != NULL);

    if (stands_alone(a) || stands_alone(b) ||
        (a->kind == WR_AGG_HISTOGRAM) != (b->kind == WR_AGG_HISTOGRAM) ||
        (a->kind == WR_AGG_MAD) != (b->kind == WR_AGG_MAD) ||
        is_grouped(node, a) != is_grouped(node, b) || is_ordered(node, a) != is_ordered(node, b) ||
        keeps_filter(a) != keeps_filter(b) || !same_order(a, b))
        return false;
    return wr_expr_equal(a->argument, b->argument) && both &&
           (!a->filter || wr_expr_equal(a->filter, b->filter));
}

static bool needs_branch(const wr_plan_agg *agg)
{
    return agg->distinct || wr_agg_is_ordered(agg->kind);
}

/* Number the branches; false if the plain one takes all. */
static bool assign_branches(split *s)
{
    wr_plan_agg *aggs = s->node->aggregate.aggs;

    s->branch_count = 1;
    for (uint32_t i = 0; i < s->node->aggregate.agg_count; i++) {
        if (!wr_agg_minds_distinct(aggs[i].kind))
            aggs[i].distinct = false;
        s->branch_of[i] = 0;
        if (!needs_branch(&aggs[i]))
            continue;
        for (uint32_t k = 0; k < i; k++)
            if (needs_branch(&aggs[k]) && same_set(s->node, &aggs[k], &aggs[i]))
                s->branch_of[i] = s->branch_of[k];
        if (s->branch_of[i] == 0)
            s->branch_of[i] = s->branch_count++;
    }
    return s->branch_count > 1;
}

/* Keys of the branch's own: filtered like the argument, or the argument itself where it is distinct
 * (the binder lets nothing else order distinct values). Rows that are left out may have any. */
static wr_status order_branch(wr_plan *plan, wr_plan_agg *agg, wr_expr *argument, wr_error *err)
{
    uint32_t     count = agg->order_key_count;
    wr_plan_key *keys = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_key, count + 1, err);

    if (!keys)
        return WR_NO_MEMORY;
    for (uint32_t k = 0; k < count; k++) {
        keys[k] = agg->order_keys[k];
        if (agg->distinct)
            keys[k].expr = argument;
        else if (!keeps_filter(agg))
            WR_TRY(wr_expr_when(plan->bump, agg->filter, keys[k].expr, &keys[k].expr, err));
    }
    agg->order_keys = keys;
    return WR_OK;
}

static bool has_empty_set(const wr_plan_node *node)
{
    for (uint32_t i = 0; i < node->aggregate.set_count; i++)
        if (node->aggregate.sets[i] == ((uint64_t)1 << node->aggregate.key_count) - 1)
            return true;
    return false;
}

/* What the aggregates of a branch are computed from, and what they are then. */
static wr_status prepare_branch(const wr_plan_node *node, wr_agg_branch *io, wr_plan_agg *aggs,
                                uint32_t count, wr_error *err)
{
    bool is_counted = wr_agg_counts_values(aggs[0].kind);

    io->filter = keeps_filter(&aggs[0]) ? aggs[0].filter : NULL;
    WR_TRY(wr_expr_when(io->plan->bump, io->filter ? NULL : aggs[0].filter, aggs[0].argument,
                        &io->argument, err));
    io->value = aggs[0].kind == WR_AGG_MAP_AGG ? aggs[0].order : NULL;
    if (aggs[0].kind == WR_AGG_APPROX_MOST_FREQUENT)
        WR_TRY(wr_branch_keep_cells(io, aggs[0].cell_count, aggs[0].cells_kept, err));
    if (is_grouped(node, &aggs[0]) || is_counted)
        WR_TRY(wr_branch_group_argument(io, is_counted, err));
    if (aggs[0].kind == WR_AGG_MAD)
        WR_TRY(wr_branch_measure_from_median(io, err));
    for (uint32_t i = 0; i < count; i++) {
        if (is_counted) {
            WR_TRY(wr_branch_list_counts(io, &aggs[i], err));
            continue;
        }
        WR_TRY(order_branch(io->plan, &aggs[i], io->argument, err));
        if (aggs[i].kind == WR_AGG_MAD) {
            aggs[i].kind = WR_AGG_MEDIAN;
            aggs[i].fraction = 0.5;
        }
        aggs[i].argument = io->argument;
        aggs[i].filter = io->filter;
        aggs[i].distinct = is_ordered(node, &aggs[i]) && aggs[i].kind == WR_AGG_COUNT;
    }
    return WR_OK;
}

static wr_status build_branch(split *s, uint32_t branch, wr_error *err)
{
    const wr_plan_node *node = s->node;
    wr_plan            *plan = s->plan;
    uint32_t            key_count = node->aggregate.key_count, count = 0;
    wr_agg_branch       in = {.plan = plan, .input = node->inputs[0], .key_count = key_count,
                              .sets = node->aggregate.sets, .set_count = node->aggregate.set_count};
    wr_plan_agg *aggs = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_agg, node->aggregate.agg_count, err);
    wr_text     *names;

    in.keys = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, key_count + 3, err);
    if (!aggs || !in.keys)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < node->aggregate.agg_count; i++)
        if (s->branch_of[i] == branch) {
            aggs[count] = node->aggregate.aggs[i];
            s->column_of[i] = wr_plan_key_width(node) + count++;
        }
    if (branch == 0 && count == 0 && !has_empty_set(node))
        return WR_OK;
    memcpy(in.keys, node->aggregate.keys, key_count * sizeof in.keys[0]);
    WR_TRY(wr_plan_names(plan, key_count + count + 5, &names, err));
    in.names = names;
    if (branch > 0)
        WR_TRY(prepare_branch(node, &in, aggs, count, err));
    return wr_plan_add_grouping_sets(plan, in.input, in.keys, in.key_count, in.sets, in.set_count,
                                     aggs, count, names, &s->branches[branch], err);
}

/* Join all branches on the keys; offsets[b]: where branch b's columns begin. */
static wr_status join_branches(split *s, wr_plan_node **out_joined, uint32_t *offsets,
                               wr_error *err)
{
    wr_plan      *plan = s->plan;
    uint32_t      key_count = wr_plan_key_width(s->node);
    wr_plan_node *joined = NULL;
    wr_plan_join_type type = has_empty_set(s->node) ? WR_PLAN_JOIN_LEFT
                             : key_count            ? WR_PLAN_JOIN_INNER
                                                    : WR_PLAN_JOIN_CROSS;

    for (uint32_t b = 0; b < s->branch_count; b++) {
        wr_expr **left_keys, **right_keys;

        if (!s->branches[b])
            continue;
        if (!joined) {
            joined = s->branches[b];
            offsets[b] = 0;
            continue;
        }
        offsets[b] = joined->schema.field_count;
        left_keys = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, key_count + 1, err);
        right_keys = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, key_count + 1, err);
        if (!left_keys || !right_keys)
            return WR_NO_MEMORY;
        WR_TRY(wr_plan_columns(plan, joined, key_count, left_keys, err));
        WR_TRY(wr_plan_columns(plan, s->branches[b], key_count, right_keys, err));
        WR_TRY(wr_plan_add_join(plan, joined, s->branches[b], type, left_keys, right_keys,
                                key_count, NULL, false, &joined, err));
        joined->join.null_safe = true;
    }
    *out_joined = joined;
    return WR_OK;
}

/* Column `column` of the joined branches; a count is 0 where a branch has no rows at all. */
static wr_status result_of(wr_plan *plan, const wr_plan_node *joined, uint32_t column,
                           wr_agg_kind kind, wr_expr **out_expr, wr_error *err)
{
    const wr_field *field = &joined->schema.fields[column];
    wr_value        zero = {.type = WR_TYPE(I64)};
    wr_expr *args[2] = {wr_expr_column(plan->bump, column, field->type, field->nullable, err), NULL};

    *out_expr = args[0];
    if (!args[0] || !field->nullable || !wr_agg_counts(kind))
        return args[0] ? WR_OK : WR_NO_MEMORY;
    args[1] = wr_expr_const(plan->bump, &zero, err);
    return args[1] ? wr_expr_call(plan->bump, WR_TEXT("coalesce"), args, 2, out_expr, err)
                   : WR_NO_MEMORY;
}

static wr_status split_aggregate(wr_plan *plan, wr_plan_node *node, wr_error *err)
{
    uint32_t  agg_count = node->aggregate.agg_count, key_count = wr_plan_key_width(node);
    uint32_t *offsets = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, agg_count + 2, err);
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, key_count + agg_count + 1, err);
    wr_text  *names = WR_BUMP_NEW_ARRAY(plan->bump, wr_text, key_count + agg_count + 1, err);
    split     s = {.plan = plan, .node = node};
    wr_plan_node *joined, *project;

    s.branch_of = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, agg_count + 1, err);
    s.column_of = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, agg_count + 1, err);
    s.branches = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_node *, agg_count + 2, err);
    if (!offsets || !exprs || !names || !s.branch_of || !s.column_of || !s.branches)
        return WR_NO_MEMORY;
    if (!assign_branches(&s))
        return WR_OK;
    for (uint32_t b = 0; b < s.branch_count; b++)
        WR_TRY(build_branch(&s, b, err));
    WR_TRY(join_branches(&s, &joined, offsets, err));
    WR_TRY(wr_plan_columns(plan, joined, key_count, exprs, err));
    for (uint32_t i = 0; i < agg_count; i++) {
        uint32_t column = offsets[s.branch_of[i]] + s.column_of[i];

        WR_TRY(result_of(plan, joined, column, node->aggregate.aggs[i].kind,
                         &exprs[key_count + i], err));
    }
    for (uint32_t c = 0; c < key_count + agg_count; c++)
        names[c] = node->schema.fields[c].name;
    WR_TRY(wr_plan_add_project(plan, joined, exprs, names, key_count + agg_count, &project, err));
    wr_plan_replace_input(plan, node, project);
    return WR_OK;
}

wr_status wr_rule_distinct(wr_plan *plan, wr_error *err)
{
    uint32_t count = plan->node_count;

    for (uint32_t n = 0; n < count; n++)
        if (plan->nodes[n]->kind == WR_PLAN_AGGREGATE)
            WR_TRY(split_aggregate(plan, plan->nodes[n], err));
    return wr_plan_renumber(plan, err);
}
