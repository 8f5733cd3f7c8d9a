/* plan/explain.c — a plan as a text tree, as canonical JSON, and as a hash.
 *
 * Canonical JSON: nodes in plan order, keys in the fixed order written here, expressions as
 * wr_expr_format writes them, sources by their resolved paths. Nothing about cap, threads or time
 * appears, so the hash depends on what is computed and on nothing else.
 * Cost: linear in the plan; a node read by several readers is printed once and referred to after. */
#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "mem/textbuf.h"
#include "plan/plan.h"

static const char *const JOIN_NAMES[] = {"inner", "left", "right", "full", "semi", "anti", "cross"};

/* ---- Pieces both forms share ------------------------------------------------------------------ */

static const char *expr_text(const wr_expr *expr, const wr_schema *schema, wr_bump *bump)
{
    const char *text = wr_expr_format(expr, schema, bump, NULL);

    return text ? text : "?";
}

static void add_exprs(wr_textbuf *buf, wr_expr *const *exprs, uint32_t expr_count,
                      const wr_schema *input, const wr_field *names, wr_bump *bump)
{
    for (uint32_t i = 0; i < expr_count; i++) {
        const char *text = expr_text(exprs[i], input, bump);

        wr_textbuf_printf(buf, "%s%s", i ? ", " : "", text);
        if (names && !wr_text_equal(wr_text_of(text), names[i].name))
            wr_textbuf_printf(buf, " AS %.*s", WR_TEXT_ARG(names[i].name));
    }
}

