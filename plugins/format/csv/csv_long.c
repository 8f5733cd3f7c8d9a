/* csv_long.c — a record that does not fit its chunk, read in one pass through a small window.
 *
 * The chunk's memory serves three ends: texts of this record that are short enough to keep stand at
 * its front, then the text of the field at hand, then the window of bytes not looked at yet. A
 * byte of content moves left, never right, so the text of the field grows over bytes already
 * read. When the window is used up, a field that fills more than half of the chunk goes to
 * scratch space and becomes a blob; fields that are not wanted are passed over. So a field of any
 * length, or a quote that is never closed, takes no more memory than any other.
 *
 * Invariants
 *  1. kept + text <= window start; kept <= half of the chunk.
 *  2. The last bytes of a field that may turn out not to belong to it (a carriage return, blanks to
 *     trim, an escape) are never put aside before the next byte is known. Of blanks that is a
 *     quarter of the chunk; a long field with more of them at its end is a bad row.
 *  3. What is put aside is longer than the text of a view: a short value is never a blob.
 *  4. Binary that is spelled in hexadecimal is decoded in place, before it is put aside or kept:
 *     the first `decoded` bytes of the text are bytes, behind them stand digits.
 * Runs in the serial half. Cost: about 0.3 ns a byte of long text, 2 ns of others. */
#include <string.h>

#include "csv_priv.h"
#include "kernel/text_utf8.h"
#include "types/parse.h"

enum { HEX_MARK_BYTES = 2 }; /* "\x" */

typedef enum hex_state { HEX_UNKNOWN, HEX_NO, HEX_YES } hex_state;

typedef struct long_reader {
    const wr_read_request *request;
    csv_file              *file;
    csv_split             *split;
    uint8_t               *chunk;
    uint32_t               kept, text;     /* bytes of finished fields; of the field at hand       */
    uint32_t               at, end;        /* the window: what is not looked at yet                */
    unsigned               state;
    uint32_t               place;          /* of the field at hand                                 */
    uint64_t               content_bytes;  /* of the field at hand, put aside or not               */
    bool                   wanted, quoted, in_blob, cr_behind_quote, any_extra, is_comment;
    bool                   any_blanks;     /* blanks around the field at hand are no part of it    */
    bool                   blank_aside;    /* the last byte that was put aside is a blank          */
    hex_state              hex;
    uint32_t               decoded;        /* of the text of the field at hand                     */
    uint64_t               quote_line;     /* of the quote that opened last                        */
    wr_utf8_state          utf8;
} long_reader;

/* Which of two faults counts: as in records that fit their chunk, those of the whole, then those of nested
 * columns, then others, by the order of the request's columns. */
static uint64_t rank_of(const csv_split *split, const csv_bad_row *bad)
{
    if (bad->fault == CSV_NEVER_CLOSED)
        return 0;
    if (bad->fault == CSV_FIELD_COUNT)
        return 1;
    if (bad->fault == CSV_NOT_UTF8)
        return 2;
    return 3 + bad->detail +
           (wr_type_is_nested(split->columns[bad->detail].type) ? 0 : (uint64_t)UINT32_MAX);
}

/* `detail` is no column: the field is not wanted, and may be written as it likes. */
static void mark_bad(long_reader *reader, csv_fault fault, uint32_t detail)
{
    csv_bad_row *bad = &reader->split->long_row.bad, other = {fault, detail};

    if (detail != WR_FIELD_NONE &&
        (bad->fault == CSV_FINE || rank_of(reader->split, &other) < rank_of(reader->split, bad)))
        *bad = other;
}

/* The request's column that this field is wanted for, or WR_FIELD_NONE. */
static uint32_t column_of(const long_reader *reader)
{
    return reader->place < reader->request->schema->field_count
               ? reader->file->targets[reader->place]
               : WR_FIELD_NONE;
}

/* ---- Text ---------------------------------------------------------------------------------------- */

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static void begin_field(long_reader *reader)
{
    uint32_t         column = column_of(reader);
    const csv_split *split = reader->split;

    reader->text = reader->decoded = 0;
    reader->content_bytes = 0;
    reader->quoted = reader->in_blob = reader->cr_behind_quote = reader->blank_aside = false;
    reader->wanted = column != WR_FIELD_NONE;
    reader->any_blanks = split->dialect.trim || (reader->wanted && !split->columns[column].is_text);
    reader->hex = reader->wanted && split->columns[column].type.logical == WR_TYPE_BINARY
                      ? HEX_UNKNOWN
                      : HEX_NO;
}

