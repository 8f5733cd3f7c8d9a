/* yaml/step_join.c — join: two steps by equal keys, by a condition, or by the nearest row. */
#include "yaml/pipeline_priv.h"

enum { JOIN_RIGHT, JOIN_ON, JOIN_TYPE, JOIN_LEFT, JOIN_MATCH, JOIN_TOLERANCE };

/* What `type` says. */
typedef struct join_form {
    const char       *name;
    wr_plan_join_type type;
    bool              is_asof;
} join_form;

static const join_form FORMS[] = {
    {"inner", WR_PLAN_JOIN_INNER, false}, {"left", WR_PLAN_JOIN_LEFT, false},
    {"right", WR_PLAN_JOIN_RIGHT, false}, {"full", WR_PLAN_JOIN_FULL, false},
    {"semi", WR_PLAN_JOIN_SEMI, false},   {"anti", WR_PLAN_JOIN_ANTI, false},
    {"cross", WR_PLAN_JOIN_CROSS, false}, {"asof", WR_PLAN_JOIN_INNER, true},
    {"asof_left", WR_PLAN_JOIN_LEFT, true},
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
    if (form->is_asof)
        return wr_read_require(p, s, values[JOIN_MATCH], "match", err);
    for (uint32_t k = JOIN_MATCH; k <= JOIN_TOLERANCE; k++)
        if (values[k])
            return wr_yaml_fail(&p->file, values[k], err, "only asof joins have '%s'",
                                s->op->keys[k]);
    if (form->type != WR_PLAN_JOIN_CROSS)
        return wr_read_require(p, s, values[JOIN_ON], "on", err);
    if (values[JOIN_ON])
        return wr_yaml_fail(&p->file, values[JOIN_ON], err, "a cross join has no 'on'");
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
    if (values[JOIN_ON]) {
        WR_TRY(wr_read_join_on(p, s, values[JOIN_ON], &on, err));
        if (on.key_count == 0 && !on.residual)
            return wr_yaml_fail(&p->file, values[JOIN_ON], err,
                                "'on' is empty: a join without a condition is type: cross");
    }
    if (form->is_asof)
        WR_TRY(read_asof(p, s, values, &on, range, err));
    WR_TRY(wr_read_locate(p, NULL, WR_FIELD_NONE, s->node,
                          wr_plan_add_join(p->plan, s->inputs[0], s->inputs[1], form->type,
                                           on.left_keys, on.right_keys, on.key_count, on.residual,
                                           on.names_only, out_node, err),
                          err));
    (*out_node)->join.ranges = range;
    (*out_node)->join.range_count = form->is_asof;
    (*out_node)->join.is_asof = form->is_asof;
    return WR_OK;
}

const step_op WR_STEP_JOIN = {
    .name = "join",
    .summary = "joins two steps",
    .keys = {"right", "on", "type", "left", "match", "tolerance"},
    .helps =
        {
            "id of the right side",
            "a column of both, a list of them, or a condition; of asof joins: keys, or nothing",
            "inner (the default), left, right, full, semi, anti, cross; asof, asof_left: with the "
            "nearest right row",
            "id of the left side, when it is not the step before",
            "of asof joins: left >= right (or >: the last right row before; <=, <: the first behind)",
            "of asof joins: how far away the nearest may be, a number or an interval",
        },
    .input_count = 2,
    .build = build_join,
};
