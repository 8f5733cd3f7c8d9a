/* session/session.c — one query from file to summary.
 *
 * open: read the file (in a small arena of its own, before there is a contract) -> settings ->
 * contract -> arena -> catalog -> plan -> optimize -> hash -> physical plan and certificate.
 * run: spill file -> executor -> schedule -> summary. close: everything back.
 * Invariants
 *  1. There is one session a process, in static memory: the contract is the process's.
 *  2. The plan hash is taken before anything reads cap, threads or free memory.
 *  3. The plan pool's lease never grows after planning: what the run adds is reserved before. */
#include "session/session_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "catalog/catalog.h"
#include "optimizer/optimizer.h"
#include "os/clock.h"
#include "os/library.h"

#define FS(name)     extern const wr_fs_ops wr_fs_ops_##name;
#define FORMAT(name) extern const wr_format wr_format_##name;
#include "plugins/builtin.def"
#undef FS
#undef FORMAT

enum {
    FILE_BYTES_MAX = 2 * 1024 * 1024, /* of a pipeline file                              */
    FILE_ARENA_BYTES = 6 * 1024 * 1024,
    FILE_PAGE_BYTES = 16 * 1024,
    LOCALS_BYTES_MIN = 256 * 1024, /* kept back of the plan pool for the run            */
    TICK_NS = 100 * 1000 * 1000,
    SPILL_KEPT_BYTES = 1 << 30, /* see wr_spill_options                                 */
};

struct wr_session {
    wr_session_options options;
    wr_settings        settings;
    wr_budget          budget;
    bool               is_open;

    /* the pipeline's text and what was read of it before the contract */
    wr_arena *file_arena;
    wr_lease  file_lease;
    wr_bump   file_bump;
    wr_text   text;

    /* the plan */
    wr_arena        *arena;
    wr_lease         plan_lease, open_lease, spill_lease;
    wr_bump          bump;
    wr_catalog       catalog;
    wr_plan          plan;
    wr_physical_plan physical;
    char             plan_hash[33];

    /* the run */
    wr_exec          exec;
    wr_spill        *spill;
    char             spill_folder[WR_PATH_BYTES_MAX];
    _Atomic uint32_t step;
    uint64_t         start_ns, end_ns, moved_ns, moved_mark;
    double           fraction;
    wr_mutex         tick_mutex;
    wr_cond          tick_cond;
    bool             ticking;
    void           (*tick)(void *self, wr_session *session);
    void            *tick_self;
};

static wr_session the_session;

/* ---- Reading the file ----------------------------------------------------------------------- */

static bool find_variable(void *self, wr_text name, wr_text *out_value)
{
    const wr_session_options *options = self;
    char                      buffer[256];
    const char               *value;

    for (uint32_t i = 0; i < options->variable_count; i++)
        if (wr_text_equal(wr_text_of(options->variables[i].name), name)) {
            *out_value = wr_text_of(options->variables[i].value);
            return true;
        }
    if (name.byte_count >= sizeof buffer)
        return false;
    memcpy(buffer, name.bytes, name.byte_count);
    buffer[name.byte_count] = '\0';
    value = getenv(buffer);
    if (!value)
        return false;
    *out_value = wr_text_of(value);
    return true;
}

static wr_status read_whole(wr_file *file, wr_bump *bump, const char *path, wr_text *out_text,
                            wr_error *err)
{
    enum { PIECE_BYTES = 64 * 1024 };
    size_t used = 0, got = 0, capacity = PIECE_BYTES;
    char  *bytes = wr_bump_alloc(bump, capacity, err);

    if (!bytes)
        return WR_NO_MEMORY;
    for (;;) {
        WR_TRY(wr_file_read(file, bytes + used, capacity - used, &got, err));
        used += got;
        if (used < capacity)
            break;
        if (capacity >= FILE_BYTES_MAX)
            return WR_RAISE(err, WR_INVALID, "'%s' is longer than %d bytes: not a pipeline", path,
                            FILE_BYTES_MAX);
        char *larger = wr_bump_alloc(bump, capacity * 2, err);

        if (!larger)
            return WR_NO_MEMORY;
        memcpy(larger, bytes, used);
        bytes = larger;
        capacity *= 2;
    }
    *out_text = (wr_text){bytes, used};
    return WR_OK;
}

