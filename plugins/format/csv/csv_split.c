/* csv_split.c — the parallel half: rows of a chunk to batches of typed columns.
 *
 * Per batch: find rows; per column of a fixed-size type, take its tokens and convert them; per text
 * column, take its tokens; tell about bad rows while the chunk is as it was read; only then
 * rewrite escaped text in place and make views. So text is never copied, and rejects are verbatim.
 *
 * Invariants
 *  1. The chunk ends with a newline outside quotes, so every row has its end.
 *  2. Bad rows stay in the batch as rows and are left out by its selection: source positions count
 *     them.
 *  3. All memory is one block whose layout depends on schema, request and constants only.
 * The tokens of a text column lie in the upper half of its views' memory: view r is written over
 * tokens up to r only, after token r was read. */
#include <string.h>

#include "csv_priv.h"
#include "kernel/text_utf8.h"
#include "types/parse.h"

enum {
    SEPARATORS_WANTED = 32 * 1024,
    SEPARATORS_MIN = 1024,
    VALUE_BYTES_MAX = 1024, /* of a value of a fixed-size type in a long record */
};

/* ---- Memory ------------------------------------------------------------------------------------- */

static uint32_t separator_max(const wr_read_request *request)
{
    uint64_t per_batch = (uint64_t)request->batch_rows * request->schema->field_count;
    uint64_t wanted = per_batch < SEPARATORS_WANTED ? per_batch : SEPARATORS_WANTED;

    if (wanted < (uint64_t)request->schema->field_count + 2)
        wanted = (uint64_t)request->schema->field_count + 2;
    return wanted < SEPARATORS_MIN ? SEPARATORS_MIN : (uint32_t)wanted;
}

static void lay_out_column(csv_column *column, const wr_field *field, uint32_t rows,
                           wr_carver *carver)
{
    wr_type  type = field->type;
    uint64_t bit_bytes = wr_bit_words(rows) * sizeof(uint64_t);
    uint64_t width = wr_physical_bytes(wr_type_physical(type));
    void    *data = wr_carve(carver, width * rows);
    void    *valid = wr_carve(carver, bit_bytes);
    void    *rewrite = wr_type_is_bytes(type) ? wr_carve(carver, bit_bytes) : NULL;

    if (column)
        *column = (csv_column){.type = type, .is_text = wr_type_is_text(type),
                               .keeps_zeros = field->inferred && wr_type_is_numeric(type),
                               .required = !field->nullable, .data = data, .valid = valid,
                               .rewrite = rewrite};
}

/* Carve everything; `split` is NULL when only the bytes are counted. */
static void lay_out(const wr_read_request *request, csv_split *split, wr_carver *carver)
{
    csv_split counted;
    uint32_t  rows = request->batch_rows, column_count = request->column_count;
    uint64_t  bit_bytes = wr_bit_words(rows) * sizeof(uint64_t);
    csv_split *s = split ? split : &counted;

    s->chunk = wr_carve(carver, (uint64_t)request->chunk_bytes + 2 * WR_TEXT_PAD);
    s->index.separator_max = separator_max(request);
    s->index.row_max = rows;
    s->index.separators =
        wr_carve(carver, (s->index.separator_max + CSV_INDEX_SLACK) * sizeof(uint32_t));
    s->index.row_ends = wr_carve(carver, (rows + CSV_INDEX_SLACK) * sizeof(uint32_t));
    s->ends = s->index.row_ends;
    s->firsts = wr_carve(carver, rows * sizeof(uint32_t));
    s->tokens = wr_carve(carver, rows * sizeof(wr_text_token));
    s->bad = wr_carve(carver, rows * sizeof(csv_bad_row));
    s->bad_rows = wr_carve(carver, bit_bytes);
    s->column_bad = wr_carve(carver, bit_bytes);
    s->selected = wr_carve(carver, rows * sizeof(uint16_t));
    s->long_row.values = wr_carve(carver, column_count * sizeof(wr_str));
    s->long_row.quoted = wr_carve(carver, column_count * sizeof(bool));
    s->long_row.blobs = wr_carve(carver, column_count * sizeof(wr_blob));
    s->long_row.raw = wr_carve(carver, CSV_LONG_RAW_BYTES);
    wr_nested_columns_layout(&s->nested, request->schema, request->scratch, request->chunk_bytes,
                             carver);
    s->vectors = wr_carve(carver, column_count * sizeof(wr_vector));
    s->columns = wr_carve(carver, column_count * sizeof(csv_column));
    for (uint32_t c = 0; c < column_count; c++)
        lay_out_column(s->columns ? &s->columns[c] : NULL,
                       &request->schema->fields[request->columns[c]], rows, carver);
}

