/* ar_priv.h — what the files of the Arrow reader share.
 *
 * A file state knows what the wanted columns are in this file (nodes) and which record batch comes next.
 * A split is a record batch, or a range of its rows; it lays a cursor over each node: its buffers, which
 * are read where they lie, through windows, or were decompressed to memory or scratch space before:
 *     file or stream -> metadata -> buffers (windows) -> values -> vector
 * Everything in a record batch is found by its row, so columns do not wait for each other.
 *
 * A stream's record batch goes into the split's memory if it fits, else to scratch space, and is then as
 * good as a file. Dictionaries stay where they are, too; each split loads those it needs. */
#ifndef WR_BUILDING_FORMAT_ARROW
#error "private to plugins/format/arrow"
#endif
#ifndef WR_AR_PRIV_H
#define WR_AR_PRIV_H

#include <string.h>

#include "ar_format.h"
#include "ar_meta.h"
#include "base/bits.h"
#include "io/block_codec.h"
#include "io/carve.h"
#include "spi/column_finder.h"
#include "spi/long_value.h"
#include "types/nested.h"
#include "types/packed.h"

enum {
    AR_META_BYTES = 16 << 10,    /* window of metadata, and the longest that is kept in memory */
    AR_NAME_BYTES_MAX = 1024,
    AR_DEPTH_MAX = 64,           /* of a file's fields; wanted ones are less deep */
    AR_WRAPPERS_MAX = 4,         /* nodes that one wanted value may take: dictionaries, runs */
    AR_STORE_BLOBS = 64,
    AR_PAD = 64,                 /* bytes behind every buffer that may be read */
};

/* ---- Schema (ar_schema.c) ---------------------------------------------------------------------- */

typedef enum ar_kind {
    AR_KIND_NULL, AR_KIND_BITS, AR_KIND_FIXED, AR_KIND_TEXT, AR_KIND_VIEW, AR_KIND_FIXED_TEXT,
    AR_KIND_LIST, AR_KIND_LIST_VIEW, AR_KIND_FIXED_LIST, AR_KIND_STRUCT, AR_KIND_UNION,
    AR_KIND_RUNS, AR_KIND_DICTIONARY
} ar_kind;

/* How numbers lie in a buffer. */
typedef enum ar_form {
    AR_FORM_INTEGER, AR_FORM_HALF, AR_FORM_FLOAT, AR_FORM_UUID, AR_FORM_MONTHS, AR_FORM_DAYS_MS,
    AR_FORM_MONTHS_DAYS_NS, AR_FORM_DURATION
} ar_form;

/* A field of a file's schema. */
typedef struct ar_field {
    uint8_t  type;            /* ar_type */
    uint8_t  kind;            /* ar_kind of its values, without the dictionary */
    ar_list  name, children;
    wr_type  own;             /* flat types: what it is read as if nobody says otherwise */
    uint8_t  form;            /* FIXED */
    bool     is_signed, is_large, is_dense, is_map;
    uint32_t stored_bytes;    /* FIXED, FIXED_TEXT: of a value; FIXED_LIST: elements */
    int64_t  factor;          /* by which stored numbers are multiplied              */
    ar_list  union_ids;
    bool     is_coded;
    int64_t  dictionary_id;
    uint8_t  code_bytes;
    bool     is_code_signed;
} ar_field;

/* Read a field. Failures stick to the reader, but for types that cannot be read. */
wr_status wr_ar_field_read(ar_meta *meta, const ar_table *table, ar_field *out, wr_error *err);

/* The list of fields of the schema, whose table is given. */
wr_status wr_ar_schema_fields(ar_meta *meta, const ar_table *schema, ar_list *out, wr_error *err);

wr_status wr_ar_infer(void *options, const wr_schema *declared, const wr_file_reader *file, bool full,
                      wr_bump *bump, wr_schema *out_schema, wr_error *err);

/* ---- Messages (ar_message.c) ------------------------------------------------------------------- */

