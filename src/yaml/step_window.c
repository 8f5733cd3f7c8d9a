/* yaml/step_window.c — window: functions over the rows around each row.
 *
 * A function is written as SQL ("rank() OVER (ORDER BY x) AS r"), or as a map {alias, type, column,
 * ...}, which is put together as SQL. Functions of equal partitions and order make one node of the
 * plan; nodes follow each other, and a project gives the columns their names. */
#include "mem/textbuf.h"
#include "yaml/pipeline_priv.h"

enum { FN_ALIAS, FN_TYPE, FN_COLUMN, FN_OFFSET, FN_DEFAULT, FN_FRAME, FN_FILTER,
       FN_IGNORE_NULLS, FN_KEY_COUNT };
static const char *const FN_KEYS[] = {"alias", "type",   "column",       "offset", "default",
                                      "frame", "filter", "ignore_nulls", NULL};

typedef struct window_reading {
    pipeline      *p;
    const step    *s;
    wr_scope       scope;
    wr_window_list list;
    item          *items;
    uint32_t       count, capacity;
} window_reading;

static wr_status add_item(window_reading *r, item added, wr_error *err)
{
    if (r->count == r->capacity) {
        uint32_t capacity = r->capacity ? 2 * r->capacity : 16;
        item    *items = WR_BUMP_NEW_ARRAY(r->p->bump, item, capacity, err);

        if (!items)
            return WR_NO_MEMORY;
        if (r->count > 0)
            memcpy(items, r->items, r->count * sizeof items[0]);
        r->items = items;
        r->capacity = capacity;
    }
    r->items[r->count++] = added;
    return WR_OK;
}

static wr_status bind_item(window_reading *r, const wr_ast *ast, wr_text name, const wr_yaml *node,
                           wr_error *err)
{
    item        added = {.name = name, .node = node, .is_named = name.byte_count > 0};
    const char *text;

    WR_TRY(wr_bind_window_expr(&r->scope, ast, &r->list, r->p->bump, &added.expr, err));
    if (!added.is_named) {
        text = wr_ast_format(ast, r->p->bump, err);
        if (!text)
            return WR_NO_MEMORY;
        added.name = wr_text_of(text);
    }
    return add_item(r, added, err);
}

/* ---- SQL ------------------------------------------------------------------------------------- */

/* `name` is given by a map's key, or "". */
static wr_status read_sql(window_reading *r, const wr_yaml *node, wr_text name, wr_error *err)
{
    wr_parse_options options = {.source = &r->scope.source,
                                .double_pipe_is_or = r->p->is_em_root};
    wr_ast_item     *items, single = {0};
    uint32_t         count = 1;
    wr_text          text;

    WR_TRY(wr_read_text(r->p, node, "functions", &text, err));
    r->scope.source = wr_yaml_source(&r->p->file, node);
    if (name.byte_count) {
        WR_TRY(wr_parse_expr(text, &options, r->p->bump, &single.expr, err));
        items = &single;
    } else {
        WR_TRY(wr_parse_items(text, &options, r->p->bump, &items, &count, err));
    }
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(bind_item(r, items[i].expr, name.byte_count ? name : items[i].alias, node, err));
    return WR_OK;
}

/* ---- {alias, type, column, ...} ---------------------------------------------------------------- */

static bool is_column(const window_reading *r, wr_text name)
{
    const wr_schema *schema = r->scope.left;

    for (uint32_t i = 0; i < schema->field_count; i++)
        if (wr_text_equal(schema->fields[i].name, name))
            return true;
    return false;
}

/* A column's name, quoted, or an expression in parentheses. */
static wr_status put_operand(window_reading *r, wr_textbuf *buf, const wr_yaml *node,
                             const char *key, const char *before, wr_error *err)
{
    wr_text text;

    WR_TRY(wr_read_text(r->p, node, key, &text, err));
    wr_textbuf_printf(buf, "%s", before);
    if (!is_column(r, text) || wr_text_equal(text, WR_TEXT("*"))) {
        wr_textbuf_printf(buf, "%.*s", WR_TEXT_ARG(text));
        return WR_OK;
    }
    wr_textbuf_printf(buf, "\"");
    for (size_t i = 0; i < text.byte_count; i++)
        wr_textbuf_printf(buf, "%s%c", text.bytes[i] == '"' ? "\"" : "", text.bytes[i]);
    wr_textbuf_printf(buf, "\"");
    return WR_OK;
}

