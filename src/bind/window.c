/* bind/window.c — window functions inside expressions of a window step.
 *
 * Arguments, keys and filters are bound over the step's input; a call becomes a column behind the
 * input's columns, and what stands around it is bound over both. Calls without OVER take the step's
 * partitions and order.
 * Invariant: arguments are bound without a window_context, so window functions cannot nest. */
#include "bind/bind_priv.h"

enum { OFFSET_MAX_BITS = 53 };

_Static_assert(WR_EXCLUDE_ROW == (int)WR_EXCLUDES_ROW && WR_EXCLUDE_GROUP == (int)WR_EXCLUDES_GROUP &&
                   WR_EXCLUDE_TIES == (int)WR_EXCLUDES_TIES,
               "parsed and bound exclusions are numbered alike");

/* ---- Frames ---------------------------------------------------------------------------------- */

static wr_status bind_count(const binder *outer, const wr_ast *ast, const char *what, int64_t least,
                            int64_t *out_count, wr_error *err)
{
    binder   b = {.scope = outer->scope, .bump = outer->bump};
    wr_expr *expr;

    WR_TRY(wr_binder_node(&b, ast, &expr, err));
    WR_TRY(wr_expr_fold(expr, b.bump, &expr, err));
    if (expr->kind != WR_EXPR_CONST || expr->value.is_null || !wr_type_is_integer(expr->type))
        return wr_binder_fail(&b, ast, err, "%s must be a whole number, the same for all rows", what);
    if (expr->value.i64 < least || expr->value.i64 > (int64_t)1 << OFFSET_MAX_BITS)
        return wr_binder_fail(&b, ast, err, "%s must be %lld or more, at most 2^%d", what,
                              (long long)least, OFFSET_MAX_BITS);
    *out_count = expr->value.i64;
    return WR_OK;
}

static wr_status fail_at(const binder *b, wr_place place, wr_error *err, const char *message)
{
    (void)WR_RAISE(err, WR_INVALID, "%s", message);
    return wr_source_locate(&b->scope->source, place, WR_INVALID, err);
}

static bool is_negative(const wr_value *value)
{
    wr_value zero = {.type = value->type};

    if (value->type.logical == WR_TYPE_INTERVAL)
        return wr_interval_total_us(value->interval) < 0;
    return wr_type_is_numeric(value->type) && wr_value_compare(value, &zero) < 0;
}

/* The order key less or plus the offset is a column of its own, so a row is in the frame if its key
 * is not beyond the current row's column. */
static wr_status bind_range(const binder *outer, const wr_ast_bound *bound,
                            const wr_window_spec *spec, wr_expr **out_key, wr_expr **out_value,
                            wr_error *err)
{
    binder      b = {.scope = outer->scope, .bump = outer->bump};
    bool        back = bound->kind == WR_BOUND_PRECEDING;
    wr_expr    *args[2], *value;
    wr_type     type;
    const char *name;

    if (spec->order_count != 1)
        return fail_at(&b, bound->place, err, "RANGE with an offset needs one ORDER BY key");
    args[0] = spec->order[0].expr;
    WR_TRY(wr_bind_expr(b.scope, bound->offset, b.bump, &args[1], err));
    if (args[1]->kind != WR_EXPR_CONST || args[1]->value.is_null || is_negative(&args[1]->value))
        return wr_binder_fail(&b, bound->offset, err,
                              "the offset of a frame must be the same for all rows, and not "
                              "negative");
    name = back != spec->order[0].descending ? WR_OPERATOR_SUB : WR_OPERATOR_ADD;
    WR_TRY(wr_binder_operator(&b, bound->offset, name, args, 2, &value, err));
    if (!wr_type_common(args[0]->type, value->type, &type))
        return wr_binder_fail(&b, bound->offset, err,
                              "the offset of a RANGE frame does not fit the ORDER BY key");
    WR_TRY(wr_binder_locate(&b, bound->offset,
                            wr_expr_cast(b.bump, args[0], type, false, out_key, err), err));
    return wr_binder_locate(&b, bound->offset,
                            wr_expr_cast(b.bump, value, type, false, out_value, err), err);
}

