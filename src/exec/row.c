/* exec/row.c — laying out, measuring, writing, reading and comparing rows.
 *
 * Writing goes column by column; only rows that hold a blob or grow over row_bytes_max are finished
 * row by row. A row is wide when its bytes with every value inside exceed row_bytes_max. Of a wide
 * row the longest values leave: all above the largest threshold with which the rest fits. */
#include "exec/row.h"

#include <string.h>

#include "base/bits.h"
#include "base/hash.h"

enum {
    HEADER_BYTES = 4,
    HANDLE_BYTES = sizeof(wr_row_blob),
    COMPARE_BYTES = 4096, /* of each blob at a time, on the stack */
};

_Static_assert(HANDLE_BYTES == 64, "the heap entry of a blob is one cache line");

/* ---- Layout ---------------------------------------------------------------------------------- */

/* The spare byte included. */
static uint32_t null_bytes_of(uint32_t column_count)
{
    return (column_count + 7) / 8 + 1;
}

static uint32_t slot_bytes_of(wr_type type)
{
    return wr_physical_bytes(wr_type_physical(type));
}

static uint32_t fixed_bytes_of(const wr_type *types, uint32_t column_count, uint32_t extra_bytes)
{
    uint64_t bytes = wr_round_up(HEADER_BYTES + null_bytes_of(column_count), 8);

    bytes += wr_round_up(extra_bytes, 8);
    for (uint32_t i = 0; i < column_count; i++)
        bytes += slot_bytes_of(types[i]);
    bytes = wr_round_up(bytes, 8);
    wr_assert(bytes < UINT32_MAX / 8, "the number of columns is bounded");
    return (uint32_t)bytes;
}

uint32_t wr_row_bytes_least(const wr_type *types, uint32_t column_count, uint32_t extra_bytes)
{
    uint32_t bytes = fixed_bytes_of(types, column_count, extra_bytes);

    for (uint32_t i = 0; i < column_count; i++)
        bytes += wr_type_physical(types[i]) == WR_PHYS_STR ? HANDLE_BYTES : 0;
    return bytes;
}

uint64_t wr_row_layout_bytes(uint32_t column_count)
{
    return 2 * wr_round_up((uint64_t)column_count * sizeof(uint32_t), 16);
}

wr_status wr_row_layout_init(wr_row_layout *layout, const wr_type *types, uint32_t column_count,
                             uint32_t extra_bytes, uint32_t *out_extra_offset,
                             uint32_t row_bytes_max, wr_bump *bump, wr_error *err)
{
    uint32_t extra_offset = (uint32_t)wr_round_up(HEADER_BYTES + null_bytes_of(column_count), 8);
    uint32_t next = extra_offset + (uint32_t)wr_round_up(extra_bytes, 8);
    uint32_t string_count = 0;
    uint32_t *offsets = WR_BUMP_NEW_ARRAY(bump, uint32_t, column_count, err);
    uint32_t *strings = WR_BUMP_NEW_ARRAY(bump, uint32_t, column_count, err);

    if (!offsets || !strings)
        return WR_NO_MEMORY;
    wr_assert(row_bytes_max % 8 == 0 &&
                  row_bytes_max >= wr_row_bytes_least(types, column_count, extra_bytes),
              "pages are made for the least row of the schema");
    /* Widest slots first: natural alignment without padding. */
    for (uint32_t width = 16; width > 0; width /= 2) {
        for (uint32_t i = 0; i < column_count; i++) {
            if (slot_bytes_of(types[i]) != width)
                continue;
            offsets[i] = next;
            next += width;
        }
    }
    for (uint32_t i = 0; i < column_count; i++) {
        if (wr_type_physical(types[i]) == WR_PHYS_STR)
            strings[string_count++] = i;
    }
    *layout = (wr_row_layout){
        .column_count = column_count,
        .types = types,
        .offsets = offsets,
        .null_offset = HEADER_BYTES,
        .fixed_bytes = (uint32_t)wr_round_up(next, 8),
        .row_bytes_max = row_bytes_max,
        .string_count = string_count,
        .strings = strings,
    };
    if (out_extra_offset)
        *out_extra_offset = extra_offset;
    return WR_OK;
}

