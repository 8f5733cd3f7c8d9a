/* exec/op_block_sink.c — formats that write blocks: rows go into blocks in order, and whoever waits encodes.
 *
 * One block is being filled, by the worker whose morsel is the oldest (ordered) or who came first.
 * A full block is encoded by a worker that waits for its turn, or by the one that needs an empty
 * block; encoded blocks are written in the order in which they were filled, by whoever finds the next
 * one ready. So decoding, filling and encoding overlap, and the bytes do not depend on who did what.
 *
 * Invariants
 *  1. A block goes EMPTY -> FILLING -> FULL -> ENCODING -> ENCODED -> WRITING -> EMPTY; its state
 *     changes under the mutex only, and whoever moved it to an -ING state has it to itself. Between
 *     two parts of encoding it is FULL again: who has a turn meanwhile takes it.
 *  2. At most one block is FILLING, at most one WRITING.
 *  3. With one worker one block is enough; with several there is one more than workers, so that the
 *     filler never waits for all of them.
 *  4. Nothing is visible before finish commits.
 *  5. Encoding and writing fail for everybody: a worker that comes by afterwards fails likewise, so that
 *     the oldest morsel's does, which is the one that ends the step.
 * Call order of a worker: push -> have_turn -> fill -> (help)... Memory: by the format's formulas. */
#include "exec/sink_output.h"

typedef enum block_state { EMPTY, FILLING, FULL, ENCODING, ENCODED, WRITING } block_state;

typedef struct block {
    void       *format; /* the format's state                  */
    block_state state;
    uint64_t    number; /* in the order of filling, from 0     */
} block;

typedef struct sink_shared {
    wr_bump          bump;
    wr_sink_output   output;
    wr_write_request request;  /* the plan's, with scratch space  */
    wr_scratch       scratch;
    bool             is_ready;
    void            *format;   /* the format's shared state       */
    void           **encoders; /* of each worker                  */
    block           *blocks;
    uint32_t         block_count;
    _Atomic uint32_t encoder_next;
    wr_turnstile     turnstile; /* ordered: of morsels            */

    wr_mutex mutex;
    wr_cond  moved;             /* the state of a block, is_taken */
    block   *filling;           /* NULL: none                     */
    bool     is_taken;          /* unordered: somebody fills      */
    wr_error failure;           /* status WR_OK: none             */
    uint64_t next_fill, next_write;
} sink_shared;

typedef struct sink_local {
    void *encoder;
} sink_local;

enum { POLL_NS = 5 * 1000 * 1000 };

/* ---- Memory -------------------------------------------------------------------------------------- */

static uint32_t block_count(uint32_t worker_count)
{
    return worker_count > 1 ? worker_count + 1 : 1;
}

static uint64_t shared_need(const wr_plan_file_sink *plan, uint32_t worker_count)
{
    const wr_format_block_ops *ops = plan->format->block_writer;
    uint32_t                   blocks = block_count(worker_count);

    return wr_sink_output_need(plan) + wr_round_up(ops->shared_bytes, 16) +
           ops->shared_lease_min(plan->request) +
           wr_round_up(blocks * sizeof(block), 16) + wr_round_up(worker_count * sizeof(void *), 16) +
           blocks * (wr_round_up(ops->block_bytes, 16) + ops->block_lease_min(plan->request)) +
           worker_count *
               (wr_round_up(ops->encoder_bytes, 16) + ops->encoder_lease_min(plan->request));
}

static uint64_t block_sink_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    return wr_bump_lease_min(shared_need(plan, worker_count), exec->page_bytes);
}

/* ---- Encoding and writing -------------------------------------------------------------------------- */

static block *find_block(sink_shared *shared, block_state state)
{
    block *found = NULL;

    for (uint32_t i = 0; i < shared->block_count; i++) {
        block *b = &shared->blocks[i];

        if (b->state == state && (!found || b->number < found->number))
            found = b;
    }
    return found;
}

/* A part of it. Under the mutex, which is not held meanwhile. */
static wr_status encode_block(sink_shared *shared, block *b, void *encoder, wr_error *err)
{
    const wr_format_block_ops *ops = shared->output.plan->format->block_writer;
    bool                       more = false;
    wr_status                  status;

    b->state = ENCODING;
    wr_mutex_unlock(&shared->mutex);
    status = ops->encode(&shared->request, shared->format, b->format, encoder, &more, err);
    wr_mutex_lock(&shared->mutex);
    b->state = status == WR_OK && more ? FULL : ENCODED;
    return status;
}

