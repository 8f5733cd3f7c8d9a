/* pq_schema.c — schema elements of the footer, and the types of columns they stand for.
 *
 * The elements are the tree in preorder; walked backwards, children come before their parents, so types
 * are made without recursion. Lists are read as the format's rules for old writers say.
 * Cost: once a file. */
#include "pq_priv.h"

#include <string.h>

/* ---- Elements ----------------------------------------------------------------------------------- */

static void read_unit(wr_thrift_reader *reader, const wr_thrift_field *unit, pq_element *out)
{
    wr_thrift_field field = {0};

    wr_thrift_struct(reader, unit);
    while (wr_thrift_next(reader, &field)) {
        out->unit = field.id == PQ_UNIT_MILLIS   ? WR_UNIT_MS
                    : field.id == PQ_UNIT_MICROS ? WR_UNIT_US
                                                 : WR_UNIT_NS;
        wr_thrift_skip(reader, &field);
    }
}

/* The one member of the union LogicalType that is set. */
static void read_logical(wr_thrift_reader *reader, const wr_thrift_field *whole, pq_element *out)
{
    wr_thrift_field member = {0};

    wr_thrift_struct(reader, whole);
    while (wr_thrift_next(reader, &member)) {
        wr_thrift_field field = {0};

        out->logical = (uint8_t)member.id;
        wr_thrift_struct(reader, &member);
        while (wr_thrift_next(reader, &field)) {
            bool is_time = member.id == PQ_LOGICAL_TIME || member.id == PQ_LOGICAL_TIMESTAMP;

            if (member.id == PQ_LOGICAL_DECIMAL && field.id == PQ_DECIMAL_SCALE)
                out->scale = wr_thrift_i32(reader, &field);
            else if (member.id == PQ_LOGICAL_DECIMAL && field.id == PQ_DECIMAL_PRECISION)
                out->precision = wr_thrift_i32(reader, &field);
            else if (is_time && field.id == PQ_TIME_IS_UTC)
                out->is_utc = wr_thrift_bool(reader, &field);
            else if (is_time && field.id == PQ_TIME_UNIT)
                read_unit(reader, &field, out);
            else if (member.id == PQ_LOGICAL_INTEGER && field.id == PQ_INTEGER_BITS)
                out->bits = (uint8_t)wr_thrift_int(reader, &field);
            else if (member.id == PQ_LOGICAL_INTEGER && field.id == PQ_INTEGER_IS_SIGNED)
                out->is_signed = wr_thrift_bool(reader, &field);
            else
                wr_thrift_skip(reader, &field);
        }
    }
}

