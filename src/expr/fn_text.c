/* expr/fn_text.c — functions on text: single characters, encodings, digests, distances.
 *
 * Digests are nettle's and zlib's, over the text's bytes. Distances count code points and need memory
 * for one row of the shorter text. Names are PostgreSQL's, else DuckDB's. */
#include <nettle/base16.h>
#include <nettle/base64.h>
#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <zlib.h>

#include "expr/expr_priv.h"
#include "kernel/text_utf8.h"
#include "types/utf8.h"

enum { DISTANCE_CHARACTERS_MAX = 1024 };

#define EVAL(name)                                                                                 \
    static wr_status name(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,         \
                          wr_vector *out, wr_error *err)
#define EACH_LIVE(row)                                                                             \
    for (uint32_t i_ = 0, row = 0;                                                                 \
         i_ < eval->live.row_count && ((row = wr_selection_row(&eval->live, i_)), true); i_++)

static wr_text text_at(const wr_vector *const *args, uint32_t index, uint32_t row)
{
    return wr_str_text((const wr_str *)args[index]->data + wr_arg_index(args[index], row));
}

static int64_t int_at(const wr_vector *const *args, uint32_t index, uint32_t row)
{
    return ((const int64_t *)args[index]->data)[wr_arg_index(args[index], row)];
}

/* Room for a result in the heap; NULL: it is spent. */
static char *result_room(wr_eval *eval, size_t byte_count)
{
    return wr_bump_try_alloc(eval->heap, byte_count ? byte_count : 1);
}

static void put_result(wr_vector *out, uint32_t row, const char *bytes, size_t byte_count)
{
    ((wr_str *)out->data)[row] = wr_str_of(bytes, byte_count);
}

/* ---- Characters -------------------------------------------------------------------------------- */

EVAL(initcap)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        wr_text     text = text_at(args, 0, row);
        char       *room = result_room(eval, wr_utf8_case_bytes_max(text.byte_count));
        const char *at = text.bytes, *end = text.bytes + text.byte_count;
        size_t      used = 0;
        bool        in_word = false;

        if (!room)
            return WR_NO_RESERVE;
        while (at < end) {
            uint32_t point;

            at += wr_utf8_decode(at, end, &point);
            used += wr_utf8_encode(in_word ? wr_code_point_lower(point)
                                           : wr_code_point_upper(point), room + used);
            in_word = wr_code_point_is_word(point);
        }
        put_result(out, row, room, used);
    }
    return WR_OK;
}

EVAL(character)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        int64_t point = int_at(args, 0, row);
        char    bytes[WR_UTF8_BYTES_MAX];

        if (point <= 0 || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
            return wr_eval_fail(eval, row, err, "chr: there is no character %lld", (long long)point);
        put_result(out, row, bytes, wr_utf8_encode((uint32_t)point, bytes));
    }
    return WR_OK;
}

EVAL(code_point)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        wr_text  text = text_at(args, 0, row);
        uint32_t point = 0;

        if (text.byte_count)
            wr_utf8_decode(text.bytes, text.bytes + text.byte_count, &point);
        ((int64_t *)out->data)[row] = point;
    }
    return WR_OK;
}

/* The n-th character of `to` for each character that is the n-th of `from`; none: it is dropped. */
static size_t translate_point(wr_text from, wr_text to, uint32_t point, const char *original,
                              size_t original_bytes, char *room)
{
    const char *end = from.bytes + from.byte_count;
    size_t      index = 0;

    for (const char *at = from.bytes; at < end; index++) {
        uint32_t candidate;
        size_t   start, stop;

        at += wr_utf8_decode(at, end, &candidate);
        if (candidate != point)
            continue;
        start = wr_utf8_offset(to.bytes, to.byte_count, index);
        stop = wr_utf8_offset(to.bytes, to.byte_count, index + 1);
        if (stop > start)
            memcpy(room, to.bytes + start, stop - start);
        return stop - start;
    }
    memcpy(room, original, original_bytes);
    return original_bytes;
}

EVAL(translate)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        wr_text     text = text_at(args, 0, row);
        char       *room = result_room(eval, text.byte_count * WR_UTF8_BYTES_MAX);
        const char *at = text.bytes, *end = text.bytes + text.byte_count;
        size_t      used = 0;

        if (!room)
            return WR_NO_RESERVE;
        while (at < end) {
            uint32_t point;
            size_t   bytes = wr_utf8_decode(at, end, &point);

            used += translate_point(text_at(args, 1, row), text_at(args, 2, row), point, at, bytes,
                                    room + used);
            at += bytes;
        }
        put_result(out, row, room, used);
    }
    return WR_OK;
}

