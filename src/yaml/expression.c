/* yaml/expression.c — expressions in steps: parse, bind, name.
 *
 * `||` concatenates, as in SQL. Files of EM-root mean OR by it: such an expression has no meaning as
 * SQL (conditions cannot be concatenated, comparisons do not chain), so what cannot be read as SQL
 * is read once more with `||` as OR; a file with a `config:` is read so at once. If both fail, the
 * first message is shown. */
#include "yaml/pipeline_priv.h"

/* --- reading both ways --------------------------------------------------------------------- */

typedef wr_status (*reading)(void *self, const wr_parse_options *options, wr_error *err);

static wr_status read_both_ways(const pipeline *p, const wr_source *source, reading read,
                                void *self, wr_error *err)
{
    wr_parse_options options = {.source = source, .double_pipe_is_or = p->is_em_root};
    wr_status        status = read(self, &options, err);

    if (status != WR_INVALID || p->is_em_root || source->text.byte_count == 0 ||
        !memmem(source->text.bytes, source->text.byte_count, "||", 2))
        return status;
    options.double_pipe_is_or = true;
    if (read(self, &options, NULL) != WR_OK)
        return status;
    wr_error_clear(err);
    return WR_OK;
}

/* --- scopes -------------------------------------------------------------------------------- */

static void warn_at(void *self, const char *message)
{
    const pipeline *p = self;

    if (p->warn)
        p->warn(p->warn_self, message);
}

wr_scope wr_scope_of(const pipeline *p, const step *s)
{
    return (wr_scope){
        .left = &s->inputs[0]->schema,
        .right = s->inputs[1] ? &s->inputs[1]->schema : NULL,
        .left_name = s->input_names[0],
        .right_name = s->input_names[1],
        .where = s->op->name,
        .site_count = &p->plan->site_count,
        .warn = warn_at,
        .warn_self = (void *)p,
    };
}

/* --- conditions ---------------------------------------------------------------------------- */

typedef struct condition_reading {
    pipeline *p;
    wr_scope  scope;
    wr_expr  *expr;
} condition_reading;

static wr_status read_condition(void *self, const wr_parse_options *options, wr_error *err)
{
    condition_reading *r = self;
    wr_ast            *ast;

    WR_TRY(wr_parse_expr(r->scope.source.text, options, r->p->bump, &ast, err));
    return wr_bind_predicate(&r->scope, ast, r->p->bump, &r->expr, err);
}

wr_status wr_read_predicate(pipeline *p, const step *s, const wr_yaml *node, wr_expr **out_expr,
                            wr_error *err)
{
    condition_reading r = {.p = p, .scope = wr_scope_of(p, s)};
    wr_text           text;

    WR_TRY(wr_read_text(p, node, s->op->name, &text, err));
    r.scope.source = wr_yaml_source(&p->file, node);
    WR_TRY(read_both_ways(p, &r.scope.source, read_condition, &r, err));
    *out_expr = r.expr;
    return WR_OK;
}

/* --- items --------------------------------------------------------------------------------- */

typedef struct items_reading {
    pipeline      *p;
    wr_scope       scope;
    const wr_yaml *node;
    wr_text        name;  /* given by a map's key, or "" */
    agg_scope     *aggs;
    item_list     *out;
} items_reading;

wr_status wr_items_append(const pipeline *p, item_list *list, const item *added, wr_error *err)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? 2 * list->capacity : 16;
        item    *items = WR_BUMP_NEW_ARRAY(p->bump, item, capacity, err);

        if (!items)
            return WR_NO_MEMORY;
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof items[0]);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = *added;
    return WR_OK;
}

static uint32_t find_exact(const wr_schema *schema, wr_text name)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (wr_text_equal(schema->fields[i].name, name))
            return i;
    return WR_FIELD_NONE;
}

static wr_status append_column(items_reading *r, uint32_t column, wr_error *err)
{
    const wr_field *field = &r->scope.left->fields[column];
    item            added = {.name = field->name, .node = r->node};

    if (r->name.byte_count) {
        added.name = r->name;
        added.is_named = true;
    }
    added.expr = wr_expr_column(r->p->bump, column, field->type, field->nullable, err);
    return added.expr ? wr_items_append(r->p, r->out, &added, err) : WR_NO_MEMORY;
}

