/* yaml/step_unnest.c — one row for each element: unnest, and lateral, which is EM-root's form of it.
 *
 * The step is an unnest node and a project that names its columns. lateral keeps the column it takes
 * apart, loses no row, and takes texts apart at commas unless it is told otherwise. */
#include "types/nested.h"
#include "yaml/pipeline_priv.h"

enum {
    UNNEST_COLUMN, UNNEST_ALIAS, UNNEST_DELIMITER, UNNEST_KEEP, UNNEST_OUTER, UNNEST_INDEX,
    UNNEST_SPREAD
};
enum { VALUES_MAX = 64 }; /* of the operator */

typedef struct unnest_step {
    pipeline         *p;
    const step       *s;
    item_list         columns, kept;
    wr_plan_unnested *values;
    wr_plan_element  *elements;
    wr_text          *names;      /* of the elements */
    uint32_t          element_count;
    bool              outer, spread, is_lateral;
} unnest_step;

static wr_status place(const unnest_step *u, wr_status status, wr_error *err)
{
    return wr_read_locate(u->p, NULL, WR_FIELD_NONE, u->s->node, status, err);
}

/* ---- What is taken apart ------------------------------------------------------------------------ */

static wr_status read_delimiter(unnest_step *u, const wr_yaml *node, wr_error *err)
{
    wr_text delimiter = u->is_lateral ? WR_TEXT(",") : WR_TEXT("");

    if (node) {
        WR_TRY(wr_read_text(u->p, node, "delimiter", &delimiter, err));
        if (delimiter.byte_count == 0)
            return wr_yaml_fail(&u->p->file, node, err,
                                "'delimiter' expects the text between the pieces, such as ','");
    }
    for (uint32_t i = 0; i < u->columns.count; i++) {
        const item *column = &u->columns.items[i];
        wr_type     type = column->expr->type;
        char        name[WR_TYPE_NAME_BYTES];

        u->values[i].expr = column->expr;
        if (wr_type_is_sequence(type))
            continue;
        u->values[i].delimiter = delimiter;
        if (type.logical == WR_TYPE_UTF8 && delimiter.byte_count > 0)
            continue;
        if (type.logical == WR_TYPE_UTF8)
            return wr_yaml_fail(&u->p->file, column->node, err,
                                "'%.*s' is a text: say with 'delimiter' what stands between its "
                                "pieces",
                                WR_TEXT_ARG(column->name));
        return wr_yaml_fail(&u->p->file, column->node, err,
                            "%s takes lists, maps and texts apart, '%.*s' is %s", u->s->op->name,
                            WR_TEXT_ARG(column->name), wr_type_format(type, name));
    }
    return WR_OK;
}

/* ---- Columns made of it -------------------------------------------------------------------------- */

static uint32_t part_count(const unnest_step *u, wr_type type)
{
    wr_type element;

    if (!wr_type_is_sequence(type))
        return 1;
    element = wr_type_element(type);
    return element.logical == WR_TYPE_STRUCT && (u->spread || type.logical == WR_TYPE_MAP)
               ? wr_type_member_count(element)
               : 1;
}

static void add_elements(unnest_step *u, uint32_t value)
{
    const item *column = &u->columns.items[value];
    wr_type     type = column->expr->type;
    wr_type     element = wr_type_is_sequence(type) ? wr_type_element(type) : type;
    bool        whole = element.logical != WR_TYPE_STRUCT ||
                 !(u->spread || type.logical == WR_TYPE_MAP);

    for (uint32_t m = 0; m < part_count(u, type); m++) {
        wr_member        member = whole ? (wr_member){column->name, element}
                                        : wr_type_member(element, m);
        wr_plan_element *out = &u->elements[u->element_count];

        *out = (wr_plan_element){value, whole ? WR_FIELD_NONE : m, member.type};
        u->names[u->element_count++] = member.name;
    }
}

static wr_status read_elements(unnest_step *u, const wr_yaml *alias, wr_error *err)
{
    const wr_text *names;
    uint32_t       name_count, count = 1; /* their number */

    for (uint32_t i = 0; i < u->columns.count; i++)
        count += part_count(u, u->columns.items[i].expr->type);
    u->elements = WR_BUMP_NEW_ARRAY(u->p->bump, wr_plan_element, count, err);
    u->names = WR_BUMP_NEW_ARRAY(u->p->bump, wr_text, count, err);
    if (!u->elements || !u->names)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < u->columns.count; i++)
        add_elements(u, i);
    if (!alias)
        return WR_OK;
    WR_TRY(wr_read_texts(u->p, alias, "alias", &names, &name_count, err));
    if (name_count != u->element_count)
        return wr_yaml_fail(&u->p->file, alias, err, "'alias' gives %u name%s to %u column%s",
                            name_count, name_count == 1 ? "" : "s", u->element_count,
                            u->element_count == 1 ? "" : "s");
    memcpy(u->names, names, name_count * sizeof names[0]);
    return WR_OK;
}

static wr_status read_index(unnest_step *u, const wr_yaml *index, wr_error *err)
{
    if (!index)
        return WR_OK;
    WR_TRY(wr_read_text(u->p, index, "index", &u->names[u->element_count], err));
    u->elements[u->element_count++] =
        (wr_plan_element){WR_FIELD_NONE, WR_FIELD_NONE, WR_TYPE(I64)};
    return WR_OK;
}

