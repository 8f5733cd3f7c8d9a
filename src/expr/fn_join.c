/* expr/fn_join.c — functions that make longer texts: joining, repeating, padding, overlaying, formats.
 *
 * Results stand in the evaluation's heap and are at most 1 GiB long. concat and its kin take arguments of
 * any type, as text. Source: PostgreSQL. */
#include "expr/fn_text_priv.h"

/* ---- Repeating, padding ------------------------------------------------------------------------ */

EVAL(repeat)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row);
        int64_t n = int_at(args, 1, row) < 0 ? 0 : int_at(args, 1, row);
        char small[WR_STR_INLINE_BYTES], *room;
        size_t byte_count;

        if (text.byte_count && (uint64_t)n > RESULT_BYTES_MAX / text.byte_count)
            return fail_too_long(eval, row, err);
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
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row);
        wr_text fill = arg_count > 2 ? text_at(args, 2, row) : WR_TEXT(" "), part;
        int64_t want = int_at(args, 1, row) < 0 ? 0 : int_at(args, 1, row);
        int64_t missing = want - count_points(text);
        char small[WR_STR_INLINE_BYTES], *room;
        size_t fill_bytes = 0, byte_count, at = 0;

        if (missing <= 0 || fill.byte_count == 0) {
            part = cut(text, 0, want);
            put_part(out, row, part.bytes, part.byte_count);
            continue;
        }
        if (want > RESULT_BYTES_MAX / 4)
            return fail_too_long(eval, row, err);
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

EVAL(lpad)
{
    return pad(eval, args, arg_count, out, true, err);
}

EVAL(rpad)
{
    return pad(eval, args, arg_count, out, false, err);
}

/* ---- Joining ----------------------------------------------------------------------------------- */

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
            return fail_too_long(eval, row, err);
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

EVAL(concat)
{
    return join_texts(eval, args, 0, arg_count, out, err);
}

EVAL(concat_ws)
{
    return join_texts(eval, args, 1, arg_count, out, err);
}

RESOLVE(resolve_concat)
{
    (void)args;
    for (uint32_t i = 0; i < arg_count; i++)
        args_io[i] = WR_TYPE(UTF8);
    *out_result = WR_TYPE(UTF8);
    return true;
}

/* x || y: one of them is a text, or both are bytes. */
RESOLVE(resolve_join)
{
    wr_logical left = args[0]->type.logical, right = args[1]->type.logical;
    bool       is_text = left == WR_TYPE_UTF8 || right == WR_TYPE_UTF8;
    bool       is_binary = left == WR_TYPE_BINARY || right == WR_TYPE_BINARY;

    (void)arg_count;
    args_io[0] = args_io[1] = *out_result = is_text ? WR_TYPE(UTF8) : WR_TYPE(BINARY);
    return is_text || (is_binary && (left == right || wr_expr_is_null(args[0]) ||
                                     wr_expr_is_null(args[1])));
}

/* ---- Overlaying -------------------------------------------------------------------------------- */

/* overlay(text, part, from [, count]): `part` instead of `count` characters, its own length if not given. */
EVAL(overlay)
{
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row), part = text_at(args, 1, row), before, after;
        int64_t from = int_at(args, 2, row);
        int64_t count = arg_count > 3 ? int_at(args, 3, row) : count_points(part), behind;
        char    small[WR_STR_INLINE_BYTES], *room;
        size_t  byte_count;

        if (from <= 0)
            return wr_eval_fail(eval, row, err, "overlay: characters count from 1");
        if (__builtin_add_overflow(from - 1, count, &behind))
            behind = INT64_MAX;
        before = cut(text, 0, from - 1);
        after = cut(text, behind, INT64_MAX);
        byte_count = before.byte_count + part.byte_count + after.byte_count;
        if (byte_count > RESULT_BYTES_MAX)
            return fail_too_long(eval, row, err);
        room = result_room(eval, byte_count, small);
        if (!room)
            return WR_NO_RESERVE;
        memcpy(room, before.bytes, before.byte_count);
        memcpy(room + before.byte_count, part.bytes, part.byte_count);
        memcpy(room + before.byte_count + part.byte_count, after.bytes, after.byte_count);
        put_part(out, row, room, byte_count);
    }
    return WR_OK;
}

/* ---- Formats ----------------------------------------------------------------------------------- */

/* What stands at `*io_at`: text of the format itself, or an argument in place of %s, %3$s, %%.
 * *out_arg 0: the text. False: it is no such thing. */
static bool read_piece(wr_text format, size_t *io_at, uint32_t *io_next, wr_text *out_text,
                       uint32_t *out_arg)
{
    const char *percent = memchr(format.bytes + *io_at, '%', format.byte_count - *io_at);
    size_t      at = percent ? (size_t)(percent - format.bytes) : format.byte_count;
    uint32_t    number = 0;

    *out_arg = 0;
    *out_text = (wr_text){format.bytes + *io_at, at - *io_at};
    if (at > *io_at || !percent) {
        *io_at = at;
        return true;
    }
    if (++at < format.byte_count && format.bytes[at] == '%') {
        *out_text = (wr_text){format.bytes + at, 1};
        *io_at = at + 1;
        return true;
    }
    for (; at < format.byte_count && format.bytes[at] >= '0' && format.bytes[at] <= '9'; at++)
        number = number > 1000 ? number : number * 10 + (uint32_t)(format.bytes[at] - '0');
    if (number > 0 && (at >= format.byte_count || format.bytes[at++] != '$'))
        return false;
    if (at >= format.byte_count || format.bytes[at] != 's')
        return false;
    *out_arg = number > 0 ? number : *io_next;
    *io_next = *out_arg + 1;
    *io_at = at + 1;
    return true;
}

