/* base/option.c — fill a component's option struct from text, by its table. */
#include "base/option.h"

#include <stdlib.h>

enum { NUMBER_BYTES_MAX = 64 };

static void *field_of(const wr_option_def *def, void *options)
{
    return (char *)options + def->offset;
}

/* "(secret)" instead of the value where the table says so. */
static wr_text printable(const wr_option_def *def, wr_text value)
{
    return def->flags & WR_OPTION_SECRET ? WR_TEXT("(secret)") : value;
}

static wr_status refuse(const wr_option_def *def, wr_text value, const char *expected,
                        wr_error *err)
{
    wr_text shown = printable(def, value);

    return WR_RAISE(err, WR_INVALID, "option '%s': '%.*s' is not %s", def->name,
                    WR_TEXT_ARG(shown), expected);
}

static wr_status parse_bool(const wr_option_def *def, wr_text value, bool *out_value,
                            wr_error *err)
{
    static const char *const YES[] = {"true", "yes", "on", "1"};
    static const char *const NO[] = {"false", "no", "off", "0"};

    for (size_t i = 0; i < 4; i++) {
        if (wr_text_equal_nocase(value, wr_text_of(YES[i]))) {
            *out_value = true;
            return WR_OK;
        }
        if (wr_text_equal_nocase(value, wr_text_of(NO[i]))) {
            *out_value = false;
            return WR_OK;
        }
    }
    return refuse(def, value, "true or false", err);
}

/* Digits with an optional sign; false on anything else or when it does not fit. */
static bool parse_digits(wr_text value, int64_t *out_value)
{
    bool    negative = value.byte_count > 0 && value.bytes[0] == '-';
    size_t  at = value.byte_count > 0 && (negative || value.bytes[0] == '+');
    int64_t number = 0;

    if (at == value.byte_count)
        return false;
    for (; at < value.byte_count; at++) {
        int digit = value.bytes[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, digit, &number))
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, number, &number))
        return false;
    *out_value = number;
    return true;
}

static wr_status parse_int(const wr_option_def *def, wr_text value, int64_t *out_value,
                           wr_error *err)
{
    int64_t number;

    if (!parse_digits(value, &number))
        return refuse(def, value, "a whole number", err);
    if ((def->min || def->max) && (number < def->min || number > def->max))
        return WR_RAISE(err, WR_INVALID, "option '%s': %lld is not between %lld and %lld",
                        def->name, (long long)number, (long long)def->min, (long long)def->max);
    *out_value = number;
    return WR_OK;
}

static wr_status parse_float(const wr_option_def *def, wr_text value, double *out_value,
                             wr_error *err)
{
    char   copy[NUMBER_BYTES_MAX + 1];
    char  *end;
    double number;

    /* strtod also takes hexadecimal, infinities and NaN: only plain decimal numbers pass. */
    if (value.byte_count == 0 || value.byte_count > NUMBER_BYTES_MAX)
        return refuse(def, value, "a number", err);
    for (size_t i = 0; i < value.byte_count; i++) {
        if (value.bytes[i] == '\0' || !strchr("0123456789+-.eE", value.bytes[i]))
            return refuse(def, value, "a number", err);
    }
    memcpy(copy, value.bytes, value.byte_count);
    copy[value.byte_count] = '\0';
    number = strtod(copy, &end);
    if (*end != '\0' || number - number != 0)
        return refuse(def, value, "a number", err);
    *out_value = number;
    return WR_OK;
}

static wr_status parse_bytes(const wr_option_def *def, wr_text value, uint64_t *out_value,
                             wr_error *err)
{
    uint64_t bytes;
    char     low[32], high[32];

    if (wr_text_parse_bytes(value, &bytes, NULL) != WR_OK)
        return refuse(def, value, "a size such as 64MB or 16MiB", err);
    if ((def->min || def->max) && (bytes < (uint64_t)def->min || bytes > (uint64_t)def->max))
        return WR_RAISE(err, WR_INVALID, "option '%s': '%.*s' is not between %s and %s", def->name,
                        WR_TEXT_ARG(value),
                        wr_text_format_bytes((uint64_t)def->min, low, sizeof low),
                        wr_text_format_bytes((uint64_t)def->max, high, sizeof high));
    *out_value = bytes;
    return WR_OK;
}

static wr_status parse_char(const wr_option_def *def, wr_text value, int32_t *out_value,
                            wr_error *err)
{
    if (value.byte_count == 1)
        *out_value = (unsigned char)value.bytes[0];
    else if (wr_text_equal(value, WR_TEXT("\\t")) || wr_text_equal_nocase(value, WR_TEXT("tab")))
        *out_value = '\t';
    else if (value.byte_count == 0 || wr_text_equal_nocase(value, WR_TEXT("none")))
        *out_value = -1;
    else if (wr_text_equal_nocase(value, WR_TEXT("auto")))
        *out_value = 0;
    else
        return refuse(def, value, "one byte, tab or none", err);
    return WR_OK;
}

