/* optimizer/rule_prune.c — columns that nobody reads are neither parsed, computed nor carried.
 *
 * Top-down: which output columns of each node does any reader want? Bottom-up: every node drops
 * what is not wanted and tells its readers where the rest went (maps[node][old] = new). In front of
 * sorts and joins, which keep rows, a project drops columns that only a filter below needed.
 * Invariant: a source keeps at least one column, so that rows can be counted. */
#include "base/bits.h"
#include "optimizer/optimizer_priv.h"

typedef struct prune {
    wr_plan   *plan;
    uint64_t **wanted; /* per node: bit map of its old schema       */
    uint32_t **maps;   /* per node: old column -> new, or FIELD_NONE */
    uint32_t  *widths; /* per node: columns before pruning          */
} prune;

static wr_status allocate(prune *p, wr_error *err)
{
    wr_plan *plan = p->plan;

    p->wanted = WR_BUMP_NEW_ARRAY(plan->bump, uint64_t *, plan->node_count + 1, err);
    p->maps = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t *, plan->node_count + 1, err);
    p->widths = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, plan->node_count + 1, err);
    if (!p->wanted || !p->maps || !p->widths)
        return WR_NO_MEMORY;
    for (uint32_t n = 0; n < plan->node_count; n++) {
        uint32_t width = plan->nodes[n]->schema.field_count;

        p->widths[n] = width;
        p->wanted[n] = WR_BUMP_NEW_ARRAY(plan->bump, uint64_t, wr_bit_words(width) + 1, err);
        p->maps[n] = WR_BUMP_NEW_ARRAY(plan->bump, uint32_t, width + 1, err);
        if (!p->wanted[n] || !p->maps[n])
            return WR_NO_MEMORY;
    }
    return WR_OK;
}

/* ---- Top-down --------------------------------------------------------------------------------- */

static void want_same(prune *p, const wr_plan_node *node)
{
    const wr_plan_node *input = node->inputs[0];

    for (size_t w = 0; w < wr_bit_words(node->schema.field_count); w++)
        p->wanted[input->number][w] |= p->wanted[node->number][w];
}

static wr_status want_of_join(prune *p, const wr_plan_node *node, wr_error *err)
{
    const wr_plan_node *left = node->inputs[0], *right = node->inputs[1];
    uint64_t           *wanted = p->wanted[node->number];
    uint32_t            left_count = left->schema.field_count;
    uint32_t            width = left_count + right->schema.field_count;
    uint64_t *both = WR_BUMP_NEW_ARRAY(p->plan->bump, uint64_t, wr_bit_words(width) + 1, err);

    if (!both)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < node->schema.field_count; c++)
        if (wr_bit_get(wanted, c))
            wr_bit_set(both, c < left_count
                                 ? c
                                 : left_count + node->join.right_columns[c - left_count]);
    if (node->join.residual)
        wr_expr_columns(node->join.residual, both);
    for (uint32_t k = 0; k < node->join.key_count; k++) {
        wr_expr_columns(node->join.left_keys[k], p->wanted[left->number]);
        wr_expr_columns(node->join.right_keys[k], p->wanted[right->number]);
    }
    for (uint32_t r = 0; r < node->join.range_count; r++) {
        wr_expr_columns(node->join.ranges[r].left, p->wanted[left->number]);
        wr_expr_columns(node->join.ranges[r].right, p->wanted[right->number]);
    }
    for (uint32_t c = 0; c < width; c++)
        if (wr_bit_get(both, c))
            wr_bit_set(p->wanted[c < left_count ? left->number : right->number],
                       c < left_count ? c : c - left_count);
    return WR_OK;
}

static void want_of_aggregate(prune *p, const wr_plan_node *node)
{
    uint64_t *input = p->wanted[node->inputs[0]->number];

    for (uint32_t k = 0; k < node->aggregate.key_count; k++)
        wr_expr_columns(node->aggregate.keys[k], input);
    for (uint32_t i = 0; i < node->aggregate.agg_count; i++) {
        const wr_plan_agg *agg = &node->aggregate.aggs[i];

        if (!wr_bit_get(p->wanted[node->number], wr_plan_key_width(node) + i))
            continue;
        if (agg->argument)
            wr_expr_columns(agg->argument, input);
        if (agg->order)
            wr_expr_columns(agg->order, input);
        if (agg->filter)
            wr_expr_columns(agg->filter, input);
        for (uint32_t k = 0; k < agg->order_key_count; k++)
            wr_expr_columns(agg->order_keys[k].expr, input);
    }
}

