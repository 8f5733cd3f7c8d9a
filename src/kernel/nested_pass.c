/* kernel/nested_pass.c — the window over a text that is longer than memory: moving it, passing values,
 * keeping their bytes.
 *
 * What is passed is checked as nested_read.c checks it: brackets match, strings end, escapes are ones. A value
 * that is whole in the window is that file's; longer ones go through in runs. Cost: about 1 ns a byte. */
#include <string.h>

#include "base/bits.h"
#include "kernel/nested_read_priv.h"
#include "types/json_text.h"

enum { ESCAPES_BYTES = 12 }; /* the longest */

wr_status wr_nested_refuse(wr_nested_stream *s, const char *why, uint64_t place)
{
    s->is_bad = true;
    s->reader->fault = (wr_nested_fault){.why = why, .at = place};
    return WR_DATA;
}

wr_status wr_nested_check(wr_nested_stream *s, bool fine)
{
    if (fine)
        return WR_OK;
    s->is_bad = true;
    s->reader->fault.at += s->offset;
    return WR_DATA;
}

/* ---- The window ---------------------------------------------------------------------------------- */

/* Of the window so much is there. */
static wr_status fill(wr_nested_stream *s, size_t used, wr_error *err)
{
    wr_nested_room *room = s->room;
    size_t          got = 1;

    while (used < room->text_bytes && got > 0) {
        WR_TRY(s->text.read(&s->text, s->offset + used, room->text + used,
                            (size_t)room->text_bytes - used, &got, err));
        used += got;
    }
    s->reader->begin = s->reader->at = room->text;
    s->reader->end = room->text + used;
    return WR_OK;
}

wr_status wr_nested_move(wr_nested_stream *s, const uint8_t *from, bool *out_moved, wr_error *err)
{
    size_t kept = (size_t)(s->reader->end - from);

    memmove(s->room->text, from, kept);
    s->offset += (uint64_t)(from - s->reader->begin);
    WR_TRY(fill(s, kept, err));
    *out_moved = s->reader->end > s->reader->begin + kept;
    return WR_OK;
}

wr_status wr_nested_look_ahead(wr_nested_stream *s, uint32_t byte_count, wr_error *err)
{
    bool moved;

    if ((size_t)(s->reader->end - s->reader->at) >= byte_count || !wr_nested_has_more(s))
        return WR_OK;
    return wr_nested_move(s, s->reader->at, &moved, err);
}

wr_status wr_nested_refill(wr_nested_stream *s, uint64_t place, wr_error *err)
{
    s->offset = place;
    return fill(s, 0, err);
}

wr_status wr_nested_seek(wr_nested_stream *s, uint64_t place, wr_error *err)
{
    wr_nested_reader *r = s->reader;

    if (place < s->offset || place - s->offset > (uint64_t)(r->end - r->begin))
        return wr_nested_refill(s, place, err);
    r->at = r->begin + (place - s->offset);
    return WR_OK;
}

wr_status wr_nested_peek(wr_nested_stream *s, uint8_t *out_byte, wr_error *err)
{
    wr_nested_reader *r = s->reader;

    for (;;) {
        while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
            r->at++;
        if (r->at < r->end || !wr_nested_has_more(s))
            break;
        WR_TRY(wr_nested_look_ahead(s, 1, err));
    }
    *out_byte = r->at < r->end ? *r->at : 0;
    return WR_OK;
}

/* ---- What is kept -------------------------------------------------------------------------------- */

wr_status wr_nested_give(wr_nested_stream *s, uint64_t place, wr_error *err)
{
    wr_packer *out = &s->out;
    size_t     now = place > out->given ? (size_t)(place - out->given) : 0;

    if (now < out->capacity / 4)
        now = out->used;
    if (now == 0)
        return WR_OK;
    WR_TRY(s->sink->add(s->sink->self, out->bytes, now, err));
    out->used -= now;
    out->given += now;
    memmove(out->bytes, out->bytes + now, out->used);
    return WR_OK;
}

static wr_status keep_bytes(wr_nested_stream *s, const uint8_t *bytes, size_t byte_count,
                            wr_error *err)
{
    while (byte_count > 0) {
        size_t now = s->out.capacity - s->out.used;

        if (now == 0) {
            WR_TRY(wr_nested_give(s, 0, err));
            continue;
        }
        now = now < byte_count ? now : byte_count;
        wr_pack_bytes(&s->out, bytes, now);
        bytes += now;
        byte_count -= now;
    }
    return WR_OK;
}

/* The next bytes, as they stand. */
static wr_status pass_bytes(wr_nested_stream *s, size_t byte_count, bool keep, wr_error *err)
{
    const uint8_t *bytes = s->reader->at;

    s->reader->at += byte_count;
    return keep ? keep_bytes(s, bytes, byte_count, err) : WR_OK;
}

/* ---- Values -------------------------------------------------------------------------------------- */

