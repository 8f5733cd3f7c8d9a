/* exec/pipeline.c — the scheduler: steps in order, one crew of workers for all of them.
 *
 * Worker 0 is the calling thread. The threads of the others are started when a step first needs
 * them and sleep between steps. In a step each worker opens its locals, pulls from the source until
 * there is nothing more, every branch is done or work is in vain, hands what it pulled down the tree
 * (walk.c), combines, and closes its locals.
 *
 * Invariants
 *  1. A failure of morsel m counts once all earlier morsels are worked off and its operator is still
 *     wanted: what is reported, and whether anything is, does not depend on the worker count.
 *  2. From then on nothing is wanted any more (exec->morsel_limit); workers that wait are let go
 *     with WR_CANCELLED, which never wins over a real failure.
 *  3. After wr_schedule_run no node is open, no lease is open, no thread runs. */
#include "exec/pipeline_priv.h"

#include <string.h>

/* ---- One worker's part of a step --------------------------------------------------------------- */

/* A failure that is not of a morsel: in opening or combining. */
static void stop_all(wr_run *run)
{
    atomic_store(&run->exec->morsel_limit, run->exec->morsel_first);
}

static bool has_failed(const wr_run *run)
{
    return wr_exec_is_cancelled(run->exec) || atomic_load(&run->exec->morsel_limit) != UINT64_MAX;
}

static wr_status open_local(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    switch (node->role) {
    case WR_ROLE_SOURCE:
        return node->source->local_open ? node->source->local_open(node, local, exec, err) : WR_OK;
    case WR_ROLE_TRANSFORM:
        return node->transform->local_open ? node->transform->local_open(node, local, exec, err)
                                           : WR_OK;
    case WR_ROLE_SINK:
        return node->sink->local_open ? node->sink->local_open(node, local, exec, err) : WR_OK;
    }
    WR_UNREACHABLE();
}

static void close_local(wr_node *node, void *local)
{
    switch (node->role) {
    case WR_ROLE_SOURCE:
        if (node->source->local_close)
            node->source->local_close(node, local);
        return;
    case WR_ROLE_TRANSFORM:
        if (node->transform->local_close)
            node->transform->local_close(node, local);
        return;
    case WR_ROLE_SINK:
        if (node->sink->local_close)
            node->sink->local_close(node, local);
        return;
    }
}

static wr_status combine_local(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    if (node->role == WR_ROLE_TRANSFORM && node->transform->combine)
        return node->transform->combine(node, local, exec, err);
    if (node->role == WR_ROLE_SINK && node->sink->combine)
        return node->sink->combine(node, local, exec, err);
    return WR_OK;
}

/* Pull one batch into frames[0]. */
static wr_status pull_batch(wr_worker *worker, wr_flow *out_flow, wr_error *err)
{
    wr_run   *run = worker->run;
    wr_exec  *exec = run->exec;
    wr_node  *source = run->step->source;
    wr_batch *out = &worker->frames[0].out;
    uint64_t  start_ns = wr_worker_clock(worker), rows;
    wr_status status = WR_OK;

    for (uint32_t attempt = 0;; attempt++) {
        *out = (wr_batch){0};
        *out_flow = WR_FLOW_MORE;
        if (attempt == 0 && run->stress->blocked)
            *out_flow = WR_FLOW_BLOCKED;
        else
            status = source->source->pull(source, worker->locals[source->local_slot], out,
                                          out_flow, exec, err);
        if (status != WR_OK || *out_flow != WR_FLOW_BLOCKED)
            break;
        WR_TRY(wr_worker_wait_blocked(worker, attempt, err));
    }
    if (status == WR_OK && *out_flow == WR_FLOW_DONE)
        return WR_OK;
    out->morsel += exec->morsel_first;
    wr_assert(!worker->in_morsel || out->morsel == worker->morsel,
              "a source ends a morsel before the worker gets another one");
    worker->in_morsel = true;
    worker->morsel = out->morsel;
    if (out->morsel >= worker->morsels_end)
        worker->morsels_end = out->morsel + 1;
    if (status != WR_OK) {
        *out_flow = WR_FLOW_DONE;
        return wr_worker_confirm_failure(worker, source, status, err);
    }
    rows = wr_batch_rows(out);
    wr_worker_count(worker, source, start_ns, 0, rows);
    if (!wr_node_is_reader(source))
        atomic_fetch_add_explicit(&exec->rows_in, rows, memory_order_relaxed);
    return WR_OK;
}

