/* bind/aggregate.c — aggregate calls, alone and inside expressions over group keys.
 *
 * An expression over aggregates is bound in two scopes: arguments and filters of aggregates over
 * the step's input, everything around them over its output (keys, then aggregates). Around them a
 * part is taken for a key when it binds to an expression equal to the key's.
 * Invariant: arguments are bound without an agg_context, so aggregates cannot nest. */
#include <math.h>

#include "bind/bind_priv.h"
#include "types/decimal.h"
#include "types/nested.h"

static bool is_aggregate_call(const wr_ast *ast, wr_agg_kind *out_kind)
{
    return ast->kind == WR_AST_CALL && wr_agg_find(ast->text, out_kind);
}

bool wr_bind_is_aggregate(const wr_ast *ast)
{
    wr_agg_kind kind;

    return is_aggregate_call(ast, &kind);
}

static bool is_quantile(wr_agg_kind kind)
{
    return kind == WR_AGG_QUANTILE_CONT || kind == WR_AGG_QUANTILE_DISC;
}

static bool cuts_values(wr_agg_kind kind)
{
    return kind == WR_AGG_MOST_FREQUENT || kind == WR_AGG_APPROX_MOST_FREQUENT ||
           kind == WR_AGG_COUNTMIN_FREQUENT;
}

static bool takes_two(wr_agg_kind kind)
{
    return wr_agg_has_order(kind) || wr_agg_is_paired(kind) || wr_agg_has_fraction(kind) ||
           cuts_values(kind) || kind == WR_AGG_MAP_AGG;
}

static wr_status check_call(const binder *b, const wr_ast *ast, wr_agg_kind kind, wr_error *err)
{
    uint32_t wanted = takes_two(kind) ? 2 : 1;
    bool     positional = kind == WR_AGG_FIRST || kind == WR_AGG_LAST || kind == WR_AGG_ANY_VALUE;

    if (ast->order_count > 0 && positional)
        return wr_binder_fail(b, ast->order[0].expr, err,
                              "ORDER BY in %.*s() is not supported: arg_min(x, y) and arg_max(x, "
                              "y) give the x of the least and the greatest y",
                              WR_TEXT_ARG(ast->text));
    if (ast->order_count > 0 && kind == WR_AGG_MAP_AGG)
        return wr_binder_fail(b, ast->order[0].expr, err,
                              "ORDER BY in map_agg() is not supported: entries are in order of the "
                              "rows, so put a sort step in front");
    if (kind == WR_AGG_STRING_AGG && ast->arg_count == 2)
        wanted = 2;
    if (kind == WR_AGG_APPROX_MOST_FREQUENT && ast->arg_count > 2 && ast->arg_count <= 4)
        wanted = ast->arg_count;
    if (kind == WR_AGG_COUNTMIN_FREQUENT && ast->arg_count == 3)
        wanted = 3;
    if (ast->arg_count != wanted)
        return wr_binder_fail(b, ast, err, "%.*s() takes %u argument%s, %u given",
                              WR_TEXT_ARG(ast->text), wanted, wanted == 1 ? "" : "s",
                              ast->arg_count);
    if (ast->distinct && (wr_agg_is_paired(kind) || kind == WR_AGG_COUNT_IF ||
                          wr_agg_counts_values(kind)))
        return wr_binder_fail(b, ast, err,
                              "DISTINCT in %.*s() is not supported: put an aggregate step that "
                              "groups by its arguments in front",
                              WR_TEXT_ARG(ast->text));
    return WR_OK;
}

