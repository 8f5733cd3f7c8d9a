/* pq_priv.h — what the files of the Parquet reader share.
 *
 * A file state holds what the wanted columns are in this file (leaves), and where the row group that
 * comes next has them (chunks). A split is a row group, or a range of its rows; it copies the chunks
 * and reads each column through a cursor of its own, a page at a time:
 *     file bytes -> page (decompressed: in the pool, as it is read, or in scratch space) -> levels, codes or
 *     values -> vector
 * Bytes of a page are taken through pq_bytes, wherever they lie. */
#ifndef WR_BUILDING_FORMAT_PARQUET
#error "private to plugins/format/parquet"
#endif
#ifndef WR_PQ_PRIV_H
#define WR_PQ_PRIV_H

#include "io/block_codec.h"
#include "io/carve.h"
#include "parquet_format.h"
#include "parquet_thrift.h"
#include "spi/column_finder.h"
#include "spi/long_value.h"
#include "types/nested.h"
#include "types/packed.h"

typedef struct pq_read_options {
    bool binary_as_text;
    bool has_brotli;     /* no option: a file that was looked at has it, so its library is at hand */
} pq_read_options;

extern const wr_option_def WR_PQ_READ_OPTIONS[];

/* ---- Schema (pq_schema.c) ---------------------------------------------------------------------- */

enum {
    PQ_NAME_BYTES_MAX = 1024,
    PQ_META_WINDOW_BYTES = 16 << 10,
    PQ_HEADER_WINDOW_BYTES = 4 << 10,
    PQ_LEVEL_WINDOW_BYTES = 1 << 10
};

/* One element of a file's schema: a leaf, or a group of those behind it. */
typedef struct pq_element {
    bool     is_leaf;
    uint8_t  physical;      /* pq_physical */
    uint8_t  repetition;
    uint8_t  logical;       /* pq_logical; set from the converted type where there is no other */
    uint8_t  unit;          /* wr_time_unit */
    bool     is_utc;
    uint8_t  bits;          /* of an INTEGER */
    bool     is_signed;
    bool     is_interval;   /* there is no logical type of that */
    bool     is_entry;      /* MAP_KEY_VALUE */
    uint32_t type_length;
    int32_t  scale, precision;
    uint32_t child_count;
    uint32_t id;
    bool     has_id;
    char     name[PQ_NAME_BYTES_MAX];
    uint32_t name_bytes;
} pq_element;

/* Read one SchemaElement. Failures stick to the reader. */
void wr_pq_element_read(wr_thrift_reader *reader, pq_element *out);

/* What a leaf is read as if nobody says otherwise. */
wr_type wr_pq_leaf_type(const pq_element *element, const pq_read_options *options);

wr_status wr_pq_infer(void *options, const wr_schema *declared, const wr_file_reader *file, bool full,
                      wr_bump *bump, wr_schema *out_schema, wr_error *err);

/* Where the footer begins and ends. */
wr_status wr_pq_footer_find(const wr_file_reader *file, uint64_t *out_begin, uint64_t *out_end,
                            wr_error *err);

/* ---- Leaves (pq_convert.c) --------------------------------------------------------------------- */

typedef struct pq_leaf pq_leaf;

/* `count` stored values, one behind the other, as values of the leaf's type. */
typedef wr_status (*pq_convert)(const pq_leaf *leaf, const uint8_t *stored, uint32_t count, void *out,
                                wr_error *err);

/* How a column of primitive values in a file becomes one of `type`. */
struct pq_leaf {
    wr_type    type;
    uint8_t    physical;
    uint8_t    max_definition, max_repetition;
    bool       is_text;       /* values are views of bytes (BYTE_ARRAY, or FIXED without a number) */
    bool       is_utf8;
    bool       is_unsigned;   /* in the file */
    uint32_t   stored_bytes;  /* of a value; 0: BYTE_ARRAY, whose values have lengths; bits: BOOLEAN */
    pq_convert convert;       /* NULL: bytes are kept as they are; is_text: unused                 */
    int64_t    factor;        /* of the conversion */
    int32_t    low, high;     /* bounds of small integers */
};

/* WR_INVALID: the column cannot become that. The caller names the column. */
wr_status wr_pq_leaf_bind(const pq_element *element, wr_type type, pq_leaf *leaf, wr_error *err);