uint64_t wr_csv_split_lease_min(const wr_read_request *request)
{
    wr_carver carver = {0};

    lay_out(request, NULL, &carver);
    return carver.used;
}

wr_status wr_csv_split_init(const wr_read_request *request, wr_split *split, wr_bump *bump,
                            wr_error *err)
{
    csv_split *csv = (csv_split *)split;
    wr_carver  carver;

    memset(&csv->base + 1, 0, sizeof *csv - sizeof csv->base);
    WR_TRY(wr_carver_init(&carver, bump, wr_csv_split_lease_min(request), err));
    lay_out(request, csv, &carver);
    wr_csv_dialect_init(&csv->dialect, request->options);
    csv->scan = WR_TEXT_PICK(wr_csv_scan);
    return WR_OK;
}

/* ---- Tokens ------------------------------------------------------------------------------------- */

/* No quotes, nothing to trim, only the empty text may be NULL, every row has its fields. */
static void take_plain_tokens(const csv_split *split, const csv_column *column,
                              wr_text_token *tokens)
{
    const uint32_t *separators = split->index.separators + column->field;
    const uint32_t *firsts = split->firsts;
    bool            cut_cr = split->dialect.marks.newline == '\n' &&
                  column->field + 1 == split->field_count;
    uint32_t empty = !column->is_text || split->dialect.empty_is_null ? WR_TEXT_TOKEN_NULL : 0;

    for (uint32_t row = 0; row < split->row_count; row++) {
        const uint32_t *at = separators + firsts[row];
        uint32_t        start = at[0] + 1, byte_count = at[1] - start;

        if (cut_cr && byte_count > 0 && split->chunk[start + byte_count - 1] == '\r')
            byte_count--;
        tokens[row] = (wr_text_token){start, byte_count ? byte_count : empty};
    }
}

/* A token of a row that is neither bad nor short of this field. */
static wr_text_token take_token(csv_split *split, csv_column *column, uint32_t column_index,
                                uint32_t row, uint64_t max_field)
{
    const csv_dialect *dialect = &split->dialect;
    const uint32_t    *at = split->index.separators + split->firsts[row] + column->field;
    uint32_t           start = at[0] + 1, end = at[1];
    bool               is_last = split->firsts[row] + column->field + 1 == split->ends[row];
    csv_field          field;
    wr_text            text;

    if (is_last && dialect->marks.newline == '\n' && end > start && split->chunk[end - 1] == '\r')
        end--;
    field = wr_csv_field_of(dialect, split->chunk, start, end, !column->is_text);
    if (field.broken)
        wr_csv_mark_bad(split, row, CSV_BROKEN_QUOTES, column_index);
    else if (field.end - field.start > max_field)
        wr_csv_mark_bad(split, row, CSV_FIELD_TOO_LONG, column_index);
    text = (wr_text){(const char *)split->chunk + field.start, field.end - field.start};
    if ((text.byte_count == 0 && !column->is_text) || (!field.quoted && wr_csv_is_null(dialect, text)))
        return (wr_text_token){field.start, WR_TEXT_TOKEN_NULL};
    if (wr_type_is_bytes(column->type) && field.escaped) {
        wr_bit_set(column->rewrite, row);
        column->any_rewrite = true;
    }
    return (wr_text_token){field.start, field.end - field.start};
}

static void take_tokens(csv_split *split, csv_column *column, uint32_t column_index,
                        wr_text_token *tokens)
{
    uint64_t max_field = split->dialect.options->max_field;

    for (uint32_t row = 0; row < split->row_count; row++) {
        if (wr_bit_get(split->bad_rows, row) ||
            split->firsts[row] + column->field + 1 > split->ends[row])
            tokens[row] = (wr_text_token){0, WR_TEXT_TOKEN_NULL};
        else
            tokens[row] = take_token(split, column, column_index, row, max_field);
    }
}

