/* catalog/table.c — from what a scan or sink step says to an opened table or target.
 *
 * Opening a table: list the sources -> settle the format -> parse its options -> settle dialect and
 * schema by samples (sample.c). Only the samples touch data; what they open comes from the *open*
 * lease and is given back before the call returns.
 * Compression and encoding are options of the step, but for formats that have such options of their
 * own: those compress inside. */
#include "catalog/catalog_priv.h"

#include "io/output.h"

/* Options that belong to the step whatever the format. */
typedef struct step_options {
    int32_t codec;
    wr_text encoding;
    int64_t level;
    int32_t hive;
    bool    by_name;
} step_options;

static const char *const HIVE_NAMES[] = {"auto", "true", "false", NULL}; /* of wr_hive_wanted */


const wr_option_def WR_SCAN_OPTIONS[] = {
    {"compression", WR_OPTION_ENUM, 0, offsetof(step_options, codec), "auto", 0, 0, WR_CODEC_NAMES,
     "auto (by content, then by ending .gz, .zst, .lz4, .bz2 or .xz), none, gzip, zstd, lz4, bz2 or xz"},
    {"encoding", WR_OPTION_TEXT, 0, offsetof(step_options, encoding), "utf8", 0, 0, NULL,
     "of the text: utf8, utf16 (by its mark), utf16le, utf16be, latin1 or windows1252, in any usual "
     "spelling; output is always UTF-8"},
    {"hive_partitioning", WR_OPTION_ENUM, 0, offsetof(step_options, hive), "auto", 0, 0, HIVE_NAMES,
     "folders such as year=2026 on the way to the files are columns: auto (where all paths have the "
     "same ones), true or false; files that a filter on them rules out are not read"},
    {"union_by_name", WR_OPTION_BOOL, 0, offsetof(step_options, by_name), "false", 0, 0, NULL,
     "true: all files are sampled, the columns are those of all of them, and NULL where a file lacks "
     "one"},
    {NULL, WR_OPTION_BOOL, 0, 0, NULL, 0, 0, NULL, NULL},
};

const wr_option_def WR_SINK_OPTIONS[] = {
    {"compression", WR_OPTION_ENUM, 0, offsetof(step_options, codec), "auto", 0, 0, WR_CODEC_NAMES,
     "auto (by the ending .gz, .zst, .lz4, .bz2 or .xz), none, gzip, zstd, lz4, bz2 or xz"},
    {"compression_level", WR_OPTION_INT, 0, offsetof(step_options, level), "0", 0, 22, NULL,
     "level of the codec: gzip 1 to 9, zstd 1 to 22, bz2 1 to 9, xz 1 to 9; 0 is the codec's default (6, "
     "3, 4 and 3)"},
    {NULL, WR_OPTION_BOOL, 0, 0, NULL, 0, 0, NULL, NULL},
};

/* Both tables' names behind an error about one that is in neither. */
static void append_names(const wr_option_def *step_defs, const wr_option_def *defs, wr_error *err)
{
    const char *before = " (options: ";

    for (int pass = 0; pass < 2; pass++) {
        for (const wr_option_def *def = pass ? step_defs : defs; def->name; def++) {
            wr_error_append(err, "%s%s", before, def->name);
            before = ", ";
        }
    }
    wr_error_append(err, ")");
}

static wr_status parse_options(const wr_option_def *step_defs, step_options *step,
                               const wr_option_def *defs, void *options,
                               const wr_given_option *given, uint32_t given_count,
                               uint32_t *out_option, wr_error *err)
{
    for (uint32_t i = 0; i < given_count; i++) {
        bool      is_step = !wr_option_find(defs, given[i].name) &&
                            wr_option_find(step_defs, given[i].name);
        wr_status status = wr_option_set(is_step ? step_defs : defs,
                                         is_step ? (void *)step : options, given[i].name,
                                         given[i].value, err);

        if (status != WR_OK) {
            *out_option = i;
            if (!is_step && !wr_option_find(defs, given[i].name))
                append_names(step_defs, defs, err);
            return status;
        }
    }
    return WR_OK;
}

/* The place of an option that is wrong in itself. */
static uint32_t place_of(const wr_given_option *given, uint32_t given_count, const char *name)
{
    for (uint32_t i = 0; i < given_count; i++) {
        if (wr_text_equal(given[i].name, wr_text_of(name)))
            return i;
    }
    return WR_FIELD_NONE;
}

