/* yaml/step_combine.c — steps that put the rows of several steps together: union, intersect, except.
 *
 * Columns are matched by position or by name and widened to their common type by a project in front
 * of each input that needs one; what then meets has one schema. A union of many is a balanced tree of
 * unions of two, which keeps the order of the inputs. Distinct rows are groups (step_distinct.c).
 *
 * intersect and except count how often each row comes from where: an aggregate by all columns over
 * the union of the inputs, each with a number. Rows are equal as groups are: NULL equals NULL. A row
 * then passes once, or with `all` as often as the counts say (a repeat). */
#include "yaml/pipeline_priv.h"

static wr_status place(const pipeline *p, const step *s, wr_status status, wr_error *err)
{
    return wr_read_locate(p, NULL, WR_FIELD_NONE, s->node, status, err);
}

/* How the inputs' columns meet. */
typedef struct meeting {
    wr_schema  schema;  /* of the output; types widened as inputs are added         */
    uint32_t **columns; /* [input][output column]: the input's, or WR_FIELD_NONE    */
    bool       by_name;
} meeting;

/* The place of input `i` in the list. */
static const wr_yaml *input_node(const step *s, uint32_t i)
{
    const wr_yaml *node = s->inputs_node->first;

    while (i-- > 0)
        node = node->next;
    return node;
}

static bool loses_digits(wr_type from, wr_type to)
{
    return from.logical == WR_TYPE_DECIMAL && to.logical == WR_TYPE_DECIMAL && from.scale > to.scale;
}

/* Column `c` of the output also holds `field` of input `i`. */
static wr_status widen(pipeline *p, const step *s, meeting *m, uint32_t c, const wr_field *field,
                       uint32_t i, wr_error *err)
{
    wr_field *ours = &m->schema.fields[c];
    wr_type   type;
    char      our_name[WR_TYPE_NAME_BYTES], their_name[WR_TYPE_NAME_BYTES];

    if (!wr_type_common(ours->type, field->type, &type))
        return wr_yaml_fail(&p->file, input_node(s, i), err,
                            "column '%.*s' is %s above and %s in '%.*s', which have no common "
                            "type: cast one with map",
                            WR_TEXT_ARG(ours->name), wr_type_format(ours->type, our_name),
                            wr_type_format(field->type, their_name),
                            WR_TEXT_ARG(s->input_names[i]));
    if (loses_digits(ours->type, type) || loses_digits(field->type, type))
        return wr_yaml_fail(&p->file, input_node(s, i), err,
                            "column '%.*s' is %s above and %s in '%.*s', together more than 38 "
                            "digits: cast one with map",
                            WR_TEXT_ARG(ours->name), wr_type_format(ours->type, our_name),
                            wr_type_format(field->type, their_name),
                            WR_TEXT_ARG(s->input_names[i]));
    ours->type = type;
    return WR_OK;
}

/* ---- By position ---------------------------------------------------------------------------- */

static wr_status meet_by_position(pipeline *p, const step *s, meeting *m, wr_error *err)
{
    uint32_t count = s->inputs[0]->schema.field_count;

    m->schema.fields = WR_BUMP_NEW_ARRAY(p->bump, wr_field, count + 1, err);
    if (!m->schema.fields)
        return WR_NO_MEMORY;
    memcpy(m->schema.fields, s->inputs[0]->schema.fields, count * sizeof(wr_field));
    m->schema.field_count = count;
    for (uint32_t i = 0; i < s->input_count; i++) {
        const wr_schema *theirs = &s->inputs[i]->schema;

        if (theirs->field_count != count)
            return wr_yaml_fail(&p->file, input_node(s, i), err,
                                "'%.*s' has %u columns, '%.*s' has %u: by: name matches columns by "
                                "their names, and what is missing is NULL",
                                WR_TEXT_ARG(s->input_names[i]), theirs->field_count,
                                WR_TEXT_ARG(s->input_names[0]), count);
        m->columns[i] = WR_BUMP_NEW_ARRAY(p->bump, uint32_t, count + 1, err);
        if (!m->columns[i])
            return WR_NO_MEMORY;
        for (uint32_t c = 0; c < count; c++) {
            m->columns[i][c] = c;
            WR_TRY(widen(p, s, m, c, &theirs->fields[c], i, err));
        }
    }
    return WR_OK;
}

/* ---- By name -------------------------------------------------------------------------------- */

static wr_status fail_two_columns(const pipeline *p, const step *s, const meeting *m, uint32_t i,
                                  uint32_t c, wr_error *err)
{
    return wr_yaml_fail(&p->file, input_node(s, i), err,
                        "two columns of '%.*s' are called '%.*s' but for their case: rename one",
                        WR_TEXT_ARG(s->input_names[i]), WR_TEXT_ARG(m->schema.fields[c].name));
}