/* A BYTE_ARRAY of any length that is a number. */
wr_status wr_pq_convert_bytes(const pq_leaf *leaf, const uint8_t *bytes, uint32_t byte_count,
                              void *out, wr_error *err);

/* ---- Statistics (pq_prune.c) ------------------------------------------------------------------- */

/* The least or greatest value of a chunk, as it is stored. */
typedef struct pq_extreme {
    uint8_t  bytes[64];
    uint32_t byte_count;
    bool     is_known, is_cut;
} pq_extreme;

typedef struct pq_statistics {
    pq_extreme min, max, old_min, old_max;
    int64_t    null_count;
    bool       has_null_count;
} pq_statistics;

/* What of a file's metadata is believed: by who wrote it, and what it says of the order of values. */
typedef struct pq_trust {
    bool has_orders;   /* they compare as the types do: the newer ones are used               */
    bool has_numbers;  /* ... numbers in bytes too, which many writers took for texts         */
    bool has_sizes;    /* a chunk's bytes are counted with the header of its dictionary       */
} pq_trust;

/* `has_orders`: the footer says that values are compared as their types are; `created_by`: what it says
 * of the writer, "name version 1.2.3 (...)" as a rule. */
pq_trust wr_pq_trust_of(bool has_orders, wr_text created_by);

/* The value of a field that is an extreme. */
void wr_pq_extreme_read(wr_thrift_reader *reader, const wr_thrift_field *field, pq_extreme *out);
void wr_pq_statistics_read(wr_thrift_reader *reader, const wr_thrift_field *whole, pq_statistics *out);
/* Is it certain that no value of the chunk meets the bound? */
bool wr_pq_is_excluded(const pq_leaf *leaf, const pq_statistics *statistics, uint64_t value_count,
                       pq_trust trust, const wr_bound *bound);

struct pq_chunk;
/* Does the chunk's Bloom filter, in the first `limit` bytes of the file, say that none of the values of
 * `bound` (EQUAL, IN) is there? A filter that cannot be read says nothing. `window`: any length. */
bool wr_pq_bloom_excludes(wr_fs_reader *file, uint64_t limit, uint8_t *window, uint32_t window_bytes,
                          const pq_leaf *leaf, const struct pq_chunk *chunk, const wr_bound *bound);

/* Does none of `words`, which are all the values there are in `row_count` rows, meet the bound? Is not
 * asked where that would cost more than it may save. */
bool wr_pq_words_exclude(const wr_vector *words, uint64_t row_count, const wr_bound *bound);

/* ---- Files (pq_file.c) ------------------------------------------------------------------------- */

/* Where a leaf's values stand in the row group. */
typedef struct pq_chunk {
    uint64_t begin, end;   /* in the file */
    uint64_t value_count;  /* with NULL   */
    uint64_t bloom;        /* of a Bloom filter, in the file; 0: none */
    uint64_t column_index, offset_index; /* in the file; lengths 0: there are none */
    uint32_t column_index_bytes, offset_index_bytes;
    uint8_t  codec;        /* pq_codec    */
    bool     is_coded;     /* all of its values come from its dictionary */
    bool     is_missing;   /* the file has no such column: NULL */
} pq_chunk;

/* A value of a column, and of what it is made of. Children follow, each with all of its own. */
typedef enum pq_node_kind {
    PQ_NODE_LEAF, PQ_NODE_LIST, PQ_NODE_STRUCT,
    PQ_NODE_MISSING, /* of a struct, which lacks it in this file: NULL; it has no leaves */
} pq_node_kind;

typedef struct pq_node {
    wr_type  type;
    uint8_t  kind;
    uint8_t  present;    /* definition level from which on it is not NULL         */
    uint8_t  filled;     /* LIST: ... it has an element                           */
    uint8_t  repetition; /* LIST: level of an entry that goes on with it          */
    uint32_t end;        /* behind the last node of it                            */
    uint32_t first_leaf, leaf_count;
} pq_node;

typedef struct pq_levels {
    uint8_t definition, repetition;
} pq_levels;

/* A wanted column in this file. */
typedef struct pq_column {
    uint32_t first_leaf, leaf_count, first_node;
    bool     is_missing;
} pq_column;

