/* exec/pipeline_test.c — the scheduler: trees, morsel ends, early stops, errors, order of calls. */
#include "exec/testkit.h"

static const uint32_t WORKERS[] = {1, 2, 8};
static const char    *STRESS[] = {NULL, "batch=3", "blocked", "batch=1,blocked"};

#define EACH_WORKER_COUNT(w) (size_t w = 0; w < sizeof WORKERS / sizeof WORKERS[0]; w++)

/* ---- Trees --------------------------------------------------------------------------------------- */

/* numbers -> (every 3rd -> a) + b + (repeat 5 -> every 2nd -> c) */
static void run_tree(const char *stress, uint32_t worker_count, keep_sink *kept[3])
{
    kit          k;
    numbers_plan plan = {.row_count = 10000, .morsel_rows = 700, .batch_rows = 300};
    int64_t      three = 3, two = 2, five = 5;

    kit_open(&k, 64);
    assert_int_equal(wr_fault_configure(NULL, stress, NULL), WR_OK);
    wr_node *source = kit_source(&k, &NUMBERS, &plan);
    wr_node *every = kit_transform(&k, &EVERY, &three, source);
    kit_sink(&k, &KEEP, kept[0], every);
    kit_sink(&k, &KEEP, kept[1], source);
    wr_node *repeat = kit_transform(&k, &REPEAT, &five, source);
    wr_node *even = kit_transform(&k, &EVERY, &two, repeat);
    kit_sink(&k, &KEEP, kept[2], even);
    kit_step(&k, source, worker_count, false);
    assert_int_equal(kit_run(&k), WR_OK);

    assert_int_equal(source->rows_out, 10000);
    assert_int_equal(k.exec.rows_in, 10000);
    assert_int_equal(every->rows_in, 10000);
    assert_int_equal(every->rows_out, 3334);
    assert_int_equal(repeat->rows_in, 10000);
    assert_int_equal(repeat->rows_out, 50000);
    assert_int_equal(even->rows_out, 25000);
    kit_close(&k);
}

static void every_row_reaches_every_sink(void **state)
{
    keep_sink *kept[3] = {keep_new(), keep_new(), keep_new()};

    (void)state;
    for (size_t s = 0; s < sizeof STRESS / sizeof STRESS[0]; s++) {
        for EACH_WORKER_COUNT (w) {
            run_tree(STRESS[s], WORKERS[w], kept);
            for (int i = 0; i < 3; i++)
                keep_check_ends(kept[i], 15);
            keep_check(kept[0], 0, 3334, 3);
            keep_check(kept[1], 0, 10000, 1);
            qsort(kept[2]->rows, kept[2]->row_count, sizeof(int64_t), compare_i64);
            for (uint32_t i = 0; i < 25000; i++)
                assert_int_equal(kept[2]->rows[i], i / 5 * 2);
            kept[2]->row_count = 0;
            memset(kept[2]->morsel_ends, 0, sizeof kept[2]->morsel_ends);
        }
    }
    for (int i = 0; i < 3; i++)
        free(kept[i]);
}

static void an_empty_source_ends_well(void **state)
{
    kit          k;
    numbers_plan plan = {.morsel_rows = 10, .batch_rows = 10};
    keep_sink   *kept = keep_new();

    (void)state;
    kit_open(&k, 64);
    wr_node *source = kit_source(&k, &NUMBERS, &plan);
    kit_sink(&k, &KEEP, kept, source);
    kit_step(&k, source, 2, false);
    assert_int_equal(kit_run(&k), WR_OK);
    keep_check_ends(kept, 0);
    keep_check(kept, 0, 0, 1);
    kit_close(&k);
    free(kept);
}

