/* yaml/pipeline.h — pipeline files to logical plans.
 *
 * Text -> node tree with a place for every scalar (yaml/tree.h, bounded: depth 64, no aliases that
 * multiply) -> ${VAR} replaced inside scalars only -> steps -> plan builders; expressions go
 * through parse and bind. EM-root files are understood as they are.
 * Errors   WR_INVALID, USAGE: "pipeline.yaml:14:9: unknown key 'exprr' in filter (did you mean
 *          'expr'?)", the line and a caret. Memory: the plan pool. */
#ifndef WR_YAML_PIPELINE_H
#define WR_YAML_PIPELINE_H

#include "bind/bind.h"

/** Looks a variable up; false: undefined. `--set` first, then the environment: the caller decides. */
typedef struct wr_variables {
    bool (*find)(void *self, wr_text name, wr_text *out_value);
    void *self;
} wr_variables;

/** Settings a file may give (`settings:`, or `config:` in EM-root files); "" and 0: not given. */
typedef struct wr_pipeline_settings {
    uint64_t memory_cap_bytes, spill_quota_bytes;
    uint32_t thread_count;
    wr_text  spill_folder;
    bool     deterministic;
} wr_pipeline_settings;

/** Read only the settings, before the contract is set (no plan pool yet beyond `bump`). */
wr_status wr_pipeline_read_settings(wr_text text, const char *path, const wr_variables *variables,
                                    wr_bump *bump, wr_pipeline_settings *out_settings,
                                    wr_error *err) WR_MUST_USE;

/** Build the plan. Unknown config keys of EM-root files are warnings, handed to `warn` (NULL: dropped). */
wr_status wr_pipeline_build(wr_text text, const char *path, const wr_variables *variables,
                            const wr_catalog *catalog, wr_lease *open_lease, wr_plan *plan,
                            void (*warn)(void *self, const char *message), void *warn_self,
                            wr_error *err) WR_MUST_USE;

/** The reference: all steps ("steps"), or the keys of one ("scan"). False: no such line, or topic. */
bool wr_step_manual(wr_text topic, size_t index, const char **out_name, const char **out_help);

#endif
