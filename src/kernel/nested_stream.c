/* kernel/nested_stream.c — the JSON text of a nested value that is longer than memory.
 *
 * The text passes through a window. A value that is whole in it and fits the room is read by nested_read.c;
 * one that is not is opened here, its elements or members read one after the other, and so on down the type.
 * What is packed leaves the room whenever half of it is full, values that are still open among it:
 * their lengths are written where they went to when they are known.
 *
 * Invariants
 *  1. The reader's places of members are those of the whole text where a struct is read here.
 *  2. Whatever is read here in parts is read in the order of nested_read.c, so its faults are the same.
 * Cost: a struct that is opened here is looked over once a level, by blobs that are read again. */
#include <string.h>

#include "kernel/nested_read_priv.h"

enum {
    PART_BYTES = WR_NESTED_MEMBERS_MAX / 8 + 256, /* a cell, the bit map of a struct or block, headers */
    CAPACITY_MIN = 4096,
    PLACE_NULL = UINT32_MAX, /* of a member that is null: no value begins there */
};

typedef wr_nested_stream stream;

/* ---- The room ------------------------------------------------------------------------------------ */

static wr_status make_room(stream *s, size_t byte_count, wr_error *err)
{
    return s->out.capacity - s->out.used < byte_count ? wr_nested_give(s, 0, err) : WR_OK;
}

/* Behind an element: the closed blocks of a list leave when they are many. */
static wr_status give_blocks(stream *s, const wr_list_packer *list, wr_error *err)
{
    if (s->out.used < s->out.capacity / 2)
        return WR_OK;
    return wr_nested_give(s, list->count ? list->block_begin : wr_packer_place(&s->out), err);
}

/* Lengths of what went away. */
static wr_status write_late(stream *s, wr_error *err)
{
    uint64_t place = wr_nested_place(s);

    if (s->late.count == 0)
        return WR_OK;
    for (uint32_t i = 0; i < s->late.count; i++)
        WR_TRY(s->sink->patch(s->sink->self, s->late.places[i], s->late.values[i], s->room->text, err));
    s->late.count = 0;
    return wr_nested_refill(s, place, err);
}

/* ---- Values that are whole ------------------------------------------------------------------------- */

/* What was tried from `from` on needs more text; *out_again: here it is, or a fault when there is none. */
static wr_status bring_more(stream *s, const uint8_t *from, bool *out_again, wr_error *err)
{
    if (!wr_nested_has_more(s))
        return wr_nested_check(s, false);
    return wr_nested_move(s, from, out_again, err);
}

static bool read_open(stream *s, wr_type type, bool is_entry)
{
    return is_entry ? wr_nested_read_struct(s->reader, type, true, &s->out)
                    : wr_nested_read_open(s->reader, type, &s->out);
}

/* A number or word that ends with the window may go on behind it. */
static bool is_ended(const stream *s)
{
    return s->reader->at < s->reader->end || !wr_nested_has_more(s);
}

/* *out_done false: it is longer than the window or the room, which is empty; the reader is where it begins. */
static wr_status read_whole(stream *s, wr_type type, bool is_entry, bool *out_done, wr_error *err)
{
    wr_nested_reader *r = s->reader;
    uint32_t          places_used = r->places_used;
    bool              again = true;

    for (*out_done = false; again;) {
        const uint8_t *from = r->at;
        size_t         used = s->out.used;
        bool           fine = read_open(s, type, is_entry), is_full = s->out.is_full;

        *out_done = fine && !is_full && is_ended(s);
        if (*out_done)
            return WR_OK;
        s->out.used = used;
        s->out.is_full = false;
        r->places_used = places_used;
        again = is_full && used > 0;
        if (is_full && (again || fine))
            r->at = from;
        if (again)
            WR_TRY(wr_nested_give(s, 0, err));
        else if (!is_full || !fine)
            WR_TRY(bring_more(s, from, &again, err));
    }
    return WR_OK;
}

