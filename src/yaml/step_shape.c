/* yaml/step_shape.c — steps that change which rows or columns there are: sample, unpivot.
 *
 * sample draws a number for the place of each row (a draw) and keeps the rows whose number is small:
 * below a bound, or the least ones by a sort that keeps no more rows than are asked for; of each group
 * those that a window by the group ranks first.
 * unpivot puts every row out once for each of the columns (a repeat) and chooses by the copy's number. */
#include <stdlib.h>

#include "yaml/pipeline_priv.h"

static wr_status place(const pipeline *p, const step *s, wr_status status, wr_error *err)
{
    return wr_read_locate(p, NULL, WR_FIELD_NONE, s->node, status, err);
}

static wr_expr *number_expr(const pipeline *p, int64_t number, wr_error *err)
{
    wr_value value = {.type = WR_TYPE(I64), .i64 = number};

    return wr_expr_const(p->bump, &value, err);
}

/* `expr` compared with a number. */
static wr_status compare(const pipeline *p, wr_expr *expr, const char *name, int64_t number,
                         wr_expr **out_expr, wr_error *err)
{
    wr_expr *args[2] = {expr, number_expr(p, number, err)};

    return expr && args[1] ? wr_expr_call(p->bump, wr_text_of(name), args, 2, out_expr, err)
                           : WR_NO_MEMORY;
}

/* ---- sample ----------------------------------------------------------------------------------- */

enum { SAMPLE_ROWS, SAMPLE_PERCENT, SAMPLE_PARTITION_BY, SAMPLE_SEED };

static wr_status read_percent(const pipeline *p, const wr_yaml *node, double *out_percent,
                              wr_error *err)
{
    wr_text text;
    char    copy[32], *end;

    WR_TRY(wr_read_text(p, node, "percent", &text, err));
    if (text.byte_count > 0 && text.bytes[text.byte_count - 1] == '%')
        text.byte_count--;
    if (text.byte_count > 0 && text.byte_count < sizeof copy &&
        strspn(text.bytes, "0123456789.") >= text.byte_count) {
        memcpy(copy, text.bytes, text.byte_count);
        copy[text.byte_count] = 0;
        *out_percent = strtod(copy, &end);
        if (*end == 0 && *out_percent <= 100.0)
            return WR_OK;
    }
    return wr_yaml_fail(&p->file, node, err,
                        "'percent' expects a number from 0 to 100 such as 2.5, this is '%.*s'",
                        (int)(node->text.byte_count < 60 ? node->text.byte_count : 60),
                        node->text.bytes);
}

/* The rows of each group whose number is among the `rows` least. */
static wr_status rank_draws(pipeline *p, const step *s, wr_plan_node *node, const item_list *groups,
                            wr_plan_key *by_draw, uint64_t rows, wr_plan_node **out_node,
                            wr_error *err)
{
    wr_plan_function *rank = WR_BUMP_NEW(p->bump, wr_plan_function, err);
    wr_expr         **keys, *column, *condition;
    wr_text          *names;

    if (!rank)
        return WR_NO_MEMORY;
    *rank = (wr_plan_function){.kind = WR_WINDOW_ROW_NUMBER, .type = WR_TYPE(I64)};
    WR_TRY(wr_items_split(p, groups, &keys, &names, err));
    WR_TRY(place(p, s,
                 wr_plan_add_window(p->plan, node, keys, groups->count, by_draw, 2, rank, 1, &node,
                                    err),
                 err));
    column = wr_step_column(p, node, node->schema.field_count - 1, err);
    WR_TRY(compare(p, column, "<=", rows < INT64_MAX ? (int64_t)rows : INT64_MAX, &condition, err));
    return place(p, s, wr_plan_add_filter(p->plan, node, condition, out_node, err), err);
}

