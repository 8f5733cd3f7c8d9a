/* yaml/step_fill.c — fill: rows for the moments (or numbers) that a series lacks.
 *
 * The grid is anchor + k * every, k = 0, 1 ...; the anchor is `from`, or the first moment of the
 * partition, so months count from one day of the month. No row is ever lost: those off the grid, equal
 * ones and those without a moment stay as they are, and only what the grid has between two rows is made.
 * Nothing new runs: a window looks at the row before and behind, a project counts what is missing, a
 * repeat makes as many copies of the row before, a project says what they hold:
 *
 *   window [lead, first_value, row_number] -> [anchor, bounds] -> [counts] -> repeat -> project
 *
 * Columns of the steps between are called c0, c1 ... and formulas are written as SQL over them.
 * Invariant: made rows stand behind the row they are copies of, but those in front of a partition's first. */
#include <stdio.h>

#include "mem/textbuf.h"
#include "yaml/pipeline_priv.h"

enum { FILL_COLUMN, FILL_EVERY, FILL_PARTITION_BY, FILL_FROM, FILL_TO, FILL_VALUES };

typedef enum method { MAKE_NULL, MAKE_PREVIOUS, MAKE_NEXT, MAKE_LINEAR, MAKE_CONSTANT, KEEP } method;

typedef struct filled {
    method   how;
    wr_expr *constant;
    uint32_t next; /* NEXT, LINEAR: column of the value in the row behind */
} filled;

typedef struct fill {
    pipeline         *p;
    const step       *s;
    const wr_yaml    *const *values;
    uint32_t          width;    /* of the input                                   */
    uint32_t          time;     /* column                                         */
    wr_type           type;     /* of the time                                    */
    filled           *columns;  /* one for each of the input                      */
    int64_t           step;     /* microseconds, or months, or a number           */
    bool              by_month;
    wr_window_list    windows;
    wr_plan_node     *node;     /* the last one so far                            */
    uint32_t          next_time, row_number, anchor, to; /* columns; `to` may be NONE */
} fill;

static wr_status place(const fill *f, wr_status status, wr_error *err)
{
    return wr_read_locate(f->p, NULL, WR_FIELD_NONE, f->s->node, status, err);
}

/* ---- What is asked for -------------------------------------------------------------------------- */

static bool is_date(wr_type type)
{
    return type.logical == WR_TYPE_DATE32 || type.logical == WR_TYPE_DATE64;
}

static wr_status read_column(fill *f, const wr_yaml *node, wr_error *err)
{
    wr_scope  scope = wr_scope_of(f->p, f->s);
    item_list items = {0};
    char      name[WR_TYPE_NAME_BYTES];

    WR_TRY(wr_read_items(f->p, f->s, &scope, node, NULL, &items, err));
    if (items.count != 1 || items.items[0].expr->kind != WR_EXPR_COLUMN)
        return wr_yaml_fail(&f->p->file, node, err, "'column' of fill is the name of one column");
    f->time = items.items[0].expr->column;
    f->type = items.items[0].expr->type;
    if (!wr_type_is_integer(f->type) && !is_date(f->type) &&
        (f->type.logical != WR_TYPE_TIMESTAMP || f->type.unit == WR_UNIT_NS))
        return wr_yaml_fail(&f->p->file, node, err,
                            "fill makes whole numbers, dates and timestamps (not of ns), '%.*s' is "
                            "%s",
                            WR_TEXT_ARG(items.items[0].name), wr_type_format(f->type, name));
    return WR_OK;
}

static int shown_bytes(wr_text shown)
{
    return (int)(shown.byte_count < 60 ? shown.byte_count : 60);
}

