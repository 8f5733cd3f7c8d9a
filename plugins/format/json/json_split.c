/* json_split.c — chunks of whole lines, and their rows to batches of typed columns.
 *
 * Per batch: walk over each line and keep the tokens of wanted members; per column, convert the tokens
 * or make views; tell about bad rows while the chunk is as it was read; only then rewrite texts with
 * escapes in place. The n-th member of a line is first taken for the field that the n-th member of
 * the line before was: usually one comparison of its name.
 *
 * Invariants
 *  1. The chunk ends with a newline, so every line has its end.
 *  2. Bad rows stay in the batch as rows and are left out by its selection.
 *  3. All memory is one block whose layout depends on schema, request and constants only.
 * A line longer than the chunk is one bad row. Cost: about 1 ns a byte of wanted members. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "json_priv.h"
#include "kernel/text_utf8.h"
#include "spi/nested_column.h"
#include "types/parse.h"

enum { REASON_BYTES = 512, SHOWN_BYTES_MAX = 60, KEY_BYTES_MIN = 256, VALUE_BYTES_MAX = 256 };

static const char TOO_LONG[] = "a line longer than the scan's chunk";

/* ---- Memory ------------------------------------------------------------------------------------ */

static uint64_t file_lease_min(const wr_read_request *request)
{
    wr_carver  carver = {0};
    wr_chunker chunker;

    wr_chunker_layout(&chunker, NULL, request->chunk_bytes, &carver);
    return carver.used;
}

static wr_status file_open(const wr_read_request *request, wr_file_reader *file, wr_bump *bump,
                           wr_error *err)
{
    json_file *json = (json_file *)file;
    wr_carver  carver;

    memset(&json->base + 1, 0, sizeof *json - sizeof json->base);
    WR_TRY(wr_carver_init(&carver, bump, file_lease_min(request), err));
    wr_chunker_layout(&json->chunker, file->input, request->chunk_bytes, &carver);
    json->line = 1;
    return WR_OK;
}

/* An escape is six bytes at most for one of the name. */
static uint32_t key_room(const wr_schema *schema)
{
    uint32_t room = KEY_BYTES_MIN;

    for (uint32_t f = 0; f < schema->field_count; f++)
        if (6 * schema->fields[f].name.byte_count > room)
            room = 6 * (uint32_t)schema->fields[f].name.byte_count;
    return room;
}

static void lay_out_column(json_column *column, wr_type type, uint32_t rows, wr_carver *carver)
{
    uint64_t bit_bytes = wr_bit_words(rows) * sizeof(uint64_t);
    void    *tokens = wr_carve(carver, rows * sizeof(wr_text_token));
    void    *data = wr_carve(carver, (uint64_t)wr_physical_bytes(wr_type_physical(type)) * rows);
    void    *valid = wr_carve(carver, bit_bytes);
    void    *rewrite = wr_carve(carver, bit_bytes);

    if (column)
        *column = (json_column){.type = type, .is_text = wr_type_is_text(type), .tokens = tokens,
                                .data = data, .valid = valid, .rewrite = rewrite};
}

