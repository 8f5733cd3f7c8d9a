/* pq_write.h — what the files of the Parquet writer share.
 *
 * Rows become leaves: columns of plain values with levels (Dremel). take puts them into a block's pool
 * (pq_write_take.c; nested ones taken apart by pq_write_nested.c), dictionary codes instead of values where that pays (pq_write_dictionary.c); encode
 * makes pages of them, in the same memory (pq_write_encode.c); write collects pages by leaf in scratch
 * space until the row group is over, then copies them out, leaf by leaf (pq_write_group.c), and its
 * part of the footer waits there for the end of the file.
 *
 * Invariants
 *  1. Every size is a formula over schema, options and block_bytes (pq_sizes); what goes into a block is
 *     counted before, so that its pool always has room, for the pages as well.
 *  2. A block belongs to one row group. A row may go on in the next block, leaf by leaf.
 *  3. A value too long for a page of its own in memory waits in scratch space and becomes a page of
 *     its own, stored as it is.
 *  4. Blocks are filled the same however the rows were cut into batches.
 * Source: apache/parquet-format; Melnik et al., Dremel (VLDB 2010). */
#ifndef WR_BUILDING_FORMAT_PARQUET
#error "private to plugins/format/parquet"
#endif
#ifndef WR_PQ_WRITE_H
#define WR_PQ_WRITE_H

#include "io/block_codec.h"
#include "parquet_format.h"
#include "parquet_thrift.h"
#include "parquet_write.h"
#include "pq_bloom.h"
#include "pq_write_pool.h"
#include "pq_write_store.h"
#include "spi/format.h"
#include "spi/long_value.h"
#include "spi/nested_column.h"
#include "types/packed.h"

/** What stands for the chosen codec in files, and in io. */
typedef struct pq_write_codec {
    pq_codec stored;
    wr_codec codec; /* WR_CODEC_NONE: pages are stored as they are */
} pq_write_codec;

typedef struct pq_shared pq_shared;

/* ---- Options (pq_write_options.c) -------------------------------------------------------------- */

struct pq_leaf;

wr_status wr_pq_write_check(const void *options, wr_error *err) WR_MUST_USE;
/** Are there the columns that the options name, and of types that they are for? */
wr_status wr_pq_write_check_columns(const pq_write_options *options, const wr_schema *schema,
                                    wr_error *err) WR_MUST_USE;
pq_write_codec wr_pq_write_codec(const pq_write_options *options);
int            wr_pq_write_level(const pq_write_options *options);
/** Sets leaf->encoding; what is said of a column goes before what is said of all. */
wr_status wr_pq_write_encoding(const pq_write_options *options, wr_text column, struct pq_leaf *leaf,
                               wr_error *err) WR_MUST_USE;
bool      wr_pq_write_has_bloom(const pq_write_options *options, wr_text column);

/** An item of sorted_by. */
typedef struct pq_sorted {
    wr_text column;
    bool    is_descending, is_nulls_first;
} pq_sorted;

pq_sorted wr_pq_write_sorted(wr_text item);

/* ---- Claims (pq_write_claims.c) ------------------------------------------------------------------ */

enum { PQ_SORT_TEXT_BYTES = 256 /* that are compared */ };

/** An item of sorted_by, and the last row's value. */
typedef struct pq_sort_key {
    pq_sorted sorted;
    uint32_t  column;
    bool      is_cut; /* the text is longer */
    wr_value  last;
    char      text[PQ_SORT_TEXT_BYTES];
} pq_sort_key;

typedef struct pq_sort {
    pq_sort_key *keys;
    uint32_t     key_count;
    uint64_t     row_count; /* taken so far */
} pq_sort;

void wr_pq_sort_layout(const pq_write_options *options, pq_sort *sort, wr_carver *carver);
/** The columns that the option names were checked to be there. */
void wr_pq_sort_begin(const pq_write_options *options, const wr_schema *schema, pq_sort *sort);
/** Rows of the batch that are to come, from the `first`-th selected one on. To be asked before any is taken.
 * Errors   WR_DATA a column that is never NULL has one: says which row */
