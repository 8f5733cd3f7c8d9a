/* exec/op_ordered_read.c — ordered aggregate, the source: one value per group from sorted rows.
 *
 * Rows are read once. A group that ends in the batch it began in has a known size, and its last row is
 * the row that is given out, with its results beside its keys, so keys are not copied. Of a group that
 * reaches the end of a batch nobody knows how many values are to come, which medians and quantiles want
 * to know first: its values are held in a row store, in memory or on disk, until it ends. One that ends
 * just with a batch is given out alone, with the keys that were kept to tell where groups begin.
 * One worker reads; the merge is one anyway.
 * Memory: reading the sorter, + own buffers: one row of keys (a quarter page), results (a vector each),
 * for text a quarter page per aggregate, for quantiles two row pages and a vector of values. Groups may
 * be of any size. */
#include "exec/key_view.h"
#include "exec/ordered_priv.h"

enum { HELD_PAGES_MAX = 32 };

typedef struct read_local {
    bool is_reader;
} read_local;

/* ---- Memory ------------------------------------------------------------------------------------- */

static uint32_t key_row_bytes(const wr_plan_ordered *plan, const wr_exec *exec)
{
    uint32_t least = wr_row_bytes_least(plan->types, plan->key_count, 0);

    return wr_row_bytes_max(wr_row_page_bytes(least, exec->page_bytes));
}

static uint32_t result_count(const wr_plan_ordered *plan)
{
    return plan->agg_count + (plan->position != WR_FIELD_NONE);
}

static wr_type result_type(const wr_plan_ordered *plan, uint32_t index)
{
    return index < plan->agg_count ? plan->aggs[index].result_type : WR_TYPE(U64);
}

/* Must the size of a group be known before its values? */
static bool holds_values(const wr_plan_ordered *plan)
{
    bool holds = false;

    for (uint32_t i = 0; i < plan->agg_count; i++)
        holds |= wr_ordered_is_quantile(plan->aggs[i].kind);
    return holds && plan->key_count > 0;
}

static wr_type value_type(const wr_plan_ordered *plan)
{
    return plan->types[plan->key_count];
}

static uint32_t held_page_bytes(const wr_plan_ordered *plan, const wr_exec *exec)
{
    wr_type type = value_type(plan);

    return wr_row_page_bytes(wr_row_bytes_least(&type, 1, 0), exec->page_bytes);
}

enum { ROUNDING = 16 };

static uint64_t held_bytes(const wr_plan_ordered *plan, const wr_exec *exec)
{
    return wr_row_layout_bytes(1) + held_page_bytes(plan, exec) +
           wr_vector_bytes(value_type(plan)) +
           WR_BATCH_ROWS_MAX * (sizeof(uint8_t *) + sizeof(uint32_t) + 2 * sizeof(uint16_t)) +
           6 * ROUNDING;
}

static uint64_t own_bytes(const wr_plan_ordered *plan, const wr_exec *exec)
{
    uint64_t vectors = 2 * (uint64_t)plan->key_count + 2 * result_count(plan) + 3;
    uint64_t bytes = vectors * sizeof(wr_vector) + plan->key_count * sizeof(wr_vector_cell) +
                     wr_ordered_bytes(plan, exec) +
                     WR_BATCH_ROWS_MAX * (sizeof(uint16_t) + sizeof(uint8_t)) +
                     wr_row_layout_bytes(plan->key_count) + key_row_bytes(plan, exec) +
                     16 * ROUNDING;

    for (uint32_t i = 0; i < result_count(plan); i++)
        bytes += wr_vector_bytes(result_type(plan, i)) + ROUNDING;
    return bytes + (holds_values(plan) ? held_bytes(plan, exec) : 0);
}

static uint64_t read_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    wr_sorter_plan sorter_plan = wr_ordered_sorter_plan(plan);

    return wr_sorter_read_lease_min(&sorter_plan, exec, worker_count) +
           wr_bump_lease_min(own_bytes(plan, exec), exec->page_bytes) +
           (holds_values(plan) ? held_page_bytes(plan, exec) : 0);
}

/* Before the sorter takes what there is. */
static wr_status take_first_page(held_values *held, wr_error *err)
{
    return wr_row_store_add_page(&held->store)
               ? WR_OK
               : WR_RAISE(err, WR_BUG, "held values got no page inside their lease");
}

