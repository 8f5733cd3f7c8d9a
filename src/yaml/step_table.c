/* yaml/step_table.c — steps that meet the outside: scan, generate, sink. */
#include "yaml/pipeline_priv.h"

/* --- scan ---------------------------------------------------------------------------------- */

/* A format's name, so that one that is not known is told where it stands. */
static wr_status read_format(const pipeline *p, const wr_yaml *node, wr_text *out_name,
                             wr_error *err)
{
    const wr_format *format;

    if (!node)
        return WR_OK;
    WR_TRY(wr_read_text(p, node, "format", out_name, err));
    return wr_read_locate(p, NULL, WR_FIELD_NONE, node,
                          wr_catalog_find_format(p->catalog, *out_name, &format, err), err);
}

enum {
    SCAN_SOURCE,
    SCAN_FORMAT,
    SCAN_SCHEMA,
    SCAN_OPTIONS,
    SCAN_INFER,
    SCAN_ON_ERROR,
    SCAN_MAX_ERRORS,
    SCAN_REJECT_FILE,
    SCAN_FILENAME,
    SCAN_ROW_NUMBER,
};

/* on_error: fail | skip | reject_file; `reject_file: path` alone means the last. */
static wr_status read_on_error(const pipeline *p, const step *s, const wr_yaml *const *values,
                               wr_table_spec *spec, wr_error *err)
{
    static const char *const CHOICES[] = {"fail", "skip", "reject_file", NULL};
    uint32_t                 choice = values[SCAN_REJECT_FILE] ? WR_ON_ERROR_REJECT
                                                               : WR_ON_ERROR_FAIL;

    if (values[SCAN_ON_ERROR])
        WR_TRY(wr_read_choice(p, values[SCAN_ON_ERROR], "on_error", CHOICES, &choice, err));
    if (values[SCAN_REJECT_FILE]) {
        if (choice != WR_ON_ERROR_REJECT)
            return wr_yaml_fail(&p->file, values[SCAN_REJECT_FILE], err,
                                "'reject_file' goes with on_error: reject_file");
        WR_TRY(wr_read_text(p, values[SCAN_REJECT_FILE], "reject_file", &spec->reject_path, err));
    } else if (choice == WR_ON_ERROR_REJECT) {
        return wr_yaml_fail(&p->file, values[SCAN_ON_ERROR], err,
                            "on_error: reject_file needs 'reject_file', the file for bad rows");
    }
    (void)s;
    spec->on_error = (wr_on_error)choice;
    spec->errors_max = UINT64_MAX;
    if (values[SCAN_MAX_ERRORS]) {
        if (choice == WR_ON_ERROR_FAIL)
            return wr_yaml_fail(&p->file, values[SCAN_MAX_ERRORS], err,
                                "'max_errors' goes with on_error: skip or reject_file");
        WR_TRY(wr_read_count(p, values[SCAN_MAX_ERRORS], "max_errors", &spec->errors_max, err));
    }
    return WR_OK;
}

/* Standard input comes once: a second scan of it would find nothing. */
static wr_status check_standard_input(const pipeline *p, const wr_table_spec *spec,
                                      const wr_yaml *source, wr_error *err)
{
    bool reads = false;

    for (uint32_t i = 0; i < spec->source_count; i++)
        reads |= wr_text_equal(spec->sources[i], WR_TEXT("-"));
    for (uint32_t i = 0; reads && i < p->plan->node_count; i++) {
        const wr_plan_node *node = p->plan->nodes[i];

        for (uint32_t k = 0; node->kind == WR_PLAN_SCAN && k < node->scan.table->path_count; k++)
            if (wr_text_equal(node->scan.table->paths[k], WR_TEXT("-")))
                return wr_yaml_fail(&p->file, source, err,
                                    "another scan reads standard input already: give that step an "
                                    "id and name it as input");
    }
    return WR_OK;
}