/* Where true and false are among the choices, YAML's other words for them are meant, too. */
static wr_text plain_word(const wr_option_def *def, wr_text value)
{
    bool yes = false, takes_bool = false;

    for (int32_t i = 0; def->choices[i]; i++)
        takes_bool |= strcmp(def->choices[i], "true") == 0;
    if (!takes_bool || parse_bool(def, value, &yes, NULL) != WR_OK)
        return value;
    return yes ? WR_TEXT("true") : WR_TEXT("false");
}

static wr_status parse_enum(const wr_option_def *def, wr_text value, int32_t *out_value,
                            wr_error *err)
{
    wr_suggest suggest;
    wr_text    shown = printable(def, value);

    wr_suggest_init(&suggest, value);
    value = plain_word(def, value);
    for (int32_t i = 0; def->choices[i]; i++) {
        if (wr_text_equal_nocase(value, wr_text_of(def->choices[i]))) {
            *out_value = i;
            return WR_OK;
        }
        wr_suggest_offer(&suggest, wr_text_of(def->choices[i]));
    }
    (void)WR_RAISE(err, WR_INVALID, "option '%s': unknown value '%.*s', expected ", def->name,
                   WR_TEXT_ARG(shown));
    for (int32_t i = 0; def->choices[i]; i++)
        wr_error_append(err, "%s%s", i == 0 ? "" : def->choices[i + 1] ? ", " : " or ",
                        def->choices[i]);
    wr_suggest_append(&suggest, err);
    return WR_INVALID;
}

/* The bytes of a given text are never NULL, so that "given but empty" differs from "not given". */
static wr_text borrow(wr_text value)
{
    return value.bytes ? value : WR_TEXT("");
}

static wr_status add_to_list(const wr_option_def *def, wr_text value, bool given,
                             wr_text_list *list, wr_error *err)
{
    if (given && !list->given)
        list->count = 0; /* what was there was the default */
    if (list->count == WR_TEXT_LIST_MAX)
        return WR_RAISE(err, WR_INVALID, "option '%s': more than %d values", def->name,
                        WR_TEXT_LIST_MAX);
    list->items[list->count++] = borrow(value);
    list->given = given;
    return WR_OK;
}

static wr_status store(const wr_option_def *def, void *field, wr_text value, bool given,
                       wr_error *err)
{
    switch (def->kind) {
    case WR_OPTION_BOOL:
        return parse_bool(def, value, field, err);
    case WR_OPTION_INT:
        return parse_int(def, value, field, err);
    case WR_OPTION_FLOAT:
        return parse_float(def, value, field, err);
    case WR_OPTION_BYTES:
        return parse_bytes(def, value, field, err);
    case WR_OPTION_CHAR:
        return parse_char(def, value, field, err);
    case WR_OPTION_TEXT:
        *(wr_text *)field = borrow(value);
        return WR_OK;
    case WR_OPTION_ENUM:
        return parse_enum(def, value, field, err);
    case WR_OPTION_LIST:
        return add_to_list(def, value, given, field, err);
    }
    WR_UNREACHABLE();
}

void wr_options_default(const wr_option_def *defs, void *options)
{
    for (const wr_option_def *def = defs; def->name; def++) {
        void *field = field_of(def, options);

        if (def->fallback)
            wr_assert(store(def, field, wr_text_of(def->fallback), false, NULL) == WR_OK,
                      "the default of an option is a valid value");
        else if (def->kind == WR_OPTION_CHAR)
            *(int32_t *)field = -1;
    }
}

const wr_option_def *wr_option_find(const wr_option_def *defs, wr_text name)
{
    for (const wr_option_def *def = defs; def->name; def++) {
        if (wr_text_equal(name, wr_text_of(def->name)))
            return def;
    }
    return NULL;
}

wr_status wr_option_set(const wr_option_def *defs, void *options, wr_text name, wr_text value,
                        wr_error *err)
{
    const wr_option_def *found = wr_option_find(defs, name);
    wr_suggest           suggest;

    if (found)
        return store(found, field_of(found, options), value, true, err);
    wr_suggest_init(&suggest, name);
    for (const wr_option_def *def = defs; def->name; def++)
        wr_suggest_offer(&suggest, wr_text_of(def->name));
    (void)WR_RAISE(err, WR_INVALID, "unknown option '%.*s'", WR_TEXT_ARG(name));
    wr_suggest_append(&suggest, err);
    return WR_INVALID;
}
