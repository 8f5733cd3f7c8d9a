/* exec/window_open.c — what a worker computes windows with: cursors, states, the vectors of a batch. */
#include "base/bits.h"
#include "exec/window_priv.h"

/* ---- Memory -------------------------------------------------------------------------- */

static bool slides(const wr_window_frame *frame)
{
    return frame->frame.start.units != WR_FRAME_UNBOUNDED ||
           frame->least.units != WR_FRAME_UNBOUNDED;
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
    for (uint32_t i = 0; i < plan->value_count; i++)
        count += wr_window_values_cursors(&plan->values[i]);
    for (uint32_t i = 0; i < plan->frame_count; i++)
        count += 1 + slides(&plan->frames[i]) + reads_again(&plan->frames[i]);
    return count;
}

static uint32_t text_functions(const wr_plan_window *plan)
{
    uint32_t count = 0;

    for (uint32_t f = 0; f < plan->function_count; f++)
        count += wr_type_physical(plan->functions[f].type) == WR_PHYS_STR;
    return count;
}

/* Long values of one row; a batch has room for as many rows again as fit a page. */
static uint32_t text_row_bytes(const wr_plan_window *plan, uint32_t page_bytes)
{
    return text_functions(plan) * wr_row_bytes_max(page_bytes);
}

static uint32_t text_bytes(const wr_plan_window *plan, const wr_exec *exec,
                           uint32_t page_bytes)
{
    uint32_t row_bytes = text_row_bytes(plan, page_bytes);

    return row_bytes ? row_bytes + exec->page_bytes : 0;
}

static bool is_argument(const wr_plan_window *plan, uint32_t column)
{
    for (uint32_t i = 0; i < plan->value_count; i++)
        if (plan->values[i].argument == column)
            return true;
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
static uint64_t bump_bytes(const wr_plan_window *plan, const wr_exec *exec, uint32_t page_bytes)
{
    enum { ROUNDING = 32 };
    uint32_t columns = plan->output_count + plan->function_count;
    uint64_t bytes = 0;

    bytes += WR_BATCH_ROWS_MAX * (2 * sizeof(void *) + sizeof(uint16_t)) + 8 * ROUNDING;
    bytes += (plan->kept_count + 1 + columns) * sizeof(wr_vector) + 2 * ROUNDING;
    bytes += WR_BATCH_ROWS_MAX * 16 + WR_BATCH_ROWS_MAX / 8 + ROUNDING;
    bytes += plan->function_count * sizeof(uint64_t) + text_bytes(plan, exec, page_bytes) +
             2 * ROUNDING;
    bytes += plan->point_count * sizeof(count_run) + ROUNDING;
    bytes += cursor_count(plan) *
             (sizeof(wr_tape_cursor) + page_bytes + ROUNDING);
    for (uint32_t c = 0; c < plan->output_count; c++)
        bytes += wr_vector_bytes(plan->types[plan->outputs[c]]) + ROUNDING;
    for (uint32_t f = 0; f < plan->function_count; f++)
        bytes += wr_vector_bytes(plan->functions[f].type) + ROUNDING;
    for (uint32_t c = 0; c < plan->kept_count; c++)
        bytes += is_argument(plan, c) ? wr_vector_bytes(plan->types[c]) + ROUNDING : 0;
    for (uint32_t i = 0; i < plan->value_count; i++)
        bytes += wr_window_values_bytes(&plan->values[i], exec) + sizeof(values_run) + ROUNDING;
    for (uint32_t i = 0; i < plan->frame_count; i++)
        bytes += sizeof(frame_run) + state_bytes(&plan->frames[i]) +
                 (plan->frames[i].aggs.agg_count + 1) * sizeof(wr_agg_slot) +
                 (WR_SLIDE_LEVELS + 4) * ROUNDING;
    return bytes;
}

uint64_t wr_window_run_lease_min(const wr_plan_window *plan, const wr_exec *exec,
                                 uint32_t page_bytes)
{
    uint64_t bytes = wr_bump_lease_min(bump_bytes(plan, exec, page_bytes), exec->page_bytes) +
                     wr_row_tape_lease_min(page_bytes);

    for (uint32_t i = 0; i < plan->frame_count; i++)
        bytes += plan->frames[i].aggs.agg_count
                     ? wr_bump_lease_min(WR_FRAME_HEAP_BYTES, exec->page_bytes)
                     : 0;
    return bytes;
}

/* ---- Open ----------------------------------------------------------------------------- */

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
        frame->end->group_level = run->scopes[frame->plan->scope].peers_level;
        frame->start = slides(frame->plan) ? cursors++ : NULL;
        if (frame->start)
            frame->start->group_level = frame->end->group_level;
        frame->again = reads_again(frame->plan) ? cursors++ : NULL;
        if (frame->again)
            frame->again->is_pinned = true;
        if (frame->plan->aggs.agg_count > 0)
            WR_TRY(make_states(run, frame, err));
    }
    run->values = WR_BUMP_NEW_ARRAY(&run->bump, values_run, plan->value_count, err);
    if (!run->values)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < plan->value_count; i++) {
        WR_TRY(wr_window_values_open(run, &run->values[i], &plan->values[i], cursors, err));
        cursors += wr_window_values_cursors(&plan->values[i]);
    }
    return WR_OK;
}