static bool is_usual(const csv_split *split, uint32_t chunk_bytes)
{
    const csv_dialect *dialect = &split->dialect;
    uint64_t           only_empty = dialect->empty_is_null ? 1 : 0;

    return split->is_plain && split->bad_count == 0 && !split->any_uneven && !dialect->trim &&
           dialect->null_lengths == only_empty && dialect->options->max_field >= chunk_bytes;
}

/* ---- Columns of fixed-size types ------------------------------------------------------------------ */

/* Blanks around a value are no part of it; false: it does not read without them either. */
static bool read_trimmed(const csv_split *split, const csv_column *column, wr_text_token token,
                         uint32_t row, bool *out_valid)
{
    wr_text  text = wr_text_trim((wr_text){(const char *)split->chunk + token.start,
                                           token.byte_count});
    uint32_t width = wr_physical_bytes(wr_type_physical(column->type));

    *out_valid = text.byte_count > 0;
    return text.byte_count == 0 ||
           (text.byte_count < token.byte_count &&
            wr_text_value_parse(&split->dialect.rules, column->type, text,
                                (uint8_t *)column->data + (size_t)width * row));
}

static uint32_t read_bad_again(csv_split *split, csv_column *column, uint32_t column_index)
{
    uint32_t read_count = 0;

    for (uint32_t word = 0; word < wr_bit_words(split->row_count); word++) {
        for (uint64_t bits = split->column_bad[word]; bits; bits &= bits - 1) {
            uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(bits);
            bool     valid;

            if (!read_trimmed(split, column, split->tokens[row], row, &valid)) {
                wr_csv_mark_bad(split, row, CSV_WRONG_TYPE, column_index);
            } else if (valid) {
                wr_bit_set(column->valid, row);
                read_count++;
            }
        }
    }
    return read_count;
}

static void set_vector(csv_split *split, uint32_t column_index, uint32_t null_count, uint8_t flags)
{
    csv_column *column = &split->columns[column_index];

    split->vectors[column_index] = (wr_vector){
        .type = column->type,
        .encoding = WR_FLAT,
        .flags = flags,
        .row_count = split->row_count,
        .data = column->data,
        .valid = null_count ? column->valid : NULL,
    };
}

/* "007" and "-01", but neither "0" nor "0.5". */
static bool has_leading_zero(wr_text text)
{
    size_t at = text.byte_count > 0 && text.bytes[0] == '-';

    return text.byte_count >= at + 2 && text.bytes[at] == '0' && text.bytes[at + 1] >= '0' &&
           text.bytes[at + 1] <= '9';
}

/* The sample had no such digits, or the column would be text. */
static void check_zeros(csv_split *split, uint32_t column_index)
{
    for (uint32_t row = 0; row < split->row_count; row++) {
        wr_text_token token = split->tokens[row];
        wr_text       text = {(const char *)split->chunk + token.start, token.byte_count};

        if (WR_LIKELY(*text.bytes > '0') || token.byte_count == WR_TEXT_TOKEN_NULL)
            continue; /* the usual case first */
        if (has_leading_zero(wr_text_trim(text)))
            wr_csv_mark_bad(split, row, CSV_LEADING_ZERO, column_index);
    }
}

static void read_fixed_column(csv_split *split, uint32_t column_index, bool usual)
{
    csv_column *column = &split->columns[column_index];
    uint32_t    null_count;

    if (usual)
        take_plain_tokens(split, column, split->tokens);
    else
        take_tokens(split, column, column_index, split->tokens);
    if (wr_text_column_parse(&split->dialect.rules, column->type, split->chunk, split->tokens,
                             split->row_count, column->data, column->valid, split->column_bad,
                             &null_count) > 0)
        null_count -= read_bad_again(split, column, column_index);
    if (column->keeps_zeros)
        check_zeros(split, column_index);
    set_vector(split, column_index, null_count, 0);
}

/* A column that this file does not have. */
static void set_missing_column(csv_split *split, uint32_t column_index)
{
    csv_column *column = &split->columns[column_index];
    uint32_t    width = wr_physical_bytes(wr_type_physical(column->type));

    memset(column->data, 0, (size_t)width * split->row_count);
    memset(column->valid, 0, wr_bit_words(split->row_count) * sizeof(uint64_t));
    set_vector(split, column_index, split->row_count, 0);
}

