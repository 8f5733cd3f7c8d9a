/* yaml/step_join.c — join: two steps by equal keys, by a condition, by the nearest row, or by place.
 *
 * A mark join is a left join with the groups of the right keys, and a cross join with the one row that
 * counts those groups with and without NULL; the mark is made of what they say.
 * A positional join is a full join of the places that both inputs' rows have (a draw counts them), each
 * input sorted by its place: so it is a merge, and rows come out by place. */
#include "yaml/pipeline_priv.h"

enum { JOIN_RIGHT, JOIN_ON, JOIN_TYPE, JOIN_LEFT, JOIN_MATCH, JOIN_TOLERANCE, JOIN_NAME };

/* What `type` says. */
typedef struct join_form {
    const char       *name;
    wr_plan_join_type type;
    bool              is_asof, is_positional, is_mark, is_single;
} join_form;

static const join_form FORMS[] = {
    {.name = "inner", .type = WR_PLAN_JOIN_INNER},
    {.name = "left", .type = WR_PLAN_JOIN_LEFT},
    {.name = "right", .type = WR_PLAN_JOIN_RIGHT},
    {.name = "full", .type = WR_PLAN_JOIN_FULL},
    {.name = "semi", .type = WR_PLAN_JOIN_SEMI},
    {.name = "anti", .type = WR_PLAN_JOIN_ANTI},
    {.name = "cross", .type = WR_PLAN_JOIN_CROSS},
    {.name = "asof", .type = WR_PLAN_JOIN_INNER, .is_asof = true},
    {.name = "asof_left", .type = WR_PLAN_JOIN_LEFT, .is_asof = true},
    {.name = "positional", .type = WR_PLAN_JOIN_FULL, .is_positional = true},
    {.name = "mark", .type = WR_PLAN_JOIN_LEFT, .is_mark = true},
    {.name = "single", .type = WR_PLAN_JOIN_LEFT, .is_single = true},
};
enum { FORM_COUNT = sizeof FORMS / sizeof FORMS[0] };

static wr_status read_form(const pipeline *p, const wr_yaml *node, const join_form **out_form,
                           wr_error *err)
{
    const char *names[FORM_COUNT + 1] = {NULL};
    uint32_t    form = 0;

    for (uint32_t i = 0; i < FORM_COUNT; i++)
        names[i] = FORMS[i].name;
    if (node)
        WR_TRY(wr_read_choice(p, node, "type", names, &form, err));
    *out_form = &FORMS[form];
    return WR_OK;
}

/* Keys that this type of join does not have, or must have. */
static wr_status check_keys(pipeline *p, const step *s, const wr_yaml *const *values,
                            const join_form *form, wr_error *err)
{
    if (values[JOIN_NAME] && !form->is_mark)
        return wr_yaml_fail(&p->file, values[JOIN_NAME], err, "only mark joins have 'name'");
    if (form->is_asof)
        return wr_read_require(p, s, values[JOIN_MATCH], "match", err);
    for (uint32_t k = JOIN_MATCH; k <= JOIN_TOLERANCE; k++)
        if (values[k])
            return wr_yaml_fail(&p->file, values[k], err, "only asof joins have '%s'",
                                s->op->keys[k]);
    if (form->type != WR_PLAN_JOIN_CROSS && !form->is_positional)
        return wr_read_require(p, s, values[JOIN_ON], "on", err);
    if (values[JOIN_ON])
        return wr_yaml_fail(&p->file, values[JOIN_ON], err, "a %s join has no 'on'", form->name);
    return WR_OK;
}

/* `match` and `tolerance`; `on` has keys only. */
static wr_status read_asof(pipeline *p, const step *s, const wr_yaml *const *values, join_on *io_on,
                           wr_plan_range *out_range, wr_error *err)
{
    if (io_on->residual)
        return wr_yaml_fail(&p->file, values[JOIN_ON], err,
                            "'on' of an asof join is keys that are equal: filter before or after it");
    WR_TRY(wr_read_match(p, s, values[JOIN_MATCH], out_range, err));
    if (!values[JOIN_TOLERANCE])
        return WR_OK;
    return wr_read_tolerance(p, s, values[JOIN_TOLERANCE], out_range, &io_on->residual, err);
}