/* Carve everything; `split` is NULL when only the bytes are counted. */
static void lay_out(const wr_read_request *request, json_split *split, wr_carver *carver)
{
    json_split  counted;
    uint32_t    rows = request->batch_rows, fields = request->schema->field_count;
    uint64_t    bit_bytes = wr_bit_words(rows) * sizeof(uint64_t);
    json_split *s = split ? split : &counted;
    void       *slots;

    s->chunk = wr_carve(carver, (uint64_t)request->chunk_bytes + 2 * WR_TEXT_PAD);
    slots = wr_carve(carver, wr_json_names_bytes(fields));
    if (slots)
        wr_json_names_init(&s->names, request->schema, slots);
    s->targets = wr_carve(carver, (uint64_t)fields * sizeof(uint32_t));
    s->foreseen_max = fields + JSON_KEYS_FORESEEN;
    s->foreseen = wr_carve(carver, (uint64_t)s->foreseen_max * sizeof(uint32_t));
    s->key_room = key_room(request->schema);
    s->key = wr_carve(carver, s->key_room);
    s->starts = wr_carve(carver, rows * sizeof(uint32_t));
    s->ends = wr_carve(carver, rows * sizeof(uint32_t));
    s->bad = wr_carve(carver, rows * sizeof(json_bad_row));
    s->bad_rows = wr_carve(carver, bit_bytes);
    s->column_bad = wr_carve(carver, bit_bytes);
    s->selected = wr_carve(carver, rows * sizeof(uint16_t));
    if (wr_schema_has_nested(request->schema)) {
        void *space = wr_carve(carver, wr_nested_room_bytes(request->chunk_bytes));

        if (space)
            wr_nested_room_init(&s->nested, space, request->chunk_bytes);
    }
    s->vectors = wr_carve(carver, request->column_count * sizeof(wr_vector));
    s->columns = wr_carve(carver, request->column_count * sizeof(json_column));
    for (uint32_t c = 0; c < request->column_count; c++)
        lay_out_column(s->columns ? &s->columns[c] : NULL,
                       request->schema->fields[request->columns[c]].type, rows, carver);
}

static uint64_t split_lease_min(const wr_read_request *request)
{
    wr_carver carver = {0};

    lay_out(request, NULL, &carver);
    return carver.used;
}

static wr_status split_init(const wr_read_request *request, wr_split *split, wr_bump *bump,
                            wr_error *err)
{
    json_split *json = (json_split *)split;
    wr_carver   carver;

    memset(&json->base + 1, 0, sizeof *json - sizeof json->base);
    WR_TRY(wr_carver_init(&carver, bump, split_lease_min(request), err));
    lay_out(request, json, &carver);
    for (uint32_t f = 0; f < request->schema->field_count; f++)
        json->targets[f] = WR_FIELD_NONE;
    for (uint32_t c = 0; c < request->column_count; c++)
        json->targets[request->columns[c]] = c;
    for (uint32_t k = 0; k < json->foreseen_max; k++)
        json->foreseen[k] = k < request->schema->field_count ? k : WR_FIELD_NONE;
    return WR_OK;
}

/* ---- The serial half --------------------------------------------------------------------------- */

static uint64_t count_newlines(const uint8_t *bytes, uint32_t byte_count)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < byte_count; i++)
        count += bytes[i] == '\n';
    return count;
}

/* Lines that are not blank. */
static uint64_t count_records(const json_split *split)
{
    const uint8_t *at = split->chunk + split->next, *end = split->chunk + split->end;
    uint64_t       count = 0;

    while (at < end) {
        count += *wr_json_blanks(at) != '\n';
        at = (const uint8_t *)memchr(at, '\n', (size_t)(end - at)) + 1;
    }
    return count;
}

/* The chunk holds the start of a line and not its end: read on to its end. The first bytes stay. */
static wr_status pass_long_line(const wr_read_request *request, json_file *file, json_split *split,
                                uint32_t used, wr_error *err)
{
    uint32_t half = request->chunk_bytes / 2;

    split->too_long = true;
    split->next = 0;
    split->end = used < half ? used : half;
    while (used > 0) {
        uint8_t *rest = split->chunk + half, *newline;

        WR_TRY(wr_chunker_fill(&file->chunker, rest, request->chunk_bytes - half, &used, err));
        newline = memchr(rest, '\n', used);
        if (!newline)
            continue;
        wr_chunker_keep(&file->chunker, newline + 1, used - (uint32_t)(newline + 1 - rest));
        break;
    }
    file->line++;
    file->base.next_row++;
    return WR_OK;
}

