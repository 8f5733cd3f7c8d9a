/* exec/join_fixture.h — what tests of joins share: inputs of rows with keys, all join types by a nested
 * loop, a sink that sums up what came out, memory settings, and a suite that every join passes. */
#ifndef WR_EXEC_JOIN_FIXTURE_H
#define WR_EXEC_JOIN_FIXTURE_H

#include "exec/testkit.h"

#include <stdio.h>

#include "base/hash.h"
#include "expr/operators.h"

enum { COLUMNS = 3, NONE = -1 };

/* Rows: key (Int64 or text, some NULL), id, payload text; morsels of 500 rows. */
typedef struct rows_plan {
    uint32_t row_count, key_count;
    uint32_t heavy_percent; /* rows whose key is 1              */
    uint64_t salt;
    bool     by_text;
} rows_plan;

typedef struct rows_shared {
    _Atomic uint64_t next;
} rows_shared;

typedef struct rows_local {
    int64_t   keys[WR_BATCH_ROWS_MAX], ids[WR_BATCH_ROWS_MAX];
    wr_str    texts[WR_BATCH_ROWS_MAX];
    char      bytes[WR_BATCH_ROWS_MAX][48];
    uint64_t  valid[WR_BATCH_ROWS_MAX / 64];
    wr_vector columns[COLUMNS];
} rows_local;

static int64_t key_of(const rows_plan *plan, uint64_t row)
{
    uint64_t drawn = wr_hash_u64(row + plan->salt);

    if (drawn % 100 < plan->heavy_percent)
        return 1;
    return (int64_t)(drawn / 100 % plan->key_count);
}

static bool is_null(const rows_plan *plan, uint64_t row)
{
    return wr_hash_u64(row * 3 + plan->salt) % 29 == 0;
}

static wr_status rows_pull(wr_node *node, void *local_p, wr_batch *out, wr_flow *out_flow,
                           wr_exec *exec, wr_error *err)
{
    const rows_plan *plan = node->plan;
    rows_shared     *shared = node->shared;
    rows_local      *local = local_p;
    uint64_t         morsel = atomic_fetch_add(&shared->next, 1), first = morsel * 500;
    uint32_t         count;

    (void)exec, (void)err;
    if (first >= plan->row_count) {
        *out_flow = WR_FLOW_DONE;
        return WR_OK;
    }
    count = plan->row_count - first < 500 ? (uint32_t)(plan->row_count - first) : 500;
    memset(local->valid, 0xff, sizeof local->valid);
    for (uint32_t i = 0; i < count; i++) {
        local->keys[i] = key_of(plan, first + i);
        local->ids[i] = (int64_t)(first + i);
        if (is_null(plan, first + i))
            wr_bit_clear(local->valid, i);
        local->texts[i] = wr_str_of(local->bytes[i],
                                    (size_t)snprintf(local->bytes[i], 48, "a text that is key %lld",
                                                     (long long)local->keys[i]));
    }
    local->columns[0] = (wr_vector){.type = WR_TYPE(I64), .row_count = count, .data = local->keys,
                                    .valid = local->valid};
    if (plan->by_text)
        local->columns[0] = (wr_vector){.type = WR_TYPE(UTF8), .row_count = count,
                                        .data = local->texts, .valid = local->valid};
    local->columns[1] = (wr_vector){.type = WR_TYPE(I64), .row_count = count, .data = local->ids};
    local->columns[2] = (wr_vector){.type = WR_TYPE(UTF8), .row_count = count,
                                    .data = local->texts};
    *out = (wr_batch){.row_count = count, .column_count = COLUMNS, .columns = local->columns,
                      .morsel = morsel, .morsel_end = true};
    wr_batch_select_all(out);
    *out_flow = WR_FLOW_MORE;
    return WR_OK;
}

static const wr_source_ops ROWS = {
    .name = "rows", .shared_bytes = sizeof(rows_shared), .local_bytes = sizeof(rows_local),
    .pull = rows_pull,
};