static wr_status write_block(sink_shared *shared, block *b, wr_exec *exec, wr_error *err)
{
    const wr_format_block_ops *ops = shared->output.plan->format->block_writer;
    uint64_t                   before = shared->output.output->offset;
    wr_status                  status;

    b->state = WRITING;
    wr_mutex_unlock(&shared->mutex);
    status = ops->write(&shared->request, shared->format, b->format, shared->output.output, err);
    status = wr_sink_output_judge(&shared->output, status, exec, err);
    atomic_fetch_add_explicit(&exec->bytes_out, shared->output.output->offset - before,
                              memory_order_relaxed);
    wr_mutex_lock(&shared->mutex);
    b->state = EMPTY;
    shared->next_write++;
    if (atomic_load(&shared->output.is_closed))
        wr_turnstile_close(&shared->turnstile);
    return status;
}

/* Do one thing that is to be done, if there is one. Under the mutex, not held meanwhile. */
static wr_status help(sink_shared *shared, void *encoder, bool *out_helped, wr_exec *exec,
                      wr_error *err)
{
    block    *b = find_block(shared, ENCODED);
    wr_status status = WR_OK;

    *out_helped = true;
    if (b && b->number == shared->next_write && !find_block(shared, WRITING)) {
        status = write_block(shared, b, exec, err);
    } else if ((b = find_block(shared, FULL)) != NULL) {
        status = encode_block(shared, b, encoder, err);
    } else {
        *out_helped = false;
        return WR_OK;
    }
    if (status != WR_OK && shared->failure.status == WR_OK) {
        if (err)
            shared->failure = *err;
        shared->failure.status = status;
    }
    wr_cond_broadcast(&shared->moved);
    return status;
}

/* Under the mutex, before waiting for anybody. */
static wr_status check_end(sink_shared *shared, const wr_exec *exec, uint64_t morsel, wr_error *err)
{
    if (shared->failure.status != WR_OK) {
        if (err)
            *err = shared->failure;
        return shared->failure.status;
    }
    return wr_sink_output_is_done(&shared->output) || !wr_exec_wants(exec, morsel)
               ? WR_RAISE(err, WR_CANCELLED, "cancelled")
               : WR_OK;
}

/* ---- Turns --------------------------------------------------------------------------------------- */

/* Ordered: until the morsel is the oldest; it stays so until it ends. */
static wr_status wait_turn(sink_shared *shared, sink_local *local, uint64_t morsel, wr_exec *exec,
                           wr_error *err)
{
    bool is_turn = wr_turnstile_is_turn(&shared->turnstile, morsel);

    while (!is_turn) {
        bool helped;

        {
            WR_LOCKED(&shared->mutex);
            WR_TRY(check_end(shared, exec, morsel, err));
            WR_TRY(help(shared, local->encoder, &helped, exec, err));
        }
        if (helped)
            is_turn = wr_turnstile_is_turn(&shared->turnstile, morsel);
        else if (!wr_turnstile_pause(&shared->turnstile, morsel, exec, &is_turn))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
    }
    return WR_OK;
}

/* Unordered: until nobody fills. Under the mutex. */
static wr_status take_turn(sink_shared *shared, sink_local *local, uint64_t morsel, wr_exec *exec,
                           wr_error *err)
{
    while (shared->is_taken) {
        bool helped;

        WR_TRY(check_end(shared, exec, morsel, err));
        WR_TRY(help(shared, local->encoder, &helped, exec, err));
        if (!helped)
            wr_cond_wait_ns(&shared->moved, &shared->mutex, POLL_NS);
    }
    shared->is_taken = true;
    return WR_OK;
}

/* ---- Filling ------------------------------------------------------------------------------------- */

/* A block to fill, for whoever has the turn. */
static wr_status open_block(sink_shared *shared, sink_local *local, uint64_t morsel, wr_exec *exec,
                            wr_error *err)
{
    WR_LOCKED(&shared->mutex);
    while (!shared->filling) {
        block *b = find_block(shared, EMPTY);
        bool   helped = true;

        WR_TRY(check_end(shared, exec, morsel, err));
        if (b) {
            b->state = FILLING;
            b->number = shared->next_fill++;
            shared->filling = b;
        } else {
            WR_TRY(help(shared, local->encoder, &helped, exec, err));
        }
        if (!helped)
            wr_cond_wait_ns(&shared->moved, &shared->mutex, POLL_NS);
    }
    return WR_OK;
}

