/* planner/fit.c — leases of each step, the memory certificate, and rewriting until it fits.
 *
 * step(p) = sum of lease_min of the operators in p + sum of resident_min of finished states that a
 * later step reads + lease_min of sinks that are open but not fed in p. M = max over steps.
 * Rewrites, in this order, each of which keeps every result: smaller scan chunks, fewer workers,
 * shorter batches. While there is choice the certificate takes at most half of the arena, so that
 * breakers have surplus to work with. Scans that jump in their files then get what is left, for more
 * pages at hand. Everything is rebuilt for each try: a build is microseconds.
 * Invariant: every lease the executor will demand stands in schedule->leases. */
#include <stdio.h>

#include "mem/textbuf.h"
#include "planner/planner_priv.h"

uint64_t wr_node_lease_min(const wr_node *node, const wr_exec *exec, uint32_t worker_count)
{
    switch (node->role) {
    case WR_ROLE_SOURCE:
        return node->source->lease_min ? node->source->lease_min(node->plan, exec, worker_count)
                                       : 0;
    case WR_ROLE_TRANSFORM:
        return node->transform->lease_min
                   ? node->transform->lease_min(node->plan, exec, worker_count)
                   : 0;
    case WR_ROLE_SINK:
        return node->sink->lease_min ? node->sink->lease_min(node->plan, exec, worker_count) : 0;
    }
    WR_UNREACHABLE();
}

static uint64_t round_to_pages(const wr_exec *exec, uint64_t bytes)
{
    return (uint64_t)wr_pages_for(bytes, exec->page_bytes) * exec->page_bytes;
}

/* ---- One step's leases ------------------------------------------------------------------------- */

static wr_step_lease *find_lease(wr_step_lease *leases, uint32_t count, const wr_node *owner)
{
    for (uint32_t i = 0; i < count; i++)
        if (leases[i].node == owner)
            return &leases[i];
    return NULL;
}

/* Does the node keep state that grows with data? Aggregates without keys have one group. */
static bool is_breaker(const wr_node *node)
{
    const wr_node *sink = node->state ? node->state : node;

    if (sink->role == WR_ROLE_SINK && sink->sink == &WR_AGGREGATE)
        return ((const wr_plan_aggregate *)sink->plan)->key_count > 0;
    return wr_node_is_reader(node) || (node->role == WR_ROLE_SINK && node->sink->resident_min);
}

/* Breakers can use whatever there is; the others work at full speed with a little more than min: what
 * a scan does not use would make the runs of a sort shorter. */
static void set_want(wr_step_lease *lease, const wr_node *node)
{
    enum { MORE_BYTES_MAX = 1024 * 1024 };

    if (is_breaker(node)) {
        lease->want_bytes = UINT64_MAX;
        lease->weight = 1.0;
    } else if (lease->want_bytes != UINT64_MAX) {
        lease->want_bytes = lease->min_bytes + (lease->min_bytes < MORE_BYTES_MAX ? lease->min_bytes
                                                                                  : MORE_BYTES_MAX);
        lease->weight = lease->weight > 0.5 ? lease->weight : 0.5;
    }
}

static bool step_touches(const wr_step *step, const wr_node *node)
{
    for (uint32_t i = 0; i < step->node_count; i++)
        if (step->nodes[i] == node || wr_node_reads(step->nodes[i], node))
            return true;
    return false;
}

/* A sink that an earlier step fed and a later step needs. */
static bool is_waiting(const wr_schedule *schedule, uint32_t s, const wr_node *sink)
{
    bool before = false, after = false;

    for (uint32_t i = 0; i < schedule->step_count; i++)
        if (step_touches(&schedule->steps[i], sink)) {
            before |= i < s;
            after |= i > s;
        }
    return before && after && !step_touches(&schedule->steps[s], sink);
}

