/* ar_format.h — the names that Arrow's IPC format has for numbers: messages, types, slots of tables.
 *
 * Source: format/Schema.fbs, Message.fbs and File.fbs of apache/arrow. A table's slots are numbered from
 * 0 in the order of its fields; a union takes two, its kind and its value. */
#ifndef WR_BUILDING_FORMAT_ARROW
#error "private to plugins/format/arrow"
#endif
#ifndef WR_AR_FORMAT_H
#define WR_AR_FORMAT_H

#define AR_MAGIC       "ARROW1"
#define AR_FEATHER_V1  "FEA1"
#define AR_CONTINUE    UINT32_MAX /* stands before a message's length since 0.15 */
#define AR_EXTENSION   "ARROW:extension:name"
#define AR_UUID        "arrow.uuid"

enum {
    AR_MAGIC_BYTES = 6,
    AR_HEAD_BYTES = 8,        /* magic and padding at a file's begin      */
    AR_TAIL_BYTES = 10,       /* the footer's length and the magic        */
    AR_PREFIX_BYTES = 8,      /* continuation and length of a message     */
    AR_ALIGNMENT = 8,
    AR_NODE_BYTES = 16,       /* struct FieldNode: length, null count     */
    AR_BUFFER_BYTES = 16,     /* struct Buffer: offset, length            */
    AR_BLOCK_BYTES = 24,      /* struct Block: offset, metadata, body     */
    AR_RAW_PREFIX_BYTES = 8,  /* before a compressed buffer: its raw size */
    AR_VIEW_BYTES = 16,
    AR_VIEW_INLINE_BYTES = 12,
    AR_BODY_ALIGNMENT = 64,   /* of buffers that are written */
};

enum { AR_V4 = 3, AR_V5 = 4 };

typedef enum ar_message_kind { AR_NONE, AR_SCHEMA, AR_DICTIONARY_BATCH, AR_RECORD_BATCH } ar_message_kind;

typedef enum ar_type {
    AR_TYPE_NONE, AR_TYPE_NULL, AR_TYPE_INT, AR_TYPE_FLOAT, AR_TYPE_BINARY, AR_TYPE_UTF8, AR_TYPE_BOOL,
    AR_TYPE_DECIMAL, AR_TYPE_DATE, AR_TYPE_TIME, AR_TYPE_TIMESTAMP, AR_TYPE_INTERVAL, AR_TYPE_LIST,
    AR_TYPE_STRUCT, AR_TYPE_UNION, AR_TYPE_FIXED_BINARY, AR_TYPE_FIXED_LIST, AR_TYPE_MAP,
    AR_TYPE_DURATION, AR_TYPE_LARGE_BINARY, AR_TYPE_LARGE_UTF8, AR_TYPE_LARGE_LIST, AR_TYPE_RUNS,
    AR_TYPE_BINARY_VIEW, AR_TYPE_UTF8_VIEW, AR_TYPE_LIST_VIEW, AR_TYPE_LARGE_LIST_VIEW,
    AR_TYPE_COUNT
} ar_type;

enum { AR_MESSAGE_VERSION, AR_MESSAGE_KIND, AR_MESSAGE_HEADER, AR_MESSAGE_BODY_BYTES };
enum { AR_SCHEMA_ENDIANNESS, AR_SCHEMA_FIELDS, AR_SCHEMA_METADATA };
enum {
    AR_FIELD_NAME, AR_FIELD_NULLABLE, AR_FIELD_KIND, AR_FIELD_TYPE, AR_FIELD_DICTIONARY,
    AR_FIELD_CHILDREN, AR_FIELD_METADATA
};
enum { AR_PAIR_KEY, AR_PAIR_VALUE };
enum { AR_CODING_ID, AR_CODING_INDEX };
enum { AR_BATCH_ROWS, AR_BATCH_NODES, AR_BATCH_BUFFERS, AR_BATCH_COMPRESSION, AR_BATCH_VARIADIC };
enum { AR_COMPRESSION_CODEC, AR_COMPRESSION_METHOD };
enum { AR_DICTIONARY_ID, AR_DICTIONARY_DATA, AR_DICTIONARY_IS_DELTA };
enum { AR_FOOTER_VERSION, AR_FOOTER_SCHEMA, AR_FOOTER_DICTIONARIES, AR_FOOTER_BATCHES };

/* Of the types. */
enum { AR_INT_BITS, AR_INT_IS_SIGNED };
enum { AR_DECIMAL_PRECISION, AR_DECIMAL_SCALE, AR_DECIMAL_BITS };
enum { AR_UNIT, AR_TIME_BITS };       /* dates, times, durations, intervals */
enum { AR_TIMESTAMP_ZONE = 1 };
enum { AR_UNION_MODE, AR_UNION_IDS };
enum { AR_WIDTH };                    /* FixedSizeBinary, FixedSizeList     */

enum { AR_HALF, AR_SINGLE, AR_DOUBLE };
enum { AR_DAY, AR_MILLISECOND };
enum { AR_YEAR_MONTH, AR_DAY_TIME, AR_MONTH_DAY_NANO };
enum { AR_SPARSE, AR_DENSE };
enum { AR_LZ4_FRAME, AR_ZSTD };

#endif
