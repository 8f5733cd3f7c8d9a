/* pq_write_schema.c — our types as Parquet's: the elements of the file's schema, and its leaves.
 *
 * Lists have three levels (list, element), maps are key_value with required keys, as the format's
 * rules for backward compatibility want them. Columns that are never NULL and keys are required, all
 * else is optional. Both ways of saying a type are written, LogicalType and the older ConvertedType, where
 * there is one. */
#include "pq_write.h"

/* ---- Walking ----------------------------------------------------------------------------------- */

static uint32_t child_count(wr_type type)
{
    switch ((wr_logical)type.logical) {
    case WR_TYPE_LIST:
        return 1;
    case WR_TYPE_MAP:
        return 2;
    default:
        return wr_type_member_count(type);
    }
}

static void push(pq_walk *walk, const pq_node *node)
{
    walk->steps[walk->depth++] = (pq_step){
        .type = node->type, .is_inner = !wr_type_is_sequence(node->type), .def = node->def_max,
        .rep = node->rep_max, .name = node->name};
}

static void start_node(pq_walk *walk, wr_text name, wr_type type, pq_repetition repetition,
                       uint8_t def, uint8_t rep, pq_node *out)
{
    *out = (pq_node){
        .kind = wr_type_is_nested(type) ? PQ_NODE_GROUP : PQ_NODE_LEAF,
        .name = name,
        .type = type,
        .repetition = repetition,
        .column = walk->column - 1,
        .def_max = (uint8_t)(def + (repetition == PQ_OPTIONAL)),
        .rep_max = rep,
    };
    if (out->kind == PQ_NODE_GROUP) {
        out->child_count = wr_type_is_sequence(type) ? 1 : child_count(type);
        push(walk, out);
    }
}

/* The group inside of a list or map that is repeated. */
static void enter(pq_walk *walk, pq_step *step, pq_node *out)
{
    bool is_list = step->type.logical == WR_TYPE_LIST;

    step->is_inner = 1;
    step->def++;
    step->rep++;
    *out = (pq_node){.kind = PQ_NODE_REPEATED, .name = is_list ? WR_TEXT("list") : WR_TEXT("key_value"),
                     .repetition = PQ_REPEATED, .child_count = is_list ? 1 : 2,
                     .column = walk->column - 1, .def_max = step->def, .rep_max = step->rep};
}

static void start_child(pq_walk *walk, pq_step *step, pq_node *out)
{
    uint32_t index = step->child++;

    if (step->type.logical == WR_TYPE_LIST) {
        start_node(walk, WR_TEXT("element"), wr_type_element(step->type), PQ_OPTIONAL, step->def,
                   step->rep, out);
    } else {
        bool      is_map = step->type.logical == WR_TYPE_MAP;
        wr_member member = wr_type_member(is_map ? wr_type_element(step->type) : step->type, index);

        start_node(walk, member.name, member.type, is_map && index == 0 ? PQ_REQUIRED : PQ_OPTIONAL,
                   step->def, step->rep, out);
    }
}

bool wr_pq_walk_next(pq_walk *walk, pq_node *out_node)
{
    const wr_field *field;

    while (walk->depth > 0) {
        pq_step *step = &walk->steps[walk->depth - 1];

        if (!step->is_inner) {
            enter(walk, step, out_node);
            return true;
        }
        if (step->child < child_count(step->type)) {
            start_child(walk, step, out_node);
            return true;
        }
        walk->depth--;
    }
    if (walk->column == walk->schema->field_count)
        return false;
    field = &walk->schema->fields[walk->column++];
    start_node(walk, field->name, field->type, wr_pq_is_required(field) ? PQ_REQUIRED : PQ_OPTIONAL, 0, 0, out_node);
    return true;
}

uint32_t wr_pq_leaf_count(const wr_schema *schema)
{
    pq_walk  walk = {.schema = schema};
    pq_node  node;
    uint32_t count = 0;

    while (wr_pq_walk_next(&walk, &node))
        count += node.kind == PQ_NODE_LEAF;
    return count;
}

/* ---- Leaves ------------------------------------------------------------------------------------ */

/* How the values of a type are stored. Widths 0: of the physical type. */
typedef struct mapping {
    uint8_t  physical, form, order;
    uint32_t width;
} mapping;

/* Bytes of two's complement that hold so many digits. */
static uint32_t decimal_bytes(unsigned digits)
{
    wr_u128  most = 1;
    uint32_t byte_count = 1;

    while (digits-- > 0)
        most *= 10;
    while (byte_count < 16 && most - 1 > ((wr_u128)1 << (8 * byte_count - 1)) - 1)
        byte_count++;
    return byte_count;
}

