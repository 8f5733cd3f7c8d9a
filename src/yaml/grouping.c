/* yaml/grouping.c — the keys of an aggregate and its grouping sets.
 *
 * group_by is SQL's list of elements; `rollup`, `cube` and `grouping_sets` are elements of it in
 * YAML's lists. An element is a list of sets: a key one set with this key, ROLLUP one for each
 * prefix. Elements side by side multiply: every set of one together with every set of the others.
 * While elements are read, bit k of a set is 1 if key k is present. */
#include "yaml/pipeline_priv.h"

enum { SETS_MAX = 4096, CUBE_KEYS_MAX = 12, KEYS_MAX = 63 };

typedef struct set_list {
    uint64_t *sets;
    uint32_t  count, capacity;
} set_list;

typedef struct group_reading {
    pipeline      *p;
    const step    *s;
    const wr_yaml *node;     /* at hand, for messages             */
    item_list      keys;
    bool           has_sets; /* more than keys side by side       */
    set_list       all;      /* of the elements so far            */
} group_reading;

static wr_status fail(const group_reading *r, wr_error *err, const char *message)
{
    return wr_yaml_fail(&r->p->file, r->node, err, "%s", message);
}

static wr_status append_set(group_reading *r, set_list *list, uint64_t set, wr_error *err)
{
    if (list->count == SETS_MAX)
        return fail(r, err, "more than 4096 grouping sets");
    if (list->count == list->capacity) {
        uint32_t  capacity = list->capacity ? 2 * list->capacity : 8;
        uint64_t *sets = WR_BUMP_NEW_ARRAY(r->p->bump, uint64_t, capacity, err);

        if (!sets)
            return WR_NO_MEMORY;
        if (list->count > 0)
            memcpy(sets, list->sets, list->count * sizeof sets[0]);
        list->sets = sets;
        list->capacity = capacity;
    }
    list->sets[list->count++] = set;
    return WR_OK;
}

/* One more element: every set so far together with every set of it. */
static wr_status multiply(group_reading *r, const set_list *element, wr_error *err)
{
    set_list product = {0};

    for (uint32_t i = 0; i < r->all.count; i++)
        for (uint32_t k = 0; k < element->count; k++)
            WR_TRY(append_set(r, &product, r->all.sets[i] | element->sets[k], err));
    r->all = product;
    return WR_OK;
}

/* ---- Keys ------------------------------------------------------------------------------------- */

/* The bits of keys; one that was given before, under the same name, is the same key. */
static wr_status add_keys(group_reading *r, const wr_ast_group *group, const item_list *keys,
                          uint64_t *out_set, wr_error *err)
{
    *out_set = 0;
    for (uint32_t i = 0; i < group->key_count; i++) {
        const item *key = &keys->items[group->key_first + i];
        uint32_t    k = 0;

        while (k < r->keys.count && !(wr_text_equal(r->keys.items[k].name, key->name) &&
                                      wr_expr_equal(r->keys.items[k].expr, key->expr)))
            k++;
        if (k == r->keys.count)
            WR_TRY(wr_items_append(r->p, &r->keys, key, err));
        if (k < KEYS_MAX)
            *out_set |= (uint64_t)1 << k;
    }
    return WR_OK;
}

/* ---- Elements in SQL -------------------------------------------------------------------------- */

static wr_status roll_up(group_reading *r, const uint64_t *parts, uint32_t count, set_list *out,
                         wr_error *err)
{
    r->has_sets = true;
    for (uint32_t kept = count + 1; kept-- > 0;) {
        uint64_t set = 0;

        for (uint32_t i = 0; i < kept; i++)
            set |= parts[i];
        WR_TRY(append_set(r, out, set, err));
    }
    return WR_OK;
}

static wr_status make_cube(group_reading *r, const uint64_t *parts, uint32_t count, set_list *out,
                           wr_error *err)
{
    r->has_sets = true;
    if (count > CUBE_KEYS_MAX)
        return wr_yaml_fail(&r->p->file, r->node, err,
                            "cube of %u keys: at most %d, which are 4096 grouping sets", count,
                            CUBE_KEYS_MAX);
    for (uint32_t absent = 0; absent < 1u << count; absent++) {
        uint64_t set = 0;

        for (uint32_t i = 0; i < count; i++)
            set |= absent >> (count - 1 - i) & 1 ? 0 : parts[i];
        WR_TRY(append_set(r, out, set, err));
    }
    return WR_OK;
}

static wr_status add_element(group_reading *r, const wr_ast_group *group, const item_list *keys,
                             set_list *out, wr_error *err);

/* ROLLUP and CUBE: each part is one set. */
static wr_status add_parts(group_reading *r, const wr_ast_group *group, const item_list *keys,
                           set_list *out, wr_error *err)
{
    for (uint32_t i = 0; i < group->part_count; i++) {
        if (group->parts[i].kind > WR_GROUP_LIST)
            return fail(r, err, "ROLLUP and CUBE take keys and lists of keys");
        WR_TRY(add_element(r, &group->parts[i], keys, out, err));
    }
    return WR_OK;
}

