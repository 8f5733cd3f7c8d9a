/* expr/fn_text.c — functions on text: single characters, distances.
 *
 * Distances count code points and need memory for one row of the shorter text. Names are PostgreSQL's,
 * else DuckDB's. */
#include "expr/fn_text_priv.h"
#include "types/utf8.h"

enum { DISTANCE_CHARACTERS_MAX = 1024 };

/* ---- Characters -------------------------------------------------------------------------------- */

EVAL(initcap)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        wr_text     text = text_at(args, 0, row);
        char        small[WR_STR_INLINE_BYTES];
        char       *room = result_room(eval, wr_utf8_case_bytes_max(text.byte_count), small);
        const char *at = text.bytes, *end = text.bytes + text.byte_count;
        size_t      used = 0;
        bool        in_word = false;

        if (!room)
            return WR_NO_RESERVE;
        while (at < end) {
            uint32_t point;

            at += wr_utf8_decode(at, end, &point);
            used += wr_utf8_encode(in_word ? wr_code_point_lower(point)
                                           : wr_code_point_upper(point), room + used);
            in_word = wr_code_point_is_word(point);
        }
        put_part(out, row, room, used);
    }
    return WR_OK;
}

EVAL(character)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        int64_t point = int_at(args, 0, row);
        char    bytes[WR_UTF8_BYTES_MAX];

        if (point <= 0 || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
            return wr_eval_fail(eval, row, err, "chr: there is no character %lld", (long long)point);
        put_part(out, row, bytes, wr_utf8_encode((uint32_t)point, bytes));
    }
    return WR_OK;
}

EVAL(code_point)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        wr_text  text = text_at(args, 0, row);
        uint32_t point = 0;

        if (text.byte_count)
            wr_utf8_decode(text.bytes, text.bytes + text.byte_count, &point);
        ((int64_t *)out->data)[row] = point;
    }
    return WR_OK;
}

/* The n-th character of `to` for each character that is the n-th of `from`; none: it is dropped. */
static size_t translate_point(wr_text from, wr_text to, uint32_t point, const char *original,
                              size_t original_bytes, char *room)
{
    const char *end = from.bytes + from.byte_count;
    size_t      index = 0;

    for (const char *at = from.bytes; at < end; index++) {
        uint32_t candidate;
        size_t   start, stop;

        at += wr_utf8_decode(at, end, &candidate);
        if (candidate != point)
            continue;
        start = wr_utf8_offset(to.bytes, to.byte_count, index);
        stop = wr_utf8_offset(to.bytes, to.byte_count, index + 1);
        if (stop > start)
            memcpy(room, to.bytes + start, stop - start);
        return stop - start;
    }
    memcpy(room, original, original_bytes);
    return original_bytes;
}

EVAL(translate)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        wr_text     text = text_at(args, 0, row);
        char        small[WR_STR_INLINE_BYTES];
        char       *room = result_room(eval, text.byte_count * WR_UTF8_BYTES_MAX, small);
        const char *at = text.bytes, *end = text.bytes + text.byte_count;
        size_t      used = 0;

        if (!room)
            return WR_NO_RESERVE;
        while (at < end) {
            uint32_t point;
            size_t   bytes = wr_utf8_decode(at, end, &point);

            used += translate_point(text_at(args, 1, row), text_at(args, 2, row), point, at, bytes,
                                    room + used);
            at += bytes;
        }
        put_part(out, row, room, used);
    }
    return WR_OK;
}

/* ---- Distances --------------------------------------------------------------------------------- */

static size_t decode_all(wr_text text, uint32_t points[DISTANCE_CHARACTERS_MAX])
{
    const char *at = text.bytes, *end = text.bytes + text.byte_count;
    size_t      count = 0;

    while (at < end && count < DISTANCE_CHARACTERS_MAX)
        at += wr_utf8_decode(at, end, &points[count++]);
    return at < end ? SIZE_MAX : count;
}