static mapping map_decimal(wr_type type)
{
    if (wr_type_physical(type) == WR_PHYS_I128)
        return (mapping){PQ_FIXED_LEN_BYTE_ARRAY, PQ_FORM_DECIMAL, PQ_ORDER_SIGNED_BYTES,
                         decimal_bytes(type.precision)};
    if (type.precision <= 9)
        return (mapping){PQ_INT32, PQ_FORM_I64_TO_I32, PQ_ORDER_I32, 4};
    return (mapping){PQ_INT64, PQ_FORM_COPY, PQ_ORDER_I64, 8};
}

static mapping map_time(wr_type type)
{
    if (type.unit == WR_UNIT_S)
        return (mapping){PQ_INT32, PQ_FORM_SECONDS_OF_DAY, PQ_ORDER_I32, 4};
    if (type.unit == WR_UNIT_MS)
        return (mapping){PQ_INT32, PQ_FORM_I64_TO_I32, PQ_ORDER_I32, 4};
    return (mapping){PQ_INT64, PQ_FORM_COPY, PQ_ORDER_I64, 8};
}

static mapping map(wr_type type)
{
    static const mapping MAPPINGS[WR_TYPE_COUNT] = {
        [WR_TYPE_NULL_] = {PQ_INT32, PQ_FORM_I8, PQ_ORDER_NONE, 4},
        [WR_TYPE_BOOL] = {PQ_BOOLEAN, PQ_FORM_COPY, PQ_ORDER_BOOL, 1},
        [WR_TYPE_I8] = {PQ_INT32, PQ_FORM_I8, PQ_ORDER_I32, 4},
        [WR_TYPE_I16] = {PQ_INT32, PQ_FORM_I16, PQ_ORDER_I32, 4},
        [WR_TYPE_I32] = {PQ_INT32, PQ_FORM_COPY, PQ_ORDER_I32, 4},
        [WR_TYPE_I64] = {PQ_INT64, PQ_FORM_COPY, PQ_ORDER_I64, 8},
        [WR_TYPE_U8] = {PQ_INT32, PQ_FORM_U8, PQ_ORDER_U32, 4},
        [WR_TYPE_U16] = {PQ_INT32, PQ_FORM_U16, PQ_ORDER_U32, 4},
        [WR_TYPE_U32] = {PQ_INT32, PQ_FORM_COPY, PQ_ORDER_U32, 4},
        [WR_TYPE_U64] = {PQ_INT64, PQ_FORM_COPY, PQ_ORDER_U64, 8},
        [WR_TYPE_F32] = {PQ_FLOAT, PQ_FORM_COPY, PQ_ORDER_F32, 4},
        [WR_TYPE_F64] = {PQ_DOUBLE, PQ_FORM_COPY, PQ_ORDER_F64, 8},
        [WR_TYPE_UTF8] = {PQ_BYTE_ARRAY, PQ_FORM_TEXT, PQ_ORDER_BYTES, 0},
        [WR_TYPE_BINARY] = {PQ_BYTE_ARRAY, PQ_FORM_TEXT, PQ_ORDER_BYTES, 0},
        [WR_TYPE_DATE32] = {PQ_INT32, PQ_FORM_COPY, PQ_ORDER_I32, 4},
        [WR_TYPE_DATE64] = {PQ_INT32, PQ_FORM_DATE64, PQ_ORDER_I32, 4},
        [WR_TYPE_INTERVAL] = {PQ_FIXED_LEN_BYTE_ARRAY, PQ_FORM_INTERVAL, PQ_ORDER_NONE, 12},
        [WR_TYPE_UUID] = {PQ_FIXED_LEN_BYTE_ARRAY, PQ_FORM_UUID, PQ_ORDER_BYTES, 16},
    };

    switch ((wr_logical)type.logical) {
    case WR_TYPE_DECIMAL:
        return map_decimal(type);
    case WR_TYPE_TIME:
        return map_time(type);
    case WR_TYPE_TIMESTAMP:
        return (mapping){PQ_INT64, type.unit == WR_UNIT_S ? PQ_FORM_SECONDS : PQ_FORM_COPY,
                         PQ_ORDER_I64, 8};
    default:
        return MAPPINGS[type.logical];
    }
}

