/* types/type.h — logical and physical types, fields, schemas. Plain values, no ownership inside.
 *
 * A wr_type is passed by value. Two types are equal iff all members are equal. */
#ifndef WR_TYPES_TYPE_H
#define WR_TYPES_TYPE_H

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

typedef __int128          wr_i128;
typedef unsigned __int128 wr_u128;

typedef enum wr_physical {
#define X(id, name, ctype, bytes) WR_PHYS_##id,
#include "types/physical.def"
#undef X
    WR_PHYS_COUNT
} wr_physical;

typedef enum wr_logical {
#define X(id, name, physical) WR_TYPE_##id,
#include "types/logical.def"
#undef X
    WR_TYPE_COUNT
} wr_logical;

typedef enum wr_time_unit { WR_UNIT_S, WR_UNIT_MS, WR_UNIT_US, WR_UNIT_NS } wr_time_unit;

/* zone of a TIMESTAMP: 0 none (read as UTC), 1 UTC, above: index+2 into the zone table
 * (types/zone.h). `precision`, `scale`: DECIMAL digits. `unit`: TIME and TIMESTAMP. `nested`: which
 * LIST, STRUCT or MAP (types/nested.h). */
typedef struct wr_type {
    uint8_t  logical;
    uint8_t  precision;
    int8_t   scale;
    uint8_t  unit;
    union {
        uint32_t zone;
        uint32_t nested;
    };
} wr_type;

enum { WR_DECIMAL_DIGITS_MAX = 38, WR_DECIMAL_DIGITS_I64 = 18 };

#define WR_TYPE(id) ((wr_type){.logical = WR_TYPE_##id})

static inline wr_type wr_type_decimal(unsigned precision, int scale)
{
    return (wr_type){.logical = WR_TYPE_DECIMAL, .precision = (uint8_t)precision,
                     .scale = (int8_t)scale};
}

static inline wr_type wr_type_timestamp(wr_time_unit unit, uint32_t zone)
{
    return (wr_type){.logical = WR_TYPE_TIMESTAMP, .unit = (uint8_t)unit, .zone = zone};
}

static inline bool wr_type_equal(wr_type a, wr_type b)
{
    return a.logical == b.logical && a.precision == b.precision && a.scale == b.scale &&
           a.unit == b.unit && a.zone == b.zone;
}

wr_physical wr_type_physical(wr_type type);
uint32_t    wr_physical_bytes(wr_physical physical);

bool wr_type_is_integer(wr_type type); /* signed or unsigned, not decimal */
bool wr_type_is_unsigned(wr_type type);
bool wr_type_is_float(wr_type type);
bool wr_type_is_numeric(wr_type type); /* integer, float, decimal */
bool wr_type_is_text(wr_type type);    /* UTF8 or BINARY */
bool wr_type_is_bytes(wr_type type);   /* physical STR: UTF8, BINARY, LIST, STRUCT, MAP */
bool wr_type_is_temporal(wr_type type);

enum { WR_TYPE_NAME_BYTES = 256 };

/** Canonical name, "Decimal(10, 2)", "Timestamp(us, Europe/Berlin)", "List(Struct(a Int64, \"b c\"
 *  Utf8))"; returns `buffer`. What does not fit ends in "...". */
const char *wr_type_format(wr_type type, char buffer[WR_TYPE_NAME_BYTES]);

/** Parse any spelling, any case: SQL ("bigint", "varchar(20)", "numeric(10,2)", "double precision",
 *  "timestamp with time zone", "timestamp(3)"), Arrow ("Int64", "Timestamp(us, UTC)", "utf8",
 *  "large_utf8", "decimal128(10,2)"), EM-root's ("Bool", "Utf8", "Int32"). Nested, with any of
 *  ( ) and < >: "int[]", "list<int64>", "array(text)", "struct(a int, b text)",
 *  "struct<a: int, b: text>", "row(...)", "map(text, int)".
 * Errors   WR_INVALID  unknown type, with did-you-mean; bad precision or scale */
wr_status wr_type_parse(wr_text text, wr_type *out_type, wr_error *err) WR_MUST_USE;

typedef struct wr_field {
    wr_text  name; /* borrowed from the schema's owner (plan pool) */
    wr_type  type;
    bool     nullable;
    bool     inferred; /* a sample gave the type: what it would lose of a text is a misfit */
    bool     has_id;   /* in files it is told not by its name but by a number, which is `id` */
    uint32_t id;
} wr_field;

typedef struct wr_schema {
    uint32_t  field_count;
    wr_field *fields;
} wr_schema;

enum { WR_FIELD_NONE = UINT32_MAX };

/** Find a column: exactly, else uniquely regardless of case.
 * Returns WR_FIELD_NONE when missing, and sets *out_ambiguous (NULL allowed). */
uint32_t wr_schema_find(const wr_schema *schema, wr_text name, bool *out_ambiguous);

/** Raise "unknown column 'x' in <where> (did you mean 'y'? columns: a, b, c)". */
wr_status wr_schema_raise_unknown(const wr_schema *schema, wr_text name, const char *where,
                                  wr_error *err);

#endif