/* What the old annotation says, in terms of the new one. */
static void apply_converted(int32_t converted, pq_element *out)
{
    static const struct {
        uint8_t logical, unit, bits;
        bool    is_signed, is_entry, is_interval;
    } MEANINGS[] = {
        [PQ_CONVERTED_UTF8] = {.logical = PQ_LOGICAL_STRING},
        [PQ_CONVERTED_MAP] = {.logical = PQ_LOGICAL_MAP},
        [PQ_CONVERTED_MAP_KEY_VALUE] = {.logical = PQ_LOGICAL_MAP, .is_entry = true},
        [PQ_CONVERTED_LIST] = {.logical = PQ_LOGICAL_LIST},
        [PQ_CONVERTED_ENUM] = {.logical = PQ_LOGICAL_ENUM},
        [PQ_CONVERTED_DECIMAL] = {.logical = PQ_LOGICAL_DECIMAL},
        [PQ_CONVERTED_DATE] = {.logical = PQ_LOGICAL_DATE},
        [PQ_CONVERTED_TIME_MILLIS] = {.logical = PQ_LOGICAL_TIME, .unit = WR_UNIT_MS},
        [PQ_CONVERTED_TIME_MICROS] = {.logical = PQ_LOGICAL_TIME, .unit = WR_UNIT_US},
        [PQ_CONVERTED_TIMESTAMP_MILLIS] = {.logical = PQ_LOGICAL_TIMESTAMP, .unit = WR_UNIT_MS},
        [PQ_CONVERTED_TIMESTAMP_MICROS] = {.logical = PQ_LOGICAL_TIMESTAMP, .unit = WR_UNIT_US},
        [PQ_CONVERTED_UINT_8] = {.logical = PQ_LOGICAL_INTEGER, .bits = 8},
        [PQ_CONVERTED_UINT_16] = {.logical = PQ_LOGICAL_INTEGER, .bits = 16},
        [PQ_CONVERTED_UINT_32] = {.logical = PQ_LOGICAL_INTEGER, .bits = 32},
        [PQ_CONVERTED_UINT_64] = {.logical = PQ_LOGICAL_INTEGER, .bits = 64},
        [PQ_CONVERTED_INT_8] = {.logical = PQ_LOGICAL_INTEGER, .bits = 8, .is_signed = true},
        [PQ_CONVERTED_INT_16] = {.logical = PQ_LOGICAL_INTEGER, .bits = 16, .is_signed = true},
        [PQ_CONVERTED_INT_32] = {.logical = PQ_LOGICAL_INTEGER, .bits = 32, .is_signed = true},
        [PQ_CONVERTED_INT_64] = {.logical = PQ_LOGICAL_INTEGER, .bits = 64, .is_signed = true},
        [PQ_CONVERTED_JSON] = {.logical = PQ_LOGICAL_JSON},
        [PQ_CONVERTED_BSON] = {.logical = PQ_LOGICAL_BSON},
        [PQ_CONVERTED_INTERVAL] = {.is_interval = true},
    };

    if (converted < 0 || (size_t)converted >= sizeof MEANINGS / sizeof MEANINGS[0] || out->logical)
        return;
    out->logical = MEANINGS[converted].logical;
    out->unit = MEANINGS[converted].unit;
    out->bits = MEANINGS[converted].bits;
    out->is_signed = MEANINGS[converted].is_signed;
    out->is_entry = MEANINGS[converted].is_entry;
    out->is_interval = MEANINGS[converted].is_interval;
    out->is_utc = out->logical == PQ_LOGICAL_TIME || out->logical == PQ_LOGICAL_TIMESTAMP;
}

static void check_element(wr_thrift_reader *reader, const pq_element *element)
{
    if (element->is_leaf && element->physical >= PQ_PHYSICAL_COUNT)
        wr_thrift_fail(reader, "a column has an unknown physical type");
    else if (element->repetition > PQ_REPEATED)
        wr_thrift_fail(reader, "a column has an unknown repetition");
    else if (element->physical == PQ_FIXED_LEN_BYTE_ARRAY && element->is_leaf &&
             (element->type_length == 0 || element->type_length > INT32_MAX))
        wr_thrift_fail(reader, "a column of fixed length has none");
}

void wr_pq_element_read(wr_thrift_reader *reader, pq_element *out)
{
    wr_thrift_field field = {0};
    int32_t         converted = -1;
    uint64_t        name_bytes = 0;

    memset(out, 0, offsetof(pq_element, name));
    out->name_bytes = 0;
    while (wr_thrift_next(reader, &field)) {
        switch (field.id) {
        case PQ_SCHEMA_PHYSICAL:
            out->is_leaf = true;
            out->physical = (uint8_t)wr_thrift_i32(reader, &field);
            break;
        case PQ_SCHEMA_FIELD_ID:
            out->id = (uint32_t)wr_thrift_i32(reader, &field);
            out->has_id = out->id <= INT32_MAX; /* negative: some writers mean none */
            break;
        case PQ_SCHEMA_TYPE_LENGTH:
            out->type_length = (uint32_t)wr_thrift_i32(reader, &field);
            break;
        case PQ_SCHEMA_REPETITION:
            out->repetition = (uint8_t)wr_thrift_i32(reader, &field);
            break;
        case PQ_SCHEMA_NAME:
            wr_thrift_text(reader, &field, out->name, sizeof out->name, &name_bytes);
            break;
        case PQ_SCHEMA_CHILD_COUNT:
            out->child_count = (uint32_t)wr_thrift_i32(reader, &field);
            break;
        case PQ_SCHEMA_CONVERTED:
            converted = wr_thrift_i32(reader, &field);
            break;
        case PQ_SCHEMA_SCALE:
            out->scale = wr_thrift_i32(reader, &field);
            break;
        case PQ_SCHEMA_PRECISION:
            out->precision = wr_thrift_i32(reader, &field);
            break;
        case PQ_SCHEMA_LOGICAL:
            read_logical(reader, &field, out);
            break;
        default:
            wr_thrift_skip(reader, &field);
        }
    }
    if (name_bytes > sizeof out->name)
        wr_thrift_fail(reader, "a column's name is longer than 1024 bytes");
    out->name_bytes = reader->status == WR_OK ? (uint32_t)name_bytes : 0;
    out->is_leaf = out->is_leaf && out->child_count == 0; /* some writers give groups a type too */
    apply_converted(converted, out);
    check_element(reader, out);
}

