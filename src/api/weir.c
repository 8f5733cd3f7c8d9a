/* api/weir.c — the public API over session: conversions and nothing else. */
#include "weir/weir.h"

#include <stdio.h>
#include <string.h>

#include "session/session.h"

#define WEIR_EXPORT __attribute__((visibility("default")))

enum { VARIABLES_MAX = 64 };

static wr_session_options                 session_options;
static struct wr_session_variable         variables[VARIABLES_MAX];

static struct {
    void (*progress)(void *self, const weir_progress *now);
    void *self;
} ticker;

static weir_status fail(wr_status status, const wr_error *err, weir_error *error)
{
    weir_status code = (weir_status)wr_status_exit_code(status);

    if (error) {
        error->status = code;
        snprintf(error->message, sizeof error->message, "%s",
                 err->message[0] ? err->message : wr_status_text(status));
    }
    return code;
}

/* The session is static in its module, so a handle is the session itself. */
static wr_session *session_of(weir_engine *engine)
{
    return (wr_session *)(void *)engine;
}

WEIR_EXPORT weir_status weir_open(const weir_options *options, weir_engine **out_engine,
                                  weir_error *error)
{
    static wr_error err;
    wr_session     *session;
    wr_status       status;

    wr_error_clear(&err);
    if (options->variable_count > VARIABLES_MAX) {
        status = WR_RAISE(&err, WR_USAGE, "more than %d variables are set", VARIABLES_MAX);
        return fail(status, &err, error);
    }
    for (size_t i = 0; i < options->variable_count; i++)
        variables[i] = (struct wr_session_variable){options->variables[i].name,
                                                    options->variables[i].value};
    session_options = (wr_session_options){
        .pipeline_path = options->pipeline_path,
        .memory_cap_bytes = options->memory_cap_bytes,
        .thread_count = options->thread_count,
        .spill_folder = options->spill_folder,
        .spill_quota_bytes = options->spill_quota_bytes,
        .deterministic = options->deterministic != 0,
        .variables = variables,
        .variable_count = (uint32_t)options->variable_count,
        .warn = options->warn,
        .warn_self = options->warn_self,
    };
    status = wr_session_open(&session_options, &session, &err);
    if (status != WR_OK)
        return fail(status, &err, error);
    *out_engine = (weir_engine *)(void *)session;
    return WEIR_OK;
}

WEIR_EXPORT void weir_close(weir_engine *engine)
{
    wr_session_close(session_of(engine));
}

WEIR_EXPORT weir_status weir_explain(weir_engine *engine, weir_explain_kind kind,
                                     const char **out_text, weir_error *error)
{
    static const wr_explain_kind KINDS[] = {
        [WEIR_EXPLAIN_PLAN] = WR_EXPLAIN_PLAN,
        [WEIR_EXPLAIN_MEMORY] = WR_EXPLAIN_MEMORY,
        [WEIR_EXPLAIN_JSON] = WR_EXPLAIN_JSON,
    };
    static wr_error err;
    wr_status       status;

    wr_error_clear(&err);
    status = wr_session_explain(session_of(engine), KINDS[kind], out_text, &err);
    return status == WR_OK ? WEIR_OK : fail(status, &err, error);
}

static void tick(void *self, wr_session *session)
{
    wr_session_facts facts;

    (void)self;
    wr_session_facts_read(session, &facts);
    ticker.progress(ticker.self, &(weir_progress){
                                     .fraction = facts.fraction,
                                     .bytes_in = facts.bytes_in,
                                     .bytes_total = facts.bytes_total,
                                     .rows_in = facts.rows_in,
                                     .rows_out = facts.rows_out,
                                     .memory_bytes = facts.memory_bytes,
                                     .memory_cap_bytes = facts.memory_cap_bytes,
                                     .spill_bytes = facts.spill_bytes,
                                     .elapsed_ns = facts.elapsed_ns,
                                     .stalled_ns = facts.stalled_ns,
                                     .step = facts.step,
                                 });
}

WEIR_EXPORT weir_status weir_run(weir_engine *engine,
                                 void (*progress)(void *self, const weir_progress *now), void *self,
                                 weir_summary *out_summary, weir_error *error)
{
    static wr_error  err;
    wr_session_facts facts;
    wr_status        status;

    wr_error_clear(&err);
    ticker.progress = progress;
    ticker.self = self;
    status = wr_session_run(session_of(engine), progress ? tick : NULL, NULL, &err);
    wr_session_facts_read(session_of(engine), &facts);
    if (out_summary)
        *out_summary = (weir_summary){
            .rows_in = facts.rows_in,
            .rows_out = facts.rows_out,
            .rows_rejected = facts.rows_rejected,
            .bytes_in = facts.bytes_in,
            .bytes_out = facts.bytes_out,
            .elapsed_ns = facts.elapsed_ns,
            .memory_peak_bytes = facts.memory_peak_bytes,
            .memory_cap_bytes = facts.memory_cap_bytes,
            .memory_cap_origin = facts.memory_cap_origin,
            .kernel_enforced = facts.kernel_enforced,
            .not_enforced_reason = facts.not_enforced_reason,
            .spill_written_bytes = facts.spill_written_bytes,
            .spill_peak_bytes = facts.spill_peak_bytes,
            .spill_folder = facts.spill_folder,
            .thread_count = facts.thread_count,
            .plan_hash = facts.plan_hash,
        };
    return status == WR_OK ? WEIR_OK : fail(status, &err, error);
}

WEIR_EXPORT void weir_cancel(weir_engine *engine)
{
    wr_session_cancel(session_of(engine));
}

WEIR_EXPORT weir_status weir_clean(const char *folder, uint64_t *out_removed_count,
                                   weir_error *error)
{
    static wr_error err;
    wr_status       status;

    wr_error_clear(&err);
    status = wr_session_clean(folder, out_removed_count, &err);
    return status == WR_OK ? WEIR_OK : fail(status, &err, error);
}

WEIR_EXPORT const char *weir_version(void)
{
    return WR_VERSION;
}

WEIR_EXPORT int weir_manual(const char *topic, size_t index, weir_manual_line *out_line)
{
    return wr_session_manual(topic, index, &out_line->name, &out_line->signature,
                             &out_line->help);
}