static void close_block(sink_shared *shared)
{
    {
        WR_LOCKED(&shared->mutex);
        shared->filling->state = FULL;
        shared->filling = NULL;
        wr_cond_broadcast(&shared->moved);
    }
    wr_turnstile_nudge(&shared->turnstile);
}

static wr_status fill(sink_shared *shared, sink_local *local, const wr_batch *in, wr_exec *exec,
                      wr_error *err)
{
    const wr_format_block_ops *ops = shared->output.plan->format->block_writer;
    uint32_t                   next = 0;

    while (next < wr_batch_rows(in)) {
        bool full = false;

        WR_TRY(open_block(shared, local, in->morsel, exec, err));
        WR_TRY(ops->take(&shared->request, shared->format, shared->filling->format, in, &next,
                         &full, err));
        wr_assert(full || next == wr_batch_rows(in), "a block takes what it has room for");
        if (full)
            close_block(shared);
    }
    return WR_OK;
}

static wr_status push_ordered(sink_shared *shared, sink_local *local, const wr_batch *in,
                              wr_exec *exec, wr_error *err)
{
    if (wr_batch_rows(in) > 0) {
        WR_TRY(wait_turn(shared, local, in->morsel, exec, err));
        WR_TRY(fill(shared, local, in, exec, err));
    }
    if (in->morsel_end && !wr_turnstile_end(&shared->turnstile, in->morsel, exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    return WR_OK;
}

static wr_status push_unordered(sink_shared *shared, sink_local *local, const wr_batch *in,
                                wr_exec *exec, wr_error *err)
{
    wr_status status;

    if (wr_batch_rows(in) == 0)
        return WR_OK;
    wr_mutex_lock(&shared->mutex);
    status = take_turn(shared, local, in->morsel, exec, err);
    wr_mutex_unlock(&shared->mutex);
    WR_TRY(status);
    status = fill(shared, local, in, exec, err);
    WR_LOCKED(&shared->mutex);
    shared->is_taken = false;
    wr_cond_broadcast(&shared->moved);
    return status;
}

/* ---- The operator ---------------------------------------------------------------------------------- */

static wr_status init_states(sink_shared *shared, uint32_t worker_count, wr_error *err)
{
    const wr_format_block_ops *ops = shared->output.plan->format->block_writer;

    shared->block_count = block_count(worker_count);
    shared->format = wr_bump_alloc(&shared->bump, ops->shared_bytes, err);
    shared->blocks = WR_BUMP_NEW_ARRAY(&shared->bump, block, shared->block_count, err);
    shared->encoders = WR_BUMP_NEW_ARRAY(&shared->bump, void *, worker_count, err);
    if (!shared->format || !shared->blocks || !shared->encoders)
        return WR_NO_MEMORY;
    WR_TRY(ops->shared_init(&shared->request, shared->format, &shared->bump, err));
    for (uint32_t i = 0; i < shared->block_count; i++) {
        shared->blocks[i].format = wr_bump_alloc(&shared->bump, ops->block_bytes, err);
        if (!shared->blocks[i].format)
            return WR_NO_MEMORY;
        WR_TRY(ops->block_init(&shared->request, shared->format, shared->blocks[i].format,
                               &shared->bump, err));
    }
    for (uint32_t i = 0; i < worker_count; i++) {
        shared->encoders[i] = wr_bump_alloc(&shared->bump, ops->encoder_bytes, err);
        if (!shared->encoders[i])
            return WR_NO_MEMORY;
        WR_TRY(ops->encoder_init(&shared->request, shared->encoders[i], &shared->bump, err));
    }
    return WR_OK;
}

static wr_status block_sink_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_file_sink   *plan = node->plan;
    const wr_format_block_ops *ops = plan->format->block_writer;
    sink_shared               *shared = wr_node_shared(node);

    wr_turnstile_init(&shared->turnstile, exec->morsel_first);
    wr_mutex_init(&shared->mutex);
    wr_cond_init(&shared->moved);
    wr_bump_init(&shared->bump, wr_node_lease(node));
    shared->is_ready = true;
    shared->request = *plan->request;
    if (exec->spill)
        wr_spill_scratch(exec->spill, &shared->scratch);
    shared->request.scratch = &shared->scratch;
    WR_TRY(wr_bump_reserve(&shared->bump, shared_need(plan, exec->worker_count), err));
    WR_TRY(wr_sink_output_open(&shared->output, plan, &shared->bump, err));
    if (shared->output.skip)
        return WR_OK;
    WR_TRY(init_states(shared, exec->worker_count, err));
    WR_TRY(wr_sink_output_judge(
        &shared->output, ops->begin(&shared->request, shared->format, shared->output.output, err),
        exec, err));
    atomic_fetch_add_explicit(&exec->bytes_out, shared->output.output->offset, memory_order_relaxed);
    return WR_OK;
}

static wr_status block_sink_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    sink_shared *shared = wr_node_shared(node);
    sink_local  *local = local_p;

    (void)err;
    if (!shared->output.skip)
        local->encoder =
            shared->encoders[atomic_fetch_add(&shared->encoder_next, 1) % exec->worker_count];
    return WR_OK;
}

