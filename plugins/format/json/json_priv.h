/* json_priv.h — what the files of the JSON reader and writer share.
 *
 * A record is an object (RFC 8259): one a line (a string cannot hold a raw newline, so a chunk can be
 * cut at any newline; blank lines are skipped), an element of one array, or one of documents that
 * follow each other. A value is kept as a token, a run of bytes of the chunk: text without its quotes, a
 * number or word as it stands, an object or array as its text.
 *  - a key that is missing or null is NULL; keys that no column has are passed over, and of a key that
 *    comes twice the last value counts, or as the options say;
 *  - columns of other types than text take numbers, words and strings alike, if they read as the type;
 *  - a bad record is a bad row as a whole. */
#ifndef WR_BUILDING_FORMAT_JSON
#error "private to plugins/format/json"
#endif
#ifndef WR_JSON_PRIV_H
#define WR_JSON_PRIV_H

#include "io/chunker.h"
#include "json_scan.h"
#include "kernel/text_block.h"
#include "kernel/text_column.h"
#include "spi/format.h"
#include "spi/nested_column.h"
#include "types/json_text.h"

typedef struct json_read_options {
    int32_t layout; /* json_layout */
    int64_t infer_depth, map_keys;
    int32_t duplicate_keys; /* wr_twin_keys */
    int32_t unknown_keys;   /* 1: a fault   */
    int64_t max_depth;
} json_read_options;

enum { JSON_WRITE_LINES, JSON_WRITE_ARRAY };
enum { JSON_NULLS_KEEP, JSON_NULLS_OMIT };
enum { JSON_NON_FINITE_NULL, JSON_NON_FINITE_TEXT, JSON_NON_FINITE_ERROR };

typedef struct json_write_options {
    int32_t layout, nulls, non_finite; /* as above */
    bool    pretty;
} json_write_options;

/* Which layout a file has, by its first JSON_HEAD_BYTES bytes, or all if there are fewer. They are
 * readable for WR_TEXT_PAD bytes more. */
enum { JSON_HEAD_BYTES = 4096 };
json_layout wr_json_find_layout(const uint8_t *head, uint32_t byte_count);

wr_status wr_json_raise_no_array(wr_text path, wr_error *err) WR_MUST_USE;

/* ---- Values (json_value.c) --------------------------------------------------------------------- */

enum { JSON_DEPTH_MAX = 1024 };

typedef enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_NESTED } json_kind;

typedef struct json_token {
    const uint8_t *start, *end;
    json_kind      kind;
    bool           escaped; /* STRING: holds backslashes: wr_json_unescape before use */
} json_token;

/* The first byte from `at` on that is a quote, a backslash or below a blank. */
const uint8_t *wr_json_find_special(const uint8_t *at);

static inline bool wr_json_is_blank(uint8_t byte, bool over_lines)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || (byte == '\n' && over_lines);
}

static inline const uint8_t *wr_json_blanks(const uint8_t *at, bool over_lines)
{
    while (wr_json_is_blank(*at, over_lines))
        at++;
    return at;
}

/* ---- Objects ----------------------------------------------------------------------------------- */

/* What may come next inside of an object or array. */
typedef enum json_next {
    JSON_NEXT_FIRST_VALUE, /* or the array's end  */
    JSON_NEXT_VALUE,
    JSON_NEXT_FIRST_KEY,   /* or the object's end */
    JSON_NEXT_KEY,
    JSON_NEXT_COLON,
    JSON_NEXT_COMMA,       /* or the end          */
} json_next;

/* Which tokens follow each other in a value (RFC 8259), however it is read; depth 0: it is complete. */
typedef struct json_grammar {
    uint64_t  braces[JSON_DEPTH_MAX / 64]; /* bit n: the n-th open bracket is '{' */
    uint32_t  depth, depth_max;
    json_next next;
} json_grammar;

static inline void wr_json_grammar_begin(json_grammar *grammar, uint32_t depth_max)
{
    grammar->depth = 0;
    grammar->depth_max = depth_max;
    grammar->next = JSON_NEXT_VALUE;
}

