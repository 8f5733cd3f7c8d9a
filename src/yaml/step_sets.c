/* yaml/step_sets.c — steps over many rows: aggregate. */
#include "yaml/pipeline_priv.h"

static wr_status place(const pipeline *p, const step *s, wr_status status, wr_error *err)
{
    return wr_read_locate(p, NULL, WR_FIELD_NONE, s->node, status, err);
}

/* --- aggregate ----------------------------------------------------------------------------- */

enum { AGGREGATE_GROUP_BY, AGGREGATE_AGGS, AGGREGATE_ROLLUP, AGGREGATE_CUBE, AGGREGATE_SETS };

/* Are the items just the aggregates, each once and in order? Then no projection is needed. */
static bool is_plain(const item_list *items, const agg_scope *aggs)
{
    if (aggs->list.has_sets || items->count != aggs->list.count)
        return false;
    for (uint32_t i = 0; i < items->count; i++)
        if (items->items[i].expr->kind != WR_EXPR_COLUMN ||
            items->items[i].expr->column != aggs->key_count + i)
            return false;
    return true;
}

/* Names of the node's output: the keys', then the items' or, under a projection, names that no
 * column of a file would clash with. */
static wr_status name_outputs(pipeline *p, const item_list *keys, const item_list *items,
                              const agg_scope *aggs, bool plain, wr_text **out_names, wr_error *err)
{
    uint32_t width = keys->count + aggs->list.has_sets;
    wr_text *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, width + aggs->list.count + 1, err);

    if (!names)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < keys->count; i++)
        names[i] = keys->items[i].name;
    if (aggs->list.has_sets)
        names[keys->count] = WR_TEXT("#set");
    for (uint32_t i = 0; i < aggs->list.count; i++) {
        char *name;

        if (plain) {
            names[width + i] = items->items[i].name;
            continue;
        }
        name = wr_bump_printf(p->bump, err, "#%s_%u", wr_agg_name(aggs->list.aggs[i].kind), i + 1);
        if (!name)
            return WR_NO_MEMORY;
        names[width + i] = wr_text_of(name);
    }
    *out_names = names;
    return WR_OK;
}

/* Keys, then the items, over the aggregate's output. */
static wr_status add_projection(pipeline *p, const step *s, const item_list *keys,
                                const item_list *items, wr_plan_node *aggregate,
                                wr_plan_node **out_node, wr_error *err)
{
    uint32_t  count = keys->count + items->count;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    wr_text  *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + 1, err);

    if (!exprs || !names)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        bool is_key = i < keys->count;

        names[i] = is_key ? keys->items[i].name : items->items[i - keys->count].name;
        exprs[i] = is_key ? wr_expr_column(p->bump, i, aggregate->schema.fields[i].type,
                                           aggregate->schema.fields[i].nullable, err)
                          : items->items[i - keys->count].expr;
        if (!exprs[i])
            return WR_NO_MEMORY;
    }
    return place(p, s, wr_plan_add_project(p->plan, aggregate, exprs, names, count, out_node, err),
                 err);
}

/* Rows of sets that were asked for several times come as often. */
static wr_status repeat_sets(pipeline *p, const step *s, const grouping *by, wr_plan_node *node,
                             wr_plan_node **out_node, wr_error *err)
{
    wr_expr **args = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, 2 * by->set_count + 1, err), *times;
    wr_value  number = {.type = WR_TYPE(I64), .i64 = 1};
    uint32_t  count = 0;

    if (!args)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < by->set_count; i++) {
        wr_expr *both[2] = {wr_step_column(p, node, by->keys.count, err), NULL};

        if (by->times[i] == 1)
            continue;
        number.i64 = (int64_t)by->sets[i];
        both[1] = wr_expr_const(p->bump, &number, err);
        if (!both[0] || !both[1])
            return WR_NO_MEMORY;
        WR_TRY(wr_expr_call(p->bump, WR_TEXT("="), both, 2, &args[count++], err));
        number.i64 = by->times[i];
        args[count++] = wr_expr_const(p->bump, &number, err);
    }
    number.i64 = 1;
    args[count++] = wr_expr_const(p->bump, &number, err);
    for (uint32_t i = 0; i < count; i++)
        if (!args[i])
            return WR_NO_MEMORY;
    WR_TRY(wr_expr_case(p->bump, args, count, &times, err));
    return place(p, s,
                 wr_plan_add_repeat(p->plan, node, times, WR_TEXT("#copy"), out_node, err), err);
}

static wr_status build_aggregate(pipeline *p, const step *s, const wr_yaml *const *values,
                                 wr_plan_node **out_node, wr_error *err)
{
    const wr_yaml *by_values[] = {values[AGGREGATE_GROUP_BY], values[AGGREGATE_ROLLUP],
                                  values[AGGREGATE_CUBE], values[AGGREGATE_SETS]};
    wr_scope       scope = wr_scope_of(p, s);
    grouping       by;
    item_list      items = {0};
    agg_scope      aggs = {0};
    wr_text       *names, *key_names;
    wr_plan_node  *node;
    bool           plain;

    WR_TRY(wr_read_group_by(p, s, by_values, &by, err));
    WR_TRY(wr_items_split(p, &by.keys, &aggs.keys, &key_names, err));
    aggs.key_count = by.keys.count;
    aggs.list.has_sets = by.set_count > 0;
    if (values[AGGREGATE_AGGS])
        WR_TRY(wr_read_items(p, s, &scope, values[AGGREGATE_AGGS], &aggs, &items, err));
    if (by.keys.count + items.count == 0)
        return wr_yaml_fail(&p->file, s->node, err, "aggregate needs 'aggs' or 'group_by'");
    plain = is_plain(&items, &aggs);
    WR_TRY(name_outputs(p, &by.keys, &items, &aggs, plain, &names, err));
    WR_TRY(place(p, s,
                 wr_plan_add_grouping_sets(p->plan, s->inputs[0], aggs.keys, by.keys.count,
                                           by.sets, by.set_count, aggs.list.aggs, aggs.list.count,
                                           names, &node, err),
                 err));
    if (by.repeats)
        WR_TRY(repeat_sets(p, s, &by, node, &node, err));
    *out_node = node;
    return plain ? WR_OK : add_projection(p, s, &by.keys, &items, node, out_node, err);
}

const step_op WR_STEP_AGGREGATE = {
    .name = "aggregate",
    .summary = "computes aggregates of groups",
    .keys = {"group_by", "aggs", "rollup", "cube", "grouping_sets"},
    .helps =
        {
            "names or expressions AS name, ROLLUP (a, b), CUBE (a, b), GROUPING SETS ((a, b), (a), "
            "()); without it all rows are one group",
            "aggregates (weir help aggregates) AS name, with DISTINCT and FILTER (WHERE "
            "...); grouping(a, b), a number of bits, 1 for a key that the row's set lacks",
            "a list of keys, or of lists of keys: groups by all, all but the last ..., none",
            "as rollup: groups by every combination of up to 12",
            "a list of lists of keys: groups by each; keys that a set lacks are NULL",
        },
    .input_count = 1,
    .build = build_aggregate,
};
