/* text_column.c — one loop, made for each type by constant arguments.
 *
 * Spellings other than the usual (a decimal comma, thousands separators, date formats, own words for
 * booleans) take a second way that first rewrites the token; the column loop decides once. */
#include "kernel/text_column.h"

#include "base/bits.h"
#include "types/parse.h"
#include "types/zone.h"

enum { NUMBER_BYTES_MAX = 128 }; /* a number spelled longer than that is not one */

typedef bool (*read_value)(const wr_text_rules *rules, wr_type type, wr_text text, void *out);

/* ---- The usual spellings, one function per type -------------------------------------------------- */

/* Integers are little-endian in memory on every machine we build for: the low bytes come first. */
WR_ALWAYS_INLINE bool read_signed(wr_text text, int64_t low, int64_t high, uint32_t width, void *out)
{
    int64_t x;

    if (!wr_parse_i64(text, &x) || x < low || x > high)
        return false;
    memcpy(out, &x, width);
    return true;
}

WR_ALWAYS_INLINE bool read_unsigned(wr_text text, uint64_t high, uint32_t width, void *out)
{
    uint64_t x;

    if (!wr_parse_u64(text, &x) || x > high)
        return false;
    memcpy(out, &x, width);
    return true;
}

WR_ALWAYS_INLINE bool read_i32(const wr_text_rules *rules, wr_type type, wr_text text, void *out)
{
    (void)rules, (void)type;
    return read_signed(text, INT32_MIN, INT32_MAX, 4, out);
}

WR_ALWAYS_INLINE bool read_i64(const wr_text_rules *rules, wr_type type, wr_text text, void *out)
{
    (void)rules, (void)type;
    return wr_parse_i64(text, out);
}

WR_ALWAYS_INLINE bool read_f64(const wr_text_rules *rules, wr_type type, wr_text text, void *out)
{
    (void)rules, (void)type;
    return wr_parse_f64(text, out);
}

WR_ALWAYS_INLINE bool read_bool(const wr_text_rules *rules, wr_type type, wr_text text, void *out)
{
    bool x;

    (void)rules, (void)type;
    if (!wr_parse_bool(text, &x))
        return false;
    *(uint8_t *)out = x;
    return true;
}

WR_ALWAYS_INLINE bool read_decimal(const wr_text_rules *rules, wr_type type, wr_text text,
                                   void *out)
{
    wr_i128 x;

    (void)rules;
    if (!wr_parse_decimal(text, type.precision, type.scale, &x))
        return false;
    if (type.precision <= WR_DECIMAL_DIGITS_I64)
        *(int64_t *)out = (int64_t)x;
    else
        memcpy(out, &x, sizeof x);
    return true;
}

WR_ALWAYS_INLINE bool read_date(const wr_text_rules *rules, wr_type type, wr_text text, void *out)
{
    (void)rules, (void)type;
    return wr_parse_date(text, out);
}

WR_ALWAYS_INLINE bool read_timestamp(const wr_text_rules *rules, wr_type type, wr_text text,
                                     void *out)
{
    (void)rules;
    return wr_parse_timestamp(text, (wr_time_unit)type.unit, type.zone, out);
}

/* ---- Other spellings ------------------------------------------------------------------------------ */

/* Rewrite a number to '.' and no separators; false if a separator stands in a wrong place. */
static bool plain_number(const wr_text_rules *rules, wr_text text, char *out, size_t *out_bytes)
{
    char   decimal = rules->decimal ? rules->decimal : '.';
    size_t used = 0, group = 0;
    bool   separated = false, whole = true;

    if (text.byte_count > NUMBER_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.byte_count; i++) {
        char byte = text.bytes[i];

        if (whole && rules->thousands && byte == rules->thousands) {
            if (group == 0 || group > 3 || (separated && group != 3))
                return false;
            separated = true;
            group = 0;
            continue;
        }
        if (byte >= '0' && byte <= '9') {
            group += whole;
        } else if (whole && byte != '-' && byte != '+') {
            if (separated && group != 3)
                return false;
            whole = false; /* the decimal point, an exponent, or not a number at all */
        }
        if (byte == '.' && decimal != '.')
            return false;
        out[used++] = byte == decimal ? '.' : byte;
    }
    *out_bytes = used;
    return !(whole && separated && group != 3);
}

static bool find_word(const wr_text_list *words, wr_text text)
{
    for (uint32_t i = 0; words && i < words->count; i++) {
        if (wr_text_equal_nocase(words->items[i], text))
            return true;
    }
    return false;
}

static bool read_bool_words(const wr_text_rules *rules, wr_text text, uint8_t *out)
{
    *out = find_word(rules->true_words, text);
    return *out || find_word(rules->false_words, text);
}

