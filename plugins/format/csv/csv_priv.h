/* csv_priv.h — what the files of the CSV reader and writer share.
 *
 * How a text is cut (the state machine of csv_machine.c defines it, everything else is a faster way
 * to the same separators):
 *  - a record ends at a newline, a field at a delimiter, unless between quotes or escaped;
 *  - a quote opens only at the start of a field; elsewhere it is an ordinary byte;
 *  - between quotes a doubled quote is one; behind the closing quote only the field's end may come;
 *  - an escape other than the quote makes delimiters, quotes, newlines and itself ordinary, inside and
 *    outside quotes; before any other byte it is ordinary;
 *  - a carriage return before the newline belongs to the newline; where the sample has carriage
 *    returns and no line feed, the carriage return is the newline;
 *  - empty lines are skipped, but with one column they are records with an empty field; lines that
 *    begin with the comment byte are skipped. */
#ifndef WR_BUILDING_FORMAT_CSV
#error "private to plugins/format/csv"
#endif
#ifndef WR_CSV_PRIV_H
#define WR_CSV_PRIV_H

#include "csv_scan.h"
#include "io/chunker.h"
#include "kernel/text_column.h"
#include "spi/format.h"
#include "spi/nested_column.h"

/* ---- Options ------------------------------------------------------------------------------------ */

typedef enum csv_header { CSV_HEADER_AUTO, CSV_HEADER_TRUE, CSV_HEADER_FALSE } csv_header;
typedef enum csv_ragged { CSV_RAGGED_ERROR, CSV_RAGGED_PAD } csv_ragged;

/* CHAR options: 0 is "find out" (no text has it as a mark), -1 none. */
typedef struct csv_read_options {
    int32_t      delimiter, quote, escape, comment;
    int32_t      header; /* csv_header */
    int32_t      ragged; /* csv_ragged */
    bool         trim;
    int64_t      skip_rows;
    wr_text_list nulls;
    int32_t      decimal, thousands;
    wr_text      date_format, timestamp_format;
    wr_text_list true_words, false_words;
    uint64_t     max_field;
    char         newline; /* settled by infer: '\n' or '\r' */
} csv_read_options;

extern const wr_option_def WR_CSV_READ_OPTIONS[];

/* The options in the form that reading needs; made once per state. */
typedef struct csv_dialect {
    csv_marks     marks;
    int16_t       comment;       /* -1: none                                            */
    bool          trim;
    bool          pad;           /* short rows are filled with NULLs                    */
    bool          empty_is_null; /* the list of nulls has the empty text                */
    uint64_t      null_lengths;  /* bit n: some null text has n bytes (63: or more)      */
    uint8_t       classes[256];  /* csv_class of each byte                              */
    wr_text_rules rules;
    const csv_read_options *options;
} csv_dialect;

void wr_csv_dialect_init(csv_dialect *dialect, const csv_read_options *options);

/** Is this unquoted text one of the nulls? */
bool wr_csv_is_null(const csv_dialect *dialect, wr_text text);

/* ---- The state machine (csv_machine.c) ------------------------------------------------------------ */

typedef enum csv_class {
    CSV_OTHER, CSV_DELIMITER, CSV_NEWLINE, CSV_QUOTE, CSV_ESCAPE, CSV_BLANK, CSV_COMMENT,
    CSV_CLASS_COUNT
} csv_class;

typedef enum csv_state {
    CSV_AT_RECORD,     /* before the first byte of a record                       */
    CSV_AT_FIELD,      /* before the first byte of a field that is not the first  */
    CSV_IN_PLAIN,
    CSV_IN_QUOTED,
    CSV_BEHIND_QUOTE,  /* behind a quote between quotes: doubled, or closing      */
    CSV_BEHIND_BLANK,  /* behind blanks behind a closing quote                    */
    CSV_IN_COMMENT,
    CSV_ESCAPED_PLAIN, /* behind an escape                                        */
    CSV_ESCAPED_QUOTED,
    CSV_STATE_COUNT
} csv_state;

/** From one state to the next. A newline that ends a record leads to CSV_AT_RECORD, and nothing else
 *  does; a delimiter that ends a field leads to CSV_AT_FIELD, as do blanks before a field. */
extern const uint8_t WR_CSV_NEXT[CSV_STATE_COUNT][CSV_CLASS_COUNT];

/** As the index functions of csv_scan.h, for any dialect and any text. */
void wr_csv_machine_index(const csv_dialect *dialect, const uint8_t *bytes, uint32_t from,
                          uint32_t end, csv_index *index);

/** Behind the last newline that ends a record (0: none), and the state at the end. */
uint32_t wr_csv_machine_boundary(const csv_dialect *dialect, const uint8_t *bytes, uint32_t end,
                                 csv_state *out_state);

