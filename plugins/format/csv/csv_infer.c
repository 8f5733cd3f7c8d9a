/* csv_infer.c — names and types of the columns from a bounded sample, or from all of the file.
 *
 * The sample is SAMPLE_BYTES long; it grows only until it holds the first two records. Then dialect
 * (csv_sniff.c), header and types are settled in this order. To infer from the whole file, the rest of
 * it passes through the sample's buffer, field by field; a field longer than that is text.
 *
 * Is the first record a header? Yes if some column's other values all have a type and its first one
 * does not fit it; no if any of the first values has a type; else yes unless one repeats.
 * Memory: the buffer, one guess and one name per column, in the caller's bump. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "csv_priv.h"
#include "kernel/text_guess.h"
#include "kernel/text_utf8.h"

enum {
    SAMPLE_BYTES = 256 * 1024,
    SAMPLE_BYTES_MAX = 16 * 1024 * 1024,
    COLUMNS_MAX = 100000,
};

typedef struct inference {
    csv_read_options *options;
    csv_dialect       dialect;
    wr_text           path;
    wr_input         *input;
    wr_bump          *bump;
    uint8_t          *bytes;
    uint32_t          byte_count, room;
    uint32_t          first;   /* where the first record begins                          */
    bool              at_end;  /* the input has no more                                  */
    uint32_t          column_count;
    wr_text          *names;   /* texts of the first record                              */
    wr_text_guess    *first_guesses, *guesses; /* of the first record; of all others     */
    bool              any_row; /* besides the first                                      */
} inference;

/* ---- The sample --------------------------------------------------------------------------------- */

/* *out_larger false: there is no memory for a sample of this size, it stays as it is. */
static wr_status read_sample(inference *in, uint32_t room, bool *out_larger, wr_error *err)
{
    uint8_t *bytes = wr_bump_alloc(in->bump, (size_t)room + WR_TEXT_PAD, err);
    size_t   got;

    *out_larger = bytes != NULL;
    if (!bytes && in->bytes) {
        wr_error_clear(err);
        return WR_OK;
    }
    if (!bytes)
        return WR_NO_MEMORY;
    if (in->byte_count > 0)
        memcpy(bytes, in->bytes, in->byte_count);
    in->bytes = bytes;
    in->room = room;
    WR_TRY(wr_input_read_full(in->input, bytes + in->byte_count, room - in->byte_count, &got, err));
    in->byte_count += (uint32_t)got;
    in->at_end = in->byte_count < room;
    return WR_OK;
}

static wr_status check_encoding(const inference *in, wr_error *err)
{
    bool mark_le = in->byte_count >= 2 && memcmp(in->bytes, "\xff\xfe", 2) == 0;
    bool mark_be = in->byte_count >= 2 && memcmp(in->bytes, "\xfe\xff", 2) == 0;
    uint32_t looked = in->byte_count < 4096 ? in->byte_count : 4096, zero_count = 0;

    if (mark_le || mark_be)
        return WR_RAISE(err, WR_DATA, "%.*s: this is UTF-16 text (set the encoding: utf16)",
                        WR_TEXT_ARG(in->path));
    for (uint32_t i = 0; i < looked; i++)
        zero_count += in->bytes[i] == 0;
    if (zero_count > looked / 8) /* a few may be values */
        return WR_RAISE(err, WR_DATA,
                        "%.*s: it is full of zero bytes: this is not CSV text "
                        "(UTF-16 without a mark needs the encoding: utf16le or utf16be)",
                        WR_TEXT_ARG(in->path));
    return WR_OK;
}