static bool is_fed_later(const wr_schedule *schedule, uint32_t s, const wr_node *sink)
{
    for (uint32_t i = s + 1; i < schedule->step_count; i++)
        for (uint32_t k = 0; k < schedule->steps[i].node_count; k++)
            if (schedule->steps[i].nodes[k] == sink)
                return true;
    return false;
}

static uint64_t waiting_min(const wr_builder *b, const wr_schedule *schedule, uint32_t s,
                            const wr_node *sink)
{
    if (is_fed_later(schedule, s, sink))
        return wr_node_lease_min(sink, &b->exec, b->exec.worker_count);
    return sink->sink->resident_min ? sink->sink->resident_min(sink->plan, &b->exec) : 0;
}

static const char *lease_label(wr_builder *b, const wr_node *node)
{
    const char *name = node->role == WR_ROLE_SOURCE      ? node->source->name
                       : node->role == WR_ROLE_TRANSFORM ? node->transform->name
                                                         : node->sink->name;
    const char *label = wr_bump_printf(b->bump, NULL, "%s (%s)", node->label, name);

    return label ? label : name;
}

/* `min` more on the lease of `owner` for what `node` does. Returns how many leases are new. */
static uint32_t add_lease(wr_step_lease *leases, uint32_t count, wr_node *owner,
                          const wr_node *node, uint64_t min, const char *label,
                          wr_certificate_step *out_step)
{
    wr_step_lease *lease = find_lease(leases, count, owner);
    bool           is_new = !lease;

    if (is_new) {
        lease = &leases[count];
        lease->node = owner;
    }
    lease->min_bytes += min;
    set_want(lease, node);
    out_step->is_elastic |= lease->want_bytes == UINT64_MAX;
    out_step->rows[out_step->row_count++] = (wr_certificate_row){label, min, false};
    out_step->min_bytes += min;
    return is_new;
}

static wr_status add_step(wr_builder *b, wr_schedule *schedule, uint32_t s,
                          wr_certificate_step *out_step, wr_error *err)
{
    const wr_step *step = &schedule->steps[s];
    uint32_t       room = step->node_count + schedule->all_node_count + 1, lease_count = 0;
    wr_step_lease *leases = WR_BUMP_NEW_ARRAY(b->bump, wr_step_lease, room, err);

    *out_step = (wr_certificate_step){.label = step->label, .worker_count = step->worker_count};
    out_step->rows = WR_BUMP_NEW_ARRAY(b->bump, wr_certificate_row, room, err);
    if (!leases || !out_step->rows)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < step->node_count; i++) {
        wr_node *node = step->nodes[i];

        lease_count += add_lease(leases, lease_count, node->state ? node->state : node, node,
                                 round_to_pages(&b->exec, wr_node_lease_min(node, &b->exec,
                                                                            step->worker_count)),
                                 lease_label(b, node), out_step);
        for (int r = 0; r < 2 && node->reads[r]; r++)
            lease_count += add_lease(leases, lease_count, node->reads[r], node,
                                     round_to_pages(&b->exec,
                                                    WR_SORT_READ.lease_min(node->reads[r]->plan,
                                                                           &b->exec, 1)),
                                     lease_label(b, node->reads[r]), out_step);
    }
    for (uint32_t i = 0; i < schedule->all_node_count; i++) {
        wr_node *node = schedule->all_nodes[i];
        uint64_t min;

        if (node->role != WR_ROLE_SINK || !is_waiting(schedule, s, node))
            continue;
        min = round_to_pages(&b->exec, waiting_min(b, schedule, s, node));
        leases[lease_count++] = (wr_step_lease){.node = node, .min_bytes = min};
        out_step->rows[out_step->row_count++] =
            (wr_certificate_row){lease_label(b, node), min, true};
        out_step->min_bytes += min;
        out_step->is_elastic = true;
    }
    schedule->leases[s] = leases;
    schedule->lease_counts[s] = lease_count;
    return WR_OK;
}

