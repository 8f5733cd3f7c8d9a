/* exec/op_join_range_test.c — range joins against a nested loop: every type, one condition and two, on
 * one column of a side or on two, with and without keys and a residual condition; equal values, NULLs,
 * text; least memory and plenty, one worker and two; stress and faults. */
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
    wr_type          types[COLUMNS] = {left->by_text ? WR_TYPE(UTF8) : WR_TYPE(I64), WR_TYPE(I64),
                                       WR_TYPE(UTF8)};
    bool             left_only = type == WR_JOIN_SEMI || type == WR_JOIN_ANTI;
    wr_sort_key      keys[2][2];
    wr_plan_sort     sorts[2];
    wr_plan_join_range plan = {.merge = {.sorts = {&sorts[0], &sorts[1]}},
                               .range_count = shape->range_count,
                               .outer_right = type == WR_JOIN_RIGHT ||
                                              (type == WR_JOIN_INNER && shape->outer_right)};
    wr_status status;
    kit       k;

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
    kit_open(&k, how->plenty ? 3000 : 900);
    k.exec.worker_count = how->workers;
    plan.merge.join.residual = shape->residual ? compile_residual(&k.bump, types) : NULL;
    assert_int_equal(wr_fault_configure(how->fault, how->stress, NULL), WR_OK);
    kit_open_spill(&k, 4 * KIT_PAGE, how->workers);
    found = (outcome){0};
    status = run_sorted(&k, &WR_JOIN_RANGE, &plan, plan.merge.sorts, inputs, &FOUND, how);
    if (status != WR_OK && !how->fault)
        fail_msg("%s", k.error.message);
    kit_close(&k);
    return status;
}

/* ---- The nested loop ------------------------------------------------------------------------- */

/* Texts are "... key %lld". */
static int order_of(const rows_plan *left, uint64_t l, uint32_t left_column, const rows_plan *right,
                    uint64_t r, uint32_t right_column)
{
    int64_t a = left_column == ID ? (int64_t)l : key_of(left, l);
    int64_t b = right_column == ID ? (int64_t)r : key_of(right, r);
    char    texts[2][48];

    if (left_column == ID || !left->by_text)
        return (a > b) - (a < b);
    snprintf(texts[0], sizeof texts[0], "%lld", (long long)a);
    snprintf(texts[1], sizeof texts[1], "%lld", (long long)b);
    return strcmp(texts[0], texts[1]);
}

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

static bool meet(const variant *shape, const rows_plan *left, uint64_t l, const rows_plan *right,
                 uint64_t r)
{
    if (shape->has_keys &&
        (is_null(left, l) || is_null(right, r) || key_of(left, l) != key_of(right, r)))
        return false;
    for (uint32_t i = 0; i < shape->range_count; i++)
        if (!holds(&shape->ranges[i], left, l, right, r))
            return false;
    return !shape->residual || ids_match((int64_t)l, (int64_t)r);
}

static outcome expect_range(wr_join_type type, const rows_plan *left, const rows_plan *right,
                            const variant *shape)
{
    bool   *right_matched = calloc(right->row_count + 1, 1);
    outcome out = {0};

    assert_non_null(right_matched);
    for (uint64_t l = 0; l < left->row_count; l++) {
        bool matched = false;

        for (uint64_t r = 0; r < right->row_count; r++) {
            if (!meet(shape, left, l, right, r))
                continue;
            matched = right_matched[r] = true;
            if (type != WR_JOIN_SEMI && type != WR_JOIN_ANTI)
                expect_row(&out, (int64_t)l, (int64_t)r);
        }
        if (type == WR_JOIN_SEMI ? matched
                                 : !matched && (type == WR_JOIN_LEFT || type == WR_JOIN_FULL ||
                                                type == WR_JOIN_ANTI))
            expect_row(&out, (int64_t)l, NONE);
    }
    for (uint64_t r = 0; r < right->row_count; r++)
        if (!right_matched[r] && (type == WR_JOIN_RIGHT || type == WR_JOIN_FULL))
            expect_row(&out, NONE, (int64_t)r);
    free(right_matched);
    return out;
}

