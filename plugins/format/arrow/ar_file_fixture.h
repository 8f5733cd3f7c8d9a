/* ar_file_fixture.h — Arrow streams and files made byte by byte, for the reader's tests. Include after <cmocka.h>.
 *
 * Flatbuffers grow from front to back: a table stands behind its description, with eight bytes for each slot;
 * slots that were not set are left out. What a slot refers to is made first or later, and then told to it. */
#ifndef WR_AR_FILE_FIXTURE_H
#define WR_AR_FILE_FIXTURE_H

#include "ar_priv.h"
#include "spi/format_fixture.h"

extern const wr_format wr_format_arrow;

enum { MADE_BYTES_MAX = 1 << 16, MADE_TABLE_HEAD = 8 };

typedef struct made_bytes {
    _Alignas(8) uint8_t bytes[MADE_BYTES_MAX];
    uint32_t used;
} made_bytes;

static inline uint32_t made_add(made_bytes *b, const void *bytes, size_t count)
{
    uint32_t at = b->used;

    assert_true(count <= sizeof b->bytes - at);
    if (count)
        memcpy(b->bytes + at, bytes, count);
    b->used += (uint32_t)count;
    return at;
}

static inline uint32_t made_number(made_bytes *b, uint64_t number, uint32_t width)
{
    return made_add(b, &number, width);
}

static inline void made_align(made_bytes *b)
{
    static const uint8_t ZEROS[8];

    made_add(b, ZEROS, -b->used & 7);
}

/* ---- Flatbuffers -------------------------------------------------------------------------------- */

static inline uint32_t made_table(made_bytes *b, uint32_t slot_count)
{
    uint32_t vtable, at;

    made_align(b);
    vtable = made_number(b, 4 + 2 * slot_count, 2);
    made_number(b, MADE_TABLE_HEAD + 8 * slot_count, 2);
    for (uint32_t i = 0; i < slot_count; i++)
        made_number(b, 0, 2);
    made_align(b);
    at = made_number(b, b->used - vtable, 8);
    for (uint32_t i = 0; i < slot_count; i++)
        made_number(b, 0, 8);
    return at;
}

static inline uint32_t made_slot(made_bytes *b, uint32_t table, uint32_t slot)
{
    uint32_t vtable = table - wr_load_u32(b->bytes + table), offset = MADE_TABLE_HEAD + 8 * slot;

    memcpy(b->bytes + vtable + 4 + 2 * (size_t)slot, &offset, 2);
    return table + offset;
}

static inline void made_set(made_bytes *b, uint32_t table, uint32_t slot, int64_t number)
{
    wr_store_u64(b->bytes + made_slot(b, table, slot), (uint64_t)number);
}

static inline void made_refer(made_bytes *b, uint32_t table, uint32_t slot, uint32_t to)
{
    uint32_t at = made_slot(b, table, slot);

    wr_store_u32(b->bytes + at, to - at);
}

/* Items begin at a multiple of 8. */
static inline uint32_t made_vector(made_bytes *b, const void *items, uint32_t count, uint32_t item_bytes)
{
    uint32_t at;

    made_align(b);
    made_number(b, 0, 4);
    at = made_number(b, count, 4);
    made_add(b, items, (size_t)count * item_bytes);
    return at;
}

/* Of tables, which made_item names. */
static inline uint32_t made_tables(made_bytes *b, uint32_t count)
{
    static const uint32_t NONE[64];

    return made_vector(b, NONE, count, 4);
}

static inline void made_item(made_bytes *b, uint32_t vector, uint32_t index, uint32_t to)
{
    uint32_t at = vector + 4 + 4 * index;

    wr_store_u32(b->bytes + at, to - at);
}

static inline uint32_t made_text(made_bytes *b, const char *text)
{
    return made_vector(b, text, (uint32_t)strlen(text), 1);
}

/* ---- Schema ------------------------------------------------------------------------------------- */

typedef struct made_field {
    const char              *name;
    uint8_t                  type;          /* ar_type */
    uint8_t                  number_count;
    int64_t                  numbers[3];    /* the type's first slots         */
    const char              *zone;          /* of a timestamp                 */
    const char              *extension;
    const struct made_field *children;
    uint32_t                 child_count;
    bool                     is_coded;
    int64_t                  dictionary_id;
    uint8_t                  code_bits;     /* 0: not said, so 32 */
} made_field;

static inline uint32_t made_type(made_bytes *b, const made_field *field)
{
    uint32_t table = made_table(b, 4);

    for (uint32_t i = 0; i < field->number_count; i++)
        made_set(b, table, i, field->numbers[i]);
    if (field->zone)
        made_refer(b, table, AR_TIMESTAMP_ZONE, made_text(b, field->zone));
    return table;
}

static inline uint32_t made_coding(made_bytes *b, const made_field *field)
{
    uint32_t table = made_table(b, 2), index;

    made_set(b, table, AR_CODING_ID, field->dictionary_id);
    if (field->code_bits) {
        index = made_table(b, 2);
        made_set(b, index, AR_INT_BITS, field->code_bits);
        made_set(b, index, AR_INT_IS_SIGNED, 1);
        made_refer(b, table, AR_CODING_INDEX, index);
    }
    return table;
}

