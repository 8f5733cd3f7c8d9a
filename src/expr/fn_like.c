/* expr/fn_like.c — LIKE and ILIKE: % any text, _ one character, an escape character before either.
 *
 * The matcher walks text and pattern once and, on a mismatch, returns to the last % only: its cost
 * is at most text x the longest piece between two %, and linear for patterns such as 'abc%', '%abc'
 * and '%abc%'. ILIKE compares letters of any language in lower case, one by one. */
#include "expr/expr_priv.h"
#include "types/utf8.h"

enum { NO_ESCAPE = -1, DEFAULT_ESCAPE = '\\' };

static size_t point_end(wr_text text, size_t at)
{
    at++;
    while (at < text.byte_count && ((unsigned char)text.bytes[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static uint32_t point_at(wr_text text, size_t at)
{
    uint32_t point;

    wr_utf8_decode(text.bytes + at, text.bytes + text.byte_count, &point);
    return wr_code_point_lower(point);
}

/* Is the character (without `nocase`, the byte) at *t the one at *p? Then both move behind it. */
static bool take_same(wr_text text, size_t *t, wr_text pattern, size_t *p, bool nocase)
{
    unsigned char a = (unsigned char)text.bytes[*t], b = (unsigned char)pattern.bytes[*p];

    if (nocase && (a | b) >= 0x80) {
        if (point_at(text, *t) != point_at(pattern, *p))
            return false;
        *t = point_end(text, *t);
        *p = point_end(pattern, *p);
        return true;
    }
    if (nocase && a >= 'A' && a <= 'Z')
        a |= 0x20;
    if (nocase && b >= 'A' && b <= 'Z')
        b |= 0x20;
    if (a != b)
        return false;
    ++*t;
    ++*p;
    return true;
}

static bool matches(wr_text text, wr_text pattern, int escape, bool nocase)
{
    size_t t = 0, p = 0, star_p = SIZE_MAX, star_t = 0;

    while (t < text.byte_count) {
        char byte = p < pattern.byte_count ? pattern.bytes[p] : 0;
        bool literal = p < pattern.byte_count;

        if (literal && escape != NO_ESCAPE && (unsigned char)byte == escape &&
            p + 1 < pattern.byte_count) {
            p++;
            if (take_same(text, &t, pattern, &p, nocase))
                continue;
        } else if (literal && byte == '%') {
            star_p = ++p;
            star_t = t;
            continue;
        } else if (literal && byte == '_') {
            t = point_end(text, t);
            p++;
            continue;
        } else if (literal && take_same(text, &t, pattern, &p, nocase)) {
            continue;
        }
        if (star_p == SIZE_MAX)
            return false;
        p = star_p;
        t = star_t = point_end(text, star_t);
    }
    while (p < pattern.byte_count && pattern.bytes[p] == '%')
        p++;
    return p == pattern.byte_count;
}

static wr_status like_any(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                          wr_vector *out, bool nocase, wr_error *err)
{
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        wr_text texts[3];
        int escape = DEFAULT_ESCAPE;

        for (uint32_t a = 0; a < arg_count; a++)
            texts[a] = wr_str_text((const wr_str *)args[a]->data + wr_arg_index(args[a], row));
        if (arg_count > 2) {
            if (texts[2].byte_count > 1)
                return wr_eval_fail(eval, row, err,
                                    "the escape of LIKE must be one ASCII character");
            escape = texts[2].byte_count ? (unsigned char)texts[2].bytes[0] : NO_ESCAPE;
        }
        ((uint8_t *)out->data)[row] = matches(texts[0], texts[1], escape, nocase);
    }
    return WR_OK;
}

static wr_status like(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                      wr_vector *out, wr_error *err)
{
    return like_any(eval, args, arg_count, out, false, err);
}

static wr_status ilike(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                       wr_vector *out, wr_error *err)
{
    return like_any(eval, args, arg_count, out, true, err);
}

#define TEXT                                                                                       \
    {                                                                                              \
        .logical = WR_TYPE_UTF8                                                                    \
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

static const wr_function FUNCTIONS[] = {
    FUNCTION("like", "(text, pattern) -> Boolean",
             "% is any text, _ any character, \\ takes the next as it is", WR_FN_TOTAL, BOOL, like,
             TEXT, TEXT),
    FUNCTION("like", "(text, pattern, escape) -> Boolean", "LIKE with another escape character", 0,
             BOOL, like, TEXT, TEXT, TEXT),
    FUNCTION("ilike", "(text, pattern) -> Boolean", "LIKE in any case", WR_FN_TOTAL,
             BOOL, ilike, TEXT, TEXT),
    FUNCTION("ilike", "(text, pattern, escape) -> Boolean", "ILIKE with another escape character",
             0, BOOL, ilike, TEXT, TEXT, TEXT),
};

const wr_function_table WR_FUNCTIONS_LIKE = {"pattern", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
