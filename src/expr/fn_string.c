/* expr/fn_string.c — functions on text: measuring, cutting, searching, replacing.
 *
 * Positions and lengths count code points, from 1, as in PostgreSQL. Results that are parts of an
 * argument refer to its bytes and cost no memory. */
#include "expr/fn_text_priv.h"
#include "types/utf8.h"

/* ---- Measuring ------------------------------------------------------------------------------- */

/* Code points of the first argument. */
static wr_status count_at(arguments args, uint32_t row, int64_t *out_count, wr_error *err)
{
    const wr_blob *blob = blob_at(args, 0, row);

    if (blob)
        return wr_long_text_count(blob, blob->byte_count, out_count, err);
    *out_count = count_points(text_at(args, 0, row));
    return WR_OK;
}

EVAL(length)
{
    (void)arg_count;
    EACH_LIVE(row)
    WR_TRY(count_at(args, row, (int64_t *)out->data + row, err));
    return WR_OK;
}

EVAL(octet_length)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    ((int64_t *)out->data)[row] =
        ((const wr_str *)args[0]->data)[wr_arg_index(args[0], row)].byte_count;
    return WR_OK;
}

/* ---- Cutting --------------------------------------------------------------------------------- */

/* Code points [from, to) of the first argument. */
static wr_status put_cut(wr_eval *eval, arguments args, uint32_t row, int64_t from, int64_t to,
                         wr_vector *out, wr_error *err)
{
    const wr_blob *blob = blob_at(args, 0, row);
    wr_text        part;

    if (blob)
        return wr_long_text_cut(eval, blob, from, to, out, row, err);
    part = cut(text_at(args, 0, row), from, to);
    put_part(out, row, part.bytes, part.byte_count);
    return WR_OK;
}

/* substr(text, start [, count]): PostgreSQL's, so a start before 1 eats into the count. */
EVAL(substr)
{
    EACH_LIVE(row)
    {
        int64_t start = int_at(args, 1, row), end = INT64_MAX;

        if (arg_count > 2) {
            int64_t count = int_at(args, 2, row);

            if (count < 0)
                return wr_eval_fail(eval, row, err, "substr: a negative length");
            if (__builtin_add_overflow(start, count, &end))
                end = INT64_MAX;
        }
        WR_TRY(put_cut(eval, args, row, start > 0 ? start - 1 : 0, end > 0 ? end - 1 : 0, out, err));
    }
    return WR_OK;
}

/* left(text, n), right(text, n): a negative n leaves out |n| code points at the other end. */
EVAL(left_part)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        int64_t n = int_at(args, 1, row), count = 0;

        if (n < 0)
            WR_TRY(count_at(args, row, &count, err));
        WR_TRY(put_cut(eval, args, row, 0, count + n, out, err));
    }
    return WR_OK;
}

EVAL(right_part)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        int64_t n = int_at(args, 1, row), from = n == INT64_MIN ? INT64_MAX : -n, count;

        if (n >= 0) {
            WR_TRY(count_at(args, row, &count, err));
            from = count - n;
        }
        WR_TRY(put_cut(eval, args, row, from, INT64_MAX, out, err));
    }
    return WR_OK;
}

static bool has_point(wr_text set, const char *point, size_t byte_count)
{
    for (size_t at = 0; at < set.byte_count; at += point_bytes(set, at))
        if (point_bytes(set, at) == byte_count && memcmp(set.bytes + at, point, byte_count) == 0)
            return true;
    return false;
}

static wr_text trim_set(wr_text text, wr_text set, bool at_start, bool at_end)
{
    while (at_start && text.byte_count) {
        size_t bytes = point_bytes(text, 0);

        if (!has_point(set, text.bytes, bytes))
            break;
        text.bytes += bytes;
        text.byte_count -= bytes;
    }
    while (at_end && text.byte_count) {
        size_t begin = text.byte_count - 1;

        while (begin > 0 && !is_start(text.bytes[begin]))
            begin--;
        if (!has_point(set, text.bytes + begin, text.byte_count - begin))
            break;
        text.byte_count = begin;
    }
    return text;
}

