/* exec/op_window_test.c — windows over random rows against a naive evaluation: one partition larger
 * than the lease and many small ones, frames of every kind, at least memory and under stress. */
#include "exec/testkit.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS_MAX = 30000, INPUT = 5, FUNCTIONS = 8, TEXT_BYTES = KIT_TEXT_BYTES };

/* Columns: partition, order key (null for 0), value, text, position. */
typedef struct rows_plan {
    uint32_t row_count, small_partitions, order_keys;
} rows_plan;

static uint64_t mix(uint64_t x)
{
    x *= 0x9e3779b97f4a7c15ull;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9ull;
    return x ^ x >> 32;
}

/* Every second row is in partition 0. */
static int64_t partition_of(const rows_plan *plan, uint64_t row)
{
    return row % 2 ? 0 : (int64_t)(1 + mix(row) % plan->small_partitions);
}

static int64_t order_of(const rows_plan *plan, uint64_t row)
{
    return (int64_t)(mix(row + 77) % plan->order_keys);
}

static bool value_of(uint64_t row, int64_t *out_value)
{
    *out_value = (int64_t)(mix(row + 5) % 2001) - 1000;
    return *out_value % 9 != 0;
}

static void text_of(uint64_t row, char out[TEXT_BYTES])
{
    snprintf(out, TEXT_BYTES, row % 3 ? "%llu" : "a longer text of row %llu",
             (unsigned long long)row);
}

static void fill_row(const void *plan, uint64_t row, kit_cell *cells)
{
    cells[0].i64 = partition_of(plan, row);
    cells[1].i64 = order_of(plan, row);
    cells[1].is_null = cells[1].i64 == 0;
    cells[2].is_null = !value_of(row, &cells[2].i64);
    text_of(row, cells[3].text);
    cells[4].u64 = row;
}

/* ---- Results ----------------------------------------------------------------------------------- */

/* row_number, rank, sliding min, sum over groups, max of text over rows, lag of text, last_value,
 * share of rows up to the peers. */
typedef struct result {
    int64_t  partition, number, rank, least, sum, last;
    bool     has_least, has_sum, has_last, has_lag;
    char     greatest[TEXT_BYTES], lag[TEXT_BYTES];
    double   share;
} result;

static result           results[ROWS_MAX], expected[ROWS_MAX];
static _Atomic uint32_t result_count;

static void copy_text(const wr_vector *column, uint32_t row, char out[TEXT_BYTES])
{
    const wr_str *str = wr_vector_at(column, row);
    size_t        got = str->byte_count;

    assert_true(str->byte_count < TEXT_BYTES);
    if (wr_str_is_blob(str))
        assert_int_equal(wr_str_blob(str)->read(wr_str_blob(str), 0, out, TEXT_BYTES, &got, NULL),
                         WR_OK);
    else
        memcpy(out, wr_str_bytes(str), str->byte_count);
    out[got] = '\0';
}

static wr_status results_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                              wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)exec, (void)err;
    *out_flow = WR_FLOW_MORE;
    if (in->row_count == 0)
        return WR_OK;
    assert_int_equal(in->column_count, 1 + FUNCTIONS);
    for (uint32_t i = 0; i < in->row_count; i++) {
        result          *r = &results[in->position + i];
        const wr_vector *c = in->columns;

        assert_true(in->position + i < ROWS_MAX);
        result_count++;
        memset(r, 0, sizeof *r);
        r->partition = wr_vector_value(&c[0], i).i64;
        r->number = wr_vector_value(&c[1], i).i64;
        r->rank = wr_vector_value(&c[2], i).i64;
        r->has_least = wr_vector_is_valid(&c[3], i);
        r->least = r->has_least ? wr_vector_value(&c[3], i).i64 : 0;
        r->has_sum = wr_vector_is_valid(&c[4], i);
        r->sum = r->has_sum ? (int64_t)wr_vector_value(&c[4], i).i128 : 0;
        if (wr_vector_is_valid(&c[5], i))
            copy_text(&c[5], i, r->greatest);
        r->has_lag = wr_vector_is_valid(&c[6], i);
        if (r->has_lag)
            copy_text(&c[6], i, r->lag);
        r->has_last = wr_vector_is_valid(&c[7], i);
        r->last = r->has_last ? wr_vector_value(&c[7], i).i64 : 0;
        r->share = wr_vector_value(&c[8], i).f64;
    }
    return WR_OK;
}

static const wr_sink_ops RESULTS = {.name = "results", .push = results_push};

/* ---- The same, naively --------------------------------------------------------------------------- */

enum { BEFORE = 700, BEHIND = 40, GROUPS_BEFORE = 2, GROUPS_BEHIND = 1, TEXT_BEFORE = 3, LAG = 900 };

typedef struct sorted_row {
    int64_t  partition, order;
    uint64_t row;
} sorted_row;

static sorted_row sorted[ROWS_MAX];