/* Which of the tape's key counts `count` is, added in its place if it is not there. */
static uint32_t find_level(wr_row_tape *tape, uint32_t count)
{
    uint32_t level = 0;

    while (level < tape->level_count && tape->key_counts[level] < count)
        level++;
    if (level < tape->level_count && tape->key_counts[level] == count)
        return level;
    memmove(&tape->key_counts[level + 1], &tape->key_counts[level],
            (tape->level_count++ - level) * sizeof count);
    tape->key_counts[level] = count;
    return level;
}

static void make_levels(window_run *run)
{
    for (uint32_t pass = 0; pass < 2; pass++) /* levels move while they are added */
        for (uint32_t s = 0; s < run->plan->scope_count; s++) {
            const wr_window_scope *scope = &run->plan->scopes[s];

            run->scopes[s].partition_level = find_level(&run->tape, scope->partition_count);
            run->scopes[s].peers_level = find_level(&run->tape, scope->key_count);
        }
}

static wr_status make_tape(window_run *run, wr_error *err)
{
    const wr_plan_window *plan = run->plan;
    uint32_t              page_bytes = run->feed->sorter->page_bytes;
    wr_row_tape          *tape = &run->tape;

    *tape = (wr_row_tape){
        .layout = run->layout,
        .level_offset = wr_row_spare_offset(run->layout),
        .lease = run->lease,
        .page_bytes = page_bytes,
        .cursor_count = cursor_count(plan),
        .fill = wr_window_feed_fill,
        .context = run,
    };
    make_levels(run);
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
    run->arguments = WR_BUMP_NEW_ARRAY(bump, wr_vector, plan->kept_count + 1, err);
    run->columns = WR_BUMP_NEW_ARRAY(bump, wr_vector, columns + 1, err);
    run->cell_room = wr_bump_alloc(bump, WR_BATCH_ROWS_MAX * 16 + WR_BATCH_ROWS_MAX / 8, err);
    run->versions = WR_BUMP_NEW_ARRAY(bump, uint64_t, plan->function_count, err);
    run->text_bytes = text_bytes(plan, run->exec, run->feed->sorter->page_bytes);
    run->text_row_bytes = text_row_bytes(plan, run->feed->sorter->page_bytes);
    run->text = wr_bump_alloc(bump, run->text_bytes, err);
    if (!run->rows || !run->states || !run->ordinals || !run->arguments || !run->columns ||
        !run->cell_room || !run->versions || !run->text)
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

wr_status wr_window_run_open(window_run *run, const wr_plan_window *plan, window_feed *feed,
                             wr_lease *lease, wr_error *err)
{
    wr_exec *exec = feed->exec;

    *run = (window_run){.plan = plan, .feed = feed, .exec = exec, .lease = lease,
                        .layout = &feed->sorter->layout};
    wr_bump_init(&run->bump, lease);
    WR_TRY(wr_bump_reserve(&run->bump, bump_bytes(plan, exec, feed->sorter->page_bytes), err));
    WR_TRY(make_vectors(run, err));
    WR_TRY(make_tape(run, err));
    return wr_row_tape_open(&run->tape, exec->spill, err);
}

void wr_window_run_close(window_run *run)
{
    if (!run->plan)
        return;
    wr_row_tape_release(&run->tape);
    for (uint32_t i = 0; run->values && i < run->plan->value_count; i++)
        wr_window_values_close(run, &run->values[i]);
    for (uint32_t i = 0; run->frames && i < run->plan->frame_count; i++)
        if (run->frames[i].heap.lease)
            wr_bump_release(&run->frames[i].heap);
    wr_bump_release(&run->bump);
    *run = (window_run){0};
}
