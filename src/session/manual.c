/* session/manual.c — the reference, read straight from the tables that the parser uses; cleaning. */
#include "expr/aggregate.h"
#include "expr/function.h"
#include "expr/window.h"
#include "session/session_priv.h"
#include "yaml/pipeline.h"

#define FS(name)     extern const wr_fs_ops wr_fs_ops_##name;
#define FORMAT(name) extern const wr_format wr_format_##name;
#include "plugins/builtin.def"
#undef FS
#undef FORMAT

static const wr_format *const FORMATS[] = {
#define FS(name)
#define FORMAT(name) &wr_format_##name,
#include "plugins/builtin.def"
#undef FS
#undef FORMAT
};

enum { FORMAT_COUNT = sizeof FORMATS / sizeof FORMATS[0] };

static const struct {
    const char *name, *help;
} AGGREGATES[] = {
#define X(id, name, family, help) {name, help},
#include "expr/aggregate.def"
#undef X
};

static bool function_line(size_t index, const char **out_name, const char **out_signature,
                          const char **out_help)
{
    const wr_function_table *table;

    for (uint32_t t = 0; (table = wr_function_table_at(t)) != NULL; t++) {
        if (index < table->function_count) {
            *out_name = table->functions[index].name;
            *out_signature = table->functions[index].signature;
            *out_help = table->functions[index].help;
            return true;
        }
        index -= table->function_count;
    }
    return false;
}

/* The index-th option of a table; what is left of *io_index when the table is shorter. */
static bool table_line(const wr_option_def *def, size_t *io_index, const char **out_name,
                       const char **out_signature, const char **out_help)
{
    for (; def && def->name; def++) {
        if ((*io_index)-- > 0)
            continue;
        *out_name = def->name;
        *out_signature = def->fallback ? def->fallback : "";
        *out_help = def->help;
        return true;
    }
    return false;
}

/* Options for reading first, a line between them, then those for writing. */
static bool format_line(const wr_format *format, size_t index, const char **out_name,
                        const char **out_signature, const char **out_help)
{
    if (table_line(format->read_options, &index, out_name, out_signature, out_help))
        return true;
    if (index-- == 0) {
        bool any = format->write_options && format->write_options->name;

        *out_name = any ? "(sink)" : "(none)";
        *out_help = any ? "the options above are those of a scan, the ones below of a sink"
                        : "no options of its own; weir help scan and weir help sink list the others";
        return true;
    }
    return table_line(format->write_options, &index, out_name, out_signature, out_help);
}

static bool step_line(wr_text topic, size_t index, const char **out_name,
                      const char **out_signature, const char **out_help)
{
    size_t               keys = 0;
    const wr_option_def *options = wr_text_equal(topic, WR_TEXT("scan"))   ? WR_SCAN_OPTIONS
                                   : wr_text_equal(topic, WR_TEXT("sink")) ? WR_SINK_OPTIONS
                                                                           : NULL;

    if (wr_step_manual(topic, index, out_name, out_help)) {
        *out_signature = "key";
        return true;
    }
    while (wr_step_manual(topic, keys, out_name, out_help))
        keys++;
    index -= keys;
    if (!table_line(options, &index, out_name, out_signature, out_help))
        return false;
    *out_signature = "option";
    return true;
}

bool wr_session_manual(const char *topic, size_t index, const char **out_name,
                       const char **out_signature, const char **out_help)
{
    wr_text name = wr_text_of(topic);

    *out_signature = "";
    if (wr_text_equal(name, WR_TEXT("functions")))
        return function_line(index, out_name, out_signature, out_help);
    if (wr_text_equal(name, WR_TEXT("aggregates"))) {
        if (index >= sizeof AGGREGATES / sizeof AGGREGATES[0])
            return false;
        *out_name = AGGREGATES[index].name;
        *out_help = AGGREGATES[index].help;
        return true;
    }
    if (wr_text_equal(name, WR_TEXT("windows"))) {
        if (index >= WR_WINDOW_AGGREGATE)
            return false;
        *out_name = wr_window_name((wr_window_kind)index);
        *out_help = wr_window_help((wr_window_kind)index);
        return true;
    }
    if (wr_text_equal(name, WR_TEXT("formats"))) {
        if (index >= FORMAT_COUNT)
            return false;
        *out_name = FORMATS[index]->name;
        *out_signature = FORMATS[index]->endings;
        *out_help = FORMATS[index]->summary;
        return true;
    }
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (wr_text_equal(name, wr_text_of(FORMATS[i]->name)))
            return format_line(FORMATS[i], index, out_name, out_signature, out_help);
    return step_line(name, index, out_name, out_signature, out_help);
}

wr_status wr_session_clean(const char *folder, uint64_t *out_removed_count, wr_error *err)
{
    wr_fs fs = {&wr_fs_ops_local};

    *out_removed_count = 0;
    return fs.ops->clean(&fs, wr_text_of(folder), out_removed_count, err);
}