/* A scalar of the file as a constant of `type`. */
static wr_status read_constant(fill *f, const wr_yaml *node, const char *what, wr_type type,
                               wr_expr **out_expr, wr_error *err)
{
    wr_value value = {.type = WR_TYPE(UTF8)};
    char     name[WR_TYPE_NAME_BYTES];
    wr_expr *expr;

    WR_TRY(wr_read_text(f->p, node, what, &value.text, err));
    expr = wr_expr_const(f->p->bump, &value, err);
    if (!expr)
        return WR_NO_MEMORY;
    WR_TRY(wr_read_locate(f->p, NULL, WR_FIELD_NONE, node,
                          wr_expr_cast(f->p->bump, expr, type, false, &expr, err), err));
    WR_TRY(wr_expr_fold(expr, f->p->bump, out_expr, err));
    if ((*out_expr)->kind != WR_EXPR_CONST || (*out_expr)->value.is_null)
        return wr_yaml_fail(&f->p->file, node, err, "'%s' expects %s, this is '%.*s'", what,
                            wr_type_format(type, name), shown_bytes(value.text), value.text.bytes);
    return WR_OK;
}

static wr_status read_interval(fill *f, const wr_yaml *node, wr_error *err)
{
    const int64_t day_us = 86400000000;
    wr_interval   every;
    wr_expr      *expr;

    WR_TRY(read_constant(f, node, "every", WR_TYPE(INTERVAL), &expr, err));
    every = expr->value.interval;
    f->by_month = every.months != 0;
    if (f->by_month ? every.days != 0 || every.us != 0
                    : __builtin_mul_overflow(every.days, day_us, &f->step) ||
                          __builtin_add_overflow(f->step, every.us, &f->step))
        return wr_yaml_fail(&f->p->file, node, err,
                            "'every' is a number of months and years, or of days and shorter units");
    if (f->by_month)
        f->step = every.months;
    if (is_date(f->type) && !f->by_month && f->step % day_us != 0)
        return wr_yaml_fail(&f->p->file, node, err, "'every' of dates is a number of whole days");
    return WR_OK;
}

static wr_status read_every(fill *f, const wr_yaml *node, wr_error *err)
{
    wr_expr *expr;

    if (wr_type_is_integer(f->type)) {
        WR_TRY(read_constant(f, node, "every", WR_TYPE(I64), &expr, err));
        f->step = expr->value.i64;
    } else {
        WR_TRY(read_interval(f, node, err));
    }
    if (f->step <= 0)
        return wr_yaml_fail(&f->p->file, node, err, "'every' expects more than nothing");
    return WR_OK;
}

/* previous, next, linear, null, or a constant. */
static wr_status read_method(fill *f, const wr_yaml *node, uint32_t column, wr_error *err)
{
    static const char *const METHODS[] = {"null", "previous", "next", "linear", NULL};
    const wr_field *field = &f->s->inputs[0]->schema.fields[column];
    filled         *to = &f->columns[column];
    char            name[WR_TYPE_NAME_BYTES];

    if (node->kind != WR_YAML_SCALAR)
        return wr_yaml_fail(&f->p->file, node, err,
                            "a column is filled with previous, next, linear, null or a constant");
    to->how = MAKE_CONSTANT;
    for (uint32_t m = 0; METHODS[m]; m++)
        if (node->is_null ? m == MAKE_NULL : wr_text_equal_nocase(node->text, wr_text_of(METHODS[m])))
            to->how = (method)m;
    if (to->how == MAKE_CONSTANT)
        return read_constant(f, node, "values", field->type, &to->constant, err);
    if (to->how == MAKE_LINEAR && !wr_type_is_numeric(field->type))
        return wr_yaml_fail(&f->p->file, node, err, "linear takes numbers, '%.*s' is %s",
                            WR_TEXT_ARG(field->name), wr_type_format(field->type, name));
    return WR_OK;
}

