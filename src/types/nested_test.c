/* types/nested_test.c — nested types by name, packed values there and back, their keys, damage. */
#include "types/packed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "types/nested_fixture.h"
#include "types/value.h"

static void assert_name(const char *text, const char *name)
{
    char buffer[WR_TYPE_NAME_BYTES];

    assert_string_equal(wr_type_format(type_of(text), buffer), name);
    assert_true(wr_type_equal(type_of(text), type_of(name)));
}

static void names(void **state)
{
    (void)state;
    assert_name("int[]", "List(Int32)");
    assert_name(" BIGINT [ ]", "List(Int64)");
    assert_name("int[3][]", "List(List(Int32))");
    assert_name("list<decimal(10, 2)>", "List(Decimal(10, 2))");
    assert_name("ARRAY(timestamp with time zone)", "List(Timestamp(us, UTC))");
    assert_name("timestamp[us, tz=Europe/Berlin]", "Timestamp(us, Europe/Berlin)");
    assert_name("struct<a: int64, \"b c\": string[]>", "Struct(a Int64, \"b c\" List(Utf8))");
    assert_name("row(a int, b map(text, list<uuid>))", "Struct(a Int32, b Map(Utf8, List(Uuid)))");
    assert_name("MAP(varchar(20), double precision)", "Map(Utf8, Float64)");
    assert_false(wr_type_equal(type_of("struct(a int)"), type_of("struct(b int)")));
    assert_int_equal(wr_type_depth(type_of("map(int, int[])")), 3);
    assert_int_equal(wr_type_find_member(type_of("struct(a int, B int)"), WR_TEXT("b")), 1);
}

static void assert_refused(const char *text, const char *why)
{
    wr_error err = {0};
    wr_type  type;

    assert_int_not_equal(wr_type_parse(wr_text_of(text), &type, &err), WR_OK);
    if (!strstr(err.message, why))
        fail_msg("'%s' says: %s", text, err.message);
}

static void bad_names(void **state)
{
    char   deep[200] = "int";
    (void)state;

    assert_refused("list(", "closing bracket is missing");
    assert_refused("lst<int>", "did you mean 'list'");
    assert_refused("list<>", "a type is missing");
    assert_refused("struct(a int, A text)", "two members 'A'");
    assert_refused("struct(a)", "a member is a name and a type");
    assert_refused("struct(\"a int)", "unknown type");
    assert_refused("map(int)", "a type of keys and a type of values");
    assert_refused("list<nope>", "unknown type 'nope'");
    for (int i = 0; i < WR_NESTED_DEPTH_MAX + 1; i++)
        strcat(deep, "[]");
    assert_refused(deep, "nested more than 32 deep");
}

static void long_name_is_cut(void **state)
{
    char text[600] = "struct(a0 int", buffer[WR_TYPE_NAME_BYTES];
    (void)state;

    for (int i = 1; i < 40; i++)
        snprintf(text + strlen(text), 16, ", a%d int", i);
    strcat(text, ")");
    wr_type_format(type_of(text), buffer);
    assert_int_equal(strlen(buffer), WR_TYPE_NAME_BYTES - 1);
    assert_string_equal(buffer + WR_TYPE_NAME_BYTES - 4, "...");
}

enum { ROOM_BYTES = 1 << 20 };

static uint8_t room[ROOM_BYTES], key_room[2][ROOM_BYTES * 2 + 2];

/* Numbers 0, 1, 2 ... with every `null_every`-th NULL. */
static wr_packed pack_numbers(uint32_t count, uint32_t null_every)
{
    wr_packer      out = {.bytes = room, .capacity = sizeof room};
    wr_list_packer list;

    wr_list_pack_begin(&list, &out, WR_TYPE(I64));
    for (int64_t i = 0; i < count; i++)
        wr_list_pack_cell(&list, null_every && i % null_every == 0 ? NULL : &i);
    wr_list_pack_end(&list);
    assert_false(out.is_full);
    return (wr_packed){.bytes = room, .byte_count = out.used};
}