/* The rows with the `rows` least numbers, of all or of each group, in their old order. */
static wr_status keep_least(pipeline *p, const step *s, wr_plan_node *node, uint32_t count,
                            const item_list *groups, uint64_t rows, wr_plan_node **out_node,
                            wr_error *err)
{
    wr_plan_key *by_draw = WR_BUMP_NEW_ARRAY(p->bump, wr_plan_key, 2, err);
    wr_plan_key *by_place = WR_BUMP_NEW_ARRAY(p->bump, wr_plan_key, 1, err);

    if (!by_draw || !by_place)
        return WR_NO_MEMORY;
    by_place[0].expr = wr_step_column(p, node, count, err);
    by_draw[0].expr = wr_step_column(p, node, count + 1, err);
    by_draw[1].expr = by_place[0].expr;
    if (!by_place[0].expr || !by_draw[0].expr)
        return WR_NO_MEMORY;
    if (groups->count > 0)
        WR_TRY(rank_draws(p, s, node, groups, by_draw, rows, &node, err));
    else
        WR_TRY(place(p, s, wr_plan_add_sort(p->plan, node, by_draw, 2, 0, rows, &node, err), err));
    return place(p, s, wr_plan_add_sort(p->plan, node, by_place, 1, 0, UINT64_MAX, out_node, err),
                 err);
}

/* The rows whose number is below a bound. */
static wr_status keep_below(pipeline *p, const step *s, wr_plan_node *node, uint32_t count,
                            double percent, wr_plan_node **out_node, wr_error *err)
{
    double   bound = percent / 100.0 * 9223372036854775808.0;
    wr_expr *draw = wr_step_column(p, node, count + 1, err), *condition;

    WR_TRY(compare(p, draw, bound < 9223372036854775807.0 ? "<" : "<=",
                   bound < 9223372036854775807.0 ? (int64_t)bound : INT64_MAX, &condition, err));
    return place(p, s, wr_plan_add_filter(p->plan, node, condition, out_node, err), err);
}

/* The first `count` columns of `node`. */
static wr_status keep_columns(pipeline *p, const step *s, wr_plan_node *node, uint32_t count,
                              wr_plan_node **out_node, wr_error *err)
{
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    wr_text  *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + 1, err);

    if (!exprs || !names)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < count; c++) {
        names[c] = node->schema.fields[c].name;
        if (!(exprs[c] = wr_step_column(p, node, c, err)))
            return WR_NO_MEMORY;
    }
    return place(p, s, wr_plan_add_project(p->plan, node, exprs, names, count, out_node, err), err);
}

static wr_status build_sample(pipeline *p, const step *s, const wr_yaml *const *values,
                              wr_plan_node **out_node, wr_error *err)
{
    uint64_t      rows = 0, seed = 0;
    uint32_t      count = s->inputs[0]->schema.field_count;
    double        percent = 0;
    item_list     groups = {0};
    wr_scope      scope = wr_scope_of(p, s);
    wr_plan_node *node;

    if (!values[SAMPLE_ROWS] == !values[SAMPLE_PERCENT])
        return wr_yaml_fail(&p->file, s->node, err, "sample needs either 'rows' or 'percent'");
    if (values[SAMPLE_ROWS])
        WR_TRY(wr_read_count(p, values[SAMPLE_ROWS], "rows", &rows, err));
    else
        WR_TRY(read_percent(p, values[SAMPLE_PERCENT], &percent, err));
    if (values[SAMPLE_PARTITION_BY] && !values[SAMPLE_ROWS])
        return wr_yaml_fail(&p->file, values[SAMPLE_PARTITION_BY], err,
                            "'partition_by' goes with 'rows': so many of each group");
    if (values[SAMPLE_PARTITION_BY])
        WR_TRY(wr_read_items(p, s, &scope, values[SAMPLE_PARTITION_BY], NULL, &groups, err));
    if (values[SAMPLE_SEED])
        WR_TRY(wr_read_count(p, values[SAMPLE_SEED], "seed", &seed, err));
    WR_TRY(place(p, s,
                 wr_plan_add_draw(p->plan, s->inputs[0], seed, WR_TEXT("#place"),
                                  WR_TEXT("#draw"), &node, err),
                 err));
    WR_TRY(values[SAMPLE_ROWS] ? keep_least(p, s, node, count, &groups, rows, &node, err)
                               : keep_below(p, s, node, count, percent, &node, err));
    return keep_columns(p, s, node, count, out_node, err);
}

const step_op WR_STEP_SAMPLE = {
    .name = "sample",
    .summary = "keeps rows by chance, the same ones in every run",
    .keys = {"rows", "percent", "partition_by", "seed"},
    .helps =
        {
            "how many rows; all if there are not more",
            "of the rows, about: each is kept or not for itself",
            "keys of groups, each of which gives so many rows",
            "which sample: a whole number, 0 when not given. What is kept depends on it and on the "
            "rows' places only",
        },
    .input_count = 1,
    .build = build_sample,
};

