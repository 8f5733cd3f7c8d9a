/* exec/op_join_merge.c — merge join: a source that joins two sorts in the order of their keys.
 *
 * Workers take turns at the two sorters (join_merge.h): a turn is one block, a range of keys, and
 * one morsel; joining it is outside the lock. A block is joined in segments: some rows of each side
 * with one key. Of a segment come pairs, and then rows of a side that have no (semi joins: a)
 * partner, if these are wanted: items. A batch of items goes through the residual condition, marks
 * the rows that have a partner, and what is kept becomes columns.
 *
 * A group too long for the pages: its outer side (the left one) in slices of a batch, and for each
 * slice all of the inner side, read from its store again: block nested loop. If a residual condition
 * leaves it open which rows of the right side have a partner, and these matter, a second pass has
 * the right side for outer, so nothing is to be remembered of more than a slice.
 *
 * Invariants
 *  1. Items refer to rows of the segment or of the block's pages: before another slice is loaded,
 *     the batch goes out.
 *  2. Rows come out in the order of the keys. Within a key the order is nobody's promise (it follows
 *     slices, so memory): a plan that depends on it has a hash join (planner/build.c).
 * Memory: shared 2 keys; a worker: arrays, a vector for each column of both sides, and 6 row pages:
 * one a side of the block, one a side to read its store through, one a side to write it.
 * Threads: as above. Cost: 30-60 ns a row on top of reading the sorts. */
#include <string.h>

#include "base/bits.h"
#include "base/fault.h"
#include "exec/join_frame.h"
#include "exec/join_merge.h"

enum {
    LEFT = WR_MERGE_LEFT,
    RIGHT = WR_MERGE_RIGHT,
    SIDES = WR_MERGE_SIDES,
    PAGES_HELD = 4, /* of a worker, from the start */
    PAGES_MIN = PAGES_HELD + SIDES,
};

typedef struct merge_shared {
    wr_join_turns       turns;
    wr_join_merge_input input;
    uint64_t            store_bytes_max; /* of each worker; 0: not settled yet */
} merge_shared;

/* A pair, or a row of one side, which is wanted if its mark says so. */
typedef struct merge_item {
    const uint8_t *rows[SIDES]; /* NULL: none of this side */
    uint8_t       *marks[SIDES];
} merge_item;

/* Some rows with one key: pairs, outer by outer, then rows by themselves. */
typedef struct merge_segment {
    const uint8_t **rows[SIDES];
    uint8_t        *marks[SIDES]; /* has this row a partner? */
    uint32_t        counts[SIDES];
    uint32_t        outer;
    bool            has_pairs, has_tail[SIDES];
    uint32_t        next[SIDES], next_tail[SIDES];
} merge_segment;

/* Rows of one side of a long group, slice by slice: those in the page, then those in the store. */
typedef struct merge_slices {
    bool               is_begun;
    wr_row_reader      reader;
    const wr_row_page *page;
    uint32_t           offset;
    void              *buffer;
    const uint8_t    **rows;
    uint8_t           *marks;
} merge_slices;

typedef struct merge_local {
    wr_join_worker        worker;
    merge_shared         *shared;
    wr_join_merge_block   block;
    uint8_t              *marks[SIDES]; /* of the block's rows */
    merge_segment         segment;
    uint32_t              next_group, next_row[SIDES];
    merge_slices          slices[SIDES];
    bool                  in_long, in_second_pass, tail_is_due;
    merge_item           *items;
    uint32_t              item_count;
    uint64_t              morsel;
    bool                  in_morsel;
} merge_local;

/* ---- What is wanted -------------------------------------------------------------------------- */

static bool wants_pairs(const wr_plan_join *join)
{
    return join->type != WR_JOIN_SEMI && join->type != WR_JOIN_ANTI;
}

static bool wants_alone(const wr_plan_join *join, uint32_t side)
{
    if (side == LEFT)
        return join->type == WR_JOIN_LEFT || join->type == WR_JOIN_FULL ||
               join->type == WR_JOIN_ANTI;
    return join->type == WR_JOIN_RIGHT || join->type == WR_JOIN_FULL;
}

