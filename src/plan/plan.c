/* plan/plan.c — builders of logical plan nodes: append, check, compute the output schema.
 *
 * Invariants
 *  1. A node is appended only when it is whole: a failed builder leaves the plan as it was.
 *  2. Output names of a node are distinct regardless of case; but a scan's are the file's, which may
 *     differ in case only.
 *  3. A node's inputs come before it in plan->nodes.
 * Cost: linear in columns; the node array doubles in the bump. */
#include "plan/plan.h"
#include "types/hive.h"

#include <stdio.h>

static const char *const KIND_NAMES[WR_PLAN_KIND_COUNT] = {
    [WR_PLAN_SCAN] = "scan",           [WR_PLAN_GENERATE] = "generate",
    [WR_PLAN_FILTER] = "filter",       [WR_PLAN_PROJECT] = "project",
    [WR_PLAN_WINDOW] = "window",
    [WR_PLAN_SORT] = "sort",           [WR_PLAN_LIMIT] = "limit",
    [WR_PLAN_AGGREGATE] = "aggregate", [WR_PLAN_JOIN] = "join",
    [WR_PLAN_UNION] = "union",         [WR_PLAN_REPEAT] = "repeat",
    [WR_PLAN_UNNEST] = "unnest",       [WR_PLAN_DRAW] = "draw",
    [WR_PLAN_SINK] = "sink",
};

void wr_plan_init(wr_plan *plan, wr_bump *bump, const char *path)
{
    *plan = (wr_plan){.bump = bump, .path = path ? path : ""};
}

const char *wr_plan_kind_name(wr_plan_kind kind)
{
    return KIND_NAMES[kind];
}

const char *wr_plan_node_label(const wr_plan *plan, const wr_plan_node *node)
{
    const char *label;

    if (node->id.byte_count)
        label = wr_bump_printf(plan->bump, NULL, "%s '%.*s'", KIND_NAMES[node->kind],
                               WR_TEXT_ARG(node->id));
    else
        label = wr_bump_printf(plan->bump, NULL, "%s #%u", KIND_NAMES[node->kind],
                               node->number + 1);
    return label ? label : KIND_NAMES[node->kind];
}

/* ---- Appending ---------------------------------------------------------------------------- */

static wr_status new_node(wr_plan *plan, wr_plan_kind kind, wr_plan_node *left,
                          wr_plan_node *right, wr_plan_node **out_node, wr_error *err)
{
    wr_plan_node *node = WR_BUMP_NEW(plan->bump, wr_plan_node, err);

    if (!node)
        return WR_NO_MEMORY;
    node->kind = kind;
    node->inputs[0] = left;
    node->inputs[1] = right;
    node->input_count = right ? 2 : left ? 1 : 0;
    *out_node = node;
    return WR_OK;
}

static wr_status append_node(wr_plan *plan, wr_plan_node *node, wr_plan_node **out_node,
                             wr_error *err)
{
    if (plan->node_count == plan->node_capacity) {
        uint32_t       capacity = plan->node_capacity ? plan->node_capacity * 2 : 16;
        wr_plan_node **nodes = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_node *, capacity, err);

        if (!nodes)
            return WR_NO_MEMORY;
        if (plan->node_count)
            memcpy(nodes, plan->nodes, plan->node_count * sizeof nodes[0]);
        plan->nodes = nodes;
        plan->node_capacity = capacity;
    }
    node->number = plan->node_count;
    plan->nodes[plan->node_count++] = node;
    *out_node = node;
    return WR_OK;
}

static wr_status new_schema(wr_plan *plan, uint32_t field_count, wr_schema *out_schema,
                            wr_error *err)
{
    out_schema->fields = WR_BUMP_NEW_ARRAY(plan->bump, wr_field, field_count, err);
    out_schema->field_count = field_count;
    return out_schema->fields ? WR_OK : WR_NO_MEMORY;
}

static bool name_is_taken(const wr_schema *schema, uint32_t field_count, wr_text name)
{
    for (uint32_t i = 0; i < field_count; i++)
        if (wr_text_equal_nocase(schema->fields[i].name, name))
            return true;
    return false;
}

/* Names are compared pairwise only up to a width where that is cheap; wider schemas come from
 * files, whose readers make names unique already. */
enum { NAME_CHECK_FIELDS_MAX = 2000 };

