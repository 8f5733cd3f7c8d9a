/* yaml/schema.c — the columns that a scan declares, and those of them that lie inside of a record.
 *
 * Paths become a tree of places, whose inner ones are objects and lists. The scan reads each member that
 * paths begin with as one nested column, a struct of no more than what is wanted below it; a
 * projection behind it takes the values out.
 * Invariants
 *  1. A place stands behind the one it is in, so types are made from the last place to the first.
 *  2. A place is one thing: a value of one type, an object or a list. Elements of a list share a place.
 * Cost: columns times places, once. */
#include "yaml/pipeline_priv.h"

#include "types/nested.h"

/* --- Columns ------------------------------------------------------------------------------- */

static wr_status read_type(const pipeline *p, const wr_yaml *node, wr_type *out_type, wr_error *err)
{
    wr_text   text;
    wr_status status;

    WR_TRY(wr_read_text(p, node, "type", &text, err));
    status = wr_type_parse(text, out_type, err);
    return status == WR_OK ? WR_OK : wr_yaml_locate(&p->file, node, status, err);
}

static wr_status read_path(const pipeline *p, const wr_yaml *node, wr_path *out_path, wr_error *err)
{
    wr_source source;
    size_t    fault_bytes;
    wr_text   text;
    wr_status status;

    WR_TRY(wr_read_text(p, node, "path", &text, err));
    status = wr_path_parse(text, p->bump, out_path, &fault_bytes, err);
    if (status == WR_OK || status == WR_NO_MEMORY)
        return status;
    source = wr_yaml_source(&p->file, node);
    return wr_source_locate(&source, wr_place_at(text, fault_bytes), status, err);
}

/* A column without a path is the member of its name. */
static wr_status name_path(const pipeline *p, wr_text name, wr_path *out_path, wr_error *err)
{
    *out_path = (wr_path){WR_BUMP_NEW(p->bump, wr_path_step, err), 1};
    if (!out_path->steps)
        return WR_NO_MEMORY;
    out_path->steps[0] = (wr_path_step){.key = name};
    return WR_OK;
}

/* No two columns have one. */
static wr_status read_id(const pipeline *p, const wr_yaml *node, declared *schema, wr_field *field,
                         wr_error *err)
{
    uint64_t id;

    WR_TRY(wr_read_count(p, node, "field_id", &id, err));
    if (id > INT32_MAX)
        return wr_yaml_fail(&p->file, node, err, "'field_id' is at most %d", INT32_MAX);
    for (uint32_t i = 0; i < schema->columns.field_count; i++) {
        const wr_field *other = &schema->columns.fields[i];

        if (other->has_id && other->id == id)
            return wr_yaml_fail(&p->file, node, err, "column '%.*s' has the field id %u already",
                                WR_TEXT_ARG(other->name), other->id);
    }
    field->has_id = true;
    field->id = (uint32_t)id;
    if (!schema->first_id)
        schema->first_id = node;
    return WR_OK;
}

/* {name: ..., type: ..., nullable: ..., path: ..., field_id: ...} */
static wr_status read_field(const pipeline *p, const wr_yaml *node, declared *schema,
                            wr_field *out_field, wr_error *err)
{
    static const char *const KEYS[] = {"name", "type", "nullable", "path", "field_id", NULL};
    wr_path                 *path = &schema->paths[schema->columns.field_count];
    const wr_yaml           *values[5];

    if (node->kind != WR_YAML_MAP)
        return wr_yaml_fail(&p->file, node, err,
                            "a column of a schema is written {name: ..., type: ...}, this is %s",
                            wr_read_kind(node));
    WR_TRY(wr_read_keys(p, node, "schema", KEYS, NULL, values, err));
    for (int i = 0; i < 2; i++)
        if (!values[i])
            return wr_yaml_fail(&p->file, node, err, "a column of a schema needs '%s'", KEYS[i]);
    *out_field = (wr_field){.nullable = true};
    WR_TRY(wr_read_text(p, values[0], "name", &out_field->name, err));
    if (values[2])
        WR_TRY(wr_read_bool(p, values[2], "nullable", &out_field->nullable, err));
    WR_TRY(read_type(p, values[1], &out_field->type, err));
    if (values[4])
        WR_TRY(read_id(p, values[4], schema, out_field, err));
    if (!values[3])
        return name_path(p, out_field->name, path, err);
    WR_TRY(read_path(p, values[3], path, err));
    if (!out_field->nullable && path->step_count > 1)
        return wr_yaml_fail(&p->file, values[2], err,
                            "nullable: false goes with a member of the record itself, and this path "
                            "leads into one: leave nullable out");
    if (!schema->first_path)
        schema->first_path = values[3];
    schema->nodes[schema->columns.field_count] = values[3];
    return WR_OK;
}

