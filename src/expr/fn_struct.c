/* expr/fn_struct.c — structs and maps: making them, and what is inside.
 *
 * A map is a list of entries, Struct(key, value), with keys that differ and are not NULL; entries keep
 * their order. Looking a key up reads the entries one after the other. Source: DuckDB. */
#include "expr/fn_nested_priv.h"
#include "expr/operators.h"

/* ---- Structs -------------------------------------------------------------------------------------- */

PACK(members)
{
    wr_struct_packer strukt;

    (void)err;
    wr_struct_pack_begin(&strukt, packer, call->out->type);
    for (uint32_t a = 0; a < call->arg_count; a++)
        wr_struct_pack_cell(&strukt, cell_at(call->args[a], row));
    return WR_OK;
}
EVAL_PACKED(members)

EVAL(field)
{
    wr_text  name = wr_call_constant(eval->expr, 1)->text;
    uint32_t member = wr_type_find_member(args[0]->type, name);

    (void)arg_count;
    EACH_LIVE(row)
    {
        wr_packed packed = packed_at(args, 0, row);
        wr_slot   slot;

        eval->error_row = row;
        WR_TRY(wr_packed_member(&packed, args[0]->type, member, &slot, err));
        if (slot.is_null)
            wr_eval_set_null(out, row);
        else
            WR_TRY(wr_nested_put(eval, &packed, slot, out, row, err));
    }
    return WR_OK;
}

/* ---- Entries --------------------------------------------------------------------------------------- */

enum { KEY, VALUE };

static wr_type part_type(wr_type map, uint32_t part)
{
    return wr_type_member(wr_type_element(map), part).type;
}

/* A part of an entry: an element of the list that a map is. */
static wr_status read_part(wr_type entry, const element *e, uint32_t part, element *out,
                           wr_error *err)
{
    wr_packed packed = wr_packed_of((const wr_str *)e->cell);
    wr_slot   slot;

    WR_TRY(wr_packed_member(&packed, entry, part, &slot, err));
    out->is_null = slot.is_null;
    if (!slot.is_null)
        wr_packed_cell(&packed, slot, wr_type_member(entry, part).type, out->cell);
    return WR_OK;
}

static void pack_entry(wr_list_packer *list, wr_type entry, const element *key, const element *value)
{
    wr_struct_packer strukt;

    wr_list_pack_open(list);
    wr_struct_pack_begin(&strukt, list->out, entry);
    wr_struct_pack_cell(&strukt, key->cell);
    wr_struct_pack_cell(&strukt, value->is_null ? NULL : value->cell);
    wr_list_pack_close(list);
}

/* Are all keys there, and different? Raised for `row` otherwise. */
static wr_status check_keys(const nested_call *call, uint32_t row, wr_type key,
                            const element_array *keys, wr_error *err)
{
    const char *name = call->eval->expr->function->name;
    uint32_t   *order;

    WR_TRY(wr_nested_sort(call->eval, key, keys, &order));
    if (keys->count && keys->items[order[keys->count - 1]].is_null)
        return wr_eval_fail(call->eval, row, err, "%s: a key is NULL", name);
    for (uint32_t i = 1; i < keys->count; i++)
        if (wr_nested_compare(key, keys->items[order[i - 1]].cell, keys->items[order[i]].cell) == 0)
            return wr_eval_fail(call->eval, row, err, "%s: entries %u and %u have the same key", name,
                                order[i - 1] + 1, order[i] + 1);
    return WR_OK;
}

/* ---- Making maps ------------------------------------------------------------------------------------ */