/* The first record begins behind the byte order mark and the lines to skip. */
static void find_first(inference *in)
{
    uint32_t at = in->byte_count >= 3 && memcmp(in->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    char     newline = memchr(in->bytes, '\n', in->byte_count) ? '\n' : '\r';

    for (int64_t left = in->options->skip_rows; left > 0 && at < in->byte_count; left--) {
        const uint8_t *hit = memchr(in->bytes + at, newline, in->byte_count - at);

        at = hit ? (uint32_t)(hit - in->bytes) + 1 : in->byte_count;
    }
    in->first = at;
}

/* Are two whole records in the sample? */
static bool holds_two_records(const inference *in)
{
    csv_cursor cursor = {.dialect = &in->dialect, .bytes = in->bytes, .at = in->first,
                         .end = in->byte_count};

    return wr_csv_cursor_record(&cursor, false) && wr_csv_cursor_skip_record(&cursor) &&
           wr_csv_cursor_record(&cursor, false) && wr_csv_cursor_skip_record(&cursor);
}

static wr_status check_marks(const inference *in, wr_error *err)
{
    const csv_read_options *o = in->options;

    if (o->delimiter >= 0 && (o->delimiter == o->quote || o->delimiter == o->escape ||
                              o->delimiter == '\n' || o->delimiter == '\r'))
        return WR_RAISE(err, WR_INVALID, "the delimiter must differ from quote, escape and newline");
    if (o->comment > 0 && (o->comment == o->delimiter || o->comment == o->quote))
        return WR_RAISE(err, WR_INVALID, "the comment byte must differ from delimiter and quote");
    return WR_OK;
}

static wr_status take_sample(inference *in, wr_error *err)
{
    csv_read_options given = *in->options;

    for (uint32_t room = SAMPLE_BYTES;; room *= 4) {
        bool larger;

        WR_TRY(read_sample(in, room, &larger, err));
        WR_TRY(check_encoding(in, err));
        *in->options = given;
        find_first(in);
        wr_csv_sniff(in->options, in->bytes + in->first, in->byte_count - in->first, in->at_end);
        WR_TRY(check_marks(in, err));
        wr_csv_dialect_init(&in->dialect, in->options);
        if (!larger || in->at_end || holds_two_records(in) || room >= SAMPLE_BYTES_MAX)
            return WR_OK;
    }
}

/* ---- Records ------------------------------------------------------------------------------------ */

/* Make room behind the cursor and read on; false: the buffer is full of one field. */
static wr_status refill(inference *in, csv_cursor *cursor, bool *out_moved, wr_error *err)
{
    size_t got;

    memmove(in->bytes, in->bytes + cursor->at, cursor->end - cursor->at);
    in->byte_count = cursor->end - cursor->at;
    cursor->at = 0;
    *out_moved = in->byte_count < in->room;
    WR_TRY(wr_input_read_full(in->input, in->bytes + in->byte_count, in->room - in->byte_count, &got,
                              err));
    in->byte_count += (uint32_t)got;
    cursor->end = in->byte_count;
    cursor->at_end = in->at_end = in->byte_count < in->room;
    return WR_OK;
}

/* A field that fills the buffer: look for its end, drop its bytes. */
static wr_status skip_long_field(inference *in, csv_cursor *cursor, wr_error *err)
{
    unsigned state = cursor->inside ? CSV_AT_FIELD : CSV_AT_RECORD;
    bool     moved;

    for (;;) {
        for (; cursor->at < cursor->end; cursor->at++) {
            unsigned class = in->dialect.classes[cursor->bytes[cursor->at]];
            unsigned next = WR_CSV_NEXT[state][class];

            if (next == CSV_AT_RECORD || (next == CSV_AT_FIELD && class == CSV_DELIMITER)) {
                cursor->at++;
                cursor->is_last = next == CSV_AT_RECORD;
                cursor->inside = !cursor->is_last;
                return WR_OK;
            }
            state = next;
        }
        if (cursor->at_end)
            break;
        WR_TRY(refill(in, cursor, &moved, err));
    }
    cursor->is_last = true;
    cursor->inside = false;
    return WR_OK;
}

/* Take the fields of one record into account; *out_cut: it does not end in a sample that is not
 * to be read on. */
static wr_status guess_record(inference *in, csv_cursor *cursor, bool full, bool *out_cut,
                              wr_error *err)
{
    static const wr_text_guess TEXT = {.struck = UINT16_MAX, .any = true};
    uint32_t                   place = 0;

    *out_cut = false;
    do {
        csv_field field;
        wr_text   text;
        bool      moved = true;

        while (!wr_csv_cursor_field(cursor, &field)) {
            *out_cut = !full;
            if (*out_cut)
                return WR_OK;
            WR_TRY(refill(in, cursor, &moved, err));
            if (!moved)
                break;
        }
        if (!moved) {
            WR_TRY(skip_long_field(in, cursor, err));
            if (place < in->column_count)
                wr_text_guess_merge(&in->guesses[place], &TEXT);
            place++;
            continue;
        }
        text = wr_text_trim((wr_text){(char *)in->bytes + field.start, field.end - field.start});
        if (place < in->column_count && text.byte_count > 0 &&
            (field.quoted || !wr_csv_is_null(&in->dialect, text)))
            wr_text_guess_add(&in->guesses[place], &in->dialect.rules, text);
        place++;
    } while (!cursor->is_last);
    return WR_OK;
}

static wr_status guess_rest(inference *in, csv_cursor *cursor, bool full, wr_error *err)
{
    bool cut = false;

    while (!cut) {
        bool moved;

        if (!wr_csv_cursor_record(cursor, in->column_count == 1)) {
            if (!full || cursor->at_end)
                return WR_OK;
            WR_TRY(refill(in, cursor, &moved, err));
            if (!moved) /* a comment as long as the buffer */
                WR_TRY(skip_long_field(in, cursor, err));
            continue;
        }
        WR_TRY(guess_record(in, cursor, full, &cut, err));
        in->any_row |= !cut;
    }
    return WR_OK;
}

/* ---- The first record ----------------------------------------------------------------------------- */

static uint32_t count_columns(const inference *in, csv_cursor cursor)
{
    uint32_t  count = 0;
    csv_field field;

    do {
        if (!wr_csv_cursor_field(&cursor, &field))
            return 0;
        count++;
    } while (!cursor.is_last);
    (void)in;
    return count;
}

static wr_status take_first_record(inference *in, csv_cursor *cursor, wr_error *err)
{
    in->column_count = count_columns(in, *cursor);
    if (in->column_count == 0)
        return WR_RAISE(err, WR_DATA,
                        "%.*s: the first record does not end within %u bytes "
                        "(is a quote never closed?)",
                        WR_TEXT_ARG(in->path), in->room);
    if (in->column_count > COLUMNS_MAX)
        return WR_RAISE(err, WR_DATA, "%.*s: the first record has more than %d fields",
                        WR_TEXT_ARG(in->path), COLUMNS_MAX);
    in->names = WR_BUMP_NEW_ARRAY(in->bump, wr_text, in->column_count, err);
    in->guesses = WR_BUMP_NEW_ARRAY(in->bump, wr_text_guess, in->column_count, err);
    in->first_guesses = WR_BUMP_NEW_ARRAY(in->bump, wr_text_guess, in->column_count, err);
    if (!in->names || !in->guesses || !in->first_guesses)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < in->column_count; c++) {
        csv_field field;
        wr_text   text = {NULL, 0};

        if (wr_csv_cursor_field(cursor, &field)) {
            uint32_t byte_count = field.end - field.start;
            char *copy = wr_bump_copy(in->bump, (wr_text){(char *)in->bytes + field.start, byte_count},
                                      err);
            if (!copy)
                return WR_NO_MEMORY;
            if (field.escaped) {
                csv_field own = {.start = 0, .end = byte_count, .quoted = field.quoted};
                byte_count = wr_csv_unescape(&in->dialect, (uint8_t *)copy, &own);
            }
            text = (wr_text){copy, byte_count};
        }
        in->names[c] = text;
        if (text.byte_count > 0 && !wr_csv_is_null(&in->dialect, text))
            wr_text_guess_add(&in->first_guesses[c], &in->dialect.rules, text);
    }
    return WR_OK;
}

