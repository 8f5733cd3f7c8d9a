/* catalog/sample.c — the schema of a table from samples of its files.
 *
 * Usually one file is looked at: the first in which a column has a value. Files without a record
 * tell nothing, those with a header alone tell names. With infer: full every file is read, and
 * columns of one name get a type that holds the values of all.
 * Invariants
 *  1. The first file that has columns settles the options of the format.
 *  2. Nothing stays in the plan pool but the schema: samples are dropped before the next one.
 *  3. A stream is sampled through a recorder (io/head.h); at most one of a table.
 * Memory: handles and codecs in the open lease, one sample at a time in the plan pool. */
#include "catalog/catalog_priv.h"

#include "io/input.h"

enum {
    HEAD_BYTES = 384 * 1024, /* of a stream: a sample and what a codec reads ahead */
    FILES_MAX = 1000,        /* to look at for a first value                       */
};

/* ---- Streams ---------------------------------------------------------------------------------- */

/* Standard input, or a pipe that this process was given: opened again it goes on where it was. */
static bool can_be_recorded(wr_text path)
{
    return wr_text_equal(path, WR_TEXT("-")) || wr_text_starts_with(path, WR_TEXT("/dev/fd/")) ||
           wr_text_starts_with(path, WR_TEXT("/proc/self/fd/"));
}

static wr_status record_stream(wr_table *table, wr_fs_reader *reader, wr_bump *open_bump,
                               wr_bump *bump, wr_fs_reader **out_reader, wr_error *err)
{
    if (!can_be_recorded(reader->path))
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "'%.*s' is a stream, and what is sampled of it would be lost: read it as "
                        "standard input (source: \"-\")",
                        WR_TEXT_ARG(reader->path));
    if (table->head.bytes)
        return WR_RAISE(err, WR_UNSUPPORTED, "'%.*s' is the second stream to be sampled: give the "
                        "columns with schema:", WR_TEXT_ARG(reader->path));
    table->head = (wr_head){.bytes = wr_bump_alloc(bump, HEAD_BYTES, err),
                            .capacity = HEAD_BYTES};
    if (!table->head.bytes)
        return WR_NO_MEMORY;
    return wr_head_record(reader, &table->head, open_bump, out_reader, err);
}

/* ---- One file --------------------------------------------------------------------------------- */

/* Closes the reader. */
static wr_status infer_reader(const wr_table_spec *spec, wr_table *table, wr_text path,
                              wr_fs_reader *reader, wr_bump *open_bump, wr_bump *bump,
                              wr_schema *out_schema, wr_error *err)
{
    const wr_format *format = table->format;
    wr_input_want    want = {table->codec, table->encoding,
                             format->reader->access == WR_ACCESS_RANDOM ? format->name : NULL};
    wr_file_reader   file = {.path = path};
    bool             plain;
    wr_status        status;

    WR_TRY(wr_input_open_file(reader, &want, open_bump, &file.input, &plain, err));
    file.raw = plain ? reader : NULL;
    status = format->reader->infer(table->options, spec->declared, &file, spec->infer_full, bump,
                                   out_schema, err);
    if (file.input)
        wr_input_close(file.input);
    else
        reader->ops->close(reader);
    return status;
}

static wr_status copy_schema(const wr_schema *from, wr_bump *bump, wr_schema *out_schema,
                             wr_error *err)
{
    wr_schema schema = {from->field_count,
                        WR_BUMP_NEW_ARRAY(bump, wr_field, (size_t)from->field_count + 1, err)};

    if (!schema.fields)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < from->field_count; i++) {
        char *name = wr_bump_copy(bump, from->fields[i].name, err);

        if (!name)
            return WR_NO_MEMORY;
        schema.fields[i] = from->fields[i];
        schema.fields[i].name.bytes = name;
    }
    *out_schema = schema;
    return WR_OK;
}

/* The columns of one file, in the open bump; the sample itself is dropped. */
static wr_status infer_file(const wr_table_spec *spec, wr_table *table, wr_text path,
                            wr_bump *open_bump, wr_bump *bump, wr_schema *out_schema,
                            wr_error *err)
{
    wr_fs_reader *reader;
    wr_bump_mark  mark;
    wr_schema     sampled;
    wr_status     status;

    WR_TRY(table->fs->ops->open_read(table->fs, path, open_bump, &reader, err));
    if (!reader->info.seekable && table->format->reader->access != WR_ACCESS_RANDOM) {
        status = record_stream(table, reader, open_bump, bump, &reader, err);
        if (status != WR_OK) {
            reader->ops->close(reader);
            return status;
        }
        table->head.path = path;
    }
    mark = wr_bump_save(bump);
    WR_TRY(infer_reader(spec, table, path, reader, open_bump, bump, &sampled, err));
    WR_TRY(copy_schema(&sampled, open_bump, out_schema, err));
    wr_bump_rewind(bump, mark);
    return WR_OK;
}

