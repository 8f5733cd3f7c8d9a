/* json_infer.c — names and types of the columns from a bounded sample, or from all of the file.
 *
 * Columns are the keys in order of first appearance. Booleans are Boolean; numbers are Int64, UInt64,
 * Decimal(38, 0) or Float64, the first that holds them all without loss (Float64: fractions and what
 * is too large for all); texts are Date32, Time or Timestamp if all read as such, else Utf8; a mixture,
 * an object or an array is Utf8 with the text of the value. Lines that cannot be read are left to the
 * scan and its on_error. A key that comes later than the sample is passed over: declare it.
 * Memory: the buffer, one guess and one name per column, in the caller's bump. */
#include <string.h>

#include "base/hash.h"
#include "json_priv.h"
#include "kernel/text_guess.h"
#include "types/parse.h"

enum {
    SAMPLE_BYTES = 256 * 1024,
    SAMPLE_BYTES_MAX = 16 * 1024 * 1024,
    COLUMNS_MAX = 100000,
    DECIMAL_DIGITS_MAX = 38,
};

typedef struct guess {
    wr_text       name;
    wr_text_guess texts, numbers;
    bool          any_text, any_number, any_bool, any_nested;
    bool          is_fraction, is_negative, is_beyond_u64, is_beyond_decimal;
} guess;

typedef struct inference {
    wr_text   path;
    wr_input *input;
    wr_bump  *bump;
    uint8_t  *bytes;
    uint32_t  byte_count, room;
    bool      at_end;
    guess    *guesses;
    uint32_t  column_count, column_room;
    uint32_t *slots; /* column + 1 by hash of name; 0: free */
    uint32_t  mask;
    json_layout layout;
    bool      is_over;   /* ARRAY: it is closed */
    bool      any_object;
    bool      any_fault; /* a record was none */
} inference;

/* ---- Columns ----------------------------------------------------------------------------------- */

static void place(inference *in, uint32_t column)
{
    wr_text  name = in->guesses[column].name;
    uint32_t at = (uint32_t)wr_hash_bytes(name.bytes, name.byte_count) & in->mask;

    while (in->slots[at])
        at = (at + 1) & in->mask;
    in->slots[at] = column + 1;
}

static wr_status grow(inference *in, wr_error *err)
{
    uint32_t room = in->column_room ? in->column_room * 2 : 64;
    guess   *guesses = WR_BUMP_NEW_ARRAY(in->bump, guess, room, err);

    in->slots = WR_BUMP_NEW_ARRAY(in->bump, uint32_t, (size_t)room * 2, err);
    if (!guesses || !in->slots)
        return WR_NO_MEMORY;
    if (in->column_count)
        memcpy(guesses, in->guesses, in->column_count * sizeof guesses[0]);
    in->guesses = guesses;
    in->column_room = room;
    in->mask = room * 2 - 1;
    for (uint32_t c = 0; c < in->column_count; c++)
        place(in, c);
    return WR_OK;
}

static wr_status column_of(inference *in, wr_text name, guess **out_guess, wr_error *err)
{
    char *copy;

    if (in->column_count > 0) {
        uint32_t at = (uint32_t)wr_hash_bytes(name.bytes, name.byte_count) & in->mask;

        for (; in->slots[at]; at = (at + 1) & in->mask) {
            *out_guess = &in->guesses[in->slots[at] - 1];
            if (wr_text_equal((*out_guess)->name, name))
                return WR_OK;
        }
    }
    if (in->column_count == COLUMNS_MAX)
        return WR_RAISE(err, WR_DATA, "%.*s: there are more than %d keys", WR_TEXT_ARG(in->path),
                        COLUMNS_MAX);
    if (in->column_count == in->column_room)
        WR_TRY(grow(in, err));
    copy = wr_bump_copy(in->bump, name, err);
    if (!copy)
        return WR_NO_MEMORY;
    *out_guess = &in->guesses[in->column_count];
    **out_guess = (guess){.name = {copy, name.byte_count}};
    place(in, in->column_count++);
    return WR_OK;
}

/* ---- Values ------------------------------------------------------------------------------------ */

static void add_number(guess *g, wr_text text)
{
    static const wr_text_rules USUAL = {0};
    size_t                     digits = text.byte_count - (text.bytes[0] == '-');
    uint64_t                   whole;

    g->any_number = true;
    g->is_negative |= text.bytes[0] == '-';
    for (size_t i = 0; i < text.byte_count; i++)
        g->is_fraction |= text.bytes[i] == '.' || (text.bytes[i] | 0x20) == 'e';
    if (digits > 18) {
        g->is_beyond_u64 |= !wr_parse_u64(text, &whole);
        g->is_beyond_decimal |= digits > DECIMAL_DIGITS_MAX;
    }
    wr_text_guess_add(&g->numbers, &USUAL, text);
}

