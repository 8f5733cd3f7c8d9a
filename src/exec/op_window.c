/* exec/op_window.c — window: a sink that sorts by partition and order, a source that walks the rows.
 *
 * One worker reads (the others are done at once): every row depends on those before it. Sorting and
 * whatever follows in later steps use all workers.
 * Memory: making and at rest that of the sorter (exec/sorter.h). Reading: the sorter's, and a page for
 * each cursor (one; a frame two, three if it slides; a point one), two for the tape, the states of the
 * frames (512 a sliding one), the vectors of a batch. More makes the tape spill later. */
#include "base/bits.h"
#include "exec/window_priv.h"

typedef struct window_shared {
    wr_sorter   sorter;
    window_run  run;
    atomic_bool is_taken; /* a worker reads */
} window_shared;

typedef struct window_local {
    wr_sorter_worker worker;
} window_local;

typedef struct window_read_local {
    bool reads;
} window_read_local;

static wr_sorter_plan sorter_plan_of(const wr_plan_window *plan)
{
    return (wr_sorter_plan){
        .types = plan->types,
        .column_count = plan->column_count,
        .keys = plan->keys,
        .key_count = plan->key_count,
        .output_count = plan->kept_count,
        .rows_max = UINT64_MAX,
    };
}

/* ---- Sorting --------------------------------------------------------------------------------- */

static uint64_t window_lease_min(const void *plan, const wr_exec *exec, uint32_t worker_count)
{
    wr_sorter_plan sorter_plan = sorter_plan_of(plan);

    return wr_sorter_lease_min(&sorter_plan, exec, worker_count);
}

static uint64_t window_resident_min(const void *plan, const wr_exec *exec)
{
    wr_sorter_plan sorter_plan = sorter_plan_of(plan);

    return wr_sorter_resident_min(&sorter_plan, exec);
}

static wr_status window_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);
    wr_sorter_plan plan = sorter_plan_of(node->plan);

    return wr_sorter_init(&shared->sorter, &plan, exec, wr_node_lease(node), err);
}

static wr_status window_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_worker_open(&((window_local *)local)->worker, &shared->sorter, err);
}

static wr_status window_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                             wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    *out_flow = WR_FLOW_MORE;
    return wr_sorter_add(&((window_local *)local)->worker, in, err);
}

static wr_status window_combine(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    (void)node, (void)exec;
    return wr_sorter_combine(&((window_local *)local)->worker, err);
}

static void window_local_close(wr_node *node, void *local)
{
    (void)node;
    wr_sorter_worker_close(&((window_local *)local)->worker);
}

static wr_status window_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_finish(&shared->sorter, err);
}

static wr_status window_reclaim(wr_node *node, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);

    (void)exec;
    return wr_sorter_reclaim(&shared->sorter, err);
}

static void window_close(wr_node *node)
{
    window_shared *shared = wr_node_shared(node);

    wr_sorter_release(&shared->sorter);
}

const wr_sink_ops WR_WINDOW = {
    .name = "window",
    .shared_bytes = sizeof(window_shared),
    .local_bytes = sizeof(window_local),
    .lease_min = window_lease_min,
    .resident_min = window_resident_min,
    .open = window_open,
    .local_open = window_local_open,
    .push = window_push,
    .combine = window_combine,
    .local_close = window_local_close,
    .finish = window_finish,
    .reclaim = window_reclaim,
    .close = window_close,
};

/* ---- Reading: memory -------------------------------------------------------------------------- */

static bool slides(const wr_window_frame *frame)
{
    return frame->frame.start.units != WR_FRAME_UNBOUNDED;
}

static bool reads_again(const wr_window_frame *frame)
{
    return slides(frame) && frame->aggs.agg_count > 0;
}

/* Does a point that ignores nulls walk ahead? */
static bool walks_ahead(const wr_plan_window *plan, const wr_window_point *point)
{
    return point->nulls != WR_FIELD_NONE &&
           (point->kind == WR_WINDOW_LAST_VALUE ||
            (point->kind == WR_WINDOW_NTH_VALUE && slides(&plan->frames[point->frame])));
}

static uint32_t cursor_count(const wr_plan_window *plan)
{
    uint32_t count = 1 + plan->point_count;

    for (uint32_t i = 0; i < plan->point_count; i++)
        count += walks_ahead(plan, &plan->points[i]);
    for (uint32_t i = 0; i < plan->frame_count; i++)
        count += 1 + slides(&plan->frames[i]) + reads_again(&plan->frames[i]);
    return count;
}

