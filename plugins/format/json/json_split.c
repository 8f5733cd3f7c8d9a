/* json_split.c — the parallel half: chunks of whole records to batches of typed columns.
 *
 * Per batch: walk over each record and keep the tokens of wanted members; per column, convert the tokens
 * or make views; tell about bad rows while the chunk is as it was read; only then rewrite texts with
 * escapes in place. The n-th member of a record is first taken for the field that the n-th member of
 * the one before was: usually one comparison of its name.
 *
 * Invariants
 *  1. Lines end with a newline, other records are followed by one or by the NUL behind the chunk.
 *  2. Bad rows stay in the batch as rows and are left out by its selection.
 *  3. All memory is one block whose layout depends on schema, request and constants only.
 * Cost: about 1 ns a byte of wanted members. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "json_priv.h"
#include "kernel/text_utf8.h"
#include "types/parse.h"

const char WR_JSON_NOT_UTF8[] = "invalid UTF-8 (is it another encoding, such as latin1?)";

enum { REASON_BYTES = 512, SHOWN_BYTES_MAX = 60, KEY_BYTES_MIN = 256 };

/* ---- Memory ------------------------------------------------------------------------------------ */

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
    s->lines = wr_carve(carver, rows * sizeof(uint64_t));
    s->bad = wr_carve(carver, rows * sizeof(json_bad_row));
    s->bad_rows = wr_carve(carver, bit_bytes);
    s->column_bad = wr_carve(carver, bit_bytes);
    s->selected = wr_carve(carver, rows * sizeof(uint16_t));
    wr_nested_columns_layout(&s->nested, request->schema, request->scratch, request->chunk_bytes,
                             carver);
    s->long_row.values = wr_carve(carver, request->column_count * sizeof(wr_str));
    s->long_row.given = wr_carve(carver, request->column_count);
    s->long_row.blobs = wr_carve(carver, request->column_count * sizeof(wr_blob));
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
    json->options = request->options;
    if (json->nested.room.reader)
        json->nested.room.reader->rules = (wr_nested_rules){
            (wr_twin_keys)json->options->duplicate_keys, json->options->unknown_keys};
    for (uint32_t f = 0; f < request->schema->field_count; f++)
        json->targets[f] = WR_FIELD_NONE;
    for (uint32_t c = 0; c < request->column_count; c++)
        json->targets[request->columns[c]] = c;
    for (uint32_t k = 0; k < json->foreseen_max; k++)
        json->foreseen[k] = k < request->schema->field_count ? k : WR_FIELD_NONE;
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

/* What is wrong with a key; NULL: nothing. The start of a token that was kept is never 0. */
static const char *check_key(const json_split *split, uint32_t field, uint32_t row)
{
    if (field == WR_FIELD_NONE)
        return split->options->unknown_keys ? "a key that no column has" : NULL;
    if (split->options->duplicate_keys == WR_TWIN_ERROR && split->targets[field] != WR_FIELD_NONE &&
        split->columns[split->targets[field]].tokens[row].start)
        return "a key comes twice";
    return NULL;
}

static void keep_value(json_split *split, uint32_t column_index, uint32_t row,
                       const json_token *value)
{
    json_column *column = &split->columns[column_index];
    uint32_t     start = (uint32_t)(value->start - split->chunk);

    if (column->tokens[row].start && split->options->duplicate_keys == WR_TWIN_FIRST)
        return;
    column->tokens[row] = (wr_text_token){
        start, value->kind == JSON_NULL ? WR_TEXT_TOKEN_NULL
                                        : (uint32_t)(value->end - value->start)};
    wr_bit_put(column->rewrite, row, value->escaped);
    column->any_rewrite |= value->escaped;
}

/* What may stand behind a record; NULL: this may. */
static const char *check_behind(const json_split *split, const uint8_t *at)
{
    if (split->layout == JSON_LINES)
        return *at == '\n' ? NULL : "text behind the object";
    if (split->layout == JSON_DOCUMENTS || *at == ',' || *at == ']')
        return NULL;
    return at == split->chunk + split->end ? "the array is never closed"
                                           : "expected ',' or ']' behind a record of the array";
}

/* Where a record ends that cannot be read. */
static const uint8_t *find_end(const json_split *split, const uint8_t *record)
{
    json_cut    cut = {0};
    json_bounds bounds;

    if (split->layout == JSON_LINES)
        return memchr(record, '\n', (size_t)(split->chunk + split->end - record));
    WR_TEXT_PICK(wr_json_scan)->find_bounds(split->layout, true, &cut, split->chunk,
                                            (uint32_t)(record - split->chunk), split->end, &bounds);
    return split->chunk + (bounds.next ? bounds.end : split->end);
}