/* The input's columns go out as well. */
static void want_of_window(prune *p, const wr_plan_node *node)
{
    const wr_plan_node *source = node->inputs[0];
    uint64_t           *input = p->wanted[source->number];
    uint32_t            width = source->schema.field_count;

    for (uint32_t c = 0; c < width; c++)
        if (wr_bit_get(p->wanted[node->number], c))
            wr_bit_set(input, c);
    for (uint32_t k = 0; k < node->window.partition_count; k++)
        wr_expr_columns(node->window.partitions[k], input);
    for (uint32_t k = 0; k < node->window.order_count; k++)
        wr_expr_columns(node->window.order[k].expr, input);
    for (uint32_t f = 0; f < node->window.function_count; f++) {
        const wr_plan_function *function = &node->window.functions[f];
        wr_expr *exprs[] = {function->argument,      function->fallback,
                            function->agg.argument,  function->agg.order,
                            function->agg.filter,    function->range_keys[0],
                            function->range_keys[1], function->range_values[0],
                            function->range_values[1]};

        if (!wr_bit_get(p->wanted[node->number], width + f))
            continue;
        for (uint32_t i = 0; i < sizeof exprs / sizeof exprs[0]; i++)
            if (exprs[i])
                wr_expr_columns(exprs[i], input);
    }
}

/* Rows are counted by a column: where none is wanted, it is the first. */
static void want_some(prune *p, const wr_plan_node *node)
{
    uint64_t *wanted = p->wanted[node->number];
    bool      any = false;

    for (uint32_t c = 0; c < node->schema.field_count; c++)
        any |= wr_bit_get(wanted, c);
    if (!any && node->schema.field_count > 0)
        wr_bit_set(wanted, 0);
}

/* The wanted columns that are the input's; others stand behind them. */
static void want_input_part(prune *p, const wr_plan_node *node)
{
    const wr_plan_node *input = node->inputs[0];

    for (uint32_t c = 0; c < input->schema.field_count; c++)
        if (wr_bit_get(p->wanted[node->number], c))
            wr_bit_set(p->wanted[input->number], c);
}

static wr_status want_inputs(prune *p, const wr_plan_node *node, wr_error *err)
{
    want_some(p, node);
    switch (node->kind) {
    case WR_PLAN_FILTER:
        want_same(p, node);
        wr_expr_columns(node->filter.predicate, p->wanted[node->inputs[0]->number]);
        break;
    case WR_PLAN_PROJECT:
        for (uint32_t i = 0; i < node->project.expr_count; i++)
            if (wr_bit_get(p->wanted[node->number], i))
                wr_expr_columns(node->project.exprs[i], p->wanted[node->inputs[0]->number]);
        break;
    case WR_PLAN_SORT:
        want_same(p, node);
        for (uint32_t k = 0; k < node->sort.key_count; k++)
            wr_expr_columns(node->sort.keys[k].expr, p->wanted[node->inputs[0]->number]);
        break;
    case WR_PLAN_LIMIT:
        want_same(p, node);
        break;
    case WR_PLAN_DRAW:
        want_input_part(p, node);
        break;
    case WR_PLAN_REPEAT:
        want_input_part(p, node);
        wr_expr_columns(node->repeat.count, p->wanted[node->inputs[0]->number]);
        break;
    case WR_PLAN_UNNEST:
        want_input_part(p, node);
        for (uint32_t i = 0; i < node->unnest.value_count; i++)
            wr_expr_columns(node->unnest.values[i].expr, p->wanted[node->inputs[0]->number]);
        break;
    case WR_PLAN_UNION:
        for (uint32_t i = 0; i < 2; i++)
            for (size_t w = 0; w < wr_bit_words(node->schema.field_count); w++)
                p->wanted[node->inputs[i]->number][w] |= p->wanted[node->number][w];
        break;
    case WR_PLAN_AGGREGATE:
        want_of_aggregate(p, node);
        break;
    case WR_PLAN_WINDOW:
        want_of_window(p, node);
        break;
    case WR_PLAN_JOIN:
        return want_of_join(p, node, err);
    case WR_PLAN_SINK:
        for (uint32_t c = 0; c < node->schema.field_count; c++)
            wr_bit_set(p->wanted[node->inputs[0]->number], c);
        break;
    default:
        break;
    }
    return WR_OK;
}

