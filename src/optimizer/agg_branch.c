/* optimizer/agg_branch.c — values of a branch are grouped, counted, ranked or measured (rule_distinct.c).
 *
 * Distinct values are groups of an aggregate by the keys and the value. Counted ones have a count
 * beside them; the most frequent of them are the first rows of a window in order of the counts.
 * Where only values of a share t and more are sure to be wanted, rows are counted by cells first, some
 * bits of the value's hash, and only rows of the most frequent cells go on: a count-min sketch of one
 * row whose cells are groups. Fewer than 1/t cells hold more than a share t, so if that many are kept
 * no such value is lost, and what is kept depends on the values alone.
 * The keys of a map_agg are such groups too, each with its first value: a second one is an error.
 * mad joins each row with the median of its group. */
#include "optimizer/agg_branch_priv.h"
#include "expr/operators.h"

/* Groups by the keys and `more` behind them; afterwards the input is that aggregate, and keys and
 * `out_columns` (those of `more`, then the aggregates) are its columns. */
static wr_status group(wr_agg_branch *io, wr_expr *const *more, uint32_t more_count,
                       wr_plan_agg *aggs, uint32_t agg_count, wr_expr **out_columns, wr_error *err)
{
    bool      has_sets = io->set_count > 0;
    uint32_t  key_count = io->key_count, grouped = key_count + more_count;
    uint32_t  width = grouped + has_sets;
    wr_expr **keys = WR_BUMP_NEW_ARRAY(io->plan->bump, wr_expr *, width + agg_count + 3, err);

    if (!keys)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < more_count; i++)
        io->keys[key_count + i] = more[i];
    WR_TRY(wr_plan_add_grouping_sets(io->plan, io->input, io->keys, grouped, io->sets,
                                     io->set_count, aggs, agg_count, io->names, &io->input, err));
    WR_TRY(wr_plan_columns(io->plan, io->input, width + agg_count, keys, err));
    for (uint32_t i = 0; i < more_count; i++)
        out_columns[i] = keys[key_count + i];
    for (uint32_t i = 0; i < agg_count; i++)
        out_columns[more_count + i] = keys[width + i];
    if (has_sets)
        keys[io->key_count++] = keys[grouped];
    io->keys = keys;
    io->sets = NULL;
    io->set_count = 0;
    return WR_OK;
}

wr_status wr_branch_group_argument(wr_agg_branch *branch, bool counted, wr_error *err)
{
    wr_plan_agg *aggs = WR_BUMP_NEW_ARRAY(branch->plan->bump, wr_plan_agg, 2, err);
    wr_expr     *more[2] = {branch->argument, branch->filter}, *columns[4];
    uint32_t     more_count = 1 + (branch->filter != NULL);
    uint32_t     agg_count = counted + (branch->value != NULL);

    if (!aggs)
        return WR_NO_MEMORY;
    aggs[0] = (wr_plan_agg){.kind = WR_AGG_COUNT_STAR, .type = WR_TYPE(I64)};
    if (branch->value)
        aggs[1] = (wr_plan_agg){.kind = WR_AGG_FIRST, .argument = branch->value,
                                .type = branch->value->type};
    WR_TRY(group(branch, more, more_count, aggs, agg_count, columns, err));
    branch->argument = columns[0];
    if (branch->filter)
        branch->filter = columns[1];
    branch->count = counted ? columns[more_count] : NULL;
    if (branch->value)
        branch->value = columns[more_count + 1];
    return WR_OK;
}

/* ---- Lists of counts ------------------------------------------------------------------------------ */

/* Values in order: by how often they occur, if there are counts to order by, then by themselves. */
static wr_status value_order(const wr_agg_branch *in, bool by_count, wr_plan_key **out_keys,
                             uint32_t *out_count, wr_error *err)
{
    wr_bump     *bump = in->plan->bump;
    wr_plan_key *keys = WR_BUMP_NEW_ARRAY(bump, wr_plan_key, 2, err);
    uint32_t     count = 0;

    if (!keys)
        return WR_NO_MEMORY;
    if (by_count)
        keys[count++] = (wr_plan_key){.expr = in->count, .descending = true};
    WR_TRY(wr_expr_order_key(bump, in->argument, &keys[count++].expr, err));
    *out_keys = keys;
    *out_count = count;
    return WR_OK;
}