uint32_t wr_row_page_bytes(uint32_t row_bytes, uint32_t page_bytes)
{
    uint64_t need = 4 * (uint64_t)row_bytes + sizeof(wr_row_page);

    return need <= page_bytes ? page_bytes : (uint32_t)wr_pow2_ceil(need);
}

uint32_t wr_row_bytes_max(uint32_t page_bytes)
{
    return (page_bytes - (uint32_t)sizeof(wr_row_page)) / 4 & ~7u;
}

/* ---- Measure --------------------------------------------------------------------------------- */

/* A column and the rows wanted of it: value i is data[index ? index[ids[i]] : ids[i]]. */
typedef struct column_source {
    wr_vector_view  view;
    const uint16_t *ids;
    uint32_t        null_byte; /* of the row: which byte and bit says NULL */
    uint32_t        null_shift;
} column_source;

#define WR_TEMPLATE "exec/row_fixed.inc.h"
#include "vector/each_width.inc.h"

static uint32_t place_of(const wr_vector_view *view, uint32_t row)
{
    return view->index ? view->index[row] : row;
}

static bool is_valid_at(const wr_vector_view *view, uint32_t at)
{
    return !view->valid || wr_bit_get(view->valid, at);
}

/* Heap bytes of a value kept whole. */
static uint32_t heap_bytes_of(const wr_str *str)
{
    if (wr_str_is_inline(str))
        return 0;
    return wr_str_is_blob(str) ? (uint32_t)HANDLE_BYTES : str->byte_count;
}

/* Bytes of one row, unrounded, when values longer than `threshold` are handles. */
static uint64_t row_bytes_at(const wr_row_layout *layout, const wr_vector *columns, uint32_t row,
                             uint32_t threshold)
{
    uint64_t bytes = layout->fixed_bytes;

    for (uint32_t s = 0; s < layout->string_count; s++) {
        wr_vector_view view = wr_vector_view_of(&columns[layout->strings[s]], NULL);
        uint32_t       at = place_of(&view, row);
        uint32_t       heap;

        if (!is_valid_at(&view, at))
            continue;
        heap = heap_bytes_of((const wr_str *)view.data + at);
        bytes += heap > threshold ? (uint32_t)HANDLE_BYTES : heap;
    }
    return bytes;
}

/* The largest threshold with which the row fits; UINT32_MAX if it fits whole. */
static uint32_t find_threshold(const wr_row_layout *layout, const wr_vector *columns, uint32_t row)
{
    uint32_t fits = HANDLE_BYTES, too_large = UINT32_MAX;

    if (row_bytes_at(layout, columns, row, UINT32_MAX) <= layout->row_bytes_max)
        return UINT32_MAX;
    while (too_large - fits > 1) {
        uint32_t middle = fits + (too_large - fits) / 2;

        if (row_bytes_at(layout, columns, row, middle) <= layout->row_bytes_max)
            fits = middle;
        else
            too_large = middle;
    }
    return fits;
}

/* Add one column's heap bytes to the rows' sums, which stop growing just above `bytes_max`. */
static void add_heap_bytes(const wr_vector_view *view, const wr_selection *selection,
                           uint32_t bytes_max, uint32_t *bytes)
{
    const wr_str *values = view->data;
    uint32_t      ceiling = bytes_max + 1;

    for (uint32_t i = 0; i < selection->row_count; i++) {
        uint32_t at = place_of(view, wr_selection_row(selection, i));
        uint32_t heap = is_valid_at(view, at) ? heap_bytes_of(&values[at]) : 0;

        bytes[i] = heap > ceiling - bytes[i] ? ceiling : bytes[i] + heap;
    }
}