/* ---- Types of leaves ---------------------------------------------------------------------------- */

static wr_type integer_type(const pq_element *element)
{
    unsigned bits = element->bits;

    if (element->physical == PQ_INT32 && bits <= 32)
        return element->is_signed
                   ? (bits == 8 ? WR_TYPE(I8) : bits == 16 ? WR_TYPE(I16) : WR_TYPE(I32))
                   : (bits == 8 ? WR_TYPE(U8) : bits == 16 ? WR_TYPE(U16) : WR_TYPE(U32));
    if (element->physical == PQ_INT32)
        return WR_TYPE(I32);
    return element->is_signed || bits != 64 ? WR_TYPE(I64) : WR_TYPE(U64);
}

static bool is_integer(const pq_element *element)
{
    return element->physical == PQ_INT32 || element->physical == PQ_INT64;
}

static bool is_bytes(const pq_element *element)
{
    return element->physical == PQ_BYTE_ARRAY || element->physical == PQ_FIXED_LEN_BYTE_ARRAY;
}

/* WR_TYPE_COUNT: the annotation does not fit the physical type, which then says it alone. */
static wr_type annotated_type(const pq_element *e)
{
    wr_type none = {.logical = WR_TYPE_COUNT};

    switch (e->logical) {
    case PQ_LOGICAL_STRING:
    case PQ_LOGICAL_ENUM:
    case PQ_LOGICAL_JSON:
        return is_bytes(e) ? WR_TYPE(UTF8) : none;
    case PQ_LOGICAL_DECIMAL:
        if ((!is_integer(e) && !is_bytes(e)) || e->precision < 1 || e->scale < 0 ||
            e->precision > WR_DECIMAL_DIGITS_MAX || e->scale > e->precision)
            return none;
        return wr_type_decimal((unsigned)e->precision, e->scale);
    case PQ_LOGICAL_DATE:
        return e->physical == PQ_INT32 ? WR_TYPE(DATE32) : none;
    case PQ_LOGICAL_TIME:
        return is_integer(e) ? (wr_type){.logical = WR_TYPE_TIME, .unit = e->unit} : none;
    case PQ_LOGICAL_TIMESTAMP:
        return e->physical == PQ_INT64 ? wr_type_timestamp(e->unit, e->is_utc ? 1 : 0) : none;
    case PQ_LOGICAL_INTEGER:
        return is_integer(e) ? integer_type(e) : none;
    case PQ_LOGICAL_UNKNOWN:
        return WR_TYPE(NULL_);
    case PQ_LOGICAL_UUID:
        return e->physical == PQ_FIXED_LEN_BYTE_ARRAY && e->type_length == 16 ? WR_TYPE(UUID) : none;
    case PQ_LOGICAL_FLOAT16:
        return e->physical == PQ_FIXED_LEN_BYTE_ARRAY && e->type_length == 2 ? WR_TYPE(F32) : none;
    default:
        return none;
    }
}

wr_type wr_pq_leaf_type(const pq_element *element, const pq_read_options *options)
{
    wr_type type = annotated_type(element);

    if (type.logical != WR_TYPE_COUNT)
        return type;
    switch ((pq_physical)element->physical) {
    case PQ_BOOLEAN:
        return WR_TYPE(BOOL);
    case PQ_INT32:
        return WR_TYPE(I32);
    case PQ_INT64:
        return WR_TYPE(I64);
    case PQ_INT96:
        return wr_type_timestamp(WR_UNIT_NS, 0);
    case PQ_FLOAT:
        return WR_TYPE(F32);
    case PQ_DOUBLE:
        return WR_TYPE(F64);
    case PQ_FIXED_LEN_BYTE_ARRAY:
        return element->is_interval && element->type_length == 12 ? WR_TYPE(INTERVAL)
                                                                  : WR_TYPE(BINARY);
    case PQ_BYTE_ARRAY:
    case PQ_PHYSICAL_COUNT:
        break;
    }
    return options->binary_as_text && element->logical == PQ_LOGICAL_NONE ? WR_TYPE(UTF8)
                                                                          : WR_TYPE(BINARY);
}

