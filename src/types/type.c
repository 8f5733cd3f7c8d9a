/* types/type.c — facts about types, and the look-up of columns in a schema. */
#include "types/type.h"

#include <stdarg.h>
#include <stdio.h>

#include "types/nested.h"
#include "types/str.h"
#include "types/value.h"
#include "types/zone.h"

wr_physical wr_type_physical(wr_type type)
{
    static const uint8_t PHYSICAL[WR_TYPE_COUNT] = {
#define X(id, name, physical) [WR_TYPE_##id] = WR_PHYS_##physical,
#include "types/logical.def"
#undef X
    };

    if (type.logical == WR_TYPE_DECIMAL && type.precision <= WR_DECIMAL_DIGITS_I64)
        return WR_PHYS_I64;
    return (wr_physical)PHYSICAL[type.logical];
}

uint32_t wr_physical_bytes(wr_physical physical)
{
    static const uint8_t BYTES[WR_PHYS_COUNT] = {
#define X(id, name, ctype, bytes) [WR_PHYS_##id] = bytes,
#include "types/physical.def"
#undef X
    };
#define X(id, name, ctype, bytes) _Static_assert(sizeof(ctype) == (bytes), "physical.def is right");
#include "types/physical.def"
#undef X

    return BYTES[physical];
}

bool wr_type_is_integer(wr_type type)
{
    return type.logical >= WR_TYPE_I8 && type.logical <= WR_TYPE_U64;
}

bool wr_type_is_unsigned(wr_type type)
{
    return type.logical >= WR_TYPE_U8 && type.logical <= WR_TYPE_U64;
}

bool wr_type_is_float(wr_type type)
{
    return type.logical == WR_TYPE_F32 || type.logical == WR_TYPE_F64;
}

bool wr_type_is_numeric(wr_type type)
{
    return wr_type_is_integer(type) || wr_type_is_float(type) || type.logical == WR_TYPE_DECIMAL;
}

bool wr_type_is_text(wr_type type)
{
    return type.logical == WR_TYPE_UTF8 || type.logical == WR_TYPE_BINARY;
}

bool wr_type_is_bytes(wr_type type)
{
    return wr_type_physical(type) == WR_PHYS_STR;
}

bool wr_type_is_temporal(wr_type type)
{
    return type.logical >= WR_TYPE_DATE32 && type.logical <= WR_TYPE_INTERVAL;
}

/* A name that is being written; what does not fit is dropped and noted. */
typedef struct name_buffer {
    char  *bytes;
    size_t used;
    bool   is_cut;
} name_buffer;

static void WR_PRINTF(2, 3) append_name(name_buffer *name, const char *format, ...)
{
    size_t  room = WR_TYPE_NAME_BYTES - name->used;
    va_list args;
    int     count;

    va_start(args, format);
    count = name->is_cut ? 0 : vsnprintf(name->bytes + name->used, room, format, args);
    va_end(args);
    name->is_cut = name->is_cut || (size_t)count >= room;
    name->used = name->is_cut ? WR_TYPE_NAME_BYTES - 1 : name->used + (size_t)count;
}

