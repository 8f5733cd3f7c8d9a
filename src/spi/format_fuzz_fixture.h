/* spi/format_fuzz_fixture.h — for the fuzz targets of text formats: read any bytes in two ways.
 *
 * Once in one piece, once in small chunks, reads and batches: no crash, and rows and rejects of both
 * must be the same. */
#ifndef WR_SPI_FORMAT_FUZZ_FIXTURE_H
#define WR_SPI_FORMAT_FUZZ_FIXTURE_H

#include <stdlib.h>

#define FIXTURE_REQUIRE(condition)                                                                 \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#include "spi/format_fixture.h"

enum { FUZZ_BYTES_MAX = 1000, FUZZ_WHOLE_BYTES = 8192 };

typedef struct fuzz_read {
    const wr_format   *format;
    const char *const *options;
    const char        *declared;
    uint32_t           chunk_bytes, batch_rows; /* of the second reading */
    size_t             piece;
    bool               infer_full;
    bool              *plain; /* a switch that is on during the second reading */
} fuzz_read;

/* Places only: of a row with two faults, which one is told may depend on the chunk, as does how much
 * of a long record is kept. */
static wr_status fuzz_report(void *self, const wr_reject *reject, wr_error *err)
{
    wr_reject place = {.path = reject->path, .line = reject->line,
                       .byte_offset = reject->byte_offset};

    FIXTURE_REQUIRE(reject->line > 0 && reject->reason.byte_count > 0);
    return fixture_report(self, &place, err);
}

static void fuzz_read_one_way(fixture_scan *scan, const uint8_t *bytes, size_t byte_count)
{
    scan->status = fixture_begin(scan, bytes, byte_count);
    scan->request.rejects.report = fuzz_report;
    if (scan->status == WR_OK)
        scan->status = fixture_read(scan, bytes, byte_count);
    if (scan->status != WR_OK)
        FIXTURE_REQUIRE(scan->err.message[0] != '\0');
}

static inline void fuzz_require_same(const char *what, const fixture_text *whole,
                              const fixture_text *pieces)
{
    if (whole->used == pieces->used && memcmp(whole->bytes, pieces->bytes, whole->used) == 0)
        return;
    fprintf(stderr, "%s in one piece:\n%s\n%s in pieces:\n%s\n", what, whole->bytes, what,
            pieces->bytes);
    abort();
}

/* Inputs longer than FUZZ_BYTES_MAX are left alone. */
static void fuzz_read_two_ways(const fuzz_read *read, const uint8_t *bytes, size_t byte_count)
{
    fixture_scan whole = {.format = read->format, .options = read->options,
                          .declared = read->declared, .infer_full = read->infer_full,
                          .skip_bad = true, .count_rows = true, .chunk_bytes = FUZZ_WHOLE_BYTES};
    fixture_scan pieces = whole;

    if (byte_count > FUZZ_BYTES_MAX)
        return;
    pieces.chunk_bytes = read->chunk_bytes;
    pieces.batch_rows = read->batch_rows;
    pieces.piece = read->piece;
    pieces.count_rows = false;
    fuzz_read_one_way(&whole, bytes, byte_count);
    *read->plain = true;
    fuzz_read_one_way(&pieces, bytes, byte_count);
    *read->plain = false;
    FIXTURE_REQUIRE(whole.status == pieces.status);
    FIXTURE_REQUIRE(whole.row_count <= byte_count + 1);
    fuzz_require_same("schema", &whole.schema_text, &pieces.schema_text);
    if (whole.status == WR_OK) {
        fuzz_require_same("rows", &whole.rows, &pieces.rows);
        fuzz_require_same("rejects", &whole.rejects, &pieces.rejects);
    }
    fixture_free(&whole);
    fixture_free(&pieces);
}

#endif
