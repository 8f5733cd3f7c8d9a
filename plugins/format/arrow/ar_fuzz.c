/* ar_fuzz.c — libFuzzer target: any file gives rows or an error, and the same rows read at any place with much
 * memory, and with little, or as a stream.
 *
 * The first three bytes choose how it is read; the rest is the file. */
#include <stdio.h>
#include <stdlib.h>

#define FIXTURE_REQUIRE(condition)                                                                 \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#include "ar_priv.h"
#include "spi/format_fixture.h"

extern const wr_format wr_format_arrow;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

enum { CHOICE_BYTES = 3, FILE_BYTES_MAX = 1 << 16, ROWS_MAX = 20000, CHUNK_BYTES_MIN = 4096 };

static const char *const SCHEMAS[] = {
    "a Int64, b Utf8, c Float64",
    "a Decimal(38, 6), b Binary, c Timestamp(us)",
    "a Timestamp(ns, UTC), b Decimal(38, 10), c Int64",
    "a List(Int64), b Struct(x Int64, y Utf8), c Map(Utf8, Int64)",
};

static const char *const COLUMNS[] = {NULL, "0", "1", "1,0"};

static void read_file(fixture_scan *scan, const uint8_t *bytes, size_t byte_count)
{
    static wr_arena *arena;

    scan->format = &wr_format_arrow;
    scan->rows_max = ROWS_MAX;
    scan->kept_arena = &arena;
    fixture_run(scan, bytes, byte_count);
    if (scan->status != WR_OK)
        FIXTURE_REQUIRE(scan->err.message[0] != '\0');
}

static void require_same(const char *what, const fixture_text *one, const fixture_text *other)
{
    if (one->used == other->used && memcmp(one->bytes, other->bytes, one->used) == 0)
        return;
    fprintf(stderr, "%s:\n%s\nthe other way:\n%s\n", what, one->bytes, other->bytes);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    fixture_scan whole = {0}, pieces;

    if (byte_count < CHOICE_BYTES || byte_count - CHOICE_BYTES > FILE_BYTES_MAX)
        return 0;
    whole.declared = data[0] & 4 ? SCHEMAS[data[0] & 3] : NULL;
    whole.wanted = data[0] & 4 ? NULL : COLUMNS[data[0] & 3];
    whole.is_plain = !(data[0] & 8);
    pieces = whole;
    pieces.batch_rows = 1 + (uint32_t)(data[1] & 0x7f) * 8;
    pieces.chunk_bytes = CHUNK_BYTES_MIN * (1 + (data[2] & 15u));
    pieces.no_scratch = data[2] & 0x80;
    read_file(&whole, data + CHOICE_BYTES, byte_count - CHOICE_BYTES);
    read_file(&pieces, data + CHOICE_BYTES, byte_count - CHOICE_BYTES);
    require_same("schema", &whole.schema_text, &pieces.schema_text);
    if (whole.status == WR_OK && pieces.status == WR_OK && !whole.is_cut && !pieces.is_cut)
        require_same("rows", &whole.rows, &pieces.rows);
    fixture_free(&whole);
    fixture_free(&pieces);
    return 0;
}
