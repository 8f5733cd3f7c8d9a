/* local_glob.c — patterns: one path component, and the braces around several. No file system here. */
#include <string.h>

#include "local_priv.h"

enum { PATTERNS_MAX = 1000 };

bool wr_local_glob_is(wr_text text)
{
    for (size_t i = 0; i < text.byte_count; i++) {
        if (strchr("*?[{", text.bytes[i]) && text.bytes[i] != '\0')
            return true;
    }
    return false;
}

/* Match one `[...]` at pattern[*io_at] == '[' against `byte` and step behind it. A `[` without its
 * `]` stands for itself. */
static bool match_set(wr_text pattern, size_t *io_at, unsigned char byte)
{
    size_t at = *io_at + 1;
    bool   negated = at < pattern.byte_count && (pattern.bytes[at] == '!' || pattern.bytes[at] == '^');
    bool   hit = false;
    bool   first = true;

    at += negated;
    for (; at < pattern.byte_count && (first || pattern.bytes[at] != ']'); first = false) {
        unsigned char low = (unsigned char)pattern.bytes[at++];
        unsigned char high = low;

        if (at + 1 < pattern.byte_count && pattern.bytes[at] == '-' && pattern.bytes[at + 1] != ']') {
            high = (unsigned char)pattern.bytes[at + 1];
            at += 2;
        }
        hit |= low <= byte && byte <= high;
    }
    if (at >= pattern.byte_count) {
        *io_at += 1;
        return byte == '[';
    }
    *io_at = at + 1;
    return hit != negated;
}

/* Match one byte of the name against the element at *io_at (not a star) and step behind it. */
static bool match_one(wr_text pattern, size_t *io_at, unsigned char byte)
{
    char element = pattern.bytes[*io_at];

    if (element == '[')
        return match_set(pattern, io_at, byte);
    if (element == '\\' && *io_at + 1 < pattern.byte_count)
        element = pattern.bytes[++*io_at];
    else if (element == '?') {
        ++*io_at;
        return true;
    }
    ++*io_at;
    return (unsigned char)element == byte;
}

/* Only the last star is ever retried: an earlier one cannot do better than the shortest match. */
static bool match_stars(wr_text pattern, wr_text name)
{
    size_t at = 0, from = 0;
    size_t star = SIZE_MAX, star_from = 0;

    while (from < name.byte_count || at < pattern.byte_count) {
        if (at < pattern.byte_count && pattern.bytes[at] == '*') {
            star = at++;
            star_from = from;
            continue;
        }
        if (at < pattern.byte_count && from < name.byte_count &&
            match_one(pattern, &at, (unsigned char)name.bytes[from])) {
            from++;
            continue;
        }
        if (star == SIZE_MAX || star_from == name.byte_count)
            return false;
        at = star + 1;
        from = ++star_from;
    }
    return true;
}

bool wr_local_glob_match(wr_text pattern, wr_text name)
{
    static const wr_text OWN = {"_weir-", 6};

    if (wr_text_starts_with(name, WR_TEXT(".")) && !wr_text_starts_with(pattern, WR_TEXT(".")))
        return false;
    if (wr_text_starts_with(name, OWN) && !wr_text_starts_with(pattern, OWN))
        return false;
    return match_stars(pattern, name);
}

/* Find the first `{` that has its `}` and a comma between them at its own level. */
static bool find_braces(wr_text pattern, size_t *out_open, size_t *out_close)
{
    for (size_t open = 0; open < pattern.byte_count; open++) {
        unsigned depth = 0;
        bool     comma = false;

        if (pattern.bytes[open] == '\\') {
            open++;
            continue;
        }
        if (pattern.bytes[open] != '{')
            continue;
        for (size_t at = open; at < pattern.byte_count; at++) {
            char byte = pattern.bytes[at];

            if (byte == '\\')
                at++;
            else if (byte == '{')
                depth++;
            else if (byte == ',' && depth == 1)
                comma = true;
            else if (byte == '}' && --depth == 0) {
                *out_open = open;
                *out_close = at;
                if (comma)
                    return true;
                break;
            }
        }
    }
    return false;
}

/* End of the alternative that starts at `from`: a comma at its own level, or `close`. */
static size_t find_alternative_end(wr_text pattern, size_t from, size_t close)
{
    unsigned depth = 0;

    for (; from < close; from++) {
        char byte = pattern.bytes[from];

        if (byte == '\\')
            from++;
        else if (byte == '{')
            depth++;
        else if (byte == '}')
            depth--;
        else if (byte == ',' && depth == 0)
            return from;
    }
    return close;
}

wr_status wr_local_glob_expand(wr_text pattern, wr_bump *bump, wr_text **out_patterns,
                               uint32_t *out_pattern_count, wr_error *err)
{
    wr_text *patterns = WR_BUMP_NEW_ARRAY(bump, wr_text, PATTERNS_MAX, err);
    uint32_t count = 1;

    if (!patterns)
        return WR_NO_MEMORY;
    patterns[0] = pattern;
    for (uint32_t i = 0; i < count;) {
        wr_text whole = patterns[i];
        size_t  open, close;
        bool    first = true;

        if (!find_braces(whole, &open, &close)) {
            i++;
            continue;
        }
        for (size_t from = open + 1; from <= close;) {
            size_t end = find_alternative_end(whole, from, close);
            char  *text = wr_bump_printf(bump, err, "%.*s%.*s%.*s", (int)open, whole.bytes,
                                         (int)(end - from), whole.bytes + from,
                                         (int)(whole.byte_count - close - 1),
                                         whole.bytes + close + 1);
            if (!text)
                return WR_NO_MEMORY;
            if (!first && count == PATTERNS_MAX)
                return WR_RAISE(err, WR_INVALID, "'%.*s' stands for more than %d patterns",
                                WR_TEXT_ARG(pattern), PATTERNS_MAX);
            patterns[first ? i : count++] = wr_text_of(text);
            first = false;
            from = end + 1;
        }
    }
    *out_patterns = patterns;
    *out_pattern_count = count;
    return WR_OK;
}
