/* json_value.c — one JSON value, one member at a time; strings eight bytes a step.
 *
 * Everything stops at a NUL, and in JSON Lines at a newline, which no value holds, so no end is checked
 * for. Escapes and numbers: types/json_text.h.
 * Cost: about 0.3 ns a byte of strings, 1 ns a byte of numbers. */
#include <string.h>

#include "base/bits.h"
#include "base/hash.h"
#include "json_priv.h"

enum { ESCAPED_PAIR_BYTES = 12 }; /* the longest escape; there are more bytes behind the text */

#define NO_END ((const uint8_t *)UINTPTR_MAX) /* numbers end at the NUL at the latest */

/* ---- Strings ----------------------------------------------------------------------------------- */

const uint8_t *wr_json_find_special(const uint8_t *at)
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

static const uint8_t *fail(json_walk *walk, const char *fault, const uint8_t *where)
{
    walk->fault = fault;
    walk->where = where;
    return NULL;
}

/* Behind its opening quote. */
static const uint8_t *take_string(json_walk *walk, const uint8_t *at, json_token *out)
{
    *out = (json_token){.start = at, .kind = JSON_STRING};
    for (;;) {
        const uint8_t *behind;

        at = wr_json_find_special(at);
        if (*at == '"') {
            out->end = at;
            return at + 1;
        }
        if (*at == '\n' || *at == '\0')
            return fail(walk, "a string is never closed", out->start - 1);
        if (*at != '\\')
            return fail(walk, "a control character in a string", at);
        behind = wr_json_escape_end(at, at + ESCAPED_PAIR_BYTES);
        if (!behind)
            return fail(walk, "not an escape", at);
        out->escaped = true;
        at = behind;
    }
}

static const uint8_t *pass_blanks(const json_walk *walk, const uint8_t *at)
{
    return wr_json_blanks(at, walk->over_lines);
}

/* ---- Values ------------------------------------------------------------------------------------ */

static const uint8_t *take_number(json_walk *walk, const uint8_t *at, json_token *out)
{
    const uint8_t *behind = wr_json_number_end(at, NO_END);

    if (*at != '-' && (*at < '0' || *at > '9'))
        return fail(walk, "expected a value", at);
    if (!behind)
        return fail(walk, "not a number", at);
    *out = (json_token){at, behind, JSON_NUMBER, false};
    return behind;
}

static const uint8_t *take_word(json_walk *walk, const uint8_t *at, const char *word,
                                json_kind kind, json_token *out)
{
    size_t length = strlen(word);

    if (memcmp(at, word, length) != 0)
        return fail(walk, "not a value", at);
    *out = (json_token){at, at + length, kind, false};
    return at + length;
}

static const uint8_t *take_plain(json_walk *walk, const uint8_t *at, json_token *out)
{
    switch (*at) {
    case '"':
        return take_string(walk, at + 1, out);
    case 't':
        return take_word(walk, at, "true", JSON_BOOL, out);
    case 'f':
        return take_word(walk, at, "false", JSON_BOOL, out);
    case 'n':
        return take_word(walk, at, "null", JSON_NULL, out);
    default:
        return take_number(walk, at, out);
    }
}

/* ---- Objects and arrays ------------------------------------------------------------------------- */

const char *wr_json_grammar_take(json_grammar *g, uint8_t byte)
{
    switch (byte) {
    case '{':
    case '[':
        if (g->next > JSON_NEXT_VALUE)
            break;
        if (g->depth == g->depth_max)
            return "nested too deeply";
        wr_bit_put(g->braces, g->depth++, byte == '{');
        g->next = byte == '{' ? JSON_NEXT_FIRST_KEY : JSON_NEXT_FIRST_VALUE;
        return NULL;
    case '}':
    case ']':
        if (g->next != JSON_NEXT_FIRST_VALUE && g->next != JSON_NEXT_FIRST_KEY && g->next != JSON_NEXT_COMMA)
            break;
        if (wr_bit_get(g->braces, g->depth - 1) != (byte == '}'))
            return "brackets do not match";
        g->depth--;
        g->next = JSON_NEXT_COMMA;
        return NULL;
    case ',':
        if (g->next != JSON_NEXT_COMMA)
            break;
        g->next = wr_bit_get(g->braces, g->depth - 1) ? JSON_NEXT_KEY : JSON_NEXT_VALUE;
        return NULL;
    case ':':
        if (g->next != JSON_NEXT_COLON)
            break;
        g->next = JSON_NEXT_VALUE;
        return NULL;
    default:
        if (g->next <= JSON_NEXT_VALUE)
            g->next = JSON_NEXT_COMMA;
        else if (g->next <= JSON_NEXT_KEY && byte == '"')
            g->next = JSON_NEXT_COLON;
        else
            break;
        return NULL;
    }
    if (g->next == JSON_NEXT_COMMA)
        return wr_bit_get(g->braces, g->depth - 1) ? "expected ',' or '}'" : "expected ',' or ']'";
    return g->next <= JSON_NEXT_VALUE ? "expected a value"
           : g->next <= JSON_NEXT_KEY ? "expected a key in quotes"
                                      : "expected ':' behind a key";
}

/* As its text, which is well-formed. */
static const uint8_t *take_nested(json_walk *walk, const uint8_t *at, json_token *out)
{
    const uint8_t *start = at;
    json_grammar   grammar;
    json_token     part;

    wr_json_grammar_begin(&grammar, walk->depth_max);
    do {
        const char *fault;

        at = pass_blanks(walk, at);
        if (*at == '\n' || *at == '\0')
            return fail(walk, "an object or array is never closed", start);
        fault = wr_json_grammar_take(&grammar, *at);
        if (fault)
            return fail(walk, fault, at);
        at = wr_json_is_mark(*at) ? at + 1 : take_plain(walk, at, &part);
    } while (at && grammar.depth > 0);
    *out = (json_token){start, at, JSON_NESTED, false};
    return at;
}

/* ---- Members ----------------------------------------------------------------------------------- */

bool wr_json_walk_key(json_walk *walk, json_token *out_key)
{
    const uint8_t *at = pass_blanks(walk, walk->at);

    if (!walk->inside) {
        if (*at != '{')
            return fail(walk, *at == '[' ? "an array, where an object was expected"
                                         : "expected an object", at) != NULL;
        at = pass_blanks(walk, at + 1);
        walk->inside = true;
    } else if (*at == ',') {
        at = pass_blanks(walk, at + 1);
        if (*at == '}')
            return fail(walk, "a comma behind the last member", at) != NULL;
    } else if (*at != '}') {
        return fail(walk, "expected ',' or '}'", at) != NULL;
    }
    if (*at == '}') {
        walk->at = pass_blanks(walk, at + 1);
        return false;
    }
    if (*at != '"')
        return fail(walk, "expected a key in quotes", at) != NULL;
    at = take_string(walk, at + 1, out_key);
    if (!at)
        return false;
    at = pass_blanks(walk, at);
    if (*at != ':')
        return fail(walk, "expected ':' behind a key", at) != NULL;
    walk->at = pass_blanks(walk, at + 1);
    return true;
}

bool wr_json_walk_value(json_walk *walk, json_token *out_value)
{
    const uint8_t *at = walk->at;

    at = *at == '{' || *at == '[' ? take_nested(walk, at, out_value) : take_plain(walk, at, out_value);
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
