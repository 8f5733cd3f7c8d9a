/* types/type.c — facts about types, and the look-up of columns in a schema. */
#include "types/type.h"

#include <stdio.h>

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

bool wr_type_is_temporal(wr_type type)
{
    return type.logical >= WR_TYPE_DATE32 && type.logical <= WR_TYPE_INTERVAL;
}

const char *wr_type_format(wr_type type, char buffer[WR_TYPE_NAME_BYTES])
{
    static const char *const NAMES[WR_TYPE_COUNT] = {
#define X(id, name, physical) [WR_TYPE_##id] = name,
#include "types/logical.def"
#undef X
    };
    static const char *const UNITS[] = {"s", "ms", "us", "ns"};
    const char *name = NAMES[type.logical];
    wr_text     zone;

    switch (type.logical) {
    case WR_TYPE_DECIMAL:
        snprintf(buffer, WR_TYPE_NAME_BYTES, "%s(%u, %d)", name, type.precision, type.scale);
        break;
    case WR_TYPE_TIME:
        snprintf(buffer, WR_TYPE_NAME_BYTES, "%s(%s)", name, UNITS[type.unit]);
        break;
    case WR_TYPE_TIMESTAMP:
        zone = wr_zone_name(type.zone);
        snprintf(buffer, WR_TYPE_NAME_BYTES, "%s(%s%s%.*s)", name, UNITS[type.unit],
                 type.zone ? ", " : "", WR_TEXT_ARG(zone));
        break;
    default:
        snprintf(buffer, WR_TYPE_NAME_BYTES, "%s", name);
    }
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
