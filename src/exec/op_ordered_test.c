/* exec/op_ordered_test.c — medians, modes and joined texts of random groups, and all texts as they come,
 * against a naive count, at least memory and at plenty, with one worker and with several, resident and
 * spilled. */
#include "exec/testkit.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS_MAX = 4000, ROWS_MAX = 60000 };

/* Rows: key (null for key 7), value (every 5th null), position. */
typedef struct rows_plan {
    uint32_t row_count, key_count;
    bool     joins_texts; /* the value is a text */
} rows_plan;

static uint64_t mix(uint64_t x)
{
    x *= 0x9e3779b97f4a7c15ull;
    return x ^ x >> 29;
}

static uint32_t key_of(const rows_plan *plan, uint64_t row)
{
    return (uint32_t)(mix(row + 1) % plan->key_count);
}

static int64_t value_of(uint64_t row)
{
    return (int64_t)(mix(row * 31 + 5) % 500) - 250;
}

static void fill_value(const void *plan, uint64_t row, kit_cell *cell)
{
    (void)plan;
    cell->i64 = value_of(row);
    cell->is_null = row % 5 == 0;
    snprintf(cell->text, KIT_TEXT_BYTES, "%llu", (unsigned long long)row);
}

static void fill_row(const void *plan, uint64_t row, kit_cell *cells)
{
    uint32_t key = key_of(plan, row);

    cells[0].i64 = key;
    cells[0].is_null = key == 7;
    fill_value(plan, row, &cells[1]);
    cells[2].u64 = row;
}

/* ---- Results ------------------------------------------------------------------------------------- */

typedef struct group_result {
    bool     seen, is_null;
    double   median;
    int64_t  mode;
    uint64_t position, text_bytes, text_sum;
} group_result;

static group_result results[KEYS_MAX], expected[KEYS_MAX];
static uint32_t     result_count;

/* Length and a sum that minds the order. */
static void digest(const wr_str *str, group_result *result)
{
    char     piece[100];
    uint64_t offset = 0;

    result->text_bytes = str->byte_count;
    for (size_t got = 0; offset < str->byte_count; offset += got) {
        if (wr_str_is_blob(str)) {
            assert_int_equal(wr_str_blob(str)->read(wr_str_blob(str), offset, piece, sizeof piece,
                                                    &got, NULL), WR_OK);
            assert_true(got > 0);
        } else {
            got = str->byte_count - offset < sizeof piece ? str->byte_count - (size_t)offset
                                                          : sizeof piece;
            memcpy(piece, wr_str_bytes(str) + offset, got);
        }
        for (size_t i = 0; i < got; i++)
            result->text_sum = result->text_sum * 31 + (uint8_t)piece[i];
    }
}

static wr_status results_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                              wr_exec *exec, wr_error *err)
{
    const rows_plan *rows = node->plan;

    (void)local, (void)exec, (void)err;
    *out_flow = WR_FLOW_MORE;
    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t      row = wr_selection_row(&in->selection, i);
        wr_value      key = wr_vector_value(&in->columns[0], row);
        group_result *result = &results[key.is_null ? 7 : key.i64];

        assert_false(result->seen);
        result->seen = true;
        result_count++;
        result->is_null = !wr_vector_is_valid(&in->columns[1], row);
        result->position = wr_vector_value(&in->columns[in->column_count - 1], row).u64;
        if (result->is_null)
            continue;
        if (rows->joins_texts) {
            digest(wr_vector_at(&in->columns[1], row), result);
            continue;
        }
        result->median = wr_vector_value(&in->columns[1], row).f64;
        result->mode = wr_vector_value(&in->columns[2], row).i64;
    }
    return WR_OK;
}

static const wr_sink_ops RESULTS = {.name = "results", .push = results_push};

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void expect_numbers(group_result *result, int64_t *values, uint32_t count)
{
    uint32_t best = 0;

    qsort(values, count, sizeof values[0], by_value);
    result->is_null = count == 0;
    if (count == 0)
        return;
    result->median = ((double)values[(count - 1) / 2] + (double)values[count / 2]) / 2.0;
    for (uint32_t i = 0, run = 0; i < count; i++) {
        run = i > 0 && values[i] == values[i - 1] ? run + 1 : 1;
        if (run > best) {
            best = run;
            result->mode = values[i];
        }
    }
}

static uint32_t expect(const rows_plan *plan)
{
    static int64_t values[ROWS_MAX];
    uint32_t       groups = 0;

    memset(expected, 0, sizeof expected);
    for (uint32_t key = 0; key < plan->key_count; key++) {
        group_result *e = &expected[key];
        uint32_t      count = 0;

        for (uint32_t row = 0; row < plan->row_count; row++) {
            char text[24];

            if (key_of(plan, row) != key)
                continue;
            if (!e->seen)
                *e = (group_result){.seen = true, .position = row, .is_null = true};
            if (row % 5 == 0)
                continue;
            values[count++] = value_of(row);
            snprintf(text, sizeof text, "%s%u", e->is_null ? "" : ", ", row);
            e->is_null = false;
            e->text_bytes += strlen(text);
            for (size_t i = 0; text[i]; i++)
                e->text_sum = e->text_sum * 31 + (uint8_t)text[i];
        }
        groups += e->seen;
        if (e->seen && !plan->joins_texts)
            expect_numbers(e, values, count);
    }
    return groups;
}