/* One record into row `row`; returns where it ends. */
static const uint8_t *read_record(json_split *split, const uint8_t *record, uint32_t row)
{
    json_walk  walk = {.at = record, .over_lines = split->layout != JSON_LINES,
                       .depth_max = (uint32_t)split->options->max_depth - 1};
    json_token key, value;

    for (uint32_t n = 0; wr_json_walk_key(&walk, &key); n++) {
        uint32_t field = field_of(split, n, &key);

        walk.fault = check_key(split, field, row);
        walk.where = key.start - 1;
        if (walk.fault || !wr_json_walk_value(&walk, &value))
            break;
        if (field != WR_FIELD_NONE && split->targets[field] != WR_FIELD_NONE)
            keep_value(split, split->targets[field], row, &value);
    }
    if (!walk.fault) {
        walk.fault = check_behind(split, walk.at);
        walk.where = walk.at;
    }
    if (!walk.fault)
        return walk.at;
    wr_json_mark_bad(split, row, walk.fault, (uint32_t)(walk.where - record) + 1);
    return find_end(split, record);
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

static void add_row(json_split *split, const uint8_t *start, const uint8_t *end)
{
    uint32_t row = split->row_count++;

    split->starts[row] = (uint32_t)(start - split->chunk);
    split->ends[row] = (uint32_t)(end - split->chunk);
    split->lines[row] = split->line;
    if (split->check_utf8 && !wr_utf8_is_valid(start, (size_t)(end - start)))
        wr_json_mark_bad(split, row, WR_JSON_NOT_UTF8, 0);
}

static void find_lines(json_split *split, uint32_t row_max)
{
    const uint8_t *at = split->chunk + split->next, *end = split->chunk + split->end;

    while (split->row_count < row_max && at < end) {
        const uint8_t *newline = wr_json_blanks(at, false);

        if (*newline != '\n') {
            newline = read_record(split, at, split->row_count);
            add_row(split, at, newline);
        }
        split->line++;
        at = newline + 1;
    }
    split->next = (uint32_t)(at - split->chunk);
    split->is_done = at >= end;
}

static uint64_t count_newlines(const uint8_t *from, const uint8_t *to)
{
    uint64_t count = 0;

    for (; from < to; from++)
        count += *from == '\n';
    return count;
}

/* The end of an array, or of the chunk; a record that should be there is a bad row. */
static void take_end(json_split *split, const uint8_t *at)
{
    const uint8_t *end = split->chunk + split->end;
    const char    *fault = NULL;

    if (at == end && split->is_unclosed)
        fault = "the array is never closed";
    else if (at < end && split->any_record)
        fault = "a comma behind the last record of the array";
    split->is_done = true;
    if (fault) {
        wr_json_mark_bad(split, split->row_count, fault, 0);
        add_row(split, at, at);
    }
}

static void find_records(json_split *split, uint32_t row_max)
{
    const uint8_t *end = split->chunk + split->end;

    while (split->row_count < row_max && !split->is_done) {
        const uint8_t *at = split->chunk + split->next, *start = wr_json_blanks(at, true);

        split->line += count_newlines(at, start);
        if (start == end || (split->layout == JSON_ARRAY && *start == ']')) {
            take_end(split, start);
            return;
        }
        at = read_record(split, start, split->row_count);
        add_row(split, start, at);
        split->line += count_newlines(start, at);
        split->any_record = true;
        if (split->layout == JSON_ARRAY) {
            split->is_done = at == end || *at == ']';
            at += *at == ',';
        }
        split->next = (uint32_t)(at - split->chunk);
    }
}

/* ---- Columns ----------------------------------------------------------------------------------- */

/* A text with escapes may yet read as the type. */
static bool read_escaped(const json_split *split, const json_column *column, uint32_t row)
{
    static const wr_text_rules USUAL = {0};
    wr_text_token token = column->tokens[row];
    uint8_t       text[JSON_VALUE_BYTES_MAX];
    uint32_t      width = wr_physical_bytes(wr_type_physical(column->type)), byte_count;

    if (!column->any_rewrite || !wr_bit_get(column->rewrite, row) ||
        token.byte_count > JSON_VALUE_BYTES_MAX)
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

    if (split->long_row.is_set)
        return (wr_text){(const char *)split->long_row.raw, split->long_row.raw_bytes};
    if (end - start > JSON_RAW_BYTES_MAX)
        end = start + JSON_RAW_BYTES_MAX;
    return (wr_text){(const char *)split->chunk + start, end - start};
}

static void describe_row(const wr_read_request *request, const wr_split *split, uint32_t row,
                         wr_reject *out_place)
{
    const json_split *json = (const json_split *)split;
    uint32_t          start = json->starts[row];

    (void)request;
    out_place->path = split->path;
    out_place->line = json->lines[row];
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

/* Of a long value in scratch space, its first bytes. */
static wr_text shown_value(const json_split *split, uint32_t index, uint32_t row)
{
    const wr_str  *value = &split->long_row.values[index];
    wr_text_token  token = split->columns[index].tokens[row];

    if (!split->long_row.is_set)
        return (wr_text){(const char *)split->chunk + token.start, token.byte_count};
    return wr_str_is_blob(value) ? (wr_text){value->prefix, sizeof value->prefix} : wr_str_text(value);
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
        snprintf(buffer, REASON_BYTES, "%s (byte %u of the %s)", bad->fault, bad->detail,
                 split->layout == JSON_LINES ? "line" : "record");
        return wr_text_of(buffer);
    }
    shown = shown_value(split, bad->detail, row);
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
        wr_reject reject = {.batch_row = row};

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

static void take_fault(json_split *split)
{
    uint32_t shown = split->end - split->next;

    if (shown > SHOWN_BYTES_MAX)
        shown = SHOWN_BYTES_MAX;
    split->check_utf8 = false;
    add_row(split, split->chunk + split->next, split->chunk + split->next + shown);
    wr_json_mark_bad(split, 0, split->fault, 0);
    split->is_done = true;
}

static void begin_batch(const wr_read_request *request, json_split *split)
{
    split->row_count = split->bad_count = 0;
    memset(split->bad_rows, 0, wr_bit_words(request->batch_rows) * sizeof(uint64_t));
    begin_columns(split, request->column_count, request->batch_rows);
}

static void find_rows(const wr_read_request *request, json_split *split)
{
    if (!split->utf8_known && !split->fault)
        split->check_utf8 = !wr_utf8_is_valid(split->chunk, split->end);
    split->utf8_known = true;
    if (split->fault)
        take_fault(split);
    else if (split->layout == JSON_LINES)
        find_lines(split, request->batch_rows);
    else
        find_records(split, request->batch_rows);
}

/* But texts, which are rewritten where they stand once bad rows are told. */
static wr_status read_columns(const wr_read_request *request, json_split *split, wr_error *err)
{
    if (split->nested.room.reader)
        WR_TRY(wr_json_read_nested(request, split, err));
    for (uint32_t c = 0; c < request->column_count; c++) {
        if (!wr_type_is_bytes(split->columns[c].type))
            read_fixed_column(split, c);
        else if (split->columns[c].type.logical == WR_TYPE_BINARY)
            check_binary(split, c);
    }
    return WR_OK;
}

static wr_status split_read(const wr_read_request *request, wr_split *split, wr_batch *out,
                            bool *out_end, wr_error *err)
{
    json_split *json = (json_split *)split;

    split->row_base += json->row_count;
    begin_batch(request, json);
    if (json->long_row.is_set) {
        WR_TRY(wr_json_take_long_row(request, json, err));
    } else {
        find_rows(request, json);
        WR_TRY(read_columns(request, json, err));
    }
    for (uint32_t c = 0; c < request->column_count; c++)
        check_required(json, &request->schema->fields[request->columns[c]], c);
    if (json->bad_count > 0)
        WR_TRY(report_bad_rows(request, json, err));
    for (uint32_t c = 0; c < request->column_count && !json->long_row.is_set; c++)
        if (json->columns[c].is_text)
            read_text_column(json, c);
    fill_batch(request, json, out);
    *out_end = json->is_done;
    return WR_OK;
}

const wr_format_reader_ops WR_JSON_READER = {
    .file_bytes = sizeof(json_file),
    .split_bytes = sizeof(json_split),
    .takes_paths = true,
    .infer = wr_json_infer,
    .file_lease_min = wr_json_file_lease_min,
    .split_lease_min = split_lease_min,
    .file_open = wr_json_file_open,
    .split_init = split_init,
    .next_split = wr_json_next_split,
    .split_read = split_read,
    .describe_row = describe_row,
};
