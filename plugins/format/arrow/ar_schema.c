/* ar_schema.c — fields of a schema, and the types of columns they stand for.
 *
 * A field of any of Arrow's types is read as the wr_type that holds its values: texts of all layouts
 * are Utf8, lists of all layouts List; dictionaries and runs are read as their values; a union is a Struct
 * of its members, of which one is not NULL; durations are intervals; extension types are their storage,
 * but uuid. Recursion goes as deep as fields are nested, at most AR_DEPTH_MAX. Cost: once a file. */
#include "ar_priv.h"

#include "types/zone.h"

/* ---- Types -------------------------------------------------------------------------------------- */

static wr_status raise_type(const char *what, int64_t number, wr_error *err)
{
    return WR_RAISE(err, WR_UNSUPPORTED, "%s %lld cannot be read", what, (long long)number);
}

static void set_fixed(ar_field *out, wr_type own, uint8_t form, uint32_t stored_bytes)
{
    out->kind = AR_KIND_FIXED;
    out->own = own;
    out->form = form;
    out->stored_bytes = stored_bytes;
}

static wr_status read_integer(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    int64_t bits = wr_ar_int(meta, type, AR_INT_BITS, 4, 0);

    out->is_signed = wr_ar_int(meta, type, AR_INT_IS_SIGNED, 1, 0) != 0;
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
        return raise_type("an integer whose bits are", bits, err);
    set_fixed(out, bits == 8    ? (out->is_signed ? WR_TYPE(I8) : WR_TYPE(U8))
                   : bits == 16 ? (out->is_signed ? WR_TYPE(I16) : WR_TYPE(U16))
                   : bits == 32 ? (out->is_signed ? WR_TYPE(I32) : WR_TYPE(U32))
                                : (out->is_signed ? WR_TYPE(I64) : WR_TYPE(U64)),
              AR_FORM_INTEGER, (uint32_t)bits / 8);
    return WR_OK;
}

/* A negative scale stands for zeros behind the digits. */
static wr_status read_decimal(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    int64_t precision = wr_ar_int(meta, type, AR_DECIMAL_PRECISION, 4, 0);
    int64_t scale = wr_ar_int(meta, type, AR_DECIMAL_SCALE, 4, 0);
    int64_t bits = wr_ar_int(meta, type, AR_DECIMAL_BITS, 4, 128);

    if ((bits != 32 && bits != 64 && bits != 128 && bits != 256) || precision < 1 || precision > 76 ||
        scale < -18 || scale > WR_DECIMAL_DIGITS_MAX)
        return WR_RAISE(err, WR_UNSUPPORTED, "a decimal of %lld digits, %lld of them behind the point, in "
                        "%lld bits: at most %d can be read", (long long)precision, (long long)scale,
                        (long long)bits, WR_DECIMAL_DIGITS_MAX);
    for (; scale < 0; scale++, precision++)
        out->factor *= 10;
    precision = precision < scale ? scale : precision;
    out->is_signed = true;
    set_fixed(out, wr_type_decimal(precision > WR_DECIMAL_DIGITS_MAX ? WR_DECIMAL_DIGITS_MAX
                                                                     : (unsigned)precision,
                                   (int)scale),
              AR_FORM_INTEGER, (uint32_t)bits / 8);
    return WR_OK;
}

static wr_status read_timestamp(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    int64_t  unit = wr_ar_int(meta, type, AR_UNIT, 2, 0);
    ar_list  zone = wr_ar_vector(meta, type, AR_TIMESTAMP_ZONE, 1);
    char     name[64];
    uint32_t number = 0, bytes = wr_ar_text(meta, &zone, name, sizeof name);

    if (unit < 0 || unit > WR_UNIT_NS)
        return raise_type("a timestamp's unit", unit, err);
    if (zone.count > 0)
        WR_TRY(wr_zone_find((wr_text){name, bytes}, &number, err));
    out->is_signed = true;
    set_fixed(out, wr_type_timestamp((wr_time_unit)unit, number), AR_FORM_INTEGER, 8);
    return WR_OK;
}

static wr_status read_time(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    int64_t unit = wr_ar_int(meta, type, AR_UNIT, 2, WR_UNIT_MS);
    int64_t bits = wr_ar_int(meta, type, AR_TIME_BITS, 4, 32);

    if (unit < 0 || unit > WR_UNIT_NS || (bits != 32 && bits != 64))
        return raise_type("a time's unit", unit, err);
    out->is_signed = true;
    set_fixed(out, (wr_type){.logical = WR_TYPE_TIME, .unit = (uint8_t)unit}, AR_FORM_INTEGER,
              (uint32_t)bits / 8);
    return WR_OK;
}