static void check(wr_join_type type, const rows_plan *left, const rows_plan *right,
                  const variant *shape, const setting *how)
{
    outcome wanted = expect_range(type, left, right, shape);

    assert_int_equal(run_case(type, left, right, shape, how), WR_OK);
    assert_int_equal(found.row_count, wanted.row_count);
    assert_int_equal(found.sum, wanted.sum);
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
enum { SHAPE_COUNT = sizeof SHAPES / sizeof SHAPES[0] };

static const setting LEAST = {.workers = 1}, LEAST_TWO = {.workers = 2},
                     PLENTY = {.workers = 2, .plenty = true};

static void check_all(const rows_plan *left, const rows_plan *right, const setting *how)
{
    for (int type = WR_JOIN_INNER; type <= WR_JOIN_ANTI; type++)
        for (int i = 0; i < SHAPE_COUNT; i++)
            if (!left->by_text || i < 4) /* a band compares keys with ids */
                check((wr_join_type)type, left, right, SHAPES[i], how);
}

static void all_types_at_plenty_and_at_least_memory(void **state)
{
    rows_plan left = {.row_count = 600, .key_count = 300, .salt = 1};
    rows_plan right = {.row_count = 500, .key_count = 400, .salt = 77777};

    (void)state;
    check_all(&left, &right, &PLENTY);
    check_all(&right, &left, &LEAST);
    left.by_text = right.by_text = true;
    check_all(&left, &right, &LEAST_TWO);
}

/* More pages than zones have room for, blocks that meet few of them. */
static void many_rows_meet_few(void **state)
{
    static const variant NARROW = {{{{KEY, KEY}, WR_RANGE_GE}, {{KEY, ID}, WR_RANGE_LE}}, 2};
    rows_plan left = {.row_count = 2500, .key_count = 5000, .salt = 1};
    rows_plan right = {.row_count = 6000, .key_count = 6000, .salt = 3};

    (void)state;
    check(WR_JOIN_LEFT, &left, &right, &NARROW, &LEAST);
    check(WR_JOIN_RIGHT, &left, &right, &NARROW, &LEAST_TWO);
    check(WR_JOIN_SEMI, &left, &right, &NARROW, &PLENTY);
}

static void few_keys_and_empty_sides(void **state)
{
    rows_plan left = {.row_count = 400, .key_count = 1u << 31, .salt = 1};
    rows_plan right = {.row_count = 300, .key_count = 3, .heavy_percent = 80, .salt = 2};
    rows_plan none = {.key_count = 1};

    (void)state;
    check_all(&left, &right, &LEAST_TWO);
    check_all(&right, &right, &PLENTY);
    check_all(&left, &none, &PLENTY);
    check_all(&none, &right, &LEAST);
}

static void stress_modes_change_no_row(void **state)
{
    static const char *const STRESS[] = {"spill", "min", "spill,min,batch=3", "blocked"};
    rows_plan left = {.row_count = 260, .key_count = 60, .salt = 3};
    rows_plan right = {.row_count = 220, .key_count = 70, .salt = 4};

    (void)state;
    for (size_t i = 0; i < sizeof STRESS / sizeof STRESS[0]; i++) {
        setting how = {.workers = 2, .plenty = true, .stress = STRESS[i]};

        check(WR_JOIN_FULL, &left, &right, &TWO_TURNED, &how);
        check(WR_JOIN_LEFT, &left, &right, &TWO, &how);
        check(WR_JOIN_INNER, &left, &right, &BAND_KEYED, &how);
    }
}

/* The n-th write, read or grant fails: an error that leaves nothing behind, or the right rows. */
static void faults_leave_nothing_behind(void **state)
{
    static const char *const POINTS[] = {"write", "read", "grant"};
    rows_plan left = {.row_count = 300, .key_count = 200, .salt = 3};
    rows_plan right = {.row_count = 250, .key_count = 200, .salt = 4};

    (void)state;
    for (size_t p = 0; p < sizeof POINTS / sizeof POINTS[0]; p++)
        for (int n = 1; n < 60; n += 4) {
            char    fault[32];
            setting how = {.workers = 2, .stress = "spill", .fault = fault};

            snprintf(fault, sizeof fault, "%s:%d", POINTS[p], n);
            if (run_case(WR_JOIN_FULL, &left, &right, &TWO, &how) == WR_OK)
                assert_int_equal(found.sum, expect_range(WR_JOIN_FULL, &left, &right, &TWO).sum);
            else
                assert_string_not_equal(POINTS[p], "grant");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types_at_plenty_and_at_least_memory),
        cmocka_unit_test(many_rows_meet_few),
        cmocka_unit_test(few_keys_and_empty_sides),
        cmocka_unit_test(stress_modes_change_no_row),
        cmocka_unit_test(faults_leave_nothing_behind),
    };

    wr_mutex_init(&found_mutex);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
