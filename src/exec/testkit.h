/* exec/testkit.h — hand-built pipelines for unit tests: a source of numbers, a few transforms, a sink
 * that remembers, and a kit that wires nodes into steps and runs them on an arena of its own.
 *
 * Everything is static inline: each test binary takes what it needs. */
#ifndef WR_EXEC_TESTKIT_H
#define WR_EXEC_TESTKIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "exec/ops.h"

enum { KIT_PAGE = 16384, KIT_NODES = 32, KIT_STEPS = 8 };

typedef struct kit {
    wr_arena      *arena;
    wr_lease       pool, spill_lease; /* the latter if there is a spill */
    wr_bump        bump;
    wr_exec        exec;
    wr_error       error;
    wr_schedule    schedule;
    wr_step        steps[KIT_STEPS];
    wr_step_lease *leases[KIT_STEPS];
    wr_step_lease  lease_room[KIT_STEPS][KIT_NODES];
    uint32_t       lease_counts[KIT_STEPS];
    wr_node       *step_nodes[KIT_STEPS][KIT_NODES];
    wr_node       *finish[KIT_STEPS][KIT_NODES], *release[KIT_STEPS][KIT_NODES];
    wr_node        nodes[KIT_NODES];
    wr_node       *all_nodes[KIT_NODES];
} kit;

static inline void kit_open(kit *k, uint32_t page_count)
{
    wr_lease *leases[] = {&k->pool};

    memset(k, 0, sizeof *k);
    assert_int_equal(wr_arena_new((uint64_t)page_count * KIT_PAGE, KIT_PAGE, &k->arena, NULL),
                     WR_OK);
    wr_lease_init(&k->pool, "plan pool", (uint64_t)page_count / 5 * KIT_PAGE,
                  (uint64_t)page_count * KIT_PAGE, KIT_PAGE);
    assert_int_equal(wr_lease_open_all(k->arena, leases, 1, NULL), WR_OK);
    wr_bump_init(&k->bump, &k->pool);
    k->exec = (wr_exec){.arena = k->arena, .worker_count = 8, .page_bytes = KIT_PAGE,
                        .batch_rows = WR_BATCH_ROWS_MAX, .facts = {.seed = 42}};
    k->schedule = (wr_schedule){.steps = k->steps, .leases = k->leases,
                                .lease_counts = k->lease_counts, .all_nodes = k->all_nodes};
    for (int s = 0; s < KIT_STEPS; s++)
        k->leases[s] = k->lease_room[s];
}

/* A spill on the disk for `worker_count` workers, until the kit is closed. */
static inline void kit_open_spill(kit *k, uint32_t block_bytes_max, uint32_t worker_count)
{
    wr_spill_options options = {.folder = "/var/tmp", .block_bytes_max = block_bytes_max,
                                .worker_count = worker_count, .compress = true};
    wr_lease        *leases[] = {&k->spill_lease};

    wr_lease_init(&k->spill_lease, "spill", wr_spill_lease_min(&options), 0, KIT_PAGE);
    assert_int_equal(wr_lease_open_all(k->arena, leases, 1, NULL), WR_OK);
    assert_int_equal(wr_spill_new(&options, &k->spill_lease, &k->exec.spill, NULL), WR_OK);
}

/* For a case under stress modes (or NULL): memory, workers and a spill. */
static inline void kit_open_case(kit *k, uint32_t page_count, uint32_t worker_count,
                                 const char *stress)
{
    kit_open(k, page_count);
    k->exec.worker_count = worker_count;
    assert_int_equal(wr_fault_configure(NULL, stress, NULL), WR_OK);
    kit_open_spill(k, 4 * KIT_PAGE, worker_count);
}

/* All operators of the steps made so far want whatever there is. */
static inline void kit_want_everything(kit *k)
{
    for (uint32_t s = 0; s < k->schedule.step_count; s++)
        for (uint32_t i = 0; i < k->lease_counts[s]; i++) {
            k->lease_room[s][i].want_bytes = UINT64_MAX;
            k->lease_room[s][i].weight = 1.0;
        }
}

/* Every lease must be closed by then: the arena checks it. */
static inline void kit_close(kit *k)
{
    for (uint32_t i = 0; i < k->schedule.all_node_count; i++) {
        assert_false(k->nodes[i].is_open);
        assert_false(k->nodes[i].lease.is_open);
        assert_int_equal(k->nodes[i].lease.pages_used, 0);
    }
    if (k->exec.spill) {
        wr_spill_free(k->exec.spill);
        wr_lease_close(&k->spill_lease);
    }
    wr_bump_release(&k->bump);
    wr_lease_close(&k->pool);
    assert_int_equal(wr_arena_pages_ungranted(k->arena), wr_arena_page_count(k->arena));
    wr_arena_free(k->arena);
    assert_int_equal(wr_fault_configure(NULL, NULL, NULL), WR_OK);
}