/* A pipeline as deep as the plan says runs on an explicit stack. */
static void depth_costs_no_stack(void **state)
{
    enum { DEPTH = KIT_NODES - 2 };
    kit          k;
    numbers_plan plan = {.row_count = 5000, .morsel_rows = 100, .batch_rows = 50};
    keep_sink   *kept = keep_new();
    int64_t      one = 1;

    (void)state;
    kit_open(&k, 64);
    wr_node *source = kit_source(&k, &NUMBERS, &plan), *tail = source;
    for (int i = 0; i < DEPTH; i++)
        tail = kit_transform(&k, i % 2 ? &REPEAT : &EVERY, &one, tail);
    kit_sink(&k, &KEEP, kept, tail);
    kit_step(&k, source, 2, false);
    assert_int_equal(kit_run(&k), WR_OK);
    keep_check_ends(kept, 50);
    keep_check(kept, 0, 5000, 1);
    kit_close(&k);
    free(kept);
}

static void slices_of_selections(void **state)
{
    uint16_t     rows[] = {3, 5, 8};
    wr_selection some = {rows, 3}, all = {NULL, 1024}, got;

    (void)state;
    got = wr_selection_slice(&some, 1, 2);
    assert_int_equal(got.row_count, 2);
    assert_int_equal(wr_selection_row(&got, 0), 5);
    assert_int_equal(wr_selection_row(&got, 1), 8);
    got = wr_selection_slice(&all, 0, 1024);
    assert_null(got.rows);
    for (uint32_t first = 0; first < 1024; first++) {
        got = wr_selection_slice(&all, first, 1);
        assert_int_equal(wr_selection_row(&got, 0), first);
    }
}

/* ---- Early stops --------------------------------------------------------------------------------- */

static void run_limit(uint64_t offset, uint64_t max, uint32_t first, uint32_t count,
                      const char *stress, uint32_t worker_count, keep_sink *kept)
{
    kit           k;
    numbers_plan  plan = {.row_count = 100000, .morsel_rows = 50, .batch_rows = 20, .nap_us = 30};
    wr_plan_limit limit = {offset, max};

    kit_open(&k, 64);
    assert_int_equal(wr_fault_configure(NULL, stress, NULL), WR_OK);
    wr_node *source = kit_source(&k, &NUMBERS, &plan);
    kit_sink(&k, &KEEP, kept, kit_transform(&k, &WR_LIMIT, &limit, source));
    kit_step(&k, source, worker_count, false);
    assert_int_equal(kit_run(&k), WR_OK);
    assert_true(source->rows_out <= offset + max + 50 * (worker_count + 1));
    keep_check(kept, first, count, 1);
    kit_close(&k);
}

static void limit_passes_the_first_rows_by_position(void **state)
{
    keep_sink *kept = keep_new();

    (void)state;
    for (size_t s = 0; s < sizeof STRESS / sizeof STRESS[0]; s++) {
        for EACH_WORKER_COUNT (w) {
            run_limit(0, 10, 0, 10, STRESS[s], WORKERS[w], kept);
            run_limit(7, 50, 7, 50, STRESS[s], WORKERS[w], kept);
            run_limit(100, 100, 100, 100, STRESS[s], WORKERS[w], kept);
            run_limit(1234, 777, 1234, 777, STRESS[s], WORKERS[w], kept);
            run_limit(5, 0, 0, 0, STRESS[s], WORKERS[w], kept);
        }
    }
    free(kept);
}

static void limit_beyond_the_end_passes_the_rest(void **state)
{
    keep_sink    *kept = keep_new();
    numbers_plan  plan = {.row_count = 1000, .morsel_rows = 50, .batch_rows = 20};
    wr_plan_limit limits[] = {{990, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}, {0, UINT64_MAX}};
    uint32_t      counts[] = {10, 0, 1000}, firsts[] = {990, 0, 0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        kit k;

        kit_open(&k, 64);
        wr_node *source = kit_source(&k, &NUMBERS, &plan);
        kit_sink(&k, &KEEP, kept, kit_transform(&k, &WR_LIMIT, &limits[i], source));
        kit_step(&k, source, 8, false);
        assert_int_equal(kit_run(&k), WR_OK);
        keep_check_ends(kept, 20);
        keep_check(kept, firsts[i], counts[i], 1);
        kit_close(&k);
    }
    free(kept);
}

