/* json_long.c — a record that does not fit its chunk, read in one pass through a small window.
 *
 * The chunk's memory serves three ends: values of this record that are short enough to keep stand at its
 * front, then what is known of the value at hand, then the window of bytes not looked at yet. Content
 * moves left, never right, so a value grows over bytes already read. When the window is used up, a value
 * that fills more than half of the chunk goes to scratch space and becomes a blob; values that nobody wants
 * are passed over. So a string, an array or a whole record of any length takes no more memory than others.
 *
 * Invariants
 *  1. kept + text <= at <= end <= chunk_bytes; kept <= half of the chunk. A NUL stands at `end`.
 *  2. Texts are put together without their escapes; nested values and numbers as they stand.
 *  3. What is put aside is longer than the text of a view: a short value is never a blob.
 *  4. Every byte of the record goes through advance, which keeps count of lines, UTF-8 and brackets.
 * It runs in the serial half; types are read in the parallel one (json_long_row.c). Cost: about 1 ns a byte, more for many short values. */
#include <string.h>

#include "json_priv.h"
#include "kernel/text_utf8.h"

enum { ESCAPES_BYTES = 12 };

typedef struct long_reader {
    const wr_read_request *request;
    json_file   *file;
    json_split  *split;
    uint8_t     *chunk;
    uint32_t     kept, text;   /* bytes of finished values; of the value at hand             */
    uint32_t     at, end;      /* the window                                                 */
    uint64_t     passed;       /* bytes of the record before the window                      */
    bool         at_end;       /* of the input                                               */
    bool         wanted, in_blob, not_utf8;
    json_cut     cut;
    wr_utf8_state utf8;
} long_reader;

/* ---- The window ---------------------------------------------------------------------------------- */

/* Bytes of the record in front of the next one. */
static uint64_t place_of(const long_reader *r)
{
    return r->passed + r->at;
}

static bool mark_bad_at(long_reader *r, const char *fault, uint64_t place)
{
    json_bad_row *bad = &r->split->long_row.bad;

    if (!bad->fault)
        *bad = (json_bad_row){fault, place + 1 < UINT32_MAX ? (uint32_t)place + 1 : 0};
    return false;
}

static bool mark_bad(long_reader *r, const char *fault)
{
    return mark_bad_at(r, fault, place_of(r));
}

/* The next bytes are looked at; they may move from now on. */
static void advance(long_reader *r, uint32_t byte_count)
{
    const uint8_t *bytes = r->chunk + r->at;
    json_bounds    bounds;

    for (uint32_t i = 0; i < byte_count; i++)
        r->file->line += bytes[i] == '\n';
    if (r->file->layout != JSON_LINES)
        r->file->scan->find_bounds(r->file->layout, true, &r->cut, r->chunk, r->at,
                                   r->at + byte_count, &bounds);
    r->not_utf8 |= !wr_utf8_feed(&r->utf8, bytes, byte_count);
    r->at += byte_count;
}

static wr_status put_aside(long_reader *r, wr_error *err)
{
    wr_long_writer *writer = &r->file->long_writer;

    if (!writer->scratch || !writer->scratch->ops)
        return WR_RAISE(err, WR_NO_MEMORY,
                        "%.*s:%llu: a record of more than %u bytes needs scratch space on disk",
                        WR_TEXT_ARG(r->file->base.path), (unsigned long long)r->split->line,
                        r->request->chunk_bytes);
    if (!r->in_blob)
        wr_long_writer_begin(writer);
    r->in_blob = true;
    WR_TRY(wr_long_writer_add(writer, r->chunk + r->kept, r->text, err));
    r->text = 0;
    return WR_OK;
}

/* Have `byte_count` bytes in the window, or all there are. */
static wr_status look_ahead(long_reader *r, uint32_t byte_count, wr_error *err)
{
    uint32_t half = r->request->chunk_bytes / 2, base, got;

    if (r->end - r->at >= byte_count || r->at_end)
        return WR_OK;
    if (r->kept + r->text > half && r->text > WR_STR_INLINE_BYTES)
        WR_TRY(put_aside(r, err));
    base = r->kept + r->text;
    memmove(r->chunk + base, r->chunk + r->at, r->end - r->at);
    r->passed += r->at - base;
    r->end -= r->at - base;
    r->at = base;
    WR_TRY(wr_chunker_fill(&r->file->chunker, r->chunk + r->end, r->request->chunk_bytes - r->end,
                           &got, err));
    r->end += got;
    r->at_end = r->end < r->request->chunk_bytes;
    r->chunk[r->end] = '\0';
    return WR_OK;
}