static uint64_t shared_and_local_bytes(const wr_node *node, uint32_t worker_count)
{
    switch (node->role) {
    case WR_ROLE_SOURCE:
        return node->source->shared_bytes + worker_count * (uint64_t)node->source->local_bytes;
    case WR_ROLE_TRANSFORM:
        return node->transform->shared_bytes +
               worker_count * (uint64_t)node->transform->local_bytes;
    case WR_ROLE_SINK:
        return node->sink->shared_bytes + worker_count * (uint64_t)node->sink->local_bytes;
    }
    WR_UNREACHABLE();
}

/* The plan pool while the plan runs: what it holds now, the nodes' shared and local blocks, and what
 * the executor keeps for each worker and node. */
static uint64_t plan_pool_bytes(const wr_builder *b, const wr_schedule *schedule)
{
    enum { PER_WORKER_BYTES = 4096, PER_NODE_BYTES = 512, LOOSE_BYTES = 64 * 1024 };
    uint32_t workers = b->exec.worker_count;
    uint64_t bytes = (uint64_t)b->bump->lease->pages_used * b->exec.page_bytes + LOOSE_BYTES +
                     (uint64_t)workers * PER_WORKER_BYTES;

    for (uint32_t i = 0; i < schedule->all_node_count; i++)
        bytes += shared_and_local_bytes(schedule->all_nodes[i], workers) +
                 (uint64_t)(workers + 1) * PER_NODE_BYTES;
    return bytes > b->fit->plan_bytes_min ? bytes : b->fit->plan_bytes_min;
}

wr_status wr_certificate_make(wr_builder *b, wr_schedule *schedule, wr_certificate *out,
                              wr_error *err)
{
    uint32_t count = schedule->step_count;

    *out = (wr_certificate){.step_count = count, .batch_rows = b->exec.batch_rows,
                            .chunk_bytes = b->chunk_bytes,
                            .worker_count = b->exec.worker_count};
    out->steps = WR_BUMP_NEW_ARRAY(b->bump, wr_certificate_step, count + 1, err);
    schedule->leases = WR_BUMP_NEW_ARRAY(b->bump, wr_step_lease *, count + 1, err);
    schedule->lease_counts = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, count + 1, err);
    if (!out->steps || !schedule->leases || !schedule->lease_counts)
        return WR_NO_MEMORY;
    for (uint32_t s = 0; s < count; s++) {
        WR_TRY(add_step(b, schedule, s, &out->steps[s], err));
        if (out->steps[s].min_bytes > out->steps[out->worst_step].min_bytes)
            out->worst_step = s;
    }
    out->min_bytes = (count ? out->steps[out->worst_step].min_bytes : 0) + b->fit->resident_bytes +
                     plan_pool_bytes(b, schedule);
    return WR_OK;
}

/* ---- Tries ------------------------------------------------------------------------------------- */

typedef struct fit_shape {
    uint32_t worker_count, batch_rows, chunk_bytes, paged_chunk_bytes;
    bool     half; /* the certificate may take half of the arena only */
} fit_shape;

enum { CHUNK_BYTES_MAX = 1024 * 1024, PAGED_CHUNK_BYTES_MAX = 8 * CHUNK_BYTES_MAX, BATCH_ROWS_MIN = 128 };

/* The next shape to try; false when nothing is left to give up. */
static bool next_shape(fit_shape *shape)
{
    if (shape->chunk_bytes > WR_CHUNK_BYTES_MIN) {
        shape->chunk_bytes = shape->paged_chunk_bytes /= 2;
        return true;
    }
    if (shape->half) {
        shape->half = false;
        return true;
    }
    if (shape->worker_count > 1) {
        shape->worker_count = 1;
        return true;
    }
    if (shape->batch_rows > BATCH_ROWS_MIN) {
        shape->batch_rows /= 2;
        return true;
    }
    return false;
}

