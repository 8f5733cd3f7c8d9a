/* catalog/union_type.c — a type that holds the values of two, as inference would have chosen it.
 *
 * Numbers get the larger type, structs the members of both, lists and maps the union of what they hold;
 * all else is text. At most WR_NESTED_DEPTH_MAX calls deep. */
#include "catalog/catalog_priv.h"
#include "types/nested.h"

static bool is_integer(wr_type type)
{
    return type.logical == WR_TYPE_I64 || type.logical == WR_TYPE_U64 ||
           (type.logical == WR_TYPE_DECIMAL && type.scale == 0);
}

/* Members of `a` in their order, then those that only `b` has. */
static wr_status unite_structs(wr_type a, wr_type b, wr_bump *bump, wr_type *out_type, wr_error *err)
{
    uint32_t   count = wr_type_member_count(a), more = wr_type_member_count(b);
    wr_member *members = WR_BUMP_NEW_ARRAY(bump, wr_member, (size_t)count + more, err);
    wr_error   why = {0};

    if (!members)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = wr_type_find_member(b, wr_type_member(a, i).name);

        members[i] = wr_type_member(a, i);
        if (other != WR_FIELD_NONE)
            WR_TRY(wr_type_unite(members[i].type, wr_type_member(b, other).type, bump,
                                 &members[i].type, err));
    }
    for (uint32_t i = 0; i < more; i++)
        if (wr_type_find_member(a, wr_type_member(b, i).name) == WR_FIELD_NONE)
            members[count++] = wr_type_member(b, i);
    if (wr_type_make_struct(members, count, out_type, &why) != WR_OK)
        *out_type = WR_TYPE(UTF8);
    return WR_OK;
}

/* Maps have to have keys of one type. *out_type is Utf8 before. */
static wr_status unite_sequences(wr_type a, wr_type b, wr_bump *bump, wr_type *out_type,
                                 wr_error *err)
{
    bool     is_map = a.logical == WR_TYPE_MAP;
    wr_type  of_a = wr_type_element(a), of_b = wr_type_element(b), key = WR_TYPE(UTF8), element;
    wr_error why = {0};

    if (is_map) {
        key = wr_type_member(of_a, 0).type;
        if (!wr_type_equal(key, wr_type_member(of_b, 0).type))
            return WR_OK;
        of_a = wr_type_member(of_a, 1).type;
        of_b = wr_type_member(of_b, 1).type;
    }
    WR_TRY(wr_type_unite(of_a, of_b, bump, &element, err));
    if ((is_map ? wr_type_make_map(key, element, out_type, &why)
                : wr_type_make_list(element, out_type, &why)) != WR_OK)
        *out_type = WR_TYPE(UTF8);
    return WR_OK;
}

wr_status wr_type_unite(wr_type a, wr_type b, wr_bump *bump, wr_type *out_type, wr_error *err)
{
    *out_type = WR_TYPE(UTF8);
    if (wr_type_equal(a, b) || b.logical == WR_TYPE_NULL_)
        *out_type = a;
    else if (a.logical == WR_TYPE_NULL_)
        *out_type = b;
    else if (is_integer(a) && is_integer(b))
        *out_type = (wr_type){.logical = WR_TYPE_DECIMAL, .precision = 38};
    else if ((is_integer(a) || a.logical == WR_TYPE_F64) &&
             (is_integer(b) || b.logical == WR_TYPE_F64))
        *out_type = WR_TYPE(F64);
    else if (a.logical == b.logical && a.logical == WR_TYPE_STRUCT)
        return unite_structs(a, b, bump, out_type, err);
    else if (a.logical == b.logical && wr_type_is_sequence(a))
        return unite_sequences(a, b, bump, out_type, err);
    return WR_OK;
}
