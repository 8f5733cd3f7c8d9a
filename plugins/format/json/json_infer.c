/* json_infer.c — names and types of the columns from the first records, or from all of the file.
 *
 * The text passes through a window, token by token, so that records may have any length. Columns are the
 * keys of records in order of first appearance; types: json_guess.h. Records that cannot be read are left
 * to the scan and its on_error. A key that comes later than the sample is passed over: declare it.
 * Memory: the window and the guesses, in the caller's bump. Cost: 2 to 5 ns a byte. */
#include <string.h>

#include "json_guess.h"

enum {
    WINDOW_BYTES = 256 * 1024,
    TOKEN_BYTES = 64 * 1024,             /* a longer value may be passed over               */
    SAMPLE_BYTES = 256 * 1024,           /* and the rest of the record that they end in ... */
    RECORD_BYTES_MAX = 16 * 1024 * 1024, /* ... if it is no longer than this                */
};

/* An object or array that is open. */
typedef struct place {
    uint32_t guess;
    bool     is_object;
} place;

typedef struct inference {
    json_guesses all;
    wr_input    *input;
    uint8_t     *bytes;
    uint32_t     at, end; /* the window: what is not looked at yet */
    uint64_t     passed;  /* bytes before the window               */
    bool         at_end;
    json_layout  layout;
    place        places[WR_NESTED_DEPTH_MAX + 1];
    uint32_t     depth;
    bool         is_bad;  /* the record cannot be read             */
    bool         any_object, any_fault;
} inference;

/* ---- The window -------------------------------------------------------------------------------- */

/* Have a token's bytes at hand, or all there are. A NUL stands behind the window. */
static wr_status look_ahead(inference *in, wr_error *err)
{
    size_t got;

    if (in->end - in->at >= TOKEN_BYTES || in->at_end)
        return WR_OK;
    memmove(in->bytes, in->bytes + in->at, in->end - in->at);
    in->passed += in->at;
    in->end -= in->at;
    in->at = 0;
    WR_TRY(wr_input_read_full(in->input, in->bytes + in->end, WINDOW_BYTES - in->end, &got, err));
    in->end += (uint32_t)got;
    in->at_end = in->end < WINDOW_BYTES;
    in->bytes[in->end] = '\0';
    return WR_OK;
}

static wr_status pass_blanks(inference *in, bool over_lines, wr_error *err)
{
    do {
        WR_TRY(look_ahead(in, err));
        in->at = (uint32_t)(wr_json_blanks(in->bytes + in->at, over_lines) - in->bytes);
    } while (in->at == in->end && !in->at_end);
    return WR_OK;
}

/* A text that the window does not hold. */
static wr_status pass_text(inference *in, wr_error *err)
{
    bool escaped = false, inside = true;

    in->at++;
    while (inside && in->at < in->end) {
        uint8_t byte = in->bytes[in->at++];

        inside = byte != '"' || escaped;
        escaped = byte == '\\' && !escaped;
        if (in->at == in->end)
            WR_TRY(look_ahead(in, err));
    }
    return WR_OK;
}

/* A nested value, or a record, of which the first bytes were not taken. */
static wr_status pass_value(inference *in, json_layout layout, wr_error *err)
{
    json_cut    cut = {0};
    json_bounds bounds = {0};

    while (bounds.next == 0 && in->at < in->end) {
        WR_TEXT_PICK(wr_json_scan)->find_bounds(layout, true, &cut, in->bytes, in->at, in->end,
                                                &bounds);
        in->at = bounds.next == 0 ? in->end : layout == JSON_ARRAY ? bounds.end : bounds.next;
        WR_TRY(look_ahead(in, err));
    }
    return WR_OK;
}

/* ---- Records ----------------------------------------------------------------------------------- */