typedef struct pq_file {
    wr_file_reader   base;
    uint64_t         footer_begin, footer_end;
    pq_column       *columns;      /* of the request           */
    uint8_t         *matches;      /* likewise: wr_column_match */
    pq_node         *nodes;
    pq_leaf         *leaves;
    uint32_t        *file_leaves;  /* number of a leaf in the file's schema; UINT32_MAX: missing */
    uint32_t        *order;        /* leaves by that number    */
    uint32_t         leaf_count, found_count, file_leaf_count;
    pq_chunk        *chunks;       /* of the row group at hand */
    wr_thrift_reader groups;       /* where the next one begins */
    uint32_t         group_count, next_group;
    pq_trust         trust;        /* in statistics            */
    bool             is_excluded;  /* the row group at hand has no row that is wanted */
    uint64_t         group_rows, group_next; /* rows of the row group; taken of them */
    uint8_t         *window;
    pq_element       element;
    pq_statistics    statistics;
    uint8_t          probe[128];   /* of Bloom filters */
} pq_file;

uint32_t wr_pq_leaf_room(const wr_read_request *request);
bool     wr_pq_has_nested(const wr_read_request *request);
uint64_t wr_pq_file_lease_min(const wr_read_request *request);
wr_status wr_pq_file_open(const wr_read_request *request, wr_file_reader *file, wr_bump *bump,
                          wr_error *err);
wr_status wr_pq_next_split(const wr_read_request *request, wr_file_reader *file, wr_split *split,
                           bool *out_done, wr_error *err);

/* Reads the elements of a file's schema and lays wanted types over them (pq_bind.c). */
typedef struct pq_binder {
    pq_file          *file;
    wr_thrift_reader *reader;
    uint64_t          elements_left;
    uint32_t          node_count, leaf_count;
    bool              is_entry; /* the struct to come is a map's */
} pq_binder;

uint32_t wr_pq_leaves_of(wr_type type);
uint32_t wr_pq_nodes_of(wr_type type);
/* Have the next element at hand, which begins a column; then one of these. */
wr_status wr_pq_next_column(pq_binder *binder);
wr_status wr_pq_skip_subtree(pq_binder *binder);
wr_status wr_pq_bind_column(pq_binder *binder, wr_type type, uint32_t first_node, uint32_t first_leaf,
                            wr_error *err);

/* ---- Pool (pq_pool.c) -------------------------------------------------------------------------- */

/* Memory for pages and dictionaries: first fit, a handful of blocks a column. */
typedef struct pq_block {
    uint8_t *bytes; /* NULL: free */
    uint64_t size;
} pq_block;

typedef struct pq_pool {
    uint8_t  *bytes;
    uint64_t  size;
    pq_block *blocks; /* in use, by address */
    uint32_t  count, room;
} pq_pool;

enum { PQ_PAD = 64 }; /* bytes behind every block that may be read */

/* NULL: there is no room. */
uint8_t *wr_pq_pool_take(pq_pool *pool, uint64_t size);
/* As much of `most` as there is, by halves; NULL: there is not even `least`, which is above 0. */
uint8_t *wr_pq_pool_take_some(pq_pool *pool, uint64_t most, uint64_t least, uint64_t *out_size);
void wr_pq_pool_shrink(pq_pool *pool, const uint8_t *bytes, uint64_t size);
void wr_pq_pool_give(pq_pool *pool, const uint8_t *bytes);

static inline bool wr_pq_pool_has(const pq_pool *pool, const uint8_t *bytes)
{
    return bytes >= pool->bytes && bytes < pool->bytes + pool->size;
}

/* ---- Bytes of a page (pq_bytes.c) -------------------------------------------------------------- */

typedef struct pq_flow pq_flow;

/* A walk over bytes that are in memory, in the file, in scratch space, or yet to be decompressed. */
typedef struct pq_bytes {
    const uint8_t *at, *end;   /* at hand                              */
    uint64_t       left;       /* behind them, not at hand             */
    uint64_t       next;       /* where: in the file, or in the blob   */
    wr_fs_reader  *file;       /* one of the three, if left > 0        */
    const wr_blob *blob;
    pq_flow       *flow;
    uint8_t       *window;
    uint32_t       window_bytes;
} pq_bytes;