void wr_row_measure(const wr_row_layout *layout, const wr_vector *columns,
                    const wr_selection *selection, uint32_t *out_bytes)
{
    for (uint32_t i = 0; i < selection->row_count; i++)
        out_bytes[i] = layout->fixed_bytes;
    if (layout->string_count == 0)
        return;
    for (uint32_t s = 0; s < layout->string_count; s++) {
        wr_vector_view view = wr_vector_view_of(&columns[layout->strings[s]], NULL);

        add_heap_bytes(&view, selection, layout->row_bytes_max, out_bytes);
    }
    for (uint32_t i = 0; i < selection->row_count; i++) {
        uint64_t bytes = out_bytes[i];

        if (WR_UNLIKELY(bytes > layout->row_bytes_max)) {
            uint32_t row = wr_selection_row(selection, i);
            bytes = row_bytes_at(layout, columns, row, find_threshold(layout, columns, row));
        }
        out_bytes[i] = (uint32_t)wr_round_up(bytes, 8);
    }
}

/* ---- Write ----------------------------------------------------------------------------------- */

static wr_status read_memory(const wr_blob *blob, uint64_t offset, void *buffer, size_t bytes,
                             size_t *out_bytes, wr_error *err)
{
    size_t left = offset < blob->byte_count ? (size_t)(blob->byte_count - offset) : 0;
    size_t now = bytes < left ? bytes : left;

    (void)err;
    if (now > 0)
        memcpy(buffer, (const char *)blob->owner + offset, now);
    *out_bytes = now;
    return WR_OK;
}

/* Send a value to the spill's blob stream and write its handle to `handle` (8-aligned). */
static wr_status send_away(const wr_str *str, wr_row_blob *handle, wr_spill *spill, wr_error *err)
{
    wr_blob        memory;
    const wr_blob *source;
    size_t         head_bytes;

    if (wr_str_is_blob(str)) {
        source = wr_str_blob(str);
    } else {
        memory = (wr_blob){
            .byte_count = str->byte_count,
            .hash = wr_hash_bytes((const void *)str->pointer, str->byte_count),
            .read = read_memory,
            .owner = (void *)str->pointer,
        };
        source = &memory;
    }
    memset(handle, 0, sizeof *handle);
    WR_TRY(source->read(source, 0, handle->head, sizeof handle->head, &head_bytes, err));
    return wr_spill_blob_store(spill, source, &handle->blob, err);
}

/* Write a slot whose bytes lie at `offset` from the row's start. */
static void write_slot(uint8_t *slot, const wr_str *str, uintptr_t offset)
{
    wr_str stored = *str;

    stored.pointer = offset;
    memcpy(slot, &stored, sizeof stored);
}

/* All string columns of one row that holds blobs or is wide. Returns the row's bytes, unrounded. */
static wr_status write_wide_row(const wr_row_layout *layout, const wr_vector *columns, uint32_t row,
                                uint8_t *target, wr_spill *spill, uint32_t *out_bytes, wr_error *err)
{
    uint32_t threshold = find_threshold(layout, columns, row);
    uint32_t handle_end = layout->fixed_bytes, next;

    for (uint32_t s = 0; s < layout->string_count; s++) {
        uint32_t       column = layout->strings[s];
        wr_vector_view view = wr_vector_view_of(&columns[column], NULL);
        uint32_t       at = place_of(&view, row);
        const wr_str  *str = (const wr_str *)view.data + at;

        if (!is_valid_at(&view, at) || wr_str_is_inline(str) ||
            (!wr_str_is_blob(str) && str->byte_count <= threshold))
            continue;
        WR_TRY(send_away(str, (wr_row_blob *)(target + handle_end), spill, err));
        write_slot(target + layout->offsets[column], str, handle_end | WR_STR_BLOB_BIT);
        handle_end += HANDLE_BYTES;
    }
    next = handle_end;
    for (uint32_t s = 0; s < layout->string_count; s++) {
        uint32_t       column = layout->strings[s];
        wr_vector_view view = wr_vector_view_of(&columns[column], NULL);
        uint32_t       at = place_of(&view, row);
        const wr_str  *str = (const wr_str *)view.data + at;

        if (!is_valid_at(&view, at) || wr_str_is_inline(str) || wr_str_is_blob(str) ||
            str->byte_count > threshold)
            continue;
        memcpy(target + next, (const void *)str->pointer, str->byte_count);
        write_slot(target + layout->offsets[column], str, next);
        next += str->byte_count;
    }
    *out_bytes = next;
    return WR_OK;
}

