/* ar_write_meta.c — flatbuffers written from front to back: schema, record batches, footer.
 *
 * A table stands behind its description; what it refers to follows, so no part has to be held or
 * changed when it is written. How long the parts of a schema are is found by writing them into nothing.
 * Recursion goes as deep as the types. */
#include "ar_write.h"

#include "types/zone.h"

/* ---- Bytes -------------------------------------------------------------------------------------- */

static void flush(ar_writer *w)
{
    if (w->output && w->used > 0 && w->status == WR_OK)
        w->status = w->output->ops->write(w->output, w->buffer, w->used, w->err);
    w->used = 0;
}

void wr_ar_put_bytes(ar_writer *w, const void *bytes, size_t count)
{
    const uint8_t *from = bytes;

    w->at += count;
    while (w->output && count > 0) {
        size_t room = sizeof w->buffer - w->used, now = count < room ? count : room;

        memcpy(w->buffer + w->used, from, now);
        w->used += (uint32_t)now;
        from += now;
        count -= now;
        if (w->used == sizeof w->buffer)
            flush(w);
    }
}

void wr_ar_put_zeros(ar_writer *w, uint64_t count)
{
    static const uint8_t ZEROS[64];

    for (; count > sizeof ZEROS; count -= sizeof ZEROS)
        wr_ar_put_bytes(w, ZEROS, sizeof ZEROS);
    wr_ar_put_bytes(w, ZEROS, count);
}

wr_status wr_ar_flush(ar_writer *w)
{
    flush(w);
    return w->status;
}

static void put_16(ar_writer *w, uint32_t x)
{
    wr_ar_put_bytes(w, &x, 2);
}

static void put_32(ar_writer *w, uint64_t x)
{
    wr_ar_put_bytes(w, &x, 4);
}

static void put_64(ar_writer *w, uint64_t x)
{
    wr_ar_put_bytes(w, &x, 8);
}

/* ---- Parts -------------------------------------------------------------------------------------- */

/* A table's description, for slots of which each is at `slots[i]` in it, or 0: left out. Ends where the
 * table may begin: at a multiple of 4, or of 8 from `begin` on if `is_wide`. */
static void put_vtable(ar_writer *w, const uint8_t *slots, uint32_t slot_count, uint32_t table_bytes)
{
    put_16(w, 4 + 2 * slot_count);
    put_16(w, table_bytes);
    for (uint32_t i = 0; i < slot_count; i++)
        put_16(w, slots[i]);
    if (slot_count % 2)
        put_16(w, 0);
}

static uint32_t vtable_bytes(uint32_t slot_count)
{
    return (4 + 2 * slot_count + 3) & ~3u;
}

static uint32_t text_bytes(size_t byte_count)
{
    return ((uint32_t)byte_count + 4 + 1 + 3) & ~3u;
}

static void put_text(ar_writer *w, wr_text text)
{
    put_32(w, text.byte_count);
    wr_ar_put_bytes(w, text.bytes, text.byte_count);
    wr_ar_put_zeros(w, text_bytes(text.byte_count) - 4 - text.byte_count);
}

/* ---- Types -------------------------------------------------------------------------------------- */

/* A type's table: numbers of 4 bytes, of which a reader takes as many as it needs; then a text. */
typedef struct type_shape {
    uint8_t  kind; /* ar_type */
    uint32_t number_count;
    int32_t  numbers[3];
    wr_text  zone;
} type_shape;

static type_shape integer_shape(int32_t bits, bool is_signed)
{
    return (type_shape){AR_TYPE_INT, 2, {bits, is_signed}, {0}};
}

static type_shape temporal_shape(wr_type type)
{
    switch ((wr_logical)type.logical) {
    case WR_TYPE_DATE32:
        return (type_shape){AR_TYPE_DATE, 1, {AR_DAY}, {0}};
    case WR_TYPE_DATE64:
        return (type_shape){AR_TYPE_DATE, 1, {AR_MILLISECOND}, {0}};
    case WR_TYPE_TIME:
        return (type_shape){AR_TYPE_TIME, 2, {type.unit, type.unit <= WR_UNIT_MS ? 32 : 64}, {0}};
    case WR_TYPE_INTERVAL:
        return (type_shape){AR_TYPE_INTERVAL, 1, {AR_MONTH_DAY_NANO}, {0}};
    default:
        return (type_shape){AR_TYPE_TIMESTAMP, 1, {type.unit},
                            type.zone ? wr_zone_name(type.zone) : (wr_text){0}};
    }
}