static wr_status check_names(const wr_schema *schema, const char *where, wr_error *err)
{
    if (schema->field_count > NAME_CHECK_FIELDS_MAX)
        return WR_OK;
    for (uint32_t i = 1; i < schema->field_count; i++)
        if (name_is_taken(schema, i, schema->fields[i].name))
            return WR_RAISE(err, WR_INVALID,
                            "%s gives two columns the name '%.*s': rename one with AS", where,
                            WR_TEXT_ARG(schema->fields[i].name));
    return WR_OK;
}

static wr_status schema_of_exprs(wr_plan *plan, wr_expr **exprs, const wr_text *names,
                                 uint32_t expr_count, const char *where, wr_schema *out_schema,
                                 wr_error *err)
{
    WR_TRY(new_schema(plan, expr_count, out_schema, err));
    for (uint32_t i = 0; i < expr_count; i++)
        out_schema->fields[i] = (wr_field){names[i], exprs[i]->type, exprs[i]->nullable};
    return check_names(out_schema, where, err);
}

/* ---- Sources ------------------------------------------------------------------------------ */

static bool has_name(const wr_schema *schema, wr_text name)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (wr_text_equal(schema->fields[i].name, name))
            return true;
    return false;
}

wr_status wr_plan_add_scan(wr_plan *plan, const wr_table *table, bool filename, bool row_number,
                           wr_plan_node **out_node, wr_error *err)
{
    wr_plan_node *node;
    uint32_t      count = table->schema.field_count, partitions = table->partitions.field_count;

    WR_TRY(new_node(plan, WR_PLAN_SCAN, NULL, NULL, &node, err));
    WR_TRY(new_schema(plan, count + partitions + filename + row_number, &node->schema, err));
    node->scan.table = table;
    node->scan.paths = table->paths;
    node->scan.path_count = table->path_count;
    node->scan.partitions = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, partitions + 1, err);
    if (!node->scan.partitions)
        return WR_NO_MEMORY;
    node->scan.partition_count = partitions;
    node->scan.columns = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, count ? count : 1, err);
    if (!node->scan.columns)
        return WR_NO_MEMORY;
    node->scan.column_count = count;
    node->scan.filename = filename;
    node->scan.row_number = row_number;
    for (uint32_t i = 0; i < count; i++) {
        node->scan.columns[i] = i;
        node->schema.fields[i] = table->schema.fields[i];
    }
    for (uint32_t i = 0; i < partitions; i++) {
        node->scan.partitions[i] = i;
        node->schema.fields[count++] = table->partitions.fields[i];
    }
    if (filename)
        node->schema.fields[count++] = (wr_field){WR_TEXT("filename"), WR_TYPE(UTF8), false};
    if (row_number)
        node->schema.fields[count] = (wr_field){WR_TEXT("row_number"), WR_TYPE(I64), false};
    for (uint32_t i = table->schema.field_count + partitions; i < node->schema.field_count; i++)
        if (has_name(&table->schema, node->schema.fields[i].name) ||
            has_name(&table->partitions, node->schema.fields[i].name))
            return WR_RAISE(err, WR_INVALID,
                            "the file has a column '%.*s' already: leave '%.*s: true' out",
                            WR_TEXT_ARG(node->schema.fields[i].name),
                            WR_TEXT_ARG(node->schema.fields[i].name));
    return append_node(plan, node, out_node, err);
}

wr_status wr_plan_add_generate(wr_plan *plan, uint64_t row_count, uint64_t seed, wr_expr **exprs,
                               const wr_text *names, uint32_t expr_count, wr_plan_node **out_node,
                               wr_error *err)
{
    wr_plan_node *node;

    WR_TRY(new_node(plan, WR_PLAN_GENERATE, NULL, NULL, &node, err));
    WR_TRY(schema_of_exprs(plan, exprs, names, expr_count, "generate", &node->schema, err));
    node->generate.row_count = row_count;
    node->generate.seed = seed;
    node->generate.exprs = exprs;
    node->generate.expr_count = expr_count;
    return append_node(plan, node, out_node, err);
}

/* ---- Row by row --------------------------------------------------------------------------- */

