/* ar_write.h — what the files of the Arrow writer share.
 *
 * A block is a record batch. take puts rows into the buffers of all nodes, which grow in one pool; encode
 * compresses each buffer in its place; write puts the message and the buffers into the output. Columns that
 * are to have a dictionary become codes, and what is new to it goes out before the record batch. A row that
 * no block has room for becomes a record batch of its own: its long values wait in scratch space, and each of
 * its buffers is made by a walk over them when it is written.
 *
 * Invariants
 *  1. Every size is a formula over schema, options and block_bytes.
 *  2. A block ends with the same row however the rows were cut into batches: with the one that reaches
 *     batch_rows, or the last one for which the pool had room.
 *  3. What stands under a NULL is zero: bytes depend on rows, schema, options and block_bytes.
 *  4. A dictionary's values in memory are bounded. Those that were forgotten may come twice; in a stream, the next
 *     record batch then has a dictionary of its own, but a file may have one only.
 * Source: apache/arrow, docs/source/format/Columnar.rst. */
#ifndef WR_BUILDING_FORMAT_ARROW
#error "private to plugins/format/arrow"
#endif
#ifndef WR_AR_WRITE_H
#define WR_AR_WRITE_H

#include <string.h>

#include "ar_format.h"
#include "base/bits.h"
#include "io/block_codec.h"
#include "io/carve.h"
#include "spi/format.h"
#include "spi/long_value.h"
#include "spi/text_codes.h"
#include "types/nested.h"
#include "types/packed.h"

typedef enum ar_layout { AR_LAYOUT_FILE, AR_LAYOUT_STREAM } ar_layout;

/** Begins as the options for reading do. */
typedef struct ar_write_options {
    int32_t layout;        /* ar_layout */
    int32_t compression;
    int64_t level;
    int64_t batch_rows;
    bool    large_offsets;
    wr_text_list dictionary; /* columns; "true": all of texts */
} ar_write_options;

extern const wr_option_def       WR_AR_WRITE_OPTIONS[];
extern const wr_format_block_ops WR_AR_WRITER;

wr_codec wr_ar_write_codec(const ar_write_options *options);
int      wr_ar_write_level(const ar_write_options *options);

/* ---- Nodes (ar_write.c) ------------------------------------------------------------------------ */

/** How values become the bytes of a buffer. */
typedef enum ar_put {
    AR_PUT_NOTHING, AR_PUT_BITS, AR_PUT_COPY, AR_PUT_NARROW, AR_PUT_WIDEN, AR_PUT_UUID, AR_PUT_INTERVAL,
    AR_PUT_TEXT, AR_PUT_LIST, AR_PUT_STRUCT, AR_PUT_CODES
} ar_put;

/** A column, or a part of one. Children follow, each with all of its own. Behind the nodes of all columns
 *  there is one for the values of each dictionary, in the order of the coded columns. */
typedef struct ar_out_node {
    wr_type  type;
    uint8_t  put;
    uint8_t  width;  /* of a stored value */
    uint32_t end;    /* behind the last node of it */
    uint32_t coding; /* CODES: the number of its dictionary */
} ar_out_node;

enum { AR_OUT_VALIDITY, AR_OUT_MIDDLE, AR_OUT_DATA, AR_OUT_BUFFERS }; /* MIDDLE: offsets */

/** Buffers that a node has in a message, by number: of those above. */
uint32_t wr_ar_out_buffers(const ar_out_node *node, uint8_t out_which[AR_OUT_BUFFERS]);

/* ---- Buffers (ar_write_put.c) ------------------------------------------------------------------ */

#define AR_PIECE_NONE UINT32_MAX

/** A stream of bytes in the pool. */
typedef struct ar_chain {
    uint32_t first, last, last_used;
    uint64_t byte_count;
    uint8_t  bits, bit_count;    /* of the byte that is not full yet */
} ar_chain;

typedef struct ar_out_buffers {
    ar_chain chains[AR_OUT_BUFFERS];
    uint64_t count, null_count;
} ar_out_buffers;

/** A dictionary, while rows are taken. */
typedef struct ar_coding {
    wr_text_codes codes;
    uint32_t      words;      /* the node of its values                            */
    uint32_t      before;     /* codes that were given out for values since forgotten */
    uint32_t      kept;       /* entries before the rows that are tried            */
    bool          is_full;    /* the last rows that were tried found no room       */
} ar_coding;

/** What becomes of bytes that are put. */
typedef enum ar_mode {
    AR_MODE_KEEP,   /* in the pool; is_full says that there was no room   */
    AR_MODE_COUNT,  /* only counted                                        */
    AR_MODE_STREAM  /* those of one buffer go to the output                */
} ar_mode;