static type_shape shape_of(wr_type type, bool is_large)
{
    switch ((wr_logical)type.logical) {
    case WR_TYPE_NULL_:
        return (type_shape){.kind = AR_TYPE_NULL};
    case WR_TYPE_BOOL:
        return (type_shape){.kind = AR_TYPE_BOOL};
    case WR_TYPE_F32:
        return (type_shape){AR_TYPE_FLOAT, 1, {AR_SINGLE}, {0}};
    case WR_TYPE_F64:
        return (type_shape){AR_TYPE_FLOAT, 1, {AR_DOUBLE}, {0}};
    case WR_TYPE_DECIMAL:
        return (type_shape){AR_TYPE_DECIMAL, 3, {type.precision, type.scale, 128}, {0}};
    case WR_TYPE_UTF8:
        return (type_shape){.kind = is_large ? AR_TYPE_LARGE_UTF8 : AR_TYPE_UTF8};
    case WR_TYPE_BINARY:
        return (type_shape){.kind = is_large ? AR_TYPE_LARGE_BINARY : AR_TYPE_BINARY};
    case WR_TYPE_UUID:
        return (type_shape){AR_TYPE_FIXED_BINARY, 1, {16}, {0}};
    case WR_TYPE_LIST:
        return (type_shape){.kind = is_large ? AR_TYPE_LARGE_LIST : AR_TYPE_LIST};
    case WR_TYPE_STRUCT:
        return (type_shape){.kind = AR_TYPE_STRUCT};
    case WR_TYPE_MAP:
        return (type_shape){.kind = AR_TYPE_MAP};
    default:
        break;
    }
    if (wr_type_is_integer(type))
        return integer_shape(8 * (int32_t)wr_physical_bytes(wr_type_physical(type)),
                             !wr_type_is_unsigned(type));
    return temporal_shape(type);
}

static uint32_t shape_bytes(const type_shape *shape)
{
    uint32_t slots = shape->number_count + (shape->zone.byte_count > 0);

    return vtable_bytes(slots) + 4 + 4 * slots +
           (shape->zone.byte_count ? text_bytes(shape->zone.byte_count) : 0);
}

static void put_shape(ar_writer *w, const type_shape *shape)
{
    static const uint8_t SLOTS[] = {4, 8, 12, 16};
    uint32_t slots = shape->number_count + (shape->zone.byte_count > 0);

    put_vtable(w, SLOTS, slots, 4 + 4 * slots);
    put_32(w, vtable_bytes(slots));
    for (uint32_t i = 0; i < shape->number_count; i++)
        put_32(w, (uint32_t)shape->numbers[i]);
    if (shape->zone.byte_count) {
        put_32(w, 4);
        put_text(w, shape->zone);
    }
}

/* ---- Fields ------------------------------------------------------------------------------------- */

typedef struct field {
    wr_text  name;
    wr_type  type;
    bool     nullable, is_coded;
    uint32_t coding;
} field;

static uint32_t child_count(wr_type type)
{
    if (wr_type_is_sequence(type))
        return 1;
    return type.logical == WR_TYPE_STRUCT ? wr_type_member_count(type) : 0;
}

/* The entries of a map are a struct that is there, and so are its keys. */
static field child_of(const field *parent, bool is_entry, uint32_t index)
{
    wr_member member;

    if (wr_type_is_sequence(parent->type)) {
        bool is_map = parent->type.logical == WR_TYPE_MAP;

        return (field){.name = is_map ? WR_TEXT("entries") : WR_TEXT("item"),
                       .type = wr_type_element(parent->type), .nullable = !is_map};
    }
    member = wr_type_member(parent->type, index);
    return (field){.name = member.name, .type = member.type, .nullable = !(is_entry && index == 0)};
}

static void put_field(ar_writer *w, const field *f, bool is_entry, bool is_large);

static uint64_t field_bytes(const field *f, bool is_entry, bool is_large)
{
    ar_writer counter = {0};

    put_field(&counter, f, is_entry, is_large);
    return counter.at;
}