/* ---- Bottom-up --------------------------------------------------------------------------------- */

/* Keep the wanted fields of a schema, and the first `fixed_count`; fills the map. */
static void keep_wanted(prune *p, wr_plan_node *node, uint32_t fixed_count)
{
    uint64_t *wanted = p->wanted[node->number];
    uint32_t *map = p->maps[node->number], kept = 0;

    for (uint32_t c = 0; c < node->schema.field_count; c++) {
        bool keep = c < fixed_count || wr_bit_get(wanted, c);

        map[c] = keep ? kept : WR_FIELD_NONE;
        if (keep)
            node->schema.fields[kept++] = node->schema.fields[c];
    }
    node->schema.field_count = kept;
}

static wr_status own_fields(prune *p, wr_plan_node *node, wr_error *err)
{
    uint32_t  count = node->schema.field_count;
    wr_field *fields = WR_BUMP_NEW_ARRAY(p->plan->bump, wr_field, count + 1, err);

    if (!fields)
        return WR_NO_MEMORY;
    memcpy(fields, node->schema.fields, count * sizeof fields[0]);
    node->schema.fields = fields;
    return WR_OK;
}

static void prune_scan(prune *p, wr_plan_node *node)
{
    uint32_t  file_columns = node->scan.column_count, kept = 0;
    uint32_t *map = p->maps[node->number];
    uint32_t  virtual_at = file_columns, partitions = 0;

    keep_wanted(p, node, 0);
    for (uint32_t c = 0; c < file_columns; c++)
        if (map[c] != WR_FIELD_NONE)
            node->scan.columns[kept++] = node->scan.columns[c];
    node->scan.column_count = kept;
    for (uint32_t c = 0; c < node->scan.partition_count; c++)
        if (map[virtual_at++] != WR_FIELD_NONE)
            node->scan.partitions[partitions++] = node->scan.partitions[c];
    node->scan.partition_count = partitions;
    if (node->scan.filename)
        node->scan.filename = map[virtual_at++] != WR_FIELD_NONE;
    if (node->scan.row_number)
        node->scan.row_number = map[virtual_at] != WR_FIELD_NONE;
}

static wr_status remap(prune *p, wr_expr **io_expr, const uint32_t *map, wr_error *err)
{
    wr_expr *expr = *io_expr;

    if (!expr)
        return WR_OK;
    expr = wr_expr_remap(expr, map, p->plan->bump, err);
    if (!expr)
        return WR_NO_MEMORY;
    *io_expr = expr;
    return WR_OK;
}

/* Exprs in an array are kept where map says so, then remapped to the input. */
static wr_status prune_exprs(prune *p, wr_plan_node *node, wr_expr **exprs, uint32_t *io_count,
                             const uint32_t *input_map, wr_error *err)
{
    uint32_t *map = p->maps[node->number], kept = 0;

    for (uint32_t i = 0; i < *io_count; i++) {
        if (map[i] == WR_FIELD_NONE)
            continue;
        exprs[kept] = exprs[i];
        if (input_map)
            WR_TRY(remap(p, &exprs[kept], input_map, err));
        kept++;
    }
    *io_count = kept;
    return WR_OK;
}

static wr_status prune_aggregate(prune *p, wr_plan_node *node, const uint32_t *input,
                                 wr_error *err)
{
    uint32_t width = wr_plan_key_width(node), kept = 0;

    keep_wanted(p, node, width);
    for (uint32_t k = 0; k < node->aggregate.key_count; k++)
        WR_TRY(remap(p, &node->aggregate.keys[k], input, err));
    for (uint32_t i = 0; i < node->aggregate.agg_count; i++) {
        wr_plan_agg agg = node->aggregate.aggs[i];

        if (p->maps[node->number][width + i] == WR_FIELD_NONE)
            continue;
        WR_TRY(remap(p, &agg.argument, input, err));
        WR_TRY(remap(p, &agg.order, input, err));
        WR_TRY(remap(p, &agg.filter, input, err));
        for (uint32_t k = 0; k < agg.order_key_count; k++)
            WR_TRY(remap(p, &agg.order_keys[k].expr, input, err));
        node->aggregate.aggs[kept++] = agg;
    }
    node->aggregate.agg_count = kept;
    return WR_OK;
}

