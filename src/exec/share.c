/* exec/share.c — the memory of one step: finished states shrink if they must, mins are granted
 * together, the surplus is shared out.
 *
 * Surplus goes by water-filling: every lease is filled at a rate that is its weight until its want
 * is met, so small wants are met first and the rest is shared in proportion to the weights.
 *
 * Invariants
 *  1. The sum of pages_want over the leases of a step and of what others hold is at most the arena:
 *     within its want a lease never competes.
 *  2. A sink that several steps feed keeps what it was allowed until the last of them. So surplus
 *     that a step gives it leaves the mins of the steps up to that one.
 *  3. A state is asked to reclaim only if the mins do not fit without (and in stress modes), states
 *     that wait before states that this step reads. */
#include "exec/pipeline_priv.h"

typedef struct wr_share {
    wr_lease *lease;
    uint64_t  need;   /* pages above what is granted that it could use */
    double    weight;
    bool      filled;
} wr_share;

wr_status wr_run_grant_init(wr_run *run, wr_bump *bump, wr_error *err)
{
    const wr_schedule *schedule = run->schedule;
    uint32_t           most = 1;

    for (uint32_t s = 0; s < schedule->step_count; s++)
        if (schedule->lease_counts[s] > most)
            most = schedule->lease_counts[s];
    run->shares = WR_BUMP_NEW_ARRAY(bump, wr_share, most, err);
    run->leases = WR_BUMP_NEW_ARRAY(bump, wr_lease *, most, err);
    return run->shares && run->leases ? WR_OK : WR_NO_MEMORY;
}

static uint64_t pages_bytes(const wr_run *run, uint64_t pages)
{
    return pages * run->exec->page_bytes;
}

static bool is_waiting(const wr_node *node)
{
    return node->role == WR_ROLE_SINK && node->is_open && node->is_finished && node->lease.is_open;
}

/* Does this step use the state of `node`? */
static bool is_used(const wr_step *step, const wr_node *node)
{
    for (uint32_t i = 0; i < step->node_count; i++)
        if (step->nodes[i] == node || wr_node_reads(step->nodes[i], node))
            return true;
    return false;
}

/* Was the sink fed by a step before, and will be again? What it holds may lie above its min. */
static bool is_being_fed(const wr_node *node)
{
    return node->role == WR_ROLE_SINK && node->is_open && !node->is_finished &&
           node->lease.is_open;
}

static bool step_has(const wr_step *step, const wr_node *node)
{
    for (uint32_t i = 0; i < step->node_count; i++)
        if (step->nodes[i] == node)
            return true;
    return false;
}

/* Leave every lease its new min, and every finished state that only waits its least. */
static void set_demands(wr_run *run, uint32_t step_index)
{
    const wr_schedule   *schedule = run->schedule;
    const wr_step_lease *entries = schedule->leases[step_index];
    uint32_t             count = schedule->lease_counts[step_index];

    for (uint32_t i = 0; i < schedule->all_node_count; i++) {
        wr_node *node = schedule->all_nodes[i];
        uint64_t resident = 0;

        if (!is_waiting(node)) {
            if (node->role != WR_ROLE_SINK && node->lease.is_open)
                wr_lease_demand(&node->lease, 0, 0); /* of another step, which left nothing in it */
            continue;
        }
        if (node->sink->resident_min)
            resident = node->sink->resident_min(node->plan, run->exec);
        wr_lease_demand(&node->lease, resident, resident);
    }
    for (uint32_t i = 0; i < count; i++) {
        wr_lease *lease = wr_node_lease(entries[i].node);
        uint64_t  min = entries[i].min_bytes;

        run->leases[i] = lease;
        if (is_being_fed(entries[i].node) && min < pages_bytes(run, lease->pages_want))
            min = pages_bytes(run, lease->pages_want);
        if (lease->is_open)
            wr_lease_demand(lease, min, min);
        else
            wr_lease_init(lease, entries[i].node->label, entries[i].min_bytes,
                          entries[i].min_bytes, run->exec->page_bytes);
    }
    for (uint32_t i = 0; i < schedule->all_node_count; i++)
        if (schedule->all_nodes[i]->lease.is_open)
            wr_lease_shrink(&schedule->all_nodes[i]->lease);
}

static bool mins_fit(const wr_run *run, uint32_t count)
{
    uint64_t missing = 0;

    for (uint32_t i = 0; i < count; i++) {
        const wr_lease *lease = run->leases[i];
        uint32_t        granted = lease->is_open ? lease->pages_granted : 0;

        missing += lease->pages_min > granted ? lease->pages_min - granted : 0;
    }
    return missing <= wr_arena_pages_ungranted(run->exec->arena);
}

