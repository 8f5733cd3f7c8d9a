/* planner/build_sets.c — grouping sets: a cascade of aggregates.
 *
 * Only sets that no other set contains are computed from rows. Every other set is computed from the
 * groups of a set that has its keys and more: their states are merged (wr_plan_aggregate.takes_states)
 * while they are put out. Sets are sorted into levels: one more than the highest level of a set that
 * contains it, so that one of those stands on the level just above. Each level is one aggregate, which
 * has the set's number as a key if there are several; its reader feeds both the output, a union of all
 * levels, and the next level:
 *
 *   rows -> [expand] -> aggregate 0 -> project ------------> output
 *                              \-> expand -> aggregate 1 -> project -> output
 *                                                   \-> ...
 *
 * So a step holds two aggregates at most, however many sets there are, and rows are looked at once for
 * each set that no other contains: once for a rollup or a cube.
 * Cost: sets squared to plan; a merge per group and set that is computed from it. Source: Harinarayan
 * et al., Implementing Data Cubes Efficiently (SIGMOD 1996); smallest parent as in Agarwal et al., On
 * the Computation of Multidimensional Aggregates (VLDB 1996). */
#include "planner/planner_priv.h"

/* A set as a number has a bit for each absent key, so what is contained has more bits. */
typedef struct lattice {
    const uint64_t *sets;
    uint32_t       *levels;
    uint64_t       *parents;
    uint32_t        set_count, level_count;
} lattice;

static bool contains(uint64_t set, uint64_t other)
{
    return set != other && (set & ~other) == 0;
}

/* The parent is the smallest set of the level above that contains the set. Sets with more keys first,
 * so that levels are known when they are asked for. */
static wr_status make_lattice(wr_builder *b, const wr_plan_node *logical, lattice *out, wr_error *err)
{
    uint32_t count = logical->aggregate.set_count, key_count = logical->aggregate.key_count;

    *out = (lattice){.sets = logical->aggregate.sets, .set_count = count};
    out->levels = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, count, err);
    out->parents = WR_BUMP_NEW_ARRAY(b->bump, uint64_t, count, err);
    if (!out->levels || !out->parents)
        return WR_NO_MEMORY;
    for (uint32_t absent = 0; absent <= key_count; absent++)
        for (uint32_t i = 0; i < count; i++) {
            int bits = -1;

            if ((uint32_t)__builtin_popcountll(out->sets[i]) != absent)
                continue;
            for (uint32_t k = 0; k < count; k++) {
                int theirs = __builtin_popcountll(out->sets[k]);

                if (!contains(out->sets[k], out->sets[i]) || out->levels[k] + 1 < out->levels[i] ||
                    (out->levels[k] + 1 == out->levels[i] && theirs <= bits))
                    continue;
                out->levels[i] = out->levels[k] + 1;
                out->parents[i] = out->sets[k];
                bits = theirs;
            }
            if (out->levels[i] >= out->level_count)
                out->level_count = out->levels[i] + 1;
        }
    return WR_OK;
}

/* ---- One level -------------------------------------------------------------------------------- */

/* Columns of its aggregate's output: the keys that some set of it has, the set if there are several,
 * results, the position if rows have one, and the address of the states if it is not the last. */
typedef struct level {
    uint32_t        number;
    uint32_t       *keys; /* numbers */
    uint32_t        key_count;
    uint64_t        set; /* if it is the only one */
    bool            has_set;
    wr_expand_copy *copies; /* from the level above, or from rows */
    uint32_t        copy_count;
} level;

static wr_status make_level(wr_builder *b, const wr_plan_node *logical, const lattice *sets,
                            uint32_t number, level *out, wr_error *err)
{
    uint64_t absent = UINT64_MAX;
    uint32_t count = 0;

    for (uint32_t i = 0; i < sets->set_count; i++)
        count += sets->levels[i] == number;
    *out = (level){.number = number};
    out->keys = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, logical->aggregate.key_count + 1, err);
    out->copies = WR_BUMP_NEW_ARRAY(b->bump, wr_expand_copy, count, err);
    if (!out->keys || !out->copies)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < sets->set_count; i++) {
        if (sets->levels[i] != number)
            continue;
        out->copies[out->copy_count++] = (wr_expand_copy){sets->parents[i], sets->sets[i]};
        absent &= sets->sets[i];
    }
    for (uint32_t k = 0; k < logical->aggregate.key_count; k++)
        if (!(absent >> k & 1))
            out->keys[out->key_count++] = k;
    out->set = out->copies[0].set;
    out->has_set = out->copy_count > 1;
    return WR_OK;
}