static wr_status check_name(const pipeline *p, const wr_schema *schema, uint32_t count,
                            const wr_yaml *node, wr_error *err)
{
    wr_text name = schema->fields[count].name;

    if (name.byte_count == 0)
        return wr_yaml_fail(&p->file, node, err, "empty column name");
    for (uint32_t i = 0; i < count; i++)
        if (wr_text_equal(schema->fields[i].name, name))
            return wr_yaml_fail(&p->file, node, err, "column '%.*s' is given twice in the schema",
                                WR_TEXT_ARG(name));
    return WR_OK;
}

/* --- Places -------------------------------------------------------------------------------- */

typedef enum place_kind { PLACE_NEW, PLACE_VALUE, PLACE_OBJECT, PLACE_LIST } place_kind;

typedef struct path_place {
    place_kind kind;
    wr_type    type;
    wr_text    key;    /* in an object */
    uint32_t   parent; /* WR_FIELD_NONE: the record */
    uint32_t   child_count;
    uint32_t   column; /* the first that came here */
    bool       nullable;
} path_place;

typedef struct path_tree {
    const pipeline *p;
    const declared *schema;
    path_place     *places;
    uint32_t        place_count;
} path_tree;

/* Make a new place so, and see that an old one is. */
static wr_status settle(path_tree *t, uint32_t at, uint32_t column, place_kind kind, wr_type type,
                        wr_error *err)
{
    path_place *place = &t->places[at];
    char        name[WR_TYPE_NAME_BYTES];

    if (place->kind == PLACE_NEW) {
        place->kind = kind;
        place->type = type;
    }
    if (place->kind == kind && (kind != PLACE_VALUE || wr_type_equal(place->type, type)))
        return WR_OK;
    return wr_yaml_fail(&t->p->file, t->schema->nodes[column], err,
                        "column '%.*s' takes what is on this path as %s, column '%.*s' in another way: "
                        "one place in a record is one thing, and elements of a list have one type",
                        WR_TEXT_ARG(t->schema->columns.fields[place->column].name),
                        place->kind == PLACE_OBJECT ? "an object"
                        : place->kind == PLACE_LIST ? "a list"
                                                    : wr_type_format(place->type, name),
                        WR_TEXT_ARG(t->schema->columns.fields[column].name));
}

/* Where a step leads to from `parent`. */
static wr_status take_step(path_tree *t, uint32_t parent, const wr_path_step *taken, uint32_t column,
                           uint32_t *out_place, wr_error *err)
{
    for (uint32_t i = 0; i < t->place_count; i++) {
        const path_place *place = &t->places[i];

        if (place->parent != parent)
            continue;
        *out_place = i;
        if (taken->is_index || wr_text_equal(place->key, taken->key))
            return WR_OK;
        if (parent != WR_FIELD_NONE && wr_text_equal_nocase(place->key, taken->key))
            return wr_yaml_fail(&t->p->file, t->schema->nodes[column], err,
                                "the paths of columns '%.*s' and '%.*s' differ in case only, and inside "
                                "of a member '%.*s' is the same as '%.*s'",
                                WR_TEXT_ARG(t->schema->columns.fields[place->column].name),
                                WR_TEXT_ARG(t->schema->columns.fields[column].name),
                                WR_TEXT_ARG(place->key), WR_TEXT_ARG(taken->key));
    }
    *out_place = t->place_count++;
    t->places[*out_place] =
        (path_place){.key = taken->key, .parent = parent, .column = column, .nullable = true};
    if (parent != WR_FIELD_NONE)
        t->places[parent].child_count++;
    return WR_OK;
}