static void add_keys(wr_textbuf *buf, const wr_plan_key *keys, uint32_t key_count,
                     const wr_schema *input, wr_bump *bump)
{
    for (uint32_t i = 0; i < key_count; i++) {
        const wr_plan_key *key = &keys[i];

        wr_textbuf_printf(buf, "%s%s%s%s", i ? ", " : "",
                          expr_text(key->expr, input, bump), key->descending ? " DESC" : " ASC",
                          key->nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
}

static void add_agg(wr_textbuf *buf, const wr_plan_agg *agg, const wr_schema *input, wr_bump *bump)
{
    wr_textbuf_printf(buf, "%s(%s%s",
                      agg->kind == WR_AGG_COUNT_STAR ? "count" : wr_agg_name(agg->kind),
                      agg->distinct ? "DISTINCT " : "",
                      agg->argument ? expr_text(agg->argument, input, bump) : "*");
    if (agg->order)
        wr_textbuf_printf(buf, ", %s", expr_text(agg->order, input, bump));
    if (wr_agg_has_fraction(agg->kind))
        wr_textbuf_printf(buf, ", %.17g", agg->fraction);
    if (agg->kind == WR_AGG_STRING_AGG)
        wr_textbuf_printf(buf, ", '%.*s'", WR_TEXT_ARG(agg->separator));
    if (agg->order_key_count > 0) {
        wr_textbuf_printf(buf, " ORDER BY ");
        add_keys(buf, agg->order_keys, agg->order_key_count, input, bump);
    }
    wr_textbuf_printf(buf, ")");
    if (agg->filter)
        wr_textbuf_printf(buf, " FILTER (WHERE %s)", expr_text(agg->filter, input, bump));
}

static void add_aggs(wr_textbuf *buf, const wr_plan_node *node, wr_bump *bump)
{
    for (uint32_t i = 0; i < node->aggregate.agg_count; i++) {
        const wr_field *field = &node->schema.fields[wr_plan_key_width(node) + i];

        wr_textbuf_printf(buf, "%s", i ? ", " : "");
        add_agg(buf, &node->aggregate.aggs[i], &node->inputs[0]->schema, bump);
        wr_textbuf_printf(buf, " AS %.*s", WR_TEXT_ARG(field->name));
    }
}

/* The keys of each grouping set by their place: " in sets (1, 2), (1), ()". */
static void add_sets(wr_textbuf *buf, const wr_plan_node *node)
{
    for (uint32_t i = 0; i < node->aggregate.set_count; i++) {
        const char *separator = "";

        wr_textbuf_printf(buf, i ? ", (" : " in sets (");
        for (uint32_t k = 0; k < node->aggregate.key_count; k++) {
            if (node->aggregate.sets[i] >> k & 1)
                continue;
            wr_textbuf_printf(buf, "%s%u", separator, k + 1);
            separator = ", ";
        }
        wr_textbuf_printf(buf, ")");
    }
}

static void add_bound(wr_textbuf *buf, const wr_plan_function *function, uint32_t end,
                      const wr_schema *input, wr_bump *bump)
{
    wr_frame_bound bound = end ? function->frame.end : function->frame.start;
    long long      offset = bound.offset;

    if (bound.units == WR_FRAME_UNBOUNDED)
        wr_textbuf_printf(buf, "%s", end ? "END" : "START");
    else if (bound.units == WR_FRAME_RANGE)
        wr_textbuf_printf(buf, "%s", expr_text(function->range_values[end], input, bump));
    else if (offset == 0)
        wr_textbuf_printf(buf, "CURRENT %s", bound.units == WR_FRAME_ROWS ? "ROW" : "GROUP");
    else
        wr_textbuf_printf(buf, "%s %lld %s", bound.units == WR_FRAME_ROWS ? "ROWS" : "GROUPS",
                          offset < 0 ? -offset : offset,
                          offset < 0 ? "PRECEDING" : "FOLLOWING");
}

static bool minds_frame(wr_window_kind kind)
{
    return kind == WR_WINDOW_AGGREGATE || kind >= WR_WINDOW_FIRST_VALUE;
}

static void add_function(wr_textbuf *buf, const wr_plan_function *function, const wr_schema *input,
                         wr_bump *bump)
{
    static const char *const EXCLUDES[] = {"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP",
                                           " EXCLUDE TIES"};

    if (function->kind == WR_WINDOW_AGGREGATE) {
        add_agg(buf, &function->agg, input, bump);
    } else {
        wr_textbuf_printf(buf, "%s(", wr_window_name(function->kind));
        if (function->argument)
            wr_textbuf_printf(buf, "%s", expr_text(function->argument, input, bump));
        if (function->offset)
            wr_textbuf_printf(buf, "%s%lld", function->argument ? ", " : "",
                              (long long)function->offset);
        if (function->fallback)
            wr_textbuf_printf(buf, ", %s", expr_text(function->fallback, input, bump));
        wr_textbuf_printf(buf, ")");
    }
    if (function->ignore_nulls)
        wr_textbuf_printf(buf, " IGNORE NULLS");
    if (!minds_frame(function->kind))
        return;
    wr_textbuf_printf(buf, " over [");
    add_bound(buf, function, 0, input, bump);
    wr_textbuf_printf(buf, " TO ");
    add_bound(buf, function, 1, input, bump);
    wr_textbuf_printf(buf, "%s]", EXCLUDES[function->frame.exclude]);
}

/* Windows share a sort: the keys that are this function's. */
static void add_scope(wr_textbuf *buf, const wr_plan_node *node, const wr_plan_function *function,
                      wr_bump *bump)
{
    uint32_t partitions = node->window.partition_count;

    if (function->partition_count == partitions &&
        function->key_count == partitions + node->window.order_count)
        return;
    wr_textbuf_printf(buf, " of (");
    for (uint32_t k = 0; k < function->key_count; k++) {
        const wr_expr *key = k < partitions ? node->window.partitions[k]
                                            : node->window.order[k - partitions].expr;

        wr_textbuf_printf(buf, "%s%s",
                          k == function->partition_count ? (k ? " order " : "order ")
                          : k                            ? ", "
                                                         : "by ",
                          expr_text(key, &node->inputs[0]->schema, bump));
    }
    wr_textbuf_printf(buf, ")");
}

static void add_window(wr_textbuf *buf, const wr_plan_node *node, wr_bump *bump)
{
    const wr_schema *input = &node->inputs[0]->schema;

    for (uint32_t i = 0; i < node->window.partition_count; i++)
        wr_textbuf_printf(buf, "%s%s", i ? ", " : "by ",
                          expr_text(node->window.partitions[i], input, bump));
    wr_textbuf_printf(buf, "%s", node->window.order_count ? " order " : "");
    add_keys(buf, node->window.order, node->window.order_count, input, bump);
    if (node->window.top_max)
        wr_textbuf_printf(buf, " keep %s <= %llu", wr_window_name(node->window.top_kind),
                          (unsigned long long)node->window.top_max);
    for (uint32_t f = 0; f < node->window.function_count; f++) {
        wr_textbuf_printf(buf, "%s", f ? ", " : ": ");
        add_function(buf, &node->window.functions[f], input, bump);
        add_scope(buf, node, &node->window.functions[f], bump);
    }
}

static wr_schema joined_schema(const wr_plan_node *node, wr_bump *bump)
{
    const wr_schema *left = &node->inputs[0]->schema, *right = &node->inputs[1]->schema;
    uint32_t         count = left->field_count + right->field_count;
    wr_schema        both = {count, wr_bump_try_alloc(bump, (count + 1) * sizeof(wr_field))};

    if (!both.fields)
        return (wr_schema){0, NULL};
    memcpy(both.fields, left->fields, left->field_count * sizeof(wr_field));
    memcpy(both.fields + left->field_count, right->fields, right->field_count * sizeof(wr_field));
    return both;
}

static void add_join(wr_textbuf *buf, const wr_plan_node *node, wr_bump *bump)
{
    static const char *const RANGE_OPS[] = {"<", "<=", ">", ">="};
    const wr_schema *left = &node->inputs[0]->schema, *right = &node->inputs[1]->schema;
    const char      *word = " on ";

    wr_textbuf_printf(buf, "%s%s", JOIN_NAMES[node->join.type],
                      node->join.is_asof        ? " asof"
                      : node->join.is_single      ? " single"
                      : node->join.range_count > 0 ? " range join"
                      : node->join.is_merge        ? " merge join" : "");
    for (uint32_t i = 0; i < node->join.key_count; i++, word = " AND ")
        wr_textbuf_printf(buf, "%s%s %s %s", word, expr_text(node->join.left_keys[i], left, bump),
                          node->join.null_safe ? "IS NOT DISTINCT FROM" : "=",
                          expr_text(node->join.right_keys[i], right, bump));
    for (uint32_t i = 0; i < node->join.range_count; i++, word = " AND ")
        wr_textbuf_printf(buf, "%s%s %s %s", word,
                          expr_text(node->join.ranges[i].left, left, bump),
                          RANGE_OPS[node->join.ranges[i].op],
                          expr_text(node->join.ranges[i].right, right, bump));
    if (node->join.residual) {
        wr_schema both = joined_schema(node, bump);

        wr_textbuf_printf(buf, "%s%s", word,
                          both.fields ? expr_text(node->join.residual, &both, bump) : "?");
    }
}

static void add_limits(wr_textbuf *buf, uint64_t offset_rows, uint64_t rows_max)
{
    if (rows_max != UINT64_MAX)
        wr_textbuf_printf(buf, " limit %llu", (unsigned long long)rows_max);
    if (offset_rows)
        wr_textbuf_printf(buf, " offset %llu", (unsigned long long)offset_rows);
}

static void add_sink(wr_textbuf *buf, const wr_plan_node *sink)
{
    const wr_plan_folder *folder = &sink->sink.folder;

    wr_textbuf_printf(buf, "%s %.*s", sink->sink.target->format->name,
                      WR_TEXT_ARG(sink->sink.target->path));
    if (!folder->is_wanted)
        return;
    for (uint32_t i = 0; i < folder->partition_count; i++)
        wr_textbuf_printf(buf, "%s%.*s", i ? ", " : " by ",
                          WR_TEXT_ARG(sink->schema.fields[folder->partitions[i]].name));
    if (folder->file_rows != UINT64_MAX)
        wr_textbuf_printf(buf, ", files of %llu rows", (unsigned long long)folder->file_rows);
    if (folder->file_bytes != UINT64_MAX)
        wr_textbuf_printf(buf, ", files of %llu bytes", (unsigned long long)folder->file_bytes);
}

static void add_unnest(wr_textbuf *buf, const wr_plan_node *node, wr_bump *bump)
{
    const wr_schema *input = &node->inputs[0]->schema;

    for (uint32_t i = 0; i < node->unnest.value_count; i++) {
        const wr_plan_unnested *value = &node->unnest.values[i];

        wr_textbuf_printf(buf, "%s%s", i ? ", " : "", expr_text(value->expr, input, bump));
        if (value->delimiter.byte_count > 0) {
            wr_textbuf_printf(buf, " at ");
            wr_textbuf_json_string(buf, value->delimiter);
        }
    }
    for (uint32_t i = 0; i < node->unnest.element_count; i++) {
        const wr_plan_element *element = &node->unnest.elements[i];

        wr_textbuf_printf(buf, "%s", i ? ", " : " AS ");
        if (element->value == WR_FIELD_NONE)
            wr_textbuf_printf(buf, "number");
        else if (element->member == WR_FIELD_NONE)
            wr_textbuf_printf(buf, "element of %u", element->value + 1);
        else
            wr_textbuf_printf(buf, "member %u of %u", element->member + 1, element->value + 1);
    }
    if (node->unnest.outer)
        wr_textbuf_printf(buf, ", outer");
}

/* What a node does, on one line. */
static void add_detail(wr_textbuf *buf, const wr_plan_node *node, wr_bump *bump)
{
    switch (node->kind) {
    case WR_PLAN_SCAN:
        wr_textbuf_printf(buf, "%s", node->scan.table->format->name);
        for (uint32_t i = 0; i < node->scan.path_count; i++)
            wr_textbuf_printf(buf, " %.*s", WR_TEXT_ARG(node->scan.paths[i]));
        break;
    case WR_PLAN_GENERATE:
        wr_textbuf_printf(buf, "%llu rows, seed %llu: ",
                          (unsigned long long)node->generate.row_count,
                          (unsigned long long)node->generate.seed);
        {
            wr_field  i_field = {WR_TEXT("i"), WR_TYPE(I64), false};
            wr_schema input = {1, &i_field};

            add_exprs(buf, node->generate.exprs, node->generate.expr_count, &input,
                      node->schema.fields, bump);
        }
        break;
    case WR_PLAN_FILTER:
        wr_textbuf_printf(buf, "%s",
                          expr_text(node->filter.predicate, &node->inputs[0]->schema, bump));
        break;
    case WR_PLAN_PROJECT:
        add_exprs(buf, node->project.exprs, node->project.expr_count, &node->inputs[0]->schema,
                  node->schema.fields, bump);
        break;
    case WR_PLAN_SORT:
        add_keys(buf, node->sort.keys, node->sort.key_count, &node->inputs[0]->schema, bump);
        add_limits(buf, node->sort.offset_rows, node->sort.rows_max);
        break;
    case WR_PLAN_LIMIT:
        add_limits(buf, node->limit.offset_rows, node->limit.rows_max);
        break;
    case WR_PLAN_AGGREGATE:
        if (node->aggregate.key_count) {
            wr_textbuf_printf(buf, "by ");
            add_exprs(buf, node->aggregate.keys, node->aggregate.key_count,
                      &node->inputs[0]->schema, node->schema.fields, bump);
            add_sets(buf, node);
            wr_textbuf_printf(buf, "%s", node->aggregate.agg_count ? ": " : "");
        }
        add_aggs(buf, node, bump);
        break;
    case WR_PLAN_WINDOW:
        add_window(buf, node, bump);
        break;
    case WR_PLAN_JOIN:
        add_join(buf, node, bump);
        break;
    case WR_PLAN_UNION:
        wr_textbuf_printf(buf, "all");
        break;
    case WR_PLAN_REPEAT:
        wr_textbuf_printf(buf, "%s times",
                          expr_text(node->repeat.count, &node->inputs[0]->schema, bump));
        break;
    case WR_PLAN_UNNEST:
        add_unnest(buf, node, bump);
        break;
    case WR_PLAN_DRAW:
        wr_textbuf_printf(buf, "seed %llu", (unsigned long long)node->draw.seed);
        break;
    case WR_PLAN_SINK:
        add_sink(buf, node);
        break;
    case WR_PLAN_KIND_COUNT:
        break;
    }
}

static void add_schema(wr_textbuf *buf, const wr_schema *schema)
{
    enum { FIELDS_SHOWN = 12 };
    char name[WR_TYPE_NAME_BYTES];

    for (uint32_t i = 0; i < schema->field_count && i < FIELDS_SHOWN; i++)
        wr_textbuf_printf(buf, "%s%.*s %s", i ? ", " : "", WR_TEXT_ARG(schema->fields[i].name),
                          wr_type_format(schema->fields[i].type, name));
    if (schema->field_count > FIELDS_SHOWN)
        wr_textbuf_printf(buf, ", ... %u more", schema->field_count - FIELDS_SHOWN);
}

/* ---- Text tree --------------------------------------------------------------------------------- */

enum { TREE_DEPTH_MAX = 64 };

static void add_tree(wr_textbuf *buf, const wr_plan *plan, const wr_plan_node *node,
                     uint32_t depth, bool *printed, wr_bump *bump)
{
    for (uint32_t i = 0; i < depth; i++)
        wr_textbuf_printf(buf, "  ");
    wr_textbuf_printf(buf, "%s", wr_plan_node_label(plan, node));
    if (printed[node->number] || depth >= TREE_DEPTH_MAX) {
        wr_textbuf_printf(buf, "  (see above)\n");
        return;
    }
    printed[node->number] = true;
    wr_textbuf_printf(buf, ": ");
    add_detail(buf, node, bump);
    if (node->kind == WR_PLAN_SCAN || node->kind == WR_PLAN_JOIN) {
        wr_textbuf_printf(buf, "  [");
        add_schema(buf, &node->schema);
        wr_textbuf_printf(buf, "]");
    }
    wr_textbuf_printf(buf, "\n");
    for (uint32_t i = 0; i < node->input_count; i++)
        add_tree(buf, plan, node->inputs[i], depth + 1, printed, bump);
}

wr_status wr_plan_explain(const wr_plan *plan, wr_bump *bump, wr_text *out_text, wr_error *err)
{
    wr_textbuf buf;
    bool      *printed = WR_BUMP_NEW_ARRAY(bump, bool, plan->node_count + 1, err);

    if (!printed)
        return WR_NO_MEMORY;
    wr_textbuf_init(&buf, bump);
    for (uint32_t i = 0; i < plan->node_count; i++)
        if (plan->nodes[i]->kind == WR_PLAN_SINK)
            add_tree(&buf, plan, plan->nodes[i], 0, printed, bump);
    return wr_textbuf_finish(&buf, out_text, err);
}

/* ---- Canonical JSON ------------------------------------------------------------------------------ */

static wr_status add_json_node(wr_textbuf *buf, const wr_plan_node *node, wr_bump *bump,
                               wr_error *err)
{
    wr_textbuf detail;
    wr_text    text;
    char       name[WR_TYPE_NAME_BYTES];

    wr_textbuf_init(&detail, bump);
    add_detail(&detail, node, bump);
    WR_TRY(wr_textbuf_finish(&detail, &text, err));
    wr_textbuf_printf(buf, "{\"node\":%u,\"op\":\"%s\",\"inputs\":[", node->number,
                      wr_plan_kind_name(node->kind));
    for (uint32_t i = 0; i < node->input_count; i++)
        wr_textbuf_printf(buf, "%s%u", i ? "," : "", node->inputs[i]->number);
    wr_textbuf_printf(buf, "],\"detail\":");
    wr_textbuf_json_string(buf, text);
    wr_textbuf_printf(buf, ",\"columns\":[");
    for (uint32_t i = 0; i < node->schema.field_count; i++) {
        const wr_field *field = &node->schema.fields[i];

        wr_textbuf_printf(buf, "%s{\"name\":", i ? "," : "");
        wr_textbuf_json_string(buf, field->name);
        wr_textbuf_printf(buf, ",\"type\":\"%s\"", wr_type_format(field->type, name));
        if (field->has_id && node->kind == WR_PLAN_SCAN)
            wr_textbuf_printf(buf, ",\"field_id\":%u", field->id);
        wr_textbuf_printf(buf, "}");
    }
    wr_textbuf_printf(buf, "]}");
    return WR_OK;
}

wr_status wr_plan_json(const wr_plan *plan, wr_bump *bump, wr_text *out_text, wr_error *err)
{
    wr_textbuf buf;

    wr_textbuf_init(&buf, bump);
    wr_textbuf_printf(&buf, "{\"version\":1,\"nodes\":[");
    for (uint32_t i = 0; i < plan->node_count; i++) {
        wr_textbuf_printf(&buf, "%s", i ? ",\n" : "\n");
        WR_TRY(add_json_node(&buf, plan->nodes[i], bump, err));
    }
    wr_textbuf_printf(&buf, "\n]}\n");
    return wr_textbuf_finish(&buf, out_text, err);
}

wr_status wr_plan_hash(const wr_plan *plan, wr_bump *bump, char out_hex[33], wr_error *err)
{
    wr_bump_mark  mark = wr_bump_save(bump);
    wr_text       json;
    XXH128_hash_t hash;

    WR_TRY(wr_plan_json(plan, bump, &json, err));
    hash = XXH3_128bits(json.bytes, json.byte_count);
    snprintf(out_hex, 33, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
    wr_bump_rewind(bump, mark);
    return WR_OK;
}