/* count_if(c) is count(*) FILTER (WHERE c); a filter of its own goes first. */
static wr_status bind_count_if(binder *b, const wr_ast *ast, wr_plan_agg *io_agg, wr_error *err)
{
    wr_expr *parts[3] = {io_agg->filter, NULL, NULL};
    wr_value no = {.type = WR_TYPE(BOOL)};

    WR_TRY(wr_binder_condition(b, ast->args[0], "count_if()", &parts[1], err));
    if (!io_agg->filter) {
        io_agg->filter = parts[1];
    } else {
        parts[2] = wr_expr_const(b->bump, &no, err);
        if (!parts[2])
            return WR_NO_MEMORY;
        WR_TRY(wr_expr_case(b->bump, parts, 3, &io_agg->filter, err));
    }
    io_agg->kind = WR_AGG_COUNT_STAR;
    io_agg->type = WR_TYPE(I64);
    return wr_expr_fold(io_agg->filter, b->bump, &io_agg->filter, err);
}

static bool constant_number(const wr_expr *expr, double *out_number)
{
    const wr_value *value = &expr->value;

    if (expr->kind != WR_EXPR_CONST || value->is_null || !wr_type_is_numeric(value->type))
        return false;
    if (value->type.logical == WR_TYPE_DECIMAL)
        *out_number = wr_decimal_to_f64(wr_type_physical(value->type) == WR_PHYS_I64
                                            ? (wr_i128)value->i64
                                            : value->i128,
                                        value->type.scale);
    else if (wr_type_is_float(value->type))
        *out_number = value->f64;
    else
        *out_number = wr_type_is_unsigned(value->type) ? (double)value->u64 : (double)value->i64;
    return true;
}

/* ORDER BY inside the call; distinct values have nothing else to be ordered by than themselves. */
static wr_status bind_order(binder *b, const wr_ast *ast, wr_plan_agg *io_agg, wr_error *err)
{
    io_agg->order_keys = WR_BUMP_NEW_ARRAY(b->bump, wr_plan_key, ast->order_count + 1, err);
    if (!io_agg->order_keys)
        return WR_NO_MEMORY;
    io_agg->order_key_count = ast->order_count;
    for (uint32_t i = 0; i < ast->order_count; i++) {
        const wr_ast_order *order = &ast->order[i];
        wr_plan_key        *key = &io_agg->order_keys[i];

        WR_TRY(wr_binder_node(b, order->expr, &key->expr, err));
        WR_TRY(wr_expr_fold(key->expr, b->bump, &key->expr, err));
        WR_TRY(wr_expr_order_key(b->bump, key->expr, &key->expr, err));
        key->descending = order->descending;
        key->nulls_first = order->nulls ? order->nulls < 0 : order->descending;
        if (ast->distinct && !wr_expr_equal(key->expr, io_agg->argument))
            return wr_binder_fail(b, order->expr, err,
                                  "DISTINCT values can only be ordered by themselves: a value may "
                                  "stand in several rows");
    }
    return WR_OK;
}

static wr_status bind_separator(binder *b, const wr_ast *ast, wr_text *out_separator, wr_error *err)
{
    wr_expr *expr;

    *out_separator = WR_TEXT(",");
    if (ast->arg_count < 2)
        return WR_OK;
    WR_TRY(wr_binder_node(b, ast->args[1], &expr, err));
    WR_TRY(wr_expr_fold(expr, b->bump, &expr, err));
    if (expr->kind != WR_EXPR_CONST || expr->value.is_null || expr->type.logical != WR_TYPE_UTF8)
        return wr_binder_fail(b, ast->args[1], err,
                              "the separator of string_agg() is a constant text, such as ', '");
    *out_separator = expr->value.text;
    return WR_OK;
}

static wr_status bind_fraction(binder *b, const wr_ast *ast, wr_agg_kind kind, double *out_fraction,
                               wr_error *err)
{
    wr_expr *expr;

    WR_TRY(wr_binder_node(b, ast, &expr, err));
    WR_TRY(wr_expr_fold(expr, b->bump, &expr, err));
    if (!constant_number(expr, out_fraction) || !(*out_fraction >= 0.0 && *out_fraction <= 1.0))
        return wr_binder_fail(b, ast, err,
                              "%s(x, f) takes a constant fraction f from 0 to 1, such as 0.5",
                              wr_agg_name(kind));
    return WR_OK;
}