static bool is_text(const wr_text_guess *guess)
{
    return wr_text_guess_type(guess).logical == WR_TYPE_UTF8;
}

/* Names already given: open addressing, in the bump. */
typedef struct name_slot {
    wr_text  name;        /* bytes NULL: free                                     */
    uint32_t next_number; /* the suffix to try when the name comes again          */
} name_slot;

typedef struct name_set {
    name_slot *slots;
    uint32_t   mask;
} name_set;

static wr_status init_names(name_set *set, uint32_t count, wr_bump *bump, wr_error *err)
{
    set->mask = (uint32_t)wr_pow2_ceil(2 * (uint64_t)count + 2) - 1;
    set->slots = WR_BUMP_NEW_ARRAY(bump, name_slot, (size_t)set->mask + 1, err);
    return set->slots ? WR_OK : WR_NO_MEMORY;
}

/* NULL if `name` is new (and now in there), else the slot that has it. */
static name_slot *add_name(name_set *set, wr_text name)
{
    uint32_t at = (uint32_t)wr_hash_bytes(name.bytes, name.byte_count) & set->mask;

    for (; set->slots[at].name.bytes; at = (at + 1) & set->mask) {
        if (wr_text_equal(set->slots[at].name, name))
            return &set->slots[at];
    }
    set->slots[at] = (name_slot){name, 2};
    return NULL;
}