/* Write the result to `room` (NULL: only count its bytes). */
static wr_status fill_format(wr_eval *eval, arguments args, uint32_t arg_count, uint32_t row,
                             char *room, size_t *out_bytes, wr_error *err)
{
    wr_text  format = text_at(args, 0, row), piece;
    uint32_t next = 1, arg;
    char     shown[WR_ARG_TEXT_BYTES];

    *out_bytes = 0;
    for (size_t at = 0; at < format.byte_count;) {
        if (!read_piece(format, &at, &next, &piece, &arg))
            return wr_eval_fail(eval, row, err, "format: %s has more than %%s, %%1$s and %%%%",
                                wr_arg_format(args[0], row, shown));
        if (arg >= arg_count)
            return wr_eval_fail(eval, row, err, "format: %s asks for argument %u of %u",
                                wr_arg_format(args[0], row, shown), arg, arg_count - 1);
        if (arg > 0)
            piece = wr_vector_is_valid(args[arg], row) ? text_at(args, arg, row) : WR_TEXT("");
        if (room)
            memcpy(room + *out_bytes, piece.bytes, piece.byte_count);
        *out_bytes += piece.byte_count;
        if (*out_bytes > RESULT_BYTES_MAX)
            return fail_too_long(eval, row, err);
    }
    return WR_OK;
}

EVAL(format)
{
    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i);
        char     small[WR_STR_INLINE_BYTES], *room;
        size_t   byte_count;

        if (!wr_vector_is_valid(args[0], row)) {
            wr_eval_set_null(out, row);
            continue;
        }
        WR_TRY(fill_format(eval, args, arg_count, row, NULL, &byte_count, err));
        room = result_room(eval, byte_count, small);
        if (!room)
            return WR_NO_RESERVE;
        WR_TRY(fill_format(eval, args, arg_count, row, room, &byte_count, err));
        put_part(out, row, room, byte_count);
    }
    return WR_OK;
}

/* ---- Table ------------------------------------------------------------------------------------- */

/* clang-format off */
#define TEXT  {.logical = WR_TYPE_UTF8}
#define INT64 {.logical = WR_TYPE_I64}
#define FUNCTION(name_, sig, eval_, help_, ...) \
    {.name = name_, .signature = sig, .help = help_, .result = TEXT, .eval = eval_, \
     .param_count = sizeof((wr_type[]){__VA_ARGS__}) / sizeof(wr_type), .params = {__VA_ARGS__}}

static const wr_function FUNCTIONS[] = {
    {.name = "||", .signature = "(text, any) or (binary, binary)", .param_count = 2, .resolve = resolve_join,
     .eval = concat, .help = "both one after the other; NULL if one is"},
    FUNCTION("repeat", "(text, n) -> text", repeat, "the text n times", TEXT, INT64),
    FUNCTION("lpad", "(text, width) -> text", lpad,
             "padded with blanks on the left, or cut, to `width` characters", TEXT, INT64),
    FUNCTION("lpad", "(text, width, fill) -> text", lpad,
             "padded with `fill` on the left, or cut, to `width` characters", TEXT, INT64, TEXT),
    FUNCTION("rpad", "(text, width) -> text", rpad,
             "padded with blanks on the right, or cut, to `width` characters", TEXT, INT64),
    FUNCTION("rpad", "(text, width, fill) -> text", rpad,
             "padded with `fill` on the right, or cut, to `width` characters", TEXT, INT64, TEXT),
    {.name = "concat", .signature = "(any, ...) -> text", .param_count = 1, .resolve = resolve_concat,
     .flags = WR_FN_NONSTRICT | WR_FN_VARIADIC | WR_FN_NEVER_NULL, .eval = concat,
     .help = "all arguments as texts one after the other, NULLs left out"},
    {.name = "concat_ws", .signature = "(separator, any, ...) -> text", .param_count = 2,
     .resolve = resolve_concat, .flags = WR_FN_NONSTRICT | WR_FN_VARIADIC, .eval = concat_ws,
     .help = "arguments as texts joined by a separator, NULLs left out"},
    {.name = "format", .signature = "(format, any, ...) -> text", .param_count = 1, .resolve = resolve_concat,
     .flags = WR_FN_NONSTRICT | WR_FN_VARIADIC, .eval = format,
     .help = "the format with arguments in place of %s and, by number, %1$s; %% is a percent sign"},
    FUNCTION("overlay", "(text, part, from, count) -> text", overlay,
             "`part` in place of `count` characters; also OVERLAY(text PLACING part FROM from FOR count)",
             TEXT, TEXT, INT64, INT64),
    FUNCTION("overlay", "(text, part, from) -> text", overlay, "`part` in place of as many characters",
             TEXT, TEXT, INT64),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_JOIN = {"string", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
