/* yaml/step_pivot.c — pivot: an aggregate whose aggregates are there once for each value, each with a
 * FILTER that lets only rows with that value through.
 *
 * The values are given, so the columns are known before a row is read. A group without rows of a
 * value has what the aggregate is without rows: NULL, or 0 for a count. */
#include "yaml/pipeline_priv.h"

static wr_status place(const pipeline *p, const step *s, wr_status status, wr_error *err)
{
    return wr_read_locate(p, NULL, WR_FIELD_NONE, s->node, status, err);
}

enum { PIVOT_ON, PIVOT_VALUES, PIVOT_AGGREGATE, PIVOT_GROUP_BY };

typedef struct pivot {
    wr_expr        *on;
    const wr_yaml **values;      /* one for each output column of an aggregate */
    wr_text        *value_names;
    uint32_t        value_count;
    item_list       keys, items; /* items are over keys, then the aggregates of one value */
    agg_scope       aggs;
} pivot;

/* [a, b], or {name: a, ...} */
static wr_status read_values(pipeline *p, const wr_yaml *node, pivot *pv, wr_error *err)
{
    bool is_map = node->kind == WR_YAML_MAP;

    if (node->kind == WR_YAML_SCALAR || node->count == 0)
        return wr_yaml_fail(&p->file, node, err,
                            "'values' expects a list, [a, b], or names for them, {x: a, y: b}");
    pv->values = WR_BUMP_NEW_ARRAY(p->bump, const wr_yaml *, node->count + 1, err);
    pv->value_names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, node->count + 1, err);
    if (!pv->values || !pv->value_names)
        return WR_NO_MEMORY;
    for (const wr_yaml *child = node->first; child; child = child->next) {
        const wr_yaml *value = is_map ? child->next : child;

        if (value->kind != WR_YAML_SCALAR)
            return wr_yaml_fail(&p->file, value, err, "a value of pivot is one value, this is %s",
                                wr_read_kind(value));
        pv->value_names[pv->value_count] = is_map           ? child->text
                                           : value->is_null ? WR_TEXT("null")
                                                            : value->text;
        pv->values[pv->value_count++] = value;
        child = value;
    }
    return WR_OK;
}

static wr_status read_pivot(pipeline *p, const step *s, const wr_yaml *const *values, pivot *pv,
                            wr_error *err)
{
    wr_scope  scope = wr_scope_of(p, s);
    item_list on = {0};
    wr_text  *key_names;

    WR_TRY(wr_read_require(p, s, values[PIVOT_ON], "on", err));
    WR_TRY(wr_read_require(p, s, values[PIVOT_VALUES], "values", err));
    WR_TRY(wr_read_require(p, s, values[PIVOT_AGGREGATE], "aggregate", err));
    WR_TRY(wr_read_items(p, s, &scope, values[PIVOT_ON], NULL, &on, err));
    if (on.count != 1)
        return wr_yaml_fail(&p->file, values[PIVOT_ON], err,
                            "'on' of pivot is one column or expression, these are %u", on.count);
    pv->on = on.items[0].expr;
    WR_TRY(read_values(p, values[PIVOT_VALUES], pv, err));
    if (values[PIVOT_GROUP_BY])
        WR_TRY(wr_read_items(p, s, &scope, values[PIVOT_GROUP_BY], NULL, &pv->keys, err));
    WR_TRY(wr_items_split(p, &pv->keys, &pv->aggs.keys, &key_names, err));
    pv->aggs.key_count = pv->keys.count;
    WR_TRY(wr_read_items(p, s, &scope, values[PIVOT_AGGREGATE], &pv->aggs, &pv->items, err));
    if (pv->items.count == 0)
        return wr_yaml_fail(&p->file, values[PIVOT_AGGREGATE], err, "pivot needs an aggregate");
    return WR_OK;
}

/* on = value, or on IS NULL. */
static wr_status value_condition(pipeline *p, const pivot *pv, uint32_t v, wr_expr **out_condition,
                                 wr_error *err)
{
    wr_value  value = {.type = WR_TYPE(UTF8), .text = pv->values[v]->text};
    wr_expr  *args[2] = {pv->on, NULL};
    wr_status status;

    if (pv->values[v]->is_null) {
        status = wr_expr_call(p->bump, WR_TEXT("is null"), args, 1, out_condition, err);
    } else {
        args[1] = wr_expr_const(p->bump, &value, err);
        if (!args[1])
            return WR_NO_MEMORY;
        status = wr_expr_call(p->bump, WR_TEXT("="), args, 2, out_condition, err);
    }
    return wr_read_locate(p, NULL, WR_FIELD_NONE, pv->values[v], status, err);
}