/* Take the token that begins with `byte`; what is wrong with it there; NULL: nothing. */
const char *wr_json_grammar_take(json_grammar *grammar, uint8_t byte);

/* Is it a token by itself? */
static inline bool wr_json_is_mark(uint8_t byte)
{
    return byte == '{' || byte == '}' || byte == '[' || byte == ']' || byte == ',' || byte == ':';
}

/* A walk over the members of one object. The text ends with a NUL, or in a line with a newline, and
 * WR_TEXT_PAD bytes behind that can be read. */
typedef struct json_walk {
    const uint8_t *at;
    const uint8_t *where; /* of the fault */
    const char    *fault; /* NULL: none   */
    bool           over_lines; /* a newline is a blank; else it ends the object */
    uint32_t       depth_max;  /* of values                                     */
    bool           inside;
} json_walk;

/* The next member's key, escapes and all (without quotes); false: the object is over and walk->at is at
 * what stands behind it, no blank, or there is a fault. The value stands at walk->at. */
bool wr_json_walk_key(json_walk *walk, json_token *out_key);
/* Its value. */
bool wr_json_walk_value(json_walk *walk, json_token *out_value);

/* ---- Inference (json_infer.c) ------------------------------------------------------------------ */

wr_status wr_json_infer(void *options, const wr_schema *declared, const wr_file_reader *file,
                        bool full, wr_bump *bump, wr_schema *out_schema, wr_error *err);

/* ---- Names ------------------------------------------------------------------------------------- */

/* Which field has a name: open addressing over a schema's fields. */
typedef struct json_names {
    const wr_schema *schema;
    uint32_t        *slots; /* field + 1; 0: free */
    uint32_t         mask;
} json_names;

uint64_t wr_json_names_bytes(uint32_t field_count);
void wr_json_names_init(json_names *names, const wr_schema *schema, void *space);
/* WR_FIELD_NONE: no field has it. */
uint32_t wr_json_names_find(const json_names *names, const uint8_t *bytes, uint32_t byte_count);

/* ---- Files and splits (json_file.c, json_split.c) ---------------------------------------------- */

enum {
    JSON_KEYS_FORESEEN = 64,        /* members whose order is kept in mind, beyond the schema's */
    JSON_LONG_RAW_BYTES = WR_REJECT_HEAD_BYTES + 1, /* kept of a record that is longer than the chunk */
    JSON_VALUE_BYTES_MAX = 256,     /* of a value of a fixed size that has to be copied       */
};

typedef struct json_file {
    wr_file_reader base;
    wr_chunker     chunker;
    uint64_t       line; /* of the chunker's next byte, from 1 */
    json_layout    layout;
    const json_scan_ops *scan;
    wr_long_writer long_writer;
    bool           any_record; /* ARRAY: one has ended                */
    bool           is_closed;  /* ARRAY: so is the array              */
    bool           is_over;    /* nothing comes, whatever the input has */
} json_file;

typedef struct json_bad_row {
    const char *fault;  /* NULL: the column's value does not read as its type */
    uint32_t    detail; /* byte in the record, or the request's column        */
} json_bad_row;

/* A record that did not fit its chunk: its values, as texts without escapes. */
enum { JSON_NOT_GIVEN, JSON_GIVEN_NULL, JSON_GIVEN_VALUE };

typedef struct json_long_row {
    bool         is_set;  /* the split is this row, and nothing else */
    json_bad_row bad;     /* fault NULL: none                        */
    wr_str      *values;  /* by the request's columns                */
    uint8_t     *given;
    wr_blob     *blobs;
    uint32_t     raw_bytes;
    uint8_t      raw[JSON_LONG_RAW_BYTES]; /* its first bytes        */
} json_long_row;

typedef struct json_column {
    wr_type        type;
    bool           is_text;
    wr_text_token *tokens;
    void          *data;
    uint64_t      *valid;
    uint64_t      *rewrite; /* rows whose text holds escapes */
    bool           any_rewrite;
} json_column;

