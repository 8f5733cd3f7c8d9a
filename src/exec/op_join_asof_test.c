/* exec/op_join_asof_test.c — asof joins against a nested loop: each of the four comparisons, with and
 * without keys, unmatched rows and a residual condition; equal values, NULLs, text; least memory and
 * plenty, one worker and two; stress and faults. */
#include "exec/join_fixture.h"

/* With keys: equal keys, ordered by id. Else ordered by the key column, which has many equal values. */
typedef struct variant {
    bool has_keys, descending, excludes_equal, keeps_all, residual;
} variant;

static wr_status run_case(const rows_plan *left, const rows_plan *right, const variant *shape,
                          const setting *how)
{
    static const uint32_t OUT[] = {1, 2};
    const rows_plan *inputs[] = {left, right};
    wr_type          types[COLUMNS] = {left->by_text ? WR_TYPE(UTF8) : WR_TYPE(I64), WR_TYPE(I64),
                                       WR_TYPE(UTF8)};
    wr_sort_key      keys[] = {{0, shape->descending && !shape->has_keys, false},
                               {1, shape->descending, false}};
    wr_plan_sort     sort = {.types = types, .column_count = COLUMNS, .keys = keys, .key_count = 2,
                             .output_count = COLUMNS, .rows_max = UINT64_MAX};
    wr_plan_join_asof plan = {.merge = {.sorts = {&sort, &sort}},
                              .excludes_equal = shape->excludes_equal};
    wr_plan_join     *join = &plan.merge.join;
    wr_status         status;
    kit               k;

    *join = (wr_plan_join){
        .type = shape->keeps_all ? WR_JOIN_LEFT : WR_JOIN_INNER,
        .key_count = shape->has_keys, .probe_types = types, .build_types = types,
        .probe_count = COLUMNS, .build_count = COLUMNS, .probe_out = OUT, .build_out = OUT,
        .probe_out_count = 2, .build_out_count = 2,
    };
    kit_open(&k, how->plenty ? 3000 : 900);
    k.exec.worker_count = how->workers;
    join->residual = shape->residual ? compile_residual(&k.bump, types) : NULL;
    assert_int_equal(wr_fault_configure(how->fault, how->stress, NULL), WR_OK);
    kit_open_spill(&k, 4 * KIT_PAGE, how->workers);
    found = (outcome){0};
    status = run_sorted(&k, &WR_JOIN_ASOF, &plan, plan.merge.sorts, inputs, &FOUND, how);
    if (status != WR_OK && !how->fault)
        fail_msg("%s", k.error.message);
    kit_close(&k);
    return status;
}

/* The order of the ordered column: texts are "... key %lld". */
static int order_of(const rows_plan *left, const variant *shape, uint64_t l, const rows_plan *right,
                    uint64_t r)
{
    int64_t a = shape->has_keys ? (int64_t)l : key_of(left, l);
    int64_t b = shape->has_keys ? (int64_t)r : key_of(right, r);
    char    texts[2][48];

    if (shape->has_keys || !left->by_text)
        return (a > b) - (a < b);
    snprintf(texts[0], sizeof texts[0], "%lld", (long long)a);
    snprintf(texts[1], sizeof texts[1], "%lld", (long long)b);
    return strcmp(texts[0], texts[1]);
}

static bool is_behind(const variant *shape, int order)
{
    return order == 0 ? !shape->excludes_equal : (order > 0) != shape->descending;
}

/* The nearest right row; of equal ones the last in the sort, which has the greatest or least id. */
static int64_t nearest(const rows_plan *left, uint64_t l, const rows_plan *right,
                       const variant *shape)
{
    int64_t best = NONE;

    if (is_null(left, l))
        return NONE;
    for (uint64_t r = 0; r < right->row_count; r++) {
        int order;

        if (is_null(right, r) || (shape->has_keys && key_of(left, l) != key_of(right, r)) ||
            !is_behind(shape, order_of(left, shape, l, right, r)))
            continue;
        order = best == NONE ? 0 : order_of(right, shape, r, right, (uint64_t)best);
        if (best == NONE || (order == 0 ? !shape->descending : (order > 0) != shape->descending))
            best = (int64_t)r;
    }
    return shape->residual && best != NONE && !ids_match((int64_t)l, best) ? NONE : best;
}

