/* pq_file_fixture.h — Parquet files made in memory, byte by byte as a test wants them: a schema, one row
 * group, pages of any body. Include after <cmocka.h>, or define FIXTURE_REQUIRE first.
 *
 * Call order   made_page..., made_chunk_end for each column, then made_file_end. */
#ifndef WR_PQ_FILE_FIXTURE_H
#define WR_PQ_FILE_FIXTURE_H

#include "pq_priv.h"
#include "spi/format_fixture.h"

extern const wr_format wr_format_parquet;

enum { MADE_BYTES_MAX = 2 << 20, MADE_CHUNKS_MAX = 8, MADE_GROUP = -1 };

/* A SchemaElement. */
typedef struct made_element {
    const char *name;
    int         physical;      /* MADE_GROUP: a group of the `child_count` that follow; others may say
                                  that they are one as well                        */
    int         repetition;
    int         child_count;
    int         converted;     /* and 1 more; 0: none                                  */
    int         logical;       /* a member of the union that is empty; 0: none         */
    int         type_length, scale, precision;
} made_element;

typedef struct made_chunk {
    uint64_t begin, end;
    int      physical, codec;
    uint32_t value_count;
} made_chunk;

typedef struct made_file {
    uint8_t    bytes[MADE_BYTES_MAX];
    size_t     used;
    made_chunk chunks[MADE_CHUNKS_MAX];
    uint32_t   chunk_count;
    bool       is_encrypted;   /* its columns are said to be */
} made_file;

/* A page: what its header says, and what is in it (for v2 with the levels first). */
typedef struct made_page_of {
    int         kind, encoding;
    uint32_t    value_count;
    const void *body;
    size_t      body_bytes;
    int         level_encoding;          /* v1; 0: PQ_RLE */
    uint32_t    level_bytes[2];          /* v2: definition, repetition */
    uint32_t    raw_bytes;               /* 0: it is not compressed */
} made_page_of;

static inline void made_begin(made_file *file)
{
    memcpy(file->bytes, PQ_MAGIC, PQ_MAGIC_BYTES);
    file->used = PQ_MAGIC_BYTES;
    file->chunk_count = 0;
    file->is_encrypted = false;
    file->chunks[0].begin = file->used;
}

static inline void made_write_begin(made_file *file, wr_thrift_writer *writer)
{
    wr_thrift_write_begin(writer, file->bytes + file->used, MADE_BYTES_MAX - file->used, NULL, NULL, NULL);
}

static inline void made_write_end(made_file *file, wr_thrift_writer *writer)
{
    uint64_t written;

    FIXTURE_REQUIRE(wr_thrift_write_end(writer, &written) == WR_OK);
    file->used += (size_t)written;
}

static inline void made_page_header(wr_thrift_writer *writer, const made_page_of *page)
{
    bool is_v2 = page->kind == PQ_DATA_PAGE_V2;
    int  levels = page->level_encoding ? page->level_encoding : PQ_RLE;

    wr_thrift_put_i32(writer, PQ_PAGE_KIND, page->kind);
    wr_thrift_put_i32(writer, PQ_PAGE_RAW_BYTES,
                      (int32_t)(page->raw_bytes ? page->raw_bytes : page->body_bytes));
    wr_thrift_put_i32(writer, PQ_PAGE_STORED_BYTES, (int32_t)page->body_bytes);
    wr_thrift_open_struct(writer, page->kind == PQ_DICTIONARY_PAGE ? PQ_PAGE_DICTIONARY
                                  : is_v2                          ? PQ_PAGE_DATA_V2
                                                                   : PQ_PAGE_DATA);
    wr_thrift_put_i32(writer, PQ_V1_VALUE_COUNT, (int32_t)page->value_count);
    if (is_v2) {
        wr_thrift_put_i32(writer, PQ_V2_ENCODING, page->encoding);
        wr_thrift_put_i32(writer, PQ_V2_DEFINITION_BYTES, (int32_t)page->level_bytes[0]);
        wr_thrift_put_i32(writer, PQ_V2_REPETITION_BYTES, (int32_t)page->level_bytes[1]);
        wr_thrift_put_bool(writer, PQ_V2_IS_COMPRESSED, page->raw_bytes > 0);
    } else {
        wr_thrift_put_i32(writer, PQ_V1_ENCODING, page->encoding);
        if (page->kind == PQ_DATA_PAGE) {
            wr_thrift_put_i32(writer, PQ_V1_DEFINITION, levels);
            wr_thrift_put_i32(writer, PQ_V1_REPETITION, levels);
        }
    }
    wr_thrift_close_struct(writer);
}

static inline void made_page(made_file *file, made_page_of page)
{
    wr_thrift_writer writer;

    made_write_begin(file, &writer);
    made_page_header(&writer, &page);
    made_write_end(file, &writer);
    FIXTURE_REQUIRE(page.body_bytes <= MADE_BYTES_MAX - file->used);
    if (page.body_bytes > 0)
        memcpy(file->bytes + file->used, page.body, page.body_bytes);
    file->used += page.body_bytes;
}

static inline void made_chunk_end(made_file *file, int physical, int codec, uint32_t value_count)
{
    made_chunk *chunk = &file->chunks[file->chunk_count++];

    FIXTURE_REQUIRE(file->chunk_count < MADE_CHUNKS_MAX);
    chunk->end = chunk[1].begin = file->used;
    chunk->physical = physical;
    chunk->codec = codec;
    chunk->value_count = value_count;
}

