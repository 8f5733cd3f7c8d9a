/* exec/agg_state.h — states of aggregates: fixed bytes per group, updated from vectors, mergeable.
 *
 * A group row reserves `bytes` for all states of a plan. A zeroed state is empty. Every update and
 * merge is commutative and associative bit for bit (integers, binned float sums, ties by source
 * position), so threads, spilling and batch sizes cannot show in a result.
 * Values longer than 12 bytes that a state keeps (min of text, first ...) go to `heap`, or when its
 * lease refuses to the spill's blob stream: a state never grows.
 * Aggregates over the same argument and filter that need the same sums share a state.
 * Threads: a group is updated by one worker at a time. Cost: 1-4 ns an update for numbers. */
#ifndef WR_EXEC_AGG_STATE_H
#define WR_EXEC_AGG_STATE_H

#include "exec/ops.h"

typedef struct wr_agg_slot {
    const wr_agg *agg;
    uint32_t      offset;   /* of the state from the start of the states        */
    bool          is_shared; /* another slot updates and merges this state       */
} wr_agg_slot;

typedef struct wr_agg_layout {
    const wr_plan_aggregate *plan;
    wr_agg_slot             *slots;      /* one per aggregate                        */
    uint32_t                 bytes;      /* of all states, multiple of 8             */
    bool                     has_values; /* some state keeps values of any length    */
    uint32_t                 position_offset; /* least position + 1 of the group, if the plan has positions */
} wr_agg_layout;

/** Memory for long values of states. */
typedef struct wr_agg_memory {
    wr_bump  *heap;            /* NULL: straight to disk             */
    uint64_t  heap_bytes_left; /* what the heap may still take       */
    wr_spill *spill;
} wr_agg_memory;

wr_status wr_agg_layout_init(wr_agg_layout *layout, const wr_plan_aggregate *plan, wr_bump *bump,
                             wr_error *err) WR_MUST_USE;

/** Bytes wr_agg_layout_init would lay out: for lease_min formulas. */
uint32_t wr_agg_layout_bytes(const wr_plan_aggregate *plan);

/** Update the states of `count` rows: row rows[i] of the input belongs to states[i]. */
wr_status wr_agg_update(const wr_agg_layout *layout, const wr_vector *columns,
                        const uint16_t *rows, uint8_t *const *states, uint32_t count,
                        wr_agg_memory *memory, wr_error *err) WR_MUST_USE;

/** Update the states of one group with the selected rows. `states_room`: one for each of them. */
wr_status wr_agg_update_single(const wr_agg_layout *layout, const wr_vector *columns,
                               const wr_selection *selection, uint8_t *states,
                               uint8_t **states_room, wr_agg_memory *memory,
                               wr_error *err) WR_MUST_USE;

/** Add the states of one group to another's. Long values keep their bytes where they are. */
wr_status wr_agg_merge(const wr_agg_layout *layout, uint8_t *states, const uint8_t *other,
                       wr_error *err) WR_MUST_USE;

/** As wr_agg_merge, for states that go away: long values that are taken over are kept in `memory`. */
wr_status wr_agg_take(const wr_agg_layout *layout, uint8_t *states, const uint8_t *other,
                      wr_agg_memory *memory, wr_error *err) WR_MUST_USE;

/** Results of aggregate `index` for `count` groups into `out` (a vector with room); index agg_count
 *  is the group's least position.
 * Errors   WR_DATA a sum does not fit its type */
wr_status wr_agg_finish(const wr_agg_layout *layout, uint32_t index,
                        const uint8_t *const *states, uint32_t count, wr_vector *out,
                        wr_error *err) WR_MUST_USE;

/** Before a group row is spilled: long values go to disk, so that the row is plain bytes. */
wr_status wr_agg_seal(const wr_agg_layout *layout, uint8_t *states, wr_spill *spill,
                      wr_error *err) WR_MUST_USE;

/** After a sealed group row was moved or read back: its handles point into it again. */
void wr_agg_relocate(const wr_agg_layout *layout, uint8_t *states);

#endif
