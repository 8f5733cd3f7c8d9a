/* exec/op_unnest.c — one row for each element of lists, maps and delimited texts.
 *
 * A generator: an output batch is full after batch_rows rows, and the next call goes on inside the
 * same value, so a value of any length streams and a LIMIT above stops it. What else the input has is
 * not copied (exec/copies.h).
 * Memory: per worker a vector per output, codes per kept column, a window of 16 KB per value, a page and
 * 4 KB per output for elements out of blobs. */
#include "exec/copies.h"
#include "exec/unnest_feed.h"

typedef struct unnest_local {
    wr_bump      bump;
    wr_copies    copies;
    wr_feed_heap heap;
    wr_feed     *feeds;
    wr_vector   *columns;   /* kept ones, then outputs                   */
    uint32_t     index;     /* of the selected rows of the batch at hand */
    bool         is_open;   /* in the midst of that row                  */
    uint64_t     done;      /* elements of it put out                    */
} unnest_local;

static wr_vector *number_column(const unnest_local *local, const wr_plan_unnest *plan)
{
    uint32_t last = plan->output_count - 1;

    return plan->output_count > 0 && plan->outputs[last].value == WR_FIELD_NONE
               ? &local->columns[plan->kept_count + last]
               : NULL;
}

static void lay_out(unnest_local *local, const wr_plan_unnest *plan, const wr_exec *exec,
                    wr_carver *carver)
{
    wr_feed scratch;

    local->columns = wr_carve(carver, (plan->kept_count + plan->output_count) * sizeof(wr_vector));
    local->feeds = wr_carve(carver, plan->value_count * sizeof(wr_feed));
    wr_copies_layout(&local->copies, plan->kept_count, carver);
    wr_feed_heap_layout(&local->heap, plan, exec, carver);
    for (uint32_t o = 0; o < plan->output_count; o++) {
        wr_type type = plan->outputs[o].type;
        void   *room = wr_carve(carver, wr_vector_bytes(type));

        if (room)
            wr_vector_init_at(&local->columns[plan->kept_count + o], type, room);
    }
    for (uint32_t v = 0; v < plan->value_count; v++)
        wr_feed_layout(local->feeds ? &local->feeds[v] : &scratch, plan, v,
                       local->columns ? local->columns + plan->kept_count : NULL, &local->heap,
                       exec, carver);
}

static uint64_t local_bytes(const wr_plan_unnest *plan, const wr_exec *exec)
{
    unnest_local local;
    wr_carver    carver = {0};

    lay_out(&local, plan, exec, &carver);
    return carver.used;
}

static uint64_t unnest_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    return worker_count * wr_bump_lease_min(local_bytes(plan_p, exec), exec->page_bytes);
}

static wr_status unnest_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    unnest_local *local = local_p;
    uint64_t      bytes = local_bytes(node->plan, exec);
    wr_carver     carver;

    wr_bump_init(&local->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&local->bump, bytes, err));
    WR_TRY(wr_carver_init(&carver, &local->bump, bytes, err));
    lay_out(local, node->plan, exec, &carver);
    return WR_OK;
}

static void begin_row(unnest_local *local, const wr_plan_unnest *plan, const wr_batch *in)
{
    uint32_t row = wr_selection_row(&in->selection, local->index);

    for (uint32_t v = 0; v < plan->value_count; v++)
        wr_feed_begin(&local->feeds[v], &in->columns[plan->values[v].column], row);
    local->is_open = true;
    local->done = 0;
}

/* Numbers of the elements; the row that stands for none has none. */
static void put_numbers(unnest_local *local, wr_vector *numbers, uint32_t at, uint32_t count,
                        bool is_padded)
{
    int64_t *all = numbers->data;

    for (uint32_t i = 0; i < count; i++) {
        all[at + i] = is_padded ? 0 : (int64_t)(local->done + i + 1);
        wr_bit_put(numbers->valid, at + i, !is_padded);
    }
}