static void add_value(guess *g, json_token *value)
{
    static const wr_text_rules USUAL = {0};
    uint32_t                   byte_count = (uint32_t)(value->end - value->start);

    switch (value->kind) {
    case JSON_NULL:
        return;
    case JSON_BOOL:
        g->any_bool = true;
        return;
    case JSON_NESTED:
        g->any_nested = true;
        return;
    case JSON_NUMBER:
        add_number(g, (wr_text){(const char *)value->start, byte_count});
        return;
    case JSON_STRING:
        g->any_text = true;
        if (value->escaped || byte_count == 0)
            g->texts.struck = UINT16_MAX;
        else
            wr_text_guess_add(&g->texts, &USUAL, (wr_text){(const char *)value->start, byte_count});
        return;
    }
}

static wr_type number_type(const guess *g)
{
    wr_type type = wr_text_guess_type(&g->numbers);

    if (type.logical != WR_TYPE_UTF8)
        return type;
    if (g->is_fraction || g->is_beyond_decimal)
        return WR_TYPE(F64);
    if (!g->is_negative && !g->is_beyond_u64)
        return WR_TYPE(U64);
    return (wr_type){.logical = WR_TYPE_DECIMAL, .precision = DECIMAL_DIGITS_MAX};
}

static wr_type type_of(const guess *g)
{
    wr_type type = WR_TYPE(UTF8);
    int     kinds = g->any_text + g->any_number + g->any_bool + g->any_nested;

    if (kinds == 0)
        return WR_TYPE(NULL_);
    if (kinds != 1 || g->any_nested)
        return type;
    if (g->any_bool)
        return WR_TYPE(BOOL);
    if (g->any_number)
        return number_type(g);
    type = wr_text_guess_type(&g->texts);
    if (type.logical == WR_TYPE_DATE32 || type.logical == WR_TYPE_TIME ||
        type.logical == WR_TYPE_TIMESTAMP)
        return type;
    return WR_TYPE(UTF8);
}

/* ---- Records ----------------------------------------------------------------------------------- */

static wr_status guess_record(inference *in, uint8_t *record, wr_error *err)
{
    json_walk  walk = {.at = record, .over_lines = in->layout != JSON_LINES};
    json_token key, value;

    while (wr_json_walk_key(&walk, &key)) {
        uint32_t byte_count = (uint32_t)(key.end - key.start);
        guess   *g = NULL;

        if (!wr_json_walk_value(&walk, &value))
            break;
        if (key.escaped) /* the record is read once: it may be rewritten */
            byte_count = wr_json_unescape(key.start, byte_count, (uint8_t *)(uintptr_t)key.start);
        WR_TRY(column_of(in, (wr_text){(const char *)key.start, byte_count}, &g, err));
        add_value(g, &value);
    }
    in->any_fault |= walk.fault != NULL;
    in->any_object |= walk.fault == NULL;
    return WR_OK;
}

/* The record that begins at `from`: *out_next is behind it; false: it does not end in the sample. */
static bool find_record(inference *in, uint32_t from, uint32_t *out_next)
{
    const uint8_t *newline;
    json_cut       cut = {0};
    json_bounds    bounds;

    if (in->layout == JSON_LINES) {
        newline = memchr(in->bytes + from, '\n', in->byte_count - from);
        *out_next = newline ? (uint32_t)(newline - in->bytes) + 1 : 0;
    } else {
        WR_TEXT_PICK(wr_json_scan)->find_bounds(in->layout, true, &cut, in->bytes, from,
                                                in->byte_count, &bounds);
        in->is_over = bounds.closed;
        *out_next = bounds.next;
    }
    return *out_next > 0;
}

/* Every record that ends; what is behind the last one moves to the front. */
static wr_status guess_records(inference *in, wr_error *err)
{
    uint32_t from = 0, next;

    while (!in->is_over && find_record(in, from, &next)) {
        uint8_t *at = (uint8_t *)(uintptr_t)wr_json_blanks(in->bytes + from,
                                                           in->layout != JSON_LINES);

        if (at < in->bytes + next - (in->layout != JSON_DOCUMENTS))
            WR_TRY(guess_record(in, at, err));
        from = next;
    }
    memmove(in->bytes, in->bytes + from, in->byte_count - from);
    in->byte_count -= from;
    in->bytes[in->byte_count] = '\0';
    return WR_OK;
}