static wr_status meet_by_name(pipeline *p, const step *s, meeting *m, wr_error *err)
{
    uint32_t room = 0;

    for (uint32_t i = 0; i < s->input_count; i++)
        room += s->inputs[i]->schema.field_count;
    m->schema.fields = WR_BUMP_NEW_ARRAY(p->bump, wr_field, room + 1, err);
    if (!m->schema.fields)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < s->input_count; i++) {
        const wr_schema *theirs = &s->inputs[i]->schema;
        uint32_t        *columns = WR_BUMP_NEW_ARRAY(p->bump, uint32_t, room + 1, err);

        if (!columns)
            return WR_NO_MEMORY;
        for (uint32_t c = 0; c < room; c++)
            columns[c] = WR_FIELD_NONE;
        for (uint32_t f = 0; f < theirs->field_count; f++) {
            const wr_field *field = &theirs->fields[f];
            uint32_t        c = wr_schema_find(&m->schema, field->name, NULL);

            if (c == WR_FIELD_NONE) {
                c = m->schema.field_count++;
                m->schema.fields[c] = *field;
            }
            if (columns[c] != WR_FIELD_NONE)
                return fail_two_columns(p, s, m, i, c, err);
            columns[c] = f;
            WR_TRY(widen(p, s, m, c, field, i, err));
        }
        m->columns[i] = columns;
    }
    return WR_OK;
}

/* ---- What meets ------------------------------------------------------------------------------- */

/* Column `c` of the output out of input `i`. */
static wr_status conform(pipeline *p, const step *s, const meeting *m, uint32_t i, uint32_t c,
                         wr_expr **out_expr, wr_error *err)
{
    uint32_t column = m->columns[i][c];
    wr_type  type = m->schema.fields[c].type;
    wr_value missing = {.type = type, .is_null = true};

    if (column == WR_FIELD_NONE) {
        *out_expr = wr_expr_const(p->bump, &missing, err);
        return *out_expr ? WR_OK : WR_NO_MEMORY;
    }
    *out_expr = wr_step_column(p, s->inputs[i], column, err);
    if (!*out_expr)
        return WR_NO_MEMORY;
    return place(p, s, wr_expr_cast(p->bump, *out_expr, type, false, out_expr, err), err);
}

/* Input `i` with the columns of the output; itself if it has them. */
static wr_status add_conforming(pipeline *p, const step *s, const meeting *m, uint32_t i,
                                wr_plan_node **out_node, wr_error *err)
{
    uint32_t  count = m->schema.field_count;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    wr_text  *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + 1, err);
    bool      same = count == s->inputs[i]->schema.field_count;

    if (!exprs || !names)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < count; c++) {
        names[c] = m->schema.fields[c].name;
        WR_TRY(conform(p, s, m, i, c, &exprs[c], err));
        same &= exprs[c]->kind == WR_EXPR_COLUMN && exprs[c]->column == c;
    }
    *out_node = s->inputs[i];
    if (same)
        return WR_OK;
    return place(p, s,
                 wr_plan_add_project(p->plan, s->inputs[i], exprs, names, count, out_node, err),
                 err);
}

/* The inputs, matched and widened; what is read from `by`. */
static wr_status read_inputs(pipeline *p, const step *s, const wr_yaml *by,
                             wr_plan_node ***out_nodes, wr_error *err)
{
    static const char *const CHOICES[] = {"position", "name", NULL};
    meeting        m = {.columns = WR_BUMP_NEW_ARRAY(p->bump, uint32_t *, s->input_count + 1, err)};
    wr_plan_node **nodes = WR_BUMP_NEW_ARRAY(p->bump, wr_plan_node *, s->input_count + 1, err);
    uint32_t       choice = 0;

    if (!m.columns || !nodes)
        return WR_NO_MEMORY;
    if (by)
        WR_TRY(wr_read_choice(p, by, "by", CHOICES, &choice, err));
    WR_TRY(choice == 1 ? meet_by_name(p, s, &m, err) : meet_by_position(p, s, &m, err));
    for (uint32_t i = 0; i < s->input_count; i++)
        WR_TRY(add_conforming(p, s, &m, i, &nodes[i], err));
    *out_nodes = nodes;
    return WR_OK;
}

