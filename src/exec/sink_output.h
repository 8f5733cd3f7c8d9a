/* exec/sink_output.h — where a sink's bytes go: codec x file system, and standard output whose reader may
 * leave. What the sinks of rows and of blocks share.
 *
 * Invariants
 *  1. Nothing is visible before commit; closing without it removes everything.
 *  2. Standard output whose reader went away is a quiet end: is_closed and exec->output_closed.
 * Call order: open, writes, commit, close. Threads: one at a time, but for is_closed. */
#ifndef WR_EXEC_SINK_OUTPUT_H
#define WR_EXEC_SINK_OUTPUT_H

#include "exec/ops.h"

typedef struct wr_sink_output {
    const wr_plan_file_sink *plan;
    wr_output               *output;
    bool                     skip;      /* it exists and the mode is to leave it */
    _Atomic bool             is_closed; /* the reader went away                  */
} wr_sink_output;

/** Bytes that open takes from its bump. */
uint64_t wr_sink_output_need(const wr_plan_file_sink *plan);

/** Formats of rows: room for what stands before the first row, and after the last. */
uint64_t wr_sink_frame_bytes(const wr_schema *schema);

wr_status wr_sink_output_open(wr_sink_output *sink, const wr_plan_file_sink *plan, wr_bump *bump,
                              wr_error *err) WR_MUST_USE;

/** The outcome of a write: WR_CLOSED of standard output is WR_OK and the quiet end. */
wr_status wr_sink_output_judge(wr_sink_output *sink, wr_status status, wr_exec *exec,
                               wr_error *err) WR_MUST_USE;

wr_status wr_sink_output_commit(wr_sink_output *sink, wr_exec *exec, wr_error *err) WR_MUST_USE;

/** Idempotent; a zeroed sink is fine. */
void wr_sink_output_close(wr_sink_output *sink);

/** Does nothing come out any more, or never? */
static inline bool wr_sink_output_is_done(wr_sink_output *sink)
{
    return sink->skip || atomic_load(&sink->is_closed);
}

#endif
