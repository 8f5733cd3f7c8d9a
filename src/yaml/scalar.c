/* yaml/scalar.c — variables inside scalars, and where a scalar's text stands in its file.
 *
 * A text is verbatim when each of its lines stands in the file at one and the same column: plain
 * and quoted text of one line without escapes, and literal blocks. Only then can a place inside the
 * text be shown as a place in the file. */
#include "mem/textbuf.h"
#include "yaml/tree.h"

/* --- variables ----------------------------------------------------------------------------- */

static bool is_name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* One ${...} at text.bytes[at]; *out_end is behind its '}'. */
static wr_status replace_one(wr_text text, size_t at, const wr_variables *variables,
                             wr_textbuf *out, size_t *out_end, wr_error *err)
{
    size_t  begin = at + 2, end = begin, close = wr_text_find_byte(text, '}', begin);
    wr_text name, value = {NULL, 0}, fallback;
    bool    found, has_fallback;

    while (end < text.byte_count && is_name_byte(text.bytes[end], end == begin))
        end++;
    name = (wr_text){text.bytes + begin, end - begin};
    has_fallback = wr_text_starts_with((wr_text){text.bytes + end, text.byte_count - end},
                                       WR_TEXT(":-"));
    if (close == SIZE_MAX || name.byte_count == 0 || (end != close && !has_fallback))
        return WR_RAISE(err, WR_INVALID,
                        "malformed variable: expected ${NAME} or ${NAME:-default}; \"$${\" stands "
                        "for \"${\"");
    found = variables->find && variables->find(variables->self, name, &value);
    if (has_fallback && (!found || value.byte_count == 0)) {
        fallback = (wr_text){text.bytes + end + 2, close - end - 2};
        wr_textbuf_add(out, fallback.bytes, fallback.byte_count);
    } else if (found) {
        wr_textbuf_add(out, value.bytes, value.byte_count);
    } else {
        return WR_RAISE(err, WR_INVALID,
                        "variable '%.*s' is not defined: give it with --set %.*s=..., in the "
                        "environment, or a default with ${%.*s:-default}",
                        WR_TEXT_ARG(name), WR_TEXT_ARG(name), WR_TEXT_ARG(name));
    }
    *out_end = close + 1;
    return WR_OK;
}

static size_t find_variable(wr_text text, size_t from)
{
    size_t at = wr_text_find_byte(text, '$', from);

    while (at != SIZE_MAX && (at + 1 >= text.byte_count || text.bytes[at + 1] != '{'))
        at = wr_text_find_byte(text, '$', at + 1);
    return at;
}

wr_status wr_yaml_replace(wr_text text, const wr_variables *variables, wr_bump *bump,
                          wr_text *out_text, bool *out_replaced, wr_error *err)
{
    size_t     from = 0, at = find_variable(text, 0);
    wr_textbuf out;

    *out_replaced = false;
    if (at == SIZE_MAX) {
        *out_text = text;
        return WR_OK;
    }
    wr_textbuf_init(&out, bump);
    for (; at != SIZE_MAX; at = find_variable(text, from)) {
        bool escaped = at > from && text.bytes[at - 1] == '$';

        wr_textbuf_add(&out, text.bytes + from, at - from - escaped);
        if (escaped) {
            wr_textbuf_add(&out, "${", 2);
            from = at + 2;
        } else {
            WR_TRY(replace_one(text, at, variables, &out, &from, err));
        }
    }
    wr_textbuf_add(&out, text.bytes + from, text.byte_count - from);
    *out_replaced = true;
    return wr_textbuf_finish(&out, out_text, err);
}

/* --- places -------------------------------------------------------------------------------- */

/* Does `text` stand in the file at `offset`, its further lines `indent` bytes into theirs? */
static bool stands_at(wr_text file, size_t offset, size_t indent, wr_text text)
{
    size_t begin = 0;

    for (;;) {
        size_t end = wr_text_find_byte(text, '\n', begin);
        size_t bytes = (end == SIZE_MAX ? text.byte_count : end) - begin;

        if (offset + bytes > file.byte_count ||
            memcmp(file.bytes + offset, text.bytes + begin, bytes) != 0)
            return false;
        if (end == SIZE_MAX || end + 1 == text.byte_count)
            return true;
        offset = wr_text_find_byte(file, '\n', offset);
        if (offset == SIZE_MAX)
            return false;
        offset++;
        begin = end + 1;
        /* A blank line may be shorter than the indentation. */
        if (text.bytes[begin] != '\n')
            offset += indent;
    }
}

/* The first line of a block scalar, behind its "|" or ">" line. */
static bool find_block(wr_text file, size_t header, size_t *out_offset, size_t *out_indent)
{
    size_t offset = wr_text_find_byte(file, '\n', header), first;

    if (offset == SIZE_MAX)
        return false;
    first = ++offset;
    while (first < file.byte_count && (file.bytes[first] == ' ' || file.bytes[first] == '\n')) {
        if (file.bytes[first] == '\n')
            return false; /* leading blank lines: rare, and not worth a place */
        first++;
    }
    *out_indent = first - offset;
    *out_offset = first;
    return true;
}

wr_source wr_yaml_source(const wr_yaml_file *file, const wr_yaml *scalar)
{
    wr_source source = {.text = scalar->text, .path = file->path, .file = file->text,
                        .start = scalar->place, .hides_text = scalar->is_replaced};
    size_t    offset = scalar->byte_offset, indent = 0;
    char      first = offset < file->text.byte_count ? file->text.bytes[offset] : '\0';

    if (scalar->is_replaced || scalar->text.byte_count == 0)
        return source;
    if (first == '|' || first == '>') {
        if (!find_block(file->text, offset, &offset, &indent) ||
            !stands_at(file->text, offset, indent, scalar->text))
            return source;
        source.start = (wr_place){scalar->place.line + 1, (uint32_t)indent + 1};
    } else {
        bool is_quoted = first == '"' || first == '\'';

        if (wr_text_find_byte(scalar->text, '\n', 0) != SIZE_MAX ||
            !stands_at(file->text, offset + is_quoted, 0, scalar->text))
            return source;
        source.start.column += is_quoted;
    }
    source.is_verbatim = true;
    return source;
}
