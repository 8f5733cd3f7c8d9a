/* kernel/nested_read_test.c — nested values to JSON and back: random values through small buffers and from
 * blobs; what the reader takes, refuses and says; damaged text. */
#include "kernel/nested_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/nested_sink_fixture.h"
#include "types/nested_fixture.h"
#include "types/nested_text.h"

enum { ROOM_BYTES = 1 << 18 };

static uint8_t          room[2][ROOM_BYTES];
static char             text[2][ROOM_BYTES];
static wr_nested_reader reader;

/* Write a value, at most `step` bytes a call. */
static wr_text write_value(wr_type type, const wr_str *value, size_t step, char *out)
{
    static wr_packed_window window;
    wr_nested_text writer;
    wr_error       err = {0};
    size_t         used = 0, written;
    bool           done = false;

    wr_nested_text_begin(&writer, type, value, &window);
    while (!done) {
        size_t most = ROOM_BYTES - used < step ? ROOM_BYTES - used : step;

        assert_int_equal(wr_nested_text_write(&writer, out + used, most, &written, &done, &err),
                         WR_OK);
        assert_true(written <= most);
        used += written;
    }
    return (wr_text){out, used};
}

static wr_text read_value(wr_text json, wr_type type, uint8_t *out)
{
    wr_packer packer = {.bytes = out, .capacity = ROOM_BYTES};
    bool      is_null;
    char      why[WR_NESTED_REASON_BYTES];

    if (!wr_nested_read(&reader, json, type, &packer, &is_null))
        fail_msg("%.*s: %s", WR_TEXT_ARG(json), wr_nested_fault_format(&reader.fault, why));
    assert_false(is_null || packer.is_full);
    return (wr_text){(char *)out, packer.used};
}

static void values_there_and_back(void **state)
{
    static const char *const TYPES[] = {
        "int64[]", "text[][]", "struct(a float64, \"b \"\"c\" text, c int[])", "map(int, binary)",
        "map(text, struct(x smallint, y boolean[]))", "struct(a binary, b uint64, c float32[])",
        "map(struct(a int), text)[]",
    };
    static const size_t STEPS[] = {WR_NESTED_TEXT_ROOM_MIN, 150, 4096, ROOM_BYTES};
    (void)state;

    for (size_t t = 0; t < sizeof TYPES / sizeof TYPES[0]; t++) {
        wr_type type = type_of(TYPES[t]);

        for (int round = 0; round < 300; round++) {
            wr_packer packer = {.bytes = room[0], .capacity = ROOM_BYTES};
            wr_text   json, back, again;
            wr_blob   blob;
            wr_str    value, copy;

            draw_value(type, &packer);
            value = wr_str_of((const char *)room[0], packer.used);
            json = write_value(type, &value, STEPS[round % 4], text[0]);
            back = read_value(json, type, room[1]);
            copy = wr_str_of(back.bytes, back.byte_count);
            again = write_value(type, &copy, ROOM_BYTES, text[1]);
            assert_true(wr_text_equal(json, again));
            if (packer.used <= WR_STR_INLINE_BYTES)
                continue;
            blob = (wr_blob){packer.used, 0, read_few, room[0], 0};
            value = wr_str_of_blob(&blob, (const char *)room[0]);
            again = write_value(type, &value, STEPS[round % 3], text[1]);
            assert_true(wr_text_equal(json, again));
        }
    }
}

static void long_list(void **state)
{
    wr_packer      packer = {.bytes = room[0], .capacity = ROOM_BYTES};
    wr_list_packer list;
    wr_text        back;
    wr_str         value;
    (void)state;

    wr_list_pack_begin(&list, &packer, WR_TYPE(I32));
    for (int32_t i = 0; i < 30000; i++)
        wr_list_pack_cell(&list, i % 7 ? &i : NULL);
    wr_list_pack_end(&list);
    value = wr_str_of((const char *)room[0], packer.used);
    back = read_value(write_value(type_of("int[]"), &value, 200, text[0]), type_of("int[]"), room[1]);
    assert_true(wr_text_equal(back, (wr_text){(const char *)room[0], packer.used}));
}