static uint32_t tape_page_bytes(const wr_plan_window *plan, const wr_exec *exec)
{
    return wr_row_page_bytes(wr_row_bytes_least(plan->types, plan->kept_count, sizeof(uint64_t)),
                             exec->page_bytes);
}

static uint32_t text_functions(const wr_plan_window *plan)
{
    uint32_t count = 0;

    for (uint32_t f = 0; f < plan->function_count; f++)
        count += wr_type_physical(plan->functions[f].type) == WR_PHYS_STR;
    return count;
}

/* Long values of one row; a batch has room for as many rows again as fit a page. */
static uint32_t text_row_bytes(const wr_plan_window *plan, const wr_exec *exec)
{
    return text_functions(plan) * wr_row_bytes_max(tape_page_bytes(plan, exec));
}

static uint32_t text_bytes(const wr_plan_window *plan, const wr_exec *exec)
{
    uint32_t row_bytes = text_row_bytes(plan, exec);

    return row_bytes ? row_bytes + exec->page_bytes : 0;
}

static bool is_argument(const wr_plan_window *plan, uint32_t column)
{
    for (uint32_t i = 0; i < plan->frame_count; i++)
        for (uint32_t a = 0; a < plan->frames[i].aggs.agg_count; a++) {
            const wr_agg *agg = &plan->frames[i].aggs.aggs[a];

            if (agg->argument == column || agg->order == column || agg->filter == column)
                return true;
        }
    return false;
}

static uint64_t state_bytes(const wr_window_frame *frame)
{
    uint64_t count = 2 + (slides(frame) ? WR_SLIDE_LEVELS * WR_SLIDE_SLOTS : 0);

    return frame->aggs.agg_count ? count * wr_agg_layout_bytes(&frame->aggs) : 0;
}

/* What comes out of the bump, each request rounded up. */
static uint64_t bump_bytes(const wr_plan_window *plan, const wr_exec *exec)
{
    enum { ROUNDING = 32 };
    uint32_t columns = plan->output_count + plan->function_count;
    uint64_t bytes = 0;

    bytes += wr_row_layout_bytes(plan->kept_count) + 8 * ROUNDING;
    bytes += WR_BATCH_ROWS_MAX * (2 * sizeof(void *) + sizeof(uint16_t) + sizeof(uint32_t));
    bytes += (plan->kept_count + 1 + columns) * sizeof(wr_vector) + 2 * ROUNDING;
    bytes += WR_BATCH_ROWS_MAX * 16 + WR_BATCH_ROWS_MAX / 8 + ROUNDING;
    bytes += plan->function_count * sizeof(uint64_t) + text_bytes(plan, exec) + 2 * ROUNDING;
    bytes += plan->point_count * sizeof(count_run) + ROUNDING;
    bytes += cursor_count(plan) *
             (sizeof(wr_tape_cursor) + tape_page_bytes(plan, exec) + ROUNDING);
    for (uint32_t c = 0; c < plan->output_count; c++)
        bytes += wr_vector_bytes(plan->types[plan->outputs[c]]) + ROUNDING;
    for (uint32_t f = 0; f < plan->function_count; f++)
        bytes += wr_vector_bytes(plan->functions[f].type) + ROUNDING;
    for (uint32_t c = 0; c < plan->kept_count; c++)
        bytes += is_argument(plan, c) ? wr_vector_bytes(plan->types[c]) + ROUNDING : 0;
    for (uint32_t i = 0; i < plan->frame_count; i++)
        bytes += sizeof(frame_run) + state_bytes(&plan->frames[i]) +
                 (plan->frames[i].aggs.agg_count + 1) * sizeof(wr_agg_slot) +
                 (WR_SLIDE_LEVELS + 4) * ROUNDING;
    return bytes;
}

static uint64_t run_bytes(const wr_plan_window *plan, const wr_exec *exec)
{
    uint64_t bytes = wr_bump_lease_min(bump_bytes(plan, exec), exec->page_bytes) +
                     wr_row_tape_lease_min(tape_page_bytes(plan, exec));

    for (uint32_t i = 0; i < plan->frame_count; i++)
        bytes += plan->frames[i].aggs.agg_count
                     ? wr_bump_lease_min(WR_FRAME_HEAP_BYTES, exec->page_bytes)
                     : 0;
    return bytes;
}

/* The sorter makes room for as many readers as there are workers, whatever the step's count is. */
static uint64_t window_read_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_window *plan = plan_p;
    wr_sorter_plan        sorter_plan = sorter_plan_of(plan);

    (void)worker_count;
    return wr_sorter_read_lease_min(&sorter_plan, exec, exec->worker_count) + run_bytes(plan, exec);
}

/* ---- Reading: open ----------------------------------------------------------------------------- */