/* Units since 1970 of a day and a time in it; false when it does not fit. */
static bool join_day_time(wr_type type, wr_text format, int32_t days, int64_t day_ns, int64_t *out)
{
    int64_t per_second = wr_unit_per_second((wr_time_unit)type.unit);
    int64_t seconds = (int64_t)days * 86400 + day_ns / 1000000000;
    bool    has_offset = false;

    for (size_t i = 0; i + 1 < format.byte_count; i++)
        has_offset |= format.bytes[i] == '%' && (format.bytes[i + 1] == 'z' || format.bytes[i + 1] == 'Z');
    if (type.zone > 1 && !has_offset)
        seconds = wr_zone_local_to_utc(type.zone, seconds);
    return wr_units_join(seconds, day_ns % 1000000000 / (1000000000 / per_second), per_second, out);
}

static bool read_by_format(wr_type type, wr_text format, wr_text text, void *out)
{
    int32_t days;
    int64_t day_ns;
    bool    has_time;

    if (!wr_parse_by_format(text, format, &days, &day_ns, &has_time))
        return false;
    if (type.logical == WR_TYPE_TIMESTAMP)
        return join_day_time(type, format, days, day_ns, out);
    if (type.logical == WR_TYPE_DATE64)
        *(int64_t *)out = (int64_t)days * 86400000;
    else
        *(int32_t *)out = days;
    return true;
}

/* Does `type` have a spelling of its own under these rules? */
static bool is_unusual(const wr_text_rules *rules, wr_type type)
{
    switch ((wr_logical)type.logical) {
    case WR_TYPE_BOOL:
        return (rules->true_words && rules->true_words->count) ||
               (rules->false_words && rules->false_words->count);
    case WR_TYPE_DATE32:
    case WR_TYPE_DATE64:
        return rules->date_format.byte_count > 0;
    case WR_TYPE_TIMESTAMP:
        return rules->timestamp_format.byte_count > 0;
    default:
        return wr_type_is_numeric(type) &&
               (rules->thousands || (rules->decimal && rules->decimal != '.'));
    }
}

/* ---- One value ------------------------------------------------------------------------------------ */

static bool read_usual(const wr_text_rules *rules, wr_type type, wr_text text, void *out)
{
    wr_interval interval;
    wr_i128     uuid;
    int32_t     days;

    switch ((wr_logical)type.logical) {
    case WR_TYPE_NULL_:
    case WR_TYPE_UTF8:
    case WR_TYPE_BINARY:
    case WR_TYPE_LIST:
    case WR_TYPE_STRUCT:
    case WR_TYPE_MAP:
    case WR_TYPE_COUNT:
        return false;
    case WR_TYPE_I8:
        return read_signed(text, INT8_MIN, INT8_MAX, 1, out);
    case WR_TYPE_I16:
        return read_signed(text, INT16_MIN, INT16_MAX, 2, out);
    case WR_TYPE_I32:
        return read_signed(text, INT32_MIN, INT32_MAX, 4, out);
    case WR_TYPE_I64:
        return wr_parse_i64(text, out);
    case WR_TYPE_U8:
        return read_unsigned(text, UINT8_MAX, 1, out);
    case WR_TYPE_U16:
        return read_unsigned(text, UINT16_MAX, 2, out);
    case WR_TYPE_U32:
        return read_unsigned(text, UINT32_MAX, 4, out);
    case WR_TYPE_U64:
        return wr_parse_u64(text, out);
    case WR_TYPE_F32:
        return wr_parse_f32(text, out);
    case WR_TYPE_F64:
        return wr_parse_f64(text, out);
    case WR_TYPE_BOOL:
        return read_bool(rules, type, text, out);
    case WR_TYPE_DECIMAL:
        return read_decimal(rules, type, text, out);
    case WR_TYPE_DATE32:
        return wr_parse_date(text, out);
    case WR_TYPE_TIMESTAMP:
        return wr_parse_timestamp(text, (wr_time_unit)type.unit, type.zone, out);
    case WR_TYPE_DATE64:
        if (!wr_parse_date(text, &days))
            return false;
        *(int64_t *)out = (int64_t)days * 86400000;
        return true;
    case WR_TYPE_TIME:
        return wr_parse_time(text, (wr_time_unit)type.unit, out);
    case WR_TYPE_INTERVAL:
        if (!wr_parse_interval(text, &interval))
            return false;
        memcpy(out, &interval, sizeof interval);
        return true;
    case WR_TYPE_UUID:
        if (!wr_parse_uuid(text, &uuid))
            return false;
        memcpy(out, &uuid, sizeof uuid);
        return true;
    }
    return false;
}

static bool read_any(const wr_text_rules *rules, wr_type type, wr_text text, void *out)
{
    char   plain[NUMBER_BYTES_MAX];
    size_t plain_bytes;

    if (!is_unusual(rules, type))
        return read_usual(rules, type, text, out);
    if (type.logical == WR_TYPE_BOOL)
        return read_bool_words(rules, text, out);
    if (type.logical == WR_TYPE_TIMESTAMP)
        return read_by_format(type, rules->timestamp_format, text, out);
    if (wr_type_is_temporal(type))
        return read_by_format(type, rules->date_format, text, out);
    return plain_number(rules, text, plain, &plain_bytes) &&
           read_usual(rules, type, (wr_text){plain, plain_bytes}, out);
}

