/* csv_fuzz.c — libFuzzer target: any bytes in any dialect give rows, rejects or an error, the same in
 * one piece and in small chunks.
 *
 * The first five bytes choose dialect, columns and chunks; the rest is the file. */
#include "csv_priv.h"
#include "kernel/text_isa.h"
#include "spi/format_fuzz_fixture.h"

extern const wr_format wr_format_csv;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

enum { CHOICE_BYTES = 5, OPTIONS_MAX = 24 };

static const char *const DELIMITERS[] = {"auto", ",", ";", "\t", "|", "none", "a", ","};
static const char *const QUOTES[] = {"auto", "\"", "'", "none"};
static const char *const ESCAPES[] = {"auto", "\\", "none", "\""};
static const char *const HEADERS[] = {"auto", "true", "false", "auto"};
static const char *const SKIPS[] = {"0", "1", "2", "7"};

static const char *const SCHEMAS[] = {
    NULL,
    "a Utf8, b Utf8, c Utf8",
    "a Utf8",
    "a Int64, b Float64, c Boolean",
    "a Date32, b Time(us), c Timestamp(us, UTC)",
    "a Decimal(10, 2), b Decimal(38, 5), c Interval",
    "a Uuid, b Binary, c Float32, d UInt64, e Int8",
    "a Timestamp(ns), b UInt16, c Date64, d Int32",
};

/* Options as fixture_scan takes them. */
typedef struct option_list {
    const char *texts[2 * OPTIONS_MAX + 1];
    unsigned    used;
} option_list;

static void set(option_list *list, const char *name, const char *value)
{
    list->texts[list->used++] = name;
    list->texts[list->used++] = value;
}

static void choose_dialect(option_list *list, uint8_t marks, uint8_t rows, uint8_t values)
{
    set(list, "delimiter", DELIMITERS[marks & 7]);
    set(list, "quote", QUOTES[marks >> 3 & 3]);
    set(list, "escape", ESCAPES[marks >> 5 & 3]);
    set(list, "header", HEADERS[rows & 3]);
    set(list, "skip_rows", SKIPS[rows >> 2 & 3]);
    set(list, "ragged", rows & 0x10 ? "pad" : "error");
    set(list, "trim", rows & 0x20 ? "true" : "false");
    set(list, "comment", rows & 0x40 ? "#" : "none");
    if (values & 1)
        set(list, "nulls", "NA"), set(list, "nulls", "-");
    if (values & 2)
        set(list, "decimal", ","), set(list, "thousands", ".");
    if (values & 4)
        set(list, "date_format", "%d.%m.%Y"), set(list, "timestamp_format", "%m/%d/%Y %H:%M");
    if (values & 8)
        set(list, "true_words", "ja"), set(list, "false_words", "nein");
    if (values & 16)
        set(list, "max_field", "100");
}

/* More blanks at the end of a field than a quarter of the chunk make a long record a bad row. */
static uint32_t longest_blanks(const uint8_t *bytes, size_t byte_count)
{
    uint32_t longest = 0, length = 0;

    for (size_t i = 0; i < byte_count; i++) {
        length = bytes[i] == ' ' || bytes[i] == '\t' ? length + 1 : 0;
        longest = length > longest ? length : longest;
    }
    return longest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    option_list options = {0};
    fuzz_read   read = {.format = &wr_format_csv, .options = options.texts,
                             .plain = &wr_text_isa_plain};

    if (byte_count < CHOICE_BYTES)
        return 0;
    choose_dialect(&options, data[0], data[1], data[2]);
    read.infer_full = data[2] & 0x20;
    read.declared = SCHEMAS[data[3] & 7];
    read.batch_rows = 1 + (data[3] >> 3);
    read.chunk_bytes = 64 + (data[4] & 0x7fu) +
                       4 * longest_blanks(data + CHOICE_BYTES, byte_count - CHOICE_BYTES);
    read.piece = data[4] & 0x80 ? 0 : 1 + (data[4] & 0x1fu);
    fuzz_read_two_ways(&read, data + CHOICE_BYTES, byte_count - CHOICE_BYTES);
    return 0;
}
