/* pq_bind.c — a wanted column's type laid over its part of a file's schema: nodes and leaves.
 *
 * The schema is read once, in order, and so are nodes written: a node, then its children. Where a file
 * says lists and maps by several groups, one node stands for them.
 * Recursion goes as deep as the wanted type, at most WR_NESTED_DEPTH_MAX, whatever the file says. */
#include "pq_priv.h"

#include <string.h>

/* ---- Room --------------------------------------------------------------------------------------- */

static void count_type(wr_type type, uint32_t *io_nodes, uint32_t *io_leaves)
{
    ++*io_nodes;
    if (wr_type_is_sequence(type)) {
        count_type(wr_type_element(type), io_nodes, io_leaves);
    } else if (type.logical == WR_TYPE_STRUCT) {
        for (uint32_t m = 0; m < wr_type_member_count(type); m++)
            count_type(wr_type_member(type, m).type, io_nodes, io_leaves);
    } else {
        ++*io_leaves;
    }
}

uint32_t wr_pq_leaves_of(wr_type type)
{
    uint32_t nodes = 0, leaves = 0;

    count_type(type, &nodes, &leaves);
    return leaves;
}

uint32_t wr_pq_nodes_of(wr_type type)
{
    uint32_t nodes = 0, leaves = 0;

    count_type(type, &nodes, &leaves);
    return nodes;
}

/* ---- Elements ----------------------------------------------------------------------------------- */

static wr_status next_element(pq_binder *b)
{
    if (b->elements_left == 0)
        wr_thrift_fail(b->reader, "a group of the schema has fewer members than it says");
    else
        b->elements_left--;
    wr_pq_element_read(b->reader, &b->file->element);
    return b->reader->status;
}

wr_status wr_pq_skip_subtree(pq_binder *b)
{
    uint64_t left = b->file->element.child_count;

    b->file->file_leaf_count += b->file->element.is_leaf;
    for (; left > 0; left--) {
        WR_TRY(next_element(b));
        left += b->file->element.child_count;
        b->file->file_leaf_count += b->file->element.is_leaf;
    }
    return WR_OK;
}

static wr_status raise_shape(const pq_binder *b, wr_type type, wr_error *err)
{
    char name[WR_TYPE_NAME_BYTES];

    return WR_RAISE(err, WR_DATA, "'%.*s' in this file is not of the shape of %s",
                    (int)b->file->element.name_bytes, b->file->element.name,
                    wr_type_format(type, name));
}

/* ---- Nodes -------------------------------------------------------------------------------------- */

static wr_status bind_value(pq_binder *b, wr_type type, pq_levels levels, wr_error *err);

static pq_node *add_node(pq_binder *b, wr_type type, uint8_t kind, pq_levels levels)
{
    pq_node *node = &b->file->nodes[b->node_count++];

    *node = (pq_node){.type = type, .kind = kind, .present = levels.definition,
                      .repetition = levels.repetition, .first_leaf = b->leaf_count};
    return node;
}

/* Its first leaf is one that the file has. */
static void end_node(pq_binder *b, pq_node *node)
{
    node->end = b->node_count;
    while (node->first_leaf + 1 < b->leaf_count && b->file->file_leaves[node->first_leaf] == UINT32_MAX)
        node->first_leaf++;
    node->leaf_count = b->leaf_count - node->first_leaf;
}

static wr_status bind_leaf(pq_binder *b, wr_type type, pq_levels levels, wr_error *err)
{
    pq_file *file = b->file;
    pq_leaf *leaf = &file->leaves[b->leaf_count];
    pq_node *node;

    if (!file->element.is_leaf)
        return raise_shape(b, type, err);
    WR_TRY(wr_pq_leaf_bind(&file->element, type, leaf, err));
    node = add_node(b, type, PQ_NODE_LEAF, levels);
    leaf->max_definition = levels.definition;
    leaf->max_repetition = levels.repetition;
    file->file_leaves[b->leaf_count++] = file->file_leaf_count++;
    end_node(b, node);
    return WR_OK;
}

/* The element at hand is the repeated thing itself: each of them is a value of the list. */
static wr_status bind_repeated(pq_binder *b, wr_type type, pq_levels outside, wr_error *err)
{
    pq_levels inside = {(uint8_t)(outside.definition + 1), (uint8_t)(outside.repetition + 1)};
    pq_node  *node = add_node(b, type, PQ_NODE_LIST, outside);

    if (outside.definition > WR_NESTED_DEPTH_MAX * 2)
        return raise_shape(b, type, err);
    node->filled = inside.definition;
    node->repetition = inside.repetition;
    b->file->element.repetition = PQ_REQUIRED;
    WR_TRY(bind_value(b, wr_type_element(type), inside, err));
    end_node(b, node);
    return WR_OK;
}

/* Is the repeated group of a list, which is at hand, its element? Asked before its member is read. */
static bool has_old_name(const pq_element *element, const char *list, uint32_t list_bytes)
{
    static const char TUPLE[] = "_tuple";

    if (element->name_bytes == 5 && memcmp(element->name, "array", 5) == 0)
        return true;
    return element->name_bytes == list_bytes + sizeof TUPLE - 1 &&
           memcmp(element->name, list, list_bytes) == 0 &&
           memcmp(element->name + list_bytes, TUPLE, sizeof TUPLE - 1) == 0;
}

