/* kernel/nested_read_fuzz.c — libFuzzer target: any text is a value of a nested type or refused with a
 * reason; a value is whole, and its JSON reads back as what was written.
 *
 * The first byte chooses the type, the rest is the text. */
#include "kernel/nested_read.h"

#include <stdlib.h>
#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    static wr_nested_reader reader;
    static uint8_t room[2][ROOM_BYTES];
    static char    text[2][ROOM_BYTES];
    char           why[WR_NESTED_REASON_BYTES];
    wr_packer      packers[2] = {{room[0], 0, ROOM_BYTES, false}, {room[1], 0, ROOM_BYTES, false}};
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
        return 0;
    }
    if (is_null || packers[0].is_full)
        return 0;
    packed.byte_count = packers[0].used;
    REQUIRE(wr_packed_check(&packed, type, NULL) == WR_OK);
    json = write_value(type, (wr_text){(const char *)room[0], packers[0].used}, text[0]);
    REQUIRE(wr_nested_read(&reader, json, type, &packers[1], &is_null));
    again = write_value(type, (wr_text){(const char *)room[1], packers[1].used}, text[1]);
    REQUIRE(wr_text_equal(json, again));
    return 0;
}