/* Do rows of `side` come out by themselves although the other side has their key? */
static bool wants_tail(const wr_plan_join *join, uint32_t side)
{
    return (join->residual && wants_alone(join, side)) ||
           (join->type == WR_JOIN_SEMI && side == LEFT);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint64_t aligned(uint64_t bytes)
{
    return wr_round_up(bytes, 16);
}

static uint64_t local_bytes(const wr_exec *exec)
{
    uint64_t rows = exec->batch_rows;

    return aligned(2 * rows * sizeof(wr_join_merge_group)) + aligned(rows * sizeof(merge_item)) +
           SIDES * (2 * aligned(rows * sizeof(uint8_t *)) + 2 * aligned(rows));
}

static uint64_t shared_bytes(const wr_plan_join *join)
{
    return SIDES * aligned(wr_sortkey_bytes(join->key_count));
}

static uint64_t merge_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_join_merge *plan = plan_p;

    return wr_bump_lease_min(shared_bytes(&plan->join), exec->page_bytes) +
           worker_count * wr_join_worker_min(plan, exec, local_bytes(exec), PAGES_MIN);
}

/* ---- Open and close -------------------------------------------------------------------------- */

static wr_status merge_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_join_merge *plan = node->plan;
    const wr_plan_join       *join = &plan->join;
    merge_shared             *shared = wr_node_shared(node);

    (void)exec;
    WR_TRY(wr_join_turns_open(&shared->turns, node, shared_bytes(join), err));
    shared->input.null_safe = join->null_safe;
    for (uint32_t s = 0; s < SIDES; s++) {
        wr_join_merge_side *side = &shared->input.sides[s];

        side->wants_alone = wants_alone(join, s);
        side->one_is_enough = !join->residual && (join->type == WR_JOIN_ANTI ||
                                                  (join->type == WR_JOIN_SEMI && s == RIGHT));
        WR_TRY(wr_join_merge_side_open(shared->input.sides, s, wr_sort_sorter(node->reads[s]),
                                       join->key_count, &shared->turns.bump, err));
    }
    return WR_OK;
}

static void merge_close(wr_node *node)
{
    merge_shared *shared = wr_node_shared(node);

    for (uint32_t s = 0; s < SIDES; s++)
        wr_join_merge_side_close(&shared->input.sides[s]);
    wr_join_turns_close(&shared->turns);
}

static wr_status open_side(merge_local *local, uint32_t s, wr_error *err)
{
    uint32_t rows = local->worker.exec->batch_rows;
    wr_bump *bump = &local->worker.bump;

    local->block.rows[s] = WR_BUMP_NEW_ARRAY(bump, const uint8_t *, rows, err);
    local->slices[s].rows = WR_BUMP_NEW_ARRAY(bump, const uint8_t *, rows, err);
    local->marks[s] = WR_BUMP_NEW_ARRAY(bump, uint8_t, rows, err);
    local->slices[s].marks = WR_BUMP_NEW_ARRAY(bump, uint8_t, rows, err);
    if (!local->block.rows[s] || !local->slices[s].rows || !local->marks[s] ||
        !local->slices[s].marks)
        return WR_NO_MEMORY;
    return WR_OK;
}

static void open_block(merge_local *local)
{
    const wr_join_worker *worker = &local->worker;
    wr_join_merge_block  *block = &local->block;

    block->page_bytes = worker->page_bytes;
    block->rows_max = worker->rows_max;
    for (uint32_t s = 0; s < SIDES; s++) {
        block->pages[s] = wr_join_worker_page(worker, s);
        local->slices[s].buffer = wr_join_worker_page(worker, SIDES + s);
        wr_row_store_init(&block->stores[s], &local->shared->input.sides[s].sorter->layout,
                          worker->lease, worker->page_bytes, worker->exec->spill);
    }
}

static wr_status merge_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    merge_local    *local = local_p;
    wr_join_worker *worker = &local->worker;
    uint32_t        rows = exec->batch_rows;

    local->shared = wr_node_shared(node);
    WR_TRY(wr_join_worker_open(worker, node, node->plan, exec, local_bytes(exec), PAGES_HELD,
                               err));
    open_block(local);
    for (uint32_t s = 0; s < SIDES; s++)
        WR_TRY(open_side(local, s, err));
    local->block.groups = WR_BUMP_NEW_ARRAY(&worker->bump, wr_join_merge_group, 2 * rows, err);
    local->items = WR_BUMP_NEW_ARRAY(&worker->bump, merge_item, rows, err);
    return local->block.groups && local->items ? WR_OK : WR_NO_MEMORY;
}

