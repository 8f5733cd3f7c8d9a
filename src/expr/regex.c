/* expr/regex.c — from the text of an expression to a program.
 *
 * One pass of recursive descent emits code as it reads; what must stand before code already emitted
 * (the fork of a repetition or an alternative) is put in and the jumps behind it are moved. Counted
 * repetitions emit their operand again by reading it again. The same pass without storage counts. */
#include "expr/regex_priv.h"

#include <string.h>

#include "types/utf8.h"

enum { CODE_MAX = 4000, RANGES_MAX = 4000, DEPTH_MAX = 200, REPEAT_MAX = 1000 };

typedef struct compiler {
    wr_text      pattern;
    size_t       at;
    uint32_t     flags;
    regex_code  *code;   /* NULL: only count */
    regex_range *ranges;
    uint32_t     code_count, range_count, group_count, depth;
    bool         nocase;
    wr_error    *err;
} compiler;

static wr_status fail(const compiler *c, const char *what)
{
    return WR_RAISE(c->err, WR_INVALID, "regular expression '%.*s': %s (at character %zu)",
                    WR_TEXT_ARG(c->pattern), what,
                    wr_utf8_count(c->pattern.bytes, c->at < c->pattern.byte_count
                                                        ? c->at : c->pattern.byte_count) + 1);
}

/* ---- Emitting ---------------------------------------------------------------------------------- */

static wr_status emit(compiler *c, regex_code code)
{
    if (c->code_count == CODE_MAX)
        return fail(c, "it is too large");
    if (c->code)
        c->code[c->code_count] = code;
    c->code_count++;
    return WR_OK;
}

/* Put `code` in before place `at`; jumps to places behind it move on. */
static wr_status put_in(compiler *c, uint32_t at, regex_code code)
{
    if (c->code_count == CODE_MAX)
        return fail(c, "it is too large");
    if (c->code) {
        memmove(c->code + at + 1, c->code + at, (c->code_count - at) * sizeof code);
        c->code[at] = code;
        for (uint32_t i = at + 1; i <= c->code_count; i++) {
            bool jumps = c->code[i].op == REGEX_SPLIT || c->code[i].op == REGEX_JUMP;

            c->code[i].x += jumps && c->code[i].x >= at;
            c->code[i].y += c->code[i].op == REGEX_SPLIT && c->code[i].y >= at;
        }
    }
    c->code_count++;
    return WR_OK;
}

static wr_status add_range(compiler *c, uint32_t low, uint32_t high)
{
    if (c->range_count == RANGES_MAX)
        return fail(c, "its classes are too large");
    if (c->ranges)
        c->ranges[c->range_count] = (regex_range){low, high};
    c->range_count++;
    return WR_OK;
}

/* ---- Reading ----------------------------------------------------------------------------------- */

static bool at_end(const compiler *c)
{
    return c->at >= c->pattern.byte_count;
}

static bool next_is(const compiler *c, const char *text)
{
    size_t length = strlen(text);

    return c->pattern.byte_count - c->at >= length &&
           memcmp(c->pattern.bytes + c->at, text, length) == 0;
}

static bool take(compiler *c, const char *text)
{
    if (at_end(c) || !next_is(c, text))
        return false;
    c->at += strlen(text);
    return true;
}

static uint32_t take_point(compiler *c)
{
    const char *from = c->pattern.bytes + c->at, *end = c->pattern.bytes + c->pattern.byte_count;
    uint32_t    point;

    c->at += wr_utf8_decode(from, end, &point);
    return point;
}

static wr_status take_hex(compiler *c, uint32_t digit_count, uint32_t *out)
{
    *out = 0;
    for (uint32_t i = 0; i < digit_count; i++) {
        char byte = at_end(c) ? 0 : c->pattern.bytes[c->at];
        int  digit = byte >= '0' && byte <= '9'   ? byte - '0'
                     : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                     : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;

        if (digit < 0)
            return fail(c, "expected hex digits");
        *out = *out << 4 | (uint32_t)digit;
        c->at++;
    }
    return WR_OK;
}

/* ---- Classes ----------------------------------------------------------------------------------- */