/* The value at hand; *out_opened: an object or array whose inside comes next, at its bracket. */
static wr_status take_value(inference *in, uint32_t g, bool *out_opened, wr_error *err)
{
    json_walk  walk = {.over_lines = in->layout != JSON_LINES, .depth_max = JSON_DEPTH_MAX};
    json_token value;
    uint8_t    byte;
    bool       is_nested;

    WR_TRY(look_ahead(in, err));
    walk.at = in->bytes + in->at;
    byte = *walk.at;
    is_nested = byte == '{' || byte == '[';
    *out_opened = is_nested && g != JSON_NOBODY && !in->all.guesses[g].is_opaque &&
                  in->depth <= (uint32_t)in->all.options->infer_depth;
    if (is_nested && g != JSON_NOBODY)
        in->all.guesses[g].kinds |= byte == '{' ? JSON_KIND_OBJECT : JSON_KIND_ARRAY;
    if (*out_opened) {
        in->places[in->depth++] = (place){g, byte == '{'};
        return WR_OK;
    }
    if (is_nested && g != JSON_NOBODY)
        in->all.guesses[g].is_opaque = true;
    if (wr_json_walk_value(&walk, &value)) {
        in->at = (uint32_t)(walk.at - in->bytes);
        if (g != JSON_NOBODY)
            wr_json_guess_add(&in->all.guesses[g], &value);
        return WR_OK;
    }
    in->is_bad = in->at_end || (byte != '"' && !is_nested);
    if (in->is_bad || is_nested)
        return in->is_bad ? WR_OK : pass_value(in, JSON_DOCUMENTS, err);
    if (g != JSON_NOBODY) {
        in->all.guesses[g].kinds |= JSON_KIND_TEXT;
        in->all.guesses[g].texts.struck = UINT16_MAX;
    }
    return pass_text(in, err);
}

/* The next element of an array; false: it is over, or there is a fault. */
static bool walk_element(json_walk *walk)
{
    bool over_lines = walk->over_lines, was_inside = walk->inside;

    walk->at = wr_json_blanks(walk->at, over_lines);
    if (*walk->at == (was_inside ? ',' : '[')) {
        walk->at = wr_json_blanks(walk->at + 1, over_lines);
        if (was_inside || *walk->at != ']')
            return true;
    }
    if (*walk->at == ']')
        walk->at++;
    else
        walk->fault = "expected ',' or ']'";
    return false;
}

/* On to the next value; *out_guess JSON_NOBODY: nobody wants it. in->depth 0: the record is over. */
static wr_status go_on(inference *in, bool opened, uint32_t *out_guess, wr_error *err)
{
    while (in->depth > 0 && !in->is_bad) {
        place     *top = &in->places[in->depth - 1];
        json_walk  walk = {.over_lines = in->layout != JSON_LINES, .inside = !opened};
        json_token key = {0};
        bool       more;

        WR_TRY(look_ahead(in, err));
        walk.at = in->bytes + in->at;
        more = top->is_object ? wr_json_walk_key(&walk, &key) : walk_element(&walk);
        in->is_bad = walk.fault != NULL;
        in->at = (uint32_t)(walk.at - in->bytes);
        if (more && top->is_object) {
            wr_text name = {(const char *)key.start, (size_t)(key.end - key.start)};

            if (key.escaped) /* the text is read once: it may be rewritten */
                name.byte_count = wr_json_unescape(key.start, (uint32_t)name.byte_count,
                                                   (uint8_t *)(uintptr_t)key.start);
            return wr_json_guess_member(&in->all, top->guess, name, out_guess, err);
        }
        if (more)
            return wr_json_guess_element(&in->all, top->guess, out_guess, err);
        opened = false;
        in->depth -= !in->is_bad;
    }
    return WR_OK;
}

/* Nothing more is looked at. */
static void stop(inference *in)
{
    in->at_end = true;
    in->at = in->end;
}

/* Behind a record that cannot be read. */
static wr_status pass_bad_record(inference *in, uint64_t begin, wr_error *err)
{
    in->any_fault = true;
    if (begin >= in->passed)
        in->at = (uint32_t)(begin - in->passed);
    else if (in->layout != JSON_LINES)
        stop(in);
    return in->layout == JSON_LINES ? WR_OK : pass_value(in, in->layout, err);
}

