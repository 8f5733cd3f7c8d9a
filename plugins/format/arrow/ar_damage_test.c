/* ar_damage_test.c — a program for tests: reads Arrow files cut at every byte and with every bit flipped.
 *
 *     ar_damage_test [-every=N] [-stream] FILE...
 *
 * A file that was cut is an error. A stream that was cut is one, too, but between two messages, where it
 * may end. There are no checksums: a flipped bit is an error, or other rows, but soon. */
#include "ar_priv.h"
#include "spi/format_damage_fixture.h"

extern const wr_format wr_format_arrow;

enum { MESSAGES_MAX = 64 /* of a file for this */ };

int main(int argc, char **argv)
{
    const damage_kind file = {.how = {.format = &wr_format_arrow, .is_plain = true}},
                      stream = {.how = {.format = &wr_format_arrow}, .cuts_max = MESSAGES_MAX};

    return damage_main(argc, argv, &file, "-stream", &stream);
}
