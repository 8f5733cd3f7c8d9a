/* expr/fold.c — evaluating without rows: constant expressions, one value a node.
 *
 * The functions are the ones that batches run, called for a single row. What they need on the way
 * lives in a scratch bump beside the caller's (same lease) and is given back; only the result's text
 * stays. Cost: about a microsecond a node, at plan time. */
#include "expr/expr_priv.h"
#include "expr/program.h"

enum { FOLDED_TEXT_BYTES_MAX = 4096 }; /* longer results are cheaper to compute than to keep */

typedef struct evaluation {
    wr_bump *scratch;
    void    *room; /* of the one result that is being computed */
} evaluation;

static wr_status evaluate(evaluation *e, const wr_expr *expr, wr_value *out_value, wr_error *err);

static wr_value null_of(wr_type type)
{
    return (wr_value){.type = type, .is_null = true};
}

/* Arguments as CONST vectors. *out_has_null tells that a strict function has nothing to do. */
static wr_status evaluate_args(evaluation *e, const wr_expr *expr, uint32_t arg_count,
                               const wr_vector ***out_args, bool *out_has_null, wr_error *err)
{
    const wr_vector **args = WR_BUMP_NEW_ARRAY(e->scratch, const wr_vector *, arg_count, err);
    wr_vector        *vectors = WR_BUMP_NEW_ARRAY(e->scratch, wr_vector, arg_count, err);
    wr_vector_cell   *cells = WR_BUMP_NEW_ARRAY(e->scratch, wr_vector_cell, arg_count, err);

    if (!args || !vectors || !cells)
        return WR_NO_MEMORY;
    *out_has_null = false;
    for (uint32_t i = 0; i < arg_count; i++) {
        wr_value value;

        WR_TRY(evaluate(e, expr->args[i], &value, err));
        wr_vector_set_const(&vectors[i], &value, 1, &cells[i]);
        args[i] = &vectors[i];
        *out_has_null |= value.is_null;
    }
    *out_args = args;
    return WR_OK;
}

static wr_status prepare_state(evaluation *e, const wr_function *function, wr_eval *eval,
                               wr_error *err)
{
    if (function->state_bytes > 0) {
        eval->state = wr_bump_alloc(e->scratch, function->state_bytes, err);
        if (!eval->state)
            return WR_NO_MEMORY;
    }
    return function->prepare ? function->prepare(eval, e->scratch, err) : WR_OK;
}

static wr_status evaluate_call(evaluation *e, const wr_expr *expr, const wr_function *function,
                               wr_value *out_value, wr_error *err)
{
    uint32_t arg_count = function->flags & WR_FN_CONST_TAIL ? 1 : expr->arg_count;
    const wr_vector **args;
    wr_vector out;
    wr_status status;
    uint16_t  live_row;
    bool      has_null;
    wr_eval   eval = {.heap = e->scratch, .selected = {NULL, 1}, .live = {NULL, 1}, .row_count = 1,
                      .expr = expr, .site = expr->site, .live_rows = &live_row};

    WR_TRY(evaluate_args(e, expr, arg_count, &args, &has_null, err));
    if (has_null && !(function->flags & WR_FN_NONSTRICT)) {
        *out_value = null_of(expr->type);
        return WR_OK;
    }
    WR_TRY(prepare_state(e, function, &eval, err));
    wr_vector_init_at(&out, expr->type, e->room);
    out.valid = NULL;
    out.row_count = 1;
    status = function->eval(&eval, args, arg_count, &out, err);
    if (status == WR_NO_RESERVE)
        return WR_RAISE(err, WR_NO_MEMORY, "the result of %s does not fit the plan pool",
                        function->name);
    WR_TRY(status);
    *out_value = wr_vector_value(&out, 0);
    return WR_OK;
}

/* Three-valued, left to right, until one side decides. */
static wr_status evaluate_logic(evaluation *e, const wr_expr *expr, wr_value *out_value,
                                wr_error *err)
{
    bool     neutral = expr->kind == WR_EXPR_AND;
    wr_value result = {.type = expr->type, .boolean = neutral};

    for (uint32_t i = 0; i < expr->arg_count; i++) {
        wr_value value;

        WR_TRY(evaluate(e, expr->args[i], &value, err));
        if (!value.is_null && value.boolean != neutral) {
            *out_value = value;
            return WR_OK;
        }
        result.is_null |= value.is_null;
    }
    *out_value = result;
    return WR_OK;
}

