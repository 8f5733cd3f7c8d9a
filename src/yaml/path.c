/* yaml/path.c — paths into records, one step at a time. */
#include "yaml/path.h"

#include <string.h>

typedef struct reader {
    wr_text   text;
    size_t    at;
    wr_bump  *bump;
    wr_path  *path;
    wr_error *err;
} reader;

static wr_status add_step(reader *r, size_t from, wr_path_step step)
{
    if (r->path->step_count == WR_PATH_STEPS_MAX) {
        r->at = from;
        return WR_RAISE(r->err, WR_UNSUPPORTED, "a path has at most %d steps", WR_PATH_STEPS_MAX);
    }
    if (step.is_index && r->path->step_count == 0) {
        r->at = from;
        return WR_RAISE(r->err, WR_INVALID,
                        "a path begins with a key: a record is an object, not a list");
    }
    r->path->steps[r->path->step_count++] = step;
    return WR_OK;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The digits [from, end). */
static wr_status add_index(reader *r, size_t from, size_t end)
{
    uint64_t index = 0;

    for (size_t i = from; i < end && index <= UINT32_MAX; i++)
        index = index * 10 + (uint64_t)(r->text.bytes[i] - '0');
    if (index > UINT32_MAX) {
        r->at = from;
        return WR_RAISE(r->err, WR_INVALID, "an index of a list is at most %u", UINT32_MAX);
    }
    return add_step(r, from, (wr_path_step){.is_index = true, .index = (uint32_t)index});
}

static wr_status add_key(reader *r, size_t from, size_t end)
{
    if (from == end)
        return WR_RAISE(r->err, WR_INVALID, "a key is missing: write $.address.city or /address/city");
    return add_step(r, from, (wr_path_step){.key = {r->text.bytes + from, end - from}});
}

/* ---- JSONPath ------------------------------------------------------------------------------------ */

/* Behind a bracket: digits, or a key in quotes. */
static wr_status read_bracket(reader *r)
{
    const char *bytes = r->text.bytes;
    size_t      from = r->at, end = from, count = r->text.byte_count;
    bool        quoted = from < count && (bytes[from] == '\'' || bytes[from] == '"');

    if (quoted)
        for (end++; end < count && bytes[end] != bytes[from];)
            end++;
    else
        while (end < count && is_digit(bytes[end]))
            end++;
    if (end == from || end + quoted >= count || bytes[end + quoted] != ']')
        return WR_RAISE(r->err, WR_INVALID,
                        "in brackets stands one index from 0 or one key in quotes: $.tags[0], "
                        "$['first name']");
    if (quoted)
        WR_TRY(add_key(r, from + 1, end));
    else
        WR_TRY(add_index(r, from, end));
    r->at = end + quoted + 1;
    return WR_OK;
}

static wr_status read_dot(reader *r)
{
    size_t from = r->at, end = from;

    while (end < r->text.byte_count && r->text.bytes[end] != '.' && r->text.bytes[end] != '[')
        end++;
    if (end == from + 1 && r->text.bytes[from] == '*')
        return WR_RAISE(r->err, WR_INVALID,
                        "a path has one value, without *: name a key, or quote it: $['*']");
    if (end > from && (r->text.bytes[from] == '\'' || r->text.bytes[from] == '"'))
        return WR_RAISE(r->err, WR_INVALID,
                        "a key in quotes stands in brackets: $['first name']");
    WR_TRY(add_key(r, from, end));
    r->at = end;
    return WR_OK;
}

static wr_status read_dollar(reader *r)
{
    for (r->at = 1; r->at < r->text.byte_count;) {
        char byte = r->text.bytes[r->at];

        if (byte != '.' && byte != '[')
            return WR_RAISE(r->err, WR_INVALID,
                            "expected '.' and a key, or '[': write $.address.city or $.tags[0]");
        r->at++;
        WR_TRY(byte == '.' ? read_dot(r) : read_bracket(r));
    }
    return WR_OK;
}

/* ---- JSON pointer -------------------------------------------------------------------------------- */

/* ~1 is a slash, ~0 a tilde. */
static wr_status read_pointer_key(reader *r, size_t end)
{
    size_t from = r->at, used = 0;
    char  *key = wr_bump_alloc(r->bump, end - from + 1, r->err);

    if (!key)
        return WR_NO_MEMORY;
    for (; r->at < end; r->at++) {
        char byte = r->text.bytes[r->at], code;

        if (byte == '~') {
            code = r->at + 1 < end ? r->text.bytes[r->at + 1] : '\0';
            if (code != '0' && code != '1')
                return WR_RAISE(r->err, WR_INVALID,
                                "behind ~ stands 0 or 1: ~0 is a tilde, ~1 a slash");
            byte = code == '0' ? '~' : '/';
            r->at++;
        }
        key[used++] = byte;
    }
    return add_step(r, from, (wr_path_step){.key = {key, used}});
}

static wr_status read_pointer(reader *r)
{
    const char *bytes = r->text.bytes;

    for (r->at = 0; r->at < r->text.byte_count;) {
        size_t end = ++r->at;
        bool   digits = true;

        for (; end < r->text.byte_count && bytes[end] != '/'; end++)
            digits &= is_digit(bytes[end]);
        if (end == r->at)
            return add_key(r, end, end);
        WR_TRY(digits ? add_index(r, r->at, end) : read_pointer_key(r, end));
        r->at = end;
    }
    return WR_OK;
}

wr_status wr_path_parse(wr_text text, wr_bump *bump, wr_path *out_path, size_t *out_fault_bytes,
                        wr_error *err)
{
    reader    r = {.text = text, .bump = bump, .path = out_path, .err = err};
    char      first = text.byte_count ? text.bytes[0] : '\0';
    wr_status status;

    *out_fault_bytes = 0;
    *out_path = (wr_path){WR_BUMP_NEW_ARRAY(bump, wr_path_step, WR_PATH_STEPS_MAX, err), 0};
    if (!out_path->steps)
        return WR_NO_MEMORY;
    if ((first != '$' && first != '/') || text.byte_count == 1)
        return WR_RAISE(err, WR_INVALID,
                        "a path leads from the record to a value: write $.address.city, $.tags[0] or "
                        "/address/city");
    status = first == '$' ? read_dollar(&r) : read_pointer(&r);
    *out_fault_bytes = r.at;
    return status;
}
