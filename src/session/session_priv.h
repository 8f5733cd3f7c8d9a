/* session/session_priv.h — the session's parts, one file each: settings, budget, session. */
#ifndef WR_SESSION_SESSION_PRIV_H
#define WR_SESSION_SESSION_PRIV_H

#ifndef WR_BUILDING_SESSION
#error "private to src/session"
#endif

#include "os/file.h"
#include "session/session.h"
#include "spill/spill.h"

/** Settings after precedence: default < pipeline file < WEIR_* < flags. */
typedef struct wr_settings {
    uint64_t cap_bytes;
    char     cap_origin[80];
    uint32_t thread_count;
    char     spill_folder[WR_PATH_BYTES_MAX]; /* "": choose at run time */
    uint64_t spill_quota_bytes;
    bool     deterministic;
} wr_settings;

/** Merge flags, environment and what the file says. Errors WR_USAGE: a malformed variable. */
wr_status wr_settings_merge(const wr_session_options *options, const wr_pipeline_settings *file,
                            wr_settings *out_settings, wr_error *err);

/** First of: asked for, TMPDIR, /var/tmp, the working folder, that is a folder on disk.
 * Errors   WR_IO: names what was tried; a folder asked for by name must itself be usable */
wr_status wr_settings_spill_folder(const wr_settings *settings, char out_folder[WR_PATH_BYTES_MAX],
                                   wr_error *err);

/** How the cap is divided: C = F + arena (docs/memory.md). */
typedef struct wr_budget {
    wr_limit_plan limit;
    uint64_t      heap_bytes;    /* G, for code without allocator hooks            */
    uint64_t      stack_bytes;   /* of all threads but the first                   */
    uint64_t      fixed_bytes;   /* F: everything but the arena                    */
    uint64_t      arena_bytes;   /* A                                              */
    uint64_t      plan_bytes;    /* of the arena: plan pool                        */
    uint64_t      open_bytes;    /* of the arena: headers and samples, while planning */
    uint32_t      page_bytes;
    uint32_t      block_bytes;   /* largest spilled block                          */
    uint32_t      sink_block_bytes; /* of columnar sinks: by the cap alone; with
                                    --deterministic always the same, for 16 MB */
} wr_budget;

/** Set the contract and divide the cap. Errors WR_NO_MEMORY: names the least cap. */
wr_status wr_budget_make(const wr_settings *settings, wr_budget *out_budget, wr_error *err);

#endif
