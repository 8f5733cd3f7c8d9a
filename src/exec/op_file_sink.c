/* exec/op_file_sink.c — formats that write rows: encode batches in parallel, write in order.
 *
 * Each worker encodes into pages of its own.
 * Ordered: what a worker encoded goes out when its morsel is the oldest. A worker whose turn it is
 * writes whenever a page is full; the others take further pages while the lease gives some, and wait
 * when it does not or when their morsel ends. So output order is source order for any worker count.
 * Unordered: a page goes out when it is full, under a mutex. A row that is cut at a page's end must
 * not be torn apart by another worker: pieces of a batch are cut to fit by the average row so far,
 * and where that is too long the mutex is kept until the piece is done.
 *
 * Invariants
 *  1. Nothing is visible before finish commits; closing without it removes everything.
 *  2. The least is one page a worker: with it everything works, with less waiting in turn.
 *  3. Standard output whose reader went away is a quiet end: exec->output_closed, then DONE. */
#include "exec/sink_output.h"
#include "exec/turn_page.h"

enum { PIECE_ROW_BYTES = 64 }; /* first guess of a row's width */

typedef struct sink_shared {
    wr_bump      bump;
    wr_sink_output output;
    bool         is_ready;
    _Atomic uint32_t extra_pages; /* taken above one a worker                           */
    wr_turnstile turnstile;    /* ordered                                               */
    wr_mutex     mutex;        /* unordered: one worker writes                          */
    uint32_t     lead_bytes;   /* of the first row, still to be dropped                 */
} sink_shared;

typedef struct sink_local {
    wr_bump    bump;
    void      *writer;         /* the format's                        */
    wr_turn_page *first, *last;   /* what is encoded and not yet written */
    uint32_t   row_bytes;      /* average so far                      */
} sink_local;

/* ---- Memory -------------------------------------------------------------------------------------- */

static uint64_t shared_need(const wr_plan_file_sink *plan)
{
    return wr_sink_output_need(plan) + wr_sink_frame_bytes(plan->request->schema);
}

static uint64_t local_need(const wr_plan_file_sink *plan)
{
    const wr_format_writer_ops *ops = plan->format->writer;

    return ops->local_lease_min(plan->request) + ops->local_bytes + 16;
}

static uint64_t file_sink_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_file_sink *plan = plan_p;
    uint32_t                 page = exec->page_bytes;

    return wr_bump_lease_min(shared_need(plan), page) +
           worker_count * (wr_bump_lease_min(local_need(plan), page) + page);
}

/* ---- Writing ------------------------------------------------------------------------------------- */

/* Only the worker that has the turn, or the mutex. */
static wr_status write_bytes(sink_shared *shared, const void *bytes, size_t byte_count,
                             wr_exec *exec, wr_error *err)
{
    wr_output *output = shared->output.output;
    wr_status  status;

    if (byte_count == 0 || atomic_load(&shared->output.is_closed))
        return WR_OK;
    status = wr_sink_output_judge(&shared->output,
                                  output->ops->write(output, bytes, byte_count, err), exec, err);
    if (atomic_load(&shared->output.is_closed))
        wr_turnstile_close(&shared->turnstile);
    else if (status == WR_OK)
        atomic_fetch_add_explicit(&exec->bytes_out, byte_count, memory_order_relaxed);
    return status;
}

/* Bytes at the page's begin that are not written. Who comes without a turn, because the reader went away,
 * writes nothing. */
static uint32_t drop_lead(sink_shared *shared, const wr_turn_page *page)
{
    uint32_t lead;

    if (atomic_load(&shared->output.is_closed))
        return 0;
    lead = shared->lead_bytes < page->used_bytes ? shared->lead_bytes : page->used_bytes;
    if (lead > 0)
        shared->lead_bytes -= lead;
    return lead;
}

/* Write all pages of this worker and keep one, empty. */
static wr_status write_pages(wr_node *node, sink_local *local, wr_exec *exec, wr_error *err)
{
    sink_shared *shared = wr_node_shared(node);

    for (;;) {
        wr_turn_page *page = local->first;
        uint32_t      lead = drop_lead(shared, page);

        WR_TRY(write_bytes(shared, (uint8_t *)(page + 1) + lead, page->used_bytes - lead, exec, err));
        page->used_bytes = 0;
        if (!page->next)
            return WR_OK;
        local->first = page->next;
        wr_turn_page_give_extra(&shared->extra_pages, wr_node_lease(node), page);
    }
}

static wr_status wait_turn(sink_shared *shared, uint64_t morsel, wr_exec *exec, wr_error *err)
{
    if (wr_turnstile_wait(&shared->turnstile, morsel, exec) || atomic_load(&shared->output.is_closed))
        return WR_OK;
    return WR_RAISE(err, WR_CANCELLED, "cancelled");
}