EVAL(bit_length)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
        ((int64_t *)out->data)[row] = (int64_t)text_at(args, 0, row).byte_count * 8;
    return WR_OK;
}

/* ---- Encodings --------------------------------------------------------------------------------- */

EVAL(to_hex_number)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        char   text[20];
        size_t at = sizeof text;

        for (uint64_t x = (uint64_t)int_at(args, 0, row); at == sizeof text || x; x >>= 4)
            text[--at] = "0123456789abcdef"[x & 15];
        WR_TRY(wr_eval_store_text(eval, out, row, text + at, sizeof text - at));
    }
    return WR_OK;
}

static size_t encode_base16(char *room, wr_text text)
{
    nettle_base16_encode_update(room, text.byte_count, (const uint8_t *)text.bytes);
    return 2 * text.byte_count;
}

static size_t encode_base64(char *room, wr_text text)
{
    nettle_base64_encode_raw(room, text.byte_count, (const uint8_t *)text.bytes);
    return (text.byte_count + 2) / 3 * 4;
}

static size_t encode_url(char *room, wr_text text)
{
    size_t used = 0;

    for (size_t i = 0; i < text.byte_count; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];

        if ((byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
            byte == '-' || byte == '_' || byte == '.' || byte == '~') {
            room[used++] = (char)byte;
            continue;
        }
        room[used++] = '%';
        room[used++] = "0123456789ABCDEF"[byte >> 4];
        room[used++] = "0123456789ABCDEF"[byte & 15];
    }
    return used;
}

static wr_status encode_with(wr_eval *eval, const wr_vector *const *args, wr_vector *out,
                             size_t (*encode)(char *room, wr_text text))
{
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row);
        char   *room = result_room(eval, text.byte_count * 3 + 4);

        if (!room)
            return WR_NO_RESERVE;
        put_result(out, row, room, encode(room, text));
    }
    return WR_OK;
}

EVAL(hex)
{
    (void)arg_count, (void)err;
    return encode_with(eval, args, out, encode_base16);
}

EVAL(base64)
{
    (void)arg_count, (void)err;
    return encode_with(eval, args, out, encode_base64);
}

EVAL(url_encode)
{
    (void)arg_count, (void)err;
    return encode_with(eval, args, out, encode_url);
}

static bool decode_base16(char *room, wr_text text, size_t *out_bytes)
{
    struct base16_decode_ctx context;

    nettle_base16_decode_init(&context);
    return nettle_base16_decode_update(&context, out_bytes, (uint8_t *)room, text.byte_count,
                                       text.bytes) &&
           nettle_base16_decode_final(&context);
}

static bool decode_base64(char *room, wr_text text, size_t *out_bytes)
{
    struct base64_decode_ctx context;

    nettle_base64_decode_init(&context);
    return nettle_base64_decode_update(&context, out_bytes, (uint8_t *)room, text.byte_count,
                                       text.bytes) &&
           nettle_base64_decode_final(&context);
}

static bool decode_url(char *room, wr_text text, size_t *out_bytes)
{
    size_t used = 0, got;

    for (size_t i = 0; i < text.byte_count; i++) {
        if (text.bytes[i] != '%') {
            room[used++] = text.bytes[i];
            continue;
        }
        if (i + 2 >= text.byte_count ||
            !decode_base16(room + used, (wr_text){text.bytes + i + 1, 2}, &got))
            return false;
        used++;
        i += 2;
    }
    *out_bytes = used;
    return true;
}

/* What an encoding holds is given as text, so it has to be some. */
static wr_status decode_with(wr_eval *eval, const wr_vector *const *args, wr_vector *out,
                             bool (*decode)(char *room, wr_text text, size_t *out_bytes),
                             wr_error *err)
{
    EACH_LIVE(row)
    {
        char    shown[WR_ARG_TEXT_BYTES];
        wr_text text = text_at(args, 0, row);
        char   *room = result_room(eval, text.byte_count + 8);
        size_t  used = 0;

        if (!room)
            return WR_NO_RESERVE;
        if (!decode(room, text, &used))
            return wr_eval_fail(eval, row, err, "%s: %s is not encoded like that",
                                eval->expr->function->name, wr_arg_format(args[0], row, shown));
        if (!wr_utf8_is_valid(room, used))
            return wr_eval_fail(eval, row, err, "%s: what %s holds is not UTF-8 text",
                                eval->expr->function->name, wr_arg_format(args[0], row, shown));
        put_result(out, row, room, used);
    }
    return WR_OK;
}

