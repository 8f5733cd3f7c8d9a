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
    wr_join_limit *limit; /* of the join that a limit behind it may stop early, or NULL */
} wr_stream;

/** A UNION ALL: whatever reads `first` reads `other` too. */
typedef struct wr_union_tail wr_union_tail;
struct wr_union_tail {
    wr_node       *first, *other;
    bool           is_ordered; /* the steps of `other` come after those of `first` */
    wr_union_tail *next;
};

typedef struct wr_builder {
    const wr_plan *plan;
    const wr_fit  *fit;
    wr_bump       *bump;
    wr_exec        exec;       /* only its constants: page_bytes, batch_rows, worker_count */
    uint32_t       chunk_bytes;      /* of scans: WR_CHUNK_BYTES_MIN and more */
    uint32_t       paged_chunk_bytes; /* ... of formats that jump in the file: as much, or more */
    bool           has_paged;        /* ... of which there is one                 */

    wr_stream *streams;        /* per logical node                                          */
    uint32_t  *reader_counts;  /* per logical node                                          */
    bool      *needs_position; /* per logical node: a reader depends on source order        */
    bool      *limited;        /* per logical node: a limit reads it, and nobody else       */
    bool      *merged;         /* per logical node: a merge join, or one of the sorts it reads */
    bool      *spooled;        /* per logical node: materialised because a tee would deadlock */

    wr_node_list nodes;        /* every physical node                                       */
    wr_node_list rests;        /* JOIN_REST sources, and ...                                */
    wr_node_list probes;       /* ... the probes whose readers they share                   */
    wr_union_tail *union_tails;
} wr_builder;

wr_status wr_node_list_add(wr_node_list *list, wr_node *node, wr_bump *bump, wr_error *err);

enum { WR_CHUNK_BYTES_MIN = 64 * 1024 };

/** Which joins are merge joins: fills in builder->merged (merge_rule.c). Reader counts and
 *  needs_position are known by then. */
void wr_merge_rule_mark(wr_builder *builder);

/** Turn every logical node into operators (build.c). */
wr_status wr_builder_run(wr_builder *builder, wr_error *err);

/** An operator that nothing is attached to yet (this and all wr_stream_: stream.c). */
wr_status wr_builder_add_node(wr_builder *b, wr_role role, const void *ops, const void *plan,
                              const wr_plan_node *logical, wr_node **out_node,
                              wr_error *err) WR_MUST_USE;
/** Put `node` behind the stream's tail. */
wr_status wr_stream_attach(wr_stream *stream, wr_node *node, wr_error *err) WR_MUST_USE;

static inline uint32_t wr_stream_width(const wr_stream *stream)
{
    return stream->visible_count + stream->hidden_count;
}

/** Types in the builder's bump, with room for `room` and one more; NULL: raised. */
wr_type *wr_types_copy(wr_builder *b, const wr_type *types, uint32_t count, uint32_t room,
                       wr_error *err);
/** A schema without names, for programs over physical columns. */
wr_status wr_types_schema(wr_builder *b, const wr_type *types, uint32_t count,
                          wr_schema **out_schema, wr_error *err) WR_MUST_USE;

/** exprs[at ..] = the stream's hidden columns. */
wr_status wr_stream_add_hidden(wr_builder *b, const wr_stream *stream, wr_expr **exprs, uint32_t at,
                               wr_error *err) WR_MUST_USE;
/** Sink and reading source over the stream as it is; keys are physical columns. No source if the
 *  logical node is marked in builder->merged: then a join reads the sink, which is the tail. */
wr_status wr_stream_sort(wr_builder *b, wr_stream *stream, wr_sort_key *keys, uint32_t key_count,
                         uint32_t output_count, uint64_t offset_rows, uint64_t rows_max,
                         const wr_plan_node *logical, wr_error *err) WR_MUST_USE;
/** A file scan (build_scan.c); it takes the filter that alone reads it, if its format can. */
wr_status wr_scan_build(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                        wr_error *err) WR_MUST_USE;
/** Is `tail` a scan that has taken the filter behind it? */
bool wr_scan_filters(const wr_node *tail);
/** Types of a schema's fields, with room for one more. */
wr_status wr_schema_types(wr_builder *b, const wr_schema *schema, wr_type **out_types,
                          wr_error *err) WR_MUST_USE;

/** An aggregate (build_aggregate.c). */
wr_status wr_aggregate_build(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                             wr_error *err) WR_MUST_USE;
/** Does what it gives depend on the source order of its rows? */
bool wr_aggregate_minds_position(const wr_plan_node *logical);

