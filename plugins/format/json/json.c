/* json.c — the format object and its options. */
#include "json_priv.h"

static const char *const TWINS[] = {"last", "first", "error", NULL};
static const char *const UNKNOWN[] = {"ignore", "error", NULL};
static const char *const LAYOUTS[] = {"auto", "lines", "array", "documents", NULL};

#define OPTION(struct_, field, kind_, fallback_, min_, max_, choices_, help_)                      \
    {                                                                                              \
        .name = #field, .kind = (kind_), .offset = offsetof(struct_, field),                       \
        .fallback = (fallback_), .min = (min_), .max = (max_), .choices = (choices_),              \
        .help = (help_)                                                                            \
    }
#define READ_OPTION(field, kind_, fallback_, min_, max_, choices_, help_)                          \
    OPTION(json_read_options, field, kind_, fallback_, min_, max_, choices_, help_)

static const wr_option_def READ_OPTIONS[] = {
    READ_OPTION(layout, WR_OPTION_ENUM, "auto", 0, 0, LAYOUTS,
                "lines: one object a line; array: the elements of one array; documents: one object "
                "after the other, over any number of lines; found out from each file by default"),
    READ_OPTION(infer_depth, WR_OPTION_INT, "16", 0, WR_NESTED_DEPTH_MAX - 2, NULL,
                "so many levels of objects and arrays in a column are inferred as structs, lists and "
                "maps; what lies deeper stays JSON text, with 0 all that is nested"),
    READ_OPTION(map_keys, WR_OPTION_INT, "200", 1, 1000, NULL,
                "an object inside a column that has more keys than this in the sample is a map from "
                "text; fewer, a struct"),
    READ_OPTION(duplicate_keys, WR_OPTION_ENUM, "last", 0, 0, TWINS,
                "of the key of a column, read or not, or of a member of a struct, that comes twice in an object: the "
                "last or first value counts, or it is a bad row; twice in a map is a bad row"),
    READ_OPTION(unknown_keys, WR_OPTION_ENUM, "ignore", 0, 0, UNKNOWN,
                "keys that no column, or no member of a struct, has: they are passed over, or make a "
                "bad row"),
    READ_OPTION(max_depth, WR_OPTION_INT, "1024", 1, JSON_DEPTH_MAX, NULL,
                "a record with more levels of objects and arrays, itself among them, is a bad row"),
    {0},
};

static const char *const WRITE_LAYOUTS[] = {"lines", "array", NULL};
static const char *const NULLS[] = {"keep", "omit", NULL};
static const char *const NON_FINITE[] = {"null", "text", "error", NULL};

#define WRITE_OPTION(field, kind_, fallback_, choices_, help_)                                     \
    OPTION(json_write_options, field, kind_, fallback_, 0, 0, choices_, help_)

static const wr_option_def WRITE_OPTIONS[] = {
    WRITE_OPTION(layout, WR_OPTION_ENUM, "lines", WRITE_LAYOUTS,
                 "lines: one object a line; array: one array of objects"),
    WRITE_OPTION(pretty, WR_OPTION_BOOL, "false", NULL,
                 "every member of an object on a line of its own; nested values stay on theirs"),
    WRITE_OPTION(nulls, WR_OPTION_ENUM, "keep", NULLS,
                 "keep: a column that is NULL is written as null; omit: it is left out. Members of "
                 "structs are always written"),
    WRITE_OPTION(non_finite, WR_OPTION_ENUM, "null", NON_FINITE,
                 "NaN and infinities, for which JSON has no number: as null; as the texts NaN, "
                 "Infinity and -Infinity, which read back as such; or the run fails"),
    {0},
};

extern const wr_format wr_format_json;

const wr_format wr_format_json = {
    .struct_bytes = sizeof(wr_format),
    .name = "json",
    .summary = "JSON: an object a line, an array of objects, or objects one after the other",
    .endings = "json jsonl ndjson",
    .read_options = READ_OPTIONS,
    .read_options_bytes = sizeof(json_read_options),
    .write_options = WRITE_OPTIONS,
    .write_options_bytes = sizeof(json_write_options),
    .reader = &WR_JSON_READER,
    .writer = &WR_JSON_WRITER,
};
