/* expr/fn_string.c — functions on text: measuring, cutting, searching, padding, joining.
 *
 * Positions and lengths count code points, from 1, as in PostgreSQL; texts are valid UTF-8 (readers
 * check it), so a code point begins at every byte that is not 10xxxxxx. Results that are parts of
 * an argument refer to its bytes and cost no memory. */
#include "expr/function.h"
#include "types/utf8.h"

typedef const wr_vector *const *arguments;

static wr_text text_at(arguments args, uint32_t index, uint32_t row)
{
    const wr_vector *arg = args[index];

    return wr_str_text((const wr_str *)arg->data + wr_arg_index(arg, row));
}

static int64_t int_at(arguments args, uint32_t index, uint32_t row)
{
    const wr_vector *arg = args[index];

    return ((const int64_t *)arg->data)[wr_arg_index(arg, row)];
}

/* A part of an argument: no copy. Inline texts are copied into the view by wr_str_of. */
static void put_part(wr_vector *out, uint32_t row, const char *bytes, size_t byte_count)
{
    ((wr_str *)out->data)[row] = wr_str_of(bytes, byte_count);
}

#define EACH_LIVE(eval, row)                                                                       \
    for (uint32_t i_ = 0, row = 0;                                                                 \
         i_ < (eval)->live.row_count && ((row = wr_selection_row(&(eval)->live, i_)), true); i_++)

/* ---- Code points ----------------------------------------------------------------------------- */