/* Rows of each group but the `rows_max` first ones go; those without a value last. */
static wr_status keep_first(wr_agg_branch *io, wr_plan_key *order, uint32_t count,
                            int64_t rows_max, wr_error *err)
{
    wr_plan          *plan = io->plan;
    wr_plan_function *rank = WR_BUMP_NEW(plan->bump, wr_plan_function, err);
    wr_plan_key      *keys = WR_BUMP_NEW_ARRAY(plan->bump, wr_plan_key, count + 1, err);
    wr_value          most = {.type = WR_TYPE(I64), .i64 = rows_max};
    wr_expr          *args[2], *condition;

    if (!rank || !keys)
        return WR_NO_MEMORY;
    *rank = (wr_plan_function){.kind = WR_WINDOW_ROW_NUMBER, .type = WR_TYPE(I64)};
    WR_TRY(wr_expr_call(plan->bump, WR_TEXT(WR_OPERATOR_IS_NULL), &io->argument, 1, &keys[0].expr,
                        err));
    memcpy(keys + 1, order, count * sizeof keys[0]);
    WR_TRY(wr_plan_add_window(plan, io->input, io->keys, io->key_count, keys, count + 1, rank, 1,
                              &io->input, err));
    args[0] = wr_expr_column(plan->bump, io->input->schema.field_count - 1, WR_TYPE(I64), false,
                             err);
    args[1] = wr_expr_const(plan->bump, &most, err);
    if (!args[0] || !args[1])
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_call(plan->bump, WR_TEXT("<="), args, 2, &condition, err));
    return wr_plan_add_filter(plan, io->input, condition, &io->input, err);
}

/* Which entries a list has: those of rows that pass the filter, whose keys are asked to be different; or
 * those with a value. */
static wr_status entry_filter(const wr_agg_branch *in, wr_expr **out_filter, wr_error *err)
{
    wr_expr *args[2] = {in->argument, in->count}, *check;

    if (!in->value)
        return wr_expr_call(in->plan->bump, WR_TEXT(WR_OPERATOR_IS_NOT_NULL), args, 1, out_filter,
                            err);
    WR_TRY(wr_expr_call(in->plan->bump, WR_TEXT(WR_OPERATOR_MAP_KEY), args, 2, &check, err));
    return wr_expr_when(in->plan->bump, in->filter, check, out_filter, err);
}

/* Maps are lists of their entries, a histogram's in order of the keys, map_agg's in that of rows;
 * most_frequent is a list in order of the counts. */
wr_status wr_branch_list_counts(wr_agg_branch *branch, wr_plan_agg *io_agg, wr_error *err)
{
    wr_bump *bump = branch->plan->bump;
    bool     is_map = io_agg->type.logical == WR_TYPE_MAP;
    wr_value names[2] = {{.type = WR_TYPE(UTF8)}, {.type = WR_TYPE(UTF8)}};
    wr_expr *args[4];

    names[0].text = is_map ? WR_TEXT("key") : WR_TEXT("value");
    names[1].text = is_map ? WR_TEXT("value") : WR_TEXT("count");
    io_agg->order_key_count = 0;
    if (!branch->value)
        WR_TRY(value_order(branch, !is_map, &io_agg->order_keys, &io_agg->order_key_count, err));
    if (!is_map)
        WR_TRY(keep_first(branch, io_agg->order_keys, io_agg->order_key_count, io_agg->values_max,
                          err));
    args[0] = wr_expr_const(bump, &names[0], err);
    args[1] = branch->argument;
    args[2] = wr_expr_const(bump, &names[1], err);
    args[3] = branch->value ? branch->value : branch->count;
    if (!args[0] || !args[2])
        return WR_NO_MEMORY;
    io_agg->kind = WR_AGG_LIST;
    io_agg->order = NULL;
    WR_TRY(wr_expr_call(bump, WR_TEXT("named_struct"), args, 4, &io_agg->argument, err));
    return entry_filter(branch, &io_agg->filter, err);
}

/* ---- Rows that are read twice ----------------------------------------------------------------------- */

static wr_expr *number_const(const wr_agg_branch *io, uint64_t number, wr_error *err)
{
    wr_value value = {.type = WR_TYPE(I64), .i64 = (int64_t)number};

    return wr_expr_const(io->plan->bump, &value, err);
}

/* CASE number WHEN 0 THEN the key if the first set has it, else NULL, WHEN 1 ... END; for the key behind
 * the last one the sets themselves. The last of them needs no question. */