/* The value here is longer than the window: it has its own faults, or reads as nothing of fixed width. */
static wr_status refuse_cell(stream *s, wr_type type, wr_error *err)
{
    wr_nested_reader *r = s->reader;
    uint64_t          place = wr_nested_place(s);
    const uint8_t    *shown;

    if (*r->at == '"' || *r->at == '{' || *r->at == '[')
        WR_TRY(wr_nested_pass(s, WR_NESTED_PASS, err));
    WR_TRY(wr_nested_refill(s, place, err));
    shown = r->at + (*r->at == '"');
    r->fault = (wr_nested_fault){.at = (uint64_t)(shown - r->begin), .type = type,
                                 .value = {(const char *)shown, (size_t)(r->end - shown)}};
    return wr_nested_check(s, false);
}

static wr_status read_cell(stream *s, wr_type type, void *out_cell, wr_error *err)
{
    wr_nested_reader *r = s->reader;
    bool              again = true, is_plain = false;

    while (again) {
        const uint8_t *from = r->at;
        bool           fine = wr_nested_read_cell(r, type, out_cell), is_value = fine || !r->fault.why;

        if (is_value && is_ended(s))
            return wr_nested_check(s, fine);
        is_plain = !is_value && *from != '"' && *from != '{' && *from != '[';
        WR_TRY(bring_more(s, from, &again, err));
    }
    return is_plain ? wr_nested_check(s, false) : refuse_cell(s, type, err);
}

static wr_status take_null(stream *s, bool *out_null, wr_error *err)
{
    uint8_t byte;

    WR_TRY(wr_nested_peek(s, &byte, err));
    WR_TRY(wr_nested_look_ahead(s, sizeof "null", err));
    *out_null = byte == 'n' && wr_nested_take_null(s->reader);
    return WR_OK;
}

/* ---- Steps --------------------------------------------------------------------------------------- */

static wr_status read_value(stream *s, wr_type type, bool is_entry, wr_error *err);

/* An element or member. */
static wr_status read_part(stream *s, wr_type type, const wr_pack_target *to, wr_error *err)
{
    _Alignas(16) uint8_t cell[16];
    bool is_null;

    WR_TRY(make_room(s, PART_BYTES, err));
    WR_TRY(take_null(s, &is_null, err));
    if (!is_null && wr_type_is_bytes(type)) {
        wr_pack_open(to);
        WR_TRY(read_value(s, type, false, err));
        wr_pack_close(to);
    } else if (!is_null) {
        WR_TRY(read_cell(s, type, cell, err));
        wr_pack_cell(to, cell);
    } else {
        wr_pack_cell(to, NULL);
    }
    return write_late(s, err);
}

/* The opening bracket; *out_more: there is something behind it. */
static wr_status take_open(stream *s, uint8_t open, uint8_t close, const char *otherwise,
                           bool *out_more, wr_error *err)
{
    uint8_t byte;

    WR_TRY(wr_nested_peek(s, &byte, err));
    if (byte != open)
        return wr_nested_refuse(s, otherwise, wr_nested_place(s));
    s->reader->at++;
    WR_TRY(wr_nested_peek(s, &byte, err));
    *out_more = byte != close;
    s->reader->at += !*out_more;
    return WR_OK;
}

static wr_status take_separator(stream *s, uint8_t close, const char *otherwise, bool *out_more,
                                wr_error *err)
{
    uint8_t byte;

    WR_TRY(wr_nested_peek(s, &byte, err));
    return wr_nested_check(s, wr_nested_take_separator(s->reader, close, otherwise, out_more));
}

static wr_status take_colon(stream *s, wr_error *err)
{
    uint8_t byte;

    WR_TRY(wr_nested_peek(s, &byte, err));
    return wr_nested_check(s, wr_nested_take_byte(s->reader, ':', "expected ':' behind a key"));
}

/* A key of an object and its colon; *out_member: which of a struct's it is. One that is longer than the
 * window is none. */
static wr_status pass_key(stream *s, wr_type type, uint32_t guess, uint32_t *out_member,
                          wr_error *err)
{
    wr_nested_token key;
    uint8_t         byte;
    bool            again = true;

    *out_member = WR_FIELD_NONE;
    WR_TRY(wr_nested_peek(s, &byte, err));
    while (again) {
        const uint8_t *from = s->reader->at;

        if (wr_nested_take_key(s->reader, &key)) {
            if (type.logical == WR_TYPE_STRUCT)
                *out_member = wr_nested_find_member(type, &key, guess);
            return take_colon(s, err);
        }
        WR_TRY(bring_more(s, from, &again, err));
    }
    if (byte != '"')
        return wr_nested_check(s, false);
    WR_TRY(wr_nested_pass_string(s, WR_NESTED_PASS, err));
    return take_colon(s, err);
}