static wr_status pass_escape(wr_nested_stream *s, enum wr_nested_keep keep, wr_error *err)
{
    wr_nested_reader *r = s->reader;
    const uint8_t    *escape = r->at, *behind;
    uint8_t           plain[ESCAPES_BYTES];

    behind = wr_json_escape_end(escape, r->end);
    if (!behind)
        return wr_nested_refuse(s, "not an escape", wr_nested_place(s));
    if (keep != WR_NESTED_PLAIN)
        return pass_bytes(s, (size_t)(behind - escape), keep == WR_NESTED_RAW, err);
    r->at = behind;
    return keep_bytes(s, plain, wr_json_unescape(escape, (uint32_t)(behind - escape), plain), err);
}

wr_status wr_nested_pass_string(wr_nested_stream *s, enum wr_nested_keep keep, wr_error *err)
{
    wr_nested_reader *r = s->reader;
    uint64_t          open = wr_nested_place(s);

    WR_TRY(pass_bytes(s, 1, keep == WR_NESTED_RAW, err));
    for (;;) {
        const uint8_t *at;

        WR_TRY(wr_nested_look_ahead(s, ESCAPES_BYTES, err));
        at = r->at;
        while (at < r->end && *at != '"' && *at != '\\' && *at >= ' ')
            at++;
        WR_TRY(pass_bytes(s, (size_t)(at - r->at), keep != WR_NESTED_PASS, err));
        if (r->at == r->end) {
            if (!wr_nested_has_more(s))
                return wr_nested_refuse(s, "a string is never closed", open);
        } else if (*r->at == '"') {
            return pass_bytes(s, 1, keep == WR_NESTED_RAW, err);
        } else if (*r->at < ' ') {
            return wr_nested_refuse(s, "a control character in a string", wr_nested_place(s));
        } else {
            WR_TRY(wr_nested_look_ahead(s, ESCAPES_BYTES, err));
            WR_TRY(pass_escape(s, keep, err));
        }
    }
}

/* A bracket of an object or array. */
static wr_status note_bracket(wr_nested_stream *s, uint64_t *braces, uint32_t *io_depth)
{
    uint8_t byte = *s->reader->at;

    if (byte == '{' || byte == '[') {
        if (*io_depth == WR_NESTED_SKIP_DEPTH_MAX)
            return wr_nested_refuse(s, "nested too deeply", wr_nested_place(s));
        wr_bit_put(braces, (*io_depth)++, byte == '{');
    } else if (wr_bit_get(braces, --*io_depth) != (byte == '}')) {
        return wr_nested_refuse(s, "brackets do not match", wr_nested_place(s));
    }
    return WR_OK;
}

static bool is_bracket(uint8_t byte)
{
    return byte == '{' || byte == '}' || byte == '[' || byte == ']';
}

static wr_status pass_nested(wr_nested_stream *s, enum wr_nested_keep keep, wr_error *err)
{
    wr_nested_reader *r = s->reader;
    uint64_t          braces[WR_NESTED_SKIP_DEPTH_MAX / 64], open = wr_nested_place(s);
    uint32_t          depth = 0;

    keep = keep == WR_NESTED_PASS ? keep : WR_NESTED_RAW;
    do {
        const uint8_t *at;

        WR_TRY(wr_nested_look_ahead(s, 1, err));
        at = r->at;
        while (at < r->end && *at != '"' && !is_bracket(*at))
            at++;
        WR_TRY(pass_bytes(s, (size_t)(at - r->at), keep != WR_NESTED_PASS, err));
        if (r->at == r->end) {
            if (!wr_nested_has_more(s))
                return wr_nested_refuse(s, "an object or array is never closed", open);
        } else if (*r->at == '"') {
            WR_TRY(wr_nested_pass_string(s, keep, err));
        } else {
            WR_TRY(note_bracket(s, braces, &depth));
            WR_TRY(pass_bytes(s, 1, keep != WR_NESTED_PASS, err));
        }
    } while (depth > 0);
    return WR_OK;
}

/* Is one that is whole in the window known to be? A number or word ends at what follows. */
static bool is_ended(const wr_nested_stream *s, const wr_nested_token *token)
{
    return token->is_string || *token->text.bytes == '{' || *token->text.bytes == '[' ||
           s->reader->at < s->reader->end || !wr_nested_has_more(s);
}

wr_status wr_nested_pass(wr_nested_stream *s, enum wr_nested_keep keep, wr_error *err)
{
    wr_nested_reader *r = s->reader;
    wr_nested_token   token;
    bool              fine = true, moved = true;

    while (moved && (keep == WR_NESTED_PASS || (*r->at != '"' && *r->at != '{' && *r->at != '['))) {
        const uint8_t *from = r->at;

        fine = wr_nested_take_token(r, &token);
        if (fine && is_ended(s, &token))
            return keep == WR_NESTED_PASS
                       ? WR_OK : keep_bytes(s, (const uint8_t *)token.text.bytes,
                                            token.text.byte_count, err);
        if (!wr_nested_has_more(s))
            return wr_nested_check(s, false);
        WR_TRY(wr_nested_move(s, from, &moved, err));
    }
    if (*r->at == '"')
        return wr_nested_pass_string(s, keep, err);
    if (*r->at == '{' || *r->at == '[')
        return pass_nested(s, keep, err);
    return fine ? wr_nested_refuse(s, "a number or word is too long", wr_nested_place(s))
                : wr_nested_check(s, false);
}