static wr_status key_of_set(const wr_agg_branch *io, wr_expr *number, uint32_t key,
                            wr_expr **out_expr, wr_error *err)
{
    wr_bump  *bump = io->plan->bump;
    uint32_t  last = io->set_count - 1;
    wr_expr **parts = WR_BUMP_NEW_ARRAY(bump, wr_expr *, 2 * (uint64_t)last + 1, err);
    wr_value  null_value = {.is_null = true};

    if (!parts)
        return WR_NO_MEMORY;
    if (key < io->key_count)
        null_value.type = io->keys[key]->type;
    for (uint32_t i = 0; i <= last; i++) {
        wr_expr *args[2] = {number, number_const(io, i, err)};
        wr_expr *then = key == io->key_count         ? number_const(io, io->sets[i], err)
                        : io->sets[i] >> key & 1 ? wr_expr_const(bump, &null_value, err)
                                                     : io->keys[key];

        if (!args[1] || !then)
            return WR_NO_MEMORY;
        parts[i < last ? 2 * i + 1 : 2 * i] = then;
        if (i < last)
            WR_TRY(wr_expr_call(bump, WR_TEXT(WR_OPERATOR_EQ), args, 2, &parts[2 * i], err));
    }
    *out_expr = parts[0];
    return last > 0 ? wr_expr_case(bump, parts, 2 * last + 1, out_expr, err) : WR_OK;
}

/* A row comes once for each grouping set, with the keys of that set, then the set. */
static wr_status repeat_for_sets(wr_agg_branch *io, wr_expr **out_keys, wr_error *err)
{
    wr_expr *number = number_const(io, io->set_count, err);

    if (!number)
        return WR_NO_MEMORY;
    WR_TRY(wr_plan_add_repeat(io->plan, io->input, number, WR_TEXT("#set"), &io->input, err));
    number = wr_expr_column(io->plan->bump, io->input->schema.field_count - 1, WR_TYPE(I64), false,
                            err);
    if (!number)
        return WR_NO_MEMORY;
    for (uint32_t k = 0; k <= io->key_count; k++)
        WR_TRY(key_of_set(io, number, k, &out_keys[k], err));
    return WR_OK;
}

/* Keys and argument become columns, so that all who read them read the same. */
static wr_status make_columns(wr_agg_branch *io, wr_error *err)
{
    bool      has_sets = io->set_count > 0;
    uint32_t  width = io->key_count + has_sets;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(io->plan->bump, wr_expr *, width + 1, err);
    wr_expr **keys = WR_BUMP_NEW_ARRAY(io->plan->bump, wr_expr *, width + 3, err);

    if (!exprs || !keys)
        return WR_NO_MEMORY;
    memcpy(exprs, io->keys, io->key_count * sizeof exprs[0]);
    if (has_sets)
        WR_TRY(repeat_for_sets(io, exprs, err));
    exprs[width] = io->argument;
    WR_TRY(wr_plan_add_project(io->plan, io->input, exprs, io->names, width + 1, &io->input, err));
    WR_TRY(wr_plan_columns(io->plan, io->input, width + 1, keys, err));
    io->argument = keys[width];
    io->keys = keys;
    io->key_count = width;
    io->sets = NULL;
    io->set_count = 0;
    return WR_OK;
}

/* ---- Frequent cells ---------------------------------------------------------------------------------- */

/* Which of `cell_count` cells the argument's hash falls into. */
static wr_status cell_of(const wr_agg_branch *in, uint32_t cell_count, wr_expr **out_expr,
                         wr_error *err)
{
    wr_bump *bump = in->plan->bump;
    wr_value cells = {.type = WR_TYPE(U64), .u64 = cell_count};
    wr_expr *argument = in->argument, *args[2] = {NULL, wr_expr_const(bump, &cells, err)};

    if (!args[1])
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_equal_key(bump, argument, &argument, err));
    WR_TRY(wr_expr_call(bump, WR_TEXT("hash"), &argument, 1, &args[0], err));
    WR_TRY(wr_expr_call(bump, WR_TEXT(WR_OPERATOR_MOD), args, 2, out_expr, err));
    return wr_expr_cast(bump, *out_expr, WR_TYPE(U32), false, out_expr, err);
}