enum { WIDE = UINT32_MAX }; /* as heap end: finish this row by itself */

/* Write one string column; ends[i] is where row i's heap ends, or WIDE. A wide row shows by a value
 * that does not fit the row's measured size. Inline values and NULLs are written for wide rows as well.
 * Returns whether a row became wide. */
static bool scatter_strings(const column_source *source, uint32_t count, uint8_t *const *rows,
                            uint32_t offset, uint32_t *ends)
{
    const wr_str *values = source->view.data;
    bool          found_wide = false;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t      at = place_of(&source->view, source->ids[i]);
        const wr_str *str = &values[at];
        uint8_t      *slot = rows[i] + offset;

        if (!is_valid_at(&source->view, at)) {
            memset(slot, 0, sizeof *str);
            rows[i][source->null_byte] |= (uint8_t)(1u << source->null_shift);
        } else if (wr_str_is_inline(str)) {
            memcpy(slot, str, sizeof *str);
        } else if (ends[i] == WIDE) {
            continue;
        } else if (wr_str_is_blob(str) || str->byte_count > wr_row_bytes(rows[i]) - ends[i]) {
            ends[i] = WIDE;
            found_wide = true;
        } else {
            write_slot(slot, str, ends[i]);
            memcpy(rows[i] + ends[i], (const void *)str->pointer, str->byte_count);
            ends[i] += str->byte_count;
        }
    }
    return found_wide;
}

static void scatter_sequence(const wr_vector *vector, const column_source *source, uint32_t count,
                             uint8_t *const *rows, uint32_t offset)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t value = vector->seq_first + (int64_t)source->ids[i] * vector->seq_step;
        memcpy(rows[i] + offset, &value, sizeof value);
    }
}

static void scatter_fixed(const wr_vector *vector, column_source *source, uint32_t count,
                          uint8_t *const *rows, uint32_t offset)
{
    if (vector->encoding == WR_SEQ) {
        scatter_sequence(vector, source, count, rows, offset);
        return;
    }
    source->view = wr_vector_view_of(vector, NULL);
    switch (slot_bytes_of(vector->type)) {
    case 1:
        scatter_w1(source, count, rows, offset);
        return;
    case 2:
        scatter_w2(source, count, rows, offset);
        return;
    case 4:
        scatter_w4(source, count, rows, offset);
        return;
    case 8:
        scatter_w8(source, count, rows, offset);
        return;
    case 16:
        scatter_w16(source, count, rows, offset);
        return;
    }
    WR_UNREACHABLE();
}

/* What scatter_strings left for wide rows, and zero padding. */
static wr_status finish_rows(const wr_row_layout *layout, const wr_vector *columns,
                             const uint16_t *ids, uint32_t count, uint8_t *const *rows,
                             uint32_t *ends, bool found_wide, wr_spill *spill, wr_error *err)
{
    for (uint32_t i = 0; found_wide && i < count; i++) {
        if (ends[i] == WIDE)
            WR_TRY(write_wide_row(layout, columns, ids[i], rows[i], spill, &ends[i], err));
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bytes = (uint32_t)wr_round_up(ends[i], 8);

        wr_assert(bytes == wr_row_bytes(rows[i]), "a row takes the bytes it was measured for");
        for (uint32_t at = ends[i]; at < bytes; at++)
            rows[i][at] = 0;
    }
    return WR_OK;
}

wr_status wr_row_write(const wr_row_layout *layout, const wr_vector *columns,
                       const wr_selection *selection, uint32_t first, uint32_t count,
                       uint8_t *const *rows, wr_spill *spill, wr_error *err)
{
    uint16_t ids[WR_BATCH_ROWS_MAX];
    uint32_t ends[WR_BATCH_ROWS_MAX];
    uint32_t null_bytes = null_bytes_of(layout->column_count);
    bool     found_wide = false;

    for (uint32_t i = 0; i < count; i++) {
        ids[i] = (uint16_t)wr_selection_row(selection, first + i);
        ends[i] = layout->fixed_bytes;
        memset(rows[i] + layout->null_offset, 0, null_bytes);
        /* The last slots may be followed by padding. */
        memset(rows[i] + layout->fixed_bytes - 8, 0, 8);
    }
    for (uint32_t c = 0; c < layout->column_count; c++) {
        column_source source = {
            .ids = ids, .null_byte = layout->null_offset + c / 8, .null_shift = c % 8};

        if (wr_type_physical(layout->types[c]) == WR_PHYS_STR) {
            source.view = wr_vector_view_of(&columns[c], NULL);
            found_wide |= scatter_strings(&source, count, rows, layout->offsets[c], ends);
        } else {
            scatter_fixed(&columns[c], &source, count, rows, layout->offsets[c]);
        }
    }
    return finish_rows(layout, columns, ids, count, rows, ends, found_wide, spill, err);
}