/* count(*) is "count", sum(x) is "sum_x": the names that EM-root gives, and easy to refer to. */
static wr_status name_aggregate(const items_reading *r, const wr_ast *ast, wr_text *out_name,
                                wr_error *err)
{
    const wr_ast *argument = ast->arg_count == 1 ? ast->args[0] : NULL;
    char         *name;

    if (ast->filter || ast->distinct || ast->order_count > 0 || ast->arg_count > 1 ||
        (argument && argument->kind != WR_AST_COLUMN && argument->kind != WR_AST_STAR))
        return WR_OK;
    if (!argument || argument->kind == WR_AST_STAR) {
        *out_name = ast->text;
        return WR_OK;
    }
    name = wr_bump_printf(r->p->bump, err, "%.*s_%.*s", WR_TEXT_ARG(ast->text),
                          WR_TEXT_ARG(argument->text));
    if (!name)
        return WR_NO_MEMORY;
    *out_name = wr_text_of(name);
    return WR_OK;
}

/* x.name and x['name']: the name of the field. */
static bool is_field(const wr_ast *ast)
{
    return ast->kind == WR_AST_CALL && wr_text_equal(ast->text, WR_TEXT("array_extract")) &&
           ast->arg_count == 2 && ast->args[1]->kind == WR_AST_STRING;
}

/* The name of an item that was given none. */
static wr_status name_item(const items_reading *r, const wr_ast *ast, const wr_expr *expr,
                           wr_text *out_name, wr_error *err)
{
    const char *text;

    *out_name = (wr_text){NULL, 0};
    if (ast->kind == WR_AST_COLUMN && !r->aggs && expr->kind == WR_EXPR_COLUMN)
        *out_name = r->scope.left->fields[expr->column].name;
    else if (ast->kind == WR_AST_COLUMN)
        *out_name = ast->text;
    else if (is_field(ast))
        *out_name = ast->args[1]->text;
    else if (r->aggs && wr_bind_is_aggregate(ast))
        WR_TRY(name_aggregate(r, ast, out_name, err));
    if (out_name->byte_count > 0)
        return WR_OK;
    text = wr_ast_format(ast, r->p->bump, err);
    if (!text)
        return WR_NO_MEMORY;
    *out_name = wr_text_of(text);
    return WR_OK;
}

static wr_status bind_item(items_reading *r, const wr_ast_item *parsed, wr_error *err)
{
    item      added = {.node = r->node};
    wr_scope *scope = &r->scope;
    wr_bump  *bump = r->p->bump;

    if (parsed->expr->kind == WR_AST_STAR && !r->aggs) {
        for (uint32_t i = 0; i < scope->left->field_count; i++)
            WR_TRY(append_column(r, i, err));
        return WR_OK;
    }
    if (r->aggs)
        WR_TRY(wr_bind_aggregate_expr(scope, parsed->expr, r->aggs->keys, r->aggs->key_count,
                                      &r->aggs->list, bump, &added.expr, err));
    else
        WR_TRY(wr_bind_expr(scope, parsed->expr, bump, &added.expr, err));
    added.is_named = parsed->alias.byte_count > 0 || r->name.byte_count > 0;
    if (r->name.byte_count)
        added.name = r->name;
    else if (parsed->alias.byte_count)
        added.name = parsed->alias;
    else
        WR_TRY(name_item(r, parsed->expr, added.expr, &added.name, err));
    return wr_items_append(r->p, r->out, &added, err);
}

static wr_status read_parsed(void *self, const wr_parse_options *options, wr_error *err)
{
    items_reading *r = self;
    uint32_t       count_before = r->out->count, count;
    wr_ast_item   *items, single;
    wr_status      status = WR_OK;

    if (r->name.byte_count) {
        single = (wr_ast_item){0};
        WR_TRY(wr_parse_expr(r->scope.source.text, options, r->p->bump, &single.expr, err));
        items = &single;
        count = 1;
    } else {
        WR_TRY(wr_parse_items(r->scope.source.text, options, r->p->bump, &items, &count, err));
    }
    for (uint32_t i = 0; i < count && status == WR_OK; i++)
        status = bind_item(r, &items[i], err);
    if (status != WR_OK)
        r->out->count = count_before;
    return status;
}