typedef struct json_split {
    wr_split      base;
    uint8_t      *chunk; /* chunk_bytes + padding                                     */
    uint32_t      end, next;
    uint64_t      line;     /* of the byte at `next`                                  */
    json_layout   layout;
    const json_read_options *options;
    const char   *fault;    /* the split is one bad record; next is where it begins   */
    bool          is_done;  /* there are no rows from `next` on                       */
    bool          any_record;  /* ARRAY: one has ended before `next`                  */
    bool          is_unclosed; /* ARRAY: the input ends with this split, the array does not */
    bool          check_utf8, utf8_known;
    json_names    names;
    uint32_t     *targets;  /* field -> request column; WR_FIELD_NONE: not wanted     */
    uint32_t     *key_seen; /* field -> the stamp of the last record that had its key */
    uint32_t      key_stamp;
    uint32_t     *foreseen; /* n-th member of the last row -> field                   */
    uint32_t      foreseen_max;
    uint8_t      *key;      /* room for a key with escapes                            */
    uint32_t      key_room;
    uint32_t     *starts, *ends; /* of the batch's rows                               */
    uint64_t     *lines;         /* where they start: texts are rewritten in the chunk, newlines come in */
    uint32_t      row_count;
    json_bad_row *bad;
    uint64_t     *bad_rows, *column_bad;
    uint32_t      bad_count;
    uint16_t     *selected;
    json_column  *columns;
    wr_vector    *vectors;
    wr_nested_columns nested;
    json_long_row  long_row;
} json_split;

uint64_t  wr_json_file_lease_min(const wr_read_request *request);
wr_status wr_json_file_open(const wr_read_request *request, wr_file_reader *file, wr_bump *bump,
                            wr_error *err);
wr_status wr_json_next_split(const wr_read_request *request, wr_file_reader *file, wr_split *split,
                             bool *out_done, wr_error *err);

/* ---- Rows (json_rows.c) ------------------------------------------------------------------------ */

extern const char WR_JSON_NOT_UTF8[];

/* Find the next rows of the chunk, and the tokens of their wanted members. */
void wr_json_find_rows(const wr_read_request *request, json_split *split);

void wr_json_mark_bad(json_split *split, uint32_t row, const char *fault, uint32_t detail);

/* The next keys are another record's. */
void wr_json_begin_keys(json_split *split);
/* What is wrong with the key of a field (WR_FIELD_NONE: none has it); NULL: nothing. */
const char *wr_json_check_key(json_split *split, uint32_t field);

/* ---- Bad rows (json_report.c) ------------------------------------------------------------------ */

void wr_json_describe_row(const wr_read_request *request, const wr_split *split, uint32_t row,
                          wr_reject *out_place);
/* A column that must not be NULL, whether its key is there or not: rows where it is are bad. */
void wr_json_check_required(json_split *split, const wr_field *field, uint32_t index);
/* Tell about the bad rows of the batch, in their order. */
wr_status wr_json_report_bad_rows(const wr_read_request *request, json_split *split,
                                  wr_error *err) WR_MUST_USE;

/* ---- Records longer than a chunk (json_long.c, json_long_row.c) -------------------------------- */

/* The serial half: read the record that begins with the chunk's `used` bytes. Afterwards the chunk holds
 * its short values, and the chunker what comes behind it. */
wr_status wr_json_read_long_record(const wr_read_request *request, json_file *file,
                                   json_split *split, uint32_t used, wr_error *err);
/* The parallel half: the batch of that row. */
wr_status wr_json_take_long_row(const wr_read_request *request, json_split *split, wr_error *err);

/* ---- Nested columns (json_nested.c) ------------------------------------------------------------ */

/* Read the nested columns of the batch. When the room is full, the batch ends before that row; one whose
 * values are too long for it alone is a batch of its own. */
wr_status wr_json_read_nested(const wr_read_request *request, json_split *split, wr_error *err);

/* The same for a record that was longer than its chunk. */
wr_status wr_json_read_long_nested(json_split *split, uint32_t index, bool *out_missing,
                                   wr_error *err);

/* What is wrong with a value of a nested column. */
const char *wr_json_explain_nested(json_split *split, uint32_t index, uint32_t row,
                                   char buffer[WR_NESTED_REASON_BYTES]);

extern const wr_format_reader_ops WR_JSON_READER;
extern const wr_format_writer_ops WR_JSON_WRITER;

#endif