/* ---- Types of groups ---------------------------------------------------------------------------- */

/* An element while types are made. */
typedef struct node {
    wr_text  name;
    wr_type  type;        /* without its own repetition        */
    uint32_t child_count;
    uint32_t end;         /* behind its subtree                */
    uint8_t  repetition, logical;
    bool     is_leaf;
} node;

static wr_status wrap(const node *n, wr_type *out_type, wr_error *err)
{
    if (n->repetition == PQ_REPEATED)
        return wr_type_make_list(n->type, out_type, err);
    *out_type = n->type;
    return WR_OK;
}

static wr_status make_struct(const node *nodes, uint32_t index, wr_bump *bump, wr_type *out_type,
                             wr_error *err)
{
    const node  *group = &nodes[index];
    wr_bump_mark mark = wr_bump_save(bump);
    wr_member   *members = WR_BUMP_NEW_ARRAY(bump, wr_member, (size_t)group->child_count + 1, err);
    uint32_t     child = index + 1;

    if (!members)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < group->child_count; i++) {
        members[i].name = nodes[child].name;
        WR_TRY(wrap(&nodes[child], &members[i].type, err));
        child = nodes[child].end;
    }
    WR_TRY(wr_type_make_struct(members, group->child_count, out_type, err));
    wr_bump_rewind(bump, mark);
    return WR_OK;
}

/* Is the repeated group of a list its element, or is that inside of it? */
static bool is_old_element(const node *list, const node *repeated)
{
    static const char TUPLE[] = "_tuple";
    size_t            length = list->name.byte_count;

    if (repeated->child_count != 1 || repeated[1].repetition == PQ_REPEATED)
        return true;
    if (wr_text_equal(repeated->name, WR_TEXT("array")))
        return true;
    return repeated->name.byte_count == length + sizeof TUPLE - 1 &&
           wr_text_starts_with(repeated->name, list->name) &&
           wr_text_ends_with(repeated->name, wr_text_of(TUPLE));
}

static wr_status make_group(const node *nodes, uint32_t index, wr_bump *bump, wr_type *out_type,
                            wr_error *err)
{
    const node *group = &nodes[index], *repeated = group + 1;
    bool        has_repeated = group->child_count == 1 && repeated->repetition == PQ_REPEATED;
    wr_type     value;

    if (group->logical == PQ_LOGICAL_LIST && has_repeated) {
        if (repeated->is_leaf || is_old_element(group, repeated))
            return wr_type_make_list(repeated->type, out_type, err);
        return wr_type_make_list(repeated[1].type, out_type, err);
    }
    if (group->logical == PQ_LOGICAL_MAP && has_repeated && repeated->child_count == 2 &&
        repeated[1].repetition != PQ_REPEATED) {
        WR_TRY(wrap(&nodes[repeated[1].end], &value, err));
        return wr_type_make_map(repeated[1].type, value, out_type, err);
    }
    if (group->logical == PQ_LOGICAL_MAP && has_repeated && repeated->child_count == 1 &&
        repeated[1].repetition != PQ_REPEATED)
        return wr_type_make_list(repeated[1].type, out_type, err);
    return make_struct(nodes, index, bump, out_type, err);
}

/* ---- Inference ---------------------------------------------------------------------------------- */