/* Up to `count_max` rows of the open row; fewer: it has no more. */
static wr_status put_rows(unnest_local *local, const wr_plan_unnest *plan, uint32_t at,
                          uint32_t count_max, uint32_t *out_count, wr_error *err)
{
    wr_vector *numbers = number_column(local, plan);
    uint32_t   counts[WR_UNNEST_VALUES_MAX], count = 0;
    bool       is_padded;

    for (uint32_t v = 0; v < plan->value_count; v++) {
        WR_TRY(wr_feed_put(&local->feeds[v], at, count_max, &counts[v], err));
        if (counts[v] > count)
            count = counts[v];
    }
    is_padded = count == 0 && local->done == 0 && plan->outer;
    count += is_padded;
    for (uint32_t v = 0; v < plan->value_count; v++)
        wr_feed_put_nulls(&local->feeds[v], at + counts[v], count - counts[v]);
    if (numbers)
        put_numbers(local, numbers, at, count, is_padded);
    *out_count = count;
    return WR_OK;
}

/* Rows until the batch is full, the heap is, or the input ends. */
static wr_status fill_batch(unnest_local *local, const wr_plan_unnest *plan, const wr_batch *in,
                            uint32_t row_max, wr_error *err)
{
    while (local->index < wr_batch_rows(in) && local->copies.count < row_max) {
        uint32_t at = local->copies.count, count_max, count;

        if (!local->is_open)
            begin_row(local, plan, in);
        count_max = wr_feeds_fit(local->feeds, plan->value_count);
        if (count_max == 0)
            break;
        if (count_max > row_max - at)
            count_max = row_max - at;
        WR_TRY(put_rows(local, plan, at, count_max, &count, err));
        wr_copies_add(&local->copies, in, wr_selection_row(&in->selection, local->index),
                      local->done, count);
        local->done += count;
        if (count == count_max)
            continue;
        local->is_open = false;
        local->index++;
    }
    return WR_OK;
}

static void clear(unnest_local *local, const wr_plan_unnest *plan, uint32_t row_max)
{
    wr_copies_clear(&local->copies);
    for (uint32_t v = 0; v < plan->value_count; v++)
        wr_feed_clear(&local->feeds[v], row_max);
}

static void give(unnest_local *local, const wr_plan_unnest *plan, const wr_batch *in, wr_batch *out)
{
    wr_vector *numbers = number_column(local, plan);

    wr_copies_give(&local->copies, out);
    out->columns = local->columns;
    out->column_count = plan->kept_count + plan->output_count;
    for (uint32_t c = 0; c < plan->kept_count; c++)
        wr_copies_column(&local->copies, &in->columns[plan->kept[c]], c, &local->columns[c]);
    for (uint32_t v = 0; v < plan->value_count; v++)
        wr_feed_finish(&local->feeds[v], out->row_count);
    if (numbers)
        numbers->row_count = out->row_count;
}

static wr_status unnest_apply(wr_node *node, void *local_p, const wr_batch *in, wr_batch *out,
                              wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    const wr_plan_unnest *plan = node->plan;
    unnest_local         *local = local_p;

    *out_flow = WR_FLOW_MORE;
    if (wr_batch_rows(in) == 0)
        return WR_OK;
    clear(local, plan, exec->batch_rows);
    WR_TRY(fill_batch(local, plan, in, exec->batch_rows, err));
    give(local, plan, in, out);
    if (local->index < wr_batch_rows(in))
        *out_flow = WR_FLOW_AGAIN;
    else
        local->index = 0;
    return WR_OK;
}

static void unnest_local_close(wr_node *node, void *local_p)
{
    unnest_local *local = local_p;

    (void)node;
    if (local->bump.lease)
        wr_bump_release(&local->bump);
}

const wr_transform_ops WR_UNNEST = {
    .name = "unnest",
    .local_bytes = sizeof(unnest_local),
    .makes_rows = true,
    .lease_min = unnest_lease_min,
    .local_open = unnest_local_open,
    .apply = unnest_apply,
    .local_close = unnest_local_close,
};
