/* expr/fn_code.c — texts and bytes as other texts: digits, hexadecimal, base 64, URL escapes, digests.
 *
 * Digests are nettle's and zlib's, over the bytes of a text or binary. Names are PostgreSQL's, else
 * DuckDB's. */
#include <nettle/base16.h>
#include <nettle/base64.h>
#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <zlib.h>

#include "expr/fn_text_priv.h"
#include "kernel/text_utf8.h"

/* Room for a result in the heap; NULL: it is spent. */
static char *heap_room(wr_eval *eval, size_t byte_count)
{
    return wr_bump_try_alloc(eval->heap, byte_count);
}

/* ---- Numbers ----------------------------------------------------------------------------------- */

EVAL(bit_length)
{
    (void)arg_count, (void)err;
    EACH_LIVE(row)
        ((int64_t *)out->data)[row] = (int64_t)text_at(args, 0, row).byte_count * 8;
    return WR_OK;
}

/* Digits of a number as two's complement, `bits` of it each. */
static wr_status put_digits(wr_eval *eval, arguments args, unsigned bits, wr_vector *out)
{
    EACH_LIVE(row)
    {
        char   text[64];
        size_t at = sizeof text;

        for (uint64_t x = (uint64_t)int_at(args, 0, row); at == sizeof text || x; x >>= bits)
            text[--at] = "0123456789abcdef"[x & ((1u << bits) - 1)];
        WR_TRY(wr_eval_store_text(eval, out, row, text + at, sizeof text - at));
    }
    return WR_OK;
}

EVAL(to_hex)
{
    (void)arg_count, (void)err;
    return put_digits(eval, args, 4, out);
}

EVAL(to_oct)
{
    (void)arg_count, (void)err;
    return put_digits(eval, args, 3, out);
}

EVAL(to_bin)
{
    (void)arg_count, (void)err;
    return put_digits(eval, args, 1, out);
}

/* ---- Encodings --------------------------------------------------------------------------------- */

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
        char   *room = heap_room(eval, text.byte_count * 3 + 4);

        if (!room)
            return WR_NO_RESERVE;
        put_part(out, row, room, encode(room, text));
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
        char   *room = heap_room(eval, text.byte_count + 8);
        size_t  used = 0;

        if (!room)
            return WR_NO_RESERVE;
        if (!decode(room, text, &used))
            return wr_eval_fail(eval, row, err, "%s: %s is not encoded like that",
                                eval->expr->function->name, wr_arg_format(args[0], row, shown));
        if (!wr_utf8_is_valid(room, used))
            return wr_eval_fail(eval, row, err, "%s: what %s holds is not UTF-8 text",
                                eval->expr->function->name, wr_arg_format(args[0], row, shown));
        put_part(out, row, room, used);
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

/* decode(text, 'hex' or 'base64'): bytes that need not be text. */
typedef bool (*decode_fn)(char *room, wr_text text, size_t *out_bytes);

static decode_fn decoder_of(wr_text name)
{
    if (wr_text_equal_nocase(name, WR_TEXT("hex")))
        return decode_base16;
    return wr_text_equal_nocase(name, WR_TEXT("base64")) ? decode_base64 : NULL;
}

static wr_status fail_name(wr_eval *eval, arguments args, uint32_t row, wr_error *err)
{
    char shown[WR_ARG_TEXT_BYTES];

    return wr_eval_fail(eval, row, err, "%s: unknown encoding %s (hex or base64)",
                        eval->expr->function->name, wr_arg_format(args[1], row, shown));
}

EVAL(decode)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        char      shown[WR_ARG_TEXT_BYTES];
        wr_text   text = text_at(args, 0, row);
        decode_fn decoder = decoder_of(text_at(args, 1, row));
        char     *room = heap_room(eval, text.byte_count + 8);
        size_t    used = 0;

        if (!decoder)
            return fail_name(eval, args, row, err);
        if (!room)
            return WR_NO_RESERVE;
        if (!decoder(room, text, &used))
            return wr_eval_fail(eval, row, err, "decode: %s is not encoded like that",
                                wr_arg_format(args[0], row, shown));
        put_part(out, row, room, used);
    }
    return WR_OK;
}