/* Have `wanted` bytes at hand, or all there are; at most window_bytes. What was at hand moves. */
wr_status wr_pq_bytes_fill(pq_bytes *bytes, uint32_t wanted, wr_error *err);
/* Errors WR_CORRUPT: there are not so many. */
wr_status wr_pq_bytes_pass(pq_bytes *bytes, uint64_t count, wr_error *err);
wr_status wr_pq_bytes_copy(pq_bytes *bytes, void *out, uint64_t count, wr_error *err);
wr_status wr_pq_raise_short(wr_error *err);
/* A walk over a part of them. A walk with a window may be cut while it has nothing at hand, and each
 * part then needs a window of its own; a walk over a flow cannot be cut. */
pq_bytes wr_pq_bytes_cut(const pq_bytes *from, uint64_t offset, uint64_t count, uint8_t *window,
                         uint32_t window_bytes);

static inline uint64_t wr_pq_bytes_left(const pq_bytes *bytes)
{
    return (uint64_t)(bytes->end - bytes->at) + bytes->left;
}

/* Errors WR_CORRUPT: there are not so many. */
WR_ALWAYS_INLINE wr_status wr_pq_bytes_need(pq_bytes *bytes, uint32_t wanted, wr_error *err)
{
    if (WR_LIKELY((uint64_t)(bytes->end - bytes->at) >= wanted))
        return WR_OK;
    if (bytes->left > 0)
        WR_TRY(wr_pq_bytes_fill(bytes, wanted, err));
    return (uint64_t)(bytes->end - bytes->at) >= wanted ? WR_OK : wr_pq_raise_short(err);
}

/* ---- Runs (pq_runs.c) -------------------------------------------------------------------------- */

/* The hybrid of runs and bit-packed groups, in which levels, codes and booleans are written. */
typedef struct pq_runs {
    pq_bytes bytes;
    uint32_t bit_width;
    bool     is_packed;   /* the run: packed values, or one value repeated */
    bool     is_msb;      /* BIT_PACKED of old: most significant bit first */
    uint64_t left;        /* values of the run                             */
    uint32_t value;
    uint32_t bit;         /* of the byte at bytes.at where the next value begins */
} pq_runs;

wr_status wr_pq_runs_begin(pq_runs *runs, pq_bytes bytes, uint32_t bit_width, wr_error *err);
/* Packed values and nothing else. */
void      wr_pq_runs_begin_packed(pq_runs *runs, pq_bytes bytes, uint32_t bit_width, bool is_msb);
/* The next `count` values. Errors WR_CORRUPT: there are not so many. */
wr_status wr_pq_runs_take(pq_runs *runs, uint32_t count, uint32_t *out, wr_error *err);
wr_status wr_pq_runs_pass(pq_runs *runs, uint64_t count, wr_error *err);
/* Of width 1, into cleared bits from bit `first` on; *out_set counts the ones. */
wr_status wr_pq_runs_bits(pq_runs *runs, uint32_t count, uint64_t *bits, uint32_t first,
                          uint32_t *out_set, wr_error *err);

/* ---- Cursors (pq_page.c, pq_values.c) ---------------------------------------------------------- */

/* What one worker's columns use by turns. */
typedef struct pq_tools {
    pq_pool           pool;         /* of pages                             */
    pq_pool           dictionaries; /* an eighth of that, which pages do not take */
    wr_fs_reader     *file;
    uint8_t          *header;       /* window of PQ_HEADER_WINDOW_BYTES     */
    uint8_t          *workspace;    /* of a codec                           */
    uint64_t          workspace_bytes;
    uint8_t          *aside;        /* right behind it: the memory of the pools */
    uint64_t          aside_bytes;
    wr_block_decoder *decoder;
    wr_codec          codec;        /* the decoder's                        */
    bool              has_brotli;
    const wr_scratch *scratch;
    wr_long_writer    writer;
    uint32_t          window_bytes; /* of a cursor's windows                */
    uint64_t          pool_share;   /* of the pool, for each column         */
    uint32_t          batch_rows;
} pq_tools;

typedef enum pq_mode { PQ_MODE_PLAIN, PQ_MODE_CODES, PQ_MODE_BITS } pq_mode;

/* What a page header says. */
typedef struct pq_page_header {
    uint8_t  kind, encoding, level_encodings[2]; /* definition, repetition  */
    bool     is_v2, is_compressed, has_crc;
    uint32_t stored_bytes, raw_bytes, value_count, crc;
    uint32_t level_bytes[2]; /* v2: definition, repetition */
    uint64_t body;           /* in the file                */
} pq_page_header;

/* Where a page stands, as the offset index says. */
typedef struct pq_page_place {
    uint64_t offset, first_row;
} pq_page_place;

