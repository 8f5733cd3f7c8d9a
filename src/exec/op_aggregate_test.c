/* exec/op_aggregate_test.c — groups of random rows against a naive count, at least memory and at
 * plenty, with one worker and with several, resident, spilled and with all hashes equal; and once more
 * out of the states that the first aggregate gives. */
#include "exec/testkit.h"

#include <math.h>
#include <stdio.h>

#include "types/fsum.h"

enum { INPUT_COLUMNS = 4, KEYS_MAX = 60000 };

/* Rows: key (null for key 7), value, text of the key, position. */
typedef struct rows_plan {
    uint32_t row_count, key_count;
    bool     by_text;
} rows_plan;

static uint64_t mix(uint64_t x)
{
    x *= 0x9e3779b97f4a7c15ull;
    return x ^ x >> 29;
}

static int64_t key_of(const rows_plan *plan, uint64_t row)
{
    return (int64_t)(mix(row + 1) % plan->key_count);
}

static double value_of(uint64_t row)
{
    return (double)(int64_t)mix(row * 31 + 5) * ldexp(1.0, (int)(row % 90) - 45);
}

static void fill_row(const void *plan_p, uint64_t row, kit_cell *cells)
{
    const rows_plan *plan = plan_p;
    int64_t          key = key_of(plan, row);

    cells[0].i64 = key;
    cells[0].is_null = key == 7;
    cells[1].f64 = value_of(row);
    snprintf(cells[2].text, KIT_TEXT_BYTES, "the text of key %lld", (long long)key);
    memcpy(cells[0].text, cells[2].text, KIT_TEXT_BYTES);
    cells[3].u64 = row;
}

/* One result row per group, indexed by key. */
typedef struct group_result {
    bool     seen, key_null;
    uint64_t count, position;
    double   sum, least, greatest;
    char     first[40], last_text[40];
} group_result;

static group_result results[KEYS_MAX];
static wr_mutex     results_mutex;
static uint32_t     result_count;

/* Text results may be blobs. */
static void copy_text(const wr_vector *column, uint32_t row, char out[40])
{
    const wr_str *str = wr_vector_at(column, row);
    size_t        got = str->byte_count;

    assert_true(str->byte_count < 40);
    if (wr_str_is_blob(str))
        assert_int_equal(wr_str_blob(str)->read(wr_str_blob(str), 0, out, 40, &got, NULL), WR_OK);
    else
        memcpy(out, wr_str_bytes(str), str->byte_count);
    out[got] = '\0';
}

static wr_status results_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                              wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)exec, (void)err;
    *out_flow = WR_FLOW_MORE;
    wr_mutex_lock(&results_mutex);
    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t     row = wr_selection_row(&in->selection, i);
        char         text[40] = {0};
        long long    key;
        group_result result = {.seen = true, .key_null = !wr_vector_is_valid(&in->columns[0], row)};

        copy_text(&in->columns[5], row, result.first);
        copy_text(&in->columns[6], row, result.last_text);
        memcpy(text, result.first, sizeof text);
        assert_int_equal(sscanf(text, "the text of key %lld", &key), 1);
        result.count = wr_vector_value(&in->columns[1], row).u64;
        result.sum = wr_vector_value(&in->columns[2], row).f64;
        result.least = wr_vector_value(&in->columns[3], row).f64;
        result.greatest = wr_vector_value(&in->columns[4], row).f64;
        result.position = wr_vector_value(&in->columns[7], row).u64;
        assert_false(results[key].seen);
        results[key] = result;
        result_count++;
    }
    wr_mutex_unlock(&results_mutex);
    return WR_OK;
}

static const wr_sink_ops RESULTS = {.name = "results", .push = results_push};

static group_result expected[KEYS_MAX];
static wr_fsum      sums[KEYS_MAX];

static uint32_t expect(const rows_plan *plan)
{
    uint32_t count = 0;

    memset(expected, 0, sizeof expected);
    memset(sums, 0, sizeof sums);
    for (uint64_t row = 0; row < plan->row_count; row++) {
        group_result *e = &expected[key_of(plan, row)];
        double        x = value_of(row);

        if (!e->seen) {
            *e = (group_result){.seen = true, .least = x, .greatest = x, .position = row};
            count++;
        }
        e->count++;
        e->least = x < e->least ? x : e->least;
        e->greatest = x > e->greatest ? x : e->greatest;
        wr_fsum_add(&sums[key_of(plan, row)], x);
    }
    return count;
}

