/* parse/source.c — places and excerpts for messages. Never fails, never allocates.
 *
 * The message buffer may be nearly full: the place in front wins over the tail of the message. */
#include "parse/source.h"

#include <stdio.h>
#include <string.h>

enum {
    EXCERPT_BEFORE_MAX = 72, /* characters shown before the caret, at most */
    EXCERPT_AFTER_MAX = 28,  /* and from the caret on                      */
    PREFIX_BYTES = 512,
};

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

wr_place wr_place_at(wr_text text, size_t byte_offset)
{
    wr_place place = {1, 1};

    for (size_t i = 0; i < byte_offset && i < text.byte_count; i++) {
        if (text.bytes[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (!is_continuation(text.bytes[i])) {
            place.column++;
        }
    }
    return place;
}

/* The line's text without its end; an empty text when there are not so many lines. */
static wr_text find_line(wr_text text, uint32_t line)
{
    size_t begin = 0, end;

    for (uint32_t i = 1; i < line; i++) {
        size_t newline = wr_text_find_byte(text, '\n', begin);

        if (newline == SIZE_MAX)
            return (wr_text){NULL, 0};
        begin = newline + 1;
    }
    if (begin == text.byte_count)
        return (wr_text){NULL, 0};
    end = wr_text_find_byte(text, '\n', begin);
    if (end == SIZE_MAX)
        end = text.byte_count;
    if (end > begin && text.bytes[end - 1] == '\r')
        end--;
    return (wr_text){text.bytes + begin, end - begin};
}

/* Bytes that `characters` characters take, from `from` on. */
static size_t skip_characters(wr_text line, size_t from, size_t characters)
{
    while (from < line.byte_count && characters > 0) {
        from++;
        while (from < line.byte_count && is_continuation(line.bytes[from]))
            from++;
        characters--;
    }
    return from;
}

/* A window of the line as it may be shown: control characters become blanks (a tab too, so that
 * the caret stands right). Returns bytes written. */
static size_t copy_shown(char *out, wr_text line, size_t from, size_t to)
{
    size_t used = 0;

    for (size_t i = from; i < to; i++) {
        unsigned char byte = (unsigned char)line.bytes[i];
        out[used++] = byte < 0x20 || byte == 0x7f ? ' ' : (char)byte;
    }
    return used;
}

void wr_parse_excerpt(wr_text text, wr_place place, wr_error *err)
{
    wr_text line = find_line(text, place.line);
    size_t  before = place.column > 0 ? place.column - 1 : 0;
    size_t  hidden = before > EXCERPT_BEFORE_MAX ? before - EXCERPT_BEFORE_MAX : 0;
    size_t  from, caret, to, used;
    char    shown[4 * (EXCERPT_BEFORE_MAX + EXCERPT_AFTER_MAX) + 8];

    if (!err || line.byte_count == 0)
        return;
    from = skip_characters(line, 0, hidden);
    caret = skip_characters(line, from, before - hidden);
    to = skip_characters(line, caret, EXCERPT_AFTER_MAX);
    /* Stray continuation bytes make a character longer than 4 bytes: text that is not UTF-8. */
    if (to - from > sizeof shown)
        to = caret = from;
    used = copy_shown(shown, line, from, to);
    wr_error_append(err, "\n  %s%.*s%s", hidden ? "..." : "", (int)used, shown,
                    to < line.byte_count ? "..." : "");
    wr_error_append(err, "\n  %s%*s^", hidden ? "   " : "", (int)(before - hidden), "");
}

/* Shift the message right and write `prefix` before it. */
static void prepend(wr_error *err, const char *prefix, size_t prefix_bytes)
{
    size_t used = strnlen(err->message, WR_ERROR_MESSAGE_BYTES - 1);

    if (used + prefix_bytes > WR_ERROR_MESSAGE_BYTES - 1)
        used = WR_ERROR_MESSAGE_BYTES - 1 - prefix_bytes;
    memmove(err->message + prefix_bytes, err->message, used);
    memcpy(err->message, prefix, prefix_bytes);
    err->message[prefix_bytes + used] = '\0';
}

wr_place wr_source_place(const wr_source *source, wr_place place)
{
    if (source->start.line == 0)
        return place;
    if (!source->is_verbatim || place.line == 0)
        return source->start;
    return (wr_place){source->start.line + place.line - 1, source->start.column + place.column - 1};
}

wr_status wr_source_locate(const wr_source *source, wr_place place, wr_status status,
                           wr_error *err)
{
    bool     alone = source->start.line == 0;
    wr_place shown = wr_source_place(source, place);
    char     prefix[PREFIX_BYTES];
    int      prefix_bytes;

    if (!err)
        return status;
    if (shown.line == 0)
        shown = (wr_place){1, 1};
    prefix_bytes = snprintf(prefix, sizeof prefix, "%.*s%s%u:%u: ", PREFIX_BYTES - 32,
                            source->path ? source->path : "", source->path ? ":" : "", shown.line,
                            shown.column);
    if (prefix_bytes > 0 && prefix_bytes < PREFIX_BYTES)
        prepend(err, prefix, (size_t)prefix_bytes);
    if (alone || (!source->is_verbatim && !source->hides_text && place.line > 0))
        wr_parse_excerpt(source->text, place.line ? place : shown, err);
    else
        wr_parse_excerpt(source->file, shown, err);
    return status;
}