/* Hand frames[0].out down; in the stress mode in pieces of a few rows. */
static wr_status push_batch(wr_worker *worker, wr_error *err)
{
    wr_batch whole = worker->frames[0].out, *out = &worker->frames[0].out;
    uint32_t rows = wr_batch_rows(&whole), piece = worker->run->stress->batch_rows;

    if (piece == 0 || rows <= piece)
        return wr_worker_push(worker, err);
    for (uint32_t first = 0; first < rows; first += piece) {
        uint32_t count = rows - first < piece ? rows - first : piece;

        out->selection = wr_selection_slice(&whole.selection, first, count);
        out->morsel_end = whole.morsel_end && first + count == rows;
        WR_TRY(wr_worker_push(worker, err));
        if (wr_node_is_done(worker->frames[0].node))
            break;
    }
    return WR_OK;
}

/* The worker has nothing more to do for its morsel. False if nothing is wanted any more. */
static bool end_morsel(wr_worker *worker)
{
    wr_run *run = worker->run;

    if (!worker->in_morsel)
        return true;
    worker->in_morsel = false;
    return wr_turnstile_end(&run->order, worker->morsel, run->exec);
}

static wr_status pump(wr_worker *worker, wr_error *err)
{
    wr_run  *run = worker->run;
    wr_node *source = run->step->source;

    while (!wr_node_is_done(source) && !wr_exec_is_cancelled(run->exec)) {
        const wr_batch *out = &worker->frames[0].out;
        bool            is_end;
        wr_flow         flow;

        WR_TRY(pull_batch(worker, &flow, err));
        if (flow == WR_FLOW_DONE || !wr_exec_wants(run->exec, worker->morsel))
            break;
        is_end = out->morsel_end;
        if (wr_batch_rows(out) > 0 || is_end)
            WR_TRY(push_batch(worker, err));
        if (is_end && !end_morsel(worker))
            break;
    }
    end_morsel(worker);
    return WR_OK;
}

/* Wait for the other workers of this round. */
static void meet(wr_run *run)
{
    WR_LOCKED(&run->mutex);
    run->met_count++;
    if (run->met_count == run->called_count)
        wr_cond_broadcast(&run->begin);
    while (run->met_count < run->called_count)
        wr_cond_wait(&run->begin, &run->mutex);
}

static void run_worker(wr_worker *worker)
{
    const wr_step *step = worker->run->step;
    wr_exec       *exec = worker->run->exec;
    wr_status      status = WR_OK;
    bool           in_pump = false;
    uint32_t       opened = 0;

    memset(worker->frames, 0, ((size_t)step->node_count + 1) * sizeof worker->frames[0]);
    worker->frames[0].node = step->source;
    worker->morsel = worker->morsels_end = exec->morsel_first;
    worker->in_morsel = false;
    wr_error_clear(&worker->error);
    while (status == WR_OK && opened < step->node_count) {
        wr_node *node = step->nodes[opened++];
        void    *local = worker->locals[node->local_slot];

        memset(local, 0, worker->run->slot_bytes[node->local_slot]);
        status = open_local(node, local, exec, &worker->error);
    }
    if (status != WR_OK)
        stop_all(worker->run);
    meet(worker->run); /* what a worker takes beyond its min must not be another's min */
    if (status == WR_OK && !has_failed(worker->run)) {
        status = pump(worker, &worker->error);
        in_pump = status != WR_OK;
    }
    for (uint32_t i = 0; status == WR_OK && !has_failed(worker->run) && i < step->node_count; i++)
        status = combine_local(step->nodes[i], worker->locals[step->nodes[i]->local_slot], exec,
                               &worker->error);
    for (uint32_t i = opened; i-- > 0;)
        close_local(step->nodes[i], worker->locals[step->nodes[i]->local_slot]);
    worker->status = status;
    if (status != WR_OK && !in_pump)
        stop_all(worker->run);
}