/* ---- Structs ------------------------------------------------------------------------------------- */

/* Note where the value of each member begins. */
static wr_status find_places(stream *s, wr_type type, uint32_t *places, wr_error *err)
{
    uint32_t guess = 0;
    bool     more;

    WR_TRY(take_open(s, '{', '}', "expected '{'", &more, err));
    while (more) {
        uint64_t    key, place;
        uint32_t    member;
        uint8_t     byte;
        const char *fault;

        WR_TRY(wr_nested_peek(s, &byte, err));
        key = wr_nested_place(s);
        WR_TRY(pass_key(s, type, guess, &member, err));
        WR_TRY(wr_nested_peek(s, &byte, err));
        place = byte == 'n' ? PLACE_NULL : wr_nested_place(s) + 1;
        WR_TRY(wr_nested_pass(s, WR_NESTED_PASS, err));
        WR_TRY(take_separator(s, '}', "expected ',' or '}'", &more, err));
        fault = wr_nested_check_member(s->reader, member, places);
        if (fault)
            return wr_nested_refuse(s, fault, key);
        if (member == WR_FIELD_NONE)
            continue;
        if (places[member] == 0 || s->reader->rules.twin_keys == WR_TWIN_LAST)
            places[member] = (uint32_t)place;
        guess = member + 1;
    }
    return WR_OK;
}

static wr_status read_struct(stream *s, wr_type type, bool is_entry, wr_error *err)
{
    wr_nested_reader *r = s->reader;
    uint32_t          count = wr_type_member_count(type), *places = r->places + r->places_used;
    wr_struct_packer  strukt;
    wr_pack_target    to = {.strukt = &strukt};
    uint64_t          end;

    wr_assert(count <= WR_NESTED_MEMBERS_MAX - r->places_used, "types on a path differ");
    memset(places, 0, count * sizeof *places);
    WR_TRY(find_places(s, type, places, err));
    r->places_used += count;
    end = wr_nested_place(s);
    if (is_entry && (places[0] == 0 || places[0] == PLACE_NULL))
        return wr_nested_refuse(s, "an entry of a Map has no key", end);
    WR_TRY(make_room(s, PART_BYTES, err));
    wr_struct_pack_begin(&strukt, &s->out, type);
    for (uint32_t i = 0; i < count; i++)
        if (places[i] != 0 && places[i] != PLACE_NULL)
            wr_struct_pack_expect(&strukt, i);
    for (uint32_t i = 0; i < count; i++) {
        if (places[i] == 0 || places[i] == PLACE_NULL) {
            WR_TRY(make_room(s, PART_BYTES, err));
            wr_struct_pack_cell(&strukt, NULL);
            continue;
        }
        WR_TRY(wr_nested_seek(s, places[i] - 1, err));
        WR_TRY(read_part(s, wr_type_member(type, i).type, &to, err));
    }
    r->places_used -= count;
    return wr_nested_seek(s, end, err);
}

/* ---- Lists and maps ------------------------------------------------------------------------------- */

/* Of a Map that is written as a list. */
static wr_status read_entry(stream *s, wr_type type, wr_list_packer *list, wr_error *err)
{
    WR_TRY(make_room(s, PART_BYTES, err));
    wr_list_pack_open(list);
    WR_TRY(read_value(s, type, true, err));
    wr_list_pack_close(list);
    return write_late(s, err);
}

static wr_status read_list(stream *s, wr_type type, wr_error *err)
{
    wr_list_packer list;
    wr_type        element = wr_type_element(type);
    wr_pack_target to = {.list = &list};
    bool           more;

    WR_TRY(take_open(s, '[', ']', "expected '['", &more, err));
    wr_list_pack_begin(&list, &s->out, element);
    while (more) {
        if (type.logical == WR_TYPE_MAP)
            WR_TRY(read_entry(s, element, &list, err));
        else
            WR_TRY(read_part(s, element, &to, err));
        WR_TRY(take_separator(s, ']', "expected ',' or ']'", &more, err));
        WR_TRY(give_blocks(s, &list, err));
    }
    WR_TRY(make_room(s, PART_BYTES, err));
    wr_list_pack_end(&list);
    return write_late(s, err);
}