/* To the next byte that is no blank; it is a NUL at the end of the input. */
static wr_status skip_blanks(long_reader *r, wr_error *err)
{
    do {
        const uint8_t *at = r->chunk + r->at;

        advance(r, (uint32_t)(wr_json_blanks(at, r->file->layout != JSON_LINES) - at));
        WR_TRY(look_ahead(r, 1, err));
    } while (r->at < r->end && wr_json_is_blank(r->chunk[r->at], r->file->layout != JSON_LINES));
    return WR_OK;
}

/* ---- Values -------------------------------------------------------------------------------------- */

static void add_text(long_reader *r, const uint8_t *bytes, uint32_t byte_count)
{
    if (!r->wanted)
        return;
    memmove(r->chunk + r->kept + r->text, bytes, byte_count);
    r->text += byte_count;
}

/* Content as it stands. */
static void take_bytes(long_reader *r, uint32_t byte_count)
{
    const uint8_t *bytes = r->chunk + r->at;

    advance(r, byte_count);
    add_text(r, bytes, byte_count);
}

/* An escape, as it stands or as what it means. */
static bool take_escape(long_reader *r, bool raw)
{
    const uint8_t *escape = r->chunk + r->at, *behind = wr_json_escape_end(escape, r->chunk + r->end);
    uint8_t        plain[ESCAPES_BYTES];
    uint32_t       byte_count;

    if (!behind)
        return mark_bad(r, "not an escape");
    byte_count = (uint32_t)(behind - escape);
    if (raw) {
        take_bytes(r, byte_count);
        return true;
    }
    memcpy(plain, escape, byte_count);
    advance(r, byte_count);
    add_text(r, plain, wr_json_unescape(plain, byte_count, plain));
    return true;
}

/* Behind its opening quote, up to behind the closing one; raw: with escapes and that quote. */
static wr_status take_string(long_reader *r, bool raw, bool *out_good, wr_error *err)
{
    uint64_t open = place_of(r) - 1;

    for (;;) {
        const uint8_t *from = r->chunk + r->at, *special;

        WR_TRY(look_ahead(r, ESCAPES_BYTES, err));
        from = r->chunk + r->at;
        special = wr_json_find_special(from);
        if (special > r->chunk + r->end)
            special = r->chunk + r->end;
        take_bytes(r, (uint32_t)(special - from));
        if (r->at == r->end && !r->at_end)
            continue;
        *out_good = r->at < r->end && (r->chunk[r->at] == '"' || r->chunk[r->at] == '\\');
        if (!*out_good) {
            if (r->at == r->end || r->chunk[r->at] == '\n' || r->chunk[r->at] == '\0')
                mark_bad_at(r, "a string is never closed", open);
            else
                mark_bad(r, "a control character in a string");
            return WR_OK;
        }
        if (r->chunk[r->at] == '"') {
            if (raw)
                take_bytes(r, 1);
            else
                advance(r, 1);
            return WR_OK;
        }
        WR_TRY(look_ahead(r, ESCAPES_BYTES, err));
        *out_good = take_escape(r, raw);
        if (!*out_good)
            return WR_OK;
    }
}

/* A number or word. */
static wr_status take_plain(long_reader *r, bool *out_null, bool *out_good, wr_error *err)
{
    json_walk  walk = {.over_lines = r->file->layout != JSON_LINES};
    json_token value;

    WR_TRY(look_ahead(r, r->request->chunk_bytes / 2, err));
    walk.at = r->chunk + r->at;
    *out_good = wr_json_walk_value(&walk, &value);
    if (!*out_good) {
        mark_bad(r, walk.fault);
        return WR_OK;
    }
    *out_null = value.kind == JSON_NULL;
    take_bytes(r, (uint32_t)(walk.at - value.start));
    return WR_OK;
}

/* Blanks inside of a nested value that begins at `open`: content. *out_good: something follows. */
static wr_status take_blanks(long_reader *r, uint64_t open, bool *out_good, wr_error *err)
{
    bool over_lines = r->file->layout != JSON_LINES;

    do {
        const uint8_t *at = r->chunk + r->at;

        take_bytes(r, (uint32_t)(wr_json_blanks(at, over_lines) - at));
        WR_TRY(look_ahead(r, 1, err));
    } while (r->at < r->end && wr_json_is_blank(r->chunk[r->at], over_lines));
    *out_good = (r->chunk[r->at] != '\0' && r->chunk[r->at] != '\n') ||
                mark_bad_at(r, "an object or array is never closed", open);
    return WR_OK;
}