static wr_bytes free_part(const sink_local *local, const wr_exec *exec)
{
    return (wr_bytes){.data = (uint8_t *)(local->last + 1),
                      .used = local->last->used_bytes,
                      .capacity = exec->page_bytes - sizeof(wr_turn_page)};
}

/* Encode from the *io_next-th row on into the last page. */
static wr_status encode(wr_node *node, sink_local *local, const wr_batch *batch, uint32_t *io_next,
                        wr_exec *exec, wr_error *err)
{
    const wr_plan_file_sink *plan = node->plan;
    wr_bytes                 bytes = free_part(local, exec);

    WR_TRY(plan->format->writer->encode(plan->request, local->writer, batch, io_next, &bytes,
                                        err));
    wr_assert(bytes.used <= bytes.capacity, "a format writes into the room it is given");
    local->last->used_bytes = (uint32_t)bytes.used;
    return WR_OK;
}

/* ---- Ordered ------------------------------------------------------------------------------------- */

/* The last page is full. */
static wr_status make_room(wr_node *node, sink_local *local, uint64_t morsel, wr_exec *exec,
                           wr_error *err)
{
    sink_shared *shared = wr_node_shared(node);
    wr_turn_page *page = NULL;

    if (!wr_turnstile_is_turn(&shared->turnstile, morsel))
        page = wr_turn_page_take_extra(&shared->extra_pages, wr_node_lease(node));
    if (page) {
        local->last->next = page;
        local->last = page;
        return WR_OK;
    }
    WR_TRY(wait_turn(shared, morsel, exec, err));
    return write_pages(node, local, exec, err);
}

static wr_status push_ordered(wr_node *node, sink_local *local, const wr_batch *in, wr_exec *exec,
                              wr_error *err)
{
    sink_shared *shared = wr_node_shared(node);
    uint32_t     next = 0, row_count = wr_batch_rows(in);

    while (next < row_count) {
        WR_TRY(encode(node, local, in, &next, exec, err));
        if (next < row_count)
            WR_TRY(make_room(node, local, in->morsel, exec, err));
    }
    if (!in->morsel_end)
        return WR_OK;
    if (local->first->used_bytes > 0) {
        WR_TRY(wait_turn(shared, in->morsel, exec, err));
        WR_TRY(write_pages(node, local, exec, err));
    }
    if (!wr_turnstile_end(&shared->turnstile, in->morsel, exec) &&
        !atomic_load(&shared->output.is_closed))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    return WR_OK;
}

/* ---- Unordered ------------------------------------------------------------------------------------- */

static wr_status write_locked(wr_node *node, sink_local *local, wr_exec *exec, wr_error *err)
{
    sink_shared *shared = wr_node_shared(node);

    WR_LOCKED(&shared->mutex);
    return write_pages(node, local, exec, err);
}

/* A row of `piece` is cut: nobody else may write until the piece is done. */
static wr_status finish_piece(wr_node *node, sink_local *local, const wr_batch *piece,
                              uint32_t next, wr_exec *exec, wr_error *err)
{
    sink_shared *shared = wr_node_shared(node);

    WR_LOCKED(&shared->mutex);
    while (next < wr_batch_rows(piece)) {
        WR_TRY(write_pages(node, local, exec, err));
        WR_TRY(encode(node, local, piece, &next, exec, err));
    }
    return write_pages(node, local, exec, err);
}

static wr_status push_unordered(wr_node *node, sink_local *local, const wr_batch *in, wr_exec *exec,
                                wr_error *err)
{
    uint32_t done = 0, row_count = wr_batch_rows(in);

    while (done < row_count) {
        wr_bytes room = free_part(local, exec);
        uint64_t fit = (room.capacity - room.used) / local->row_bytes;
        uint32_t next = 0, count = row_count - done;
        wr_batch piece = *in;

        if (fit == 0 && room.used > 0) {
            WR_TRY(write_locked(node, local, exec, err));
            continue;
        }
        if (count > fit)
            count = fit ? (uint32_t)fit : 1;
        piece.selection = wr_selection_slice(&in->selection, done, count);
        WR_TRY(encode(node, local, &piece, &next, exec, err));
        if (next < count) {
            local->row_bytes += local->row_bytes / 2;
            WR_TRY(finish_piece(node, local, &piece, next, exec, err));
        } else {
            uint32_t measured = (local->last->used_bytes - (uint32_t)room.used) / count;

            local->row_bytes = measured + measured / 8 + 1;
        }
        done += count;
    }
    return WR_OK;
}

/* ---- The operator ------------------------------------------------------------------------------------ */