static wr_status read_interval(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    static const struct {
        uint8_t form, stored_bytes;
    } FORMS[] = {[AR_YEAR_MONTH] = {AR_FORM_MONTHS, 4}, [AR_DAY_TIME] = {AR_FORM_DAYS_MS, 8},
                 [AR_MONTH_DAY_NANO] = {AR_FORM_MONTHS_DAYS_NS, 16}};
    int64_t unit = wr_ar_int(meta, type, AR_UNIT, 2, 0);

    if (unit < 0 || unit > AR_MONTH_DAY_NANO)
        return raise_type("an interval's unit", unit, err);
    set_fixed(out, WR_TYPE(INTERVAL), FORMS[unit].form, FORMS[unit].stored_bytes);
    return WR_OK;
}

/* `factor`: microseconds, or (negative) parts of one. */
static wr_status read_duration(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    static const int64_t FACTORS[] = {1000000, 1000, 1, -1000};
    int64_t unit = wr_ar_int(meta, type, AR_UNIT, 2, WR_UNIT_MS);

    if (unit < 0 || unit > WR_UNIT_NS)
        return raise_type("a duration's unit", unit, err);
    set_fixed(out, WR_TYPE(INTERVAL), AR_FORM_DURATION, 8);
    out->factor = FACTORS[unit];
    return WR_OK;
}

static wr_status read_float(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    int64_t precision = wr_ar_int(meta, type, 0, 2, 0);

    if (precision < 0 || precision > AR_DOUBLE)
        return raise_type("a float's precision", precision, err);
    set_fixed(out, precision == AR_DOUBLE ? WR_TYPE(F64) : WR_TYPE(F32),
              precision == AR_HALF ? AR_FORM_HALF : AR_FORM_FLOAT, 2u << precision);
    return WR_OK;
}

static wr_status read_date(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    int64_t unit = wr_ar_int(meta, type, AR_UNIT, 2, AR_MILLISECOND);

    if (unit != AR_DAY && unit != AR_MILLISECOND)
        return raise_type("a date's unit", unit, err);
    out->is_signed = true;
    set_fixed(out, unit == AR_DAY ? WR_TYPE(DATE32) : WR_TYPE(DATE64), AR_FORM_INTEGER,
              unit == AR_DAY ? 4 : 8);
    return WR_OK;
}

static wr_status read_width(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    int64_t width = wr_ar_int(meta, type, AR_WIDTH, 4, 0);

    if (width < 0)
        return raise_type("a fixed size of", width, err);
    out->stored_bytes = (uint32_t)width;
    return WR_OK;
}

/* Types that are nested, or texts. */
static wr_status read_layout(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    static const uint8_t KINDS[AR_TYPE_COUNT] = {
        [AR_TYPE_NULL] = AR_KIND_NULL, [AR_TYPE_BOOL] = AR_KIND_BITS, [AR_TYPE_BINARY] = AR_KIND_TEXT,
        [AR_TYPE_UTF8] = AR_KIND_TEXT, [AR_TYPE_LARGE_BINARY] = AR_KIND_TEXT,
        [AR_TYPE_LARGE_UTF8] = AR_KIND_TEXT, [AR_TYPE_BINARY_VIEW] = AR_KIND_VIEW,
        [AR_TYPE_UTF8_VIEW] = AR_KIND_VIEW, [AR_TYPE_FIXED_BINARY] = AR_KIND_FIXED_TEXT,
        [AR_TYPE_LIST] = AR_KIND_LIST, [AR_TYPE_LARGE_LIST] = AR_KIND_LIST, [AR_TYPE_MAP] = AR_KIND_LIST,
        [AR_TYPE_LIST_VIEW] = AR_KIND_LIST_VIEW, [AR_TYPE_LARGE_LIST_VIEW] = AR_KIND_LIST_VIEW,
        [AR_TYPE_FIXED_LIST] = AR_KIND_FIXED_LIST, [AR_TYPE_STRUCT] = AR_KIND_STRUCT,
        [AR_TYPE_UNION] = AR_KIND_UNION, [AR_TYPE_RUNS] = AR_KIND_RUNS,
    };
    bool is_utf8 = out->type == AR_TYPE_UTF8 || out->type == AR_TYPE_LARGE_UTF8 ||
                   out->type == AR_TYPE_UTF8_VIEW;

    out->kind = KINDS[out->type];
    out->own = out->kind == AR_KIND_NULL   ? WR_TYPE(NULL_)
               : out->kind == AR_KIND_BITS ? WR_TYPE(BOOL)
               : is_utf8                   ? WR_TYPE(UTF8)
                                           : WR_TYPE(BINARY);
    out->is_map = out->type == AR_TYPE_MAP;
    out->is_large = out->type == AR_TYPE_LARGE_BINARY || out->type == AR_TYPE_LARGE_UTF8 ||
                    out->type == AR_TYPE_LARGE_LIST || out->type == AR_TYPE_LARGE_LIST_VIEW;
    if (out->kind == AR_KIND_FIXED_TEXT || out->kind == AR_KIND_FIXED_LIST)
        return read_width(meta, type, out, err);
    if (out->kind == AR_KIND_UNION) {
        out->is_dense = wr_ar_int(meta, type, AR_UNION_MODE, 2, AR_SPARSE) == AR_DENSE;
        out->union_ids = wr_ar_vector(meta, type, AR_UNION_IDS, 4);
    }
    return WR_OK;
}