static int compare_rows(const void *a_p, const void *b_p)
{
    const sorted_row *a = a_p, *b = b_p;

    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    if (a->order != b->order) /* null, which is 0 here, comes last */
        return a->order == 0 ? 1 : b->order == 0 ? -1 : a->order < b->order ? -1 : 1;
    return a->row < b->row ? -1 : 1;
}

static void expect_row(uint32_t begin, uint32_t end, uint32_t i, const int64_t *groups)
{
    result  *r = &expected[i];
    uint32_t peers_begin = i, peers_end = i;
    int64_t  value;

    while (peers_begin > begin && groups[peers_begin - 1] == groups[i])
        peers_begin--;
    while (peers_end < end && groups[peers_end] == groups[i])
        peers_end++;
    memset(r, 0, sizeof *r); /* compared as bytes */
    r->partition = sorted[i].partition;
    r->number = i - begin + 1;
    r->rank = peers_begin - begin + 1;
    r->share = (double)(peers_end - begin) / (end - begin);
    for (uint32_t j = i - begin > BEFORE ? i - BEFORE : begin; j < end && j <= i + BEHIND; j++)
        if (value_of(sorted[j].row, &value) && (!r->has_least || value < r->least)) {
            r->has_least = true;
            r->least = value;
        }
    for (uint32_t j = peers_begin; j-- > begin && groups[j] >= groups[i] - GROUPS_BEFORE;)
        peers_begin = j;
    for (uint32_t j = peers_begin; j < end && groups[j] <= groups[i] + GROUPS_BEHIND; j++)
        if (value_of(sorted[j].row, &value)) {
            r->has_sum = true;
            r->sum += value;
        }
    for (uint32_t j = i - begin > TEXT_BEFORE ? i - TEXT_BEFORE : begin; j <= i; j++) {
        char text[TEXT_BYTES];

        text_of(sorted[j].row, text);
        if (strcmp(text, r->greatest) > 0)
            strncpy(r->greatest, text, TEXT_BYTES);
    }
    r->has_lag = i - begin >= LAG;
    if (r->has_lag)
        text_of(sorted[i - LAG].row, r->lag);
    r->has_last = value_of(sorted[end - 1].row, &r->last);
    r->last = r->has_last ? r->last : 0;
}

static void expect(const rows_plan *rows)
{
    static int64_t groups[ROWS_MAX];

    for (uint32_t i = 0; i < rows->row_count; i++)
        sorted[i] = (sorted_row){partition_of(rows, i), order_of(rows, i), i};
    qsort(sorted, rows->row_count, sizeof sorted[0], compare_rows);
    for (uint32_t i = 1; i < rows->row_count; i++)
        groups[i] = groups[i - 1] + (sorted[i].partition != sorted[i - 1].partition ||
                                     sorted[i].order != sorted[i - 1].order);
    for (uint32_t begin = 0, end; begin < rows->row_count; begin = end) {
        for (end = begin; end < rows->row_count && sorted[end].partition == sorted[begin].partition;)
            end++;
        for (uint32_t i = begin; i < end; i++)
            expect_row(begin, end, i, groups);
    }
}

/* ---- Runs ------------------------------------------------------------------------------------------ */

static const wr_type     TYPES[INPUT] = {{.logical = WR_TYPE_I64}, {.logical = WR_TYPE_I64},
                                         {.logical = WR_TYPE_I64}, {.logical = WR_TYPE_UTF8},
                                         {.logical = WR_TYPE_U64}};
static const wr_sort_key KEYS[] = {{.column = 0}, {.column = 1}, {.column = 4}};
static const uint32_t    OUTPUTS[] = {0};

#define AGG(name, column, from, to)                                                                \
    {                                                                                              \
        .types = TYPES, .column_count = 4, .agg_count = 1, .position = WR_FIELD_NONE,              \
        .aggs = &(const wr_agg){.kind = WR_AGG_##name, .argument = (column),                       \
                                .order = WR_FIELD_NONE, .filter = WR_FIELD_NONE,                   \
                                .argument_type = from, .result_type = to}                          \
    }

static void check(const rows_plan *rows)
{
    expect(rows);
    assert_int_equal(result_count, rows->row_count);
    for (uint32_t i = 0; i < rows->row_count; i++)
        if (memcmp(&results[i], &expected[i], sizeof results[i]) != 0)
            fail_msg("row %u: number %lld/%lld rank %lld/%lld least %lld/%lld sum %lld/%lld "
                     "greatest %s/%s lag %s/%s last %lld/%lld share %g/%g",
                     i, (long long)results[i].number, (long long)expected[i].number,
                     (long long)results[i].rank, (long long)expected[i].rank,
                     (long long)results[i].least, (long long)expected[i].least,
                     (long long)results[i].sum, (long long)expected[i].sum, results[i].greatest,
                     expected[i].greatest, results[i].lag, expected[i].lag,
                     (long long)results[i].last, (long long)expected[i].last, results[i].share,
                     expected[i].share);
}