/* ---- By place ------------------------------------------------------------------------------------- */

static wr_status at_step(const pipeline *p, const step *s, wr_status status, wr_error *err)
{
    return wr_read_locate(p, NULL, WR_FIELD_NONE, s->node, status, err);
}

/* `input` with its rows' places and draws behind its columns, in the order of places. */
static wr_status number_rows(pipeline *p, const step *s, wr_plan_node *input, wr_expr ***out_key,
                             wr_plan_node **out_node, wr_error *err)
{
    wr_plan_key *by_place = WR_BUMP_NEW_ARRAY(p->bump, wr_plan_key, 1, err);
    wr_expr    **key = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, 1, err);
    wr_plan_node *node;

    if (!by_place || !key)
        return WR_NO_MEMORY;
    WR_TRY(at_step(p, s,
                   wr_plan_add_draw(p->plan, input, 0, WR_TEXT("#place"), WR_TEXT("#draw"), &node,
                                    err),
                   err));
    by_place[0].expr = wr_step_column(p, node, input->schema.field_count, err);
    key[0] = wr_step_column(p, node, input->schema.field_count, err);
    if (!by_place[0].expr || !key[0])
        return WR_NO_MEMORY;
    *out_key = key;
    return at_step(p, s, wr_plan_add_sort(p->plan, node, by_place, 1, 0, UINT64_MAX, out_node, err),
                   err);
}

static wr_status build_positional(pipeline *p, const step *s, wr_plan_node **out_node, wr_error *err)
{
    uint32_t left_count = s->inputs[0]->schema.field_count;
    uint32_t count = left_count + s->inputs[1]->schema.field_count;
    wr_expr **left_key, **right_key, **exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count, err);
    wr_text *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count, err);
    wr_plan_node *left, *right, *node;

    if (!exprs || !names)
        return WR_NO_MEMORY;
    WR_TRY(number_rows(p, s, s->inputs[0], &left_key, &left, err));
    WR_TRY(number_rows(p, s, s->inputs[1], &right_key, &right, err));
    WR_TRY(at_step(p, s,
                   wr_plan_add_join(p->plan, left, right, WR_PLAN_JOIN_FULL, left_key, right_key, 1,
                                    NULL, false, &node, err),
                   err));
    for (uint32_t c = 0; c < count; c++) {
        uint32_t column = c < left_count ? c : c + 2; /* behind the left place and draw */

        names[c] = node->schema.fields[column].name;
        exprs[c] = wr_step_column(p, node, column, err);
        if (!exprs[c])
            return WR_NO_MEMORY;
    }
    return at_step(p, s, wr_plan_add_project(p->plan, node, exprs, names, count, out_node, err),
                   err);
}

/* ---- Mark ----------------------------------------------------------------------------------------- */

/* The groups of the right keys, one of them perhaps of NULL, and how many rows each has. */
static wr_status group_keys(pipeline *p, const step *s, wr_expr **right_key,
                            wr_plan_node **out_groups, wr_error *err)
{
    static const wr_text NAMES[] = {{"#key", 4}, {"#rows", 5}};
    wr_plan_agg         *rows = WR_BUMP_NEW(p->bump, wr_plan_agg, err);

    if (!rows)
        return WR_NO_MEMORY;
    *rows = (wr_plan_agg){.kind = WR_AGG_COUNT_STAR, .type = WR_TYPE(I64)};
    return at_step(p, s,
                   wr_plan_add_aggregate(p->plan, s->inputs[1], right_key, 1, rows, 1, NAMES,
                                         out_groups, err),
                   err);
}