static wr_status read_type(ar_meta *meta, const ar_table *type, ar_field *out, wr_error *err)
{
    switch ((ar_type)out->type) {
    case AR_TYPE_INT:
        return read_integer(meta, type, out, err);
    case AR_TYPE_FLOAT:
        return read_float(meta, type, out, err);
    case AR_TYPE_DECIMAL:
        return read_decimal(meta, type, out, err);
    case AR_TYPE_DATE:
        return read_date(meta, type, out, err);
    case AR_TYPE_TIME:
        return read_time(meta, type, out, err);
    case AR_TYPE_TIMESTAMP:
        return read_timestamp(meta, type, out, err);
    case AR_TYPE_INTERVAL:
        return read_interval(meta, type, out, err);
    case AR_TYPE_DURATION:
        return read_duration(meta, type, out, err);
    default:
        return read_layout(meta, type, out, err);
    }
}

/* ---- Fields ------------------------------------------------------------------------------------- */

static bool is_text(ar_meta *meta, const ar_list *list, const char *text)
{
    char name[64];

    return wr_ar_text(meta, list, name, sizeof name) == list->count && strcmp(name, text) == 0;
}

/* Extension types are their storage; uuid is one that we have. */
static void read_extension(ar_meta *meta, const ar_table *table, ar_field *out)
{
    ar_list pairs = wr_ar_vector(meta, table, AR_FIELD_METADATA, 4);

    if (out->kind != AR_KIND_FIXED_TEXT || out->stored_bytes != 16)
        return;
    for (uint32_t i = 0; i < pairs.count && meta->status == WR_OK; i++) {
        ar_table pair = wr_ar_item(meta, &pairs, i);
        ar_list  key = wr_ar_vector(meta, &pair, AR_PAIR_KEY, 1);
        ar_list  value = wr_ar_vector(meta, &pair, AR_PAIR_VALUE, 1);

        if (is_text(meta, &key, AR_EXTENSION) && is_text(meta, &value, AR_UUID))
            set_fixed(out, WR_TYPE(UUID), AR_FORM_UUID, 16);
    }
}

static wr_status read_coding(ar_meta *meta, const ar_table *coding, ar_field *out, wr_error *err)
{
    ar_table index;
    int64_t  bits = 32;

    out->is_coded = true;
    out->is_code_signed = true;
    out->dictionary_id = wr_ar_int(meta, coding, AR_CODING_ID, 8, 0);
    if (wr_ar_child(meta, coding, AR_CODING_INDEX, &index)) {
        bits = wr_ar_int(meta, &index, AR_INT_BITS, 4, 0);
        out->is_code_signed = wr_ar_int(meta, &index, AR_INT_IS_SIGNED, 1, 0) != 0;
    }
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
        return raise_type("dictionary codes whose bits are", bits, err);
    out->code_bytes = (uint8_t)(bits / 8);
    return WR_OK;
}

static wr_status check_children(ar_meta *meta, const ar_field *field)
{
    uint32_t count = field->children.count;
    bool     is_list = field->kind >= AR_KIND_LIST && field->kind <= AR_KIND_FIXED_LIST;

    if (is_list ? count != 1 : field->kind == AR_KIND_RUNS && count != 2)
        wr_ar_meta_fail(meta, "a list has not one kind of elements");
    return meta->status;
}