static wr_status remap_function(prune *p, wr_plan_function *function, const uint32_t *input,
                                wr_error *err)
{
    for (uint32_t end = 0; end < 2; end++) {
        WR_TRY(remap(p, &function->range_keys[end], input, err));
        WR_TRY(remap(p, &function->range_values[end], input, err));
    }
    WR_TRY(remap(p, &function->argument, input, err));
    WR_TRY(remap(p, &function->fallback, input, err));
    WR_TRY(remap(p, &function->agg.argument, input, err));
    WR_TRY(remap(p, &function->agg.order, input, err));
    return remap(p, &function->agg.filter, input, err);
}

/* All kept columns of the input go out, then the wanted functions. */
static wr_status prune_window(prune *p, wr_plan_node *node, uint32_t input, wr_error *err)
{
    const wr_schema *from = &node->inputs[0]->schema;
    uint32_t        *map = p->maps[node->number], width = p->widths[input], kept = 0;
    wr_field        *fields = node->schema.fields;

    memcpy(map, p->maps[input], width * sizeof map[0]);
    for (uint32_t k = 0; k < node->window.partition_count; k++)
        WR_TRY(remap(p, &node->window.partitions[k], map, err));
    for (uint32_t k = 0; k < node->window.order_count; k++)
        WR_TRY(remap(p, &node->window.order[k].expr, map, err));
    for (uint32_t f = 0; f < node->window.function_count; f++) {
        wr_plan_function function = node->window.functions[f];

        map[width + f] = WR_FIELD_NONE;
        if (!wr_bit_get(p->wanted[node->number], width + f))
            continue;
        WR_TRY(remap_function(p, &function, map, err));
        map[width + f] = from->field_count + kept;
        fields[from->field_count + kept] = fields[width + f];
        node->window.functions[kept++] = function;
    }
    memcpy(fields, from->fields, from->field_count * sizeof fields[0]);
    node->window.function_count = kept;
    node->schema.field_count = from->field_count + kept;
    return WR_OK;
}

/* All kept columns of the left side go out, then the wanted ones of the right side. */
static wr_status prune_join(prune *p, wr_plan_node *node, uint32_t left, uint32_t right,
                            wr_error *err)
{
    wr_plan_node *left_node = node->inputs[0], *right_node = node->inputs[1];
    uint32_t     *map = p->maps[node->number], old_left = p->widths[left];
    uint32_t      new_left = left_node->schema.field_count;
    uint32_t      count = node->schema.field_count, kept = new_left, kept_right = 0;
    uint32_t     *both = WR_BUMP_NEW_ARRAY(p->plan->bump, uint32_t,
                                           old_left + p->widths[right] + 1, err);

    if (!both)
        return WR_NO_MEMORY;
    for (uint32_t k = 0; k < node->join.key_count; k++) {
        WR_TRY(remap(p, &node->join.left_keys[k], p->maps[left], err));
        WR_TRY(remap(p, &node->join.right_keys[k], p->maps[right], err));
    }
    for (uint32_t r = 0; r < node->join.range_count; r++) {
        WR_TRY(remap(p, &node->join.ranges[r].left, p->maps[left], err));
        WR_TRY(remap(p, &node->join.ranges[r].right, p->maps[right], err));
    }
    for (uint32_t c = 0; c < old_left; c++)
        both[c] = p->maps[left][c];
    for (uint32_t c = 0; c < p->widths[right]; c++)
        both[old_left + c] =
            p->maps[right][c] == WR_FIELD_NONE ? WR_FIELD_NONE : new_left + p->maps[right][c];
    WR_TRY(remap(p, &node->join.residual, both, err));
    for (uint32_t c = 0; c < old_left; c++) {
        map[c] = p->maps[left][c];
        if (map[c] != WR_FIELD_NONE)
            node->schema.fields[map[c]] = node->schema.fields[c];
    }
    for (uint32_t c = old_left; c < count; c++) {
        map[c] = WR_FIELD_NONE;
        if (!wr_bit_get(p->wanted[node->number], c))
            continue;
        node->join.right_columns[kept_right++] =
            p->maps[right][node->join.right_columns[c - old_left]];
        map[c] = kept;
        node->schema.fields[kept++] = node->schema.fields[c];
    }
    node->join.right_column_count = kept_right;
    node->schema.field_count = kept;
    wr_assert(right_node->schema.field_count <= p->widths[right], "pruning only removes columns");
    return WR_OK;
}