static void merge_local_close(wr_node *node, void *local_p)
{
    merge_local *local = local_p;

    (void)node;
    for (uint32_t s = 0; s < SIDES; s++)
        wr_row_store_release(&local->block.stores[s]);
    wr_join_worker_close(&local->worker);
}

/* ---- Taking a block -------------------------------------------------------------------------- */

/* The rest is for the workers' stores in equal shares. */
static void settle_share(merge_shared *shared, const wr_lease *lease, const wr_exec *exec,
                         uint32_t page_bytes)
{
    shared->store_bytes_max = wr_join_rest_bytes(lease, exec) / exec->worker_count;
    if (shared->store_bytes_max < (uint64_t)SIDES * page_bytes)
        shared->store_bytes_max = (uint64_t)SIDES * page_bytes;
}

static wr_status take_turn(merge_local *local, wr_error *err)
{
    merge_shared        *shared = local->shared;
    wr_join_merge_block *block = &local->block;
    wr_status            status;

    block->group_count = 0;
    if (!wr_join_turn_begin(&shared->turns, &local->morsel))
        return WR_OK;
    if (!shared->store_bytes_max)
        settle_share(shared, local->worker.lease, local->worker.exec, block->page_bytes);
    block->store_bytes_max = shared->store_bytes_max;
    status = wr_join_merge_take(&shared->input, block, local->worker.exec, err);
    if (status == WR_OK && block->is_long && wr_stress_get()->spill_always)
        status = wr_row_stores_spill(block->stores, SIDES, err);
    local->next_group = local->next_row[LEFT] = local->next_row[RIGHT] = 0;
    local->in_long = local->in_second_pass = false;
    return wr_join_turn_end(&shared->turns, status, block->group_count > 0);
}

/* The next block is this worker's; one without groups: there is none. */
static wr_status take_block(merge_local *local, wr_error *err)
{
    merge_shared *shared = local->shared;
    wr_status     status;

    wr_join_turns_enter(&shared->turns, shared->input.sides);
    status = take_turn(local, err);
    wr_join_turns_leave(&shared->turns);
    return status;
}

/* ---- Segments -------------------------------------------------------------------------------- */

/* Rows first .. first+count-1 of the block's pages. */
static void use_page_rows(merge_local *local, uint32_t s, uint32_t first, uint32_t count)
{
    merge_segment *segment = &local->segment;

    segment->rows[s] = local->block.rows[s] + first;
    segment->marks[s] = local->marks[s] + first;
    segment->counts[s] = count;
}

/* Where no condition is left to be asked, rows of one key have a partner for certain. */
static void begin_marks(const merge_local *local, uint32_t s, bool has_partners)
{
    const merge_segment *segment = &local->segment;

    memset(segment->marks[s], has_partners && !local->worker.join->residual, segment->counts[s]);
}

/* The next group of the block that is not long. */
static void begin_group(merge_local *local)
{
    const wr_join_merge_group *group = &local->block.groups[local->next_group++];
    const wr_plan_join        *join = local->worker.join;
    merge_segment             *segment = &local->segment;
    bool                       is_pair = group->counts[LEFT] > 0 && group->counts[RIGHT] > 0;

    *segment = (merge_segment){.has_pairs = is_pair && (wants_pairs(join) || join->residual)};
    for (uint32_t s = 0; s < SIDES; s++) {
        use_page_rows(local, s, local->next_row[s], group->counts[s]);
        begin_marks(local, s, is_pair);
        segment->has_tail[s] = !is_pair || wants_tail(join, s);
        local->next_row[s] += group->counts[s];
    }
}

/* ---- The long group -------------------------------------------------------------------------- */