/* {column: method}, or one method for all columns that are not kept. */
static wr_status read_methods(fill *f, const wr_yaml *node, wr_error *err)
{
    const wr_schema *schema = &f->s->inputs[0]->schema;

    if (node->kind == WR_YAML_SCALAR) {
        for (uint32_t c = 0; c < f->width; c++)
            if (f->columns[c].how != KEEP)
                WR_TRY(read_method(f, node, c, err));
        return WR_OK;
    }
    if (node->kind != WR_YAML_MAP)
        return wr_yaml_fail(&f->p->file, node, err,
                            "'values' expects columns and how they are filled: {price: previous}");
    for (const wr_yaml *key = node->first; key; key = key->next->next) {
        wr_suggest suggest;
        uint32_t   c = 0;

        wr_suggest_init(&suggest, key->text);
        while (c < f->width && !wr_text_equal(schema->fields[c].name, key->text))
            wr_suggest_offer(&suggest, schema->fields[c++].name);
        if (c == f->width) {
            wr_yaml_fail(&f->p->file, key, err, "unknown column '%.*s'", WR_TEXT_ARG(key->text));
            wr_suggest_append(&suggest, err);
            return WR_INVALID;
        }
        if (f->columns[c].how == KEEP)
            return wr_yaml_fail(&f->p->file, key, err,
                                "'%.*s' is what is filled, or what tells series apart: it needs no "
                                "value",
                                WR_TEXT_ARG(key->text));
        WR_TRY(read_method(f, key->next, c, err));
    }
    return WR_OK;
}

/* ---- Formulas ----------------------------------------------------------------------------------- */

/* SQL over the columns of the last node. */
static void put_number(const fill *f, wr_textbuf *buf, const char *moment)
{
    wr_textbuf_printf(buf, wr_type_is_integer(f->type) ? "CAST(%s AS BIGINT)" : "epoch_us(%s)", moment);
}

/* Moment k of the grid. Days and microseconds apart: a product with an interval is rounded. */
static void put_point(const fill *f, wr_textbuf *buf, const char *k)
{
    wr_textbuf_printf(buf, "(");
    if (wr_type_is_integer(f->type))
        wr_textbuf_printf(buf, "CAST(c%u AS BIGINT) + (%s) * %lld", f->anchor, k,
                          (long long)f->step);
    else if (f->by_month)
        wr_textbuf_printf(buf, "c%u + (%s) * INTERVAL '%lld months'", f->anchor, k,
                          (long long)f->step);
    else
        wr_textbuf_printf(buf,
                          "c%u + (%s) * %lld / 86400000000 * INTERVAL '1 day' + (%s) * %lld %% "
                          "86400000000 * INTERVAL '1 microsecond'",
                          f->anchor, k, (long long)f->step, k, (long long)f->step);
    wr_textbuf_printf(buf, ")");
}

/* How many moments of the grid lie before `moment`, with itself or without. */
static void put_count(const fill *f, wr_textbuf *buf, const char *moment, bool with_itself)
{
    char k[96];

    wr_textbuf_printf(buf, "CASE WHEN %s %s c%u THEN 0 ELSE ", moment, with_itself ? "<" : "<=",
                      f->anchor);
    if (f->by_month) {
        snprintf(k, sizeof k, "date_diff('month', c%u, %s) / %lld", f->anchor, moment,
                 (long long)f->step);
        wr_textbuf_printf(buf, "%s + CASE WHEN ", k);
        put_point(f, buf, k);
        wr_textbuf_printf(buf, " %s %s THEN 1 ELSE 0 END", with_itself ? "<=" : "<", moment);
    } else {
        char anchor[16];

        snprintf(anchor, sizeof anchor, "c%u", f->anchor);
        wr_textbuf_printf(buf, "(");
        put_number(f, buf, moment);
        wr_textbuf_printf(buf, " - ");
        put_number(f, buf, anchor);
        wr_textbuf_printf(buf, "%s) / %lld + 1", with_itself ? "" : " - 1", (long long)f->step);
    }
    wr_textbuf_printf(buf, " END");
}

/* No more than the moments up to `to`. */
static void put_bounded(const fill *f, wr_textbuf *buf, const char *moment)
{
    char to[16];

    wr_textbuf_printf(buf, f->to == WR_FIELD_NONE ? "(" : "least(");
    put_count(f, buf, moment, false);
    if (f->to != WR_FIELD_NONE) {
        snprintf(to, sizeof to, "c%u", f->to);
        wr_textbuf_printf(buf, ", ");
        put_count(f, buf, to, true);
    }
    wr_textbuf_printf(buf, ")");
}

