/* csv_write.c — batches to CSV text, cut anywhere: a row goes on where the last buffer ended.
 *
 * Quoting is minimal: a value is quoted if it holds the delimiter, the quote, a line break, or would
 * read back as the null text (so the empty text is "" and NULL is nothing). Quotes inside are
 * doubled (RFC 4180, section 2). Bytes are spelled "\x00ff". Without a quote, what needs one is an
 * error: nothing is written that would read back as something else. Lists, structs and maps are JSON text.
 * Long values are streamed through the local's piece buffer, twice: once to know whether they need quotes.
 * Cost: about 1 ns a byte for text, 5-20 ns a number. */
#include "csv_write.h"

#include "spi/nested_column.h"
#include "types/parse.h"

enum { PIECE_BYTES = 4096, ROOM_MIN = 128, SPELLED_BYTES = 64 };

typedef enum text_phase { PHASE_START, PHASE_BODY, PHASE_END } text_phase;

typedef struct csv_write_local {
    uint32_t   column; /* of the row being written                    */
    bool       separated; /* the delimiter before `column` is out      */
    bool       quoted;
    text_phase phase;
    uint64_t   offset; /* of the text being written                   */
    char       piece[PIECE_BYTES];
    size_t     piece_bytes; /* of a nested value's text that are in it  */
    bool       piece_last;
    wr_nested_writer *nested; /* NULL: no nested columns                */
} csv_write_local;

static const char *const QUOTE_STYLES[] = {"minimal", "all", NULL};
static const char *const LINE_ENDINGS[] = {"lf", "crlf", NULL};

const wr_option_def WR_CSV_WRITE_OPTIONS[] = {
    {"delimiter", WR_OPTION_CHAR, 0, offsetof(csv_write_options, delimiter), ",", 0, 0, NULL,
     "between fields"},
    {"quote", WR_OPTION_CHAR, 0, offsetof(csv_write_options, quote), "\"", 0, 0, NULL,
     "around fields that need it; doubled inside"},
    {"header", WR_OPTION_BOOL, 0, offsetof(csv_write_options, header), "true", 0, 0, NULL,
     "write the column names first"},
    {"null", WR_OPTION_TEXT, 0, offsetof(csv_write_options, null_text), "", 0, 0, NULL,
     "what stands for NULL"},
    {"quote_style", WR_OPTION_ENUM, 0, offsetof(csv_write_options, quote_style), "minimal", 0, 0,
     QUOTE_STYLES, "quote what needs it, or all values"},
    {"line_ending", WR_OPTION_ENUM, 0, offsetof(csv_write_options, line_ending), "lf", 0, 0,
     LINE_ENDINGS, "lf or crlf"},
    {NULL, WR_OPTION_BOOL, 0, 0, NULL, 0, 0, NULL, NULL},
};

static size_t room(const wr_bytes *out)
{
    return out->capacity - out->used;
}

static void put_byte(wr_bytes *out, char byte)
{
    out->data[out->used++] = (uint8_t)byte;
}

static void put(wr_bytes *out, const char *bytes, size_t byte_count)
{
    memcpy(out->data + out->used, bytes, byte_count);
    out->used += byte_count;
}

static bool has_marks(const csv_write_options *options, const char *bytes, size_t byte_count)
{
    for (size_t i = 0; i < byte_count; i++)
        if (bytes[i] == (char)options->delimiter || bytes[i] == (char)options->quote ||
            bytes[i] == '\n' || bytes[i] == '\r')
            return true;
    return false;
}

/* Would these bytes not read back as they are? A byte order mark is none behind a quote. */
static bool is_special(const csv_write_options *options, const char *bytes, size_t byte_count)
{
    return wr_text_equal((wr_text){bytes, byte_count}, options->null_text) ||
           has_marks(options, bytes, byte_count) ||
           (byte_count >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0);
}