/* One branch of a tee stops, the other goes on; morsels up to the limit are ended in the first. */
static void a_tee_stops_when_all_branches_are_done(void **state)
{
    keep_sink *some = keep_new(), *all = keep_new();

    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit           k;
        numbers_plan  plan = {.row_count = 5000, .morsel_rows = 50, .batch_rows = 20, .nap_us = 30};
        wr_plan_limit first = {0, 120};
        int64_t       one = 1;

        kit_open(&k, 64);
        wr_node *source = kit_source(&k, &NUMBERS, &plan);
        wr_node *limit = kit_transform(&k, &WR_LIMIT, &first, source);
        kit_sink(&k, &KEEP, some, kit_transform(&k, &REPEAT, &one, limit));
        kit_sink(&k, &KEEP, all, kit_transform(&k, &REPEAT, &one, source));
        kit_step(&k, source, WORKERS[w], false);
        assert_int_equal(kit_run(&k), WR_OK);
        for (int m = 0; m <= 2; m++)
            assert_int_equal(some->morsel_ends[m], 1);
        keep_check(some, 0, 120, 1);
        keep_check_ends(all, 100);
        keep_check(all, 0, 5000, 1);
        kit_close(&k);
    }
    free(some);
    free(all);
}

static void a_sink_may_say_done(void **state)
{
    keep_sink *kept = keep_new();

    (void)state;
    kept->done_after = 100;
    for EACH_WORKER_COUNT (w) {
        kit          k;
        numbers_plan plan = {.row_count = 100000, .morsel_rows = 50, .batch_rows = 20};

        kit_open(&k, 64);
        wr_node *source = kit_source(&k, &NUMBERS, &plan);
        kit_sink(&k, &KEEP, kept, source);
        kit_step(&k, source, WORKERS[w], false);
        assert_int_equal(kit_run(&k), WR_OK);
        assert_true(kept->row_count >= 100 && kept->row_count <= 100 + 20 * WORKERS[w]);
        kept->row_count = 0;
        kit_close(&k);
    }
    free(kept);
}

/* A morsel that ends without rows does not wait for its turn, up to a window ahead. */
typedef struct ender {
    wr_turnstile     turnstile;
    wr_exec          exec;
    _Atomic uint64_t ended;
} ender;

static void end_many(void *self)
{
    ender *e = self;

    for (uint64_t m = 1; m < 3 * WR_TURNSTILE_WINDOW; m++) {
        if (!wr_turnstile_end(&e->turnstile, m, &e->exec))
            return;
        atomic_store(&e->ended, m);
    }
}

static void a_turnstile_holds_back_who_is_a_window_ahead(void **state)
{
    ender     e = {.exec = {.morsel_limit = UINT64_MAX}};
    wr_thread thread;

    (void)state;
    wr_turnstile_init(&e.turnstile, 0);
    assert_int_equal(wr_thread_start(&thread, end_many, &e, NULL), WR_OK);
    for (int i = 0; i < 2000 && e.ended < WR_TURNSTILE_WINDOW - 1; i++)
        kit_nap_us(1000);
    kit_nap_us(20000);
    assert_int_equal(e.ended, WR_TURNSTILE_WINDOW - 1);
    assert_true(wr_turnstile_wait(&e.turnstile, 0, &e.exec));
    assert_true(wr_turnstile_end(&e.turnstile, 0, &e.exec));
    wr_thread_join(thread);
    assert_int_equal(e.turnstile.next, 3 * WR_TURNSTILE_WINDOW);
    wr_turnstile_close(&e.turnstile);
    assert_false(wr_turnstile_wait(&e.turnstile, e.turnstile.next, &e.exec));
    wr_turnstile_release(&e.turnstile);
}