/* The columns of the last node under the names that formulas know them by. */
static wr_status formula_scope(const fill *f, wr_scope *out_scope, wr_error *err)
{
    const wr_schema *from = &f->node->schema;
    wr_schema       *schema = WR_BUMP_NEW(f->p->bump, wr_schema, err);

    if (!schema)
        return WR_NO_MEMORY;
    *schema = *from;
    schema->fields = WR_BUMP_NEW_ARRAY(f->p->bump, wr_field, from->field_count + 1, err);
    if (!schema->fields)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < from->field_count; c++) {
        const char *name = wr_bump_printf(f->p->bump, err, "c%u", c);

        if (!name)
            return WR_NO_MEMORY;
        schema->fields[c] = from->fields[c];
        schema->fields[c].name = wr_text_of(name);
    }
    *out_scope = (wr_scope){.left = schema, .where = "fill"};
    return WR_OK;
}

/* The formula in `buf`; a call of a window function goes into the list of those. */
static wr_status bind(fill *f, wr_textbuf *buf, bool is_window, wr_expr **out_expr, wr_error *err)
{
    wr_scope scope;
    wr_ast  *ast;
    wr_text  sql;

    WR_TRY(wr_textbuf_finish(buf, &sql, err));
    WR_TRY(formula_scope(f, &scope, err));
    scope.source.text = sql;
    WR_TRY(place(f, wr_parse_expr(sql, NULL, f->p->bump, &ast, err), err));
    return place(f,
                 is_window ? wr_bind_window_expr(&scope, ast, &f->windows, f->p->bump, out_expr, err)
                           : wr_bind_expr(&scope, ast, f->p->bump, out_expr, err),
                 err);
}

/* ---- The steps ---------------------------------------------------------------------------------- */

/* `name(column)` in the window; its column. */
static wr_status look(fill *f, const char *name, uint32_t column, uint32_t *out_column,
                      wr_error *err)
{
    wr_textbuf buf;
    wr_expr   *expr;

    wr_textbuf_init(&buf, f->p->bump);
    wr_textbuf_printf(&buf, column == WR_FIELD_NONE ? "%s()" : "%s(c%u)", name, column);
    WR_TRY(bind(f, &buf, true, &expr, err));
    *out_column = expr->column;
    return WR_OK;
}

static wr_status add_window(fill *f, const item_list *partitions, wr_error *err)
{
    wr_window_spec *spec;

    f->windows.specs = spec = WR_BUMP_NEW_ARRAY(f->p->bump, wr_window_spec, 8, err);
    if (!spec)
        return WR_NO_MEMORY;
    f->windows.spec_count = 1;
    spec->order = WR_BUMP_NEW(f->p->bump, wr_plan_key, err);
    if (!spec->order)
        return WR_NO_MEMORY;
    spec->order_count = 1;
    spec->order->expr = wr_step_column(f->p, f->node, f->time, err);
    if (!spec->order->expr)
        return WR_NO_MEMORY;
    {
        wr_text *names;

        WR_TRY(wr_items_split(f->p, partitions, &spec->partitions, &names, err));
        spec->partition_count = partitions->count;
    }
    WR_TRY(look(f, "lead", f->time, &f->next_time, err));
    WR_TRY(look(f, "first_value", f->time, &f->anchor, err));
    WR_TRY(look(f, "row_number", WR_FIELD_NONE, &f->row_number, err));
    for (uint32_t c = 0; c < f->width; c++)
        if (f->columns[c].how == MAKE_NEXT || f->columns[c].how == MAKE_LINEAR)
            WR_TRY(look(f, "lead", c, &f->columns[c].next, err));
    return place(f,
                 wr_plan_add_window(f->p->plan, f->node, spec->partitions, spec->partition_count,
                                    spec->order, 1, f->windows.functions, f->windows.count,
                                    &f->node, err),
                 err);
}