static wr_status fill_tape(void *context, wr_error *err)
{
    window_run *run = context;
    wr_batch    batch = {0};
    wr_flow     flow;

    if (wr_exec_is_cancelled(run->exec))
        return WR_RAISE(err, WR_CANCELLED, "cancelled");
    WR_TRY(wr_sorter_read(&run->reader, &batch, &flow, err));
    if (flow == WR_FLOW_DONE) {
        run->tape.is_complete = true;
        return WR_OK;
    }
    return wr_row_tape_append(&run->tape, batch.columns, batch.row_count, run->sizes,
                              run->exec->spill, err);
}

static wr_status make_states(window_run *run, frame_run *frame, wr_error *err)
{
    wr_bump *bump = &run->bump;
    uint32_t bytes;

    WR_TRY(wr_agg_layout_init(&frame->aggs, &frame->plan->aggs, bump, err));
    bytes = frame->aggs.bytes;
    frame->back = wr_bump_alloc(bump, bytes, err);
    frame->result = wr_bump_alloc(bump, bytes, err);
    if (!frame->back || !frame->result)
        return WR_NO_MEMORY;
    for (uint32_t d = 0; slides(frame->plan) && d < WR_SLIDE_LEVELS; d++) {
        frame->levels[d].states = wr_bump_alloc_array(bump, bytes, WR_SLIDE_SLOTS, err);
        if (!frame->levels[d].states)
            return WR_NO_MEMORY;
    }
    wr_bump_init(&frame->heap, run->lease);
    frame->memory = (wr_agg_memory){.spill = run->exec->spill};
    if (!frame->aggs.has_values)
        return WR_OK;
    frame->memory.heap = &frame->heap;
    return wr_bump_reserve(&frame->heap, WR_FRAME_HEAP_BYTES, err);
}

static wr_status make_frames(window_run *run, wr_tape_cursor *cursors, wr_error *err)
{
    const wr_plan_window *plan = run->plan;

    run->frames = WR_BUMP_NEW_ARRAY(&run->bump, frame_run, plan->frame_count + 1, err);
    run->counts = WR_BUMP_NEW_ARRAY(&run->bump, count_run, plan->point_count, err);
    if (!run->frames || !run->counts)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < plan->point_count; i++)
        run->counts[i].ahead = walks_ahead(plan, &plan->points[i]) ? cursors++ : NULL;
    for (uint32_t i = 0; i < plan->frame_count; i++) {
        frame_run *frame = &run->frames[i];

        frame->plan = &plan->frames[i];
        frame->end = cursors++;
        frame->start = slides(frame->plan) ? cursors++ : NULL;
        frame->again = reads_again(frame->plan) ? cursors++ : NULL;
        if (frame->again)
            frame->again->is_pinned = true;
        if (frame->plan->aggs.agg_count > 0)
            WR_TRY(make_states(run, frame, err));
    }
    return WR_OK;
}

static wr_status make_tape(window_run *run, wr_error *err)
{
    const wr_plan_window *plan = run->plan;
    uint32_t              page_bytes = tape_page_bytes(plan, run->exec), flags_offset;
    wr_row_tape          *tape = &run->tape;

    WR_TRY(wr_row_layout_init(&run->layout, plan->types, plan->kept_count, sizeof(uint64_t),
                              &flags_offset, wr_row_bytes_max(page_bytes), &run->bump, err));
    *tape = (wr_row_tape){
        .layout = &run->layout,
        .flags_offset = flags_offset,
        .partition_count = plan->partition_count,
        .key_count = plan->partition_count + plan->order_count,
        .lease = run->lease,
        .page_bytes = page_bytes,
        .cursor_count = cursor_count(plan),
        .fill = fill_tape,
        .context = run,
    };
    tape->cursors = WR_BUMP_NEW_ARRAY(&run->bump, wr_tape_cursor, tape->cursor_count, err);
    if (!tape->cursors)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < tape->cursor_count; c++) {
        tape->cursors[c].buffer = wr_bump_alloc(&run->bump, page_bytes, err);
        if (!tape->cursors[c].buffer)
            return WR_NO_MEMORY;
    }
    run->current = tape->cursors;
    run->points = tape->cursors + 1;
    return make_frames(run, tape->cursors + 1 + plan->point_count, err);
}

