/* spi/format_damage_fixture.h — for programs that read files cut at every byte and with every bit flipped:
 *
 *     NAME [-every=N] [OPTION] FILE...
 *
 * Each variant must be read, or refused with a message, in seconds; a crash tells the file and the bit. What
 * may come out of which variant is the format's to say. With -every, each N-th bit only. A line for each file tells
 * what came of it. */
#ifndef WR_SPI_FORMAT_DAMAGE_FIXTURE_H
#define WR_SPI_FORMAT_DAMAGE_FIXTURE_H

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

#include "spi/format_fixture.h"

enum { DAMAGE_FILE_BYTES_MAX = 64 << 10, DAMAGE_ROWS_MAX = 100000, DAMAGE_SECONDS_MAX = 20 };

/* What is being read, for the handler of a crash. */
static const char     *damage_file;
static volatile size_t damage_bit;
static volatile bool   damage_is_cut;

static inline void damage_tell_place(int signal_number)
{
    char line[512];
    int  length = snprintf(line, sizeof line, "%s: %s at %s %zu\n", damage_file,
                           signal_number == SIGPROF ? "still reading after 20 s" : "crashed",
                           damage_is_cut ? "byte" : "bit", damage_bit);

    if (write(STDOUT_FILENO, line, (size_t)length) < 0)
        _exit(3);
    _exit(2);
}

static inline void damage_load(const char *path, uint8_t *bytes, size_t *out_count)
{
    int     file = open(path, O_RDONLY);
    ssize_t got = file < 0 ? -1 : read(file, bytes, DAMAGE_FILE_BYTES_MAX);

    if (got < 0 || got == DAMAGE_FILE_BYTES_MAX) {
        fprintf(stderr, "%s: cannot be read, or is too large\n", path);
        exit(2);
    }
    close(file);
    *out_count = (size_t)got;
}

static inline void damage_scan(const fixture_scan *how, fixture_scan *out, const uint8_t *bytes,
                               size_t byte_count)
{
    static wr_arena *arena;

    setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = DAMAGE_SECONDS_MAX}, NULL);
    *out = *how;
    out->rows_max = DAMAGE_ROWS_MAX;
    out->kept_arena = &arena;
    fixture_run(out, bytes, byte_count);
    FIXTURE_REQUIRE(out->status == WR_OK || out->err.message[0] != '\0');
}

static inline bool damage_is_same(const fixture_scan *one, const fixture_scan *other)
{
    return one->rows.used == other->rows.used &&
           memcmp(one->rows.bytes, other->rows.bytes, one->rows.used) == 0 &&
           strcmp(one->schema_text.bytes, other->schema_text.bytes) == 0;
}

/* Every cut; the number of those that were read. */
static inline unsigned damage_cut(const fixture_scan *how, const uint8_t *bytes, size_t byte_count)
{
    unsigned bad = 0;

    damage_is_cut = true;
    for (damage_bit = 0; damage_bit < byte_count; damage_bit++) {
        fixture_scan variant;

        damage_scan(how, &variant, bytes, damage_bit);
        if (variant.status == WR_OK && bad++ < 5)
            printf("%s: read although cut at byte %zu\n", damage_file, damage_bit);
        fixture_free(&variant);
    }
    damage_is_cut = false;
    return bad;
}

/* What came of the flips. */
typedef struct damage_tally {
    unsigned errors, same, others, bad;
} damage_tally;

/* One bit flipped. `is_body`: a checksum is over it. */
static inline void damage_flip(const fixture_scan *how, const fixture_scan *right, uint8_t *bytes,
                               size_t byte_count, bool is_body, damage_tally *io)
{
    uint8_t     *at = &bytes[damage_bit / 8];
    uint8_t      bit = (uint8_t)(1u << damage_bit % 8);
    fixture_scan variant;

    *at ^= bit;
    damage_scan(how, &variant, bytes, byte_count);
    *at ^= bit;
    if (variant.status != WR_OK) {
        io->errors++;
    } else if (damage_is_same(right, &variant)) {
        io->same++;
    } else {
        io->others++;
        if (is_body && io->bad++ < 5)
            printf("%s: other rows with bit %zu flipped\n", damage_file, damage_bit);
    }
    fixture_free(&variant);
}

/* What a format says of its files. */
typedef struct damage_kind {
    fixture_scan how;
    unsigned     cuts_max; /* so many of the cut ones may be read */
    /* Mark the bytes of a file that can be read over which a checksum is. NULL: there are none. */
    void (*mark)(const uint8_t *bytes, size_t byte_count, bool *is_body);
} damage_kind;

/* All of one file; false: a variant was not read as it should have been. */
static inline bool damage_whole_file(const damage_kind *kind, const char *path, size_t every)
{
    static uint8_t bytes[DAMAGE_FILE_BYTES_MAX];
    static bool    is_body[DAMAGE_FILE_BYTES_MAX];
    fixture_scan   right;
    size_t         byte_count;
    damage_tally   sums = {0};

    damage_file = path;
    damage_load(path, bytes, &byte_count);
    damage_scan(&kind->how, &right, bytes, byte_count);
    if (right.status == WR_OK) {
        memset(is_body, 0, sizeof is_body);
        if (kind->mark)
            kind->mark(bytes, byte_count, is_body);
        sums.bad = damage_cut(&kind->how, bytes, byte_count);
        sums.bad = sums.bad > kind->cuts_max ? sums.bad : 0;
        for (damage_bit = 0; damage_bit < 8 * byte_count; damage_bit += every)
            damage_flip(&kind->how, &right, bytes, byte_count, is_body[damage_bit / 8], &sums);
        printf("%s: of %zu flipped bits %u errors, %u the same rows, %u other rows; %u are bad\n", path,
               (8 * byte_count - 1) / every + 1, sums.errors, sums.same, sums.others, sums.bad);
    } else {
        printf("%s: cannot be read: %s\n", path, right.err.message);
        sums.bad++;
    }
    fixture_free(&right);
    return sums.bad == 0;
}

/* Whatever is wrong is told before the program ends. */
static inline void damage_begin(void)
{
    static const int SIGNALS[] = {SIGPROF, SIGSEGV, SIGABRT, SIGBUS};

    for (unsigned i = 0; i < sizeof SIGNALS / sizeof SIGNALS[0]; i++)
        signal(SIGNALS[i], damage_tell_place);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* All files; those behind `option` are of the other kind. */
static inline int damage_main(int argc, char **argv, const damage_kind *kind, const char *option,
                              const damage_kind *other)
{
    bool   is_good = true;
    size_t every = 1;

    damage_begin();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], option) == 0)
            kind = other;
        else if (strncmp(argv[i], "-every=", 7) == 0)
            every = strtoul(argv[i] + 7, NULL, 10);
        else
            is_good = damage_whole_file(kind, argv[i], every ? every : 1) && is_good;
    }
    return !is_good;
}

#endif