/* The next slice of one side becomes the segment's; *out_any false: there is none. */
static wr_status next_slice(merge_local *local, uint32_t s, bool *out_any, wr_error *err)
{
    merge_slices *slices = &local->slices[s];
    uint32_t      count;

    *out_any = true;
    if (!slices->is_begun) {
        slices->is_begun = true;
        slices->page = NULL;
        wr_row_reader_init(&slices->reader, &local->block.stores[s], slices->buffer, false);
        use_page_rows(local, s, local->next_row[s], local->block.counts[s] - local->next_row[s]);
        return WR_OK;
    }
    for (;;) {
        if (slices->page) {
            count = wr_row_page_rows(slices->page, &slices->offset, local->worker.exec->batch_rows,
                                     slices->rows);
            if (count > 0)
                break;
        }
        if (wr_exec_is_cancelled(local->worker.exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        WR_TRY(wr_row_reader_next(&slices->reader, &slices->page, err));
        slices->offset = 0;
        if (!slices->page) {
            *out_any = false;
            return WR_OK;
        }
    }
    local->segment.rows[s] = slices->rows;
    local->segment.marks[s] = slices->marks;
    local->segment.counts[s] = count;
    return WR_OK;
}

static void begin_pass(merge_local *local, uint32_t outer)
{
    local->segment = (merge_segment){.outer = outer};
    local->slices[LEFT].is_begun = local->slices[RIGHT].is_begun = false;
    local->tail_is_due = false;
}

/* Put the segment on its rows' start: pairs, or what is left of the outer slice. */
static void begin_segment(merge_local *local, bool is_tail)
{
    merge_segment *segment = &local->segment;

    memset(segment->next, 0, sizeof segment->next);
    memset(segment->next_tail, 0, sizeof segment->next_tail);
    segment->has_pairs = !is_tail && (local->worker.join->residual ||
                                      (wants_pairs(local->worker.join) && !local->in_second_pass));
    memset(segment->has_tail, 0, sizeof segment->has_tail);
    segment->has_tail[segment->outer] = is_tail;
}

/* The next segment of the long group; *out_any false: it is done. */
static wr_status next_long_segment(merge_local *local, bool *out_any, wr_error *err)
{
    merge_segment *segment = &local->segment;
    uint32_t       outer, inner;

    if (!local->in_long) {
        local->in_long = true;
        begin_pass(local, LEFT);
    }
    for (;;) {
        outer = segment->outer;
        inner = !outer;
        *out_any = false;
        if (local->slices[outer].is_begun)
            WR_TRY(next_slice(local, inner, out_any, err));
        if (*out_any) {
            begin_marks(local, inner, true);
            begin_segment(local, false);
            return WR_OK;
        }
        if (local->tail_is_due) {
            local->tail_is_due = false;
            begin_segment(local, true);
            *out_any = true;
            return WR_OK;
        }
        WR_TRY(next_slice(local, outer, out_any, err));
        if (*out_any) {
            begin_marks(local, outer, true);
            local->slices[inner].is_begun = false;
            local->tail_is_due = wants_tail(local->worker.join, outer);
        } else if (!local->in_second_pass && wants_tail(local->worker.join, RIGHT)) {
            local->in_second_pass = true;
            begin_pass(local, RIGHT);
        } else {
            return WR_OK;
        }
    }
}

/* ---- Items ----------------------------------------------------------------------------------- */

static void add_item(merge_local *local, uint32_t s, uint32_t row, bool is_pair, uint32_t other)
{
    const merge_segment *segment = &local->segment;
    merge_item          *item = &local->items[local->item_count++];

    item->rows[s] = segment->rows[s][row];
    item->marks[s] = &segment->marks[s][row];
    item->rows[!s] = is_pair ? segment->rows[!s][other] : NULL;
    item->marks[!s] = is_pair ? &segment->marks[!s][other] : NULL;
}

/* Items of the segment until it is done (true) or the batch is full. */
static bool add_items(merge_local *local)
{
    merge_segment *segment = &local->segment;
    uint32_t       outer = segment->outer, room = local->worker.exec->batch_rows;
    bool           one_decides = local->in_second_pass ||
                       (!wants_pairs(local->worker.join) && !local->worker.join->asks_all);

    if (!segment->has_pairs)
        segment->next[outer] = segment->counts[outer];
    for (; segment->next[outer] < segment->counts[outer]; segment->next[outer]++) {
        for (; segment->next[!outer] < segment->counts[!outer]; segment->next[!outer]++) {
            if (one_decides && segment->marks[outer][segment->next[outer]])
                break;
            if (local->item_count == room)
                return false;
            add_item(local, outer, segment->next[outer], true, segment->next[!outer]);
        }
        segment->next[!outer] = 0;
    }
    for (uint32_t s = 0; s < SIDES; s++)
        for (; segment->has_tail[s] && segment->next_tail[s] < segment->counts[s];
             segment->next_tail[s]++) {
            if (local->item_count == room)
                return false;
            add_item(local, s, segment->next_tail[s], false, 0);
        }
    return true;
}

/* A batch of items; none: the block is done. */
static wr_status collect_items(merge_local *local, wr_error *err)
{
    local->item_count = 0;
    for (;;) {
        bool any, is_last = local->next_group + local->block.is_long >= local->block.group_count;

        if (!add_items(local))
            return WR_OK;
        if (!is_last) {
            begin_group(local);
            continue;
        }
        if (!local->block.is_long || local->item_count > 0)
            return WR_OK;
        WR_TRY(next_long_segment(local, &any, err));
        if (!any)
            return WR_OK;
    }
}

/* ---- Output ---------------------------------------------------------------------------------- */

/* Of the items that are pairs: those for which the residual condition is true. */
static wr_status ask_residual(merge_local *local, uint32_t *out_passed, wr_error *err)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < local->item_count; i++) {
        const merge_item *item = &local->items[i];

        local->worker.pairs.rows[LEFT][count] = item->rows[LEFT];
        local->worker.pairs.rows[RIGHT][count] = item->rows[RIGHT];
        count += item->rows[LEFT] && item->rows[RIGHT];
    }
    return wr_join_pairs_ask(&local->worker.pairs, count, out_passed, err);
}