/* Where messages come from, in order. */
typedef struct ar_feed {
    wr_fs_reader *raw;    /* NULL: ... */
    wr_input     *input;  /* ... in order only */
    uint64_t      at;     /* bytes before the next message */
    uint64_t      end;    /* of what is to be read, if raw */
    uint32_t      first_word; /* of a stream: what told that it is none of the others */
    bool          has_first_word, is_file;
} ar_feed;

typedef struct ar_message {
    uint8_t  kind;        /* ar_message_kind */
    uint16_t version;
    ar_table header;
    uint64_t body_bytes;
} ar_message;

/* How a file begins. Errors: it is no Arrow file. */
wr_status wr_ar_feed_open(const wr_file_reader *file, ar_feed *out_feed, bool *out_is_file, wr_error *err);
/* The bytes of the next message's metadata; 0: the end. */
wr_status wr_ar_feed_next(ar_feed *feed, uint32_t *out_bytes, wr_error *err);
wr_status wr_ar_feed_read(ar_feed *feed, void *out, size_t count, wr_error *err);
wr_status wr_ar_feed_pass(ar_feed *feed, uint64_t count, void *room, uint32_t room_bytes, wr_error *err);
/* Of a message's metadata. */
wr_status wr_ar_message_read(ar_meta *meta, ar_message *out, wr_error *err);

/* Where a file's footer begins and ends. */
wr_status wr_ar_footer_find(const wr_file_reader *file, uint64_t *out_begin, uint64_t *out_end,
                            wr_error *err);

/* A record batch, or the values of a dictionary. */
typedef struct ar_batch {
    ar_source meta, body;
    uint64_t  rows;
    uint64_t  meta_nodes, meta_buffers, meta_variadic; /* where in the metadata */
    uint32_t  node_count, buffer_count, variadic_count;
    wr_codec  codec;      /* WR_CODEC_NONE */
} ar_batch;

/* `meta` is at the batch's table; its source and the body's are the caller's to set. */
wr_status wr_ar_batch_read(ar_meta *meta, const ar_table *table, ar_batch *out, wr_error *err);

/* ---- Nodes (ar_bind.c) ------------------------------------------------------------------------- */

typedef struct ar_node ar_node;

/* `count` stored values, one behind the other, as values of the node's type. */
typedef wr_status (*ar_convert)(const ar_node *node, const uint8_t *stored, uint32_t count, void *out,
                                wr_error *err);

/* A value of a wanted column in this file, or what it is made of. Children follow, each with its own. */
struct ar_node {
    wr_type    type;
    uint8_t    kind;         /* ar_kind */
    bool       is_large, is_signed, is_dense, is_utf8;
    bool       has_validity;
    uint8_t    form;
    uint32_t   stored_bytes; /* as a field's; RUNS: of a run's end; DICTIONARY: of a code */
    ar_convert convert;      /* NULL: bytes are kept as they are */
    int64_t    factor;
    uint32_t   end;          /* behind the last node of it    */
    uint32_t   field_node, first_buffer, variadic; /* numbers in a batch's metadata */
    int64_t    dictionary_id;
    int8_t     member;       /* of a union: its type id       */
};

/* How stored values become those of node->type. WR_DATA: they cannot (ar_convert.c). */
wr_status wr_ar_convert_bind(const ar_field *field, wr_type type, ar_node *node, wr_error *err);

/* Lays wanted types over a file's fields, in the order of the file. */
typedef struct ar_binder {
    ar_meta  *meta;
    ar_node  *nodes;
    uint32_t  node_count, node_room;
    uint32_t  field_node, buffer, variadic; /* the next ones */
    bool      is_v4;
} ar_binder;

uint32_t  wr_ar_nodes_of(wr_type type);
wr_status wr_ar_bind_value(ar_binder *b, const ar_field *field, wr_type type, wr_error *err);
wr_status wr_ar_pass_field(ar_binder *b, const ar_field *field, uint32_t depth, wr_error *err);