/* Can a member's name stand without quotes? */
static bool is_plain_name(wr_text name)
{
    for (size_t i = 0; i < name.byte_count; i++) {
        char c = name.bytes[i], lower = (char)(c | 0x20);

        if (c != '_' && !(lower >= 'a' && lower <= 'z') && !(i && c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

static void append_type(name_buffer *name, wr_type type);

static void append_members(name_buffer *name, wr_type type)
{
    for (uint32_t i = 0; i < wr_type_member_count(type); i++) {
        wr_member   member = wr_type_member(type, i);
        const char *quote = is_plain_name(member.name) ? "" : "\"";

        append_name(name, "%s%s%.*s%s ", i ? ", " : "", quote, WR_TEXT_ARG(member.name), quote);
        append_type(name, member.type);
    }
}

static void append_type(name_buffer *name, wr_type type)
{
    static const char *const NAMES[WR_TYPE_COUNT] = {
#define X(id, name, physical) [WR_TYPE_##id] = name,
#include "types/logical.def"
#undef X
    };
    static const char *const UNITS[] = {"s", "ms", "us", "ns"};
    wr_text zone;

    append_name(name, "%s", NAMES[type.logical]);
    switch (type.logical) {
    case WR_TYPE_DECIMAL:
        append_name(name, "(%u, %d)", type.precision, type.scale);
        break;
    case WR_TYPE_TIME:
        append_name(name, "(%s)", UNITS[type.unit]);
        break;
    case WR_TYPE_TIMESTAMP:
        zone = wr_zone_name(type.zone);
        append_name(name, "(%s%s%.*s)", UNITS[type.unit], type.zone ? ", " : "", WR_TEXT_ARG(zone));
        break;
    case WR_TYPE_LIST:
        append_name(name, "(");
        append_type(name, wr_type_element(type));
        append_name(name, ")");
        break;
    case WR_TYPE_STRUCT:
        append_name(name, "(");
        append_members(name, type);
        append_name(name, ")");
        break;
    case WR_TYPE_MAP:
        append_name(name, "(");
        append_type(name, wr_type_member(wr_type_element(type), 0).type);
        append_name(name, ", ");
        append_type(name, wr_type_member(wr_type_element(type), 1).type);
        append_name(name, ")");
        break;
    default:
        break;
    }
}

const char *wr_type_format(wr_type type, char buffer[WR_TYPE_NAME_BYTES])
{
    name_buffer name = {.bytes = buffer};

    append_type(&name, type);
    if (name.is_cut)
        memcpy(buffer + WR_TYPE_NAME_BYTES - 4, "...", 4);
    return buffer;
}

uint32_t wr_schema_find(const wr_schema *schema, wr_text name, bool *out_ambiguous)
{
    uint32_t found = WR_FIELD_NONE;
    bool     ambiguous = false;

    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (wr_text_equal(schema->fields[i].name, name)) {
            found = i;
            ambiguous = false;
            break;
        }
        if (wr_text_equal_nocase(schema->fields[i].name, name)) {
            ambiguous = ambiguous || found != WR_FIELD_NONE;
            found = i;
        }
    }
    if (out_ambiguous)
        *out_ambiguous = ambiguous;
    return ambiguous ? WR_FIELD_NONE : found;
}

/* Long schemas are cut: the message has to stay readable. */
static void append_columns(const wr_schema *schema, wr_error *err)
{
    enum { COLUMNS_SHOWN_MAX = 24, NAME_BYTES_MAX = 40 };

    for (uint32_t i = 0; i < schema->field_count && i < COLUMNS_SHOWN_MAX; i++) {
        wr_text name = schema->fields[i].name;
        bool    cut = name.byte_count > NAME_BYTES_MAX;

        if (cut)
            name.byte_count = NAME_BYTES_MAX;
        wr_error_append(err, "%s%.*s%s", i ? ", " : "", WR_TEXT_ARG(name), cut ? "..." : "");
    }
    if (schema->field_count > COLUMNS_SHOWN_MAX)
        wr_error_append(err, ", ... %u in all", schema->field_count);
}

wr_status wr_schema_raise_unknown(const wr_schema *schema, wr_text name, const char *where,
                                  wr_error *err)
{
    const char *in = where ? " in " : "";
    bool        ambiguous;
    wr_suggest  suggest;

    wr_schema_find(schema, name, &ambiguous);
    if (name.byte_count > 200)
        name.byte_count = 200;
    if (ambiguous)
        return WR_RAISE(err, WR_INVALID,
                        "ambiguous column '%.*s'%s%s: several columns differ from it only in case; "
                        "write the name exactly",
                        WR_TEXT_ARG(name), in, where ? where : "");
    wr_error_raise(err, WR_INVALID, __FILE__, __LINE__, "unknown column '%.*s'%s%s (",
                   WR_TEXT_ARG(name), in, where ? where : "");
    wr_suggest_init(&suggest, name);
    for (uint32_t i = 0; i < schema->field_count; i++)
        wr_suggest_offer(&suggest, schema->fields[i].name);
    if (suggest.best.byte_count)
        wr_error_append(err, "did you mean '%.*s'? ", WR_TEXT_ARG(suggest.best));
    wr_error_append(err, schema->field_count ? "columns: " : "there are no columns");
    append_columns(schema, err);
    wr_error_append(err, ")");
    return WR_INVALID;
}
