/* json_fuzz.c — libFuzzer target: any bytes give rows, rejects or an error, the same in one piece and
 * in chunks that hold a line or little more.
 *
 * The first two bytes choose columns and chunks; the rest is the file. */
#include "json_priv.h"
#include "kernel/text_isa.h"
#include "spi/format_fuzz_fixture.h"

extern const wr_format wr_format_json;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

enum { CHOICE_BYTES = 2, CHUNK_BYTES_MIN = 64 };

static const char *const SCHEMAS[] = {
    NULL,
    "a List(Int64), b List(Utf8), c Utf8",
    "a Utf8, b Utf8, c Utf8",
    "a Int64, b Float64, c Boolean",
    "a Date32, b Time(us), c Timestamp(us, UTC)",
    "a Decimal(10, 2), b Decimal(38, 5), c Interval",
    "a Uuid, b Binary, c Float32, d UInt64, e Int8",
    "a Timestamp(ns), b UInt16, c Date64, d Int32",
};

static const char *const LAYOUTS[] = {"auto", "lines", "array", "documents"};

/* A record that is longer than the chunk is a bad row: of lines, chunks hold each; of others, all. */
static uint32_t longest_record(const uint8_t *bytes, size_t byte_count, bool has_lines)
{
    uint32_t longest = 0, length = 0;

    for (size_t i = 0; i < byte_count; i++) {
        length = bytes[i] == '\n' && has_lines ? 0 : length + 1;
        longest = length > longest ? length : longest;
    }
    return longest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    const char *layout = LAYOUTS[byte_count > 0 ? data[0] >> 3 & 3 : 0];
    const char *options[] = {"layout", layout, NULL};
    fuzz_read   read = {.format = &wr_format_json, .plain = &wr_text_isa_plain, .options = options};
    uint32_t    least;

    if (byte_count < CHOICE_BYTES)
        return 0;
    least = longest_record(data + CHOICE_BYTES, byte_count - CHOICE_BYTES, layout == LAYOUTS[1]);
    read.declared = SCHEMAS[data[0] & 7];
    read.batch_rows = 1 + (data[0] >> 5);
    read.chunk_bytes = (least < CHUNK_BYTES_MIN ? CHUNK_BYTES_MIN : least) + (data[1] & 0x3fu);
    read.piece = data[1] & 0x80 ? 0 : 1 + (data[1] & 0x1fu);
    read.infer_full = data[1] & 0x40;
    fuzz_read_two_ways(&read, data + CHOICE_BYTES, byte_count - CHOICE_BYTES);
    return 0;
}
