/* json_priv.h — what the files of the JSON Lines reader and writer share.
 *
 * JSON Lines: one object a line (RFC 8259 values; a string cannot hold a raw newline, so a chunk can be
 * cut at any newline). Blank lines are skipped. A value is kept as a token, a run of bytes of the
 * chunk: text without its quotes, a number or word as it stands, an object or array as its text.
 *  - a key that is missing or null is NULL; keys that no column has are passed over; of a key that comes
 *    twice the last value counts;
 *  - columns of other types than text take numbers, words and strings alike, if they read as the type;
 *  - a bad line is a bad row as a whole. */
#ifndef WR_BUILDING_FORMAT_JSON
#error "private to plugins/format/json"
#endif
#ifndef WR_JSON_PRIV_H
#define WR_JSON_PRIV_H

#include "io/chunker.h"
#include "kernel/nested_read.h"
#include "kernel/text_block.h"
#include "kernel/text_column.h"
#include "spi/format.h"
#include "types/json_text.h"

typedef struct json_options {
    bool unused; /* JSON Lines has nothing to choose */
} json_options;

extern const wr_option_def WR_JSON_OPTIONS[];

/* ---- Values (json_value.c) --------------------------------------------------------------------- */

enum { JSON_DEPTH_MAX = 1024 };

typedef enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_NESTED } json_kind;

typedef struct json_token {
    const uint8_t *start, *end;
    json_kind      kind;
    bool           escaped; /* STRING: holds backslashes: wr_json_unescape before use */
} json_token;

/* Behind a value that starts at `at` (no blanks), or NULL: *out_fault says why, *out_where where. The
 * text must hold a newline behind `at`, and WR_TEXT_PAD bytes behind that. */
const uint8_t *wr_json_value(const uint8_t *at, json_token *out, const char **out_fault,
                             const uint8_t **out_where);

/* The same for a string behind its opening quote. */
const uint8_t *wr_json_string(const uint8_t *at, json_token *out, const char **out_fault,
                              const uint8_t **out_where);

static inline const uint8_t *wr_json_blanks(const uint8_t *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\r')
        at++;
    return at;
}

/* ---- Objects ----------------------------------------------------------------------------------- */

/* A walk over the members of one line. */
typedef struct json_walk {
    const uint8_t *at;
    const uint8_t *where; /* of the fault */
    const char    *fault; /* NULL: none   */
    bool           inside;
} json_walk;

/* The next member's key, escapes and all (without quotes); false: the object is over, or there is a
 * fault. The value stands at walk->at. */
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

/* ---- Files and splits (json_split.c) ----------------------------------------------------------- */

enum {
    JSON_RAW_BYTES_MAX = 64 * 1024, /* of a line in a reject                */
    JSON_KEYS_FORESEEN = 64,        /* members whose order is kept in mind, beyond the schema's */
};

typedef struct json_file {
    wr_file_reader base;
    wr_chunker     chunker;
    uint64_t       line; /* of the chunker's next byte, from 1 */
} json_file;

typedef struct json_bad_row {
    const char *fault;  /* NULL: the column's value does not read as its type */
    uint32_t    detail; /* byte in the line, or the request's column          */
} json_bad_row;

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
    uint32_t      batch_start; /* in the chunk, of the batch's lines                  */
    uint64_t      batch_line;  /* of that byte: texts are rewritten behind it, so lines are not
                                  counted in the chunk */
    uint32_t      line_count;  /* of the batch, blank ones too                        */
    bool          too_long; /* the split is one line that is longer than a chunk      */
    bool          check_utf8, utf8_known;
    json_names    names;
    uint32_t     *targets;  /* field -> request column; WR_FIELD_NONE: not wanted     */
    uint32_t     *foreseen; /* n-th member of the last row -> field                   */
    uint32_t      foreseen_max;
    uint8_t      *key;      /* room for a key with escapes                            */
    uint32_t      key_room;
    uint32_t     *starts, *ends; /* of the batch's rows                               */
    uint32_t      row_count;
    json_bad_row *bad;
    uint64_t     *bad_rows, *column_bad;
    uint32_t      bad_count;
    uint16_t     *selected;
    json_column  *columns;
    wr_vector    *vectors;
    wr_nested_room nested;
} json_split;

/* ---- Nested columns (json_nested.c) ------------------------------------------------------------ */

void wr_json_mark_bad(json_split *split, uint32_t row, const char *fault, uint32_t detail);

/* Read the nested columns of the batch. When the room is full, the batch ends before that row. */
void wr_json_read_nested(const wr_read_request *request, json_split *split);

/* What is wrong with a value of a nested column. */
const char *wr_json_explain_nested(json_split *split, uint32_t index, uint32_t row,
                                   char buffer[WR_NESTED_REASON_BYTES]);

extern const wr_format_reader_ops WR_JSON_READER;
extern const wr_format_writer_ops WR_JSON_WRITER;

#endif