/* Without a quote there is no way to write it. */
static wr_status settle_quotes(const csv_write_options *options, bool special, wr_text text,
                               bool *out_quoted, wr_error *err)
{
    *out_quoted = options->quote >= 0 && (special || options->quote_style == 1);
    if (!special || options->quote >= 0)
        return WR_OK;
    if (wr_text_equal(text, options->null_text))
        return WR_RAISE(err, WR_DATA, "the value '%.*s' would read back as NULL without quotes: set "
                        "null: to another text, or a quote", WR_TEXT_ARG(text));
    return WR_RAISE(err, WR_DATA, "the value '%.*s%s' holds a delimiter or a line break and cannot "
                    "be written without quotes: set quote: or another delimiter:",
                    text.byte_count > 40 ? 40 : (int)text.byte_count, text.bytes,
                    text.byte_count > 40 ? "..." : "");
}

/* The same for a long value, read once to know: the text must not depend on where a value lies. */
static wr_status examine_blob(const csv_write_options *options, csv_write_local *local,
                              const wr_blob *blob, bool *out_special, wr_error *err)
{
    uint64_t offset = 0;

    *out_special = false;
    while (!*out_special && offset < blob->byte_count) {
        size_t got;

        WR_TRY(blob->read(blob, offset, local->piece, PIECE_BYTES, &got, err));
        if (got == 0)
            return WR_RAISE(err, WR_CORRUPT, "a long value ends early");
        *out_special = has_marks(options, local->piece, got) ||
                       (offset == 0 && got >= 3 && memcmp(local->piece, "\xef\xbb\xbf", 3) == 0) ||
                       (got == blob->byte_count && is_special(options, local->piece, got));
        offset += got;
    }
    return WR_OK;
}

/* As much of bytes[] as fits, quotes doubled; returns how many were taken. */
static size_t put_body(const csv_write_options *options, bool quoted, const char *bytes,
                       size_t byte_count, wr_bytes *out)
{
    size_t taken = 0;

    while (taken < byte_count) {
        const char *from = bytes + taken;
        const char *quote =
            quoted ? memchr(from, options->quote, byte_count - taken) : NULL;
        size_t plain = quote ? (size_t)(quote - from) : byte_count - taken;

        if (plain > room(out))
            plain = room(out);
        put(out, from, plain);
        taken += plain;
        if (from + plain != quote)
            break;
        if (room(out) < 2)
            break;
        put_byte(out, (char)options->quote);
        put_byte(out, (char)options->quote);
        taken++;
    }
    return taken;
}

static wr_status put_blob(const csv_write_options *options, csv_write_local *local,
                          const wr_blob *blob, wr_bytes *out, wr_error *err)
{
    while (local->offset < blob->byte_count && room(out) >= 2) {
        size_t got, taken;

        WR_TRY(blob->read(blob, local->offset, local->piece, PIECE_BYTES, &got, err));
        if (got == 0)
            return WR_RAISE(err, WR_CORRUPT, "a long value ends early");
        taken = put_body(options, local->quoted, local->piece, got, out);
        local->offset += taken;
        if (taken < got)
            break;
    }
    return WR_OK;
}

static wr_status start_text(const csv_write_options *options, csv_write_local *local,
                            const wr_str *str, wr_error *err)
{
    bool    special = false;
    wr_text text = wr_str_is_blob(str) ? WR_TEXT("(a long text)") : wr_str_text(str);

    if (!wr_str_is_blob(str))
        special = is_special(options, text.bytes, text.byte_count);
    else if (options->quote_style == 0 || options->quote < 0)
        WR_TRY(examine_blob(options, local, wr_str_blob(str), &special, err));
    return settle_quotes(options, special, text, &local->quoted, err);
}

/* The quote behind a text. */
static void put_end(const csv_write_options *options, csv_write_local *local, wr_bytes *out,
                    bool *out_done)
{
    if (local->quoted && room(out) == 0)
        return;
    if (local->quoted)
        put_byte(out, (char)options->quote);
    local->phase = PHASE_START;
    *out_done = true;
}