wr_status wr_pq_required_check(const wr_schema *schema, const wr_batch *batch, uint32_t first,
                               uint64_t row_count, wr_error *err) WR_MUST_USE;
/** Rows of the batch that come next, from the `first`-th selected one on.
 * Errors   WR_DATA they are not in order: says which row */
wr_status wr_pq_sort_take(pq_sort *sort, const wr_batch *batch, uint32_t first, uint32_t count,
                           wr_error *err) WR_MUST_USE;

/* ---- Schema (pq_write_schema.c) ---------------------------------------------------------------- */

enum { PQ_DEPTH_MAX = WR_NESTED_DEPTH_MAX + 1 };

typedef enum pq_node_kind { PQ_NODE_LEAF, PQ_NODE_GROUP, PQ_NODE_REPEATED } pq_node_kind;

/** An element of the file's schema. */
typedef struct pq_node {
    pq_node_kind  kind;
    wr_text       name;
    wr_type       type;        /* LEAF, GROUP */
    pq_repetition repetition;
    uint32_t      child_count; /* GROUP, REPEATED */
    uint32_t      column;      /* of the schema   */
    uint8_t       def_max, rep_max;
} pq_node;

/** One container on the way to a leaf. */
typedef struct pq_step {
    wr_type type;
    uint8_t is_inner;      /* the repeated group inside of it was passed */
    uint8_t def, rep;      /* levels of a value that is inside           */
    uint32_t child;        /* the next one                               */
    wr_text  name;         /* of the node itself                         */
} pq_step;

/** Walks the elements of a schema, parents before children. Begin with {.schema = ...}. */
typedef struct pq_walk {
    const wr_schema *schema;
    uint32_t         column, depth;
    pq_step          steps[PQ_DEPTH_MAX];
} pq_walk;

bool wr_pq_walk_next(pq_walk *walk, pq_node *out_node);

/** Is a column one that readers are told to be never NULL? */
static inline bool wr_pq_is_required(const wr_field *field)
{
    return !field->nullable && field->type.logical != WR_TYPE_NULL_;
}

/** How a value becomes the bytes that PLAIN stores. */
typedef enum pq_form {
    PQ_FORM_COPY, PQ_FORM_I8, PQ_FORM_I16, PQ_FORM_U8, PQ_FORM_U16, PQ_FORM_I64_TO_I32,
    PQ_FORM_DECIMAL, PQ_FORM_UUID, PQ_FORM_DATE64, PQ_FORM_SECONDS_OF_DAY, PQ_FORM_SECONDS,
    PQ_FORM_INTERVAL, PQ_FORM_TEXT
} pq_form;

/** How values of a leaf compare. */
typedef enum pq_order {
    PQ_ORDER_NONE, PQ_ORDER_BOOL, PQ_ORDER_I32, PQ_ORDER_U32, PQ_ORDER_I64, PQ_ORDER_U64,
    PQ_ORDER_F32, PQ_ORDER_F64, PQ_ORDER_BYTES, PQ_ORDER_SIGNED_BYTES
} pq_order;

/** A container on the way to a leaf. */
typedef struct pq_path {
    wr_type  type;
    uint32_t member; /* STRUCT: which; MAP: 0 key, 1 value */
    uint8_t  def, rep; /* levels of what is inside         */
} pq_path;

typedef struct pq_leaf {
    wr_type  type;
    pq_path *path;
    uint32_t depth;       /* of the path, 0: a column      */
    uint32_t column;
    uint32_t width;       /* of a value in PLAIN, but 1 for booleans; 0: text */
    uint8_t  physical, form, order;
    uint8_t  encoding;     /* pq_encoding of values that are not codes, or ... */
    uint8_t  def_max, rep_max;
} pq_leaf;

enum { PQ_ENCODING_AUTO = UINT8_MAX };

/** The leaf that the walk has just come to; `path` has room for walk->depth steps (NULL: not wanted).
 * Errors   WR_UNSUPPORTED Parquet has no such type */