static wr_status build_scan(pipeline *p, const step *s, const wr_yaml *const *values,
                            wr_plan_node **out_node, wr_error *err)
{
    static const char *const INFER[] = {"sample", "full", NULL};
    wr_table_spec            spec = {0};
    declared                 schema;
    given_options            options;
    wr_table                *table;
    uint32_t                 infer = 0, option = WR_FIELD_NONE;
    bool                     filename = false, row_number = false;
    wr_status                status;

    WR_TRY(wr_read_require(p, s, values[SCAN_SOURCE], "source", err));
    WR_TRY(wr_read_texts(p, values[SCAN_SOURCE], "source", &spec.sources, &spec.source_count, err));
    if (spec.source_count == 0)
        return wr_yaml_fail(&p->file, values[SCAN_SOURCE], err, "'source' is an empty list");
    WR_TRY(read_format(p, values[SCAN_FORMAT], &spec.format, err));
    WR_TRY(wr_read_schema(p, values[SCAN_SCHEMA], &schema, err));
    WR_TRY(wr_read_options(p, values[SCAN_OPTIONS], &options, err));
    if (values[SCAN_INFER])
        WR_TRY(wr_read_choice(p, values[SCAN_INFER], "infer", INFER, &infer, err));
    WR_TRY(read_on_error(p, s, values, &spec, err));
    if (values[SCAN_FILENAME])
        WR_TRY(wr_read_bool(p, values[SCAN_FILENAME], "filename", &filename, err));
    if (values[SCAN_ROW_NUMBER])
        WR_TRY(wr_read_bool(p, values[SCAN_ROW_NUMBER], "row_number", &row_number, err));
    spec.declared = schema.members.field_count > 0 ? &schema.members : NULL;
    spec.has_paths = schema.paths != NULL;
    spec.has_ids = schema.first_id != NULL;
    spec.infer_full = infer == 1;
    spec.options = options.options;
    spec.option_count = options.count;
    WR_TRY(check_standard_input(p, &spec, values[SCAN_SOURCE], err));
    status = wr_table_open(p->catalog, &spec, p->open_lease, p->bump, &table, &option, err);
    if (option == WR_OPTION_PATHS || option == WR_OPTION_IDS)
        return wr_yaml_locate(&p->file, option == WR_OPTION_IDS ? schema.first_id : schema.first_path, status,
                              err);
    WR_TRY(wr_read_locate(p, &options, option, values[SCAN_SOURCE], status, err));
    status = wr_plan_add_scan(p->plan, table, filename, row_number, out_node, err);
    WR_TRY(wr_read_locate(p, &options, WR_FIELD_NONE, s->node, status, err));
    return schema.paths ? wr_take_paths(p, s, &schema, table, out_node, err) : WR_OK;
}

const step_op WR_STEP_SCAN = {
    .name = "scan",
    .summary = "reads files",
    .keys = {"source", "format", "schema", "options", "infer", "on_error", "max_errors",
             "reject_file", "filename", "row_number"},
    .helps =
        {
            "a path, a glob (* ? [ab] {a,b} and ** through folders), a folder (all its files), a list of "
            "them, or - for standard input",
            "csv, tsv, json ...; told by the ending (.csv.gz too) when not given",
            "columns whose names and types are known: a list of {name, type, nullable}, or "
            "a map from names to types; the others are inferred, [] infers all. NULL in a "
            "column with nullable: false is a bad row (in Parquet and Arrow files, if the plan reads it). In JSON a column may have a path to its "
            "value: {name: city, type: text, path: $.address.city}, also $.tags[0], $['a key'] or "
            "/address/city; NULL where a step is missing or null; columns below one member, and "
            "the elements of one list, are read together, and a bad row names that member. In Parquet a "
            "column may be told by its number in the file instead of its name: {name: town, type: text, "
            "field_id: 3}; NULL in files without that number. A column of a nested type, such as int[], "
            "struct(a int, b text) or map(text, int), is read as JSON",
            "of the format (weir help csv), and the step's own, below",
            "sample (the default: the first file that has rows tells the types) or full: "
            "every file is read twice, and types hold all values; digits with leading zeros stay "
            "text, and are bad rows where the sample had none",
            "what to do with a row that cannot be read: fail (the default), skip, "
            "reject_file",
            "more bad rows than this fail the run",
            "CSV file for bad rows: file, line (row, in files without lines), byte_offset, column, reason, raw; replaced "
            "by every run",
            "true adds the column filename",
            "true adds the column row_number: place in its file, from 1; bad rows count",
        },
    .input_count = 0,
    .build = build_scan,
};