/* Behind `reader`: an aggregate by the same key that merges the states it gives. Its reader. */
static wr_node *add_merging(kit *k, wr_node *reader, const wr_plan_aggregate *plan)
{
    static const wr_expand_copy copy = {0, 0};
    static const wr_expand_key  key = {0, 0};
    static const uint32_t       states[] = {8}; /* behind key, results and position */
    static const wr_plan_expand expand = {.copies = &copy, .copy_count = 1, .keys = &key,
                                          .key_count = 1, .others = states, .other_count = 1,
                                          .set_column = WR_FIELD_NONE};
    wr_node *transform = kit_transform(k, &WR_EXPAND, &expand, reader);

    return kit_block(k, reader, transform, &WR_AGGREGATE, &WR_AGGREGATE_READ, plan);
}

static void run_once(const rows_plan *rows, uint32_t workers, bool plenty, bool merging,
                     const char *stress)
{
    const wr_agg aggs[] = {
        {.kind = WR_AGG_COUNT_STAR, .argument = WR_FIELD_NONE, .order = WR_FIELD_NONE,
         .filter = WR_FIELD_NONE, .result_type = WR_TYPE(I64)},
        {.kind = WR_AGG_SUM, .argument = 1, .order = WR_FIELD_NONE, .filter = WR_FIELD_NONE,
         .argument_type = WR_TYPE(F64), .result_type = WR_TYPE(F64)},
        {.kind = WR_AGG_MIN, .argument = 1, .order = WR_FIELD_NONE, .filter = WR_FIELD_NONE,
         .argument_type = WR_TYPE(F64), .result_type = WR_TYPE(F64)},
        {.kind = WR_AGG_MAX, .argument = 1, .order = WR_FIELD_NONE, .filter = WR_FIELD_NONE,
         .argument_type = WR_TYPE(F64), .result_type = WR_TYPE(F64)},
        {.kind = WR_AGG_FIRST, .argument = 2, .order = WR_FIELD_NONE, .filter = WR_FIELD_NONE,
         .argument_type = WR_TYPE(UTF8), .result_type = WR_TYPE(UTF8)},
        {.kind = WR_AGG_MAX, .argument = 2, .order = WR_FIELD_NONE, .filter = WR_FIELD_NONE,
         .argument_type = WR_TYPE(UTF8), .result_type = WR_TYPE(UTF8)},
    };
    const wr_type types[] = {rows->by_text ? WR_TYPE(UTF8) : WR_TYPE(I64), WR_TYPE(F64),
                             WR_TYPE(UTF8), WR_TYPE(U64)};
    const wr_plan_aggregate plan = {.types = types, .column_count = INPUT_COLUMNS, .key_count = 1,
                                    .aggs = aggs, .agg_count = 6, .position = 3,
                                    .gives_states = merging};
    const wr_type           merged_types[] = {types[0], WR_TYPE(U64)};
    const kit_rows          input = {rows->row_count, types, INPUT_COLUMNS, fill_row, rows};
    wr_plan_aggregate       merged = plan;
    kit                     k;
    wr_node                *source, *reader;
    uint32_t                count;

    kit_open_case(&k, plenty ? 4000 : 900, workers, stress);
    source = kit_source(&k, &KIT_ROWS, &input);
    reader = kit_block(&k, source, source, &WR_AGGREGATE, &WR_AGGREGATE_READ, &plan);
    merged.types = merged_types;
    merged.column_count = 2;
    merged.takes_states = true;
    merged.gives_states = false;
    if (merging)
        reader = add_merging(&k, reader, &merged);
    memset(results, 0, sizeof results);
    result_count = 0;
    kit_run_into(&k, reader, &RESULTS, NULL, plenty);
    count = expect(rows);
    assert_int_equal(result_count, count);
    for (uint32_t key = 0; key < rows->key_count; key++) {
        assert_int_equal(results[key].count, expected[key].count);
        if (!expected[key].seen)
            continue;
        assert_true(results[key].sum == wr_fsum_result(&sums[key]));
        assert_true(results[key].least == expected[key].least);
        assert_true(results[key].greatest == expected[key].greatest);
        assert_int_equal(results[key].position, expected[key].position);
        assert_int_equal(results[key].key_null, key == 7);
        assert_string_equal(results[key].first, results[key].last_text);
    }
    kit_close(&k);
}

