/* pq_page_fuzz.c — libFuzzer target: any bytes as levels, values and dictionaries of pages, in every
 * encoding and codec, below a footer that is in order.
 *
 * The first four bytes choose how the file is read, the next eight what it is; the rest is what stands in
 * its pages. */
#include "pq_fuzz_fixture.h"

#include "pq_file_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

enum { MAKE_BYTES = 8, ELEMENTS_MAX = 8, BODY_BYTES_MAX = 1 << 14 };

#define GROUP(text, how, children, ...)                                                            \
    {.name = (text), .physical = MADE_GROUP, .repetition = (how), .child_count = (children), __VA_ARGS__}
#define VALUE(text, type, how, ...)                                                                \
    {.name = (text), .physical = (type), .repetition = (how), __VA_ARGS__}
#define CONVERTED(name) .converted = PQ_CONVERTED_##name + 1

typedef struct shape {
    uint32_t     element_count;
    made_element elements[ELEMENTS_MAX];
} shape;

static const shape SHAPES[] = {
    {1, {VALUE("a", PQ_INT32, PQ_REQUIRED)}},
    {1, {VALUE("a", PQ_INT64, PQ_OPTIONAL)}},
    {1, {VALUE("a", PQ_INT96, PQ_OPTIONAL)}},
    {1, {VALUE("a", PQ_DOUBLE, PQ_REQUIRED)}},
    {1, {VALUE("a", PQ_BOOLEAN, PQ_OPTIONAL)}},
    {1, {VALUE("a", PQ_BYTE_ARRAY, PQ_OPTIONAL, CONVERTED(UTF8))}},
    {1, {VALUE("a", PQ_BYTE_ARRAY, PQ_REQUIRED)}},
    {1, {VALUE("a", PQ_BYTE_ARRAY, PQ_OPTIONAL, CONVERTED(DECIMAL), .precision = 30, .scale = 2)}},
    {1, {VALUE("a", PQ_FIXED_LEN_BYTE_ARRAY, PQ_OPTIONAL, .type_length = 5)}},
    {1, {VALUE("a", PQ_FIXED_LEN_BYTE_ARRAY, PQ_REQUIRED, .type_length = 2, .logical = PQ_LOGICAL_FLOAT16)}},
    {1, {VALUE("a", PQ_INT32, PQ_OPTIONAL, CONVERTED(INT_8))}},
    {3, {GROUP("a", PQ_OPTIONAL, 1, CONVERTED(LIST)), GROUP("list", PQ_REPEATED, 1),
         VALUE("element", PQ_INT64, PQ_OPTIONAL)}},
    {3, {GROUP("a", PQ_REQUIRED, 1, CONVERTED(LIST)), GROUP("list", PQ_REPEATED, 1),
         VALUE("element", PQ_BYTE_ARRAY, PQ_OPTIONAL, CONVERTED(UTF8))}},
    {4, {GROUP("a", PQ_OPTIONAL, 1, CONVERTED(MAP)), GROUP("key_value", PQ_REPEATED, 2),
         VALUE("key", PQ_BYTE_ARRAY, PQ_REQUIRED), VALUE("value", PQ_INT32, PQ_OPTIONAL)}},
    {5, {GROUP("a", PQ_OPTIONAL, 2), VALUE("x", PQ_INT32, PQ_OPTIONAL),
         GROUP("y", PQ_OPTIONAL, 1, CONVERTED(LIST)), GROUP("list", PQ_REPEATED, 1),
         VALUE("element", PQ_BYTE_ARRAY, PQ_OPTIONAL)}},
    {5, {GROUP("a", PQ_OPTIONAL, 1, CONVERTED(LIST)), GROUP("list", PQ_REPEATED, 1),
         GROUP("element", PQ_OPTIONAL, 1, CONVERTED(LIST)), GROUP("list", PQ_REPEATED, 1),
         VALUE("element", PQ_BOOLEAN, PQ_OPTIONAL)}},
};

static const uint8_t ENCODINGS[] = {PQ_PLAIN, PQ_RLE_DICTIONARY, PQ_DELTA_BINARY_PACKED,
                                    PQ_DELTA_LENGTH_BYTE_ARRAY, PQ_DELTA_BYTE_ARRAY, PQ_BYTE_STREAM_SPLIT,
                                    PQ_RLE, PQ_PLAIN_DICTIONARY};
static const uint8_t CODECS[] = {PQ_UNCOMPRESSED, PQ_UNCOMPRESSED, PQ_SNAPPY, PQ_GZIP,
                                 PQ_ZSTD, PQ_LZ4, PQ_LZ4_RAW, PQ_BROTLI};

/* Pages of one leaf, which share its part of the bytes: a dictionary, if there is one, and data. */
static void make_leaf(made_file *file, const uint8_t *how, int physical, const uint8_t *bytes, size_t byte_count)
{
    uint32_t     value_count = how[3] + 1u, dictionary_values = how[4] & 0x3f;
    size_t       dictionary_bytes = dictionary_values ? byte_count * (how[4] >> 6) / 4 : 0;
    int          codec = CODECS[how[2] & 7];
    uint32_t     raw_bytes = codec ? 16u * how[6] + 1 : 0;
    made_page_of page = {.kind = how[2] & 8 ? PQ_DATA_PAGE_V2 : PQ_DATA_PAGE, .encoding = ENCODINGS[how[1] & 7],
                         .value_count = value_count, .body = bytes + dictionary_bytes,
                         .body_bytes = byte_count - dictionary_bytes, .raw_bytes = raw_bytes,
                         .level_encoding = how[2] & 16 ? PQ_BIT_PACKED : PQ_RLE,
                         .level_bytes = {how[5] & 15, how[5] >> 4}};

    if (dictionary_values > 0)
        made_page(file, (made_page_of){.kind = PQ_DICTIONARY_PAGE, .value_count = dictionary_values,
                                       .body = bytes, .body_bytes = dictionary_bytes, .raw_bytes = raw_bytes});
    made_page(file, page);
    if (how[2] & 32) /* the same again */
        made_page(file, page);
    made_chunk_end(file, physical, codec, how[2] & 32 ? 2 * value_count : value_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    static made_file file;
    const uint8_t   *how = data + CHOICE_BYTES, *bytes = how + MAKE_BYTES;
    const shape     *shape;
    uint32_t         leaf_count = 0, leaf = 0, row_count;

    if (byte_count < CHOICE_BYTES + MAKE_BYTES || byte_count > BODY_BYTES_MAX)
        return 0;
    byte_count -= CHOICE_BYTES + MAKE_BYTES;
    shape = &SHAPES[how[0] % (sizeof SHAPES / sizeof SHAPES[0])];
    for (uint32_t i = 0; i < shape->element_count; i++)
        leaf_count += shape->elements[i].physical != MADE_GROUP;
    made_begin(&file);
    for (uint32_t i = 0; i < shape->element_count; i++) {
        size_t part = byte_count / leaf_count;

        if (shape->elements[i].physical != MADE_GROUP)
            make_leaf(&file, how, shape->elements[i].physical, bytes + part * leaf++, part);
    }
    row_count = shape->element_count > 1 ? how[7] : file.chunks[0].value_count;
    made_file_end(&file, shape->elements, shape->element_count, 1, row_count);
    fuzz_parquet(data, file.bytes, file.used);
    return 0;
}