static void run_case(const rows_plan *rows, uint32_t workers, bool plenty, const char *stress)
{
    wr_type               i64 = WR_TYPE(I64), utf8 = WR_TYPE(UTF8), wide = wr_type_decimal(38, 0);
    const wr_window_frame frames[] = {
        {.frame = {{WR_FRAME_ROWS, -BEFORE}, {WR_FRAME_ROWS, BEHIND}}, .aggs = AGG(MIN, 2, i64, i64)},
        {.frame = {{WR_FRAME_GROUPS, -GROUPS_BEFORE}, {WR_FRAME_GROUPS, GROUPS_BEHIND}},
         .aggs = AGG(SUM, 2, i64, wide)},
        {.frame = {{WR_FRAME_ROWS, -TEXT_BEFORE}, {WR_FRAME_ROWS, 0}},
         .aggs = AGG(MAX, 3, utf8, utf8)},
        {.frame = {{WR_FRAME_UNBOUNDED, 0}, {WR_FRAME_UNBOUNDED, 0}}},
        {.frame = {{WR_FRAME_UNBOUNDED, 0}, {WR_FRAME_GROUPS, 0}}},
    };
    const wr_window_point points[] = {
        {.kind = WR_WINDOW_LAG, .offset = LAG, .frame = WR_FIELD_NONE, .nulls = WR_FIELD_NONE},
        {.kind = WR_WINDOW_LAST_VALUE, .frame = 3, .nulls = WR_FIELD_NONE},
    };
    const wr_window functions[FUNCTIONS] = {
        {.kind = WR_WINDOW_ROW_NUMBER, .type = i64},
        {.kind = WR_WINDOW_RANK, .type = i64},
        {.kind = WR_WINDOW_AGGREGATE, .part_count = 1, .frames = {0}, .type = i64},
        {.kind = WR_WINDOW_AGGREGATE, .part_count = 1, .frames = {1}, .type = wide},
        {.kind = WR_WINDOW_AGGREGATE, .part_count = 1, .frames = {2}, .type = utf8},
        {.kind = WR_WINDOW_LAG, .part_count = 1, .points = {0}, .argument = 3, .fallback = WR_FIELD_NONE, .type = utf8},
        {.kind = WR_WINDOW_LAST_VALUE, .part_count = 1, .points = {1}, .argument = 2, .fallback = WR_FIELD_NONE,
         .type = i64},
        {.kind = WR_WINDOW_CUME_DIST, .frames = {4}, .total = 3, .type = WR_TYPE(F64)},
    };
    wr_plan_window plan = {.types = TYPES, .column_count = INPUT, .keys = KEYS, .key_count = 3,
                           .scopes = {{1, 2}}, .scope_count = 1, .kept_count = 4,
                           .outputs = OUTPUTS, .output_count = 1, .frames = frames,
                           .frame_count = 5, .points = points, .point_count = 2,
                           .functions = functions, .function_count = FUNCTIONS};
    const kit_rows   input = {rows->row_count, TYPES, INPUT, fill_row, rows};
    kit              k;
    wr_node         *source, *reader;

    kit_open_case(&k, plenty ? 4000 : 900, workers, stress);
    source = kit_source(&k, &KIT_ROWS, &input);
    reader = kit_block(&k, source, source, &WR_WINDOW, &WR_WINDOW_READ, &plan);
    result_count = 0;
    kit_run_into(&k, reader, &RESULTS, NULL, plenty);
    check(rows);
    kit_close(&k);
}

static void test_small_partitions(void **state)
{
    rows_plan rows = {.row_count = 3000, .small_partitions = 400, .order_keys = 5};

    (void)state;
    run_case(&rows, 1, true, NULL);
    run_case(&rows, 2, false, NULL);
    run_case(&rows, 2, true, NULL);
    rows.row_count = ROWS_MAX;
    run_case(&rows, 3, true, NULL);
}

static void test_a_partition_larger_than_the_lease(void **state)
{
    rows_plan rows = {.row_count = ROWS_MAX, .small_partitions = 7, .order_keys = 3000};

    (void)state;
    run_case(&rows, 1, false, NULL);
    run_case(&rows, 2, false, NULL);
    run_case(&rows, 2, true, NULL);
}

static void test_stress_modes(void **state)
{
    rows_plan rows = {.row_count = 6000, .small_partitions = 50, .order_keys = 100};

    (void)state;
    run_case(&rows, 2, true, "spill");
    run_case(&rows, 2, true, "min");
    run_case(&rows, 1, true, "min,spill");
}

static void test_empty_input(void **state)
{
    rows_plan rows = {.row_count = 0, .small_partitions = 1, .order_keys = 1};

    (void)state;
    run_case(&rows, 2, false, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_partitions),
        cmocka_unit_test(test_a_partition_larger_than_the_lease),
        cmocka_unit_test(test_stress_modes),
        cmocka_unit_test(test_empty_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