/* A list or map in groups. */
static wr_status bind_groups(pq_binder *b, wr_type type, pq_levels levels, wr_error *err)
{
    pq_element *element = &b->file->element;
    pq_levels   inside = {(uint8_t)(levels.definition + 1), (uint8_t)(levels.repetition + 1)};
    pq_node    *node;
    char        name[PQ_NAME_BYTES_MAX];
    uint32_t    name_bytes = element->name_bytes;
    bool        is_map = element->logical == PQ_LOGICAL_MAP;

    if (element->is_leaf || element->child_count != 1 || (!is_map && element->logical != PQ_LOGICAL_LIST))
        return raise_shape(b, type, err);
    memcpy(name, element->name, name_bytes);
    WR_TRY(next_element(b));
    if (element->repetition != PQ_REPEATED || levels.definition > WR_NESTED_DEPTH_MAX * 2)
        return raise_shape(b, type, err);
    if (element->is_leaf || element->child_count != 1 || (!is_map && has_old_name(element, name, name_bytes)))
        return bind_repeated(b, type, levels, err);
    WR_TRY(next_element(b)); /* the only member: the element, or, repeated, a member of it */
    if (element->repetition == PQ_REPEATED)
        return raise_shape(b, type, err);
    node = add_node(b, type, PQ_NODE_LIST, levels);
    node->filled = inside.definition;
    node->repetition = inside.repetition;
    WR_TRY(bind_value(b, wr_type_element(type), inside, err));
    end_node(b, node);
    return WR_OK;
}

/* Which member of `type` the element at hand is: as it stands, or the only one but for the case. */
static uint32_t find_member(const pq_binder *b, wr_type type)
{
    wr_text  name = {b->file->element.name, b->file->element.name_bytes};
    uint32_t count = wr_type_member_count(type), found = count;

    for (uint32_t m = 0; m < count; m++) {
        if (wr_text_equal(wr_type_member(type, m).name, name))
            return m;
        if (wr_text_equal_nocase(wr_type_member(type, m).name, name))
            found = found == count ? m : UINT32_MAX;
    }
    return found;
}

/* Where the nodes and leaves of each member stand: in the order of the type, whatever the file's is. */
static void find_room(wr_type type, uint32_t member, uint32_t *io_node, uint32_t *io_leaf)
{
    for (uint32_t m = 0; m < member; m++) {
        *io_node += wr_pq_nodes_of(wr_type_member(type, m).type);
        *io_leaf += wr_pq_leaves_of(wr_type_member(type, m).type);
    }
}

/* Members may come in any order; those that the file lacks are NULL, those that nobody wants are passed. */
static wr_status bind_struct(pq_binder *b, wr_type type, pq_levels levels, wr_error *err)
{
    pq_element *element = &b->file->element;
    bool        is_entry = b->is_entry;
    uint32_t    members = wr_type_member_count(type), count = element->child_count;
    uint32_t    first_leaf = b->leaf_count, first_node = b->node_count + 1;
    pq_node    *node = add_node(b, type, PQ_NODE_STRUCT, levels);

    if (element->is_leaf || (is_entry && count != members))
        return raise_shape(b, type, err);
    for (uint32_t m = 0; m < members; m++) {
        uint32_t at = first_node, leaf = first_leaf;

        find_room(type, m, &at, &leaf);
        b->file->nodes[at] = (pq_node){.kind = PQ_NODE_MISSING, .type = wr_type_member(type, m).type,
                                       .end = at + wr_pq_nodes_of(wr_type_member(type, m).type)};
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t m;

        WR_TRY(next_element(b));
        m = is_entry ? i : find_member(b, type); /* of entries of a map the names are the writer's */
        b->node_count = first_node;
        b->leaf_count = first_leaf;
        if (m < members)
            find_room(type, m, &b->node_count, &b->leaf_count);
        if (m >= members || b->file->nodes[b->node_count].kind != PQ_NODE_MISSING)
            WR_TRY(wr_pq_skip_subtree(b));
        else
            WR_TRY(bind_value(b, wr_type_member(type, m).type, levels, err));
    }
    b->node_count = first_node - 1 + wr_pq_nodes_of(type);
    b->leaf_count = first_leaf + wr_pq_leaves_of(type);
    end_node(b, node);
    if (b->file->file_leaves[node->first_leaf] == UINT32_MAX)
        return WR_RAISE(err, WR_DATA, "a struct in this file has none of the members that are wanted");
    return WR_OK;
}

/* The element at hand as a value of `type`, inside of what has `levels`. */
static wr_status bind_value(pq_binder *b, wr_type type, pq_levels levels, wr_error *err)
{
    const pq_element *element = &b->file->element;
    bool              is_entry = b->is_entry;
    wr_status         status;

    if (element->repetition == PQ_REPEATED)
        return wr_type_is_sequence(type) ? bind_repeated(b, type, levels, err)
                                         : raise_shape(b, type, err);
    levels.definition = (uint8_t)(levels.definition + (element->repetition == PQ_OPTIONAL));
    if (wr_type_is_sequence(type)) {
        b->is_entry = type.logical == WR_TYPE_MAP;
        status = bind_groups(b, type, levels, err);
    } else if (type.logical == WR_TYPE_STRUCT) {
        status = bind_struct(b, type, levels, err);
    } else {
        status = bind_leaf(b, type, levels, err);
    }
    b->is_entry = is_entry;
    return status;
}

wr_status wr_pq_bind_column(pq_binder *b, wr_type type, uint32_t first_node, uint32_t first_leaf,
                            wr_error *err)
{
    b->node_count = first_node;
    b->leaf_count = first_leaf;
    b->is_entry = false;
    return bind_value(b, type, (pq_levels){0}, err);
}

wr_status wr_pq_next_column(pq_binder *b)
{
    return next_element(b);
}