static wr_status take_held(ordered_shared *shared, const wr_plan_ordered *plan, wr_exec *exec,
                           wr_lease *lease, wr_error *err)
{
    uint32_t      page_bytes = held_page_bytes(plan, exec);
    held_values  *held = &shared->held;
    wr_bump      *bump = &shared->bump;

    held->type = value_type(plan);
    held->buffer = wr_bump_alloc(bump, page_bytes, err);
    held->rows = WR_BUMP_NEW_ARRAY(bump, uint8_t *, WR_BATCH_ROWS_MAX, err);
    held->sizes = WR_BUMP_NEW_ARRAY(bump, uint32_t, WR_BATCH_ROWS_MAX, err);
    held->selected = WR_BUMP_NEW_ARRAY(bump, uint16_t, WR_BATCH_ROWS_MAX, err);
    held->which = WR_BUMP_NEW_ARRAY(bump, uint16_t, WR_BATCH_ROWS_MAX, err);
    if (!held->buffer || !held->rows || !held->sizes || !held->selected || !held->which)
        return WR_NO_MEMORY;
    WR_TRY(wr_vector_init(&held->values, held->type, bump, err));
    WR_TRY(wr_row_layout_init(&held->layout, &held->type, 1, 0, NULL, wr_row_bytes_max(page_bytes),
                              bump, err));
    wr_row_store_init(&held->store, &held->layout, lease, page_bytes, exec->spill);
    return take_first_page(held, err);
}

static wr_status take_buffers(ordered_shared *shared, const wr_plan_ordered *plan, wr_exec *exec,
                              wr_error *err)
{
    wr_bump *bump = &shared->bump;

    WR_TRY(wr_bump_reserve(bump, own_bytes(plan, exec), err));
    shared->columns = WR_BUMP_NEW_ARRAY(bump, wr_vector, plan->key_count + result_count(plan) + 1,
                                        err);
    shared->results = WR_BUMP_NEW_ARRAY(bump, wr_vector, result_count(plan) + 1, err);
    shared->keys = WR_BUMP_NEW_ARRAY(bump, wr_vector, plan->key_count + 1, err);
    shared->key_cells = WR_BUMP_NEW_ARRAY(bump, wr_vector_cell, plan->key_count, err);
    shared->rows = WR_BUMP_NEW_ARRAY(bump, uint16_t, WR_BATCH_ROWS_MAX, err);
    shared->starts = WR_BUMP_NEW_ARRAY(bump, uint8_t, WR_BATCH_ROWS_MAX, err);
    shared->last_keys = wr_bump_alloc(bump, key_row_bytes(plan, exec), err);
    if (!shared->columns || !shared->results || !shared->keys || !shared->key_cells ||
        !shared->rows || !shared->starts || !shared->last_keys)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < result_count(plan); i++)
        WR_TRY(wr_vector_init(&shared->results[i], result_type(plan, i), bump, err));
    WR_TRY(wr_ordered_init(&shared->ordered, plan, exec, bump, err));
    return wr_row_layout_init(&shared->key_layout, plan->types, plan->key_count, 0, NULL,
                              key_row_bytes(plan, exec), bump, err);
}

/* ---- Where groups begin ------------------------------------------------------------------------------ */

/* Rows 1 .. row_count - 1 of a key column that differ from the row before are marked. */
static wr_status mark_changes(const wr_vector *column, uint32_t row_count, uint8_t *starts,
                              wr_error *err)
{
    const uint8_t *data = column->data;
    uint32_t       bytes = wr_physical_bytes(wr_type_physical(column->type));

    for (uint32_t row = 1; row < row_count; row++) {
        bool valid = !column->valid || wr_bit_get(column->valid, row);
        bool was_valid = !column->valid || wr_bit_get(column->valid, row - 1), equal = true;

        if (valid && was_valid)
            WR_TRY(wr_ordered_equal(column->type, data + (size_t)(row - 1) * bytes,
                                    data + (size_t)row * bytes, &equal, err));
        starts[row] |= valid != was_valid || !equal;
    }
    return WR_OK;
}

static wr_status starts_with_group(ordered_shared *shared, const wr_plan_ordered *plan,
                                   const wr_batch *batch, bool *out_starts, wr_error *err)
{
    bool equal = true;

    for (uint32_t k = 0; k < plan->key_count && equal; k++) {
        wr_key_view key;

        wr_key_view_init(&key, &shared->key_layout, k, &batch->columns[k]);
        WR_TRY(wr_key_views_equal(&key, 1, &shared->key_layout, shared->last_keys, 0, &equal,
                                  err));
    }
    *out_starts = !equal;
    return WR_OK;
}