enum { CELL_VALUES_MAX = 100 }; /* have a share of 1 % */

static wr_status bind_values_max(binder *b, const wr_ast *ast, wr_agg_kind kind, int64_t *out_max,
                                 wr_error *err)
{
    const wr_value *value;
    wr_expr        *expr;

    WR_TRY(wr_binder_node(b, ast, &expr, err));
    WR_TRY(wr_expr_fold(expr, b->bump, &expr, err));
    value = &expr->value;
    if (expr->kind != WR_EXPR_CONST || value->is_null || !wr_type_is_integer(value->type) ||
        wr_type_is_unsigned(value->type) || value->i64 < 1)
        return wr_binder_fail(b, ast, err,
                              "%s(x, k) takes a constant number of values k, such as 10",
                              wr_agg_name(kind));
    if (kind == WR_AGG_COUNTMIN_FREQUENT && value->i64 > CELL_VALUES_MAX)
        return wr_binder_fail(b, ast, err, "%s(s, k) gives at most %d values", wr_agg_name(kind),
                              CELL_VALUES_MAX);
    *out_max = value->i64;
    return WR_OK;
}

static wr_status bind_share(binder *b, const wr_ast *ast, const char *name, double *out_share,
                            wr_error *err)
{
    wr_expr *expr;

    WR_TRY(wr_binder_node(b, ast, &expr, err));
    WR_TRY(wr_expr_fold(expr, b->bump, &expr, err));
    if (!constant_number(expr, out_share) || !(*out_share > 0.0 && *out_share < 1.0))
        return wr_binder_fail(b, ast, err, "the %s of approx_most_frequent() is a constant between "
                              "0 and 1", name);
    return WR_OK;
}

static uint32_t rounded_up(double x)
{
    return (uint32_t)x + (x > (uint32_t)x);
}

/* At most 1 / tolerance cells have a share of that and more: as many are kept, and k. Of the values that
 * are less frequent about cells_kept / cell_count fall into one of those. */
static wr_status bind_cells(binder *b, const wr_ast *ast, wr_plan_agg *io_agg, wr_error *err)
{
    enum { CELLS_MAX = 1 << 30 };
    double probability = 0.99, tolerance = 0.001, kept, cells;

    if (ast->arg_count > 2)
        WR_TRY(bind_share(b, ast->args[2], "probability", &probability, err));
    if (ast->arg_count > 3)
        WR_TRY(bind_share(b, ast->args[3], "tolerance", &tolerance, err));
    kept = 1.0 / tolerance;
    if (kept <= CELLS_MAX)
        kept = (double)rounded_up(kept) + (double)io_agg->values_max;
    cells = kept / (1.0 - probability);
    if (!(cells <= CELLS_MAX))
        return wr_binder_fail(b, ast, err,
                              "approx_most_frequent() of so many values takes more than %d cells a "
                              "group: most_frequent(x, k) is exact", CELLS_MAX);
    io_agg->cells_kept = (uint32_t)kept;
    io_agg->cell_count = rounded_up(cells);
    return WR_OK;
}

/* The type of the values that countmin_frequent gives back. */
static wr_status bind_value_type(binder *b, const wr_ast *ast, wr_type *out_result, wr_error *err)
{
    wr_expr *expr;
    wr_type  type;
    char     name[WR_TYPE_NAME_BYTES];

    WR_TRY(wr_binder_node(b, ast, &expr, err));
    WR_TRY(wr_expr_fold(expr, b->bump, &expr, err));
    if (expr->kind != WR_EXPR_CONST || expr->value.is_null || expr->type.logical != WR_TYPE_UTF8)
        return wr_binder_fail(b, ast, err,
                              "countmin_frequent(s, k, type) takes the name of a type, such as "
                              "'Int64'");
    WR_TRY(wr_binder_locate(b, ast, wr_type_parse(expr->value.text, &type, err), err));
    if (!wr_agg_result_type(WR_AGG_COUNTMIN_STATE, type, out_result) ||
        !wr_agg_result_type(WR_AGG_MOST_FREQUENT, type, out_result))
        return wr_binder_fail(b, ast, err, "countmin_state() is not defined for %s",
                              wr_type_format(type, name));
    return WR_OK;
}

