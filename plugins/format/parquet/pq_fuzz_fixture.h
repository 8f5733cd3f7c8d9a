/* pq_fuzz_fixture.h — for the fuzz targets of the Parquet reader: a file is read with much memory, in large
 * batches, and with little, in small ones, with a filter pushed down or bounds. Both end, and rows are the
 * same where both have them. */
#ifndef WR_PQ_FUZZ_FIXTURE_H
#define WR_PQ_FUZZ_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#define FIXTURE_REQUIRE(condition)                                                                 \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#include "pq_priv.h"
#include "spi/format_fixture.h"

extern const wr_format wr_format_parquet;

enum { CHOICE_BYTES = 4, FILE_BYTES_MAX = 1 << 16, ROWS_MAX = 20000, CHUNK_BYTES_MIN = 4096 };

static const char *const SCHEMAS[] = {
    "a Int64, b Utf8, c Float64",
    "a Decimal(38, 6), b Binary, c Timestamp(us)",
    "a Timestamp(ns, UTC), b Decimal(38, 10), c Int64",
    "a List(Int64), b Struct(x Int64, y Utf8), c Map(Utf8, Int64)",
};

static const char *const COLUMNS[] = {NULL, "0", "1", "1,0"};

/* Rows whose number is a multiple of `every` pass. The filter sees all rows, in order. */
typedef struct row_choice {
    uint64_t next_row;
    uint32_t every;
    uint16_t rows[WR_BATCH_ROWS_MAX];
} row_choice;

static wr_status choose_rows(void *self, const wr_batch *batch, wr_selection *out_selection, wr_error *err)
{
    row_choice *choice = self;
    uint32_t    kept = 0;

    (void)err;
    for (uint32_t i = 0; i < batch->row_count; i++)
        if ((choice->next_row + i) % choice->every == 0)
            choice->rows[kept++] = (uint16_t)i;
    choice->next_row += batch->row_count;
    *out_selection = (wr_selection){choice->rows, kept};
    return WR_OK;
}

/* One of each kind, for the column's statistics. */
static inline wr_bound bound_of(wr_type type, uint8_t choice, const wr_value *value)
{
    static const wr_bound_op OPS[] = {WR_BOUND_EQUAL, WR_BOUND_LESS, WR_BOUND_GREATER_EQUAL,
                                      WR_BOUND_IS_NULL};
    wr_bound_op op = wr_type_is_nested(type) || type.logical == WR_TYPE_NULL_ ? WR_BOUND_IS_NOT_NULL
                                                                             : OPS[choice & 3];
    bool        has_value = op < WR_BOUND_IS_NULL;

    return (wr_bound){.op = op, .values = has_value ? value : NULL, .value_count = has_value};
}

static inline void read_file(fixture_scan *scan, const wr_row_filter *filter, uint8_t bound_choice,
                      const uint8_t *bytes, size_t byte_count)
{
    static const uint8_t ZERO[16];
    static wr_arena     *arena;
    wr_value             value;
    wr_bound             bound;

    scan->format = &wr_format_parquet;
    scan->rows_max = ROWS_MAX;
    scan->kept_arena = &arena;
    scan->status = fixture_begin(scan, bytes, byte_count);
    if (scan->status == WR_OK && filter) {
        scan->request.filter = *filter;
        if (scan->request.column_count == 0)
            scan->request.filter.column_count = 0;
    }
    if (scan->status == WR_OK && bound_choice && scan->request.column_count > 0) {
        wr_type type = scan->schema.fields[scan->request.columns[0]].type;

        value = wr_type_is_bytes(type) ? (wr_value){.type = type, .text = WR_TEXT("m")}
                                       : wr_value_load(type, ZERO);
        bound = bound_of(type, bound_choice, &value);
        scan->request.bounds = &bound;
        scan->request.bound_count = 1;
    }
    if (scan->status == WR_OK)
        scan->status = fixture_read(scan, bytes, byte_count);
    if (scan->status != WR_OK)
        FIXTURE_REQUIRE(scan->err.message[0] != '\0');
}

static inline void require_same(const char *what, const fixture_text *one, const fixture_text *other)
{
    if (one->used == other->used && memcmp(one->bytes, other->bytes, one->used) == 0)
        return;
    fprintf(stderr, "%s:\n%s\nthe other way:\n%s\n", what, one->bytes, other->bytes);
    abort();
}

/* What the choice bytes say. */
static inline void choose(const uint8_t *bytes, fixture_scan *whole, fixture_scan *pieces)
{
    bool is_declared = bytes[0] & 4;

    whole->declared = is_declared ? SCHEMAS[bytes[0] & 3] : NULL;
    whole->wanted = is_declared ? NULL : COLUMNS[bytes[0] & 3];
    *pieces = *whole;
    pieces->batch_rows = 1 + (uint32_t)(bytes[1] & 0x7f) * 8;
    pieces->chunk_bytes = CHUNK_BYTES_MIN * (1 + (bytes[2] & 15u));
    pieces->no_scratch = bytes[2] & 0x80;
}

static inline void fuzz_parquet(const uint8_t *choices, const uint8_t *file, size_t file_bytes)
{
    static const uint32_t FIRST_COLUMN = 0;
    static row_choice     choice;
    wr_row_filter         filter = {.columns = &FIRST_COLUMN, .select = choose_rows, .self = &choice};
    fixture_scan          whole = {0}, pieces;
    bool                  is_filtered = choices[0] & 8;

    choose(choices, &whole, &pieces);
    filter.column_count = choices[3] >> 6 & 1;
    choice = (row_choice){.every = is_filtered ? 1 + (choices[3] & 0x3fu) : 1};
    whole.keep_every = choice.every;
    read_file(&whole, NULL, 0, file, file_bytes);
    read_file(&pieces, is_filtered ? &filter : NULL, is_filtered ? 0 : choices[3] & 7, file, file_bytes);
    require_same("schema", &whole.schema_text, &pieces.schema_text);
    if (whole.status == WR_OK && pieces.status == WR_OK && !whole.is_cut && !pieces.is_cut &&
        pieces.request.bound_count == 0)
        require_same("rows", &whole.rows, &pieces.rows);
    fixture_free(&whole);
    fixture_free(&pieces);
}

#endif
