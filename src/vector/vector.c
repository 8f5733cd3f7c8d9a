/* vector/vector.c — making, viewing and copying vectors. */
#include "vector/vector.h"

#include <string.h>

#define WR_TEMPLATE "vector/copy.inc.h"
#include "vector/each_width.inc.h"

static const uint32_t ZEROS[WR_BATCH_ROWS_MAX];

const void *wr_vector_at(const wr_vector *vector, uint32_t row)
{
    const wr_vector *source = vector;
    size_t           position = row;

    switch ((wr_encoding)vector->encoding) {
    case WR_FLAT:
        break;
    case WR_CONST:
        position = 0;
        break;
    case WR_DICT:
        source = vector->dict;
        position = vector->codes[row];
        break;
    case WR_SEQ:
        wr_assert(false, "a sequence has no stored values");
    }
    return (const uint8_t *)source->data +
           position * wr_physical_bytes(wr_type_physical(vector->type));
}

wr_value wr_vector_value(const wr_vector *vector, uint32_t row)
{
    wr_value value;

    if (!wr_vector_is_valid(vector, row)) {
        value = (wr_value){.type = vector->type, .is_null = true};
    } else if (vector->encoding == WR_SEQ) {
        value = (wr_value){.type = vector->type};
        value.i64 = vector->seq_first + (int64_t)row * vector->seq_step;
    } else {
        value = wr_value_load(vector->type, wr_vector_at(vector, row));
    }
    return value;
}

wr_vector_view wr_vector_view_of(const wr_vector *vector, void *scratch)
{
    int64_t *flat = scratch;

    switch ((wr_encoding)vector->encoding) {
    case WR_FLAT:
        return (wr_vector_view){vector->data, vector->valid, NULL};
    case WR_CONST:
        return (wr_vector_view){vector->data, vector->valid, ZEROS};
    case WR_DICT:
        return (wr_vector_view){vector->dict->data, vector->dict->valid, vector->codes};
    case WR_SEQ:
        for (uint32_t row = 0; row < vector->row_count; row++)
            flat[row] = vector->seq_first + (int64_t)row * vector->seq_step;
        return (wr_vector_view){flat, NULL, NULL};
    }
    WR_UNREACHABLE();
}

uint64_t wr_vector_bytes(wr_type type)
{
    return (uint64_t)WR_BATCH_ROWS_MAX * wr_physical_bytes(wr_type_physical(type)) +
           WR_BATCH_ROWS_MAX / 8;
}

void wr_vector_init_at(wr_vector *vector, wr_type type, void *room)
{
    *vector = (wr_vector){.type = type, .encoding = WR_FLAT, .data = room};
    vector->valid = wr_vector_valid_room(vector);
    memset(vector->valid, 0xff, WR_BATCH_ROWS_MAX / 8);
}

wr_status wr_vector_init(wr_vector *vector, wr_type type, wr_bump *bump, wr_error *err)
{
    void *room = wr_bump_alloc(bump, wr_vector_bytes(type), err);

    if (!room)
        return WR_NO_MEMORY;
    wr_vector_init_at(vector, type, room);
    return WR_OK;
}

void wr_vector_set_const(wr_vector *vector, const wr_value *value, uint32_t row_count,
                         wr_vector_cell *cell)
{
    *cell = (wr_vector_cell){.valid = !value->is_null};
    wr_value_store(value, cell->value);
    *vector = (wr_vector){.type = value->type,
                          .encoding = WR_CONST,
                          .row_count = row_count,
                          .data = cell->value,
                          .valid = value->is_null ? &cell->valid : NULL};
}

/* How one copy runs: out position i (or rows[i] when kept) takes in row rows[i]. */
static void copy_values(const wr_vector *in, const uint16_t *rows, uint32_t count, bool keep,
                        wr_vector *out)
{
    wr_vector_view view;

    if (in->encoding == WR_SEQ) {
        int64_t *target = out->data;

        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = rows ? rows[i] : i;
            target[keep ? row : i] = in->seq_first + (int64_t)row * in->seq_step;
        }
        return;
    }
    view = wr_vector_view_of(in, NULL);
    switch (wr_physical_bytes(wr_type_physical(in->type))) {
    case 1:
        copy_w1(view.data, view.index, rows, count, keep, out->data);
        return;
    case 2:
        copy_w2(view.data, view.index, rows, count, keep, out->data);
        return;
    case 4:
        copy_w4(view.data, view.index, rows, count, keep, out->data);
        return;
    case 8:
        copy_w8(view.data, view.index, rows, count, keep, out->data);
        return;
    case 16:
        copy_w16(view.data, view.index, rows, count, keep, out->data);
        return;
    }
    WR_UNREACHABLE();
}

static const uint64_t *valid_bits_of(const wr_vector *in)
{
    switch ((wr_encoding)in->encoding) {
    case WR_FLAT:
    case WR_CONST:
        return in->valid;
    case WR_DICT:
        return in->dict->valid;
    case WR_SEQ:
        return NULL;
    }
    WR_UNREACHABLE();
}

static uint8_t flags_of(const wr_vector *in)
{
    return in->encoding == WR_DICT ? (uint8_t)(in->flags | in->dict->flags) : in->flags;
}

/* Rows that are kept in place write single bits: rows outside the selection stay as they are. */
static void flatten_valid(const wr_vector *in, const wr_selection *selection, wr_vector *out)
{
    bool has_nulls = valid_bits_of(in) != NULL;

    if (!has_nulls && !out->valid)
        return;
    if (!out->valid) {
        out->valid = wr_vector_valid_room(out);
        memset(out->valid, 0xff, WR_BATCH_ROWS_MAX / 8);
    }
    for (uint32_t i = 0; i < selection->row_count; i++) {
        uint32_t row = wr_selection_row(selection, i);
        wr_bit_put(out->valid, row, !has_nulls || wr_vector_is_valid(in, row));
    }
}

void wr_vector_flatten(const wr_vector *in, const wr_selection *selection, wr_vector *out)
{
    out->encoding = WR_FLAT;
    out->flags |= flags_of(in);
    out->row_count = in->row_count;
    copy_values(in, selection->rows, selection->row_count, true, out);
    flatten_valid(in, selection, out);
}

static void gather_valid(const wr_vector *in, const uint16_t *rows, uint32_t count, wr_vector *out)
{
    const uint64_t *valid = valid_bits_of(in);
    wr_vector_view  view;

    out->valid = NULL;
    if (!valid)
        return;
    view = wr_vector_view_of(in, NULL);
    out->valid = wr_vector_valid_room(out);
    for (uint32_t begin = 0; begin < count; begin += 64) {
        uint32_t end = begin + 64 < count ? begin + 64 : count;
        uint64_t word = 0;

        for (uint32_t i = begin; i < end; i++) {
            uint32_t row = rows ? rows[i] : i;
            uint64_t bit = wr_bit_get(valid, view.index ? view.index[row] : row);
            word |= bit << (i - begin);
        }
        out->valid[begin / 64] = word;
    }
}

void wr_vector_gather(const wr_vector *in, const uint16_t *rows, uint32_t count, wr_vector *out)
{
    out->encoding = WR_FLAT;
    out->flags = flags_of(in);
    out->row_count = count;
    copy_values(in, rows, count, false, out);
    gather_valid(in, rows, count, out);
}