/* Which items come out? Marks are read behind all pairs that set them. */
static wr_status keep_items(merge_local *local, uint32_t *out_kept, wr_error *err)
{
    const wr_plan_join *join = local->worker.join;
    bool     puts_pairs = wants_pairs(join) && !local->in_second_pass;
    uint8_t  wanted_mark = join->type == WR_JOIN_SEMI;
    uint32_t passed_count = 0, next_passed = 0, pair = 0, kept = 0;

    if (join->residual)
        WR_TRY(ask_residual(local, &passed_count, err));
    for (uint32_t i = 0; i < local->item_count; i++) {
        const merge_item *item = &local->items[i];
        bool              is_kept;

        if (item->rows[LEFT] && item->rows[RIGHT]) {
            is_kept = !join->residual ||
                      (next_passed < passed_count && local->worker.pairs.passed[next_passed] == pair);
            next_passed += is_kept;
            pair++;
            if (is_kept)
                *item->marks[LEFT] = *item->marks[RIGHT] = 1;
            is_kept = is_kept && puts_pairs;
        } else {
            is_kept = *item->marks[item->rows[LEFT] ? LEFT : RIGHT] == wanted_mark;
        }
        for (uint32_t s = 0; s < SIDES; s++)
            local->worker.pairs.rows[s][kept] = item->rows[s] ? item->rows[s] : local->worker.pairs.null_rows[s];
        kept += is_kept;
    }
    *out_kept = kept;
    return WR_OK;
}

/* The next rows of the block; none: it is done. */
static wr_status join_block(merge_local *local, wr_batch *out, wr_error *err)
{
    for (;;) {
        uint32_t kept;

        if (wr_exec_is_cancelled(local->worker.exec))
            return WR_RAISE(err, WR_CANCELLED, "cancelled");
        WR_TRY(collect_items(local, err));
        if (local->item_count == 0)
            return WR_OK;
        WR_TRY(keep_items(local, &kept, err));
        if (kept == 0)
            continue;
        wr_join_pairs_put(&local->worker.pairs, kept, out);
        return WR_OK;
    }
}

static wr_status merge_pull(wr_node *node, void *local_p, wr_batch *out, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    merge_local *local = local_p;
    wr_status    status = WR_OK;

    (void)node, (void)exec;
    *out_flow = WR_FLOW_MORE;
    if (!local->in_morsel) {
        status = take_block(local, err);
        local->in_morsel = status == WR_OK && local->block.group_count > 0;
        local->segment = (merge_segment){0};
        if (status == WR_OK && !local->in_morsel) {
            *out_flow = WR_FLOW_DONE;
            return WR_OK;
        }
    }
    if (status == WR_OK)
        status = join_block(local, out, err);
    out->morsel = local->morsel;
    if (status == WR_OK && wr_batch_rows(out) == 0) {
        local->in_morsel = false;
        out->morsel_end = true;
    }
    return status;
}

const wr_source_ops WR_JOIN_MERGE = {
    .name = "merge join",
    .shared_bytes = sizeof(merge_shared),
    .local_bytes = sizeof(merge_local),
    .lease_min = merge_lease_min,
    .open = merge_open,
    .local_open = merge_local_open,
    .pull = merge_pull,
    .local_close = merge_local_close,
    .close = merge_close,
};