/* The key of an entry, which has to be whole in the window, and its colon. */
static wr_status read_key(stream *s, wr_type type, wr_struct_packer *entry, wr_error *err)
{
    wr_nested_reader *r = s->reader;
    uint8_t           byte;
    bool              again = true, is_long = false;

    WR_TRY(wr_nested_peek(s, &byte, err));
    while (again) {
        wr_struct_packer before = *entry;
        size_t           used = s->out.used;
        const uint8_t   *from = r->at;

        if (wr_nested_read_key(r, type, entry))
            return take_colon(s, err);
        *entry = before;
        s->out.used = used;
        is_long = byte == '"' && !wr_type_is_nested(type) && r->at == from;
        WR_TRY(bring_more(s, from, &again, err));
    }
    return is_long ? wr_nested_refuse(s, "a key of this Map is too long", wr_nested_place(s))
                   : wr_nested_check(s, false);
}

/* {"key": value, ...} */
static wr_status read_object(stream *s, wr_type type, wr_error *err)
{
    wr_type          entry = wr_type_element(type);
    wr_list_packer   list;
    wr_struct_packer strukt;
    wr_pack_target   to = {.strukt = &strukt};
    bool             more;

    WR_TRY(take_open(s, '{', '}', "expected '{'", &more, err));
    wr_list_pack_begin(&list, &s->out, entry);
    while (more) {
        WR_TRY(make_room(s, s->room->text_bytes + 2 * PART_BYTES, err));
        wr_list_pack_open(&list);
        wr_struct_pack_begin(&strukt, &s->out, entry);
        WR_TRY(read_key(s, wr_type_member(entry, 0).type, &strukt, err));
        WR_TRY(read_part(s, wr_type_member(entry, 1).type, &to, err));
        wr_list_pack_close(&list);
        WR_TRY(write_late(s, err));
        WR_TRY(take_separator(s, '}', "expected ',' or '}'", &more, err));
        WR_TRY(give_blocks(s, &list, err));
    }
    wr_list_pack_end(&list);
    return write_late(s, err);
}

/* The fault of entry `index` of the Map whose text begins at `begin`. */
static wr_status refuse_twin(stream *s, uint64_t begin, wr_type type, uint64_t index, wr_error *err)
{
    uint32_t member;
    uint8_t  open, byte;
    bool     more = true;

    WR_TRY(wr_nested_refill(s, begin, err));
    WR_TRY(wr_nested_peek(s, &open, err));
    s->reader->at++;
    for (; more && index > 0; index--) {
        if (open == '{')
            WR_TRY(pass_key(s, type, 0, &member, err));
        WR_TRY(wr_nested_peek(s, &byte, err));
        WR_TRY(wr_nested_pass(s, WR_NESTED_PASS, err));
        WR_TRY(take_separator(s, open == '{' ? '}' : ']', "", &more, err));
    }
    WR_TRY(wr_nested_peek(s, &byte, err));
    return wr_nested_refuse(s, "a key of this Map comes twice", wr_nested_place(s));
}

static wr_status read_map(stream *s, wr_type type, wr_error *err)
{
    uint64_t begin = wr_packer_place(&s->out), text, end, index;
    uint8_t  open;
    bool     found;

    WR_TRY(wr_nested_peek(s, &open, err));
    text = wr_nested_place(s);
    if (open == '[')
        WR_TRY(read_list(s, type, err));
    else
        WR_TRY(read_object(s, type, err));
    WR_TRY(wr_nested_give(s, 0, err));
    end = wr_nested_place(s);
    WR_TRY(wr_nested_find_long_twin(s, begin, type, &found, &index, err));
    return found ? refuse_twin(s, text, type, index, err) : wr_nested_refill(s, end, err);
}

/* ---- Values -------------------------------------------------------------------------------------- */