/* `form` is what the step calls its format: "tsv" says as much as the ending of a path. */
static wr_status new_options(const wr_option_def *defs, uint32_t options_bytes,
                             const wr_format *format, wr_text path, wr_text form, wr_bump *bump,
                             void **out_options, wr_error *err)
{
    void *options = wr_bump_alloc(bump, options_bytes ? options_bytes : 1, err);

    if (!options)
        return WR_NO_MEMORY;
    wr_options_default(defs, options);
    if (format->adjust && !wr_text_equal_nocase(form, wr_text_of(format->name)) && form.byte_count)
        format->adjust(options, form);
    else if (format->adjust)
        format->adjust(options, path);
    *out_options = options;
    return WR_OK;
}

/* ---- Listing ------------------------------------------------------------------------------------ */

typedef struct path_list {
    wr_table *table;
    wr_bump  *bump;
    uint32_t  capacity;
} path_list;

static wr_status add_path(void *self, wr_text path, const wr_fs_info *info, wr_error *err)
{
    path_list *list = self;
    wr_table  *table = list->table;

    if (info->is_folder)
        return WR_OK;
    if (table->path_count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 8;
        wr_text *paths = WR_BUMP_NEW_ARRAY(list->bump, wr_text, capacity, err);

        if (!paths)
            return WR_NO_MEMORY;
        if (table->path_count)
            memcpy(paths, table->paths, table->path_count * sizeof paths[0]);
        table->paths = paths;
        list->capacity = capacity;
    }
    table->paths[table->path_count++] = path;
    table->bytes_total += info->bytes;
    return WR_OK;
}

static bool is_standard_input(wr_text source)
{
    return wr_text_equal(source, WR_TEXT("-")) || wr_text_equal(source, WR_TEXT("/dev/stdin"));
}

/* It comes once, so it is named once. */
static wr_status add_standard_input(path_list *list, wr_error *err)
{
    for (uint32_t i = 0; i < list->table->path_count; i++) {
        if (wr_text_equal(list->table->paths[i], WR_TEXT("-")))
            return WR_RAISE(err, WR_INVALID, "standard input is named twice: it can be read once");
    }
    return add_path(list, WR_TEXT("-"), &(wr_fs_info){0}, err);
}

static wr_status raise_no_file(wr_fs *fs, wr_text source, wr_error *err)
{
    wr_fs_info info = {0};
    wr_text    name = source;

    while (name.byte_count > 1 && name.bytes[name.byte_count - 1] == '/')
        name.byte_count--;
    if (fs->ops->stat(fs, name, &info, err) == WR_OK && info.is_folder)
        return WR_RAISE(err, WR_NOT_FOUND,
                        "there is no file in the folder '%.*s' (names that begin with '.' or '_' are "
                        "passed over)", WR_TEXT_ARG(name));
    wr_error_clear(err);
    return WR_RAISE(err, WR_NOT_FOUND,
                    "no file matches '%.*s' (relative paths start at the working folder)",
                    WR_TEXT_ARG(source));
}

/* A folder is all files in it and in its folders. */
static wr_status list_source(wr_fs *fs, wr_text source, path_list *list, wr_error *err)
{
    wr_fs_info  info = {0};
    const char *slash = wr_text_ends_with(source, WR_TEXT("/")) ? "" : "/";
    const char *all;

    if (fs->ops->stat(fs, source, &info, err) != WR_OK)
        wr_error_clear(err);
    if (!info.is_folder)
        return fs->ops->list(fs, source, list->bump, add_path, list, err);
    all = wr_bump_printf(list->bump, err, "%.*s%s**", WR_TEXT_ARG(source), slash);
    return all ? fs->ops->list(fs, wr_text_of(all), list->bump, add_path, list, err) : WR_NO_MEMORY;
}

