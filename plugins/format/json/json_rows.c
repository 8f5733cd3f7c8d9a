/* json_rows.c — where the rows of a chunk are: walk over each record and keep the tokens of wanted members.
 *
 * The n-th member of a record is first taken for the field that the n-th member of the one before was:
 * usually one comparison of its name. Keys of the schema's columns are looked after whether the column is
 * wanted or not, so what is wrong with a record does not go by what a pipeline reads of it.
 * Cost: about 1 ns a byte of wanted members. */
#include <string.h>

#include "json_priv.h"
#include "kernel/text_utf8.h"

const char WR_JSON_NOT_UTF8[] = "invalid UTF-8 (is it another encoding, such as latin1?)";

enum { FAULT_BYTES_MAX = 60 };

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

void wr_json_begin_keys(json_split *split)
{
    if (++split->key_stamp > 0)
        return;
    memset(split->key_seen, 0, split->names.schema->field_count * sizeof *split->key_seen);
    split->key_stamp = 1;
}

const char *wr_json_check_key(json_split *split, uint32_t field)
{
    bool is_twin;

    if (field == WR_FIELD_NONE)
        return split->options->unknown_keys ? "a key that no column has" : NULL;
    is_twin = split->key_seen[field] == split->key_stamp;
    split->key_seen[field] = split->key_stamp;
    return is_twin && split->options->duplicate_keys == WR_TWIN_ERROR ? "a key comes twice" : NULL;
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

    wr_json_begin_keys(split);
    for (uint32_t n = 0; wr_json_walk_key(&walk, &key); n++) {
        uint32_t field = field_of(split, n, &key);

        walk.fault = wr_json_check_key(split, field);
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

/* ---- Batches ----------------------------------------------------------------------------------- */

static void take_fault(json_split *split)
{
    uint32_t shown = split->end - split->next;

    if (shown > FAULT_BYTES_MAX)
        shown = FAULT_BYTES_MAX;
    split->check_utf8 = false;
    add_row(split, split->chunk + split->next, split->chunk + split->next + shown);
    wr_json_mark_bad(split, 0, split->fault, 0);
    split->is_done = true;
}

void wr_json_find_rows(const wr_read_request *request, json_split *split)
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