/* A project that keeps the columns of the last node and puts some behind them. */
static wr_status add_columns(fill *f, wr_expr **more, uint32_t more_count, wr_error *err)
{
    uint32_t  width = f->node->schema.field_count, count = width + more_count;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(f->p->bump, wr_expr *, count + 1, err);
    wr_text  *names = WR_BUMP_NEW_ARRAY(f->p->bump, wr_text, count + 1, err);

    if (!exprs || !names)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < count; c++) {
        const char *name = wr_bump_printf(f->p->bump, err, "#%u", c);

        exprs[c] = c < width ? wr_step_column(f->p, f->node, c, err) : more[c - width];
        if (!name || !exprs[c])
            return WR_NO_MEMORY;
        names[c] = wr_text_of(name);
    }
    return place(f, wr_plan_add_project(f->p->plan, f->node, exprs, names, count, &f->node, err),
                 err);
}

/* `from` and `to` as columns. */
static wr_status add_bounds(fill *f, wr_error *err)
{
    wr_expr *bounds[2];
    uint32_t count = 0, width = f->node->schema.field_count;

    f->to = WR_FIELD_NONE;
    if (f->values[FILL_FROM]) {
        WR_TRY(read_constant(f, f->values[FILL_FROM], "from", f->type, &bounds[count], err));
        f->anchor = width + count++;
    }
    if (f->values[FILL_TO]) {
        WR_TRY(read_constant(f, f->values[FILL_TO], "to", f->type, &bounds[count], err));
        f->to = width + count++;
    }
    return count > 0 ? add_columns(f, bounds, count, err) : WR_OK;
}

/* How many moments the grid has up to the row, how many are made in front of the row (of a partition's
 * first only, behind `from`), and how many behind it: three columns. */
static wr_status add_counts(fill *f, uint32_t *out_first, wr_error *err)
{
    wr_textbuf buf;
    wr_expr   *counts[3];
    char       time[16], next[16], passed[16];

    *out_first = f->node->schema.field_count;
    snprintf(time, sizeof time, "c%u", f->time);
    snprintf(next, sizeof next, "c%u", f->next_time);
    snprintf(passed, sizeof passed, "c%u", *out_first);
    wr_textbuf_init(&buf, f->p->bump);
    put_count(f, &buf, time, true);
    WR_TRY(bind(f, &buf, false, &counts[0], err));
    wr_textbuf_init(&buf, f->p->bump);
    wr_textbuf_printf(&buf, "CASE WHEN c%u = 1 AND %s IS NOT NULL THEN ", f->row_number, time);
    put_bounded(f, &buf, time);
    wr_textbuf_printf(&buf, " ELSE 0 END");
    WR_TRY(bind(f, &buf, false, &counts[1], err));
    WR_TRY(add_columns(f, counts, 2, err));
    wr_textbuf_init(&buf, f->p->bump);
    wr_textbuf_printf(&buf, "CASE WHEN %s IS NOT NULL THEN greatest(", next);
    put_bounded(f, &buf, next);
    wr_textbuf_printf(&buf, " - %s, 0)", passed);
    if (f->to != WR_FIELD_NONE) {
        char to[16];

        snprintf(to, sizeof to, "c%u", f->to);
        wr_textbuf_printf(&buf, " WHEN %s IS NOT NULL THEN greatest(", time);
        put_count(f, &buf, to, true);
        wr_textbuf_printf(&buf, " - %s, 0)", passed);
    }
    wr_textbuf_printf(&buf, " ELSE 0 END");
    WR_TRY(bind(f, &buf, false, &counts[2], err));
    return add_columns(f, &counts[2], 1, err);
}

static wr_status add_copies(fill *f, uint32_t counts, wr_error *err)
{
    wr_textbuf buf;
    wr_expr   *times;

    wr_textbuf_init(&buf, f->p->bump);
    wr_textbuf_printf(&buf, "CAST(c%u + 1 + c%u AS BIGINT)", counts + 1, counts + 2);
    WR_TRY(bind(f, &buf, false, &times, err));
    return place(f, wr_plan_add_repeat(f->p->plan, f->node, times, WR_TEXT("#copy"), &f->node, err),
                 err);
}