/* ---- Files (ar_file.c) ------------------------------------------------------------------------- */

/* Bytes in scratch space: a stream's bodies, dictionaries, long metadata. */
typedef struct ar_store {
    wr_blob blobs[AR_STORE_BLOBS];
} ar_store;

/* One batch of a dictionary. Older ones are in scratch space, each behind the one after it. */
typedef struct ar_record {
    ar_batch            batch;      /* its sources' blobs: below */
    wr_blob             meta, body;
    wr_scratch_position before;     /* 0: it is the first */
} ar_record;

typedef struct ar_dictionary {
    uint32_t  node;         /* that it is of                       */
    uint64_t  generation;   /* 0: there is none                    */
    uint64_t  rows;         /* of all its batches                  */
    ar_record last;
} ar_dictionary;

typedef struct ar_column {
    uint32_t first_node;
    bool     is_missing;
} ar_column;

typedef struct ar_file {
    wr_file_reader base;
    ar_column     *columns;      /* of the request */
    uint8_t       *matches;      /* likewise: wr_column_match */
    ar_node       *nodes;
    ar_dictionary *dictionaries; /* of the nodes that are coded */
    uint32_t       node_count, dictionary_count;
    uint32_t       field_nodes, buffers; /* that a record batch has at least */
    ar_feed        feed;
    bool           has_footer;
    ar_meta        footer;
    ar_list        blocks;       /* of record batches, in the footer */
    uint32_t       next_block;
    uint64_t       generation;   /* counts dictionary batches */
    uint64_t       batch_number; /* of the one at hand, from 1 */
    ar_batch       batch;
    uint64_t       next_row;     /* of it */
    ar_store       body_store;
    wr_blob        meta_blob;
    uint8_t       *window, *footer_window, *meta_room;
    wr_long_writer writer;
    const wr_scratch *scratch;
} ar_file;

uint64_t  wr_ar_file_lease_min(const wr_read_request *request);
uint32_t  wr_ar_node_room(const wr_read_request *request);
wr_status wr_ar_file_open(const wr_read_request *request, wr_file_reader *file, wr_bump *bump,
                          wr_error *err);
wr_status wr_ar_next_split(const wr_read_request *request, wr_file_reader *file, wr_split *split,
                           bool *out_done, wr_error *err);

/* ---- Buffers (ar_buffer.c) --------------------------------------------------------------------- */

/* A buffer of raw bytes. */
typedef struct ar_buffer {
    ar_source source;
    uint8_t  *window;       /* if not in memory */
    uint64_t  window_bytes;
    uint64_t  at, have;     /* what is in the window */
    uint64_t  wanted;       /* bytes that are likely to be read */
    bool      is_stored;    /* compressed; source: as it is stored */
    bool      is_waiting;   /* it stays so until rows of it are wanted */
    uint64_t  raw_bytes;
    wr_blob   blob;         /* if it was decompressed to scratch space */
} ar_buffer;

wr_status wr_ar_buffer_fill(ar_buffer *buffer, uint64_t offset, uint64_t count, wr_error *err);

/* Have bytes at hand, until the next call for the same buffer. At most `window_bytes` if not in memory.
 * Errors WR_CORRUPT: there are not so many. */
WR_ALWAYS_INLINE wr_status wr_ar_buffer_at(ar_buffer *buffer, uint64_t offset, uint64_t count,
                                           const uint8_t **out, wr_error *err)
{
    if (WR_UNLIKELY(offset < buffer->at || offset + count > buffer->at + buffer->have))
        WR_TRY(wr_ar_buffer_fill(buffer, offset, count, err));
    *out = buffer->window + (offset - buffer->at);
    return WR_OK;
}

/* ---- Cursors (ar_cursor.c) --------------------------------------------------------------------- */

enum { AR_VALIDITY, AR_DATA, AR_MORE, AR_BUFFERS };

