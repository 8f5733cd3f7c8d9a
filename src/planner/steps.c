/* planner/steps.c — cut the operator graph into steps and order them.
 *
 * A step is one source with everything reachable from it. Step p must come after step q if p reads
 * (or probes) a state that q feeds; the rest of a join comes after every probe of it.
 * Among steps that are ready the one built first runs first: build sides are built before probes
 * need them, and states live shortly. A cycle means that one pass would have to wait for itself (a
 * tee that feeds both sides of a join): the logical node with several readers is reported and
 * spooled, and the graph is built again; likewise if two inputs of a union come out of one step.
 * Cost: O(steps^2 + nodes * steps); plans have tens of both. */
#include "mem/textbuf.h"
#include "planner/planner_priv.h"

typedef struct pipe_nodes {
    wr_node     *source;
    wr_node_list nodes;
    bool         done;
} pipe_nodes;

static bool list_has(const wr_node_list *list, const wr_node *node)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i] == node)
            return true;
    return false;
}

/* Everything below `source`, parents before children. */
static wr_status collect(wr_builder *b, pipe_nodes *pipe, wr_error *err)
{
    WR_TRY(wr_node_list_add(&pipe->nodes, pipe->source, b->bump, err));
    for (uint32_t i = 0; i < pipe->nodes.count; i++)
        for (uint32_t k = 0; k < pipe->nodes.items[i]->next_count; k++)
            if (!list_has(&pipe->nodes, pipe->nodes.items[i]->next[k]))
                WR_TRY(wr_node_list_add(&pipe->nodes, pipe->nodes.items[i]->next[k], b->bump,
                                        err));
    return WR_OK;
}

static bool feeds(const pipe_nodes *pipe, const wr_node *state)
{
    return list_has(&pipe->nodes, state);
}

static bool probes(const pipe_nodes *pipe, const wr_node *state)
{
    for (uint32_t i = 0; i < pipe->nodes.count; i++)
        if (pipe->nodes.items[i]->role == WR_ROLE_TRANSFORM &&
            pipe->nodes.items[i]->state == state)
            return true;
    return false;
}

/* Does an ordered union take `other`'s rows before `waiting`'s? */
static bool comes_after(const wr_builder *b, const pipe_nodes *waiting, const pipe_nodes *other)
{
    for (const wr_union_tail *tail = b->union_tails; tail; tail = tail->next)
        if (tail->is_ordered && list_has(&other->nodes, tail->first) &&
            list_has(&waiting->nodes, tail->other))
            return true;
    return false;
}

/* Must `pipe` wait for `other`? */
static bool depends(const wr_builder *b, const pipe_nodes *waiting, const pipe_nodes *other)
{
    if (waiting != other && comes_after(b, waiting, other))
        return true;
    for (uint32_t i = 0; i < waiting->nodes.count; i++) {
        const wr_node *node = waiting->nodes.items[i];

        for (int r = 0; r < 2; r++)
            if (node->reads[r] && feeds(other, node->reads[r]))
                return true;
        if (!node->state)
            continue;
        if (feeds(other, node->state))
            return true;
        if (node->role == WR_ROLE_SOURCE && node->source == &WR_JOIN_REST &&
            probes(other, node->state))
            return true;
    }
    return false;
}

static bool is_ready(const wr_builder *b, const pipe_nodes *pipes, uint32_t pipe_count, uint32_t index)
{
    for (uint32_t other = 0; other < pipe_count; other++)
        if (!pipes[other].done && depends(b, &pipes[index], &pipes[other]))
            return false;
    return true;
}

/* Is `tail`, or another tail with the same readers (of a union, of a join's rest), in the pipe? */
static bool has_tail(const pipe_nodes *pipe, const wr_node *tail)
{
    for (uint32_t i = 0; i < pipe->nodes.count; i++) {
        const wr_node *node = pipe->nodes.items[i];

        if (node == tail ||
            (tail->next_count > 0 && node->next_count > 0 && node->next[0] == tail->next[0]))
            return true;
    }
    return false;
}

