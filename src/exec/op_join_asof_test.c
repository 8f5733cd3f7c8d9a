/* exec/op_join_asof_test.c — asof joins against a nested loop: each of the four comparisons, with and
 * without keys, unmatched rows and a residual condition. */
#include "exec/join_fixture.h"

enum { KEY, ID, SHAPES = 32 };

/* With keys: equal keys, ordered by id. Else ordered by the key column, which has many equal values. */
typedef struct variant {
    bool has_keys, descending, excludes_equal, keeps_all, residual;
} variant;

static variant shape_at(uint32_t index)
{
    return (variant){index & 1, index & 2, index & 4, index & 8, index & 16};
}

static wr_status run_shape(uint32_t index, const rows_plan *left, const rows_plan *right,
                           const setting *how)
{
    static const uint32_t OUT[] = {1, 2};
    const rows_plan *inputs[] = {left, right};
    variant          shape = shape_at(index);
    wr_type          types[COLUMNS];
    wr_sort_key      keys[] = {{KEY, shape.descending && !shape.has_keys, false},
                               {ID, shape.descending, false}};
    wr_plan_sort     sort = {.types = types, .column_count = COLUMNS, .keys = keys, .key_count = 2,
                             .output_count = COLUMNS, .rows_max = UINT64_MAX};
    wr_plan_join_asof plan = {.merge = {.sorts = {&sort, &sort}},
                              .excludes_equal = shape.excludes_equal};
    wr_plan_join     *join = &plan.merge.join;
    wr_status         status;
    kit               k;

    column_types(left, types);
    *join = (wr_plan_join){
        .type = shape.keeps_all ? WR_JOIN_LEFT : WR_JOIN_INNER,
        .key_count = shape.has_keys, .probe_types = types, .build_types = types,
        .probe_count = COLUMNS, .build_count = COLUMNS, .probe_out = OUT, .build_out = OUT,
        .probe_out_count = 2, .build_out_count = 2,
    };
    open_kit(&k, how);
    join->residual = shape.residual ? compile_residual(&k.bump, types) : NULL;
    status = run_sorted(&k, &WR_JOIN_ASOF, &plan, plan.merge.sorts, inputs, &FOUND, how);
    if (status != WR_OK && !how->fault)
        fail_msg("%s", k.error.message);
    kit_close(&k);
    return status;
}

static bool is_behind(const variant *shape, int order)
{
    return order == 0 ? !shape->excludes_equal : (order > 0) != shape->descending;
}

/* The nearest right row; of equal ones the last in the sort, which has the greatest or least id. */
static int64_t nearest(const rows_plan *left, uint64_t l, const rows_plan *right,
                       const variant *shape)
{
    uint32_t by = shape->has_keys ? ID : KEY;
    int64_t  best = NONE;

    if (is_null(left, l))
        return NONE;
    for (uint64_t r = 0; r < right->row_count; r++) {
        int order;

        if (is_null(right, r) || (shape->has_keys && key_of(left, l) != key_of(right, r)) ||
            !is_behind(shape, order_of(left, l, by, right, r, by)))
            continue;
        order = best == NONE ? 0 : order_of(right, r, by, right, (uint64_t)best, by);
        if (best == NONE || (order == 0 ? !shape->descending : (order > 0) != shape->descending))
            best = (int64_t)r;
    }
    return shape->residual && best != NONE && !ids_match((int64_t)l, best) ? NONE : best;
}

static outcome expect_shape(uint32_t index, const rows_plan *left, const rows_plan *right)
{
    variant shape = shape_at(index);
    outcome out = {0};

    for (uint64_t l = 0; l < left->row_count; l++) {
        int64_t best = nearest(left, l, right, &shape);

        if (best != NONE || shape.keeps_all)
            expect_row(&out, (int64_t)l, best);
    }
    return out;
}

static const join_kind ASOF = {
    .shape_count = SHAPES, .text_shape_count = SHAPES, .row_count = 480, .heavy_row_count = 300,
    .fault_shape = 8 | 16, .run = run_shape, .expect = expect_shape,
};

int main(void)
{
    const struct CMUnitTest tests[] = {JOIN_SUITE(&ASOF)};

    wr_mutex_init(&found_mutex);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