/* ---- Long values --------------------------------------------------------------------------------- */

/* A text through a window of `text_bytes`; the packed bytes are in sink_bytes, else `why` is filled. */
static wr_nested_taken read_through(wr_text json, wr_type type, uint64_t text_bytes,
                                    wr_nested_rules rules, char *why)
{
    static _Alignas(16) uint8_t space[1 << 20];
    wr_blob         blob = {json.byte_count, 0, read_few, (void *)json.bytes, 0};
    wr_str          in = json.byte_count > WR_STR_INLINE_BYTES
                             ? wr_str_of_blob(&blob, "....")
                             : wr_str_of(json.bytes, json.byte_count);
    wr_nested_taken taken;
    wr_nested_room  window;

    assert_true(wr_nested_room_bytes(text_bytes) <= sizeof space);
    taken = take_through(&in, type, space, text_bytes, rules, &window);
    if (taken == WR_NESTED_BAD)
        wr_nested_fault_format(&window.reader->fault, why);
    return taken;
}

static uint8_t long_bytes[SINK_BYTES];

/* Through windows of many sizes a text reads as it does whole, or is refused for the same reason. */
static void assert_same_through_windows(wr_text json, wr_type type, wr_nested_rules rules)
{
    wr_packer packer = {.bytes = long_bytes, .capacity = SINK_BYTES};
    char      whys[2][WR_NESTED_REASON_BYTES];
    bool      is_null, fine;

    reader.rules = rules;
    fine = wr_nested_read(&reader, json, type, &packer, &is_null);
    assert_false(packer.is_full);
    if (!fine)
        wr_nested_fault_format(&reader.fault, whys[0]);
    for (uint64_t window = 1500; window < 60000; window = 3 * window + 77) {
        wr_nested_taken taken = read_through(json, type, window, rules, whys[1]);

        if (!fine) {
            assert_int_equal(taken, WR_NESTED_BAD);
            assert_string_equal(whys[1], whys[0]);
            continue;
        }
        if (taken == WR_NESTED_BAD)
            fail_msg("%llu: %s", (unsigned long long)window, whys[1]);
        assert_int_equal(taken, is_null ? WR_NESTED_NULL : WR_NESTED_VALUE);
        assert_int_equal(sink_used, packer.used);
        assert_memory_equal(sink_bytes, long_bytes, sink_used);
    }
    reader.rules = (wr_nested_rules){0};
}

static size_t put_text(char *to, const char *text_)
{
    return (size_t)snprintf(to, 64, "%s", text_);
}

static size_t put_long_string(char *to, uint32_t count)
{
    static const char *const PIECES[] = {"x", "\\n", "\\u00e9", "\\ud83d\\ude00", " {[", "\xc3\xa9", "\\\\"};
    size_t used = put_text(to, "\"");

    for (uint32_t i = 0; i < count; i++)
        used += put_text(to + used, PIECES[draw(7)]);
    return used + put_text(to + used, "\"");
}

