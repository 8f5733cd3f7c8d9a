/* ar_bind.c — a wanted column's type laid over its field in a file: nodes.
 *
 * Fields are walked in order, and every one of them moves the numbers of nodes and buffers on, whether it
 * is wanted or not; nodes are written in the same order: a node, then its children. The values of a
 * dictionary have a batch of their own, where numbers begin with 0.
 * Recursion goes as deep as the wanted type and what wraps it, at most AR_DEPTH_MAX. */
#include "ar_priv.h"

enum { UNION_MEMBERS_MAX = 128 };

/* ---- Room --------------------------------------------------------------------------------------- */

static uint32_t count_type(wr_type type)
{
    uint32_t count = AR_WRAPPERS_MAX;

    if (wr_type_is_sequence(type))
        count += count_type(wr_type_element(type));
    for (uint32_t m = 0; type.logical == WR_TYPE_STRUCT && m < wr_type_member_count(type); m++)
        count += count_type(wr_type_member(type, m).type);
    return count;
}

uint32_t wr_ar_nodes_of(wr_type type)
{
    return count_type(type);
}

/* ---- Numbers ------------------------------------------------------------------------------------ */

/* Buffers of a field's own in a record batch, besides a view's, which are counted there. */
static uint32_t buffer_count(const ar_binder *b, const ar_field *field)
{
    static const uint8_t COUNTS[] = {
        [AR_KIND_NULL] = 0, [AR_KIND_BITS] = 2, [AR_KIND_FIXED] = 2, [AR_KIND_TEXT] = 3,
        [AR_KIND_VIEW] = 2, [AR_KIND_FIXED_TEXT] = 2, [AR_KIND_LIST] = 2, [AR_KIND_LIST_VIEW] = 3,
        [AR_KIND_FIXED_LIST] = 1, [AR_KIND_STRUCT] = 1, [AR_KIND_UNION] = 1, [AR_KIND_RUNS] = 0,
    };

    if (field->is_coded)
        return 2;
    if (field->kind == AR_KIND_UNION)
        return 1u + field->is_dense + b->is_v4;
    if (field->kind == AR_KIND_RUNS)
        return b->is_v4; /* which has a validity wherever there is one */
    return COUNTS[field->kind];
}

/* The field itself is at hand: its children come next. */
static void count_field(ar_binder *b, const ar_field *field)
{
    b->field_node++;
    b->buffer += buffer_count(b, field);
    b->variadic += field->kind == AR_KIND_VIEW && !field->is_coded;
}

static wr_status read_child(const ar_binder *b, const ar_field *field, uint32_t index, ar_field *out,
                            wr_error *err)
{
    ar_table table = wr_ar_item(b->meta, &field->children, index);

    return wr_ar_field_read(b->meta, &table, out, err);
}

wr_status wr_ar_pass_field(ar_binder *b, const ar_field *field, uint32_t depth, wr_error *err)
{
    count_field(b, field);
    if (depth > AR_DEPTH_MAX)
        return WR_RAISE(err, WR_UNSUPPORTED, "fields are nested more than %d deep", AR_DEPTH_MAX);
    for (uint32_t i = 0; !field->is_coded && i < field->children.count; i++) {
        ar_field child;

        WR_TRY(read_child(b, field, i, &child, err));
        WR_TRY(wr_ar_pass_field(b, &child, depth + 1, err));
    }
    return b->meta->status;
}

/* ---- Nodes -------------------------------------------------------------------------------------- */

static wr_status raise_shape(const ar_binder *b, const ar_field *field, wr_type type, wr_error *err)
{
    char type_name[WR_TYPE_NAME_BYTES], name[WR_TYPE_NAME_BYTES];

    wr_ar_text(b->meta, &field->name, name, sizeof name);
    return WR_RAISE(err, WR_DATA, "'%s' in this file is not of the shape of %s", name,
                    wr_type_format(type, type_name));
}

static wr_status add_node(ar_binder *b, const ar_field *field, wr_type type, ar_node **out, wr_error *err)
{
    bool is_union = field->kind == AR_KIND_UNION && !field->is_coded;
    bool is_runs = field->kind == AR_KIND_RUNS && !field->is_coded;

    if (b->node_count == b->node_room)
        return WR_RAISE(err, WR_UNSUPPORTED, "dictionaries and runs are nested more than %d deep",
                        AR_WRAPPERS_MAX);
    *out = &b->nodes[b->node_count++];
    **out = (ar_node){
        .type = type, .kind = field->is_coded ? AR_KIND_DICTIONARY : field->kind,
        .is_large = field->is_large, .is_dense = field->is_dense, .is_signed = field->is_signed,
        .has_validity = !is_union && !is_runs && buffer_count(b, field) > 0,
        .form = field->form, .stored_bytes = field->stored_bytes, .factor = field->factor,
        .field_node = b->field_node, .first_buffer = b->buffer + (is_union && b->is_v4),
        .variadic = b->variadic, .dictionary_id = field->dictionary_id,
    };
    count_field(b, field);
    return WR_OK;
}

static wr_status bind_child(ar_binder *b, const ar_field *field, uint32_t index, wr_type type,
                            wr_error *err)
{
    ar_field child;

    WR_TRY(read_child(b, field, index, &child, err));
    return wr_ar_bind_value(b, &child, type, err);
}

