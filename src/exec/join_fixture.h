/* exec/join_fixture.h — what tests of joins share: inputs of rows with keys, all join types by a nested
 * loop, a sink that sums up what came out, and memory settings. */
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

static bool keys_match(const rows_plan *left, uint64_t l, const rows_plan *right, uint64_t r,
                       const wr_plan_join *plan)
{
    if (plan->key_count == 0)
        return true;
    if (is_null(left, l) || is_null(right, r))
        return plan->null_safe && is_null(left, l) && is_null(right, r);
    return key_of(left, l) == key_of(right, r);
}

static inline outcome expect(const rows_plan *left, const rows_plan *right, const wr_plan_join *plan)
{
    bool     *right_matched = calloc(right->row_count + 1, 1);
    outcome   out = {0};
    wr_join_type type = plan->type;

    assert_non_null(right_matched);
    for (uint64_t l = 0; l < left->row_count; l++) {
        bool matched = false;

        for (uint64_t r = 0; r < right->row_count; r++) {
            if (!keys_match(left, l, right, r, plan) ||
                (plan->residual && !ids_match((int64_t)l, (int64_t)r)))
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

/* ---- Running -------------------------------------------------------------------------------------- */

typedef struct setting {
    uint32_t    workers;
    bool        plenty; /* else exactly lease_min */
    const char *stress, *fault;
} setting;

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

#endif