static wr_status add_column(path_tree *t, uint32_t column, wr_error *err)
{
    const wr_path  *path = &t->schema->paths[column];
    const wr_field *field = &t->schema->columns.fields[column];
    uint32_t        at = WR_FIELD_NONE;

    for (uint32_t i = 0; i < path->step_count; i++) {
        if (i > 0)
            WR_TRY(settle(t, at, column, path->steps[i].is_index ? PLACE_LIST : PLACE_OBJECT,
                          field->type, err));
        WR_TRY(take_step(t, at, &path->steps[i], column, &at, err));
        if (i == 0)
            t->schema->roots[column] = at;
    }
    WR_TRY(settle(t, at, column, PLACE_VALUE, field->type, err));
    t->places[at].nullable &= field->nullable;
    return WR_OK;
}

static wr_status make_object(path_tree *t, uint32_t at, wr_error *err)
{
    path_place *place = &t->places[at];
    wr_member  *members = WR_BUMP_NEW_ARRAY(t->p->bump, wr_member, place->child_count, err);
    uint32_t    count = 0;

    if (!members)
        return WR_NO_MEMORY;
    for (uint32_t i = at + 1; i < t->place_count; i++)
        if (t->places[i].parent == at)
            members[count++] = (wr_member){t->places[i].key, t->places[i].type};
    return wr_type_make_struct(members, count, &place->type, err);
}

/* All below it have their types. */
static wr_status make_type(path_tree *t, uint32_t at, wr_error *err)
{
    path_place *place = &t->places[at];
    wr_status   status = WR_OK;

    if (place->kind == PLACE_OBJECT)
        status = make_object(t, at, err);
    for (uint32_t i = at + 1; place->kind == PLACE_LIST && i < t->place_count; i++)
        if (t->places[i].parent == at)
            status = wr_type_make_list(t->places[i].type, &place->type, err);
    return status == WR_OK
               ? WR_OK
               : wr_yaml_locate(&t->p->file, t->schema->nodes[place->column], status, err);
}

/* What the scan reads: the places in the record itself. */
static wr_status find_members(const pipeline *p, declared *schema, wr_error *err)
{
    path_tree  t = {.p = p, .schema = schema};
    wr_schema *members = &schema->members;
    uint32_t   step_count = 0, *positions;

    for (uint32_t c = 0; c < schema->columns.field_count; c++)
        step_count += schema->paths[c].step_count;
    t.places = WR_BUMP_NEW_ARRAY(p->bump, path_place, step_count, err);
    positions = WR_BUMP_NEW_ARRAY(p->bump, uint32_t, step_count, err);
    members->fields = WR_BUMP_NEW_ARRAY(p->bump, wr_field, schema->columns.field_count, err);
    if (!t.places || !positions || !members->fields)
        return WR_NO_MEMORY;
    for (uint32_t c = 0; c < schema->columns.field_count; c++)
        WR_TRY(add_column(&t, c, err));
    for (uint32_t i = t.place_count; i-- > 0;)
        WR_TRY(make_type(&t, i, err));
    members->field_count = 0;
    for (uint32_t i = 0; i < t.place_count; i++) {
        if (t.places[i].parent != WR_FIELD_NONE)
            continue;
        positions[i] = members->field_count;
        members->fields[members->field_count++] = (wr_field){
            .name = t.places[i].key, .type = t.places[i].type, .nullable = t.places[i].nullable};
    }
    for (uint32_t c = 0; c < schema->columns.field_count; c++)
        schema->roots[c] = positions[schema->roots[c]];
    return WR_OK;
}

