/* expr/call.c — resolving calls: which variant of a function takes these arguments.
 *
 * Every descriptor of the name is tried; the one whose implicit conversions go the shortest way wins,
 * the first listed on a tie. Then the conversions are inserted as casts. Cost: one walk of the
 * function tables a call, at plan time. */
#include "expr/expr_priv.h"

#include "expr/program.h"
#include "os/libm.h"

/* ---- Coercion ----------------------------------------------------------------------------------- */

wr_status wr_expr_coerce(wr_bump *bump, wr_expr *arg, wr_type type, wr_expr **out_expr,
                         wr_error *err)
{
    wr_value value;
    wr_error inner;

    WR_TRY(wr_expr_cast(bump, arg, type, false, out_expr, err));
    if (!wr_expr_is_literal(arg) || (*out_expr)->kind == WR_EXPR_CONST)
        return WR_OK;
    /* A literal that cannot be read is a mistake in the text, not in the data. */
    wr_error_clear(&inner);
    if (wr_expr_evaluate(*out_expr, bump, &value, &inner) == WR_OK)
        return WR_OK;
    return WR_RAISE(err, WR_INVALID, "%s", inner.message);
}

/* ---- Candidates ------------------------------------------------------------------------------------ */

typedef struct candidate {
    const wr_function *function;
    wr_type           *types; /* what the arguments are cast to */
    wr_type            result;
    uint64_t           distance;
} candidate;

static bool takes_count(const wr_function *function, uint32_t arg_count)
{
    if (function->flags & WR_FN_VARIADIC)
        return arg_count >= function->param_count;
    return arg_count == function->param_count;
}

/* Fill in types and distance; false: this variant does not fit. */
static bool measure(const wr_function *function, wr_expr *const *args, uint32_t arg_count,
                    candidate *io_candidate)
{
    io_candidate->function = function;
    io_candidate->result = function->result;
    io_candidate->distance = 0;
    if (!takes_count(function, arg_count))
        return false;
    for (uint32_t i = 0; i < arg_count; i++)
        io_candidate->types[i] = args[i]->type;
    if (function->resolve) {
        if (!function->resolve((const wr_expr *const *)args, arg_count, io_candidate->types,
                               &io_candidate->result))
            return false;
    } else {
        for (uint32_t i = 0; i < arg_count; i++)
            io_candidate->types[i] =
                function->params[i < function->param_count ? i : function->param_count - 1];
    }
    for (uint32_t i = 0; i < arg_count; i++) {
        uint32_t distance = wr_expr_distance(args[i], io_candidate->types[i]);

        if (distance == UINT32_MAX && !function->resolve)
            return false;
        if (distance == UINT32_MAX) /* its own choice: any cast will do, but is far */
            distance = wr_type_castable(args[i]->type, io_candidate->types[i]) ? 100 : UINT32_MAX;
        if (distance == UINT32_MAX)
            return false;
        io_candidate->distance += distance;
    }
    return true;
}

static wr_status find_best(wr_bump *bump, wr_text name, wr_expr *const *args, uint32_t arg_count,
                           candidate *out_best, bool *out_is_known, wr_error *err)
{
    const wr_function_table *table;
    candidate other = {.types = WR_BUMP_NEW_ARRAY(bump, wr_type, arg_count, err)};

    *out_best = (candidate){.types = WR_BUMP_NEW_ARRAY(bump, wr_type, arg_count, err)};
    *out_is_known = false;
    if (!other.types || !out_best->types)
        return WR_NO_MEMORY;
    for (uint32_t t = 0; (table = wr_function_table_at(t)) != NULL; t++)
        for (uint32_t f = 0; f < table->function_count; f++) {
            const wr_function *function = &table->functions[f];

            if (!wr_text_equal_nocase(name, wr_text_of(function->name)))
                continue;
            *out_is_known = true;
            if (measure(function, args, arg_count, &other) &&
                (!out_best->function || other.distance < out_best->distance)) {
                candidate best = other;

                other.types = out_best->types;
                *out_best = best;
            }
        }
    return WR_OK;
}