/* Ask finished states to shrink until the mins fit; those that this step reads come last. */
static wr_status reclaim_states(wr_run *run, uint32_t count, wr_error *err)
{
    const wr_schedule *schedule = run->schedule;
    bool               always = run->stress->lease_min || run->stress->spill_always;

    for (int used = 0; used <= 1; used++) {
        for (uint32_t i = 0; i < schedule->all_node_count; i++) {
            wr_node *node = schedule->all_nodes[i];

            if (!always && mins_fit(run, count))
                return WR_OK;
            if (!is_waiting(node) || !node->sink->reclaim || is_used(run->step, node) != used)
                continue;
            WR_TRY(node->sink->reclaim(node, run->exec, err));
            wr_lease_shrink(&node->lease);
        }
    }
    return WR_OK;
}

/* Give those whose need lies below the water level what they need. Was there one? */
static bool fill_small(wr_share *shares, uint32_t count, uint64_t *io_pages, double level)
{
    bool any = false;

    for (uint32_t i = 0; i < count; i++) {
        wr_share *share = &shares[i];

        if (share->filled || (double)share->need > level * share->weight ||
            share->need > *io_pages)
            continue;
        share->lease->pages_want += (uint32_t)share->need;
        *io_pages -= share->need;
        share->filled = true;
        any = true;
    }
    return any;
}

static void share_surplus(wr_share *shares, uint32_t count, uint64_t pages)
{
    for (;;) {
        double weights = 0;

        for (uint32_t i = 0; i < count; i++)
            weights += shares[i].filled ? 0 : shares[i].weight;
        if (weights <= 0)
            return;
        if (fill_small(shares, count, &pages, (double)pages / weights))
            continue;
        for (uint32_t i = 0; i < count; i++)
            if (!shares[i].filled)
                shares[i].lease->pages_want +=
                    (uint32_t)((double)pages * shares[i].weight / weights);
        return;
    }
}

/* The last step that feeds a sink of this one; this one itself if none does. */
static uint32_t last_feeding_step(const wr_run *run, uint32_t step_index)
{
    const wr_schedule *schedule = run->schedule;
    const wr_step     *step = &schedule->steps[step_index];

    for (uint32_t s = schedule->step_count; s-- > step_index + 1;)
        for (uint32_t i = 0; i < step->node_count; i++)
            if (step->nodes[i]->role == WR_ROLE_SINK && step_has(&schedule->steps[s], step->nodes[i]))
                return s;
    return step_index;
}

/* Pages that can be given above the mins and still leave every step up to the last that feeds a sink
 * of this one its mins. */
static uint64_t surplus_of(const wr_run *run, uint32_t step_index)
{
    const wr_schedule *schedule = run->schedule;
    uint32_t           last = last_feeding_step(run, step_index);
    uint64_t           ungranted = wr_arena_pages_ungranted(run->exec->arena), room = ungranted;
    uint64_t           most = 0, kept = 0;

    if (last == step_index)
        return ungranted;
    for (uint32_t s = step_index; s <= last; s++) {
        uint64_t pages = 0;

        for (uint32_t i = 0; i < schedule->lease_counts[s]; i++)
            pages += wr_pages_for(schedule->leases[s][i].min_bytes, run->exec->page_bytes);
        most = pages > most ? pages : most;
    }
    for (uint32_t i = 0; i < schedule->all_node_count; i++)
        if (schedule->all_nodes[i]->lease.is_open)
            room += schedule->all_nodes[i]->lease.pages_granted;
    for (uint32_t i = 0; i < schedule->lease_counts[step_index]; i++) {
        const wr_step_lease *entry = &schedule->leases[step_index][i];
        uint64_t             granted = wr_node_lease(entry->node)->pages_granted;
        uint64_t             min = wr_pages_for(entry->min_bytes, run->exec->page_bytes);

        kept += is_being_fed(entry->node) && granted > min ? granted - min : 0;
    }
    room = room > most + kept ? room - most - kept : 0;
    return room < ungranted ? room : ungranted;
}

static void set_wants(wr_run *run, uint32_t step_index)
{
    const wr_step_lease *entries = run->schedule->leases[step_index];
    uint32_t             count = run->schedule->lease_counts[step_index];
    uint32_t             page_bytes = run->exec->page_bytes;
    uint64_t             surplus = surplus_of(run, step_index);

    for (uint32_t i = 0; i < count; i++) {
        wr_lease *lease = run->leases[i];
        uint64_t  want = entries[i].want_bytes / page_bytes;
        uint64_t  granted = lease->pages_granted;

        if (run->stress->lease_min || entries[i].weight <= 0)
            want = 0;
        if (want > granted + surplus)
            want = granted + surplus;
        lease->pages_want = (uint32_t)granted;
        run->shares[i] = (wr_share){.lease = lease, .need = want > granted ? want - granted : 0,
                                    .weight = entries[i].weight, .filled = want <= granted};
    }
    share_surplus(run->shares, count, surplus);
}

wr_status wr_run_grant(wr_run *run, uint32_t step_index, wr_error *err)
{
    uint32_t count = run->schedule->lease_counts[step_index];

    set_demands(run, step_index);
    WR_TRY(reclaim_states(run, count, err));
    if (count > 0)
        WR_TRY(wr_lease_open_all(run->exec->arena, run->leases, count, err));
    set_wants(run, step_index);
    return WR_OK;
}