enum {
    AR_STAGE_BYTES = 16 << 10,
    AR_OUT_BYTES = 16 << 10,
    AR_SPARE_PIECES = 2,  /* a node, kept free for its last bits */
};

typedef struct ar_putter {
    const ar_out_node *nodes;
    ar_out_buffers    *buffers;  /* of the nodes */
    ar_mode            mode;
    bool               is_large, is_full;
    /* KEEP */
    uint8_t           *pieces;
    uint32_t          *next;     /* of a piece, in its chain */
    uint32_t           piece_bytes, piece_count, piece_next;
    ar_coding         *codings;
    /* STREAM */
    uint32_t           node, which;
    wr_output         *output;
    uint8_t           *out;      /* AR_OUT_BYTES */
    uint32_t           out_used;
    /* of whoever puts */
    uint8_t           *stage;    /* AR_STAGE_BYTES */
    uint8_t           *values;   /* AR_STAGE_BYTES: elements of a list */
    wr_packed_window  *window;   /* NULL: no nested column */
} ar_putter;

/** Rows of a batch: those of `rows`, or (NULL) from `base` on. */
typedef struct ar_span {
    const uint16_t *rows;
    uint32_t        base, count;
} ar_span;

/** Put values of a node that is not nested. Errors: a value does not fit Arrow's type. */
wr_status wr_ar_put_values(ar_putter *p, uint32_t node, const wr_vector_view *view, const ar_span *span,
                           wr_error *err);
/** One text, which may be on disk. */
wr_status wr_ar_put_text(ar_putter *p, uint32_t node, const wr_packed *text, wr_error *err);
/** One value of a column with a dictionary, as a code. */
wr_status wr_ar_put_code(ar_putter *p, uint32_t node, uint32_t code, wr_error *err);
/** `count` NULLs of any node, with all below it. */
wr_status wr_ar_put_nulls(ar_putter *p, uint32_t node, uint64_t count, wr_error *err);
/** Validity of one value; where a list or a text that was put ends. */
wr_status wr_ar_put_validity(ar_putter *p, uint32_t node, bool valid, wr_error *err);
wr_status wr_ar_put_offset(ar_putter *p, uint32_t node, uint64_t end, wr_error *err);
/** The first offset, or the last bits that are not a whole byte: before and after everything else. */
wr_status wr_ar_put_begin(ar_putter *p, uint32_t node_count, wr_error *err);
wr_status wr_ar_put_end(ar_putter *p, uint32_t node_count, wr_error *err);
void      wr_ar_put_reset(ar_putter *p, uint32_t node_count);

/** A nested value (NULL: null) is taken apart (ar_write_nested.c). */
wr_status wr_ar_put_nested(ar_putter *p, uint32_t node, const wr_str *value, wr_error *err);

/* ---- Metadata (ar_write_meta.c) ---------------------------------------------------------------- */

/** Puts bytes into an output, or only counts them. */
typedef struct ar_writer {
    wr_output *output; /* NULL: count only */
    uint64_t   at;     /* bytes so far     */
    wr_status  status; /* sticks           */
    wr_error  *err;
    uint32_t   used;
    uint8_t    buffer[1024];
} ar_writer;

void wr_ar_put_bytes(ar_writer *w, const void *bytes, size_t count);
void wr_ar_put_zeros(ar_writer *w, uint64_t count);
/** Everything that was put goes out. */
wr_status wr_ar_flush(ar_writer *w);

/** What the schema's message and the footer say of the columns. */
typedef struct ar_out_schema {
    const wr_schema   *schema;
    const ar_out_node *nodes;
    bool               is_large;
} ar_out_schema;

/** The first message. */
void wr_ar_put_schema(ar_writer *w, const ar_out_schema *schema);
/** The message of a record batch, or of values of a dictionary, up to its body. */
typedef struct ar_message_shape {
    uint64_t rows;
    uint32_t node_count, buffer_count;
    wr_codec codec;
    bool     is_dictionary, is_delta;
    uint32_t dictionary;   /* its number */
} ar_message_shape;
uint32_t wr_ar_message_bytes(const ar_message_shape *shape, uint64_t at);
void     wr_ar_put_message_head(ar_writer *w, const ar_message_shape *shape, uint64_t body_bytes);
void     wr_ar_put_message_node(ar_writer *w, uint64_t count, uint64_t null_count);
void     wr_ar_put_message_middle(ar_writer *w, const ar_message_shape *shape);
void     wr_ar_put_message_buffer(ar_writer *w, uint64_t offset, uint64_t length);
/** `begin`: where the message began. */
void     wr_ar_put_message_tail(ar_writer *w, const ar_message_shape *shape, uint64_t begin);
/** Where messages are, as the footer has it: in scratch space. */
typedef struct ar_block_list {
    wr_long_writer writer;
    wr_blob        blob;
    uint64_t       count;
} ar_block_list;

