/* expr/special.c — names that are called like functions and become something else.
 *
 * coalesce, ifnull, nvl, nvl2, nullif, if and iff are CASE: what is not needed is not computed, so it
 * cannot fail. typeof is a constant, abs of an unsigned difference a distance, date a cast, date_add and date_sub are operators. x IN (...) is one probe of a hash set for the constants, OR comparisons
 * for the rest. A plus sign is its argument. What is about nested values: special_nested.c. */
#include "expr/expr_priv.h"
#include "expr/operators.h"
#include "types/nested.h"

static wr_status call(wr_bump *bump, const char *name, wr_expr *left, wr_expr *right,
                      wr_expr **out_expr, wr_error *err)
{
    wr_expr *args[] = {left, right};

    return wr_expr_call(bump, wr_text_of(name), args, right ? 2 : 1, out_expr, err);
}

static wr_expr *typed_null(wr_bump *bump, wr_type type, wr_error *err)
{
    wr_value null = {.type = type, .is_null = true};

    return wr_expr_const(bump, &null, err);
}

static wr_status raise_no_common(const char *name, wr_expr *const *args, uint32_t arg_count,
                                 wr_error *err)
{
    char type_name[WR_TYPE_NAME_BYTES];

    (void)WR_RAISE(err, WR_INVALID, "%s: no common type for (", name);
    for (uint32_t i = 0; i < arg_count && i < WR_FN_ARGS_MAX; i++)
        wr_error_append(err, "%s%s", i ? ", " : "", wr_type_format(args[i]->type, type_name));
    wr_error_append(err, "%s): cast some", arg_count > WR_FN_ARGS_MAX ? ", ..." : "");
    return WR_INVALID;
}

static wr_status coerce_all(wr_bump *bump, const char *name, wr_expr *const *args,
                            uint32_t arg_count, bool adapt, wr_expr **out_args, wr_error *err)
{
    wr_type common;

    if (!wr_expr_common((const wr_expr *const *)args, arg_count, adapt, &common))
        return raise_no_common(name, args, arg_count, err);
    for (uint32_t i = 0; i < arg_count; i++)
        WR_TRY(wr_expr_coerce(bump, args[i], common, &out_args[i], err));
    return WR_OK;
}

/* CASE WHEN a IS NOT NULL THEN a WHEN ... ELSE last END. */
static wr_status make_coalesce(wr_bump *bump, wr_expr **args, uint32_t arg_count,
                               wr_expr **out_expr, wr_error *err)
{
    wr_expr **values = WR_BUMP_NEW_ARRAY(bump, wr_expr *, arg_count, err);
    wr_expr **branches = WR_BUMP_NEW_ARRAY(bump, wr_expr *, 2 * arg_count, err);
    wr_expr  *last;
    uint32_t  count = 0;

    if (!values || !branches)
        return WR_NO_MEMORY;
    WR_TRY(coerce_all(bump, "coalesce", args, arg_count, false, values, err));
    last = values[arg_count - 1];
    for (uint32_t i = 0; i + 1 < arg_count; i++) {
        if (!values[i]->nullable) {
            last = values[i];
            break;
        }
        WR_TRY(call(bump, WR_OPERATOR_IS_NOT_NULL, values[i], NULL, &branches[count], err));
        branches[count + 1] = values[i];
        count += 2;
    }
    if (count == 0) {
        *out_expr = last;
        return WR_OK;
    }
    branches[count++] = last;
    WR_TRY(wr_expr_case(bump, branches, count, out_expr, err));
    (*out_expr)->nullable = last->nullable;
    return WR_OK;
}

static wr_status make_nullif(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                             wr_error *err)
{
    wr_expr *branches[3] = {NULL, NULL, args[0]};
    bool     is_literal = wr_expr_is_literal(args[0]);

    (void)arg_count;
    WR_TRY(call(bump, WR_OPERATOR_EQ, args[0], args[1], &branches[0], err));
    branches[1] = typed_null(bump, is_literal ? WR_TYPE(UTF8) : args[0]->type, err);
    if (!branches[1])
        return WR_NO_MEMORY;
    return wr_expr_case(bump, branches, 3, out_expr, err);
}

static wr_status make_if(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                         wr_error *err)
{
    return wr_expr_case(bump, args, arg_count, out_expr, err);
}

/* nvl2(x, given, missing). */
static wr_status make_nvl2(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                           wr_error *err)
{
    wr_expr *branches[3] = {NULL, args[1], args[2]};

    (void)arg_count;
    WR_TRY(call(bump, WR_OPERATOR_IS_NOT_NULL, args[0], NULL, &branches[0], err));
    return wr_expr_case(bump, branches, 3, out_expr, err);
}

