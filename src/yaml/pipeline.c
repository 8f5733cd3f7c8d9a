/* yaml/pipeline.c — a file's top level: settings, then the steps one after another.
 *
 * A step reads the step before it (a sink passes on what it read), or the steps that `input`,
 * `inputs`, `left` and `right` name; these stand above it. Nodes are therefore made in the order
 * that the plan wants, and a step that several read is one node. */
#include "yaml/pipeline_priv.h"

#include <stdio.h>

static const step_op *const OPS[] = {
    &WR_STEP_SCAN, &WR_STEP_GENERATE,  &WR_STEP_FILTER, &WR_STEP_MAP,  &WR_STEP_PROJECT,
    &WR_STEP_SORT, &WR_STEP_AGGREGATE, &WR_STEP_DISTINCT, &WR_STEP_WINDOW, &WR_STEP_JOIN,
    &WR_STEP_LIMIT, &WR_STEP_UNION, &WR_STEP_INTERSECT, &WR_STEP_EXCEPT,
    &WR_STEP_SAMPLE, &WR_STEP_FILL, &WR_STEP_UNPIVOT, &WR_STEP_PIVOT, &WR_STEP_UNNEST, &WR_STEP_LATERAL,
    &WR_STEP_SINK,
};
enum { OP_COUNT = sizeof OPS / sizeof OPS[0] };

/* Keys of every step. */
static const char *const COMMON_KEYS[] = {"op", "id", "input", "inputs", "description", NULL};
static const char *const TOP_KEYS[] = {"steps", "settings", "config", "name", "description", NULL};

/* --- the top level ------------------------------------------------------------------------- */

static wr_status read_top(const pipeline *p, const wr_yaml *root, const wr_yaml **out_values,
                          wr_error *err)
{
    if (root->kind != WR_YAML_MAP)
        return wr_yaml_fail(&p->file, root, err,
                            "a pipeline file is a map with 'steps', this is %s",
                            wr_read_kind(root));
    return wr_read_keys(p, root, "the pipeline", TOP_KEYS, NULL, out_values, err);
}

/* --- settings ------------------------------------------------------------------------------ */

enum { SET_MEMORY_CAP, SET_THREADS, SET_SPILL_DIR, SET_SPILL_QUOTA, SET_DETERMINISTIC, SET_COUNT };
static const char *const SETTING_KEYS[] = {"memory_cap",  "threads",       "spill_dir",
                                           "spill_quota", "deterministic", NULL};
/* EM-root's words for the first three. */
static const char *const CONFIG_KEYS[] = {"mem_cap_bytes", "max_parallel_tasks", "spill_dir", NULL};

static wr_status apply_setting(const pipeline *p, uint32_t setting, const char *what,
                               const wr_yaml *value, wr_pipeline_settings *out, wr_error *err)
{
    enum { THREADS_MAX = 256 };
    uint64_t count;

    switch (setting) {
    case SET_MEMORY_CAP:
        return wr_read_bytes(p, value, what, &out->memory_cap_bytes, err);
    case SET_SPILL_QUOTA:
        return wr_read_bytes(p, value, what, &out->spill_quota_bytes, err);
    case SET_SPILL_DIR:
        return wr_read_text(p, value, what, &out->spill_folder, err);
    case SET_DETERMINISTIC:
        return wr_read_bool(p, value, what, &out->deterministic, err);
    default:
        WR_TRY(wr_read_count(p, value, what, &count, err));
        if (count < 1 || count > THREADS_MAX)
            return wr_yaml_fail(&p->file, value, err, "'%s' expects 1 to %d", what, THREADS_MAX);
        out->thread_count = (uint32_t)count;
        return WR_OK;
    }
}

static wr_status check_map(const pipeline *p, const wr_yaml *node, const char *what, bool *out_is,
                           wr_error *err)
{
    *out_is = node && node->kind == WR_YAML_MAP;
    if (!node || *out_is || (node->kind == WR_YAML_SCALAR && node->is_null))
        return WR_OK;
    return wr_yaml_fail(&p->file, node, err, "'%s' expects a map, this is %s", what,
                        wr_read_kind(node));
}

/* "file:///var/spill" */
static bool is_file_uri(wr_text text)
{
    return wr_text_starts_with(text, WR_TEXT("file://"));
}