wr_status wr_plan_add_filter(wr_plan *plan, wr_plan_node *input, wr_expr *predicate,
                             wr_plan_node **out_node, wr_error *err)
{
    wr_plan_node *node;
    char          name[WR_TYPE_NAME_BYTES];

    if (predicate->type.logical != WR_TYPE_BOOL)
        return WR_RAISE(err, WR_INVALID, "a filter must be true or false, this one is %s",
                        wr_type_format(predicate->type, name));
    WR_TRY(new_node(plan, WR_PLAN_FILTER, input, NULL, &node, err));
    node->schema = input->schema;
    node->filter.predicate = predicate;
    return append_node(plan, node, out_node, err);
}

wr_status wr_plan_add_project(wr_plan *plan, wr_plan_node *input, wr_expr **exprs,
                              const wr_text *names, uint32_t expr_count, wr_plan_node **out_node,
                              wr_error *err)
{
    wr_plan_node *node;

    WR_TRY(new_node(plan, WR_PLAN_PROJECT, input, NULL, &node, err));
    WR_TRY(schema_of_exprs(plan, exprs, names, expr_count, "project", &node->schema, err));
    node->project.exprs = exprs;
    node->project.expr_count = expr_count;
    return append_node(plan, node, out_node, err);
}

wr_status wr_plan_add_limit(wr_plan *plan, wr_plan_node *input, uint64_t offset_rows,
                            uint64_t rows_max, wr_plan_node **out_node, wr_error *err)
{
    wr_plan_node *node;

    WR_TRY(new_node(plan, WR_PLAN_LIMIT, input, NULL, &node, err));
    node->schema = input->schema;
    node->limit.offset_rows = offset_rows;
    node->limit.rows_max = rows_max;
    return append_node(plan, node, out_node, err);
}

/* ---- Breakers ----------------------------------------------------------------------------- */

wr_status wr_plan_add_sort(wr_plan *plan, wr_plan_node *input, wr_plan_key *keys,
                           uint32_t key_count, uint64_t offset_rows, uint64_t rows_max,
                           wr_plan_node **out_node, wr_error *err)
{
    wr_plan_node *node;

    if (key_count == 0)
        return WR_RAISE(err, WR_INVALID, "a sort needs at least one key");
    WR_TRY(new_node(plan, WR_PLAN_SORT, input, NULL, &node, err));
    node->schema = input->schema;
    node->sort.keys = keys;
    node->sort.key_count = key_count;
    node->sort.offset_rows = offset_rows;
    node->sort.rows_max = rows_max;
    return append_node(plan, node, out_node, err);
}

/* Keys whose equal values have equal bytes. */
static wr_status settle_keys(wr_plan *plan, wr_expr **keys, uint32_t key_count, wr_error *err)
{
    for (uint32_t k = 0; k < key_count; k++)
        WR_TRY(wr_expr_equal_key(plan->bump, keys[k], &keys[k], err));
    return WR_OK;
}

wr_status wr_plan_add_grouping_sets(wr_plan *plan, wr_plan_node *input, wr_expr **keys,
                                    uint32_t key_count, uint64_t *sets, uint32_t set_count,
                                    wr_plan_agg *aggs, uint32_t agg_count, const wr_text *names,
                                    wr_plan_node **out_node, wr_error *err)
{
    uint64_t      absent = 0;
    uint32_t      width;
    wr_plan_node *node;

    WR_TRY(new_node(plan, WR_PLAN_AGGREGATE, input, NULL, &node, err));
    WR_TRY(settle_keys(plan, keys, key_count, err));
    node->aggregate.keys = keys;
    node->aggregate.key_count = key_count;
    node->aggregate.sets = sets;
    node->aggregate.set_count = set_count;
    node->aggregate.aggs = aggs;
    node->aggregate.agg_count = agg_count;
    width = wr_plan_key_width(node);
    WR_TRY(new_schema(plan, width + agg_count, &node->schema, err));
    for (uint32_t i = 0; i < set_count; i++)
        absent |= sets[i];
    for (uint32_t i = 0; i < key_count; i++)
        node->schema.fields[i] =
            (wr_field){names[i], keys[i]->type, keys[i]->nullable || (absent >> i % 64 & 1)};
    if (set_count > 0)
        node->schema.fields[key_count] = (wr_field){names[key_count], WR_TYPE(I64), false};
    for (uint32_t i = 0; i < agg_count; i++)
        node->schema.fields[width + i] =
            (wr_field){names[width + i], aggs[i].type, !wr_agg_counts(aggs[i].kind)};
    WR_TRY(check_names(&node->schema, "aggregate", err));
    return append_node(plan, node, out_node, err);
}