static wr_status evaluate_case(evaluation *e, const wr_expr *expr, wr_value *out_value,
                               wr_error *err)
{
    for (uint32_t i = 0; i + 1 < expr->arg_count; i += 2) {
        wr_value value;

        WR_TRY(evaluate(e, expr->args[i], &value, err));
        if (!value.is_null && value.boolean)
            return evaluate(e, expr->args[i + 1], out_value, err);
    }
    return evaluate(e, expr->args[expr->arg_count - 1], out_value, err);
}

static wr_status evaluate(evaluation *e, const wr_expr *expr, wr_value *out_value, wr_error *err)
{
    switch (expr->kind) {
    case WR_EXPR_CONST:
        *out_value = expr->value;
        return WR_OK;
    case WR_EXPR_COLUMN:
        return WR_RAISE(err, WR_INVALID, "a constant is needed here, not a column");
    case WR_EXPR_CALL:
        return evaluate_call(e, expr, expr->function, out_value, err);
    case WR_EXPR_CAST:
        return evaluate_call(e, expr, wr_cast_function(expr->args[0]->type, expr->type), out_value,
                             err);
    case WR_EXPR_AND:
    case WR_EXPR_OR:
        return evaluate_logic(e, expr, out_value, err);
    case WR_EXPR_CASE:
        return evaluate_case(e, expr, out_value, err);
    }
    WR_UNREACHABLE();
}

/* Text is copied where it stays; its old place goes with the scratch bump. */
static wr_status keep_value(wr_bump *bump, size_t text_bytes_max, wr_value *io_value, wr_error *err)
{
    if (io_value->is_null || !wr_type_is_bytes(io_value->type))
        return WR_OK;
    if (io_value->text.byte_count > text_bytes_max)
        return WR_RAISE(err, WR_NO_MEMORY, "a constant of %zu bytes is too long to keep",
                        io_value->text.byte_count);
    io_value->text.bytes = wr_bump_copy(bump, io_value->text, err);
    return io_value->text.bytes ? WR_OK : WR_NO_MEMORY;
}

static wr_status evaluate_once(const wr_expr *expr, wr_bump *bump, size_t text_bytes_max,
                               wr_value *out_value, wr_error *err)
{
    wr_bump    scratch;
    evaluation e = {.scratch = &scratch};
    wr_value   value;
    wr_status  status = WR_NO_MEMORY;

    wr_bump_init(&scratch, bump->lease);
    e.room = wr_bump_alloc(&scratch, wr_vector_bytes(wr_type_decimal(38, 0)), err);
    if (e.room)
        status = evaluate(&e, expr, &value, err);
    if (status == WR_OK)
        status = keep_value(bump, text_bytes_max, &value, err);
    if (status == WR_OK)
        *out_value = value;
    wr_bump_release(&scratch);
    return status;
}

wr_status wr_expr_evaluate(const wr_expr *expr, wr_bump *bump, wr_value *out_value, wr_error *err)
{
    return evaluate_once(expr, bump, SIZE_MAX, out_value, err);
}

/* ---- Folding -------------------------------------------------------------------------------------- */

bool wr_expr_can_fail(const wr_expr *expr)
{
    if (expr->lambda && wr_expr_can_fail(expr->lambda->body))
        return true;
    if (expr->kind == WR_EXPR_CALL && !(expr->function->flags & WR_FN_TOTAL))
        return true;
    if (expr->kind == WR_EXPR_CAST && !expr->try_ &&
        wr_cast_can_fail(expr->args[0]->type, expr->type))
        return true;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (wr_expr_can_fail(expr->args[i]))
            return true;
    return false;
}

static bool is_constant(const wr_expr *expr)
{
    return expr->kind == WR_EXPR_CONST;
}

static bool is_boolean(const wr_expr *expr, bool value)
{
    return is_constant(expr) && !expr->value.is_null && expr->value.boolean == value;
}

/* Evaluate a node over constants; one that fails stays, to fail when a row reaches it. */
static wr_status fold_node(wr_expr *expr, wr_bump *bump, wr_expr **out_expr, wr_error *err)
{
    wr_value value;

    *out_expr = expr;
    if (evaluate_once(expr, bump, FOLDED_TEXT_BYTES_MAX, &value, NULL) != WR_OK)
        return WR_OK;
    *out_expr = wr_expr_node(bump, WR_EXPR_CONST, expr->type, 0, err);
    if (!*out_expr)
        return WR_NO_MEMORY;
    (*out_expr)->value = value;
    (*out_expr)->nullable = value.is_null;
    (*out_expr)->line = expr->line;
    (*out_expr)->column_number = expr->column_number;
    return WR_OK;
}