/* Of bytes as of nested_read.c, but for the spelling "\\x00ff". */
static wr_status copy_text(stream *s, wr_type type, wr_error *err)
{
    const wr_nested_reader *r = s->reader;

    WR_TRY(wr_nested_look_ahead(s, 4, err));
    if (type.logical == WR_TYPE_BINARY && r->end - r->at >= 4 && memcmp(r->at, "\"\\\\x", 4) == 0)
        return wr_nested_refuse(s, "bytes in hexadecimal are too long", wr_nested_place(s));
    return wr_nested_pass(s, WR_NESTED_PLAIN, err);
}

/* The bytes of a value that is not NULL and of physical STR; is_entry: of a Map that is a list. */
static wr_status read_value(stream *s, wr_type type, bool is_entry, wr_error *err)
{
    bool done;

    WR_TRY(read_whole(s, type, is_entry, &done, err));
    if (done)
        return WR_OK;
    if (s->out.capacity < s->room->text_bytes + CAPACITY_MIN)
        return wr_nested_refuse(s, "it is too long", wr_nested_place(s));
    if (type.logical == WR_TYPE_STRUCT)
        return read_struct(s, type, is_entry, err);
    if (type.logical == WR_TYPE_LIST)
        return read_list(s, type, err);
    return type.logical == WR_TYPE_MAP ? read_map(s, type, err) : copy_text(s, type, err);
}

/* ---- Columns ------------------------------------------------------------------------------------- */

static wr_status read_memory(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                             size_t *out_bytes, wr_error *err)
{
    uint64_t left = blob->byte_count - offset;

    (void)err;
    *out_bytes = bytes < left ? bytes : (size_t)left;
    memcpy(buffer, (const uint8_t *)blob->owner + offset, *out_bytes);
    return WR_OK;
}

static void begin(stream *s, wr_nested_room *room, const wr_str *text, const wr_nested_sink *sink)
{
    *s = (stream){.room = room, .reader = room->reader, .sink = sink,
                  .out = {.bytes = room->bytes + room->used,
                          .capacity = (size_t)(room->capacity - room->used)}};
    if (wr_str_is_blob(text))
        s->text = *wr_str_blob(text);
    else
        s->text = (wr_blob){.byte_count = text->byte_count, .read = read_memory,
                            .owner = (void *)(uintptr_t)wr_str_bytes(text)};
    s->out.late = &s->late;
    room->reader->begin = room->reader->at = room->reader->end = room->text;
    room->reader->places_used = 0;
    room->reader->fault = (wr_nested_fault){.why = "the text ends early"};
}

static wr_status read_column(stream *s, wr_type type, bool *out_null, wr_error *err)
{
    uint8_t byte;

    WR_TRY(take_null(s, out_null, err));
    if (!*out_null)
        WR_TRY(read_value(s, type, false, err));
    WR_TRY(wr_nested_peek(s, &byte, err));
    return byte == 0 && s->reader->at == s->reader->end
               ? WR_OK : wr_nested_refuse(s, "there is text behind the value", wr_nested_place(s));
}

wr_status wr_nested_take_long(wr_nested_room *room, const wr_str *text, wr_type type,
                              const wr_nested_sink *sink, wr_str *out_value, bool *out_long,
                              wr_nested_taken *out_taken, wr_error *err)
{
    stream    s;
    bool      is_null = false;
    wr_status status;

    begin(&s, room, text, sink);
    *out_value = (wr_str){0};
    *out_long = false;
    *out_taken = WR_NESTED_BAD;
    status = read_column(&s, type, &is_null, err);
    if (status != WR_OK)
        return s.is_bad ? WR_OK : status;
    wr_assert(!s.out.is_full, "what does not fit leaves");
    *out_taken = is_null ? WR_NESTED_NULL : WR_NESTED_VALUE;
    *out_long = s.out.given > 0 || (s.out.used > WR_STR_INLINE_BYTES &&
                                    room->used + s.out.used > room->capacity / 4);
    if (*out_long)
        return wr_nested_give(&s, 0, err);
    *out_value = wr_str_of((const char *)s.out.bytes, s.out.used);
    room->used += s.out.used;
    return WR_OK;
}
