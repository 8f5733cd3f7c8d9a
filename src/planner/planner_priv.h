/* planner/planner_priv.h — what the planner's files share: streams, the builder, growing lists. */
#ifndef WR_PLANNER_PLANNER_PRIV_H
#define WR_PLANNER_PLANNER_PRIV_H

#ifndef WR_BUILDING_PLANNER
#error "private to src/planner"
#endif

#include "planner/planner.h"

/** Pointers in a bump, doubling. */
typedef struct wr_node_list {
    wr_node **items;
    uint32_t  count, capacity;
} wr_node_list;

/** The output of a logical node while pipelines are built: consumers attach to `tail`.
 *
 * Columns are the visible ones (the logical schema), then `hidden_count` UInt64 position columns
 * whose tuple orders the rows. `ordered`: batches come in morsel order, so a position column can be
 * appended where it is needed and none has to travel. */
typedef struct wr_stream {
    wr_node *tail; /* NULL: not built yet */
    wr_type *types;
    uint32_t visible_count, hidden_count;
    bool     ordered;
} wr_stream;

typedef struct wr_builder {
    const wr_plan *plan;
    const wr_fit  *fit;
    wr_bump       *bump;
    wr_exec        exec;       /* only its constants: page_bytes, batch_rows, worker_count */
    uint32_t       chunk_bytes;

    wr_stream *streams;        /* per logical node                                          */
    uint32_t  *reader_counts;  /* per logical node                                          */
    bool      *needs_position; /* per logical node: a reader depends on source order        */
    bool      *spooled;        /* per logical node: materialised because a tee would deadlock */

    wr_node_list nodes;        /* every physical node                                       */
    wr_node_list rests;        /* JOIN_REST sources, and ...                                */
    wr_node_list probes;       /* ... the probes whose readers they share                   */
} wr_builder;

wr_status wr_node_list_add(wr_node_list *list, wr_node *node, wr_bump *bump, wr_error *err);

/** Turn every logical node into operators (build.c). */
wr_status wr_builder_run(wr_builder *builder, wr_error *err);

/** Cut into steps and order them (steps.c). *out_cycle: logical node to spool, WR_FIELD_NONE if none. */
wr_status wr_steps_make(wr_builder *builder, wr_schedule *out_schedule, uint32_t *out_cycle,
                        wr_error *err);

/** lease_min of a node in a step with this many workers. */
uint64_t wr_node_lease_min(const wr_node *node, const wr_exec *exec, uint32_t worker_count);

/** Leases and certificate of an ordered schedule (fit.c). */
wr_status wr_certificate_make(wr_builder *builder, wr_schedule *schedule,
                              wr_certificate *out_certificate, wr_error *err);

#endif