/* ---- Failure and cancellation --------------------------------------------------------------------- */

/* Row 220 lies in the slow morsel 4, row 290 in the fast morsel 5 that fails first in time. */
static void the_earliest_failure_wins(void **state)
{
    keep_sink *kept = keep_new();

    (void)state;
    for (int round = 0; round < 5; round++) {
        for EACH_WORKER_COUNT (w) {
            kit          k;
            numbers_plan plan = {.row_count = 100000, .morsel_rows = 50, .batch_rows = 10,
                                 .nap_us = 300};
            int64_t      bad = 245, worse = 251;

            kit_open(&k, 64);
            wr_node *source = kit_source(&k, &NUMBERS, &plan);
            wr_node *fail = kit_transform(&k, &FAIL, &bad, source);
            kit_sink(&k, &KEEP, kept, kit_transform(&k, &FAIL, &worse, fail));
            kit_step(&k, source, WORKERS[w], false);
            assert_int_equal(kit_run(&k), WR_DATA);
            assert_string_equal(k.error.message,
                                "no such number (number 245)\n  while running test step");
            assert_true(source->rows_out < 2000);
            kept->row_count = 0;
            kit_close(&k);
        }
    }
    free(kept);
}

static void a_source_fails_at_its_morsel(void **state)
{
    keep_sink *kept = keep_new();

    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit          k;
        numbers_plan plan = {.row_count = 100000, .morsel_rows = 50, .batch_rows = 10,
                             .nap_us = 300, .fail_at = 249};
        int64_t      worse = 251;

        kit_open(&k, 64);
        wr_node *source = kit_source(&k, &NUMBERS, &plan);
        kit_sink(&k, &KEEP, kept, kit_transform(&k, &FAIL, &worse, source));
        kit_step(&k, source, WORKERS[w], false);
        assert_int_equal(kit_run(&k), WR_DATA);
        assert_non_null(strstr(k.error.message, "bad number 249"));
        kept->row_count = 0;
        kit_close(&k);
    }
    free(kept);
}

/* What one worker would never have seen is not an error for eight: behind the limit, and in the
 * branch of a tee that was done before. */
static void failures_behind_the_end_do_not_count(void **state)
{
    keep_sink *some = keep_new(), *all = keep_new();

    (void)state;
    for (int tee = 0; tee <= 1; tee++) {
        for EACH_WORKER_COUNT (w) {
            kit           k;
            numbers_plan  plan = {.row_count = 2000, .morsel_rows = 50, .batch_rows = 10,
                                  .nap_us = 300, .fail_at = tee ? 0 : 155};
            wr_plan_limit first = {0, 120};
            int64_t       bad = 151;

            kit_open(&k, 64);
            wr_node *source = kit_source(&k, &NUMBERS, &plan);
            wr_node *fail = kit_transform(&k, &FAIL, &bad, source);
            kit_sink(&k, &KEEP, some, kit_transform(&k, &WR_LIMIT, &first, fail));
            if (tee)
                kit_sink(&k, &KEEP, all, source);
            kit_step(&k, source, WORKERS[w], false);
            assert_int_equal(kit_run(&k), WR_OK);
            keep_check(some, 0, 120, 1);
            if (tee)
                keep_check(all, 0, 2000, 1);
            kit_close(&k);
        }
    }
    free(some);
    free(all);
}