/* The aggregates once for each value, value by value. */
static wr_status filter_aggs(pipeline *p, const pivot *pv, wr_plan_agg **out_aggs, wr_error *err)
{
    uint32_t     count = pv->aggs.list.count;
    wr_plan_agg *aggs = WR_BUMP_NEW_ARRAY(p->bump, wr_plan_agg,
                                          (size_t)count * pv->value_count + 1, err);

    if (!aggs)
        return WR_NO_MEMORY;
    for (uint32_t v = 0; v < pv->value_count; v++) {
        wr_expr *condition;

        WR_TRY(value_condition(p, pv, v, &condition, err));
        for (uint32_t i = 0; i < count; i++) {
            wr_plan_agg *agg = &aggs[v * count + i];
            wr_expr    **both = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, 2, err);

            if (!both)
                return WR_NO_MEMORY;
            *agg = pv->aggs.list.aggs[i];
            both[0] = condition;
            both[1] = agg->filter;
            if (!agg->filter)
                agg->filter = condition;
            else
                WR_TRY(wr_expr_logic(p->bump, WR_EXPR_AND, both, 2, &agg->filter, err));
        }
    }
    *out_aggs = aggs;
    return WR_OK;
}

static wr_status add_aggregate(pipeline *p, const step *s, const pivot *pv, wr_plan_node **out_node,
                               wr_error *err)
{
    uint32_t     agg_count = pv->aggs.list.count * pv->value_count, key_count = pv->keys.count;
    wr_text     *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, key_count + agg_count + 1, err);
    wr_plan_agg *aggs;

    if (!names)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < key_count + agg_count; i++) {
        const char *name = wr_bump_printf(p->bump, err, "#%u", i + 1);

        if (!name)
            return WR_NO_MEMORY;
        names[i] = wr_text_of(name);
    }
    WR_TRY(filter_aggs(p, pv, &aggs, err));
    return place(p, s,
                 wr_plan_add_aggregate(p->plan, s->inputs[0], pv->aggs.keys, key_count, aggs,
                                       agg_count, names, out_node, err),
                 err);
}

/* One aggregate without a name of its own is called as the value, else value_name. */
static wr_status name_column(pipeline *p, const pivot *pv, uint32_t v, uint32_t i,
                             wr_text *out_name, wr_error *err)
{
    const char *name;

    *out_name = pv->value_names[v];
    if (pv->items.count == 1 && !pv->items.items[0].is_named)
        return WR_OK;
    name = wr_bump_printf(p->bump, err, "%.*s_%.*s", WR_TEXT_ARG(pv->value_names[v]),
                          WR_TEXT_ARG(pv->items.items[i].name));
    if (!name)
        return WR_NO_MEMORY;
    *out_name = wr_text_of(name);
    return WR_OK;
}

static wr_status build_pivot(pipeline *p, const step *s, const wr_yaml *const *values,
                             wr_plan_node **out_node, wr_error *err)
{
    pivot         pv = {0};
    uint32_t      count, key_count, agg_count, made = 0, *map;
    wr_expr     **exprs;
    wr_text      *names;
    wr_plan_node *node;

    WR_TRY(read_pivot(p, s, values, &pv, err));
    WR_TRY(add_aggregate(p, s, &pv, &node, err));
    key_count = pv.keys.count;
    agg_count = pv.aggs.list.count;
    count = key_count + pv.value_count * pv.items.count;
    exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + 1, err);
    map = WR_BUMP_NEW_ARRAY(p->bump, uint32_t, key_count + agg_count + 1, err);
    if (!exprs || !names || !map)
        return WR_NO_MEMORY;
    for (; made < key_count; made++) {
        names[made] = pv.keys.items[made].name;
        map[made] = made;
        if (!(exprs[made] = wr_step_column(p, node, made, err)))
            return WR_NO_MEMORY;
    }
    for (uint32_t v = 0; v < pv.value_count; v++) {
        for (uint32_t i = 0; i < agg_count; i++)
            map[key_count + i] = key_count + v * agg_count + i;
        for (uint32_t i = 0; i < pv.items.count; i++, made++) {
            exprs[made] = wr_expr_remap(pv.items.items[i].expr, map, p->bump, err);
            if (!exprs[made])
                return WR_NO_MEMORY;
            WR_TRY(name_column(p, &pv, v, i, &names[made], err));
        }
    }
    return place(p, s, wr_plan_add_project(p->plan, node, exprs, names, count, out_node, err), err);
}

const step_op WR_STEP_PIVOT = {
    .name = "pivot",
    .summary = "turns rows into columns: aggregates of groups, once for each value of a column",
    .keys = {"on", "values", "aggregate", "group_by"},
    .helps =
        {
            "the column or expression whose values become columns",
            "which values: a list, or a map from column names to values; null for NULL",
            "as aggs of aggregate; one without a name gives columns called as the values, else "
            "value_name",
            "names or expressions AS name, one row for each of their values; without it one row",
        },
    .input_count = 1,
    .build = build_pivot,
};