/* ---- What comes out: rows counted, and a sum over them that does not depend on their order. ------- */

typedef struct outcome {
    uint64_t row_count, sum;
} outcome;

static outcome  found;
static wr_mutex found_mutex;

static uint64_t row_hash(int64_t left, int64_t right)
{
    return wr_hash_combine(wr_hash_u64((uint64_t)left), wr_hash_u64((uint64_t)right));
}

static int64_t id_at(const wr_batch *in, uint32_t column, uint32_t row)
{
    if (!wr_vector_is_valid(&in->columns[column], row))
        return NONE;
    return wr_vector_value(&in->columns[column], row).i64;
}

/* Output: left id, left text, then right id, right text (if the join has them). */
static wr_status found_push(wr_node *node, void *local, const wr_batch *in, wr_flow *out_flow,
                            wr_exec *exec, wr_error *err)
{
    (void)node, (void)local, (void)exec, (void)err;
    *out_flow = WR_FLOW_MORE;
    wr_mutex_lock(&found_mutex);
    for (uint32_t i = 0; i < wr_batch_rows(in); i++) {
        uint32_t row = wr_selection_row(&in->selection, i);
        int64_t  left = id_at(in, 0, row), right = in->column_count > 2 ? id_at(in, 2, row) : NONE;

        assert_int_equal(wr_vector_is_valid(&in->columns[1], row), left != NONE);
        found.row_count++;
        found.sum += row_hash(left, right);
    }
    wr_mutex_unlock(&found_mutex);
    return WR_OK;
}

static const wr_sink_ops FOUND = {.name = "found", .push = found_push};

/* ---- The nested loop ------------------------------------------------------------------------------ */

static void expect_row(outcome *out, int64_t left, int64_t right)
{
    out->row_count++;
    out->sum += row_hash(left, right);
}

/* The residual condition of plans that have one. */
static bool ids_match(int64_t left, int64_t right)
{
    return left <= right;
}

/* Do these rows meet? `shape` says how they are to be joined. */
typedef bool meet_rows(const void *shape, const rows_plan *left, uint64_t l, const rows_plan *right,
                       uint64_t r);

static inline outcome expect(wr_join_type type, const rows_plan *left, const rows_plan *right,
                             meet_rows *meet, const void *shape)
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

/* `plan_p`: a wr_plan_join over the key column. */
static inline bool keys_meet(const void *plan_p, const rows_plan *left, uint64_t l,
                             const rows_plan *right, uint64_t r)
{
    const wr_plan_join *plan = plan_p;

    if (plan->residual && !ids_match((int64_t)l, (int64_t)r))
        return false;
    if (plan->key_count == 0)
        return true;
    if (is_null(left, l) || is_null(right, r))
        return plan->null_safe && is_null(left, l) && is_null(right, r);
    return key_of(left, l) == key_of(right, r);
}

/* By the key column or the id (0, 1); texts are "... key %lld". */
static inline int order_of(const rows_plan *left, uint64_t l, uint32_t left_column,
                           const rows_plan *right, uint64_t r, uint32_t right_column)
{
    int64_t a = left_column == 0 ? key_of(left, l) : (int64_t)l;
    int64_t b = right_column == 0 ? key_of(right, r) : (int64_t)r;
    char    texts[2][48];

    if (left_column != 0 || !left->by_text)
        return (a > b) - (a < b);
    snprintf(texts[0], sizeof texts[0], "%lld", (long long)a);
    snprintf(texts[1], sizeof texts[1], "%lld", (long long)b);
    return strcmp(texts[0], texts[1]);
}

/* ---- Running -------------------------------------------------------------------------------------- */

typedef struct setting {
    uint32_t    workers;
    bool        plenty; /* else exactly lease_min */
    const char *stress, *fault;
} setting;

