/* transcode.c — UTF-16, Latin-1, Windows-1252 and UTF-8 with faults to UTF-8, as a filter.
 *
 * A leading byte order mark is dropped. Each converter moves whole characters while there is room
 * for the longest one, eight bytes at a time where they are all ASCII. Unpaired surrogates and a
 * cut last character are WR_CORRUPT with their offset: nothing is replaced unless asked for. The five
 * bytes that Windows-1252 leaves open become the C1 controls of the same number (WHATWG).
 * Memory: one fixed buffer. Cost: above 1 GB/s on ASCII. */
#include <string.h>

#include "base/bits.h"
#include "io_priv.h"

enum {
    BUFFER_BYTES = 32 * 1024,
    CHARACTER_BYTES_MAX = 4,
};

const char *const WR_ENCODING_NAMES[] = {"utf8",    "utf16",  "utf16le",
                                         "utf16be", "latin1", "windows1252", "utf8replace", NULL};

/* Bytes 0x80 to 0x9f of Windows-1252. */
static const uint16_t WINDOWS_1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

typedef struct transcoder {
    wr_input         base;
    wr_input        *below;
    wr_text          path; /* for messages */
    wr_encoding_name encoding; /* UTF16 is settled to LE or BE by the first bytes */
    bool             started;
    bool             at_end;
    uint8_t         *buffer;
    size_t           next, end;
    uint8_t          left[CHARACTER_BYTES_MAX]; /* of a character that did not fit */
    uint8_t          left_next, left_end;
} transcoder;