/* The record at hand. */
static wr_status guess_record(inference *in, wr_error *err)
{
    uint64_t begin = in->passed + in->at;
    uint32_t g = JSON_ROOT;

    in->depth = 0;
    in->is_bad = in->bytes[in->at] != '{';
    while (!in->is_bad) {
        bool opened;

        WR_TRY(take_value(in, g, &opened, err));
        WR_TRY(go_on(in, opened, &g, err));
        if (in->depth == 0 && !in->is_bad) {
            in->any_object = true;
            return WR_OK;
        }
        if (in->passed + in->at - begin > RECORD_BYTES_MAX) {
            stop(in);
            return WR_OK;
        }
    }
    return pass_bad_record(in, begin, err);
}

/* Behind a record, up to the next one. */
static wr_status pass_separator(inference *in, wr_error *err)
{
    bool found = false;

    if (in->layout == JSON_LINES) {
        while (!found && in->at < in->end) {
            const uint8_t *newline = memchr(in->bytes + in->at, '\n', in->end - in->at);

            found = newline != NULL;
            in->at = found ? (uint32_t)(newline - in->bytes) + 1 : in->end;
            WR_TRY(look_ahead(in, err));
        }
        return WR_OK;
    }
    WR_TRY(pass_blanks(in, true, err));
    if (in->layout == JSON_ARRAY && in->bytes[in->at] == ',')
        in->at++;
    else if (in->layout == JSON_ARRAY && in->bytes[in->at] == ']')
        stop(in);
    return WR_OK;
}

/* What stands before the first record. */
static wr_status begin(inference *in, wr_error *err)
{
    WR_TRY(look_ahead(in, err));
    if (in->end >= 2 && (memcmp(in->bytes, "\xff\xfe", 2) == 0 ||
                         memcmp(in->bytes, "\xfe\xff", 2) == 0))
        return WR_RAISE(err, WR_DATA, "%.*s: this is UTF-16 text (set the encoding: utf16)",
                        WR_TEXT_ARG(in->all.path));
    if (in->layout == JSON_AUTO)
        in->layout = wr_json_find_layout(in->bytes, in->end < JSON_HEAD_BYTES ? in->end
                                                                              : JSON_HEAD_BYTES);
    if (in->end >= 3 && memcmp(in->bytes, "\xef\xbb\xbf", 3) == 0)
        in->at = 3;
    WR_TRY(pass_blanks(in, true, err));
    if (in->layout == JSON_ARRAY && in->at < in->end && in->bytes[in->at] != '[')
        return wr_json_raise_no_array(in->all.path, err);
    in->at += in->layout == JSON_ARRAY && in->at < in->end;
    return WR_OK;
}

static wr_status guess_records(inference *in, bool full, wr_error *err)
{
    WR_TRY(begin(in, err));
    for (;;) {
        WR_TRY(pass_blanks(in, true, err));
        if (in->at == in->end || (!full && in->passed + in->at > SAMPLE_BYTES))
            return WR_OK;
        if (in->layout != JSON_ARRAY || in->bytes[in->at] != ']')
            WR_TRY(guess_record(in, err));
        WR_TRY(pass_separator(in, err));
    }
}

wr_status wr_json_infer(void *options, const wr_schema *declared, const wr_file_reader *file,
                        bool full, wr_bump *bump, wr_schema *out_schema, wr_error *err)
{
    const json_read_options *given = options;
    inference                in = {.input = file->input, .layout = (json_layout)given->layout};

    if (declared && declared->field_count > 0) { /* other keys are passed over */
        *out_schema = *declared;
        return WR_OK;
    }
    in.bytes = wr_bump_alloc(bump, WINDOW_BYTES + WR_TEXT_PAD, err);
    if (!in.bytes)
        return WR_NO_MEMORY;
    memset(in.bytes, 0, WINDOW_BYTES + WR_TEXT_PAD);
    WR_TRY(wr_json_guesses_init(&in.all, given, file->path, bump, err));
    WR_TRY(guess_records(&in, full, err));
    if (in.all.guesses[JSON_ROOT].member_count == 0 && in.any_fault && !in.any_object)
        return WR_RAISE(err, WR_DATA, "%.*s: no record of it is an object", WR_TEXT_ARG(file->path));
    return wr_json_guess_schema(&in.all, out_schema, err);
}