/* --- generate ------------------------------------------------------------------------------ */

enum { GENERATE_ROWS, GENERATE_COLUMNS, GENERATE_SEED };

static wr_status build_generate(pipeline *p, const step *s, const wr_yaml *const *values,
                                wr_plan_node **out_node, wr_error *err)
{
    static wr_field COUNTER = {.name = {"i", 1}, .type = {.logical = WR_TYPE_I64}};
    wr_schema       schema = {1, &COUNTER};
    wr_scope        scope = {.left = &schema, .where = "generate"};
    item_list       items = {0};
    wr_expr       **exprs;
    wr_text        *names;
    uint64_t        row_count, seed = 0;
    wr_status       status;

    WR_TRY(wr_read_require(p, s, values[GENERATE_ROWS], "rows", err));
    WR_TRY(wr_read_require(p, s, values[GENERATE_COLUMNS], "columns", err));
    WR_TRY(wr_read_count(p, values[GENERATE_ROWS], "rows", &row_count, err));
    if (values[GENERATE_SEED])
        WR_TRY(wr_read_count(p, values[GENERATE_SEED], "seed", &seed, err));
    WR_TRY(wr_read_items(p, s, &scope, values[GENERATE_COLUMNS], NULL, &items, err));
    if (items.count == 0)
        return wr_yaml_fail(&p->file, values[GENERATE_COLUMNS], err, "generate needs a column");
    WR_TRY(wr_items_split(p, &items, &exprs, &names, err));
    status = wr_plan_add_generate(p->plan, row_count, seed, exprs, names, items.count, out_node,
                                  err);
    return wr_read_locate(p, NULL, WR_FIELD_NONE, s->node, status, err);
}

const step_op WR_STEP_GENERATE = {
    .name = "generate",
    .summary = "makes rows",
    .keys = {"rows", "columns", "seed"},
    .helps =
        {
            "how many",
            "a map from names to expressions over i (0, 1, 2 ...) and random functions",
            "of the random functions; one seed gives the same data for any number of "
            "threads",
        },
    .input_count = 0,
    .build = build_generate,
};

/* --- sink ---------------------------------------------------------------------------------- */

enum {
    SINK_DESTINATION, SINK_FORMAT, SINK_OPTIONS, SINK_MODE, SINK_PARTITION_BY, SINK_FILE_ROWS,
    SINK_FILE_BYTES
};

static wr_status find_column(pipeline *p, const wr_schema *schema, const wr_yaml *where, wr_text name,
                             uint32_t *out_column, wr_error *err)
{
    wr_suggest suggest;

    *out_column = wr_schema_find(schema, name, NULL);
    if (*out_column != WR_FIELD_NONE)
        return WR_OK;
    wr_suggest_init(&suggest, name);
    for (uint32_t i = 0; i < schema->field_count; i++)
        wr_suggest_offer(&suggest, schema->fields[i].name);
    (void)WR_RAISE(err, WR_INVALID, "unknown column '%.*s' in partition_by", WR_TEXT_ARG(name));
    wr_suggest_append(&suggest, err);
    return wr_yaml_locate(&p->file, where, WR_INVALID, err);
}

/* Rows of one partition become neighbours, in the order in which they come. */
static wr_status sort_partitions(pipeline *p, const wr_plan_folder *folder, wr_plan_node *input,
                                 wr_plan_node **out_node, wr_error *err)
{
    wr_plan_key *keys = WR_BUMP_NEW_ARRAY(p->bump, wr_plan_key, folder->partition_count, err);

    if (!keys)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < folder->partition_count; i++) {
        const wr_field *field = &input->schema.fields[folder->partitions[i]];

        keys[i].expr = wr_expr_column(p->bump, folder->partitions[i], field->type, field->nullable,
                                      err);
        if (!keys[i].expr)
            return WR_NO_MEMORY;
    }
    return wr_plan_add_sort(p->plan, input, keys, folder->partition_count, 0, UINT64_MAX, out_node,
                            err);
}