static void add_content(long_reader *reader, const uint8_t *bytes, uint32_t byte_count)
{
    if (reader->any_blanks && !reader->quoted && reader->content_bytes == 0) {
        while (byte_count > 0 && is_blank(*bytes))
            bytes++, byte_count--;
    }
    reader->content_bytes += byte_count;
    if (!reader->wanted)
        return;
    memmove(reader->chunk + reader->kept + reader->text, bytes, byte_count);
    reader->text += byte_count;
    if (reader->content_bytes > reader->split->dialect.options->max_field) {
        mark_bad(reader, CSV_FIELD_TOO_LONG, column_of(reader));
        reader->wanted = false;
        reader->text = 0;
    }
}

static wr_status put_aside(long_reader *reader, uint32_t byte_count, wr_error *err)
{
    wr_long_writer *writer = &reader->file->long_writer;

    if (!writer->scratch || !writer->scratch->ops)
        return WR_RAISE(err, WR_NO_MEMORY,
                        "%.*s:%llu: a record of more than %u bytes needs scratch space on disk",
                        WR_TEXT_ARG(reader->file->base.path), (unsigned long long)reader->split->line,
                        reader->request->chunk_bytes);
    if (!reader->in_blob)
        wr_long_writer_begin(writer);
    reader->in_blob = true;
    WR_TRY(wr_long_writer_add(writer, reader->chunk + reader->kept, byte_count, err));
    if (byte_count > 0)
        reader->blank_aside = is_blank(reader->chunk[reader->kept + byte_count - 1]);
    reader->text -= byte_count;
    reader->decoded -= reader->hex == HEX_YES ? byte_count : 0;
    memmove(reader->chunk + reader->kept, reader->chunk + reader->kept + byte_count, reader->text);
    return WR_OK;
}

static bool may_be_cut(const long_reader *reader, uint8_t byte)
{
    return byte == '\r' || (reader->any_blanks && !reader->quoted && is_blank(byte));
}

/* Decode what stands in the text but its last `held` bytes. */
static void decode_hex(long_reader *reader, uint32_t held)
{
    uint8_t *text = reader->chunk + reader->kept;
    uint32_t end = reader->text - held, from = reader->decoded;

    if (reader->hex == HEX_UNKNOWN && end >= HEX_MARK_BYTES) {
        reader->hex = text[0] == '\\' && text[1] == 'x' ? HEX_YES : HEX_NO;
        from = HEX_MARK_BYTES;
    }
    if (reader->hex != HEX_YES)
        return;
    for (; from + 2 <= end; from += 2) {
        char   spelled[] = {'\\', 'x', (char)text[from], (char)text[from + 1]};
        size_t byte_count;

        if (!wr_parse_binary_hex((wr_text){spelled, sizeof spelled}, text + reader->decoded,
                                 &byte_count))
            mark_bad(reader, CSV_WRONG_TYPE, column_of(reader));
        reader->decoded++;
    }
    memmove(text + reader->decoded, text + from, reader->text - from);
    reader->text -= from - reader->decoded;
}

/* Cut what does not belong to an unquoted field: the carriage return before its newline, blanks. */
static void cut_tail(long_reader *reader, bool is_last)
{
    const uint8_t *text = reader->chunk + reader->kept;

    if (reader->quoted)
        return;
    if (is_last && reader->text > reader->decoded && text[reader->text - 1] == '\r' &&
        reader->split->dialect.marks.newline == '\n')
        reader->text--;
    while (reader->any_blanks && reader->text > reader->decoded && is_blank(text[reader->text - 1]))
        reader->text--;
    if (reader->any_blanks && reader->blank_aside && reader->text == 0)
        mark_bad(reader, CSV_BLANKS_TOO_LONG, column_of(reader));
}

/* The field is over: its text becomes the value of its column. */
static wr_status end_field(long_reader *reader, bool is_last, wr_error *err)
{
    csv_long_row   *row = &reader->split->long_row;
    wr_long_writer *writer = &reader->file->long_writer;
    uint32_t        half = reader->request->chunk_bytes / 2, column = column_of(reader);

    reader->any_extra |= reader->place >= reader->split->field_count &&
                         (reader->content_bytes > 0 || reader->quoted);
    if (!reader->wanted)
        return WR_OK;
    cut_tail(reader, is_last);
    decode_hex(reader, 0);
    if (reader->hex == HEX_YES && reader->decoded < reader->text)
        mark_bad(reader, CSV_WRONG_TYPE, column);
    row->quoted[column] = reader->quoted;
    if (reader->in_blob ||
        (reader->text > WR_STR_INLINE_BYTES && reader->kept + reader->text > half)) {
        WR_TRY(put_aside(reader, reader->text, err));
        WR_TRY(wr_long_writer_end(writer, &row->blobs[column], err));
        row->values[column] = wr_str_of_blob(&row->blobs[column], writer->prefix);
        return WR_OK;
    }
    row->values[column] = wr_str_of((char *)reader->chunk + reader->kept, reader->text);
    if (!wr_str_is_inline(&row->values[column]))
        reader->kept += reader->text;
    return WR_OK;
}