wr_status wr_plan_add_aggregate(wr_plan *plan, wr_plan_node *input, wr_expr **keys,
                                uint32_t key_count, wr_plan_agg *aggs, uint32_t agg_count,
                                const wr_text *names, wr_plan_node **out_node, wr_error *err)
{
    return wr_plan_add_grouping_sets(plan, input, keys, key_count, NULL, 0, aggs, agg_count, names,
                                     out_node, err);
}

static bool is_never_null(const wr_plan_function *function)
{
    return function->kind < WR_WINDOW_LAG ||
           (function->kind == WR_WINDOW_AGGREGATE && (function->agg.kind == WR_AGG_COUNT ||
                                                      function->agg.kind == WR_AGG_COUNT_STAR));
}

wr_status wr_plan_add_window(wr_plan *plan, wr_plan_node *input, wr_expr **partitions,
                             uint32_t partition_count, wr_plan_key *order, uint32_t order_count,
                             wr_plan_function *functions, uint32_t function_count,
                             wr_plan_node **out_node, wr_error *err)
{
    uint32_t      count = input->schema.field_count;
    wr_plan_node *node;

    WR_TRY(new_node(plan, WR_PLAN_WINDOW, input, NULL, &node, err));
    WR_TRY(settle_keys(plan, partitions, partition_count, err));
    WR_TRY(new_schema(plan, count + function_count, &node->schema, err));
    memcpy(node->schema.fields, input->schema.fields, count * sizeof input->schema.fields[0]);
    for (uint32_t f = 0; f < function_count; f++) {
        char *name = wr_bump_printf(plan->bump, err, "window %u", count + f);

        if (!name)
            return WR_NO_MEMORY;
        functions[f].partition_count = partition_count;
        functions[f].key_count = partition_count + order_count;
        node->schema.fields[count + f] =
            (wr_field){wr_text_of(name), functions[f].type, !is_never_null(&functions[f])};
    }
    node->window.partitions = partitions;
    node->window.partition_count = partition_count;
    node->window.order = order;
    node->window.order_count = order_count;
    node->window.functions = functions;
    node->window.function_count = function_count;
    return append_node(plan, node, out_node, err);
}

/* `name`, or `name_right`, `name_right2` ... if the output has it already. */
static wr_status clear_name(wr_plan *plan, const wr_schema *schema, uint32_t field_count,
                            wr_text name, wr_text *out_name, wr_error *err)
{
    wr_text free_name = name;

    for (uint32_t attempt = 1; name_is_taken(schema, field_count, free_name); attempt++) {
        char  suffix[16] = "";
        char *text;

        if (attempt > 1)
            snprintf(suffix, sizeof suffix, "%u", attempt);
        text = wr_bump_printf(plan->bump, err, "%.*s_right%s", WR_TEXT_ARG(name), suffix);
        if (!text)
            return WR_NO_MEMORY;
        free_name = wr_text_of(text);
    }
    *out_name = free_name;
    return WR_OK;
}

/* A right key that is a plain column named like its left partner is left out on request. */
static bool is_omitted_key(const wr_plan_node *left, const wr_plan_node *right,
                           wr_expr *const *left_keys, wr_expr *const *right_keys,
                           uint32_t key_count, uint32_t column)
{
    for (uint32_t k = 0; k < key_count; k++)
        if (right_keys[k]->kind == WR_EXPR_COLUMN && right_keys[k]->column == column &&
            left_keys[k]->kind == WR_EXPR_COLUMN &&
            wr_text_equal_nocase(left->schema.fields[left_keys[k]->column].name,
                                 right->schema.fields[column].name))
            return true;
    return false;
}