wr_status wr_pq_leaf_of(const pq_walk *walk, const pq_node *node, pq_path *path, pq_leaf *out_leaf,
                        wr_error *err)
{
    mapping m = map(node->type);
    char    name[WR_TYPE_NAME_BYTES];

    if (node->type.logical == WR_TYPE_DECIMAL &&
        (node->type.scale < 0 || node->type.scale > node->type.precision))
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "Parquet has no type for %s of column '%.*s': its scale must be 0 to its "
                        "precision; cast it",
                        wr_type_format(node->type, name), WR_TEXT_ARG(node->name));
    *out_leaf = (pq_leaf){.type = node->type, .column = node->column, .width = m.width,
                          .physical = m.physical, .form = m.form, .order = m.order,
                          .def_max = node->def_max, .rep_max = node->rep_max,
                          .path = path, .depth = walk->depth};
    for (uint32_t i = 0; path && i < walk->depth; i++)
        path[i] = (pq_path){walk->steps[i].type, walk->steps[i].child - 1, walk->steps[i].def,
                            walk->steps[i].rep};
    return WR_OK;
}

/* ---- Elements ---------------------------------------------------------------------------------- */

static int32_t converted_of(wr_type type)
{
    static const int8_t CONVERTED[WR_TYPE_COUNT] = {
        [WR_TYPE_I8] = PQ_CONVERTED_INT_8, [WR_TYPE_I16] = PQ_CONVERTED_INT_16,
        [WR_TYPE_I32] = PQ_CONVERTED_INT_32, [WR_TYPE_I64] = PQ_CONVERTED_INT_64,
        [WR_TYPE_U8] = PQ_CONVERTED_UINT_8, [WR_TYPE_U16] = PQ_CONVERTED_UINT_16,
        [WR_TYPE_U32] = PQ_CONVERTED_UINT_32, [WR_TYPE_U64] = PQ_CONVERTED_UINT_64,
        [WR_TYPE_DECIMAL] = PQ_CONVERTED_DECIMAL, [WR_TYPE_DATE32] = PQ_CONVERTED_DATE,
        [WR_TYPE_DATE64] = PQ_CONVERTED_DATE, [WR_TYPE_INTERVAL] = PQ_CONVERTED_INTERVAL,
        [WR_TYPE_LIST] = PQ_CONVERTED_LIST, [WR_TYPE_MAP] = PQ_CONVERTED_MAP,
    };

    switch ((wr_logical)type.logical) {
    case WR_TYPE_UTF8:
        return PQ_CONVERTED_UTF8;
    case WR_TYPE_TIME:
        return type.unit == WR_UNIT_NS   ? -1
               : type.unit == WR_UNIT_US ? PQ_CONVERTED_TIME_MICROS
                                         : PQ_CONVERTED_TIME_MILLIS;
    case WR_TYPE_TIMESTAMP:
        return type.unit == WR_UNIT_NS   ? -1
               : type.unit == WR_UNIT_US ? PQ_CONVERTED_TIMESTAMP_MICROS
                                         : PQ_CONVERTED_TIMESTAMP_MILLIS;
    default:
        return CONVERTED[type.logical] ? CONVERTED[type.logical] : -1;
    }
}

static pq_logical logical_of(wr_type type)
{
    static const uint8_t LOGICAL[WR_TYPE_COUNT] = {
        [WR_TYPE_NULL_] = PQ_LOGICAL_UNKNOWN, [WR_TYPE_I8] = PQ_LOGICAL_INTEGER,
        [WR_TYPE_I16] = PQ_LOGICAL_INTEGER, [WR_TYPE_I32] = PQ_LOGICAL_INTEGER,
        [WR_TYPE_I64] = PQ_LOGICAL_INTEGER, [WR_TYPE_U8] = PQ_LOGICAL_INTEGER,
        [WR_TYPE_U16] = PQ_LOGICAL_INTEGER, [WR_TYPE_U32] = PQ_LOGICAL_INTEGER,
        [WR_TYPE_U64] = PQ_LOGICAL_INTEGER, [WR_TYPE_DECIMAL] = PQ_LOGICAL_DECIMAL,
        [WR_TYPE_UTF8] = PQ_LOGICAL_STRING, [WR_TYPE_DATE32] = PQ_LOGICAL_DATE,
        [WR_TYPE_DATE64] = PQ_LOGICAL_DATE, [WR_TYPE_TIME] = PQ_LOGICAL_TIME,
        [WR_TYPE_TIMESTAMP] = PQ_LOGICAL_TIMESTAMP, [WR_TYPE_UUID] = PQ_LOGICAL_UUID,
        [WR_TYPE_LIST] = PQ_LOGICAL_LIST, [WR_TYPE_MAP] = PQ_LOGICAL_MAP,
    };

    return (pq_logical)LOGICAL[type.logical];
}

