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
    json_walk         walk = {.at = put_line(line, byte_count)};
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
        {"[1]", "an array, where each line should be an object at 0"},
        {"{\"a\":1}x", "text behind the object at 7"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_into_members),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(escapes_become_characters),
        cmocka_unit_test(damaged_lines_are_read_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