/* ---- Bytes ------------------------------------------------------------------------------------------- */

/* A value of the type Binary is spelled "\x00ff"; local->offset counts the bytes of that spelling. */

static uint64_t spelled_bytes(const wr_str *str)
{
    return 2 + 2 * (wr_str_is_blob(str) ? wr_str_blob(str)->byte_count : (uint64_t)str->byte_count);
}

static wr_status start_binary(const csv_write_options *options, csv_write_local *local,
                              wr_error *err)
{
    static const char SPELLING[] = "\\x0123456789abcdef";
    bool special = has_marks(options, SPELLING, sizeof SPELLING - 1) ||
                   wr_text_starts_with(options->null_text, WR_TEXT("\\x"));

    return settle_quotes(options, special, WR_TEXT("\\x..."), &local->quoted, err);
}

static wr_status put_spelled(const csv_write_options *options, csv_write_local *local,
                             const wr_str *str, wr_bytes *out, wr_error *err)
{
    static const char HEX[] = "0123456789abcdef";
    uint64_t          total = spelled_bytes(str);
    char              spelled[2 * SPELLED_BYTES] = "\\x";

    while (local->offset < total && room(out) >= 2) {
        uint64_t skipped = local->offset & 1, first = local->offset < 2 ? 0 : local->offset / 2 - 1;
        size_t   count = 1, taken;

        if (local->offset >= 2) {
            const char *bytes = local->piece;

            count = SPELLED_BYTES;
            if (wr_str_is_blob(str))
                WR_TRY(wr_str_blob(str)->read(wr_str_blob(str), first, local->piece, SPELLED_BYTES,
                                              &count, err));
            else
                bytes = wr_str_bytes(str) + first;
            if (count > total / 2 - 1 - first)
                count = (size_t)(total / 2 - 1 - first);
            if (count == 0)
                return WR_RAISE(err, WR_CORRUPT, "a long value ends early");
            for (size_t i = 0; i < count; i++) {
                spelled[2 * i] = HEX[(uint8_t)bytes[i] >> 4];
                spelled[2 * i + 1] = HEX[(uint8_t)bytes[i] & 15];
            }
        }
        taken = put_body(options, local->quoted, spelled + skipped, 2 * count - skipped, out);
        local->offset += taken;
        if (taken < 2 * count - skipped)
            break;
    }
    return WR_OK;
}

/* ---- Lists, structs, maps -------------------------------------------------------------------------- */

/* A nested value is its JSON text, which goes through the piece; local->offset counts in the piece. */

static wr_status fill_piece(csv_write_local *local, wr_error *err)
{
    local->offset = 0;
    return wr_nested_text_write(&local->nested->text, local->piece, PIECE_BYTES,
                                &local->piece_bytes, &local->piece_last, err);
}

static void begin_nested(csv_write_local *local, wr_type type, const wr_str *value)
{
    wr_nested_text_begin(&local->nested->text, type, value, &local->nested->window);
}

/* Like a blob, a text longer than the piece is looked at before it is written. */
static wr_status start_nested(const csv_write_options *options, csv_write_local *local, wr_type type,
                              const wr_str *value, wr_error *err)
{
    bool    special, is_one_piece;
    wr_text text = WR_TEXT("(a long text)");

    begin_nested(local, type, value);
    WR_TRY(fill_piece(local, err));
    is_one_piece = local->piece_last;
    special = is_one_piece ? is_special(options, local->piece, local->piece_bytes)
                           : has_marks(options, local->piece, local->piece_bytes);
    if (is_one_piece)
        text = (wr_text){local->piece, local->piece_bytes};
    while (!special && !local->piece_last) {
        WR_TRY(fill_piece(local, err));
        special = has_marks(options, local->piece, local->piece_bytes);
    }
    WR_TRY(settle_quotes(options, special, text, &local->quoted, err));
    if (is_one_piece)
        return WR_OK;
    begin_nested(local, type, value);
    return fill_piece(local, err);
}