/* JSON of a type, with containers of about `size` elements; members in any order, some left out. */
static size_t put_json(char *to, wr_type type, uint32_t size, bool is_top)
{
    wr_type  element = wr_type_is_sequence(type) ? wr_type_element(type) : type;
    uint32_t count = draw(is_top ? size + 1 : size / 4 + 3);
    size_t   used = 0;

    if (!is_top && draw(9) == 0)
        return put_text(to, " null");
    if (type.logical == WR_TYPE_LIST) {
        for (uint32_t i = 0; i < count; i++) {
            used += put_text(to + used, i ? ", " : "[");
            used += put_json(to + used, element, size / 40, false);
        }
        return used + put_text(to + used, count ? "]" : "[ ]");
    }
    if (type.logical == WR_TYPE_MAP) {
        for (uint32_t i = 0; i < count; i++) {
            used += (size_t)snprintf(to + used, 64, "%c\"%u\": ", i ? ',' : '{', i);
            used += put_json(to + used, wr_type_member(element, 1).type, size / 40, false);
        }
        return used + put_text(to + used, count ? " }" : "{}");
    }
    if (type.logical == WR_TYPE_STRUCT) {
        uint32_t members = wr_type_member_count(type), first = draw(members);

        for (uint32_t i = 0; i < members; i++) {
            wr_member member = wr_type_member(type, (first + i) % members);

            used += (size_t)snprintf(to + used, 64, "%c\"%.*s\":", i ? ',' : '{',
                                     WR_TEXT_ARG(member.name));
            used += put_json(to + used, member.type, size, is_top);
            if (draw(3) == 0)
                used += put_text(to + used, ",\"none\": [{\"a\": \"]\"}]");
        }
        return used + put_text(to + used, "}");
    }
    if (type.logical == WR_TYPE_UTF8)
        return put_long_string(to, draw(9) ? draw(20) : is_top ? 3 * size : size);
    return (size_t)snprintf(to, 64, draw(2) ? "%u" : "\"%u\"", draw(10000));
}

static const char *const LONG_TYPES[] = {
    "int64[]", "text[]", "struct(a int, b text[])[]", "struct(a int[], b text, c text[][], d double)",
    "map(text, int)", "map(int, text[])", "map(text, map(int, int[]))",
    "struct(a struct(b struct(c text, d int[]), e map(int, text)), f int64[])",
    "struct(x text, y struct(z text)[])[][]", "struct(only double)",
};

static void long_values(void **state)
{
    static char json[SINK_BYTES];
    size_t      patches = 0;
    (void)state;

    for (size_t t = 0; t < sizeof LONG_TYPES / sizeof LONG_TYPES[0]; t++) {
        wr_type type = type_of(LONG_TYPES[t]);

        for (int round = 0; round < 24; round++) {
            size_t  used = put_json(json, type, round < 20 ? 500 : 1500, true);
            wr_nested_rules rules = {(wr_twin_keys)(round % 3), false};

            assert_true(used < SINK_BYTES / 2);
            assert_same_through_windows((wr_text){json, used}, type, rules);
            patches += sink_patches;
            for (int damage = 0; damage < 4; damage++) {
                static char damaged[SINK_BYTES];
                size_t      cut = damage ? used : draw((uint32_t)used);

                memcpy(damaged, json, cut);
                if (damage && cut)
                    damaged[draw((uint32_t)cut)] = "\"{}[]:,x1\\\n\x01"[draw(12)];
                assert_same_through_windows((wr_text){damaged, cut}, type, rules);
            }
        }
    }
    assert_true(patches > 0);
}

/* Twins among the keys of a long Map: the first entry whose key was there before is told. */
static void long_maps(void **state)
{
    static const char *const TYPES[] = {"map(int, int)", "map(text, text)", "map(double, int)"};
    static char json[SINK_BYTES];
    (void)state;

    for (int round = 0; round < 60; round++) {
        wr_type  type = type_of(TYPES[round % 3]);
        uint32_t count = 100 + draw(round < 50 ? 3000 : 20000), twins = draw(4);
        size_t   used = 0;
        bool     is_list = round % 2;

        for (uint32_t i = 0; i < count; i++) {
            uint32_t key = twins && draw(count) < twins ? draw(count) : i;

            used += (size_t)snprintf(json + used, 64, is_list ? "%c {\"key\":%s%u,\"value\":1}" : "%c\"%s%u\":1",
                                     i ? ',' : is_list ? '[' : '{', key % 3 == 0 ? "-" : "", key);
        }
        json[used++] = is_list ? ']' : '}';
        assert_same_through_windows((wr_text){json, used}, type, (wr_nested_rules){0});
    }
}