/* One scalar: a column's exact name, or items. */
static wr_status read_scalar(items_reading *r, const wr_yaml *node, wr_text name, wr_error *err)
{
    wr_text  text;
    uint32_t column;

    WR_TRY(wr_read_text(r->p, node, r->scope.where, &text, err));
    r->node = node;
    r->name = name;
    column = r->aggs ? WR_FIELD_NONE : find_exact(r->scope.left, text);
    if (column != WR_FIELD_NONE)
        return append_column(r, column, err);
    r->scope.source = wr_yaml_source(&r->p->file, node);
    return read_both_ways(r->p, &r->scope.source, read_parsed, r, err);
}

typedef struct grouping_reading {
    items_reading items;
    wr_ast_group *list;
} grouping_reading;

static wr_status bind_groups(items_reading *r, wr_ast_group *group, wr_error *err)
{
    group->key_first = r->out->count;
    if (group->kind == WR_GROUP_ITEM)
        WR_TRY(bind_item(r, &group->item, err));
    for (uint32_t i = 0; i < group->part_count; i++)
        WR_TRY(bind_groups(r, &group->parts[i], err));
    group->key_count = r->out->count - group->key_first;
    return WR_OK;
}

static wr_status read_groups(void *self, const wr_parse_options *options, wr_error *err)
{
    grouping_reading *r = self;
    uint32_t          count_before = r->items.out->count;
    wr_status         status;

    WR_TRY(wr_parse_grouping(r->items.scope.source.text, options, r->items.p->bump, r->list, err));
    status = bind_groups(&r->items, r->list, err);
    if (status != WR_OK)
        r->items.out->count = count_before;
    return status;
}

wr_status wr_read_grouping(pipeline *p, const step *s, const wr_yaml *node, item_list *out_keys,
                           wr_ast_group *out_list, wr_error *err)
{
    grouping_reading r = {{.p = p, .scope = wr_scope_of(p, s), .node = node, .out = out_keys},
                          out_list};
    wr_text          text;
    uint32_t         column;

    WR_TRY(wr_read_text(p, node, s->op->name, &text, err));
    column = find_exact(r.items.scope.left, text);
    if (column != WR_FIELD_NONE) {
        *out_list = (wr_ast_group){.kind = WR_GROUP_LIST, .parts = WR_BUMP_NEW(p->bump, wr_ast_group, err),
                                   .part_count = 1};
        if (!out_list->parts)
            return WR_NO_MEMORY;
        *out_list->parts = (wr_ast_group){.key_first = out_keys->count, .key_count = 1};
        return append_column(&r.items, column, err);
    }
    r.items.scope.source = wr_yaml_source(&p->file, node);
    return read_both_ways(p, &r.items.scope.source, read_groups, &r, err);
}

/* {name: expression, ...} */
static wr_status read_map(items_reading *r, const wr_yaml *map, wr_error *err)
{
    for (const wr_yaml *key = map->first; key; key = key->next->next) {
        if (key->text.byte_count == 0)
            return wr_yaml_fail(&r->p->file, key, err, "empty column name");
        WR_TRY(read_scalar(r, key->next, key->text, err));
    }
    return WR_OK;
}

wr_status wr_read_items(pipeline *p, const step *s, const wr_scope *scope, const wr_yaml *node,
                        agg_scope *aggs, item_list *out_items, wr_error *err)
{
    items_reading r = {.p = p, .scope = *scope, .aggs = aggs, .out = out_items};

    (void)s;
    if (node->kind == WR_YAML_SCALAR)
        return read_scalar(&r, node, (wr_text){NULL, 0}, err);
    if (node->kind == WR_YAML_MAP)
        return read_map(&r, node, err);
    for (const wr_yaml *child = node->first; child; child = child->next)
        WR_TRY(child->kind == WR_YAML_MAP ? read_map(&r, child, err)
                                          : read_scalar(&r, child, (wr_text){NULL, 0}, err));
    return WR_OK;
}

wr_status wr_items_split(const pipeline *p, const item_list *list, wr_expr ***out_exprs,
                         wr_text **out_names, wr_error *err)
{
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, list->count + 1, err);
    wr_text  *names = WR_BUMP_NEW_ARRAY(p->bump, wr_text, list->count + 1, err);

    if (!exprs || !names)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < list->count; i++) {
        exprs[i] = list->items[i].expr;
        names[i] = list->items[i].name;
    }
    *out_exprs = exprs;
    *out_names = names;
    return WR_OK;
}

