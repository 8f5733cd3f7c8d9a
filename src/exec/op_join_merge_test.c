/* exec/op_join_merge_test.c — merge joins against a nested loop: every type, with and without a residual
 * condition; keys that are all different, NULL; groups that fit nowhere; the order of what comes out. */
#include "exec/join_fixture.h"

typedef struct variant {
    bool descending, nulls_first, residual;
} variant;

static wr_status run_case(wr_plan_join_merge *plan, const rows_plan *left, const rows_plan *right,
                          const variant *shape, const wr_sink_ops *sink, const setting *how)
{
    static const uint32_t OUT[] = {1, 2}, KEYS[] = {0};
    const rows_plan *inputs[] = {left, right};
    wr_type          types[COLUMNS];
    wr_sort_key      keys[] = {{0, shape->descending, shape->nulls_first}, {1, false, false}};
    wr_plan_sort     sort = {.types = types, .column_count = COLUMNS, .keys = keys, .key_count = 2,
                             .output_count = COLUMNS, .rows_max = UINT64_MAX};
    wr_plan_join    *join = &plan->join;
    bool left_only = join->type == WR_JOIN_SEMI || join->type == WR_JOIN_ANTI;
    bool by_key = sink != &FOUND; /* put out the keys instead */
    wr_status        status;
    kit              k;

    column_types(left, types);
    plan->sorts[0] = plan->sorts[1] = &sort;
    join->probe_types = join->build_types = types;
    join->probe_count = join->build_count = COLUMNS;
    join->key_count = 1;
    join->probe_out = join->build_out = by_key ? KEYS : OUT;
    join->probe_out_count = by_key ? 1 : 2;
    join->build_out_count = left_only ? 0 : by_key ? 1 : 2;
    open_kit(&k, how);
    join->residual = shape->residual ? compile_residual(&k.bump, types) : NULL;
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
    wanted = expect(type, left, right, keys_meet, &plan.join);
    assert_int_equal(found.row_count, wanted.row_count);
    assert_int_equal(found.sum, wanted.sum);
}

enum { TYPES = WR_JOIN_ANTI + 1, SHAPE_COUNT = 2 * TYPES };

static const variant PLAIN = {0}, RESIDUAL = {.residual = true};

static wr_status run_shape(uint32_t index, const rows_plan *left, const rows_plan *right,
                           const setting *how)
{
    wr_plan_join_merge plan = {.join = {.type = (wr_join_type)(index % TYPES)}};

    return run_case(&plan, left, right, index < TYPES ? &PLAIN : &RESIDUAL, &FOUND, how);
}

static bool meet(const void *index, const rows_plan *left, uint64_t l, const rows_plan *right,
                 uint64_t r)
{
    static const wr_plan_join BY_KEY = {.key_count = 1};

    return keys_meet(&BY_KEY, left, l, right, r) &&
           (*(const uint32_t *)index < TYPES || ids_match((int64_t)l, (int64_t)r));
}

static outcome expect_shape(uint32_t index, const rows_plan *left, const rows_plan *right)
{
    return expect((wr_join_type)(index % TYPES), left, right, meet, &index);
}

static const join_kind MERGE = {
    .shape_count = SHAPE_COUNT, .text_shape_count = SHAPE_COUNT, .row_count = 960,
    .heavy_row_count = 400, .fault_shape = TYPES + WR_JOIN_FULL, .run = run_shape,
    .expect = expect_shape,
};

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
    rows_plan left = {.row_count = 960, .key_count = 50, .heavy_percent = 60, .salt = 9};
    rows_plan right = {.row_count = 700, .key_count = 60, .heavy_percent = 50, .salt = 8};
    rows_plan one = {.row_count = 500, .key_count = 1, .salt = 3};

    (void)state;
    check_shapes(&MERGE, &left, &right, &LEAST_TWO);
    check_shapes(&MERGE, &left, &right, &PLENTY);
    check_shapes(&MERGE, &right, &one, &LEAST);
    check_shapes(&MERGE, &one, &right, &LEAST_TWO);
}

static void different_keys_are_skipped_or_put_out_alone(void **state)
{
    rows_plan left = {.row_count = 1500, .key_count = 1u << 31, .salt = 1};
    rows_plan right = {.row_count = 1500, .key_count = 1u << 31, .salt = 100000};

    (void)state;
    check_shapes(&MERGE, &left, &right, &PLENTY);
    check_shapes(&MERGE, &left, &left, &LEAST_TWO);
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
    rows_plan left = {.row_count = 1500, .key_count = 1000, .heavy_percent = 20, .salt = 1};
    rows_plan right = {.row_count = 1500, .key_count = 1000, .heavy_percent = 10, .salt = 2};

    (void)state;
    for (int type = WR_JOIN_INNER; type <= WR_JOIN_ANTI; type++) {
        wr_plan_join_merge plan = {.join = {.type = (wr_join_type)type}};

        ordered_rows = 0;
        last_is_null = false;
        assert_int_equal(run_case(&plan, &left, &right, &RESIDUAL, &ORDERED, &LEAST), WR_OK);
        assert_int_equal(ordered_rows, expect(plan.join.type, &left, &right, keys_meet, &plan.join).row_count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOIN_SUITE(&MERGE),
        cmocka_unit_test(null_keys_match_only_when_asked),
        cmocka_unit_test(a_long_group_goes_slice_by_slice),
        cmocka_unit_test(different_keys_are_skipped_or_put_out_alone),
        cmocka_unit_test(rows_come_out_in_the_order_of_the_keys),
    };

    wr_mutex_init(&found_mutex);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
