/* parse/source.h — a piece of text that a user wrote and where it stands: messages with a place.
 *
 * Expressions are parsed out of scalars of pipeline files, or stand alone. A failure is raised
 * first without a place (suggestions and lists appended), then wr_source_locate puts
 * "path:line:column: " in front and the line with a caret behind.
 * Invariants
 *  1. Columns count characters (UTF-8), not bytes; lines and columns count from 1.
 *  2. An excerpt shows no control characters and at most about 100 characters of a line.
 * Threads: values, no state. Cost: O(bytes before the place), only when something fails. */
#ifndef WR_PARSE_SOURCE_H
#define WR_PARSE_SOURCE_H

#include "parse/ast.h"

typedef struct wr_source {
    wr_text     text;        /* what is parsed: places count inside it                         */
    const char *path;        /* the file it stands in, or NULL                                 */
    wr_text     file;        /* that whole file, for excerpts                                  */
    wr_place    start;       /* of the text's first byte in the file; 0, 0: the text stands alone */
    bool        is_verbatim; /* every line of the text stands in the file at start.column: places
                                inside it are places in the file. Otherwise (escapes, folded lines,
                                replaced variables) the file's place is that of the whole text   */
    bool        hides_text;  /* the text may hold secrets: messages show the file's line instead   */
} wr_source;

/** Put the place in front of the message of `err` and the line with a caret behind it.
 *  `place` counts inside source->text; {0, 0} means the text as a whole. Returns `status`. */
wr_status wr_source_locate(const wr_source *source, wr_place place, wr_status status,
                           wr_error *err);

/** The place in the file (or in the text, when it stands alone). Cost O(1). */
wr_place wr_source_place(const wr_source *source, wr_place place);

/** The place `byte_offset` bytes into `text`. */
wr_place wr_place_at(wr_text text, size_t byte_offset);

/** Append the line of `text` that `place` is in and a caret under it. */
void wr_parse_excerpt(wr_text text, wr_place place, wr_error *err);

#endif