static const setting LEAST = {.workers = 1}, LEAST_TWO = {.workers = 2},
                     PLENTY = {.workers = 2, .plenty = true};

static inline void column_types(const rows_plan *plan, wr_type types[COLUMNS])
{
    types[0] = plan->by_text ? WR_TYPE(UTF8) : WR_TYPE(I64);
    types[1] = WR_TYPE(I64);
    types[2] = WR_TYPE(UTF8);
}

static inline void open_kit(kit *k, const setting *how)
{
    kit_open(k, how->plenty ? 3000 : 900);
    k->exec.worker_count = how->workers;
    assert_int_equal(wr_fault_configure(how->fault, how->stress, NULL), WR_OK);
    kit_open_spill(k, 4 * KIT_PAGE, how->workers);
    found = (outcome){0};
}

/* left.id <= right.id */
static inline const wr_program *compile_residual(wr_bump *bump, const wr_type *types)
{
    wr_field          fields[2 * COLUMNS] = {0};
    wr_schema         schema = {.fields = fields, .field_count = 2 * COLUMNS};
    wr_expr          *args[2], *expr;
    const wr_program *program;

    for (uint32_t i = 0; i < 2 * COLUMNS; i++)
        fields[i] = (wr_field){.name = WR_TEXT(""), .type = types[i % COLUMNS], .nullable = true};
    args[0] = wr_expr_column(bump, 1, WR_TYPE(I64), true, NULL);
    args[1] = wr_expr_column(bump, COLUMNS + 1, WR_TYPE(I64), true, NULL);
    assert_int_equal(wr_expr_call(bump, WR_TEXT(WR_OPERATOR_LE), args, 2, &expr, NULL), WR_OK);
    assert_int_equal(wr_program_compile(&expr, 1, &schema, bump, &program, NULL), WR_OK);
    return program;
}

/* Two sorts, and the step that joins them. */
static inline wr_status run_sorted(kit *k, const wr_source_ops *ops, const void *plan,
                                   const wr_plan_sort *const plans[2],
                                   const rows_plan *const inputs[2], const wr_sink_ops *sink,
                                   const setting *how)
{
    wr_node *sorts[2], *join;

    for (int s = 0; s < 2; s++) {
        wr_node *rows = kit_source(k, &ROWS, inputs[s]);

        sorts[s] = kit_sink(k, &WR_SORT, plans[s], rows);
        kit_step(k, rows, how->workers, false);
    }
    join = kit_source(k, ops, plan);
    join->reads[0] = sorts[0];
    join->reads[1] = sorts[1];
    kit_sink(k, sink, NULL, join);
    kit_step(k, join, how->workers, false);
    if (how->plenty)
        kit_want_everything(k);
    return kit_run(k);
}

/* ---- A suite that every join passes --------------------------------------------------------------- */

/* A join, in shapes 0 .. shape_count; those from text_shape_count on are not for texts. */
typedef struct join_kind {
    uint32_t  shape_count, text_shape_count;
    uint32_t  row_count;       /* where most keys differ                      */
    uint32_t  heavy_row_count; /* where few do                                */
    uint32_t  fault_shape;
    wr_status (*run)(uint32_t shape, const rows_plan *left, const rows_plan *right,
                     const setting *how);
    outcome (*expect)(uint32_t shape, const rows_plan *left, const rows_plan *right);
} join_kind;

static inline void check_shape(const join_kind *kind, uint32_t shape, const rows_plan *left,
                               const rows_plan *right, const setting *how)
{
    outcome wanted = kind->expect(shape, left, right);

    assert_int_equal(kind->run(shape, left, right, how), WR_OK);
    assert_int_equal(found.row_count, wanted.row_count);
    assert_int_equal(found.sum, wanted.sum);
}

static inline void check_shapes(const join_kind *kind, const rows_plan *left,
                                const rows_plan *right, const setting *how)
{
    uint32_t count = left->by_text ? kind->text_shape_count : kind->shape_count;

    for (uint32_t shape = 0; shape < count; shape++)
        check_shape(kind, shape, left, right, how);
}

