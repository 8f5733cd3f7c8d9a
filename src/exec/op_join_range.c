/* exec/op_join_range.c — range join: a source that joins two sorts by ordered conditions.
 *
 * Workers take turns at the inputs (join_range_take.h): a turn is one block of outer rows, and one
 * morsel. Outside the lock the block meets the slices of the inner side that may meet it
 * (join_range.h): pairs, a batch at a time; then come the block's rows that have no (semi joins: a)
 * partner, if these are wanted. In the second pass of a full join only those come out.
 *
 * Invariants
 *  1. Pairs refer to rows of the block and of the slice: before another slice is loaded, the batch goes
 *     out.
 *  2. Where no pair comes out, an outer row is done with its first partner.
 * Memory: shared keys, a row page of zones for each kept side, one to read through, one for each store; a
 * worker: arrays, a vector for each column of both sides, and 2 row pages: block and slice.
 * Threads: as above. The inner side is read by the worker that comes first; the others wait.
 * Cost: as join_range.h, and 10 ns a pair and column. */
#include <string.h>

#include "base/bits.h"
#include "exec/join_frame.h"
#include "exec/join_range_take.h"

enum {
    SIDES = WR_MERGE_SIDES,
    PAGES = 2, /* of a worker: the block, what is read of the inner side */
};

typedef struct range_shared {
    wr_join_turns  turns;
    wr_range_input input;
    uint8_t       *pages;
    uint32_t       page_bytes; /* of a row page  */
    uint32_t       page_count; /* of the arena's */
} range_shared;

typedef struct range_local {
    wr_join_worker       worker;
    range_shared        *shared;
    wr_range_block       block;
    uint64_t             first_position; /* of its rows, if a limit asks for it */
    uint8_t             *marks; /* has the block's row a partner? */
    uint32_t             undecided_count; /* rows that may have one, and none is known */
    uint64_t             morsel;
    bool                 in_morsel, in_tail;
    /* the inner side */
    const wr_range_run  *run;
    const wr_range_test *other;
    uint32_t             next_zone, pages_left;
    wr_row_reader        reader;
    const wr_row_page   *page;
    uint32_t             offset;
    wr_range_slice       slice;
    bool                 in_slice;
    /* the outer row */
    uint32_t             row;
    bool                 in_row;
    uint32_t             at, to; /* of the slice */
    uint64_t             code;   /* of the other condition */
    /* the batch */
    uint32_t             pair_count;
    uint16_t            *owners; /* outer row of each pair */
} range_local;

static bool wants_pairs(const range_local *local)
{
    return local->worker.join->type != WR_JOIN_SEMI && local->worker.join->type != WR_JOIN_ANTI &&
           !local->block.in_second_pass;
}

/* Is a row that has a partner done with? */
static bool one_decides(const range_local *local)
{
    return !wants_pairs(local) && (!local->worker.join->asks_all || local->block.in_second_pass);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint64_t local_bytes(const wr_exec *exec)
{
    uint64_t rows = exec->batch_rows;

    return 2 * wr_round_up(rows * sizeof(uint8_t *), 16) + 2 * wr_round_up(rows, 16) +
           wr_round_up(rows * sizeof(uint16_t), 16) +
           WR_JOIN_RANGES_MAX * wr_round_up(rows * sizeof(uint64_t), 16);
}

static uint64_t range_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_join_range *plan = plan_p;
    const wr_plan_join       *join = &plan->merge.join;
    uint64_t                  page_bytes = wr_join_pairs_page_bytes(&plan->merge, exec);

    return wr_bump_lease_min(wr_range_input_bytes(plan), exec->page_bytes) +
           (wr_range_input_pages(join) + wr_range_input_store_pages(join)) * page_bytes +
           worker_count * wr_join_worker_min(&plan->merge, exec, local_bytes(exec), PAGES);
}

/* ---- Open and close -------------------------------------------------------------------------- */

static wr_status range_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_join_range *plan = node->plan;
    range_shared             *shared = wr_node_shared(node);
    wr_sorter *sorters[SIDES] = {wr_sort_sorter(node->reads[0]), wr_sort_sorter(node->reads[1])};

    WR_TRY(wr_join_turns_open(&shared->turns, node, wr_range_input_bytes(plan), err));
    shared->page_bytes = wr_join_pairs_page_bytes(&plan->merge, exec);
    shared->page_count =
        wr_range_input_pages(&plan->merge.join) * (shared->page_bytes / exec->page_bytes);
    WR_TRY(wr_join_pages_take(node, shared->page_count, &shared->pages, err));
    return wr_range_input_open(&shared->input, plan, sorters, shared->pages, shared->page_bytes,
                               &shared->turns.bump, exec, err);
}