static bool is_start(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

static int64_t count_points(wr_text text)
{
    int64_t count = 0;

    for (size_t i = 0; i < text.byte_count; i++)
        count += is_start(text.bytes[i]);
    return count;
}

/* Byte offset of the index-th code point (from 0), or byte_count. */
static size_t offset_of(wr_text text, int64_t index)
{
    size_t at = 0;

    for (; at < text.byte_count; at++)
        if (is_start(text.bytes[at]) && index-- == 0)
            return at;
    return at;
}

/* Code points [from, to) of the text, clamped. */
static wr_text cut(wr_text text, int64_t from, int64_t to)
{
    size_t begin, end;

    from = from < 0 ? 0 : from;
    if (to <= from)
        return (wr_text){text.bytes, 0};
    begin = offset_of(text, from);
    text.bytes += begin;
    text.byte_count -= begin;
    end = offset_of(text, to - from);
    return (wr_text){text.bytes, end};
}

static size_t point_bytes(wr_text text, size_t at)
{
    size_t end = at + 1;

    while (end < text.byte_count && !is_start(text.bytes[end]))
        end++;
    return end - at;
}

/* ---- Measuring ------------------------------------------------------------------------------- */

static wr_status length(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                        wr_error *err)
{
    (void)arg_count, (void)err;
    EACH_LIVE(eval, row)
    ((int64_t *)out->data)[row] = count_points(text_at(args, 0, row));
    return WR_OK;
}

static wr_status octet_length(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                              wr_error *err)
{
    (void)arg_count, (void)err;
    EACH_LIVE(eval, row)
    ((int64_t *)out->data)[row] =
        ((const wr_str *)args[0]->data)[wr_arg_index(args[0], row)].byte_count;
    return WR_OK;
}

static wr_status ascii(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                       wr_error *err)
{
    (void)arg_count, (void)err;
    EACH_LIVE(eval, row)
    {
        wr_text text = text_at(args, 0, row);

        ((int64_t *)out->data)[row] = text.byte_count ? (unsigned char)text.bytes[0] : 0;
    }
    return WR_OK;
}

/* ---- Cutting --------------------------------------------------------------------------------- */

/* substr(text, start [, count]): PostgreSQL's, so a start before 1 eats into the count. */
static wr_status substr(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                        wr_error *err)
{
    EACH_LIVE(eval, row)
    {
        wr_text text = text_at(args, 0, row), part;
        int64_t start = int_at(args, 1, row), end = INT64_MAX;

        if (arg_count > 2) {
            int64_t count = int_at(args, 2, row);

            if (count < 0)
                return wr_eval_fail(eval, row, err, "substr: a negative length");
            if (__builtin_add_overflow(start, count, &end))
                end = INT64_MAX;
        }
        part = cut(text, start > INT64_MIN ? start - 1 : start, end == INT64_MAX ? end : end - 1);
        put_part(out, row, part.bytes, part.byte_count);
    }
    return WR_OK;
}

/* left(text, n), right(text, n): a negative n leaves out |n| code points at the other end. */
static wr_status left_part(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                           wr_error *err)
{
    (void)arg_count, (void)err;
    EACH_LIVE(eval, row)
    {
        wr_text text = text_at(args, 0, row), part;
        int64_t n = int_at(args, 1, row);

        part = cut(text, 0, n >= 0 ? n : count_points(text) + n);
        put_part(out, row, part.bytes, part.byte_count);
    }
    return WR_OK;
}

static wr_status right_part(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                            wr_error *err)
{
    (void)arg_count, (void)err;
    EACH_LIVE(eval, row)
    {
        wr_text text = text_at(args, 0, row), part;
        int64_t n = int_at(args, 1, row);

        part = cut(text, n >= 0 ? count_points(text) - n : (n == INT64_MIN ? INT64_MAX : -n),
                   INT64_MAX);
        put_part(out, row, part.bytes, part.byte_count);
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
    EACH_LIVE(eval, row)
    {
        wr_text set = arg_count > 1 ? text_at(args, 1, row) : WR_TEXT(" ");
        wr_text part = trim_set(text_at(args, 0, row), set, at_start, at_end);

        put_part(out, row, part.bytes, part.byte_count);
    }
    return WR_OK;
}

static wr_status trim(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                      wr_error *err)
{
    (void)err;
    return trim_any(eval, args, arg_count, out, true, true);
}

static wr_status ltrim(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                       wr_error *err)
{
    (void)err;
    return trim_any(eval, args, arg_count, out, true, false);
}

static wr_status rtrim(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                       wr_error *err)
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

static wr_status position(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                          wr_error *err)
{
    (void)arg_count, (void)err;
    EACH_LIVE(eval, row)
    {
        wr_text text = text_at(args, 0, row);
        size_t at = find(text, text_at(args, 1, row), 0);

        ((int64_t *)out->data)[row] =
            at == SIZE_MAX ? 0 : count_points((wr_text){text.bytes, at}) + 1;
    }
    return WR_OK;
}

static wr_status starts_with(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                             wr_error *err)
{
    (void)arg_count, (void)err;
    EACH_LIVE(eval, row)
    ((uint8_t *)out->data)[row] = wr_text_starts_with(text_at(args, 0, row), text_at(args, 1, row));
    return WR_OK;
}

static wr_status ends_with(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                           wr_error *err)
{
    (void)arg_count, (void)err;
    EACH_LIVE(eval, row)
    ((uint8_t *)out->data)[row] = wr_text_ends_with(text_at(args, 0, row), text_at(args, 1, row));
    return WR_OK;
}

static wr_status contains(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                          wr_error *err)
{
    (void)arg_count, (void)err;
    EACH_LIVE(eval, row)
    ((uint8_t *)out->data)[row] = find(text_at(args, 0, row), text_at(args, 1, row), 0) != SIZE_MAX;
    return WR_OK;
}

/* split_part(text, delimiter, n): n < 0 counts from the end; "" where there is no such part. */
static wr_status split_part(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                            wr_error *err)
{
    (void)arg_count;
    EACH_LIVE(eval, row)
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

/* Room for a result of `byte_count` bytes; NULL: the heap is spent. Short results use `small`. */
static char *result_room(wr_eval *eval, size_t byte_count, char small[WR_STR_INLINE_BYTES])
{
    return byte_count <= WR_STR_INLINE_BYTES ? small : wr_bump_try_alloc(eval->heap, byte_count);
}

static wr_status map_case(wr_eval *eval, arguments args, wr_vector *out,
                          size_t (*map)(const char *bytes, size_t byte_count, char *out))
{
    EACH_LIVE(eval, row)
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

static wr_status lower(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                       wr_error *err)
{
    (void)arg_count, (void)err;
    return map_case(eval, args, out, wr_utf8_lower);
}

static wr_status upper(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                       wr_error *err)
{
    (void)arg_count, (void)err;
    return map_case(eval, args, out, wr_utf8_upper);
}

static wr_status reverse(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                         wr_error *err)
{
    (void)arg_count, (void)err;
    EACH_LIVE(eval, row)
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

static wr_status too_long(wr_eval *eval, uint32_t row, wr_error *err)
{
    return wr_eval_fail(eval, row, err, "the result would be longer than 1 GiB");
}

enum { RESULT_BYTES_MAX = 1 << 30 };

static wr_status replace(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                         wr_error *err)
{
    (void)arg_count;
    EACH_LIVE(eval, row)
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
            return too_long(eval, row, err);
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

static wr_status repeat(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                        wr_error *err)
{
    (void)arg_count;
    EACH_LIVE(eval, row)
    {
        wr_text text = text_at(args, 0, row);
        int64_t n = int_at(args, 1, row) < 0 ? 0 : int_at(args, 1, row);
        char small[WR_STR_INLINE_BYTES], *room;
        size_t byte_count;

        if (text.byte_count && (uint64_t)n > RESULT_BYTES_MAX / text.byte_count)
            return too_long(eval, row, err);
        byte_count = text.byte_count * (size_t)(text.byte_count ? n : 0);
        room = result_room(eval, byte_count, small);
        if (!room)
            return WR_NO_RESERVE;
        for (size_t used = 0; used < byte_count; used += text.byte_count)
            memcpy(room + used, text.bytes, text.byte_count);
        put_part(out, row, room, byte_count);
    }
    return WR_OK;
}

static wr_status pad(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                     bool at_start, wr_error *err)
{
    EACH_LIVE(eval, row)
    {
        wr_text text = text_at(args, 0, row);
        wr_text fill = arg_count > 2 ? text_at(args, 2, row) : WR_TEXT(" "), part;
        int64_t want = int_at(args, 1, row), missing = want - count_points(text);
        char small[WR_STR_INLINE_BYTES], *room;
        size_t fill_bytes = 0, byte_count, at = 0;

        if (missing <= 0 || fill.byte_count == 0) {
            part = cut(text, 0, want);
            put_part(out, row, part.bytes, part.byte_count);
            continue;
        }
        if (want > RESULT_BYTES_MAX / 4)
            return too_long(eval, row, err);
        for (int64_t i = 0; i < missing; i++, at = at >= fill.byte_count ? 0 : at) {
            size_t bytes = point_bytes(fill, at);

            fill_bytes += bytes;
            at += bytes;
        }
        byte_count = fill_bytes + text.byte_count;
        room = result_room(eval, byte_count, small);
        if (!room)
            return WR_NO_RESERVE;
        memcpy(room + (at_start ? fill_bytes : 0), text.bytes, text.byte_count);
        for (size_t i = 0; i < fill_bytes; i++)
            room[(at_start ? 0 : text.byte_count) + i] = fill.bytes[i % fill.byte_count];
        put_part(out, row, room, byte_count);
    }
    return WR_OK;
}

static wr_status lpad(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                      wr_error *err)
{
    return pad(eval, args, arg_count, out, true, err);
}

static wr_status rpad(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                      wr_error *err)
{
    return pad(eval, args, arg_count, out, false, err);
}

/* concat(a, b, ...) leaves out NULLs; concat_ws(separator, a, b, ...) too. */
static wr_status join_texts(wr_eval *eval, arguments args, uint32_t first, uint32_t arg_count,
                            wr_vector *out, wr_error *err)
{
    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i), parts = 0;
        wr_text separator =
            first && wr_vector_is_valid(args[0], row) ? text_at(args, 0, row) : WR_TEXT("");
        size_t byte_count = 0, used = 0;
        char small[WR_STR_INLINE_BYTES], *room;

        if (first && !wr_vector_is_valid(args[0], row)) {
            wr_eval_set_null(out, row);
            continue;
        }
        for (uint32_t a = first; a < arg_count; a++)
            if (wr_vector_is_valid(args[a], row))
                byte_count +=
                    text_at(args, a, row).byte_count + (parts++ ? separator.byte_count : 0);
        if (byte_count > RESULT_BYTES_MAX)
            return too_long(eval, row, err);
        room = result_room(eval, byte_count, small);
        if (!room)
            return WR_NO_RESERVE;
        parts = 0;
        for (uint32_t a = first; a < arg_count; a++) {
            wr_text text;

            if (!wr_vector_is_valid(args[a], row))
                continue;
            if (parts++) {
                memcpy(room + used, separator.bytes, separator.byte_count);
                used += separator.byte_count;
            }
            text = text_at(args, a, row);
            memcpy(room + used, text.bytes, text.byte_count);
            used += text.byte_count;
        }
        put_part(out, row, room, byte_count);
    }
    return WR_OK;
}

static wr_status concat(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                        wr_error *err)
{
    return join_texts(eval, args, 0, arg_count, out, err);
}

static wr_status concat_ws(wr_eval *eval, arguments args, uint32_t arg_count, wr_vector *out,
                           wr_error *err)
{
    return join_texts(eval, args, 1, arg_count, out, err);
}

#define TEXT                                                                                       \
    {                                                                                              \
        .logical = WR_TYPE_UTF8                                                                    \
    }
#define INT64                                                                                      \
    {                                                                                              \
        .logical = WR_TYPE_I64                                                                     \
    }
#define BOOL                                                                                       \
    {                                                                                              \
        .logical = WR_TYPE_BOOL                                                                    \
    }

#define FUNCTION(name_, signature_, help_, flags_, result_, eval_, ...)                            \
    {                                                                                              \
        .name = name_, .signature = signature_, .help = help_, .flags = flags_,                    \
        .param_count = sizeof((wr_type[]){__VA_ARGS__}) / sizeof(wr_type),                         \
        .params = {__VA_ARGS__}, .result = result_, .eval = eval_                                  \
    }

/* One of them is a text. */
static bool resolve_join(const wr_expr *const *args, uint32_t arg_count, wr_type *args_io,
                         wr_type *out_result)
{
    (void)arg_count;
    if (args[0]->type.logical != WR_TYPE_UTF8 && args[1]->type.logical != WR_TYPE_UTF8)
        return false;
    args_io[0] = args_io[1] = *out_result = WR_TYPE(UTF8);
    return true;
}

static const wr_function FUNCTIONS[] = {
    {.name = "||", .signature = "(text, any) -> text", .param_count = 2, .resolve = resolve_join,
     .eval = concat, .help = "both as texts one after the other; NULL if one is"},
    FUNCTION("length", "(text) -> Int64", "number of characters", WR_FN_TOTAL, INT64, length, TEXT),
    FUNCTION("char_length", "(text) -> Int64", "number of characters", WR_FN_TOTAL, INT64, length,
             TEXT),
    FUNCTION("octet_length", "(text) -> Int64", "number of bytes", WR_FN_TOTAL | WR_FN_BLOBS, INT64,
             octet_length, TEXT),
    FUNCTION("ascii", "(text) -> Int64", "first byte, 0 for the empty text", WR_FN_TOTAL, INT64,
             ascii, TEXT),
    FUNCTION("substr", "(text, start, count) -> text",
             "`count` characters from `start`, which counts from 1", 0, TEXT, substr, TEXT, INT64,
             INT64),
    FUNCTION("substr", "(text, start) -> text", "everything from character `start` on", 0, TEXT,
             substr, TEXT, INT64),
    FUNCTION("substring", "(text, start, count) -> text", "as substr", 0, TEXT, substr, TEXT, INT64,
             INT64),
    FUNCTION("substring", "(text, start) -> text", "as substr", 0, TEXT, substr, TEXT, INT64),
    FUNCTION("left", "(text, n) -> text",
             "the first n characters; without the last -n if n is negative", WR_FN_TOTAL, TEXT,
             left_part, TEXT, INT64),
    FUNCTION("right", "(text, n) -> text",
             "the last n characters; without the first -n if n is negative", WR_FN_TOTAL, TEXT,
             right_part, TEXT, INT64),
    FUNCTION("trim", "(text) -> text", "without blanks at both ends", WR_FN_TOTAL, TEXT, trim,
             TEXT),
    FUNCTION("trim", "(text, characters) -> text", "without any of these characters at both ends",
             WR_FN_TOTAL, TEXT, trim, TEXT, TEXT),
    FUNCTION("btrim", "(text) -> text", "as trim", WR_FN_TOTAL, TEXT, trim, TEXT),
    FUNCTION("btrim", "(text, characters) -> text", "as trim", WR_FN_TOTAL, TEXT, trim, TEXT, TEXT),
    FUNCTION("ltrim", "(text) -> text", "without blanks at the start", WR_FN_TOTAL, TEXT, ltrim,
             TEXT),
    FUNCTION("ltrim", "(text, characters) -> text", "without any of these characters at the start",
             WR_FN_TOTAL, TEXT, ltrim, TEXT, TEXT),
    FUNCTION("rtrim", "(text) -> text", "without blanks at the end", WR_FN_TOTAL, TEXT, rtrim,
             TEXT),
    FUNCTION("rtrim", "(text, characters) -> text", "without any of these characters at the end",
             WR_FN_TOTAL, TEXT, rtrim, TEXT, TEXT),
    FUNCTION("strpos", "(text, part) -> Int64", "where `part` begins, from 1; 0 if it is not there",
             WR_FN_TOTAL, INT64, position, TEXT, TEXT),
    FUNCTION("position", "(text, part) -> Int64", "as strpos; also POSITION(part IN text)",
             WR_FN_TOTAL, INT64, position, TEXT, TEXT),
    FUNCTION("instr", "(text, part) -> Int64", "as strpos", WR_FN_TOTAL, INT64, position, TEXT,
             TEXT),
    FUNCTION("starts_with", "(text, part) -> Boolean", "does the text begin with `part`?",
             WR_FN_TOTAL, BOOL, starts_with, TEXT, TEXT),
    FUNCTION("ends_with", "(text, part) -> Boolean", "does the text end with `part`?", WR_FN_TOTAL,
             BOOL, ends_with, TEXT, TEXT),
    FUNCTION("contains", "(text, part) -> Boolean", "is `part` somewhere in the text?", WR_FN_TOTAL,
             BOOL, contains, TEXT, TEXT),
    FUNCTION("split_part", "(text, delimiter, n) -> text",
             "the n-th part between delimiters, from the end if n is negative", 0, TEXT, split_part,
             TEXT, TEXT, INT64),
    FUNCTION("lower", "(text) -> text", "in lower case (each letter by itself, any language)", WR_FN_TOTAL, TEXT, lower,
             TEXT),
    FUNCTION("upper", "(text) -> text", "in upper case (each letter by itself, any language)", WR_FN_TOTAL, TEXT, upper,
             TEXT),
    FUNCTION("reverse", "(text) -> text", "characters in reverse order", WR_FN_TOTAL, TEXT, reverse,
             TEXT),
    FUNCTION("replace", "(text, from, to) -> text", "every `from` replaced by `to`", 0, TEXT,
             replace, TEXT, TEXT, TEXT),
    FUNCTION("repeat", "(text, n) -> text", "the text n times", 0, TEXT, repeat, TEXT, INT64),
    FUNCTION("lpad", "(text, width) -> text",
             "padded with blanks on the left, or cut, to `width` characters", 0, TEXT, lpad, TEXT,
             INT64),
    FUNCTION("lpad", "(text, width, fill) -> text",
             "padded with `fill` on the left, or cut, to `width` characters", 0, TEXT, lpad, TEXT,
             INT64, TEXT),
    FUNCTION("rpad", "(text, width) -> text",
             "padded with blanks on the right, or cut, to `width` characters", 0, TEXT, rpad, TEXT,
             INT64),
    FUNCTION("rpad", "(text, width, fill) -> text",
             "padded with `fill` on the right, or cut, to `width` characters", 0, TEXT, rpad, TEXT,
             INT64, TEXT),
    FUNCTION("concat", "(text, ...) -> text", "all arguments one after the other, NULLs left out",
             WR_FN_NONSTRICT | WR_FN_VARIADIC | WR_FN_NEVER_NULL, TEXT, concat, TEXT),
    FUNCTION("concat_ws", "(separator, text, ...) -> text",
             "arguments joined by a separator, NULLs left out", WR_FN_NONSTRICT | WR_FN_VARIADIC,
             TEXT, concat_ws, TEXT, TEXT),
};

extern const wr_function_table WR_FUNCTIONS_STRING;
const wr_function_table WR_FUNCTIONS_STRING = {"string", FUNCTIONS,
                                               sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
