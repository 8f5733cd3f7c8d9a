/* base/text.c — byte strings, sizes and counts as text, edit distance. Nothing here allocates. */
#include "base/text.h"

#include <stdio.h>

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool wr_text_equal_nocase(wr_text a, wr_text b)
{
    if (a.byte_count != b.byte_count)
        return false;
    for (size_t i = 0; i < a.byte_count; i++) {
        if (fold(a.bytes[i]) != fold(b.bytes[i]))
            return false;
    }
    return true;
}

int wr_text_compare(wr_text a, wr_text b)
{
    size_t common = a.byte_count < b.byte_count ? a.byte_count : b.byte_count;
    int    order = common ? memcmp(a.bytes, b.bytes, common) : 0;

    if (order != 0)
        return order;
    return (a.byte_count > b.byte_count) - (a.byte_count < b.byte_count);
}

bool wr_text_starts_with(wr_text text, wr_text prefix)
{
    return text.byte_count >= prefix.byte_count &&
           wr_text_equal((wr_text){text.bytes, prefix.byte_count}, prefix);
}

bool wr_text_ends_with(wr_text text, wr_text suffix)
{
    if (text.byte_count < suffix.byte_count)
        return false;
    if (suffix.byte_count == 0)
        return true;
    return memcmp(text.bytes + text.byte_count - suffix.byte_count, suffix.bytes,
                  suffix.byte_count) == 0;
}

wr_text wr_text_trim(wr_text text)
{
    while (text.byte_count > 0 && is_space(text.bytes[text.byte_count - 1]))
        text.byte_count--;
    while (text.byte_count > 0 && is_space(text.bytes[0])) {
        text.bytes++;
        text.byte_count--;
    }
    return text;
}

size_t wr_text_find_byte(wr_text text, char byte, size_t from)
{
    const char *found;

    if (from >= text.byte_count)
        return SIZE_MAX;
    found = memchr(text.bytes + from, byte, text.byte_count - from);
    return found ? (size_t)(found - text.bytes) : SIZE_MAX;
}

/* --- sizes and counts -------------------------------------------------------------------- */

typedef struct size_unit {
    const char *name;
    uint64_t    bytes;
} size_unit;

static const size_unit SIZE_UNITS[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1000},
    {"MB", 1000 * 1000},
    {"GB", 1000 * 1000 * 1000},
    {"TB", 1000ULL * 1000 * 1000 * 1000},
    {"KiB", 1ULL << 10},
    {"MiB", 1ULL << 20},
    {"GiB", 1ULL << 30},
    {"TiB", 1ULL << 40},
};

static uint64_t find_unit(wr_text name)
{
    for (size_t i = 0; i < sizeof SIZE_UNITS / sizeof SIZE_UNITS[0]; i++) {
        if (wr_text_equal_nocase(name, wr_text_of(SIZE_UNITS[i].name)))
            return SIZE_UNITS[i].bytes;
    }
    return 0;
}

/* Parse "12" or "1.5" and a unit. The fraction is exact to nine digits; what is below a byte is
 * dropped. */
static bool parse_size(wr_text text, uint64_t *out_bytes)
{
    size_t   at = 0, digit_count = 0;
    uint64_t whole = 0, fraction = 0, scale = 1, unit, part;

    for (; at < text.byte_count && is_digit(text.bytes[at]); at++, digit_count++) {
        if (__builtin_mul_overflow(whole, 10u, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(text.bytes[at] - '0'), &whole))
            return false;
    }
    if (digit_count > 0 && at < text.byte_count && text.bytes[at] == '.') {
        size_t point = at++;
        for (; at < text.byte_count && is_digit(text.bytes[at]); at++) {
            if (scale < 1000 * 1000 * 1000) {
                fraction = fraction * 10 + (uint64_t)(text.bytes[at] - '0');
                scale *= 10;
            }
        }
        if (at == point + 1)
            return false;
    }
    if (digit_count == 0)
        return false;
    unit = find_unit(wr_text_trim((wr_text){text.bytes + at, text.byte_count - at}));
    if (unit == 0 || __builtin_mul_overflow(whole, unit, &whole))
        return false;
    /* fraction/scale of a unit: unit <= 2^40 and scale <= 10^9 < 2^30, so split the product. */
    part = unit / scale * fraction + unit % scale * fraction / scale;
    return !__builtin_add_overflow(whole, part, out_bytes);
}