/* One row: the number of groups, and of those whose key is not NULL. */
static wr_status count_groups(pipeline *p, const step *s, wr_plan_node *groups,
                              wr_plan_node **out_counts, wr_error *err)
{
    static const wr_text NAMES[] = {{"#groups", 7}, {"#keys", 5}};
    wr_plan_agg         *counts = WR_BUMP_NEW_ARRAY(p->bump, wr_plan_agg, 2, err);

    if (!counts)
        return WR_NO_MEMORY;
    counts[0] = (wr_plan_agg){.kind = WR_AGG_COUNT_STAR, .type = WR_TYPE(I64)};
    counts[1] = (wr_plan_agg){.kind = WR_AGG_COUNT, .type = WR_TYPE(I64),
                              .argument = wr_step_column(p, groups, 0, err)};
    if (!counts[1].argument)
        return WR_NO_MEMORY;
    return at_step(p, s,
                   wr_plan_add_aggregate(p->plan, groups, NULL, 0, counts, 2, NAMES, out_counts,
                                         err),
                   err);
}

static wr_status is_given(const pipeline *p, wr_expr *value, wr_expr **out_expr, wr_error *err)
{
    return value ? wr_expr_call(p->bump, WR_TEXT(WR_OPERATOR_IS_NOT_NULL), &value, 1, out_expr, err)
                 : WR_NO_MEMORY;
}

static wr_status is_equal(const pipeline *p, wr_expr *a, wr_expr *b, wr_expr **out_expr,
                          wr_error *err)
{
    wr_expr *args[] = {a, b};

    return a && b ? wr_expr_call(p->bump, WR_TEXT(WR_OPERATOR_EQ), args, 2, out_expr, err)
                  : WR_NO_MEMORY;
}

/* Was a group found, where that is known: not if there are groups and the left key is NULL or one of
 * theirs is. The columns behind the left ones are a group's key and rows, then both counts. */
static wr_status make_mark(const pipeline *p, const wr_plan_node *node, uint32_t left_count,
                           wr_expr *left_key, wr_expr **out_mark, wr_error *err)
{
    wr_value none = {.type = WR_TYPE(I64)}, null = {.type = WR_TYPE(BOOL), .is_null = true};
    wr_expr *groups = wr_step_column(p, node, left_count + 2, err);
    wr_expr *no_nulls[2], *is_known[3], *args[3];

    WR_TRY(is_given(p, wr_step_column(p, node, left_count + 1, err), &is_known[0], err));
    WR_TRY(is_equal(p, groups, wr_expr_const(p->bump, &none, err), &is_known[1], err));
    WR_TRY(is_given(p, left_key, &no_nulls[0], err));
    WR_TRY(is_equal(p, groups, wr_step_column(p, node, left_count + 3, err), &no_nulls[1], err));
    WR_TRY(wr_expr_logic(p->bump, WR_EXPR_AND, no_nulls, 2, &is_known[2], err));
    WR_TRY(wr_expr_logic(p->bump, WR_EXPR_OR, is_known, 3, &args[0], err));
    args[1] = is_known[0];
    args[2] = wr_expr_const(p->bump, &null, err);
    return args[2] ? wr_expr_case(p->bump, args, 3, out_mark, err) : WR_NO_MEMORY;
}

/* The left columns, then the mark, over left columns, a group's key and rows, and both counts. */
static wr_status project_mark(pipeline *p, const step *s, wr_plan_node *node, wr_expr *left_key,
                              wr_text name, wr_plan_node **out_node, wr_error *err)
{
    uint32_t  count = s->inputs[0]->schema.field_count;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    wr_text  *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, count + 1, err);

    if (!exprs || !names)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < count; c++) {
        names[c] = node->schema.fields[c].name;
        exprs[c] = wr_step_column(p, node, c, err);
        if (!exprs[c])
            return WR_NO_MEMORY;
    }
    names[count] = name;
    WR_TRY(at_step(p, s, make_mark(p, node, count, left_key, &exprs[count], err), err));
    return at_step(p, s,
                   wr_plan_add_project(p->plan, node, exprs, names, count + 1, out_node, err), err);
}