/* ---- Text columns --------------------------------------------------------------------------------- */

/* Bytes spelled "\x0aff" are rewritten too; what begins so and is not hexadecimal is bad. */
static void check_binary(csv_split *split, csv_column *column, uint32_t column_index,
                         const wr_text_token *tokens)
{
    for (uint32_t row = 0; row < split->row_count; row++) {
        const uint8_t *bytes = split->chunk + tokens[row].start;

        if (tokens[row].byte_count == WR_TEXT_TOKEN_NULL || tokens[row].byte_count < 2 ||
            bytes[0] != '\\' || bytes[1] != 'x')
            continue;
        for (uint32_t i = 2; i < tokens[row].byte_count; i++) {
            uint8_t lower = bytes[i] | 0x20;

            if (tokens[row].byte_count % 2 || !((bytes[i] >= '0' && bytes[i] <= '9') ||
                                                (lower >= 'a' && lower <= 'f'))) {
                wr_csv_mark_bad(split, row, CSV_WRONG_TYPE, column_index);
                break;
            }
        }
        wr_bit_set(column->rewrite, row);
        column->any_rewrite = true;
    }
}

static void take_text_column(csv_split *split, uint32_t column_index, bool usual)
{
    csv_column    *column = &split->columns[column_index];
    wr_text_token *tokens = wr_csv_tokens_of(split, column);

    if (column->any_rewrite)
        memset(column->rewrite, 0, wr_bit_words(split->index.row_max) * sizeof(uint64_t));
    column->any_rewrite = false;
    if (usual)
        take_plain_tokens(split, column, tokens);
    else
        take_tokens(split, column, column_index, tokens);
    if (column->type.logical == WR_TYPE_BINARY)
        check_binary(split, column, column_index, tokens);
}

static uint32_t rewrite_text(csv_split *split, const csv_column *column, uint32_t row,
                             wr_text_token token)
{
    uint8_t  *bytes = split->chunk + token.start;
    csv_field field = {.start = token.start, .end = token.start + token.byte_count};
    size_t    byte_count;

    if (column->type.logical == WR_TYPE_BINARY && token.byte_count >= 2 && bytes[0] == '\\' &&
        bytes[1] == 'x') {
        if (!wr_parse_binary_hex((wr_text){(const char *)bytes, token.byte_count}, bytes,
                                 &byte_count))
            return 0;
        memset(bytes + byte_count, ' ', token.byte_count - byte_count);
        return (uint32_t)byte_count;
    }
    field.quoted = token.start > wr_csv_row_start(split, row) &&
                   bytes[-1] == split->dialect.marks.quote;
    return wr_csv_unescape(&split->dialect, split->chunk, &field);
}

static void finish_text_column(csv_split *split, uint32_t column_index)
{
    csv_column    *column = &split->columns[column_index];
    wr_text_token *tokens = wr_csv_tokens_of(split, column);

    for (uint32_t row = 0; column->any_rewrite && row < split->row_count; row++) {
        if (wr_bit_get(column->rewrite, row) && !wr_bit_get(split->bad_rows, row))
            tokens[row].byte_count = rewrite_text(split, column, row, tokens[row]);
    }
    set_vector(split, column_index,
               wr_text_column_view(split->chunk, tokens, split->row_count, column->data,
                                   column->valid),
               0);
}

/* ---- Batches -------------------------------------------------------------------------------------- */

static void fill_batch(const wr_read_request *request, csv_split *split, wr_batch *out)
{
    *out = (wr_batch){
        .row_count = split->row_count,
        .column_count = request->column_count,
        .columns = split->vectors,
    };
    wr_batch_select_all(out);
    if (split->bad_count > 0) {
        out->selection = (wr_selection){split->selected, 0};
        for (uint32_t row = 0; row < split->row_count; row++) {
            if (!wr_bit_get(split->bad_rows, row))
                split->selected[out->selection.row_count++] = (uint16_t)row;
        }
    }
}