static uint32_t width_of(const level *l)
{
    return l->key_count + l->has_set;
}

/* Column of key `key`, or NONE. */
static uint32_t column_of(const level *l, uint32_t key)
{
    for (uint32_t k = 0; k < l->key_count; k++)
        if (l->keys[k] == key)
            return k;
    return WR_FIELD_NONE;
}

/* What the aggregate's reader gives. */
static wr_status set_types(wr_builder *b, const wr_plan_node *logical, const level *l,
                           const wr_plan_aggregate *plan, wr_stream *stream, wr_error *err)
{
    uint32_t count = 0;
    wr_type *types = WR_BUMP_NEW_ARRAY(b->bump, wr_type, width_of(l) + plan->agg_count + 2, err);

    if (!types)
        return WR_NO_MEMORY;
    for (uint32_t k = 0; k < l->key_count; k++)
        types[count++] = logical->aggregate.keys[l->keys[k]]->type;
    if (l->has_set)
        types[count++] = WR_TYPE(I64);
    for (uint32_t i = 0; i < plan->agg_count; i++)
        types[count++] = plan->aggs[i].result_type;
    types[count++] = WR_TYPE(U64);
    types[count++] = WR_TYPE(U64);
    stream->types = types;
    stream->visible_count = count;
    stream->hidden_count = 0;
    stream->ordered = false;
    return WR_OK;
}

/* ---- Out -------------------------------------------------------------------------------------- */

/* Key `key` of the output. Of equal intervals the first of the group is shown, which is result `first`
 * if there are such results; where the key is NULL or absent it says nothing. */
static wr_status key_expr(wr_builder *b, const wr_plan_node *logical, const level *l, uint32_t key,
                          uint32_t first, const wr_stream *stream, wr_expr **out_expr,
                          wr_error *err)
{
    wr_type   type = logical->aggregate.keys[key]->type;
    wr_value  value = {.type = type, .is_null = true};
    wr_expr  *null = wr_expr_const(b->bump, &value, err), *args[3];
    uint32_t  column = column_of(l, key);

    *out_expr = column == WR_FIELD_NONE ? null : wr_stream_column(b, stream, column, err);
    if (!*out_expr || !null)
        return WR_NO_MEMORY;
    if (column == WR_FIELD_NONE || first == WR_FIELD_NONE || type.logical != WR_TYPE_INTERVAL)
        return WR_OK;
    args[1] = wr_stream_column(b, stream, width_of(l) + first, err);
    args[2] = null;
    if (!args[1])
        return WR_NO_MEMORY;
    WR_TRY(wr_expr_call(b->bump, WR_TEXT("is not null"), out_expr, 1, &args[0], err));
    return wr_expr_case(b->bump, args, 3, out_expr, err);
}

static wr_expr *set_expr(wr_builder *b, const level *l, const wr_stream *stream, wr_error *err)
{
    wr_value value = {.type = WR_TYPE(I64), .i64 = (int64_t)l->set};

    return l->has_set ? wr_stream_column(b, stream, l->key_count, err)
                      : wr_expr_const(b->bump, &value, err);
}

/* The node's columns out of what a level gives, `result_count` results; what orders the rows is the
 * set, then the position. */
static wr_status put_out(wr_builder *b, const wr_plan_node *logical, const level *l,
                         uint32_t result_count, bool positioned, wr_stream *stream, wr_error *err)
{
    uint32_t  key_count = logical->aggregate.key_count, agg_count = logical->aggregate.agg_count;
    uint32_t  visible = key_count + 1 + agg_count, count = 0, first = agg_count;
    wr_expr **exprs = WR_BUMP_NEW_ARRAY(b->bump, wr_expr *, visible + 2, err), *number;

    if (!exprs)
        return WR_NO_MEMORY;
    for (; count < key_count; count++) {
        WR_TRY(key_expr(b, logical, l, count, first < result_count ? first : WR_FIELD_NONE, stream,
                        &exprs[count], err));
        first += logical->aggregate.keys[count]->type.logical == WR_TYPE_INTERVAL;
    }
    exprs[count++] = number = set_expr(b, l, stream, err);
    for (uint32_t i = 0; i < agg_count; i++)
        exprs[count++] = wr_stream_column(b, stream, width_of(l) + i, err);
    if (positioned) {
        if (!number)
            return WR_NO_MEMORY;
        WR_TRY(wr_expr_cast(b->bump, number, WR_TYPE(U64), false, &exprs[count++], err));
        exprs[count++] = wr_stream_column(b, stream, width_of(l) + result_count, err);
    }
    for (uint32_t i = 0; i < count; i++)
        if (!exprs[i])
            return WR_NO_MEMORY;
    return wr_stream_project(b, stream, exprs, count, positioned ? 2 : 0, logical, err);
}