static inline wr_node *kit_add(kit *k, wr_role role, const void *ops, const void *plan,
                               wr_node *parent, const char *label)
{
    uint32_t index = k->schedule.all_node_count++;
    wr_node *node = &k->nodes[index];

    assert_true(index < KIT_NODES);
    *node = (wr_node){.role = role, .plan = plan, .label = label, .local_slot = index};
    node->source = ops;
    k->all_nodes[index] = node;
    k->schedule.local_slot_count = index + 1;
    if (parent)
        parent->next[parent->next_count++] = node;
    return node;
}

static inline wr_node *kit_source(kit *k, const wr_source_ops *ops, const void *plan)
{
    return kit_add(k, WR_ROLE_SOURCE, ops, plan, NULL, ops->name);
}

static inline wr_node *kit_transform(kit *k, const wr_transform_ops *ops, const void *plan,
                                     wr_node *parent)
{
    return kit_add(k, WR_ROLE_TRANSFORM, ops, plan, parent, ops->name);
}

static inline wr_node *kit_sink(kit *k, const wr_sink_ops *ops, const void *plan, wr_node *parent)
{
    return kit_add(k, WR_ROLE_SINK, ops, plan, parent, ops->name);
}

static inline uint64_t kit_lease_min(const kit *k, const wr_node *node, uint32_t worker_count)
{
    uint64_t (*lease_min)(const void *, const wr_exec *, uint32_t) =
        node->role == WR_ROLE_SOURCE      ? node->source->lease_min
        : node->role == WR_ROLE_TRANSFORM ? node->transform->lease_min
                                          : node->sink->lease_min;

    return lease_min ? lease_min(node->plan, &k->exec, worker_count) : 0;
}

/* Append the step of everything below `source`; its sinks finish then unless `keep_fed`. Leases get
 * exactly their min. Nothing is released before the end. */
static inline wr_step *kit_step(kit *k, wr_node *source, uint32_t worker_count, bool keep_fed)
{
    uint32_t  s = k->schedule.step_count++;
    wr_step  *step = &k->steps[s];
    wr_node **nodes = k->step_nodes[s];

    *step = (wr_step){.source = source, .worker_count = worker_count, .nodes = nodes,
                      .finish = k->finish[s], .release = k->release[s], .label = "test step"};
    nodes[step->node_count++] = source;
    for (uint32_t i = 0; i < step->node_count; i++) {
        wr_node *node = nodes[i], *owner = node->state ? node->state : node;

        for (uint32_t c = 0; c < node->next_count; c++)
            nodes[step->node_count++] = node->next[c];
        if (node->role == WR_ROLE_SINK && !keep_fed)
            step->finish[step->finish_count++] = node;
        k->lease_room[s][k->lease_counts[s]++] =
            (wr_step_lease){.node = owner, .min_bytes = kit_lease_min(k, node, worker_count)};
        for (int r = 0; r < 2 && node->reads[r]; r++)
            k->lease_room[s][k->lease_counts[s]++] = (wr_step_lease){
                .node = node->reads[r],
                .min_bytes = WR_SORT_READ.lease_min(node->reads[r]->plan, &k->exec, 1)};
    }
    return step;
}

/* The step of `source`, which ends with a blocking operator behind `last`. Its reader, of the step to
 * come. */
static inline wr_node *kit_block(kit *k, wr_node *source, wr_node *last, const wr_sink_ops *sink_ops,
                                 const wr_source_ops *reader_ops, const void *plan)
{
    wr_node *sink = kit_sink(k, sink_ops, plan, last), *reader;

    kit_step(k, source, k->exec.worker_count, false);
    reader = kit_source(k, reader_ops, plan);
    reader->state = sink;
    return reader;
}

static inline wr_status kit_run(kit *k)
{
    wr_error_clear(&k->error);
    return wr_schedule_run(&k->schedule, &k->exec, &k->bump, NULL, &k->error);
}