/* The most frequent cells of each group: an aggregate by keys and cell, cut by a window. */
static wr_status frequent_cells(const wr_agg_branch *in, wr_expr *cell, int64_t cells_kept,
                                wr_agg_branch *out, wr_error *err)
{
    wr_bump     *bump = in->plan->bump;
    wr_plan_agg *count = WR_BUMP_NEW(bump, wr_plan_agg, err);
    wr_plan_key *order;
    wr_expr     *columns[2];
    uint32_t     order_count;

    *out = *in;
    out->keys = WR_BUMP_NEW_ARRAY(bump, wr_expr *, in->key_count + 3, err);
    if (!count || !out->keys)
        return WR_NO_MEMORY;
    memcpy(out->keys, in->keys, in->key_count * sizeof in->keys[0]);
    *count = (wr_plan_agg){.kind = WR_AGG_COUNT, .argument = in->argument, .type = WR_TYPE(I64)};
    WR_TRY(group(out, &cell, 1, count, 1, columns, err));
    out->argument = columns[0];
    out->count = columns[1];
    WR_TRY(value_order(out, true, &order, &order_count, err));
    return keep_first(out, order, order_count, cells_kept, err);
}

wr_status wr_branch_keep_cells(wr_agg_branch *branch, uint32_t cell_count, uint32_t cells_kept,
                               wr_error *err)
{
    wr_agg_branch cells;
    wr_expr     **keys, *cell;
    uint32_t      count;

    WR_TRY(make_columns(branch, err));
    count = branch->key_count;
    keys = WR_BUMP_NEW_ARRAY(branch->plan->bump, wr_expr *, count + 1, err);
    if (!keys)
        return WR_NO_MEMORY;
    memcpy(keys, branch->keys, count * sizeof keys[0]);
    WR_TRY(cell_of(branch, cell_count, &cell, err));
    WR_TRY(frequent_cells(branch, cell, cells_kept, &cells, err));
    keys[count] = cell;
    cells.keys[count] = cells.argument;
    WR_TRY(wr_plan_add_join(branch->plan, branch->input, cells.input, WR_PLAN_JOIN_SEMI, keys,
                            cells.keys, count + 1, NULL, false, &branch->input, err));
    branch->input->join.null_safe = true;
    return WR_OK;
}

/* ---- Distances from the median ------------------------------------------------------------------- */

/* Each row's group has a median: join it to the row. */
static wr_status join_median(wr_agg_branch *io, wr_expr **out_median, wr_error *err)
{
    wr_plan      *plan = io->plan;
    uint32_t      count = io->key_count, column = io->input->schema.field_count + count;
    wr_plan_agg  *median = WR_BUMP_NEW(plan->bump, wr_plan_agg, err);
    wr_expr     **keys[3]; /* of groups, of both sides */
    wr_plan_node *groups;

    for (uint32_t i = 0; i < 3; i++) {
        keys[i] = WR_BUMP_NEW_ARRAY(plan->bump, wr_expr *, count + 1, err);
        if (!keys[i] || !median)
            return WR_NO_MEMORY;
        memcpy(keys[i], io->keys, count * sizeof keys[i][0]);
    }
    *median = (wr_plan_agg){.kind = WR_AGG_MEDIAN, .argument = io->argument, .fraction = 0.5,
                            .type = WR_TYPE(F64)};
    WR_TRY(wr_plan_add_aggregate(plan, io->input, keys[0], count, median, 1, io->names, &groups,
                                 err));
    WR_TRY(wr_plan_columns(plan, groups, count, keys[2], err));
    WR_TRY(wr_plan_add_join(plan, io->input, groups,
                            count ? WR_PLAN_JOIN_INNER : WR_PLAN_JOIN_CROSS, keys[1], keys[2],
                            count, NULL, false, &io->input, err));
    io->input->join.null_safe = true;
    *out_median = wr_expr_column(plan->bump, column, WR_TYPE(F64), true, err);
    return *out_median ? WR_OK : WR_NO_MEMORY;
}

wr_status wr_branch_measure_from_median(wr_agg_branch *branch, wr_error *err)
{
    wr_bump *bump = branch->plan->bump;
    wr_expr *args[2];

    WR_TRY(make_columns(branch, err));
    WR_TRY(join_median(branch, &args[1], err));
    WR_TRY(wr_expr_cast(bump, branch->argument, WR_TYPE(F64), false, &args[0], err));
    WR_TRY(wr_expr_call(bump, WR_TEXT(WR_OPERATOR_SUB), args, 2, &args[0], err));
    return wr_expr_call(bump, WR_TEXT("abs"), args, 1, &branch->argument, err);
}