static void check_numbers(const wr_packed *packed, uint32_t count, uint32_t null_every)
{
    wr_error       err = {0};
    wr_list_cursor cursor;
    wr_slot        slot;
    uint64_t       counted;
    int64_t        number;
    bool           end;

    assert_int_equal(wr_packed_count(packed, &counted, &err), WR_OK);
    assert_int_equal(counted, count);
    for (uint32_t from = 0; from <= count; from += 1 + count / 7) {
        wr_list_cursor_init(&cursor, packed, type_of("int64[]"));
        assert_int_equal(wr_list_cursor_skip(&cursor, from, &err), WR_OK);
        for (int64_t i = from; i < count; i++) {
            assert_int_equal(wr_list_cursor_next(&cursor, &slot, &end, &err), WR_OK);
            assert_false(end);
            assert_int_equal(slot.is_null, null_every && i % null_every == 0);
            assert_int_equal(wr_packed_read(packed, slot.offset, &number, 8, &err), WR_OK);
            assert_int_equal(number, slot.is_null ? 0 : i);
        }
        assert_int_equal(wr_list_cursor_next(&cursor, &slot, &end, &err), WR_OK);
        assert_true(end);
    }
}

static void lists_of_numbers(void **state)
{
    static const uint32_t COUNTS[] = {0, 1, 2, 63, 64, 1023, 1024, 1025, 5000};
    (void)state;

    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        for (uint32_t null_every = 0; null_every < 4; null_every++) {
            wr_packed packed = pack_numbers(COUNTS[i], null_every);
            wr_blob   blob = {packed.byte_count, 0, read_few, room, 0};
            wr_packed on_disk = {.blob = &blob, .byte_count = packed.byte_count};

            check_numbers(&packed, COUNTS[i], null_every);
            check_numbers(&on_disk, COUNTS[i], null_every);
        }
    }
}

static int compare(const wr_packed *a, const wr_packed *b, wr_type type);

static int compare_slots(const wr_packed *a, wr_slot x, const wr_packed *b, wr_slot y, wr_type type)
{
    _Alignas(16) uint8_t cell[2][16];
    wr_packed in_a, in_b;
    wr_value  left, right;

    if (x.is_null || y.is_null)
        return x.is_null - y.is_null;
    if (wr_type_is_nested(type)) {
        in_a = wr_packed_inside(a, x);
        in_b = wr_packed_inside(b, y);
        return compare(&in_a, &in_b, type);
    }
    wr_packed_cell(a, x, type, cell[0]);
    wr_packed_cell(b, y, type, cell[1]);
    left = wr_value_load(type, cell[0]);
    right = wr_value_load(type, cell[1]);
    return wr_value_compare(&left, &right);
}

/* The order by definition, value by value. */
static int compare(const wr_packed *a, const wr_packed *b, wr_type type)
{
    wr_error       err = {0};
    wr_list_cursor x, y;
    wr_slot        in_a, in_b;
    bool           a_end, b_end;
    int            order = 0;

    if (type.logical == WR_TYPE_STRUCT) {
        for (uint32_t i = 0; i < wr_type_member_count(type) && order == 0; i++) {
            assert_int_equal(wr_packed_member(a, type, i, &in_a, &err), WR_OK);
            assert_int_equal(wr_packed_member(b, type, i, &in_b, &err), WR_OK);
            order = compare_slots(a, in_a, b, in_b, wr_type_member(type, i).type);
        }
        return order;
    }
    wr_list_cursor_init(&x, a, type);
    wr_list_cursor_init(&y, b, type);
    for (;;) {
        assert_int_equal(wr_list_cursor_next(&x, &in_a, &a_end, &err), WR_OK);
        assert_int_equal(wr_list_cursor_next(&y, &in_b, &b_end, &err), WR_OK);
        if (a_end || b_end)
            return b_end - a_end;
        order = compare_slots(a, in_a, b, in_b, wr_type_element(type));
        if (order)
            return order;
    }
}

static wr_packer key_of(const wr_packed *packed, wr_type type, int side)
{
    wr_packer key = {.bytes = key_room[side],
                     .capacity = wr_packed_key_bytes_max(packed->byte_count)};
    wr_error  err = {0};

    assert_int_equal(wr_packed_key(packed, type, &key, &err), WR_OK);
    assert_false(key.is_full);
    return key;
}

static const char *const TYPES[] = {
    "int8[]", "uint16[]", "bigint[]", "double[]", "real[]", "text[]", "boolean[]", "uuid[]",
    "interval[]", "decimal(30, 2)[]", "text[][]", "map(text, int)",
    "struct(a int, b text, c double[], d boolean)", "struct(a struct(b text[]), c map(int, text))[]",
};