/* ---- Fields (csv_field.c) ------------------------------------------------------------------------- */

typedef struct csv_field {
    uint32_t start, end;
    bool     quoted;
    bool     escaped; /* holds doubled quotes or escapes: wr_csv_unescape before use */
    bool     broken;  /* text behind the closing quote, or none                      */
} csv_field;

/** Take the blanks and quotes off the text between two separators. `blanks`: off in any dialect. */
csv_field wr_csv_field_of(const csv_dialect *dialect, const uint8_t *bytes, uint32_t start,
                          uint32_t end, bool blanks);

/** Rewrite an escaped field in place; returns its new length. What is left over at the end of the
 *  old one is filled with blanks, so that lines can still be counted. */
uint32_t wr_csv_unescape(const csv_dialect *dialect, uint8_t *bytes, const csv_field *field);

/* ---- A walk from field to field, for headers and samples (csv_cursor.c) ------------------------------ */

typedef struct csv_cursor {
    const csv_dialect *dialect;
    const uint8_t     *bytes;
    uint32_t           at, end;
    bool               at_end;  /* nothing follows `end`: it ends the last record        */
    bool               inside;  /* behind a delimiter                                     */
    bool               is_last; /* the field given last was the last one of its record    */
} csv_cursor;

/** Step over blank lines and comments (`blank_counts`: an empty line is a record); false: no byte of
 *  a record is left, or it cannot be told yet. Only between records. */
bool wr_csv_cursor_record(csv_cursor *cursor, bool blank_counts);

/** The next field of the record; sets is_last. False: it does not end here, nothing has moved. */
bool wr_csv_cursor_field(csv_cursor *cursor, csv_field *out_field);

/** Step over the rest of the record; false: it does not end here. */
bool wr_csv_cursor_skip_record(csv_cursor *cursor);

/* ---- Inference (csv_sniff.c, csv_infer.c) ---------------------------------------------------------- */

/** Settle delimiter, quote, escape and newline from a sample that starts at a record. */
void wr_csv_sniff(csv_read_options *options, const uint8_t *sample, uint32_t byte_count, bool at_end);

wr_status wr_csv_infer(void *options, const wr_schema *declared, const wr_file_reader *file,
                       bool full, wr_bump *bump, wr_schema *out_schema, wr_error *err);

/* ---- Files and splits ------------------------------------------------------------------------------ */

enum { CSV_LONG_RAW_BYTES = WR_REJECT_HEAD_BYTES + 1 }; /* kept of a record that was longer than its chunk */

typedef struct csv_file {
    wr_file_reader       base;
    csv_dialect          dialect;
    const csv_scan_ops  *scan;
    wr_chunker           chunker;
    uint64_t             line;         /* of the chunker's next byte, from 1                  */
    uint32_t             field_count;  /* of this file's records                              */
    uint32_t            *sources;      /* request column -> field; WR_FIELD_NONE: not in here */
    uint32_t            *targets;      /* field -> request column; WR_FIELD_NONE: not wanted  */
    uint8_t             *header;       /* room for the header                                 */
    uint32_t             header_bytes;
    wr_long_writer       long_writer;
} csv_file;

/* A column of the batches. */
typedef struct csv_column {
    wr_type   type;
    bool      is_text;
    bool      required; /* NULL makes a bad row                               */
    bool      keeps_zeros; /* a leading zero, which its type would lose, too  */
    uint32_t  field;    /* of the file's records, WR_FIELD_NONE: all NULL     */
    void     *data;
    uint64_t *valid;
    uint64_t *rewrite;  /* text, nested: rows to be unescaped once rejects are told    */
    bool      any_rewrite;
} csv_column;

/* Why a row is bad. */
typedef enum csv_fault {
    CSV_FINE, CSV_FIELD_COUNT, CSV_NOT_UTF8, CSV_BROKEN_QUOTES, CSV_WRONG_TYPE, CSV_FIELD_TOO_LONG,
    CSV_NEVER_CLOSED, CSV_IS_NULL, CSV_LEADING_ZERO, CSV_BLANKS_TOO_LONG
} csv_fault;

typedef struct csv_bad_row {
    uint32_t fault;  /* csv_fault                            */
    uint32_t detail; /* field count, or the request's column */
} csv_bad_row;

/* The one row of a record that was longer than a chunk. */
typedef struct csv_long_row {
    bool         is_set;      /* the split is this row, and nothing else */
    uint32_t     field_count; /* how many it has: with ragged: pad maybe fewer than others */
    wr_str      *values;      /* per request column: short text, text in the chunk, or a blob */
    bool        *quoted;
    wr_blob     *blobs;
    csv_bad_row  bad;
    uint64_t     fault_line;  /* where the quote that is never closed stands */
    uint8_t     *raw;         /* CSV_LONG_RAW_BYTES */
    uint32_t     raw_bytes;
} csv_long_row;