/* count(*) and count(): rows are counted, there is nothing to compute. */
static bool counts_rows(const wr_ast *ast, wr_agg_kind kind)
{
    return (kind == WR_AGG_COUNT || kind == WR_AGG_COUNT_STAR) &&
           (ast->arg_count == 0 || ast->args[0]->kind == WR_AST_STAR);
}

/* The least of nested values is the one with the least key. */
static bool takes_order_of_argument(wr_agg_kind kind, wr_type type)
{
    return (kind == WR_AGG_MIN || kind == WR_AGG_MAX) && wr_type_is_nested(type);
}

/* percentile_cont(f) WITHIN GROUP (ORDER BY x) is quantile_cont(x, f), and so is a mode; texts and
 * lists have their order in either place. */
static wr_status unfold_within_group(const binder *b, const wr_ast *ast, wr_agg_kind kind,
                                     const wr_ast **out_ast, wr_error *err)
{
    bool     is_mode = kind == WR_AGG_MODE, has_fraction = is_quantile(kind);
    wr_ast  *call;
    wr_ast **args;

    *out_ast = ast;
    if (!ast->within_group || wr_agg_is_sequence(kind))
        return WR_OK;
    if (!is_mode && !has_fraction)
        return wr_binder_fail(b, ast, err,
                              "WITHIN GROUP goes with percentile_cont, percentile_disc, mode, "
                              "string_agg and list, not with %.*s()", WR_TEXT_ARG(ast->text));
    if (ast->arg_count != has_fraction || ast->order_count != 1 ||
        (is_mode && ast->order[0].descending))
        return wr_binder_fail(b, ast, err,
                              is_mode ? "it is mode() WITHIN GROUP (ORDER BY x), ascending"
                                      : "it is %.*s(f) WITHIN GROUP (ORDER BY x)",
                              WR_TEXT_ARG(ast->text));
    call = WR_BUMP_NEW(b->bump, wr_ast, err);
    args = WR_BUMP_NEW_ARRAY(b->bump, wr_ast *, 2, err);
    if (!call || !args)
        return WR_NO_MEMORY;
    *call = *ast;
    args[0] = ast->order[0].expr;
    args[1] = has_fraction ? ast->args[0] : NULL;
    call->args = args;
    call->arg_count = 1 + has_fraction;
    call->order_count = 0;
    *out_ast = call;
    return WR_OK;
}

/* What stands behind the argument: a fraction, a number of values, a second column. */
static wr_status bind_second(binder *b, const wr_ast *ast, wr_agg_kind kind, wr_plan_agg *io_agg,
                             wr_error *err)
{
    if (kind == WR_AGG_MEDIAN)
        io_agg->fraction = 0.5;
    if (wr_agg_has_fraction(kind)) {
        WR_TRY(bind_fraction(b, ast->args[1], kind, &io_agg->fraction, err));
        io_agg->descending = ast->within_group && ast->order[0].descending;
    } else if (cuts_values(kind)) {
        WR_TRY(bind_values_max(b, ast->args[1], kind, &io_agg->values_max, err));
        if (kind == WR_AGG_APPROX_MOST_FREQUENT)
            WR_TRY(bind_cells(b, ast, io_agg, err));
    } else if (takes_two(kind)) {
        WR_TRY(wr_binder_node(b, ast->args[1], &io_agg->order, err));
        WR_TRY(wr_expr_fold(io_agg->order, b->bump, &io_agg->order, err));
        if (wr_agg_has_order(kind))
            WR_TRY(wr_expr_order_key(b->bump, io_agg->order, &io_agg->order, err));
    } else if (takes_order_of_argument(kind, io_agg->argument->type)) {
        io_agg->kind = kind == WR_AGG_MIN ? WR_AGG_ARG_MIN : WR_AGG_ARG_MAX;
        WR_TRY(wr_expr_order_key(b->bump, io_agg->argument, &io_agg->order, err));
    }
    return WR_OK;
}