static wr_status add_element(group_reading *r, const wr_ast_group *group, const item_list *keys,
                             set_list *out, wr_error *err)
{
    set_list parts = {0};
    uint64_t set;

    switch (group->kind) {
    case WR_GROUP_ITEM:
    case WR_GROUP_LIST:
        WR_TRY(add_keys(r, group, keys, &set, err));
        return append_set(r, out, set, err);
    case WR_GROUP_ROLLUP:
        WR_TRY(add_parts(r, group, keys, &parts, err));
        return roll_up(r, parts.sets, parts.count, out, err);
    case WR_GROUP_CUBE:
        WR_TRY(add_parts(r, group, keys, &parts, err));
        return make_cube(r, parts.sets, parts.count, out, err);
    case WR_GROUP_SETS:
        r->has_sets = true;
        for (uint32_t i = 0; i < group->part_count; i++)
            WR_TRY(add_element(r, &group->parts[i], keys, out, err));
        return WR_OK;
    }
    WR_UNREACHABLE();
}

/* ---- Elements in YAML ------------------------------------------------------------------------- */

/* What to do with the elements of one place: put them side by side, or into a list. */
typedef enum use { MULTIPLY, LIST, LIST_OF_KEYS } use;

static wr_status use_element(group_reading *r, use how, const wr_ast_group *group,
                             const item_list *keys, set_list *out, wr_error *err)
{
    set_list element = {0};

    if (how == LIST_OF_KEYS && group->kind > WR_GROUP_LIST)
        return fail(r, err, "rollup and cube take keys and lists of keys");
    if (how != MULTIPLY)
        return add_element(r, group, keys, out, err);
    WR_TRY(add_element(r, group, keys, &element, err));
    return multiply(r, &element, err);
}

/* "a, b", or {name: expression}: elements. */
static wr_status read_elements(group_reading *r, use how, const wr_yaml *node, set_list *out,
                               wr_error *err)
{
    wr_scope     scope = wr_scope_of(r->p, r->s);
    item_list    keys = {0};
    wr_ast_group list = {.kind = WR_GROUP_LIST};

    r->node = node;
    if (node->kind == WR_YAML_SCALAR) {
        WR_TRY(wr_read_grouping(r->p, r->s, node, &keys, &list, err));
        for (uint32_t i = 0; i < list.part_count; i++)
            WR_TRY(use_element(r, how, &list.parts[i], &keys, out, err));
        return WR_OK;
    }
    WR_TRY(wr_read_items(r->p, r->s, &scope, node, NULL, &keys, err));
    list.key_count = keys.count;
    return use_element(r, how, &list, &keys, out, err);
}

/* A scalar, a map, or a list of them. A list in the list is a list of keys; else it is elements. */
static wr_status read_list(group_reading *r, use how, const wr_yaml *node, set_list *out,
                           wr_error *err)
{
    if (node->kind != WR_YAML_LIST)
        return read_elements(r, how, node, out, err);
    for (const wr_yaml *child = node->first; child; child = child->next)
        WR_TRY(read_elements(r, how, child, out, err));
    return WR_OK;
}

/* ---- The whole -------------------------------------------------------------------------------- */

/* Present keys to absent ones; equal sets are counted. */
static wr_status count_sets(const group_reading *r, grouping *out, wr_error *err)
{
    uint64_t whole = ((uint64_t)1 << r->keys.count) - 1;

    out->sets = WR_BUMP_NEW_ARRAY(r->p->bump, uint64_t, r->all.count, err);
    out->times = WR_BUMP_NEW_ARRAY(r->p->bump, uint32_t, r->all.count, err);
    if (!out->sets || !out->times)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < r->all.count; i++) {
        uint64_t set = whole & ~r->all.sets[i];
        uint32_t k = 0;

        while (k < out->set_count && out->sets[k] != set)
            k++;
        out->repeats |= k < out->set_count;
        out->times[k]++;
        if (k == out->set_count)
            out->sets[out->set_count++] = set;
    }
    return WR_OK;
}

wr_status wr_read_group_by(pipeline *p, const step *s, const wr_yaml *const values[4],
                           grouping *out, wr_error *err)
{
    group_reading r = {.p = p, .s = s};

    *out = (grouping){0};
    WR_TRY(append_set(&r, &r.all, 0, err));
    if (values[0])
        WR_TRY(read_list(&r, MULTIPLY, values[0], NULL, err));
    for (uint32_t i = 1; i < 4; i++) {
        set_list parts = {0}, element = {0};

        if (!values[i])
            continue;
        WR_TRY(read_list(&r, i == 3 ? LIST : LIST_OF_KEYS, values[i], &parts, err));
        r.node = values[i];
        r.has_sets = true;
        if (i == 1)
            WR_TRY(roll_up(&r, parts.sets, parts.count, &element, err));
        else if (i == 2)
            WR_TRY(make_cube(&r, parts.sets, parts.count, &element, err));
        WR_TRY(multiply(&r, i == 3 ? &parts : &element, err));
    }
    out->keys = r.keys;
    if (!r.has_sets)
        return WR_OK;
    if (r.keys.count > KEYS_MAX)
        return fail(&r, err, "grouping sets of more than 63 keys");
    if (r.all.count == 0)
        return fail(&r, err, "'grouping_sets' is empty: [[]] is one group of all rows");
    return count_sets(&r, out, err);
}
