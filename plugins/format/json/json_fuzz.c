/* json_fuzz.c — libFuzzer target: any bytes give rows, rejects or an error, the same in one piece and
 * in chunks that records do not fit.
 *
 * The first two bytes choose columns and chunks; the rest is the file. */
#include "json_priv.h"
#include "kernel/text_isa.h"
#include "spi/format_fuzz_fixture.h"

extern const wr_format wr_format_json;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

enum { CHOICE_BYTES = 2, CHUNK_BYTES_MIN = 400 };

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

/* Values that cannot pass through any chunk: elements of lists, binary in hexadecimal. */
static bool needs_whole(const char *schema)
{
    return schema && (strstr(schema, "List") || strstr(schema, "Binary"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    const char *layout = LAYOUTS[byte_count > 0 ? data[0] >> 3 & 3 : 0];
    const char *options[] = {"layout", layout, "infer_depth", "0", NULL};
    bool        infers = byte_count > 1 && data[1] & 0x40;
    fuzz_read   read = {.format = &wr_format_json, .plain = &wr_text_isa_plain, .options = options};

    if (byte_count < CHOICE_BYTES)
        return 0;
    options[3] = infers ? "16" : "0";
    read.declared = SCHEMAS[data[0] & 7];
    read.batch_rows = 1 + (data[0] >> 5);
    read.chunk_bytes = (needs_whole(read.declared) || infers ? FUZZ_BYTES_MAX : CHUNK_BYTES_MIN) +
                       (data[1] & 0x3fu);
    read.piece = data[1] & 0x80 ? 0 : 1 + (data[1] & 0x1fu);
    read.infer_full = infers;
    fuzz_read_two_ways(&read, data + CHOICE_BYTES, byte_count - CHOICE_BYTES);
    return 0;
}
