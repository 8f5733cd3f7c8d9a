/* yaml/step_rows.c — steps that look at one row at a time, and sort: filter, project, map, limit. */
#include "yaml/pipeline_priv.h"

static wr_status place(const pipeline *p, const step *s, wr_status status, wr_error *err)
{
    return wr_read_locate(p, NULL, WR_FIELD_NONE, s->node, status, err);
}

/* --- filter -------------------------------------------------------------------------------- */

static wr_status build_filter(pipeline *p, const step *s, const wr_yaml *const *values,
                              wr_plan_node **out_node, wr_error *err)
{
    wr_expr *predicate;

    WR_TRY(wr_read_require(p, s, values[0], "expr", err));
    WR_TRY(wr_read_predicate(p, s, values[0], &predicate, err));
    return place(p, s, wr_plan_add_filter(p->plan, s->inputs[0], predicate, out_node, err), err);
}

const step_op WR_STEP_FILTER = {
    .name = "filter",
    .summary = "keeps the rows where a condition is true",
    .keys = {"expr"},
    .helps =
        {
            "the condition",
        },
    .input_count = 1,
    .build = build_filter,
};

/* --- project ------------------------------------------------------------------------------- */

static wr_status add_project(pipeline *p, const step *s, const item_list *items,
                             wr_plan_node **out_node, wr_error *err)
{
    wr_expr **exprs;
    wr_text  *names;

    WR_TRY(wr_items_split(p, items, &exprs, &names, err));
    return place(p, s,
                 wr_plan_add_project(p->plan, s->inputs[0], exprs, names, items->count, out_node,
                                     err),
                 err);
}

static wr_status append_all(pipeline *p, const step *s, item_list *items, wr_error *err)
{
    static const wr_yaml STAR = {.kind = WR_YAML_SCALAR, .text = {"*", 1}, .node_count = 1};
    wr_scope             scope = wr_scope_of(p, s);

    return wr_read_items(p, s, &scope, &STAR, NULL, items, err);
}

static wr_status build_project(pipeline *p, const step *s, const wr_yaml *const *values,
                               wr_plan_node **out_node, wr_error *err)
{
    wr_scope  scope = wr_scope_of(p, s);
    item_list items = {0};

    WR_TRY(wr_read_require(p, s, values[0], "columns", err));
    WR_TRY(wr_read_items(p, s, &scope, values[0], NULL, &items, err));
    /* `columns: []` keeps all, as in EM-root. */
    if (items.count == 0)
        WR_TRY(append_all(p, s, &items, err));
    return add_project(p, s, &items, out_node, err);
}

const step_op WR_STEP_PROJECT = {
    .name = "project",
    .summary = "chooses columns",
    .keys = {"columns"},
    .helps =
        {
            "names, expressions AS name, or * for all; [] keeps all",
        },
    .input_count = 1,
    .build = build_project,
};

/* --- map ----------------------------------------------------------------------------------- */

static bool is_rename(const item *given)
{
    return given->expr->kind == WR_EXPR_COLUMN;
}

static wr_status fail_twice(const pipeline *p, const item *given, wr_error *err)
{
    return wr_yaml_fail(&p->file, given->node, err, "map changes one column twice, to '%.*s' last",
                        WR_TEXT_ARG(given->name));
}

/* The input column that an expression called `name` takes the place of. Names are matched as
 * everywhere: exactly, else regardless of case. */
static uint32_t find_replaced(const wr_schema *input, const bool *renamed, wr_text name)
{
    uint32_t column = wr_schema_find(input, name, NULL);

    return column != WR_FIELD_NONE && !renamed[column] ? column : WR_FIELD_NONE;
}

/* All columns stay where they are; `old AS new` renames one in its place, an expression takes the
 * place of the column whose name it has, or comes behind. Everything reads the input's columns, so
 * renames are done first and the order of the items does not matter. */
static wr_status apply_items(pipeline *p, const wr_schema *input, const item_list *given,
                             item_list *io_columns, wr_error *err)
{
    uint32_t count = input->field_count, count_max = count + given->count + 1;
    item    *columns = WR_BUMP_NEW_ARRAY(p->bump, item, count_max, err);
    bool    *changed = WR_BUMP_NEW_ARRAY(p->bump, bool, count_max, err);
    bool    *renamed = WR_BUMP_NEW_ARRAY(p->bump, bool, count_max, err);

    if (!columns || !changed || !renamed)
        return WR_NO_MEMORY;
    memcpy(columns, io_columns->items, count * sizeof columns[0]);
    for (uint32_t i = 0; i < given->count; i++) {
        const item *one = &given->items[i];

        if (!is_rename(one) || !one->is_named)
            continue;
        if (renamed[one->expr->column])
            return fail_twice(p, one, err);
        columns[one->expr->column].name = one->name;
        renamed[one->expr->column] = true;
    }
    for (uint32_t i = 0; i < given->count; i++) {
        const item *one = &given->items[i];
        uint32_t    column;

        if (is_rename(one))
            continue;
        column = find_replaced(input, renamed, one->name);
        if (column == WR_FIELD_NONE) {
            columns[count++] = *one;
            continue;
        }
        if (changed[column])
            return fail_twice(p, one, err);
        columns[column] = *one;
        changed[column] = true;
    }
    *io_columns = (item_list){columns, count, count_max};
    return WR_OK;
}