/* A walk over the offset index of a chunk, page by page. */
typedef struct pq_page_walk {
    pq_page_place here, next; /* first_row of the one behind the last: value_count    */
    uint64_t      at;         /* in the file, of the location behind `next`           */
    uint32_t      left;       /* locations from there on                              */
    bool          is_begun, is_unfit;
} pq_page_walk;

/* One leaf being read. */
typedef struct pq_cursor {
    const pq_leaf *leaf;
    pq_chunk       chunk;
    uint64_t       at;            /* in the file, of the next page header      */
    uint64_t       values_left;   /* of the chunk, in pages not yet begun      */
    uint64_t       skip;          /* rows to pass over before the next is read */
    pq_page_walk   walk;
    uint64_t       page_rows;     /* of the page to come, as the index says; 0: it does not */
    uint8_t       *windows;       /* three, if a page is not in memory         */

    pq_page_header header;        /* of the page to come, if has_header        */
    pq_page_header dictionary_header;
    bool           has_header, has_dictionary;
    bool           is_reserved;   /* `page` and `stored` are for the page to come */
    uint8_t       *page;          /* of the pool, or a window onto it; NULL: none */
    uint8_t       *plain;         /* of the pool: its values, if they were not plain */
    uint8_t       *stored;        /* of the pool: for the compressed page, if reserved */
    wr_blob        blob, plain_blob; /* the two in scratch space               */
    pq_flow       *flow;          /* of the pool: the page, decompressed as it is read */
    uint8_t       *level_blocks[2]; /* of the pool: its levels                 */
    uint32_t       page_left;     /* values (with NULL) of the page            */
    pq_mode        mode;
    pq_bytes       values;
    pq_runs        definition, repetition, codes;

    uint8_t       *dictionary;    /* of the pool: values, their bits, the NULL behind them */
    uint8_t       *dictionary_page; /* of the pool: bytes of texts             */
    wr_blob        dictionary_blob; /* ... in scratch space                    */
    bool           is_far;        /* the dictionary is not in memory:          */
    pq_bytes       far_values, far_index; /* nothing of them is at hand        */
    wr_blob        index_blob;    /* u32: where a text begins in far_values    */
    uint32_t       dictionary_count;
    wr_vector      words[2];      /* the dictionary; and with its NULL         */

    uint32_t      *codes_room;    /* a batch each */
    uint8_t       *data;
    uint64_t      *valid;
    uint32_t       filled;        /* rows of the batch that are there          */
    bool           any_null, is_coded;
    wr_blob        long_text;     /* of a batch of one row                     */
    bool           is_long;       /* the next text may be one              */
    bool           any_blob;
} pq_cursor;

/* Bodies (pq_body.c). */
uint64_t wr_pq_workspace_bytes(bool has_brotli);
/* The page as it was before compression: *io_page is its block, if it has one; else it is in the file or
 * in `blob`, and the caller cuts it with a window of its own. */
wr_status wr_pq_body_load(pq_cursor *cursor, pq_tools *tools, const pq_page_header *header,
                          uint8_t **io_page, wr_blob *blob, pq_bytes *out, wr_error *err);
/* Take the memory for the page to come, so that loading it cannot fail for want of it. */
bool wr_pq_body_reserve(pq_cursor *cursor, pq_tools *tools);
void wr_pq_body_unreserve(pq_cursor *cursor, pq_tools *tools);
void wr_pq_block_drop(pq_tools *tools, uint8_t **io_block);
/* All of the page at hand. */
void wr_pq_page_drop(pq_cursor *cursor, pq_tools *tools);
/* `size` bytes to the writer, and then from there: *io_bytes keeps its window. */
wr_status wr_pq_scratch_begin(pq_tools *tools, wr_long_writer *writer, uint64_t size, wr_error *err);
wr_status wr_pq_scratch_end(wr_long_writer *writer, wr_blob *blob, pq_bytes *io_bytes, wr_error *err);

/* Pages that are decompressed as they are read (pq_flow.c). `window`: history that the codec needs.
 * *out_begun: *out walks over the values, the bytes of cursor->definition and ->repetition over the levels,
 * which are still to be begun; else there is no room. */
wr_status wr_pq_flow_begin(pq_cursor *cursor, pq_tools *tools, wr_codec codec, uint64_t window,
                           const pq_page_header *header, pq_bytes *out, bool *out_begun, wr_error *err);
