/* types/nested_text.c — a walk over a nested value that can stop after any step.
 *
 * A step writes at most WR_NESTED_TEXT_ROOM_MIN bytes: a bracket, a name's quote, a plain value; or a part of
 * a string. What is open is a stack by the type's depth; strings are read in pieces from where they lie. */
#include "types/nested_text.h"

#include <string.h>

typedef struct room {
    char  *out;
    size_t used, capacity;
    bool   quotes_non_finite, refuses_non_finite;
} room;

static void put(room *r, const char *bytes, size_t byte_count)
{
    memcpy(r->out + r->used, bytes, byte_count);
    r->used += byte_count;
}

static void put_byte(room *r, char byte)
{
    r->out[r->used++] = byte;
}

/* --- strings -------------------------------------------------------------------------------------- */

static void begin_string(wr_nested_text *text, wr_packed string, bool is_hex)
{
    text->string = string;
    text->string_offset = 0;
    text->is_hex = is_hex;
    text->in_string = true;
    text->is_quoted = false;
}

static void open_quote(wr_nested_text *text, room *r)
{
    put_byte(r, '"');
    if (text->is_hex)
        put(r, "\\\\x", 3);
    text->is_quoted = true;
}

/* A part of the string; it is over when in_string is false. */
static wr_status write_string(wr_nested_text *text, room *r, wr_error *err)
{
    char     piece[512], *to = r->out + r->used;
    uint64_t left = text->string.byte_count - text->string_offset;
    wr_text  part = {piece, left < sizeof piece ? (size_t)left : sizeof piece};
    size_t   written, taken;

    if (!text->is_quoted) {
        open_quote(text, r);
        return WR_OK;
    }
    if (text->string.bytes)
        part = (wr_text){(const char *)text->string.bytes + text->string_offset, (size_t)left};
    else
        WR_TRY(wr_packed_read(&text->string, text->string_offset, piece, part.byte_count, err));
    taken = text->is_hex ? wr_json_put_hex(part, to, r->capacity - r->used, &written)
                         : wr_json_escape(part, to, r->capacity - r->used, &written);
    r->used += written;
    text->string_offset += taken;
    if (text->string_offset == text->string.byte_count && r->used < r->capacity) {
        put_byte(r, '"');
        text->in_string = false;
    }
    return WR_OK;
}

/* --- values ----------------------------------------------------------------------------------------- */

static bool has_text_keys(wr_type map)
{
    return !wr_type_is_nested(wr_type_member(wr_type_element(map), 0).type);
}

/* Is it written in braces? */
static bool is_object(wr_type type)
{
    return type.logical == WR_TYPE_STRUCT || (type.logical == WR_TYPE_MAP && has_text_keys(type));
}

static void open_level(wr_nested_text *text, wr_packed packed, wr_type type, bool is_entry)
{
    wr_nested_level *level = &text->levels[text->depth++];

    wr_assert(text->depth <= WR_NESTED_DEPTH_MAX, "types are not deeper");
    *level = (wr_nested_level){
        .packed = packed, .type = type, .is_entry = is_entry, .is_first = true};
    if (type.logical == WR_TYPE_STRUCT)
        wr_struct_cursor_init(&level->strukt, &level->packed, type);
    else
        wr_list_cursor_init(&level->list, &level->packed, type);
}

static wr_status write_fixed(const wr_packed *packed, wr_slot slot, wr_type type, bool is_key,
                             room *r, wr_error *err)
{
    _Alignas(16) uint8_t cell[16] = {0};

    WR_TRY(wr_packed_read(packed, slot.offset, cell, (size_t)slot.byte_count, err));
    if (!is_key) {
        if (r->refuses_non_finite)
            WR_TRY(wr_json_check_finite(type, cell, err));
        r->used += wr_json_format_fixed(type, cell, r->quotes_non_finite, r->out + r->used);
        return WR_OK;
    }
    put_byte(r, '"');
    r->used += wr_format_any(type, cell, r->out + r->used);
    put_byte(r, '"');
    return WR_OK;
}