/* Arguments and filter, over the step's input. */
static wr_status bind_aggregate(const binder *outer, const wr_ast *ast, wr_agg_kind kind,
                                wr_plan_agg *out_agg, wr_error *err)
{
    binder      b = {.scope = outer->scope, .bump = outer->bump};
    wr_plan_agg agg = {.kind = kind};
    char        name[WR_TYPE_NAME_BYTES];

    if (ast->over || ast->ignore_nulls)
        return wr_binder_fail(&b, ast, err,
                              "%.*s() OVER is a window function: it stands in the functions of a "
                              "window step",
                              WR_TEXT_ARG(ast->text));
    if (ast->filter) {
        WR_TRY(wr_binder_condition(&b, ast->filter, "FILTER", &agg.filter, err));
        WR_TRY(wr_expr_fold(agg.filter, b.bump, &agg.filter, err));
    }
    if (counts_rows(ast, kind)) {
        if (ast->distinct)
            return wr_binder_fail(&b, ast, err,
                                  "count(DISTINCT *) is not supported: name a column");
        agg.kind = WR_AGG_COUNT_STAR;
        agg.type = WR_TYPE(I64);
        *out_agg = agg;
        return WR_OK;
    }
    WR_TRY(check_call(&b, ast, kind, err));
    if (kind == WR_AGG_COUNT_IF) {
        WR_TRY(bind_count_if(&b, ast, &agg, err));
        *out_agg = agg;
        return WR_OK;
    }
    WR_TRY(wr_binder_node(&b, ast->args[0], &agg.argument, err));
    WR_TRY(wr_expr_fold(agg.argument, b.bump, &agg.argument, err));
    if (wr_agg_tells_values(kind))
        WR_TRY(wr_expr_equal_key(b.bump, agg.argument, &agg.argument, err));
    WR_TRY(bind_second(&b, ast, kind, &agg, err));
    if (kind == WR_AGG_STRING_AGG)
        WR_TRY(bind_separator(&b, ast, &agg.separator, err));
    if (wr_agg_is_sequence(kind))
        WR_TRY(bind_order(&b, ast, &agg, err));
    agg.distinct = ast->distinct && wr_agg_minds_distinct(kind);
    WR_TRY(wr_agg_require(kind, err));
    if (!wr_agg_result_type(kind, agg.argument->type, &agg.type))
        return wr_binder_fail(&b, ast, err, "%s() is not defined for %s", wr_agg_name(kind),
                              wr_type_format(agg.argument->type, name));
    if (kind == WR_AGG_COUNTMIN_FREQUENT && ast->arg_count == 3)
        WR_TRY(bind_value_type(&b, ast->args[2], &agg.type, err));
    if (kind == WR_AGG_MAP_AGG &&
        wr_type_make_map(agg.argument->type, agg.order->type, &agg.type, NULL) != WR_OK)
        return wr_binder_fail(&b, ast, err, "map_agg() takes no such types");
    if (wr_agg_is_paired(kind))
        for (uint32_t i = 0; i < 2; i++) {
            wr_type type = i ? agg.order->type : agg.argument->type;

            if (!wr_type_is_numeric(type))
                return wr_binder_fail(&b, ast->args[i], err, "%s() takes numbers, not %s",
                                      wr_agg_name(kind), wr_type_format(type, name));
        }
    *out_agg = agg;
    return WR_OK;
}