/* ---- The crew ---------------------------------------------------------------------------------- */

static void run_thread(void *self)
{
    wr_worker *worker = self;
    wr_run    *run = worker->run;
    uint64_t   seen = 0;

    wr_mutex_lock(&run->mutex);
    for (;;) {
        while (!run->leave && run->round == seen)
            wr_cond_wait(&run->begin, &run->mutex);
        if (run->leave)
            break;
        seen = run->round;
        if (worker->index >= run->called_count)
            continue;
        wr_mutex_unlock(&run->mutex);
        run_worker(worker);
        wr_mutex_lock(&run->mutex);
        if (--run->busy_count == 0)
            wr_cond_broadcast(&run->end);
    }
    wr_mutex_unlock(&run->mutex);
}

/* Start threads up to `worker_count` workers in all; fewer if the system refuses. */
static void raise_crew(wr_run *run, uint32_t worker_count)
{
    while (run->thread_count + 1 < worker_count) {
        wr_worker *worker = &run->workers[run->thread_count + 1];

        if (wr_thread_start(&worker->thread, run_thread, worker, NULL) != WR_OK)
            return;
        run->thread_count++;
    }
}

static void run_crew(wr_run *run, uint32_t worker_count)
{
    wr_mutex_lock(&run->mutex);
    run->called_count = worker_count;
    run->busy_count = worker_count - 1;
    run->met_count = 0;
    run->round++;
    wr_cond_broadcast(&run->begin);
    wr_mutex_unlock(&run->mutex);

    run_worker(&run->workers[0]);

    wr_mutex_lock(&run->mutex);
    while (run->busy_count > 0)
        wr_cond_wait(&run->end, &run->mutex);
    wr_mutex_unlock(&run->mutex);
}

static void dismiss_crew(wr_run *run)
{
    wr_mutex_lock(&run->mutex);
    run->leave = true;
    wr_cond_broadcast(&run->begin);
    wr_mutex_unlock(&run->mutex);
    for (uint32_t i = 1; i <= run->thread_count; i++)
        wr_thread_join(run->workers[i].thread);
    wr_cond_release(&run->end);
    wr_cond_release(&run->begin);
    wr_mutex_release(&run->mutex);
}

/* The worker whose failure counts: a real one goes before cancellations. */
static const wr_worker *find_failure(const wr_run *run, uint32_t worker_count)
{
    const wr_worker *found = NULL;

    for (uint32_t i = 0; i < worker_count; i++) {
        const wr_worker *worker = &run->workers[i];

        if (worker->status != WR_OK && (!found || found->status == WR_CANCELLED))
            found = worker;
    }
    return found;
}

/* ---- Steps --------------------------------------------------------------------------------------- */

static wr_status open_node(wr_node *node, wr_exec *exec, wr_error *err)
{
    if (node->is_open)
        return WR_OK;
    node->is_open = true;
    switch (node->role) {
    case WR_ROLE_SOURCE:
        return node->source->open ? node->source->open(node, exec, err) : WR_OK;
    case WR_ROLE_TRANSFORM:
        return node->transform->open ? node->transform->open(node, exec, err) : WR_OK;
    case WR_ROLE_SINK:
        return node->sink->open ? node->sink->open(node, exec, err) : WR_OK;
    }
    WR_UNREACHABLE();
}

static void close_node(wr_node *node)
{
    if (node->is_open) {
        node->is_open = false;
        if (node->role == WR_ROLE_SOURCE && node->source->close)
            node->source->close(node);
        if (node->role == WR_ROLE_TRANSFORM && node->transform->close)
            node->transform->close(node);
        if (node->role == WR_ROLE_SINK && node->sink->close)
            node->sink->close(node);
    }
    if (!node->state)
        wr_lease_close(&node->lease);
}