static wr_status read_config(const pipeline *p, const wr_yaml *config, wr_pipeline_settings *out,
                             wr_error *err)
{
    static const uint32_t SETTINGS[] = {SET_MEMORY_CAP, SET_THREADS, SET_SPILL_DIR};
    const wr_yaml        *uri = wr_yaml_get(config, "spill_uri");

    for (uint32_t i = 0; CONFIG_KEYS[i]; i++) {
        const wr_yaml *value = wr_yaml_get(config, CONFIG_KEYS[i]);

        if (value && !(value->kind == WR_YAML_SCALAR && value->is_null))
            WR_TRY(apply_setting(p, SETTINGS[i], CONFIG_KEYS[i], value, out, err));
    }
    if (uri && uri->kind == WR_YAML_SCALAR && is_file_uri(uri->text) &&
        out->spill_folder.byte_count == 0)
        out->spill_folder = (wr_text){uri->text.bytes + 7, uri->text.byte_count - 7};
    return WR_OK;
}

static wr_status read_settings(const pipeline *p, const wr_yaml *settings, const wr_yaml *config,
                               wr_pipeline_settings *out, wr_error *err)
{
    const wr_yaml *values[SET_COUNT];
    bool           is_map;

    WR_TRY(check_map(p, config, "config", &is_map, err));
    if (is_map)
        WR_TRY(read_config(p, config, out, err));
    WR_TRY(check_map(p, settings, "settings", &is_map, err));
    if (!is_map)
        return WR_OK;
    WR_TRY(wr_read_keys(p, settings, "settings", SETTING_KEYS, NULL, values, err));
    for (uint32_t i = 0; i < SET_COUNT; i++)
        if (values[i])
            WR_TRY(apply_setting(p, i, SETTING_KEYS[i], values[i], out, err));
    return WR_OK;
}

wr_status wr_pipeline_read_settings(wr_text text, const char *path, const wr_variables *variables,
                                    wr_bump *bump, wr_pipeline_settings *out_settings,
                                    wr_error *err)
{
    static const char *const KEEP[] = {"settings", "config", NULL};
    pipeline                 p = {.bump = bump};
    wr_pipeline_settings     settings = {0};
    wr_yaml                 *root;
    const wr_yaml           *values[STEP_KEYS_MAX];

    WR_TRY(wr_yaml_parse(text, path, variables, KEEP, bump, &p.file, &root, err));
    WR_TRY(read_top(&p, root, values, err));
    WR_TRY(read_settings(&p, values[1], values[2], &settings, err));
    *out_settings = settings;
    return WR_OK;
}

/* Say which words of EM-root's config have no effect here. */
static void warn_about_config(const pipeline *p, const wr_yaml *config)
{
    if (!p->warn || !config || config->kind != WR_YAML_MAP)
        return;
    for (const wr_yaml *key = config->first; key; key = key->next->next) {
        bool known = wr_text_equal(key->text, WR_TEXT("spill_uri")) && is_file_uri(key->next->text);
        char message[320];

        for (uint32_t i = 0; CONFIG_KEYS[i]; i++)
            known |= wr_text_equal(key->text, wr_text_of(CONFIG_KEYS[i]));
        if (known || key->next->is_null)
            continue;
        snprintf(message, sizeof message, "%.160s:%u:%u: config key '%.*s' has no effect: spill "
                 "files are local",
                 p->file.path, key->place.line, key->place.column,
                 (int)(key->text.byte_count < 60 ? key->text.byte_count : 60), key->text.bytes);
        p->warn(p->warn_self, message);
    }
}

/* --- a step's op --------------------------------------------------------------------------- */

static const step_op *find_op(wr_text name)
{
    for (uint32_t i = 0; i < OP_COUNT; i++)
        if (wr_text_equal_nocase(name, wr_text_of(OPS[i]->name)))
            return OPS[i];
    return NULL;
}