static wr_status join_schema(wr_plan *plan, wr_plan_node *node, bool omit_right_keys,
                             wr_error *err)
{
    const wr_plan_node *left = node->inputs[0], *right = node->inputs[1];
    wr_plan_join_type   type = node->join.type;
    bool     left_only = type == WR_PLAN_JOIN_SEMI || type == WR_PLAN_JOIN_ANTI;
    bool     left_nullable = type == WR_PLAN_JOIN_RIGHT || type == WR_PLAN_JOIN_FULL;
    bool     right_nullable = type == WR_PLAN_JOIN_LEFT || type == WR_PLAN_JOIN_FULL;
    uint32_t left_count = left->schema.field_count;
    uint32_t count = left_count;

    WR_TRY(new_schema(plan, left_count + right->schema.field_count, &node->schema, err));
    node->join.right_columns =
        WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, right->schema.field_count + 1, err);
    if (!node->join.right_columns)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < left_count; i++) {
        node->schema.fields[i] = left->schema.fields[i];
        node->schema.fields[i].nullable |= left_nullable;
    }
    for (uint32_t i = 0; i < right->schema.field_count && !left_only; i++) {
        wr_field field = right->schema.fields[i];

        if (omit_right_keys && is_omitted_key(left, right, node->join.left_keys,
                                              node->join.right_keys, node->join.key_count, i))
            continue;
        WR_TRY(clear_name(plan, &node->schema, count, field.name, &field.name, err));
        field.nullable |= right_nullable;
        node->join.right_columns[node->join.right_column_count++] = i;
        node->schema.fields[count++] = field;
    }
    node->schema.field_count = count;
    return WR_OK;
}

wr_status wr_plan_add_join(wr_plan *plan, wr_plan_node *left, wr_plan_node *right,
                           wr_plan_join_type type, wr_expr **left_keys, wr_expr **right_keys,
                           uint32_t key_count, wr_expr *residual, bool omit_right_keys,
                           wr_plan_node **out_node, wr_error *err)
{
    wr_plan_node *node;
    char          left_name[WR_TYPE_NAME_BYTES], right_name[WR_TYPE_NAME_BYTES];

    for (uint32_t k = 0; k < key_count; k++)
        if (!wr_type_equal(left_keys[k]->type, right_keys[k]->type))
            return WR_RAISE(err, WR_INVALID,
                            "join key %u compares %s with %s: cast one side", k + 1,
                            wr_type_format(left_keys[k]->type, left_name),
                            wr_type_format(right_keys[k]->type, right_name));
    WR_TRY(new_node(plan, WR_PLAN_JOIN, left, right, &node, err));
    node->join.type = type;
    node->join.left_keys = left_keys;
    node->join.right_keys = right_keys;
    node->join.key_count = key_count;
    node->join.residual = residual;
    /* A full join must show the right key where the left side is missing. */
    WR_TRY(join_schema(plan, node,
                       omit_right_keys && type != WR_PLAN_JOIN_FULL && type != WR_PLAN_JOIN_RIGHT,
                       err));
    WR_TRY(settle_keys(plan, left_keys, key_count, err));
    WR_TRY(settle_keys(plan, right_keys, key_count, err));
    return append_node(plan, node, out_node, err);
}

wr_status wr_plan_add_union(wr_plan *plan, wr_plan_node *left, wr_plan_node *right,
                            wr_plan_node **out_node, wr_error *err)
{
    wr_plan_node *node;
    uint32_t      count = left->schema.field_count;

    if (count != right->schema.field_count)
        return WR_RAISE(err, WR_INVALID, "a union of %u and %u columns", count,
                        right->schema.field_count);
    WR_TRY(new_node(plan, WR_PLAN_UNION, left, right, &node, err));
    WR_TRY(new_schema(plan, count + 1, &node->schema, err));
    node->schema.field_count = count;
    for (uint32_t c = 0; c < count; c++) {
        const wr_field *theirs = &right->schema.fields[c];
        wr_field       *field = &node->schema.fields[c];

        *field = left->schema.fields[c];
        field->nullable |= theirs->nullable;
        if (!wr_type_equal(field->type, theirs->type))
            return WR_RAISE(err, WR_INVALID, "a union of columns '%.*s' of two types",
                            WR_TEXT_ARG(field->name));
    }
    return append_node(plan, node, out_node, err);
}

wr_status wr_plan_add_repeat(wr_plan *plan, wr_plan_node *input, wr_expr *count,
                             wr_text number_name, wr_plan_node **out_node, wr_error *err)
{
    wr_plan_node *node;
    uint32_t      field_count = input->schema.field_count;

    WR_TRY(new_node(plan, WR_PLAN_REPEAT, input, NULL, &node, err));
    WR_TRY(new_schema(plan, field_count + 1, &node->schema, err));
    memcpy(node->schema.fields, input->schema.fields, field_count * sizeof(wr_field));
    node->schema.fields[field_count] = (wr_field){number_name, WR_TYPE(I64), false};
    node->repeat.count = count;
    return append_node(plan, node, out_node, err);
}