static bool names_declared(const inference *in, const wr_schema *declared)
{
    for (uint32_t c = 0; declared && c < in->column_count; c++) {
        if (wr_schema_find(declared, in->names[c], NULL) != WR_FIELD_NONE)
            return true;
    }
    return false;
}

static wr_status decide_header(inference *in, const wr_schema *declared, wr_error *err)
{
    name_set set;
    bool     any_typed = false, any_repeated = false, any_misfit = false;

    if (in->options->header != CSV_HEADER_AUTO)
        return WR_OK;
    WR_TRY(init_names(&set, in->column_count, in->bump, err));
    for (uint32_t c = 0; c < in->column_count; c++) {
        wr_text_guess both = in->guesses[c];

        wr_text_guess_merge(&both, &in->first_guesses[c]);
        any_typed |= in->first_guesses[c].any && !is_text(&in->first_guesses[c]);
        any_misfit |= in->guesses[c].any && !is_text(&in->guesses[c]) &&
                      in->first_guesses[c].any && is_text(&both);
        any_repeated |= in->names[c].byte_count > 0 && add_name(&set, in->names[c]);
    }
    in->options->header = names_declared(in, declared) || any_misfit || (!any_typed && !any_repeated)
                              ? CSV_HEADER_TRUE
                              : CSV_HEADER_FALSE;
    return WR_OK;
}

/* Names are what the user writes: they cannot be broken. */
static wr_status check_names(const inference *in, wr_error *err)
{
    for (uint32_t c = 0; in->options->header == CSV_HEADER_TRUE && c < in->column_count; c++) {
        if (!wr_utf8_is_valid((const uint8_t *)in->names[c].bytes, in->names[c].byte_count))
            return WR_RAISE(err, WR_DATA, "%.*s: name %u of the header is invalid UTF-8 (is it "
                            "another encoding, such as latin1?)", WR_TEXT_ARG(in->path), c + 1);
    }
    return WR_OK;
}

/* ---- The schema ----------------------------------------------------------------------------------- */

/* "a" again becomes "a_2", or the next number that is free. */
static wr_status make_unique(inference *in, name_set *set, wr_text *name, wr_error *err)
{
    name_slot *taken = add_name(set, *name);

    while (taken) {
        wr_bump_mark mark = wr_bump_save(in->bump);
        char *text = wr_bump_printf(in->bump, err, "%.*s_%u", WR_TEXT_ARG(*name),
                                    taken->next_number++);
        if (!text)
            return WR_NO_MEMORY;
        if (!add_name(set, wr_text_of(text))) {
            *name = wr_text_of(text);
            return WR_OK;
        }
        wr_bump_rewind(in->bump, mark);
    }
    return WR_OK;
}

/* Names as they are in the header, completed where they repeat or are missing. */
static wr_status complete_names(inference *in, wr_error *err)
{
    name_set set;

    WR_TRY(init_names(&set, in->column_count, in->bump, err));
    for (uint32_t c = 0; c < in->column_count; c++) {
        if (in->options->header == CSV_HEADER_FALSE || in->names[c].byte_count == 0) {
            char *text = wr_bump_printf(in->bump, err, "column%u", c + 1);

            if (!text)
                return WR_NO_MEMORY;
            in->names[c] = wr_text_of(text);
        }
        WR_TRY(make_unique(in, &set, &in->names[c], err));
    }
    return WR_OK;
}