EVAL(from_hex)
{
    (void)arg_count;
    return decode_with(eval, args, out, decode_base16, err);
}

EVAL(from_base64)
{
    (void)arg_count;
    return decode_with(eval, args, out, decode_base64, err);
}

EVAL(url_decode)
{
    (void)arg_count;
    return decode_with(eval, args, out, decode_url, err);
}

/* ---- Digests ----------------------------------------------------------------------------------- */

static wr_status put_hex(wr_eval *eval, wr_vector *out, uint32_t row, const uint8_t *digest,
                         size_t byte_count)
{
    char text[2 * SHA512_DIGEST_SIZE];

    nettle_base16_encode_update(text, byte_count, digest);
    return wr_eval_store_text(eval, out, row, text, 2 * byte_count);
}

#define DIGEST(name, context, init, update, finish, size)                                          \
    EVAL(name)                                                                                     \
    {                                                                                              \
        (void)arg_count, (void)err;                                                                \
        EACH_LIVE(row)                                                                             \
        {                                                                                          \
            wr_text        text = text_at(args, 0, row);                                           \
            struct context state;                                                                  \
            uint8_t        digest[size];                                                           \
                                                                                                   \
            init(&state);                                                                          \
            update(&state, text.byte_count, (const uint8_t *)text.bytes);                          \
            finish(&state, size, digest);                                                          \
            WR_TRY(put_hex(eval, out, row, digest, size));                                         \
        }                                                                                          \
        return WR_OK;                                                                              \
    }

DIGEST(md5, md5_ctx, nettle_md5_init, nettle_md5_update, nettle_md5_digest, MD5_DIGEST_SIZE)
DIGEST(sha1, sha1_ctx, nettle_sha1_init, nettle_sha1_update, nettle_sha1_digest, SHA1_DIGEST_SIZE)
DIGEST(sha256, sha256_ctx, nettle_sha256_init, nettle_sha256_update, nettle_sha256_digest,
       SHA256_DIGEST_SIZE)
DIGEST(sha512, sha512_ctx, nettle_sha512_init, nettle_sha512_update, nettle_sha512_digest,
       SHA512_DIGEST_SIZE)

EVAL(checksum)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
    {
        wr_text text = text_at(args, 0, row);

        ((int64_t *)out->data)[row] =
            (int64_t)crc32_z(0, (const Bytef *)text.bytes, text.byte_count);
    }
    return WR_OK;
}

/* ---- Distances --------------------------------------------------------------------------------- */

static size_t decode_all(wr_text text, uint32_t points[DISTANCE_CHARACTERS_MAX])
{
    const char *at = text.bytes, *end = text.bytes + text.byte_count;
    size_t      count = 0;

    while (at < end && count < DISTANCE_CHARACTERS_MAX)
        at += wr_utf8_decode(at, end, &points[count++]);
    return at < end ? SIZE_MAX : count;
}

static wr_status fail_long(wr_eval *eval, uint32_t row, wr_error *err)
{
    return wr_eval_fail(eval, row, err, "%s: a text of more than %d characters",
                        eval->expr->function->name, DISTANCE_CHARACTERS_MAX);
}

/* One row of the table of Wagner and Fischer (1974) at a time. */
EVAL(levenshtein)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        uint32_t a[DISTANCE_CHARACTERS_MAX], b[DISTANCE_CHARACTERS_MAX];
        uint16_t costs[DISTANCE_CHARACTERS_MAX + 1];
        size_t   a_count = decode_all(text_at(args, 0, row), a);
        size_t   b_count = decode_all(text_at(args, 1, row), b);

        if (a_count == SIZE_MAX || b_count == SIZE_MAX)
            return fail_long(eval, row, err);
        for (size_t j = 0; j <= b_count; j++)
            costs[j] = (uint16_t)j;
        for (size_t i = 0; i < a_count; i++) {
            uint16_t diagonal = costs[0];

            costs[0] = (uint16_t)(i + 1);
            for (size_t j = 0; j < b_count; j++) {
                uint16_t changed = (uint16_t)(diagonal + (a[i] != b[j]));
                uint16_t moved = (uint16_t)((costs[j] < costs[j + 1] ? costs[j] : costs[j + 1]) + 1);

                diagonal = costs[j + 1];
                costs[j + 1] = changed < moved ? changed : moved;
            }
        }
        ((int64_t *)out->data)[row] = costs[b_count];
    }
    return WR_OK;
}