bool wr_text_value_parse(const wr_text_rules *rules, wr_type type, wr_text text, void *out)
{
    return read_any(rules, type, text, out);
}

/* ---- Columns -------------------------------------------------------------------------------------- */

/* `read` and `width` are literals at every call, so each call compiles to a loop of its own. */
WR_ALWAYS_INLINE uint32_t read_column(read_value read, uint32_t width, const wr_text_rules *rules,
                                      wr_type type, const uint8_t *base,
                                      const wr_text_token *tokens, uint32_t row_count, void *data,
                                      uint64_t *valid, uint64_t *bad, uint32_t *out_null_count)
{
    uint8_t *out = data;
    uint32_t bad_count = 0, null_count = 0;

    for (uint32_t from = 0; from < row_count; from += 64) {
        uint32_t count = row_count - from < 64 ? row_count - from : 64;
        uint64_t valid_word = 0, bad_word = 0;

        for (uint32_t i = 0; i < count; i++, out += width) {
            wr_text_token token = tokens[from + i];
            bool          present = token.byte_count != WR_TEXT_TOKEN_NULL;
            bool          good = present && read(rules, type,
                                                 (wr_text){(const char *)base + token.start,
                                                           token.byte_count},
                                                 out);

            if (!good)
                memset(out, 0, width);
            valid_word |= (uint64_t)good << i;
            bad_word |= (uint64_t)(present && !good) << i;
        }
        valid[from / 64] = valid_word;
        bad[from / 64] = bad_word;
        bad_count += (uint32_t)__builtin_popcountll(bad_word);
        null_count += count - (uint32_t)__builtin_popcountll(valid_word);
    }
    *out_null_count = null_count;
    return bad_count;
}

uint32_t wr_text_column_parse(const wr_text_rules *rules, wr_type type, const uint8_t *base,
                              const wr_text_token *tokens, uint32_t row_count, void *data,
                              uint64_t *valid, uint64_t *bad, uint32_t *out_null_count)
{
#define COLUMN(name, width)                                                                        \
    read_column(read_##name, width, rules, type, base, tokens, row_count, data, valid, bad,        \
                out_null_count)

    if (!is_unusual(rules, type)) {
        switch ((wr_logical)type.logical) {
        case WR_TYPE_I32:
            return COLUMN(i32, 4);
        case WR_TYPE_I64:
            return COLUMN(i64, 8);
        case WR_TYPE_F64:
            return COLUMN(f64, 8);
        case WR_TYPE_BOOL:
            return COLUMN(bool, 1);
        case WR_TYPE_DECIMAL:
            return type.precision <= WR_DECIMAL_DIGITS_I64 ? COLUMN(decimal, 8)
                                                           : COLUMN(decimal, 16);
        case WR_TYPE_DATE32:
            return COLUMN(date, 4);
        case WR_TYPE_TIMESTAMP:
            return COLUMN(timestamp, 8);
        default:
            break; /* rare types share one loop */
        }
    }
    return read_column(read_any, wr_physical_bytes(wr_type_physical(type)), rules, type, base,
                       tokens, row_count, data, valid, bad, out_null_count);
#undef COLUMN
}

/* As wr_str_of, without a branch or a call for short text: 16 bytes are loaded, the rest cut off. */
WR_ALWAYS_INLINE wr_str view_of(const uint8_t *bytes, uint32_t byte_count)
{
    uint64_t low = wr_load_u64(bytes), high = wr_load_u64(bytes + 8);
    wr_str   str = {.byte_count = byte_count};
    uint64_t rest;

    if (byte_count > WR_STR_INLINE_BYTES) {
        memcpy(str.prefix, &low, 4);
        str.pointer = (uintptr_t)bytes;
        return str;
    }
    if (byte_count < 8) {
        low &= ((uint64_t)1 << 8 * byte_count) - 1;
        high = 0;
    } else {
        high &= ((uint64_t)1 << 8 * (byte_count - 8)) - 1;
    }
    rest = low >> 32 | high << 32;
    memcpy(str.prefix, &low, 4);
    memcpy(str.rest, &rest, 8);
    return str;
}

uint32_t wr_text_column_view(const uint8_t *base, const wr_text_token *tokens, uint32_t row_count,
                             wr_str *data, uint64_t *valid)
{
    uint32_t null_count = 0;

    for (uint32_t from = 0; from < row_count; from += 64) {
        uint32_t count = row_count - from < 64 ? row_count - from : 64;
        uint64_t valid_word = 0;

        for (uint32_t i = 0; i < count; i++) {
            wr_text_token token = tokens[from + i];
            bool          present = token.byte_count != WR_TEXT_TOKEN_NULL;

            data[from + i] = view_of(base + token.start, present ? token.byte_count : 0);
            valid_word |= (uint64_t)present << i;
        }
        valid[from / 64] = valid_word;
        null_count += count - (uint32_t)__builtin_popcountll(valid_word);
    }
    return null_count;
}