/* ---- Read ------------------------------------------------------------------------------------ */

/* Validity of a column, 64 rows a step; false: no row is null. */
static bool gather_valid(const uint8_t *const *rows, uint32_t count, uint32_t null_byte,
                         uint32_t null_shift, uint64_t *out_valid)
{
    uint64_t any_null = 0;

    for (uint32_t base = 0; base < count; base += 64) {
        uint32_t stop = count - base < 64 ? count - base : 64;
        uint64_t nulls = 0;

        for (uint32_t i = 0; i < stop; i++)
            nulls |= (uint64_t)(rows[base + i][null_byte] >> null_shift & 1) << i;
        out_valid[base / 64] = ~nulls;
        any_null |= nulls;
    }
    return any_null != 0;
}

static void gather_strings(const uint8_t *const *rows, uint32_t offset, uint32_t count,
                           wr_vector *out)
{
    wr_str   *values = out->data;
    uintptr_t blob_bits = 0;

    for (uint32_t i = 0; i < count; i++) {
        wr_str    str;
        uintptr_t base = (uintptr_t)rows[i];

        memcpy(&str, rows[i] + offset, sizeof str);
        if (!wr_str_is_inline(&str)) {
            blob_bits |= str.pointer;
            str.pointer += base;
        }
        values[i] = str;
    }
    out->flags = blob_bits & WR_STR_BLOB_BIT ? WR_VECTOR_BLOBS : 0;
}

void wr_row_read(const wr_row_layout *layout, uint32_t column, const uint8_t *const *rows,
                 uint32_t count, wr_vector *out)
{
    uint32_t  offset = layout->offsets[column];
    uint64_t *valid = out->valid ? out->valid : wr_vector_valid_room(out);
    bool      has_nulls = gather_valid(rows, count, layout->null_offset + column / 8, column % 8, valid);

    out->encoding = WR_FLAT;
    out->flags = 0;
    out->row_count = count;
    out->valid = has_nulls ? valid : NULL;
    if (wr_type_physical(layout->types[column]) == WR_PHYS_STR) {
        gather_strings(rows, offset, count, out);
        return;
    }
    switch (slot_bytes_of(layout->types[column])) {
    case 1:
        gather_w1(rows, offset, count, out->data);
        return;
    case 2:
        gather_w2(rows, offset, count, out->data);
        return;
    case 4:
        gather_w4(rows, offset, count, out->data);
        return;
    case 8:
        gather_w8(rows, offset, count, out->data);
        return;
    case 16:
        gather_w16(rows, offset, count, out->data);
        return;
    }
    WR_UNREACHABLE();
}

/* ---- Compare --------------------------------------------------------------------------------- */

static wr_status read_piece(const wr_str *str, uint64_t offset, char *buffer, size_t bytes,
                            const char **out_piece, wr_error *err)
{
    if (!wr_str_is_blob(str)) {
        *out_piece = wr_str_bytes(str) + offset;
        return WR_OK;
    }
    *out_piece = buffer;
    return wr_blob_read(wr_str_blob(str), offset, buffer, bytes, err);
}

static uint64_t str_bytes_of(const wr_str *str)
{
    return wr_str_is_blob(str) ? wr_str_blob(str)->byte_count : str->byte_count;
}