static wr_status block_sink_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                                 wr_exec *exec, wr_error *err)
{
    const wr_plan_file_sink *plan = node->plan;
    sink_shared             *shared = wr_node_shared(node);
    wr_status                status;

    *out_flow = WR_FLOW_DONE;
    if (wr_sink_output_is_done(&shared->output))
        return WR_OK;
    status = (plan->ordered ? push_ordered : push_unordered)(shared, local, in, exec, err);
    if (atomic_load(&shared->output.is_closed)) {
        wr_error_clear(err);
        return WR_OK;
    }
    atomic_fetch_add_explicit(&exec->rows_out, wr_batch_rows(in), memory_order_relaxed);
    *out_flow = WR_FLOW_MORE;
    return status;
}

/* Encode and write what is full; what is being filled may go on in another pipeline. */
static wr_status block_sink_combine(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    sink_shared *shared = wr_node_shared(node);
    sink_local  *local = local_p;
    bool         helped = true;

    WR_LOCKED(&shared->mutex);
    while (helped && shared->failure.status == WR_OK && !wr_sink_output_is_done(&shared->output))
        WR_TRY(help(shared, local->encoder, &helped, exec, err));
    return WR_OK;
}

static void block_sink_local_close(wr_node *node, void *local)
{
    (void)node, (void)local;
}

static wr_status write_rest(sink_shared *shared, wr_exec *exec, wr_error *err)
{
    bool helped = true;

    WR_LOCKED(&shared->mutex);
    if (shared->filling)
        shared->filling->state = FULL;
    shared->filling = NULL;
    while (helped && !atomic_load(&shared->output.is_closed))
        WR_TRY(help(shared, shared->encoders[0], &helped, exec, err));
    return WR_OK;
}

static wr_status block_sink_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_file_sink *plan = node->plan;
    sink_shared             *shared = wr_node_shared(node);
    wr_output               *output = shared->output.output;
    uint64_t                 before;

    if (shared->output.skip)
        return WR_OK;
    WR_TRY(write_rest(shared, exec, err));
    if (atomic_load(&shared->output.is_closed))
        return WR_OK;
    before = output->offset;
    WR_TRY(wr_sink_output_judge(
        &shared->output,
        plan->format->block_writer->end(&shared->request, shared->format, shared->encoders[0], output,
                                        err),
        exec, err));
    atomic_fetch_add_explicit(&exec->bytes_out, output->offset - before, memory_order_relaxed);
    return atomic_load(&shared->output.is_closed)
               ? WR_OK
               : wr_sink_output_commit(&shared->output, exec, err);
}

static void block_sink_close(wr_node *node)
{
    sink_shared *shared = wr_node_shared(node);

    if (!shared->is_ready)
        return;
    wr_sink_output_close(&shared->output);
    wr_bump_release(&shared->bump);
    wr_cond_release(&shared->moved);
    wr_mutex_release(&shared->mutex);
    wr_turnstile_release(&shared->turnstile);
    shared->is_ready = false;
}

const wr_sink_ops WR_BLOCK_SINK = {
    .name = "block sink",
    .shared_bytes = sizeof(sink_shared),
    .local_bytes = sizeof(sink_local),
    .lease_min = block_sink_lease_min,
    .open = block_sink_open,
    .local_open = block_sink_local_open,
    .push = block_sink_push,
    .combine = block_sink_combine,
    .local_close = block_sink_local_close,
    .finish = block_sink_finish,
    .close = block_sink_close,
};