/* A list of one key and its value. */
static void put_uuid(ar_writer *w)
{
    static const uint8_t SLOTS[] = {4, 8};

    put_32(w, 1);
    put_32(w, 4 + 8);
    put_vtable(w, SLOTS, 2, 12);
    put_32(w, 8);
    put_32(w, 8);
    put_32(w, 4 + text_bytes(sizeof AR_EXTENSION - 1));
    put_text(w, WR_TEXT(AR_EXTENSION));
    put_text(w, WR_TEXT(AR_UUID));
}

static uint32_t metadata_bytes(const field *f)
{
    return f->type.logical == WR_TYPE_UUID
               ? 4 + 4 + 8 + 12 + text_bytes(sizeof AR_EXTENSION - 1) + text_bytes(sizeof AR_UUID - 1)
               : 0;
}

/* Codes of 32 bits, and the number of the dictionary, which stands at a multiple of 8: so may what is there begin. */
enum { CODING_PAD = 4, CODING_TABLE = 8, CODING_BYTES = 48 };

static uint32_t coding_pad(uint64_t at)
{
    return at % 8 ? CODING_PAD : 0;
}

static void put_coding(ar_writer *w, uint32_t number)
{
    static const uint8_t SLOTS[] = {8, 4};
    type_shape code = integer_shape(32, true);
    uint32_t   pad = coding_pad(w->at);

    wr_ar_put_zeros(w, pad);
    put_vtable(w, SLOTS, 2, 16);
    put_32(w, CODING_TABLE);
    put_32(w, 16 - 4 + vtable_bytes(code.number_count));
    put_64(w, number);
    put_shape(w, &code);
    wr_ar_put_zeros(w, CODING_PAD - pad);
}

/* Behind the table: name, type, metadata or dictionary, children. */
static void put_field(ar_writer *w, const field *f, bool is_entry, bool is_large)
{
    static const uint8_t SLOTS[] = {4, 21, 20, 8, 0, 12, 16}, PLAIN[] = {4, 21, 20, 8, 0, 12},
                         CODED[] = {4, 21, 20, 8, 16, 12};
    enum { TABLE_BYTES = 24 };
    type_shape shape = shape_of(f->type, is_large);
    uint32_t   name = text_bytes(f->name.byte_count), type = shape_bytes(&shape);
    uint32_t   metadata = metadata_bytes(f), coding = f->is_coded ? CODING_BYTES : 0, count = child_count(f->type);
    bool       is_map = f->type.logical == WR_TYPE_MAP;
    uint64_t   offset = 4 * (uint64_t)count, offset_16;

    put_vtable(w, metadata ? SLOTS : coding ? CODED : PLAIN, metadata ? 7 : 6, TABLE_BYTES);
    put_32(w, vtable_bytes(metadata ? 7 : 6));
    put_32(w, TABLE_BYTES - 4);
    put_32(w, TABLE_BYTES - 8 + name + vtable_bytes(shape.number_count + (shape.zone.byte_count > 0)));
    put_32(w, TABLE_BYTES - 12 + name + type + metadata + coding);
    offset_16 = TABLE_BYTES - 16 + name + type;
    if (coding)
        offset_16 += coding_pad(w->at + offset_16) + CODING_TABLE;
    put_32(w, metadata || coding ? offset_16 : 0);
    wr_ar_put_bytes(w, &shape.kind, 1);
    wr_ar_put_bytes(w, &f->nullable, 1);
    put_16(w, 0);
    put_text(w, f->name);
    put_shape(w, &shape);
    if (metadata)
        put_uuid(w);
    if (coding)
        put_coding(w, f->coding);
    put_32(w, count);
    for (uint32_t i = 0; i < count && w->output; i++) {
        field child = child_of(f, is_entry, i);

        /* to the table, which is behind its description */
        put_32(w, offset - 4 * i + vtable_bytes(child.type.logical == WR_TYPE_UUID ? 7 : 6));
        offset += field_bytes(&child, is_map, is_large);
    }
    if (!w->output)
        w->at += 4 * (uint64_t)count;
    for (uint32_t i = 0; i < count; i++) {
        field child = child_of(f, is_entry, i);

        put_field(w, &child, is_map, is_large);
    }
}

/* ---- Schema ------------------------------------------------------------------------------------- */

/* A column, and the node behind it. */
static field column_of(const ar_out_schema *schema, uint32_t index, uint32_t *io_node)
{
    const wr_field    *column = &schema->schema->fields[index];
    const ar_out_node *node = &schema->nodes[*io_node];

    *io_node = node->end;
    return (field){column->name, column->type, true, node->put == AR_PUT_CODES, node->coding};
}