/* Kept out of line: its buffers are not for the stack of the common case. */
static __attribute__((noinline)) wr_status compare_streams(const wr_str *a, const wr_str *b,
                                                           int *out_order, wr_error *err)
{
    char        a_buffer[COMPARE_BYTES], b_buffer[COMPARE_BYTES];
    const char *a_piece, *b_piece;
    uint64_t    a_bytes = str_bytes_of(a), b_bytes = str_bytes_of(b);
    uint64_t    common = a_bytes < b_bytes ? a_bytes : b_bytes;

    for (uint64_t offset = 0; offset < common; offset += COMPARE_BYTES) {
        size_t bytes = common - offset < COMPARE_BYTES ? (size_t)(common - offset) : COMPARE_BYTES;
        int    order;

        WR_TRY(read_piece(a, offset, a_buffer, bytes, &a_piece, err));
        WR_TRY(read_piece(b, offset, b_buffer, bytes, &b_piece, err));
        order = memcmp(a_piece, b_piece, bytes);
        if (order != 0) {
            *out_order = order;
            return WR_OK;
        }
    }
    *out_order = a_bytes < b_bytes ? -1 : a_bytes > b_bytes;
    return WR_OK;
}

wr_status wr_row_str_compare(const wr_str *a, const wr_str *b, int *out_order, wr_error *err)
{
    if (WR_UNLIKELY(wr_str_is_blob(a) || wr_str_is_blob(b)))
        return compare_streams(a, b, out_order, err);
    *out_order = wr_str_compare(a, b);
    return WR_OK;
}

static wr_status equal_strings(const wr_str *a, const wr_str *b, bool *out_equal, wr_error *err)
{
    int order;

    if (!wr_str_is_blob(a) && !wr_str_is_blob(b)) {
        *out_equal = wr_str_equal(a, b);
        return WR_OK;
    }
    if (str_bytes_of(a) != str_bytes_of(b) ||
        (wr_str_is_blob(a) && wr_str_is_blob(b) && wr_str_blob(a)->hash != wr_str_blob(b)->hash)) {
        *out_equal = false;
        return WR_OK;
    }
    WR_TRY(compare_streams(a, b, &order, err));
    *out_equal = order == 0;
    return WR_OK;
}

#define EQUAL_FLOATS(ctype)                                                                        \
    do {                                                                                           \
        ctype x_, y_;                                                                              \
        memcpy(&x_, a, sizeof x_);                                                                 \
        memcpy(&y_, b, sizeof y_);                                                                 \
        return x_ == y_ || (x_ != x_ && y_ != y_);                                                 \
    } while (0)

static bool equal_fixed(wr_physical physical, const uint8_t *a, const uint8_t *b)
{
    wr_interval x, y;

    switch (physical) {
    case WR_PHYS_F32:
        EQUAL_FLOATS(float);
    case WR_PHYS_F64:
        EQUAL_FLOATS(double);
    case WR_PHYS_INTERVAL:
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return wr_interval_total_us(x) == wr_interval_total_us(y);
    case WR_PHYS_I64:
    case WR_PHYS_U64:
        return wr_load_u64(a) == wr_load_u64(b);
    case WR_PHYS_I32:
    case WR_PHYS_U32:
        return wr_load_u32(a) == wr_load_u32(b);
    default:
        return memcmp(a, b, wr_physical_bytes(physical)) == 0;
    }
}

wr_status wr_row_equal(const wr_row_layout *layout, const uint8_t *a, const uint8_t *b,
                       uint32_t column_count, bool *out_equal, wr_error *err)
{
    bool equal = true;

    for (uint32_t c = 0; equal && c < column_count; c++) {
        wr_physical physical = wr_type_physical(layout->types[c]);
        bool        a_null = wr_row_is_null(layout, a, c);

        if (a_null != wr_row_is_null(layout, b, c)) {
            equal = false;
        } else if (a_null) {
            continue;
        } else if (physical == WR_PHYS_STR) {
            wr_str x = wr_row_str(layout, a, c), y = wr_row_str(layout, b, c);
            WR_TRY(equal_strings(&x, &y, &equal, err));
        } else {
            equal = equal_fixed(physical, wr_row_slot(layout, a, c), wr_row_slot(layout, b, c));
        }
    }
    *out_equal = equal;
    return WR_OK;
}