/* All rows of all nodes, in their order. */
static wr_status add_union(pipeline *p, const step *s, wr_plan_node **nodes, uint32_t count,
                           wr_plan_node **out_node, wr_error *err)
{
    while (count > 1) {
        uint32_t made = 0;

        for (uint32_t i = 0; i + 1 < count; i += 2)
            WR_TRY(place(p, s,
                         wr_plan_add_union(p->plan, nodes[i], nodes[i + 1], &nodes[made++], err),
                         err));
        if (count % 2)
            nodes[made++] = nodes[count - 1];
        count = made;
    }
    *out_node = nodes[0];
    return WR_OK;
}

/* ---- union ------------------------------------------------------------------------------------ */

enum { COMBINE_ALL, COMBINE_BY };

static wr_status build_union(pipeline *p, const step *s, const wr_yaml *const *values,
                             wr_plan_node **out_node, wr_error *err)
{
    bool           all = false;
    wr_plan_node **nodes, *node;

    if (values[COMBINE_ALL])
        WR_TRY(wr_read_bool(p, values[COMBINE_ALL], "all", &all, err));
    WR_TRY(read_inputs(p, s, values[COMBINE_BY], &nodes, err));
    WR_TRY(add_union(p, s, nodes, s->input_count, &node, err));
    *out_node = node;
    return all ? WR_OK : wr_step_distinct(p, s, node, out_node, err);
}

const step_op WR_STEP_UNION = {
    .name = "union",
    .summary = "puts the rows of several steps (inputs) one after another",
    .keys = {"all", "by"},
    .helps =
        {
            "true keeps every row; false (the default) keeps one of the rows that are equal, as "
            "UNION in SQL",
            "how columns are matched: position (the default; names are the first step's) or name, "
            "where a column that a step has not is NULL. Types are widened",
        },
    .input_count = STEP_INPUTS_MAX,
    .build = build_union,
};

/* ---- intersect, except ------------------------------------------------------------------------ */

static wr_expr *number_expr(const pipeline *p, int64_t number, wr_error *err)
{
    wr_value value = {.type = WR_TYPE(I64), .i64 = number};

    return wr_expr_const(p->bump, &value, err);
}

static wr_status call(const pipeline *p, const char *name, wr_expr **args, uint32_t count,
                      wr_expr **out_expr, wr_error *err)
{
    return wr_expr_call(p->bump, wr_text_of(name), args, count, out_expr, err);
}

/* `expr` compared with a number. */
static wr_status compare(const pipeline *p, wr_expr *expr, const char *name, int64_t number,
                         wr_expr **out_expr, wr_error *err)
{
    wr_expr *args[2] = {expr, number_expr(p, number, err)};

    return args[1] ? call(p, name, args, 2, out_expr, err) : WR_NO_MEMORY;
}

/* The first `count` columns of `node`, then `more` if given. */
static wr_status add_columns(pipeline *p, const step *s, wr_plan_node *node, uint32_t count,
                             wr_expr *more, wr_text more_name, wr_plan_node **out_node,
                             wr_error *err)
{
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 2, err);
    wr_text  *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + 2, err);

    if (!exprs || !names)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < count; c++) {
        names[c] = node->schema.fields[c].name;
        if (!(exprs[c] = wr_step_column(p, node, c, err)))
            return WR_NO_MEMORY;
    }
    exprs[count] = more;
    names[count] = more_name;
    return place(p, s,
                 wr_plan_add_project(p->plan, node, exprs, names, count + (more != NULL), out_node,
                                     err),
                 err);
}

/* Groups of equal rows of all inputs; behind the columns how many of each came from the first
 * input, and from the second and so on. `set_count` 2: from the first, from any other. */
static wr_status add_counts(pipeline *p, const step *s, wr_plan_node **nodes, uint32_t set_count,
                            wr_plan_node **out_node, wr_error *err)
{
    uint32_t      count = nodes[0]->schema.field_count;
    wr_plan_agg  *aggs = WR_BUMP_NEW_ARRAY(p->bump, wr_plan_agg, set_count + 1, err);
    wr_expr     **keys = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    wr_text      *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + set_count + 1, err);
    wr_plan_node *all;

    if (!aggs || !keys || !names)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < s->input_count; i++) {
        wr_expr *set = number_expr(p, i < set_count ? i : set_count - 1, err);

        if (!set)
            return WR_NO_MEMORY;
        WR_TRY(add_columns(p, s, nodes[i], count, set, WR_TEXT("#set"), &nodes[i], err));
    }
    WR_TRY(add_union(p, s, nodes, s->input_count, &all, err));
    for (uint32_t c = 0; c < count; c++) {
        names[c] = all->schema.fields[c].name;
        if (!(keys[c] = wr_step_column(p, all, c, err)))
            return WR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < set_count; i++) {
        wr_expr    *set = wr_step_column(p, all, count, err);
        const char *name = wr_bump_printf(p->bump, err, "#count_%u", i + 1);

        if (!set || !name)
            return WR_NO_MEMORY;
        names[count + i] = wr_text_of(name);
        aggs[i] = (wr_plan_agg){.kind = WR_AGG_COUNT_STAR, .type = WR_TYPE(I64)};
        WR_TRY(compare(p, set, "=", i, &aggs[i].filter, err));
    }
    return place(p, s,
                 wr_plan_add_aggregate(p->plan, all, keys, count, aggs, set_count, names, out_node,
                                       err),
                 err);
}