/* ---- The step ------------------------------------------------------------------------------------- */

static wr_status read_values(unnest_step *u, const wr_yaml *const *values, wr_error *err)
{
    wr_scope         scope = wr_scope_of(u->p, u->s);
    const item_list  none = {0};
    const wr_yaml   *column = values[UNNEST_COLUMN];

    WR_TRY(wr_read_require(u->p, u->s, column, "column", err));
    WR_TRY(wr_read_items(u->p, u->s, &scope, column, NULL, &u->columns, err));
    if (u->columns.count == 0 || u->columns.count > VALUES_MAX)
        return wr_yaml_fail(&u->p->file, column, err, "%s takes 1 to %d columns apart, these are %u",
                            u->s->op->name, VALUES_MAX, u->columns.count);
    u->values = WR_BUMP_NEW_ARRAY(u->p->bump, wr_plan_unnested, u->columns.count, err);
    if (!u->values)
        return WR_NO_MEMORY;
    u->outer = u->is_lateral;
    if (values[UNNEST_OUTER])
        WR_TRY(wr_read_bool(u->p, values[UNNEST_OUTER], "outer", &u->outer, err));
    if (values[UNNEST_SPREAD])
        WR_TRY(wr_read_bool(u->p, values[UNNEST_SPREAD], "spread", &u->spread, err));
    WR_TRY(read_delimiter(u, values[UNNEST_DELIMITER], err));
    WR_TRY(read_elements(u, values[UNNEST_ALIAS], err));
    WR_TRY(read_index(u, values[UNNEST_INDEX], err));
    return wr_read_kept(u->p, u->s, values[UNNEST_KEEP], u->is_lateral ? &none : &u->columns,
                        &u->kept, err);
}

/* Kept columns, then the elements, by their names. */
static wr_status name_columns(unnest_step *u, wr_plan_node *node, wr_plan_node **out_node,
                              wr_error *err)
{
    uint32_t  width = u->s->inputs[0]->schema.field_count, kept = u->kept.count;
    uint32_t  count = kept + u->element_count;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(u->p->bump, wr_expr *, count + 1, err);
    wr_text  *names = WR_BUMP_NEW_ARRAY(u->p->bump, wr_text, count + 1, err);

    if (!exprs || !names)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < count; c++) {
        names[c] = c < kept ? u->kept.items[c].name : u->names[c - kept];
        exprs[c] = c < kept ? u->kept.items[c].expr
                            : wr_step_column(u->p, node, width + c - kept, err);
        if (!exprs[c])
            return WR_NO_MEMORY;
    }
    return place(u, wr_plan_add_project(u->p->plan, node, exprs, names, count, out_node, err), err);
}

static wr_status build(unnest_step *u, const wr_yaml *const *values, wr_plan_node **out_node,
                       wr_error *err)
{
    wr_plan_node *node;

    WR_TRY(read_values(u, values, err));
    WR_TRY(place(u,
                 wr_plan_add_unnest(u->p->plan, u->s->inputs[0], u->values, u->columns.count,
                                    u->elements, u->element_count, u->outer, &node, err),
                 err));
    return name_columns(u, node, out_node, err);
}

static wr_status build_unnest(pipeline *p, const step *s, const wr_yaml *const *values,
                              wr_plan_node **out_node, wr_error *err)
{
    unnest_step u = {.p = p, .s = s};

    return build(&u, values, out_node, err);
}

static wr_status build_lateral(pipeline *p, const step *s, const wr_yaml *const *values,
                               wr_plan_node **out_node, wr_error *err)
{
    unnest_step u = {.p = p, .s = s, .is_lateral = true};

    return build(&u, values, out_node, err);
}

const step_op WR_STEP_UNNEST = {
    .name = "unnest",
    .summary = "one row for each element of a list or a map, or for each piece of a text",
    .keys = {"column", "alias", "delimiter", "keep", "outer", "index", "spread"},
    .helps =
        {
            "a list, a map, or a text with 'delimiter'; several are taken apart side by side, and the "
            "shorter ones filled up with NULL",
            "names of the columns of elements; when not given that of the list, of a map key and value",
            "what stands between the pieces of a text",
            "the columns that stay beside them; all others when not given",
            "true: a row whose list is empty or NULL stays, with NULLs",
            "name of a column with the element's place in its list, from 1; none when not given",
            "true: elements that are structs become one column for each of their fields",
        },
    .input_count = 1,
    .build = build_unnest,
};

const step_op WR_STEP_LATERAL = {
    .name = "lateral",
    .summary = "unnest that keeps every column and every row (EM-root's form)",
    .keys = {"column", "alias", "delimiter", "keep", "outer", "index", "spread"},
    .helps =
        {
            "a text, a list or a map",
            "name of the column of elements",
            "what stands between the pieces of a text; ',' when not given",
            "the columns that stay beside it; all when not given",
            "false: a row whose list is empty or NULL goes",
            "name of a column with the element's place in its list, from 1; none when not given",
            "true: elements that are structs become one column for each of their fields",
        },
    .input_count = 1,
    .build = build_lateral,
};