/* The next `count` bytes; `is_last`: there are no more. */
wr_status wr_pq_flow_read(pq_flow *flow, uint8_t *out, size_t count, bool is_last, wr_error *err);

/* Bits of a level. */
static inline uint32_t wr_pq_level_bits(uint32_t level_max)
{
    return level_max == 0 ? 0 : 32 - (uint32_t)__builtin_clz(level_max);
}

/* Begin to read a chunk / give its memory back. */
void wr_pq_cursor_begin(pq_cursor *cursor, const pq_leaf *leaf, const pq_chunk *chunk);
void wr_pq_cursor_end(pq_cursor *cursor, pq_tools *tools);
/* Have a page with values at hand, having passed over what is to be skipped. Flat columns. */
wr_status wr_pq_cursor_page(pq_cursor *cursor, pq_tools *tools, wr_error *err);
/* How many rows from the next wanted one on stand in its page; the page is found, but not loaded. */
wr_status wr_pq_cursor_peek(pq_cursor *cursor, pq_tools *tools, uint64_t *out_rows, wr_error *err);
/* The dictionary that the chunk's values come from; NULL: there is none, or it is not in memory. */
wr_status wr_pq_cursor_words(pq_cursor *cursor, pq_tools *tools, const wr_vector **out, wr_error *err);
/* Is it sure, unread, that all texts of the page that was found will be in memory? */
bool wr_pq_cursor_promise(pq_cursor *cursor, pq_tools *tools);
/* Make *io_count smaller if fewer rows can be taken at once (texts: of one page, of one window; a text
 * that is longer: 1). */
wr_status wr_pq_cursor_measure(pq_cursor *cursor, pq_tools *tools, uint32_t *io_count, wr_error *err);
/* The next `count` rows as a vector. Flat columns. */
wr_status wr_pq_cursor_take(pq_cursor *cursor, pq_tools *tools, uint32_t count, wr_vector *out,
                            wr_error *err);

/* Memory for a dictionary of so many values, if there is; numbers have it before they are read. Bytes that
 * make a dictionary, and the dictionary itself (pq_values.c). */
void wr_pq_dictionary_reserve(pq_cursor *cursor, pq_tools *tools, uint32_t count);
wr_status wr_pq_dictionary_read(pq_cursor *cursor, pq_tools *tools, pq_bytes bytes, uint32_t count,
                                wr_error *err);
/* Turn values in deltas or split bytes into plain ones, in cursor->plain or plain_blob (pq_delta.c). */
bool wr_pq_is_plain(uint8_t encoding);
wr_status wr_pq_make_plain(pq_cursor *cursor, pq_tools *tools, uint8_t *io_encoding, pq_bytes *io_bytes,
                           wr_error *err);
/* A dictionary that stays where it is, and pages of codes into it made plain (pq_expand.c). */
wr_status wr_pq_expand_begin(pq_cursor *cursor, pq_tools *tools, const pq_bytes *dictionary,
                             uint32_t count, wr_error *err);
wr_status wr_pq_expand(pq_cursor *cursor, pq_tools *tools, pq_bytes *io_bytes, wr_error *err);
/* The page's values as its encoding says: sets cursor->mode. */
wr_status wr_pq_values_begin(pq_cursor *cursor, uint8_t encoding, pq_bytes bytes, wr_error *err);
wr_status wr_pq_values_pass(pq_cursor *cursor, uint64_t count, wr_error *err);
/* The page's next values, densely; not texts that are plain, which come one at a time. */
wr_status wr_pq_values_take(pq_cursor *cursor, pq_tools *tools, uint32_t count, uint8_t *out,
                            wr_error *err);
/* A plain text: *out_length bytes behind cursor->values.at, to be passed over; all of them are at hand
 * unless they are longer than a window. */
wr_status wr_pq_text_begin(pq_cursor *cursor, uint32_t *out_length, wr_error *err);
wr_status wr_pq_raise_utf8(wr_error *err);

/* ---- Nested columns (pq_nested.c) -------------------------------------------------------------- */

/* Entries of a leaf: levels, and the cursor's `data` with the values. */
typedef struct pq_stream {
    pq_cursor *cursor;
    uint8_t   *definition, *repetition;
    uint32_t   at, count, value_at, value_count;
    bool       is_missing; /* the file has no such leaf */
} pq_stream;