/* What `json` reads as, written again; or why it is refused. */
static void assert_reads(const char *type_name, const char *json, const char *expected)
{
    wr_type   type = type_of(type_name);
    wr_packer packer = {.bytes = room[0], .capacity = ROOM_BYTES};
    char      why[WR_NESTED_REASON_BYTES];
    bool      is_null;
    wr_str    value;
    wr_text   written = WR_TEXT("NULL");

    if (!wr_nested_read(&reader, wr_text_of(json), type, &packer, &is_null)) {
        assert_string_equal(wr_nested_fault_format(&reader.fault, why), expected);
        return;
    }
    value = wr_str_of((const char *)room[0], packer.used);
    if (!is_null)
        written = write_value(type, &value, ROOM_BYTES, text[0]);
    text[0][written.byte_count] = '\0';
    assert_string_equal(is_null ? "NULL" : text[0], expected);
}

static void what_is_taken(void **state)
{
    (void)state;
    assert_reads("int[]", " [ 1 , null,\"2\" ] ", "[1,null,2]");
    assert_reads("int[]", "null", "NULL");
    assert_reads("int[]", "[]", "[]");
    assert_reads("text[]", "[1.50, true, {\"a\": [1]}, \"\\u00e9\\ud83d\\ude00\\n\"]",
                 "[\"1.50\",\"true\",\"{\\\"a\\\": [1]}\",\"\xc3\xa9\xf0\x9f\x98\x80\\n\"]");
    assert_reads("struct(a int, b text)", "{\"b\":\"x\",\"c\":[{}],\"A\":1,\"\\u0061\":2}",
                 "{\"a\":2,\"b\":\"x\"}");
    assert_reads("struct(a int, b text)", "{}", "{\"a\":null,\"b\":null}");
    assert_reads("struct(a int, b text)", "{\"a\":1,\"a\":null}", "{\"a\":null,\"b\":null}");
    assert_reads("map(text, int)", "{\"x\":1,\"y\":null}", "{\"x\":1,\"y\":null}");
    assert_reads("map(text, map(int, int[]))", "{\"x\":{\"1\":[],\"2\":null},\"y\":{\"1\":[2]}, \"\":{}}",
                 "{\"x\":{\"1\":[],\"2\":null},\"y\":{\"1\":[2]},\"\":{}}");
    assert_reads("map(date, int)", "[{\"key\":\"2020-01-02\",\"value\":1}]", "{\"2020-01-02\":1}");
    assert_reads("map(int[], int)", "[{\"key\":[1],\"value\":2}]", "[{\"key\":[1],\"value\":2}]");
    assert_reads("decimal(4, 2)[]", "[1.255, 99.99]", "[1.26,99.99]");
    assert_reads("binary[]", "[\"\\\\x00ff\", \"ab\"]", "[\"\\\\x00ff\",\"\\\\x6162\"]");
    assert_reads("double[]", "[\"NaN\", 1e400]",
                 "cannot read '1e400' as Float64 (byte 9 of the value)");
    assert_reads("uint64[]", "[18446744073709551615]", "[18446744073709551615]");
}

