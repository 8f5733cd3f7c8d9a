/* expr/special_nested.c — structs by the names of their fields, and x[i], which depends on what x is.
 *
 * Names are constants: they belong to the type of a struct and do not travel with its values. */
#include "expr/expr_priv.h"
#include "expr/operators.h"
#include "types/nested.h"

static const wr_function *find_function(const char *name)
{
    for (uint32_t i = 0; i < WR_FUNCTIONS_STRUCT.function_count; i++)
        if (strcmp(WR_FUNCTIONS_STRUCT.functions[i].name, name) == 0)
            return &WR_FUNCTIONS_STRUCT.functions[i];
    WR_UNREACHABLE();
}

/* ---- Parts ---------------------------------------------------------------------------------------- */

wr_expr *wr_expr_struct(wr_bump *bump, wr_type type, wr_expr *const *members, wr_error *err)
{
    uint32_t count = wr_type_member_count(type);
    wr_expr *call = wr_expr_node(bump, WR_EXPR_CALL, type, count, err);

    if (!call)
        return NULL;
    call->function = find_function("struct_pack");
    memcpy(call->args, members, count * sizeof *members);
    return call;
}

wr_expr *wr_expr_member(wr_bump *bump, wr_expr *strukt, uint32_t member, wr_error *err)
{
    wr_member of = wr_type_member(strukt->type, member);
    wr_value  name = {.type = WR_TYPE(UTF8), .text = of.name};
    wr_expr  *call = wr_expr_node(bump, WR_EXPR_CALL, of.type, 2, err);

    if (!call)
        return NULL;
    call->function = find_function("struct_extract");
    call->nullable = true;
    call->line = strukt->line;
    call->column_number = strukt->column_number;
    call->args[0] = strukt;
    call->args[1] = wr_expr_const(bump, &name, err);
    return call->args[1] ? call : NULL;
}

wr_status wr_expr_unless_null(wr_bump *bump, wr_expr *arg, wr_expr *value, wr_expr **out_expr,
                              wr_error *err)
{
    wr_value null = {.type = value->type, .is_null = true};
    wr_expr *branches[3] = {NULL, wr_expr_const(bump, &null, err), value};

    *out_expr = value;
    if (!arg->nullable)
        return WR_OK;
    if (!branches[1])
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_call(bump, WR_TEXT(WR_OPERATOR_IS_NULL), &arg, 1, &branches[0], err));
    return wr_expr_case(bump, branches, 3, out_expr, err);
}

/* ---- Structs -------------------------------------------------------------------------------------- */

/* Names and values in turn. */
static wr_status read_members(const char *function, wr_expr *const *args, uint32_t arg_count,
                              wr_member *members, wr_expr **values, wr_error *err)
{
    if (arg_count % 2 != 0)
        return WR_RAISE(err, WR_INVALID, "%s: a name has no value", function);
    for (uint32_t i = 0; i < arg_count / 2; i++) {
        const wr_expr *name = args[2 * i];

        if (!wr_expr_is_literal(name))
            return WR_RAISE(err, WR_INVALID, "%s: the name of a field is a text in quotes", function);
        values[i] = args[2 * i + 1];
        members[i] = (wr_member){name->value.text, values[i]->type};
    }
    return WR_OK;
}

wr_status wr_make_struct(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                         wr_error *err)
{
    wr_member *members = WR_BUMP_NEW_ARRAY(bump, wr_member, arg_count, err);
    wr_expr  **values = WR_BUMP_NEW_ARRAY(bump, wr_expr *, arg_count, err);
    wr_type    type;

    if (!members || !values)
        return WR_NO_MEMORY;
    WR_TRY(read_members("struct_pack", args, arg_count, members, values, err));
    WR_TRY(wr_type_make_struct(members, arg_count / 2, &type, err));
    *out_expr = wr_expr_struct(bump, type, values, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
}

static wr_status check_struct(const char *function, const wr_expr *arg, wr_error *err)
{
    char name[WR_TYPE_NAME_BYTES];

    if (arg->type.logical == WR_TYPE_STRUCT)
        return WR_OK;
    return WR_RAISE(err, WR_INVALID, "%s takes a Struct, not %s", function,
                    wr_type_format(arg->type, name));
}

/* struct_insert(s, name, value, ...): its fields and these. */
wr_status wr_make_insert(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                         wr_error *err)
{
    uint32_t   old_count, new_count = arg_count / 2;
    wr_member *members;
    wr_expr  **values;
    wr_type    type;

    WR_TRY(check_struct("struct_insert", args[0], err));
    old_count = wr_type_member_count(args[0]->type);
    members = WR_BUMP_NEW_ARRAY(bump, wr_member, old_count + new_count, err);
    values = WR_BUMP_NEW_ARRAY(bump, wr_expr *, old_count + new_count, err);
    if (!members || !values)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < old_count; i++) {
        members[i] = wr_type_member(args[0]->type, i);
        values[i] = wr_expr_member(bump, args[0], i, err);
        if (!values[i])
            return WR_NO_MEMORY;
    }
    WR_TRY(read_members("struct_insert", args + 1, arg_count - 1, members + old_count,
                        values + old_count, err));
    WR_TRY(wr_type_make_struct(members, old_count + new_count, &type, err));
    *out_expr = wr_expr_struct(bump, type, values, err);
    if (!*out_expr)
        return WR_NO_MEMORY;
    return wr_expr_unless_null(bump, args[0], *out_expr, out_expr, err);
}