static wr_status next_split(const wr_read_request *request, wr_file_reader *file, wr_split *split,
                            bool *out_done, wr_error *err)
{
    json_file  *json = (json_file *)file;
    json_split *piece = (json_split *)split;
    uint8_t    *last;
    uint32_t    used;
    bool        is_first = json->chunker.offset == 0;

    split->path = file->path;
    split->file_index = file->file_index;
    split->first_row = file->next_row;
    split->row_base = 0;
    split->byte_offset = json->chunker.offset;
    piece->batch_line = json->line;
    piece->batch_start = piece->line_count = 0;
    piece->row_count = piece->next = piece->end = 0;
    piece->too_long = piece->utf8_known = false;
    WR_TRY(wr_chunker_fill(&json->chunker, piece->chunk, request->chunk_bytes, &used, err));
    *out_done = used == 0;
    if (*out_done)
        return WR_OK;
    if (is_first && used >= 3 && memcmp(piece->chunk, "\xef\xbb\xbf", 3) == 0)
        piece->next = 3;
    if (used < request->chunk_bytes && piece->chunk[used - 1] != '\n')
        piece->chunk[used++] = '\n'; /* the last line has none; there is room behind the chunk */
    last = memrchr(piece->chunk, '\n', used);
    if (!last)
        return pass_long_line(request, json, piece, used, err);
    piece->end = (uint32_t)(last - piece->chunk) + 1;
    wr_chunker_keep(&json->chunker, piece->chunk + piece->end, used - piece->end);
    json->line += count_newlines(piece->chunk, piece->end);
    if (request->count_rows)
        file->next_row += count_records(piece);
    return WR_OK;
}

/* ---- Rows -------------------------------------------------------------------------------------- */

void wr_json_mark_bad(json_split *split, uint32_t row, const char *fault, uint32_t detail)
{
    if (wr_bit_get(split->bad_rows, row))
        return;
    wr_bit_set(split->bad_rows, row);
    split->bad[row] = (json_bad_row){fault, detail};
    split->bad_count++;
}

/* The field of the n-th member of a line. */
static uint32_t field_of(json_split *split, uint32_t n, const json_token *key)
{
    const uint8_t *bytes = key->start;
    uint32_t       byte_count = (uint32_t)(key->end - key->start), field;

    if (n < split->foreseen_max && split->foreseen[n] != WR_FIELD_NONE && !key->escaped) {
        wr_text name = split->names.schema->fields[split->foreseen[n]].name;

        if (name.byte_count == byte_count && memcmp(name.bytes, bytes, byte_count) == 0)
            return split->foreseen[n];
    }
    if (key->escaped) {
        if (byte_count > split->key_room)
            return WR_FIELD_NONE;
        byte_count = wr_json_unescape(bytes, byte_count, split->key);
        bytes = split->key;
    }
    field = wr_json_names_find(&split->names, bytes, byte_count);
    if (n < split->foreseen_max)
        split->foreseen[n] = field;
    return field;
}

static void keep_value(json_split *split, uint32_t column_index, uint32_t row,
                       const json_token *value)
{
    json_column *column = &split->columns[column_index];
    uint32_t     start = (uint32_t)(value->start - split->chunk);

    column->tokens[row] = (wr_text_token){
        start, value->kind == JSON_NULL ? WR_TEXT_TOKEN_NULL
                                        : (uint32_t)(value->end - value->start)};
    wr_bit_put(column->rewrite, row, value->escaped);
    column->any_rewrite |= value->escaped;
}

/* One line into row `row`; returns where it ends: its newline. */
static const uint8_t *read_line(json_split *split, const uint8_t *line, uint32_t row)
{
    json_walk  walk = {.at = line};
    json_token key, value;

    for (uint32_t n = 0; wr_json_walk_key(&walk, &key); n++) {
        uint32_t field = field_of(split, n, &key);

        if (!wr_json_walk_value(&walk, &value))
            break;
        if (field != WR_FIELD_NONE && split->targets[field] != WR_FIELD_NONE)
            keep_value(split, split->targets[field], row, &value);
    }
    if (!walk.fault)
        return walk.at;
    wr_json_mark_bad(split, row, walk.fault, (uint32_t)(walk.where - line) + 1);
    return memchr(walk.where, '\n', (size_t)(split->chunk + split->end - walk.where));
}