PACK(map)
{
    wr_type        type = call->out->type, entry = wr_type_element(type);
    element_array  keys;
    element_reader values;
    wr_list_packer list;
    element        value;
    uint64_t       value_count;
    bool           end;

    WR_TRY(wr_nested_collect(call->eval, packed_at(call->args, 0, row), call->args[0]->type, &keys,
                             err));
    reader_init(&values, packed_at(call->args, 1, row), call->args[1]->type);
    WR_TRY(wr_packed_count(&values.packed, &value_count, err));
    if (value_count != keys.count)
        return wr_eval_fail(call->eval, row, err, "map: %u keys have %llu values", keys.count,
                            (unsigned long long)value_count);
    WR_TRY(check_keys(call, row, part_type(type, KEY), &keys, err));
    wr_list_pack_begin(&list, packer, entry);
    for (uint32_t i = 0; i < keys.count; i++) {
        WR_TRY(reader_next(&values, &value, &end, err));
        pack_entry(&list, entry, &keys.items[i], &value);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(map)

RESOLVE(resolve_map)
{
    for (uint32_t i = 0; i < arg_count; i++)
        if (!wr_nested_is_list(args[i], &args_io[i]))
            return false;
    return wr_type_make_map(wr_type_element(args_io[0]), wr_type_element(args_io[1]), out_result,
                            NULL) == WR_OK;
}

/* The entries of a list, which are structs of two members whatever these are called. */
PACK(from_entries)
{
    wr_type        type = call->out->type, entry = wr_type_element(call->args[0]->type);
    element_array  entries, keys;
    wr_list_packer list;
    element        value;

    WR_TRY(wr_nested_collect(call->eval, packed_at(call->args, 0, row), call->args[0]->type, &entries,
                             err));
    WR_TRY(wr_nested_collect(call->eval, packed_at(call->args, 0, row), call->args[0]->type, &keys,
                             err));
    for (uint32_t i = 0; i < keys.count; i++) {
        if (entries.items[i].is_null)
            return wr_eval_fail(call->eval, row, err, "map_from_entries: entry %u is NULL", i + 1);
        WR_TRY(read_part(entry, &entries.items[i], KEY, &keys.items[i], err));
    }
    WR_TRY(check_keys(call, row, part_type(type, KEY), &keys, err));
    wr_list_pack_begin(&list, packer, wr_type_element(type));
    for (uint32_t i = 0; i < keys.count; i++) {
        WR_TRY(read_part(entry, &entries.items[i], VALUE, &value, err));
        pack_entry(&list, wr_type_element(type), &keys.items[i], &value);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(from_entries)

RESOLVE(resolve_from_entries)
{
    wr_type entry;

    (void)arg_count, (void)args_io;
    if (args[0]->type.logical != WR_TYPE_LIST)
        return false;
    entry = wr_type_element(args[0]->type);
    return entry.logical == WR_TYPE_STRUCT && wr_type_member_count(entry) == 2 &&
           wr_type_make_map(wr_type_member(entry, KEY).type, wr_type_member(entry, VALUE).type,
                            out_result, NULL) == WR_OK;
}

/* The element of `keys` that is `wanted`; UINT32_MAX: none is. */
static uint32_t find_key(wr_type key, const element_array *keys, const element *wanted)
{
    for (uint32_t i = 0; i < keys->count; i++)
        if (wr_nested_compare(key, keys->items[i].cell, wanted->cell) == 0)
            return i;
    return UINT32_MAX;
}

/* Entries of both; those of the second stand in for equal keys of the first. */
PACK(map_concat)
{
    wr_type        type = call->out->type, entry = wr_type_element(type), key = part_type(type, KEY);
    element_array  entries[2], keys[2];
    wr_list_packer list;

    for (uint32_t a = 0; a < 2; a++) {
        wr_packed packed = packed_at(call->args, a, row);

        WR_TRY(wr_nested_collect(call->eval, packed, type, &entries[a], err));
        WR_TRY(wr_nested_collect(call->eval, packed, type, &keys[a], err));
        for (uint32_t i = 0; i < keys[a].count; i++)
            WR_TRY(read_part(entry, &entries[a].items[i], KEY, &keys[a].items[i], err));
    }
    wr_list_pack_begin(&list, packer, entry);
    for (uint32_t i = 0; i < keys[0].count; i++) {
        uint32_t other = find_key(key, &keys[1], &keys[0].items[i]);

        pack_element(&list, other == UINT32_MAX ? &entries[0].items[i] : &entries[1].items[other]);
    }
    for (uint32_t i = 0; i < keys[1].count; i++)
        if (find_key(key, &keys[0], &keys[1].items[i]) == UINT32_MAX)
            pack_element(&list, &entries[1].items[i]);
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(map_concat)

RESOLVE(resolve_map_concat)
{
    (void)arg_count;
    if (args[0]->type.logical != WR_TYPE_MAP ||
        !wr_type_common(args[0]->type, args[1]->type, out_result))
        return false;
    args_io[0] = args_io[1] = *out_result;
    return true;
}

/* ---- Looking into maps ------------------------------------------------------------------------------ */

/* The value that the key of `row` has. */
static wr_status look_up(wr_eval *eval, arguments args, uint32_t row, element *out_value,
                         bool *out_found, wr_error *err)
{
    wr_type        type = args[0]->type, entry = wr_type_element(type);
    const void    *key = cell_at(args[1], row);
    element_reader reader;
    element        e, part;
    bool           end;

    eval->error_row = row;
    reader_init(&reader, packed_at(args, 0, row), type);
    for (*out_found = false; !*out_found;) {
        WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            return WR_OK;
        WR_TRY(read_part(entry, &e, KEY, &part, err));
        *out_found = wr_nested_compare(part_type(type, KEY), part.cell, key) == 0;
    }
    return read_part(entry, &e, VALUE, out_value, err);
}

EVAL(map_value)
{
    uint32_t width = value_bytes(out->type);

    (void)arg_count;
    EACH_LIVE(row)
    {
        element value;
        bool    found;

        WR_TRY(look_up(eval, args, row, &value, &found, err));
        if (found && !value.is_null)
            memcpy((uint8_t *)out->data + (size_t)row * width, value.cell, width);
        else
            wr_eval_set_null(out, row);
    }
    return WR_OK;
}

EVAL(map_contains)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        element value;
        bool    found;

        WR_TRY(look_up(eval, args, row, &value, &found, err));
        ((uint8_t *)out->data)[row] = found;
    }
    return WR_OK;
}

/* Does an entry have this value, and this key if `key` is not NULL? */
static wr_status find_entry(const wr_vector *map, uint32_t row, const void *key, const void *value,
                            bool *out_found, wr_error *err)
{
    wr_type        entry = wr_type_element(map->type);
    element_reader reader;
    element        e, parts[2];
    bool           end = false;

    reader_init(&reader, packed_at(&map, 0, row), map->type);
    for (*out_found = false; !*out_found;) {
        WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            return WR_OK;
        for (uint32_t part = KEY; part <= VALUE; part++)
            WR_TRY(read_part(entry, &e, part, &parts[part], err));
        *out_found = !parts[VALUE].is_null &&
                     wr_nested_compare(part_type(map->type, VALUE), parts[VALUE].cell, value) == 0 &&
                     (!key || wr_nested_compare(part_type(map->type, KEY), parts[KEY].cell, key) == 0);
    }
    return WR_OK;
}

/* map_contains_value(map, value), map_contains_entry(map, key, value) */
EVAL(contains_entry)
{
    EACH_LIVE(row)
    {
        const void *key = arg_count > 2 ? cell_at(args[1], row) : NULL;
        bool        found;

        eval->error_row = row;
        WR_TRY(find_entry(args[0], row, key, cell_at(args[arg_count - 1], row), &found, err));
        ((uint8_t *)out->data)[row] = found;
    }
    return WR_OK;
}

/* The value as a list of one, or an empty one. */
PACK(map_extract)
{
    wr_list_packer list;
    element        value;
    bool           found;

    WR_TRY(look_up(call->eval, call->args, row, &value, &found, err));
    wr_list_pack_begin(&list, packer, wr_type_element(call->out->type));
    if (found)
        pack_element(&list, &value);
    wr_list_pack_end(&list);
    return WR_OK;
}
EVAL_PACKED(map_extract)

/* The type that keys (or values) of a map and `value` have together; it becomes the map's. */
static bool resolve_part(wr_type map, uint32_t part, const wr_expr *value, wr_type *out_map,
                         wr_type *out_value)
{
    wr_expr        column = {.kind = WR_EXPR_COLUMN};
    const wr_expr *both[] = {&column, value};
    wr_type        types[2];

    if (map.logical != WR_TYPE_MAP)
        return false;
    types[KEY] = part_type(map, KEY);
    types[VALUE] = part_type(map, VALUE);
    column.type = types[part];
    if (!wr_expr_common(both, 2, true, out_value))
        return false;
    types[part] = *out_value;
    return wr_type_make_map(types[KEY], types[VALUE], out_map, NULL) == WR_OK;
}

/* The map and a key, both with keys of one type. */
static bool resolve_key(const wr_expr *const *args, wr_type *args_io)
{
    return resolve_part(args[0]->type, KEY, args[1], &args_io[0], &args_io[1]);
}

RESOLVE(resolve_contains_entry)
{
    uint32_t last = arg_count - 1;

    *out_result = WR_TYPE(BOOL);
    return resolve_part(args[0]->type, VALUE, args[last], &args_io[0], &args_io[last]) &&
           (last == 1 || resolve_part(args_io[0], KEY, args[1], &args_io[0], &args_io[1]));
}

RESOLVE(resolve_map_value)
{
    (void)arg_count;
    if (!resolve_key(args, args_io))
        return false;
    *out_result = part_type(args_io[0], VALUE);
    return true;
}

RESOLVE(resolve_map_extract)
{
    (void)arg_count;
    return resolve_key(args, args_io) &&
           wr_type_make_list(part_type(args_io[0], VALUE), out_result, NULL) == WR_OK;
}

RESOLVE(resolve_map_contains)
{
    (void)arg_count;
    *out_result = WR_TYPE(BOOL);
    return resolve_key(args, args_io);
}

static wr_status pack_parts(const nested_call *call, uint32_t part, uint32_t row, wr_packer *packer,
                            wr_error *err)
{
    wr_type        type = call->args[0]->type, entry = wr_type_element(type);
    element_reader reader;
    wr_list_packer list;
    element        e, value;
    bool           end;

    reader_init(&reader, packed_at(call->args, 0, row), type);
    wr_list_pack_begin(&list, packer, part_type(type, part));
    for (;;) {
        WR_TRY(reader_next(&reader, &e, &end, err));
        if (end)
            break;
        WR_TRY(read_part(entry, &e, part, &value, err));
        pack_element(&list, &value);
    }
    wr_list_pack_end(&list);
    return WR_OK;
}

PACK(keys)
{
    return pack_parts(call, KEY, row, packer, err);
}
EVAL_PACKED(keys)

PACK(values)
{
    return pack_parts(call, VALUE, row, packer, err);
}
EVAL_PACKED(values)

static bool resolve_parts(const wr_expr *map, uint32_t part, wr_type *out_result)
{
    return map->type.logical == WR_TYPE_MAP &&
           wr_type_make_list(part_type(map->type, part), out_result, NULL) == WR_OK;
}

RESOLVE(resolve_keys)
{
    (void)arg_count, (void)args_io;
    return resolve_parts(args[0], KEY, out_result);
}

RESOLVE(resolve_values)
{
    (void)arg_count, (void)args_io;
    return resolve_parts(args[0], VALUE, out_result);
}

/* The same bytes, on disk or not. */
EVAL(entries)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        ((wr_str *)out->data)[row] = *(const wr_str *)cell_at(args[0], row);
    }
    out->flags |= args[0]->flags & WR_VECTOR_BLOBS;
    return WR_OK;
}

RESOLVE(resolve_entries)
{
    (void)arg_count, (void)args_io;
    return args[0]->type.logical == WR_TYPE_MAP &&
           wr_type_make_list(wr_type_element(args[0]->type), out_result, NULL) == WR_OK;
}

/* ---- Keys that were grouped ----------------------------------------------------------------------- */

RESOLVE(resolve_map_key)
{
    (void)args, (void)arg_count;
    args_io[1] = WR_TYPE(I64);
    *out_result = WR_TYPE(BOOL);
    return true;
}

static wr_status eval_map_key(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                              wr_vector *out, wr_error *err)
{
    const wr_vector *keys = args[0];
    bool             is_text = wr_type_physical(keys->type) == WR_PHYS_STR;
    char             key[WR_ARG_TEXT_BYTES] = "of more than 4 KiB";

    (void)arg_count;
    for (uint32_t i = 0; i < eval->selected.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->selected, i), at = wr_arg_index(keys, row);
        int64_t  count = ((const int64_t *)args[1]->data)[wr_arg_index(args[1], row)];

        ((uint8_t *)out->data)[row] = 1;
        if (keys->valid && !wr_bit_get(keys->valid, at))
            return wr_eval_fail(eval, row, err, "map_agg: a key is NULL");
        if (count <= 1)
            continue;
        if (!is_text || !wr_str_is_blob(&((const wr_str *)keys->data)[at]))
            wr_arg_format(keys, row, key);
        return wr_eval_fail(eval, row, err, "map_agg: the key %s occurs %lld times in its group", key,
                            (long long)count);
    }
    return WR_OK;
}

