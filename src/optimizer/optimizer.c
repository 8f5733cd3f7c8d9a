/* optimizer/optimizer.c — the table of rules and the loop over it. */
#include "optimizer/optimizer_priv.h"

static const struct rule {
    const char *name;
    wr_status (*apply)(wr_plan *plan, wr_error *err);
} RULES[] = {
    {"fold", wr_rule_fold},               /* constant parts of expressions are computed once           */
    {"window_aggs", wr_rule_window_aggs}, /* distinct and ordered aggregates over partitions are made
                                             of other nodes                                            */
    {"distinct", wr_rule_distinct},       /* distinct and ordered aggregates get branches of their own */
    {"push_filter", wr_rule_push_filter}, /* filters move towards the sources                          */
    {"partitions", wr_rule_partitions},   /* files that a filter on their paths rules out are not read */
    {"top_n", wr_rule_top_n},             /* a limit behind a sort keeps only the first rows           */
    {"share_sort", wr_rule_share_sort},   /* windows of one order sort once                            */
    {"window_top", wr_rule_window_top},   /* a rank that is limited lets a window drop rows in its sort */
    {"ranges", wr_rule_ranges},           /* joins by ordered conditions compare neighbours only       */
    {"prune", wr_rule_prune},             /* columns that nobody reads are neither parsed nor carried  */
};

enum { RULE_COUNT = sizeof RULES / sizeof RULES[0] };

wr_status wr_plan_optimize(wr_plan *plan, wr_error *err)
{
    for (uint32_t i = 0; i < RULE_COUNT; i++)
        WR_TRY_WHILE(RULES[i].apply(plan, err), err, "optimizing (%s)", RULES[i].name);
    return WR_OK;
}

uint32_t wr_plan_reader_count(const wr_plan *plan, const wr_plan_node *node)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < plan->node_count; n++)
        for (uint32_t i = 0; i < plan->nodes[n]->input_count; i++)
            count += plan->nodes[n]->inputs[i] == node;
    return count;
}

void wr_plan_replace_input(wr_plan *plan, wr_plan_node *old_input, wr_plan_node *new_input)
{
    for (uint32_t n = 0; n < plan->node_count; n++)
        for (uint32_t i = 0; i < plan->nodes[n]->input_count; i++)
            if (plan->nodes[n]->inputs[i] == old_input && plan->nodes[n] != new_input)
                plan->nodes[n]->inputs[i] = new_input;
}

/* Nodes that can be reached from a sink, inputs first: an explicit walk, three colours. */
wr_status wr_plan_renumber(wr_plan *plan, wr_error *err)
{
    uint32_t       room = plan->node_count * 2 + 2, depth = 0, count = 0;
    wr_plan_node **stack = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_node *, room, err);
    wr_plan_node **nodes = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_node *, room, err);

    if (!stack || !nodes)
        return WR_NO_MEMORY;
    for (uint32_t n = 0; n < plan->node_count; n++)
        plan->nodes[n]->number = UINT32_MAX;
    for (uint32_t n = 0; n < plan->node_count; n++) {
        if (plan->nodes[n]->kind != WR_PLAN_SINK)
            continue;
        stack[depth++] = plan->nodes[n];
        while (depth) {
            wr_plan_node *node = stack[depth - 1], *waiting = NULL;

            for (uint32_t i = node->input_count; i-- > 0;)
                if (node->inputs[i]->number == UINT32_MAX)
                    waiting = node->inputs[i];
            if (waiting) {
                stack[depth++] = waiting;
                continue;
            }
            depth--;
            if (node->number == UINT32_MAX) {
                node->number = count;
                nodes[count++] = node;
            }
        }
    }
    plan->nodes = nodes;
    plan->node_count = count;
    plan->node_capacity = room;
    return WR_OK;
}

wr_status wr_plan_names(wr_plan *plan, uint32_t count, wr_text **out_names, wr_error *err)
{
    wr_text *names = WR_BUMP_NEW_ARRAY(plan->bump, wr_text, count + 1, err);

    if (!names)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = wr_bump_printf(plan->bump, err, "c%u", i);

        if (!name)
            return WR_NO_MEMORY;
        names[i] = wr_text_of(name);
    }
    *out_names = names;
    return WR_OK;
}

wr_status wr_plan_columns(wr_plan *plan, const wr_plan_node *node, uint32_t count,
                          wr_expr **out_exprs, wr_error *err)
{
    for (uint32_t c = 0; c < count; c++) {
        const wr_field *field = &node->schema.fields[c];

        out_exprs[c] = wr_expr_column(plan->bump, c, field->type, field->nullable, err);
        if (!out_exprs[c])
            return WR_NO_MEMORY;
    }
    return WR_OK;
}