static void begin_columns(json_split *split, uint32_t column_count, uint32_t rows)
{
    for (uint32_t c = 0; c < column_count; c++) {
        split->columns[c].any_rewrite = false;
        memset(split->columns[c].rewrite, 0, wr_bit_words(rows) * sizeof(uint64_t));
        for (uint32_t row = 0; row < rows; row++)
            split->columns[c].tokens[row] = (wr_text_token){0, WR_TEXT_TOKEN_NULL};
    }
}

static void find_rows(json_split *split, uint32_t row_max)
{
    const uint8_t *at = split->chunk + split->next, *end = split->chunk + split->end;
    uint32_t       row = 0;

    split->batch_line += split->line_count;
    split->batch_start = split->next;
    split->line_count = 0;
    while (row < row_max && at < end) {
        const uint8_t *newline;

        split->line_count++;
        if (*wr_json_blanks(at) == '\n') {
            at = wr_json_blanks(at) + 1;
            continue;
        }
        newline = read_line(split, at, row);
        split->starts[row] = (uint32_t)(at - split->chunk);
        split->ends[row] = (uint32_t)(newline - split->chunk);
        if (split->check_utf8 && !wr_utf8_is_valid(at, (size_t)(newline - at)))
            wr_json_mark_bad(split, row, "invalid UTF-8 (is it another encoding, such as latin1?)", 0);
        row++;
        at = newline + 1;
    }
    split->next = (uint32_t)(at - split->chunk);
    split->row_count = row;
}

/* ---- Columns ----------------------------------------------------------------------------------- */

/* A text with escapes may yet read as the type. */
static bool read_escaped(const json_split *split, const json_column *column, uint32_t row)
{
    static const wr_text_rules USUAL = {0};
    wr_text_token token = column->tokens[row];
    uint8_t       text[VALUE_BYTES_MAX];
    uint32_t      width = wr_physical_bytes(wr_type_physical(column->type)), byte_count;

    if (!column->any_rewrite || !wr_bit_get(column->rewrite, row) ||
        token.byte_count > VALUE_BYTES_MAX)
        return false;
    byte_count = wr_json_unescape(split->chunk + token.start, token.byte_count, text);
    return wr_text_value_parse(&USUAL, column->type, (wr_text){(char *)text, byte_count},
                               (uint8_t *)column->data + (size_t)width * row);
}

static void read_fixed_column(json_split *split, uint32_t index)
{
    static const wr_text_rules USUAL = {0};
    json_column *column = &split->columns[index];
    uint32_t     null_count;

    if (wr_text_column_parse(&USUAL, column->type, split->chunk, column->tokens, split->row_count,
                             column->data, column->valid, split->column_bad, &null_count) > 0)
        for (uint32_t row = 0; row < split->row_count; row++) {
            if (!wr_bit_get(split->column_bad, row))
                continue;
            if (read_escaped(split, column, row))
                wr_bit_set(column->valid, row);
            else
                wr_json_mark_bad(split, row, NULL, index);
        }
    split->vectors[index] = (wr_vector){
        .type = column->type, .encoding = WR_FLAT, .row_count = split->row_count,
        .data = column->data, .valid = null_count ? column->valid : NULL};
}

/* Bytes are spelled "\\x00ff", as PostgreSQL does; what begins so and is not hexadecimal is bad. */
static void check_binary(json_split *split, uint32_t index)
{
    for (uint32_t row = 0; row < split->row_count; row++) {
        wr_text_token token = split->columns[index].tokens[row];
        wr_text       text = {(const char *)split->chunk + token.start, token.byte_count};
        bool          fine = text.byte_count % 2 == 1; /* of the spelling with two backslashes */

        if (token.byte_count == WR_TEXT_TOKEN_NULL || !wr_text_starts_with(text, WR_TEXT("\\\\x")))
            continue;
        for (size_t i = 3; i < text.byte_count; i++)
            fine &= isxdigit((unsigned char)text.bytes[i]) != 0;
        if (!fine && !wr_bit_get(split->bad_rows, row))
            wr_json_mark_bad(split, row, NULL, index);
    }
}

