/* json_value.c — one JSON value, one member at a time; strings eight bytes a step.
 *
 * Everything stops at a newline, which no value of JSON Lines holds, so no end is checked for. Numbers
 * follow the grammar of RFC 8259, section 6; escapes of section 7, with surrogates in pairs.
 * Cost: about 0.3 ns a byte of strings, 1 ns a byte of numbers. */
#include <string.h>

#include "base/bits.h"
#include "base/hash.h"
#include "json_priv.h"

/* ---- Strings ----------------------------------------------------------------------------------- */

/* The first byte from `at` on that is a quote, a backslash or below a blank. */
static const uint8_t *find_special(const uint8_t *at)
{
    const uint64_t ones = 0x0101010101010101ull, tops = 0x8080808080808080ull;

    for (;; at += 8) {
        uint64_t word, quote, backslash, low, hit;

        memcpy(&word, at, sizeof word);
        quote = word ^ ones * '"';
        backslash = word ^ ones * '\\';
        /* The lowest top bit of each term is exact, and only that one is used. */
        low = (word - ones * ' ') & ~word;
        hit = (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | low) & tops;
        if (hit)
            return at + __builtin_ctzll(hit) / 8;
    }
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Four hex digits; -1: they are none. */
static int32_t code_unit(const uint8_t *at)
{
    int32_t value = 0;

    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool is_high_surrogate(int32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* Behind the escape at `at` (a backslash); NULL: it is none. */
static const uint8_t *skip_escape(const uint8_t *at)
{
    int32_t unit;

    if (at[1] != 'u')
        return at[1] && strchr("\"\\/bfnrt", at[1]) ? at + 2 : NULL;
    unit = code_unit(at + 2);
    if (unit < 0 || is_low_surrogate(unit))
        return NULL;
    if (!is_high_surrogate(unit))
        return at + 6;
    return at[6] == '\\' && at[7] == 'u' && is_low_surrogate(code_unit(at + 8)) ? at + 12 : NULL;
}

static const uint8_t *fail(const char *fault, const uint8_t *where, const char **out_fault,
                           const uint8_t **out_where)
{
    *out_fault = fault;
    *out_where = where;
    return NULL;
}

const uint8_t *wr_json_string(const uint8_t *at, json_token *out, const char **out_fault,
                              const uint8_t **out_where)
{
    *out = (json_token){.start = at, .kind = JSON_STRING};
    for (;;) {
        const uint8_t *behind;

        at = find_special(at);
        if (*at == '"') {
            out->end = at;
            return at + 1;
        }
        if (*at == '\n')
            return fail("a string is never closed", out->start - 1, out_fault, out_where);
        if (*at != '\\')
            return fail("a control character in a string", at, out_fault, out_where);
        behind = skip_escape(at);
        if (!behind)
            return fail("not an escape", at, out_fault, out_where);
        out->escaped = true;
        at = behind;
    }
}

static uint32_t put_character(uint32_t c, uint8_t *to)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

static uint8_t plain_escape(uint8_t letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter;
    }
}

uint32_t wr_json_unescape(const uint8_t *bytes, uint32_t byte_count, uint8_t *to)
{
    uint32_t from = 0, used = 0;

    while (from < byte_count) {
        int32_t unit;

        if (bytes[from] != '\\') {
            to[used++] = bytes[from++];
            continue;
        }
        if (bytes[from + 1] != 'u') {
            to[used++] = plain_escape(bytes[from + 1]);
            from += 2;
            continue;
        }
        unit = code_unit(bytes + from + 2);
        from += 6;
        if (is_high_surrogate(unit)) {
            unit = 0x10000 + ((unit - 0xd800) << 10) + (code_unit(bytes + from + 2) - 0xdc00);
            from += 6;
        }
        used += put_character((uint32_t)unit, to + used);
    }
    return used;
}

/* ---- Values ------------------------------------------------------------------------------------ */

static const uint8_t *skip_digits(const uint8_t *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

static const uint8_t *take_number(const uint8_t *at, json_token *out, const char **out_fault,
                                  const uint8_t **out_where)
{
    const uint8_t *start = at, *digits;

    if (*at != '-' && (*at < '0' || *at > '9'))
        return fail("expected a value", at, out_fault, out_where);
    at += *at == '-';
    digits = at;
    at = skip_digits(at);
    if (at == digits || (*digits == '0' && at > digits + 1))
        return fail("not a number", start, out_fault, out_where);
    if (*at == '.') {
        digits = at + 1;
        at = skip_digits(digits);
        if (at == digits)
            return fail("not a number", start, out_fault, out_where);
    }
    if ((*at | 0x20) == 'e') {
        at++;
        at += *at == '+' || *at == '-';
        digits = at;
        at = skip_digits(digits);
        if (at == digits)
            return fail("not a number", start, out_fault, out_where);
    }
    *out = (json_token){start, at, JSON_NUMBER, false};
    return at;
}

static const uint8_t *take_word(const uint8_t *at, const char *word, json_kind kind,
                                json_token *out, const char **out_fault, const uint8_t **out_where)
{
    size_t length = strlen(word);

    if (memcmp(at, word, length) != 0)
        return fail("not a value", at, out_fault, out_where);
    *out = (json_token){at, at + length, kind, false};
    return at + length;
}

/* An object or array as its text: brackets match, strings end. Bit n: the n-th open one is '{'. */
static const uint8_t *take_nested(const uint8_t *at, json_token *out, const char **out_fault,
                                  const uint8_t **out_where)
{
    uint64_t       braces[JSON_DEPTH_MAX / 64];
    uint32_t       depth = 0;
    const uint8_t *start = at;
    json_token     string;

    for (;; at++) {
        switch (*at) {
        case '{':
        case '[':
            if (depth == JSON_DEPTH_MAX)
                return fail("nested too deeply", at, out_fault, out_where);
            wr_bit_put(braces, depth++, *at == '{');
            break;
        case '}':
        case ']':
            if (wr_bit_get(braces, --depth) != (*at == '}'))
                return fail("brackets do not match", at, out_fault, out_where);
            if (depth == 0) {
                *out = (json_token){start, at + 1, JSON_NESTED, false};
                return at + 1;
            }
            break;
        case '"':
            at = wr_json_string(at + 1, &string, out_fault, out_where);
            if (!at)
                return NULL;
            at--;
            break;
        case '\n':
            return fail("an object or array is never closed", start, out_fault, out_where);
        default:
            break;
        }
    }
}

const uint8_t *wr_json_value(const uint8_t *at, json_token *out, const char **out_fault,
                             const uint8_t **out_where)
{
    switch (*at) {
    case '"':
        return wr_json_string(at + 1, out, out_fault, out_where);
    case '{':
    case '[':
        return take_nested(at, out, out_fault, out_where);
    case 't':
        return take_word(at, "true", JSON_BOOL, out, out_fault, out_where);
    case 'f':
        return take_word(at, "false", JSON_BOOL, out, out_fault, out_where);
    case 'n':
        return take_word(at, "null", JSON_NULL, out, out_fault, out_where);
    default:
        return take_number(at, out, out_fault, out_where);
    }
}

/* ---- Members ----------------------------------------------------------------------------------- */

static bool walk_fail(json_walk *walk, const char *fault, const uint8_t *where)
{
    walk->fault = fault;
    walk->where = where;
    return false;
}

bool wr_json_walk_key(json_walk *walk, json_token *out_key)
{
    const uint8_t *at = wr_json_blanks(walk->at);

    if (!walk->inside) {
        if (*at != '{')
            return walk_fail(walk, *at == '[' ? "an array, where each line should be an object"
                                              : "expected an object", at);
        at = wr_json_blanks(at + 1);
        walk->inside = true;
    } else if (*at == ',') {
        at = wr_json_blanks(at + 1);
        if (*at == '}')
            return walk_fail(walk, "a comma behind the last member", at);
    } else if (*at != '}') {
        return walk_fail(walk, "expected ',' or '}'", at);
    }
    if (*at == '}') {
        walk->at = wr_json_blanks(at + 1);
        return *walk->at == '\n' ? false : walk_fail(walk, "text behind the object", walk->at);
    }
    if (*at != '"')
        return walk_fail(walk, "expected a key in quotes", at);
    at = wr_json_string(at + 1, out_key, &walk->fault, &walk->where);
    if (!at)
        return false;
    at = wr_json_blanks(at);
    if (*at != ':')
        return walk_fail(walk, "expected ':' behind a key", at);
    walk->at = wr_json_blanks(at + 1);
    return true;
}

bool wr_json_walk_value(json_walk *walk, json_token *out_value)
{
    const uint8_t *at = wr_json_value(walk->at, out_value, &walk->fault, &walk->where);

    if (!at)
        return false;
    walk->at = at;
    return true;
}

/* ---- Names ------------------------------------------------------------------------------------- */

static uint32_t slot_count(uint32_t field_count)
{
    return (uint32_t)wr_pow2_ceil(2 * (uint64_t)field_count + 2);
}

uint64_t wr_json_names_bytes(uint32_t field_count)
{
    return (uint64_t)slot_count(field_count) * sizeof(uint32_t);
}

void wr_json_names_init(json_names *names, const wr_schema *schema, void *space)
{
    *names = (json_names){schema, space, slot_count(schema->field_count) - 1};
    memset(names->slots, 0, ((size_t)names->mask + 1) * sizeof names->slots[0]);
    for (uint32_t f = 0; f < schema->field_count; f++) {
        wr_text  name = schema->fields[f].name;
        uint32_t at = (uint32_t)wr_hash_bytes(name.bytes, name.byte_count) & names->mask;

        while (names->slots[at])
            at = (at + 1) & names->mask;
        names->slots[at] = f + 1;
    }
}

uint32_t wr_json_names_find(const json_names *names, const uint8_t *bytes, uint32_t byte_count)
{
    uint32_t at = (uint32_t)wr_hash_bytes(bytes, byte_count) & names->mask;

    for (; names->slots[at]; at = (at + 1) & names->mask) {
        wr_text name = names->schema->fields[names->slots[at] - 1].name;

        if (name.byte_count == byte_count && memcmp(name.bytes, bytes, byte_count) == 0)
            return names->slots[at] - 1;
    }
    return WR_FIELD_NONE;
}