wr_status wr_sets_position(wr_builder *b, const wr_plan_node *logical, wr_stream *stream,
                           wr_error *err)
{
    level whole = {.has_set = true, .key_count = logical->aggregate.key_count};

    whole.keys = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, whole.key_count + 1, err);
    if (!whole.keys)
        return WR_NO_MEMORY;
    for (uint32_t k = 0; k < whole.key_count; k++)
        whole.keys[k] = k;
    return put_out(b, logical, &whole, logical->aggregate.agg_count, true, stream, err);
}

/* ---- Rows and groups for the next level ------------------------------------------------------- */

/* Copies of the stream's rows for a level; key k of all stands in `columns[k]`. */
static wr_status expand(wr_builder *b, const wr_plan_node *logical, const level *to,
                        const uint32_t *columns, uint32_t set_column, const uint32_t *others,
                        uint32_t other_count, wr_stream *stream, wr_error *err)
{
    wr_plan_expand *plan = WR_BUMP_NEW(b->bump, wr_plan_expand, err);
    wr_expand_key  *keys = WR_BUMP_NEW_ARRAY(b->bump, wr_expand_key, to->key_count + 1, err);
    wr_type        *types = WR_BUMP_NEW_ARRAY(b->bump, wr_type, width_of(to) + other_count + 1, err);
    uint32_t        count = 0;

    if (!plan || !keys || !types)
        return WR_NO_MEMORY;
    for (; count < to->key_count; count++) {
        keys[count] = (wr_expand_key){columns[to->keys[count]], to->keys[count]};
        types[count] = logical->aggregate.keys[to->keys[count]]->type;
    }
    if (to->has_set)
        types[count++] = WR_TYPE(I64);
    for (uint32_t i = 0; i < other_count; i++)
        types[count++] = stream->types[others[i]];
    *plan = (wr_plan_expand){
        .copies = to->copies,
        .copy_count = to->copy_count,
        .keys = keys,
        .key_count = to->key_count,
        .puts_set = to->has_set,
        .others = others,
        .other_count = other_count,
        .set_column = set_column,
    };
    WR_TRY(wr_stream_append(b, stream, &WR_EXPAND, plan, logical, err));
    stream->types = types;
    stream->visible_count = count - stream->hidden_count;
    return WR_OK;
}

/* Rows for the first level, or for all sets at once: keys stand in front. `keep_keys` (NULL: none)
 * tells which of them go along as they are, too; *out_map: new column of each old one. */
static wr_status expand_rows(wr_builder *b, const wr_plan_node *logical, const level *to,
                             const bool *keep_keys, wr_stream *stream, uint32_t **out_map,
                             wr_error *err)
{
    uint32_t  width = stream->visible_count + stream->hidden_count, count = 0;
    uint32_t  key_count = logical->aggregate.key_count;
    uint32_t *others = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, width + 1, err);
    uint32_t *columns = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, width + 1, err);
    uint32_t *map = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, width + 1, err);

    if (!others || !columns || !map)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < width; c++) {
        columns[c] = c;
        map[c] = WR_FIELD_NONE;
        if (c < key_count && !(keep_keys && keep_keys[c]))
            continue;
        map[c] = width_of(to) + count;
        others[count++] = c;
    }
    *out_map = map;
    return expand(b, logical, to, columns, WR_FIELD_NONE, others, count, stream, err);
}

wr_status wr_sets_expand(wr_builder *b, const wr_plan_node *logical, wr_stream *stream,
                         wr_error *err)
{
    uint32_t  key_count = logical->aggregate.key_count, *map;
    lattice   sets = {.sets = logical->aggregate.sets, .set_count = logical->aggregate.set_count};
    level     all;

    sets.levels = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, sets.set_count, err);
    sets.parents = WR_BUMP_NEW_ARRAY(b->bump, uint64_t, sets.set_count, err);
    if (!sets.levels || !sets.parents)
        return WR_NO_MEMORY;
    WR_TRY(make_level(b, logical, &sets, 0, &all, err));
    all.has_set = true;
    for (uint32_t k = 0; k < key_count; k++)
        all.keys[k] = k;
    all.key_count = key_count;
    return expand_rows(b, logical, &all, NULL, stream, &map, err);
}

/* Several sets that no other contains: rows come once for each, and arguments do not share columns
 * with keys, which may be absent. */