EVAL(hamming)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        uint32_t a[DISTANCE_CHARACTERS_MAX], b[DISTANCE_CHARACTERS_MAX];
        size_t   count = decode_all(text_at(args, 0, row), a);
        int64_t  different = 0;

        if (count == SIZE_MAX)
            return fail_long(eval, row, err);
        if (count != decode_all(text_at(args, 1, row), b))
            return wr_eval_fail(eval, row, err, "hamming: the texts differ in length");
        for (size_t i = 0; i < count; i++)
            different += a[i] != b[i];
        ((int64_t *)out->data)[row] = different;
    }
    return WR_OK;
}

/* ---- Table ------------------------------------------------------------------------------------- */

/* clang-format off */
#define TEXT  {.logical = WR_TYPE_UTF8}
#define INT64 {.logical = WR_TYPE_I64}
#define FUNCTION(name_, sig, result_, eval_, help_, ...) \
    {.name = name_, .signature = sig, .help = help_, \
     .param_count = sizeof((wr_type[]){__VA_ARGS__}) / sizeof(wr_type), .params = {__VA_ARGS__}, \
     .result = result_, .eval = eval_}

static const wr_function FUNCTIONS[] = {
    FUNCTION("initcap", "(text) -> text", TEXT, initcap, "each word with a capital and small letters", TEXT),
    FUNCTION("chr", "(Int64) -> text", TEXT, character, "the character with this code point", INT64),
    FUNCTION("unicode", "(text) -> Int64", INT64, code_point, "code point of the first character, 0 without one", TEXT),
    FUNCTION("ord", "(text) -> Int64", INT64, code_point, "as unicode", TEXT),
    FUNCTION("translate", "(text, from, to) -> text", TEXT, translate,
             "each character of `from` becomes the one at its place in `to`, or nothing", TEXT, TEXT, TEXT),
    FUNCTION("bit_length", "(text) -> Int64", INT64, bit_length, "number of bits", TEXT),
    FUNCTION("to_hex", "(Int64) -> text", TEXT, to_hex_number, "in hexadecimal digits", INT64),
    FUNCTION("hex", "(text) -> text", TEXT, hex, "bytes in hexadecimal digits", TEXT),
    FUNCTION("unhex", "(text) -> text", TEXT, from_hex, "the text whose bytes these digits are", TEXT),
    FUNCTION("from_hex", "(text) -> text", TEXT, from_hex, "as unhex", TEXT),
    FUNCTION("to_base64", "(text) -> text", TEXT, base64, "bytes in base 64 (RFC 4648)", TEXT),
    FUNCTION("base64", "(text) -> text", TEXT, base64, "as to_base64", TEXT),
    FUNCTION("from_base64", "(text) -> text", TEXT, from_base64, "the text that base 64 holds", TEXT),
    FUNCTION("url_encode", "(text) -> text", TEXT, url_encode, "with % escapes (RFC 3986)", TEXT),
    FUNCTION("url_decode", "(text) -> text", TEXT, url_decode, "without % escapes", TEXT),
    FUNCTION("md5", "(text) -> text", TEXT, md5, "MD5 digest, 32 hexadecimal digits", TEXT),
    FUNCTION("sha1", "(text) -> text", TEXT, sha1, "SHA-1 digest, 40 hexadecimal digits", TEXT),
    FUNCTION("sha256", "(text) -> text", TEXT, sha256, "SHA-256 digest, 64 hexadecimal digits", TEXT),
    FUNCTION("sha512", "(text) -> text", TEXT, sha512, "SHA-512 digest, 128 hexadecimal digits", TEXT),
    FUNCTION("crc32", "(text) -> Int64", INT64, checksum, "CRC-32 of the bytes (as gzip has it)", TEXT),
    FUNCTION("levenshtein", "(text, text) -> Int64", INT64, levenshtein,
             "least number of characters to insert, drop or change", TEXT, TEXT),
    FUNCTION("hamming", "(text, text) -> Int64", INT64, hamming, "characters that differ in texts of one length", TEXT, TEXT),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_TEXT = {"string", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