static wr_status fail_unknown_op(const pipeline *p, const wr_yaml *node, wr_text name,
                                 wr_error *err)
{
    wr_suggest suggest;

    (void)WR_RAISE(err, WR_INVALID, "unknown op '%.*s'",
                   (int)(name.byte_count < 60 ? name.byte_count : 60), name.bytes);
    wr_suggest_init(&suggest, name);
    for (uint32_t i = 0; i < OP_COUNT; i++)
        wr_suggest_offer(&suggest, wr_text_of(OPS[i]->name));
    if (suggest.best.byte_count > 0)
        wr_error_append(err, " (did you mean '%.*s'? ops: ", WR_TEXT_ARG(suggest.best));
    else
        wr_error_append(err, " (ops: ");
    for (uint32_t i = 0; i < OP_COUNT; i++)
        wr_error_append(err, "%s%s", i ? ", " : "", OPS[i]->name);
    wr_error_append(err, ")");
    return wr_yaml_locate(&p->file, node, WR_INVALID, err);
}

/* `- filter: ...`: the op's name is itself a key. */
static const wr_yaml *find_op_key(const wr_yaml *map)
{
    for (const wr_yaml *key = map->first; key; key = key->next->next)
        if (find_op(key->text))
            return key;
    return NULL;
}

/* A step as its op and the values of the op's keys, in whichever of the forms it is written:
 * {op: filter, expr: x}, {filter: {expr: x}} or {filter: x}. */
static wr_status read_form(const pipeline *p, const wr_yaml *node, step *s,
                           const wr_yaml **out_values, wr_error *err)
{
    const wr_yaml *named = wr_yaml_get(node, "op"), *key;
    const char    *outer[] = {NULL, NULL};
    wr_text        name;

    if (named) {
        WR_TRY(wr_read_text(p, named, "op", &name, err));
        s->op = find_op(name);
        if (!s->op)
            return fail_unknown_op(p, named, name, err);
        return wr_read_keys(p, node, s->op->name, s->op->keys, COMMON_KEYS, out_values, err);
    }
    key = find_op_key(node);
    if (!key) {
        if (node->count == 1)
            return fail_unknown_op(p, node->first, node->first->text, err);
        return wr_yaml_fail(&p->file, node, err, "a step needs 'op'");
    }
    s->op = find_op(key->text);
    outer[0] = key->text.bytes;
    WR_TRY(wr_read_keys(p, node, "a step", outer, COMMON_KEYS, out_values, err));
    if (key->next->kind == WR_YAML_MAP)
        return wr_read_keys(p, key->next, s->op->name, s->op->keys, COMMON_KEYS, out_values, err);
    for (uint32_t i = 0; s->op->keys[i]; i++)
        out_values[i] = i == 0 ? key->next : NULL;
    return WR_OK;
}

/* A common key, of the step or of the map under its op. */
static const wr_yaml *find_common(const wr_yaml *node, const char *name)
{
    const wr_yaml *value = wr_yaml_get(node, name), *key;

    if (value || wr_yaml_get(node, "op"))
        return value;
    key = find_op_key(node);
    return key && key->next->kind == WR_YAML_MAP ? wr_yaml_get(key->next, name) : NULL;
}

/* --- a step's inputs ----------------------------------------------------------------------- */

static wr_status find_step(const pipeline *p, const wr_yaml *node, const char *what,
                           wr_plan_node **out_node, wr_text *out_name, wr_error *err)
{
    wr_text    name;
    wr_suggest suggest;

    WR_TRY(wr_read_text(p, node, what, &name, err));
    wr_suggest_init(&suggest, name);
    for (uint32_t i = 0; i < p->named_count; i++) {
        if (wr_text_equal(p->named[i].id, name)) {
            *out_node = p->named[i].node;
            *out_name = name;
            return WR_OK;
        }
        wr_suggest_offer(&suggest, p->named[i].id);
    }
    (void)WR_RAISE(err, WR_INVALID, "no step above has the id '%.*s'",
                   (int)(name.byte_count < 60 ? name.byte_count : 60), name.bytes);
    wr_suggest_append(&suggest, err);
    return wr_yaml_locate(&p->file, node, WR_INVALID, err);
}