static wr_status remember_keys(ordered_shared *shared, const wr_batch *batch, wr_spill *spill,
                               wr_error *err)
{
    uint16_t     last = (uint16_t)(batch->row_count - 1);
    wr_selection selection = {&last, 1};
    uint32_t     bytes;

    wr_row_measure(&shared->key_layout, batch->columns, &selection, &bytes);
    memset(shared->last_keys, 0, shared->key_layout.row_bytes_max);
    memcpy(shared->last_keys, &bytes, sizeof bytes);
    return wr_row_write(&shared->key_layout, batch->columns, &selection, 0, 1, &shared->last_keys,
                        spill, err);
}

/* Marks the rows of the batch that begin a group: the first one if it has other keys than the open one. */
static wr_status mark_starts(ordered_shared *shared, const wr_plan_ordered *plan, wr_error *err)
{
    const wr_batch *batch = &shared->batch;
    bool            starts = true;

    if (plan->key_count == 0 || batch->row_count == 0)
        return WR_OK;
    if (shared->is_open)
        WR_TRY(starts_with_group(shared, plan, batch, &starts, err));
    memset(shared->starts, 0, batch->row_count);
    shared->starts[0] = starts;
    for (uint32_t k = 0; k < plan->key_count; k++)
        WR_TRY(mark_changes(&batch->columns[k], batch->row_count, shared->starts, err));
    return WR_OK;
}

/* The row behind the last one of the batch that is in the group of `row`. */
static uint32_t group_end(const ordered_shared *shared, const wr_plan_ordered *plan, uint32_t row)
{
    uint32_t end = row + 1;

    if (plan->key_count == 0)
        return shared->batch.row_count;
    while (end < shared->batch.row_count && !shared->starts[end])
        end++;
    return end;
}

/* ---- Open -------------------------------------------------------------------------------------------- */

static wr_status read_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_ordered *plan = node->plan;
    ordered_shared        *shared = wr_node_shared(node);

    wr_bump_init(&shared->bump, wr_node_lease(node));
    WR_TRY(take_buffers(shared, plan, exec, err));
    if (holds_values(plan))
        WR_TRY(take_held(shared, plan, exec, wr_node_lease(node), err));
    WR_TRY(wr_sorter_read_open(&shared->sorter, err));
    return wr_sorter_reader_open(&shared->reader, &shared->sorter, err);
}

static wr_status read_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    ordered_shared *shared = wr_node_shared(node);

    (void)exec, (void)err;
    ((read_local *)local)->is_reader = !atomic_exchange(&shared->is_taken, true);
    return WR_OK;
}

/* ---- Values that are held ----------------------------------------------------------------------------- */

static wr_status hold(held_values *held, const wr_vector *values, uint32_t first, uint32_t count,
                      wr_spill *spill, wr_error *err)
{
    wr_row_scatter to = {.stores = &held->store,
                         .store_count = 1,
                         .bytes_max = (uint64_t)HELD_PAGES_MAX * held->store.page_bytes,
                         .spill = spill,
                         .sizes = held->sizes,
                         .rows = held->rows};
    wr_selection   selection = {held->selected, count};

    for (uint32_t i = 0; i < count; i++)
        held->selected[i] = (uint16_t)(first + i);
    return wr_row_scatter_write(&to, values, &selection, held->which, err);
}

static wr_status add_held(held_values *held, wr_ordered *ordered, wr_spill *spill, wr_error *err)
{
    const uint8_t   **rows = (const uint8_t **)held->rows;
    const wr_row_page *page;
    wr_row_reader      reader;

    wr_row_reader_init(&reader, &held->store, held->buffer, true);
    for (;;) {
        uint32_t offset = 0, count;

        WR_TRY(wr_row_reader_next(&reader, &page, err));
        if (!page)
            break;
        while ((count = wr_row_page_rows(page, &offset, WR_BATCH_ROWS_MAX, rows)) > 0) {
            held->values.valid = NULL;
            wr_row_read(&held->layout, 0, rows, count, &held->values);
            WR_TRY(wr_ordered_add(ordered, &held->values, NULL, 0, count, err));
            WR_TRY(wr_ordered_keep(ordered, spill, err));
        }
    }
    wr_row_store_release(&held->store);
    return take_first_page(held, err);
}

/* ---- Results --------------------------------------------------------------------------------------------- */

static uint32_t count_valid(const wr_vector *values, uint32_t first, uint32_t end)
{
    uint32_t count = end - first;

    for (uint32_t row = first; row < end && values->valid; row++)
        count -= !wr_bit_get(values->valid, row);
    return count;
}

/* A group begins that has so many values; or more, if it is held. */
static void open_group(ordered_shared *shared, uint64_t value_count, bool is_held)
{
    shared->is_open = true;
    shared->is_held = is_held;
    shared->value_count = 0;
    shared->least_position = UINT64_MAX;
    if (!is_held)
        wr_ordered_begin(&shared->ordered, value_count);
}