wr_status wr_pq_footer_find(const wr_file_reader *file, uint64_t *out_begin, uint64_t *out_end,
                            wr_error *err)
{
    uint64_t file_bytes = file->raw->info.bytes;
    uint8_t  tail[PQ_TAIL_BYTES];
    size_t   got = 0;
    uint32_t footer_bytes;

    if (file_bytes < PQ_MAGIC_BYTES + PQ_TAIL_BYTES)
        return WR_RAISE(err, WR_CORRUPT, "%.*s: no Parquet file: it has %llu bytes only",
                        WR_TEXT_ARG(file->path), (unsigned long long)file_bytes);
    WR_TRY(file->raw->ops->read_at(file->raw, file_bytes - PQ_TAIL_BYTES, tail, sizeof tail, &got,
                                   err));
    if (got == sizeof tail && memcmp(tail + 4, PQ_MAGIC_ENCRYPTED, PQ_MAGIC_BYTES) == 0)
        return WR_RAISE(err, WR_UNSUPPORTED, "%.*s: an encrypted Parquet file: write it without "
                        "encryption", WR_TEXT_ARG(file->path));
    if (got < sizeof tail || memcmp(tail + 4, PQ_MAGIC, PQ_MAGIC_BYTES) != 0)
        return WR_RAISE(err, WR_CORRUPT, "%.*s: no Parquet file, or one that was cut: it does not end "
                        "with %s", WR_TEXT_ARG(file->path), PQ_MAGIC);
    memcpy(&footer_bytes, tail, sizeof footer_bytes);
    if (footer_bytes > file_bytes - PQ_MAGIC_BYTES - PQ_TAIL_BYTES)
        return WR_RAISE(err, WR_CORRUPT, "%.*s: a damaged Parquet file: its footer has %u bytes, more "
                        "than the file", WR_TEXT_ARG(file->path), footer_bytes);
    *out_end = file_bytes - PQ_TAIL_BYTES;
    *out_begin = *out_end - footer_bytes;
    return WR_OK;
}

static wr_status read_nodes(wr_thrift_reader *reader, uint32_t count, const pq_read_options *options,
                            wr_bump *bump, node *nodes, wr_error *err)
{
    pq_element *element = WR_BUMP_NEW(bump, pq_element, err);

    if (!element)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        wr_pq_element_read(reader, element);
        if (reader->status != WR_OK)
            return reader->status;
        nodes[i] = (node){.child_count = element->child_count, .repetition = element->repetition,
                          .logical = element->logical, .is_leaf = element->is_leaf};
        if (element->is_leaf)
            nodes[i].type = wr_pq_leaf_type(element, options);
        nodes[i].name.byte_count = element->name_bytes;
        nodes[i].name.bytes = wr_bump_copy(bump, (wr_text){element->name, element->name_bytes}, err);
        if (!nodes[i].name.bytes)
            return WR_NO_MEMORY;
    }
    return WR_OK;
}

/* Where subtrees end; then types, children first. */
static wr_status make_types(wr_thrift_reader *reader, node *nodes, uint32_t count, wr_bump *bump,
                            wr_error *err)
{
    for (uint32_t i = count; i-- > 0;) {
        uint32_t end = i + 1;

        for (uint32_t child = 0; child < nodes[i].child_count; child++) {
            if (end >= count) {
                wr_thrift_fail(reader, "a group of the schema has fewer members than it says");
                return reader->status;
            }
            end = nodes[end].end;
        }
        nodes[i].end = end;
        if (i > 0 && !nodes[i].is_leaf)
            WR_TRY_WHILE(make_group(nodes, i, bump, &nodes[i].type, err), err,
                         "reading the type of column '%.*s'", WR_TEXT_ARG(nodes[i].name));
    }
    return WR_OK;
}

static wr_status make_schema(wr_thrift_reader *reader, uint32_t count, const pq_read_options *options,
                             wr_bump *bump, wr_schema *out_schema, wr_error *err)
{
    node    *nodes;
    uint32_t at = 1;

    if (count == 0 || count > reader->limit - wr_thrift_offset(reader)) {
        wr_thrift_fail(reader, "the schema has no root");
        return reader->status;
    }
    nodes = WR_BUMP_NEW_ARRAY(bump, node, count, err);
    if (!nodes)
        return WR_NO_MEMORY;
    WR_TRY(read_nodes(reader, count, options, bump, nodes, err));
    WR_TRY(make_types(reader, nodes, count, bump, err));
    *out_schema = (wr_schema){0, WR_BUMP_NEW_ARRAY(bump, wr_field, (size_t)nodes[0].child_count + 1,
                                                   err)};
    if (!out_schema->fields)
        return WR_NO_MEMORY;
    for (; at < nodes[0].end; at = nodes[at].end) {
        wr_field *field = &out_schema->fields[out_schema->field_count++];

        *field = (wr_field){.name = nodes[at].name, .nullable = true};
        WR_TRY(wrap(&nodes[at], &field->type, err));
    }
    return WR_OK;
}