/* `input: a`, `inputs: [a, b]`; *out_count says how many were named. */
static wr_status read_named_inputs(const pipeline *p, step *s, uint32_t *out_count, wr_error *err)
{
    const wr_yaml *input = find_common(s->node, "input"), *inputs = find_common(s->node, "inputs");
    const wr_yaml *given = input ? input : inputs;
    uint32_t       count = 0;

    *out_count = 0;
    if (!given)
        return WR_OK;
    if (input && inputs)
        return wr_yaml_fail(&p->file, inputs, err, "a step has 'input' or 'inputs', not both");
    if (s->op->input_count == 0)
        return wr_yaml_fail(&p->file, given, err, "%s reads no other step", s->op->name);
    if (given->kind != WR_YAML_LIST) {
        *out_count = 1;
        return find_step(p, given, "input", &s->inputs[0], &s->input_names[0], err);
    }
    s->inputs_node = given;
    for (const wr_yaml *child = given->first; child; child = child->next, count++) {
        if (count == s->op->input_count)
            return wr_yaml_fail(&p->file, child, err, "%s reads %u step%s at most", s->op->name,
                                s->op->input_count, s->op->input_count == 1 ? "" : "s");
        WR_TRY(find_step(p, child, "inputs", &s->inputs[count], &s->input_names[count], err));
    }
    *out_count = count;
    return WR_OK;
}

/* `left` and `right` of a join. */
static wr_status read_sides(const pipeline *p, step *s, const wr_yaml *const *values,
                            uint32_t count, wr_error *err)
{
    enum { RIGHT = 0, LEFT = 3 };

    if (values[LEFT]) {
        if (count > 0)
            return wr_yaml_fail(&p->file, values[LEFT], err,
                                "a join names its left input once: 'left' or 'input'");
        WR_TRY(find_step(p, values[LEFT], "left", &s->inputs[0], &s->input_names[0], err));
    }
    if (values[RIGHT]) {
        if (count > 1)
            return wr_yaml_fail(&p->file, values[RIGHT], err,
                                "a join names its right input once: 'right' or 'inputs'");
        WR_TRY(find_step(p, values[RIGHT], "right", &s->inputs[1], &s->input_names[1], err));
    }
    if (!s->inputs[1])
        return wr_yaml_fail(&p->file, s->node, err, "join needs 'right', the id of a step above");
    if (!s->inputs[0] && s->inputs[1] == p->previous)
        return wr_yaml_fail(&p->file, s->node, err,
                            "the step above this join is its right input: name the left one with "
                            "'input'");
    return WR_OK;
}

static wr_text id_of(const pipeline *p, const wr_plan_node *node)
{
    for (uint32_t i = 0; i < p->named_count; i++)
        if (p->named[i].node == node)
            return p->named[i].id;
    return (wr_text){NULL, 0};
}

static wr_status read_inputs(const pipeline *p, step *s, const wr_yaml *const *values,
                             wr_error *err)
{
    uint32_t count;

    s->inputs = WR_BUMP_NEW_ARRAY(p->bump, wr_plan_node *, s->op->input_count + 2, err);
    s->input_names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, s->op->input_count + 2, err);
    if (!s->inputs || !s->input_names)
        return WR_NO_MEMORY;
    WR_TRY(read_named_inputs(p, s, &count, err));
    s->input_count = count;
    if (s->op->input_count == STEP_INPUTS_MAX && count < 2)
        return wr_yaml_fail(&p->file, s->inputs_node ? s->inputs_node : s->node, err,
                            "%s reads two or more steps above: inputs: [a, b]", s->op->name);
    if (s->op->input_count == 2)
        WR_TRY(read_sides(p, s, values, count, err));
    if (s->op->input_count > 0 && !s->inputs[0]) {
        if (!p->previous)
            return wr_yaml_fail(&p->file, s->node, err,
                                "%s has nothing to read: a pipeline begins with scan or generate",
                                s->op->name);
        s->inputs[0] = p->previous;
        s->input_names[0] = id_of(p, p->previous);
    }
    return WR_OK;
}

/* --- steps --------------------------------------------------------------------------------- */

static wr_status read_id(pipeline *p, const step *s, wr_text *out_id, wr_error *err)
{
    const wr_yaml *node = find_common(s->node, "id");

    *out_id = (wr_text){NULL, 0};
    if (!node)
        return WR_OK;
    WR_TRY(wr_read_text(p, node, "id", out_id, err));
    if (out_id->byte_count == 0)
        return wr_yaml_fail(&p->file, node, err, "empty id");
    for (uint32_t i = 0; i < p->named_count; i++)
        if (wr_text_equal(p->named[i].id, *out_id))
            return wr_yaml_fail(&p->file, node, err, "two steps have the id '%.*s'",
                                WR_TEXT_ARG(*out_id));
    return WR_OK;
}