static void range_close(wr_node *node)
{
    range_shared *shared = wr_node_shared(node);

    wr_range_input_close(&shared->input);
    if (shared->pages)
        wr_lease_give(wr_node_lease(node), shared->pages, shared->page_count);
    shared->pages = NULL;
    wr_join_turns_close(&shared->turns);
}

static wr_status open_arrays(range_local *local, wr_error *err)
{
    uint32_t        rows = local->worker.exec->batch_rows;
    wr_bump        *bump = &local->worker.bump;
    wr_range_block *block = &local->block;

    block->rows = WR_BUMP_NEW_ARRAY(bump, const uint8_t *, rows, err);
    block->is_void = WR_BUMP_NEW_ARRAY(bump, uint8_t, rows, err);
    local->marks = WR_BUMP_NEW_ARRAY(bump, uint8_t, rows, err);
    local->owners = WR_BUMP_NEW_ARRAY(bump, uint16_t, rows, err);
    local->slice.rows = WR_BUMP_NEW_ARRAY(bump, const uint8_t *, rows, err);
    if (!block->rows || !block->is_void || !local->marks || !local->owners || !local->slice.rows)
        return WR_NO_MEMORY;
    for (uint32_t t = 0; t < WR_JOIN_RANGES_MAX; t++)
        if (!(local->slice.codes[t] = WR_BUMP_NEW_ARRAY(bump, uint64_t, rows, err)))
            return WR_NO_MEMORY;
    return WR_OK;
}

static wr_status range_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_join_range *plan = node->plan;
    range_local              *local = local_p;
    wr_join_worker           *worker = &local->worker;
    wr_range_block           *block = &local->block;

    local->shared = wr_node_shared(node);
    WR_TRY(wr_join_worker_open(worker, node, &plan->merge, exec, local_bytes(exec), PAGES, err));
    block->page = wr_join_worker_page(worker, 0);
    block->page_bytes = worker->page_bytes;
    block->rows_max = worker->rows_max;
    return open_arrays(local, err);
}

static void range_local_close(wr_node *node, void *local_p)
{
    range_local *local = local_p;

    (void)node;
    wr_join_worker_close(&local->worker);
}

/* ---- A limit behind the join ----------------------------------------------------------------- */

static bool is_limited(const range_local *local)
{
    return local->worker.join->limit && local->block.outer == WR_MERGE_LEFT;
}

static uint64_t position_of(const range_local *local, const uint8_t *row)
{
    uint64_t position;

    memcpy(&position,
           wr_row_slot(local->worker.pairs.layouts[WR_MERGE_LEFT], row, local->worker.join->limit->column),
           sizeof position);
    return position;
}

/* Is no pair of this outer row needed any more? */
static bool is_too_late(const range_local *local, const uint8_t *row)
{
    return is_limited(local) && position_of(local, row) > wr_join_limit_bound(local->worker.join->limit);
}

/* The first row of the block. */
static uint64_t first_position(const range_local *local)
{
    uint64_t first = 0;

    for (uint32_t i = 0; is_limited(local) && i < local->block.count; i++) {
        uint64_t position = position_of(local, local->block.rows[i]);

        first = i == 0 || position < first ? position : first;
    }
    return first;
}

/* ---- Taking a block -------------------------------------------------------------------------- */

/* The rest is for the kept side. */
static void settle_share(range_shared *shared, const wr_lease *lease, const wr_exec *exec)
{
    uint64_t rest = wr_join_rest_bytes(lease, exec);
    uint64_t least = wr_range_input_store_pages(shared->input.join) * (uint64_t)shared->page_bytes;

    shared->input.store_bytes_max = rest > least ? rest : least;
}

static void begin_block(range_local *local)
{
    const wr_range_block *block = &local->block;
    wr_range_input       *input = &local->shared->input;

    memset(local->marks, 0, block->count);
    local->run = &input->runs[!block->outer];
    local->other = wr_range_other(&input->tests, !block->outer);
    local->next_zone = local->pages_left = 0;
    local->page = NULL;
    local->in_slice = local->in_tail = false;
    local->first_position = first_position(local);
    local->undecided_count = 0;
    for (uint32_t i = 0; i < block->count; i++)
        local->undecided_count += !block->is_void[i];
    wr_row_reader_init(&local->reader, local->run->store, wr_join_worker_page(&local->worker, 1),
                       false);
}

