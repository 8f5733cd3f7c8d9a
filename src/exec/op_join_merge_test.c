/* exec/op_join_merge_test.c — merge joins against a nested loop: every type, with and without a residual
 * condition, at least memory and at plenty, with one worker and with two; keys that are all equal, all
 * different, NULL, text; groups that fit nowhere; and the order of what comes out. */
#include "exec/join_fixture.h"

typedef struct variant {
    bool descending, nulls_first, residual;
} variant;

static wr_status run_case(wr_plan_join_merge *plan, const rows_plan *left, const rows_plan *right,
                          const variant *shape, const wr_sink_ops *sink, const setting *how)
{
    static const uint32_t OUT[] = {1, 2}, KEYS[] = {0};
    const rows_plan *inputs[] = {left, right};
    wr_type          types[COLUMNS] = {left->by_text ? WR_TYPE(UTF8) : WR_TYPE(I64), WR_TYPE(I64),
                                       WR_TYPE(UTF8)};
    wr_sort_key      keys[] = {{0, shape->descending, shape->nulls_first}, {1, false, false}};
    wr_plan_sort     sort = {.types = types, .column_count = COLUMNS, .keys = keys, .key_count = 2,
                             .output_count = COLUMNS, .rows_max = UINT64_MAX};
    wr_plan_join    *join = &plan->join;
    bool left_only = join->type == WR_JOIN_SEMI || join->type == WR_JOIN_ANTI;
    bool by_key = sink != &FOUND; /* put out the keys instead */
    wr_status        status;
    kit              k;

    plan->sorts[0] = plan->sorts[1] = &sort;
    join->probe_types = join->build_types = types;
    join->probe_count = join->build_count = COLUMNS;
    join->key_count = 1;
    join->probe_out = join->build_out = by_key ? KEYS : OUT;
    join->probe_out_count = by_key ? 1 : 2;
    join->build_out_count = left_only ? 0 : by_key ? 1 : 2;
    kit_open(&k, how->plenty ? 3000 : 900);
    k.exec.worker_count = how->workers;
    join->residual = shape->residual ? compile_residual(&k.bump, types) : NULL;
    assert_int_equal(wr_fault_configure(how->fault, how->stress, NULL), WR_OK);
    kit_open_spill(&k, 4 * KIT_PAGE, how->workers);
    found = (outcome){0};
    status = run_sorted(&k, &WR_JOIN_MERGE, plan, plan->sorts, inputs, sink, how);
    if (status != WR_OK && !how->fault)
        fail_msg("%s", k.error.message);
    kit_close(&k);
    return status;
}

static void check(wr_join_type type, bool null_safe, const rows_plan *left, const rows_plan *right,
                  const variant *shape, const setting *how)
{
    wr_plan_join_merge plan = {.join = {.type = type, .null_safe = null_safe}};
    outcome            wanted;

    assert_int_equal(run_case(&plan, left, right, shape, &FOUND, how), WR_OK);
    wanted = expect(left, right, &plan.join);
    assert_int_equal(found.row_count, wanted.row_count);
    assert_int_equal(found.sum, wanted.sum);
}

static void check_types(const rows_plan *left, const rows_plan *right, const setting *how)
{
    static const variant PLAIN = {0}, RESIDUAL = {.residual = true};

    for (int type = WR_JOIN_INNER; type <= WR_JOIN_ANTI; type++) {
        check((wr_join_type)type, false, left, right, &PLAIN, how);
        check((wr_join_type)type, false, left, right, &RESIDUAL, how);
    }
}

static const setting LEAST = {.workers = 1}, LEAST_TWO = {.workers = 2},
                     PLENTY = {.workers = 2, .plenty = true};

static void all_types_at_plenty_and_at_least_memory(void **state)
{
    rows_plan left = {.row_count = 1600, .key_count = 900, .salt = 1};
    rows_plan right = {.row_count = 1300, .key_count = 1200, .salt = 77777};

    (void)state;
    check_types(&left, &right, &PLENTY);
    check_types(&left, &right, &LEAST);
    check_types(&left, &right, &LEAST_TWO);
    left.by_text = right.by_text = true;
    check_types(&left, &right, &PLENTY);
    check_types(&left, &right, &LEAST_TWO);
}

static void null_keys_match_only_when_asked(void **state)
{
    static const variant SHAPES[] = {{0}, {.nulls_first = true}, {.descending = true},
                                   {.descending = true, .nulls_first = true, .residual = true}};
    rows_plan left = {.row_count = 600, .key_count = 300, .salt = 5};
    rows_plan right = {.row_count = 700, .key_count = 300, .salt = 6};

    (void)state;
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++)
        for (int type = WR_JOIN_INNER; type <= WR_JOIN_ANTI; type++) {
            check((wr_join_type)type, false, &left, &right, &SHAPES[i], &LEAST_TWO);
            check((wr_join_type)type, true, &left, &right, &SHAPES[i], &PLENTY);
        }
}