wr_status wr_pq_leaf_of(const pq_walk *walk, const pq_node *node, pq_path *path, pq_leaf *out_leaf,
                        wr_error *err) WR_MUST_USE;

uint32_t wr_pq_leaf_count(const wr_schema *schema);

/** The list of SchemaElements. */
void wr_pq_schema_put(wr_thrift_writer *writer, const wr_schema *schema, const wr_text_list *field_ids);

/* ---- Field ids (pq_write_ids.c) ---------------------------------------------------------------- */

/** A walk over the pairs of the option field_ids, beside one over the elements. Begin with {0}. */
typedef struct pq_ids {
    uint32_t item;
    size_t   at;
    uint32_t last; /* that auto gave */
} pq_ids;

wr_status wr_pq_ids_check(const wr_text_list *items, wr_error *err) WR_MUST_USE;
/** Does every path lead to an element, every id to one path? */
wr_status wr_pq_ids_check_columns(const wr_text_list *items, const wr_schema *schema,
                                  wr_error *err) WR_MUST_USE;
/** The id of the element that the walk has come to; false: it gets none. Elements come in order. */
bool wr_pq_id_of(const wr_text_list *items, pq_ids *ids, const pq_walk *walk, const pq_node *node,
                 uint32_t *out_id);

/* ---- Statistics (pq_write_stats.c) ------------------------------------------------------------- */

enum { PQ_BOUND_BYTES = 64 };

/** A least or greatest value; of a long one its first bytes. */
typedef struct pq_bound {
    uint8_t bytes[PQ_BOUND_BYTES];
    uint8_t byte_count;
    bool    is_cut;
} pq_bound;

typedef struct pq_stats {
    bool     has_bounds;
    pq_bound min, max;
} pq_stats;

/** What a reader is told: the least and the greatest value, or what is surely below and above them; false:
 *  nothing can be told. */
bool wr_pq_stats_bounds(const pq_stats *stats, const pq_leaf *leaf, pq_bound *out_min, pq_bound *out_max);
/** In the order of the leaf. */
int wr_pq_bound_compare(const pq_leaf *leaf, const pq_bound *a, const pq_bound *b);

/** Take in values as PLAIN stores them (booleans a byte each). */
void wr_pq_stats_fixed(pq_stats *stats, const pq_leaf *leaf, const void *values, uint32_t count);
void wr_pq_stats_text(pq_stats *stats, const void *bytes, uint32_t byte_count);
void wr_pq_stats_merge(pq_stats *stats, const pq_leaf *leaf, const pq_stats *other);
/** The struct Statistics as field `id`. */
void wr_pq_stats_put(wr_thrift_writer *writer, int16_t id, const pq_stats *stats,
                     const pq_leaf *leaf, uint64_t null_count);

/* ---- Dictionaries (pq_write_dictionary.c) ------------------------------------------------------ */

/** The different values of a leaf in a row group. */
typedef struct pq_dictionary {
    bool      is_on;          /* codes are given out                               */
    uint32_t  entry_count, entries_max;
    uint32_t  used_bytes, bytes_max;
    uint8_t  *bytes;          /* the values as PLAIN stores them                   */
    uint32_t *slots;          /* of the hash table: code + 1                       */
    uint32_t  slot_mask;
    uint32_t *offsets, *tags; /* texts: of the entry in bytes; of its hash         */
    uint64_t  value_count;    /* taken so far                                      */
    pq_stats  stats;          /* of all entries                                    */
} pq_dictionary;

/** Bounds of what some codes stand for, and perhaps of more: of entries [first, end). */
typedef struct pq_cover {
    uint32_t first, end;
    pq_stats stats;
} pq_cover;

void wr_pq_dictionary_layout(pq_dictionary *dictionary, const pq_leaf *leaf, uint32_t bytes_max,
                             wr_carver *carver);
void wr_pq_dictionary_reset(pq_dictionary *dictionary, bool is_on);

/** Codes of values (texts: wr_str in memory); returns how many got one: the dictionary is given up
 *  if not all. */