static wr_status raise_no_field(wr_type type, wr_text name, wr_error *err)
{
    wr_suggest suggest;

    (void)WR_RAISE(err, WR_INVALID, "there is no field '%.*s'", WR_TEXT_ARG(name));
    wr_suggest_init(&suggest, name);
    for (uint32_t i = 0; i < wr_type_member_count(type); i++)
        wr_suggest_offer(&suggest, wr_type_member(type, i).name);
    wr_suggest_append(&suggest, err);
    for (uint32_t i = 0; i < wr_type_member_count(type) && i < 24; i++)
        wr_error_append(err, "%s%.*s", i ? ", " : "; fields: ",
                        WR_TEXT_ARG(wr_type_member(type, i).name));
    return WR_INVALID;
}

wr_status wr_make_field(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                        wr_error *err)
{
    uint32_t member;

    (void)arg_count;
    WR_TRY(check_struct("struct_extract", args[0], err));
    if (!wr_expr_is_literal(args[1]))
        return WR_RAISE(err, WR_INVALID, "a field of a struct is named by a text in quotes: s['name']");
    member = wr_type_find_member(args[0]->type, args[1]->value.text);
    if (member == WR_FIELD_NONE)
        return raise_no_field(args[0]->type, args[1]->value.text, err);
    *out_expr = wr_expr_member(bump, args[0], member, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
}

/* ---- x[i] ----------------------------------------------------------------------------------------- */

wr_status wr_make_subscript(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                            wr_error *err)
{
    char name[WR_TYPE_NAME_BYTES];

    switch ((wr_logical)args[0]->type.logical) {
    case WR_TYPE_STRUCT:
        return wr_make_field(bump, args, arg_count, out_expr, err);
    case WR_TYPE_MAP:
        return wr_expr_call(bump, WR_TEXT("map_extract_value"), args, arg_count, out_expr, err);
    case WR_TYPE_LIST:
    case WR_TYPE_UTF8:
    case WR_TYPE_NULL_:
        if (!wr_expr_is_literal(args[1]))
            return wr_expr_call(bump, WR_TEXT("list_extract"), args, arg_count, out_expr, err);
        return WR_RAISE(err, WR_INVALID, "%s has no fields: there is no '%.*s'",
                        wr_type_format(args[0]->type, name), WR_TEXT_ARG(args[1]->value.text));
    default:
        return WR_RAISE(err, WR_INVALID,
                        "%s has neither elements nor fields: only lists, structs, maps and texts have",
                        wr_type_format(args[0]->type, name));
    }
}

/* ---- Names of aggregates ---------------------------------------------------------------------------- */

/* list_aggregate(list, 'sum') is list_sum(list). */
wr_status wr_make_aggregate(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                            wr_error *err)
{
    char *name;

    (void)arg_count;
    if (!wr_expr_is_literal(args[1]))
        return WR_RAISE(err, WR_INVALID, "list_aggregate: the name of an aggregate is a text in quotes");
    name = wr_bump_printf(bump, err, "list_%.*s", WR_TEXT_ARG(args[1]->value.text));
    return name ? wr_expr_call(bump, wr_text_of(name), args, 1, out_expr, err) : WR_NO_MEMORY;
}

static wr_status make_element(wr_bump *bump, wr_expr *list, int64_t position, wr_expr **out_expr,
                              wr_error *err)
{
    wr_value value = {.type = WR_TYPE(I64), .i64 = position};
    wr_expr *args[] = {list, wr_expr_const(bump, &value, err)};

    return args[1] ? wr_expr_call(bump, WR_TEXT("list_extract"), args, 2, out_expr, err)
                   : WR_NO_MEMORY;
}

wr_status wr_make_first(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                        wr_error *err)
{
    (void)arg_count;
    return make_element(bump, args[0], 1, out_expr, err);
}

wr_status wr_make_last(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                       wr_error *err)
{
    (void)arg_count;
    return make_element(bump, args[0], -1, out_expr, err);
}
