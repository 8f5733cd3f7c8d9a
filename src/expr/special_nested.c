/* expr/special_nested.c — structs by the names of their fields, and x[i], which depends on what x is.
 *
 * Names are constants: they belong to the type of a struct and do not travel with its values. */
#include "expr/aggregate.h"
#include "expr/expr_priv.h"
#include "expr/operators.h"
#include "types/nested.h"

#include <stdio.h>

enum { ROW_FIELDS_MAX = 64 };

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

/* Fields that are gathered for a struct. */
typedef struct fields {
    wr_member *members;
    wr_expr  **values;
    uint32_t   count;
} fields;

static wr_status make_fields(wr_bump *bump, uint32_t room, fields *out, wr_error *err)
{
    *out = (fields){.members = WR_BUMP_NEW_ARRAY(bump, wr_member, room, err),
                    .values = WR_BUMP_NEW_ARRAY(bump, wr_expr *, room, err)};
    return out->members && out->values ? WR_OK : WR_NO_MEMORY;
}

/* All fields of `strukt`. */
static wr_status add_fields(wr_bump *bump, wr_expr *strukt, fields *io, wr_error *err)
{
    for (uint32_t i = 0; i < wr_type_member_count(strukt->type); i++) {
        io->members[io->count] = wr_type_member(strukt->type, i);
        io->values[io->count] = wr_expr_member(bump, strukt, i, err);
        if (!io->values[io->count++])
            return WR_NO_MEMORY;
    }
    return WR_OK;
}

static wr_status close_fields(wr_bump *bump, const fields *f, wr_expr **out_expr, wr_error *err)
{
    wr_type type;

    WR_TRY(wr_type_make_struct(f->members, f->count, &type, err));
    *out_expr = wr_expr_struct(bump, type, f->values, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
}

/* struct_insert(s, name, value, ...): its fields and these. */
wr_status wr_make_insert(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                         wr_error *err)
{
    fields f;

    WR_TRY(check_struct("struct_insert", args[0], err));
    WR_TRY(make_fields(bump, wr_type_member_count(args[0]->type) + arg_count, &f, err));
    WR_TRY(add_fields(bump, args[0], &f, err));
    WR_TRY(read_members("struct_insert", args + 1, arg_count - 1, f.members + f.count,
                        f.values + f.count, err));
    f.count += arg_count / 2;
    WR_TRY(close_fields(bump, &f, out_expr, err));
    return wr_expr_unless_null(bump, args[0], *out_expr, out_expr, err);
}

/* struct_update(s, name, value, ...): these in the place of fields of their names, or behind all. */
wr_status wr_make_update(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                         wr_error *err)
{
    uint32_t old_count;
    fields   f, others;

    WR_TRY(check_struct("struct_update", args[0], err));
    old_count = wr_type_member_count(args[0]->type);
    WR_TRY(make_fields(bump, old_count + arg_count, &f, err));
    WR_TRY(make_fields(bump, arg_count, &others, err));
    WR_TRY(add_fields(bump, args[0], &f, err));
    WR_TRY(read_members("struct_update", args + 1, arg_count - 1, others.members, others.values, err));
    for (uint32_t i = 0; i < arg_count / 2; i++) {
        uint32_t at = wr_type_find_member(args[0]->type, others.members[i].name);

        at = at == WR_FIELD_NONE ? f.count++ : at;
        f.members[at] = (wr_member){at < old_count ? f.members[at].name : others.members[i].name,
                                    others.members[i].type};
        f.values[at] = others.values[i];
    }
    WR_TRY(close_fields(bump, &f, out_expr, err));
    return wr_expr_unless_null(bump, args[0], *out_expr, out_expr, err);
}

wr_status wr_make_struct_concat(wr_bump *bump, wr_expr **args, uint32_t arg_count,
                                wr_expr **out_expr, wr_error *err)
{
    uint32_t room = 0;
    fields   f;

    for (uint32_t a = 0; a < arg_count; a++) {
        WR_TRY(check_struct("struct_concat", args[a], err));
        room += wr_type_member_count(args[a]->type);
    }
    WR_TRY(make_fields(bump, room, &f, err));
    for (uint32_t a = 0; a < arg_count; a++)
        WR_TRY(add_fields(bump, args[a], &f, err));
    return close_fields(bump, &f, out_expr, err);
}

bool wr_nested_make_row(const wr_type *types, uint32_t count, wr_type *out_type)
{
    wr_member members[ROW_FIELDS_MAX];
    char      names[ROW_FIELDS_MAX][4];

    if (count > ROW_FIELDS_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "f%u", i + 1);
        members[i] = (wr_member){wr_text_of(names[i]), types[i]};
    }
    return wr_type_make_struct(members, count, out_type, NULL) == WR_OK;
}

/* row(a, b): {'f1': a, 'f2': b}, as PostgreSQL calls them. */
wr_status wr_make_row(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                      wr_error *err)
{
    wr_type types[ROW_FIELDS_MAX], type;

    for (uint32_t i = 0; i < arg_count && i < ROW_FIELDS_MAX; i++)
        types[i] = args[i]->type;
    if (!wr_nested_make_row(types, arg_count, &type))
        return WR_RAISE(err, WR_UNSUPPORTED, "row: more than %d values: name them with struct_pack",
                        ROW_FIELDS_MAX);
    *out_expr = wr_expr_struct(bump, type, args, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
}

wr_status wr_make_keys(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                       wr_error *err)
{
    wr_expr **names;
    uint32_t  count;

    (void)arg_count;
    WR_TRY(check_struct("struct_keys", args[0], err));
    count = wr_type_member_count(args[0]->type);
    names = WR_BUMP_NEW_ARRAY(bump, wr_expr *, count, err);
    for (uint32_t i = 0; names && i < count; i++) {
        wr_value name = {.type = WR_TYPE(UTF8), .text = wr_type_member(args[0]->type, i).name};

        names[i] = wr_expr_const(bump, &name, err);
        if (!names[i])
            return WR_NO_MEMORY;
    }
    if (!names)
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_call(bump, WR_TEXT("list_value"), names, count, out_expr, err));
    return wr_expr_unless_null(bump, args[0], *out_expr, out_expr, err);
}