static bool is_name_byte(char byte)
{
    return byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

static wr_status put_call(window_reading *r, wr_textbuf *buf, const wr_yaml *const *values,
                          wr_error *err)
{
    wr_text type, text;
    bool    ignore_nulls = false;

    WR_TRY(wr_read_text(r->p, values[FN_TYPE], "type", &type, err));
    for (size_t i = 0; i < type.byte_count; i++)
        if (!is_name_byte(type.bytes[i]))
            return wr_yaml_fail(&r->p->file, values[FN_TYPE], err,
                                "'type' is the name of a window function, such as rank or sum");
    wr_textbuf_printf(buf, "%.*s(", WR_TEXT_ARG(type));
    if (values[FN_COLUMN])
        WR_TRY(put_operand(r, buf, values[FN_COLUMN], "column", "", err));
    if (values[FN_OFFSET])
        WR_TRY(put_operand(r, buf, values[FN_OFFSET], "offset", values[FN_COLUMN] ? ", " : "", err));
    if (values[FN_DEFAULT])
        WR_TRY(put_operand(r, buf, values[FN_DEFAULT], "default",
                           values[FN_OFFSET] ? ", " : ", 1, ", err));
    wr_textbuf_printf(buf, ")");
    if (values[FN_FILTER]) {
        WR_TRY(wr_read_text(r->p, values[FN_FILTER], "filter", &text, err));
        wr_textbuf_printf(buf, " FILTER (WHERE %.*s)", WR_TEXT_ARG(text));
    }
    if (values[FN_IGNORE_NULLS])
        WR_TRY(wr_read_bool(r->p, values[FN_IGNORE_NULLS], "ignore_nulls", &ignore_nulls, err));
    wr_textbuf_printf(buf, "%s", ignore_nulls ? " IGNORE NULLS" : "");
    if (values[FN_FRAME]) {
        WR_TRY(wr_read_text(r->p, values[FN_FRAME], "frame", &text, err));
        wr_textbuf_printf(buf, " OVER (%.*s)", WR_TEXT_ARG(text));
    }
    return WR_OK;
}

/* sum of x is "sum_x", as aggregates are named. */
static wr_status name_function(window_reading *r, const wr_yaml *const *values, wr_text *out_name,
                               wr_error *err)
{
    wr_text type = values[FN_TYPE]->text;
    char   *name;

    if (values[FN_ALIAS]) {
        WR_TRY(wr_read_text(r->p, values[FN_ALIAS], "alias", out_name, err));
        return out_name->byte_count ? WR_OK
                                    : wr_yaml_fail(&r->p->file, values[FN_ALIAS], err,
                                                   "empty column name");
    }
    name = values[FN_COLUMN] ? wr_bump_printf(r->p->bump, err, "%.*s_%.*s", WR_TEXT_ARG(type),
                                              WR_TEXT_ARG(values[FN_COLUMN]->text))
                             : wr_bump_printf(r->p->bump, err, "%.*s", WR_TEXT_ARG(type));
    if (!name)
        return WR_NO_MEMORY;
    *out_name = wr_text_of(name);
    return WR_OK;
}

static wr_status read_function(window_reading *r, const wr_yaml *map, wr_error *err)
{
    wr_parse_options options = {.source = &r->scope.source,
                                .double_pipe_is_or = r->p->is_em_root};
    const wr_yaml   *values[FN_KEY_COUNT];
    wr_textbuf       buf;
    wr_text          text, name;
    wr_ast          *ast;

    WR_TRY(wr_read_keys(r->p, map, "a window function", FN_KEYS, NULL, values, err));
    if (!values[FN_TYPE])
        return wr_yaml_fail(&r->p->file, map, err,
                            "a window function needs 'type', such as rank or sum");
    wr_textbuf_init(&buf, r->p->bump);
    WR_TRY(put_call(r, &buf, values, err));
    WR_TRY(wr_textbuf_finish(&buf, &text, err));
    r->scope.source = wr_yaml_source(&r->p->file, values[FN_TYPE]);
    r->scope.source.text = text;
    r->scope.source.is_verbatim = false;
    WR_TRY(wr_parse_expr(text, &options, r->p->bump, &ast, err));
    if (ast->over)
        ast->over->inherits = true;
    if (ast->over && (ast->over->partition_count > 0 || ast->over->order_count > 0))
        return wr_yaml_fail(&r->p->file, values[FN_FRAME], err,
                            "'frame' is ROWS, RANGE or GROUPS BETWEEN ... AND ...: partitions and "
                            "order are the step's");
    WR_TRY(name_function(r, values, &name, err));
    return bind_item(r, ast, name, map, err);
}

/* {alias, type, ...}, or names and expressions. */
static wr_status read_map(window_reading *r, const wr_yaml *map, wr_error *err)
{
    for (const wr_yaml *key = map->first; key; key = key->next->next)
        if (wr_text_equal(key->text, WR_TEXT("type")) || wr_text_equal(key->text, WR_TEXT("alias")))
            return read_function(r, map, err);
    for (const wr_yaml *key = map->first; key; key = key->next->next) {
        if (key->text.byte_count == 0)
            return wr_yaml_fail(&r->p->file, key, err, "empty column name");
        WR_TRY(read_sql(r, key->next, key->text, err));
    }
    return WR_OK;
}

static wr_status read_functions(window_reading *r, const wr_yaml *node, wr_error *err)
{
    if (node->kind == WR_YAML_SCALAR)
        return read_sql(r, node, (wr_text){NULL, 0}, err);
    if (node->kind == WR_YAML_MAP)
        return read_map(r, node, err);
    for (const wr_yaml *child = node->first; child; child = child->next)
        WR_TRY(child->kind == WR_YAML_MAP ? read_map(r, child, err)
                                          : read_sql(r, child, (wr_text){NULL, 0}, err));
    return WR_OK;
}

/* ---- The plan ---------------------------------------------------------------------------------- */

static wr_status place(const window_reading *r, wr_status status, wr_error *err)
{
    return wr_read_locate(r->p, NULL, WR_FIELD_NONE, r->s->node, status, err);
}

/* A node for each specification that is used; map[column as bound] = column of the last node. */
static wr_status add_windows(window_reading *r, uint32_t *map, wr_plan_node **io_node,
                             wr_error *err)
{
    wr_window_list *list = &r->list;
    uint32_t        width = r->scope.left->field_count;

    for (uint32_t s = 0; s < list->spec_count; s++) {
        const wr_window_spec *spec = &list->specs[s];
        wr_plan_function     *functions =
            WR_BUMP_NEW_ARRAY(r->p->bump, wr_plan_function, list->count + 1, err);
        uint32_t count = 0;

        if (!functions)
            return WR_NO_MEMORY;
        for (uint32_t f = 0; f < list->count; f++) {
            if (list->function_specs[f] != s)
                continue;
            map[width + f] = (*io_node)->schema.field_count + count;
            functions[count++] = list->functions[f];
        }
        if (count > 0)
            WR_TRY(place(r,
                         wr_plan_add_window(r->p->plan, *io_node, spec->partitions,
                                            spec->partition_count, spec->order, spec->order_count,
                                            functions, count, io_node, err),
                         err));
    }
    return WR_OK;
}

static wr_status add_plan(window_reading *r, wr_plan_node **out_node, wr_error *err)
{
    pipeline        *p = r->p;
    const wr_schema *input = r->scope.left;
    uint32_t         width = input->field_count, count = width + r->count;
    uint32_t        *map = WR_BUMP_NEW_ARRAY(p->bump, uint32_t, width + r->list.count + 1, err);
    wr_expr        **exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    wr_text         *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + 1, err);
    wr_plan_node    *node = r->s->inputs[0];

    if (!map || !exprs || !names)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < width; c++) {
        map[c] = c;
        names[c] = input->fields[c].name;
        if (!(exprs[c] = wr_step_column(p, node, c, err)))
            return WR_NO_MEMORY;
    }
    WR_TRY(add_windows(r, map, &node, err));
    for (uint32_t i = 0; i < r->count; i++) {
        names[width + i] = r->items[i].name;
        exprs[width + i] = wr_expr_remap(r->items[i].expr, map, p->bump, err);
        if (!exprs[width + i])
            return WR_NO_MEMORY;
    }
    return place(r, wr_plan_add_project(p->plan, node, exprs, names, count, out_node, err), err);
}

