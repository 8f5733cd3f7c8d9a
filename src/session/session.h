/* session/session.h — the life of one query: settings, contract, plan, certificate, run, summary.
 *
 * Call order: wr_session_open (reads settings, sets the kernel's limits, sizes the arena, builds
 * and admits the plan) -> explain or run -> wr_session_close. One session a process: the contract is the
 * process's. Memory: F = program + stacks + heap + plan pool is fixed here, the rest is the arena
 * (docs/memory.md). Threads: one, but cancel and progress from any. */
#ifndef WR_SESSION_SESSION_H
#define WR_SESSION_SESSION_H

#include "exec/pipeline.h"
#include "os/limit.h"
#include "planner/planner.h"
#include "yaml/pipeline.h"

/** Settings as given by flags; zero or NULL: not given. Environment and file come below them. */
typedef struct wr_session_options {
    const char *pipeline_path;
    uint64_t    memory_cap_bytes;
    uint32_t    thread_count;
    const char *spill_folder;
    uint64_t    spill_quota_bytes;
    bool        deterministic;
    const struct wr_session_variable {
        const char *name, *value;
    }          *variables;
    uint32_t    variable_count;
    void      (*warn)(void *self, const char *message);
    void       *warn_self;
} wr_session_options;

typedef struct wr_session wr_session;

wr_status wr_session_open(const wr_session_options *options, wr_session **out_session,
                          wr_error *err) WR_MUST_USE;
void      wr_session_close(wr_session *session);

typedef enum wr_explain_kind { WR_EXPLAIN_PLAN, WR_EXPLAIN_MEMORY, WR_EXPLAIN_JSON } wr_explain_kind;
wr_status wr_session_explain(wr_session *session, wr_explain_kind kind, const char **out_text,
                             wr_error *err) WR_MUST_USE;

wr_status wr_session_run(wr_session *session, void (*tick)(void *self, wr_session *session),
                         void *tick_self, wr_error *err) WR_MUST_USE;
void      wr_session_cancel(wr_session *session); /* async-signal-safe */

/** What the session knows now; see weir_progress and weir_summary for the meaning. */
typedef struct wr_session_facts {
    double      fraction;
    uint64_t    bytes_in, bytes_total, bytes_out, rows_in, rows_out, rows_rejected;
    uint64_t    memory_bytes, memory_peak_bytes, memory_cap_bytes;
    uint64_t    spill_bytes, spill_written_bytes, spill_peak_bytes;
    uint64_t    elapsed_ns, stalled_ns;
    uint32_t    thread_count;
    bool        kernel_enforced;
    const char *not_enforced_reason, *memory_cap_origin, *spill_folder, *step, *plan_hash;
} wr_session_facts;
void wr_session_facts_read(wr_session *session, wr_session_facts *out_facts);

/** Remove what killed runs left in `folder`. */
wr_status wr_session_clean(const char *folder, uint64_t *out_removed_count, wr_error *err) WR_MUST_USE;

/** Line `index` of a topic of the reference ("formats", "functions", "aggregates", or a format's
 *  name for its options), from the tables that the parser uses; false past the end. Static texts. */
bool wr_session_manual(const char *topic, size_t index, const char **out_name,
                       const char **out_signature, const char **out_help);

#endif