wr_status wr_bind_aggregate(const wr_scope *scope, const wr_ast *ast, wr_bump *bump,
                            wr_plan_agg *out_agg, wr_error *err)
{
    binder      b = {.scope = scope, .bump = bump};
    wr_agg_kind kind;

    if (!is_aggregate_call(ast, &kind))
        return wr_binder_fail(&b, ast, err, "expected an aggregate, such as sum(x) or count(*)");
    WR_TRY(unfold_within_group(&b, ast, kind, &ast, err));
    return bind_aggregate(&b, ast, kind, out_agg, err);
}

/* --- expressions over aggregates ------------------------------------------------------------ */

static bool equal_or_absent(const wr_expr *a, const wr_expr *b)
{
    return a == b || (a && b && wr_expr_equal(a, b));
}

static bool equal_orders(const wr_plan_agg *a, const wr_plan_agg *b)
{
    if (a->order_key_count != b->order_key_count ||
        !wr_text_equal(a->separator, b->separator))
        return false;
    for (uint32_t k = 0; k < a->order_key_count; k++)
        if (!wr_expr_equal(a->order_keys[k].expr, b->order_keys[k].expr) ||
            a->order_keys[k].descending != b->order_keys[k].descending ||
            a->order_keys[k].nulls_first != b->order_keys[k].nulls_first)
            return false;
    return true;
}

static bool equal_aggs(const wr_plan_agg *a, const wr_plan_agg *b)
{
    return a->kind == b->kind && a->distinct == b->distinct && a->fraction == b->fraction &&
           a->descending == b->descending && a->values_max == b->values_max &&
           a->cell_count == b->cell_count && a->cells_kept == b->cells_kept &&
           equal_orders(a, b) &&
           equal_or_absent(a->argument, b->argument) && equal_or_absent(a->order, b->order) &&
           equal_or_absent(a->filter, b->filter);
}

/* Position of an equal aggregate in the list, appended if there is none. */
static wr_status share_agg(wr_agg_list *list, const wr_plan_agg *agg, wr_bump *bump,
                           uint32_t *out_index, wr_error *err)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (equal_aggs(&list->aggs[i], agg)) {
            *out_index = i;
            return WR_OK;
        }
    if (list->count == list->capacity) {
        uint32_t     capacity = list->capacity ? 2 * list->capacity : 8;
        wr_plan_agg *aggs = WR_BUMP_NEW_ARRAY(bump, wr_plan_agg, capacity, err);

        if (!aggs)
            return WR_NO_MEMORY;
        if (list->count > 0)
            memcpy(aggs, list->aggs, list->count * sizeof aggs[0]);
        list->aggs = aggs;
        list->capacity = capacity;
    }
    list->aggs[list->count] = *agg;
    *out_index = list->count++;
    return WR_OK;
}

static wr_status make_output_column(binder *b, uint32_t column, wr_type type, bool nullable,
                                    wr_expr **out_expr, wr_error *err)
{
    wr_expr *expr = wr_expr_column(b->bump, column, type, nullable, err);

    if (!expr)
        return WR_NO_MEMORY;
    *out_expr = expr;
    return WR_OK;
}

static bool is_key_like(const agg_context *context, const wr_ast *ast)
{
    if (ast->kind == WR_AST_COLUMN)
        return true;
    /* A literal that equals a constant key would gain nothing. */
    if (ast->arg_count == 0)
        return false;
    for (uint32_t k = 0; k < context->key_count; k++)
        if (context->keys[k]->kind != WR_EXPR_COLUMN)
            return true;
    return false;
}

/* The key that `ast` is, if any. What binding it took is given back when it is none. */
static wr_status match_key(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    const agg_context *context = b->aggregates;
    wr_scope           scope = *b->scope;
    binder             inner = {.scope = &scope, .bump = b->bump};
    wr_bump_mark       mark = wr_bump_save(b->bump);
    wr_expr           *expr;

    scope.warn = NULL; /* only what is kept may warn */
    if (!is_key_like(context, ast))
        return WR_OK;
    if (wr_binder_node(&inner, ast, &expr, NULL) == WR_OK) {
        WR_TRY(wr_expr_fold(expr, b->bump, &expr, err));
        for (uint32_t k = 0; k < context->key_count; k++)
            if (wr_expr_equal(expr, context->keys[k]))
                return make_output_column(b, k, expr->type,
                                          expr->nullable || context->list->has_sets, out_expr, err);
    }
    wr_bump_rewind(b->bump, mark);
    return WR_OK;
}

