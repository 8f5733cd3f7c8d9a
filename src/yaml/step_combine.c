/* yaml/step_combine.c — steps that put the rows of several steps together: union.
 *
 * Columns are matched by position or by name and widened to their common type by a project in front
 * of each input that needs one; what then meets has one schema. A union of many is a balanced tree of
 * unions of two, which keeps the order of the inputs. Distinct rows are groups (step_distinct.c). */
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