static inline void all_shapes_at_plenty_and_at_least_memory(void **state)
{
    const join_kind *kind = *state;
    uint32_t  rows = kind->row_count;
    rows_plan left = {.row_count = rows, .key_count = rows / 2, .salt = 1};
    rows_plan right = {.row_count = rows / 6 * 5, .key_count = rows / 3 * 2, .salt = 77777};

    check_shapes(kind, &left, &right, &PLENTY);
    check_shapes(kind, &right, &left, &LEAST);
    check_shapes(kind, &left, &right, &LEAST_TWO);
    left.by_text = right.by_text = true;
    check_shapes(kind, &right, &left, &PLENTY);
    check_shapes(kind, &left, &right, &LEAST_TWO);
}

static inline void few_keys_and_empty_sides(void **state)
{
    const join_kind *kind = *state;
    uint32_t  rows = kind->heavy_row_count;
    rows_plan many = {.row_count = rows, .key_count = 1u << 31, .salt = 1};
    rows_plan heavy = {.row_count = rows / 4 * 3, .key_count = 3, .heavy_percent = 80, .salt = 2};
    rows_plan none = {.key_count = 1};

    check_shapes(kind, &many, &heavy, &LEAST_TWO);
    check_shapes(kind, &heavy, &heavy, &PLENTY);
    check_shapes(kind, &many, &none, &PLENTY);
    check_shapes(kind, &none, &heavy, &LEAST);
    check_shapes(kind, &none, &none, &LEAST);
}

static inline void stress_modes_change_no_row(void **state)
{
    static const char *const STRESS[] = {"spill", "min", "hash", "hash,spill,min,batch=3",
                                         "blocked"};
    const join_kind *kind = *state;
    rows_plan left = {.row_count = kind->heavy_row_count, .key_count = 60, .salt = 3};
    rows_plan right = {.row_count = kind->heavy_row_count / 5 * 4, .key_count = 70, .salt = 4};

    for (size_t i = 0; i < sizeof STRESS / sizeof STRESS[0]; i++) {
        setting how = {.workers = 2, .plenty = true, .stress = STRESS[i]};

        check_shapes(kind, &left, &right, &how);
    }
}

/* The n-th write, read or grant fails: an error that leaves nothing behind, or the right rows. */
static inline void faults_leave_nothing_behind(void **state)
{
    static const char *const POINTS[] = {"write", "read", "grant"};
    const join_kind *kind = *state;
    rows_plan left = {.row_count = kind->row_count, .key_count = 400, .salt = 3};
    rows_plan right = {.row_count = kind->row_count / 5 * 4, .key_count = 400, .heavy_percent = 5,
                       .salt = 4};
    outcome   wanted = kind->expect(kind->fault_shape, &left, &right);

    for (size_t p = 0; p < sizeof POINTS / sizeof POINTS[0]; p++)
        for (int n = 1; n < 60; n += 4) {
            char    fault[32];
            setting how = {.workers = 2, .stress = "spill", .fault = fault};

            snprintf(fault, sizeof fault, "%s:%d", POINTS[p], n);
            if (kind->run(kind->fault_shape, &left, &right, &how) == WR_OK)
                assert_int_equal(found.sum, wanted.sum);
            else
                assert_string_not_equal(POINTS[p], "grant");
        }
}

/* The suite's rows in a list of tests. */
#define JOIN_SUITE(kind)                                                                   \
    cmocka_unit_test_prestate(all_shapes_at_plenty_and_at_least_memory, (void *)(kind)),   \
        cmocka_unit_test_prestate(few_keys_and_empty_sides, (void *)(kind)),               \
        cmocka_unit_test_prestate(stress_modes_change_no_row, (void *)(kind)),             \
        cmocka_unit_test_prestate(faults_leave_nothing_behind, (void *)(kind))

#endif
