/* exec/op_limit.c — pass rows offset .. offset + max - 1 by source position, then end the pipeline.
 *
 * A worker waits at the turnstile until its morsel is the oldest, so `rows_seen` counts exactly the
 * rows that come before; whoever has the turn owns it. The worker that passes the last row closes
 * the turnstile: later morsels are let go and pass nothing. Every earlier morsel has ended here by
 * then, so nothing of it is lost. A morsel without rows ends out of turn.
 * Memory: none. */
#include "exec/ops.h"

typedef struct limit_shared {
    wr_turnstile turnstile;
    uint64_t     rows_seen; /* of the worker whose turn it is                */
    _Atomic bool is_full;   /* the last row was passed; then the turnstile closes */
    bool         is_ready;
} limit_shared;

static wr_status limit_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    limit_shared        *shared = wr_node_shared(node);
    const wr_plan_limit *plan = node->plan;

    (void)err;
    wr_turnstile_init(&shared->turnstile, exec->morsel_first);
    shared->is_full = plan->rows_max == 0;
    atomic_store(&node->is_done, plan->rows_max == 0);
    shared->is_ready = true;
    return WR_OK;
}

/* This worker has the turn: pass what lies inside the limit. */
static void pass_rows(limit_shared *shared, const wr_plan_limit *plan, const wr_batch *in,
                      wr_batch *out)
{
    uint64_t begin = plan->offset_rows, end;
    uint64_t before = shared->rows_seen, after = before + wr_batch_rows(in), from, to;

    if (__builtin_add_overflow(begin, plan->rows_max, &end))
        end = UINT64_MAX;
    from = before > begin ? before : begin;
    to = after < end ? after : end;
    if (from < to)
        out->selection = wr_selection_slice(&in->selection, (uint32_t)(from - before),
                                            (uint32_t)(to - from));
    out->columns = in->columns;
    out->column_count = in->column_count;
    out->row_count = in->row_count;
    shared->rows_seen = after;
    if (after >= end) {
        atomic_store(&shared->is_full, true);
        wr_turnstile_close(&shared->turnstile);
    }
}

static wr_status limit_apply(wr_node *node, void *local, const wr_batch *in, wr_batch *out,
                             wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    limit_shared *shared = wr_node_shared(node);
    bool          goes_on = !atomic_load(&shared->is_full);

    (void)local;
    if (goes_on && wr_batch_rows(in) > 0) {
        goes_on = wr_turnstile_wait(&shared->turnstile, in->morsel, exec);
        if (goes_on)
            pass_rows(shared, node->plan, in, out);
    }
    if (goes_on && in->morsel_end)
        goes_on = wr_turnstile_end(&shared->turnstile, in->morsel, exec);
    *out_flow = atomic_load(&shared->is_full) ? WR_FLOW_DONE : WR_FLOW_MORE;
    if (!goes_on && *out_flow != WR_FLOW_DONE)
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    return WR_OK;
}

static void limit_close(wr_node *node)
{
    limit_shared *shared = wr_node_shared(node);

    if (shared->is_ready)
        wr_turnstile_release(&shared->turnstile);
    shared->is_ready = false;
}

const wr_transform_ops WR_LIMIT = {
    .name = "limit",
    .shared_bytes = sizeof(limit_shared),
    .open = limit_open,
    .apply = limit_apply,
    .close = limit_close,
};