/* struct_extract_at(s, 2): the second field. */
wr_status wr_make_field_at(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                           wr_error *err)
{
    uint32_t count;

    (void)arg_count;
    WR_TRY(check_struct("struct_extract_at", args[0], err));
    count = wr_type_member_count(args[0]->type);
    if (args[1]->kind != WR_EXPR_CONST || !wr_type_is_integer(args[1]->type) ||
        args[1]->value.is_null || args[1]->value.i64 < 1 || args[1]->value.i64 > count)
        return WR_RAISE(err, WR_INVALID, "struct_extract_at: the place of a field is a number from 1 to %u",
                        count);
    *out_expr = wr_expr_member(bump, args[0], (uint32_t)args[1]->value.i64 - 1, err);
    return *out_expr ? WR_OK : WR_NO_MEMORY;
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

/* ---- Lists by other functions ---------------------------------------------------------------------------- */

/* list_string_agg(list, separator): NULL, where array_to_string of nothing is the empty text. */
wr_status wr_make_string_agg(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                             wr_error *err)
{
    wr_value comma = {.type = WR_TYPE(UTF8), .text = WR_TEXT(",")};
    wr_value none = {.type = WR_TYPE(UTF8), .is_null = true}, zero = {.type = WR_TYPE(I64)};
    wr_expr *join[2] = {args[0], arg_count > 1 ? args[1] : wr_expr_const(bump, &comma, err)};
    wr_expr *counted[2] = {NULL, wr_expr_const(bump, &zero, err)};
    wr_expr *branches[3] = {NULL, wr_expr_const(bump, &none, err), NULL};

    if (!join[1] || !counted[1] || !branches[1])
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_call(bump, WR_TEXT("array_to_string"), join, 2, &branches[2], err));
    WR_TRY(wr_expr_call(bump, WR_TEXT("list_count"), args, 1, &counted[0], err));
    WR_TRY(wr_expr_call(bump, WR_TEXT(WR_OPERATOR_EQ), counted, 2, &branches[0], err));
    return wr_expr_case(bump, branches, 3, out_expr, err);
}

/* list_aggregate(list, 'sum') is list_sum(list), by any name of the aggregate; what is behind the name
 * goes along. */
wr_status wr_make_aggregate(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                            wr_error *err)
{
    wr_expr    *list_args[2] = {args[0], arg_count > 2 ? args[2] : NULL};
    wr_text     given;
    wr_agg_kind kind;
    char       *name;

    if (!wr_expr_is_literal(args[1]))
        return WR_RAISE(err, WR_INVALID, "list_aggregate: the name of an aggregate is a text in quotes");
    given = args[1]->value.text;
    if (wr_agg_find(given, &kind))
        given = wr_text_of(wr_agg_name(kind));
    name = wr_bump_printf(bump, err, "list_%.*s", WR_TEXT_ARG(given));
    return name ? wr_expr_call(bump, wr_text_of(name), list_args, arg_count - 1, out_expr, err)
                : WR_NO_MEMORY;
}

/* `name`(list, numbers ...) */
static wr_status call_with_numbers(wr_bump *bump, const char *name, wr_expr *list,
                                   const int64_t *numbers, uint32_t count, wr_expr **out_expr,
                                   wr_error *err)
{
    wr_expr *args[3] = {list};

    for (uint32_t i = 0; i < count; i++) {
        wr_value value = {.type = WR_TYPE(I64), .i64 = numbers[i]};

        args[1 + i] = wr_expr_const(bump, &value, err);
        if (!args[1 + i])
            return WR_NO_MEMORY;
    }
    return wr_expr_call(bump, wr_text_of(name), args, 1 + count, out_expr, err);
}

wr_status wr_make_first(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                        wr_error *err)
{
    (void)arg_count;
    return call_with_numbers(bump, "list_extract", args[0], (int64_t[]){1}, 1, out_expr, err);
}

wr_status wr_make_last(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                       wr_error *err)
{
    (void)arg_count;
    return call_with_numbers(bump, "list_extract", args[0], (int64_t[]){-1}, 1, out_expr, err);
}

wr_status wr_make_push_front(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                             wr_error *err)
{
    wr_expr *turned[] = {args[1], args[0]};

    return wr_expr_call(bump, WR_TEXT("list_prepend"), turned, arg_count, out_expr, err);
}

wr_status wr_make_pop_back(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                           wr_error *err)
{
    (void)arg_count;
    return call_with_numbers(bump, "list_slice", args[0], (int64_t[]){1, -2}, 2, out_expr, err);
}

wr_status wr_make_pop_front(wr_bump *bump, wr_expr **args, uint32_t arg_count, wr_expr **out_expr,
                            wr_error *err)
{
    (void)arg_count;
    return call_with_numbers(bump, "list_slice", args[0], (int64_t[]){2, -1}, 2, out_expr, err);
}