/* The last step, from `reader` to `sink_ops`, and the run, which must go well. */
static inline void kit_run_into(kit *k, wr_node *reader, const wr_sink_ops *sink_ops,
                                const void *plan, bool plenty)
{
    kit_sink(k, sink_ops, plan, reader);
    kit_step(k, reader, k->exec.worker_count, false);
    if (plenty)
        kit_want_everything(k);
    if (kit_run(k) != WR_OK)
        fail_msg("%s", k->error.message);
}

static inline void kit_nap_us(uint32_t us)
{
    struct timespec nap = {us / 1000000, (long)(us % 1000000) * 1000};

    if (us)
        nanosleep(&nap, NULL);
}

/* ---- A source of numbers: column 0 is Int64 0, 1, 2 ... -------------------------------------------- */

typedef struct numbers_plan {
    uint64_t row_count;
    uint32_t morsel_rows, batch_rows;
    uint32_t nap_us;          /* of even morsels before each batch: later ones overtake them */
    uint64_t fail_at;         /* pull fails when it comes to this row; 0: never                */
} numbers_plan;

typedef struct numbers_shared {
    _Atomic uint64_t next_morsel;
} numbers_shared;

typedef struct numbers_local {
    bool      has_morsel;
    uint64_t  morsel, row, row_end;
    wr_vector column;
    int64_t   values[WR_BATCH_ROWS_MAX];
} numbers_local;

static inline wr_status numbers_pull(wr_node *node, void *local_p, wr_batch *out,
                                     wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    const numbers_plan *plan = node->plan;
    numbers_shared     *shared = wr_node_shared(node);
    numbers_local      *local = local_p;
    uint64_t            left;

    (void)exec;
    if (!local->has_morsel) {
        local->morsel = atomic_fetch_add(&shared->next_morsel, 1);
        local->row = local->morsel * plan->morsel_rows;
        local->row_end = local->row + plan->morsel_rows;
        if (local->row_end > plan->row_count)
            local->row_end = plan->row_count;
        if (local->row >= plan->row_count) {
            *out_flow = WR_FLOW_DONE;
            return WR_OK;
        }
        local->has_morsel = true;
    }
    if (local->morsel % 2 == 0)
        kit_nap_us(plan->nap_us);
    left = local->row_end - local->row;
    out->morsel = local->morsel;
    out->position = local->row;
    out->row_count = left < plan->batch_rows ? (uint32_t)left : plan->batch_rows;
    if (plan->fail_at && plan->fail_at >= local->row && plan->fail_at < local->row + out->row_count)
        return WR_RAISE(err, WR_DATA, "bad number %llu", (unsigned long long)plan->fail_at);
    for (uint32_t i = 0; i < out->row_count; i++)
        local->values[i] = (int64_t)(local->row + i);
    local->column = (wr_vector){.type = WR_TYPE(I64), .encoding = WR_FLAT,
                                .row_count = out->row_count, .data = local->values};
    out->columns = &local->column;
    out->column_count = 1;
    wr_batch_select_all(out);
    local->row += out->row_count;
    out->morsel_end = local->row == local->row_end;
    local->has_morsel = !out->morsel_end;
    return WR_OK;
}

static inline void numbers_describe_row(wr_node *node, void *local_p, uint32_t row, wr_error *err)
{
    numbers_local *local = local_p;

    (void)node;
    wr_error_append(err, " (number %lld)", (long long)local->values[row]);
}

static const wr_source_ops NUMBERS __attribute__((unused)) = {
    .name = "numbers",
    .shared_bytes = sizeof(numbers_shared),
    .local_bytes = sizeof(numbers_local),
    .pull = numbers_pull,
    .describe_row = numbers_describe_row,
};

/* ---- A source of rows that the test fills: numbers of 8 bytes and short texts ----------------------- */

enum { KIT_COLUMNS = 5, KIT_MORSEL_ROWS = 1000, KIT_TEXT_BYTES = 48 };

typedef struct kit_cell {
    bool is_null;
    union {
        int64_t  i64;
        uint64_t u64;
        double   f64;
    };
    char text[KIT_TEXT_BYTES]; /* ends with a 0; for columns of texts */
} kit_cell;

/* Row 0, 1, 2 ..., in morsels of one batch. `fill` gets cells that are zero. */
typedef struct kit_rows {
    uint64_t       row_count;
    const wr_type *types;
    uint32_t       column_count;
    void (*fill)(const void *plan, uint64_t row, kit_cell *cells);
    const void    *plan;
} kit_rows;

typedef struct kit_rows_shared {
    _Atomic uint64_t next_morsel;
} kit_rows_shared;