/* --- sort keys ----------------------------------------------------------------------------- */

typedef struct order_reading {
    pipeline    *p;
    wr_scope     scope;
    wr_plan_key *keys;
    uint32_t     count, capacity;
} order_reading;

static wr_status append_key(order_reading *r, wr_plan_key key, wr_error *err)
{
    if (r->count == r->capacity) {
        uint32_t     capacity = r->capacity ? 2 * r->capacity : 8;
        wr_plan_key *keys = WR_BUMP_NEW_ARRAY(r->p->bump, wr_plan_key, capacity, err);

        if (!keys)
            return WR_NO_MEMORY;
        if (r->count > 0)
            memcpy(keys, r->keys, r->count * sizeof keys[0]);
        r->keys = keys;
        r->capacity = capacity;
    }
    WR_TRY(wr_expr_order_key(r->p->bump, key.expr, &key.expr, err));
    r->keys[r->count++] = key;
    return WR_OK;
}

static wr_status read_order(void *self, const wr_parse_options *options, wr_error *err)
{
    order_reading *r = self;
    uint32_t       count_before = r->count, count;
    wr_ast_order  *items;
    wr_status      status = WR_OK;

    WR_TRY(wr_parse_order(r->scope.source.text, options, r->p->bump, &items, &count, err));
    for (uint32_t i = 0; i < count && status == WR_OK; i++) {
        wr_plan_key key = {.descending = items[i].descending};

        /* NULL is greater than everything, so it comes first when descending (PostgreSQL). */
        key.nulls_first = items[i].nulls ? items[i].nulls < 0 : items[i].descending;
        status = wr_bind_expr(&r->scope, items[i].expr, r->p->bump, &key.expr, err);
        if (status == WR_OK)
            status = append_key(r, key, err);
    }
    if (status != WR_OK)
        r->count = count_before;
    return status;
}

static wr_status read_key_scalar(order_reading *r, const wr_yaml *node, wr_error *err)
{
    wr_text     text;
    uint32_t    column;
    wr_plan_key key = {0};

    WR_TRY(wr_read_text(r->p, node, "by", &text, err));
    column = find_exact(r->scope.left, text);
    if (column != WR_FIELD_NONE) {
        const wr_field *field = &r->scope.left->fields[column];

        key.expr = wr_expr_column(r->p->bump, column, field->type, field->nullable, err);
        return key.expr ? append_key(r, key, err) : WR_NO_MEMORY;
    }
    r->scope.source = wr_yaml_source(&r->p->file, node);
    return read_both_ways(r->p, &r->scope.source, read_order, r, err);
}

wr_status wr_read_sort_keys(pipeline *p, const step *s, const wr_yaml *node,
                            wr_plan_key **out_keys, uint32_t *out_count, wr_error *err)
{
    order_reading r = {.p = p, .scope = wr_scope_of(p, s)};

    if (node->kind != WR_YAML_LIST)
        WR_TRY(read_key_scalar(&r, node, err));
    else
        for (const wr_yaml *child = node->first; child; child = child->next)
            WR_TRY(read_key_scalar(&r, child, err));
    *out_keys = r.keys;
    *out_count = r.count;
    return WR_OK;
}

/* --- join conditions ----------------------------------------------------------------------- */

typedef struct join_reading {
    pipeline *p;
    wr_scope  scope;
    wr_expr **left_keys, **right_keys;
    uint32_t  key_count;
    wr_expr  *residual;
    bool      is_name;
} join_reading;

static wr_status read_join(void *self, const wr_parse_options *options, wr_error *err)
{
    join_reading *r = self;
    wr_ast       *ast;

    WR_TRY(wr_parse_expr(r->scope.source.text, options, r->p->bump, &ast, err));
    r->is_name = ast->kind == WR_AST_COLUMN && ast->qualifier.byte_count == 0;
    return wr_bind_join(&r->scope, ast, r->p->bump, &r->left_keys, &r->right_keys, &r->key_count,
                        &r->residual, err);
}