/* From its description on; the table is SCHEMA_TABLE bytes behind the begin. */
enum { SCHEMA_TABLE = 8 };

static void put_schema_table(ar_writer *w, const ar_out_schema *schema)
{
    static const uint8_t SLOTS[] = {0, 4};
    uint32_t count = schema->schema->field_count, node = 0;
    uint64_t offset = 4 * (uint64_t)count;

    put_vtable(w, SLOTS, 2, 8);
    put_32(w, SCHEMA_TABLE);
    put_32(w, 4);
    put_32(w, count);
    for (uint32_t i = 0; i < count; i++) {
        field f = column_of(schema, i, &node);

        put_32(w, offset - 4 * (uint64_t)i + vtable_bytes(f.type.logical == WR_TYPE_UUID ? 7 : 6));
        offset += field_bytes(&f, false, schema->is_large);
    }
    node = 0;
    for (uint32_t i = 0; i < count; i++) {
        field f = column_of(schema, i, &node);

        put_field(w, &f, false, schema->is_large);
    }
}

/* ---- Messages ----------------------------------------------------------------------------------- */

/* From the begin of the flatbuffer: root, description, table; the content's description is next. */
enum { MESSAGE_BYTES = 40 };

static void put_message(ar_writer *w, uint8_t kind, uint64_t body_bytes, uint32_t header_table)
{
    static const uint8_t SLOTS[] = {16, 18, 4, 8};
    enum { TABLE = 16, TABLE_BYTES = 20 };

    put_32(w, TABLE);
    put_vtable(w, SLOTS, 4, TABLE_BYTES);
    put_32(w, TABLE - 4);
    put_32(w, MESSAGE_BYTES + header_table - (TABLE + 4));
    put_64(w, body_bytes);
    put_16(w, AR_V5);
    wr_ar_put_bytes(w, &kind, 1);
    wr_ar_put_zeros(w, MESSAGE_BYTES - TABLE - TABLE_BYTES + 1);
}

static void put_prefix(ar_writer *w, uint32_t bytes)
{
    put_32(w, AR_CONTINUE);
    put_32(w, bytes);
}

/* Metadata ends so that what follows is aligned. */
static uint32_t pad_metadata(uint64_t begin, uint64_t bytes)
{
    return (uint32_t)(wr_round_up(begin + AR_PREFIX_BYTES + bytes, AR_BODY_ALIGNMENT) - begin -
                      AR_PREFIX_BYTES);
}

void wr_ar_put_schema(ar_writer *w, const ar_out_schema *schema)
{
    ar_writer counter = {0};
    uint64_t  begin = w->at, end;

    put_schema_table(&counter, schema);
    end = pad_metadata(begin, MESSAGE_BYTES + counter.at);
    put_prefix(w, (uint32_t)end);
    put_message(w, AR_SCHEMA, 0, SCHEMA_TABLE);
    put_schema_table(w, schema);
    wr_ar_put_zeros(w, begin + AR_PREFIX_BYTES + end - w->at);
}

/* From the begin of the flatbuffer: message; of a dictionary its description and table; description and table of
 * the batch, nodes. */
enum { HEADER_TABLE = 16, DICTIONARY_BYTES = 40, BATCH_BYTES = HEADER_TABLE + 24 + 8, CODEC_BYTES = 16 };

static uint64_t batch_at(const ar_message_shape *shape)
{
    return MESSAGE_BYTES + (shape->is_dictionary ? DICTIONARY_BYTES : 0);
}

static uint64_t buffers_at(const ar_message_shape *shape)
{
    return batch_at(shape) + BATCH_BYTES + AR_NODE_BYTES * (uint64_t)shape->node_count + 8;
}

static uint64_t codec_at(const ar_message_shape *shape)
{
    return buffers_at(shape) + AR_BUFFER_BYTES * (uint64_t)shape->buffer_count;
}

uint32_t wr_ar_message_bytes(const ar_message_shape *shape, uint64_t at)
{
    return pad_metadata(at, codec_at(shape) + CODEC_BYTES);
}

static void put_dictionary(ar_writer *w, const ar_message_shape *shape)
{
    static const uint8_t SLOTS[] = {8, 4, 16};

    put_vtable(w, SLOTS, 3, DICTIONARY_BYTES - HEADER_TABLE);
    put_32(w, 0); /* the table is aligned */
    put_32(w, HEADER_TABLE);
    put_32(w, DICTIONARY_BYTES - 4);
    put_64(w, shape->dictionary);
    wr_ar_put_bytes(w, &shape->is_delta, 1);
    wr_ar_put_zeros(w, DICTIONARY_BYTES - HEADER_TABLE - 17);
}

