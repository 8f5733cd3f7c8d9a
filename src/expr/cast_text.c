/* expr/cast_text.c — text to everything and everything to text, with the parsers of types/parse.h.
 *
 * White space around a value is ignored, as in PostgreSQL. Binary is read and written in PostgreSQL's
 * hex form; text that does not begin with \x is taken byte by byte. */
#include "expr/cast_priv.h"
#include "expr/temporal.h"

/* ---- From text -------------------------------------------------------------------------------------- */

static bool parse_signed(wr_text text, unsigned bytes, void *cell)
{
    int64_t value;
    int64_t limit = bytes == 8 ? INT64_MAX : ((int64_t)1 << (8 * bytes - 1)) - 1;

    if (!wr_parse_i64(text, &value) || value > limit || value < -limit - 1)
        return false;
    memcpy(cell, &value, bytes);
    return true;
}

static bool parse_unsigned(wr_text text, unsigned bytes, void *cell)
{
    uint64_t value;

    if (!wr_parse_u64(text, &value) || (bytes < 8 && value >> (8 * bytes) != 0))
        return false;
    memcpy(cell, &value, bytes);
    return true;
}

/* A timestamp stands for its date. */
static bool parse_date(wr_text text, int32_t *out_days)
{
    int64_t us;

    if (wr_parse_date(text, out_days))
        return true;
    if (!wr_parse_timestamp(text, WR_UNIT_US, 0, &us)) /* not seconds: they would be rounded up */
        return false;
    *out_days = (int32_t)wr_floor_divide(us, 86400000000);
    return true;
}

static bool parse_date64(wr_text text, int64_t *out_ms)
{
    int32_t days;

    if (!parse_date(text, &days))
        return false;
    *out_ms = (int64_t)days * 86400000;
    return true;
}

static bool parse_decimal(wr_text text, wr_type type, void *cell)
{
    wr_i128  value;
    uint32_t bytes = wr_physical_bytes(wr_type_physical(type));

    if (!wr_parse_decimal(text, type.precision, type.scale, &value))
        return false;
    memcpy(cell, &value, bytes);
    return true;
}

static bool parse_cell(wr_text text, wr_type type, void *cell)
{
    switch ((wr_logical)type.logical) {
    case WR_TYPE_BOOL:
        return wr_parse_bool(text, cell);
    case WR_TYPE_I8:
    case WR_TYPE_I16:
    case WR_TYPE_I32:
    case WR_TYPE_I64:
        return parse_signed(text, wr_physical_bytes(wr_type_physical(type)), cell);
    case WR_TYPE_U8:
    case WR_TYPE_U16:
    case WR_TYPE_U32:
    case WR_TYPE_U64:
        return parse_unsigned(text, wr_physical_bytes(wr_type_physical(type)), cell);
    case WR_TYPE_F32:
        return wr_parse_f32(text, cell);
    case WR_TYPE_F64:
        return wr_parse_f64(text, cell);
    case WR_TYPE_DECIMAL:
        return parse_decimal(text, type, cell);
    case WR_TYPE_DATE32:
        return parse_date(text, cell);
    case WR_TYPE_DATE64:
        return parse_date64(text, cell);
    case WR_TYPE_TIME:
        return wr_parse_time(text, (wr_time_unit)type.unit, cell);
    case WR_TYPE_TIMESTAMP:
        return wr_parse_timestamp(text, (wr_time_unit)type.unit, type.zone, cell);
    case WR_TYPE_INTERVAL:
        return wr_parse_interval(text, cell);
    case WR_TYPE_UUID:
        return wr_parse_uuid(text, cell);
    default:
        return false;
    }
}

static wr_status from_text_to_binary(wr_eval *eval, const wr_vector *arg, uint32_t row,
                                     wr_vector *out, wr_error *err)
{
    const wr_str *value = &((const wr_str *)arg->data)[row];
    wr_text       text = wr_str_text(value);
    size_t        byte_count;
    uint8_t      *bytes;

    if (!wr_text_starts_with(text, WR_TEXT("\\x"))) {
        ((wr_str *)out->data)[row] = *value;
        return WR_OK;
    }
    bytes = wr_bump_try_alloc(eval->heap, text.byte_count / 2);
    if (!bytes)
        return WR_NO_RESERVE;
    if (!wr_parse_binary_hex(text, bytes, &byte_count))
        return wr_cast_refuse(eval, arg, row, ": not hexadecimal", out, err);
    ((wr_str *)out->data)[row] = wr_str_of((const char *)bytes, byte_count);
    return WR_OK;
}

static wr_status eval_from_text(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                                wr_vector *out, wr_error *err)
{
    const wr_str *values = args[0]->data;
    wr_type       type = out->type;
    uint32_t      bytes = wr_physical_bytes(wr_type_physical(type));

    (void)arg_count;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t row = wr_selection_row(&eval->live, i);
        uint8_t *cell = (uint8_t *)out->data + (size_t)row * bytes;
        wr_text  text = wr_str_text(&values[row]);

        if (type.logical == WR_TYPE_BINARY)
            WR_TRY(from_text_to_binary(eval, args[0], row, out, err));
        else if (!parse_cell(text, type, cell) && !parse_cell(wr_text_trim(text), type, cell))
            WR_TRY(wr_cast_refuse(eval, args[0], row, "", out, err));
    }
    return WR_OK;
}

/* ---- To text ------------------------------------------------------------------------------------------ */

static wr_status from_binary(wr_eval *eval, wr_text bytes, wr_vector *out, uint32_t row)
{
    static const char DIGITS[] = "0123456789abcdef";
    size_t byte_count = 2 * bytes.byte_count + 2;
    char  *text = wr_bump_try_alloc(eval->heap, byte_count);

    if (!text)
        return WR_NO_RESERVE;
    text[0] = '\\';
    text[1] = 'x';
    for (size_t i = 0; i < bytes.byte_count; i++) {
        text[2 * i + 2] = DIGITS[(uint8_t)bytes.bytes[i] >> 4];
        text[2 * i + 3] = DIGITS[bytes.bytes[i] & 15];
    }
    ((wr_str *)out->data)[row] = wr_str_of(text, byte_count);
    return WR_OK;
}

static wr_status eval_to_text(wr_eval *eval, const wr_vector *const *args, uint32_t arg_count,
                              wr_vector *out, wr_error *err)
{
    wr_type        type = args[0]->type;
    const uint8_t *values = args[0]->data;
    uint32_t       bytes = wr_physical_bytes(wr_type_physical(type));

    (void)arg_count, (void)err;
    for (uint32_t i = 0; i < eval->live.row_count; i++) {
        uint32_t    row = wr_selection_row(&eval->live, i);
        const void *cell = values + (size_t)row * bytes;
        char        text[WR_FORMAT_BYTES_MAX];

        if (type.logical == WR_TYPE_BINARY)
            WR_TRY(from_binary(eval, wr_str_text(cell), out, row));
        else
            WR_TRY(wr_eval_store_text(eval, out, row, text, wr_format_any(type, cell, text)));
    }
    return WR_OK;
}

const wr_function WR_CAST_FROM_TEXT = {.name = "cast", .param_count = 1, .eval = eval_from_text};
const wr_function WR_CAST_TO_TEXT = {.name = "cast", .param_count = 1, .eval = eval_to_text};
