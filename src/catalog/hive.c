/* catalog/hive.c — which columns do the paths of a table tell, and of which types?
 *
 * A column is Int64, Date or Timestamp if every path's value reads as such (or is NULL), else Utf8. Digits with
 * leading zeros are numbers here (month=01). Cost: each path is read once a type, nothing is kept. */
#include "catalog/catalog_priv.h"
#include "types/hive.h"

/* Has `path` the keys of `first`, in their order, and no more? */
static bool has_same_keys(wr_text path, wr_text first)
{
    for (uint32_t i = 0;; i++) {
        wr_text ours, theirs, value;
        bool    any = wr_hive_folder(path, i, &ours, &value);

        if (any != wr_hive_folder(first, i, &theirs, &value))
            return false;
        if (!any)
            return true;
        if (!wr_text_equal(ours, theirs))
            return false;
    }
}

static bool reads_as(const wr_table *table, wr_text key, wr_type type)
{
    char     buffer[WR_HIVE_BYTES_MAX];
    wr_value value;
    bool     any = false;

    for (uint32_t p = 0; p < table->path_count; p++) {
        if (!wr_hive_value(table->paths[p], key, type, buffer, &value))
            return false;
        any |= !value.is_null;
    }
    return any;
}

static wr_type find_type(const wr_table *table, wr_text key)
{
    static const wr_type TYPES[] = {{.logical = WR_TYPE_I64},
                                    {.logical = WR_TYPE_DATE32},
                                    {.logical = WR_TYPE_TIMESTAMP, .unit = WR_UNIT_US}};

    for (size_t t = 0; t < sizeof TYPES / sizeof TYPES[0]; t++)
        if (reads_as(table, key, TYPES[t]))
            return TYPES[t];
    return WR_TYPE(UTF8);
}

wr_status wr_table_find_partitions(wr_table *table, wr_hive_wanted wanted, wr_bump *bump,
                                   wr_error *err)
{
    wr_text first = table->path_count ? table->paths[0] : WR_TEXT(""), key, value;
    char    buffer[WR_HIVE_BYTES_MAX];

    if (wanted == WR_HIVE_FALSE)
        return WR_OK;
    for (uint32_t p = 1; p < table->path_count; p++) {
        if (has_same_keys(table->paths[p], first))
            continue;
        if (wanted == WR_HIVE_AUTO)
            return WR_OK;
        return WR_RAISE(err, WR_INVALID, "'%.*s' does not have the key=value folders of '%.*s'",
                        WR_TEXT_ARG(table->paths[p]), WR_TEXT_ARG(first));
    }
    table->partitions.fields = WR_BUMP_NEW_ARRAY(bump, wr_field, WR_HIVE_KEYS_MAX, err);
    if (!table->partitions.fields)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < WR_HIVE_KEYS_MAX && wr_hive_folder(first, i, &key, &value); i++) {
        wr_text   name = wr_hive_decode(key, buffer);
        wr_field *field = &table->partitions.fields[table->partitions.field_count];

        if (wr_schema_find(&table->schema, name, NULL) != WR_FIELD_NONE ||
            wr_schema_find(&table->partitions, name, NULL) != WR_FIELD_NONE)
            continue;
        field->name = (wr_text){wr_bump_copy(bump, name, err), name.byte_count};
        if (!field->name.bytes)
            return WR_NO_MEMORY;
        field->type = find_type(table, field->name);
        field->nullable = true;
        table->partitions.field_count++;
    }
    return WR_OK;
}