static wr_status bind_bound(const binder *b, const wr_ast_bound *bound, wr_ast_units units,
                            bool ordered, wr_frame_bound *out_bound, wr_error *err)
{
    *out_bound = (wr_frame_bound){.units = WR_FRAME_UNBOUNDED};
    if (bound->kind == WR_BOUND_UNBOUNDED_PRECEDING || bound->kind == WR_BOUND_UNBOUNDED_FOLLOWING)
        return WR_OK;
    if (bound->offset) {
        if (units == WR_UNITS_RANGE) {
            out_bound->units = WR_FRAME_RANGE;
            return WR_OK;
        }
        WR_TRY(bind_count(b, bound->offset, "the offset of a frame", 0, &out_bound->offset, err));
        if (bound->kind == WR_BOUND_PRECEDING)
            out_bound->offset = -out_bound->offset;
    }
    /* Without an order all rows are peers. */
    if (units == WR_UNITS_ROWS)
        out_bound->units = WR_FRAME_ROWS;
    else if (ordered)
        out_bound->units = WR_FRAME_GROUPS;
    return WR_OK;
}

static wr_status bind_frame(const binder *b, const wr_ast_over *over, const wr_window_spec *spec,
                            wr_plan_function *io_function, wr_error *err)
{
    wr_frame *out_frame = &io_function->frame;
    bool      ordered = spec->order_count > 0;

    out_frame->start = (wr_frame_bound){.units = WR_FRAME_UNBOUNDED};
    out_frame->end = (wr_frame_bound){.units = ordered ? WR_FRAME_GROUPS : WR_FRAME_UNBOUNDED};
    if (!over || !over->has_frame)
        return WR_OK;
    if (over->start.kind == WR_BOUND_UNBOUNDED_FOLLOWING)
        return fail_at(b, over->start.place, err, "a frame cannot start at UNBOUNDED FOLLOWING");
    if (over->end.kind == WR_BOUND_UNBOUNDED_PRECEDING)
        return fail_at(b, over->end.place, err, "a frame cannot end at UNBOUNDED PRECEDING");
    if (over->start.kind > over->end.kind)
        return fail_at(b, over->end.place, err,
                       "a frame cannot end before it starts: PRECEDING, CURRENT ROW, FOLLOWING is "
                       "the order");
    if (over->units == WR_UNITS_GROUPS && !ordered)
        return fail_at(b, over->start.place, err, "a GROUPS frame needs ORDER BY");
    out_frame->exclude = (wr_frame_exclude)over->exclude;
    WR_TRY(bind_bound(b, &over->start, over->units, ordered, &out_frame->start, err));
    WR_TRY(bind_bound(b, &over->end, over->units, ordered, &out_frame->end, err));
    if (out_frame->start.units == WR_FRAME_RANGE)
        WR_TRY(bind_range(b, &over->start, spec, &io_function->range_keys[0],
                          &io_function->range_values[0], err));
    if (out_frame->end.units == WR_FRAME_RANGE)
        WR_TRY(bind_range(b, &over->end, spec, &io_function->range_keys[1],
                          &io_function->range_values[1], err));
    return WR_OK;
}

/* ---- Partitions and order -------------------------------------------------------------------- */

static bool same_spec(const wr_window_spec *a, const wr_window_spec *b)
{
    bool same = a->partition_count == b->partition_count && a->order_count == b->order_count;

    for (uint32_t i = 0; same && i < a->partition_count; i++)
        same = wr_expr_equal(a->partitions[i], b->partitions[i]);
    for (uint32_t i = 0; same && i < a->order_count; i++)
        same = wr_expr_equal(a->order[i].expr, b->order[i].expr) &&
               a->order[i].descending == b->order[i].descending &&
               a->order[i].nulls_first == b->order[i].nulls_first;
    return same;
}

static wr_status bind_spec(const binder *outer, const wr_ast_over *over, wr_window_spec *out_spec,
                           wr_error *err)
{
    wr_bump       *bump = outer->bump;
    wr_window_spec spec = {
        .partitions = WR_BUMP_NEW_ARRAY(bump, wr_expr *, over->partition_count + 1, err),
        .order = WR_BUMP_NEW_ARRAY(bump, wr_plan_key, over->order_count + 1, err),
        .partition_count = over->partition_count,
        .order_count = over->order_count,
    };

    if (!spec.partitions || !spec.order)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < spec.partition_count; i++)
        WR_TRY(wr_bind_expr(outer->scope, over->partitions[i], bump, &spec.partitions[i], err));
    for (uint32_t i = 0; i < spec.order_count; i++) {
        const wr_ast_order *order = &over->order[i];

        spec.order[i].descending = order->descending;
        spec.order[i].nulls_first = order->nulls ? order->nulls < 0 : order->descending;
        WR_TRY(wr_bind_expr(outer->scope, order->expr, bump, &spec.order[i].expr, err));
        WR_TRY(wr_expr_order_key(bump, spec.order[i].expr, &spec.order[i].expr, err));
    }
    *out_spec = spec;
    return WR_OK;
}