/* As the value's text, which is well-formed. */
static wr_status take_nested(long_reader *r, bool *out_good, wr_error *err)
{
    uint64_t     open = place_of(r);
    json_grammar grammar;

    wr_json_grammar_begin(&grammar, (uint32_t)r->split->options->max_depth - 1);
    do {
        const char *fault;
        uint8_t     byte;
        bool        is_null;

        WR_TRY(take_blanks(r, open, out_good, err));
        if (!*out_good)
            return WR_OK;
        byte = r->chunk[r->at];
        fault = wr_json_grammar_take(&grammar, byte);
        *out_good = !fault || mark_bad(r, fault);
        if (fault)
            return WR_OK;
        if (byte == '"' || wr_json_is_mark(byte))
            take_bytes(r, 1);
        if (byte == '"')
            WR_TRY(take_string(r, true, out_good, err));
        else if (!wr_json_is_mark(byte))
            WR_TRY(take_plain(r, &is_null, out_good, err));
    } while (*out_good && grammar.depth > 0);
    return WR_OK;
}

/* The value at hand is complete. */
static wr_status end_value(long_reader *r, uint32_t column, bool is_null, wr_error *err)
{
    json_long_row  *row = &r->split->long_row;
    wr_long_writer *writer = &r->file->long_writer;

    if (!r->wanted)
        return WR_OK;
    row->given[column] = is_null ? JSON_GIVEN_NULL : JSON_GIVEN_VALUE;
    if (r->in_blob || (r->text > WR_STR_INLINE_BYTES &&
                       r->kept + r->text > r->request->chunk_bytes / 2)) {
        WR_TRY(put_aside(r, err));
        WR_TRY(wr_long_writer_end(writer, &row->blobs[column], err));
        row->values[column] = wr_str_of_blob(&row->blobs[column], writer->prefix);
    } else {
        row->values[column] = wr_str_of((char *)r->chunk + r->kept, r->text);
        r->kept += wr_str_is_inline(&row->values[column]) ? 0 : r->text;
    }
    r->text = 0;
    r->in_blob = false;
    return WR_OK;
}

static wr_status take_value(long_reader *r, uint32_t column, bool *out_good, wr_error *err)
{
    bool is_null = false;

    WR_TRY(skip_blanks(r, err));
    r->wanted = column != WR_FIELD_NONE &&
                (!r->split->long_row.given[column] ||
                 r->split->options->duplicate_keys != WR_TWIN_FIRST);
    r->text = 0;
    if (r->chunk[r->at] == '"') {
        advance(r, 1);
        WR_TRY(take_string(r, false, out_good, err));
    } else if (r->chunk[r->at] == '{' || r->chunk[r->at] == '[') {
        WR_TRY(take_nested(r, out_good, err));
    } else {
        WR_TRY(take_plain(r, &is_null, out_good, err));
    }
    if (*out_good)
        return end_value(r, column, is_null, err);
    r->text = 0;
    return WR_OK;
}

/* ---- Members ------------------------------------------------------------------------------------- */

/* The next byte that is no blank is this one, and is passed. */
static wr_status take_byte(long_reader *r, uint8_t byte, const char *fault, bool *out_good,
                           wr_error *err)
{
    WR_TRY(skip_blanks(r, err));
    *out_good = r->chunk[r->at] == byte || mark_bad(r, fault);
    if (*out_good)
        advance(r, 1);
    return WR_OK;
}

/* A key and its colon; *out_column: the one it names. A key that is longer than any is no column's. */
static wr_status take_key(long_reader *r, uint32_t *out_column, bool *out_good, wr_error *err)
{
    json_split *split = r->split;
    uint64_t    open = place_of(r);
    const char *fault;
    uint32_t    field;

    *out_good = r->chunk[r->at] == '"' || mark_bad(r, "expected a key in quotes");
    if (!*out_good)
        return WR_OK;
    advance(r, 1);
    r->wanted = true;
    r->text = 0;
    WR_TRY(take_string(r, false, out_good, err));
    field = r->in_blob ? WR_FIELD_NONE
                       : wr_json_names_find(&split->names, r->chunk + r->kept, r->text);
    r->text = 0;
    r->in_blob = false;
    *out_column = field == WR_FIELD_NONE ? field : split->targets[field];
    if (*out_good)
        WR_TRY(take_byte(r, ':', "expected ':' behind a key", out_good, err));
    fault = *out_good ? wr_json_check_key(split, field) : NULL;
    if (fault)
        *out_good = mark_bad_at(r, fault, open);
    return WR_OK;
}

static wr_status take_member(long_reader *r, bool *out_good, wr_error *err)
{
    uint32_t column = WR_FIELD_NONE;

    WR_TRY(take_key(r, &column, out_good, err));
    return *out_good ? take_value(r, column, out_good, err) : WR_OK;
}

