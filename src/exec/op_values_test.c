/* exec/op_values_test.c — median, quantiles, mode, entropy and distinct count of all values against a
 * naive sort: random, ordered, repeated and extreme values; at least memory and at plenty, in memory
 * and spilled, with one worker and with several. And keys against the values they stand for. */
#include "kernel/number_key.h"
#include "exec/testkit.h"
#include "os/libm.h"

#include <math.h>

enum { ROWS_MAX = 150000, AGGS = 5 };

typedef enum shape { RANDOM, ASCENDING, REPEATED, SKEWED, EXTREME, CLUSTERED } shape;

typedef struct rows_plan {
    uint32_t row_count;
    shape    shape;
} rows_plan;

static uint64_t mix(uint64_t x)
{
    x = (x + 1) * 0x9e3779b97f4a7c15ull;
    x ^= x >> 31;
    return x * 0xbf58476d1ce4e5b9ull ^ x >> 29;
}

static bool is_null(uint64_t row)
{
    return row % 11 == 3;
}

static int64_t value_of(const rows_plan *plan, uint64_t row)
{
    switch (plan->shape) {
    case RANDOM:
        return (int64_t)mix(row);
    case ASCENDING:
        return (int64_t)row - 1000;
    case REPEATED:
        return (int64_t)(mix(row) % 300);
    case SKEWED:
        return mix(row) % 4 ? 77 : (int64_t)(mix(row) >> 20);
    case EXTREME:
        return mix(row) % 3 == 0 ? INT64_MIN : mix(row) % 3 == 1 ? INT64_MAX : (int64_t)row;
    case CLUSTERED: /* all behind the first sample, two far apart */
        return row < 40000 ? (int64_t)row : INT64_MAX - (int64_t)(mix(row) % 5000);
    }
    return 0;
}

static void fill_row(const void *plan, uint64_t row, kit_cell *cells)
{
    cells[0].i64 = value_of(plan, row);
    cells[0].is_null = is_null(row);
    cells[1].u64 = row + 5;
}

static wr_value results[AGGS + 1];
static uint32_t result_count;

static wr_status results_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                              wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)exec, (void)err;
    *out_flow = WR_FLOW_MORE;
    for (uint32_t i = 0; i < wr_batch_rows(in); i++, result_count++)
        for (uint32_t c = 0; c < in->column_count; c++)
            results[c] = wr_vector_value(&in->columns[c], wr_selection_row(&in->selection, i));
    return WR_OK;
}

static const wr_sink_ops RESULTS = {.name = "results", .push = results_push};

static void check_results(const rows_plan *rows)
{
    static int64_t values[ROWS_MAX];
    uint32_t       count = 0, distinct = 0, best = 0, run = 0;
    int64_t        mode = 0;
    double         bits = 0.0, low;

    for (uint32_t row = 0; row < rows->row_count; row++)
        if (!is_null(row))
            values[count++] = value_of(rows, row);
    qsort(values, count, sizeof values[0], compare_i64);
    assert_int_equal(result_count, 1);
    for (uint32_t i = 0; i < count; i++) {
        run = i > 0 && values[i] == values[i - 1] ? run + 1 : 1;
        distinct += run == 1;
        if (run > best) {
            best = run;
            mode = values[i];
        }
        if (i + 1 == count || values[i + 1] != values[i])
            bits -= (double)run / count * log2((double)run / count);
    }
    assert_int_equal(results[4].i64, distinct);
    assert_int_equal(results[5].u64, rows->row_count ? 5 : UINT64_MAX);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(results[i].is_null, count == 0);
    if (count == 0)
        return;
    low = (double)values[(count - 1) / 2];
    assert_true(results[0].f64 == low + ((double)values[count / 2] - low) * 0.5);
    assert_int_equal(results[1].i64, values[(count - 1) / 10]);
    assert_int_equal(results[2].i64, mode);
    assert_true(fabs(results[3].f64 - bits) < 1e-9);
}

static void run_case(const rows_plan *rows, uint32_t workers, bool plenty, const char *stress)
{
    const wr_type        types[] = {WR_TYPE(I64), WR_TYPE(U64)};
    const wr_ordered_agg aggs[AGGS] = {{.kind = WR_AGG_MEDIAN, WR_TYPE(F64), 0.5},
                                       {.kind = WR_AGG_QUANTILE_DISC, WR_TYPE(I64), 0.1},
                                       {.kind = WR_AGG_MODE, WR_TYPE(I64)},
                                       {.kind = WR_AGG_ENTROPY, WR_TYPE(F64)},
                                       {.kind = WR_AGG_COUNT, WR_TYPE(I64)}};
    const wr_plan_ordered plan = {.types = types, .column_count = 2, .by_value = true,
                                  .aggs = aggs, .agg_count = AGGS, .filter = WR_FIELD_NONE,
                                  .position = 1};
    const kit_rows        input = {rows->row_count, types, 2, fill_row, rows};
    kit                   k;
    wr_node              *source, *reader;

    assert_true(wr_values_can(&plan));
    kit_open_case(&k, plenty ? 4000 : 900, workers, stress);
    source = kit_source(&k, &KIT_ROWS, &input);
    reader = kit_block(&k, source, source, &WR_VALUES, &WR_VALUES_READ, &plan);
    memset(results, 0, sizeof results);
    result_count = 0;
    kit_run_into(&k, reader, &RESULTS, NULL, plenty);
    check_results(rows);
    kit_close(&k);
}

