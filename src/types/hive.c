/* spi/hive.c — see hive.h. */
#include "types/hive.h"

#include <string.h>

#include "types/parse.h"

bool wr_hive_folder(wr_text path, uint32_t index, wr_text *out_key, wr_text *out_value)
{
    size_t start = 0;

    for (;;) {
        size_t  slash = wr_text_find_byte(path, '/', start);
        size_t  equals;
        wr_text name;

        if (slash == SIZE_MAX)
            return false;
        name = (wr_text){path.bytes + start, slash - start};
        equals = wr_text_find_byte(name, '=', 0);
        start = slash + 1;
        if (equals == SIZE_MAX || equals == 0 || index-- > 0)
            continue;
        *out_key = (wr_text){name.bytes, equals};
        *out_value = (wr_text){name.bytes + equals + 1, name.byte_count - equals - 1};
        return true;
    }
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

wr_text wr_hive_decode(wr_text text, char *buffer)
{
    size_t used = 0;

    for (size_t i = 0; i < text.byte_count && used < WR_HIVE_BYTES_MAX; i++) {
        int high = -1, low = -1;

        if (text.bytes[i] == '%' && i + 2 < text.byte_count) {
            high = hex_digit(text.bytes[i + 1]);
            low = hex_digit(text.bytes[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            buffer[used++] = (char)(high * 16 + low);
            i += 2;
        } else {
            buffer[used++] = text.bytes[i];
        }
    }
    return (wr_text){buffer, used};
}

/* What Hive and Spark encode: control bytes and what means something in paths or globs. */
static bool is_special(char byte)
{
    return (unsigned char)byte < 0x20 || byte == 0x7f || strchr("\"#%'*/:=?\\{}[]^", byte);
}

bool wr_hive_encode(wr_text text, char *buffer, size_t buffer_bytes, wr_text *out_text)
{
    static const char HEX[] = "0123456789ABCDEF";
    size_t            used = 0;

    for (size_t i = 0; i < text.byte_count; i++) {
        char byte = text.bytes[i];

        if (used + 3 > buffer_bytes)
            return false;
        if (is_special(byte)) {
            buffer[used++] = '%';
            buffer[used++] = HEX[(unsigned char)byte >> 4];
            buffer[used++] = HEX[(unsigned char)byte & 15];
        } else {
            buffer[used++] = byte;
        }
    }
    *out_text = (wr_text){buffer, used};
    return true;
}

static bool read_value(wr_text text, wr_type type, wr_value *out)
{
    int32_t days;

    switch (type.logical) {
    case WR_TYPE_I64:
        return wr_parse_i64(text, &out->i64);
    case WR_TYPE_DATE32:
        if (!wr_parse_date(text, &days))
            return false;
        out->i64 = days;
        return true;
    case WR_TYPE_TIMESTAMP:
        return wr_parse_timestamp(text, type.unit, 0, &out->i64);
    default:
        out->text = text;
        return true;
    }
}

bool wr_hive_value(wr_text path, wr_text key, wr_type type, char *buffer, wr_value *out_value)
{
    wr_text found, value;

    for (uint32_t i = 0; wr_hive_folder(path, i, &found, &value); i++) {
        if (!wr_text_equal(wr_hive_decode(found, buffer), key))
            continue;
        value = wr_hive_decode(value, buffer);
        *out_value = (wr_value){.type = type, .is_null = wr_text_equal(value, WR_TEXT(WR_HIVE_NULL))};
        return out_value->is_null || read_value(value, type, out_value);
    }
    return false;
}