static void decode_binary(json_split *split, wr_text_token *token)
{
    wr_text text = {(const char *)split->chunk + token->start, token->byte_count};
    size_t  byte_count;

    if (wr_text_starts_with(text, WR_TEXT("\\x")) &&
        wr_parse_binary_hex(text, split->chunk + token->start, &byte_count))
        token->byte_count = (uint32_t)byte_count;
}

static void read_text_column(json_split *split, uint32_t index)
{
    json_column *column = &split->columns[index];
    uint32_t     null_count;

    for (uint32_t row = 0; column->any_rewrite && row < split->row_count; row++) {
        wr_text_token *token = &column->tokens[row];

        if (wr_bit_get(column->rewrite, row) && token->byte_count != WR_TEXT_TOKEN_NULL &&
            !wr_bit_get(split->bad_rows, row)) {
            token->byte_count = wr_json_unescape(split->chunk + token->start, token->byte_count,
                                                 split->chunk + token->start);
            if (column->type.logical == WR_TYPE_BINARY)
                decode_binary(split, token);
        }
    }
    null_count = wr_text_column_view(split->chunk, column->tokens, split->row_count, column->data,
                                     column->valid);
    split->vectors[index] = (wr_vector){
        .type = column->type, .encoding = WR_FLAT, .row_count = split->row_count,
        .data = column->data, .valid = null_count ? column->valid : NULL};
}

/* ---- Places and reasons ------------------------------------------------------------------------ */

static wr_text raw_of(const json_split *split, uint32_t row)
{
    uint32_t start = split->starts[row], end = split->ends[row];

    if (end - start > JSON_RAW_BYTES_MAX)
        end = start + JSON_RAW_BYTES_MAX;
    return (wr_text){(const char *)split->chunk + start, end - start};
}

/* Newlines between rows are the file's; inside of rows they may come from escapes. */
static uint64_t line_of(const json_split *split, uint32_t row)
{
    uint64_t line = split->batch_line;
    uint32_t from = split->batch_start;

    for (uint32_t r = 0; r <= row; r++) {
        line += count_newlines(split->chunk + from, split->starts[r] - from);
        from = split->ends[r];
    }
    return line;
}

static void describe_row(const wr_read_request *request, const wr_split *split, uint32_t row,
                         wr_reject *out_place)
{
    const json_split *json = (const json_split *)split;
    uint32_t          start = json->starts[row];

    (void)request;
    out_place->path = split->path;
    out_place->line = line_of(json, row);
    out_place->byte_offset = split->byte_offset + start;
    out_place->raw = raw_of(json, row);
}

/* Its detail is the column. */
static const char IS_NULL[] = "NULL, which the schema does not allow (nullable: false)";

static bool names_column(const json_bad_row *bad)
{
    return !bad->fault || bad->fault == IS_NULL;
}

/* A column that must not be NULL, whether its key is there or not: rows where it is are bad. */
static void check_required(json_split *split, const wr_field *field, uint32_t index)
{
    for (uint32_t row = 0; !field->nullable && row < split->row_count; row++)
        if (split->columns[index].tokens[row].byte_count == WR_TEXT_TOKEN_NULL &&
            !wr_bit_get(split->bad_rows, row))
            wr_json_mark_bad(split, row, IS_NULL, index);
}

static wr_text format_reason(json_split *split, uint32_t row, char *buffer)
{
    const json_bad_row *bad = &split->bad[row];
    const json_column  *column = &split->columns[bad->detail];
    char                type[WR_TYPE_NAME_BYTES], why[WR_NESTED_REASON_BYTES];
    wr_text             shown;
    int                 used;

    if (bad->fault) {
        if (bad->detail == 0 || names_column(bad))
            return wr_text_of(bad->fault);
        snprintf(buffer, REASON_BYTES, "%s (byte %u of the line)", bad->fault, bad->detail);
        return wr_text_of(buffer);
    }
    shown = (wr_text){(const char *)split->chunk + column->tokens[row].start,
                      column->tokens[row].byte_count};
    shown = wr_text_cut(shown, SHOWN_BYTES_MAX);
    used = snprintf(buffer, REASON_BYTES, "cannot read '%.*s' as %.80s", WR_TEXT_ARG(shown),
                    wr_type_format(column->type, type));
    if (wr_type_is_nested(column->type))
        snprintf(buffer + used, REASON_BYTES - used, ": %s",
                 wr_json_explain_nested(split, bad->detail, row, why));
    return wr_text_of(buffer);
}