static void put_unit(wr_thrift_writer *writer, wr_type type)
{
    wr_thrift_put_bool(writer, PQ_TIME_IS_UTC, type.logical == WR_TYPE_TIMESTAMP && type.zone != 0);
    wr_thrift_open_struct(writer, PQ_TIME_UNIT);
    wr_thrift_open_struct(writer, type.unit == WR_UNIT_NS   ? PQ_UNIT_NANOS
                                  : type.unit == WR_UNIT_US ? PQ_UNIT_MICROS
                                                            : PQ_UNIT_MILLIS);
    wr_thrift_close_struct(writer);
    wr_thrift_close_struct(writer);
}

static void put_logical(wr_thrift_writer *writer, wr_type type)
{
    pq_logical logical = logical_of(type);

    if (logical == PQ_LOGICAL_NONE)
        return;
    wr_thrift_open_struct(writer, PQ_SCHEMA_LOGICAL);
    wr_thrift_open_struct(writer, (int16_t)logical);
    if (logical == PQ_LOGICAL_DECIMAL) {
        wr_thrift_put_i32(writer, PQ_DECIMAL_SCALE, type.scale);
        wr_thrift_put_i32(writer, PQ_DECIMAL_PRECISION, type.precision);
    } else if (logical == PQ_LOGICAL_TIME || logical == PQ_LOGICAL_TIMESTAMP) {
        put_unit(writer, type);
    } else if (logical == PQ_LOGICAL_INTEGER) {
        wr_thrift_put_i8(writer, PQ_INTEGER_BITS,
                         (int8_t)(8 * wr_physical_bytes(wr_type_physical(type))));
        wr_thrift_put_bool(writer, PQ_INTEGER_IS_SIGNED, !wr_type_is_unsigned(type));
    }
    wr_thrift_close_struct(writer);
    wr_thrift_close_struct(writer);
}

/* `id` NULL: it has none. */
static void put_element(wr_thrift_writer *writer, const pq_node *node, const uint32_t *id)
{
    mapping m = node->kind == PQ_NODE_LEAF ? map(node->type) : (mapping){0};

    wr_thrift_open_struct(writer, 0);
    if (node->kind == PQ_NODE_LEAF)
        wr_thrift_put_i32(writer, PQ_SCHEMA_PHYSICAL, m.physical);
    if (node->kind == PQ_NODE_LEAF && m.physical == PQ_FIXED_LEN_BYTE_ARRAY)
        wr_thrift_put_i32(writer, PQ_SCHEMA_TYPE_LENGTH, (int32_t)m.width);
    wr_thrift_put_i32(writer, PQ_SCHEMA_REPETITION, (int32_t)node->repetition);
    wr_thrift_put_binary(writer, PQ_SCHEMA_NAME, node->name.bytes, node->name.byte_count);
    if (node->kind != PQ_NODE_LEAF)
        wr_thrift_put_i32(writer, PQ_SCHEMA_CHILD_COUNT, (int32_t)node->child_count);
    if (node->kind != PQ_NODE_REPEATED) {
        if (converted_of(node->type) >= 0)
            wr_thrift_put_i32(writer, PQ_SCHEMA_CONVERTED, converted_of(node->type));
        if (node->type.logical == WR_TYPE_DECIMAL) {
            wr_thrift_put_i32(writer, PQ_SCHEMA_SCALE, node->type.scale);
            wr_thrift_put_i32(writer, PQ_SCHEMA_PRECISION, node->type.precision);
        }
    }
    if (id)
        wr_thrift_put_i32(writer, PQ_SCHEMA_FIELD_ID, (int32_t)*id);
    if (node->kind != PQ_NODE_REPEATED)
        put_logical(writer, node->type);
    wr_thrift_close_struct(writer);
}

void wr_pq_schema_put(wr_thrift_writer *writer, const wr_schema *schema, const wr_text_list *field_ids)
{
    pq_walk  walk = {.schema = schema};
    pq_ids   ids = {0};
    pq_node  node;
    uint32_t count = 1, id;

    while (wr_pq_walk_next(&walk, &node))
        count++;
    wr_thrift_put_list(writer, PQ_FILE_SCHEMA, WR_THRIFT_STRUCT, count);
    wr_thrift_open_struct(writer, 0);
    wr_thrift_put_binary(writer, PQ_SCHEMA_NAME, "schema", 6);
    wr_thrift_put_i32(writer, PQ_SCHEMA_CHILD_COUNT, (int32_t)schema->field_count);
    wr_thrift_close_struct(writer);
    walk = (pq_walk){.schema = schema};
    while (wr_pq_walk_next(&walk, &node))
        put_element(writer, &node, wr_pq_id_of(field_ids, &ids, &walk, &node, &id) ? &id : NULL);
}
