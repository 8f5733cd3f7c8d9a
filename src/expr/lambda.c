/* expr/lambda.c — calls with a lambda, and casts between nested types, which are such calls.
 *
 * A List is cast by a list_transform whose body casts an element; a Struct by a struct_pack of its members,
 * by name; a Map as the list of its entries. Casts nest as deep as types do. */
#include "expr/expr_priv.h"
#include "expr/program.h"
#include "types/nested.h"

/* ---- Calls ------------------------------------------------------------------------------------------ */

static const wr_function *find_function(const char *name)
{
    for (uint32_t i = 0; i < WR_FUNCTIONS_LAMBDA.function_count; i++)
        if (strcmp(WR_FUNCTIONS_LAMBDA.functions[i].name, name) == 0)
            return &WR_FUNCTIONS_LAMBDA.functions[i];
    WR_UNREACHABLE();
}

static wr_status find_type(const char *name, const wr_expr *list, const wr_expr *body,
                           wr_type *out_type, wr_error *err)
{
    if (strcmp(name, "list_transform") == 0)
        return wr_type_make_list(body->type, out_type, err);
    *out_type = strcmp(name, "list_filter") == 0 ? list->type : body->type;
    return WR_OK;
}

wr_status wr_expr_lambda(wr_bump *bump, const char *name, wr_expr **args, uint32_t arg_count,
                         const wr_lambda *lambda, wr_expr **out_expr, wr_error *err)
{
    wr_lambda *kept = WR_BUMP_NEW(bump, wr_lambda, err);
    wr_schema  columns = {.field_count = lambda->column_count};
    wr_type    type;
    wr_expr   *call;

    if (!kept)
        return WR_NO_MEMORY;
    *kept = *lambda;
    if (!wr_expr_is_repeatable(lambda->body))
        return WR_RAISE(err, WR_UNSUPPORTED, "a lambda cannot draw random values");
    WR_TRY(wr_expr_fold(lambda->body, bump, &kept->body, err));
    WR_TRY(wr_program_compile(&kept->body, 1, &columns, bump, &kept->program, err));
    WR_TRY(find_type(name, args[0], kept->body, &type, err));
    call = wr_expr_node(bump, WR_EXPR_CALL, type, arg_count, err);
    if (!call)
        return WR_NO_MEMORY;
    call->function = find_function(name);
    call->lambda = kept;
    call->nullable = args[0]->nullable || strcmp(name, "list_reduce") == 0;
    call->line = args[0]->line;
    call->column_number = args[0]->column_number;
    memcpy(call->args, args, arg_count * sizeof *args);
    *out_expr = call;
    return WR_OK;
}

/* ---- Casts ------------------------------------------------------------------------------------------ */

/* `sequence` with its elements cast to `element`: a List. */
static wr_status cast_elements(wr_bump *bump, wr_expr *sequence, wr_type element, bool tries,
                               wr_expr **out_expr, wr_error *err)
{
    static const wr_text NAME[] = {{"x", 1}};
    wr_type  *types = WR_BUMP_NEW(bump, wr_type, err);
    wr_lambda lambda = {.names = NAME, .types = types, .parameter_count = 1, .column_count = 1};
    wr_expr  *column;

    if (!types)
        return WR_NO_MEMORY;
    *types = wr_type_element(sequence->type);
    column = wr_expr_column(bump, 0, *types, true, err);
    if (!column)
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_cast(bump, column, element, tries, &lambda.body, err));
    return wr_expr_lambda(bump, "list_transform", &sequence, 1, &lambda, out_expr, err);
}

/* Keys that were different may be equal after the cast: then the map is made anew. */
static wr_status cast_map(wr_bump *bump, wr_expr *map, wr_type type, bool tries, wr_expr **out_expr,
                          wr_error *err)
{
    wr_type from = wr_type_element(map->type), to = wr_type_element(type);

    WR_TRY(cast_elements(bump, map, to, tries, out_expr, err));
    if (wr_type_equal(wr_type_member(from, 0).type, wr_type_member(to, 0).type)) {
        (*out_expr)->type = type; /* the same bytes */
        return WR_OK;
    }
    return wr_expr_call(bump, WR_TEXT("map_from_entries"), out_expr, 1, out_expr, err);
}

/* The member of that name, cast; NULL if there is none. */
static wr_status cast_member(wr_bump *bump, wr_expr *strukt, wr_member to, bool tries,
                             wr_expr **out_expr, wr_error *err)
{
    uint32_t member = wr_type_find_member(strukt->type, to.name);
    wr_value null = {.type = to.type, .is_null = true};
    wr_expr *value = member == WR_FIELD_NONE ? wr_expr_const(bump, &null, err)
                                             : wr_expr_member(bump, strukt, member, err);

    return value ? wr_expr_cast(bump, value, to.type, tries, out_expr, err) : WR_NO_MEMORY;
}

static wr_status cast_struct(wr_bump *bump, wr_expr *strukt, wr_type type, bool tries,
                             wr_expr **out_expr, wr_error *err)
{
    uint32_t  count = wr_type_member_count(type);
    wr_expr **members = WR_BUMP_NEW_ARRAY(bump, wr_expr *, count, err);
    wr_expr  *made;

    if (!members)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(cast_member(bump, strukt, wr_type_member(type, i), tries, &members[i], err));
    made = wr_expr_struct(bump, type, members, err);
    return made ? wr_expr_unless_null(bump, strukt, made, out_expr, err) : WR_NO_MEMORY;
}

wr_status wr_expr_cast_nested(wr_bump *bump, wr_expr *arg, wr_type type, bool tries,
                              wr_expr **out_expr, wr_error *err)
{
    char from[WR_TYPE_NAME_BYTES], to[WR_TYPE_NAME_BYTES];

    if (!wr_nested_castable(arg->type, type))
        return WR_RAISE(err, WR_INVALID, "there is no cast from %s to %s",
                        wr_type_format(arg->type, from), wr_type_format(type, to));
    if (type.logical == WR_TYPE_LIST)
        WR_TRY(cast_elements(bump, arg, wr_type_element(type), tries, out_expr, err));
    else if (type.logical == WR_TYPE_MAP)
        WR_TRY(cast_map(bump, arg, type, tries, out_expr, err));
    else
        WR_TRY(cast_struct(bump, arg, type, tries, out_expr, err));
    return arg->kind == WR_EXPR_CONST ? wr_expr_fold(*out_expr, bump, out_expr, err) : WR_OK;
}
