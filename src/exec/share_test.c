/* exec/share_test.c — the leases of steps: mins together, states that shrink, surplus like water. */
#include "exec/testkit.h"

enum { HOARD_PAGES_MAX = 128 };

/* A breaker that takes as many pages as it is let, and gives back all but one when asked. */
typedef struct hoard {
    uint32_t page_count, want_seen, granted_seen;
    uint32_t reclaim_count;
    bool     read;
    void    *pages[HOARD_PAGES_MAX];
} hoard;

static wr_status hoard_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    hoard *shared = wr_node_shared(node);

    (void)local, (void)in, (void)out_flow, (void)exec, (void)err;
    shared->want_seen = node->lease.pages_want;
    while (shared->page_count < HOARD_PAGES_MAX) {
        void *page = wr_lease_take(&node->lease, 1);

        if (!page)
            break;
        shared->pages[shared->page_count++] = page;
    }
    shared->granted_seen = node->lease.pages_granted;
    assert_true(node->lease.pages_used <= node->lease.pages_granted);
    return WR_OK;
}

static wr_status hoard_reclaim(wr_node *node, wr_exec *exec, wr_error *err)
{
    hoard *shared = wr_node_shared(node);

    (void)exec, (void)err;
    shared->reclaim_count++;
    while (shared->page_count > 1)
        wr_lease_give(&node->lease, shared->pages[--shared->page_count], 1);
    return WR_OK;
}

static uint64_t hoard_resident_min(const void *plan, const wr_exec *exec)
{
    (void)plan;
    return exec->page_bytes;
}

static void hoard_close(wr_node *node)
{
    hoard *shared = wr_node_shared(node);

    if (node->plan)
        *(hoard *)(uintptr_t)node->plan = *shared; /* for the test to look at */
    while (shared->page_count > 0)
        wr_lease_give(&node->lease, shared->pages[--shared->page_count], 1);
}

static const wr_sink_ops HOARD = {
    .name = "hoard",
    .shared_bytes = sizeof(hoard),
    .resident_min = hoard_resident_min,
    .push = hoard_push,
    .reclaim = hoard_reclaim,
    .close = hoard_close,
};

static wr_status hoard_pull(wr_node *node, void *local, wr_batch *out, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    hoard *shared = wr_node_shared(node);

    (void)local, (void)out, (void)exec, (void)err;
    shared->read = true;
    *out_flow = WR_FLOW_DONE;
    return WR_OK;
}

static const wr_source_ops HOARD_READ = {.name = "hoard read", .pull = hoard_pull};

/* numbers -> a; numbers -> b; read a; read b. Arena of 40 pages, of which the pool takes some. */
static void run_two_states(kit *k, uint64_t a_want, uint64_t b_min, hoard *a, hoard *b,
                           const char *stress)
{
    static const numbers_plan plan = {.row_count = 10, .morsel_rows = 10, .batch_rows = 10};

    kit_open(k, 40);
    assert_int_equal(wr_fault_configure(NULL, stress, NULL), WR_OK);
    wr_node *source = kit_source(k, &NUMBERS, &plan), *again = kit_source(k, &NUMBERS, &plan);
    wr_node *sink_a = kit_sink(k, &HOARD, a, source), *sink_b = kit_sink(k, &HOARD, b, again);
    wr_node *read_a = kit_source(k, &HOARD_READ, NULL), *read_b = kit_source(k, &HOARD_READ, NULL);

    read_a->state = sink_a;
    read_b->state = sink_b;
    kit_sink(k, &DISCARD, NULL, read_a);
    kit_sink(k, &DISCARD, NULL, read_b);
    kit_step(k, source, 1, false);
    k->lease_room[0][1] = (wr_step_lease){sink_a, KIT_PAGE, a_want, 1};
    kit_step(k, again, 1, false);
    k->lease_room[1][1] = (wr_step_lease){sink_b, b_min, b_min, 1};
    kit_step(k, read_a, 1, false)->release_count = 2;
    k->lease_room[2][0] = (wr_step_lease){sink_a, 3 * KIT_PAGE, 3 * KIT_PAGE, 1};
    k->release[2][0] = read_a;
    k->release[2][1] = sink_a;
    kit_step(k, read_b, 1, false);
    k->lease_room[3][0] = (wr_step_lease){sink_b, 20 * KIT_PAGE, UINT64_MAX, 1};
    assert_int_equal(kit_run(k), WR_OK);
    assert_true(a->read && b->read);
    assert_int_equal(wr_arena_pages_granted_peak(k->arena) <= 40, 1);
    kit_close(k);
}

static void states_pass_through_steps(void **state)
{
    kit   k;
    hoard a, b;

    (void)state;
    run_two_states(&k, 10 * KIT_PAGE, 5 * KIT_PAGE, &a, &b, NULL);
    assert_int_equal(a.want_seen, 10);
    assert_int_equal(a.page_count, 10); /* nobody needed them: they stayed */
    assert_int_equal(a.reclaim_count, 0);
    assert_int_equal(b.page_count, 5);
}