wr_status wr_ar_field_read(ar_meta *meta, const ar_table *table, ar_field *out, wr_error *err)
{
    ar_table type, coding;
    int64_t  kind = wr_ar_int(meta, table, AR_FIELD_KIND, 1, 0);

    *out = (ar_field){.factor = 1};
    out->name = wr_ar_vector(meta, table, AR_FIELD_NAME, 1);
    out->children = wr_ar_vector(meta, table, AR_FIELD_CHILDREN, 4);
    if (meta->status != WR_OK)
        return meta->status;
    if (kind <= AR_TYPE_NONE || kind >= AR_TYPE_COUNT)
        return raise_type("type number", kind, err);
    out->type = (uint8_t)kind;
    if (!wr_ar_child(meta, table, AR_FIELD_TYPE, &type))
        wr_ar_meta_fail(meta, "a field has no type");
    WR_TRY(read_type(meta, &type, out, err));
    read_extension(meta, table, out);
    if (wr_ar_child(meta, table, AR_FIELD_DICTIONARY, &coding))
        WR_TRY(read_coding(meta, &coding, out, err));
    if (out->name.count >= AR_NAME_BYTES_MAX)
        wr_ar_meta_fail(meta, "a column's name is longer than 1023 bytes");
    return check_children(meta, out);
}

wr_status wr_ar_schema_fields(ar_meta *meta, const ar_table *schema, ar_list *out, wr_error *err)
{
    *out = wr_ar_vector(meta, schema, AR_SCHEMA_FIELDS, 4);
    if (meta->status == WR_OK && wr_ar_int(meta, schema, AR_SCHEMA_ENDIANNESS, 2, 0) != 0)
        return WR_RAISE(err, WR_UNSUPPORTED, "numbers are big-endian: write the file on, or for, a "
                        "little-endian machine");
    return meta->status;
}

/* ---- Inference ---------------------------------------------------------------------------------- */

typedef struct maker {
    ar_meta *meta;
    wr_bump *bump;
    char     name[AR_NAME_BYTES_MAX];
} maker;

static wr_status make_type(maker *m, const ar_field *field, uint32_t depth, wr_type *out, wr_error *err);

static wr_status make_child(maker *m, const ar_field *field, uint32_t index, uint32_t depth, ar_field *child,
                            wr_type *out, wr_error *err)
{
    ar_table table = wr_ar_item(m->meta, &field->children, index);

    WR_TRY(wr_ar_field_read(m->meta, &table, child, err));
    return make_type(m, child, depth + 1, out, err);
}

static wr_status copy_name(maker *m, const ar_list *name, wr_text *out, wr_error *err)
{
    uint32_t bytes = wr_ar_text(m->meta, name, m->name, sizeof m->name);

    out->byte_count = bytes;
    out->bytes = wr_bump_copy(m->bump, (wr_text){m->name, bytes}, err);
    return out->bytes ? m->meta->status : WR_NO_MEMORY;
}

static wr_status make_struct(maker *m, const ar_field *field, uint32_t depth, wr_type *out, wr_error *err)
{
    uint32_t     count = field->children.count;
    wr_bump_mark mark = wr_bump_save(m->bump);
    wr_member   *members = WR_BUMP_NEW_ARRAY(m->bump, wr_member, (size_t)count + 1, err);

    if (!members)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        ar_field child;

        WR_TRY(make_child(m, field, i, depth, &child, &members[i].type, err));
        WR_TRY(copy_name(m, &child.name, &members[i].name, err));
    }
    WR_TRY(wr_type_make_struct(members, count, out, err));
    wr_bump_rewind(m->bump, mark);
    return WR_OK;
}

static wr_status make_map(maker *m, const ar_field *field, uint32_t depth, wr_type *out, wr_error *err)
{
    ar_field entries, part;
    ar_table table = wr_ar_item(m->meta, &field->children, 0);
    wr_type  key, value;

    WR_TRY(wr_ar_field_read(m->meta, &table, &entries, err));
    if (entries.kind != AR_KIND_STRUCT || entries.children.count != 2) {
        wr_ar_meta_fail(m->meta, "a map's entries have not a key and a value");
        return m->meta->status;
    }
    WR_TRY(make_child(m, &entries, 0, depth, &part, &key, err));
    WR_TRY(make_child(m, &entries, 1, depth, &part, &value, err));
    return wr_type_make_map(key, value, out, err);
}