static wr_status bind_members(ar_binder *b, const ar_field *field, wr_type type, bool is_entry,
                              wr_error *err)
{
    for (uint32_t m = 0; m < field->children.count; m++) {
        wr_member member = wr_type_member(type, m);
        char      name[WR_TYPE_NAME_BYTES];
        ar_field  child;
        uint32_t  first = b->node_count, bytes;

        WR_TRY(read_child(b, field, m, &child, err));
        bytes = wr_ar_text(b->meta, &child.name, name, sizeof name);
        /* of the entries of a map the names are the writer's; of long ones the begin is enough */
        if (!is_entry && !wr_text_equal_nocase((wr_text){member.name.bytes, member.name.byte_count < bytes
                                                                                ? member.name.byte_count
                                                                                : bytes},
                                               (wr_text){name, bytes}))
            return raise_shape(b, field, type, err);
        WR_TRY(wr_ar_bind_value(b, &child, member.type, err));
        if (field->kind != AR_KIND_UNION)
            continue;
        b->nodes[first].member = (int8_t)m;
        if (m < field->union_ids.count)
            b->nodes[first].member = (int8_t)wr_ar_word(b->meta, field->union_ids.at + 4 * (uint64_t)m, 1);
    }
    return b->meta->status;
}

static wr_status bind_struct(ar_binder *b, const ar_field *field, wr_type type, bool is_entry,
                             wr_error *err)
{
    ar_node *node;

    if (type.logical != WR_TYPE_STRUCT || field->children.count != wr_type_member_count(type) ||
        (field->kind == AR_KIND_UNION && field->children.count > UNION_MEMBERS_MAX))
        return raise_shape(b, field, type, err);
    WR_TRY(add_node(b, field, type, &node, err));
    WR_TRY(bind_members(b, field, type, is_entry, err));
    node->end = b->node_count;
    return WR_OK;
}

static wr_status bind_list(ar_binder *b, const ar_field *field, wr_type type, wr_error *err)
{
    ar_node *node;
    ar_field child;

    if (!wr_type_is_sequence(type))
        return raise_shape(b, field, type, err);
    WR_TRY(add_node(b, field, type, &node, err));
    WR_TRY(read_child(b, field, 0, &child, err));
    if (type.logical != WR_TYPE_MAP)
        WR_TRY(wr_ar_bind_value(b, &child, wr_type_element(type), err));
    else if (child.kind != AR_KIND_STRUCT || child.is_coded)
        return raise_shape(b, field, type, err);
    else
        WR_TRY(bind_struct(b, &child, wr_type_element(type), true, err));
    node->end = b->node_count;
    return WR_OK;
}

/* The values have a batch of their own. */
static wr_status bind_coded(ar_binder *b, const ar_field *field, wr_type type, wr_error *err)
{
    ar_field  values = *field;
    ar_binder inner;
    ar_node  *node;

    WR_TRY(add_node(b, field, type, &node, err));
    node->stored_bytes = field->code_bytes;
    node->is_signed = field->is_code_signed;
    values.is_coded = false;
    inner = *b;
    inner.field_node = inner.buffer = inner.variadic = 0;
    WR_TRY(wr_ar_bind_value(&inner, &values, type, err));
    b->node_count = inner.node_count;
    node->end = b->node_count;
    return WR_OK;
}

static wr_status bind_runs(ar_binder *b, const ar_field *field, wr_type type, wr_error *err)
{
    ar_node *node;
    ar_field ends;

    WR_TRY(add_node(b, field, type, &node, err));
    WR_TRY(read_child(b, field, 0, &ends, err));
    if (ends.kind != AR_KIND_FIXED || ends.is_coded || !ends.is_signed || ends.form != AR_FORM_INTEGER)
        return raise_shape(b, field, type, err);
    node->stored_bytes = ends.stored_bytes;
    WR_TRY(wr_ar_bind_value(b, &ends, ends.own, err));
    WR_TRY(bind_child(b, field, 1, type, err));
    node->end = b->node_count;
    return WR_OK;
}

static wr_status bind_flat(ar_binder *b, const ar_field *field, wr_type type, wr_error *err)
{
    ar_node *node;

    if (wr_type_is_nested(type) && field->kind != AR_KIND_NULL)
        return raise_shape(b, field, type, err);
    WR_TRY(add_node(b, field, type, &node, err));
    WR_TRY(wr_ar_convert_bind(field, type, node, err));
    node->is_utf8 = type.logical == WR_TYPE_UTF8;
    node->end = b->node_count;
    return WR_OK;
}

wr_status wr_ar_bind_value(ar_binder *b, const ar_field *field, wr_type type, wr_error *err)
{
    if (field->is_coded)
        return bind_coded(b, field, type, err);
    switch ((ar_kind)field->kind) {
    case AR_KIND_LIST:
    case AR_KIND_LIST_VIEW:
    case AR_KIND_FIXED_LIST:
        return bind_list(b, field, type, err);
    case AR_KIND_STRUCT:
    case AR_KIND_UNION:
        return bind_struct(b, field, type, false, err);
    case AR_KIND_RUNS:
        return bind_runs(b, field, type, err);
    default:
        return bind_flat(b, field, type, err);
    }
}