static wr_status make_date_add(wr_bump *bump, wr_expr **args, uint32_t arg_count,
                               wr_expr **out_expr, wr_error *err)
{
    return wr_expr_call(bump, WR_TEXT(WR_OPERATOR_ADD), args, arg_count, out_expr, err);
}

static wr_status make_date_sub(wr_bump *bump, wr_expr **args, uint32_t arg_count,
                               wr_expr **out_expr, wr_error *err)
{
    return wr_expr_call(bump, WR_TEXT(WR_OPERATOR_SUB), args, arg_count, out_expr, err);
}

static wr_status make_date(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                           wr_error *err)
{
    (void)arg_count;
    return wr_expr_cast(bump, args[0], WR_TYPE(DATE32), false, out_expr, err);
}

static wr_status make_typeof(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                             wr_error *err)
{
    char     name[WR_TYPE_NAME_BYTES];
    wr_value value = {.type = WR_TYPE(UTF8)};

    (void)arg_count;
    value.text = wr_text_of(wr_type_format(args[0]->type, name));
    *out_expr = wr_expr_const(bump, &value, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
}

/* Other types go on to the table, whose message says what there is. */
static wr_status make_plus(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                           wr_error *err)
{
    (void)bump, (void)arg_count, (void)err;
    if (wr_type_is_numeric(args[0]->type) || args[0]->type.logical == WR_TYPE_INTERVAL ||
        wr_expr_is_null(args[0]))
        *out_expr = args[0];
    return WR_OK;
}

/* ---- IN ------------------------------------------------------------------------------------------------ */

static wr_status make_probe(wr_bump *bump, wr_expr *value, wr_expr **constants, uint32_t count,
                            bool has_null, wr_expr **out_expr, wr_error *err)
{
    wr_expr *probe;

    if (count == 1)
        return call(bump, WR_OPERATOR_EQ, value, constants[0], out_expr, err);
    probe = wr_expr_node(bump, WR_EXPR_CALL, WR_TYPE(BOOL), count + 1, err);
    if (!probe)
        return WR_NO_MEMORY;
    probe->function = has_null ? &WR_IN_NULL_FUNCTION : &WR_IN_FUNCTION;
    probe->args[0] = value;
    memcpy(probe->args + 1, constants, count * sizeof *constants);
    probe->nullable = has_null || value->nullable;
    *out_expr = probe;
    return WR_OK;
}

/* Decimals whose common type has fewer digits behind the point than one of them. */
static bool loses_digits(wr_expr *const *args, uint32_t arg_count, wr_type common)
{
    if (common.logical != WR_TYPE_DECIMAL)
        return false;
    for (uint32_t i = 0; i < arg_count; i++)
        if (args[i]->type.logical == WR_TYPE_DECIMAL && args[i]->type.scale > common.scale)
            return true;
    return false;
}

/* x = a OR x = b ...: each in the type that the two need. */
static wr_status compare_each(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **tests,
                              wr_expr **out_expr, wr_error *err)
{
    for (uint32_t i = 1; i < arg_count; i++)
        WR_TRY(call(bump, WR_OPERATOR_EQ, args[0], args[i], &tests[i - 1], err));
    if (arg_count > 2)
        return wr_expr_logic(bump, WR_EXPR_OR, tests, arg_count - 1, out_expr, err);
    *out_expr = tests[0];
    return WR_OK;
}

static wr_status make_in(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                         wr_error *err)
{
    wr_expr **values = WR_BUMP_NEW_ARRAY(bump, wr_expr *, arg_count, err);
    wr_expr **tests = WR_BUMP_NEW_ARRAY(bump, wr_expr *, arg_count, err);
    uint32_t  constant_count = 0, test_count = 0;
    bool      has_null = false;

    if (!values || !tests)
        return WR_NO_MEMORY;
    WR_TRY(coerce_all(bump, "IN", args, arg_count, true, values, err));
    if (loses_digits(args, arg_count, values[0]->type) || wr_type_is_nested(values[0]->type))
        return compare_each(bump, args, arg_count, tests, out_expr, err);
    /* Constants move to the front, in order; the first place is left for their probe. */
    for (uint32_t i = 1; i < arg_count; i++) {
        wr_expr *element = values[i];

        if (element->kind == WR_EXPR_CONST) {
            values[1 + constant_count++] = element;
            has_null |= element->value.is_null;
        } else {
            WR_TRY(call(bump, WR_OPERATOR_EQ, values[0], element, &tests[1 + test_count++], err));
        }
    }
    if (constant_count > 0) {
        WR_TRY(make_probe(bump, values[0], values + 1, constant_count, has_null, &tests[0], err));
        test_count++;
    } else {
        tests++;
    }
    if (test_count > 1)
        return wr_expr_logic(bump, WR_EXPR_OR, tests, test_count, out_expr, err);
    *out_expr = tests[0];
    return WR_OK;
}

/* abs(a - b) of unsigned numbers is their distance: CASE WHEN a < b THEN b - a ELSE a - b END. */
static wr_status make_distance(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                               wr_error *err)
{
    wr_expr *minus = args[0], *branches[3] = {NULL, NULL, minus};

    (void)arg_count;
    if (minus->kind != WR_EXPR_CALL || minus->arg_count != 2 || !wr_type_is_unsigned(minus->type) ||
        strcmp(minus->function->name, WR_OPERATOR_SUB) != 0 || !wr_expr_is_repeatable(minus))
        return WR_OK;
    WR_TRY(call(bump, WR_OPERATOR_LT, minus->args[0], minus->args[1], &branches[0], err));
    WR_TRY(call(bump, WR_OPERATOR_SUB, minus->args[1], minus->args[0], &branches[1], err));
    return wr_expr_case(bump, branches, 3, out_expr, err);
}

/* ---- Table ---------------------------------------------------------------------------------------------- */

typedef wr_status (*make_fn)(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                             wr_error *err);

static const struct {
    const char *name;
    uint32_t    args_min, args_max;
    make_fn     make;
} SPECIALS[] = {
    {"coalesce", 1, UINT32_MAX, make_coalesce},
    {"ifnull", 2, 2, make_coalesce},
    {"nvl", 2, 2, make_coalesce},
    {"nullif", 2, 2, make_nullif},
    {"if", 3, 3, make_if},
    {"iff", 3, 3, make_if},
    {"nvl2", 3, 3, make_nvl2},
    {"date", 1, 1, make_date},
    {"date_add", 2, 2, make_date_add},
    {"date_sub", 2, 2, make_date_sub},
    {"date_subtract", 2, 2, make_date_sub},
    {"typeof", 1, 1, make_typeof},
    {"abs", 1, 1, make_distance},
    {"struct_pack", 2, UINT32_MAX, wr_make_struct},
    {"named_struct", 2, UINT32_MAX, wr_make_struct},
    {"struct_insert", 3, UINT32_MAX, wr_make_insert},
    {"row", 1, UINT32_MAX, wr_make_row},
    {"struct_update", 3, UINT32_MAX, wr_make_update},
    {"struct_concat", 1, UINT32_MAX, wr_make_struct_concat},
    {"struct_keys", 1, 1, wr_make_keys},
    {"struct_extract", 2, 2, wr_make_field},
    {"struct_extract_at", 2, 2, wr_make_field_at},
    {"array_push_front", 2, 2, wr_make_push_front},
    {"array_pop_back", 1, 1, wr_make_pop_back},
    {"array_pop_front", 1, 1, wr_make_pop_front},
    {"array_extract", 2, 2, wr_make_subscript},
    {"list_aggregate", 2, 3, wr_make_aggregate},
    {"array_aggregate", 2, 3, wr_make_aggregate},
    {"list_aggr", 2, 3, wr_make_aggregate},
    {"array_aggr", 2, 3, wr_make_aggregate},
    {"aggregate", 2, 3, wr_make_aggregate},
    {"list_string_agg", 1, 2, wr_make_string_agg},
    {"list_first", 1, 1, wr_make_first},
    {"list_last", 1, 1, wr_make_last},
    {WR_OPERATOR_IN, 2, UINT32_MAX, make_in},
    {WR_OPERATOR_ADD, 1, 1, make_plus},
};

wr_status wr_expr_special(wr_bump *bump, wr_text name, wr_expr **args, uint32_t arg_count,
                          wr_expr **out_expr, wr_error *err)
{
    *out_expr = NULL;
    for (size_t i = 0; i < sizeof SPECIALS / sizeof SPECIALS[0]; i++) {
        uint32_t args_min = SPECIALS[i].args_min, args_max = SPECIALS[i].args_max;

        if (!wr_text_equal_nocase(name, wr_text_of(SPECIALS[i].name)))
            continue;
        if (arg_count >= args_min && arg_count <= args_max)
            return SPECIALS[i].make(bump, args, arg_count, out_expr, err);
        if (SPECIALS[i].make == make_plus)
            continue; /* the sum of two */
        return WR_RAISE(err, WR_INVALID, "%s takes %s%u argument%s, not %u", SPECIALS[i].name,
                        args_max == UINT32_MAX ? "at least " : "", args_min,
                        args_min == 1 ? "" : "s", arg_count);
    }
    return WR_OK;
}

const char *wr_expr_special_name(uint32_t index)
{
    return index < sizeof SPECIALS / sizeof SPECIALS[0] ? SPECIALS[index].name : NULL;
}