typedef struct kit_rows_local {
    wr_vector columns[KIT_COLUMNS];
    uint64_t  valid[KIT_COLUMNS][KIT_MORSEL_ROWS / 64 + 1];
    union {
        uint64_t numbers[KIT_MORSEL_ROWS];
        wr_str   texts[KIT_MORSEL_ROWS];
    } data[KIT_COLUMNS];
    char bytes[2 * KIT_MORSEL_ROWS * KIT_TEXT_BYTES]; /* of all texts */
} kit_rows_local;

static inline void kit_rows_put(kit_rows_local *local, const kit_rows *rows, uint32_t at,
                                const kit_cell *cells, size_t *byte_count)
{
    for (uint32_t c = 0; c < rows->column_count; c++) {
        size_t count = strlen(cells[c].text);

        wr_bit_put(local->valid[c], at, !cells[c].is_null);
        if (rows->types[c].logical != WR_TYPE_UTF8) {
            local->data[c].numbers[at] = cells[c].u64;
            continue;
        }
        assert_true(*byte_count + count <= sizeof local->bytes);
        memcpy(local->bytes + *byte_count, cells[c].text, count);
        local->data[c].texts[at] = wr_str_of(local->bytes + *byte_count, count);
        *byte_count += count;
    }
}

static inline wr_status kit_rows_pull(wr_node *node, void *local_p, wr_batch *out,
                                      wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    const kit_rows  *rows = node->plan;
    kit_rows_shared *shared = node->shared;
    kit_rows_local  *local = local_p;
    uint64_t         morsel = atomic_fetch_add(&shared->next_morsel, 1);
    uint64_t         first = morsel * KIT_MORSEL_ROWS;
    uint32_t         count = KIT_MORSEL_ROWS;
    size_t           byte_count = 0;

    (void)exec, (void)err;
    if (first >= rows->row_count) {
        *out_flow = WR_FLOW_DONE;
        return WR_OK;
    }
    if (rows->row_count - first < count)
        count = (uint32_t)(rows->row_count - first);
    for (uint32_t i = 0; i < count; i++) {
        kit_cell cells[KIT_COLUMNS] = {0};

        rows->fill(rows->plan, first + i, cells);
        kit_rows_put(local, rows, i, cells, &byte_count);
    }
    for (uint32_t c = 0; c < rows->column_count; c++)
        local->columns[c] = (wr_vector){.type = rows->types[c], .row_count = count,
                                        .data = &local->data[c], .valid = local->valid[c]};
    *out = (wr_batch){.row_count = count, .column_count = rows->column_count,
                      .columns = local->columns, .morsel = morsel, .morsel_end = true};
    wr_batch_select_all(out);
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

static const wr_source_ops KIT_ROWS __attribute__((unused)) = {
    .name = "rows",
    .shared_bytes = sizeof(kit_rows_shared),
    .local_bytes = sizeof(kit_rows_local),
    .pull = kit_rows_pull,
};

/* ---- A sink that remembers every Int64 of one column ------------------------------------------- */

enum { KEEP_ROWS = 200000, KEEP_MORSELS = 20000 };

typedef struct keep_sink {
    pthread_mutex_t mutex;
    uint32_t        column;
    uint32_t        row_count;
    int64_t         rows[KEEP_ROWS]; /* in the order of arrival */
    uint8_t         morsel_ends[KEEP_MORSELS];
    uint32_t        done_after;      /* say DONE after this many rows; 0: never */
} keep_sink;

static inline wr_status keep_push(wr_node *node, void *local, const wr_batch *in,
                                  wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    keep_sink *keep = (keep_sink *)(uintptr_t)node->plan;

    (void)local, (void)exec, (void)err;
    pthread_mutex_lock(&keep->mutex);
    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t row = wr_selection_row(&in->selection, i);

        assert_true(row < in->row_count && keep->row_count < KEEP_ROWS);
        keep->rows[keep->row_count++] = wr_vector_value(&in->columns[keep->column], row).i64;
    }
    assert_true(in->morsel < KEEP_MORSELS);
    keep->morsel_ends[in->morsel] += in->morsel_end;
    *out_flow = keep->done_after && keep->row_count >= keep->done_after ? WR_FLOW_DONE
                                                                        : WR_FLOW_MORE;
    pthread_mutex_unlock(&keep->mutex);
    return WR_OK;
}

static const wr_sink_ops KEEP __attribute__((unused)) = {.name = "keep", .push = keep_push};