/* A value as its equals are written, read from memory and from a blob. */
static wr_text settle(const wr_packed *packed, wr_type type, uint8_t copy[4096])
{
    wr_blob   blob = {packed->byte_count, 0, read_few, (void *)(uintptr_t)packed->bytes, 0};
    wr_packed on_disk = {.blob = &blob, .byte_count = packed->byte_count};
    wr_packed settled = {.bytes = copy, .byte_count = packed->byte_count};
    wr_error  err = {0};
    bool      was_settled, blob_was_settled;

    memcpy(copy, packed->bytes, packed->byte_count);
    assert_int_equal(wr_packed_settle(packed, type, copy, &was_settled, &err), WR_OK);
    assert_int_equal(memcmp(copy, packed->bytes, packed->byte_count) == 0, was_settled);
    assert_int_equal(wr_packed_settle(&on_disk, type, NULL, &blob_was_settled, &err), WR_OK);
    assert_int_equal(blob_was_settled, was_settled);
    assert_int_equal(wr_packed_settle(&settled, type, NULL, &was_settled, &err), WR_OK);
    assert_true(was_settled);
    return (wr_text){(char *)copy, packed->byte_count};
}

static void keys_order_as_values(void **state)
{
    static uint8_t copies[2][4096];
    wr_packed values[2];
    wr_error  err = {0};
    (void)state;

    for (size_t t = 0; t < sizeof TYPES / sizeof TYPES[0]; t++) {
        wr_type type = type_of(TYPES[t]);

        for (int round = 0; round < 3000; round++) {
            wr_packer out = {.bytes = room, .capacity = sizeof room};
            wr_packer keys[2];
            int       order, expected;

            for (int side = 0; side < 2; side++) {
                size_t begin = out.used;

                draw_value(type, &out);
                values[side] = (wr_packed){.bytes = room + begin, .byte_count = out.used - begin};
                assert_int_equal(wr_packed_check(&values[side], type, &err), WR_OK);
                keys[side] = key_of(&values[side], type, side);
            }
            order = wr_text_compare((wr_text){(char *)keys[0].bytes, keys[0].used},
                                    (wr_text){(char *)keys[1].bytes, keys[1].used});
            expected = compare(&values[0], &values[1], type);
            if ((order > 0) - (order < 0) != (expected > 0) - (expected < 0))
                fail_msg("%s, round %d: key %d, value %d", TYPES[t], round, order, expected);
            if (wr_text_equal(settle(&values[0], type, copies[0]),
                              settle(&values[1], type, copies[1])) != (expected == 0))
                fail_msg("%s, round %d: settled bytes, value %d", TYPES[t], round, expected);
        }
    }
}

static void damage_is_found_or_harmless(void **state)
{
    static uint8_t copy[4096];
    wr_error err = {0};
    (void)state;

    for (size_t t = 0; t < sizeof TYPES / sizeof TYPES[0]; t++) {
        wr_type type = type_of(TYPES[t]);

        for (int round = 0; round < 200; round++) {
            wr_packer out = {.bytes = room, .capacity = sizeof copy};

            draw_value(type, &out);
            for (size_t cut = 0; cut < out.used; cut++) {
                uint8_t  *exact = malloc(cut ? cut : 1);
                wr_packed packed = {.bytes = exact, .byte_count = cut};

                memcpy(exact, room, cut);
                if (cut && draw(2))
                    exact[draw((uint32_t)cut)] ^= (uint8_t)(1 << draw(8));
                if (wr_packed_check(&packed, type, &err) == WR_OK)
                    key_of(&packed, type, 0);
                free(exact);
            }
        }
    }
}

static void full_packer_says_so(void **state)
{
    wr_list_packer list;
    (void)state;

    for (size_t capacity = 0; capacity < 200; capacity++) {
        wr_packer out = {.bytes = room, .capacity = capacity};

        wr_list_pack_begin(&list, &out, type_of("int64"));
        for (int64_t i = 0; i < 20; i++)
            wr_list_pack_cell(&list, i % 3 ? &i : NULL);
        wr_list_pack_end(&list);
        assert_int_equal(out.is_full, capacity < 8 + 20 * 8 + 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(bad_names),
        cmocka_unit_test(long_name_is_cut),
        cmocka_unit_test(lists_of_numbers),
        cmocka_unit_test(keys_order_as_values),
        cmocka_unit_test(damage_is_found_or_harmless),
        cmocka_unit_test(full_packer_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