static outcome expect_asof(const rows_plan *left, const rows_plan *right, const variant *shape)
{
    outcome out = {0};

    for (uint64_t l = 0; l < left->row_count; l++) {
        int64_t best = nearest(left, l, right, shape);

        if (best != NONE || shape->keeps_all)
            expect_row(&out, (int64_t)l, best);
    }
    return out;
}

static void check(const rows_plan *left, const rows_plan *right, const variant *shape,
                  const setting *how)
{
    outcome wanted = expect_asof(left, right, shape);

    assert_int_equal(run_case(left, right, shape, how), WR_OK);
    assert_int_equal(found.row_count, wanted.row_count);
    assert_int_equal(found.sum, wanted.sum);
}

static void check_shapes(const rows_plan *left, const rows_plan *right, const setting *how)
{
    for (int bits = 0; bits < 32; bits++) {
        variant shape = {bits & 1, bits & 2, bits & 4, bits & 8, bits & 16};

        check(left, right, &shape, how);
    }
}

static const setting LEAST = {.workers = 1}, LEAST_TWO = {.workers = 2},
                     PLENTY = {.workers = 2, .plenty = true};

static void all_shapes_at_plenty_and_at_least_memory(void **state)
{
    rows_plan left = {.row_count = 600, .key_count = 90, .salt = 1};
    rows_plan right = {.row_count = 700, .key_count = 120, .salt = 77777};

    (void)state;
    check_shapes(&left, &right, &PLENTY);
    check_shapes(&left, &right, &LEAST);
    left.by_text = right.by_text = true;
    check_shapes(&right, &left, &LEAST_TWO);
}

static void few_keys_and_empty_sides(void **state)
{
    rows_plan left = {.row_count = 700, .key_count = 1u << 31, .salt = 1};
    rows_plan right = {.row_count = 500, .key_count = 3, .heavy_percent = 80, .salt = 2};
    rows_plan none = {.key_count = 1};

    (void)state;
    check_shapes(&left, &right, &LEAST_TWO);
    check_shapes(&right, &right, &PLENTY);
    check_shapes(&left, &none, &PLENTY);
    check_shapes(&none, &right, &LEAST);
}

static void stress_modes_change_no_row(void **state)
{
    static const char *const STRESS[] = {"spill", "min", "spill,min,batch=3", "blocked"};
    rows_plan left = {.row_count = 500, .key_count = 60, .salt = 3};
    rows_plan right = {.row_count = 400, .key_count = 70, .salt = 4};

    (void)state;
    for (size_t i = 0; i < sizeof STRESS / sizeof STRESS[0]; i++) {
        setting how = {.workers = 2, .plenty = true, .stress = STRESS[i]};
        variant shape = {.has_keys = i % 2, .keeps_all = true, .residual = true};

        check(&left, &right, &shape, &how);
    }
}

/* The n-th write, read or grant fails: an error that leaves nothing behind, or the right rows. */
static void faults_leave_nothing_behind(void **state)
{
    static const char *const POINTS[] = {"write", "read", "grant"};
    static const variant     SHAPE = {.keeps_all = true, .residual = true};
    rows_plan left = {.row_count = 500, .key_count = 400, .salt = 3};
    rows_plan right = {.row_count = 400, .key_count = 400, .heavy_percent = 10, .salt = 4};

    (void)state;
    for (size_t p = 0; p < sizeof POINTS / sizeof POINTS[0]; p++)
        for (int n = 1; n < 60; n += 4) {
            char    fault[32];
            setting how = {.workers = 2, .stress = "spill", .fault = fault};

            snprintf(fault, sizeof fault, "%s:%d", POINTS[p], n);
            if (run_case(&left, &right, &SHAPE, &how) == WR_OK)
                assert_int_equal(found.sum, expect_asof(&left, &right, &SHAPE).sum);
            else
                assert_string_not_equal(POINTS[p], "grant");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_shapes_at_plenty_and_at_least_memory),
        cmocka_unit_test(few_keys_and_empty_sides),
        cmocka_unit_test(stress_modes_change_no_row),
        cmocka_unit_test(faults_leave_nothing_behind),
    };

    wr_mutex_init(&found_mutex);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