static wr_status raise_not_in_header(const inference *in, const wr_schema *schema, wr_text name,
                                     wr_error *err)
{
    wr_suggest suggest;

    wr_suggest_init(&suggest, name);
    for (uint32_t i = 0; i < in->column_count; i++)
        wr_suggest_offer(&suggest, schema->fields[i].name);
    (void)WR_RAISE(err, WR_DATA, "%.*s: the header has no column '%.*s'", WR_TEXT_ARG(in->path),
                   WR_TEXT_ARG(name));
    wr_suggest_append(&suggest, err);
    wr_error_append(err, "; if the first line is data, set header: false");
    return WR_DATA;
}

/* Declared columns by name where there is a header, else by position. Those beyond the file's are
 * NULL with ragged: pad, else an error. */
static wr_status apply_declared(const inference *in, const wr_schema *declared, wr_schema *schema,
                                wr_error *err)
{
    bool *taken = WR_BUMP_NEW_ARRAY(in->bump, bool, (size_t)in->column_count + 1, err);

    if (!taken)
        return WR_NO_MEMORY;
    for (uint32_t d = 0; declared && d < declared->field_count; d++) {
        uint32_t place = d;

        if (in->options->header == CSV_HEADER_TRUE)
            place = wr_schema_find(&(wr_schema){in->column_count, schema->fields},
                                   declared->fields[d].name, NULL);
        if (place >= in->column_count) {
            if (!in->dialect.pad && in->options->header == CSV_HEADER_TRUE)
                return raise_not_in_header(in, schema, declared->fields[d].name, err);
            if (!in->dialect.pad)
                return WR_RAISE(err, WR_DATA, "%.*s: the schema has %u columns, the first record %u",
                                WR_TEXT_ARG(in->path), declared->field_count, in->column_count);
            place = schema->field_count++;
        } else if (taken[place]) {
            return WR_RAISE(err, WR_INVALID, "%.*s: column '%.*s' of the schema is the same as '%.*s' "
                            "before it: the header has one of them", WR_TEXT_ARG(in->path),
                            WR_TEXT_ARG(declared->fields[d].name),
                            WR_TEXT_ARG(schema->fields[place].name));
        } else {
            taken[place] = true;
        }
        schema->fields[place] = declared->fields[d];
    }
    return WR_OK;
}

/* Null: there was no value to go by. */
static wr_type type_of(const wr_text_guess *guess)
{
    return guess->any ? wr_text_guess_type(guess) : WR_TYPE(NULL_);
}

static wr_status make_schema(inference *in, const wr_schema *declared, wr_schema *out_schema,
                             wr_error *err)
{
    uint32_t  room = in->column_count + (declared ? declared->field_count : 0);
    wr_schema schema = {in->column_count, WR_BUMP_NEW_ARRAY(in->bump, wr_field, room, err)};

    if (!schema.fields)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < in->column_count; c++) {
        if (in->options->header == CSV_HEADER_FALSE)
            wr_text_guess_merge(&in->guesses[c], &in->first_guesses[c]);
        schema.fields[c] = (wr_field){in->names[c], type_of(&in->guesses[c]), true, true};
    }
    WR_TRY(apply_declared(in, declared, &schema, err));
    *out_schema = schema;
    return WR_OK;
}

wr_status wr_csv_infer(void *options, const wr_schema *declared, const wr_file_reader *file,
                       bool full, wr_bump *bump, wr_schema *out_schema, wr_error *err)
{
    inference  in = {.options = options, .path = file->path, .input = file->input, .bump = bump};
    csv_cursor cursor;

    WR_TRY(take_sample(&in, err));
    cursor = (csv_cursor){.dialect = &in.dialect, .bytes = in.bytes, .at = in.first,
                          .end = in.byte_count, .at_end = in.at_end};
    if (!wr_csv_cursor_record(&cursor, false)) {
        *out_schema = (wr_schema){0}; /* no record */
        return WR_OK;
    }
    WR_TRY(take_first_record(&in, &cursor, err));
    WR_TRY(guess_rest(&in, &cursor, full, err));
    WR_TRY(decide_header(&in, declared, err));
    WR_TRY(check_names(&in, err));
    WR_TRY(complete_names(&in, err));
    return make_schema(&in, declared, out_schema, err);
}
