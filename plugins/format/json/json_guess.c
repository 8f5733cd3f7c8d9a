/* json_guess.c — what is known of the places in records, and the types that follow from it.
 *
 * Guesses stand in one array, found by parent and name. Trees are merged and read as deep as guesses are,
 * at most WR_NESTED_DEPTH_MAX calls deep. */
#include "json_guess.h"

#include <string.h>

#include "base/hash.h"
#include "types/parse.h"

enum {
    COLUMNS_MAX = 100000,
    NESTED_MAX = 4096, /* guesses inside of columns                                 */
    MEMBERS_MAX = 512, /* of the Structs and Maps of a schema, of the 2048 there are */
    DECIMAL_DIGITS_MAX = 38,
};

/* ---- Guesses ----------------------------------------------------------------------------------- */

static uint32_t slot_of(const json_guesses *all, uint32_t parent, wr_text name)
{
    return (uint32_t)(wr_hash_bytes(name.bytes, name.byte_count) + parent * 0x9e3779b97f4a7c15ull) &
           all->mask;
}

static void put_slot(json_guesses *all, uint32_t g)
{
    uint32_t at = slot_of(all, all->guesses[g].parent, all->guesses[g].name);

    while (all->slots[at])
        at = (at + 1) & all->mask;
    all->slots[at] = g;
}

static wr_status grow(json_guesses *all, wr_error *err)
{
    uint32_t room = all->guess_room ? all->guess_room * 2 : 64;
    json_guess *guesses = WR_BUMP_NEW_ARRAY(all->bump, json_guess, room, err);

    all->slots = WR_BUMP_NEW_ARRAY(all->bump, uint32_t, (size_t)room * 2, err);
    if (!guesses || !all->slots)
        return WR_NO_MEMORY;
    if (all->guess_count)
        memcpy(guesses, all->guesses, all->guess_count * sizeof guesses[0]);
    all->guesses = guesses;
    all->guess_room = room;
    all->mask = room * 2 - 1;
    for (uint32_t g = 1; g < all->guess_count; g++)
        put_slot(all, g);
    return WR_OK;
}

/* *out_guess JSON_NOBODY: there are too many. */
static wr_status add_guess(json_guesses *all, uint32_t parent, wr_text name, uint32_t *out_guess,
                           wr_error *err)
{
    uint32_t nested = all->guess_count - all->guesses[JSON_ROOT].member_count;
    char    *copy;

    *out_guess = JSON_NOBODY;
    if (parent == JSON_ROOT && all->guesses[JSON_ROOT].member_count == COLUMNS_MAX)
        return WR_RAISE(err, WR_DATA, "%.*s: there are more than %d keys", WR_TEXT_ARG(all->path),
                        COLUMNS_MAX);
    if (parent != JSON_ROOT && nested == NESTED_MAX) {
        all->guesses[parent].is_opaque = true;
        return WR_OK;
    }
    if (all->guess_count == all->guess_room)
        WR_TRY(grow(all, err));
    copy = wr_bump_copy(all->bump, name, err);
    if (!copy)
        return WR_NO_MEMORY;
    *out_guess = all->guess_count++;
    all->guesses[*out_guess] = (json_guess){.name = {copy, name.byte_count}, .parent = parent};
    return WR_OK;
}

/* What the elements of an array, or the values of a map, have in common. */
wr_status wr_json_guess_element(json_guesses *all, uint32_t parent, uint32_t *out_guess, wr_error *err)
{
    *out_guess = all->guesses[parent].element;
    if (*out_guess)
        return WR_OK;
    WR_TRY(add_guess(all, parent, WR_TEXT(""), out_guess, err));
    if (*out_guess != JSON_NOBODY)
        all->guesses[parent].element = *out_guess;
    return WR_OK;
}

static wr_status make_map(json_guesses *all, uint32_t parent, wr_error *err);

wr_status wr_json_guess_member(json_guesses *all, uint32_t parent, wr_text name, uint32_t *out_guess,
                           wr_error *err)
{
    json_guess *of = &all->guesses[parent];

    for (uint32_t at = slot_of(all, parent, name); all->slots[at]; at = (at + 1) & all->mask) {
        const json_guess *g = &all->guesses[*out_guess = all->slots[at]];

        if (!of->is_map && g->parent == parent && wr_text_equal(g->name, name))
            return WR_OK;
    }
    if (parent != JSON_ROOT && !of->is_map && of->member_count == all->options->map_keys)
        WR_TRY(make_map(all, parent, err));
    if (all->guesses[parent].is_map)
        return wr_json_guess_element(all, parent, out_guess, err);
    WR_TRY(add_guess(all, parent, name, out_guess, err));
    if (*out_guess == JSON_NOBODY)
        return WR_OK;
    put_slot(all, *out_guess);
    of = &all->guesses[parent];
    if (of->member_count++ == 0)
        of->first = *out_guess;
    else
        all->guesses[of->last].next = *out_guess;
    of->last = *out_guess;
    return WR_OK;
}