/* ---- All files --------------------------------------------------------------------------------- */

static bool any_value(const wr_schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (schema->fields[i].type.logical != WR_TYPE_NULL_)
            return true;
    }
    return false;
}

/* Make room for columns that `schema` does not have yet, and put them behind. */
static wr_status append_columns(wr_schema *schema, const wr_schema *other, wr_bump *bump,
                                wr_error *err)
{
    wr_schema longer = {schema->field_count + other->field_count, NULL};

    longer.fields = WR_BUMP_NEW_ARRAY(bump, wr_field, (size_t)longer.field_count + 1, err);
    if (!longer.fields)
        return WR_NO_MEMORY;
    longer.field_count = schema->field_count;
    if (schema->field_count > 0)
        memcpy(longer.fields, schema->fields, schema->field_count * sizeof longer.fields[0]);
    for (uint32_t i = 0; i < other->field_count; i++) {
        wr_field *field = &longer.fields[longer.field_count];

        if (wr_schema_find(schema, other->fields[i].name, NULL) != WR_FIELD_NONE)
            continue;
        *field = other->fields[i];
        field->name.bytes = wr_bump_copy(bump, field->name, err);
        if (!field->name.bytes)
            return WR_NO_MEMORY;
        longer.field_count++;
    }
    *schema = longer;
    return WR_OK;
}

/* Take the columns of one more file into account. */
static wr_status merge_schema(wr_schema *schema, const wr_schema *other, wr_bump *bump,
                              wr_error *err)
{
    bool any_new = false;

    for (uint32_t i = 0; i < other->field_count; i++) {
        uint32_t known = wr_schema_find(schema, other->fields[i].name, NULL);

        if (known == WR_FIELD_NONE)
            any_new = true;
        else
            WR_TRY(wr_type_unite(schema->fields[known].type, other->fields[i].type, bump,
                                 &schema->fields[known].type, err));
    }
    return any_new ? append_columns(schema, other, bump, err) : WR_OK;
}

/* Look at one file more; whatever that opened is given back. */
static wr_status take_file(const wr_table_spec *spec, wr_table *table, wr_text path,
                           wr_lease *open_lease, wr_bump *bump, wr_error *err)
{
    wr_bump   open_bump;
    wr_schema found;
    wr_status status;

    wr_bump_init(&open_bump, open_lease);
    status = infer_file(spec, table, path, &open_bump, bump, &found, err);
    if (status == WR_OK)
        status = merge_schema(&table->schema, &found, bump, err);
    wr_bump_release(&open_bump);
    return status;
}

static wr_status raise_empty(const wr_table *table, wr_error *err)
{
    if (table->path_count == 1)
        return WR_RAISE(err, WR_DATA, "%.*s: there is no row in it to tell its columns: declare "
                        "them with schema:", WR_TEXT_ARG(table->paths[0]));
    return WR_RAISE(err, WR_DATA, "%.*s and the files after it: there is no row in them to tell "
                    "their columns: declare them with schema:", WR_TEXT_ARG(table->paths[0]));
}

wr_status wr_table_sample(const wr_table_spec *spec, wr_table *table, wr_lease *open_lease,
                          wr_bump *bump, wr_error *err)
{
    bool     declared = spec->declared && spec->declared->field_count > 0;
    uint32_t options_bytes = table->format->read_options_bytes;
    void    *given = wr_bump_alloc(bump, options_bytes + 1, err);

    if (!given)
        return WR_NO_MEMORY;
    memcpy(given, table->options, options_bytes);
    for (uint32_t i = 0; i < table->path_count; i++) {
        if (!spec->infer_full && !table->by_name && (any_value(&table->schema) || i == FILES_MAX))
            break;
        if (table->schema.field_count == 0)
            memcpy(table->options, given, options_bytes);
        WR_TRY(take_file(spec, table, table->paths[i], open_lease, bump, err));
    }
    if (table->schema.field_count == 0 && !declared)
        return raise_empty(table, err);
    if (table->schema.field_count == 0)
        table->schema = *spec->declared;
    for (uint32_t i = 0; i < table->schema.field_count; i++) {
        if (table->schema.fields[i].type.logical == WR_TYPE_NULL_)
            table->schema.fields[i].type = WR_TYPE(UTF8);
    }
    return WR_OK;
}
