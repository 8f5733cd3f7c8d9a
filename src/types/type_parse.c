/* types/type_parse.c — type names of SQL, Arrow and other engines to wr_type.
 *
 * A spelling is words, optional arguments in () or [], and more words:
 *     timestamp(3) with time zone     decimal128(10, 2)     timestamp[us, tz=Europe/Berlin]
 * The words, lower-cased and joined by one blank, are looked up in one table; the type found says
 * which arguments it takes. Nested types are taken apart in nested_parse.c. Where two worlds use one word for two things, the canonical name of
 * logical.def wins (Int8 has 8 bits), else SQL does (float is Float64). */
#include <string.h>

#include "types/type.h"
#include "types/nested_priv.h"
#include "types/zone.h"

enum { TYPE_TEXT_BYTES_MAX = 120, TYPE_ARGS_MAX = 2 };

typedef struct type_alias {
    const char *name;
    uint8_t     logical;
    uint8_t     unit;
    uint8_t     zone;
} type_alias;

static const type_alias ALIASES[] = {
    {"null", WR_TYPE_NULL_, 0, 0},
    {"boolean", WR_TYPE_BOOL, 0, 0},
    {"bool", WR_TYPE_BOOL, 0, 0},
    {"logical", WR_TYPE_BOOL, 0, 0},
    {"int8", WR_TYPE_I8, 0, 0},
    {"i8", WR_TYPE_I8, 0, 0},
    {"tinyint", WR_TYPE_I8, 0, 0},
    {"int16", WR_TYPE_I16, 0, 0},
    {"i16", WR_TYPE_I16, 0, 0},
    {"int2", WR_TYPE_I16, 0, 0},
    {"smallint", WR_TYPE_I16, 0, 0},
    {"short", WR_TYPE_I16, 0, 0},
    {"int32", WR_TYPE_I32, 0, 0},
    {"i32", WR_TYPE_I32, 0, 0},
    {"int4", WR_TYPE_I32, 0, 0},
    {"int", WR_TYPE_I32, 0, 0},
    {"integer", WR_TYPE_I32, 0, 0},
    {"signed", WR_TYPE_I32, 0, 0},
    {"int64", WR_TYPE_I64, 0, 0},
    {"i64", WR_TYPE_I64, 0, 0},
    {"bigint", WR_TYPE_I64, 0, 0},
    {"long", WR_TYPE_I64, 0, 0},
    {"uint8", WR_TYPE_U8, 0, 0},
    {"u8", WR_TYPE_U8, 0, 0},
    {"utinyint", WR_TYPE_U8, 0, 0},
    {"tinyint unsigned", WR_TYPE_U8, 0, 0},
    {"uint16", WR_TYPE_U16, 0, 0},
    {"u16", WR_TYPE_U16, 0, 0},
    {"usmallint", WR_TYPE_U16, 0, 0},
    {"smallint unsigned", WR_TYPE_U16, 0, 0},
    {"uint32", WR_TYPE_U32, 0, 0},
    {"u32", WR_TYPE_U32, 0, 0},
    {"uint", WR_TYPE_U32, 0, 0},
    {"uinteger", WR_TYPE_U32, 0, 0},
    {"int unsigned", WR_TYPE_U32, 0, 0},
    {"integer unsigned", WR_TYPE_U32, 0, 0},
    {"uint64", WR_TYPE_U64, 0, 0},
    {"u64", WR_TYPE_U64, 0, 0},
    {"ubigint", WR_TYPE_U64, 0, 0},
    {"bigint unsigned", WR_TYPE_U64, 0, 0},
    {"float32", WR_TYPE_F32, 0, 0},
    {"f32", WR_TYPE_F32, 0, 0},
    {"float4", WR_TYPE_F32, 0, 0},
    {"real", WR_TYPE_F32, 0, 0},
    {"float64", WR_TYPE_F64, 0, 0},
    {"f64", WR_TYPE_F64, 0, 0},
    {"float8", WR_TYPE_F64, 0, 0},
    {"float", WR_TYPE_F64, 0, 0},
    {"double", WR_TYPE_F64, 0, 0},
    {"double precision", WR_TYPE_F64, 0, 0},
    {"decimal", WR_TYPE_DECIMAL, 0, 0},
    {"decimal128", WR_TYPE_DECIMAL, 0, 0},
    {"numeric", WR_TYPE_DECIMAL, 0, 0},
    {"dec", WR_TYPE_DECIMAL, 0, 0},
    {"number", WR_TYPE_DECIMAL, 0, 0},
    {"utf8", WR_TYPE_UTF8, 0, 0},
    {"utf8view", WR_TYPE_UTF8, 0, 0},
    {"utf8_view", WR_TYPE_UTF8, 0, 0},
    {"largeutf8", WR_TYPE_UTF8, 0, 0},
    {"large_utf8", WR_TYPE_UTF8, 0, 0},
    {"large_string", WR_TYPE_UTF8, 0, 0},
    {"string_view", WR_TYPE_UTF8, 0, 0},
    {"string", WR_TYPE_UTF8, 0, 0},
    {"str", WR_TYPE_UTF8, 0, 0},
    {"text", WR_TYPE_UTF8, 0, 0},
    {"varchar", WR_TYPE_UTF8, 0, 0},
    {"nvarchar", WR_TYPE_UTF8, 0, 0},
    {"char", WR_TYPE_UTF8, 0, 0},
    {"bpchar", WR_TYPE_UTF8, 0, 0},
    {"character", WR_TYPE_UTF8, 0, 0},
    {"character varying", WR_TYPE_UTF8, 0, 0},
    {"char varying", WR_TYPE_UTF8, 0, 0},
    {"binary", WR_TYPE_BINARY, 0, 0},
    {"binary_view", WR_TYPE_BINARY, 0, 0},
    {"binaryview", WR_TYPE_BINARY, 0, 0},
    {"large_binary", WR_TYPE_BINARY, 0, 0},
    {"largebinary", WR_TYPE_BINARY, 0, 0},
    {"varbinary", WR_TYPE_BINARY, 0, 0},
    {"binary varying", WR_TYPE_BINARY, 0, 0},
    {"bytea", WR_TYPE_BINARY, 0, 0},
    {"blob", WR_TYPE_BINARY, 0, 0},
    {"bytes", WR_TYPE_BINARY, 0, 0},
    {"date", WR_TYPE_DATE32, 0, 0},
    {"date32", WR_TYPE_DATE32, 0, 0},
    {"date64", WR_TYPE_DATE64, 0, 0},
    {"time", WR_TYPE_TIME, WR_UNIT_US, 0},
    {"time without time zone", WR_TYPE_TIME, WR_UNIT_US, 0},
    {"time32", WR_TYPE_TIME, WR_UNIT_MS, 0},
    {"time64", WR_TYPE_TIME, WR_UNIT_US, 0},
    {"timestamp", WR_TYPE_TIMESTAMP, WR_UNIT_US, 0},
    {"timestamp without time zone", WR_TYPE_TIMESTAMP, WR_UNIT_US, 0},
    {"datetime", WR_TYPE_TIMESTAMP, WR_UNIT_US, 0},
    {"timestamp_s", WR_TYPE_TIMESTAMP, WR_UNIT_S, 0},
    {"timestamp_ms", WR_TYPE_TIMESTAMP, WR_UNIT_MS, 0},
    {"timestamp_us", WR_TYPE_TIMESTAMP, WR_UNIT_US, 0},
    {"timestamp_ns", WR_TYPE_TIMESTAMP, WR_UNIT_NS, 0},
    {"timestamp with time zone", WR_TYPE_TIMESTAMP, WR_UNIT_US, 1},
    {"timestamptz", WR_TYPE_TIMESTAMP, WR_UNIT_US, 1},
    {"interval", WR_TYPE_INTERVAL, 0, 0},
    {"month_day_nano_interval", WR_TYPE_INTERVAL, 0, 0},
    {"uuid", WR_TYPE_UUID, 0, 0},
    {"guid", WR_TYPE_UUID, 0, 0},
};