static wr_status expand_first(wr_builder *b, const wr_plan_node *logical, const level *first,
                              wr_plan_aggregate *plan, wr_stream *stream, wr_error *err)
{
    wr_agg   *aggs = (wr_agg *)(uintptr_t)plan->aggs;
    bool     *keep = WR_BUMP_NEW_ARRAY(b->bump, bool, plan->column_count + 1, err);
    uint32_t *map;

    if (!keep)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < plan->agg_count; i++) {
        uint32_t columns[] = {aggs[i].argument, aggs[i].order, aggs[i].filter};

        for (uint32_t c = 0; c < 3; c++)
            if (columns[c] != WR_FIELD_NONE)
                keep[columns[c]] = true;
    }
    WR_TRY(expand_rows(b, logical, first, keep, stream, &map, err));
    for (uint32_t i = 0; i < plan->agg_count; i++) {
        uint32_t *columns[] = {&aggs[i].argument, &aggs[i].order, &aggs[i].filter};

        for (uint32_t c = 0; c < 3; c++)
            if (*columns[c] != WR_FIELD_NONE)
                *columns[c] = map[*columns[c]];
    }
    if (plan->position != WR_FIELD_NONE)
        plan->position = map[plan->position];
    plan->types = stream->types;
    plan->column_count = stream->visible_count + stream->hidden_count;
    plan->key_count = width_of(first);
    return WR_OK;
}

/* The groups that `from` gives, as copies for `to` with the addresses of their states. */
static wr_status expand_groups(wr_builder *b, const wr_plan_node *logical, const level *from,
                               const level *to, const wr_plan_aggregate *plan, wr_stream *stream,
                               wr_error *err)
{
    uint32_t  key_count = logical->aggregate.key_count;
    uint32_t *columns = WR_BUMP_NEW_ARRAY(b->bump, uint32_t, key_count + 1, err);
    uint32_t *states = WR_BUMP_NEW(b->bump, uint32_t, err);

    if (!columns || !states)
        return WR_NO_MEMORY;
    for (uint32_t k = 0; k < key_count; k++)
        columns[k] = column_of(from, k);
    *states = width_of(from) + plan->agg_count + (plan->position != WR_FIELD_NONE);
    return expand(b, logical, to, columns, from->has_set ? from->key_count : WR_FIELD_NONE, states,
                  1, stream, err);
}

/* ---- The cascade ------------------------------------------------------------------------------ */

/* The aggregate of a level behind `stream`, which becomes its reader. */
static wr_status add_level(wr_builder *b, const wr_plan_node *logical, const level *l,
                           const wr_plan_aggregate *first, bool is_last, wr_stream *stream,
                           wr_error *err)
{
    wr_plan_aggregate *plan = WR_BUMP_NEW(b->bump, wr_plan_aggregate, err);

    if (!plan)
        return WR_NO_MEMORY;
    *plan = *first;
    plan->gives_states = !is_last;
    if (l->number > 0) {
        plan->types = stream->types;
        plan->column_count = stream->visible_count;
        plan->key_count = width_of(l);
        plan->takes_states = true;
    }
    WR_TRY(wr_stream_break(b, stream, &WR_AGGREGATE, &WR_AGGREGATE_READ, plan, logical, err));
    return set_types(b, logical, l, plan, stream, err);
}

static wr_status add_to_union(wr_builder *b, wr_stream *out, const wr_stream *other, wr_error *err)
{
    wr_union_tail *tail = WR_BUMP_NEW(b->bump, wr_union_tail, err);

    if (!tail)
        return WR_NO_MEMORY;
    *tail = (wr_union_tail){out->tail, other->tail, false, b->union_tails};
    b->union_tails = tail;
    return WR_OK;
}

wr_status wr_sets_build(wr_builder *b, const wr_plan_node *logical, wr_plan_aggregate *plan,
                        wr_stream *out, wr_error *err)
{
    bool      positioned = plan->position != WR_FIELD_NONE;
    wr_stream groups = *out;
    lattice   sets;
    level     now, above;

    WR_TRY(make_lattice(b, logical, &sets, err));
    for (uint32_t n = 0; n < sets.level_count; n++, above = now) {
        wr_stream rows;

        WR_TRY(make_level(b, logical, &sets, n, &now, err));
        if (n > 0)
            WR_TRY(expand_groups(b, logical, &above, &now, plan, &groups, err));
        else if (now.has_set)
            WR_TRY(expand_first(b, logical, &now, plan, &groups, err));
        WR_TRY(add_level(b, logical, &now, plan, n + 1 == sets.level_count, &groups, err));
        rows = groups;
        WR_TRY(put_out(b, logical, &now, plan->agg_count, positioned, &rows, err));
        if (n > 0)
            WR_TRY(add_to_union(b, out, &rows, err));
        else
            *out = rows;
    }
    return WR_OK;
}