/* An element that is exactly a column of both inputs, whatever characters it has. */
static wr_status read_join_name(join_reading *r, wr_text name, bool *out_taken, wr_error *err)
{
    wr_ast ast = {.kind = WR_AST_COLUMN, .text = name, .place = {1, 1}, .depth = 1};

    *out_taken = find_exact(r->scope.left, name) != WR_FIELD_NONE &&
                 find_exact(r->scope.right, name) != WR_FIELD_NONE;
    if (!*out_taken)
        return WR_OK;
    r->is_name = true;
    return wr_bind_join(&r->scope, &ast, r->p->bump, &r->left_keys, &r->right_keys, &r->key_count,
                        &r->residual, err);
}

static wr_status merge_on(pipeline *p, join_on *on, const join_reading *r, wr_error *err)
{
    uint32_t  count = on->key_count + r->key_count;
    wr_expr **left = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);
    wr_expr **right = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, count + 1, err);

    if (!left || !right)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        bool old = i < on->key_count;

        left[i] = old ? on->left_keys[i] : r->left_keys[i - on->key_count];
        right[i] = old ? on->right_keys[i] : r->right_keys[i - on->key_count];
    }
    on->left_keys = left;
    on->right_keys = right;
    on->key_count = count;
    on->names_only &= r->is_name;
    if (on->residual && r->residual) {
        wr_expr **both = WR_BUMP_NEW_ARRAY(p->bump, wr_expr *, 2, err);

        if (!both)
            return WR_NO_MEMORY;
        both[0] = on->residual;
        both[1] = r->residual;
        return wr_expr_logic(p->bump, WR_EXPR_AND, both, 2, &on->residual, err);
    }
    if (r->residual)
        on->residual = r->residual;
    return WR_OK;
}

static wr_status read_on_scalar(pipeline *p, const step *s, const wr_yaml *node, join_on *io_on,
                                wr_error *err)
{
    join_reading r = {.p = p, .scope = wr_scope_of(p, s)};
    wr_text      text;
    bool         taken;

    WR_TRY(wr_read_text(p, node, "on", &text, err));
    r.scope.source = wr_yaml_source(&p->file, node);
    WR_TRY(read_join_name(&r, text, &taken, err));
    if (!taken)
        WR_TRY(read_both_ways(p, &r.scope.source, read_join, &r, err));
    return merge_on(p, io_on, &r, err);
}

wr_status wr_read_join_on(pipeline *p, const step *s, const wr_yaml *node, join_on *io_on,
                          wr_error *err)
{
    if (node->kind != WR_YAML_LIST)
        return read_on_scalar(p, s, node, io_on, err);
    for (const wr_yaml *child = node->first; child; child = child->next)
        WR_TRY(read_on_scalar(p, s, child, io_on, err));
    return WR_OK;
}

typedef struct match_reading {
    pipeline            *p;
    wr_scope             scope;
    wr_plan_range        range;
    const wr_plan_range *of; /* given: read a tolerance */
    wr_expr             *condition;
} match_reading;

static wr_status read_match(void *self, const wr_parse_options *options, wr_error *err)
{
    match_reading *r = self;
    wr_ast        *ast;

    WR_TRY(wr_parse_expr(r->scope.source.text, options, r->p->bump, &ast, err));
    return r->of ? wr_bind_tolerance(&r->scope, ast, r->of, r->p->bump, &r->condition, err)
                 : wr_bind_match(&r->scope, ast, r->p->bump, &r->range, err);
}

static wr_status read_match_scalar(pipeline *p, const step *s, const wr_yaml *node,
                                   const char *what, match_reading *r, wr_error *err)
{
    wr_text text;

    r->p = p;
    r->scope = wr_scope_of(p, s);
    WR_TRY(wr_read_text(p, node, what, &text, err));
    r->scope.source = wr_yaml_source(&p->file, node);
    return read_both_ways(p, &r->scope.source, read_match, r, err);
}

wr_status wr_read_match(pipeline *p, const step *s, const wr_yaml *node, wr_plan_range *out_range,
                        wr_error *err)
{
    match_reading r = {0};

    WR_TRY(read_match_scalar(p, s, node, "match", &r, err));
    *out_range = r.range;
    return WR_OK;
}

wr_status wr_read_tolerance(pipeline *p, const step *s, const wr_yaml *node,
                            const wr_plan_range *range, wr_expr **out_condition, wr_error *err)
{
    match_reading r = {.of = range};

    WR_TRY(read_match_scalar(p, s, node, "tolerance", &r, err));
    *out_condition = r.condition;
    return WR_OK;
}