/* --- grouping() ------------------------------------------------------------------------------- */

/* `left` shifted or masked by a constant. */
static wr_status combine_bits(binder *b, const wr_ast *ast, const char *name, wr_expr *left,
                              int64_t number, wr_expr **out_expr, wr_error *err)
{
    wr_value  value = {.type = WR_TYPE(I64), .i64 = number};
    wr_expr **args = wr_binder_args(b, 2, err);

    if (!args)
        return WR_NO_MEMORY;
    args[0] = left;
    args[1] = wr_expr_const(b->bump, &value, err);
    return args[1] ? wr_binder_operator(b, ast, name, args, 2, out_expr, err) : WR_NO_MEMORY;
}

/* *io_bits, with the bit of key `key` behind it. */
static wr_status append_bit(binder *b, const wr_ast *ast, uint32_t key, wr_expr **io_bits,
                            wr_error *err)
{
    wr_expr **both = wr_binder_args(b, 2, err), *bit;

    if (!both)
        return WR_NO_MEMORY;
    WR_TRY(make_output_column(b, b->aggregates->key_count, WR_TYPE(I64), false, &bit, err));
    WR_TRY(combine_bits(b, ast, WR_OPERATOR_SHIFT_RIGHT, bit, key, &bit, err));
    WR_TRY(combine_bits(b, ast, WR_OPERATOR_BIT_AND, bit, 1, &both[1], err));
    WR_TRY(combine_bits(b, ast, WR_OPERATOR_SHIFT_LEFT, *io_bits, 1, &both[0], err));
    return wr_binder_operator(b, ast, WR_OPERATOR_BIT_OR, both, 2, io_bits, err);
}

/* grouping(a, b): a bit for each argument, which must be a key; without arguments for every key. */
static wr_status bind_grouping(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    const agg_context *context = b->aggregates;
    uint32_t           count = ast->arg_count > 0 ? ast->arg_count : context->key_count;
    wr_value           none = {.type = WR_TYPE(I64)};

    if (count > 63)
        return wr_binder_fail(b, ast, err, "grouping() takes at most 63 keys, these are %u", count);
    *out_expr = wr_expr_const(b->bump, &none, err);
    if (!*out_expr)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t key = i;

        if (ast->arg_count > 0) {
            wr_expr *column = NULL;

            WR_TRY(match_key(b, ast->args[i], &column, err));
            if (!column)
                return wr_binder_fail(b, ast->args[i], err,
                                      "grouping() takes keys of group_by: this is none of them");
            key = column->column;
        }
        if (context->list->has_sets)
            WR_TRY(append_bit(b, ast, key, out_expr, err));
    }
    return WR_OK;
}

static bool is_grouping(const wr_ast *ast)
{
    return ast->kind == WR_AST_CALL && (wr_text_equal(ast->text, WR_TEXT("grouping")) ||
                                        wr_text_equal(ast->text, WR_TEXT("grouping_id")));
}

/* grouping_id alone, where no column is called so. */
static wr_status is_grouping_name(const binder *b, const wr_ast *ast, bool *out_is, wr_error *err)
{
    uint32_t column = 0;

    if (ast->kind == WR_AST_COLUMN && !ast->quoted && b->aggregates->list->has_sets &&
        wr_text_equal_nocase(ast->text, WR_TEXT("grouping_id")))
        WR_TRY(wr_binder_find_column(b, ast, &column, err));
    *out_is = column == WR_FIELD_NONE;
    return WR_OK;
}