/* Behind an operator that makes rows a row has no place any more. */
static void made_rows_have_no_place(void **state)
{
    kit          k;
    numbers_plan plan = {.row_count = 1000, .morsel_rows = 50, .batch_rows = 10};
    keep_sink   *kept = keep_new();
    int64_t      bad = 245, two = 2;

    (void)state;
    kit_open(&k, 64);
    wr_node *source = kit_source(&k, &NUMBERS, &plan);
    wr_node *repeat = kit_transform(&k, &REPEAT, &two, source);
    kit_sink(&k, &KEEP, kept, kit_transform(&k, &FAIL, &bad, repeat));
    kit_step(&k, source, 1, false);
    assert_int_equal(kit_run(&k), WR_DATA);
    assert_string_equal(k.error.message, "no such number\n  while running test step");
    kit_close(&k);
    free(kept);
}

static wr_status cancel_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                             wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)in, (void)out_flow, (void)err;
    atomic_store(&exec->cancelled, true);
    return WR_OK;
}

static const wr_sink_ops CANCEL = {.name = "cancel", .push = cancel_push};

static void cancellation_takes_one_batch(void **state)
{
    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit          k;
        numbers_plan plan = {.row_count = 100000, .morsel_rows = 50, .batch_rows = 10};

        kit_open(&k, 64);
        wr_node *source = kit_source(&k, &NUMBERS, &plan);
        kit_sink(&k, &CANCEL, NULL, source);
        kit_step(&k, source, WORKERS[w], false);
        kit_step(&k, source, WORKERS[w], false);
        assert_int_equal(kit_run(&k), WR_CANCELLED);
        assert_string_equal(k.error.message, "cancelled\n  while running test step");
        assert_true(source->rows_out <= 100 * 10 * WORKERS[w]);
        kit_close(&k);
    }
}

static wr_status stuck_pull(wr_node *node, void *local, wr_batch *out, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)out, (void)exec, (void)err;
    *out_flow = WR_FLOW_BLOCKED;
    return WR_OK;
}

static void cancel_soon(void *self)
{
    kit_nap_us(5000);
    atomic_store((_Atomic bool *)self, true);
}

static void a_blocked_source_can_be_cancelled(void **state)
{
    static const wr_source_ops STUCK = {.name = "stuck", .pull = stuck_pull};
    kit                        k;
    wr_thread                  thread;

    (void)state;
    kit_open(&k, 64);
    wr_node *source = kit_source(&k, &STUCK, NULL);
    kit_sink(&k, &DISCARD, NULL, source);
    kit_step(&k, source, 2, false);
    assert_int_equal(wr_thread_start(&thread, cancel_soon, &k.exec.cancelled, NULL), WR_OK);
    assert_int_equal(kit_run(&k), WR_CANCELLED);
    wr_thread_join(thread);
    kit_close(&k);
}

/* ---- Order of calls -------------------------------------------------------------------------------- */

enum { AT_OPEN, AT_LOCAL_OPEN, AT_PUSH, AT_COMBINE, AT_FINISH, AT_NONE };

typedef struct trace {
    int          fail_at;
    _Atomic int  open, local_open, push, combine, local_close, finish, close;
} trace;

static wr_status step_of(trace *t, int at, _Atomic int *count, wr_error *err)
{
    atomic_fetch_add(count, 1);
    return t->fail_at == at ? WR_RAISE(err, WR_FAILED, "broken on purpose") : WR_OK;
}

#define TRACE(node) ((trace *)(uintptr_t)(node)->plan)

static wr_status trace_open(wr_node *node, wr_exec *exec, wr_error *err)
{
    (void)exec;
    return step_of(TRACE(node), AT_OPEN, &TRACE(node)->open, err);
}

static wr_status trace_local_open(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    (void)exec;
    assert_int_equal(*(uint64_t *)local, 0); /* zeroed, also in the next step */
    *(uint64_t *)local = 1;
    return step_of(TRACE(node), AT_LOCAL_OPEN, &TRACE(node)->local_open, err);
}

static wr_status trace_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    (void)local, (void)in, (void)out_flow, (void)exec;
    return step_of(TRACE(node), AT_PUSH, &TRACE(node)->push, err);
}