static wr_status read_on(inference *in, wr_error *err)
{
    size_t got;

    WR_TRY(wr_input_read_full(in->input, in->bytes + in->byte_count, in->room - in->byte_count,
                              &got, err));
    in->byte_count += (uint32_t)got;
    in->at_end = in->byte_count < in->room;
    if (in->at_end && in->byte_count > 0 && in->bytes[in->byte_count - 1] != '\n')
        in->bytes[in->byte_count++] = '\n'; /* there is room for it */
    in->bytes[in->byte_count] = '\0';
    return WR_OK;
}

/* What stands before the first record becomes blanks. */
static wr_status begin(inference *in, wr_error *err)
{
    uint32_t head_bytes = in->byte_count < JSON_HEAD_BYTES ? in->byte_count : JSON_HEAD_BYTES;
    uint8_t *at;

    if (in->byte_count >= 2 && (memcmp(in->bytes, "\xff\xfe", 2) == 0 ||
                                memcmp(in->bytes, "\xfe\xff", 2) == 0))
        return WR_RAISE(err, WR_DATA, "%.*s: this is UTF-16 text (set the encoding: utf16)",
                        WR_TEXT_ARG(in->path));
    if (in->layout == JSON_AUTO)
        in->layout = wr_json_find_layout(in->bytes, head_bytes);
    if (in->byte_count >= 3 && memcmp(in->bytes, "\xef\xbb\xbf", 3) == 0)
        memset(in->bytes, ' ', 3);
    at = (uint8_t *)(uintptr_t)wr_json_blanks(in->bytes, true);
    if (in->layout == JSON_ARRAY && *at == '[')
        *at = ' ';
    else if (in->layout == JSON_ARRAY && *at != '\0')
        return wr_json_raise_no_array(in->path, err);
    return WR_OK;
}

/* The first bytes, as many as hold a record. */
static wr_status take_sample(inference *in, wr_error *err)
{
    for (uint32_t room = SAMPLE_BYTES, next;; room *= 4) {
        uint8_t *bytes = wr_bump_try_alloc(in->bump, (size_t)room + WR_TEXT_PAD);

        if (!bytes)
            return WR_RAISE(err, WR_NO_MEMORY, "%.*s: no record ends in its first %u bytes, and there "
                            "is no memory to look further: raise the cap, or declare its columns "
                            "(schema)", WR_TEXT_ARG(in->path), in->byte_count);
        memset(bytes, 0, (size_t)room + WR_TEXT_PAD);
        if (in->byte_count)
            memcpy(bytes, in->bytes, in->byte_count);
        in->bytes = bytes;
        in->room = room;
        WR_TRY(read_on(in, err));
        if (room == SAMPLE_BYTES)
            WR_TRY(begin(in, err));
        if (in->at_end || find_record(in, 0, &next))
            return WR_OK;
        if (room >= SAMPLE_BYTES_MAX)
            return WR_RAISE(err, WR_DATA, "%.*s: the first record is longer than %u bytes: declare "
                            "its columns (schema)", WR_TEXT_ARG(in->path), room);
    }
}

/* ---- The schema -------------------------------------------------------------------------------- */

static wr_status make_schema(const inference *in, wr_schema *out_schema, wr_error *err)
{
    wr_schema schema = {.field_count = in->column_count};

    schema.fields = WR_BUMP_NEW_ARRAY(in->bump, wr_field, in->column_count + 1, err);
    if (!schema.fields)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < in->column_count; c++) {
        const guess *g = &in->guesses[c];

        schema.fields[c] = (wr_field){g->name, type_of(g), true};
    }
    *out_schema = schema;
    return WR_OK;
}

wr_status wr_json_infer(void *options, const wr_schema *declared, const wr_file_reader *file,
                        bool full, wr_bump *bump, wr_schema *out_schema, wr_error *err)
{
    inference in = {.path = file->path, .input = file->input, .bump = bump,
                    .layout = (json_layout)((const json_read_options *)options)->layout};

    if (declared && declared->field_count > 0) { /* other keys are passed over */
        *out_schema = *declared;
        return WR_OK;
    }
    WR_TRY(take_sample(&in, err));
    WR_TRY(guess_records(&in, err));
    while (full && !in.at_end && !in.is_over && in.byte_count < in.room) {
        WR_TRY(read_on(&in, err));
        WR_TRY(guess_records(&in, err));
    }
    if (in.column_count == 0 && in.any_fault && !in.any_object)
        return WR_RAISE(err, WR_DATA, "%.*s: no record of it is an object", WR_TEXT_ARG(file->path));
    return make_schema(&in, out_schema, err);
}
