/* kernel/nested_read.c — a descent over the type, with the text beside it.
 *
 * A struct is packed in the order of its type, which the text need not keep: the first look notes where
 * the value of each member begins, then each is read from there. Places of all structs on the way down
 * share one stack: types on a path differ, so their members together are no more than the table's. */
#include "kernel/nested_read_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "kernel/text_column.h"
#include "types/json_text.h"
#include "types/parse.h"

enum { SHORT_BYTES_MAX = 256, SHOWN_BYTES_MAX = 40 };

typedef wr_nested_reader reader;

typedef wr_nested_token token;

static bool fail(reader *r, const char *why)
{
    r->fault = (wr_nested_fault){.why = why, .at = (uint64_t)(r->at - r->begin)};
    return false;
}

static bool fail_value(reader *r, const token *value, wr_type type)
{
    r->fault = (wr_nested_fault){.at = (uint64_t)((const uint8_t *)value->text.bytes - r->begin),
                                 .value = value->text, .type = type};
    return false;
}

/* --- tokens --------------------------------------------------------------------------------------- */

static void skip_blanks(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

/* The next byte that is no blank; 0 at the end. */
static uint8_t peek(reader *r)
{
    skip_blanks(r);
    return r->at < r->end ? *r->at : 0;
}

bool wr_nested_take_byte(reader *r, uint8_t byte, const char *otherwise)
{
    if (peek(r) != byte)
        return fail(r, otherwise);
    r->at++;
    return true;
}

/* At a quote. */
static bool take_string(reader *r, token *out)
{
    const uint8_t *open = r->at++;

    *out = (token){.text.bytes = (const char *)r->at, .is_string = true};
    for (; r->at < r->end && *r->at != '"'; r->at++) {
        if (*r->at < ' ')
            return fail(r, "a control character in a string");
        if (*r->at == '\\') {
            const uint8_t *behind = wr_json_escape_end(r->at, r->end);

            if (!behind)
                return fail(r, "not an escape");
            out->escaped = true;
            r->at = behind - 1;
        }
    }
    if (r->at >= r->end) {
        r->at = open;
        return fail(r, "a string is never closed");
    }
    out->text.byte_count = (size_t)((const char *)r->at++ - out->text.bytes);
    return true;
}

/* An object or array as its text: brackets match, strings end. */
static bool take_nested(reader *r, token *out)
{
    uint64_t braces[WR_NESTED_SKIP_DEPTH_MAX / 64];
    uint32_t depth = 0;
    const uint8_t *open = r->at;
    token string;

    *out = (token){.text.bytes = (const char *)open};
    for (; r->at < r->end; r->at++) {
        if (*r->at == '{' || *r->at == '[') {
            if (depth == WR_NESTED_SKIP_DEPTH_MAX)
                return fail(r, "nested too deeply");
            wr_bit_put(braces, depth++, *r->at == '{');
        } else if (*r->at == '}' || *r->at == ']') {
            if (wr_bit_get(braces, --depth) != (*r->at == '}'))
                return fail(r, "brackets do not match");
            if (depth == 0) {
                out->text.byte_count = (size_t)(++r->at - open);
                return true;
            }
        } else if (*r->at == '"') {
            if (!take_string(r, &string))
                return false;
            r->at--;
        }
    }
    r->at = open;
    return fail(r, "an object or array is never closed");
}

static bool take_word(reader *r, const char *word, token *out)
{
    size_t length = strlen(word);

    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return fail(r, "expected a value");
    *out = (token){.text = {(const char *)r->at, length}, .is_null = *word == 'n'};
    r->at += length;
    return true;
}

static bool take_number(reader *r, token *out)
{
    const uint8_t *behind = wr_json_number_end(r->at, r->end);

    if (!behind)
        return fail(r, *r->at == '-' || (*r->at >= '0' && *r->at <= '9') ? "not a number"
                                                                         : "expected a value");
    *out = (token){.text = {(const char *)r->at, (size_t)(behind - r->at)}};
    r->at = behind;
    return true;
}

/* Any value. */
bool wr_nested_take_token(reader *r, token *out)
{
    switch (peek(r)) {
    case '"':
        return take_string(r, out);
    case '{':
    case '[':
        return take_nested(r, out);
    case 't':
        return take_word(r, "true", out);
    case 'f':
        return take_word(r, "false", out);
    case 'n':
        return take_word(r, "null", out);
    default:
        return r->at < r->end ? take_number(r, out) : fail(r, "the text ends early");
    }
}

/* Is the next value null? Then it is taken. */
bool wr_nested_take_null(reader *r)
{
    token word;

    return peek(r) == 'n' && take_word(r, "null", &word);
}

/* --- plain values ------------------------------------------------------------------------------------ */

static bool read_fixed(reader *r, const token *value, wr_type type, void *out_cell)
{
    static const wr_text_rules USUAL = {0};
    wr_text text = value->text;
    uint8_t plain[SHORT_BYTES_MAX];

    if (value->escaped) {
        if (text.byte_count > sizeof plain)
            return fail_value(r, value, type);
        text.byte_count = wr_json_unescape((const uint8_t *)text.bytes, (uint32_t)text.byte_count,
                                           plain);
        text.bytes = (const char *)plain;
    }
    return wr_text_value_parse(&USUAL, type, text, out_cell) || fail_value(r, value, type);
}

/* The bytes of a text or of binary, which may be spelled "\\x00ff". */
static bool read_bytes(reader *r, const token *value, wr_type type, wr_packer *out)
{
    uint8_t *to = out->bytes + out->used;
    wr_text  text = value->text;
    size_t   byte_count;

    if (!value->escaped) {
        wr_pack_bytes(out, text.bytes, text.byte_count);
        return true;
    }
    if (out->is_full || out->capacity - out->used < text.byte_count) {
        out->is_full = true;
        return true;
    }
    byte_count = wr_json_unescape((const uint8_t *)text.bytes, (uint32_t)text.byte_count, to);
    text = (wr_text){(const char *)to, byte_count};
    if (type.logical == WR_TYPE_BINARY && wr_text_starts_with(text, WR_TEXT("\\x")) &&
        !wr_parse_binary_hex(text, to, &byte_count))
        return fail_value(r, value, type);
    out->used += byte_count;
    return true;
}

/* --- containers ------------------------------------------------------------------------------------------ */

static bool read_container(reader *r, wr_type type, wr_packer *out);

/* The opening bracket; *out_more: there is something behind it. */
static bool take_open(reader *r, uint8_t open, uint8_t close, const char *otherwise, bool *out_more)
{
    if (!wr_nested_take_byte(r, open, otherwise))
        return false;
    *out_more = peek(r) != close;
    r->at += !*out_more;
    return true;
}

/* What stands behind an element or member. */
bool wr_nested_take_separator(reader *r, uint8_t close, const char *otherwise, bool *out_more)
{
    uint8_t byte = peek(r);

    if (byte != ',' && byte != close)
        return fail(r, otherwise);
    r->at++;
    *out_more = byte == ',';
    return true;
}

/* The bytes of one that is not NULL and of physical STR. */
bool wr_nested_read_open(reader *r, wr_type type, wr_packer *out)
{
    token value;

    if (wr_type_is_nested(type))
        return read_container(r, type, out);
    return wr_nested_take_token(r, &value) && read_bytes(r, &value, type, out);
}

bool wr_nested_read_cell(reader *r, wr_type type, void *out_cell)
{
    token value;

    return wr_nested_take_token(r, &value) && read_fixed(r, &value, type, out_cell);
}

static bool read_element(reader *r, wr_type type, wr_list_packer *list)
{
    _Alignas(16) uint8_t cell[16];
    bool fine;

    if (wr_nested_take_null(r)) {
        wr_list_pack_cell(list, NULL);
        return true;
    }
    if (wr_type_is_bytes(type)) {
        wr_list_pack_open(list);
        fine = wr_nested_read_open(r, type, list->out);
        wr_list_pack_close(list);
        return fine;
    }
    fine = wr_nested_read_cell(r, type, cell);
    wr_list_pack_cell(list, cell);
    return fine;
}

/* Of a Map that is written as a list. */
static bool read_entry(reader *r, wr_type type, wr_list_packer *list)
{
    bool fine;

    wr_list_pack_open(list);
    fine = wr_nested_read_struct(r, type, true, list->out);
    wr_list_pack_close(list);
    return fine;
}

static bool read_list(reader *r, wr_type type, wr_packer *out)
{
    wr_list_packer list;
    wr_type        element = wr_type_element(type);
    bool           more;

    if (!take_open(r, '[', ']', "expected '['", &more))
        return false;
    wr_list_pack_begin(&list, out, element);
    while (more) {
        if (!(type.logical == WR_TYPE_MAP ? read_entry(r, element, &list)
                                          : read_element(r, element, &list)) ||
            !wr_nested_take_separator(r, ']', "expected ',' or ']'", &more))
            return false;
    }
    wr_list_pack_end(&list);
    return true;
}

static bool read_member(reader *r, wr_type type, wr_struct_packer *strukt)
{
    _Alignas(16) uint8_t cell[16];
    bool fine;

    if (wr_nested_take_null(r)) {
        wr_struct_pack_cell(strukt, NULL);
        return true;
    }
    if (wr_type_is_bytes(type)) {
        wr_struct_pack_open(strukt);
        fine = wr_nested_read_open(r, type, strukt->out);
        wr_struct_pack_close(strukt);
        return fine;
    }
    fine = wr_nested_read_cell(r, type, cell);
    wr_struct_pack_cell(strukt, cell);
    return fine;
}

/* Which member has this name; `guess` is looked at first. */
uint32_t wr_nested_find_member(wr_type type, const token *key, uint32_t guess)
{
    wr_text name = key->text;
    uint8_t plain[SHORT_BYTES_MAX];

    if (key->escaped) {
        if (name.byte_count > sizeof plain)
            return WR_FIELD_NONE;
        name.byte_count = wr_json_unescape((const uint8_t *)name.bytes, (uint32_t)name.byte_count,
                                           plain);
        name.bytes = (const char *)plain;
    }
    if (guess < wr_type_member_count(type) && wr_text_equal(wr_type_member(type, guess).name, name))
        return guess;
    return wr_type_find_member(type, name);
}

bool wr_nested_take_key(reader *r, token *out)
{
    if (peek(r) != '"')
        return fail(r, "expected a key in quotes");
    return take_string(r, out);
}

const char *wr_nested_check_member(const reader *r, uint32_t member, const uint32_t *places)
{
    if (member == WR_FIELD_NONE)
        return r->rules.refuses_unknown ? "a key that the Struct does not have" : NULL;
    return places[member] && r->rules.twin_keys == WR_TWIN_ERROR ? "a key comes twice" : NULL;
}

/* Walk over the object and note where each member's value begins. */
static bool find_places(reader *r, wr_type type, uint32_t *places)
{
    uint32_t guess = 0;
    bool     more;

    if (!take_open(r, '{', '}', "expected '{'", &more))
        return false;
    while (more) {
        token       key, value;
        uint32_t    member, place;
        const char *fault;

        if (!wr_nested_take_key(r, &key) || !wr_nested_take_byte(r, ':', "expected ':' behind a key"))
            return false;
        skip_blanks(r);
        place = (uint32_t)(r->at - r->begin) + 1;
        if (!wr_nested_take_token(r, &value) ||
            !wr_nested_take_separator(r, '}', "expected ',' or '}'", &more))
            return false;
        member = wr_nested_find_member(type, &key, guess);
        fault = wr_nested_check_member(r, member, places);
        if (fault) {
            r->at = (const uint8_t *)key.text.bytes - 1;
            return fail(r, fault);
        }
        if (member == WR_FIELD_NONE)
            continue;
        if (places[member] == 0 || r->rules.twin_keys == WR_TWIN_LAST)
            places[member] = place;
        guess = member + 1;
    }
    return true;
}

bool wr_nested_read_struct(reader *r, wr_type type, bool is_entry, wr_packer *out)
{
    uint32_t         count = wr_type_member_count(type), *places = r->places + r->places_used;
    const uint8_t   *end;
    wr_struct_packer strukt;

    wr_assert(count <= WR_NESTED_MEMBERS_MAX - r->places_used, "types on a path differ");
    memset(places, 0, count * sizeof *places);
    if (!find_places(r, type, places))
        return false;
    r->places_used += count;
    end = r->at;
    if (is_entry && (places[0] == 0 || r->begin[places[0] - 1] == 'n'))
        return fail(r, "an entry of a Map has no key");
    wr_struct_pack_begin(&strukt, out, type);
    for (uint32_t i = 0; i < count; i++) {
        if (places[i] == 0) {
            wr_struct_pack_cell(&strukt, NULL);
            continue;
        }
        r->at = r->begin + places[i] - 1;
        if (!read_member(r, wr_type_member(type, i).type, &strukt))
            return false;
    }
    r->at = end;
    r->places_used -= count;
    return true;
}

bool wr_nested_read_key(reader *r, wr_type type, wr_struct_packer *entry)
{
    _Alignas(16) uint8_t cell[16];
    token key;
    bool  fine;

    if (wr_type_is_nested(type))
        return fail(r, "expected '[': the keys of this Map are no texts, so it is a list of entries");
    if (!wr_nested_take_key(r, &key))
        return false;
    if (wr_type_is_bytes(type)) {
        wr_struct_pack_open(entry);
        fine = read_bytes(r, &key, type, entry->out);
        wr_struct_pack_close(entry);
        return fine;
    }
    fine = read_fixed(r, &key, type, cell);
    wr_struct_pack_cell(entry, cell);
    return fine;
}

/* {"key": value, ...} */
static bool read_object(reader *r, wr_type type, wr_packer *out)
{
    wr_type          entry = wr_type_element(type);
    wr_list_packer   list;
    wr_struct_packer strukt;
    bool             more;

    if (!take_open(r, '{', '}', "expected '{'", &more))
        return false;
    wr_list_pack_begin(&list, out, entry);
    while (more) {
        wr_list_pack_open(&list);
        wr_struct_pack_begin(&strukt, out, entry);
        if (!wr_nested_read_key(r, wr_type_member(entry, 0).type, &strukt) ||
            !wr_nested_take_byte(r, ':', "expected ':' behind a key") ||
            !read_member(r, wr_type_member(entry, 1).type, &strukt))
            return false;
        wr_list_pack_close(&list);
        if (!wr_nested_take_separator(r, '}', "expected ',' or '}'", &more))
            return false;
    }
    wr_list_pack_end(&list);
    return true;
}

/* The fault of entry `index` of the Map that begins at `begin`. */
static bool fail_twin(reader *r, const uint8_t *begin, uint64_t index)
{
    bool  is_object = *begin == '{', more = true;
    token passed;

    r->at = begin + 1;
    while (more && index-- > 0)
        more = (!is_object || (wr_nested_take_key(r, &passed) && wr_nested_take_byte(r, ':', ""))) &&
               wr_nested_take_token(r, &passed) && wr_nested_take_byte(r, ',', "");
    skip_blanks(r);
    return fail(r, "a key of this Map comes twice");
}

static bool read_map(reader *r, wr_type type, wr_packer *out)
{
    size_t         begin = out->used;
    uint8_t        open = peek(r);
    const uint8_t *at = r->at;
    uint64_t       index;

    if (!(open == '[' ? read_list(r, type, out) : read_object(r, type, out)))
        return false;
    return !wr_nested_find_twin(out, begin, type, &index) || fail_twin(r, at, index);
}

static bool read_container(reader *r, wr_type type, wr_packer *out)
{
    if (type.logical == WR_TYPE_STRUCT)
        return wr_nested_read_struct(r, type, false, out);
    return type.logical == WR_TYPE_MAP ? read_map(r, type, out) : read_list(r, type, out);
}

/* --- interface ------------------------------------------------------------------------------------------- */

bool wr_nested_read(wr_nested_reader *r, wr_text text, wr_type type, wr_packer *out,
                    bool *out_is_null)
{
    r->begin = r->at = (const uint8_t *)text.bytes;
    r->end = r->begin + text.byte_count;
    r->places_used = 0;
    *out_is_null = wr_nested_take_null(r);
    if (!*out_is_null && !read_container(r, type, out))
        return false;
    skip_blanks(r);
    return r->at == r->end || fail(r, "there is text behind the value");
}

const char *wr_nested_fault_format(const wr_nested_fault *fault,
                                   char buffer[WR_NESTED_REASON_BYTES])
{
    char    type[WR_TYPE_NAME_BYTES];
    wr_text shown = wr_text_cut(fault->value, SHOWN_BYTES_MAX);

    if (fault->why)
        snprintf(buffer, WR_NESTED_REASON_BYTES, "%s (byte %llu of the value)", fault->why,
                 (unsigned long long)fault->at + 1);
    else
        snprintf(buffer, WR_NESTED_REASON_BYTES,
                 "cannot read '%.*s%s' as %.60s (byte %llu of the value)", WR_TEXT_ARG(shown),
                 shown.byte_count < fault->value.byte_count ? "..." : "",
                 wr_type_format(fault->type, type), (unsigned long long)fault->at + 1);
    return buffer;
}

/* --- columns of a batch ---------------------------------------------------------------------------------- */

enum { ROOM_FACTOR = 4 }; /* of a text's bytes: "[1,2,3]" as eight-byte numbers takes that much */

/* Of the copy of a text; long values need it for more. */
static uint64_t copy_bytes(uint64_t text_bytes)
{
    return text_bytes > WR_NESTED_PATCH_BYTES ? text_bytes : WR_NESTED_PATCH_BYTES;
}

uint64_t wr_nested_room_bytes(uint64_t text_bytes)
{
    return sizeof(wr_nested_reader) + copy_bytes(text_bytes) + ROOM_FACTOR * text_bytes;
}

void wr_nested_room_init(wr_nested_room *room, void *space, uint64_t text_bytes)
{
    *room = (wr_nested_room){.reader = space, .text_bytes = text_bytes,
                             .capacity = ROOM_FACTOR * text_bytes};
    room->reader->rules = (wr_nested_rules){0};
    room->text = (uint8_t *)(room->reader + 1);
    room->bytes = room->text + copy_bytes(text_bytes);
}

wr_nested_taken wr_nested_take(wr_nested_room *room, wr_text text, wr_type type, wr_str *out_value)
{
    wr_packer packer = {.bytes = room->bytes + room->used,
                        .capacity = (size_t)(room->capacity - room->used)};
    bool      is_null;

    *out_value = (wr_str){0};
    if (!wr_nested_read(room->reader, text, type, &packer, &is_null))
        return WR_NESTED_BAD;
    if (packer.is_full)
        return WR_NESTED_FULL;
    *out_value = wr_str_of((const char *)packer.bytes, packer.used);
    room->used += packer.used;
    return is_null ? WR_NESTED_NULL : WR_NESTED_VALUE;
}

const char *wr_nested_explain(wr_nested_room *room, wr_text text, wr_type type,
                              char buffer[WR_NESTED_REASON_BYTES])
{
    wr_str value;

    if (wr_nested_take(room, text, type, &value) == WR_NESTED_BAD)
        return wr_nested_fault_format(&room->reader->fault, buffer);
    snprintf(buffer, WR_NESTED_REASON_BYTES,
             "the nested values of this row take more than %llu bytes, four times the scan's chunk",
             (unsigned long long)room->capacity);
    return buffer;
}