/* Drop columns that only a filter below wanted, in front of an operator that keeps rows. */
static wr_status narrow(prune *p, wr_plan_node *reader, uint32_t which, wr_error *err)
{
    wr_plan_node *input = reader->inputs[which], *project;
    uint32_t      n = input->number, kept = 0, width = p->widths[n];
    uint32_t     *map = p->maps[n];
    wr_expr     **exprs = WR_BUMP_NEW_ARRAY(p->plan->bump, wr_expr *, width + 1, err);
    wr_text      *names = WR_BUMP_NEW_ARRAY(p->plan->bump, wr_text, width + 1, err);

    if (!exprs || !names)
        return WR_NO_MEMORY;
    if (wr_plan_reader_count(p->plan, input) != 1 || input->kind != WR_PLAN_FILTER)
        return WR_OK;
    for (uint32_t c = 0; c < width; c++) {
        const wr_field *field;

        if (map[c] == WR_FIELD_NONE || !wr_bit_get(p->wanted[n], c)) {
            map[c] = WR_FIELD_NONE;
            continue;
        }
        field = &input->schema.fields[map[c]];
        exprs[kept] = wr_expr_column(p->plan->bump, map[c], field->type, field->nullable, err);
        if (!exprs[kept])
            return WR_NO_MEMORY;
        names[kept] = field->name;
        map[c] = kept++;
    }
    if (kept == 0 || kept == input->schema.field_count)
        return kept ? WR_OK : WR_RAISE(err, WR_BUG, "a filter's reader wants no column");
    WR_TRY(wr_plan_add_project(p->plan, input, exprs, names, kept, &project, err));
    reader->inputs[which] = project;
    return WR_OK;
}

static void same_as_input(prune *p, wr_plan_node *node, uint32_t input)
{
    memcpy(p->maps[node->number], p->maps[input], p->widths[input] * sizeof(uint32_t));
    node->schema = node->inputs[0]->schema;
}

/* The input's columns as they are now, then what the node puts behind them. */
static void prune_input_part(prune *p, wr_plan_node *node, uint32_t input)
{
    const wr_schema *theirs = &node->inputs[0]->schema;
    uint32_t         width = p->widths[input], kept = theirs->field_count;

    memcpy(p->maps[node->number], p->maps[input], width * sizeof(uint32_t));
    memcpy(node->schema.fields, theirs->fields, kept * sizeof(wr_field));
    for (uint32_t c = width; c < node->schema.field_count; c++, kept++) {
        node->schema.fields[kept] = node->schema.fields[c];
        p->maps[node->number][c] = kept;
    }
    node->schema.field_count = kept;
}

/* The input's columns, then the wanted elements. */
static wr_status prune_unnest(prune *p, wr_plan_node *node, uint32_t input, wr_error *err)
{
    const wr_schema *theirs = &node->inputs[0]->schema;
    uint32_t         width = p->widths[input], kept = 0;
    uint32_t        *map = p->maps[node->number];

    for (uint32_t i = 0; i < node->unnest.value_count; i++)
        WR_TRY(remap(p, &node->unnest.values[i].expr, p->maps[input], err));
    memcpy(map, p->maps[input], width * sizeof map[0]);
    for (uint32_t i = 0; i < node->unnest.element_count; i++) {
        map[width + i] = WR_FIELD_NONE;
        if (!wr_bit_get(p->wanted[node->number], width + i))
            continue;
        map[width + i] = theirs->field_count + kept;
        node->schema.fields[theirs->field_count + kept] = node->schema.fields[width + i];
        node->unnest.elements[kept++] = node->unnest.elements[i];
    }
    memcpy(node->schema.fields, theirs->fields, theirs->field_count * sizeof(wr_field));
    node->unnest.element_count = kept;
    node->schema.field_count = theirs->field_count + kept;
    return WR_OK;
}

/* Both inputs give exactly the wanted columns: one that others read too may have kept more, and then
 * a project picks them. */