typedef struct ar_far ar_far;

/* The values that codes stand for. */
typedef struct ar_words {
    bool       is_far;      /* too many for memory: they are asked where they lie ... */
    ar_far    *far;         /* ... or (not NULL) in scratch space                     */
    uint32_t   count;
    wr_vector  vectors[2];  /* the values; with a NULL behind them */
} ar_words;

/* A node in the batch at hand. */
typedef struct ar_cursor {
    uint64_t   length;
    bool       is_waiting; /* of a column that rows are wanted of when a filter has let some pass */
    ar_buffer  buffers[AR_BUFFERS];
    ar_buffer *data;        /* VIEW: buffers of bytes */
    uint32_t   data_count;
    uint64_t   run, run_begin, run_end; /* RUNS: the one that was last asked for */
    ar_words   words;       /* DICTIONARY */
} ar_cursor;

/* Memory of a split for buffers, dictionaries and a stream's body. */
typedef struct ar_pool {
    uint8_t *bytes;
    uint64_t size, used, top; /* [0, used) and [top, size) are taken */
} ar_pool;

void *wr_ar_pool_take(ar_pool *pool, uint64_t bytes); /* NULL: there is no room */

typedef struct ar_split ar_split;

/* Lay the cursors of nodes [first, end) over a batch, of which so many rows are wanted, through windows of at most
 * `window_max` bytes; memory comes from [pool->used, pool->top). */
wr_status wr_ar_load(ar_split *split, const ar_batch *batch, uint32_t first, uint32_t end, uint64_t rows,
                     uint64_t window_max, wr_error *err);
/* Decompress what was waiting. */
wr_status wr_ar_load_rest(ar_split *split, wr_error *err);

/* Load what the wanted dictionaries are now. */
wr_status wr_ar_load_dictionaries(ar_split *split, wr_error *err);

/* The batches of a dictionary to scratch space, the last one first; its values are those of `node`. NULL: there is no
 * room for that, or no scratch space. */
ar_far   *wr_ar_far_begin(ar_split *split, uint32_t node, uint32_t count);
wr_status wr_ar_far_add(ar_split *split, ar_far *far, uint32_t node, const ar_batch *batch, wr_error *err);
wr_status wr_ar_far_end(ar_split *split, ar_far *far, wr_error *err);

/* ---- Values (ar_value.c, ar_nested.c) ---------------------------------------------------------- */

/* The value of a flat node: *out_cell is NULL, or a cell (text: until the node's next one). Texts that
 * are longer than a window are not at hand: out_long says where they are. */
typedef struct ar_cell {
    const void *value;      /* NULL */
    _Alignas(16) uint8_t room[16];
    ar_source   far;        /* a long text */
    bool        is_far;
} ar_cell;

wr_status wr_ar_cell_read(ar_split *split, uint32_t node, uint64_t row, ar_cell *out, wr_error *err);
/* The value of a dictionary in scratch space; a nested one is packed, and may be far, too. */
wr_status wr_ar_far_read(ar_split *split, uint32_t node, uint32_t code, ar_cell *out, wr_error *err);
/* A long text to scratch space; it is judged. */
wr_status wr_ar_put_aside(ar_split *split, const ar_node *node, const ar_source *text, wr_blob *out, wr_error *err);
/* The `index`-th offset or length / the range between two offsets. */
wr_status wr_ar_number_at(ar_buffer *buffer, uint64_t index, bool is_large, uint64_t *out, wr_error *err);
wr_status wr_ar_range_at(ar_buffer *offsets, uint64_t row, bool is_large, uint64_t *out_begin,
                         uint64_t *out_end, wr_error *err);
/* The place of a row's value among those of the node's runs. */
wr_status wr_ar_run_find(ar_split *split, uint32_t node, uint64_t row, uint64_t *out_run, wr_error *err);
wr_status wr_ar_code_read(ar_split *split, uint32_t node, uint64_t row, bool *out_null, uint32_t *out_code,
                          wr_error *err);