static void run_case(const rows_plan *rows, uint32_t workers, bool plenty, const char *stress)
{
    const wr_type        types[] = {WR_TYPE(I64), rows->joins_texts ? WR_TYPE(UTF8) : WR_TYPE(I64),
                                    WR_TYPE(U64)};
    const wr_ordered_agg numbers[] = {{.kind = WR_AGG_MEDIAN, .result_type = WR_TYPE(F64),
                                       .fraction = 0.5},
                                      {.kind = WR_AGG_MODE, .result_type = WR_TYPE(I64)}};
    const wr_ordered_agg texts[] = {{.kind = WR_AGG_STRING_AGG, .result_type = WR_TYPE(UTF8),
                                     .separator = WR_TEXT(", ")}};
    const wr_sort_key    keys[] = {{.column = 0}, {.column = rows->joins_texts ? 2 : 1}};
    const wr_plan_ordered plan = {.types = types, .column_count = 3, .key_count = 1,
                                  .sort_keys = keys, .sort_key_count = 2,
                                  .by_value = !rows->joins_texts,
                                  .aggs = rows->joins_texts ? texts : numbers,
                                  .agg_count = rows->joins_texts ? 1 : 2,
                                  .filter = WR_FIELD_NONE, .position = 2};
    const kit_rows   input = {rows->row_count, types, 3, fill_row, rows};
    kit              k;
    wr_node         *source, *reader;

    kit_open_case(&k, plenty ? 4000 : 900, workers, stress);
    source = kit_source(&k, &KIT_ROWS, &input);
    reader = kit_block(&k, source, source, &WR_ORDERED, &WR_ORDERED_READ, &plan);
    memset(results, 0, sizeof results);
    result_count = 0;
    kit_run_into(&k, reader, &RESULTS, rows, plenty);
    assert_int_equal(result_count, expect(rows));
    for (uint32_t key = 0; key < rows->key_count; key++) {
        assert_int_equal(results[key].is_null, expected[key].is_null);
        assert_int_equal(results[key].position, expected[key].position);
        assert_int_equal(results[key].mode, expected[key].mode);
        assert_true(results[key].median == expected[key].median);
        if (!rows->joins_texts)
            continue;
        assert_int_equal(results[key].text_bytes, expected[key].text_bytes);
        assert_int_equal(results[key].text_sum, expected[key].text_sum);
    }
    kit_close(&k);
}

static void test_few_large_groups(void **state)
{
    rows_plan rows = {.row_count = ROWS_MAX, .key_count = 9};

    (void)state;
    for (uint32_t texts = 0; texts < 2; texts++) {
        rows.joins_texts = texts;
        run_case(&rows, 1, false, NULL);
        run_case(&rows, 3, false, "spill");
        run_case(&rows, 2, true, NULL);
    }
}

static void test_many_small_groups(void **state)
{
    rows_plan rows = {.row_count = 12000, .key_count = 2500};

    (void)state;
    for (uint32_t texts = 0; texts < 2; texts++) {
        rows.joins_texts = texts;
        run_case(&rows, 1, true, NULL);
        run_case(&rows, 2, false, "min,spill");
    }
}

static void test_no_rows(void **state)
{
    rows_plan rows = {.row_count = 0, .key_count = 9};

    (void)state;
    run_case(&rows, 2, false, NULL);
}

/* ---- All texts as they come --------------------------------------------------------------------------- */

static group_result joined;

static wr_status joined_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                             wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)exec, (void)err;
    *out_flow = WR_FLOW_MORE;
    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t row = wr_selection_row(&in->selection, i);

        assert_false(joined.seen);
        joined.seen = true;
        joined.is_null = !wr_vector_is_valid(&in->columns[0], row);
        if (!joined.is_null)
            digest(wr_vector_at(&in->columns[0], row), &joined);
    }
    return WR_OK;
}

static const wr_sink_ops JOINED = {.name = "joined", .push = joined_push};

static void join_all(uint32_t row_count, uint32_t workers, bool plenty)
{
    const rows_plan       rows = {.row_count = row_count, .key_count = 1, .joins_texts = true};
    const wr_type         type = WR_TYPE(UTF8);
    const wr_ordered_agg  agg = {.kind = WR_AGG_STRING_AGG, .result_type = WR_TYPE(UTF8),
                                 .separator = WR_TEXT(", ")};
    const wr_plan_ordered plan = {.types = &type, .column_count = 1, .aggs = &agg, .agg_count = 1,
                                  .position = WR_FIELD_NONE};
    const kit_rows        input = {row_count, &type, 1, fill_value, NULL};
    kit                   k;
    wr_node              *source, *reader;

    kit_open_case(&k, plenty ? 4000 : 300, workers, NULL);
    source = kit_source(&k, &KIT_ROWS, &input);
    reader = kit_block(&k, source, source, &WR_TEXTS, &WR_TEXTS_READ, &plan);
    memset(&joined, 0, sizeof joined);
    kit_run_into(&k, reader, &JOINED, NULL, plenty);
    expect(&rows);
    assert_true(joined.seen);
    assert_int_equal(joined.is_null, expected[0].is_null || row_count == 0);
    assert_int_equal(joined.text_bytes, expected[0].text_bytes);
    assert_int_equal(joined.text_sum, expected[0].text_sum);
    kit_close(&k);
}

static void test_as_they_come(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 4; workers++) {
        join_all(ROWS_MAX, workers, false);
        join_all(ROWS_MAX, workers, true);
        join_all(1, workers, false);
        join_all(2, workers, false);
        join_all(0, workers, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_large_groups),
        cmocka_unit_test(test_many_small_groups),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_as_they_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