static wr_status report_bad_rows(const wr_read_request *request, json_split *split, wr_error *err)
{
    char buffer[REASON_BYTES];

    for (uint32_t row = 0; row < split->row_count; row++) {
        wr_reject reject = {0};

        if (!wr_bit_get(split->bad_rows, row))
            continue;
        describe_row(request, &split->base, row, &reject);
        reject.reason = format_reason(split, row, buffer);
        reject.is_misfit = !split->bad[row].fault;
        if (names_column(&split->bad[row]))
            reject.column = request->schema->fields[request->columns[split->bad[row].detail]].name;
        WR_TRY(request->rejects.report(request->rejects.self, &reject, err));
    }
    return WR_OK;
}

/* ---- Batches ----------------------------------------------------------------------------------- */

static void fill_batch(const wr_read_request *request, json_split *split, wr_batch *out)
{
    *out = (wr_batch){.row_count = split->row_count, .column_count = request->column_count,
                      .columns = split->vectors};
    wr_batch_select_all(out);
    if (split->bad_count == 0)
        return;
    out->selection = (wr_selection){split->selected, 0};
    for (uint32_t row = 0; row < split->row_count; row++)
        if (!wr_bit_get(split->bad_rows, row))
            split->selected[out->selection.row_count++] = (uint16_t)row;
}

static void take_long_line(json_split *split)
{
    split->starts[0] = 0;
    split->ends[0] = split->end < SHOWN_BYTES_MAX ? split->end : SHOWN_BYTES_MAX;
    split->next = split->end;
    split->row_count = 1;
    wr_json_mark_bad(split, 0, TOO_LONG, 0);
}

static wr_status split_read(const wr_read_request *request, wr_split *split, wr_batch *out,
                            bool *out_end, wr_error *err)
{
    json_split *json = (json_split *)split;

    split->row_base += json->row_count;
    if (!json->utf8_known && !json->too_long)
        json->check_utf8 = !wr_utf8_is_valid(json->chunk, json->end);
    json->utf8_known = true;
    json->bad_count = 0;
    memset(json->bad_rows, 0, wr_bit_words(request->batch_rows) * sizeof(uint64_t));
    begin_columns(json, request->column_count, request->batch_rows);
    if (json->too_long)
        take_long_line(json);
    else
        find_rows(json, request->batch_rows);
    if (json->nested.reader)
        wr_json_read_nested(request, json);
    for (uint32_t c = 0; c < request->column_count; c++)
        if (!wr_type_is_bytes(json->columns[c].type))
            read_fixed_column(json, c);
    for (uint32_t c = 0; c < request->column_count; c++)
        if (json->columns[c].type.logical == WR_TYPE_BINARY)
            check_binary(json, c);
    for (uint32_t c = 0; c < request->column_count; c++)
        check_required(json, &request->schema->fields[request->columns[c]], c);
    if (json->bad_count > 0)
        WR_TRY(report_bad_rows(request, json, err));
    for (uint32_t c = 0; c < request->column_count; c++)
        if (json->columns[c].is_text)
            read_text_column(json, c);
    fill_batch(request, json, out);
    *out_end = json->next >= json->end;
    return WR_OK;
}

const wr_format_reader_ops WR_JSON_READER = {
    .file_bytes = sizeof(json_file),
    .split_bytes = sizeof(json_split),
    .infer = wr_json_infer,
    .file_lease_min = file_lease_min,
    .split_lease_min = split_lease_min,
    .file_open = file_open,
    .split_init = split_init,
    .next_split = next_split,
    .split_read = split_read,
    .describe_row = describe_row,
};
