/* exec/op_draw.c — append each row's place, from 0, and a number drawn for it: a hash of both the
 * place and a seed, so what is drawn depends on neither threads, cap nor batches.
 *
 * As in limit a worker waits at the turnstile until its morsel is the oldest: `rows_seen` then counts
 * the rows before it exactly. A morsel without rows ends out of turn.
 * Memory: per worker the heads of the vectors and two columns of numbers. */
#include "base/bits.h"
#include "base/hash.h"
#include "exec/ops.h"

typedef struct draw_shared {
    wr_turnstile turnstile;
    uint64_t     rows_seen; /* of the worker whose turn it is */
    bool         is_ready;
} draw_shared;

typedef struct draw_local {
    wr_bump    bump;
    wr_vector *columns;
    int64_t   *places, *draws;
} draw_local;

static uint64_t heads_bytes(const wr_plan_draw *plan)
{
    return wr_round_up((plan->column_count + 2) * sizeof(wr_vector), 16);
}

static uint64_t local_bytes(const wr_plan_draw *plan)
{
    return heads_bytes(plan) + 2 * (uint64_t)WR_BATCH_ROWS_MAX * sizeof(int64_t);
}

static uint64_t draw_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    return worker_count * wr_bump_lease_min(local_bytes(plan_p), exec->page_bytes);
}

static wr_status draw_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    draw_shared *shared = wr_node_shared(node);

    (void)err;
    wr_turnstile_init(&shared->turnstile, exec->morsel_first);
    shared->is_ready = true;
    return WR_OK;
}

static wr_status draw_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_draw *plan = node->plan;
    draw_local         *local = local_p;
    uint8_t            *at;

    (void)exec;
    wr_bump_init(&local->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&local->bump, local_bytes(plan), err));
    at = wr_bump_alloc(&local->bump, local_bytes(plan), err);
    if (!at)
        return WR_NO_MEMORY;
    local->columns = (wr_vector *)(void *)at;
    local->places = (int64_t *)(void *)(at + heads_bytes(plan));
    local->draws = local->places + WR_BATCH_ROWS_MAX;
    return WR_OK;
}

/* This worker has the turn. */
static void number_rows(draw_shared *shared, draw_local *local, const wr_plan_draw *plan,
                        const wr_batch *in)
{
    uint64_t salt = wr_hash_u64(plan->seed + 0x9e3779b97f4a7c15u);

    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t row = wr_selection_row(&in->selection, i);
        uint64_t place = shared->rows_seen + i;

        local->places[row] = (int64_t)place;
        local->draws[row] = (int64_t)(wr_hash_u64(wr_hash_u64(place + 1) ^ salt) >> 1);
    }
    shared->rows_seen += wr_batch_rows(in);
}

static wr_vector numbers_of(int64_t *numbers, uint32_t row_count)
{
    return (wr_vector){.type = WR_TYPE(I64), .encoding = WR_FLAT, .row_count = row_count,
                       .data = numbers};
}

static wr_status draw_apply(wr_node *node, void *local_p, const wr_batch *in, wr_batch *out,
                            wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    const wr_plan_draw *plan = node->plan;
    draw_shared        *shared = wr_node_shared(node);
    draw_local         *local = local_p;
    bool                goes_on = true;

    *out_flow = WR_FLOW_MORE;
    out->row_count = in->row_count;
    out->selection = in->selection;
    out->columns = local->columns;
    out->column_count = plan->column_count + 2;
    if (wr_batch_rows(in) > 0) {
        goes_on = wr_turnstile_wait(&shared->turnstile, in->morsel, exec);
        if (goes_on)
            number_rows(shared, local, plan, in);
        memcpy(local->columns, in->columns, plan->column_count * sizeof(wr_vector));
        local->columns[plan->column_count] = numbers_of(local->places, in->row_count);
        local->columns[plan->column_count + 1] = numbers_of(local->draws, in->row_count);
    }
    if (goes_on && in->morsel_end)
        goes_on = wr_turnstile_end(&shared->turnstile, in->morsel, exec);
    return goes_on ? WR_OK : WR_RAISE(err, WR_CANCELLED, "cancelled");
}

static void draw_local_close(wr_node *node, void *local_p)
{
    draw_local *local = local_p;

    (void)node;
    if (local->bump.lease)
        wr_bump_release(&local->bump);
}

static void draw_close(wr_node *node)
{
    draw_shared *shared = wr_node_shared(node);

    if (shared->is_ready)
        wr_turnstile_release(&shared->turnstile);
    shared->is_ready = false;
}

const wr_transform_ops WR_DRAW = {
    .name = "draw",
    .shared_bytes = sizeof(draw_shared),
    .local_bytes = sizeof(draw_local),
    .lease_min = draw_lease_min,
    .open = draw_open,
    .local_open = draw_local_open,
    .apply = draw_apply,
    .local_close = draw_local_close,
    .close = draw_close,
};