wr_status wr_plan_add_unnest(wr_plan *plan, wr_plan_node *input, wr_plan_unnested *values,
                             uint32_t value_count, wr_plan_element *elements,
                             uint32_t element_count, bool outer, wr_plan_node **out_node,
                             wr_error *err)
{
    wr_plan_node *node;
    uint32_t      field_count = input->schema.field_count;

    WR_TRY(new_node(plan, WR_PLAN_UNNEST, input, NULL, &node, err));
    WR_TRY(new_schema(plan, field_count + element_count, &node->schema, err));
    memcpy(node->schema.fields, input->schema.fields, field_count * sizeof(wr_field));
    for (uint32_t i = 0; i < element_count; i++) {
        char *name = wr_bump_printf(plan->bump, err, "#%u", i + 1);

        if (!name)
            return WR_NO_MEMORY;
        node->schema.fields[field_count + i] =
            (wr_field){wr_text_of(name), elements[i].type, true};
    }
    node->unnest.values = values;
    node->unnest.value_count = value_count;
    node->unnest.elements = elements;
    node->unnest.element_count = element_count;
    node->unnest.outer = outer;
    return append_node(plan, node, out_node, err);
}

wr_status wr_plan_add_draw(wr_plan *plan, wr_plan_node *input, uint64_t seed, wr_text place_name,
                           wr_text draw_name, wr_plan_node **out_node, wr_error *err)
{
    wr_plan_node *node;
    uint32_t      field_count = input->schema.field_count;

    WR_TRY(new_node(plan, WR_PLAN_DRAW, input, NULL, &node, err));
    WR_TRY(new_schema(plan, field_count + 2, &node->schema, err));
    memcpy(node->schema.fields, input->schema.fields, field_count * sizeof(wr_field));
    node->schema.fields[field_count] = (wr_field){place_name, WR_TYPE(I64), false};
    node->schema.fields[field_count + 1] = (wr_field){draw_name, WR_TYPE(I64), false};
    node->draw.seed = seed;
    return append_node(plan, node, out_node, err);
}

static bool has_one_spelling(wr_type type)
{
    switch (wr_type_physical(type)) {
    case WR_PHYS_F32:
    case WR_PHYS_F64:
    case WR_PHYS_INTERVAL:
        return false;
    default:
        return wr_type_is_text(type) || wr_type_physical(type) != WR_PHYS_STR;
    }
}

static wr_status check_folder(const wr_schema *schema, const wr_target *target,
                              const wr_plan_folder *folder, wr_error *err)
{
    if (wr_text_equal(target->path, WR_TEXT("-")))
        return WR_RAISE(err, WR_INVALID, "several files need a folder as their destination");
    if (!target->fs->ops->open_folder)
        return WR_RAISE(err, WR_UNSUPPORTED, "there are no folders to be written on this file system");
    if (folder->partition_count > WR_HIVE_KEYS_MAX)
        return WR_RAISE(err, WR_INVALID, "partition_by takes at most %d columns", WR_HIVE_KEYS_MAX);
    if (folder->partition_count >= schema->field_count)
        return WR_RAISE(err, WR_INVALID, "no column is left for the files: all of them are in "
                        "partition_by");
    for (uint32_t i = 0; i < folder->partition_count; i++) {
        const wr_field *field = &schema->fields[folder->partitions[i]];
        char            name[WR_TYPE_NAME_BYTES];

        if (!has_one_spelling(field->type))
            return WR_RAISE(err, WR_INVALID, "'%.*s' is of type %s and cannot name folders: use an "
                            "integer, a text, a date or a time", WR_TEXT_ARG(field->name),
                            (wr_type_format(field->type, name), name));
        for (uint32_t k = 0; k < i; k++)
            if (folder->partitions[k] == folder->partitions[i])
                return WR_RAISE(err, WR_INVALID, "'%.*s' is in partition_by twice",
                                WR_TEXT_ARG(field->name));
    }
    return WR_OK;
}