/* Take what is known of `from` into account in `into`: as deep as guesses are. */
static wr_status merge(json_guesses *all, uint32_t into, uint32_t from, wr_error *err)
{
    json_guess *a = &all->guesses[into], *b = &all->guesses[from];
    uint32_t to;

    wr_text_guess_merge(&a->texts, &b->texts);
    wr_text_guess_merge(&a->numbers, &b->numbers);
    a->kinds |= b->kinds;
    a->is_fraction |= b->is_fraction;
    a->is_negative |= b->is_negative;
    a->is_beyond_u64 |= b->is_beyond_u64;
    a->is_beyond_decimal |= b->is_beyond_decimal;
    a->is_beyond_double |= b->is_beyond_double;
    a->is_opaque |= b->is_opaque;
    if (b->is_map && !a->is_map)
        WR_TRY(make_map(all, into, err));
    for (uint32_t m = all->guesses[from].first; m && !all->guesses[from].is_map;
         m = all->guesses[m].next) {
        WR_TRY(wr_json_guess_member(all, into, all->guesses[m].name, &to, err));
        if (to != JSON_NOBODY)
            WR_TRY(merge(all, to, m, err));
    }
    if (all->guesses[from].element == 0)
        return WR_OK;
    WR_TRY(wr_json_guess_element(all, into, &to, err));
    return to == JSON_NOBODY ? WR_OK : merge(all, to, all->guesses[from].element, err);
}

/* Too many keys: all its members are one from now on. */
static wr_status make_map(json_guesses *all, uint32_t parent, wr_error *err)
{
    uint32_t value;

    all->guesses[parent].is_map = true;
    WR_TRY(wr_json_guess_element(all, parent, &value, err));
    for (uint32_t m = all->guesses[parent].first; m && value != JSON_NOBODY; m = all->guesses[m].next)
        WR_TRY(merge(all, value, m, err));
    return WR_OK;
}

/* ---- Plain values ------------------------------------------------------------------------------ */

static void add_number(json_guess *g, wr_text text)
{
    static const wr_text_rules USUAL = {0};
    size_t                     digits = text.byte_count - (text.bytes[0] == '-');
    bool                       is_fraction = false;
    uint64_t                   whole;
    double                     number;

    g->kinds |= JSON_KIND_NUMBER;
    g->is_negative |= text.bytes[0] == '-';
    for (size_t i = 0; i < text.byte_count; i++)
        is_fraction |= text.bytes[i] == '.' || (text.bytes[i] | 0x20) == 'e';
    g->is_fraction |= is_fraction;
    if (is_fraction) {
        g->is_beyond_double |= !wr_text_value_parse(&USUAL, WR_TYPE(F64), text, &number);
    } else if (digits > 18) {
        g->is_beyond_u64 |= !wr_parse_u64(text, &whole);
        g->is_beyond_decimal |= digits > DECIMAL_DIGITS_MAX;
    }
    wr_text_guess_add(&g->numbers, &USUAL, text);
}

static void add_text(json_guess *g, const json_token *value)
{
    static const wr_text_rules USUAL = {0};
    size_t                     byte_count = (size_t)(value->end - value->start);

    g->kinds |= JSON_KIND_TEXT;
    if (value->escaped || byte_count == 0)
        g->texts.struck = UINT16_MAX;
    else
        wr_text_guess_add(&g->texts, &USUAL, (wr_text){(const char *)value->start, byte_count});
}

void wr_json_guess_add(json_guess *g, const json_token *value)
{
    if (value->kind == JSON_BOOL)
        g->kinds |= JSON_KIND_BOOL;
    else if (value->kind == JSON_NUMBER)
        add_number(g, (wr_text){(const char *)value->start, (size_t)(value->end - value->start)});
    else if (value->kind == JSON_STRING)
        add_text(g, value);
}

/* ---- Types ------------------------------------------------------------------------------------- */

static wr_type number_type(const json_guess *g)
{
    wr_type type = wr_text_guess_type(&g->numbers);

    if (type.logical != WR_TYPE_UTF8)
        return type;
    if (g->is_beyond_double || (g->is_beyond_decimal && !g->is_fraction))
        return type;
    if (g->is_fraction)
        return WR_TYPE(F64);
    if (!g->is_negative && !g->is_beyond_u64)
        return WR_TYPE(U64);
    return (wr_type){.logical = WR_TYPE_DECIMAL, .precision = DECIMAL_DIGITS_MAX};
}