static wr_status run_workers(wr_run *run, wr_error *err)
{
    wr_exec         *exec = run->exec;
    uint32_t         count = run->step->worker_count;
    const wr_worker *failed;

    wr_assert(count >= 1 && count <= run->worker_count, "a step has workers, at most exec's");
    raise_crew(run, count);
    if (count > run->thread_count + 1)
        count = run->thread_count + 1;
    wr_turnstile_init(&run->order, exec->morsel_first);
    run_crew(run, count);
    wr_turnstile_release(&run->order);
    failed = find_failure(run, count);
    if (failed && failed->status != WR_CANCELLED) {
        if (err)
            *err = failed->error;
        return failed->status;
    }
    if (failed || wr_exec_is_cancelled(exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    for (uint32_t i = 0; i < count; i++)
        if (run->workers[i].morsels_end > exec->morsel_first)
            exec->morsel_first = run->workers[i].morsels_end;
    return WR_OK;
}

static wr_status finish_step(wr_run *run, wr_error *err)
{
    const wr_step *step = run->step;

    if (step->source->source->finish)
        WR_TRY(step->source->source->finish(step->source, run->exec, err));
    for (uint32_t i = 0; i < step->finish_count; i++) {
        wr_node *sink = step->finish[i];

        if (sink->sink->finish)
            WR_TRY(sink->sink->finish(sink, run->exec, err));
        sink->is_finished = true;
    }
    for (uint32_t i = 0; i < step->release_count; i++)
        close_node(step->release[i]);
    return WR_OK;
}

static wr_status run_step(wr_run *run, uint32_t step_index, wr_error *err)
{
    wr_exec *exec = run->exec;

    run->step = &run->schedule->steps[step_index];
    atomic_store(&exec->morsel_limit, UINT64_MAX);
    if (wr_exec_is_cancelled(exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    WR_TRY(wr_run_grant(run, step_index, err));
    for (uint32_t i = 0; i < run->step->node_count; i++)
        WR_TRY(open_node(run->step->nodes[i], exec, err));
    for (uint32_t i = run->step->node_count; i-- > 0;)
        wr_node_settle_done(run->step->nodes[i]);
    WR_TRY(run_workers(run, err));
    return finish_step(run, err);
}

/* ---- The run --------------------------------------------------------------------------------------- */

static size_t shared_bytes(const wr_node *node)
{
    switch (node->role) {
    case WR_ROLE_SOURCE:
        return node->source->shared_bytes;
    case WR_ROLE_TRANSFORM:
        return node->transform->shared_bytes;
    case WR_ROLE_SINK:
        return node->sink->shared_bytes;
    }
    WR_UNREACHABLE();
}

static size_t local_bytes(const wr_node *node)
{
    switch (node->role) {
    case WR_ROLE_SOURCE:
        return node->source->local_bytes;
    case WR_ROLE_TRANSFORM:
        return node->transform->local_bytes;
    case WR_ROLE_SINK:
        return node->sink->local_bytes;
    }
    WR_UNREACHABLE();
}

static wr_status new_locals(wr_run *run, wr_worker *worker, wr_bump *bump, wr_error *err)
{
    uint32_t slot_count = run->schedule->local_slot_count;

    worker->locals = WR_BUMP_NEW_ARRAY(bump, void *, slot_count, err);
    if (!worker->locals)
        return WR_NO_MEMORY;
    for (uint32_t slot = 0; slot < slot_count; slot++) {
        wr_local_head *head = wr_bump_alloc(bump, sizeof *head + run->slot_bytes[slot], err);

        if (!head)
            return WR_NO_MEMORY;
        head->worker = worker;
        worker->locals[slot] = head + 1;
    }
    return WR_OK;
}

/* Everything that lives as long as the run: shared blocks, workers, locals, frames. */
static wr_status prepare(wr_run *run, wr_bump *bump, wr_error *err)
{
    wr_schedule *schedule = run->schedule;
    uint32_t     frame_count = 2;

    for (uint32_t s = 0; s < schedule->step_count; s++) {
        if (schedule->steps[s].worker_count > run->worker_count)
            run->worker_count = schedule->steps[s].worker_count;
        if (schedule->steps[s].node_count + 1 > frame_count)
            frame_count = schedule->steps[s].node_count + 1;
    }
    run->slot_bytes = WR_BUMP_NEW_ARRAY(bump, uint32_t, schedule->local_slot_count, err);
    run->workers = WR_BUMP_NEW_ARRAY(bump, wr_worker, run->worker_count, err);
    if (!run->slot_bytes || !run->workers)
        return WR_NO_MEMORY;
    WR_TRY(wr_run_grant_init(run, bump, err));
    for (uint32_t i = 0; i < schedule->all_node_count; i++) {
        wr_node  *node = schedule->all_nodes[i];
        uint32_t *bytes = &run->slot_bytes[node->local_slot];

        wr_assert(node->local_slot < schedule->local_slot_count, "a local has a slot");
        if (local_bytes(node) > *bytes)
            *bytes = (uint32_t)local_bytes(node);
        node->shared = node->state ? NULL : wr_bump_alloc(bump, shared_bytes(node), err);
        if (!node->state && !node->shared)
            return WR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < run->worker_count; i++) {
        run->workers[i].run = run;
        run->workers[i].index = i;
        run->workers[i].frames = WR_BUMP_NEW_ARRAY(bump, wr_frame, frame_count, err);
        if (!run->workers[i].frames)
            return WR_NO_MEMORY;
        WR_TRY(new_locals(run, &run->workers[i], bump, err));
    }
    return WR_OK;
}

wr_status wr_schedule_run(wr_schedule *schedule, wr_exec *exec, wr_bump *bump,
                          _Atomic uint32_t *out_step, wr_error *err)
{
    wr_run    run = {.schedule = schedule, .exec = exec, .stress = wr_stress_get()};
    wr_status status;

    wr_mutex_init(&run.mutex);
    wr_cond_init(&run.begin);
    wr_cond_init(&run.end);
    exec->morsel_first = 0;
    status = prepare(&run, bump, err);
    for (uint32_t s = 0; status == WR_OK && s < schedule->step_count; s++) {
        if (out_step)
            atomic_store(out_step, s);
        status = run_step(&run, s, err);
        if (status != WR_OK)
            wr_error_while(err, "running %s", schedule->steps[s].label);
    }
    dismiss_crew(&run);
    for (int is_state = 0; is_state <= 1; is_state++) /* read sides go before what they read */
        for (uint32_t i = 0; i < schedule->all_node_count; i++)
            if (wr_node_is_reader(schedule->all_nodes[i]) != is_state)
                close_node(schedule->all_nodes[i]);
    return status;
}

/* ---- Slices of selections ------------------------------------------------------------------------ */

wr_selection wr_selection_slice(const wr_selection *selection, uint32_t first, uint32_t count)
{
#define R4(n)   (n), (n) + 1, (n) + 2, (n) + 3
#define R16(n)  R4(n), R4((n) + 4), R4((n) + 8), R4((n) + 12)
#define R64(n)  R16(n), R16((n) + 16), R16((n) + 32), R16((n) + 48)
#define R256(n) R64(n), R64((n) + 64), R64((n) + 128), R64((n) + 192)
    static const uint16_t identity[] = {R256(0), R256(256), R256(512), R256(768)};
    _Static_assert(sizeof identity / sizeof identity[0] == WR_BATCH_ROWS_MAX, "every row of a batch");
#undef R256
#undef R64
#undef R16
#undef R4

    if (first == 0 && count == selection->row_count)
        return *selection;
    return (wr_selection){(selection->rows ? selection->rows : identity) + first, count};
}
