/* expr/regex_fuzz.c — libFuzzer target: any expression over any text gives an error or places that
 * make sense, in linear time.
 *
 * The first byte chooses flags, the line behind it is the expression, the rest is the text. */
#include <stdlib.h>
#include <string.h>

#include "expr/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

enum { SPACE_BYTES = 4 << 20 };

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void check_places(const wr_regex *regex, wr_text text, size_t from, uint32_t flags,
                         const int64_t *places)
{
    REQUIRE(places[0] >= (int64_t)from && places[0] <= places[1] &&
            places[1] <= (int64_t)text.byte_count);
    if (flags & WR_REGEX_WHOLE)
        REQUIRE(places[0] == 0 && places[1] == (int64_t)text.byte_count);
    for (uint32_t g = 1; g < wr_regex_group_count(regex) && g < WR_REGEX_GROUPS_MAX; g++) {
        int64_t start = places[2 * g], end = places[2 * g + 1];

        REQUIRE((start == WR_REGEX_NONE) == (end == WR_REGEX_NONE));
        if (start != WR_REGEX_NONE)
            REQUIRE(places[0] <= start && start <= end && end <= places[1]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    static _Alignas(16) uint8_t space[SPACE_BYTES];
    wr_text   pattern, text;
    wr_error  err = {0};
    wr_regex *regex;
    uint64_t  space_bytes;
    uint32_t  flags;

    if (byte_count == 0)
        return 0;
    flags = data[0] & 0xf;
    text = (wr_text){(const char *)data + 1, byte_count - 1};
    pattern = (wr_text){text.bytes, wr_text_find_byte(text, '\n', 0)};
    if (pattern.byte_count > text.byte_count)
        pattern.byte_count = text.byte_count;
    text.bytes += pattern.byte_count;
    text.byte_count -= pattern.byte_count;
    if (wr_regex_measure(pattern, flags, &space_bytes, &err) != WR_OK) {
        REQUIRE(err.message[0] != '\0');
        return 0;
    }
    REQUIRE(space_bytes <= SPACE_BYTES);
    REQUIRE(wr_regex_compile(pattern, flags, space, &regex, NULL) == WR_OK);
    for (size_t from = 0; from <= text.byte_count; from += 1 + text.byte_count / 3) {
        int64_t places[2 * WR_REGEX_GROUPS_MAX];
        bool    found = wr_regex_search(regex, text, from, NULL);

        if (!(flags & WR_REGEX_GROUPS))
            continue;
        REQUIRE(wr_regex_search(regex, text, from, places) == found);
        if (found)
            check_places(regex, text, from, flags, places);
    }
    return 0;
}