/** The footer; both lists are at their end. */
void     wr_ar_put_footer(ar_writer *w, const ar_out_schema *schema, const ar_block_list *dictionaries,
                          const ar_block_list *batches);

/* ---- State ------------------------------------------------------------------------------------- */

/** A column's value in a row that is a record batch of its own. */
typedef struct ar_long_cell {
    _Alignas(16) uint8_t cell[16];
    wr_blob blob;
    uint32_t code;      /* of a column with a dictionary */
    bool    is_null;
} ar_long_cell;

typedef struct ar_sizes {
    uint32_t column_nodes;  /* of columns, and ... */
    uint32_t node_count;    /* ... with those of dictionaries' values */
    uint32_t coding_count, coding_bytes;
    uint64_t pool_bytes;
    uint32_t piece_bytes, piece_count;
    uint32_t long_bytes;    /* a longer text makes a record batch of its row */
} ar_sizes;

ar_sizes wr_ar_sizes(const wr_write_request *request);

typedef struct ar_shared {
    ar_sizes        sizes;
    ar_out_node    *nodes;
    wr_scratch      scratch;
    /* take */
    ar_putter       putter;    /* pool and buffers: of the block at hand */
    ar_out_buffers *saved;     /* before the rows that are tried */
    void           *flat;      /* a sequence, written out */
    wr_long_writer  long_writer;
    /* write */
    ar_putter       walker;    /* of long rows */
    ar_writer       writer;
    ar_block_list   batches, dictionaries;
    bool           *is_written; /* a dictionary's first values are */
} ar_shared;

typedef struct ar_out_block {
    ar_out_buffers *buffers;
    uint64_t       *stored;     /* compressed bytes of each buffer; UINT64_MAX: it is stored as it is */
    uint8_t        *pieces;
    uint32_t       *next;
    ar_long_cell   *long_row;
    bool           *replaces;   /* a dictionary's values: those that were written before */
    uint32_t        piece_next;
    uint32_t        encoded;    /* buffers that are */
    uint64_t        rows;
    bool            is_long;    /* it is one row, in long_row */
} ar_out_block;

typedef struct ar_encoder {
    wr_block_encoder *codec;    /* NULL: none */
    uint8_t          *raw, *stored;
    size_t            stored_room;
} ar_encoder;

/* ---- Dictionaries (ar_write_coding.c) ---------------------------------------------------------- */

/** Is the column to have a dictionary? */
bool      wr_ar_is_coded(const wr_write_request *request, uint32_t column);
/** Errors WR_INVALID: the options name a column that is not there, or has no texts. */
wr_status wr_ar_check_coded(const wr_write_request *request, wr_error *err);
/** Give a dictionary's code for a text, which goes to its values if it is new; p->is_full if there is no room. */
wr_status wr_ar_code_text(ar_putter *p, ar_coding *coding, const wr_str *text, uint32_t *out_code, wr_error *err);
/** A block begins. */
void      wr_ar_codings_begin(const wr_write_request *request, ar_shared *shared, ar_out_block *block);
/** Dictionaries that are full forget what they have. */
wr_status wr_ar_codings_forget(ar_shared *shared, bool *out_any, wr_error *err);
/** Rows are going to be tried / are taken back. */
void      wr_ar_codings_save(ar_shared *shared);
void      wr_ar_codings_restore(ar_shared *shared);
/** The block is one long row: its texts are values of their own. */
wr_status wr_ar_codings_long(const wr_write_request *request, ar_shared *shared, ar_out_block *block, wr_error *err);

wr_status wr_ar_take(const wr_write_request *request, void *shared, void *block, const wr_batch *batch,
                     uint32_t *io_next, bool *out_full, wr_error *err);
uint64_t  wr_ar_encoder_bytes(const wr_write_request *request);
wr_status wr_ar_encoder_init(const wr_write_request *request, void *encoder, wr_bump *bump, wr_error *err);
wr_status wr_ar_encode(const wr_write_request *request, void *shared, void *block, void *encoder,
                       bool *out_more, wr_error *err);
wr_status wr_ar_write(const wr_write_request *request, void *shared, void *block, wr_output *output,
                      wr_error *err);
wr_status wr_ar_begin(const wr_write_request *request, void *shared, wr_output *output, wr_error *err);
wr_status wr_ar_end(const wr_write_request *request, void *shared, void *encoder, wr_output *output,
                    wr_error *err);

#endif