wr_status wr_ar_is_valid(ar_split *split, uint32_t node, uint64_t row, bool *out_valid, wr_error *err);
/* A nested value, packed. */
wr_status wr_ar_pack(ar_split *split, uint32_t node, uint64_t row, wr_packer *out, bool *out_null,
                     wr_error *err);

/* A list or map that is larger than the room, by way of it to scratch space; if one of its elements is, too,
 * room->is_full. Not NULL, and not in a dictionary or runs. */
wr_status wr_ar_pack_long(ar_split *split, uint32_t node, uint64_t row, wr_packer *room, wr_blob *out_blob,
                          wr_error *err);

/* ---- Columns (ar_column.c) --------------------------------------------------------------------- */

/* Does a column go out as it lies in its buffers? */
bool wr_ar_is_direct(const ar_split *split, uint32_t node);
/* Codes below this one are those of the dictionary. */
uint64_t wr_ar_code_limit(const ar_node *node, uint32_t word_count);
/* Make *io_count smaller if fewer rows, from split->row on, can be taken at once; at least 1. Of those, only the
 * ones that are `wanted` need values. */
wr_status wr_ar_column_measure(ar_split *split, uint32_t column, const wr_selection *wanted, uint32_t *io_count,
                               wr_error *err);
/* The next `count` rows as a vector, valid until the next batch. */
wr_status wr_ar_column_take(ar_split *split, uint32_t column, uint32_t count, wr_vector *out, wr_error *err);
/* Of `count` rows that were taken only the first `kept` are used / rows that were not taken are passed over. */
void wr_ar_column_give_back(ar_split *split, uint32_t column, uint32_t count, uint32_t kept);
void wr_ar_column_pass(ar_split *split, uint32_t column, uint32_t count);

/* ---- Splits (ar_split.c) ----------------------------------------------------------------------- */

/* What a wanted column has besides its cursors. */
typedef struct ar_reading {
    uint8_t  *values;       /* batch_rows cells            */
    uint64_t *valid, *out_valid;
    uint32_t *codes;
    wr_blob   blob;         /* a text that is not in memory */
    uint8_t  *room;         /* gathered: bytes of texts, packed values */
    uint64_t  room_bytes;
    uint32_t  next, have;   /* gathered: rows in `values`  */
    bool      has_blob;
} ar_reading;

struct ar_split {
    wr_split          base;
    const wr_read_request *request;
    ar_file          *file;
    uint32_t          file_number;    /* its index, from 1; 0: none yet */
    ar_batch          batch;
    ar_store          body_store;
    wr_blob           meta_blob;
    uint64_t          number;         /* of the batch        */
    uint64_t          begin, row, end; /* rows of the batch  */
    uint32_t          last_rows;
    bool              is_loaded, is_waiting; /* some buffers are compressed still ... */
    uint64_t          stage_bytes;           /* ... and one of them takes so much to be read */
    uint64_t          generation, wanted_generation; /* of the dictionaries: in memory, of the batch */
    ar_cursor        *cursors;        /* of the nodes        */
    ar_dictionary    *dictionaries;   /* as they were when the split was taken */
    ar_reading       *readings;       /* of the columns      */
    wr_vector        *vectors;
    wr_vector_cell   *cells;
    ar_pool           pool;
    uint64_t          kept;           /* of the pool: dictionaries */
    uint8_t          *window, *meta_room;
    wr_long_writer    writer;
    wr_scratch_area   area;           /* of what stays until the dictionaries change ... */
    wr_scratch        aside;          /* ... and what is in it                           */
};

/* Rows [begin, end) of the batch that the file has at hand; its dictionaries as they are now. */
void wr_ar_split_begin(ar_split *split, ar_file *file, uint64_t begin, uint64_t end);

extern const wr_format_reader_ops WR_AR_READER;

#endif
