/* kernel/nested_read_fuzz.c — libFuzzer target: any text is a value of a nested type or refused with a
 * reason; a value is whole, and its JSON reads back as what was written. A small window gives the same bytes,
 * or the same reason.
 *
 * The first byte chooses the type, the rest is the text. */
#include "kernel/nested_read.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/nested_sink_fixture.h"
#include "types/nested_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

enum { ROOM_BYTES = 1 << 20, TEXT_BYTES_MAX = 4 << 10 };

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static const char *const TYPES[] = {
    "int[]",
    "text[][]",
    "struct(a double, b text, c int[])",
    "map(text, struct(x smallint, y boolean[]))",
    "map(date, binary)[]",
    "struct(a decimal(20, 3), b timestamp, c map(int[], uuid))",
    "struct(a struct(a struct(a text)))",
    "interval[]",
};

static wr_text write_value(wr_type type, wr_text packed, char *out)
{
    wr_nested_text writer;
    wr_str         value = wr_str_of(packed.bytes, packed.byte_count);
    wr_text        text = {out, 0};
    bool           done;

    wr_nested_text_begin(&writer, type, &value, NULL);
    REQUIRE(wr_nested_text_write(&writer, out, ROOM_BYTES, &text.byte_count, &done, NULL) == WR_OK);
    REQUIRE(done);
    return text;
}

/* ---- Through a window ---------------------------------------------------------------------------- */

enum { WINDOW_BYTES = 1400 };

/* A key, a number or bytes in hexadecimal may be too long for the window: what is read whole need not be. */
static bool is_too_long(const char *why)
{
    return why && strstr(why, "too long") != NULL;
}

static void read_through_window(wr_text text, wr_type type, const wr_nested_fault *fault, wr_text packed)
{
    static _Alignas(16) uint8_t space[32 << 10];
    char            whys[2][WR_NESTED_REASON_BYTES];
    wr_str          in = wr_str_of(text.bytes, text.byte_count);
    wr_nested_room  room;
    wr_nested_taken taken;

    REQUIRE(wr_nested_room_bytes(WINDOW_BYTES) <= sizeof space);
    taken = take_through(&in, type, space, WINDOW_BYTES, (wr_nested_rules){0}, &room);
    if (taken == WR_NESTED_BAD) {
        const wr_nested_fault *found = &room.reader->fault;

        REQUIRE(is_too_long(found->why) ||
                (fault && strcmp(wr_nested_fault_format(found, whys[0]),
                                 wr_nested_fault_format(fault, whys[1])) == 0));
        return;
    }
    REQUIRE(!fault);
    REQUIRE(taken == WR_NESTED_NULL ||
            wr_text_equal((wr_text){(char *)sink_bytes, sink_used}, packed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    static wr_nested_reader reader;
    static uint8_t room[2][ROOM_BYTES];
    static char    text[2][ROOM_BYTES];
    char           why[WR_NESTED_REASON_BYTES];
    wr_packer      packers[2] = {{.bytes = room[0], .capacity = ROOM_BYTES},
                                 {.bytes = room[1], .capacity = ROOM_BYTES}};
    wr_packed      packed = {.bytes = room[0]};
    wr_text        json, again;
    wr_type        type;
    bool           is_null;

    if (byte_count == 0 || byte_count > TEXT_BYTES_MAX)
        return 0;
    REQUIRE(wr_type_parse(wr_text_of(TYPES[data[0] & 7]), &type, NULL) == WR_OK);
    if (!wr_nested_read(&reader, (wr_text){(const char *)data + 1, byte_count - 1}, type,
                        &packers[0], &is_null)) {
        REQUIRE(*wr_nested_fault_format(&reader.fault, why) != '\0');
        REQUIRE(reader.fault.at < byte_count);
        if (!packers[0].is_full)
            read_through_window((wr_text){(const char *)data + 1, byte_count - 1}, type, &reader.fault,
                                (wr_text){"", 0});
        return 0;
    }
    if (packers[0].is_full)
        return 0;
    read_through_window((wr_text){(const char *)data + 1, byte_count - 1}, type, NULL,
                        (wr_text){(const char *)room[0], packers[0].used});
    if (is_null)
        return 0;
    packed.byte_count = packers[0].used;
    REQUIRE(wr_packed_check(&packed, type, NULL) == WR_OK);
    json = write_value(type, (wr_text){(const char *)room[0], packers[0].used}, text[0]);
    REQUIRE(wr_nested_read(&reader, json, type, &packers[1], &is_null));
    again = write_value(type, (wr_text){(const char *)room[1], packers[1].used}, text[1]);
    REQUIRE(wr_text_equal(json, again));
    return 0;
}