/* An aggregate as a column of the step's output. */
static wr_status bind_output(binder *b, const wr_ast *ast, wr_agg_kind kind, wr_expr **out_expr,
                             wr_error *err)
{
    const agg_context *context = b->aggregates;
    wr_plan_agg        agg;
    uint32_t           index;

    WR_TRY(bind_aggregate(b, ast, kind, &agg, err));
    WR_TRY(share_agg(context->list, &agg, b->bump, &index, err));
    index += context->key_count + context->list->has_sets;
    return make_output_column(b, index, agg.type, !wr_agg_counts(agg.kind), out_expr, err);
}

static bool has_fractions(const wr_ast *ast, wr_agg_kind kind)
{
    return wr_agg_has_fraction(kind) && ast->arg_count == 2 &&
           ast->args[1]->kind == WR_AST_CALL && ast->args[1]->arg_count > 0 &&
           wr_text_equal(ast->args[1]->text, WR_TEXT("list_value"));
}

/* quantile_cont(x, [f, g]): an aggregate for each fraction, in a list; NULL where there is no value. */
static wr_status bind_fractions(binder *b, const wr_ast *ast, wr_agg_kind kind, wr_expr **out_expr,
                                wr_error *err)
{
    const wr_ast *list = ast->args[1];
    wr_expr     **values = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, list->arg_count, err);
    wr_expr      *parts[3];
    wr_value      null_value = {.is_null = true};

    if (!values)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < list->arg_count; i++) {
        wr_ast *args[2] = {ast->args[0], list->args[i]};
        wr_ast  one = *ast;

        one.args = args;
        WR_TRY(bind_output(b, &one, kind, &values[i], err));
    }
    WR_TRY(wr_expr_call(b->bump, WR_TEXT("is null"), values, 1, &parts[0], err));
    WR_TRY(wr_expr_call(b->bump, WR_TEXT("list_value"), values, list->arg_count, &parts[2], err));
    null_value.type = parts[2]->type;
    parts[1] = wr_expr_const(b->bump, &null_value, err);
    return parts[1] ? wr_expr_case(b->bump, parts, 3, out_expr, err) : WR_NO_MEMORY;
}

wr_status wr_binder_aggregate_part(binder *b, const wr_ast *ast, wr_expr **out_expr, wr_error *err)
{
    wr_agg_kind kind;
    bool        is_name;

    WR_TRY(is_grouping_name(b, ast, &is_name, err));
    if (is_name || is_grouping(ast))
        return bind_grouping(b, ast, out_expr, err);
    if (is_aggregate_call(ast, &kind)) {
        WR_TRY(unfold_within_group(b, ast, kind, &ast, err));
        return has_fractions(ast, kind) ? bind_fractions(b, ast, kind, out_expr, err)
                                        : bind_output(b, ast, kind, out_expr, err);
    }
    WR_TRY(match_key(b, ast, out_expr, err));
    if (!*out_expr && ast->kind == WR_AST_COLUMN) {
        wr_expr *column;

        /* An unknown column says so first. */
        WR_TRY(wr_binder_column(b, ast, &column, err));
        return wr_binder_fail(b, ast, err,
                              "column '%.*s' must be in group_by or inside an aggregate, such as "
                              "max(%.*s)",
                              WR_TEXT_ARG(ast->text), WR_TEXT_ARG(ast->text));
    }
    return WR_OK;
}

wr_status wr_bind_aggregate_expr(const wr_scope *scope, const wr_ast *ast, wr_expr *const *keys,
                                 uint32_t key_count, wr_agg_list *io_aggs, wr_bump *bump,
                                 wr_expr **out_expr, wr_error *err)
{
    agg_context context = {.keys = keys, .key_count = key_count, .list = io_aggs};
    binder      b = {.scope = scope, .bump = bump, .aggregates = &context};
    wr_expr    *expr;

    WR_TRY(wr_binder_node(&b, ast, &expr, err));
    return wr_binder_locate(&b, ast, wr_expr_fold(expr, bump, out_expr, err), err);
}