static wr_status list_sources(const wr_catalog *catalog, const wr_table_spec *spec,
                              wr_table *table, wr_bump *bump, wr_error *err)
{
    path_list list = {table, bump, 0};

    for (uint32_t i = 0; i < spec->source_count; i++) {
        uint32_t before = table->path_count;
        wr_fs   *fs;

        WR_TRY(wr_catalog_find_fs(catalog, spec->sources[i], &fs, err));
        if (table->fs && table->fs != fs)
            return WR_RAISE(err, WR_UNSUPPORTED, "one scan reads from one file system only");
        table->fs = fs;
        if (is_standard_input(spec->sources[i])) {
            WR_TRY(add_standard_input(&list, err));
            continue;
        }
        WR_TRY(list_source(fs, spec->sources[i], &list, err));
        if (table->path_count == before)
            return raise_no_file(fs, spec->sources[i], err);
    }
    return WR_OK;
}

/* Bad rows are written as plain CSV: another ending would say what is not so. */
static wr_status open_rejects(const wr_catalog *catalog, wr_table *table, wr_error *err)
{
    const wr_format *format = wr_catalog_guess_format(catalog, table->reject_path);

    if (wr_codec_detect(table->reject_path, NULL, 0) != WR_CODEC_NONE ||
        (format && format != catalog->formats[0]))
        return WR_RAISE(err, WR_INVALID, "bad rows are kept as plain CSV: give reject_file '%.*s' "
                        "the ending .csv", WR_TEXT_ARG(table->reject_path));
    return wr_catalog_find_fs(catalog, table->reject_path, &table->reject_fs, err);
}

/* Can the format tell columns in the ways that the schema asks for? */
static wr_status check_declared(const wr_table_spec *spec, const wr_format *format, uint32_t *out_option,
                                wr_error *err)
{
    if (spec->has_paths && !format->reader->takes_paths) {
        *out_option = WR_OPTION_PATHS;
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "records of the format '%s' have no paths, those of json do: leave path: out",
                        format->name);
    }
    if (spec->has_ids && !format->reader->takes_ids) {
        *out_option = WR_OPTION_IDS;
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "columns of the format '%s' have no field ids, those of parquet do: leave "
                        "field_id: out", format->name);
    }
    return WR_OK;
}

wr_status wr_table_open(const wr_catalog *catalog, const wr_table_spec *spec, wr_lease *open_lease,
                        wr_bump *bump, wr_table **out_table, uint32_t *out_option, wr_error *err)
{
    wr_table    *table = WR_BUMP_NEW(bump, wr_table, err);
    step_options step = {0};

    *out_option = WR_FIELD_NONE;
    if (!table)
        return WR_NO_MEMORY;
    wr_options_default(WR_SCAN_OPTIONS, &step);
    WR_TRY(list_sources(catalog, spec, table, bump, err));
    if (spec->format.byte_count)
        WR_TRY(wr_catalog_find_format(catalog, spec->format, &table->format, err));
    else
        table->format = wr_catalog_guess_format(catalog, table->paths[0]);
    if (!table->format && wr_text_equal(table->paths[0], WR_TEXT("-")))
        table->format = catalog->formats[0];
    if (!table->format)
        return WR_RAISE(err, WR_INVALID, "cannot tell the format of '%.*s' by its name: say format:",
                        WR_TEXT_ARG(table->paths[0]));
    if (!table->format->reader)
        return WR_RAISE(err, WR_UNSUPPORTED, "format '%s' cannot be read", table->format->name);
    WR_TRY(check_declared(spec, table->format, out_option, err));
    WR_TRY(new_options(table->format->read_options, table->format->read_options_bytes,
                       table->format, table->paths[0], spec->format, bump, &table->options, err));
    WR_TRY(parse_options(WR_SCAN_OPTIONS, &step, table->format->read_options, table->options,
                         spec->options, spec->option_count, out_option, err));
    table->codec = (wr_codec)step.codec;
    *out_option = place_of(spec->options, spec->option_count, "encoding");
    WR_TRY(wr_encoding_parse(step.encoding, &table->encoding, err));
    *out_option = WR_FIELD_NONE;
    if (table->format->reader->check)
        WR_TRY(table->format->reader->check(table->options, err));
    table->on_error = spec->on_error;
    table->errors_max = spec->errors_max;
    table->reject_path = spec->reject_path;
    if (spec->on_error == WR_ON_ERROR_REJECT)
        WR_TRY(open_rejects(catalog, table, err));
    table->by_name = step.by_name;
    WR_TRY(wr_table_probe(table, open_lease, err));
    WR_TRY(wr_table_sample(spec, table, open_lease, bump, err));
    WR_TRY(wr_table_probe_stream(table, err));
    WR_TRY(wr_table_find_partitions(table, (wr_hive_wanted)step.hive, bump, err));
    *out_table = table;
    return WR_OK;
}