static wr_status trim_any(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                          bool at_start, bool at_end)
{
    EACH_LIVE(row)
    {
        wr_text set = arg_count > 1 ? text_at(args, 1, row) : WR_TEXT(" ");
        wr_text part = trim_set(text_at(args, 0, row), set, at_start, at_end);

        put_part(out, row, part.bytes, part.byte_count);
    }
    return WR_OK;
}

EVAL(trim)
{
    (void)err;
    return trim_any(eval, args, arg_count, out, true, true);
}

EVAL(ltrim)
{
    (void)err;
    return trim_any(eval, args, arg_count, out, true, false);
}

EVAL(rtrim)
{
    (void)err;
    return trim_any(eval, args, arg_count, out, false, true);
}

/* ---- Searching ------------------------------------------------------------------------------- */

/* Byte offset of `needle` at or after `from`, or SIZE_MAX. memmem is linear. */
static size_t find(wr_text text, wr_text needle, size_t from)
{
    const char *hit;

    if (from > text.byte_count)
        return SIZE_MAX;
    if (needle.byte_count == 0)
        return from;
    hit = memmem(text.bytes + from, text.byte_count - from, needle.bytes, needle.byte_count);
    return hit ? (size_t)(hit - text.bytes) : SIZE_MAX;
}

/* Byte offset of the second argument in the first, or UINT64_MAX. */
static wr_status find_at(wr_eval *eval, arguments args, uint32_t row, uint64_t *out_at, wr_error *err)
{
    const wr_blob *blob = blob_at(args, 0, row);
    wr_text        part = text_at(args, 1, row);
    size_t         at;

    if (blob)
        return wr_long_text_find(eval, blob, part, out_at, err);
    at = find(text_at(args, 0, row), part, 0);
    *out_at = at == SIZE_MAX ? UINT64_MAX : at;
    return WR_OK;
}

EVAL(position)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        const wr_blob *blob = blob_at(args, 0, row);
        int64_t        count = -1;
        uint64_t       at;

        WR_TRY(find_at(eval, args, row, &at, err));
        if (at != UINT64_MAX && blob)
            WR_TRY(wr_long_text_count(blob, at, &count, err));
        else if (at != UINT64_MAX)
            count = count_points((wr_text){text_at(args, 0, row).bytes, (size_t)at});
        ((int64_t *)out->data)[row] = count + 1;
    }
    return WR_OK;
}

EVAL(starts_with)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        const wr_blob *blob = blob_at(args, 0, row);
        wr_text        part = text_at(args, 1, row);
        bool           has = !blob && wr_text_starts_with(text_at(args, 0, row), part);

        if (blob)
            WR_TRY(wr_long_text_has(blob, 0, part, &has, err));
        ((uint8_t *)out->data)[row] = has;
    }
    return WR_OK;
}

EVAL(ends_with)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        const wr_blob *blob = blob_at(args, 0, row);
        wr_text        part = text_at(args, 1, row);
        bool           has = !blob && wr_text_ends_with(text_at(args, 0, row), part);

        if (blob && part.byte_count <= blob->byte_count)
            WR_TRY(wr_long_text_has(blob, blob->byte_count - part.byte_count, part, &has, err));
        ((uint8_t *)out->data)[row] = has;
    }
    return WR_OK;
}

EVAL(contains)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        uint64_t at;

        WR_TRY(find_at(eval, args, row, &at, err));
        ((uint8_t *)out->data)[row] = at != UINT64_MAX;
    }
    return WR_OK;
}

