/* weir/weir.h — the public C API, version 0: it may change until 1.0. Plain C99, valid C++.
 *
 * One engine per process in the *process* contract: the peak resident set of the whole process
 * stays at or below the cap because the kernel refuses more. Handles are opaque; texts returned by
 * a function belong to the handle and live as long as it does. Every fallible function returns a
 * weir_status and fills `error` (NULL allowed).
 * Call order: weir_open -> weir_run | weir_explain | ... -> weir_close. Threads: a handle belongs to
 * one thread, but weir_cancel may be called from any thread and from a signal handler. */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What ended a call; also the exit code of the command line. */
typedef enum weir_status {
    WEIR_OK = 0,
    WEIR_FAILED = 1,    /* the run failed                                  */
    WEIR_INVALID = 2,   /* bad usage or invalid pipeline                   */
    WEIR_DATA = 3,      /* bad or corrupt data                             */
    WEIR_RESOURCE = 4,  /* disk quota reached, or cap below the certificate */
    WEIR_CANCELLED = 5,
    WEIR_IO = 6         /* input, output or remote failure                 */
} weir_status;

typedef struct weir_error {
    weir_status status;
    char        message[2048];
} weir_error;

typedef struct weir_variable {
    const char *name, *value;
} weir_variable;

/** Zero means "not given" everywhere. */
typedef struct weir_options {
    size_t               struct_bytes;     /* sizeof(weir_options)                           */
    const char          *pipeline_path;    /* "-" reads standard input                       */
    uint64_t             memory_cap_bytes; /* an upper bound that no file raises             */
    uint32_t             thread_count;
    const char          *spill_folder;
    uint64_t             spill_quota_bytes;
    int                  deterministic;
    const weir_variable *variables;        /* --set name=value, before the environment       */
    size_t               variable_count;
    void (*warn)(void *self, const char *message); /* NULL: warnings are dropped             */
    void                *warn_self;
} weir_options;

typedef struct weir_engine weir_engine;

/** Read the pipeline, set the contract, build and check the plan and its memory certificate.
 *
 * Units    bytes. Errors WEIR_INVALID, WEIR_IO, WEIR_RESOURCE (the cap is below the certificate:
 *          the message names the operator and the least cap that works). */
weir_status weir_open(const weir_options *options, weir_engine **out_engine, weir_error *error);
void        weir_close(weir_engine *engine); /* NULL is a no-op */

typedef enum weir_explain_kind { WEIR_EXPLAIN_PLAN, WEIR_EXPLAIN_MEMORY, WEIR_EXPLAIN_JSON } weir_explain_kind;

/** Text of the plan, of its memory certificate, or canonical JSON. */
weir_status weir_explain(weir_engine *engine, weir_explain_kind kind, const char **out_text,
                         weir_error *error);

typedef struct weir_progress {
    double      fraction;            /* 0..1, never falls; < 0: unknown                      */
    uint64_t    bytes_in, bytes_total, rows_in, rows_out;
    uint64_t    memory_bytes, memory_cap_bytes; /* resident now, and the cap                */
    uint64_t    spill_bytes;         /* on disk now                                          */
    uint64_t    elapsed_ns, stalled_ns;         /* since the start; since something moved    */
    const char *step;                /* what runs: "scan 'log' -> sort"                      */
} weir_progress;

typedef struct weir_summary {
    uint64_t    rows_in, rows_out, rows_rejected, bytes_in, bytes_out;
    uint64_t    elapsed_ns;
    uint64_t    memory_peak_bytes, memory_cap_bytes; /* VmHWM + swap of the process          */
    const char *memory_cap_origin;   /* "flag", "WEIR_MEMORY_CAP", "pipeline file", "default ..." */
    int         kernel_enforced;
    const char *not_enforced_reason;
    uint64_t    spill_written_bytes, spill_peak_bytes;
    const char *spill_folder;
    uint32_t    thread_count;
    const char *plan_hash;
} weir_summary;

/** Run the pipeline. `progress` (NULL: none) is called about every 100 ms from a thread of the
 *  engine. *out_summary (NULL allowed) is filled on success and on failure. */
weir_status weir_run(weir_engine *engine, void (*progress)(void *self, const weir_progress *now),
                     void *self, weir_summary *out_summary, weir_error *error);

/** Ask a running weir_run to stop soon. Safe from a signal handler. */
void weir_cancel(weir_engine *engine);

/** Remove what killed runs left next to the pipeline's outputs, or in `folder`. */
weir_status weir_clean(const char *folder, uint64_t *out_removed_count, weir_error *error);

/** "0.1.0" */
const char *weir_version(void);

/** Reference text of a topic ("steps", "scan", "formats", "csv", "functions", "aggregates"),
 *  generated from the tables that the parser uses; NULL past the last line. */
typedef struct weir_manual_line {
    const char *name, *signature, *help;
} weir_manual_line;
int weir_manual(const char *topic, size_t index, weir_manual_line *out_line);

#ifdef __cplusplus
}
#endif

#endif