/* Doubles in the bump: what was there stays behind. */
static wr_status grow(wr_bump *bump, void **io_items, uint32_t item_bytes, uint32_t count,
                      wr_error *err)
{
    void *items;

    if (count > 0 && (count < 8 || (count & (count - 1)) != 0))
        return WR_OK;
    items = wr_bump_alloc_array(bump, item_bytes, count ? 2 * count : 8, err);
    if (!items)
        return WR_NO_MEMORY;
    if (count > 0)
        memcpy(items, *io_items, (size_t)count * item_bytes);
    *io_items = items;
    return WR_OK;
}

static wr_status find_spec(const binder *b, const wr_ast_over *over, uint32_t *out_index,
                           wr_error *err)
{
    wr_window_list *list = b->windows;
    wr_window_spec  spec;

    *out_index = 0; /* the step's */
    if (!over || over->inherits)
        return WR_OK;
    WR_TRY(bind_spec(b, over, &spec, err));
    for (uint32_t i = 0; i < list->spec_count; i++)
        if (same_spec(&list->specs[i], &spec)) {
            *out_index = i;
            return WR_OK;
        }
    WR_TRY(grow(b->bump, (void **)&list->specs, sizeof spec, list->spec_count, err));
    *out_index = list->spec_count;
    list->specs[list->spec_count++] = spec;
    return WR_OK;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static wr_status check_args(const binder *b, const wr_ast *ast, uint32_t least, uint32_t most,
                            wr_error *err)
{
    if (ast->arg_count >= least && ast->arg_count <= most)
        return WR_OK;
    if (least == most)
        return wr_binder_fail(b, ast, err, "%.*s() takes %u argument%s, %u given",
                              WR_TEXT_ARG(ast->text), least, least == 1 ? "" : "s", ast->arg_count);
    return wr_binder_fail(b, ast, err, "%.*s() takes %u to %u arguments, %u given",
                          WR_TEXT_ARG(ast->text), least, most, ast->arg_count);
}

static wr_status bind_value(const binder *outer, const wr_ast *ast, wr_plan_function *io_function,
                            wr_error *err)
{
    binder b = {.scope = outer->scope, .bump = outer->bump};
    char   name[WR_TYPE_NAME_BYTES];

    WR_TRY(wr_bind_expr(b.scope, ast->args[0], b.bump, &io_function->argument, err));
    io_function->type = io_function->argument->type;
    if (io_function->type.logical == WR_TYPE_NULL_)
        return wr_binder_fail(&b, ast, err, "%.*s() is not defined for %s", WR_TEXT_ARG(ast->text),
                              wr_type_format(io_function->type, name));
    if (io_function->kind == WR_WINDOW_NTH_VALUE)
        return bind_count(&b, ast->args[1], "the n of nth_value()", 1, &io_function->offset, err);
    io_function->offset = io_function->kind == WR_WINDOW_LAG || io_function->kind == WR_WINDOW_LEAD;
    if (ast->arg_count > 1)
        WR_TRY(bind_count(&b, ast->args[1], "the number of rows",
                          -((int64_t)1 << OFFSET_MAX_BITS), &io_function->offset, err));
    if (ast->arg_count < 3)
        return WR_OK;
    WR_TRY(wr_bind_expr(b.scope, ast->args[2], b.bump, &io_function->fallback, err));
    if (!wr_type_equal(io_function->fallback->type, io_function->type) &&
        io_function->fallback->kind != WR_EXPR_CONST &&
        !wr_type_implicit(io_function->fallback->type, io_function->type))
        return wr_binder_fail(&b, ast->args[2], err, "the default is %s, not %s: cast it",
                              wr_type_format(io_function->fallback->type, name),
                              wr_type_format(io_function->type, (char[WR_TYPE_NAME_BYTES]){0}));
    return wr_binder_locate(&b, ast->args[2],
                            wr_expr_cast(b.bump, io_function->fallback, io_function->type, false,
                                         &io_function->fallback, err),
                            err);
}

static wr_status bind_own(const binder *b, const wr_ast *ast, wr_plan_function *io_function,
                          wr_error *err)
{
    static const uint8_t ARGS[WR_WINDOW_AGGREGATE][2] = {
        [WR_WINDOW_NTILE] = {1, 1},       [WR_WINDOW_LAG] = {1, 3},
        [WR_WINDOW_LEAD] = {1, 3},        [WR_WINDOW_FIRST_VALUE] = {1, 1},
        [WR_WINDOW_LAST_VALUE] = {1, 1},  [WR_WINDOW_NTH_VALUE] = {2, 2},
    };
    wr_window_kind kind = io_function->kind;

    if (ast->distinct || ast->filter || ast->order_count > 0)
        return wr_binder_fail(b, ast, err,
                              "%.*s() is not an aggregate: DISTINCT, ORDER BY and FILTER do not "
                              "apply",
                              WR_TEXT_ARG(ast->text));
    WR_TRY(check_args(b, ast, ARGS[kind][0], ARGS[kind][1], err));
    if (wr_window_takes_value(kind))
        return bind_value(b, ast, io_function, err);
    io_function->type = kind == WR_WINDOW_PERCENT_RANK || kind == WR_WINDOW_CUME_DIST
                            ? WR_TYPE(F64)
                            : WR_TYPE(I64);
    return kind == WR_WINDOW_NTILE
               ? bind_count(b, ast->args[0], "the n of ntile()", 1, &io_function->offset, err)
               : WR_OK;
}

static wr_status bind_aggregate(const binder *b, const wr_ast *ast, wr_plan_function *io_function,
                                wr_error *err)
{
    wr_ast call = *ast;

    call.over = NULL;
    WR_TRY(wr_bind_aggregate(b->scope, &call, b->bump, &io_function->agg, err));
    io_function->type = io_function->agg.type;
    return WR_OK;
}

/* Which function is it? False: none that stands in a window. */
static bool find_kind(const wr_ast *ast, wr_window_kind *out_kind)
{
    wr_agg_kind kind;

    if (wr_window_find(ast->text, out_kind))
        return true;
    if (!wr_agg_find(ast->text, &kind))
        return false;
    *out_kind = kind == WR_AGG_FIRST  ? WR_WINDOW_FIRST_VALUE
                : kind == WR_AGG_LAST ? WR_WINDOW_LAST_VALUE
                                      : WR_WINDOW_AGGREGATE;
    return true;
}

static wr_status fail_unknown(const binder *b, const wr_ast *ast, wr_error *err)
{
    wr_suggest suggest;

    (void)WR_RAISE(err, WR_INVALID, "'%.*s' is not a window function", WR_TEXT_ARG(ast->text));
    wr_suggest_init(&suggest, ast->text);
    wr_binder_offer_windows(&suggest);
    wr_suggest_append(&suggest, err);
    return wr_binder_locate(b, ast, WR_INVALID, err);
}

void wr_binder_offer_windows(wr_suggest *suggest)
{
    for (uint32_t kind = 0; kind < WR_AGG_KIND_COUNT; kind++)
        wr_suggest_offer(suggest, wr_text_of(wr_agg_name((wr_agg_kind)kind)));
    for (uint32_t kind = 0; kind < WR_WINDOW_AGGREGATE; kind++)
        wr_suggest_offer(suggest, wr_text_of(wr_window_name((wr_window_kind)kind)));
}

wr_status wr_binder_window_part(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    wr_window_list  *list = b->windows;
    wr_plan_function function = {0};
    uint32_t         spec;

    if (ast->kind != WR_AST_CALL)
        return WR_OK;
    if (!find_kind(ast, &function.kind))
        return ast->over ? fail_unknown(b, ast, err) : WR_OK;
    function.ignore_nulls = ast->ignore_nulls;
    if (ast->ignore_nulls && !wr_window_takes_value(function.kind))
        return wr_binder_fail(b, ast, err,
                              "IGNORE NULLS goes with lag, lead, first_value, last_value and "
                              "nth_value, not with %.*s()",
                              WR_TEXT_ARG(ast->text));
    WR_TRY(find_spec(b, ast->over, &spec, err));
    WR_TRY(bind_frame(b, ast->over, &list->specs[spec], &function, err));
    WR_TRY(function.kind == WR_WINDOW_AGGREGATE ? bind_aggregate(b, ast, &function, err)
                                                : bind_own(b, ast, &function, err));
    WR_TRY(grow(b->bump, (void **)&list->functions, sizeof function, list->count, err));
    WR_TRY(grow(b->bump, (void **)&list->function_specs, sizeof spec, list->count, err));
    list->functions[list->count] = function;
    list->function_specs[list->count] = spec;
    *out_expr = wr_expr_column(b->bump, b->scope->left->field_count + list->count++, function.type,
                               true, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
}

wr_status wr_bind_window_expr(const wr_scope *scope, const wr_ast *ast, wr_window_list *io_windows,
                              wr_bump *bump, wr_expr **out_expr, wr_error *err)
{
    binder   b = {.scope = scope, .bump = bump, .windows = io_windows};
    wr_expr *expr;

    WR_TRY(wr_binder_node(&b, ast, &expr, err));
    return wr_binder_locate(&b, ast, wr_expr_fold(expr, bump, out_expr, err), err);
}
