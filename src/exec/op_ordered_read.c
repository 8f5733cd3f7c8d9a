/* exec/op_ordered_read.c — ordered aggregate, the source: one value per group from sorted rows.
 *
 * First pass, when the source opens: the sizes of the groups, a block of them in memory, the blocks
 * before it spilled. Second pass: groups are told apart by their sizes alone, and a group's last row
 * is the row that is given out, with its results beside its keys; so keys are never copied, and a
 * batch without the end of a group gives nothing. One worker reads; the merge is one anyway.
 * Memory: reading the sorter, + own buffers: one row of keys (a quarter page), sizes (a block of
 * 16 KB at most), results (a vector each), for text a quarter page per aggregate. Groups may be of any size. */
#include "exec/key_view.h"
#include "exec/ordered_priv.h"

enum { SIZES_BYTES_MAX = 16384 };

typedef struct read_local {
    bool is_reader;
} read_local;

/* ---- Memory ------------------------------------------------------------------------------------- */

static uint32_t size_block_bytes(const wr_exec *exec)
{
    return exec->page_bytes < SIZES_BYTES_MAX ? exec->page_bytes : SIZES_BYTES_MAX;
}

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

static uint64_t own_bytes(const wr_plan_ordered *plan, const wr_exec *exec)
{
    enum { ROUNDING = 16 };
    uint64_t vectors = plan->key_count + 2 * result_count(plan) + 2;
    uint64_t bytes = vectors * sizeof(wr_vector) +
                     wr_ordered_bytes(plan, exec) +
                     WR_BATCH_ROWS_MAX * (sizeof(uint16_t) + sizeof(uint8_t)) +
                     wr_row_layout_bytes(plan->key_count) + key_row_bytes(plan, exec) +
                     size_block_bytes(exec) + 16 * ROUNDING;

    for (uint32_t i = 0; i < result_count(plan); i++)
        bytes += wr_vector_bytes(result_type(plan, i)) + ROUNDING;
    return bytes;
}

static uint64_t read_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    wr_sorter_plan sorter_plan = wr_ordered_sorter_plan(plan);

    return wr_sorter_read_lease_min(&sorter_plan, exec, worker_count) +
           wr_bump_lease_min(own_bytes(plan, exec), exec->page_bytes);
}

static wr_status take_buffers(ordered_shared *shared, const wr_plan_ordered *plan, wr_exec *exec,
                              wr_error *err)
{
    wr_bump *bump = &shared->bump;

    WR_TRY(wr_bump_reserve(bump, own_bytes(plan, exec), err));
    shared->columns = WR_BUMP_NEW_ARRAY(bump, wr_vector, plan->key_count + result_count(plan) + 1,
                                        err);
    shared->results = WR_BUMP_NEW_ARRAY(bump, wr_vector, result_count(plan) + 1, err);
    shared->rows = WR_BUMP_NEW_ARRAY(bump, uint16_t, WR_BATCH_ROWS_MAX, err);
    shared->starts = WR_BUMP_NEW_ARRAY(bump, uint8_t, WR_BATCH_ROWS_MAX, err);
    shared->last_keys = wr_bump_alloc(bump, key_row_bytes(plan, exec), err);
    shared->sizes = wr_bump_alloc(bump, size_block_bytes(exec), err);
    shared->sizes_max = size_block_bytes(exec) / (uint32_t)sizeof(group_size);
    if (!shared->columns || !shared->results || !shared->rows || !shared->starts ||
        !shared->last_keys || !shared->sizes)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < result_count(plan); i++)
        WR_TRY(wr_vector_init(&shared->results[i], result_type(plan, i), bump, err));
    WR_TRY(wr_ordered_init(&shared->ordered, plan, exec, bump, err));
    return wr_row_layout_init(&shared->key_layout, plan->types, plan->key_count, 0, NULL,
                              key_row_bytes(plan, exec), bump, err);
}

/* ---- First pass: sizes of groups --------------------------------------------------------------------- */

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

static wr_status begin_size(ordered_shared *shared, wr_error *err)
{
    if (shared->size_count == shared->sizes_max) {
        WR_TRY(wr_spill_append(&shared->size_stream, shared->sizes,
                               shared->sizes_max * (uint32_t)sizeof(group_size), NULL, err));
        shared->size_count = 0;
    }
    shared->sizes[shared->size_count++] = (group_size){0, 0};
    return WR_OK;
}