static void a_long_group_goes_slice_by_slice(void **state)
{
    rows_plan left = {.row_count = 1200, .key_count = 50, .heavy_percent = 60, .salt = 9};
    rows_plan right = {.row_count = 700, .key_count = 60, .heavy_percent = 50, .salt = 8};
    rows_plan one = {.row_count = 500, .key_count = 1, .salt = 3};

    (void)state;
    check_types(&left, &right, &LEAST_TWO);
    check_types(&left, &right, &PLENTY);
    check_types(&right, &one, &LEAST);
    check_types(&one, &right, &LEAST_TWO);
}

static void different_keys_are_skipped_or_put_out_alone(void **state)
{
    rows_plan left = {.row_count = 1500, .key_count = 1u << 31, .salt = 1};
    rows_plan right = {.row_count = 1500, .key_count = 1u << 31, .salt = 100000};

    (void)state;
    check_types(&left, &right, &PLENTY);
    check_types(&left, &left, &LEAST_TWO);
}

static void empty_sides_are_no_special_case(void **state)
{
    rows_plan some = {.row_count = 900, .key_count = 100, .salt = 1}, none = {.key_count = 1};

    (void)state;
    check_types(&some, &none, &PLENTY);
    check_types(&none, &some, &LEAST);
    check_types(&none, &none, &LEAST);
}

static void stress_modes_change_no_row(void **state)
{
    static const char *const STRESS[] = {"spill", "min", "spill,min,batch=3", "blocked"};
    rows_plan left = {.row_count = 500, .key_count = 60, .salt = 3};
    rows_plan right = {.row_count = 400, .key_count = 70, .salt = 4};

    (void)state;
    for (size_t i = 0; i < sizeof STRESS / sizeof STRESS[0]; i++) {
        setting how = {.workers = 2, .plenty = true, .stress = STRESS[i]};

        check_types(&left, &right, &how);
    }
}

/* ---- Order ----------------------------------------------------------------------------------- */

static int64_t  last_key;
static bool     last_is_null;
static uint64_t ordered_rows;

/* Columns: left key, right key (one may be missing); ascending, NULL last. */
static wr_status ordered_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                              wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)exec, (void)err;
    *out_flow = WR_FLOW_MORE;
    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t row = wr_selection_row(&in->selection, i);
        bool     is_null = true;
        int64_t  key = 0;

        for (uint32_t c = 0; is_null && c < in->column_count; c++) {
            is_null = !wr_vector_is_valid(&in->columns[c], row);
            key = is_null ? 0 : wr_vector_value(&in->columns[c], row).i64;
        }
        assert_true(is_null || !last_is_null);
        assert_true(is_null || ordered_rows == 0 || key >= last_key);
        last_key = key;
        last_is_null = is_null;
        ordered_rows++;
    }
    return WR_OK;
}

static const wr_sink_ops ORDERED = {.name = "ordered", .push = ordered_push};

static void rows_come_out_in_the_order_of_the_keys(void **state)
{
    static const variant RESIDUAL = {.residual = true};
    rows_plan left = {.row_count = 1500, .key_count = 1000, .heavy_percent = 20, .salt = 1};
    rows_plan right = {.row_count = 1500, .key_count = 1000, .heavy_percent = 10, .salt = 2};

    (void)state;
    for (int type = WR_JOIN_INNER; type <= WR_JOIN_ANTI; type++) {
        wr_plan_join_merge plan = {.join = {.type = (wr_join_type)type}};

        ordered_rows = 0;
        last_is_null = false;
        assert_int_equal(run_case(&plan, &left, &right, &RESIDUAL, &ORDERED, &LEAST), WR_OK);
        assert_int_equal(ordered_rows, expect(&left, &right, &plan.join).row_count);
    }
}

/* The n-th write, read or grant fails: an error that leaves nothing behind, or the right rows. */
static void faults_leave_nothing_behind(void **state)
{
    static const char *const POINTS[] = {"write", "read", "grant"};
    static const variant       RESIDUAL = {.residual = true};
    rows_plan left = {.row_count = 800, .key_count = 400, .heavy_percent = 20, .salt = 3};
    rows_plan right = {.row_count = 600, .key_count = 400, .heavy_percent = 10, .salt = 4};

    (void)state;
    for (size_t p = 0; p < sizeof POINTS / sizeof POINTS[0]; p++)
        for (int n = 1; n < 60; n += 4) {
            char               fault[32];
            setting            how = {.workers = 2, .stress = "spill", .fault = fault};
            wr_plan_join_merge plan = {.join = {.type = WR_JOIN_FULL}};
            wr_status          status;

            snprintf(fault, sizeof fault, "%s:%d", POINTS[p], n);
            status = run_case(&plan, &left, &right, &RESIDUAL, &FOUND, &how);
            if (status == WR_OK)
                assert_int_equal(found.sum, expect(&left, &right, &plan.join).sum);
            else
                assert_string_not_equal(POINTS[p], "grant");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types_at_plenty_and_at_least_memory),
        cmocka_unit_test(null_keys_match_only_when_asked),
        cmocka_unit_test(a_long_group_goes_slice_by_slice),
        cmocka_unit_test(different_keys_are_skipped_or_put_out_alone),
        cmocka_unit_test(empty_sides_are_no_special_case),
        cmocka_unit_test(stress_modes_change_no_row),
        cmocka_unit_test(rows_come_out_in_the_order_of_the_keys),
        cmocka_unit_test(faults_leave_nothing_behind),
    };

    wr_mutex_init(&found_mutex);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