static void put_result(wr_vector *out, uint32_t row, const void *value, bool is_null)
{
    uint32_t bytes = wr_physical_bytes(wr_type_physical(out->type));
    uint8_t *at = (uint8_t *)out->data + (size_t)row * bytes;

    if (is_null)
        memset(at, 0, bytes);
    else
        memcpy(at, value, bytes);
    wr_bit_put(out->valid, row, !is_null);
}

static wr_status close_group(ordered_shared *shared, const wr_plan_ordered *plan, uint32_t row,
                             wr_error *err)
{
    _Alignas(16) uint8_t value[16];

    if (shared->is_held) {
        wr_ordered_begin(&shared->ordered, shared->value_count);
        WR_TRY(add_held(&shared->held, &shared->ordered, shared->sorter.exec->spill, err));
    }
    wr_ordered_count(&shared->ordered, shared->value_count);
    for (uint32_t i = 0; i < plan->agg_count; i++) {
        bool is_null;

        WR_TRY(wr_ordered_result(&shared->ordered, i, value, &is_null, err));
        put_result(&shared->results[i], row, value, is_null);
    }
    if (plan->position != WR_FIELD_NONE)
        put_result(&shared->results[plan->agg_count], row, &shared->least_position, false);
    shared->is_open = false;
    return WR_OK;
}

static void note_positions(ordered_shared *shared, const wr_vector *positions, uint32_t first,
                           uint32_t count)
{
    const uint64_t *all = positions->data;

    for (uint32_t row = first; row < first + count; row++)
        if (all[row] < shared->least_position)
            shared->least_position = all[row];
}

/* Add rows of the open group. */
static wr_status add_rows(ordered_shared *shared, const wr_plan_ordered *plan, uint32_t row,
                          uint32_t end, wr_error *err)
{
    const wr_vector *values = &shared->batch.columns[plan->key_count];
    uint32_t         value_count = count_valid(values, row, end);
    uint32_t         count = plan->by_value ? value_count : end - row; /* nulls are behind all values */

    shared->value_count += value_count;
    if (plan->position != WR_FIELD_NONE)
        note_positions(shared, &shared->batch.columns[plan->position], row, end - row);
    if (shared->is_held)
        return hold(&shared->held, values, row, count, shared->sorter.exec->spill, err);
    return wr_ordered_add(&shared->ordered, values,
                          plan->filter == WR_FIELD_NONE ? NULL
                                                        : &shared->batch.columns[plan->filter],
                          row, count, err);
}

/* Add the batch's rows to their groups, until it ends or there is no room for results; *out_count of
 * them are the last of their group. The last group of the batch stays open. */
static wr_status add_batch(ordered_shared *shared, const wr_plan_ordered *plan,
                           uint32_t *out_count, wr_error *err)
{
    const wr_batch *batch = &shared->batch;

    *out_count = 0;
    while (shared->batch_row < batch->row_count) {
        uint32_t row = shared->batch_row, end = group_end(shared, plan, row);
        bool     goes_on = end == batch->row_count;

        if (!shared->is_open)
            open_group(shared,
                       plan->key_count ? count_valid(&batch->columns[plan->key_count], row, end)
                                       : shared->values_pushed,
                       goes_on && holds_values(plan));
        WR_TRY(add_rows(shared, plan, row, end, err));
        shared->batch_row = end;
        if (goes_on)
            return plan->key_count ? remember_keys(shared, batch, shared->sorter.exec->spill, err)
                                   : WR_OK;
        WR_TRY(close_group(shared, plan, end - 1, err));
        shared->rows[(*out_count)++] = (uint16_t)(end - 1);
        if (wr_ordered_is_full(&shared->ordered))
            return WR_OK;
    }
    return WR_OK;
}

/* Text under unselected rows must be initialised, not dangle. */
static void clear_results(ordered_shared *shared, const wr_plan_ordered *plan, uint32_t row_count)
{
    for (uint32_t i = 0; i < result_count(plan); i++) {
        wr_vector *result = &shared->results[i];

        result->valid = wr_vector_valid_room(result);
        if (wr_type_physical(result->type) == WR_PHYS_STR)
            memset(result->data, 0, (size_t)row_count * sizeof(wr_str));
    }
}