static wr_status put_nested(const csv_write_options *options, csv_write_local *local,
                            wr_type type, const wr_str *value, wr_bytes *out, bool *out_done,
                            wr_error *err)
{
    *out_done = false;
    if (local->phase == PHASE_START) {
        WR_TRY(start_nested(options, local, type, value, err));
        if (local->quoted)
            put_byte(out, (char)options->quote);
        local->phase = PHASE_BODY;
    }
    while (local->phase == PHASE_BODY) {
        local->offset += put_body(options, local->quoted, local->piece + local->offset,
                                  local->piece_bytes - local->offset, out);
        if (local->offset < local->piece_bytes)
            return WR_OK;
        if (local->piece_last)
            local->phase = PHASE_END;
        else
            WR_TRY(fill_piece(local, err));
    }
    put_end(options, local, out, out_done);
    return WR_OK;
}

/* ---- Values ------------------------------------------------------------------------------------------ */

/* *out_done false: the buffer is full, call again. */
static wr_status put_text(const csv_write_options *options, csv_write_local *local, wr_type type,
                          const wr_str *str, wr_bytes *out, bool *out_done, wr_error *err)
{
    bool     is_binary = type.logical == WR_TYPE_BINARY;
    uint64_t byte_count = is_binary             ? spelled_bytes(str)
                          : wr_str_is_blob(str) ? wr_str_blob(str)->byte_count
                                                : str->byte_count;

    *out_done = false;
    if (local->phase == PHASE_START) {
        if (is_binary)
            WR_TRY(start_binary(options, local, err));
        else
            WR_TRY(start_text(options, local, str, err));
        if (local->quoted)
            put_byte(out, (char)options->quote);
        local->offset = 0;
        local->phase = PHASE_BODY;
    }
    if (local->phase == PHASE_BODY) {
        if (is_binary)
            WR_TRY(put_spelled(options, local, str, out, err));
        else if (wr_str_is_blob(str))
            WR_TRY(put_blob(options, local, wr_str_blob(str), out, err));
        else
            local->offset += put_body(options, local->quoted, wr_str_bytes(str) + local->offset,
                                      str->byte_count - local->offset, out);
        if (local->offset < byte_count)
            return WR_OK;
        local->phase = PHASE_END;
    }
    put_end(options, local, out, out_done);
    return WR_OK;
}

static wr_status put_fixed(const csv_write_options *options, const wr_vector *column, uint32_t row,
                           wr_bytes *out, wr_error *err)
{
    char    text[WR_FORMAT_BYTES_MAX];
    size_t  byte_count;
    int64_t sequence;
    bool    quoted;

    if (column->encoding == WR_SEQ) {
        sequence = column->seq_first + column->seq_step * (int64_t)row;
        byte_count = wr_format_any(column->type, &sequence, text);
    } else {
        byte_count = wr_format_any(column->type, wr_vector_at(column, row), text);
    }
    WR_TRY(settle_quotes(options, is_special(options, text, byte_count), (wr_text){text, byte_count},
                         &quoted, err));
    if (quoted)
        put_byte(out, (char)options->quote);
    put(out, text, byte_count);
    if (quoted)
        put_byte(out, (char)options->quote);
    return WR_OK;
}

static wr_status put_value(const csv_write_options *options, csv_write_local *local,
                           const wr_vector *column, uint32_t row, wr_bytes *out, bool *out_done,
                           wr_error *err)
{
    *out_done = true;
    if (!wr_vector_is_valid(column, row)) {
        put(out, options->null_text.bytes, options->null_text.byte_count);
        return WR_OK;
    }
    if (wr_type_is_nested(column->type))
        return put_nested(options, local, column->type, wr_vector_at(column, row), out, out_done,
                          err);
    if (wr_type_is_text(column->type))
        return put_text(options, local, column->type, wr_vector_at(column, row), out, out_done,
                        err);
    return put_fixed(options, column, row, out, err);
}

/* ---- Options ---------------------------------------------------------------------------------------- */

