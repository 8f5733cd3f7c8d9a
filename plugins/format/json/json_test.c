/* json_test.c — values, lines and every broken form of a small file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "json_priv.h"

/* A line in padded memory, so that what reads beyond it is found. */
static uint8_t text[4096 + WR_TEXT_PAD];

static const uint8_t *put_line(const char *line, size_t byte_count)
{
    memset(text, 0, sizeof text);
    memcpy(text, line, byte_count);
    text[byte_count] = '\n';
    return text;
}

/* "key=kind:text;" of every member, or the fault and its place. */
static void walk_line(const char *line, size_t byte_count, char *out, size_t out_bytes)
{
    static const char KINDS[] = "0bnsx";
    json_walk         walk = {.at = put_line(line, byte_count), .depth_max = JSON_DEPTH_MAX};
    json_token        key, value;
    size_t            used = 0;

    out[0] = '\0';
    while (wr_json_walk_key(&walk, &key)) {
        if (!wr_json_walk_value(&walk, &value))
            break;
        used += (size_t)snprintf(out + used, out_bytes - used, "%.*s=%c:%.*s;",
                                 (int)(key.end - key.start), key.start, KINDS[value.kind],
                                 (int)(value.end - value.start), value.start);
    }
    if (walk.fault)
        snprintf(out, out_bytes, "%s at %d", walk.fault, (int)(walk.where - text));
}

static void lines_are_cut_into_members(void **state)
{
    static const char *const CASES[][2] = {
        {"{}", ""},
        {" { \"a\" : 1 , \"b\":null}\r", "a=n:1;b=0:null;"},
        {"{\"a\":true,\"b\":false}", "a=b:true;b=b:false;"},
        {"{\"a\":\"x\\\"y\",\"long key of some bytes\":\"another text, longer than one word\"}",
         "a=s:x\\\"y;long key of some bytes=s:another text, longer than one word;"},
        {"{\"a\":-0.5e+10,\"b\":[1,{\"c\":\"]\"}],\"d\":{}}",
         "a=n:-0.5e+10;b=x:[1,{\"c\":\"]\"}];d=x:{};"},
        {"", "expected an object at 0"},
        {"[1]", "an array, where an object was expected at 0"},
        {"{\"a\":1,}", "a comma behind the last member at 7"},
        {"{\"a\" 1}", "expected ':' behind a key at 5"},
        {"{\"a\":}", "expected a value at 5"},
        {"{\"a\":01}", "not a number at 5"},
        {"{\"a\":1.}", "not a number at 5"},
        {"{\"a\":1e}", "not a number at 5"},
        {"{\"a\":tru}", "not a value at 5"},
        {"{\"a\":\"x}", "a string is never closed at 5"},
        {"{\"a\":\"\\x\"}", "not an escape at 6"},
        {"{\"a\":\"\\ud800\"}", "not an escape at 6"},
        {"{\"a\":\"\\udc00\"}", "not an escape at 6"},
        {"{\"a\":\"\t\"}", "a control character in a string at 6"},
        {"{\"a\":[}", "brackets do not match at 6"},
        {"{\"a\":[1", "an object or array is never closed at 5"},
        {"{\"a\":[[ ]", "an object or array is never closed at 5"},
        {"{\"a\":[1 2]}", "expected ',' or ']' at 8"},
        {"{\"a\":{\"b\" 2}}", "expected ':' behind a key at 10"},
        {"{\"a\":{\"b\":}}", "expected a value at 10"},
        {"{\"a\":{\"b\":1,}}", "expected a key in quotes at 12"},
        {"{\"a\":[1,]}", "expected a value at 8"},
        {"{\"a\":[,1]}", "expected a value at 6"},
        {"{\"a\":[{},nul]}", "not a value at 9"},
        {"{\"a\":[[1]{}]}", "expected ',' or ']' at 9"},
        {"{a:1}", "expected a key in quotes at 1"},
        {"{\"a\":1 \"b\":2}", "expected ',' or '}' at 7"},
    };
    char out[512];

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        walk_line(CASES[i][0], strlen(CASES[i][0]), out, sizeof out);
        assert_string_equal(out, CASES[i][1]);
    }
}

static void nesting_is_bounded(void **state)
{
    char line[2 * JSON_DEPTH_MAX + 32], out[256];

    (void)state;
    for (uint32_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        size_t used = (size_t)snprintf(line, sizeof line, "{\"a\":");

        memset(line + used, '[', depth);
        memset(line + used + depth, ']', depth);
        line[used + 2 * depth] = '}';
        walk_line(line, used + 2 * depth + 1, out, 64);
        assert_int_equal(strncmp(out, "nested too deeply", 17) == 0, depth > JSON_DEPTH_MAX);
    }
}

