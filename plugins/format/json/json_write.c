/* json_write.c — batches to JSON, cut anywhere: a row goes on where the last buffer ended.
 *
 * One object a row, on a line or (pretty) with a line for each member; an array of them has a comma in
 * front of each but the first. Keys in the order of the columns, NULL as null or left out. Numbers and
 * decimals as they are (floats in the fewest digits that read back the same; NaN and infinities, which
 * JSON does not have, as null or as texts), booleans as words, binary as "\\x00ff", lists, structs and
 * maps as arrays and objects, everything else as texts. In texts the quote, the backslash and control
 * characters are escaped. Long values that are blob handles are streamed
 * through the local's piece buffer. Cost: about 1 ns a byte for text, 5-20 ns a number. */
#include <string.h>

#include "json_priv.h"
#include "spi/nested_column.h"

enum { PIECE_BYTES = 4096, ROOM_MIN = WR_JSON_FIXED_BYTES_MAX + 16, ROW_END_BYTES_MAX = 8 };

typedef enum phase { PHASE_NAME, PHASE_VALUE, PHASE_BODY } phase;

typedef struct json_write_local {
    const json_write_options *options;
    uint32_t column; /* of the row being written        */
    bool     has_begun; /* its object is open           */
    bool     has_member;
    phase    phase;
    uint64_t offset; /* of the text being written       */
    wr_nested_writer *nested; /* NULL: no nested columns */
    char     piece[PIECE_BYTES];
} json_write_local;

static size_t room(const wr_bytes *out)
{
    return out->capacity - out->used;
}

static void put_byte(wr_bytes *out, char byte)
{
    out->data[out->used++] = (uint8_t)byte;
}

static void put(wr_bytes *out, const char *bytes, size_t byte_count)
{
    memcpy(out->data + out->used, bytes, byte_count);
    out->used += byte_count;
}

/* ---- Texts ------------------------------------------------------------------------------------- */

/* As much of bytes[] as fits; returns how many were taken. */
static size_t put_body(const char *bytes, size_t byte_count, wr_bytes *out)
{
    size_t written, taken = wr_json_escape((wr_text){bytes, byte_count},
                                           (char *)out->data + out->used, room(out), &written);

    out->used += written;
    return taken;
}

static size_t put_hex(const char *bytes, size_t byte_count, wr_bytes *out)
{
    size_t written, taken = wr_json_put_hex((wr_text){bytes, byte_count},
                                            (char *)out->data + out->used, room(out), &written);

    out->used += written;
    return taken;
}

static wr_status put_text(json_write_local *local, wr_type type, const wr_str *str, wr_bytes *out,
                          bool *out_done, wr_error *err)
{
    size_t (*put_some)(const char *, size_t, wr_bytes *) =
        type.logical == WR_TYPE_BINARY ? put_hex : put_body;
    const wr_blob *blob = wr_str_is_blob(str) ? wr_str_blob(str) : NULL;
    uint64_t       byte_count = blob ? blob->byte_count : str->byte_count;

    *out_done = false;
    if (local->phase == PHASE_VALUE) {
        put_byte(out, '"');
        if (type.logical == WR_TYPE_BINARY)
            put(out, "\\\\x", 3);
        local->offset = 0;
        local->phase = PHASE_BODY;
    }
    while (local->offset < byte_count) {
        const char *bytes = local->piece;
        size_t      got, taken;

        if (blob) {
            WR_TRY(blob->read(blob, local->offset, local->piece, PIECE_BYTES, &got, err));
            if (got == 0)
                return WR_RAISE(err, WR_CORRUPT, "a long value ends early");
        } else {
            bytes = wr_str_bytes(str) + local->offset;
            got = byte_count - local->offset;
        }
        taken = put_some(bytes, got, out);
        local->offset += taken;
        if (taken < got)
            return WR_OK;
    }
    if (room(out) == 0)
        return WR_OK;
    put_byte(out, '"');
    *out_done = true;
    return WR_OK;
}

/* A list, struct or map as JSON, as it goes. */
static wr_status put_nested(json_write_local *local, wr_type type, const wr_str *value,
                            wr_bytes *out, bool *out_done, wr_error *err)
{
    size_t written;

    if (local->phase == PHASE_VALUE) {
        wr_nested_text_begin(&local->nested->text, type, value, &local->nested->window);
        local->nested->text.quotes_non_finite = local->options->non_finite == JSON_NON_FINITE_TEXT;
        local->nested->text.refuses_non_finite = local->options->non_finite == JSON_NON_FINITE_ERROR;
    }
    local->phase = PHASE_BODY;
    WR_TRY(wr_nested_text_write(&local->nested->text, (char *)out->data + out->used, room(out),
                                &written, out_done, err));
    out->used += written;
    return WR_OK;
}

/* ---- Values ------------------------------------------------------------------------------------ */

static wr_status put_fixed(const json_write_local *local, const wr_vector *column, uint32_t row,
                           wr_bytes *out, wr_error *err)
{
    int64_t     sequence;
    const void *value = &sequence;

    if (column->encoding == WR_SEQ)
        sequence = column->seq_first + column->seq_step * (int64_t)row;
    else
        value = wr_vector_at(column, row);
    if (local->options->non_finite == JSON_NON_FINITE_ERROR)
        WR_TRY(wr_json_check_finite(column->type, value, err));
    out->used += wr_json_format_fixed(column->type, value,
                                      local->options->non_finite == JSON_NON_FINITE_TEXT,
                                      (char *)out->data + out->used);
    return WR_OK;
}

