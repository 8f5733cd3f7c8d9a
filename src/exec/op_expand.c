/* exec/op_expand.c — put every row out once for each of several grouping sets.
 *
 * A copy is the input batch by reference: keys that are absent from the set become one constant NULL,
 * the number of the set is a constant. Where rows carry a set already, a copy is made of those of its
 * parent only, by selection; a copy without rows is passed over.
 * Memory: per worker the heads of the output columns and a selection. Nothing grows. */
#include "exec/ops.h"

typedef struct expand_local {
    wr_bump        bump;
    wr_vector     *columns;
    wr_vector_cell absent, set;
    uint32_t       copy; /* the next one of the batch at hand */
    uint16_t       rows[WR_BATCH_ROWS_MAX];
} expand_local;

static uint32_t output_count(const wr_plan_expand *plan)
{
    return plan->key_count + plan->puts_set + plan->other_count;
}

static uint64_t expand_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_expand *plan = plan_p;

    return worker_count *
           wr_bump_lease_min(output_count(plan) * sizeof(wr_vector), exec->page_bytes);
}

static wr_status expand_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_expand *plan = node->plan;
    expand_local         *local = local_p;

    (void)exec;
    wr_bump_init(&local->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&local->bump, output_count(plan) * sizeof(wr_vector), err));
    local->columns = WR_BUMP_NEW_ARRAY(&local->bump, wr_vector, output_count(plan), err);
    return local->columns ? WR_OK : WR_NO_MEMORY;
}

/* The rows of the batch that the copy is made of. */
static wr_selection rows_of(const wr_plan_expand *plan, const wr_expand_copy *copy,
                            const wr_batch *in, expand_local *local)
{
    wr_vector_view view;
    uint32_t       count = 0;

    if (plan->set_column == WR_FIELD_NONE)
        return in->selection;
    view = wr_vector_view_of(&in->columns[plan->set_column], NULL);
    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t row = wr_selection_row(&in->selection, i);
        uint32_t at = view.index ? view.index[row] : row;

        local->rows[count] = (uint16_t)row;
        count += ((const uint64_t *)view.data)[at] == copy->from;
    }
    return (wr_selection){local->rows, count};
}

static void make_copy(const wr_plan_expand *plan, const wr_expand_copy *copy, const wr_batch *in,
                      expand_local *local)
{
    wr_vector *out = local->columns;
    wr_value   set = {.type = WR_TYPE(I64), .i64 = (int64_t)copy->set};

    for (uint32_t k = 0; k < plan->key_count; k++, out++) {
        wr_value absent = {.is_null = true};

        *out = in->columns[plan->keys[k].column];
        if (!(copy->set >> plan->keys[k].number & 1))
            continue;
        absent.type = out->type;
        wr_vector_set_const(out, &absent, in->row_count, &local->absent);
    }
    if (plan->puts_set)
        wr_vector_set_const(out++, &set, in->row_count, &local->set);
    for (uint32_t c = 0; c < plan->other_count; c++)
        *out++ = in->columns[plan->others[c]];
}

static wr_status expand_apply(wr_node *node, void *local_p, const wr_batch *in, wr_batch *out,
                              wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    const wr_plan_expand *plan = node->plan;
    expand_local         *local = local_p;

    (void)exec, (void)err;
    *out_flow = WR_FLOW_MORE;
    if (wr_batch_rows(in) == 0)
        return WR_OK;
    while (local->copy < plan->copy_count && out->selection.row_count == 0) {
        const wr_expand_copy *copy = &plan->copies[local->copy++];

        out->row_count = in->row_count;
        out->columns = local->columns;
        out->column_count = output_count(plan);
        out->selection = rows_of(plan, copy, in, local);
        if (out->selection.row_count > 0)
            make_copy(plan, copy, in, local);
    }
    if (local->copy < plan->copy_count)
        *out_flow = WR_FLOW_AGAIN;
    else
        local->copy = 0;
    return WR_OK;
}

static void expand_local_close(wr_node *node, void *local_p)
{
    expand_local *local = local_p;

    (void)node;
    if (local->bump.lease)
        wr_bump_release(&local->bump);
}

const wr_transform_ops WR_EXPAND = {
    .name = "expand",
    .local_bytes = sizeof(expand_local),
    .makes_rows = true,
    .lease_min = expand_lease_min,
    .local_open = expand_local_open,
    .apply = expand_apply,
    .local_close = expand_local_close,
};