/* ---- unpivot ---------------------------------------------------------------------------------- */

enum { UNPIVOT_COLUMNS, UNPIVOT_NAME, UNPIVOT_VALUE, UNPIVOT_KEEP, UNPIVOT_INCLUDE_NULLS };

/* A list of plain columns of the input. */
static wr_status read_columns(pipeline *p, const step *s, const wr_yaml *node, const char *what,
                              item_list *out_items, wr_error *err)
{
    wr_scope scope = wr_scope_of(p, s);

    WR_TRY(wr_read_items(p, s, &scope, node, NULL, out_items, err));
    for (uint32_t i = 0; i < out_items->count; i++)
        if (out_items->items[i].expr->kind != WR_EXPR_COLUMN)
            return wr_yaml_fail(&p->file, out_items->items[i].node, err,
                                "'%s' of %s names columns, this is an expression: compute it with "
                                "map first",
                                what, s->op->name);
    return WR_OK;
}

/* The type that all unpivoted columns have or widen to. */
static wr_status value_type(const pipeline *p, const item_list *columns, wr_type *out_type,
                            wr_error *err)
{
    wr_type type = columns->items[0].expr->type;
    char    ours[WR_TYPE_NAME_BYTES], theirs[WR_TYPE_NAME_BYTES];

    for (uint32_t i = 1; i < columns->count; i++) {
        const item *one = &columns->items[i];

        if (!wr_type_common(type, one->expr->type, &type))
            return wr_yaml_fail(&p->file, one->node, err,
                                "column '%.*s' is %s, the ones before %s: one column cannot hold "
                                "both, cast them with map",
                                WR_TEXT_ARG(one->name), wr_type_format(one->expr->type, theirs),
                                wr_type_format(type, ours));
    }
    for (uint32_t i = 0; i < columns->count; i++) {
        wr_type from = columns->items[i].expr->type;

        if (from.logical == WR_TYPE_DECIMAL && type.logical == WR_TYPE_DECIMAL &&
            from.scale > type.scale)
            return wr_yaml_fail(&p->file, columns->items[i].node, err,
                                "column '%.*s' and the others together need more than 38 digits: "
                                "cast them with map",
                                WR_TEXT_ARG(columns->items[i].name));
    }
    *out_type = type;
    return WR_OK;
}

/* CASE number WHEN 0 THEN results[0] WHEN 1 ... ELSE the last. */
static wr_status choose(const pipeline *p, wr_expr *number, wr_expr **results, uint32_t count,
                        wr_expr **out_expr, wr_error *err)
{
    wr_expr **args = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, 2 * count, err);

    if (!args)
        return WR_NO_MEMORY;
    if (count == 1) {
        *out_expr = results[0];
        return WR_OK;
    }
    for (uint32_t i = 0; i + 1 < count; i++) {
        WR_TRY(compare(p, number, "=", i, &args[2 * i], err));
        args[2 * i + 1] = results[i];
    }
    args[2 * count - 2] = results[count - 1];
    return wr_expr_case(p->bump, args, 2 * count - 1, out_expr, err);
}

/* Name and value of the copy's column, over the repeat's output. */
static wr_status add_pair(pipeline *p, const step *s, const item_list *columns,
                          wr_plan_node *repeated, wr_expr **out_pair, wr_error *err)
{
    uint32_t  count = columns->count;
    wr_expr **names = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    wr_expr **cells = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    wr_expr  *number = wr_step_column(p, repeated, repeated->schema.field_count - 1, err);
    wr_type   type;

    if (!names || !cells || !number)
        return WR_NO_MEMORY;
    WR_TRY(value_type(p, columns, &type, err));
    for (uint32_t i = 0; i < count; i++) {
        wr_value name = {.type = WR_TYPE(UTF8), .text = columns->items[i].name};

        names[i] = wr_expr_const(p->bump, &name, err);
        if (!names[i])
            return WR_NO_MEMORY;
        WR_TRY(place(p, s,
                     wr_expr_cast(p->bump, columns->items[i].expr, type, false, &cells[i], err),
                     err));
    }
    WR_TRY(choose(p, number, names, count, &out_pair[0], err));
    return choose(p, number, cells, count, &out_pair[1], err);
}

