/* session/manual.c — the reference, read straight from the tables that the parser uses; cleaning. */
#include "expr/aggregate.h"
#include "expr/function.h"
#include "session/session_priv.h"

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

/* Read options first, then write options that have other names. */
static bool option_line(const wr_format *format, size_t index, const char **out_name,
                        const char **out_signature, const char **out_help)
{
    for (int pass = 0; pass < 2; pass++) {
        const wr_option_def *def = pass ? format->write_options : format->read_options;

        for (; def && def->name; def++) {
            if (pass && wr_option_find(format->read_options, wr_text_of(def->name)))
                continue;
            if (index-- == 0) {
                *out_name = def->name;
                *out_signature = def->fallback ? def->fallback : "";
                *out_help = def->help;
                return true;
            }
        }
    }
    return false;
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
            return option_line(FORMATS[i], index, out_name, out_signature, out_help);
    return false;
}

wr_status wr_session_clean(const char *folder, uint64_t *out_removed_count, wr_error *err)
{
    wr_fs fs = {&wr_fs_ops_local};

    *out_removed_count = 0;
    return fs.ops->clean(&fs, wr_text_of(folder), out_removed_count, err);
}