static wr_status trace_combine(wr_node *node, void *local, wr_exec *exec, wr_error *err)
{
    (void)local, (void)exec;
    return step_of(TRACE(node), AT_COMBINE, &TRACE(node)->combine, err);
}

static void trace_local_close(wr_node *node, void *local)
{
    (void)local;
    atomic_fetch_add(&TRACE(node)->local_close, 1);
}

static wr_status trace_finish(wr_node *node, wr_exec *exec, wr_error *err)
{
    (void)exec;
    return step_of(TRACE(node), AT_FINISH, &TRACE(node)->finish, err);
}

static void trace_close(wr_node *node)
{
    atomic_fetch_add(&TRACE(node)->close, 1);
}

static const wr_sink_ops TRACED = {
    .name = "traced",
    .shared_bytes = 8,
    .local_bytes = 8,
    .open = trace_open,
    .local_open = trace_local_open,
    .push = trace_push,
    .combine = trace_combine,
    .local_close = trace_local_close,
    .finish = trace_finish,
    .close = trace_close,
};

static void what_is_opened_is_closed(void **state)
{
    (void)state;
    for (int at = AT_OPEN; at <= AT_NONE; at++) {
        for EACH_WORKER_COUNT (w) {
            kit          k;
            numbers_plan plan = {.row_count = 1000, .morsel_rows = 50, .batch_rows = 10};
            trace        t = {.fail_at = at};

            kit_open(&k, 64);
            wr_node *source = kit_source(&k, &NUMBERS, &plan);
            kit_sink(&k, &TRACED, &t, source);
            kit_step(&k, source, WORKERS[w], true); /* two pipelines feed it */
            kit_step(&k, source, WORKERS[w], false);
            assert_int_equal(kit_run(&k), at == AT_NONE ? WR_OK : WR_FAILED);
            assert_int_equal(t.open, 1);
            assert_int_equal(t.close, 1);
            assert_int_equal(t.local_open, t.local_close);
            assert_int_equal(t.finish, at >= AT_FINISH);
            if (at == AT_NONE)
                assert_int_equal(t.combine, 2 * WORKERS[w]);
            if (at != AT_NONE)
                assert_string_equal(k.error.message,
                                    "broken on purpose\n  while running test step");
            kit_close(&k);
        }
    }
}

/* Morsels go on counting from step to step, so what passes in order keeps its order. */
static void two_pipelines_feed_one_limit(void **state)
{
    keep_sink *kept = keep_new();

    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit           k;
        numbers_plan  plan = {.row_count = 100, .morsel_rows = 30, .batch_rows = 10, .nap_us = 50};
        numbers_plan  more = {.row_count = 100, .morsel_rows = 30, .batch_rows = 10, .nap_us = 50};
        wr_plan_limit limit = {0, 130};

        kit_open(&k, 64);
        wr_node *first = kit_source(&k, &NUMBERS, &plan);
        wr_node *second = kit_source(&k, &NUMBERS, &more);
        wr_node *pass = kit_transform(&k, &WR_LIMIT, &limit, first);
        kit_sink(&k, &KEEP, kept, pass);
        second->next[second->next_count++] = pass;
        kit_step(&k, first, WORKERS[w], true);
        kit_step(&k, second, WORKERS[w], false);
        assert_int_equal(kit_run(&k), WR_OK);
        for (int m = 0; m < 5; m++)
            assert_int_equal(kept->morsel_ends[m], 1);
        qsort(kept->rows, kept->row_count, sizeof(int64_t), compare_i64);
        assert_int_equal(kept->row_count, 130);
        for (int i = 0; i < 60; i++)
            assert_int_equal(kept->rows[i], i / 2);
        for (int i = 60; i < 130; i++)
            assert_int_equal(kept->rows[i], i - 30);
        kept->row_count = 0;
        memset(kept->morsel_ends, 0, sizeof kept->morsel_ends);
        kit_close(&k);
    }
    free(kept);
}