typedef struct csv_split {
    wr_split             base;
    csv_dialect          dialect;
    const csv_scan_ops  *scan;
    uint8_t             *chunk;       /* chunk_bytes + padding                                */
    uint32_t             end, next;   /* of the records in the chunk; where the next one begins */
    uint64_t             line;        /* of the chunk's first byte                            */
    uint32_t             field_count;
    bool                 is_plain;    /* no quotes or escapes in the chunk                     */
    bool                 is_rfc;      /* quotes open only fields: pairs tell inside from outside */
    bool                 not_ascii, check_utf8;
    csv_long_row         long_row;

    csv_index            index;
    uint32_t            *firsts;      /* separator before the first field of each row          */
    uint32_t            *ends;        /* newline of each row: the index's row_ends, thinned     */
    uint32_t             row_count;   /* rows of the batch                                     */
    bool                 any_uneven;  /* some row is shorter or longer and yet good           */
    wr_text_token       *tokens;      /* of one column of a fixed-size type                    */
    csv_bad_row         *bad;         /* per row of the batch                                  */
    uint64_t            *bad_rows;    /* bit map of the batch                                  */
    uint64_t            *column_bad;  /* bit map of one column                                 */
    uint32_t             bad_count;
    uint16_t            *selected;
    uint32_t             counted_to;  /* newlines before this byte of the chunk are in ...     */
    uint64_t             counted_line; /* ... this line number                                 */
    csv_column          *columns;
    wr_vector           *vectors;
    wr_nested_columns    nested;
} csv_split;

/* The tokens of a column of texts or nested values. */
static inline wr_text_token *wr_csv_tokens_of(const csv_split *split, const csv_column *column)
{
    return (wr_text_token *)column->data + split->index.row_max;
}

uint64_t  wr_csv_file_lease_min(const wr_read_request *request);
wr_status wr_csv_file_open(const wr_read_request *request, wr_file_reader *file, wr_bump *bump,
                           wr_error *err);
wr_status wr_csv_next_split(const wr_read_request *request, wr_file_reader *file, wr_split *split,
                            bool *out_done, wr_error *err);

/** The chunk holds the start of a record and not its end: read on, to its end, into the split. */
wr_status wr_csv_read_long_row(const wr_read_request *request, csv_file *file, csv_split *split,
                               uint32_t used, wr_error *err);

uint64_t  wr_csv_split_lease_min(const wr_read_request *request);
wr_status wr_csv_split_init(const wr_read_request *request, wr_split *split, wr_bump *bump,
                            wr_error *err);
wr_status wr_csv_split_read(const wr_read_request *request, wr_split *split, wr_batch *out,
                            bool *out_end, wr_error *err);
void      wr_csv_describe_row(const wr_read_request *request, const wr_split *split, uint32_t row,
                              wr_reject *out_place);

/* ---- Rows (csv_rows.c) ---------------------------------------------------------------------------- */

/** Find the next rows of the chunk: sets row_count, firsts, ends, any_uneven and the bad rows among
 *  them. 0 rows: no more. */
void wr_csv_find_rows(csv_split *split, uint32_t row_max);

void wr_csv_mark_bad(csv_split *split, uint32_t row, csv_fault fault, uint32_t detail);

/** Where a row of the batch begins in the chunk. */
static inline uint32_t wr_csv_row_start(const csv_split *split, uint32_t row)
{
    return split->index.separators[split->firsts[row]] + 1;
}

static inline uint32_t wr_csv_row_end(const csv_split *split, uint32_t row)
{
    return split->index.separators[split->ends[row]];
}

/* ---- Nested columns (csv_nested.c) ---------------------------------------------------------------- */

/** Read the nested columns of the batch, whose tokens are taken. When the room is full, the batch ends
 *  before that row; one whose values are too long for it alone is a batch of its own: *out_long. */
wr_status wr_csv_read_nested(const wr_read_request *request, csv_split *split, bool *out_long,
                             wr_error *err);

/** The same for a record that was longer than its chunk. */
wr_status wr_csv_read_long_nested(csv_split *split, uint32_t index, bool *out_missing,
                                  wr_error *err);

/** What is wrong with a value of a nested column. */
const char *wr_csv_explain_nested(csv_split *split, uint32_t index, uint32_t row,
                                  char buffer[WR_NESTED_REASON_BYTES]);

/** Tell about the bad rows of the batch, in their order. */
wr_status wr_csv_report_bad_rows(const wr_read_request *request, csv_split *split, wr_error *err);

extern const wr_option_def         WR_CSV_WRITE_OPTIONS[];
extern const wr_format_writer_ops  WR_CSV_WRITER;

#endif