/* ---- Table ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define FUNCTION(name_, sig, flags_, count_, resolve_, eval_, help_) \
    {.name = name_, .signature = sig, .help = help_, .flags = flags_, .param_count = count_, \
     .resolve = resolve_, .eval = eval_}
#define ANY_CALL WR_FN_TOTAL | WR_FN_NONSTRICT | WR_FN_NEVER_NULL | WR_FN_VARIADIC

/* Those without `resolve` are made by special_nested.c. */
static const wr_function FUNCTIONS[] = {
    FUNCTION("struct_pack", "(name := value, ...) -> struct", ANY_CALL, 2, NULL, members, "a struct with these fields; also {'name': value, ...}"),
    FUNCTION("named_struct", "('name', value, ...) -> struct", ANY_CALL, 2, NULL, members, "as struct_pack"),
    FUNCTION("struct_insert", "(struct, name := value, ...) -> struct", WR_FN_VARIADIC, 3, NULL, members, "with more fields behind its own"),
    FUNCTION("struct_update", "(struct, name := value, ...) -> struct", WR_FN_VARIADIC, 3, NULL, members, "with these fields in place of its own of those names, or behind them"),
    FUNCTION("struct_concat", "(struct, ...) -> struct", ANY_CALL, 1, NULL, members, "the fields of all"),
    FUNCTION("struct_keys", "(struct) -> list", WR_FN_TOTAL, 1, NULL, members, "the names of its fields"),
    FUNCTION("row", "(value, ...) -> struct", ANY_CALL, 1, NULL, members, "a struct with the fields f1, f2 ..."),
    FUNCTION("struct_extract_at", "(struct, place) -> value", 0, 2, NULL, field, "the field at a place, from 1"),
    FUNCTION("struct_extract", "(struct, 'name') -> value", WR_FN_TOTAL | WR_FN_BLOBS | WR_FN_MAY_NULL | WR_FN_CONST_TAIL, 2, NULL, field,
             "the field of that name; also struct.name, struct['name']"),
    FUNCTION("array_extract", "(list, map, struct or text, what) -> value", 0, 2, NULL, field, "what x[what] means: list_extract, map_extract_value, struct_extract"),
    FUNCTION("map", "(keys, values) -> map", 0, 2, resolve_map, map, "a map of two lists of one length; also MAP {key: value, ...}"),
    FUNCTION("map_from_entries", "(list of structs) -> map", 0, 1, resolve_from_entries, from_entries, "a map of pairs of key and value"),
    {.name = WR_OPERATOR_MAP_KEY, .signature = "(key, count) -> boolean", .help = "what map_agg asks of each key: not NULL, and there once",
     .flags = WR_FN_NONSTRICT | WR_FN_NEVER_NULL | WR_FN_BLOBS, .param_count = 2, .resolve = resolve_map_key, .eval = eval_map_key},
    FUNCTION("map_concat", "(map, map) -> map", WR_FN_TOTAL, 2, resolve_map_concat, map_concat, "the entries of both; of equal keys, that of the second"),
    FUNCTION("map_extract_value", "(map, key) -> value", WR_FN_TOTAL | WR_FN_MAY_NULL, 2, resolve_map_value, map_value, "the value of a key, or NULL; also map[key]"),
    FUNCTION("map_extract", "(map, key) -> list", WR_FN_TOTAL, 2, resolve_map_extract, map_extract, "the value of a key as a list of one, or an empty list"),
    FUNCTION("element_at", "(map, key) -> list", WR_FN_TOTAL, 2, resolve_map_extract, map_extract, "as map_extract"),
    FUNCTION("map_contains", "(map, key) -> Boolean", WR_FN_TOTAL, 2, resolve_map_contains, map_contains, "has the map that key?"),
    FUNCTION("map_contains_value", "(map, value) -> Boolean", WR_FN_TOTAL, 2, resolve_contains_entry, contains_entry, "has a key that value?"),
    FUNCTION("map_contains_entry", "(map, key, value) -> Boolean", WR_FN_TOTAL, 3, resolve_contains_entry, contains_entry, "has the key that value?"),
    FUNCTION("map_keys", "(map) -> list", WR_FN_TOTAL, 1, resolve_keys, keys, "its keys"),
    FUNCTION("map_values", "(map) -> list", WR_FN_TOTAL, 1, resolve_values, values, "its values, in the order of the keys"),
    FUNCTION("map_entries", "(map) -> list of structs", WR_FN_TOTAL | WR_FN_BLOBS, 1, resolve_entries, entries, "its entries, each a Struct(key, value)"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_STRUCT = {"struct and map", FUNCTIONS,
                                               sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