static void states_shrink_when_the_next_step_needs_it(void **state)
{
    kit   k;
    hoard a, b;

    (void)state;
    run_two_states(&k, UINT64_MAX, 28 * KIT_PAGE, &a, &b, NULL);
    assert_true(a.granted_seen >= 28); /* took the whole surplus ... */
    assert_int_equal(a.reclaim_count, 1);
    assert_int_equal(a.page_count, 1); /* ... and gave it back for b */
    assert_int_equal(b.page_count, 28);
}

static void stress_min_gives_nothing_above_min(void **state)
{
    kit   k;
    hoard a, b;

    (void)state;
    run_two_states(&k, UINT64_MAX, 5 * KIT_PAGE, &a, &b, "min");
    assert_int_equal(a.want_seen, 1);
    assert_int_equal(a.granted_seen, 1);
    assert_true(a.reclaim_count >= 1);
}

static void mins_that_do_not_fit_are_an_error(void **state)
{
    kit          k;
    numbers_plan plan = {.row_count = 10, .morsel_rows = 10, .batch_rows = 10};
    hoard        a = {0};

    (void)state;
    kit_open(&k, 40);
    wr_node *source = kit_source(&k, &NUMBERS, &plan), *sink = kit_sink(&k, &HOARD, &a, source);
    kit_step(&k, source, 1, false);
    k.lease_room[0][1] = (wr_step_lease){sink, 41 * KIT_PAGE, 0, 0};
    assert_int_equal(kit_run(&k), WR_NO_MEMORY);
    assert_non_null(strstr(k.error.message, "hoard"));
    kit_close(&k);
}

/* Small wants are met; the rest is shared by weight. */
static void surplus_is_shared_like_water(void **state)
{
    kit          k;
    numbers_plan plan = {.row_count = 10, .morsel_rows = 10, .batch_rows = 10};
    hoard        seen[4];
    uint64_t     mins[] = {1, 1, 1, 2}, wants[] = {3, UINT64_MAX, UINT64_MAX, 50};
    double       weights[] = {1, 1, 3, 0};
    uint32_t     sum = 0;

    (void)state;
    kit_open(&k, 100);
    wr_node *source = kit_source(&k, &NUMBERS, &plan), *sinks[4];
    for (int i = 0; i < 4; i++)
        sinks[i] = kit_sink(&k, &HOARD, &seen[i], source);
    kit_step(&k, source, 1, false);
    for (int i = 0; i < 4; i++)
        k.lease_room[0][1 + i] = (wr_step_lease){
            sinks[i], mins[i] * KIT_PAGE, wants[i] == UINT64_MAX ? wants[i] : wants[i] * KIT_PAGE,
            weights[i]};
    assert_int_equal(kit_run(&k), WR_OK);
    assert_int_equal(seen[0].want_seen, 3);
    assert_int_equal(seen[3].want_seen, 2);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(seen[i].granted_seen, seen[i].want_seen);
        sum += seen[i].granted_seen;
    }
    assert_true(sum <= 80 && sum >= 77); /* 20 are the plan pool */
    assert_true(seen[2].want_seen - 1 >= 3 * (seen[1].want_seen - 1) - 3);
    assert_true(seen[2].want_seen - 1 <= 3 * (seen[1].want_seen - 1) + 3);
    kit_close(&k);
}

/* What several steps feed takes no surplus that the last of them needs as a min. */
static void a_sink_that_is_fed_again_leaves_room_for_mins(void **state)
{
    kit          k;
    numbers_plan plan = {.row_count = 10, .morsel_rows = 10, .batch_rows = 10};
    hoard        a = {0}, b = {0};

    (void)state;
    kit_open(&k, 40);
    wr_node *source = kit_source(&k, &NUMBERS, &plan), *again = kit_source(&k, &NUMBERS, &plan);
    wr_node *sink_a = kit_sink(&k, &HOARD, &a, source), *sink_b = kit_sink(&k, &HOARD, &b, again);

    again->next[again->next_count++] = sink_a;
    kit_step(&k, source, 1, true);
    k.lease_room[0][1] = (wr_step_lease){sink_a, KIT_PAGE, UINT64_MAX, 1};
    kit_step(&k, again, 1, false);
    k.lease_room[1][1] = (wr_step_lease){sink_b, 20 * KIT_PAGE, 20 * KIT_PAGE, 1};
    k.lease_room[1][2] = (wr_step_lease){sink_a, KIT_PAGE, KIT_PAGE, 1};
    assert_int_equal(kit_run(&k), WR_OK);
    assert_int_equal(a.page_count, 12); /* of 32: 8 are the plan pool, 20 b's */
    assert_int_equal(a.reclaim_count, 0);
    assert_int_equal(b.page_count, 20);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_pass_through_steps),
        cmocka_unit_test(states_shrink_when_the_next_step_needs_it),
        cmocka_unit_test(stress_min_gives_nothing_above_min),
        cmocka_unit_test(mins_that_do_not_fit_are_an_error),
        cmocka_unit_test(surplus_is_shared_like_water),
        cmocka_unit_test(a_sink_that_is_fed_again_leaves_room_for_mins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