/* A column that must not be NULL: rows where it is are bad. */
static void check_required(csv_split *split, uint32_t column_index)
{
    csv_column          *column = &split->columns[column_index];
    const wr_text_token *tokens = column->is_text ? wr_csv_tokens_of(split, column) : split->tokens;
    bool                 missing = column->field == WR_FIELD_NONE;
    bool                 is_nested = wr_type_is_nested(column->type);

    for (uint32_t row = 0; row < split->row_count; row++) {
        bool is_null = missing ||
                       (!is_nested && tokens[row].byte_count == WR_TEXT_TOKEN_NULL) ||
                       (!column->is_text && !wr_bit_get(column->valid, row));

        if (is_null)
            wr_csv_mark_bad(split, row, CSV_IS_NULL, column_index);
    }
}

/* First of all columns: they may end the batch early. */
static wr_status read_nested_columns(const wr_read_request *request, csv_split *split,
                                     bool *out_long, wr_error *err)
{
    bool usual = is_usual(split, request->chunk_bytes);

    for (uint32_t c = 0; c < request->column_count; c++)
        if (wr_type_is_nested(split->columns[c].type) && split->columns[c].field != WR_FIELD_NONE)
            take_text_column(split, c, usual);
    return wr_csv_read_nested(request, split, out_long, err);
}

static wr_status read_rows(const wr_read_request *request, csv_split *split, wr_error *err)
{
    bool usual, is_long = false;

    wr_csv_find_rows(split, request->batch_rows);
    if (split->nested.room.reader)
        WR_TRY(read_nested_columns(request, split, &is_long, err));
    usual = is_usual(split, request->chunk_bytes);
    for (uint32_t c = 0; c < request->column_count; c++) {
        if (split->columns[c].field == WR_FIELD_NONE)
            set_missing_column(split, c);
        else if (wr_type_is_nested(split->columns[c].type))
            set_vector(split, c, split->row_count, is_long ? WR_VECTOR_BLOBS : 0);
        else if (split->columns[c].is_text)
            take_text_column(split, c, usual);
        else
            read_fixed_column(split, c, usual);
        if (split->columns[c].required)
            check_required(split, c);
    }
    if (split->bad_count > 0)
        WR_TRY(wr_csv_report_bad_rows(request, split, err));
    for (uint32_t c = 0; c < request->column_count; c++) {
        if (split->columns[c].is_text && split->columns[c].field != WR_FIELD_NONE)
            finish_text_column(split, c);
    }
    return WR_OK;
}

/* "\x0aff" to bytes, in its place. A blob cannot be rewritten: false, as for what is no hexadecimal. */
static bool decode_binary(wr_str *io_value)
{
    char    inlined[WR_STR_INLINE_BYTES];
    wr_text text;
    char   *bytes;
    size_t  byte_count;

    if (wr_str_is_blob(io_value))
        return memcmp(io_value->prefix, "\\x", 2) != 0;
    text = wr_str_text(io_value);
    bytes = wr_str_is_inline(io_value) ? inlined : (char *)(uintptr_t)text.bytes;
    if (!wr_text_starts_with(text, WR_TEXT("\\x")))
        return true;
    if (!wr_parse_binary_hex(text, (uint8_t *)bytes, &byte_count))
        return false;
    *io_value = wr_str_of(bytes, byte_count);
    return true;
}

/* The text of a value, out of scratch space if need be; longer ones do not read as any type. */
static wr_status long_row_text(const wr_str *value, char buffer[VALUE_BYTES_MAX], wr_text *out_text,
                               wr_error *err)
{
    const wr_blob *blob = wr_str_is_blob(value) ? wr_str_blob(value) : NULL;
    size_t         got = 0, used = 0;

    if (!blob) {
        *out_text = wr_str_text(value);
        return WR_OK;
    }
    do {
        WR_TRY(blob->read(blob, used, buffer + used, VALUE_BYTES_MAX - used, &got, err));
        used += got;
    } while (got > 0 && used < VALUE_BYTES_MAX);
    *out_text = (wr_text){buffer, used};
    return WR_OK;
}

