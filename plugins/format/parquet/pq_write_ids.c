/* pq_write_ids.c — field ids: numbers by which readers tell the elements of a schema, whatever their names.
 *
 * The option is "auto", or pairs "path=id"; an item holds one or, parted by commas, more of them. A pair
 * ends with the first number behind an equals sign that a comma or the end follows, so names may hold
 * both signs. Paths are names with dots between: address.city, tags.element, labels.key.
 * Cost: pairs are looked for in a circle, from the last one found on: one step an element if both are in
 * the same order. */
#include "pq_write.h"

enum { ID_MAX = INT32_MAX };

/* ---- Pairs ------------------------------------------------------------------------------------- */

typedef struct id_pair {
    wr_text  path;
    uint32_t id;
} id_pair;

/* Where the digits at `at` end; `at`: there are none, or too many. */
static size_t read_id(wr_text item, size_t at, uint32_t *out_id)
{
    uint64_t id = 0;
    size_t   i = at;

    for (; i < item.byte_count && item.bytes[i] >= '0' && item.bytes[i] <= '9' && id <= ID_MAX; i++)
        id = id * 10 + (uint64_t)(item.bytes[i] - '0');
    *out_id = (uint32_t)id;
    return id <= ID_MAX ? i : at;
}

/* The pair at *io_at; false: what stands there is none. */
static bool read_pair(wr_text item, size_t *io_at, id_pair *out)
{
    size_t begin = *io_at;

    while (begin < item.byte_count && item.bytes[begin] == ' ')
        begin++;
    for (size_t i = begin + 1; i < item.byte_count; i++) {
        size_t end;

        if (item.bytes[i] != '=')
            continue;
        end = read_id(item, i + 1, &out->id);
        if (end == i + 1 || (end < item.byte_count && item.bytes[end] != ','))
            continue;
        out->path = (wr_text){item.bytes + begin, i - begin};
        *io_at = end + 1;
        return true;
    }
    return false;
}

/* The next pair, from the first again behind the last: *io_turns counts. All items were checked. */
static void next_pair(const wr_text_list *items, pq_ids *ids, id_pair *out, uint32_t *io_turns)
{
    while (!read_pair(items->items[ids->item], &ids->at, out)) {
        ids->at = 0;
        ids->item++;
        if (ids->item == items->count) {
            ids->item = 0;
            ++*io_turns;
        }
    }
}

static bool is_auto(const wr_text_list *items)
{
    return items->count == 1 && wr_text_equal(items->items[0], WR_TEXT("auto"));
}

/* ---- Elements ---------------------------------------------------------------------------------- */

/* Take `name` off the front of *io_path. */
static bool cut_name(wr_text *io_path, wr_text name)
{
    if (!wr_text_starts_with(*io_path, name))
        return false;
    io_path->bytes += name.byte_count;
    io_path->byte_count -= name.byte_count;
    return true;
}

/* Is the path that of the element the walk has come to? */
static bool is_path_of(wr_text path, const pq_walk *walk, const pq_node *node)
{
    uint32_t depth = walk->depth - (node->kind == PQ_NODE_GROUP);

    for (uint32_t i = 0; i < depth; i++)
        if (!cut_name(&path, walk->steps[i].name) || !cut_name(&path, WR_TEXT(".")))
            return false;
    return wr_text_equal(path, node->name);
}

bool wr_pq_id_of(const wr_text_list *items, pq_ids *ids, const pq_walk *walk, const pq_node *node,
                 uint32_t *out_id)
{
    pq_ids   start = *ids;
    uint32_t turns = 0;
    id_pair  pair;

    if (items->count == 0 || node->kind == PQ_NODE_REPEATED)
        return false;
    if (is_auto(items)) {
        *out_id = ++ids->last;
        return true;
    }
    do {
        next_pair(items, ids, &pair, &turns);
        if (is_path_of(pair.path, walk, node)) {
            *out_id = pair.id;
            return true;
        }
    } while (turns == 0 || ids->item < start.item || (ids->item == start.item && ids->at < start.at));
    *ids = start;
    return false;
}

/* ---- Checks ------------------------------------------------------------------------------------ */

wr_status wr_pq_ids_check(const wr_text_list *items, wr_error *err)
{
    id_pair pair;

    for (uint32_t i = 0; i < items->count && !is_auto(items); i++) {
        wr_text item = items->items[i];
        size_t  at = 0;

        do {
            while (at < item.byte_count && item.bytes[at] == ' ')
                at++;
            if (!read_pair(item, &at, &pair))
                return WR_RAISE(err, WR_INVALID, "option 'field_ids': '%.*s' is neither auto alone nor "
                                "column=number, with a number up to %d", (int)(item.byte_count - at),
                                item.bytes + at, ID_MAX);
        } while (at < item.byte_count);
    }
    return WR_OK;
}

static bool has_path(const wr_schema *schema, wr_text path)
{
    pq_walk walk = {.schema = schema};
    pq_node node;

    while (wr_pq_walk_next(&walk, &node))
        if (node.kind != PQ_NODE_REPEATED && is_path_of(path, &walk, &node))
            return true;
    return false;
}

wr_status wr_pq_ids_check_columns(const wr_text_list *items, const wr_schema *schema, wr_error *err)
{
    pq_ids   ids = {0}, others;
    id_pair  pair, other;
    uint32_t turns = 0;

    while (items->count > 0 && !is_auto(items)) {
        next_pair(items, &ids, &pair, &turns);
        if (turns > 0)
            break;
        if (!has_path(schema, pair.path))
            return WR_RAISE(err, WR_INVALID, "option 'field_ids': there is no column '%.*s'",
                            WR_TEXT_ARG(pair.path));
        others = ids;
        for (uint32_t rest = 0;;) {
            next_pair(items, &others, &other, &rest);
            if (rest > 0)
                break;
            if (other.id == pair.id || wr_text_equal(other.path, pair.path))
                return WR_RAISE(err, WR_INVALID, "option 'field_ids': '%.*s=%u' and '%.*s=%u' do not go "
                                "together: a column has one id, and an id one column",
                                WR_TEXT_ARG(pair.path), pair.id, WR_TEXT_ARG(other.path), other.id);
        }
    }
    return WR_OK;
}