static wr_status read_file(wr_session *s, wr_pipeline_settings *out_settings, wr_error *err)
{
    wr_lease    *lease = &s->file_lease;
    wr_variables variables = {find_variable, &s->options};
    wr_file      file = {.fd = -1};
    wr_status    status;

    WR_TRY(wr_arena_new(FILE_ARENA_BYTES, FILE_PAGE_BYTES, &s->file_arena, err));
    wr_lease_init(lease, "pipeline file", FILE_PAGE_BYTES, FILE_ARENA_BYTES, FILE_PAGE_BYTES);
    WR_TRY(wr_lease_open_all(s->file_arena, &lease, 1, err));
    wr_bump_init(&s->file_bump, lease);
    WR_TRY(wr_file_open_read(s->options.pipeline_path, &file, err));
    status = read_whole(&file, &s->file_bump, s->options.pipeline_path, &s->text, err);
    wr_file_close(&file);
    WR_TRY(status);
    return wr_pipeline_read_settings(s->text, s->options.pipeline_path, &variables, &s->file_bump,
                                     out_settings, err);
}

/* ---- Contract and plan ------------------------------------------------------------------------- */

static wr_status open_arena(wr_session *s, wr_error *err)
{
    wr_lease *leases[] = {&s->plan_lease, &s->open_lease};
    uint32_t  page = s->budget.page_bytes;

    WR_TRY(wr_arena_new(s->budget.arena_bytes, page, &s->arena, err));
    wr_lease_init(&s->plan_lease, "plan pool", LOCALS_BYTES_MIN, s->budget.plan_bytes, page);
    wr_lease_init(&s->open_lease, "open (headers, samples)", page, s->budget.open_bytes, page);
    WR_TRY(wr_lease_open_all(s->arena, leases, 2, err));
    wr_bump_init(&s->bump, &s->plan_lease);
    return WR_OK;
}

/* A library that the plan needs takes its room off the arena, which hardly anything was taken of. */
static wr_status pay_library(void *self, const char *name, uint64_t bytes, wr_error *err)
{
    wr_session *s = self;
    uint32_t    pages = wr_pages_for(bytes, s->budget.page_bytes);
    uint64_t    whole = (uint64_t)pages * s->budget.page_bytes;
    char        cap[32], size[32], least[32];

    if (!wr_arena_retire(s->arena, pages))
        return WR_RAISE(err, WR_NO_MEMORY,
                        "the cap of %s leaves no room for the library %s (%s): the least is %s",
                        wr_text_format_bytes(s->settings.cap_bytes, cap, sizeof cap), name,
                        wr_text_format_bytes(bytes, size, sizeof size),
                        wr_text_format_bytes(s->settings.cap_bytes + whole, least, sizeof least));
    s->budget.arena_bytes -= whole;
    s->budget.fixed_bytes += whole;
    return WR_OK;
}

static void register_plugins(wr_catalog *catalog)
{
    wr_catalog_init(catalog);
#define FS(name)     wr_catalog_add_fs(catalog, &wr_fs_ops_##name);
#define FORMAT(name) wr_catalog_add_format(catalog, &wr_format_##name);
#include "plugins/builtin.def"
#undef FS
#undef FORMAT
}