/* A sink that counts rows and drops them. */
static inline wr_status discard_push(wr_node *node, void *local, const wr_batch *in,
                                     wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)err;
    atomic_fetch_add_explicit(&exec->rows_out, wr_batch_rows(in), memory_order_relaxed);
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

static const wr_sink_ops DISCARD __attribute__((unused)) = {.name = "discard", .push = discard_push};

static inline keep_sink *keep_new(void)
{
    keep_sink *keep = calloc(1, sizeof *keep);

    assert_non_null(keep);
    pthread_mutex_init(&keep->mutex, NULL);
    return keep;
}

static inline int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The kept rows are first, first + step, ... in any order; then the sink is empty again. */
static inline void keep_check(keep_sink *keep, int64_t first, uint32_t count, int64_t step)
{
    assert_int_equal(keep->row_count, count);
    qsort(keep->rows, keep->row_count, sizeof keep->rows[0], compare_i64);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(keep->rows[i], first + i * step);
    keep->row_count = 0;
    memset(keep->morsel_ends, 0, sizeof keep->morsel_ends);
}

static inline void keep_check_ends(const keep_sink *keep, uint32_t morsel_count)
{
    for (uint32_t m = 0; m < morsel_count; m++)
        assert_int_equal(keep->morsel_ends[m], 1);
    for (uint32_t m = morsel_count; m < KEEP_MORSELS; m++)
        assert_int_equal(keep->morsel_ends[m], 0);
}

/* ---- Transforms ------------------------------------------------------------------------------------ */

/* Keep the rows whose number is a multiple of *plan (an int64_t). */
typedef struct every_local {
    uint16_t rows[WR_BATCH_ROWS_MAX];
} every_local;

static inline wr_status every_apply(wr_node *node, void *local_p, const wr_batch *in,
                                    wr_batch *out, wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    int64_t      step = *(const int64_t *)node->plan;
    every_local *local = local_p;
    uint32_t     count = 0;

    (void)exec, (void)err;
    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t row = wr_selection_row(&in->selection, i);

        if (wr_vector_value(&in->columns[0], row).i64 % step == 0)
            local->rows[count++] = (uint16_t)row;
    }
    out->columns = in->columns;
    out->column_count = in->column_count;
    out->row_count = in->row_count;
    out->selection = (wr_selection){local->rows, count};
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

static const wr_transform_ops EVERY __attribute__((unused)) = {
    .name = "every", .local_bytes = sizeof(every_local), .apply = every_apply};

/* Fail at the number *plan, saying where it comes from. */
static inline wr_status fail_apply(wr_node *node, void *local, const wr_batch *in, wr_batch *out,
                                   wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    int64_t bad = *(const int64_t *)node->plan;

    (void)exec;
    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t row = wr_selection_row(&in->selection, i);

        if (wr_vector_value(&in->columns[0], row).i64 == bad) {
            wr_status status = WR_RAISE(err, WR_DATA, "no such number");

            wr_local_describe_row(local, row, err);
            return status;
        }
    }
    *out = *in;
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

static const wr_transform_ops FAIL __attribute__((unused)) = {.name = "fail", .apply = fail_apply};

/* Give every row *plan times, at most 3 rows a call. */
typedef struct repeat_local {
    uint32_t  done; /* output rows of the batch at hand */
    wr_vector column;
    int64_t   values[4];
} repeat_local;

static inline wr_status repeat_apply(wr_node *node, void *local_p, const wr_batch *in,
                                     wr_batch *out, wr_flow *out_flow, wr_exec *exec, wr_error *err)
{
    uint32_t      times = (uint32_t) * (const int64_t *)node->plan;
    repeat_local *local = local_p;
    uint32_t      total = wr_batch_rows(in) * times;

    (void)exec, (void)err;
    while (out->row_count < 3 && local->done < total) {
        uint32_t row = wr_selection_row(&in->selection, local->done++ / times);

        local->values[out->row_count++] = wr_vector_value(&in->columns[0], row).i64;
    }
    local->column = (wr_vector){.type = WR_TYPE(I64), .encoding = WR_FLAT,
                                .row_count = out->row_count, .data = local->values};
    out->columns = &local->column;
    out->column_count = 1;
    wr_batch_select_all(out);
    *out_flow = local->done < total ? WR_FLOW_AGAIN : WR_FLOW_MORE;
    if (local->done == total)
        local->done = 0;
    return WR_OK;
}

static const wr_transform_ops REPEAT __attribute__((unused)) = {
    .name = "repeat", .local_bytes = sizeof(repeat_local), .makes_rows = true,
    .apply = repeat_apply};

#endif