/* The first logical node with several readers whose tee lies in a step that cannot run. */
static uint32_t cyclic_node(const wr_builder *b, const pipe_nodes *pipes, uint32_t pipe_count)
{
    for (uint32_t n = 0; n < b->plan->node_count; n++) {
        if (b->reader_counts[n] < 2 || b->spooled[n])
            continue;
        for (uint32_t p = 0; p < pipe_count; p++)
            if (!pipes[p].done && has_tail(&pipes[p], b->streams[n].tail))
                return n;
    }
    return WR_FIELD_NONE;
}

/* Can `node` be reached from `from`? */
static wr_status find_way(wr_builder *b, wr_node *from, const wr_node *node, uint32_t *io_ways,
                          wr_error *err)
{
    pipe_nodes below = {.source = from};

    WR_TRY(collect(b, &below, err));
    *io_ways += list_has(&below.nodes, node);
    return WR_OK;
}

/* The logical node with several readers whose rows meet again in `meeting`: a union below a tee. */
static wr_status meeting_tee(wr_builder *b, const pipe_nodes *pipe, const wr_node *meeting,
                             uint32_t *out_tee, wr_error *err)
{
    for (uint32_t n = b->plan->node_count; n-- > 0;) {
        const wr_node *tail = b->streams[n].tail;
        uint32_t       ways = 0;

        if (b->reader_counts[n] < 2 || b->spooled[n] || !has_tail(pipe, tail))
            continue;
        for (uint32_t k = 0; k < tail->next_count; k++)
            WR_TRY(find_way(b, tail->next[k], meeting, &ways, err));
        if (ways > 1) {
            *out_tee = n;
            return WR_OK;
        }
    }
    wr_assert(false, "rows meet again only behind a node with several readers");
    return WR_OK;
}