wr_status wr_plan_add_sink(wr_plan *plan, wr_plan_node *input, const wr_target *target,
                           const wr_plan_folder *folder, wr_plan_node **out_node, wr_error *err)
{
    wr_plan_node *node;

    if (folder)
        WR_TRY(check_folder(&input->schema, target, folder, err));

    WR_TRY(new_node(plan, WR_PLAN_SINK, input, NULL, &node, err));
    node->schema = input->schema;
    node->sink.target = target;
    if (folder)
        node->sink.folder = *folder;
    return append_node(plan, node, out_node, err);
}

/* ---- Checks of the whole ------------------------------------------------------------------- */

static bool is_read(const wr_plan *plan, const wr_plan_node *node)
{
    for (uint32_t i = node->number + 1; i < plan->node_count; i++)
        for (uint32_t k = 0; k < plan->nodes[i]->input_count; k++)
            if (plan->nodes[i]->inputs[k] == node)
                return true;
    return false;
}

static bool same_file(wr_fs *fs_a, wr_text a, wr_fs *fs_b, wr_text b)
{
    wr_fs_info info_a, info_b;

    if (fs_a != fs_b || wr_text_equal(a, WR_TEXT("-")) || wr_text_equal(b, WR_TEXT("-")))
        return false;
    if (wr_text_equal(a, b))
        return true;
    return fs_a->ops->stat(fs_a, a, &info_a, NULL) == WR_OK &&
           fs_b->ops->stat(fs_b, b, &info_b, NULL) == WR_OK &&
           info_a.identity[0] == info_b.identity[0] && info_a.identity[1] == info_b.identity[1];
}

typedef struct written_file {
    wr_fs  *fs;
    wr_text path;
} written_file;

/* The file that a step writes: a sink's destination, a scan's file of rejects. */
static bool find_written(const wr_plan_node *node, written_file *out_file)
{
    if (node->kind == WR_PLAN_SINK)
        *out_file = (written_file){node->sink.target->fs, node->sink.target->path};
    else if (node->kind == WR_PLAN_SCAN && node->scan.table->reject_path.byte_count > 0)
        *out_file = (written_file){node->scan.table->reject_fs, node->scan.table->reject_path};
    else
        return false;
    return true;
}

static wr_status check_written(const wr_plan *plan, const wr_plan_node *node, wr_error *err)
{
    written_file file, theirs;

    if (!find_written(node, &file))
        return WR_OK;
    for (uint32_t i = 0; i < plan->node_count; i++) {
        const wr_plan_node *other = plan->nodes[i];

        if (other->number < node->number && find_written(other, &theirs) &&
            (same_file(file.fs, file.path, theirs.fs, theirs.path) ||
             wr_text_equal(file.path, theirs.path)))
            return WR_RAISE(err, WR_INVALID, "%s:%u:%u: two steps write '%.*s'", plan->path,
                            node->line, node->column, WR_TEXT_ARG(file.path));
        if (other->kind != WR_PLAN_SCAN)
            continue;
        for (uint32_t p = 0; p < other->scan.table->path_count; p++)
            if (same_file(file.fs, file.path, other->scan.table->fs, other->scan.table->paths[p]))
                return WR_RAISE(err, WR_INVALID,
                                "%s:%u:%u: the %s would overwrite '%.*s', which the pipeline "
                                "reads: write to another file",
                                plan->path, node->line, node->column,
                                node->kind == WR_PLAN_SINK ? "sink" : "reject file",
                                WR_TEXT_ARG(file.path));
    }
    return WR_OK;
}

wr_status wr_plan_check(const wr_plan *plan, wr_error *err)
{
    uint32_t sink_count = 0;

    for (uint32_t i = 0; i < plan->node_count; i++) {
        const wr_plan_node *node = plan->nodes[i];

        WR_TRY(check_written(plan, node, err));
        if (node->kind == WR_PLAN_SINK) {
            sink_count++;
        } else if (!is_read(plan, node)) {
            return WR_RAISE(err, WR_INVALID,
                            "%s:%u:%u: nothing reads %s: add a step that does, or a sink",
                            plan->path, node->line, node->column,
                            wr_plan_node_label(plan, node));
        }
    }
    if (sink_count == 0)
        return WR_RAISE(err, WR_INVALID, "%s: the pipeline has no sink: add `- op: sink`",
                        plan->path);
    return WR_OK;
}