/* Write what `frame` (begin or end of the format) puts out. */
static wr_status write_frame(wr_node *node,
                             wr_status (*frame)(const wr_write_request *request, wr_bytes *out,
                                                wr_error *err),
                             wr_exec *exec, wr_error *err)
{
    const wr_plan_file_sink *plan = node->plan;
    sink_shared             *shared = wr_node_shared(node);
    wr_bump_mark             mark = wr_bump_save(&shared->bump);
    wr_bytes                 bytes = {.capacity = wr_sink_frame_bytes(plan->request->schema)};

    if (!frame)
        return WR_OK;
    bytes.data = wr_bump_alloc(&shared->bump, bytes.capacity, err);
    if (!bytes.data)
        return WR_NO_MEMORY;
    WR_TRY(frame(plan->request, &bytes, err));
    WR_TRY(write_bytes(shared, bytes.data, bytes.used, exec, err));
    wr_bump_rewind(&shared->bump, mark);
    return WR_OK;
}

static wr_status file_sink_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_file_sink *plan = node->plan;
    sink_shared             *shared = wr_node_shared(node);

    wr_turnstile_init(&shared->turnstile, exec->morsel_first);
    wr_mutex_init(&shared->mutex);
    wr_bump_init(&shared->bump, wr_node_lease(node));
    shared->is_ready = true;
    WR_TRY(wr_bump_reserve(&shared->bump, shared_need(plan), err));
    WR_TRY(wr_sink_output_open(&shared->output, plan, &shared->bump, err));
    if (plan->format->writer->lead_bytes)
        shared->lead_bytes = plan->format->writer->lead_bytes(plan->request);
    return shared->output.skip ? WR_OK : write_frame(node, plan->format->writer->begin, exec, err);
}

static wr_status file_sink_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_file_sink    *plan = node->plan;
    const wr_format_writer_ops *ops = plan->format->writer;
    sink_local                 *local = local_p;

    (void)exec;
    local->row_bytes = PIECE_ROW_BYTES;
    wr_bump_init(&local->bump, wr_node_lease(node));
    local->first = local->last = wr_lease_take(wr_node_lease(node), 1);
    if (!local->first)
        return WR_RAISE(err, WR_NO_MEMORY, "no page for the output of %s", node->label);
    *local->first = (wr_turn_page){0};
    WR_TRY(wr_bump_reserve(&local->bump, local_need(plan), err));
    local->writer = wr_bump_alloc(&local->bump, ops->local_bytes, err);
    if (!local->writer)
        return WR_NO_MEMORY;
    return ops->local_init(plan->request, local->writer, &local->bump, err);
}

static wr_status file_sink_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                                wr_exec *exec, wr_error *err)
{
    const wr_plan_file_sink *plan = node->plan;
    sink_shared             *shared = wr_node_shared(node);

    *out_flow = WR_FLOW_DONE;
    if (wr_sink_output_is_done(&shared->output))
        return WR_OK;
    if (plan->ordered)
        WR_TRY(push_ordered(node, local, in, exec, err));
    else
        WR_TRY(push_unordered(node, local, in, exec, err));
    atomic_fetch_add_explicit(&exec->rows_out, wr_batch_rows(in), memory_order_relaxed);
    if (!atomic_load(&shared->output.is_closed))
        *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

static wr_status file_sink_combine(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_file_sink *plan = node->plan;
    sink_local              *local = local_p;

    if (!plan->ordered)
        return write_locked(node, local, exec, err);
    return WR_OK; /* every morsel that counts was written when it ended */
}

static void file_sink_local_close(wr_node *node, void *local_p)
{
    sink_local *local = local_p;

    while (local->first) {
        wr_turn_page *page = local->first;

        local->first = page->next;
        wr_lease_give(wr_node_lease(node), page, 1);
    }
    if (local->bump.lease)
        wr_bump_release(&local->bump);
}

static wr_status file_sink_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_file_sink *plan = node->plan;
    sink_shared             *shared = wr_node_shared(node);

    if (shared->output.skip)
        return WR_OK;
    WR_TRY(write_frame(node, plan->format->writer->end, exec, err));
    return atomic_load(&shared->output.is_closed)
               ? WR_OK
               : wr_sink_output_commit(&shared->output, exec, err);
}

static void file_sink_close(wr_node *node)
{
    sink_shared *shared = wr_node_shared(node);

    if (!shared->is_ready)
        return;
    wr_sink_output_close(&shared->output);
    wr_bump_release(&shared->bump);
    wr_mutex_release(&shared->mutex);
    wr_turnstile_release(&shared->turnstile);
    shared->is_ready = false;
}

const wr_sink_ops WR_FILE_SINK = {
    .name = "file sink",
    .shared_bytes = sizeof(sink_shared),
    .local_bytes = sizeof(sink_local),
    .lease_min = file_sink_lease_min,
    .open = file_sink_open,
    .local_open = file_sink_local_open,
    .push = file_sink_push,
    .combine = file_sink_combine,
    .local_close = file_sink_local_close,
    .finish = file_sink_finish,
    .close = file_sink_close,
};