static wr_status make_type(maker *m, const ar_field *field, uint32_t depth, wr_type *out, wr_error *err)
{
    ar_field child;
    wr_type  inner;

    if (depth > AR_DEPTH_MAX)
        return WR_RAISE(err, WR_UNSUPPORTED, "fields are nested more than %d deep", AR_DEPTH_MAX);
    if (field->is_map)
        return make_map(m, field, depth, out, err);
    switch ((ar_kind)field->kind) {
    case AR_KIND_LIST:
    case AR_KIND_LIST_VIEW:
    case AR_KIND_FIXED_LIST:
        WR_TRY(make_child(m, field, 0, depth, &child, &inner, err));
        return wr_type_make_list(inner, out, err);
    case AR_KIND_STRUCT:
    case AR_KIND_UNION:
        return make_struct(m, field, depth, out, err);
    case AR_KIND_RUNS:
        return make_child(m, field, 1, depth, &child, out, err);
    default:
        *out = field->own;
        return WR_OK;
    }
}

static wr_status make_schema(maker *m, const ar_table *schema, wr_schema *out_schema, wr_error *err)
{
    ar_list fields;

    WR_TRY(wr_ar_schema_fields(m->meta, schema, &fields, err));
    *out_schema = (wr_schema){0, WR_BUMP_NEW_ARRAY(m->bump, wr_field, (size_t)fields.count + 1, err)};
    if (!out_schema->fields)
        return WR_NO_MEMORY;
    for (uint32_t i = 0; i < fields.count; i++) {
        wr_field *out = &out_schema->fields[out_schema->field_count++];
        ar_table  table = wr_ar_item(m->meta, &fields, i);
        ar_field  field;

        out->nullable = true;
        WR_TRY_WHILE(wr_ar_field_read(m->meta, &table, &field, err), err, "reading the type of column %u",
                     i + 1);
        WR_TRY(copy_name(m, &field.name, &out->name, err));
        WR_TRY_WHILE(make_type(m, &field, 0, &out->type, err), err, "reading the type of column '%.*s'",
                     WR_TEXT_ARG(out->name));
    }
    return m->meta->status;
}

/* The schema is the first message; in memory as a whole unless it can be read in place. */
static wr_status open_schema(const wr_file_reader *file, ar_meta *meta, wr_bump *bump, wr_error *err)
{
    ar_feed  feed;
    bool     is_file;
    uint32_t bytes;
    uint8_t *window;

    WR_TRY(wr_ar_feed_open(file, &feed, &is_file, err));
    WR_TRY(wr_ar_feed_next(&feed, &bytes, err));
    if (bytes == 0)
        return WR_RAISE(err, WR_CORRUPT, "there is no schema");
    window = wr_bump_alloc(bump, feed.raw ? AR_META_BYTES : bytes, err);
    if (!window)
        return WR_NO_MEMORY;
    if (feed.raw) {
        wr_ar_meta_open(meta, (ar_source){.file = feed.raw, .begin = feed.at, .size = bytes}, window,
                        AR_META_BYTES, err);
        return WR_OK;
    }
    WR_TRY(wr_ar_feed_read(&feed, window, bytes, err));
    wr_ar_meta_open(meta, (ar_source){.memory = window, .size = bytes}, NULL, 0, err);
    return WR_OK;
}

static wr_status infer(const wr_file_reader *file, wr_bump *bump, wr_schema *out_schema, wr_error *err)
{
    ar_meta    meta;
    ar_message message;
    maker     *m = WR_BUMP_NEW(bump, maker, err);

    if (!m)
        return WR_NO_MEMORY;
    WR_TRY(open_schema(file, &meta, bump, err));
    WR_TRY(wr_ar_message_read(&meta, &message, err));
    if (message.kind != AR_SCHEMA)
        return WR_RAISE(err, WR_CORRUPT, "the first message is no schema");
    m->meta = &meta;
    m->bump = bump;
    return make_schema(m, &message.header, out_schema, err);
}

wr_status wr_ar_infer(void *options, const wr_schema *declared, const wr_file_reader *file, bool full,
                      wr_bump *bump, wr_schema *out_schema, wr_error *err)
{
    (void)options, (void)full; /* a schema tells all */
    if (declared && declared->field_count > 0) { /* other columns are passed over */
        *out_schema = *declared;
        return WR_OK;
    }
    WR_TRY_WHILE(infer(file, bump, out_schema, err), err, "reading the schema of %.*s",
                 WR_TEXT_ARG(file->path));
    return WR_OK;
}