static wr_status fail_long(wr_eval *eval, uint32_t row, wr_error *err)
{
    return wr_eval_fail(eval, row, err, "%s: a text of more than %d characters",
                        eval->expr->function->name, DISTANCE_CHARACTERS_MAX);
}

/* One row of the table of Wagner and Fischer (1974) at a time. */
EVAL(levenshtein)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        uint32_t a[DISTANCE_CHARACTERS_MAX], b[DISTANCE_CHARACTERS_MAX];
        uint16_t costs[DISTANCE_CHARACTERS_MAX + 1];
        size_t   a_count = decode_all(text_at(args, 0, row), a);
        size_t   b_count = decode_all(text_at(args, 1, row), b);

        if (a_count == SIZE_MAX || b_count == SIZE_MAX)
            return fail_long(eval, row, err);
        for (size_t j = 0; j <= b_count; j++)
            costs[j] = (uint16_t)j;
        for (size_t i = 0; i < a_count; i++) {
            uint16_t diagonal = costs[0];

            costs[0] = (uint16_t)(i + 1);
            for (size_t j = 0; j < b_count; j++) {
                uint16_t changed = (uint16_t)(diagonal + (a[i] != b[j]));
                uint16_t moved = (uint16_t)((costs[j] < costs[j + 1] ? costs[j] : costs[j + 1]) + 1);

                diagonal = costs[j + 1];
                costs[j + 1] = changed < moved ? changed : moved;
            }
        }
        ((int64_t *)out->data)[row] = costs[b_count];
    }
    return WR_OK;
}

EVAL(hamming)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        uint32_t a[DISTANCE_CHARACTERS_MAX], b[DISTANCE_CHARACTERS_MAX];
        size_t   count = decode_all(text_at(args, 0, row), a);
        int64_t  different = 0;

        if (count == SIZE_MAX)
            return fail_long(eval, row, err);
        if (count != decode_all(text_at(args, 1, row), b))
            return wr_eval_fail(eval, row, err, "hamming: the texts differ in length");
        for (size_t i = 0; i < count; i++)
            different += a[i] != b[i];
        ((int64_t *)out->data)[row] = different;
    }
    return WR_OK;
}

/* ---- Table ------------------------------------------------------------------------------------- */

/* clang-format off */
#define TEXT  {.logical = WR_TYPE_UTF8}
#define INT64 {.logical = WR_TYPE_I64}
#define FUNCTION(name_, sig, result_, eval_, help_, ...) \
    {.name = name_, .signature = sig, .help = help_, \
     .param_count = sizeof((wr_type[]){__VA_ARGS__}) / sizeof(wr_type), .params = {__VA_ARGS__}, \
     .result = result_, .eval = eval_}

static const wr_function FUNCTIONS[] = {
    FUNCTION("initcap", "(text) -> text", TEXT, initcap, "each word with a capital and small letters", TEXT),
    FUNCTION("chr", "(Int64) -> text", TEXT, character, "the character with this code point", INT64),
    FUNCTION("ascii", "(text) -> Int64", INT64, code_point, "code point of the first character, 0 without one", TEXT),
    FUNCTION("unicode", "(text) -> Int64", INT64, code_point, "as ascii", TEXT),
    FUNCTION("ord", "(text) -> Int64", INT64, code_point, "as ascii", TEXT),
    FUNCTION("translate", "(text, from, to) -> text", TEXT, translate,
             "each character of `from` becomes the one at its place in `to`, or nothing", TEXT, TEXT, TEXT),
    FUNCTION("levenshtein", "(text, text) -> Int64", INT64, levenshtein,
             "least number of characters to insert, drop or change", TEXT, TEXT),
    FUNCTION("hamming", "(text, text) -> Int64", INT64, hamming, "characters that differ in texts of one length", TEXT, TEXT),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_TEXT = {"string", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
