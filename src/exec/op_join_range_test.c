/* exec/op_join_range_test.c — range joins against a nested loop: every type, one condition and two, on
 * one column of a side or on two, with and without keys and a residual condition. */
#include "exec/join_fixture.h"

enum { KEY, ID };

/* Conditions over the key column, which has NULLs and many equal values, and the id. */
typedef struct variant {
    wr_join_range ranges[WR_JOIN_RANGES_MAX];
    uint32_t      range_count;
    bool          has_keys, outer_right, residual;
} variant;

static wr_status run_case(wr_join_type type, const rows_plan *left, const rows_plan *right,
                          const variant *shape, const setting *how)
{
    static const uint32_t OUT[] = {1, 2};
    const rows_plan *inputs[] = {left, right};
    wr_type          types[COLUMNS];
    bool             left_only = type == WR_JOIN_SEMI || type == WR_JOIN_ANTI;
    wr_sort_key      keys[2][2];
    wr_plan_sort     sorts[2];
    wr_plan_join_range plan = {.merge = {.sorts = {&sorts[0], &sorts[1]}},
                               .range_count = shape->range_count,
                               .outer_right = type == WR_JOIN_RIGHT ||
                                              (type == WR_JOIN_INNER && shape->outer_right)};
    wr_status status;
    kit       k;

    column_types(left, types);
    memcpy(plan.ranges, shape->ranges, sizeof plan.ranges);
    for (int s = 0; s < 2; s++) {
        keys[s][0] = keys[s][1] = (wr_sort_key){.column = shape->ranges[0].columns[s]};
        if (shape->has_keys)
            keys[s][0].column = KEY;
        sorts[s] = (wr_plan_sort){.types = types, .column_count = COLUMNS, .keys = keys[s],
                                  .key_count = 1 + shape->has_keys, .output_count = COLUMNS,
                                  .rows_max = UINT64_MAX};
    }
    plan.merge.join = (wr_plan_join){
        .type = type, .key_count = shape->has_keys, .probe_types = types, .build_types = types,
        .probe_count = COLUMNS, .build_count = COLUMNS, .probe_out = OUT, .build_out = OUT,
        .probe_out_count = 2, .build_out_count = left_only ? 0 : 2,
    };
    open_kit(&k, how);
    plan.merge.join.residual = shape->residual ? compile_residual(&k.bump, types) : NULL;
    status = run_sorted(&k, &WR_JOIN_RANGE, &plan, plan.merge.sorts, inputs, &FOUND, how);
    if (status != WR_OK && !how->fault)
        fail_msg("%s", k.error.message);
    kit_close(&k);
    return status;
}

/* ---- The nested loop ------------------------------------------------------------------------- */

static bool holds(const wr_join_range *range, const rows_plan *left, uint64_t l,
                  const rows_plan *right, uint64_t r)
{
    int order;

    if ((range->columns[0] == KEY && is_null(left, l)) ||
        (range->columns[1] == KEY && is_null(right, r)))
        return false;
    order = order_of(left, l, range->columns[0], right, r, range->columns[1]);
    switch (range->op) {
    case WR_RANGE_LT:
        return order < 0;
    case WR_RANGE_LE:
        return order <= 0;
    case WR_RANGE_GT:
        return order > 0;
    case WR_RANGE_GE:
        return order >= 0;
    }
    return false;
}

static bool meet(const void *shape_p, const rows_plan *left, uint64_t l, const rows_plan *right,
                 uint64_t r)
{
    const variant *shape = shape_p;

    if (shape->has_keys &&
        (is_null(left, l) || is_null(right, r) || key_of(left, l) != key_of(right, r)))
        return false;
    for (uint32_t i = 0; i < shape->range_count; i++)
        if (!holds(&shape->ranges[i], left, l, right, r))
            return false;
    return !shape->residual || ids_match((int64_t)l, (int64_t)r);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static const variant ONE = {{{{KEY, KEY}, WR_RANGE_LT}}, 1},
                     ONE_KEYED = {{{{ID, ID}, WR_RANGE_GE}}, 1, .has_keys = true},
                     TWO = {{{{KEY, KEY}, WR_RANGE_GE}, {{ID, ID}, WR_RANGE_LT}}, 2},
                     TWO_TURNED = {{{{ID, ID}, WR_RANGE_LE}, {{KEY, KEY}, WR_RANGE_GT}}, 2,
                                   .outer_right = true, .residual = true},
                     BAND = {{{{KEY, ID}, WR_RANGE_LE}, {{ID, ID}, WR_RANGE_GT}}, 2},
                     BAND_TURNED = {{{{ID, KEY}, WR_RANGE_GE}, {{ID, ID}, WR_RANGE_LT}}, 2,
                                    .outer_right = true},
                     BAND_KEYED = {{{{ID, KEY}, WR_RANGE_GT}, {{ID, ID}, WR_RANGE_LT}}, 2,
                                   .has_keys = true, .residual = true};

static const variant *const SHAPES[] = {&ONE, &ONE_KEYED, &TWO, &TWO_TURNED,
                                        &BAND, &BAND_TURNED, &BAND_KEYED};
enum { TYPES = WR_JOIN_ANTI + 1, TEXT_SHAPES = 4 }; /* a band compares keys with ids */

static wr_status run_shape(uint32_t index, const rows_plan *left, const rows_plan *right,
                           const setting *how)
{
    return run_case((wr_join_type)(index % TYPES), left, right, SHAPES[index / TYPES], how);
}

static outcome expect_shape(uint32_t index, const rows_plan *left, const rows_plan *right)
{
    return expect((wr_join_type)(index % TYPES), left, right, meet, SHAPES[index / TYPES]);
}

static const join_kind RANGE = {
    .shape_count = TYPES * sizeof SHAPES / sizeof SHAPES[0],
    .text_shape_count = TYPES * TEXT_SHAPES, .row_count = 400, .heavy_row_count = 200,
    .fault_shape = 2 * TYPES + WR_JOIN_FULL, .run = run_shape, .expect = expect_shape,
};

/* More pages than zones have room for, blocks that meet few of them. */
static void many_rows_meet_few(void **state)
{
    static const wr_join_type TYPED[] = {WR_JOIN_LEFT, WR_JOIN_RIGHT, WR_JOIN_SEMI};
    static const variant NARROW = {{{{KEY, KEY}, WR_RANGE_GE}, {{KEY, ID}, WR_RANGE_LE}}, 2};
    rows_plan left = {.row_count = 2500, .key_count = 5000, .salt = 1};
    rows_plan right = {.row_count = 6000, .key_count = 6000, .salt = 3};

    (void)state;
    for (size_t i = 0; i < sizeof TYPED / sizeof TYPED[0]; i++) {
        outcome wanted = expect(TYPED[i], &left, &right, meet, &NARROW);

        assert_int_equal(run_case(TYPED[i], &left, &right, &NARROW, i % 2 ? &LEAST_TWO : &LEAST),
                         WR_OK);
        assert_int_equal(found.row_count, wanted.row_count);
        assert_int_equal(found.sum, wanted.sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOIN_SUITE(&RANGE),
        cmocka_unit_test(many_rows_meet_few),
    };

    wr_mutex_init(&found_mutex);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