static wr_status build_once(const wr_plan *plan, const wr_fit *fit, const fit_shape *shape,
                            const bool *spooled, wr_bump *bump, wr_builder *b,
                            wr_physical_plan *out, uint32_t *out_cycle, wr_error *err)
{
    *b = (wr_builder){.plan = plan, .fit = fit, .bump = bump, .chunk_bytes = shape->chunk_bytes,
                      .paged_chunk_bytes = shape->paged_chunk_bytes};
    b->exec.page_bytes = fit->page_bytes;
    b->exec.batch_rows = shape->batch_rows;
    b->exec.worker_count = shape->worker_count;
    b->exec.deterministic = fit->deterministic;
    b->streams = WR_BUMP_NEW_ARRAY(bump, wr_stream, plan->node_count + 1, err);
    b->reader_counts = WR_BUMP_NEW_ARRAY(bump, uint32_t, plan->node_count + 1, err);
    b->needs_position = WR_BUMP_NEW_ARRAY(bump, bool, plan->node_count + 1, err);
    b->limited = WR_BUMP_NEW_ARRAY(bump, bool, plan->node_count + 1, err);
    b->merged = WR_BUMP_NEW_ARRAY(bump, bool, plan->node_count + 1, err);
    b->spooled = WR_BUMP_NEW_ARRAY(bump, bool, plan->node_count + 1, err);
    if (!b->streams || !b->reader_counts || !b->needs_position || !b->limited ||
        !b->merged || !b->spooled)
        return WR_NO_MEMORY;
    memcpy(b->spooled, spooled, plan->node_count * sizeof spooled[0]);
    WR_TRY(wr_builder_run(b, err));
    WR_TRY(wr_steps_make(b, &out->schedule, out_cycle, err));
    if (*out_cycle != WR_FIELD_NONE)
        return WR_OK;
    return wr_certificate_make(b, &out->schedule, &out->certificate, err);
}

/* Is there room for the certificate, and for what breakers had better have? */
static bool has_surplus(const wr_certificate *certificate, uint64_t arena_bytes)
{
    uint64_t beside = certificate->min_bytes;

    if (certificate->step_count > 0)
        beside -= certificate->steps[certificate->worst_step].min_bytes;
    for (uint32_t s = 0; s < certificate->step_count; s++) {
        const wr_certificate_step *step = &certificate->steps[s];

        if (step->min_bytes + beside > (step->is_elastic ? arena_bytes / 4
                                                         : arena_bytes - arena_bytes / 16))
            return false;
    }
    return true;
}

/* Larger chunks for scans that jump in their files, as far as there is room: within an eighth. */
static wr_status add_pages(const wr_plan *plan, const wr_fit *fit, const fit_shape *shape,
                           const bool *spooled, wr_bump_mark mark, wr_builder *builder,
                           wr_physical_plan *out, wr_error *err)
{
    uint32_t  least = shape->paged_chunk_bytes, above = PAGED_CHUNK_BYTES_MAX + 1;
    wr_bump  *bump = builder->bump;
    fit_shape try = *shape;

    for (bool is_done = false; !is_done;) {
        uint32_t cycle;

        is_done = above - least <= least / 8;
        try.paged_chunk_bytes = is_done ? least : (least + above) / 2;
        wr_bump_rewind(bump, mark);
        *out = (wr_physical_plan){0};
        WR_TRY(build_once(plan, fit, &try, spooled, bump, builder, out, &cycle, err));
        if (has_surplus(&out->certificate, fit->arena_bytes))
            least = try.paged_chunk_bytes;
        else
            above = try.paged_chunk_bytes;
    }
    return WR_OK;
}