static wr_status read_long_value(csv_split *split, uint32_t column_index, bool *out_missing,
                                 wr_error *err)
{
    csv_column   *column = &split->columns[column_index];
    wr_str       *value = &split->long_row.values[column_index];
    char          buffer[VALUE_BYTES_MAX];
    wr_text       text;

    WR_TRY(long_row_text(value, buffer, &text, err));
    *out_missing = (text.byte_count == 0 && !column->is_text) ||
                   (!split->long_row.quoted[column_index] && text.byte_count < VALUE_BYTES_MAX &&
                    wr_csv_is_null(&split->dialect, text));
    if (*out_missing)
        return WR_OK;
    if (column->type.logical == WR_TYPE_BINARY && !decode_binary(value))
        wr_csv_mark_bad(split, 0, CSV_WRONG_TYPE, column_index);
    if (column->is_text) {
        memcpy(column->data, value, sizeof *value);
        return WR_OK;
    }
    text = wr_text_trim(text);
    *out_missing = text.byte_count == 0;
    if (!*out_missing && (text.byte_count == VALUE_BYTES_MAX ||
                          !wr_text_value_parse(&split->dialect.rules, column->type, text,
                                               column->data)))
        wr_csv_mark_bad(split, 0, CSV_WRONG_TYPE, column_index);
    else if (!*out_missing && column->keeps_zeros && has_leading_zero(text))
        wr_csv_mark_bad(split, 0, CSV_LEADING_ZERO, column_index);
    return WR_OK;
}

static bool is_blob(const csv_column *column)
{
    return wr_type_is_bytes(column->type) && wr_str_is_blob(column->data);
}

/* Is the fault that was met first one of a column? Then it counts when the column's turn comes. */
static bool names_column(const csv_bad_row *bad)
{
    return bad->fault == CSV_WRONG_TYPE || bad->fault == CSV_BROKEN_QUOTES ||
           bad->fault == CSV_FIELD_TOO_LONG || bad->fault == CSV_BLANKS_TOO_LONG;
}

/* Blobs must not be copied: their vector says so. Everything else is read like any text. */
static wr_status read_long_column(csv_split *split, uint32_t index, wr_error *err)
{
    const csv_bad_row *bad = &split->long_row.bad;
    csv_column        *column = &split->columns[index];
    bool               missing = column->field >= split->long_row.field_count;

    if (names_column(bad) && bad->detail == index)
        wr_csv_mark_bad(split, 0, bad->fault, index);
    missing |= wr_bit_get(split->bad_rows, 0);
    memset(column->data, 0, wr_physical_bytes(wr_type_physical(column->type)));
    if (!missing)
        WR_TRY(wr_type_is_nested(column->type)
                   ? wr_csv_read_long_nested(split, index, &missing, err)
                   : read_long_value(split, index, &missing, err));
    if (missing && column->required)
        wr_csv_mark_bad(split, 0, CSV_IS_NULL, index);
    column->valid[0] = !missing;
    set_vector(split, index, missing, is_blob(column) ? WR_VECTOR_BLOBS : 0);
    return WR_OK;
}

/* Nested columns come first, as in other records: of two faults the first counts. */
static wr_status read_long_row(const wr_read_request *request, csv_split *split, wr_error *err)
{
    const csv_bad_row *bad = &split->long_row.bad;

    split->row_count = 1;
    split->bad_rows[0] = split->bad_count = 0;
    split->nested.room.used = 0;
    if (bad->fault != CSV_FINE && !names_column(bad))
        wr_csv_mark_bad(split, 0, bad->fault, bad->detail);
    for (uint32_t c = 0; c < request->column_count; c++)
        if (wr_type_is_nested(split->columns[c].type))
            WR_TRY(read_long_column(split, c, err));
    for (uint32_t c = 0; c < request->column_count; c++)
        if (!wr_type_is_nested(split->columns[c].type))
            WR_TRY(read_long_column(split, c, err));
    return WR_OK;
}

wr_status wr_csv_split_read(const wr_read_request *request, wr_split *split, wr_batch *out,
                            bool *out_end, wr_error *err)
{
    csv_split *csv = (csv_split *)split;

    split->row_base += csv->row_count;
    if (csv->long_row.is_set) {
        WR_TRY(read_long_row(request, csv, err));
        if (csv->bad_count > 0)
            WR_TRY(wr_csv_report_bad_rows(request, csv, err));
        fill_batch(request, csv, out);
        *out_end = true;
        return WR_OK;
    }
    if (csv->not_ascii && !csv->check_utf8) {
        csv->check_utf8 = !wr_utf8_is_valid(csv->chunk, csv->end);
        csv->not_ascii = false;
    }
    WR_TRY(read_rows(request, csv, err));
    fill_batch(request, csv, out);
    *out_end = csv->next >= csv->end;
    return WR_OK;
}