static bool has_column(const item_list *list, uint32_t column)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i].expr->kind == WR_EXPR_COLUMN && list->items[i].expr->column == column)
            return true;
    return false;
}

wr_status wr_read_kept(pipeline *p, const step *s, const wr_yaml *keep, const item_list *columns,
                       item_list *out_kept, wr_error *err)
{
    const wr_schema *schema = &s->inputs[0]->schema;

    if (keep)
        return read_columns(p, s, keep, "keep", out_kept, err);
    out_kept->items = WR_BUMP_NEW_ARRAY(p->bump, item, schema->field_count + 1, err);
    if (!out_kept->items)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < schema->field_count; c++) {
        if (has_column(columns, c))
            continue;
        out_kept->items[out_kept->count].name = schema->fields[c].name;
        out_kept->items[out_kept->count].expr = wr_step_column(p, s->inputs[0], c, err);
        if (!out_kept->items[out_kept->count++].expr)
            return WR_NO_MEMORY;
    }
    return WR_OK;
}

/* Rows whose value, the last column, is not NULL. */
static wr_status drop_nulls(pipeline *p, const step *s, wr_plan_node *node, wr_plan_node **out_node,
                            wr_error *err)
{
    wr_expr *value = wr_step_column(p, node, node->schema.field_count - 1, err), *condition;

    if (!value)
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_call(p->bump, WR_TEXT("is not null"), &value, 1, &condition, err));
    return place(p, s, wr_plan_add_filter(p->plan, node, condition, out_node, err), err);
}

static wr_status build_unpivot(pipeline *p, const step *s, const wr_yaml *const *values,
                               wr_plan_node **out_node, wr_error *err)
{
    item_list     columns = {0}, kept = {0};
    wr_text       name = WR_TEXT("name"), value = WR_TEXT("value"), *names;
    bool          include_nulls = false;
    wr_plan_node *node;
    wr_expr      *times, **exprs;

    WR_TRY(wr_read_require(p, s, values[UNPIVOT_COLUMNS], "columns", err));
    WR_TRY(read_columns(p, s, values[UNPIVOT_COLUMNS], "columns", &columns, err));
    if (columns.count == 0)
        return wr_yaml_fail(&p->file, values[UNPIVOT_COLUMNS], err, "unpivot needs a column");
    if (values[UNPIVOT_NAME])
        WR_TRY(wr_read_text(p, values[UNPIVOT_NAME], "name", &name, err));
    if (values[UNPIVOT_VALUE])
        WR_TRY(wr_read_text(p, values[UNPIVOT_VALUE], "value", &value, err));
    if (values[UNPIVOT_INCLUDE_NULLS])
        WR_TRY(wr_read_bool(p, values[UNPIVOT_INCLUDE_NULLS], "include_nulls", &include_nulls,
                            err));
    WR_TRY(wr_read_kept(p, s, values[UNPIVOT_KEEP], &columns, &kept, err));
    exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, kept.count + 2, err);
    names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, kept.count + 2, err);
    times = number_expr(p, columns.count, err);
    if (!exprs || !names || !times)
        return WR_NO_MEMORY;
    WR_TRY(place(p, s,
                 wr_plan_add_repeat(p->plan, s->inputs[0], times, WR_TEXT("#number"), &node, err),
                 err));
    for (uint32_t i = 0; i < kept.count; i++) {
        exprs[i] = kept.items[i].expr;
        names[i] = kept.items[i].name;
    }
    WR_TRY(add_pair(p, s, &columns, node, &exprs[kept.count], err));
    names[kept.count] = name;
    names[kept.count + 1] = value;
    WR_TRY(place(p, s,
                 wr_plan_add_project(p->plan, node, exprs, names, kept.count + 2, &node, err),
                 err));
    *out_node = node;
    return include_nulls ? WR_OK : drop_nulls(p, s, node, out_node, err);
}

const step_op WR_STEP_UNPIVOT = {
    .name = "unpivot",
    .summary = "turns columns into rows: one for each of them, with its name and its value",
    .keys = {"columns", "name", "value", "keep", "include_nulls"},
    .helps =
        {
            "names; their values are widened to one type",
            "what the column of names is called; name when not given",
            "what the column of values is called; value when not given",
            "the columns that stay beside them; all others when not given",
            "true: rows for NULLs too",
        },
    .input_count = 1,
    .build = build_unpivot,
};