/* Where a line of a pretty row begins. */
static void put_line(const json_write_local *local, unsigned level, wr_bytes *out)
{
    level += local->options->layout == JSON_WRITE_ARRAY;
    if (local->options->pretty)
        put(out, "\n    ", 1 + 2 * (size_t)level);
}

/* What stands before a row's first member. */
static void begin_row(json_write_local *local, wr_bytes *out)
{
    if (local->options->layout == JSON_WRITE_ARRAY)
        put(out, local->options->pretty ? ",\n  " : ",\n", local->options->pretty ? 4 : 2);
    put_byte(out, '{');
    local->has_begun = true;
    local->has_member = false;
}

static void end_row(json_write_local *local, wr_bytes *out)
{
    if (local->has_member)
        put_line(local, 0, out);
    put_byte(out, '}');
    if (local->options->layout == JSON_WRITE_LINES)
        put_byte(out, '\n');
    local->has_begun = false;
}

/* `"name":`, behind a comma unless it is the first; false: the buffer is full. */
static bool put_name(json_write_local *local, wr_text name, wr_bytes *out)
{
    if (local->offset == 0) {
        if (local->has_member)
            put_byte(out, ',');
        put_line(local, 1, out);
        put_byte(out, '"');
        local->has_member = true;
        local->offset = 1;
    }
    local->offset += put_body(name.bytes + local->offset - 1, name.byte_count - local->offset + 1,
                              out);
    if (local->offset <= name.byte_count || room(out) < 3)
        return false;
    put(out, "\": ", local->options->pretty ? 3 : 2);
    return true;
}

/* *out_done false: the buffer is full, call again. */
static wr_status put_member(const wr_write_request *request, json_write_local *local,
                            const wr_vector *column, uint32_t row, wr_bytes *out, bool *out_done,
                            wr_error *err)
{
    *out_done = local->options->nulls == JSON_NULLS_OMIT && !wr_vector_is_valid(column, row);
    if (*out_done || room(out) < ROOM_MIN)
        return WR_OK;
    if (local->phase == PHASE_NAME) {
        if (!put_name(local, request->schema->fields[local->column].name, out))
            return WR_OK;
        local->phase = PHASE_VALUE;
        if (room(out) < ROOM_MIN)
            return WR_OK;
    }
    if (!wr_vector_is_valid(column, row)) {
        put(out, "null", 4);
        *out_done = true;
    } else if (wr_type_is_nested(column->type)) {
        WR_TRY(put_nested(local, column->type, wr_vector_at(column, row), out, out_done, err));
    } else if (wr_type_is_text(column->type)) {
        WR_TRY(put_text(local, column->type, wr_vector_at(column, row), out, out_done, err));
    } else {
        WR_TRY(put_fixed(local, column, row, out, err));
        *out_done = true;
    }
    if (*out_done) {
        local->phase = PHASE_NAME;
        local->offset = 0;
    }
    return WR_OK;
}

/* ---- The format's writer ----------------------------------------------------------------------- */

static uint64_t local_lease_min(const wr_write_request *request)
{
    return wr_nested_writer_bytes(request->schema);
}

static wr_status local_init(const wr_write_request *request, void *local, wr_bump *bump,
                            wr_error *err)
{
    ((json_write_local *)local)->options = request->options;
    return wr_nested_writer_new(request->schema, bump, &((json_write_local *)local)->nested, err);
}

static bool is_array(const wr_write_request *request)
{
    return ((const json_write_options *)request->options)->layout == JSON_WRITE_ARRAY;
}

static wr_status begin(const wr_write_request *request, wr_bytes *out, wr_error *err)
{
    (void)err;
    put(out, "[", is_array(request));
    return WR_OK;
}

static wr_status end(const wr_write_request *request, wr_bytes *out, wr_error *err)
{
    (void)err;
    put(out, "\n]\n", is_array(request) ? 3 : 0);
    return WR_OK;
}

/* The comma. */
static uint32_t lead_bytes(const wr_write_request *request)
{
    return is_array(request);
}

static wr_status encode(const wr_write_request *request, void *local_p, const wr_batch *batch,
                        uint32_t *io_next, wr_bytes *out, wr_error *err)
{
    json_write_local *local = local_p;
    uint32_t          columns = request->schema->field_count;

    while (*io_next < wr_batch_rows(batch)) {
        uint32_t row = wr_selection_row(&batch->selection, *io_next);

        if (room(out) < ROOM_MIN)
            return WR_OK;
        if (!local->has_begun)
            begin_row(local, out);
        for (; local->column < columns; local->column++) {
            bool done;

            WR_TRY(put_member(request, local, &batch->columns[local->column], row, out, &done,
                              err));
            if (!done)
                return WR_OK;
        }
        if (room(out) < ROW_END_BYTES_MAX)
            return WR_OK;
        end_row(local, out);
        local->column = 0;
        ++*io_next;
    }
    return WR_OK;
}

const wr_format_writer_ops WR_JSON_WRITER = {
    .local_bytes = sizeof(json_write_local),
    .local_lease_min = local_lease_min,
    .local_init = local_init,
    .begin = begin,
    .end = end,
    .lead_bytes = lead_bytes,
    .encode = encode,
};