uint32_t wr_pq_dictionary_codes(pq_dictionary *dictionary, const pq_leaf *leaf, const void *values,
                                uint32_t count, uint32_t *out_codes);

/** Take in what the codes stand for. */
void wr_pq_dictionary_cover(const pq_dictionary *dictionary, const pq_leaf *leaf,
                            const uint32_t *codes, uint32_t count, pq_cover *cover);

/* ---- Page indexes (pq_write_index.c) ----------------------------------------------------------- */

/** What the page index will say of a page. It goes before the page while that waits. */
typedef struct pq_page_note {
    uint32_t here_bytes;   /* of the page; the others are those of a long text */
    uint32_t stored_bytes; /* of all of it, with its header                    */
    uint32_t row_count;    /* rows that begin in it                            */
    uint32_t null_count;
    pq_bound min, max;
    bool     has_bounds, is_null, begins_row;
} pq_page_note;

/** Where a leaf's bytes are in the file; lengths 0: there are none. */
typedef struct pq_place {
    uint64_t dictionary, data;
    uint64_t column_index, offset_index; /* from where the row group's indexes begin */
    uint32_t column_index_bytes, offset_index_bytes;
    uint64_t bloom;
    uint32_t bloom_bytes;
} pq_place;

enum { PQ_NOTES_PER_PIECE = 24 };

/** What is known of a leaf's pages when all of their notes have come. */
typedef struct pq_index {
    uint32_t     page_count;
    bool         has_rows;   /* every page begins with a row                          */
    bool         has_bounds; /* of every page that has values                         */
    bool         is_ascending, is_descending;
    bool         any_before; /* a page with values came: its bounds are in `before`   */
    pq_page_note before;
} pq_index;

void wr_pq_index_begin(pq_index *index);
/** The next page of a leaf. Errors of the scratch space. */
wr_status wr_pq_index_note(pq_shared *shared, pq_index *index, const pq_leaf *leaf,
                           const pq_page_note *note, wr_error *err);
/** Make the leaf's indexes of its notes, in shared->indexes; says where in *place. */
wr_status wr_pq_index_end(pq_shared *shared, const pq_index *index, pq_place *place,
                          wr_error *err);

/* ---- State ------------------------------------------------------------------------------------- */

enum { PQ_STAGE_ROWS = WR_BATCH_ROWS_MAX, PQ_METADATA_BYTES = 4096 };

typedef struct pq_sizes {
    uint32_t leaf_count;
    uint32_t piece_bytes, piece_count; /* of a block's pool                                  */
    uint32_t spare_pieces;             /* kept free for what pages take beyond their values  */
    uint32_t page_bytes;               /* values of a page                                   */
    uint32_t page_entries;             /* levels of a page                                   */
    uint32_t long_bytes;               /* longer texts wait in scratch space                 */
    uint32_t dictionary_bytes;         /* of one leaf                                        */
    uint32_t store_bytes;              /* buffer of a store                                  */
} pq_sizes;

/** Entries of one leaf on their way into a block. */
typedef struct pq_stage {
    uint32_t count, value_count;
    uint8_t  def[PQ_STAGE_ROWS], rep[PQ_STAGE_ROWS];
    uint32_t codes[PQ_STAGE_ROWS];
    _Alignas(16) uint8_t values[PQ_STAGE_ROWS * 16]; /* PLAIN, or wr_str */
} pq_stage;

/** An open container of a value that is taken apart. */
typedef struct pq_frame {
    wr_packed        value, entry;
    wr_list_cursor   cursor;
    const wr_packed *container; /* of the current child: value, or the entry of a map */
} pq_frame;

typedef struct pq_shred {
    const pq_leaf    *leaf;
    bool              is_open;       /* the value has more entries                     */
    bool              is_full;       /* of texts: a handle refers to `inner`           */
    uint8_t           rep;
    uint32_t          depth;         /* of the container the walk is in                */
    uint32_t          long_bytes;
    uint32_t          text_bytes;
    uint64_t          staged_bytes;  /* of texts in the stage                          */
    char             *texts;         /* 2 * long_bytes, of values that are on disk     */
    wr_packed         inner;         /* a long text inside of a value on disk          */
    wr_blob           blob;          /* its handle                                     */
    wr_packed_window *window;
    pq_frame          frames[PQ_DEPTH_MAX];
} pq_shred;