static wr_status build_plan(wr_session *s, wr_error *err)
{
    wr_variables variables = {find_variable, &s->options};

    register_plugins(&s->catalog);
    wr_plan_init(&s->plan, &s->bump, s->options.pipeline_path);
    WR_TRY(wr_pipeline_build(s->text, s->options.pipeline_path, &variables, &s->catalog,
                             &s->open_lease, &s->plan, s->options.warn, s->options.warn_self,
                             err));
    WR_TRY(wr_plan_check(&s->plan, err));
    WR_TRY(wr_plan_optimize(&s->plan, err));
    wr_lease_close(&s->open_lease);
    return wr_plan_hash(&s->plan, &s->bump, s->plan_hash, err);
}

static wr_spill_options spill_options(const wr_session *s)
{
    return (wr_spill_options){
        .folder = s->spill_folder,
        .quota_bytes = s->settings.spill_quota_bytes,
        .block_bytes_max = s->budget.block_bytes,
        .worker_count = s->settings.thread_count,
        .compress = true,
        .kept_bytes = SPILL_KEPT_BYTES,
    };
}

/* "the cap is below the certificate": which operator, and which cap would do. */
static wr_status raise_refusal(const wr_session *s, wr_error *err)
{
    const wr_certificate      *certificate = &s->physical.certificate;
    const wr_certificate_step *worst = &certificate->steps[certificate->worst_step];
    const wr_certificate_row  *largest = &worst->rows[0];
    char                       cap[32], least[32], row[32];

    for (uint32_t i = 1; i < worst->row_count; i++)
        if (worst->rows[i].min_bytes > largest->min_bytes)
            largest = &worst->rows[i];
    return WR_RAISE(err, WR_NO_MEMORY,
                    "the cap of %s is below what this plan needs: %s, %llu bytes. The largest part is "
                    "%s with %s, in step '%s'. Use --memory-cap of at least that; `weir explain "
                    "--memory` shows the whole certificate",
                    wr_text_format_bytes(s->settings.cap_bytes, cap, sizeof cap),
                    wr_text_format_bytes(s->budget.fixed_bytes + certificate->min_bytes, least,
                                         sizeof least),
                    (unsigned long long)(s->budget.fixed_bytes + certificate->min_bytes),
                    largest->label, wr_text_format_bytes(largest->min_bytes, row, sizeof row),
                    worst->label);
}

static wr_status fit_plan(wr_session *s, wr_error *err)
{
    wr_spill_options spill = spill_options(s);
    wr_lease        *spill_lease = &s->spill_lease;
    wr_fit           fit = {
                  .arena_bytes = s->budget.arena_bytes,
                  .page_bytes = s->budget.page_bytes,
                  .sink_block_bytes = s->budget.sink_block_bytes,
                  .worker_count_max = s->settings.thread_count,
                  .deterministic = s->settings.deterministic,
    };
    wr_status status;

    wr_lease_init(spill_lease, "spill buffers", wr_spill_lease_min(&spill), 0,
                  s->budget.page_bytes);
    fit.resident_bytes = wr_lease_bytes_min(spill_lease, s->budget.page_bytes);
    fit.plan_bytes_min = 2 * LOCALS_BYTES_MIN;
    status = wr_planner_build(&s->plan, &fit, &s->bump, &s->physical, err);
    if (status == WR_NO_MEMORY && s->physical.certificate.step_count)
        return raise_refusal(s, err);
    WR_TRY(status);
    wr_lease_shrink(&s->plan_lease);
    return wr_lease_open_all(s->arena, &spill_lease, 1, err);
}

static wr_status open_steps(wr_session *s, wr_error *err)
{
    wr_pipeline_settings file = {0};

    WR_TRY(wr_fault_configure(getenv("WEIR_FAULT"), getenv("WEIR_STRESS"), err));
    WR_TRY(read_file(s, &file, err));
    WR_TRY(wr_settings_merge(&s->options, &file, &s->settings, err));
    WR_TRY(wr_budget_make(&s->settings, &s->budget, err));
    WR_TRY(open_arena(s, err));
    wr_library_set_payer(pay_library, s);
    WR_TRY(build_plan(s, err));
    WR_TRY(fit_plan(s, err));
    wr_limit_seal(&s->budget.limit);
    return WR_OK;
}