EVAL(encode)
{
    (void)arg_count;
    EACH_LIVE(row)
    {
        wr_text   bytes = text_at(args, 0, row);
        decode_fn decoder = decoder_of(text_at(args, 1, row));
        char     *room = heap_room(eval, bytes.byte_count * 2 + 4);

        if (!decoder)
            return fail_name(eval, args, row, err);
        if (!room)
            return WR_NO_RESERVE;
        put_part(out, row, room, decoder == decode_base16 ? encode_base16(room, bytes)
                                                          : encode_base64(room, bytes));
    }
    return WR_OK;
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
DIGEST(sha224, sha224_ctx, nettle_sha224_init, nettle_sha256_update, nettle_sha224_digest,
       SHA224_DIGEST_SIZE)
DIGEST(sha256, sha256_ctx, nettle_sha256_init, nettle_sha256_update, nettle_sha256_digest,
       SHA256_DIGEST_SIZE)
DIGEST(sha384, sha384_ctx, nettle_sha384_init, nettle_sha512_update, nettle_sha384_digest,
       SHA384_DIGEST_SIZE)
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

/* ---- Table ------------------------------------------------------------------------------------- */

/* clang-format off */
#define TEXT  {.logical = WR_TYPE_UTF8}
#define BYTES {.logical = WR_TYPE_BINARY}
#define INT64 {.logical = WR_TYPE_I64}
#define FUNCTION(name_, sig, result_, eval_, help_, ...) \
    {.name = name_, .signature = sig, .help = help_, \
     .param_count = sizeof((wr_type[]){__VA_ARGS__}) / sizeof(wr_type), .params = {__VA_ARGS__}, \
     .result = result_, .eval = eval_}
#define OF_BYTES(name_, sig_result, result_, eval_, help_) \
    FUNCTION(name_, "(text) -> " sig_result, result_, eval_, help_, TEXT), \
    FUNCTION(name_, "(binary) -> " sig_result, result_, eval_, help_, BYTES)

static const wr_function FUNCTIONS[] = {
    OF_BYTES("bit_length", "Int64", INT64, bit_length, "number of bits"),
    FUNCTION("to_hex", "(Int64) -> text", TEXT, to_hex, "in hexadecimal digits", INT64),
    FUNCTION("to_oct", "(Int64) -> text", TEXT, to_oct, "in octal digits", INT64),
    FUNCTION("to_bin", "(Int64) -> text", TEXT, to_bin, "in binary digits", INT64),
    OF_BYTES("hex", "text", TEXT, hex, "bytes in hexadecimal digits"),
    FUNCTION("unhex", "(text) -> text", TEXT, from_hex, "the text whose bytes these digits are", TEXT),
    FUNCTION("from_hex", "(text) -> text", TEXT, from_hex, "as unhex", TEXT),
    OF_BYTES("to_base64", "text", TEXT, base64, "bytes in base 64 (RFC 4648)"),
    OF_BYTES("base64", "text", TEXT, base64, "as to_base64"),
    FUNCTION("from_base64", "(text) -> text", TEXT, from_base64, "the text that base 64 holds", TEXT),
    FUNCTION("encode", "(binary, 'hex' or 'base64') -> text", TEXT, encode, "bytes as text", BYTES, TEXT),
    FUNCTION("decode", "(text, 'hex' or 'base64') -> binary", BYTES, decode, "the bytes that the text stands for", TEXT, TEXT),
    FUNCTION("url_encode", "(text) -> text", TEXT, url_encode, "with % escapes (RFC 3986)", TEXT),
    FUNCTION("url_decode", "(text) -> text", TEXT, url_decode, "without % escapes", TEXT),
    OF_BYTES("md5", "text", TEXT, md5, "MD5 digest, 32 hexadecimal digits"),
    OF_BYTES("sha1", "text", TEXT, sha1, "SHA-1 digest, 40 hexadecimal digits"),
    OF_BYTES("sha224", "text", TEXT, sha224, "SHA-224 digest, 56 hexadecimal digits"),
    OF_BYTES("sha256", "text", TEXT, sha256, "SHA-256 digest, 64 hexadecimal digits"),
    OF_BYTES("sha384", "text", TEXT, sha384, "SHA-384 digest, 96 hexadecimal digits"),
    OF_BYTES("sha512", "text", TEXT, sha512, "SHA-512 digest, 128 hexadecimal digits"),
    OF_BYTES("crc32", "Int64", INT64, checksum, "CRC-32 of the bytes (as gzip has it)"),
};
/* clang-format on */

const wr_function_table WR_FUNCTIONS_CODE = {"string", FUNCTIONS,
                                             sizeof FUNCTIONS / sizeof FUNCTIONS[0]};
