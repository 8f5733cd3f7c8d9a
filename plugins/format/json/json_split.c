/* json_split.c — the parallel half: chunks of whole records to batches of typed columns.
 *
 * Per batch: keep the tokens of wanted members (json_rows.c); per column, convert the tokens or make views;
 * tell about bad rows (json_report.c) while the chunk is as it was read; only then rewrite texts with
 * escapes in place.
 *
 * Invariants
 *  1. Lines end with a newline, other records are followed by one or by the NUL behind the chunk.
 *  2. Bad rows stay in the batch as rows and are left out by its selection.
 *  3. All memory is one block whose layout depends on schema, request and constants only.
 * Cost: about 1 ns a byte of wanted members. */
#include <ctype.h>
#include <string.h>

#include "json_priv.h"
#include "types/parse.h"

enum { KEY_BYTES_MIN = 256 };

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
    s->key_seen = wr_carve(carver, (uint64_t)fields * sizeof(uint32_t));
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
    for (uint32_t f = 0; f < request->schema->field_count; f++) {
        json->targets[f] = WR_FIELD_NONE;
        json->key_seen[f] = 0;
    }
    for (uint32_t c = 0; c < request->column_count; c++)
        json->targets[request->columns[c]] = c;
    for (uint32_t k = 0; k < json->foreseen_max; k++)
        json->foreseen[k] = k < request->schema->field_count ? k : WR_FIELD_NONE;
    return WR_OK;
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

static void begin_columns(json_split *split, uint32_t column_count, uint32_t rows)
{
    for (uint32_t c = 0; c < column_count; c++) {
        split->columns[c].any_rewrite = false;
        memset(split->columns[c].rewrite, 0, wr_bit_words(rows) * sizeof(uint64_t));
        for (uint32_t row = 0; row < rows; row++)
            split->columns[c].tokens[row] = (wr_text_token){0, WR_TEXT_TOKEN_NULL};
    }
}

static void begin_batch(const wr_read_request *request, json_split *split)
{
    split->row_count = split->bad_count = 0;
    memset(split->bad_rows, 0, wr_bit_words(request->batch_rows) * sizeof(uint64_t));
    begin_columns(split, request->column_count, request->batch_rows);
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
        wr_json_find_rows(request, json);
        WR_TRY(read_columns(request, json, err));
    }
    for (uint32_t c = 0; c < request->column_count; c++)
        wr_json_check_required(json, &request->schema->fields[request->columns[c]], c);
    if (json->bad_count > 0)
        WR_TRY(wr_json_report_bad_rows(request, json, err));
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
    .describe_row = wr_json_describe_row,
};