static const struct named_class {
    const char *name;
    uint8_t     low_high[12];
} NAMED[] = {
    {"alpha", {'A', 'Z', 'a', 'z'}}, {"digit", {'0', '9'}}, {"alnum", {'0', '9', 'A', 'Z', 'a', 'z'}},
    {"upper", {'A', 'Z'}}, {"lower", {'a', 'z'}}, {"space", {'\t', '\r', ' ', ' '}},
    {"blank", {'\t', '\t', ' ', ' '}}, {"punct", {'!', '/', ':', '@', '[', '`', '{', '~'}},
    {"xdigit", {'0', '9', 'A', 'F', 'a', 'f'}}, {"cntrl", {1, 31, 127, 127}},
    {"print", {' ', '~'}}, {"graph", {'!', '~'}},
    {"word", {'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}},
};

static wr_status add_named(compiler *c, const char *name, size_t length, bool negated)
{
    for (size_t i = 0; i < sizeof NAMED / sizeof NAMED[0]; i++) {
        const uint8_t *pairs = NAMED[i].low_high;
        uint32_t       next = 0;

        if (strlen(NAMED[i].name) != length || memcmp(NAMED[i].name, name, length) != 0)
            continue;
        for (uint32_t k = 0; k + 1 < 12 && pairs[k + 1]; k += 2) {
            if (!negated) {
                WR_TRY(add_range(c, pairs[k], pairs[k + 1]));
                continue;
            }
            if (pairs[k] > next)
                WR_TRY(add_range(c, next, pairs[k] - 1u));
            next = pairs[k + 1] + 1u;
        }
        return negated ? add_range(c, next, 0x10ffff) : WR_OK;
    }
    return fail(c, "there is no class of this name");
}

/* \d \w \s and their negations; *out_taken false: it is another escape. */
static wr_status add_short_class(compiler *c, char letter, bool *out_taken)
{
    *out_taken = letter && strchr("dwsDWS", letter);
    switch (letter) {
    case 'd':
    case 'D':
        return add_named(c, "digit", 5, letter == 'D');
    case 'w':
    case 'W':
        return add_named(c, "word", 4, letter == 'W');
    case 's':
    case 'S':
        return add_named(c, "space", 5, letter == 'S');
    default:
        return WR_OK;
    }
}

/* The character of an escape, behind its backslash. */
static wr_status take_escape(compiler *c, uint32_t *out)
{
    uint32_t point;

    if (at_end(c))
        return fail(c, "a backslash at its end");
    point = take_point(c);
    switch (point) {
    case 'n':
        *out = '\n';
        return WR_OK;
    case 't':
        *out = '\t';
        return WR_OK;
    case 'r':
        *out = '\r';
        return WR_OK;
    case 'f':
        *out = '\f';
        return WR_OK;
    case 'v':
        *out = '\v';
        return WR_OK;
    case 'x':
        return take_hex(c, 2, out);
    case 'u':
        return take_hex(c, 4, out);
    default:
        break;
    }
    if (point >= '1' && point <= '9')
        return fail(c, "a back reference: these cannot be had in linear time");
    if ((point | 0x20) >= 'a' && (point | 0x20) <= 'z' && point < 0x80)
        return fail(c, "there is no such escape");
    *out = point;
    return WR_OK;
}

static wr_status take_class_item(compiler *c)
{
    uint32_t low, high;
    bool     taken;

    if (take(c, "[:")) {
        const char *name = c->pattern.bytes + c->at;
        size_t      length = 0;

        while (c->at + length < c->pattern.byte_count && name[length] != ':')
            length++;
        WR_TRY(add_named(c, name, length, false));
        c->at += length;
        return take(c, ":]") ? WR_OK : fail(c, "expected ':]'");
    }
    if (take(c, "\\")) {
        WR_TRY(add_short_class(c, at_end(c) ? 0 : c->pattern.bytes[c->at], &taken));
        if (taken) {
            c->at++;
            return WR_OK;
        }
        WR_TRY(take_escape(c, &low));
    } else {
        low = take_point(c);
    }
    high = low;
    if (next_is(c, "-") && !next_is(c, "-]")) {
        c->at++;
        if (take(c, "\\"))
            WR_TRY(take_escape(c, &high));
        else if (at_end(c))
            return fail(c, "a class is never closed");
        else
            high = take_point(c);
    }
    if (high < low)
        return fail(c, "a range runs backwards");
    return add_range(c, low, high);
}

/* Behind '['. */
static wr_status take_class(compiler *c)
{
    uint32_t first = c->range_count;
    bool     negated = take(c, "^");

    do {
        if (at_end(c))
            return fail(c, "a class is never closed");
        WR_TRY(take_class_item(c));
    } while (!take(c, "]"));
    return emit(c, (regex_code){.op = REGEX_CLASS, .negated = negated, .nocase = c->nocase,
                                .x = first, .y = c->range_count - first});
}

/* ---- Expressions ------------------------------------------------------------------------------- */

static wr_status take_alternatives(compiler *c);

static wr_status take_group(compiler *c)
{
    uint32_t group = 0;
    bool     nocase = c->nocase;

    if (take(c, "?i)")) {
        c->nocase = true;
        return WR_OK;
    }
    if (next_is(c, "?") && !next_is(c, "?:"))
        return fail(c, "look-around and named groups cannot be had");
    if (!take(c, "?:"))
        group = c->group_count++;
    if (++c->depth > DEPTH_MAX)
        return fail(c, "groups are nested too deeply");
    if (group && group < WR_REGEX_GROUPS_MAX)
        WR_TRY(emit(c, (regex_code){.op = REGEX_SAVE, .x = 2 * group}));
    WR_TRY(take_alternatives(c));
    if (!take(c, ")"))
        return fail(c, "a group is never closed");
    if (group && group < WR_REGEX_GROUPS_MAX)
        WR_TRY(emit(c, (regex_code){.op = REGEX_SAVE, .x = 2 * group + 1}));
    c->depth--;
    c->nocase = nocase;
    return WR_OK;
}

static wr_status emit_char(compiler *c, uint32_t point)
{
    return emit(c, (regex_code){.op = REGEX_CHAR, .nocase = c->nocase,
                                .x = c->nocase ? wr_code_point_lower(point) : point});
}

static wr_status take_backslash(compiler *c)
{
    char     letter = at_end(c) ? 0 : c->pattern.bytes[c->at];
    uint32_t first = c->range_count, point;
    bool     taken;

    if (letter == 'b' || letter == 'B') {
        c->at++;
        return emit(c, (regex_code){.op = letter == 'b' ? REGEX_WORD_EDGE : REGEX_NO_WORD_EDGE});
    }
    WR_TRY(add_short_class(c, letter, &taken));
    if (taken) {
        c->at++;
        return emit(c, (regex_code){.op = REGEX_CLASS, .x = first, .y = c->range_count - first});
    }
    WR_TRY(take_escape(c, &point));
    return emit_char(c, point);
}

static wr_status take_atom(compiler *c)
{
    bool similar = c->flags & WR_REGEX_SIMILAR;

    if (take(c, "("))
        return take_group(c);
    if (take(c, "["))
        return take_class(c);
    if (take(c, "\\"))
        return take_backslash(c);
    if (similar ? take(c, "_") : take(c, "."))
        return emit(c, (regex_code){.op = REGEX_ANY});
    if (similar && take(c, "%")) {
        uint32_t at = c->code_count;

        WR_TRY(emit(c, (regex_code){.op = REGEX_SPLIT, .x = at + 1, .y = at + 3}));
        WR_TRY(emit(c, (regex_code){.op = REGEX_ANY}));
        return emit(c, (regex_code){.op = REGEX_JUMP, .x = at});
    }
    if (!similar && take(c, "^"))
        return emit(c, (regex_code){.op = REGEX_BEGIN});
    if (!similar && take(c, "$"))
        return emit(c, (regex_code){.op = REGEX_END});
    if (next_is(c, "*") || next_is(c, "+") || next_is(c, "?"))
        return fail(c, "nothing to repeat");
    return emit_char(c, take_point(c));
}

typedef struct repetition {
    uint32_t least, most; /* UINT32_MAX: any number */
    bool     lazy;
} repetition;

static uint32_t take_number(compiler *c, bool *out_any)
{
    uint32_t value = 0;

    *out_any = false;
    while (!at_end(c) && c->pattern.bytes[c->at] >= '0' && c->pattern.bytes[c->at] <= '9') {
        value = value * 10 + (uint32_t)(c->pattern.bytes[c->at++] - '0');
        value = value > REPEAT_MAX ? REPEAT_MAX + 1 : value;
        *out_any = true;
    }
    return value;
}

static wr_status take_counts(compiler *c, repetition *out)
{
    bool any, more;

    out->least = out->most = take_number(c, &any);
    if (take(c, ",")) {
        out->most = take_number(c, &more);
        if (!more)
            out->most = UINT32_MAX;
    } else {
        more = any;
    }
    if (!take(c, "}") || !(any || more))
        return fail(c, "expected {m}, {m,} or {m,n}");
    if (out->least > REPEAT_MAX || (out->most != UINT32_MAX && out->most > REPEAT_MAX))
        return fail(c, "more than 1000 repetitions");
    return out->least > out->most ? fail(c, "repetitions run backwards") : WR_OK;
}

/* *out_taken false: there is none. */
static wr_status take_repetition(compiler *c, repetition *out, bool *out_taken)
{
    *out_taken = true;
    if (take(c, "*"))
        *out = (repetition){0, UINT32_MAX, false};
    else if (take(c, "+"))
        *out = (repetition){1, UINT32_MAX, false};
    else if (take(c, "?"))
        *out = (repetition){0, 1, false};
    else if (take(c, "{"))
        WR_TRY(take_counts(c, out));
    else
        *out_taken = false;
    out->lazy = *out_taken && take(c, "?");
    return WR_OK;
}

/* A fork at `at` between going on there and going to the end of the code. */
static wr_status fork_around(compiler *c, uint32_t at, bool lazy, uint32_t end)
{
    return put_in(c, at, (regex_code){.op = REGEX_SPLIT, .x = lazy ? end : at + 1,
                                      .y = lazy ? at + 1 : end});
}

/* The code from `at` on, once, becomes any number of times. */
static wr_status make_loop(compiler *c, uint32_t at, bool lazy)
{
    WR_TRY(fork_around(c, at, lazy, c->code_count + 2));
    return emit(c, (regex_code){.op = REGEX_JUMP, .x = at});
}

/* Read the operand at `atom` again. */
static wr_status again(compiler *c, size_t atom, uint32_t group_count)
{
    size_t at = c->at;

    c->at = atom;
    c->group_count = group_count;
    WR_TRY(take_atom(c));
    c->at = at;
    return WR_OK;
}

static wr_status repeat(compiler *c, const repetition *r, uint32_t start, size_t atom,
                        uint32_t group_count)
{
    uint32_t place = start;

    if (r->most == 0) {
        c->code_count = start;
        return WR_OK;
    }
    for (uint32_t i = 1; i < r->least; i++) {
        place = c->code_count;
        WR_TRY(again(c, atom, group_count));
    }
    if (r->most == UINT32_MAX) {
        if (r->least == 0)
            return make_loop(c, start, r->lazy);
        place = c->code_count;
        WR_TRY(again(c, atom, group_count));
        return make_loop(c, place, r->lazy);
    }
    for (uint32_t i = r->least; i < r->most; i++) {
        place = i == 0 ? start : c->code_count;
        if (i > 0)
            WR_TRY(again(c, atom, group_count));
        WR_TRY(fork_around(c, place, r->lazy, c->code_count + 1));
    }
    return WR_OK;
}

static wr_status take_branch(compiler *c)
{
    while (!at_end(c) && !next_is(c, "|") && !next_is(c, ")")) {
        uint32_t   start = c->code_count, groups = c->group_count;
        size_t     atom = c->at;
        repetition r;
        bool       taken;

        WR_TRY(take_atom(c));
        WR_TRY(take_repetition(c, &r, &taken));
        if (taken)
            WR_TRY(repeat(c, &r, start, atom, groups));
    }
    return WR_OK;
}

static wr_status take_alternatives(compiler *c)
{
    uint32_t start = c->code_count, jump;

    WR_TRY(take_branch(c));
    if (!take(c, "|"))
        return WR_OK;
    WR_TRY(put_in(c, start, (regex_code){.op = REGEX_SPLIT, .x = start + 1,
                                         .y = c->code_count + 2}));
    jump = c->code_count;
    WR_TRY(emit(c, (regex_code){.op = REGEX_JUMP}));
    WR_TRY(take_alternatives(c));
    if (c->code)
        c->code[jump].x = c->code_count;
    return WR_OK;
}

static wr_status compile_all(compiler *c)
{
    bool whole = c->flags & (WR_REGEX_WHOLE | WR_REGEX_SIMILAR);

    c->group_count = 1;
    c->nocase = c->flags & WR_REGEX_NOCASE;
    WR_TRY(emit(c, (regex_code){.op = REGEX_SAVE, .x = 0}));
    if (whole)
        WR_TRY(emit(c, (regex_code){.op = REGEX_BEGIN}));
    WR_TRY(take_alternatives(c));
    if (!at_end(c))
        return fail(c, "a ')' without its '('");
    if (whole)
        WR_TRY(emit(c, (regex_code){.op = REGEX_END}));
    WR_TRY(emit(c, (regex_code){.op = REGEX_SAVE, .x = 1}));
    return emit(c, (regex_code){.op = REGEX_MATCH});
}

/* ---- Memory ------------------------------------------------------------------------------------ */

static void *cut(uint8_t *base, uint64_t *io_used, uint64_t bytes)
{
    void *at = base ? base + *io_used : NULL;

    *io_used += (bytes + 15) & ~15ull;
    return at;
}

/* Everything in one block; `base` NULL: only the bytes are counted. */
static uint64_t lay_out(const compiler *c, wr_regex *regex, uint8_t *base)
{
    uint64_t used = 0, n = c->code_count;
    uint32_t groups = c->group_count < WR_REGEX_GROUPS_MAX ? c->group_count : WR_REGEX_GROUPS_MAX;

    (void)cut(base, &used, sizeof *regex);
    regex->slot_count = c->flags & WR_REGEX_GROUPS ? 2 * groups : 0;
    regex->code = cut(base, &used, n * sizeof(regex_code));
    regex->ranges = cut(base, &used, (c->range_count + 1) * sizeof(regex_range));
    for (uint32_t i = 0; i < 2; i++) {
        regex_threads *threads = i ? &regex->next : &regex->now;

        threads->dense = cut(base, &used, n * sizeof(uint32_t));
        threads->sparse = cut(base, &used, n * sizeof(uint32_t));
        threads->slots = cut(base, &used, (n + 1) * regex->slot_count * sizeof(int64_t));
        threads->count = 0;
    }
    /* Following forks pushes two entries a place at most, and one for each slot to restore. */
    regex->stack = cut(base, &used, (3 * n + 8) * sizeof(uint32_t));
    regex->stack_slot = cut(base, &used, (3 * n + 8) * sizeof(int64_t));
    return used;
}

wr_status wr_regex_measure(wr_text pattern, uint32_t flags, uint64_t *out_bytes, wr_error *err)
{
    compiler c = {.pattern = pattern, .flags = flags, .err = err};
    wr_regex counted;

    WR_TRY(compile_all(&c));
    *out_bytes = lay_out(&c, &counted, NULL);
    return WR_OK;
}

/* Programs begin with SAVE 0; what comes then may be a plain character. */
static int32_t first_byte(const wr_regex *regex)
{
    const regex_code *code = regex->code + 1;

    while (code->op == REGEX_SAVE)
        code++;
    return code->op == REGEX_CHAR && !code->nocase && code->x < 0x80 ? (int32_t)code->x : -1;
}

wr_status wr_regex_compile(wr_text pattern, uint32_t flags, void *space, wr_regex **out_regex,
                           wr_error *err)
{
    compiler  c = {.pattern = pattern, .flags = flags, .err = err};
    wr_regex *regex = space;

    WR_TRY(compile_all(&c));
    *regex = (wr_regex){.code_count = c.code_count, .range_count = c.range_count,
                        .group_count = c.group_count};
    memset((uint8_t *)space + sizeof *regex, 0, lay_out(&c, regex, space) - sizeof *regex);
    c = (compiler){.pattern = pattern, .flags = flags, .code = regex->code,
                   .ranges = regex->ranges, .err = err};
    WR_TRY(compile_all(&c));
    regex->first_byte = first_byte(regex);
    *out_regex = regex;
    return WR_OK;
}

uint32_t wr_regex_group_count(const wr_regex *regex)
{
    return regex->group_count;
}
