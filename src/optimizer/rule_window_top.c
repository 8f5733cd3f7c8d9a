/* optimizer/rule_window_top.c — a filter that lets pass only the first rows of each partition tells the
 * window which rows it need not keep.
 *
 * The filter (or one of its conjuncts) says that row_number, rank or dense_rank is at most k: n <= k,
 * n < k, n = k, or the same turned around. The filter stays, for the window may keep more; but its sort drops
 * what cannot be among the first (exec/sort_top.h). That needs every function of the window to be
 * of the same window and blind for the rows behind: numbers, ranks, lag, and frames that end with the current row or before.
 * row_number cuts through peers, so beside it frames must end by ROWS. */
#include "base/text.h"
#include "expr/function.h"
#include "expr/operators.h"
#include "optimizer/optimizer_priv.h"

static bool counts_rows(wr_window_kind kind)
{
    return kind == WR_WINDOW_ROW_NUMBER || kind == WR_WINDOW_RANK || kind == WR_WINDOW_DENSE_RANK;
}

/* Does what the function gives for a row that is kept depend on kept rows only? */
static bool looks_back(const wr_plan_function *function, wr_window_kind top_kind)
{
    wr_frame_bound end = function->frame.end;

    if (counts_rows(function->kind))
        return true;
    if (function->kind == WR_WINDOW_LAG)
        return function->offset >= 0;
    if (function->kind < WR_WINDOW_FIRST_VALUE)
        return false;
    if (end.units == WR_FRAME_GROUPS)
        return end.offset < 0 || (end.offset == 0 && top_kind != WR_WINDOW_ROW_NUMBER);
    return end.units == WR_FRAME_ROWS && end.offset <= 0;
}

/* `expr` is column <= *out_max, in one way or another. */
static bool is_bound(const wr_expr *expr, uint32_t *out_column, int64_t *out_max)
{
    static const struct {
        const char *name, *turned;
        int64_t     less;
    } FORMS[] = {{WR_OPERATOR_LE, WR_OPERATOR_GE, 0},
                 {WR_OPERATOR_LT, WR_OPERATOR_GT, 1},
                 {WR_OPERATOR_EQ, WR_OPERATOR_EQ, 0}};

    if (expr->kind != WR_EXPR_CALL || expr->arg_count != 2)
        return false;
    for (size_t f = 0; f < sizeof FORMS / sizeof FORMS[0]; f++)
        for (uint32_t turned = 0; turned < 2; turned++) {
            const wr_expr *column = expr->args[turned], *value = expr->args[1 - turned];

            if (strcmp(expr->function->name, turned ? FORMS[f].turned : FORMS[f].name) != 0 ||
                column->kind != WR_EXPR_COLUMN || value->kind != WR_EXPR_CONST ||
                value->value.is_null || value->type.logical != WR_TYPE_I64)
                continue;
            *out_column = column->column;
            *out_max = value->value.i64 - (value->value.i64 > 0 ? FORMS[f].less : 0);
            return true;
        }
    return false;
}

static void note_bound(wr_plan_node *window, const wr_expr *conjunct)
{
    const wr_plan_function *functions = window->window.functions;
    uint32_t                first = window->inputs[0]->schema.field_count, column;
    int64_t                 max;
    wr_window_kind          kind;

    if (!is_bound(conjunct, &column, &max) || column < first || max < 1)
        return;
    kind = functions[column - first].kind;
    if (!counts_rows(kind) || (window->window.top_max && window->window.top_max <= (uint64_t)max))
        return;
    for (uint32_t f = 0; f < window->window.function_count; f++)
        if (!looks_back(&functions[f], kind) ||
            functions[f].partition_count != functions[column - first].partition_count ||
            functions[f].key_count != functions[column - first].key_count)
            return;
    window->window.top_kind = kind;
    window->window.top_max = (uint64_t)max;
}

wr_status wr_rule_window_top(wr_plan *plan, wr_error *err)
{
    (void)err;
    for (uint32_t n = 0; n < plan->node_count; n++) {
        wr_plan_node  *filter = plan->nodes[n];
        wr_plan_node  *window = filter->kind == WR_PLAN_FILTER ? filter->inputs[0] : NULL;
        const wr_expr *predicate;

        if (!window || window->kind != WR_PLAN_WINDOW || wr_plan_reader_count(plan, window) != 1)
            continue;
        predicate = filter->filter.predicate;
        if (predicate->kind != WR_EXPR_AND)
            note_bound(window, predicate);
        for (uint32_t i = 0; predicate->kind == WR_EXPR_AND && i < predicate->arg_count; i++)
            note_bound(window, predicate->args[i]);
    }
    return WR_OK;
}