void wr_ar_put_message_head(ar_writer *w, const ar_message_shape *shape, uint64_t body_bytes)
{
    static const uint8_t SLOTS[] = {8, 4, 16, 20}, PLAIN[] = {8, 4, 16, 0};
    bool     is_stored = shape->codec != WR_CODEC_NONE;
    uint64_t table = batch_at(shape) + HEADER_TABLE;

    put_prefix(w, wr_ar_message_bytes(shape, w->at));
    put_message(w, shape->is_dictionary ? AR_DICTIONARY_BATCH : AR_RECORD_BATCH, body_bytes, HEADER_TABLE);
    if (shape->is_dictionary)
        put_dictionary(w, shape);
    put_vtable(w, is_stored ? SLOTS : PLAIN, 4, 24);
    put_32(w, 0); /* the table is aligned */
    put_32(w, HEADER_TABLE);
    put_32(w, BATCH_BYTES - 4 - (HEADER_TABLE + 4));
    put_64(w, shape->rows);
    put_32(w, buffers_at(shape) - 4 - (table + 16));
    put_32(w, is_stored ? codec_at(shape) + 8 - (table + 20) : 0);
    put_32(w, 0);
    put_32(w, shape->node_count);
}

void wr_ar_put_message_node(ar_writer *w, uint64_t count, uint64_t null_count)
{
    put_64(w, count);
    put_64(w, null_count);
}

void wr_ar_put_message_middle(ar_writer *w, const ar_message_shape *shape)
{
    put_32(w, 0);
    put_32(w, shape->buffer_count);
}

void wr_ar_put_message_buffer(ar_writer *w, uint64_t offset, uint64_t length)
{
    put_64(w, offset);
    put_64(w, length);
}

void wr_ar_put_message_tail(ar_writer *w, const ar_message_shape *shape, uint64_t begin)
{
    static const uint8_t SLOTS[] = {4, 5};
    uint8_t codec = shape->codec == WR_CODEC_ZSTD ? AR_ZSTD : AR_LZ4_FRAME;

    put_vtable(w, SLOTS, 2, 8);
    put_32(w, 8);
    wr_ar_put_bytes(w, &codec, 1);
    wr_ar_put_zeros(w, 3);
    wr_ar_put_zeros(w, begin + AR_PREFIX_BYTES + wr_ar_message_bytes(shape, begin) - w->at);
}

/* ---- The footer --------------------------------------------------------------------------------- */

/* Their number, which four bytes go before. */
static void put_blocks(ar_writer *w, const ar_block_list *list)
{
    uint8_t block[AR_BLOCK_BYTES];

    put_32(w, list->count);
    for (uint64_t i = 0; i < list->count && w->status == WR_OK; i++) {
        w->status = wr_blob_read(&list->blob, i * sizeof block, block, sizeof block, w->err);
        wr_ar_put_bytes(w, block, sizeof block);
    }
}

void wr_ar_put_footer(ar_writer *w, const ar_out_schema *schema, const ar_block_list *dictionaries,
                      const ar_block_list *batches)
{
    static const uint8_t SLOTS[] = {4, 8, 12, 16};
    enum { TABLE = 16, DICTIONARIES = 36 };
    uint64_t begin = w->at, batches_at = DICTIONARIES + 4 + AR_BLOCK_BYTES * dictionaries->count + 4;
    uint64_t schema_at = batches_at + 4 + AR_BLOCK_BYTES * batches->count + SCHEMA_TABLE;

    put_32(w, TABLE);
    put_vtable(w, SLOTS, 4, 20);
    put_32(w, TABLE - 4);
    put_32(w, AR_V5);
    put_32(w, schema_at - (TABLE + 8));
    put_32(w, DICTIONARIES - (TABLE + 12));
    put_32(w, batches_at - (TABLE + 16));
    put_blocks(w, dictionaries);
    put_32(w, 0);
    put_blocks(w, batches);
    put_schema_table(w, schema);
    put_32(w, w->at - begin);
    wr_ar_put_bytes(w, AR_MAGIC, AR_MAGIC_BYTES);
}