static wr_status prune_union(prune *p, wr_plan_node *node, wr_error *err)
{
    for (uint32_t i = 0; i < 2; i++) {
        wr_plan_node   *input = node->inputs[i];
        const uint32_t *map = p->maps[input->number];
        uint32_t        kept = 0;
        wr_expr **exprs = WR_BUMP_NEW_ARRAY(p->plan->bump, wr_expr *, node->schema.field_count + 1,
                                            err);
        wr_text  *names = WR_BUMP_NEW_ARRAY(p->plan->bump, wr_text, node->schema.field_count + 1,
                                            err);

        if (!exprs || !names)
            return WR_NO_MEMORY;
        for (uint32_t c = 0; c < node->schema.field_count; c++) {
            const wr_field *field;

            if (!wr_bit_get(p->wanted[node->number], c))
                continue;
            field = &input->schema.fields[map[c]];
            names[kept] = node->schema.fields[c].name;
            exprs[kept] =
                wr_expr_column(p->plan->bump, map[c], field->type, field->nullable, err);
            if (!exprs[kept++])
                return WR_NO_MEMORY;
        }
        if (kept != input->schema.field_count)
            WR_TRY(wr_plan_add_project(p->plan, input, exprs, names, kept, &node->inputs[i], err));
    }
    keep_wanted(p, node, 0);
    return WR_OK;
}

static wr_status prune_node(prune *p, wr_plan_node *node, wr_error *err)
{
    uint32_t left = node->input_count > 0 ? node->inputs[0]->number : 0;
    uint32_t right = node->input_count > 1 ? node->inputs[1]->number : 0;

    WR_TRY(own_fields(p, node, err));
    if (node->kind == WR_PLAN_SORT || node->kind == WR_PLAN_JOIN || node->kind == WR_PLAN_WINDOW)
        for (uint32_t i = 0; i < node->input_count; i++)
            WR_TRY(narrow(p, node, i, err));
    switch (node->kind) {
    case WR_PLAN_SCAN:
        prune_scan(p, node);
        return WR_OK;
    case WR_PLAN_GENERATE:
        keep_wanted(p, node, 0);
        return prune_exprs(p, node, node->generate.exprs, &node->generate.expr_count, NULL, err);
    case WR_PLAN_FILTER:
        same_as_input(p, node, left);
        return remap(p, &node->filter.predicate, p->maps[left], err);
    case WR_PLAN_PROJECT:
        keep_wanted(p, node, 0);
        return prune_exprs(p, node, node->project.exprs, &node->project.expr_count,
                           p->maps[left], err);
    case WR_PLAN_SORT:
        same_as_input(p, node, left);
        for (uint32_t k = 0; k < node->sort.key_count; k++)
            WR_TRY(remap(p, &node->sort.keys[k].expr, p->maps[left], err));
        return WR_OK;
    case WR_PLAN_LIMIT:
    case WR_PLAN_SINK:
        same_as_input(p, node, left);
        return WR_OK;
    case WR_PLAN_AGGREGATE:
        return prune_aggregate(p, node, p->maps[left], err);
    case WR_PLAN_WINDOW:
        return prune_window(p, node, left, err);
    case WR_PLAN_JOIN:
        return prune_join(p, node, left, right, err);
    case WR_PLAN_UNION:
        return prune_union(p, node, err);
    case WR_PLAN_DRAW:
        prune_input_part(p, node, left);
        return WR_OK;
    case WR_PLAN_REPEAT:
        prune_input_part(p, node, left);
        return remap(p, &node->repeat.count, p->maps[left], err);
    case WR_PLAN_UNNEST:
        return prune_unnest(p, node, left, err);
    case WR_PLAN_KIND_COUNT:
        break;
    }
    WR_UNREACHABLE();
}

wr_status wr_rule_prune(wr_plan *plan, wr_error *err)
{
    prune    p = {.plan = plan};
    uint32_t count = plan->node_count;

    WR_TRY(allocate(&p, err));
    for (uint32_t n = count; n-- > 0;)
        WR_TRY(want_inputs(&p, plan->nodes[n], err));
    for (uint32_t n = 0; n < count; n++)
        WR_TRY(prune_node(&p, plan->nodes[n], err));
    return wr_plan_renumber(plan, err);
}