/* A value, or what begins it. A key is always in quotes. */
static wr_status write_value(wr_nested_text *text, const wr_packed *packed, wr_slot slot,
                             wr_type type, bool is_key, room *r, wr_error *err)
{
    if (slot.is_null) {
        put(r, is_key ? "\"null\"" : "null", is_key ? 6 : 4);
        return WR_OK;
    }
    if (wr_type_is_nested(type)) {
        open_level(text, wr_packed_inside(packed, slot), type, false);
        return WR_OK;
    }
    if (wr_type_physical(type) != WR_PHYS_STR)
        return write_fixed(packed, slot, type, is_key, r, err);
    begin_string(text, wr_packed_inside(packed, slot), type.logical == WR_TYPE_BINARY);
    return WR_OK;
}

/* --- containers --------------------------------------------------------------------------------------- */

/* Its bracket, unless it is the entry of a Map that is written in braces. */
static void begin_container(wr_nested_level *level, room *r)
{
    if (!level->is_entry)
        put_byte(r, is_object(level->type) ? '{' : '[');
    level->has_begun = true;
}

static void separate(wr_nested_level *level, room *r)
{
    if (!level->is_first)
        put_byte(r, ',');
    level->is_first = false;
}

static wr_status step_sequence(wr_nested_text *text, wr_nested_level *level, room *r, wr_error *err)
{
    bool    braces = is_object(level->type), end;
    wr_slot slot;

    WR_TRY(wr_list_cursor_next(&level->list, &slot, &end, err));
    if (end) {
        put_byte(r, braces ? '}' : ']');
        text->depth--;
        return WR_OK;
    }
    separate(level, r);
    if (!braces)
        return write_value(text, &level->packed, slot, wr_type_element(level->type), false, r, err);
    if (slot.is_null)
        return WR_RAISE(err, WR_CORRUPT, "a nested value is damaged: an entry of a Map is NULL");
    open_level(text, wr_packed_inside(&level->packed, slot), wr_type_element(level->type), true);
    return WR_OK;
}

/* A member's name and then its value; of an entry the key is the name. */
static wr_status step_struct(wr_nested_text *text, wr_nested_level *level, room *r, wr_error *err)
{
    uint32_t  index = level->strukt.member;
    wr_member member;
    wr_slot   slot;

    if (index == wr_type_member_count(level->type)) {
        if (!level->is_entry)
            put_byte(r, '}');
        text->depth--;
        return WR_OK;
    }
    member = wr_type_member(level->type, index);
    if (!level->is_entry && !level->has_name) {
        separate(level, r);
        level->has_name = true;
        begin_string(text, (wr_packed){.bytes = (const uint8_t *)member.name.bytes,
                                       .byte_count = member.name.byte_count}, false);
        return WR_OK;
    }
    if (!level->is_entry || index == 1)
        put_byte(r, ':');
    level->has_name = false;
    WR_TRY(wr_struct_cursor_next(&level->strukt, &slot, err));
    return write_value(text, &level->packed, slot, member.type, level->is_entry && index == 0, r,
                       err);
}

static wr_status step_container(wr_nested_text *text, room *r, wr_error *err)
{
    wr_nested_level *level = &text->levels[text->depth - 1];

    if (!level->has_begun) {
        begin_container(level, r);
        return WR_OK;
    }
    return level->type.logical == WR_TYPE_STRUCT ? step_struct(text, level, r, err)
                                                 : step_sequence(text, level, r, err);
}

/* --- interface ------------------------------------------------------------------------------------------ */

void wr_nested_text_begin(wr_nested_text *text, wr_type type, const wr_str *value,
                          wr_packed_window *window)
{
    wr_packed packed = wr_packed_of(value);

    if (window)
        window->byte_count = 0; /* it may be of another blob */
    packed.window = window;
    text->depth = 0;
    text->in_string = text->quotes_non_finite = text->refuses_non_finite = false;
    if (wr_type_is_nested(type))
        open_level(text, packed, type, false);
    else
        begin_string(text, packed, type.logical == WR_TYPE_BINARY);
}

wr_status wr_nested_text_write(wr_nested_text *text, char *out, size_t capacity,
                               size_t *out_written, bool *out_done, wr_error *err)
{
    room r = {.out = out, .capacity = capacity, .quotes_non_finite = text->quotes_non_finite,
              .refuses_non_finite = text->refuses_non_finite};

    *out_done = false;
    while ((text->in_string || text->depth > 0) && capacity - r.used >= WR_NESTED_TEXT_ROOM_MIN)
        WR_TRY(text->in_string ? write_string(text, &r, err) : step_container(text, &r, err));
    *out_done = !text->in_string && text->depth == 0;
    *out_written = r.used;
    return WR_OK;
}