/* Where copies stand: the row itself has number c<before>, those in front of it less. */
typedef struct copy_columns {
    uint32_t passed, before, copy;
    char     self[48], front[48];
} copy_columns;

/* The moment of a copy. */
static wr_status time_expr(fill *f, const copy_columns *at, wr_expr **out_expr, wr_error *err)
{
    wr_expr   *args[3];
    wr_textbuf buf;
    char       k[128];

    wr_textbuf_init(&buf, f->p->bump);
    wr_textbuf_printf(&buf, "%s", at->self);
    WR_TRY(bind(f, &buf, false, &args[0], err));
    args[1] = wr_step_column(f->p, f->node, f->time, err);
    if (!args[1])
        return WR_NO_MEMORY;
    snprintf(k, sizeof k, "CASE WHEN %s THEN c%u ELSE c%u + c%u - c%u - 1 END", at->front, at->copy,
             at->passed, at->copy, at->before);
    wr_textbuf_init(&buf, f->p->bump);
    put_point(f, &buf, k);
    WR_TRY(bind(f, &buf, false, &args[2], err));
    WR_TRY(place(f, wr_expr_cast(f->p->bump, args[2], f->type, false, &args[2], err), err));
    return place(f, wr_expr_case(f->p->bump, args, 3, out_expr, err), err);
}

/* On the line from this row's value to the next one's, by time. */
static void put_linear(const fill *f, wr_textbuf *buf, const copy_columns *at, uint32_t column)
{
    const char *form = "CASE WHEN %s THEN CAST(c%u AS DOUBLE) WHEN NOT %s THEN CAST(c%u AS DOUBLE) + "
                       "(CAST(c%u AS DOUBLE) - CAST(c%u AS DOUBLE)) * CAST(";
    char        k[64], time[16], next[16], point[16];

    snprintf(k, sizeof k, "c%u + c%u - c%u - 1", at->passed, at->copy, at->before);
    snprintf(time, sizeof time, "c%u", f->time);
    snprintf(next, sizeof next, "c%u", f->next_time);
    snprintf(point, sizeof point, "%s", wr_type_is_integer(f->type) ? "" : "epoch_us");
    wr_textbuf_printf(buf, form, at->self, column, at->front, column, f->columns[column].next, column);
    wr_textbuf_printf(buf, "%s", point);
    put_point(f, buf, k);
    wr_textbuf_printf(buf, " - ");
    put_number(f, buf, time);
    wr_textbuf_printf(buf, " AS DOUBLE) / CAST(");
    put_number(f, buf, next);
    wr_textbuf_printf(buf, " - ");
    put_number(f, buf, time);
    wr_textbuf_printf(buf, " AS DOUBLE) END");
}

/* What a column holds in a copy. */
static wr_status value_expr(fill *f, uint32_t column, const copy_columns *at, wr_expr **out_expr,
                            wr_error *err)
{
    const filled *how = &f->columns[column];
    wr_expr      *args[3];
    wr_textbuf    buf;

    wr_textbuf_init(&buf, f->p->bump);
    switch (how->how) {
    case KEEP:
        *out_expr = wr_step_column(f->p, f->node, column, err);
        return *out_expr ? WR_OK : WR_NO_MEMORY;
    case MAKE_CONSTANT:
        wr_textbuf_printf(&buf, "%s", at->self);
        WR_TRY(bind(f, &buf, false, &args[0], err));
        args[1] = wr_step_column(f->p, f->node, column, err);
        args[2] = how->constant;
        return args[1] ? place(f, wr_expr_case(f->p->bump, args, 3, out_expr, err), err)
                       : WR_NO_MEMORY;
    case MAKE_NULL:
        wr_textbuf_printf(&buf, "CASE WHEN %s THEN c%u END", at->self, column);
        break;
    case MAKE_PREVIOUS:
        wr_textbuf_printf(&buf, "CASE WHEN NOT %s THEN c%u END", at->front, column);
        break;
    case MAKE_NEXT:
        wr_textbuf_printf(&buf, "CASE WHEN %s OR %s THEN c%u WHEN c%u IS NOT NULL THEN c%u END",
                          at->front, at->self, column, f->next_time, how->next);
        break;
    case MAKE_LINEAR:
        put_linear(f, &buf, at, column);
        break;
    }
    return bind(f, &buf, false, out_expr, err);
}