/* Drop neutral constants; a deciding one makes what follows unreachable. `expr` is our own copy. */
static wr_expr *fold_logic(wr_expr *expr)
{
    bool     neutral = expr->kind == WR_EXPR_AND, can_fail = false;
    wr_expr *last = NULL;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < expr->arg_count; i++) {
        last = expr->args[i];
        if (is_boolean(last, neutral))
            continue;
        if (is_boolean(last, !neutral) && !can_fail)
            return last;
        expr->args[kept++] = last;
        if (is_boolean(last, !neutral))
            break;
        can_fail |= wr_expr_can_fail(last);
    }
    expr->arg_count = kept;
    if (kept == 0)
        return last; /* all neutral */
    return kept == 1 ? expr->args[0] : expr;
}

/* Drop branches that are never taken, end at one that always is. `expr` is our own copy. */
static wr_expr *fold_case(wr_expr *expr)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i + 1 < expr->arg_count; i += 2) {
        if (is_boolean(expr->args[i], true)) {
            expr->args[kept++] = expr->args[i + 1];
            expr->arg_count = kept;
            break;
        }
        if (is_constant(expr->args[i]))
            continue;
        expr->args[kept++] = expr->args[i];
        expr->args[kept++] = expr->args[i + 1];
    }
    if (kept % 2 == 0) {
        expr->args[kept++] = expr->args[expr->arg_count - 1];
        expr->arg_count = kept;
    }
    return kept == 1 ? expr->args[0] : expr;
}

/* A strict call with a constant NULL, whose other arguments cannot fail, is NULL. */
static bool is_null_call(const wr_expr *expr)
{
    bool has_null = false;

    if (expr->kind == WR_EXPR_CALL && (expr->function->flags & WR_FN_NONSTRICT))
        return false;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        has_null |= is_constant(expr->args[i]) && expr->args[i]->value.is_null;
        if (wr_expr_can_fail(expr->args[i]))
            return false;
    }
    return has_null;
}

/* Is the tree the same in every run? */
static bool is_fixed(const wr_expr *expr)
{
    if (expr->kind == WR_EXPR_CALL && (expr->function->flags & (WR_FN_VOLATILE | WR_FN_STABLE)))
        return false;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!is_fixed(expr->args[i]))
            return false;
    return !expr->lambda || is_fixed(expr->lambda->body);
}

static wr_status fold_call(wr_expr *expr, wr_bump *bump, wr_expr **out_expr, wr_error *err)
{
    bool all_constant = true;

    *out_expr = expr;
    if (expr->kind == WR_EXPR_CALL && (expr->function->flags & (WR_FN_VOLATILE | WR_FN_STABLE)))
        return WR_OK;
    if (expr->lambda && !is_fixed(expr->lambda->body))
        return WR_OK;
    if (expr->function && (expr->function->flags & WR_FN_CONST_TAIL))
        all_constant = is_constant(expr->args[0]);
    else if (is_null_call(expr)) {
        wr_value null = null_of(expr->type);

        *out_expr = wr_expr_const(bump, &null, err);
        return *out_expr ? WR_OK : WR_NO_MEMORY;
    } else
        for (uint32_t i = 0; i < expr->arg_count; i++)
            all_constant &= is_constant(expr->args[i]);
    return all_constant ? fold_node(expr, bump, out_expr, err) : WR_OK;
}

wr_status wr_expr_fold(wr_expr *expr, wr_bump *bump, wr_expr **out_expr, wr_error *err)
{
    wr_expr  *copy;
    wr_expr **args;

    *out_expr = expr;
    if (expr->kind == WR_EXPR_CONST || expr->kind == WR_EXPR_COLUMN)
        return WR_OK;
    copy = wr_expr_node(bump, expr->kind, expr->type, expr->arg_count, err);
    if (!copy)
        return WR_NO_MEMORY;
    args = copy->args;
    *copy = *expr;
    copy->args = args;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        WR_TRY(wr_expr_fold(expr->args[i], bump, &copy->args[i], err));
    switch (expr->kind) {
    case WR_EXPR_AND:
    case WR_EXPR_OR:
        *out_expr = fold_logic(copy);
        return WR_OK;
    case WR_EXPR_CASE:
        *out_expr = fold_case(copy);
        return WR_OK;
    default:
        return fold_call(copy, bump, out_expr, err);
    }
}