static bool is_mark(int32_t byte)
{
    return byte > 0 && byte != '\n' && byte != '\r';
}

static wr_status check(const void *options_p, wr_error *err)
{
    const csv_write_options *options = options_p;
    wr_text                  null_text = options->null_text;

    if (!is_mark(options->delimiter))
        return WR_RAISE(err, WR_INVALID, "the delimiter of an output is one byte, not a line break");
    if (options->quote >= 0 && (!is_mark(options->quote) || options->quote == options->delimiter))
        return WR_RAISE(err, WR_INVALID, "the quote of an output is none, or one byte that is "
                        "neither the delimiter nor a line break");
    if (null_text.byte_count > ROOM_MIN / 2)
        return WR_RAISE(err, WR_INVALID, "the text for NULL is longer than %d bytes", ROOM_MIN / 2);
    if (has_marks(options, null_text.bytes, null_text.byte_count))
        return WR_RAISE(err, WR_INVALID, "the text for NULL is never in quotes: it cannot hold a "
                        "delimiter, a quote or a line break");
    return WR_OK;
}

/* ---- The format's writer ---------------------------------------------------------------------------- */

static uint64_t local_lease_min(const wr_write_request *request)
{
    return wr_nested_writer_bytes(request->schema);
}

static wr_status local_init(const wr_write_request *request, void *local, wr_bump *bump,
                            wr_error *err)
{
    return wr_nested_writer_new(request->schema, bump, &((csv_write_local *)local)->nested, err);
}

static wr_status begin(const wr_write_request *request, wr_bytes *out, wr_error *err)
{
    const csv_write_options *options = request->options;
    csv_write_local          local = {0};

    if (!options->header)
        return WR_OK;
    for (uint32_t c = 0; c < request->schema->field_count; c++) {
        wr_text name = request->schema->fields[c].name;
        wr_str  str = wr_str_of(name.bytes, name.byte_count);
        bool    done = false;

        if (room(out) > 4)
            put(out, (const char[]){(char)options->delimiter}, c > 0);
        if (room(out) > 4)
            WR_TRY(put_text(options, &local, WR_TYPE(UTF8), &str, out, &done, err));
        if (!done || room(out) < 4)
            return WR_RAISE(err, WR_UNSUPPORTED, "the header line does not fit the output buffer");
    }
    put(out, options->line_ending == 0 ? "\n" : "\r\n", options->line_ending == 0 ? 1 : 2);
    return WR_OK;
}

static wr_status end(const wr_write_request *request, wr_bytes *out, wr_error *err)
{
    (void)request, (void)out, (void)err;
    return WR_OK;
}

static wr_status encode(const wr_write_request *request, void *local_p, const wr_batch *batch,
                        uint32_t *io_next, wr_bytes *out, wr_error *err)
{
    const csv_write_options *options = request->options;
    csv_write_local         *local = local_p;
    uint32_t                 columns = request->schema->field_count;

    while (*io_next < wr_batch_rows(batch)) {
        uint32_t row = wr_selection_row(&batch->selection, *io_next);

        for (; local->column < columns; local->column++) {
            bool done;

            if (room(out) < ROOM_MIN)
                return WR_OK;
            if (!local->separated && local->column > 0)
                put_byte(out, (char)options->delimiter);
            local->separated = true;
            WR_TRY(put_value(options, local, &batch->columns[local->column], row, out, &done, err));
            if (!done)
                return WR_OK;
            local->separated = false;
        }
        if (room(out) < 2)
            return WR_OK;
        put(out, options->line_ending == 0 ? "\n" : "\r\n", options->line_ending == 0 ? 1 : 2);
        local->column = 0;
        ++*io_next;
    }
    return WR_OK;
}

const wr_format_writer_ops WR_CSV_WRITER = {
    .local_bytes = sizeof(csv_write_local),
    .check = check,
    .local_lease_min = local_lease_min,
    .local_init = local_init,
    .begin = begin,
    .end = end,
    .encode = encode,
};