wr_status wr_text_parse_bytes(wr_text text, uint64_t *out_bytes, wr_error *err)
{
    uint64_t bytes;

    if (!parse_size(wr_text_trim(text), &bytes))
        return WR_RAISE(err, WR_USAGE,
                        "'%.*s' is not a size: expected a number and B, kB, MB, GB, TB (powers of "
                        "1000) or KiB, MiB, GiB, TiB (powers of 1024), for example 64MB",
                        WR_TEXT_ARG(text));
    *out_bytes = bytes;
    return WR_OK;
}

const char *wr_text_format_bytes(uint64_t byte_count, char *buffer, size_t buffer_bytes)
{
    static const char *const NAMES[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t                 unit = 1000, tenths = 0;
    size_t                   index = 0;

    if (byte_count < 1000) {
        snprintf(buffer, buffer_bytes, "%u B", (unsigned)byte_count);
        return buffer;
    }
    for (;; index++, unit *= 1000) {
        tenths = byte_count / (unit / 10) + (byte_count % (unit / 10) >= unit / 20);
        if (tenths < 10000 || index == sizeof NAMES / sizeof NAMES[0] - 1)
            break;
    }
    snprintf(buffer, buffer_bytes, "%llu.%u %s", (unsigned long long)(tenths / 10),
             (unsigned)(tenths % 10), NAMES[index]);
    return buffer;
}

/* --- did you mean ------------------------------------------------------------------------ */

enum { DISTANCE_BYTES_MAX = 64 };

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t compared_bytes(wr_text text)
{
    return text.byte_count < DISTANCE_BYTES_MAX ? (uint32_t)text.byte_count : DISTANCE_BYTES_MAX;
}

/* Three rows of the table are enough: a transposition looks two rows back. */
uint32_t wr_text_distance(wr_text a, wr_text b, uint32_t limit)
{
    uint32_t rows[3][DISTANCE_BYTES_MAX + 1];
    uint32_t n = compared_bytes(a), m = compared_bytes(b);

    if ((n > m ? n - m : m - n) > limit)
        return limit + 1;
    for (uint32_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (uint32_t i = 1; i <= n; i++) {
        uint32_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        uint32_t  row_least = row[0] = i;

        for (uint32_t j = 1; j <= m; j++) {
            unsigned char x = fold(a.bytes[i - 1]), y = fold(b.bytes[j - 1]);

            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold(b.bytes[j - 2]) && fold(a.bytes[i - 2]) == y)
                row[j] = least(row[j], two_above[j - 2] + 1);
            row_least = least(row_least, row[j]);
        }
        /* A transposition may undercut the row's least by one, hence two rows' worth of slack. */
        if (row_least > limit + 1)
            return limit + 1;
    }
    return least(rows[n % 3][m], limit + 1);
}

void wr_suggest_init(wr_suggest *suggest, wr_text wanted)
{
    uint32_t third = compared_bytes(wanted) / 3;

    *suggest = (wr_suggest){.wanted = wanted, .best_distance = (third > 1 ? third : 1) + 1};
}

void wr_suggest_offer(wr_suggest *suggest, wr_text candidate)
{
    uint32_t distance;

    if (suggest->best_distance == 0 || candidate.byte_count == 0)
        return;
    distance = wr_text_distance(suggest->wanted, candidate, suggest->best_distance - 1);
    if (distance < suggest->best_distance) {
        suggest->best_distance = distance;
        suggest->best = candidate;
    }
}

void wr_suggest_append(const wr_suggest *suggest, wr_error *err)
{
    if (suggest->best.byte_count > 0)
        wr_error_append(err, " (did you mean '%.*s'?)", WR_TEXT_ARG(suggest->best));
}
