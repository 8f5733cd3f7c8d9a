/* ar_damage_test.c — a program for tests: reads Arrow files cut at every byte and with every bit flipped.
 *
 *     ar_damage_test [-every=N] [-stream] FILE...
 *
 * A file that was cut is an error. A stream that was cut is one, too, but between two messages, where it
 * may end. There are no checksums: a flipped bit is an error, or other rows, but soon. With -every, each
 * N-th bit only. A line for each file tells what came of it. */
#include "ar_priv.h"
#include "spi/format_damage_fixture.h"

extern const wr_format wr_format_arrow;

enum { MESSAGES_MAX = 64 /* of a file for this */ };

/* All of one file; false: a variant was not read as it should have been. */
static bool damage(const char *path, bool is_stream, size_t every)
{
    static uint8_t bytes[DAMAGE_FILE_BYTES_MAX];
    fixture_scan   how = {.format = &wr_format_arrow, .is_plain = !is_stream}, right;
    size_t         byte_count;
    damage_tally   sums = {0};

    damage_file = path;
    damage_load(path, bytes, &byte_count);
    damage_scan(&how, &right, bytes, byte_count);
    if (right.status == WR_OK) {
        sums.bad = damage_cut(&how, bytes, byte_count);
        if (is_stream)
            sums.bad = sums.bad > MESSAGES_MAX ? sums.bad : 0;
        for (damage_bit = 0; damage_bit < 8 * byte_count; damage_bit += every)
            damage_flip(&how, &right, bytes, byte_count, false, &sums);
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
    bool   is_stream = false, is_good = true;
    size_t every = 1;

    damage_begin();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-stream") == 0)
            is_stream = true;
        else if (strncmp(argv[i], "-every=", 7) == 0)
            every = strtoul(argv[i] + 7, NULL, 10);
        else
            is_good = damage(argv[i], is_stream, every ? every : 1) && is_good;
    }
    return !is_good;
}