/* ---- The window ---------------------------------------------------------------------------------- */

/* Account for the next bytes, before any of them moves. */
static void consume(long_reader *reader, uint32_t byte_count)
{
    const uint8_t *bytes = reader->chunk + reader->at;
    csv_survey     survey;

    reader->file->scan->survey(&reader->split->dialect.marks, bytes, byte_count, &survey);
    reader->file->line += survey.newline_count;
    if ((survey.any_not_ascii || reader->utf8.left > 0) &&
        !wr_utf8_feed(&reader->utf8, bytes, byte_count))
        mark_bad(reader, CSV_NOT_UTF8, 0);
    reader->at += byte_count;
}

/* Read more behind the text of the field at hand; *out_end: there is no more. */
static wr_status refill(long_reader *reader, bool *out_end, wr_error *err)
{
    uint32_t half = reader->request->chunk_bytes / 2, held = 0, got;

    if (reader->kept + reader->text > half) {
        const uint8_t *text_end = reader->chunk + reader->kept + reader->text;
        uint32_t       ready;

        if (reader->state == CSV_ESCAPED_PLAIN || reader->state == CSV_ESCAPED_QUOTED)
            held = 1;
        while (held < half / 2 && held < reader->text - reader->decoded &&
               may_be_cut(reader, text_end[-1 - (int)held]))
            held++;
        decode_hex(reader, held);
        ready = reader->hex == HEX_YES ? reader->decoded : reader->text - held;
        if (reader->in_blob || ready > WR_STR_INLINE_BYTES)
            WR_TRY(put_aside(reader, ready, err));
    }
    reader->at = reader->kept + reader->text;
    WR_TRY(wr_chunker_fill(&reader->file->chunker, reader->chunk + reader->at,
                           reader->request->chunk_bytes - reader->at, &got, err));
    reader->end = reader->at + got;
    *out_end = got == 0;
    return WR_OK;
}

/* ---- Bytes --------------------------------------------------------------------------------------- */

/* Length of the run of ordinary content that starts at `at`, 0 if there is none. */
static uint32_t run_of(const long_reader *reader)
{
    const csv_dialect *dialect = &reader->split->dialect;
    const uint8_t     *bytes = reader->chunk + reader->at;
    uint32_t           left = reader->end - reader->at, run = 0;
    const uint8_t     *hit;

    if (reader->state == CSV_IN_PLAIN) {
        while (run < left && dialect->classes[bytes[run]] == CSV_OTHER)
            run++;
        return run;
    }
    if (reader->state != CSV_IN_QUOTED)
        return 0;
    hit = memchr(bytes, dialect->marks.quote, left);
    run = hit ? (uint32_t)(hit - bytes) : left;
    if (dialect->marks.escape >= 0 && dialect->marks.escape != dialect->marks.quote) {
        hit = memchr(bytes, dialect->marks.escape, run);
        run = hit ? (uint32_t)(hit - bytes) : run;
    }
    return run;
}

/* A byte that leads from `state` to `next` inside a field: is it content? */
static void take_byte(long_reader *reader, uint8_t byte, unsigned class, unsigned next)
{
    bool cr = byte == '\r' && reader->split->dialect.marks.newline == '\n';

    if (reader->cr_behind_quote)
        mark_bad(reader, CSV_BROKEN_QUOTES, column_of(reader));
    switch ((csv_state)reader->state) {
    case CSV_AT_RECORD:
    case CSV_AT_FIELD:
        if (next == CSV_IN_QUOTED) {
            reader->quoted = true;
            reader->quote_line = reader->file->line;
        } else if (next == CSV_IN_COMMENT) {
            reader->is_comment = true;
            reader->wanted = false;
        } else if (class != CSV_BLANK) {
            add_content(reader, &byte, 1);
        }
        break;
    case CSV_IN_QUOTED:
        if (next != CSV_BEHIND_QUOTE)
            add_content(reader, &byte, 1);
        break;
    case CSV_BEHIND_QUOTE:
    case CSV_BEHIND_BLANK:
        if (next == CSV_IN_QUOTED)
            add_content(reader, &byte, 1);
        else if (cr)
            reader->cr_behind_quote = true;
        else if (class != CSV_BLANK)
            mark_bad(reader, CSV_BROKEN_QUOTES, column_of(reader));
        break;
    case CSV_ESCAPED_PLAIN:
    case CSV_ESCAPED_QUOTED:
        /* The escape was taken as content; before a byte that it makes ordinary it is none. */
        if (reader->text > 0 && (class == CSV_DELIMITER || class == CSV_NEWLINE ||
                                 class == CSV_QUOTE || class == CSV_ESCAPE)) {
            reader->text--;
            if (reader->text == 0 && reader->hex == HEX_UNKNOWN)
                reader->hex = HEX_NO;
        }
        add_content(reader, &byte, 1);
        break;
    default:
        if (!reader->cr_behind_quote)
            add_content(reader, &byte, 1);
    }
}

