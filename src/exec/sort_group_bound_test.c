/* exec/sort_group_bound_test.c — the table of groups turns away no row that is among the first of its
 * group, whatever the table's size, and with room for all groups turns most of the others away. */
#include "exec/sort_group_bound.h"
#include "exec/testkit.h"

enum { ROWS = 40000, GROUPS = 300, BATCH = 500, RANK_MAX = 3 };

static int64_t groups[ROWS], orders[ROWS];
static bool    is_null[ROWS], is_kept[ROWS];

static uint64_t mix(uint64_t x)
{
    x *= 0x9e3779b97f4a7c15ull;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9ull;
    return x ^ x >> 32;
}

/* Rows of the group that come before row `i`: all, or of different order. */
static uint32_t rows_before(uint32_t i, bool distinct)
{
    int64_t  seen[RANK_MAX];
    uint32_t count = 0;

    for (uint32_t j = 0; j < ROWS && count < RANK_MAX; j++) {
        bool is_new = groups[j] == groups[i] && !is_null[j] && orders[j] < orders[i];

        for (uint32_t s = 0; is_new && distinct && s < count; s++)
            is_new = seen[s] != orders[j];
        if (is_new)
            seen[count++] = orders[j];
    }
    return count;
}

static uint32_t select_all(const wr_plan_top *plan, uint64_t slots)
{
    static uint64_t   table[400 * (1 + RANK_MAX)];
    uint64_t          valid[(BATCH + 63) / 64];
    wr_sortkey_column key_columns[] = {{.physical = WR_PHYS_I64, .column = 0},
                                       {.physical = WR_PHYS_I64, .column = 1}};
    wr_sortkey        key = {.columns = key_columns, .column_count = 2, .bytes_max = 16};
    wr_group_bounds   bounds;
    uint32_t          kept_count = 0;

    assert_true(wr_group_bounds_fit(plan, &key));
    wr_group_bounds_init(&bounds, plan, table, 0, slots * (1 + RANK_MAX) * sizeof table[0]);
    memset(is_kept, 0, sizeof is_kept);
    for (uint32_t first = 0; first < ROWS; first += BATCH) {
        wr_vector    columns[2] = {{.type = WR_TYPE(I64), .row_count = BATCH, .data = groups + first},
                                   {.type = WR_TYPE(I64), .row_count = BATCH, .data = orders + first,
                                    .valid = valid}};
        wr_selection all = {NULL, BATCH};
        uint16_t     kept[WR_BATCH_ROWS_MAX];
        uint32_t     count;

        for (uint32_t i = 0; i < BATCH; i++)
            wr_bit_put(valid, i, !is_null[first + i]);
        count = wr_group_bounds_select(&bounds, &key, columns, &all, kept);
        for (uint32_t i = 0; i < count; i++)
            is_kept[first + kept[i]] = true;
        kept_count += count;
    }
    assert_int_equal(bounds.rows_seen, ROWS);
    assert_int_equal(bounds.rows_dropped, ROWS - kept_count);
    return kept_count;
}

static void check(wr_window_kind kind, int64_t order_count)
{
    wr_plan_top plan = {kind, RANK_MAX, 1, 2};

    for (uint32_t i = 0; i < ROWS; i++) {
        groups[i] = (int64_t)(mix(i) % GROUPS) - 7;
        orders[i] = (int64_t)(mix(i + 99991) % (uint64_t)order_count) - order_count / 2;
        is_null[i] = mix(i + 5) % 50 == 0;
    }
    for (uint64_t slots = 16; slots <= 400; slots *= 5) {
        uint32_t kept = select_all(&plan, slots);

        for (uint32_t i = 0; i < ROWS; i++)
            if (!is_kept[i])
                assert_int_equal(rows_before(i, kind == WR_WINDOW_DENSE_RANK), RANK_MAX);
        if (slots == 400 && order_count > GROUPS)
            assert_true(kept < ROWS / 3);
    }
}

static void test_numbers_ranks_and_groups(void **state)
{
    (void)state;
    check(WR_WINDOW_ROW_NUMBER, 1000000);
    check(WR_WINDOW_RANK, 1000000);
    check(WR_WINDOW_RANK, 5);
    check(WR_WINDOW_DENSE_RANK, 20);
}

static void test_what_has_no_table(void **state)
{
    wr_sortkey_column columns[] = {{.physical = WR_PHYS_STR}, {.physical = WR_PHYS_I64}};
    wr_sortkey        key = {.columns = columns, .column_count = 2};

    (void)state;
    assert_false(wr_group_bounds_fit(&(wr_plan_top){WR_WINDOW_RANK, 3, 1, 2}, &key));
    columns[0].physical = WR_PHYS_I32;
    assert_true(wr_group_bounds_fit(&(wr_plan_top){WR_WINDOW_RANK, 3, 1, 2}, &key));
    assert_false(wr_group_bounds_fit(&(wr_plan_top){WR_WINDOW_RANK, 0, 1, 2}, &key));
    assert_false(wr_group_bounds_fit(&(wr_plan_top){WR_WINDOW_RANK, 17, 1, 2}, &key));
    assert_false(wr_group_bounds_fit(&(wr_plan_top){WR_WINDOW_RANK, 3, 1, 1}, &key));
    assert_false(wr_group_bounds_fit(&(wr_plan_top){WR_WINDOW_RANK, 3, 0, 1}, &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_ranks_and_groups),
        cmocka_unit_test(test_what_has_no_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