/* The next block is this worker's; no rows: there is none. */
static wr_status take_block(range_local *local, wr_error *err)
{
    range_shared *shared = local->shared;
    wr_status     status = WR_OK;

    local->block.count = 0;
    wr_join_turns_enter(&shared->turns, shared->input.sides);
    if (wr_join_turn_begin(&shared->turns, &local->morsel)) {
        if (!shared->input.store_bytes_max)
            settle_share(shared, local->worker.lease, local->worker.exec);
        status = wr_range_take(&shared->input, &local->block, local->worker.exec, err);
        status = wr_join_turn_end(&shared->turns, status, local->block.count > 0);
    }
    wr_join_turns_leave(&shared->turns);
    return status;
}

/* ---- The inner side -------------------------------------------------------------------------- */

/* Might another slice make a difference? */
static bool has_use_for_slices(const range_local *local)
{
    return (!one_decides(local) || local->undecided_count > 0) &&
           local->first_position <= wr_join_limit_bound(local->worker.join->limit);
}

/* The next slice that may meet the block; *out_any false: there is none. */
static wr_status next_slice(range_local *local, bool *out_any, wr_error *err)
{
    const wr_range_bounds *bounds = &local->block.bounds;
    const wr_range_tests  *tests = &local->shared->input.tests;
    const wr_range_run    *run = local->run;
    wr_range_slice        *slice = &local->slice;

    *out_any = false;
    while (has_use_for_slices(local)) {
        while (local->page && (slice->count = wr_row_page_rows(local->page, &local->offset,
                                                               local->worker.exec->batch_rows,
                                                               slice->rows)) > 0)
            if (wr_range_slice_load(slice, tests, run->side, bounds)) {
                *out_any = true;
                return WR_OK;
            }
        if (wr_exec_is_cancelled(local->worker.exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        for (; local->pages_left == 0 && local->next_zone < run->zone_count; local->next_zone++)
            if (wr_range_zone_meets(&run->zones[local->next_zone], tests, run->side, bounds)) {
                wr_row_reader_seek(&local->reader, run->zones[local->next_zone].place);
                local->pages_left = run->zones[local->next_zone].page_count;
            }
        *out_any = local->pages_left > 0;
        if (!*out_any)
            return WR_OK;
        WR_TRY(wr_row_reader_next(&local->reader, &local->page, err));
        local->pages_left--;
        local->offset = 0;
    }
    return WR_OK;
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

static wr_status begin_row(range_local *local, wr_error *err)
{
    const wr_range_tests *tests = &local->shared->input.tests;
    const uint8_t        *row = local->block.rows[local->row];

    local->in_row = true;
    local->at = local->to = 0;
    if (local->block.is_void[local->row] || (one_decides(local) && local->marks[local->row]) ||
        is_too_late(local, row))
        return WR_OK;
    if (local->other)
        local->code = wr_range_code(local->other, local->block.outer, row);
    return wr_range_find(&local->slice, tests, local->run->side, row, &local->at, &local->to, err);
}

static void note_partner(range_local *local, uint32_t row)
{
    local->undecided_count -= !local->marks[row];
    local->marks[row] = 1;
}

static void add_pair(range_local *local)
{
    uint32_t outer = local->block.outer;

    local->worker.pairs.rows[outer][local->pair_count] = local->block.rows[local->row];
    local->worker.pairs.rows[!outer][local->pair_count] = local->slice.rows[local->at];
    local->owners[local->pair_count++] = (uint16_t)local->row;
}

/* Pairs of the slice until it is done (in_slice is false then) or the batch is full. */
static wr_status add_pairs(range_local *local, wr_error *err)
{
    const wr_range_tests *tests = &local->shared->input.tests;
    uint32_t              room = local->worker.exec->batch_rows;
    bool                  is_decided = !wants_pairs(local) && !local->worker.join->residual;

    for (; local->row < local->block.count; local->row++, local->in_row = false) {
        if (!local->in_row)
            WR_TRY(begin_row(local, err));
        for (;; local->at++) {
            if (local->other && local->at < local->to)
                WR_TRY(wr_range_next(&local->slice, tests, local->other, local->run->side,
                                     local->block.rows[local->row], local->code, local->to,
                                     &local->at, err));
            if (local->at >= local->to)
                break;
            if (is_decided) {
                note_partner(local, local->row);
                break;
            }
            if (local->pair_count == room)
                return WR_OK;
            add_pair(local);
        }
    }
    local->in_slice = false;
    return WR_OK;
}

/* A batch of pairs; none: the inner side is done. */
static wr_status collect_pairs(range_local *local, wr_error *err)
{
    local->pair_count = 0;
    for (;;) {
        if (!local->in_slice) {
            if (local->pair_count > 0)
                return WR_OK;
            WR_TRY(next_slice(local, &local->in_slice, err));
            if (!local->in_slice)
                return WR_OK;
            local->row = 0;
            local->in_row = false;
        }
        WR_TRY(add_pairs(local, err));
        if (local->in_slice)
            return WR_OK;
    }
}

/* Of the pairs those that the residual condition lets by; marks their outer rows. */
static wr_status keep_pairs(range_local *local, wr_error *err)
{
    wr_join_pairs *pairs = &local->worker.pairs;
    uint32_t       count = local->pair_count;

    if (local->worker.join->residual) {
        WR_TRY(wr_join_pairs_ask(pairs, local->pair_count, &count, err));
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t s = 0; s < SIDES; s++)
                pairs->rows[s][i] = pairs->rows[s][pairs->passed[i]];
            local->owners[i] = local->owners[pairs->passed[i]];
        }
    }
    for (uint32_t i = 0; i < count; i++)
        note_partner(local, local->owners[i]);
    local->pair_count = wants_pairs(local) ? count : 0;
    return WR_OK;
}

/* ---- Output ---------------------------------------------------------------------------------- */

/* The block's rows that are wanted by themselves: those with this mark. */
static void put_tail(range_local *local, wr_batch *out)
{
    const wr_range_block *block = &local->block;
    wr_join_type          type = local->worker.join->type;
    uint32_t              outer = block->outer, count = 0;
    uint8_t               wanted = type == WR_JOIN_SEMI;

    if (type == WR_JOIN_INNER)
        return;
    for (uint32_t i = 0; i < block->count; i++) {
        local->worker.pairs.rows[outer][count] = block->rows[i];
        local->worker.pairs.rows[!outer][count] = local->worker.pairs.null_rows[!outer];
        count += local->marks[i] == wanted;
    }
    if (count > 0)
        wr_join_pairs_put(&local->worker.pairs, count, out);
}

/* The next rows of the block; none: it is done. */
static wr_status join_block(range_local *local, wr_batch *out, wr_error *err)
{
    while (!local->in_tail) {
        if (wr_exec_is_cancelled(local->worker.exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        WR_TRY(collect_pairs(local, err));
        if (local->pair_count == 0) {
            local->in_tail = true;
            put_tail(local, out);
            return WR_OK;
        }
        WR_TRY(keep_pairs(local, err));
        if (local->pair_count == 0)
            continue;
        wr_join_pairs_put(&local->worker.pairs, local->pair_count, out);
        return WR_OK;
    }
    return WR_OK;
}

static wr_status range_pull(wr_node *node, void *local_p, wr_batch *out, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    range_local *local = local_p;
    wr_status    status = WR_OK;

    (void)node, (void)exec;
    *out_flow = WR_FLOW_MORE;
    if (!local->in_morsel) {
        status = take_block(local, err);
        local->in_morsel = status == WR_OK && local->block.count > 0;
        if (status == WR_OK && !local->in_morsel) {
            *out_flow = WR_FLOW_DONE;
            return WR_OK;
        }
        if (status == WR_OK)
            begin_block(local);
    }
    if (status == WR_OK)
        status = join_block(local, out, err);
    out->morsel = local->morsel;
    if (status == WR_OK && local->in_tail) {
        local->in_morsel = false;
        out->morsel_end = true;
    }
    return status;
}

const wr_source_ops WR_JOIN_RANGE = {
    .name = "range join",
    .shared_bytes = sizeof(range_shared),
    .local_bytes = sizeof(range_local),
    .lease_min = range_lease_min,
    .open = range_open,
    .local_open = range_local_open,
    .pull = range_pull,
    .local_close = range_local_close,
    .close = range_close,
};
