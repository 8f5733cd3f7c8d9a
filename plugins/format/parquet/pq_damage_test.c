/* pq_damage_test.c — a program for tests: reads Parquet files cut at every byte and with every bit flipped.
 *
 *     pq_damage_test [-every=N] [-unchecked] FILE...
 *
 * A file that was cut is an error. One with a flipped bit is an error or has the same rows, as pages have
 * checksums. Only where no checksum is (the headers of pages, the footer; with -unchecked everywhere) it
 * may have other rows, but must end soon. With -every, each N-th bit only. A line for each file tells what came of it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#define FIXTURE_REQUIRE(condition)                                                                 \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#include "pq_priv.h"
#include "spi/format_fixture.h"

extern const wr_format wr_format_parquet;

enum { FILE_BYTES_MAX = 64 << 10, ROWS_MAX = 100000, SECONDS_MAX = 20 };

/* What is being read, for the handler of a crash. */
static const char     *current_file;
static volatile size_t current_bit;
static volatile bool   is_cut_now;

static void tell_place(int signal_number)
{
    char line[512];
    int  length = snprintf(line, sizeof line, "%s: %s at %s %zu\n", current_file,
                           signal_number == SIGPROF ? "still reading after 20 s" : "crashed",
                           is_cut_now ? "byte" : "bit", current_bit);

    if (write(STDOUT_FILENO, line, (size_t)length) < 0)
        _exit(3);
    _exit(2);
}

static void load(const char *path, uint8_t *bytes, size_t *out_count)
{
    int     file = open(path, O_RDONLY);
    ssize_t got = file < 0 ? -1 : read(file, bytes, FILE_BYTES_MAX);

    if (got < 0 || got == FILE_BYTES_MAX) {
        fprintf(stderr, "%s: cannot be read, or is too large\n", path);
        exit(2);
    }
    close(file);
    *out_count = (size_t)got;
}

static void scan(fixture_scan *out, const uint8_t *bytes, size_t byte_count)
{
    static wr_arena *arena;

    setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = SECONDS_MAX}, NULL);
    *out = (fixture_scan){.format = &wr_format_parquet, .rows_max = ROWS_MAX, .kept_arena = &arena};
    fixture_run(out, bytes, byte_count);
    FIXTURE_REQUIRE(out->status == WR_OK || out->err.message[0] != '\0');
}

/* Mark the bytes of pages, which lie one behind the other from the file's begin to its footer. */
static void mark_bodies(const uint8_t *bytes, uint64_t footer_begin, bool *is_body)
{
    for (uint64_t at = PQ_MAGIC_BYTES; at < footer_begin;) {
        wr_thrift_reader reader;
        wr_thrift_field  field = {0};
        int32_t          stored_bytes = 0;
        bool             is_page = false, has_crc = false;

        wr_thrift_open_bytes(&reader, bytes + at, footer_begin - at, at, NULL);
        while (wr_thrift_next(&reader, &field)) {
            is_page = is_page || field.id == PQ_PAGE_DATA || field.id == PQ_PAGE_DATA_V2 ||
                      field.id == PQ_PAGE_DICTIONARY;
            has_crc = has_crc || field.id == PQ_PAGE_CRC;
            if (field.id == PQ_PAGE_STORED_BYTES)
                stored_bytes = wr_thrift_i32(&reader, &field);
            else
                wr_thrift_skip(&reader, &field);
        }
        if (reader.status != WR_OK || !is_page || !has_crc)
            return; /* indexes begin here */
        at = wr_thrift_offset(&reader);
        memset(is_body + at, 1, (size_t)stored_bytes);
        at += (uint64_t)stored_bytes;
    }
}

static bool is_same(const fixture_scan *one, const fixture_scan *other)
{
    return one->rows.used == other->rows.used &&
           memcmp(one->rows.bytes, other->rows.bytes, one->rows.used) == 0 &&
           strcmp(one->schema_text.bytes, other->schema_text.bytes) == 0;
}

/* Every cut; the number of those that were read. */
static unsigned count_read_cuts(const uint8_t *bytes, size_t byte_count)
{
    unsigned bad = 0;

    is_cut_now = true;
    for (current_bit = 0; current_bit < byte_count; current_bit++) {
        fixture_scan variant;

        scan(&variant, bytes, current_bit);
        if (variant.status == WR_OK && bad++ < 5)
            printf("%s: read although cut at byte %zu\n", current_file, current_bit);
        fixture_free(&variant);
    }
    is_cut_now = false;
    return bad;
}

/* What came of the flips. */
typedef struct tally {
    unsigned errors, same, others, bad;
} tally;

/* One bit flipped. `is_body`: a checksum is over it. */
static void flip(const fixture_scan *right, uint8_t *bytes, size_t byte_count, bool is_body, tally *io)
{
    uint8_t     *at = &bytes[current_bit / 8];
    uint8_t      bit = (uint8_t)(1u << current_bit % 8);
    fixture_scan variant;

    *at ^= bit;
    scan(&variant, bytes, byte_count);
    *at ^= bit;
    if (variant.status != WR_OK) {
        io->errors++;
    } else if (is_same(right, &variant)) {
        io->same++;
    } else {
        io->others++;
        if (is_body && io->bad++ < 5)
            printf("%s: other rows with bit %zu flipped\n", current_file, current_bit);
    }
    fixture_free(&variant);
}

/* All of one file; false: a variant was not read as it should have been. */
static bool damage(const char *path, bool is_checked, size_t every)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    static bool    is_body[FILE_BYTES_MAX];
    size_t         byte_count;
    uint32_t       footer_bytes;
    fixture_scan   right;
    tally          sums = {0};

    current_file = path;
    load(path, bytes, &byte_count);
    scan(&right, bytes, byte_count);
    if (right.status == WR_OK) {
        memset(is_body, 0, sizeof is_body);
        memcpy(&footer_bytes, bytes + byte_count - PQ_TAIL_BYTES, sizeof footer_bytes);
        if (is_checked)
            mark_bodies(bytes, byte_count - PQ_TAIL_BYTES - footer_bytes, is_body);
        sums.bad = count_read_cuts(bytes, byte_count);
        for (current_bit = 0; current_bit < 8 * byte_count; current_bit += every)
            flip(&right, bytes, byte_count, is_body[current_bit / 8], &sums);
        printf("%s: of %zu flipped bits %u errors, %u the same rows, %u other rows; %u are bad\n", path,
               (8 * byte_count - 1) / every + 1, sums.errors, sums.same, sums.others, sums.bad);
    } else {
        printf("%s: cannot be read: %s\n", path, right.err.message);
        sums.bad++;
    }
    fixture_free(&right);
    return sums.bad == 0;
}

int main(int argc, char **argv)
{
    static const int SIGNALS[] = {SIGPROF, SIGSEGV, SIGABRT, SIGBUS};
    bool             is_checked = true, is_good = true;
    size_t           every = 1;

    for (unsigned i = 0; i < sizeof SIGNALS / sizeof SIGNALS[0]; i++)
        signal(SIGNALS[i], tell_place);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-unchecked") == 0)
            is_checked = false;
        else if (strncmp(argv[i], "-every=", 7) == 0)
            every = strtoul(argv[i] + 7, NULL, 10);
        else
            is_good = damage(argv[i], is_checked, every ? every : 1) && is_good;
    }
    return !is_good;
}
