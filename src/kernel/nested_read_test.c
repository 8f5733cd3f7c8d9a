/* kernel/nested_read_test.c — nested values to JSON and back: random values through small buffers and from
 * blobs; what the reader takes, refuses and says; damaged text. */
#include "kernel/nested_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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

static size_t put_used;

static wr_status put_part(void *self, const void *bytes, size_t byte_count, wr_error *err)
{
    (void)self, (void)err;
    assert_true(byte_count <= ROOM_BYTES - put_used);
    memcpy(room[1] + put_used, bytes, byte_count);
    put_used += byte_count;
    return WR_OK;
}

/* A text through a window of `text_bytes`; the packed bytes are in room[1]. */
static bool read_through(wr_text json, wr_type type, uint64_t text_bytes)
{
    static _Alignas(16) uint8_t space[1 << 20];
    wr_blob        blob = {json.byte_count, 0, read_few, (void *)json.bytes, 0};
    wr_nested_room window;
    wr_error       err = {0};
    bool           good;

    wr_nested_room_init(&window, space, text_bytes);
    put_used = 0;
    assert_int_equal(wr_nested_read_blob(&window, &blob, type, put_part, NULL, &good, &err), WR_OK);
    return good;
}

static void lists_through_a_window(void **state)
{
    static const char *const TYPES[] = {"int64[]", "text[]", "struct(a int, b text[])[]"};
    (void)state;

    for (size_t t = 0; t < sizeof TYPES / sizeof TYPES[0]; t++) {
        wr_type type = type_of(TYPES[t]);
        char   *json = text[0];
        size_t  used = 0;
        wr_text packed;

        json[used++] = '[';
        for (int i = 0; i < 3000; i++)
            used += (size_t)snprintf(json + used, ROOM_BYTES - used, t == 2 ? "%s {\"b\":[\"x%d\",null],\"a\":%d}"
                                                        : "%s\n\"%d%d\"", i ? "," : "", i, i % 7);
        used += (size_t)snprintf(json + used, ROOM_BYTES - used, ",null ]  ");
        packed = read_value((wr_text){json, used}, type, room[0]);
        for (uint64_t window = 9000; window < 40000; window += 7777) {
            assert_true(read_through((wr_text){json, used}, type, window));
            assert_true(wr_text_equal(packed, (wr_text){(const char *)room[1], put_used}));
        }
        assert_false(read_through((wr_text){json, used}, type, 10));
        assert_false(read_through((wr_text){json, used - 3}, type, 9000));
        json[used - 1] = 'x';
        assert_false(read_through((wr_text){json, used}, type, 9000));
        json[1000] = '[';
        assert_false(read_through((wr_text){json, used}, type, 9000));
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
        cmocka_unit_test(lists_through_a_window),
        cmocka_unit_test(what_is_taken),         cmocka_unit_test(what_is_refused),
        cmocka_unit_test(large_map),             cmocka_unit_test(damaged_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
