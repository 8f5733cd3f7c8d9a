/* expr/coerce_nested.c — which nested types go together.
 *
 * Lists and maps go by their elements. Structs go by the names of their members, in any case: the
 * common type has the members of the first and behind them those that only the second has, NULL where
 * a value does not have one. So nothing that a row says is lost, as in a union by name.
 * The walk is down types: at most WR_NESTED_DEPTH_MAX calls deep. */
#include "expr/expr_priv.h"
#include "types/nested.h"

enum { NEVER = UINT32_MAX, POOL_MEMBERS = 256 };

/* Members of the structs that are being made, those of the innermost last. */
typedef struct member_pool {
    wr_member members[POOL_MEMBERS];
    uint32_t  used;
} member_pool;

static bool find_common(wr_type a, wr_type b, member_pool *pool, wr_type *out_type);

static bool add_member(member_pool *pool, wr_text name, wr_type type)
{
    if (pool->used == POOL_MEMBERS)
        return false;
    pool->members[pool->used++] = (wr_member){name, type};
    return true;
}

static bool add_members(wr_type a, wr_type b, member_pool *pool)
{
    for (uint32_t i = 0; i < wr_type_member_count(a); i++) {
        wr_member member = wr_type_member(a, i);
        uint32_t  other = wr_type_find_member(b, member.name);

        if (other != WR_FIELD_NONE &&
            !find_common(member.type, wr_type_member(b, other).type, pool, &member.type))
            return false;
        if (!add_member(pool, member.name, member.type))
            return false;
    }
    for (uint32_t i = 0; i < wr_type_member_count(b); i++) {
        wr_member member = wr_type_member(b, i);

        if (wr_type_find_member(a, member.name) == WR_FIELD_NONE &&
            !add_member(pool, member.name, member.type))
            return false;
    }
    return true;
}

static bool find_common_struct(wr_type a, wr_type b, member_pool *pool, wr_type *out_type)
{
    uint32_t first = pool->used;
    bool     found = add_members(a, b, pool) &&
                 wr_type_make_struct(pool->members + first, pool->used - first, out_type, NULL) ==
                     WR_OK;

    pool->used = first;
    return found;
}

static bool find_common_sequence(wr_type a, wr_type b, member_pool *pool, wr_type *out_type)
{
    wr_type entry, element;

    if (!find_common(wr_type_element(a), wr_type_element(b), pool, &element))
        return false;
    if (a.logical == WR_TYPE_LIST)
        return wr_type_make_list(element, out_type, NULL) == WR_OK;
    entry = element;
    return wr_type_make_map(wr_type_member(entry, 0).type, wr_type_member(entry, 1).type, out_type,
                            NULL) == WR_OK;
}

static bool find_common(wr_type a, wr_type b, member_pool *pool, wr_type *out_type)
{
    if (!wr_type_is_nested(a) || !wr_type_is_nested(b))
        return wr_type_common(a, b, out_type);
    if (a.logical != b.logical)
        return false;
    if (wr_type_equal(a, b)) {
        *out_type = a;
        return true;
    }
    return a.logical == WR_TYPE_STRUCT ? find_common_struct(a, b, pool, out_type)
                                       : find_common_sequence(a, b, pool, out_type);
}

bool wr_nested_common(wr_type a, wr_type b, wr_type *out_type)
{
    member_pool pool;

    pool.used = 0;
    return wr_type_is_nested(a) && wr_type_is_nested(b) && find_common(a, b, &pool, out_type);
}

/* How far the farthest part goes: wide structs are no worse than narrow ones. */
uint32_t wr_nested_distance(wr_type from, wr_type to)
{
    uint32_t farthest = 1;

    if (!wr_type_is_nested(from) || from.logical != to.logical)
        return NEVER;
    if (from.logical != WR_TYPE_STRUCT)
        return wr_type_distance(wr_type_element(from), wr_type_element(to));
    for (uint32_t i = 0; i < wr_type_member_count(from); i++) {
        wr_member member = wr_type_member(from, i);
        uint32_t  target = wr_type_find_member(to, member.name), distance;

        if (target == WR_FIELD_NONE)
            return NEVER;
        distance = wr_type_distance(member.type, wr_type_member(to, target).type);
        farthest = distance > farthest ? distance : farthest;
    }
    return farthest;
}

/* A struct is cast to one that shares a member with it. */
static bool is_castable_struct(wr_type from, wr_type to)
{
    bool any = false;

    for (uint32_t i = 0; i < wr_type_member_count(to); i++) {
        wr_member member = wr_type_member(to, i);
        uint32_t  source = wr_type_find_member(from, member.name);

        if (source == WR_FIELD_NONE)
            continue;
        if (!wr_type_castable(wr_type_member(from, source).type, member.type))
            return false;
        any = true;
    }
    return any;
}

bool wr_nested_castable(wr_type from, wr_type to)
{
    if (from.logical == WR_TYPE_UTF8 || to.logical == WR_TYPE_UTF8)
        return true; /* as JSON */
    if (!wr_type_is_nested(from) || from.logical != to.logical)
        return false;
    if (from.logical == WR_TYPE_STRUCT)
        return is_castable_struct(from, to);
    return wr_type_castable(wr_type_element(from), wr_type_element(to));
}