enum { MAP_EXPRESSIONS, MAP_EXPR };

static wr_status build_map(pipeline *p, const step *s, const wr_yaml *const *values,
                           wr_plan_node **out_node, wr_error *err)
{
    const wr_yaml *given = values[MAP_EXPRESSIONS] ? values[MAP_EXPRESSIONS] : values[MAP_EXPR];
    wr_scope       scope = wr_scope_of(p, s);
    item_list      items = {0}, columns = {0};

    WR_TRY(wr_read_require(p, s, given, "expressions", err));
    if (values[MAP_EXPRESSIONS] && values[MAP_EXPR])
        return wr_yaml_fail(&p->file, values[MAP_EXPR], err,
                            "map takes 'expressions' or 'expr', not both");
    WR_TRY(wr_read_items(p, s, &scope, given, NULL, &items, err));
    WR_TRY(append_all(p, s, &columns, err));
    WR_TRY(apply_items(p, &s->inputs[0]->schema, &items, &columns, err));
    return add_project(p, s, &columns, out_node, err);
}

const step_op WR_STEP_MAP = {
    .name = "map",
    .summary = "adds, replaces and renames columns",
    .keys = {"expressions", "expr"},
    .helps =
        {
            "a list: old AS new renames a column in its place, an expression AS name "
            "replaces that column or comes behind",
            "as expressions",
        },
    .input_count = 1,
    .build = build_map,
};

/* --- sort and limit ------------------------------------------------------------------------ */

enum { SORT_BY, SORT_LIMIT, SORT_OFFSET };

static wr_status build_sort(pipeline *p, const step *s, const wr_yaml *const *values,
                            wr_plan_node **out_node, wr_error *err)
{
    wr_plan_key *keys;
    uint32_t     key_count;
    uint64_t     offset = 0, limit = UINT64_MAX;

    WR_TRY(wr_read_require(p, s, values[SORT_BY], "by", err));
    WR_TRY(wr_read_sort_keys(p, s, values[SORT_BY], &keys, &key_count, err));
    if (values[SORT_LIMIT])
        WR_TRY(wr_read_count(p, values[SORT_LIMIT], "limit", &limit, err));
    if (values[SORT_OFFSET])
        WR_TRY(wr_read_count(p, values[SORT_OFFSET], "offset", &offset, err));
    return place(p, s,
                 wr_plan_add_sort(p->plan, s->inputs[0], keys, key_count, offset, limit, out_node,
                                  err),
                 err);
}

const step_op WR_STEP_SORT = {
    .name = "sort",
    .summary = "sorts; with limit it keeps the first rows only",
    .keys = {"by", "limit", "offset"},
    .helps =
        {
            "a list of expressions, each with ASC or DESC, NULLS FIRST or NULLS LAST",
            "how many rows to keep",
            "how many rows to leave out before them",
        },
    .input_count = 1,
    .build = build_sort,
};

enum { LIMIT_ROWS, LIMIT_OFFSET };

static wr_status build_limit(pipeline *p, const step *s, const wr_yaml *const *values,
                             wr_plan_node **out_node, wr_error *err)
{
    uint64_t offset = 0, rows = UINT64_MAX;

    if (!values[LIMIT_ROWS] && !values[LIMIT_OFFSET])
        WR_TRY(wr_read_require(p, s, NULL, "rows", err));
    if (values[LIMIT_ROWS])
        WR_TRY(wr_read_count(p, values[LIMIT_ROWS], "rows", &rows, err));
    if (values[LIMIT_OFFSET])
        WR_TRY(wr_read_count(p, values[LIMIT_OFFSET], "offset", &offset, err));
    return place(p, s, wr_plan_add_limit(p->plan, s->inputs[0], offset, rows, out_node, err), err);
}

const step_op WR_STEP_LIMIT = {
    .name = "limit",
    .summary = "keeps the first rows, by their place in the source",
    .keys = {"rows", "offset"},
    .helps =
        {
            "how many",
            "how many to leave out before them",
        },
    .input_count = 1,
    .build = build_limit,
};
