/* exec/walk.c — one worker hands one batch down the tree of a pipeline.
 *
 * The way down is a stack of frames, one per operator whose output is being handed out. The top
 * frame serves its children in turn: a sink takes the batch, a transform's output opens a frame of
 * its own. When a frame has served all children it is left; if its operator said AGAIN it is called
 * again with the same input, else its parent goes on to the next child.
 *
 * Invariants
 *  1. A node that is done gets no more calls; a node is done when it said so or all its children are.
 *  2. What fails at a later morsel than the one at which its operator was done did not happen.
 *  3. The mark morsel_end goes down with the last output for the batch that carried it; a branch
 *     that says DONE ends its morsel at once.
 * Cost: one indirect call and two relaxed atomic adds per batch and operator. */
#include "exec/pipeline_priv.h"

#include "os/clock.h"

wr_status wr_worker_wait_blocked(wr_worker *worker, uint32_t attempt, wr_error *err)
{
    wr_run *run = worker->run;

    if (!wr_exec_wants(run->exec, worker->morsel))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    if (attempt > 0) {
        uint64_t wait_ns = (uint64_t)1000 << (attempt < 10 ? attempt : 10);

        WR_LOCKED(&run->mutex);
        wr_cond_wait_ns(&run->end, &run->mutex, wait_ns);
    }
    return WR_OK;
}

uint64_t wr_worker_clock(const wr_worker *worker)
{
    return worker->run->exec->measure_time ? wr_clock_monotonic_ns() : 0;
}

void wr_worker_count(const wr_worker *worker, wr_node *node, uint64_t start_ns, uint64_t rows_in,
                     uint64_t rows_out)
{
    if (rows_in)
        atomic_fetch_add_explicit(&node->rows_in, rows_in, memory_order_relaxed);
    if (rows_out)
        atomic_fetch_add_explicit(&node->rows_out, rows_out, memory_order_relaxed);
    if (worker->run->exec->measure_time)
        atomic_fetch_add_explicit(&node->busy_ns, wr_clock_monotonic_ns() - start_ns,
                                  memory_order_relaxed);
}

wr_status wr_worker_confirm_failure(wr_worker *worker, const wr_node *node, wr_status status,
                                    wr_error *err)
{
    wr_run *run = worker->run;

    if (status == WR_CANCELLED || !wr_turnstile_wait(&run->order, worker->morsel, run->exec))
        return WR_CANCELLED;
    if (wr_node_is_done(node)) {
        wr_error_clear(err);
        return WR_OK;
    }
    atomic_store(&run->exec->morsel_limit, worker->morsel);
    return status;
}

static void mark_done(wr_node *node)
{
    atomic_store_explicit(&node->is_done, true, memory_order_relaxed);
}

static wr_status push_sink(wr_worker *worker, wr_node *sink, const wr_batch *in, wr_error *err)
{
    wr_run  *run = worker->run;
    uint64_t start_ns = wr_worker_clock(worker);
    wr_flow  flow;

    for (uint32_t attempt = 0;; attempt++) {
        wr_status status = WR_OK;

        flow = WR_FLOW_MORE;
        if (attempt == 0 && run->stress->blocked)
            flow = WR_FLOW_BLOCKED;
        else
            status = sink->sink->push(sink, worker->locals[sink->local_slot], in, &flow,
                                      run->exec, err);
        if (status != WR_OK)
            return wr_worker_confirm_failure(worker, sink, status, err);
        if (flow != WR_FLOW_BLOCKED)
            break;
        WR_TRY(wr_worker_wait_blocked(worker, attempt, err));
    }
    wr_worker_count(worker, sink, start_ns, wr_batch_rows(in), 0);
    if (flow == WR_FLOW_DONE)
        mark_done(sink);
    return WR_OK;
}

/* Call the transform below `top`. Opens a frame for its output, or steps on if there is none. */
static wr_status apply_transform(wr_worker *worker, wr_frame *top, wr_node *node, wr_error *err)
{
    wr_run   *run = worker->run;
    wr_frame *frame = &worker->frames[worker->depth];
    wr_batch *in = &top->out;
    bool      first = !frame->again;
    wr_flow   flow = WR_FLOW_MORE;
    uint64_t  start_ns = wr_worker_clock(worker);
    wr_status status;

    *frame = (wr_frame){.node = node};
    frame->out.morsel = in->morsel;
    frame->out.position = in->position;
    if (!node->transform->makes_rows)
        frame->out.positions = in->positions;
    status = node->transform->apply(node, worker->locals[node->local_slot], in, &frame->out, &flow,
                                    run->exec, err);
    if (status != WR_OK)
        return wr_worker_confirm_failure(worker, node, status, err);
    wr_worker_count(worker, node, start_ns, first ? wr_batch_rows(in) : 0,
                    wr_batch_rows(&frame->out));
    frame->again = flow == WR_FLOW_AGAIN;
    frame->out.morsel = in->morsel;
    frame->out.morsel_end = flow == WR_FLOW_DONE || (in->morsel_end && !frame->again);
    if (flow == WR_FLOW_DONE)
        mark_done(node);
    if (wr_batch_rows(&frame->out) > 0 || frame->out.morsel_end)
        worker->depth++;
    else if (!frame->again)
        top->next_child++;
    return WR_OK;
}

void wr_node_settle_done(wr_node *node)
{
    bool done = node->role != WR_ROLE_SINK;

    for (uint32_t i = 0; i < node->next_count; i++)
        done &= wr_node_is_done(node->next[i]);
    if (done)
        mark_done(node);
}

/* All children of the top frame are served. */
static void leave_frame(wr_worker *worker)
{
    wr_frame *frame = &worker->frames[--worker->depth];

    wr_node_settle_done(frame->node);
    if (worker->depth > 0 && !frame->again)
        worker->frames[worker->depth - 1].next_child++;
}

wr_status wr_worker_push(wr_worker *worker, wr_error *err)
{
    const wr_exec *exec = worker->run->exec;

    worker->frames[0].next_child = 0;
    worker->depth = 1;
    while (worker->depth > 0) {
        wr_frame *top = &worker->frames[worker->depth - 1];
        wr_node  *child;

        if (!wr_exec_wants(exec, worker->morsel))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        if (top->next_child == top->node->next_count) {
            leave_frame(worker);
            continue;
        }
        child = top->node->next[top->next_child];
        if (wr_node_is_done(child)) {
            worker->frames[worker->depth].again = false;
            top->next_child++;
        } else if (child->role == WR_ROLE_SINK) {
            WR_TRY(push_sink(worker, child, &top->out, err));
            top->next_child++;
        } else {
            WR_TRY(apply_transform(worker, top, child, err));
        }
    }
    return WR_OK;
}

void wr_local_describe_row(const void *local, uint32_t row, wr_error *err)
{
    wr_worker *worker = ((const wr_local_head *)local)[-1].worker;
    wr_node   *source = worker->frames[0].node;

    for (uint32_t i = 1; i < worker->depth; i++)
        if (worker->frames[i].node->transform->makes_rows)
            return;
    if (source->source->describe_row)
        source->source->describe_row(source, worker->locals[source->local_slot], row, err);
}