/* How often a row passes with `all`: the least of the counts, or what is left of the first. */
static wr_status times_of(pipeline *p, const wr_plan_node *groups, uint32_t count,
                          uint32_t set_count, bool is_except, wr_expr **out_times, wr_error *err)
{
    wr_expr **counts = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, set_count + 1, err);

    if (!counts)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < set_count; i++)
        if (!(counts[i] = wr_step_column(p, groups, count + i, err)))
            return WR_NO_MEMORY;
    return call(p, is_except ? "-" : "least", counts, set_count, out_times, err);
}

/* Does a row pass at all? */
static wr_status condition_of(pipeline *p, const wr_plan_node *groups, uint32_t count,
                              uint32_t set_count, bool is_except, wr_expr **out_condition,
                              wr_error *err)
{
    wr_expr **args = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, set_count + 1, err);

    if (!args)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < set_count; i++) {
        wr_expr *counted = wr_step_column(p, groups, count + i, err);

        if (!counted)
            return WR_NO_MEMORY;
        WR_TRY(compare(p, counted, is_except && i > 0 ? "=" : ">", 0, &args[i], err));
    }
    return wr_expr_logic(p->bump, WR_EXPR_AND, args, set_count, out_condition, err);
}

static wr_status build_counted(pipeline *p, const step *s, const wr_yaml *const *values,
                               bool is_except, wr_plan_node **out_node, wr_error *err)
{
    uint32_t       set_count = is_except ? 2 : s->input_count, count;
    bool           all = false;
    wr_plan_node **nodes, *node;
    wr_expr       *expr;

    if (values[COMBINE_ALL])
        WR_TRY(wr_read_bool(p, values[COMBINE_ALL], "all", &all, err));
    WR_TRY(read_inputs(p, s, values[COMBINE_BY], &nodes, err));
    count = nodes[0]->schema.field_count;
    WR_TRY(add_counts(p, s, nodes, set_count, &node, err));
    if (all) {
        WR_TRY(times_of(p, node, count, set_count, is_except, &expr, err));
        WR_TRY(wr_plan_add_repeat(p->plan, node, expr, WR_TEXT("#number"), &node, err));
    } else {
        WR_TRY(condition_of(p, node, count, set_count, is_except, &expr, err));
        WR_TRY(place(p, s, wr_plan_add_filter(p->plan, node, expr, &node, err), err));
    }
    return add_columns(p, s, node, count, NULL, WR_TEXT(""), out_node, err);
}

static wr_status build_intersect(pipeline *p, const step *s, const wr_yaml *const *values,
                                 wr_plan_node **out_node, wr_error *err)
{
    return build_counted(p, s, values, false, out_node, err);
}

static wr_status build_except(pipeline *p, const step *s, const wr_yaml *const *values,
                              wr_plan_node **out_node, wr_error *err)
{
    return build_counted(p, s, values, true, out_node, err);
}

#define BY_HELP                                                                                    \
    "how columns are matched: position (the default) or name, where a column that a step has not " \
    "is NULL. Types are widened"

const step_op WR_STEP_INTERSECT = {
    .name = "intersect",
    .summary = "keeps the rows that all steps (inputs) have; NULL equals NULL",
    .keys = {"all", "by"},
    .helps =
        {
            "true: a row comes as often as in the step that has it least often; false (the "
            "default): once",
            BY_HELP,
        },
    .input_count = STEP_INPUTS_MAX,
    .build = build_intersect,
};

const step_op WR_STEP_EXCEPT = {
    .name = "except",
    .summary = "keeps the rows of the first step (inputs) that no other has; NULL equals NULL",
    .keys = {"all", "by"},
    .helps =
        {
            "true: each row of the others takes away one equal row of the first; false (the "
            "default): all of them, and what is left comes once",
            BY_HELP,
        },
    .input_count = STEP_INPUTS_MAX,
    .build = build_except,
};
