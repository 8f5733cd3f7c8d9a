/* catalog/table.c — from what a scan or sink step says to an opened table or target.
 *
 * Opening a table: list the sources -> settle the format -> parse its options -> look at a bounded
 * sample of the first file for dialect and schema. Only the sample touches data; its buffers come
 * from the *open* lease and are given back before the call returns.
 * `codec` and `encoding` are options of every file scan, not of a format. */
#include "catalog/catalog.h"
#include "io/input.h"

/* Options that belong to the step whatever the format. */
typedef struct common_options {
    int32_t codec, encoding;
    int64_t level;
} common_options;

static const wr_option_def COMMON_OPTIONS[] = {
    {"compression", WR_OPTION_ENUM, 0, offsetof(common_options, codec), "auto", 0, 0,
     WR_CODEC_NAMES, "auto (by content, then by ending), none, gzip or zstd"},
    {"encoding", WR_OPTION_ENUM, 0, offsetof(common_options, encoding), NULL, 0, 0,
     WR_ENCODING_NAMES, "text encoding of the files; output is always UTF-8"},
    {"compression_level", WR_OPTION_INT, 0, offsetof(common_options, level), "0", 0, 22, NULL,
     "level of the output's codec; 0 is the codec's default"},
    {NULL, WR_OPTION_BOOL, 0, 0, NULL, 0, 0, NULL, NULL},
};

static wr_status parse_options(const wr_option_def *defs, void *options, common_options *common,
                               const wr_given_option *given, uint32_t given_count,
                               uint32_t *out_option, wr_error *err)
{
    for (uint32_t i = 0; i < given_count; i++) {
        bool      is_common = wr_option_find(COMMON_OPTIONS, given[i].name) != NULL;
        wr_status status = wr_option_set(is_common ? COMMON_OPTIONS : defs,
                                         is_common ? (void *)common : options, given[i].name,
                                         given[i].value, err);

        if (status != WR_OK) {
            *out_option = i;
            return status;
        }
    }
    return WR_OK;
}

static wr_status new_options(const wr_option_def *defs, uint32_t options_bytes,
                             const wr_format *format, wr_text path, wr_bump *bump,
                             void **out_options, wr_error *err)
{
    void *options = wr_bump_alloc(bump, options_bytes ? options_bytes : 1, err);

    if (!options)
        return WR_NO_MEMORY;
    wr_options_default(defs, options);
    if (format->adjust)
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
        if (wr_text_equal(spec->sources[i], WR_TEXT("-"))) {
            WR_TRY(add_path(&list, WR_TEXT("-"), &(wr_fs_info){0}, err));
            continue;
        }
        WR_TRY(fs->ops->list(fs, spec->sources[i], bump, add_path, &list, err));
        if (table->path_count == before)
            return WR_RAISE(err, WR_NOT_FOUND,
                            "no file matches '%.*s' (relative paths start at the working folder)",
                            WR_TEXT_ARG(spec->sources[i]));
    }
    return WR_OK;
}

enum { HEAD_BYTES = 384 * 1024 }; /* of standard input: a sample and what a codec reads ahead */

/* ---- The sample ----------------------------------------------------------------------------------- */

/* Standard input comes once: what the sample takes of it is kept for the scan. */
static wr_status record_head(wr_table *table, wr_fs_reader *reader, wr_bump *sample_bump,
                             wr_bump *bump, wr_fs_reader **out_reader, wr_error *err)
{
    table->head = (wr_head){wr_bump_alloc(bump, HEAD_BYTES, err), 0, HEAD_BYTES};
    if (!table->head.bytes)
        return WR_NO_MEMORY;
    return wr_head_record(reader, &table->head, sample_bump, out_reader, err);
}

static wr_status infer_from(const wr_table_spec *spec, wr_table *table, wr_bump *sample_bump,
                            wr_bump *bump, wr_error *err)
{
    wr_fs_reader *reader;
    wr_input     *input, *text;
    wr_status     status;

    WR_TRY(table->fs->ops->open_read(table->fs, table->paths[0], sample_bump, &reader, err));
    if (wr_text_equal(table->paths[0], WR_TEXT("-")))
        WR_TRY(record_head(table, reader, sample_bump, bump, &reader, err));
    WR_TRY(wr_input_open(reader, table->codec, sample_bump, &input, err));
    status = wr_input_transcode(input, table->encoding, sample_bump, &text, err);
    if (status == WR_OK) {
        status = table->format->reader->infer(table->options, spec->declared, table->paths[0],
                                              text, spec->infer_full, bump, &table->schema, err);
        wr_input_close(text);
    } else {
        wr_input_close(input);
    }
    return status;
}