static size_t put_utf8(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* Convert single-byte text into [out, out_end); returns the end of what was written. */
static uint8_t *convert_bytes(transcoder *t, uint8_t *out, const uint8_t *out_end)
{
    const uint8_t *in = t->buffer + t->next;
    const uint8_t *in_end = t->buffer + t->end;

    while (in < in_end && out_end - out >= CHARACTER_BYTES_MAX) {
        uint32_t code;

        while (in_end - in >= 8 && out_end - out >= 8 &&
               !(wr_load_u64(in) & 0x8080808080808080ull)) {
            memcpy(out, in, 8);
            in += 8;
            out += 8;
        }
        if (in == in_end || out_end - out < CHARACTER_BYTES_MAX)
            break;
        code = *in++;
        if (t->encoding == WR_ENCODING_WINDOWS1252 && code >= 0x80 && code < 0xa0)
            code = WINDOWS_1252[code - 0x80];
        out += put_utf8(code, out);
    }
    t->next = (size_t)(in - t->buffer);
    return out;
}

/* Bytes of the UTF-8 character at hand, or of the longest run that only begins like one. */
static uint32_t take_character(const uint8_t *in, const uint8_t *in_end, bool *out_fine)
{
    uint8_t  lead = in[0], low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t  high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    uint32_t count = 1, length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (lead < 0x80 || lead > 0xf4)
        length = lead < 0x80;
    for (; count < length && in + count < in_end && in[count] >= low && in[count] <= high; count++) {
        low = 0x80;
        high = 0xbf;
    }
    *out_fine = count == length;
    return count;
}

/* As convert_bytes; one replacement for each run that take_character finds (Unicode, 3.9). */
static uint8_t *convert_utf8(transcoder *t, uint8_t *out, const uint8_t *out_end)
{
    const uint8_t *in = t->buffer + t->next, *in_end = t->buffer + t->end;

    while (in < in_end && out_end - out >= CHARACTER_BYTES_MAX) {
        bool     fine;
        uint32_t count;

        if (in_end - in >= 8 && out_end - out >= 8 && !(wr_load_u64(in) & 0x8080808080808080ull)) {
            memcpy(out, in, 8);
            in += 8;
            out += 8;
            continue;
        }
        if (in_end - in < CHARACTER_BYTES_MAX && !t->at_end)
            break;
        count = take_character(in, in_end, &fine);
        memcpy(out, fine ? (const char *)in : "\xef\xbf\xbd", fine ? count : 3);
        out += fine ? count : 3;
        in += count;
    }
    t->next = (size_t)(in - t->buffer);
    return out;
}

static uint32_t load_unit(const uint8_t *in, bool big_endian)
{
    return big_endian ? (uint32_t)in[0] << 8 | in[1] : (uint32_t)in[1] << 8 | in[0];
}

static wr_status raise_corrupt(const transcoder *t, const char *what, wr_error *err)
{
    return WR_RAISE(err, WR_CORRUPT, "%.*s: utf16: %s at byte %llu", WR_TEXT_ARG(t->path), what,
                    (unsigned long long)(t->below->offset - (t->end - t->next)));
}

/* As convert_bytes. A character whose second half is not there yet stays in the buffer. */
static wr_status convert_units(transcoder *t, uint8_t **io_out, const uint8_t *out_end,
                               wr_error *err)
{
    bool     big_endian = t->encoding == WR_ENCODING_UTF16BE;
    uint64_t not_ascii = big_endian ? 0x80ff80ff80ff80ffull : 0xff80ff80ff80ff80ull;
    uint8_t *out = *io_out;

    while (t->end - t->next >= 2 && out_end - out >= CHARACTER_BYTES_MAX) {
        const uint8_t *in = t->buffer + t->next;
        uint32_t       code;

        if (t->end - t->next >= 8 && !(wr_load_u64(in) & not_ascii)) {
            for (unsigned i = 0; i < 4; i++)
                *out++ = in[2 * i + big_endian];
            t->next += 8;
            continue;
        }
        code = load_unit(in, big_endian);
        if (code >= 0xd800 && code < 0xe000) {
            uint32_t low;

            if (t->end - t->next < 4 && !t->at_end)
                break;
            low = t->end - t->next < 4 ? 0 : load_unit(in + 2, big_endian);
            if (code >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
                return raise_corrupt(t, "unpaired surrogate", err);
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            t->next += 2;
        }
        t->next += 2;
        out += put_utf8(code, out);
    }
    *io_out = out;
    return WR_OK;
}

static wr_status refill(transcoder *t, wr_error *err)
{
    memmove(t->buffer, t->buffer + t->next, t->end - t->next);
    t->end -= t->next;
    t->next = 0;
    do {
        size_t got = 0;

        WR_TRY(t->below->ops->read(t->below, t->buffer + t->end, BUFFER_BYTES - t->end, &got, err));
        t->end += got;
        t->at_end = got == 0;
    } while (t->end < 4 && !t->at_end);

    if (!t->started && t->encoding <= WR_ENCODING_UTF16BE) {
        bool mark_le = t->end >= 2 && t->buffer[0] == 0xff && t->buffer[1] == 0xfe;
        bool mark_be = t->end >= 2 && t->buffer[0] == 0xfe && t->buffer[1] == 0xff;

        if (t->encoding == WR_ENCODING_UTF16)
            t->encoding = mark_be ? WR_ENCODING_UTF16BE : WR_ENCODING_UTF16LE;
        if ((mark_le && t->encoding == WR_ENCODING_UTF16LE) ||
            (mark_be && t->encoding == WR_ENCODING_UTF16BE))
            t->next = 2;
    }
    t->started = true;
    return WR_OK;
}

/* Convert what the buffer holds into [*io_out, out_end), without reading more. */
static wr_status convert(transcoder *t, uint8_t **io_out, const uint8_t *out_end, wr_error *err)
{
    if (t->encoding == WR_ENCODING_UTF8_REPLACE) {
        *io_out = convert_utf8(t, *io_out, out_end);
        return WR_OK;
    }
    if (t->encoding > WR_ENCODING_UTF16BE) {
        *io_out = convert_bytes(t, *io_out, out_end);
        return WR_OK;
    }
    return convert_units(t, io_out, out_end, err);
}

static wr_status transcode_read(wr_input *input, void *buffer, size_t bytes, size_t *out_bytes,
                                wr_error *err)
{
    transcoder    *t = (transcoder *)input;
    uint8_t       *out = buffer;
    const uint8_t *out_end = out + bytes;

    while (out == buffer && bytes > 0) {
        if (t->left_next < t->left_end) {
            while (out < out_end && t->left_next < t->left_end)
                *out++ = t->left[t->left_next++];
            break;
        }
        if (t->end - t->next < 4 && !t->at_end)
            WR_TRY(refill(t, err));
        if (bytes >= CHARACTER_BYTES_MAX) {
            WR_TRY(convert(t, &out, out_end, err));
        } else {
            uint8_t *left_end = t->left;

            WR_TRY(convert(t, &left_end, t->left + CHARACTER_BYTES_MAX, err));
            t->left_next = 0;
            t->left_end = (uint8_t)(left_end - t->left);
            if (t->left_end)
                continue;
        }
        if (out == buffer && t->at_end) {
            if (t->next < t->end)
                return raise_corrupt(t, "the text ends in the middle of a character", err);
            break;
        }
    }
    *out_bytes = (size_t)(out - (uint8_t *)buffer);
    input->offset += *out_bytes;
    wr_input_pass_progress(input, t->below);
    return WR_OK;
}

static void transcode_close(wr_input *input)
{
    wr_input_close(((transcoder *)input)->below);
}

static const struct wr_input_ops TRANSCODER = {.read = transcode_read, .close = transcode_close};

wr_status wr_encoding_parse(wr_text text, wr_encoding_name *out_encoding, wr_error *err)
{
    static const struct {
        const char      *name;
        wr_encoding_name encoding;
    } ALIASES[] = {
        {"iso88591", WR_ENCODING_LATIN1},
        {"cp1252", WR_ENCODING_WINDOWS1252},
        {"ucs2", WR_ENCODING_UTF16},
    };
    char       plain[32];
    size_t     used = 0;
    wr_suggest suggest;

    for (size_t i = 0; i < text.byte_count && used < sizeof plain; i++) {
        if (text.bytes[i] != '-' && text.bytes[i] != '_')
            plain[used++] = text.bytes[i];
    }
    wr_suggest_init(&suggest, text);
    for (unsigned i = 0; WR_ENCODING_NAMES[i]; i++) {
        if (wr_text_equal_nocase((wr_text){plain, used}, wr_text_of(WR_ENCODING_NAMES[i]))) {
            *out_encoding = (wr_encoding_name)i;
            return WR_OK;
        }
        wr_suggest_offer(&suggest, wr_text_of(WR_ENCODING_NAMES[i]));
    }
    for (unsigned i = 0; i < sizeof ALIASES / sizeof *ALIASES; i++) {
        if (wr_text_equal_nocase((wr_text){plain, used}, wr_text_of(ALIASES[i].name))) {
            *out_encoding = ALIASES[i].encoding;
            return WR_OK;
        }
    }
    (void)WR_RAISE(err, WR_INVALID, "unknown encoding '%.*s'", WR_TEXT_ARG(text));
    wr_suggest_append(&suggest, err);
    wr_error_append(err, "; known: utf8, utf16, utf16le, utf16be, latin1, windows1252, utf8_replace");
    return WR_INVALID;
}

uint64_t wr_input_transcode_lease_min(wr_encoding_name encoding)
{
    return encoding == WR_ENCODING_UTF8 ? 0 : wr_carve_bytes(sizeof(transcoder)) + BUFFER_BYTES;
}

wr_status wr_input_transcode(wr_input *input, wr_text path, wr_encoding_name encoding, wr_bump *bump,
                             wr_input **out_input, wr_error *err)
{
    transcoder *t;
    wr_carver   carver;

    if (encoding == WR_ENCODING_UTF8) {
        *out_input = input;
        return WR_OK;
    }
    WR_TRY(wr_carver_init(&carver, bump, wr_input_transcode_lease_min(encoding), err));
    t = wr_carve(&carver, sizeof *t);
    t->base.ops = &TRANSCODER;
    t->below = input;
    t->path = path;
    t->encoding = encoding;
    t->buffer = wr_carve(&carver, BUFFER_BYTES);
    wr_input_pass_progress(&t->base, input);
    *out_input = &t->base;
    return WR_OK;
}
