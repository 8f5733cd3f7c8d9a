/* yaml/step_distinct.c — distinct: groups without aggregates, or the first row of each group.
 *
 * Distinct rows are the groups of an aggregate over all columns. Distinct on keys is an aggregate by
 * the keys that takes the first value of every other column, by source position; `order_by` is a
 * sort below it, whose output is then the source. So both spill as the aggregate and the sort do. */
#include "yaml/pipeline_priv.h"

static wr_status place(const pipeline *p, const step *s, wr_status status, wr_error *err)
{
    return wr_read_locate(p, NULL, WR_FIELD_NONE, s->node, status, err);
}

wr_expr *wr_step_column(const pipeline *p, const wr_plan_node *node, uint32_t column, wr_error *err)
{
    const wr_field *field = &node->schema.fields[column];

    return wr_expr_column(p->bump, column, field->type, field->nullable, err);
}

wr_status wr_step_distinct(pipeline *p, const step *s, wr_plan_node *input, wr_plan_node **out_node,
                           wr_error *err)
{
    uint32_t  count = input->schema.field_count;
    wr_expr **keys = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    wr_text  *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + 1, err);

    if (!keys || !names)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < count; c++) {
        names[c] = input->schema.fields[c].name;
        if (!(keys[c] = wr_step_column(p, input, c, err)))
            return WR_NO_MEMORY;
    }
    return place(p, s,
                 wr_plan_add_aggregate(p->plan, input, keys, count, NULL, 0, names, out_node, err),
                 err);
}

/* ---- Distinct on keys ----------------------------------------------------------------------- */

/* The key that is column `c` itself; WR_FIELD_NONE: none is. */
static uint32_t find_key(const item_list *keys, uint32_t c)
{
    for (uint32_t k = 0; k < keys->count; k++)
        if (keys->items[k].expr->kind == WR_EXPR_COLUMN && keys->items[k].expr->column == c)
            return k;
    return WR_FIELD_NONE;
}

/* Names that no column of a file would clash with. */
static wr_status name_columns(pipeline *p, uint32_t count, wr_text **out_names, wr_error *err)
{
    wr_text *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + 1, err);

    if (!names)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = wr_bump_printf(p->bump, err, "#%u", i + 1);

        if (!name)
            return WR_NO_MEMORY;
        names[i] = wr_text_of(name);
    }
    *out_names = names;
    return WR_OK;
}

/* Groups by `keys`; every column of `input` that is no key becomes first(column). The columns come
 * out as they were. */
static wr_status add_first_rows(pipeline *p, const step *s, wr_plan_node *input,
                                const item_list *keys, wr_plan_node **out_node, wr_error *err)
{
    uint32_t      count = input->schema.field_count, agg_count = 0;
    wr_plan_agg  *aggs = WR_BUMP_NEW_ARRAY(p->bump, wr_plan_agg, count + 1, err);
    wr_expr     **exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err), **key_exprs;
    wr_text      *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + 1, err), *inner, *key_names;
    wr_plan_node *groups;

    if (!aggs || !exprs || !names)
        return WR_NO_MEMORY;
    WR_TRY(wr_items_split(p, keys, &key_exprs, &key_names, err));
    for (uint32_t c = 0; c < count; c++) {
        const wr_field *field = &input->schema.fields[c];
        uint32_t        key = find_key(keys, c);
        uint32_t        from = key == WR_FIELD_NONE ? keys->count + agg_count : key;

        names[c] = field->name;
        exprs[c] = wr_expr_column(p->bump, from, field->type, field->nullable, err);
        if (!exprs[c])
            return WR_NO_MEMORY;
        if (key != WR_FIELD_NONE)
            continue;
        aggs[agg_count] = (wr_plan_agg){.kind = WR_AGG_FIRST, .type = field->type};
        if (!(aggs[agg_count++].argument = wr_step_column(p, input, c, err)))
            return WR_NO_MEMORY;
    }
    WR_TRY(name_columns(p, keys->count + agg_count, &inner, err));
    WR_TRY(place(p, s,
                 wr_plan_add_aggregate(p->plan, input, key_exprs, keys->count, aggs, agg_count,
                                       inner, &groups, err),
                 err));
    return place(p, s,
                 wr_plan_add_project(p->plan, groups, exprs, names, count, out_node, err), err);
}

enum { DISTINCT_ON, DISTINCT_ORDER_BY };

static wr_status build_distinct(pipeline *p, const step *s, const wr_yaml *const *values,
                                wr_plan_node **out_node, wr_error *err)
{
    const wr_yaml *on = values[DISTINCT_ON];
    wr_scope       scope = wr_scope_of(p, s);
    wr_plan_node  *input = s->inputs[0];
    item_list      keys = {0};

    if (on && on->kind == WR_YAML_SCALAR && on->is_null)
        on = NULL;
    if (on)
        WR_TRY(wr_read_items(p, s, &scope, on, NULL, &keys, err));
    if (keys.count == 0) {
        if (values[DISTINCT_ORDER_BY])
            return wr_yaml_fail(&p->file, values[DISTINCT_ORDER_BY], err,
                                "'order_by' says which row of each key to keep: it goes with 'on', "
                                "the keys");
        return wr_step_distinct(p, s, input, out_node, err);
    }
    if (values[DISTINCT_ORDER_BY]) {
        wr_plan_key *order;
        uint32_t     order_count;

        WR_TRY(wr_read_sort_keys(p, s, values[DISTINCT_ORDER_BY], &order, &order_count, err));
        WR_TRY(place(p, s,
                     wr_plan_add_sort(p->plan, input, order, order_count, 0, UINT64_MAX, &input,
                                      err),
                     err));
    }
    return add_first_rows(p, s, input, &keys, out_node, err);
}

const step_op WR_STEP_DISTINCT = {
    .name = "distinct",
    .summary = "keeps one of the rows that are equal, or one row for each key",
    .keys = {"on", "order_by"},
    .helps =
        {
            "names or expressions: keeps the first row for each of their values; without it rows "
            "are compared whole. NULL equals NULL",
            "which row is the first, as in sort; without it the place in the source says so",
        },
    .input_count = 1,
    .build = build_distinct,
};