static void give_batch(ordered_shared *shared, const wr_plan_ordered *plan, const wr_batch *batch,
                       uint32_t group_count, wr_batch *out)
{
    if (plan->key_count > 0)
        memcpy(shared->columns, batch->columns, plan->key_count * sizeof shared->columns[0]);
    for (uint32_t i = 0; i < result_count(plan); i++) {
        wr_vector *result = &shared->results[i];

        result->row_count = batch->row_count;
        result->flags = wr_type_physical(result->type) == WR_PHYS_STR ? WR_VECTOR_BLOBS : 0;
        shared->columns[plan->key_count + i] = *result;
    }
    out->columns = shared->columns;
    out->column_count = plan->key_count + result_count(plan);
    out->row_count = batch->row_count;
    out->selection = (wr_selection){shared->rows, group_count};
    out->position = shared->groups_given;
    out->morsel = shared->morsel++;
    out->morsel_end = true;
    shared->groups_given += group_count;
}

/* The group that is open ended with the batch before: its keys are those that were remembered. Without
 * keys there is one group, even of no rows. */
static wr_status give_last_group(ordered_shared *shared, const wr_plan_ordered *plan,
                                 wr_batch *out, wr_error *err)
{
    const uint8_t *row = shared->last_keys;
    wr_batch       one = {.row_count = 1, .columns = shared->keys};

    if (!shared->is_open)
        open_group(shared, 0, false);
    clear_results(shared, plan, 1);
    WR_TRY(close_group(shared, plan, 0, err));
    for (uint32_t k = 0; k < plan->key_count; k++) {
        shared->keys[k] = (wr_vector){.type = plan->types[k],
                                      .data = shared->key_cells[k].value,
                                      .valid = &shared->key_cells[k].valid};
        wr_row_read(&shared->key_layout, k, &row, 1, &shared->keys[k]);
    }
    shared->rows[0] = 0;
    give_batch(shared, plan, &one, 1, out);
    return WR_OK;
}

static wr_status next_batch(ordered_shared *shared, const wr_plan_ordered *plan, wr_exec *exec,
                            wr_error *err)
{
    wr_flow flow = WR_FLOW_MORE;

    if (wr_exec_is_cancelled(exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    if (shared->is_open && !shared->is_held)
        WR_TRY(wr_ordered_keep(&shared->ordered, exec->spill, err));
    shared->batch = (wr_batch){0};
    shared->batch_row = 0;
    WR_TRY(wr_sorter_read(&shared->reader, &shared->batch, &flow, err));
    shared->is_done = flow == WR_FLOW_DONE;
    return mark_starts(shared, plan, err);
}

static wr_status read_groups(ordered_shared *shared, const wr_plan_ordered *plan, wr_exec *exec,
                             wr_batch *out, wr_flow *out_flow, wr_error *err)
{
    uint32_t group_count = 0;

    wr_ordered_recycle(&shared->ordered);
    while (!shared->is_done && group_count == 0) {
        if (shared->batch_row == shared->batch.row_count)
            WR_TRY(next_batch(shared, plan, exec, err));
        if (shared->is_open && plan->key_count > 0 && shared->batch.row_count > 0 &&
            shared->batch_row == 0 && shared->starts[0])
            return give_last_group(shared, plan, out, err);
        clear_results(shared, plan, shared->batch.row_count);
        WR_TRY(add_batch(shared, plan, &group_count, err));
    }
    if (group_count > 0) {
        give_batch(shared, plan, &shared->batch, group_count, out);
        return WR_OK;
    }
    if (shared->is_open || (plan->key_count == 0 && shared->groups_given == 0))
        return give_last_group(shared, plan, out, err);
    *out_flow = WR_FLOW_DONE;
    return WR_OK;
}

static wr_status read_pull(wr_node *node, void *local, wr_batch *out, wr_flow *out_flow,
                           wr_exec *exec, wr_error *err)
{
    ordered_shared *shared = wr_node_shared(node);

    *out_flow = WR_FLOW_DONE;
    if (!((read_local *)local)->is_reader)
        return WR_OK;
    *out_flow = WR_FLOW_MORE;
    out->morsel = shared->morsel;
    return read_groups(shared, node->plan, exec, out, out_flow, err);
}

static void read_local_close(wr_node *node, void *local)
{
    (void)node, (void)local;
}

static void read_close(wr_node *node)
{
    ordered_shared *shared = wr_node_shared(node);

    if (!shared->bump.lease)
        return;
    wr_sorter_reader_close(&shared->reader);
    wr_sorter_read_close(&shared->sorter);
    wr_row_store_release(&shared->held.store);
    wr_bump_release(&shared->bump);
}

const wr_source_ops WR_ORDERED_READ = {
    .name = "ordered groups",
    .shared_bytes = sizeof(ordered_shared),
    .local_bytes = sizeof(read_local),
    .lease_min = read_lease_min,
    .open = read_open,
    .local_open = read_local_open,
    .pull = read_pull,
    .local_close = read_local_close,
    .close = read_close,
};