/* A pipe in the file system must say its columns: the sample would be lost. */
static wr_status check_rereadable(const wr_table *table, wr_error *err)
{
    wr_fs_info info = {0};

    if (wr_text_equal(table->paths[0], WR_TEXT("-")))
        return WR_OK;
    WR_TRY(table->fs->ops->stat(table->fs, table->paths[0], &info, err));
    if (info.seekable)
        return WR_OK;
    return WR_RAISE(err, WR_UNSUPPORTED,
                    "'%.*s' is a stream that can be read only once: give its columns with schema:",
                    WR_TEXT_ARG(table->paths[0]));
}

static wr_status settle_schema(const wr_table_spec *spec, wr_table *table, wr_lease *open_lease,
                               wr_bump *bump, wr_error *err)
{
    bool      declared = spec->declared && spec->declared->field_count > 0;
    bool      is_stream = wr_text_equal(table->paths[0], WR_TEXT("-"));
    wr_bump   sample_bump;
    wr_status status;

    if (declared && is_stream) {
        table->schema = *spec->declared;
        return WR_OK;
    }
    WR_TRY(check_rereadable(table, err));
    wr_bump_init(&sample_bump, open_lease);
    status = infer_from(spec, table, &sample_bump, bump, err);
    wr_bump_release(&sample_bump);
    return status;
}

wr_status wr_table_open(const wr_catalog *catalog, const wr_table_spec *spec, wr_lease *open_lease,
                        wr_bump *bump, wr_table **out_table, uint32_t *out_option, wr_error *err)
{
    wr_table      *table = WR_BUMP_NEW(bump, wr_table, err);
    common_options common = {0};

    *out_option = WR_FIELD_NONE;
    if (!table)
        return WR_NO_MEMORY;
    wr_options_default(COMMON_OPTIONS, &common);
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
    WR_TRY(new_options(table->format->read_options, table->format->read_options_bytes,
                       table->format, table->paths[0], bump, &table->options, err));
    WR_TRY(parse_options(table->format->read_options, table->options, &common, spec->options,
                         spec->option_count, out_option, err));
    table->codec = (wr_codec)common.codec;
    table->encoding = (wr_encoding_name)common.encoding;
    table->on_error = spec->on_error;
    table->errors_max = spec->errors_max;
    table->reject_path = spec->reject_path;
    if (spec->on_error == WR_ON_ERROR_REJECT)
        WR_TRY(wr_catalog_find_fs(catalog, spec->reject_path, &table->reject_fs, err));
    WR_TRY(settle_schema(spec, table, open_lease, bump, err));
    *out_table = table;
    return WR_OK;
}

/* ---- Targets ----------------------------------------------------------------------------------------- */

static wr_status parse_mode(wr_text mode, wr_fs_mode *out_mode, wr_error *err)
{
    static const char *const NAMES[] = {"error", "overwrite", "append", "ignore"};
    wr_suggest               suggest;

    *out_mode = WR_FS_ERROR;
    if (mode.byte_count == 0)
        return WR_OK;
    wr_suggest_init(&suggest, mode);
    for (uint32_t i = 0; i < 4; i++) {
        if (wr_text_equal_nocase(mode, wr_text_of(NAMES[i]))) {
            *out_mode = (wr_fs_mode)i;
            return WR_OK;
        }
        wr_suggest_offer(&suggest, wr_text_of(NAMES[i]));
    }
    (void)WR_RAISE(err, WR_INVALID, "unknown sink mode '%.*s'", WR_TEXT_ARG(mode));
    wr_suggest_append(&suggest, err);
    wr_error_append(err, " (modes: error, overwrite, append, ignore)");
    return WR_INVALID;
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
    wr_target     *target = WR_BUMP_NEW(bump, wr_target, err);
    common_options common = {0};

    *out_option = WR_FIELD_NONE;
    if (!target)
        return WR_NO_MEMORY;
    wr_options_default(COMMON_OPTIONS, &common);
    target->path = wr_text_equal(destination, WR_TEXT("stdout")) ? WR_TEXT("-") : destination;
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
    if (!target->format->writer)
        return WR_RAISE(err, WR_UNSUPPORTED, "format '%s' cannot be written",
                        target->format->name);
    WR_TRY(new_options(target->format->write_options, target->format->write_options_bytes,
                       target->format, target->path, bump, &target->options, err));
    WR_TRY(parse_options(target->format->write_options, target->options, &common, options,
                         option_count, out_option, err));
    WR_TRY(parse_mode(mode, &target->mode, err));
    target->codec = common.codec == WR_CODEC_AUTO ? codec_of_path(target->path)
                                                  : (wr_codec)common.codec;
    target->level = (int)common.level;
    *out_target = target;
    return WR_OK;
}
