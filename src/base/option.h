/* base/option.h — option tables: one table is parser, ranges, defaults, validation, --help, JSON
 * Schema and reference page at once.
 *
 * A component (format, file system, step, the command line) has one `const wr_option_def[]` that
 * ends with a nameless entry, and one plain struct that the table fills: each entry names the
 * field by offset. Values arrive as text with their place in the source; unknown names get a
 * did-you-mean. Nothing here allocates: text values borrow the caller's bytes.
 * Call order: wr_options_default, then wr_option_set for each given option.
 * Cost O(entries). */
#ifndef WR_BASE_OPTION_H
#define WR_BASE_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

typedef enum wr_option_kind {
    WR_OPTION_BOOL,  /* field: bool                                           */
    WR_OPTION_INT,   /* field: int64_t, within [min, max]                     */
    WR_OPTION_FLOAT, /* field: double                                         */
    WR_OPTION_BYTES, /* field: uint64_t; "32MB"; within [min, max]            */
    WR_OPTION_CHAR,  /* field: int32_t; one byte, "\t" and "tab" understood, -1 = none,
                        0 = auto: found out by the component                    */
    WR_OPTION_TEXT,  /* field: wr_text                                        */
    WR_OPTION_ENUM,  /* field: int32_t; index into `choices`                  */
    WR_OPTION_LIST,  /* field: wr_text_list                                   */
} wr_option_kind;

/* A list of texts, bounded; `given` tells an empty list from none. */
enum { WR_TEXT_LIST_MAX = 32 };
typedef struct wr_text_list {
    uint32_t count;
    bool     given;
    wr_text  items[WR_TEXT_LIST_MAX];
} wr_text_list;

enum {
    WR_OPTION_SECRET = 1 << 0, /* never printed */
};

typedef struct wr_option_def {
    const char        *name;     /* NULL ends the table                            */
    wr_option_kind     kind;
    uint32_t           flags;
    size_t             offset;   /* of the field in the component's option struct  */
    const char        *fallback; /* default as text, NULL: zero value (CHAR: none) */
    int64_t            min, max; /* INT, BYTES; both 0: no limit                   */
    const char *const *choices;  /* ENUM: NULL-terminated                          */
    const char        *help;     /* one line for --help and the reference          */
} wr_option_def;

/** Set every field of `options` to its default. `options` must be zeroed by the caller first. */
void wr_options_default(const wr_option_def *defs, void *options);

/** Set one option by name. LIST options append one item per call.
 *
 * Owner    TEXT and LIST fields borrow `value.bytes`: keep them alive as long as `options`.
 * Errors   WR_INVALID  unknown name (did-you-mean over the table) or a value outside its range;
 *                      the message does not name a file: callers add the place */
wr_status wr_option_set(const wr_option_def *defs, void *options, wr_text name, wr_text value,
                        wr_error *err) WR_MUST_USE;

/** The entry called `name` (exact), or NULL. */
const wr_option_def *wr_option_find(const wr_option_def *defs, wr_text name);

#endif