static void what_is_refused(void **state)
{
    (void)state;
    assert_reads("int[]", "", "expected '[' (byte 1 of the value)");
    assert_reads("int[]", "{}", "expected '[' (byte 1 of the value)");
    assert_reads("int[]", "[1", "expected ',' or ']' (byte 3 of the value)");
    assert_reads("int[]", "[1 2]", "expected ',' or ']' (byte 4 of the value)");
    assert_reads("int[]", "[1,]", "expected a value (byte 4 of the value)");
    assert_reads("int[]", "[", "the text ends early (byte 2 of the value)");
    assert_reads("int[]", "[1]x", "there is text behind the value (byte 4 of the value)");
    assert_reads("int[]", "[01]", "not a number (byte 2 of the value)");
    assert_reads("int[]", "[nul]", "expected a value (byte 2 of the value)");
    assert_reads("tinyint[]", "[128]", "cannot read '128' as Int8 (byte 2 of the value)");
    assert_reads("int[]", "[1.5]", "cannot read '1.5' as Int32 (byte 2 of the value)");
    assert_reads("int[]", "[[1]]", "cannot read '[1]' as Int32 (byte 2 of the value)");
    assert_reads("text[]", "[\"a]", "a string is never closed (byte 2 of the value)");
    assert_reads("text[]", "[\"\\x\"]", "not an escape (byte 3 of the value)");
    assert_reads("text[]", "[\"\n\"]", "a control character in a string (byte 3 of the value)");
    assert_reads("text[]", "[{\"a\":]]", "brackets do not match (byte 7 of the value)");
    assert_reads("struct(a int)", "{\"a\" 1}", "expected ':' behind a key (byte 6 of the value)");
    assert_reads("struct(a int)", "{a:1}", "expected a key in quotes (byte 2 of the value)");
    assert_reads("map(text, int)", "[null]", "expected '{' (byte 2 of the value)");
    assert_reads("map(text, int)", "[{\"value\":1}]",
                 "an entry of a Map has no key (byte 13 of the value)");
    assert_reads("map(text, int[])", "{\"x\":[1],\"y\":null, \"\\u0078\" :[]}",
                 "a key of this Map comes twice (byte 20 of the value)");
    assert_reads("map(double, int)", "[{\"key\":0.0}, {\"key\":-0.0}]",
                 "a key of this Map comes twice (byte 15 of the value)");
    assert_reads("map(int, map(int, int))[]", "[{},{\"1\":{\"2\":3,\"02\":4}}]",
                 "a key of this Map comes twice (byte 17 of the value)");
}

/* Keys are told apart in the room behind the map: with too little of it the packer is full. */
static void large_map(void **state)
{
    char   *json = text[0];
    wr_type type = type_of("map(int, int)");
    (void)state;

    for (int count = 0; count < 4000; count = 2 * count + 1)
        for (int twin = 0; twin < 2 && count > 1; twin++) {
            wr_packer packer = {.bytes = room[0], .capacity = ROOM_BYTES};
            size_t    used = 0, needed;
            bool      is_null;

            for (int i = 0; i < count; i++)
                used += (size_t)snprintf(json + used, ROOM_BYTES - used, "%c\"%d\":%d",
                                         i ? ',' : '{', twin && i == count - 1 ? count / 3 : i, i);
            json[used++] = '}';
            assert_int_equal(
                wr_nested_read(&reader, (wr_text){json, used}, type, &packer, &is_null), !twin);
            needed = packer.used;
            packer = (wr_packer){.bytes = room[0], .capacity = needed + 4};
            assert_true(
                wr_nested_read(&reader, (wr_text){json, used}, type, &packer, &is_null));
            assert_true(packer.is_full);
        }
}

/* Cut and flipped text is read or refused, never read beyond its end. */
static void damaged_text(void **state)
{
    static const char JSON[] = "{\"a\":[1,null,{\"k\":\"\\ud83d\\ude00x\"}],\"m\":{\"1\":[true]}}";
    wr_type type = type_of("struct(a text[], m map(int, boolean[]))");
    (void)state;

    for (size_t cut = 0; cut < sizeof JSON; cut++) {
        for (int round = 0; round < 60; round++) {
            char     *exact = malloc(cut ? cut : 1);
            wr_packer packer = {.bytes = room[0], .capacity = ROOM_BYTES};
            wr_packed packed;
            wr_error  err = {0};
            bool      is_null;

            memcpy(exact, JSON, cut);
            if (cut && round)
                exact[draw((uint32_t)cut)] ^= (char)(1 << draw(7));
            if (wr_nested_read(&reader, (wr_text){exact, cut}, type, &packer, &is_null)) {
                packed = (wr_packed){.bytes = room[0], .byte_count = packer.used};
                assert_true(is_null || wr_packed_check(&packed, type, &err) == WR_OK);
            }
            free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_there_and_back), cmocka_unit_test(long_list),
        cmocka_unit_test(long_values),           cmocka_unit_test(long_maps),
        cmocka_unit_test(what_is_taken),         cmocka_unit_test(what_is_refused),
        cmocka_unit_test(large_map),             cmocka_unit_test(damaged_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