static inline uint32_t made_metadata(made_bytes *b, const char *extension)
{
    uint32_t pairs = made_tables(b, 1), pair = made_table(b, 2);

    made_item(b, pairs, 0, pair);
    made_refer(b, pair, AR_PAIR_KEY, made_text(b, AR_EXTENSION));
    made_refer(b, pair, AR_PAIR_VALUE, made_text(b, extension));
    return pairs;
}

static inline uint32_t made_fields(made_bytes *b, const made_field *fields, uint32_t count)
{
    uint32_t list = made_tables(b, count);

    for (uint32_t i = 0; i < count; i++) {
        const made_field *f = &fields[i];
        uint32_t          table = made_table(b, 7);

        made_item(b, list, i, table);
        made_refer(b, table, AR_FIELD_NAME, made_text(b, f->name ? f->name : "a"));
        made_set(b, table, AR_FIELD_NULLABLE, 1);
        made_set(b, table, AR_FIELD_KIND, f->type);
        made_refer(b, table, AR_FIELD_TYPE, made_type(b, f));
        if (f->is_coded)
            made_refer(b, table, AR_FIELD_DICTIONARY, made_coding(b, f));
        if (f->child_count)
            made_refer(b, table, AR_FIELD_CHILDREN, made_fields(b, f->children, f->child_count));
        if (f->extension)
            made_refer(b, table, AR_FIELD_METADATA, made_metadata(b, f->extension));
    }
    return list;
}

/* ---- Messages ----------------------------------------------------------------------------------- */

typedef struct made_buffer {
    const void *bytes;
    uint32_t    byte_count;
} made_buffer;

typedef struct made_batch {
    int64_t            rows;
    const int64_t    (*nodes)[2];  /* length, NULLs */
    const made_buffer *buffers;
    uint32_t           node_count, buffer_count;
    int8_t             codec;      /* 0: none; else ar's number + 1 */
    bool               is_delta;   /* of a dictionary */
} made_batch;

/* The metadata of a message up to its content, whose table the caller makes next and refers to. */
static inline uint32_t made_message_begin(made_bytes *meta, ar_message_kind kind)
{
    uint32_t root;

    meta->used = 0;
    made_number(meta, 0, 8);
    root = made_table(meta, 4);
    wr_store_u32(meta->bytes, root);
    made_set(meta, root, AR_MESSAGE_VERSION, AR_V5);
    made_set(meta, root, AR_MESSAGE_KIND, kind);
    return root;
}

static inline void made_message_end(made_bytes *out, made_bytes *meta, uint32_t root, const made_bytes *body)
{
    made_set(meta, root, AR_MESSAGE_BODY_BYTES, body->used);
    made_align(meta);
    made_number(out, AR_CONTINUE, 4);
    made_number(out, meta->used, 4);
    made_add(out, meta->bytes, meta->used);
    made_add(out, body->bytes, body->used);
}

static inline uint32_t made_batch_table(made_bytes *meta, const made_batch *batch, made_bytes *body)
{
    uint64_t places[32][2];
    uint32_t table = made_table(meta, 5), compression;

    body->used = 0;
    for (uint32_t i = 0; i < batch->buffer_count; i++) {
        places[i][0] = body->used;
        places[i][1] = batch->buffers[i].byte_count;
        made_add(body, batch->buffers[i].bytes, batch->buffers[i].byte_count);
        made_align(body);
    }
    made_set(meta, table, AR_BATCH_ROWS, batch->rows);
    made_refer(meta, table, AR_BATCH_NODES, made_vector(meta, batch->nodes, batch->node_count, AR_NODE_BYTES));
    made_refer(meta, table, AR_BATCH_BUFFERS, made_vector(meta, places, batch->buffer_count, AR_BUFFER_BYTES));
    if (batch->codec) {
        compression = made_table(meta, 2);
        made_set(meta, compression, AR_COMPRESSION_CODEC, batch->codec - 1);
        made_refer(meta, table, AR_BATCH_COMPRESSION, compression);
    }
    return table;
}

static inline void made_schema(made_bytes *out, const made_field *fields, uint32_t count)
{
    static made_bytes meta;
    made_bytes       *body = &(made_bytes){0};
    uint32_t          root = made_message_begin(&meta, AR_SCHEMA), schema = made_table(&meta, 2);

    made_refer(&meta, root, AR_MESSAGE_HEADER, schema);
    made_refer(&meta, schema, AR_SCHEMA_FIELDS, made_fields(&meta, fields, count));
    made_message_end(out, &meta, root, body);
}

static inline void made_record_batch(made_bytes *out, const made_batch *batch)
{
    static made_bytes meta, body;
    uint32_t          root = made_message_begin(&meta, AR_RECORD_BATCH);

    made_refer(&meta, root, AR_MESSAGE_HEADER, made_batch_table(&meta, batch, &body));
    made_message_end(out, &meta, root, &body);
}

static inline void made_dictionary(made_bytes *out, int64_t id, const made_batch *values)
{
    static made_bytes meta, body;
    uint32_t          root = made_message_begin(&meta, AR_DICTIONARY_BATCH), table = made_table(&meta, 3);

    made_refer(&meta, root, AR_MESSAGE_HEADER, table);
    made_set(&meta, table, AR_DICTIONARY_ID, id);
    made_set(&meta, table, AR_DICTIONARY_IS_DELTA, values->is_delta);
    made_refer(&meta, table, AR_DICTIONARY_DATA, made_batch_table(&meta, values, &body));
    made_message_end(out, &meta, root, &body);
}

#endif
