/* exec/op_join_asof.c — asof join: a source that finds each left row's nearest right row.
 *
 * Workers take turns at the two sorters (join_asof.h): a turn is one block of left rows, each with its
 * match, and one morsel, which is one batch. The residual condition (a tolerance) is asked of the
 * match, outside the lock: where it is not true there is none.
 * Rows come out in the order of the sorts: keys, then the ordered column.
 * Memory: shared 4 keys and a row; a worker: a batch of pairs and 2 row pages, one a side.
 * Threads: as above. Cost: 60-100 ns a left row, 20 ns a right one, on top of reading the sorts. */
#include "base/bits.h"
#include "exec/join_asof.h"
#include "exec/join_frame.h"

enum {
    LEFT = WR_MERGE_LEFT,
    RIGHT = WR_MERGE_RIGHT,
    SIDES = WR_MERGE_SIDES,
};

typedef struct asof_shared {
    wr_join_turns      turns;
    wr_join_asof_input input;
} asof_shared;

typedef struct asof_local {
    wr_join_worker     worker;
    wr_join_asof_block block;
} asof_local;

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint64_t shared_bytes(const wr_plan_join_asof *plan, const wr_exec *exec)
{
    uint32_t key_count = plan->merge.join.key_count;

    return SIDES * (wr_round_up(wr_sortkey_bytes(key_count + 1), 16) +
                    wr_round_up(wr_sortkey_bytes(key_count), 16)) +
           wr_row_bytes_max(wr_join_pairs_page_bytes(&plan->merge, exec));
}

static uint64_t local_bytes(const wr_exec *exec)
{
    return SIDES * wr_round_up(exec->batch_rows * sizeof(uint8_t *), 16);
}

static uint64_t asof_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_join_asof *plan = plan_p;

    return wr_bump_lease_min(shared_bytes(plan, exec), exec->page_bytes) +
           worker_count * wr_join_worker_min(&plan->merge, exec, local_bytes(exec), SIDES);
}

/* ---- Open and close -------------------------------------------------------------------------- */

static wr_status asof_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_join_asof *plan = node->plan;
    asof_shared             *shared = wr_node_shared(node);
    wr_join_asof_input      *input = &shared->input;
    wr_bump                 *bump = &shared->turns.bump;
    uint32_t                 key_count = plan->merge.join.key_count;

    WR_TRY(wr_join_turns_open(&shared->turns, node, shared_bytes(plan, exec), err));
    input->excludes_equal = plan->excludes_equal;
    input->sides[LEFT].wants_alone = plan->merge.join.type == WR_JOIN_LEFT;
    for (uint32_t s = 0; s < SIDES; s++) {
        wr_sorter *sorter = wr_sort_sorter(node->reads[s]);

        WR_TRY(wr_join_merge_side_open(input->sides, s, sorter, key_count + 1, bump, err));
        WR_TRY(wr_sortkey_init(&input->by[s], &sorter->layout, sorter->plan.keys, key_count, bump,
                               err));
    }
    input->held = wr_bump_alloc(bump, input->sides[RIGHT].sorter->layout.row_bytes_max, err);
    return input->held ? WR_OK : WR_NO_MEMORY;
}

static void asof_close(wr_node *node)
{
    asof_shared *shared = wr_node_shared(node);

    for (uint32_t s = 0; s < SIDES; s++)
        wr_join_merge_side_close(&shared->input.sides[s]);
    wr_join_turns_close(&shared->turns);
}

static wr_status asof_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_join_asof *plan = node->plan;
    asof_local              *local = local_p;
    wr_join_worker          *worker = &local->worker;
    wr_join_asof_block      *block = &local->block;

    WR_TRY(wr_join_worker_open(worker, node, &plan->merge, exec, local_bytes(exec), SIDES, err));
    block->page_bytes = worker->page_bytes;
    block->rows_max = worker->rows_max;
    for (uint32_t s = 0; s < SIDES; s++) {
        block->pages[s] = wr_join_worker_page(worker, s);
        block->rows[s] = WR_BUMP_NEW_ARRAY(&worker->bump, const uint8_t *, exec->batch_rows, err);
        if (!block->rows[s])
            return WR_NO_MEMORY;
    }
    return WR_OK;
}

static void asof_local_close(wr_node *node, void *local_p)
{
    asof_local *local = local_p;

    (void)node;
    wr_join_worker_close(&local->worker);
}

/* ---- Joining --------------------------------------------------------------------------------- */

/* The next block is this worker's; no rows: there is none. */
static wr_status take_block(asof_shared *shared, asof_local *local, uint64_t *out_morsel,
                            const wr_exec *exec, wr_error *err)
{
    wr_status status = WR_OK;

    local->block.count = 0;
    wr_join_turns_enter(&shared->turns, shared->input.sides);
    if (wr_join_turn_begin(&shared->turns, out_morsel)) {
        status = wr_join_asof_take(&shared->input, &local->block, exec, err);
        status = wr_join_turn_end(&shared->turns, status, local->block.count > 0);
    }
    wr_join_turns_leave(&shared->turns);
    return status;
}

/* Matches for which the residual condition is not true are none. */
static wr_status drop_matches(asof_local *local, wr_error *err)
{
    wr_join_asof_block *block = &local->block;
    wr_join_pairs      *pairs = &local->worker.pairs;
    uint32_t            count = 0, passed_count, next = 0;

    for (uint32_t i = 0; i < block->count; i++) {
        pairs->rows[LEFT][count] = block->rows[LEFT][i];
        pairs->rows[RIGHT][count] = block->rows[RIGHT][i];
        count += block->rows[RIGHT][i] != NULL;
    }
    WR_TRY(wr_join_pairs_ask(pairs, count, &passed_count, err));
    count = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        if (!block->rows[RIGHT][i])
            continue;
        if (next < passed_count && pairs->passed[next] == count)
            next++;
        else
            block->rows[RIGHT][i] = NULL;
        count++;
    }
    return WR_OK;
}

static wr_status join_block(asof_local *local, wr_batch *out, wr_error *err)
{
    const wr_join_asof_block *block = &local->block;
    wr_join_pairs            *pairs = &local->worker.pairs;
    uint32_t                  count = 0;

    if (local->worker.join->residual)
        WR_TRY(drop_matches(local, err));
    for (uint32_t i = 0; i < block->count; i++) {
        const uint8_t *match = block->rows[RIGHT][i];

        pairs->rows[LEFT][count] = block->rows[LEFT][i];
        pairs->rows[RIGHT][count] = match ? match : pairs->null_rows[RIGHT];
        count += match || local->worker.join->type == WR_JOIN_LEFT;
    }
    if (count > 0)
        wr_join_pairs_put(pairs, count, out);
    return WR_OK;
}

static wr_status asof_pull(wr_node *node, void *local_p, wr_batch *out, wr_flow *out_flow,
                           wr_exec *exec, wr_error *err)
{
    asof_local *local = local_p;

    *out_flow = WR_FLOW_MORE;
    WR_TRY(take_block(wr_node_shared(node), local, &out->morsel, exec, err));
    if (local->block.count == 0) {
        *out_flow = WR_FLOW_DONE;
        return WR_OK;
    }
    out->morsel_end = true;
    return join_block(local, out, err);
}

const wr_source_ops WR_JOIN_ASOF = {
    .name = "asof join",
    .shared_bytes = sizeof(asof_shared),
    .local_bytes = sizeof(asof_local),
    .lease_min = asof_lease_min,
    .open = asof_open,
    .local_open = asof_local_open,
    .pull = asof_pull,
    .local_close = asof_local_close,
    .close = asof_close,
};
