/* exec/op_join_asof.c — asof join: a source that finds each left row's nearest right row.
 *
 * Workers take turns at the two sorters (join_asof.h): a turn is one block of left rows, each with its
 * match, and one morsel, which is one batch. The residual condition (a tolerance) is asked of the
 * match, outside the lock: where it is not true there is none.
 * Rows come out in the order of the sorts: keys, then the ordered column.
 * Memory: shared 4 keys and a row; a worker: a batch of pairs and 2 row pages, one a side.
 * Threads: as above. Cost: 60-100 ns a left row, 20 ns a right one, on top of reading the sorts. */
#include <string.h>

#include "base/bits.h"
#include "base/fault.h"
#include "exec/join_asof.h"
#include "exec/join_pairs.h"

enum {
    LEFT = WR_MERGE_LEFT,
    RIGHT = WR_MERGE_RIGHT,
    SIDES = WR_MERGE_SIDES,
    STRESS_ROWS = 4,
};

typedef struct asof_shared {
    wr_mutex           mutex;
    bool               is_open, is_over;
    wr_bump            bump;
    wr_join_asof_input input;
    uint64_t           next_morsel;
} asof_shared;

typedef struct asof_local {
    const wr_plan_join *join;
    wr_lease           *lease;
    wr_bump             bump;
    wr_join_pairs       pairs;
    uint8_t            *pages;
    uint32_t            page_count; /* of the arena */
    wr_join_asof_block  block;
} asof_local;

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint64_t shared_bytes(const wr_plan_join_asof *plan, const wr_exec *exec)
{
    uint32_t key_count = plan->merge.join.key_count;

    return SIDES * (wr_round_up(wr_sortkey_bytes(key_count + 1), 16) +
                    wr_round_up(wr_sortkey_bytes(key_count), 16)) +
           wr_row_bytes_max(wr_join_pairs_page_bytes(&plan->merge, exec));
}

static uint64_t local_bytes(const wr_plan_join_asof *plan, const wr_exec *exec)
{
    return SIDES * wr_round_up(exec->batch_rows * sizeof(uint8_t *), 16) +
           wr_join_pairs_bytes(&plan->merge, exec);
}

static uint64_t asof_lease_min(const void *plan_p, const wr_exec *exec, uint32_t worker_count)
{
    const wr_plan_join_asof *plan = plan_p;

    return wr_bump_lease_min(shared_bytes(plan, exec), exec->page_bytes) +
           worker_count * (wr_bump_lease_min(local_bytes(plan, exec), exec->page_bytes) +
                           SIDES * (uint64_t)wr_join_pairs_page_bytes(&plan->merge, exec) +
                           wr_join_pairs_residual_min(&plan->merge.join, exec));
}

/* ---- Open and close -------------------------------------------------------------------------- */

static wr_status asof_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    const wr_plan_join_asof *plan = node->plan;
    asof_shared             *shared = wr_node_shared(node);
    wr_join_asof_input      *input = &shared->input;
    uint32_t                 key_count = plan->merge.join.key_count;

    wr_mutex_init(&shared->mutex);
    shared->is_open = true;
    wr_bump_init(&shared->bump, wr_node_lease(node));
    WR_TRY(wr_bump_reserve(&shared->bump, shared_bytes(plan, exec), err));
    input->excludes_equal = plan->excludes_equal;
    input->sides[LEFT].wants_alone = plan->merge.join.type == WR_JOIN_LEFT;
    for (uint32_t s = 0; s < SIDES; s++) {
        wr_sorter *sorter = wr_sort_sorter(node->reads[s]);

        WR_TRY(wr_join_merge_side_open(&input->sides[s], sorter, key_count + 1, &shared->bump,
                                       err));
        WR_TRY(wr_sortkey_init(&input->by[s], &sorter->layout, sorter->plan.keys, key_count,
                               &shared->bump, err));
    }
    input->held = wr_bump_alloc(&shared->bump, input->sides[RIGHT].sorter->layout.row_bytes_max,
                                err);
    return input->held ? WR_OK : WR_NO_MEMORY;
}