/* Is there a node that one batch would come to twice? Then *out_tee is where the ways part. */
static wr_status find_meeting(wr_builder *b, const pipe_nodes *pipe, uint32_t *out_tee,
                              wr_error *err)
{
    for (uint32_t i = 0; b->union_tails && i < pipe->nodes.count; i++) {
        uint32_t parents = 0;

        for (uint32_t k = 0; k < pipe->nodes.count; k++)
            for (uint32_t c = 0; c < pipe->nodes.items[k]->next_count; c++)
                parents += pipe->nodes.items[k]->next[c] == pipe->nodes.items[i];
        if (parents > 1)
            return meeting_tee(b, pipe, pipe->nodes.items[i], out_tee, err);
    }
    return WR_OK;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static const char *step_label(wr_builder *b, const pipe_nodes *pipe)
{
    wr_textbuf buf;
    wr_text    text;
    uint32_t   sinks = 0;

    wr_textbuf_init(&buf, b->bump);
    wr_textbuf_printf(&buf, "%s", pipe->source->label);
    for (uint32_t i = 0; i < pipe->nodes.count; i++)
        if (pipe->nodes.items[i]->role == WR_ROLE_SINK)
            wr_textbuf_printf(&buf, "%s%s", sinks++ ? ", " : " -> ", pipe->nodes.items[i]->label);
    return wr_textbuf_finish(&buf, &text, NULL) == WR_OK ? text.bytes : pipe->source->label;
}

/* Does the step use `node` or a state that `node` is? */
static bool step_uses(const wr_step *step, const wr_node *node)
{
    for (uint32_t i = 0; i < step->node_count; i++)
        if (step->nodes[i] == node || wr_node_reads(step->nodes[i], node))
            return true;
    return false;
}

static bool step_has(const wr_step *step, const wr_node *node)
{
    for (uint32_t i = 0; i < step->node_count; i++)
        if (step->nodes[i] == node)
            return true;
    return false;
}

static bool used_later(const wr_schedule *schedule, uint32_t step, const wr_node *node)
{
    for (uint32_t s = step + 1; s < schedule->step_count; s++)
        if (step_uses(&schedule->steps[s], node))
            return true;
    return false;
}

static bool fed_later(const wr_schedule *schedule, uint32_t step, const wr_node *node)
{
    for (uint32_t s = step + 1; s < schedule->step_count; s++)
        if (step_has(&schedule->steps[s], node))
            return true;
    return false;
}

/* Which sinks finish after step `s`, which nodes close after it (readers before their states)? */
static wr_status add_ends(wr_builder *b, wr_schedule *schedule, uint32_t s, wr_error *err)
{
    wr_step     *step = &schedule->steps[s];
    wr_node_list finish = {0}, release = {0};

    for (uint32_t i = 0; i < step->node_count; i++) {
        wr_node *node = step->nodes[i];

        if (node->role == WR_ROLE_SINK && !fed_later(schedule, s, node))
            WR_TRY(wr_node_list_add(&finish, node, b->bump, err));
        if (!used_later(schedule, s, node))
            WR_TRY(wr_node_list_add(&release, node, b->bump, err));
    }
    for (uint32_t i = 0; i < step->node_count; i++) {
        wr_node *states[] = {step->nodes[i]->state, step->nodes[i]->reads[0],
                             step->nodes[i]->reads[1]};

        for (int k = 0; k < 3; k++)
            if (states[k] && !used_later(schedule, s, states[k]) && !list_has(&release, states[k]))
                WR_TRY(wr_node_list_add(&release, states[k], b->bump, err));
    }
    step->finish = finish.items;
    step->finish_count = finish.count;
    step->release = release.items;
    step->release_count = release.count;
    return WR_OK;
}

static wr_status order_pipes(wr_builder *b, pipe_nodes *pipes, uint32_t pipe_count,
                             wr_schedule *schedule, uint32_t *out_cycle, wr_error *err)
{
    *out_cycle = WR_FIELD_NONE;
    while (schedule->step_count < pipe_count) {
        uint32_t next = 0;

        while (next < pipe_count && (pipes[next].done || !is_ready(b, pipes, pipe_count, next)))
            next++;
        if (next == pipe_count) {
            *out_cycle = cyclic_node(b, pipes, pipe_count);
            wr_assert(*out_cycle != WR_FIELD_NONE, "only a tee can make steps wait in a circle");
            return WR_OK;
        }
        pipes[next].done = true;
        schedule->steps[schedule->step_count++] = (wr_step){
            .source = pipes[next].source,
            .worker_count = b->exec.worker_count,
            .nodes = pipes[next].nodes.items,
            .node_count = pipes[next].nodes.count,
            .label = step_label(b, &pipes[next]),
            .progress_weight = 1.0,
        };
    }
    for (uint32_t s = 0; s < schedule->step_count; s++)
        WR_TRY(add_ends(b, schedule, s, err));
    return WR_OK;
}

wr_status wr_steps_make(wr_builder *b, wr_schedule *out_schedule, uint32_t *out_cycle,
                        wr_error *err)
{
    pipe_nodes *pipes = WR_BUMP_NEW_ARRAY(b->bump, pipe_nodes, b->nodes.count + 1, err);
    uint32_t    pipe_count = 0;

    if (!pipes)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < b->nodes.count; i++)
        if (b->nodes.items[i]->role == WR_ROLE_SOURCE) {
            pipes[pipe_count].source = b->nodes.items[i];
            WR_TRY(collect(b, &pipes[pipe_count], err));
            *out_cycle = WR_FIELD_NONE;
            WR_TRY(find_meeting(b, &pipes[pipe_count++], out_cycle, err));
            if (*out_cycle != WR_FIELD_NONE)
                return WR_OK;
        }
    *out_schedule = (wr_schedule){
        .steps = WR_BUMP_NEW_ARRAY(b->bump, wr_step, pipe_count + 1, err),
        .all_nodes = b->nodes.items,
        .all_node_count = b->nodes.count,
        .local_slot_count = b->nodes.count,
    };
    if (!out_schedule->steps)
        return WR_NO_MEMORY;
    return order_pipes(b, pipes, pipe_count, out_schedule, out_cycle, err);
}