/* A step between two that feed one limit takes numbers of morsels that never come to it. */
static void a_step_between_does_not_hold_up_a_limit(void **state)
{
    keep_sink *kept = keep_new();

    (void)state;
    for EACH_WORKER_COUNT (w) {
        kit           k;
        numbers_plan  plan = {.row_count = 50, .morsel_rows = 10, .batch_rows = 10};
        wr_plan_limit limit = {0, 80};

        kit_open(&k, 64);
        wr_node *first = kit_source(&k, &NUMBERS, &plan), *second = kit_source(&k, &NUMBERS, &plan);
        wr_node *between = kit_source(&k, &NUMBERS, &plan);
        wr_node *pass = kit_transform(&k, &WR_LIMIT, &limit, first);
        kit_sink(&k, &KEEP, kept, pass);
        kit_sink(&k, &DISCARD, NULL, between);
        second->next[second->next_count++] = pass;
        kit_step(&k, first, WORKERS[w], true);
        kit_step(&k, between, WORKERS[w], false);
        kit_step(&k, second, WORKERS[w], false);
        assert_int_equal(kit_run(&k), WR_OK);
        assert_int_equal(kept->row_count, 80);
        kept->row_count = 0;
        memset(kept->morsel_ends, 0, sizeof kept->morsel_ends);
        kit_close(&k);
    }
    free(kept);
}

/* 0 times, once, twice ...: copies are numbered and come together, more of them than a batch holds. */
static void repeat_puts_rows_out_as_often_as_they_say(void **state)
{
    keep_sink *kept = keep_new();
    int        at = 0;

    (void)state;
    for (int batch = 0; batch < 2; batch++) {
        kit            k;
        numbers_plan   plan = {.row_count = 40, .morsel_rows = 40, .batch_rows = 40};
        wr_plan_repeat repeat = {1, 0};

        kit_open(&k, 64);
        k.exec.batch_rows = batch ? 7 : WR_BATCH_ROWS_MAX;
        wr_node *source = kit_source(&k, &NUMBERS, &plan);
        kit_sink(&k, &KEEP, kept, kit_transform(&k, &WR_REPEAT, &repeat, source));
        kit_step(&k, source, 1, false);
        assert_int_equal(kit_run(&k), WR_OK);
        assert_int_equal(kept->row_count, 40 * 39 / 2);
        at = 0;
        for (int row = 0; row < 40; row++)
            for (int copy = 0; copy < row; copy++)
                assert_int_equal(kept->rows[at++], copy);
        kept->row_count = 0;
        memset(kept->morsel_ends, 0, sizeof kept->morsel_ends);
        kit_close(&k);
    }
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_reaches_every_sink),
        cmocka_unit_test(an_empty_source_ends_well),
        cmocka_unit_test(depth_costs_no_stack),
        cmocka_unit_test(slices_of_selections),
        cmocka_unit_test(limit_passes_the_first_rows_by_position),
        cmocka_unit_test(limit_beyond_the_end_passes_the_rest),
        cmocka_unit_test(a_tee_stops_when_all_branches_are_done),
        cmocka_unit_test(a_sink_may_say_done),
        cmocka_unit_test(a_turnstile_holds_back_who_is_a_window_ahead),
        cmocka_unit_test(the_earliest_failure_wins),
        cmocka_unit_test(a_source_fails_at_its_morsel),
        cmocka_unit_test(failures_behind_the_end_do_not_count),
        cmocka_unit_test(made_rows_have_no_place),
        cmocka_unit_test(cancellation_takes_one_batch),
        cmocka_unit_test(a_blocked_source_can_be_cancelled),
        cmocka_unit_test(what_is_opened_is_closed),
        cmocka_unit_test(two_pipelines_feed_one_limit),
        cmocka_unit_test(a_step_between_does_not_hold_up_a_limit),
        cmocka_unit_test(repeat_puts_rows_out_as_often_as_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