static void asof_close(wr_node *node)
{
    asof_shared *shared = wr_node_shared(node);

    if (!shared->is_open)
        return;
    shared->is_open = false;
    for (uint32_t s = 0; s < SIDES; s++)
        wr_join_merge_side_close(&shared->input.sides[s]);
    wr_bump_release(&shared->bump);
    wr_mutex_release(&shared->mutex);
}

static wr_status asof_local_open(wr_node *node, void *local_p, wr_exec *exec, wr_error *err)
{
    const wr_plan_join_asof *plan = node->plan;
    asof_shared             *shared = wr_node_shared(node);
    asof_local              *local = local_p;
    wr_join_asof_block      *block = &local->block;
    const wr_row_layout     *layouts[SIDES];

    local->join = &plan->merge.join;
    local->lease = wr_node_lease(node);
    wr_bump_init(&local->bump, local->lease);
    WR_TRY(wr_bump_reserve(&local->bump, local_bytes(plan, exec), err));
    block->page_bytes = wr_join_pairs_page_bytes(&plan->merge, exec);
    local->page_count = SIDES * (block->page_bytes / exec->page_bytes);
    local->pages = wr_lease_take(local->lease, local->page_count);
    if (!local->pages)
        return WR_RAISE(err, WR_BUG, "%s: no pages for an asof join inside its lease", node->label);
    block->rows_max = exec->batch_rows;
    if (wr_stress_get()->spill_always && block->rows_max > STRESS_ROWS)
        block->rows_max = STRESS_ROWS;
    for (uint32_t s = 0; s < SIDES; s++) {
        layouts[s] = &shared->input.sides[s].sorter->layout;
        block->pages[s] = (wr_row_page *)(void *)(local->pages + (size_t)s * block->page_bytes);
        block->rows[s] = WR_BUMP_NEW_ARRAY(&local->bump, const uint8_t *, exec->batch_rows, err);
        if (!block->rows[s])
            return WR_NO_MEMORY;
    }
    return wr_join_pairs_open(&local->pairs, local->join, layouts, &local->bump, exec, err);
}

static void asof_local_close(wr_node *node, void *local_p)
{
    asof_local *local = local_p;

    (void)node;
    if (!local->lease)
        return;
    wr_join_pairs_close(&local->pairs);
    if (local->pages)
        wr_lease_give(local->lease, local->pages, local->page_count);
    wr_bump_release(&local->bump);
}

/* ---- Joining --------------------------------------------------------------------------------- */

/* The next block is this worker's; no rows: there is none. */
static wr_status take_block(asof_shared *shared, asof_local *local, uint64_t *out_morsel,
                            const wr_exec *exec, wr_error *err)
{
    wr_status status;

    WR_LOCKED(&shared->mutex);
    *out_morsel = shared->next_morsel;
    local->block.count = 0;
    if (shared->is_over)
        return WR_OK;
    status = wr_join_asof_take(&shared->input, &local->block, exec, err);
    shared->is_over = status != WR_OK || local->block.count == 0;
    shared->next_morsel += !shared->is_over;
    return status;
}

/* Matches for which the residual condition is not true are none. */
static wr_status drop_matches(asof_local *local, wr_error *err)
{
    wr_join_asof_block *block = &local->block;
    wr_join_pairs      *pairs = &local->pairs;
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
    wr_join_pairs            *pairs = &local->pairs;
    uint32_t                  count = 0;

    if (local->join->residual)
        WR_TRY(drop_matches(local, err));
    for (uint32_t i = 0; i < block->count; i++) {
        const uint8_t *match = block->rows[RIGHT][i];

        pairs->rows[LEFT][count] = block->rows[LEFT][i];
        pairs->rows[RIGHT][count] = match ? match : pairs->null_rows[RIGHT];
        count += match || local->join->type == WR_JOIN_LEFT;
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