static wr_status read_step(pipeline *p, const wr_yaml *node, wr_error *err)
{
    step           s = {.node = node};
    const wr_yaml *values[STEP_KEYS_MAX] = {NULL};
    wr_text        id;
    wr_plan_node  *made;

    if (node->kind != WR_YAML_MAP || node->count == 0)
        return wr_yaml_fail(&p->file, node, err, "a step is a map with 'op', this is %s",
                            wr_read_kind(node));
    WR_TRY(read_form(p, node, &s, values, err));
    WR_TRY(read_id(p, &s, &id, err));
    WR_TRY(read_inputs(p, &s, values, err));
    WR_TRY(s.op->build(p, &s, values, &made, err));
    made->id = id;
    made->line = node->place.line;
    made->column = node->place.column;
    if (id.byte_count)
        p->named[p->named_count++] = (struct named_step){id, made};
    p->previous = made->kind == WR_PLAN_SINK ? s.inputs[0] : made;
    return WR_OK;
}

wr_status wr_pipeline_build(wr_text text, const char *path, const wr_variables *variables,
                            const wr_catalog *catalog, wr_lease *open_lease, wr_plan *plan,
                            void (*warn)(void *self, const char *message), void *warn_self,
                            wr_error *err)
{
    pipeline p = {.catalog = catalog, .open_lease = open_lease, .plan = plan, .bump = plan->bump,
                  .warn = warn, .warn_self = warn_self};
    wr_pipeline_settings settings = {0};
    wr_yaml             *root;
    const wr_yaml       *values[STEP_KEYS_MAX], *steps;

    WR_TRY(wr_yaml_parse(text, path, variables, NULL, p.bump, &p.file, &root, err));
    WR_TRY(read_top(&p, root, values, err));
    WR_TRY(read_settings(&p, values[1], values[2], &settings, err));
    warn_about_config(&p, values[2]);
    p.is_em_root = values[2] != NULL;
    steps = values[0];
    if (!steps || steps->kind != WR_YAML_LIST || steps->count == 0)
        return wr_yaml_fail(&p.file, steps ? steps : root, err,
                            "a pipeline needs 'steps', a list of at least one step");
    if (steps->count > STEPS_MAX)
        return wr_yaml_fail(&p.file, steps, err, "more than %d steps", STEPS_MAX);
    p.named = WR_BUMP_NEW_ARRAY(p.bump, struct named_step, steps->count, err);
    if (!p.named)
        return WR_NO_MEMORY;
    for (const wr_yaml *node = steps->first; node; node = node->next)
        WR_TRY(read_step(&p, node, err));
    return WR_OK;
}

/* --- the reference ------------------------------------------------------------------------- */

static bool steps_line(size_t index, const char **out_name, const char **out_help)
{
    static const char *const EVERY[][2] = {
        {"id", "key of every step: its name for other steps"},
        {"input", "key of every step: the id of the step to read, if it is not the one before"},
        {"inputs", "as input, for steps that read two or more"},
        {"description", "key of every step: what it is for"},
    };

    if (index < OP_COUNT) {
        *out_name = OPS[index]->name;
        *out_help = OPS[index]->summary;
        return true;
    }
    index -= OP_COUNT;
    if (index >= sizeof EVERY / sizeof EVERY[0])
        return false;
    *out_name = EVERY[index][0];
    *out_help = EVERY[index][1];
    return true;
}

bool wr_step_manual(wr_text topic, size_t index, const char **out_name, const char **out_help)
{
    if (wr_text_equal(topic, WR_TEXT("steps")))
        return steps_line(index, out_name, out_help);
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (!wr_text_equal(topic, wr_text_of(OPS[i]->name)))
            continue;
        for (size_t k = 0; OPS[i]->keys[k]; k++) {
            if (k == index) {
                *out_name = OPS[i]->keys[k];
                *out_help = OPS[i]->helps[k];
                return true;
            }
        }
    }
    return false;
}