static void note_rewrites(const fit_shape *first, const fit_shape *chosen, wr_certificate *certificate)
{
    size_t used = 0;
    char  *text = certificate->rewritten;

    if (chosen->chunk_bytes < first->chunk_bytes)
        used += (size_t)snprintf(text + used, sizeof certificate->rewritten - used,
                                 "scan chunks of %u KiB", chosen->chunk_bytes / 1024);
    if (chosen->worker_count < first->worker_count)
        used += (size_t)snprintf(text + used, sizeof certificate->rewritten - used,
                                 "%s1 thread instead of %u", used ? ", " : "",
                                 first->worker_count);
    if (chosen->batch_rows < first->batch_rows)
        snprintf(text + used, sizeof certificate->rewritten - used, "%sbatches of %u rows",
                 used ? ", " : "", chosen->batch_rows);
}

wr_status wr_planner_build(const wr_plan *plan, const wr_fit *fit, wr_bump *bump,
                           wr_physical_plan *out, wr_error *err)
{
    fit_shape    first = {fit->worker_count_max, WR_BATCH_ROWS_MAX, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX,
                          true}, try;
    wr_bump_mark mark;
    bool        *spooled = WR_BUMP_NEW_ARRAY(bump, bool, plan->node_count + 1, err);
    wr_builder   builder;

    if (!spooled)
        return WR_NO_MEMORY;
    try = first;
    mark = wr_bump_save(bump);
    for (;;) {
        uint32_t cycle;
        uint64_t room = try.half ? fit->arena_bytes / 2 : fit->arena_bytes;

        *out = (wr_physical_plan){0};
        WR_TRY(build_once(plan, fit, &try, spooled, bump, &builder, out, &cycle, err));
        if (cycle != WR_FIELD_NONE) {
            spooled[cycle] = true;
        } else {
            if (out->certificate.min_bytes <= room)
                break;
            note_rewrites(&first, &try, &out->certificate);
            if (!next_shape(&try))
                return WR_RAISE(err, WR_NO_MEMORY, "the plan needs more memory than there is");
        }
        wr_bump_rewind(bump, mark);
    }
    if (builder.has_paged)
        WR_TRY(add_pages(plan, fit, &try, spooled, mark, &builder, out, err));
    note_rewrites(&first, &try, &out->certificate);
    return WR_OK;
}

/* ---- Text ---------------------------------------------------------------------------------------- */

wr_status wr_certificate_format(const wr_certificate *certificate, uint64_t cap_bytes,
                                uint64_t fixed_bytes, wr_bump *bump, wr_text *out_text,
                                wr_error *err)
{
    wr_textbuf buf;
    char       a[32], c[32], d[32];

    wr_textbuf_init(&buf, bump);
    wr_textbuf_printf(&buf, "cap %s = fixed %s + arena; least cap for this plan: %s\n",
                      wr_text_format_bytes(cap_bytes, a, sizeof a),
                      wr_text_format_bytes(fixed_bytes, c, sizeof c),
                      wr_text_format_bytes(fixed_bytes + certificate->min_bytes, d, sizeof d));
    wr_textbuf_printf(&buf, "%u thread%s, batches of %u rows, scan chunks of %u KiB\n",
                      certificate->worker_count, certificate->worker_count == 1 ? "" : "s",
                      certificate->batch_rows, certificate->chunk_bytes / 1024);
    if (certificate->rewritten[0])
        wr_textbuf_printf(&buf, "rewritten to fit: %s\n", certificate->rewritten);
    for (uint32_t s = 0; s < certificate->step_count; s++) {
        const wr_certificate_step *step = &certificate->steps[s];

        wr_textbuf_printf(&buf, "step %u%s: %s\n", s + 1,
                          s == certificate->worst_step ? " (the worst)" : "", step->label);
        for (uint32_t i = 0; i < step->row_count; i++)
            wr_textbuf_printf(&buf, "  %12s  %s%s\n",
                              wr_text_format_bytes(step->rows[i].min_bytes, a, sizeof a),
                              step->rows[i].label,
                              step->rows[i].is_resident ? ", waiting" : "");
        wr_textbuf_printf(&buf, "  %12s  together\n",
                          wr_text_format_bytes(step->min_bytes, a, sizeof a));
    }
    return wr_textbuf_finish(&buf, out_text, err);
}