static wr_status make_vectors(window_run *run, wr_error *err)
{
    const wr_plan_window *plan = run->plan;
    wr_bump              *bump = &run->bump;
    uint32_t              columns = plan->output_count + plan->function_count;

    run->rows = WR_BUMP_NEW_ARRAY(bump, const uint8_t *, WR_BATCH_ROWS_MAX, err);
    run->states = WR_BUMP_NEW_ARRAY(bump, uint8_t *, WR_BATCH_ROWS_MAX, err);
    run->ordinals = WR_BUMP_NEW_ARRAY(bump, uint16_t, WR_BATCH_ROWS_MAX, err);
    run->sizes = WR_BUMP_NEW_ARRAY(bump, uint32_t, WR_BATCH_ROWS_MAX, err);
    run->arguments = WR_BUMP_NEW_ARRAY(bump, wr_vector, plan->kept_count + 1, err);
    run->columns = WR_BUMP_NEW_ARRAY(bump, wr_vector, columns + 1, err);
    run->cell_room = wr_bump_alloc(bump, WR_BATCH_ROWS_MAX * 16 + WR_BATCH_ROWS_MAX / 8, err);
    run->versions = WR_BUMP_NEW_ARRAY(bump, uint64_t, plan->function_count, err);
    run->text_bytes = text_bytes(plan, run->exec);
    run->text_row_bytes = text_row_bytes(plan, run->exec);
    run->text = wr_bump_alloc(bump, run->text_bytes, err);
    if (!run->rows || !run->states || !run->ordinals || !run->sizes || !run->arguments ||
        !run->columns || !run->cell_room || !run->versions || !run->text)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < WR_BATCH_ROWS_MAX; i++)
        run->ordinals[i] = (uint16_t)i;
    for (uint32_t c = 0; c < plan->kept_count; c++)
        if (is_argument(plan, c))
            WR_TRY(wr_vector_init(&run->arguments[c], plan->types[c], bump, err));
    run->arguments[plan->kept_count] = (wr_vector){
        .type = WR_TYPE(U64), .encoding = WR_SEQ, .row_count = WR_BATCH_ROWS_MAX, .seq_step = 1};
    for (uint32_t c = 0; c < columns; c++)
        WR_TRY(wr_vector_init(&run->columns[c],
                              c < plan->output_count
                                  ? plan->types[plan->outputs[c]]
                                  : plan->functions[c - plan->output_count].type,
                              bump, err));
    return WR_OK;
}

static wr_status window_read_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);
    window_run    *run = &shared->run;

    *run = (window_run){.plan = node->plan, .exec = exec, .lease = wr_node_lease(node),
                        .is_open = true};
    wr_bump_init(&run->bump, run->lease);
    WR_TRY(wr_bump_reserve(&run->bump, bump_bytes(run->plan, exec), err));
    WR_TRY(make_vectors(run, err));
    WR_TRY(make_tape(run, err));
    WR_TRY(wr_row_tape_open(&run->tape, exec->spill, err));
    WR_TRY(wr_sorter_read_open(&shared->sorter, err));
    return wr_sorter_reader_open(&run->reader, &shared->sorter, err);
}

static wr_status window_read_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);

    (void)exec, (void)err;
    ((window_read_local *)local)->reads = !atomic_exchange(&shared->is_taken, true);
    return WR_OK;
}

static wr_status window_read_pull(wr_node *node, void *local, wr_batch *out, wr_flow *out_flow,
                                  wr_exec *exec, wr_error *err)
{
    window_shared *shared = wr_node_shared(node);

    (void)exec;
    *out_flow = WR_FLOW_DONE;
    if (!((window_read_local *)local)->reads)
        return WR_OK;
    out->morsel = shared->run.morsel;
    WR_TRY(wr_window_next(&shared->run, out, err));
    *out_flow = out->row_count > 0 ? WR_FLOW_MORE : WR_FLOW_DONE;
    return WR_OK;
}

static void window_read_local_close(wr_node *node, void *local)
{
    (void)node, (void)local;
}

static void window_read_close(wr_node *node)
{
    window_shared *shared = wr_node_shared(node);
    window_run    *run = &shared->run;

    if (!run->is_open)
        return;
    wr_sorter_reader_close(&run->reader);
    wr_sorter_read_close(&shared->sorter);
    wr_row_tape_release(&run->tape);
    for (uint32_t i = 0; run->frames && i < run->plan->frame_count; i++)
        if (run->frames[i].heap.lease)
            wr_bump_release(&run->frames[i].heap);
    wr_bump_release(&run->bump);
    run->is_open = false;
}

const wr_source_ops WR_WINDOW_READ = {
    .name = "window read",
    .local_bytes = sizeof(window_read_local),
    .lease_min = window_read_lease_min,
    .open = window_read_open,
    .local_open = window_read_local_open,
    .pull = window_read_pull,
    .local_close = window_read_local_close,
    .close = window_read_close,
};