wr_status wr_session_open(const wr_session_options *options, wr_session **out_session,
                          wr_error *err)
{
    wr_session *s = &the_session;
    wr_status   status;

    wr_assert(!s->is_open, "one session a process");
    *s = (wr_session){.options = *options, .is_open = true};
    wr_mutex_init(&s->tick_mutex);
    wr_cond_init(&s->tick_cond);
    status = open_steps(s, err);
    if (status != WR_OK) {
        wr_session_close(s);
        return status;
    }
    *out_session = s;
    return WR_OK;
}

void wr_session_close(wr_session *s)
{
    if (!s || !s->is_open)
        return;
    wr_spill_free(s->spill);
    if (s->bump.lease)
        wr_bump_release(&s->bump);
    wr_lease_close(&s->spill_lease);
    wr_lease_close(&s->open_lease);
    wr_lease_close(&s->plan_lease);
    wr_arena_free(s->arena);
    if (s->file_bump.lease)
        wr_bump_release(&s->file_bump);
    wr_lease_close(&s->file_lease);
    wr_arena_free(s->file_arena);
    wr_cond_release(&s->tick_cond);
    wr_mutex_release(&s->tick_mutex);
    s->is_open = false;
    wr_fault_report();
}

wr_status wr_session_explain(wr_session *s, wr_explain_kind kind, const char **out_text,
                             wr_error *err)
{
    wr_text text;

    switch (kind) {
    case WR_EXPLAIN_PLAN:
        WR_TRY(wr_plan_explain(&s->plan, &s->bump, &text, err));
        break;
    case WR_EXPLAIN_MEMORY:
        WR_TRY(wr_certificate_format(&s->physical.certificate, s->settings.cap_bytes,
                                     s->budget.fixed_bytes, &s->bump, &text, err));
        break;
    case WR_EXPLAIN_JSON:
        WR_TRY(wr_plan_json(&s->plan, &s->bump, &text, err));
        break;
    }
    *out_text = text.bytes;
    return WR_OK;
}

/* ---- Running ---------------------------------------------------------------------------------------- */

static void tick_loop(void *self)
{
    wr_session *s = self;

    wr_mutex_lock(&s->tick_mutex);
    while (s->ticking) {
        wr_cond_wait_ns(&s->tick_cond, &s->tick_mutex, TICK_NS);
        if (s->ticking)
            s->tick(s->tick_self, s);
    }
    wr_mutex_unlock(&s->tick_mutex);
}

static void stop_ticking(wr_session *s, wr_thread thread)
{
    wr_mutex_lock(&s->tick_mutex);
    s->ticking = false;
    wr_cond_signal(&s->tick_cond);
    wr_mutex_unlock(&s->tick_mutex);
    wr_thread_join(thread);
}

static wr_status start_run(wr_session *s, wr_error *err)
{
    wr_spill_options options;

    WR_TRY(wr_settings_spill_folder(&s->settings, s->spill_folder, err));
    options = spill_options(s);
    WR_TRY(wr_spill_new(&options, &s->spill_lease, &s->spill, err));
    s->exec.arena = s->arena;
    s->exec.spill = s->spill;
    s->exec.facts = (wr_run_facts){.now_us = wr_clock_wall_ns() / 1000};
    s->exec.worker_count = s->physical.certificate.worker_count;
    s->exec.page_bytes = s->budget.page_bytes;
    s->exec.batch_rows = s->physical.certificate.batch_rows;
    s->exec.deterministic = s->settings.deterministic;
    return WR_OK;
}