/** What the footer will say of a leaf in the open row group. */
typedef struct pq_chunk {
    uint64_t entry_count, null_count, raw_bytes, stored_bytes;
    uint32_t pages[PQ_ENCODING_COUNT]; /* by encoding of their values */
    pq_stats stats;
} pq_chunk;

/** A dictionary's way out: raw in scratch space (take), then as a page there (encode). */
typedef struct pq_dictionary_page {
    wr_scratch_position position;
    uint32_t            byte_count;  /* 0: none */
    uint32_t            entry_count;
    wr_scratch_position header;      /* of the page */
    uint32_t            stored_bytes;
    wr_scratch_position bloom;       /* the row group's Bloom filter, in scratch space */
    uint32_t            bloom_bytes; /* 0: none                                        */
} pq_dictionary_page;

/** The Bloom filter of a leaf in a row group. */
typedef struct pq_bloom {
    uint8_t *bits;
    uint64_t byte_count; /* 0: none is wanted                         */
    double   wrong;
    bool     is_used;
    bool     is_spoiled; /* a long text is not in it: it says nothing */
} pq_bloom;

/** A text that waits in scratch space: in a stream of values it is PQ_LONG_MARK instead of a length, and
 *  its handle; padded to what the note and the header of its page may take in the same place. */
#define PQ_LONG_MARK UINT32_MAX
typedef struct pq_long_record {
    uint32_t mark, unused;
    wr_blob  blob;
    uint8_t  padding[128 + sizeof(pq_page_note)];
} pq_long_record;

struct pq_shared {
    pq_sizes       sizes;
    pq_write_codec codec;
    pq_page_kind   page_kind;
    pq_leaf       *leaves;
    wr_scratch     scratch;
    wr_scratch     pages;        /* scratch space of the row group being collected, in ... */
    wr_scratch_area area;
    uint64_t       pages_bytes;  /* since that was cleared                              */
    /* take */
    pq_dictionary *dictionaries;
    pq_bloom      *blooms;
    uint8_t       *pause;        /* of each leaf: row groups without a dictionary ahead */
    bool           uses_dictionaries;
    pq_sort        sort;
    pq_stage      *stage;
    void          *flat;         /* a sequence, written out                             */
    wr_long_writer long_writer;
    uint64_t       group_rows, group_bytes;
    uint32_t       resume_leaf;  /* a row that is cut goes on with this leaf            */
    bool           is_cut, is_begun; /* begun: the leaf's value, too                    */
    pq_shred      *shred;
    /* write */
    pq_store      *stores;
    pq_chunk      *chunks;
    pq_place      *places;
    pq_store       notes;        /* of the pages of the leaf being written              */
    pq_store       indexes;      /* of the row group                                    */
    bool           has_indexes;
    uint8_t       *copy;         /* store_bytes                                         */
    uint8_t       *metadata;     /* buffer of Thrift's                                  */
    pq_store       footer;       /* row groups                                          */
    pq_dictionary_page *last_dictionaries; /* of the row group that the end closes      */
    uint64_t       row_count;
    uint32_t       group_count;
};

/** What a block has of a leaf: codes come before plain values. */
typedef struct pq_block_leaf {
    pq_chain def, rep, codes, plain;
    pq_chain pages;                                /* each behind its pq_page_note */
    pq_cover cover;                                /* of the codes                 */
    pq_chunk chunk;
} pq_block_leaf;

typedef struct pq_block {
    pq_pool        pool;
    pq_block_leaf *leaves;
    pq_dictionary_page *dictionaries; /* if it ends its row group */
    uint64_t       group_rows;        /* likewise                 */
    bool           is_used, ends_group;
    uint32_t       encoded_leaves;    /* whole                    */
} pq_block;