/* split_part(text, delimiter, n): n < 0 counts from the end; "" where there is no such part. */
EVAL(split_part)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row), delimiter = text_at(args, 1, row);
        int64_t n = int_at(args, 2, row), parts = 1;
        size_t begin = 0, hit;

        if (n == 0)
            return wr_eval_fail(eval, row, err, "split_part: parts count from 1");
        if (delimiter.byte_count == 0) {
            put_part(out, row, text.bytes, n == 1 || n == -1 ? text.byte_count : 0);
            continue;
        }
        for (size_t at = 0; n < 0 && (hit = find(text, delimiter, at)) != SIZE_MAX;
             at = hit + delimiter.byte_count)
            parts++;
        n = n < 0 ? parts + n + 1 : n;
        for (int64_t i = 1; i < n && begin != SIZE_MAX; i++) {
            hit = find(text, delimiter, begin);
            begin = hit == SIZE_MAX ? SIZE_MAX : hit + delimiter.byte_count;
        }
        if (n < 1 || begin == SIZE_MAX) {
            put_part(out, row, text.bytes, 0);
            continue;
        }
        hit = find(text, delimiter, begin);
        put_part(out, row, text.bytes + begin, (hit == SIZE_MAX ? text.byte_count : hit) - begin);
    }
    return WR_OK;
}

/* ---- Making new texts ------------------------------------------------------------------------ */

static wr_status map_case(wr_eval *eval, arguments args, wr_vector *out,
                          size_t (*map)(const char *bytes, size_t byte_count, char *out))
{
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row);
        size_t  bytes_max = wr_utf8_case_bytes_max(text.byte_count);
        char small[WR_STR_INLINE_BYTES], *room = result_room(eval, bytes_max, small);

        if (!room)
            return WR_NO_RESERVE;
        put_part(out, row, room, map(text.bytes, text.byte_count, room));
    }
    return WR_OK;
}

EVAL(lower)
{
    (void)arg_count, (void)err;
    return map_case(eval, args, out, wr_utf8_lower);
}

EVAL(upper)
{
    (void)arg_count, (void)err;
    return map_case(eval, args, out, wr_utf8_upper);
}

EVAL(reverse)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row);
        char small[WR_STR_INLINE_BYTES], *room = result_room(eval, text.byte_count, small);

        if (!room)
            return WR_NO_RESERVE;
        for (size_t at = 0; at < text.byte_count;) {
            size_t bytes = point_bytes(text, at);

            memcpy(room + text.byte_count - at - bytes, text.bytes + at, bytes);
            at += bytes;
        }
        put_part(out, row, room, text.byte_count);
    }
    return WR_OK;
}

EVAL(replace)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row), from = text_at(args, 1, row);
        wr_text to = text_at(args, 2, row);
        size_t hits = 0, used = 0, at = 0, hit, byte_count;
        char small[WR_STR_INLINE_BYTES], *room;

        for (; from.byte_count && (hit = find(text, from, at)) != SIZE_MAX;
             at = hit + from.byte_count)
            hits++;
        if (hits == 0) {
            put_part(out, row, text.bytes, text.byte_count);
            continue;
        }
        byte_count = text.byte_count - hits * from.byte_count + hits * to.byte_count;
        if (byte_count > RESULT_BYTES_MAX)
            return fail_too_long(eval, row, err);
        room = result_room(eval, byte_count, small);
        if (!room)
            return WR_NO_RESERVE;
        for (at = 0; (hit = find(text, from, at)) != SIZE_MAX; at = hit + from.byte_count) {
            memcpy(room + used, text.bytes + at, hit - at);
            used += hit - at;
            memcpy(room + used, to.bytes, to.byte_count);
            used += to.byte_count;
        }
        memcpy(room + used, text.bytes + at, text.byte_count - at);
        put_part(out, row, room, byte_count);
    }
    return WR_OK;
}

/* ---- Table ------------------------------------------------------------------------------------- */

/* clang-format off */
#define TEXT  {.logical = WR_TYPE_UTF8}
#define BYTES {.logical = WR_TYPE_BINARY}
#define INT64 {.logical = WR_TYPE_I64}
#define BOOL  {.logical = WR_TYPE_BOOL}
#define FUNCTION(name_, sig, flags_, result_, eval_, help_, ...) \
    {.name = name_, .signature = sig, .help = help_, .flags = flags_, \
     .param_count = sizeof((wr_type[]){__VA_ARGS__}) / sizeof(wr_type), .params = {__VA_ARGS__}, \
     .result = result_, .eval = eval_}
#define TOTAL(name_, sig, result_, eval_, help_, ...) \
    FUNCTION(name_, sig, WR_FN_TOTAL, result_, eval_, help_, __VA_ARGS__)
