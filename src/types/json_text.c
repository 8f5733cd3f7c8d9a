/* types/json_text.c — escapes, and plain values as JSON. */
#include "types/json_text.h"

#include <math.h>
#include <string.h>

static const char HEX[] = "0123456789abcdef";

/* --- writing ------------------------------------------------------------------------------------ */

static bool is_bare(wr_type type)
{
    return wr_type_is_float(type) || wr_type_is_integer(type) || type.logical == WR_TYPE_DECIMAL ||
           type.logical == WR_TYPE_BOOL;
}

static bool is_finite(wr_type type, const void *value)
{
    if (type.logical == WR_TYPE_F64)
        return isfinite(*(const double *)value);
    return type.logical != WR_TYPE_F32 || isfinite(*(const float *)value);
}

wr_status wr_json_check_finite(wr_type type, const void *cell, wr_error *err)
{
    char text[WR_JSON_FIXED_BYTES_MAX];

    if (is_finite(type, cell))
        return WR_OK;
    return WR_RAISE(err, WR_DATA, "JSON has no number for %.*s: write null or a text instead "
                    "(non_finite: null, text)", (int)wr_format_any(type, cell, text), text);
}

size_t wr_json_format_fixed(wr_type type, const void *cell, bool quotes_non_finite, char *out)
{
    size_t used = 0;
    bool   finite = is_finite(type, cell);

    if (!finite && !quotes_non_finite) {
        memcpy(out, "null", 4);
        return 4;
    }
    if (finite && is_bare(type)) {
        used = wr_format_any(type, cell, out);
        if (wr_type_is_float(type) && !memchr(out, '.', used) && !memchr(out, 'e', used)) {
            memcpy(out + used, ".0", 2); /* a float that reads back as one */
            used += 2;
        }
        return used;
    }
    out[used++] = '"';
    used += wr_format_any(type, cell, out + used);
    out[used++] = '"';
    return used;
}

static bool is_plain(uint8_t byte)
{
    return byte >= ' ' && byte != '"' && byte != '\\';
}

static size_t put_escape(uint8_t byte, char *out)
{
    static const char LETTERS[] = "btn\0fr"; /* of 8 .. 13 */

    out[0] = '\\';
    if (byte >= ' ') {
        out[1] = (char)byte;
        return 2;
    }
    if (byte >= 8 && byte <= 13 && LETTERS[byte - 8]) {
        out[1] = LETTERS[byte - 8];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = HEX[byte >> 4];
    out[5] = HEX[byte & 15];
    return WR_JSON_ESCAPE_BYTES_MAX;
}

size_t wr_json_escape(wr_text text, char *out, size_t room, size_t *out_written)
{
    size_t taken = 0, used = 0;

    while (taken < text.byte_count && room - used >= WR_JSON_ESCAPE_BYTES_MAX) {
        size_t most = text.byte_count - taken, plain = 0;

        if (most > room - used)
            most = room - used;
        while (plain < most && is_plain((uint8_t)text.bytes[taken + plain]))
            plain++;
        memcpy(out + used, text.bytes + taken, plain);
        used += plain;
        taken += plain;
        if (plain == most || room - used < WR_JSON_ESCAPE_BYTES_MAX)
            break;
        used += put_escape((uint8_t)text.bytes[taken++], out + used);
    }
    *out_written = used;
    return taken;
}

size_t wr_json_put_hex(wr_text bytes, char *out, size_t room, size_t *out_written)
{
    size_t count = bytes.byte_count < room / 2 ? bytes.byte_count : room / 2;

    for (size_t i = 0; i < count; i++) {
        out[2 * i] = HEX[(uint8_t)bytes.bytes[i] >> 4];
        out[2 * i + 1] = HEX[(uint8_t)bytes.bytes[i] & 15];
    }
    *out_written = 2 * count;
    return count;
}

/* --- reading ------------------------------------------------------------------------------------ */

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Four hex digits; -1: they are none. */
static int32_t code_unit(const uint8_t *at)
{
    int32_t value = 0;

    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool is_high_surrogate(int32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

const uint8_t *wr_json_escape_end(const uint8_t *at, const uint8_t *end)
{
    size_t  room = (size_t)(end - at);
    int32_t unit;

    if (room < 2)
        return NULL;
    if (at[1] != 'u')
        return at[1] && strchr("\"\\/bfnrt", at[1]) ? at + 2 : NULL;
    unit = room < 6 ? -1 : code_unit(at + 2);
    if (unit < 0 || is_low_surrogate(unit))
        return NULL;
    if (!is_high_surrogate(unit))
        return at + 6;
    return room >= 12 && at[6] == '\\' && at[7] == 'u' && is_low_surrogate(code_unit(at + 8))
               ? at + 12 : NULL;
}

static const uint8_t *skip_digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

const uint8_t *wr_json_number_end(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *digits;

    at += at < end && *at == '-';
    digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at > digits + 1))
        return NULL;
    if (at < end && *at == '.') {
        digits = at + 1;
        at = skip_digits(digits, end);
        if (at == digits)
            return NULL;
    }
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        digits = at;
        at = skip_digits(digits, end);
        if (at == digits)
            return NULL;
    }
    return at;
}

static uint32_t put_character(uint32_t c, uint8_t *to)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

static uint8_t plain_escape(uint8_t letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter;
    }
}

uint32_t wr_json_unescape(const uint8_t *bytes, uint32_t byte_count, uint8_t *to)
{
    uint32_t from = 0, used = 0;

    while (from < byte_count) {
        int32_t unit;

        if (bytes[from] != '\\') {
            to[used++] = bytes[from++];
            continue;
        }
        if (bytes[from + 1] != 'u') {
            to[used++] = plain_escape(bytes[from + 1]);
            from += 2;
            continue;
        }
        unit = code_unit(bytes + from + 2);
        from += 6;
        if (is_high_surrogate(unit)) {
            unit = 0x10000 + ((unit - 0xd800) << 10) + (code_unit(bytes + from + 2) - 0xdc00);
            from += 6;
        }
        used += put_character((uint32_t)unit, to + used);
    }
    return used;
}