typedef struct pq_nested {
    const pq_node *nodes;
    pq_stream     *streams;     /* of the split's leaves */
    pq_tools      *tools;
    wr_packer     *out;
    uint32_t       first_node;
    uint64_t       skip;        /* rows to pass over first */
    uint8_t       *room;        /* of packed values        */
    uint64_t       room_bytes;
    bool            is_long;     /* the last of the values is in scratch space */
    wr_packer_late  late;        /* of the row being made  */
    wr_long_writer *writer;
    wr_blob        long_row;
    wr_str        *values;
    uint64_t      *valid, *out_valid;
    uint32_t       next, have;  /* of the values           */
} pq_nested;

/* Have values at hand; *io_count is made smaller if there are fewer. */
wr_status wr_pq_nested_measure(pq_nested *nested, uint32_t *io_count, wr_error *err);
void      wr_pq_nested_take(pq_nested *nested, uint32_t count, wr_vector *out);
/* Is there no entry behind the rows that were taken, unless the last ones are passed over unread? */
bool      wr_pq_nested_is_over(const pq_nested *nested);

/* ---- Page indexes (pq_index.c) ----------------------------------------------------------------- */

/* Rows of a split that no wanted row is among, by granules of rows. */
enum { PQ_GRANULE_ROWS = 1024, PQ_GRANULES_MAX = (1 << 24) / PQ_GRANULE_ROWS };
enum { PQ_INDEX_LISTS = 5, PQ_INDEX_WINDOW_BYTES = 512 };

typedef struct pq_excluded {
    uint64_t *granules;  /* PQ_GRANULES_MAX bits; NULL: the request has no bounds */
    uint8_t  *windows;   /* PQ_INDEX_LISTS of PQ_INDEX_WINDOW_BYTES               */
    uint64_t  first_row; /* of the split in its row group                         */
    uint64_t  row_count; /* of the split                                          */
    bool      any;
} pq_excluded;

void wr_pq_excluded_layout(const wr_read_request *request, pq_excluded *excluded, wr_carver *carver);

/* Note the rows of pages whose bounds say that none meets `bound`. An index that cannot be read, or does
 * not fit its chunk, says nothing. */
void wr_pq_excluded_add(pq_excluded *excluded, wr_fs_reader *file, const pq_leaf *leaf,
                        const pq_chunk *chunk, pq_trust trust, const wr_bound *bound);

/* Have walk->here be the page of a flat chunk that has `row`, which is not before the last one asked for.
 * false: there is no offset index, or none that can be right. `window`: any length. */
bool wr_pq_page_seek(pq_page_walk *walk, wr_fs_reader *file, const pq_chunk *chunk, uint64_t row,
                     uint8_t *window, uint32_t window_bytes);

void wr_pq_excluded_add_all(pq_excluded *excluded);
bool wr_pq_excluded_is_all(const pq_excluded *excluded);

/* From `row` of the split on: how many rows are all excluded, or (if none is) how many are not. */
uint64_t wr_pq_excluded_run(const pq_excluded *excluded, uint64_t row, bool *out_is_excluded);

/* ---- Splits (pq_split.c) ----------------------------------------------------------------------- */

typedef struct pq_split {
    wr_split   base;
    pq_file   *file;
    uint32_t   file_index;   /* its; addresses come again */
    uint64_t   row;          /* of the row group, behind this split */
    uint64_t   rows_left;
    bool       ends_group;   /* its last row is the row group's */
    uint32_t   last_rows;    /* of the last batch */
    uint64_t   group;
    pq_cursor *cursors;      /* of the leaves     */
    pq_stream *streams;      /* of the leaves, if there are nested columns */
    pq_nested *nested;       /* of the columns    */
    wr_long_writer row_writer; /* of nested columns' long rows */
    pq_tools   tools;
    pq_excluded excluded;
    bool       is_pruned;    /* `excluded` is known */
    wr_scratch scratch;      /* an area of the request's */
    wr_scratch_area area;
    wr_vector *vectors;
    wr_vector_cell *cells;   /* of missing columns: NULL */
} pq_split;

void wr_pq_split_begin(const wr_read_request *request, pq_split *split, pq_file *file,
                       uint64_t first_row, uint64_t row_count);

extern const wr_format_reader_ops WR_PQ_READER;

#endif