static wr_status count_batch(ordered_shared *shared, const wr_plan_ordered *plan,
                             const wr_batch *batch, wr_error *err)
{
    const wr_vector *values = &batch->columns[plan->key_count];
    bool             starts = true;

    if (shared->size_count > 0)
        WR_TRY(starts_with_group(shared, plan, batch, &starts, err));
    memset(shared->starts, 0, batch->row_count);
    shared->starts[0] = starts;
    for (uint32_t k = 0; k < plan->key_count; k++)
        WR_TRY(mark_changes(&batch->columns[k], batch->row_count, shared->starts, err));
    for (uint32_t row = 0; row < batch->row_count; row++) {
        if (shared->starts[row])
            WR_TRY(begin_size(shared, err));
        shared->sizes[shared->size_count - 1].row_count++;
        shared->sizes[shared->size_count - 1].value_count +=
            !values->valid || wr_bit_get(values->valid, row);
    }
    return WR_OK;
}

static wr_status count_groups(ordered_shared *shared, const wr_plan_ordered *plan, wr_exec *exec,
                              wr_error *err)
{
    wr_flow flow = WR_FLOW_MORE;

    WR_TRY(wr_sorter_read_open(&shared->sorter, err));
    WR_TRY(wr_sorter_reader_open(&shared->reader, &shared->sorter, err));
    for (;;) {
        wr_batch batch = {0};

        if (wr_exec_is_cancelled(exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        WR_TRY(wr_sorter_read(&shared->reader, &batch, &flow, err));
        if (flow == WR_FLOW_DONE)
            break;
        if (batch.row_count == 0)
            continue;
        WR_TRY(count_batch(shared, plan, &batch, err));
        WR_TRY(remember_keys(shared, &batch, exec->spill, err));
    }
    wr_sorter_reader_close(&shared->reader);
    wr_sorter_read_close(&shared->sorter);
    return WR_OK;
}

/* The next group's size; none left: no rows. */
static wr_status next_size(ordered_shared *shared, group_size *out_size, wr_error *err)
{
    uint32_t bytes = 0;

    *out_size = (group_size){0, 0};
    if (shared->size_next == shared->size_count)
        return WR_OK;
    *out_size = shared->sizes[shared->size_next++];
    if (shared->size_next == shared->size_count && shared->size_cursor.stream) {
        WR_TRY(wr_spill_cursor_next(&shared->size_cursor, shared->sizes, size_block_bytes(
                                        shared->sorter.exec), &bytes, err));
        shared->size_count = bytes / (uint32_t)sizeof(group_size);
        shared->size_next = 0;
    }
    return WR_OK;
}

/* The block in memory is the last one: it goes behind the others, and all are read from the first. */
static wr_status rewind_sizes(ordered_shared *shared, wr_error *err)
{
    uint32_t bytes;

    shared->size_next = 0;
    if (shared->size_stream.block_count == 0)
        return WR_OK;
    WR_TRY(wr_spill_append(&shared->size_stream, shared->sizes,
                           shared->size_count * (uint32_t)sizeof(group_size), NULL, err));
    wr_spill_cursor_init(&shared->size_cursor, &shared->size_stream, true);
    WR_TRY(wr_spill_cursor_next(&shared->size_cursor, shared->sizes,
                                size_block_bytes(shared->sorter.exec), &bytes, err));
    shared->size_count = bytes / (uint32_t)sizeof(group_size);
    return WR_OK;
}

/* ---- Open -------------------------------------------------------------------------------------------- */

static wr_status read_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_ordered *plan = node->plan;
    ordered_shared        *shared = wr_node_shared(node);

    wr_bump_init(&shared->bump, wr_node_lease(node));
    wr_spill_stream_init(&shared->size_stream, exec->spill);
    WR_TRY(take_buffers(shared, plan, exec, err));
    if (plan->key_count > 0) {
        WR_TRY(count_groups(shared, plan, exec, err));
        WR_TRY(rewind_sizes(shared, err));
    } else {
        shared->sizes[0] = (group_size){shared->rows_pushed, shared->values_pushed};
        shared->size_count = 1;
    }
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

/* ---- Second pass: results ------------------------------------------------------------------------------ */

static wr_status open_group(ordered_shared *shared, wr_error *err)
{
    WR_TRY(next_size(shared, &shared->group, err));
    shared->is_open = true;
    shared->least_position = UINT64_MAX;
    wr_ordered_begin(&shared->ordered, shared->group.value_count);
    return WR_OK;
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

/* Add `count` rows, all of the open group. */
static wr_status add_rows(ordered_shared *shared, const wr_plan_ordered *plan, uint32_t row,
                          uint32_t count, wr_error *err)
{
    uint32_t value_count = count;

    if (plan->by_value) { /* nulls are behind all values */
        if (value_count > shared->group.value_count)
            value_count = (uint32_t)shared->group.value_count;
        shared->group.value_count -= value_count;
    }
    if (plan->position != WR_FIELD_NONE)
        note_positions(shared, &shared->batch.columns[plan->position], row, count);
    shared->group.row_count -= count;
    return wr_ordered_add(&shared->ordered, &shared->batch.columns[plan->key_count],
                          plan->filter == WR_FIELD_NONE ? NULL
                                                        : &shared->batch.columns[plan->filter],
                          row, value_count, err);
}

/* Add the batch's rows to their groups, until it ends or there is no room for results; *out_count of
 * them are the last of their group. */
static wr_status add_batch(ordered_shared *shared, const wr_plan_ordered *plan,
                           uint32_t *out_count, wr_error *err)
{
    *out_count = 0;
    while (shared->batch_row < shared->batch.row_count) {
        uint32_t count = shared->batch.row_count - shared->batch_row;

        if (!shared->is_open)
            WR_TRY(open_group(shared, err));
        wr_assert(shared->group.row_count > 0, "rows are counted once and read once");
        if (count > shared->group.row_count)
            count = (uint32_t)shared->group.row_count;
        WR_TRY(add_rows(shared, plan, shared->batch_row, count, err));
        shared->batch_row += count;
        if (shared->group.row_count > 0)
            continue;
        WR_TRY(close_group(shared, plan, shared->batch_row - 1, err));
        shared->rows[(*out_count)++] = (uint16_t)(shared->batch_row - 1);
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

/* Without keys there is one group, even of no rows. */
static wr_status give_empty_group(ordered_shared *shared, const wr_plan_ordered *plan,
                                  wr_batch *out, wr_error *err)
{
    static const wr_batch ONE_ROW = {.row_count = 1};

    WR_TRY(open_group(shared, err));
    clear_results(shared, plan, 1);
    WR_TRY(close_group(shared, plan, 0, err));
    shared->rows[0] = 0;
    give_batch(shared, plan, &ONE_ROW, 1, out);
    return WR_OK;
}

static wr_status next_batch(ordered_shared *shared, wr_exec *exec, wr_error *err)
{
    wr_flow flow = WR_FLOW_MORE;

    if (wr_exec_is_cancelled(exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    if (shared->is_open)
        WR_TRY(wr_ordered_keep(&shared->ordered, exec->spill, err));
    shared->batch = (wr_batch){0};
    shared->batch_row = 0;
    WR_TRY(wr_sorter_read(&shared->reader, &shared->batch, &flow, err));
    shared->is_done = flow == WR_FLOW_DONE;
    return WR_OK;
}

static wr_status read_groups(ordered_shared *shared, const wr_plan_ordered *plan, wr_exec *exec,
                             wr_batch *out, wr_flow *out_flow, wr_error *err)
{
    uint32_t group_count = 0;

    wr_ordered_recycle(&shared->ordered);
    while (!shared->is_done && group_count == 0) {
        if (shared->batch_row == shared->batch.row_count)
            WR_TRY(next_batch(shared, exec, err));
        clear_results(shared, plan, shared->batch.row_count);
        WR_TRY(add_batch(shared, plan, &group_count, err));
    }
    if (group_count > 0) {
        give_batch(shared, plan, &shared->batch, group_count, out);
        return WR_OK;
    }
    if (plan->key_count == 0 && shared->groups_given == 0)
        return give_empty_group(shared, plan, out, err);
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
    wr_spill_stream_release(&shared->size_stream);
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