#define STREAMS(name_, sig, result_, eval_, help_, ...) \
    FUNCTION(name_, sig, WR_FN_TOTAL | WR_FN_BLOB_TEXT, result_, eval_, help_, __VA_ARGS__)
#define SUBSTR(name_, help1, help2) \
    FUNCTION(name_, "(text, start, count) -> text", WR_FN_BLOB_TEXT, TEXT, substr, help1, TEXT, INT64, INT64), \
    FUNCTION(name_, "(text, start) -> text", WR_FN_BLOB_TEXT, TEXT, substr, help2, TEXT, INT64)
#define TRIM(name_, eval_, help1, help2) \
    TOTAL(name_, "(text) -> text", TEXT, eval_, help1, TEXT), \
    TOTAL(name_, "(text, characters) -> text", TEXT, eval_, help2, TEXT, TEXT)
#define SEARCH(name_, sig, result_, eval_, help_) \
    STREAMS(name_, "(text, part) -> " sig, result_, eval_, help_, TEXT, TEXT)

static const wr_function FUNCTIONS[] = {
    STREAMS("length", "(text) -> Int64", INT64, length, "number of characters", TEXT),
    STREAMS("char_length", "(text) -> Int64", INT64, length, "number of characters", TEXT),
    STREAMS("character_length", "(text) -> Int64", INT64, length, "number of characters", TEXT),
    STREAMS("len", "(text) -> Int64", INT64, length, "number of characters", TEXT),
    FUNCTION("length", "(binary) -> Int64", WR_FN_TOTAL | WR_FN_BLOBS, INT64, octet_length, "number of bytes", BYTES),
    FUNCTION("octet_length", "(text) -> Int64", WR_FN_TOTAL | WR_FN_BLOBS, INT64, octet_length, "number of bytes", TEXT),
    FUNCTION("octet_length", "(binary) -> Int64", WR_FN_TOTAL | WR_FN_BLOBS, INT64, octet_length, "number of bytes", BYTES),
    SUBSTR("substr", "`count` characters from `start`, which counts from 1", "everything from character `start` on"),
    SUBSTR("substring", "as substr", "as substr"),
    STREAMS("left", "(text, n) -> text", TEXT, left_part,
          "the first n characters; without the last -n if n is negative", TEXT, INT64),
    STREAMS("right", "(text, n) -> text", TEXT, right_part,
          "the last n characters; without the first -n if n is negative", TEXT, INT64),
    TRIM("trim", trim, "without blanks at both ends", "without any of these characters at both ends"),
    TRIM("btrim", trim, "as trim", "as trim"),
    TRIM("ltrim", ltrim, "without blanks at the start", "without any of these characters at the start"),
    TRIM("rtrim", rtrim, "without blanks at the end", "without any of these characters at the end"),
    SEARCH("strpos", "Int64", INT64, position, "where `part` begins, from 1; 0 if it is not there"),
    SEARCH("position", "Int64", INT64, position, "as strpos; also POSITION(part IN text)"),
    SEARCH("instr", "Int64", INT64, position, "as strpos"),
    SEARCH("starts_with", "Boolean", BOOL, starts_with, "does the text begin with `part`?"),
    SEARCH("ends_with", "Boolean", BOOL, ends_with, "does the text end with `part`?"),
    SEARCH("contains", "Boolean", BOOL, contains, "is `part` somewhere in the text?"),
    FUNCTION("split_part", "(text, delimiter, n) -> text", 0, TEXT, split_part,
             "the n-th part between delimiters, from the end if n is negative", TEXT, TEXT, INT64),
    TOTAL("lower", "(text) -> text", TEXT, lower, "in lower case (each letter by itself, any language)", TEXT),
    TOTAL("upper", "(text) -> text", TEXT, upper, "in upper case (each letter by itself, any language)", TEXT),
    TOTAL("reverse", "(text) -> text", TEXT, reverse, "characters in reverse order", TEXT),
    FUNCTION("replace", "(text, from, to) -> text", 0, TEXT, replace, "every `from` replaced by `to`", TEXT, TEXT, TEXT),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_STRING = {"string", FUNCTIONS,
                                               sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