/* A spelling, taken apart. */
typedef struct type_spelling {
    char    name[TYPE_TEXT_BYTES_MAX + 1];
    size_t  name_bytes;
    wr_text args[TYPE_ARGS_MAX];
    size_t  arg_count;
    wr_text whole; /* for messages */
} type_spelling;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Append lower-cased words to the name, one blank between them. */
static void append_words(type_spelling *spelling, const char *bytes, size_t byte_count)
{
    bool gap = spelling->name_bytes > 0;

    for (size_t i = 0; i < byte_count; i++) {
        char c = bytes[i];

        if (is_blank(c)) {
            gap = spelling->name_bytes > 0;
            continue;
        }
        if (gap)
            spelling->name[spelling->name_bytes++] = ' ';
        gap = false;
        spelling->name[spelling->name_bytes++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
}

/* The argument without quotes, without Some(...) and without "tz=". */
static wr_text strip_arg(wr_text arg)
{
    arg = wr_text_trim(arg);
    if (wr_text_starts_with(arg, WR_TEXT("Some(")) && wr_text_ends_with(arg, WR_TEXT(")")))
        arg = wr_text_trim((wr_text){arg.bytes + 5, arg.byte_count - 6});
    if (wr_text_starts_with(arg, WR_TEXT("tz=")))
        arg = (wr_text){arg.bytes + 3, arg.byte_count - 3};
    if (arg.byte_count >= 2 && (arg.bytes[0] == '"' || arg.bytes[0] == '\'') &&
        arg.bytes[arg.byte_count - 1] == arg.bytes[0])
        arg = (wr_text){arg.bytes + 1, arg.byte_count - 2};
    return arg;
}

static wr_status split_spelling(wr_text text, type_spelling *out, wr_error *err)
{
    size_t open = 0, close = text.byte_count, begin;

    *out = (type_spelling){.whole = text};
    while (open < text.byte_count && text.bytes[open] != '(' && text.bytes[open] != '[')
        open++;
    append_words(out, text.bytes, open);
    if (open == text.byte_count)
        return WR_OK;
    while (close > open && text.bytes[close - 1] != ')' && text.bytes[close - 1] != ']')
        close--;
    if (close == open)
        return WR_RAISE(err, WR_INVALID, "bad type '%.*s': a closing bracket is missing",
                        WR_TEXT_ARG(text));
    append_words(out, text.bytes + close, text.byte_count - close);
    begin = open + 1;
    for (size_t i = begin; i < close; i++) {
        if (i + 1 < close && text.bytes[i] != ',')
            continue;
        if (out->arg_count == TYPE_ARGS_MAX)
            return WR_RAISE(err, WR_INVALID, "bad type '%.*s': too many arguments",
                            WR_TEXT_ARG(text));
        out->args[out->arg_count++] = strip_arg((wr_text){text.bytes + begin, i - begin});
        begin = i + 1;
    }
    return WR_OK;
}

static bool parse_small(wr_text text, int *out)
{
    int value = 0;

    if (text.byte_count == 0 || text.byte_count > 9)
        return false;
    for (size_t i = 0; i < text.byte_count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        value = value * 10 + (text.bytes[i] - '0');
    }
    *out = value;
    return true;
}

static wr_status apply_decimal_args(const type_spelling *spelling, wr_type *type, wr_error *err)
{
    enum { PRECISION_DEFAULT = WR_DECIMAL_DIGITS_MAX, SCALE_DEFAULT = 10 };
    int precision = PRECISION_DEFAULT, scale = spelling->arg_count ? 0 : SCALE_DEFAULT;

    if (spelling->arg_count >= 1 && !parse_small(spelling->args[0], &precision))
        precision = 0;
    if (precision < 1 || precision > WR_DECIMAL_DIGITS_MAX)
        return WR_RAISE(err, WR_INVALID, "bad type '%.*s': the precision must be 1 to %d digits",
                        WR_TEXT_ARG(spelling->whole), WR_DECIMAL_DIGITS_MAX);
    if (spelling->arg_count == 2 && !parse_small(spelling->args[1], &scale))
        scale = -1;
    if (scale < 0 || scale > precision)
        return WR_RAISE(err, WR_INVALID, "bad type '%.*s': the scale must be 0 to %d",
                        WR_TEXT_ARG(spelling->whole), precision);
    *type = wr_type_decimal((unsigned)precision, scale);
    return WR_OK;
}

/* A number of fraction digits (SQL) or a unit's name (Arrow). */
static bool parse_unit(wr_text text, uint8_t *out_unit)
{
    static const struct {
        const char *name;
        uint8_t     unit;
    } UNITS[] = {
        {"s", WR_UNIT_S},        {"second", WR_UNIT_S},      {"ms", WR_UNIT_MS},
        {"milli", WR_UNIT_MS},   {"millisecond", WR_UNIT_MS}, {"us", WR_UNIT_US},
        {"micro", WR_UNIT_US},   {"microsecond", WR_UNIT_US}, {"ns", WR_UNIT_NS},
        {"nano", WR_UNIT_NS},    {"nanosecond", WR_UNIT_NS},
    };
    int digits;

    if (parse_small(text, &digits)) {
        *out_unit = (uint8_t)((digits + 2) / 3);
        return digits <= 9;
    }
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (wr_text_equal_nocase(text, wr_text_of(UNITS[i].name))) {
            *out_unit = UNITS[i].unit;
            return true;
        }
    }
    return false;
}

static wr_status apply_time_args(const type_spelling *spelling, wr_type *type, wr_error *err)
{
    size_t arg_max = type->logical == WR_TYPE_TIMESTAMP ? 2 : 1;

    if (spelling->arg_count > arg_max)
        return WR_RAISE(err, WR_INVALID, "bad type '%.*s': too many arguments",
                        WR_TEXT_ARG(spelling->whole));
    if (spelling->arg_count >= 1 && !parse_unit(spelling->args[0], &type->unit))
        return WR_RAISE(err, WR_INVALID,
                        "bad type '%.*s': expected 0 to 9 fraction digits or s, ms, us, ns",
                        WR_TEXT_ARG(spelling->whole));
    if (spelling->arg_count == 2 && !wr_text_equal_nocase(spelling->args[1], WR_TEXT("none")))
        WR_TRY_WHILE(wr_zone_find(spelling->args[1], &type->zone, err), err,
                     "reading the type '%.*s'", WR_TEXT_ARG(spelling->whole));
    return WR_OK;
}

/* varchar(20): the length is read and has no effect, as text has no fixed width here.
 * float(24): digits of the mantissa, as in SQL. */
static wr_status apply_length_arg(const type_spelling *spelling, wr_type *type, wr_error *err)
{
    int  number;
    bool takes_one = wr_type_is_text(*type) || type->logical == WR_TYPE_F64 ||
                     type->logical == WR_TYPE_DATE32 || type->logical == WR_TYPE_DATE64;

    if (spelling->arg_count == 0)
        return WR_OK;
    if (!takes_one || spelling->arg_count > 1)
        return WR_RAISE(err, WR_INVALID, "bad type '%.*s': it takes no arguments",
                        WR_TEXT_ARG(spelling->whole));
    if (type->logical == WR_TYPE_DATE32 && wr_text_equal_nocase(spelling->args[0], WR_TEXT("day")))
        return WR_OK;
    if (type->logical == WR_TYPE_DATE64 && wr_text_equal_nocase(spelling->args[0], WR_TEXT("ms")))
        return WR_OK;
    if (wr_type_is_temporal(*type) || !parse_small(spelling->args[0], &number) || number < 1 ||
        (type->logical == WR_TYPE_F64 && number > 53))
        return WR_RAISE(err, WR_INVALID, "bad type '%.*s': '%.*s' is not a length",
                        WR_TEXT_ARG(spelling->whole), WR_TEXT_ARG(spelling->args[0]));
    if (type->logical == WR_TYPE_F64 && number <= 24)
        *type = WR_TYPE(F32);
    return WR_OK;
}

static wr_status raise_unknown_type(wr_text text, wr_text name, wr_error *err)
{
    wr_suggest suggest;

    wr_error_raise(err, WR_INVALID, __FILE__, __LINE__, "unknown type '%.*s'", WR_TEXT_ARG(text));
    if (wr_text_find_byte(name, '<', 0) != SIZE_MAX)
        name.byte_count = wr_text_find_byte(name, '<', 0);
    wr_suggest_init(&suggest, name);
    for (size_t i = 0; i < sizeof ALIASES / sizeof ALIASES[0]; i++)
        wr_suggest_offer(&suggest, wr_text_of(ALIASES[i].name));
    for (size_t i = 0; wr_nested_word(i); i++)
        wr_suggest_offer(&suggest, wr_text_of(wr_nested_word(i)));
    wr_suggest_append(&suggest, err);
    return WR_INVALID;
}

wr_status wr_type_parse_plain(wr_text text, wr_type *out_type, wr_error *err)
{
    type_spelling spelling;
    wr_text       name;
    wr_type       type = {0};
    size_t        i;

    if (text.byte_count > TYPE_TEXT_BYTES_MAX)
        return WR_RAISE(err, WR_INVALID, "unknown type '%.*s...'", 40, text.bytes);
    WR_TRY(split_spelling(text, &spelling, err));
    name = (wr_text){spelling.name, spelling.name_bytes};
    for (i = 0; i < sizeof ALIASES / sizeof ALIASES[0]; i++)
        if (wr_text_equal(name, wr_text_of(ALIASES[i].name)))
            break;
    if (i == sizeof ALIASES / sizeof ALIASES[0])
        return raise_unknown_type(text, name, err);
    type.logical = ALIASES[i].logical;
    type.unit = ALIASES[i].unit;
    type.zone = ALIASES[i].zone;
    if (type.logical == WR_TYPE_DECIMAL)
        WR_TRY(apply_decimal_args(&spelling, &type, err));
    else if (type.logical == WR_TYPE_TIME || type.logical == WR_TYPE_TIMESTAMP)
        WR_TRY(apply_time_args(&spelling, &type, err));
    else
        WR_TRY(apply_length_arg(&spelling, &type, err));
    *out_type = type;
    return WR_OK;
}