/** A join (build_join.c). */
wr_status wr_join_build(wr_builder *b, const wr_plan_node *logical, wr_stream *left,
                        wr_stream *right, wr_stream *out, wr_error *err) WR_MUST_USE;

/** Put an operator, or a project to `exprs` (over the stream's columns; the last `hidden_count` are
 *  hidden), behind a stream. */
wr_status wr_stream_append(wr_builder *b, wr_stream *stream, const wr_transform_ops *ops,
                           const void *plan, const wr_plan_node *logical, wr_error *err) WR_MUST_USE;
wr_status wr_stream_project(wr_builder *b, wr_stream *stream, wr_expr **exprs, uint32_t expr_count,
                            uint32_t hidden_count, const wr_plan_node *logical,
                            wr_error *err) WR_MUST_USE;
wr_expr *wr_stream_column(wr_builder *b, const wr_stream *stream, uint32_t column, wr_error *err);
/** Make sure that position columns are there; that none are; that the stream is ordered. */
wr_status wr_stream_position(wr_builder *b, wr_stream *stream, const wr_plan_node *logical,
                             wr_error *err) WR_MUST_USE;
wr_status wr_stream_drop_hidden(wr_builder *b, wr_stream *stream, const wr_plan_node *logical,
                                wr_error *err) WR_MUST_USE;
wr_status wr_stream_sort_by_position(wr_builder *b, wr_stream *stream, uint64_t offset_rows,
                                     uint64_t rows_max, const wr_plan_node *logical,
                                     wr_error *err) WR_MUST_USE;

/** Put a breaker behind a stream: its sink, and the source that reads it, which is the new tail. The
 *  columns are up to the caller. */
wr_status wr_stream_break(wr_builder *b, wr_stream *stream, const wr_sink_ops *sink_ops,
                          const wr_source_ops *source_ops, const void *plan,
                          const wr_plan_node *logical, wr_error *err) WR_MUST_USE;

/** Grouping sets (build_sets.c). Of hash aggregates: `plan` is over the stream and has all keys. */
wr_status wr_sets_build(wr_builder *b, const wr_plan_node *logical, wr_plan_aggregate *plan,
                        wr_stream *out, wr_error *err) WR_MUST_USE;
/** Of ordered ones: in front, every row once for each set, whose number comes behind the keys; ... */
wr_status wr_sets_expand(wr_builder *b, const wr_plan_node *logical, wr_stream *stream,
                         wr_error *err) WR_MUST_USE;
/** ... behind, what orders the rows becomes (set, position). */
wr_status wr_sets_position(wr_builder *b, const wr_plan_node *logical, wr_stream *stream,
                           wr_error *err) WR_MUST_USE;

/** Rows several times (build_union.c). */
wr_status wr_repeat_build(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                          wr_error *err) WR_MUST_USE;
/** Elements of lists (build_unnest.c). */
wr_status wr_unnest_build(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                          wr_error *err) WR_MUST_USE;
/** Places and numbers drawn for them (build_union.c). */
wr_status wr_draw_build(wr_builder *b, const wr_plan_node *logical, wr_stream *out,
                        wr_error *err) WR_MUST_USE;
/** UNION ALL (build_union.c): build one; when everything is built, share the readers. */
wr_status wr_union_build(wr_builder *b, const wr_plan_node *logical, wr_stream *left,
                         wr_stream *right, wr_stream *out, wr_error *err) WR_MUST_USE;
void wr_unions_finish(wr_builder *b);

/** The plan of a window over the stream, which has its position columns, and the columns it wants; the
 *  hidden ones last (build_window.c). */
wr_status wr_window_plan_make(wr_builder *builder, const wr_plan_node *logical,
                              const wr_stream *stream, wr_expr ***out_exprs,
                              wr_plan_window **out_plan, wr_error *err);

/** Cut into steps and order them (steps.c). *out_cycle: logical node to spool, WR_FIELD_NONE if none. */
wr_status wr_steps_make(wr_builder *builder, wr_schedule *out_schedule, uint32_t *out_cycle,
                        wr_error *err);

/** lease_min of a node in a step with this many workers. */
uint64_t wr_node_lease_min(const wr_node *node, const wr_exec *exec, uint32_t worker_count);

/** Leases and certificate of an ordered schedule (fit.c). */
wr_status wr_certificate_make(wr_builder *builder, wr_schedule *schedule,
                              wr_certificate *out_certificate, wr_error *err);

#endif