static inline void made_put_element(wr_thrift_writer *writer, const made_element *element)
{
    bool is_group = element->physical == MADE_GROUP;

    wr_thrift_open_struct(writer, 0);
    if (!is_group)
        wr_thrift_put_i32(writer, PQ_SCHEMA_PHYSICAL, element->physical);
    if (element->type_length)
        wr_thrift_put_i32(writer, PQ_SCHEMA_TYPE_LENGTH, element->type_length);
    wr_thrift_put_i32(writer, PQ_SCHEMA_REPETITION, element->repetition);
    wr_thrift_put_binary(writer, PQ_SCHEMA_NAME, element->name, strlen(element->name));
    if (is_group || element->child_count)
        wr_thrift_put_i32(writer, PQ_SCHEMA_CHILD_COUNT, element->child_count);
    if (element->converted)
        wr_thrift_put_i32(writer, PQ_SCHEMA_CONVERTED, element->converted - 1);
    if (element->precision) {
        wr_thrift_put_i32(writer, PQ_SCHEMA_SCALE, element->scale);
        wr_thrift_put_i32(writer, PQ_SCHEMA_PRECISION, element->precision);
    }
    if (element->logical) {
        wr_thrift_open_struct(writer, PQ_SCHEMA_LOGICAL);
        wr_thrift_open_struct(writer, (int16_t)element->logical);
        wr_thrift_close_struct(writer);
        wr_thrift_close_struct(writer);
    }
    wr_thrift_close_struct(writer);
}

static inline void made_put_group(wr_thrift_writer *writer, const made_file *file, uint32_t row_count)
{
    wr_thrift_open_struct(writer, 0);
    wr_thrift_put_list(writer, PQ_GROUP_COLUMNS, WR_THRIFT_STRUCT, file->chunk_count);
    for (uint32_t c = 0; c < file->chunk_count; c++) {
        const made_chunk *chunk = &file->chunks[c];
        int64_t           stored_bytes = (int64_t)(chunk->end - chunk->begin);

        wr_thrift_open_struct(writer, 0);
        wr_thrift_open_struct(writer, PQ_CHUNK_META);
        wr_thrift_put_i32(writer, PQ_META_PHYSICAL, chunk->physical);
        wr_thrift_put_i32(writer, PQ_META_CODEC, chunk->codec);
        wr_thrift_put_i64(writer, PQ_META_VALUE_COUNT, chunk->value_count);
        wr_thrift_put_i64(writer, PQ_META_RAW_BYTES, stored_bytes);
        wr_thrift_put_i64(writer, PQ_META_STORED_BYTES, stored_bytes);
        wr_thrift_put_i64(writer, PQ_META_DATA_OFFSET, (int64_t)chunk->begin);
        wr_thrift_close_struct(writer);
        if (file->is_encrypted) {
            wr_thrift_open_struct(writer, PQ_CHUNK_CRYPTO);
            wr_thrift_close_struct(writer);
        }
        wr_thrift_close_struct(writer);
    }
    wr_thrift_put_i64(writer, PQ_GROUP_ROW_COUNT, row_count);
    wr_thrift_close_struct(writer);
}

/* The footer. `elements` are those below the root, `column_count` of them at its top. */
static inline void made_file_end(made_file *file, const made_element *elements, uint32_t element_count,
                                 int column_count, uint32_t row_count)
{
    made_element     root = {.name = "root", .physical = MADE_GROUP, .child_count = column_count};
    wr_thrift_writer writer;
    size_t           begin = file->used;
    uint32_t         footer_bytes;

    made_write_begin(file, &writer);
    wr_thrift_put_i32(&writer, PQ_FILE_VERSION, 2);
    wr_thrift_put_list(&writer, PQ_FILE_SCHEMA, WR_THRIFT_STRUCT, element_count + 1);
    made_put_element(&writer, &root);
    for (uint32_t i = 0; i < element_count; i++)
        made_put_element(&writer, &elements[i]);
    wr_thrift_put_i64(&writer, PQ_FILE_ROW_COUNT, row_count);
    wr_thrift_put_list(&writer, PQ_FILE_ROW_GROUPS, WR_THRIFT_STRUCT, row_count > 0);
    if (row_count > 0)
        made_put_group(&writer, file, row_count);
    made_write_end(file, &writer);
    footer_bytes = (uint32_t)(file->used - begin);
    FIXTURE_REQUIRE(file->used + PQ_TAIL_BYTES <= MADE_BYTES_MAX);
    memcpy(file->bytes + file->used, &footer_bytes, sizeof footer_bytes);
    memcpy(file->bytes + file->used + sizeof footer_bytes, PQ_MAGIC, PQ_MAGIC_BYTES);
    file->used += PQ_TAIL_BYTES;
}

/* A file of one flat column that must be there, in one page. */
static inline void made_column(made_file *file, made_element element, int encoding, uint32_t value_count,
                               const void *body, size_t body_bytes)
{
    element.name = "a";
    made_begin(file);
    made_page(file, (made_page_of){.encoding = encoding, .value_count = value_count, .body = body,
                                   .body_bytes = body_bytes});
    made_chunk_end(file, element.physical, PQ_UNCOMPRESSED, value_count);
    made_file_end(file, &element, 1, 1, value_count);
}

#endif