/* ---- Messages ------------------------------------------------------------------------------------- */

static bool is_operator(wr_text name)
{
    char c = name.byte_count ? name.bytes[0] : ' ';

    return !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '_';
}

/* '1' + '2': literals alone do not say what they are to be read as, unless it is text. */
static bool is_ambiguous(wr_expr *const *args, uint32_t arg_count, const candidate *best)
{
    for (uint32_t i = 0; i < arg_count; i++)
        if (!wr_expr_is_literal(args[i]) || best->types[i].logical == WR_TYPE_UTF8)
            return false;
    return true;
}

/* "no variant of 'f' takes (Int32, Utf8): it has (text) -> text, ...". */
static wr_status raise_no_variant(wr_text name, wr_expr *const *args, uint32_t arg_count,
                                  wr_error *err)
{
    const wr_function_table *table;
    const char *separator = ": it has ";
    char        type_name[WR_TYPE_NAME_BYTES];

    if (is_operator(name))
        (void)WR_RAISE(err, WR_INVALID, "operator %.*s does not take (", WR_TEXT_ARG(name));
    else
        (void)WR_RAISE(err, WR_INVALID, "no variant of '%.*s' takes (", WR_TEXT_ARG(name));
    for (uint32_t i = 0; i < arg_count && i < WR_FN_ARGS_MAX; i++)
        wr_error_append(err, "%s%s", i ? ", " : "", wr_type_format(args[i]->type, type_name));
    wr_error_append(err, "%s)", arg_count > WR_FN_ARGS_MAX ? ", ..." : "");
    for (uint32_t t = 0; (table = wr_function_table_at(t)) != NULL; t++)
        for (uint32_t f = 0; f < table->function_count; f++)
            if (wr_text_equal_nocase(name, wr_text_of(table->functions[f].name))) {
                wr_error_append(err, "%s%s", separator, table->functions[f].signature);
                separator = "; ";
            }
    return WR_INVALID;
}

static wr_status raise_unknown(wr_text name, wr_error *err)
{
    (void)WR_RAISE(err, WR_INVALID, "unknown function '%.*s'", WR_TEXT_ARG(name));
    wr_function_suggest(name, err);
    return WR_INVALID;
}

/* ---- The call ---------------------------------------------------------------------------------------- */

static bool result_is_nullable(const wr_function *function, const wr_expr *call)
{
    if (function->flags & WR_FN_NEVER_NULL)
        return false;
    if (function->flags & WR_FN_MAY_NULL)
        return true;
    for (uint32_t i = 0; i < call->arg_count; i++)
        if (call->args[i]->nullable)
            return true;
    return false;
}

wr_status wr_expr_call(wr_bump *bump, wr_text name, wr_expr **args, uint32_t arg_count,
                       wr_expr **out_expr, wr_error *err)
{
    candidate best;
    bool      is_known;
    wr_expr  *call = NULL;

    WR_TRY(wr_expr_special(bump, name, args, arg_count, &call, err));
    if (call) {
        *out_expr = call;
        return WR_OK;
    }
    WR_TRY(find_best(bump, name, args, arg_count, &best, &is_known, err));
    if (!is_known)
        return raise_unknown(name, err);
    if (!best.function || (is_operator(name) && is_ambiguous(args, arg_count, &best)))
        return raise_no_variant(name, args, arg_count, err);
    call = wr_expr_node(bump, WR_EXPR_CALL, best.result, arg_count, err);
    if (!call)
        return WR_NO_MEMORY;
    call->function = best.function;
    for (uint32_t i = 0; i < arg_count; i++)
        WR_TRY(wr_expr_coerce(bump, args[i], best.types[i], &call->args[i], err));
    if (best.function->flags & WR_FN_MATH)
        WR_TRY(wr_math_open(err));
    call->nullable = result_is_nullable(best.function, call);
    *out_expr = call;
    return best.function->check ? best.function->check(call, err) : WR_OK;
}