/* Grouped once, and grouped again out of the states. */
static void run_case(const rows_plan *rows, uint32_t workers, bool plenty, const char *stress)
{
    run_once(rows, workers, plenty, false, stress);
    run_once(rows, workers, plenty, true, stress);
}

static void test_few_groups(void **state)
{
    rows_plan rows = {.row_count = 20000, .key_count = 10};

    (void)state;
    for (uint32_t workers = 1; workers <= 4; workers *= 4) {
        run_case(&rows, workers, false, NULL);
        run_case(&rows, workers, true, NULL);
    }
}

static void test_many_groups_spill_at_least_memory(void **state)
{
    rows_plan rows = {.row_count = 150000, .key_count = 50000};

    (void)state;
    run_case(&rows, 1, false, NULL);
    run_case(&rows, 2, false, NULL);
    run_case(&rows, 2, true, NULL);
    rows.by_text = true;
    run_case(&rows, 2, false, NULL);
    run_case(&rows, 2, true, NULL);
}

static void test_stress_modes(void **state)
{
    rows_plan rows = {.row_count = 12000, .key_count = 3000};

    (void)state;
    run_case(&rows, 2, true, "spill");
    run_case(&rows, 2, true, "min");
    rows.key_count = 300;
    run_case(&rows, 2, false, "hash");
    run_case(&rows, 2, true, "hash,spill");
}

static void test_empty_input(void **state)
{
    rows_plan rows = {.row_count = 0, .key_count = 10};

    (void)state;
    run_case(&rows, 2, false, NULL);
}

/* ---- A failure behind the reader --------------------------------------------------------------------- */

static _Atomic bool has_failed;

/* The first batch fails, late enough for other workers to be through and wait for this one. */
static wr_status failing_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                              wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)in, (void)exec;
    *out_flow = WR_FLOW_MORE;
    if (wr_batch_rows(in) == 0 || atomic_exchange(&has_failed, true))
        return WR_OK;
    kit_nap_us(200000);
    return WR_RAISE(err, WR_DATA, "no more");
}

static const wr_sink_ops FAILING = {.name = "failing", .push = failing_push};

static void test_waiting_workers_hear_of_a_failure(void **state)
{
    const rows_plan         rows = {.row_count = 30000, .key_count = 20000};
    const wr_type           types[] = {WR_TYPE(I64), WR_TYPE(F64), WR_TYPE(UTF8), WR_TYPE(U64)};
    const wr_agg            agg = {.kind = WR_AGG_COUNT_STAR, .argument = WR_FIELD_NONE,
                                   .order = WR_FIELD_NONE, .filter = WR_FIELD_NONE,
                                   .result_type = WR_TYPE(I64)};
    const wr_plan_aggregate plan = {.types = types, .column_count = INPUT_COLUMNS, .key_count = 1,
                                    .aggs = &agg, .agg_count = 1, .position = WR_FIELD_NONE};
    const kit_rows          input = {rows.row_count, types, INPUT_COLUMNS, fill_row, &rows};
    kit                     k;
    wr_node                *source, *reader;

    (void)state;
    atomic_store(&has_failed, false);
    kit_open_case(&k, 900, 2, NULL);
    source = kit_source(&k, &KIT_ROWS, &input);
    reader = kit_block(&k, source, source, &WR_AGGREGATE, &WR_AGGREGATE_READ, &plan);
    kit_sink(&k, &FAILING, NULL, reader);
    kit_step(&k, reader, 2, false);
    assert_int_equal(kit_run(&k), WR_DATA);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_groups),
        cmocka_unit_test(test_many_groups_spill_at_least_memory),
        cmocka_unit_test(test_stress_modes),
        cmocka_unit_test(test_empty_input),
        cmocka_unit_test(test_waiting_workers_hear_of_a_failure),
    };

    wr_mutex_init(&results_mutex);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