static wr_status add_output(fill *f, uint32_t counts, wr_plan_node **out_node, wr_error *err)
{
    const wr_schema *schema = &f->s->inputs[0]->schema;
    copy_columns     at = {.passed = counts, .before = counts + 1,
                           .copy = f->node->schema.field_count - 1};
    wr_expr        **exprs = WR_BUMP_NEW_ARRAY(f->p->bump, wr_expr *, f->width + 1, err);
    wr_text         *names = WR_BUMP_NEW_ARRAY(f->p->bump, wr_text, f->width + 1, err);

    if (!exprs || !names)
        return WR_NO_MEMORY;
    snprintf(at.self, sizeof at.self, "(c%u = c%u)", at.copy, at.before);
    snprintf(at.front, sizeof at.front, "(c%u < c%u)", at.copy, at.before);
    for (uint32_t c = 0; c < f->width; c++) {
        names[c] = schema->fields[c].name;
        WR_TRY(c == f->time ? time_expr(f, &at, &exprs[c], err)
                            : value_expr(f, c, &at, &exprs[c], err));
    }
    return place(f, wr_plan_add_project(f->p->plan, f->node, exprs, names, f->width, out_node, err),
                 err);
}

static wr_status build_fill(pipeline *p, const step *s, const wr_yaml *const *values,
                            wr_plan_node **out_node, wr_error *err)
{
    fill      f = {.p = p, .s = s, .values = values, .node = s->inputs[0],
                   .width = s->inputs[0]->schema.field_count};
    wr_scope  scope = wr_scope_of(p, s);
    item_list partitions = {0};
    uint32_t  counts;

    WR_TRY(wr_read_require(p, s, values[FILL_COLUMN], "column", err));
    WR_TRY(wr_read_require(p, s, values[FILL_EVERY], "every", err));
    f.columns = WR_BUMP_NEW_ARRAY(p->bump, filled, f.width + 1, err);
    if (!f.columns)
        return WR_NO_MEMORY;
    WR_TRY(read_column(&f, values[FILL_COLUMN], err));
    WR_TRY(read_every(&f, values[FILL_EVERY], err));
    f.columns[f.time].how = KEEP;
    if (values[FILL_PARTITION_BY])
        WR_TRY(wr_read_items(p, s, &scope, values[FILL_PARTITION_BY], NULL, &partitions, err));
    for (uint32_t i = 0; i < partitions.count; i++)
        if (partitions.items[i].expr->kind == WR_EXPR_COLUMN)
            f.columns[partitions.items[i].expr->column].how = KEEP;
    if (values[FILL_VALUES])
        WR_TRY(read_methods(&f, values[FILL_VALUES], err));
    WR_TRY(add_window(&f, &partitions, err));
    WR_TRY(add_bounds(&f, err));
    WR_TRY(add_counts(&f, &counts, err));
    WR_TRY(add_copies(&f, counts, err));
    return add_output(&f, counts, out_node, err);
}

const step_op WR_STEP_FILL = {
    .name = "fill",
    .summary = "makes the rows that a series of moments or numbers lacks",
    .keys = {"column", "every", "partition_by", "from", "to", "values"},
    .helps =
        {
            "whole numbers, dates or timestamps; rows come out in their order, those without one last",
            "a number, or an interval such as 5 minutes or 1 month; counted from 'from', or from the "
            "first row. Rows off this grid stay and are not doubled",
            "names or expressions: a series each; without it all rows are one",
            "the first moment, where the series begins later",
            "the last moment, where the series ends earlier",
            "what made rows hold: {column: previous, next, linear (a Float64), null or a constant}, or "
            "one of them for all; NULL when not given",
        },
    .input_count = 1,
    .build = build_fill,
};