/* ---- Targets ----------------------------------------------------------------------------------------- */

const char *const WR_SINK_MODES[] = {"error", "overwrite", "append", "ignore", NULL};

static wr_status parse_mode(wr_text mode, wr_fs_mode *out_mode, wr_error *err)
{
    wr_suggest suggest;

    *out_mode = WR_FS_ERROR;
    if (mode.byte_count == 0)
        return WR_OK;
    wr_suggest_init(&suggest, mode);
    for (uint32_t i = 0; WR_SINK_MODES[i]; i++) {
        if (wr_text_equal_nocase(mode, wr_text_of(WR_SINK_MODES[i]))) {
            *out_mode = (wr_fs_mode)i;
            return WR_OK;
        }
        wr_suggest_offer(&suggest, wr_text_of(WR_SINK_MODES[i]));
    }
    (void)WR_RAISE(err, WR_INVALID, "unknown sink mode '%.*s'", WR_TEXT_ARG(mode));
    wr_suggest_append(&suggest, err);
    wr_error_append(err, " (modes: error, overwrite, append, ignore)");
    return WR_INVALID;
}

static bool is_standard_output(wr_text destination)
{
    return wr_text_equal(destination, WR_TEXT("stdout")) ||
           wr_text_equal(destination, WR_TEXT("/dev/stdout"));
}

static wr_codec codec_of_path(wr_text path)
{
    return wr_codec_detect(path, NULL, 0);
}

wr_status wr_target_open(const wr_catalog *catalog, wr_text destination, wr_text format,
                         wr_text mode, const wr_given_option *options, uint32_t option_count,
                         wr_bump *bump, wr_target **out_target, uint32_t *out_option,
                         wr_error *err)
{
    wr_target   *target = WR_BUMP_NEW(bump, wr_target, err);
    step_options step = {0};
    wr_status (*check)(const void *options, wr_error *err);

    *out_option = WR_FIELD_NONE;
    if (!target)
        return WR_NO_MEMORY;
    wr_options_default(WR_SINK_OPTIONS, &step);
    if (destination.byte_count == 0)
        return WR_RAISE(err, WR_INVALID, "the destination is empty (standard output is '-')");
    target->path = is_standard_output(destination) ? WR_TEXT("-") : destination;
    WR_TRY(wr_catalog_find_fs(catalog, target->path, &target->fs, err));
    if (format.byte_count)
        WR_TRY(wr_catalog_find_format(catalog, format, &target->format, err));
    else
        target->format = wr_catalog_guess_format(catalog, target->path);
    if (!target->format && wr_text_equal(target->path, WR_TEXT("-")))
        target->format = catalog->formats[0];
    if (!target->format)
        return WR_RAISE(err, WR_INVALID, "cannot tell the format of '%.*s' by its name: say format:",
                        WR_TEXT_ARG(target->path));
    if (!target->format->writer && !target->format->block_writer)
        return WR_RAISE(err, WR_UNSUPPORTED, "format '%s' cannot be written",
                        target->format->name);
    WR_TRY(new_options(target->format->write_options, target->format->write_options_bytes,
                       target->format, target->path, format, bump, &target->options, err));
    WR_TRY(parse_options(WR_SINK_OPTIONS, &step, target->format->write_options, target->options,
                         options, option_count, out_option, err));
    check = target->format->writer ? target->format->writer->check
                                   : target->format->block_writer->check;
    if (check)
        WR_TRY(check(target->options, err));
    WR_TRY(parse_mode(mode, &target->mode, err));
    target->codec = step.codec == WR_CODEC_AUTO ? codec_of_path(target->path)
                                                  : (wr_codec)step.codec;
    if (target->format->block_writer && step.codec == WR_CODEC_AUTO)
        target->codec = WR_CODEC_NONE;
    target->level = (int)step.level;
    WR_TRY(wr_codec_require_encoder(target->codec, err));
    *out_option = place_of(options, option_count, "compression_level");
    WR_TRY(wr_output_check_level(target->codec, target->level, err));
    *out_option = WR_FIELD_NONE;
    *out_target = target;
    return WR_OK;
}