/* Go from one field to the next; *out_end: that was the last of the record. */
static wr_status pass_separator(long_reader *reader, unsigned next, bool *out_end, wr_error *err)
{
    *out_end = next == CSV_AT_RECORD;
    if (reader->cr_behind_quote && !*out_end)
        mark_bad(reader, CSV_BROKEN_QUOTES, column_of(reader));
    WR_TRY(end_field(reader, *out_end, err));
    reader->state = next;
    if (!*out_end) {
        reader->place++;
        begin_field(reader);
    }
    return WR_OK;
}

/* Walk the window; *out_end: the record is over, the window starts with the next one. */
static wr_status walk_window(long_reader *reader, bool *out_end, wr_error *err)
{
    *out_end = false;
    while (reader->at < reader->end && !*out_end) {
        uint32_t at = reader->at, run = reader->cr_behind_quote ? 0 : run_of(reader);
        uint8_t  byte = reader->chunk[at];
        unsigned class, next;

        if (run > 0) {
            consume(reader, run);
            add_content(reader, reader->chunk + at, run);
            continue;
        }
        consume(reader, 1);
        class = reader->split->dialect.classes[byte];
        next = WR_CSV_NEXT[reader->state][class];
        if (next == CSV_AT_RECORD || (next == CSV_AT_FIELD && class == CSV_DELIMITER)) {
            WR_TRY(pass_separator(reader, next, out_end, err));
        } else {
            take_byte(reader, byte, class, next);
            reader->state = next;
        }
    }
    return WR_OK;
}

/* The input is over, and with it the record. */
static wr_status end_by_input(long_reader *reader, wr_error *err)
{
    if (reader->state == CSV_IN_QUOTED || reader->state == CSV_ESCAPED_QUOTED) {
        reader->split->long_row.bad = (csv_bad_row){CSV_NEVER_CLOSED, 0};
        reader->split->long_row.fault_line = reader->quote_line;
        return WR_OK;
    }
    return end_field(reader, true, err);
}

static void check_field_count(long_reader *reader)
{
    csv_split *split = reader->split;
    uint32_t   found = reader->place + 1;

    split->long_row.field_count = found;
    if (found == split->field_count ||
        (split->dialect.pad && (found < split->field_count || !reader->any_extra)))
        return;
    mark_bad(reader, CSV_FIELD_COUNT, found);
}

static void clear_row(const wr_read_request *request, csv_split *split, uint32_t used)
{
    csv_long_row *row = &split->long_row;

    row->bad = (csv_bad_row){0};
    row->raw_bytes = used < CSV_LONG_RAW_BYTES ? used : CSV_LONG_RAW_BYTES;
    memcpy(row->raw, split->chunk, row->raw_bytes);
    memset(row->values, 0, request->column_count * sizeof *row->values);
    memset(row->quoted, 0, request->column_count * sizeof *row->quoted);
}

wr_status wr_csv_read_long_row(const wr_read_request *request, csv_file *file, csv_split *split,
                               uint32_t used, wr_error *err)
{
    long_reader reader = {.request = request, .file = file, .split = split, .chunk = split->chunk,
                          .end = used, .state = CSV_AT_RECORD};
    bool        row_end = false, input_end = false;

    clear_row(request, split, used);
    begin_field(&reader);
    while (!row_end && !input_end) {
        WR_TRY(walk_window(&reader, &row_end, err));
        if (!row_end)
            WR_TRY(refill(&reader, &input_end, err));
    }
    if (input_end)
        WR_TRY(end_by_input(&reader, err));
    wr_chunker_keep(&file->chunker, split->chunk + reader.at, reader.end - reader.at);
    if (reader.utf8.left > 0)
        mark_bad(&reader, CSV_NOT_UTF8, 0);
    check_field_count(&reader);
    split->end = split->next = 0;
    split->long_row.is_set = !reader.is_comment;
    return WR_OK;
}