/* ---- Codecs ------------------------------------------------------------------------------------- */

/* Into what the field holds, if it is a struct or a list of them: to its first field with `id`. */
static bool find_field(wr_thrift_reader *reader, int16_t id, wr_thrift_field *out)
{
    *out = (wr_thrift_field){0};
    while (wr_thrift_next(reader, out)) {
        if (out->id == id)
            return true;
        wr_thrift_skip(reader, out);
    }
    return false;
}

/* Is a column of the row group at hand compressed with brotli? What does not hold is for reading to find. */
static bool find_brotli(wr_thrift_reader *reader)
{
    wr_thrift_field chunks, field;
    uint32_t        count;
    bool            found = false;

    if (!find_field(reader, PQ_GROUP_COLUMNS, &chunks))
        return false;
    count = wr_thrift_list(reader, &chunks);
    for (uint32_t i = 0; i < count && !found && reader->status == WR_OK; i++) {
        wr_thrift_struct(reader, &chunks);
        if (!find_field(reader, PQ_CHUNK_META, &field))
            continue;
        wr_thrift_struct(reader, &field);
        if (find_field(reader, PQ_META_CODEC, &field)) {
            found = wr_thrift_i32(reader, &field) == PQ_BROTLI;
            while (wr_thrift_next(reader, &field))
                wr_thrift_skip(reader, &field);
        }
        field.id = PQ_CHUNK_META;
        while (wr_thrift_next(reader, &field))
            wr_thrift_skip(reader, &field);
    }
    return found;
}

/* A codec that is loaded has to be so while planning; of a file the first row group is looked at. */
static wr_status require_codecs(wr_thrift_reader *reader, pq_read_options *options, wr_error *err)
{
    wr_thrift_field field = {.id = PQ_FILE_SCHEMA};

    reader->err = NULL;
    while (!options->has_brotli && wr_thrift_next(reader, &field)) {
        if (field.id != PQ_FILE_ROW_GROUPS) {
            wr_thrift_skip(reader, &field);
            continue;
        }
        if (wr_thrift_list(reader, &field) > 0)
            options->has_brotli = find_brotli(reader);
        break;
    }
    return options->has_brotli ? wr_codec_require(WR_CODEC_BROTLI, err) : WR_OK;
}

/* ---- Files -------------------------------------------------------------------------------------- */

/* `declared` columns are what they are: others are passed over. */
static wr_status read_footer(wr_thrift_reader *reader, const wr_schema *declared, pq_read_options *options,
                             wr_bump *bump, wr_schema *out_schema, wr_error *err)
{
    wr_thrift_field field;
    uint32_t        count;

    if (!find_field(reader, PQ_FILE_SCHEMA, &field)) {
        wr_thrift_fail(reader, "there is no schema");
        return reader->status;
    }
    if (declared && declared->field_count > 0) {
        *out_schema = *declared;
        wr_thrift_skip(reader, &field);
    } else {
        count = wr_thrift_list(reader, &field);
        wr_thrift_struct(reader, &field);
        WR_TRY(make_schema(reader, count, options, bump, out_schema, err));
    }
    return require_codecs(reader, options, err);
}

wr_status wr_pq_infer(void *options, const wr_schema *declared, const wr_file_reader *file, bool full,
                      wr_bump *bump, wr_schema *out_schema, wr_error *err)
{
    wr_thrift_reader reader;
    uint64_t         begin, end;
    void            *window;

    (void)full; /* a footer tells all */
    WR_TRY(wr_pq_footer_find(file, &begin, &end, err));
    window = wr_bump_alloc(bump, PQ_META_WINDOW_BYTES, err);
    if (!window)
        return WR_NO_MEMORY;
    wr_thrift_open_file(&reader, file->raw, begin, end, window, PQ_META_WINDOW_BYTES, err);
    WR_TRY_WHILE(read_footer(&reader, declared, options, bump, out_schema, err), err,
                 "reading the footer of %.*s", WR_TEXT_ARG(file->path));
    return WR_OK;
}