/* Several files, if one of these keys is given. */
static wr_status read_folder(pipeline *p, const wr_yaml *const *values, const wr_schema *schema,
                             wr_plan_folder *out, wr_error *err)
{
    const wr_text *names = NULL;
    uint32_t      *columns;

    *out = (wr_plan_folder){.file_rows = UINT64_MAX, .file_bytes = UINT64_MAX};
    if (values[SINK_PARTITION_BY])
        WR_TRY(wr_read_texts(p, values[SINK_PARTITION_BY], "partition_by", &names,
                             &out->partition_count, err));
    if (values[SINK_FILE_ROWS])
        WR_TRY(wr_read_count(p, values[SINK_FILE_ROWS], "file_rows", &out->file_rows, err));
    if (values[SINK_FILE_BYTES])
        WR_TRY(wr_read_bytes(p, values[SINK_FILE_BYTES], "file_bytes", &out->file_bytes, err));
    if (out->file_rows == 0 || out->file_bytes == 0)
        return wr_yaml_fail(&p->file, values[out->file_rows ? SINK_FILE_BYTES : SINK_FILE_ROWS], err,
                            "a file of nothing never ends: give a number above 0");
    out->is_wanted = out->partition_count > 0 || values[SINK_FILE_ROWS] || values[SINK_FILE_BYTES];
    columns = WR_BUMP_NEW_ARRAY(p->bump, uint32_t, out->partition_count + 1, err);
    if (!columns)
        return WR_NO_MEMORY;
    out->partitions = columns;
    for (uint32_t i = 0; i < out->partition_count; i++)
        WR_TRY(find_column(p, schema, values[SINK_PARTITION_BY], names[i], &columns[i], err));
    return WR_OK;
}

static wr_status build_sink(pipeline *p, const step *s, const wr_yaml *const *values,
                            wr_plan_node **out_node, wr_error *err)
{
    wr_text       destination, format = {NULL, 0}, mode = {NULL, 0};
    given_options options;
    wr_target    *target;
    wr_plan_node  *input = s->inputs[0];
    wr_plan_folder folder;
    uint32_t      option = WR_FIELD_NONE, choice;
    wr_status     status;

    WR_TRY(wr_read_require(p, s, values[SINK_DESTINATION], "destination", err));
    WR_TRY(wr_read_text(p, values[SINK_DESTINATION], "destination", &destination, err));
    WR_TRY(read_format(p, values[SINK_FORMAT], &format, err));
    if (values[SINK_MODE]) {
        WR_TRY(wr_read_choice(p, values[SINK_MODE], "mode", WR_SINK_MODES, &choice, err));
        mode = wr_text_of(WR_SINK_MODES[choice]);
    }
    WR_TRY(wr_read_options(p, values[SINK_OPTIONS], &options, err));
    status = wr_target_open(p->catalog, destination, format, mode, options.options, options.count,
                            p->bump, &target, &option, err);
    WR_TRY(wr_read_locate(p, &options, option, values[SINK_DESTINATION], status, err));
    WR_TRY(read_folder(p, values, &input->schema, &folder, err));
    status = WR_OK;
    if (folder.partition_count > 0)
        status = sort_partitions(p, &folder, input, &input, err);
    if (status == WR_OK)
        status = wr_plan_add_sink(p->plan, input, target, folder.is_wanted ? &folder : NULL, out_node,
                                  err);
    return wr_read_locate(p, &options, WR_FIELD_NONE, s->node, status, err);
}

const step_op WR_STEP_SINK = {
    .name = "sink",
    .summary = "writes a file, or a folder of files",
    .keys = {"destination", "format", "options", "mode", "partition_by", "file_rows", "file_bytes"},
    .helps =
        {
            "a path, or stdout; it appears whole or not at all",
            "csv, tsv, json ...; told by the ending when not given",
            "of the format (weir help csv), and the step's own, below",
            "when it exists already: error (the default), overwrite, ignore; a folder: append too",
            "columns that go into folders, year=2026/month=1, instead of the files; the destination is a "
            "folder. Any number of partitions: rows are sorted by them first",
            "a file ends after so many rows; the destination is a folder",
            "a file ends where it has about so many bytes (64MB): with the batch that brings it there, "
            "or the block of a columnar format; the destination is a folder",
        },
    .input_count = 1,
    .build = build_sink,
};