static void escapes_become_characters(void **state)
{
    static const char *const CASES[][2] = {
        {"a\\n\\t\\\"\\\\\\/\\b\\f\\r", "a\n\t\"\\/\b\f\r"},
        {"\\u00e9\\u20ac\\ud83d\\ude00x", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80x"},
        {"\\u0041", "A"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint8_t  out[64];
        uint32_t byte_count = wr_json_unescape((const uint8_t *)CASES[i][0],
                                               (uint32_t)strlen(CASES[i][0]), out);

        assert_int_equal(byte_count, strlen(CASES[i][1]));
        assert_memory_equal(out, CASES[i][1], byte_count);
    }
}

/* Cut anywhere and with any bit turned, a line is read or refused, and nothing beyond it is touched. */
static void damaged_lines_are_read_or_refused(void **state)
{
    static const char LINE[] = "{\"id\": -12.5e3, \"t\": \"a\\u00e9\\ud83d\\ude00\", \"n\": [1, {\"x\": "
                               "null}], \"b\": true, \"\": \"\"}";
    char              out[1024], damaged[sizeof LINE];

    (void)state;
    for (size_t cut = 0; cut < sizeof LINE - 1; cut++) {
        walk_line(LINE, cut, out, sizeof out);
        assert_non_null(strstr(out, " at "));
    }
    for (size_t bit = 0; bit < 8 * (sizeof LINE - 1); bit++) {
        memcpy(damaged, LINE, sizeof LINE);
        damaged[bit / 8] = (char)(damaged[bit / 8] ^ 1 << bit % 8);
        walk_line(damaged, sizeof LINE - 1, out, sizeof out);
    }
}

/* Byte by byte, what json_scan.h says: the first record from `from` on that ends. */
static json_bounds find_bound_slowly(json_layout layout, const uint8_t *bytes, uint32_t from,
                                     uint32_t end)
{
    uint32_t depth = 0;
    bool     in_string = false, escaped = false, any = false;

    for (uint32_t at = from; at < end; at++) {
        uint8_t byte = bytes[at];

        in_string ^= byte == '"' && !escaped;
        escaped = byte == '\\' && !escaped;
        if (!in_string && depth == 0 && layout == JSON_ARRAY && (byte == ',' || byte == ']'))
            return (json_bounds){at, at + 1, byte == ',' || any, byte == ']'};
        if (!in_string && depth == 0 && layout == JSON_DOCUMENTS && byte == '\n' && any)
            return (json_bounds){at, at + 1, 1, false};
        any |= in_string || !strchr(" \t\r\n", byte);
        if (in_string || !strchr("[]{}", byte))
            continue;
        depth += byte == '{' || byte == '[' ? 1 : depth > 0 ? -1u : 0;
        if (depth == 0 && layout == JSON_DOCUMENTS)
            return (json_bounds){at + 1, at + 1, 1, false};
    }
    return (json_bounds){0};
}

static void assert_same_bounds(const json_bounds *a, const json_bounds *b)
{
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->next, b->next);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->closed, b->closed);
}

static void records_end_where_their_brackets_do(void **state)
{
    static const char ALPHABET[] = "{}[],\"\\ \nabcdefgh";
    uint64_t          seed = 42;

    (void)state;
    for (uint32_t round = 0; round < 4000; round++) {
        json_layout layout = round & 1 ? JSON_ARRAY : JSON_DOCUMENTS;
        uint32_t    byte_count = round % 700, letters = round & 2 ? 9 : 17;
        json_cut    cut = {0};
        json_bounds slow, quick = {0}, parts = {0};

        memset(text, 0, sizeof text);
        for (uint32_t i = 0; i < byte_count; i++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            text[i] = (uint8_t)ALPHABET[(seed >> 33) % letters];
        }
        wr_text_isa_plain = round & 4;
        slow = find_bound_slowly(layout, text, 0, byte_count);
        WR_TEXT_PICK(wr_json_scan)->find_bounds(layout, true, &cut, text, 0, byte_count, &quick);
        assert_same_bounds(&slow, &quick);
        cut = (json_cut){0};
        for (uint32_t at = 0, step; at < byte_count && parts.next == 0; at += step) {
            step = round % 61 + 1 < byte_count - at ? round % 61 + 1 : byte_count - at;
            WR_TEXT_PICK(wr_json_scan)->find_bounds(layout, true, &cut, text, at, at + step, &parts);
        }
        assert_same_bounds(&slow, &parts);
    }
    wr_text_isa_plain = false;
}

static void layouts_are_told_by_the_first_value(void **state)
{
    static const struct {
        const char *head;
        json_layout layout;
    } CASES[] = {
        {"", JSON_LINES}, {"\n\n", JSON_LINES}, {"{\"a\":1}", JSON_LINES}, {"{\"a\":", JSON_LINES},
        {"{\"a\":1} \r\n{", JSON_LINES}, {"{\n\"a\":1}", JSON_DOCUMENTS},
        {"{\"a\":1}{\"a\":2}\n", JSON_DOCUMENTS}, {"[", JSON_ARRAY}, {" [{\"a\":\n1}]", JSON_ARRAY},
        {"[{\"a\":1}]\n\n", JSON_ARRAY}, {"[1]\n[2]\n", JSON_LINES}, {"5\n6", JSON_LINES},
        {"\xef\xbb\xbf[\n", JSON_ARRAY}, {"{\"a\":\"\n\"}\n", JSON_DOCUMENTS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        put_line(CASES[i].head, strlen(CASES[i].head));
        assert_int_equal(wr_json_find_layout(text, (uint32_t)strlen(CASES[i].head)),
                         CASES[i].layout);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_into_members),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(escapes_become_characters),
        cmocka_unit_test(damaged_lines_are_read_or_refused),
        cmocka_unit_test(records_end_where_their_brackets_do),
        cmocka_unit_test(layouts_are_told_by_the_first_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