/* The condition is over the columns that come out. */
static wr_status qualify(pipeline *p, const step *s, const wr_yaml *value, wr_plan_node **io_node,
                         wr_error *err)
{
    wr_plan_node *inputs[2] = {*io_node, NULL};
    step          over = *s;
    wr_expr      *predicate;

    over.inputs = inputs;
    WR_TRY(wr_read_predicate(p, &over, value, &predicate, err));
    return wr_read_locate(p, NULL, WR_FIELD_NONE, s->node,
                          wr_plan_add_filter(p->plan, *io_node, predicate, io_node, err), err);
}

enum { WINDOW_FUNCTIONS, WINDOW_PARTITIONS, WINDOW_PARTITION_BY, WINDOW_ORDER_BY, WINDOW_QUALIFY };

static wr_status build_window(pipeline *p, const step *s, const wr_yaml *const *values,
                              wr_plan_node **out_node, wr_error *err)
{
    const wr_yaml *partitions = values[WINDOW_PARTITIONS] ? values[WINDOW_PARTITIONS]
                                                          : values[WINDOW_PARTITION_BY];
    window_reading r = {.p = p, .s = s, .scope = wr_scope_of(p, s)};
    wr_window_spec spec = {0};
    item_list      keys = {0};
    wr_text       *names;

    WR_TRY(wr_read_require(p, s, values[WINDOW_FUNCTIONS], "functions", err));
    if (values[WINDOW_PARTITIONS] && values[WINDOW_PARTITION_BY])
        return wr_yaml_fail(&p->file, values[WINDOW_PARTITION_BY], err,
                            "window takes 'partitions' or 'partition_by', not both");
    if (partitions && !partitions->is_null)
        WR_TRY(wr_read_items(p, s, &r.scope, partitions, NULL, &keys, err));
    WR_TRY(wr_items_split(p, &keys, &spec.partitions, &names, err));
    spec.partition_count = keys.count;
    if (values[WINDOW_ORDER_BY] && !values[WINDOW_ORDER_BY]->is_null)
        WR_TRY(wr_read_sort_keys(p, s, values[WINDOW_ORDER_BY], &spec.order, &spec.order_count,
                                 err));
    r.list.specs = WR_BUMP_NEW_ARRAY(p->bump, wr_window_spec, 8, err);
    if (!r.list.specs)
        return WR_NO_MEMORY;
    r.list.specs[r.list.spec_count++] = spec;
    WR_TRY(read_functions(&r, values[WINDOW_FUNCTIONS], err));
    if (r.count == 0)
        return wr_yaml_fail(&p->file, values[WINDOW_FUNCTIONS], err, "'functions' is empty");
    WR_TRY(add_plan(&r, out_node, err));
    return values[WINDOW_QUALIFY] ? qualify(p, s, values[WINDOW_QUALIFY], out_node, err) : WR_OK;
}

const step_op WR_STEP_WINDOW = {
    .name = "window",
    .summary = "adds columns computed over the rows around each row",
    .keys = {"functions", "partitions", "partition_by", "order_by", "qualify"},
    .helps =
        {
            "window functions and aggregates (weir help windows) AS name, and expressions over "
            "them; with OVER (PARTITION BY ... ORDER BY ... ROWS, RANGE or GROUPS BETWEEN ... AND ... "
            "EXCLUDE ...) of their own; or maps {alias, type, column, offset, default, frame, filter, ignore_nulls}",
            "names or expressions: functions without OVER look at rows with equal values only",
            "as partitions",
            "the order within a partition, as in sort; rows come out by partition and order",
            "a condition on what comes out, as a filter behind; rank() or row_number() <= k lets "
            "the step drop rows early",
        },
    .input_count = 1,
    .build = build_window,
};
