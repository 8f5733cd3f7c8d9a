/* exec/op_join_test.c — every join type against a nested loop, at least memory and at plenty, with one
 * worker and with several, resident, spilled, cut, with one heavy key and with all hashes equal. */
#include "exec/join_fixture.h"

static wr_status run_steps(kit *k, const wr_plan_join *plan, const rows_plan *left,
                           const rows_plan *right, const setting *how)
{
    wr_node *build_rows = kit_source(k, &ROWS, plan->swapped ? left : right), *build, *probe_rows,
            *probe, *rest;

    build = kit_sink(k, &WR_JOIN_BUILD, plan, build_rows);
    kit_step(k, build_rows, how->workers, false);
    probe_rows = kit_source(k, &ROWS, plan->swapped ? right : left);
    probe = kit_transform(k, &WR_JOIN_PROBE, plan, probe_rows);
    probe->state = build;
    kit_sink(k, &FOUND, NULL, probe);
    kit_step(k, probe_rows, how->workers, true);
    rest = kit_source(k, &WR_JOIN_REST, plan);
    rest->state = build;
    rest->next[rest->next_count++] = probe->next[0];
    kit_step(k, rest, how->workers, false);
    if (how->plenty)
        kit_want_everything(k);
    return kit_run(k);
}

static wr_status run_case(wr_plan_join *plan, const rows_plan *left, const rows_plan *right,
                          const setting *how)
{
    static const uint32_t KEY[] = {0}, OUT[] = {1, 2};
    bool      left_only = plan->type == WR_JOIN_SEMI || plan->type == WR_JOIN_ANTI;
    wr_type   types[COLUMNS];
    wr_status status;
    kit       k;

    column_types(left, types);
    plan->probe_types = plan->build_types = types;
    plan->probe_count = plan->build_count = COLUMNS;
    plan->probe_keys = plan->build_keys = KEY;
    plan->probe_out = plan->build_out = OUT;
    plan->probe_out_count = plan->swapped && left_only ? 0 : 2;
    plan->build_out_count = left_only ? 0 : 2;
    plan->build_first = plan->swapped;
    open_kit(&k, how);
    status = run_steps(&k, plan, left, right, how);
    if (status != WR_OK && !how->fault && !plan->single)
        fail_msg("%s", k.error.message);
    kit_close(&k);
    return status;
}

static void check(wr_join_type type, uint32_t key_count, bool null_safe, const rows_plan *left,
                  const rows_plan *right, const setting *how)
{
    wr_plan_join plan = {.type = type, .key_count = key_count, .null_safe = null_safe};
    outcome      wanted = expect(type, left, right, keys_meet, &plan);

    assert_int_equal(run_case(&plan, left, right, how), WR_OK);
    assert_int_equal(found.row_count, wanted.row_count);
    assert_int_equal(found.sum, wanted.sum);
}

/* Every type, and an inner join whose build side is the left one. */
enum { TYPES = WR_JOIN_ANTI + 1, SHAPE_COUNT = TYPES + 1 };

static wr_plan_join plan_at(uint32_t index)
{
    return (wr_plan_join){.type = index < TYPES ? (wr_join_type)index : WR_JOIN_INNER,
                          .key_count = 1, .swapped = index == TYPES};
}

static wr_status run_shape(uint32_t index, const rows_plan *left, const rows_plan *right,
                           const setting *how)
{
    wr_plan_join plan = plan_at(index);

    return run_case(&plan, left, right, how);
}

static outcome expect_shape(uint32_t index, const rows_plan *left, const rows_plan *right)
{
    wr_plan_join plan = plan_at(index);

    return expect(plan.type, left, right, keys_meet, &plan);
}

static const join_kind HASH = {
    .shape_count = SHAPE_COUNT, .text_shape_count = SHAPE_COUNT, .row_count = 3000,
    .heavy_row_count = 900, .fault_shape = WR_JOIN_FULL, .run = run_shape, .expect = expect_shape,
};

static void null_keys_match_only_when_asked(void **state)
{
    rows_plan left = {.row_count = 600, .key_count = 300, .salt = 5};
    rows_plan right = {.row_count = 700, .key_count = 300, .salt = 6};

    (void)state;
    for (int type = WR_JOIN_INNER; type <= WR_JOIN_ANTI; type++) {
        check((wr_join_type)type, 1, true, &left, &right, &PLENTY);
        check((wr_join_type)type, 1, true, &left, &right, &LEAST_TWO);
    }
}

static void one_heavy_key_goes_block_by_block(void **state)
{
    rows_plan left = {.row_count = 4000, .key_count = 50, .heavy_percent = 60, .salt = 9};
    rows_plan right = {.row_count = 1500, .key_count = 60, .heavy_percent = 50, .salt = 8};

    (void)state;
    check_shapes(&HASH, &left, &right, &LEAST_TWO);
    check_shapes(&HASH, &left, &right, &PLENTY);
}

static void cross_joins_pair_everything(void **state)
{
    rows_plan left = {.row_count = 300, .key_count = 10, .salt = 1};
    rows_plan right = {.row_count = 700, .key_count = 10, .salt = 2};

    (void)state;
    check(WR_JOIN_CROSS, 0, false, &left, &right, &PLENTY);
    check(WR_JOIN_CROSS, 0, false, &left, &right, &LEAST_TWO);
    check(WR_JOIN_CROSS, 0, false, &right, &left, &LEAST);
}

/* Rows of both sides have the same keys, each its own; heavy ones have many. */
static void a_single_join_fails_at_the_second_match(void **state)
{
    static const char *const STRESS[] = {NULL, "spill", "min", "hash", "hash,spill,batch=3",
                                         "blocked"};
    rows_plan once = {.row_count = 900, .key_count = 4000000000, .salt = 1}, heavy = once;
    rows_plan more = {.row_count = 1800, .key_count = 4000000000, .salt = 1};

    (void)state;
    heavy.heavy_percent = 40;
    for (size_t i = 0; i < 2 * sizeof STRESS / sizeof STRESS[0]; i++) {
        setting      how = {.workers = 2, .plenty = i % 2, .stress = STRESS[i / 2]};
        wr_plan_join plan = {.type = WR_JOIN_LEFT, .key_count = 1, .single = "one"};

        assert_int_equal(run_case(&plan, &once, &more, &how), WR_OK);
        assert_int_equal(found.sum, expect(plan.type, &once, &more, keys_meet, &plan).sum);
        assert_int_equal(run_case(&plan, &more, &once, &how), WR_OK);
        assert_int_equal(found.sum, expect(plan.type, &more, &once, keys_meet, &plan).sum);
        assert_int_equal(run_case(&plan, &heavy, &heavy, &how), WR_DATA);
        assert_int_equal(run_case(&plan, &heavy, &once, &how), WR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOIN_SUITE(&HASH),
        cmocka_unit_test(null_keys_match_only_when_asked),
        cmocka_unit_test(one_heavy_key_goes_block_by_block),
        cmocka_unit_test(cross_joins_pair_everything),
        cmocka_unit_test(a_single_join_fails_at_the_second_match),
    };

    wr_mutex_init(&found_mutex);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