typedef struct pq_encoder {
    wr_block_encoder *codec;   /* NULL: none */
    uint8_t          *values;  /* of a page; before them is room for its levels */
    uint8_t          *packed;  /* the same in another encoding; likewise           */
    uint8_t          *levels, *stored;
    size_t            stored_room;
    uint32_t         *def, *rep; /* page_entries levels; then codes             */
    bool              is_v2;
} pq_encoder;

enum { PQ_PACKED_SLACK_BYTES = 2048 /* a block of deltas is looked at when it is there */ };

pq_sizes wr_pq_sizes(const wr_write_request *request);
void     wr_pq_block_reset(const pq_shared *shared, pq_block *block);

/* ---- Steps ------------------------------------------------------------------------------------- */

wr_status wr_pq_take(const wr_write_request *request, void *shared, void *block,
                     const wr_batch *batch, uint32_t *io_next, bool *out_full, wr_error *err);

/** Put the staged entries of a leaf, for which there is room, into the block. */
wr_status wr_pq_stage_put(pq_shared *shared, pq_block *block, uint32_t leaf, wr_error *err);

/** One value, not null, of fixed width into the stage. */
wr_status wr_pq_store_cell(const pq_leaf *leaf, const void *cell, pq_stage *stage,
                           wr_error *err) WR_MUST_USE;

/** A nested value (NULL: null) is taken apart: its first entry of `leaf` goes into the stage, which has
 *  room; go_on puts more, until the stage is full or shred->is_open is false. Whoever puts the stage into
 *  a block says so by `staged`. */
wr_status wr_pq_shred_begin(pq_shred *shred, const pq_leaf *leaf, const wr_str *value,
                            pq_stage *stage, wr_error *err) WR_MUST_USE;
bool      wr_pq_shred_has_room(const pq_shred *shred, const pq_stage *stage);
wr_status wr_pq_shred_go_on(pq_shred *shred, pq_stage *stage, wr_error *err) WR_MUST_USE;
void      wr_pq_shred_staged(pq_shred *shred, pq_stage *stage);

/** The row group is over: dictionaries go to scratch space, and start anew. One page a leaf. */
wr_status wr_pq_take_dictionaries(pq_shared *shared, pq_dictionary_page *out_pages,
                                  wr_error *err) WR_MUST_USE;

uint64_t  wr_pq_encoder_bytes(const wr_write_request *request);
wr_status wr_pq_encoder_init(const wr_write_request *request, void *encoder, wr_bump *bump,
                             wr_error *err);
wr_status wr_pq_encode(const wr_write_request *request, void *shared, void *block, void *encoder,
                       bool *out_more, wr_error *err);
/** A dictionary in scratch space becomes a page there. */
wr_status wr_pq_encode_dictionary(const pq_shared *shared, pq_dictionary_page *page, pq_chunk *chunk, pq_encoder *encoder,
                                  wr_error *err);

wr_status wr_pq_write(const wr_write_request *request, void *shared, void *block, wr_output *output,
                      wr_error *err);
wr_status wr_pq_end(const wr_write_request *request, void *shared, void *encoder, wr_output *output,
                    wr_error *err);

/** Values that PLAIN stores in `plain_bytes` into encoder->packed, in the leaf's encoding if they are not
 *  longer then; *out_encoding PLAIN: they stay as they are, and *out_bytes, too. */
wr_status wr_pq_values_encode(const pq_encoder *encoder, const pq_leaf *leaf, const uint8_t *plain,
                              size_t plain_bytes, uint32_t count, pq_encoding *out_encoding,
                              size_t *out_bytes, wr_error *err) WR_MUST_USE;
/** Can values of a physical type be written in it? */
bool wr_pq_encoding_fits(pq_encoding encoding, uint8_t physical);

/** RLE and bit-packed runs of `count` numbers of `width` bits; returns bytes put. */
size_t wr_pq_hybrid_put(const uint32_t *numbers, uint32_t count, unsigned width, uint8_t *out);
/** Most bytes of them. */
static inline size_t wr_pq_hybrid_bytes_max(uint32_t count, unsigned width)
{
    return ((size_t)count + 7) / 8 * (width + 1) + 16;
}

#endif