static wr_status take_object(long_reader *r, bool *out_good, wr_error *err)
{
    WR_TRY(take_byte(r, '{', r->chunk[r->at] == '[' ? "an array, where an object was expected"
                                                    : "expected an object", out_good, err));
    if (!*out_good)
        return WR_OK;
    wr_json_begin_keys(r->split);
    WR_TRY(skip_blanks(r, err));
    if (r->chunk[r->at] == '}') {
        advance(r, 1);
        return WR_OK;
    }
    for (;;) {
        WR_TRY(take_member(r, out_good, err));
        if (!*out_good)
            return WR_OK;
        WR_TRY(skip_blanks(r, err));
        if (r->chunk[r->at] == '}') {
            advance(r, 1);
            return WR_OK;
        }
        WR_TRY(take_byte(r, ',', "expected ',' or '}'", out_good, err));
        if (!*out_good)
            return WR_OK;
        WR_TRY(skip_blanks(r, err));
        *out_good = r->chunk[r->at] != '}' || mark_bad(r, "a comma behind the last member");
        if (!*out_good)
            return WR_OK;
    }
}

/* ---- The record ---------------------------------------------------------------------------------- */

static bool is_end_of_line(const long_reader *r)
{
    return r->at == r->end || r->chunk[r->at] == '\n';
}

/* What stands behind the object, up to where the next record begins. */
static wr_status check_behind(long_reader *r, bool *out_good, wr_error *err)
{
    json_file *file = r->file;
    uint8_t    byte;

    if (file->layout == JSON_DOCUMENTS)
        return WR_OK;
    WR_TRY(skip_blanks(r, err));
    byte = r->chunk[r->at];
    if (file->layout == JSON_LINES) {
        *out_good = is_end_of_line(r) || mark_bad(r, "text behind the object");
    } else {
        *out_good = byte == ',' || byte == ']' ||
                    mark_bad(r, r->at == r->end ? "the array is never closed"
                                                : "expected ',' or ']' behind a record of the array");
        file->is_closed = *out_good && byte == ']';
    }
    if (*out_good && r->at < r->end)
        advance(r, 1);
    return WR_OK;
}

/* Nothing of the rest of the record can be read: find its end. */
static wr_status pass_rest(long_reader *r, wr_error *err)
{
    json_file *file = r->file;
    uint32_t   behind = 0;

    r->wanted = false;
    while (behind == 0 && r->at < r->end) {
        json_bounds bounds = {0};

        if (file->layout == JSON_LINES) {
            const uint8_t *newline = memchr(r->chunk + r->at, '\n', r->end - r->at);

            behind = newline ? (uint32_t)(newline - r->chunk) + 1 : 0;
        } else {
            file->scan->find_bounds(file->layout, true, &r->cut, r->chunk, r->at, r->end, &bounds);
            behind = bounds.next;
            file->is_closed = bounds.closed;
        }
        for (uint32_t i = r->at; i < (behind ? behind : r->end); i++)
            file->line += r->chunk[i] == '\n';
        r->at = behind ? behind : r->end;
        if (!behind)
            WR_TRY(look_ahead(r, 1, err));
    }
    return WR_OK;
}

/* Where the record is told to be: at its line, or behind the blanks in front of it. */
static wr_status begin_record(long_reader *r, wr_error *err)
{
    json_split    *split = r->split;
    json_long_row *row = &split->long_row;
    uint32_t       left;

    WR_TRY(look_ahead(r, JSON_LONG_RAW_BYTES, err));
    left = r->end - r->at;
    row->raw_bytes = left < JSON_LONG_RAW_BYTES ? left : JSON_LONG_RAW_BYTES;
    memcpy(row->raw, r->chunk + r->at, row->raw_bytes);
    if (r->file->layout == JSON_LINES)
        return WR_OK;
    split->line = r->file->line;
    split->base.byte_offset += place_of(r);
    r->passed = -(uint64_t)r->at;
    return WR_OK;
}

wr_status wr_json_read_long_record(const wr_read_request *request, json_file *file,
                                   json_split *split, uint32_t used, wr_error *err)
{
    long_reader    reader = {.request = request, .file = file, .split = split,
                             .chunk = split->chunk, .end = used};
    json_long_row *row = &split->long_row;
    bool           good = true;

    row->bad = (json_bad_row){0};
    memset(row->given, 0, request->column_count);
    split->chunk[used] = '\0';
    WR_TRY(skip_blanks(&reader, err));
    WR_TRY(begin_record(&reader, err));
    row->is_set = file->layout != JSON_LINES || !is_end_of_line(&reader);
    if (row->is_set)
        WR_TRY(take_object(&reader, &good, err));
    if (good)
        WR_TRY(check_behind(&reader, &good, err));
    if (!good)
        WR_TRY(pass_rest(&reader, err));
    if ((reader.not_utf8 || reader.utf8.left > 0) && !row->bad.fault)
        row->bad.fault = WR_JSON_NOT_UTF8;
    wr_chunker_keep(&file->chunker, split->chunk + reader.at, reader.end - reader.at);
    file->is_over |= !file->is_closed && reader.at == reader.end && reader.at_end;
    file->any_record = true;
    file->base.next_row += row->is_set;
    return WR_OK;
}
