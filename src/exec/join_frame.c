/* exec/join_frame.c — open and close what the joins over two sorts have in common. */
#include "exec/join_frame.h"

#include "base/fault.h"
#include "exec/sorter.h"

enum {
    STRESS_ROWS = 4,
    TRIES_MAX = 100, /* a turn is shorter than falling asleep and being woken up */
};

wr_status wr_join_turns_open(wr_join_turns *turns, wr_node *node, uint64_t bump_bytes,
                             wr_error *err)
{
    wr_mutex_init(&turns->mutex);
    turns->is_open = true;
    wr_bump_init(&turns->bump, wr_node_lease(node));
    return wr_bump_reserve(&turns->bump, bump_bytes, err);
}

void wr_join_turns_close(wr_join_turns *turns)
{
    if (!turns->is_open)
        return;
    turns->is_open = false;
    wr_bump_release(&turns->bump);
    wr_mutex_release(&turns->mutex);
}

void wr_join_turns_enter(wr_join_turns *turns, wr_join_merge_side sides[WR_MERGE_SIDES])
{
    for (uint32_t tries = 0; !wr_mutex_try_lock(&turns->mutex); tries++) {
        if (wr_join_merge_side_help(&sides[WR_MERGE_LEFT]) ||
            wr_join_merge_side_help(&sides[WR_MERGE_RIGHT])) {
            tries = 0;
        } else if (tries < TRIES_MAX) {
            wr_thread_yield();
        } else {
            wr_mutex_lock(&turns->mutex);
            return;
        }
    }
}

uint64_t wr_join_worker_min(const wr_plan_join_merge *plan, const wr_exec *exec,
                            uint64_t bump_bytes, uint32_t row_pages)
{
    return wr_bump_lease_min(bump_bytes + wr_join_pairs_bytes(plan, exec), exec->page_bytes) +
           row_pages * (uint64_t)wr_join_pairs_page_bytes(plan, exec) +
           wr_join_pairs_residual_min(&plan->join, exec);
}

wr_status wr_join_worker_open(wr_join_worker *worker, wr_node *node, const wr_plan_join_merge *plan,
                              wr_exec *exec, uint64_t bump_bytes, uint32_t row_pages,
                              wr_error *err)
{
    const wr_row_layout *layouts[WR_MERGE_SIDES];

    worker->join = &plan->join;
    worker->exec = exec;
    worker->lease = wr_node_lease(node);
    worker->page_bytes = wr_join_pairs_page_bytes(plan, exec);
    worker->page_count = row_pages * (worker->page_bytes / exec->page_bytes);
    worker->rows_max = exec->batch_rows;
    if (wr_stress_get()->spill_always && worker->rows_max > STRESS_ROWS)
        worker->rows_max = STRESS_ROWS;
    wr_bump_init(&worker->bump, worker->lease);
    WR_TRY(wr_bump_reserve(&worker->bump, bump_bytes + wr_join_pairs_bytes(plan, exec), err));
    WR_TRY(wr_join_pages_take(node, worker->page_count, &worker->pages, err));
    for (uint32_t s = 0; s < WR_MERGE_SIDES; s++)
        layouts[s] = &wr_sort_sorter(node->reads[s])->layout;
    return wr_join_pairs_open(&worker->pairs, worker->join, layouts, &worker->bump, exec, err);
}

void wr_join_worker_close(wr_join_worker *worker)
{
    if (!worker->lease)
        return;
    wr_join_pairs_close(&worker->pairs);
    if (worker->pages)
        wr_lease_give(worker->lease, worker->pages, worker->page_count);
    wr_bump_release(&worker->bump);
    worker->lease = NULL;
}

wr_status wr_join_pages_take(wr_node *node, uint32_t page_count, uint8_t **out_pages, wr_error *err)
{
    *out_pages = wr_lease_take(wr_node_lease(node), page_count);
    return *out_pages ? WR_OK
                      : WR_RAISE(err, WR_BUG, "%s: no pages for a join inside its lease",
                                 node->label);
}

uint64_t wr_join_rest_bytes(const wr_lease *lease, const wr_exec *exec)
{
    uint64_t total = wr_lease_pages_max(lease), used = lease->pages_used;

    return total > used ? (total - used) * exec->page_bytes : 0;
}
