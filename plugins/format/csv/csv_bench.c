/* csv_bench.c — how fast one core reads and writes CSV. Not a test: run it by hand.
 *
 * Makes rows in the shape of TPC-H lineitem (16 columns, about 125 bytes) in memory and prints the
 * speed of the serial half, of finding fields, and of reading 4 and 16 columns. */
#define FIXTURE_REQUIRE(condition) ((condition) ? (void)0 : abort())

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "csv_priv.h"
#include "spi/format_fixture.h"

extern const wr_format wr_format_csv;

enum { TEXT_BYTES = 64 << 20, ROUNDS = 5 };

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static size_t make_text(char *text, bool quoted)
{
    static const char HEADER[] =
        "l_orderkey,l_partkey,l_suppkey,l_linenumber,l_quantity,l_extendedprice,l_discount,l_tax,"
        "l_returnflag,l_linestatus,l_shipdate,l_commitdate,l_receiptdate,l_shipinstruct,l_shipmode,"
        "l_comment\n";
    static const char *const MODES[] = {"AIR", "TRUCK", "RAIL", "SHIP", "MAIL", "FOB", "REG AIR"};
    size_t   used = (size_t)sprintf(text, "%s", HEADER);
    uint32_t seed = 1;

    for (uint32_t row = 0; used < TEXT_BYTES - 400; row++) {
        const char *quote = quoted ? "\"" : "";

        used += (size_t)sprintf(
            text + used,
            "%u,%u,%u,%u,%u,%u.%02u,0.0%u,0.0%u,%c,%c,199%u-%02u-%02u,1996-02-%02u,199%u-03-22,"
            "%sDELIVER IN PERSON%s,%s,%s%.*s%s\n",
            row / 4 + 1, random_next(&seed) % 200000, random_next(&seed) % 10000, row % 4 + 1,
            random_next(&seed) % 50 + 1, random_next(&seed) % 90000 + 900, random_next(&seed) % 100,
            random_next(&seed) % 10, random_next(&seed) % 9, "NRA"[random_next(&seed) % 3],
            "OF"[random_next(&seed) % 2], random_next(&seed) % 8, random_next(&seed) % 12 + 1,
            random_next(&seed) % 28 + 1, random_next(&seed) % 28 + 1, random_next(&seed) % 8, quote,
            quote, MODES[random_next(&seed) % 7], quote, (int)(10 + random_next(&seed) % 33),
            "egular courts above the furiously ironic deposits", quote);
    }
    return used;
}

/* Processor time of this thread: other programs do not count. */
static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

typedef struct stage {
    uint64_t serial_ns, parallel_ns, rows;
} stage;

/* One pass over the text; what the batches hold is not looked at. */
static void run_pass(fixture_scan *scan, const char *text, size_t byte_count, stage *out)
{
    const wr_format_reader_ops *reader = scan->format->reader;
    fixture_input   input = {{.ops = &FIXTURE_INPUT}, (const uint8_t *)text, byte_count, SIZE_MAX};
    wr_file_reader *file = calloc(1, reader->file_bytes);
    wr_split       *split = calloc(1, reader->split_bytes);
    wr_bump_mark    mark = wr_bump_save(&scan->bump);
    bool            done = false;

    *out = (stage){0};
    file->input = &input.base;
    file->path = WR_TEXT("bench.csv");
    FIXTURE_REQUIRE(reader->file_open(&scan->request, file, &scan->bump, &scan->err) == WR_OK);
    FIXTURE_REQUIRE(reader->split_init(&scan->request, split, &scan->bump, &scan->err) == WR_OK);
    while (!done) {
        uint64_t start = cpu_ns();
        uint64_t middle;
        bool     end = false;

        FIXTURE_REQUIRE(reader->next_split(&scan->request, file, split, &done, &scan->err) == WR_OK);
        middle = cpu_ns();
        out->serial_ns += middle - start;
        while (!done && !end) {
            wr_batch batch;

            FIXTURE_REQUIRE(reader->split_read(&scan->request, split, &batch, &end, &scan->err) ==
                            WR_OK);
            out->rows += batch.row_count;
        }
        out->parallel_ns += cpu_ns() - middle;
    }
    wr_bump_rewind(&scan->bump, mark);
    free(file);
    free(split);
}

static void measure(const char *label, const char *text, size_t byte_count, const char *wanted,
                    const char *declared)
{
    fixture_scan scan = {.format = &wr_format_csv, .wanted = wanted, .declared = declared,
                         .chunk_bytes = 256 * 1024};
    stage        best = {UINT64_MAX, UINT64_MAX, 0};

    if (fixture_begin(&scan, text, byte_count) != WR_OK) {
        printf("%s\n", scan.err.message);
        exit(1);
    }
    for (int round = 0; round < ROUNDS; round++) {
        stage now;

        run_pass(&scan, text, byte_count, &now);
        best.serial_ns = now.serial_ns < best.serial_ns ? now.serial_ns : best.serial_ns;
        best.parallel_ns = now.parallel_ns < best.parallel_ns ? now.parallel_ns : best.parallel_ns;
        best.rows = now.rows;
    }
    printf("%-28s %8llu rows  serial %5.2f GB/s  parallel %5.2f GB/s\n", label,
           (unsigned long long)best.rows, (double)byte_count / (double)best.serial_ns,
           (double)byte_count / (double)best.parallel_ns);
    fixture_free(&scan);
}

int main(int argc, char **argv)
{
    static const char DECIMALS[] = "l_extendedprice Decimal(15, 2), l_discount Decimal(15, 2)";
    char  *text = malloc(TEXT_BYTES);
    size_t byte_count = make_text(text, false);

    wr_text_isa_plain = argc > 1 && strcmp(argv[1], "plain") == 0;
    measure("rows only", text, byte_count, "", NULL);
    measure("4 of 16, mixed", text, byte_count, "0,5,10,14", NULL);
    measure("4 of 16, decimals", text, byte_count, "5,6,10,15", DECIMALS);
    measure("4 text of 16", text, byte_count, "8,13,14,15", NULL);
    measure("all 16", text, byte_count, NULL, NULL);
    byte_count = make_text(text, true);
    measure("quoted: rows only", text, byte_count, "", NULL);
    measure("quoted: 4 of 16, mixed", text, byte_count, "0,5,10,14", NULL);
    measure("quoted: 4 text of 16", text, byte_count, "8,13,14,15", NULL);
    free(text);
    return 0;
}