static wr_type text_type(const json_guess *g)
{
    wr_type type = wr_text_guess_type(&g->texts);

    if (type.logical == WR_TYPE_DATE32 || type.logical == WR_TYPE_TIME ||
        type.logical == WR_TYPE_TIMESTAMP)
        return type;
    return WR_TYPE(UTF8);
}

static wr_status type_of(json_guesses *all, uint32_t index, wr_type *out_type, wr_error *err);

/* The type of a part of a nested value; without a value it is Utf8. */
static wr_status inner_type_of(json_guesses *all, uint32_t index, wr_type *out_type, wr_error *err)
{
    *out_type = WR_TYPE(UTF8);
    if (index)
        WR_TRY(type_of(all, index, out_type, err));
    if (out_type->logical == WR_TYPE_NULL_)
        *out_type = WR_TYPE(UTF8);
    return WR_OK;
}

static wr_status struct_type(json_guesses *all, const json_guess *g, wr_type *out_type, wr_error *err)
{
    wr_member *members;
    wr_error   why = {0}; /* two names that differ in case only: it stays text */
    uint32_t   count = 0;

    if (g->member_count == 0 || g->member_count > all->members_left)
        return WR_OK;
    all->members_left -= g->member_count;
    members = WR_BUMP_NEW_ARRAY(all->bump, wr_member, g->member_count, err);
    if (!members)
        return WR_NO_MEMORY;
    for (uint32_t m = g->first; m; m = all->guesses[m].next) {
        members[count].name = all->guesses[m].name;
        WR_TRY(inner_type_of(all, m, &members[count++].type, err));
    }
    if (wr_type_make_struct(members, count, out_type, &why) != WR_OK)
        *out_type = WR_TYPE(UTF8);
    return WR_OK;
}

static wr_status nested_type(json_guesses *all, const json_guess *g, wr_type *out_type, wr_error *err)
{
    wr_error why = {0}; /* too deep, or there are too many types: it stays text */
    wr_type  element;

    if (g->kinds == JSON_KIND_OBJECT && !g->is_map)
        return struct_type(all, g, out_type, err);
    if (g->is_map && all->members_left < 2)
        return WR_OK;
    all->members_left -= g->is_map ? 2 : 0;
    WR_TRY(inner_type_of(all, g->element, &element, err));
    if ((g->is_map ? wr_type_make_map(WR_TYPE(UTF8), element, out_type, &why)
                   : wr_type_make_list(element, out_type, &why)) != WR_OK)
        *out_type = WR_TYPE(UTF8);
    return WR_OK;
}

/* As deep as guesses are. */
static wr_status type_of(json_guesses *all, uint32_t index, wr_type *out_type, wr_error *err)
{
    const json_guess *g = &all->guesses[index];

    *out_type = WR_TYPE(UTF8);
    if (g->kinds == 0)
        *out_type = WR_TYPE(NULL_);
    else if (g->kinds == JSON_KIND_BOOL)
        *out_type = WR_TYPE(BOOL);
    else if (g->kinds == JSON_KIND_NUMBER)
        *out_type = number_type(g);
    else if (g->kinds == JSON_KIND_TEXT)
        *out_type = text_type(g);
    else if ((g->kinds == JSON_KIND_OBJECT || g->kinds == JSON_KIND_ARRAY) && !g->is_opaque)
        return nested_type(all, g, out_type, err);
    return WR_OK;
}

wr_status wr_json_guess_schema(json_guesses *all, wr_schema *out_schema, wr_error *err)
{
    const json_guess *root = &all->guesses[JSON_ROOT];
    wr_schema    schema = {.fields = WR_BUMP_NEW_ARRAY(all->bump, wr_field,
                                                    (size_t)root->member_count + 1, err)};

    if (!schema.fields)
        return WR_NO_MEMORY;
    for (uint32_t m = root->first; m; m = all->guesses[m].next) {
        wr_field *field = &schema.fields[schema.field_count++];

        *field = (wr_field){.name = all->guesses[m].name, .nullable = true};
        WR_TRY(type_of(all, m, &field->type, err));
    }
    *out_schema = schema;
    return WR_OK;
}

wr_status wr_json_guesses_init(json_guesses *all, const json_read_options *options, wr_text path,
                               wr_bump *bump, wr_error *err)
{
    *all = (json_guesses){.options = options, .path = path, .bump = bump,
                          .members_left = MEMBERS_MAX};
    WR_TRY(grow(all, err));
    all->guess_count = 1;
    return WR_OK;
}