static void test_shapes(void **state)
{
    (void)state;
    for (shape s = RANDOM; s <= CLUSTERED; s++) {
        rows_plan rows = {ROWS_MAX, s};

        run_case(&rows, 1, false, NULL);
        run_case(&rows, 3, false, "spill");
        run_case(&rows, 2, true, NULL);
    }
}

static void test_few_rows(void **state)
{
    (void)state;
    for (uint32_t count = 0; count < 6; count++) {
        rows_plan rows = {count, RANDOM};

        run_case(&rows, 2, false, NULL);
        run_case(&rows, 2, true, "spill");
    }
}

/* ---- Keys -------------------------------------------------------------------------------------------- */

static void check_float_keys(wr_type type)
{
    double        numbers[] = {-(double)INFINITY, -3.5, -0.0, 0.0, 1e-30, 7.25, (double)INFINITY,
                               (double)NAN};
    float         floats[8];
    uint64_t      keys[WR_BATCH_ROWS_MAX];
    wr_vector     vector = {.type = type, .row_count = 8, .data = numbers};
    wr_selection  all = {NULL, 8};

    for (int i = 0; i < 8; i++)
        floats[i] = (float)numbers[i];
    if (type.logical == WR_TYPE_F32)
        vector.data = floats;
    assert_int_equal(wr_number_keys(&vector, &all, keys), 8);
    assert_true(keys[2] == keys[3]);
    for (int i = 0; i < 8; i++) {
        double x = 0.0;
        float  f = 0.0f;

        assert_true(i == 0 || i == 3 || keys[i] > keys[i - 1]);
        wr_number_of_key(type, keys[i], type.logical == WR_TYPE_F32 ? (void *)&f : (void *)&x);
        x = type.logical == WR_TYPE_F32 ? (double)f : x;
        assert_true(isnan(numbers[i]) ? isnan(x)
                                      : x == (type.logical == WR_TYPE_F32 ? (double)floats[i]
                                                                          : numbers[i]));
    }
}

static void test_keys(void **state)
{
    int8_t       bytes[] = {-128, -1, 0, 127};
    uint64_t     keys[WR_BATCH_ROWS_MAX], valid = 0xd; /* the second is null */
    uint16_t     rows[] = {0, 1, 3};
    wr_vector    vector = {.type = WR_TYPE(I8), .row_count = 4, .data = bytes, .valid = &valid};
    wr_vector    sequence = {.type = WR_TYPE(I64), .encoding = WR_SEQ, .row_count = 5,
                             .seq_first = -2, .seq_step = 3};
    wr_selection some = {rows, 3};

    (void)state;
    check_float_keys(WR_TYPE(F64));
    check_float_keys(WR_TYPE(F32));
    assert_int_equal(wr_number_keys(&vector, &some, keys), 2);
    for (uint32_t i = 0; i < 2; i++) {
        int8_t byte;

        wr_number_of_key(WR_TYPE(I8), keys[i], &byte);
        assert_int_equal(byte, bytes[i * 3]);
    }
    assert_int_equal(wr_number_keys(&sequence, &some, keys), 3);
    for (uint32_t i = 0; i < 3; i++) {
        int64_t number;

        wr_number_of_key(WR_TYPE(I64), keys[i], &number);
        assert_int_equal(number, -2 + 3 * (int64_t)rows[i]);
    }
}

static void test_sort(void **state)
{
    static uint64_t keys[3000], spare[3000];
    uint64_t       *sorted;

    (void)state;
    for (uint32_t count = 0; count <= 3000; count += count < 60 ? 1 : 490) {
        uint64_t sum = 0, sorted_sum = 0;

        for (uint32_t i = 0; i < count; i++)
            sum += keys[i] = count % 2 ? mix(i) : (mix(i) & 0xff00ff00) + (1ull << 60);
        wr_number_keys_sort(keys, spare, count, &sorted);
        for (uint32_t i = 0; i < count; i++) {
            sorted_sum += sorted[i];
            assert_true(i == 0 || sorted[i - 1] <= sorted[i]);
        }
        assert_true(sum == sorted_sum);
    }
}

static int open_libm(void **state)
{
    (void)state;
    return wr_math_open(NULL) != WR_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_few_rows),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_sort),
    };

    return cmocka_run_group_tests(tests, open_libm, NULL);
}