/* A list of columns, or a map from names to types. Empty: infer. */
wr_status wr_read_schema(const pipeline *p, const wr_yaml *node, declared *out_schema, wr_error *err)
{
    wr_schema *columns = &out_schema->columns;

    *out_schema = (declared){0};
    if (!node || (node->kind == WR_YAML_SCALAR && node->is_null))
        return WR_OK;
    if (node->kind == WR_YAML_SCALAR)
        return wr_yaml_fail(&p->file, node, err, "'schema' expects a list of columns");
    columns->fields = WR_BUMP_NEW_ARRAY(p->bump, wr_field, node->count + 1, err);
    out_schema->paths = WR_BUMP_NEW_ARRAY(p->bump, wr_path, node->count + 1, err);
    out_schema->roots = WR_BUMP_NEW_ARRAY(p->bump, uint32_t, node->count + 1, err);
    out_schema->nodes = WR_BUMP_NEW_ARRAY(p->bump, const wr_yaml *, node->count + 1, err);
    if (!columns->fields || !out_schema->paths || !out_schema->roots || !out_schema->nodes)
        return WR_NO_MEMORY;
    for (const wr_yaml *child = node->first; child; child = child->next) {
        wr_field *field = &columns->fields[columns->field_count];

        out_schema->nodes[columns->field_count] = child;
        if (node->kind == WR_YAML_LIST) {
            WR_TRY(read_field(p, child, out_schema, field, err));
        } else {
            *field = (wr_field){.name = child->text, .nullable = true};
            child = child->next;
            WR_TRY(read_type(p, child, &field->type, err));
        }
        WR_TRY(check_name(p, columns, columns->field_count, child, err));
        columns->field_count++;
    }
    out_schema->members = *columns;
    if (out_schema->first_path)
        return find_members(p, out_schema, err);
    out_schema->paths = NULL;
    return WR_OK;
}

/* --- Values -------------------------------------------------------------------------------- */

/* The value behind one step from *io_expr. */
static wr_status follow(const pipeline *p, const wr_path_step *taken, wr_expr **io_expr,
                        wr_error *err)
{
    wr_value key = {.type = WR_TYPE(UTF8), .text = taken->key};
    wr_value place = {.type = WR_TYPE(I64), .i64 = (int64_t)taken->index + 1};
    wr_expr *args[2] = {*io_expr, wr_expr_const(p->bump, taken->is_index ? &place : &key, err)};

    if (!args[1])
        return WR_NO_MEMORY;
    return wr_expr_call(p->bump, taken->is_index ? WR_TEXT("list_extract") : WR_TEXT("struct_extract"),
                        args, 2, io_expr, err);
}

/* What a scan adds of its own: of a folder's key that is a column's name too, the column counts. */
static wr_status take_others(pipeline *p, const step *s, const declared *schema,
                             const wr_table *table, const wr_plan_node *scan, item_list *io_items,
                             wr_error *err)
{
    uint32_t named = table->schema.field_count + table->partitions.field_count;

    for (uint32_t i = table->schema.field_count; i < scan->schema.field_count; i++) {
        item other = {.expr = wr_step_column(p, scan, i, err), .name = scan->schema.fields[i].name};

        if (!other.expr)
            return WR_NO_MEMORY;
        if (wr_schema_find(&schema->columns, other.name, NULL) == WR_FIELD_NONE)
            WR_TRY(wr_items_append(p, io_items, &other, err));
        else if (i >= named)
            return wr_yaml_fail(&p->file, s->node, err,
                                "the schema has a column '%.*s' already: leave '%.*s: true' out",
                                WR_TEXT_ARG(other.name), WR_TEXT_ARG(other.name));
    }
    return WR_OK;
}

wr_status wr_take_paths(pipeline *p, const step *s, const declared *schema, const wr_table *table,
                        wr_plan_node **io_node, wr_error *err)
{
    item_list items = {0};
    wr_expr **exprs;
    wr_text  *names;
    wr_status status;

    for (uint32_t c = 0; c < schema->columns.field_count; c++) {
        const wr_path *path = &schema->paths[c];
        item           column = {.expr = wr_step_column(p, *io_node, schema->roots[c], err),
                                 .name = schema->columns.fields[c].name};

        if (!column.expr)
            return WR_NO_MEMORY;
        for (uint32_t i = 1; i < path->step_count; i++)
            WR_TRY(follow(p, &path->steps[i], &column.expr, err));
        WR_TRY(wr_items_append(p, &items, &column, err));
    }
    WR_TRY(take_others(p, s, schema, table, *io_node, &items, err));
    WR_TRY(wr_items_split(p, &items, &exprs, &names, err));
    status = wr_plan_add_project(p->plan, *io_node, exprs, names, items.count, io_node, err);
    return wr_read_locate(p, NULL, WR_FIELD_NONE, s->node, status, err);
}