static wr_status build_mark(pipeline *p, const step *s, const wr_yaml *const *values,
                            const join_on *on, wr_plan_node **out_node, wr_error *err)
{
    wr_expr     **group_key = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, 1, err);
    wr_plan_node *groups, *counts, *node;
    wr_text       name = WR_TEXT("mark");

    if (!group_key)
        return WR_NO_MEMORY;
    if (on->key_count != 1 || on->residual)
        return wr_yaml_fail(&p->file, values[JOIN_ON], err,
                            "'on' of a mark join is one key: a column of both, or l.a = r.b");
    if (values[JOIN_NAME])
        WR_TRY(wr_read_text(p, values[JOIN_NAME], "name", &name, err));
    if (wr_schema_find(&s->inputs[0]->schema, name, NULL) != WR_FIELD_NONE)
        return wr_yaml_fail(&p->file, values[JOIN_NAME] ? values[JOIN_NAME] : s->node, err,
                            "the left side has a column '%.*s': give the mark another 'name'",
                            WR_TEXT_ARG(name));
    WR_TRY(group_keys(p, s, on->right_keys, &groups, err));
    WR_TRY(count_groups(p, s, groups, &counts, err));
    if (!(group_key[0] = wr_step_column(p, groups, 0, err)))
        return WR_NO_MEMORY;
    WR_TRY(at_step(p, s,
                   wr_plan_add_join(p->plan, s->inputs[0], groups, WR_PLAN_JOIN_LEFT, on->left_keys,
                                    group_key, 1, NULL, false, &node, err),
                   err));
    WR_TRY(at_step(p, s,
                   wr_plan_add_join(p->plan, node, counts, WR_PLAN_JOIN_CROSS, NULL, NULL, 0, NULL,
                                    false, &node, err),
                   err));
    return project_mark(p, s, node, on->left_keys[0], name, out_node, err);
}

/* ---- The step ------------------------------------------------------------------------------------- */

static wr_status build_join(pipeline *p, const step *s, const wr_yaml *const *values,
                            wr_plan_node **out_node, wr_error *err)
{
    const join_form *form;
    join_on          on = {.names_only = true};
    wr_plan_range   *range = WR_BUMP_NEW(p->bump, wr_plan_range, err);

    if (!range)
        return WR_NO_MEMORY;
    WR_TRY(read_form(p, values[JOIN_TYPE], &form, err));
    WR_TRY(check_keys(p, s, values, form, err));
    if (form->is_positional)
        return build_positional(p, s, out_node, err);
    if (values[JOIN_ON]) {
        WR_TRY(wr_read_join_on(p, s, values[JOIN_ON], &on, err));
        if (on.key_count == 0 && !on.residual)
            return wr_yaml_fail(&p->file, values[JOIN_ON], err,
                                "'on' is empty: a join without a condition is type: cross");
    }
    if (form->is_mark)
        return build_mark(p, s, values, &on, out_node, err);
    if (form->is_asof)
        WR_TRY(read_asof(p, s, values, &on, range, err));
    WR_TRY(at_step(p, s,
                   wr_plan_add_join(p->plan, s->inputs[0], s->inputs[1], form->type, on.left_keys,
                                    on.right_keys, on.key_count, on.residual, on.names_only,
                                    out_node, err),
                   err));
    (*out_node)->join.ranges = range;
    (*out_node)->join.range_count = form->is_asof;
    (*out_node)->join.is_asof = form->is_asof;
    (*out_node)->join.is_single = form->is_single;
    return WR_OK;
}

const step_op WR_STEP_JOIN = {
    .name = "join",
    .summary = "joins two steps",
    .keys = {"right", "on", "type", "left", "match", "tolerance", "name"},
    .helps =
        {
            "id of the right side",
            "a column of both, a list of them, or a condition; of asof joins: keys, or nothing",
            "inner (the default), left, right, full, semi, anti, cross; asof, asof_left: with the "
            "nearest right row; positional: the first with the first, the second with the second, "
            "NULLs where one side is shorter; mark: all left rows, and whether their key is IN the "
            "right keys; single: left, and a left row with two matches is an error",
            "id of the left side, when it is not the step before",
            "of asof joins: left >= right (or >: the last right row before; <=, <: the first behind)",
            "of asof joins: how far away the nearest may be, a number or an interval",
            "of mark joins: the Boolean column behind the left ones, mark by default; NULL as IN has it",
        },
    .input_count = 2,
    .build = build_join,
};
