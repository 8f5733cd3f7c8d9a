/* column_finder.c — see the header. */
#include "spi/column_finder.h"

#include <string.h>

void wr_column_finder_begin(wr_column_finder *finder, const wr_read_request *request, uint8_t *matches)
{
    *finder = (wr_column_finder){.request = request, .matches = matches};
    if (request->column_count > 0)
        memset(matches, WR_MATCH_NONE, request->column_count);
    for (uint32_t f = 0; f < request->schema->field_count; f++)
        finder->wants_ids |= request->schema->fields[f].has_id;
}

static bool has_id(const wr_field *field, uint32_t id)
{
    return field->has_id && field->id == id;
}

/* By id, or else by name. */
static uint32_t find_field(wr_column_finder *finder, wr_text name, const uint32_t *id)
{
    const wr_schema *schema = finder->request->schema;
    uint32_t         likely = finder->field, found;

    for (uint32_t i = 0; id && finder->wants_ids && i < schema->field_count; i++) {
        found = (likely + i) % schema->field_count;
        if (has_id(&schema->fields[found], *id))
            return found;
    }
    if (likely < schema->field_count && wr_text_equal(schema->fields[likely].name, name))
        found = likely;
    else
        found = wr_schema_find(schema, name, NULL);
    return found != WR_FIELD_NONE && schema->fields[found].has_id ? WR_FIELD_NONE : found;
}

static uint32_t find_wanted(const wr_column_finder *finder, uint32_t field)
{
    const wr_read_request *request = finder->request;

    for (uint32_t i = 0; i < request->column_count; i++) {
        uint32_t c = (finder->next + i) % request->column_count;

        if (request->columns[c] == field)
            return c;
    }
    return WR_FIELD_NONE;
}

uint32_t wr_column_find(wr_column_finder *finder, wr_text name, const uint32_t *id)
{
    uint32_t        field = find_field(finder, name, id), wanted;
    const wr_field *found;
    uint8_t        *match;

    finder->any_id |= id != NULL;
    if (field == WR_FIELD_NONE)
        return WR_FIELD_NONE;
    finder->field = field + 1;
    wanted = find_wanted(finder, field);
    if (wanted == WR_FIELD_NONE)
        return WR_FIELD_NONE;
    finder->next = wanted + 1;
    found = &finder->request->schema->fields[field];
    match = &finder->matches[wanted];
    if (*match >= WR_MATCH_EXACT) {
        if (found->has_id)
            *match = WR_MATCH_TWICE;
        return WR_FIELD_NONE; /* the first of one name counts */
    }
    if (found->has_id || wr_text_equal(found->name, name))
        *match = WR_MATCH_EXACT;
    else
        *match = *match == WR_MATCH_NONE ? WR_MATCH_CASELESS : WR_MATCH_SEVERAL;
    return wanted;
}

wr_status wr_column_finder_end(const wr_column_finder *finder, wr_error *err)
{
    const wr_read_request *request = finder->request;

    for (uint32_t c = 0; c < request->column_count; c++) {
        const wr_field *field = &request->schema->fields[request->columns[c]];

        if (finder->matches[c] == WR_MATCH_SEVERAL)
            return WR_RAISE(err, WR_DATA, "the file has several columns '%.*s', which differ in case",
                            WR_TEXT_ARG(field->name));
        if (finder->matches[c] == WR_MATCH_TWICE)
            return WR_RAISE(err, WR_DATA, "the file has several columns with the field id %u, which '%.*s' has",
                            field->id, WR_TEXT_ARG(field->name));
        if (field->has_id && !finder->any_id)
            return WR_RAISE(err, WR_DATA, "the file's columns have no field ids: declare '%.*s' by its name, "
                            "without field_id", WR_TEXT_ARG(field->name));
    }
    return WR_OK;
}