wr_status wr_session_run(wr_session *s, void (*tick)(void *self, wr_session *session),
                         void *tick_self, wr_error *err)
{
    wr_thread thread;
    wr_status status;

    s->start_ns = s->moved_ns = wr_clock_monotonic_ns();
    WR_TRY(start_run(s, err));
    s->tick = tick;
    s->tick_self = tick_self;
    s->ticking = tick != NULL;
    if (tick) {
        status = wr_thread_start(&thread, tick_loop, s, err);
        if (status != WR_OK)
            return status;
    }
    status = wr_schedule_run(&s->physical.schedule, &s->exec, &s->bump, &s->step, err);
    if (tick)
        stop_ticking(s, thread);
    s->end_ns = wr_clock_monotonic_ns();
    return status;
}

void wr_session_cancel(wr_session *s)
{
    atomic_store_explicit(&s->exec.cancelled, true, memory_order_relaxed);
}

/* ---- Facts ------------------------------------------------------------------------------------------- */

/* Share of the work done: scanned bytes, plus a fixed share for each step that reads a state.
 * Never falls, never exceeds 1; -1 when the input's size is unknown. */
static double fraction_now(wr_session *s)
{
    const double state_share = 0.25;
    const wr_schedule *schedule = &s->physical.schedule;
    uint64_t total = 0, in = atomic_load_explicit(&s->exec.bytes_in, memory_order_relaxed);
    uint32_t states = 0, states_done = 0, step = atomic_load(&s->step);
    double   whole, done;

    for (uint32_t i = 0; i < s->plan.node_count; i++)
        if (s->plan.nodes[i]->kind == WR_PLAN_SCAN)
            total += s->plan.nodes[i]->scan.table->bytes_total;
    if (total == 0)
        return -1.0;
    for (uint32_t i = 0; i < schedule->step_count; i++)
        if (wr_node_is_reader(schedule->steps[i].source)) {
            states++;
            states_done += i < step;
        }
    whole = (double)total * (1.0 + state_share * states);
    done = (double)(in < total ? in : total) + (double)total * state_share * states_done;
    if (done / whole > s->fraction)
        s->fraction = done / whole;
    return s->fraction;
}

void wr_session_facts_read(wr_session *s, wr_session_facts *out)
{
    wr_rss         rss;
    wr_spill_stats spill = {0};
    uint64_t       now = s->end_ns ? s->end_ns : wr_clock_monotonic_ns(), mark;
    uint32_t       step = atomic_load(&s->step);

    wr_rss_read(&rss);
    if (s->spill)
        wr_spill_stats_read(s->spill, &spill);
    *out = (wr_session_facts){
        .fraction = fraction_now(s),
        .bytes_in = atomic_load(&s->exec.bytes_in),
        .bytes_total = atomic_load(&s->exec.bytes_total),
        .bytes_out = atomic_load(&s->exec.bytes_out),
        .rows_in = atomic_load(&s->exec.rows_in),
        .rows_out = atomic_load(&s->exec.rows_out),
        .rows_rejected = atomic_load(&s->exec.rejects),
        .memory_bytes = rss.current_bytes,
        .memory_peak_bytes = rss.peak_bytes + rss.swap_bytes,
        .memory_cap_bytes = s->settings.cap_bytes,
        .spill_bytes = spill.disk_bytes,
        .spill_written_bytes = spill.stored_bytes_written,
        .spill_peak_bytes = spill.disk_bytes_peak,
        .elapsed_ns = now - s->start_ns,
        .thread_count = s->physical.certificate.worker_count,
        .kernel_enforced = s->budget.limit.enforced,
        .not_enforced_reason = s->budget.limit.reason,
        .memory_cap_origin = s->settings.cap_origin,
        .spill_folder = s->spill_folder,
        .step = step < s->physical.schedule.step_count ? s->physical.schedule.steps[step].label
                                                       : "",
        .plan_hash = s->plan_hash,
    };
    mark = out->bytes_in + out->rows_in + out->rows_out + spill.stored_bytes_written +
           spill.stored_bytes_read;
    if (mark != s->moved_mark) {
        s->moved_mark = mark;
        s->moved_ns = now;
    }
    out->stalled_ns = now - s->moved_ns;
}
